"""`reproduce` and `accept` on an invented checkout: what is run, compared, kept, dropped and said."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import pytest

from crampstats.errors import CrampstatsError
from crampstats.report import build
from crampstats.report.notebooks import Run, bare, read_notebook


def write_notebook(path: Path, source: str) -> None:
    cells = [nbformat.v4.new_markdown_cell(f"# About {path.stem}?"), nbformat.v4.new_code_cell(source)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


@dataclass
class Checkout:
    """A checkout whose notebooks are run by writing what `made` says, which is quick."""

    root: Path
    made: dict[str, dict[str, str]]
    failing: dict[str, str] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def execute(self, paths: list[Path], output: Callable[[Path], Path], tell: Callable[[Run, int], None]) -> list[Run]:
        runs = []
        for path in paths:
            self.ran.append(path.stem)
            for name, content in self.made[path.stem].items():
                file = output(path) / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(content)
            runs.append(Run(path, bare(read_notebook(path)), 1.25, self.failing.get(path.stem, "")))
            tell(runs[-1], len(runs))
        return runs

    def notebook(self, name: str) -> Path:
        return self.root / "notebooks" / f"{name}.ipynb"

    def reproduce(self) -> int:
        self.ran.clear()
        self.told.clear()
        return build.reproduce(self.root, self.told.append)

    def accept(self) -> int:
        self.told.clear()
        return build.accept(self.root, self.told.append)

    def files(self, below: str = ".", without: str = "build") -> dict[str, bytes]:
        """Return the content of all files below a folder, by name."""
        folder = self.root / below
        paths = [path for path in folder.rglob("*") if path.is_file()]
        names = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
        return {name: content for name, content in sorted(names.items()) if not name.startswith(f"{without}/")}


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """Return a checkout of two notebooks of which nothing is committed but their source."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "requirements.lock").write_text("numpy==2.0\n")
    (tmp_path / "package").mkdir()
    made = {"01-a": {"tables/01-a.csv": "x\n0.5\n", "tables/01-b.csv": "x\n2\n"}, "02-c": {"tables/02-c.csv": "x\n3\n"}}
    world = Checkout(tmp_path, made)
    for name in made:
        write_notebook(world.notebook(name), "x")
    monkeypatch.setattr(build, "execute", world.execute)
    monkeypatch.setattr(build, "PACKAGE", tmp_path / "package")
    return world


@pytest.fixture
def accepted(checkout: Checkout) -> Checkout:
    """Return the same after reproduce and accept."""
    checkout.reproduce()
    checkout.accept()
    return checkout


def test_the_first_run_makes_everything_below_build(checkout: Checkout) -> None:
    before = checkout.files()
    assert checkout.reproduce() == 1
    assert checkout.files() == before
    made = list(checkout.files("build"))
    assert [name for name in made if name.startswith("html/0")] == ["html/01-a.html", "html/02-c.html"]
    assert "html/index.html" in made
    assert [name for name in made if not name.startswith("html/")] == [
        "notebooks/01-a.ipynb",
        "notebooks/02-c.ipynb",
        "results/tables/01-a.csv",
        "results/tables/01-b.csv",
        "results/tables/02-c.csv",
        "state.json",
    ]
    assert checkout.files("build")["results/tables/02-c.csv"] == b"x\n3\n"


def test_progress_findings_and_report_are_told(checkout: Checkout) -> None:
    checkout.reproduce()
    assert checkout.told[:3] == [
        "running 2 of 2 notebooks, 2 at a time: 01-a.ipynb, 02-c.ipynb",
        "[1/2] ran     01-a.ipynb in 1.2 s",
        "[2/2] ran     02-c.ipynb in 1.2 s",
    ]
    assert "differs    results/tables/01-a.csv\n             new, not committed" in checkout.told
    assert "\n0 equal, 5 differ, 0 failed" in checkout.told
    assert "python3 run.py accept" in checkout.told[-2]
    assert checkout.told[-1].startswith("report, after ")
    assert checkout.told[-1].endswith(f" s: {checkout.root / 'build' / 'html' / 'index.html'}")


