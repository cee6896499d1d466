"""Indirect reference limits: against reflimR and base R, by hand, on mixtures of known limits, and what is refused.

tests/golden/limits.R made the expected values on invented data; those of reflimR are on published data (`CRAMPSTATS_GOLDEN`).
"""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from places import folder_of
from scipy import optimize, stats

import crampstats as cs
from crampstats.errors import ConvergenceError, CrampstatsError, DesignError, QuestionError
from crampstats.measurement import indirect_limits
from crampstats.measurement.indirect_limits import indirect_reference_limits
from crampstats.measurement.truncation import (
    central_part,
    confidence_ends,
    fit_central_part,
    likely_distribution,
    permissible_ends,
    quartile_skewness,
)

FOLDER = Path(__file__).parent / "golden"
PUBLISHED = folder_of("CRAMPSTATS_GOLDEN", "shared/golden")
DATA = pd.read_csv(FOLDER / "survey_input.csv")
EXPECTED = pd.read_csv(FOLDER / "limits_expected.csv")
GROUPS = list(EXPECTED[EXPECTED["method"] == "reflim"].groupby("group"))
REFLIMR = [] if PUBLISHED is None else pd.read_csv(PUBLISHED / "golden_reflimR_livertests.csv").to_dict("records")
published = pytest.mark.skipif(PUBLISHED is None, reason="no reference results")


def simple(values: object, **columns: object) -> cs.Survey:
    return cs.Survey(pd.DataFrame({"mmol": values, **columns}))


def mixture(rng: np.random.Generator, *, healthy: int = 5000, low: int = 250) -> np.ndarray:
    return np.concatenate([rng.normal(0.85, 0.06, healthy), rng.normal(0.60, 0.06, low)])


@pytest.mark.parametrize(("group", "rows"), GROUPS, ids=[group for group, _ in GROUPS])
def test_equals_r(group: str, rows: pd.DataFrame) -> None:
    sex, shape = group.split("-")
    values = DATA.loc[(DATA["sex"] == sex) | (sex == "all"), "magnesium_mmol_l"].dropna().to_numpy()
    fit = fit_central_part(values if shape == "plain" else np.exp(6 * values))
    expected = rows.set_index("what")["value"]
    assert (fit.distribution == "lognormal", fit.kept) == (bool(expected["lognormal"]), expected["kept"])
    assert_allclose([fit.location, fit.scale], expected[["location", "scale"]], rtol=rows["tolerance"].max())


def half_a_digit(limit: float) -> float:
    """Return half of the last of the digits to which reflimR rounds: three of the number, none after the point of large ones."""
    return 0.5 * 10.0 ** -max(2 - np.floor(np.log10(limit)), 0)


@published
@pytest.mark.parametrize("row", REFLIMR, ids=[f"{row['analyte']}-{row['sex']}" for row in REFLIMR])
def test_equals_reflimr(row: dict) -> None:
    """Against reflimR 1.1.0; where it rounds, to half of its last digit, and its ends are made from its rounded limits."""
    data = pd.read_csv(PUBLISHED / "livertests.csv")
    values = data.loc[data["Sex"] == row["sex"], row["analyte"]]
    found = indirect_reference_limits(simple(values), "mmol")
    curve = found.curves.iloc[0]
    assert (curve["distribution"] == "lognormal", curve["n"], curve["kept"]) == (
        row["lognormal"],
        row["n.total"],
        row["n.trunc"],
    )
    if row["lognormal"]:
        assert_allclose([curve["location"], curve["scale"]], [row["meanlog"], row["sdlog"]], atol=0.0005 + 1e-9)
    else:
        assert_allclose([curve["location"], curve["scale"]], [row["mean"], row["sd"]], rtol=1e-11)
    digit = half_a_digit(values.median())
    lower, upper = row["lower.lim"], row["upper.lim"]
    assert_allclose(found.value, [lower, upper], atol=digit * (1 + 1e-9))
    ends = confidence_ends(lower, upper, row["n.total"], distribution=curve["distribution"])
    expected = [row[f"{side}.lim.{end}.1"] for side in ("lower", "upper") for end in ("low", "upp")]
    assert_allclose(ends.ravel(), expected, atol=half_a_digit(ends[0, 0]) * (1 + 1e-9))
    # These are rounded twice, first by the size of the lower end.
    permissible = permissible_ends(lower, upper)
    expected = [row[f"{side}.lim.{end}"] for side in ("lower", "upper") for end in ("low", "upp")]
    assert_allclose(permissible.ravel(), expected, atol=digit + half_a_digit(permissible[0, 0]))


