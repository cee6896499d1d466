"""Simulated people: the same for a seed whatever else, untouched by what happens elsewhere, distributed as declared."""

import numpy as np
import pandas as pd
import pytest
from declared import assumed, effect, small_population, tables
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

import crampstats as cs
from crampstats.errors import CrampstatsError, SchemaError
from crampstats.population import Population, luck, truths
from crampstats.population.simulation import simulate_lives
from crampstats.population.terms import Effect, Form, Numbers, Predictor, Values, tabled
from crampstats.reference import Sourced, standard_population

BIG = 200_000


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    return cs.simulate(small_population(), BIG, seed=20261125)


def mean_error(values: pd.Series) -> float:
    return float(values.std() / np.sqrt(len(values)))


def test_fewer_people_are_the_first_of_more(people: pd.DataFrame) -> None:
    for n in (1, 1000, luck.BLOCK, luck.BLOCK + 1):
        few = cs.simulate(small_population(), n, seed=20261125)
        pd.testing.assert_frame_equal(few, people.head(n))


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_make_the_same_bits(people: pd.DataFrame, workers: int) -> None:
    again = cs.simulate(small_population(), BIG, seed=20261125, workers=workers)
    pd.testing.assert_frame_equal(again, people)


def test_asking_for_fewer_columns_gives_the_same_people(people: pd.DataFrame) -> None:
    columns = ["cramp_class", "sex"]
    again = cs.simulate(small_population(), 1000, seed=20261125, columns=columns)
    pd.testing.assert_frame_equal(again, people.head(1000)[columns])


def test_seeds_make_other_people(people: pd.DataFrame) -> None:
    other = cs.simulate(small_population(), 1000, seed=20261126)
    for name in ("age_years", "diet_mg_day", "true_proneness", "true_village"):
        assert (other[name].to_numpy() != people[name].head(1000).to_numpy()).mean() > 0.3, name


def test_a_seed_keeps_its_meaning() -> None:
    """Numbers of the first release that simulates; a change of them stands in CHANGELOG under Numbers changed."""
    few = cs.simulate(small_population(), 4, seed=1)
    assert few["age_years"].tolist() == [69, 56, 82, 36]
    assert few["sex"].tolist() == ["male", "female", "female", "female"]
    expected = [494.0072645272961, 171.4630906484963, 315.63512751719645, 344.2620198597923]
    np.testing.assert_allclose(few["diet_mg_day"], expected, rtol=1e-12)


def descendants(population: Population, name: str) -> set[str]:
    found = {name}
    for variable in population.variables:
        if found & set(variable.parents):
            found.add(variable.name)
    return found


def other_value(population: Population, name: str, people: pd.DataFrame) -> object:
    """Return a value that not everybody has."""
    column = population.variable(name).column
    if column.kind == "category":
        return column.levels[-1]
    if column.kind == "yes_no":
        return 1
    return people[name].max()


@pytest.mark.parametrize("which", ["small", "packaged"])
def test_forcing_a_variable_leaves_all_but_its_descendants(which: str) -> None:
    population = small_population() if which == "small" else Population()
    people = cs.simulate(population, 3000, seed=7)
    for name in population.names:
        value = other_value(population, name, people)
        forced = cs.simulate(population, 3000, seed=7, do={name: value})
        assert (forced[name] == value).all(), name
        below = descendants(population, name)
        for other in population.names:
            same = forced[other].equals(people[other])
            assert same or other in below, (name, other)
        changed = [other for other in below - {name} if not forced[other].equals(people[other])]
        assert changed or below == {name}, name


def test_lives_simulated_together_are_those_simulated_alone() -> None:
    population, columns = small_population(), ["diuretic", "magnesium_mg_dl", "cramp_class", "sex"]
    lives = [{}, {"diuretic": "none"}, {"diuretic": "loop", "sex": "male"}, {"cramp_site": "calf"}]
    groups = [(luck.BLOCK + 5, 1), (7, 2)]
    together = list(simulate_lives(population, groups, lives=lives, columns=columns))
    for (n, seed), found in zip(groups, together, strict=True):
        for do, people in zip(lives, found, strict=True):
            pd.testing.assert_frame_equal(people, cs.simulate(population, n, seed=seed, do=do, columns=columns))
    as_it_is, stopped = together[0][:2]
    assert as_it_is["diuretic"].ne("none").any()
    assert stopped["diuretic"].eq("none").all()


