"""Figures of distributions: a number as it was reported, and the smooth curve behind the steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator, PercentFormatter

from crampstats.cutoffs import converted
from crampstats.errors import CrampstatsError
from crampstats.figures.style import COLOURS, GRID, INK, STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from crampstats.measurement.rounding import RoundedDistribution

# Points of a smooth curve.
POINTS = 400
DASHES = ("-", "--", ":")
NAMES = {"normal": "normal", "lognormal": "lognormal", "box_cox": "Box-Cox", "sinh_arcsinh": "sinh-arcsinh"}


def draw_rounded(
    *fits: RoundedDistribution, ax: Axes, xlabel: str, ylabel: str, unit: str | None = None
) -> pd.DataFrame:
    """Draw the share of people at or below each value: the staircase that was reported, and the smooth curves behind it.

    The share reported as at most v is that of people whose unrounded value is below v + step/2: there, at the dots, a curve
    that fits meets the staircase. At v itself it lies half a step lower.

    Parameters
    ----------
    fits
        One to three distributions of one column, fitted to the same cells.
    ax
        Where to draw.
    xlabel, ylabel
        With units: ``"serum magnesium, mmol/L"``, ``"% of adults at or below"``.
    unit
        Of the x axis; None for the column's own.

    Returns
    -------
    DataFrame
        What was drawn: ``series`` (``"as reported"``, ``"end of the step"`` and the distributions), ``value`` in `unit`,
        ``share``. A reported value that stands for all at or above it is not drawn, as it has no end.

    Raises
    ------
    CrampstatsError
        If there are no fits, more than three, or they are of different cells; or the unit cannot be turned into the
        column's.
    """
    _check(fits)
    first = fits[0]
    cells = first.cells if first.highest is None else first.cells.iloc[:-1]
    reported, shares = cells["reported"].to_numpy(), cells["observed"].cumsum().to_numpy()
    grid = np.linspace(reported[0] - first.step, reported[-1] + first.step, POINTS)
    series = {"as reported": (reported, shares), "end of the step": (reported + first.step / 2, shares)}
    series |= {fit.distribution: (grid, fit.share_at_most(grid)) for fit in fits}
    drawn = pd.concat(
        [
            pd.DataFrame(
                {
                    "series": name,
                    "value": converted(values, first.column, first.unit, unit or first.unit),
                    "share": share,
                }
            )
            for name, (values, share) in series.items()
        ],
        ignore_index=True,
    )
    points = {name: drawn[drawn["series"] == name] for name in series}
    with mpl.rc_context(STYLE):
        _draw_staircase(ax, points["as reported"], points["end of the step"])
        for fit, colour, dashes in zip(fits, (COLOURS[1], COLOURS[2], COLOURS[3]), DASHES, strict=False):
            curve = points[fit.distribution]
            ax.plot(
                curve["value"],
                curve["share"] * 100,
                color=colour,
                linestyle=dashes,
                linewidth=2,
                label=NAMES[fit.distribution],
            )
        ax.set_xlim(points[first.distribution]["value"].min(), points[first.distribution]["value"].max())
        ax.set_ylim(0, 100)
        ax.yaxis.set_major_formatter(PercentFormatter(symbol=" %", decimals=0))
        ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        ax.set_xlabel(xlabel)
        ax.set_ylabel(ylabel)
        ax.grid(axis="y", color=GRID, linewidth=0.8)
        ax.set_axisbelow(True)
        sns.despine(ax=ax)
    return drawn


def _draw_staircase(ax: Axes, steps: pd.DataFrame, ends: pd.DataFrame) -> None:
    """Draw the shares as they were reported, and where the steps end."""
    ax.step(steps["value"], steps["share"] * 100, where="post", color=COLOURS[0], linewidth=2.2, label="as reported")
    ax.plot(
        ends["value"],
        ends["share"] * 100,
        linestyle="",
        marker="o",
        markersize=5,
        color=INK,
        zorder=4,
        path_effects=[withStroke(linewidth=2, foreground="white")],
        label="end of the step",
    )


def _check(fits: tuple[RoundedDistribution, ...]) -> None:
    """Refuse fits that do not belong together."""
    if not 1 <= len(fits) <= len(DASHES):
        raise CrampstatsError(f"draw_rounded needs one to three distributions, not {len(fits)}.")
    seen = ["reported", "n", "observed"]
    for fit in fits[1:]:
        same = fit.column == fits[0].column and fit.highest == fits[0].highest and fit.lowest == fits[0].lowest
        if not (same and fit.cells[seen].equals(fits[0].cells[seen])):
            raise CrampstatsError("draw_rounded needs distributions of one column with the same cells.")
    names = [fit.distribution for fit in fits]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise CrampstatsError(f"draw_rounded: two are {twice[0]!r}, which cannot be told apart.")
