"""Figures: the data on the axes, labels and units, the same bytes for the same figure."""

import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

import crampstats as cs
from crampstats import figures
from crampstats.errors import CrampstatsError
from crampstats.estimates import stacked
from crampstats.figures.style import MARKERS
from crampstats.report.compare import compare_svgs

XLABEL = "% of adults in the past month"


@cache
def estimate() -> cs.Estimate:
    cramps = cs.datasets.nhanes_cramps().observed("cramp_class")
    return cs.prevalence(cramps, "cramp_class >= 3", by=["sex", "age_group"])


def drawn(**options: object) -> tuple[Figure, Axes, pd.DataFrame]:
    figure, (ax,) = figures.canvas()
    given = {"y": "age_group", "series": "sex", "xlabel": XLABEL, "title": "Five times or more"} | options
    return figure, ax, figures.draw_prevalence(estimate(), ax=ax, **given)


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CRAMPSTATS_OUTPUT", str(tmp_path))
    return tmp_path / "figures"


def series(ax: Axes) -> dict[str, dict]:
    """Return what stands on the axes, by series."""
    found = {}
    for container in ax.containers:
        points, _, (bars,) = container.lines
        found[container.get_label()] = {
            "x": points.get_xydata()[:, 0],
            "y": points.get_xydata()[:, 1],
            "limits": np.array([segment[:, 0] for segment in bars.get_segments()]),
            "heights": np.array([segment[:, 1] for segment in bars.get_segments()]),
            "colour": to_hex(points.get_color()),
            "bar_colour": to_hex(bars.get_color()[0]),
            "marker": points.get_marker(),
        }
    return found


def test_estimates_and_intervals_stand_on_the_axes_in_per_cent() -> None:
    _, ax, _ = drawn()
    on_axes = series(ax)
    assert list(on_axes) == ["male", "female"]
    for sex, marks in on_axes.items():
        one = estimate().where(f"sex == '{sex}'")
        np.testing.assert_allclose(marks["x"], one.value * 100, rtol=1e-14)
        np.testing.assert_allclose(marks["limits"][:, 0], one.interval().low * 100, rtol=1e-12)
        np.testing.assert_allclose(marks["limits"][:, 1], one.interval().high * 100, rtol=1e-12)
        np.testing.assert_array_equal(marks["heights"], np.column_stack([marks["y"], marks["y"]]))
    np.testing.assert_allclose(on_axes["male"]["y"], [-0.14, 0.86, 1.86])
    np.testing.assert_allclose(on_axes["female"]["y"], [0.14, 1.14, 2.14])


def test_what_was_drawn_is_returned() -> None:
    _, _, frame = drawn()
    pd.testing.assert_frame_equal(frame.drop(columns="position"), estimate().to_frame())
    np.testing.assert_allclose(frame["position"], [-0.14, 0.86, 1.86, 0.14, 1.14, 2.14])


def test_intervals_have_the_level_asked_for() -> None:
    _, ax, frame = drawn(level=0.5)
    limits = estimate().interval(level=0.5)
    np.testing.assert_allclose(frame["conf_low"], limits.low)
    np.testing.assert_allclose(series(ax)["male"]["limits"][:, 1], limits.high[:3] * 100, rtol=1e-12)


def test_labels_units_and_order() -> None:
    _, ax, _ = drawn()
    assert ax.get_xlabel() == XLABEL
    assert ax.get_title(loc="left") == "Five times or more"
    assert [label.get_text() for label in ax.get_yticklabels()] == ["20–39", "40–59", "60+"]
    assert ax.get_yticks().tolist() == [0, 1, 2]
    assert ax.get_ylim() == (2.5, -0.5)
    assert ax.xaxis.get_major_formatter()(10) == "10 %"


def test_the_scale_begins_at_zero_and_leaves_room_for_the_values() -> None:
    _, ax, frame = drawn()
    low, high = ax.get_xlim()
    assert low == 0
    assert high == pytest.approx(frame["conf_high"].max() * 122)


