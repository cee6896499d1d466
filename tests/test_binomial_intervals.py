"""Intervals from counts of independent people, and estimates that may be read as such counts; R's are in
test_golden_published.py.
"""

from typing import get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

import crampstats as cs
from crampstats.errors import IntervalError
from crampstats.intervals import BinomialMethod, binomial_interval, interval

METHODS = get_args(BinomialMethod)
COUNTED = ("clopper_pearson", "mid_p", "jeffreys", "agresti_coull")

# Newcombe RG, Stat Med 1998;17:857-872, table I; four digits.
PRINTED = [
    (81, 263, "wald", 0.2522, 0.3638),
    (81, 263, "wilson", 0.2553, 0.3662),
    (81, 263, "clopper_pearson", 0.2527, 0.3676),
    (81, 263, "mid_p", 0.2544, 0.3658),
    (15, 148, "wald", 0.0527, 0.1500),
    (15, 148, "wilson", 0.0624, 0.1605),
    (15, 148, "clopper_pearson", 0.0578, 0.1617),
    (15, 148, "mid_p", 0.0601, 0.1581),
    (0, 20, "wald", 0.0, 0.0),
    (0, 20, "wilson", 0.0, 0.1611),
    (0, 20, "clopper_pearson", 0.0, 0.1684),
    (0, 20, "mid_p", 0.0, 0.1391),
    (1, 29, "wilson", 0.0061, 0.1718),
    (1, 29, "clopper_pearson", 0.0009, 0.1776),
    (1, 29, "mid_p", 0.0017, 0.1585),
]


def one(cases: float, n: float, method: str, level: float = 0.95) -> tuple[float, float]:
    limits = binomial_interval(cases, n, method=method, level=level)
    assert limits.notes == ("",)
    return limits.low.item(), limits.high.item()


@pytest.mark.parametrize(("cases", "n", "method", "low", "high"), PRINTED)
def test_printed_examples(cases: int, n: int, method: str, low: float, high: float) -> None:
    assert one(cases, n, method) == pytest.approx((low, high), abs=5.1e-5)


def test_exact_limits_leave_half_of_the_rest_on_either_side() -> None:
    low, high = one(7, 52, "clopper_pearson", 0.9)
    assert stats.binom.sf(6, 52, low) == pytest.approx(0.05, rel=1e-9)
    assert stats.binom.cdf(7, 52, high) == pytest.approx(0.05, rel=1e-9)


@pytest.mark.parametrize(("cases", "n"), [(7, 52), (1, 400), (399, 400), (1, 1_000_000)])
def test_mid_p_counts_the_outcome_itself_by_half(cases: int, n: int) -> None:
    low, high = one(cases, n, "mid_p")
    assert stats.binom.sf(cases, n, low) + stats.binom.pmf(cases, n, low) / 2 == pytest.approx(0.025, rel=1e-8)
    assert stats.binom.cdf(cases - 1, n, high) + stats.binom.pmf(cases, n, high) / 2 == pytest.approx(0.025, rel=1e-8)


def test_mid_p_at_the_ends_has_a_closed_form() -> None:
    assert one(0, 40, "mid_p") == pytest.approx((0, 1 - 0.05 ** (1 / 40)), rel=1e-12)
    assert one(40, 40, "mid_p") == pytest.approx((0.05 ** (1 / 40), 1), rel=1e-12)


def test_jeffreys_is_a_posterior_except_at_the_ends() -> None:
    assert one(3, 25, "jeffreys") == pytest.approx(stats.beta.ppf([0.025, 0.975], 3.5, 22.5), rel=1e-9)
    assert one(0, 25, "jeffreys") == pytest.approx((0, stats.beta.ppf(0.975, 0.5, 25.5)), rel=1e-9)
    assert one(25, 25, "jeffreys")[1] == 1


def test_agresti_and_coull_add_two_of_each() -> None:
    # At the level where z is exactly 2 the name holds: two cases and two others more.
    level = 2 * stats.norm.cdf(2) - 1
    share = (4 + 2) / (30 + 4)
    reach = 2 * np.sqrt(share * (1 - share) / 34)
    assert one(4, 30, "agresti_coull", level) == pytest.approx((share - reach, share + reach), rel=1e-9)


