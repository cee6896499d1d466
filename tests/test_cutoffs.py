"""The cut-off curve against prevalences one by one, by hand and in simulation; the cut-offs in use."""

import math
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

import crampstats as cs
from crampstats.cutoffs import cutoff_curve, reporting_step, unit_of
from crampstats.errors import CrampstatsError, DesignError, IntervalError, QuestionError
from crampstats.intervals import max_t_quantile
from crampstats.reference import cutoffs as named_cutoffs
from crampstats.reference.tables import read_table

NESTED = {"weight": "weight", "stratum": "stratum", "cluster": "cluster", "cluster_labels": "nested"}
DESIGNS = {
    "clusters": NESTED,
    "strata": {"weight": "weight", "stratum": "stratum"},
    "weights": {"weight": "weight"},
    "simple": {},
}


def invented(seed: int = 20261124, people: int = 240) -> pd.DataFrame:
    """Return a survey of magnesium in mg/dL, reported to 0.1, a tenth of it missing."""
    rng = np.random.default_rng(seed)
    stratum = rng.integers(1, 5, people)
    magnesium = rng.normal(1.95, 0.15, people).round(1)
    return pd.DataFrame(
        {
            "stratum": stratum,
            "cluster": rng.integers(1, 4, people),
            "weight": rng.gamma(4, 250, people).round(2),
            "sex": rng.choice(["f", "m"], people),
            "magnesium_mg_dl": np.where(rng.random(people) < 0.1, np.nan, magnesium),
        }
    )


def one_by_one(survey: cs.Survey, column: str, cutoffs: np.ndarray) -> cs.Estimate:
    """Return what the curve has to be: a prevalence for each cut-off and convention."""
    questions = {f"{sign} {cutoff!r}": f"{column} {sign} {cutoff!r}" for sign in ("<=", "<") for cutoff in cutoffs}
    return cs.prevalence(survey, questions)


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("tabulated", ["rows", "table"])
def test_the_curve_is_a_prevalence_at_every_cutoff(design: str, tabulated: str) -> None:
    survey = cs.Survey(invented(), **DESIGNS[design]).observed("magnesium_mg_dl").where("sex == 'f'")
    survey = survey.tabulate(["magnesium_mg_dl"]) if tabulated == "table" else survey
    asked = [1.5, 1.7, 1.75, 1.8, 2.0, 2.3, 1.9]
    curve = cutoff_curve(survey, "magnesium_mg_dl", asked)
    expected = one_by_one(survey, "magnesium_mg_dl", asked)
    assert_allclose(curve.estimate.value, expected.value, rtol=1e-12, atol=1e-15)
    assert_allclose(curve.estimate.covariance, expected.covariance, rtol=1e-9, atol=1e-16)
    assert curve.estimate.n.tolist() == expected.n.tolist()
    assert curve.estimate.df.tolist() == expected.df.tolist()
    table, alone = curve.to_frame(), expected.to_frame()
    assert_allclose(table[["conf_low", "conf_high"]], alone[["conf_low", "conf_high"]][: len(asked)], rtol=1e-9)
    assert_allclose(table["at_most"], alone["estimate"][: len(asked)], rtol=1e-12)
    assert_allclose(table["below"], alone["estimate"][len(asked) :], rtol=1e-12, atol=1e-15)


def test_the_curve_shares_the_design_with_other_estimates() -> None:
    survey = cs.Survey(invented(), **NESTED).observed("magnesium_mg_dl")
    curve = cutoff_curve(survey, "magnesium_mg_dl", [1.7, 1.8])
    other = cs.prevalence(survey, "magnesium_mg_dl <= 1.7")
    gap = cs.difference(curve.at_most.where("cutoff == 1.7"), other)
    assert (gap.value[0], gap.std_error[0]) == pytest.approx((0, 0), abs=1e-15)
    step = cs.difference(curve.at_most.where("cutoff == 1.8"), curve.below.where("cutoff == 1.8"))
    alone = cs.prevalence(survey, "magnesium_mg_dl == 1.8")
    assert (step.value[0], step.std_error[0]) == pytest.approx((alone.value[0], alone.std_error[0]), rel=1e-9)


