"""Item non-response that hangs on age and diabetes: complete cases, imputation and weighting against the truth.

People with diabetes are low in magnesium more often, and here their samples are lost more often. ``--repeats 1000`` is the
full form.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import crampstats as cs
from crampstats.diagnostics import Performance, Study, diagnose
from crampstats.missing import impute, observed_mean, pooled
from crampstats.missing.pooling import PooledEstimate
from crampstats.population import Response, SamplingPlan

pytestmark = pytest.mark.recovery

SEED = 20261125
MANY = 2_000_000
COLUMN, LOW = "magnesium_mmol_l", "magnesium_mmol_l <= 0.75"
POPULATION = cs.Population()
LOST = Response(chance=0.85, odds_ratios={"diabetes == 1": 0.1, "age_years >= 60": 0.4})
GIVEN = "diabetes + old"


@dataclass(frozen=True)
class CompleteCases:
    """The share among those observed."""

    def __call__(self, survey: cs.Survey) -> cs.Estimate:
        return cs.prevalence(survey.observed(COLUMN), LOW, interval_method="logit")


@dataclass(frozen=True)
class Weighted:
    """The share by the inverse chance of being observed."""

    def __call__(self, survey: cs.Survey) -> cs.Estimate:
        return observed_mean(survey, LOW, given=GIVEN)


def study(analyses: dict[str, Any], people: int = 800) -> Study:
    return Study(
        POPULATION,
        people,
        SamplingPlan(people=people, item_response={COLUMN: LOST}),
        analyses,
        "superpopulation",
        define={"old": "age_years >= 60"},
        columns=[COLUMN, "diabetes", "age_years", "sex"],
    )


def row(performance: Performance, analysis: str) -> Any:
    table = performance.to_frame()
    return table[table["analysis"] == analysis].iloc[0]


def test_complete_cases_and_weights(repeats: int) -> None:
    performance = diagnose(
        study({"weighted": Weighted(), "complete": CompleteCases()}),
        truth=cs.true_mean(POPULATION, LOW, n=MANY, seed=SEED),
        repeats=repeats,
        seed=SEED,
    )
    right, naive = row(performance, "weighted"), row(performance, "complete")
    assert right["failures"] == 0
    assert abs(right["bias"]) < 3 * right["bias_error"], right
    # Within three Monte Carlo errors and 2 %, one point: errors are those of large samples.
    assert abs(right["relative_error_pct"]) < 3 * right["relative_error_pct_error"] + 2, right
    assert right["coverage"] == pytest.approx(0.95, abs=3 * np.sqrt(0.95 * 0.05 / repeats) + 0.01), right
    assert naive["bias"] < -5 * naive["bias_error"], naive


def samples(repeats: int) -> Any:
    """Yield surveys with gaps, one after the other."""
    asked = study({"complete": CompleteCases()})
    for number in range(repeats):
        yield (
            number,
            asked.drawn(asked.simulated(seed=SEED + number), rng=np.random.default_rng([SEED, number])).define(
                **asked.define
            ),
        )


def imputed(survey: cs.Survey, number: int) -> Any:
    return impute(survey, [COLUMN], predictors="diabetes + old + age_years + sex", rng=number, m=10)


def share(survey: cs.Survey) -> cs.Estimate:
    return cs.prevalence(survey, LOW, interval_method="logit")


def assert_right(found: list[PooledEstimate], target: float) -> None:
    values, errors = (np.array([getattr(each, name)[0] for each in found]) for name in ("value", "std_error"))
    n, spread = len(found), values.std(ddof=1)
    assert values.mean() == pytest.approx(target, abs=3 * spread / np.sqrt(n))
    # Rubin's error of matched donors is known to be a little small or large: within three Monte Carlo errors and 5 %.
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(spread, rel=3 / np.sqrt(2 * n) + 0.05)
    limits = [each.interval() for each in found]
    covered = np.mean([each.low[0] <= target <= each.high[0] for each in limits])
    assert covered == pytest.approx(0.95, abs=3 * np.sqrt(0.95 * 0.05 / n) + 0.01)


def test_imputation(repeats: int) -> None:
    target = cs.true_mean(POPULATION, LOW, n=MANY, seed=SEED).value
    found, naive = [], []
    for number, survey in samples(repeats):
        found.append(pooled(imputed(survey, number), share))
        naive.append(CompleteCases()(survey).value[0])
    assert_right(found, target)
    bias, error = np.mean(naive) - target, np.std(naive, ddof=1) / np.sqrt(repeats)
    assert bias < -5 * error, (bias, error)
    # Some 30 % of samples are lost, more where low levels are.
    fmi = np.mean([each.fmi[0] for each in found])
    assert 0.1 < fmi < 0.6, fmi
