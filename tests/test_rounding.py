"""Rounded distributions: against R, by hand and closed forms, what must not change them, and what is refused.

tests/golden/rounding.R made the expected values.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from numpy.testing import assert_allclose
from scipy import stats

import crampstats as cs
from crampstats import figures
from crampstats.errors import ConvergenceError, CrampstatsError, DesignError, QuestionError
from crampstats.figures.distributions import draw_rounded
from crampstats.measurement.rounded_likelihood import CURVES, TERMS, _log_chance
from crampstats.measurement.rounding import RoundedDistribution, _pools, fit_rounded
from crampstats.numerics import jacobian

FOLDER = Path(__file__).parent / "golden"
DATA = pd.read_csv(FOLDER / "survey_input.csv")
DATA["coarse"] = (np.floor(DATA["magnesium_mmol_l"] / 0.04 + 0.5 + 1e-9) * 0.04).round(2)
EXPECTED = pd.read_csv(FOLDER / "rounding_expected.csv")
NESTED = {"weight": "weight", "stratum": "stratum", "cluster": "cluster", "cluster_labels": "nested"}
PAIRED = DATA[DATA["stratum"] != 7]
SURVEYS = {
    "clusters": cs.Survey(PAIRED, **NESTED),
    "clusters_fpc": cs.Survey(PAIRED, **NESTED, population_size="clusters_in_stratum"),
    "strata": cs.Survey(DATA, weight="weight", stratum="stratum"),
    "weights": cs.Survey(DATA, weight="weight"),
    "simple": cs.Survey(DATA),
}
KEYS = ["design", "column", "lowest", "highest", "distribution"]
GROUPS = list(EXPECTED.groupby(KEYS, dropna=False))
ENDS = {"lowest": 1.4, "highest": 2.5}


def given_end(value: float) -> float | None:
    return None if np.isnan(value) else value


@pytest.mark.parametrize(("key", "rows"), GROUPS, ids=["-".join(map(str, key)) for key, _ in GROUPS])
def test_equals_r(key: tuple, rows: pd.DataFrame) -> None:
    design, column, lowest, highest, distribution = key
    survey = SURVEYS[design].observed(column)
    rounded = fit_rounded(
        survey, column, distribution=distribution, lowest=given_end(lowest), highest=given_end(highest)
    )
    assert rounded.step == rows["step"].iloc[0]
    pairs = zip(rounded.parameters.value, rounded.parameters.std_error, strict=True)
    found = dict(zip(TERMS[distribution], pairs, strict=True))
    moments = {"mean": rounded.mean.value[0], "sd": rounded.sd.value[0]}
    for row in rows.itertuples():
        if row.quantity == "prevalence":
            share = rounded.prevalence(row.at)
            value, error = share.value[0], share.std_error[0]
        elif row.quantity.startswith("misfit"):
            value, error = getattr(rounded.misfit, row.quantity.removeprefix("misfit ")), None
        elif np.isnan(row.std_error):
            value, error = moments[row.quantity], None
        else:
            value, error = found[row.quantity]
        assert value == pytest.approx(row.value, rel=row.tolerance, abs=1e-10), row
        if error is not None:
            assert error == pytest.approx(row.std_error, rel=row.tolerance), row


def test_the_expected_values_hold_what_they_are_to_test() -> None:
    assert len(EXPECTED) > 700
    loose = EXPECTED["tolerance"] > 1e-8
    assert loose.sum() == 2
    assert EXPECTED.loc[loose, "reason"].str.startswith("svymle").all()
    assert set(EXPECTED["distribution"]) == set(TERMS)


# By hand.


def simple(values: list[float] | np.ndarray, **columns: object) -> cs.Survey:
    return cs.Survey(pd.DataFrame({"mmol": values, **columns}))


def test_three_cells_of_a_normal_distribution_are_met_exactly() -> None:
    # Open at both ends three cells have two chances and the distribution two parameters: (v - mean) / sd at the two ends.
    survey = simple([1.0] * 2 + [2.0] * 5 + [3.0] * 3)
    rounded = fit_rounded(survey, "mmol", lowest=1.0, highest=3.0)
    low, high = stats.norm.ppf([0.2, 0.7])
    sd = 1 / (high - low)
    assert_allclose(rounded.parameters.value, [1.5 - sd * low, sd], rtol=1e-10)
    assert_allclose(rounded.prevalence([1.5, 2.5]).value, [0.2, 0.7], rtol=1e-10)
    # The standard errors are then those of the shares themselves.
    assert_allclose(
        rounded.prevalence([1.5, 2.5]).std_error, cs.prevalence(survey, {"a": "mmol <= 1", "b": "mmol <= 2"}).std_error
    )
    assert rounded.misfit is None
    assert "too few cells for a misfit" in repr(rounded)


def test_a_share_as_reported_is_that_of_the_curve_at_the_end_of_the_step() -> None:
    truth = stats.norm(1.95, 0.17)
    steps = np.round(np.arange(1.0, 3.01, 0.1), 1)
    table = pd.DataFrame({"mg": steps, "n": np.round(1e7 * (truth.cdf(steps + 0.05) - truth.cdf(steps - 0.05)))})
    rounded = fit_rounded(cs.Survey(table, count="n"), "mg")
    assert_allclose(rounded.parameters.value, [1.95, 0.17], rtol=1e-5)  # people are whole
    as_reported = cs.prevalence(cs.Survey(table, count="n"), "mg <= 1.7").value
    assert_allclose(rounded.prevalence(1.75).value, as_reported, rtol=1e-5)
    assert_allclose(rounded.prevalence(1.7).value, truth.cdf(1.7), rtol=1e-5)


@pytest.mark.parametrize("distribution", ["lognormal", "box_cox"])
def test_a_lowest_cell_that_is_reported_as_0_may_hold_positive_values(distribution: str) -> None:
    truth = stats.lognorm(0.6, scale=2.7)
    steps = np.arange(31)
    n = np.round(1e8 * np.diff(truth.cdf([0, *(steps[:-1] + 0.5), np.inf])))
    survey = cs.Survey(pd.DataFrame({"mmol": steps, "n": n}), count="n")
    rounded = fit_rounded(survey, "mmol", distribution=distribution, lowest=0, highest=30)
    # People are whole, one in 10^8.
    assert_allclose(rounded.parameters.value, [2.7, 0.6, 0.0][: len(TERMS[distribution])], rtol=1e-5, atol=1e-5)


def test_a_tiny_step_gives_the_weighted_mean_and_sd() -> None:
    people = PAIRED.dropna(subset="magnesium_mmol_l")
    survey = cs.Survey(people, **NESTED)
    rounded = fit_rounded(survey, "magnesium_mmol_l", step=1e-4)
    plain = cs.mean(survey, "magnesium_mmol_l")
    assert_allclose(rounded.parameters.value[0], plain.value[0], rtol=1e-9)
    assert_allclose(rounded.parameters.std_error[0], plain.std_error[0], rtol=1e-6)  # the spread is 600 steps
    x, w = people["magnesium_mmol_l"], people["weight"]
    variance = np.average((x - np.average(x, weights=w)) ** 2, weights=w)
    assert_allclose(rounded.parameters.value[1] ** 2, variance, rtol=1e-6)


def test_sheppard_knew_how_much_spread_is_rounding() -> None:
    x = np.round(stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000, 1.95, 0.17), 1)
    rounded = fit_rounded(simple(x), "mmol")
    # Exact to the fourth order in step over spread, here with many people.
    assert_allclose(rounded.parameters.value[1] ** 2, x.var() - 0.1**2 / 12, rtol=1e-4)


def test_weights_count_as_people_do() -> None:
    table = pd.DataFrame({"mg": [1.6, 1.7, 1.8, 1.9, 2.0], "n": [1, 3, 7, 5, 2]})
    rows = table.loc[table.index.repeat(table["n"]), ["mg"]]
    weighted = fit_rounded(cs.Survey(table.assign(w=table["n"] * 2.5), weight="w"), "mg")
    assert_allclose(weighted.parameters.value, fit_rounded(cs.Survey(rows), "mg").parameters.value, rtol=1e-10)


# The curves.


@pytest.mark.parametrize("distribution", CURVES)
@pytest.mark.parametrize("shape", [0.15, -0.4])
def test_slopes_and_bends_are_those_of_the_curve(distribution: str, shape: float) -> None:
    theta = np.array([0.2, -0.1, shape, -0.25])[: len(TERMS[distribution])]
    values = np.array([-2.5, -0.3, 0.35, 1.7, 4.0])
    _, first, second = CURVES[distribution](values, theta)
    for place in range(len(values)):
        at = values[place : place + 1]
        slope = jacobian(lambda p, at=at: CURVES[distribution](at, p)[0], theta)[0]
        assert_allclose(first[:, place], slope, rtol=1e-7, atol=1e-9)
        bend = jacobian(lambda p, at=at: CURVES[distribution](at, p)[1][:, 0], theta)
        assert_allclose(second[:, :, place], bend, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("power", [0.0, 1e-9, -1e-9])
def test_a_power_of_0_is_the_logarithm(power: float) -> None:
    values = np.array([-3.0, 0.0, 2.0])
    powered = CURVES["box_cox"](values, np.array([0.1, 0.2, power]))
    normal = CURVES["lognormal"](values, np.array([0.1, 0.2]))
    assert_allclose(powered[0], normal[0], rtol=1e-8)
    assert_allclose(powered[1][:2], normal[1], rtol=1e-8)


def test_chances_in_the_tails() -> None:
    low, high = np.array([-40.0, 39.9, -np.inf, 8.0, 0.0]), np.array([-39.9, 40.0, -38.0, np.inf, 1e-6])
    # Of the tail beyond x: log(phi(x) / x) - 1 / x², and the next terms.
    expected = [stats.norm.logcdf(-39.9) + np.log1p(-np.exp(stats.norm.logcdf(-40) - stats.norm.logcdf(-39.9)))] * 2
    expected += [stats.norm.logcdf(-38), stats.norm.logsf(8), stats.norm.logpdf(5e-7) + np.log(1e-6)]
    assert_allclose(_log_chance(low, high), expected, rtol=1e-10)


def test_pools_hold_what_they_have_to() -> None:
    assert _pools(np.array([0.1, 0.1, 0.3, 0.4, 0.05, 0.05]), 0.2).tolist() == [0, 0, 1, 2, 2, 2]
    assert _pools(np.array([0.1, 0.1]), 0.5).tolist() == [0, 0]


@pytest.mark.parametrize("distribution", TERMS)
def test_quantiles_undo_shares(distribution: str) -> None:
    rounded = fit_rounded(SURVEYS["clusters"].observed("coarse"), "coarse", distribution=distribution)
    shares = [0.001, 0.1, 0.5, 0.9, 0.999]
    quantiles = rounded.quantile(shares)
    assert_allclose(rounded.share_at_most(quantiles.value), shares, rtol=1e-10)
    assert quantiles.labels["probability"].tolist() == shares
    # The error of a quantile is that of the share, divided by the density.
    width = 1e-5
    density = np.diff(rounded.share_at_most([quantiles.value[1] - width, quantiles.value[1] + width]))[0] / (2 * width)
    error = rounded.prevalence(quantiles.value[1]).std_error[0]
    assert quantiles.std_error[1] == pytest.approx(error / density, rel=1e-6)  # the density is a difference


@pytest.mark.parametrize(
    ("distribution", "exact"),
    [
        ("normal", lambda m, s: stats.norm(m, s)),
        ("lognormal", lambda m, s: stats.lognorm(s, scale=m)),
    ],
)
def test_moments_are_those_of_closed_forms(distribution: str, exact: object) -> None:
    rounded = fit_rounded(SURVEYS["strata"].observed("coarse"), "coarse", distribution=distribution)
    law = exact(*rounded.parameters.value)
    assert_allclose([rounded.mean.value[0], rounded.sd.value[0]], [law.mean(), law.std()], rtol=1e-12)
    assert rounded.sd.to_frame()["term"][0] == "sd of coarse"


def test_the_inverse_of_a_number_has_the_power_of_the_other_sign() -> None:
    # Cells of unequal width are none, so the two are compared where the step is small against the spread.
    x = np.exp(stats.norm.ppf((np.arange(4000) + 0.5) / 4000, 0, 0.2)) ** 1.5
    one, other = (
        fit_rounded(simple(np.round(each, 3)), "mmol", distribution="box_cox") for each in (x + 0.2, 1 / (x + 0.2))
    )
    median, spread, power = one.parameters.value
    assert power < -0.1
    assert_allclose(other.parameters.value, [1 / median, spread, -power], rtol=2e-3)
    assert_allclose(one.share_at_most(one.quantile([0.01, 0.99]).value), [0.01, 0.99], rtol=1e-10)
    assert_allclose(other.mean.value[0], np.mean(1 / (x + 0.2)), rtol=1e-3)


# Invariants.

SERUM = cs.datasets.nhanes_magnesium().observed("magnesium_mg_dl")


@cache
def of_nhanes(distribution: str, **ends: float) -> RoundedDistribution:
    return fit_rounded(SERUM, "magnesium_mg_dl", distribution=distribution, **ends)


def assert_same(one: RoundedDistribution, other: RoundedDistribution, rtol: float = 1e-9) -> None:
    assert_allclose(one.parameters.value, other.parameters.value, rtol=rtol)
    assert_allclose(one.parameters.std_error, other.parameters.std_error, rtol=rtol)
    assert one.parameters.df.tolist() == other.parameters.df.tolist()
    assert_allclose(one.misfit.to_frame(), other.misfit.to_frame(), rtol=rtol, atol=1e-12)
    pd.testing.assert_frame_equal(one.cells, other.cells, check_dtype=False)


@pytest.mark.parametrize("distribution", TERMS)
@pytest.mark.parametrize("design", SURVEYS)
def test_tabulating_first_changes_nothing(design: str, distribution: str) -> None:
    survey = SURVEYS[design].observed("coarse").where("sex == 'female'")
    rows, table = (
        fit_rounded(each, "coarse", distribution=distribution) for each in (survey, survey.tabulate(["coarse"]))
    )
    assert_same(rows, table)


@settings(max_examples=25)
@given(scale=st.floats(1e-3, 1e3), seed=st.integers(0, 5))
def test_scaling_weights_and_shuffling_rows_change_nothing(scale: float, seed: int) -> None:
    other = PAIRED.assign(weight=PAIRED["weight"] * scale).sample(frac=1, random_state=seed)
    asked = {"column": "coarse", "distribution": "sinh_arcsinh"}
    one = fit_rounded(SURVEYS["clusters"].observed("coarse"), **asked)
    assert_same(one, fit_rounded(cs.Survey(other, **NESTED).observed("coarse"), **asked), rtol=1e-8)


def test_a_row_in_two_of_half_the_weight() -> None:
    rows = PAIRED.dropna(subset="coarse")
    halves = pd.concat([rows.assign(weight=rows["weight"] / 2)] * 2)
    one, two = (fit_rounded(cs.Survey(each, **NESTED), "coarse") for each in (rows, halves))
    assert_allclose(one.parameters.value, two.parameters.value, rtol=1e-10)
    assert_allclose(one.parameters.std_error, two.parameters.std_error, rtol=1e-9)


@pytest.mark.parametrize("distribution", TERMS)
def test_another_unit_is_the_same_distribution(distribution: str) -> None:
    survey = SERUM.define(magnesium_mmol_l="magnesium_mg_dl / 2.4305")
    one = of_nhanes(distribution)
    other = fit_rounded(survey, "magnesium_mmol_l", distribution=distribution)
    assert other.step == pytest.approx(0.1 / 2.4305, rel=1e-6)  # found from the values, to so many digits
    for asked in (one.prevalence([0.6, 0.75, 0.9], unit="mmol/L"), one.prevalence(np.array([0.6, 0.75, 0.9]) * 2.4305)):
        assert_allclose(asked.value, other.prevalence([0.6, 0.75, 0.9]).value, rtol=1e-5)
        assert_allclose(asked.std_error, other.prevalence([0.6, 0.75, 0.9]).std_error, rtol=1e-5)
    assert one.prevalence(0.75, unit="mmol/L").labels.to_numpy().tolist() == [["magnesium_mg_dl <= 1.82287", 0.75]]


def test_who_is_outside_the_domain_stays_in_the_design() -> None:
    survey = SURVEYS["clusters"].observed("coarse")
    marked = survey.define(asked="sex == 'female'").where("asked == 1")
    assert_same(fit_rounded(survey.where("sex == 'female'"), "coarse"), fit_rounded(marked, "coarse"))
    alone = PAIRED[(PAIRED["sex"] == "female") & PAIRED["coarse"].notna()]
    values = fit_rounded(cs.Survey(alone, **NESTED), "coarse").parameters.value
    assert_allclose(fit_rounded(marked, "coarse").parameters.value, values, rtol=1e-10)


def test_values_beyond_an_outermost_cell_are_counted_with_it() -> None:
    clipped = PAIRED.assign(coarse=PAIRED["coarse"].clip(0.72, 0.92))
    one, other = (
        fit_rounded(cs.Survey(each, **NESTED).observed("coarse"), "coarse", lowest=0.72, highest=0.92)
        for each in (PAIRED, clipped)
    )
    assert_same(one, other)
    closed = fit_rounded(cs.Survey(clipped, **NESTED).observed("coarse"), "coarse")
    assert closed.parameters.value[1] < one.parameters.value[1]  # whom the end stands for lie further out than it


def test_an_outermost_cell_that_nobody_is_in_says_nothing() -> None:
    survey = SURVEYS["clusters"].observed("coarse")
    lowest = survey.data["coarse"].min()
    one, other = fit_rounded(survey, "coarse"), fit_rounded(survey, "coarse", lowest=lowest - 0.08)
    assert_allclose(one.parameters.value, other.parameters.value, rtol=1e-12)
    assert other.cells["n"].head(2).tolist() == [0, 0]


# On published data.


@pytest.mark.parametrize("distribution", TERMS)
def test_cells_add_up(distribution: str) -> None:
    cells = of_nhanes(distribution, **ENDS).cells
    assert cells["reported"].tolist() == [1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2.0, 2.1, 2.2, 2.3, 2.4, 2.5]
    assert cells["n"].sum() == 3932
    assert_allclose(cells[["observed", "expected"]].sum(), 1, rtol=1e-12)
    reported = cs.prevalence(SERUM, "magnesium_mg_dl <= 1.7").value[0]
    assert cells["observed"][:4].sum() == pytest.approx(reported, rel=1e-12)
    assert cells["expected"][:4].sum() == pytest.approx(of_nhanes(distribution, **ENDS).share_at_most(1.75)[0])


def test_which_distribution_fits_us_adults() -> None:
    p_values = {name: of_nhanes(name, **ENDS).misfit.p_value for name in TERMS}
    assert p_values["normal"] < 1e-4
    assert p_values["lognormal"] < 1e-4
    assert p_values["box_cox"] < 0.05
    assert p_values["sinh_arcsinh"] > 0.2


def test_prevalences_of_us_adults_without_the_step() -> None:
    # At most 1.7 mg/dL, the reported value of 0.70 mmol/L, are 9.85 %; below 1.7013 of the smooth curve far fewer.
    found = of_nhanes("sinh_arcsinh", **ENDS).prevalence([0.70, 0.75], unit="mmol/L").to_frame()
    assert_allclose(found["estimate"], [0.0681, 0.1816], atol=5e-5)
    assert_allclose(found["conf_low"], [0.0592, 0.1618], atol=5e-5)
    assert_allclose(found["conf_high"], [0.0782, 0.2032], atol=5e-5)


def test_nhanes_1_has_steps_so_small_that_the_curve_is_the_staircase() -> None:
    survey = cs.datasets.nhanes1_magnesium()
    rounded = fit_rounded(survey, "magnesium_meq_l", distribution="sinh_arcsinh", lowest=1.2, highest=2.2)
    assert (rounded.step, rounded.unit) == (0.01, "mEq/L")
    reported = cs.prevalence(survey, "magnesium_meq_l <= 1.5")
    smooth = rounded.prevalence(0.7525, unit="mmol/L")
    assert_allclose(smooth.value, reported.value, atol=2 * reported.std_error[0])
    plain = cs.mean(survey, "magnesium_meq_l")
    assert_allclose(rounded.mean.value, plain.value, atol=plain.std_error[0])


# Usual levels.


def test_variation_that_is_taken_out_by_hand() -> None:
    for distribution, centre in (("normal", 0), ("lognormal", 0), ("box_cox", 0)):
        rounded = of_nhanes(distribution)
        spread = rounded.parameters.value[1] / (rounded.parameters.value[centre] if distribution == "normal" else 1)
        score = stats.norm.ppf(rounded.prevalence(1.7).value[0])
        left = np.sqrt(1 - (0.03 / spread) ** 2)
        usual = rounded.prevalence(1.7, cv=0.03)
        assert usual.value[0] == pytest.approx(stats.norm.cdf(score / left), rel=1e-10)
        assert usual.labels["term"].tolist() == ["usual magnesium_mg_dl <= 1.7"]


def test_the_error_of_a_usual_prevalence_is_that_of_its_parameters() -> None:
    rounded = of_nhanes("normal")
    usual = cs.transform(
        rounded.parameters,
        lambda p: stats.norm.cdf((1.7 - p[:1]) / np.sqrt(p[1] ** 2 - (0.03 * p[0]) ** 2)),
        label="usual",
    )
    assert_allclose(rounded.prevalence(1.7, cv=0.03).std_error, usual.std_error, rtol=1e-7)


def test_usual_levels_are_recovered_from_draws() -> None:
    rng = np.random.default_rng(7)
    usual = rng.normal(1.95, 0.15, 200_000)
    drawn = np.round(usual * (1 + rng.normal(0, 0.035, 200_000)), 1)
    rounded = fit_rounded(simple(drawn), "mmol")
    found = rounded.prevalence(1.7, cv=0.035)
    # Draws vary in proportion to the level, which is taken at the centre: within 0.001 here.
    assert found.value[0] == pytest.approx(stats.norm.cdf((1.7 - 1.95) / 0.15), abs=4 * found.std_error[0] + 0.001)


# Of many samples.


def test_values_errors_and_misfit_of_many_samples() -> None:
    rng = np.random.default_rng(20261125)
    values, errors, p_values = [], [], []
    for _ in range(300):
        rounded = fit_rounded(simple(np.round(rng.normal(1.95, 0.17, 400), 1)), "mmol")
        share = rounded.prevalence(1.7)
        values.append(share.value[0])
        errors.append(share.std_error[0])
        p_values.append(rounded.misfit.p_value)
    spread = np.std(values, ddof=1)
    assert np.mean(values) == pytest.approx(stats.norm.cdf((1.7 - 1.95) / 0.17), abs=4 * spread / np.sqrt(300) + 0.0005)
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(spread, rel=4 / np.sqrt(600))
    # The chi-square is one of people in cells: p values are even.
    assert np.mean(p_values) == pytest.approx(0.5, abs=4 * np.sqrt(1 / 12 / 300))
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 300))


def test_a_simple_random_sample_has_pearson_s_chi_square() -> None:
    rng = np.random.default_rng(5)
    rounded = fit_rounded(simple(np.round(rng.normal(1.95, 0.17, 20_000), 1)), "mmol")
    misfit = rounded.misfit
    # Every eigenvalue of the design effect is 1: the chi-square is divided by its degrees of freedom.
    assert misfit.df == pytest.approx(misfit.cells - 3, rel=0.02)
    assert misfit.statistic == pytest.approx(misfit.chi_square / (misfit.cells - 3), rel=0.02)


def test_clusters_that_are_alike_make_a_misfit_of_chance_a_misfit_of_nothing() -> None:
    people = pd.DataFrame({"mg": np.repeat(np.round(np.random.default_rng(2).normal(1.95, 0.17, 300), 1), 10)})
    people["cluster"] = np.repeat(np.arange(300), 10)
    naive, right = (fit_rounded(cs.Survey(people, cluster=one), "mg").misfit for one in (None, "cluster"))
    assert naive.chi_square == right.chi_square
    assert naive.statistic == pytest.approx(10 * right.statistic, rel=0.01)


def test_a_million_rows_are_as_their_cells() -> None:
    rng = np.random.default_rng(1)
    people = pd.DataFrame(
        {"mg": np.round(rng.normal(1.95, 0.17, 1_000_000), 1), "psu": rng.integers(0, 200, 1_000_000)}
    )
    survey = cs.Survey(people, cluster="psu")
    assert_same(fit_rounded(survey, "mg"), fit_rounded(survey.tabulate(["mg"]), "mg"))


# The table and the picture.


def test_the_table_is_that_of_the_parameters() -> None:
    rounded = of_nhanes("box_cox", **ENDS)
    table = rounded.to_frame(level=0.9)
    assert table["term"].tolist() == ["median", "relative_sd", "power"]
    assert table.columns.tolist() == ["term", "n", "estimate", "std_error", "conf_low", "conf_high", "note"]
    pd.testing.assert_frame_equal(table, rounded.parameters.to_frame(level=0.9))
    for shown in (repr(rounded), rounded._repr_html_()):
        assert "box_cox magnesium_mg_dl" in shown
        assert "reported to 0.1 mg/dL; misfit p = 0.015" in shown
    assert rounded.misfit.to_frame().columns.tolist() == [
        *("chi_square", "statistic", "df", "df_denominator", "p_value", "cells")
    ]


def drawn(*fits: RoundedDistribution, **options: object) -> tuple[Axes, pd.DataFrame]:
    _, (ax,) = figures.canvas()
    given = {"xlabel": "serum magnesium, mmol/L", "ylabel": "% of adults at or below", "unit": "mmol/L"} | options
    return ax, draw_rounded(*fits, ax=ax, **given)


def test_the_picture_shows_the_staircase_and_the_curves() -> None:
    fits = of_nhanes("normal", **ENDS), of_nhanes("sinh_arcsinh", **ENDS)
    ax, table = drawn(*fits)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("serum magnesium, mmol/L", "% of adults at or below")
    lines = {line.get_label(): line.get_xydata() for line in ax.lines}
    assert set(lines) == {"as reported", "end of the step", "normal", "sinh-arcsinh"}
    for series, rows in table.groupby("series"):
        assert_allclose(lines[series.replace("_", "-")], rows[["value", "share"]] * [1, 100])
    reported = table[table["series"] == "as reported"]
    assert_allclose(reported["value"] * 2.4305, fits[0].cells["reported"][:-1])
    assert_allclose(reported["share"], fits[0].cells["observed"].cumsum()[:-1])
    ends = table[table["series"] == "end of the step"]
    assert_allclose(ends["value"] * 2.4305, fits[0].cells["reported"][:-1] + 0.05)
    curve = table[table["series"] == "normal"]
    assert_allclose(curve["share"], fits[0].share_at_most(curve["value"], unit="mmol/L"))


def test_closed_cells_reach_everybody() -> None:
    _, table = drawn(of_nhanes("normal"))
    assert table.loc[table["series"] == "as reported", "share"].iloc[-1] == pytest.approx(1)


def test_pictures_that_cannot_be_drawn() -> None:
    with pytest.raises(CrampstatsError, match="one to three distributions"):
        drawn()
    with pytest.raises(CrampstatsError, match="of one column with the same cells"):
        drawn(of_nhanes("normal"), of_nhanes("normal", **ENDS))
    with pytest.raises(CrampstatsError, match="two are 'normal'"):
        drawn(of_nhanes("normal"), of_nhanes("normal"))


# What is refused.


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([1, 2, 3], {"distribution": "gamma"}, "distribution='gamma' is unknown: choose from normal, lognormal"),
        ([1, 2, 3], {"step": 0}, "step=0 has to be a positive number"),
        ([1, 2, 3], {"step": True}, "step=True has to be a positive number"),
        ([1, 2, 3], {"step": 1e-5}, "more than 10,000 steps apart"),
        ([1.0, 1.05, 1.1, 1.2], {"step": 0.1}, "not reported in such steps, 1.05 lies between"),
        ([1, 1, 1], {}, "not reported in steps: it has one distinct value"),
        (list(np.sqrt(np.arange(9))), {}, "not reported in steps"),
        ([1, 2], {}, "needs at least 3 distinct values of 'mmol'; there are 2"),
        ([1, 2, 3], {"distribution": "sinh_arcsinh"}, "needs at least 5 distinct values"),
        ([0, 1, 2, 3], {"distribution": "lognormal"}, "begins at -0.5; choose from normal, sinh_arcsinh"),
        (
            [1, 2, 3],
            {"lowest": 1.5},
            "lowest=1.5 has to be a value that 'mmol' can be reported as: 1 and whole steps of 1",
        ),
        ([1, 2, 3], {"highest": "3"}, "highest='3' has to be a value"),
        ([1, 2, 3], {"lowest": 3, "highest": 3}, "leave no two cells"),
    ],
)
def test_what_cannot_be_fitted(values: list[float], options: dict, message: str) -> None:
    with pytest.raises(CrampstatsError, match=message):
        fit_rounded(simple(values), "mmol", **options)


def test_a_shape_that_the_cells_do_not_tell() -> None:
    # Two heaps and nearly nobody between: no unimodal distribution is the likeliest.
    table = pd.DataFrame({"mmol": [1, 2, 3, 4, 5], "n": [100, 1, 1, 1, 100]})
    message = (
        "distribution='sinh_arcsinh' of 'mmol': the likelihood has no maximum.*choose from normal, lognormal, box_cox"
    )
    with pytest.raises(ConvergenceError, match=message):
        fit_rounded(cs.Survey(table, count="n"), "mmol", distribution="sinh_arcsinh")


def test_a_spread_too_wide_for_a_power() -> None:
    x = np.round(np.abs(np.random.default_rng(1).normal(2, 1, 2000)) + 0.5)
    with pytest.raises(CrampstatsError, match="more than 1e-06 of the people beyond its end; choose from normal"):
        fit_rounded(simple(x), "mmol", distribution="box_cox")


def test_missing_values_are_refused_until_observed() -> None:
    with pytest.raises(QuestionError, match=r"first ask observed\('coarse'\)"):
        fit_rounded(SURVEYS["clusters"], "coarse")


def test_no_degrees_of_freedom() -> None:
    people = pd.DataFrame(
        {"mg": [1.6, 1.7, 1.7, 1.8, 1.8, 1.9] * 2, "psu": [1] * 6 + [2] * 6, "who": [1] * 6 + [0] * 6}
    )
    with pytest.raises(DesignError, match="no degrees of freedom"):
        fit_rounded(cs.Survey(people, cluster="psu").where("who == 1"), "mg")


def test_questions_that_a_distribution_cannot_answer() -> None:
    normal, twisted = of_nhanes("normal"), of_nhanes("sinh_arcsinh")
    with pytest.raises(CrampstatsError, match="no scale on which it could be taken out; fit one of normal, lognormal"):
        twisted.prevalence(1.7, cv=0.03)
    with pytest.raises(
        CrampstatsError, match=r"leaves no spread between people: all of 'magnesium_mg_dl' varies by 0\.0861"
    ):
        normal.prevalence(1.7, cv=0.09)
    for cv in (-0.01, 1.0, "0.03", True):
        with pytest.raises(CrampstatsError, match="has to be a share from 0 to below 1"):
            normal.prevalence(1.7, cv=cv)
    with pytest.raises(CrampstatsError, match="5 mg/dL lies too far from the levels of 'magnesium_mg_dl'"):
        normal.prevalence([1.7, 5])
    with pytest.raises(CrampstatsError, match="has to be one or several numbers"):
        normal.prevalence(np.nan)
    with pytest.raises(CrampstatsError, match="cannot be turned into that of 'coarse'"):
        fit_rounded(SURVEYS["simple"].observed("coarse"), "coarse").prevalence(0.7, unit="mmol/L")
    with pytest.raises(CrampstatsError, match="have to lie between 0 and 1"):
        normal.quantile([0.5, 1.0])


def test_positive_values_have_no_share_below_0() -> None:
    assert of_nhanes("lognormal").share_at_most([-1.0, 0.0]).tolist() == [0.0, 0.0]
