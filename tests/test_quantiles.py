"""Quantiles with Woodruff's intervals: against R on an invented survey, by hand, and what must not change them.

tests/golden/quantiles.R made the expected values; R's on published data are in test_golden_published.py.
"""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import crampstats as cs
from crampstats import intervals
from crampstats.errors import DesignError, IntervalError, QuestionError
from crampstats.quantiles import _narrowed, quantile, shares_up_to

FOLDER = Path(__file__).parent / "golden"
DATA = pd.read_csv(FOLDER / "survey_input.csv")
EXPECTED = pd.read_csv(FOLDER / "quantiles_expected.csv")
DOMAINS = {"all": None, "female": "sex == 'female'", "old_men": "sex == 'male' and age_group == '60+'"}
METHODS = {"mean": "wald", "xlogit": "logit", "beta": "beta", "asin": "arcsine"}
NESTED = {"weight": "weight", "stratum": "stratum", "cluster": "cluster", "cluster_labels": "nested"}
PAIRED = DATA[DATA["stratum"] != 7]
SURVEYS = {
    "clusters": cs.Survey(PAIRED, **NESTED),
    "clusters_fpc": cs.Survey(PAIRED, **NESTED, population_size="clusters_in_stratum"),
    "strata": cs.Survey(DATA, weight="weight", stratum="stratum"),
    "weights": cs.Survey(DATA, weight="weight"),
    "simple": cs.Survey(DATA),
}
GROUPS = list(EXPECTED.groupby(["design", "domain", "variable", "method", "level"]))


@pytest.mark.parametrize(("key", "rows"), GROUPS, ids=["-".join(map(str, key)) for key, _ in GROUPS])
def test_equals_r(key: tuple, rows: pd.DataFrame) -> None:
    design, domain, variable, method, level = key
    asked = SURVEYS[design].observed(variable)
    asked = asked.where(DOMAINS[domain]) if DOMAINS[domain] else asked
    found = quantile(asked, variable, rows["probability"], interval_method=METHODS[method], level=level)
    tolerance = rows["tolerance"].max()
    assert_allclose(found.value, rows["value"], rtol=tolerance)
    assert_allclose([found.n, found.df], [rows["n"], rows["df"]])
    for name, ends in (("conf_low", found.limits.low), ("conf_high", found.limits.high)):
        bounded = rows[name].notna().to_numpy()  # where R has no end, the quantile has no bound
        assert_allclose(ends[bounded], rows[name][bounded], rtol=tolerance)
        assert np.isinf(ends[~bounded]).all()
    bounded = rows["std_error"].notna().to_numpy()
    assert_allclose(found.std_error[bounded], rows["std_error"][bounded], rtol=tolerance)
    assert np.isinf(found.std_error[~bounded]).all()


def test_the_expected_values_hold_what_they_are_to_test() -> None:
    assert len(EXPECTED) > 1400
    assert (EXPECTED["tolerance"] <= 1e-8).all()
    assert set(EXPECTED["rule"]) == {"math", "inverse"}
    assert 0 < EXPECTED["std_error"].isna().mean() < 0.05


def simple(values: list[float], **columns: object) -> cs.Survey:
    return cs.Survey(pd.DataFrame({"mmol": values, **columns}))


def test_quantiles_are_the_smallest_values_that_reach_the_share() -> None:
    # Of ten values the third is the 30 % quantile and the fourth every one up to 40 %, whatever rounding makes of 0.3 * 10.
    survey = simple([5, 3, 1, 2, 4, 6, 10, 9, 8, 7])
    found = quantile(survey, "mmol", [0.05, 0.1, 0.3, 0.30001, 0.4, 0.7, 0.95], interval_method="korn_graubard")
    assert found.value.tolist() == [1, 1, 3, 4, 4, 7, 10]


def test_a_share_that_is_reached_exactly_is_reached() -> None:
    # 0.07 * 100, 0.14 * 100 and 0.28 * 100 are a little more than 7, 14 and 28 in floating point.
    shares = [0.07, 0.14, 0.28, 0.5]
    assert all(share * 100 > round(share * 100) for share in shares[:3])
    assert quantile(simple(list(range(1, 101))), "mmol", shares).value.tolist() == [7, 14, 28, 50]


def test_weights_decide_where_the_share_is_reached() -> None:
    people = pd.DataFrame({"mmol": [0.9, 0.7, 0.8, 0.8], "w": [40.0, 10, 20, 30]})
    found = quantile(cs.Survey(people, weight="w"), "mmol", [0.1, 0.11, 0.6, 0.61], interval_method="wald")
    assert found.value.tolist() == [0.7, 0.8, 0.8, 0.9]


