"""The official NHANES files: rows and packaged cells give the same estimates (`CRAMPSTATS_DATA` names their folder)."""

import importlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from places import ROOT, folder_of

import crampstats as cs
from crampstats.datasets import cramps, download

FOLDER = folder_of("CRAMPSTATS_DATA", "shared/data")
if FOLDER is None:
    pytest.skip("no official files", allow_module_level=True)

OUTCOMES = {"any": "cramp_class >= 1", "mild": "cramp_class in [1, 2]", "frequent": "cramp_class >= 3"}


@cache
def survey(source: str) -> cs.Survey:
    return cs.datasets.nhanes_cramps(FOLDER if source == "rows" else "packaged")


@pytest.mark.parametrize("by", [[], ["sex"], ["age_group"], ["sex", "age_group"]], ids=" and ".join)
def test_cells_equal_rows(by: list[str]) -> None:
    rows, cells = (
        cs.prevalence(survey(source).observed("cramp_class"), OUTCOMES, by=by) for source in ("rows", "cells")
    )
    assert rows.labels.to_numpy().tolist() == cells.labels.to_numpy().tolist()
    np.testing.assert_allclose(cells.value, rows.value, rtol=1e-12, atol=0)
    np.testing.assert_allclose(cells.std_error, rows.std_error, rtol=1e-12, atol=0)
    np.testing.assert_array_equal(cells.df, rows.df)
    np.testing.assert_array_equal(cells.n, rows.n)
    np.testing.assert_allclose(cells.interval().low, rows.interval().low, rtol=1e-12, atol=0)
    np.testing.assert_allclose(cells.interval().high, rows.interval().high, rtol=1e-12, atol=0)


def test_age_standardised_cells_equal_rows() -> None:
    cells, rows = (
        cs.standardize(
            cs.prevalence(survey(source).observed("cramp_class"), "cramp_class >= 1", by=["sex", "age_group"]),
            "esp_2013",
            over="age_group",
        )
        for source in ("cells", "rows")
    )
    np.testing.assert_allclose(cells.value, rows.value, rtol=1e-12, atol=0)
    np.testing.assert_allclose(cells.std_error, rows.std_error, rtol=1e-12, atol=0)


