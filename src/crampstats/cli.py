"""The command `crampstats`; nothing heavy is imported before a task needs it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import crampstats

TASKS = {
    "reproduce": "run the notebooks into build/ and compare with what is committed",
    "accept": "make the results of the last reproduce the committed ones",
}


def parser() -> argparse.ArgumentParser:
    """Return the reader of the command line."""
    reader = argparse.ArgumentParser(prog="crampstats", description=(crampstats.__doc__ or "").splitlines()[0])
    reader.add_argument("--version", action="version", version=f"crampstats {crampstats.__version__}")
    tasks = reader.add_subparsers(dest="task", required=True, metavar="TASK")
    for name, text in TASKS.items():
        task = tasks.add_parser(name, help=text, description=text)
        task.add_argument("--project", type=Path, default=Path(), help="the checkout (default: this folder)")
    return reader


def main(arguments: list[str] | None = None) -> int:
    """Run a task.

    Parameters
    ----------
    arguments
        As typed, without the command; None for those of the process.

    Returns
    -------
    int
        0 if all is well, 1 if results differ or a notebook failed, 2 if the command could not be carried out.
    """
    chosen = parser().parse_args(arguments)
    try:
        from crampstats.report.build import main as run
    except ModuleNotFoundError as error:
        print(f"crampstats {chosen.task} needs {error.name}: pip install 'crampstats[lab]'.", file=sys.stderr)
        return 2
    return run(chosen.task, chosen.project.resolve())


if __name__ == "__main__":
    sys.exit(main())
