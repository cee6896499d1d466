"""Models and averaged predictions of published data sets against R, where its results are at hand (`CRAMPSTATS_GOLDEN`)."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from places import folder_of

import crampstats as cs

FOLDER = folder_of("CRAMPSTATS_GOLDEN", "shared/golden")
if FOLDER is None:
    pytest.skip("no reference results", allow_module_level=True)
GOLDEN = pd.read_csv(FOLDER / "golden_survey.csv")
MARGINS = pd.read_csv(FOLDER / "golden_margins.csv")
FAMILIES = {"binomial": "quasibinomial_tight", "poisson": "quasipoisson_tight", "gaussian": "gaussian"}


def golden(block: str, stat: str) -> pd.DataFrame:
    return GOLDEN[(GOLDEN["block"] == block) & (GOLDEN["stat"] == stat)].set_index("term")


def margins(model: str, what: str) -> pd.DataFrame:
    return MARGINS[(MARGINS["model"] == model) & (MARGINS["what"] == what)].set_index("term")


@cache
def nhanes() -> cs.Survey:
    data = pd.read_csv(FOLDER / "nhanes.csv").rename(columns={"HI_CHOL": "high", "RIAGENDR": "sex"})
    data["female"] = (data["sex"] == 2).astype(int)
    survey = cs.Survey(data, weight="WTMEC2YR", stratum="SDMVSTRA", cluster="SDMVPSU", cluster_labels="nested")
    return survey.observed("high")


@cache
def apistrat(corrected: str) -> cs.Survey:
    data = pd.read_csv(FOLDER / "apistrat.csv").rename(columns={"sch.wide": "met", "api.stu": "students"})
    size = "fpc" if corrected == "apistrat" else None
    return cs.Survey(data, weight="pw", stratum="stype", population_size=size).define(met_target="met == 'Yes'")


def as_r_names(terms: tuple[str, ...]) -> list[str]:
    """Write the names of coefficients as R does."""
    text = "|".join(terms).replace("Intercept", "(Intercept)")
    for ours, theirs in (("C(sex)[T.2]", "factor(RIAGENDR)2"), ("C(race)[T.", "factor(race)"), ("agecat[T.", "agecat")):
        text = text.replace(ours, theirs)
    names = text.replace("stype[T.", "stype").split("|")
    return [name if name.startswith("agecat") and not name.endswith("]]") else name.removesuffix("]") for name in names]


def check_against(model: cs.Model, block: str) -> None:
    expected = golden(block, "coef").loc[as_r_names(model.terms)]
    coefficients = model.coefficients
    np.testing.assert_allclose(coefficients.value, expected["value"], rtol=1e-7)
    np.testing.assert_allclose(coefficients.std_error, expected["se"], rtol=1e-6)
    np.testing.assert_array_equal(coefficients.df, expected["df"])


@pytest.mark.parametrize("family", FAMILIES)
def test_nhanes(family: str) -> None:
    model = cs.fit(nhanes(), "high ~ C(sex) + agecat + C(race)", family=family)
    block = f"nhanes_svyglm_{FAMILIES[family]}"
    check_against(model, block)
    covariance = pd.read_csv(FOLDER / f"{block}_vcov.csv").set_index("term").loc[as_r_names(model.terms)]
    np.testing.assert_allclose(model.coefficients.covariance, covariance, rtol=1e-6, atol=1e-9)


def test_nhanes_women() -> None:
    model = cs.fit(nhanes().where("sex == 2"), "high ~ agecat + C(race)", family="binomial")
    check_against(model, "nhanes_svyglm_women_tight")


@pytest.mark.parametrize("corrected", ["apistrat", "apistrat_nofpc"])
@pytest.mark.parametrize(
    ("family", "formula"),
    [
        ("binomial", "met_target ~ ell + meals + mobility"),
        ("poisson", "students ~ ell + meals + stype"),
        ("gaussian", "api00 ~ ell + meals + mobility"),
    ],
)
def test_apistrat(corrected: str, family: str, formula: str) -> None:
    asked = apistrat(corrected)
    outcome = formula.split()[0]
    check_against(cs.fit(asked.observed(outcome), formula, family=family), f"{corrected}_svyglm_{FAMILIES[family]}")


@pytest.mark.parametrize("family", FAMILIES)
def test_terms_of_nhanes(family: str) -> None:
    model = cs.fit(nhanes(), "high ~ C(sex) + agecat + C(race)", family=family)
    block = f"nhanes_svyglm_{FAMILIES[family].removesuffix('_tight')}"
    # R's Wald and Rao-Scott tests are of fits that were stopped early, which shows in the fifth digit of p.
    tolerance = 1e-9 if family == "gaussian" else 2e-5
    wald = cs.term_test(model, "agecat")
    expected = golden(block, "WaldF_agecat").iloc[0]
    assert wald.statistic == pytest.approx(expected["value"], rel=tolerance)
    assert wald.p_value == pytest.approx(expected["se"], rel=5 * tolerance)
    assert (wald.df, wald.df_denominator) == (expected["lo"], expected["hi"])
    ratio = cs.term_test(model, "agecat", method="rao_scott")
    expected = golden(block, "RaoScottLRT_agecat").iloc[0]
    assert ratio.statistic == pytest.approx(expected["value"], rel=1e-9)
    assert ratio.p_value == pytest.approx(expected["se"], rel=2e-3 if family != "gaussian" else 1e-8)


@cache
def birthweight() -> cs.Survey:
    return cs.Survey(pd.read_csv(FOLDER / "birthwt.csv"))


BIRTHWEIGHT = "low ~ age + lwt + smoke + C(race) + ht + ui"


def test_averaged_predictions_have_marginaleffects_values() -> None:
    model = cs.fit(birthweight(), BIRTHWEIGHT, family="binomial")
    smoke = [cs.g_formula(model, {"smoke": value}) for value in (0, 1)]
    expected = margins("logit", "avg_predictions_smoke")["est"]
    assert [mean.value[0] for mean in smoke] == pytest.approx(expected.tolist(), rel=1e-8)
    gap = cs.difference(smoke[1], smoke[0])
    assert gap.value[0] == pytest.approx(margins("logit", "avg_comparisons_difference")["est"].iloc[0], rel=1e-8)
    ratio = cs.ratio(smoke[1], smoke[0])
    assert ratio.value[0] == pytest.approx(margins("logit", "avg_comparisons_ratioavg")["est"].iloc[0], rel=1e-8)
    races = [cs.g_formula(model, {"race": value}).value[0] for value in (1, 2, 3)]
    expected = margins("logit", "avg_comparisons_difference_race")["est"].tolist()
    assert [races[1] - races[0], races[2] - races[0]] == pytest.approx(expected, rel=1e-8)


def test_errors_of_averaged_predictions_beside_those_with_covariates_as_given() -> None:
    # marginaleffects takes the women of the sample as given. Ours hold their sampling, and its covariance with the
    # coefficients, which may be negative: close, and not the same.
    model = cs.fit(birthweight(), BIRTHWEIGHT, family="binomial")
    gap = cs.difference(cs.g_formula(model, {"smoke": 1}), cs.g_formula(model, {"smoke": 0}))
    given = margins("logit", "avg_comparisons_difference_HC0")["se"].iloc[0] * np.sqrt(189 / 188)
    assert gap.std_error[0] == pytest.approx(given, rel=0.02)
    assert abs(gap.std_error[0] / given - 1) > 1e-4


def test_modified_poisson_is_the_sandwich() -> None:
    coefficients = cs.fit(birthweight(), BIRTHWEIGHT, family="poisson").coefficients
    names = ["(Intercept)", "age", "lwt", "smoke", "race2", "race3", "ht", "ui"]
    expected = margins("modified_poisson_HC0", "coef").loc[names]
    order = [coefficients.labels["term"].tolist().index(term) for term in ours_of(names)]
    np.testing.assert_allclose(coefficients.value[order], expected["est"], rtol=1e-8)
    np.testing.assert_allclose(coefficients.std_error[order], expected["se"] * np.sqrt(189 / 188), rtol=1e-7)


def ours_of(names: list[str]) -> list[str]:
    """Write R's names of coefficients as we do."""
    return [
        {"(Intercept)": "Intercept", "race2": "C(race)[T.2]", "race3": "C(race)[T.3]"}.get(name, name) for name in names
    ]


