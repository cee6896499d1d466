"""What every figure has in common: axes are given, what was drawn is returned, letters can be read, words tell its numbers."""

import inspect
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.ticker import NullLocator
from PIL import Image

from crampstats import figures
from crampstats.errors import CrampstatsError
from crampstats.figures.style import set_log_ticks, with_dashes

FOLDER = Path(__file__).parents[1] / "results" / "figures"
DRAWING = [getattr(figures, name) for name in figures.__all__ if name.startswith("draw_") and name != "draw_legend"]
SAVED = sorted(path.stem for path in FOLDER.glob("*.png"))


@pytest.mark.parametrize("draw", DRAWING, ids=lambda draw: draw.__name__)
def test_a_drawing_takes_axes_and_gives_back_what_it_drew(draw: object) -> None:
    signature = inspect.signature(draw)
    (axes,) = [signature.parameters[name] for name in ("ax", "axes") if name in signature.parameters]
    assert axes.kind is inspect.Parameter.KEYWORD_ONLY
    assert axes.default is inspect.Parameter.empty
    assert signature.return_annotation == "pd.DataFrame"
    returned = inspect.getdoc(draw).split("Returns\n-------\n")[1].split("\n\n")[0]
    assert "``" in returned, "the docstring names the columns"


def test_each_figure_is_there_as_picture_and_as_drawing() -> None:
    assert SAVED
    assert sorted(path.stem for path in FOLDER.glob("*.svg")) == SAVED


@pytest.mark.parametrize("name", SAVED)
def test_a_picture_is_of_a_good_size_and_not_blank(name: str) -> None:
    path = FOLDER / f"{name}.png"
    assert path.stat().st_size <= 200_000
    with Image.open(path) as picture:
        assert 900 <= picture.width <= 2000
        grey = np.asarray(picture.convert("L"))
    dark = np.mean(grey < 128)
    assert 0.001 < dark < 0.5, "letters and lines on white paper"


@pytest.mark.parametrize("name", SAVED)
def test_a_drawing_is_whole_by_itself(name: str) -> None:
    root = ET.fromstring((FOLDER / f"{name}.svg").read_bytes())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags.isdisjoint({"text", "image", "script", "foreignObject"}), "letters are outlines, and nothing is loaded"
    links = [value for element in root.iter() for key, value in element.attrib.items() if key.endswith("href")]
    assert [link for link in links if not link.startswith("#")] == []
    styles = " ".join(value for element in root.iter() for value in element.attrib.values())
    assert re.findall(r"url\((?!#)[^)]*\)", styles) == []


def written(points: float, width: float = 9.0) -> Figure:
    figure, (ax,) = figures.canvas(width=width)
    ax.set_title("small", fontsize=points)
    return figure


def test_letters_that_cannot_be_read_on_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRAMPSTATS_OUTPUT", str(tmp_path))
    # 170 mm are 6.69 inches: of 9 inches, 9.42 points become 7.
    figures.save(written(9.5), "large", alt="Letters.")
    for figure in (written(9.3), written(12, width=11.6)):
        with pytest.raises(CrampstatsError, match=r"would have 6\.9 points on a page 170 mm wide, and 7 are the least"):
            figures.save(figure, "small", alt="Letters.")
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == ["large.png", "large.svg"]


def test_letters_that_are_not_shown_may_be_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRAMPSTATS_OUTPUT", str(tmp_path))
    figure, (ax,) = figures.canvas()
    ax.text(0.5, 0.5, "hidden", fontsize=3, visible=False)
    ax.text(0.5, 0.5, "", fontsize=3)
    assert figures.save(figure, "one", alt="Nothing.").name == "one"


def test_a_legend_is_never_cut_off() -> None:
    figure, (ax,) = figures.canvas(width=6)
    for place in range(4):
        ax.plot([0, 1], [0, place], label=f"a series with a long name, number {place}")
    figures.draw_legend(figure, ax)
    (legend,) = figure.legends
    assert len(legend.get_texts()) == 4
    box = legend.get_window_extent()
    assert (box.x0 >= 0, box.x1 <= figure.bbox.x1) == (True, True)


@pytest.mark.parametrize(
    ("given", "printed"),
    [("20-39", "20–39"), ("-0.5", "−0.5"), ("60+", "60+"), ("cross-over", "cross-over"), ("-3 to -1", "−3 to −1")],
)
def test_ranges_have_dashes_and_negative_numbers_a_minus(given: str, printed: str) -> None:
    assert with_dashes(given) == printed


@pytest.mark.parametrize(
    ("low", "high", "marks"),
    [
        (0.8, 2.5, ["1", "1.5", "2"]),
        (0.45, 5.5, ["0.5", "1", "2", "5"]),
        (0.01, 100, ["0.01", "0.1", "1", "10", "100"]),
        (1e-4, 1.1e-4, ["0.0001"]),
    ],
)
def test_marks_of_a_logarithmic_axis_are_plain_numbers(low: float, high: float, marks: list[str]) -> None:
    _, (ax,) = figures.canvas()
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    set_log_ticks(ax.xaxis)
    assert [label.get_text() for label in ax.get_xticklabels()] == marks
    assert isinstance(ax.xaxis.get_minor_locator(), NullLocator)


