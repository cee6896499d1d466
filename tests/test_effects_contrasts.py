"""Contrasts, average marginal effects, exposure curves and interactions: by hand and by what has to be equal."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import crampstats as cs
from crampstats import intervals
from crampstats.effects import comparison, contrast, exposure_curve, interaction, marginal_effect
from crampstats.errors import CrampstatsError, QuestionError


def frame(n: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(11)
    data = pd.DataFrame(
        {"old": rng.integers(0, 2, n), "weight": rng.gamma(4, 50, n), "cluster": np.repeat(np.arange(30), n // 30)}
    )
    data["age_years"] = 30 + 30 * data["old"] + rng.integers(0, 25, n)
    data["drug"] = (rng.random(n) < 0.2 + 0.4 * data["old"]).astype(int)
    data["low"] = (rng.random(n) < 0.1 + 0.2 * data["old"] + 0.15 * data["drug"]).astype(int)
    data["place"] = rng.choice(["hills", "land", "town"], n)
    return data


SURVEY = cs.Survey(frame(), weight="weight", cluster="cluster")


def both(estimate: cs.Estimate) -> list[np.ndarray]:
    return [estimate.value, estimate.std_error]


def test_contrasts_are_those_of_two_means() -> None:
    model = cs.fit(SURVEY, "low ~ drug + old", family="binomial")
    first, second = cs.g_formula(model, {"drug": 1}), cs.g_formula(model, {"drug": 0})
    assert_allclose(both(contrast(model, "drug")), both(cs.difference(first, second)), rtol=1e-12)
    assert_allclose(both(contrast(model, "drug", measure="ratio")), both(cs.ratio(first, second)), rtol=1e-12)
    odds = contrast(model, "drug", measure="odds_ratio")
    by_hand = first.value / (1 - first.value) / (second.value / (1 - second.value))
    assert odds.value == pytest.approx(by_hand, rel=1e-12)
    assert odds.interval_method == "log"
    assert contrast(model, "drug").labels["term"].tolist() == ["difference of low: drug = 1 against 0"]


def test_the_odds_ratio_of_a_model_of_the_exposure_alone_is_its_coefficient() -> None:
    model = cs.fit(SURVEY, "low ~ drug", family="binomial")
    assert_allclose(both(contrast(model, "drug", measure="odds_ratio")), both(model.odds_ratios()), rtol=1e-9)


def test_the_ratio_under_a_log_link_is_its_coefficient() -> None:
    model = cs.fit(SURVEY, "low ~ drug + C(place) + old", family="poisson")
    ours = contrast(model, "drug", measure="ratio")
    assert_allclose(both(ours), both(model.prevalence_ratios().where("term == 'drug'")), rtol=1e-9)


def test_contrasts_by_groups_are_those_of_each() -> None:
    model = cs.fit(SURVEY, "low ~ drug * old", family="binomial")
    grouped = contrast(model, "drug", measure="ratio", by=["old"])
    assert grouped.labels["old"].tolist() == [0, 1]
    for old in (0, 1):
        alone = contrast(model, "drug", measure="ratio", among=f"old == {old}")
        crude = cs.fit(SURVEY.where(f"old == {old}"), "low ~ drug", family="poisson").prevalence_ratios()
        one = grouped.where(f"old == {old}")
        assert_allclose(both(one), both(alone), rtol=1e-10)
        assert_allclose(both(one), both(crude), rtol=1e-9)


def test_what_a_contrast_refuses() -> None:
    model = cs.fit(SURVEY, "age_years ~ drug + old", family="gaussian")
    with pytest.raises(CrampstatsError, match="measure='rr' is unknown: choose from difference, ratio, odds_ratio"):
        contrast(model, "drug", measure="rr")
    for values in ((1, 1), (1,), 1, "10"):
        with pytest.raises(CrampstatsError, match="has to hold two different values"):
            contrast(model, "drug", values=values)
    with pytest.raises(CrampstatsError, match="needs means between 0 and 1"):
        contrast(model, "drug", measure="odds_ratio")
    with pytest.raises(
        QuestionError, match="has to be a dict of columns of the model and their values; the columns are drug, old"
    ):
        contrast(model, "place")


def test_a_comparison_has_both_scales() -> None:
    model = cs.fit(SURVEY, "low ~ drug + place", family="binomial")
    table = comparison(model, "place").to_frame()
    assert table["measure"].tolist() == ["mean"] * 3 + ["difference"] * 2 + ["ratio"] * 2
    assert table["term"].tolist()[3:5] == ["place = land against hills", "place = town against hills"]
    for level, rows in (("land", (3, 5)), ("town", (4, 6))):
        for row, measure in zip(rows, ("difference", "ratio"), strict=True):
            one = contrast(model, "place", values=(level, "hills"), measure=measure).to_frame().iloc[0]
            columns = ["estimate", "std_error", "conf_low", "conf_high", "n"]
            assert_allclose(table.loc[row, columns].astype(float), one[columns].astype(float), rtol=1e-12)
    by_age = comparison(cs.fit(SURVEY, "low ~ age_years", family="binomial"), "age_years", values=[30, 60], by=["old"])
    assert len(by_age) == 4 + 2 + 2
    assert "Comparison in survey" in repr(by_age)
    assert "<table" in by_age._repr_html_()


def test_what_a_comparison_refuses() -> None:
    model = cs.fit(SURVEY, "low ~ age_years + drug", family="binomial")
    with pytest.raises(QuestionError, match=r"'age_years' is a number: say at which values it is compared"):
        comparison(model, "age_years")
    with pytest.raises(CrampstatsError, match=r"values=\[1, 1\] have to be two or more different ones"):
        comparison(model, "drug", values=[1, 1])
    with pytest.raises(QuestionError, match=r"'place' is no column of the model; its columns are age_years, drug"):
        comparison(model, "place")


# Average marginal effects.


def test_the_slope_of_a_line_is_its_coefficient() -> None:
    model = cs.fit(SURVEY, "low ~ age_years + drug", family="gaussian")
    slope = model.coefficients.where("term == 'age_years'")
    assert_allclose(both(marginal_effect(model, "age_years")), both(slope), rtol=1e-9)


def test_the_slope_of_a_curve_is_its_derivative() -> None:
    model = cs.fit(SURVEY, "low ~ poly(age_years, degree=2, raw=True) * drug", family="gaussian")
    b = dict(zip(model.terms, model.coefficients.value, strict=True))
    data = SURVEY.data
    linear, square = (f"poly(age_years, degree=2, raw=True)[{power}]" for power in (0, 1))
    by_hand = (
        b[linear]
        + 2 * b[square] * data["age_years"]
        + data["drug"] * (b[f"{linear}:drug"] + 2 * b[f"{square}:drug"] * data["age_years"])
    )
    found = marginal_effect(model, "age_years", by=["drug"])
    for drug in (0, 1):
        inside = data["drug"] == drug
        expected = np.average(by_hand[inside], weights=data["weight"][inside])
        assert found.where(f"drug == {drug}").value[0] == pytest.approx(expected, rel=1e-8)


def test_the_slope_on_a_logistic_scale_is_analytic() -> None:
    model = cs.fit(SURVEY, "low ~ age_years + drug", family="binomial")
    risk, weight = model.means_at(SURVEY.data)[0], SURVEY.data["weight"]
    slope = model.coefficients.value[list(model.terms).index("age_years")]
    found = marginal_effect(model, "age_years")
    assert found.value[0] == pytest.approx(np.average(slope * risk * (1 - risk), weights=weight), rel=1e-10)
    assert found.labels["term"].tolist() == ["slope of low on age_years"]


def test_levels_have_contrasts_instead_of_slopes() -> None:
    model = cs.fit(SURVEY, "low ~ drug + place", family="binomial")
    assert_allclose(both(marginal_effect(model, "drug")), both(contrast(model, "drug")), rtol=1e-12)
    places = marginal_effect(model, "place", reference="town")
    assert places.labels["term"].tolist() == ["place = hills against town", "place = land against town"]
    hills = contrast(model, "place", values=("hills", "town"))
    assert_allclose([places.value[0], places.std_error[0]], np.ravel(both(hills)), rtol=1e-12)
    numbers = cs.Survey(frame().assign(code=frame()["place"].map({"hills": 1, "land": 2, "town": 3})), weight="weight")
    coded = marginal_effect(cs.fit(numbers, "low ~ drug + C(code)", family="binomial"), "code")
    plain = marginal_effect(cs.fit(numbers, "low ~ drug + place", family="binomial"), "place")
    assert_allclose(both(coded), both(plain), rtol=1e-9)
    ordered = numbers.data.assign(
        place=pd.Categorical(numbers.data["place"], ["sea", "town", "land", "hills"], ordered=True)
    )
    first = marginal_effect(cs.fit(cs.Survey(ordered, weight="weight"), "low ~ place", family="binomial"), "place")
    assert first.labels["term"].tolist() == ["place = land against town", "place = hills against town"]


def test_what_a_marginal_effect_refuses() -> None:
    model = cs.fit(SURVEY, "low ~ age_years + place", family="binomial")
    with pytest.raises(QuestionError, match="reference='sea' is no level of 'place'"):
        marginal_effect(model, "place", reference="sea")
    with pytest.raises(QuestionError, match="reference=30: 'age_years' is a number, and has a slope instead"):
        marginal_effect(model, "age_years", reference=30)
    spline = cs.fit(SURVEY, "low ~ bs(age_years, df=4)", family="binomial")
    with pytest.raises(QuestionError, match=r"beyond the values of 'age_years' \(in bs\(\) say extrapolation='extend'"):
        marginal_effect(spline, "age_years")
    extended = cs.fit(SURVEY, "low ~ bs(age_years, df=4, extrapolation='extend')", family="binomial")
    near = [
        extended.means_at(SURVEY.data.assign(age_years=SURVEY.data["age_years"] + step))[0] for step in (1e-4, -1e-4)
    ]
    expected = np.average((near[0] - near[1]) / 2e-4, weights=SURVEY.data["weight"])
    assert marginal_effect(extended, "age_years").value[0] == pytest.approx(expected, rel=1e-6)  # a difference of two


# Curves.


def test_a_curve_is_the_means_at_its_values() -> None:
    model = cs.fit(SURVEY, "low ~ rcs(age_years, 4) + drug", family="binomial")
    curve = exposure_curve(model, "age_years", values=[35, 50, 65, 90])
    means = [cs.g_formula(model, {"age_years": value}) for value in (35, 50, 65, 90)]
    assert_allclose(curve.estimate.value, [mean.value[0] for mean in means], rtol=1e-12)
    assert_allclose(curve.estimate.std_error, [mean.std_error[0] for mean in means], rtol=1e-10)
    assert curve.estimate.labels["age_years"].tolist() == [35, 50, 65, 90]
    table = curve.to_frame()
    assert table["note"].tolist() == ["", "", "", "beyond the observed 30 to 84"]
    quantile = intervals.max_t_quantile(curve.estimate.covariance, float(curve.estimate.df[0]))
    centre = np.log(table["estimate"] / (1 - table["estimate"]))
    reach = quantile * table["std_error"] / (table["estimate"] * (1 - table["estimate"]))
    assert_allclose(table["band_low"], 1 / (1 + np.exp(-(centre - reach))), rtol=1e-9)
    assert_allclose(table["band_high"], 1 / (1 + np.exp(-(centre + reach))), rtol=1e-9)
    assert (table["band_low"] < table["conf_low"]).all()
    assert "ExposureCurve of age_years in survey" in repr(curve)


@pytest.mark.parametrize("measure", ["difference", "ratio", "odds_ratio"])
def test_a_curve_against_a_value_is_contrasts_with_it(measure: str) -> None:
    model = cs.fit(SURVEY, "low ~ age_years * drug", family="binomial")
    curve = exposure_curve(model, "age_years", values=[35, 50, 65], measure=measure, reference=50, by=["old"])
    for value in (35, 65):
        one = contrast(model, "age_years", values=(value, 50), measure=measure, by=["old"])
        assert_allclose(both(curve.estimate.where(f"age_years == {value}")), both(one), rtol=1e-10)
    at_reference = curve.estimate.where("age_years == 50")
    assert_allclose(at_reference.value, 0.0 if measure == "difference" else 1.0, atol=1e-14)
    assert_allclose(at_reference.std_error, 0.0, atol=1e-15)
    single = exposure_curve(model, "age_years", values=[35, 65], measure=measure, reference=50)
    assert_allclose(
        single.estimate.value,
        [contrast(model, "age_years", values=(v, 50), measure=measure).value[0] for v in (35, 65)],
    )
    assert "against 50" in repr(single)


def test_what_a_curve_refuses() -> None:
    model = cs.fit(SURVEY, "low ~ age_years + place", family="binomial")
    with pytest.raises(QuestionError, match=r"'place' is a column of levels, and has no curve"):
        exposure_curve(model, "place", values=[1, 2])
    for values in ([2, 1], [], [1, np.nan]):
        with pytest.raises(CrampstatsError, match="have to be numbers that ascend"):
            exposure_curve(model, "age_years", values=values)
    for measure, reference in (("mean", 50), ("ratio", None), ("ratio", "50")):
        with pytest.raises(CrampstatsError, match="a mean is compared with nothing"):
            exposure_curve(model, "age_years", values=[30, 40], measure=measure, reference=reference)
    with pytest.raises(CrampstatsError, match="measure='slope' is unknown: choose from mean, difference"):
        exposure_curve(model, "age_years", values=[30, 40], measure="slope")


# Interaction.


def test_an_interaction_of_four_cells_by_hand() -> None:
    model = cs.fit(SURVEY, "low ~ drug * old", family="binomial")
    cells = cs.prevalence(SURVEY, "low == 1", by=["drug", "old"])
    m00, m01, m10, m11 = cells.value
    joint = interaction(model, "drug", "old")
    assert_allclose(joint.means.value, [m11, m10, m01, m00], rtol=1e-10)
    measures = {
        "contrast": lambda m: m[3] - m[2] - m[1] + m[0],
        "excess_ratio": lambda m: m[3] / m[0] - m[2] / m[0] - m[1] / m[0] + 1,
        "attributable_proportion": lambda m: (m[3] / m[0] - m[2] / m[0] - m[1] / m[0] + 1) / (m[3] / m[0]),
        "synergy_index": lambda m: (m[3] / m[0] - 1) / (m[2] / m[0] + m[1] / m[0] - 2),
        "ratio": lambda m: (m[3] / m[0]) / (m[2] / m[0] * m[1] / m[0]),
    }
    for name, measure in measures.items():
        expected = cs.transform(cells, lambda m, measure=measure: np.array([measure(m)]), label=name)
        assert_allclose(both(getattr(joint, name)), both(expected), rtol=1e-7, err_msg=name)  # numerical slopes
    table = joint.to_frame()
    assert table["term"].tolist()[4:] == [
        "interaction contrast", "RERI", "attributable proportion", "synergy index", "ratio of ratios",
    ]  # fmt: skip
    limits = joint.synergy_index.interval()
    assert limits.low * limits.high == pytest.approx(joint.synergy_index.value**2, rel=1e-9)
    assert "Interaction of drug and old in survey" in repr(joint)


def test_a_model_without_product_presupposes_its_own_scale() -> None:
    added = interaction(cs.fit(SURVEY, "low ~ drug + old", family="gaussian"), "drug", "old")
    assert added.contrast.value[0] == pytest.approx(0, abs=1e-12)
    assert added.synergy_index.value[0] == pytest.approx(1, rel=1e-10)
    multiplied = interaction(cs.fit(SURVEY, "low ~ drug + old", family="poisson"), "drug", "old")
    assert multiplied.ratio.value[0] == pytest.approx(1, rel=1e-10)
    assert multiplied.contrast.value[0] > 0.01


def test_no_synergy_index_where_signs_differ() -> None:
    table = pd.DataFrame({"drug": [0, 0, 1, 1] * 2, "old": [0, 1] * 4, "low": [1] * 4 + [0] * 4})
    survey = cs.Survey(table.assign(n=[30, 20, 20, 40, 70, 80, 80, 60]), count="n")
    joint = interaction(cs.fit(survey, "low ~ drug * old", family="binomial"), "drug", "old")
    with pytest.raises(
        CrampstatsError, match=r"synergy_index: the joint excess RR11 − 1 is 0\.333 and the sum of both -0\.667"
    ):
        _ = joint.synergy_index
    shown = joint.to_frame().set_index("term")
    assert "synergy index" not in shown.index
    assert shown.loc["RERI", "note"].startswith("synergy_index: the joint excess")
    assert shown.loc["RERI", "estimate"] == pytest.approx(0.4 / 0.3 - 2 * 0.2 / 0.3 + 1, rel=1e-9)


def test_what_an_interaction_refuses() -> None:
    model = cs.fit(SURVEY, "low ~ drug * old", family="binomial")
    with pytest.raises(QuestionError, match="first and second are both 'drug'"):
        interaction(model, "drug", "drug")
    for values in (((1, 0),), (1, 0), "1010", ((1, 0), (1,))):
        with pytest.raises(CrampstatsError, match="has to hold exposed and reference of either exposure"):
            interaction(model, "drug", "old", values=values)
    line = cs.fit(SURVEY.define(less="low - 1"), "less ~ drug * old", family="gaussian")
    with pytest.raises(CrampstatsError, match="ratios need positive means"):
        interaction(line, "drug", "old")


# What may not matter.


@given(factor=st.floats(0.01, 100), seed=st.integers(0, 1000))
def test_neither_the_unit_of_weights_nor_the_order_of_rows_matters(factor: float, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(SURVEY))
    data = SURVEY.data.iloc[order].assign(weight=lambda rows: rows["weight"] * factor).reset_index(drop=True)
    other = cs.Survey(data, weight="weight", cluster="cluster")
    for asked in ("low ~ drug * old",):
        first, second = (cs.fit(survey, asked, family="binomial") for survey in (SURVEY, other))
        assert_allclose(
            both(contrast(first, "drug", measure="ratio")), both(contrast(second, "drug", measure="ratio")), rtol=1e-9
        )


def test_rows_may_be_counted_or_split() -> None:
    model = cs.fit(SURVEY, "low ~ drug + old", family="binomial")
    half = pd.concat([SURVEY.data, SURVEY.data]).assign(weight=lambda rows: rows["weight"] / 2)
    split = cs.Survey(half.reset_index(drop=True), weight="weight", cluster="cluster")
    counted = SURVEY.tabulate(["low", "drug", "old"])
    for survey in (split, counted):
        same = cs.fit(survey, "low ~ drug + old", family="binomial")
        assert_allclose(both(contrast(same, "drug")), both(contrast(model, "drug")), rtol=1e-9)
    assert contrast(cs.fit(counted, "low ~ drug", family="binomial"), "drug").n.tolist() == [600]


# Models of counts and classes give their means in their own way.


def counted() -> cs.Survey:
    rng = np.random.default_rng(15)
    data = frame(900).assign(years=rng.uniform(0.5, 3, 900))
    mean = data["years"] * np.exp(-0.5 + 0.4 * data["drug"] + 0.3 * data["old"])
    data["falls"] = rng.poisson(mean * rng.gamma(1.5, 1 / 1.5, 900))
    return cs.Survey(data, weight="weight", cluster="cluster")


def test_counts_with_extra_variance_and_zeros() -> None:
    survey = counted()
    model = cs.fit(survey, "falls ~ drug + old", family="negative_binomial")
    ours = contrast(model, "drug", measure="ratio")
    expected = model.rate_ratios().where("term == 'drug'")
    assert_allclose(both(ours), both(expected), rtol=1e-9)
    hurdle = cs.fit(survey, "falls ~ drug", family="hurdle_poisson", zero="drug + old")
    means = hurdle.means_at(survey.data.assign(old=1))[0]
    # A column of the zero part alone can be set, too.
    assert cs.g_formula(hurdle, {"old": 1}).value[0] == pytest.approx(
        np.average(means, weights=survey.data["weight"]), rel=1e-12
    )


def test_time_at_risk_can_be_set() -> None:
    survey = counted()
    model = cs.fit(survey, "falls ~ drug + old", family="poisson", exposure="years")
    year, two = cs.g_formula(model, {"years": 1}), cs.g_formula(model, {"years": 2})
    assert_allclose(both(two), [2 * each for each in both(year)], rtol=1e-9)
    assert_allclose(
        both(contrast(model, "drug", measure="ratio", among="years > 1")),
        both(model.rate_ratios().where("term == 'drug'")),
        rtol=1e-9,
    )


def test_classes_have_no_mean() -> None:
    survey = cs.Survey(
        frame().assign(cramp_class=lambda rows: rows["low"] + rows["old"]), weight="weight", cluster="cluster"
    )
    model = cs.fit(survey, "cramp_class ~ drug", family="ordinal")
    with pytest.raises(QuestionError, match="classes in order, which have no mean"):
        cs.g_formula(model, {"drug": 1})


def test_a_slope_among_people_of_one_value_is_theirs() -> None:
    # The step is one of the whole domain's spread: these people have none.
    data = frame()
    data["beyond_60"] = np.maximum(data["age_years"] - 60, 0)
    model = cs.fit(cs.Survey(data), "low ~ beyond_60", family="binomial")
    chance = model.predict(pd.DataFrame({"beyond_60": [0]})).value[0]
    slope = model.coefficients.value[1] * chance * (1 - chance)
    found = marginal_effect(model, "beyond_60", among="beyond_60 == 0")
    assert found.value[0] == pytest.approx(slope, rel=1e-7)  # by differences


def test_results_need_names_of_their_own() -> None:
    model = cs.fit(cs.Survey(frame().assign(measure=1)), "low ~ drug + age_years", family="binomial")
    with pytest.raises(QuestionError, match="by: 'measure' is a column of the result"):
        comparison(model, "drug", by=["measure"])
    with pytest.raises(QuestionError, match="by: 'age_years' is a column of the result"):
        exposure_curve(model, "age_years", values=[40, 50], by=["age_years"])


def test_exposed_and_reference_differ() -> None:
    model = cs.fit(SURVEY, "low ~ drug + old", family="binomial")
    with pytest.raises(CrampstatsError, match="exposed and reference have to differ"):
        interaction(model, "drug", "old", values=((1, 1), (1, 0)))
    with pytest.raises(CrampstatsError, match="values='01' have to be two or more"):
        comparison(model, "drug", values="01")
