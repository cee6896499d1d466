"""Execution of notebooks with real kernels: what comes back, and what is said when one fails."""

import asyncio
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from crampstats.errors import CrampstatsError
from crampstats.report import notebooks

# What each notebook does, in cells of code.
SOURCES = {
    "fine": ["x = 2", "print('hello')\nx + 1", "", "import os\nopen(os.environ['CRAMPSTATS_OUTPUT'], 'w').close()"],
    "error": ["x = 1", "# a comment\n\nx / 0\nx\nx", "print('never')"],
    "silent": ["x = 1", "import time\ntime.sleep(60)"],
    "dead": ["", "x = 1", "import os\nos._exit(1)"],
    "warning": ["x = 1", "import warnings\nwarnings.warn('look out', stacklevel=2)", "x"],
    "address": ["object()"],
    "path": ["import os\nprint(os.getcwd())"],
    "tagged": ["1 / 0"],
}


def notebook(*sources: str, heading: str = "# How many?") -> nbformat.NotebookNode:
    """Return a notebook as an editor leaves it: random ids, counts and outputs of another time."""
    code = [
        nbformat.v4.new_code_cell(
            source,
            execution_count=40 + number,
            metadata={"tags": ["raises-exception"], "execution": {"iopub.status.busy": "2026-01-01T00:00:00Z"}},
            outputs=[nbformat.v4.new_output("stream", name="stderr", text="old\n")],
        )
        for number, source in enumerate(sources)
    ]
    metadata = {"language_info": {"name": "python", "version": "2.7"}, "kernelspec": {"name": "r", "display_name": "R"}}
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(heading), *code], metadata=metadata)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a checkout with the notebooks, their reader having start-up files of IPython."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / "notebooks").mkdir()
    for name, sources in SOURCES.items():
        nbformat.write(notebook(*sources), folder / "notebooks" / f"{name}.ipynb")
    startup = folder / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "mine.py").write_text("print('mine')\nimport sys\nsys.exit('started')\n")
    return folder


@pytest.fixture(scope="module")
def told() -> list[tuple[str, int]]:
    return []


@pytest.fixture(scope="module")
def runs(root: Path, told: list[tuple[str, int]]) -> dict[str, notebooks.Run]:
    """Return all notebooks run, two at a time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(notebooks, "SECONDS_A_CELL", 4)
        patch.setenv("IPYTHONDIR", str(root / "ipython"))
        done = notebooks.execute(
            [root / "notebooks" / f"{name}.ipynb" for name in SOURCES],
            lambda path: root / "build" / path.stem,
            lambda run, count: told.append((run.path.stem, count)),
        )
    return {run.path.stem: run for run in done}


def test_all_come_back_in_their_order_and_are_told_of_when_done(
    runs: dict[str, notebooks.Run], told: list[tuple[str, int]]
) -> None:
    assert list(runs) == list(SOURCES)
    assert sorted(name for name, _ in told) == sorted(SOURCES)
    assert [count for _, count in told] == list(range(1, len(SOURCES) + 1))


def test_two_run_at_a_time_the_last_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running, together, begun = set(), [], []

    async def run_one(path: Path, output: Path) -> notebooks.Run:
        running.add(path.stem)
        begun.append(path.stem)
        together.append(len(running))
        await asyncio.sleep(0.01)
        running.remove(path.stem)
        return notebooks.Run(path, None, 0.01, "")

    monkeypatch.setattr(notebooks, "_execute", run_one)
    done = notebooks.execute(
        [tmp_path / f"{name}.ipynb" for name in "abcd"], lambda path: path, lambda run, count: None
    )
    assert (len(together), max(together)) == (4, 2)
    assert begun == ["d", "c", "b", "a"]
    assert [run.path.stem for run in done] == ["a", "b", "c", "d"]


def test_a_notebook_that_runs_through(runs: dict[str, notebooks.Run], root: Path) -> None:
    run = runs["fine"]
    assert run.failure == ""
    code = [cell for cell in run.executed.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 2, None, 3]
    assert [[output.output_type for output in cell.outputs] for cell in code] == [
        [],
        ["stream", "execute_result"],
        [],
        [],
    ]
    assert code[1].outputs[0].text == "hello\n"
    assert code[1].outputs[1].data == {"text/plain": "3"}
    assert (root / "build" / "fine").read_bytes() == b""


def test_an_executed_notebook_has_nothing_of_the_moment(runs: dict[str, notebooks.Run]) -> None:
    executed = runs["fine"].executed
    assert executed.metadata == notebooks.METADATA
    assert [cell.id for cell in executed.cells] == ["cell-01", "cell-02", "cell-03", "cell-04", "cell-05"]
    assert [cell.metadata for cell in executed.cells] == [{}] * 5
    assert (executed.nbformat, executed.nbformat_minor) == (4, 5)
    nbformat.validate(executed)


FAILURES = {
    "error": "cell 3 of 4: ZeroDivisionError: division by zero",
    "silent": "cell 3 of 3: no answer within 4 s",
    "dead": "cell 4 of 4: the kernel died",
    "tagged": "cell 2 of 2: ZeroDivisionError: division by zero",
    "address": "cell 2 of 2: its output shows a memory address, another one in each run",
    "path": "cell 2 of 2: its output shows where the checkout lies, another path on each machine",
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_names_cell_and_error_and_shows_the_cell(name: str, runs: dict[str, notebooks.Run]) -> None:
    said, *lines = runs[name].failure.splitlines()
    assert said == FAILURES[name]
    failing = runs[name].executed.cells[int(said.split()[1]) - 1]
    assert lines == [f"    {line}" for line in failing.source.splitlines()[:3]]


def test_what_is_written_to_stderr_is_a_failure(runs: dict[str, notebooks.Run]) -> None:
    first, *lines = runs["warning"].failure.splitlines()
    assert first.startswith("cell 3 of 4: it wrote to stderr: ")
    assert first.endswith("UserWarning: look out")
    assert lines == ["    import warnings", "    warnings.warn('look out', stacklevel=2)"]


def test_a_failed_notebook_is_kept_as_far_as_it_came(runs: dict[str, notebooks.Run]) -> None:
    _, first, failing, never = runs["error"].executed.cells
    assert first.execution_count == 1
    assert [output.ename for output in failing.outputs] == ["ZeroDivisionError"]
    assert (never.execution_count, never.outputs) == (None, [])


def test_nothing_is_left_beside_the_notebooks(runs: dict[str, notebooks.Run], root: Path) -> None:
    assert sorted(path.stem for path in (root / "notebooks").iterdir()) == sorted(SOURCES)


@pytest.mark.parametrize("error", [RuntimeError("Kernel died before replying"), notebooks.NoSuchKernel("python3")])
def test_a_kernel_that_does_not_start(error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise error

    nbformat.write(notebook("x"), tmp_path / "one.ipynb")
    monkeypatch.setattr(NotebookClient, "async_execute", fail)
    (run,) = notebooks.execute([tmp_path / "one.ipynb"], lambda path: tmp_path / "out", lambda run, count: None)
    assert run.failure == f"no kernel: {error}"


@pytest.fixture
def parts(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Return a notebook, a package and a lock."""
    (tmp_path / "notebooks").mkdir()
    nbformat.write(notebook("x = 1", "x"), tmp_path / "notebooks" / "one.ipynb")
    (tmp_path / "package" / "__pycache__").mkdir(parents=True)
    (tmp_path / "package" / "module.py").write_text("y = 1\n")
    (tmp_path / "lock").write_text("numpy==2.0\n")
    return tmp_path / "notebooks" / "one.ipynb", tmp_path / "package", tmp_path / "lock"


