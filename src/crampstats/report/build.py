"""`reproduce` and `accept`: run the notebooks into build/, compare, and make the new results the committed ones."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import nbformat

import crampstats
from crampstats.errors import CrampstatsError
from crampstats.output import write_whole
from crampstats.report.compare import compare_files
from crampstats.report.notebooks import AT_ONCE, Run, execute, fingerprint, read_notebook
from crampstats.report.site import Contents, write_site

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGE = Path(crampstats.__file__).parent

State: TypeAlias = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Project:
    """The folders of a checkout.

    Attributes
    ----------
    root
        The folder with ``notebooks/`` and ``requirements.lock``.
    """

    root: Path

    def __post_init__(self) -> None:
        if not (self.root / "notebooks").is_dir() or not (self.root / "requirements.lock").exists():
            raise CrampstatsError(
                f"{self.root} is no checkout of crampstats: it lacks notebooks/ or requirements.lock."
            )

    @property
    def notebooks(self) -> list[Path]:
        """Return the committed notebooks in order."""
        return sorted((self.root / "notebooks").glob("*.ipynb"))

    @property
    def build(self) -> Path:
        """Return the folder that everything new is written to."""
        return self.root / "build"

    @property
    def state(self) -> Path:
        """Return the file that says what build/ holds."""
        return self.build / "state.json"

    def read_state(self) -> State:
        """Return, for each notebook by name, its fingerprint and the files it made with their checksums."""
        return json.loads(self.state.read_text()) if self.state.exists() else {}

    def committed(self) -> dict[str, Path]:
        """Return the committed notebooks and results by their names below the root."""
        results = (path for path in (self.root / "results").rglob("*") if path.is_file() and path.name[0] != ".")
        return {path.relative_to(self.root).as_posix(): path for path in (*self.notebooks, *results)}

    def made(self, state: State) -> dict[str, Path]:
        """Return what the notebooks made, by the same names; other files in build/ do not count."""
        names = [f"notebooks/{name}.ipynb" for name in state] + [f"results/{name}" for name in _files(state)]
        return {name: self.build / name for name in names}

    def fingerprints(self) -> dict[Path, str]:
        """Return what the outputs of each notebook depend on, as a checksum."""
        return {path: fingerprint(path, PACKAGE, self.root / "requirements.lock") for path in self.notebooks}


def _files(state: State) -> set[str]:
    """Return all results that notebooks made."""
    return {file for known in state.values() for file in known["files"]}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _is_current(project: Project, path: Path, state: State, print_now: str) -> bool:
    """Say whether build/ holds the results of this notebook as it left them."""
    known = state.get(path.stem)
    if known is None or known["fingerprint"] != print_now or not (project.build / "notebooks" / path.name).exists():
        return False
    results = project.build / "results"
    # JupyterLab saves to the same folder, so that a file may be there and another one.
    return all((results / name).exists() and _sha256(results / name) == sha for name, sha in known["files"].items())


def _keep(project: Project, run: Run, staging: Path, state: State, print_now: str) -> None:
    """Move the results of a notebook that ran through to their places."""
    made = {}
    for path in sorted(path for path in staging.rglob("*") if path.is_file()):
        name = path.relative_to(staging).as_posix()
        made[name] = _sha256(path)
        target = project.build / "results" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
    write_whole(project.build / "notebooks" / run.path.name, nbformat.writes(run.executed).encode() + b"\n")
    state[run.path.stem] = {"fingerprint": print_now, "files": made}


def _forget_removed(project: Project, state: State) -> None:
    """Drop from build/ the notebooks that are no longer there."""
    for name in set(state) - {path.stem for path in project.notebooks}:
        del state[name]
        (project.build / "notebooks" / f"{name}.ipynb").unlink(missing_ok=True)


def _refuse_twice_made(runs: list[Run], staging: Path, state: State) -> list[Run]:
    """Return the runs, failed where another notebook makes a file of the same name."""
    again = {run.path.stem for run in runs}
    owners = {file: name for name, known in state.items() if name not in again for file in known["files"]}
    checked = []
    for run in runs:
        folder = staging / run.path.stem
        made = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
        twice = sorted(name for name in made if name in owners)
        if twice and not run.failure:
            text = f"{owners[twice[0]]}.ipynb makes {twice[0]} as well: give it another name"
            checked.append(replace(run, failure=text))
        else:
            checked.append(run)
            owners.update(dict.fromkeys(made, run.path.stem))
    return checked


def _run_changed(project: Project, state: State, tell: Callable[[str], None]) -> list[Run]:
    """Run the notebooks whose results are not there yet; return those that failed."""
    prints = project.fingerprints()
    stale = [path for path in project.notebooks if not _is_current(project, path, state, prints[path])]
    for path in project.notebooks:
        if path not in stale:
            tell(f"unchanged  {path.name}")
    if not stale:
        return []
    names = ", ".join(path.name for path in stale)
    tell(f"running {len(stale)} of {len(project.notebooks)} notebooks, {AT_ONCE} at a time: {names}")
    staging = project.build / "staging"
    shutil.rmtree(staging, ignore_errors=True)

    def done(run: Run, count: int) -> None:
        word = "FAILED" if run.failure else "ran"
        tell(f"[{count}/{len(stale)}] {word:<7} {run.path.name} in {run.seconds:.1f} s")

    runs = execute(stale, lambda path: staging / path.stem, done)
    runs = _refuse_twice_made(runs, staging, state)
    for run in runs:
        if run.failure:
            write_whole(project.build / "failed" / run.path.name, nbformat.writes(run.executed).encode() + b"\n")
        else:
            _keep(project, run, staging / run.path.stem, state, prints[run.path])
            (project.build / "failed" / run.path.name).unlink(missing_ok=True)
    shutil.rmtree(staging, ignore_errors=True)
    return [run for run in runs if run.failure]


def _write_report(project: Project, findings: dict[str, list[str]], failed: list[Run]) -> Path:
    """Write the report and return the path of its first page."""
    made = [project.build / "notebooks" / notebook.name for notebook in project.notebooks]
    executed = {notebook.stem: read_notebook(notebook) for notebook in made if notebook.exists()}
    failures = {run.path.name: run.failure for run in failed}
    contents = Contents(project.root, executed, project.build / "results", findings, failures)
    return write_site(contents, project.build / "html")


def _tell_verdict(findings: dict[str, list[str]], failed: list[Run], tell: Callable[[str], None]) -> bool:
    """Say what is equal, what differs and what failed; return whether all is well."""
    for name, texts in findings.items():
        tell(f"{'differs' if texts else 'equal':<10} {name}" + "".join(f"\n             {text}" for text in texts))
    for run in failed:
        tell(
            f"\nFAILED {run.path.name}, {run.failure}\n  (earlier results are left in place; the notebook as far as it "
            f"came: build/failed/{run.path.name})"
        )
    differing = sum(1 for texts in findings.values() if texts)
    tell(f"\n{len(findings) - differing} equal, {differing} differ, {len(failed)} failed")
    if differing and not failed:
        tell("If the new results are right: python3 run.py accept, and say in CHANGELOG.md which numbers changed.")
    return not differing and not failed


def reproduce(root: Path, tell: Callable[[str], None] = print) -> int:
    """Run every notebook that changed into build/, compare with what is committed, and build the report.

    Parameters
    ----------
    root
        The checkout.
    tell
        Called with each line of progress.

    Returns
    -------
    int
        0 if all is equal, 1 if anything differs or failed.

    Raises
    ------
    CrampstatsError
        If the folder is no checkout, or a notebook cannot be read.
    """
    started = time.monotonic()
    project = Project(root)
    state = project.read_state()
    before = _files(state)
    _forget_removed(project, state)
    failed = _run_changed(project, state, tell)
    for name in before - _files(state):
        (project.build / "results" / name).unlink(missing_ok=True)
    write_whole(project.state, json.dumps(state, indent=1).encode())
    findings = compare_files(project.committed(), project.made(state))
    report = _write_report(project, findings, failed)
    well = _tell_verdict(findings, failed, tell)
    tell(f"report, after {time.monotonic() - started:.1f} s: {report}")
    return 0 if well else 1


def accept(root: Path, tell: Callable[[str], None] = print) -> int:
    """Make the results of the last `reproduce` the committed ones.

    Parameters
    ----------
    root
        The checkout.
    tell
        Called with each line of progress.

    Returns
    -------
    int
        0, or 1 if a notebook has changed since or failed.
    """
    project = Project(root)
    state = project.read_state()
    prints = project.fingerprints()
    stale = [path.name for path in prints if not _is_current(project, path, state, prints[path])]
    removed = [f"{name}.ipynb" for name in state if name not in {path.stem for path in prints}]
    if stale or removed:
        tell(f"{', '.join(stale + removed)}: changed since the last results; first run `python3 run.py reproduce`.")
        return 1
    made = project.made(state)
    for name, texts in compare_files(project.committed(), made).items():
        if not texts:
            continue
        if name in made:
            write_whole(root / name, made[name].read_bytes())
            tell(f"accepted  {name}")
        else:
            (root / name).unlink()
            tell(f"removed   {name}")
    return 0


def main(task: str, root: Path) -> int:
    """Run a task, a refusal being a message."""
    try:
        # Progress is to be seen while it happens, in a pipe as well.
        return {"reproduce": reproduce, "accept": accept}[task](root, partial(print, flush=True))
    except CrampstatsError as error:
        print(error, file=sys.stderr)
        return 2
