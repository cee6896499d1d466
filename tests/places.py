"""Where the checkout and the files that are not part of it lie."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[1]


def folder_of(variable: str, beside: str) -> Path | None:
    """Return the folder that a variable names, or one beside the checkout, if it is there."""
    place = Path(os.environ.get(variable) or ROOT.parent / beside)
    return place if place.is_dir() else None
