"""A number from print, which does not exist without its source."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Literal, get_args

from crampstats.errors import ReferenceDataError

Status = Literal["published", "derived", "assumed"]


@dataclass(frozen=True)
class Sourced:
    """A value with its unit, source and standing.

    Parameters
    ----------
    value
        The number.
    unit
        Its unit; ``"1"`` for shares and ratios.
    source
        Key of the bibliography, see `crampstats.reference.sources`; may be empty for ``"assumed"``.
    where
        Place in the source: table, page, abstract; for ``"derived"`` the formula.
    low, high
        Interval or range given with it.
    status
        ``"published"`` (read in the source), ``"derived"`` (computed from published figures) or ``"assumed"``.
    note
        What a reader has to know; for ``"assumed"`` the reason.

    Raises
    ------
    ReferenceDataError
        If the status is unknown, a published or derived value has no source, a derived one no formula, an assumed one no
        reason, or the value is not finite or lies outside its own range.

    Examples
    --------
    >>> Sourced(0.06, "1", "grandner2017", where="abstract", status="published").value
    0.06
    >>> Sourced(0.5, "1", "", status="assumed")
    Traceback (most recent call last):
    crampstats.errors.ReferenceDataError: an assumed value needs a reason in its note.
    """

    value: float
    unit: str
    source: str
    where: str = ""
    low: float | None = None
    high: float | None = None
    status: Status = "published"
    note: str = ""

    def __post_init__(self) -> None:
        for name in ("value", "low", "high"):
            number = getattr(self, name)
            absent = number is None and name != "value"
            if not absent and (isinstance(number, bool) or not isinstance(number, Real)):
                raise ReferenceDataError(f"{name}={number!r} has to be a number.")
        for name in ("unit", "source", "where", "note"):
            if not isinstance(getattr(self, name), str):
                raise ReferenceDataError(f"{name}={getattr(self, name)!r} has to be a text.")
        if self.status not in get_args(Status):
            raise ReferenceDataError(f"status={self.status!r} is unknown: choose from {', '.join(get_args(Status))}.")
        if self.status == "assumed" and not self.note.strip():
            raise ReferenceDataError("an assumed value needs a reason in its note.")
        if self.status != "assumed" and not self.source.strip():
            raise ReferenceDataError(f"a {self.status} value needs a source.")
        if self.status == "derived" and not self.where.strip():
            raise ReferenceDataError("a derived value needs its formula in `where`.")
        if not self.unit.strip():
            raise ReferenceDataError("a value needs a unit; '1' for shares and ratios.")
        for name in ("value", "low", "high"):
            number = getattr(self, name)
            if number is not None and not math.isfinite(number):
                raise ReferenceDataError(f"{name}={number} is not a finite number.")
        if (self.low is not None and self.value < self.low) or (self.high is not None and self.value > self.high):
            raise ReferenceDataError(f"{self.value} lies outside its own range, {self.low} to {self.high}.")
