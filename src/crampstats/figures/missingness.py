"""Figures of what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import seaborn as sns

from crampstats.errors import CrampstatsError
from crampstats.figures.style import COLOURS, INK, STYLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.axes import Axes

    from crampstats.missing import MissingPatterns

GREY = "#b8b8b8"
# The longest bar, and the room for the words beside it, in distances of two columns of dots.
BAR, WORDS = 2.2, 1.9
# Of what is written at the bars, in points.
SIZE = 11


def draw_missing_patterns(
    patterns: MissingPatterns, *, ax: Axes, names: Mapping[str, str] | None = None, most: int = 12
) -> pd.DataFrame:
    """Draw which columns are missing together: a row a pattern, a dot a column, dark where it is missing, and how many have it.

    Parameters
    ----------
    patterns
        As from `crampstats.missing.missing_patterns`.
    ax
        Where to draw.
    names
        What to write for each column, in the order from the left; None writes all of them by their names. Below it stands
        the weighted share of people who lack it.
    most
        How many patterns at most, the most frequent ones; how many people have others is written below.

    Returns
    -------
    DataFrame
        What was drawn: for each column whether it is missing, ``n``, ``share`` (weighted), ``position``.

    Raises
    ------
    CrampstatsError
        If a name belongs to no column, a column has no name, or `most` is below 1.
    """
    shown = {name: name for name in patterns.columns} if names is None else dict(names)
    if set(shown) != set(patterns.columns):
        raise CrampstatsError(f"names has to hold each of the columns {list(patterns.columns)}, not {list(shown)}.")
    if most < 1:
        raise CrampstatsError(f"most={most} has to be at least 1.")
    columns = list(shown)
    frame = patterns.to_frame()
    drawn = frame.iloc[:most][[*columns, "n", "share"]].reset_index(drop=True)
    drawn["position"] = range(len(drawn))
    lacking = patterns.columns_frame().set_index("item")["share"][columns]
    missing = drawn[columns].to_numpy(dtype=bool)
    right = len(columns) - 0.3
    with mpl.rc_context(STYLE):
        for flag, colour, area in ((False, GREY, 60), (True, COLOURS[1], 140)):
            rows, places = np.nonzero(missing == flag)
            ax.scatter(places, rows, s=area, color=colour, label="missing" if flag else "known", zorder=3)
        for row, gone in enumerate(missing):
            if gone.sum() > 1:
                ends = np.flatnonzero(gone)[[0, -1]]
                ax.plot(ends, [row, row], color=COLOURS[1], linewidth=2, zorder=2)
        lengths = drawn["share"] / drawn["share"].max() * BAR
        colours = [COLOURS[1] if gone.any() else COLOURS[0] for gone in missing]
        # The edge lets the shortest bars be seen.
        ax.barh(drawn["position"], lengths, left=right, height=0.55, color=colours, edgecolor=colours, linewidth=1)
        for row, (length, share, n) in enumerate(zip(lengths, drawn["share"], drawn["n"], strict=True)):
            ax.text(right + length + 0.08, row, f"{_percent(share)} ({n:,})", va="center", fontsize=SIZE)
        labels = [f"{shown[name]}\n{_percent(lacking[name])}" for name in columns]
        ax.set_xticks(range(len(columns)), labels)
        ax.xaxis.tick_top()
        ax.tick_params(length=0)
        ax.set_yticks([])
        ax.set_xlim(-0.6, right + BAR + WORDS)
        ax.set_ylim(len(drawn) - 0.4, -0.6)
        if len(frame) > len(drawn):
            rest = frame.iloc[most:]
            few = f"{len(rest)} other pattern{'s' * (len(rest) > 1)}: {_percent(rest['share'].sum())} ({rest['n'].sum():,})"
            ax.text(right, len(drawn) - 0.45, few, va="top", fontsize=SIZE)
        ax.text(right, -0.65, "people, weighted (number)", va="bottom", fontsize=12, color=INK)
        sns.despine(ax=ax, left=True, bottom=True)
    return drawn


def _percent(share: float) -> str:
    """Write a share in per cent so that a small one is not 0."""
    percent = 100 * share
    if percent == 0 or percent >= 0.1:
        return f"{percent:.1f} %"
    return "< 0.1 %"
