"""What can be computed from estimates: contrasts, sums, functions; and which may be combined."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import crampstats as cs
from crampstats.errors import CrampstatsError, DesignError, IntervalError, QuestionError
from crampstats.estimates import stacked

NESTED = {"weight": "weight", "stratum": "stratum", "cluster": "cluster", "cluster_labels": "nested"}


@pytest.fixture
def by_sex(survey: cs.Survey) -> cs.Estimate:
    return cs.prevalence(survey.observed("cramps"), "cramps == 1", by=["sex"])


@pytest.fixture
def elsewhere() -> cs.Estimate:
    people = pd.DataFrame({"cramps": [0, 1, 1, 0, 1, 0, 0, 0], "sex": ["f", "m"] * 4})
    return cs.prevalence(cs.Survey(people, name="elsewhere"), "cramps == 1", by=["sex"])


def test_columns_of_the_frame(by_sex: cs.Estimate) -> None:
    frame = by_sex.to_frame()
    assert list(frame.columns) == ["term", "sex", "n", "estimate", "std_error", "conf_low", "conf_high", "note"]
    assert frame["sex"].tolist() == ["f", "m"]
    assert frame["n"].tolist() == [6, 5]


def test_covariance_and_errors_agree(by_sex: cs.Estimate) -> None:
    assert by_sex.covariance.shape == (2, 2)
    assert_allclose(by_sex.std_error**2, np.diag(by_sex.covariance), rtol=1e-14)


def test_level_widens_the_interval(by_sex: cs.Estimate) -> None:
    narrow, wide = by_sex.interval(level=0.8, method="logit"), by_sex.interval(level=0.99, method="logit")
    assert (wide.low < narrow.low).all()
    assert (narrow.high < wide.high).all()


def test_shows_itself(by_sex: cs.Estimate) -> None:
    assert repr(by_sex).splitlines()[0] == "<Estimate of survey [observed cramps]>"
    assert "<td>cramps == 1</td>" in by_sex._repr_html_()
    assert "note" not in by_sex._repr_html_()


def test_notes_are_shown_where_there_are_any(survey: cs.Survey) -> None:
    assert "nobody in the sample" in repr(cs.prevalence(survey, "age_years > 200"))


def test_where_chooses_by_labels(by_sex: cs.Estimate) -> None:
    men = by_sex.where("sex == 'm'")
    assert (len(men), men.value[0], men.std_error[0]) == (1, by_sex.value[1], by_sex.std_error[1])


def test_where_refuses_what_nothing_answers(by_sex: cs.Estimate) -> None:
    with pytest.raises(QuestionError, match="no estimate answers"):
        by_sex.where("sex == 'x'")
    with pytest.raises(QuestionError, match="does not answer yes or no"):
        by_sex.where("sex")
    with pytest.raises(QuestionError, match="no column 'sexx'; did you mean 'sex'"):
        by_sex.where("sexx == 'm'")


def test_difference_has_the_covariance_in_it(by_sex: cs.Estimate) -> None:
    gap = cs.difference(by_sex.where("sex == 'f'"), by_sex.where("sex == 'm'"), label="women less men")
    covariance = by_sex.covariance
    assert gap.value[0] == pytest.approx(by_sex.value[0] - by_sex.value[1])
    assert gap.std_error[0] ** 2 == pytest.approx(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert abs(covariance[0, 1]) > 1e-4
    assert gap.labels.to_dict("records") == [{"term": "women less men"}]
    assert gap.interval_method == "wald"


def test_difference_with_itself_is_exactly_nothing(by_sex: cs.Estimate) -> None:
    nothing = cs.difference(by_sex, by_sex)
    assert nothing.value.tolist() == [0.0, 0.0]
    assert nothing.std_error.tolist() == [0.0, 0.0]


def test_a_contrast_takes_the_df_of_the_union_of_its_domains(survey: cs.Survey) -> None:
    # Each stratum alone has 2 clusters and 1 df, both together 4 clusters and 2.
    strata = cs.prevalence(survey.observed("cramps"), "cramps == 1", by=["stratum"])
    gap = cs.difference(strata.where("stratum == 1"), strata.where("stratum == 2"))
    assert (strata.df.tolist(), gap.df.tolist()) == ([1.0, 1.0], [2.0])


def test_labels_of_contrasts_say_what_differs(survey: cs.Survey) -> None:
    both = cs.prevalence(survey, "age_years >= 40", by=["sex", "stratum"])
    gap = cs.difference(both.where("sex == 'f'"), both.where("sex == 'm'"))
    assert gap.labels["term"].tolist() == ["(age_years >= 40, f) − (age_years >= 40, m)"] * 2
    assert gap.labels["stratum"].tolist() == [1, 2]
    times = cs.ratio(both.where("sex == 'f'"), cs.prevalence(survey, "age_years >= 30"))
    assert times.labels["term"].tolist() == [
        "(age_years >= 40, f, 1) / (age_years >= 30)",
        "(age_years >= 40, f, 2) / (age_years >= 30)",
    ]


def test_n_of_a_contrast_is_that_of_its_smallest_part(by_sex: cs.Estimate) -> None:
    assert cs.difference(by_sex.where("sex == 'f'"), by_sex.where("sex == 'm'")).n.tolist() == [5.0]


def test_one_against_many(by_sex: cs.Estimate, survey: cs.Survey) -> None:
    everybody = cs.prevalence(survey.observed("cramps"), "cramps == 1")
    assert_allclose(cs.difference(by_sex, everybody).value, by_sex.value - everybody.value)
    assert_allclose(cs.difference(everybody, by_sex).value, everybody.value - by_sex.value)


def test_two_against_three_is_refused(by_sex: cs.Estimate) -> None:
    three = stacked([by_sex, by_sex.where("sex == 'f'")])
    with pytest.raises(CrampstatsError, match="2 and 3 estimates cannot be paired"):
        cs.difference(by_sex, three)


def test_ratio_by_the_delta_method(by_sex: cs.Estimate) -> None:
    women, men = by_sex.value
    variance = by_sex.covariance
    slopes = np.array([1 / men, -women / men**2])
    times = cs.ratio(by_sex.where("sex == 'f'"), by_sex.where("sex == 'm'"))
    assert times.value[0] == pytest.approx(women / men)
    assert times.std_error[0] ** 2 == pytest.approx(slopes @ variance @ slopes)
    assert times.interval_method == "log"


def test_ratio_to_nothing_is_refused(survey: cs.Survey) -> None:
    nobody, somebody = (cs.prevalence(survey, question) for question in ("age_years > 200", "age_years > 40"))
    with pytest.raises(CrampstatsError, match="denominator that is not 0"):
        cs.ratio(somebody, nobody)
    zero = cs.ratio(nobody, somebody)
    assert (zero.value[0], zero.interval_method) == (0.0, "wald")


def test_log_of_a_ratio_is_the_difference_of_logs(by_sex: cs.Estimate) -> None:
    women, men = by_sex.where("sex == 'f'"), by_sex.where("sex == 'm'")
    one = cs.transform(cs.ratio(women, men), np.log)
    other = cs.difference(cs.transform(women, np.log), cs.transform(men, np.log))
    assert_allclose([one.value, one.std_error], [other.value, other.std_error], rtol=1e-8)


def test_weighted_sum(by_sex: cs.Estimate) -> None:
    weights = np.array([0.25, 0.75])
    total = cs.weighted_sum(by_sex, weights, label="mixed")
    assert total.value[0] == pytest.approx(weights @ by_sex.value)
    assert total.std_error[0] ** 2 == pytest.approx(weights @ by_sex.covariance @ weights)
    assert total.labels["term"].tolist() == ["mixed"]


@pytest.mark.parametrize("weights", [[1.0], [1.0, np.nan], [[0.5, 0.5]]])
def test_weighted_sum_needs_a_weight_for_each(by_sex: cs.Estimate, weights: list) -> None:
    with pytest.raises(CrampstatsError, match="weights has to hold 2 finite numbers"):
        cs.weighted_sum(by_sex, np.array(weights), label="mixed")


def test_weighted_sum_of_nothing_but_zeros_is_refused(by_sex: cs.Estimate) -> None:
    with pytest.raises(CrampstatsError, match="not all of them 0"):
        cs.weighted_sum(by_sex, np.zeros(2), label="nothing")


def test_transform_to_fewer(by_sex: cs.Estimate) -> None:
    product = cs.transform(by_sex, lambda p: np.array([p[0] * p[1]]), label="product")
    slopes = by_sex.value[::-1]
    assert product.value[0] == pytest.approx(by_sex.value.prod())
    assert product.std_error[0] ** 2 == pytest.approx(slopes @ by_sex.covariance @ slopes, rel=1e-8)
    with pytest.raises(CrampstatsError, match="2 estimates became 1; give them a label"):
        cs.transform(by_sex, lambda p: np.array([p.sum()]))


def test_transform_without_a_finite_slope_is_refused(survey: cs.Survey) -> None:
    nobody = cs.prevalence(survey, "age_years > 200")
    with pytest.raises(CrampstatsError, match="no finite value or slope"):
        cs.transform(nobody, np.log)


def test_estimates_of_surveys_that_only_look_equal_are_not_combined(people: pd.DataFrame) -> None:
    one, other = (cs.prevalence(cs.Survey(people, **NESTED), "age_years > 40") for _ in range(2))
    with pytest.raises(DesignError, match="do not share a design"):
        cs.difference(one, other)


def test_independent_surveys_add_their_variances(by_sex: cs.Estimate, elsewhere: cs.Estimate) -> None:
    gap = cs.difference(by_sex, elsewhere, samples="independent")
    assert_allclose(gap.std_error**2, by_sex.std_error**2 + elsewhere.std_error**2, rtol=1e-12)
    assert len(gap.components) == 2
    assert gap.source == "survey [observed cramps] and elsewhere"


def test_satterthwaite_degrees_of_freedom(by_sex: cs.Estimate, elsewhere: cs.Estimate) -> None:
    gap = cs.difference(by_sex, elsewhere, samples="independent")
    one, other = by_sex.std_error**2, elsewhere.std_error**2
    assert_allclose(gap.df, (one + other) ** 2 / (one**2 / by_sex.df + other**2 / elsewhere.df), rtol=1e-12)


def test_contrast_of_contrasts_over_two_surveys(by_sex: cs.Estimate, elsewhere: cs.Estimate) -> None:
    women, men = ([each.where(f"sex == '{sex}'") for each in (by_sex, elsewhere)] for sex in "fm")
    one = cs.difference(
        cs.difference(*women, samples="independent", label="women"),
        cs.difference(*men, samples="independent", label="men"),
    )
    gaps = [cs.difference(woman, man, label="gap") for woman, man in zip(women, men, strict=True)]
    other = cs.difference(*gaps, samples="independent")
    assert_allclose([one.value, one.std_error], [other.value, other.std_error], rtol=1e-12)


def test_the_same_survey_is_not_independent_of_itself(by_sex: cs.Estimate) -> None:
    with pytest.raises(DesignError, match="come from the same survey"):
        cs.difference(by_sex, by_sex, samples="independent")
    with pytest.raises(DesignError, match="samples='other' is unknown: choose from same, independent"):
        cs.difference(by_sex, by_sex, samples="other")


def test_an_interval_for_proportions_is_refused_to_a_difference_below_0(by_sex: cs.Estimate) -> None:
    gap = cs.difference(by_sex.where("sex == 'f'"), by_sex.where("sex == 'm'"))
    assert gap.value[0] < 0
    with pytest.raises(IntervalError, match="is for proportions"):
        gap.interval(method="korn_graubard")


def test_only_estimates_are_compared(by_sex: cs.Estimate) -> None:
    with pytest.raises(CrampstatsError, match="'sex' is no Estimate"):
        cs.difference(by_sex, "sex")


def test_a_model_spends_only_the_degrees_of_its_own_survey(elsewhere: cs.Estimate) -> None:
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"low": rng.integers(0, 2, 60), "x": rng.normal(size=60), "z": rng.normal(size=60)})
    model = cs.fit(cs.Survey(table, name="model"), "low ~ x + z", family="binomial")
    mean = cs.g_formula(model, {"x": 0.0})
    gap = cs.difference(mean, elsewhere.where("sex == 'f'"), samples="independent")
    one, other = mean.std_error**2, elsewhere.where("sex == 'f'").std_error ** 2
    expected = (one + other) ** 2 / (one**2 / (59 + 1 - 3) + other**2 / elsewhere.df[0])
    assert_allclose(gap.df, expected, rtol=1e-12)


def test_stacked_surveys_keep_their_own_degrees_of_freedom(by_sex: cs.Estimate, elsewhere: cs.Estimate) -> None:
    both = stacked([by_sex, elsewhere], samples="independent")
    assert both.df.tolist() == [*by_sex.df, *elsewhere.df]
    assert_allclose(
        both.interval(method="wald").low, [*by_sex.interval(method="wald").low, *elsewhere.interval(method="wald").low]
    )


def test_pairs_that_differ_in_two_things_are_refused(survey: cs.Survey) -> None:
    cells = cs.prevalence(survey, "age_years >= 40", by=["sex", "stratum"])
    women, crossed = (
        cells.where("sex == 'f'"),
        stacked([cells.where("sex == 'm' and stratum == 2"), cells.where("sex == 'm' and stratum == 1")]),
    )
    with pytest.raises(CrampstatsError, match="differs in sex and stratum: estimates are paired in their order"):
        cs.difference(women, crossed, label="women less men")
    assert len(cs.difference(women.where("stratum == 1"), crossed.where("stratum == 2"), label="asked for")) == 1


def test_many_against_one_keep_their_columns(survey: cs.Survey) -> None:
    cells = cs.prevalence(survey, "age_years >= 40", by=["sex", "stratum"])
    gaps = cs.difference(cells, cells.where("sex == 'f' and stratum == 1"), label="against women of 1")
    assert gaps.labels.to_numpy().tolist() == [
        ["against women of 1", sex, stratum] for sex in "fm" for stratum in (1, 2)
    ]


@pytest.mark.parametrize("name", ["n", "estimate", "conf_low", "note"])
def test_labels_do_not_take_the_names_of_results(by_sex: cs.Estimate, name: str) -> None:
    with pytest.raises(QuestionError, match=f"'{name}' is a column of every result"):
        cs.Estimate(
            by_sex.labels.rename(columns={"sex": name}), by_sex.value, by_sex.components, by_sex.n, "wald", "survey"
        )


def test_interval_methods_are_checked_where_they_are_given(survey: cs.Survey, by_sex: cs.Estimate) -> None:
    for asked in (
        lambda: cs.prevalence(survey, "age_years > 40", interval_method="logitt"),
        lambda: cs.transform(by_sex, np.log, interval_method="logitt"),
        lambda: cs.weighted_sum(by_sex, np.ones(2), label="sum", interval_method="logitt"),
    ):
        with pytest.raises(IntervalError, match="method='logitt' is unknown"):
            asked()
