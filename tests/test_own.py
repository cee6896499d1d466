"""A user's own file: what is read from every format, what is refused, and what is told (rows as in the file)."""

import csv
import datetime as dt
import importlib.util
import io
import re
import struct
import sys
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyreadstat
import pytest
from places import ROOT

import crampstats as cs
from crampstats.datasets.own import STUDY, StudyFileError, StudyWarning, headers, read_study, study, xport
from crampstats.errors import CrampstatsError, DesignError, SchemaError
from crampstats.schema import faults_frame

FIXTURES = Path(__file__).parent / "own"
spec = importlib.util.spec_from_file_location("make_clinic_export", FIXTURES / "make_clinic_export.py")
clinic = importlib.util.module_from_spec(spec)
spec.loader.exec_module(clinic)

Faults = set[tuple[int | None, str, str]]
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return what writes text, lines or bytes into a file and gives its path."""

    def writes(content: str | bytes | list[str], name: str = "lab.csv", encoding: str = "utf-8") -> Path:
        text = "\n".join(content) + "\n" if isinstance(content, list) else content
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return path

    return writes


def faults_of(error: SchemaError) -> Faults:
    """Return row, column and problem of each value at fault."""
    frame = faults_frame(error.faults).astype(object)
    return {
        (None if row is pd.NA else row, column, problem)
        for column, row, problem in zip(frame["column"], frame["row"], frame["problem"], strict=True)
    }


def refused(path: Path, **wishes: object) -> Faults:
    """Return the faults of a file that is not read."""
    with pytest.raises(SchemaError) as caught:
        read_study(path, **wishes)
    assert type(caught.value) is SchemaError
    return faults_of(caught.value)


def told(path: Path, **wishes: object) -> tuple[cs.Survey, StudyWarning]:
    """Return what is read, and the one warning about it."""
    with pytest.warns(StudyWarning) as caught:
        result = read_study(path, **wishes)
    assert [warning.category for warning in caught] == [StudyWarning]
    assert caught[0].filename == __file__
    return result, caught[0].message


def magnesium(result: cs.Survey) -> list[float | None]:
    values = result.data["magnesium_mmol_l"]
    return [None if np.isnan(value) else round(value, 6) for value in values]


# --- a messy export of a clinic ---------------------------------------------------------------------------------------


def test_the_export_is_what_its_script_writes_and_holds_a_hundred_faults() -> None:
    data, wrong = clinic.export()
    assert (FIXTURES / "clinic_export.csv").read_bytes() == data
    with (FIXTURES / "clinic_export_faults.csv").open(encoding="utf-8") as file:
        listed = [(int(row["row"]), row["column"], row["problem"]) for row in csv.DictReader(file)]
    assert listed == wrong
    assert len(set(listed)) == len(listed) == 100


@pytest.mark.parametrize("seed", [clinic.SEED, *range(12)])
def test_every_fault_of_the_export_is_found_in_its_place_and_nothing_else(seed: int, write: Write) -> None:
    data, wrong = clinic.export(seed)
    path = write(data, "export.csv")
    with pytest.raises(SchemaError) as caught:
        read_study(path)
    assert faults_of(caught.value) == set(wrong)
    assert len(faults_frame(caught.value.faults)) == 100
    lines = data.decode("cp1252").split("\r\n")
    physical = [line for record in lines for line in record.split("\n")]
    for fault in caught.value.faults:
        for row, value in zip(fault.rows, fault.values, strict=True):
            assert value.replace('"', "") in physical[row - 1].replace('"', "")


def test_the_message_gives_rows_columns_values_and_what_is_expected() -> None:
    with pytest.raises(SchemaError) as caught:
        read_study(FIXTURES / "clinic_export.csv")
    lines = str(caught.value).splitlines()
    assert lines[0] == (
        "clinic_export.csv (rows are numbered as the lines of the file, the header being line 1): "
        f"{len(caught.value.faults)} faults."
    )
    assert len(lines) == 1 + len(caught.value.faults)
    assert (
        "  - Mg i.S. [mg/dL]: outside the plausible range (row 29: '-1,9', row 103: '0', row 242: '85,0'); expected a "
        "number from 0.05 to 20 mmol/L or missing, in the file from 0.1215 to 48.61 mg/dL"
    ) in lines


def people_of_the_export() -> dict[int, dict[str, str]]:
    """Return the whole rows of the export by their lines, read by other means."""
    text = (FIXTURES / "clinic_export.csv").read_bytes().decode("cp1252")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";")
    rows, line = {}, 1
    for cells in reader:
        if line > 1 and any(cells) and len(cells) == len(clinic.HEADERS):
            rows[line] = dict(zip(clinic.HEADERS, cells, strict=True))
        line = reader.line_num + 1
    return rows


def test_the_export_is_read_without_its_faults_when_they_are_dropped() -> None:
    wishes = {"missing": ["hämolytisch"], "censored": "half_limit", "on_fault": "drop"}
    result, warning = told(FIXTURES / "clinic_export.csv", **wishes)
    _, wrong = clinic.export()
    forgiven = {"not a number": 4, clinic.LIMIT: 4, "above the limit of detection": 1}
    cells = Counter(problem for _, column, problem in wrong if column == "Mg i.S. [mg/dL]")
    assert {problem: cells[problem] for problem in forgiven} == {**forgiven, "not a number": 6}
    people = people_of_the_export()
    haemolytic = {line for line, row in people.items() if row["Mg i.S. [mg/dL]"] == "hämolytisch"}
    limits = {row for row, _, problem in wrong if problem in {clinic.LIMIT, "above the limit of detection"}}
    leave_out = {row for row, _, _ in wrong} - haemolytic - limits
    assert set(warning.dropped) == leave_out
    assert {row for fault in warning.faults for row in fault.rows} == leave_out
    assert warning.rows == clinic.PEOPLE + len(clinic.TOTALS) == len(result) + len(leave_out)
    rows = [row for line, row in people.items() if line not in leave_out]
    assert list(result.data["id"]) == [row["Fallnummer"] for row in rows]
    gone = {"", "na", "n/a", "k.a.", "k. a.", "fehlt", "-", "–", ".", "n.d.", "nan", "hämolytisch"}
    for row, value in zip(rows, result.data["magnesium_mmol_l"], strict=True):
        text = row["Mg i.S. [mg/dL]"].strip()
        if text.casefold() in gone:
            assert np.isnan(value)
        else:
            number = float(text.strip("<>= ").replace(",", "."))
            assert value == pytest.approx(number / (2 if "<" in text else 1) / 2.4305, rel=1e-12)
    sexes = {"m": "male", "w": "female", "d": "diverse"}
    expected = [
        sexes.get(row["Geschlecht (m/w/d)"].lower()[:1])
        if row["Geschlecht (m/w/d)"].strip().casefold() not in gone
        else None
        for row in rows
    ]
    assert [None if value != value else value for value in result.data["sex"]] == expected
    assert warning.counts["below the limit of detection, taken as half the limit"] == 4
    assert warning.counts["above the limit of detection, taken as the limit"] == 1
    assert warning.counts["empty, left out"] == 1
    assert warning.counts["rows dropped"] == len(leave_out)
    assert result.data.columns[-2:].tolist() == ["gewicht", "bemerkung"]
    assert result.data["bemerkung"].iloc[0] == "zweimal gemessen;\nerster Wert verworfen"


# --- every format -----------------------------------------------------------------------------------------------------

PEOPLE = pd.DataFrame(
    {
        "ID": [101, 102, 103, 104],
        "Alter": [61.0, 45.0, np.nan, 0.0],
        "Geschlecht": ["w", "m", "w", "d"],
        "Mg": [1.7, 2.05, np.nan, 2.5],
        "ppi": [1, 0, 0, 1],
    }
)
EXPECTED = pd.DataFrame(
    {
        "id": pd.Series(["101", "102", "103", "104"], dtype="str"),
        "age_years": [61.0, 45.0, np.nan, 0.0],
        "sex": pd.Categorical(["female", "male", "female", "diverse"], categories=["male", "female", "diverse"]),
        "magnesium_mmol_l": np.array([1.7, 2.05, np.nan, 2.5]) / 2.4305,
        "ppi": pd.Series([1, 0, 0, 1], dtype="Int8"),
    }
)
LABELS = {"Mg": "Serum-Magnesium (mg/dl)"}


def text_file(path: Path, delimiter: str, encoding: str, decimal: str = ".") -> None:
    text = PEOPLE.rename(columns={"Mg": "Serum-Magnesium (mg/dl)"}).to_csv(sep=delimiter, index=False, decimal=decimal)
    path.write_bytes(text.encode(encoding))


FORMATS: dict[str, Callable[[Path], object]] = {
    "comma.csv": lambda path: text_file(path, ",", "utf-8"),
    "mark.csv": lambda path: text_file(path, ",", "utf-8-sig"),
    "semicolon.csv": lambda path: text_file(path, ";", "cp1252", ","),
    "wide.csv": lambda path: text_file(path, ";", "utf-16", ","),
    "wide-le.txt": lambda path: text_file(path, "\t", "utf-16-le"),
    "wide-be.txt": lambda path: text_file(path, "\t", "utf-16-be"),
    "four.csv": lambda path: text_file(path, ",", "utf-32"),
    "tab.tsv": lambda path: text_file(path, "\t", "latin-1", ","),
    "pipe.txt": lambda path: text_file(path, "|", "utf-8"),
    "quoted.csv": lambda path: text_file(path, ",", "utf-8", ","),
    "sheet.xlsx": lambda path: PEOPLE.rename(columns={"Mg": "Mg [mg/dL]"}).to_excel(path, index=False),
    "columns.parquet": lambda path: PEOPLE.rename(columns={"Mg": "Mg [mg/dL]"}).to_parquet(path, index=False),
    "transport.xpt": lambda path: pyreadstat.write_xport(
        PEOPLE.rename(columns={"Geschlecht": "sex"}), str(path), file_format_version=5, column_labels=LABELS
    ),
    "spss.sav": lambda path: pyreadstat.write_sav(PEOPLE, str(path), column_labels=LABELS),
    "stata.dta": lambda path: PEOPLE.to_stata(path, write_index=False, variable_labels=LABELS),
    "STATA.DTA": lambda path: PEOPLE.to_stata(path, write_index=False, variable_labels=LABELS),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_study(name: str, tmp_path: Path) -> None:
    FORMATS[name](tmp_path / name)
    result = read_study(tmp_path / name)
    pd.testing.assert_frame_equal(result.data, EXPECTED, rtol=1e-14)
    assert result.name == name.rpartition(".")[0]
    assert result.data["age_years"].iloc[3] == 0.0  # pandas reads 5.4e-79 from a transport file
    assert repr(result) == f"<Survey {result.name}: 4 of 4 people, 1 stratum, 3 df>"


CODED = PEOPLE.assign(
    Geschlecht=[2, 1, 2, 3], ppi=[1.0, 2.0, 2.0, 1.0], Station=[1.0, 2.0, 1.0, 1.0], Alter=[61.0, 45.0, 999.0, 0.0]
)
MEANINGS = {
    "Geschlecht": {1: "männlich", 2: "weiblich", 3: "divers"},
    "ppi": {1: "Ja", 2: "Nein"},
    "Station": {1: "Innere", 2: "Chirurgie"},
    "Alter": {999: "k.A."},
}


def stata_with_labels(path: Path) -> None:
    whole = CODED.astype({"ppi": int, "Station": int, "Alter": int})
    whole.to_stata(path, write_index=False, variable_labels=LABELS, value_labels=MEANINGS)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        (
            "labels.sav",
            lambda path: pyreadstat.write_sav(CODED, str(path), column_labels=LABELS, variable_value_labels=MEANINGS),
        ),
        ("labels.dta", stata_with_labels),
    ],
)
def test_what_spss_and_stata_say_of_their_codes_is_heard(
    name: str, make: Callable[[Path], None], tmp_path: Path
) -> None:
    make(tmp_path / name)
    result = read_study(tmp_path / name, columns={"Station": "ward"})
    ward = pd.Series(["Innere", "Chirurgie", "Innere", "Innere"], dtype="str")
    pd.testing.assert_frame_equal(result.data, EXPECTED.assign(ward=ward), rtol=1e-14)
    swapped = read_study(tmp_path / name, columns={"Station": "ward"}, codes={"sex": {1: "female", 2: "male"}})
    assert swapped.data["sex"].tolist() == ["male", "female", "male", "diverse"]


def test_parquet_with_gaps_types_and_large_identifiers(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "id": pd.Series([2**60 + 1, 2**60 + 2, 2**60 + 3], dtype="Int64"),
            "magnesium_mmol_l": [0.8, 0.9, None],
            "diabetes": [True, None, False],
            "sex": pd.Categorical(["male", None, "female"]),
            "sample_date": pd.to_datetime(["2024-03-01", None, "2024-03-02"]),
            "batch": pd.Series([2**60 + 1, None, 3], dtype="Int64"),
            "nested": [[1, 2], [3], None],
            "flag": [True, False, True],
            "drawn": [dt.time(7, 30), None, dt.time(8)],
        }
    )
    frame.to_parquet(tmp_path / "typed.parquet", index=False)
    keep = {name: name for name in ("batch", "nested", "flag", "drawn")}
    data = read_study(tmp_path / "typed.parquet", columns=keep).data
    assert data["id"].tolist() == [str(2**60 + number) for number in (1, 2, 3)]
    assert data["batch"].tolist() == [2**60 + 1, pd.NA, 3]
    assert data["diabetes"].tolist() == [1, pd.NA, 0]
    assert data["sample_date"].tolist() == [pd.Timestamp("2024-03-01"), pd.NaT, pd.Timestamp("2024-03-02")]
    assert data["nested"].dropna().tolist() == ["[1, 2]", "[3]"]
    assert data["flag"].tolist() == [True, False, True]
    assert data["drawn"].dropna().tolist() == ["07:30:00", "08:00:00"]
    assert data["sex"].isna().tolist() == [False, True, False]


# --- headers ----------------------------------------------------------------------------------------------------------

HEADERS = {
    "Mg": ("magnesium_mmol_l", None),
    "Magnesium i.S.": ("magnesium_mmol_l", None),
    "Serum-Mg [mg/dl]": ("magnesium_mmol_l", "mg/dL"),
    "Magnesium (mmol/l)": ("magnesium_mmol_l", "mmol/L"),
    "Mg, mval/l": ("magnesium_mmol_l", "mEq/L"),
    "Mg2+ [mmol·l⁻¹]": ("magnesium_mmol_l", "mmol/L"),
    "MG\n(MG/DL)": ("magnesium_mmol_l", "mg/dL"),
    "P-Mg mEq/L": ("magnesium_mmol_l", "mEq/L"),
    "magnesium_mmol_l": ("magnesium_mmol_l", "mmol/L"),
    "K+": ("potassium_mmol_l", None),
    "Kalium im Serum (mmol/l)": ("potassium_mmol_l", "mmol/L"),
    "Kalzium [mmol/L]": ("calcium_mmol_l", "mmol/L"),
    "Ca2+ gesamt": ("calcium_mmol_l", None),
    "Natrium": ("sodium_mmol_l", None),
    "BZ mg%": ("glucose_mmol_l", "mg/dL"),
    "Glukose": ("glucose_mmol_l", None),
    "Kreatinin (µmol/l)": ("creatinine_umol_l", "µmol/L"),
    "Kreatinin (μmol/l)": ("creatinine_umol_l", "µmol/L"),
    "creatinine_umol_l": ("creatinine_umol_l", "µmol/L"),
    "Albumin g/dl": ("albumin_g_l", "g/dL"),
    "Patienten-ID": ("id", None),
    "Fallnummer": ("id", None),
    "Entnahmedatum": ("sample_date", None),
    "Alter": ("age_years", None),
    "Alter in Jahren": ("age_years", "years"),
    "Alter (Monate)": ("age_years", "months"),
    "Geschlecht (1=m, 2=w)": ("sex", None),
    "Diabetes (ja/nein)": ("diabetes", None),
    "Diuretikum": ("diuretic", None),
    "PPI": ("ppi", None),
    "schwanger": ("pregnant", None),
    "Krämpfe": ("cramps", None),
    "Kra\u0308mpfe": ("cramps", None),  # as macOS writes umlauts
    "Krämpfe/Woche": ("cramps_per_week", None),
    "Wadenkrämpfe pro Monat": ("cramps_per_month", None),
    "cramps per week": ("cramps_per_week", None),
}
# Half a match is none.
UNKNOWN = (
    *("Gewicht", "weight", "Ca (ionisiert)", "Mg im Urin (mmol/l)", "Kreatinin-Clearance", "Krämpfe pro Nacht"),
    *("Alter der Mutter", "Diabetes [mmol/l]", "mg/dl", "Mg [g/hl]", "HbA1c (%)", "N", "Возраст", "[]", ""),
)


@pytest.mark.parametrize(("header", "expected"), HEADERS.items())
def test_known_headers(header: str, expected: tuple[str, str | None]) -> None:
    heading = headers.read_heading(header)
    assert (heading.column, heading.unit) == expected


@pytest.mark.parametrize("header", UNKNOWN)
def test_unknown_headers(header: str) -> None:
    assert headers.read_heading(header).column is None
    assert headers.clean_name(header).isidentifier()


def packaged(name: str) -> list[dict[str, str]]:
    text = (ROOT / "src/crampstats/datasets/tables" / f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def test_the_table_of_headers_says_one_thing_of_each() -> None:
    rows = packaged("study_headers")
    assert all(headers.read_heading(row["header"]).column == row["column"] for row in rows)
    assert {row["column"] for row in rows} == set(study.NAMES)
    assert len({row["header"] for row in rows}) == len(rows)
    assert all(headers.read_heading(name).column == name for name in study.NAMES)
    units = packaged("study_units")
    assert all(headers.read_unit(row["spelling"]) == row["unit"] for row in units)
    admitted = {unit for name in study.NAMES for unit in study.admitted_units(name)}
    assert {row["unit"] for row in units} == admitted


def test_the_study_is_a_schema_with_units_in_its_names() -> None:
    assert STUDY.name == "a study of magnesium and cramps"
    for name, measure in study.MEASURES.items():
        column = study.COLUMNS[name]
        assert headers.read_unit(name.removeprefix(f"{measure.substance}_")) == column.unit
        assert column.low < measure.seen[0] < measure.usual[0] < measure.usual[1] < measure.seen[1] < column.high
        assert column.unit in measure.customary
        for unit in study.admitted_units(name):
            there = study.to_study_unit(3.0, name, unit)
            assert there > 0
            assert (there == 3.0) == (study.to_study_unit(1.0, name, unit) == 1.0)


def test_columns_are_mapped_as_the_user_says(write: Write) -> None:
    path = write(["Nr.;AU5800;Mg (mmol/l);Kg", "1;2,1;0,8;80", "2;1,9;0,7;81"])
    wishes = {"columns": {"AU5800": "magnesium", "nr.": "id", "Kg": "body_weight_kg"}, "units": {"AU5800": "mg/dL"}}
    result, warning = told(path, **wishes)
    assert list(result.data) == ["id", "magnesium_mmol_l", "mg_mmol_l", "body_weight_kg"]
    assert magnesium(result) == [round(2.1 / 2.4305, 6), round(1.9 / 2.4305, 6)]
    assert [fault.column for fault in warning.told] == ["Mg (mmol/l)"]  # which would have been magnesium otherwise
    assert result.data["mg_mmol_l"].tolist() == [0.8, 0.7]


def test_unknown_headers_are_kept_and_told(write: Write) -> None:
    path = write(
        ["id,Größe (cm),2. Besuch,class,Mg (mmol/l),PLZ,mixed", "a,170,3.5,x,0.8,01067,NA", "b,,4,y,0.9,80331,-"]
    )
    result, warning = told(path)
    assert list(result.data) == ["id", "groesse_cm", "x_2_besuch", "class_", "magnesium_mmol_l", "plz", "mixed"]
    assert result.data["groesse_cm"].tolist() == [170, pd.NA]
    assert result.data["x_2_besuch"].tolist() == [3.5, 4.0]
    assert result.data["plz"].tolist() == ["01067", "80331"]
    assert result.data["mixed"].isna().all()
    assert {fault.column for fault in warning.told} == {"Größe (cm)", "2. Besuch", "class", "PLZ", "mixed"}
    assert "not a column of the study, kept as 'groesse_cm'" in str(warning)
    assert result.where("x_2_besuch >= 4").people == 1


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            "Mg (mmol/l);Magnesium (mmol/l)",
            {(None, "magnesium_mmol_l", "'Mg (mmol/l)', 'Magnesium (mmol/l)' all become this column")},
        ),
        ("Mg (mmol/l);x;X", {(None, "x", "'x', 'X' all become this column")}),
        ("Mg (mmol/l);Mg (mmol/l)", {(None, "Mg (mmol/l)", "stands in the header more than once")}),
        (
            "Mg (mmol/l);",
            {(2, "(column 2)", "holds values and has no header"), (3, "(column 2)", "holds values and has no header")},
        ),
        ("Glukose [mval/l];y", {(None, "Glukose [mval/l]", "the unit mEq/L is none of it")}),
        ("a;b", {(None, "(header)", "no column of the study among 'a', 'b'")}),
    ],
)
def test_headers_that_cannot_be_used(header: str, expected: Faults, write: Write) -> None:
    extra = ";1" * (header.count(";") - 1)
    if header.endswith(";"):  # a cell beyond the last header is a row of another shape, so there is one more behind it
        header, extra = header + ";id", ";i"
    path = write([header, f"0,8;0,8{extra}", f"0,9;0,9{extra}2"])
    assert refused(path) == expected
    assert refused(path, on_fault="drop") == expected


# --- units ------------------------------------------------------------------------------------------------------------

IN_UNITS = {
    "Magnesium [mmol/L]": ("magnesium_mmol_l", 0.85, 0.85),
    "Magnesium [mg/dL]": ("magnesium_mmol_l", 2.0, 2.0 / 2.4305),
    "Magnesium [mEq/L]": ("magnesium_mmol_l", 1.7, 0.85),
    "Magnesium [µmol/L]": ("magnesium_mmol_l", 850, 0.85),
    "Kalzium [mg/dL]": ("calcium_mmol_l", 9.6, 9.6 / 4.0078),
    "Kalzium [mval/l]": ("calcium_mmol_l", 4.8, 2.4),
    "Kalium [mval/l]": ("potassium_mmol_l", 4.1, 4.1),
    "Natrium [mmol/l]": ("sodium_mmol_l", 140, 140.0),
    "BZ [mg/dl]": ("glucose_mmol_l", 99, 99 / 18.0156),
    "Kreatinin [mg/dl]": ("creatinine_umol_l", 0.9, 9000 / 113.12),
    "Kreatinin [mmol/l]": ("creatinine_umol_l", 0.08, 80.0),
    "Albumin [g/dl]": ("albumin_g_l", 4.2, 42.0),
    "Alter (Monate)": ("age_years", 18, 1.5),
}


@pytest.mark.parametrize(("header", "expected"), IN_UNITS.items())
def test_units_are_read_from_the_header_or_given(header: str, expected: tuple[str, float, float], write: Write) -> None:
    column, number, value = expected
    cells = [f"{number}", f"{number * 1.01}", f"{number * 1.02}"]
    result = read_study(write([f'"{header}"', *cells]))
    assert result.data[column].tolist() == pytest.approx([value, value * 1.01, value * 1.02], rel=1e-12)
    name, unit = re.fullmatch(r"(\S+) [\[(](.*)[\])]", header).groups()
    for key in (name, column, *([study.MEASURES[column].substance] if column in study.MEASURES else ["age"])):
        again = read_study(write([name, *cells]), units={key: unit})
        assert again.data[column].tolist() == result.data[column].tolist()


def test_no_unit_is_an_error_with_the_evidence(write: Write) -> None:
    path = write(["id;Mg", *(f"{number};{value}" for number, value in enumerate(["1,9", "2,1", "2,0", "n.d.", "3,1"]))])
    with pytest.raises(SchemaError, match="neither the header nor units= says the unit") as caught:
        read_study(path)
    (fault,) = caught.value.faults
    assert (fault.column, fault.rows) == ("Mg", ())
    assert fault.expected == (
        "the unit in the header, as in 'Mg [mg/dL]', or units={'magnesium_mmol_l': ...}, one of mmol/L, µmol/L, mg/dL, "
        "mEq/L; 75 % of the values are usual as mg/dL (median 0.843 mmol/L), 75 % as mEq/L (median 1.02 mmol/L), "
        "0 % as mmol/L (median 2.05 mmol/L)"
    )
    assert refused(path, on_fault="drop") == refused(path)
    assert magnesium(read_study(write(["id;Mg", "1;", "2;NA"]))) == [None, None]


@pytest.mark.parametrize(
    ("header", "values", "better"),
    [
        ("Mg [mmol/l]", (2.0, 1.9, 2.2, 1.75), "mg/dL"),
        ("Mg [mg/dl]", (0.8, 0.9, 0.85, 0.7), "mmol/L"),
        ("Ca [mmol/l]", (9.1, 9.6, 10.1, 8.8), "mg/dL"),
        ("Ca [mval/l]", (2.4, 2.3, 2.2, 2.5), "mmol/L"),
        ("Glukose [mmol/l]", (99, 120, 88, 250), "mg/dL"),
        ("Kreatinin [µmol/l]", (0.9, 1.1, 0.7, 2.1), "mg/dL"),
        ("Albumin [g/l]", (4.1, 3.9, 4.5, 2.8), "g/dL"),
        ("Kalium [mg/dl]", (4.1, 3.9, 4.5, 5.0), "mmol/L"),
    ],
)
def test_values_of_another_unit_are_refused_or_kept_by_wish(
    header: str, values: tuple[float, ...], better: str, write: Write
) -> None:
    path = write([header, *map(str, values)])
    stated = headers.read_heading(header).unit
    problem = f"the values are far more usual as {better} than as {stated}"
    with pytest.raises(SchemaError) as caught:
        read_study(path, on_fault="drop")
    assert faults_of(caught.value) == {(None, header, problem)}
    assert f"100 % of the values are usual as {better} (median" in str(caught.value)
    assert f"0 % as {stated} (median" in str(caught.value)
    column = headers.read_heading(header).column
    result, _ = told(path, units={column: better})
    assert result.data[column].tolist() == pytest.approx(
        [study.to_study_unit(value, column, better) for value in values]
    )


def test_units_of_the_user_go_before_the_header_and_that_is_told(write: Write) -> None:
    result, warning = told(write(["Mg [mmol/l]", "2.0", "1.9"]), units={"magnesium": "mg/dl"})
    assert magnesium(result) == [round(2.0 / 2.4305, 6), round(1.9 / 2.4305, 6)]
    assert [fault.problem for fault in warning.told] == ["the header says mmol/L, units= says mg/dL: taken as mg/dL"]
    kept, warning = told(write(["Mg [mmol/l]", "2.0", "1.9"]), other_unit="keep")
    assert magnesium(kept) == [2.0, 1.9]
    assert [fault.problem for fault in warning.told] == [
        "the values are far more usual as mg/dL than as mmol/L, kept as they stand"
    ]


def test_two_units_in_one_column_are_listed_by_row(write: Write) -> None:
    path = write(
        ["id,Mg (mmol/l)", *(f"a{n},{v}" for n, v in enumerate(["0.85", "2.1", "0.79", "1.55", "0.42", "1.9", "0.91"]))]
    )
    problem = "fits mg/dL only, not mmol/L"
    # 1.55 and 0.42 mmol/L are ill, not in another unit.
    assert refused(path) == {(3, "Mg (mmol/l)", problem), (7, "Mg (mmol/l)", problem)}
    kept, warning = told(path, other_unit="keep")
    assert magnesium(kept) == [0.85, 2.1, 0.79, 1.55, 0.42, 1.9, 0.91]
    assert [(fault.problem, fault.rows) for fault in warning.told] == [(f"{problem}, kept as it stands", (3, 7))]
    left, warning = told(path, on_fault="drop")
    assert magnesium(left) == [0.85, 0.79, 1.55, 0.42, 0.91]
    assert warning.dropped == (3, 7)


def test_values_that_hardly_anybody_has_are_told(write: Write) -> None:
    path = write(["id,Mg [mg/dL]", *(f"a{n},{v}" for n, v in enumerate(["1.9", "2.1", "20", "4.2", "0.2", "1.2"]))])
    kept, warning = told(path)
    assert magnesium(kept) == pytest.approx([value / 2.4305 for value in (1.9, 2.1, 20, 4.2, 0.2, 1.2)], rel=1e-4)
    (fault,) = warning.told
    assert (fault.problem, fault.rows) == ("hardly ever seen, a decimal sign may be lost", (4, 6))
    assert fault.expected == "values from 0.547 to 7.78 mg/dL; kept as they stand, look at these rows"


def test_rows_left_out_are_told_by_the_name_of_the_survey(write: Write) -> None:
    path = write(["id,Mg (mmol/l)", "a,0.8", "a,0.9", "b,0.7", "c,0.8"])
    left, _ = told(path, on_fault="drop", name="clinic")
    assert left.name == "clinic, 2 of 4 rows left out for faults"
    assert cs.prevalence(left, "magnesium_mmol_l < 0.75").source == left.name


# --- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "wishes", "expected"),
    [
        (["0,85", "0,9", "1"], {}, [0.85, 0.9, 1.0]),
        (["0.85", "0.9", "1"], {}, [0.85, 0.9, 1.0]),
        (["0.853", "0.912", "1.012"], {}, [0.853, 0.912, 1.012]),
        (["0,853", "0,912", "1,012"], {}, [0.853, 0.912, 1.012]),
        ([",85", "+0,9", "9e-1"], {}, [0.85, 0.9, 0.9]),
        ([".85", "8.5E-01", "1."], {}, [0.85, 0.85, 1.0]),
        (["1.012", "1.013"], {"decimal": "."}, [1.012, 1.013]),
        (["1,012", "1,013"], {"decimal": ","}, [1.012, 1.013]),
    ],
)
def test_decimal_marks(cells: list[str], wishes: dict, expected: list[float], write: Write) -> None:
    assert (
        magnesium(read_study(write(["id;Mg (mmol/l)", *(f"{n};{cell}" for n, cell in enumerate(cells))]), **wishes))
        == expected
    )


@pytest.mark.parametrize("cells", [("1.012", "1.013"), ("1,012", "1,013"), ("0,9", "0.9")])
def test_decimal_marks_that_can_be_either_are_refused(cells: tuple[str, ...], write: Write) -> None:
    path = write(["id;Mg (mmol/l)", *(f"{n};{cell}" for n, cell in enumerate(cells))])
    problem = "decimal points or decimal commas: the numbers can be read either way"
    assert refused(path) == {(2, "Mg (mmol/l)", problem), (3, "Mg (mmol/l)", problem)}
    assert refused(path, on_fault="drop") == refused(path)


def test_a_column_without_evidence_follows_the_file_and_thousands_are_read(write: Write) -> None:
    lines = ["id;Mg (mmol/l);w", "1;0,85;1.234", "2;0,9;12.345", "3;0,8;1.234.567", "4;0,8;1.234,5"]
    data = read_study(write(lines), weight="w").data
    assert data["w"].tolist() == [1234.0, 12345.0, 1234567.0, 1234.5]
    english = ["id;Mg (mmol/l);w", "1;0.85;1,234", "2;0.9;12,345", "3;0.8;1,234,567", "4;0.8;1,234.5"]
    assert read_study(write(english), weight="w").data["w"].tolist() == data["w"].tolist()
    mixed = ["id;Mg (mmol/l);Kalium (mmol/l);w", "1;0.85;4,1;1,234", "2;0.9;4,2;2,345"]
    problem = "decimal points or decimal commas: the numbers can be read either way"
    assert refused(write(mixed), weight="w") == {(2, "w", problem), (3, "w", problem)}


@pytest.mark.parametrize(
    "text", ["1..2", "1,2,3", "0x1F", "inf", "1_000", "½", "0,9 mmol/l", "1 234", "--1", "nul", "=A1", "０，９"]
)
def test_what_is_no_number(text: str, write: Write) -> None:
    path = write(["id;Mg (mmol/l)", "a;0,9", "b;0,8", f"c;{text}"])
    assert refused(path) == {(4, "Mg (mmol/l)", "not a number")}


@pytest.mark.parametrize(
    "text",
    ["00.Jul", "01. Jul", "Jul 00", "07.00", "1.7.", "01.07.2024", "2024-07-01", "7/1", "07:30", "1-May", "Mär 85"],
)
def test_dates_that_a_spreadsheet_made_of_numbers(text: str, write: Write) -> None:
    path = write(["id;Mg (mmol/l)", "a;0,9", "b;0,8", f"c;{text}"])
    assert refused(path) == {(4, "Mg (mmol/l)", "a date or time, as spreadsheets make of numbers")}


@pytest.mark.parametrize("text", ["1e400", "-1", "0", "1000000", "9" * 400])
def test_impossible_numbers(text: str, write: Write) -> None:
    path = write(["id;Mg (mmol/l)", "a;0,9", "b;0,8", f"c;{text}"])
    assert refused(path) == {(4, "Mg (mmol/l)", "outside the plausible range")}


@pytest.mark.parametrize(
    ("censored", "expected"),
    [("missing", [0.9, None, None]), ("limit", [0.9, 0.5, 1.5]), ("half_limit", [0.9, 0.25, 1.5])],
)
def test_values_beyond_a_limit(censored: str, expected: list[float | None], write: Write) -> None:
    path = write(["id;Mg (mmol/l)", "a;0,9", "b;< 0,50", "c;>=1,5"])
    result, warning = told(path, censored=censored)
    assert magnesium(result) == expected
    assert {(fault.rows, fault.values) for fault in warning.told} == {((3,), ("< 0,50",)), ((4,), (">=1,5",))}
    assert all(
        fault.problem.split(", taken as ")[1] in {"missing", "the limit", "half the limit"} for fault in warning.told
    )
    below, above = "below the limit of detection", "above the limit of detection"
    assert refused(path) == {(3, "Mg (mmol/l)", below), (4, "Mg (mmol/l)", above)}


# --- codes and missing values -----------------------------------------------------------------------------------------


def test_codes_are_as_told_and_nothing_is_guessed(write: Write) -> None:
    path = write(["sex,ppi,Krämpfe pro Woche,diabetes", "1,x,nie,9", "2,,täglich,1", "m,x,2,0"])
    code = "not a known code"
    assert refused(path) == {
        (2, "sex", code),
        (3, "sex", code),
        (2, "ppi", code),
        (4, "ppi", code),
        (2, "Krämpfe pro Woche", "not a number"),
        (3, "Krämpfe pro Woche", "not a number"),
        (2, "diabetes", code),
    }
    codes = {
        "sex": {1: "male", "2": "female"},
        "ppi": {"X": True, "": "no"},
        "cramps_per_week": {"nie": 0, "täglich": 7},
        "diabetes": {9: None},
    }
    data = read_study(path, codes=codes).data
    assert data["sex"].tolist() == ["male", "female", "male"]
    assert data["ppi"].tolist() == [1, 0, 1]
    assert data["cramps_per_week"].tolist() == [0.0, 7.0, 2.0]
    assert data["diabetes"].tolist() == [pd.NA, 1, 0]


def test_words_for_yes_no_and_sex(write: Write) -> None:
    words = [
        ("Ja", "M"),
        ("nein", "weiblich"),
        ("YES", "male"),
        ("no", "Female"),
        ("TRUE", "d"),
        ("falsch", "Frau"),
        ("1", "männlich"),
        ("0,0", "f"),
    ]
    data = read_study(write(["cramps;Geschlecht", *map(";".join, words)])).data
    assert data["cramps"].tolist() == [1, 0, 1, 0, 1, 0, 1, 0]
    assert data["sex"].tolist() == ["male", "female", "male", "female", "diverse", "female", "male", "female"]
    assert list(data["sex"].cat.categories) == ["male", "female", "diverse"]


@pytest.mark.parametrize("marker", ["", "NA", "n/a", "NaN", "k.A.", "K. A.", "fehlt", "-", "–", ".", "n.d.", "  "])
def test_markers_of_missing_values(marker: str, write: Write) -> None:
    data = read_study(
        write(
            ["id;Mg (mmol/l);sex;cramps;sample_date", "a;0,9;m;ja;1.3.2024", f"b;{marker};{marker};{marker};{marker}"]
        )
    ).data
    assert data.iloc[1].isna().tolist() == [False, True, True, True, True]
    assert data.iloc[0].notna().all()


@pytest.mark.parametrize("marker", ["null", "none", "keine", "kA", "0"])
def test_what_may_mean_zero_is_not_missing(marker: str, write: Write) -> None:
    path = write(["id;Mg (mmol/l)", "a;0,9", f"b;{marker}"])
    problem = "outside the plausible range" if marker == "0" else "not a number"
    assert refused(path) == {(3, "Mg (mmol/l)", problem)}


def test_missing_values_as_told(write: Write) -> None:
    path = write(["id;Mg (mmol/l);sex;note", "a;0,9;m;-999", "b;Hämolytisch;-999;x", "c;-999,0;m;hämolytisch"])
    data = read_study(path, missing=("hämolytisch", -999), columns={"note": "note"}).data
    assert data.isna().to_numpy().tolist() == [
        [False, False, False, True],
        [False, True, True, False],
        [False, True, False, True],
    ]


def test_dates(write: Write) -> None:
    texts = ["2024-03-01", "01.03.2024", "1.3.24", "01.03.1998 07:30", "2024-03-01T07:30:15.250", "1.3.98"]
    dates = read_study(write(["id;sample_date", *(f"{n};{text}" for n, text in enumerate(texts))])).data["sample_date"]
    assert dates.tolist() == [
        pd.Timestamp(text)
        for text in (
            "2024-03-01",
            "2024-03-01",
            "2024-03-01",
            "1998-03-01 07:30",
            "2024-03-01 07:30:15.25",
            "1998-03-01",
        )
    ]
    path = write(["id;sample_date", "1;03/01/2024", "2;30.02.2024", "3;2024-03-01 24:30"])
    assert refused(path) == {(row, "sample_date", "not a date") for row in (2, 3, 4)}
    kept = read_study(path, columns={"sample_date": "date_as_text"}).data
    assert kept["date_as_text"].tolist() == ["03/01/2024", "30.02.2024", "2024-03-01 24:30"]


def test_identifiers_are_text_and_no_two_are_alike(write: Write) -> None:
    path = write(["id;Mg (mmol/l)", "007;0,9", "7;0,8", " x ;0,8", "X;0,9", "x;0,9", ";0,9"])
    twice = "stands more than once"
    assert refused(path) == {(4, "id", twice), (6, "id", twice), (7, "id", "missing")}
    result, warning = told(path, on_fault="drop")
    assert result.data["id"].tolist() == ["007", "7", "X"]
    assert warning.dropped == (4, 6, 7)
    assert warning.counts == {"rows dropped": 3, twice: 2, "missing": 1}


# --- the shape of a file ----------------------------------------------------------------------------------------------

WHOLE = "(whole row)"


def test_cells_that_are_shielded_from_spreadsheets(write: Write) -> None:
    data = read_study(write(["id;Mg (mmol/l)", '="007";="0,9"', '="=";0,8'])).data
    assert data["id"].tolist() == ["007", "="]
    assert data["magnesium_mmol_l"].tolist() == [0.9, 0.8]


def test_rows_of_another_length(write: Write) -> None:
    path = write(["id;Mg (mmol/l);sex", "a;0,9;m", "b;0,8", "c;0,8;w;7", "d;0,8;w;", "e;0,8;w;;;", "f;0,7;"])
    fewer, more = "has fewer cells than there are headers", "has more cells than there are headers"
    assert refused(path) == {(3, WHOLE, fewer), (4, WHOLE, more)}
    result, warning = told(path, on_fault="drop")
    assert result.data["id"].tolist() == ["a", "d", "e", "f"]
    assert [(fault.rows, fault.values) for fault in warning.faults] == [((3,), ("b;0,8",)), ((4,), ("c;0,8;w;7",))]
    assert warning.rows == 6


def test_decimal_commas_between_commas_are_suspected(write: Write) -> None:
    path = write(["id,Mg (mmol/l)", "a,0,9", "b,0,8"])
    problem = "has more cells than there are headers; are decimal commas not quoted?"
    assert refused(path) == {(2, WHOLE, problem), (3, WHOLE, problem)}
    assert magnesium(read_study(write(["id,Mg (mmol/l)", 'a,"0,9"', 'b,"0,8"']))) == [0.9, 0.8]


def test_quoted_line_breaks_and_delimiters_and_blank_lines(write: Write) -> None:
    start = '\r\n\r\nid;note;Mg (mmol/l)\r\na;"one\r\ntwo; ""three""";0,9\r\n\r\nb; "x;y";0,8\r\n;;\r\n'
    end = "\r\n\r\n;;\r\n\r\n"
    with pytest.raises(SchemaError, match="the header being line 3") as caught:
        read_study(write(f"{start}c;z;99{end}"))
    assert faults_of(caught.value) == {(9, "Mg (mmol/l)", "outside the plausible range")}
    result, warning = told(write(f"{start}c;z;0,7{end}"), columns={"note": "note"})
    assert result.data["note"].tolist() == ['one\r\ntwo; "three"', "x;y", "z"]
    assert magnesium(result) == [0.9, 0.8, 0.7]
    assert [(fault.problem, fault.rows) for fault in warning.told] == [("empty, left out", (6, 8))]


