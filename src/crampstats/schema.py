"""What the columns of a study are, and the check that reports every fault of a table at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd

from crampstats.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Sequence

Kind = Literal["number", "integer", "yes_no", "category"]
SHOWN = 5


@dataclass(frozen=True)
class Column:
    """One column of a study.

    Attributes
    ----------
    name
        As it stands in the table, with its unit (``magnesium_mmol_l``).
    kind
        ``"number"``, ``"integer"``, ``"yes_no"`` (0/1, or False/True) or ``"category"`` (one of `levels`).
    meaning
        What a reader has to know.
    unit
        ``""`` where there is none.
    low, high
        The plausible range, ends included; outside is a fault.
    levels
        The admitted values of a category, or value and meaning of coded integers.
    missing
        Whether a value may be missing.
    truth
        Whether the column is known only of a simulated person; no estimator reads it.

    Raises
    ------
    SchemaError
        If the kind is unknown, a category has no levels, or the range is empty.
    """

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    low: float = -np.inf
    high: float = np.inf
    levels: tuple[Any, ...] = ()
    missing: bool = False
    truth: bool = False

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise SchemaError(f"{self.name}: kind={self.kind!r} is unknown: choose from {', '.join(get_args(Kind))}.")
        if self.kind == "category" and not self.levels:
            raise SchemaError(f"{self.name}: kind='category' needs its levels.")
        if not self.low <= self.high:
            raise SchemaError(f"{self.name}: nothing lies from low={self.low} to high={self.high}.")

    @property
    def expected(self) -> str:
        """Return in words what a value has to be."""
        if self.levels:
            what = "one of " + ", ".join(str(level) for level in self.levels)
        elif self.kind == "yes_no":
            what = "0 or 1"
        else:
            what = "a whole number" if self.kind == "integer" else "a number"
            what += self._range
            what += f" {self.unit}" if self.unit else ""
        return what + (" or missing" if self.missing else "")

    @property
    def _range(self) -> str:
        """Return in words the plausible range."""
        low, high = f"{self.low:.15g}", f"{self.high:.15g}"  # :g alone would round 1234567
        if np.isfinite(self.low) and np.isfinite(self.high):
            return f" from {low} to {high}"
        if np.isfinite(self.low):
            return f" of at least {low}"
        return f" of at most {high}" if np.isfinite(self.high) else ""


@dataclass(frozen=True)
class Fault:
    """One thing wrong with one column.

    Attributes
    ----------
    column
        Its name.
    problem
        What is wrong, in a few words.
    expected
        What would be right.
    rows
        Positions of the rows concerned, counted from 0; empty where the whole column is meant.
    values
        The values found there, in the same order.
    """

    column: str
    problem: str
    expected: str
    rows: tuple[int, ...] = ()
    values: tuple[Any, ...] = field(default=())

    def __str__(self) -> str:
        where = ""
        if self.rows:
            found = ", ".join(
                f"row {row}: {value!r}" for row, value in zip(self.rows[:SHOWN], self.values[:SHOWN], strict=True)
            )
            more = f" and {len(self.rows) - SHOWN} more" if len(self.rows) > SHOWN else ""
            where = f" ({found}{more})"
        return f"{self.column}: {self.problem}{where}; expected {self.expected}"


def is_whole(value: Any, least: int) -> bool:
    """Say whether an argument is a whole number of at least so much; True and False are none."""
    return not isinstance(value, bool | np.bool_) and isinstance(value, Integral) and int(value) >= least


def is_number(value: Any) -> bool:
    """Say whether an argument is a finite number; True and False are none."""
    return not isinstance(value, bool | np.bool_) and isinstance(value, Real) and bool(np.isfinite(float(value)))


def plain(value: Any) -> Any:
    """Return a numpy scalar as the Python value that a reader knows."""
    return value.item() if isinstance(value, np.generic) else value


def fault_at(series: pd.Series, wrong: np.ndarray, problem: str, expected: str) -> tuple[Fault, ...]:
    """Return one fault for the rows in which `wrong` (rows,) is true, or none."""
    rows = np.flatnonzero(wrong)
    if rows.size == 0:
        return ()
    values = tuple(plain(value) for value in series.iloc[rows])
    return (Fault(str(series.name), problem, expected, tuple(int(row) for row in rows), values),)


def _numbers(series: pd.Series) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return numbers, NaN where there is none; where a number is written as text; where False or True stands."""
    rows, dtype = len(series), series.dtype
    if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype):
        truths = np.full(rows, pd.api.types.is_bool_dtype(dtype)) & series.notna().to_numpy()
        return series.to_numpy(dtype=float, na_value=np.nan), np.zeros(rows, dtype=bool), truths
    values = series.astype(object).tolist()
    truths = np.array([isinstance(value, (bool, np.bool_)) for value in values], dtype=bool)
    texts = pd.Series([value if isinstance(value, str) else None for value in values], dtype=object)
    written = pd.to_numeric(texts, errors="coerce").notna().to_numpy()
    numbers = [float(value) if isinstance(value, (Real, Decimal, np.bool_)) else np.nan for value in values]
    return np.array(numbers, dtype=float), written, truths


