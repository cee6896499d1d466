"""Tables for readers, and their numbers as CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crampstats.errors import CrampstatsError
from crampstats.output import check_name, output_folder, write_whole
from crampstats.schema import is_whole

if TYPE_CHECKING:
    from crampstats.estimates import Estimate

# Six significant digits: fewer hide a change, more differ between processors.
FLOAT_FORMAT = "%.6g"


def save(table: pd.DataFrame | Estimate, name: str) -> None:
    """Save the numbers of a table as CSV, with six significant digits.

    Parameters
    ----------
    table
        Estimates, or a frame; of a frame the columns.
    name
        Of the file, without ending; written whole to ``tables/`` in `crampstats.output.output_folder`.

    Raises
    ------
    CrampstatsError
        If the name cannot be a file's, or the frame has a named index, which would be lost.
    """
    frame = table if isinstance(table, pd.DataFrame) else table.to_frame()
    if lost := [name for name in frame.index.names if name is not None]:
        raise CrampstatsError(f"save: the index {lost} is no column and would be lost; first call reset_index().")
    text = frame.to_csv(index=False, float_format=FLOAT_FORMAT, lineterminator="\n")
    write_whole(output_folder() / "tables" / f"{check_name(name)}.csv", text.encode())


def prevalence_table(estimate: Estimate, *, digits: int = 1, level: float = 0.95) -> pd.DataFrame:
    """Return proportions as a reader wants them: percentages with their intervals.

    Parameters
    ----------
    estimate
        Proportions, or differences of such.
    digits
        After the decimal point of a per cent.
    level
        Confidence.

    Returns
    -------
    DataFrame
        The labels, ``n``, ``% (95 % CI)``, and ``note`` if there is one.

    Raises
    ------
    CrampstatsError
        If the estimates are no proportions, or `digits` is no whole number of at least 0.

    Examples
    --------
    >>> import crampstats as cs
    >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class")
    >>> prevalence_table(cs.prevalence(cramps, {"any": "cramp_class >= 1"}))
      term       n      % (95 % CI)
    0  any  10,902  30.9 (29.0–32.8)
    """
    _check(estimate, "prevalence_table", digits)
    if estimate.interval_method == "log" or (np.abs(estimate.value) > 1).any():
        raise CrampstatsError("prevalence_table is for proportions and their differences; ratio_table() is for ratios.")
    return _written(estimate.to_frame(level=level), "%", 100, digits, level)


def ratio_table(estimate: Estimate, *, digits: int = 2, level: float = 0.95) -> pd.DataFrame:
    """Return ratios as a reader wants them, with their intervals.

    Parameters
    ----------
    estimate
        Ratios, such as `Model.odds_ratios`.
    digits
        After the decimal point.
    level
        Confidence.

    Returns
    -------
    DataFrame
        The labels, ``n``, ``ratio (95 % CI)``, and ``note`` if there is one.

    Raises
    ------
    CrampstatsError
        If the estimates are no ratios, or `digits` is no whole number of at least 0.

    Examples
    --------
    >>> import crampstats as cs
    >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class").define(frequent="cramp_class >= 3")
    >>> ratio_table(cs.fit(cramps, "frequent ~ sex", family="binomial").odds_ratios())
                term       n   ratio (95 % CI)
    0  sex[T.female]  10,902  1.80 (1.45–2.23)
    """
    _check(estimate, "ratio_table", digits)
    if estimate.interval_method != "log":
        raise CrampstatsError("ratio_table is for ratios; prevalence_table() is for proportions and their differences.")
    return _written(estimate.to_frame(level=level), "ratio", 1, digits, level)


def _check(estimate: Estimate, function: str, digits: int) -> None:
    """Refuse what is no estimate, and digits that are none."""
    if not hasattr(estimate, "interval_method"):
        raise CrampstatsError(
            f"{function} is for an Estimate, not for the kind {type(estimate).__name__}: its to_frame() has the numbers."
        )
    if not is_whole(digits, 0):
        raise CrampstatsError(f"digits={digits!r} has to be a whole number, not negative.")


def _written(frame: pd.DataFrame, name: str, factor: float, digits: int, level: float) -> pd.DataFrame:
    """Return a table of estimates with value and interval written into one column."""
    shown = frame.drop(columns=["estimate", "std_error", "conf_low", "conf_high", "note"])
    shown["n"] = [f"{people:,}" for people in frame["n"]]
    joint = "–" if (frame["conf_low"] >= 0).all() else " to "
    shown[f"{name} ({level * 100:g} % CI)"] = [
        f"{value * factor:z.{digits}f} ({low * factor:z.{digits}f}{joint}{high * factor:z.{digits}f})"
        for value, low, high in zip(frame["estimate"], frame["conf_low"], frame["conf_high"], strict=True)
    ]
    return shown.assign(note=frame["note"]) if frame["note"].any() else shown
