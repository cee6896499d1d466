"""The first page: a text whose numbers and pictures are those of the results, never typed."""

from __future__ import annotations

import csv
import html
import re
from typing import TYPE_CHECKING

from crampstats.errors import CrampstatsError
from crampstats.report.pages import from_markdown, keep_units

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NUMBER = re.compile(r"\{\{([^{}]+)\}\}")
PICTURE = re.compile(r"<p>\[\[figure: ([\w-]+)\]\]</p>")
FORMATS = {
    "percent": lambda value: f"{100 * value:.1f}",
    "whole percent": lambda value: f"{100 * value:.0f}",
    "one decimal": lambda value: f"{value:.1f}".replace("-", "−"),
    "two decimals": lambda value: f"{value:.2f}".replace("-", "−"),
    "count": lambda value: f"{value:,.0f}",
}


def story(text: str, tables: Path, pictures: Mapping[str, tuple[str, str]]) -> str:
    """Return the story as HTML.

    Parameters
    ----------
    text
        Markdown. ``{{table | column=value & other=value | column | format}}`` stands for a number of a table,
        ``[[figure: name]]``, a paragraph of its own, for a picture.
    tables
        The folder of the tables.
    pictures
        PNG in base 64 and alternative text, by name.

    Raises
    ------
    CrampstatsError
        If a number or picture is not there; all of them are named.
    """
    faults: list[str] = []

    def number(found: re.Match[str]) -> str:
        try:
            return look_up(found[1], tables)
        except CrampstatsError as error:
            faults.append(str(error))
            return ""

    def picture(found: re.Match[str]) -> str:
        if found[1] not in pictures:
            faults.append(f"no notebook shows the figure {found[1]!r}.")
            return ""
        png, alt = pictures[found[1]]
        return f'<figure><img src="data:image/png;base64,{png}" alt="{html.escape(alt, quote=True)}"></figure>'

    told = PICTURE.sub(picture, from_markdown(keep_units(NUMBER.sub(number, text))))
    if faults:
        raise CrampstatsError("the story asks for what is not there:\n" + "\n".join(f"  {fault}" for fault in faults))
    return told


def look_up(asked: str, tables: Path) -> str:
    """Return one number of a table as a reader sees it.

    Parameters
    ----------
    asked
        ``table | column=value & other=value | column | format``.
    tables
        The folder of the tables.

    Raises
    ------
    CrampstatsError
        If there is no such table, column or format, or not exactly one such row.
    """
    parts = [part.strip() for part in asked.split("|")]
    if len(parts) != 4:
        raise CrampstatsError(f"{asked!r} has to be: table | column=value & ... | column | format.")
    name, selection, column, form = parts
    path = tables / f"{name}.csv"
    if form not in FORMATS:
        raise CrampstatsError(f"{asked!r}: the format is one of {', '.join(FORMATS)}.")
    if not path.exists():
        raise CrampstatsError(f"{asked!r}: there is no table {name}.")
    wanted = dict(pair.strip().split("=", 1) for pair in selection.split("&") if pair.strip())
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if all(row.get(key) == value for key, value in wanted.items())]
    if len(rows) != 1 or column not in rows[0]:
        raise CrampstatsError(f"{asked!r}: {len(rows)} rows; exactly one with a column {column!r} is needed.")
    return FORMATS[form](float(rows[0][column]))
