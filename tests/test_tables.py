"""Tables as CSV, and proportions as a reader wants them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import crampstats as cs
from crampstats import tables
from crampstats.errors import CrampstatsError, IntervalError


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CRAMPSTATS_OUTPUT", str(tmp_path))
    return tmp_path / "tables"


@pytest.fixture
def by_sex(survey: cs.Survey) -> cs.Estimate:
    return cs.prevalence(survey.observed("cramps"), "cramps == 1", by=["sex"])


def test_numbers_have_six_significant_digits(saved: Path) -> None:
    table = pd.DataFrame(
        {
            "group": ["a", "b,c", None],
            "n": [1, 22_222_222, 3],
            "value": [0.123456789, 1_234_567.8, np.nan],
            "small": [1.23456789e-9, -0.5, 2.0],
        }
    )
    tables.save(table, "03-numbers")
    assert (saved / "03-numbers.csv").read_bytes() == (
        b'group,n,value,small\na,1,0.123457,1.23457e-09\n"b,c",22222222,1.23457e+06,-0.5\n,3,,2\n'
    )


def test_an_estimate_is_saved_with_its_columns(saved: Path, by_sex: cs.Estimate) -> None:
    tables.save(by_sex, "by-sex")
    read = pd.read_csv(saved / "by-sex.csv")
    assert list(read.columns) == ["term", "sex", "n", "estimate", "std_error", "conf_low", "conf_high", "note"]
    assert read["sex"].to_list() == ["f", "m"]
    np.testing.assert_allclose(read["estimate"], by_sex.value, rtol=5e-6)
    np.testing.assert_allclose(read["conf_high"], by_sex.interval().high, rtol=5e-6)


def test_a_named_index_is_not_lost(saved: Path) -> None:
    table = pd.DataFrame({"sex": ["f", "m"], "n": [1, 2]}).set_index("sex")
    with pytest.raises(
        CrampstatsError, match=r"the index \['sex'\] is no column and would be lost; first call reset_index"
    ):
        tables.save(table, "by-sex")
    assert not saved.exists()


def test_rows_may_have_been_chosen(saved: Path) -> None:
    table = pd.DataFrame({"n": [1, 2, 3]})
    tables.save(table[table["n"] > 1], "chosen")
    assert (saved / "chosen.csv").read_text() == "n\n2\n3\n"


def test_a_name_that_cannot_be_a_file(saved: Path) -> None:
    with pytest.raises(CrampstatsError, match="name='a/b' has to be letters"):
        tables.save(pd.DataFrame({"n": [1]}), "a/b")
    assert not saved.exists()


def packaged(question: str) -> cs.Estimate:
    cramps = cs.datasets.nhanes_cramps().observed("cramp_class")
    return cs.prevalence(cramps, question, by=["sex"])


def test_percentages_with_intervals() -> None:
    table = tables.prevalence_table(packaged("cramp_class >= 3"))
    assert list(table.columns) == ["term", "sex", "n", "% (95 % CI)"]
    assert table["n"].to_list() == ["5,293", "5,609"]
    assert table["% (95 % CI)"].to_list() == ["4.3 (3.4–5.3)", "7.5 (6.5–8.5)"]


def test_digits_and_level() -> None:
    estimate = packaged("cramp_class >= 3")
    limits = estimate.interval(level=0.999)
    shown = tables.prevalence_table(estimate, digits=2, level=0.999)["% (99.9 % CI)"]
    assert shown[0] == f"4.28 ({limits.low[0] * 100:.2f}–{limits.high[0] * 100:.2f})"
    assert shown[0] != tables.prevalence_table(estimate, digits=2)["% (95 % CI)"][0]


def test_a_difference_has_words_between_its_limits() -> None:
    by_sex = packaged("cramp_class >= 1")
    gap = cs.difference(by_sex.where("sex == 'male'"), by_sex.where("sex == 'female'"), label="men less women")
    table = tables.prevalence_table(gap)
    assert table["term"].to_list() == ["men less women"]
    assert table["% (95 % CI)"].to_list() == ["-5.2 (-7.6 to -2.7)"]


def test_a_difference_of_nothing_has_no_sign(survey: cs.Survey) -> None:
    none = cs.prevalence(survey, "age_years > 100", by=["sex"])
    gap = cs.transform(cs.difference(none.where("sex == 'f'"), none.where("sex == 'm'")), lambda value: -value)
    assert np.signbit(gap.value[0])
    assert tables.prevalence_table(gap)["% (95 % CI)"].to_list() == ["0.0 (0.0–0.0)"]


def test_a_note_is_shown_where_there_is_one(survey: cs.Survey) -> None:
    table = tables.prevalence_table(cs.prevalence(survey, {"old": "age_years > 100", "some": "age_years > 40"}))
    assert list(table["note"].str.slice(0, 20)) == ["nobody in the sample", ""]


def test_what_is_no_estimate_or_no_digits(by_sex: cs.Estimate) -> None:
    corrected = cs.correct_for_test(by_sex, sensitivity=0.9, specificity=0.99)
    for table in (tables.prevalence_table, tables.ratio_table):
        with pytest.raises(CrampstatsError, match=f"{table.__name__} is for an Estimate, not for the kind Corrected"):
            table(corrected)
        for digits in (-1, 1.0, "1", True):
            with pytest.raises(CrampstatsError, match=f"digits={digits!r} has to be a whole number, not negative"):
                table(by_sex, digits=digits)


def test_a_level_that_is_none(by_sex: cs.Estimate) -> None:
    with pytest.raises(IntervalError, match=r"level=95 has to lie between 0 and 1"):
        tables.prevalence_table(by_sex, level=95)