def test_the_fingerprint_does_not_see_outputs_and_caches(parts: tuple[Path, Path, Path]) -> None:
    before = notebooks.fingerprint(*parts)
    node = nbformat.read(parts[0], as_version=4)
    node.cells[1].outputs, node.cells[1].execution_count = [], None
    nbformat.write(notebooks.bare(node), parts[0])
    (parts[1] / "__pycache__" / "module.pyc").write_bytes(b"1")
    for name in notebooks.BEYOND:
        (parts[1] / name).mkdir()
        (parts[1] / name / "pages.py").write_text("x = 1\n")
    assert notebooks.fingerprint(*parts) == before


def test_the_fingerprint_sees_the_files_that_a_notebook_reads(parts: tuple[Path, Path, Path]) -> None:
    data = parts[0].parent.parent / "data.csv"
    data.write_text("x\n1\n")
    node = nbformat.read(parts[0], as_version=4)
    node.cells[2].source = "pd.read_csv('../data.csv')"
    nbformat.write(node, parts[0])
    before = notebooks.fingerprint(*parts)
    assert notebooks.fingerprint(*parts) == before
    data.write_text("x\n2\n")
    assert notebooks.fingerprint(*parts) != before


@pytest.mark.parametrize("changed", ["source", "kind", "package", "name", "lock", "python"])
def test_the_fingerprint_sees_what_results_depend_on(
    changed: str, parts: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, package, lock = parts
    before = notebooks.fingerprint(*parts)
    node = nbformat.read(path, as_version=4)
    match changed:
        case "source":
            node.cells[2].source = "x + 1"
            nbformat.write(node, path)
        case "kind":
            node.cells[2] = nbformat.v4.new_markdown_cell("x")
            nbformat.write(node, path)
        case "package":
            (package / "module.py").write_text("y = 2\n")
        case "name":
            (package / "module.py").rename(package / "other.py")
        case "lock":
            lock.write_text("numpy==2.1\n")
        case "python":
            monkeypatch.setattr(sys, "version", "3.99.0 (main)")
    assert notebooks.fingerprint(*parts) != before


@pytest.mark.parametrize("content", ["", "{", "{}", "[]", '{"nbformat": 99}', '{"cells": 1}'])
def test_a_file_that_is_no_notebook(content: str, tmp_path: Path) -> None:
    (tmp_path / "one.ipynb").write_text(content)
    with pytest.raises(CrampstatsError, match=r"one\.ipynb cannot be read as a notebook \(\w+Error\)"):
        notebooks.read_notebook(tmp_path / "one.ipynb")
