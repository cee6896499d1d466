"""Samples of people: chances of being drawn by hand and by counting, who answers, what is missing, every fault."""

import pickle
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from crampstats.errors import DesignError, SchemaError
from crampstats.population import Response, SamplingPlan, draw_sample

NORTH, SOUTH = (4, 6, 10, 20), (5, 7, 8)


def town() -> pd.DataFrame:
    """Return 60 people: 40 in 4 villages of the north, 20 in 3 of the south; the index is none that a row could be found by."""
    village = np.repeat(np.arange(7), [*NORTH, *SOUTH])
    n = len(village)
    return pd.DataFrame(
        {
            "person": np.arange(n, dtype=np.int16),
            "region": pd.Categorical(np.where(village < 4, "north", "south"), categories=["south", "north", "east"]),
            "village": village,
            "age_years": (20 + 7 * np.arange(n)) % 70 + 20,
            "sex": np.where(np.arange(n) % 3 == 0, "male", "female"),
            "diabetes": (np.arange(n) % 5 == 0).astype(np.int8),
            "magnesium_mg_dl": np.round(1.5 + (np.arange(n) * 11 % 17) / 20, 2),
            "second_magnesium_mg_dl": np.round(1.5 + (np.arange(n) * 7 % 17) / 20, 2),
            "true_magnesium_mmol_l": 0.6 + (np.arange(n) * 11 % 17) / 50,
        },
        index=np.full(n, 7),
    )


PEOPLE = town()
IS_NORTH = (PEOPLE["region"] == "north").to_numpy()
VILLAGE = PEOPLE["village"].to_numpy()
SIZE = np.bincount(VILLAGE)[VILLAGE]
OLD = (PEOPLE["age_years"] >= 80).to_numpy()
MALE = (PEOPLE["sex"] == "male").to_numpy()
OLD_MEN = {"age_years >= 80": 3.0, "sex == 'male'": 2.0}
# 2 of 4 villages by size: 20 of 40 people is certainty, the others share one draw. 2 of 3: 2 x size / 20.
BY_SIZE = np.array([0.2, 0.3, 0.5, 1.0, 0.5, 0.7, 0.8])[VILLAGE]


def shares(relative: np.ndarray, group: np.ndarray, asked: dict[int, int]) -> np.ndarray:
    """Return asked x relative chance over its sum in the group, where that is below 1 for everybody."""
    chances = np.array([asked[g] for g in group]) * relative / np.bincount(group, relative)[group]
    assert chances.max() < 1
    return chances


PLANS: dict[str, tuple[SamplingPlan, np.ndarray, int | None]] = {
    # plan, the chance of everybody by hand, the number of people in each sample (None: it varies)
    "simple": (SamplingPlan(people=12), np.full(60, 12 / 60), 12),
    "everybody": (SamplingPlan(people=60), np.ones(60), 60),
    "equal in strata": (SamplingPlan(people=5, stratum="region"), np.where(IS_NORTH, 5 / 40, 5 / 20), 10),
    "by level": (
        SamplingPlan(people={"north": 4, "south": 10}, stratum="region"),
        np.where(IS_NORTH, 4 / 40, 10 / 20),
        14,
    ),
    # 20 x 40/60 = 13.33 and 20 x 20/60 = 6.67: the south has the larger remainder.
    "proportional": (
        SamplingPlan(people=20, stratum="region", allocation="proportional"),
        np.where(IS_NORTH, 13 / 40, 7 / 20),
        20,
    ),
    "oversampled": (
        SamplingPlan(people=8, oversample=OLD_MEN),
        shares(np.where(OLD, 3.0, 1.0) * np.where(MALE, 2.0, 1.0), np.zeros(60, int), {0: 8}),
        8,
    ),
    # 12 people of diabetes at 50 against 48 at 1: 20 x 50 / 648 > 1, so 12 are certain and 8 of 48 are drawn.
    "oversampled beyond certainty": (
        SamplingPlan(people=20, oversample={"diabetes == 1": 50.0}),
        np.where(PEOPLE["diabetes"] == 1, 1.0, 8 / 48),
        20,
    ),
    "oversampled in strata": (
        SamplingPlan(people={"north": 8, "south": 5}, stratum="region", oversample={"sex == 'male'": 2.5}),
        shares(np.where(MALE, 2.5, 1.0), IS_NORTH.astype(int), {1: 8, 0: 5}),
        13,
    ),
    "villages": (
        SamplingPlan(cluster="village", clusters=3, people=5),
        3 / 7 * np.minimum(5, SIZE) / SIZE,
        None,
    ),
    "villages in strata": (
        SamplingPlan(stratum="region", cluster="village", clusters=2, people={"north": 5, "south": 4}),
        np.where(IS_NORTH, 2 / 4 * np.minimum(5, SIZE) / SIZE, 2 / 3 * 4 / SIZE),
        None,
    ),
    "villages by size": (
        SamplingPlan(stratum="region", cluster="village", clusters=2, cluster_chance="size", people=5),
        BY_SIZE * np.minimum(5, SIZE) / SIZE,
        None,
    ),
    # 5 x 40/60 = 3.33 and 1.67: 3 and 2.
    "villages by size, proportional": (
        SamplingPlan(
            stratum="region",
            allocation="proportional",
            cluster="village",
            clusters=5,
            cluster_chance="size",
            people=3,
        ),
        # 3 of 4: 3 x 20/40 is certain, then 2 x 10/20 is certain, then 1 of 10.
        np.array([0.4, 0.6, 1.0, 1.0, 0.5, 0.7, 0.8])[VILLAGE] * 3 / SIZE,
        15,
    ),
    "villages, oversampled": (
        SamplingPlan(
            stratum="region",
            cluster="village",
            clusters=2,
            cluster_chance="size",
            people=3,
            oversample={"sex == 'male'": 1.5},
        ),
        BY_SIZE * shares(np.where(MALE, 1.5, 1.0), VILLAGE, dict.fromkeys(range(7), 3)),
        12,
    ),
}
SUMS_TO_THE_PEOPLE = [
    "simple",
    "everybody",
    "equal in strata",
    "by level",
    "proportional",
    "oversampled beyond certainty",  # 12 x 1 + 8 x 6
    "villages by size",
    "villages by size, proportional",
]


