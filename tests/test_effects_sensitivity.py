"""E-values and misclassified exposures: published examples, tables made wrong on purpose, and errors by other ways."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import crampstats as cs
from crampstats.effects import e_value, misclassification_grid, misclassified_exposure, probabilistic_bias
from crampstats.errors import CrampstatsError, QuestionError
from crampstats.estimates import stacked

# VanderWeele TJ, Ding P, Ann Intern Med 2017;167:268-274: maternal smoking, breast-feeding, the weights of common outcomes.


def test_e_values_of_the_paper() -> None:
    found = e_value(3.9, low=1.8, high=8.7, measure="risk_ratio")
    assert [found.point[0], found.limit[0]] == pytest.approx([7.26, 3.0], abs=0.005)  # printed to two digits
    below = e_value(0.8, low=0.71, high=0.91, measure="risk_ratio")
    assert [below.point[0], below.limit[0]] == pytest.approx([1.81, 1.43], abs=0.005)


@given(ratio=st.floats(1.01, 50))
def test_a_ratio_and_its_inverse_have_one_e_value(ratio: float) -> None:
    over, under = (e_value(each, measure="rate_ratio").point[0] for each in (ratio, 1 / ratio))
    assert over == pytest.approx(under, rel=1e-9)
    # A confounder as strong with both explains exactly this ratio: Ding and VanderWeele's bounding factor.
    assert over**2 / (2 * over - 1) == pytest.approx(ratio, rel=1e-9)


def test_limits_that_hold_1_need_no_confounder() -> None:
    assert e_value(1.2, low=0.9, high=1.6, measure="risk_ratio").limit.tolist() == [1.0]
    assert e_value(0.8, low=0.6, high=1.1, measure="risk_ratio").limit.tolist() == [1.0]
    assert e_value(1.0, low=1.0, high=1.0, measure="risk_ratio").point.tolist() == [1.0]
    alone = e_value(2.0, measure="risk_ratio")
    assert alone.to_frame()["note"].tolist() == ["no limits"]
    assert np.isnan(alone.limit).all()


def test_common_outcomes_are_turned_into_risk_ratios() -> None:
    odds = e_value(4.0, low=2.25, high=9.0, measure="odds_ratio", outcome="common")
    assert [odds.ratio[0], odds.low[0], odds.high[0]] == pytest.approx([2.0, 1.5, 3.0], rel=1e-12)
    assert odds.to_frame()["note"].tolist() == ["common outcome: the odds ratio as a risk ratio"]
    hazard = e_value(0.5, measure="hazard_ratio", outcome="common")
    assert hazard.ratio[0] == pytest.approx((1 - 0.5**0.5**0.5) / (1 - 0.5**2**0.5), rel=1e-12)
    rare = e_value(0.5, measure="hazard_ratio", outcome="rare")
    assert rare.ratio[0] == 0.5


def test_e_values_of_estimates() -> None:
    cramps = cs.datasets.nhanes_cramps().observed("cramp_class").define(frequent="cramp_class >= 3")
    ratios = cs.fit(cramps, "frequent ~ sex + age_group", family="poisson").prevalence_ratios()
    found = e_value(ratios, measure="prevalence_ratio")
    assert len(found) == 3
    limits = ratios.interval()
    each = [
        e_value(*numbers[:1], low=numbers[1], high=numbers[2], measure="prevalence_ratio")
        for numbers in zip(ratios.value, limits.low, limits.high, strict=True)
    ]
    assert_allclose(found.point, [one.point[0] for one in each], rtol=1e-14)
    assert_allclose(found.limit, [one.limit[0] for one in each], rtol=1e-14)
    assert found.to_frame()["term"].tolist() == ratios.labels["term"].tolist()
    wider = e_value(ratios, measure="prevalence_ratio", level=0.99)
    assert (wider.limit < found.limit).all()
    assert "EValues" in repr(found)
    assert "<table" in found._repr_html_()


def test_what_an_e_value_refuses() -> None:
    with pytest.raises(CrampstatsError, match="measure='RR' is unknown: choose from risk_ratio, prevalence_ratio"):
        e_value(2.0, measure="RR")
    with pytest.raises(
        CrampstatsError, match="outcome=None: say of odds ratios whether the outcome is 'rare' or 'common'"
    ):
        e_value(2.0, measure="odds_ratio")
    with pytest.raises(CrampstatsError, match="outcome='rare': of risk ratios it does not matter"):
        e_value(2.0, measure="risk_ratio", outcome="rare")
    for estimate, low, high in ((-1.0, None, None), (2.0, 2.5, 3.0), (2.0, 1.0, 1.5), (0.0, None, None)):
        with pytest.raises(CrampstatsError, match="have to be positive and low <= estimate <= high"):
            e_value(estimate, low=low, high=high, measure="risk_ratio")
    with pytest.raises(CrampstatsError, match="low='1' has to be a number or None"):
        e_value(2.0, low="1", measure="risk_ratio")
    with pytest.raises(CrampstatsError, match="estimate=None has to be a number"):
        e_value(None, measure="risk_ratio")
    prevalence = cs.prevalence(cs.Survey(pd.DataFrame({"x": [0, 1, 1]})), "x == 1")
    with pytest.raises(CrampstatsError, match="low and high are for a number"):
        e_value(prevalence, low=0.1, measure="risk_ratio")


# Misclassified exposures.

TRUE = pd.DataFrame({"ill": [1, 1, 0, 0], "exposed": [1, 0, 1, 0], "n": [120, 80, 300, 500]})
MEASURES = ("difference", "ratio", "odds_ratio")


def misclassified(sensitivity: tuple[float, float], specificity: tuple[float, float]) -> cs.Survey:
    """Return the true table as it would be classified on average, cases first."""
    rows = []
    for ill, sensitive, specific in zip((1, 0), sensitivity, specificity, strict=True):
        here = TRUE[TRUE["ill"] == ill].set_index("exposed")["n"]
        called = here[1] * sensitive + here[0] * (1 - specific)
        rows += [(ill, 1, called), (ill, 0, here.sum() - called)]
    return cs.Survey(pd.DataFrame(rows, columns=["ill", "called", "w"]), weight="w")


def truth(measure: str) -> float:
    first, second = 120 / 420, 80 / 580
    odds = first / (1 - first) / (second / (1 - second))
    return {"difference": first - second, "ratio": first / second, "odds_ratio": odds}[measure]


@pytest.mark.parametrize("measure", MEASURES)
def test_a_table_made_wrong_is_made_right(measure: str) -> None:
    for sensitivity, specificity in (((0.8, 0.8), (0.9, 0.9)), ((0.95, 0.7), (0.8, 0.99))):
        rates = {
            name: {"cases": each[0], "others": each[1]}
            for name, each in (("sensitivity", sensitivity), ("specificity", specificity))
        }
        found = misclassified_exposure(
            misclassified(sensitivity, specificity), "ill == 1", exposure="called == 1", measure=measure, **rates
        )
        assert found.value[1] == pytest.approx(truth(measure), rel=1e-10)
        assert abs(found.value[0] / truth(measure) - 1) > 0.05


def survey() -> cs.Survey:
    rng = np.random.default_rng(14)
    data = pd.DataFrame({"cluster": np.repeat(np.arange(20), 40), "weight": rng.gamma(4, 50, 800)})
    data["called"] = rng.random(800) < 0.3
    data["ill"] = (rng.random(800) < 0.15 + 0.15 * data["called"]).astype(int)
    return cs.Survey(data, weight="weight", cluster="cluster")


def both(estimate: cs.Estimate) -> list[np.ndarray]:
    return [estimate.value, estimate.std_error]


@pytest.mark.parametrize("measure", MEASURES)
def test_a_right_classification_changes_nothing(measure: str) -> None:
    people = survey()
    found = misclassified_exposure(people, "ill", exposure="called", sensitivity=1, specificity=1, measure=measure)
    risks = cs.prevalence(people, "ill == 1", by=["called"])
    first, second = risks.where("called == True"), risks.where("called == False")
    if measure == "odds_ratio":
        expected = cs.fit(people.define(x="called"), "ill ~ x", family="binomial").odds_ratios()
    else:
        expected = (cs.difference if measure == "difference" else cs.ratio)(first, second)
    for row in (0, 1):
        assert_allclose([found.value[row], found.std_error[row]], np.ravel(both(expected)), rtol=1e-8)
    words = measure.replace("_", " ")
    assert found.labels["term"].tolist() == [f"{words}, as classified", f"{words}, corrected"]
    assert found.interval_method == ("wald" if measure == "difference" else "log")


def validation(seed: int, right: float) -> cs.Estimate:
    rng = np.random.default_rng(seed)
    return cs.prevalence(cs.Survey(pd.DataFrame({"right": rng.random(90) < right}), name=f"validation {seed}"), "right")


def corrected_ratio(inputs: np.ndarray) -> np.ndarray:
    """Return the corrected prevalence ratio from shares exposed, the share of cases, and rates, written out in full."""
    among_cases, among_others, ill, sensitivity, specificity = inputs
    true = [(share + specificity - 1) / (sensitivity + specificity - 1) for share in (among_cases, among_others)]
    exposed = true[0] * ill + true[1] * (1 - ill)
    return np.array([(true[0] * ill / exposed) / ((1 - true[0]) * ill / (1 - exposed))])


@pytest.mark.parametrize("shared", ["one study", "two studies"])
def test_the_error_of_a_validation_counts(shared: str) -> None:
    people = survey()
    if shared == "two studies":
        rates = [validation(1, 0.85), validation(2, 0.95)]
        beside = stacked(rates, samples="independent")
    else:
        rng = np.random.default_rng(3)
        data = pd.DataFrame({"true": rng.random(300) < 0.4})
        data["called"] = rng.random(300) < np.where(data["true"], 0.85, 0.05)
        study = cs.Survey(data, name="validation")
        rates = [
            cs.prevalence(study.where("true == True"), "called"),
            cs.prevalence(study.where("true == False"), "not called"),
        ]
        beside = stacked(rates)
    found = misclassified_exposure(people, "ill", exposure="called", sensitivity=rates[0], specificity=rates[1])
    shares = [cs.prevalence(people.where(f"ill == {ill}"), "called") for ill in (1, 0)]
    inputs = stacked([stacked([*shares, cs.prevalence(people, "ill")]), beside], samples="independent")
    expected = cs.transform(inputs, corrected_ratio, label="ratio")
    assert_allclose([found.value[1], found.std_error[1]], np.ravel(both(expected)), rtol=1e-7)  # numerical slopes
    fixed = misclassified_exposure(
        people, "ill", exposure="called", sensitivity=float(rates[0].value[0]), specificity=float(rates[1].value[0])
    )
    assert fixed.value[1] == pytest.approx(found.value[1], rel=1e-12)
    assert fixed.std_error[1] < 0.99 * found.std_error[1]
    assert found.std_error[0] == pytest.approx(fixed.std_error[0], rel=1e-12)


def test_the_design_and_the_domain_count() -> None:
    people = survey()
    found = misclassified_exposure(people, "ill", exposure="called", sensitivity=0.9, specificity=0.9)
    plain = cs.Survey(people.data.drop(columns="cluster"), weight="weight")
    assert found.df[1] == 19
    assert misclassified_exposure(plain, "ill", exposure="called", sensitivity=0.9, specificity=0.9).df[1] == 799
    counted = people.tabulate(["ill", "called"])
    same = misclassified_exposure(counted, "ill", exposure="called", sensitivity=0.9, specificity=0.9)
    assert_allclose(both(same), both(found), rtol=1e-10)
    some = people.where("cluster < 15")
    taken = cs.Survey(
        people.data[people.data["cluster"] < 15].reset_index(drop=True), weight="weight", cluster="cluster"
    )
    first, second = (
        misclassified_exposure(each, "ill", exposure="called", sensitivity=0.9, specificity=0.9)
        for each in (some, taken)
    )
    assert first.value == pytest.approx(second.value, rel=1e-12)


def test_what_a_correction_refuses() -> None:
    people = survey()

    def ask(
        outcome: str = "ill",
        exposure: str = "called",
        sensitivity: object = 0.9,
        specificity: object = 0.9,
        **more: str,
    ) -> None:
        misclassified_exposure(
            people, outcome, exposure=exposure, sensitivity=sensitivity, specificity=specificity, **more
        )

    with pytest.raises(CrampstatsError, match=r"classified as exposed: no true share .* rates between 0.6 .* and 0.9"):
        ask(specificity=0.4 + 0.0, sensitivity=0.9)
    with pytest.raises(CrampstatsError, match=r"sensitivity and specificity add up to 1: above 1 they have to be"):
        ask(sensitivity=0.5, specificity=0.5)
    with pytest.raises(CrampstatsError, match=r"sensitivity=1\.2 has to lie between 0 and 1"):
        ask(sensitivity=1.2)
    with pytest.raises(CrampstatsError, match="specificity='high' has to be a number from 0 to 1, or one Estimate"):
        ask(specificity="high")
    with pytest.raises(CrampstatsError, match=r"has to hold a rate for 'cases' and one for 'others'"):
        ask(sensitivity={"cases": 0.9})
    with pytest.raises(CrampstatsError, match="measure='rr' is unknown: choose from difference, ratio, odds_ratio"):
        ask(measure="rr")
    with pytest.raises(CrampstatsError, match="outcome='weight > 0' is the same for everybody"):
        ask(outcome="weight > 0")
    with pytest.raises(QuestionError, match="has to be a yes/no question"):
        ask(exposure="weight")
    with pytest.raises(CrampstatsError, match="have to come from other people than those of the survey"):
        ask(sensitivity=cs.prevalence(people, "called or ill == 1"))


def test_a_grid_is_each_pair() -> None:
    people = survey()
    grid = misclassification_grid(
        people, "ill", exposure="called", sensitivity=[0.2, 0.8, 1], specificity=[0.85, 1], measure="odds_ratio"
    )
    table = grid.to_frame()
    assert len(table) + len(grid.impossible) == 6
    assert grid.impossible["sensitivity"].tolist() == [0.2, 0.2]
    assert grid.impossible["note"].str.contains("no true share").all()
    for row in table.itertuples():
        one = misclassified_exposure(
            people, "ill", exposure="called", sensitivity=row.sensitivity, specificity=row.specificity, measure="odds_ratio"
        ).to_frame().iloc[1]  # fmt: skip
        assert [row.estimate, row.std_error, row.conf_low] == pytest.approx(
            [one["estimate"], one["std_error"], one["conf_low"]], rel=1e-12
        )
    assert "2 pairs contradict the data" in repr(grid)
    assert "<table" in grid._repr_html_()


def test_what_a_grid_refuses() -> None:
    for rates in ([], [1.2], "0.9", 0.9):
        with pytest.raises(CrampstatsError, match="has to be a list of numbers from 0 to 1"):
            misclassification_grid(survey(), "ill", exposure="called", sensitivity=rates, specificity=[1])
    with pytest.raises(CrampstatsError, match="the data contradict every pair; of the first: "):
        misclassification_grid(survey(), "ill", exposure="called", sensitivity=[0.1], specificity=[0.95])


@pytest.mark.parametrize("measure", MEASURES)
def test_each_draw_of_the_rates_is_corrected(measure: str) -> None:
    people = survey()
    asked = {"exposure": "called", "measure": measure}
    found = probabilistic_bias(people, "ill", sensitivity=(45, 5), specificity=(95, 5), draws=2000, rng=5, **asked)
    for place in (0, 17, 400):
        one = misclassified_exposure(
            people, "ill", sensitivity=found.sensitivity[place], specificity=found.specificity[place], **asked
        )
        assert found.systematic[place] == pytest.approx(one.value[1], rel=1e-10)
    again = probabilistic_bias(people, "ill", sensitivity=(45, 5), specificity=(95, 5), draws=2000, rng=5, **asked)
    np.testing.assert_array_equal(found.total, again.total)
    table = found.to_frame(level=0.9)
    np.testing.assert_allclose(
        table.loc[1, ["conf_low", "conf_high"]].astype(float), np.quantile(found.systematic, [0.05, 0.95])
    )
    plain = misclassified_exposure(people, "ill", sensitivity=1, specificity=1, **asked).to_frame(level=0.9).iloc[0]
    columns = ["estimate", "std_error", "conf_low", "conf_high", "n"]
    np.testing.assert_allclose(table.loc[0, columns].astype(float), plain[columns].astype(float), rtol=1e-10)
    # Beta (45, 5) has mean 0.9 and variance 0.9 * 0.1 / 51.
    assert abs(found.sensitivity.mean() - 0.9) < 4 * np.sqrt(0.9 * 0.1 / 51 / 2000)
    assert "BiasDistribution of 2,000 draws, survey" in repr(found)
    assert "<table" in found._repr_html_()


@pytest.mark.parametrize("measure", ["difference", "ratio"])
def test_rates_that_are_known_leave_the_sampling_error(measure: str) -> None:
    people, sure = survey(), 1e9
    found = probabilistic_bias(
        people, "ill", exposure="called", sensitivity=(0.9 * sure, 0.1 * sure), specificity=(0.95 * sure, 0.05 * sure),
        measure=measure, draws=40_000, rng=6,
    )  # fmt: skip
    fixed = misclassified_exposure(people, "ill", exposure="called", sensitivity=0.9, specificity=0.95, measure=measure)
    np.testing.assert_allclose(found.systematic, fixed.value[1], rtol=1e-3)  # the rates still vary in the fifth digit
    limits = fixed.interval()
    row = found.to_frame().iloc[2]
    # Quantiles of 40,000 draws are good to two hundredths of a standard error.
    assert row["conf_low"] == pytest.approx(limits.low[1], abs=0.06 * fixed.std_error[1])
    assert row["conf_high"] == pytest.approx(limits.high[1], abs=0.06 * fixed.std_error[1])
    assert found.impossible == 0


def test_draws_that_the_data_contradict_are_told() -> None:
    found = probabilistic_bias(
        survey(), "ill", exposure="called", sensitivity=(45, 5), specificity=(8, 2), draws=500, rng=7
    )
    assert 0.05 < found.impossible < 0.5
    assert len(found) == round(500 * (1 - found.impossible))
    notes = found.to_frame()["note"].tolist()
    assert notes[0] == ""
    assert notes[1] == f"{100 * found.impossible:.3g} % of the draws contradict the data"


def test_what_probabilistic_bias_refuses() -> None:
    def ask(sensitivity: object = (45, 5), specificity: object = (95, 5), rng: object = 1, **more: object) -> None:
        probabilistic_bias(
            survey(), "ill", exposure="called", sensitivity=sensitivity, specificity=specificity, rng=rng, **more
        )

    for rates in (0.9, (45,), (45, 0), "45"):
        with pytest.raises(CrampstatsError, match="has to be two positive numbers"):
            ask(sensitivity=rates)
    with pytest.raises(CrampstatsError, match="draws=10 has to be a whole number of at least 100"):
        ask(draws=10)
    with pytest.raises(CrampstatsError, match=r"rng=-1 has to be a numpy Generator"):
        ask(rng=-1)
    with pytest.raises(CrampstatsError, match=r"the data contradict \d+ % of the draws"):
        ask(specificity=(5, 95))


def test_yes_and_no_are_asked_as_1_and_0() -> None:
    numbers = pd.DataFrame({"ill": [1, 1, 0, 0], "drug": [1, 0, 1, 0], "n": [40, 25, 60, 175]})
    truths = numbers.astype({"ill": bool, "drug": bool})
    rates = {"exposure": "drug", "sensitivity": 0.9, "specificity": 0.95}
    first, second = (misclassified_exposure(cs.Survey(each, count="n"), "ill", **rates) for each in (numbers, truths))
    assert_allclose(first.value, second.value, rtol=1e-14)
    assert_allclose(first.covariance, second.covariance, rtol=1e-12)
