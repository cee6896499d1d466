"""The task `check`: what was understood of a file, what is wrong with it, and whether it gives estimates."""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from crampstats import datasets
from crampstats.cli.pages import page
from crampstats.cli.reading import KEPT, study_arguments
from crampstats.cli.results import chosen_format, hand_over
from crampstats.cli.wording import in_options, printable, text_table
from crampstats.datasets.own.cells import key
from crampstats.datasets.own.files import Layout, read_table
from crampstats.datasets.own.headers import read_heading
from crampstats.datasets.own.plan import Planned, Wishes, plan
from crampstats.datasets.own.rectangle import is_empty
from crampstats.datasets.own.study import COLUMNS, MEASURES, NAMES
from crampstats.datasets.own.telling import Finding, StudyFileError, StudyWarning
from crampstats.datasets.own.values import read_columns
from crampstats.errors import DesignError, SchemaError
from crampstats.schema import faults_frame
from crampstats.tables.formats import content, records

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from crampstats.datasets.own.rectangle import Table

ENDINGS = {".txt": "text", ".json": "json", ".csv": "csv", ".html": "html"}
_LAYOUT = ("encoding", "delimiter", "sheet")
_ROLES = ("weight", "stratum", "cluster", "population_size")
_TYPES = {"number": "number", "yes_no": "yes/no", "category": "category"}
# Levels that are more or longer than this are counted and not shown: remarks, names.
FEW, SHORT = 6, 20


@dataclass(frozen=True)
class CheckedColumn:
    """What was understood of a column.

    Attributes
    ----------
    header
        As in the file.
    column
        As questions name it.
    known
        Whether it is a column of the study.
    type
        In a word.
    unit_in_file, unit
        As values stand in the file, and as they are converted; ``""`` where there is none.
    values, missing, faulty
        How many cells hold a value, hold none, and hold what is wrong.
    range
        Lowest and highest value, or how often each of a few values stands there.
    """

    header: str
    column: str
    known: bool
    type: str
    unit_in_file: str
    unit: str
    values: int
    missing: int
    faulty: int
    range: str


@dataclass(frozen=True)
class Report:
    """What a check found.

    Attributes
    ----------
    file
        As it was typed.
    rows
        Of people.
    counting
        How rows are numbered, in words.
    columns
        In the order of the file.
    findings
        A row each value: ``kind`` (``"fault"``, or ``"note"`` of what is not wrong and to be known), ``column`` by its header,
        ``row``, ``value``, ``problem``, ``expected``.
    faults, notes
        The same in sentences, one each problem of a column.
    possible
        Whether estimates can be made of the file as it is, under the design that is named.
    estimates
        The same in words.
    """

    file: str
    rows: int
    counting: str
    columns: tuple[CheckedColumn, ...]
    findings: pd.DataFrame
    faults: tuple[str, ...]
    notes: tuple[str, ...]
    possible: bool
    estimates: str


def run(chosen: argparse.Namespace) -> int:
    """Check a file and show the report or write it.

    Parameters
    ----------
    chosen
        With the options of `check`.

    Returns
    -------
    int
        0 if nothing is wrong, 1 if there are faults or the design gives no estimates.

    Raises
    ------
    CrampstatsError
        If the file cannot be read as a table, or an option names what is not there.
    """
    kind = chosen_format(chosen, ENDINGS)
    report = check(chosen.file, study_arguments(chosen))
    writer = {"text": _text, "json": _json, "csv": lambda report: content(report.findings, ".csv"), "html": _html}[kind]
    hand_over(writer(report), chosen.output, _verdict(report))
    return 0 if report.possible else 1