@published
def test_equals_reflimr_on_ten_thousand_results() -> None:
    row = pd.read_csv(PUBLISHED / "golden_reflimR_sim_mg.csv").iloc[0]
    values = pd.read_csv(PUBLISHED / "refineR_simulated_mg.csv")["mg"]
    fit = fit_central_part(values.to_numpy())
    assert (fit.distribution, fit.n, fit.kept) == ("normal", row["n.total"], row["n.trunc"])
    assert_allclose([fit.location, fit.scale], [row["mean"], row["sd"]], rtol=1e-11)
    assert_allclose([fit.lower, fit.upper], [row["lower.lim"], row["upper.lim"]], atol=0.0005)


def test_quartile_skewness_by_hand() -> None:
    assert quartile_skewness(np.array([1.0, 2, 3, 5, 9])) == pytest.approx((2 - 2 * 3 + 5) / 3)
    assert likely_distribution(np.exp(np.linspace(-1, 1, 101))) == "lognormal"
    assert likely_distribution(np.linspace(0.8, 0.9, 101)) == "normal"
    assert likely_distribution(10 - np.exp(np.linspace(-1, 1, 101))) == "normal"  # skewed to the left


def test_truncation_by_hand() -> None:
    # Quartiles -1 and 1: whiskers at 0.995's 2.5758 / 0.6745 = 3.82 at first. What stays has quartiles at +-0.9, and so on.
    values = np.array([-50.0, -1.0, -0.9, 0.0, 0.9, 1.0, 3.9])
    kept = central_part(values)
    assert kept.tolist() == [-1.0, -0.9, 0.0, 0.9, 1.0]


def test_the_middle_of_normal_values_is_left_alone() -> None:
    # Quantiles between 2.5 % and 97.5 % are what a truncated normal sample looks like in the end.
    values = stats.norm.ppf(np.linspace(0.0255, 0.9745, 2001))
    assert len(central_part(values)) == pytest.approx(2001, abs=25)
    whole = stats.norm.ppf(np.linspace(0.0001, 0.9999, 20001))
    assert len(central_part(whole)) / 20001 == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize("shape", ["normal", "lognormal"])
def test_limits_of_the_healthy_in_a_mixture(shape: str) -> None:
    rng = np.random.default_rng(20261125)
    values = mixture(rng)
    # The exponential turns the standard deviation into one of the logarithm; 4 * values has log-sd 0.24.
    values = values if shape == "normal" else np.exp(6 * values)
    truth = stats.norm.ppf([0.025, 0.975], 0.85, 0.06)
    truth = truth if shape == "normal" else np.exp(6 * truth)
    found = indirect_reference_limits(simple(values), "mmol")
    scale = 0.06 if shape == "normal" else 6 * 0.06 * truth
    assert found.curves["distribution"].tolist() == [shape]
    assert_allclose((found.value - truth) / scale, [0, 0], atol=0.15)
    assert found.curves["share"][0] == pytest.approx(5000 / 5250, abs=0.03)
    # The quantile of everybody is that of the mixture, one and a half to two standard deviations too low; its sampling error
    # is 0.12 of them.
    mixed = optimize.brentq(
        lambda value: (
            (5000 * stats.norm.cdf(value, 0.85, 0.06) + 250 * stats.norm.cdf(value, 0.60, 0.06)) / 5250 - 0.025
        ),
        0.4,
        0.9,
    )
    mixed = mixed if shape == "normal" else np.exp(6 * mixed)
    naive, expected = (np.array([np.quantile(values, 0.025), mixed]) - truth[0]) / np.atleast_1d(scale)[0]
    assert naive == pytest.approx(expected, abs=0.36)
    assert -2.2 < expected < -1.3


