"""Whether the values of a column are in the unit that is said of it, judged by what laboratories usually see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crampstats.datasets.own.study import COLUMNS, MEASURES, to_study_unit

# A unit fits far better than another if the share of usual values under it is larger by this.
FAR_BETTER = 0.5


@dataclass(frozen=True)
class Fit:
    """How values look if they are in some unit.

    Attributes
    ----------
    unit
        That unit.
    share
        Of the values, how many would be usual.
    median
        Of the values, in the unit of the study.
    """

    unit: str
    share: float
    median: float


def fits(values: np.ndarray, column: str, also: str | None = None) -> tuple[Fit, ...]:
    """Return how the known values (rows,) of a measured column look under each customary unit, best first.

    Parameters
    ----------
    also
        Another unit to look at.
    """
    measure = MEASURES[column]
    known = values[np.isfinite(values)]
    if known.size == 0:
        return ()
    result = []
    for unit in dict.fromkeys([*([also] if also else []), *measure.customary]):
        converted = to_study_unit(known, column, unit)
        usual = (converted >= measure.usual[0]) & (converted <= measure.usual[1])
        result.append(Fit(unit, float(usual.mean()), float(np.median(converted))))
    return tuple(sorted(result, key=lambda fit: -fit.share))


def evidence(found: tuple[Fit, ...], column: str) -> str:
    """Return in words how the values look under each unit.

    Examples
    --------
    >>> evidence(fits(np.array([1.9, 2.0, 2.2]), "magnesium_mmol_l"), "magnesium_mmol_l")
    '100 % of the values are usual as mg/dL (median 0.823 mmol/L), 100 % as mEq/L (median 1 mmol/L),
    0 % as mmol/L (median 2 mmol/L)'
    """
    if not found:
        return "there are no values to judge by"
    unit = COLUMNS[column].unit
    parts = [f"{fit.share:.0%} as {fit.unit} (median {fit.median:.3g} {unit})".replace("%", " %") for fit in found]
    return ", ".join([parts[0].replace(" as ", " of the values are usual as ", 1), *parts[1:]])


def better_unit(found: tuple[Fit, ...], stated: str) -> str | None:
    """Return the unit that fits far better than the stated one, or None."""
    if not found:
        return None
    share = next(fit.share for fit in found if fit.unit == stated)
    return found[0].unit if found[0].share >= share + FAR_BETTER else None


def rows_of_other_units(values: np.ndarray, column: str, stated: str) -> dict[str, np.ndarray]:
    """Return the rows that nobody has in the stated unit and that are usual in another.

    Returns
    -------
    dict
        By unit, arrays of shape (rows,) bool; no row is in two of them.
    """
    measure = MEASURES[column]
    converted = to_study_unit(values, column, stated)
    left = (converted < measure.seen[0]) | (converted > measure.seen[1])
    rows = {}
    for unit in measure.customary:
        other = to_study_unit(values, column, unit)
        here = left & (other >= measure.usual[0]) & (other <= measure.usual[1])
        if here.any():
            rows[unit] = here
            left = left & ~here
    return rows
