"""The packaged tables of numbers from print."""

from __future__ import annotations

import csv
import io
from difflib import get_close_matches
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from crampstats.errors import ReferenceDataError
from crampstats.reference.sourced import Sourced

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd


def read_table(name: str) -> list[dict[str, str]]:
    """Return a packaged table as records of text."""
    path = resources.files("crampstats.reference") / "tables" / f"{name}.csv"
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


@cache
def bibliography() -> dict[str, dict[str, str]]:
    """Return every source by its key: citation and DOI."""
    return {row["key"]: {"citation": row["citation"], "doi": row["doi"]} for row in read_table("sources")}


def sources(*keys: str) -> pd.DataFrame:
    """Return the bibliography, or the works of some keys in their order, as a table: ``key``, ``citation``, ``doi``.

    Parameters
    ----------
    *keys
        Keys of the bibliography; without any, all works.

    Raises
    ------
    ReferenceDataError
        Of keys that the bibliography does not have: all of them, each with those that look like it.

    Examples
    --------
    >>> sources().set_index("key").loc["grandner2017", "doi"]
    '10.1371/journal.pone.0178465'
    >>> sources("iom1997", "grandner2017")["key"].tolist()
    ['iom1997', 'grandner2017']
    """
    import pandas as pd

    known = bibliography()
    if unknown := [key for key in keys if not isinstance(key, str) or key not in known]:
        named = ", ".join(f"{key!r}{_like(key, known)}" for key in unknown)
        raise ReferenceDataError(f"keys that the bibliography does not have: {named}; sources() lists all that it has.")
    return pd.DataFrame([{"key": key, **known[key]} for key in keys or known])


def _like(key: object, known: Iterable[str]) -> str:
    """Return which keys look like one that is unknown, in brackets; nothing where none does."""
    near = get_close_matches(str(key).lower(), known)
    return f" (like {', '.join(near)})" if near else ""


def sourced(row: dict[str, str], column: str = "value") -> Sourced:
    """Return the number of a record, checked to have a source that the bibliography knows."""

    def number(text: str) -> float | None:
        return float(text) if text else None

    if row["source"] and row["source"] not in bibliography():
        raise ReferenceDataError(f"source {row['source']!r} is not in the bibliography.")
    return Sourced(
        float(row[column]),
        row["unit"],
        row["source"],
        row["where"],
        number(row.get("low", "")),
        number(row.get("high", "")),
        row["status"],  # type: ignore[arg-type]
        row["note"],
    )


def cramp_prevalences() -> pd.DataFrame:
    """Return published prevalences of muscle cramps, each with source and status.

    Returns
    -------
    DataFrame
        ``study``, ``population``, ``n``, ``outcome``, ``window``, ``value``, ``low``, ``high`` (shares), ``source``,
        ``where``, ``status``, ``note``. The studies ask different people different questions over different times:
        they are for comparison, not for pooling.

    Examples
    --------
    >>> table = cramp_prevalences().set_index("study")
    >>> table.loc["Grandner 2017, five or more a month", "value"]
    np.float64(0.06)
    """
    return _prevalences("cramp_prevalences")


def magnesium_prevalences() -> pd.DataFrame:
    """Return published prevalences of low serum magnesium, each with source and status.

    Returns
    -------
    DataFrame
        ``study``, ``population``, ``n``, ``cutoff_mmol_l`` (below it, mmol/L), ``value``, ``low``, ``high`` (shares),
        ``source``, ``where``, ``status``, ``note``. Assays and people differ: they are for comparison, not for pooling.

    Examples
    --------
    >>> table = magnesium_prevalences().set_index("study")
    >>> table.loc["Schimatschek 2001, below 0.76", ["cutoff_mmol_l", "value"]].tolist()
    [0.76, 0.145]
    """
    table = _prevalences("magnesium_prevalences")
    return table.assign(cutoff_mmol_l=table["cutoff_mmol_l"].astype(float))


def _prevalences(name: str) -> pd.DataFrame:
    """Return a packaged table of shares, each checked to have a source."""
    import numpy as np
    import pandas as pd

    rows = read_table(name)
    values = [sourced(row) for row in rows]
    table = pd.DataFrame(rows)
    return table.assign(
        n=pd.to_numeric(table["n"]).astype("Int64"),
        value=[value.value for value in values],
        low=np.array([value.low for value in values], dtype=float),
        high=np.array([value.high for value in values], dtype=float),
    ).drop(columns="unit")
