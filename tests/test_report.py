"""The whole way with real kernels: the command makes, compares and accepts the results of a small checkout."""

import shutil
from pathlib import Path

import nbformat
import pytest

from crampstats import cli
from crampstats.report import build

TABLE = """\
import crampstats as cs

sexes = cs.prevalence(cs.datasets.nhanes_cramps(), "sex == 'female'", by=["age_group"])
cs.tables.save(sexes, "01-women")
cs.tables.prevalence_table(sexes)"""
FIGURE = """\
figure, (ax,) = cs.figures.canvas(width=4, height=2)
cs.figures.draw_prevalence(sexes, ax=ax, y="age_group", series="term", xlabel="% of adults")
cs.figures.save(figure, "01-women", alt="Half of the adults of each age are women.")"""
NOTEBOOKS = {
    "01-women": ["# How many are women?", TABLE, FIGURE],
    "02-words": ["# What is said?", "print('30.9 %')", "{'share': 0.309}"],
}


def contents(root: Path) -> dict[str, bytes]:
    """Return what a checkout holds, without what build/ holds."""
    paths = [path for path in sorted(root.rglob("*")) if path.is_file()]
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in paths
        if path.relative_to(root).parts[0] != "build"
    }


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int], list[dict[str, bytes]]]:
    """Return a checkout after reproduce, accept, reproduce; the exit codes, and what was committed after each."""
    root = tmp_path_factory.mktemp("checkout")
    (root / "notebooks").mkdir()
    (root / "pyproject.toml").touch()
    (root / "requirements.lock").touch()
    for name, (heading, *code) in NOTEBOOKS.items():
        cells = [nbformat.v4.new_markdown_cell(heading), *map(nbformat.v4.new_code_cell, code)]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), root / "notebooks" / f"{name}.ipynb")
    states, codes = [contents(root)], []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "PACKAGE", root / "package")  # whoever works on the package does not disturb
        for task in ("reproduce", "accept", "reproduce"):
            codes.append(cli.main([task, "--project", str(root)]))
            states.append(contents(root))
    return root, codes, states


@pytest.fixture
def checkout(
    steps: tuple[Path, list[int], list[dict[str, bytes]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Return a copy of the checkout, in which no notebook needs to run again."""

    def run_again(*_: object) -> None:
        raise AssertionError("a notebook is run again")

    monkeypatch.setattr(build, "execute", run_again)
    monkeypatch.setattr(build, "PACKAGE", steps[0] / "package")
    return Path(shutil.copytree(steps[0], tmp_path / "copy"))


def reproduce(root: Path) -> tuple[int, str]:
    told: list[str] = []
    return build.reproduce(root, told.append), "\n".join(told)


def test_exit_codes_say_differs_accepted_equal(steps: tuple[Path, list[int], list[dict[str, bytes]]]) -> None:
    assert steps[1] == [1, 0, 0]


def test_only_accept_writes_outside_build(steps: tuple[Path, list[int], list[dict[str, bytes]]]) -> None:
    before, reproduced, accepted, again = steps[2]
    assert reproduced == before
    assert again == accepted
    assert sorted(accepted.keys() - before.keys()) == [
        "results/figures/01-women.png",
        "results/figures/01-women.svg",
        "results/tables/01-women.csv",
    ]
    assert [name for name in before if accepted[name] != before[name]] == [
        "notebooks/01-women.ipynb",
        "notebooks/02-words.ipynb",
    ]


def test_everything_new_is_below_build(steps: tuple[Path, list[int], list[dict[str, bytes]]]) -> None:
    folder = steps[0] / "build"
    made = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert [name for name in made if name.startswith("html/0")] == ["html/01-women.html", "html/02-words.html"]
    assert {"html/index.html", "html/claims.html", "html/files/tables/01-women.csv"} <= set(made)
    assert [name for name in made if not name.startswith("html/")] == [
        "notebooks/01-women.ipynb",
        "notebooks/02-words.ipynb",
        "results/figures/01-women.png",
        "results/figures/01-women.svg",
        "results/tables/01-women.csv",
        "state.json",
    ]


def test_pages_show_table_and_figure(steps: tuple[Path, list[int], list[dict[str, bytes]]]) -> None:
    women = (steps[0] / "build/html/01-women.html").read_text(encoding="utf-8")
    assert '<img alt="Half of the adults of each age are women." src="data:image/png;base64,' in women
    assert "<td>20-39</td>" in women
    words = (steps[0] / "build/html/02-words.html").read_text(encoding="utf-8")
    assert "<pre>30.9 %\n</pre>" in words
    assert "<pre>{'share': 0.309}</pre>" in words


def test_a_second_run_executes_nothing(checkout: Path) -> None:
    code, told = reproduce(checkout)
    assert code == 0
    assert told.startswith(
        "unchanged  01-women.ipynb\nunchanged  02-words.ipynb\nequal      notebooks/01-women.ipynb\n"
    )
    assert "\n5 equal, 0 differ, 0 failed\n" in told


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("results/tables/01-women.csv", b"20-39,", b"20-49,", "row 1, age_group: committed '20-49', new '20-39'"),
        ("results/figures/01-women.svg", b"fill: #0072b2", b"fill: #d55e00", "other shapes or texts"),
        ("notebooks/02-words.ipynb", b'"30.9 %\\n"', b'"31.9 %\\n"', "cell 2: text of an output: committed …'31.9 %"),
    ],
)
def test_changed_results_are_found(name: str, old: bytes, new: bytes, said: str, checkout: Path) -> None:
    content = (checkout / name).read_bytes()
    (checkout / name).write_bytes(content.replace(old, new))
    code, told = reproduce(checkout)
    assert code == 1
    assert f"differs    {name}\n             {said}" in told
    assert "\n4 equal, 1 differ, 0 failed\n" in told


def test_a_defaced_figure_is_found_in_file_and_notebook(checkout: Path) -> None:
    from crampstats import figures

    figure, _ = figures.canvas(width=4, height=2)
    defaced = figures.save(figure, "defaced", alt="Nothing.").png
    (checkout / "results/figures/01-women.png").write_bytes(defaced)
    code, told = reproduce(checkout)
    assert code == 1
    assert "differs    results/figures/01-women.png\n" in told
    assert " pixels differ\n" in told
    assert "equal      notebooks/01-women.ipynb\n" in told


def test_accept_puts_everything_right(checkout: Path, steps: tuple[Path, list[int], list[dict[str, bytes]]]) -> None:
    (checkout / "results/figures/01-women.png").unlink()
    (checkout / "results/figures/old.png").write_bytes(b"old")
    (checkout / "results/tables/01-women.csv").write_text("x\n1\n")
    assert reproduce(checkout)[0] == 1
    assert build.accept(checkout, lambda line: None) == 0
    assert contents(checkout) == steps[2][-1]
    assert reproduce(checkout)[0] == 0
