"""Records to a table: the header found, rows of another length, totals and empty rows told."""

from __future__ import annotations

import datetime as dt
import decimal
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crampstats.datasets.own.telling import Finding, StudyFileError, finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crampstats.datasets.own.texts import Record

WHOLE_ROW = "(whole row)"
_TIMES = (dt.date, dt.time, dt.timedelta)
_TOTALS = {
    *("summe", "gesamt", "gesamtsumme", "zwischensumme", "mittelwert", "mittel", "durchschnitt", "anzahl"),
    *("standardabweichung", "total", "totals", "sum", "subtotal", "mean", "average", "median", "count", "std", "sd"),
}


@dataclass(frozen=True)
class Table:
    """A file that has been read and not yet understood.

    Attributes
    ----------
    headers
        One for each column, no two alike.
    labels
        What a header of SPSS, Stata or SAS stands for; ``""`` elsewhere.
    columns
        Each of shape (rows,), named by its header and indexed by the number of the row in the file: numbers, truths,
        dates, or texts; a value that is not there is ``""``, None or NaN.
    findings
        What was found on the way.
    counting
        How rows are numbered, in words.
    rows
        How many rows of people the file holds, those of `findings` among them.
    """

    headers: tuple[str, ...]
    labels: tuple[str, ...]
    columns: tuple[pd.Series, ...]
    findings: tuple[Finding, ...]
    counting: str
    rows: int
    value_labels: tuple[dict[Any, str], ...] = field(default=())


def is_empty(cell: Any) -> bool:
    """Return whether nothing stands in a cell."""
    return cell is None or cell == ""


def rectangle(rows: Sequence[Record], counting: str, delimiter: str) -> Table:
    """Make a table of records.

    Parameters
    ----------
    rows
        As in the file; the first that is not empty is the header.
    counting
        How rows are numbered, with a place for the number of the header.
    delimiter
        ``""`` for a sheet, whose rows have no length of their own.

    Raises
    ------
    StudyFileError
        If there is no header, or nothing below it.
    """
    filled = [record for record in rows if not all(map(is_empty, record.cells))]
    if not filled:
        raise StudyFileError("it is empty.")
    header, body = filled[0], filled[1:]
    if not body:
        raise StudyFileError(f"it holds a header in row {header.line} and no rows.")
    names = [_header_text(cell) for cell in header.cells]
    while names[-1] == "":
        names.pop()
    findings = _empty_rows(rows, header.line, body[-1].line)
    good: list[Record] = []
    totals = _total_lines(body)
    for record in body:
        problem = _broken(record, names, delimiter) if record.line not in totals else "a total, not a person"
        if problem:
            expected = "one person a row, with a cell for each header"
            values = [_row_text(record, delimiter)]
            findings.append(finding("row", WHOLE_ROW, problem, expected, [record.line], values))
        else:
            good.append(record)
    headers, columns, found = _columns(names, good)
    merged = _together([*findings, *found])
    labels = ("",) * len(headers)
    return Table(headers, labels, columns, tuple(merged), counting.format(header.line), len(body))


def _header_text(cell: Any) -> str:
    """Return a header as text on one line."""
    return "" if cell is None else " ".join(str(cell).split())


def _row_text(record: Record, delimiter: str) -> str:
    """Return a row as one text."""
    return (delimiter or ";").join("" if cell is None else str(cell) for cell in record.cells)


def _empty_rows(rows: Sequence[Record], first: int, last: int) -> list[Finding]:
    """Tell of empty rows between others; those at the end are no rows."""
    lines = [record.line for record in rows if first < record.line < last and all(map(is_empty, record.cells))]
    if not lines:
        return []
    return [finding("told", WHOLE_ROW, "empty, left out", "no empty rows", lines, [""] * len(lines))]


def _total_lines(body: Sequence[Record]) -> set[int]:
    """Return the lines that hold a sum or a mean: the word stands first in the last rows and nowhere else."""

    def first(record: Record) -> tuple[int, str]:
        place = next(place for place, cell in enumerate(record.cells) if not is_empty(cell))
        return place, re.sub(r"[\s:=]+$", "", str(record.cells[place])).casefold()

    lines: set[int] = set()
    words: dict[int, Counter[str]] = {}
    for record in reversed(body):
        place, word = first(record)
        if word not in _TOTALS:
            break
        if place not in words:
            cells = (str(other.cells[place]).casefold() for other in body if place < len(other.cells))
            words[place] = Counter(cells)
        if words[place][str(record.cells[place]).casefold()] == 1:
            lines.add(record.line)
    return lines


def _broken(record: Record, names: Sequence[str], delimiter: str) -> str:
    """Return what is wrong with the shape of a row, or nothing."""
    cells, width = record.cells, len(names)
    if not all(map(is_empty, cells[width:])):
        hint = "; are decimal commas not quoted?" if delimiter == "," else ""
        return f"has more cells than there are headers{hint}"
    if delimiter and len(cells) < width:
        return "has fewer cells than there are headers"
    for cell in cells[:width] if delimiter and width > 1 else ():
        breaks = len(re.findall(r"\r\n|\r|\n", cell)) if "\n" in cell or "\r" in cell else 0
        if breaks and cell.count(delimiter) >= breaks * (width - 1):
            return "a quoted text holds other rows; is a quotation mark missing or too many?"
    return ""


def _columns(names: list[str], good: list[Record]) -> tuple[tuple[str, ...], tuple[pd.Series, ...], list[Finding]]:
    """Return headers and columns; a column without a header and without values is left out."""
    lines = np.array([record.line for record in good], dtype=np.int64)
    headers: list[str] = []
    columns: list[pd.Series] = []
    findings: list[Finding] = []
    twice = {name for name, times in Counter(names).items() if times > 1 and name}
    findings.extend(
        finding("file", name, "stands in the header more than once", "headers that differ") for name in sorted(twice)
    )
    texts = all(isinstance(cell, str) for record in good for cell in record.cells)
    for place, name in enumerate(names):
        cells = [record.cells[place] if place < len(record.cells) else None for record in good]
        if name == "":
            held = [(line, cell) for line, cell in zip(lines, cells, strict=True) if not is_empty(cell)]
            if held:
                findings.append(_headless(place, held))
        elif name not in headers:
            headers.append(name)
            columns.append(pd.Series(cells, index=lines, name=name, dtype="str" if texts else object))
    return tuple(headers), tuple(columns), findings


def _headless(place: int, held: list[tuple[Any, Any]]) -> Finding:
    """Return what is told of values without a header."""
    rows, values = zip(*held, strict=True)
    return finding("file", f"(column {place + 1})", "holds values and has no header", "a header", rows, values)


def _together(findings: list[Finding]) -> list[Finding]:
    """Put rows with the same problem into one finding."""
    groups: dict[tuple[str, str, str, str], list[Finding]] = {}
    for one in findings:
        groups.setdefault((one.scope, one.fault.column, one.fault.problem, one.fault.expected), []).append(one)
    return [
        finding(
            members[0].scope,
            column,
            problem,
            expected,
            [row for member in members for row in member.fault.rows],
            [value for member in members for value in member.fault.values],
        )
        for (_, column, problem, expected), members in groups.items()
    ]


def plain_cell(value: Any) -> Any:
    """Return a value of a typed file as text, number, truth, date, or None; anything else as its text."""
    if value is None or isinstance(value, (str, bool, int, float, *_TIMES)):
        return value.strip() if isinstance(value, str) else value
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, np.generic):
        return plain_cell(value.item())
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8").strip()
        except UnicodeDecodeError:
            return value.decode("latin-1").strip()
    return str(value)
