"""Figures of power over the size of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator, PercentFormatter, StrMethodFormatter

from crampstats.errors import CrampstatsError
from crampstats.figures.style import COLOURS, GRID, INK, MARKERS, STYLE

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
            ax.axhline(100 * goal, color=INK, linewidth=0.9)
            _write_at(ax, f"goal: {100 * goal:g} %", 100 * goal, side="left")
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
                look: dict[str, Any] = {
                    "color": colour,
                    "linewidth": 1.4,
                    "linestyle": "--",
                    "label": f"{term}, closed form",
                }
                ax.plot(rows["n"], 100 * rows["closed_form"], **look)
        _draw_limits(ax, drawn, terms)
        ax.set_xlim(left=0)
        ax.set_ylim(0, 100)
        ax.yaxis.set_major_formatter(PercentFormatter(symbol=" %", decimals=0))
        ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True))
        ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        ax.set_xlabel(xlabel)
        ax.set_ylabel(ylabel)
        ax.set_title(title)
        ax.grid(axis="y", color=GRID, linewidth=0.8)
        ax.set_axisbelow(True)
        sns.despine(ax=ax)
    return drawn


def _draw_limits(ax: Axes, drawn: pd.DataFrame, terms: list[str]) -> None:
    """Draw what the power of each term tends to, and write it there; equal limits are one line."""
    found = drawn.loc[np.isinf(drawn["n"]), ["term", "estimate"]]
    for percent, same in found.groupby((100 * found["estimate"]).round(1), sort=False):
        several = len(same) > 1
        colour = INK if several else COLOURS[terms.index(same["term"].iloc[0])]
        ax.axhline(float(percent), color=colour, linewidth=1.6, linestyle=":")
        named = "both" if len(same) == len(terms) == 2 else " and ".join(same["term"])
        _write_at(ax, f"limit of {named}: {percent:.0f} %", float(percent), side="right")


def _write_at(ax: Axes, text: str, height: float, *, side: Literal["left", "right"]) -> None:
    """Write above a line across the axes what it is."""
    ax.annotate(
        text,
        (0 if side == "left" else 1, height),
        xycoords=("axes fraction", "data"),
        xytext=(3 if side == "left" else 0, 3),
        textcoords="offset points",
        ha=side,
        va="bottom",
        fontsize=11,
        path_effects=[withStroke(linewidth=3, foreground="white")],
    )
