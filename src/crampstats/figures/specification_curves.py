"""Figures of many analyses at once: the estimates of all of them, what each chose, and which choice moves them."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator, PercentFormatter

from crampstats.errors import CrampstatsError
from crampstats.figures.style import COLOURS, GRID, INK, MARKERS, STYLE, finish_rows, with_dashes
from crampstats.multiverse import Scale

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

BAND = "#f3f3f3"
# The axis of shares is as much longer than the longest bar, for what is written at it.
WIDER = 1.8


def draw_specifications(
    table: pd.DataFrame,
    *,
    axes: Sequence[Axes],
    choices: Mapping[str, str],
    colour: str,
    ylabel: str,
    options: Mapping[str, str] | None = None,
    mark: float | None = 0.10,
    title: str = "",
) -> pd.DataFrame:
    """Draw the estimates of many specifications from the lowest to the highest, and below each what it chose.

    The strokes of the options of `colour` stand below each other within a row, in the order of its own rows, so that they are
    told apart in grey.

    Parameters
    ----------
    table
        As from `crampstats.multiverse.Multiverse.to_frame`, in any order.
    axes
        Two above each other with one scale of x, such as ``canvas(heights=(3, 4), height=9)`` gives: for the estimates with
        their intervals, and for the options.
    choices
        The columns of choices to tell, from the top, and their headings.
    colour
        The choice whose options have colours and markers; at most four options.
    ylabel
        With the unit, ``"% of adults"``.
    options
        What to write for options; None, and what is left out, goes by its value.
    mark
        The share at which a line is drawn; None for no line.
    title
        The message.

    Returns
    -------
    DataFrame
        What was drawn: the choices, ``estimate``, ``conf_low``, ``conf_high`` (shares) and ``position``, from 1.

    Raises
    ------
    CrampstatsError
        If there are not two axes, a column is not there, or the options of `colour` are more than four.

    Notes
    -----
    The specification curve of Simonsohn U, Simmons JP, Nelson LD, Nat Hum Behav 2020;4:1208-1214,
    doi:10.1038/s41562-020-0912-z.
    """
    if len(axes) != 2:
        raise CrampstatsError(
            f"draw_specifications: axes has {len(axes)}; it takes two, as from canvas(heights=(3, 4))."
        )
    absent = [name for name in (*choices, colour) if name not in table.columns]
    if absent:
        raise CrampstatsError(f"draw_specifications: {absent} are no columns of the table; {list(table.columns)} are.")
    names = list(dict.fromkeys([*choices, colour]))
    found = {name: _options(table[name]) for name in names}
    if len(found[colour]) > len(COLOURS):
        raise CrampstatsError(
            f"draw_specifications: {colour!r} has {len(found[colour])} options, too many to tell apart; at most "
            f"{len(COLOURS)}."
        )
    drawn = table.sort_values("estimate", kind="stable", ignore_index=True)
    drawn = drawn[[*names, "estimate", "conf_low", "conf_high"]].assign(position=np.arange(1, len(drawn) + 1))
    with mpl.rc_context(STYLE):
        _draw_estimates(axes[0], drawn, colour, found[colour], mark)
        axes[0].set_ylabel(ylabel)
        axes[0].set_title(title)
        _draw_options(axes[1], drawn, choices, found, colour, options or {})
    return drawn


def _options(column: pd.Series) -> list[object]:
    """Return the options that occur, in the order of the categories, or as they come."""
    found = list(dict.fromkeys(column))
    ordered = list(column.cat.categories) if isinstance(column.dtype, pd.CategoricalDtype) else found
    return [option for option in ordered if option in found]


def _draw_estimates(ax: Axes, drawn: pd.DataFrame, colour: str, options: list[object], mark: float | None) -> None:
    """Draw the estimates and their intervals in percent."""
    size = float(np.clip(400 / len(drawn), 3.0, 7.0))
    if mark is not None:
        ax.axhline(100 * mark, color=INK, linewidth=1.2, linestyle="--", zorder=1)
        ax.annotate(
            f"{100 * mark:g} %",
            (0.0, 100 * mark),
            xycoords=("axes fraction", "data"),
            xytext=(4, 3),
            textcoords="offset points",
            va="bottom",
            path_effects=[withStroke(linewidth=3, foreground="white")],
        )
    for option, shade, marker in zip(options, COLOURS, MARKERS, strict=False):
        part = drawn[drawn[colour] == option]
        low, high = 100 * part["conf_low"], 100 * part["conf_high"]
        ax.vlines(part["position"], low, high, color=shade, alpha=0.35, linewidth=size / 2, zorder=2)
        ax.plot(
            part["position"],
            100 * part["estimate"],
            marker,
            color=shade,
            markersize=size,
            markeredgewidth=0,
            zorder=3,
        )
        ax.plot([], [], marker, color=shade, markersize=8, label=str(option))  # large enough for the legend
    ax.set_ylim(0, 100 * max(drawn["conf_high"].max(), mark or 0.0) * 1.05)
    ax.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True))
    ax.yaxis.set_major_formatter(PercentFormatter(symbol=" %", decimals=0))
    ax.tick_params(axis="x", length=0)
    ax.grid(axis="y", color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)
    sns.despine(ax=ax, bottom=True)


def _draw_options(
    ax: Axes,
    drawn: pd.DataFrame,
    choices: Mapping[str, str],
    options: Mapping[str, list[object]],
    colour: str,
    called: Mapping[str, str],
) -> None:
    """Draw a stroke for each specification in the row of each of its options, rows under the headings of their choices."""
    shades = dict(zip(options[colour], COLOURS, strict=False))
    share = 0.8 / len(shades)
    tops = {option: -0.4 + place * share for place, option in enumerate(shades)}
    width = float(np.clip(320 / len(drawn), 1.0, 8.0))
    places: list[float] = []
    texts: list[str] = []
    headings: list[int] = []
    row = 0.0
    for number, (name, heading) in enumerate(choices.items()):
        top = row
        headings.append(len(places))
        places.append(row)
        texts.append(heading)
        for option in options[name]:
            row += 1.0
            places.append(row)
            texts.append(with_dashes(called.get(str(option), option)))
            part = drawn[drawn[name] == option]
            strokes = [shades[each] for each in part[colour]]
            begin = row + part[colour].map(tops).astype(float)
            ax.vlines(part["position"], begin, begin + share, color=strokes, linewidth=width)
        if number % 2 == 0:
            ax.axhspan(top - 0.6, row + 0.6, color=BAND, linewidth=0, zorder=0)
        row += 1.2
    ax.set_yticks(places, texts)
    for place in headings:
        ax.get_yticklabels()[place].set_fontweight("bold")
    ax.set_ylim(row - 0.6, -0.6)
    ax.set_xlim(0, len(drawn) + 1)
    ax.tick_params(axis="both", length=0)
    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True))
    ax.set_xlabel("specifications, from the lowest share to the highest")
    sns.despine(ax=ax, left=True, bottom=True)


def draw_shares(
    table: pd.DataFrame,
    *,
    ax: Axes,
    names: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
    scale: Scale = "percent",
    title: str = "",
) -> pd.DataFrame:
    """Draw how much of the spread of estimates each choice explains, and how far it moves them.

    Parameters
    ----------
    table
        As from `crampstats.multiverse.choice_shares`.
    ax
        Where to draw.
    names
        What to write for the choices; None, and what is left out, goes by its column.
    options
        What to write for their options; None, and what is left out, goes by its value.
    scale
        That of the table: of ``"percent"`` a range is written in percentage points, of ``"logit"`` as an odds ratio.
    title
        The message.

    Returns
    -------
    DataFrame
        What was drawn: ``choice``, ``share`` in %, ``text``, ``position``.

    Raises
    ------
    CrampstatsError
        If the scale is unknown or a name belongs to no choice.
    """
    if scale not in get_args(Scale):
        raise CrampstatsError(f"draw_shares: scale={scale!r} is unknown: choose from {', '.join(get_args(Scale))}.")
    shown = {name: name for name in table["choice"]}
    if strangers := [name for name in (names or {}) if name not in shown]:
        raise CrampstatsError(f"draw_shares: {strangers} are no choices of the table; {list(shown)} are.")
    shown |= names or {}
    ends = [[with_dashes((options or {}).get(str(end), end)) for end in table[side]] for side in ("lowest", "highest")]
    reach = [f"{value:.1f} points" if scale == "percent" else f"odds × {np.exp(value):.1f}" for value in table["range"]]
    drawn = pd.DataFrame(
        {
            "choice": [shown[name] for name in table["choice"]],
            "share": 100 * table["share"].to_numpy(),
            "text": [
                f"{_percent(share)}, {told}\n{low} → {high}" if low else f"{_percent(share)}, {note}"
                for share, told, low, high, note in zip(table["share"], reach, *ends, table["note"], strict=True)
            ],
            "position": range(len(table)),
        }
    )
    with mpl.rc_context(STYLE):
        ax.barh(drawn["position"], drawn["share"], color=COLOURS[0], height=0.6)
        for share, text, place in zip(drawn["share"], drawn["text"], drawn["position"], strict=True):
            ax.annotate(
                text,
                (share, place),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
                fontsize=11,
                path_effects=[withStroke(linewidth=4, foreground="white")],
            )
        ax.set_xlim(0, drawn["share"].max() * WIDER)
        ax.set_xticks([tick for tick in range(0, 101, 20) if tick <= ax.get_xlim()[1]])
        ax.set_yticks(drawn["position"], drawn["choice"])
        ax.set_ylim(len(drawn) - 0.5, -0.5)
        ax.xaxis.set_major_formatter(PercentFormatter(symbol=" %", decimals=0))
        ax.set_xlabel("share of the variance of the estimates")
        ax.set_title(title)
        finish_rows(ax)
        # The numbers are written; lines would run through them.
        ax.grid(visible=False)
        ax.spines["bottom"].set_bounds(0, float(ax.get_xticks()[-1]))
    return drawn


def _percent(share: float) -> str:
    """Return a share in whole percent."""
    return f"{100 * share:.0f} %" if share >= 0.005 else "under 1 %"
