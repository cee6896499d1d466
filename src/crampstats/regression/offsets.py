"""Offsets: columns that a linear predictor holds with coefficient 1, such as the logarithm of time at risk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from crampstats.errors import QuestionError
from crampstats.questions import column_answer

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Offset:
    """Columns that a linear predictor holds with coefficient 1.

    Attributes
    ----------
    column
        On the scale of the link; None for none.
    exposure
        Time at risk, above 0, of which the logarithm is taken; None for none.
    """

    column: str | None = None
    exposure: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it needs."""
        return tuple(name for name in (self.column, self.exposure) if name is not None)

    def of(self, data: pd.DataFrame) -> np.ndarray | None:
        """Return what to add to the linear predictor, shape (rows,); None for nothing.

        Parameters
        ----------
        data
            With the columns.

        Raises
        ------
        QuestionError
            If a column is not there, lacks values or holds no finite numbers, or an exposure is not above 0.
        """
        total = None
        for name, role in ((self.column, "offset"), (self.exposure, "exposure")):
            if name is None:
                continue
            values = _numbers(data, name, role)
            if role == "exposure":
                if (values <= 0).any():
                    raise QuestionError(
                        f"exposure={name!r} is 0 or less in {int((values <= 0).sum()):,} rows; time at risk is above 0, so "
                        "ask about those with some."
                    )
                values = np.log(values)
            total = values if total is None else total + values
        return total


def _numbers(data: pd.DataFrame, name: str, role: str) -> np.ndarray:
    """Return a column of finite numbers."""

    def fail(problem: str) -> NoReturn:
        raise QuestionError(f"{role}: {problem}")

    answer = column_answer(data, name, fail)
    if answer.missing is not None:
        raise QuestionError(f"{role}={name!r} meets missing values: first ask observed({name!r}).")
    if answer.kind == "text" or not np.isfinite(np.asarray(answer.values, dtype=float)).all():
        raise QuestionError(f"{role}={name!r} has to hold finite numbers.")
    return np.asarray(answer.values, dtype=float)


NO_OFFSET = Offset()
