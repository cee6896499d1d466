"""Effects and attributable shares against the truth of the simulated population: right models, one of two wrong, and none.

Diabetes makes cramps more frequent, and comes with age, which does so, too. Each study draws new people each time; its target
is what holds of all people who might live. ``--repeats 1000`` is the full form.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest

import crampstats as cs
from crampstats.diagnostics import Performance, StandardizedContrast, Study, diagnose
from crampstats.effects import attributable_fraction, doubly_robust, inverse_probability
from crampstats.population import SamplingPlan

pytestmark = pytest.mark.recovery

SEED = 20261126
MANY = 1_000_000
FREQUENT = "cramp_class >= 3"
OLDER = "age_years >= 40"
POPULATION = cs.Population()
COLUMNS = ["diabetes", "age_years", "sex", "region", "cramp_class"]
DEFINE = {
    "frequent": FREQUENT,
    "age_from_50": "(age_years - 50) / 10",
    "age_squared": "((age_years - 50) / 10) ** 2",
    "past_45": "age_years >= 45",
    "age_past_45": "past_45 * (age_years - 45) / 10",
    "past_75": "age_years >= 75",
    "age_past_75": "past_75 * (age_years - 75) / 10",
    "east": "region == 'east'",
    "female": "sex == 'female'",
}
# As diabetes is made in the population, and what two million people show of frequent cramps; and what leaves age out.
PROPENSITY = "age_from_50 + age_past_75 + female + east"
OUTCOME = "frequent ~ (diabetes + female) * (age_from_50 + age_squared) + east"
ALL_AGES = "frequent ~ diabetes * age_from_50 + female * (age_from_50 + age_squared + age_past_45) + east"
WITHOUT_AGE = "female"
CRUDE = "frequent ~ diabetes"


@dataclass(frozen=True)
class Weighted:
    """The difference by inverse-probability weights."""

    covariates: str

    def __call__(self, survey: cs.Survey) -> cs.Estimate:
        return inverse_probability(survey, "frequent", exposure="diabetes", covariates=self.covariates).estimate


@dataclass(frozen=True)
class DoublyRobust:
    """The difference by a model of the outcome and one of the exposure."""

    formula: str
    covariates: str

    def __call__(self, survey: cs.Survey) -> cs.Estimate:
        model = cs.fit(survey, self.formula, family="binomial")
        return doubly_robust(model, "diabetes", covariates=self.covariates).estimate


@dataclass(frozen=True)
class Remaining:
    """1 less the share of frequent cramps that is attributable to diabetes: its limits are those of the share."""

    formula: str

    def __call__(self, survey: cs.Survey) -> cs.Estimate:
        return attributable_fraction(cs.fit(survey, self.formula, family="binomial"), {"diabetes": 0}).remaining


def row(performance: Performance, analysis: str) -> Any:
    table = performance.to_frame()
    return table[table["analysis"] == analysis].iloc[0]


def assert_right(found: Any) -> None:
    """Assert no bias, errors that are the spread, and a coverage as promised, each within three Monte Carlo errors."""
    assert found["failures"] == 0
    assert abs(found["bias"]) < 3 * found["bias_error"], found
    # Standard errors of large samples: 2 % more may be missing.
    assert abs(found["relative_error_pct"]) < 3 * found["relative_error_pct_error"] + 2, found
    error = np.sqrt(0.95 * 0.05 / found["repeats"])
    assert abs(found["coverage"] - 0.95) <= 3 * error + 0.01, found


@cache
def differences(repeats: int) -> Performance:
    assert set(cs.adjustment_set(POPULATION, "diabetes", "cramp_class").variables) == {"age_years", "sex", "region"}
    truth = cs.true_effect(POPULATION, "diabetes", FREQUENT, values=(1, 0), n=MANY, seed=SEED, among=OLDER)
    settings = {"diabetes": 1}, {"diabetes": 0}
    analyses = {
        "g-formula": StandardizedContrast(OUTCOME, "binomial", *settings),
        "weights": Weighted(PROPENSITY),
        "both": DoublyRobust(OUTCOME, PROPENSITY),
        "both, outcome wrong": DoublyRobust(CRUDE, PROPENSITY),
        "both, exposure wrong": DoublyRobust(OUTCOME, WITHOUT_AGE),
        "crude": StandardizedContrast(CRUDE, "binomial", *settings),
    }
    plan = SamplingPlan(people=5000)
    study = Study(POPULATION, 5000, plan, analyses, "superpopulation", define=DEFINE, where=OLDER, columns=COLUMNS)
    return diagnose(study, truth=truth, repeats=repeats, seed=SEED)


@pytest.mark.parametrize("analysis", ["g-formula", "weights", "both", "both, outcome wrong", "both, exposure wrong"])
def test_a_difference(repeats: int, analysis: str) -> None:
    assert_right(row(differences(repeats), analysis))


def test_without_age_it_is_too_large(repeats: int) -> None:
    naive = row(differences(repeats), "crude")
    assert naive["bias"] > 5 * naive["bias_error"]


@cache
def shares(repeats: int) -> Performance:
    truth = cs.true_attributable_fraction(POPULATION, "diabetes", FREQUENT, reference=0, n=MANY, seed=SEED)
    analyses = {"adjusted": Remaining(ALL_AGES), "crude": Remaining(CRUDE)}
    study = Study(
        POPULATION, 5000, SamplingPlan(people=5000), analyses, "superpopulation", define=DEFINE, columns=COLUMNS
    )
    return diagnose(study, truth=replace(truth, value=1 - truth.value), repeats=repeats, seed=SEED)


def test_an_attributable_share(repeats: int) -> None:
    right, naive = (row(shares(repeats), name) for name in ("adjusted", "crude"))
    assert_right(right)
    # Less remains than truly does: the crude share is too large.
    assert naive["bias"] < -5 * naive["bias_error"]
