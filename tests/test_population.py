"""The declaration of a population: what is read, what is refused, what a user may change."""

import pickle
from pathlib import Path

import pandas as pd
import pytest
from declared import assumed, effect, small_population, tables

import crampstats as cs
from crampstats.errors import CrampstatsError, ReferenceDataError, SchemaError
from crampstats.population import Population
from crampstats.population.declarations import MECHANISMS
from crampstats.reference import Sourced


def sourced(value: float, unit: str = "1") -> Sourced:
    return Sourced(value, unit, "", status="assumed", note="for a test")


def test_the_packaged_population_is_complete() -> None:
    population = Population()
    asked = (
        "age_years age_group sex region village diabetes egfr_ml_min alcohol diuretic ppi pregnant supplement neuropathy "
        "dietary_magnesium_mg_day true_body_store true_magnesium_mmol_l magnesium_mg_dl magnesium_mmol_l potassium_mmol_l "
        "ionised_magnesium_mmol_l calcium_mmol_l exertion_hours_week fluid_intake_l_day true_cramp_proneness "
        "cramps_per_week cramps_per_month cramp_class cramp_site red_flags"
    )
    assert set(asked.split()) <= set(population.names)
    assert population.variable("true_body_store").truth
    assert not population.variable("magnesium_mg_dl").truth


def test_every_packaged_number_has_a_source_or_a_reason() -> None:
    table = Population().to_frame()
    known = set(cs.reference.sources()["key"])
    assert table["parameter"].is_unique
    assert set(table["status"]) == {"published", "derived", "assumed"}
    printed = table[table["status"] != "assumed"]
    assert set(printed["source"]) <= known
    assert (printed["source"] != "").all()
    assert (table.loc[table["status"] == "assumed", "note"].str.len() > 10).all()
    assert (table.loc[table["status"] == "derived", "where"] != "").all()


def test_parents_come_before_their_children() -> None:
    seen: set[str] = set()
    for variable in Population().variables:
        assert set(variable.parents) <= seen, variable.name
        seen.add(variable.name)


def test_the_small_population_has_every_mechanism() -> None:
    used = {table["mechanism"] for table in tables().values()}
    assert used == set(MECHANISMS)


def test_names_of_parameters_say_where_they_stand() -> None:
    names = set(small_population().parameters)
    assert {
        "sex.female",
        "diabetes.intercept",
        "diabetes.age_years above 40",
        "diuretic[thiazide].age_years",
        "diuretic[thiazide].sex = female and age_years at least 60",
        "true_magnesium_mmol_l.log diet_mg_day",
        "true_rate.age_years below 50",
        "true_proneness.shape",
    } <= names


def test_a_parameter_can_be_changed_and_the_old_population_stays() -> None:
    old = small_population()
    new = old.with_parameters({"diabetes.intercept": sourced(-2.0)})
    assert new.parameters["diabetes.intercept"].value == -2.0
    assert old.parameters["diabetes.intercept"].value == -3.0
    assert new.variables is old.variables
    assert new != old


def test_all_faults_of_changed_parameters_are_listed_at_once() -> None:
    wrong = {
        "diabetes.intercep": sourced(1.0),
        "diabetes.intercept": 1.0,
        "sex.female": sourced(1.2),
        "true_drawn_mmol_l.within_cv": sourced(-0.1),
        "village.number": sourced(10.5),
        "region.east": sourced(0.9),
        "true_proneness.shape": sourced(0.8, "years"),
    }
    with pytest.raises(SchemaError) as raised:
        small_population().with_parameters(wrong)
    told = {fault.column: str(fault) for fault in raised.value.faults}
    assert set(told) == {*wrong, "region.east + region.south + region.west"} - {"region.east"}
    assert "'diabetes.intercept'" in told["diabetes.intercep"]
    assert "value with unit and source" in told["diabetes.intercept"]
    assert "0 to 1" in told["sex.female"]
    assert "whole number" in told["village.number"]
    assert "add up to 1.4" in told["region.east + region.south + region.west"]
    assert "unit '1'" in told["true_proneness.shape"]


