"""Figures: one style, colour-blind safe, readable at half size; saved the same to the last byte."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator, MultipleLocator, NullLocator, PercentFormatter

from crampstats.errors import CrampstatsError
from crampstats.output import check_name, output_folder, write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import networkx as nx
    from matplotlib.axes import Axes

    from crampstats.cutoffs import CutoffCurve
    from crampstats.estimates import Estimate
    from crampstats.participation import ParticipantFlow

# Okabe M, Ito K, Color Universal Design, 2008: told apart by colour-blind readers; markers tell them apart in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
MARKERS = ("o", "D", "s", "^")
INK = "#222222"
Shown = Literal["bias", "coverage"]
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
        Proportions, one for each pair of `y` and `series`.
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
        If a column is not there, a pair has several estimates, there are more than four series, or an estimate or an end
        of an interval is negative.
    """
    labels = estimate.labels
    absent = [name for name in (y, series) if name not in labels.columns]
    if absent:
        raise CrampstatsError(f"draw_prevalence: {absent} do not label the estimates; {list(labels.columns)} do.")
    if labels.duplicated([y, series]).any():
        raise CrampstatsError(
            f"draw_prevalence: several estimates share one {y} and {series}; choose among them with estimate.where()."
        )
    drawn = estimate.to_frame(level=level)
    groups, kinds = list(dict.fromkeys(drawn[y])), list(dict.fromkeys(drawn[series]))
    if len(kinds) > len(COLOURS):
        raise CrampstatsError(
            f"draw_prevalence: {len(kinds)} series are too many to tell apart; at most {len(COLOURS)}."
        )
    if (drawn["conf_low"] < 0).any():
        raise CrampstatsError(
            "draw_prevalence: the axis of proportions begins at 0, and some estimates or intervals are negative, as "
            "differences are."
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
                    f"{value * 100:.1f} %",
                    (high * 100, position),
                    xytext=(6, 0),
                    textcoords="offset points",
                    va="center",
                    color=INK,
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


def draw_ratios(estimate: Estimate, *, ax: Axes, xlabel: str, names: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Draw ratios with their intervals on a logarithmic axis, one row a ratio.

    Parameters
    ----------
    estimate
        Ratios, such as `Model.odds_ratios`; all above 0.
    ax
        Where to draw.
    xlabel
        What the ratios are, ``"prevalence ratio (logarithmic scale)"``.
    names
        What to write for each ratio, in the order of the rows. A ratio goes by its term, followed by its other labels if
        it has any, ``"women / men, 20-39"``; None writes that.

    Returns
    -------
    DataFrame
        What was drawn: the labels, ``estimate``, ``conf_low``, ``conf_high``, ``position``.

    Raises
    ------
    CrampstatsError
        If a ratio or an end of an interval is not above 0, a name belongs to no ratio, or several ratios have the same
        labels.
    """
    frame = estimate.to_frame()
    called = [", ".join(map(str, labels)) for labels in estimate.labels.itertuples(index=False)]
    if len(set(called)) < len(called):
        raise CrampstatsError(f"draw_ratios: several ratios have the same labels; these are {called}.")
    shown = {name: name for name in called} if names is None else dict(names)
    if strangers := [name for name in shown if name not in called]:
        raise CrampstatsError(f"draw_ratios: {strangers} are no ratios; these are {called}.")
    drawn = frame.iloc[[called.index(name) for name in shown]].reset_index(drop=True)
    if not (drawn["conf_low"] > 0).all():
        raise CrampstatsError("draw_ratios: a logarithmic axis needs ratios and intervals above 0.")
    drawn["position"] = range(len(drawn))
    with mpl.rc_context(STYLE):
        reach = [drawn["estimate"] - drawn["conf_low"], drawn["conf_high"] - drawn["estimate"]]
        ax.axvline(1, color=INK, linewidth=1)
        ax.errorbar(
            drawn["estimate"], drawn["position"], xerr=reach, fmt="o", color=COLOURS[0], markersize=8, elinewidth=2
        )
        for value, low, high, place in zip(
            drawn["estimate"], drawn["conf_low"], drawn["conf_high"], drawn["position"], strict=True
        ):
            ax.annotate(
                f"{value:.2f} ({low:.2f}–{high:.2f})",
                (high, place),
                xytext=(8, 0),
                textcoords="offset points",
                va="center",
                fontsize=11,
                path_effects=[withStroke(linewidth=4, foreground="white")],
            )
        ax.set_xscale("log")
        ax.set_xlim(min(0.8, drawn["conf_low"].min() / 1.2), drawn["conf_high"].max() * 2.5)
        ticks = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50) if ax.get_xlim()[0] <= tick <= ax.get_xlim()[1]]
        ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set_yticks(drawn["position"], list(shown.values()))
        ax.set_ylim(len(drawn) - 0.5, -0.5)
        ax.set_xlabel(xlabel)
        ax.grid(axis="x", color="#dddddd", linewidth=0.8)
        ax.set_axisbelow(True)
        ax.tick_params(axis="y", length=0)
        sns.despine(ax=ax, left=True)
    return drawn


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
        If the cut-offs do not ascend.
    """
    drawn = curve.to_frame()[["cutoff", "at_most", "band_low", "band_high", "interpolated"]]
    if not drawn["cutoff"].is_monotonic_increasing:
        raise CrampstatsError("draw_cutoff_curve: the cut-offs have to be in ascending order.")
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
        top = float(percent["band_high"].max()) * 1.05
        for name, cutoff in (named or {}).items():
            share = percent["at_most"].to_numpy()[np.searchsorted(x, cutoff, side="right") - 1]
            ax.plot([cutoff, cutoff], [0, share], color=INK, linewidth=0.9, linestyle=":")
            ax.plot(cutoff, share, "o", color=INK, markersize=6)
            ax.annotate(
                f"{name}\n{share:.1f} %",
                (cutoff, share),
                xytext=(-6, 5),
                textcoords="offset points",
                ha="right",
                va="bottom",
                fontsize=10,
                linespacing=1.1,
                path_effects=[withStroke(linewidth=3, foreground="white")],
            )
        ax.set_xlim(x.min(), x.max())
        ax.set_ylim(0, top)
        ax.yaxis.set_major_locator(MultipleLocator(10))
        ax.yaxis.set_major_formatter(PercentFormatter(symbol=" %", decimals=0))
        ax.set_xlabel(xlabel)
        ax.set_ylabel(ylabel)
        ax.grid(axis="y", color="#dddddd", linewidth=0.8)
        ax.set_axisbelow(True)
        sns.despine(ax=ax)
    return drawn


def draw_flow(flow: ParticipantFlow, *, ax: Axes) -> pd.DataFrame:
    """Draw how many people were left after each step, from the top down, and how many fell out.

    Parameters
    ----------
    flow
        As from `crampstats.participant_flow`.
    ax
        Where to draw; its axis is switched off.

    Returns
    -------
    DataFrame
        What was drawn: ``step``, ``people``, ``excluded``, ``excluded_share``.
    """
    drawn = flow.to_frame()
    box = {"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": INK}
    with mpl.rc_context(STYLE):
        ax.set_xlim(0, 1)
        ax.set_ylim(len(drawn) - 0.5, -0.5)
        ax.set_axis_off()
        for place, (step, people, excluded, share) in enumerate(
            zip(drawn["step"], drawn["people"], drawn["excluded"], drawn["excluded_share"], strict=True)
        ):
            if place:
                arrow = {"arrowstyle": "-|>", "color": INK, "shrinkA": 0, "shrinkB": 0}
                ax.annotate("", (0.3, place - 0.28), xytext=(0.3, place - 0.72), arrowprops=arrow)
                ax.text(0.62, place - 0.5, f"{excluded:,} left out\n({share:.1%} of the weight)", va="center")
            ax.text(0.3, place, f"{step}\n{people:,} people", ha="center", va="center", bbox=box)
    return drawn


def draw_performance(performance: pd.DataFrame, *, ax: Axes, measure: Shown, level: float = 0.95) -> pd.DataFrame:
    """Draw how analyses did in repeated samples, one row an analysis, with Monte Carlo intervals of 95 %.

    What is farther from its mark than three Monte Carlo errors, and for coverage one point more, is drawn in another colour
    and with another marker.

    Parameters
    ----------
    performance
        Rows of `crampstats.diagnostics.Performance.to_frame`, in the order from the top; an analysis of one term goes by
        its name, of several terms by name and term.
    ax
        Where to draw.
    measure
        ``"bias"``, in standard errors of the estimate, so that estimates of different units stand in one picture; or
        ``"coverage"``, the share of intervals that hold the truth.
    level
        What the intervals promise; for coverage.

    Returns
    -------
    DataFrame
        What was drawn: ``label``, ``value``, ``error``, ``low``, ``high``, ``off``, ``position``.

    Raises
    ------
    CrampstatsError
        If the measure is unknown, or a value is missing.
    """
    if measure not in get_args(Shown):
        raise CrampstatsError(f"draw_performance: measure={measure!r} is unknown: choose from bias, coverage.")
    several = performance["analysis"].duplicated(keep=False)
    label = performance["analysis"].where(~several, performance["analysis"] + ": " + performance["term"])
    unit = performance["empirical_se"] if measure == "bias" else 0.01
    value, error = performance[measure] / unit, performance[f"{measure}_error"] / unit
    drawn = pd.DataFrame({"label": label.to_numpy(), "value": value.to_numpy(), "error": error.to_numpy()})
    if not np.isfinite(drawn[["value", "error"]].to_numpy()).all():
        raise CrampstatsError(f"draw_performance: an analysis has no {measure}.")
    mark, spare = (0.0, 0.0) if measure == "bias" else (100 * level, 1.0)
    reach = 1.96 * drawn["error"]
    drawn = drawn.assign(
        low=drawn["value"] - reach,
        high=drawn["value"] + reach,
        off=(drawn["value"] - mark).abs() > 3 * drawn["error"] + spare,
        position=range(len(drawn)),
    )
    called = ("as promised", "off by more than chance explains")
    with mpl.rc_context(STYLE):
        ax.axvline(mark, color=INK, linewidth=1)
        for off, colour, marker, name in zip((False, True), COLOURS, MARKERS, called, strict=False):
            rows = drawn[drawn["off"] == off]
            if len(rows):
                ax.errorbar(
                    rows["value"],
                    rows["position"],
                    xerr=1.96 * rows["error"],
                    fmt=marker,
                    color=colour,
                    markersize=8,
                    elinewidth=2,
                    label=name,
                )
        ax.set_yticks(drawn["position"], drawn["label"])
        ax.set_ylim(len(drawn) - 0.5, -0.5)
        ax.set_xlabel(
            "bias, in standard errors of the estimate" if measure == "bias" else "intervals that hold the truth, %"
        )
        ax.grid(axis="x", color="#dddddd", linewidth=0.8)
        ax.set_axisbelow(True)
        ax.tick_params(axis="y", length=0)
        sns.despine(ax=ax, left=True)
    return drawn


def draw_calibration(table: pd.DataFrame, *, ax: Axes, xlabel: str, names: Mapping[str, str]) -> pd.DataFrame:
    """Draw shares of a simulated population beside the published ones, one row a figure.

    Parameters
    ----------
    table
        As from `crampstats.calibration_table`.
    ax
        Where to draw.
    xlabel
        What the shares are of, in %.
    names
        The figures to draw, from the top, and what to write for each.

    Returns
    -------
    DataFrame
        What was drawn, in %: ``label``, ``simulated``, ``published``, ``low``, ``high``, ``position``.

    Raises
    ------
    CrampstatsError
        If a name is no figure of the table, or no share.
    """
    known = table.set_index("name")
    if strangers := [name for name in names if name not in known.index or known.loc[name, "statistic"] != "share"]:
        raise CrampstatsError(f"draw_calibration: {strangers} are no shares of the table.")
    columns = ["simulated", "published", "low", "high"]
    drawn = 100 * known.loc[list(names), columns].reset_index(drop=True).astype(float)
    drawn.insert(0, "label", list(names.values()))
    drawn["position"] = range(len(drawn))
    reach = [drawn["published"] - drawn["low"], drawn["high"] - drawn["published"]]
    with mpl.rc_context(STYLE):
        ax.errorbar(
            drawn["published"],
            drawn["position"] - 0.12,
            xerr=[each.fillna(0.0) for each in reach],
            fmt=MARKERS[0],
            color=COLOURS[0],
            markersize=8,
            elinewidth=2,
            label="published, 95 % interval",
        )
        ax.errorbar(
            drawn["simulated"],
            drawn["position"] + 0.12,
            fmt=MARKERS[1],
            color=COLOURS[1],
            markersize=8,
            label="simulated",
        )
        ax.set_yticks(drawn["position"], drawn["label"])
        ax.set_ylim(len(drawn) - 0.5, -0.5)
        ax.set_xlim(left=0)
        ax.xaxis.set_major_formatter(PercentFormatter(symbol=" %", decimals=0))
        ax.set_xlabel(xlabel)
        ax.grid(axis="x", color="#dddddd", linewidth=0.8)
        ax.set_axisbelow(True)
        ax.tick_params(axis="y", length=0)
        sns.despine(ax=ax, left=True)
    return drawn


def draw_graph(graph: nx.DiGraph, *, ax: Axes, layout: Sequence[Sequence[str]]) -> pd.DataFrame:
    """Draw a causal graph too large for single arrows: its groups as boxes that list their variables, and arrows between.

    The more variables of one group act on variables of another, the thicker the arrow.

    Parameters
    ----------
    graph
        As from `crampstats.Population.graph`, its nodes with the attributes ``group`` and ``truth``.
    ax
        Where to draw; its axis is switched off.
    layout
        Names of groups in columns from left to right, each from the top down. Variables of other groups are not drawn.

    Returns
    -------
    DataFrame
        What was drawn as arrows: ``cause``, ``effect`` (groups) and ``arrows`` (between their variables).

    Raises
    ------
    CrampstatsError
        If a group is not in the graph.
    """
    members: dict[str, list[str]] = {}
    for node, data in graph.nodes(data=True):
        members.setdefault(data["group"], []).append(node)
    chosen = [group for column in layout for group in column]
    if strangers := [group for group in chosen if group not in members]:
        raise CrampstatsError(f"draw_graph: {strangers} are no groups; these are {list(members)}.")
    places: dict[str, tuple[float, float, float]] = {}
    tallest = 0.0
    for place, column in enumerate(layout):
        # One unit a line: a box has a line for its name, one for each variable, and one between boxes.
        heights = [len(members[group]) + 1.5 for group in column]
        total = sum(heights) + 1.5 * (len(column) - 1)
        tallest = max(tallest, total)
        top = total / 2
        for group, height in zip(column, heights, strict=True):
            places[group] = (float(place), top, height)
            top -= height + 1.5
    counts: dict[tuple[str, str], int] = {}
    for cause, effect in graph.edges:
        pair = (graph.nodes[cause]["group"], graph.nodes[effect]["group"])
        if pair[0] != pair[1] and set(pair) <= set(chosen):
            counts[pair] = counts.get(pair, 0) + 1
    with mpl.rc_context(STYLE):
        ax.set_axis_off()
        ax.set_xlim(-0.45, len(layout) - 0.55)
        ax.set_ylim(-tallest / 2 - 0.5, tallest / 2 + 0.5)
        for (cause, effect), number in counts.items():
            _draw_arrow(ax, places[cause], places[effect], number)
        for group, (x, top, height) in places.items():
            box = Rectangle((x - 0.38, top - height), 0.76, height, facecolor="white", edgecolor=INK, zorder=2)
            ax.add_patch(box)
            ax.text(x, top - 0.75, group, ha="center", va="center", fontweight="bold", fontsize=11, zorder=3)
            for line, node in enumerate(members[group]):
                latent = graph.nodes[node]["truth"]
                ax.text(
                    x,
                    top - 1.8 - line,
                    node.removeprefix("true_").replace("_", " "),
                    ha="center",
                    va="center",
                    fontsize=9,
                    style="italic" if latent else "normal",
                    color=COLOURS[0] if latent else INK,
                    zorder=3,
                )
    return pd.DataFrame(
        [{"cause": cause, "effect": effect, "arrows": number} for (cause, effect), number in counts.items()],
        columns=["cause", "effect", "arrows"],
    )


def _draw_arrow(ax: Axes, cause: tuple[float, float, float], effect: tuple[float, float, float], number: int) -> None:
    """Draw one arrow between boxes, from side to side, or from below to above within a column."""
    (x, top, height), (to_x, to_top, to_height) = cause, effect
    if x == to_x:
        side = 0.38 if top > to_top else -0.38
        start, end, bend = (x + side, top - height / 2), (to_x + side, to_top - to_height / 2), -0.35
    else:
        side = 0.38 if to_x > x else -0.38
        start, end, bend = (x + side, top - height / 2), (to_x - side, to_top - to_height / 2), 0.0
        if abs(to_x - x) > 1.5:
            bend = 0.12
    ax.annotate(
        "",
        end,
        xytext=start,
        arrowprops={
            "arrowstyle": "-|>",
            "color": "#888888",
            "linewidth": 0.6 + 0.9 * np.log2(number),
            "connectionstyle": f"arc3,rad={bend}",
            "shrinkA": 0,
            "shrinkB": 0,
        },
        zorder=1,
    )


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


def pixels_of(png: bytes) -> np.ndarray:
    """Return the pixels of a picture.

    Parameters
    ----------
    png
        The bytes of the file.

    Returns
    -------
    ndarray
        Shape (rows, columns, 4) between 0 and 1 for the figures of `save`; grey pictures have no third axis.
    """
    return imread(io.BytesIO(png), format="png")
