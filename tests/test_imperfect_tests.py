"""Corrections for an imperfect test, posteriors, bounds, tipping points: by hand, against R, and what is refused.

tests/golden/imperfect.R made the expected values; those of published packages are compared where they are at hand
(`CRAMPSTATS_GOLDEN`).
"""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import folder_of
from scipy import special, stats

import crampstats as cs
from crampstats.errors import ConvergenceError, CrampstatsError, IntervalError
from crampstats.intervals import binomial_interval
from crampstats.measurement import posteriors
from crampstats.measurement.imperfect_tests import (
    ValidationCounts,
    correct_for_test,
    effective_counts,
    prevalence_bounds,
    rogan_gladen,
    tipping_point,
)
from crampstats.measurement.posteriors import Beta, Gamma, melded_limit, posterior_prevalence

HERE = Path(__file__).parent / "golden"
EXPECTED = pd.read_csv(HERE / "imperfect_expected.csv")
DATA = pd.read_csv(HERE / "survey_input.csv").query("stratum != 7")
FOLDER = folder_of("CRAMPSTATS_GOLDEN", "shared/golden")
published = pytest.mark.skipif(FOLDER is None, reason="no reference results")
SENSITIVITY, SPECIFICITY = ValidationCounts(80, 100), ValidationCounts(190, 200)
COUNTED = {"sensitivity": SENSITIVITY, "specificity": SPECIFICITY}
KNOWN = {"sensitivity": 0.8, "specificity": 0.95}
CLUSTERS = {"weight": "weight", "stratum": "stratum", "cluster": "cluster", "cluster_labels": "nested"}


def simple(positive: int, n: int, method: str = "korn_graubard") -> cs.Estimate:
    return cs.prevalence(cs.Survey(pd.DataFrame({"low": np.arange(n) < positive})), "low", interval_method=method)


@cache
def surveyed(design: str, domain: str = "all") -> cs.Estimate:
    survey = cs.Survey(DATA, **(CLUSTERS if design == "clusters" else {}))
    return cs.prevalence(survey if domain == "all" else survey.where(f"sex == {domain!r}"), "cramps == 1")


def cases(what: str) -> list:
    chosen = EXPECTED[EXPECTED["what"] == what]
    return [pytest.param(name, rows.set_index("name"), id=name) for name, rows in chosen.groupby("case", sort=False)]


# Against R.


@pytest.mark.parametrize(("case", "expected"), cases("delta"))
def test_delta_equals_r(case: str, expected: pd.DataFrame) -> None:
    corrected = correct_for_test(surveyed(*case.split()), **COUNTED, method="delta")
    found = {**corrected.to_frame().iloc[0], "df": corrected.untruncated.df[0]}
    assert len(expected) == 5
    for name, row in expected.iterrows():
        assert found[name] == pytest.approx(row["value"], rel=row["tolerance"])


def rate(a: float, b: float) -> Beta | float:
    return 0.0 if a == 0 else 1.0 if b == 0 else Beta(a, b)


def melded(
    low: Beta | Gamma, high: Beta | Gamma, wrong: int, healthy: int, right: int, ill: int
) -> tuple[float, float]:
    upper = {"false_positive": rate(wrong + 1, healthy - wrong), "sensitivity": rate(right + 1, ill - right)}
    lower = {"false_positive": rate(wrong, healthy - wrong + 1), "sensitivity": rate(right, ill - right + 1)}
    return melded_limit(low, **upper, probability=0.025), melded_limit(high, **lower, probability=0.975)


@pytest.mark.parametrize(("case", "expected"), cases("melded"))
def test_melded_limits_equal_r(case: str, expected: pd.DataFrame) -> None:
    x, n, *validations = map(float, case.split())
    found = melded(Beta(x, n - x + 1), Beta(x + 1, n - x), *map(int, validations))
    assert expected.loc[["conf_low", "conf_high"], "value"].tolist() == pytest.approx(found, rel=1e-8)


@pytest.mark.parametrize(("case", "expected"), cases("posterior"))
def test_posteriors_equal_r(case: str, expected: pd.DataFrame) -> None:
    x, n, *numbers = map(float, case.split())
    rates = Beta(*numbers[:2]), Beta(*numbers[2:4])
    found = posterior_prevalence(x, n, sensitivity=rates[0], specificity=rates[1], prior=Beta(*numbers[4:]))
    assert len(expected) == 5
    for name, row in expected.iterrows():
        assert found.to_frame()[name][0] == pytest.approx(row["value"], rel=row["tolerance"])


@published
@pytest.mark.parametrize(("theirs", "mine"), [("wilson", "wilson"), ("c-p", "clopper_pearson")])
def test_published_rogan_gladen(theirs: str, mine: str) -> None:
    golden = pd.read_csv(FOLDER / "golden_rogan_gladen_epiR.csv").query("method == @theirs")
    assert len(golden) == 168
    # At 1 of n theirs has the lower limit -log(0.95) / n in place of Wilson's.
    golden = golden[(golden["x"] != 1) | (theirs != "wilson")]
    for (sensitivity, specificity), rows in golden.groupby(["se", "sp"]):
        limits = binomial_interval(rows["x"], rows["n"], method=mine)
        for share, expected in ((rows["x"] / rows["n"], "tp"), (limits.low, "tp_lo"), (limits.high, "tp_hi")):
            found = rogan_gladen(share, sensitivity=sensitivity, specificity=specificity)
            np.testing.assert_allclose(found, rows[expected], rtol=1e-8, atol=1e-14)