def test_accepted_results_are_equal_and_nothing_runs_again(checkout: Checkout) -> None:
    checkout.reproduce()
    assert checkout.accept() == 0
    assert checkout.told == [
        "accepted  notebooks/01-a.ipynb",
        "accepted  notebooks/02-c.ipynb",
        "accepted  results/tables/01-a.csv",
        "accepted  results/tables/01-b.csv",
        "accepted  results/tables/02-c.csv",
    ]
    assert checkout.files("results") == checkout.files("build/results")
    assert checkout.files("notebooks") == checkout.files("build/notebooks")
    assert checkout.reproduce() == 0
    assert checkout.ran == []
    assert checkout.told[:2] == ["unchanged  01-a.ipynb", "unchanged  02-c.ipynb"]
    assert "equal      results/tables/01-a.csv" in checkout.told
    assert "\n5 equal, 0 differ, 0 failed" in checkout.told
    assert not [line for line in checkout.told if "run.py accept" in line]


def test_there_is_nothing_to_accept_twice(accepted: Checkout) -> None:
    assert accepted.accept() == 0
    assert accepted.told == []


def test_only_a_changed_notebook_runs_again(accepted: Checkout) -> None:
    write_notebook(accepted.notebook("02-c"), "x + 1")
    assert accepted.reproduce() == 1
    assert accepted.ran == ["02-c"]
    assert accepted.told[:2] == ["unchanged  01-a.ipynb", "running 1 of 2 notebooks, 2 at a time: 02-c.ipynb"]


@pytest.mark.parametrize("changed", ["requirements.lock", "package/module.py"])
def test_other_versions_or_code_run_everything_again(changed: str, accepted: Checkout) -> None:
    (accepted.root / changed).write_text("numpy==2.1\n")
    assert accepted.reproduce() == 0
    assert accepted.ran == ["01-a", "02-c"]


@pytest.mark.parametrize(("value", "code"), [("0.50005", 1), ("0.50000005", 0)])
def test_a_changed_number_is_found(value: str, code: int, accepted: Checkout) -> None:
    (accepted.root / "results/tables/01-a.csv").write_text(f"x\n{value}\n")
    assert accepted.reproduce() == code
    assert accepted.ran == []
    said = "differs    results/tables/01-a.csv\n             row 1, x: committed '0.50005', new '0.5'"
    assert accepted.told.count(said) == code


def test_accept_writes_over_a_changed_number(accepted: Checkout) -> None:
    (accepted.root / "results/tables/01-a.csv").write_text("x\n0.6\n")
    accepted.reproduce()
    assert accepted.accept() == 0
    assert accepted.told == ["accepted  results/tables/01-a.csv"]
    assert accepted.files("results")["tables/01-a.csv"] == b"x\n0.5\n"


@pytest.mark.parametrize("name", ["results/tables/01-stray.csv", "results/notes.txt"])
def test_a_committed_file_that_no_notebook_makes(name: str, accepted: Checkout) -> None:
    (accepted.root / name).write_text("x\n1\n")
    assert accepted.reproduce() == 1
    assert f"differs    {name}\n             committed, but the notebooks do not make it" in accepted.told
    assert accepted.accept() == 0
    assert accepted.told == [f"removed   {name}"]
    assert not (accepted.root / name).exists()


@pytest.mark.parametrize("name", ["notebooks/README.md", "notebooks/drafts/09-x.ipynb", "results/.hidden"])
def test_other_files_of_a_checkout_are_left_alone(name: str, accepted: Checkout) -> None:
    (accepted.root / name).parent.mkdir(exist_ok=True)
    (accepted.root / name).write_text("{}")
    assert accepted.reproduce() == 0
    assert accepted.accept() == 0
    assert (accepted.root / name).read_text() == "{}"


def test_a_committed_file_that_is_missing(accepted: Checkout) -> None:
    (accepted.root / "results/tables/01-b.csv").unlink()
    assert accepted.reproduce() == 1
    assert "differs    results/tables/01-b.csv\n             new, not committed" in accepted.told


