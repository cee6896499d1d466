"""Models of counts: against R, small cases with known answers, what is refused and how, invariants, checks of fit.

tests/golden/counts.R made the input and the expected values of the invented survey. Results of R on published data are
used where they are at hand (`CRAMPSTATS_GOLDEN`).
"""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from places import folder_of
from scipy import optimize, special, stats

import crampstats as cs
from crampstats.errors import ConvergenceError, CrampstatsError, QuestionError
from crampstats.regression import (
    calibration_check,
    design_aic,
    observed_and_expected,
    overdispersion_test,
    quantile_residuals,
    zero_inflation_test,
)

FOLDER = Path(__file__).parent / "golden"
DATA = pd.read_csv(FOLDER / "counts_input.csv")
EXPECTED = pd.read_csv(FOLDER / "counts_expected.csv")
PUBLISHED = folder_of("CRAMPSTATS_GOLDEN", "shared/golden")
published = pytest.mark.skipif(PUBLISHED is None, reason="no reference results")
CLUSTERED = {"weight": "weight", "stratum": "stratum", "cluster": "cluster", "cluster_labels": "nested"}
NIGHTS = {0: (0, 0), 1: (1, 1), 2: (2, 4), 3: (5, 15), 4: (16, None)}
ZEROS = ("zero_inflated_poisson", "zero_inflated_negative_binomial", "hurdle_poisson", "hurdle_negative_binomial")
FAMILIES = ("negative_binomial", *ZEROS)
TERMS = {"(Intercept)": "Intercept", "sexmale": "sex[T.male]"}


@cache
def survey(design: str = "clusters") -> cs.Survey:
    return cs.Survey(DATA, **(CLUSTERED if design == "clusters" else {}))


@cache
def fitted(design: str, family: str) -> cs.Model:
    grouped = family.startswith("grouped")
    options = {"zero": "sex"} if family in ZEROS else {"classes": NIGHTS} if grouped else {}
    outcome = "often" if grouped else "cramps"
    return cs.fit(survey(design), f"{outcome} ~ sex + age", family=family, exposure="weeks", **options)


COUNT_ROWS = EXPECTED[EXPECTED["family"] != "ordinal"]


@pytest.mark.parametrize("design", ["clusters", "simple"])
@pytest.mark.parametrize("family", [*FAMILIES, "grouped_negative_binomial"])
def test_invented_survey(design: str, family: str) -> None:
    rows = COUNT_ROWS[(COUNT_ROWS["design"] == design) & (COUNT_ROWS["family"] == family)]
    model = fitted(design, family)
    labels = model.coefficients.labels
    # R's numerical slopes leave 1e-8 of a coefficient.
    assert labels["term"].tolist() == rows["term"].replace(TERMS).tolist()
    assert labels["part"].tolist() == rows["part"].tolist()
    assert_allclose(model.coefficients.value, rows["value"], rtol=1e-8, atol=1e-9)
    assert_allclose(model.coefficients.std_error, rows["std_error"], rtol=1e-8)
    assert model.solution.log_likelihood == pytest.approx(rows["log_likelihood"].iloc[0], rel=1e-12)
    # In standard errors: the gradient at the end is rounding.
    assert model.solution.gradient_norm == pytest.approx(0, abs=1e-7)
    p = len(model.coefficients)
    assert model.coefficients.df.tolist() == [survey(design).degrees_of_freedom + 1 - p] * p


def test_every_row_of_the_expected_values_is_tested() -> None:
    assert set(EXPECTED["family"]) == {*FAMILIES, "grouped_negative_binomial", "ordinal"}
    assert set(EXPECTED["design"]) == {"clusters", "simple"}


# Published data: 915 biochemists and their articles, by R's glm, glm.nb and pscl.


@cache
def biochemists() -> cs.Survey:
    assert PUBLISHED is not None
    data = pd.read_csv(PUBLISHED / "bioChemists.csv")
    return cs.Survey(
        data.assign(
            fem=pd.Categorical(data["fem"], ["Men", "Women"]), mar=pd.Categorical(data["mar"], ["Single", "Married"])
        )
    )


@cache
def golden_counts(model: str, part: str) -> pd.DataFrame:
    assert PUBLISHED is not None
    rows = pd.read_csv(PUBLISHED / "golden_counts.csv")
    return rows[(rows["model"] == model) & (rows["part"] == part)].set_index("term")


BIOCHEMISTS = {
    "bio_poisson": ("poisson", None),
    "bio_nb2": ("negative_binomial", None),
    "bio_zi_poisson": ("zero_inflated_poisson", None),
    "bio_zi_zero~1_poisson": ("zero_inflated_poisson", "1"),
    "bio_zi_negbin": ("zero_inflated_negative_binomial", None),
    "bio_hurdle_poisson": ("hurdle_poisson", None),
    "bio_hurdle_zero~1_poisson": ("hurdle_poisson", "1"),
    "bio_hurdle_negbin": ("hurdle_negative_binomial", None),
    "bio_hurdle_zero~1_negbin": ("hurdle_negative_binomial", "1"),
}
ARTICLES = "art ~ fem + mar + kid5 + phd + ment"