@published
def test_published_rogan_gladen_from_a_sample() -> None:
    golden = pd.read_csv(FOLDER / "golden_rogan_gladen_epiR.csv").query("method == 'c-p' and n in (50, 500)")
    for row in golden.to_dict("records"):
        apparent = simple(int(row["x"]), int(row["n"]), "clopper_pearson")
        found = correct_for_test(apparent, sensitivity=row["se"], specificity=row["sp"]).to_frame().iloc[0]
        assert found["untruncated"] == pytest.approx(row["tp"], rel=1e-8, abs=1e-14)
        for mine, theirs in (("estimate", "tp"), ("conf_low", "tp_lo"), ("conf_high", "tp_hi")):
            assert found[mine] == pytest.approx(np.clip(row[theirs], 0, 1), rel=1e-8, abs=1e-14)


@published
def test_published_lang_reiczigel() -> None:
    golden = pd.read_csv(FOLDER / "golden_prev_uncertain_sesp_asht.csv")
    assert len(golden) == 5
    for row in golden.itertuples():
        corrected = correct_for_test(
            simple(row.x, row.n),
            sensitivity=ValidationCounts(row.cp, row.mp),
            specificity=ValidationCounts(row.mn - row.cn, row.mn),
            method="lang_reiczigel",
        )
        found = corrected.to_frame().iloc[0]
        assert (found["estimate"], found["conf_low"], found["conf_high"]) == pytest.approx(
            (row.est, row.lo, row.hi), rel=1e-8, abs=1e-14
        )


@published
@pytest.mark.parametrize("method", ["binomial", "poisson"])
def test_published_melded_limits(method: str) -> None:
    """Theirs are quantiles of a hundred thousand random draws, good to three decimals (a Monte Carlo error of 2e-4)."""
    groups = pd.read_csv(FOLDER / "WprevSeSp_input.csv")
    each = groups["w"] / groups["n"]
    share, variance, largest = each @ groups["x"], each**2 @ groups["x"], each.max()
    if method == "binomial":
        size = share * (1 - share) / variance
        ends = Beta(size * share, size * (1 - share) + 1), Beta(size * share + 1, size * (1 - share))
    else:
        more = share + largest, variance + largest**2
        ends = Gamma(share**2 / variance, variance / share), Gamma(more[0] ** 2 / more[1], more[1] / more[0])
    golden = pd.read_csv(FOLDER / "golden_WprevSeSp_asht.csv").query("method == @method")
    assert len(golden) == 3
    for row in golden.itertuples():
        assert melded(*ends, row.cn, row.mn, row.cp, row.mp) == pytest.approx((row.lo, row.hi), abs=1e-3)


@published
def test_published_melded_limits_from_a_survey() -> None:
    """The survey's own variance is below that of Poisson counts by about the share of positives, a tenth."""
    groups = pd.read_csv(FOLDER / "WprevSeSp_input.csv")
    people = groups.loc[groups.index.repeat(groups["n"])]
    people = people.assign(stratum=people.index, low=people.groupby(level=0).cumcount() < people["x"])
    people["weight"] = people["w"] / people["n"]
    apparent = cs.prevalence(cs.Survey(people, weight="weight", stratum="stratum"), "low")
    for row in pd.read_csv(FOLDER / "golden_WprevSeSp_asht.csv").query("method == 'binomial'").itertuples():
        corrected = correct_for_test(
            apparent,
            sensitivity=ValidationCounts(row.cp, row.mp),
            specificity=ValidationCounts(row.mn - row.cn, row.mn),
            method="melded",
        ).to_frame()
        assert corrected["estimate"][0] == pytest.approx(row.est, rel=1e-12)
        # The half width is smaller by a twentieth of about 0.04; the variance has n - 1 for n in five groups besides.
        assert (corrected["conf_low"][0], corrected["conf_high"][0]) == pytest.approx((row.lo, row.hi), abs=4e-3)


# By hand.


def test_known_rates_by_hand() -> None:
    frame = correct_for_test(simple(30, 200, "clopper_pearson"), **KNOWN).to_frame()
    exact = binomial_interval(30, 200, method="clopper_pearson")
    assert frame["estimate"][0] == pytest.approx((0.15 - 0.05) / 0.75, rel=1e-12)
    assert frame["std_error"][0] == pytest.approx(np.sqrt(0.15 * 0.85 / 199) / 0.75, rel=1e-12)
    assert frame["conf_low"][0] == pytest.approx((exact.low[0] - 0.05) / 0.75, rel=1e-12)
    assert frame["conf_high"][0] == pytest.approx((exact.high[0] - 0.05) / 0.75, rel=1e-12)
    assert list(frame.columns) == [
        *("term", "n", "estimate", "std_error", "conf_low", "conf_high", "untruncated", "note")
    ]
    assert (frame["n"][0], frame["note"][0]) == (200, "")


def test_delta_by_hand() -> None:
    frame = correct_for_test(simple(30, 200), **COUNTED, method="delta").to_frame()
    value = 0.1 / 0.75
    variance = 0.15 * 0.85 / 199 + value**2 * 0.8 * 0.2 / 99 + (1 - value) ** 2 * 0.95 * 0.05 / 199
    assert frame["std_error"][0] == pytest.approx(np.sqrt(variance) / 0.75, rel=1e-12)


