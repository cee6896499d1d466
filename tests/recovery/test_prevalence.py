"""Prevalence in two-stage samples of a population whose truth is known: bias and coverage, and where naive ways fail.

A fixed population of 10 strata of 200 villages; each sample takes 4 villages a stratum and 15 people a village. Villages
differ in prevalence, and the larger ones have more cases, so that ignoring villages or weights is wrong, on the same draws.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
import pytest

import crampstats as cs

pytestmark = pytest.mark.recovery

SEED = 20261124
STRATA, VILLAGES, DRAWN, ASKED = 10, 200, 4, 15


@dataclass(frozen=True)
class Population:
    sizes: np.ndarray  # (strata, villages) people
    cases: np.ndarray  # (strata, villages)

    @property
    def truth(self) -> float:
        return self.cases.sum() / self.sizes.sum()


@cache
def population() -> Population:
    rng = np.random.default_rng(SEED)
    sizes = rng.integers(20, 400, (STRATA, VILLAGES))
    log_odds = (
        -2.2 + rng.normal(0, 0.6, sizes.shape) + 0.4 * (sizes - 200) / 100 + np.linspace(-0.5, 0.5, STRATA)[:, None]
    )
    return Population(sizes, rng.binomial(sizes, 1 / (1 + np.exp(-log_odds))))


def draw(rng: np.random.Generator) -> pd.DataFrame:
    """Return one sample with its weights."""
    whole = population()
    stratum = np.repeat(np.arange(STRATA), DRAWN)
    village = np.concatenate([rng.choice(VILLAGES, DRAWN, replace=False) for _ in range(STRATA)])
    size, cases = whole.sizes[stratum, village], whole.cases[stratum, village]
    found = rng.hypergeometric(cases, size - cases, ASKED)
    return pd.DataFrame(
        {
            "stratum": np.repeat(stratum, ASKED),
            "village": np.repeat(village, ASKED),
            "weight": np.repeat(VILLAGES / DRAWN * size / ASKED, ASKED),
            "case": (np.tile(np.arange(ASKED), len(stratum)) < np.repeat(found, ASKED)).astype(np.int8),
        }
    )


DESIGNS = {
    "right": {"weight": "weight", "stratum": "stratum", "cluster": "village", "cluster_labels": "nested"},
    "without clusters": {"weight": "weight", "stratum": "stratum"},
    "without weights": {"stratum": "stratum", "cluster": "village", "cluster_labels": "nested"},
}


@pytest.fixture(scope="module")
def results(repeats: int) -> pd.DataFrame:
    """Return value, error and whether each interval holds the truth, a row each sample and design."""
    truth, rows = population().truth, []
    for index in range(repeats):
        sample = draw(np.random.default_rng(np.random.SeedSequence(SEED, spawn_key=(index,))))
        for name, columns in DESIGNS.items():
            estimate = cs.prevalence(cs.Survey(sample, **columns), "case == 1")
            row = {"design": name, "value": estimate.value[0], "std_error": estimate.std_error[0]}
            for method in ("korn_graubard", "logit", "wald"):
                limits = estimate.interval(method=method)
                row[method] = bool(limits.low[0] <= truth <= limits.high[0])
            row["wald is below"] = bool(limits.high[0] < truth)
            rows.append(row)
    return pd.DataFrame(rows).set_index("design")


def bias_in_errors(results: pd.DataFrame, design: str) -> float:
    """Return the bias in Monte Carlo standard errors."""
    values = results.loc[design, "value"]
    return (values.mean() - population().truth) / (values.std(ddof=1) / np.sqrt(len(values)))


def coverage_error(repeats: int) -> float:
    """Return the Monte Carlo standard error of a coverage of 95 %."""
    return np.sqrt(0.95 * 0.05 / repeats)


def test_prevalence_is_unbiased(results: pd.DataFrame) -> None:
    assert abs(bias_in_errors(results, "right")) < 3


def test_the_standard_error_is_the_spread_over_samples(results: pd.DataFrame, repeats: int) -> None:
    right = results.loc["right"]
    ratio = np.sqrt((right["std_error"] ** 2).mean()) / right["value"].std(ddof=1)
    assert ratio == pytest.approx(1, abs=3 / np.sqrt(2 * repeats) + 0.02)


def test_logit_intervals_hold_the_truth_as_often_as_they_say(results: pd.DataFrame, repeats: int) -> None:
    assert results.loc["right", "logit"].mean() == pytest.approx(0.95, abs=3 * coverage_error(repeats) + 0.01)


def test_korn_graubard_is_a_little_conservative(results: pd.DataFrame, repeats: int) -> None:
    assert 0.94 - 3 * coverage_error(repeats) <= results.loc["right", "korn_graubard"].mean() <= 0.99


def test_wald_intervals_miss_on_one_side(results: pd.DataFrame) -> None:
    """40 villages of very different size: the estimate is skewed and its error goes with its value.

    So the Wald interval lies below the truth more often than above, which is why proportions have other intervals by
    default. How often it holds the truth is not tested: 92 % against 93 % of logit in 2,000 samples, and in 200 the two
    differ in so few samples (4 against 3) that a test of it would have no power.
    """
    missed = results.loc["right"].query("not wald")
    below = missed["wald is below"].sum()
    above = len(missed) - below
    assert below - above > 2 * np.sqrt(len(missed))


def test_ignoring_weights_is_biased(results: pd.DataFrame) -> None:
    assert abs(bias_in_errors(results, "without weights")) > 5


def test_ignoring_clusters_gives_intervals_that_are_too_short(results: pd.DataFrame, repeats: int) -> None:
    assert results.loc["without clusters", "logit"].mean() < 0.95 - 5 * coverage_error(repeats)
