"""Write data/README.md, the data dictionary, from the schemas of the packaged tables.

Run: python data/make_readme.py
"""

from pathlib import Path

from crampstats.datasets.cramps import CELLS, ROWS
from crampstats.schema import Schema

README = Path(__file__).with_name("README.md")
TABLES = {
    "nhanes_cramps.csv": (
        CELLS,
        (
            "Leg cramps of US adults of 20 and over, NHANES 2005-2008: people and their total weight in each cell. Loaded by "
            "`datasets.nhanes_cramps()`, made by `data/make_nhanes_cramps.py`."
        ),
    ),
    "rows of the official files": (
        ROWS,
        (
            "What `datasets.nhanes_cramps('official')` makes of DEMO_D, DEMO_E, SLQ_D and SLQ_E, a row a respondent of any "
            "age. The files are downloaded, or read from the folder that `CRAMPSTATS_DATA` names."
        ),
    ),
}
HEAD = """# Data dictionary

Written by `data/make_readme.py` from the schemas that the package checks its data against; a test holds the two together.
`raw/` is for downloads and is not committed. The packaged tables lie in `src/crampstats/datasets/tables/`.

Source: National Center for Health Statistics, National Health and Nutrition Examination Survey, public-use files; for statistical
use only, no attempt to identify anybody.
"""


def columns(schema: Schema) -> str:
    """Return a schema as a Markdown table."""
    rows = [
        f"| `{row.column}` | {row.unit or '–'} | {row.expected} | {row.meaning} |"
        for row in schema.to_frame().itertuples()
    ]
    return "\n".join(["| column | unit | value | meaning |", "|---|---|---|---|", *rows])


def dictionary() -> str:
    """Return the whole text."""
    parts = [f"## {name}\n\n{text}\n\n{columns(schema)}\n" for name, (schema, text) in TABLES.items()]
    return "\n".join([HEAD, *parts])


if __name__ == "__main__":
    README.write_text(dictionary(), encoding="utf-8")
