"""Intervals of single values against their formulas; R's are in test_golden.py."""

import numpy as np
import pytest
from scipy import integrate, stats

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


def test_wilson_is_the_score_test_turned_round_at_the_effective_size() -> None:
    value, std_error, t = 0.12, 0.02, stats.t.ppf(0.975, 14)
    size = value * (1 - value) / std_error**2
    for limit in one("wilson", value, std_error, 900, 14):
        assert abs(value - limit) == pytest.approx(t * np.sqrt(limit * (1 - limit) / size), rel=1e-12)


def test_arcsine_is_wald_on_the_arcsine_of_the_root() -> None:
    low, high = one("arcsine", 0.2, 0.03, 500, 20, 0.9)
    reach = stats.t.ppf(0.95, 20) * 0.03 / (2 * np.sqrt(0.2 * 0.8))
    middle = np.arcsin(np.sqrt(0.2))
    assert np.arcsin(np.sqrt((low, high))) == pytest.approx((middle - reach, middle + reach), rel=1e-12)


def test_arcsine_ends_where_its_scale_ends() -> None:
    low, high = one("arcsine", 0.01, 0.02, 100, 5)
    assert low == 0
    assert np.arcsin(np.sqrt(high)) - np.arcsin(0.1) == pytest.approx(
        stats.t.ppf(0.975, 5) * 0.02 / 2 / np.sqrt(0.0099)
    )
    assert one("arcsine", 0.99, 0.02, 100, 5) == pytest.approx((1 - high, 1), rel=1e-12)


@pytest.mark.parametrize(("value", "std_error"), [(0.3, 0.04), (0.011, 0.004), (0.9999, 0.0001)])
def test_likelihood_limits_are_where_the_scaled_deviance_is_t_squared(value: float, std_error: float) -> None:
    n, df = 400, 11
    size = value * (1 - value) / std_error**2
    low, high = one("likelihood", value, std_error, n, df)
    assert low < value < high
    for limit in (low, high):
        lost = value * np.log(value / limit) + (1 - value) * np.log((1 - value) / (1 - limit))
        assert 2 * size * (n - 1) / n * lost == pytest.approx(stats.t.ppf(0.975, df) ** 2, rel=1e-9)


@pytest.mark.parametrize("method", ["wilson", "likelihood"])
@pytest.mark.parametrize(("value", "who"), [(0.0, "nobody"), (1.0, "everybody")])
def test_wilson_and_likelihood_have_limits_for_nobody_and_everybody(method: str, value: float, who: str) -> None:
    found = intervals.interval(method, *(np.array([x]) for x in (value, 0.0, 30.0, 5.0)))
    assert found.notes == (f"{who} in the sample: standard error 0, interval at effective n = n",)
    t = stats.t.ppf(0.975, 5) ** 2
    reach = t / (30 + t) if method == "wilson" else 1 - np.exp(-t / (2 * 29))
    expected = (0, reach) if who == "nobody" else (1 - reach, 1)
    assert (found.low.item(), found.high.item()) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("method", ["logit", "beta", "arcsine"])
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


@pytest.mark.parametrize("level", [0, 1, 95, -0.5, np.nan, "0.95", None, True])
def test_level_is_a_share(level: float) -> None:
    with pytest.raises(IntervalError, match=f"level={level!r} has to lie between 0 and 1"):
        one("wald", 0.5, 0.1, 10, 5, level)


def test_levels_that_are_shares() -> None:
    for level in (0.95, np.float64(0.5), 1e-9):
        assert intervals.check_level(level) is None


def test_unknown_method_names_the_choices() -> None:
    with pytest.raises(
        IntervalError,
        match=r"method='exact' is unknown: choose from korn_graubard, beta, logit, log, log_complement, wald, wilson, "
        r"arcsine, likelihood, clopper_pearson, mid_p, jeffreys, agresti_coull\.",
    ):
        one("exact", 0.5, 0.1, 10, 5)


