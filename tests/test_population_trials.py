"""Simulated trials: who is let in, what each is given, whose luck is whose, and that truths are what counts are made of."""

import math

import numpy as np
import pandas as pd
import pytest
from declared import small_population

from crampstats.errors import QuestionError, SchemaError
from crampstats.population import Arm, TrialPlan, simulate, simulate_trial

OFTEN = "run_in_cramps >= 4"
PLACEBO, TABLET = Arm(name="placebo"), Arm(name="tablet", rate_ratio=0.5)


def plan(**options: object) -> TrialPlan:
    return TrialPlan(**({"arms": [PLACEBO, TABLET], "eligible": OFTEN, "rate": "true_rate"} | options))


def trial(n: int = 200, seed: int = 3, columns: tuple[str, ...] = (), **options: object) -> pd.DataFrame:
    return simulate_trial(small_population(), plan(**options), n=n, seed=seed, columns=columns)


def large(**options: object) -> pd.DataFrame:
    return trial(20_000, **options)


def errors_off(values: np.ndarray, expected: float) -> float:
    """Return how far a mean is from what it should be, in its standard errors."""
    return (np.mean(values) - expected) / (np.std(values, ddof=1) / math.sqrt(len(values)))


def test_a_parallel_trial_is_a_row_a_person() -> None:
    table = trial(columns=("sex",))
    assert list(table.columns) == [
        "person",
        "screened",
        "sequence",
        "period",
        "arm",
        "run_in_weeks",
        "run_in_cramps",
        "weeks",
        "cramps",
        "completed",
        "sex",
        "true_rate",
        "true_rate_per_week",
    ]
    assert table["person"].tolist() == list(range(200))
    assert table["screened"].is_monotonic_increasing
    assert table["arm"].cat.categories.tolist() == ["placebo", "tablet"]
    assert (table["run_in_cramps"] >= 4).all()
    assert (table[["period", "run_in_weeks", "weeks", "completed"]] == [1, 2.0, 4.0, 1]).all(axis=None)
    np.testing.assert_allclose(
        table["true_rate_per_week"],
        table["true_rate"] * table["arm"].map({"placebo": 1.0, "tablet": 0.5}).astype(float),
    )


def test_a_trial_is_the_first_part_of_a_larger_one() -> None:
    for options in ({}, {"design": "crossover", "half_life_weeks": 1.0}, {"variation": 0.5, "eligible": None}):
        small, big = trial(50, **options), trial(400, **options)
        pd.testing.assert_frame_equal(small, big[big["person"] < 50])
    pd.testing.assert_frame_equal(trial(), trial())
    assert not trial(seed=3)["cramps"].equals(trial(seed=4)["cramps"])


def test_the_people_are_those_of_the_population() -> None:
    table = trial(columns=("sex", "age_years"))
    people = simulate(small_population(), int(table["screened"].max()) + 1, seed=3)
    own = people.iloc[table["screened"]].reset_index(drop=True)
    for column in ("sex", "age_years", "true_rate"):
        assert (own[column] == table[column]).all()


def test_the_same_person_has_the_same_luck_whatever_she_is_given() -> None:
    placebo = trial(arms=[PLACEBO])
    stronger = trial(arms=[Arm(name="tablet", rate_ratio=2.0)])
    assert (placebo["screened"] == stronger["screened"]).all()
    # One uniform number makes a count: a larger rate makes no smaller one.
    assert (stronger["cramps"] >= placebo["cramps"]).all()
    assert (stronger["cramps"] > placebo["cramps"]).mean() > 0.8
    # What is let in does not change who has which luck.
    everybody = trial(2000, arms=[PLACEBO], eligible=None).set_index("screened")
    pd.testing.assert_series_equal(
        everybody.loc[placebo["screened"][placebo["screened"] < 2000], "cramps"].reset_index(drop=True),
        placebo["cramps"][placebo["screened"] < 2000],
    )


def test_counts_are_poisson_given_the_rate_and_do_not_remember() -> None:
    table = large(arms=(PLACEBO,), eligible=None)
    mean = table["true_rate"] * 4
    some = mean > 0
    pull = ((table["cramps"] - mean)[some] / np.sqrt(mean[some])).to_numpy()
    assert abs(errors_off(pull, 0.0)) < 3
    assert abs(errors_off(pull**2, 1.0)) < 3
    before = (
        (table["run_in_cramps"] - table["true_rate"] * 2)[some] / np.sqrt(2 * table["true_rate"][some])
    ).to_numpy()
    assert abs(errors_off(pull * before, 0.0)) < 3


