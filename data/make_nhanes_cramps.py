"""Make the packaged cells of NHANES 2005-2008 from the official files.

Run: CRAMPSTATS_DATA=<folder with DEMO_D.xpt, DEMO_E.xpt, SLQ_D.xpt, SLQ_E.xpt> python data/make_nhanes_cramps.py
Without the variable the files are downloaded.
"""

from pathlib import Path

from crampstats.datasets.cramps import CELL_COLUMNS, CELLS, nhanes_cramps

TABLE = Path(__file__).parents[1] / "src/crampstats/datasets/tables/nhanes_cramps.csv"

cells = nhanes_cramps("official").tabulate(CELL_COLUMNS).data
# Python writes a float with as many digits as it takes to read the same float back.
CELLS.check(cells).to_csv(TABLE, index=False, lineterminator="\n")
print(f"{len(cells)} cells of {cells['n'].sum():,} people: {TABLE.name}")