def test_predictive_margins_of_a_survey() -> None:
    model = cs.fit(nhanes(), "high ~ female + agecat + C(race)", family="binomial")
    means = [cs.g_formula(model, {"female": value}) for value in (0, 1)]
    expected = margins("nhanes_svypredmeans", "predmeans").loc[["0", "1"]]
    assert [mean.value[0] for mean in means] == pytest.approx(expected["est"].tolist(), rel=1e-7)
    gap = cs.difference(means[1], means[0])
    expected = margins("nhanes_svyglm", "svyglm_avg_comparisons_difference")["est"].iloc[0]
    assert gap.value[0] == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("female", [0, 1])
def test_r_adds_two_variances_without_their_covariance(female: int) -> None:
    # svypredmeans adds the variance of the coefficients and that of the averaged predictions as if they were
    # independent; ours has their covariance. With our two parts added its way, the errors are its errors.
    model = cs.fit(nhanes(), "high ~ female + agecat + C(race)", family="binomial")
    survey = nhanes()
    everybody = survey.data.assign(female=female)[list(model.formula.predictors)]
    matrix = model.encoding.of(everybody)
    predicted = 1 / (1 + np.exp(-matrix @ model.coefficients.value))
    averaged = cs.mean(with_column(survey, predicted), "predicted")
    weight = np.where(survey.domain, survey.row_weight, 0.0)
    slopes = (weight * predicted * (1 - predicted)) @ matrix / weight.sum()
    added = np.sqrt(averaged.std_error[0] ** 2 + slopes @ model.coefficients.covariance @ slopes)
    expected = margins("nhanes_svypredmeans", "predmeans")["se"]
    assert added == pytest.approx(expected[str(female)], rel=1e-4)
    assert cs.g_formula(model, {"female": female}).std_error[0] == pytest.approx(added, rel=0.1)


def with_column(survey: cs.Survey, predicted: np.ndarray) -> cs.Survey:
    """Return the survey with predictions as a column."""
    data = survey.data.assign(predicted=predicted)
    return cs.Survey(data, weight="WTMEC2YR", stratum="SDMVSTRA", cluster="SDMVPSU", cluster_labels="nested").observed(
        "high"
    )