@published
@pytest.mark.parametrize("name", BIOCHEMISTS)
def test_articles_of_biochemists(name: str) -> None:
    family, zero = BIOCHEMISTS[name]
    model = cs.fit(biochemists(), ARTICLES, family=family, zero=zero)
    labels, value = model.coefficients.labels, model.coefficients.value
    for part in ("count", "zero"):
        expected = golden_counts(name, part)["est"].drop("Log(theta)", errors="ignore")
        found = value[labels["part"] == part] if "part" in labels else value[: len(expected) if part == "count" else 0]
        # pscl has the odds of a count above 0 in the zero part of a hurdle.
        sign = -1 if part == "zero" and "hurdle" in name else 1
        # R's optim and its alternating steps leave 1e-7.
        assert_allclose(sign * found, expected, rtol=1e-6, atol=1.5e-7)
    fit = golden_counts(name, "fit")["est"]
    assert design_aic(model).log_likelihood == pytest.approx(fit["logLik"], rel=1e-8)
    for theta in (each for each in fit.index if each.startswith("theta")):
        assert 1 / model.dispersion().value[0] == pytest.approx(fit[theta], rel=1e-6)
    data = biochemists().data
    none = model.chances_at(data, [0])[0]
    if "mean_pred_mean" in fit:
        assert model.means_at(data)[0].mean() == pytest.approx(fit["mean_pred_mean"], rel=1e-7)
        assert none.mean() == pytest.approx(fit["mean_pred_P0"], rel=1e-7)
    else:
        assert none.sum() == pytest.approx(fit["sum_pred_P0"], rel=1e-8)


@published
def test_the_error_of_poisson_coefficients_is_the_sandwich() -> None:
    expected = golden_counts("bio_poisson_HC0", "count")["se"]
    found = cs.fit(biochemists(), ARTICLES, family="poisson").coefficients.std_error
    # The design's variance of n people has n / (n - 1).
    assert_allclose(found, expected * np.sqrt(915 / 914), rtol=1e-7)


@published
def test_no_extra_zeros_among_biochemists() -> None:
    with pytest.raises(ConvergenceError, match=r"no zero-inflation is found.*use family='negative_binomial'"):
        cs.fit(biochemists(), ARTICLES, family="zero_inflated_negative_binomial", zero="1")


@cache
def nhanes_counts() -> cs.Survey:
    assert PUBLISHED is not None
    data = pd.read_csv(PUBLISHED / "nhanes.csv").assign(cnt=pd.read_csv(PUBLISHED / "nhanes_cnt.csv")["cnt"])
    data = data.rename(columns={"RIAGENDR": "sex"})
    return cs.Survey(data, weight="WTMEC2YR", stratum="SDMVSTRA", cluster="SDMVPSU", cluster_labels="nested")


def golden_survey(block: str) -> pd.DataFrame:
    assert PUBLISHED is not None
    rows = pd.read_csv(PUBLISHED / "golden_survey.csv")
    return rows[rows["block"] == block]


@published
def test_negative_binomial_counts_of_a_survey_are_those_of_svymle() -> None:
    coefficients = cs.fit(nhanes_counts(), "cnt ~ C(sex) + agecat", family="negative_binomial").coefficients
    expected = golden_survey("nhanes_svymle_nb")
    # R has log theta, which is less log alpha; its optimiser is trusted to 1e-4 and is better than that here.
    sign = np.array([1, 1, 1, 1, 1, -1])
    assert_allclose(coefficients.value * sign, expected["value"], rtol=1e-6)
    assert_allclose(coefficients.std_error, expected["se"], rtol=1e-6)


@published
def test_a_given_dispersion_and_which_information_r_takes() -> None:
    model = cs.fit(nhanes_counts(), "cnt ~ C(sex) + agecat", family="negative_binomial", dispersion=1.25)
    expected = golden_survey("nhanes_svyglm_nb_theta0.8_tight")
    assert_allclose(model.coefficients.value, expected["value"], rtol=1e-7)
    assert model.coefficients.df.tolist() == expected["df"].tolist()
    # svyglm takes the expected information, fit the observed one: with the former our scores give its errors.
    data = nhanes_counts().data
    matrix = model.encoding.of(data[["sex", "agecat"]])
    mean, weight = np.exp(matrix @ model.coefficients.value), data["WTMEC2YR"] / data["WTMEC2YR"].mean()
    parts = [
        weight * share / (1 + 1.25 * mean) for share in (mean, mean * (1 + 1.25 * data["cnt"]) / (1 + 1.25 * mean))
    ]
    expectation, observation = (matrix.T @ (matrix * np.asarray(part)[:, None]) for part in parts)
    turn = observation @ np.linalg.inv(expectation)
    covariance = turn.T @ model.coefficients.covariance @ turn
    assert_allclose(np.sqrt(np.diag(covariance)), expected["se"], rtol=1e-6)
    # What the choice matters here.
    assert_allclose(model.coefficients.std_error, expected["se"], rtol=0.03)


# Small cases with known answers.


