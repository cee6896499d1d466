"""What reading a file found, and how it is told: an error of the file, faults of rows, or a warning."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from crampstats.errors import CrampstatsError
from crampstats.schema import Fault, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

Scope = Literal["file", "row", "told"]
LISTED = 12


class StudyFileError(CrampstatsError):
    """A file that cannot be read as one table: not there, not readable, empty, binary, cut, of unknown kind."""


class StudyWarning(UserWarning):
    """What was done to a file that was read: rows left out, values changed, columns that are not of the study.

    Parameters
    ----------
    message
        The report, a line each.
    rows
        How many rows of people the file holds.
    dropped
        The rows that were dropped, numbered as in the file.
    faults
        Why they were dropped.
    told
        Everything else.
    """

    def __init__(
        self,
        message: str,
        *,
        rows: int = 0,
        dropped: Sequence[int] = (),
        faults: Sequence[Fault] = (),
        told: Sequence[Fault] = (),
    ) -> None:
        super().__init__(message)
        self.rows = rows
        self.dropped = tuple(dropped)
        self.faults = tuple(faults)
        self.told = tuple(told)

    @property
    def counts(self) -> dict[str, int]:
        """Return how many values (of a column as a whole: 1) were told of each problem, and the rows dropped."""
        counts = {"rows dropped": len(self.dropped)} if self.dropped else {}
        for fault in (*self.faults, *self.told):
            counts[fault.problem] = counts.get(fault.problem, 0) + max(len(fault.rows), 1)
        return counts


@dataclass(frozen=True)
class Finding:
    """One thing found in a file.

    Attributes
    ----------
    fault
        What, where and what would be right.
    scope
        ``"file"``: nothing can be read before it is settled; ``"row"``: those rows are wrong; ``"told"``: not wrong,
        and said.
    """

    fault: Fault
    scope: Scope


def finding(
    scope: Scope, column: str, problem: str, expected: str, rows: Sequence[int] = (), values: Sequence[Any] = ()
) -> Finding:
    """Return a finding; rows and values in the same order."""
    return Finding(Fault(column, problem, expected, tuple(int(row) for row in rows), tuple(map(_shown, values))), scope)


def _shown(value: Any) -> Any:
    """Return a value as a reader knows it."""
    return str(value) if isinstance(value, (dt.date, dt.time, dt.timedelta)) else plain(value)


def finding_at(scope: Scope, cells: pd.Series, wrong: np.ndarray, problem: str, expected: str) -> tuple[Finding, ...]:
    """Return one finding for the rows in which `wrong` (rows,) is true, or none.

    Parameters
    ----------
    cells
        Shape (rows,), as they stand in the file; its name is the header and its index the numbers of the rows.
    """
    places = np.flatnonzero(wrong)
    if places.size == 0:
        return ()
    chosen = cells.iloc[places]
    return (finding(scope, str(cells.name), problem, expected, chosen.index.tolist(), chosen.tolist()),)


def listed(names: Sequence[object]) -> str:
    """Return names for a sentence, not more than a reader wants to see."""
    shown = ", ".join(repr(name) for name in names[:LISTED])
    return f"{shown} and {len(names) - LISTED} more" if len(names) > LISTED else shown