def test_a_file_of_parameters(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        '[sources]\nmy_study = "We, 2026."\n\n["diabetes.intercept"]\nvalue = -2\nunit = "1"\nsource = "my_study"\n'
        'where = "table 1"\n\n["sex.female"]\nvalue = 0.5\nunit = "1"\nstatus = "assumed"\nnote = "a clinic"\n'
    )
    changed = small_population().with_file(path)
    assert changed.parameters["diabetes.intercept"] == Sourced(-2.0, "1", "my_study", "table 1")
    assert changed.parameters["sex.female"].value == 0.5


def test_all_faults_of_a_file_are_listed_at_once(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        '["diabetes.intercept"]\nvalue = -2\nunit = "1"\nsource = "nobody2026"\n\n["sex.female"]\nvalue = 0.5\n'
        'unit = "1"\n\n["region.east"]\nvalue = "a fifth"\nunit = "1"\n\n["diuretic"]\nvalue = 1\nunit = "1"\n'
        'status = "assumed"\nnote = "x"\n\n["region.west"]\nvalue = 0.2\nunit = "1"\nstatus = "assumed"\nreason = "x"\n'
    )
    with pytest.raises(SchemaError) as raised:
        small_population().with_file(path)
    told = {fault.column: str(fault) for fault in raised.value.faults}
    assert set(told) == {"diabetes.intercept", "sex.female", "region.east", "diuretic", "region.west"}
    assert "nobody2026" in told["diabetes.intercept"]
    assert "needs a source" in told["sex.female"]
    assert "number" in told["region.east"]
    assert "no parameter" in told["diuretic"]
    assert "reason" in told["region.west"]


@pytest.mark.parametrize("text", ["a = ", '[sources]\nx = 1\n["sex.female"]\nvalue = 1'])
def test_a_file_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ReferenceDataError, match=r"mine\.toml"):
        small_population().with_file(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ReferenceDataError, match="cannot be read"):
        small_population().with_file(tmp_path / "none.toml")


def changed(name: str, **keys: object) -> dict[str, dict[str, object]]:
    """Return the small declaration with some keys of one variable changed; None takes a key away."""
    declared = tables()
    declared[name].update(keys)
    declared[name] = {key: value for key, value in declared[name].items() if value is not None}
    return declared


