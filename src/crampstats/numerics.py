"""Functions of arrays that know no statistics."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# Rows handled at a time: keys of this many rows stay in a processor's cache, and no column is copied whole.
BLOCK = 1 << 17


def cell_totals(
    codes: Sequence[np.ndarray],
    sizes: Sequence[int],
    columns: Sequence[np.ndarray | tuple[np.ndarray, np.ndarray] | None],
) -> list[np.ndarray]:
    """Add up columns within the cells of a cross-classification, in one pass.

    Parameters
    ----------
    codes
        Arrays of shape (rows,), integer or bool: the level of each row, from 0 to size - 1.
    sizes
        How many levels each has.
    columns
        What to add up: an array of shape (rows,), a pair of them (their product), or None for the number of rows.

    Returns
    -------
    list of ndarray
        For each column its totals, float64 of shape `sizes`.

    Examples
    --------
    >>> sex, old = np.array([0, 0, 1]), np.array([True, False, True])
    >>> cell_totals([sex, old], [2, 2], [None, np.array([1.5, 2.0, 4.0])])
    [array([[1., 1.], [0., 1.]]), array([[2. , 1.5], [0. , 4. ]])]
    """
    cells = math.prod(sizes)
    totals = [np.zeros(cells) for _ in columns]
    rows = len(codes[0])
    for start in range(0, rows, BLOCK):
        block = slice(start, min(start + BLOCK, rows))
        key = codes[0][block].astype(np.intp)
        for code, size in zip(codes[1:], sizes[1:], strict=True):
            key *= size
            key += code[block]
        for total, column in zip(totals, columns, strict=True):
            if column is None:
                total += np.bincount(key, minlength=cells)
            elif isinstance(column, tuple):
                # As floats: the product of two int8 or two truths would be another one of them.
                total += np.bincount(key, np.multiply(column[0][block], column[1][block], dtype=float), cells)
            else:
                total += np.bincount(key, column[block], cells)
    return [total.reshape(tuple(sizes)) for total in totals]


# Steps of a derivative, in shares of the point; and the error from which on there is none.
STEPS = (1e-3, 1e-4, 1e-5, 1e-6)
TRUSTED = 1e-3
# A coordinate this close to 0 is 0: shares of it are no steps.
NOTHING = 1e-100


def jacobian(function: Callable[[np.ndarray], np.ndarray], point: np.ndarray) -> np.ndarray:
    """Differentiate numerically by central differences with one Richardson step.

    Parameters
    ----------
    function
        From shape (k,) to shape (m,), smooth near `point`.
    point
        Shape (k,).

    Returns
    -------
    ndarray
        Shape (m, k); relative error about 1e-8 for functions that vary on the scale of the point or somewhat faster. NaN
        where no step gives a slope to three digits, as beside a pole.

    Notes
    -----
    Richardson LF, Philos Trans R Soc A 1911;210:307-357, doi:10.1098/rsta.1911.0009. Below 0.001 a step in proportion to
    the point suits a logarithm and drowns the slope of an exponential in rounding, a fixed step the other way round: both
    are tried. Near a pole only a short step stays on its side. Each slope is taken from the step with the smallest error of
    truncation and rounding together.

    Examples
    --------
    >>> jacobian(lambda x: np.array([x[0] * x[1]]), np.array([2.0, 3.0])).round(8)
    array([[3., 2.]])
    """
    columns = []
    for index, value in enumerate(np.abs(point)):
        steps = (
            (1e-6,) if value < NOTHING else (*(value * share for share in STEPS), *((1e-6,) if value < 1e-3 else ()))
        )
        slopes, errors = (
            np.stack(each) for each in zip(*(_slope(function, point, index, s) for s in steps), strict=True)
        )
        best = errors.argmin(axis=0), np.arange(slopes.shape[1])
        columns.append(np.where(errors[best] < TRUSTED, slopes[best], np.nan))
    return np.stack(columns, axis=1)


def _slope(
    function: Callable[[np.ndarray], np.ndarray], point: np.ndarray, index: int, step: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the slopes along one coordinate and their errors, infinite where unknown, both shape (m,).

    An error is in shares of the slope, or of the function over the coordinate where it is nearly flat.
    """
    slopes = []
    with np.errstate(all="ignore"):  # a step out of the function's domain has an infinite error
        for width in (step, step / 2):
            shift = np.zeros(len(point))
            shift[index] = width
            above, below = np.atleast_1d(function(point + shift)), np.atleast_1d(function(point - shift))
            slopes.append((above - below) / (2 * width))
        slope = (4 * slopes[1] - slopes[0]) / 3
        rounding = np.finfo(float).eps * (np.abs(above) + np.abs(below)) / step
        flat = (np.abs(above) + np.abs(below)) / (2 * max(abs(point[index]), step))
        error = (np.abs(slopes[1] - slopes[0]) + rounding) / (np.abs(slope) + flat + np.finfo(float).tiny)
    return slope, np.where(np.isnan(error), np.inf, error)


def symmetric_root(covariance: np.ndarray) -> np.ndarray:
    """Return the symmetric square root of a covariance.

    Unlike a root along eigenvectors or singular vectors, whose signs the library of linear algebra is free to choose, it is
    the same on every machine.

    Parameters
    ----------
    covariance
        Shape (k, k), symmetric, with no negative eigenvalue beyond rounding.

    Returns
    -------
    ndarray
        Shape (k, k).
    """
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.clip(values, 0.0, None))) @ vectors.T