def test_weeks_that_vary_make_counts_vary_more() -> None:
    table = large(arms=(PLACEBO,), eligible=None, variation=0.5)
    mean = (table["true_rate"] * 4).to_numpy()
    some = mean > 1
    # Variance of a gamma-Poisson count: mean + 0.5 mean².
    squares = (table["cramps"].to_numpy() - mean)[some] ** 2 / (mean + 0.5 * mean**2)[some]
    assert abs(errors_off(squares, 1.0)) < 3


def test_response_acts_on_everybody_after_the_run_in() -> None:
    without, with_response = large(arms=(PLACEBO,)), large(arms=(PLACEBO,), response=0.6)
    assert (without["run_in_cramps"] == with_response["run_in_cramps"]).all()
    np.testing.assert_allclose(with_response["true_rate_per_week"], 0.6 * without["true_rate_per_week"])
    assert abs(errors_off(with_response["cramps"] / 4 - 0.6 * with_response["true_rate"], 0.0)) < 3


def test_what_is_forced_is_what_the_population_makes_of_it() -> None:
    table = trial(arms=[PLACEBO, Arm(name="diabetes", do={"diabetes": 1}, rate_ratio=0.9)], columns=("diabetes",))
    forced = table[table["arm"] == "diabetes"]
    ratio = forced["true_rate_per_week"] / forced["true_rate"]
    np.testing.assert_allclose(ratio, np.where(forced["diabetes"] == 1, 1.0, math.exp(0.3)) * 0.9)


def test_allocation_is_balanced_in_blocks_and_by_shares() -> None:
    table = trial(240, arms=[PLACEBO, Arm(name="tablet", share=2)])
    blocks = (table["arm"] == "tablet").to_numpy().reshape(-1, 6)
    assert (blocks.sum(axis=1) == 4).all()
    assert len({tuple(row) for row in blocks.tolist()}) > 5
    one = trial(240, blocks=1)
    assert (one["arm"].cat.codes.to_numpy().reshape(-1, 2).sum(axis=1) == 1).all()


def test_allocation_has_nothing_to_do_with_people() -> None:
    table = large()
    codes = table["arm"].cat.codes.to_numpy()
    for column in ("run_in_cramps", "true_rate"):
        values = table[column].to_numpy(dtype=float)
        assert abs(errors_off((values - values.mean()) * (codes - 0.5), 0.0)) < 3


def test_who_leaves_counts_for_a_shorter_time() -> None:
    table = large(arms=(Arm(name="placebo"), Arm(name="tablet", dropout=0.3)))
    placebo, tablet = (table[table["arm"] == name] for name in ("placebo", "tablet"))
    assert (placebo["completed"] == 1).all()
    assert (placebo["weeks"] == 4).all()
    assert abs(errors_off(tablet["completed"], 0.7)) < 3
    left = tablet[tablet["completed"] == 0]
    assert left["weeks"].between(0.004, 4, inclusive="left").all()
    assert abs(errors_off(left["weeks"], 2.0)) < 3  # at a moment by chance
    assert abs(errors_off(left["cramps"] - left["true_rate_per_week"] * left["weeks"], 0.0)) < 3
    # Who leaves is chance, not cramps.
    assert abs(errors_off(left["true_rate"], tablet["true_rate"].mean())) < 3


def test_in_a_crossover_everybody_has_both_in_an_order_by_chance() -> None:
    table = trial(design="crossover")
    assert table["person"].tolist() == np.repeat(np.arange(200), 2).tolist()
    assert table["period"].tolist() == [1, 2] * 200
    assert table.groupby("person")["arm"].nunique().eq(2).all()
    first = table[table["period"] == 1]
    assert (
        first["sequence"].astype(str)
        == np.where(first["arm"] == "tablet", "tablet then placebo", "placebo then tablet")
    ).all()
    assert first["arm"].value_counts().tolist() == [100, 100]
    assert table["cramps"].dtype == "Int32"


def test_periods_have_their_own_weeks_and_the_same_person() -> None:
    table = large(design="crossover", arms=(PLACEBO, Arm(name="other")), eligible=None, period_ratio=0.8)
    one, two = (table[table["period"] == period].reset_index(drop=True) for period in (1, 2))
    np.testing.assert_allclose(two["true_rate_per_week"], 0.8 * one["true_rate_per_week"])
    some = (one["true_rate"] > 0).to_numpy()
    residuals = [
        (
            (part["cramps"].astype(float) - 4 * part["true_rate_per_week"])
            / np.sqrt(part["true_rate_per_week"].clip(1e-9))
        )[some]
        for part in (one, two)
    ]
    assert abs(errors_off(residuals[0] * residuals[1], 0.0)) < 3