def test_labels_tell_the_conventions_apart() -> None:
    curve = cutoff_curve(cs.Survey(invented()).observed("magnesium_mg_dl"), "magnesium_mg_dl", [1.7, 1.8])
    assert curve.estimate.labels.to_numpy().tolist() == [
        ["magnesium_mg_dl <= 1.7", "at_most", 1.7],
        ["magnesium_mg_dl <= 1.8", "at_most", 1.8],
        ["magnesium_mg_dl < 1.7", "below", 1.7],
        ["magnesium_mg_dl < 1.8", "below", 1.8],
    ]
    assert len(curve) == 2


@st.composite
def reported(draw: st.DrawFn) -> tuple[pd.DataFrame, float, list[float]]:
    """Return 6 to 40 people in clusters, with values in steps and weights of all sizes, and cut-offs anywhere."""
    step = draw(st.sampled_from([0.1, 0.01, 0.5, 1.0]))
    people = draw(st.integers(6, 40))
    places = draw(st.lists(st.integers(0, 12), min_size=people, max_size=people))
    weights = draw(st.lists(st.floats(1e-3, 1e6), min_size=people, max_size=people))
    clusters = [index % 3 for index in range(people)]
    values = [round(1 + place * step, 2) for place in places]
    on_steps = st.integers(-1, 14).map(lambda place: round(1 + place * step, 2))
    cutoffs = draw(st.lists(st.one_of(on_steps, st.floats(0.5, 8)), min_size=1, max_size=8))
    return pd.DataFrame({"x": values, "weight": weights, "cluster": clusters}), step, cutoffs


@given(reported())
def test_curve_against_brute_force(drawn: tuple[pd.DataFrame, float, list[float]]) -> None:
    data, step, cutoffs = drawn
    curve = cutoff_curve(cs.Survey(data, weight="weight", cluster="cluster"), "x", cutoffs, step=step)
    total = data["weight"].sum()

    def share(chosen: pd.Series) -> float:
        return data["weight"][chosen].sum() / total

    table = curve.to_frame()
    for row in table.itertuples():
        near = 1e-4 * step
        assert row.at_most == pytest.approx(share(data["x"] <= row.cutoff + near), rel=1e-9, abs=1e-12)
        assert row.below == pytest.approx(share(data["x"] < row.cutoff - near), rel=1e-9, abs=1e-12)
        assert abs(row.cutoff - row.reported) <= step / 2 * (1 + 1e-5)
        assert row.bracket_low == pytest.approx(share(data["x"] < row.reported - near), rel=1e-9, abs=1e-12)
        assert row.bracket_high == pytest.approx(share(data["x"] <= row.reported + near), rel=1e-9, abs=1e-12)
        assert row.bracket_low <= row.interpolated <= row.bracket_high
    rising = table.sort_values("cutoff")
    for column in ("at_most", "below", "interpolated", "bracket_low", "bracket_high"):
        assert (rising[column].diff().dropna() >= -1e-12).all(), column
    assert (table["below"] <= table["at_most"]).all()
    assert (table["band_low"] <= table["conf_low"] + 1e-12).all()
    assert (table["band_high"] >= table["conf_high"] - 1e-12).all()


def ten() -> cs.Survey:
    return cs.Survey(pd.DataFrame({"magnesium_mg_dl": [1.6, 1.7, 1.7, 1.8, 1.9, 1.9, 2.0, 2.0, 2.1, 2.2]}))


def test_1_7_mg_dl_is_and_is_not_0_70_mmol_l() -> None:
    table = cutoff_curve(ten(), "magnesium_mg_dl", [0.70], unit="mmol/L").to_frame().iloc[0]
    assert table["term"] == "magnesium_mg_dl <= 1.70135"
    assert (table["cutoff"], table["reported"]) == (0.70, 1.7)
    # By arithmetic 1.7 mg/dL is below 0.70 mmol/L; as reported it is equal to it.
    assert (table["at_most"], table["below"]) == pytest.approx((0.3, 0.3))
    assert (table["bracket_low"], table["bracket_high"]) == pytest.approx((0.1, 0.3))
    within = (0.70 * 2.4305 - 1.65) / 0.1
    assert table["interpolated"] == pytest.approx(0.1 + within * 0.2, rel=1e-9)
    assert table["note"] == "0.7 mmol/L is 1.701 mg/dL and lands on the reported value 1.7 mg/dL"