def test_one_kind_of_people_has_its_shares_and_means() -> None:
    counts = np.repeat([0, 1, 2, 3, 5, 9], [60, 14, 10, 6, 6, 4])
    people = cs.Survey(pd.DataFrame({"cramps": counts}))
    nobody = pd.DataFrame(index=[0])
    for family in FAMILIES:
        model = cs.fit(people, "cramps ~ 1", family=family)
        mean = model.predict(nobody)
        # Of each of them, the mean is that of the counts: the likelihood equations say so.
        assert mean.value[0] == pytest.approx(counts.mean(), rel=1e-9)
        assert mean.std_error[0] == pytest.approx(cs.mean(people, "cramps").std_error[0], rel=1e-7)
        if family in ZEROS:
            chance, _ = model.chances_at(nobody, [0])
            assert chance[0, 0] == pytest.approx(0.6, rel=1e-9)


def test_a_negative_binomial_model_is_where_a_general_optimiser_ends() -> None:
    data, weight = DATA, DATA["weight"].to_numpy()
    matrix = np.column_stack([np.ones(len(data)), data["sex"] == "male", data["age"]]).astype(float)

    def lost(theta: np.ndarray) -> float:
        mean, size = np.exp(matrix @ theta[:3]), np.exp(-theta[3])
        return -float(weight @ stats.nbinom.logpmf(data["cramps"], size, size / (size + mean))) / weight.sum()

    found = optimize.minimize(lost, np.zeros(4), method="BFGS", options={"gtol": 1e-9})
    model = cs.fit(survey(), "cramps ~ sex + age", family="negative_binomial")
    # BFGS with numerical slopes ends within 1e-6.
    assert_allclose(model.coefficients.value, found.x, atol=2e-6)


def test_the_count_part_of_a_hurdle_is_a_truncated_regression_and_its_zero_part_a_logistic_one() -> None:
    model = fitted("clusters", "hurdle_poisson")
    logistic = cs.fit(survey().define(none="cramps == 0"), "none ~ sex", family="binomial").coefficients
    zero = model.coefficients.where("part == 'zero'")
    assert_allclose(zero.value, logistic.value, rtol=1e-9)
    assert_allclose(zero.std_error, logistic.std_error, rtol=1e-8)
    assert model.odds_ratios().value[0] == pytest.approx(np.exp(logistic.value[1]), rel=1e-9)
    # A truncated Poisson mean per kind of people: sex alone is saturated.
    one = cs.fit(survey(), "cramps ~ sex", family="hurdle_poisson", zero="1")
    above = cs.mean(survey().where("cramps > 0"), "cramps", by=["sex"])
    rate = np.exp(np.cumsum(one.coefficients.where("part == 'count'").value))
    assert_allclose(rate / -np.expm1(-rate), above.value, rtol=1e-9)


def test_exposure_is_the_logarithm_of_time_as_offset_and_doubles_the_mean() -> None:
    logged = cs.Survey(DATA.assign(log_weeks=np.log(DATA["weeks"])), **CLUSTERED)
    for family in ("poisson", "negative_binomial", "hurdle_poisson"):
        one = cs.fit(logged, "cramps ~ sex + age", family=family, exposure="weeks")
        other = cs.fit(logged, "cramps ~ sex + age", family=family, offset="log_weeks")
        assert_allclose(one.coefficients.value, other.coefficients.value, rtol=1e-12)
        assert_allclose(one.coefficients.covariance, other.coefficients.covariance, rtol=1e-10)
    kind = pd.DataFrame({"sex": ["male"] * 2, "age": [5.0] * 2, "weeks": [2, 4]})
    means = cs.fit(logged, "cramps ~ sex + age", family="negative_binomial", exposure="weeks").predict(kind)
    assert means.value[1] == pytest.approx(2 * means.value[0], rel=1e-12)
    assert means.to_frame()["weeks"].tolist() == [2, 4]


def test_rates_of_one_kind_are_counts_over_time() -> None:
    model = cs.fit(survey(), "cramps ~ sex", family="poisson", exposure="weeks")
    rate = cs.ratio(cs.total(survey(), "cramps", by=["sex"]), cs.total(survey(), "weeks", by=["sex"]))
    mean = model.predict(pd.DataFrame({"sex": ["female", "male"], "weeks": [1, 1]}))
    assert_allclose(mean.value, rate.value, rtol=1e-9)
    assert_allclose(mean.std_error, rate.std_error, rtol=1e-7)


@pytest.mark.parametrize("family", [*FAMILIES, "grouped_negative_binomial"])
def test_slopes_of_means_and_chances(family: str) -> None:
    model = fitted("clusters", family)
    data = DATA.iloc[[0, 5, 100]]
    beta = model.coefficients.value
    slopes, steps = model.means_at(data)[1], model.chances_at(data, [2])[1][0]
    for place in range(len(beta)):
        moved = []
        for sign in (1, -1):
            shift = np.zeros(len(beta))
            shift[place] = sign * 1e-5
            other = type(model)(**{**vars(model), "coefficients": changed(model.coefficients, beta + shift)})
            moved.append([other.means_at(data)[0], other.chances_at(data, [2])[0][:, 0]])
        up, down = moved
        # Central differences of this step are good to 1e-8 or so.
        assert_allclose(slopes[:, place], (up[0] - down[0]) / 2e-5, rtol=1e-6, atol=1e-8)
        assert_allclose(steps[:, place], (up[1] - down[1]) / 2e-5, rtol=1e-6, atol=1e-8)


