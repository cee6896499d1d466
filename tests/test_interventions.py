"""Scenarios and interventions: only what they name changes, and effects are those of arithmetic."""

import importlib

import numpy as np
import pandas as pd
import pytest
from declared import assumed, effect, small_population

from crampstats.errors import CrampstatsError, QuestionError, ReferenceDataError, SchemaError
from crampstats.population import (
    Intervention,
    Population,
    intervention_effects,
    interventions,
    scenarios,
    simulate,
    true_effect,
)
from crampstats.reference import claims
from crampstats.reference.parameters import intervention_tables, scenario_tables

# The treatments of the issue.
TREATMENTS = [
    "magnesium citrate",
    "magnesium oxide",
    "magnesium glycinate",
    "stretching",
    "massage",
    "warmth",
    "cold",
    "rest",
    "hydration",
    "activity",
    "less alcohol",
    "less caffeine",
    "stress reduction",
    "electrostimulation",
    "quinine",
    "painkillers",
    "muscle relaxants",
    "stopping a diuretic",
    "diet change",
]
STOP = Intervention("stop", "nobody takes a diuretic", {"diuretic": "none"}, ("true_magnesium_mmol_l",))
CURE = Intervention("cure", "nobody has diabetes", {"diabetes": 0})


@pytest.fixture
def few_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four populations in place of 64: enough where only signs and zeros are looked at."""
    for room in ("batches", "truths", "treatments"):
        monkeypatch.setattr(importlib.import_module(f"crampstats.population.{room}"), "BATCHES", 4)


def descendants(population: Population, names: set[str]) -> set[str]:
    """List what a chain of arrows reaches, by the drawn graph."""
    import networkx as nx

    graph = population.graph()
    return set(names).union(*(nx.descendants(graph, name) for name in names))


@pytest.mark.parametrize("name", list(scenario_tables()))
def test_a_scenario_changes_the_parameters_that_it_names_and_no_others(name: str) -> None:
    before, after = Population(), Population.scenario(name)
    changed = {each for each in before.parameters if before.parameters[each] != after.parameters[each]}
    row = scenarios().set_index("name").loc[name]
    assert changed == set(row["parameters"]) == set(scenario_tables()[name]["parameters"])
    assert after.variables == before.variables
    for each in changed:
        assert after.parameters[each].value == scenario_tables()[name]["parameters"][each]["value"]


@pytest.mark.usefixtures("few_batches")
def test_where_deficiency_matters_a_low_store_cramps_more() -> None:
    asked = {"values": (0.8, 1.0), "n": 20_000, "seed": 1, "measure": "ratio"}
    ratios = [
        true_effect(each, "true_body_store", "true_cramp_rate_per_week", **asked).value
        for each in (Population(), Population.scenario("deficiency matters"))
    ]
    assert ratios[1] > 1.1 * ratios[0] > 1.1


def test_an_unknown_scenario_names_the_choices() -> None:
    with pytest.raises(CrampstatsError, match=r"no scenario 'all is well'; choose from 'deficiency matters'"):
        Population.scenario("all is well")


def test_every_treatment_is_an_intervention() -> None:
    assert list(interventions()) == TREATMENTS
    assert [each.name for each in interventions().values()] == TREATMENTS


@pytest.mark.parametrize("name", TREATMENTS)
def test_interventions_name_variables_and_claims_that_exist(name: str) -> None:
    population, each = Population(), interventions()[name]
    assert set(each.do) <= set(population.names)
    assert set(each.acts_on) <= descendants(population, set(each.do)) - set(each.do)
    assert each.acts_on
    assert set(each.claims) <= set(claims()["id"])
    assert each.claims


@pytest.mark.parametrize("name", TREATMENTS)
def test_a_treatment_reaches_what_it_acts_on(name: str) -> None:
    population, each = Population(), interventions()[name]
    columns = list(each.acts_on)
    before, after = (simulate(population, 20_000, seed=1, do=do, columns=columns) for do in ({}, each.do))
    for column in columns:
        assert not before[column].equals(after[column]), column


@pytest.mark.usefixtures("few_batches")
def test_interventions_of_the_packaged_population() -> None:
    outcomes = ["cramps_per_week", "cramp_pain", "magnesium_mg_dl <= 1.7", "age_years"]
    table = intervention_effects(Population(), outcomes, n=20_000, seed=1)
    assert len(table) == len(TREATMENTS) * len(outcomes)
    found = table.set_index(["intervention", "outcome"])
    same = found.xs("age_years", level="outcome")
    assert (same[["difference", "std_error"]] == 0).all(axis=None)
    assert (same["ratio"] == 1).all()
    for pain_only in ("painkillers", "muscle relaxants"):
        assert found.loc[(pain_only, "cramps_per_week"), "difference"] == 0
        assert found.loc[(pain_only, "cramp_pain"), "difference"] < 0
    assert found.loc[("quinine", "magnesium_mg_dl <= 1.7"), "difference"] == 0
    assert found.loc[("quinine", "cramps_per_week"), "ratio"] < 0.9


def effects(outcomes: list[str], **asked: object) -> pd.DataFrame:
    return intervention_effects(
        small_population(), outcomes, **{"n": 20_000, "seed": 1, "interventions": [STOP, CURE], **asked}
    )  # type: ignore[arg-type]


def test_effects_are_those_of_the_same_people_in_two_lives() -> None:
    # The level is linear and its ends are never reached: the thiazide's -0.018 for those who take it, exactly.
    table = effects(["true_magnesium_mmol_l"], among="diuretic == 'thiazide'").iloc[0]
    assert table["difference"] == pytest.approx(0.018, abs=1e-12)
    assert table["std_error"] == pytest.approx(0.0, abs=1e-12)
    assert table["forced"] - table["as_it_is"] == table["difference"]
    assert 0 < table["people"] < table["n"] == 20_000
    everybody = effects(["true_magnesium_mmol_l", "diuretic == 'thiazide'"]).set_index(["intervention", "outcome"])
    users = everybody.loc[("stop", "diuretic == 'thiazide'")]
    assert users["as_it_is"] == table["people"] / 20_000
    assert users["forced"] == users["ratio"] == 0
    level = everybody.loc[("stop", "true_magnesium_mmol_l")]
    assert level["difference"] == pytest.approx(0.018 * users["as_it_is"], abs=1e-12)
    assert level["std_error"] == pytest.approx(0.018 * users["std_error"], rel=1e-6)


def test_an_effect_is_that_of_true_effect_where_both_force_everybody() -> None:
    forced = Intervention("all", "everybody", {"diabetes": 1})
    found = effects(["cramps_per_week", "magnesium_mg_dl <= 1.7"], interventions=[forced, CURE])
    found = found.set_index(["intervention", "outcome"])["forced"]
    for outcome in ("cramps_per_week", "magnesium_mg_dl <= 1.7"):
        truth = true_effect(small_population(), "diabetes", outcome, values=(1, 0), n=20_000, seed=1)
        assert found["all", outcome] == pytest.approx(truth.exposed, rel=1e-12)
        assert found["cure", outcome] == pytest.approx(truth.reference, rel=1e-12)


def test_what_does_not_descend_from_what_is_forced_stays_to_the_bit() -> None:
    table = effects(["age_years", "cramps_per_week", "diabetes"]).set_index(["intervention", "outcome"])
    for untouched in (("stop", "age_years"), ("stop", "cramps_per_week"), ("stop", "diabetes"), ("cure", "age_years")):
        assert tuple(table.loc[untouched, ["difference", "std_error", "ratio"]]) == (0, 0, 1)
    forced = simulate(small_population(), 2000, seed=1, do=STOP.do)["cramps_per_week"]
    assert forced.equals(simulate(small_population(), 2000, seed=1)["cramps_per_week"])
    assert table.loc[("cure", "cramps_per_week"), "difference"] < 0
    assert table.loc[("cure", "cramps_per_week"), "std_error"] > 0


def test_the_error_of_a_difference_is_its_spread_over_seeds() -> None:
    coins = {
        "diabetes": {"meaning": "x", "mechanism": "logistic", "intercept": assumed(0.0)},
        "low": {
            "meaning": "y",
            "mechanism": "logistic",
            "intercept": assumed(-1.0),
            "effects": [effect("diabetes", 1.0)],
        },
    }
    asked = {"n": 640, "interventions": [CURE]}
    found = [
        intervention_effects(Population.declared(coins), ["low == 1"], seed=seed, **asked).iloc[0]  # type: ignore[arg-type]
        for seed in range(60)
    ]
    spread = np.std([each["difference"] for each in found], ddof=1)
    told = np.sqrt(np.mean([each["std_error"] ** 2 for each in found]))
    assert told == pytest.approx(spread, rel=4.5 / np.sqrt(2 * 59))
    # Half have it; of them the share falls from expit(0) to expit(-1), in the same people.
    mean = np.mean([each["difference"] for each in found])
    assert mean == pytest.approx(0.5 * (1 / (1 + np.e) - 0.5), abs=4.5 * told / np.sqrt(60))


def test_a_mean_of_zero_has_no_ratio() -> None:
    table = effects(["diabetes > 1"]).set_index("intervention")
    assert np.isnan(table.loc["cure", "ratio"])
    assert table.loc["cure", "difference"] == 0


def test_effects_that_cannot_be_found() -> None:
    wrong = [
        Intervention("one", "", {"diuretic": "potassium-sparing", "quinine": 1}),
        Intervention("two", "", {"diabetes": 2}, ("age_years",)),
        CURE,
        CURE,
    ]
    with pytest.raises(SchemaError) as caught:
        effects(["cramps_per_week", "pain"], interventions=wrong[:3])
    report = str(caught.value)
    for part in (
        "pain: is asked for and is no variable",
        "one: diuretic: cannot be forced to 'potassium-sparing'",
        "one: quinine: is to be forced and is no variable",
        "two: diabetes: cannot be forced to 2",
        "two: age_years: is said to be acted on; expected a descendant of diabetes",
    ):
        assert part in report
    with pytest.raises(SchemaError) as caught:
        effects([], interventions=[*wrong[2:], "prayer"], n=1)
    report = str(caught.value)
    for part in ("outcomes: is []", "has 'prayer'", "has 'cure' twice", "n: is 1"):
        assert part in report
    with pytest.raises(SchemaError, match="outcomes: is 'age_years'"):
        effects("age_years")  # type: ignore[arg-type]
    with pytest.raises(SchemaError, match=r"interventions: is \[\]"):
        effects(["age_years"], interventions=[])
    with pytest.raises(QuestionError, match="for nobody of 640"):
        effects(["age_years"], among="age_years > 200", n=640)


def test_an_intervention_forces_something_under_a_name() -> None:
    with pytest.raises(SchemaError) as caught:
        Intervention(" ", "nothing", {})
    assert {fault.column for fault in caught.value.faults} == {"name", "do"}


@pytest.mark.parametrize(
    ("reader", "text"),
    [(scenario_tables, '["none"]\nmeaning = "changes nothing"'), (intervention_tables, '[prayer]\nmeaning = "no do"')],
)
def test_faulty_packaged_tables_are_refused(monkeypatch: pytest.MonkeyPatch, reader, text: str) -> None:  # type: ignore[no-untyped-def]
    import tomllib

    monkeypatch.setattr("crampstats.reference.parameters._packaged", lambda name: tomllib.loads(text))
    with pytest.raises(ReferenceDataError, match="has to have meaning"):
        reader()
