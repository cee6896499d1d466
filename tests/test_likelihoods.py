"""Likelihoods: slopes against numerical ones, chances that add up, other ways to the same numbers, the tails."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import integrate, special, stats

from crampstats.numerics import jacobian
from crampstats.regression.likelihoods import COUNTS, POISSON, GroupedCounts, OrderedClasses

NIGHTS = GroupedCounts(((0, 0), (1, 1), (2, 4), (5, 15), (16, None)))
CLOSED = GroupedCounts(((0, 0), (1, 3), (4, 9)))
CLASSES = OrderedClasses(("never", "seldom", "sometimes", "often"))
COUNTED = [POISSON, *COUNTS.values()]
ALL = [*COUNTED, NIGHTS, CLOSED, CLASSES]


def names(likelihood) -> str:
    return likelihood.name


def outcomes(likelihood) -> np.ndarray:
    if isinstance(likelihood, OrderedClasses):
        return np.arange(4.0)
    return (
        np.arange(float(len(likelihood.classes)))
        if isinstance(likelihood, GroupedCounts)
        else np.array([0, 1, 2, 7, 40.0])
    )


def predictors(likelihood, rows: int, seed: int) -> list[np.ndarray]:
    """Return predictors with the constant ones as a number for all, thresholds ascending."""
    rng = np.random.default_rng(seed)
    if isinstance(likelihood, OrderedClasses):
        return [rng.normal(0, 2, rows), *(np.array([each]) for each in np.sort(rng.normal(0, 2, 3)))]
    constant = {"dispersion": rng.normal(0, 1, 1)}
    return [constant.get(part, rng.normal(0.5, 1.5, rows)) for part in likelihood.parts]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("likelihood", ALL, ids=names)
def test_slopes(likelihood, seed: int) -> None:
    outcome = outcomes(likelihood)
    eta = predictors(likelihood, len(outcome), seed)
    made = likelihood.derivatives(outcome, eta)
    for row, each in enumerate(outcome):
        point = np.array([one[0] if len(one) == 1 else one[row] for one in eta])

        def at(values: np.ndarray, each: float = each):
            return likelihood.derivatives(np.array([each]), [np.array([value]) for value in values])

        # Numerical slopes are good to about 1e-8 of the size of what is differentiated.
        assert_allclose(made.gradient[:, row], jacobian(lambda p: at(p).value, point)[0], rtol=1e-6, atol=1e-7)
        assert_allclose(made.hessian[..., row], jacobian(lambda p: at(p).gradient[:, 0], point), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("likelihood", COUNTED, ids=names)
def test_chances_of_counts_add_up_to_one_to_the_mean_and_to_the_cumulative_chance(likelihood) -> None:
    counts = np.arange(4000.0)
    eta = [each[:1] for each in predictors(likelihood, 1, 5)]
    chance = np.exp(likelihood.derivatives(counts, [np.repeat(each, len(counts)) for each in eta]).value)
    assert chance.sum() == pytest.approx(1, rel=1e-10)
    mean, slopes = likelihood.means(eta)
    assert mean[0] == pytest.approx(counts @ chance, rel=1e-9)
    numerical = jacobian(lambda p: likelihood.means([np.array([each]) for each in p])[0], np.concatenate(eta))
    assert_allclose(slopes[:, 0], numerical[0], rtol=1e-6, atol=1e-9)
    shown = np.array([-1.0, 0, 1, 3, 20])
    assert_allclose(
        likelihood.cumulative(shown, eta), [chance[: int(count) + 1].sum() for count in shown], rtol=1e-9, atol=1e-14
    )


@pytest.mark.parametrize("likelihood", [NIGHTS, CLASSES], ids=names)
def test_chances_of_classes_add_up_to_one_and_to_the_cumulative_chance(likelihood) -> None:
    outcome = outcomes(likelihood)
    eta = [each[:1] for each in predictors(likelihood, 1, 6)]
    made = likelihood.derivatives(
        outcome, [np.repeat(each, len(outcome)) if not place else each for place, each in enumerate(eta)]
    )
    chance = np.exp(made.value)
    assert chance.sum() == pytest.approx(1, rel=1e-12)
    assert_allclose(made.gradient @ chance, 0, atol=1e-12)
    assert_allclose(likelihood.cumulative(outcome, eta), np.cumsum(chance), rtol=1e-10)
    assert likelihood.cumulative(np.array([-1.0]), eta).tolist() == [0.0]


def test_a_closed_last_class_leaves_out_what_is_above() -> None:
    eta = [np.log([2.0]), np.log([0.5])]
    chance = np.exp(CLOSED.derivatives(np.arange(3.0), eta).value)
    assert_allclose(np.cumsum(chance), stats.nbinom.cdf([0, 3, 9], 2, 0.5), rtol=1e-12)
    assert CLOSED.cumulative(np.array([2.0]), eta)[0] == pytest.approx(stats.nbinom.cdf(9, 2, 0.5), rel=1e-12)


@given(st.integers(0, 3000), st.floats(-3, 6), st.floats(-4, 3))
def test_negative_binomial_counts_are_those_of_scipy(count: int, eta: float, log_alpha: float) -> None:
    made = COUNTS["negative_binomial"].derivatives(np.array([float(count)]), [np.array([eta]), np.array([log_alpha])])
    size = np.exp(-log_alpha)
    # The comparison loses what logarithms of gamma functions of this size lose.
    assert made.value[0] == pytest.approx(
        stats.nbinom.logpmf(count, size, size / (size + np.exp(eta))), rel=1e-9, abs=1e-9
    )


def test_a_negative_binomial_count_is_a_poisson_count_of_a_gamma_rate() -> None:
    mean, alpha = 2.0, 0.7
    rate = stats.gamma(1 / alpha, scale=alpha * mean)
    for count in (0, 1, 5):
        chance, _ = integrate.quad(
            lambda r, count=count: stats.poisson.pmf(count, r) * rate.pdf(r), 0, 60, epsabs=1e-12
        )
        made = COUNTS["negative_binomial"].derivatives(np.array([count]), [np.log([mean]), np.log([alpha])])
        assert np.exp(made.value[0]) == pytest.approx(chance, rel=1e-9)


@pytest.mark.parametrize("log_alpha", [-6.0, -1.0, 2.0])
def test_sums_and_gamma_functions_agree(log_alpha: float) -> None:
    counts = np.array([0, 1, 2, 11, 300.0])
    one, each = np.array([log_alpha]), np.full(5, log_alpha)
    eta = np.array([0.1, 0.5, 1.0, 2.0, 5.0])
    family = COUNTS["negative_binomial"]
    left, right = family.derivatives(counts, [eta, one]), family.derivatives(counts, [eta, each])
    for a, b in zip(left, right, strict=True):
        # Differences of gamma functions lose digits, the more the smaller alpha is.
        assert_allclose(a, b, rtol=1e-8, atol=1e-10)


def test_small_dispersions_lead_to_poisson_counts_without_loss() -> None:
    counts, eta = np.array([0, 1, 4, 9.0]), np.log([2.0, 2.0, 3.0, 5.0])
    poisson = POISSON.derivatives(counts, [eta])
    for alpha in (1e-4, 1e-6, 1e-8):
        made = COUNTS["negative_binomial"].derivatives(counts, [eta, np.log([alpha])])
        mean = np.exp(eta)
        # The first term of the expansion in alpha, which is the score for overdispersion; the next is its square.
        first = alpha * ((counts - mean) ** 2 - counts) / 2
        assert_allclose(made.value - poisson.value, first, rtol=0, atol=200 * alpha**2 + 1e-14)
        assert_allclose(made.gradient[1], first, rtol=0, atol=400 * alpha**2 + 1e-14)


def test_classes_keep_their_digits_in_the_tails() -> None:
    eta = [np.array([40.0, -40.0, 800.0, -800.0]), np.array([-1.0]), np.array([0.0]), np.array([1.0])]
    made = CLASSES.derivatives(np.array([1.0, 2.0, 0.0, 3.0]), eta)
    between = np.log(-np.expm1(-1.0))
    # F(0 - 40) - F(-1 - 40) is nearly exp(-40) (1 - exp(-1)); on the other side the same by symmetry.
    assert_allclose(made.value, [-40 + between, -40 + between, -801, -801], rtol=1e-13)
    assert np.isfinite(made.hessian).all()


def test_a_zero_that_may_be_extra_and_a_hurdle_say_the_same_of_one_cell() -> None:
    # With one kind of people both models are any zero share and truncated counts above it.
    eta = np.log([1.7])
    none = np.exp(-1.7)
    share = 0.6
    inflated = COUNTS["zero_inflated_poisson"].derivatives(
        np.arange(5.0), [eta, special.logit([(share - none) / (1 - none)])]
    )
    hurdle = COUNTS["hurdle_poisson"].derivatives(np.arange(5.0), [eta, special.logit([share])])
    assert_allclose(inflated.value, hurdle.value, rtol=1e-12)
