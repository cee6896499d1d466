#!/usr/bin/env python3
"""Set crampstats up and run its tasks, with nothing but Python 3.11 or newer.

usage: python3 run.py TASK [ARGUMENT ...]

  reproduce   run every notebook into build/ and compare with what is committed
  test        run the tests (further arguments go to pytest)
  accept      make the results of the last `reproduce` the committed ones
  lint        ruff check, ruff format --check, mypy
  lab         open the notebooks in JupyterLab
  clean       remove build/ and .venv/

The first task sets up .venv/ from requirements.lock (about a minute); later ones find it ready.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / ".stamp"


def fingerprint() -> str:
    """Return what the environment depends on: lock, project file, Python version and the folder it stands in."""
    digest = hashlib.sha256(f"{sys.version}\n{ROOT}\n".encode())
    for name in ("requirements.lock", "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def call(*command: str | Path) -> int:
    """Run a command in the project's folder and return its exit code."""
    return subprocess.run([str(part) for part in command], cwd=ROOT, check=False).returncode


def create_venv() -> list[str]:
    """Make an empty environment and return the command that calls pip for it."""
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(VENV)], cwd=ROOT, check=False, capture_output=True, text=True
    )
    if made.returncode == 0:
        return [str(PYTHON), "-m", "pip"]
    # Debian ships Python without ensurepip; a pip outside the environment can still fill it.
    shutil.rmtree(VENV, ignore_errors=True)
    if importlib.util.find_spec("pip") and call(sys.executable, "-m", "venv", "--without-pip", VENV) == 0:
        return [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    sys.exit(
        f"{made.stdout}{made.stderr}\nPython could not make .venv: install its venv module (Debian: python3-venv)."
    )


def set_up() -> None:
    """Make .venv/ fit requirements.lock unless it already does."""
    stamp = fingerprint()
    if STAMP.exists() and STAMP.read_text() == stamp:
        return
    started = time.monotonic()
    print("setting up .venv from requirements.lock (once, about a minute) ...", flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    pip = [*create_venv(), "install", "--quiet", "--quiet", "--disable-pip-version-check"]
    locked = call(*pip, "--require-hashes", "--only-binary", ":all:", "-r", "requirements.lock")
    if locked or call(*pip, "--no-deps", "--no-build-isolation", "-e", "."):
        sys.exit("set-up failed: see pip's message above; nothing outside .venv/ was changed.")
    STAMP.write_text(stamp)
    print(f"set up in {time.monotonic() - started:.0f} s", flush=True)


def test(*arguments: str) -> int:
    """Run the tests on all processors."""
    return call(PYTHON, "-m", "pytest", "-n", "auto", *arguments)


def lint() -> int:
    """Check style, formatting and types."""
    checks = (
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("mypy",),
    )
    # A killed check has a negative code, so that the largest of the codes would not tell.
    return next(filter(None, [call(PYTHON, "-m", *check) for check in checks]), 0)


def report(task: str) -> int:
    """Hand `reproduce` and `accept` to the package."""
    return call(PYTHON, "-m", "crampstats.cli", task)


def lab() -> int:
    """Open JupyterLab on the notebooks."""
    return call(PYTHON, "-m", "jupyter", "lab", "--notebook-dir", "notebooks")


def clean() -> int:
    """Remove everything that the tasks made."""
    for name in ("build", ".venv", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"):
        shutil.rmtree(ROOT / name, ignore_errors=True)
    return 0


def main(arguments: list[str]) -> int:
    """Run the named task and return its exit code."""
    tasks = {
        "reproduce": lambda: report("reproduce"),
        "test": test,
        "accept": lambda: report("accept"),
        "lint": lint,
        "lab": lab,
        "clean": clean,
    }
    if sys.version_info < (3, 11):
        sys.exit(f"crampstats needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(__doc__)
        return 0 if arguments else 2
    task, *rest = arguments
    if task not in tasks or (rest and task != "test"):
        print(__doc__, file=sys.stderr)
        return 2
    if task != "clean":
        set_up()
    return tasks[task](*rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
