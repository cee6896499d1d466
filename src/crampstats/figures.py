"""Figures: one style, colour-blind safe, readable at half size; saved the same to the last byte."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator, PercentFormatter

from crampstats.errors import CrampstatsError
from crampstats.output import check_name, output_folder, write_whole

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from crampstats.estimates import Estimate

# Okabe M, Ito K, Color Universal Design, 2008: told apart by colour-blind readers; markers tell them apart in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
MARKERS = ("o", "D", "s", "^")
INK = "#222222"
STYLE: Any = {
    **sns.axes_style("ticks"),
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.labelsize": 12,
    "axes.titlelocation": "left",
    "axes.titlesize": 13,
    "axes.titleweight": "bold",
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 12,
    "legend.fontsize": 12,
    "legend.frameon": False,
    "savefig.dpi": 150,
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "crampstats",
    "text.color": INK,
    "xtick.color": INK,
    "xtick.labelsize": 12,
    "ytick.color": INK,
    "ytick.labelsize": 12,
}


@dataclass(frozen=True)
class Picture:
    """A saved figure as a notebook shows it.

    Attributes
    ----------
    name
        Of its files.
    alt
        What it shows, for who cannot see it.
    png
        The bytes of the picture.
    """

    name: str
    alt: str
    png: bytes

    def __repr__(self) -> str:
        return f"Figure {self.name}: {self.alt}"

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"image/png": self.png, "text/plain": repr(self)}, {"image/png": {"alt": self.alt}}


def canvas(*, columns: int = 1, width: float = 9.0, height: float = 4.5) -> tuple[Figure, list[Axes]]:
    """Return an empty figure in the style of the house, and its axes from left to right.

    Parameters
    ----------
    columns
        Axes beside each other, with one scale of y.
    width, height
        Inches.
    """
    # A Figure of its own, not pyplot's: nothing global is set, nothing shows itself by accident.
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = np.atleast_1d(figure.subplots(1, columns, sharey=True))
    return figure, list(axes)


def draw_prevalence(
    estimate: Estimate, *, y: str, series: str, ax: Axes, xlabel: str, title: str = "", level: float = 0.95
) -> pd.DataFrame:
    """Draw proportions with their intervals as points, one row a group, one colour a series.

    Parameters
    ----------
    estimate
        Proportions with the by columns `y` and `series`.
    y
        The column whose levels are the rows, from the top in their order.
    series
        The column whose levels have colours and markers; at most four.
    ax
        Where to draw.
    xlabel
        With the unit, ``"% of adults"``.
    title
        The message.
    level
        Confidence of the intervals.

    Returns
    -------
    DataFrame
        What was drawn: the labels, ``estimate``, ``conf_low``, ``conf_high`` (shares) and ``position``.

    Raises
    ------
    CrampstatsError
        If a column is not there, or there are more than four series.
    """
    drawn = estimate.to_frame(level=level)
    absent = [name for name in (y, series) if name not in drawn.columns]
    if absent:
        raise CrampstatsError(
            f"draw_prevalence: {absent} are not by columns; these are {list(estimate.labels.columns[1:])}."
        )
    groups, kinds = list(dict.fromkeys(drawn[y])), list(dict.fromkeys(drawn[series]))
    if len(kinds) > len(COLOURS):
        raise CrampstatsError(
            f"draw_prevalence: {len(kinds)} series are too many to tell apart; at most {len(COLOURS)}."
        )
    offsets = {kind: (index - (len(kinds) - 1) / 2) * 0.28 for index, kind in enumerate(kinds)}
    drawn["position"] = [
        groups.index(group) + offsets[kind] for group, kind in zip(drawn[y], drawn[series], strict=True)
    ]
    with mpl.rc_context(STYLE):
        for kind, colour, marker in zip(kinds, COLOURS, MARKERS, strict=False):
            part = drawn[drawn[series] == kind]
            reach = [part["estimate"] - part["conf_low"], part["conf_high"] - part["estimate"]]
            ax.errorbar(
                part["estimate"] * 100,
                part["position"],
                xerr=[side * 100 for side in reach],
                fmt=marker,
                color=colour,
                markersize=8,
                elinewidth=2,
                capsize=0,
                label=str(kind),
            )
            for value, high, position in zip(part["estimate"], part["conf_high"], part["position"], strict=True):
                ax.annotate(
                    f"{value * 100:.0f} %" if value >= 0.1 else f"{value * 100:.1f} %",
                    (high * 100, position),
                    xytext=(6, 0),
                    textcoords="offset points",
                    va="center",
                    color=colour,
                    fontsize=11,
                    path_effects=[withStroke(linewidth=4, foreground="white")],
                )
        ax.set_yticks(range(len(groups)), [str(group) for group in groups])
        ax.set_ylim(len(groups) - 0.5, -0.5)
        ax.set_xlim(0, drawn["conf_high"].max() * 100 * 1.22)
        ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True))
        ax.xaxis.set_major_formatter(PercentFormatter(symbol=" %", decimals=0))
        ax.set_xlabel(xlabel)
        ax.set_title(title)
        ax.grid(axis="x", color="#dddddd", linewidth=0.8)
        ax.set_axisbelow(True)
        ax.tick_params(axis="y", length=0)
        sns.despine(ax=ax, left=True)
    return drawn


def draw_legend(figure: Figure, ax: Axes) -> None:
    """Write above all axes of a figure what the colours and markers of one of them mean.

    Parameters
    ----------
    figure
        As from `canvas`.
    ax
        One of its axes.
    """
    with mpl.rc_context(STYLE):
        handles, labels = ax.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=len(labels), handletextpad=0.4)


def save(figure: Figure, name: str, *, alt: str) -> Picture:
    """Save a figure as SVG and PNG, and return it for the notebook to show.

    Parameters
    ----------
    figure
        To save.
    name
        Of the files, without ending; written whole to ``figures/`` in `crampstats.output.output_folder`.
    alt
        What the figure shows, in a sentence or two.

    Returns
    -------
    Picture
        The PNG; the last value of its cell.

    Raises
    ------
    CrampstatsError
        If the name cannot be a file's, or `alt` is empty.
    """
    if not alt.strip():
        raise CrampstatsError("save: alt has to say what the figure shows.")
    folder = output_folder() / "figures"
    with mpl.rc_context(STYLE):
        contents = {}
        # Nothing of the time, the machine or the version goes into the files, so that equal figures are equal bytes.
        for ending, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=ending, metadata=metadata)
            contents[ending] = buffer.getvalue()
    for ending, content in contents.items():
        write_whole(folder / f"{check_name(name)}.{ending}", content)
    return Picture(name, alt, contents["png"])