def test_one_rate_may_be_known() -> None:
    frame = correct_for_test(simple(30, 200), sensitivity=0.8, specificity=SPECIFICITY, method="delta").to_frame()
    value = 0.1 / 0.75
    variance = 0.15 * 0.85 / 199 + (1 - value) ** 2 * 0.95 * 0.05 / 199
    assert frame["std_error"][0] == pytest.approx(np.sqrt(variance) / 0.75, rel=1e-12)


@pytest.mark.parametrize(
    ("positive", "value", "truncated", "note"),
    [
        (2, -0.04 / 0.75, 0.0, "fewer positive tests than false positives alone: -0.05333 truncated to 0"),
        (180, 0.85 / 0.75, 1.0, "more positive tests than the sensitivity: 1.133 truncated to 1"),
    ],
)
def test_what_lies_outside_is_told(positive: int, value: float, truncated: float, note: str) -> None:
    frame = correct_for_test(simple(positive, 200), **KNOWN).to_frame()
    assert frame["untruncated"][0] == pytest.approx(value, rel=1e-12)
    assert frame["estimate"][0] == truncated
    assert frame[["conf_low", "conf_high"]].to_numpy().min() >= 0
    assert frame[["conf_low", "conf_high"]].to_numpy().max() <= 1
    assert frame["note"][0].startswith(note)
    assert frame["note"][0].endswith("and so is the whole interval")
    wider = correct_for_test(simple(positive, 200), **COUNTED, method="delta").to_frame(level=0.9999)
    assert wider["note"][0] == note


def test_a_flawless_validation_is_told_by_delta() -> None:
    flawless = {"sensitivity": SENSITIVITY, "specificity": ValidationCounts(50, 50)}
    frame = correct_for_test(simple(30, 200), **flawless, method="delta").to_frame()
    assert frame["note"][0] == "specificity 50 of 50, which counts as known: choose 'melded'"
    assert correct_for_test(simple(30, 200), **flawless, method="melded").to_frame()["note"][0] == ""


@pytest.mark.parametrize(("positive", "share"), [(0, "0"), (200, "1")])
def test_a_share_without_error_is_told_by_delta(positive: int, share: str) -> None:
    frame = correct_for_test(simple(positive, 200), sensitivity=1.0, specificity=1.0, method="delta").to_frame()
    assert frame["conf_low"][0] == frame["conf_high"][0]
    told = f"apparent prevalence {share} of standard error 0, which counts as known: choose 'melded'"
    assert frame["note"][0] == told
    assert correct_for_test(simple(30, 200), **KNOWN, method="delta").to_frame()["note"][0] == ""


def test_lang_and_reiczigel_refuse_validations_that_their_two_added_people_turn_round() -> None:
    few = {"sensitivity": ValidationCounts(2, 2), "specificity": ValidationCounts(10, 1000)}
    corrected = correct_for_test(simple(30, 200), **few, method="lang_reiczigel")
    with pytest.raises(IntervalError, match=r"sensitivity 2 of 2 as 0\.75 and specificity 10 of 1000 as 0\.01098"):
        corrected.interval()


def test_lang_and_reiczigel_tell_where_they_stop() -> None:
    poor = {"sensitivity": ValidationCounts(40, 100), "specificity": SPECIFICITY}
    frame = correct_for_test(simple(30, 200), **poor, method="lang_reiczigel").to_frame()
    assert frame["note"][0] == "made for sensitivity and specificity of 0.5 and more"


# What has to hold.


@pytest.mark.parametrize("design", ["clusters", "simple"])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_melded_limits_of_a_perfect_test_are_korn_and_graubards(design: str, level: float) -> None:
    apparent = surveyed(design)
    limits = correct_for_test(apparent, sensitivity=1, specificity=1, method="melded").interval(level=level)
    own = apparent.interval(level=level, method="korn_graubard")
    assert (limits.low[0], limits.high[0]) == pytest.approx((own.low[0], own.high[0]), rel=1e-10)


def test_melded_limits_of_known_rates_are_the_transformed_ones() -> None:
    one, other = (
        correct_for_test(surveyed("clusters"), **KNOWN, method=method).to_frame()
        for method in ("melded", "transformed")
    )
    pd.testing.assert_frame_equal(one, other, rtol=1e-10)


@pytest.mark.parametrize("method", ["delta", "melded"])
def test_many_validated_people_are_as_good_as_knowing(method: str) -> None:
    many = {"sensitivity": ValidationCounts(8 * 10**7, 10**8), "specificity": ValidationCounts(95 * 10**6, 10**8)}
    found = correct_for_test(surveyed("clusters"), **many, method=method).to_frame()
    known = correct_for_test(surveyed("clusters"), **KNOWN, method=method).to_frame()
    # A hundred million people leave a relative error of 1e-8 in the variance, 1e-5 in melded quantiles.
    np.testing.assert_allclose(found["std_error"], known["std_error"], rtol=1e-6)
    np.testing.assert_allclose(found["conf_low"], known["conf_low"], rtol=1e-4)
    np.testing.assert_allclose(found["conf_high"], known["conf_high"], rtol=1e-4)


