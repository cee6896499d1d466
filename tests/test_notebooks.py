"""The rules that committed notebooks keep, and that their prose says what their tables say."""

import ast
import csv
import json
import re
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
from places import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
RESULTS = ROOT / "results"
NUMBER = re.compile(r"(?<![\w.])\d(?:[\d,]*\d)?(?:\.\d+)?(?!\w)")
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@cache
def cells(path: Path, kind: str) -> list[dict]:
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == kind]


def source(cell: dict) -> str:
    return "".join(cell["source"])


def prose(path: Path) -> str:
    return "\n\n".join(source(cell) for cell in cells(path, "markdown"))


@every_notebook
def test_is_committed_executed_in_order_and_small(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    code = cells(path, "code")
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert [cell["id"] for cell in notebook["cells"]] == [f"cell-{i:02d}" for i in range(1, len(notebook["cells"]) + 1)]
    assert set(notebook["metadata"]) == {"kernelspec"}
    assert path.stat().st_size < 1_000_000


@every_notebook
def test_outputs_hold_nothing_of_the_machine_or_the_moment(path: Path) -> None:
    outputs = [output for cell in cells(path, "code") for output in cell["outputs"]]
    assert [
        output["output_type"] for output in outputs if output["output_type"] not in {"execute_result", "display_data"}
    ] == []
    texts = [
        text if isinstance(text, str) else "".join(text)
        for output in outputs
        for kind, text in output["data"].items()
        if kind.startswith("text/")
    ]
    assert texts
    assert [text for text in texts if re.search(r"0x[0-9a-f]{6}|/home/|/tmp/|[A-Z]:\\", text)] == []


@every_notebook
def test_cells_are_short_and_plain(path: Path) -> None:
    for cell in cells(path, "code"):
        text = source(cell)
        assert len(text.splitlines()) <= 12, text
        banned = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.Try, ast.For, ast.While)
        assert not [node for node in ast.walk(ast.parse(text)) if isinstance(node, banned)], text


@every_notebook
def test_opens_with_question_and_answer_and_ends_with_what_would_change_it(path: Path) -> None:
    texts = [source(cell) for cell in cells(path, "markdown")]
    parts = re.findall(r"^\*\*(\w+)\.\*\*", texts[0], re.MULTILINE)
    assert texts[0].startswith("# ")
    assert parts == ["Question", "Answer", "Data", "Method"]
    assert texts[-1].startswith("## What would change this answer")


@every_notebook
def test_saves_every_figure_and_table_under_its_number(path: Path) -> None:
    number = path.stem[:2]
    code = "\n".join(source(cell) for cell in cells(path, "code"))
    saved = {
        "figures": re.findall(r'cs\.figures\.save\(\w+, "([\w-]+)"', code),
        "tables": re.findall(r'cs\.tables\.save\(.*?, "([\w-]+)"\)', code),
    }
    for kind, names in saved.items():
        assert {file.stem for file in (RESULTS / kind).glob(f"{number}-*")} == set(names)
    assert len(saved["figures"]) == code.count("cs.figures.canvas(")


def test_every_result_belongs_to_a_notebook() -> None:
    numbers = {path.stem[:2] for path in NOTEBOOKS}
    strangers = [file.name for file in RESULTS.rglob("*") if file.is_file() and file.name[:2] not in numbers]
    assert strangers == []


def table_numbers(number: str) -> list[float]:
    """Return every number in the tables of a notebook."""
    frames = [pd.read_csv(file) for file in sorted((RESULTS / "tables").glob(f"{number}-*.csv"))]
    return [
        float(value) for frame in frames for value in frame.select_dtypes("number").to_numpy().ravel() if value == value
    ]


def is_told_by(text: str, values: list[float]) -> bool:
    """Say whether a number of the prose is one of the values, or a percentage of one, rounded as it is."""
    plain = text.replace(",", "")
    digits = len(plain.partition(".")[2])
    return any(f"{abs(value) * factor:.{digits}f}" == plain for value in values for factor in (1, 100))


def listed(path: Path) -> dict[str, str]:
    """Return the numbers of a notebook's prose that no table tells, and why each may stand there."""
    with (Path(__file__).parent / "prose_numbers.csv").open(encoding="utf-8", newline="") as lines:
        return {row["number"]: row["why"] for row in csv.DictReader(lines) if row["notebook"] == path.stem}


@every_notebook
def test_every_number_in_the_prose_is_one_of_the_tables(path: Path) -> None:
    found = list(dict.fromkeys(NUMBER.findall(prose(path))))
    allowed = listed(path)
    values = table_numbers(path.stem[:2])
    assert [text for text in found if text not in allowed and not is_told_by(text, values)] == []
    assert [text for text in allowed if text not in found] == []
    assert all(allowed.values())


def test_a_wrong_number_would_be_found() -> None:
    values = [0.30885, 10902.0]
    assert [is_told_by(text, values) for text in ("30.9", "31", "10,902", "30.8", "10,903")] == [
        True,
        True,
        True,
        False,
        False,
    ]
