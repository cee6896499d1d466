"""Confidence intervals from a value, its standard error, people and degrees of freedom.

All functions take arrays of shape (k,) and return an `Interval` of such arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from scipy import special

from crampstats.errors import IntervalError

if TYPE_CHECKING:
    from collections.abc import Callable

Method = Literal["korn_graubard", "beta", "logit", "log", "wald"]


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
    """
    degrees = np.asarray(degrees, dtype=float)
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
    said = (value > 0) & (value < 1) & (std_error > 0)
    return np.where(said, value * (1 - value) / np.where(said, std_error, 1.0) ** 2, n)


def _exact(value: np.ndarray, size: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Return Clopper and Pearson's limits for value * size of size."""
    tail = (1 - level) / 2
    cases = value * size
    with np.errstate(invalid="ignore"):
        low = special.betaincinv(cases, size - cases + 1, tail)
        high = special.betaincinv(cases + 1, size - cases, 1 - tail)
    return np.where(value <= 0, 0.0, low), np.where(value >= 1, 1.0, high)


def _adjusted_size(value: np.ndarray, std_error: np.ndarray, n: np.ndarray, df: np.ndarray, level: float) -> np.ndarray:
    """Return the effective size, less what too few degrees of freedom cost."""
    tail = (1 - level) / 2
    return effective_size(value, std_error, n) * (t_quantile(n - 1, tail) / t_quantile(df, tail)) ** 2


def korn_graubard(value: np.ndarray, std_error: np.ndarray, n: np.ndarray, df: np.ndarray, level: float) -> Interval:
    """Return Clopper-Pearson limits at the effective sample size, adjusted for df and at most n.

    Notes
    -----
    Korn EL, Graubard BI, Surv Methodol 1998;24:193-201, with the cap of Parker JD et al., Vital Health Stat 2(175), 2017.
    At 0 of n and n of n, where linearization gives a standard error of 0, the effective size is n, and the note says so.
    """
    extreme = (value <= 0) | (value >= 1)
    flat = ~extreme & (std_error == 0)
    size = np.where(extreme | flat, n, np.minimum(n, _adjusted_size(value, std_error, n, df, level)))
    low, high = _exact(value, size, level)
    notes = []
    for at_edge, is_flat, share in zip(extreme, flat, value, strict=True):
        what = "nobody" if share <= 0 else "everybody"
        if at_edge:
            notes.append(f"{what} in the sample: standard error 0, interval at effective n = n")
        else:
            notes.append("standard error 0, interval at effective n = n" if is_flat else "")
    return Interval(low, high, tuple(notes))


def beta(value: np.ndarray, std_error: np.ndarray, n: np.ndarray, df: np.ndarray, level: float) -> Interval:
    """Return Korn and Graubard's limits without the cap, as R's ``svyciprop(method = "beta")``."""
    if np.any((value <= 0) | (value >= 1) | (std_error == 0)):
        raise IntervalError("method='beta' needs an estimate between 0 and 1 with an error: use 'korn_graubard'.")
    return Interval(*_exact(value, _adjusted_size(value, std_error, n, df, level), level), ("",) * len(value))


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


def wald(value: np.ndarray, std_error: np.ndarray, n: np.ndarray, df: np.ndarray, level: float) -> Interval:  # noqa: ARG001
    """Return value -/+ t times standard error."""
    reach = t_quantile(df, (1 + level) / 2) * std_error
    return Interval(value - reach, value + reach, ("",) * len(value))


METHODS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float], Interval]] = {
    "korn_graubard": korn_graubard,
    "beta": beta,
    "logit": logit,
    "log": log,
    "wald": wald,
}
PROPORTION_METHODS = ("korn_graubard", "beta", "logit")


def interval(
    method: Method, value: np.ndarray, std_error: np.ndarray, n: np.ndarray, df: np.ndarray, *, level: float = 0.95
) -> Interval:
    """Return the interval of a named method.

    Parameters
    ----------
    method
        ``"korn_graubard"``, ``"beta"`` and ``"logit"`` for proportions, ``"log"`` for ratios, ``"wald"``.
    value, std_error, n, df
        Shape (k,).
    level
        Confidence, between 0 and 1.

    Raises
    ------
    IntervalError
        If the method is unknown, the level is not between 0 and 1, or the method has no interval for these values.

    Examples
    --------
    >>> one = [np.array([x]) for x in (0.0, 0.0, 30.0, 15.0)]
    >>> nobody = interval("korn_graubard", *one)
    >>> nobody.low.item(), round(nobody.high.item(), 4)
    (0.0, 0.1157)
    """
    if method not in METHODS:
        raise IntervalError(f"method={method!r} is unknown: choose from {', '.join(get_args(Method))}.")
    if not 0 < level < 1:
        raise IntervalError(f"level={level!r} has to lie between 0 and 1, as in level=0.95.")
    if method in PROPORTION_METHODS and np.any((value < 0) | (value > 1)):
        raise IntervalError(f"method={method!r} is for proportions; this estimate lies outside 0 to 1: use 'wald'.")
    return METHODS[method](value, std_error, n, df, level)
