"""Numbers in text: decimal points or decimal commas, with or without thousands, and no guess where both can be meant."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Decimal = Literal[".", ","]
OTHER: dict[Decimal, Decimal] = {".": ",", ",": "."}
MARK_NAMES = {".": "point", ",": "comma"}

# A fraction behind a padded whole part ("07.00") is what a spreadsheet makes of a date, never a number.
_POINT = (
    r"[+-]?(?:(?:0|[1-9][0-9]*)\.[0-9]*|[0-9]+|\.[0-9]+|[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]*)?)(?:[eE][+-]?[0-9]+)?"
)
_PATTERNS: dict[Decimal, re.Pattern[str]] = {
    ".": re.compile(_POINT),
    ",": re.compile(_POINT.replace(",[0-9]", ";[0-9]").replace(r"\.", ",").replace(";[0-9]", r"\.[0-9]")),
}
_CENSORED = re.compile(r"([<>≤≥])\s*=?\s*(.+)", re.DOTALL)


def read_number(text: str, decimal: Decimal) -> float | None:
    """Return the number that a text is under one convention, or None.

    Examples
    --------
    >>> read_number("1.234,5", ","), read_number("1.234,5", ".")
    (1234.5, None)
    >>> read_number("07.00", ".") is None
    True
    """
    text = text.strip().replace("−", "-")
    if _PATTERNS[decimal].fullmatch(text) is None:
        return None
    return float(text.replace(OTHER[decimal], "").replace(",", "."))


def split_censored(text: str) -> tuple[str, str]:
    """Return the sign of a value beyond a limit of detection, ``""`` for none, and the number's text.

    Examples
    --------
    >>> split_censored("< 0,10"), split_censored("0,10")
    (('<', '0,10'), ('', '0,10'))
    """
    match = _CENSORED.fullmatch(text.strip())
    if match is None:
        return "", text.strip()
    return {"≤": "<", "≥": ">"}.get(match[1], match[1]), match[2].strip()


def convention_of(text: str) -> Decimal | Literal["both", "any", "none"]:
    """Return under which convention a text is a number.

    Returns
    -------
    str
        The decimal mark; ``"any"`` if it is the same number under both, ``"both"`` if it is two different ones
        (``1.234``), ``"none"`` if it is no number.
    """
    point, comma = read_number(text, "."), read_number(text, ",")
    if point is None:
        return "none" if comma is None else ","
    if comma is None:
        return "."
    return "any" if point == comma else "both"


def count_conventions(texts: Mapping[str, int]) -> Counter[str]:
    """Return how many values of a column each convention fits, as in `convention_of`.

    Parameters
    ----------
    texts
        Each text and how often it stands in the column.
    """
    counts: Counter[str] = Counter()
    for text, times in texts.items():
        counts[convention_of(split_censored(text)[1])] += times
    return counts


def settle(own: Counter[str], others: Iterable[Counter[str]], said: Decimal | None) -> Decimal | None:
    """Return the decimal mark of a column, or None if its numbers can be meant either way.

    Parameters
    ----------
    own
        Of the column, from `count_conventions`.
    others
        Of all columns of the file, in which a column without evidence of its own finds it.
    said
        What the user says.
    """
    if said is not None:
        return said
    point, comma = own["."], own[","]
    if point != comma:
        return "." if point > comma else ","
    seen: set[Decimal] = set()
    for counts in others:
        seen |= {"."} if counts["."] else set()
        seen |= {","} if counts[","] else set()
    if len(seen) == 1:
        return seen.pop()
    return None if own["both"] or point else "."