def test_two_cutoffs_may_land_on_one_reported_value() -> None:
    table = cutoff_curve(ten(), "magnesium_mg_dl", [0.75, 0.76], unit="mmol/L").to_frame()
    assert table["reported"].tolist() == [1.8, 1.8]
    assert_allclose(table["at_most"], 0.4)
    assert table["interpolated"][0] < table["interpolated"][1]


def test_a_cutoff_on_a_reported_value_has_half_of_its_people_on_either_side() -> None:
    table = cutoff_curve(ten(), "magnesium_mg_dl", [1.7, 2.0]).to_frame()
    assert table["reported"].tolist() == [1.7, 2.0]
    assert_allclose(table[["bracket_low", "bracket_high"]], table[["below", "at_most"]])
    assert_allclose(table["interpolated"], [0.2, 0.7])
    assert table["note"].tolist() == ["", ""]


def test_steps_are_half_open() -> None:
    # 1.75 is the end of what is reported as 1.7 and the beginning of what is reported as 1.8.
    table = cutoff_curve(ten(), "magnesium_mg_dl", [1.7499, 1.75, 1.7501]).to_frame()
    assert table["reported"].tolist() == [1.7, 1.8, 1.8]
    assert_allclose(table["interpolated"], [0.3, 0.3, 0.3], atol=2e-3)
    assert table["note"][1] == "1.75 mg/dL lands on the reported value 1.8 mg/dL"


def test_rounding_of_computed_cutoffs_is_no_difference() -> None:
    computed = np.arange(1.5, 2.25, 0.1)
    assert (computed != np.round(computed, 1)).any()
    one, other = (cutoff_curve(ten(), "magnesium_mg_dl", asked).to_frame() for asked in (computed, computed.round(1)))
    names = ["reported", "at_most", "below", "interpolated", "conf_low", "band_high", "note"]
    pd.testing.assert_frame_equal(one[names], other[names])


def test_values_of_four_bytes_are_the_same_values() -> None:
    wide = ten().data
    one, other = (
        cutoff_curve(cs.Survey(data), "magnesium_mg_dl", [1.7, 1.9]) for data in (wide, wide.astype(np.float32))
    )
    assert one.step == other.step == 0.1
    assert_allclose(one.estimate.value, other.estimate.value)


def test_cutoffs_outside_all_values() -> None:
    table = cutoff_curve(ten(), "magnesium_mg_dl", [0.9, 3.0]).to_frame()
    assert table["at_most"].tolist() == [0, 1]
    assert table["std_error"].tolist() == [0, 0]
    assert table["note"].str.contains("nobody in the sample|everybody in the sample").all()
    assert table["conf_high"][0] == pytest.approx(1 - 0.025 ** (1 / 10))
    assert table["band_low"][1] == pytest.approx(0.025 ** (1 / 10))


def test_a_number_without_steps_is_its_own_bracket() -> None:
    values = np.random.default_rng(5).normal(0.82, 0.06, 300)
    curve = cutoff_curve(cs.Survey(pd.DataFrame({"magnesium_mmol_l": values})), "magnesium_mmol_l", [0.75, values[7]])
    assert curve.step is None
    table = curve.to_frame()
    assert table["reported"].isna().all()
    for name, same in (("bracket_low", "below"), ("bracket_high", "at_most"), ("interpolated", "at_most")):
        assert table[name].tolist() == table[same].tolist()
    assert table["at_most"][1] - table["below"][1] == pytest.approx(1 / 300)
    assert table["note"].tolist() == ["", ""]


@pytest.mark.parametrize(
    ("values", "step"),
    [
        ([1.7, 1.8, 2.1], 0.1),
        ([1.7, 1.9, 2.2], 0.1),
        ([1.7, 1.9, 2.1], 0.2),
        ([0.71, 0.72, 0.8, 0.95], 0.01),
        ([0.005, 0.015, 0.03], 0.005),
        (np.array([1.6, 1.7, 2.4]) / 2.4305, 0.1 / 2.4305),
        (np.array([1.6, 1.7, 2.4], np.float32), 0.1),
        (np.array([0.1 + 0.2, 0.3, 0.4]), 0.1),
        ([18, 20, 65], 1),
        ([-3, 0, 6], 3),
    ],
)
def test_the_step_is_found_from_distinct_values(values: object, step: float) -> None:
    assert reporting_step(np.asarray(values)) == pytest.approx(step, rel=1e-6)