def test_a_failure_leaves_earlier_results_in_place(accepted: Checkout) -> None:
    before = accepted.files("build/results") | accepted.files("build/notebooks")
    write_notebook(accepted.notebook("02-c"), "1 / 0")
    accepted.failing["02-c"] = "cell 2 of 2: ZeroDivisionError: division by zero\n    1 / 0"
    accepted.made["02-c"] = {"tables/02-c.csv": "x\n99\n"}
    committed = accepted.files()
    assert accepted.reproduce() == 1
    assert accepted.files("build/results") | accepted.files("build/notebooks") == before
    assert accepted.files() == committed
    assert "[1/1] FAILED  02-c.ipynb in 1.2 s" in accepted.told
    assert (
        "\nFAILED 02-c.ipynb, cell 2 of 2: ZeroDivisionError: division by zero\n    1 / 0\n  (earlier results are left in "
        "place; the notebook as far as it came: build/failed/02-c.ipynb)"
    ) in accepted.told
    assert "\n4 equal, 1 differ, 1 failed" in accepted.told
    assert not [line for line in accepted.told if "run.py accept" in line]
    assert read_notebook(accepted.root / "build/failed/02-c.ipynb").cells[1].source == "1 / 0"
    index = (accepted.root / "build/html/index.html").read_text()
    assert "1 failed; what is shown of them is from an earlier run" in index
    assert "02-c.ipynb: cell 2 of 2: ZeroDivisionError" in index
    assert accepted.accept() == 1
    assert accepted.files() == committed


def test_a_failed_notebook_runs_again_and_is_forgiven(accepted: Checkout) -> None:
    accepted.failing["02-c"] = "cell 2 of 2: the kernel died"
    write_notebook(accepted.notebook("02-c"), "x + 1")
    accepted.reproduce()
    accepted.reproduce()
    assert accepted.ran == ["02-c"]
    accepted.failing.clear()
    accepted.reproduce()
    assert accepted.ran == ["02-c"]
    assert not (accepted.root / "build/failed/02-c.ipynb").exists()
    assert not (accepted.root / "build/staging").exists()
    assert accepted.accept() == 0


def test_a_failure_of_the_first_run(checkout: Checkout) -> None:
    checkout.failing["01-a"] = "cell 2 of 2: the kernel died"
    assert checkout.reproduce() == 1
    assert list(checkout.files("build/results")) == ["tables/02-c.csv"]
    assert "differs    notebooks/01-a.ipynb\n             committed, but the notebooks do not make it" in checkout.told
    assert checkout.accept() == 1
    assert checkout.told == ["01-a.ipynb: changed since the last results; first run `python3 run.py reproduce`."]


def test_a_result_that_is_no_longer_made(accepted: Checkout) -> None:
    write_notebook(accepted.notebook("01-a"), "x + 1")
    del accepted.made["01-a"]["tables/01-b.csv"]
    assert accepted.reproduce() == 1
    assert "tables/01-b.csv" not in accepted.files("build/results")
    assert (
        "differs    results/tables/01-b.csv\n             committed, but the notebooks do not make it" in accepted.told
    )
    assert accepted.accept() == 0
    assert "removed   results/tables/01-b.csv" in accepted.told
    assert list(accepted.files("results")) == ["tables/01-a.csv", "tables/02-c.csv"]


def test_a_notebook_that_was_removed(accepted: Checkout) -> None:
    accepted.notebook("01-a").unlink()
    assert accepted.accept() == 1
    assert accepted.told == ["01-a.ipynb: changed since the last results; first run `python3 run.py reproduce`."]
    assert not accepted.notebook("01-a").exists()
    assert accepted.reproduce() == 1
    assert accepted.ran == []
    assert [name for name in accepted.files("build") if "01-" in name] == []
    assert "01-a.html" not in (accepted.root / "build/html/index.html").read_text()
    assert accepted.accept() == 0
    assert accepted.told == ["removed   results/tables/01-a.csv", "removed   results/tables/01-b.csv"]
    assert accepted.reproduce() == 0


def test_accept_wants_results_of_the_present_notebook(accepted: Checkout) -> None:
    write_notebook(accepted.notebook("02-c"), "x + 1")
    committed = accepted.files()
    assert accepted.accept() == 1
    assert accepted.told == ["02-c.ipynb: changed since the last results; first run `python3 run.py reproduce`."]
    assert accepted.files() == committed


def test_accept_before_any_reproduce(checkout: Checkout) -> None:
    assert checkout.accept() == 1
    assert checkout.told[0].startswith("01-a.ipynb, 02-c.ipynb: changed since the last results")