def test_an_interval_by_hand() -> None:
    values = [0.60 + 0.01 * i for i in range(50)]
    survey = simple(values)
    found = quantile(survey, "mmol", 0.5, interval_method="wald").to_frame().iloc[0]
    share = cs.prevalence(survey, f"mmol <= {values[24]!r}", interval_method="wald")
    assert share.value[0] == 0.5
    limits = share.interval()
    low, high = (values[int(np.ceil(end * 50)) - 1] for end in (limits.low[0], limits.high[0]))
    t = intervals.t_quantile(np.array(49.0), 0.975)
    assert (found["estimate"], found["conf_low"], found["conf_high"]) == (values[24], low, high)
    assert found["std_error"] == pytest.approx((high - low) / (2 * t))
    assert found["note"] == ""


def test_the_table_has_the_columns_of_every_result() -> None:
    survey = simple([1, 2, 3, 4, 5, 6] * 5, sex=["f", "m"] * 15)
    table = quantile(survey, "mmol", [0.25, 0.5], by=["sex"]).to_frame()
    assert table.columns.tolist() == [
        "term",
        "probability",
        "sex",
        "n",
        "estimate",
        "std_error",
        "conf_low",
        "conf_high",
        "note",
    ]
    assert table[["term", "probability", "sex", "n"]].to_numpy().tolist() == [
        ["mmol", 0.25, "f", 15],
        ["mmol", 0.5, "f", 15],
        ["mmol", 0.25, "m", 15],
        ["mmol", 0.5, "m", 15],
    ]
    assert table["estimate"].tolist() == [1, 3, 2, 4]


def test_by_gives_all_domains_as_where_gives_one() -> None:
    survey = SURVEYS["clusters"].observed("magnesium_mmol_l")
    by = quantile(survey, "magnesium_mmol_l", [0.1, 0.5], by=["sex", "age_group"]).to_frame()
    assert len(by) == 12
    for (sex, age), rows in by.groupby(["sex", "age_group"]):
        alone = quantile(survey.where(f"sex == '{sex}' and age_group == '{age}'"), "magnesium_mmol_l", [0.1, 0.5])
        names = ["n", "estimate", "std_error", "conf_low", "conf_high", "note"]
        pd.testing.assert_frame_equal(rows[names].reset_index(drop=True), alone.to_frame()[names])


@pytest.mark.parametrize("design", SURVEYS)
def test_tabulating_first_changes_nothing(design: str) -> None:
    survey = SURVEYS[design].observed("magnesium_mmol_l")
    cells = survey.tabulate(["magnesium_mmol_l", "sex"])
    names = ["probability", "sex", "n", "estimate", "std_error", "conf_low", "conf_high"]
    one, other = (
        quantile(
            each, "magnesium_mmol_l", [0.025, 0.1, 0.5, 0.9], by=["sex"], interval_method="korn_graubard"
        ).to_frame()
        for each in (survey, cells)
    )
    pd.testing.assert_frame_equal(one[names], other[names])


def test_arithmetic_and_yes_no_variables() -> None:
    survey = simple([1, 2, 3, 4, 5, 6, 7, 8])
    assert quantile(survey, "mmol * 2 + 1", 0.5).value.tolist() == [9]
    assert quantile(survey, "mmol >= 3", 0.5, interval_method="korn_graubard").value.tolist() == [1]


def test_korn_graubard_has_an_interval_at_the_largest_value() -> None:
    survey = simple(list(range(1, 21)))
    found = quantile(survey, "mmol", 0.99, interval_method="korn_graubard").to_frame().iloc[0]
    assert found["estimate"] == 20
    # Clopper and Pearson's lower limit of 20 in 20 is 0.025 ** (1 / 20) = 0.832, reached by the 17th value.
    assert found["conf_low"] == 17
    assert (found["conf_high"], found["std_error"]) == (np.inf, np.inf)
    assert found["note"] == "no upper end: the interval of the share goes beyond the sample"


def test_wald_may_leave_both_ends_open() -> None:
    table = quantile(simple([1, 2, 3]), "mmol", 0.5, interval_method="wald").to_frame()
    assert table["note"][0] == "no lower and no upper end: the interval of the share goes beyond the sample"
    assert (table["conf_low"][0], table["conf_high"][0]) == (-np.inf, np.inf)


def test_wald_without_width_ends_at_the_largest_value() -> None:
    found = quantile(simple([1, 2, 3]), "mmol", 0.99, interval_method="wald").to_frame().iloc[0]
    assert (found["estimate"], found["conf_low"], found["conf_high"]) == (3, 3, np.inf)


