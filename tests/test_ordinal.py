"""Classes in order: against R, small cases with known answers, proportional odds, grouped counts of the NHANES classes."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from places import folder_of

import crampstats as cs
from crampstats.errors import ConvergenceError, DesignError, QuestionError
from crampstats.regression import (
    calibration_check,
    cumulative_logits,
    design_aic,
    observed_and_expected,
    proportional_odds_test,
    quantile_residuals,
)

FOLDER = Path(__file__).parent / "golden"
DATA = pd.read_csv(FOLDER / "counts_input.csv")
EXPECTED = pd.read_csv(FOLDER / "counts_expected.csv")
PUBLISHED = folder_of("CRAMPSTATS_GOLDEN", "shared/golden")
published = pytest.mark.skipif(PUBLISHED is None, reason="no reference results")
CLUSTERED = {"weight": "weight", "stratum": "stratum", "cluster": "cluster", "cluster_labels": "nested"}
NIGHTS = {0: (0, 0), 1: (1, 1), 2: (2, 4), 3: (5, 15), 4: (16, None)}


@cache
def survey(design: str = "clusters") -> cs.Survey:
    return cs.Survey(DATA, **(CLUSTERED if design == "clusters" else {}))


@cache
def cramps() -> cs.Survey:
    return cs.datasets.nhanes_cramps().observed("cramp_class")


@cache
def fitted(right: str = "sex + age_group") -> cs.Model:
    return cs.fit(cramps(), f"cramp_class ~ {right}", family="ordinal")


@pytest.mark.parametrize("design", ["clusters", "simple"])
def test_invented_survey(design: str) -> None:
    rows = EXPECTED[(EXPECTED["design"] == design) & (EXPECTED["family"] == "ordinal")]
    model = cs.fit(survey(design), "often ~ sex + age", family="ordinal")
    assert model.coefficients.labels["term"].tolist() == ["sex[T.male]", "age", "0|1", "1|2", "2|3", "3|4"]
    assert model.coefficients.labels["part"].tolist() == rows["part"].tolist()
    # R's numerical slopes leave 1e-8 of a coefficient.
    assert_allclose(model.coefficients.value, rows["value"], rtol=1e-8)
    assert_allclose(model.coefficients.std_error, rows["std_error"], rtol=1e-8)
    assert model.solution.log_likelihood == pytest.approx(rows["log_likelihood"].iloc[0], rel=1e-12)
    assert model.coefficients.df[0] == survey(design).degrees_of_freedom + 1 - 6


@published
def test_satisfaction_with_housing_is_that_of_polr() -> None:
    assert PUBLISHED is not None
    levels = {
        "Infl": ["Low", "Medium", "High"],
        "Type": ["Tower", "Apartment", "Atrium", "Terrace"],
        "Cont": ["Low", "High"],
    }
    data = pd.read_csv(PUBLISHED / "housing.csv")
    data = data.assign(**{name: pd.Categorical(data[name], each) for name, each in levels.items()})
    data["Sat"] = pd.Categorical(data["Sat"], ["Low", "Medium", "High"], ordered=True)
    model = cs.fit(cs.Survey(data, count="Freq"), "Sat ~ Infl + Type + Cont", family="ordinal")
    expected = pd.read_csv(PUBLISHED / "golden_polr_housing.csv")
    # R's optim leaves 3e-8 of a coefficient, and of an error by its numerical information.
    assert_allclose(model.coefficients.value, expected["est"], atol=1e-7)
    assert_allclose(np.sqrt(np.diag(model.solution.naive_covariance)), expected["se"], rtol=1e-7)
    assert model.solution.log_likelihood == pytest.approx(expected["logLik"][0], rel=1e-10)
    assert model.coefficients.labels["term"].tolist()[-2:] == ["Low|Medium", "Medium|High"]


@published
def test_school_types_are_those_of_svyolr() -> None:
    assert PUBLISHED is not None
    data = pd.read_csv(PUBLISHED / "apistrat.csv")
    data = data.assign(level=pd.Categorical(data["stype"], ["E", "H", "M"], ordered=True))
    model = cs.fit(cs.Survey(data, weight="pw", stratum="stype"), "level ~ ell + meals", family="ordinal")
    rows = pd.read_csv(PUBLISHED / "golden_survey.csv")
    expected = rows[rows["block"] == "apistrat_nofpc_svyolr"]
    # svyolr stops its optimiser early: 1e-6 of a coefficient, and 1e-4 of an error by its numerical information. The
    # invented survey has the same estimator to 1e-8.
    assert_allclose(model.coefficients.value, expected["value"], rtol=3e-6)
    assert_allclose(model.coefficients.std_error, expected["se"], rtol=3e-4)


def test_two_classes_are_a_logistic_regression() -> None:
    asked = survey().define(any="cramps > 0")
    ordinal = cs.fit(asked, "any ~ sex + age", family="ordinal").coefficients
    logistic = cs.fit(asked, "any ~ sex + age", family="binomial").coefficients
    turn = np.array([[0, 0, -1], [1, 0, 0], [0, 1, 0]])  # the threshold is less the intercept
    assert_allclose(turn @ ordinal.value, logistic.value, rtol=1e-8)
    assert_allclose(turn @ ordinal.covariance @ turn.T, logistic.covariance, rtol=1e-7, atol=1e-12)


def test_without_terms_thresholds_are_the_observed_shares() -> None:
    model = fitted("1")
    chances = model.predict(pd.DataFrame(index=[0]))
    shares = cs.prevalence(cramps(), {str(k): f"cramp_class == {k}" for k in range(5)})
    assert_allclose(chances.value, shares.value, rtol=1e-9)
    assert_allclose(chances.covariance, shares.covariance, rtol=1e-6, atol=1e-14)
    assert chances.labels["class"].tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(QuestionError, match="repeats what was observed"):
        observed_and_expected(model).test()
    with pytest.raises(QuestionError, match="needs a model with a term besides the thresholds"):
        model.odds_ratios()


def test_odds_ratios_of_the_nhanes_classes() -> None:
    odds = fitted().odds_ratios()
    assert odds.labels["term"].tolist() == ["sex[T.female]", "age_group[T.40-59]", "age_group[T.60+]"]
    # The interval is that of the coefficient, and the higher classes are those of more cramps.
    limits = fitted().coefficients.where("term == 'sex[T.female]'").interval()
    assert odds.interval().low[0] == pytest.approx(np.exp(limits.low[0]), rel=1e-9)
    assert odds.value[0] == pytest.approx(1.2974, abs=5e-5)


def test_classes_as_labels_or_numbers_are_the_same() -> None:
    words = ("never", "once", "some", "many", "most")
    data = cramps().data.assign(
        words=pd.Categorical.from_codes(cramps().data["cramp_class"].fillna(-1).astype(int), words, ordered=True)
    )
    named = cs.Survey(data, weight="weight", stratum="stratum", cluster="cluster", cluster_labels="nested", count="n")
    model = cs.fit(named.observed("words"), "words ~ sex + age_group", family="ordinal")
    assert_allclose(model.coefficients.value, fitted().coefficients.value, rtol=1e-12)
    assert model.family.thresholds == ("never|once", "once|some", "some|many", "many|most")
    kind = pd.DataFrame({"sex": ["male"], "age_group": ["60+"]})
    one = fitted().means_at(kind, at_least=3)[0]
    assert model.means_at(kind, at_least="many")[0] == pytest.approx(one, rel=1e-12)


def test_chances_and_their_slopes() -> None:
    model = fitted()
    kinds = pd.DataFrame({"sex": ["male", "female"], "age_group": ["20-39", "60+"]})
    table = model.predict(kinds).to_frame()
    assert table.groupby("sex")["estimate"].sum().tolist() == pytest.approx([1, 1], rel=1e-12)
    assert table["term"].unique().tolist() == ["chance of cramp_class"]
    above, slopes = model.means_at(kinds, at_least=3)
    assert_allclose(above, table.query("`class` >= 3").groupby("sex", sort=False)["estimate"].sum(), rtol=1e-12)
    assert_allclose(slopes, np.sum(model.chances_at(kinds, [3, 4])[1], axis=0), rtol=1e-9, atol=1e-14)
    for at_least in (None, 0, 7):
        with pytest.raises(QuestionError, match=rf"at_least={at_least}: classes have no mean; .* one of 1, 2, 3, 4"):
            model.means_at(kinds, at_least=at_least)


def test_moving_and_scaling_a_column_moves_the_thresholds() -> None:
    one = cs.fit(survey(), "often ~ sex + age", family="ordinal").coefficients
    moved = cs.Survey(DATA.assign(age=1e4 + 12 * DATA["age"]), **CLUSTERED)
    other = cs.fit(moved, "often ~ sex + age", family="ordinal").coefficients
    assert_allclose(other.value[:2] * [1, 12], one.value[:2], rtol=1e-9)
    assert_allclose(other.value[2:] - 1e4 * other.value[1], one.value[2:], rtol=1e-6)
    assert_allclose(other.std_error[:2] * [1, 12], one.std_error[:2], rtol=1e-8)


def test_tabulated_rows_give_the_same_model() -> None:
    rows = cs.fit(survey(), "often ~ sex", family="ordinal").coefficients
    cells = cs.fit(survey().tabulate(["often", "sex"]), "often ~ sex", family="ordinal").coefficients
    assert_allclose(cells.value, rows.value, rtol=1e-10)
    assert_allclose(cells.covariance, rows.covariance, rtol=1e-8)


def test_terms() -> None:
    model = fitted()
    wald = cs.term_test(model, "age_group")
    block = model.coefficients.covariance[1:3, 1:3]
    value = model.coefficients.value[1:3]
    assert wald.statistic == pytest.approx(value @ np.linalg.solve(block, value) / 2, rel=1e-9)
    assert (wald.df, wald.df_denominator) == (2, 31 + 1 - 7)
    ratio = cs.term_test(model, "age_group", method="rao_scott")
    assert ratio.statistic == pytest.approx(fitted("sex").solution.deviance - model.solution.deviance, rel=1e-8)
    everything = cs.term_test(fitted("sex"), "sex", method="rao_scott")
    assert everything.statistic == pytest.approx(
        fitted("1").solution.deviance - fitted("sex").solution.deviance, rel=1e-8
    )
    with pytest.raises(QuestionError, match="thresholds take the place of an intercept"):
        cs.term_test(model, "1")


# Proportional odds.


def three_classes(survey: cs.Survey, some: str, many: str) -> cs.Survey:
    return survey.define(some=some, many=many).define(three="some + many")


def test_cumulative_logits_are_logistic_regressions() -> None:
    logits = cumulative_logits(fitted())
    for threshold in range(1, 5):
        asked = cramps().define(above=f"cramp_class >= {threshold}")
        alone = cs.fit(asked, "above ~ sex + age_group", family="binomial").coefficients
        ours = logits.where(f"threshold == '{threshold - 1}|{threshold}'")
        assert_allclose(ours.value, alone.value, rtol=1e-9)
        assert_allclose(ours.covariance, alone.covariance, rtol=1e-7, atol=1e-14)
    assert logits.df.tolist() == [31 + 1 - 4] * 16


def test_the_test_of_one_contrast_is_its_t_test() -> None:
    asked = three_classes(cramps(), "cramp_class >= 1", "cramp_class >= 3")
    model = cs.fit(asked, "three ~ sex", family="ordinal")
    test = proportional_odds_test(model)
    sex = cumulative_logits(model).where("term == 'sex[T.female]'")
    gap = cs.difference(sex.where("threshold == '1|2'"), sex.where("threshold == '0|1'"), label="gap")
    assert test.statistic == pytest.approx((gap.value[0] / gap.std_error[0]) ** 2, rel=1e-8)
    assert (test.df, test.df_denominator) == (1, 31)


def test_odds_of_the_nhanes_classes_are_not_proportional_for_sex() -> None:
    # Women's odds grow with the threshold: 1.25 of any cramps, 1.76 of frequent ones.
    sex, age = (proportional_odds_test(fitted(), term) for term in ("sex", "age_group"))
    assert (sex.df, sex.df_denominator, age.df, age.df_denominator) == (3, 29, 6, 26)
    assert sex.p_value == pytest.approx(0.000617, abs=5e-6)
    assert age.p_value == pytest.approx(0.426, abs=5e-3)
    both = proportional_odds_test(fitted())
    assert (both.df, both.df_denominator) == (9, 23)
    assert both.p_value == pytest.approx(0.0277, abs=5e-4)


def test_proportional_odds_need_three_classes_a_term_and_degrees_of_freedom() -> None:
    two = cs.fit(survey().define(any="cramps > 0"), "any ~ sex", family="ordinal")
    for model in (two, fitted("1")):
        with pytest.raises(QuestionError, match="at least three classes and a term besides the thresholds"):
            proportional_odds_test(model)
    with pytest.raises(QuestionError, match="needs a model with family='ordinal'; this one has 'poisson'"):
        proportional_odds_test(cs.fit(survey(), "cramps ~ sex", family="poisson"))
    few = cs.Survey(DATA.assign(stratum=1, cluster=DATA["stratum"]), **CLUSTERED)
    model = cs.fit(three_classes(few, "cramps > 0", "cramps > 2"), "three ~ sex", family="ordinal")
    assert proportional_odds_test(model).df_denominator == 5
    many = DATA.assign(**{f"x{k}": np.sin(DATA.index * (k + 1.0)) for k in range(6)})
    wide = cs.Survey(many.assign(stratum=1, cluster=DATA["stratum"] * 10 + DATA["cluster"] % 2), **CLUSTERED)
    model = cs.fit(wide, "often ~ x0 + x1 + x2 + x3 + x4", family="ordinal")
    with pytest.raises(DesignError, match="15 comparisons are too many for a design of 11 degrees of freedom"):
        proportional_odds_test(model)


# Grouped counts of the NHANES classes.


def test_grouped_counts_miss_the_top_class_of_nhanes() -> None:
    model = cs.fit(cramps(), "cramp_class ~ 1", family="grouped_negative_binomial", classes=NIGHTS)
    check = observed_and_expected(model)
    assert check.observed[4] == pytest.approx(0.0190, abs=5e-5)
    assert check.expected[4] == pytest.approx(0.0090, abs=5e-5)
    assert check.test().p_value == pytest.approx(0, abs=1e-6)
    assert check.to_frame()["term"].tolist() == [f"cramp_class = {k}" for k in range(5)]
    assert model.dispersion().value[0] == pytest.approx(5.641, abs=5e-4)
    mean = model.predict(pd.DataFrame(index=[0]))
    assert mean.labels["term"].tolist() == ["mean count of cramp_class"]
    assert mean.value[0] == pytest.approx(np.exp(model.coefficients.value[0]), rel=1e-12)


def test_ordinal_classes_fit_overall_and_by_predicted_chance() -> None:
    assert observed_and_expected(fitted()).test().p_value > 0.01
    check = calibration_check(fitted(), at_least=3)
    often = cs.prevalence(cramps(), "cramp_class >= 3").value[0]
    assert check.observed.sum() == pytest.approx(often, rel=1e-12)
    assert len(check.observed) == 6
    residuals = quantile_residuals(fitted(), rng=1)
    assert len(residuals) == 10_902
    weight = residuals["weight"] / residuals["weight"].sum()
    assert float(weight @ residuals["residual"]) == pytest.approx(0, abs=0.03)


def test_proportional_odds_miss_the_classes_of_men_and_women() -> None:
    check = observed_and_expected(fitted(), by=["sex"])
    shares = cs.prevalence(cramps(), {str(k): f"cramp_class == {k}" for k in range(5)}, by=["sex"])
    men = cs.prevalence(cramps(), "sex == 'male'").value[0]
    frame = check.to_frame()
    of_sex = {"male": men, "female": 1 - men}
    for _, row in shares.to_frame().iterrows():
        cell = (frame["term"] == f"cramp_class = {row['term']}") & (frame["sex"] == row["sex"])
        assert frame["observed"][cell].item() == pytest.approx(row["estimate"] * of_sex[row["sex"]], rel=1e-10)
    assert frame["observed"].sum() == pytest.approx(1, rel=1e-12)
    assert frame["expected"].sum() == pytest.approx(1, rel=1e-12)
    # By sex the ordinal model misses, as the test of proportional odds says; by age it does not, and overall it cannot.
    assert check.test().p_value == pytest.approx(0.00413, abs=5e-5)
    assert observed_and_expected(fitted(), by=["age_group"]).test().p_value == pytest.approx(0.527, abs=5e-3)


def test_cells_by_columns_add_up_to_all() -> None:
    whole, parts = observed_and_expected(fitted()), observed_and_expected(fitted(), by=["sex", "age_group"])
    matrix = np.tile(np.eye(5), 6)
    assert_allclose(matrix @ parts.difference.value, whole.difference.value, atol=1e-12)
    assert_allclose(matrix @ parts.difference.covariance @ matrix.T, whole.difference.covariance, rtol=1e-6, atol=1e-14)


def test_ordinal_classes_fit_better_than_grouped_counts() -> None:
    grouped = cs.fit(cramps(), "cramp_class ~ sex + age_group", family="grouped_negative_binomial", classes=NIGHTS)
    assert design_aic(grouped).value - design_aic(fitted()).value == pytest.approx(423.6, abs=0.5)


def test_grouped_counts_that_are_known_one_by_one_are_counts() -> None:
    known = {count: (count, count) for count in range(60)}
    one = cs.fit(survey(), "cramps ~ sex", family="grouped_negative_binomial", classes=known).coefficients
    other = cs.fit(survey(), "cramps ~ sex", family="negative_binomial").coefficients
    assert_allclose(one.value, other.value, rtol=1e-9)
    assert_allclose(one.covariance, other.covariance, rtol=1e-8)


# What is refused.


@pytest.mark.parametrize(
    ("message", "formula"),
    [
        ("'sex' is a text; family='ordinal' needs whole numbers or an ordered categorical", "sex ~ age"),
        ("'loose' is a categorical without order", "loose ~ age"),
        ("'number' has 720 different values; family='ordinal' takes up to 50 classes", "number ~ age"),
        (r"meets missing values: first ask observed\('gap'\)", "gap ~ age"),
        ("takes off the intercept, whose place thresholds take", "often ~ age - 1"),
        ("are combinations of others", "often ~ age + twice"),
        ("'same' is 1 for everybody", "same ~ age"),
    ],
)
def test_what_cannot_be_fitted_is_told(message: str, formula: str) -> None:
    data = DATA.assign(
        loose=pd.Categorical(DATA["sex"]),
        number=np.arange(720),
        gap=DATA["often"].where(DATA.index > 2),
        twice=DATA["age"] * 2,
        same=1,
    )
    with pytest.raises(QuestionError, match=message):
        cs.fit(cs.Survey(data, **CLUSTERED), formula, family="ordinal")


def test_separated_classes_are_named() -> None:
    data = DATA.assign(
        high=np.where(DATA["weeks"] == 4, 4, DATA["often"].clip(upper=3)), weeks=DATA["weeks"].astype(str)
    )
    with pytest.raises(ConvergenceError, match=r"no finite estimate exists.*'weeks\[T.4\]' of the location part"):
        cs.fit(cs.Survey(data, **CLUSTERED), "high ~ weeks", family="ordinal")


@pytest.mark.parametrize("asked", ["rate_ratios", "prevalence_ratios"])
def test_other_ratios(asked: str) -> None:
    with pytest.raises(QuestionError, match=r"odds_ratios\(\) are for classes in order"):
        getattr(fitted(), asked)()


def test_options_that_do_not_go_with_it() -> None:
    for options, message in (
        ({"exposure": "weeks"}, "exposure='weeks' needs a log link; with link='logit' use offset"),
        ({"link": "log"}, "link='log' does not go with family='ordinal': choose from logit"),
        ({"zero": "1"}, "zero='1' does not go with family='ordinal'; leave it out"),
    ):
        with pytest.raises(QuestionError, match=message):
            cs.fit(survey(), "often ~ sex", family="ordinal", **options)
    shifted = cs.fit(survey(), "often ~ sex", family="ordinal", offset="age")
    assert shifted.predictors == ("age", "sex")
    assert repr(shifted).startswith("<Model often ~ sex, ordinal with link logit>")


def test_classes_are_finite() -> None:
    data = DATA.assign(often=DATA["often"].astype(float).where(DATA.index != 3, np.inf))
    with pytest.raises(QuestionError, match="'often' is infinite for somebody"):
        cs.fit(cs.Survey(data), "often ~ sex", family="ordinal")


def test_predicted_classes_need_names_of_their_own() -> None:
    data = DATA.rename(columns={"age": "term"})
    model = cs.fit(cs.Survey(data), "often ~ term", family="ordinal")
    with pytest.raises(QuestionError, match="predict: 'term' is a column of the result"):
        model.predict(data.head(2))


def test_classes_in_order_have_no_mean_and_no_effect_on_one() -> None:
    model = cs.fit(survey("simple"), "often ~ sex + age", family="ordinal")
    for asked in (
        lambda: cs.g_formula(model, {"sex": "male"}),
        lambda: cs.marginal_effect(model, "age"),
        lambda: cs.attributable_fraction(model, {"sex": "male"}),
        lambda: cs.doubly_robust(model, "age", covariates="sex"),
    ):
        with pytest.raises(QuestionError, match=r"^'often' is of classes in order, which have no mean"):
            asked()


def test_effects_on_grouped_counts_are_of_counts_and_not_set_beside_classes() -> None:
    model = cs.fit(survey("simple"), "often ~ sex + age", family="grouped_negative_binomial", classes=NIGHTS)
    found = cs.contrast(model, "sex", values=("male", "female"))
    assert found.labels["term"].tolist() == ["difference of mean count of often: sex = male against female"]
    assert cs.g_formula(model, {"sex": "male"}).labels["term"].tolist() == ["mean count of often if sex = male"]
    assert cs.marginal_effect(model, "age").labels["term"].tolist() == ["slope of mean count of often on age"]
    with pytest.raises(QuestionError, match="attributable_fraction sets what is predicted beside what was observed"):
        cs.attributable_fraction(model, {"sex": "male"})
    with pytest.raises(QuestionError, match="doubly_robust sets what is predicted beside what was observed"):
        cs.doubly_robust(model, "age", covariates="sex")
