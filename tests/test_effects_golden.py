"""Effects on an invented survey against stacked estimating equations in R: tests/golden/effects.R made the expected values."""

from functools import cache
from pathlib import Path

import pandas as pd
import pytest

import crampstats as cs
from crampstats.effects import (
    attributable_fraction,
    contrast,
    doubly_robust,
    interaction,
    inverse_probability,
    marginal_effect,
)
from crampstats.effects.contrasts import Measure

FOLDER = Path(__file__).parent / "golden"
DATA = pd.read_csv(FOLDER / "survey_input.csv")
EXPECTED = pd.read_csv(FOLDER / "effects_expected.csv").set_index(["design", "what"])
CLUSTERED = {"weight": "weight", "stratum": "stratum", "cluster": "cluster", "cluster_labels": "nested"}
DESIGNS = {
    "clusters": CLUSTERED,
    "clusters_fpc": {**CLUSTERED, "population_size": "clusters_in_stratum"},
    "simple": {},
}
MEASURES: tuple[Measure, ...] = ("difference", "ratio", "odds_ratio")
# R's slopes are numerical: with two Richardson steps they are good to nine digits, the synergy index, whose denominator is
# nearly 0, to seven.
EXACT, NEARLY = 1e-8, 1e-6


@cache
def survey(design: str) -> cs.Survey:
    data = DATA if design == "simple" else DATA[DATA["stratum"] != 7]
    known = cs.Survey(data, **DESIGNS[design]).observed("magnesium_mmol_l")
    return known.define(low="magnesium_mmol_l < 0.78")


@cache
def model(design: str) -> cs.Model:
    return cs.fit(survey(design), "low ~ cramps * sex + age_years", family="binomial")


def check(estimate: cs.Estimate, design: str, what: str, tolerance: float = EXACT) -> None:
    expected = EXPECTED.loc[(design, what)]
    found = [estimate.value[0], estimate.std_error[0]]
    assert found == pytest.approx([expected["value"], expected["std_error"]], rel=tolerance)


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("measure", MEASURES)
def test_contrasts(design: str, measure: Measure) -> None:
    check(contrast(model(design), "cramps", measure=measure), design, f"contrast {measure}")
    among = contrast(model(design), "cramps", measure=measure, among="cramps == 1")
    check(among, design, f"contrast among the exposed {measure}")


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("estimand", ["average", "treated", "untreated", "overlap"])
def test_inverse_probability(design: str, measure: Measure, estimand: str) -> None:
    effect = inverse_probability(
        survey(design), "low", exposure="cramps", covariates="sex + age_years", estimand=estimand, measure=measure
    )
    check(effect.estimate, design, f"ipw {estimand} {measure}")


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("estimand", ["average", "treated"])
def test_doubly_robust(design: str, measure: Measure, estimand: str) -> None:
    effect = doubly_robust(model(design), "cramps", covariates="sex + age_years", estimand=estimand, measure=measure)
    check(effect.estimate, design, f"aipw {estimand} {measure}")


@pytest.mark.parametrize("design", DESIGNS)
def test_attributable_fraction_and_slope(design: str) -> None:
    share = attributable_fraction(model(design), {"cramps": 0})
    check(share.estimate, design, "attributable fraction")
    check(marginal_effect(model(design), "age_years"), design, "slope")


@pytest.mark.parametrize("design", DESIGNS)
def test_interaction(design: str) -> None:
    joint = interaction(model(design), "cramps", "sex", values=((1, 0), ("female", "male")))
    check(joint.contrast, design, "interaction contrast")
    check(joint.excess_ratio, design, "RERI")
    check(joint.attributable_proportion, design, "attributable proportion")
    check(joint.synergy_index, design, "synergy index", NEARLY)
    check(joint.ratio, design, "ratio of ratios")
