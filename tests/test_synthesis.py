"""Pooling worked by hand, what has to stay the same whatever the order and unit, few studies, and errors."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from crampstats.errors import ConvergenceError, CrampstatsError, IntervalError, SchemaError
from crampstats.synthesis import (
    cumulative,
    effect_posterior,
    effect_sizes,
    egger,
    leave_one_out,
    mantel_haenszel,
    peto,
    pool,
    pool_prevalences,
    trim_and_fill,
    worthwhile_curve,
)
from crampstats.synthesis.heterogeneity import (
    paule_mandel,
    restricted_log_likelihood,
    restricted_maximum_likelihood,
    weighted_fit,
)

FIVE = pd.DataFrame(
    {
        "study": list("ABCDE"),
        "n": [40, 30, 60, 20, 100],
        "estimate": [-0.5, -0.1, 0.2, -0.8, 0.05],
        "std_error": [0.2, 0.3, np.sqrt(0.02), 0.4, 0.1],
        "year": [1999, 2001, 2008, 2010, 2020],
        "where": ["north", "north", "south", "south", "south"],
    }
)
RESULTS = ["estimate", "std_error", "conf_low", "conf_high", "p"]
studies = st.lists(
    st.tuples(st.floats(-3, 3).map(lambda x: round(x, 3)), st.floats(0.05, 2).map(lambda x: round(x, 3))),
    min_size=3,
    max_size=8,
).filter(lambda rows: len({row[0] for row in rows}) == len(rows))


def made(rows: list[tuple[float, float]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["estimate", "std_error"])


def test_a_common_effect_by_hand() -> None:
    two = made([(1.0, 1.0), (3.0, 2.0)])
    table = pool(two, method="common", interval="normal").to_frame().iloc[0]
    assert table["estimate"] == pytest.approx((1 + 3 / 4) / 1.25, rel=1e-14)
    assert table["std_error"] == pytest.approx(np.sqrt(1 / 1.25), rel=1e-14)
    assert table["conf_high"] == pytest.approx(1.4 + 1.959963984540054 / np.sqrt(1.25), rel=1e-12)
    between = pool(two, method="common", interval="normal").between().iloc[0]
    assert between["q"] == pytest.approx((1 - 1.4) ** 2 + (3 - 1.4) ** 2 / 4, rel=1e-12)


def test_hartung_and_knapp_by_hand() -> None:
    # Equal errors: the pooled effect is the mean, its error that of a mean of three numbers, with t of 2 df.
    three = made([(0.0, 0.1), (1.0, 0.1), (2.0, 0.1)])
    table = pool(three, interval="hartung_knapp").to_frame().iloc[0]
    assert (table["estimate"], table["std_error"]) == pytest.approx((1.0, 1 / np.sqrt(3)), rel=1e-9)
    assert table["conf_high"] == pytest.approx(1 + 4.302652729911275 / np.sqrt(3), rel=1e-9)
    assert pool(three).between()["tau2"][0] == pytest.approx(1 - 0.01, rel=1e-9)


def test_paule_mandel_leaves_what_chance_leaves() -> None:
    y, v = FIVE["estimate"].to_numpy(), FIVE["std_error"].to_numpy() ** 2
    one = np.ones((5, 1))
    assert weighted_fit(y, v, one, paule_mandel(y, v, one)).q == pytest.approx(4.0, rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(studies)
def test_restricted_likelihood_has_no_higher_place(rows: list[tuple[float, float]]) -> None:
    table = made(rows)
    y, v, one = table["estimate"].to_numpy(), table["std_error"].to_numpy() ** 2, np.ones((len(rows), 1))
    best = restricted_maximum_likelihood(y, v, one)
    top = restricted_log_likelihood(y, v, one, best)
    looks = [restricted_log_likelihood(y, v, one, at) for at in np.concatenate([[0.0], np.geomspace(1e-6, 100, 300)])]
    assert top >= max(looks) - 1e-10
    assert abs(top - max(looks)) <= 0.05 * (1 + abs(top))


@settings(max_examples=40, deadline=None)
@given(studies, st.sampled_from(["common", "DL", "REML", "PM"]))
def test_order_does_not_matter_and_units_carry_over(rows: list[tuple[float, float]], method: str) -> None:
    table = made(rows)
    first = pool(table, method=method).to_frame()[RESULTS]
    turned = pool(table.iloc[::-1], method=method).to_frame()[RESULTS]
    np.testing.assert_allclose(turned, first, rtol=1e-7, atol=1e-9)
    scaled = pool(table[["estimate", "std_error"]] * 7, method=method).to_frame()[RESULTS]
    np.testing.assert_allclose(scaled[RESULTS[:4]], 7 * first[RESULTS[:4]], rtol=1e-7, atol=1e-8)
    mirrored = pool(table.assign(estimate=-table["estimate"]), method=method).to_frame()
    np.testing.assert_allclose(mirrored["conf_low"], -first["conf_high"], rtol=1e-7, atol=1e-9)


def test_subgroups_are_the_studies_alone() -> None:
    found = pool(FIVE, by="where").to_frame().set_index("where")
    for level in ("north", "south"):
        alone = pool(FIVE[FIVE["where"] == level]).to_frame().iloc[0]
        np.testing.assert_allclose(found.loc[level, RESULTS].astype(float), alone[RESULTS].astype(float), rtol=1e-13)
    assert found["n"].tolist() == [70, 180]


def test_a_moderator_of_two_levels_and_a_common_effect_is_the_difference_of_subgroups() -> None:
    coded = FIVE.assign(south=(FIVE["where"] == "south").astype(int))
    slope = pool(coded, method="common", interval="normal", moderators=["south"]).to_frame().set_index("term")
    groups = pool(FIVE, method="common", interval="normal", by="where").to_frame().set_index("where")
    gap = groups.loc["south", "estimate"] - groups.loc["north", "estimate"]
    assert slope.loc["south", "estimate"] == pytest.approx(gap, rel=1e-12)
    together = np.hypot(*groups["std_error"])
    assert slope.loc["south", "std_error"] == pytest.approx(together, rel=1e-12)


def test_the_guard_never_narrows() -> None:
    alike = FIVE.assign(estimate=[0.01, 0.0, 0.02, 0.01, 0.0])
    free, guarded, normal = (
        pool(alike, interval=each) for each in ("hartung_knapp", "hartung_knapp_guarded", "normal")
    )
    assert free.std_error[0] < 0.2 * normal.std_error[0]
    assert guarded.std_error[0] == pytest.approx(normal.std_error[0], rel=1e-14)


def test_weights_add_up_and_follow_precision() -> None:
    weights = pool(FIVE, by="where", method="common").weights()
    np.testing.assert_allclose(weights.groupby("where")["weight"].sum(), 1.0, rtol=1e-14)
    south = weights[weights["where"] == "south"].set_index("study")["weight"]
    assert south["E"] / south["C"] == pytest.approx(2.0, rel=1e-12)


def test_one_and_two_studies_are_told() -> None:
    one = pool(FIVE.head(1))
    table = one.to_frame().iloc[0]
    assert (table["conf_low"], table["conf_high"]) == pytest.approx(
        (-0.5 - 0.2 * 1.959964, -0.5 + 0.2 * 1.959964), abs=1e-6
    )
    assert table["note"].startswith("one study: its own normal interval")
    between = one.between().iloc[0]
    assert (between["tau2_low"], between["tau2_high"], between["q"], between["p"]) == (0.0, np.inf, 0.0, 1.0)
    two = pool(FIVE.head(2)).to_frame().iloc[0]
    assert two["note"] == "two studies: the variance between them rests on one difference"
    with pytest.raises(IntervalError, match="method='higgins' needs 3 studies; there are 2"):
        pool(FIVE.head(2)).prediction()
    assert pool(FIVE.head(2)).prediction(method="as_interval")["pred_low"][0] < two["conf_low"]
    assert "hardly known" in pool(FIVE.head(4)).to_frame()["note"][0]
    assert pool(FIVE).to_frame()["note"][0] == ""


def test_ratios_are_shown_as_ratios() -> None:
    plain, ratio = pool(FIVE).to_frame().iloc[0], pool(FIVE, scale="log").to_frame().iloc[0]
    for name in ("estimate", "conf_low", "conf_high"):
        assert ratio[name] == pytest.approx(np.exp(plain[name]), rel=1e-14)
    assert ratio["std_error"] == pytest.approx(plain["std_error"] * ratio["estimate"], rel=1e-14)
    assert pool(FIVE.assign(scale="log")).to_frame()["estimate"][0] == ratio["estimate"]
    share = pool(FIVE, scale="logit").to_frame().iloc[0]
    assert share["estimate"] == pytest.approx(special.expit(plain["estimate"]), rel=1e-14)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "HE"}, "method='HE' is unknown: choose from common, DL, REML, PM."),
        (
            {"interval": "wald"},
            "interval='wald' is unknown: choose from normal, t, hartung_knapp, hartung_knapp_guarded.",
        ),
        ({"by": "country"}, "by: 'country' is no column of the effects"),
        ({"moderators": ["country"]}, "moderators: 'country' is no column of the effects"),
        ({"moderators": ["where"]}, "moderators: 'where' is no number; pool its levels apart with by='where'."),
        ({"moderators": ["year", "n", "std_error", "estimate", "later"]}, "5 studies cannot determine 6 coefficients"),
        ({"moderators": ["year", "later"]}, "the moderators depend on each other or do not vary"),
        ({"scale": "probit"}, "scale='probit' is unknown: choose from identity, log, logit."),
    ],
)
def test_options_that_are_none(options: dict, message: str) -> None:
    with pytest.raises(CrampstatsError, match=re.escape(message)):
        pool(FIVE.assign(later=2 * FIVE["year"] + 1), **options)


def test_effects_that_are_none_are_all_told() -> None:
    wrong = FIVE.assign(estimate=[np.nan, 0.1, np.inf, 0.0, 0.2], std_error=[0.1, 0.0, -1.0, 0.2, 0.3])
    with pytest.raises(SchemaError) as raised:
        pool(wrong)
    assert {fault.column for fault in raised.value.faults} == {"estimate", "std_error"}
    with pytest.raises(CrampstatsError, match="effects has to be a DataFrame"):
        pool(FIVE.head(0))
    with pytest.raises(CrampstatsError, match="effects on the scales identity and log cannot be pooled together"):
        pool(FIVE.assign(scale=["log", "identity", "log", "log", "log"]))
    with pytest.raises(IntervalError, match="the studies agree exactly"):
        pool(FIVE.assign(estimate=0.5), interval="hartung_knapp")


def test_what_a_pooled_effect_cannot_tell() -> None:
    with pytest.raises(CrampstatsError, match="a common effect predicts no other one"):
        pool(FIVE, method="common").prediction()
    with pytest.raises(CrampstatsError, match="subgroup_test needs two groups"):
        pool(FIVE).subgroup_test()
    with pytest.raises(CrampstatsError, match="moderator_test needs moderators"):
        pool(FIVE).moderator_test()
    with pytest.raises(CrampstatsError, match="a prediction with moderators needs their values"):
        pool(FIVE, moderators=["year"]).prediction()
    with pytest.raises(CrampstatsError, match="method='riley' is unknown: choose from higgins, as_interval"):
        pool(FIVE).prediction(method="riley")


def test_results_show_themselves() -> None:
    for result in (
        pool(FIVE), effect_posterior(FIVE, tau_scale=0.5), trim_and_fill(FIVE, "left"),
        pool_prevalences(pd.DataFrame({"cases": [3, 9], "n": [20, 30]})),
    ):  # fmt: skip
        assert repr(result).startswith(f"<{type(result).__name__}")
        assert "<table" in result._repr_html_()


# The posterior.
def test_a_common_effect_is_normal() -> None:
    found = effect_posterior(FIVE, tau_scale=0)
    flat = pool(FIVE, method="common", interval="normal").to_frame().iloc[0]
    first = found.to_frame().iloc[0]
    for name in ("estimate", "std_error", "conf_low", "conf_high"):
        assert first[name] == pytest.approx(flat[name], rel=1e-9)
    assert found.to_frame()["note"][0] == "the spread between studies is taken to be 0"


def test_one_study_keeps_the_prior_of_the_spread() -> None:
    found = effect_posterior(FIVE.head(1), tau_scale=0.5).to_frame().set_index("term")
    spread = found.loc["spread between studies"]
    half = special.ndtri(0.5 + np.array([0.5, 0.025, 0.975]) / 2) * 0.5
    assert [spread[name] for name in ("estimate", "conf_low", "conf_high")] == pytest.approx(half, rel=1e-9)
    assert "that of its prior" in spread["note"]


def test_a_prior_without_doubt_is_the_posterior() -> None:
    found = effect_posterior(FIVE, tau_scale=0.3, prior_mean=2.0, prior_sd=1e-6).to_frame().iloc[0]
    assert found["estimate"] == pytest.approx(2.0, abs=1e-4)


@pytest.mark.parametrize("scale", [0.01, 0.5, 50.0])
def test_posterior_moves_with_its_unit(scale: float) -> None:
    one = effect_posterior(FIVE, tau_scale=scale).to_frame()
    week = FIVE.assign(estimate=4 * FIVE["estimate"], std_error=4 * FIVE["std_error"])
    four = effect_posterior(week, tau_scale=4 * scale).to_frame()
    np.testing.assert_allclose(four["estimate"], 4 * one["estimate"], rtol=1e-8)
    np.testing.assert_allclose(four["std_error"], 4 * one["std_error"], rtol=1e-8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tau_scale": -1}, "tau_scale=-1 has to be a number, 0 or above"),
        ({"tau_scale": 1.0, "prior_sd": 0.0}, "prior_sd=0.0 has to be a number above 0"),
        ({"tau_scale": 1.0, "prior_mean": np.nan}, "prior_mean=nan has to be a number"),
    ],
)
def test_priors_that_are_none(options: dict, message: str) -> None:
    with pytest.raises(CrampstatsError, match=message):
        effect_posterior(FIVE, **options)
    with pytest.raises(CrampstatsError, match="new='maybe' is unknown: choose from no, yes"):
        effect_posterior(FIVE, tau_scale=1.0).probability_below(0, new="maybe")


# Counts.
def test_one_trial_by_mantel_haenszel_is_that_trial() -> None:
    arms = pd.DataFrame(
        {"study": ["A"], "events_treated": [7], "n_treated": [40], "events_control": [12], "n_control": [38]}
    )
    for measure in ("risk_ratio", "odds_ratio", "risk_difference"):
        alone = effect_sizes(arms, measure).iloc[0]
        found = mantel_haenszel(arms, measure)
        assert found.value == pytest.approx(alone["estimate"], rel=1e-12)
        if measure != "risk_difference":  # Sato's error is not that of one trial
            assert found.std_error == pytest.approx(alone["std_error"], rel=1e-12)


def test_peto_by_hand() -> None:
    arms = pd.DataFrame({"events_treated": [1], "n_treated": [10], "events_control": [4], "n_control": [10]})
    variance = 10 * 10 * 5 * 15 / (20**2 * 19)
    found = peto(arms)
    assert (found.value, found.std_error) == pytest.approx(((1 - 2.5) / variance, variance**-0.5), rel=1e-14)


def test_silent_trials_are_told_and_refused_alone() -> None:
    arms = pd.DataFrame(
        {"events_treated": [1, 0], "n_treated": [10, 9], "events_control": [4, 0], "n_control": [10, 9]}
    )
    assert peto(arms).to_frame()["note"][0].startswith("1 of 2 trials add nothing")
    assert mantel_haenszel(arms, "risk_ratio").to_frame()["note"][0].startswith("1 of 2 trials add nothing")
    assert mantel_haenszel(arms, "risk_ratio").value == pytest.approx(np.log(0.25), rel=1e-12)
    with pytest.raises(CrampstatsError, match="Peto's odds ratio is not determined"):
        peto(arms.tail(1))
    with pytest.raises(CrampstatsError, match="the pooled ratio is not determined"):
        mantel_haenszel(arms.tail(1), "odds_ratio")
    with pytest.raises(CrampstatsError, match="the pooled effect has no standard error"):
        mantel_haenszel(arms.tail(1), "risk_difference")
    with pytest.raises(CrampstatsError, match="measure='hazard' is unknown: choose from risk_ratio, odds_ratio"):
        mantel_haenszel(arms, "hazard")
    with pytest.raises(SchemaError, match="events_treated: more than n_treated"):
        peto(arms.assign(events_treated=[11, 0]))
    with pytest.raises(SchemaError, match="the same people in both arms"):
        peto(arms.assign(design="cross-over"))


# Small studies.
def test_few_studies_are_told() -> None:
    assert egger(FIVE)["note"][0].startswith("5 studies, fewer than 10")
    many = pd.concat([FIVE, FIVE.assign(estimate=FIVE["estimate"] + 0.1)])
    assert egger(many)["note"][0] == ""
    assert "thought experiment" in trim_and_fill(FIVE, "left").to_frame()["note"][0]


def test_an_even_funnel_gains_nothing_and_an_uneven_one_its_mirror() -> None:
    even = made([(-1.0, 0.5), (0.0, 0.1), (1.0, 0.5), (-0.5, 0.3), (0.5, 0.3)])
    assert trim_and_fill(even, "left").added == trim_and_fill(even, "right").added == 0
    uneven = made([(0.0, 0.1), (0.02, 0.1), (-0.02, 0.1), (0.6, 0.3), (0.9, 0.4), (1.2, 0.5), (1.5, 0.6)])
    found = trim_and_fill(uneven, "left")
    assert found.added == 2
    added = found.effects[found.effects["added"]]
    assert (added["estimate"] < 0).all()
    mirrored = trim_and_fill(uneven.assign(estimate=-uneven["estimate"]), "right")
    np.testing.assert_allclose(mirrored.pooled.value, -found.pooled.value, rtol=1e-12)


def test_leave_one_out_and_cumulative_are_pooled_effects() -> None:
    out = leave_one_out(FIVE).set_index("left_out")
    alone = pool(FIVE[FIVE["study"] != "D"]).to_frame().iloc[0]
    np.testing.assert_allclose(out.loc["D", RESULTS].astype(float), alone[RESULTS].astype(float), rtol=1e-13)
    grown = cumulative(FIVE.iloc[::-1], "year")
    assert grown["up_to"].tolist() == list("ABCDE")
    assert grown["year"].tolist() == FIVE["year"].tolist()
    whole = pool(FIVE).to_frame().iloc[0][RESULTS]
    np.testing.assert_allclose(grown.iloc[-1][RESULTS].astype(float), whole.astype(float), rtol=1e-7)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: egger(FIVE.head(2)), "egger: 2 studies have no line"),
        (lambda: egger(FIVE.assign(std_error=0.2)), "egger: all studies have the same standard error"),
        (lambda: egger(FIVE, model="probit"), "model='probit' is unknown: choose from linear, random_effects"),
        (lambda: egger(FIVE.assign(estimate=FIVE["std_error"])), "the studies lie exactly on a line"),
        (lambda: trim_and_fill(FIVE, "up"), "side='up' is unknown: choose from left, right"),
        (lambda: trim_and_fill(FIVE.head(2), "left"), "trim_and_fill: 2 studies have no funnel"),
        (lambda: leave_one_out(FIVE.head(1)), "leave_one_out needs two studies"),
        (lambda: cumulative(FIVE, "month"), "cumulative: order='month' has to be a column"),
    ],
)
def test_small_study_errors(call: object, message: str) -> None:
    with pytest.raises(CrampstatsError, match=message):
        call()


# Prevalences.
COUNTS = pd.DataFrame({"cases": [12, 30, 3, 45, 0], "n": [100, 150, 60, 400, 25]})


def test_without_spread_the_prevalence_is_that_of_all_people() -> None:
    same = pd.DataFrame({"cases": [10, 20, 30], "n": [100, 200, 300]})
    found = pool_prevalences(same)
    table = found.to_frame().iloc[0]
    assert (table["estimate"], found.tau) == (pytest.approx(0.1, rel=1e-12), 0.0)
    assert table["std_error"] == pytest.approx(np.sqrt(0.1 * 0.9 / 600), rel=1e-12)
    assert "no spread between studies beyond chance" in table["note"]


def test_no_case_needs_no_addition_with_the_binomial_likelihood() -> None:
    assert pool_prevalences(COUNTS).to_frame()["note"][0] == ""
    assert (
        "1/2 added to the cells of 1 studies" in pool_prevalences(COUNTS, method="logit_normal").to_frame()["note"][0]
    )


def test_large_studies_make_both_models_one() -> None:
    large = COUNTS.head(4) * 10_000
    exact, normal = (pool_prevalences(large, method=each) for each in ("binomial_normal", "logit_normal"))
    # The one is maximum likelihood, the other restricted: the spread differs by the loss of one degree of freedom.
    assert exact.logit == pytest.approx(normal.logit, rel=1e-4)
    assert exact.tau == pytest.approx(normal.tau * np.sqrt(3 / 4), rel=1e-3)


def test_cases_and_others_change_places() -> None:
    found, turned = pool_prevalences(COUNTS), pool_prevalences(COUNTS.assign(cases=COUNTS["n"] - COUNTS["cases"]))
    assert (turned.logit, turned.std_error, turned.tau) == pytest.approx(
        (-found.logit, found.std_error, found.tau), rel=1e-7
    )


def test_t_limits_are_wider_by_the_quantile() -> None:
    normal, wide = (pool_prevalences(COUNTS, interval=each).to_frame().iloc[0] for each in ("normal", "t"))
    reach = [special.logit(each["conf_high"]) - special.logit(each["estimate"]) for each in (normal, wide)]
    assert reach[1] / reach[0] == pytest.approx(2.7764451051977987 / 1.959963984540054, rel=1e-9)


@pytest.mark.parametrize(
    ("counts", "options", "message"),
    [
        (COUNTS.head(1), {}, "pool_prevalences needs two studies"),
        (COUNTS.assign(cases=0), {}, "nobody or everybody in all studies has the condition"),
        (COUNTS.assign(cases=COUNTS["n"] + 1), {}, "cases: more than n"),
        (COUNTS.assign(cases=[1.5, 2, 3, 4, 5]), {}, "cases: not whole"),
        (COUNTS, {"method": "arcsine"}, "method='arcsine' is unknown: choose from binomial_normal, logit_normal"),
        (COUNTS, {"interval": "hartung_knapp"}, "does not go with method='binomial_normal': choose from normal, t"),
    ],
)
def test_prevalences_that_cannot_be_pooled(counts: pd.DataFrame, options: dict, message: str) -> None:
    with pytest.raises(CrampstatsError, match=message):
        pool_prevalences(counts, **options)


# Is the null shown?
COCHRANE = pd.DataFrame({"estimate": [-0.18], "std_error": [0.34]})


def test_the_curve_of_p_values_by_hand() -> None:
    found = worthwhile_curve(pool(COCHRANE, method="common", interval="normal"), [0.5, 1.0], better="lower")
    np.testing.assert_allclose(
        found["benefit_excluded"], special.ndtr(-(np.array([0.5, 1.0]) - 0.18) / 0.34), rtol=1e-12
    )
    np.testing.assert_allclose(found["harm_excluded"], special.ndtr(-(np.array([0.5, 1.0]) + 0.18) / 0.34), rtol=1e-12)
    np.testing.assert_allclose(found["benefit_shown"], 1 - found["benefit_excluded"], rtol=1e-12)
    assert (found["equivalence"] == found["benefit_excluded"]).all()


def test_equivalence_at_five_per_cent_is_the_ninety_per_cent_interval_inside() -> None:
    pooled = pool(FIVE)
    ends = pooled.to_frame(level=0.90).iloc[0]
    outer = max(-ends["conf_low"], ends["conf_high"])
    assert worthwhile_curve(pooled, [outer], better="lower")["equivalence"][0] == pytest.approx(0.05, rel=1e-9)


def test_without_prior_and_spread_probabilities_are_the_p_values() -> None:
    deltas = [0.25, 0.5, 1.0, 2.0]
    bayes = worthwhile_curve(effect_posterior(COCHRANE, tau_scale=0), deltas, better="lower")
    p = worthwhile_curve(pool(COCHRANE, method="common", interval="normal"), deltas, better="lower")
    np.testing.assert_allclose(bayes["benefit"], p["benefit_excluded"], rtol=1e-9)
    np.testing.assert_allclose(bayes["harm"], p["harm_excluded"], rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(bayes[["benefit", "harm", "negligible"]].sum(axis=1), 1.0, rtol=1e-12)


def test_better_turns_benefit_and_harm() -> None:
    for result in (pool(FIVE), effect_posterior(FIVE, tau_scale=0.5)):
        lower, higher = (worthwhile_curve(result, [0.2, 0.7], better=each) for each in ("lower", "higher"))
        names = ("benefit", "harm") if "benefit" in lower else ("benefit_excluded", "harm_excluded")
        np.testing.assert_allclose(lower[names[0]], higher[names[1]], rtol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"deltas": [0.0], "better": "lower"}, "deltas has to hold finite numbers above 0"),
        ({"deltas": [], "better": "lower"}, "deltas has to hold finite numbers above 0"),
        ({"deltas": [1.0], "better": "fewer"}, "better='fewer' is unknown: choose from lower, higher"),
    ],
)
def test_curves_that_are_none(arguments: dict, message: str) -> None:
    with pytest.raises(CrampstatsError, match=message):
        worthwhile_curve(pool(FIVE), **arguments)
    with pytest.raises(CrampstatsError, match="result has to be one effect"):
        worthwhile_curve(pool(FIVE, by="where"), [1.0], better="lower")


def test_a_spread_prior_in_a_wrong_unit_is_refused_or_settles() -> None:
    # 1e9 standard errors: the likelihood is a needle at 0 of the prior's range.
    with pytest.raises(ConvergenceError, match="is tau_scale in the effects' unit"):
        effect_posterior(FIVE, tau_scale=1e9)