@pytest.mark.parametrize(
    "values",
    [[1.7], [1.7, 1.7], np.sqrt(np.arange(2.0, 60)), np.random.default_rng(1).random(20_000), [0, 1e-6, 1.0, 2.0]],
    ids=["one value", "one distinct value", "roots", "as measured", "too fine"],
)
def test_not_every_number_is_reported_in_steps(values: object) -> None:
    assert reporting_step(np.asarray(values, dtype=float)) is None


def test_the_step_may_be_told() -> None:
    few = cs.Survey(pd.DataFrame({"magnesium_mg_dl": [1.7, 1.9, 2.1, 2.1]}))
    assert cutoff_curve(few, "magnesium_mg_dl", [1.8]).reported.tolist() == [1.9]
    told = cutoff_curve(few, "magnesium_mg_dl", [1.8], step=0.1)
    assert (told.step, told.reported.tolist()) == (0.1, [1.8])
    for step in (0, -0.1, math.nan, math.inf):
        with pytest.raises(CrampstatsError, match=f"step={re.escape(repr(step))} has to be a positive number"):
            cutoff_curve(few, "magnesium_mg_dl", [1.8], step=step)


@pytest.mark.parametrize(
    ("column", "factor", "unit", "own"),
    [
        ("magnesium_mmol_l", 1.0, "mg/dL", "mmol/L"),
        ("serum_magnesium_meq_l", 2.0, "mg/dL", "mEq/L"),
        ("magnesium_umol_l", 1000.0, "mmol/L", "µmol/L"),
        ("magnesium_mg_dl", 2.4305, "mmol/L", "mg/dL"),
    ],
)
def test_cutoffs_are_asked_in_any_unit(column: str, factor: float, unit: str, own: str) -> None:
    values = np.array([0.66, 0.70, 0.74, 0.74, 0.82, 0.82, 0.86, 0.90])
    survey = cs.Survey(pd.DataFrame({column: values * factor}))
    asked = np.array([0.70, 0.74, 0.86]) * {"mg/dL": 2.4305, "mmol/L": 1.0}[unit]
    curve = cutoff_curve(survey, column, asked, unit=unit)
    assert (curve.unit, curve.column_unit, unit_of(column)) == (unit, own, own)
    assert_allclose(curve.reported, np.array([0.70, 0.74, 0.86]) * factor, rtol=1e-9)
    assert_allclose(curve.at_most.value, [2 / 8, 4 / 8, 7 / 8])
    assert_allclose(curve.below.value, [1 / 8, 2 / 8, 6 / 8])
    assert curve.to_frame()["note"].tolist() == ["", "", ""]


def test_other_substances_have_their_own_masses() -> None:
    survey = cs.Survey(pd.DataFrame({"calcium_mg_dl": [8.0, 8.5, 9.0, 9.5, 10.0]}))
    table = cutoff_curve(survey, "calcium_mg_dl", [9.0 / 4.0078], unit="mmol/L").to_frame().iloc[0]
    assert (table["reported"], table["at_most"], table["below"]) == pytest.approx((9.0, 0.6, 0.4))


@pytest.mark.parametrize(("column", "unit"), [("magnesium", "mmol/L"), ("zinc_mg_dl", "mmol/L"), ("x", "mg/dL")])
def test_units_need_a_name_that_holds_them(column: str, unit: str) -> None:
    survey = cs.Survey(pd.DataFrame({column: [1.0, 2.0, 3.0]}))
    assert cutoff_curve(survey, column, [2.0]).at_most.value == pytest.approx(2 / 3)
    with pytest.raises(
        CrampstatsError, match=f"unit='{unit}' cannot be turned into that of '{column}'.*magnesium_mg_dl"
    ):
        cutoff_curve(survey, column, [2.0], unit=unit)


