"""The columns of a table as columns of a survey, each with what was found in it."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crampstats.datasets.own.cells import (
    MISSING,
    SEX,
    YES_NO,
    Cell,
    date_cell,
    factorize,
    key,
    name_cell,
    number_cell,
    read_cells,
    word_cell,
)
from crampstats.datasets.own.concentrations import better_unit, evidence, fits, rows_of_other_units
from crampstats.datasets.own.decimals import (
    Decimal,
    convention_of,
    count_conventions,
    read_number,
    settle,
    split_censored,
)
from crampstats.datasets.own.plan import LABEL_ROLES, Planned, Wishes
from crampstats.datasets.own.study import (
    AGE,
    BESIDES,
    COLUMNS,
    ID,
    MEASURES,
    SAMPLE_DATE,
    STUDY,
    admitted_units,
    to_study_unit,
)
from crampstats.datasets.own.telling import Finding, finding, finding_at
from crampstats.schema import Schema

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Mapping, Sequence

    from crampstats.datasets.own.rectangle import Table

# What is longer is an identifier, and what begins with a zero a code.
_SURELY_A_NUMBER = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,14})(?:[.,][0-9]{1,15})?")
_ROLE_LOWEST = {"weight": 0.0, "population_size": 1.0}


# Values this many times beyond what gravely ill patients have are told, since a decimal sign may be lost: assumed.
RARE = 2.0


@dataclass(frozen=True)
class StudyColumn:
    """A column of the survey to be.

    Attributes
    ----------
    values
        Shape (rows,), missing where nothing was there or something was wrong.
    findings
        What was found in it.
    """

    values: pd.Series
    findings: tuple[Finding, ...]


def read_columns(table: Table, planned: Sequence[Planned], wishes: Wishes) -> tuple[StudyColumn, ...]:
    """Read all columns of a table, in their order."""
    counts = {
        draft.place: _conventions(table.columns[draft.place], draft.codes, MISSING | wishes.missing)
        for draft in planned
        if draft.is_number
    }
    result = []
    for draft in planned:
        cells = table.columns[draft.place]
        labels = {key(code): text for code, text in (table.value_labels or ({},) * len(planned))[draft.place].items()}
        if draft.is_number:
            decimal = settle(counts[draft.place], counts.values(), wishes.decimal)
            column = _numbers(cells, draft, labels, decimal, wishes)
        elif draft.name in COLUMNS:
            column = _words(cells, draft, labels, wishes)
        elif draft.name in BESIDES:
            column = _besides(cells, draft, wishes)
        else:
            column = StudyColumn(_other(cells, draft, labels, counts.values(), wishes), ())
        result.append(StudyColumn(column.values, (*column.findings, *_role_findings(cells, column, draft))))
    return tuple(result)


def _conventions(cells: pd.Series, codes: Mapping[str, Any], missing: frozenset[str]) -> Counter[str]:
    """Return how many texts of a column fit each convention of decimals."""
    places, distinct = factorize(cells)
    times = np.bincount(places, minlength=len(distinct))
    texts = {
        value: int(count)
        for value, count in zip(distinct, times, strict=True)
        if isinstance(value, str) and key(value) not in codes and key(value) not in missing
    }
    return count_conventions(texts)


def _numbers(
    cells: pd.Series, draft: Planned, labels: Mapping[str, str], decimal: Decimal | None, wishes: Wishes
) -> StudyColumn:
    """Read numbers, in the unit of the study."""
    missing = MISSING | wishes.missing
    codes = {**{code: None for code, text in labels.items() if key(text) in missing}, **draft.codes}
    expected = COLUMNS[draft.name].expected if draft.name in COLUMNS else "a number"
    if decimal is None:
        return _unclear(cells)

    def read(value: Any) -> Cell:
        return number_cell(value, decimal, wishes.censored)

    column = read_cells(cells, read, codes=codes, missing=missing, expected=expected)
    numbers, findings = column.values.astype(float), column.findings
    # What stands for a value beyond a limit says nothing of the unit, and may be lower than any value can be.
    values = np.where(column.replaced, np.nan, numbers)
    unit = draft.unit or ("years" if draft.name == AGE else None)
    if draft.name in MEASURES or draft.name == AGE:
        values, found = _in_study_unit(values, cells, draft, unit, wishes)
        findings += found
    if draft.name in COLUMNS:
        findings += _impossible(values, cells, draft)
    if unit in admitted_units(draft.name):
        numbers = to_study_unit(numbers, draft.name, str(unit))
    return StudyColumn(pd.Series(np.where(column.replaced, numbers, values)), findings)


def _unclear(cells: pd.Series) -> StudyColumn:
    """Return what is told of numbers that can be meant with a decimal point or with a decimal comma."""
    texts = [isinstance(cell, str) and convention_of(split_censored(cell)[1]) in {"both", ".", ","} for cell in cells]
    found = finding_at(
        "file",
        cells,
        np.array(texts, dtype=bool),
        "decimal points or decimal commas: the numbers can be read either way",
        "decimal='.' or decimal=','",
    )
    return StudyColumn(pd.Series(np.full(len(cells), np.nan)), found)


def _in_study_unit(
    values: np.ndarray, cells: pd.Series, draft: Planned, unit: str | None, wishes: Wishes
) -> tuple[np.ndarray, tuple[Finding, ...]]:
    """Return values (rows,) in the unit of the study, NaN where they are in another than is said, and why."""
    nothing = np.full(len(values), np.nan)
    if np.isnan(values).all():
        return nothing, ()
    if unit not in admitted_units(draft.name):
        return nothing, (_no_unit(values, draft),)
    if draft.name == AGE:
        return to_study_unit(values, AGE, unit), ()
    seen = fits(values, draft.name, unit)
    better = better_unit(seen, unit)
    keep = wishes.other_unit == "keep"
    remedy = "other_unit='keep' keeps them as they stand"
    if better is not None:
        problem = f"the values are far more usual as {better} than as {unit}"
        problem += ", kept as they stand" if keep else ""
        expected = f"values in {unit}; {evidence(seen, draft.name)}; units={{{draft.name!r}: {better!r}}} or {remedy}"
        found = (finding("told" if keep else "file", draft.header, problem, expected),)
        return (to_study_unit(values, draft.name, unit) if keep else nothing), found
    findings: list[Finding] = []
    told = np.zeros(len(values), dtype=bool)
    for other, rows in rows_of_other_units(values, draft.name, unit).items():
        told |= rows
        problem = f"fits {other} only, not {unit}" + (", kept as it stands" if keep else "")
        findings += finding_at("told" if keep else "row", cells, rows, problem, f"values in {unit}; {remedy}")
        if not keep:
            values = np.where(rows, np.nan, values)
    converted = to_study_unit(values, draft.name, unit)
    return converted, (*findings, *_rare(converted, cells, draft, unit, told))


def _rare(values: np.ndarray, cells: pd.Series, draft: Planned, unit: str, told: np.ndarray) -> tuple[Finding, ...]:
    """Return what is told of values (rows,), in the unit of the study, that are possible and that hardly anybody has."""
    seen, column = MEASURES[draft.name].seen, COLUMNS[draft.name]
    low, high = seen[0] / RARE, seen[1] * RARE
    possible = (values >= column.low) & (values <= column.high)
    rare = possible & ((values < low) | (values > high)) & ~told
    in_file = 1.0 / to_study_unit(1.0, draft.name, unit)
    usual = f"values from {low * in_file:.3g} to {high * in_file:.3g} {unit}; kept as they stand, look at these rows"
    return finding_at("told", cells, rare, "hardly ever seen, a decimal sign may be lost", usual)


def _no_unit(values: np.ndarray, draft: Planned) -> Finding:
    """Return what is told of a measured column whose unit is not said, or is none of it."""
    choices = ", ".join(admitted_units(draft.name))
    problem = f"the unit {draft.unit} is none of it" if draft.unit else "neither the header nor units= says the unit"
    shown = "" if draft.name == AGE else f"; {evidence(fits(values, draft.name), draft.name)}"
    expected = f"the unit in the header, as in 'Mg [mg/dL]', or units={{{draft.name!r}: ...}}, one of {choices}{shown}"
    return finding("file", draft.header, problem, expected)


def _impossible(values: np.ndarray, cells: pd.Series, draft: Planned) -> tuple[Finding, ...]:
    """Return what the schema of the study says of values (rows,) in its unit, as they stand in the file."""
    column = COLUMNS[draft.name]
    expected = column.expected
    if draft.unit is not None and draft.unit in admitted_units(draft.name) and draft.unit != column.unit:
        in_file = 1.0 / to_study_unit(1.0, draft.name, draft.unit)
        expected += f", in the file from {column.low * in_file:.4g} to {column.high * in_file:.4g} {draft.unit}"
    faults = Schema(STUDY.name, (column,)).faults(pd.DataFrame({draft.name: values}))
    findings: list[Finding] = []
    for fault in faults:
        wrong = np.zeros(len(values), dtype=bool)
        wrong[list(fault.rows)] = True
        findings += finding_at("row", cells, wrong, fault.problem, expected)
    return tuple(findings)


def _labelled(cells: pd.Series, labels: Mapping[str, str], codes: Mapping[str, Any]) -> pd.Series:
    """Return cells with the texts that SPSS or Stata say their codes stand for; what the user says goes before."""
    if not labels:
        return cells
    texts = [cell if key(cell) in codes else labels.get(key(cell), cell) for cell in cells]
    return pd.Series(texts, index=cells.index, name=cells.name, dtype=object)


def _words(cells: pd.Series, draft: Planned, labels: Mapping[str, str], wishes: Wishes) -> StudyColumn:
    """Read yes or no, as Int8, or a sex, as a category."""
    column = COLUMNS[draft.name]
    words = YES_NO if column.kind == "yes_no" else SEX

    def read(value: Any) -> Cell:
        return word_cell(value, words)

    meant = _labelled(cells, labels, draft.codes)
    hint = f"{column.expected}; codes={{{draft.name!r}: ...}} says what others stand for"
    found = read_cells(meant, read, codes=draft.codes, missing=MISSING | wishes.missing, expected=hint)
    if column.kind == "yes_no":
        return StudyColumn(pd.Series(found.values, dtype=object).astype("Int8"), found.findings)
    levels = [level for level in column.levels if level in set(found.values)]
    return StudyColumn(pd.Series(pd.Categorical(found.values, categories=levels)), found.findings)


def _besides(cells: pd.Series, draft: Planned, wishes: Wishes) -> StudyColumn:
    """Read the identifiers of persons, or dates."""
    missing = MISSING | wishes.missing
    if draft.name == SAMPLE_DATE:
        expected = f"a date as 2024-03-01 or 01.03.2024; columns={{{draft.header!r}: 'date_as_text'}} keeps it as text"
        dates = read_cells(cells, date_cell, codes={}, missing=missing, expected=expected)
        return StudyColumn(pd.Series(pd.to_datetime(pd.Series(dates.values, dtype=object))), dates.findings)
    column = read_cells(cells, name_cell, codes={}, missing=missing, expected=BESIDES[ID])
    values = pd.Series(column.values, dtype="str")
    absent = values.isna().to_numpy()
    twice = values.duplicated(keep=False).to_numpy() & ~absent
    findings = (
        *finding_at("row", cells, absent, "missing", BESIDES[ID]),
        *finding_at("row", cells, twice, "stands more than once", BESIDES[ID]),
    )
    return StudyColumn(values, (*column.findings, *findings))


def _other(
    cells: pd.Series, draft: Planned, labels: Mapping[str, str], counts: Iterable[Counter[str]], wishes: Wishes
) -> pd.Series:
    """Return a column that is none of the study: numbers, truths or dates if all of it is, else text as it stands."""
    if labels and all(key(cell) in labels or key(cell) == "" for cell in cells):
        cells = _labelled(cells, labels, {})
    places, distinct = factorize(cells)
    absent = MISSING | wishes.missing
    held = [value for value in distinct if key(value) not in absent]
    kept = _as_one_kind(held, counts, wishes.decimal)
    if kept is None:  # a marker of missing values that stands in text is text, unless the design needs the column
        absent = absent if set(draft.roles) & set(LABEL_ROLES) else frozenset({""}) | wishes.missing
        held = [value for value in distinct if key(value) not in absent]
        kept = [value.strip() if isinstance(value, str) else name_cell(value).value for value in held]
    meant = iter(kept)
    read = [None if key(value) in absent else next(meant) for value in distinct]
    values = pd.Series(np.array([*read, None], dtype=object)[:-1][places], dtype=object)
    return values.astype(_kind_of(kept, bool(values.isna().any())))


def _as_one_kind(held: list[Any], counts: Iterable[Counter[str]], said: Decimal | None) -> list[Any] | None:
    """Return distinct values as truths, numbers or timestamps if all of them are, else None."""
    if all(isinstance(value, (bool, np.bool_)) for value in held):
        return [bool(value) for value in held]
    if any(isinstance(value, (bool, np.bool_)) for value in held):
        return None
    if all(isinstance(value, (int, np.integer)) and abs(int(value)) < 2**63 for value in held):
        return [int(value) for value in held]
    if all(
        isinstance(value, (float, np.floating)) or (isinstance(value, int) and abs(value) < 2**53) for value in held
    ):
        return [float(value) for value in held]
    if all(isinstance(value, dt.date) for value in held):
        days = [pd.Timestamp(value) for value in held]
        return days if all(day.tz is None for day in days) else None
    if not all(isinstance(value, str) and _SURELY_A_NUMBER.fullmatch(value.strip()) for value in held):
        return None
    decimal = settle(count_conventions(dict.fromkeys(held, 1)), counts, said)
    numbers = [] if decimal is None else [read_number(value, decimal) for value in held]
    if not numbers or None in numbers:
        return None
    whole = all(value.strip().lstrip("+-").isdigit() for value in held)
    return [int(value) for value in held] if whole else numbers


def _kind_of(kept: list[Any], gaps: bool) -> Any:
    """Return the type of a column of pandas that holds these values."""
    if not kept:
        return float
    if isinstance(kept[0], bool):
        return "boolean" if gaps else bool
    if isinstance(kept[0], int):
        return "Int64" if gaps else "int64"
    return {float: float, str: "str"}.get(type(kept[0]), "datetime64[us]")


def _role_findings(cells: pd.Series, column: StudyColumn, draft: Planned) -> tuple[Finding, ...]:
    """Return what a column lacks for its part in the design."""
    if not draft.roles or any(one.scope == "file" for one in column.findings):
        return ()
    told = {row for one in column.findings if one.scope == "row" for row in one.fault.rows}
    fine = ~cells.index.isin(list(told))
    absent = column.values.isna().to_numpy() & fine
    findings: tuple[Finding, ...] = ()
    for role in draft.roles:
        lowest = _ROLE_LOWEST.get(role)
        expected = f"a {role.replace('_', ' ')}" + (f", a number of at least {lowest:g}" if lowest is not None else "")
        findings += finding_at("row", cells, absent, "missing, and the design needs it", expected)
        if lowest is not None:
            values = pd.to_numeric(column.values, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
            wrong = fine & ~absent & ~((values >= lowest) & np.isfinite(values))
            findings += finding_at("row", cells, wrong, f"not a {role.replace('_', ' ')}", expected)
    return findings
