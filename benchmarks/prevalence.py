"""Time prevalences of 10 domains with design-based errors, as ratios against named peers in the same run.

An invented survey of 30 strata with 2 clusters each. Five ways to its ten prevalences, in turn, median of the repeats:

- crampstats, on a Survey that is there already, and with the making of the Survey;
- R's survey: svyby(svymean), on a design that is there, and with svydesign; if Rscript and the package are there;
- pandas and polars: only the sums by domain, stratum and cluster, a group-by without any standard error.

R and crampstats have to agree on every prevalence and standard error to 1e-9, or the script fails.

Run: python benchmarks/prevalence.py [--rows 100000 1000000] [--repeats 5] [--json FILE]   (needs polars: pip install ".[bench]")
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import polars as pl
from peers import describe, median_seconds, r_versions, run_r, seconds

import crampstats as cs

if TYPE_CHECKING:
    from collections.abc import Callable

STRATA, CLUSTERS, DOMAINS = 30, 2, 10
NAMES = {"weight": "weight", "stratum": "stratum", "cluster": "cluster", "cluster_labels": "nested"}
KEYS = ["domain", "stratum", "cluster"]
R_SCRIPT = """
suppressMessages(library(survey))
arguments <- commandArgs(TRUE); folder <- arguments[1]; rows <- as.integer(arguments[2])
column <- function(name, what, size) readBin(file.path(folder, name), what, rows, size = size)
data <- data.frame(stratum = column("stratum", "integer", 1), cluster = column("cluster", "integer", 1),
  domain = column("domain", "integer", 1), low = column("low", "integer", 1), weight = column("weight", "double", 8))
start <- proc.time()[["elapsed"]]
design <- svydesign(~cluster, strata = ~stratum, weights = ~weight, nest = TRUE, data = data)
made <- proc.time()[["elapsed"]]
result <- svyby(~low, ~domain, design, svymean)
done <- proc.time()[["elapsed"]]
cat(made - start, done - made, sprintf("%.17g", c(coef(result), SE(result))), sep = "\\n")
"""


def invent(rows: int) -> pd.DataFrame:
    """Return a survey of so many rows."""
    rng = np.random.default_rng(20261124)
    return pd.DataFrame(
        {
            "stratum": rng.integers(0, STRATA, rows, dtype=np.int8),
            "cluster": rng.integers(0, CLUSTERS, rows, dtype=np.int8),
            "domain": rng.integers(0, DOMAINS, rows, dtype=np.int8),
            "low": (rng.random(rows) < 0.1).astype(np.int8),
            "weight": rng.gamma(4.0, 250.0, rows),
        }
    )


def measure(rows: int, repeats: int, with_r: bool) -> dict[str, float]:
    """Return the median seconds of each way, having checked that crampstats and R agree."""
    data = invent(rows)
    frame = pl.from_pandas(data)
    survey = cs.Survey(data, **NAMES)
    ways: dict[str, Callable[[], object]] = {
        "crampstats": lambda: cs.prevalence(survey, "low == 1", by=["domain"]).std_error,
        "crampstats, with Survey": lambda: cs.prevalence(cs.Survey(data, **NAMES), "low == 1", by=["domain"]).std_error,
        "pandas group-by": lambda: (
            data.assign(wy=data["weight"] * data["low"])
            .groupby(KEYS)
            .agg(n=("low", "size"), w=("weight", "sum"), wy=("wy", "sum"))
        ),
        "polars group-by": lambda: frame.group_by(KEYS).agg(
            pl.len(), pl.col("weight").sum(), (pl.col("weight") * pl.col("low")).sum().alias("wy")
        ),
    }
    for work in ways.values():
        work()
    times: dict[str, list[float]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as name:
        for _ in range(repeats):
            for way, work in ways.items():
                times[way].append(seconds(work))
            if with_r:
                making, asking, *theirs = run_r(R_SCRIPT, data, Path(name))
                ours = cs.prevalence(survey, "low == 1", by=["domain"])
                np.testing.assert_allclose([*ours.value, *ours.std_error], theirs, rtol=1e-9)
                times.setdefault("R survey", []).append(asking)
                times.setdefault("R survey, with svydesign", []).append(making + asking)
    return median_seconds(times)


def main() -> int:
    """Measure, print the table, write JSON if asked to."""
    reader = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    reader.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    reader.add_argument("--repeats", type=int, default=5)
    reader.add_argument("--json", type=Path, help="where to write the figures")
    chosen = reader.parse_args()
    with_r = bool(r_versions())
    result = {
        **describe("polars"),
        "repeats": chosen.repeats,
        "seconds": {rows: measure(rows, chosen.repeats, with_r) for rows in chosen.rows},
    }
    print(f"{'rows':>11}  {'way':<26}{'seconds':>10}{'x polars':>10}")
    for rows, medians in result["seconds"].items():
        for way, median in medians.items():
            print(f"{rows:>11,}  {way:<26}{median:>10.4f}{median / medians['polars group-by']:>10.2f}")
    if not with_r:
        print("R survey was not measured: Rscript or the package survey is not there.")
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