@pytest.mark.parametrize(
    ("line", "word"),
    [("Summe;1,7;", "total"), ("Mittelwert = ;0,85;", "mean"), ("TOTAL:;;2", "total"), (";Gesamt;", "second cell")],
)
def test_a_row_of_totals_is_no_person(line: str, word: str, write: Write) -> None:
    path = write(["id;Mg (mmol/l);cramps_per_week", "a;0,9;1", "b;0,8;1", line])
    assert refused(path) == {(4, WHOLE, "a total, not a person")}, word
    result, warning = told(path, on_fault="drop")
    assert (len(result), warning.dropped, warning.rows) == (2, (4,), 3)


def test_a_word_that_means_a_total_may_be_a_value(write: Write) -> None:
    path = write(["resection;Mg (mmol/l)", "total;0,9", "partial;0,8", "total;0,8"])
    assert read_study(path, columns={"resection": "resection"}).data["resection"].tolist() == [
        "total",
        "partial",
        "total",
    ]


def test_a_quotation_mark_too_few_swallows_no_rows_in_silence(write: Write) -> None:
    lines = ["id;Mg (mmol/l);note", "a;0,9;x", 'b;0,8;"open', "c;0,8;x", 'd;0,8;closed"', "e;0,8;x"]
    assert refused(write(lines)) == {
        (3, WHOLE, "a quoted text holds other rows; is a quotation mark missing or too many?")
    }
    with pytest.raises(
        StudyFileError, match=r"^lab.csv: the row that begins in line 3 cannot be read \(unexpected end of data\)"
    ):
        read_study(write([*lines[:4], "d;0,8;never closed"]))
    with pytest.raises(StudyFileError, match="the row that begins in line 2 cannot be read"):
        read_study(write(["id;Mg (mmol/l)", '"a"b;0,9']))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty."),
        (b"\n\n ; ;\n", "it is empty."),
        (b"\xef\xbb\xbf", "it is empty."),
        (b"id;Mg (mmol/l)\n", "it holds a header in row 1 and no rows."),
        (b"\n\nid;Mg (mmol/l)\n;\n", "it holds a header in row 3 and no rows."),
        (b"PK\x03\x04\x14\x00", "it is an Excel workbook or another zip archive, whatever its name says"),
        (b"\xd0\xcf\x11\xe0\xa1", "it is an old Excel workbook"),
        (b"<HTML><table>", "it is a web page"),
        (b"id;Mg\n1;\x00\x01\x02", "it holds zero bytes"),
        (b"id;Mg\n1;\x07", "line 2 holds the control character 0x07"),
        (b"id;Mg\n1;" + bytes(range(128, 256)), "line 2 is not valid in cp1252"),
        ("id;Mg;Größe\n1;0,9;ä\n".encode() + b"2;0,8;\xe4\n", "line 3 is not valid UTF-8 and other lines are"),
        (b"\xff\xfei\x00d\x00;", "line 1 is not valid in utf-16-le"),
    ],
)
def test_files_that_are_no_table(content: bytes, message: str, write: Write) -> None:
    with pytest.raises(StudyFileError) as caught:
        read_study(write(content))
    assert str(caught.value).startswith(f"lab.csv: {message}")


