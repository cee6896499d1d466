"""Make the packaged cells of serum magnesium: the NHANES 2021-2023 subset (two tables) and the NHANES I subset.

Run: python data/make_nhanes_magnesium.py FOLDER   (with serum_chemistry_subset_L.parquet, DEMO_L.xpt and the other files of
2021-2023, and NHANESI_subset_X.csv, in it or one level below)
"""

import sys
from pathlib import Path

import pandas as pd
from cells import as_bytes

from crampstats.datasets.serum import (
    CELLS,
    CELLS_I,
    CLASSES,
    DIABETES_CELLS,
    HIGHEST_CELL,
    HIGHEST_CELL_I,
    LOWEST_CELL,
    LOWEST_CELL_I,
    nhanes1_magnesium,
    nhanes_magnesium,
)
from crampstats.survey import Survey

TABLES = Path(__file__).parents[1] / "src/crampstats/datasets/tables"


def with_columns(survey: Survey, **columns: pd.Series) -> Survey:
    """Return a survey with some columns replaced, its domain that of adults with a weight."""
    changed = Survey(
        survey.data.assign(**columns),
        weight=survey.weight,
        stratum=survey.stratum,
        cluster=survey.cluster,
        cluster_labels=survey.cluster_labels,
        name=survey.name,
    )
    return changed.where("age_years >= 18")


def make_values(folder: str) -> pd.DataFrame:
    """Return people and weights by stratum, cluster, sex, age group and reported value."""
    survey = nhanes_magnesium(folder)
    grouped = survey.data["magnesium_mg_dl"].clip(LOWEST_CELL, HIGHEST_CELL)
    cells = with_columns(survey, magnesium_mg_dl=grouped).tabulate(["sex", "age_group", "magnesium_mg_dl"]).data
    return CELLS.check(cells)


def make_diabetes(folder: str) -> pd.DataFrame:
    """Return people and weights by stratum, cluster, sex, age group, diabetes and class of magnesium."""
    survey = nhanes_magnesium(folder)
    edges = [0, 1.65, 1.75, 1.85, 100]
    classes = pd.cut(survey.data["magnesium_mg_dl"], edges, labels=CLASSES)
    cells = with_columns(survey, magnesium_class=classes)
    return DIABETES_CELLS.check(cells.tabulate(["sex", "age_group", "diabetes", "magnesium_class"]).data)


def make_nhanes1(folder: str) -> pd.DataFrame:
    """Return people by sex, age group and reported value."""
    data = nhanes1_magnesium(folder).data
    grouped = data.assign(magnesium_meq_l=data["magnesium_meq_l"].clip(LOWEST_CELL_I, HIGHEST_CELL_I))
    cells = grouped.groupby(["sex", "age_group", "magnesium_meq_l"], observed=True).size().rename("n").reset_index()
    return CELLS_I.check(cells)


MADE = {"nhanes_magnesium": make_values, "nhanes_magnesium_diabetes": make_diabetes, "nhanes1_magnesium": make_nhanes1}


if __name__ == "__main__":
    for table, make in MADE.items():
        made = make(sys.argv[1])
        (TABLES / f"{table}.csv").write_bytes(as_bytes(made))
        print(f"{len(made)} cells of {made['n'].sum():,} people: {table}.csv")
