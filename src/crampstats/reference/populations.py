"""Standard populations for direct standardisation."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crampstats.errors import ReferenceDataError
from crampstats.reference.tables import read_table, sourced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crampstats.reference.sourced import Sourced


@dataclass(frozen=True)
class AgeBand:
    """People of a standard population in some years of age.

    Attributes
    ----------
    low, high
        First and last year, both included; the last band is open, to infinity.
    people
        How many, with the source.

    Examples
    --------
    >>> band = standard_population("us_2000").bands[-1]
    >>> band.low, band.high, band.people.unit
    (60, inf, 'thousand people')
    """

    low: int
    high: float
    people: Sourced


def _ages(label: str) -> tuple[int, float]:
    """Read an age group such as 20-39 or 60+."""
    if match := re.fullmatch(r"\s*(\d+)\s*[-–]\s*(\d+)\s*", label):
        return int(match[1]), float(match[2])
    if match := re.fullmatch(r"\s*(\d+)\s*\+\s*", label):
        return int(match[1]), math.inf
    raise ReferenceDataError(f"age group {label!r} has to be written like '20-39' or '60+'.")


@dataclass(frozen=True)
class StandardPopulation:
    """How many people of each age a standard population has.

    Attributes
    ----------
    name
        By which `standard_population` knows it.
    bands
        In order of age.

    Examples
    --------
    >>> standard_population("esp_2013").shares(["20-59", "60+"])
    [0.6751592356687898, 0.3248407643312102]
    """

    name: str
    bands: tuple[AgeBand, ...]

    def shares(self, groups: Sequence[str]) -> list[float]:
        """Return the weight of each age group, truncated to the ages studied: they add up to 1.

        Parameters
        ----------
        groups
            Labels such as ``["20-39", "40-59", "60+"]``.

        Raises
        ------
        ReferenceDataError
            If a label is no age group, groups overlap, or a band of the standard straddles the edge of a group.

        Examples
        --------
        >>> [round(share, 4) for share in standard_population("us_2000").shares(["20-39", "40-59", "60+"])]
        [0.3966, 0.3718, 0.2316]
        """
        ranges = [_ages(group) for group in groups]
        for (low, high), group in zip(ranges, groups, strict=True):
            overlaps = [
                other for (a, b), other in zip(ranges, groups, strict=True) if other != group and a <= high and low <= b
            ]
            if overlaps or groups.count(group) > 1:
                raise ReferenceDataError(f"age groups {group!r} and {overlaps or group!r} overlap.")
        people = [0.0] * len(groups)
        for band in self.bands:
            for index, (low, high) in enumerate(ranges):
                if low <= band.low and band.high <= high:
                    people[index] += band.people.value
                elif low <= band.high and band.low <= high:
                    limit = "" if math.isinf(band.high) else f"-{band.high:g}"
                    raise ReferenceDataError(
                        f"{self.name} counts ages {band.low}{limit or '+'} together, which does not fit the group "
                        f"{groups[index]!r}; its bands begin at {', '.join(str(each.low) for each in self.bands)}."
                    )
        if 0.0 in people:
            raise ReferenceDataError(f"{self.name} has nobody of the age group {groups[people.index(0.0)]!r}.")
        return [each / sum(people) for each in people]


def _populations() -> dict[str, list[dict[str, str]]]:
    """Return the packaged rows by the name of their population."""
    populations: dict[str, list[dict[str, str]]] = {}
    for row in read_table("standard_populations"):
        populations.setdefault(row["population"], []).append(row)
    return populations


def standard_population(name: str) -> StandardPopulation:
    """Return a standard population.

    Parameters
    ----------
    name
        ``"esp_2013"`` (European Standard Population 2013), ``"who_world"`` (WHO World Standard 2000-2025),
        ``"us_2000"`` (US 2000, adults in the groups of NHANES reports) or ``"us_2000_detailed"`` (US 2000 in 11 bands,
        not verified).

    Raises
    ------
    ReferenceDataError
        If there is none of this name.

    Notes
    -----
    Sources stand with each number, see `crampstats.reference.sources`. The printed WHO shares add up to 100.035 %; they
    are normalised in use.

    Examples
    --------
    >>> sum(band.people.value for band in standard_population("esp_2013").bands)
    100000.0
    """
    populations = _populations()
    if name not in populations:
        raise ReferenceDataError(f"there is no standard population {name!r}: choose from {', '.join(populations)}.")
    bands = [
        AgeBand(int(row["age_low"]), float(row["age_high"]) if row["age_high"] else math.inf, sourced(row))
        for row in populations[name]
    ]
    return StandardPopulation(name, tuple(bands))
