"""Direct reference limits: CLSI's table and example, by hand, against R, coverage, and what is refused.

tests/golden/limits.R made the expected values.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

import crampstats as cs
from crampstats.errors import ConvergenceError, CrampstatsError, DesignError, IntervalError, QuestionError
from crampstats.measurement import direct_limits
from crampstats.measurement.direct_limits import biweight_limits, rank_ends, rank_limits, reference_limits

FOLDER = Path(__file__).parent / "golden"
DATA = pd.read_csv(FOLDER / "survey_input.csv")
PLAIN = cs.Survey(DATA[["sex", "age_group", "magnesium_mmol_l"]]).observed("magnesium_mmol_l")
EXPECTED = pd.read_csv(FOLDER / "limits_expected.csv")
GROUPS = list(EXPECTED[EXPECTED["method"] != "reflim"].groupby(["method", "group"]))
# CLSI EP28-A3c, appendix B: calcium in mg/dL.
CALCIUM = [8.9, 9.2] + [9.4] * 2 + [9.5] * 3 + [9.6] * 4 + [9.7] * 5 + [9.8] + [9.9] * 2 + [10.2]
NUMBERS = ["n", "estimate", "std_error", "conf_low", "conf_high"]


def simple(values: object, **columns: object) -> cs.Survey:
    return cs.Survey(pd.DataFrame({"mmol": values, **columns}))


@pytest.mark.parametrize(("key", "rows"), GROUPS, ids=["-".join(key) for key, _ in GROUPS])
def test_equals_r(key: tuple, rows: pd.DataFrame) -> None:
    method, group = key
    asked = PLAIN if group == "all" else PLAIN.where(f"sex == '{group}'")
    found = reference_limits(asked, "magnesium_mmol_l", method=method, rng=1, resamples=100).to_frame()
    expected = rows.set_index("what")["value"]
    tolerance = rows["tolerance"].max()
    assert_allclose(found["estimate"], expected[["limit0.025", "limit0.975"]], rtol=tolerance)
    if method == "rank":
        assert_allclose(found["conf_low"], expected[["low0.025", "low0.975"]], rtol=tolerance)
        assert_allclose(found["conf_high"], expected[["high0.025", "high0.975"]], rtol=tolerance)


def test_the_expected_values_have_no_loose_tolerance() -> None:
    assert (EXPECTED["tolerance"] <= 1e-8).all()
    assert set(EXPECTED["method"]) == {"rank", "robust", "robust_box_cox", "reflim"}


# CLSI EP28-A3c, table 8: from which size on the 90 % interval of the 2.5 % limit has these ranks.
@pytest.mark.parametrize(
    ("first", "last", "low", "high"),
    [
        (119, 132, 1, 7),
        (133, 160, 1, 8),
        (161, 187, 1, 9),
        (188, 189, 2, 9),
        (190, 218, 2, 10),
        (219, 248, 2, 11),
        (249, 249, 2, 12),
        (250, 279, 3, 12),
        (280, 307, 3, 13),
        (308, 309, 4, 13),
        (310, 340, 4, 14),
        (341, 363, 4, 15),
        (364, 372, 5, 15),
        (373, 403, 5, 16),
    ],
)
def test_ranks_are_those_of_the_guideline(first: int, last: int, low: int, high: int) -> None:
    for n in (first, last):
        assert rank_ends(n, 0.025, level=0.90) == (low, high)
        assert rank_ends(n, 0.975, level=0.90) == (n + 1 - high, n + 1 - low)
    assert rank_ends(first - 1, 0.025, level=0.90) != (low, high)


@given(st.integers(2, 3000), st.floats(0.001, 0.999), st.floats(0.5, 0.99))
def test_ranks_leave_out_no_more_than_allowed_and_no_less_than_possible(n: int, share: float, level: float) -> None:
    low, high = rank_ends(n, share, level=level)
    below = stats.binom(n, share)
    side = (1 - level) / 2
    assert below.cdf(low - 1) <= side * (1 + 1e-9)
    assert below.cdf(low) >= side * (1 - 1e-9) or low == n
    assert below.sf(high - 1) <= side * (1 + 1e-9)
    assert below.sf(high - 2) >= side * (1 - 1e-9) or high == 1


def test_ranks_by_hand() -> None:
    # Of 199 values 0.025 * 200 = 5 is a rank of its own; of 120 the limit lies 0.025 of the way from the third to the fourth.
    assert rank_limits(np.arange(1.0, 200.0) ** 2, np.array([0.025]), level=0.90)[0, 0] == pytest.approx(25, rel=1e-12)
    found = rank_limits(np.arange(1.0, 121.0) ** 2, np.array([0.025, 0.975]), level=0.90)
    assert_allclose(found[0], [9 + 0.025 * 7, 117**2 + 0.975 * (118**2 - 117**2)], rtol=1e-12)
    assert_allclose(found[1:], [[1, 114**2], [49, 120**2]])


def test_a_rank_beyond_the_sample_is_its_end() -> None:
    # 0.025 times 31 is less than a whole rank, and of 1 % confidence there is an interval all the same.
    values = np.arange(1.0, 31.0)
    found = rank_limits(values, np.array([0.025, 0.975]), level=0.01)
    np.testing.assert_array_equal(found[0], [1.0, 30.0])


def test_the_error_is_half_the_interval() -> None:
    found = reference_limits(PLAIN, "magnesium_mmol_l", level=0.8).to_frame()
    half = (found["conf_high"] - found["conf_low"]) / 2
    assert_allclose(found["std_error"], half / stats.norm.ppf(0.9), rtol=1e-12)


def test_coverage_of_ranks_is_that_of_the_binomial() -> None:
    rng = np.random.default_rng(20261125)
    truth = stats.norm.ppf([0.025, 0.975])
    samples = np.sort(rng.normal(size=(4000, 150)), axis=1)
    ends = np.array([rank_limits(sample, np.array([0.025, 0.975]), level=0.90)[1:] for sample in samples])
    covered = np.mean((ends[:, 0] <= truth) & (truth <= ends[:, 1]), axis=0)
    exact = stats.binom.cdf(7, 150, 0.025) - stats.binom.cdf(0, 150, 0.025)  # between the first and the eighth
    assert exact == pytest.approx(0.9419, abs=1e-4)
    assert_allclose(covered, exact, atol=4 * np.sqrt(exact * (1 - exact) / 4000))


def test_the_guideline_s_example() -> None:
    # To the six decimals to which the limits of this example are known; the iteration ends sooner there.
    assert_allclose(biweight_limits(np.array([CALCIUM]), np.array([0.025, 0.975]))[0], [9.049545, 10.199396], atol=2e-6)
    found = reference_limits(simple(CALCIUM), "mmol", method="robust", rng=1)
    assert_allclose(found.value, [9.049545, 10.199396], atol=2e-6)
    assert "resamples had no spread and were left out" in found.to_frame()["note"][0]


def test_a_biweight_by_hand() -> None:
    # Of -3, -1, 0, 1, 3 the median and the location are 0, the median deviation 1.
    values = np.array([-3.0, -1.0, 0.0, 1.0, 3.0])
    scale = 1 / 0.6745

    def variance(reach: float) -> float:
        u2 = (values / reach) ** 2
        u2 = u2[u2 < 1]
        below = np.sum((1 - u2) * (1 - 5 * u2))
        return reach**2 * np.sum(u2 * (1 - u2) ** 4) / (below * max(1, below - 1))

    near = np.sqrt(5 * variance(3.7 * scale))
    half = stats.t.ppf(0.975, 4) * np.sqrt(5 * variance(205.6 * scale) + variance(3.7 * near))
    assert_allclose(biweight_limits(values[None], np.array([0.025, 0.975]))[0], [-half, half], rtol=1e-9)


def test_robust_limits_of_normal_values_are_prediction_limits() -> None:
    rng = np.random.default_rng(5)
    found = biweight_limits(rng.normal(size=(4000, 60)), np.array([0.025, 0.975]))
    exact = stats.t.ppf(0.975, 59) * np.sqrt(1 + 1 / 60)
    # Within three errors of the mean of 4,000 limits and half a per cent, as a spread estimated is a little small on average.
    for side in (-found[:, 0], found[:, 1]):
        assert side.mean() == pytest.approx(exact, abs=0.01 + 3 * side.std() / np.sqrt(4000))


def test_gross_errors_do_not_move_the_location_but_widen_the_limits() -> None:
    clean = np.random.default_rng(6).normal(0.85, 0.06, 100)
    mixed = np.concatenate([clean, [3.0, 4.0]])
    one, other = (biweight_limits(each[None], np.array([0.025, 0.5, 0.975]))[0] for each in (clean, mixed))
    assert other[1] == pytest.approx(one[1], abs=0.002)
    assert np.ptp(other) > 3 * np.ptp(one)


def test_bootstrap_intervals_cover() -> None:
    rng = np.random.default_rng(7)
    truth = stats.norm.ppf([0.025, 0.975])
    many = 300
    hits = np.zeros(2)
    for _ in range(many):
        survey = simple(rng.normal(size=100))
        ends = reference_limits(survey, "mmol", method="robust", rng=rng, resamples=300).limits
        hits += (ends.low <= truth) & (truth <= ends.high)
    # Three Monte Carlo errors and two points: percentile intervals of a spread are a little short.
    assert_allclose(hits / many, 0.90, atol=3 * np.sqrt(0.09 / many) + 0.02)


def test_box_cox_finds_the_scale_of_lognormal_values() -> None:
    rng = np.random.default_rng(8)
    logs = rng.normal(0, 0.5, 400)
    found = reference_limits(simple(np.exp(logs)), "mmol", method="robust_box_cox", rng=1, resamples=100)
    logged = biweight_limits(logs[None], np.array([0.025, 0.975]))[0]
    assert_allclose(np.log(found.value), logged, atol=0.1)  # the power is estimated, near 0
    assert direct_limits._box_cox_power(np.exp(logs)) == pytest.approx(0, abs=0.2)
    symmetric = reference_limits(simple(np.exp(logs)), "mmol", method="robust", rng=1, resamples=100)
    assert symmetric.value[0] < 0


def test_box_cox_limits_keep_their_unit() -> None:
    values = np.exp(np.random.default_rng(9).normal(0, 0.3, 60))
    one, other = (
        reference_limits(simple(values * unit), "mmol", method="robust_box_cox", rng=1, resamples=100)
        for unit in (1, 1000)
    )
    assert_allclose(other.value, 1000 * one.value, rtol=1e-7)
    assert_allclose(other.limits.low, 1000 * one.limits.low, rtol=1e-6)


def test_values_that_no_power_makes_normal() -> None:
    with pytest.raises(ConvergenceError, match=r"no power between -20 and 20 .* say method='robust'"):
        reference_limits(
            simple(1000 + np.arange(30.0) ** 3 / 1e5), "mmol", method="robust_box_cox", rng=1, resamples=100
        )


def test_a_limit_beyond_the_box_cox_scale() -> None:
    # 1/x is bounded by 0, and the upper limit of x lies where 1/x would be below it.
    values = 1 / np.linspace(0.002, 1, 40)
    table = reference_limits(simple(values), "mmol", method="robust_box_cox", rng=1, resamples=200).to_frame()
    assert table["conf_high"][1] == np.inf
    assert table["std_error"][1] == np.inf
    assert "the resamples leave the upper end open" in table["note"][1]
    with pytest.raises(
        ConvergenceError, match="a limit lies beyond what the Box-Cox scale reaches: say method='robust'"
    ):
        reference_limits(
            simple(values), "mmol", method="robust_box_cox", rng=1, resamples=200, probabilities=[0.999999]
        )


def test_an_interval_without_width_says_why() -> None:
    table = reference_limits(simple([0.7] * 40 + [0.8] * 80 + [0.9] * 40), "mmol").to_frame()
    assert table["std_error"].tolist() == [0, 0]
    assert table["note"].tolist() == ["both ends are one reported value: the interval does not hold the rounding"] * 2


def test_shifting_and_scaling_robust_limits() -> None:
    values = np.random.default_rng(10).normal(2, 0.2, 80)
    one, other = (
        reference_limits(simple(each), "mmol", method="robust", rng=1, resamples=200)
        for each in (values, 0.4114 * values + 5)
    )
    for mine, theirs in (
        (one.value, other.value),
        (one.limits.low, other.limits.low),
        (one.limits.high, other.limits.high),
    ):
        assert_allclose(theirs, 0.4114 * mine + 5, rtol=1e-8)


@pytest.mark.parametrize("method", ["rank", "robust", "robust_box_cox", "design"])
def test_by_gives_all_domains_as_where_gives_one(method: str) -> None:
    asked = {"method": method, "rng": 3, "resamples": 100}
    by = reference_limits(PLAIN, "magnesium_mmol_l", by=["sex"], **asked).to_frame()
    assert by.columns.tolist() == ["term", "sex", *NUMBERS, "note"]
    assert by["term"].tolist() == ["2.5 % limit", "97.5 % limit"] * 2
    for sex, rows in by.groupby("sex"):
        alone = reference_limits(PLAIN.where(f"sex == '{sex}'"), "magnesium_mmol_l", **asked).to_frame()
        pd.testing.assert_frame_equal(rows.drop(columns="sex").reset_index(drop=True), alone)


@pytest.mark.parametrize("method", ["rank", "robust"])
def test_tabulating_shuffling_and_equal_weights_change_nothing(method: str) -> None:
    asked = {"method": method, "by": ["sex"], "rng": 3, "resamples": 100}
    once = reference_limits(PLAIN, "magnesium_mmol_l", **asked).to_frame()
    shuffled = cs.Survey(PLAIN.data.sample(frac=1, random_state=1)).observed("magnesium_mmol_l")
    weighted = cs.Survey(PLAIN.data.assign(weight=7.5), weight="weight").observed("magnesium_mmol_l")
    for other in (PLAIN.tabulate(["sex", "magnesium_mmol_l"]), shuffled, weighted):
        pd.testing.assert_frame_equal(reference_limits(other, "magnesium_mmol_l", **asked).to_frame(), once)


def test_design_is_the_quantile_of_the_survey() -> None:
    paired = DATA[DATA["stratum"] != 7]
    names = {"weight": "weight", "stratum": "stratum", "cluster": "cluster", "cluster_labels": "nested"}
    survey = cs.Survey(paired, **names).observed("magnesium_mmol_l")
    found = reference_limits(survey, "magnesium_mmol_l", method="design", by=["sex"], level=0.95).to_frame()
    expected = cs.quantile(survey, "magnesium_mmol_l", [0.025, 0.975], by=["sex"]).to_frame()
    pd.testing.assert_frame_equal(found[["sex", *NUMBERS]], expected[["sex", *NUMBERS]])


@pytest.mark.parametrize(
    ("names", "has"),
    [
        ({"weight": "weight"}, "unequal weights"),
        ({"stratum": "stratum"}, "strata"),
        ({"stratum": "stratum", "cluster": "cluster", "cluster_labels": "nested"}, "strata and clusters"),
        (
            {
                "stratum": "stratum",
                "cluster": "cluster",
                "cluster_labels": "nested",
                "population_size": "clusters_in_stratum",
            },
            "strata and clusters and a finite population",
        ),
    ],
)
@pytest.mark.parametrize("method", ["rank", "robust"])
def test_other_designs_are_refused(method: str, names: dict, has: str) -> None:
    survey = cs.Survey(DATA, **names, lonely="average").observed("magnesium_mmol_l")
    with pytest.raises(
        DesignError, match=f"method='{method}' is for a simple random sample.* has {has}: say method='design'"
    ):
        reference_limits(survey, "magnesium_mmol_l", method=method, rng=1)


def test_values_that_stand_apart_are_told_and_kept() -> None:
    values = np.concatenate([np.random.default_rng(11).normal(1.0, 0.05, 150), [0.4, 2.1]])
    table = reference_limits(simple(values), "mmol").to_frame()
    assert table["n"].tolist() == [152, 152]
    low, high = table["note"]
    assert low == "1 value below Tukey's fence on the Box-Cox scale, kept"
    assert "above Tukey's fence on the Box-Cox scale, kept" in high
    assert "the largest, 2.1, is a third of the range or more from the next, kept" in high
    assert table["conf_high"][1] == 2.1
    below_zero = reference_limits(simple(np.concatenate([values, [-3]])), "mmol").to_frame()["note"]
    assert below_zero[0].endswith(
        "Tukey's fence, kept; the smallest, -3, is a third of the range or more from the next, kept"
    )


def test_quiet_values_have_no_note() -> None:
    found = reference_limits(simple(np.linspace(0.7, 0.9, 150)), "mmol")
    assert found.to_frame()["note"].tolist() == ["", ""]
    assert "note" not in repr(found)
    assert repr(found).startswith("<ReferenceLimits of mmol, survey: method rank, 90 % intervals>\n")
    assert "<th>conf_low</th>" in found._repr_html_()
    assert len(found) == 2
    same = reference_limits(simple([0.8] * 130), "mmol").to_frame()
    assert same[["estimate", "conf_low", "conf_high", "std_error"]].to_numpy().tolist() == [[0.8, 0.8, 0.8, 0.0]] * 2


def test_other_probabilities() -> None:
    found = reference_limits(simple(np.arange(1.0, 100.0)), "mmol", probabilities=[0.1, 0.5, 0.95]).to_frame()
    assert found["term"].tolist() == ["10 % limit", "50 % limit", "95 % limit"]
    assert_allclose(found["estimate"], [10, 50, 95], rtol=1e-12)


def test_too_few_people() -> None:
    survey = simple(np.linspace(0.7, 0.9, 118), sex=["f"] * 60 + ["m"] * 58)
    with pytest.raises(
        CrampstatsError, match=r"needs 119 people for the 2.5 % limit with its 90 % interval, and there are 118: "
    ):
        reference_limits(survey, "mmol")
    with pytest.raises(CrampstatsError, match="there are 60 in sex f: say method='robust'"):
        reference_limits(survey, "mmol", by=["sex"])
    with pytest.raises(CrampstatsError, match="needs 20 people, and there are 19"):
        reference_limits(simple(np.arange(19.0)), "mmol", method="robust", rng=1)


def test_values_without_spread() -> None:
    with pytest.raises(CrampstatsError, match="at least half of the values are the same"):
        reference_limits(simple([0.8] * 20 + [0.9] * 10), "mmol", method="robust", rng=1)
    coarse = [0.8] * 11 + [0.7] * 7 + [0.9] * 7
    with pytest.raises(
        CrampstatsError, match=r"half of the values are the same in \d+ of 200 resamples: they are too few"
    ):
        reference_limits(simple(coarse), "mmol", method="robust", rng=1, resamples=200)


@pytest.mark.parametrize("method", ["robust", "robust_box_cox"])
def test_the_bootstrap_needs_its_luck(method: str) -> None:
    survey = simple(np.linspace(0.7, 0.9, 50))
    with pytest.raises(CrampstatsError, match=f"method='{method}' draws at random: give rng"):
        reference_limits(survey, "mmol", method=method)
    for wrong in (10, 100.5, "200", None):
        with pytest.raises(CrampstatsError, match=f"resamples={wrong!r} has to be a whole number of at least 100"):
            reference_limits(survey, "mmol", method=method, rng=1, resamples=wrong)
    same = [reference_limits(survey, "mmol", method=method, rng=rng, resamples=100).limits.low for rng in (4, 4)]
    generator = reference_limits(survey, "mmol", method=method, rng=np.random.default_rng(4), resamples=100).limits.low
    assert_allclose(same[0], same[1], rtol=0)
    assert_allclose(same[0], generator, rtol=0)


def test_other_requests_that_cannot_be_met() -> None:
    survey = simple(np.linspace(-0.1, 0.9, 150))
    with pytest.raises(
        CrampstatsError, match="method='Robust' is unknown: choose from rank, robust, robust_box_cox, design"
    ):
        reference_limits(survey, "mmol", method="Robust")
    with pytest.raises(IntervalError, match="level=90 has to lie between 0 and 1"):
        reference_limits(survey, "mmol", level=90)
    with pytest.raises(QuestionError, match=r"probabilities=.* have to lie between 0 and 1"):
        reference_limits(survey, "mmol", probabilities=[2.5, 97.5])
    with pytest.raises(CrampstatsError, match=r"needs values above 0, and the smallest is -0\.1: say method='robust'"):
        reference_limits(survey, "mmol", method="robust_box_cox", rng=1)
    with pytest.raises(QuestionError, match=r"first ask observed\('magnesium_mmol_l'\)"):
        reference_limits(cs.Survey(DATA), "magnesium_mmol_l")
