"""Likelihoods of outcomes with several linear predictors: counts with extra variance and extra zeros, classes in order.

All functions take arrays of one row a person. A predictor may come as one number for all, shape (1,).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Zeros = Literal["counted", "inflated", "hurdle"]
# Sums of logarithms over all smaller counts are exact and quick up to this count; gamma functions take over from there.
TABULATED = 1 << 16


class Derivatives(NamedTuple):
    """A log-likelihood and how it moves with q predictors.

    Attributes
    ----------
    value
        Shape (rows,).
    gradient
        Shape (q, rows).
    hessian
        Shape (q, q, rows).
    """

    value: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray


def _of_counts(function: Callable[[np.ndarray], np.ndarray], counts: np.ndarray) -> np.ndarray:
    """Return a function of each count, computed once for equal counts where that is less work."""
    highest = int(counts.max(initial=0))
    if highest > len(counts):
        return function(counts)
    return function(np.arange(highest + 1.0))[..., counts.astype(np.intp)]


def _log_factorial(counts: np.ndarray) -> np.ndarray:
    return special.gammaln(counts + 1.0)


def _rising(counts: np.ndarray, log_dispersion: np.ndarray) -> np.ndarray:
    """Return the sum of log(1 + alpha k) over all k below each count and its slopes in log alpha, shape (3, rows)."""
    alpha = np.exp(log_dispersion)
    highest = int(counts.max(initial=0))
    if alpha.size == 1 and highest <= TABULATED:
        below = alpha * np.arange(highest)
        share = below / (1 + below)
        table = np.zeros((3, highest + 1))
        np.cumsum([np.log1p(below), share, share / (1 + below)], axis=1, out=table[:, 1:])
        return table[:, counts.astype(np.intp)]
    size = 1 / alpha
    value = special.gammaln(counts + size) - special.gammaln(size) - counts * np.log(size)
    first = special.digamma(counts + size) - special.digamma(size) - counts / size
    second = special.polygamma(1, counts + size) - special.polygamma(1, size) + counts / size**2
    return np.stack([value, -size * first, size * first + size**2 * second])


def _poisson(counts: np.ndarray, eta: np.ndarray) -> Derivatives:
    """Return the derivatives for Poisson counts with respect to the logarithm of the mean."""
    mean = np.exp(eta) + np.zeros(len(counts))
    value = counts * eta - mean - _of_counts(_log_factorial, counts)
    return Derivatives(value, (counts - mean)[None], -mean[None, None])


def _negative_binomial(counts: np.ndarray, eta: np.ndarray, log_dispersion: np.ndarray) -> Derivatives:
    """Return those for negative binomial counts with respect to the logarithms of the mean and of alpha.

    Written in alpha and not in 1 / alpha, so that small alpha lose no digits and lead over to Poisson counts.
    """
    alpha, mean = np.exp(log_dispersion), np.exp(eta)
    sums = _rising(counts, log_dispersion)
    extra = alpha * mean
    over = 1 + extra
    log_over = np.log1p(extra)
    share = extra / over
    total = counts + 1 / alpha
    value = sums[0] - _of_counts(_log_factorial, counts) + counts * eta - total * log_over
    pull = (counts - mean) / over
    gradient = np.stack([pull, sums[1] + log_over / alpha - total * share])
    hessian = np.empty((2, 2, len(counts)))
    hessian[0, 0] = -(pull * share + mean / over)
    hessian[0, 1] = hessian[1, 0] = -pull * share
    hessian[1, 1] = sums[2] - log_over / alpha + 2 * share / alpha - total * share / over
    return Derivatives(value, gradient, hessian)


@dataclass(frozen=True)
class CountLikelihood:
    """Counts: Poisson or negative binomial, zeros counted as they come, inflated, or behind a hurdle.

    Negative binomial counts have variance mean + alpha mean². The predictor ``count`` is the logarithm of the mean of the
    counting process, ``zero`` the log odds of an extra zero (inflated) or of a zero at all (hurdle), ``dispersion`` log alpha.

    Attributes
    ----------
    name
        Of the family.
    dispersed
        Negative binomial.
    zeros
        ``"counted"``, ``"inflated"``: a zero may also come from people who never count; ``"hurdle"``: zeros are a matter
        of their own, and counts above them are truncated at zero.

    Notes
    -----
    Lawless JF, Can J Stat 1987;15:209-225, doi:10.2307/3314912; Lambert D, Technometrics 1992;34:1-14, doi:10.2307/1269547;
    Mullahy J, J Econom 1986;33:341-365, doi:10.1016/0304-4076(86)90002-3.

    Examples
    --------
    >>> counts = CountLikelihood("zero_inflated_poisson", False, "inflated")
    >>> log_mean, log_odds = np.log([2.0]), np.zeros(1)
    >>> np.exp(counts.derivatives(np.zeros(1), (log_mean, log_odds)).value).round(4)   # half of all, half of exp(-2)
    array([0.5677])
    """

    name: str
    dispersed: bool
    zeros: Zeros

    @property
    def parts(self) -> tuple[str, ...]:
        """What the predictors are called."""
        return ("count", *(["zero"] * (self.zeros != "counted")), *(["dispersion"] * self.dispersed))

    def _split(self, eta: Sequence[np.ndarray]) -> tuple[list[int], int | None]:
        """Return the places of the predictors of the counting process and that of the zero part."""
        zero = None if self.zeros == "counted" else 1
        return [place for place in range(len(eta)) if place != zero], zero

    def _counted(self, outcome: np.ndarray, eta: Sequence[np.ndarray]) -> Derivatives:
        """Return the derivatives of the counting process alone."""
        return _negative_binomial(outcome, *eta) if self.dispersed else _poisson(outcome, *eta)

    def derivatives(self, outcome: np.ndarray, eta: Sequence[np.ndarray]) -> Derivatives:
        """Return the log-likelihood of each row and its derivatives.

        Parameters
        ----------
        outcome
            Shape (rows,): whole numbers from 0.
        eta
            The predictors, in the order of `parts`.
        """
        counting, zero = self._split(eta)
        counted = self._counted(outcome, [eta[place] for place in counting])
        if zero is None:
            return counted
        if self.zeros == "inflated":
            value, zero_slopes, slopes, hessian = _inflated(outcome, eta[zero], counted)
        else:
            none = self._counted(np.zeros(len(outcome)), [eta[place] for place in counting])
            value, zero_slopes, slopes, hessian = _behind_a_hurdle(outcome, eta[zero], counted, none)
        full = np.zeros((len(eta), len(eta), len(outcome)))
        gradient = np.empty((len(eta), len(outcome)))
        gradient[zero], full[zero, zero] = zero_slopes[0], zero_slopes[1]
        gradient[counting] = slopes
        full[np.ix_(counting, counting)] = hessian
        full[zero, counting] = full[counting, zero] = zero_slopes[2:]
        return Derivatives(value, gradient, full)

    def means(self, eta: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean of each row, shape (rows,), and its slopes in the predictors, shape (q, rows).

        Parameters
        ----------
        eta
            The predictors, in the order of `parts`.
        """
        counting, zero = self._split(eta)
        mean = np.exp(eta[0]) + np.zeros(max(len(each) for each in eta))
        slopes = np.zeros((len(eta), len(mean)))
        slopes[0] = mean
        if zero is None:
            return mean, slopes
        if self.zeros == "hurdle":
            none = self._counted(np.zeros(len(mean)), [eta[place] for place in counting])
            mean = mean / -np.expm1(none.value)
            slopes[0] = mean
            slopes[counting] += mean * none.gradient / np.expm1(-none.value)
        stay = special.expit(-eta[zero])
        slopes *= stay
        slopes[zero] = -mean * stay * special.expit(eta[zero])
        return mean * stay, slopes

    def cumulative(self, outcome: np.ndarray, eta: Sequence[np.ndarray]) -> np.ndarray:
        """Return the chance of a count no higher than each, shape (rows,).

        Parameters
        ----------
        outcome
            Shape (rows,): whole numbers; below 0 the chance is 0.
        eta
            The predictors, in the order of `parts`.
        """
        counting, zero = self._split(eta)
        own = [eta[place] for place in counting]
        up_to = _up_to(outcome, *own)
        if zero is None:
            return up_to
        share = special.expit(eta[zero])
        if self.zeros == "hurdle":
            none = np.exp(self._counted(np.zeros(len(outcome)), own).value)
            up_to = np.clip((up_to - none) / (1 - none), 0.0, 1.0)
        return np.where(outcome < 0, 0.0, share + (1 - share) * up_to)


