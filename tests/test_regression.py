"""Regression: small cases with known answers, what is refused and how, invariants."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

import crampstats as cs
from crampstats.errors import ConvergenceError, DesignError, QuestionError
from crampstats.regression.terms import tail_of_f_sum

CLUSTERED = {"weight": "weight", "stratum": "stratum", "cluster": "cluster"}


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    """Return 600 people in 30 clusters of 5 strata."""
    rng = np.random.default_rng(7)
    n = 600
    frame = pd.DataFrame(
        {
            "cluster": np.repeat(np.arange(30), n // 30),
            "stratum": np.repeat(np.arange(5), n // 5),
            "weight": rng.gamma(4, 50, n),
            "age_years": rng.integers(20, 90, n),
            "sex": rng.choice(["female", "male"], n),
            "region": rng.choice(["north", "south", "west"], n),
        }
    )
    low = rng.random(n) < 1 / (1 + np.exp(2.5 - 0.02 * frame["age_years"] - 0.5 * (frame["sex"] == "female")))
    return frame.assign(
        low=low.astype(int), cramps=rng.poisson(1 + 2 * low), mg=0.9 - 0.1 * low + rng.normal(0, 0.03, n)
    )


@pytest.fixture(scope="module")
def survey(data: pd.DataFrame) -> cs.Survey:
    return cs.Survey(data, **CLUSTERED)


def test_a_model_of_one_yes_no_column_is_its_cross_table() -> None:
    table = pd.DataFrame({"low": [1] * 10 + [0] * 30 + [1] * 5 + [0] * 45, "old": [1] * 40 + [0] * 50})
    survey = cs.Survey(table)
    odds = cs.fit(survey, "low ~ old", family="binomial").odds_ratios()
    assert odds.value[0] == pytest.approx(10 * 45 / (30 * 5), rel=1e-12)
    # The design's variance of a log odds ratio without weights: that of two proportions, n/(n-1) on top.
    assert odds.std_error[0] / odds.value[0] == pytest.approx(
        np.sqrt((1 / 10 + 1 / 30 + 1 / 5 + 1 / 45) * 90 / 89), rel=1e-9
    )
    times = cs.fit(survey, "low ~ old", family="poisson").prevalence_ratios()
    assert times.value[0] == pytest.approx(0.25 / 0.1, rel=1e-12)
    gap = cs.fit(survey, "low ~ old", family="binomial", link="identity").coefficients.where("term == 'old'")
    assert gap.value[0] == pytest.approx(0.15, rel=1e-10)


@pytest.mark.parametrize(
    ("family", "link"), [("binomial", "logit"), ("binomial", "log"), ("poisson", "log"), ("gaussian", "log")]
)
def test_a_saturated_model_gives_the_prevalences_of_the_domains(survey: cs.Survey, family: str, link: str) -> None:
    by = cs.prevalence(survey, "low == 1", by=["region"])
    model = cs.fit(survey, "low ~ region", family=family, link=link)
    means = model.predict(pd.DataFrame({"region": ["north", "south", "west"]}))
    assert_allclose(means.value, by.value, rtol=1e-10)
    assert_allclose(means.covariance, by.covariance, rtol=1e-8, atol=1e-16)


def test_a_gaussian_model_is_weighted_least_squares(survey: cs.Survey, data: pd.DataFrame) -> None:
    matrix = np.column_stack([np.ones(len(data)), data["age_years"], data["sex"] == "male"]).astype(float)
    root = np.sqrt(data["weight"].to_numpy())[:, None]
    expected = np.linalg.lstsq(matrix * root, data["mg"].to_numpy() * root[:, 0])[0]
    assert_allclose(cs.fit(survey, "mg ~ age_years + sex", family="gaussian").coefficients.value, expected, rtol=1e-10)


def test_degrees_of_freedom_are_those_of_the_design_plus_one_less_p(survey: cs.Survey) -> None:
    model = cs.fit(survey, "low ~ sex + region", family="binomial")
    assert survey.degrees_of_freedom == 25
    assert model.coefficients.df.tolist() == [25 + 1 - 4] * 4
    assert model.odds_ratios().df.tolist() == [22] * 3
    assert model.predict(pd.DataFrame({"sex": ["male"], "region": ["west"]})).df.tolist() == [22]


def test_a_contrast_with_a_model_takes_the_models_degrees_of_freedom(survey: cs.Survey) -> None:
    model = cs.fit(survey, "low ~ sex", family="binomial")
    male = model.predict(pd.DataFrame({"sex": ["male"]}))
    assert cs.difference(male, cs.prevalence(survey, "low == 1")).df.tolist() == [24]


def test_a_domain_keeps_the_design(survey: cs.Survey, data: pd.DataFrame) -> None:
    women = survey.where("sex == 'female'")
    by_domain = cs.fit(women, "low ~ age_years", family="binomial").coefficients
    dropped = cs.fit(
        cs.Survey(data[data["sex"] == "female"], **CLUSTERED), "low ~ age_years", family="binomial"
    ).coefficients
    assert_allclose(by_domain.value, dropped.value, rtol=1e-12)
    assert by_domain.components[0].design is survey.design
    assert by_domain.n.tolist() == [women.people] * 2


def test_levels_that_nobody_in_the_domain_has_are_left_out(survey: cs.Survey, data: pd.DataFrame) -> None:
    ordered = cs.Survey(data.assign(region=pd.Categorical(data["region"])), **CLUSTERED).where("region != 'south'")
    assert cs.fit(ordered, "low ~ region", family="binomial").terms == ("Intercept", "region[T.west]")


def test_another_reference_level_turns_the_ratio_round(survey: cs.Survey) -> None:
    one = cs.fit(survey, "low ~ sex", family="binomial").odds_ratios()
    other = cs.fit(survey, 'low ~ C(sex, contr.treatment("male"))', family="binomial").odds_ratios()
    assert one.value[0] == pytest.approx(1 / other.value[0], rel=1e-10)


def test_tabulated_rows_give_the_same_model(survey: cs.Survey) -> None:
    rows = cs.fit(survey, "low ~ sex + region", family="binomial").coefficients
    cells = cs.fit(survey.tabulate(["low", "sex", "region"]), "low ~ sex + region", family="binomial").coefficients
    assert_allclose(cells.value, rows.value, rtol=1e-10)
    assert_allclose(cells.covariance, rows.covariance, rtol=1e-8)
    assert cells.n.tolist() == rows.n.tolist()


def test_without_clusters_every_row_is_one(data: pd.DataFrame) -> None:
    numbered = data.assign(person=np.arange(len(data)))
    names = {"weight": "weight", "stratum": "stratum"}
    alone = cs.fit(cs.Survey(data, **names), "low ~ sex + age_years", family="binomial").coefficients
    named = cs.fit(
        cs.Survey(numbered, **names, cluster="person"), "low ~ sex + age_years", family="binomial"
    ).coefficients
    assert_allclose(alone.covariance, named.covariance, rtol=1e-10)


def test_terms_are_tested_by_their_name(survey: cs.Survey) -> None:
    model = cs.fit(survey, "low ~ sex * region + age_years", family="binomial")
    assert cs.term_test(model, "region:sex").df == 2
    one = cs.term_test(model, "age_years")
    age = model.coefficients.where("term == 'age_years'")
    assert one.statistic == pytest.approx((age.value[0] / age.std_error[0]) ** 2, rel=1e-10)
    assert one.p_value == pytest.approx(stats.t.sf(np.sqrt(one.statistic), one.df_denominator) * 2, rel=1e-8)
    with pytest.raises(QuestionError, match="there is no term 'sx' in the formula; its terms are '1', 'sex'"):
        cs.term_test(model, "sx")
    with pytest.raises(QuestionError, match="method='lrt' is unknown: choose from wald, rao_scott"):
        cs.term_test(model, "sex", method="lrt")


def test_rao_scott_of_a_simple_random_sample_is_about_the_likelihood_ratio() -> None:
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"x": rng.normal(size=4000), "z": rng.normal(size=4000)})
    table["low"] = (rng.random(4000) < 1 / (1 + np.exp(1 - 0.1 * table["x"]))).astype(int)
    model = cs.fit(cs.Survey(table), "low ~ x + z", family="binomial")
    test = cs.term_test(model, "x", method="rao_scott")
    assert test.weights == pytest.approx((1.0,), rel=0.1)
    assert test.p_value == pytest.approx(stats.chi2.sf(test.statistic / test.weights[0], 1), rel=0.02)


@pytest.mark.parametrize("df", [6.0, 40.0])
@pytest.mark.parametrize("statistic", [1.0, 6.0, 20.0])
def test_the_tail_of_a_sum_of_chi_squares(statistic: float, df: float) -> None:
    weights = np.array([2.5, 1.4, 0.6])
    rng = np.random.default_rng(11)
    draws = 400_000
    shares = rng.chisquare(1, (draws, 3)) @ weights > statistic * rng.chisquare(df, draws) / df
    error = shares.std() / np.sqrt(draws)
    # The saddlepoint approximation itself is good to 2 %.
    assert tail_of_f_sum(statistic, weights, df) == pytest.approx(shares.mean(), abs=4 * error + 0.02 * shares.mean())


def test_the_tail_passes_smoothly_through_the_mean() -> None:
    weights = np.array([2.5, 1.4, 0.6])
    tails = [tail_of_f_sum(value, weights, 20.0) for value in weights.sum() * np.array([0.99, 1.0, 1.01])]
    assert tails[1] == pytest.approx((tails[0] + tails[2]) / 2, rel=5e-3)


def refused(data: pd.DataFrame, formula: str, **names: str) -> str:
    with pytest.raises((QuestionError, ConvergenceError, DesignError)) as caught:
        cs.fit(cs.Survey(data, **CLUSTERED), formula, **names)
    return f"{type(caught.value).__name__}: {caught.value}"


def test_separation_names_the_level(data: pd.DataFrame) -> None:
    always = data.assign(low=data["low"].where(data["region"] != "west", 1))
    told = refused(always, "low ~ sex + region", family="binomial")
    assert told.startswith(
        "ConvergenceError: no finite estimate exists (separation): 'region[T.west]' predicts the outcome"
    )


def test_separation_by_a_number(data: pd.DataFrame) -> None:
    told = refused(data.assign(low=(data["age_years"] > 50).astype(int)), "low ~ age_years", family="binomial")
    assert "(separation): 'age_years' predicts the outcome perfectly" in told


def test_separation_of_counts(data: pd.DataFrame) -> None:
    never = data.assign(cramps=data["cramps"].where(data["region"] != "south", 0))
    assert "(separation): 'region[T.south]'" in refused(never, "cramps ~ region + sex", family="poisson")


def test_nearly_separated_is_not_separated(data: pd.DataFrame) -> None:
    rows = data.index[data["region"] == "west"]
    almost = data.assign(low=data["low"].where(data["region"] != "west", 1))
    almost.loc[rows[0], "low"] = 0
    model = cs.fit(cs.Survey(almost, **CLUSTERED), "low ~ region", family="binomial")
    share = cs.prevalence(cs.Survey(almost, **CLUSTERED).where("region == 'west'"), "low == 1").value
    assert model.predict(pd.DataFrame({"region": ["west"]})).value == pytest.approx(share, rel=1e-9)


def test_combinations_of_columns_are_named(data: pd.DataFrame) -> None:
    told = refused(data.assign(months=data["age_years"] * 12 + 3), "low ~ age_years + months + sex", family="binomial")
    assert told.startswith("QuestionError: these columns of the formula are combinations of others")
    assert "'age_years'" in told
    assert "'months'" in told


def test_a_column_of_nothing_is_named(data: pd.DataFrame) -> None:
    assert "'pregnant' is 0 for everybody" in refused(data.assign(pregnant=0), "low ~ pregnant", family="binomial")


@pytest.mark.parametrize(
    ("formula", "family", "told"),
    [
        ("cramps ~ sex", "binomial", "'cramps' has to be 0 or 1; it is 2, 3"),
        ("mg ~ sex", "binomial", "'mg' has to be 0 or 1"),
        ("negative ~ sex", "poisson", "'negative' has to be 0 or more; it is -1"),
        ("sex ~ age_years", "binomial", "'sex' has to be a number or 0/1"),
        ("~ age_years", "binomial", "has no outcome"),
        ("same ~ age_years", "binomial", "'same' is 1 for everybody"),
        ("low ~ sexx", "binomial", "did you mean 'sex'"),
        ("low ~ sex", "gamma", "family='gamma' is unknown: choose from binomial, poisson, gaussian"),
        ("low ~ gap", "binomial", r"first ask observed('gap')"),
    ],
)
def test_what_cannot_be_fitted_is_told(data: pd.DataFrame, formula: str, family: str, told: str) -> None:
    spoiled = data.assign(negative=-1, same=1, gap=np.where(data.index == 3, np.nan, 1.0 * data["age_years"]))
    assert told in refused(spoiled, formula, family=family)


def test_a_link_that_does_not_go_with_the_family(data: pd.DataFrame) -> None:
    told = refused(data, "cramps ~ sex", family="poisson", link="logit")
    assert "link='logit' does not go with family='poisson': choose from log, identity" in told


def test_too_many_coefficients_for_the_design(data: pd.DataFrame) -> None:
    few = data.assign(stratum=data["stratum"] % 2, cluster=data["stratum"] % 2 * 10 + data["cluster"] % 2)
    told = refused(few, "low ~ sex + region", family="binomial")
    assert told == "DesignError: the design has 2 degrees of freedom, too few for 4 coefficients; drop terms."


def test_a_log_binomial_model_without_a_maximum_says_what_to_do() -> None:
    # Somebody's mean would have to be 1: the maximum lies on the edge.
    x = np.array([0.0, 1, 2, 3, 4, 5, 6, 7, 8, 9] * 4)
    low = np.array([0, 0, 0, 1, 0, 1, 1, 1, 1, 1] * 4)
    with pytest.raises(ConvergenceError, match=r"did not converge.*for a prevalence ratio use family='poisson'"):
        cs.fit(cs.Survey(pd.DataFrame({"x": x, "low": low})), "low ~ x", family="binomial", link="log")


@pytest.mark.parametrize(
    ("family", "link", "asked"),
    [
        ("poisson", "log", "odds_ratios"),
        ("binomial", "logit", "prevalence_ratios"),
        ("binomial", "log", "rate_ratios"),
        ("gaussian", "identity", "odds_ratios"),
    ],
)
def test_ratios_are_given_only_where_they_are_meant(survey: cs.Survey, family: str, link: str, asked: str) -> None:
    model = cs.fit(survey, "low ~ sex", family=family, link=link)
    with pytest.raises(QuestionError, match=f"{asked} needs a model with"):
        getattr(model, asked)()


def test_counts_have_no_prevalence_ratio(survey: cs.Survey) -> None:
    model = cs.fit(survey, "cramps ~ sex", family="poisson")
    with pytest.raises(QuestionError, match=r"'cramps' is not 0/1; rate_ratios\(\) are for counts"):
        model.prevalence_ratios()
    assert len(model.rate_ratios()) == 1


def test_predict_needs_the_models_columns_and_levels(survey: cs.Survey) -> None:
    model = cs.fit(survey, "low ~ sex + age_years", family="binomial")
    with pytest.raises(QuestionError, match="the data lack 'age_years'"):
        model.predict(pd.DataFrame({"sex": ["male"]}))
    with pytest.raises(
        QuestionError, match="'sex' is 'diverse' where the formula knows only the levels 'female', 'male'"
    ):
        model.predict(pd.DataFrame({"sex": ["diverse"], "age_years": [30]}))


def test_predictions_stay_possible_and_are_labelled(survey: cs.Survey) -> None:
    model = cs.fit(survey, "low ~ sex + age_years", family="binomial")
    kinds = pd.DataFrame({"sex": ["male", "female"], "age_years": [20, 89]}, index=[7, 7])
    frame = model.predict(kinds).to_frame()
    assert frame[["sex", "age_years"]].to_numpy().tolist() == [["male", 20], ["female", 89]]
    assert frame["term"].tolist() == ["mean of low"] * 2
    assert (frame["conf_low"] > 0).all()
    assert (frame["conf_high"] < 1).all()


def test_shows_itself(survey: cs.Survey) -> None:
    model = cs.fit(survey, "low ~ sex", family="binomial")
    assert repr(model).startswith("<Model low ~ sex, binomial with link logit>\n<Estimate of survey>")
    assert "sex[T.male]" in model._repr_html_()


@given(
    st.lists(st.tuples(st.booleans(), st.integers(-3, 3), st.floats(0.1, 10)), min_size=12, max_size=40),
    st.floats(1e-3, 1e3),
)
def test_scaling_weights_and_covariates(people: list, factor: float) -> None:
    table = pd.DataFrame(people, columns=["low", "x", "weight"]).astype({"low": int})
    assume(table.groupby("low")["x"].nunique().reindex([0, 1], fill_value=0).min() > 1)
    try:
        one = cs.fit(cs.Survey(table, weight="weight"), "low ~ x", family="binomial").coefficients
    except ConvergenceError as error:
        assert "separation" in str(error)  # noqa: PT017
        return
    scaled = table.assign(weight=table["weight"] * factor, x=table["x"] * 8)
    other = cs.fit(cs.Survey(scaled, weight="weight"), "low ~ x", family="binomial").coefficients
    assert_allclose(other.value * [1, 8], one.value, rtol=1e-7, atol=1e-9)
    assert_allclose(other.std_error * [1, 8], one.std_error, rtol=1e-7)


def test_a_restricted_cubic_spline_is_a_natural_one_with_its_knots_named(survey: cs.Survey, data: pd.DataFrame) -> None:
    low, first, second, high = np.quantile(data["age_years"], [0.05, 0.35, 0.65, 0.95])
    bounds = f"lower_bound={low}, upper_bound={high}"
    rcs = cs.fit(survey, "low ~ rcs(age_years, 4)", family="binomial")
    natural = cs.fit(survey, f"low ~ cr(age_years, knots=[{first}, {second}], {bounds})", family="binomial")
    ages = pd.DataFrame({"age_years": [15.0, low, 40.0, 61.0, high, 99.0]})
    assert_allclose(rcs.predict(ages).value, natural.predict(ages).value, rtol=1e-8)
    assert_allclose(rcs.predict(ages).std_error, natural.predict(ages).std_error, rtol=1e-7)
    assert rcs.terms == ("Intercept", "rcs(age_years, 4)[1]", "rcs(age_years, 4)[2]", "rcs(age_years, 4)[3]")


def test_a_restricted_cubic_spline_is_linear_beyond_its_outer_knots(survey: cs.Survey) -> None:
    model = cs.fit(survey, "mg ~ rcs(age_years, knots=[30, 50, 70])", family="gaussian")
    means = model.predict(pd.DataFrame({"age_years": [0.0, 15.0, 30.0, 70.0, 85.0, 100.0]})).value
    assert means[2] - means[1] == pytest.approx(means[1] - means[0], rel=1e-9)
    assert means[5] - means[4] == pytest.approx(means[4] - means[3], rel=1e-9)
    assert cs.term_test(model, "rcs(age_years, knots=[30, 50, 70])").df == 2


@pytest.mark.parametrize("knots", ["[1, 2]", "[40, 30, 60]", "8", "2", "'x'", "2.5"])
def test_knots_that_make_no_spline(data: pd.DataFrame, knots: str) -> None:
    told = refused(data, f"low ~ rcs(age_years, {knots})", family="binomial")
    assert told.startswith("QuestionError")
    assert "rcs" in told


def test_tabulated_rows_give_the_same_tests_of_terms(survey: cs.Survey) -> None:
    rows = cs.fit(survey, "low ~ sex + region", family="binomial")
    cells = cs.fit(survey.tabulate(["low", "sex", "region"]), "low ~ sex + region", family="binomial")
    one, other = (cs.term_test(model, "region", method="rao_scott") for model in (rows, cells))
    assert other.statistic == pytest.approx(one.statistic, rel=1e-9)
    assert other.weights == pytest.approx(one.weights, rel=1e-9)
    assert other.p_value == pytest.approx(one.p_value, rel=1e-9)


@pytest.mark.parametrize("noise", [1e-3, 1e-6, 1e-9])
def test_a_nearly_exact_line_is_fitted(noise: float) -> None:
    rng = np.random.default_rng(9)
    table = pd.DataFrame({"mg": rng.normal(0.8, 0.06, 300)})
    table["mg_dl"] = 2.4305 * table["mg"] + rng.normal(0, noise, 300)
    model = cs.fit(cs.Survey(table), "mg_dl ~ mg", family="gaussian")
    assert model.coefficients.value[1] == pytest.approx(2.4305, abs=5 * noise)
    assert model.coefficients.std_error[1] == pytest.approx(noise / 0.06 / np.sqrt(300), rel=0.2)


def test_numbers_far_from_zero_are_fitted_as_those_near_it(data: pd.DataFrame) -> None:
    far = data.assign(born=1e6 + data["age_years"], many=10**9 + data["cramps"] * 10**6)
    near = cs.fit(cs.Survey(far, **CLUSTERED), "low ~ age_years + sex", family="binomial").coefficients
    moved = cs.fit(cs.Survey(far, **CLUSTERED), "low ~ born + sex", family="binomial").coefficients
    assert_allclose(moved.value[1:], near.value[1:], rtol=1e-7)
    assert_allclose(moved.std_error[1:], near.std_error[1:], rtol=1e-7)
    counts = cs.fit(cs.Survey(far, **CLUSTERED), "many ~ sex", family="poisson")
    means = cs.mean(cs.Survey(far, **CLUSTERED), "many", by=["sex"])
    assert_allclose(counts.predict(pd.DataFrame({"sex": ["female", "male"]})).value, means.value, rtol=1e-9)


def test_ratios_need_an_intercept(survey: cs.Survey) -> None:
    model = cs.fit(survey, "low ~ sex - 1", family="binomial")
    with pytest.raises(QuestionError, match="odds_ratios needs a model with an intercept"):
        model.odds_ratios()


def test_the_intercept_is_a_term_too(survey: cs.Survey) -> None:
    model, without = (cs.fit(survey, f"low ~ age_years{end}", family="binomial") for end in ("", " - 1"))
    test = cs.term_test(model, "1", method="rao_scott")
    assert test.statistic == pytest.approx(without.solution.deviance - model.solution.deviance, rel=1e-9)
    wald = cs.term_test(model, "1")
    intercept = model.coefficients.where("term == 'Intercept'")
    assert wald.statistic == pytest.approx((intercept.value[0] / intercept.std_error[0]) ** 2, rel=1e-9)


@pytest.mark.parametrize(
    ("formula", "family", "link"),
    [
        ("low ~ age_years + sex", "binomial", None),
        ("low ~ age_years + sex", "binomial", "log"),
        ("cramps ~ age_years * sex", "poisson", None),
        ("mg ~ sex + region", "gaussian", None),
    ],
)
def test_means_and_their_slopes(survey: cs.Survey, data: pd.DataFrame, formula: str, family: str, link: str) -> None:
    model = cs.fit(survey, formula, family=family, link=link)
    kinds = data.iloc[[0, 7, 100]]
    means, slopes = model.means_at(kinds)
    predicted = model.predict(kinds)
    assert_allclose(means, predicted.value, rtol=1e-14)
    assert_allclose(slopes @ model.coefficients.covariance @ slopes.T, predicted.covariance, rtol=1e-9)
    eta = model.link.forward(means)
    for place in range(len(model.terms)):
        # The linear predictor moves by the column, and the mean by the link's slope.
        column = model.encoding.of(kinds[list(model.predictors)])[:, place]
        up, down = (model.link.inverse(eta + sign * 1e-6 * column) for sign in (1, -1))
        assert_allclose(slopes[:, place], (up - down) / 2e-6, rtol=1e-7, atol=1e-9)


def test_an_offset_is_a_coefficient_of_1(survey: cs.Survey, data: pd.DataFrame) -> None:
    # With the coefficient that was fitted as an offset, the others stay.
    for formula, family in (("low ~ age_years + sex", "binomial"), ("mg ~ age_years + sex", "gaussian")):
        full = cs.fit(survey, formula, family=family)
        moved = data.assign(part=full.coefficients.value[1] * data["age_years"])
        asked = cs.Survey(moved, **CLUSTERED)
        rest = cs.fit(asked, formula.replace("age_years + ", ""), family=family, offset="part")
        assert_allclose(rest.coefficients.value, full.coefficients.value[[0, 2]], rtol=1e-8)
        assert rest.predictors == ("part", "sex")
        assert_allclose(rest.means_at(moved)[0], full.means_at(moved)[0], rtol=1e-8)
        without = cs.term_test(rest, "sex", method="rao_scott").statistic
        smaller = cs.fit(asked, formula.split("~")[0] + "~ 1", family=family, offset="part")
        assert without == pytest.approx(smaller.solution.deviance - rest.solution.deviance, rel=1e-7)


def test_a_model_has_one_part(survey: cs.Survey) -> None:
    with pytest.raises(QuestionError, match="part='zero': a binomial model has one part only"):
        cs.term_test(cs.fit(survey, "low ~ sex", family="binomial"), "sex", part="zero")


def test_chances_of_a_model_of_one_mean(survey: cs.Survey, data: pd.DataFrame) -> None:
    kinds = data.iloc[[0, 7]]
    low = cs.fit(survey, "low ~ sex", family="binomial")
    chances, slopes = low.chances_at(kinds, [1, 0, 2])
    for place, (sign, base) in enumerate(((1, 0), (-1, 1), (0, 0))):
        assert_allclose(chances[:, place], base + sign * low.means_at(kinds)[0], rtol=1e-14)
        assert_allclose(slopes[place], sign * low.means_at(kinds)[1], rtol=1e-14)
    assert_allclose(low.cumulative_at(kinds, np.array([0.0, 1.0])), [1 - low.means_at(kinds)[0][0], 1.0], rtol=1e-14)
    counts = cs.fit(survey, "cramps ~ sex + age_years", family="poisson")
    mean = counts.means_at(kinds)[0]
    assert_allclose(counts.chances_at(kinds, [3])[0][:, 0], stats.poisson.pmf(3, mean), rtol=1e-12)
    assert_allclose(counts.cumulative_at(kinds, np.array([-1.0, 2.0])), [0, stats.poisson.cdf(2, mean[1])], rtol=1e-12)
    steps = np.sum([each * value for value, each in enumerate(counts.chances_at(kinds, range(80))[1])], axis=0)
    assert_allclose(steps, counts.means_at(kinds)[1], rtol=1e-9)


def test_nothing_is_exceeded_for_certain() -> None:
    # Without an effect in the sample the likelihood ratio is 0, or by rounding a little below.
    for statistic in (0.0, -1e-14):
        assert tail_of_f_sum(statistic, np.array([1.0, 2.0]), 20.0) == 1.0
    data = pd.DataFrame({"low": [0, 1] * 60, "place": np.repeat(["a", "b", "c"], 40)})
    model = cs.fit(cs.Survey(data), "low ~ place", family="binomial")
    assert cs.term_test(model, "place", method="rao_scott").p_value == pytest.approx(1.0, abs=1e-6)


def test_a_prediction_needs_names_of_its_own(data: pd.DataFrame) -> None:
    renamed = data.rename(columns={"age_years": "term"})
    model = cs.fit(cs.Survey(renamed), "low ~ term", family="binomial")
    with pytest.raises(QuestionError, match=r"predict: 'term' is a column of the result; .*define\(my_term='term'\)"):
        model.predict(renamed.head(2))


@pytest.mark.parametrize(
    ("outcome", "family", "link", "age"),
    [
        ("low", "binomial", "log", 900.0),
        ("low", "binomial", "identity", 900.0),
        ("cramps", "poisson", "identity", -900.0),
    ],
)
def test_a_mean_that_cannot_be_is_no_prediction(
    survey: cs.Survey, outcome: str, family: str, link: str, age: float
) -> None:
    model = cs.fit(survey, f"{outcome} ~ age_years", family=family, link=link)
    assert np.isfinite(model.predict(pd.DataFrame({"age_years": [50.0]})).value).all()
    with pytest.raises(QuestionError, match=f"is impossible with family='{family}'; with link='{link}'"):
        model.predict(pd.DataFrame({"age_years": [50.0, age]}))


def test_a_mean_above_all_floats_is_no_prediction(survey: cs.Survey) -> None:
    model = cs.fit(survey, "cramps ~ age_years", family="poisson")
    with pytest.raises(QuestionError, match="a mean of inf is impossible"):
        model.predict(pd.DataFrame({"age_years": [1e9]}))
