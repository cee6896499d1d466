"""How much serum magnesium varies within a person and by the assay, as far as it is published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crampstats.reference.tables import read_table, sourced

if TYPE_CHECKING:
    import pandas as pd


def magnesium_variation() -> pd.DataFrame:
    """Return coefficients of variation of serum magnesium about a person's usual level.

    Returns
    -------
    DataFrame
        ``what`` (``"within-person"``, ``"analytic"``, or ``"total"``: both, their squares added), ``value``, ``low``,
        ``high`` (shares: 0.02 is 2 %), ``source``, ``where``, ``status``, ``note``. One number is published, as an upper
        limit; the others are assumed, so that the totals are a range to try and no estimate.

    Raises
    ------
    ReferenceDataError
        If a row has no source that the bibliography knows.

    Examples
    --------
    >>> table = magnesium_variation()
    >>> table[table["what"] == "total"]["value"].round(4).tolist()
    [0.0269, 0.0341, 0.0402]
    """
    import numpy as np
    import pandas as pd

    rows = read_table("magnesium_variation")
    values = [sourced(row) for row in rows]
    table = pd.DataFrame(rows).assign(
        value=[value.value for value in values],
        low=np.array([value.low for value in values], dtype=float),
        high=np.array([value.high for value in values], dtype=float),
    )
    return table[["what", "value", "low", "high", "source", "where", "status", "note"]]