def test_the_size_of_korn_and_graubard_gives_their_limits() -> None:
    value, std_error, n = np.array([0.2, 0.0, 0.2]), np.array([0.05, 0.0, 0.001]), np.full(3, 100.0)
    df = np.full(3, 6.0)
    size = intervals.korn_graubard_size(value, std_error, n, df, 0.9)
    t = stats.t.ppf(0.05, 99) / stats.t.ppf(0.05, 6)
    np.testing.assert_allclose(size, [0.16 / 0.05**2 * t**2, 100, 100], rtol=1e-12)
    limits = intervals.interval("korn_graubard", value, std_error, n, df, level=0.9)
    exact = stats.beta.ppf(0.95, value * size + 1, size - value * size)
    np.testing.assert_allclose(limits.high, exact, rtol=1e-10)


def test_effective_size() -> None:
    value, std_error = np.array([0.2, 0.0, 1.0, 0.5]), np.array([0.04, 0.0, 0.0, 0.0])
    assert intervals.effective_size(value, std_error, np.full(4, 77.0)).tolist() == pytest.approx([100, 77, 77, 77])


@pytest.mark.parametrize("df", [4, 31, np.inf])
@pytest.mark.parametrize("covariance", [np.eye(1) * 7, np.full((6, 6), 0.3), np.diag([2.0, 0, 0])])
def test_the_largest_of_one_t_statistic_is_t(covariance: np.ndarray, df: float) -> None:
    # Six estimates that move as one are one, and an estimate without variance is none.
    assert intervals.max_t_quantile(covariance, df) == pytest.approx(stats.t.ppf(0.975, df), rel=1e-9)


def test_estimates_without_variance_leave_the_quantile_of_t() -> None:
    assert intervals.max_t_quantile(np.zeros((3, 3)), 9, level=0.9) == pytest.approx(stats.t.ppf(0.95, 9), rel=1e-12)


@pytest.mark.parametrize("many", [2, 5, 20, 60])
def test_the_largest_of_independent_normal_statistics(many: int) -> None:
    exact = stats.norm.ppf((1 + 0.95 ** (1 / many)) / 2)
    assert intervals.max_t_quantile(np.diag(np.arange(1.0, many + 1)), np.inf) == pytest.approx(exact, rel=3e-3)


@pytest.mark.parametrize(("many", "df", "level"), [(2, 3, 0.9), (6, 10, 0.95), (12, 40, 0.99)])
def test_the_largest_of_t_statistics_with_one_denominator(many: int, df: int, level: float) -> None:
    # Tukey's studentized maximum modulus: independent numerators, the chi of the denominator integrated out.
    def covered(chi: float, quantile: float) -> float:
        return (2 * stats.norm.cdf(quantile * chi / np.sqrt(df)) - 1) ** many * stats.chi.pdf(chi, df)

    found = intervals.max_t_quantile(np.eye(many), df, level=level)
    assert integrate.quad(covered, 0, 30, args=(found,))[0] == pytest.approx(level, abs=(1 - level) * 0.02)


def test_the_largest_of_correlated_statistics_by_simulation() -> None:
    # A Brownian bridge, as the covariance of a distribution function is; simulated in another way than it is computed.
    shares = np.linspace(0.02, 0.9, 25)
    covariance = np.minimum.outer(shares, shares) - np.outer(shares, shares)
    rng = np.random.default_rng(20261124)
    drawn = rng.multivariate_normal(np.zeros(25), covariance, 200_000) / np.sqrt(np.diag(covariance))
    largest = np.abs(drawn).max(axis=1) / np.sqrt(rng.chisquare(15, 200_000) / 15)
    found = intervals.max_t_quantile(covariance, 15)
    assert np.mean(largest <= found) == pytest.approx(0.95, abs=3 * np.sqrt(0.95 * 0.05 / 200_000) + 5e-4)
    assert stats.t.ppf(0.975, 15) < found < stats.t.ppf(1 - 0.025 / 25, 15)


def test_there_is_no_chance_in_the_quantile_of_the_largest() -> None:
    covariance = np.array([[2.0, 0.5, 0], [0.5, 1, 0.1], [0, 0.1, 3]])
    assert intervals.max_t_quantile(covariance, 8) == intervals.max_t_quantile(covariance, 8)


@pytest.mark.parametrize("level", [0, 1, 95, "0.95"])
def test_the_level_of_the_largest_is_a_share(level: float) -> None:
    with pytest.raises(IntervalError, match="has to lie between 0 and 1"):
        intervals.max_t_quantile(np.eye(2), 5, level=level)