@pytest.mark.parametrize("method", ["delta", "melded"])
@pytest.mark.parametrize("change", ["weights", "order", "tabulated"])
def test_the_same_people_told_otherwise(method: str, change: str) -> None:
    survey = cs.Survey(DATA, **CLUSTERS)
    match change:
        case "weights":
            other = cs.Survey(DATA.assign(weight=DATA["weight"] * 7), **CLUSTERS)
        case "order":
            other = cs.Survey(DATA.sample(frac=1, random_state=1), **CLUSTERS)
        case _:
            other = survey.tabulate(["cramps"])
    first, second = (
        correct_for_test(cs.prevalence(one, "cramps == 1"), **COUNTED, method=method).to_frame()
        for one in (survey, other)
    )
    pd.testing.assert_frame_equal(first, second, rtol=1e-9)


def test_a_row_split_in_two_changes_no_delta() -> None:
    """Melded limits know n, which doubles."""
    halves = pd.concat([DATA.assign(weight=DATA["weight"] / 2)] * 2)
    whole, split = (
        correct_for_test(
            cs.prevalence(cs.Survey(data, **CLUSTERS), "cramps == 1"), **COUNTED, method="delta"
        ).to_frame()
        for data in (DATA, halves)
    )
    pd.testing.assert_frame_equal(whole.drop(columns="n"), split.drop(columns="n"), rtol=1e-9)


@pytest.mark.parametrize("method", ["delta", "melded"])
def test_by_against_where(method: str) -> None:
    survey = cs.Survey(DATA, **CLUSTERS)
    both = correct_for_test(cs.prevalence(survey, "cramps == 1", by=["sex"]), **COUNTED, method=method)
    assert len(both) == 2
    alone = [
        correct_for_test(cs.prevalence(survey.where(f"sex == {sex!r}"), "cramps == 1"), **COUNTED, method=method)
        for sex in both.labels["sex"]
    ]
    expected = pd.concat([one.to_frame() for one in alone], ignore_index=True)
    pd.testing.assert_frame_equal(both.to_frame().drop(columns="sex"), expected, rtol=1e-10)


def test_a_difference_knows_that_the_test_is_the_same() -> None:
    survey = cs.Survey(DATA, **CLUSTERS)
    apparent = cs.prevalence(survey, "cramps == 1", by=["sex"])
    corrected = correct_for_test(apparent, **COUNTED, method="delta").untruncated
    gap = cs.difference(corrected.where("sex == 'female'"), corrected.where("sex == 'male'"))
    plain = cs.difference(apparent.where("sex == 'female'"), apparent.where("sex == 'male'"))
    # The specificity cancels: the gap is that of the apparent prevalences over Youden's index.
    index = 0.8 + 0.95 - 1
    assert gap.value[0] == pytest.approx(plain.value[0] / index, rel=1e-10)
    of_index = plain.value[0] ** 2 / index**4 * (0.8 * 0.2 / 99 + 0.95 * 0.05 / 199)
    assert gap.std_error[0] ** 2 == pytest.approx(plain.std_error[0] ** 2 / index**2 + of_index, rel=1e-10)
    apart = [
        correct_for_test(apparent.where(f"sex == {sex!r}"), **COUNTED, method="delta").untruncated
        for sex in ("female", "male")
    ]
    assert cs.difference(*apart).std_error[0] == pytest.approx(gap.std_error[0], rel=1e-10)


@given(positive=st.integers(0, 60), correct=st.integers(31, 60), negative=st.integers(31, 60))
@settings(max_examples=10)
def test_melded_intervals_hold_the_estimate_and_grow_with_the_level(positive: int, correct: int, negative: int) -> None:
    rates = {"sensitivity": ValidationCounts(correct, 60), "specificity": ValidationCounts(negative, 60)}
    corrected = correct_for_test(simple(positive, 60), **rates, method="melded")
    narrow, wide = (corrected.interval(level=level) for level in (0.5, 0.95))
    ends = [wide.low[0], narrow.low[0], corrected.value[0], narrow.high[0], wide.high[0]]
    assert sorted(ends) == pytest.approx(ends, abs=1e-7)


def test_a_melded_limit_covers_in_the_long_run() -> None:
    """Exact chances of 0 to 40 positive and of each validation, instead of draws."""
    n, ill, truth, sensitivity, specificity = 40, 12, 0.2, 0.75, 0.9
    chance = truth * sensitivity + (1 - truth) * (1 - specificity)
    covered = 0.0
    whole = 0.0
    for right in range(6, ill + 1):
        rates = {"sensitivity": ValidationCounts(right, ill), "specificity": specificity}
        for positive in range(20):
            weight = stats.binom.pmf(positive, n, chance) * stats.binom.pmf(right, ill, sensitivity)
            limits = correct_for_test(simple(positive, n), **rates, method="melded").interval()
            covered += weight * (limits.low[0] <= truth <= limits.high[0])
            whole += weight
    assert whole > 0.98
    assert covered / whole == pytest.approx(0.975, abs=0.02)


# Posteriors.