def test_what_is_left_of_the_first_treatment_fades() -> None:
    shares = {0.0: 0.0, 1.0: 0.5**2 * (1 - 0.5**4) / (4 * math.log(2)), 1000.0: 1.0}
    for half_life, share in shares.items():
        options = {"design": "crossover", "half_life_weeks": half_life, "washout_weeks": 2.0}
        assert plan(**options).left_over == pytest.approx(share, abs=0.003 if half_life == 1000 else 1e-12)
        table = trial(**options)
        second = table[(table["period"] == 2) & (table["arm"] == "placebo")]
        np.testing.assert_allclose(
            second["true_rate_per_week"] / second["true_rate"], 0.5 ** plan(**options).left_over, rtol=1e-12
        )


def test_who_leaves_a_crossover_early_is_missing_in_its_second_period() -> None:
    table = trial(400, design="crossover", arms=[Arm(name="placebo", dropout=0.2), Arm(name="tablet", dropout=0.2)])
    wide = table.pivot_table(index="person", columns="period", values=["completed", "weeks"], aggfunc="first")
    left = wide["completed"][1] == 0
    assert 0.1 < left.mean() < 0.3
    second = table[table["period"] == 2].set_index("person")
    assert second.loc[left[left].index, "cramps"].isna().all()
    assert (second.loc[left[left].index, ["weeks", "completed"]] == 0).all(axis=None)
    assert second.loc[left[~left].index, "cramps"].notna().all()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Arm(name=" "), "name: is ' '; expected a text"),
        (lambda: Arm(name="a", rate_ratio=0), "rate_ratio: is 0; expected a factor from 1e-06 to 1e+06"),
        (lambda: Arm(name="a", dropout=1), "dropout: is 1; expected a chance of at least 0 and below 1"),
        (lambda: Arm(name="a", share=0.5), "share: is 0.5; expected a whole number of at least 1"),
        (lambda: Arm(name="a", do=3), "do: is 3; expected a mapping"),
        (lambda: plan(arms=[]), "arms: is []; expected Arms in a list, control first"),
        (lambda: plan(arms=[PLACEBO, PLACEBO]), "arms: has 'placebo' twice; expected a name once"),
        (lambda: plan(arms=[PLACEBO], design="crossover"), "arms: are 1 in a cross-over; expected two arms"),
        (lambda: plan(design="factorial"), "design: is 'factorial'; expected one of parallel, crossover"),
        (lambda: plan(eligible="cramps >"), "eligible: "),
        (lambda: plan(weeks=0), "weeks: is 0; expected a number of weeks, above 0"),
        (lambda: plan(washout_weeks=2), "washout_weeks: is 2 in a parallel trial; expected 0, or design='crossover'"),
        (lambda: plan(blocks=0), "blocks: is 0; expected a whole number of at least 1"),
        (lambda: trial(n=0), "n: is 0; expected a whole number of at least 1"),
        (lambda: trial(seed=-1), "seed: is -1; expected a whole number of at least 0"),
        (lambda: trial(columns="sex"), "columns: is 'sex'; expected names in a list"),
        (
            lambda: trial(columns=("cramps",)),
            "columns: 'cramps' is made by the trial; expected a variable of the people",
        ),
        (lambda: trial(columns=("height_cm",)), "columns: 'height_cm' is no variable"),
        (lambda: trial(eligible="height_cm > 150"), "eligible: 'height_cm' is no variable"),
        (lambda: trial(rate="true_cramp_rate_per_week"), "rate: 'true_cramp_rate_per_week' is no lasting rate"),
        (lambda: trial(arms=[Arm(name="a", do={"tea": 1})]), "a: tea: is to be forced and is no variable"),
        (lambda: trial(arms=[Arm(name="a", do={"diabetes": 7})]), "diabetes: cannot be forced to 7"),
        (lambda: simulate_trial(None, plan(), n=1, seed=1), "population: is None; expected a Population"),
        (lambda: simulate_trial(small_population(), None, n=1, seed=1), "plan: is None; expected a TrialPlan"),
    ],
)
def test_a_trial_that_cannot_be(make: object, told: str) -> None:
    with pytest.raises(SchemaError) as caught:
        make()
    assert told in str(caught.value)


def test_questions_that_let_nobody_in() -> None:
    with pytest.raises(QuestionError, match="eligible='run_in_cramps' is a number; ask for a yes/no"):
        trial(eligible="run_in_cramps")


def test_too_few_are_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crampstats.population.trials.MOST_SCREENED", 3000)
    with pytest.raises(QuestionError, match=r"lets in 0 of 3,000 people: ask for fewer than 5, or let in more"):
        trial(5, eligible="run_in_cramps >= 4000")