def test_forcing_what_is_so_already_changes_nothing() -> None:
    population = small_population()
    people = cs.simulate(population, 5000, seed=3)
    forced = cs.simulate(population, 5000, seed=3, do={"diabetes": 0})
    without = people["diabetes"] == 0
    pd.testing.assert_frame_equal(forced[without], people[without])


def test_more_of_a_cause_never_makes_fewer_cramps() -> None:
    population = small_population()
    lives = [cs.simulate(population, 20_000, seed=3, do={"diabetes": value}) for value in (0, 1)]
    more = lives[1]["cramps_per_month"] - lives[0]["cramps_per_month"]
    assert more.min() == 0
    assert more.max() > 0


def test_kinds_of_columns(people: pd.DataFrame) -> None:
    assert small_population().schema.faults(people.head(2000)) == ()
    assert people["sex"].cat.categories.tolist() == ["male", "female"]
    assert people["age_group"].cat.ordered
    assert people["diabetes"].dtype == np.int8
    assert people["cramps_per_week"].dtype == np.int32


def test_ages_are_those_of_the_standard(people: pd.DataFrame) -> None:
    bands = [band for band in standard_population("esp_2013").bands if band.low >= 20]
    shares = np.array([band.people.value for band in bands])
    edges = [band.low for band in bands] + [np.inf]
    found = np.histogram(people["age_years"], edges)[0] / BIG
    expected = shares / shares.sum()
    np.testing.assert_array_less(np.abs(found - expected), 4.5 * np.sqrt(expected / BIG))
    group = np.select([people["age_years"] < 40, people["age_years"] < 60], ["20-39", "40-59"], "60+")
    assert (people["age_group"] == group).all()


