"""Execution of notebooks, two at a time, with what a reader needs when one fails."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nbformat
from jupyter_client.kernelspec import NoSuchKernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from traitlets.config import Config

from crampstats.errors import CrampstatsError
from crampstats.output import FOLDER_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

AT_ONCE = 2
SECONDS_A_CELL = 300
# Two notebooks at a time on two cores: more threads of linear algebra would wait for each other.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
SHOWN_LINES = 3
METADATA = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
# What notebooks cannot reach, so that a change in it changes no result: a test holds notebooks to that.
BEYOND = {"report", "cli", "cli.py"}
FILE_BESIDE = re.compile(r"""["'](\.\./[\w./-]+)["']""")
MEMORY_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]{6,}")


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


def read_notebook(path: Path) -> Any:
    """Return a notebook.

    Raises
    ------
    CrampstatsError
        If the file is none.
    """
    try:
        return nbformat.read(path, as_version=4)
    except Exception as error:  # nbformat raises whatever it stumbles on
        raise CrampstatsError(f"{path.name} cannot be read as a notebook ({type(error).__name__}).") from error


def fingerprint(path: Path, package: Path, lock: Path) -> str:
    """Return what the outputs of a notebook depend on: its sources, the files that it reads, the package, the versions.

    Parameters
    ----------
    path
        Of the notebook; its outputs do not count.
    package
        The folder of crampstats' sources.
    lock
        The file of pinned versions.

    Raises
    ------
    CrampstatsError
        If the file is no notebook.
    """
    digest = hashlib.sha256(sys.version.encode())
    for cell in read_notebook(path).cells:
        digest.update(f"{cell.cell_type}\n{cell.source}\n".encode())
        for name in FILE_BESIDE.findall(cell.source):
            if (path.parent / name).is_file():
                digest.update((path.parent / name).read_bytes())
    for file in sorted(package.rglob("*")):
        within = file.relative_to(package)
        if file.is_file() and "__pycache__" not in file.parts and within.parts[0] not in BEYOND:
            digest.update(str(within).encode())
            digest.update(file.read_bytes())
    digest.update(lock.read_bytes())
    return digest.hexdigest()


def bare(notebook: Any) -> Any:
    """Return a notebook without outputs, and without what editors add: random names of cells, tags, times."""
    for number, cell in enumerate(notebook.cells, start=1):
        cell.id = f"cell-{number:02d}"
        cell.metadata = nbformat.from_dict({})
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def unrepeatable(cell: Any, folder: Path) -> str:
    """Say what in the outputs of a cell would differ in another run or on another machine.

    Parameters
    ----------
    cell
        Executed.
    folder
        Of the checkout, whose path is not to be shown.

    Returns
    -------
    str
        Empty if there is nothing.
    """
    for output in cell.outputs:
        if output.get("name") == "stderr":
            return f"it wrote to stderr: {output.text.strip().splitlines()[0]}"
        texts = [output.get("text", ""), *(text for kind, text in output.get("data", {}).items() if "text/" in kind)]
        if any(MEMORY_ADDRESS.search(text) for text in texts):
            return "its output shows a memory address, another one in each run"
        if any(str(folder) in text for text in texts):
            return "its output shows where the checkout lies, another path on each machine"
    return ""


def _in_words(error: Exception) -> str:
    """Say why a notebook did not run through."""
    match error:
        case CellExecutionError():
            return f"{error.ename}: {error.evalue}"
        case CellTimeoutError():
            return f"no answer within {SECONDS_A_CELL} s"
        case DeadKernelError():
            return "the kernel died"
        case _:
            return f"no kernel: {error}"


def _at(notebook: Any, index: int, problem: str) -> str:
    """Say which cell has the problem, and how it begins."""
    lines = notebook.cells[index].source.strip().splitlines()[:SHOWN_LINES]
    return f"cell {index + 1} of {len(notebook.cells)}: {problem}" + "".join(f"\n    {line}" for line in lines)


async def _execute(path: Path, output: Path) -> Run:
    """Run one notebook in its own folder, its results going to `output`."""
    started = time.monotonic()
    notebook = bare(read_notebook(path))
    reached: list[int] = []
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        config=Config({"KernelManager": {"transport_encryption": "auto"}}),
        timeout=SECONDS_A_CELL,
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_execute=lambda cell, cell_index: reached.append(cell_index),  # noqa: ARG005
    )
    # A reader's own start-up files of IPython are not to reach the results.
    ipython = output.with_name(f".ipython-{output.name}")
    ipython.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, **ONE_THREAD, FOLDER_VARIABLE: str(output), "IPYTHONDIR": str(ipython)}
    failure = ""
    try:
        await client.async_execute(env=environment)
    except (CellExecutionError, CellTimeoutError, NoSuchKernel, RuntimeError) as error:
        problem = _in_words(error)
        failure = _at(notebook, reached[-1], problem) if reached else problem
    else:
        faults = ((index, unrepeatable(notebook.cells[index], path.parents[1])) for index in reached)
        failure = next((_at(notebook, index, fault) for index, fault in faults if fault), "")
    notebook.metadata = nbformat.from_dict(METADATA)
    return Run(path, notebook, time.monotonic() - started, failure)


def execute(paths: list[Path], output: Callable[[Path], Path], tell: Callable[[Run, int], None]) -> list[Run]:
    """Run notebooks, two at a time, the last ones first.

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
        # The last ones simulate most: begun first, none of them runs alone at the end.
        runs = await asyncio.gather(*(one(path, turn, done) for path in reversed(paths)))
        return list(reversed(runs))

    return asyncio.run(everything())
