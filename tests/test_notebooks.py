"""The rules that committed notebooks keep, and that their prose says what their tables say."""

import ast
import csv
import json
import re
from functools import cache
from pathlib import Path

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


@cache
def table_rows(name: str) -> list[dict[str, str]]:
    """Return the rows of a committed table as texts."""
    with (RESULTS / "tables" / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@cache
def listed(path: Path) -> list[dict[str, str]]:
    """Return what the list says of the numbers of a notebook's prose."""
    with (Path(__file__).parent / "prose_numbers.csv").open(encoding="utf-8", newline="") as lines:
        return [row for row in csv.DictReader(lines) if row["notebook"] == path.stem]


def chosen(rows: list[dict[str, str]], row: str) -> list[dict[str, str]]:
    """Return the row of a number, or those in which all columns have the values, ``column=value;column=value``."""
    if row.isdecimal():
        return rows[int(row) : int(row) + 1]
    asked = [pair.partition("=") for pair in row.split(";")]
    return [each for each in rows if all(each.get(column) == value for column, _, value in asked)]


def is_told_by(text: str, value: float) -> bool:
    """Say whether a number of the prose is a value, or a percentage, rounded as it is."""
    plain = text.replace(",", "")
    digits = len(plain.partition(".")[2])
    return any(f"{abs(value) * factor:.{digits}f}" == plain for factor in (1, 100))


def fault(entry: dict[str, str]) -> str | None:
    """Return what is wrong with one entry of the list: its cell has to be one, and to tell the number."""
    number, table, row, column = (entry[name] for name in ("number", "table", "row", "column"))
    if not table:
        return None if entry["why"] and not row and not column else f"{number}: neither a table nor a reason"
    if not table.startswith(f"{entry['notebook'][:2]}-"):
        return f"{number}: {table} is of another notebook"
    rows = chosen(table_rows(table), row)
    if len(rows) != 1:
        return f"{number}: {row} are {len(rows)} rows of {table}"
    if column not in rows[0]:
        return f"{number}: no column {column} in {table}"
    return None if is_told_by(number, float(rows[0][column])) else f"{number}: {table} says {rows[0][column]}"


def faults(text: str, entries: list[dict[str, str]]) -> list[str]:
    """Return what is wrong between a prose and the list of its numbers, which has each meaning of a number once."""
    found, known = (dict.fromkeys(numbers) for numbers in (NUMBER.findall(text), (row["number"] for row in entries)))
    return [
        *(f"{number}: not in the list" for number in found if number not in known),
        *(f"{number}: not in the prose" for number in known if number not in found),
        *filter(None, map(fault, entries)),
    ]


@every_notebook
def test_every_number_in_the_prose_is_that_of_its_cell(path: Path) -> None:
    assert faults(prose(path), listed(path)) == []


def other_than(number: str) -> str:
    """Return a number with another last digit."""
    return f"{number[:-1]}{(int(number[-1]) + 1) % 10}"


@every_notebook
def test_a_wrong_number_is_found(path: Path) -> None:
    for number in dict.fromkeys(NUMBER.findall(prose(path))):
        wrong = NUMBER.sub(
            lambda match, number=number: other_than(number) if match[0] == number else match[0], prose(path)
        )
        assert f"{number}: not in the prose" in faults(wrong, listed(path))


@every_notebook
def test_a_number_that_is_wrong_in_prose_and_list_is_found(path: Path) -> None:
    told = [entry for entry in listed(path) if entry["table"]]
    assert told
    assert [entry["number"] for entry in told if not fault({**entry, "number": other_than(entry["number"])})] == []


BOUND = {
    "notebook": "03-how-common-are-cramps",
    "number": "30.9",
    "table": "03-cramp-groups",
    "row": "term=any",
    "column": "estimate",
    "why": "",
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, None),
        ({"row": "0"}, None),
        ({"number": "31"}, None),
        ({"number": "0.309"}, None),
        ({"number": "10,902", "column": "n"}, None),
        ({"number": "30.8"}, "30.8: 03-cramp-groups says 0.30885"),
        ({"number": "10,903", "column": "n"}, "10,903: 03-cramp-groups says 10902"),
        ({"column": "conf_low"}, "30.9: 03-cramp-groups says 0.289944"),
        ({"row": "term=1-4 a month (mild)"}, "30.9: 03-cramp-groups says 0.249542"),
        ({"row": "1"}, "30.9: 03-cramp-groups says 0.249542"),
        ({"row": "term=none"}, "30.9: term=none are 0 rows of 03-cramp-groups"),
        ({"row": "7"}, "30.9: 7 are 0 rows of 03-cramp-groups"),
        ({"row": "n=10902"}, "30.9: n=10902 are 3 rows of 03-cramp-groups"),
        ({"row": "n=10902;term=any"}, None),
        ({"column": "value"}, "30.9: no column value in 03-cramp-groups"),
        ({"table": "01-three-steps"}, "30.9: 01-three-steps is of another notebook"),
        ({"table": "", "row": "", "column": ""}, "30.9: neither a table nor a reason"),
        ({"table": "", "row": "", "column": "", "why": "year of the survey"}, None),
    ],
)
def test_a_wrong_binding_is_found(changes: dict[str, str], message: str | None) -> None:
    assert fault({**BOUND, **changes}) == message


def test_the_list_is_of_notebooks_that_are_there() -> None:
    with (Path(__file__).parent / "prose_numbers.csv").open(encoding="utf-8", newline="") as lines:
        entries = list(csv.DictReader(lines))
    assert {entry["notebook"] for entry in entries} == {path.stem for path in NOTEBOOKS}
    assert len({tuple(entry.values()) for entry in entries}) == len(entries)