@pytest.fixture(scope="module", params=list(PLANS))
def drawn(request: pytest.FixtureRequest) -> tuple[str, np.ndarray]:
    """Return for one plan the weights in each of 400 samples, 0 for who was not drawn, shape (samples, people)."""
    plan = PLANS[request.param][0]
    generator = np.random.default_rng(20261125)
    weights = np.zeros((400, len(PEOPLE)))
    for row in weights:
        data = draw_sample(PEOPLE, plan, rng=generator).data
        row[data["person"].to_numpy()] = data["weight"]
    return request.param, weights


def monte_carlo_errors(samples: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return how many standard errors the mean over samples (samples, k) is away, 0 where nothing varies and it is right."""
    error = samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
    away = samples.mean(axis=0) - expected
    fixed = error < 1e-12
    assert_allclose(away[fixed], 0, atol=1e-9)
    return np.abs(away / np.where(fixed, np.inf, error))


def test_weights_are_one_over_the_chance_by_hand(drawn: tuple[str, np.ndarray]) -> None:
    name, weights = drawn
    _, chances, _ = PLANS[name]
    ever = weights.max(axis=0) > 0
    assert ever.all()
    rows, person = np.nonzero(weights)
    assert_allclose(weights[rows, person], 1 / chances[person], rtol=1e-12)


def test_people_are_drawn_as_often_as_their_chance_says(drawn: tuple[str, np.ndarray]) -> None:
    name, weights = drawn
    errors = monte_carlo_errors((weights > 0).astype(float), PLANS[name][1])
    # Of some 500 comparisons over all plans the largest is about 3.
    assert errors.max() < 4.5


def test_weighted_totals_are_unbiased(drawn: tuple[str, np.ndarray]) -> None:
    _, weights = drawn
    values = np.column_stack([np.ones(60), PEOPLE["age_years"], PEOPLE["diabetes"], PEOPLE["magnesium_mg_dl"] <= 1.7])
    errors = monte_carlo_errors(weights @ values, values.sum(axis=0))
    assert errors.max() < 4


def test_sizes_are_fixed_where_they_must(drawn: tuple[str, np.ndarray]) -> None:
    name, weights = drawn
    plan, _, people = PLANS[name]
    sizes = (weights > 0).sum(axis=1)
    if people is not None:
        assert set(sizes) == {people}
    else:
        assert len(set(sizes)) > 1  # a village of 4 gives 4
    if plan.cluster is not None:
        villages = np.array([len(set(VILLAGE[row > 0])) for row in weights])
        strata = 1 if plan.stratum is None else 2
        asked = plan.clusters if plan.allocation == "proportional" else plan.clusters * strata
        assert set(villages) == {asked}


def test_weights_add_up_to_the_people_where_they_must(drawn: tuple[str, np.ndarray]) -> None:
    name, weights = drawn
    if name in SUMS_TO_THE_PEOPLE:
        assert_allclose(weights.sum(axis=1), 60, rtol=1e-12)
    else:
        assert weights.sum(axis=1).std() > 0.1


def test_all_pairs_are_equally_likely_in_a_simple_random_sample() -> None:
    people = pd.DataFrame({"person": range(5)})
    generator = np.random.default_rng(1)
    counts: dict[tuple[int, ...], int] = {}
    for _ in range(2_000):
        pair = tuple(draw_sample(people, SamplingPlan(people=2), rng=generator).data["person"])
        counts[pair] = counts.get(pair, 0) + 1
    assert len(counts) == 10
    # Chi-squared with 9 degrees of freedom exceeds 27.9 once in a thousand.
    assert sum((count - 200) ** 2 / 200 for count in counts.values()) < 27.9


def test_certain_people_are_in_every_sample() -> None:
    plan, chances, _ = PLANS["oversampled beyond certainty"]
    for seed in range(50):
        data = draw_sample(PEOPLE, plan, rng=seed).data
        assert set(data.loc[data["weight"] == 1.0, "person"]) == set(np.flatnonzero(chances == 1.0))


def test_certainty_is_found_again_among_the_rest() -> None:
    # 3 of relative chances 100, 10, 1, 1, 1: only after the first is taken does the second exceed 1 (2 x 10/13).
    people = pd.DataFrame({"person": range(5)})
    plan = SamplingPlan(people=3, oversample={"person == 0": 100.0, "person == 1": 10.0})
    assert 3 * 10 / 113 < 1 < 2 * 10 / 13
    for seed in range(20):
        assert_allclose(draw_sample(people, plan, rng=seed).data["weight"], [1.0, 1.0, 3.0], rtol=1e-12)


def test_systematic_samples_are_in_random_order() -> None:
    # In the order of the rows two neighbours of chances below 1/2 could never both be drawn.
    people = pd.DataFrame({"person": range(5)})
    plan = SamplingPlan(people=2, oversample={"person == 0": 1.1})
    pairs = {tuple(draw_sample(people, plan, rng=seed).data["person"]) for seed in range(200)}
    assert len(pairs) == 10


def test_factors_multiply() -> None:
    people = pd.DataFrame({"person": range(20), "a": [1, 0] * 10, "b": [1, 1, 0, 0] * 5})
    data = draw_sample(people, SamplingPlan(people=4, oversample={"a == 1": 2.0, "b == 1": 3.0}), rng=1).data
    # 5 people each of relative chances 6, 3, 2 and 1: 60 in all.
    expected = np.where(data["a"] == 1, 2, 1) * np.where(data["b"] == 1, 3, 1) * 4 / 60
    assert_allclose(data["weight"], 1 / expected, rtol=1e-12)


# The survey that is handed over.


def test_survey_knows_its_design() -> None:
    plan = SamplingPlan(stratum="region", cluster="village", clusters=2, cluster_chance="size", people=5)
    survey = draw_sample(PEOPLE, plan, rng=3)
    assert (survey.name, survey.weight, survey.stratum, survey.cluster) == (
        "simulated sample",
        "weight",
        "region",
        "village",
    )
    assert (survey.design.clusters, survey.design.strata) == (4, 2)
    assert survey.population_size is None
    assert survey.data.index.equals(pd.RangeIndex(len(survey)))


def test_rows_are_those_of_the_people_in_their_order() -> None:
    data = draw_sample(PEOPLE, SamplingPlan(people=20, stratum="region", allocation="proportional"), rng=5).data
    assert data["person"].is_monotonic_increasing
    known = [column for column in PEOPLE if not column.startswith("true_")]
    expected = PEOPLE.iloc[data["person"].to_numpy()].reset_index(drop=True)[known]
    pd.testing.assert_frame_equal(data[known], expected)
    assert list(data.columns) == [*known, "weight"]


def test_truth_is_kept_only_when_asked() -> None:
    plan = SamplingPlan(people=10)
    assert "true_magnesium_mmol_l" not in draw_sample(PEOPLE, plan, rng=1).data
    told = draw_sample(PEOPLE, plan, rng=1, truth=True).data
    assert_allclose(
        told["true_magnesium_mmol_l"], PEOPLE["true_magnesium_mmol_l"].to_numpy()[told["person"].to_numpy()], rtol=0
    )
    pd.testing.assert_frame_equal(told.drop(columns="true_magnesium_mmol_l"), draw_sample(PEOPLE, plan, rng=1).data)


FULL = SamplingPlan(
    stratum="region",
    cluster="village",
    clusters=2,
    cluster_chance="size",
    people=5,
    oversample={"sex == 'male'": 1.5},
    response=Response(chance=0.9, odds_ratios={"true_magnesium_mmol_l < 0.7": 0.5}),
    adjust_within=["region"],
    item_response={"magnesium_mg_dl": Response(chance=0.8, odds_ratios={"diabetes == 1": 2.0})},
    repeated=["second_magnesium_mg_dl"],
    repeat_share=0.3,
    lonely="certainty",
)


def test_the_same_seed_means_the_same_sample() -> None:
    one, other = (draw_sample(PEOPLE, FULL, rng=rng).data for rng in (11, np.random.default_rng(11)))
    pd.testing.assert_frame_equal(one, other)
    assert not one.equals(draw_sample(PEOPLE, FULL, rng=12).data)


def test_a_plan_survives_pickling() -> None:
    again = pickle.loads(pickle.dumps(FULL))
    assert again == FULL
    pd.testing.assert_frame_equal(draw_sample(PEOPLE, again, rng=2).data, draw_sample(PEOPLE, FULL, rng=2).data)


def test_a_plan_does_not_change_with_what_it_was_made_of() -> None:
    factors, repeated = {"sex == 'male'": 2.0}, ["second_magnesium_mg_dl"]
    plan = SamplingPlan(people=5, oversample=factors, repeated=repeated, repeat_share=0.5)
    factors["sex == 'male'"] = 3.0
    repeated.append("magnesium_mg_dl")
    assert plan.oversample == {"sex == 'male'": 2.0}
    assert plan.repeated == ("second_magnesium_mg_dl",)


def test_the_people_are_not_changed() -> None:
    people = town()
    draw_sample(people, FULL, rng=4, truth=True)
    pd.testing.assert_frame_equal(people, town())


@pytest.mark.parametrize(
    ("plan", "sizes"),
    [
        (SamplingPlan(people=10, finite=True), {"everybody": 60}),
        (SamplingPlan(people=5, stratum="region", finite=True), {"north": 40, "south": 20}),
        (
            SamplingPlan(stratum="region", cluster="village", clusters=2, people=3, finite=True),
            {"north": 4, "south": 3},
        ),
        (
            SamplingPlan(
                stratum="region", cluster="village", clusters=2, people=3, finite=True, oversample={"sex == 'male'": 2}
            ),
            {"north": 4, "south": 3},
        ),
    ],
)
def test_finite_populations(plan: SamplingPlan, sizes: dict[str, int]) -> None:
    survey = draw_sample(PEOPLE, plan, rng=1)
    strata = survey.data["region"].astype(str) if plan.stratum else pd.Series("everybody", index=survey.data.index)
    assert survey.data["population_size"].tolist() == strata.map(sizes).tolist()
    assert survey.population_size == "population_size"
    labels = survey.design.stratum_labels if plan.stratum else ("everybody",)
    assert survey.design.population_size.tolist() == [sizes[label] for label in labels]


def test_a_census_has_no_variance() -> None:
    survey = draw_sample(PEOPLE, SamplingPlan(people=60, finite=True), rng=1)
    assert_allclose(survey.design.covariance(np.arange(60.0)[:, None]), 0, atol=1e-12)


# Who answers.


def crowd(n: int = 40_000) -> pd.DataFrame:
    """Return many people in 4 kinds of equal number."""
    kind = np.arange(n) % 4
    return pd.DataFrame(
        {
            "person": np.arange(n),
            "sex": np.where(kind % 2 == 0, "male", "female"),
            "true_low": (kind >= 2).astype(np.int8),
            "magnesium_mg_dl": np.where(kind >= 2, 1.5, 2.0),
            "diabetes": (np.arange(n) % 7 == 0).astype(np.int8),
            "smoker": np.arange(n) % 2 == 0,
            "site": pd.Categorical(np.where(kind == 1, "calf", "foot")),
            "word": pd.Series(np.where(kind == 1, "yes", "no"), dtype="str"),
            "second": np.arange(n) / n,
            "third": np.arange(n) % 11,
        }
    )


ODDS = {"sex == 'male'": 0.5, "true_low == 1": 3.0}


def chance_by_hand(male: bool, low: bool, base: float = 0.6) -> float:
    odds = base / (1 - base) * (0.5 if male else 1.0) * (3.0 if low else 1.0)
    return odds / (1 + odds)


def test_non_response_has_its_odds() -> None:
    people = crowd()
    plan = SamplingPlan(people=len(people), response=Response(chance=0.6, odds_ratios=ODDS))
    data = draw_sample(people, plan, rng=8, truth=True).data
    for (sex, low), group in people.groupby(["sex", "true_low"]):
        chance = chance_by_hand(sex == "male", low == 1)
        answered = np.count_nonzero((data["sex"] == sex) & (data["true_low"] == low))
        error = np.sqrt(chance * (1 - chance) / len(group))
        assert abs(answered / len(group) - chance) < 4 * error
    assert set(data["weight"]) == {1.0}  # not adjusted


def test_everybody_answers_with_chance_1() -> None:
    one = draw_sample(PEOPLE, SamplingPlan(people=20), rng=1).data
    other = draw_sample(PEOPLE, SamplingPlan(people=20, response=Response(chance=1)), rng=1).data
    pd.testing.assert_frame_equal(one, other)


def test_who_is_drawn_does_not_hang_on_who_answers() -> None:
    plan = SamplingPlan(people=30, stratum="region", allocation="proportional")
    drawn = set(draw_sample(PEOPLE, plan, rng=6).data["person"])
    answering = set(draw_sample(PEOPLE, replace(plan, response=Response(chance=0.5)), rng=6).data["person"])
    assert answering < drawn


def test_weighting_classes_by_hand() -> None:
    people = crowd(400)
    plan = SamplingPlan(
        people=100,
        oversample={"diabetes == 1": 2.0},
        response=Response(chance=0.6, odds_ratios=ODDS),
        adjust_within=("sex", "site"),
    )
    sampled = draw_sample(people, replace(plan, response=None, adjust_within=()), rng=21).data
    respondents = draw_sample(people, plan, rng=21).data
    kept = sampled.set_index("person").loc[respondents["person"]]
    assert 0 < len(respondents) < len(sampled)
    for (sex, site), group in sampled.groupby(["sex", "site"], observed=True):
        here = ((respondents["sex"] == sex) & (respondents["site"] == site)).to_numpy()
        before = kept["weight"].to_numpy()[here]
        rate = before.sum() / group["weight"].sum()
        assert_allclose(respondents["weight"].to_numpy()[here], before / rate, rtol=1e-12)
    assert_allclose(respondents["weight"].sum(), sampled["weight"].sum(), rtol=1e-12)


def test_informative_non_response_is_cured_only_by_a_class_that_explains_it() -> None:
    people = crowd()
    plan = SamplingPlan(people=20_000, response=Response(chance=0.4, odds_ratios={"true_low == 1": 4.0}))
    shares = {}
    for name, classes in {"none": (), "sex": ("sex",), "magnesium": ("magnesium_mg_dl",)}.items():
        data = draw_sample(people, replace(plan, adjust_within=classes), rng=2).data
        shares[name] = np.average(data["magnesium_mg_dl"] <= 1.7, weights=data["weight"])
    error = np.sqrt(0.25 / 10_000)
    odds = 0.4 / 0.6 * 4
    answering_low, answering_others = odds / (1 + odds), 0.4
    biased = answering_low / (answering_low + answering_others)
    assert abs(shares["none"] - biased) < 4 * error
    assert abs(shares["sex"] - biased) < 4 * error
    assert abs(shares["magnesium"] - 0.5) < 4 * error


def test_classes_without_respondents_are_listed() -> None:
    people = pd.DataFrame({"band": ["a", "b", "c"] * 4, "never": [0, 1, 1] * 4})
    response = Response(chance=0.9999, odds_ratios={"never == 1": 1e-6, "never > 0": 1e-6})
    plan = SamplingPlan(people=12, response=response, adjust_within=["band"])
    with pytest.raises(SchemaError) as caught:
        draw_sample(people, plan, rng=1)
    problems = [fault.problem for fault in caught.value.faults]
    assert problems == [f"nobody of 4 people answers where band = '{band}'" for band in "bc"]


def test_strata_without_respondents_are_listed() -> None:
    people = pd.DataFrame({"band": ["a", "b", "c"] * 4, "never": [0, 1, 1] * 4})
    response = Response(chance=0.9999, odds_ratios={"never == 1": 1e-6, "never > 0": 1e-6})
    plan = SamplingPlan(people=3, stratum="band", response=response)
    with pytest.raises(SchemaError, match=r"2 faults.\n.*nobody of 3 people of 'b' answers.*\n.*of 'c'"):
        draw_sample(people, plan, rng=1)


def test_nobody_answers() -> None:
    plan = SamplingPlan(people=5, response=Response(chance=1e-12))
    with pytest.raises(SchemaError, match="nobody of 5 people of 'everybody' answers"):
        draw_sample(PEOPLE, plan, rng=1)


def test_a_lonely_stratum_follows_the_plan() -> None:
    plan = SamplingPlan(stratum="region", cluster="village", clusters={"north": 2, "south": 1}, people=3)
    with pytest.raises(DesignError, match="only one cluster in stratum 'south'"):
        draw_sample(PEOPLE, plan, rng=1)
    assert draw_sample(PEOPLE, replace(plan, lonely="adjust"), rng=1).design.lonely == "adjust"


# What is missing.


def test_items_are_missing_with_their_odds() -> None:
    people = crowd()
    plan = SamplingPlan(people=len(people), item_response={"magnesium_mg_dl": Response(chance=0.6, odds_ratios=ODDS)})
    data = draw_sample(people, plan, rng=8, truth=True).data
    known = data["magnesium_mg_dl"].notna()
    for (sex, low), group in data.groupby(["sex", "true_low"]):
        chance = chance_by_hand(sex == "male", low == 1)
        error = np.sqrt(chance * (1 - chance) / len(group))
        assert abs(known[group.index].mean() - chance) < 4 * error
    assert (data.loc[known, "magnesium_mg_dl"] == people.loc[known.to_numpy(), "magnesium_mg_dl"].to_numpy()).all()
    assert len(data) == len(people)


@pytest.mark.parametrize(
    ("column", "dtype"),
    [
        ("diabetes", "Int8"),
        ("third", "Int64"),
        ("smoker", "boolean"),
        ("magnesium_mg_dl", "float64"),
        ("site", "category"),
        ("word", "str"),
    ],
)
@pytest.mark.parametrize("chance", [0.5, 1.0])
def test_missing_values_keep_the_type(column: str, dtype: str, chance: float) -> None:
    people = crowd(200)
    plan = SamplingPlan(people=100, item_response={column: Response(chance=chance)})
    data = draw_sample(people, plan, rng=3).data
    assert data[column].dtype == dtype  # whether or not a value happens to be missing
    assert data[column].isna().any() == (chance < 1)
    there = data[column].notna()
    assert data.loc[there, column].tolist() == people[column].iloc[data.loc[there, "person"]].tolist()


def test_items_go_missing_independently() -> None:
    people = crowd()
    gaps = {name: Response(chance=0.5) for name in ("diabetes", "third")}
    data = draw_sample(people, SamplingPlan(people=10_000, item_response=gaps), rng=3).data
    both = (data["diabetes"].isna() & data["third"].isna()).mean()
    assert abs(both - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 10_000)


def test_repeats_are_of_the_same_people() -> None:
    people = crowd()
    plan = SamplingPlan(people=1_000, repeated=("second", "third"), repeat_share=0.1)
    data = draw_sample(people, plan, rng=3).data
    again = data["second"].notna()
    assert again.sum() == 100
    assert data["third"].notna().equals(again)
    assert_allclose(data.loc[again, "second"], people["second"].iloc[data.loc[again, "person"]], rtol=0)
    assert data["magnesium_mg_dl"].notna().all()
    # Positions of 100 of 1,000 at random: their mean has a standard error of 288.7 / 10 x sqrt(0.9).
    assert abs(np.flatnonzero(again).mean() - 499.5) < 4 * 27.4


@pytest.mark.parametrize(("people", "share", "expected"), [(10, 0.25, 3), (10, 0.24, 2), (10, 0.001, 1), (10, 1.0, 10)])
def test_the_share_is_the_nearest_number_of_people(people: int, share: float, expected: int) -> None:
    plan = SamplingPlan(people=people, repeated=("second_magnesium_mg_dl",), repeat_share=share)
    assert draw_sample(PEOPLE, plan, rng=1).data["second_magnesium_mg_dl"].notna().sum() == expected


def test_a_repeat_can_go_missing_as_well() -> None:
    people = crowd()
    gaps = {"second": Response(chance=0.5)}
    plan = SamplingPlan(people=4_000, repeated=("second", "third"), repeat_share=0.5, item_response=gaps)
    data = draw_sample(people, plan, rng=3).data
    assert data["third"].notna().sum() == 2_000
    assert not (data["second"].notna() & data["third"].isna()).any()
    assert abs(data["second"].notna().sum() / 2_000 - 0.5) < 4 * np.sqrt(0.25 / 2_000)


# Faults.


def problems(make: Callable[[], object]) -> list[str]:
    with pytest.raises(SchemaError) as caught:
        make()
    return [f"{fault.column}: {fault.problem}" for fault in caught.value.faults]


def test_every_fault_of_a_plan_is_listed_at_once() -> None:
    found = problems(
        lambda: SamplingPlan(
            people=0,
            stratum="true_region",
            allocation="fair",
            cluster=5,
            clusters={"north": 1.5},
            cluster_chance="mass",
            oversample={"age_years >=": 2.0, "sex == 'male'": -1, "sex == 'female'": np.nan},
            response=0.7,
            adjust_within="region",
            item_response={"true_x": 0.5},
            repeated=("second",),
            repeat_share=1.5,
            finite=1,
            lonely="ignore",
        )
    )
    expected = [
        "people: is 0",
        "clusters['north']: is 1.5",
        "allocation: is 'fair'",
        "cluster_chance: is 'mass'",
        "lonely: is 'ignore'",
        "adjust_within: is 'region'",
        "stratum: is 'true_region', known only of simulated people",
        "cluster: is 5",
        "item_response: is 'true_x', known only of simulated people",
        "oversample: cannot read 'age_years >='",
        "oversample[\"sex == 'male'\"]: is -1",
        "oversample[\"sex == 'female'\"]: is nan",
        "response: is 0.7",
        "item_response['true_x']: is 0.5",
        "repeat_share: is 1.5",
        "finite: is 1",
    ]
    assert [line.split(": invalid syntax")[0].split(", at position")[0] for line in found] == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"people": True}, ["people: is True"]),
        ({"people": 2.0}, ["people: is 2.0"]),
        ({"people": 10**13}, ["people: is 10000000000000"]),
        ({"people": {"north": 3}}, ["people: is given by levels of no stratum"]),
        ({"people": 3, "cluster": "village"}, ["clusters: is None with cluster='village'"]),
        ({"people": 3, "clusters": 3}, ["clusters: is 3 with cluster=None"]),
        ({"people": 3, "cluster_chance": "size"}, ["cluster_chance: is 'size' of no cluster"]),
        ({"people": 3, "allocation": "proportional"}, ["allocation: is 'proportional' to no strata"]),
        (
            {"people": {"a": 3}, "stratum": "region", "allocation": "proportional"},
            ["people: is given by levels and is to be shared"],
        ),
        ({"people": 3, "adjust_within": ["region"]}, ["adjust_within: has no non-response to adjust for"]),
        ({"people": 3, "adjust_within": pd.Index(["region"])}, ["adjust_within: is Index(['region'], dtype='str')"]),
        ({"people": 3, "repeated": ["x"]}, ["repeat_share: is None"]),
        ({"people": 3, "repeat_share": 0.5}, ["repeat_share: is 0.5"]),
        ({"people": 3, "repeat_share": 0, "repeated": ["x"]}, ["repeat_share: is 0"]),
        ({"people": 3, "oversample": ["x == 1"]}, ["oversample: is ['x == 1']"]),
        ({"people": 3, "oversample": {"x == 1": 0.0}}, ["oversample['x == 1']: is 0.0"]),
        ({"people": 3, "item_response": ["x"]}, ["item_response: is ['x']"]),
        (
            {"people": 3, "finite": True, "oversample": {"x == 1": 2.0}},
            ["finite: is True, yet people are drawn with unequal chances (oversample)"],
        ),
        (
            {"people": 3, "finite": True, "response": Response(chance=0.5, odds_ratios={"x == 1": 2.0})},
            ["finite: is True, yet people answer with unequal chances (response)"],
        ),
        (
            {"people": 3, "finite": True, "cluster": "v", "clusters": 2, "cluster_chance": "size"},
            ["finite: is True, yet clusters are drawn with unequal chances (cluster_chance='size')"],
        ),
    ],
)
def test_faults_of_a_plan(arguments: dict[str, object], expected: list[str]) -> None:
    assert problems(lambda: SamplingPlan(**arguments)) == expected


@pytest.mark.parametrize("chance", [0, 1.1, -0.5, np.nan, "0.5", True, None])
def test_chances_lie_between_0_and_1(chance: object) -> None:
    assert problems(lambda: Response(chance=chance)) == [f"chance: is {chance!r}"]


def test_every_fault_of_a_response_is_listed_at_once() -> None:
    found = problems(lambda: Response(chance=2, odds_ratios={"sex = 'male'": 0.0}))
    assert len(found) == 3
    assert problems(lambda: Response(chance=1, odds_ratios={"x == 1": 2.0})) == [
        "chance: is 1, on which no odds ratio acts"
    ]


def test_every_fault_of_plan_and_people_is_listed_at_once() -> None:
    people = PEOPLE.assign(weight=1.0, age_years=PEOPLE["age_years"].where(PEOPLE["person"] > 1))
    people["sex"] = people["sex"].where(people["person"] != 3)
    plan = SamplingPlan(
        people={"north": 41, "west": 2},
        stratum="region",
        oversample={"age_years >= 60": 2.0, "diabetes + 1": 2.0},
        response=Response(chance=0.5, odds_ratios={"smoking == 1": 2.0}),
        adjust_within=["sex"],
        item_response={"magnesium_mg_d": Response(chance=0.5, odds_ratios={"sex > 3": 2.0})},
        repeated=["second"],
        repeat_share=0.5,
    )
    found = problems(lambda: draw_sample(people, plan, rng=-1, truth=1))
    starts = [
        "rng: is -1",
        "truth: is 1",
        "weight: is a column already",
        "adjust_within: 'sex' is missing",
        "item_response: there is no column 'magnesium_mg_d'; did you mean 'magnesium_mg_dl'?",
        "repeated: there is no column 'second'",
        "oversample: 'age_years >= 60' has no answer in 2 rows",
        "oversample: 'diabetes + 1' is a number",
        "response: there is no column 'smoking'",
        "item_response['magnesium_mg_d']: 'sex' is a text",
        "people['west']: is no stratum",
        "people: has no number for stratum 'south'",
        "people: 41 are asked of 'north'",
    ]
    assert len(found) == len(starts)
    for line, start in zip(found, starts, strict=True):
        assert line.startswith(start)


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (SamplingPlan(people=61), ["people: 61 are asked of 'everybody'"]),
        (SamplingPlan(people=21, stratum="region"), ["people: 21 are asked of 'south'"]),
        (
            SamplingPlan(people=3, stratum="region", cluster="village", clusters=5),
            ["clusters: 5 are asked of 'south'", "clusters: 5 are asked of 'north'"],
        ),
        (
            SamplingPlan(people=1, stratum="region", allocation="proportional"),
            ["people: 1 in all leave none for stratum 'south'"],
        ),
        (
            SamplingPlan(people=3, stratum="sex", cluster="village", clusters=2),
            ["cluster: 0, 1, 2, 3, 4 and 2 more stand in more than one stratum"],
        ),
        (
            SamplingPlan(people=3, stratum="regio", cluster="villag", clusters=2),
            [
                "stratum: there is no column 'regio'; did you mean 'region'?",
                "cluster: there is no column 'villag'; did you mean 'village'?",
            ],
        ),
    ],
)
def test_people_who_do_not_fit_the_plan(plan: SamplingPlan, expected: list[str]) -> None:
    assert problems(lambda: draw_sample(PEOPLE, plan, rng=1)) == expected


def test_missing_strata_and_a_taken_name() -> None:
    people = PEOPLE.assign(region=PEOPLE["region"].where(PEOPLE["person"] > 0), population_size=1)
    found = problems(lambda: draw_sample(people, SamplingPlan(people=2, stratum="region", finite=True), rng=1))
    assert found == ["population_size: is a column already", "stratum: 'region' is missing"]
    assert "population_size" in draw_sample(people, SamplingPlan(people=2), rng=1).data


@pytest.mark.parametrize("people", [None, PEOPLE.iloc[:0], [1, 2]])
def test_no_people(people: object) -> None:
    assert problems(lambda: draw_sample(people, "all", rng="1")) == [
        "plan: is 'all'",
        "rng: is '1'",
        f"people: is a {type(people).__name__}, no table of people",
    ]


# What always holds.


@st.composite
def worlds(draw: st.DrawFn) -> tuple[pd.DataFrame, SamplingPlan]:
    """Return people in 1 to 3 regions of 2 to 5 villages of 1 to 12 people, and a plan that they fit."""
    sizes = draw(st.lists(st.lists(st.integers(1, 12), min_size=2, max_size=5), min_size=1, max_size=3))
    villages = [(h, size) for h, region in enumerate(sizes) for size in region]
    village = np.repeat(np.arange(len(villages)), [size for _, size in villages])
    region = np.array([h for h, _ in villages])[village]
    order = np.random.default_rng(draw(st.integers(0, 99))).permutation(len(village))
    people = pd.DataFrame({"person": range(len(village)), "region": region[order], "village": village[order]})
    people["x"] = draw(st.lists(st.integers(0, 2), min_size=len(people), max_size=len(people)))
    factors = st.floats(1e-2, 1e2)
    oversample = draw(st.dictionaries(st.sampled_from(["x == 1", "x >= 1", "person < 5"]), factors))
    if draw(st.booleans()):
        plan = SamplingPlan(
            stratum="region",
            cluster="village",
            clusters={h: draw(st.integers(2, len(region))) for h, region in enumerate(sizes)},
            cluster_chance=draw(st.sampled_from(["equal", "size"])),
            people=draw(st.integers(1, 12)),
            oversample=oversample,
        )
    else:
        asked = {h: draw(st.integers(2, sum(region))) for h, region in enumerate(sizes)}
        plan = SamplingPlan(stratum="region", people=asked, oversample=oversample)
    return people, plan


@given(worlds(), st.integers(0, 2**32))
def test_what_holds_of_every_sample(world: tuple[pd.DataFrame, SamplingPlan], seed: int) -> None:
    people, plan = world
    data = draw_sample(people, plan, rng=seed).data
    assert data["person"].is_unique
    assert (data["weight"] >= 1).all()
    assert np.isfinite(data["weight"]).all()
    if plan.cluster is None:
        assert data["region"].value_counts().to_dict() == plan.people
    else:
        drawn = data.groupby("village")["person"].size()
        there = people.groupby("village")["person"].size()
        assert (drawn == np.minimum(there[drawn.index], plan.people)).all()
        assert data.groupby("region")["village"].nunique().to_dict() == plan.clusters
    if not plan.oversample and (plan.cluster is None or plan.cluster_chance == "size"):
        assert_allclose(data.groupby("region")["weight"].sum(), people.groupby("region").size(), rtol=1e-9)


@given(worlds(), st.integers(0, 2**32))
def test_equal_factors_are_no_oversampling(world: tuple[pd.DataFrame, SamplingPlan], seed: int) -> None:
    people, plan = world
    same = draw_sample(people, replace(plan, oversample={"x >= 0": 7.0}), rng=seed).data
    none = draw_sample(people, replace(plan, oversample={}), rng=seed).data
    if plan.cluster is None:
        one, other = same.groupby("region")["weight"], none.groupby("region")["weight"]
        assert_allclose(one.min(), other.max(), rtol=1e-12)
    else:
        assert_allclose(same.groupby("village")["weight"].max(), none.groupby("village")["weight"].min(), rtol=1e-12)
