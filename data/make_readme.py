"""Write data/README.md, the data dictionary, from the schemas of the packaged tables.

Run: python data/make_readme.py
"""

from pathlib import Path

from crampstats.datasets import cramps, serum
from crampstats.datasets.own import STUDY
from crampstats.population import Population
from crampstats.schema import Schema

README = Path(__file__).with_name("README.md")
TABLES = {
    "nhanes_cramps.csv": (
        cramps.CELLS,
        (
            "Leg cramps of US adults of 20 and over, NHANES 2005-2008: people and their total weight in each cell. Loaded by "
            "`datasets.nhanes_cramps()`, made by `data/make_nhanes_cramps.py`."
        ),
    ),
    "rows of the official files of 2005-2008": (
        cramps.ROWS,
        (
            "What `datasets.nhanes_cramps('official')` makes of DEMO_D, DEMO_E, SLQ_D and SLQ_E, a row a respondent of any "
            "age. The files are downloaded, or read from the folder that `CRAMPSTATS_DATA` names."
        ),
    ),
    "nhanes_magnesium.csv": (
        serum.CELLS,
        (
            "Serum magnesium of US adults of 18 and over, NHANES 2021-2023, **a subset that is not nationally representative** "
            "(a liver value measured, no hepatitis B antibody, no heavy drinkers): people and their total weight in each cell. "
            "Loaded by `datasets.nhanes_magnesium()`, made by `data/make_nhanes_magnesium.py`."
        ),
    ),
    "nhanes_magnesium_diabetes.csv": (
        serum.DIABETES_CELLS,
        "The same people by diabetes and class of magnesium. Loaded by `datasets.nhanes_magnesium('packaged_diabetes')`.",
    ),
    "rows of the official files of 2021-2023": (
        serum.ROWS,
        (
            "What `datasets.nhanes_magnesium('official')` makes of BIOPRO_L, DEMO_L, GHB_L, DIQ_L, BMX_L, BPQ_L, ALQ_L, SMQ_L and "
            "PAQ_L, a row a respondent of any age; who has no blood analytes has weight 0."
        ),
    ),
    "nhanes1_magnesium.csv": (
        serum.CELLS_I,
        (
            "Serum magnesium of people of 25 to 74, NHANES I 1971-1975, a file without weights and design: people in each "
            "cell. Loaded by `datasets.nhanes1_magnesium()`, made by `data/make_nhanes_magnesium.py`."
        ),
    ),
    "a user's own file": (
        STUDY,
        (
            "What `datasets.read_study(path)` makes of a file, as far as the file has it, besides `id` and `sample_date`; "
            "columns that it does not know are kept as texts or numbers under their own names, and told. The ranges are "
            "**assumed**: outside them lies what no living person has, not what is ill."
        ),
    ),
    "simulated people": (
        Population().schema,
        (
            "What `simulate(Population(), n, seed=...)` makes. Columns that begin with `true_` are known only of simulated people; "
            "samples drawn from them do not have them unless asked. The numbers behind them, each with its source or marked "
            "as **assumed**, are in `src/crampstats/reference/tables/population.toml` and `Population().to_frame()`."
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
