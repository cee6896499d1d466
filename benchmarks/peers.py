"""What the benchmarks share: timing, and peers in R."""

from __future__ import annotations

import gc
import os
import platform
import shutil
import statistics
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd


def seconds(work: Callable[[], object]) -> float:
    """Time one call."""
    gc.collect()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def median_seconds(times: dict[str, list[float]]) -> dict[str, float]:
    """Return the median of each way."""
    return {way: statistics.median(measured) for way, measured in times.items()}


def describe(*peers: str) -> dict[str, object]:
    """Return the threads of the machine, Python's version, and those of the packages measured and of R.

    A package that is not installed has None; R has nothing without its package survey.
    """

    def installed(name: str) -> str | None:
        try:
            return version(name)
        except PackageNotFoundError:
            return None

    return {
        "threads": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: installed(name) for name in ("crampstats", "numpy", "pandas", *peers)},
        "r": r_versions(),
    }


def r_versions() -> dict[str, str]:
    """Return the versions of R and of its package survey; nothing unless both are there."""
    if shutil.which("Rscript") is None:
        return {}
    asked = ["Rscript", "-e", "cat(as.character(getRversion()), as.character(packageVersion('survey')))"]
    ran = subprocess.run(asked, check=False, capture_output=True, text=True)
    return {} if ran.returncode else dict(zip(("R", "survey"), ran.stdout.split(), strict=True))


def run_r(script: str, data: pd.DataFrame, folder: Path) -> list[float]:
    """Run an R script on the columns of a table, handed over as raw bytes; return the numbers that it prints.

    The script gets the folder, with a file a column, and the number of rows as its arguments.
    """
    (folder / "script.R").write_text(script)
    for column in data:
        (folder / str(column)).write_bytes(data[column].to_numpy().tobytes())
    asked = ["Rscript", str(folder / "script.R"), str(folder), str(len(data))]
    printed = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    return [float(number) for number in printed.split()]
