"""A file of any of the known kinds to one table of cells, and nothing lost on the way."""

from __future__ import annotations

import importlib
import importlib.util
import io
import os
import pickle
import re
import subprocess
import sys
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crampstats.datasets.own.rectangle import WHOLE_ROW, Table, is_empty, plain_cell, rectangle
from crampstats.datasets.own.telling import Finding, StudyFileError, finding, listed
from crampstats.datasets.own.texts import Delimiter, Record, decode, read_records
from crampstats.datasets.own.xport import read_xport_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

LINES = "rows are numbered as the lines of the file, the header being line {}"
SHEET_ROWS = "rows are numbered as in the sheet, the header being row {}"
CASES = "rows are numbered from 1, without a header"

# A damaged .sav can crash the C library that reads it; in a process of its own it takes nothing along.
_SPSS = """
import pickle, sys, pyreadstat
values, about = pyreadstat.read_sav(sys.argv[1], output_format="dict")
names = about.column_names
pickle.dump((names, [list(values[name]) for name in names], about.number_rows, about.column_names_to_labels,
             about.variable_value_labels), sys.stdout.buffer)
"""


@dataclass(frozen=True)
class Layout:
    """What the user says of the file itself; None where it is to be found out."""

    encoding: str | None = None
    delimiter: Delimiter | None = None
    sheet: str | None = None


@dataclass(frozen=True)
class _Source:
    """A file, its bytes, and what helps to read it."""

    path: Path
    data: bytes
    layout: Layout
    known: Callable[[str], bool]


def read_table(path: Path, layout: Layout, known: Callable[[str], bool]) -> Table:
    """Read a file by its ending.

    Parameters
    ----------
    path
        Of the file.
    layout
        What the user says of it.
    known
        Whether a header is known.

    Raises
    ------
    StudyFileError
        If it is not there, cannot be read, or is not what its ending says; the message does not name the file.
    """
    try:
        ending = _ending(path)
        data = path.read_bytes()
    except StudyFileError:
        raise
    except FileNotFoundError:
        raise StudyFileError("there is no such file.") from None
    except (OSError, ValueError) as error:
        raise StudyFileError(f"it cannot be opened: {getattr(error, 'strerror', None) or error}.") from None
    if not data:
        raise StudyFileError("it is empty.")
    return _READERS[ending](_Source(path, data, layout, known))


def _ending(path: Path) -> str:
    """Return the ending of a file that can be read."""
    if path.is_dir():
        raise StudyFileError("it is a folder, not a file.")
    ending = path.suffix.lower()
    if ending == ".xls":
        raise StudyFileError("an old Excel workbook is not read: save it as .xlsx.")
    if ending not in _READERS:
        raise StudyFileError(f"the ending {path.suffix!r} is unknown: choose from {', '.join(_READERS)}.")
    return ending


def _read_text(source: _Source) -> Table:
    text = decode(source.data, source.layout.encoding)
    rows, delimiter = read_records(text, source.layout.delimiter, source.known)
    return rectangle(rows, LINES, delimiter)


def _needed(module: str) -> Any:
    """Import a reader that not everybody has."""
    try:
        return importlib.import_module(module)
    except ImportError:
        package = module.partition(".")[0]
        raise StudyFileError(f"files of this kind need {package}: python -m pip install {package}") from None