def test_encodings_and_delimiters_as_told(write: Write) -> None:
    text = "id;Mg (mmol/l);Ort\n1;0,9;Köln\n2;0,8;Łódź\n"
    for encoding in ("utf-8", "utf-16", "cp1250", "utf-8-sig"):
        path = write(text, encoding=encoding)
        assert read_study(path, encoding=encoding, columns={"Ort": "ort"}).data["ort"].tolist() == ["Köln", "Łódź"]
    with pytest.raises(StudyFileError, match="line 2 is not valid in ascii"):
        read_study(write(text), encoding="ascii")
    for wrong in ("klingon", "hex", "idna\x00"):
        with pytest.raises(StudyFileError, match="is unknown; say for example"):
            read_study(write(text), encoding=wrong)
    either = write(["Mg, mval/l;Ort", "1,7;a", "1,8;b"])
    with pytest.raises(
        StudyFileError, match=r"comma and semicolon fit equally as delimiter: say which with delimiter=',', ';'"
    ):
        read_study(either)
    assert magnesium(read_study(either, delimiter=";", columns={"Ort": "ort"})) == [0.85, 0.9]
    assert magnesium(read_study(write(["sep=,", 'id,"Mg, mval/l"', "a,1.7", "b,1.8"]))) == [0.85, 0.9]
    assert refused(write(["sep=;", "id;Mg (mmol/l)", "a;0,9", "b;x"])) == {(4, "Mg (mmol/l)", "not a number")}
    assert magnesium(read_study(write(["Mg, mval/l;id", "1,7;a", "1,8;b"]))) == [0.85, 0.9]


