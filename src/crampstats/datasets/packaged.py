"""Tables of cells that come with the package."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from crampstats.schema import Schema


def packaged_cells(name: str, schema: Schema) -> pd.DataFrame:
    """Return a packaged table, checked against its schema.

    Parameters
    ----------
    name
        Of the file, without ending.
    schema
        What it has to be.
    """
    path = resources.files("crampstats.datasets") / "tables" / f"{name}.csv"
    # Python reads a float exactly; the reader of pandas before 3.1 may miss its last bit.
    exact = {"weight": float} if any(column.name == "weight" for column in schema.columns) else {}
    with path.open(encoding="utf-8") as lines:
        table = schema.check(pd.read_csv(lines, converters=exact))
    whole = [column.name for column in schema.columns if column.missing and column.kind in {"integer", "yes_no"}]
    return table.assign(**{column: table[column].astype("Int8") for column in whole})


def with_order(data: pd.DataFrame, **levels: tuple[str, ...]) -> pd.DataFrame:
    """Return a table whose categories stand in their order, those of two levels or more as ordered.

    Parameters
    ----------
    data
        Shape (rows, columns).
    **levels
        Columns and their levels; columns that are not there are passed over.
    """
    return data.assign(
        **{
            name: pd.Categorical(data[name], categories=order, ordered=len(order) > 2)
            for name, order in levels.items()
            if name in data
        }
    )
