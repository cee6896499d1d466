"""SAS transport files (XPORT, version 5): every row, names and labels, zeros as zeros.

pandas reads them too. It counts rows by the blanks at the end of the file and loses the last ones where a text is
empty, keeps one of two columns of the same name, turns zeros into 5.4e-79 and does not give the labels.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from crampstats.datasets.own.telling import StudyFileError

CARD = 80
_LIBRARY = b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!"
_LATER = b"HEADER RECORD*******LIBV8   HEADER RECORD!!!!!!!"
_MEMBER = b"HEADER RECORD*******MEMBER  HEADER RECORD!!!!!!!"
_NAMES = b"HEADER RECORD*******NAMESTR HEADER RECORD!!!!!!!"
_ROWS = b"HEADER RECORD*******OBS     HEADER RECORD!!!!!!!"
_MISSING = (*range(ord("A"), ord("Z") + 1), ord("_"), ord("."))


@dataclass(frozen=True)
class Variable:
    """One column: where its bytes lie in a row, and whether they are a number."""

    name: str
    label: str
    is_number: bool
    start: int
    length: int


def read_xport_columns(data: bytes) -> tuple[list[Variable], list[Any]]:
    """Read the one table of a transport file.

    Parameters
    ----------
    data
        The whole file.

    Returns
    -------
    tuple
        The variables, and for each an array of floats (NaN is missing) or a list of texts.

    Raises
    ------
    StudyFileError
        If it is another format, holds more than one table, or is cut.
    """
    if data.startswith(_LATER):
        raise StudyFileError("it is a transport file of version 8; have SAS write version 5 (LIBNAME … XPORT).")
    if not data.startswith(_LIBRARY):
        raise StudyFileError("it is no SAS transport file of version 5.")
    if len(data) % CARD:
        raise StudyFileError("it is cut: a SAS transport file is a multiple of 80 bytes long.")
    variables, start = _variables(data)
    if data.find(_MEMBER, start) >= 0:
        raise StudyFileError("it holds more than one table; write each to a file of its own.")
    length = sum(variable.length for variable in variables)
    rows = _row_count(data[start:], length)
    table = np.frombuffer(data, dtype=np.uint8, count=rows * length, offset=start).reshape(rows, length)
    return variables, [_values(table, variable) for variable in variables]


def _variables(data: bytes) -> tuple[list[Variable], int]:
    """Return the variables and where the rows begin."""
    try:
        member, names = data.index(_MEMBER), data.index(_NAMES)
        size, count = int(data[member + 74 : member + 78]), int(data[names + 54 : names + 58])
        first = names + CARD
        variables = [_variable(data[first + k * size : first + (k + 1) * size]) for k in range(count)]
        end = first + -(-count * size // CARD) * CARD
    except (ValueError, struct.error) as error:
        raise StudyFileError(f"its list of variables is damaged ({error}).") from None
    if not variables or not data.startswith(_ROWS, end):
        raise StudyFileError("its list of variables is damaged, or it has none.")
    places = np.cumsum([0, *(variable.length for variable in variables)])
    if [variable.start for variable in variables] != places[:-1].tolist():
        raise StudyFileError("its list of variables is damaged: they do not lie one behind the other.")
    return variables, end + CARD


def _variable(entry: bytes) -> Variable:
    """Read one entry of the list of variables."""
    kind, _, length, _, name, label = struct.unpack(">hhhh8s40s", entry[:56])
    (start,) = struct.unpack(">l", entry[84:88])
    if kind not in (1, 2) or not (2 <= length <= 8 if kind == 1 else length >= 1):
        raise ValueError(f"type {kind} of {length} bytes")
    return Variable(_text(name), _text(label), kind == 1, start, length)


def _row_count(body: bytes, length: int) -> int:
    """Return how many rows there are; what follows them is blank and less than a card."""
    rows, left = divmod(len(body), length)
    if body[rows * length :].strip(b" ") or left >= CARD:
        raise StudyFileError("it is cut: the last row is not whole.")
    # A card may be padded by the length of one row or more; no number is written as blanks.
    padding = left
    while rows and padding + length < CARD and not body[(rows - 1) * length : rows * length].strip(b" "):
        rows -= 1
        padding += length
    return rows


def _text(data: bytes) -> str:
    """Return bytes as text; the format says no encoding."""
    try:
        return data.decode("utf-8").strip(" \x00")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace").strip(" \x00")


def _values(table: np.ndarray, variable: Variable) -> Any:
    """Return one column of the bytes of all rows (rows, length)."""
    cells = table[:, variable.start : variable.start + variable.length]
    if not variable.is_number:
        return [_text(bytes(cell)) for cell in cells]
    padded = np.zeros((len(cells), 8), dtype=np.uint8)
    padded[:, : variable.length] = cells
    missing = np.isin(padded[:, 0], _MISSING) & ~padded[:, 1:].any(axis=1)
    bits = padded.view(">u8").ravel()
    fraction = (bits & np.uint64(0x00FFFFFFFFFFFFFF)).astype(float)
    exponent = ((bits >> np.uint64(56)) & np.uint64(0x7F)).astype(np.int64)
    sign = np.where(bits >> np.uint64(63), -1.0, 1.0)
    values = sign * np.ldexp(fraction, 4 * (exponent - 64) - 56)
    return np.where(missing, np.nan, values)
