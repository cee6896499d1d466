"""Figures of boxes and arrows: who was left out, and what acts on what."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle

from crampstats.errors import CrampstatsError
from crampstats.figures.style import COLOURS, INK, STYLE, with_dashes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import networkx as nx
    from matplotlib.axes import Axes

    from crampstats.participation import ParticipantFlow

# Boxes of a graph: half their width in distances of two columns, letters in a line, and size of letters in points.
HALF, LETTERS, SIZE = 0.41, 25, 10.5
# Lines of text above the first and below the last line of a box, and between two boxes.
ABOVE, BELOW, BETWEEN = 0.3, 0.4, 1.2
# A space at which a line does not end.
UNBROKEN = "\u00a0"


def draw_flow(flow: ParticipantFlow, *, ax: Axes, steps: Sequence[str] = ()) -> pd.DataFrame:
    """Draw how many people were left after each step, from the top down, and beside it how many fell out.

    Parameters
    ----------
    flow
        As from `crampstats.participant_flow`.
    ax
        Where to draw; its axis is switched off.
    steps
        What to write for the steps, from the sample on; empty for the words of `flow`, which are those of the questions.

    Returns
    -------
    DataFrame
        What was drawn: ``step``, ``people``, ``excluded``, ``excluded_share``.

    Raises
    ------
    CrampstatsError
        If `steps` are not as many as those of `flow`.
    """
    drawn = flow.to_frame()
    if steps:
        if len(steps) != len(drawn):
            raise CrampstatsError(
                f"draw_flow: steps={list(steps)} has to name the {len(drawn)} steps {list(flow.steps)}."
            )
        drawn["step"] = list(steps)
    box = {"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": INK}
    arrow = {"arrowstyle": "-|>", "color": INK, "shrinkA": 0, "shrinkB": 0}
    with mpl.rc_context(STYLE):
        ax.set_xlim(0, 1)
        ax.set_ylim(len(drawn) - 0.5, -0.5)
        ax.set_axis_off()
        for place, (step, people, excluded, share) in enumerate(
            zip(drawn["step"], drawn["people"], drawn["excluded"], drawn["excluded_share"], strict=True)
        ):
            if place:
                ax.annotate("", (0.3, place - 0.28), xytext=(0.3, place - 0.72), arrowprops=arrow)
                ax.annotate("", (0.6, place - 0.5), xytext=(0.3, place - 0.5), arrowprops=arrow)
                gone = f"{excluded:,} left out\n({100 * share:.1f} % of the weight)"
                ax.text(0.62, place - 0.5, gone, va="center")
            ax.text(0.3, place, f"{with_dashes(step)}\n{people:,} people", ha="center", va="center", bbox=box)
    return drawn


def draw_graph(graph: nx.DiGraph, *, ax: Axes, layout: Sequence[Sequence[str]]) -> pd.DataFrame:
    """Draw a causal graph too large for single arrows: its groups as boxes that list their variables, and arrows between.

    The more variables of one group act on variables of another, the thicker and darker the arrow. Variables are written
    without their units, one that is there in several units once; those known only of simulated people stand last, in italics.

    Parameters
    ----------
    graph
        As from `crampstats.Population.graph`, its nodes with the attributes ``group``, ``truth`` and ``unit``.
    ax
        Where to draw; its axis is switched off. Four columns need 10 inches.
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
    groups = {data["group"] for _, data in graph.nodes(data=True)}
    chosen = [group for column in layout for group in column]
    if strangers := [group for group in chosen if group not in groups]:
        raise CrampstatsError(f"draw_graph: {strangers} are no groups; these are {sorted(groups)}.")
    lists = {group: (_listed(graph, group, truth=False), _listed(graph, group, truth=True)) for group in chosen}
    # One unit a line: a box has a line for its name and those of its variables.
    heights = {group: 1 + len(seen) + len(latent) + ABOVE + BELOW for group, (seen, latent) in lists.items()}
    tallest = max(sum(heights[group] for group in column) + BETWEEN * (len(column) - 1) for column in layout)
    places = {
        group: place for number, column in enumerate(layout) for group, place in _stack(column, number, heights).items()
    }
    counts: dict[tuple[str, str], int] = {}
    for cause, effect in graph.edges:
        pair = (graph.nodes[cause]["group"], graph.nodes[effect]["group"])
        if pair[0] != pair[1] and set(pair) <= set(chosen):
            counts[pair] = counts.get(pair, 0) + 1
    with mpl.rc_context(STYLE):
        ax.set_axis_off()
        ax.set_xlim(-HALF - 0.04, len(layout) - 1 + HALF + 0.04)
        ax.set_ylim(-tallest / 2 - 0.2, tallest / 2 + 0.2)
        ends = _ends(list(counts), places)
        for pair, number in sorted(counts.items(), key=lambda item: item[1]):
            _draw_arrow(ax, *ends[pair], number)
        for group, place in places.items():
            _draw_box(ax, group, place, *lists[group])
    return pd.DataFrame(
        [{"cause": cause, "effect": effect, "arrows": number} for (cause, effect), number in counts.items()],
        columns=["cause", "effect", "arrows"],
    )


