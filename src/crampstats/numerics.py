"""Functions of arrays that know no statistics."""

from __future__ import annotations

import math
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