def test_the_intervals_hold_the_limits_of_large_samples() -> None:
    rng = np.random.default_rng(12)
    truth = stats.norm.ppf([0.025, 0.975], 10, 1)
    hits, inwards, many = np.zeros(2), np.zeros(2), 300
    for _ in range(many):
        fit = fit_central_part(rng.normal(10, 1, 10_000))
        ends = confidence_ends(fit.lower, fit.upper, fit.n, distribution=fit.distribution)
        hits += (ends[:, 0] <= truth) & (truth <= ends[:, 1])
        inwards += np.array([fit.lower, fit.upper]) - truth
    assert_allclose(hits / many, 0.94, atol=3 * np.sqrt(0.94 * 0.06 / many) + 0.01)
    assert_allclose(inwards / many, [0.014, -0.014], atol=0.01)


@pytest.mark.parametrize(
    ("n", "start"), [(199, "fewer than 200 results, for which"), (200, "fewer than 1,000 results: ")]
)
def test_very_few_results_say_that_their_interval_was_not_made_for_them(n: int, start: str) -> None:
    values = np.random.default_rng(2).normal(0.85, 0.06, n)
    assert indirect_reference_limits(simple(values), "mmol").to_frame()["note"].str.startswith(start).all()


def test_few_results_say_that_their_interval_is_too_short() -> None:
    rng = np.random.default_rng(13)
    table = indirect_reference_limits(simple(rng.normal(0.85, 0.06, 400)), "mmol").to_frame()
    assert (
        table["note"].tolist()
        == ["fewer than 1,000 results: the interval holds the limit clearly less often than 95 %"] * 2
    )
    table = indirect_reference_limits(simple(rng.normal(0.85, 0.06, 1000)), "mmol").to_frame()
    assert table["note"].tolist() == ["", ""]


def test_the_table_and_its_columns() -> None:
    rng = np.random.default_rng(14)
    found = indirect_reference_limits(simple(mixture(rng), sex=["f", "m"] * 2625), "mmol", by=["sex"])
    table = found.to_frame()
    assert table.columns.tolist() == [
        "term",
        "sex",
        "n",
        "estimate",
        "std_error",
        "conf_low",
        "conf_high",
        "permissible_low",
        "permissible_high",
        "note",
    ]
    assert table["term"].tolist() == ["2.5 % limit", "97.5 % limit"] * 2
    assert table["sex"].tolist() == ["f", "f", "m", "m"]
    assert table["n"].tolist() == [2625] * 4
    assert_allclose(
        table["std_error"], (table["conf_high"] - table["conf_low"]) / (2 * stats.norm.ppf(0.975)), rtol=1e-12
    )
    assert found.curves.columns.tolist() == ["sex", "n", "kept", "distribution", "location", "scale", "share"]
    assert repr(found).startswith("<IndirectLimits of mmol, survey: method reflim, 95 % intervals>\n")
    assert "permissible_low" in found._repr_html_()


def test_by_gives_all_domains_as_where_gives_one() -> None:
    rng = np.random.default_rng(15)
    survey = simple(mixture(rng), sex=["f", "m"] * 2625)
    by = indirect_reference_limits(survey, "mmol", by=["sex"])
    for place, sex in enumerate("fm"):
        alone = indirect_reference_limits(survey.where(f"sex == '{sex}'"), "mmol")
        rows = by.to_frame().query("sex == @sex").drop(columns="sex").reset_index(drop=True)
        pd.testing.assert_frame_equal(rows, alone.to_frame())
        pd.testing.assert_frame_equal(
            by.curves.iloc[[place]].drop(columns="sex").reset_index(drop=True), alone.curves, check_dtype=False
        )


def test_tabulating_and_shuffling_change_nothing() -> None:
    values = np.round(mixture(np.random.default_rng(16)), 2)
    survey = simple(values)
    once = indirect_reference_limits(survey, "mmol").to_frame()
    for other in (survey.tabulate(["mmol"]), simple(np.random.default_rng(1).permutation(values))):
        pd.testing.assert_frame_equal(indirect_reference_limits(other, "mmol").to_frame(), once)