@pytest.mark.parametrize(
    ("positive", "tested", "prior"),
    [
        (3, 40, Beta(1, 1)),
        (0, 40, Beta(0.5, 0.5)),
        (40, 40, Beta(2, 3)),
        (123456, 10**6, Beta(1, 1)),
        (2.5, 30.7, Beta(1, 9)),
    ],
)
def test_a_perfect_test_has_a_beta_posterior(positive: float, tested: float, prior: Beta) -> None:
    found = posterior_prevalence(positive, tested, sensitivity=1, specificity=1, prior=prior)
    exact = stats.beta(positive + prior.a, tested - positive + prior.b)
    assert found.mean == pytest.approx(exact.mean(), rel=1e-10)
    assert found.std_dev == pytest.approx(exact.std(), rel=1e-9)
    assert (found.median, *found.equal_tailed) == pytest.approx(exact.ppf([0.5, 0.025, 0.975]), rel=1e-8)
    inside = exact.cdf(found.highest_density[1]) - exact.cdf(found.highest_density[0])
    assert inside == pytest.approx(0.95, rel=1e-9)
    likely = found.density > 1e-6 * found.density[np.isfinite(found.density)].max()
    np.testing.assert_allclose(found.density[likely], exact.pdf(found.prevalence[likely]), rtol=1e-8)
    assert found.worse_than_chance == 0


@pytest.mark.parametrize("prior", [Beta(0.55, 0.55), Beta(0.6, 0.7), Beta(1.7, 0.8)], ids=str)
@pytest.mark.parametrize("positive", [0, 20])
def test_a_prior_may_end_in_a_cusp(positive: int, prior: Beta) -> None:
    found = posterior_prevalence(positive, 20, sensitivity=1, specificity=1, prior=prior)
    exact = stats.beta(positive + prior.a, 20 - positive + prior.b)
    assert (found.mean, found.std_dev) == pytest.approx((exact.mean(), exact.std()), rel=1e-8)
    assert (found.median, *found.equal_tailed) == pytest.approx(exact.ppf([0.5, 0.025, 0.975]), rel=1e-8)


def on_log_odds(rate: Beta, step: float = 0.15) -> tuple[np.ndarray, np.ndarray]:
    """Return shares and their probabilities on a grid of log odds, on which no beta density has a pole or a cusp."""
    grid = np.arange(-60, 60, step)
    logs = rate.a * special.log_expit(grid) + rate.b * special.log_expit(-grid) - special.betaln(rate.a, rate.b)
    chances = np.exp(logs) * step
    return special.expit(grid)[chances > 1e-16], chances[chances > 1e-16]


def test_rates_whose_distribution_ends_in_a_cusp() -> None:
    rates = {"sensitivity": Beta(4, 1.3), "specificity": Beta(6.5, 0.53)}
    found = posterior_prevalence(5, 8, **rates, prior=Beta(0.7, 0.9))
    prevalence, prior = on_log_odds(Beta(0.7, 0.9))
    (sensitivity, one), (specificity, other) = (on_log_odds(rate) for rate in rates.values())
    weight = np.empty(len(prevalence))
    for place, share in enumerate(prevalence):
        positive = share * sensitivity[:, None] + (1 - share) * (1 - specificity)
        weight[place] = prior[place] * (one @ (positive**5 * (1 - positive) ** 3) @ other)
    mean = weight @ prevalence / weight.sum()
    variance = weight @ (prevalence - mean) ** 2 / weight.sum()
    assert (found.mean, found.std_dev) == pytest.approx((mean, np.sqrt(variance)), rel=1e-8)


def test_a_melded_limit_of_rates_that_end_in_a_cusp() -> None:
    """The quantile of a ratio: its distribution function at the limit is found on a grid."""
    apparent, wrong, sensitivity = Beta(576, 424), Beta(24, 76), Beta(40, 0.6)
    limit = melded_limit(apparent, false_positive=wrong, sensitivity=sensitivity, probability=0.025)
    (false, one), (found, other) = on_log_odds(wrong, 0.02), on_log_odds(sensitivity, 0.02)
    positive = false[:, None] + limit * (found - false[:, None])
    below = np.where(found > false[:, None], stats.beta(576, 424).cdf(positive), 1.0)
    # The sensitivity hardly ever falls to the rate of false positives, where the grid would meet a step.
    assert one @ below @ other == pytest.approx(0.025, abs=1e-8)


def test_both_ends_of_the_shortest_interval_are_equally_likely() -> None:
    low, high = posterior_prevalence(3, 40, sensitivity=1, specificity=1).highest_density
    exact = stats.beta(4, 38)
    assert exact.pdf(low) == pytest.approx(exact.pdf(high), rel=1e-7)
    assert posterior_prevalence(0, 40, sensitivity=1, specificity=1).highest_density[0] == pytest.approx(0, abs=1e-12)


def test_known_rates_truncate_the_share_of_positives() -> None:
    """With known rates the share of positives has a beta distribution between its least and its largest value."""
    found = posterior_prevalence(12, 100, sensitivity=0.8, specificity=0.95)
    share = stats.beta(13, 89)
    whole = share.cdf(0.8) - share.cdf(0.05)
    exact = rogan_gladen(share.ppf(share.cdf(0.05) + whole * np.array([0.5, 0.025, 0.975])), **KNOWN)
    assert (found.median, *found.equal_tailed) == pytest.approx(exact, rel=1e-8)


def test_a_certain_beta_is_a_number() -> None:
    sure = Beta(8e7, 2e7), Beta(95e6, 5e6)
    found = posterior_prevalence(12, 100, sensitivity=sure[0], specificity=sure[1])
    known = posterior_prevalence(12, 100, sensitivity=0.8, specificity=0.95)
    # Rates with a standard deviation of 4e-5 move a quantile by its square, some 1e-9 of 0.1.
    assert (found.mean, *found.equal_tailed) == pytest.approx((known.mean, *known.equal_tailed), rel=1e-5)


