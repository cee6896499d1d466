"""The table of characteristics: by hand, against R, and what must not change it.

tests/golden/characteristics.R made the expected values.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import crampstats as cs
from crampstats.descriptions import Characteristics, characteristics
from crampstats.errors import QuestionError

FOLDER = Path(__file__).parent / "golden"
DATA = pd.read_csv(FOLDER / "survey_input.csv")
EXPECTED = pd.read_csv(FOLDER / "characteristics_expected.csv", keep_default_na=False)
NESTED = {"weight": "weight", "stratum": "stratum", "cluster": "cluster", "cluster_labels": "nested"}
SURVEYS = {
    "clusters": cs.Survey(DATA[DATA["stratum"] != 7], **NESTED),
    "weights": cs.Survey(DATA, weight="weight"),
    "simple": cs.Survey(DATA),
}
COLUMNS = ["age_years", "magnesium_mmol_l", "age_group", "cramps"]
KEY = ["variable", "level", "group", "statistic"]
EM = "\u2003"


def numbers(found: Characteristics) -> pd.DataFrame:
    return found.to_frame().set_index(KEY).sort_index()


@pytest.mark.parametrize("domain", ["all", "over_30"])
@pytest.mark.parametrize("design", SURVEYS)
def test_equals_r(design: str, domain: str) -> None:
    survey = SURVEYS[design] if domain == "all" else SURVEYS[design].where("age_years > 30")
    expected = EXPECTED[(EXPECTED["design"] == design) & (EXPECTED["domain"] == domain)].set_index(KEY)
    assert len(expected) == 55
    found = numbers(characteristics(survey, COLUMNS, by="sex", differences="smd")).loc[expected.index]
    assert found["n"].tolist() == expected["n"].tolist()
    assert_allclose(found["estimate"], expected["estimate"], rtol=expected["tolerance"].max(), atol=1e-15)


def test_r_has_every_number_that_is_told() -> None:
    found = numbers(characteristics(SURVEYS["clusters"], COLUMNS, by="sex", differences="smd"))
    rows = EXPECTED[(EXPECTED["design"] == "clusters") & (EXPECTED["domain"] == "all")]
    without = found.drop(index=rows.set_index(KEY).index)
    assert without.index.get_level_values("statistic").unique().tolist() == ["missing"]
    assert (without["n"] == 0).all()


@pytest.fixture
def seven() -> pd.DataFrame:
    """Return seven people, one without age, one without smoking, one of no group."""
    return pd.DataFrame(
        {
            "w": [1.0, 2, 1, 3, 1, 1, 1],
            "sex": ["f", "f", "f", "m", "m", "m", None],
            "age_years": [20, 30, 60, 40, 50, np.nan, 90],
            "smoking": pd.Categorical(
                ["never", "now", "never", "past", None, "now", "never"], ["never", "past", "now", "pipe"]
            ),
            "low": [0, 1, 1, 0, 0, 1, 0],
        }
    )


def test_a_weighted_table_by_hand(seven: pd.DataFrame) -> None:
    # Women weigh 1 + 2 + 1 = 4 of 10, men 5. Women's mean age (20 + 2 * 30 + 60) / 4 = 35, its variance
    # (15² + 2 * 5² + 25²) / 4 = 225; men's (3 * 40 + 50) / 4 = 42.5 and (3 * 2.5² + 7.5²) / 4 = 18.75. A quarter of the women's
    # weight is reached at 20, half and three quarters at 30; of the men's at 40, 40 and 40.
    # All: (20 + 60 + 60 + 120 + 50 + 90) / 9 = 400 / 9 with the mean square (400 + 1800 + 3600 + 4800 + 2500 + 8100) / 9.
    found = characteristics(
        cs.Survey(seven, weight="w"),
        ["age_years", "smoking", "low"],
        by="sex",
        names={"age_years": "Age, years", "low": "Low serum magnesium"},
    )
    assert found.table(2).to_numpy().tolist() == [
        ["People, n (%)", "7 (100.00)", "3 (40.00)", "3 (50.00)"],
        ["Age, years, mean (SD)", "44.44 (19.50)", "35.00 (15.00)", "42.50 (4.33)"],
        ["Age, years, median (IQR)", "40.00 (30.00–50.00)", "30.00 (20.00–30.00)", "40.00 (40.00–40.00)"],
        [f"{EM}missing", "1 (10.00)", "0 (0.00)", "1 (20.00)"],
        ["smoking, n (%)", "", "", ""],
        [f"{EM}never", "3 (33.33)", "2 (50.00)", "0 (0.00)"],
        [f"{EM}past", "1 (33.33)", "0 (0.00)", "1 (75.00)"],
        [f"{EM}now", "2 (33.33)", "1 (50.00)", "1 (25.00)"],
        [f"{EM}missing", "1 (10.00)", "0 (0.00)", "1 (20.00)"],
        ["Low serum magnesium, n (%)", "3 (40.00)", "2 (75.00)", "1 (20.00)"],
    ]
    assert found.notes == (
        "n: people in the sample; all else is weighted.",
        "Missing: people without a value and their share of the group; all else is of those with a value.",
        "People without a value of sex, 1 (10.0 %), are counted under Overall alone.",
    )
    frame = numbers(found)
    mean = 400 / 9
    assert_allclose(frame.loc[("age_years", "", "Overall", "mean"), "estimate"], mean, rtol=1e-14)
    assert_allclose(frame.loc[("age_years", "", "Overall", "sd"), "estimate"], np.sqrt(21200 / 9 - mean**2), rtol=1e-12)
    assert frame.loc[("age_years", "", "m", "mean"), "n"] == 2


def test_differences_by_hand(seven: pd.DataFrame) -> None:
    found = characteristics(cs.Survey(seven, weight="w"), ["age_years", "smoking", "low"], by="sex", differences="smd")
    frame = numbers(found)
    smd = {name: frame.loc[(name, "", "f less m", "smd"), "estimate"] for name in ("age_years", "smoking", "low")}
    assert smd["age_years"] == pytest.approx((35 - 42.5) / np.sqrt((225 + 18.75) / 2), rel=1e-12)
    assert smd["low"] == pytest.approx((0.75 - 0.2) / np.sqrt((0.75 * 0.25 + 0.2 * 0.8) / 2), rel=1e-12)
    # never 1/2 and 0, past 0 and 3/4: mean covariance diag(1/8, 3/32), no covariance; (1/4) / (1/8) + (9/16) / (3/32) = 8.
    assert smd["smoking"] == pytest.approx(np.sqrt(8), rel=1e-12)
    table = found.table()
    assert table.columns.tolist() == ["Characteristic", "Overall", "f", "m", "SMD"]
    assert table["SMD"].tolist() == ["", "-0.68", "", "", "2.83", "", "", "", "", "1.32"]
    assert found.notes[-1] == (
        "SMD: standardised mean difference, f less m; of a variable with several levels without a sign."
    )


def test_two_levels_have_the_size_of_a_yes_no_difference(seven: pd.DataFrame) -> None:
    both = seven.assign(text=np.where(seven["low"] == 1, "low", "usual"), other=1 - seven["low"])
    frame = numbers(characteristics(cs.Survey(both), ["low", "text", "other"], by="sex", differences="smd"))
    low, text, other = (frame.loc[(name, "", "f less m", "smd"), "estimate"] for name in ("low", "text", "other"))
    assert_allclose([text, other], [low, -low], rtol=1e-12)


def test_groups_that_do_not_vary_have_no_difference_and_it_is_told() -> None:
    people = pd.DataFrame(
        {
            "group": ["a", "a", "b", "b"],
            "same": [0.7, 0.7, 0.7, 0.7],
            "apart": [0.7, 0.7, 0.8, 0.8],
            "text": ["x", "y", "z", "z"],
            "none": [1.0, 2, np.nan, np.nan],
            "never": [0, 0, 0, 0],
        }
    )
    found = characteristics(
        cs.Survey(people.assign(w=[0.1, 0.3, 0.7, 1.1]), weight="w"),
        ["same", "apart", "text", "none", "never"],
        by="group",
        statistics=["mean_sd"],
        differences="smd",
    )
    frame = found.to_frame()
    assert frame[frame["statistic"] == "smd"][["variable", "estimate"]].to_numpy().tolist() == [
        ["same", 0.0],
        ["never", 0.0],
    ]
    assert found.notes[-3:] == (
        "No SMD of apart: the groups differ and do not overlap, so that it has no finite size.",
        "No SMD of text: the groups differ and do not overlap, so that it has no finite size.",
        "No SMD of none: in one group nobody has a value.",
    )
    table = found.table().set_index("Characteristic")
    assert table["SMD"].to_dict() == {
        "People, n (%)": "",
        "same, mean (SD)": "0.00",
        "apart, mean (SD)": "–",
        "text, n (%)": "–",
        f"{EM}x": "",
        f"{EM}y": "",
        f"{EM}z": "",
        "none, mean (SD)": "–",
        f"{EM}missing": "",
        "never, n (%)": "0.00",
    }
    assert table.loc["none, mean (SD)", "b"] == "–"
    assert frame.notna().all(axis=None)
    assert "b" not in frame[(frame["variable"] == "none") & (frame["statistic"] == "mean")]["group"].to_list()


def test_kinds_of_columns() -> None:
    people = pd.DataFrame(
        {
            "code": [1, 2, 10, 1],
            "ordered": pd.Categorical([3, 1, 3, 2], categories=[3, 2, 1, 0]),
            "answer": pd.array([True, None, False, True], dtype="boolean"),
            "flag": [0.0, 1.0, np.nan, 1.0],
            "text": ["b", "a", "b", "c"],
            "days": [1, 2, 2, 7],
            "decimal": [1.5, 2.0, 1.5, 2.25],
        }
    )
    columns = ["code", "ordered", "answer", "flag", "text", "days", "days >= 2", "decimal"]
    found = characteristics(cs.Survey(people), columns, categorical=["code", "decimal"], statistics=["mean_sd"])
    assert found.kinds == {
        "code": "category",
        "ordered": "category",
        "answer": "yes_no",
        "flag": "yes_no",
        "text": "category",
        "days": "number",
        "days >= 2": "yes_no",
        "decimal": "category",
    }
    assert found.groups == ("Overall",)
    frame = found.to_frame()
    levels = {name: rows["level"].to_list() for name, rows in frame[frame["level"] != ""].groupby("variable")}
    assert levels == {
        "code": ["1", "2", "10"],
        "ordered": ["3", "2", "1"],
        "text": ["a", "b", "c"],
        "decimal": ["1.5", "2", "2.25"],
    }
    shares = frame[frame["statistic"] == "share"].set_index("variable")["estimate"]
    assert_allclose(shares[["answer", "flag", "days >= 2"]], [2 / 3, 2 / 3, 3 / 4])


def test_yes_no_groups_are_named_by_their_column(seven: pd.DataFrame) -> None:
    survey = cs.Survey(seven)
    found = characteristics(survey, ["sex"], by="low", names={"low": "Low magnesium"})
    assert found.groups == ("Overall", "Low magnesium: no", "Low magnesium: yes")
    assert characteristics(survey, ["sex"], by="age_years").groups[1:] == ("20", "30", "40", "50", "60", "90")
    assert characteristics(survey, ["low"], by="smoking").groups == ("Overall", "never", "past", "now")
    assert characteristics(survey, ["low"], by="age_years >= 50").groups[1:] == (
        "age_years >= 50: no",
        "age_years >= 50: yes",
    )


def test_quartiles_are_those_of_quantile() -> None:
    survey = SURVEYS["clusters"]
    frame = characteristics(survey, ["magnesium_mmol_l"], by="age_group").to_frame()
    known = survey.observed("magnesium_mmol_l")
    alone = cs.quantile(known, "magnesium_mmol_l", [0.25, 0.5, 0.75], by=["age_group"]).to_frame()
    told = frame[frame["statistic"].isin(["quartile_1", "median", "quartile_3"]) & (frame["group"] != "Overall")]
    assert told["estimate"].tolist() == alone["estimate"].tolist()
    assert told["n"].tolist() == alone["n"].tolist()


def test_shares_and_means_are_those_of_estimates() -> None:
    survey = SURVEYS["weights"]
    frame = numbers(characteristics(survey, ["magnesium_mmol_l", "cramps"], by="sex"))
    means = cs.mean(survey.observed("magnesium_mmol_l"), "magnesium_mmol_l", by=["sex"])
    shares = cs.prevalence(survey, "cramps", by=["sex"])
    for place, sex in enumerate(means.labels["sex"]):
        assert_allclose(frame.loc[("magnesium_mmol_l", "", sex, "mean"), "estimate"], means.value[place], rtol=1e-12)
        assert_allclose(frame.loc[("cramps", "", sex, "share"), "estimate"], shares.value[place], rtol=1e-12)


@pytest.mark.parametrize("design", SURVEYS)
def test_tabulating_first_changes_nothing(design: str) -> None:
    survey = SURVEYS[design].where("age_years < 80")
    cells = survey.tabulate(["sex", *COLUMNS])
    one, other = (characteristics(each, COLUMNS, by="sex", differences="smd").to_frame() for each in (survey, cells))
    pd.testing.assert_frame_equal(one, other, rtol=1e-9)


def test_groups_are_as_domains() -> None:
    survey, columns = SURVEYS["clusters"], ["age_years", "magnesium_mmol_l", "sex", "cramps"]
    groups = characteristics(survey, columns, by="age_group").to_frame()
    for age in ("20-39", "40-59", "60+"):
        alone = characteristics(survey.where(f"age_group == '{age}'"), columns).to_frame()
        mine, whole = (
            rows[rows["statistic"] != "group"].drop(columns="group").reset_index(drop=True)
            for rows in (groups[groups["group"] == age], alone)
        )
        pd.testing.assert_frame_equal(mine, whole)


@st.composite
def samples(draw: st.DrawFn) -> pd.DataFrame:
    """Return 2 to 12 people of one group or another, some without values."""
    size = draw(st.integers(2, 12))

    def column(element: st.SearchStrategy) -> list:
        return draw(st.lists(element, min_size=size, max_size=size))

    return pd.DataFrame(
        {
            "group": ["a", "b", *column(st.sampled_from(["a", "b"]))[2:]],
            "step": [1.0, 5.0, *column(st.sampled_from([np.nan, 2.0, 2.5, 7.0]))[2:]],
            "text": ["x", "y", *column(st.sampled_from(["x", "y", "z", None]))[2:]],
            "weight": column(st.floats(0.01, 100)),
        }
    )


@settings(max_examples=40)
@given(samples(), st.randoms(use_true_random=False), st.floats(1e-3, 1e3))
def test_order_scale_and_splitting_change_nothing(data: pd.DataFrame, random: object, factor: float) -> None:
    columns = ["step", "text"]
    one = characteristics(cs.Survey(data, weight="weight"), columns, by="group", differences="smd").to_frame()
    order = list(range(len(data)))
    random.shuffle(order)
    moved = data.iloc[order].assign(weight=lambda table: table["weight"] * factor)
    other = characteristics(cs.Survey(moved, weight="weight"), columns, by="group", differences="smd").to_frame()
    halves = pd.concat([data, data]).assign(weight=lambda table: table["weight"] / 2)
    split = characteristics(cs.Survey(halves, weight="weight"), columns, by="group", differences="smd").to_frame()
    for changed, times in ((other, 1), (split, 2)):
        assert changed[KEY].equals(one[KEY])
        assert changed["n"].tolist() == (times * one["n"]).tolist()
        tied = one["statistic"].isin(["quartile_1", "median", "quartile_3"])
        assert_allclose(changed["estimate"][~tied], one["estimate"][~tied], rtol=1e-7, atol=1e-9)
        # A share of exactly a quarter may be reached or not once the weights are rounded otherwise.
        assert set(changed["estimate"][tied]) <= {1.0, 2.0, 2.5, 5.0, 7.0}
    shares = one[one["statistic"] == "share"].groupby(["variable", "group"])["estimate"].sum()
    assert_allclose(shares, 1.0, rtol=1e-12)


def test_the_example_of_nhanes() -> None:
    serum = cs.datasets.nhanes_magnesium().where("age_group != '18-19'")
    found = characteristics(
        serum,
        ["age_group", "magnesium_mg_dl", "magnesium_mg_dl <= 1.7"],
        by="sex",
        names={
            "age_group": "Age group, years",
            "magnesium_mg_dl": "Serum magnesium, mg/dL",
            "magnesium_mg_dl <= 1.7": "Low serum magnesium",
        },
        statistics={"magnesium_mg_dl": ["median_iqr"]},
    )
    table = found.table({"magnesium_mg_dl": 2})
    assert table["Characteristic"].to_list() == [
        "People, n (%)",
        "Age group, years, n (%)",
        f"{EM}20-39",
        f"{EM}40-59",
        f"{EM}60+",
        "Serum magnesium, mg/dL, median (IQR)",
        f"{EM}missing",
        "Low serum magnesium, n (%)",
        f"{EM}missing",
    ]
    low = cs.prevalence(serum.observed("magnesium_mg_dl"), "magnesium_mg_dl <= 1.7", by=["sex"])
    assert [text.split("(")[1] for text in table.loc[7, ["male", "female"]]] == [
        f"{100 * share:.1f})" for share in low.value
    ]
    assert found.source.startswith("NHANES 2021-2023")
    assert repr(found).startswith(f"<Characteristics of {found.source}>\nCharacteristic ")
    assert "<td>Low serum magnesium, n (%)</td>" in found._repr_html_()


def test_negative_quartiles_have_words_between_them() -> None:
    people = cs.Survey(pd.DataFrame({"change": [-2.0, -1, 0, 3]}))
    table = characteristics(people, ["change"], statistics=["median_iqr"]).table(0)
    assert table["Overall"].to_list() == ["4 (100)", "-1 (-2 to 0)"]


def test_a_frame_that_is_changed_does_not_reach_the_result(seven: pd.DataFrame) -> None:
    found = characteristics(cs.Survey(seven), ["low"])
    frame = found.to_frame()
    frame["estimate"] = 9.0
    assert found.table()["Overall"].to_list() == ["7 (100.0)", "3 (42.9)"]
    assert found.notes == ()


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ("low", {}, r"columns='low' has to be a list, as in columns=\['low'\]"),
        ([], {}, "columns is empty: name at least one column"),
        (["low", "low"], {}, "'low' is named twice"),
        (["low"], {"by": "low"}, "'low' is named twice; a table tells a column once"),
        (["low"], {"by": ["sex"]}, r"by=\['sex'\] has to be the name of one column, as in by='sex'"),
        (["lov"], {}, "there is no column 'lov'; did you mean 'low'"),
        (["low"], {"by": "sec"}, "there is no column 'sec'; did you mean 'sex'"),
        (["low"], {"names": {"age": "Age"}}, "names names 'age', which is not in the table: choose from low"),
        (["low"], {"categorical": ["sex"]}, "categorical names 'sex', which is not in the table: choose from low"),
        (["low"], {"categorical": "low"}, r"categorical='low' has to be a list, as in categorical=\['low'\]"),
        (
            ["age_years"],
            {"statistics": ["mean"]},
            r"statistics=\['mean'\] has to be a list of these: mean_sd, median_iqr",
        ),
        (["age_years"], {"statistics": "mean_sd"}, "statistics='mean_sd' has to be a list of these"),
        (["age_years"], {"statistics": []}, r"statistics=\[\] has to be a list of these"),
        (["age_years"], {"statistics": {"sex": ["mean_sd"]}}, "statistics names 'sex', which is not in the table"),
        (["low"], {"differences": "p"}, "differences='p' is unknown: choose from none, smd"),
        (["low"], {"differences": "smd"}, "differences='smd' needs two groups; by=None makes 0"),
        (["low"], {"differences": "smd", "by": "smoking"}, "needs two groups; by='smoking' makes 3"),
        (["empty"], {}, r"nobody in survey has a value of 'empty'; leave it out"),
        (["low"], {"by": "empty"}, r"nobody in survey has a value of 'empty'"),
        (["huge"], {}, "'huge' is not a finite number in row 3, counted from 0"),
        (["low"], {"by": "heading"}, "by='heading' has a group 'Overall', which is a heading of the table"),
        (["blank"], {}, "'blank': a level is empty, or two are written alike"),
    ],
)
def test_requests_that_cannot_be_met(seven: pd.DataFrame, columns: object, options: dict, message: str) -> None:
    people = seven.assign(
        empty=np.nan, huge=[1, 2, 3, np.inf, 5, 6, 7], heading=["Overall", *"abcdef"], blank=["", *"abcdef"]
    )
    with pytest.raises(QuestionError, match=message):
        characteristics(cs.Survey(people), columns, **options)


@pytest.mark.parametrize("digits", [-1, 16, 1.5, True, {"age_years": "2"}])
def test_digits_are_whole_numbers(seven: pd.DataFrame, digits: object) -> None:
    found = characteristics(cs.Survey(seven), ["age_years"])
    with pytest.raises(QuestionError, match=r"digits=.* has to be a whole number from 0 to 15, or a mapping to such"):
        found.table(digits)
    with pytest.raises(QuestionError, match="digits names 'age', which is not in the table: choose from age_years"):
        found.table({"age": 2})


def test_rows_of_no_weight_are_in_no_group() -> None:
    people = pd.DataFrame({"low": [0, 1, 1], "w": [1.0, 1.0, 0.0], "group": ["a", "b", "c"]})
    found = characteristics(cs.Survey(people, weight="w"), ["low"], by="group")
    assert found.groups == ("Overall", "a", "b")
    assert found.table()["Overall"].to_list() == ["2 (100.0)", "1 (50.0)"]
