"""Confidence intervals: from a value, its standard error, people and degrees of freedom, or from counts.

The functions in `METHODS` take arrays of shape (k,) and return an `Interval` of such arrays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from scipy import special

from crampstats.errors import IntervalError
from crampstats.schema import is_number

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

Method = Literal[
    "korn_graubard",
    "beta",
    "logit",
    "log",
    "log_complement",
    "wald",
    "wilson",
    "arcsine",
    "likelihood",
    "clopper_pearson",
    "mid_p",
    "jeffreys",
    "agresti_coull",
]
BinomialMethod = Literal["clopper_pearson", "mid_p", "jeffreys", "agresti_coull", "wilson", "wald"]
# Halvings of a bracket at most: all digits of a limit of one in a million million.
HALVINGS = 100
# In how many directions a joint distribution is looked at, and how many classes of them are told apart: its critical
# value is good to 0.3 %.
DIRECTIONS = 1 << 14
DIRECTION_CLASSES = 1 << 9


@dataclass(frozen=True)
class Interval:
    """Lower and upper ends, and what a reader has to know of them.

    Attributes
    ----------
    low, high
        Shape (k,).
    notes
        Length k; empty where there is nothing to say.
    """

    low: np.ndarray
    high: np.ndarray
    notes: tuple[str, ...]


def t_quantile(degrees: np.ndarray, probability: float) -> np.ndarray:
    """Return quantiles of Student's t, of the normal distribution where the degrees are infinite.

    Parameters
    ----------
    degrees
        Degrees of freedom, any shape.
    probability
        Between 0 and 1.

    Raises
    ------
    IntervalError
        If there are none.
    """
    degrees = np.asarray(degrees, dtype=float)
    if not (degrees > 0).all():
        raise IntervalError(
            f"an interval needs degrees of freedom above 0, not {degrees[~(degrees > 0)].ravel()[0]:g}."
        )
    finite = np.isfinite(degrees)
    quantile = special.stdtrit(np.where(finite, degrees, 1.0), probability)
    return np.where(finite, quantile, special.ndtri(probability))


def effective_size(value: np.ndarray, std_error: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return the size of a simple random sample of the same precision, p (1 - p) / se².

    Parameters
    ----------
    value, std_error, n
        Shape (k,). Where the value is 0 or 1, or the standard error 0, the formula says nothing and n is returned.
    """
    said = _has_error(value, std_error)
    return np.where(said, value * (1 - value) / np.where(said, std_error, 1.0) ** 2, n)


def _has_error(value: np.ndarray, std_error: np.ndarray) -> np.ndarray:
    """Return where a proportion lies between 0 and 1 and its standard error tells of its precision."""
    return (value > 0) & (value < 1) & (std_error > 0)


def _size_notes(value: np.ndarray, std_error: np.ndarray) -> tuple[str, ...]:
    """Say where the effective size is that of the sample because the standard error is 0."""
    notes = []
    for told, share in zip(_has_error(value, std_error), value, strict=True):
        who = "nobody in the sample: " if share <= 0 else "everybody in the sample: " if share >= 1 else ""
        notes.append("" if told else f"{who}standard error 0, interval at effective n = n")
    return tuple(notes)