def changed(estimate: cs.Estimate, value: np.ndarray) -> cs.Estimate:
    return type(estimate)(**{**vars(estimate), "value": value})


def test_dispersion_and_ratios() -> None:
    model = fitted("clusters", "negative_binomial")
    log_alpha = model.coefficients.where("part == 'dispersion'")
    alpha = model.dispersion()
    assert alpha.value[0] == pytest.approx(np.exp(log_alpha.value[0]), rel=1e-12)
    assert alpha.std_error[0] == pytest.approx(alpha.value[0] * log_alpha.std_error[0], rel=1e-8)
    assert model.rate_ratios().labels["term"].tolist() == ["sex[T.male]", "age"]
    ratios = fitted("clusters", "zero_inflated_negative_binomial")
    assert ratios.rate_ratios().labels["part"].tolist() == ["count"] * 2
    assert ratios.odds_ratios().labels[["term", "part"]].to_numpy().tolist() == [["sex[T.male]", "zero"]]


def test_terms_of_both_parts_are_tested() -> None:
    model = fitted("clusters", "zero_inflated_negative_binomial")
    for part, place in ((None, 1), ("count", 1), ("zero", 4)):
        wald = cs.term_test(model, "sex", part=part)
        expected = (model.coefficients.value[place] / model.coefficients.std_error[place]) ** 2
        assert wald.statistic == pytest.approx(expected, rel=1e-10)
        ratio = cs.term_test(model, "sex", method="rao_scott", part=part)
        small = "cramps ~ age" if part != "zero" else "cramps ~ sex + age"
        zero = "sex" if part != "zero" else "1"
        without = cs.fit(
            survey(), small, family="zero_inflated_negative_binomial", zero=zero, exposure="weeks"
        ).solution.deviance
        assert ratio.statistic == pytest.approx(without - model.solution.deviance, rel=1e-7)
    with pytest.raises(QuestionError, match="part='dispersion' has no terms: choose from count, zero"):
        cs.term_test(model, "sex", part="dispersion")


def test_effects_of_a_model_with_extra_zeros() -> None:
    # The g-formula knows the model by its means and slopes alone.
    model = fitted("clusters", "zero_inflated_negative_binomial")
    gap = cs.g_formula(model, {"sex": "male"})
    weight = DATA["weight"] / DATA["weight"].sum()
    assert gap.value[0] == pytest.approx(float(weight @ model.means_at(DATA.assign(sex="male"))[0]), rel=1e-10)


# Invariants.


@pytest.mark.parametrize("family", [*FAMILIES, "grouped_negative_binomial"])
def test_weights_rows_and_units_change_nothing(family: str) -> None:
    one = fitted("clusters", family)
    turned = DATA.sample(frac=1, random_state=3).assign(
        weight=lambda d: d["weight"] * 7, age=lambda d: 1e3 + 12 * d["age"]
    )
    options = {"zero": "sex"} if family in ZEROS else {"classes": NIGHTS} if family.startswith("grouped") else {}
    outcome = "often" if family.startswith("grouped") else "cramps"
    other = cs.fit(cs.Survey(turned, **CLUSTERED), f"{outcome} ~ sex + age", family=family, exposure="weeks", **options)
    p = len(one.coefficients)
    back = np.eye(p)
    back[2, 2], back[0, 2] = 12, 1e3
    assert_allclose(back @ other.coefficients.value, one.coefficients.value, rtol=1e-8, atol=1e-10)
    covariance = back @ other.coefficients.covariance @ back.T
    # The intercept is found 1e3 units of age away.
    assert_allclose(np.sqrt(np.diag(covariance)), one.coefficients.std_error, rtol=1e-6)
    assert other.solution.log_likelihood == pytest.approx(one.solution.log_likelihood, rel=1e-12)


@pytest.mark.parametrize("family", [*FAMILIES, "grouped_negative_binomial"])
def test_tabulated_rows_and_split_rows_give_the_same_model(family: str) -> None:
    options = {"classes": NIGHTS} if family.startswith("grouped") else {}
    outcome = "often" if family.startswith("grouped") else "cramps"
    rows = cs.fit(survey(), f"{outcome} ~ sex", family=family, **options)
    halves = pd.concat([DATA.assign(weight=DATA["weight"] / 4), DATA.assign(weight=DATA["weight"] * 3 / 4)])
    others = {
        "cells": survey().tabulate([outcome, "sex"]),
        "halves": cs.Survey(halves, **CLUSTERED),
    }
    for name, other in others.items():
        model = cs.fit(other, f"{outcome} ~ sex", family=family, **options)
        assert_allclose(model.coefficients.value, rows.coefficients.value, rtol=1e-8, atol=1e-10, err_msg=name)
        assert_allclose(
            model.coefficients.covariance, rows.coefficients.covariance, rtol=1e-7, atol=1e-14, err_msg=name
        )


