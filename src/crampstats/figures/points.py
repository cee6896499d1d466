"""Figures of rows: points with their intervals, one row a thing with a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator, PercentFormatter

from crampstats.errors import CrampstatsError
from crampstats.figures.style import COLOURS, INK, MARKERS, STYLE, finish_rows, set_log_ticks, with_dashes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

    from crampstats.estimates import Estimate

Shown = Literal["bias", "coverage"]
HALO = (withStroke(linewidth=4, foreground="white"),)
# Of text at points and intervals, in points.
SIZE = 11


def draw_prevalence(
    estimate: Estimate,
    *,
    y: str,
    series: str | None = None,
    ax: Axes,
    xlabel: str,
    title: str = "",
    level: float = 0.95,
) -> pd.DataFrame:
    """Draw proportions with their intervals as points, one row a group, one colour a series.

    The names of the series stand at their points in the first row, so that no legend is needed.

    Parameters
    ----------
    estimate
        Proportions, one for each pair of `y` and `series`, or for each `y`.
    y
        The column whose levels are the rows, from the top in their order.
    series
        The column whose levels have colours and markers; at most four. None: one colour for all.
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
    told_apart = [y] if series is None else [y, series]
    absent = [name for name in told_apart if name not in labels.columns]
    if absent:
        raise CrampstatsError(f"draw_prevalence: {absent} do not label the estimates; {list(labels.columns)} do.")
    if labels.duplicated(told_apart).any():
        raise CrampstatsError(
            f"draw_prevalence: several estimates share one {' and '.join(told_apart)}; choose among them with estimate.where()."
        )
    drawn = estimate.to_frame(level=level)
    kind_of = drawn[series] if series else pd.Series("", index=drawn.index)
    groups, kinds = list(dict.fromkeys(drawn[y])), list(dict.fromkeys(kind_of))
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
    drawn["position"] = [groups.index(group) + offsets[kind] for group, kind in zip(drawn[y], kind_of, strict=True)]
    with mpl.rc_context(STYLE):
        for kind, colour, marker in zip(kinds, COLOURS, MARKERS, strict=False):
            part = drawn[kind_of == kind]
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
            first = part.index[part[y] == groups[0]]
            for index, value, high, position in part[["estimate", "conf_high", "position"]].itertuples():
                named = f"   {with_dashes(kind)}" if series and index in first else ""
                ax.annotate(
                    f"{value * 100:.1f} %{named}",
                    (high * 100, position),
                    xytext=(6, 0),
                    textcoords="offset points",
                    va="center",
                    color=INK,
                    fontsize=SIZE,
                    path_effects=HALO,
                )
        ax.set_yticks(range(len(groups)), [with_dashes(group) for group in groups])
        ax.set_ylim(len(groups) - 0.5, -0.5)
        ax.set_xlim(0, drawn["conf_high"].max() * 100 * 1.22)
        ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True))
        ax.xaxis.set_major_formatter(PercentFormatter(symbol=" %", decimals=0))
        ax.set_xlabel(xlabel)
        ax.set_title(title)
        finish_rows(ax)
    return drawn


def draw_ratios(estimate: Estimate, *, ax: Axes, xlabel: str, names: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Draw ratios with their intervals on a logarithmic axis, one row a ratio, and write them on the right.

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
        What was drawn: the labels, ``estimate``, ``conf_low``, ``conf_high``, ``position``, and ``label``, what is written at
        the row.

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
    drawn["label"] = [with_dashes(text) for text in shown.values()]
    with mpl.rc_context(STYLE):
        reach = [drawn["estimate"] - drawn["conf_low"], drawn["conf_high"] - drawn["estimate"]]
        ax.axvline(1, color=INK, linewidth=1)
        ax.errorbar(
            drawn["estimate"], drawn["position"], xerr=reach, fmt="o", color=COLOURS[0], markersize=8, elinewidth=2
        )
        ax.set_xscale("log")
        ax.set_xlim(min(0.8, drawn["conf_low"].min() / 1.1), max(1.25, drawn["conf_high"].max() * 1.1))
        set_log_ticks(ax.xaxis)
        ax.set_yticks(drawn["position"], drawn["label"])
        ax.set_ylim(len(drawn) - 0.5, -0.5)
        _write_ratios(ax, drawn)
        ax.set_xlabel(xlabel)
        finish_rows(ax)
    return drawn


def _write_ratios(ax: Axes, drawn: pd.DataFrame) -> None:
    """Write ratios and their intervals in a column on the right of the axes, under its heading."""
    column = [
        f"{value:.2f} ({low:.2f}–{high:.2f})"
        for value, low, high in drawn[["estimate", "conf_low", "conf_high"]].itertuples(index=False)
    ]
    for text, place, weight in zip(
        [*column, "ratio (95 % CI)"], [*drawn["position"], -0.5], ["normal"] * len(column) + ["bold"], strict=True
    ):
        ax.annotate(
            text,
            (1, place),
            xycoords=("axes fraction", "data"),
            xytext=(12, 0 if weight == "normal" else 2),
            textcoords="offset points",
            va="center" if weight == "normal" else "bottom",
            fontsize=SIZE,
            fontweight=weight,
            annotation_clip=False,
        )


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
        ax.annotate(
            "no bias" if measure == "bias" else f"promised: {mark:g} %",
            (mark, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=SIZE,
        )
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
        if measure == "bias":
            ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
            ax.set_xlabel("bias, in standard errors of the estimate")
        else:
            ax.set_xlim(right=min(100.0, ax.get_xlim()[1]))
            ax.xaxis.set_major_formatter(PercentFormatter(symbol=" %", decimals=0))
            ax.set_xlabel("intervals that hold the truth")
        finish_rows(ax)
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
            drawn["position"] - 0.16,
            xerr=[each.fillna(0.0) for each in reach],
            fmt=MARKERS[0],
            color=COLOURS[0],
            markersize=8,
            elinewidth=2,
            label="published, 95 % interval",
        )
        ax.errorbar(
            drawn["simulated"],
            drawn["position"] + 0.16,
            fmt=MARKERS[1],
            color=COLOURS[1],
            markersize=8,
            label="simulated",
        )
        ax.set_yticks(drawn["position"], [with_dashes(label) for label in drawn["label"]])
        ax.set_ylim(len(drawn) - 0.5, -0.5)
        ax.set_xlim(0, 1.08 * float(np.nanmax(drawn[columns].to_numpy())))
        ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True))
        ax.xaxis.set_major_formatter(PercentFormatter(symbol=" %", decimals=0))
        ax.set_xlabel(xlabel)
        finish_rows(ax)
    return drawn


