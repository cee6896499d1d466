"""The command `crampstats`; nothing heavy is imported before a task needs it."""

from __future__ import annotations

import io
import sys
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

from crampstats.cli.arguments import TASKS, parser
from crampstats.errors import CrampstatsError, SchemaError

if TYPE_CHECKING:
    import argparse

__all__ = ["TASKS", "main", "parser"]

_HOMES = {
    "check": "checking",
    "prevalence": "prevalences",
    "simulate": "simulating",
    "reproduce": "reproducing",
    "accept": "reproducing",
}
# As a shell says of a program that a signal ended.
INTERRUPTED, NOBODY_READS = 130, 141


def main(arguments: list[str] | None = None) -> int:
    """Run a task.

    Parameters
    ----------
    arguments
        As typed, without the command; None for those of the process.

    Returns
    -------
    int
        0 if all is well; 1 if data have faults, results differ or a notebook failed; 2 if the command could not be carried
        out; 130 after Ctrl-C, 141 if nobody reads what it writes, as after ``| head``.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(
            stream, io.TextIOWrapper
        ):  # whatever the locale says, and a letter that is none is shown as its code
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    chosen = parser().parse_args(arguments)
    try:
        code = _run(chosen)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        with suppress(BrokenPipeError):  # closed, it is not flushed again at the end of the process
            sys.stdout.close()
        return NOBODY_READS
    return code


def _run(chosen: argparse.Namespace) -> int:
    """Run a task, whatever it refuses being a message."""
    try:
        return int(import_module(f"crampstats.cli.{_HOMES[chosen.task]}").run(chosen))
    except CrampstatsError as error:
        from crampstats.cli.wording import in_options

        print(f"crampstats {chosen.task}: {in_options(str(error))}", file=sys.stderr)
        # What a file holds is a fault of the data; what simulate is given is one of the command.
        return 1 if isinstance(error, SchemaError) and chosen.task != "simulate" else 2
    except MemoryError:
        print(f"crampstats {chosen.task}: there is not enough memory for it.", file=sys.stderr)
        return 2
    except BrokenPipeError:
        raise
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"crampstats {chosen.task}: {where}{error.strerror or error}.", file=sys.stderr)
        return 2
