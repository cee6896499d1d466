"""Time a weighted logistic regression with design-based errors, as ratios against named peers in the same run.

An invented survey of 30 strata with 2 clusters each and 9 numeric covariates. In turn, median of the repeats:

- crampstats: `fit`, from the formula to the covariance of the design, on a Survey that is there;
- R's survey: svyglm on a design that is there; if Rscript and the package are there;
- statsmodels: GLM on a matrix that is there, frequency weights, and no design-based errors;
- glum: GeneralizedLinearRegressor without penalty on a matrix that is there, and no errors; if it is installed.

Coefficients have to agree with every peer, and standard errors with R's, or the script fails. The peak of memory of one fit
is given in sizes of the design matrix.

Then a negative binomial regression of counts with the same covariates, without weights, the dispersion estimated: crampstats
with design-based errors that carry the dispersion's; statsmodels' NegativeBinomial, up to 100,000 rows; R's MASS::glm.nb, if
Rscript and the packages MASS and survey are there.

Run: python benchmarks/regression.py [--rows 100000 1000000] [--repeats 5] [--json FILE]   (needs: pip install ".[bench]")
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import tracemalloc
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import statsmodels.api as sm
from peers import describe, median_seconds, r_versions, run_r, seconds

import crampstats as cs

if TYPE_CHECKING:
    from collections.abc import Callable

COVARIATES = [f"x{index}" for index in range(9)]
FORMULA = "low ~ " + " + ".join(COVARIATES)
R_SCRIPT = """
suppressMessages(library(survey))
arguments <- commandArgs(TRUE); folder <- arguments[1]; rows <- as.integer(arguments[2])
column <- function(name, what, size) readBin(file.path(folder, name), what, rows, size = size)
data <- data.frame(stratum = column("stratum", "integer", 1), cluster = column("cluster", "integer", 1),
  low = column("low", "integer", 1), weight = column("weight", "double", 8))
