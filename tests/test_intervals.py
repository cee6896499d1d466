"""Intervals of single values against their formulas; R's are in test_golden.py."""

import numpy as np
import pytest
from scipy import stats

from crampstats import intervals
from crampstats.errors import IntervalError


def one(method: str, value: float, std_error: float, n: float, df: float, level: float = 0.95) -> tuple[float, float]:
    limits = intervals.interval(method, *(np.array([x]) for x in (value, std_error, n, df)), level=level)
    return limits.low.item(), limits.high.item()


def test_wald_is_value_and_t_times_error() -> None:
    reach = stats.t.ppf(0.975, 7) * 0.02
    assert one("wald", 0.3, 0.02, 100, 7) == pytest.approx((0.3 - reach, 0.3 + reach), rel=1e-12)


def test_infinite_degrees_give_the_normal_quantile() -> None:
    assert one("wald", 0.0, 1.0, 10, np.inf)[1] == pytest.approx(stats.norm.ppf(0.975), rel=1e-12)


def test_logit_is_wald_on_the_log_odds() -> None:
    low, high = one("logit", 0.1, 0.01, 1000, 20, 0.9)
    centre, reach = np.log(0.1 / 0.9), stats.t.ppf(0.95, 20) * 0.01 / (0.1 * 0.9)
    assert (np.log(low / (1 - low)), np.log(high / (1 - high))) == pytest.approx((centre - reach, centre + reach))


def test_log_is_wald_on_the_logarithm() -> None:
    low, high = one("log", 2.0, 0.3, 100, 30)
    assert np.log((low, high)) == pytest.approx(np.log(2) + np.array([-1, 1]) * stats.t.ppf(0.975, 30) * 0.15)


def test_korn_graubard_is_clopper_pearson_at_the_effective_size() -> None:
    n, df, value, std_error = 500, 12, 0.2, 0.03
    size = value * (1 - value) / std_error**2 * (stats.t.ppf(0.025, n - 1) / stats.t.ppf(0.025, df)) ** 2
    cases = value * size
    expected = stats.beta.ppf(0.025, cases, size - cases + 1), stats.beta.ppf(0.975, cases + 1, size - cases)
    assert size < n
    assert one("korn_graubard", value, std_error, n, df) == pytest.approx(expected, rel=1e-10)
    assert one("beta", value, std_error, n, df) == pytest.approx(expected, rel=1e-10)


def test_the_effective_size_is_capped_at_n_by_korn_graubard_and_not_by_beta() -> None:
    # A design more precise than a simple random sample of 100: the cap makes it Clopper-Pearson of 20 in 100.
    exact = stats.beta.ppf(0.025, 20, 81), stats.beta.ppf(0.975, 21, 80)
    assert one("korn_graubard", 0.2, 0.01, 100, 90) == pytest.approx(exact, rel=1e-10)
    low, high = one("beta", 0.2, 0.01, 100, 90)
    assert exact[0] < low < high < exact[1]


@pytest.mark.parametrize(
    ("value", "who", "limits"),
    [(0.0, "nobody", (0.0, 1 - 0.025 ** (1 / 30))), (1.0, "everybody", (0.025 ** (1 / 30), 1.0))],
)
def test_nobody_and_everybody(value: float, who: str, limits: tuple[float, float]) -> None:
    found = intervals.interval("korn_graubard", *(np.array([x]) for x in (value, 0.0, 30.0, 5.0)))
    assert (found.low.item(), found.high.item()) == pytest.approx(limits, rel=1e-10)
    assert found.notes == (f"{who} in the sample: standard error 0, interval at effective n = n",)


def test_no_error_between_the_ends_is_told() -> None:
    found = intervals.interval("korn_graubard", *(np.array([x]) for x in (0.5, 0.0, 40.0, 5.0)))
    assert found.notes == ("standard error 0, interval at effective n = n",)
    assert found.low.item() == pytest.approx(stats.beta.ppf(0.025, 20, 21), rel=1e-10)


@pytest.mark.parametrize("method", ["logit", "beta"])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_methods_without_an_interval_at_the_ends_say_so(method: str, value: float) -> None:
    with pytest.raises(IntervalError, match=rf"method='{method}'.*'korn_graubard'"):
        one(method, value, 0.0, 30, 5)


def test_log_needs_what_is_positive() -> None:
    with pytest.raises(IntervalError, match="method='log' has no interval at values of 0 or less"):
        one("log", -1.0, 1.0, 10, 5)


@pytest.mark.parametrize("method", intervals.PROPORTION_METHODS)
def test_proportion_methods_refuse_other_values(method: str) -> None:
    with pytest.raises(IntervalError, match=f"method='{method}' is for proportions"):
        one(method, 1.2, 0.1, 10, 5)


@pytest.mark.parametrize("level", [0, 1, 95, -0.5, np.nan])
def test_level_is_a_share(level: float) -> None:
    with pytest.raises(IntervalError, match="has to lie between 0 and 1"):
        one("wald", 0.5, 0.1, 10, 5, level)


def test_unknown_method_names_the_choices() -> None:
    with pytest.raises(
        IntervalError, match=r"method='exact' is unknown: choose from korn_graubard, beta, logit, log, wald"
    ):
        one("exact", 0.5, 0.1, 10, 5)


def test_effective_size() -> None:
    value, std_error = np.array([0.2, 0.0, 1.0, 0.5]), np.array([0.04, 0.0, 0.0, 0.0])
    assert intervals.effective_size(value, std_error, np.full(4, 77.0)).tolist() == pytest.approx([100, 77, 77, 77])
