"""The rules that committed notebooks keep: their form, captions, sources, and prose that says what their tables say."""

import ast
import csv
import json
import re
from functools import cache
from pathlib import Path

import pytest
from places import ROOT

from crampstats.reference.tables import bibliography

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
RESULTS = ROOT / "results"
NUMBER = re.compile(r"(?<![\w.])\d(?:[\d,]*\d)?(?:\.\d+)?(?!\w)")
LABEL = re.compile(r"\b(Figure|Table)s? (\d+\.\d+(?:(?:,? and|,| to) \d+\.\d+)*)")
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@cache
def all_cells(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


@cache
def cells(path: Path, kind: str) -> list[dict]:
    return [cell for cell in all_cells(path) if cell["cell_type"] == kind]


def source(cell: dict) -> str:
    return "".join(cell["source"])


def prose(path: Path) -> str:
    return "\n\n".join(source(cell) for cell in cells(path, "markdown"))


def numbers_of(text: str) -> list[str]:
    """Return the numbers of a prose, other than those of its figures and tables."""
    return NUMBER.findall(LABEL.sub("", text))


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
def test_opens_with_question_and_answer_and_ends_with_what_would_change_it_and_sources(path: Path) -> None:
    texts = [source(cell) for cell in cells(path, "markdown")]
    parts = re.findall(r"^\*\*(\w+)\.\*\*", texts[0], re.MULTILINE)
    assert texts[0].startswith("# ")
    assert parts == ["Question", "Answer", "Data", "Method"]
    assert re.findall(r"^## (.+)$", prose(path), re.MULTILINE)[-2:] == ["What would change this answer", "Sources"]


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


# ---- captions: a table's before it, a figure's after it ---------------------------------------------------------------

CAPTION = re.compile(r"\*\*(Figure|Table) (\d+\.\d+)\. [^*]+\.\*\*")
SOURCES = "cs.reference.sources("


def shown_by(cell: dict) -> str | None:
    """Return whether a cell shows a figure or a table; the list of sources is none that has a number."""
    shown = [output["data"] for output in cell.get("outputs", [])]
    if any("image/png" in data for data in shown):
        return "Figure"
    is_table = any("<table" in "".join(data.get("text/html", "")) for data in shown)
    return "Table" if is_table and not source(cell).startswith(SOURCES) else None


def caption_faults(notebook: list[dict], number: int) -> list[str]:
    """Return which captions of a notebook are not where they have to be, and which stand with nothing."""
    texts = [source(cell) if cell["cell_type"] == "markdown" else "" for cell in notebook]
    count = {"Figure": 0, "Table": 0}
    faults = []
    for position, kind in enumerate(map(shown_by, notebook)):
        if not kind:
            continue
        count[kind] += 1
        label = f"{kind} {number}.{count[kind]}"
        before, after = [*texts, "", ""][position - 1], [*texts, ""][position + 1]
        paragraph = after.split("\n\n")[0] if kind == "Figure" else before.split("\n\n")[-1]
        if not (match := CAPTION.match(paragraph)) or " ".join(match.groups()) != label:
            faults.append(f"{label}: no caption {'after' if kind == 'Figure' else 'before'} it, but {paragraph[:40]!r}")
    captions = [f"{kind} {label}" for text in texts for kind, label in CAPTION.findall(text)]
    known = [f"{kind} {number}.{k}" for kind, last in count.items() for k in range(1, last + 1)]
    return faults + [f"{label}: a caption of nothing" for label in captions if label not in known]


def mentions(text: str) -> list[str]:
    """Return the figures and tables that a text speaks of."""
    return [f"{kind} {label}" for kind, labels in LABEL.findall(text) for label in re.findall(r"\d+\.\d+", labels)]


@every_notebook
def test_every_figure_and_table_has_its_caption(path: Path) -> None:
    assert caption_faults(all_cells(path), int(path.stem[:2])) == []


@every_notebook
def test_figures_and_tables_that_the_prose_speaks_of_are_there(path: Path) -> None:
    captions = {" ".join(match) for notebook in NOTEBOOKS for match in CAPTION.findall(prose(notebook))}
    assert [label for label in mentions(prose(path)) if label not in captions] == []


def cell_of(text: str, shows: str = "") -> dict:
    """Return a cell of Markdown, or one of code that shows something."""
    data = {"Figure": {"image/png": "", "text/plain": "x"}, "Table": {"text/html": ["<div>", "<table>"]}}.get(shows)
    if data is None:
        return {"cell_type": "markdown", "source": text}
    return {"cell_type": "code", "source": text, "outputs": [{"data": data}]}


@pytest.mark.parametrize(
    ("notebook", "faults"),
    [
        ([("A.\n\n**Table 3.1. One.** More.",), ("x", "Table"), ("y", "Figure"), ("**Figure 3.1. Two.**\n\nB.",)], []),
        ([("**Table 3.1. One.**",), ("x", "Table"), ("y", "Table")], ["Table 3.2: no caption before it, but ''"]),
        ([("x", "Table"), ("**Table 3.1. One.**",)], ["Table 3.1: no caption before it, but ''"]),
        ([("**Table 3.1. One.**\n\nA.",), ("x", "Table")], ["Table 3.1: no caption before it, but 'A.'"]),
        ([("**Figure 3.1. One.**",), ("x", "Figure")], ["Figure 3.1: no caption after it, but ''"]),
        ([("x", "Figure"), ("A **Figure 3.1. One.**",)], ["Figure 3.1: no caption after it, but 'A **Figure 3.1. One.**'"]),
        ([("**Table 2.1. One.**",), ("x", "Table")],
         ["Table 3.1: no caption before it, but '**Table 2.1. One.**'", "Table 2.1: a caption of nothing"]),
        ([("**Table 3.1. One**",), ("x", "Table")], ["Table 3.1: no caption before it, but '**Table 3.1. One**'"]),
        ([("**Table 3.1. One.**",), ('cs.reference.sources("a")', "Table")], ["Table 3.1: a caption of nothing"]),
    ],
)  # fmt: skip
def test_a_caption_that_is_not_where_it_belongs_is_found(notebook: list[tuple], faults: list[str]) -> None:
    assert caption_faults([cell_of(*cell) for cell in notebook], 3) == faults


def test_what_a_text_speaks_of() -> None:
    text = "Figure 1.2 and Tables 1.3, 1.4 and 2.1 (Table 3.10); a table 1.5, Table 1, Tables 1.6 to 1.8."
    labels = ["Figure 1.2", "Table 1.3", "Table 1.4", "Table 2.1", "Table 3.10", "Table 1.6", "Table 1.8"]
    assert mentions(text) == labels
    assert numbers_of(text) == ["1.5", "1"]


# ---- sources: the works cited, in the order of their first mention ----------------------------------------------------

NAME = r"(?:de )?[A-ZÀ-Ž][\w'’-]*\w(?: (?:of |for )?[A-ZÀ-Ž][\w'’-]*\w)*"
CITED = re.compile(rf"({NAME})(?: et al\.| and {NAME})?,? \(?((?:19|20)\d\d|undated)\b(?![–-]\d)")
NO_AUTHORS = {"In", "European Standard Population"}


@cache
def works() -> dict[tuple[str, str], list[str]]:
    """Return the keys of the bibliography by first author, or what stands for one in the key, and year."""
    found: dict[tuple[str, str], list[str]] = {}
    for key, work in bibliography().items():
        stem, year = re.fullmatch(r"(.*?)((?:19|20)\d\d)?", key).groups()
        author = re.match(r"(.+?)(?= [A-Z]{1,4}\b|,|\.| et al)", work["citation"])[1]
        for name in dict.fromkeys((author, stem.capitalize())):
            found.setdefault((name, year or "undated"), []).append(key)
    return found


def cited(text: str, listed: list[str]) -> list[str]:
    """Return the keys of the works that a text cites, or what is wrong with a citation.

    A name may have words before it that are none of it (*Without Barna 2021*). Where the bibliography has two works of
    the author and year, the list of sources decides.
    """
    keys = []
    for name, year in CITED.findall(text):
        words = name.split()
        tails = [" ".join(words[start:]) for start in range(len(words))]
        fits = next((works()[tail, year] for tail in tails if (tail, year) in works()), [])
        chosen = fits if len(fits) == 1 else [key for key in fits if key in listed]
        if len(chosen) == 1:
            keys += chosen
        elif not NO_AUTHORS.intersection(tails):
            keys.append(f"{name} {year}: {len(fits)} works in the bibliography")
    return list(dict.fromkeys(keys))


@every_notebook
def test_ends_with_the_works_cited(path: Path) -> None:
    heading, code = all_cells(path)[-2:]
    assert source(heading).startswith("## Sources")
    assert source(heading).endswith("\n\nThe works cited, from the bibliography of the package.")
    (call,) = [statement.value for statement in ast.parse(source(code)).body]
    assert ast.unparse(call.func) == SOURCES[:-1]
    keys = [ast.literal_eval(argument) for argument in call.args]
    assert cited(prose(path), keys) == keys
    shown = "".join("".join(output["data"]["text/html"]) for output in code["outputs"])
    assert "...</td>" not in shown, "set display.max_colwidth, so that citations are shown whole"


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("Grandner and Winkelman (2017), again (Grandner et al. 2017), (Hu et al. 2022).", ["grandner2017", "hu2022"]),
        ("Adding Roguin Maor 2017; de Jager et al. (2022); El-Tawil et al. 2015.",
         ["roguinmaor2017", "dejager2022", "eltawil2015"]),
        ("(Institute of Medicine 1997), (MCM Klosterfrau, undated), Lahore 2022, Araújo et al. 2020",
         ["iom1997", "klosterfrau", "lahore2022", "araujo2020"]),
        ("NHANES 2005–2008, NHANES I (1971–1975), In 2020. The European Standard Population 2013", []),
        ("Nobody and Grandner (2017)", ["Nobody 2017: 0 works in the bibliography"]),
        ("Grandner 2016", ["Grandner 2016: 0 works in the bibliography"]),
        ("Garrison et al. 2012", ["garrison2012"]),
        ("Behringer et al. (2014)", ["behringer2014"]),
    ],
)  # fmt: skip
def test_citations_are_found(text: str, keys: list[str]) -> None:
    assert cited(text, ["garrison2012", "garrison2020"]) == keys


def test_a_citation_of_two_works_is_not_taken_for_one() -> None:
    assert cited("Garrison et al. 2012", ["garrison2012", "garrisonreview2012"]) == [
        "Garrison 2012: 2 works in the bibliography"
    ]


# ---- numbers of the prose ----------------------------------------------------------------------------------------------


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
    found, known = (dict.fromkeys(numbers) for numbers in (numbers_of(text), (row["number"] for row in entries)))
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
    text = LABEL.sub("", prose(path))
    for number in dict.fromkeys(numbers_of(text)):
        wrong = NUMBER.sub(lambda match, number=number: other_than(number) if match[0] == number else match[0], text)
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
