"""Tests of whole terms: Wald's, and Rao and Scott's of the likelihood ratio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd
from scipy import linalg, optimize, special, stats

from crampstats.errors import DesignError, QuestionError

if TYPE_CHECKING:
    from crampstats.regression.foundations import Model

TestMethod = Literal["wald", "rao_scott"]


@dataclass(frozen=True)
class TermTest:
    """A test that all coefficients of a term are 0.

    Attributes
    ----------
    term
        As it stands in the formula.
    method
        ``"wald"`` or ``"rao_scott"``.
    statistic
        Wald: F. Rao-Scott: the weighted likelihood ratio, whose distribution under no effect is a sum of chi-squares
        with `weights`.
    df, df_denominator
        Coefficients of the term; degrees of freedom of the design that the model leaves.
    p_value
        Probability of a statistic at least as large if all are 0.
    weights
        Rao-Scott: how much each chi-square is inflated by the design, shape (df,); empty for Wald.
    """

    term: str
    method: TestMethod
    statistic: float
    df: int
    df_denominator: float
    p_value: float
    weights: tuple[float, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return the test as a table of one row."""
        return pd.DataFrame(
            {
                "term": [self.term],
                "method": [self.method],
                "statistic": [self.statistic],
                "df": [self.df],
                "df_denominator": [self.df_denominator],
                "p_value": [self.p_value],
            }
        )


def term_test(model: Model, term: str, *, method: TestMethod = "wald", part: str | None = None) -> TermTest:
    """Test whether a term of a model can be left out.

    Parameters
    ----------
    model
        As from `fit`.
    term
        As it stands in the formula: ``"age_group"``, ``"sex:age_group"``, ``"cr(age_years, df=3)"``.
    method
        ``"wald"``: F test of the coefficients with their design-based covariance. ``"rao_scott"``: likelihood ratio of
        the weighted fits, referred to its own distribution; steadier than Wald's with few degrees of freedom.
    part
        ``"zero"`` for a term of the zero part of a model of counts; None for the formula's own.

    Returns
    -------
    TermTest
        Statistic, degrees of freedom and p value.

    Raises
    ------
    QuestionError
        If the model has no such term, or the method is unknown.
    ConvergenceError
        If the model without the term cannot be fitted (Rao-Scott).

    Notes
    -----
    Rao JNK, Scott AJ, Ann Stat 1984;12:46-60, doi:10.1214/aos/1176346391; Lumley T, Scott A, Aust N Z J Stat
    2014;56:1-14, doi:10.1111/anzs.12065. The tail of the sum of chi-squares is a saddlepoint approximation: Kuonen D,
    Biometrika 1999;86:929-935, doi:10.1093/biomet/86.4.929.

    Examples
    --------
    >>> import crampstats as cs
    >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class").define(frequent="cramp_class >= 3")
    >>> test = term_test(cs.fit(cramps, "frequent ~ sex + age_group", family="binomial"), "age_group")
    >>> test.df, test.df_denominator, round(test.statistic, 1)
    (2, 28.0, 31.7)
    """
    if method not in get_args(TestMethod):
        raise QuestionError(f"method={method!r} is unknown: choose from {', '.join(get_args(TestMethod))}.")
    places = model.places_of(term, part=part)
    covariance = model.coefficients.covariance[np.ix_(places, places)]
    df, left = len(places), float(model.coefficients.df[0])
    if method == "wald":
        value = model.coefficients.value[places]
        statistic = float(value @ linalg.solve(covariance, value, assume_a="pos")) / df
        return TermTest(term, method, statistic, df, left, float(stats.f.sf(statistic, df, left)))
    naive = model.solution.naive_covariance[np.ix_(places, places)]
    weights = np.sort(linalg.eigh(covariance, naive, eigvals_only=True))[::-1]
    statistic = model.deviance_without(places) - model.solution.deviance
    p_value = tail_of_f_sum(statistic, weights, left)
    return TermTest(term, method, statistic, df, left, p_value, tuple(float(weight) for weight in weights))


def adjusted_wald(term: str, value: np.ndarray, covariance: np.ndarray, degrees_of_freedom: float) -> TermTest:
    """Test whether all of q values are 0, their covariance known with few degrees of freedom.

    Parameters
    ----------
    term
        What is tested.
    value
        Shape (q,).
    covariance
        Shape (q, q).
    degrees_of_freedom
        Of the design, d.

    Returns
    -------
    TermTest
        F, Wald's statistic times (d - q + 1) / (d q), with q and d - q + 1 degrees of freedom.

    Raises
    ------
    DesignError
        If q exceeds d.

    Notes
    -----
    Korn EL, Graubard BI, Am Stat 1990;44:270-276, doi:10.1080/00031305.1990.10475737.

    Examples
    --------
    >>> test = adjusted_wald("both", np.array([2.0, 1.0]), np.eye(2), 11.0)
    >>> round(test.statistic, 4), test.df, test.df_denominator     # (4 + 1) / 2 * 10 / 11
    (2.2727, 2, 10.0)
    """
    q = len(value)
    left = degrees_of_freedom - q + 1
    if left <= 0:
        raise DesignError(
            f"{term}: {q} comparisons are too many for a design of {degrees_of_freedom:g} degrees of freedom; ask fewer."
        )
    wald = float(value @ linalg.solve(covariance, value, assume_a="pos"))
    statistic = wald * left / (degrees_of_freedom * q)
    return TermTest(term, "wald", statistic, q, left, float(special.fdtrc(q, left, statistic)))


def tail_of_f_sum(statistic: float, weights: np.ndarray, df_denominator: float) -> float:
    """Return the probability that a weighted sum of chi-squares of 1 df, its scale estimated, exceeds a value.

    Parameters
    ----------
    statistic
        The value; 0 or, by rounding, less is exceeded for certain.
    weights
        Shape (k,), positive.
    df_denominator
        Degrees of freedom with which the scale is estimated; finite.

    Returns
    -------
    float
        Exact if all weights are equal (an F distribution), else by saddlepoint.

    Examples
    --------
    >>> round(tail_of_f_sum(9.0, np.array([1.5, 1.5]), 20.0), 6) == round(float(stats.f.sf(3.0, 2, 20)), 6)
    True
    """
    k = len(weights)
    if statistic <= 0:
        return 1.0
    if np.ptp(weights) <= 1e-9 * weights.mean():
        return float(stats.f.sf(statistic / weights.sum(), k, df_denominator))
    # The event is that sum(weights * chi2) - (statistic / df) * chi2(df) is positive.
    scales = np.append(weights, -statistic / df_denominator)
    sizes = np.append(np.ones(k), df_denominator)
    lowest, highest = 1 / (2 * scales[-1]), 1 / (2 * weights.max())

    def slope(t: float) -> float:
        return float(np.sum(sizes * scales / (1 - 2 * scales * t)))

    point = float(optimize.brentq(slope, lowest * (1 - 1e-10), highest * (1 - 1e-10), xtol=1e-300, rtol=1e-14))
    cumulant = -0.5 * float(np.sum(sizes * np.log1p(-2 * scales * point)))
    curvature = 2 * float(np.sum(sizes * scales**2 / (1 - 2 * scales * point) ** 2))
    root = np.sign(point) * np.sqrt(max(-2 * cumulant, 0.0))
    if abs(root) < 1e-4:  # at its mean the approximation is 0/0, and smooth on both sides
        return (
            tail_of_f_sum(statistic * 0.999, weights, df_denominator)
            + tail_of_f_sum(statistic * 1.001, weights, df_denominator)
        ) / 2
    return float(special.ndtr(-(root + np.log(point * np.sqrt(curvature) / root) / root)))