def test_values_are_written_beside_the_intervals() -> None:
    _, ax, frame = drawn()
    written = ["2.3 %   male", "5.6 %", "5.5 %", "5.3 %   female", "7.2 %", "11.0 %"]  # the first row names the series
    assert [text.get_text() for text in ax.texts] == written
    np.testing.assert_allclose([text.xy for text in ax.texts], frame[["conf_high", "position"]] * [100, 1])


def test_series_differ_in_colour_and_marker() -> None:
    _, ax, _ = drawn()
    on_axes = series(ax)
    assert [marks["colour"] for marks in on_axes.values()] == ["#0072b2", "#d55e00"]
    assert [marks["bar_colour"] for marks in on_axes.values()] == ["#0072b2", "#d55e00"]
    assert [marks["marker"] for marks in on_axes.values()] == ["o", "D"]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2.2."""

    def luminance(colour: str) -> float:
        channels = np.array(mpl.colors.to_rgb(colour))
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_texts_stand_out_from_the_paper() -> None:
    figure, ax, _ = drawn()
    figures.draw_legend(figure, ax)
    texts = [*ax.texts, *ax.get_yticklabels(), *ax.get_xticklabels(), *figure.legends[0].get_texts(), ax.xaxis.label]
    assert min(contrast(text.get_color(), "white") for text in texts) >= 4.5
    assert min(text.get_fontsize() for text in texts) >= 11


def test_the_legend_names_the_series_once() -> None:
    figure, (left, right) = figures.canvas(columns=2)
    for ax in (left, right):
        figures.draw_prevalence(estimate(), y="age_group", series="sex", ax=ax, xlabel=XLABEL)
    figures.draw_legend(figure, left)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["male", "female"]
    keys = [line for line in legend.findobj(Line2D) if line.get_marker() in MARKERS]
    assert [(to_hex(key.get_color()), key.get_marker()) for key in keys] == [("#0072b2", "o"), ("#d55e00", "D")]
    assert left.get_legend() is None


def test_a_canvas_has_axes_with_one_scale_of_y() -> None:
    figure, axes = figures.canvas(columns=3, width=6, height=2)
    assert len(axes) == 3
    assert figure.get_size_inches().tolist() == [6, 2]
    axes[0].set_ylim(3, 7)
    assert [ax.get_ylim() for ax in axes] == [(3, 7)] * 3


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"y": "age"}, r"\['age'\] do not label the estimates; \['term', 'sex', 'age_group'\] do"),
        ({"y": "n", "series": "estimate"}, r"\['n', 'estimate'\] do not label the estimates"),
        ({"y": "age_group", "series": "term"}, "several estimates share one age_group and term; choose"),
    ],
)
def test_columns_that_cannot_be_drawn(changed: dict, message: str) -> None:
    with pytest.raises(CrampstatsError, match=message):
        drawn(**changed)


def test_differences_are_no_proportions() -> None:
    women, men = (estimate().where(f"sex == '{sex}'") for sex in ("female", "male"))
    more, less = cs.difference(women, men, label="gap"), cs.difference(men, women, label="gap")
    # The one is negative; the other is not, but an interval reaches below 0.
    assert (less.value < 0).all()
    assert (more.value > 0).all()
    _, (ax,) = figures.canvas()
    for gap in (less, more):
        with pytest.raises(CrampstatsError, match="the axis of proportions begins at 0"):
            figures.draw_prevalence(gap, y="age_group", series="term", ax=ax, xlabel=XLABEL)


def test_more_series_than_can_be_told_apart() -> None:
    cramps = cs.datasets.nhanes_cramps().observed("cramp_class")
    shares = cs.prevalence(cramps, {f"{code} or more": f"cramp_class >= {code}" for code in range(5)}, by=["sex"])
    _, (ax,) = figures.canvas()
    with pytest.raises(CrampstatsError, match="5 series are too many to tell apart; at most 4"):
        figures.draw_prevalence(shares, y="sex", series="term", ax=ax, xlabel=XLABEL)
    figures.draw_prevalence(shares.where("term != '0 or more'"), y="sex", series="term", ax=ax, xlabel=XLABEL)
    assert list(series(ax)) == [f"{code} or more" for code in range(1, 5)]


def test_equal_figures_are_equal_bytes(saved: Path) -> None:
    for name in ("first", "again"):
        figures.save(drawn()[0], name, alt="Cramps.")
    figures.save(drawn(title="Other")[0], "other", alt="Cramps.")
    for ending in ("png", "svg"):
        content = {name: (saved / f"{name}.{ending}").read_bytes() for name in ("first", "again", "other")}
        assert content["first"] == content["again"]
        assert content["first"] != content["other"]


def test_a_figure_saved_twice_is_the_same(saved: Path) -> None:
    figure, _, _ = drawn()
    for name in ("first", "again"):
        figures.save(figure, name, alt="Cramps.")
    assert (saved / "first.png").read_bytes() == (saved / "again.png").read_bytes()
    assert compare_svgs(saved / "first.svg", saved / "again.svg") == []


def test_files_say_nothing_of_time_and_version(saved: Path) -> None:
    figures.save(drawn()[0], "one", alt="Cramps.")
    svg = (saved / "one.svg").read_text(encoding="utf-8")
    assert "<dc:date>" not in svg
    assert mpl.__version__ not in svg.split("</metadata>")[0].split("<metadata>")[1]
    assert "<text" not in svg
    assert b"tEXt" not in (saved / "one.png").read_bytes()
    assert sorted(path.name for path in saved.iterdir()) == ["one.png", "one.svg"]


def test_a_picture_shows_itself_with_its_description(saved: Path) -> None:
    picture = figures.save(drawn()[0], "one", alt="Cramps rise with age.")
    data, metadata = picture._repr_mimebundle_()
    assert data == {"image/png": (saved / "one.png").read_bytes(), "text/plain": "Figure one: Cramps rise with age."}
    assert metadata == {"image/png": {"alt": "Cramps rise with age."}}


def test_pixels_of_a_picture() -> None:
    figure, _ = figures.canvas(width=2, height=1)
    figure.add_artist(Rectangle((0, 0), 1, 1, transform=figure.transFigure, color="#336699", zorder=9))
    pixels = figures.pixels_of(figures.save(figure, "blue", alt="Blue.").png)
    assert pixels.shape == (150, 300, 4)
    np.testing.assert_allclose(pixels[75, 150], [0x33 / 255, 0x66 / 255, 0x99 / 255, 1], rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "alt", "message"),
    [("one", " ", "alt has to say what the figure shows"), ("a/b", "Cramps.", "name='a/b' has to be letters")],
)
def test_what_cannot_be_saved(name: str, alt: str, message: str, saved: Path) -> None:
    figure, _ = figures.canvas()
    with pytest.raises(CrampstatsError, match=message):
        figures.save(figure, name, alt=alt)
    assert not saved.exists()


def test_nothing_global_is_changed(saved: Path) -> None:
    before = dict(mpl.rcParams)
    figure, ax, _ = drawn()
    figures.draw_legend(figure, ax)
    figures.save(figure, "one", alt="Cramps.")
    assert dict(mpl.rcParams) == before
    assert mpl.pyplot.get_fignums() == []


def test_the_reader_s_settings_do_not_reach_a_figure(saved: Path) -> None:
    figures.save(drawn()[0], "plain", alt="Cramps.")
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "black", "savefig.dpi": 20, "text.color": "red"}):
        figures.save(drawn()[0], "changed", alt="Cramps.")
    assert (saved / "plain.png").read_bytes() == (saved / "changed.png").read_bytes()


def test_import_needs_no_screen() -> None:
    code = "import matplotlib, crampstats.figures as f; f.canvas(); print(matplotlib.get_backend(auto_select=False))"
    ran = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "None"


@cache
def ratios() -> cs.Estimate:
    cramps = cs.datasets.nhanes_cramps().observed("cramp_class").define(frequent="cramp_class >= 3")
    return cs.fit(cramps, "frequent ~ sex + age_group", family="poisson").prevalence_ratios()


def test_ratios_stand_on_a_logarithmic_axis() -> None:
    _, (ax,) = figures.canvas()
    names = {"age_group[T.60+]": "60 and over", "sex[T.female]": "women"}
    table = figures.draw_ratios(ratios(), ax=ax, xlabel="prevalence ratio", names=names)
    expected = ratios().to_frame().set_index("term").loc[list(names)]
    (points,) = (line for line in ax.lines if line.get_marker() == "o")
    np.testing.assert_allclose(np.asarray(points.get_xdata(), dtype=float), expected["estimate"])
    assert points.get_ydata().tolist() == [0, 1]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["60 and over", "women"]
    assert (ax.get_xscale(), ax.get_xlabel()) == ("log", "prevalence ratio")
    assert ax.get_ylim() == (1.5, -0.5)
    low, high = expected.loc["sex[T.female]", ["conf_low", "conf_high"]]
    texts = [text.get_text() for text in ax.texts]
    assert texts[1] == f"{expected.loc['sex[T.female]', 'estimate']:.2f} ({low:.2f}–{high:.2f})"
    assert texts[2] == "ratio (95 % CI)"
    assert table["term"].tolist() == list(names)
    assert table["label"].tolist() == ["60 and over", "women"]


def test_ratios_of_groups_are_told_apart() -> None:
    women, men = (estimate().where(f"sex == '{sex}'") for sex in ("female", "male"))
    times = cs.ratio(women, men, label="women / men")
    assert times.labels["term"].tolist() == ["women / men"] * 3
    _, (ax,) = figures.canvas()
    table = figures.draw_ratios(times, ax=ax, xlabel="ratio")
    called = ["women / men, 20-39", "women / men, 40-59", "women / men, 60+"]
    assert [label.get_text() for label in ax.get_yticklabels()] == [name.replace("-", "–") for name in called]
    np.testing.assert_array_equal(table["estimate"], times.value)
    _, (ax,) = figures.canvas()
    table = figures.draw_ratios(times, ax=ax, xlabel="ratio", names={called[2]: "old", called[0]: "young"})
    assert [label.get_text() for label in ax.get_yticklabels()] == ["old", "young"]
    assert table["age_group"].tolist() == ["60+", "20-39"]
    np.testing.assert_array_equal(table["estimate"], times.value[[2, 0]])


def test_ratios_that_cannot_be_drawn() -> None:
    _, (ax,) = figures.canvas()
    same = cs.ratio(estimate().where("sex == 'female'"), estimate().where("sex == 'male'")).where("age_group == '60+'")
    with pytest.raises(CrampstatsError, match="several ratios have the same labels"):
        figures.draw_ratios(stacked([same, same]), ax=ax, xlabel="x")
    with pytest.raises(CrampstatsError, match=r"\['diabetes'\] are no ratios; these are \['sex\[T.female\]'"):
        figures.draw_ratios(ratios(), ax=ax, xlabel="x", names={"diabetes": "diabetes"})
    difference = cs.transform(ratios(), lambda ratio: ratio - 5)
    with pytest.raises(CrampstatsError, match="needs ratios and intervals above 0"):
        figures.draw_ratios(difference, ax=ax, xlabel="x")


@cache
def curve(*cutoffs: float) -> object:
    serum = cs.datasets.nhanes_magnesium().observed("magnesium_mg_dl")
    return cs.cutoff_curve(serum, "magnesium_mg_dl", list(cutoffs or np.linspace(0.6, 0.9, 61)), unit="mmol/L")


def test_the_curve_is_a_staircase_with_a_band() -> None:
    _, (ax,) = figures.canvas()
    table = figures.draw_cutoff_curve(
        curve(), ax=ax, xlabel="cut-off, mmol/L", ylabel="% of adults", named={"0.75": 0.75}
    )
    frame = curve().to_frame()
    staircase, interpolated, mark, dot = ax.lines
    np.testing.assert_allclose(staircase.get_ydata(), frame["at_most"] * 100)
    assert staircase.get_drawstyle() == "steps-post"
    np.testing.assert_allclose(interpolated.get_ydata(), frame["interpolated"] * 100)
    share = frame.loc[frame["cutoff"].sub(0.75).abs().idxmin(), "at_most"] * 100
    assert (list(mark.get_xdata()), list(dot.get_xdata())) == ([0.75, 0.75], [0.75])
    assert [*mark.get_ydata(), *dot.get_ydata()] == pytest.approx([0, share, share])
    assert [text.get_text() for text in ax.texts] == ["0.75\n22.2 %"]
    (band,) = ax.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert heights.max() == pytest.approx(frame["band_high"].max() * 100)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("cut-off, mmol/L", "% of adults")
    assert ax.get_xlim() == pytest.approx((0.6, 0.9))
    assert table["cutoff"].tolist() == frame["cutoff"].tolist()


@pytest.mark.parametrize(("level", "called"), [(0.9, "90 % band"), (0.95, "95 % band"), (0.999, "99.9 % band")])
def test_the_band_is_called_by_its_level(level: float, called: str) -> None:
    _, (ax,) = figures.canvas()
    figures.draw_cutoff_curve(replace(curve(0.7, 0.75, 0.8), level=level), ax=ax, xlabel="x", ylabel="y")
    (band,) = ax.collections
    assert band.get_label() == called


def test_a_curve_with_gaps_between_reported_values_is_refused() -> None:
    _, (ax,) = figures.canvas()
    with pytest.raises(
        CrampstatsError, match=r"steps of 0\.1, and no cut-off lies on the values between 1\.6 and 1\.8"
    ):
        figures.draw_cutoff_curve(curve(0.66, 0.75), ax=ax, xlabel="x", ylabel="y")
    assert list(ax.lines) == []
    drawn = figures.draw_cutoff_curve(curve(0.66, 0.70, 0.75), ax=ax, xlabel="x", ylabel="y")
    assert drawn["cutoff"].tolist() == [0.66, 0.70, 0.75]


def test_cut_offs_have_to_ascend() -> None:
    _, (ax,) = figures.canvas()
    with pytest.raises(CrampstatsError, match="in ascending order"):
        figures.draw_cutoff_curve(curve(0.8, 0.7), ax=ax, xlabel="x", ylabel="y")


def test_the_flow_tells_who_was_left_and_who_fell_out() -> None:
    cramps = cs.datasets.nhanes_cramps().observed("cramp_class").where("sex == 'female'")
    _, (ax,) = figures.canvas()
    table = figures.draw_flow(cs.participant_flow(cramps), ax=ax)
    texts = [text.get_text() for text in ax.texts if text.get_text()]
    assert texts[0] == "sample\n10,914 people"
    assert texts[1].startswith("12 left out\n(0.1 % of the weight)")
    assert texts[-1] == "sex == 'female'\n5,609 people"
    assert table["excluded"].tolist() == [0, 12, 5293]
    assert not ax.axison


def test_the_steps_of_a_flow_are_called_by_the_words_given() -> None:
    flow = cs.participant_flow(cs.datasets.nhanes_cramps().observed("cramp_class"))
    _, (ax,) = figures.canvas()
    table = figures.draw_flow(flow, ax=ax, steps=["people asked", "who answered"])
    assert table["step"].tolist() == ["people asked", "who answered"]
    assert "who answered\n10,902 people" in [text.get_text() for text in ax.texts]
    with pytest.raises(
        CrampstatsError, match=r"steps=\['one'\] has to name the 2 steps \['sample', 'observed cramp_class'\]"
    ):
        figures.draw_flow(flow, ax=ax, steps=["one"])


def performance_frame(**changed: object) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "analysis": ["right", "naive", "models", "models"],
            "term": ["low", "low", "a", "b"],
            "bias": [0.001, 0.05, -0.002, 0.0],
            "bias_error": [0.001, 0.001, 0.001, 0.002],
            "empirical_se": [0.02, 0.02, 0.02, 0.04],
            "coverage": [0.945, 0.6, 0.92, 0.91],
            "coverage_error": [0.01, 0.03, 0.01, 0.005],
        }
    )
    return table.assign(**changed)


def test_performance_is_drawn_in_standard_errors_and_per_cent() -> None:
    figure, (left, right) = figures.canvas(columns=2)
    bias = figures.draw_performance(performance_frame(), ax=left, measure="bias")
    coverage = figures.draw_performance(performance_frame(), ax=right, measure="coverage")
    assert bias["label"].tolist() == ["right", "naive", "models: a", "models: b"]
    np.testing.assert_allclose(bias["value"], [0.05, 2.5, -0.1, 0.0])
    np.testing.assert_allclose(bias["high"] - bias["value"], 1.96 * np.array([0.05, 0.05, 0.05, 0.05]))
    assert bias["off"].tolist() == [False, True, False, False]
    np.testing.assert_allclose(coverage["value"], [94.5, 60.0, 92.0, 91.0])
    # 92 % lies within three errors of 1 point and one point more; 91 % with half the error does not.
    assert coverage["off"].tolist() == [False, True, False, True]
    drawn = series(left)
    np.testing.assert_allclose(drawn["as promised"]["x"], [0.05, -0.1, 0.0])
    np.testing.assert_allclose(drawn["off by more than chance explains"]["y"], [1])
    assert drawn["as promised"]["marker"] != drawn["off by more than chance explains"]["marker"]
    assert left.get_xlabel() == "bias, in standard errors of the estimate"
    assert right.get_xlabel() == "intervals that hold the truth"
    assert right.xaxis.get_major_formatter()(95) == "95 %"
    assert [text.get_text() for ax in (left, right) for text in ax.texts] == ["no bias", "promised: 95 %"]
    assert max(right.get_xlim()) <= 100
    assert [line.get_xdata()[0] for line in right.lines[:1]] == [95.0]
    assert figure.axes == [left, right]


def test_performance_that_cannot_be_drawn() -> None:
    _, (ax,) = figures.canvas()
    with pytest.raises(CrampstatsError, match="choose from bias, coverage"):
        figures.draw_performance(performance_frame(), ax=ax, measure="power")
    with pytest.raises(CrampstatsError, match="has no coverage"):
        figures.draw_performance(performance_frame(coverage=[0.9, np.nan, 0.9, 0.9]), ax=ax, measure="coverage")


def test_calibration_is_drawn_beside_the_published() -> None:
    table = cs.calibration_table(cs.Population(), n=6400, seed=1)
    names = {"leg cramps in a month, any": "any", "cramps mostly in the calf": "calf"}
    _, (ax,) = figures.canvas()
    drawn = figures.draw_calibration(table, ax=ax, xlabel="% of adults", names=names)
    known = table.set_index("name").loc[list(names)]
    np.testing.assert_allclose(drawn["simulated"], 100 * known["simulated"])
    published, simulated = ax.containers
    assert (published.get_label(), simulated.get_label()) == ("published, 95 % interval", "simulated")
    np.testing.assert_allclose(published.lines[0].get_xydata()[:, 0], 100 * known["published"])
    np.testing.assert_allclose(published.lines[2][0].get_segments()[0][:, 0], [30.28, 33.74])
    np.testing.assert_allclose(simulated.lines[0].get_xydata()[:, 0], 100 * known["simulated"])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["any", "calf"]
    with pytest.raises(CrampstatsError, match="serum magnesium, mean"):
        figures.draw_calibration(table, ax=ax, xlabel="%", names={"serum magnesium, mean": "mean"})


def test_a_graph_is_drawn_by_its_groups() -> None:
    population = cs.Population()
    graph = population.graph()
    layout = [["people"], ["magnesium", "drugs"], ["cramps"]]
    _, (ax,) = figures.canvas(width=12, height=9)
    arrows = figures.draw_graph(graph, ax=ax, layout=layout).set_index(["cause", "effect"])["arrows"]
    groups = {variable.name: variable.group for variable in population.variables}
    expected = sum(
        groups[parent] == "magnesium" and groups[variable.name] == "cramps"
        for variable in population.variables
        for parent in variable.parents
    )
    assert arrows["magnesium", "cramps"] == expected > 0
    assert ("people", "food and drink") not in arrows
    drawn = " ".join(text.get_text() for text in ax.texts)
    # Without their units, and without the mark of what is known only of simulated people.
    for name in ("age years", "water magnesium", "statin", "body store", "cramp class"):
        assert name in drawn
    assert "mg l" not in drawn
    assert len([patch for patch in ax.patches if isinstance(patch, Rectangle)]) == 4
    latent = " ".join(text.get_text() for text in ax.texts if text.get_style() == "italic")
    assert "body store" in latent
    assert "age years" not in latent
    with pytest.raises(CrampstatsError, match="kitchen"):
        figures.draw_graph(graph, ax=ax, layout=[["kitchen"]])


def test_every_variable_of_the_population_belongs_to_a_group() -> None:
    assert [variable.name for variable in cs.Population().variables if not variable.group] == []


def against_truth() -> pd.DataFrame:
    rows = [
        ("a", "crude", 2.0, 1.5, 2.6, 1.4),
        ("b", "crude", 0.8, 0.6, 1.1, 1.0),
        ("a", "adjusted", 1.5, 1.1, 2.0, 1.4),
    ]
    return pd.DataFrame(rows, columns=["cause", "way", "estimate", "conf_low", "conf_high", "truth"])


def test_proportions_without_series_have_one_colour_and_no_names() -> None:
    cramps = cs.datasets.nhanes_cramps().observed("cramp_class")
    shares = cs.prevalence(cramps, {"any": "cramp_class >= 1"}, by=["sex"])
    _, (ax,) = figures.canvas()
    drawn = figures.draw_prevalence(shares, y="sex", ax=ax, xlabel=XLABEL)
    assert drawn["position"].tolist() == [0.0, 1.0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["male", "female"]
    assert [text.get_text() for text in ax.texts] == [f"{value * 100:.1f} %" for value in shares.value]
    with pytest.raises(CrampstatsError, match="several estimates share one sex"):
        figures.draw_prevalence(
            cs.prevalence(cramps, "cramp_class >= 1", by=["sex", "age_group"]), y="sex", ax=ax, xlabel=""
        )


def test_ratios_beside_their_truth() -> None:
    _, (ax,) = figures.canvas()
    drawn = figures.draw_against_truth(against_truth(), row="cause", series="way", ax=ax, xlabel="ratio")
    assert drawn["position"].tolist() == [-0.125, 0.875, 0.125]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    assert ax.get_legend_handles_labels()[1] == ["truth", "crude", "adjusted"]
    points = [line.get_xdata().tolist() for line in ax.get_lines() if line.get_marker() in MARKERS]
    assert points == [[2.0, 0.8], [1.5]]
    assert (ax.get_xscale(), ax.get_xlabel()) == ("log", "ratio")


def test_what_cannot_stand_beside_a_truth() -> None:
    _, (ax,) = figures.canvas()
    with pytest.raises(CrampstatsError, match="above 0"):
        figures.draw_against_truth(against_truth().assign(truth=0.0), row="cause", series="way", ax=ax, xlabel="ratio")
    with pytest.raises(CrampstatsError, match="lacks \\['other'\\]"):
        figures.draw_against_truth(against_truth(), row="other", series="way", ax=ax, xlabel="ratio")
    four = pd.concat([against_truth().assign(way=way) for way in "wxyz"])
    with pytest.raises(CrampstatsError, match="4 series are too many"):
        figures.draw_against_truth(four, row="cause", series="way", ax=ax, xlabel="ratio")