def _up_to(counts: np.ndarray, eta: np.ndarray, log_dispersion: np.ndarray | None = None) -> np.ndarray:
    """Return the chance of a Poisson or negative binomial count no higher than each, shape (rows,)."""
    known, mean = np.maximum(counts, 0.0), np.exp(eta)
    if log_dispersion is None:
        chance = special.pdtr(known, mean)
    else:
        extra = np.exp(log_dispersion) * mean
        chance = special.betainc(np.exp(-log_dispersion), known + 1, 1 / (1 + extra))
    return np.where(counts < 0, 0.0, chance)


def _inflated(
    outcome: np.ndarray, eta: np.ndarray, counted: Derivatives
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return value, slopes of the zero part (its own, its own twice, with each other), and the others, zeros inflated."""
    zero, share = outcome == 0, special.expit(eta)
    # The chance that a zero is an extra one.
    extra = np.where(zero, special.expit(eta - counted.value), 0.0)
    value = np.where(zero, np.logaddexp(eta, counted.value), counted.value) - np.logaddexp(0.0, eta)
    doubt = extra * (1 - extra)
    first = counted.gradient
    mine = np.stack([extra - share, doubt - share * (1 - share), *(-doubt * first)])
    hessian = (1 - extra) * counted.hessian + doubt * first[:, None] * first[None]
    return value, mine, (1 - extra) * first, hessian


def _behind_a_hurdle(
    outcome: np.ndarray, eta: np.ndarray, counted: Derivatives, none: Derivatives
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the same for zeros behind a hurdle, given what a count of none would have."""
    zero, share = outcome == 0, special.expit(eta)
    odds = 1 / np.expm1(-none.value)
    above = counted.value - np.log(-np.expm1(none.value))
    value = np.where(zero, special.log_expit(eta), special.log_expit(-eta) + above)
    mine = np.zeros((2 + len(none.gradient), len(outcome)))
    mine[0], mine[1] = zero - share, -share * (1 - share)
    first = none.gradient
    slopes = np.where(zero, 0.0, counted.gradient + odds * first)
    bend = odds * none.hessian + odds * (1 + odds) * first[:, None] * first[None]
    return value, mine, slopes, np.where(zero, 0.0, counted.hessian + bend)


@dataclass(frozen=True)
class GroupedCounts:
    """Negative binomial counts of which only the class is known.

    Attributes
    ----------
    classes
        Lowest and highest count of each class, ascending from 0 without gaps; the last may be open, None.

    Notes
    -----
    Interval censoring; the derivatives of a class are averages over its counts (Louis TA, J R Stat Soc B 1982;44:226-233,
    doi:10.1111/j.2517-6161.1982.tb01203.x), those of an open class over what is left.

    Examples
    --------
    >>> never_or_ever = GroupedCounts(((0, 0), (1, None)))
    >>> log_mean, log_alpha = np.log([2.0]), np.log([0.5])
    >>> np.exp(never_or_ever.derivatives(np.array([1]), (log_mean, log_alpha)).value)   # 1 - (1 + 0.5 * 2) ** -2
    array([0.75])
    """

    classes: tuple[tuple[int, int | None], ...]
    name: str = "grouped_negative_binomial"

    @property
    def parts(self) -> tuple[str, ...]:
        """What the predictors are called."""
        return ("count", "dispersion")

    def derivatives(self, outcome: np.ndarray, eta: Sequence[np.ndarray]) -> Derivatives:
        """Return the log-likelihood of each row and its derivatives.

        Parameters
        ----------
        outcome
            Shape (rows,): the class, numbered from 0.
        eta
            The predictors, in the order of `parts`.
        """
        rows = len(outcome)
        value, gradient, hessian = np.empty(rows), np.empty((2, rows)), np.empty((2, 2, rows))
        for number, (low, high) in enumerate(self.classes):
            here = np.flatnonzero(outcome == number)
            if len(here):
                own = [each if len(each) == 1 else each[here] for each in eta]
                value[here], gradient[:, here], hessian[..., here] = _of_class(low, high, own, len(here))
        return Derivatives(value, gradient, hessian)

    def means(self, eta: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean count of each row and its slopes, as `CountLikelihood.means`.

        Parameters
        ----------
        eta
            The predictors, in the order of `parts`.
        """
        return CountLikelihood("negative_binomial", True, "counted").means(eta)

    def cumulative(self, outcome: np.ndarray, eta: Sequence[np.ndarray]) -> np.ndarray:
        """Return the chance of a class no higher than each, shape (rows,).

        Parameters
        ----------
        outcome
            Shape (rows,): the class, numbered from 0; below 0 the chance is 0.
        eta
            The predictors, in the order of `parts`.
        """
        highest = np.array([np.inf if high is None else high for _, high in self.classes] + [-1.0])
        ends = highest[outcome.astype(np.intp)]  # class -1 is the last of these
        known = np.where(np.isinf(ends), 0.0, ends)
        return np.where(np.isinf(ends), 1.0, _up_to(known, *eta))


def _of_class(low: int, high: int | None, eta: list[np.ndarray], rows: int) -> Derivatives:
    """Return the derivatives of the chance that a count lies in a class, for some rows."""
    summed, first, second = np.zeros(rows), np.zeros((2, rows)), np.zeros((2, 2, rows))
    for count in range(low, high + 1) if high is not None else range(low):
        each = _negative_binomial(np.full(rows, float(count)), *eta)
        chance = np.exp(each.value)
        summed += chance
        first += chance * each.gradient
        second += chance * (each.hessian + each.gradient[:, None] * each.gradient[None])
    if high is None:
        alpha = np.exp(eta[1])
        extra = alpha * np.exp(eta[0])
        summed = special.betainc(low, 1 / alpha, extra / (1 + extra)) + np.zeros(rows) if low else np.ones(rows)
        first, second = -first, -second
    first, second = first / summed, second / summed
    return Derivatives(np.log(summed), first, second - first[:, None] * first[None])


@dataclass(frozen=True)
class OrderedClasses:
    """Classes in order, their cumulative log odds parallel: proportional odds.

    The predictors are the location eta and the thresholds: the log odds of a class no higher than k are threshold k less eta.

    Attributes
    ----------
    labels
        Of the classes, ascending, at least two.

    Notes
    -----
    McCullagh P, J R Stat Soc B 1980;42:109-142, doi:10.1111/j.2517-6161.1980.tb01109.x. The chance of a class is written as
    F(a) F(-b) (1 - exp(b - a)), which loses no digits in either tail.

    Examples
    --------
    >>> classes = OrderedClasses(("never", "sometimes", "often"))
    >>> eta = (np.zeros(1), np.array([0.0]), np.array([np.log(3)]))
    >>> np.exp(classes.derivatives(np.array([1]), eta).value)   # 3/4 - 1/2
    array([0.25])
    """

    labels: tuple[object, ...]
    name: str = "ordinal"

    @property
    def thresholds(self) -> tuple[str, ...]:
        """What the thresholds are called: the classes on both sides."""
        return tuple(f"{low}|{high}" for low, high in zip(self.labels, self.labels[1:], strict=False))

    @property
    def parts(self) -> tuple[str, ...]:
        """What the predictors are called."""
        return ("location", *self.thresholds)

    def derivatives(self, outcome: np.ndarray, eta: Sequence[np.ndarray]) -> Derivatives:
        """Return the log-likelihood of each row and its derivatives.

        Parameters
        ----------
        outcome
            Shape (rows,): the class, numbered from 0.
        eta
            The predictors, in the order of `parts`.
        """
        rows, last = np.arange(len(outcome)), len(self.labels) - 1
        place = outcome.astype(np.intp)
        edges = np.concatenate([[-np.inf], *eta[1:], [np.inf]])
        upper, lower = edges[place + 1] - eta[0], edges[place] - eta[0]
        width = edges[place + 1] - edges[place]
        value = special.log_expit(upper) + special.log_expit(-lower) + np.log(-np.expm1(-width))
        odds = 1 / np.expm1(width)
        up, down = special.expit(-upper) + odds, -special.expit(lower) - odds
        both = odds * (1 + odds)
        up_up = -special.expit(upper) * special.expit(-upper) - both
        down_down = -special.expit(lower) * special.expit(-lower) - both
        # The outermost edges are no parameters: their slopes, all 0, fall into places that are cut off.
        gradient, hessian = np.zeros((last + 3, len(rows))), np.zeros((last + 3, last + 3, len(rows)))
        above, below = place + 2, place + 1
        gradient[0], gradient[above, rows], gradient[below, rows] = -(up + down), up, down
        hessian[0, 0] = up_up + 2 * both + down_down
        for edge, slope in ((above, -(up_up + both)), (below, -(down_down + both))):
            hessian[0, edge, rows] = hessian[edge, 0, rows] = slope
        hessian[above, above, rows], hessian[below, below, rows] = up_up, down_down
        hessian[above, below, rows] = hessian[below, above, rows] = both
        kept = np.array([0, *range(2, last + 2)])
        return Derivatives(value, gradient[kept], hessian[np.ix_(kept, kept)])

    def cumulative(self, outcome: np.ndarray, eta: Sequence[np.ndarray]) -> np.ndarray:
        """Return the chance of a class no higher than each, shape (rows,).

        Parameters
        ----------
        outcome
            Shape (rows,): the class, numbered from 0; below 0 the chance is 0.
        eta
            The predictors, in the order of `parts`.
        """
        edges = np.concatenate([[-np.inf], *eta[1:], [np.inf]])
        return special.expit(edges[outcome.astype(np.intp) + 1] - eta[0])

    def at_least(self, place: int, eta: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return the chance of a class at least as high, shape (rows,), and its slopes, shape (q, rows).

        Parameters
        ----------
        place
            Of the class, from 1.
        eta
            The predictors, in the order of `parts`.
        """
        chance = special.expit(eta[0] - eta[place])
        slopes = np.zeros((len(eta), len(chance)))
        slopes[0] = chance * (1 - chance)
        slopes[place] = -slopes[0]
        return chance, slopes


AnyLikelihood = CountLikelihood | GroupedCounts | OrderedClasses
COUNTS: dict[str, CountLikelihood] = {
    each.name: each
    for each in (
        CountLikelihood("negative_binomial", True, "counted"),
        CountLikelihood("zero_inflated_poisson", False, "inflated"),
        CountLikelihood("zero_inflated_negative_binomial", True, "inflated"),
        CountLikelihood("hurdle_poisson", False, "hurdle"),
        CountLikelihood("hurdle_negative_binomial", True, "hurdle"),
    )
}
# Of a Poisson regression, for what its generalised linear model does not hold: the chances of counts.
POISSON = CountLikelihood("poisson", False, "counted")