def test_one_rate_of_a_posterior_may_be_known() -> None:
    sure = posterior_prevalence(12, 100, sensitivity=Beta(81, 21), specificity=Beta(95e7, 5e7))
    known = posterior_prevalence(12, 100, sensitivity=Beta(81, 21), specificity=0.95)
    assert (sure.mean, *sure.equal_tailed) == pytest.approx((known.mean, *known.equal_tailed), rel=1e-6)
    sure = posterior_prevalence(12, 100, sensitivity=Beta(8e8, 2e8), specificity=Beta(96, 6))
    known = posterior_prevalence(12, 100, sensitivity=0.8, specificity=Beta(96, 6))
    assert (sure.mean, *sure.equal_tailed) == pytest.approx((known.mean, *known.equal_tailed), rel=1e-6)


def test_a_posterior_is_a_density_and_its_table() -> None:
    found = posterior_prevalence(12, 60, sensitivity=Beta(13, 9), specificity=Beta(12, 10))
    assert np.all(np.diff(found.prevalence) > 0)
    assert np.trapezoid(found.density, found.prevalence) == pytest.approx(1, abs=1e-3)  # of a rule of straight lines
    frame = found.to_frame()
    assert list(frame.columns) == [
        *(
            "term",
            "n",
            "estimate",
            "std_error",
            "conf_low",
            "conf_high",
            "median",
            "shortest_low",
            "shortest_high",
            "note",
        )
    ]
    worse = stats.beta(13, 9).expect(lambda s: stats.beta(10, 12).sf(s))
    assert found.worse_than_chance == pytest.approx(worse, rel=1e-7)
    assert frame["note"][0] == f"before the counts, the test is worse than chance with probability {worse:.2g}"
    assert "12 positive in 60" in repr(found)
    assert "<table" in found._repr_html_()


def test_effective_counts() -> None:
    assert effective_counts(simple(3, 40)) == pytest.approx((3, 40), rel=1e-12)
    assert effective_counts(simple(0, 40)) == (0, 40)
    apparent = surveyed("clusters")
    share, n = apparent.value[0], apparent.n[0]
    effect = apparent.std_error[0] ** 2 / (share * (1 - share) / (n - 1))
    assert effective_counts(apparent) == pytest.approx((share * n / effect, n / effect), rel=1e-12)
    found = posterior_prevalence(*effective_counts(apparent), sensitivity=1, specificity=1)
    exact = stats.beta(share * n / effect + 1, (1 - share) * n / effect + 1)
    assert found.equal_tailed == pytest.approx(tuple(exact.ppf([0.025, 0.975])), rel=1e-8)


# Bounds and tipping points.


def test_bounds_by_hand_and_by_search() -> None:
    apparent = simple(30, 200)
    frame = prevalence_bounds(apparent, sensitivity=(0.3, 0.6), specificity=(0.88, 0.98))
    every = [
        np.clip(rogan_gladen(apparent.value[0], sensitivity=se, specificity=sp), 0, 1)
        for se in np.linspace(0.3, 0.6, 31)
        for sp in np.linspace(0.88, 0.98, 31)
    ]
    assert (frame["low"][0], frame["high"][0]) == pytest.approx((min(every), max(every)), rel=1e-12)
    assert (frame["low"][0], frame["high"][0]) == pytest.approx((0.03 / 0.48, 0.13 / 0.28), rel=1e-12)
    limits = apparent.interval()
    assert frame["conf_low"][0] == max(0.0, (limits.low[0] - 0.12) / 0.48)
    assert frame["conf_high"][0] == pytest.approx((limits.high[0] - 0.02) / 0.28, rel=1e-12)
    assert frame["note"][0] == ""
    same = prevalence_bounds(apparent, sensitivity=(0.8, 0.8), specificity=(0.95, 0.95))
    known = correct_for_test(apparent, **KNOWN).to_frame()
    for name, expected in (
        ("low", "estimate"),
        ("high", "estimate"),
        ("conf_low", "conf_low"),
        ("conf_high", "conf_high"),
    ):
        assert same[name][0] == pytest.approx(known[expected][0], rel=1e-12)


@pytest.mark.parametrize(
    ("positive", "note"),
    [
        (10, "at the least specificity there would be more false positives than positives"),
        (1, "no specificity of the range is high enough for so few positive tests"),
        (100, "at the least sensitivity there would be more positives than the condition can make"),
        (190, "no sensitivity of the range is high enough for so many positive tests"),
    ],
)
def test_bounds_that_no_prevalence_fits(positive: int, note: str) -> None:
    frame = prevalence_bounds(simple(positive, 200), sensitivity=(0.3, 0.6), specificity=(0.88, 0.98))
    assert frame["note"][0] == note
    assert 0 <= frame["low"][0] <= frame["high"][0] <= 1


