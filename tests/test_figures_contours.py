"""The picture of the tipping point: the lines, bands and names on the axes."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

import crampstats as cs
from crampstats import figures
from crampstats.errors import CrampstatsError
from crampstats.figures.contours import draw_tipping_point
from crampstats.measurement.imperfect_tests import TippingPoint, tipping_point

PREVALENCES = (0.01, 0.05, 0.1, 0.2, 0.4)


def tipping(positive: int = 100, n: int = 1000, prevalences: tuple[float, ...] = PREVALENCES) -> TippingPoint:
    people = cs.Survey(pd.DataFrame({"low": np.arange(n) < positive}))
    return tipping_point(cs.prevalence(people, "low"), prevalences=prevalences)


def drawn(asked: TippingPoint, **options: object) -> tuple[Axes, pd.DataFrame]:
    _, (ax,) = figures.canvas(width=9, height=5.5)
    return ax, draw_tipping_point(asked, ax=ax, xlabel="sensitivity", ylabel="specificity", **options)


def names(ax: Axes) -> dict[str, tuple[float, float]]:
    return {text.get_text(): text.get_position() for text in ax.texts}


def test_lines_are_those_of_the_formula_and_are_returned() -> None:
    ax, frame = drawn(tipping())
    lines = ax.lines[1:]  # the first one is where every positive test is false
    assert len(lines) == len(PREVALENCES)
    for prevalence, line in zip(PREVALENCES, lines, strict=True):
        x, y = line.get_xydata().T / 100
        np.testing.assert_allclose(prevalence * x + (1 - prevalence) * (1 - y), 0.1, rtol=1e-12)
        mine = frame[frame["prevalence"] == prevalence]
        np.testing.assert_allclose(np.column_stack([x, y]), mine[["sensitivity", "specificity"]], rtol=1e-14)
        np.testing.assert_allclose([x[0], y[0]], [0.1, 0.9], rtol=1e-14)
        assert x[-1] == pytest.approx(min(1.0, 0.1 / prevalence), rel=1e-12)
    assert list(frame.columns) == ["prevalence", "sensitivity", "specificity", "low", "high"]
    assert not frame.isna().any().any()


def test_the_floor_and_what_is_shaded() -> None:
    ax, _ = drawn(tipping())
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [[10, 90], [100, 90]])
    shaded = [patch.get_paths()[0].get_extents().extents for patch in ax.collections]
    np.testing.assert_allclose(shaded, [[0, 86.5, 100, 90], [0, 90, 10, 100]])
    assert ax.get_ylim() == pytest.approx((86.5, 100))
    assert ax.get_xlim() == (0, 100)


def test_a_band_carries_the_interval_over() -> None:
    asked = tipping()
    ax, frame = drawn(asked, bands=[0.05])
    (band,) = [patch for patch in ax.collections if isinstance(patch, PolyCollection) and patch.get_label()[0] != "_"]
    assert band.get_label() == "95 % band of 5 %"
    limits = asked.apparent.interval()
    mine = frame[frame["prevalence"] == 0.05]
    np.testing.assert_allclose(mine["low"], 1 - (limits.high[0] - 0.05 * mine["sensitivity"]) / 0.95, rtol=1e-12)
    np.testing.assert_allclose(mine["high"], 1 - (limits.low[0] - 0.05 * mine["sensitivity"]) / 0.95, rtol=1e-12)
    vertices = band.get_paths()[0].vertices
    for low, high, x in zip(mine["low"], mine["high"], mine["sensitivity"], strict=True):
        there = vertices[np.isclose(vertices[:, 0], 100 * x), 1]
        assert (there.min(), there.max()) == pytest.approx((100 * low, 100 * high))
    with pytest.raises(CrampstatsError, match=r"bands=\[0.03\]: 0.03 is none of the prevalences"):
        drawn(asked, bands=[0.03])


def test_each_line_is_named_at_its_end() -> None:
    ax, _ = drawn(tipping())
    placed = names(ax)
    assert set(placed) == {
        *("0 %", "1 %", "5 %", "10 %", "20 %", "40 %", "true\nprevalence"),
        *("impossible: more false positives than positives", "no better than chance"),
    }
    for name, end in {"5 %": 1 - 0.05 / 0.95, "10 %": 1.0}.items():
        assert placed[name][0] == 101
        assert placed[name][1] == pytest.approx(100 * end, abs=0.3)
    for name, end in {"20 %": 50.0, "40 %": 25.0}.items():
        assert placed[name][0] == pytest.approx(end)
        assert placed[name][1] > 100
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("sensitivity", "specificity")
    assert [ax.yaxis.get_major_formatter()(value) for value in (90, 97.5)] == ["90 %", "97.5 %"]


@pytest.mark.parametrize(("positive", "n"), [(100, 1000), (30, 200), (12, 600), (500, 1000)])
def test_names_do_not_touch(positive: int, n: int) -> None:
    share = positive / n
    asked = tipping(positive, n, (share / 12, share / 10, share / 2, share * 0.95, share, share * 1.05, share * 1.7))
    ax, _ = drawn(asked)
    ax.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts]
    touching = [
        (ax.texts[i].get_text(), ax.texts[j].get_text())
        for i in range(len(boxes))
        for j in range(i)
        if boxes[i].overlaps(boxes[j])
    ]
    assert touching == []
    assert min(text.get_fontsize() for text in ax.texts) >= 11


def test_a_narrow_strip_has_no_words_and_prevalence_0_is_named_once() -> None:
    ax, _ = drawn(tipping(12, 600, (0.0, 0.01)))
    assert "no better than chance" not in names(ax)
    assert [text.get_text() for text in ax.texts].count("0 %") == 1