@pytest.mark.parametrize("method", ["logit", "beta", "arcsine"])
def test_other_methods_have_none_there_and_say_so(method: str) -> None:
    survey = simple(list(range(1, 21)), sex=["f", "m"] * 10)
    with pytest.raises(
        IntervalError, match=f"a quantile of mmol, f is the largest value.*method='{method}'.*korn_graubard"
    ):
        quantile(survey, "mmol", 0.99, by=["sex"], interval_method=method)


def test_missing_values_are_refused_until_observed() -> None:
    survey = SURVEYS["clusters"]
    with pytest.raises(QuestionError, match=r"first ask observed\('magnesium_mmol_l'\)"):
        quantile(survey, "magnesium_mmol_l", 0.5)
    known = quantile(survey.observed("magnesium_mmol_l"), "magnesium_mmol_l", 0.5)
    assert known.n[0] == PAIRED["magnesium_mmol_l"].notna().sum()


def test_domains_without_degrees_of_freedom_are_refused_by_name(survey: cs.Survey) -> None:
    with pytest.raises(DesignError, match=r"no degrees of freedom .* for: age_years, f\. Ask about"):
        quantile(survey.where("cluster == 1"), "age_years", [0.25, 0.5], by=["sex"])


@pytest.mark.parametrize("probability", [0, 1, 50, -0.1, np.nan, [0.5, 1.0], [], [[0.5]]])
def test_probabilities_lie_between_0_and_1(probability: object) -> None:
    with pytest.raises(QuestionError, match=r"probabilities=.* has to lie between 0 and 1, as in probabilities="):
        quantile(simple([1, 2, 3]), "mmol", probability)


def test_other_requests_that_cannot_be_met() -> None:
    survey = simple([1, 2, 3], sex=["f", "m", "f"])
    with pytest.raises(QuestionError, match="'sex' is a text; a number or a yes/no question has to stand here"):
        quantile(survey, "sex", 0.5)
    with pytest.raises(IntervalError, match="interval_method='log' is not for shares: choose from wald, korn_graubard"):
        quantile(survey, "mmol", 0.5, interval_method="log")
    with pytest.raises(IntervalError, match="level=95 has to lie between 0 and 1"):
        quantile(survey, "mmol", 0.5, level=95)


def test_a_notebook_shows_the_table_without_empty_notes() -> None:
    found = quantile(simple(list(range(40))), "mmol", 0.5)
    assert repr(found).startswith("<Quantiles of survey: 95 % logit intervals>\n")
    assert "note" not in repr(found)
    assert "<th>estimate</th>" in found._repr_html_()
    assert "no upper end" in repr(quantile(simple([1, 2]), "mmol", 0.9, interval_method="korn_graubard"))


@st.composite
def samples(draw: st.DrawFn) -> pd.DataFrame:
    """Return 2 to 4 strata of 2 or 3 clusters of 1 to 4 people, their values with ties, weights of all sizes."""
    sizes = draw(st.lists(st.lists(st.integers(1, 4), min_size=2, max_size=3), min_size=2, max_size=4))
    people = [(h, c) for h, stratum in enumerate(sizes) for c, size in enumerate(stratum) for _ in range(size)]
    number = len(people)
    weights = draw(st.lists(st.floats(1e-3, 1e6), min_size=number, max_size=number))
    values = draw(st.lists(st.integers(0, 8), min_size=number, max_size=number))
    stratum, cluster = zip(*people, strict=True)
    return pd.DataFrame({"stratum": stratum, "cluster": cluster, "weight": weights, "step": values})


@given(samples(), st.floats(0.01, 0.99))
def test_quantiles_against_brute_force(data: pd.DataFrame, probability: float) -> None:
    found = quantile(cs.Survey(data, **NESTED), "step", probability, interval_method="korn_graubard")
    shares = {
        value: data["weight"][data["step"] <= value].sum() / data["weight"].sum() for value in sorted(set(data["step"]))
    }
    assert found.value[0] in shares
    assert shares[found.value[0]] >= probability - 1e-9
    assert all(share < probability + 1e-9 for value, share in shares.items() if value < found.value[0])
    assert found.limits.low[0] <= found.value[0] <= found.limits.high[0]


@given(samples(), st.randoms(use_true_random=False), st.floats(1e-6, 1e6))
def test_order_and_scale_of_weights_change_nothing(data: pd.DataFrame, random: object, factor: float) -> None:
    order = list(range(len(data)))
    random.shuffle(order)
    shares = [0.1234567, 0.5123456, 0.8765432]
    one = quantile(cs.Survey(data, **NESTED), "step", shares, interval_method="korn_graubard")
    moved = data.iloc[order].assign(weight=lambda table: table["weight"] * factor)
    other = quantile(cs.Survey(moved, **NESTED), "step", shares, interval_method="korn_graubard")
    assert one.value.tolist() == other.value.tolist()