def test_units_change_with_the_values() -> None:
    values = mixture(np.random.default_rng(17))
    one, other = (indirect_reference_limits(simple(each), "mmol") for each in (values, 2.4305 * values))
    for mine, theirs in (
        (one.value, other.value),
        (one.limits.low, other.limits.low),
        (one.permissible.high, other.permissible.high),
    ):
        assert_allclose(theirs, 2.4305 * mine, rtol=1e-10)


def test_permissible_ends_by_hand() -> None:
    # Limits 10 and 50: log-sd ln(5) / 3.92 = 0.4106, CV 42.8 %, permissible CV 6.53 %; 1.28 of it, of 0.8 limit + 0.2 sqrt(500).
    spread = np.log(5) / 3.92
    off = 1.28 * np.sqrt(100 * np.sqrt(np.exp(spread**2) - 1) - 0.25) / 100
    expected = [[10 - off * (8 + 0.2 * np.sqrt(500)), 10 + off * (8 + 0.2 * np.sqrt(500))]]
    assert_allclose(permissible_ends(10, 50)[:1], expected, rtol=1e-12)
    assert_allclose(permissible_ends(140, 140.5), [[140, 140], [140.5, 140.5]], rtol=1e-12)  # nothing below 0.25 %


def test_confidence_ends_of_lognormal_limits_are_those_of_the_logarithms() -> None:
    assert_allclose(
        np.log(confidence_ends(10, 50, 400, distribution="lognormal")),
        confidence_ends(np.log(10), np.log(50), 400, distribution="normal"),
        rtol=1e-12,
    )