def test_tipping_points_turn_back_into_the_apparent_prevalence() -> None:
    apparent = simple(100, 1000)
    frame = tipping_point(apparent, prevalences=[0, 0.01, 0.1, 0.25], level=0.9).to_frame()
    limits = apparent.interval(level=0.9)
    for name, share in (("estimate", 0.1), ("conf_low", limits.high[0]), ("conf_high", limits.low[0])):
        inside = frame[(frame[name] < 1) & (frame[name] > 0)]
        back = inside["prevalence"] * inside["sensitivity"] + (1 - inside["prevalence"]) * (1 - inside[name])
        np.testing.assert_allclose(back, share, rtol=1e-12)
    slope = apparent.std_error[0] / (1 - frame["prevalence"])
    np.testing.assert_allclose(frame["std_error"], slope, rtol=1e-12)
    capped = frame["conf_high"] == 1
    told = "no specificity is high enough at the lower limit of the apparent prevalence"
    assert set(frame.loc[capped, "note"]) == {told}
    assert set(frame.loc[~capped, "note"]) == {""}
    ends = frame.groupby("prevalence")["sensitivity"].agg(["min", "max"])
    np.testing.assert_allclose(ends, [[0.11, 1], [0.11, 1], [0.11, 1], [0.11, 0.4]], rtol=1e-12)
    assert set(frame.columns) >= {"term", "n", "estimate", "std_error", "conf_low", "conf_high", "note"}


def test_the_end_of_a_line_is_added() -> None:
    line = tipping_point(simple(100, 1000), prevalences=[0.3]).needed(0.3)
    assert line["sensitivity"].iloc[-1] == pytest.approx(1 / 3, rel=1e-12)
    assert line["estimate"].iloc[-1] == pytest.approx(1, rel=1e-12)


def test_where_all_positive_tests_are_false() -> None:
    apparent = simple(100, 1000)
    tipping = tipping_point(apparent)
    limits = apparent.interval()
    assert (tipping.all_false, tipping.all_false_low, tipping.all_false_high) == pytest.approx(
        (0.9, 1 - limits.high[0], 1 - limits.low[0]), rel=1e-12
    )
    assert tipping.needed(0)["estimate"].to_numpy() == pytest.approx(0.9, rel=1e-12)
    at = correct_for_test(apparent, sensitivity=0.7, specificity=tipping.all_false)
    assert at.untruncated.value[0] == pytest.approx(0, abs=1e-12)
    assert "true prevalence 0 at a specificity of 0.9" in repr(tipping)
    assert "<table" in tipping._repr_html_()


# What is refused.


@pytest.mark.parametrize("rates", [(0.5, 0.5), (0.2, 0.7), (ValidationCounts(20, 100), ValidationCounts(70, 100))])
def test_a_test_no_better_than_chance(rates: tuple) -> None:
    with pytest.raises(CrampstatsError, match="above 1 they have to be, or the test is no better than chance"):
        correct_for_test(simple(30, 200), sensitivity=rates[0], specificity=rates[1], method="delta")


@pytest.mark.parametrize("value", [1.2, -0.1, np.nan, "0.9", True, None, Beta(1, 1)])
def test_a_rate_that_is_none(value: object) -> None:
    with pytest.raises(
        CrampstatsError, match=r"sensitivity=.* has to be a number from 0 to 1, or counts of a validation"
    ):
        correct_for_test(simple(30, 200), sensitivity=value, specificity=0.9)


def test_methods_that_do_not_fit() -> None:
    apparent = simple(30, 200)
    with pytest.raises(CrampstatsError, match="method='rogan' is unknown: choose from transformed, delta"):
        correct_for_test(apparent, **KNOWN, method="rogan")
    with pytest.raises(CrampstatsError, match="sensitivity and specificity was found in a sample: choose from delta"):
        correct_for_test(apparent, **COUNTED)
    with pytest.raises(CrampstatsError, match="needs ValidationCounts for sensitivity and specificity: choose from"):
        correct_for_test(apparent, **KNOWN, method="lang_reiczigel")
    with pytest.raises(
        IntervalError, match=r"a simple random sample; this estimate has weights.*choose from delta, melded"
    ):
        correct_for_test(surveyed("clusters"), **COUNTED, method="lang_reiczigel")
    with pytest.raises(CrampstatsError, match="one and the same ValidationCounts"):
        correct_for_test(apparent, sensitivity=SENSITIVITY, specificity=SENSITIVITY, method="delta")
    with pytest.raises(IntervalError, match="level=95 has to lie between 0 and 1"):
        correct_for_test(apparent, **COUNTED, method="melded").interval(level=95)


@pytest.mark.parametrize(
    ("correct", "tested", "match"),
    [
        (1, 1, "tested=1"),
        (5, 4, "correct=5"),
        (-1, 4, "correct=-1"),
        (0.5, 4, "correct=0.5"),
        (True, 4, "correct=True"),
    ],
)
def test_counts_of_a_validation_that_are_none(correct: object, tested: object, match: str) -> None:
    with pytest.raises(CrampstatsError, match=match):
        ValidationCounts(correct, tested)


@pytest.mark.parametrize("share", [np.nan, [0.1, np.inf], "0.1", None, True])
def test_shares_that_are_no_numbers(share: object) -> None:
    with pytest.raises(CrampstatsError, match="has to be one or several numbers"):
        rogan_gladen(share, **KNOWN)


