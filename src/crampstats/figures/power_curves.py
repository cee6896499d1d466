"""Figures of power over the size of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.ticker import PercentFormatter

from crampstats.errors import CrampstatsError
from crampstats.figures.style import COLOURS, INK, MARKERS, STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from crampstats.planning import FuturePower, PowerCurve


def draw_power(
    curve: PowerCurve | FuturePower | pd.DataFrame,
    *,
    ax: Axes,
    xlabel: str,
    ylabel: str,
    title: str = "",
    goal: float | None = 0.8,
) -> pd.DataFrame:
    """Draw power over the size of a study: with Monte Carlo bands where there are any, closed forms dashed, limits dotted.

    Parameters
    ----------
    curve
        As from `crampstats.planning.power_curve` or `crampstats.planning.conditional_power`, or its table, or several such
        tables below each other; at most four terms. A row of infinitely many people is the limit of its term.
    ax
        Where to draw.
    xlabel, ylabel
        Such as ``"people in both arms"`` and ``"chance of a significant result"``.
    title
        Above the axes.
    goal
        The power that is marked by a line, between 0 and 1; None for no line.

    Returns
    -------
    DataFrame
        What was drawn, as shares: ``term``, ``n``, ``estimate``, ``conf_low``, ``conf_high``, ``closed_form``; NaN for what is not
        there.

    Raises
    ------
    CrampstatsError
        If there are more terms than colours, or a goal that is no share.
    """
    table = curve if isinstance(curve, pd.DataFrame) else curve.to_frame()
    drawn = table.reindex(columns=["term", "n", "estimate", "conf_low", "conf_high", "closed_form"]).reset_index(
        drop=True
    )
    terms = list(dict.fromkeys(drawn["term"]))
    if len(terms) > len(COLOURS):
        raise CrampstatsError(f"draw_power: {len(terms)} terms are too many; draw at most {len(COLOURS)}.")
    if goal is not None and not 0 < goal < 1:
        raise CrampstatsError(f"draw_power: goal={goal!r} has to be a share between 0 and 1, or None.")
    with mpl.rc_context(STYLE):
        if goal is not None:
            ax.axhline(100 * goal, color=INK, linewidth=0.9, linestyle=":")
        for term, colour, marker in zip(terms, COLOURS, MARKERS, strict=False):
            mine = drawn[drawn["term"] == term]
            rows = mine[np.isfinite(mine["n"])]
            if rows["conf_low"].notna().any():
                band = 100 * rows["conf_low"], 100 * rows["conf_high"]
                ax.fill_between(rows["n"], *band, color=colour, alpha=0.2, linewidth=0)
            shown = {"color": colour, "marker": marker, "markersize": 6, "linewidth": 2, "label": term}
            # A point at 0 or 100 % is drawn whole.
            ax.plot(rows["n"], 100 * rows["estimate"], clip_on=False, zorder=3, **shown)
            if rows["closed_form"].notna().any():
                ax.plot(rows["n"], 100 * rows["closed_form"], color=colour, linewidth=1.4, linestyle="--")
            for limit in mine.loc[np.isinf(mine["n"]), "estimate"]:
                ax.axhline(100 * limit, color=colour, linewidth=1.4, linestyle=":")
        ax.set_xlim(left=0)
        ax.set_ylim(0, 100)
        ax.yaxis.set_major_formatter(PercentFormatter(symbol=" %", decimals=0))
        ax.set_xlabel(xlabel)
        ax.set_ylabel(ylabel)
        ax.set_title(title)
        ax.grid(axis="y", color="#dddddd", linewidth=0.8)
        ax.set_axisbelow(True)
        sns.despine(ax=ax)
    return drawn
