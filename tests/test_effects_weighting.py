"""Inverse-probability weights and doubly robust estimates: by hand, against standardisation, and what they tell and refuse."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import crampstats as cs
from crampstats.effects import balance, contrast, doubly_robust, inverse_probability
from crampstats.errors import ConvergenceError, CrampstatsError, QuestionError


def frame(n: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(12)
    data = pd.DataFrame(
        {"old": rng.integers(0, 2, n), "weight": rng.gamma(4, 50, n), "cluster": np.repeat(np.arange(30), n // 30)}
    )
    data["age_years"] = 30 + 30 * data["old"] + rng.integers(0, 25, n)
    data["drug"] = (rng.random(n) < 0.2 + 0.4 * data["old"]).astype(int)
    data["low"] = (rng.random(n) < 0.1 + 0.2 * data["old"] + 0.15 * data["drug"]).astype(int)
    data["place"] = rng.choice(["hills", "land", "town"], n)
    return data


SURVEY = cs.Survey(frame(), weight="weight", cluster="cluster")


@cache
def weighted(estimand: str, measure: str = "difference") -> object:
    return inverse_probability(SURVEY, "low", exposure="drug", covariates="old", estimand=estimand, measure=measure)


def both(estimate: cs.Estimate) -> list[np.ndarray]:
    return [estimate.value, estimate.std_error]


AMONG = {"average": None, "treated": "drug == 1", "untreated": "drug == 0"}


@pytest.mark.parametrize("estimand", AMONG)
@pytest.mark.parametrize("measure", ["difference", "ratio", "odds_ratio"])
def test_with_saturated_models_all_ways_are_one(estimand: str, measure: str) -> None:
    # Then weighting, standardising and both of them are the same function of the cells, so their errors are equal, too.
    model = cs.fit(SURVEY, "low ~ drug * old", family="binomial")
    standardised = contrast(model, "drug", measure=measure, among=AMONG[estimand])
    assert_allclose(both(weighted(estimand, measure).estimate), both(standardised), rtol=1e-8)
    if estimand != "untreated":
        robust = doubly_robust(model, "drug", covariates="old", estimand=estimand, measure=measure)
        assert_allclose(both(robust.estimate), both(standardised), rtol=1e-8)


def test_overlap_weights_by_hand() -> None:
    data = SURVEY.data
    value = 0.0
    whole = 0.0
    for old in (0, 1):
        here = data[data["old"] == old]
        risk = here.groupby("drug").apply(lambda rows: np.average(rows["low"], weights=rows["weight"]))
        chance = np.average(here["drug"], weights=here["weight"])
        share = here["weight"].sum() * chance * (1 - chance)
        value, whole = value + share * (risk.loc[1] - risk.loc[0]), whole + share
    assert weighted("overlap").estimate.value[0] == pytest.approx(value / whole, rel=1e-9)


def test_means_and_their_labels() -> None:
    effect = weighted("average")
    assert effect.means.labels["term"].tolist() == ["mean of low if drug", "mean of low if not drug"]
    assert effect.means.n.tolist() == [int(SURVEY.data["drug"].sum()), int((1 - SURVEY.data["drug"]).sum())]
    assert effect.means.interval_method == "logit"
    assert effect.estimate.labels["term"].tolist() == ["difference of low: drug against not"]
    assert effect.estimate.df.tolist() == [29 + 1 - 2]
    years = inverse_probability(SURVEY, "age_years", exposure="drug", covariates="place", measure="ratio", label="ages")
    assert years.means.interval_method == "wald"
    assert years.estimate.labels["term"].tolist() == ["ages"]
    assert "ages" in repr(years)
    assert "<table" in years._repr_html_()


def test_questions_ask_as_well_as_columns() -> None:
    asked = inverse_probability(SURVEY, "low == 1", exposure="drug == 1", covariates="old")
    assert_allclose(both(asked.estimate), both(weighted("average").estimate), rtol=1e-12)
    named = SURVEY.define(exposed="old")
    again = inverse_probability(named, "low == 1", exposure="drug == 1", covariates="exposed")
    assert_allclose(both(again.estimate), both(weighted("average").estimate), rtol=1e-12)
    truths = cs.Survey(frame().assign(drug=lambda rows: rows["drug"] == 1), weight="weight", cluster="cluster")
    true = inverse_probability(truths, "low", exposure="drug", covariates="old")
    assert_allclose(both(true.estimate), both(weighted("average").estimate), rtol=1e-12)


def test_domains_counts_and_split_rows() -> None:
    asked = SURVEY.where("place != 'town'")
    plain = inverse_probability(asked, "low", exposure="drug", covariates="old + place")
    counted = asked.tabulate(["low", "drug", "old", "place"])
    same = inverse_probability(counted, "low", exposure="drug", covariates="old + place")
    half = pd.concat([SURVEY.data, SURVEY.data]).assign(weight=lambda rows: rows["weight"] / 2)
    split = cs.Survey(half.reset_index(drop=True), weight="weight", cluster="cluster").where("place != 'town'")
    twice = inverse_probability(split, "low", exposure="drug", covariates="old + place")
    models = [cs.fit(each, "low ~ drug + old", family="poisson") for each in (asked, counted, split)]
    first, *others = [doubly_robust(model, "drug", covariates="old + place").estimate for model in models]
    for other in (same.estimate, twice.estimate):
        assert_allclose(both(other), both(plain.estimate), rtol=1e-9)
    for other in others:
        assert_allclose(both(other), both(first), rtol=1e-9)
    assert same.means.n.tolist() == plain.means.n.tolist()
    assert_allclose(same.positivity()[["n", "lowest_score"]], plain.positivity()[["n", "lowest_score"]], rtol=1e-9)


def test_positivity_by_hand() -> None:
    table = pd.DataFrame({"old": [0] * 20 + [1] * 10, "drug": [1] + [0] * 19 + [1] * 5 + [0] * 5, "low": [1, 0] * 15})
    effect = inverse_probability(cs.Survey(table), "low", exposure="drug", covariates="old")
    found = effect.positivity().set_index("term")
    # Chances are 1/20 and 1/2, so that weights of the exposed are 20 once and 2 five times.
    assert found["n"].tolist() == [6, 24]
    assert_allclose(found.loc["exposed", ["lowest_score", "highest_score"]].astype(float), [0.05, 0.5], rtol=1e-9)
    assert found.loc["exposed", "outside_pct"] == pytest.approx(100 / 6)
    assert found.loc["exposed", "n_effective"] == pytest.approx(30**2 / (20**2 + 5 * 4))
    assert found.loc["exposed", "largest_weight"] == pytest.approx(20 / 5)
    assert found.loc["exposed", "largest_share_pct"] == pytest.approx(100 * 20 / 30)
    assert found.loc["unexposed", "outside_pct"] == pytest.approx(100 * 19 / 24)
    assert effect.to_frame()["note"].tolist() == [""]


def test_a_heavy_weight_is_told() -> None:
    old = np.repeat([0, 1], [200, 100])
    drug = np.r_[1, np.zeros(199), np.ones(80), np.zeros(20)].astype(int)
    survey = cs.Survey(pd.DataFrame({"old": old, "drug": drug, "low": np.tile([0, 1, 1], 100)}))
    effect = inverse_probability(survey, "low", exposure="drug", covariates="old")
    assert effect.to_frame()["note"].tolist() == ["one of the exposed has 54 times the mean weight"]
    assert repr(effect).endswith("(one of the exposed has 54 times the mean weight)")


def test_balance_by_hand() -> None:
    data = SURVEY.data
    table = balance(weighted("average"), ["old", "place", "age_years"]).set_index("term")
    assert table.index.tolist() == ["old", "place = hills", "place = land", "place = town", "age_years"]
    groups = {drug: data[data["drug"] == drug] for drug in (1, 0)}
    means = {drug: np.average(rows["age_years"], weights=rows["weight"]) for drug, rows in groups.items()}
    spread = [
        np.average((rows["age_years"] - means[drug]) ** 2, weights=rows["weight"]) for drug, rows in groups.items()
    ]
    row = table.loc["age_years"]
    assert row["exposed_before"] == pytest.approx(means[1], rel=1e-12)
    assert row["smd_before"] == pytest.approx((means[1] - means[0]) / np.sqrt(np.mean(spread)), rel=1e-12)
    # What a saturated propensity model holds is alike afterwards, as it is in all people.
    old = table.loc["old"]
    assert old["smd_after"] == pytest.approx(0, abs=1e-9)
    assert old["exposed_after"] == pytest.approx(np.average(data["old"], weights=data["weight"]), rel=1e-9)
    assert abs(old["smd_before"]) > 0.5
    assert balance(weighted("average"))["term"].tolist() == ["old"]
    two = SURVEY.where("place != 'town'")
    effect = inverse_probability(two, "low", exposure="drug", covariates="old + place")
    assert balance(effect)["term"].tolist() == ["old", "place = hills"]
    same = cs.Survey(frame().assign(constant=1.0), weight="weight")
    constant = balance(inverse_probability(same, "low", exposure="drug", covariates="old"), ["constant"])
    assert constant["smd_after"].tolist() == [0.0]


def test_balance_refuses_missing_values_and_unknown_columns() -> None:
    gaps = cs.Survey(frame().assign(dose=np.where(np.arange(600) == 3, np.nan, 1.0)), weight="weight")
    effect = inverse_probability(gaps, "low", exposure="drug", covariates="old")
    with pytest.raises(QuestionError, match=r"'dose' has missing values in the domain: first ask observed\('dose'\)"):
        balance(effect, ["dose"])
    with pytest.raises(QuestionError, match="there is no column 'colour'"):
        balance(effect, ["colour"])


def test_what_weighting_refuses() -> None:
    def ask(
        survey: cs.Survey = SURVEY, outcome: str = "low", exposure: str = "drug", covariates: str = "old", **more: str
    ) -> None:
        inverse_probability(survey, outcome, exposure=exposure, covariates=covariates, **more)

    with pytest.raises(
        CrampstatsError, match="estimand='ATT' is unknown: choose from average, treated, untreated, overlap"
    ):
        ask(estimand="ATT")
    with pytest.raises(CrampstatsError, match="measure='hr' is unknown"):
        ask(measure="hr")
    with pytest.raises(QuestionError, match="exposure='age_years' has to be 0 or 1, or a yes/no question; it holds"):
        ask(exposure="age_years")
    with pytest.raises(CrampstatsError, match="is 1 for everybody: there is nobody to compare with"):
        ask(SURVEY.where("drug == 1"))
    for covariates in ("drug ~ old", "", 3):
        with pytest.raises(QuestionError, match="has to be the right side of a formula"):
            ask(covariates=covariates)
    with pytest.raises(QuestionError, match="'drug' stands on both sides"):
        ask(covariates="old + drug")
    with pytest.raises(ConvergenceError, match="'sure' predicts the outcome perfectly"):
        ask(SURVEY.define(sure="drug * 2"), covariates="sure")
    gaps = cs.Survey(frame().assign(old=np.where(np.arange(600) == 3, np.nan, 1.0 * frame()["old"])), weight="weight")
    with pytest.raises(QuestionError, match=r"observed\('old'\)"):
        ask(gaps)
    with pytest.raises(QuestionError, match=r"observed\('old'\)"):
        ask(gaps, outcome="old")


def test_nobody_may_be_certain() -> None:
    # A propensity that the formula drives to 0 without separating: one person far out.
    data = frame().assign(dose=lambda rows: np.where(np.arange(600) == 5, 600.0, rows["age_years"]))
    data.loc[5, "drug"] = 1
    with pytest.raises(CrampstatsError, match=r"positivity: 1 rows have a chance of 'drug' of 0 or 1 given 'dose'"):
        inverse_probability(cs.Survey(data), "low", exposure="drug", covariates="dose")


def test_what_doubly_robust_refuses() -> None:
    model = cs.fit(SURVEY, "low ~ drug + place", family="binomial")
    with pytest.raises(QuestionError, match="exposure='old' is no column of the model; its columns are drug, place"):
        doubly_robust(model, "old", covariates="old")
    with pytest.raises(QuestionError, match="exposure='place' has to be a column of 0 and 1"):
        doubly_robust(model, "place", covariates="old")
    with pytest.raises(CrampstatsError, match="estimand='overlap' is unknown: choose from average, treated"):
        doubly_robust(model, "drug", covariates="old", estimand="overlap")


def test_a_doubly_robust_mean_of_a_number() -> None:
    model = cs.fit(SURVEY, "age_years ~ drug + old", family="gaussian")
    effect = doubly_robust(model, "drug", covariates="old + place")
    assert effect.means.interval_method == "wald"
    assert effect.means.n.tolist() == [600, 600]
    assert effect.estimate.df.tolist() == [29 + 1 - 4]
    data, weight = SURVEY.data, SURVEY.data["weight"]
    if_drug = model.means_at(data.assign(drug=1))[0]
    pulled = if_drug + data["drug"] / effect.score * (data["age_years"] - if_drug)
    assert effect.means.value[0] == pytest.approx(np.average(pulled, weights=weight), rel=1e-12)


def test_balance_is_of_a_list_of_columns() -> None:
    with pytest.raises(QuestionError, match=r"columns='old' has to be a list of columns, as in \['old'\]"):
        balance(weighted("average"), "old")
