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
                total += np.bincount(key, column[0][block] * column[1][block], cells)
            else:
                total += np.bincount(key, column[block], cells)
    return [total.reshape(tuple(sizes)) for total in totals]


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
        Shape (m, k); relative error about 1e-10 for functions of ordinary size.

    Notes
    -----
    Richardson LF, Philos Trans R Soc A 1911;210:307-357, doi:10.1098/rsta.1911.0009.

    Examples
    --------
    >>> jacobian(lambda x: np.array([x[0] * x[1]]), np.array([2.0, 3.0])).round(8)
    array([[3., 2.]])
    """
    columns = []
    for index in range(len(point)):
        step = 1e-3 * max(abs(point[index]), 1e-3)
        slopes = []
        for width in (step, step / 2):
            shift = np.zeros(len(point))
            shift[index] = width
            rise = np.atleast_1d(function(point + shift)) - np.atleast_1d(function(point - shift))
            slopes.append(rise / (2 * width))
        columns.append((4 * slopes[1] - slopes[0]) / 3)
    return np.stack(columns, axis=1)