def test_a_domain_keeps_the_design() -> None:
    women = cs.fit(survey().where("sex == 'female'"), "cramps ~ age", family="negative_binomial")
    both = cs.fit(survey(), "cramps ~ sex * age", family="poisson")
    assert women.coefficients.components[0].design is both.coefficients.components[0].design
    weightless = DATA.assign(weight=DATA["weight"].where(DATA["sex"] == "female", 0.0))
    other = cs.fit(cs.Survey(weightless, **CLUSTERED), "cramps ~ age", family="negative_binomial")
    assert_allclose(other.coefficients.value, women.coefficients.value, rtol=1e-10)
    assert_allclose(other.coefficients.covariance, women.coefficients.covariance, rtol=1e-9)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 9), st.floats(0.2, 5)), min_size=15, max_size=40), st.floats(0.01, 100))
def test_any_counts_have_a_maximum_or_a_reason(people: list, factor: float) -> None:
    table = pd.DataFrame(people, columns=["cramps", "weight"])
    try:
        one = cs.fit(cs.Survey(table, weight="weight"), "cramps ~ 1", family="negative_binomial")
    except CrampstatsError as error:
        weight = table["weight"] / table["weight"].sum()
        mean = float(weight @ table["cramps"])
        spread = float(weight @ (table["cramps"] - mean) ** 2)
        told = str(error)
        # Without covariates there is a maximum just where counts vary more than their mean.
        assert "nothing to explain" in told or ("no overdispersion" in told and spread <= mean * (1 + 1e-6))
        return
    scaled = cs.fit(
        cs.Survey(table.assign(weight=table["weight"] * factor), weight="weight"),
        "cramps ~ 1",
        family="negative_binomial",
    )
    assert_allclose(scaled.coefficients.value, one.coefficients.value, rtol=1e-6, atol=1e-8)


# What is refused, and how.


def refused(message: str, formula: str = "cramps ~ sex", data: pd.DataFrame = DATA, **options) -> None:
    with pytest.raises(CrampstatsError, match=message):
        cs.fit(cs.Survey(data, **CLUSTERED), formula, **options)


@pytest.mark.parametrize(
    ("message", "options"),
    [
        (r"zero='sex' does not go with family='negative_binomial'; its options are dispersion", {"zero": "sex"}),
        (r"classes=.* does not go with family='negative_binomial'", {"classes": NIGHTS}),
        (r"dispersion=-1 has to be above 0", {"dispersion": -1}),
        (r"link='logit' does not go with family='negative_binomial': choose from log", {"link": "logit"}),
        (r"offset='age' does not go|there is no column 'agee'", {"offset": "agee"}),
        (r"exposure='none' is 0 or less in 720 rows", {"exposure": "none"}),
        (r"exposure='gap' meets missing values: first ask observed\('gap'\)", {"exposure": "gap"}),
        (r"offset='sex' has to hold finite numbers", {"offset": "sex"}),
    ],
)
def test_options_that_do_not_fit(message: str, options: dict) -> None:
    data = DATA.assign(none=0.0, gap=DATA["weeks"].where(DATA.index > 3))
    refused(message, data=data, family="negative_binomial", **options)


@pytest.mark.parametrize(
    ("message", "formula"),
    [
        (r"'half' has to be a whole number, 0 or more; it is 0.5", "half ~ sex"),
        (r"'sex' has to be a whole number, 0 or more; it is male, female|it is female, male", "sex ~ age"),
        (r"'gap' meets missing values|meets missing values: first ask observed\('gap'\)", "gap ~ sex"),
        (r"'one' is 1 for everybody; there is nothing to explain", "one ~ sex"),
        (r"has no outcome", "~ sex"),
        (r"there is no column 'cramp'; did you mean 'cramps'", "cramp ~ sex"),
        (r"are combinations of others", "cramps ~ age + twice"),
    ],
)
@pytest.mark.parametrize("family", ["negative_binomial", "hurdle_poisson"])
def test_outcomes_and_columns_that_do_not_fit(message: str, formula: str, family: str) -> None:
    data = DATA.assign(half=0.5, gap=DATA["cramps"].where(DATA.index > 3), one=1, twice=2 * DATA["age"])
    if formula == "one ~ sex" and family == "hurdle_poisson":
        message = "'one' is nowhere 0, so that a hurdle has nothing to explain"
    refused(message, formula, data, family=family)


def test_a_zero_part_is_a_right_side() -> None:
    refused("zero='cramps ~ sex' has to be a right side alone", family="hurdle_poisson", zero="cramps ~ sex")


def test_options_of_other_families() -> None:
    refused(r"dispersion=1.0 does not go with family='poisson'; leave it out", family="poisson", dispersion=1.0)
    refused("exposure='weeks' needs a log link; with link='identity' use offset", family="gaussian", exposure="weeks")
    refused(
        "dispersion=2.0 does not go with family='hurdle_poisson'; its options are zero",
        family="hurdle_poisson",
        dispersion=2.0,
    )


@pytest.mark.parametrize(
    ("message", "classes"),
    [
        (r"classes=None has to be a dict", None),
        (r"1 is \(2, 4\); classes are pairs .* begins at 1, and only the last may be open", {0: (0, 0), 1: (2, 4)}),
        (r"0 is \(0, None\)", {0: (0, None), 1: (1, 2)}),
        (r"1 is \(1, 0\)", {0: (0, 0), 1: (1, 0)}),
        (r"1 is 3; classes are pairs", {0: (0, 0), 1: 3}),
        (r"'often' is .*, which has no counts; classes has 0, 1", {0: (0, 0), 1: (1, None)}),
    ],
)
def test_classes_that_are_none(message: str, classes: dict | None) -> None:
    refused(message, "often ~ sex", family="grouped_negative_binomial", classes=classes)


