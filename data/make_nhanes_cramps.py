"""Make the packaged cells of NHANES 2005-2008 from the official files.

Run: CRAMPSTATS_DATA=<folder with DEMO_D.xpt, DEMO_E.xpt, SLQ_D.xpt, SLQ_E.xpt> python data/make_nhanes_cramps.py
Without the variable the files are downloaded.
"""

from pathlib import Path

import pandas as pd
from cells import as_bytes

from crampstats.datasets.cramps import CELL_COLUMNS, CELLS, nhanes_cramps

TABLE = Path(__file__).parents[1] / "src/crampstats/datasets/tables/nhanes_cramps.csv"


def make_cells() -> pd.DataFrame:
    """Return people and weights by stratum, cluster, sex, age group and cramp class."""
    return CELLS.check(nhanes_cramps("official").tabulate(CELL_COLUMNS).data)


if __name__ == "__main__":
    made = make_cells()
    TABLE.write_bytes(as_bytes(made))
    print(f"{len(made)} cells of {made['n'].sum():,} people: {TABLE.name}")