def check(file: str, arguments: Mapping[str, Any]) -> Report:
    """Return what was understood of a file and what is wrong with it.

    Parameters
    ----------
    file
        Its path.
    arguments
        Of `crampstats.datasets.read_study`.

    Raises
    ------
    CrampstatsError
        As `crampstats.datasets.read_study`, but for faults, which are in the report.
    """
    possible, estimates, survey_faults = _estimates(file, arguments)
    wishes = Wishes(
        **{name: arguments.get(name, {}) for name in ("columns", "units", "codes")},
        missing=frozenset(map(key, arguments.get("missing", ()))),
        **{name: arguments[name] for name in ("censored", "other_unit", "decimal") if name in arguments},
        roles={role: arguments[role] for role in _ROLES if role in arguments},
    )
    table = _table(file, arguments, wishes)
    planned, found = plan(table, wishes)
    read = read_columns(table, planned, wishes)
    findings = (*table.findings, *found, *(one for column in read for one in column.findings))
    faults = tuple(one.fault for scope in ("file", "row") for one in findings if one.scope == scope) or survey_faults
    notes = tuple(one.fault for one in findings if one.scope == "told")
    frames = [faults_frame(some).assign(kind=kind) for kind, some in (("fault", faults), ("note", notes)) if some]
    frame = pd.concat(frames or [faults_frame(()).assign(kind=[])], ignore_index=True)
    return Report(
        file,
        table.rows,
        table.counting,
        tuple(_column(*each, findings) for each in zip(table.columns, planned, (c.values for c in read), strict=True)),
        frame[["kind", "column", "row", "value", "problem", "expected"]].assign(
            expected=[in_options(text) for text in frame["expected"]]
        ),
        tuple(in_options(str(fault)) for fault in faults),
        tuple(in_options(str(fault)) for fault in notes if not fault.problem.startswith(KEPT)),
        possible,
        estimates,
    )


def _table(file: str, arguments: Mapping[str, Any], wishes: Wishes) -> Table:
    """Read the table of a file that `read_study` has read."""
    named = {" ".join(header.split()).casefold() for header in wishes.columns}

    def known(header: str) -> bool:
        return " ".join(header.split()).casefold() in named or read_heading(header).column is not None

    return read_table(Path(file), Layout(*(arguments.get(name) for name in _LAYOUT)), known)


def _estimates(file: str, arguments: Mapping[str, Any]) -> tuple[bool, str, tuple[Any, ...]]:
    """Return whether the file gives estimates as it is, the same in words, and what is wrong if it does not."""
    told: list[warnings.WarningMessage]
    with warnings.catch_warnings(record=True) as told:
        warnings.filterwarnings("always", category=StudyWarning)
        try:
            survey = datasets.read_study(file, **arguments, on_fault="drop")
        except StudyFileError:
            raise
        except SchemaError as error:
            return False, "not before the faults are settled.", error.faults
        except DesignError as error:
            return False, f"not under this design: {in_options(str(error))}", ()
    people, _, shown = repr(survey).rpartition(": ")[2].removesuffix(">").partition(" people, ")
    if "weight" not in arguments:
        shown += "; everybody counts alike, as no --weight is named"
    if "stratum" not in arguments and "cluster" not in arguments:
        shown += "; drawn one by one, as no --stratum or --cluster is named"
    dropped = [len(one.message.dropped) for one in told if isinstance(one.message, StudyWarning)]
    if any(dropped):
        rows = "1 row that has" if dropped[0] == 1 else f"{dropped[0]} rows that have"
        left = f"{survey.people:,} people, {shown}"
        return (
            False,
            f"only without the {rows} faults, by --on-fault drop of crampstats prevalence: {left}.",
            (),
        )
    return True, f"yes: {people} people, {shown}.", ()


def _column(cells: pd.Series, draft: Planned, values: pd.Series, findings: Sequence[Finding]) -> CheckedColumn:
    """Return what was understood of a column."""
    own = [one for one in findings if one.fault.column == draft.header]
    wrong = cells.index.isin([row for one in own if one.scope == "row" for row in one.fault.rows])
    unread = any(one.scope == "file" for one in own)
    if unread:
        wrong |= ~cells.map(lambda cell: is_empty(cell) or bool(pd.isna(cell))).to_numpy(dtype=bool)
    present = values.notna().to_numpy() & ~wrong
    type_ = _type(draft.name, values)
    declared = COLUMNS.get(draft.name)
    unit = declared.unit if declared else ""
    return CheckedColumn(
        draft.header,
        draft.name,
        draft.name in NAMES,
        type_,
        draft.unit or ("unknown" if unread and draft.name in MEASURES else unit),
        unit,
        int(present.sum()),
        int(len(values) - present.sum() - wrong.sum()),
        int(wrong.sum()),
        _range(values[present], type_) if present.any() else "",
    )


def _type(name: str, values: pd.Series) -> str:
    """Return the type of a column in a word."""
    if name in COLUMNS:
        return _TYPES[COLUMNS[name].kind]
    if pd.api.types.is_bool_dtype(values.dtype):
        return "yes/no"
    if pd.api.types.is_integer_dtype(values.dtype):
        return "whole number"
    if pd.api.types.is_float_dtype(values.dtype):
        return "number"
    return "date" if pd.api.types.is_datetime64_any_dtype(values.dtype) else "text"


