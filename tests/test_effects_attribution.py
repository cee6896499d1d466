"""Attributable fractions: by hand, alone and averaged over orders, and what they tell."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats

import crampstats as cs
from crampstats.effects import attributable_fraction
from crampstats.errors import CrampstatsError, IntervalError, QuestionError
from crampstats.intervals import interval


def frame(n: int = 800) -> pd.DataFrame:
    rng = np.random.default_rng(13)
    data = pd.DataFrame(
        {"old": rng.integers(0, 2, n), "weight": rng.gamma(4, 50, n), "cluster": np.repeat(np.arange(40), n // 40)}
    )
    data["drug"] = (rng.random(n) < 0.2 + 0.4 * data["old"]).astype(int)
    data["heavy"] = (rng.random(n) < 0.3).astype(int)
    data["low"] = (rng.random(n) < 0.1 + 0.2 * data["old"] * data["drug"] + 0.15 * data["heavy"]).astype(int)
    data["sex"] = rng.choice(["female", "male"], n)
    return data


SURVEY = cs.Survey(frame(), weight="weight", cluster="cluster")


def both(estimate: cs.Estimate) -> list[np.ndarray]:
    return [estimate.value, estimate.std_error]


def test_a_share_of_one_exposure_by_hand() -> None:
    # Of a simple table: the risk as it is less that of the unexposed, over the risk as it is.
    table = pd.DataFrame({"low": [1, 1, 0, 0], "drug": [1, 0, 1, 0], "n": [40, 25, 60, 175]})
    share = attributable_fraction(cs.fit(cs.Survey(table, count="n"), "low ~ drug", family="binomial"), {"drug": 0})
    assert share.estimate.value[0] == pytest.approx(1 - (25 / 200) / (65 / 300), rel=1e-10)
    # log(1 - AF) = log(25 / 200) - log(65 / 300) with multinomial counts.
    counts = np.array([40.0, 25, 60, 175])
    slopes = np.array([-1 / 65, 1 / 25 - 1 / 200 - 1 / 65, 0, -1 / 200])
    slopes = slopes + 1 / 300
    variance = (slopes**2 @ counts - (slopes @ counts) ** 2 / 300) * 300 / 299
    remaining = 1 - share.estimate.value[0]
    assert share.estimate.std_error[0] == pytest.approx(remaining * np.sqrt(variance), rel=1e-9)
    low, high = share.to_frame().loc[0, ["conf_low", "conf_high"]]
    assert (1 - low) * (1 - high) == pytest.approx(remaining**2, rel=1e-9)
    assert low < share.estimate.value[0] < high
    assert share.to_frame().columns.tolist() == ["term", "n", "estimate", "std_error", "conf_low", "conf_high", "note"]


def test_the_share_among_the_exposed_is_that_of_the_ratio() -> None:
    model = cs.fit(SURVEY, "low ~ drug", family="binomial")
    ratio = cs.fit(SURVEY, "low ~ drug", family="poisson").prevalence_ratios()
    among = attributable_fraction(model, {"drug": 0}, among="drug == 1")
    expected = cs.transform(ratio, lambda r: 1 - 1 / r)
    assert_allclose(both(among.estimate), both(expected), rtol=1e-7)  # the expected slopes are numerical
    cases = SURVEY.data.query("low == 1")
    exposed = np.average(cases["drug"], weights=cases["weight"])
    whole = attributable_fraction(model, {"drug": 0})
    assert whole.estimate.value[0] == pytest.approx(exposed * among.estimate.value[0], rel=1e-9)  # Miettinen 1974


def test_the_share_is_what_the_means_say() -> None:
    model = cs.fit(SURVEY, "low ~ drug * old + heavy", family="binomial")
    share = attributable_fraction(model, {"drug": 0})
    observed, without = cs.mean(SURVEY, "low"), cs.g_formula(model, {"drug": 0})
    assert_allclose(both(share.remaining), both(cs.ratio(without, observed)), rtol=1e-10)
    assert share.observed.value == pytest.approx(observed.value, rel=1e-14)
    assert share.to_frame()["note"].tolist() == [""]
    assert "if the model holds what confounds" in repr(share)
    assert "<table" in share._repr_html_()


def test_several_exposures_alone_and_together() -> None:
    model = cs.fit(SURVEY, "low ~ drug * old + heavy * drug", family="binomial")
    shares = attributable_fraction(model, {"drug": 0, "heavy": 0})
    assert shares.remaining.labels["term"].tolist() == ["drug = 0", "heavy = 0", "drug = 0, heavy = 0"]
    for place, setting in enumerate(({"drug": 0}, {"heavy": 0}, {"drug": 0, "heavy": 0})):
        expected = 1 - cs.g_formula(model, setting).value[0] / cs.mean(SURVEY, "low").value[0]
        assert shares.estimate.value[place] == pytest.approx(expected, rel=1e-10)
    notes = shares.to_frame()["note"].tolist()
    total = shares.estimate.value[:2].sum()
    assert notes == ["", "", f"the single ones add up to {total:.3g}, not to this"]


def test_averages_over_orders_add_up() -> None:
    model = cs.fit(SURVEY, "low ~ drug * old * heavy", family="binomial")
    exposures = {"drug": 0, "heavy": 0, "old": 0}
    averaged = attributable_fraction(model, exposures, parts="average")
    values = averaged.estimate.value
    assert values[:3].sum() == pytest.approx(values[3], rel=1e-10)
    observed = cs.mean(SURVEY, "low").value[0]

    def gone(*names: str) -> float:
        return 1 - cs.g_formula(model, dict.fromkeys(names, 0)).value[0] / observed if names else 0.0

    # drug first, in the middle after either of the others, or last: two, one, one and two of six orders.
    by_hand = (
        2 * gone("drug")
        + gone("heavy", "drug") - gone("heavy")
        + gone("old", "drug") - gone("old")
        + 2 * (gone("heavy", "old", "drug") - gone("heavy", "old"))
    ) / 6  # fmt: skip
    assert values[0] == pytest.approx(by_hand, rel=1e-9)
    assert averaged.to_frame()["note"].tolist() == ["", "", "", "the single ones add up to it"]
    two = attributable_fraction(model, {"drug": 0, "heavy": 0}, parts="average")
    sums = two.estimate
    joint = attributable_fraction(model, {"drug": 0, "heavy": 0}).estimate.where("term == 'drug = 0, heavy = 0'")
    added = cs.transform(sums.where("term != 'drug = 0, heavy = 0'"), lambda v: np.array([v.sum()]), label="sum")
    assert_allclose(both(added), both(joint), rtol=1e-7)  # numerical slopes


def test_shares_by_groups_are_those_of_each() -> None:
    model = cs.fit(SURVEY, "low ~ drug * old + heavy", family="poisson")
    grouped = attributable_fraction(model, {"drug": 0, "heavy": 0}, by=["sex"])
    for sex in ("female", "male"):
        alone = attributable_fraction(model, {"drug": 0, "heavy": 0}, among=f"sex == '{sex}'")
        assert_allclose(both(grouped.estimate.where(f"sex == '{sex}'")), both(alone.estimate), rtol=1e-9)
        assert (
            grouped.to_frame().loc[lambda rows, sex=sex: rows["sex"] == sex, "note"].tolist()
            == alone.to_frame()["note"].tolist()
        )
    assert len(grouped) == 6


def test_a_shift_is_a_generalised_impact_fraction() -> None:
    aged = SURVEY.define(magnesium_mmol_l="0.9 - 0.1 * old - 0.05 * drug")
    model = cs.fit(aged, "low ~ magnesium_mmol_l", family="binomial")
    share = attributable_fraction(model, {"magnesium_mmol_l": "magnesium_mmol_l + 0.05"})
    shifted = model.means_at(aged.data.assign(magnesium_mmol_l=aged.data["magnesium_mmol_l"] + 0.05))[0]
    weight = aged.data["weight"]
    assert share.remaining.value[0] == pytest.approx((weight @ shifted) / (weight @ aged.data["low"]), rel=1e-12)


def test_what_a_share_refuses() -> None:
    model = cs.fit(SURVEY, "low ~ drug + old", family="binomial")
    with pytest.raises(CrampstatsError, match="parts='all' is unknown: choose from alone, average"):
        attributable_fraction(model, {"drug": 0}, parts="all")
    for nothing in ({}, "drug", [("drug", 0)]):
        with pytest.raises(
            QuestionError, match="has to be a dict of columns of the model and what everybody would have"
        ):
            attributable_fraction(model, nothing)
    with pytest.raises(QuestionError, match="the columns are drug, old"):
        attributable_fraction(model, {"heavy": 0})
    with pytest.raises(CrampstatsError, match="give at most 8"):
        attributable_fraction(model, {f"x{i}": 0 for i in range(9)}, parts="average")
    # A model of the others says something of those who have no case; a share of no cases is none.
    with pytest.raises(CrampstatsError, match="nobody has the outcome 'low' in some group"):
        attributable_fraction(model, {"drug": 0}, among="low == 0")
    below = cs.fit(SURVEY.define(loss="low - 2"), "loss ~ drug", family="gaussian")
    with pytest.raises(CrampstatsError, match=r"the mean of 'loss' is -1.*: shares are of an outcome that counts"):
        attributable_fraction(below, {"drug": 0})


def test_the_estimate_has_the_limits_of_the_table() -> None:
    share = attributable_fraction(cs.fit(SURVEY, "low ~ drug + old", family="binomial"), {"drug": 0}, by=["sex"])
    assert share.estimate.interval_method == "log_complement"
    limits, rest = share.estimate.interval(level=0.9), share.remaining.interval(level=0.9)
    assert_allclose([limits.low, limits.high], [1 - rest.high, 1 - rest.low], rtol=1e-12)
    pd.testing.assert_frame_equal(share.to_frame(level=0.9), share.estimate.to_frame(level=0.9))
    # By hand, on the scale of the logarithm of what remains.
    reach = stats.t.ppf(0.95, share.estimate.df) * share.estimate.std_error / (1 - share.estimate.value)
    assert_allclose(np.log(1 - limits.low) - np.log(1 - limits.high), 2 * reach, rtol=1e-10)


def test_what_has_no_complement_has_no_logarithm_of_it() -> None:
    for value in (1.0, 1.2):
        with pytest.raises(
            IntervalError, match="method='log_complement' has no interval at values of 1 or more: use 'wald'"
        ):
            interval("log_complement", *(np.array([x]) for x in (value, 0.1, 100.0, 20.0)))
    # A negative share, of an exposure that protects, has limits too.
    found = interval("log_complement", *(np.array([x]) for x in (-0.5, 0.3, 100.0, np.inf)))
    assert_allclose(
        [found.low, found.high],
        [[1 - 1.5 * np.exp(0.2 * 1.959963984540054)], [1 - 1.5 / np.exp(0.2 * 1.959963984540054)]],
    )
