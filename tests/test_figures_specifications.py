"""Specification curves: what stands on the axes, in which order and colour, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from crampstats import figures
from crampstats.errors import CrampstatsError
from crampstats.figures.specification_curves import draw_shares, draw_specifications
from crampstats.figures.style import COLOURS, MARKERS
from crampstats.multiverse import choice_shares

CHOICES = {"cutoff": "Low is", "draws": "Draws"}
TABLE = pd.DataFrame(
    {
        "cutoff": pd.Categorical(["≤ 0.70", "≤ 0.70", "< 0.75", "< 0.75"], categories=["≤ 0.70", "< 0.75", "never"]),
        "draws": ["single", "usual", "single", "usual"],
        "estimate": [0.10, 0.08, 0.24, 0.20],
        "conf_low": [0.08, 0.06, 0.21, 0.18],
        "conf_high": [0.13, 0.10, 0.28, 0.23],
    }
)


def drawn(table: pd.DataFrame = TABLE, **options: object) -> tuple[Figure, list[Axes], pd.DataFrame]:
    figure, axes = figures.canvas(heights=(3, 4), height=9)
    given = {"choices": CHOICES, "colour": "draws", "ylabel": "% of adults"} | options
    return figure, axes, draw_specifications(table, axes=axes, **given)


def strokes(ax: Axes) -> set[tuple[float, float, str]]:
    """Return the places and colours of the strokes in the panel of options."""
    found = set()
    for collection in ax.collections:
        colours = [to_hex(colour) for colour in collection.get_colors()]
        for index, segment in enumerate(collection.get_segments()):
            found.add((segment[0, 0], round(float(segment[:, 1].mean()), 6), colours[index % len(colours)].upper()))
    return found


def test_estimates_climb_with_their_intervals() -> None:
    _, (ax, _), table = drawn()
    assert table["estimate"].tolist() == [0.08, 0.10, 0.20, 0.24]
    assert table["position"].tolist() == [1, 2, 3, 4]
    points = {line.get_color(): line for line in ax.lines if len(line.get_xdata()) == 2 and line.get_marker() != "None"}
    assert_allclose(points[COLOURS[0]].get_xydata(), [[2, 10], [4, 24]])  # single draws
    assert_allclose(points[COLOURS[1]].get_xydata(), [[1, 8], [3, 20]])
    assert [points[colour].get_marker() for colour in COLOURS[:2]] == list(MARKERS[:2])
    segments = [segment for bars in ax.collections for segment in bars.get_segments()]
    reach = {segment[0, 0]: tuple(segment[:, 1].round(9)) for segment in segments}
    assert reach == {1: (6, 10), 2: (8, 13), 3: (18, 23), 4: (21, 28)}
    assert ax.get_ylabel() == "% of adults"
    assert next(label.get_text() for label in ax.get_yticklabels()) == "0 %"
    assert ax.get_legend_handles_labels()[1] == ["single", "usual"]


def test_the_mark_is_a_line() -> None:
    for mark, expected in ((0.10, [10.0]), (0.15, [15.0]), (None, [])):
        _, (ax, _), _ = drawn(mark=mark)
        assert [line.get_ydata()[0] for line in ax.lines if line.get_linestyle() == "--"] == pytest.approx(expected)
        assert [text.get_text() for text in ax.texts] == [f"{value:g} %" for value in expected]


def test_a_mark_above_all_estimates_is_in_sight() -> None:
    _, (ax, _), _ = drawn(mark=0.40)
    assert_allclose(ax.get_ylim(), (0, 42))
    _, (ax, _), _ = drawn(mark=0.10)
    assert_allclose(ax.get_ylim(), (0, 29.4))


def test_each_specification_has_a_stroke_at_each_of_its_options() -> None:
    figure, (upper, ax), _ = drawn()
    figure.draw_without_rendering()
    labels = dict(zip([label.get_text() for label in ax.get_yticklabels()], ax.get_yticks(), strict=True))
    assert list(labels) == ["Low is", "≤ 0.70", "< 0.75", "Draws", "single", "usual"]
    bold = [label.get_text() for label in ax.get_yticklabels() if label.get_fontweight() == "bold"]
    assert bold == ["Low is", "Draws"]
    one, two = COLOURS[:2]
    expected = {
        (1, "≤ 0.70", two), (2, "≤ 0.70", one), (3, "< 0.75", two), (4, "< 0.75", one),
        (1, "usual", two), (2, "single", one), (3, "usual", two), (4, "single", one),
    }  # fmt: skip
    # Strokes of single draws stand in the upper half of a row, those of usual levels in the lower, to be told apart in grey.
    shift = {one: -0.2, two: 0.2}
    assert strokes(ax) == {
        (place, round(float(labels[option]) + shift[colour], 6), colour) for place, option, colour in expected
    }
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # from the top
    assert upper.get_xlim() == ax.get_xlim() == (0, 5)
    assert not any(label.get_visible() for label in upper.get_xticklabels())


def test_a_colour_by_what_is_not_told() -> None:
    _, (_, ax), table = drawn(choices={"cutoff": "Low is"})
    assert list(table.columns) == ["cutoff", "draws", "estimate", "conf_low", "conf_high", "position"]
    assert {colour for _, _, colour in strokes(ax)} == set(COLOURS[:2])


def test_the_order_of_rows_does_not_matter() -> None:
    first, other = drawn()[2], drawn(TABLE.iloc[[2, 0, 3, 1]])[2]
    pd.testing.assert_frame_equal(first, other)


def test_many_specifications_have_thinner_strokes() -> None:
    many = pd.concat([TABLE.assign(estimate=TABLE["estimate"] + step / 1e4) for step in range(60)])
    (few,), (lots,) = (
        {width for bars in axes[1].collections for width in bars.get_linewidths()}
        for _, axes, _ in (drawn(), drawn(many))
    )
    assert few == 8.0
    assert lots == pytest.approx(320 / 240)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"choices": {"cut": "Low is"}}, r"\['cut'\] are no columns of the table"),
        ({"colour": "survey"}, r"\['survey'\] are no columns of the table"),
        ({"table": TABLE.assign(draws=list("abcd")), "colour": "draws"}, None),
        (
            {"table": pd.concat([TABLE, TABLE.head(1)]).assign(draws=list("abcde")), "colour": "draws"},
            "'draws' has 5 options, too many to tell apart; at most 4",
        ),
    ],
)
def test_what_cannot_be_drawn(options: dict, message: str | None) -> None:
    given = dict(options)
    table = given.pop("table", TABLE)
    if message is None:
        assert len(drawn(table, **given)[2]) == 4
        return
    with pytest.raises(CrampstatsError, match=message):
        drawn(table, **given)


def test_one_axes_is_not_enough() -> None:
    _, axes = figures.canvas()
    with pytest.raises(CrampstatsError, match="axes has 1; it takes two"):
        draw_specifications(TABLE, axes=axes, choices=CHOICES, colour="draws", ylabel="%")


def test_rows_of_a_canvas() -> None:
    figure, axes = figures.canvas(columns=2, heights=(1, 3), width=8, height=6)
    figure.draw_without_rendering()
    assert len(axes) == 4
    tall = [ax.get_window_extent().height for ax in axes]
    assert tall[2] / tall[0] == pytest.approx(3, rel=1e-3)  # pixels are whole
    axes[2].set_xlim(0, 7)
    assert axes[0].get_xlim() == (0, 7)
    assert axes[1].get_xlim() != (0, 7)
    axes[0].set_ylim(0, 3)
    assert axes[1].get_ylim() == (0, 3)
    assert axes[2].get_ylim() != (0, 3)


SHARES = choice_shares(TABLE, ["cutoff", "draws"])


def test_shares_as_bars() -> None:
    _, (ax,) = figures.canvas()
    table = draw_shares(SHARES, ax=ax, names={"cutoff": "Cut-off"}, title="What moves it")
    # a moves by 13 points and b by 3, with an interaction of 1: 42.25, 2.25 and 0.25
    assert_allclose(table["share"], [100 * 42.375 / 44.75, 100 * 2.375 / 44.75])
    bars = [patch.get_width() for patch in ax.patches]
    assert_allclose(bars, table["share"])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Cut-off", "draws"]
    assert [text.get_text() for text in ax.texts] == [
        "95 %, 13.0 points\n≤ 0.70 → < 0.75",
        "5 %, 3.0 points\nusual → single",
    ]
    assert ax.get_title(loc="left") == "What moves it"
    assert max(ax.get_xticks()) == 100
    assert ax.get_ylim() == (1.5, -0.5)


def test_ranges_of_log_odds_are_odds_ratios() -> None:
    _, (ax,) = figures.canvas()
    table = choice_shares(TABLE, ["cutoff", "draws"], scale="logit")
    texts = draw_shares(table, ax=ax, scale="logit")["text"]
    assert [text.split("\n")[0].split(", ")[1] for text in texts] == [
        f"odds × {np.exp(each):.1f}" for each in table["range"]
    ]


def test_small_shares_and_choices_that_never_vary_alone() -> None:
    _, (ax,) = figures.canvas()
    table = SHARES.assign(
        share=[0.996, 0.004], lowest=["≤ 0.70", ""], highest=["< 0.75", ""], note=["", "never varies alone"]
    )
    assert draw_shares(table, ax=ax)["text"].tolist()[1] == "under 1 %, never varies alone"


def test_refused_shares() -> None:
    _, (ax,) = figures.canvas()
    with pytest.raises(CrampstatsError, match="scale='odds' is unknown: choose from percent, logit"):
        draw_shares(SHARES, ax=ax, scale="odds")
    with pytest.raises(CrampstatsError, match=r"\['x'\] are no choices of the table; \['cutoff', 'draws'\] are"):
        draw_shares(SHARES, ax=ax, names={"x": "y"})


def test_options_are_called_by_the_names_given() -> None:
    _, (_, ax), table = drawn(options={"usual": "usual level", "≤ 0.70": "1-2"})
    texts = [label.get_text() for label in ax.get_yticklabels()]
    assert texts == ["Low is", "1–2", "< 0.75", "Draws", "single", "usual level"]
    assert set(table["draws"]) == {"single", "usual"}
    _, (ax,) = figures.canvas()
    shares = choice_shares(TABLE, list(CHOICES))
    told = draw_shares(shares, ax=ax, options={"usual": "usual level"}).set_index("choice")["text"]
    assert told["draws"].endswith("\nusual level → single")
