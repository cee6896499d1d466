"""Execution of notebooks, two at a time, with what a reader needs when one fails."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from traitlets.config import Config

from crampstats.output import FOLDER_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

AT_ONCE = 2
SECONDS_A_CELL = 300


@dataclass(frozen=True)
class Run:
    """What became of one notebook.

    Attributes
    ----------
    path
        Of the committed notebook.
    executed
        The notebook with its outputs, as far as it came.
    seconds
        How long it took.
    failure
        Empty if it ran through; else cell and error.
    """

    path: Path
    executed: Any
    seconds: float
    failure: str


def fingerprint(path: Path, package: Path, lock: Path) -> str:
    """Return what the outputs of a notebook depend on: its sources, the package, the versions.

    Parameters
    ----------
    path
        Of the notebook; its outputs do not count.
    package
        The folder of crampstats' sources.
    lock
        The file of pinned versions.
    """
    digest = hashlib.sha256()
    for cell in nbformat.read(path, as_version=4).cells:
        digest.update(f"{cell.cell_type}\n{cell.source}\n".encode())
    for file in sorted(package.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(str(file.relative_to(package)).encode())
            digest.update(file.read_bytes())
    digest.update(lock.read_bytes())
    return digest.hexdigest()


def normalised(notebook: Any) -> Any:
    """Return a notebook without what differs from run to run: times, machine, random names of cells."""
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    for number, cell in enumerate(notebook.cells, start=1):
        cell.id = f"cell-{number:02d}"
        cell.metadata = {}
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def source_of(cell: Any, lines: int = 3) -> str:
    """Return the first lines of a cell, for a message."""
    kept = cell.source.strip().splitlines()[:lines]
    return "\n".join(f"    {line}" for line in kept)


async def _execute(path: Path, output: Path) -> Run:
    """Run one notebook in its own folder, its results going to `output`."""
    started = time.monotonic()
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        config=Config({"KernelManager": {"transport_encryption": "auto"}}),
        timeout=SECONDS_A_CELL,
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    environment = {**os.environ, FOLDER_VARIABLE: str(output)}
    failure = ""
    try:
        await client.async_execute(env=environment)
    except CellExecutionError as error:
        failure = f"{error.ename}: {error.evalue}"
    except CellTimeoutError:
        failure = f"no answer within {SECONDS_A_CELL} s"
    except DeadKernelError:
        failure = "the kernel died"
    if failure:
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        reached = [cell for cell in code if cell.execution_count is not None]
        number = max(len(reached), 1)
        failure = f"cell {number} of {len(code)}: {failure}\n{source_of(code[number - 1])}"
    return Run(path, normalised(notebook), time.monotonic() - started, failure)


def execute(paths: list[Path], output: Callable[[Path], Path], tell: Callable[[Run, int], None]) -> list[Run]:
    """Run notebooks, two at a time.

    Parameters
    ----------
    paths
        Of the notebooks.
    output
        The folder for the results of a notebook.
    tell
        Called when one is done, with the number done so far.

    Returns
    -------
    list of Run
        In the order of `paths`.
    """

    async def one(path: Path, turn: asyncio.Semaphore, done: list[Path]) -> Run:
        async with turn:
            run = await _execute(path, output(path))
        done.append(path)
        tell(run, len(done))
        return run

    async def everything() -> list[Run]:
        turn, done = asyncio.Semaphore(AT_ONCE), []  # type: ignore[var-annotated]
        return list(await asyncio.gather(*(one(path, turn, done) for path in paths)))

    return asyncio.run(everything())
