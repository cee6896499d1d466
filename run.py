#!/usr/bin/env python3
"""Set crampstats up and run its tasks, with nothing but Python 3.11 or newer.

usage: python3 run.py TASK [ARGUMENT ...]

  reproduce   run every notebook into build/ and compare with what is committed
  test        run the tests (further arguments go to pytest); with --oldest, against the oldest
              versions that pyproject.toml allows, on Python 3.11
  accept      make the results of the last `reproduce` the committed ones
  lint        ruff check, ruff format --check, mypy
  lab         open the notebooks in JupyterLab (further arguments go to it: --no-browser --port 8899)
  clean       remove build/, .venv/ and .venv-oldest/

The first task sets up .venv/ from requirements.lock (one to three minutes); later ones find it ready.
`test --oldest` has .venv-oldest/ and requirements-oldest.lock instead.
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
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent
LOWEST_PYTHON = (3, 11)


class Environment(NamedTuple):
    """A folder with a Python of its own, and the lock that says what is in it."""

    name: str
    lock: str

    @property
    def folder(self) -> Path:
        """Where it stands."""
        return ROOT / self.name

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def stamp(self) -> Path:
        """The file that says what it was made for; without it an environment is unfinished."""
        return self.folder / ".stamp"

    def fingerprint(self) -> str:
        """Return what the environment depends on: lock, project file, Python version and the folder it stands in."""
        digest = hashlib.sha256(f"{sys.version}\n{ROOT}\n".encode())
        for name in (self.lock, "pyproject.toml"):
            digest.update((ROOT / name).read_bytes())
        return digest.hexdigest()


USUAL = Environment(".venv", "requirements.lock")
OLDEST = Environment(".venv-oldest", "requirements-oldest.lock")


def call(*command: str | Path) -> int:
    """Run a command in the project's folder and return its exit code."""
    return subprocess.run([str(part) for part in command], cwd=ROOT, check=False).returncode


def create_venv(environment: Environment) -> list[str]:
    """Make an empty environment and return the command that calls pip for it."""
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(environment.folder)], cwd=ROOT, check=False, capture_output=True, text=True
    )
    if made.returncode == 0:
        return [str(environment.python), "-m", "pip"]
    # Debian ships Python without ensurepip; a pip outside the environment can still fill it.
    shutil.rmtree(environment.folder, ignore_errors=True)
    if importlib.util.find_spec("pip") and call(sys.executable, "-m", "venv", "--without-pip", environment.folder) == 0:
        return [sys.executable, "-m", "pip", "--python", str(environment.python)]
    sys.exit(
        f"{made.stdout}{made.stderr}\nPython could not make {environment.name}: "
        "install its venv module (Debian: python3-venv)."
    )


def set_up(environment: Environment) -> None:
    """Make an environment fit its lock unless it already does."""
    stamp = environment.fingerprint()
    if environment.stamp.exists() and environment.stamp.read_text() == stamp:
        return
    started = time.monotonic()
    print(f"setting up {environment.name} from {environment.lock} (once, one to three minutes) ...", flush=True)
    shutil.rmtree(environment.folder, ignore_errors=True)
    pip = [*create_venv(environment), "install", "--quiet", "--quiet", "--disable-pip-version-check"]
    locked = call(*pip, "--require-hashes", "--only-binary", ":all:", "-r", environment.lock)
    if locked or call(*pip, "--no-deps", "--no-build-isolation", "-e", "."):
        sys.exit(f"set-up failed: see pip's message above; nothing outside {environment.name}/ was changed.")
    environment.stamp.write_text(stamp)
    print(f"set up in {time.monotonic() - started:.0f} s", flush=True)


def test(environment: Environment, *arguments: str) -> int:
    """Run the tests on all processors."""
    return call(environment.python, "-m", "pytest", "-n", "auto", *arguments)


def lint() -> int:
    """Check style, formatting and types."""
    checks = (
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("mypy",),
    )
    # A killed check has a negative code, so that the largest of the codes would not tell.
    return next(filter(None, [call(USUAL.python, "-m", *check) for check in checks]), 0)


def report(task: str) -> int:
    """Hand `reproduce` and `accept` to the package."""
    return call(USUAL.python, "-m", "crampstats.cli", task)


def lab(*arguments: str) -> int:
    """Open JupyterLab on the notebooks."""
    return call(USUAL.python, "-m", "jupyter", "lab", "--notebook-dir", "notebooks", *arguments)


def clean() -> int:
    """Remove everything that the tasks made."""
    for name in ("build", USUAL.name, OLDEST.name, ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"):
        shutil.rmtree(ROOT / name, ignore_errors=True)
    return 0


def main(arguments: list[str]) -> int:
    """Run the named task and return its exit code."""
    version = sys.version.split()[0]
    if sys.version_info < LOWEST_PYTHON:
        sys.exit(f"crampstats needs Python 3.11 or newer; this is {version}.")
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(__doc__)
        return 0 if arguments else 2
    task, *rest = arguments
    environment = USUAL
    if arguments[:2] == ["test", "--oldest"]:
        environment, rest = OLDEST, rest[1:]
        # Several of the oldest versions are older than Python 3.12 and were never built for it.
        if sys.version_info[:2] != LOWEST_PYTHON:
            sys.exit(f"the oldest versions are tested with the oldest Python, 3.11; this is {version}.")
    tasks = {
        "reproduce": lambda: report("reproduce"),
        "test": lambda: test(environment, *rest),
        "accept": lambda: report("accept"),
        "lint": lint,
        "lab": lambda: lab(*rest),
        "clean": clean,
    }
    if task not in tasks or (rest and task not in {"test", "lab"}):
        print(__doc__, file=sys.stderr)
        return 2
    if task != "clean":
        set_up(environment)
    return tasks[task]()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
