"""What all tests share: the rule about skips, Hypothesis' settings, a small survey."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, settings

import crampstats as cs

HERE = Path(__file__).parent

settings.register_profile("house", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--repeats", type=int, default=200, help="samples in each recovery test (default: 200)")


@pytest.fixture(scope="session")
def repeats(request: pytest.FixtureRequest) -> int:
    """Return how many samples a recovery test draws."""
    return request.config.getoption("--repeats")


skipped: list[tuple[str, str]] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        skipped.append((report.nodeid, str(report.longrepr[-1])))


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workerinput"):
        return
    lines = (HERE / "expected_skips.txt").read_text().splitlines()
    allowed = [line.split(":", 1)[0].strip() for line in lines if line and not line.startswith("#")]
    unexpected = [(name, why) for name, why in skipped if not any(name.startswith(prefix) for prefix in allowed)]
    if unexpected:
        print("\nskips that are not in tests/expected_skips.txt:", *unexpected, sep="\n  ")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def _no_surprises(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep tests from writing into the checkout and from depending on the caller's variables."""
    monkeypatch.setenv("CRAMPSTATS_OUTPUT", str(tmp_path / "output"))
    monkeypatch.setenv("CRAMPSTATS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("CRAMPSTATS_DATA", raising=False)


@pytest.fixture
def people() -> pd.DataFrame:
    """Return 12 people in 2 strata of 2 clusters, one answer missing."""
    return pd.DataFrame(
        {
            "stratum": np.repeat([1, 2], 6),
            "cluster": np.tile(np.repeat([1, 2], 3), 2),
            "weight": [10.0, 20, 30, 10, 20, 30, 5, 5, 10, 10, 20, 20],
            "sex": ["f", "m"] * 6,
            "age_years": [20, 30, 40, 50, 60, 70, 25, 35, 45, 55, 65, 75],
            "cramps": [0, 1, 0, 1, 0, 0, 1, 0, 0, 1, 1, None],
        }
    )


@pytest.fixture
def survey(people: pd.DataFrame) -> cs.Survey:
    """Return the 12 people as a clustered survey."""
    return cs.Survey(people, weight="weight", stratum="stratum", cluster="cluster", cluster_labels="nested")