@pytest.mark.parametrize(
    ("declaration", "column", "told"),
    [
        (changed("sex", mechanism="magic"), "sex", "mechanism = 'magic'"),
        (changed("sex", mechanism=None), "sex", "lacks 'mechanism'"),
        (changed("sex", meaning=None), "sex", "lacks 'meaning'"),
        (changed("sex", colour="red"), "sex", "unknown key 'colour'"),
        (changed("sex", levels=["male"]), "sex", "different texts"),
        (changed("sex", shares={}), "sex.female", "lacks value"),
        (changed("sex", shares={"female": assumed(0.5), "other": assumed(0.1)}), "sex.other", "no level"),
        (changed("sex", shares={"female": assumed(1.5)}), "sex.female", "is 1.5"),
        (changed("age_years", standard="mars"), "age_years", "mars"),
        (changed("age_years", lowest="20"), "age_years", "lowest"),
        (changed("age_group", edges=[60, 40]), "age_group", "ascend"),
        (changed("age_group", labels=["young", "old"]), "age_group", "3 labels"),
        (changed("village", of="sexx"), "village", "of = 'sexx'"),
        (changed("village", of="age_years"), "village", "a category"),
        (changed("village", number=assumed(0)), "village.number", "at least 1"),
        (changed("true_village", of="sex"), "true_village", "groups"),
        (changed("diabetes", intercept=None), "diabetes.intercept", "missing"),
        (changed("diabetes", intercept=3), "diabetes.intercept", "bare value"),
        (changed("diabetes", effects=[effect("heart", 1.0)]), "diabetes", "of = 'heart'"),
        (changed("diabetes", effects=[effect("sex", 1.0)]), "diabetes", "sex is a category"),
        (changed("diabetes", effects=[effect("sex", 1.0, level="girl")]), "diabetes", "'girl'"),
        (changed("diabetes", effects=[effect("age_years", 1.0, above=1, below=2)]), "diabetes", "together"),
        (changed("diabetes", effects=[effect("age_years", 1.0, per=0)]), "diabetes", "per not 0"),
        (changed("diabetes", effects=[effect("age_years", 1.0, beyond=3)]), "diabetes", "beyond"),
        (changed("diabetes", effects=[effect("age_years", 1.0)] * 2), "diabetes.age_years", "twice"),
        (changed("diabetes", effects={"of": "sex"}), "diabetes", "array of tables"),
        (changed("diuretic", otherwise="none"), "diuretic", "only_if"),
        (changed("diuretic", choices={"thiazide": {"intercept": assumed(0)}}), "diuretic[loop].intercept", "lacks"),
        (changed("sex", levels=[f"level {i}" for i in range(200)]), "sex", "are 200"),
        (changed("sex", levels=[["male"], "female"]), "sex", "different texts"),
        (changed("age_years", lowest=-5), "age_years", "from 0 to 98"),
        (changed("age_group", labels=["a", "a", "b"]), "age_group", "different texts"),
        (changed("age_group", edges=[40, float("nan")]), "age_group", "ascend"),
        (changed("age_group", edges=list(range(200)), labels=None), "age_group", "126 numbers"),
        (changed("diabetes", effects=[effect("age_years", 1.0, also="sex")]), "diabetes", "also = 'sex'"),
        (
            changed("diabetes", effects=[effect("age_years", 1.0, also={"of": "sex", "level": "male", "x": 1})]),
            "diabetes",
            "unknown x",
        ),
        (changed("diabetes", effects=[effect("age_years", 1.0, at_least=60, per=10)]), "diabetes", "per with at_least"),
        (changed("diabetes", effects=[effect("age_years", 1.0, above=float("inf"))]), "diabetes", "numbers"),
        (changed("diet_mg_day", effects=[effect("true_village", 1.0, log_from=1.0)]), "diet_mg_day", "0 or less"),
        (changed("diabetes", intercept=assumed(30.0)), "diabetes.intercept", "log scale"),
        (changed("true_magnesium_mmol_l", high=float("inf")), "true_magnesium_mmol_l", "finite"),
        (changed("true_drawn_mmol_l", of="sex"), "true_drawn_mmol_l", "is a category"),
        (changed("cramps_per_week", of="diet_mg_day"), "cramps_per_week", "mechanism is rate"),
        (changed("cramps_per_month", windows=1e10), "cramps_per_month", "at most 1000"),
        (
            changed("cramp_site", only_if=[{"of": "cramps_per_month", "at_least": 1, "at_most": "k"}]),
            "cramp_site",
            "as numbers",
        ),
        (changed("cramp_site", only_if=[{"of": "sex", "at_least": 1}]), "cramp_site", "is a category"),
        (changed("cramp_site", choices={"foot": "x"}), "cramp_site[foot]", "is 'x'"),
        (changed("day_of_year", first=400), "day_of_year", "first below last"),
        (changed("day_of_year", last="end"), "day_of_year", "last"),
        (changed("frequent", all_of=None, any_of=None), "frequent", "no condition"),
        (changed("cramps_a_year", low=2000.0), "cramps_a_year", "low below high"),
        (changed("diabetes", effects=[effect("age_years", 1.0, peak=3)]), "diabetes", "together with a period"),
        (changed("diet_mg_day", sd=assumed(-1)), "diet_mg_day.sd", "is -1"),
        (changed("true_magnesium_mmol_l", low=3.0), "true_magnesium_mmol_l", "low below high"),
        (changed("true_drawn_mmol_l", within_cv=assumed(0.5)), "true_drawn_mmol_l.within_cv", "0.25"),
        (changed("magnesium_mg_dl", step=0.3), "magnesium_mg_dl", "step = 0.3"),
        (changed("magnesium_mg_dl", to_unit="pound"), "magnesium_mg_dl", "pound"),
        (changed("true_proneness", prone=assumed(0.0)), "true_proneness.prone", "above 0"),
        (changed("true_rate", high=0), "true_rate", "above 0"),
        (changed("cramps_per_month", windows=-1), "cramps_per_month", "above 0"),
        (changed("cramp_site", only_if=[{"of": "cramps_per_month"}]), "cramp_site", "a level, or"),
        (changed("red_flags", certain_if=[{"of": "cramp_site", "level": "nose"}]), "red_flags", "'nose'"),
    ],
)
def test_a_faulty_declaration_says_where(declaration: dict, column: str, told: str) -> None:
    with pytest.raises(SchemaError) as raised:
        Population.declared(declaration)
    assert any(fault.column == column and told in str(fault) for fault in raised.value.faults), str(raised.value)


