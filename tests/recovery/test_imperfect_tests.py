"""Low serum magnesium as a test for a low body store: corrected against the store that only the simulation knows.

Serum mirrors the store poorly, in the simulated population by assumption: Youden's index of the cut-off here is about 0.2, so
that corrections multiply errors by five. Each replicate has its own validations, of people apart from the survey.
"""

import zlib
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import numpy as np
import pytest

import crampstats as cs
from crampstats.diagnostics import Prevalence, Study, diagnose
from crampstats.intervals import Interval
from crampstats.measurement.imperfect_tests import ValidationCounts, correct_for_test
from crampstats.population import SamplingPlan

pytestmark = pytest.mark.recovery

SEED = 20261125
MANY = 2_000_000
TEST = "magnesium_mmol_l <= 0.80"
STORE = "true_body_store < 0.9"
POPULATION = cs.Population().scenario("deficiency matters")
PLAN = SamplingPlan(
    people=40,
    stratum="region",
    cluster="village",
    clusters=8,
    cluster_chance="size",
    oversample={"age_years >= 60": 3.0},
)
# So many that a correction by an uncertain index, which is no straight line, is biased by little: a sixth of a standard error
# is allowed for it, and for sensitivity and specificity that are simulated themselves.
VALIDATED = 4000


@dataclass(frozen=True, eq=False, repr=False)
class WithLimits(cs.Estimate):
    """An estimate whose interval is made elsewhere."""

    limits: Interval = field(kw_only=True)

    def interval(self, *, level: float = 0.95, method: str | None = None) -> Interval:
        assert level == 0.95
        return self.limits


@dataclass(frozen=True)
class Corrected:
    """The prevalence of a low store by a test whose validations have the sensitivity and specificity given."""

    sensitivity: float
    specificity: float
    method: Literal["delta", "melded"]

    def __call__(self, survey: cs.Survey) -> cs.Estimate:
        values = survey.data["magnesium_mmol_l"].to_numpy(dtype=float)
        # From the sample itself, so that each replicate has its own validations and all analyses the same ones.
        rng = np.random.default_rng(zlib.crc32(values.tobytes()))
        right, negative = rng.binomial(VALIDATED, [self.sensitivity, self.specificity])
        corrected = correct_for_test(
            cs.prevalence(survey, TEST),
            sensitivity=ValidationCounts(int(right), VALIDATED),
            specificity=ValidationCounts(int(negative), VALIDATED),
            method=self.method,
        )
        plain = corrected.untruncated
        if self.method == "delta":
            return plain
        limits = corrected.interval()
        return WithLimits(plain.labels, plain.value, plain.components, plain.n, "wald", plain.source, limits=limits)


@cache
def truth() -> tuple[float, float, float]:
    """Return prevalence of a low store, sensitivity and specificity of serum, over all villages that might be."""
    asked = ((STORE, None), (TEST, STORE), (f"not ({TEST})", f"not ({STORE})"))
    return tuple(cs.true_mean(POPULATION, what, n=MANY, seed=SEED, among=among).value for what, among in asked)


@cache
def table(repeats: int) -> Any:
    prevalence, sensitivity, specificity = truth()
    analyses = {
        "delta": Corrected(sensitivity, specificity, "delta"),
        "melded": Corrected(sensitivity, specificity, "melded"),
        "apparent": Prevalence(TEST, interval_method="logit"),
    }
    study = Study(POPULATION, 20_000, PLAN, analyses, "superpopulation", columns=["magnesium_mmol_l"])
    return diagnose(study, truth=prevalence, repeats=repeats, seed=SEED).to_frame().set_index("analysis")


def test_serum_is_a_poor_test() -> None:
    prevalence, sensitivity, specificity = truth()
    assert 0.1 < prevalence < 0.2
    assert 0.15 < sensitivity + specificity - 1 < 0.25


@pytest.mark.parametrize("method", ["delta", "melded"])
def test_corrected_prevalence(method: str, repeats: int) -> None:
    found = table(repeats).loc[method]
    assert found["failures"] == 0
    assert abs(found["bias"]) < 3 * found["bias_error"] + found["empirical_se"] / 6, found
    assert abs(found["relative_error_pct"]) < 3 * found["relative_error_pct_error"] + 2, found
    # Melded intervals promise at least 95 %.
    error = np.sqrt(0.95 * 0.05 / repeats)
    assert 0.95 - 3 * error - 0.01 <= found["coverage"] <= (0.95 if method == "delta" else 1.0) + 3 * error + 0.01, (
        found
    )


def test_the_apparent_prevalence_is_no_prevalence_of_low_stores(repeats: int) -> None:
    naive = table(repeats).loc["apparent"]
    assert naive["bias"] > 5 * naive["bias_error"]
    assert naive["coverage"] == 0