@pytest.mark.parametrize("change", ["altered", "gone", "notebook"])
def test_results_that_were_altered_in_build_are_made_anew(change: str, accepted: Checkout) -> None:
    table = accepted.root / "build/results/tables/02-c.csv"
    match change:
        case "altered":
            table.write_text("x\n4\n")
        case "gone":
            table.unlink()
        case "notebook":
            (accepted.root / "build/notebooks/02-c.ipynb").unlink()
    assert accepted.accept() == 1
    assert accepted.files("results")["tables/02-c.csv"] == b"x\n3\n"
    assert accepted.reproduce() == 0
    assert accepted.ran == ["02-c"]
    assert table.read_text() == "x\n3\n"


def test_what_a_reader_saved_to_build_is_neither_compared_nor_accepted(accepted: Checkout) -> None:
    own = accepted.root / "build/results/tables/my-own.csv"
    own.write_text("x\n1\n")
    assert accepted.reproduce() == 0
    assert accepted.accept() == 0
    assert accepted.told == []
    assert own.exists()


def test_two_notebooks_may_not_make_one_file(checkout: Checkout) -> None:
    checkout.made["02-c"]["tables/01-a.csv"] = "x\n7\n"
    assert checkout.reproduce() == 1
    assert checkout.files("build/results")["tables/01-a.csv"] == b"x\n0.5\n"
    failed = [line for line in checkout.told if line.startswith("\nFAILED")]
    assert len(failed) == 1
    assert "FAILED 02-c.ipynb, 01-a.ipynb makes tables/01-a.csv as well: give it another name" in failed[0]


@pytest.mark.parametrize(("giver", "taker"), [("01-a", "02-c"), ("02-c", "01-a")])
def test_a_result_may_move_to_another_notebook(giver: str, taker: str, accepted: Checkout) -> None:
    name = next(iter(accepted.made[giver]))
    accepted.made[taker][name] = accepted.made[giver].pop(name)
    for path in (giver, taker):
        write_notebook(accepted.notebook(path), "x + 1")
    accepted.reproduce()
    assert [line for line in accepted.told if "FAILED" in line] == []
    assert f"equal      results/{name}" in accepted.told
    assert accepted.accept() == 0
    assert accepted.reproduce() == 0


def test_an_interrupted_run_is_taken_up_again(accepted: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    write_notebook(accepted.notebook("02-c"), "x + 1")

    def interrupted(*_: object) -> list[Run]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(build, "execute", interrupted)
        with pytest.raises(KeyboardInterrupt):
            accepted.reproduce()
    accepted.reproduce()
    assert accepted.ran == ["02-c"]


def test_the_index_says_whether_results_are_the_committed_ones(accepted: Checkout) -> None:
    index = accepted.root / "build/html/index.html"
    accepted.reproduce()
    assert "All 5 tables, figures and notebooks equal the committed ones." in index.read_text()
    (accepted.root / "results/tables/02-c.csv").write_text("x\n<4>\n")
    accepted.reproduce()
    assert "1 of 5 files differ from the committed ones:" in index.read_text()
    assert (
        "<li>results/tables/02-c.csv: row 1, x: committed &#x27;&lt;4&gt;&#x27;, new &#x27;3&#x27;</li>"
        in index.read_text()
    )


@pytest.mark.parametrize("lacking", ["notebooks", "requirements.lock"])
def test_a_folder_that_is_no_checkout(lacking: str, checkout: Checkout) -> None:
    (checkout.root / lacking).rename(checkout.root / "away")
    with pytest.raises(
        CrampstatsError, match=r"is no checkout of crampstats: it lacks notebooks/ or requirements\.lock"
    ):
        checkout.reproduce()
    assert not (checkout.root / "build").exists()


def test_a_file_that_is_no_notebook_is_named_and_nothing_runs(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    checkout.notebook("02-c").write_text("<<<<<<< conflict")
    assert build.main("reproduce", checkout.root) == 2
    shown = capsys.readouterr()
    assert shown.err == "02-c.ipynb cannot be read as a notebook (NotJSONError).\n"
    assert (shown.out, checkout.ran) == ("", [])


def test_tasks_are_told_on_the_output(checkout: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    assert build.main("reproduce", checkout.root) == 1
    assert "[2/2] ran     02-c.ipynb" in capsys.readouterr().out
    assert build.main("accept", checkout.root) == 0
    assert "accepted  results/tables/02-c.csv" in capsys.readouterr().out
