"""The example study: its files are what their script makes, the clinic's export is right, and broken is what is listed."""

import importlib.util
import re
import warnings
from functools import cache

import numpy as np
import pandas as pd
import pytest
from places import ROOT

import crampstats as cs
from crampstats.datasets.own import StudyWarning
from crampstats.errors import SchemaError
from crampstats.schema import faults_frame

FOLDER = ROOT / "data" / "example"
spec = importlib.util.spec_from_file_location("make_example", FOLDER / "make_example.py")
example = importlib.util.module_from_spec(spec)
spec.loader.exec_module(example)

DESIGN = {"weight": "Gewichtung", "stratum": "Region", "cluster": "Ort-Nr."}
HALF_MG_DL = 0.005 / 2.4305  # half of the last digit of the export, in mmol/L
NAMED = {
    "Gewichtung": "weight",
    "Region": "region",
    "Ort-Nr.": "village",
    "Polyneuropathie": "neuropathy",
    "Diuretikum, Art": "diuretic_kind",
    "Alkohol": "alcohol",
    "eGFR [ml/min/1,73 m²]": "egfr_ml_min",
    "Mg Zweitmessung [mmol/l]": "second_magnesium_mmol_l",
    "Krampfort": "cramp_site",
    "Bemerkung": "remark",
}


@cache
def study() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "study.csv")


@cache
def clinic() -> cs.Survey:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StudyWarning)
        return cs.datasets.read_study(FOLDER / "clinic_export.csv", columns=NAMED, **DESIGN)


def surveys() -> tuple[cs.Survey, cs.Survey]:
    return cs.Survey(study(), weight="weight", stratum="region", cluster="village"), clinic()


@pytest.mark.parametrize("name", ["study.csv", "clinic_export.csv", "broken_export.csv", "README.md"])
def test_the_files_are_what_their_script_makes(name: str) -> None:
    made, committed = example.files()[name], (FOLDER / name).read_bytes()
    assert set(example.files()) == {path.name for path in FOLDER.iterdir() if path.is_file()} - {"make_example.py"}
    assert made.decode("cp1252" if "export" in name else "utf-8").split("\n") == committed.decode(
        "cp1252" if "export" in name else "utf-8"
    ).split("\n"), "python data/example/make_example.py writes the files anew"
    assert len(committed) < 150_000