def _crossing(function: Callable[[np.ndarray], np.ndarray], low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return where increasing functions of shape (k,) pass from negative to positive, by halving their brackets."""
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if not np.any((low < middle) & (middle < high)):  # neighbouring doubles
            break
        beyond = function(middle) > 0
        low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
    return (low + high) / 2


def _exact_limits(cases: np.ndarray, size: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Return Clopper and Pearson's limits; neither number has to be whole."""
    tail = (1 - level) / 2
    with np.errstate(invalid="ignore"):
        low = special.betaincinv(cases, size - cases + 1, tail)
        high = special.betaincinv(cases + 1, size - cases, 1 - tail)
    return np.where(cases <= 0, 0.0, low), np.where(cases >= size, 1.0, high)


def _score_limits(share: np.ndarray, size: np.ndarray, quantile: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Return Wilson's limits: the proportions from which `share` lies `quantile` of their standard errors away."""
    shrink = quantile**2 / size
    centre = share + shrink / 2
    reach = np.sqrt(shrink * (share * (1 - share) + shrink / 4))
    low, high = (centre - reach) / (1 + shrink), (centre + reach) / (1 + shrink)
    return np.where(share <= 0, 0.0, low), np.where(share >= 1, 1.0, high)


def _adjusted_size(value: np.ndarray, std_error: np.ndarray, n: np.ndarray, df: np.ndarray, level: float) -> np.ndarray:
    """Return the effective size, less what too few degrees of freedom cost."""
    tail = (1 - level) / 2
    return effective_size(value, std_error, n) * (t_quantile(n - 1, tail) / t_quantile(df, tail)) ** 2


def korn_graubard_size(
    value: np.ndarray, std_error: np.ndarray, n: np.ndarray, df: np.ndarray, level: float
) -> np.ndarray:
    """Return the size at which `korn_graubard` takes its exact limits, shape (k,).

    Parameters
    ----------
    value, std_error, n, df
        Shape (k,).
    level
        Confidence, between 0 and 1.

    Returns
    -------
    ndarray
        The effective size, adjusted for degrees of freedom and at most n; n where the standard error tells nothing.

    Examples
    --------
    >>> one = [np.array([x]) for x in (0.1, 0.05, 100.0, 10.0)]
    >>> korn_graubard_size(*one, 0.95).round(2)
    array([28.55])
    """
    adjusted = np.minimum(n, _adjusted_size(value, std_error, n, df, level))
    return np.where(_has_error(value, std_error), adjusted, n)


def korn_graubard(value: np.ndarray, std_error: np.ndarray, n: np.ndarray, df: np.ndarray, level: float) -> Interval:
    """Return Clopper-Pearson limits at the effective sample size, adjusted for df and at most n.

    Notes
    -----
    Korn EL, Graubard BI, Surv Methodol 1998;24:193-201, with the cap of Parker JD et al., Vital Health Stat 2(175), 2017.
    At 0 of n and n of n, where linearization gives a standard error of 0, the effective size is n, and the note says so.
    """
    size = korn_graubard_size(value, std_error, n, df, level)
    return Interval(*_exact_limits(value * size, size, level), _size_notes(value, std_error))


def beta(value: np.ndarray, std_error: np.ndarray, n: np.ndarray, df: np.ndarray, level: float) -> Interval:
    """Return Korn and Graubard's limits without the cap, as R's ``svyciprop(method = "beta")``."""
    if not _has_error(value, std_error).all():
        raise IntervalError("method='beta' needs an estimate between 0 and 1 with an error: use 'korn_graubard'.")
    size = _adjusted_size(value, std_error, n, df, level)
    return Interval(*_exact_limits(value * size, size, level), ("",) * len(value))


def logit(value: np.ndarray, std_error: np.ndarray, n: np.ndarray, df: np.ndarray, level: float) -> Interval:  # noqa: ARG001
    """Return t limits on the log-odds scale, transformed back."""
    if np.any((value <= 0) | (value >= 1)):
        raise IntervalError("method='logit' has no interval at 0 of n and n of n: use 'korn_graubard'.")
    centre = special.logit(value)
    reach = t_quantile(df, (1 + level) / 2) * std_error / (value * (1 - value))
    return Interval(special.expit(centre - reach), special.expit(centre + reach), ("",) * len(value))


def log(value: np.ndarray, std_error: np.ndarray, n: np.ndarray, df: np.ndarray, level: float) -> Interval:  # noqa: ARG001
    """Return t limits on the log scale, transformed back; for ratios."""
    if np.any(value <= 0):
        raise IntervalError("method='log' has no interval at values of 0 or less: use 'wald'.")
    factor = np.exp(t_quantile(df, (1 + level) / 2) * std_error / value)
    return Interval(value / factor, value * factor, ("",) * len(value))


def log_complement(value: np.ndarray, std_error: np.ndarray, n: np.ndarray, df: np.ndarray, level: float) -> Interval:
    """Return t limits on the scale of log(1 - value), transformed back; for shares that would be gone, which are below 1."""
    if np.any(value >= 1):
        raise IntervalError("method='log_complement' has no interval at values of 1 or more: use 'wald'.")
    rest = log(1 - value, std_error, n, df, level)
    return Interval(1 - rest.high, 1 - rest.low, rest.notes)


def wald(value: np.ndarray, std_error: np.ndarray, n: np.ndarray, df: np.ndarray, level: float) -> Interval:  # noqa: ARG001
    """Return value -/+ t times standard error."""
    reach = t_quantile(df, (1 + level) / 2) * std_error
    return Interval(value - reach, value + reach, ("",) * len(value))


def wilson(value: np.ndarray, std_error: np.ndarray, n: np.ndarray, df: np.ndarray, level: float) -> Interval:
    """Return Wilson's score limits at the effective sample size, with the quantile of t, as R's ``svyciprop``.

    Notes
    -----
    Wilson EB, J Am Stat Assoc 1927;22:209-212, doi:10.1080/01621459.1927.10502953. The effective size is neither adjusted
    for df nor capped. At 0 of n and n of n, where R gives none, it is n, and the note says so.
    """
    size = effective_size(value, std_error, n)
    return Interval(*_score_limits(value, size, t_quantile(df, (1 + level) / 2)), _size_notes(value, std_error))


def arcsine(value: np.ndarray, std_error: np.ndarray, n: np.ndarray, df: np.ndarray, level: float) -> Interval:  # noqa: ARG001
    """Return t limits on the scale of arcsin(sqrt(p)), transformed back, as R's ``svyciprop(method = "asin")``.

    Notes
    -----
    A limit that would leave the scale is 0 or 1; R lets the sine turn back there.
    """
    if np.any((value <= 0) | (value >= 1)):
        raise IntervalError("method='arcsine' has no interval at 0 of n and n of n: use 'korn_graubard'.")
    centre = np.arcsin(np.sqrt(value))
    reach = t_quantile(df, (1 + level) / 2) * std_error / (2 * np.sqrt(value * (1 - value)))
    low, high = np.maximum(centre - reach, 0.0), np.minimum(centre + reach, np.pi / 2)
    return Interval(np.sin(low) ** 2, np.sin(high) ** 2, ("",) * len(value))


def likelihood(value: np.ndarray, std_error: np.ndarray, n: np.ndarray, df: np.ndarray, level: float) -> Interval:
    """Return the proportions whose deviance, scaled by the design effect, is at most t², as R's ``svyciprop``.

    Notes
    -----
    Rao JNK, Scott AJ, Ann Stat 1984;12:46-60, doi:10.1214/aos/1176346391. As in R the deviance is also divided by a
    dispersion of n / (n - 1); R interpolates its profile, which puts it up to 6e-4 away from these limits. At 0 of n and
    n of n, where R gives none, the effective size is n, and the note says so.
    """
    scaled = effective_size(value, std_error, n) * (n - 1) / n
    distance = t_quantile(df, (1 + level) / 2) ** 2 / (2 * scaled)
    low = special.expit(-_log_odds_at(1 - value, distance))
    high = special.expit(_log_odds_at(value, distance))
    return Interval(np.where(value <= 0, 0.0, low), np.where(value >= 1, 1.0, high), _size_notes(value, std_error))


def _log_odds_at(share: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Return the log odds above `share` at which the mean log-likelihood has fallen by `distance`, shape (k,)."""
    entropy = special.entr(share) + special.entr(1 - share)

    def excess(log_odds: np.ndarray) -> np.ndarray:
        return np.logaddexp(0.0, log_odds) - share * log_odds - entropy - distance

    # Below, the likelihood has not fallen yet; above, log(1 + exp(x)) > x alone makes it fall too far.
    start = special.logit(np.clip(share, 1e-300, 1 - 1e-16))
    return _crossing(excess, start, (entropy + distance) / np.where(share < 1, 1 - share, 1.0))


def _mid_p_limits(cases: np.ndarray, size: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the limits of Clopper and Pearson with half the weight on the outcome itself."""
    tail = (1 - level) / 2
    none, every = cases == 0, cases == size
    # Where there is no outcome beyond this one, any parameters will do: its probability is 0.
    inner, rest = np.where(none, 1.0, cases), np.where(every, 1.0, size - cases)

    def above(share: np.ndarray) -> np.ndarray:
        beyond = np.where(every, 0.0, special.betainc(cases + 1, rest, share))
        return (special.betainc(inner, size - inner + 1, share) + beyond) / 2 - tail

    def below(share: np.ndarray) -> np.ndarray:
        beyond = np.where(none, 0.0, special.betaincc(inner, size - inner + 1, share))
        return tail - (special.betaincc(size - rest + 1, rest, share) + beyond) / 2

    low, high = (_crossing(function, np.zeros(cases.shape), np.ones(cases.shape)) for function in (above, below))
    return np.where(none, 0.0, low), np.where(every, 1.0, high)


def _jeffreys_limits(cases: np.ndarray, size: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Return quantiles of the posterior under Jeffreys' prior; 0 and 1 at 0 of n and n of n."""
    tail = (1 - level) / 2
    low, high = (special.betaincinv(cases + 0.5, size - cases + 0.5, p) for p in (tail, 1 - tail))
    return np.where(cases == 0, 0.0, low), np.where(cases == size, 1.0, high)


def _agresti_coull_limits(cases: np.ndarray, size: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Return simple limits around Wilson's centre."""
    quantile = special.ndtri((1 + level) / 2)
    more = size + quantile**2
    centre = (cases + quantile**2 / 2) / more
    reach = quantile * np.sqrt(centre * (1 - centre) / more)
    return centre - reach, centre + reach


def _wilson_limits(cases: np.ndarray, size: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Return Wilson's limits with the normal quantile."""
    return _score_limits(cases / size, size, special.ndtri((1 + level) / 2))


def _wald_limits(cases: np.ndarray, size: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Return share -/+ normal quantile times sqrt(p (1 - p) / n)."""
    share = cases / size
    reach = special.ndtri((1 + level) / 2) * np.sqrt(share * (1 - share) / size)
    return share - reach, share + reach


BINOMIAL_METHODS: dict[str, Callable[[np.ndarray, np.ndarray, float], tuple[np.ndarray, np.ndarray]]] = {
    "clopper_pearson": _exact_limits,
    "mid_p": _mid_p_limits,
    "jeffreys": _jeffreys_limits,
    "agresti_coull": _agresti_coull_limits,
    "wilson": _wilson_limits,
    "wald": _wald_limits,
}


def check_method(method: str) -> None:
    """Refuse a method of intervals that there is none of, naming those there are.

    Raises
    ------
    IntervalError
        If the method is unknown.
    """
    if method not in get_args(Method):
        raise IntervalError(f"method={method!r} is unknown: choose from {', '.join(get_args(Method))}.")


def check_level(level: float) -> None:
    """Refuse a confidence that is no share.

    Parameters
    ----------
    level
        A number between 0 and 1.

    Raises
    ------
    IntervalError
        If it is not.

    Examples
    --------
    >>> check_level(95)
    Traceback (most recent call last):
    crampstats.errors.IntervalError: level=95 has to lie between 0 and 1, as in level=0.95.
    """
    if not (is_number(level) and 0 < level < 1):
        raise IntervalError(f"level={level!r} has to lie between 0 and 1, as in level=0.95.")


def binomial_interval(cases: ArrayLike, n: ArrayLike, *, method: BinomialMethod, level: float = 0.95) -> Interval:
    """Return the interval of a proportion from counts of independent people.

    Parameters
    ----------
    cases
        How many of them are cases: whole numbers, a single one or shape (k,).
    n
        How many people: whole numbers of at least 1, a single one or shape (k,).
    method
        ``"clopper_pearson"`` (exact: never covers less than `level`), ``"mid_p"``, ``"jeffreys"``, ``"wilson"``,
        ``"agresti_coull"`` or ``"wald"``. The last two may leave 0 to 1, and ``"wald"`` has no width at 0 of n.
    level
        Confidence, between 0 and 1.

    Returns
    -------
    Interval
        Shape (k,), of length 1 for single numbers.

    Raises
    ------
    IntervalError
        If the method is unknown, the level is not between 0 and 1, or the counts are not counts.

    Notes
    -----
    Clopper CJ, Pearson ES, Biometrika 1934;26:404-413, doi:10.1093/biomet/26.4.404. Mid-p: Lancaster HO, J Am Stat Assoc
    1961;56:223-234, doi:10.1080/01621459.1961.10482105. Agresti A, Coull BA, Am Stat 1998;52:119-126,
    doi:10.1080/00031305.1998.10480550. Jeffreys, with the ends of Brown LD, Cai TT, DasGupta A, Stat Sci 2001;16:101-133,
    doi:10.1214/ss/1009213286. For surveys with weights, strata or clusters use `interval`.

    Examples
    --------
    >>> exact = binomial_interval([0, 12], 120, method="clopper_pearson")
    >>> exact.low.round(4), exact.high.round(4)
    (array([0.    , 0.0527]), array([0.0303, 0.1682]))
    """
    if method not in get_args(BinomialMethod):
        raise IntervalError(f"method={method!r} is unknown: choose from {', '.join(get_args(BinomialMethod))}.")
    check_level(level)
    people, total = np.broadcast_arrays(np.atleast_1d(np.asarray(cases, float)), np.atleast_1d(np.asarray(n, float)))
    for name, counts in (("cases", people), ("n", total)):
        wrong = ~(np.isfinite(counts) & (counts == np.floor(counts)) & (counts >= (1 if name == "n" else 0)))
        if wrong.any():
            expected = "a whole number of at least 1" if name == "n" else "a whole number, not negative"
            raise IntervalError(f"{name}={counts[wrong][0]:g} has to be {expected}.")
    if np.any(people > total):
        worst = np.argmax(people > total)
        raise IntervalError(f"cases={people[worst]:g} are more than n={total[worst]:g}.")
    return Interval(*BINOMIAL_METHODS[method](people, total, level), ("",) * len(people))


def _counted(method: BinomialMethod) -> Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float], Interval]:
    """Return the interval of counts as one of an estimate, which has to come from a simple random sample."""

    def limits(value: np.ndarray, std_error: np.ndarray, n: np.ndarray, df: np.ndarray, level: float) -> Interval:
        cases = value * n
        inflated = std_error**2 * n
        plain = value * (1 - value)
        # In a domain of n among N independent people the variance is p (1 - p) / n times N / (N - 1), and N is at least n.
        simple = (inflated >= plain * (1 - 1e-9)) & (inflated * (n - 1) <= plain * n * (1 + 1e-9))
        if not np.all(simple & (df == n - 1) & (np.abs(cases - np.round(cases)) < 1e-6)):
            raise IntervalError(
                f"method={method!r} counts people of a simple random sample; this estimate has weights, strata, clusters "
                "or a finite population, or is no share of people: use 'korn_graubard'."
            )
        return binomial_interval(np.round(cases), n, method=method, level=level)

    return limits


METHODS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float], Interval]] = {
    "korn_graubard": korn_graubard,
    "beta": beta,
    "logit": logit,
    "log": log,
    "log_complement": log_complement,
    "wald": wald,
    "wilson": wilson,
    "arcsine": arcsine,
    "likelihood": likelihood,
    "clopper_pearson": _counted("clopper_pearson"),
    "mid_p": _counted("mid_p"),
    "jeffreys": _counted("jeffreys"),
    "agresti_coull": _counted("agresti_coull"),
}
PROPORTION_METHODS = tuple(method for method in METHODS if method not in {"log", "log_complement", "wald"})


def interval(
    method: Method, value: np.ndarray, std_error: np.ndarray, n: np.ndarray, df: np.ndarray, *, level: float = 0.95
) -> Interval:
    """Return the interval of a named method.

    Parameters
    ----------
    method
        For proportions of any survey ``"korn_graubard"`` (conservative), ``"beta"``, ``"logit"``, ``"wilson"``,
        ``"arcsine"``, ``"likelihood"``; for those of a simple random sample also ``"clopper_pearson"``, ``"mid_p"``,
        ``"jeffreys"``, ``"agresti_coull"``; ``"log"`` for ratios; ``"log_complement"`` for attributable fractions; ``"wald"``
        for anything.
    value, std_error, n, df
        Shape (k,).
    level
        Confidence, between 0 and 1.

    Raises
    ------
    IntervalError
        If the method is unknown, the level is not between 0 and 1, or the method has no interval for these values.

    Notes
    -----
    Whether the sample is a simple random one is read off the standard error and the degrees of freedom. A finite
    population of more than n² people goes unseen, which matters less than one person does; and so do, at 0 of n and n of
    n, where the standard error is 0, unequal weights and finite populations. Clusters and strata never do.

    Examples
    --------
    >>> one = [np.array([x]) for x in (0.0, 0.0, 30.0, 15.0)]
    >>> nobody = interval("korn_graubard", *one)
    >>> nobody.low.item(), round(nobody.high.item(), 4)
    (0.0, 0.1157)
    """
    check_method(method)
    check_level(level)
    if method in PROPORTION_METHODS and np.any((value < 0) | (value > 1)):
        raise IntervalError(f"method={method!r} is for proportions; this estimate lies outside 0 to 1: use 'wald'.")
    return METHODS[method](value, std_error, n, df, level)


def max_t_quantile(covariance: np.ndarray, df: float, *, level: float = 0.95) -> float:
    """Return the quantile of the largest of several t statistics that hang together.

    Estimates -/+ this many standard errors hold all the truths at once with probability `level`.

    Parameters
    ----------
    covariance
        Shape (k, k), of the estimates; those without variance are left out.
    df
        Degrees of freedom that they share; infinite for the normal distribution.
    level
        Confidence, between 0 and 1.

    Raises
    ------
    IntervalError
        If the level is not between 0 and 1.

    Notes
    -----
    Sup-t bands: Montiel Olea JL, Plagborg-Møller M, J Appl Econom 2019;34:1-17, doi:10.1002/jae.2656. Of the multivariate
    t the radius is integrated exactly, the directions over a fixed lattice (Richtmyer's, see Genz A, Bretz F,
    Computation of Multivariate Normal and t Probabilities, Springer 2009, doi:10.1007/978-3-642-01689-9): there is no
    chance in it, a single estimate has its t quantile, and with 60 the error was 0.1 %.

    Examples
    --------
    >>> round(max_t_quantile(np.eye(5), np.inf), 2)  # independent: the normal quantile at (1 + 0.95 ** (1 / 5)) / 2
    2.57
    """
    check_level(level)
    single = t_quantile(np.array([df]), (1 + level) / 2)
    error = np.sqrt(np.diag(covariance))
    kept = error > 0
    if not kept.any():
        return single.item()
    roots, axes = np.linalg.eigh(covariance[np.ix_(kept, kept)] / np.outer(error[kept], error[kept]))
    rank = int(np.count_nonzero(roots > 1e-10 * roots[-1]))
    # Largest first: the first coordinates of a lattice are its most even ones.
    factor = axes[:, ::-1][:, :rank] * np.sqrt(roots[::-1][:rank])
    farthest = np.sort(np.abs(_directions(rank) @ factor.T).max(axis=1)).reshape(DIRECTION_CLASSES, -1).mean(axis=1)

    def excess(quantile: np.ndarray) -> np.ndarray:
        radius = (quantile / farthest) ** 2
        inside = special.fdtr(rank, df, radius / rank) if math.isfinite(df) else special.gammainc(rank / 2, radius / 2)
        return np.array([inside.mean() - level])

    union = t_quantile(np.array([df]), 1 - (1 - level) / (2 * len(factor)))
    return _crossing(excess, single * 0.99, union * 1.01).item()


@lru_cache(maxsize=4)
def _directions(dimensions: int) -> np.ndarray:
    """Return unit vectors spread evenly over a sphere, shape (DIRECTIONS, dimensions), always the same ones."""
    primes: list[int] = []
    candidate = 2
    while len(primes) < dimensions:
        if all(candidate % prime for prime in primes if prime * prime <= candidate):
            primes.append(candidate)
        candidate += 1
    lattice = (np.arange(1, DIRECTIONS + 1)[:, None] * np.sqrt(primes) + 0.5) % 1
    points = special.ndtri(lattice)
    return points / np.linalg.norm(points, axis=1, keepdims=True)