def test_an_unknown_unit_names_the_choices() -> None:
    with pytest.raises(CrampstatsError, match="unit='mg' is unknown: choose from mmol/L"):
        cutoff_curve(ten(), "magnesium_mg_dl", [1.7], unit="mg")


@pytest.mark.parametrize("method", ["wald", "logit", "korn_graubard", "wilson"])
def test_bands_reach_as_many_standard_errors_as_the_largest_t(method: str) -> None:
    survey = cs.Survey(invented(), **NESTED).observed("magnesium_mg_dl")
    curve = cutoff_curve(survey, "magnesium_mg_dl", [1.7, 1.8, 1.9, 2.0, 2.1], interval_method=method, level=0.9)
    at_most = curve.at_most
    critical = max_t_quantile(at_most.covariance, at_most.df[0], level=0.9)
    assert curve.critical_value == critical
    assert stats.t.ppf(0.95, at_most.df[0]) < critical < stats.t.ppf(1 - 0.05 / 5, at_most.df[0])
    table = curve.to_frame()
    if method == "wald":
        assert_allclose(table["band_high"], at_most.value + critical * at_most.std_error, rtol=1e-9)
    if method == "logit":
        low, high = (np.log(table[name] / (1 - table[name])) for name in ("band_low", "band_high"))
        slope = at_most.std_error / (at_most.value * (1 - at_most.value))
        assert_allclose(high - low, 2 * critical * slope, rtol=1e-9)
    assert (table["band_low"] < table["conf_low"]).all()
    assert (table["conf_high"] < table["band_high"]).all()
    assert_allclose(table["conf_low"], at_most.interval(level=0.9, method=method).low)


def test_the_band_of_one_cutoff_is_its_interval() -> None:
    table = cutoff_curve(ten(), "magnesium_mg_dl", 1.8).to_frame()
    assert_allclose(table[["band_low", "band_high"]], table[["conf_low", "conf_high"]], rtol=1e-9)


def test_missing_values_are_refused_until_observed() -> None:
    survey = cs.Survey(invented())
    with pytest.raises(QuestionError, match=r"first ask observed\('magnesium_mg_dl'\)"):
        cutoff_curve(survey, "magnesium_mg_dl", [1.7])
    known = survey.observed("magnesium_mg_dl")
    assert cutoff_curve(known, "magnesium_mg_dl", [1.7]).estimate.n.tolist() == [known.people] * 2


def test_other_requests_that_cannot_be_met() -> None:
    survey = cs.Survey(invented(), **NESTED).observed("magnesium_mg_dl")
    with pytest.raises(QuestionError, match="'sex' is a text; a number"):
        cutoff_curve(survey, "sex", [1.7])
    for wrong in ([], [np.nan], [1.7, np.inf], [[1.7]]):
        with pytest.raises(CrampstatsError, match=r"cutoffs=.* has to be one or several numbers"):
            cutoff_curve(survey, "magnesium_mg_dl", wrong)
    with pytest.raises(IntervalError, match="method='exact' is unknown"):
        cutoff_curve(survey, "magnesium_mg_dl", [1.7], interval_method="exact")
    with pytest.raises(IntervalError, match="method='logit' has no interval at 0 of n"):
        cutoff_curve(survey, "magnesium_mg_dl", [0.1, 1.7], interval_method="logit")
    with pytest.raises(IntervalError, match="level=95 has to lie between 0 and 1"):
        cutoff_curve(survey, "magnesium_mg_dl", [1.7], level=95)
    with pytest.raises(DesignError, match=r"no degrees of freedom .* for magnesium_mg_dl in survey"):
        cutoff_curve(survey.where("cluster == 1"), "magnesium_mg_dl", [1.7])


def test_a_notebook_shows_what_the_curve_is_of() -> None:
    curve = cutoff_curve(ten(), "magnesium_mg_dl", [1.7])
    assert repr(curve).startswith("<CutoffCurve of magnesium_mg_dl in survey, reported to 0.1 mg/dL>\n")
    assert "<th>bracket_high</th>" in curve._repr_html_()
    assert "note" not in repr(curve)
    assert "lands on" in repr(cutoff_curve(ten(), "magnesium_mg_dl", [0.7], unit="mmol/L"))


STEPS = np.arange(0.72, 0.925, 0.02).round(2)


