"""Pictures of a synthesis: boxes, diamonds, bars, texts and curves on the axes."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.patches import Polygon

from crampstats import figures
from crampstats.errors import CrampstatsError
from crampstats.figures.forests import BOX, draw_forest, draw_funnel, draw_worthwhile
from crampstats.synthesis import Pooled, effect_posterior, pool, trim_and_fill, worthwhile_curve

FOUR = pd.DataFrame(
    {
        "study": list("ABCD"),
        "estimate": [-0.5, -0.1, 0.2, -0.8],
        "std_error": [0.2, 0.3, 0.1, 0.4],
        "people": ["40", "30", "60", None],
        "where": ["north", "north", "south", "south"],
    }
)


def forest(effects: pd.DataFrame, pooled: Pooled | None = None, **options: object) -> tuple[Axes, pd.DataFrame]:
    figure, (ax,) = figures.canvas(width=10, height=4)
    drawn = draw_forest(effects, ax=ax, pooled=pooled, xlabel="cramps a week", **options)
    figure.draw_without_rendering()
    return ax, drawn


def boxes(ax: Axes) -> list[tuple[float, float, float]]:
    return [(*each.get_offsets()[0], each.get_sizes()[0]) for each in ax.collections]


def test_areas_of_boxes_are_in_proportion_to_weights() -> None:
    pooled = pool(FOUR)
    ax, _ = forest(FOUR, pooled)
    x, y, area = np.array(boxes(ax)).T
    np.testing.assert_allclose(x, FOUR["estimate"])
    np.testing.assert_allclose(y, [0, 1, 2, 3])
    weights = pooled.weights()["weight"].to_numpy()
    np.testing.assert_allclose(area / area.sum(), weights, rtol=1e-12)
    assert area.max() == pytest.approx(BOX)


def test_diamond_and_bar_are_the_intervals() -> None:
    pooled = pool(FOUR)
    ax, drawn = forest(FOUR, pooled, prediction="higgins")
    (diamond,) = [patch for patch in ax.patches if isinstance(patch, Polygon)]
    table, predicted = pooled.to_frame().iloc[0], pooled.prediction().iloc[0]
    corners = diamond.get_xy()
    ends = [corners[:, 0].min(), corners[:, 0].max()]
    np.testing.assert_allclose(ends, [table["conf_low"], table["conf_high"]], rtol=1e-12)
    np.testing.assert_allclose(corners[1], [table["estimate"], 4 - 0.3], rtol=1e-12)
    assert drawn["kind"].tolist() == ["study"] * 4 + ["pooled", "prediction"]
    assert drawn.loc[5, ["low", "high"]].tolist() == predicted[["pred_low", "pred_high"]].tolist()
    bars = [line.get_xdata() for line in ax.lines if line.get_linewidth() == 5]
    np.testing.assert_allclose(bars, [[predicted["pred_low"], predicted["pred_high"]]])


def test_lines_of_studies_are_their_normal_intervals() -> None:
    ax, drawn = forest(FOUR)
    lines = [line.get_xdata() for line in ax.lines if line.get_linewidth() == 1.4]
    reach = 1.959963984540054 * FOUR["std_error"]
    expected = np.column_stack([FOUR["estimate"] - reach, FOUR["estimate"] + reach])
    np.testing.assert_allclose(lines, expected, rtol=1e-12)
    np.testing.assert_allclose(drawn[["low", "high"]], expected, rtol=1e-12)


def test_what_is_not_pooled_has_one_size_and_no_weight() -> None:
    ax, drawn = forest(FOUR)
    assert len({size for *_, size in boxes(ax)}) == 1
    assert drawn["weight"].isna().all()
    assert "Weight" not in {text.get_text() for text in ax.texts}


def test_ratios_stand_on_a_logarithmic_axis() -> None:
    pooled = pool(FOUR, scale="log")
    ax, drawn = forest(FOUR, pooled)
    assert ax.get_xscale() == "log"
    np.testing.assert_allclose(drawn["estimate"][:4], np.exp(FOUR["estimate"]), rtol=1e-12)
    assert drawn.loc[4, "estimate"] == pytest.approx(pooled.to_frame()["estimate"][0], rel=1e-12)
    assert ax.lines[0].get_xdata()[0] == 1
    ticks = [text.get_text() for text in ax.get_xticklabels()]
    assert ticks == [f"{tick:g}" for tick in ax.get_xticks()]
    assert {"0.2", "0.5", "1"} <= set(ticks)


def test_texts_say_what_is_drawn() -> None:
    ax, _ = forest(FOUR, pool(FOUR), columns={"people": "People"}, favours=("magnesium", "placebo"))
    texts = [text.get_text() for text in ax.texts]
    assert "−0.50 (−0.89 to −0.11)" in texts
    assert {"Study", "People", "Effect (95 % CI)", "Weight", "Pooled, random effects (REML)", "40", "–"} <= set(texts)
    assert ax.get_xlabel() == "cramps a week\n← favours magnesium  ·  favours placebo →"


def test_words_begin_below_each_other_and_numbers_end_so() -> None:
    ax, _ = forest(FOUR, columns={"people": "People", "where": "Region"})
    sides = {text.get_text(): text.get_ha() for text in ax.texts}
    assert [sides[text] for text in ("A", "40", "–", "north")] == ["left", "right", "right", "left"]


def test_columns_of_text_do_not_meet_each_other_or_the_axes() -> None:
    figure, (ax,) = figures.canvas(width=10, height=4)
    draw_forest(FOUR, ax=ax, pooled=pool(FOUR, by="where"), xlabel="x", columns={"people": "People", "where": "Region"})
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts]
    axes = ax.get_window_extent()
    assert [box for box in boxes if box.x1 > axes.x0 and box.x0 < axes.x1] == []
    meetings = [(a, b) for i, a in enumerate(boxes) for b in boxes[i + 1 :] if a.overlaps(b)]
    assert meetings == []


def test_groups_have_headings_and_diamonds() -> None:
    pooled = pool(FOUR, by="where")
    ax, drawn = forest(FOUR, pooled)
    kinds = ["heading", "study", "study", "pooled"]
    assert drawn["kind"].tolist() == kinds * 2
    assert drawn["label"][drawn["kind"] == "heading"].tolist() == ["north", "south"]
    assert len([patch for patch in ax.patches if isinstance(patch, Polygon)]) == 2
    one = pool(FOUR.head(3), by="where")
    assert forest(FOUR.head(3), one)[1]["kind"].tolist() == [*kinds, "heading", "study"]


def test_what_goes_beyond_the_axis_ends_in_an_arrow() -> None:
    ax, _ = forest(FOUR, xlim=(-1, 0.3))
    arrows = [(line.get_marker(), line.get_xdata()[0]) for line in ax.lines if line.get_marker() in "<>"]
    assert arrows == [(">", 0.3), (">", 0.3), ("<", -1)]
    assert ax.get_xlim() == (-1, 0.3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": {"country": "Country"}}, r"draw_forest: \['country'\] are no columns of the effects"),
        ({"favours": ("magnesium",)}, "has to be two texts"),
        ({"pooled": pool(FOUR.iloc[::-1])}, "these studies are not those that were pooled, in their order"),
        ({"pooled": pool(FOUR.assign(year=[1, 2, 3, 5]), moderators=["year"])}, "pool without them"),
        ({"columns": {"long": "Long"}}, r"leaves no room for the effects: leave a column out, or take canvas\(width="),
    ],
)
def test_forests_that_cannot_be_drawn(options: dict, message: str) -> None:
    pooled = options.pop("pooled", None)
    with pytest.raises(CrampstatsError, match=message):
        forest(FOUR.assign(long="a text that is much too long for a column " * 3), pooled, **options)


def test_a_funnel_has_its_studies_and_lines() -> None:
    _, (ax,) = figures.canvas()
    found = trim_and_fill(FOUR, "right")
    drawn = draw_funnel(found.effects, ax=ax, pooled=found.pooled, xlabel="cramps a week")
    np.testing.assert_allclose(drawn["estimate"], found.effects["estimate"])
    sides = [line for line in ax.lines if line.get_linestyle() == "--"]
    for line, side in zip(sides, (-1, 1), strict=True):
        expected = found.pooled.value[0] + side * 1.959963984540054 * line.get_ydata()
        np.testing.assert_allclose(line.get_xdata(), expected, rtol=1e-12)
    assert ax.get_ylim()[0] > ax.get_ylim()[1] == 0
    hollow = [line for line in ax.lines if line.get_markerfacecolor() == "white"]
    assert sum(len(line.get_xdata()) for line in hollow) == found.added
    with pytest.raises(CrampstatsError, match="draw_funnel: pooled has to be one effect"):
        draw_funnel(FOUR, ax=ax, pooled=pool(FOUR, by="where"), xlabel="x")


def test_the_curve_over_what_is_worthwhile() -> None:
    deltas = np.linspace(0.1, 1, 10)
    chances = worthwhile_curve(effect_posterior(FOUR, tau_scale=0.5), deltas, better="lower")
    p_values = worthwhile_curve(pool(FOUR), deltas, better="lower")
    _, (ax,) = figures.canvas()
    drawn = draw_worthwhile(chances, ax=ax, xlabel="cramps a week", shown="probability")
    np.testing.assert_allclose(
        [line.get_ydata() for line in ax.lines], 100 * chances[["benefit", "negligible", "harm"]].T
    )
    assert len(drawn) == 30
    assert ax.get_ylim() == (0, 100)
    _, (ax,) = figures.canvas()
    draw_worthwhile(p_values, ax=ax, xlabel="cramps a week", shown="p_value")
    names = ["benefit_excluded", "equivalence", "harm_excluded"]
    np.testing.assert_allclose([line.get_ydata() for line in ax.lines[:3]], p_values[names].T)
    assert ax.get_yscale() == "log"
    assert ax.lines[3].get_ydata() == pytest.approx([0.05, 0.05])
    with pytest.raises(CrampstatsError, match="the curve has no benefit_excluded, equivalence, harm_excluded"):
        draw_worthwhile(chances, ax=ax, xlabel="x", shown="p_value")
    with pytest.raises(CrampstatsError, match="shown='odds' is unknown: choose from probability, p_value"):
        draw_worthwhile(chances, ax=ax, xlabel="x", shown="odds")