@pytest.fixture
def refinement(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Stand a simple method in for refineR's: the normal distribution of all values, and none of samples without luck."""
    module = ModuleType("crampstats.measurement.refinement")

    def refine(values: np.ndarray, *, step: float | None = None) -> SimpleNamespace:
        if values.mean() > module.most:
            raise ConvergenceError("no curve")
        location, scale = values.mean(), values.std()
        return SimpleNamespace(
            shape=1.0,
            location=location,
            scale=scale,
            share=1.0,
            step=step,
            note=module.note,
            quantile=lambda p: stats.norm.ppf(p, location, scale),
        )

    module.refine, module.most, module.note = refine, np.inf, ""
    monkeypatch.setitem(sys.modules, "crampstats.measurement.refinement", module)
    return module


def test_refined_limits_have_the_interval_of_the_bootstrap(refinement: ModuleType) -> None:
    values = np.random.default_rng(18).normal(0.85, 0.06, 1000)
    survey = simple(values)
    found = indirect_reference_limits(survey, "mmol", method="refine", rng=2, resamples=400)
    assert_allclose(found.value, values.mean() + values.std() * stats.norm.ppf([0.025, 0.975]), rtol=1e-12)
    exact = values.std() * np.sqrt((1 + stats.norm.ppf(0.975) ** 2 / 2) / 1000)
    assert_allclose(found.std_error, exact, rtol=4 / np.sqrt(400))
    assert found.curves.iloc[0].tolist()[:3] == [1000, 1000, "Box-Cox 1"]
    assert found.to_frame()["note"].tolist() == ["", ""]
    again = indirect_reference_limits(survey, "mmol", method="refine", rng=2, resamples=400)
    assert_allclose(again.limits.low, found.limits.low, rtol=0)


def test_refined_limits_of_the_real_method(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.round(mixture(np.random.default_rng(20), healthy=2000, low=200), 2)
    once = indirect_limits._limits_of_resample(values, 0.01)
    # A curve takes half a second: the bootstrap is tried with the stand-in, here it gives the same curve each time.
    monkeypatch.setattr(indirect_limits, "_limits_of_resample", lambda *_: once)
    found = indirect_reference_limits(simple(values), "mmol", method="refine", rng=1, resamples=50)
    assert_allclose(
        found.value, stats.norm.ppf([0.025, 0.975], 0.85, 0.06), atol=0.02
    )  # a third of a standard deviation
    assert_allclose(found.limits.low, found.value, rtol=1e-12)
    assert found.curves["share"][0] == pytest.approx(2000 / 2200, abs=0.06)


def test_resamples_without_a_curve_are_told_or_too_many(refinement: ModuleType) -> None:
    values = np.random.default_rng(19).normal(0.85, 0.06, 400)
    refinement.most = values.mean() + 2.3 * values.std() / 20
    table = indirect_reference_limits(simple(values), "mmol", method="refine", rng=3, resamples=200).to_frame()
    assert table["note"].str.fullmatch(r"\d of 200 resamples had no curve and were left out").all()
    refinement.note = "shape 1 is the end of the search"
    table = indirect_reference_limits(simple(values), "mmol", method="refine", rng=3, resamples=200).to_frame()
    assert table["note"].str.fullmatch(r"shape 1 is the end of the search; \d of 200 resamples .*").all()
    refinement.most = values.mean() + 1e-9
    with pytest.raises(ConvergenceError, match=r"\d+ of 200 resamples have no curve: say method='reflim'"):
        indirect_reference_limits(simple(values), "mmol", method="refine", rng=3, resamples=200)


def test_the_bootstrap_needs_its_luck(refinement: ModuleType) -> None:
    survey = simple(np.linspace(0.7, 0.9, 100))
    with pytest.raises(CrampstatsError, match="method='refine' draws at random: give rng"):
        indirect_reference_limits(survey, "mmol", method="refine")
    for wrong in (7, 50.5, "200", None):
        with pytest.raises(CrampstatsError, match=f"resamples={wrong!r} has to be a whole number of at least 50"):
            indirect_reference_limits(survey, "mmol", method="refine", rng=1, resamples=wrong)


def test_requests_that_cannot_be_met() -> None:
    survey = simple(np.linspace(0.0, 0.9, 100), sex=["f"] * 30 + ["m"] * 70)
    with pytest.raises(CrampstatsError, match="method='reflimR' is unknown: choose from reflim, refine"):
        indirect_reference_limits(survey, "mmol", method="reflimR")
    with pytest.raises(CrampstatsError, match="needs results above 0, and the smallest is 0"):
        indirect_reference_limits(survey, "mmol")
    with pytest.raises(CrampstatsError, match="needs 40 results, and there are 30 in sex f"):
        indirect_reference_limits(survey, "mmol", by=["sex"])
    with pytest.raises(QuestionError, match="'share' is a column of the result; give yours another name"):
        indirect_reference_limits(simple([1.0, 2.0], share=[1, 2]), "mmol", by=["share"])
    with pytest.raises(QuestionError, match=r"first ask observed\('magnesium_mmol_l'\)"):
        indirect_reference_limits(cs.Survey(DATA), "magnesium_mmol_l")
    weighted = cs.Survey(DATA, weight="weight").observed("magnesium_mmol_l")
    with pytest.raises(DesignError, match="unequal weights: no indirect method knows a sampling design"):
        indirect_reference_limits(weighted, "magnesium_mmol_l")


def test_results_that_hold_no_limits() -> None:
    with pytest.raises(CrampstatsError, match=r"half of the results are 0\.8: they are reported too coarsely"):
        indirect_reference_limits(simple([0.8] * 60 + [0.7] * 20 + [0.9] * 20), "mmol")
    with pytest.raises(CrampstatsError, match="the median of the results is one of their quartiles"):
        indirect_reference_limits(simple([0.8] * 40 + [0.7] * 35 + [0.9] * 25), "mmol")
    with pytest.raises(CrampstatsError, match="after truncation, and 30 of 60 are left"):
        indirect_reference_limits(simple(np.concatenate([np.linspace(0.8, 0.9, 30), np.linspace(5, 90, 30)])), "mmol")
    with pytest.raises(CrampstatsError, match=r"the lower limit is -.*: the results come too close to 0"):
        indirect_reference_limits(simple(8 * np.linspace(0.001, 1, 400) ** 0.9), "mmol")
