"""Figures of what two unknowns together would mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.ticker import FuncFormatter

from crampstats.errors import CrampstatsError
from crampstats.figures.style import COLOURS, INK, STYLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from crampstats.measurement.imperfect_tests import TippingPoint

GREY = "#e6e6e6"
# How much of the impossible region is shown below the lines, in shares of their own height.
BELOW = 0.35
# A strip that is narrower, in per cent of the width, holds no words.
NARROW = 5.0
# How far apart names of lines have to be: beside each other in per cent of the width, below each other in shares of the height.
LETTERS = 9.0
LINES = 0.062


def draw_tipping_point(
    tipping: TippingPoint, *, ax: Axes, xlabel: str, ylabel: str, bands: Sequence[float] = ()
) -> pd.DataFrame:
    """Draw which sensitivities and specificities would make of one apparent prevalence which true one.

    Parameters
    ----------
    tipping
        As from `crampstats.measurement.tipping_point`.
    ax
        Where to draw.
    xlabel, ylabel
        Such as ``"sensitivity"`` and ``"specificity"``; the marks of both axes are in per cent.
    bands
        Those of the prevalences whose line gets a band, the interval of the apparent prevalence carried over; `draw_legend`
        then says which.

    Returns
    -------
    DataFrame
        What was drawn: ``prevalence``, ``sensitivity``, ``specificity``, ``low``, ``high`` (shares); a line each prevalence,
        from where the test is no better than chance to the most sensitive one, or to a specificity of 1.

    Raises
    ------
    CrampstatsError
        If a band is asked for a prevalence that is none of those of `tipping`.
    """
    strangers = [band for band in bands if not np.isclose(tipping.prevalences, band, rtol=1e-9, atol=0).any()]
    if strangers:
        raise CrampstatsError(
            f"bands={list(bands)}: {strangers[0]} is none of the prevalences {tipping.prevalences.tolist()}."
        )
    lines = [_line(tipping, float(prevalence)) for prevalence in tipping.prevalences]
    apparent, none = float(tipping.apparent.value[0]), tipping.all_false
    bottom = max(0.0, none - BELOW * apparent)
    with mpl.rc_context(STYLE):
        ax.set_xlim(0, 100)
        ax.set_ylim(bottom * 100, 100)
        _draw_impossible(ax, apparent * 100, none * 100, bottom * 100)
        for line in lines:
            prevalence = float(line["prevalence"].iloc[0])
            x, percent = line["sensitivity"] * 100, line[["specificity", "low", "high"]] * 100
            if any(np.isclose(prevalence, band, rtol=1e-9, atol=0) for band in bands):
                label = f"{tipping.level * 100:g} % band of {100 * prevalence:g} %"
                ax.fill_between(
                    x, percent["low"], percent["high"], color=COLOURS[0], alpha=0.18, linewidth=0, label=label
                )
            ax.plot(x, percent["specificity"], color=COLOURS[0], linewidth=2.0)
        _draw_names(ax, lines, none)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
        ax.set_xlabel(xlabel)
        ax.set_ylabel(ylabel)
        sns.despine(ax=ax)
    return pd.concat(lines, ignore_index=True)


def _line(tipping: TippingPoint, prevalence: float) -> pd.DataFrame:
    """Return the line of one true prevalence, begun where the test is no better than chance."""
    needed = tipping.needed(prevalence)
    limits = tipping.apparent.interval(level=tipping.level)
    share = float(tipping.apparent.value[0])
    low, high = (1 - (float(limit[0]) - prevalence * share) / (1 - prevalence) for limit in (limits.high, limits.low))
    start = {"sensitivity": share, "specificity": tipping.all_false, "low": max(low, 0.0), "high": min(high, 1.0)}
    found = needed.rename(columns={"estimate": "specificity", "conf_low": "low", "conf_high": "high"})
    return pd.concat([pd.DataFrame([start]), found[list(start)]], ignore_index=True).assign(prevalence=prevalence)[
        ["prevalence", *start]
    ]


def _draw_impossible(ax: Axes, apparent: float, none: float, bottom: float) -> None:
    """Shade where there would be more false positives than positives, and where a test is no better than chance, in per cent."""
    ax.fill_between([0, 100], bottom, none, color=GREY, linewidth=0)
    ax.fill_between([0, apparent], none, 100, color=GREY, linewidth=0)
    ax.plot([apparent, 100], [none, none], color=INK, linewidth=1.2)
    written: Any = {"ha": "center", "va": "center", "fontsize": 11}
    ax.text(50, (bottom + none) / 2, "impossible: more false positives than positives", **written)
    if apparent >= NARROW:
        ax.text(apparent / 2, (none + 100) / 2, "no better than chance", rotation=90, **written)


def _draw_names(ax: Axes, lines: list[pd.DataFrame], none: float) -> None:
    """Write at the end of each line its true prevalence: above where it leaves at the top, else to its right."""
    ends = [
        (f"{100 * line['prevalence'].iloc[0]:g} %", *line[["sensitivity", "specificity"]].iloc[-1] * 100)
        for line in lines
    ]
    if all(line["prevalence"].iloc[0] > 0 for line in lines):
        ends.append(("0 %", 100.0, none * 100))
    above = sorted((end for end in ends if end[2] > 100 - 1e-6 and end[1] < 100 - 1e-6), key=lambda end: end[1])
    beside = sorted((end for end in ends if end not in above), key=lambda end: end[2])
    bottom, top = ax.get_ylim()
    for (name, x, y), place in zip(above, _apart([end[1] for end in above], LETTERS), strict=True):
        ax.annotate(name, (x, y), (place, y + 0.02 * (top - bottom)), ha="center", va="bottom", annotation_clip=False)
    for (name, x, y), place in zip(beside, _apart([end[2] for end in beside], LINES * (top - bottom)), strict=True):
        ax.annotate(name, (x, y), (x + 1, place), ha="left", va="center", annotation_clip=False)
    ax.annotate("true\nprevalence", (101, bottom), ha="left", va="bottom", linespacing=1.1, annotation_clip=False)


def _apart(places: list[float], distance: float) -> list[float]:
    """Return ascending places moved up until they are this far apart, then all back by half of what the last one moved."""
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + distance) if moved else place)
    back = (moved[-1] - places[-1]) / 2 if places else 0.0
    return [place - back for place in moved]