def test_counts_without_extra_variance_or_zeros_say_what_to_use() -> None:
    rng = np.random.default_rng(4)
    steady = pd.DataFrame({"cramps": rng.binomial(8, 0.5, 400), "x": rng.normal(size=400)})
    plain = cs.Survey(steady)
    for family, use in (
        ("negative_binomial", "poisson"),
        ("hurdle_negative_binomial", "hurdle_poisson"),
    ):
        with pytest.raises(ConvergenceError, match=f"no overdispersion is found: alpha goes to 0; use family='{use}'"):
            cs.fit(plain, "cramps ~ x", family=family, zero="1" if "hurdle" in family else None)
    with pytest.raises(ConvergenceError, match=r"no zero-inflation is found.* use family='poisson'"):
        cs.fit(plain, "cramps ~ x", family="zero_inflated_poisson", zero="1")


def test_levels_that_predict_perfectly_are_named() -> None:
    never = DATA.assign(cramps=DATA["cramps"].where(DATA["weeks"] != 4, 0), weeks=DATA["weeks"].astype(str))
    refused(r"'weeks\[T.4\]' of the count part", "cramps ~ weeks + sex", never, family="negative_binomial")
    refused("(separation)", "cramps ~ weeks + sex", never, family="zero_inflated_poisson")
    # Of a hurdle's count part only people above the hurdle tell.
    refused(r"'weeks\[T.4\]' is 0 for everybody", "cramps ~ weeks", never, family="hurdle_poisson")
    always = DATA.assign(
        cramps=DATA["cramps"].mask((DATA["weeks"] == 4) & (DATA["cramps"] == 0), 1), weeks=DATA["weeks"].astype(str)
    )
    refused(r"'weeks\[T.4\]' of the zero part", "cramps ~ weeks", always, family="hurdle_poisson")


def test_questions_that_a_model_has_no_answer_to() -> None:
    model = fitted("clusters", "negative_binomial")
    with pytest.raises(QuestionError, match="odds_ratios: family='negative_binomial' has no zero part"):
        model.odds_ratios()
    with pytest.raises(QuestionError, match=r"rate_ratios\(\) are for counts"):
        model.prevalence_ratios()
    with pytest.raises(QuestionError, match="dispersion: this family has none; family='hurdle_poisson'"):
        fitted("clusters", "hurdle_poisson").dispersion()
    given = cs.fit(survey(), "cramps ~ sex", family="negative_binomial", dispersion=1.0)
    with pytest.raises(QuestionError, match="dispersion: it was given"):
        given.dispersion()
    assert "part" not in given.coefficients.labels
    with pytest.raises(QuestionError, match="needs a model with a term besides the intercept"):
        cs.fit(survey(), "cramps ~ sex", family="hurdle_poisson", zero="1").odds_ratios()
    with pytest.raises(QuestionError, match=r"the data lack 'weeks'; the model needs \['age', 'sex', 'weeks'\]"):
        model.predict(pd.DataFrame({"sex": ["male"], "age": [3.0]}))


def test_shows_itself() -> None:
    told = repr(fitted("clusters", "zero_inflated_poisson"))
    assert told.startswith("<Model cramps ~ sex + age, zero_inflated_poisson with link log>")
    assert "part" in told


# Checks of fit.


def test_observed_shares_are_prevalences_and_expected_ones_predictions() -> None:
    model = fitted("clusters", "negative_binomial")
    check = observed_and_expected(model, upto=3)
    seen = cs.prevalence(survey(), {str(k): f"cramps == {k}" for k in range(4)} | {"more": "cramps > 3"})
    assert_allclose(check.observed, seen.value, rtol=1e-12)
    weight = (DATA["weight"] / DATA["weight"].sum()).to_numpy()
    expected = weight @ model.chances_at(DATA, range(4))[0]
    assert_allclose(check.expected[:4], expected, rtol=1e-10)
    assert check.expected.sum() == pytest.approx(1, rel=1e-12)
    assert check.to_frame()["term"].tolist() == ["cramps = 0", "cramps = 1", "cramps = 2", "cramps = 3", "cramps > 3"]
    root = check.rootogram()
    assert_allclose(root["hanging"], np.sqrt(720 * check.expected) - np.sqrt(720 * check.observed), rtol=1e-10)


def test_the_error_of_observed_less_expected_is_that_of_refitted_clusters() -> None:
    # Leaving out one cluster at a time and fitting again: the jackknife knows nothing of slopes.
    def difference(people: cs.Survey) -> np.ndarray:
        model = cs.fit(people, "cramps ~ sex", family="negative_binomial")
        return observed_and_expected(model, upto=1).difference.value

    variance = np.zeros(3)
    groups = DATA["stratum"] * 100 + DATA["cluster"]
    whole = difference(survey())
    for stratum in DATA["stratum"].unique():
        here = DATA["stratum"] == stratum
        for group in groups[here].unique():
            weight = DATA["weight"].mask(groups == group, 0.0).mask(here & (groups != group), DATA["weight"] * 5 / 4)
            variance += (difference(cs.Survey(DATA.assign(weight=weight), **CLUSTERED)) - whole) ** 2 * 4 / 5
    model = cs.fit(survey(), "cramps ~ sex", family="negative_binomial")
    # The jackknife and the linearized variance agree up to terms that vanish with the number of clusters, here 30.
    assert_allclose(observed_and_expected(model, upto=1).difference.std_error, np.sqrt(variance), rtol=0.08)