def test_shares_and_villages(people: pd.DataFrame) -> None:
    found = people["region"].value_counts(normalize=True)
    for level, share in {"north": 0.3, "east": 0.2, "south": 0.3, "west": 0.2}.items():
        assert found[level] == pytest.approx(share, abs=4.5 * np.sqrt(share / BIG))
    assert (people["village"] // 10 == people["region"].cat.codes).all()
    sizes = np.arange(1.0, 11.0) ** -0.5
    north = people.loc[people["region"] == "north", "village"].value_counts(normalize=True).sort_index()
    np.testing.assert_allclose(north, sizes / sizes.sum(), atol=4.5 * np.sqrt(0.2 / (0.3 * BIG)))
    assert len(people[["village", "true_village"]].drop_duplicates()) == 40
    assert people["true_village"].nunique() == 40


def test_logistic_and_choice_follow_their_log_odds(people: pd.DataFrame) -> None:
    at_80 = people[people["age_years"] == 80]
    expected = 1 / (1 + np.exp(3.0 - 0.6 * 4))
    assert at_80["diabetes"].mean() == pytest.approx(expected, abs=4.5 * np.sqrt(0.25 / len(at_80)))
    women = at_80[at_80["sex"] == "female"]
    odds = np.array([1.0, np.exp(-2.0 + 1.5 + 0.2), np.exp(-3.0 + 2.4)])
    found = women["diuretic"].value_counts(normalize=True)[["none", "thiazide", "loop"]]
    np.testing.assert_allclose(found, odds / odds.sum(), atol=4.5 * np.sqrt(0.25 / len(women)))
    assert (people["cramp_site"] == "none").eq(people["cramps_per_month"] == 0).all()
    foot = (people["cramp_site"] == "foot").sum() / (people["cramp_site"] != "none").sum()
    assert foot == pytest.approx(np.exp(-1) / (1 + np.exp(-1)), abs=0.01)
    assert people.loc[people["cramp_site"] == "foot", "red_flags"].eq(1).all()
    assert people.loc[people["cramp_site"] == "none", "red_flags"].eq(0).all()
    calf = people.loc[people["cramp_site"] == "calf", "red_flags"]
    assert calf.mean() == pytest.approx(1 / (1 + np.exp(3)), abs=4.5 * mean_error(calf))


def test_numbers_follow_their_predictor(people: pd.DataFrame) -> None:
    men = np.log(people.loc[people["sex"] == "male", "diet_mg_day"])
    assert men.mean() == pytest.approx(5.9, abs=4.5 * mean_error(men))
    assert men.std() == pytest.approx(0.3, rel=4.5 / np.sqrt(2 * len(men)))
    residual = (
        people["true_magnesium_mmol_l"]
        - 0.83
        + 0.05 * people["diabetes"]
        - 0.02 * np.log(people["diet_mg_day"] / 370)
        - 0.012 * people["true_village"]
        + 0.018 * (people["diuretic"] == "thiazide")
    )
    assert residual.mean() == pytest.approx(0, abs=4.5 * mean_error(residual))
    assert residual.std() == pytest.approx(0.05, rel=4.5 / np.sqrt(2 * BIG))


def test_values_outside_are_moved_to_the_ends() -> None:
    declared = tables()
    declared["true_magnesium_mmol_l"]["low"] = 0.8
    declared["true_rate"]["high"] = 3.0
    few = cs.simulate(Population.declared(declared), 2000, seed=1)
    for name, end in (("true_magnesium_mmol_l", "min"), ("true_rate", "max")):
        moved = few[name].agg(end)
        assert moved == {"min": 0.8, "max": 3.0}[end]
        assert (few[name] == moved).mean() > 0.02


def test_one_draw_errs_in_proportion_to_the_level(people: pd.DataFrame) -> None:
    ratio = people["true_drawn_mmol_l"] / people["true_magnesium_mmol_l"]
    assert ratio.mean() == pytest.approx(1, abs=4.5 * mean_error(ratio))
    assert ratio.std() == pytest.approx(np.hypot(0.02, 0.018), rel=4.5 / np.sqrt(2 * BIG))
    assert abs(np.corrcoef(ratio, people["true_magnesium_mmol_l"])[0, 1]) < 4.5 / np.sqrt(BIG)


def test_reported_values_are_those_that_a_reader_types(people: pd.DataFrame) -> None:
    exact = people["true_drawn_mmol_l"] * 2.4305
    assert (people["magnesium_mg_dl"] - exact).abs().max() <= 0.05 + 1e-12
    printed = np.array([float(f"{value:.1f}") for value in np.unique(people["magnesium_mg_dl"])])
    np.testing.assert_array_equal(np.unique(people["magnesium_mg_dl"]), printed)


def test_the_kind_of_proneness_says_nothing_of_the_place_within_it() -> None:
    """Alone, who is ordinary or frequent has the whole gamma distribution of that kind."""
    declared = tables()
    declared["true_proneness"] |= {"prone": assumed(0.5), "frequent": assumed(0.5), "ratio": assumed(1e6)}
    declared["true_proneness"] |= {"shape": assumed(3.0), "frequent_shape": assumed(3.0)}
    proneness = cs.simulate(Population.declared(declared), BIG, seed=9, columns=["true_proneness"])["true_proneness"]
    ordinary, frequent = proneness[(proneness > 0) & (proneness < 1e-3)], proneness[proneness > 1e-3]
    for group, mean in ((ordinary, 1 / (0.5 * 500_000.5)), (frequent, 1e6 / (0.5 * 500_000.5))):
        assert len(group) == pytest.approx(BIG / 4, abs=4.5 * np.sqrt(BIG * 3 / 16))
        assert group.mean() == pytest.approx(mean, abs=4.5 * mean_error(group))
        assert group.std() / group.mean() == pytest.approx(1 / np.sqrt(3), rel=0.02)


def test_rates_and_chances_far_out_are_no_overflow() -> None:
    declared = tables()
    declared["true_rate"]["effects"] = [effect("age_years", 20.0), effect("diabetes", -20.0)]
    declared["diabetes"]["effects"] = [effect("age_years", 20.0)]
    declared["diuretic"]["choices"]["loop"]["effects"] = [effect("age_years", 20.0)]
    people = cs.simulate(Population.declared(declared), 1000, seed=1)
    assert people["diabetes"].eq(1).all()
    assert people["diuretic"].eq("loop").all()
    assert people["true_rate"].between(0, 1e4).all()
    assert people["cramps_per_month"].between(0, 10**5).all()


def test_conditions_hold_at_both_ends() -> None:
    declared = tables()
    declared["red_flags"] |= {"only_if": [{"of": "age_years", "at_least": 30, "at_most": 40}], "certain_if": []}
    declared["red_flags"]["intercept"] = assumed(20.0)
    people = cs.simulate(Population.declared(declared), 20_000, seed=1)
    assert people["red_flags"].eq(people["age_years"].between(30, 40)).all()
    assert not people["sex"].cat.ordered


def test_whole_numbers_sums_and_what_holds(people: pd.DataFrame) -> None:
    found = people["day_of_year"].value_counts()
    assert (found.index.min(), found.index.max(), len(found)) == (1, 365, 365)
    assert np.abs(found / BIG - 1 / 365).max() < 4.5 * np.sqrt(1 / 365 / BIG)
    exact = np.minimum(52 * people["true_rate"] + people["diabetes"], 1000.0)
    np.testing.assert_allclose(people["cramps_a_year"], exact, rtol=1e-12)
    assert (people["cramps_a_year"] == 1000.0).any()
    expected = (people["cramps_per_month"] >= 5) & ((people["diabetes"] == 1) | (people["age_years"] < 40))
    assert (people["frequent"] == expected).all()
    assert 0.005 < people["frequent"].mean() < 0.2


def test_frailty_has_mean_1_and_its_three_kinds(people: pd.DataFrame) -> None:
    proneness = people["true_proneness"]
    assert proneness.mean() == pytest.approx(1, abs=4.5 * mean_error(proneness))
    assert (proneness == 0).mean() == pytest.approx(0.4, abs=4.5 * np.sqrt(0.24 / BIG))
    ordinary = 1 / (0.6 * (0.9 + 0.1 * 10))
    # Second moment of a gamma of shape k and mean m: m^2 (1 + 1/k).
    second = 0.6 * (0.9 * ordinary**2 * (1 + 1 / 0.8) + 0.1 * (10 * ordinary) ** 2 * (1 + 1 / 2.0))
    assert (proneness**2).mean() == pytest.approx(second, abs=4.5 * mean_error(proneness**2))


def test_the_spread_of_a_month_follows_from_that_of_a_week(people: pd.DataFrame) -> None:
    """Given the frailty both are Poisson: var(month) - mean(month) = w^2 (var(week) - mean(week)), and cov = w var(rate)."""
    week, month, windows = people["cramps_per_week"], people["cramps_per_month"], 30 / 7
    extra_week = (week - week.mean()) ** 2 - week
    extra_month = (month - month.mean()) ** 2 - month
    difference = extra_month - windows**2 * extra_week
    assert difference.mean() == pytest.approx(0, abs=4.5 * mean_error(difference))
    assert extra_week.mean() > 20 * mean_error(extra_week)  # far from Poisson
    assert (month >= week).all()
    assert month.mean() == pytest.approx(windows * week.mean(), abs=4.5 * mean_error(month - windows * week))
    codes = np.select([month < 1, month < 2, month < 5, month < 16], [0, 1, 2, 3], 4)
    assert (people["cramp_class"] == codes).all()


def test_repeated_windows_of_one_person_agree() -> None:
    declared = tables()
    declared["second_week"] = {"meaning": "cramps", "mechanism": "count", "of": "true_rate"}
    people = cs.simulate(Population.declared(declared), BIG, seed=5)
    first, second = people["cramps_per_week"], people["second_week"]
    product = (first - first.mean()) * (second - second.mean())
    assert product.mean() == pytest.approx(people["true_rate"].var(), abs=4.5 * mean_error(product))
    assert (first != second).any()


def test_the_draws_of_two_variables_are_independent(people: pd.DataFrame) -> None:
    women = people[people["sex"] == "female"][["diet_mg_day", "true_proneness", "age_years"]]
    found = women.corr(method="spearman").to_numpy()[np.triu_indices(3, 1)]
    assert np.abs(found).max() < 4.5 / np.sqrt(len(women))


def test_streams_do_not_depend_on_what_was_drawn_before() -> None:
    source = luck.Source(3, 2)
    first = source.stream("a").random(5)
    source.stream("b").standard_normal(7)
    np.testing.assert_array_equal(source.stream("a").random(5), first)
    np.testing.assert_array_equal(source.stream("a").random(3), first[:3])
    for other in (luck.Source(3, 1), luck.Source(4, 2)):
        assert not np.isin(other.stream("a").random(5), first).any()
    shared = [luck.Source(3, block).stream("a", shared=True).random(5) for block in (0, 9)]
    np.testing.assert_array_equal(*shared)


@given(st.data())
def test_tabled_effects_add_up_to_the_same(data: st.DataObject) -> None:
    population = small_population()
    columns = population.schema.columns
    people = cs.simulate(population, 50, seed=data.draw(st.integers(0, 10**6)))
    mechanism = population.variable("diuretic").mechanism
    predictor = data.draw(st.sampled_from([*mechanism.choices, population.variable("true_rate").mechanism.predictor]))
    numbers = Numbers(population.numbers, columns)
    values = Values()
    for name in people:
        coded = people[name].cat.codes if people[name].dtype == "category" else people[name]
        values[name] = coded.to_numpy()
    direct = np.full(50, numbers[predictor.intercept])
    for each in predictor.effects:
        each.add_to(direct, values, numbers)
    quick = tabled(predictor, numbers, numbers._domains)
    np.testing.assert_allclose(quick.apply(values, numbers, 50), direct, rtol=1e-12, atol=1e-12)
    assert quick.parents or predictor.intercept == "true_rate.intercept"


def test_a_predictor_too_large_for_a_table_is_added_up() -> None:
    names = ["a", "b", "c", "d"]
    columns = [cs.schema.Column(name, "integer", "x", low=0, high=99) for name in names]
    effects = tuple(Effect(f"p.{name}", Form(name)) for name in names)
    numbers = Numbers({"p": 1.0, **{f"p.{name}": 0.5 for name in names}}, columns)
    quick = numbers.tabled(Predictor("p", effects))
    assert len(quick.rest) == 3
    values = Values()
    values.update({name: np.arange(100, dtype=np.int32) for name in names})
    np.testing.assert_allclose(quick.apply(values, numbers, 100), 1 + 2.0 * np.arange(100))


@pytest.mark.parametrize(
    ("form", "label", "expected"),
    [
        (Form("x"), "x", [1, 2, 4]),
        (Form("x", origin=1.0, per=2.0), "x", [0, 0.5, 1.5]),
        (Form("x", above=2.0, per=2.0), "x above 2", [0, 0, 1]),
        (Form("x", below=2.0), "x below 2", [1, 0, 0]),
        (Form("x", at_least=2.0), "x at least 2", [0, 1, 1]),
        (Form("x", level="b", code=2), "x = b", [0, 1, 0]),
        (Form("x", peak=2.0, period=4.0), "x peak 2", [0, 1, -1]),
        (Form("x", log_from=2.0), "log x", np.log([0.5, 1, 2])),
    ],
)
def test_forms(form: Form, label: str, expected: list[float]) -> None:
    assert form.label == label
    np.testing.assert_allclose(form.apply({"x": np.array([1, 2, 4])}), expected, atol=1e-15)


def test_all_faults_of_the_arguments_are_listed_at_once() -> None:
    with pytest.raises(SchemaError) as raised:
        cs.simulate(
            small_population(),
            0,
            seed=-1,
            do={
                "diuretic": "water",
                "heart": 1,
                "diabetes": 2,
                "age_years": 130,
                "village": 40,
                "cramps_per_week": 2**31,
                "true_rate": 1e9,
            },
            columns=["sex", "weight"],
            workers=True,
        )
    assert {fault.column for fault in raised.value.faults} == {
        *("n", "seed", "workers", "weight", "heart", "diuretic", "diabetes", "age_years"),
        *("village", "cramps_per_week", "true_rate"),
    }


@pytest.mark.parametrize("wrong", [{"columns": "sex"}, {"columns": []}, {"columns": [["sex"]]}, {"do": ["sex"]}])
def test_arguments_of_the_wrong_kind(wrong: dict[str, object]) -> None:
    with pytest.raises(SchemaError, match=next(iter(wrong))):
        cs.simulate(small_population(), 10, seed=1, **wrong)
    with pytest.raises(SchemaError, match="population"):
        cs.simulate({}, 10, seed=1)


def linear() -> Population:
    """Return a population whose truths are known by arithmetic."""
    return Population.declared(
        {
            "a": {"meaning": "a", "mechanism": "logistic", "intercept": assumed(0.0)},
            "true_u": {"meaning": "u", "mechanism": "normal", "intercept": assumed(0.0), "sd": assumed(1.0)},
            "x": {
                "meaning": "x",
                "mechanism": "logistic",
                "intercept": assumed(-1.0),
                "effects": [{"of": "a", **assumed(2.0)}],
            },
            "y": {
                "meaning": "y",
                "mechanism": "normal",
                "intercept": assumed(0.0),
                "sd": assumed(1.0),
                "effects": [
                    {"of": "x", **assumed(0.5)},
                    {"of": "a", **assumed(1.0)},
                    {"of": "true_u", **assumed(1.0)},
                    {"of": "x", "also": {"of": "a"}, **assumed(0.25)},
                ],
            },
        }
    )


def test_true_effects_are_those_of_arithmetic() -> None:
    truth = cs.true_effect(linear(), "x", "y", values=(1, 0), n=20_000, seed=1)
    assert truth.value == pytest.approx(0.625, abs=4.5 * truth.std_error)
    assert 0 < truth.std_error < 0.01
    among = cs.true_effect(linear(), "x", "y", values=(1, 0), n=20_000, seed=1, among="a == 1")
    assert among.value == pytest.approx(0.75, abs=1e-12)
    spread = np.sqrt(2.0)
    shares = [0.5 * (norm.sf((1 - x * 0.5) / spread) + norm.sf((0 - x * 0.75) / spread)) for x in (1, 0)]
    asked = {"values": (1, 0), "n": 200_000, "seed": 2}
    for measure, expected in {
        "difference": shares[0] - shares[1],
        "ratio": shares[0] / shares[1],
        "odds_ratio": shares[0] / (1 - shares[0]) / (shares[1] / (1 - shares[1])),
    }.items():
        found = cs.true_effect(linear(), "x", "y > 1", measure=measure, **asked)
        assert found.value == pytest.approx(expected, abs=4.5 * found.std_error), measure
        assert found.std_error < 0.02 * expected


def test_true_attributable_fraction_is_that_of_arithmetic() -> None:
    spread = np.sqrt(2.0)
    share = {(x, a): norm.sf((1 - 0.5 * x - a - 0.25 * x * a) / spread) for x in (0, 1) for a in (0, 1)}
    exposed = [1 / (1 + np.exp(1)), 1 / (1 + np.exp(-1))]
    actual = np.mean([exposed[a] * share[1, a] + (1 - exposed[a]) * share[0, a] for a in (0, 1)])
    expected = 1 - np.mean([share[0, a] for a in (0, 1)]) / actual
    found = cs.true_attributable_fraction(linear(), "x", "y > 1", reference=0, n=400_000, seed=3)
    assert found.value == pytest.approx(expected, abs=4.5 * found.std_error)
    assert found.to_frame().loc[0, "measure"] == "attributable_fraction"


def test_true_means_are_those_of_arithmetic() -> None:
    asked = {"n": 100_000, "seed": 4}
    found = cs.true_mean(linear(), "y", **asked)
    exposed = [1 / (1 + np.exp(1)), 1 / (1 + np.exp(-1))]
    assert found.value == pytest.approx(np.mean([0.5 * exposed[0], 1 + 0.75 * exposed[1]]), abs=4.5 * found.std_error)
    assert 0.5 * np.sqrt(2.2 / 100_000) < found.std_error < 2 * np.sqrt(2.6 / 100_000)
    among = cs.true_mean(linear(), "y > 1", do={"x": 1}, among="a == 1", **asked)
    assert among.value == pytest.approx(norm.sf((1 - 1.75) / np.sqrt(2)), abs=4.5 * among.std_error)
    assert among.to_frame().loc[0, "outcome"] == "y > 1"
    assert "<table" in among._repr_html_()


def test_the_error_of_a_truth_is_its_spread_over_seeds() -> None:
    found = [cs.true_effect(linear(), "x", "y > 1", values=(1, 0), n=640, seed=seed) for seed in range(60)]
    spread = np.std([each.value for each in found], ddof=1)
    told = np.sqrt(np.mean([each.std_error**2 for each in found]))
    assert told == pytest.approx(spread, rel=4.5 / np.sqrt(2 * 59))


def test_luck_that_villages_share_counts_in_the_error() -> None:
    population = small_population().with_parameters(
        {"true_magnesium_mmol_l.true_village": Sourced(0.1, "1", "", status="assumed", note="large")}
    )
    found = [cs.true_mean(population, "true_magnesium_mmol_l", n=6400, seed=seed) for seed in range(40)]
    spread = np.std([each.value for each in found], ddof=1)
    told = np.sqrt(np.mean([each.std_error**2 for each in found]))
    assert told == pytest.approx(spread, rel=4.5 / np.sqrt(2 * 39))
    assert told > 1.5 * np.hypot(0.1, 0.055) / np.sqrt(6400)  # as though people had been drawn one by one


@pytest.mark.parametrize("measure", ["difference", "ratio", "odds_ratio", "attributable_fraction"])
def test_truths_of_batches_by_hand(measure: str) -> None:
    """Batches of unequal size: the error is that of the ratio of sums, by slopes found numerically."""
    rng = np.random.default_rng(5)
    people = rng.integers(50, 150, 64).astype(float)
    totals = np.column_stack([rng.binomial(people.astype(int), share) for share in (0.4, 0.2)] + [people])

    def value(means: np.ndarray) -> float:
        first, second = means
        return {
            "difference": first - second,
            "ratio": first / second,
            "odds_ratio": first * (1 - second) / (second * (1 - first)),
            "attributable_fraction": 1 - second / first,
        }[measure]

    means = totals[:, :2].sum(axis=0) / people.sum()
    slopes = [(value(means + step) - value(means - step)) / 2e-6 for step in 1e-6 * np.eye(2)]
    influence = np.array([(total - size * means) @ slopes for total, size in zip(totals[:, :2], people, strict=True)])
    found, error, _ = truths._compared(totals, measure)
    assert found == pytest.approx(value(means), rel=1e-12)
    assert error == pytest.approx(np.sqrt(64 * influence.var(ddof=1)) / people.sum(), rel=1e-6)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"among": "pregnant"}, "ask for a yes/no"),
        ({"among": "sex"}, "text"),
        ({"among": "age_years > 200"}, "holds for nobody"),
        ({"outcome": "cramps_per_week / cramps_per_week"}, "no answer"),
        ({"outcome": "1 == 1"}, "names no variable"),
        ({"outcome": "sex"}, "text"),
        ({"outcome": "cramps_per_week", "measure": "odds_ratio"}, "needs a yes/no outcome"),
        ({"outcome": "cramps_per_week < 0", "measure": "ratio"}, "does not exist"),
        ({"outcome": "cramps_per_week >= 0", "measure": "odds_ratio"}, "does not exist"),
        ({"values": (1, 0, 2)}, "two values"),
        ({"values": 1}, "two values"),
        ({"n": "1000"}, "n: is '1000'"),
        ({"seed": None}, "seed: is None"),
        ({"seed": True}, "seed: is True"),
        ({"exposure": ["ppi"]}, "is no variable"),
        ({"population": None}, "a Population"),
    ],
)
def test_truths_that_do_not_exist(wrong: dict[str, object], told: str) -> None:
    asked = {"population": Population(), "exposure": "ppi", "outcome": "magnesium_mmol_l", "values": (1, 0)}
    with pytest.raises(CrampstatsError, match=told):
        cs.true_effect(**{**asked, "n": 640, "seed": 1, **wrong})


def test_truths_that_cannot_be_asked_for() -> None:
    asked = {"values": (1, 0), "n": 1000, "seed": 1}
    with pytest.raises(SchemaError, match="descends from 'x'"):
        cs.true_effect(linear(), "x", "y", among="y > 0", **asked)
    with pytest.raises(SchemaError, match="'z' is no variable"):
        cs.true_effect(linear(), "z", "y", **asked)
    with pytest.raises(SchemaError, match="measure"):
        cs.true_effect(linear(), "x", "y", measure="slope", **asked)
    with pytest.raises(SchemaError, match="128"):
        cs.true_effect(linear(), "x", "y", values=(1, 0), n=100, seed=1)
