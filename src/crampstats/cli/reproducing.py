"""The tasks `reproduce` and `accept`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def run(chosen: argparse.Namespace) -> int:
    """Run the notebooks and compare their results, or make these the committed ones.

    Parameters
    ----------
    chosen
        With `task` and `project`.
    """
    root = chosen.project.resolve()
    # Before anything is imported: what is missing would not help where there are no notebooks.
    if not (root / "notebooks").is_dir() or not (root / "requirements.lock").exists():
        print(
            f"crampstats {chosen.task}: {root} is no checkout of crampstats, it lacks notebooks/ or requirements.lock. In a "
            f"checkout: python3 run.py {chosen.task}",
            file=sys.stderr,
        )
        return 2
    try:
        from crampstats.report.build import main
    except ModuleNotFoundError as error:
        print(
            f"crampstats {chosen.task} needs {error.name}; in the checkout: python -m pip install '.[lab]', or python3 run.py "
            f"{chosen.task}",
            file=sys.stderr,
        )
        return 2
    return main(chosen.task, root)