def test_a_model_that_repeats_what_was_observed_has_nothing_to_test() -> None:
    model = cs.fit(survey().define(none="cramps == 0"), "none ~ 1", family="binomial")
    with pytest.raises(QuestionError, match="repeats what was observed"):
        observed_and_expected(model).test()


def test_the_wrong_family_is_found_and_the_right_one_passes() -> None:
    rng = np.random.default_rng(8)
    x = rng.normal(size=3000)
    cramps = rng.negative_binomial(1.25, 1.25 / (1.25 + np.exp(0.5 + 0.3 * x)))
    people = cs.Survey(pd.DataFrame({"cramps": cramps, "x": x}))
    poisson, right = (cs.fit(people, "cramps ~ x", family=family) for family in ("poisson", "negative_binomial"))
    assert observed_and_expected(poisson).test().p_value == pytest.approx(0, abs=1e-10)
    assert observed_and_expected(right).test().p_value > 0.01
    assert overdispersion_test(poisson).p_value == pytest.approx(0, abs=1e-10)
    assert zero_inflation_test(poisson).p_value == pytest.approx(0, abs=1e-10)
    assert zero_inflation_test(right).p_value > 0.01
    assert design_aic(right).value < design_aic(poisson).value
    residuals = quantile_residuals(right, rng=1)["residual"]
    assert stats.kstest(residuals, "norm").pvalue > 0.01
    assert stats.kstest(quantile_residuals(poisson, rng=1)["residual"], "norm").pvalue == pytest.approx(0, abs=1e-6)
    assert calibration_check(right).test().p_value > 0.01


def test_score_tests_of_one_kind_of_people_by_hand() -> None:
    counts = np.repeat([0, 1, 2, 3, 6], [60, 15, 12, 8, 5])
    n, mean = len(counts), counts.mean()
    model = cs.fit(cs.Survey(pd.DataFrame({"cramps": counts})), "cramps ~ 1", family="poisson")
    # The score for alpha is ((y - mean)^2 - y) / 2; that of the mean, which is estimated, changes nothing here.
    score = ((counts - mean) ** 2 - counts) / 2
    test = overdispersion_test(model)
    assert test.statistic == pytest.approx(score.mean() / (score.std(ddof=1) / np.sqrt(n)), rel=1e-9)
    assert (test.df, test.p_value) == (n - 1, pytest.approx(stats.t.sf(test.statistic, n - 1), rel=1e-10))
    # The score for extra zeros is 1(y = 0) / exp(-mean) - 1, and falls by its mean's slope for each unit of the mean.
    none = np.exp(-mean)
    score = (counts == 0) / none - 1 + np.mean(counts == 0) / none * (counts - mean)
    zeros = zero_inflation_test(model)
    assert zeros.statistic == pytest.approx(score.mean() / (score.std(ddof=1) / np.sqrt(n)), rel=1e-9)


@published
def test_articles_are_overdispersed_as_the_likelihood_ratio_says() -> None:
    model = cs.fit(biochemists(), ARTICLES, family="poisson")
    assert golden_counts("bio_nb2", "fit")["se"]["LR_alpha0(halfchisq p)"] == pytest.approx(0, abs=1e-40)
    assert overdispersion_test(model).p_value == pytest.approx(0, abs=1e-4)


def test_design_aic_of_a_simple_random_sample_is_about_the_usual_one() -> None:
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"x": rng.normal(size=4000)})
    table["cramps"] = rng.negative_binomial(2, 2 / (2 + np.exp(0.3 * table["x"])))
    model = cs.fit(cs.Survey(table), "cramps ~ x", family="negative_binomial")
    aic = design_aic(model)
    # Three parameters; the estimated information and the estimated variance of scores differ by sampling, 4 % here.
    assert aic.effective_parameters == pytest.approx(3, rel=0.1)
    assert aic.value == -2 * aic.log_likelihood + 2 * aic.effective_parameters
    poisson = cs.fit(cs.Survey(table), "cramps ~ x", family="poisson")
    mean = poisson.means_at(table)[0]
    assert design_aic(poisson).log_likelihood == pytest.approx(
        stats.poisson.logpmf(table["cramps"], mean).sum(), rel=1e-10
    )


def test_design_aic_of_a_cross_table_by_hand() -> None:
    table = pd.DataFrame({"low": [1] * 10 + [0] * 30, "n": 1})
    aic = design_aic(cs.fit(cs.Survey(table), "low ~ 1", family="binomial"))
    assert aic.log_likelihood == pytest.approx(special.xlogy(10, 0.25) + special.xlogy(30, 0.75), rel=1e-12)
    assert aic.effective_parameters == pytest.approx(40 / 39, rel=1e-9)
    with pytest.raises(QuestionError, match="hangs on a variance that is not fitted"):
        design_aic(cs.fit(survey(), "age ~ sex", family="gaussian"))