def test_line_ends_of_all_systems(write: Write) -> None:
    for end in ("\n", "\r\n", "\r"):
        path = write(end.join(["id;Mg (mmol/l)", "a;0,9", "b;x", "c;0,8"]))
        assert refused(path) == {(3, "Mg (mmol/l)", "not a number")}


# --- workbooks --------------------------------------------------------------------------------------------------------


def workbook(path: Path, rows: list[list[object]], title: str = "Labor") -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    book.save(path)
    return book


def test_cells_of_a_sheet_that_are_no_numbers(tmp_path: Path) -> None:
    path = tmp_path / "lab.xlsx"
    rows = [
        ["id", "Mg (mmol/l)", "ppi"],
        [1, 0.9, True],
        [2, dt.datetime(2024, 7, 1), False],
        [3, dt.time(16, 48), 1],
        [4, True, "ja"],
    ]
    workbook(path, [*rows, [5, "0,85", "nein"], [6, "#N/A", None], [], ["7", "< 0,5", 2], [8, 0.7, 1, "stray"]])
    date = "a date or time, as spreadsheets make of numbers"
    assert refused(path) == {
        (3, "Mg (mmol/l)", date),
        (4, "Mg (mmol/l)", date),
        (5, "Mg (mmol/l)", "true or false, not a number"),
        (7, "Mg (mmol/l)", "not a number"),
        (9, "Mg (mmol/l)", "below the limit of detection"),
        (9, "ppi", "not a known code"),
        (10, WHOLE, "has more cells than there are headers"),
    }
    with pytest.raises(SchemaError, match="rows are numbered as in the sheet, the header being row 1") as caught:
        read_study(path)
    assert {value for fault in caught.value.faults for value in fault.values} >= {
        "2024-07-01 00:00:00",
        "16:48:00",
        True,
    }
    result, warning = told(path, on_fault="drop")
    assert magnesium(result) == [0.9, 0.85]
    assert result.data["id"].tolist() == ["1", "5"]
    assert warning.counts["empty, left out"] == 1


