"""Which study column a header names, and in which unit: German and English headers from a packaged table."""

from __future__ import annotations

import csv
import io
import keyword
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib import resources

from crampstats.datasets.own.study import MEASURES, NAMES, admitted_units

_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "μ": "u", "−": "-", "·": None})
_BRACKETS = re.compile(r"[\[({]([^\])}]*)[\])}]")
# Left out wherever they stand: "Krämpfe pro Woche" is "Krämpfe/Woche", "Mg im Serum" is "Mg Serum".
_SMALL_WORDS = {"pro", "per", "je", "in", "im", "of"}
_SPECIMENS = (("i", "s"), ("i", "p"), ("serum",), ("plasma",), ("s",), ("p",))
# In brackets behind a name and without a say in what it means.
_HARMLESS = {
    *("s", "p", "is", "ip", "serum", "plasma", "gesamt", "total"),
    *("mw", "wm", "mf", "fm", "mwd", "mfd", "1m2w", "1w2m", "1m2f", "1f2m"),
    *("janein", "jn", "yesno", "yn", "01", "10", "0nein1ja", "1ja0nein", "0no1yes", "1yes0no"),
}


@dataclass(frozen=True)
class Heading:
    """What a header says.

    Attributes
    ----------
    header
        As it stands in the file.
    column
        The study column, or None if it is none that is known.
    unit
        The unit in it, or None.
    """

    header: str
    column: str | None
    unit: str | None


def _table(name: str) -> list[dict[str, str]]:
    path = resources.files("crampstats.datasets") / "tables" / f"{name}.csv"
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def _plain_letters(text: str) -> str:
    """Return small letters without accents; ä is ae, µ is u, ² is 2."""
    text = unicodedata.normalize("NFKC", text).casefold().translate(_LETTERS)
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))


def _words(text: str) -> list[str]:
    """Return the words of a header, without the charge of an ion (Mg2+) and small words."""
    charged = re.sub(r"(?<=[a-z])\d?\++", " ", text)
    return [word for word in re.findall(r"[^\W_]+%?", charged) if word not in _SMALL_WORDS]


def _unit_key(text: str) -> str:
    """Return a spelling of a unit without the differences that mean nothing."""
    plain = re.sub(r"\b(?:per|pro)\b", "/", _plain_letters(text))
    return re.sub(r"[\s.^]", "", plain.replace("_", "/"))


@cache
def _known_units() -> dict[str, str]:
    return {_unit_key(row["spelling"]): row["unit"] for row in _table("study_units")}


@cache
def known_headers() -> dict[str, str]:
    """Return the study column of each known header, its words written together."""
    table = {"".join(_words(_plain_letters(row["header"]))): row["column"] for row in _table("study_headers")}
    return {**table, **{"".join(_words(name)): name for name in NAMES}}


def read_unit(text: str) -> str | None:
    """Return the unit that a text spells, or None.

    Examples
    --------
    >>> read_unit("mval/l"), read_unit("umol/L"), read_unit("furlongs")
    ('mEq/L', 'µmol/L', None)
    """
    return _known_units().get(_unit_key(text))


def _trailing_unit(words: list[str]) -> tuple[list[str], str | None]:
    """Split the unit off the end of a header such as ``magnesium_mmol_l`` or ``Mg, mval/l``."""
    for length in (2, 1):
        unit = read_unit("/".join(words[-length:])) if len(words) > length else None
        if unit is not None:
            return words[:-length], unit
    return words, None


def _without_specimen(words: list[str]) -> list[str]:
    """Leave out that it was measured in serum or plasma, in front or behind."""
    for phrase in _SPECIMENS:
        length = len(phrase)
        if len(words) > length and tuple(words[-length:]) == phrase:
            return words[:-length]
        if len(words) > length and tuple(words[:length]) == phrase:
            return words[length:]
    return words


def _column_of(words: list[str]) -> str | None:
    """Return the study column that these words name."""
    found = known_headers().get("".join(words))
    if found is None:
        found = known_headers().get("".join(_without_specimen(words)))
        return found if found in MEASURES else None
    return found


def read_heading(header: str) -> Heading:
    """Read the study column and the unit out of a header.

    Parameters
    ----------
    header
        Such as ``"Mg i.S. [mg/dL]"``, ``"Wadenkrämpfe/Woche"`` or ``"magnesium_mmol_l"``.

    Returns
    -------
    Heading
        Without a column where the header is not known: half a match is none, so that ``"Ca (ionisiert)"`` or
        ``"Mg im Urin"`` never pass for total calcium or serum magnesium.

    Examples
    --------
    >>> read_heading("Mg, mval/l")
    Heading(header='Mg, mval/l', column='magnesium_mmol_l', unit='mEq/L')
    >>> read_heading("Gewicht").column is None
    True
    """
    text = _plain_letters(header)
    groups = _BRACKETS.findall(text)
    unit = next(filter(None, map(read_unit, groups)), None)
    notes = [word for group in groups if read_unit(group) is None for word in _words(group)]
    words = _words(_BRACKETS.sub(" ", text))
    name, trailing = _trailing_unit(words) if unit is None else (words, unit)
    column = _column_of(name + notes)
    if column is None and "".join(notes) in _HARMLESS:
        column = _column_of(name)
    if column is None and trailing is not None and unit is None:  # "Anzahl Krämpfe pro Jahr" is no unit of ours
        column, trailing = _column_of(words + notes), None
    if column not in MEASURES and trailing is not None and trailing not in admitted_units(column or ""):
        return Heading(header, None, trailing)
    return Heading(header, column, trailing)


def clean_name(header: str) -> str:
    """Return a name that can stand in a question: letters, digits and underscores, no digit in front.

    Examples
    --------
    >>> clean_name("Größe (cm)"), clean_name("2. Besuch"), clean_name("class")
    ('groesse_cm', 'x_2_besuch', 'class_')
    """
    name = re.sub(r"\W+", "_", _plain_letters(header)).strip("_")
    if not name.isidentifier():
        name = f"x_{name}".rstrip("_")
    name = unicodedata.normalize("NFKC", name)
    if keyword.iskeyword(name):
        name += "_"
    return name if name.isidentifier() else "x"
