"""Figures of a synthesis: the forest of trials, the funnel, and the curve over what is worthwhile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Polygon
from matplotlib.textpath import TextPath
from matplotlib.ticker import MaxNLocator, PercentFormatter
from scipy import special

from crampstats.errors import CrampstatsError
from crampstats.figures.style import COLOURS, GRID, INK, MARKERS, STYLE, finish_rows, set_log_ticks
from crampstats.intervals import check_level
from crampstats.synthesis.pooling import Pooled, Prediction, check_effects, scale_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

# Points: size of letters in rows, gap between columns of text, area of the largest box, half the height of a diamond in rows.
SIZE = 11
GAP = 16
BOX = 230
HALF = 0.3
P_TICKS = (0.0001, 0.001, 0.01, 0.05, 0.2, 1)
CURVES = {
    "benefit": "benefit of at least so much",
    "negligible": "less than that either way",
    "harm": "harm of at least so much",
}
P_CURVES = {
    "benefit_excluded": "benefit of so much or more excluded",
    "equivalence": "effect smaller than that either way",
    "harm_excluded": "harm of so much or more excluded",
}
FIFTH = 0.05
# What share of the width of a figure text may take.
MOST = 0.72


def draw_forest(
    effects: pd.DataFrame,
    *,
    ax: Axes,
    xlabel: str,
    pooled: Pooled | None = None,
    columns: Mapping[str, str] | None = None,
    favours: Sequence[str] = (),
    prediction: Prediction | None = None,
    level: float = 0.95,
    xlim: tuple[float, float] | None = None,
    digits: int = 2,
) -> pd.DataFrame:
    """Draw effects of studies with their intervals, and pooled effects as diamonds, as journals print them.

    Parameters
    ----------
    effects
        A row a study: ``study``, ``estimate``, ``std_error`` on the scale of analysis, as from
        `crampstats.synthesis.effect_sizes`.
    ax
        Where to draw; text stands on both sides of it. About 0.32 inch of height a row do, and 9 to 11 of width.
    xlabel
        What the effect is, with its unit.
    pooled
        Of these studies, pooled with or without ``by``: then studies stand under the headings of their groups. None draws
        studies that are not pooled, with boxes of one size and without weights.
    columns
        Columns of `effects` to write beside the studies, and their headings.
    favours
        What an effect below and above none speaks for, such as ``("magnesium", "placebo")``; written under the axis.
    prediction
        Draw a bar for the effect in another study, by the method of `crampstats.synthesis.Pooled.prediction`; None for none.
    level
        Of the intervals; those of studies are normal.
    xlim
        Ends of the axis, on the scale that is shown; intervals that go beyond end in an arrow. None takes all of them in.
    digits
        After the decimal point.

    Returns
    -------
    DataFrame
        What was drawn, from the top: ``kind`` (``"heading"``, ``"study"``, ``"pooled"``, ``"prediction"``), ``label``,
        ``estimate``, ``low``, ``high`` as shown (ratios for logarithms), ``weight`` (a share of its group; missing where
        nothing is pooled), ``position``. A heading has no numbers.

    Raises
    ------
    CrampstatsError
        If a column is not there, the studies are not those that were pooled, or `favours` are not two.

    Notes
    -----
    The area of a box is proportional to the weight of its study: Lewis S, Clarke M, BMJ 2001;322:1479-1480,
    doi:10.1136/bmj.322.7300.1479.
    """
    check_level(level)
    whole = check_effects(effects)
    columns = dict(columns or {})
    if strangers := [name for name in columns if name not in whole]:
        raise CrampstatsError(f"draw_forest: {strangers} are no columns of the effects; {list(whole.columns)} are.")
    if len(favours) not in (0, 2):
        raise CrampstatsError(
            f"draw_forest: favours={favours!r} has to be two texts, for effects below and above none."
        )
    log = (pooled.scale if pooled is not None else scale_of(whole, None)) == "log"
    rows = _forest_rows(whole, pooled, columns, prediction, level, log=log)
    with mpl.rc_context(STYLE):
        if log:
            ax.set_xscale("log")
        ax.set_xlim(*(xlim or _reach(rows, log=log)))
        ax.set_ylim(len(rows) - 0.4, -1.6)
        null = 1.0 if log else 0.0
        ax.plot([null, null], [-0.5, len(rows)], color=INK, linewidth=1, zorder=1)
        _draw_rows(ax, rows)
        _write_rows(ax, rows, columns, level, digits)
        sides = f"\n← favours {favours[0]}  ·  favours {favours[1]} →" if favours else ""
        _finish_forest(ax, xlabel + sides, log=log)
    names = ("kind", "label", "estimate", "low", "high", "weight")
    drawn = pd.DataFrame([{name: getattr(row, name) for name in names} for row in rows])
    return drawn.assign(position=np.arange(len(drawn), dtype=float))


@dataclass(frozen=True)
class _Row:
    """One row of a forest: numbers as they are shown, NaN where there is none, and what stands in the columns."""

    kind: str
    label: str
    estimate: float = np.nan
    low: float = np.nan
    high: float = np.nan
    weight: float = np.nan
    texts: tuple[str, ...] = ()


def _forest_rows(
    whole: pd.DataFrame,
    pooled: Pooled | None,
    columns: Mapping[str, str],
    prediction: Prediction | None,
    level: float,
    *,
    log: bool,
) -> list[_Row]:
    """Return the rows of a forest from the top."""
    if pooled is None:
        return _study_rows(whole, np.full(len(whole), np.nan), columns, level, log=log)
    by = list(pooled.groups.columns)
    if any(len(each.terms) > 1 for each in pooled.syntheses):
        raise CrampstatsError("draw_forest: effects pooled with moderators have no diamond; pool without them.")
    rows: list[_Row] = []
    diamonds = pooled.to_frame(level=level)
    name = "common effect" if pooled.method == "common" else f"random effects ({pooled.method})"
    for index, each in enumerate(pooled.syntheses):
        labels = pooled.groups.iloc[index]
        mine = whole[(whole[by] == labels).all(axis=1)] if by else whole
        if mine["study"].astype(str).tolist() != list(each.studies):
            raise CrampstatsError("draw_forest: these studies are not those that were pooled, in their order.")
        if by:
            rows.append(_Row("heading", ", ".join(str(label) for label in labels)))
        rows += _study_rows(mine, each.weights, columns, level, log=log)
        if len(each.studies) > 1:
            ends = diamonds.loc[index, ["estimate", "conf_low", "conf_high"]].to_numpy(dtype=float)
            rows.append(_Row("pooled", f"Pooled, {name}", float(ends[0]), float(ends[1]), float(ends[2]), 1.0))
            if prediction is not None:
                one = replace(pooled, groups=pooled.groups.iloc[[index]].reset_index(drop=True), syntheses=(each,))
                found = one.prediction(level=level, method=prediction)
                bar = found.loc[0, ["estimate", "pred_low", "pred_high"]].to_numpy(dtype=float)
                rows.append(_Row("prediction", "Another study", float(bar[0]), float(bar[1]), float(bar[2])))
    return rows


def _study_rows(
    studies: pd.DataFrame, weights: np.ndarray, columns: Mapping[str, str], level: float, *, log: bool
) -> list[_Row]:
    """Return the rows of studies."""
    estimate, error = (studies[name].to_numpy(dtype=float) for name in ("estimate", "std_error"))
    reach = float(special.ndtri((1 + level) / 2)) * error
    ends = np.column_stack([estimate, estimate - reach, estimate + reach])
    if log:
        ends = np.exp(ends)
    texts = [
        tuple("–" if pd.isna(cell) else str(cell) for cell in row)
        for row in studies[list(columns)].to_numpy(dtype=object)
    ]
    names = studies["study"].astype(str)
    return [
        _Row("study", label, float(three[0]), float(three[1]), float(three[2]), float(weight), text)
        for label, three, weight, text in zip(names, ends, weights, texts, strict=True)
    ]


def _reach(rows: Sequence[_Row], *, log: bool) -> tuple[float, float]:
    """Return ends of the axis that take in every interval and no effect."""
    low, high = (
        min(row.low for row in rows if row.low == row.low),
        max(row.high for row in rows if row.high == row.high),
    )
    if log:
        return min(low, 0.8) / 1.1, max(high, 1.25) * 1.1
    spare = 0.04 * (max(high, 0.0) - min(low, 0.0))
    return min(low, 0.0) - spare, max(high, 0.0) + spare


def _draw_rows(ax: Axes, rows: Sequence[_Row]) -> None:
    """Draw boxes, lines, diamonds and bars; what goes beyond the axis ends in an arrow."""
    left, right = ax.get_xlim()
    heaviest = max((row.weight for row in rows if row.kind == "study"), default=np.nan)
    for at, row in enumerate(rows):
        if row.kind == "heading":
            continue
        colour = INK if row.kind == "study" else COLOURS[1]
        for end, beyond, head in ((left, row.low < left, "<"), (right, row.high > right, ">")):
            if beyond:
                ax.plot([end], [at], marker=head, color=colour, markersize=7, clip_on=False, zorder=3)
        if row.kind == "pooled":
            corners = [(row.low, at), (row.estimate, at - HALF), (row.high, at), (row.estimate, at + HALF)]
            ax.add_patch(Polygon(corners, closed=True, facecolor=colour, edgecolor=colour, zorder=3))
            continue
        bar = row.kind == "prediction"
        ends = [max(row.low, left), min(row.high, right)]
        if ends[0] < ends[1]:
            width, alpha = (5, 0.55) if bar else (1.4, 1)
            ax.plot(ends, [at, at], color=colour, linewidth=width, alpha=alpha, solid_capstyle="butt", zorder=2)
        if not bar and left <= row.estimate <= right:
            area = BOX / 3 if np.isnan(row.weight) else BOX * row.weight / heaviest
            ax.scatter([row.estimate], [at], s=area, marker="s", color=COLOURS[0], linewidths=0, zorder=3)
            ax.plot([row.estimate], [at], marker="|", color="white", markersize=4, zorder=4)


def _width(texts: Sequence[str], *, bold: bool = False) -> float:
    """Return the width in points of the widest of some texts."""
    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")
    written = [TextPath((0, 0), text, size=SIZE, prop=font).get_extents().width for text in texts if text.strip()]
    return max(written, default=0.0)


def _write_rows(ax: Axes, rows: Sequence[_Row], columns: Mapping[str, str], level: float, digits: int) -> None:
    """Write names and columns on the left of the axes, effects and weights on the right."""
    grouped = any(row.kind == "heading" for row in rows)
    names = [f"  {row.label}" if grouped and row.kind == "study" else row.label for row in rows]
    left = [("Study", names, "left")]
    for index, heading in enumerate(columns.values()):
        texts = [row.texts[index] if row.texts else "" for row in rows]
        # Words begin below each other, numbers end so.
        numbers = all(text[0].isdigit() or text == "–" for text in texts if text)
        left.append((heading, texts, "right" if numbers else "left"))
    # What a pooled row says may run over the columns beside it, which are empty there.
    own = [name for name, row in zip(names, rows, strict=True) if row.kind == "study"]
    widths = [
        max(_width([heading], bold=True), _width(own if place == 0 else texts))
        for place, (heading, texts, _) in enumerate(left)
    ]
    widths[0] += max(0.0, _width(names, bold=True) - sum(widths) - GAP * (len(widths) - 1))
    effect = [
        f"{row.estimate:.{digits}f} ({row.low:.{digits}f} to {row.high:.{digits}f})".replace("-", "−")
        if row.kind != "heading"
        else ""
        for row in rows
    ]
    heading = f"Effect ({100 * level:g} % CI)"
    wide, share = max(_width([heading], bold=True), _width(effect, bold=True)), _width(["Weight"], bold=True)
    weight = [f"{100 * row.weight:.1f} %" if row.kind == "study" else "" for row in rows]
    weighted = not all(np.isnan(row.weight) for row in rows)
    taken = sum(widths) + GAP * (len(widths) + 1) + wide + (GAP + share) * weighted
    room = 72 * ax.get_figure(root=True).get_figwidth()  # type: ignore[union-attr]
    if taken > MOST * room:
        raise CrampstatsError(
            f"draw_forest: the text is {taken / 72:.1f} inches wide and leaves no room for the effects: leave a column out, "
            f"or take canvas(width={np.ceil(taken / MOST / 72):g})."
        )
    bold = [row.kind != "study" for row in rows]
    end: float = -GAP
    for (head, texts, align), width in reversed(list(zip(left, widths, strict=True))):
        _write_column(ax, head, texts, bold, 0.0, end if align == "right" else end - width, align)
        end -= width + GAP
    _write_column(ax, heading, effect, bold, 1.0, GAP + wide, "right")
    if weighted:
        _write_column(ax, "Weight", weight, bold, 1.0, 2 * GAP + wide + share, "right")


def _write_column(
    ax: Axes, heading: str, texts: Sequence[str], bold: Sequence[bool], edge: float, offset: float, align: str
) -> None:
    """Write one column of texts at so many points from an edge of the axes."""
    for position, text, heavy in zip((-1.0, *range(len(texts))), (heading, *texts), (True, *bold), strict=True):
        if text:
            ax.annotate(
                text,
                (edge, position),
                xycoords=("axes fraction", "data"),
                xytext=(offset, 0),
                textcoords="offset points",
                ha=align,
                va="center",
                fontsize=SIZE,
                fontweight="bold" if heavy else "normal",
                annotation_clip=False,
            )


def _finish_forest(ax: Axes, xlabel: str, *, log: bool) -> None:
    """Give a forest its axis."""
    ax.set_yticks([])
    if log:
        set_log_ticks(ax.xaxis)
    else:
        ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    ax.set_xlabel(xlabel)
    finish_rows(ax)
    ax.grid(visible=False)


def draw_funnel(effects: pd.DataFrame, *, ax: Axes, pooled: Pooled, xlabel: str, level: float = 0.95) -> pd.DataFrame:
    """Draw effects against their standard errors, with the lines between which chance leaves them.

    Parameters
    ----------
    effects
        As in `draw_forest`; studies whose column ``added`` is true, as from `crampstats.synthesis.trim_and_fill`, are hollow.
    ax
        Where to draw.
    pooled
        One pooled effect, at which the funnel stands.
    xlabel
        What the effect is, with its unit.
    level
        Of the lines, for studies of one common effect.

    Returns
    -------
    DataFrame
        What was drawn: ``study``, ``estimate`` as shown, ``std_error`` on the scale of analysis, ``added``.

    Raises
    ------
    CrampstatsError
        If there are several pooled effects.

    Notes
    -----
    Sterne JAC, Egger M, J Clin Epidemiol 2001;54:1046-1055, doi:10.1016/S0895-4356(01)00377-8. A funnel of few studies is
    not read: Lau J et al., BMJ 2006;333:597-600, doi:10.1136/bmj.333.7568.597.
    """
    check_level(level)
    if len(pooled) != 1:
        raise CrampstatsError("draw_funnel: pooled has to be one effect, as from pool() without by and moderators.")
    whole = check_effects(effects)
    log = pooled.scale == "log"
    shown = np.exp if log else np.asarray
    added = whole["added"].to_numpy(dtype=bool) if "added" in whole else np.zeros(len(whole), dtype=bool)
    drawn = pd.DataFrame(
        {
            "study": whole["study"],
            "estimate": shown(whole["estimate"].to_numpy(dtype=float)),
            "std_error": whole["std_error"].to_numpy(dtype=float),
            "added": added,
        }
    )
    deepest = 1.08 * float(drawn["std_error"].max())
    errors = np.linspace(0.0, deepest, 60)
    quantile, centre = float(special.ndtri((1 + level) / 2)), float(pooled.value[0])
    with mpl.rc_context(STYLE):
        if log:
            ax.set_xscale("log")
        for side in (-1, 1):
            label = f"{100 * level:g} % of studies of one effect" if side < 0 else None
            ax.plot(
                shown(centre + side * quantile * errors), errors, color=INK, linestyle="--", linewidth=1, label=label
            )
        ax.plot(shown(np.array([centre, centre])), [0, deepest], color=COLOURS[1], linewidth=1.5, label="pooled effect")
        for which, face, label in ((False, COLOURS[0], "study"), (True, "white", "added")):
            part = drawn[drawn["added"] == which]
            if len(part):
                look: dict[str, Any] = {
                    "linestyle": "none",
                    "marker": "o",
                    "markersize": 8,
                    "markeredgecolor": COLOURS[0],
                }
                ax.plot(part["estimate"], part["std_error"], markerfacecolor=face, label=label, zorder=3, **look)
        ax.set_ylim(deepest, 0)
        ax.set_ylabel("standard error" + (" of the logarithm" if log else ""))
        _finish_forest_axis(ax, xlabel, log=log)
    return drawn


def _finish_forest_axis(ax: Axes, xlabel: str, *, log: bool) -> None:
    """Give a funnel its axis of effects, with a grid and both spines."""
    if log:
        set_log_ticks(ax.xaxis)
    ax.set_xlabel(xlabel)
    ax.spines[["top", "right"]].set_visible(False)


Shown = Literal["probability", "p_value"]


def draw_worthwhile(curve: pd.DataFrame, *, ax: Axes, xlabel: str, shown: Shown, title: str = "") -> pd.DataFrame:
    """Draw over the smallest worthwhile effect how likely a benefit, a harm or neither is, or how far they are excluded.

    Parameters
    ----------
    curve
        As from `crampstats.synthesis.worthwhile_curve`.
    ax
        Where to draw.
    xlabel
        What the smallest worthwhile effect is, with its unit.
    shown
        ``"probability"`` of a posterior; ``"p_value"`` of a pooled effect, on a logarithmic axis with a line at 0.05.
    title
        The message.

    Returns
    -------
    DataFrame
        What was drawn: ``delta``, ``curve`` (its name), ``value``.

    Raises
    ------
    CrampstatsError
        If `shown` is unknown, or the curve is of the other kind.
    """
    if shown not in get_args(Shown):
        raise CrampstatsError(f"draw_worthwhile: shown={shown!r} is unknown: choose from probability, p_value.")
    names = CURVES if shown == "probability" else P_CURVES
    if absent := [name for name in names if name not in curve]:
        raise CrampstatsError(
            f"draw_worthwhile: the curve has no {', '.join(absent)}; it is not one for shown={shown!r}."
        )
    drawn = curve[["delta", *names]].melt("delta", var_name="curve", value_name="value")
    factor = 100 if shown == "probability" else 1
    every = max(1, len(curve) // 8)
    with mpl.rc_context(STYLE):
        for (name, label), colour, marker in zip(names.items(), COLOURS, MARKERS, strict=False):
            # The equivalence curve lies on one of the others: dashed, it lets that one through.
            look: dict[str, Any] = {
                "color": colour,
                "marker": marker,
                "linewidth": 2,
                "markersize": 7,
                "clip_on": False,
            }
            look |= (
                {"linestyle": "--", "markevery": (every // 2, every)} if name == "equivalence" else {"markevery": every}
            )
            ax.plot(curve["delta"], factor * curve[name], label=label, **look)
        if shown == "probability":
            ax.set_ylim(0, 100)
            ax.yaxis.set_major_formatter(PercentFormatter(symbol=" %", decimals=0))
            ax.set_ylabel("probability")
        else:
            ax.set_yscale("log")
            ax.set_ylim(max(1e-4, float(curve[list(names)].min().min()) / 2), 1)
            ax.axhline(FIFTH, color=INK, linewidth=1)
            ticks = [tick for tick in P_TICKS if tick >= ax.get_ylim()[0]]
            ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
            ax.minorticks_off()
            ax.set_ylabel("one-sided P value")
        ax.set_xlim(float(curve["delta"].min()), float(curve["delta"].max()))
        ax.set_xlabel(xlabel)
        ax.set_title(title)
        ax.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 2.5, 5, 10]))
        ax.grid(axis="y", color=GRID, linewidth=0.8)
        ax.set_axisbelow(True)
        ax.spines[["top", "right"]].set_visible(False)
    return drawn