def test_sheets_are_chosen_by_name(tmp_path: Path) -> None:
    path = tmp_path / "lab.xlsx"
    book = workbook(path, [["id", "Mg (mmol/l)"], [1, 0.9], [2, 0.8]])
    book.create_sheet("empty")
    book.save(path)
    assert magnesium(read_study(path)) == [0.9, 0.8]
    book.create_sheet("legend").append(["Mg", "magnesium"])
    book.save(path)
    with pytest.raises(StudyFileError, match="it holds several sheets: say which with sheet='Labor', 'legend'"):
        read_study(path)
    with pytest.raises(StudyFileError, match="sheet='labor' is not there: choose from 'Labor', 'empty', 'legend'"):
        read_study(path, sheet="labor")
    with pytest.raises(StudyFileError, match="it is empty"):
        read_study(path, sheet="empty")
    assert magnesium(read_study(path, sheet="Labor")) == [0.9, 0.8]


def test_formulas_and_merged_cells_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lab.xlsx"
    book = workbook(
        path,
        [
            [],
            ["id", "Mg (mmol/l)", "ward"],
            [1, 0.9, "A"],
            [2, "=B3-0.1", None],
            [3, 0.8, "B"],
            [4, 0.8, "B"],
            [5, 0.8, "B"],
        ],
    )
    book.active.merge_cells("C3:C4")
    book.save(path)
    formula, merged = "a formula without its result", "merged cells"
    assert refused(path, columns={"ward": "ward"}) == {
        (4, "Mg (mmol/l)", formula),
        (3, "ward", merged),
        (4, "ward", merged),
    }
    result, warning = told(path, on_fault="drop", columns={"ward": "ward"})
    assert (result.data["id"].tolist(), warning.dropped) == (["3", "4", "5"], (3, 4))