for (name in paste0("x", 0:8)) data[[name]] <- column(name, "double", 8)
design <- svydesign(~cluster, strata = ~stratum, weights = ~weight, nest = TRUE, data = data)
start <- proc.time()[["elapsed"]]
fit <- svyglm(low ~ x0 + x1 + x2 + x3 + x4 + x5 + x6 + x7 + x8, design, family = quasibinomial())
cat(proc.time()[["elapsed"]] - start, sprintf("%.17g", c(coef(fit), SE(fit))), sep = "\\n")
"""

COUNTS_SCRIPT = """
suppressMessages(library(MASS))
arguments <- commandArgs(TRUE); folder <- arguments[1]; rows <- as.integer(arguments[2])
column <- function(name, what, size) readBin(file.path(folder, name), what, rows, size = size)
data <- data.frame(cramps = column("cramps", "integer", 4))
for (name in paste0("x", 0:8)) data[[name]] <- column(name, "double", 8)
start <- proc.time()[["elapsed"]]
fit <- glm.nb(cramps ~ x0 + x1 + x2 + x3 + x4 + x5 + x6 + x7 + x8, data)
cat(proc.time()[["elapsed"]] - start, sprintf("%.17g", c(coef(fit), -log(fit$theta))), sep = "\\n")
"""
# Rows beyond which statsmodels is not asked to fit a negative binomial model.
PATIENCE = 100_000


def invent(rows: int) -> pd.DataFrame:
    """Return a survey of so many rows."""
    rng = np.random.default_rng(20261124)
    data = pd.DataFrame({name: rng.normal(size=rows) for name in COVARIATES})
    eta = -2.2 + data.to_numpy() @ np.linspace(-0.3, 0.3, len(COVARIATES))
    return data.assign(
        low=(rng.random(rows) < 1 / (1 + np.exp(-eta))).astype(np.int8),
        cramps=rng.poisson(np.exp(eta + 2.4) * rng.gamma(2 / 3, 1.5, rows)).astype(np.int32),
        weight=rng.gamma(4.0, 250.0, rows),
        stratum=rng.integers(0, 30, rows, dtype=np.int8),
        cluster=rng.integers(0, 2, rows, dtype=np.int8),
    )


def ways_of(data: pd.DataFrame, survey: cs.Survey) -> dict[str, Callable[[], np.ndarray]]:
    """Return each way as a function that gives the coefficients, intercept first."""
    matrix = data[COVARIATES].to_numpy()
    with_intercept = np.column_stack([np.ones(len(data)), matrix])
    outcome, weight = data["low"].to_numpy(dtype=float), data["weight"].to_numpy()

    def statsmodels() -> np.ndarray:
        return sm.GLM(outcome, with_intercept, family=sm.families.Binomial(), freq_weights=weight).fit().params

    ways = {
        "crampstats": lambda: cs.fit(survey, FORMULA, family="binomial").coefficients.value,
        "statsmodels": statsmodels,
    }
    try:
        from glum import GeneralizedLinearRegressor
    except ImportError:
        return ways

    def glum() -> np.ndarray:
        model = GeneralizedLinearRegressor(family="binomial", alpha=0, gradient_tol=1e-9)
        model.fit(matrix, outcome, sample_weight=weight)
        return np.concatenate([[model.intercept_], model.coef_])

    return {**ways, "glum": glum}


def measure(rows: int, repeats: int, with_r: bool) -> tuple[dict[str, float], float]:
    """Return the median seconds of each way, having checked that they agree, and the peak of memory of one fit."""
    data = invent(rows)
    survey = cs.Survey(data, weight="weight", stratum="stratum", cluster="cluster", cluster_labels="nested")
    ways = ways_of(data, survey)
    ours = cs.fit(survey, FORMULA, family="binomial").coefficients
    for name, work in ways.items():
        np.testing.assert_allclose(work(), ours.value, rtol=1e-5, atol=1e-7, err_msg=name)
    times: dict[str, list[float]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as name:
        for _ in range(repeats):
            for way, work in ways.items():
                times[way].append(seconds(work))
            if with_r:
                took, *numbers = run_r(R_SCRIPT, data, Path(name))
                np.testing.assert_allclose(numbers, [*ours.value, *ours.std_error], rtol=2e-5)
                times.setdefault("R survey", []).append(took)
    tracemalloc.start()
    ways["crampstats"]()
    peak = tracemalloc.get_traced_memory()[1] / (8 * rows * (len(COVARIATES) + 1))
    tracemalloc.stop()
    return median_seconds(times), peak


def measure_counts(rows: int, repeats: int, with_r: bool) -> dict[str, float]:
    """Return the median seconds of each way to fit negative binomial counts, having checked that they agree."""
    data = invent(rows)
    survey = cs.Survey(data, stratum="stratum", cluster="cluster", cluster_labels="nested")
    formula = FORMULA.replace("low", "cramps")
    matrix = np.column_stack([np.ones(rows), data[COVARIATES].to_numpy()])
    ways = {"crampstats": lambda: cs.fit(survey, formula, family="negative_binomial").coefficients.value}
    if rows <= PATIENCE:
        ways["statsmodels"] = lambda: sm.NegativeBinomial(data["cramps"].to_numpy(), matrix).fit(disp=False).params
    ours = ways["crampstats"]()
    if "statsmodels" in ways:
        theirs = ways["statsmodels"]()
        np.testing.assert_allclose([*theirs[:-1], np.log(theirs[-1])], ours, rtol=1e-3, atol=1e-4)
    times: dict[str, list[float]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as name:
        for _ in range(repeats):
            for way, work in ways.items():
                times[way].append(seconds(work))
            if with_r:
                took, *numbers = run_r(COUNTS_SCRIPT, data, Path(name))
                np.testing.assert_allclose(numbers, ours, rtol=1e-4, atol=1e-5)
                times.setdefault("R MASS", []).append(took)
    return median_seconds(times)


def main() -> int:
    """Measure, print the table, write JSON if asked to."""
    warnings.simplefilter("ignore")
    reader = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    reader.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    reader.add_argument("--repeats", type=int, default=5)
    reader.add_argument("--json", type=Path, help="where to write the figures")
    chosen = reader.parse_args()
    with_r = bool(r_versions())
    measured = {rows: measure(rows, chosen.repeats, with_r) for rows in chosen.rows}
    counts = {rows: measure_counts(rows, chosen.repeats, with_r) for rows in chosen.rows}
    result = {
        **describe("statsmodels", "glum"),
        "repeats": chosen.repeats,
        "seconds": {rows: medians for rows, (medians, _) in measured.items()},
        "seconds, negative binomial": counts,
        "peak memory, design matrices": {rows: peak for rows, (_, peak) in measured.items()},
    }
    print(f"{'rows':>11}  {'way':<30}{'seconds':>10}{'x crampstats':>14}")
    for rows, medians in result["seconds"].items():
        for way, median in medians.items():
            print(f"{rows:>11,}  {way:<30}{median:>10.4f}{median / medians['crampstats']:>14.2f}")
        print(
            f"{rows:>11,}  peak memory of one fit: {result['peak memory, design matrices'][rows]:.2f} design matrices"
        )
    for rows, medians in counts.items():
        for way, median in medians.items():
            told = f"{way}, negative binomial"
            print(f"{rows:>11,}  {told:<30}{median:>10.4f}{median / medians['crampstats']:>14.2f}")
    if not with_r:
        print("R survey was not measured: Rscript or the package survey is not there.")
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
