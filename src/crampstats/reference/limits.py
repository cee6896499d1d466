"""The cut-offs of serum magnesium that studies, laboratories and societies use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crampstats.reference.tables import read_table, sourced
from crampstats.units import convert

if TYPE_CHECKING:
    import pandas as pd


def cutoffs() -> pd.DataFrame:
    """Return the named cut-offs of low serum magnesium, from the lowest to the highest.

    Returns
    -------
    DataFrame
        ``name`` of who uses it, ``people`` on whom, ``meaning``, ``sign`` (``"below"`` or ``"at most"``: what counts as
        low), ``value`` in ``unit`` as printed, ``mmol_l`` (the same in mmol/L by arithmetic: 1.7 mg/dL is 0.6994, which
        most laboratories call 0.70), ``source``, ``where``, ``status``, ``note``. The people and the assays differ: a
        cut-off is no better for having more users.

    Raises
    ------
    ReferenceDataError
        If a row has no source that the bibliography knows.

    Examples
    --------
    >>> table = cutoffs().set_index("name")
    >>> table.loc["Schimatschek 2001", "value"]
    np.float64(0.76)
    >>> round(table.loc["Cheungpasitporn 2015", "mmol_l"], 4)
    np.float64(0.6994)
    """
    import pandas as pd

    rows = read_table("cutoffs")
    values = [sourced(row) for row in rows]
    table = pd.DataFrame(rows).assign(
        value=[value.value for value in values],
        mmol_l=[convert(value.value, value.unit, "mmol/L") for value in values],
    )
    order = ["name", "people", "meaning", "sign", "value", "unit", "mmol_l", "source", "where", "status", "note"]
    return table[order].sort_values("mmol_l", kind="stable", ignore_index=True)