def _listed(graph: nx.DiGraph, group: str, *, truth: bool) -> list[str]:
    """Return the variables of a group that are known of everybody, or only of simulated people, in lines of text."""
    names = []
    for node, data in graph.nodes(data=True):
        if data["group"] == group and data["truth"] == truth:
            per = f"_{data['unit'].lower().replace('/', '_')}" if "/" in data["unit"] else ""
            names.append(node.removeprefix("true_").removesuffix(per).replace("_", UNBROKEN))
    return [line.replace(UNBROKEN, " ") for line in textwrap.wrap(", ".join(dict.fromkeys(names)), LETTERS)]


def _stack(column: Sequence[str], number: int, heights: Mapping[str, float]) -> dict[str, tuple[float, float, float]]:
    """Return for each group of a column the middle, the top and the height of its box."""
    top = (sum(heights[group] for group in column) + BETWEEN * (len(column) - 1)) / 2
    places = {}
    for group in column:
        places[group] = (float(number), top, heights[group])
        top -= heights[group] + BETWEEN
    return places


def _draw_box(
    ax: Axes, group: str, place: tuple[float, float, float], seen: Sequence[str], latent: Sequence[str]
) -> None:
    """Draw a group: its name, its variables, and in italics those that nobody sees."""
    x, top, height = place
    ax.add_patch(Rectangle((x - HALF, top - height), 2 * HALF, height, facecolor="white", edgecolor=INK, zorder=2))
    lines: list[tuple[str, dict[str, Any]]] = [(group, {"fontweight": "bold"})]
    lines += [(text, {}) for text in seen]
    lines += [(text, {"style": "italic", "color": COLOURS[0]}) for text in latent]
    for number, (text, look) in enumerate(lines):
        y = top - ABOVE - 0.5 - number
        ax.text(x, y, text, ha="center", va="center", fontsize=SIZE, zorder=3, **look)


Point = tuple[float, float]


def _ends(
    pairs: Sequence[tuple[str, str]], places: Mapping[str, tuple[float, float, float]]
) -> dict[tuple[str, str], tuple[Point, Point, float]]:
    """Return where each arrow begins, where it ends and how it bends; those at one side of a box are spread over it.

    Arrows between columns go from side to side; within a column from edge to edge, or around what lies between.
    """
    found: dict[tuple[str, str], tuple[Point, Point, float]] = {}
    sides: dict[tuple[str, float], list[tuple[float, tuple[str, str], int]]] = {}
    for cause, effect in pairs:
        (x, top, height), (to_x, to_top, to_height) = places[cause], places[effect]
        if x == to_x:
            found[cause, effect] = _within(places[cause], places[effect])
            continue
        side = HALF if to_x > x else -HALF
        sides.setdefault((cause, x + side), []).append((to_top - to_height / 2, (cause, effect), 0))
        sides.setdefault((effect, to_x - side), []).append((top - height / 2, (cause, effect), 1))
    points: dict[tuple[str, str], dict[int, Point]] = {}
    for (group, x), arrows in sides.items():
        _, top, height = places[group]
        # In the order of the boxes at their other ends, so that arrows at one side do not cross there.
        for rank, (_, pair, end) in enumerate(sorted(arrows, reverse=True)):
            points.setdefault(pair, {})[end] = (x, top - height * (0.15 + 0.7 * (rank + 0.5) / len(arrows)))
    return found | {pair: (both[0], both[1], 0.0) for pair, both in points.items()}


def _within(cause: tuple[float, float, float], effect: tuple[float, float, float]) -> tuple[Point, Point, float]:
    """Return begin, end and bend of an arrow between two boxes of one column."""
    (x, top, height), (_, to_top, to_height) = cause, effect
    down = top > to_top
    gap = (top - height - to_top) if down else (to_top - to_height - top)
    if gap < 1.01 * BETWEEN:
        shift = 0.12 if down else -0.12
        return (x + shift, top - height if down else top), (x + shift, to_top if down else to_top - to_height), 0.0
    side = HALF if down else -HALF
    return (x + side, top - height / 2), (x + side, to_top - to_height / 2), -0.3


def _draw_arrow(ax: Axes, start: Point, end: Point, bend: float, number: int) -> None:
    """Draw one arrow, the thicker and darker the more it stands for."""
    ax.annotate(
        "",
        end,
        xytext=start,
        arrowprops={
            "arrowstyle": "-|>",
            "color": str(float(np.interp(number, [1, 10], [0.72, 0.35]))),
            "linewidth": 0.8 + 0.9 * np.log2(number),
            "connectionstyle": f"arc3,rad={bend}",
            "shrinkA": 0,
            "shrinkB": 0,
        },
        zorder=1,
    )