def draw_against_truth(table: pd.DataFrame, *, row: str, series: str, ax: Axes, xlabel: str) -> pd.DataFrame:
    """Draw ratios with their intervals beside the truth that simulated people have, one row a question.

    Parameters
    ----------
    table
        ``estimate``, ``conf_low``, ``conf_high`` and ``truth``, all above 0, and the columns `row` and `series`.
    row
        The column whose values are the rows, from the top in their order.
    series
        The column whose values have colours and markers; at most three.
    ax
        Where to draw; its axis becomes logarithmic.
    xlabel
        What the ratios are.

    Returns
    -------
    DataFrame
        What was drawn: the table and ``position``.

    Raises
    ------
    CrampstatsError
        If a column is not there, the table is empty, a number is not above 0, a row has several truths, or there are more than
        three series.
    """
    numbers = ["estimate", "conf_low", "conf_high", "truth"]
    if absent := [name for name in (row, series, *numbers) if name not in table.columns]:
        raise CrampstatsError(f"draw_against_truth: the table lacks {absent}; it has {list(table.columns)}.")
    if table.empty:
        raise CrampstatsError("draw_against_truth: the table has no rows.")
    if not (table[numbers] > 0).all(axis=None):
        raise CrampstatsError("draw_against_truth: a logarithmic axis needs ratios, intervals and truths above 0.")
    rows, kinds = list(dict.fromkeys(table[row])), list(dict.fromkeys(table[series]))
    if len(kinds) > len(COLOURS) - 1:
        raise CrampstatsError(f"draw_against_truth: {len(kinds)} series are too many to tell apart; at most 3.")
    several = table.groupby(row, sort=False)["truth"].nunique()
    if several.max() > 1:
        raise CrampstatsError(f"draw_against_truth: {several.idxmax()!r} has more than one truth.")
    step = 0.5 / len(kinds)
    offset = {kind: (place - (len(kinds) - 1) / 2) * step for place, kind in enumerate(kinds)}
    position = [rows.index(one) + offset[kind] for one, kind in zip(table[row], table[series], strict=True)]
    drawn = table.reset_index(drop=True).assign(position=position)
    with mpl.rc_context(STYLE):
        ax.axvline(1, color=INK, linewidth=1)
        truths = drawn.drop_duplicates(row)
        for place, truth in enumerate(truths["truth"]):
            ax.plot([truth, truth], [place - 0.42, place + 0.42], color=INK, linewidth=2.2, linestyle=(0, (3, 1.5)))
        ax.plot([], [], color=INK, linewidth=2.2, linestyle=(0, (3, 1.5)), label="truth")
        for kind, colour, marker in zip(kinds, COLOURS, MARKERS, strict=False):
            part = drawn[drawn[series] == kind]
            reach = [part["estimate"] - part["conf_low"], part["conf_high"] - part["estimate"]]
            ax.errorbar(
                part["estimate"],
                part["position"],
                xerr=reach,
                fmt=marker,
                color=colour,
                markersize=8,
                elinewidth=2,
                label=str(kind),
            )
        ax.set_xscale("log")
        spanned = drawn[numbers].to_numpy(dtype=float)
        low, high = min(1.0, float(spanned.min())), max(1.0, float(spanned.max()))
        ax.set_xlim(low / 1.15, high * 1.15)
        set_log_ticks(ax.xaxis)
        ax.set_yticks(range(len(rows)), [with_dashes(one) for one in rows])
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.set_xlabel(xlabel)
        finish_rows(ax)
    return drawn
