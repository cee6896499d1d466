"""How texts cite the works of the bibliography."""

from __future__ import annotations

import re
from collections import Counter

from crampstats import reference

AUTHOR = re.compile(r"([^,.;]+?) [A-Z][A-Za-z]{0,3}(?:-[A-Z])?(?=[,.]| et al|$)")


def citations() -> dict[str, str]:
    """Return the key of a source by each way in which a text may cite it.

    Returns
    -------
    dict
        Such as ``Parker et al. 2017`` and ``Parker et al. (2017)``, ``Jones and Pewsey 2009``, ``Frusso 1999``. What would
        stand for two works is left out.
    """
    works = reference.sources()
    ways = [
        (way, key) for key, text in zip(works["key"], works["citation"], strict=True) for way in ways_to_cite(key, text)
    ]
    count = Counter(way for way, _ in ways)
    return {way: key for way, key in ways if count[way] == 1}


def ways_to_cite(key: str, citation: str) -> list[str]:
    """Return the ways in which a text may cite a work.

    Parameters
    ----------
    key
        Of the source; ends in the year, or the work has none and is cited by its name only.
    citation
        Begins with the authors, as ``Surname AB, Other CD.`` or ``Surname AB et al.``, or with an institution.
    """
    year = re.search(r"(\d{4})[a-z]?$", key)
    if year is None:
        return []
    authors = citation.split(". ")[0]
    surnames = AUTHOR.findall(authors)
    surnames = [name.strip() for name in surnames] or [authors.split(",")[0]]
    names = {surnames[0], f"{surnames[0]} et al."}
    if len(surnames) > 1:
        names.add(f"{', '.join(surnames[:-1])} and {surnames[-1]}")
    return [f"{name} {when}" for name in sorted(names) for when in (year[1], f"({year[1]})")]
