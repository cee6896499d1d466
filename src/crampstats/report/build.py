"""`reproduce` and `accept`: run the notebooks into build/, compare, and make the new results the committed ones."""

from __future__ import annotations

import json
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat

import crampstats
from crampstats.errors import CrampstatsError
from crampstats.output import write_whole
from crampstats.report.compare import compare_folders
from crampstats.report.notebooks import AT_ONCE, Run, execute, fingerprint
from crampstats.report.pages import write_index, write_notebook_page

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGE = Path(crampstats.__file__).parent


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

    def read_state(self) -> dict[str, dict[str, Any]]:
        """Return, for each notebook by name, its fingerprint and the files it made."""
        return json.loads(self.state.read_text()) if self.state.exists() else {}


def _is_current(project: Project, path: Path, state: dict[str, dict[str, Any]], print_now: str) -> bool:
    """Say whether build/ already holds the results of this notebook."""
    known = state.get(path.stem)
    return (
        known is not None
        and known["fingerprint"] == print_now
        and (project.build / "notebooks" / path.name).exists()
        and all((project.build / "results" / name).exists() for name in known["files"])
    )


def _keep(project: Project, run: Run, staging: Path, state: dict[str, dict[str, Any]], print_now: str) -> None:
    """Move the results of a notebook that ran through to their places, and drop those it no longer makes."""
    made = sorted(path.relative_to(staging).as_posix() for path in staging.rglob("*") if path.is_file())
    for name in set(state.get(run.path.stem, {}).get("files", [])) - set(made):
        (project.build / "results" / name).unlink(missing_ok=True)
    for name in made:
        target = project.build / "results" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (staging / name).replace(target)
    write_whole(project.build / "notebooks" / run.path.name, nbformat.writes(run.executed).encode() + b"\n")
    write_notebook_page(run.executed, project.build / "html" / f"{run.path.stem}.html")
    state[run.path.stem] = {"fingerprint": print_now, "files": made}


def _forget_removed(project: Project, state: dict[str, dict[str, Any]]) -> None:
    """Drop from build/ what belongs to notebooks that are no longer there."""
    for name in set(state) - {path.stem for path in project.notebooks}:
        for file in state.pop(name)["files"]:
            (project.build / "results" / file).unlink(missing_ok=True)
        for made in (project.build / "notebooks" / f"{name}.ipynb", project.build / "html" / f"{name}.html"):
            made.unlink(missing_ok=True)


def _run_changed(project: Project, state: dict[str, dict[str, Any]], tell: Callable[[str], None]) -> list[Run]:
    """Run the notebooks whose results are not there yet; return those that failed."""
    prints = {path: fingerprint(path, PACKAGE, project.root / "requirements.lock") for path in project.notebooks}
    stale = [path for path in project.notebooks if not _is_current(project, path, state, prints[path])]
    for path in project.notebooks:
        if path not in stale:
            tell(f"unchanged  {path.name}")
    if not stale:
        return []
    tell(f"running {len(stale)} of {len(project.notebooks)} notebooks, {AT_ONCE} at a time ...")
    staging = project.build / "staging"
    shutil.rmtree(staging, ignore_errors=True)

    def done(run: Run, count: int) -> None:
        word = "FAILED" if run.failure else "ran"
        tell(f"[{count}/{len(stale)}] {word:<7} {run.path.name} in {run.seconds:.1f} s")

    runs = execute(stale, lambda path: staging / path.stem, done)
    for run in runs:
        if run.failure:
            write_whole(project.build / "failed" / run.path.name, nbformat.writes(run.executed).encode() + b"\n")
        else:
            _keep(project, run, staging / run.path.stem, state, prints[run.path])
            (project.build / "failed" / run.path.name).unlink(missing_ok=True)
    shutil.rmtree(staging, ignore_errors=True)
    return [run for run in runs if run.failure]


def _compare(project: Project) -> dict[str, list[str]]:
    """Compare build/ with what is committed."""
    findings = {}
    for folder in ("notebooks", "results"):
        found = compare_folders(project.root / folder, project.build / folder)
        findings.update({f"{folder}/{name}": texts for name, texts in found.items()})
    return findings


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
    """
    started = time.monotonic()
    project = Project(root)
    state = project.read_state()
    _forget_removed(project, state)
    failed = _run_changed(project, state, tell)
    write_whole(project.state, json.dumps(state, indent=1).encode())
    findings = _compare(project)
    for name, texts in findings.items():
        tell(f"{'differs' if texts else 'equal':<10} {name}" + "".join(f"\n             {text}" for text in texts))
    executed = {
        path.stem: nbformat.read(project.build / "notebooks" / path.name, as_version=4)
        for path in project.notebooks
        if (project.build / "notebooks" / path.name).exists()
    }
    report = project.build / "html" / "index.html"
    write_index(executed, findings, report)
    for run in failed:
        tell(
            f"\nFAILED {run.path.name}, {run.failure}\n  (earlier results are left in place; the notebook as far as it "
            f"came: {(project.build / 'failed' / run.path.name).relative_to(root)})"
        )
    differing = sum(1 for texts in findings.values() if texts)
    tell(
        f"\n{len(findings) - differing} equal, {differing} differ, {len(failed)} failed, in {time.monotonic() - started:.1f} s"
    )
    if differing and not failed:
        tell("If the new results are right: python3 run.py accept, and say in CHANGELOG.md which numbers changed.")
    tell(f"report: {report}")
    return 1 if differing or failed else 0


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
    for path in project.notebooks:
        now = fingerprint(path, PACKAGE, project.root / "requirements.lock")
        if not _is_current(project, path, state, now):
            tell(f"{path.name} has no results of its present state: run `python3 run.py reproduce` first.")
            return 1
    for name, texts in _compare(project).items():
        if not texts:
            continue
        committed, new = root / name, project.build / name
        if new.exists():
            write_whole(committed, new.read_bytes())
            tell(f"accepted  {name}")
        else:
            committed.unlink()
            tell(f"removed   {name}")
    return 0


def main(task: str, root: Path) -> int:
    """Run a task, a refusal being a message."""
    try:
        return {"reproduce": reproduce, "accept": accept}[task](root)
    except CrampstatsError as error:
        print(error, file=sys.stderr)
        return 2