@given(
    st.sampled_from(METHODS),
    st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.floats(0.5, 0.999),
)
def test_the_healthy_have_the_complement(method: str, counts: tuple[int, int], level: float) -> None:
    cases, n = counts
    low, high = one(cases, n, method, level)
    assert low <= cases / n <= high
    assert one(n - cases, n, method, level) == pytest.approx((1 - high, 1 - low), rel=1e-9, abs=1e-12)


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_mid_p_lies_within_the_exact_interval(counts: tuple[int, int]) -> None:
    exact, mid = one(*counts, "clopper_pearson"), one(*counts, "mid_p")
    assert exact[0] <= mid[0] <= mid[1] <= exact[1]
    assert mid != exact


@pytest.mark.parametrize("method", METHODS)
def test_arrays_give_what_single_counts_give(method: str) -> None:
    cases, n = np.array([0, 3, 9, 10]), np.array([12, 11, 10, 10])
    both = binomial_interval(cases, n, method=method)
    each = [one(x, size, method) for x, size in zip(cases, n, strict=True)]
    assert_allclose(np.column_stack([both.low, both.high]), each, rtol=1e-12)
    shared = binomial_interval([1, 2], 10, method=method)
    assert (shared.low[1], shared.high[1]) == one(2, 10, method)


@pytest.mark.parametrize("n", [15, 60])
def test_exact_intervals_never_cover_less_and_the_others_do(n: int) -> None:
    # The coverage is summed over all outcomes: no simulation.
    outcomes, shares = np.arange(n + 1), np.linspace(0.002, 0.998, 499)
    chances = stats.binom.pmf(outcomes, n, shares[:, None])
    covered = {}
    for method in METHODS:
        limits = binomial_interval(outcomes, n, method=method)
        holds = (limits.low <= shares[:, None]) & (shares[:, None] <= limits.high)
        covered[method] = (chances * holds).sum(axis=1)
    assert covered["clopper_pearson"].min() >= 0.95
    for method in ("mid_p", "jeffreys", "wilson"):
        assert covered[method].min() < 0.95
        assert covered[method].mean() == pytest.approx(0.953, abs=0.012)
    assert covered["agresti_coull"].mean() == pytest.approx(0.963, abs=0.012)
    assert covered["wald"].mean() < 0.91


@pytest.mark.parametrize(
    ("cases", "n", "problem"),
    [
        (-1, 10, "cases=-1 has to be a whole number, not negative"),
        (1.5, 10, "cases=1.5 has to be a whole number"),
        ([1, np.nan], 10, "cases=nan has to be a whole number"),
        (0, 0, "n=0 has to be a whole number of at least 1"),
        (1, np.inf, "n=inf has to be a whole number of at least 1"),
        ([1, 11], 10, "cases=11 are more than n=10"),
    ],
)
def test_counts_have_to_be_counts(cases: object, n: float, problem: str) -> None:
    with pytest.raises(IntervalError, match=problem):
        binomial_interval(cases, n, method="wilson")


def test_methods_and_levels_are_named() -> None:
    with pytest.raises(IntervalError, match="method='exact' is unknown: choose from clopper_pearson, mid_p, jeffreys"):
        binomial_interval(1, 10, method="exact")
    with pytest.raises(IntervalError, match="level=95 has to lie between 0 and 1"):
        binomial_interval(1, 10, method="wilson", level=95)


@pytest.fixture
def sample() -> pd.DataFrame:
    """Return 40 people, 9 cases among them, 7 of these women."""
    return pd.DataFrame(
        {
            "low": [1] * 9 + [0] * 31,
            "sex": ["f"] * 7 + ["m"] * 2 + ["f", "m"] * 15 + ["f"],
            "age": [None, *range(20, 59)],
            "weight": [1.0, 2.0] * 20,
            "place": [1, 2] * 20,
            "village": [1, 2, 3, 4] * 10,
            "people": [400] * 40,
        }
    )