def _guarded(what: str, read: Callable[[], Any]) -> tuple[Any, list[str]]:
    """Call a reader of another package, which may fail in any way; return what it gives and what it warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = read()
        except StudyFileError:
            raise
        except (Exception, MemoryError) as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise StudyFileError(f"it cannot be read as {what} ({reason}).") from None
    return result, [" ".join(str(warning.message).split()) for warning in caught]


def _read_excel(source: _Source) -> Table:
    openpyxl = _needed("openpyxl")

    def load(data_only: bool) -> Any:
        return openpyxl.load_workbook(io.BytesIO(source.data), data_only=data_only)

    # What openpyxl warns of are parts of a workbook that hold no values; a date that is none it gives as #VALUE!.
    book, _ = _guarded("an Excel workbook", lambda: load(data_only=False))
    sheet = _chosen_sheet(book, source.layout.sheet)
    formulas = {
        (cell.row, cell.column): str(cell.value) for row in sheet.iter_rows() for cell in row if cell.data_type == "f"
    }
    if formulas:
        book, _ = _guarded("an Excel workbook", lambda: load(data_only=True))
        sheet = book[sheet.title]
    rows, unstored = [], []
    for row in sheet.iter_rows():
        rows.append(Record(row[0].row, [plain_cell(cell.value) for cell in row]))
        # The stored result "" of a formula has a type of its own; a result that was never computed has none.
        unstored += [cell for cell in row if (cell.row, cell.column) in formulas and cell.data_type == "n"]
    lost = [(cell.row, cell.column, formulas[cell.row, cell.column]) for cell in unstored if cell.value is None]
    table = rectangle(rows, SHEET_ROWS, "")
    header = next(record for record in rows if not all(map(is_empty, record.cells)))
    found = [*_lost_formulas(lost, header), *_merged(sheet, header)]
    return Table(table.headers, table.labels, table.columns, (*table.findings, *found), table.counting, table.rows)


def _chosen_sheet(book: Any, name: str | None) -> Any:
    """Return the sheet that is named, or the only one that holds anything."""
    filled = [sheet for sheet in book.worksheets if any(c.value is not None for row in sheet.iter_rows() for c in row)]
    if name is not None:
        for sheet in book.worksheets:
            if sheet.title == name:
                return sheet
        raise StudyFileError(f"sheet={name!r} is not there: choose from {listed(book.sheetnames)}.")
    if not filled:
        raise StudyFileError("it is empty.")
    if len(filled) > 1:
        raise StudyFileError(f"it holds several sheets: say which with sheet={listed([s.title for s in filled])}.")
    return filled[0]


def _lost_formulas(lost: Sequence[tuple[int, int, str]], header: Record) -> list[Finding]:
    """Return what is told of formulas without a stored result."""
    expected = "a value; open the file in a spreadsheet and save it"
    groups: dict[int, list[tuple[int, str]]] = {}
    for row, column, formula in lost:
        groups.setdefault(column, []).append((row, formula))
    return [
        finding("row", _header_at(header, column), "a formula without its result", expected, *zip(*cells, strict=True))
        for column, cells in groups.items()
    ]


def _merged(sheet: Any, header: Record) -> list[Finding]:
    """Return what is told of merged cells, of which only the first holds the value."""
    found = []
    for area in sheet.merged_cells.ranges:
        rows = range(max(area.min_row, header.line + 1), area.max_row + 1)
        if rows and sheet.cell(area.min_row, area.min_col).value is not None:
            name = _header_at(header, area.min_col)
            expected = "a value in each cell"
            found.append(finding("row", name, "merged cells", expected, rows, [area.coord] * len(rows)))
    return found


def _header_at(header: Record, column: int) -> str:
    """Return the header of a column counted from 1."""
    cell = header.cells[column - 1] if column <= len(header.cells) else None
    return WHOLE_ROW if cell is None else " ".join(str(cell).split())


def _cases(
    headers: Sequence[Any],
    columns: Sequence[Any],
    labels: Sequence[str] = (),
    value_labels: Sequence[dict[Any, str]] = (),
    told: Sequence[str] = (),
) -> Table:
    """Make a table of columns that a typed file holds."""
    names = [" ".join(str(header).split()) for header in headers]
    rows = len(columns[0]) if columns else 0
    if not rows:
        raise StudyFileError("it holds no rows.")
    findings = [finding("told", WHOLE_ROW, text, "a file that is read without remark") for text in dict.fromkeys(told)]
    twice = sorted({name for name in names if names.count(name) > 1})
    findings += [finding("file", name, "is the name of more than one column", "names that differ") for name in twice]
    findings += [finding("file", "(no name)", "a column has no name", "a name") for name in names if not name]
    index = np.arange(1, rows + 1)
    series = []
    for name, cells in zip(names, columns, strict=True):
        if isinstance(cells, np.ndarray) and _is_numpy_number(cells.dtype):
            series.append(pd.Series(cells, index=index, name=name))
        else:
            plain = [None if _no_value(cell) else plain_cell(cell) for cell in cells]
            series.append(pd.Series(plain, index=index, name=name, dtype=object))
    return Table(
        tuple(names),
        tuple(labels) or ("",) * len(names),
        tuple(series),
        tuple(findings),
        CASES,
        rows,
        tuple(value_labels),
    )


def _no_value(cell: Any) -> bool:
    """Return whether a cell is None, NaN, NaT or NA."""
    return cell is None or cell is pd.NaT or cell is pd.NA or (isinstance(cell, float) and cell != cell)


def _read_parquet(source: _Source) -> Table:
    parquet = _needed("pyarrow.parquet")

    def read() -> tuple[list[str], list[Any]]:
        table = parquet.ParquetFile(io.BytesIO(source.data), page_checksum_verification=True).read()
        return table.column_names, [_arrow_cells(column) for column in table.columns]

    (names, columns), told = _guarded("Parquet", read)
    return _cases(names, columns, told=told)


def _arrow_cells(column: Any) -> Any:
    """Return a column of Arrow as numpy where it is of numbers without gaps, else as a list."""
    if str(column.type) in {"float", "double"} or (
        str(column.type).startswith(("int", "uint")) and not column.null_count
    ):
        return column.to_numpy()
    return column.to_pylist()


def _read_xport(source: _Source) -> Table:
    (variables, columns), told = _guarded("a SAS transport file", lambda: read_xport_columns(source.data))
    return _cases([v.name for v in variables], columns, [v.label for v in variables], told=told)


def _read_stata(source: _Source) -> Table:
    def read() -> tuple[pd.DataFrame, dict[str, str], dict[str, dict[Any, str]]]:
        reader: Any
        with pd.read_stata(io.BytesIO(source.data), iterator=True, convert_categoricals=False) as reader:
            return reader.read(), reader.variable_labels(), _stata_labels(reader)

    (frame, labels, value_labels), told = _guarded("a Stata file", read)
    names = [str(name) for name in frame.columns]
    columns = [frame.iloc[:, place] for place in range(len(names))]
    return _cases(
        names,
        [series.to_numpy() if _is_numpy_number(series.dtype) else series.tolist() for series in columns],
        [labels.get(name, "") for name in names],
        [value_labels.get(name, {}) for name in names],
        told,
    )


def _stata_labels(reader: Any) -> dict[str, dict[Any, str]]:
    """Return the meaning of the codes of each column."""
    by_set = reader.value_labels()
    # pandas does not publish which column uses which set; without it, codes have to be told as in any other file.
    columns, used = getattr(reader, "_varlist", ()), getattr(reader, "_lbllist", ())
    return {str(name): by_set.get(label_set, {}) for name, label_set in zip(columns, used, strict=False)}


def _is_numpy_number(dtype: Any) -> bool:
    """Return whether values of this type are numbers or truths that numpy holds."""
    return isinstance(dtype, np.dtype) and dtype.kind in "fiub"


def _read_spss(source: _Source) -> Table:
    if importlib.util.find_spec("pyreadstat") is None:
        raise StudyFileError("files of this kind need pyreadstat: python -m pip install pyreadstat")
    names, columns, rows, labels, value_labels = _spss_parts(source.path)
    if rows is not None and columns and len(columns[0]) != rows:
        raise StudyFileError(f"it is cut: it announces {rows} rows and holds {len(columns[0])}.")
    return _cases(names, columns, [labels.get(n) or "" for n in names], [value_labels.get(n, {}) for n in names])


def _spss_parts(path: Path) -> tuple[list[str], list[list[Any]], int | None, dict[str, str], dict[str, dict[Any, str]]]:
    """Let a process of its own read an SPSS file."""
    if not sys.executable:
        raise StudyFileError("SPSS files are read by a Python of its own, and this program does not know where one is.")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-P", "-W", "ignore", "-c", _SPSS, os.fspath(path.resolve())]
    try:
        ran = subprocess.run(command, capture_output=True, env=environment, check=False)
    except OSError as error:
        raise StudyFileError(f"the process that reads SPSS files does not start ({error.strerror}).") from None
    if ran.returncode != 0:
        said = ran.stderr.decode("utf-8", errors="replace").strip().splitlines()
        reason = re.sub(r"^[\w.]+: ", "", said[-1])[:200] if said else "its reader broke down"
        raise StudyFileError(f"it cannot be read as an SPSS file ({reason}).")
    return pickle.loads(ran.stdout)  # what this process's own child wrote


_READERS: dict[str, Callable[[_Source], Table]] = {
    ".csv": _read_text,
    ".tsv": _read_text,
    ".txt": _read_text,
    ".xlsx": _read_excel,
    ".parquet": _read_parquet,
    ".xpt": _read_xport,
    ".sav": _read_spss,
    ".dta": _read_stata,
}