def test_stored_results_of_formulas_are_read(tmp_path: Path) -> None:
    path, raw = tmp_path / "lab.xlsx", tmp_path / "raw.xlsx"
    workbook(raw, [["id", "Mg (mmol/l)"], [1, 0.9], [2, "=B2-0.1"], [3, '=""']])
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            data = re.sub(rb'<c r="B3"><f>(.*?)</f>(?:<v ?/>|<v></v>)', rb'<c r="B3"><f>\1</f><v>0.8</v>', data)
            data = re.sub(rb'<c r="B4"><f>(.*?)</f>(?:<v ?/>|<v></v>)', rb'<c r="B4" t="str"><f>\1</f><v></v>', data)
            target.writestr(name, data)
    assert magnesium(read_study(path)) == [0.9, 0.8, None]


# --- SAS transport files ----------------------------------------------------------------------------------------------


def transport(path: Path, frame: pd.DataFrame, **options: object) -> bytes:
    pyreadstat.write_xport(frame, str(path), file_format_version=5, **options)
    return path.read_bytes()


def test_transport_files_lose_no_row_at_their_end(tmp_path: Path) -> None:
    frame = pd.DataFrame({"mg": [0.8, 0.0, -1.5, 1e-30, 0.9], "note": ["abcdefgh", "b", "", "", ""]})
    data = transport(tmp_path / "x.xpt", frame)
    variables, (numbers, notes) = xport.read_xport_columns(data)
    assert [(v.name, v.is_number, v.length) for v in variables] == [("mg", True, 8), ("note", False, 8)]
    assert numbers.tolist() == pytest.approx(frame["mg"].tolist(), rel=1e-15, abs=0)
    assert notes == frame["note"].tolist()


