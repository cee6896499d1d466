"""The explorer's table: what the estimators say of every data set, sex, age and cut-off, and nothing rounded twice."""

import json
import re
from functools import cache

import numpy as np
import pandas as pd
import pytest

import crampstats as cs
from crampstats.report import explorer
from crampstats.report.explorer import cutoff_table, explorer_data, explorer_page
from crampstats.units import convert


@cache
def table() -> pd.DataFrame:
    return cutoff_table()


SURVEYS = {
    "nhanes-2021": (cs.datasets.nhanes_magnesium().observed("magnesium_mg_dl"), "magnesium_mg_dl"),
    "nhanes-1": (cs.datasets.nhanes1_magnesium(), "magnesium_meq_l"),
}


def people_of(data: str, sex: str, age: str) -> cs.Survey:
    people = SURVEYS[data][0]
    for question in ([] if sex == "all" else [f"sex == '{sex}'"]) + ([] if age == "all" else [f"age_group == '{age}'"]):
        people = people.where(question)
    return people


def test_every_data_set_sex_and_age_has_every_reported_cut_off() -> None:
    count = table().pivot_table("cutoff", ["data", "age_group"], "sex", aggfunc="nunique")
    assert list(count.columns) == ["all", "female", "male"]
    assert count.loc["nhanes-2021"].index.tolist() == ["18-19", "20-39", "40-59", "60+", "all"]
    assert count.loc["nhanes-1"].index.tolist() == ["25-39", "40-59", "60-74", "all"]
    assert (count.loc["nhanes-2021"] == 11).all(axis=None)
    levels = SURVEYS["nhanes-1"][0].data["magnesium_meq_l"]
    assert (count.loc["nhanes-1"] == levels[levels <= 2.0].nunique()).all(axis=None)


@pytest.mark.parametrize(
    ("data", "sex", "age", "cutoff"),
    [
        ("nhanes-2021", "all", "all", 1.7),
        ("nhanes-2021", "female", "60+", 1.8),
        ("nhanes-2021", "male", "18-19", 1.4),
        ("nhanes-1", "all", "all", 1.5),
        ("nhanes-1", "female", "25-39", 1.41),
    ],
)
def test_rows_are_what_prevalence_says(data: str, sex: str, age: str, cutoff: float) -> None:
    row = table().query(f"data == '{data}' and sex == '{sex}' and age_group == '{age}' and cutoff == {cutoff}")
    column = SURVEYS[data][1]
    people = people_of(data, sex, age)
    at_most = cs.prevalence(people, f"{column} <= {cutoff}")
    below = cs.prevalence(people, f"{column} < {cutoff}")
    interval = at_most.interval(method="korn_graubard")
    assert len(row) == 1
    assert row["n"].item() == at_most.n[0]
    found = row[["at_most", "conf_low", "conf_high", "below"]].to_numpy()[0]
    expected = [at_most.value[0], interval.low[0], interval.high[0], below.value[0]]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)
    verdict = cs.nchs_standards(at_most)
    assert (
        row[["presentation", "reason"]].to_numpy()[0].tolist()
        == verdict[["presentation", "reason"]].to_numpy()[0].tolist()
    )


def test_units_are_one_another() -> None:
    for unit, key in (("mg/dL", "mg_dl"), ("mEq/L", "meq_l")):
        np.testing.assert_allclose(convert(table()[key].to_numpy(), unit, "mmol/L"), table()["mmol_l"], rtol=1e-12)
        own = table()["unit"] == unit
        np.testing.assert_allclose(table().loc[own, "cutoff"], table().loc[own, key], rtol=1e-12)


def test_a_step_lower_is_the_share_below() -> None:
    for _, rows in table().groupby(["data", "sex", "age_group"]):
        np.testing.assert_allclose(rows["below"].to_numpy()[1:], rows["at_most"].to_numpy()[:-1], atol=1e-12)
        assert rows["below"].iloc[0] == 0  # the first cell holds all below it


def test_what_is_drawn_is_the_table_in_texts() -> None:
    embedded = re.search(r'id="cut-off-data">(.*?)</script>', explorer_page().body, re.DOTALL)[1]
    data = json.loads(embedded)
    assert data == explorer_data(table())
    first = data[0]["groups"][0]
    assert first["people"] == "3,932 adults"
    assert data[0]["cutoffs"][3] == ["1.7", "0.70"]
    assert first["steps"][3] == ["9.9", "8.1", "11.8", "4.1", ""]
    assert [group["people"] for group in data[0]["groups"] if group["sex"] == "female"][-1].endswith(
        " women of 60 and over"
    )
    verdicts = [step[4] for group in data[0]["groups"] for step in group["steps"]]
    judged = table().loc[table()["data"] == "nhanes-2021"]
    assert sum("would not be published: " in text for text in verdicts) == (judged["presentation"] == "suppress").sum()
    assert (judged["presentation"] == "suppress").any()
    assert sum("after review only: " in text for text in verdicts) == (judged["presentation"] == "review").sum()
    assert (judged["presentation"] == "review").any()


def test_the_whole_table_is_there_without_javascript() -> None:
    body = explorer_page().body
    tail = body.split('<table id="cut-off-table">')[1].split("</table>")[0]
    assert tail.count("<tr>") == len(table()) + 1
    row = next(line for line in tail.splitlines() if ">1.7 mg/dL<" in line)
    assert re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) == [
        "NHANES 2021–2023",
        "all",
        "all",
        "1.7 mg/dL",
        "1.700",
        "0.6994",
        "1.399",
        "3,932",
        "9.9",
        "8.1 to 11.8",
        "4.1",
        "",
    ]


def test_warnings_stand_outside_of_what_javascript_shows() -> None:
    before = explorer_page().body.split('<section id="explorer"')[0]
    assert "not nationally representative" in before
    assert "simple random sample, which it was not" in before


def test_data_cannot_end_the_script() -> None:
    text = explorer.as_json(["</script><b>", "–"])
    assert "<" not in text
    assert json.loads(text) == ["</script><b>", "–"]


@pytest.mark.parametrize(("age", "text"), [("all", ""), ("60+", " of 60 and over"), ("25-39", " of 25 to 39")])
def test_ages_are_said_in_words(age: str, text: str) -> None:
    assert explorer.age_text(age) == text