@pytest.fixture
def make_script(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Return a function that loads a script of data/, which finds its neighbours as when it is run."""
    monkeypatch.syspath_prepend(ROOT / "data")
    return importlib.import_module


def test_the_script_makes_the_packaged_table_byte_for_byte(
    make_script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRAMPSTATS_DATA", str(FOLDER))
    script = make_script("make_nhanes_cramps")
    assert script.as_bytes(script.make_cells()) == script.TABLE.read_bytes()
    assert script.TABLE.samefile(Path(cramps.__file__).parent / "tables" / "nhanes_cramps.csv")


def test_people() -> None:
    rows = survey("rows")
    assert repr(rows) == (
        "<Survey NHANES 2005-2008 [age_years >= 20]: 10,914 of 20,497 people, 62 clusters in 31 strata, 31 df>"
    )
    assert rows.data["cycle"].value_counts().to_dict() == {"2005-2006": 10_348, "2007-2008": 10_149}
    assert rows.data["age_years"].max() == 80
    assert not rows.data["id"].duplicated().any()


@pytest.mark.parametrize("letter", ["D", "E"])
def test_codes_are_those_of_the_official_file(letter: str) -> None:
    asked = cramps.read_xport(download.nhanes_file(f"SLQ_{letter}", FOLDER)).set_index("SEQN")["SLQ160"]
    people = survey("rows").data.set_index("id")["cramp_class"]
    answered = asked[asked.isin([0, 1, 2, 3, 4])]
    refused = asked[asked.isin([7, 9])]
    assert len(answered) + len(refused) + asked.isna().sum() == len(asked)
    assert people.loc[answered.index.astype(int)].to_list() == answered.to_list()
    assert people.loc[refused.index.astype(int)].isna().all()


@pytest.mark.parametrize("letter", ["D", "E"])
def test_weights_are_half_of_the_official_ones(letter: str) -> None:
    people = cramps.read_xport(download.nhanes_file(f"DEMO_{letter}", FOLDER)).set_index("SEQN")
    rows = survey("rows").data.set_index("id").loc[people.index.astype(int)]
    np.testing.assert_array_equal(rows["weight"], people["WTINT2YR"] / 2)
    np.testing.assert_array_equal(rows["age_years"], np.minimum(people["RIDAGEYR"], 80))
    np.testing.assert_array_equal(rows["stratum"], people["SDMVSTRA"])


@cache
def serum(source: str) -> cs.Survey:
    return cs.datasets.nhanes_magnesium(FOLDER if source == "rows" else source)


def test_serum_rows_are_the_subset_and_named_so() -> None:
    rows = serum("rows")
    assert rows.name == "NHANES 2021-2023 subset, not nationally representative"
    assert (rows.people, rows.observed("magnesium_mg_dl").people) == (3934, 3932)
    assert rows.data["magnesium_mg_dl"].dropna().mul(10).mod(1).eq(0).all()
    assert rows.data["weight"].gt(0).sum() == 3934


@pytest.mark.parametrize("cut", [1.4, 1.6, 1.7, 1.8, 2.0, 2.4])
def test_serum_cells_equal_rows(cut: float) -> None:
    rows, cells = (
        cs.prevalence(serum(source).observed("magnesium_mg_dl"), f"magnesium_mg_dl <= {cut}", by=["sex"])
        for source in ("rows", "packaged")
    )
    np.testing.assert_allclose([cells.value, cells.std_error], [rows.value, rows.std_error], rtol=1e-12, atol=0)
    np.testing.assert_array_equal([cells.df, cells.n], [rows.df, rows.n])


def test_models_of_serum_cells_equal_those_of_rows() -> None:
    rows = serum("rows").observed("magnesium_mg_dl", "diabetes").define(low="magnesium_mg_dl <= 1.7")
    cells = serum("packaged_diabetes").observed("magnesium_class", "diabetes")
    cells = cells.define(low="magnesium_class in ['at most 1.6', '1.7']")
    one, other = (
        cs.fit(survey, "low ~ sex + age_group + diabetes", family="binomial").coefficients for survey in (rows, cells)
    )
    np.testing.assert_allclose([other.value, other.std_error], [one.value, one.std_error], rtol=1e-9)


@pytest.mark.parametrize("table", ["nhanes_magnesium", "nhanes_magnesium_diabetes", "nhanes1_magnesium"])
def test_the_script_makes_the_packaged_serum_tables(table: str, make_script: Callable[[str], ModuleType]) -> None:
    script = make_script("make_nhanes_magnesium")
    packaged = ROOT / "src/crampstats/datasets/tables" / f"{table}.csv"
    assert script.as_bytes(script.MADE[table](str(FOLDER))) == packaged.read_bytes()


def test_associations_of_serum_rows_have_the_published_signs() -> None:
    # Bertinato 2017: diabetes goes with serum magnesium 0.04 to 0.07 mmol/L lower.
    asked = serum("rows").observed("magnesium_mmol_l", "diabetes")
    model = cs.fit(asked, "magnesium_mmol_l ~ sex + age_years + diabetes", family="gaussian")
    assert -0.07 < model.coefficients.where("term == 'diabetes'").value[0] < -0.03


def test_nhanes_i_rows_equal_cells() -> None:
    rows, cells = (
        cs.prevalence(cs.datasets.nhanes1_magnesium(source), "magnesium_meq_l <= 1.5", by=["sex", "age_group"])
        for source in (FOLDER, "packaged")
    )
    np.testing.assert_allclose([cells.value, cells.std_error], [rows.value, rows.std_error], rtol=1e-10)