ROWS = pd.DataFrame(
    {
        "sex": ["men", "men", "women", "women"],
        "age": ["20-39", "60+", "20-39", "60+"],
        "estimate": [0.023, 0.055, 0.053, 0.1104],
    }
)
CURVE = pd.DataFrame({"n": [1000.0, 100.0, np.inf, 500.0], "power": [0.4, 0.1, 0.7, 0.45]})


def test_few_rows_are_told_one_by_one() -> None:
    told = figures.describe(ROWS, what="Cramps", value="estimate", by=["sex", "age"], factor=100, unit="%")
    assert told == (
        "Cramps: 2.3 % for men, 20 to 39; 5.5 % for men, 60+; 5.3 % for women, 20 to 39; 11.0 % for women, 60+."
    )


def test_series_are_told_apart() -> None:
    told = figures.describe(ROWS, what="Cramps", value="estimate", by="age", series="sex", digits=2)
    assert told == "Cramps. Men: 0.02 for 20 to 39; 0.06 for 60+. Women: 0.05 for 20 to 39; 0.11 for 60+."


def test_of_many_rows_the_lowest_and_the_highest_are_told() -> None:
    many = pd.DataFrame({"label": list("abcdefg"), "value": [0.3, -1.26, 2.0, 0.0, 0.1, 0.2, 1.0]})
    told = figures.describe(many, what="Bias", value="value", by="label")
    assert told == "Bias: 7 values, the lowest −1.3 for b, the highest 2.0 for c."


def test_of_a_curve_the_ends_the_limit_and_a_turn_are_told() -> None:
    told = figures.describe(
        CURVE, what="Power", value="power", by="n", factor=100, unit="%", by_unit="people", digits=0
    )
    assert told == (
        "Power: 10 % at 100 people; 40 % at 1,000 people; the highest 45 % at 500 people; 70 % in the limit."
    )
    falling = pd.DataFrame({"delta": [0.25, 0.5, 2.0], "value": [0.6, 0.2, 0.3]})
    assert figures.describe(falling, what="Chance", value="value", by="delta") == (
        "Chance: 0.6 at 0.25; 0.3 at 2; the lowest 0.2 at 0.5."
    )


def test_zero_has_no_minus() -> None:
    one = pd.DataFrame({"label": ["a"], "value": [-0.04]})
    assert figures.describe(one, what="Bias", value="value", by="label") == "Bias: 0.0 for a."


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        (ROWS, {"by": "region"}, r"\['region'\] are no columns of what was drawn; \['sex', 'age', 'estimate'\] are"),
        (ROWS, {"series": "year"}, r"\['year'\] are no columns"),
        (ROWS.iloc[:0], {}, "nothing was drawn"),
        (ROWS.assign(estimate=[0.1, np.nan, 0.1, 0.1]), {}, "value='estimate' has rows without a number"),
        (ROWS, {"value": "sex"}, "value='sex' has rows without a number"),
    ],
)
def test_what_cannot_be_told(table: pd.DataFrame, options: dict, message: str) -> None:
    with pytest.raises(CrampstatsError, match=message):
        figures.describe(table, **{"what": "Cramps", "value": "estimate", "by": "age"} | options)


POWER = pd.DataFrame(
    {
        "term": ["change"] * 2 + ["rate"] * 3,
        "n": [100.0, 200.0, 100.0, 4000.0, np.inf],
        "estimate": [0.1, 0.3, 0.2, 0.6, 0.65],
        "closed_form": [0.1, 0.28, np.nan, np.nan, np.nan],
    }
)


def test_lines_of_power_say_what_they_are() -> None:
    _, (ax,) = figures.canvas()
    figures.draw_power(POWER, ax=ax, xlabel="people", ylabel="power")
    assert ax.get_legend_handles_labels()[1] == ["change", "change, closed form", "rate"]
    written = {text.get_text(): text.xy[1] for text in ax.texts}
    assert written == {"goal: 80 %": 80, "limit of rate: 65 %": 65}
    assert ax.xaxis.get_major_formatter()(4000) == "4,000"


def test_a_limit_of_both_is_one_line() -> None:
    limits = pd.DataFrame({"term": ["a", "b"], "n": [np.inf] * 2, "estimate": [0.7, 0.7]})
    _, (ax,) = figures.canvas()
    figures.draw_power(pd.concat([POWER.assign(term="a").iloc[:2], limits]), ax=ax, xlabel="n", ylabel="p", goal=None)
    assert [text.get_text() for text in ax.texts] == ["limit of both: 70 %"]
    assert [line.get_ydata()[0] for line in ax.lines if line.get_linestyle() == ":"] == [70]


def test_arrows_of_a_graph_end_at_different_places() -> None:
    edges = [("a", "c"), ("b", "c"), ("a", "d"), ("b", "d"), ("c", "d")]
    graph = nx.DiGraph(edges)
    for node in graph:
        graph.nodes[node].update(group=node.upper(), truth=False, unit="")
    _, (ax,) = figures.canvas(width=10)
    drawn = figures.draw_graph(graph, ax=ax, layout=[["A", "B"], ["C", "D"]])
    assert sorted(zip(drawn["cause"], drawn["effect"], strict=True)) == sorted((a.upper(), b.upper()) for a, b in edges)
    arrows = [text for text in ax.texts if isinstance(text, Annotation)]
    ends = {(text.xy, text.xyann) for text in arrows}
    assert len(ends) == len({text.xy for text in arrows}) == len({text.xyann for text in arrows}) == 5
