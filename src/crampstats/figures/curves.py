"""Figures of shares as a function of a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator, PercentFormatter

from crampstats.errors import CrampstatsError
from crampstats.figures.style import COLOURS, GRID, INK, STYLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.axes import Axes

    from crampstats.cutoffs import CutoffCurve


def draw_cutoff_curve(
    curve: CutoffCurve, *, ax: Axes, xlabel: str, ylabel: str, named: Mapping[str, float] | None = None
) -> pd.DataFrame:
    """Draw the share of people at most each cut-off as the step function it is, with its simultaneous band.

    Parameters
    ----------
    curve
        Cut-offs in ascending order, at least at each reported value between the first and the last.
    ax
        Where to draw.
    xlabel, ylabel
        With units: ``"cut-off, mmol/L"``, ``"% of adults at or below"``.
    named
        Cut-offs to mark with the share at or below them, by their names, in the unit of the curve and within it.

    Returns
    -------
    DataFrame
        What was drawn: ``cutoff``, ``at_most``, ``band_low``, ``band_high``, ``interpolated`` (shares).

    Raises
    ------
    CrampstatsError
        If the cut-offs do not ascend, or leave out steps of reporting between them, where the share may have risen.
    """
    drawn = curve.to_frame()[["cutoff", "at_most", "band_low", "band_high", "interpolated"]]
    if not drawn["cutoff"].is_monotonic_increasing:
        raise CrampstatsError("draw_cutoff_curve: the cut-offs have to be in ascending order.")
    _refuse_gaps(curve)
    x, percent = drawn["cutoff"], drawn.drop(columns="cutoff") * 100
    with mpl.rc_context(STYLE):
        ax.fill_between(
            x,
            percent["band_low"],
            percent["band_high"],
            step="post",
            color=COLOURS[0],
            alpha=0.2,
            linewidth=0,
            label=f"{curve.level * 100:g} % band",
        )
        ax.step(x, percent["at_most"], where="post", color=COLOURS[0], linewidth=2.2, label="as reported")
        ax.plot(x, percent["interpolated"], color=COLOURS[1], linewidth=1.6, linestyle="--", label="interpolated")
        top = min(100.0, float(percent["band_high"].max()) * 1.05)
        for name, cutoff in (named or {}).items():
            row = percent.iloc[np.searchsorted(x, cutoff, side="right") - 1]
            share = row["at_most"]
            ax.plot([cutoff, cutoff], [0, share], color=INK, linewidth=0.9, linestyle=":")
            ax.plot(cutoff, share, "o", color=INK, markersize=6)
            ax.annotate(
                f"{name}\n{share:.1f} %",
                (cutoff, row["band_high"]),
                xytext=(-6, 2),
                textcoords="offset points",
                ha="right",
                va="bottom",
                fontsize=11,
                linespacing=1.1,
                path_effects=[withStroke(linewidth=3, foreground="white")],
            )
        ax.set_xlim(x.min(), x.max())
        ax.set_ylim(0, top)
        ax.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True))
        ax.yaxis.set_major_formatter(PercentFormatter(symbol=" %", decimals=0))
        ax.set_xlabel(xlabel)
        ax.set_ylabel(ylabel)
        ax.grid(axis="y", color=GRID, linewidth=0.8)
        ax.set_axisbelow(True)
        sns.despine(ax=ax)
    return drawn


def _refuse_gaps(curve: CutoffCurve) -> None:
    """Refuse a curve that says nothing of some reported values: it would be drawn level where it rises."""
    if curve.step is None:
        return
    wide = np.flatnonzero(np.diff(curve.reported) > 1.5 * curve.step)
    if len(wide):
        first, last = curve.reported[wide[0]], curve.reported[wide[0] + 1]
        raise CrampstatsError(
            f"draw_cutoff_curve: {curve.column} is reported in steps of {curve.step:g}, and no cut-off lies on the values between "
            f"{first:g} and {last:g}; give cutoff_curve() each reported value, or a fine grid as in np.linspace."
        )
