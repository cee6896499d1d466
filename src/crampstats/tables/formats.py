"""Tables as files for other programs: CSV, JSON, JSON lines and Parquet, with every digit."""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from crampstats.errors import CrampstatsError
from crampstats.schema import plain

if TYPE_CHECKING:
    from collections.abc import Callable


def check_ending(ending: str) -> str:
    """Return the ending of a file that a table can be written to, or raise before anything is computed.

    Parameters
    ----------
    ending
        Such as ``".csv"``, in any case.

    Returns
    -------
    str
        In lower case.

    Raises
    ------
    CrampstatsError
        If it is another one than ``.csv``, ``.json``, ``.jsonl`` and ``.parquet``, or if it needs pyarrow, which is not there.

    Examples
    --------
    >>> check_ending(".CSV")
    '.csv'
    """
    if ending.lower() not in _WRITERS:
        raise CrampstatsError(f"the ending {ending!r} is unknown: choose from {', '.join(_WRITERS)}.")
    if ending.lower() == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise CrampstatsError("a .parquet needs pyarrow: pip install 'crampstats[files]'.")
    return ending.lower()


def content(frame: pd.DataFrame, ending: str) -> bytes:
    r"""Return a table as the content of a file.

    Parameters
    ----------
    frame
        Of which the columns; a missing value is an empty cell of CSV and null elsewhere.
    ending
        As in `check_ending`: ``.csv`` (a header, commas, decimal points), ``.json`` (a list of records), ``.jsonl`` (a
        record a line) or ``.parquet``. Text is UTF-8. A time is written as in ISO 8601.

    Raises
    ------
    CrampstatsError
        As `check_ending`; if two columns have one name, or JSON, which has no infinity, should hold one.

    Examples
    --------
    >>> content(pd.DataFrame({"sex": ["female", "male"], "n": [2, 3], "estimate": [0.5, None]}), ".jsonl").decode()
    '{"sex": "female", "n": 2, "estimate": 0.5}\n{"sex": "male", "n": 3, "estimate": null}\n'
    """
    writer = _WRITERS[check_ending(ending)]
    twice = sorted({str(name) for name in frame.columns[frame.columns.duplicated()]})
    if twice:
        raise CrampstatsError(f"the table has more than one column {', '.join(map(repr, twice))}.")
    return writer(frame)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table as records of what JSON can hold.

    Parameters
    ----------
    frame
        Of which the columns.

    Raises
    ------
    CrampstatsError
        If a number is infinite.

    Examples
    --------
    >>> records(pd.DataFrame({"day": pd.to_datetime(["2025-03-02"]), "mg": [float("nan")]}))
    [{'day': '2025-03-02T00:00:00', 'mg': None}]
    """
    columns = [[_value(value, name) for value in frame[name].astype(object)] for name in frame.columns]
    names = [str(name) for name in frame.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _value(value: Any, name: str) -> Any:
    """Return a value as JSON can hold it."""
    value = plain(value)
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float) and math.isinf(value):
        raise CrampstatsError(f"{name} holds an infinite number, which JSON cannot: choose another format.")
    if isinstance(value, dt.date):
        return value.isoformat()
    return value if isinstance(value, (bool, int, float, str)) else str(value)


def _csv(frame: pd.DataFrame) -> bytes:
    """Return a table as CSV."""
    return frame.to_csv(index=False, lineterminator="\n").encode()


def _json(frame: pd.DataFrame) -> bytes:
    """Return a table as a list of records."""
    return (json.dumps(records(frame), ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()


def _json_lines(frame: pd.DataFrame) -> bytes:
    """Return a table as a record a line."""
    return "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in records(frame)).encode()


def _parquet(frame: pd.DataFrame) -> bytes:
    """Return a table as Parquet."""
    return bytes(frame.to_parquet(None, engine="pyarrow", index=False))


_WRITERS: dict[str, Callable[[pd.DataFrame], bytes]] = {
    ".csv": _csv,
    ".json": _json,
    ".jsonl": _json_lines,
    ".parquet": _parquet,
}
