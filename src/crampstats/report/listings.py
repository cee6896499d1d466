"""Tables that readers search, filter and sort: whole without JavaScript, cards on a narrow screen."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Row: TypeAlias = "Mapping[str, Any]"
SIGNIFICANT = 6


@dataclass(frozen=True)
class Column:
    """A column of a listing.

    Attributes
    ----------
    heading
        Plain text.
    shown
        HTML of a row's cell.
    number
        What a row is sorted by, missing where it has none; None if the column is sorted by its text.
    choice
        Whether a reader can choose rows by the texts that occur in it.
    """

    heading: str
    shown: Callable[[Row], str]
    number: Callable[[Row], Any] | None = None
    choice: bool = False


def listing(
    name: str,
    caption: str,
    columns: Sequence[Column],
    rows: Sequence[Row],
    *,
    anchor: Callable[[Row], str] | None = None,
) -> str:
    """Return a table that `template/table.js` lets readers search, filter and sort.

    Parameters
    ----------
    name
        Of the table within its page: letters, digits and hyphens.
    caption
        Plain text.
    columns
        The first one names the rows.
    rows
        All of them, in the order in which they are read without JavaScript.
    anchor
        The place within the page that links to a row lead to, if there are such links.
    """
    kinds = ["text" if column.number is None else "number" for column in columns]
    head = "".join(
        f'<th scope="col" data-kind="{kind}">{html.escape(column.heading)}</th>'
        for column, kind in zip(columns, kinds, strict=True)
    )
    body = "\n".join(_row(columns, row, anchor) for row in rows)
    return (
        f"{_controls(name, columns, rows)}\n"
        f'<div class="listing" role="region" tabindex="0" aria-labelledby="{name}-caption">\n'
        f'<table id="{name}"><caption id="{name}-caption">{html.escape(caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>\n</div>"
    )


def _row(columns: Sequence[Column], row: Row, anchor: Callable[[Row], str] | None) -> str:
    """Return a row; the cells say of which column they are, for screens where they stand below each other."""
    cells = []
    for place, column in enumerate(columns):
        tag = 'th scope="row"' if place == 0 else "td"
        number = None if column.number is None else column.number(row)
        key = "" if number is None or is_missing(number) else f' data-number="{float(number):.12g}"'
        label = f' data-label="{html.escape(column.heading, quote=True)}"'
        cells.append(f"<{tag}{label}{key}>{column.shown(row)}</{tag[:2]}>")
    place_in_page = "" if anchor is None else f' id="{html.escape(anchor(row), quote=True)}"'
    return f"<tr{place_in_page}>{''.join(cells)}</tr>"


def _controls(name: str, columns: Sequence[Column], rows: Sequence[Row]) -> str:
    """Return the search field and the choices, hidden until JavaScript makes them work."""
    parts = [f'<label>Search <input type="search" id="{name}-search"></label>']
    for place, column in enumerate(columns):
        if column.choice:
            texts = dict.fromkeys(column.shown(row) for row in rows)
            options = "".join(f"<option>{text}</option>" for text in texts if text)
            parts.append(
                f'<label>{html.escape(column.heading.capitalize())} <select data-column="{place}">'
                f'<option value="">all</option>{options}</select></label>'
            )
    parts.append(f'<output for="{name}-search">{len(rows):,} of {len(rows):,} rows</output>')
    return f'<div class="controls" data-table="{name}" hidden>\n' + "\n".join(parts) + "\n</div>"


def records(frame: pd.DataFrame) -> list[Row]:
    """Return the rows of a table by the names of its columns."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def is_missing(value: Any) -> bool:
    """Say whether a cell holds nothing."""
    return bool(pd.isna(value)) or value == ""


def number_text(value: Any) -> str:
    """Return a number as a reader sees it: a count in full, another one to six significant digits, nothing if missing."""
    if is_missing(value):
        return ""
    whole = float(value).is_integer() and abs(value) >= 1000
    return (f"{value:,.0f}" if whole else f"{value:.{SIGNIFICANT}g}").replace("-", "−")


def range_text(low: Any, high: Any) -> str:
    """Return two limits in words, one of which may be missing."""
    if is_missing(low) and is_missing(high):
        return ""
    if is_missing(low):
        return f"up to {number_text(high)}"
    if is_missing(high):
        return f"from {number_text(low)}"
    return f"{number_text(low)} to {number_text(high)}"


def sentences(*texts: Any) -> str:
    """Return plain texts one after another as HTML, those that are missing left out."""
    return "; ".join(html.escape(str(text)) for text in texts if not is_missing(text))


def works(keys: str) -> str:
    """Return links to the works of the bibliography whose keys stand in a text, a space between them."""
    return " ".join(
        f'<a href="sources.html#{html.escape(key, quote=True)}">{html.escape(key)}</a>' for key in keys.split()
    )


def text_column(key: str, heading: str = "", *, choice: bool = False) -> Column:
    """Return a column of plain texts.

    Parameters
    ----------
    key
        Of the cell in a row.
    heading
        Its name, if it is not the key.
    choice
        As in `Column`.
    """
    return Column(heading or key, lambda row: sentences(row[key]), choice=choice)


def number_column(key: str, heading: str = "", *, times: float = 1) -> Column:
    """Return a column of numbers.

    Parameters
    ----------
    key
        Of the cell in a row.
    heading
        Its name, if it is not the key.
    times
        What a number is multiplied with before it is shown, as 100 for a share in per cent.
    """

    def value(row: Row) -> Any:
        return None if is_missing(row[key]) else row[key] * times

    return Column(heading or key, lambda row: number_text(value(row)), value)


def range_column(low: str, high: str, heading: str, *, times: float = 1) -> Column:
    """Return a column of ranges, sorted by the lower limit or, without one, by the upper.

    Parameters
    ----------
    low, high
        Keys of the limits in a row.
    heading
        Its name.
    times
        As in `number_column`.
    """

    def limits(row: Row) -> tuple[Any, Any]:
        first, second = (None if is_missing(row[key]) else row[key] * times for key in (low, high))
        return first, second

    def lowest(row: Row) -> Any:
        first, second = limits(row)
        return second if first is None else first

    return Column(heading, lambda row: range_text(*limits(row)), lowest)


def _source_and_place(row: Row) -> str:
    """Return the link to a source and where in it the number stands, or how it follows from it."""
    return ": ".join(part for part in (works(row["source"]), sentences(row["where"])) if part)


SOURCE = Column("source, and where in it", _source_and_place)
STATUS = text_column("status", choice=True)