def restricted_cubic_basis(values: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Return the columns of a cubic spline that is linear beyond its outer knots.

    Parameters
    ----------
    values
        Shape (rows,).
    knots
        Shape (k,), ascending, at least three.

    Returns
    -------
    ndarray
        Shape (rows, k - 1): the values themselves, then the nonlinear parts, divided by the squared distance of the outer
        knots so that they are of the size of the values.

    Notes
    -----
    Stone CJ, Koo CY, Proc Stat Comput Sect ASA 1985:45-48; Harrell FE, Regression Modeling Strategies, 2nd ed., Springer
    2015, section 2.4.5, doi:10.1007/978-3-319-19425-7.

    Examples
    --------
    >>> restricted_cubic_basis(np.array([0.0, 1.0, 3.0]), np.array([0.0, 1.0, 2.0]))
    array([[0.  , 0.  ],
           [1.  , 0.25],
           [3.  , 3.  ]])
    """
    last, before = knots[-1], knots[-2]

    def cubed(knot: float) -> np.ndarray:
        return np.maximum(values - knot, 0.0) ** 3

    parts = [
        cubed(knot) - cubed(before) * (last - knot) / (last - before) + cubed(last) * (before - knot) / (last - before)
        for knot in knots[:-2]
    ]
    return np.column_stack([values, *(part / (last - knots[0]) ** 2 for part in parts)])


# Cells of a guide table: with this many, hardly any holds more than one boundary.
GUIDE = 4096


@dataclass(frozen=True, eq=False)
class GuideTable:
    """Find among sorted boundaries the interval of each number, as `numpy.searchsorted` does, in a few passes.

    The guide-table method of Chen HC, Asau Y, AIIE Trans 1974;6:163-166, doi:10.1080/05695557408974949.

    Parameters
    ----------
    boundaries
        Shape (k,), ascending within [0, `end`]; the last one is `end`.
    end
        Numbers lie in [0, end).

    Examples
    --------
    >>> GuideTable(np.array([0.2, 0.5, 1.0])).find(np.array([0.1, 0.2, 0.99]))
    array([0, 1, 2])
    """

    boundaries: np.ndarray
    end: float = 1.0
    first: np.ndarray = field(init=False)
    steps: int = field(init=False)

    def __post_init__(self) -> None:
        cells = np.arange(GUIDE + 1) * (self.end / GUIDE)
        places = np.searchsorted(self.boundaries, cells, side="right")
        object.__setattr__(self, "first", np.minimum(places[:-1], len(self.boundaries) - 1))
        object.__setattr__(self, "steps", int(np.max(places[1:] - places[:-1], initial=0)))

    def find(self, numbers: np.ndarray) -> np.ndarray:
        """Return the index of the first boundary above each number, intp of the same shape."""
        found = self.first[(numbers * (GUIDE / self.end)).astype(np.intp)]
        last = len(self.boundaries) - 1
        for _ in range(self.steps):
            found += (numbers >= self.boundaries[found]) & (found < last)
        return found


# From this mean on a count is guessed and put right, which is quicker than adding up the chances of all smaller ones.
MANY = 8.0


def poisson_counts(uniform: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return Poisson counts by inversion, so that one uniform number makes one count and a larger mean no smaller one.

    Parameters
    ----------
    uniform
        Shape (people,), in [0, 1).
    mean
        Shape (people,), not negative, finite.

    Returns
    -------
    ndarray
        Shape (people,) int32: the least count whose cumulative chance exceeds the uniform number.

    Notes
    -----
    Chances are taken off one after the other (chop-down search: Kemp AW, Appl Stat 1981;30:249-253), for
    the people who still need it.

    Examples
    --------
    >>> poisson_counts(np.array([0.3, 0.5, 0.99]), np.array([1.0, 1.0, 0.0]))
    array([0, 1, 0], dtype=int32)
    """
    counts = np.zeros(len(mean), dtype=np.int32)
    chance = np.exp(-mean)
    open_rows = np.flatnonzero(uniform >= chance)
    many = mean[open_rows] > MANY
    if many.any():
        rows = open_rows[many]
        counts[rows] = _large_poisson_counts(uniform[rows], mean[rows])
        open_rows = open_rows[~many]
    left, chance, rate = uniform[open_rows] - chance[open_rows], chance[open_rows], mean[open_rows]
    count = 0
    while len(open_rows):
        count += 1
        chance *= rate
        chance /= count
        # A chance that has shrunk to rounding cannot use up what is left of the number.
        found = (left < chance) | (chance < 1e-18)
        counts[open_rows[found]] = count
        left -= chance
        still = ~found
        open_rows, left, chance, rate = open_rows[still], left[still], chance[still], rate[still]
    return counts


def _large_poisson_counts(uniform: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return Poisson counts of means that are not small, shape (people,) float.

    The guess is the expansion of Cornish EA, Fisher RA, Rev Inst Int Stat 1938;5:307-320, doi:10.2307/1400905, hardly ever
    off by more than 1.
    """
    from scipy.special import gammaln, ndtri, pdtr

    spread, normal = np.sqrt(mean), ndtri(np.clip(uniform, 1e-16, None))
    guess = np.floor(mean + spread * normal + (normal**2 - 1) / 6 + (normal - normal**3) / (72 * spread) + 0.5)
    counts = np.maximum(guess, 0.0)
    up_to = pdtr(counts, mean)
    chance = np.exp(counts * np.log(mean) - mean - gammaln(counts + 1.0))
    high = np.flatnonzero((counts > 0) & (up_to - chance > uniform))
    low = np.flatnonzero(up_to <= uniform)
    while len(low):
        counts[low] += 1
        low = low[pdtr(counts[low], mean[low]) <= uniform[low]]
    while len(high):
        counts[high] -= 1
        high = high[counts[high] > 0]
        high = high[pdtr(counts[high] - 1, mean[high]) > uniform[high]]
    return counts