@given(samples())
def test_shares_up_to_are_prevalences(data: pd.DataFrame) -> None:
    for names in (NESTED, {"weight": "weight", "stratum": "stratum"}, {}):
        survey = cs.Survey(data, **names)
        edges = np.array([-1.0, 0, 2, 5, 8])
        value, component, people = shares_up_to(survey, data["step"].to_numpy(float), edges)
        expected = cs.prevalence(survey, {f"{edge}": f"step <= {edge}" for edge in edges})
        assert_allclose(value, expected.value, rtol=1e-12)
        assert (value[0], value[-1], people) == (0, 1, len(data))
        covariance = component.design.covariance(component.contributions)
        assert_allclose(covariance, expected.covariance, rtol=1e-9, atol=1e-15)


@pytest.mark.recovery
def test_intervals_hold_the_true_quantile(repeats: int) -> None:
    # Villages differ, so that people of one are alike; ignoring them gives intervals that are too short.
    truth = np.sqrt(0.5) * np.array([-1.2815515655446004, 0.0])
    held = np.zeros((repeats, 2, 2), dtype=bool)
    for index in range(repeats):
        rng = np.random.default_rng(np.random.SeedSequence(20261124, spawn_key=(index,)))
        values = rng.normal(0, np.sqrt(0.2), (60, 1)) + rng.normal(0, np.sqrt(0.3), (60, 15))
        people = pd.DataFrame({"mmol": values.ravel(), "village": np.repeat(np.arange(60), 15)})
        for row, survey in enumerate((cs.Survey(people, cluster="village"), cs.Survey(people))):
            limits = quantile(survey, "mmol", [0.1, 0.5]).limits
            held[index, row] = (limits.low <= truth) & (truth <= limits.high)
    error = np.sqrt(0.95 * 0.05 / repeats)
    assert_allclose(held[:, 0].mean(axis=0), 0.95, atol=3 * error + 0.01)
    assert held[:, 1, 1].mean() < 0.95 - 5 * error


@pytest.mark.parametrize("lonely", ["adjust", "average", "certainty"])
@pytest.mark.parametrize("name", ["clusters", "clusters_fpc", "strata", "simple", "tabulated"])
def test_a_design_of_some_rows_has_the_variance_of_the_whole(name: str, lonely: str) -> None:
    survey = SURVEYS["strata"].tabulate(["sex", "age_group"]) if name == "tabulated" else SURVEYS[name]
    alone = np.r_[np.flatnonzero(survey.design.stratum != 2), np.flatnonzero(survey.design.stratum == 2)[:1]]
    whole = replace(
        survey.design, stratum=survey.design.stratum[alone], units=survey.design.units[alone], lonely=lonely
    )
    rng = np.random.default_rng(3)
    rows = rng.permutation(whole.clusters)[: whole.clusters // 3]
    contributions = np.zeros((whole.clusters, 2))
    contributions[rows] = rng.normal(size=(len(rows), 2))
    part, cluster = _narrowed(whole, rows)
    few = np.zeros((part.clusters, 2))
    few[cluster] = contributions[rows]
    touched, few_touched = contributions != 0, few != 0
    assert_allclose(part.covariance(few, few_touched), whole.covariance(contributions, touched), rtol=1e-12)
    assert part.degrees_of_freedom(few_touched).tolist() == whole.degrees_of_freedom(touched).tolist()


@pytest.mark.parametrize("name", list(SURVEYS))
def test_groups_are_as_domains_under_every_design(name: str) -> None:
    survey = SURVEYS[name].observed("magnesium_mmol_l")
    groups = quantile(survey, "magnesium_mmol_l", [0.1, 0.5], by=["sex", "age_group"]).to_frame()
    for (sex, age), rows in groups.groupby(["sex", "age_group"]):
        inside = survey.where(f"sex == '{sex}' and age_group == '{age}'")
        alone = quantile(inside, "magnesium_mmol_l", [0.1, 0.5]).to_frame()
        pd.testing.assert_frame_equal(rows[alone.columns].reset_index(drop=True), alone, rtol=1e-12)


def test_many_groups_take_no_longer_than_one() -> None:
    rows = 60_000
    people = cs.Survey(pd.DataFrame({"x": np.arange(rows) % 997, "group": np.arange(rows) % 300}))
    seconds = []
    for by in ([], ["group"]):
        start = time.process_time()
        quantile(people, "x", [0.5], by=by)
        seconds.append(time.process_time() - start)
    assert seconds[1] < 1 + 20 * seconds[0]