def test_what_holds_no_shares() -> None:
    ages = cs.mean(cs.Survey(DATA), "age_years")
    with pytest.raises(CrampstatsError, match="shares of people, from 0 to 1"):
        correct_for_test(ages, **KNOWN)
    with pytest.raises(CrampstatsError, match="is no Estimate"):
        prevalence_bounds(0.1, sensitivity=(0.5, 0.6), specificity=(0.9, 1))
    both = cs.prevalence(cs.Survey(DATA), "cramps == 1", by=["sex"])
    for function in (tipping_point, effective_counts):
        with pytest.raises(CrampstatsError, match="about one estimate, not 2: choose one by where"):
            function(both)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"positive": 5, "tested": 4}, "positive=5 has to be a number from 0 to tested=4"),
        ({"positive": 0, "tested": 0}, "tested=0 has to be a number of people above 0"),
        ({"sensitivity": 0.2}, "add up to 1 on average"),
        ({"sensitivity": Beta(0.3, 0.01)}, "its parameters have to be 0.5"),
        ({"prior": 0.1}, "prior=0.1 has to be a Beta"),
        ({"specificity": "0.8"}, "has to be a number from 0 to 1 or a Beta"),
        ({"positive": 1, "tested": 2000, "specificity": Beta(800, 200)}, "do not come from a test of this sensitivity"),
    ],
)
def test_posteriors_that_cannot_be(options: dict, match: str) -> None:
    given = {"positive": 10, "tested": 100, "sensitivity": 0.8, "specificity": 0.8} | options
    with pytest.raises(CrampstatsError, match=match):
        posterior_prevalence(given.pop("positive"), given.pop("tested"), **given)


def test_known_rates_that_hardly_fit_are_refused_as_well() -> None:
    with pytest.raises(CrampstatsError, match=r"make a share of 0.2 to 0.8 positive whatever the prevalence"):
        posterior_prevalence(1, 2000, sensitivity=0.8, specificity=0.8)


def test_levels_and_distributions_that_are_none() -> None:
    with pytest.raises(IntervalError, match=r"level=1 has"):
        posterior_prevalence(1, 20, sensitivity=0.8, specificity=0.9, level=1)
    with pytest.raises(IntervalError, match=r"probability=1 has to lie between 0 and 1"):
        melded_limit(0.1, false_positive=0.1, sensitivity=0.8, probability=1)
    for wrong in ((0, 1), (1, np.inf), ("1", 1), (True, 1)):
        with pytest.raises(CrampstatsError, match="of a Beta has to be a number above 0"):
            Beta(*wrong)
    with pytest.raises(CrampstatsError, match="scale=0 of a Gamma"):
        Gamma(1, 0)


def test_a_quadrature_that_does_not_settle_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posteriors, "NODES", (2, 3))
    with pytest.raises(ConvergenceError, match="3 nodes in each panel do not settle the integral"):
        melded_limit(Beta(11, 90), false_positive=Beta(5, 96), sensitivity=Beta(80, 21), probability=0.975)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"sensitivity": 0.5}, "sensitivity=0.5 has to be a least and a largest share"),
        ({"sensitivity": (0.6, 0.3)}, "has to be a least and a largest share"),
        ({"specificity": (0.9, 1.2)}, "specificity=.* has to be a least and a largest share"),
        ({"sensitivity": (0.05, 0.3)}, "no better than chance"),
    ],
)
def test_ranges_that_are_none(options: dict, match: str) -> None:
    with pytest.raises(CrampstatsError, match=match):
        prevalence_bounds(simple(30, 200), **{"sensitivity": (0.3, 0.6), "specificity": (0.9, 0.98)} | options)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"prevalences": [1]}, "have to lie below 1"),
        ({"prevalences": []}, "prevalences=.* have to be numbers from 0 to 1"),
        ({"prevalences": "0.1"}, "prevalences='0.1' have to be numbers"),
        ({"sensitivities": [0.5, 0.4]}, "have to ascend"),
        ({"sensitivities": [0.1]}, "none of the sensitivities lies above the apparent prevalence 0.15"),
    ],
)
def test_tipping_points_that_cannot_be(options: dict, match: str) -> None:
    with pytest.raises(CrampstatsError, match=match):
        tipping_point(simple(30, 200), **options)
    with pytest.raises(CrampstatsError, match="no test tips anything"):
        tipping_point(simple(0, 200))


def test_columns_of_the_results_are_theirs() -> None:
    by = cs.prevalence(cs.Survey(DATA.rename(columns={"sex": "sensitivity"})), "cramps == 1", by=["sensitivity"])
    with pytest.raises(CrampstatsError, match="a column 'sensitivity' of its own"):
        tipping_point(by.where("sensitivity == 'female'"))
    by = cs.prevalence(cs.Survey(DATA.rename(columns={"sex": "high"})), "cramps == 1", by=["high"])
    with pytest.raises(CrampstatsError, match="a column 'high' of its own"):
        prevalence_bounds(by, sensitivity=(0.3, 0.6), specificity=(0.9, 0.98))
    by = cs.prevalence(cs.Survey(DATA.rename(columns={"sex": "untruncated"})), "cramps == 1", by=["untruncated"])
    with pytest.raises(CrampstatsError, match="a column 'untruncated' of its own"):
        correct_for_test(by, **KNOWN)


def test_results_show_themselves() -> None:
    corrected = correct_for_test(simple(2, 200), **COUNTED, method="delta")
    assert "sensitivity 80 of 100, specificity 190 of 200, delta" in repr(corrected)
    assert "<table" in corrected._repr_html_()
    young = cs.Survey(pd.DataFrame({"low": [0, 1] * 50, "age_years": [15] * 100})).where("age_years <20 and low<9")
    shown = tipping_point(cs.prevalence(young, "low"))._repr_html_()
    assert "[age_years &lt;20 and low&lt;9]" in shown
