"""The share below a cut-off behind values reported to 0.1 mg/dL, against the truth of the simulated population.

0.75 mmol/L is 1.823 mg/dL and lands on the reported value 1.8, which holds everybody below 1.85. ``--repeats 1000`` is the
full form.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import crampstats as cs
from crampstats.diagnostics import Performance, Prevalence, Study, diagnose
from crampstats.measurement.rounding import Distribution, fit_rounded
from crampstats.population import SamplingPlan

pytestmark = pytest.mark.recovery

SEED = 20261125
MANY = 2_000_000
CUTOFF = 0.75
POPULATION = cs.Population()
VILLAGES = SamplingPlan(
    people=25,
    stratum="region",
    cluster="village",
    clusters=8,
    cluster_chance="size",
    oversample={"age_years >= 60": 3.0},
)
# Measured values of this population are a mixture and no sinh-arcsinh distribution: of two million people who live together
# the fitted share is 0.1042 and the true one 0.1041.
MODEL = 0.0003


@dataclass(frozen=True)
class Smooth:
    """The share at or below a cut-off in mmol/L, of the smooth distribution behind a reported number."""

    column: str
    cutoff: float
    distribution: Distribution

    def __call__(self, survey: cs.Survey) -> cs.Estimate:
        return fit_rounded(survey, self.column, distribution=self.distribution).prevalence(self.cutoff, unit="mmol/L")


def rounding_performance(repeats: int) -> Performance:
    truth = cs.true_mean(
        POPULATION, f"true_magnesium_drawn_mmol_l <= {CUTOFF}", n=MANY, seed=SEED, among="haemolysis == 0"
    )
    analyses = {
        "smooth": Smooth("magnesium_mg_dl", CUTOFF, "sinh_arcsinh"),
        "as reported": Prevalence("magnesium_mg_dl <= 1.8", interval_method="logit"),
    }
    study = Study(
        POPULATION,
        40_000,
        VILLAGES,
        analyses,
        "superpopulation",
        where="haemolysis == 0",
        columns=["magnesium_mg_dl"],
    )
    return diagnose(study, truth=truth, repeats=repeats, seed=SEED)


def row(performance: Performance, analysis: str) -> Any:
    table = performance.to_frame()
    return table[table["analysis"] == analysis].iloc[0]


def test_the_step_taken_out(repeats: int) -> None:
    performance = rounding_performance(repeats)
    right, naive = row(performance, "smooth"), row(performance, "as reported")
    assert right["failures"] == 0
    assert abs(right["bias"]) < 3 * right["bias_error"] + MODEL, right
    # Standard errors and coverage within three Monte Carlo errors and 2 %, one point: they are those of large samples.
    assert abs(right["relative_error_pct"]) < 3 * right["relative_error_pct_error"] + 2, right
    assert right["coverage"] == pytest.approx(0.95, abs=3 * np.sqrt(0.95 * 0.05 / repeats) + 0.01), right
    assert naive["bias"] > 5 * naive["bias_error"], naive
