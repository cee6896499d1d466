"""The distribution of the healthy in results of a laboratory, from their central part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtri

from crampstats.errors import CrampstatsError

Distribution = Literal["normal", "lognormal"]
# Fewer results than FEWEST are refused; for fewer than MADE_FOR the interval was not made, and with fewer than FEW it is too
# short, and results say so.
FEWEST, MADE_FOR, FEW = 40, 200, 1000
# By how much the logarithm has to lower the quartile skewness.
LESS_SKEW = 0.05
# Beyond the limits lies this share of the healthy, on each side; and so many standard deviations from the mean lie they.
TAIL, DEVIATIONS = 0.025, 1.96
# In how many steps the tails are cut off at first.
STARTS = 5
# Points of the quantile-quantile line.
POINTS = 100


@dataclass(frozen=True)
class TruncatedFit:
    """A normal or lognormal distribution fitted to the central part of mixed results.

    Attributes
    ----------
    distribution
        ``"normal"`` or ``"lognormal"``.
    location, scale
        Mean and standard deviation, of the logarithms where it is lognormal.
    n
        Results.
    kept
        Of these, how many were left after truncation.
    lower, upper
        The reference limits, 2.5 % and 97.5 %.
    """

    distribution: Distribution
    location: float
    scale: float
    n: int
    kept: int

    @property
    def lower(self) -> float:
        """The 2.5 % limit."""
        return self._at(-DEVIATIONS)

    @property
    def upper(self) -> float:
        """The 97.5 % limit."""
        return self._at(DEVIATIONS)

    @property
    def share(self) -> float:
        """Estimated share of results that are not pathological, at most 1."""
        return min(1.0, self.kept / (1 - 2 * TAIL) / self.n)

    def _at(self, deviations: float) -> float:
        """Return the value so many standard deviations from the mean."""
        value = self.location + deviations * self.scale
        return float(np.exp(value)) if self.distribution == "lognormal" else value


def quartile_skewness(values: np.ndarray) -> float:
    """Return how far the median lies from the middle of the quartiles, from -1 to 1.

    Parameters
    ----------
    values
        Shape (n,).

    Raises
    ------
    CrampstatsError
        If the quartiles are the same.

    Notes
    -----
    Bowley AL, Elements of Statistics, 4th ed., King 1920.

    Examples
    --------
    >>> quartile_skewness(np.array([0.0, 1.0, 2.0, 4.0, 9.0]))
    0.3333333333333333
    """
    first, median, third = np.quantile(values, [0.25, 0.5, 0.75])
    if first == third:
        raise CrampstatsError(
            f"half of the results are {median:g}: they are reported too coarsely to see a distribution."
        )
    return float((first - 2 * median + third) / (third - first))


def likely_distribution(values: np.ndarray) -> Distribution:
    """Choose between normal and lognormal by how much the logarithm lowers the quartile skewness.

    Parameters
    ----------
    values
        Shape (n,), above 0.

    Raises
    ------
    CrampstatsError
        As `quartile_skewness`.

    Notes
    -----
    Klawonn F, Hoffmann G, Orth M, J Lab Med 2020;44:143-150, doi:10.1515/labmed-2020-0005. Skewness to the left is taken as
    the work of pathological values, and the distribution as normal.

    Examples
    --------
    >>> likely_distribution(np.array([1.0, 2.0, 4.0, 8.0, 16.0])), likely_distribution(np.array([80.0, 81.0, 82.0, 83.0, 84.0]))
    ('lognormal', 'normal')
    """
    plain = quartile_skewness(values)
    return "lognormal" if plain >= 0 and plain - quartile_skewness(np.log(values)) >= LESS_SKEW else "normal"


def central_part(values: np.ndarray) -> np.ndarray:
    """Return the values that a normal distribution seen in the quartiles would have between its 2.5 % limits.

    Parameters
    ----------
    values
        Shape (n,), ascending, on the scale on which the healthy are normal.

    Returns
    -------
    ndarray
        Shape (kept,), ascending.

    Raises
    ------
    CrampstatsError
        If so many values are the same that the median is a quartile.

    Notes
    -----
    A box plot's whiskers, until no value lies beyond: Klawonn F, Hoffmann G, in: Building Bridges between Soft and
    Statistical Methodologies for Data Science, Springer 2023:231-239, doi:10.1007/978-3-031-15509-3_31; with the gentle start
    of reflimR 1.1, which cuts off 0.5, 1, 1.5, 2 and 2.5 % on each side first. From the median the whiskers reach as far on
    both sides as the smaller of its distances to the quartiles tells, since pathological values pull at one side more. Once
    a tail is cut off, the quartiles that are left are quantiles nearer to the median of the whole distribution.

    Examples
    --------
    >>> central_part(np.array([1.0, 4.0, 5.0, 6.0, 7.0, 8.0, 30.0]))
    array([4., 5., 6., 7., 8.])
    """
    for step in range(STARTS):
        values = _within_whiskers(values, tail=TAIL * (step + 1) / STARTS, cut=TAIL * step / STARTS)
    while True:
        kept = _within_whiskers(values, tail=TAIL, cut=TAIL)
        if len(kept) == len(values):
            return kept
        values = kept


def _within_whiskers(values: np.ndarray, *, tail: float, cut: float) -> np.ndarray:
    """Return what lies between the limits of these tails, of values without the tails that were cut off before."""
    first, median, third = np.quantile(values, [0.25, 0.5, 0.75])
    distance = min(median - first, third - median)
    if distance == 0:
        raise CrampstatsError(
            "the median of the results is one of their quartiles: they are reported too coarsely for method='reflim'; say "
            "method='refine'."
        )
    reach = ndtri(1 - tail) / ndtri(0.75 - cut / 2) * distance
    return values[(values >= median - reach) & (values <= median + reach)]


def fit_central_part(values: np.ndarray, *, named: str = "") -> TruncatedFit:
    """Fit a normal or lognormal distribution to the central part of mixed results.

    Parameters
    ----------
    values
        Shape (n,), above 0, at least 40.
    named
        The group, for a message.

    Raises
    ------
    CrampstatsError
        If fewer than 40 results are there or left, one is not above 0, or they are too coarse.

    Notes
    -----
    Hoffmann G, Klawitter S, Trulson I et al., J Clin Med 2024;13:4397, doi:10.3390/jcm13154397, as the R package reflimR has
    it. A straight line through quantiles of the central part, against those of the standard normal distribution from 2.5 to
    97.5 %, without the outer twentieth on each side.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> fit = fit_central_part(np.concatenate([rng.normal(0.85, 0.06, 2000), rng.normal(0.60, 0.06, 100)]))
    >>> fit.distribution, round(fit.lower, 2), round(fit.upper, 2)
    ('normal', 0.73, 0.97)
    """
    values = np.sort(values)
    if len(values) < FEWEST:
        raise CrampstatsError(f"method='reflim' needs {FEWEST} results, and there are {len(values)}{named}.")
    if values[0] <= 0:
        raise CrampstatsError(f"method='reflim' needs results above 0, and the smallest{named} is {values[0]:g}.")
    distribution = likely_distribution(values)
    kept = central_part(np.log(values) if distribution == "lognormal" else values)
    if len(kept) < FEWEST:
        raise CrampstatsError(
            f"method='reflim' needs {FEWEST} results after truncation, and {len(kept)} of {len(values)} are left{named}."
        )
    points = min(POINTS, len(kept))
    used = slice(points // 20 - 1, -(-19 * points // 20))
    seen = np.quantile(kept, np.linspace(0, 1, points))[used]
    expected = ndtri(np.linspace(TAIL, 1 - TAIL, points))[used]
    scale, location = np.polynomial.Polynomial.fit(expected, seen, 1).convert().coef[::-1]
    return TruncatedFit(distribution, float(location), float(scale), len(values), len(kept))


def confidence_ends(lower: float, upper: float, n: int, *, distribution: Distribution) -> np.ndarray:
    """Return 95 % confidence ends of limits that `fit_central_part` has found.

    Parameters
    ----------
    lower, upper
        The limits.
    n
        Results before truncation, at least 40.
    distribution
        On whose scale the ends lie as they do around normal limits.

    Returns
    -------
    ndarray
        Shape (2, 2): a row for each limit, its lower and upper end.

    Notes
    -----
    The coefficients are those of the R package reflimR, which took them from 100,000 simulations of 200 to 2,000 normal values
    without pathological ones. Here, of 1,000 normal samples, they held the limit in 77 % (200 values), 87 % (1,000) and 93 %
    (10,000): truncation takes off more than 2.5 % of small samples, which draws the limits inwards, by 0.18, 0.05 and 0.01
    standard deviations. They were not made for fewer than 200: of 100 normal values the interval held the limit in 68 %, and of
    45 its inner end lies 6.4 standard deviations inside the limit, beyond the other limit.

    Examples
    --------
    >>> confidence_ends(135.0, 145.0, 250, distribution="normal").round(2)
    array([[134.1 , 136.81],
           [143.19, 145.9 ]])
    """
    ends = np.log([lower, upper]) if distribution == "lognormal" else np.array([lower, upper])
    scale = (ends[1] - ends[0]) / (2 * DEVIATIONS)
    outer, inner = 5.81 * scale / (np.sqrt(n) + 0.66), 7.26 * scale / (np.sqrt(n) - 5.58)
    found = np.array([[ends[0] - outer, ends[0] + inner], [ends[1] - inner, ends[1] + outer]])
    return np.exp(found) if distribution == "lognormal" else found


def permissible_ends(lower: float, upper: float) -> np.ndarray:
    """Return how far a limit may be off before it matters to medicine.

    Parameters
    ----------
    lower, upper
        The limits, above 0.

    Returns
    -------
    ndarray
        Shape (2, 2): a row for each limit, its lower and upper end.

    Notes
    -----
    Haeckel R, Wosniok W, Gurr E, Peil B, Clin Chem Lab Med 2015;53:1161-1171, doi:10.1515/cclm-2014-0874, and Haeckel R,
    Wosniok W, Arzideh F, J Lab Med 2016;40:199-205, doi:10.1515/labmed-2016-0002: from the width of the interval follows a
    biological coefficient of variation CV, from it a permissible analytical one, sqrt(CV - 0.25), all in per cent (none below
    0.25), and the uncertainty at a limit is 1.28 times that, of 0.8 limit and 0.2 geometric mean of the limits.

    Examples
    --------
    >>> permissible_ends(0.71, 0.93).round(3)
    array([[0.686, 0.734],
           [0.9  , 0.96 ]])
    """
    ends = np.array([lower, upper])
    spread = np.log(upper / lower) / (2 * DEVIATIONS)
    variation = 100 * np.sqrt(np.expm1(spread**2))
    permitted = np.sqrt(max(variation - 0.25, 0.0)) / 100
    off = 1.28 * permitted * (0.8 * ends + 0.2 * np.sqrt(lower * upper))
    return np.column_stack([ends - off, ends + off])
