"""Cells of a column to the values of a study: numbers, yes or no, sexes, dates, names; what is none of it is told."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from crampstats.datasets.own.decimals import MARK_NAMES, OTHER, Decimal, read_number, split_censored
from crampstats.datasets.own.study import SEXES
from crampstats.datasets.own.telling import Finding, Scope, finding_at

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Censored = Literal["raise", "missing", "limit", "half_limit"]

# "null" is German for zero and "none" is no cramps: neither is here.
MISSING = frozenset({"", "na", "n/a", "nan", "k.a.", "k. a.", "fehlt", "-", "–", "—", ".", "n.d.", "n. d."})
YES_NO = {
    **dict.fromkeys(("ja", "j", "yes", "y", "true", "wahr", "1"), 1),
    **dict.fromkeys(("nein", "n", "no", "false", "falsch", "0"), 0),
}
SEX = {
    **dict.fromkeys(("m", "male", "man", "männlich", "maennlich", "männl.", "mann"), SEXES[0]),
    **dict.fromkeys(("f", "w", "female", "woman", "weiblich", "weibl.", "frau"), SEXES[1]),
    **dict.fromkeys(("d", "diverse", "divers"), SEXES[2]),
}
_MONTHS = "jan|feb|mär|maer|mar|mrz|apr|mai|may|jun|jul|aug|sep|okt|oct|nov|dez|dec"
_LIKE_A_DATE = re.compile(
    rf"\d{{1,4}}[-./ ]*(?:{_MONTHS})[a-zä]*\.?(?:[-./ ]*\d+)?|(?:{_MONTHS})[a-zä]*\.?[-./ ]*\d+"  # 00.Jul, Jul 00
    r"|\d{1,2}\.\d{1,2}\.(?:\d{2}|\d{4})?|0\d\.\d\d|\d{1,2}/\d{1,2}(?:/\d{2,4})?|\d{4}-\d{1,2}-\d{1,2}.*|\d{1,2}:\d\d.*"
)
_TIME = r"(?:[T ]+(\d{1,2}):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?)?"
_ISO_DATE = re.compile(rf"(\d{{4}})-(\d{{1,2}})-(\d{{1,2}}){_TIME}")
_GERMAN_DATE = re.compile(rf"(\d{{1,2}})\.(\d{{1,2}})\.(\d{{4}}|\d{{2}}){_TIME}")
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?")


@dataclass(frozen=True)
class Cell:
    """What one value of the file is.

    Attributes
    ----------
    value
        As the study holds it; None for missing.
    problem
        What is wrong with it, or what was done to it; ``""`` for nothing.
    scope
        ``"row"`` if that is a fault, ``"told"`` if not.
    """

    value: Any
    problem: str = ""
    scope: Scope = "row"


def as_float(value: Any) -> float:
    """Return a number as a float, infinite if it is too large for one."""
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def key(value: Any) -> str:
    """Return what a value is compared by: ``1``, ``1.0`` and ``"1,0"`` are the same, so are ``" Ja"`` and ``"ja"``."""
    if value is None or value is pd.NaT or value is pd.NA:
        return ""
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, str):
        text = " ".join(value.split()).casefold().replace("−", "-")
        return key(float(text.replace(",", "."))) if _PLAIN_NUMBER.fullmatch(text) else text
    if isinstance(value, (int, float, np.number)):
        number = as_float(value)
        return "" if np.isnan(number) else f"{number:.15g}"
    return str(value).casefold()


def number_cell(value: Any, decimal: Decimal, censored: Censored) -> Cell:
    """Read a number; `decimal` is the mark of its column."""
    if isinstance(value, (bool, np.bool_)):
        return Cell(None, "true or false, not a number")
    if isinstance(value, (int, float, np.number)):
        return Cell(as_float(value))
    if not isinstance(value, str):
        return Cell(None, "a date or time, as spreadsheets make of numbers")
    sign, text = split_censored(value)
    number = read_number(text, decimal)
    if number is not None:
        return _beyond_limit(number, sign, censored) if sign else Cell(number)
    if _LIKE_A_DATE.fullmatch(text.casefold()):
        return Cell(None, "a date or time, as spreadsheets make of numbers")
    if read_number(text, OTHER[decimal]) is not None:
        return Cell(None, f"a decimal {MARK_NAMES[OTHER[decimal]]} where the column has decimal {MARK_NAMES[decimal]}s")
    return Cell(None, "not a number")


def _beyond_limit(limit: float, sign: str, censored: Censored) -> Cell:
    """Return what stands for a value below or above a limit of detection."""
    where = "below" if sign == "<" else "above"
    problem = f"{where} the limit of detection"
    if censored == "raise":
        return Cell(None, problem)
    if censored == "missing":
        return Cell(None, f"{problem}, taken as missing", "told")
    if censored == "half_limit" and sign == "<":
        return Cell(limit / 2, f"{problem}, taken as half the limit", "told")
    return Cell(limit, f"{problem}, taken as the limit", "told")


def word_cell(value: Any, words: Mapping[str, Any]) -> Cell:
    """Read a word, or a number, that stands for a level."""
    found = words.get(key(value))
    return Cell(None, "not a known code") if found is None else Cell(found)


def name_cell(value: Any) -> Cell:
    """Read an identifier as text, a whole number without a decimal point."""
    if isinstance(value, (float, np.floating)) and float(value).is_integer() and abs(float(value)) < 2**53:
        return Cell(str(int(value)))
    return Cell(str(value).strip())


def date_cell(value: Any) -> Cell:
    """Read a date, as ``2024-03-01`` or ``01.03.2024``, with or without the time of day."""
    if isinstance(value, dt.datetime):
        return Cell(pd.Timestamp(value).tz_localize(None))
    if isinstance(value, dt.date):
        return Cell(pd.Timestamp(value))
    iso = _ISO_DATE.fullmatch(value) if isinstance(value, str) else None
    german = _GERMAN_DATE.fullmatch(value) if isinstance(value, str) else None
    if iso is not None:
        year, month, day, *clock = iso.groups()
    elif german is not None:
        day, month, year, *clock = german.groups()
        if len(year) == 2:
            year = ("20" if int(year) < 69 else "19") + year  # as POSIX reads years of two digits
    else:
        return Cell(None, "not a date")
    hour, minute, second, fraction = (part or "0" for part in clock)
    try:
        whole = dt.datetime(int(year), int(month), int(day), int(hour), int(minute), int(second))
    except ValueError:
        return Cell(None, "not a date")
    return Cell(pd.Timestamp(whole.replace(microsecond=int(fraction.ljust(6, "0")))))


@dataclass(frozen=True)
class ReadColumn:
    """A column whose cells have been read.

    Attributes
    ----------
    values
        Shape (rows,), None where missing or wrong.
    findings
        What was wrong or done.
    replaced
        Shape (rows,) bool, where a value stands for one beyond a limit of detection.
    """

    values: np.ndarray
    findings: tuple[Finding, ...]
    replaced: np.ndarray


def read_cells(
    cells: pd.Series,
    read: Callable[[Any], Cell],
    *,
    codes: Mapping[str, Any],
    missing: frozenset[str],
    expected: str,
) -> ReadColumn:
    """Read the cells of one column.

    Parameters
    ----------
    cells
        Shape (rows,), named by the header, indexed by the numbers of the rows.
    read
        What a single value is.
    codes
        What the user says that values, by their `key`, stand for; None for missing. They go before all else.
    missing
        The keys of missing values.
    expected
        What would be right.
    """

    def one(value: Any) -> Cell:
        name = key(value)
        if name in codes:
            return Cell(codes[name])
        return Cell(None) if name in missing else read(value)

    places, distinct = factorize(cells)
    known = [one(value) for value in distinct]
    values = np.array([cell.value for cell in known] + [None], dtype=object)[:-1][places]
    problems = np.array([cell.problem for cell in known] + [""], dtype=object)[:-1][places]
    told = np.array([cell.scope == "told" for cell in known], dtype=bool)[places]
    findings: list[Finding] = []
    for problem in dict.fromkeys(cell.problem for cell in known if cell.problem):
        here = problems == problem
        scope: Scope = "told" if told[here].all() else "row"
        findings.extend(finding_at(scope, cells, here, problem, expected))
    return ReadColumn(values, tuple(findings), told)


def factorize(cells: pd.Series) -> tuple[np.ndarray, list[Any]]:
    """Return the place of each cell among the distinct ones, and these; True, 1 and 1.0 are distinct.

    Examples
    --------
    >>> factorize(pd.Series([1, True, None, 1], dtype=object))
    (array([0, 1, 2, 0]), [1, True, None])
    """
    if cells.dtype != object:
        codes, distinct = pd.factorize(cells, use_na_sentinel=False)
        return codes, list(distinct)
    seen: dict[tuple[type, Any], int] = {}
    places = [seen.setdefault((type(value), value), len(seen)) for value in cells]
    return np.array(places, dtype=np.intp), [value for _, value in seen]
