"""What a figure shows, in words: numbers of its data for those who hear it instead of seeing it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crampstats.errors import CrampstatsError

if TYPE_CHECKING:
    from collections.abc import Sequence

# Of so many rows each is told; of more the lowest and the highest.
EACH = 6


def describe(
    drawn: pd.DataFrame,
    *,
    what: str,
    value: str,
    by: str | Sequence[str],
    series: str | None = None,
    factor: float = 1.0,
    unit: str = "",
    by_unit: str = "",
    digits: int = 1,
) -> str:
    """Return what was drawn in words, to follow a sentence on the message in the ``alt`` of `save`.

    Of named rows each is told, of more than six the lowest and the highest. Of a curve, whose `by` are numbers, its two ends
    are told, the limit of infinitely many, and the lowest and the highest point if these lie between.

    Parameters
    ----------
    drawn
        As a drawing function gave it back.
    what
        What the values are, ``"Share of adults"``.
    value
        The column of values.
    by
        The column, or columns, that say of whom or where a value is.
    series
        The column whose values are told apart; None for one series.
    factor
        What values are multiplied by: 100 for shares told in %.
    unit, by_unit
        Behind a value, and behind a number of `by`.
    digits
        After the decimal point of a value.

    Raises
    ------
    CrampstatsError
        If there are no rows, a column is not there, or a value is missing or no number.

    Examples
    --------
    >>> import pandas as pd
    >>> drawn = pd.DataFrame({"sex": ["men", "men", "women", "women"], "age": ["20-39", "60+"] * 2})
    >>> drawn["estimate"] = [0.023, 0.055, 0.053, 0.110]
    >>> describe(drawn, what="Five times or more", value="estimate", by="age", series="sex", factor=100, unit="%")
    'Five times or more. Men: 2.3 % for 20 to 39; 5.5 % for 60+. Women: 5.3 % for 20 to 39; 11.0 % for 60+.'
    """
    names = [by] if isinstance(by, str) else list(by)
    if absent := [name for name in (value, *names, *([series] if series else [])) if name not in drawn.columns]:
        raise CrampstatsError(f"describe: {absent} are no columns of what was drawn; {list(drawn.columns)} are.")
    if drawn.empty:
        raise CrampstatsError("describe: nothing was drawn.")
    numbers = pd.to_numeric(drawn[value], errors="coerce") * factor
    if not np.isfinite(numbers).all():
        raise CrampstatsError(
            f"describe: value={value!r} has rows without a number; leave out what was drawn without one, as headings are."
        )
    ending = f" {unit}" if unit else ""
    values = [_number(number, digits) + ending for number in numbers]
    if len(names) == 1 and pd.api.types.is_numeric_dtype(drawn[names[0]]):
        at = [
            f"at {place:,g} {by_unit}".rstrip() if np.isfinite(place) else "in the limit" for place in drawn[names[0]]
        ]
    else:
        at = ["for " + _spoken(", ".join(map(str, labels))) for labels in drawn[names].itertuples(index=False)]
    points = pd.DataFrame({"number": numbers.to_numpy(), "told": [f"{v} {a}" for v, a in zip(values, at, strict=True)]})
    if at[0].startswith("for "):
        tell = _rows
    else:
        points["place"] = drawn[names[0]].to_numpy(dtype=float)
        tell = _curve
    if series is None:
        return f"{what}: {tell(points)}."
    parts = [
        f"{_capital(_spoken(str(name)))}: {tell(points[(drawn[series] == name).to_numpy()])}."
        for name in dict.fromkeys(drawn[series])
    ]
    return " ".join([f"{what}.", *parts])


def _rows(points: pd.DataFrame) -> str:
    """Tell each of a few named rows, or the lowest and the highest of many."""
    if len(points) <= EACH:
        return "; ".join(points["told"])
    low, high = (points["told"].iloc[int(place)] for place in (points["number"].argmin(), points["number"].argmax()))
    return f"{len(points)} values, the lowest {low}, the highest {high}"


def _curve(points: pd.DataFrame) -> str:
    """Tell the ends of a curve, its limit, and a lowest or highest point between them."""
    ordered = points.sort_values("place", kind="stable")
    line = ordered[np.isfinite(ordered["place"])]
    told = list(dict.fromkeys(line["told"].iloc[[0, -1]])) if len(line) else []
    ends = line["number"].iloc[[0, -1]] if len(line) else []
    if len(line) and line["number"].min() < min(ends):
        told.append(f"the lowest {line['told'].iloc[int(line['number'].argmin())]}")
    if len(line) and line["number"].max() > max(ends):
        told.append(f"the highest {line['told'].iloc[int(line['number'].argmax())]}")
    return "; ".join([*told, *ordered.loc[np.isinf(ordered["place"]), "told"]])


def _number(number: float, digits: int) -> str:
    """Return a rounded number with a minus that is read aloud, and no minus before 0."""
    return f"{round(number, digits) + 0.0:,.{digits}f}".replace("-", "−")


def _spoken(label: str) -> str:
    """Return a label whose ranges are read aloud as ranges."""
    return re.sub(r"(?<=\d)[-–](?=\d)", " to ", label)


def _capital(text: str) -> str:
    """Return a text that begins a sentence."""
    return text[:1].upper() + text[1:]