def _range(values: pd.Series, type_: str) -> str:
    """Return the lowest and the highest value, or how often each of a few values stands there."""
    if type_ == "date":
        return f"{values.min():%Y-%m-%d} to {values.max():%Y-%m-%d}"
    counts = values.value_counts(sort=False)
    counts = counts[counts > 0].sort_index()
    words = [str(level) for level in counts.index]
    if type_ == "yes/no":
        words = ["yes" if level else "no" for level in counts.index]
    elif type_ in {"number", "whole number"} and not set(counts.index) <= {0, 1}:
        ends = dict.fromkeys((_rounded(values.min()), _rounded(values.max())))
        return " to ".join(ends)
    if len(words) > FEW or any(len(word) > SHORT for word in words):
        return f"{len(words)} different"
    return ", ".join(f"{word}: {count}" for word, count in zip(words, counts, strict=True))


def _rounded(value: float) -> str:
    """Return a number with four digits, or all before the decimal point."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _verdict(report: Report) -> str:
    """Return the result in a sentence."""
    wrong = report.findings[report.findings["kind"] == "fault"]
    if wrong.empty:
        return "no faults." if report.possible else "no faults in the file, but no estimates under this design."
    in_rows = wrong[wrong["row"].notna()]
    whole = len(wrong) - len(in_rows)
    said = [f"{whole} fault{'s' * (whole != 1)} of a column or of the whole file"] if whole else []
    if len(in_rows):
        said.append(
            f"{len(in_rows)} fault{'s' * (len(in_rows) != 1)} in {in_rows['row'].nunique()} of {report.rows} rows"
        )
    return f"{' and '.join(said)}."


def _counted(report: Report) -> str:
    """Return how many rows there are, and how they are numbered."""
    return f"{report.rows} row{'s' * (report.rows != 1)} of people; {report.counting}."


def _summary(report: Report) -> list[dict[str, Any]]:
    """Return the columns as a reader wants them."""
    return [
        {
            "header in the file": column.header,
            "column": column.column + ("" if column.known else " *"),
            "type": column.type,
            "unit": column.unit_in_file + (f" → {column.unit}" if column.unit not in ("", column.unit_in_file) else ""),
            "values": column.values,
            "missing": column.missing,
            **({"faulty": column.faulty} if any(one.faulty for one in report.columns) else {}),
            "range": column.range,
        }
        for column in report.columns
    ]


STARRED = (
    "* Not a column of the study: kept as it stands, under a name that questions can use. --column 'HEADER=NAME' says what "
    "it is, or gives it a name of your own."
)


def _text(report: Report) -> bytes:
    """Return the report as plain text."""
    lines = [f"{printable(report.file)}: {_verdict(report)}", _counted(report), ""]
    lines += [text_table(_summary(report), right=("values", "missing", "faulty"))]
    if not all(column.known for column in report.columns):
        lines += ["", STARRED]
    for title, texts in (("Faults", report.faults), ("To be known", report.notes)):
        if texts:
            lines += ["", f"{title}:", *(f"  - {text}" for text in texts)]
    return "\n".join([*lines, "", f"Estimates: {report.estimates}", ""]).encode()


def _json(report: Report) -> bytes:
    """Return the report as JSON."""
    found = {
        "file": report.file,
        "rows": report.rows,
        "counting": report.counting,
        "columns": [asdict(column) for column in report.columns],
        "findings": records(report.findings),
        "estimates": {"possible": report.possible, "said": report.estimates},
    }
    return (json.dumps(found, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode("utf-8", "backslashreplace")


def _html(report: Report) -> bytes:
    """Return the report as a page."""
    told = [("Faults", "fault"), ("To be known", "note")]
    tables = [("What was understood", _summary(report))]
    for title, kind in told:
        chosen = report.findings[report.findings["kind"] == kind].drop(columns="kind")
        if kind == "note":
            chosen = chosen[~chosen["problem"].str.startswith(KEPT)]
        if len(chosen):
            tables.append((title, records(chosen)))
    paragraphs = [
        _verdict(report),
        _counted(report),
        f"Estimates: {report.estimates}",
    ]
    if not all(column.known for column in report.columns):
        paragraphs.append(STARRED)
    return page(f"Check of {report.file}", paragraphs, tables)