def test_calibration_groups_hold_about_equal_weight_and_add_up() -> None:
    model = fitted("clusters", "negative_binomial")
    check = calibration_check(model, groups=5)
    assert len(check.observed) == 5
    assert check.observed.sum() == pytest.approx(cs.mean(survey(), "cramps").value[0], rel=1e-12)
    weight = DATA["weight"] / DATA["weight"].sum()
    assert check.expected.sum() == pytest.approx(float(weight @ model.means_at(DATA)[0]), rel=1e-10)
    with pytest.raises(QuestionError, match="groups=1 has to be a whole number, 2 or more"):
        calibration_check(model, groups=1)
    with pytest.raises(QuestionError, match="predicts one for all"):
        calibration_check(cs.fit(survey(), "cramps ~ 1", family="poisson"))
    with pytest.raises(QuestionError, match="at_least=2 is for ordinal models"):
        calibration_check(model, at_least=2)


def test_residuals_of_tabulated_people_are_one_a_person() -> None:
    cells = survey().tabulate(["cramps", "sex"])
    residuals = quantile_residuals(cs.fit(cells, "cramps ~ sex", family="poisson"), rng=3)
    assert len(residuals) == len(DATA)
    assert residuals["weight"].sum() == pytest.approx(len(DATA), rel=1e-12)
    one, two = (quantile_residuals(fitted("clusters", "negative_binomial"), rng=seed)["residual"] for seed in (5, 5))
    assert one.tolist() == two.tolist()


def test_checks_know_their_families() -> None:
    model = fitted("clusters", "negative_binomial")
    with pytest.raises(QuestionError, match="overdispersion_test needs family='poisson'"):
        overdispersion_test(model)
    with pytest.raises(QuestionError, match="zero_inflation_test needs family='poisson' or 'negative_binomial'"):
        zero_inflation_test(fitted("clusters", "hurdle_poisson"))
    with pytest.raises(QuestionError, match=r"upto=1.5 has to be a whole number, 0 or more"):
        observed_and_expected(model, upto=1.5)
    with pytest.raises(QuestionError, match="says nothing of the chances of counts"):
        observed_and_expected(cs.fit(survey(), "age ~ sex", family="gaussian"))


def test_where_nobody_is_0_no_zero_is_extra() -> None:
    above = cs.fit(cs.Survey(DATA.assign(cramps=DATA["cramps"] + 1)), "cramps ~ sex", family="poisson")
    with pytest.raises(QuestionError, match="nobody's 'cramps' is 0"):
        zero_inflation_test(above)


def test_a_zero_among_thousands_is_told_and_no_number_above_all_floats() -> None:
    counts = np.random.default_rng(3).poisson(2000.0, 200)
    one = cs.fit(
        cs.Survey(pd.DataFrame({"cramps": np.where(np.arange(200) == 0, 0, counts)})), "cramps ~ 1", family="poisson"
    )
    with pytest.raises(QuestionError, match="no test is needed"):
        zero_inflation_test(one)


def test_a_group_in_which_a_zero_has_no_chance_by_hand() -> None:
    # A group of 2,000 cramps each: its chance of a 0 is 0 to all digits, and nobody there has one.
    rng = np.random.default_rng(4)
    often = np.repeat([0.0, 1.0], 200)
    cramps = rng.poisson(np.where(often, 2000.0, 1.5)).astype(float)
    survey = cs.Survey(pd.DataFrame({"often": often, "cramps": cramps}))
    found = zero_inflation_test(cs.fit(survey, "cramps ~ often", family="poisson"))
    few = often == 0
    mean, zero = cramps[few].mean(), cramps == 0
    score = zero * np.exp(mean) - 1
    # The mean of the few is estimated, and moves their scores.
    each = score - score.mean() + few * zero[few].mean() * np.exp(mean) * (cramps - mean)
    assert found.statistic == pytest.approx(score.mean() / np.sqrt(each @ each / 400 / 399), rel=1e-8)


def test_numbers_that_are_no_counts_have_no_chances() -> None:
    cramps = DATA["cramps"] + 0.5 * (DATA["cramps"] > 3)
    halves = cs.fit(cs.Survey(DATA.assign(cramps=cramps)), "cramps ~ sex", family="poisson")
    for asked in (observed_and_expected, overdispersion_test, zero_inflation_test):
        with pytest.raises(QuestionError, match=r"'cramps' is \d+\.5 for somebody and no count"):
            asked(halves)
    with pytest.raises(QuestionError, match="no count"):
        quantile_residuals(halves, rng=1)


def test_classes_are_not_calibrated_against_predicted_counts() -> None:
    with pytest.raises(QuestionError, match="of 'often' only classes are known"):
        calibration_check(fitted("simple", "grouped_negative_binomial"))


def test_checks_need_names_of_their_own() -> None:
    data = DATA.assign(observed=DATA["sex"])
    model = cs.fit(cs.Survey(data), "cramps ~ sex", family="poisson")
    with pytest.raises(
        QuestionError, match=r"by: 'observed' is a column of the result.*define\(my_observed='observed'\)"
    ):
        observed_and_expected(model, by=["observed"])