def test_the_study_is_a_two_stage_sample_as_its_dictionary_says() -> None:
    data = study()
    assert 550 <= len(data) <= 700
    assert data.groupby("region")["village"].nunique().to_dict() == dict.fromkeys(["north", "east", "south", "west"], 8)
    assert data.groupby("village")["region"].nunique().max() == 1
    assert data.groupby("village").size().between(8, 24).all()
    assert data["id"].is_unique
    assert not [name for name in data if name.startswith("true_")]
    schema = example.schema()
    schema.check(data.drop(columns="id"))
    assert ["id", *(column.name for column in schema.columns)] == list(data)
    gaps = data.isna().sum()
    assert {name for name in data if gaps[name]} == {column.name for column in schema.columns if column.missing}
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(\w+)` \| .* \| (\d+) \|$", readme, flags=re.MULTILINE)
    assert {name: int(count) for name, count in told} == gaps.to_dict()


def test_older_people_are_oversampled_and_weights_undo_it() -> None:
    data = study()
    people = cs.simulate(cs.Population(), example.PEOPLE, seed=example.PEOPLE_SEED)
    old = (people["age_years"] >= 60).mean()
    drawn = data["age_years"] >= 60
    assert drawn.mean() > old + 0.1
    estimate = cs.prevalence(surveys()[0], "age_years >= 60")
    assert abs(estimate.value[0] - old) < 3 * estimate.std_error[0]  # three standard errors, as any survey may be off
    # Villages by size, in each the same number of people: weights add up to the people but for chance and non-response.
    assert data["weight"].sum() == pytest.approx(example.PEOPLE, rel=0.1)
    assert data["magnesium_mmol_l"].isna().mean() == pytest.approx(0.05, abs=0.03)
    blood = ["second_magnesium_mmol_l", *(name for name in example.TOGETHER[example.MAGNESIUM])]
    assert data.loc[data["magnesium_mmol_l"].isna(), blood].isna().all(axis=None)
    assert not (study()["cramps_per_week"] > study()["cramps_per_month"]).any()


def test_the_export_is_read_without_a_fault_and_one_warning_tells_what_is_unknown() -> None:
    path = FOLDER / "clinic_export.csv"
    raw = path.read_bytes()
    assert raw.decode("cp1252").count("\r\n") == raw.count(b"\r\n") > len(study())
    assert b"Wadenkr\xe4mpfe" in raw  # Windows-1252
    with pytest.warns(StudyWarning) as caught:
        plain = cs.datasets.read_study(path, **DESIGN)
    (warning,) = [one.message for one in caught]
    assert (warning.faults, warning.dropped) == ((), ())
    unknown = {header for _, header, known, _ in example.EXPORT if not known} - set(DESIGN.values())
    assert {fault.column for fault in warning.told} == {"(whole row)", *unknown}
    with pytest.warns(StudyWarning) as caught:
        named = cs.datasets.read_study(path, columns=NAMED, **DESIGN)
    assert [fault.problem for one in caught for fault in one.message.told] == ["empty, left out"]
    assert (len(plain), len(named)) == (len(study()), len(study()))
    assert (
        repr(named)
        == f"<Survey clinic_export: {len(study())} of {len(study())} people, 32 clusters in 4 strata, 28 df>"
    )


def test_the_export_holds_the_same_people() -> None:
    data, read = study(), clinic().data
    assert read["id"].tolist() == data["id"].tolist()
    exact = ("weight", "village", "age_years", "pregnant", "diabetes", "ppi", "egfr_ml_min", "second_magnesium_mmol_l")
    for name in (*exact, "potassium_mmol_l", "cramps_per_week", "cramps_per_month"):
        np.testing.assert_array_equal(read[name].to_numpy(float, na_value=np.nan), data[name].to_numpy(float), name)
    np.testing.assert_array_equal(read["magnesium_supplement"].to_numpy(float), data["supplement"].to_numpy(float))
    np.testing.assert_array_equal(read["diuretic"].to_numpy(float), (data["diuretic"] != "none").to_numpy(float))
    assert read["sex"].astype(str).tolist() == data["sex"].tolist()
    words = {"region": example.REGION, "alcohol": example.ALCOHOL, "cramp_site": example.SITE}
    words["neuropathy"] = {0: "nein", 1: "ja"}
    for name, spelled in words.items():
        assert read[name].fillna("").tolist() == data[name].map(spelled).fillna("").tolist(), name
    assert read["diuretic_kind"].fillna("").tolist() == data["diuretic"].map(example.DIURETIC_KIND).tolist()
    assert read["sample_date"].dt.year.eq(2025).all()
    for name, half in {"magnesium_mmol_l": HALF_MG_DL, "calcium_mmol_l": 0.005 / 4.0078}.items():
        values, converted = data[name].to_numpy(), read[name].to_numpy()
        assert np.array_equal(np.isnan(values), np.isnan(converted))
        # Half of the last digit of the export; molar masses are written here to five digits, hence one part in 10,000.
        assert np.nanmax(np.abs(converted - values)) <= half + 1e-4 * np.nanmax(values)
        np.testing.assert_array_equal(converted.round(2), values)


@pytest.mark.parametrize(
    "question", ["magnesium_mmol_l < 0.745", "magnesium_mmol_l < 0.795", "cramps_per_month >= 1", "diabetes == 1"]
)
def test_both_files_give_the_same_prevalence(question: str) -> None:
    column = question.split()[0]
    one, other = (
        # A category keeps its order and texts are sorted: the rows are put in one order.
        cs.prevalence(survey.observed(column), question, by=["sex"]).to_frame().sort_values("sex")
        for survey in surveys()
    )
    assert one["sex"].tolist() == other["sex"].tolist() == ["female", "male"]
    assert (one["estimate"] > 0).all()
    assert one["n"].tolist() == other["n"].tolist()
    for name in ("estimate", "std_error", "conf_low", "conf_high"):
        np.testing.assert_allclose(other[name], one[name], rtol=1e-12, err_msg=name)


def test_a_cut_off_that_is_a_reported_value_parts_the_files_as_the_dictionary_warns() -> None:
    one, other = (
        cs.prevalence(survey.observed("magnesium_mmol_l"), "magnesium_mmol_l < 0.75").value[0] for survey in surveys()
    )
    data = study()[study()["magnesium_mmol_l"].notna()]
    at = np.average(data["magnesium_mmol_l"] == 0.75, weights=data["weight"])
    assert at > 0.005
    assert other - one == pytest.approx(at, rel=1e-9)


def test_every_planted_fault_is_listed_at_once_and_nothing_else() -> None:
    with pytest.raises(SchemaError) as caught:
        cs.datasets.read_study(FOLDER / "broken_export.csv", **DESIGN)
    frame = faults_frame(caught.value.faults)
    found = set(zip(frame["row"].tolist(), frame["column"], frame["problem"], strict=True))
    assert found == {(row, header, problem) for row, header, _, problem in example.FAULTS}
    assert len(frame) == len(example.FAULTS)
    values = dict(zip(zip(frame["row"].tolist(), frame["column"], strict=True), frame["value"], strict=True))
    for row, header, text, _ in example.FAULTS:
        assert values[row, header] == text or header == example.ROW


def test_without_its_faults_the_broken_export_is_read() -> None:
    dropped = {row for row, *_ in example.FAULTS}
    with pytest.warns(StudyWarning) as caught:
        left = cs.datasets.read_study(FOLDER / "broken_export.csv", on_fault="drop")
    assert set(caught[0].message.dropped) == dropped
    assert len(left) == example.BROKEN_ROWS - len(dropped)
    whole = clinic().data.set_index("id").loc[left.data["id"], "magnesium_mmol_l"]
    np.testing.assert_array_equal(left.data["magnesium_mmol_l"], whole)


def test_the_clean_file_is_read_by_read_study_with_the_codes_of_the_dictionary() -> None:
    codes = {"diuretic": {"none": 0, "thiazide": 1, "loop": 1}}
    design = {"weight": "weight", "stratum": "region", "cluster": "village"}
    with pytest.warns(StudyWarning) as caught:
        read = cs.datasets.read_study(FOLDER / "study.csv", codes=codes, **design)
    assert caught[0].message.faults == ()
    np.testing.assert_array_equal(read.data["magnesium_mmol_l"], study()["magnesium_mmol_l"])
    question = "magnesium_mmol_l < 0.75"
    one, other = (cs.prevalence(survey.observed("magnesium_mmol_l"), question) for survey in (read, surveys()[0]))
    np.testing.assert_allclose(one.std_error, other.std_error, rtol=1e-12)


def test_the_code_of_the_dictionary_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    monkeypatch.chdir(ROOT)
    names: dict = {}
    with pytest.warns(StudyWarning):
        exec("".join(blocks), names)
    assert (names["study"].people, names["clinic"].people) == (len(study()), len(study()))