@pytest.mark.parametrize("method", COUNTED)
def test_an_estimate_from_a_simple_random_sample_counts(method: str, sample: pd.DataFrame) -> None:
    for survey in (cs.Survey(sample), cs.Survey(sample.assign(weight=250.0), weight="weight")):
        limits = cs.prevalence(survey, "low", interval_method=method).interval(level=0.9)
        assert (limits.low[0], limits.high[0]) == pytest.approx(one(9, 40, method, 0.9), rel=1e-12)


@pytest.mark.parametrize("method", COUNTED)
def test_so_do_its_domains_and_its_tables(method: str, sample: pd.DataFrame) -> None:
    survey = cs.Survey(sample)
    women = int((sample["sex"] == "f").sum())
    by = cs.prevalence(survey, "low", by=["sex"], interval_method=method).to_frame()
    expected = [one(7, women, method), one(2, 40 - women, method)]
    assert_allclose(by[["conf_low", "conf_high"]], expected, rtol=1e-12)
    known = cs.prevalence(survey.observed("age"), "low", interval_method=method).interval()
    assert (known.low[0], known.high[0]) == pytest.approx(one(8, 39, method), rel=1e-12)
    cells = survey.tabulate(["low", "sex"])
    table = cs.prevalence(cells, "low", by=["sex"], interval_method=method).to_frame()
    assert_allclose(table[["conf_low", "conf_high"]], expected, rtol=1e-12)


@pytest.mark.parametrize("method", COUNTED)
@pytest.mark.parametrize(("case", "cases"), [("low == 2", 0), ("low >= 0", 40)])
def test_nobody_and_everybody_of_a_simple_random_sample(
    method: str, case: str, cases: int, sample: pd.DataFrame
) -> None:
    limits = cs.prevalence(cs.Survey(sample), case, interval_method=method).interval()
    assert (limits.low[0], limits.high[0]) == pytest.approx(one(cases, 40, method), rel=1e-12)


@pytest.mark.parametrize(
    "names",
    [
        {"weight": "weight"},
        {"stratum": "place"},
        {"cluster": "village"},
        {"population_size": "people"},
    ],
    ids=lambda names: next(iter(names)),
)
def test_other_samples_are_refused(names: dict[str, str], sample: pd.DataFrame) -> None:
    estimate = cs.prevalence(cs.Survey(sample, **names), "low")
    for method in COUNTED:
        with pytest.raises(
            IntervalError, match=f"method='{method}' counts people of a simple random .* 'korn_graubard'"
        ):
            estimate.interval(method=method)


def test_nobody_in_clusters_and_strata_is_refused(sample: pd.DataFrame) -> None:
    for names in ({"stratum": "place"}, {"cluster": "village"}):
        estimate = cs.prevalence(cs.Survey(sample, **names), "low == 2")
        with pytest.raises(IntervalError, match="counts people of a simple random sample"):
            estimate.interval(method="clopper_pearson")


def test_a_share_of_no_whole_number_of_people_is_refused() -> None:
    # Weights may by chance leave the standard error of a simple random sample; they leave no whole number of cases.
    n, share = 40, 0.123
    parts = [np.array([part]) for part in (share, np.sqrt(share * (1 - share) / (n - 1)), n, n - 1.0)]
    with pytest.raises(IntervalError, match="counts people of a simple random sample"):
        interval("clopper_pearson", *parts)


def test_what_is_no_share_of_people_is_refused(sample: pd.DataFrame) -> None:
    survey = cs.Survey(sample.assign(mmol=0.5 + 0.01 * np.arange(40)))
    by_sex = cs.prevalence(survey, "low", by=["sex"])
    gap = cs.difference(by_sex.where("sex == 'f'"), by_sex.where("sex == 'm'"))
    for estimate in (cs.mean(survey, "mmol"), gap):
        with pytest.raises(IntervalError, match="or is no share of people"):
            estimate.interval(method="jeffreys")
