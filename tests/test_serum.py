"""Serum magnesium: the packaged cells against R's values, the codes of the official files, NHANES I."""

import numpy as np
import pandas as pd
import pytest

import crampstats as cs
from crampstats.datasets import serum
from crampstats.errors import ReferenceDataError

SUBSET = "NHANES 2021-2023 subset, not nationally representative"


def test_the_ten_per_cent_are_a_matter_of_one_reporting_step() -> None:
    asked = cs.datasets.nhanes_magnesium().observed("magnesium_mg_dl")
    shares = cs.prevalence(asked, {str(cut): f"magnesium_mg_dl <= {cut}" for cut in (1.6, 1.7, 1.8)})
    limits = shares.interval()
    # R survey on the rows: svyciprop(method = "beta").
    assert shares.value == pytest.approx([0.0406395, 0.0985255, 0.2221246], abs=5e-8)
    assert (limits.low[1], limits.high[1]) == pytest.approx((0.08096, 0.11844), abs=5e-6)
    assert (shares.n[0], shares.df[0]) == (3932, 15)


@pytest.mark.parametrize("source", ["packaged", "packaged_diabetes"])
def test_the_subset_is_named_so_in_everything(source: str) -> None:
    survey = cs.datasets.nhanes_magnesium(source)
    column = "magnesium_mg_dl" if source == "packaged" else "magnesium_class"
    assert survey.name == SUBSET
    assert cs.prevalence(survey.observed(column), "sex == 'male'").source.startswith(SUBSET)
    assert survey.people == 3934


def test_both_tables_hold_the_same_people() -> None:
    values = cs.datasets.nhanes_magnesium().observed("magnesium_mg_dl")
    classes = cs.datasets.nhanes_magnesium("packaged_diabetes").observed("magnesium_class")
    one = cs.prevalence(values, "magnesium_mg_dl <= 1.7", by=["sex", "age_group"])
    other = cs.prevalence(classes, "magnesium_class in ['at most 1.6', '1.7']", by=["sex", "age_group"])
    assert other.value == pytest.approx(one.value, rel=1e-12)
    assert other.std_error == pytest.approx(one.std_error, rel=1e-10)


def test_nhanes_i_is_a_simple_random_sample_in_milliequivalents() -> None:
    survey = cs.datasets.nhanes1_magnesium()
    assert "simple random sample" in survey.name
    assert (survey.people, survey.design.strata, survey.degrees_of_freedom) == (9932, 1, 9931)
    shares = cs.prevalence(survey, {"below": "magnesium_meq_l < 1.5", "at most": "magnesium_meq_l <= 1.5"})
    assert shares.value == pytest.approx([852 / 9932, 996 / 9932])


@pytest.mark.parametrize(
    ("creatinine", "age", "female", "expected"),
    # The four arms of the equation, computed from the printed coefficients.
    [
        (0.6, 50, True, 142 * (0.6 / 0.7) ** -0.241 * 0.9938**50 * 1.012),
        (1.4, 50, True, 142 * 2.0**-1.2 * 0.9938**50 * 1.012),
        (0.8, 65, False, 142 * (0.8 / 0.9) ** -0.302 * 0.9938**65),
        (1.8, 65, False, 142 * 2.0**-1.2 * 0.9938**65),
    ],
)
def test_ckd_epi_2021(creatinine: float, age: int, female: bool, expected: float) -> None:
    found = serum.ckd_epi_2021(pd.Series([creatinine]), pd.Series([age]), pd.Series([female]))
    assert found.tolist() == pytest.approx([expected], rel=1e-12)


def official(**columns: list) -> pd.DataFrame:
    """Return merged official rows, as many as given, with harmless values elsewhere."""
    rows = len(next(iter(columns.values())))
    names = [
        "ALQ111",
        "ALQ121",
        "ALQ130",
        "SMQ020",
        "SMQ040",
        *(f"PAD{item}" for item in ("790Q", "800", "810Q", "820")),
    ]
    blank = {name: [np.nan] * rows for name in names} | {"PAD790U": [""] * rows, "PAD810U": [""] * rows}
    return pd.DataFrame({**blank, **columns})


def test_drinks_a_week() -> None:
    table = official(ALQ111=[2, 1, 1, 1, 1, 1], ALQ121=[np.nan, 0, 5, 1, 77, 5], ALQ130=[np.nan, np.nan, 3, 2, 2, 999])
    assert serum._drinks(table).tolist() == pytest.approx([0, 0, 3, 365 * 2 / 52, np.nan, np.nan], nan_ok=True)


def test_smoking() -> None:
    table = official(SMQ020=[2, 1, 1, 1, 7, np.nan], SMQ040=[np.nan, 1, 2, 3, np.nan, np.nan])
    assert serum._smoking(table).fillna("missing").tolist() == [
        "never", "current", "current", "former", "missing", "missing",
    ]  # fmt: skip


def test_activity_minutes() -> None:
    table = official(
        PAD790Q=[3, 0, 1, 7777],
        PAD790U=["W", "", "D", "W"],
        PAD800=[30, np.nan, 10, 20],
        PAD810Q=[2, 0, 0, 0],
        PAD810U=["M", "", "", ""],
        PAD820=[60, np.nan, np.nan, np.nan],
    )
    found = serum._activity(table).tolist()
    assert found == pytest.approx([90 + 2 * 2 * 12 / 52 * 60, 0, 70, np.nan], nan_ok=True)


@pytest.mark.parametrize(
    ("interview", "laboratory", "diabetes"),
    [
        (1, 1, 1),
        (1, 0, 1),
        (1, None, 1),
        (0, 1, 1),
        (0, 0, 0),
        (0, None, None),
        (None, 1, 1),
        (None, 0, None),
        (None, None, None),
    ],
)
def test_either_source_says_diabetes_and_both_deny_it(
    interview: int | None, laboratory: int | None, diabetes: int | None
) -> None:
    columns = [pd.Series([value], dtype="Int8") for value in (interview, laboratory)]
    found = serum._either(*columns)[0]
    assert (None if pd.isna(found) else found) == diabetes


def test_a_folder_without_the_files_says_what_is_missing(tmp_path: object) -> None:
    with pytest.raises(ReferenceDataError, match=r"BIOPRO_L\.xpt is not in .*source='packaged'"):
        cs.datasets.nhanes_magnesium(tmp_path)
    with pytest.raises(ReferenceDataError, match=r"NHANESI_subset_X\.csv is not in .*source='packaged'"):
        cs.datasets.nhanes1_magnesium(tmp_path)
