"""Delimited text: bytes to records, with the encoding and the delimiter found out, or said by the user."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from crampstats.datasets.own.telling import StudyFileError, listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Delimiter = Literal[",", ";", "\t", "|"]
DELIMITERS: tuple[Delimiter, ...] = get_args(Delimiter)
LAST_COMMA: tuple[Delimiter, ...] = (";", "\t", "|", ",")
DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
LOOKED_AT = 500

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SIGNATURES = (
    (b"PK\x03\x04", "an Excel workbook or another zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)"),
    (b"PAR1", "a Parquet file"),
    (b"$FL2", "an SPSS file"),
    (b"$FL3", "an SPSS file"),
    (b"<stata_dta>", "a Stata file"),
    (b"HEADER RECORD*******", "a SAS transport file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF", "a PDF"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "an XML file"),
    (b"{\\rtf", "a text document (.rtf)"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Record:
    """One row of a file.

    Attributes
    ----------
    line
        Where it begins: the line of the file, or the row of the sheet, the first being 1.
    cells
        As they stand there; texts without the blanks around them.
    """

    line: int
    cells: list[Any]


def decode(data: bytes, encoding: str | None) -> str:
    """Return bytes as text.

    Parameters
    ----------
    data
        The whole file.
    encoding
        What the user says, or None to find it out: UTF-8, UTF-16 or UTF-32 by their marks, UTF-16 without a mark by
        its zero bytes, UTF-8 if everything is valid in it, else Windows-1252 (of which Latin-1 is a part).

    Raises
    ------
    StudyFileError
        If it is no text, or its encoding cannot be told.
    """
    for signature, what in _SIGNATURES:
        if data[: len(signature)].lower() == signature.lower():
            raise StudyFileError(f"it is {what}, whatever its name says; save it as CSV, or give it its own ending.")
    found, start = (encoding, 0) if encoding is not None else _found_encoding(data)
    try:
        text = data[start:].decode(found)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, start + error.start) + 1
        raise StudyFileError(f"line {line} is not valid in {found}; say which encoding= the file has.") from None
    except (LookupError, ValueError):
        raise StudyFileError(f"encoding={encoding!r} is unknown; say for example 'utf-8' or 'cp1252'.") from None
    text = text.removeprefix("\ufeff")
    control = _CONTROL.search(text)
    if control is not None:
        line = text.count("\n", 0, control.start()) + 1
        raise StudyFileError(f"line {line} holds the control character {ord(control[0]):#04x}: it is no table in text.")
    return text


def _found_encoding(data: bytes) -> tuple[str, int]:
    """Return the encoding and the length of the mark in front."""
    for mark, name in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return name, len(mark)
    head = data[:4096]
    if b"\x00" in head:
        even, odd = head[::2].count(0), head[1::2].count(0)
        if max(even, odd) * 5 >= len(head) and min(even, odd) * 50 <= len(head):
            return ("utf-16-be" if even > odd else "utf-16-le"), 0
        raise StudyFileError("it holds zero bytes: it is no table in text, whatever its name says.")
    # What is no UTF-8 becomes a surrogate; what else lies beyond ASCII is a valid sequence of it.
    text = data.decode("utf-8", errors="surrogateescape")
    beyond = [letter for letter in text if letter > "\x7f"] if not text.isascii() else []
    invalid = [letter for letter in beyond if "\ud800" <= letter <= "\udfff"]
    if not invalid:
        return "utf-8", 0
    if len(invalid) < len(beyond):
        line = text.count("\n", 0, text.index(invalid[0])) + 1
        raise StudyFileError(
            f"line {line} is not valid UTF-8 and other lines are: the file is damaged or mixes encodings; say which "
            "encoding= it has, such as 'cp1252'."
        )
    return "cp1252", 0


def records(text: str, delimiter: Delimiter) -> Iterator[Record]:
    """Split text into records.

    Raises
    ------
    StudyFileError
        If a quotation mark is not closed, or goes on behind its end.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise StudyFileError(
                f"the row that begins in line {line} cannot be read ({error}); look for a quotation mark that is not "
                "closed or stands within a value."
            ) from None
        yield Record(line, [_plain_text(cell) for cell in cells])


def _plain_text(cell: str) -> str:
    """Return a cell without the blanks around it, and ="007", which keeps a spreadsheet from making a 7 of it, as 007."""
    text = cell.strip()
    return text[2:-1] if text.startswith('="') and text.endswith('"') and len(text) > 2 else text


def read_records(
    text: str, delimiter: Delimiter | None, known: Callable[[str], bool]
) -> tuple[list[Record], Delimiter]:
    """Return the records of a text and their delimiter.

    Parameters
    ----------
    text
        The whole file. A first line ``sep=;``, as Excel understands it, says the delimiter.
    delimiter
        What the user says, or None to find it out.
    known
        Whether a header is known: the delimiter is the one that gives the most known headers, and among those the one
        that gives rows as long as the header.

    Raises
    ------
    StudyFileError
        If two delimiters fit equally, or `records` raises.
    """
    first, _, rest = text.partition("\n")
    said = re.fullmatch(r"\"?sep=(.)\"?\s*", first)
    named = None if said is None else next((mark for mark in DELIMITERS if mark == said[1]), None)
    if named is not None:
        chosen = delimiter or named
        return [Record(record.line + 1, record.cells) for record in records(rest, chosen)], chosen
    chosen = delimiter or _found_delimiter(text, known)
    return list(records(text, chosen)), chosen


def _fit(text: str, delimiter: Delimiter, known: Callable[[str], bool]) -> tuple[int, int, float]:
    """Return how many headers a delimiter gives, how many are known, and the share of rows that are as long."""
    filled: list[list[Any]] = []
    with contextlib.suppress(StudyFileError):  # an open quotation mark is told when the delimiter is known
        filled.extend(record.cells for record in itertools.islice(records(text, delimiter), LOOKED_AT))
    filled = [cells for cells in filled if any(cells)]
    if not filled:
        return 0, 0, 0.0
    header, rows = filled[0], filled[1:]
    same = sum(len(row) == len(header) for row in rows) / max(len(rows), 1)
    return len(header), sum(map(known, header)), same


def _found_delimiter(text: str, known: Callable[[str], bool]) -> Delimiter:
    """Return the delimiter that fits best."""
    fits = {mark: _fit(text, mark, known) for mark in DELIMITERS}
    several = {mark: (count, same) for mark, (width, count, same) in fits.items() if width > 1}
    if not several:  # one column: any mark that does not stand in it, the comma last, which may be decimal
        single = [mark for mark in LAST_COMMA if fits[mark][0] == 1 and fits[mark][2] == 1.0]
        return single[0] if single else ";"
    best = max(several.values())
    equal = [mark for mark, fit in several.items() if fit == best]
    if len(equal) > 1:
        names = " and ".join(DELIMITER_NAMES[mark] for mark in equal)
        raise StudyFileError(f"{names} fit equally as delimiter: say which with delimiter={listed(equal)}.")
    return equal[0]
