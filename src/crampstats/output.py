"""Where results are written: a build folder, never over what is committed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from crampstats.errors import CrampstatsError

FOLDER_VARIABLE = "CRAMPSTATS_OUTPUT"


def output_folder() -> Path:
    """Return the folder for tables and figures.

    Returns
    -------
    Path
        What the variable ``CRAMPSTATS_OUTPUT`` names; else ``build/results`` of the project that the working folder
        lies in (the nearest folder above it with a ``pyproject.toml``); else ``build/results`` of the working folder.
    """
    if named := os.environ.get(FOLDER_VARIABLE):
        return Path(named)
    here = Path.cwd()
    project = next((folder for folder in (here, *here.parents) if (folder / "pyproject.toml").exists()), here)
    return project / "build" / "results"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Parameters
    ----------
    path
        Its folder is made if need be.
    content
        All of it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def check_name(name: str) -> str:
    """Return a name that can be a file's, such as ``03-cramp-classes``, or raise."""
    if not name or not all(letter.isalnum() or letter in "-_" for letter in name):
        raise CrampstatsError(f"name={name!r} has to be letters, digits, '-' and '_': it names a file.")
    return name