def _column_faults(series: pd.Series, column: Column) -> tuple[Fault, ...]:
    """Return what is wrong with one column that is there."""
    missing = series.isna().to_numpy()
    faults = () if column.missing else fault_at(series, missing, "missing", column.expected)
    if column.kind == "category":
        unknown = ~missing & ~series.isin(column.levels).to_numpy()
        return faults + fault_at(series, unknown, "not a known level", column.expected)
    numbers, written, truths = _numbers(series)
    if column.kind == "yes_no":
        truths = np.zeros(len(series), dtype=bool)
    faults += fault_at(series, ~missing & ~written & np.isnan(numbers), "not a number", column.expected)
    faults += fault_at(series, written, "a number written as text", column.expected)
    faults += fault_at(series, truths, "yes or no, not a number", column.expected)
    known = ~np.isnan(numbers) & ~truths
    if column.levels or column.kind == "yes_no":
        levels = column.levels or (0, 1)
        return faults + fault_at(series, known & ~np.isin(numbers, levels), "not a known code", column.expected)
    outside = known & ((numbers < column.low) | (numbers > column.high) | ~np.isfinite(numbers))
    faults += fault_at(series, outside, "outside the plausible range", column.expected)
    if column.kind == "integer":
        faults += fault_at(series, known & ~outside & (numbers != np.round(numbers)), "not whole", column.expected)
    return faults


@dataclass(frozen=True)
class Schema:
    """The columns of a study.

    Attributes
    ----------
    name
        Of the study.
    columns
        In the order of the table; columns that are not named here may be there as well.

    Examples
    --------
    >>> schema = Schema("cramps", (Column("cramps_per_week", "number", "cramps in a week", low=0),))
    >>> [str(fault) for fault in schema.faults(pd.DataFrame({"cramps_per_week": [2.0, -1.0]}))]
    ['cramps_per_week: outside the plausible range (row 1: -1.0); expected a number of at least 0']
    """

    name: str
    columns: tuple[Column, ...]

    def faults(self, data: pd.DataFrame) -> tuple[Fault, ...]:
        """Return every fault of a table; an empty tuple means that it fits.

        Parameters
        ----------
        data
            Shape (rows, columns).

        Examples
        --------
        >>> import pandas as pd
        >>> study = Schema("clinic", (Column("age_years", "integer", "age", "years", 0, 120),))
        >>> for fault in study.faults(pd.DataFrame({"age_years": [43, -2, 17.5]})):
        ...     print(fault)
        age_years: outside the plausible range (row 1: -2.0); expected a whole number from 0 to 120 years
        age_years: not whole (row 2: 17.5); expected a whole number from 0 to 120 years
        """
        twice = sorted({str(name) for name in data.columns[data.columns.duplicated()]})
        found = [Fault(name, "stands twice in the table", "one column of this name") for name in twice]
        for column in self.columns:
            if column.name in twice:
                continue
            if column.name not in data.columns:
                found.append(Fault(column.name, "is not in the table", column.expected))
            else:
                found.extend(_column_faults(data[column.name], column))
        return tuple(found)

    def check(self, data: pd.DataFrame) -> pd.DataFrame:
        """Return the table unchanged if it fits.

        Raises
        ------
        SchemaError
            With every fault, a line each.
        """
        raise_faults(self.faults(data), f"{self.name} does not fit its schema")
        return data

    def to_frame(self) -> pd.DataFrame:
        """Return the data dictionary: a row a column."""
        return pd.DataFrame(
            [
                {"column": c.name, "kind": c.kind, "unit": c.unit, "expected": c.expected, "meaning": c.meaning}
                for c in self.columns
            ]
        )


def raise_faults(faults: Sequence[Fault], title: str) -> None:
    """Raise one `SchemaError` that lists all faults, if there are any."""
    if faults:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise SchemaError("\n".join([f"{title}: {count}.", *(f"  - {fault}" for fault in faults)]), faults)


def faults_frame(faults: Sequence[Fault]) -> pd.DataFrame:
    """Return faults as a table: column, row (counted from 0), value, problem, expected; a row each value.

    Parameters
    ----------
    faults
        As in `SchemaError.faults`.
    """
    records = [
        {"column": fault.column, "row": row, "value": value, "problem": fault.problem, "expected": fault.expected}
        for fault in faults
        for row, value in (zip(fault.rows, fault.values, strict=True) if fault.rows else ((None, None),))
    ]
    frame = pd.DataFrame(records, columns=["column", "row", "value", "problem", "expected"])
    return frame.astype({"row": "Int64"})
