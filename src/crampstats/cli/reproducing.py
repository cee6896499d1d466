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
    try:
        from crampstats.report.build import main
    except ModuleNotFoundError as error:
        print(f"crampstats {chosen.task} needs {error.name}: pip install 'crampstats[lab]'.", file=sys.stderr)
        return 2
    return main(chosen.task, chosen.project.resolve())