@pytest.mark.parametrize("rows", range(1, 23))
def test_transport_files_of_any_length_are_read_whole(rows: int, tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": np.arange(rows) / 7.0, "b": [f"t{number}" for number in range(rows)], "c": np.nan})
    variables, columns = xport.read_xport_columns(transport(tmp_path / "x.xpt", frame))
    assert len(variables) == 3
    assert columns[0].tolist() == pytest.approx(frame["a"].tolist(), rel=1e-15, abs=0)
    assert columns[1] == frame["b"].tolist()
    assert np.isnan(columns[2]).all()


def test_transport_files_that_are_damaged(tmp_path: Path) -> None:
    path = tmp_path / "lab.xpt"
    data = transport(path, pd.DataFrame({"mg": [0.8, 0.9] * 20}), column_labels={"mg": "Mg (mmol/l)"})
    assert len(read_study(path)) == 40
    member = data[data.index(b"HEADER RECORD*******MEMBER") :]
    name = data.index(b"HEADER RECORD*******NAMESTR")
    for damaged, message in {
        data[:-1]: "it is cut: a SAS transport file is a multiple of 80 bytes long",
        data + member: "it holds more than one table",
        data.replace(b"LIBRARY HEADER", b"LIBV8   HEADER", 1): "it is a transport file of version 8",
        b"x" + data[1:]: "it is no SAS transport file of version 5",
        data[: name + 80]: "its list of variables is damaged",
        data[: name + 80]
        + struct.pack(">hh", 3, 0)
        + data[name + 84 :]: "its list of variables is damaged (type 3 of 8 bytes)",
    }.items():
        path.write_bytes(damaged)
        with pytest.raises(StudyFileError, match=re.escape(message)):
            read_study(path)
    transport(path, pd.DataFrame({"mg": [0.8, 0.9], "note": ["abc", "d"]}))
    path.write_bytes(path.read_bytes() + b"x" * 80)
    with pytest.raises(StudyFileError, match="it is cut: the last row is not whole"):
        read_study(path)


def test_short_numbers_and_special_missing_values_of_transport_files() -> None:
    cells = np.frombuffer(
        b"A\x10\x00" + b"\xc1\x18\x00" + b".\x00\x00" + b"Z\x00\x00" + b"_\x00\x00" + b"\x00\x00\x00", dtype=np.uint8
    )
    variable = xport.Variable("x", "", True, 0, 3)
    values = xport._values(cells.reshape(-1, 3), variable)
    assert values[[0, 1, 5]].tolist() == [1.0, -1.5, 0.0]
    assert np.isnan(values[2:5]).all()


# --- the design -------------------------------------------------------------------------------------------------------

DESIGNED = [
    "Fall;Region;Praxis;Gewichtung;N;Mg (mmol/l)",
    *(f"f{n};{'NS'[n % 2]};{n % 4};{100 + n},5;{[40, 60][n % 2]};0,{80 + n}" for n in range(8)),
]


def test_design_columns_are_given_through(write: Write) -> None:
    design = {"weight": "Gewichtung", "stratum": "region", "cluster": "Praxis", "population_size": "N"}
    result = read_study(write(DESIGNED), columns={"Fall": "id"}, name="practices", **design)
    assert (result.weight, result.stratum, result.cluster, result.population_size) == (
        "gewichtung",
        "region",
        "praxis",
        "n",
    )
    assert repr(result) == "<Survey practices: 8 of 8 people, 4 clusters in 2 strata, 2 df>"
    assert result.row_weight.tolist() == [100.5 + n for n in range(8)]
    direct = cs.Survey(result.data, weight="gewichtung", stratum="region", cluster="praxis", population_size="n")
    low = "magnesium_mmol_l < 0.84"
    assert cs.prevalence(result, low).std_error.tolist() == cs.prevalence(direct, low).std_error.tolist()
    nested = [line.replace(";2;", ";0;").replace(";3;", ";1;") for line in DESIGNED]
    with pytest.raises(DesignError, match="say cluster_labels='nested'"):
        read_study(
            write([DESIGNED[0], *(line.replace(";1;", ";0;", 1) for line in nested[1:])]),
            columns={"Fall": "id"},
            **design,
        )


def test_faults_of_the_design_are_told_by_row(write: Write) -> None:
    lines = list(DESIGNED)
    lines[2] = lines[2].replace("101,5", "-3")
    lines[3] = lines[3].replace("102,5", "")
    lines[4] = lines[4].replace(";S;", ";k.A.;")
    lines[5] = lines[5].replace("104,5", "viel")
    lines[6] = lines[6].replace(";60;", ";0;")
    wishes = {
        "columns": {"Fall": "id"},
        "weight": "Gewichtung",
        "stratum": "Region",
        "population_size": "N",
        "cluster": "Praxis",
    }
    absent = "missing, and the design needs it"
    assert refused(write(lines), **wishes) == {
        (3, "Gewichtung", "not a weight"),
        (4, "Gewichtung", absent),
        (5, "Region", absent),
        (6, "Gewichtung", "not a number"),
        (7, "N", "not a population size"),
    }
    lines = [*DESIGNED[:5], "", *DESIGNED[5:8], DESIGNED[8].replace(";60;", ";61;")]
    with pytest.warns(StudyWarning), pytest.raises(SchemaError, match="differs within its stratum") as caught:
        read_study(write(lines), **wishes)
    rows = {row for fault in caught.value.faults for row in fault.rows}
    assert rows in ({10}, {3, 5, 8})  # which of the two sizes is the wrong one, nobody knows


def test_weights_are_never_taken_by_their_header(write: Write) -> None:
    for header in ("Gewicht", "weight", "sampling weight", "wt"):
        result, warning = told(write([f"id;Mg (mmol/l);{header}", "a;0,9;70", "b;0,8;80"]))
        assert result.weight is None
        assert [fault.column for fault in warning.told] == [header]


def test_one_person_has_no_variance_and_what_was_dropped_is_told_first(write: Write) -> None:
    path = write(["id;Mg (mmol/l)", "a;0,9", "b;x"])
    with pytest.warns(StudyWarning, match="1 of 2 rows dropped"), pytest.raises(DesignError, match="only one cluster"):
        read_study(path, on_fault="drop")
    with pytest.warns(StudyWarning):
        assert len(read_study(path, on_fault="drop", lonely="certainty")) == 1
    nobody = write(["id;Mg (mmol/l)", "a;x", "b;x"])
    with pytest.raises(SchemaError, match=r"no row is left: 1 fault\.") as caught:
        read_study(nobody, on_fault="drop")
    assert faults_of(caught.value) == {(2, "Mg (mmol/l)", "not a number"), (3, "Mg (mmol/l)", "not a number")}


# --- files that cannot be read, and arguments that mean nothing --------------------------------------------------------


def test_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "lab.ods").write_text("x", encoding="utf-8")
    (tmp_path / "lab.xls").write_text("x", encoding="utf-8")
    (tmp_path / "lab.csv").write_text("id;Mg (mmol/l)\na;0,9\nb;0,8\n", encoding="utf-8")
    for name, message in {
        "none.csv": "there is no such file.",
        "folder.csv": "it is a folder, not a file.",
        "lab.ods": "the ending '.ods' is unknown: choose from .csv, .tsv, .txt, .xlsx, .parquet, .xpt, .sav, .dta.",
        "lab": "the ending '' is unknown: choose from",
        "lab.xls": "an old Excel workbook is not read: save it as .xlsx.",
        "lab.csv/x.csv": "it cannot be opened: ",
        "x" * 300 + ".csv": "it cannot be opened: ",
        "nul\x00.csv": "it cannot be opened: ",
    }.items():
        with pytest.raises(StudyFileError) as caught:
            read_study(tmp_path / name)
        assert str(caught.value).startswith(f"{Path(name).name}: {message}")
    with pytest.raises(CrampstatsError, match="path=3 has to be the path of a file"):
        read_study(3)
    assert magnesium(read_study(str(tmp_path / "lab.csv"))) == [0.9, 0.8]

    def forbidden(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", forbidden)
    with pytest.raises(StudyFileError, match=r"^lab.csv: it cannot be opened: Permission denied\.$"):
        read_study(tmp_path / "lab.csv")


@pytest.mark.parametrize(
    ("name", "module", "package"),
    [
        ("lab.xlsx", "openpyxl", "openpyxl"),
        ("lab.parquet", "pyarrow.parquet", "pyarrow"),
        ("lab.sav", "pyreadstat", "pyreadstat"),
    ],
)
def test_a_reader_that_is_not_there_is_named(
    name: str, module: str, package: str, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(b"x", name)
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(
        StudyFileError, match=f"^{name}: files of this kind need {package}: python -m pip install {package}$"
    ):
        read_study(path)


@pytest.mark.parametrize("name", ["lab.xlsx", "lab.parquet", "lab.xpt", "lab.sav", "lab.dta"])
def test_other_formats_that_are_not_what_their_ending_says(name: str, write: Write) -> None:
    for content in (b"id;Mg (mmol/l)\na;0,9\n", b"PK\x03\x04", b"\x00" * 500):
        with pytest.raises(StudyFileError, match=f"^{name}: it "):
            read_study(write(content, name))


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        (
            {"columns": {"Mg mmol/l": "magnesium"}},
            "columns: 'Mg mmol/l' is no column of the file; did you mean 'Mg (mmol/l)'?",
        ),
        (
            {"columns": {"id": "my id"}},
            "columns={'id': 'my id'}: 'my id' is no name for a column; choose a column of the study (id, ",
        ),
        ({"columns": {"id": "class"}}, "columns={'id': 'class'}: 'class' is no name for a column"),
        ({"columns": ["id"]}, "columns=['id'] has to be a dict"),
        (
            {"units": {"calcium": "mg/dL"}},
            "units: 'calcium' is no column of the file; the columns are 'id', 'Mg (mmol/l)', 'sex', 'note'.",
        ),
        (
            {"units": {"magnesium": "furlong"}},
            "units['magnesium']='furlong' is unknown for it: choose from mmol/L, µmol/L, mg/dL, mEq/L.",
        ),
        ({"units": {"sex": "mg/dL"}}, "units['sex']='mg/dL': 'sex' has no unit."),
        (
            {"codes": {"sex": {1: "man"}}},
            "codes['sex'][1]='man' has to be one of male, female, diverse or missing, which is None.",
        ),
        ({"codes": {"sex": {1: ["male"]}}}, "codes['sex'][1]=['male'] has to be one of"),
        (
            {"codes": {"magnesium": {"x": "low"}}},
            "codes['magnesium']['x']='low' has to be a number from 0.05 to 20 mmol/L",
        ),
        ({"codes": {"sex": "male"}}, "codes['sex']='male' has to be a dict, such as"),
        ({"codes": {"note": {1: 2}}}, "codes['note']: 'note' takes no codes; only age_years, "),
        ({"codes": {"weight": {1: 2}}}, "codes: 'weight' is no column of the file; "),
        ({"missing": "NA"}, "missing='NA' has to be a list, such as ['hämolytisch', -999]."),
        ({"missing": 3}, "missing=3 has to be a list"),
        ({"censored": "half"}, "censored='half' is unknown: choose from 'raise', 'missing', 'limit', 'half_limit'."),
        ({"other_unit": True}, "other_unit=True is unknown: choose from 'raise', 'keep'."),
        ({"on_fault": "ignore"}, "on_fault='ignore' is unknown: choose from 'raise', 'drop'."),
        ({"decimal": ";"}, "decimal=';' is unknown: choose from None, '.', ','."),
        ({"delimiter": "x"}, "delimiter='x' is unknown: choose from None, ',', ';', '\\t', '|'."),
        ({"encoding": 8}, "encoding=8 has to be text."),
        ({"weight": 7}, "weight=7 has to be text."),
        ({"weight": "w"}, "weight: 'w' is no column of the file; "),
        ({"cluster_labels": "x", "cluster": "sex"}, "cluster_labels='x' is unknown"),
        ({"lonely": "x"}, "lonely='x' is unknown"),
    ],
)
def test_arguments_that_mean_nothing(wishes: dict, message: str, write: Write) -> None:
    path = write(["id;Mg (mmol/l);sex;note", "a;0,9;m;1", "b;0,8;w;2"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StudyWarning)
        with pytest.raises(CrampstatsError) as caught:
            read_study(path, **wishes)
    assert str(caught.value).startswith(message)


def test_nothing_to_tell_is_no_warning_and_a_warning_is_data(write: Write) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(read_study(write(["id;Mg (mmol/l)", "a;0,9", "b;0,8"]))) == 2
    _, warning = told(write(["id;Mg (mmol/l);x", "a;0,9;1", "", "b;0,8;2", "c;x;3"]), on_fault="drop")
    assert faults_frame(warning.faults).to_dict("list") == {
        "column": ["Mg (mmol/l)"],
        "row": [5],
        "value": ["x"],
        "problem": ["not a number"],
        "expected": ["a number from 0.05 to 20 mmol/L or missing"],
    }
    assert str(warning).splitlines() == [
        "lab.csv (rows are numbered as the lines of the file, the header being line 1).",
        "1 of 3 rows dropped:",
        "  - Mg (mmol/l): not a number (row 5: 'x'); expected a number from 0.05 to 20 mmol/L or missing",
        "To be known:",
        "  - (whole row): empty, left out (row 3: ''); expected no empty rows",
        "  - x: not a column of the study, kept as 'x'; expected a known header, or columns={'x': 'x'} to keep it without a word",
    ]
    assert warning.counts == {
        "rows dropped": 1,
        "not a number": 1,
        "empty, left out": 1,
        "not a column of the study, kept as 'x'": 1,
    }
