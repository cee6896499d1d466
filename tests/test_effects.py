"""Means if everybody had a value: by hand, against domains, and that their errors hold the covariates' sampling."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import crampstats as cs
from crampstats.errors import QuestionError


@pytest.fixture(scope="module")
def survey() -> cs.Survey:
    rng = np.random.default_rng(5)
    n = 500
    frame = pd.DataFrame(
        {"old": rng.integers(0, 2, n), "weight": rng.gamma(4, 50, n), "cluster": np.repeat(np.arange(25), 20)}
    )
    frame["drug"] = (rng.random(n) < 0.2 + 0.4 * frame["old"]).astype(int)
    frame["low"] = (rng.random(n) < 0.1 + 0.2 * frame["old"] + 0.1 * frame["drug"]).astype(int)
    return cs.Survey(frame.assign(place=rng.choice(["land", "town"], n)), weight="weight", cluster="cluster")


def test_a_saturated_model_is_standardised_by_hand(survey: cs.Survey) -> None:
    model = cs.fit(survey, "low ~ drug * old", family="binomial")
    cells = cs.prevalence(survey, "low == 1", by=["drug", "old"]).value.reshape(2, 2)
    old = cs.mean(survey, "old").value[0]
    for drug in (0, 1):
        assert cs.g_formula(model, {"drug": drug}).value[0] == pytest.approx(cells[drug] @ [1 - old, old], rel=1e-10)


def test_without_other_columns_it_is_the_prevalence_of_the_domain(survey: cs.Survey) -> None:
    model = cs.fit(survey, "low ~ drug", family="binomial")
    with_drug, domain = cs.g_formula(model, {"drug": 1}), cs.prevalence(survey.where("drug == 1"), "low == 1")
    assert_allclose([with_drug.value, with_drug.std_error], [domain.value, domain.std_error], rtol=1e-9)


def test_the_error_is_that_of_the_whole_procedure(survey: cs.Survey) -> None:
    # Leave one cluster out, fit and average again: the jackknife knows nothing of slopes or contributions.
    def gap(data: pd.DataFrame) -> float:
        model = cs.fit(
            cs.Survey(data, weight="weight", cluster="cluster"), "low ~ drug + old + place", family="binomial"
        )
        return (cs.g_formula(model, {"drug": 1}).value - cs.g_formula(model, {"drug": 0}).value)[0]

    data = survey.data
    left_out = np.array([gap(data[data["cluster"] != cluster]) for cluster in range(25)])
    jackknife = np.sqrt(24 / 25 * np.sum((left_out - left_out.mean()) ** 2))
    model = cs.fit(survey, "low ~ drug + old + place", family="binomial")
    difference = cs.difference(cs.g_formula(model, {"drug": 1}), cs.g_formula(model, {"drug": 0}))
    assert difference.std_error[0] == pytest.approx(jackknife, rel=0.05)


def test_the_covariance_of_covariates_and_coefficients_is_in_the_error() -> None:
    # Clusters of more old people have more cases at the same age, so that shares and coefficients err together.
    rng = np.random.default_rng(0)
    share = np.repeat(np.linspace(0.1, 0.9, 40), 50)
    data = pd.DataFrame({"cluster": np.repeat(np.arange(40), 50), "weight": rng.gamma(4, 50, 2000)})
    data["old"] = (rng.random(2000) < share).astype(int)
    data["drug"] = (rng.random(2000) < 0.7).astype(int)
    data["low"] = (rng.random(2000) < 0.05 + 0.3 * data["old"] + 0.5 * share).astype(int)

    def parts(rows: pd.DataFrame) -> list[np.ndarray]:
        """Return the risk on the drug in young and old, which a saturated model predicts, and the shares of both."""
        sums = rows.assign(cases=rows["weight"] * rows["low"]).groupby(["drug", "old"])[["cases", "weight"]].sum()
        shares = rows.groupby("old")["weight"].sum().to_numpy() / rows["weight"].sum()
        return [(sums["cases"] / sums["weight"]).loc[1].to_numpy(), shares]

    def jackknife_variance(values: np.ndarray) -> float:
        return 39 / 40 * np.sum((values - values.mean()) ** 2)

    risk, shares = parts(data)
    risks, all_shares = map(np.array, zip(*(parts(data[data["cluster"] != left]) for left in range(40)), strict=True))
    whole = jackknife_variance((risks * all_shares).sum(axis=1))
    covariance = whole - jackknife_variance(risks @ shares) - jackknife_variance(all_shares @ risk)
    assert covariance > 0.3 * whole

    survey = cs.Survey(data, weight="weight", cluster="cluster")
    mean = cs.g_formula(cs.fit(survey, "low ~ drug * old", family="binomial"), {"drug": 1})
    assert mean.value[0] == pytest.approx(risk @ shares, rel=1e-9)
    # Without the covariance the error is 16 % or more too small, with the wrong sign 37 % or more.
    assert mean.std_error[0] == pytest.approx(np.sqrt(whole), rel=0.03)


def test_the_sampling_of_covariates_is_in_the_error() -> None:
    # A model without error of its own: what is left is the sampling of `old`.
    table = pd.DataFrame({"old": [0, 1] * 40, "drug": [0, 0, 1, 1] * 20})
    table["mg"] = 0.9 - 0.1 * table["old"] - 0.02 * table["drug"]
    survey = cs.Survey(table)
    model = cs.fit(survey, "mg ~ old + drug", family="gaussian")
    assert model.coefficients.std_error.max() == pytest.approx(0, abs=1e-12)
    assert cs.g_formula(model, {"drug": 1}).std_error[0] == pytest.approx(
        0.1 * cs.mean(survey, "old").std_error[0], rel=1e-9
    )


def test_domain_counts_and_categories(survey: cs.Survey) -> None:
    asked = survey.where("old == 1")
    rows = cs.g_formula(cs.fit(asked, "low ~ drug + place", family="poisson"), {"place": "town"})
    cells = asked.tabulate(["low", "drug", "place"])
    same = cs.g_formula(cs.fit(cells, "low ~ drug + place", family="poisson"), {"place": "town"})
    assert_allclose([rows.value, rows.std_error], [same.value, same.std_error], rtol=1e-9)
    assert rows.labels["term"].tolist() == ["mean of low if place = town"]
    assert rows.df.tolist() == [24 + 1 - 3]
    assert rows.n.tolist() == [asked.people]


def test_a_setting_names_columns_and_known_levels(survey: cs.Survey) -> None:
    model = cs.fit(survey, "low ~ drug + place", family="binomial")
    with pytest.raises(
        QuestionError, match=r"setting=\{'dose': 1\} has to be a dict of columns of the model .* drug, place"
    ):
        cs.g_formula(model, {"dose": 1})
    for nothing in ({}, [{"drug": 1}], "drug"):
        with pytest.raises(QuestionError, match="has to be a dict of columns of the model"):
            cs.g_formula(model, nothing)
    with pytest.raises(QuestionError, match="'drug' is a number, and 'ja' is none"):
        cs.g_formula(model, {"drug": "ja"})
    with pytest.raises(QuestionError, match="'sea' where the formula knows only the levels 'land', 'town'"):
        cs.g_formula(model, {"place": "sea"})


def test_levels_outside_the_domain_are_no_levels_of_the_model(survey: cs.Survey) -> None:
    # The column keeps a level that nobody in the domain has; the model does not know it, nor does it need to.
    ordered = pd.Categorical(survey.data["place"], categories=["sea", "land", "town"], ordered=True)
    asked = cs.Survey(survey.data.assign(place=ordered), weight="weight", cluster="cluster").where("place != 'sea'")
    plain = cs.g_formula(cs.fit(survey, "low ~ drug + place", family="binomial"), {"drug": 1})
    same = cs.g_formula(cs.fit(asked, "low ~ drug + place", family="binomial"), {"drug": 1})
    assert_allclose([same.value, same.std_error], [plain.value, plain.std_error], rtol=1e-9)


def test_a_setting_may_be_a_shift(survey: cs.Survey) -> None:
    aged = survey.define(age_years="40 + 20 * old + weight / 100")
    model = cs.fit(aged, "low ~ drug + age_years", family="binomial")
    later = cs.g_formula(model, {"age_years": "age_years + 10"})
    by_hand = model.means_at(aged.data.assign(age_years=aged.data["age_years"] + 10))[0]
    assert later.value[0] == pytest.approx(np.average(by_hand, weights=survey.data["weight"]), rel=1e-12)
    assert later.labels["term"].tolist() == ["mean of low if age_years = age_years + 10"]
    same = cs.g_formula(model, {"age_years": "age_years"})
    as_it_is = cs.mean(survey, "low")
    assert same.value == pytest.approx(as_it_is.value, rel=1e-9)
    assert same.std_error == pytest.approx(as_it_is.std_error, rel=1e-8)


def test_a_shift_needs_a_value_for_everybody(survey: cs.Survey) -> None:
    gaps = survey.data.assign(dose=np.where(np.arange(len(survey)) == 3, np.nan, 1.0))
    model = cs.fit(cs.Survey(gaps, weight="weight", cluster="cluster"), "low ~ drug", family="binomial")
    with pytest.raises(QuestionError, match=r"nor arithmetic of columns: 'dose' has no answer in 1 of 500 rows"):
        cs.g_formula(model, {"drug": "dose"})
    with pytest.raises(QuestionError, match=r"'drug' is a number, and 'dose == 1' is none, nor arithmetic"):
        cs.g_formula(model, {"drug": "dose == 1"})
    with pytest.raises(QuestionError, match=r"'drug' is a number, and \(1, 2\) is none\."):
        cs.g_formula(model, {"drug": (1, 2)})


def test_by_is_each_group_alone(survey: cs.Survey) -> None:
    model = cs.fit(survey, "low ~ drug * old", family="binomial")
    both = cs.g_formula(model, {"drug": 1}, by=["place", "old"])
    assert both.labels.columns.tolist() == ["term", "place", "old"]
    assert both.n.sum() == 500
    for place in ("land", "town"):
        for old in (0, 1):
            one = both.where(f"place == '{place}' and old == {old}")
            alone = cs.g_formula(model, {"drug": 1}, among=f"place == '{place}' and old == {old}")
            assert_allclose([one.value, one.std_error, one.n], [alone.value, alone.std_error, alone.n], rtol=1e-10)
    weights = survey.data.groupby(["place", "old"])["weight"].sum().to_numpy() / survey.data["weight"].sum()
    assert weights @ both.value == pytest.approx(cs.g_formula(model, {"drug": 1}).value[0], rel=1e-12)


def test_where_the_domain_is_nobody_is_told(survey: cs.Survey) -> None:
    model = cs.fit(survey, "low ~ drug", family="binomial")
    with pytest.raises(QuestionError, match="old == 2: nobody"):
        cs.g_formula(model, {"drug": 1}, among="old == 2")
    with pytest.raises(QuestionError, match="by='place' has to be a list"):
        cs.g_formula(model, {"drug": 1}, by="place")