@pytest.mark.parametrize("tables_given", [None, [], {}])
def test_what_is_no_declaration(tables_given: object) -> None:
    with pytest.raises(SchemaError, match="at least one"):
        Population.declared(tables_given)


@pytest.mark.parametrize("name", ["", "a b", "x/within", 5])
def test_names_are_those_that_questions_can_name(name: object) -> None:
    with pytest.raises(SchemaError, match="is no name"):
        Population.declared({name: tables()["sex"]})


def test_parameters_cannot_be_changed_in_place() -> None:
    with pytest.raises(TypeError):
        small_population().parameters["sex.female"] = sourced(0.4)


@pytest.mark.parametrize("wrong", [None, [], "a"])
def test_parameters_that_are_no_mapping(wrong: object) -> None:
    with pytest.raises(SchemaError, match="a mapping of names"):
        small_population().with_parameters(wrong)


def test_a_source_that_nobody_knows_is_refused() -> None:
    with pytest.raises(SchemaError, match="nobody2099"):
        small_population().with_parameters({"sex.female": Sourced(0.6, "1", "nobody2099", where="x")})


def test_citations_of_a_file_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    text = '[sources]\n{}= "We, 2026."\n\n["sex.female"]\nvalue = 0.5\nunit = "1"\nsource = "{}"\n'
    path.write_text(text.format("ours", "ours"))
    changed_population = small_population().with_file(path)
    assert changed_population.citations == {"ours": "We, 2026."}
    again = changed_population.with_parameters({"diabetes.intercept": Sourced(-2.5, "1", "ours")})
    assert again.citations == changed_population.citations
    path.write_text(text.format("grandner2017", "grandner2017"))
    with pytest.raises(ReferenceDataError, match="grandner2017"):
        small_population().with_file(path)
    with pytest.raises(ReferenceDataError, match="path=99"):
        small_population().with_file(99)


def test_faults_of_many_variables_are_listed_at_once() -> None:
    declared = changed("sex", shares={"female": assumed(1.5)})
    declared["diabetes"]["intercept"] = 3
    declared["magnesium_mg_dl"]["step"] = 0.3
    declared["note"] = "not a table"
    with pytest.raises(SchemaError) as raised:
        Population.declared(declared)
    assert {fault.column for fault in raised.value.faults} >= {
        "sex.female",
        "diabetes.intercept",
        "magnesium_mg_dl",
        "note",
    }


def test_schema_and_frames() -> None:
    population = small_population()
    assert population.variable("sex").column.levels == ("male", "female")
    assert len(population.to_frame()) == len(population.parameters)
    assert "22 variables" in repr(population)
    assert "<table" in population._repr_html_()
    with pytest.raises(CrampstatsError, match="no variable 'x'"):
        population.variable("x")
    with pytest.raises(CrampstatsError, match="both"):
        Population(variables=())


def test_a_population_can_be_sent_to_another_process() -> None:
    population = small_population()
    again = pickle.loads(pickle.dumps(population))
    assert again == population
    pd.testing.assert_frame_equal(cs.simulate(again, 100, seed=1), cs.simulate(population, 100, seed=1))


def test_an_arrow_for_each_parent() -> None:
    population = small_population()
    arrows = {(parent, variable.name) for variable in population.variables for parent in variable.parents}
    assert set(population.graph().edges) == arrows
