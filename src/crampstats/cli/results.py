"""Where a result goes: the screen, or a file that is not there yet."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from crampstats.errors import CrampstatsError
from crampstats.output import write_whole

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from pathlib import Path


def chosen_format(chosen: argparse.Namespace, endings: Mapping[str, str]) -> str:
    """Return the format that --format or the ending of --output names, checked before anything is computed.

    Parameters
    ----------
    chosen
        With `format`, `output` and `force`.
    endings
        The format of each ending that the task can write.

    Raises
    ------
    CrampstatsError
        If the ending is another one or not that of --format, or the file is there and --force is not said.
    """
    path: Path | None = chosen.output
    if path is None:
        return chosen.format or "text"
    ending = path.suffix.lower()
    if ending not in endings:
        raise CrampstatsError(
            f"--output {path}: the ending {path.suffix!r} is unknown: choose from {', '.join(endings)}."
        )
    if chosen.format not in (None, endings[ending]):
        raise CrampstatsError(f"--output {path} and --format {chosen.format} say two things: leave one out.")
    refuse_to_overwrite(path, force=chosen.force)
    return endings[ending]


def refuse_to_overwrite(path: Path, *, force: bool) -> None:
    """Raise if a file is there and may not be written over, or a folder is.

    Parameters
    ----------
    path
        Of the file to write.
    force
        Whether --force is said.

    Raises
    ------
    CrampstatsError
        With the path.
    """
    if path.is_dir():
        raise CrampstatsError(f"--output {path} is a folder, not a file.")
    if path.exists() and not force:
        raise CrampstatsError(f"--output {path} is there already: --force writes over it.")


def hand_over(content: bytes, path: Path | None, what: str) -> None:
    """Write a result to its file and say so, or show it.

    Parameters
    ----------
    content
        All of it, UTF-8 where it is shown.
    path
        Of the file; None for the screen.
    what
        What is said of a file that was written.
    """
    if path is None:
        sys.stdout.write(content.decode())
        return
    write_whole(path, content)
    print(f"{path}: {what}")
