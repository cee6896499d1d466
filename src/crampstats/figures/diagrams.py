"""Figures of boxes and arrows: who was left out, and what acts on what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle

from crampstats.errors import CrampstatsError
from crampstats.figures.style import COLOURS, INK, STYLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import networkx as nx
    from matplotlib.axes import Axes

    from crampstats.participation import ParticipantFlow


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