@pytest.fixture(scope="module")
def held(repeats: int) -> pd.DataFrame:
    """Return whether intervals and bands hold the whole true curve, a row each sample of 60 villages and each method."""
    between, within = 0.03, 0.05
    truth = stats.norm.cdf(
        (STEPS + 0.01 - 0.82) / np.hypot(between, within)
    )  # reported at most: measured below the edge
    rows = []
    for index in range(repeats):
        rng = np.random.default_rng(np.random.SeedSequence(20261124, spawn_key=(index,)))
        values = 0.82 + rng.normal(0, between, (60, 1)) + rng.normal(0, within, (60, 15))
        reported_values = (np.floor(values / 0.02 + 0.5) * 0.02).round(2).ravel()
        people = pd.DataFrame({"magnesium_mmol_l": reported_values, "village": np.repeat(np.arange(60), 15)})
        survey = cs.Survey(people, cluster="village")
        for method in ("logit", "korn_graubard"):
            table = cutoff_curve(survey, "magnesium_mmol_l", STEPS, interval_method=method).to_frame()
            alone = (table["conf_low"] <= truth) & (truth <= table["conf_high"])
            band = (table["band_low"] <= truth) & (truth <= table["band_high"])
            rows.append({"method": method, "each": alone.mean(), "alone": alone.all(), "band": band.all()})
    return pd.DataFrame(rows).set_index("method")


def error(repeats: int) -> float:
    """Return the Monte Carlo standard error of a coverage of 95 %."""
    return math.sqrt(0.95 * 0.05 / repeats)


@pytest.mark.recovery
def test_bands_hold_the_whole_curve_as_often_as_they_say(held: pd.DataFrame, repeats: int) -> None:
    assert held.loc["logit", "band"].mean() == pytest.approx(0.95, abs=3 * error(repeats) + 0.01)


@pytest.mark.recovery
def test_bands_of_korn_and_graubard_are_a_little_conservative(held: pd.DataFrame, repeats: int) -> None:
    assert held.loc["korn_graubard", "band"].mean() == pytest.approx(0.957, abs=3 * error(repeats) + 0.01)


@pytest.mark.recovery
def test_intervals_hold_each_point_and_miss_the_whole_curve(held: pd.DataFrame, repeats: int) -> None:
    assert held.loc["logit", "each"].mean() == pytest.approx(0.95, abs=3 * error(repeats) + 0.01)
    assert held.loc["logit", "alone"].mean() < 0.95 - 5 * error(repeats)


def test_named_cutoffs_have_their_sources_and_an_order() -> None:
    table = named_cutoffs()
    keys = {row["key"] for row in read_table("sources")}
    assert set(table["source"]) <= keys
    assert set(table["status"]) == {"published"}
    assert set(table["sign"]) == {"below", "at most"}
    assert table["mmol_l"].is_monotonic_increasing
    assert (table["mmol_l"].min(), table["mmol_l"].max()) == (0.5, 0.85)
    assert {0.6, 0.65, 0.7, 0.72, 0.73, 0.75, 0.76, 0.77, 0.8, 0.85} <= set(table["mmol_l"].round(6))
    assert table["name"].is_unique


def test_named_cutoffs_are_told_as_they_were_printed() -> None:
    table = named_cutoffs().set_index("name")
    printed = table.loc[["Wong 1983", "Heybeli 2022", "Cheungpasitporn 2015", "SHIP"], ["sign", "value", "unit"]]
    assert printed.to_numpy().tolist() == [
        ["below", 1.2, "mEq/L"],
        ["below", 1.6, "mg/dL"],
        ["below", 1.7, "mg/dL"],
        ["at most", 0.73, "mmol/L"],
    ]
    assert table.loc["Heybeli 2022", "mmol_l"] == pytest.approx(1.6 / 2.4305)
    secondary = table[table["where"].str.contains("secondary")]
    assert secondary.index.tolist() == ["German Nutrition Society"]
    assert secondary["note"].str.contains("secondary source only: gayaone.com").all()


def test_the_bibliography_has_each_source_once() -> None:
    keys = [row["key"] for row in read_table("sources")]
    assert len(keys) == len(set(keys))
    assert all(row["citation"] for row in read_table("sources"))
