"""NHANES 2005-2008: how often adults of the United States had leg cramps while trying to sleep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crampstats.datasets.download import nhanes_file
from crampstats.datasets.packaged import packaged_cells, with_order
from crampstats.schema import Column, Schema
from crampstats.survey import Survey

if TYPE_CHECKING:
    import os

NAME = "NHANES 2005-2008"
SEXES = ("male", "female")
AGE_GROUPS = ("20-39", "40-59", "60+")
AGE_EDGES = (20, 40, 60, np.inf)
CRAMP_CLASSES = {0: "never", 1: "once a month", 2: "2-4 a month", 3: "5-15 a month", 4: "16-30 a month"}
CELL_COLUMNS = ("sex", "age_group", "cramp_class")

_SHARED = (
    Column("stratum", "integer", "masked variance stratum (SDMVSTRA)", low=44, high=74),
    Column("cluster", "integer", "masked variance unit (SDMVPSU), numbered anew in each stratum", levels=(1, 2)),
    Column("sex", "category", "as asked at home (RIAGENDR)", levels=SEXES, missing=True),
    Column(
        "age_group",
        "category",
        "age in years in three groups (RIDAGEYR); missing below 20",
        levels=AGE_GROUPS,
        missing=True,
    ),
    Column(
        "cramp_class",
        "integer",
        "In the past month, how often did you have leg cramps while trying to sleep? (SLQ160) "
        + ", ".join(f"{code} {text}" for code, text in CRAMP_CLASSES.items())
        + "; refused, don't know and not asked are missing",
        levels=tuple(CRAMP_CLASSES),
        missing=True,
    ),
)
_WEIGHT = Column(
    "weight", "number", "people represented: interview weight (WTINT2YR) / 2 for two pooled cycles", "people", 0
)

CELLS = Schema(
    "packaged cells of NHANES 2005-2008",
    (*_SHARED, Column("n", "integer", "people in the cell; 0 keeps a cluster in the design", "people", 0), _WEIGHT),
)
ROWS = Schema(
    "rows of NHANES 2005-2008",
    (
        Column("id", "integer", "respondent (SEQN)"),
        Column("cycle", "category", "survey cycle (SDDSRVYR)", levels=("2005-2006", "2007-2008")),
        Column("age_years", "integer", "age at the interview (RIDAGEYR), 80 for 80 and over", "years", 0, 80),
        *_SHARED,
        _WEIGHT,
    ),
)


def nhanes_cramps(source: str | os.PathLike[str] = "packaged") -> Survey:
    """Return leg cramps of US adults in 2005-2008: 10,914 people of 20 and over, of whom 10,902 answered.

    Parameters
    ----------
    source
        ``"packaged"``: cells that come with crampstats, by stratum, cluster, sex, age group and cramp class.
        ``"official"``: the rows, from the folder that ``CRAMPSTATS_DATA`` names, or downloaded from the National Center
        for Health Statistics; or the path of such a folder. Rows and cells give the same estimates.

    Returns
    -------
    Survey
        Its domain is adults of 20 and over; columns as in ``crampstats.datasets.cramps.CELLS`` and ``ROWS``.
        ``cramp_class`` is missing for who did not answer: ask about ``.observed("cramp_class")``.

    Raises
    ------
    ReferenceDataError
        If official files cannot be had or are not the published ones.

    Notes
    -----
    The question is about cramps while trying to sleep, in the past month; cramps by day are not in it. Interview weights,
    halved to pool two cycles of two years, represent the civilian non-institutionalised population. Public-use files of
    the National Center for Health Statistics, for statistical use.

    Examples
    --------
    >>> nhanes_cramps().observed("cramp_class")
    <Survey NHANES 2005-2008 [observed cramp_class]: 10,902 of ... people, 62 clusters in 31 strata, 31 df>
    """
    if source == "packaged":
        return _survey(packaged_cells("nhanes_cramps", CELLS), count="n")
    folder = None if source == "official" else source
    rows = pd.concat([_cycle(letter, folder) for letter in ("D", "E")], ignore_index=True)
    return _survey(ROWS.check(rows)).where("age_years >= 20")


def _survey(data: pd.DataFrame, count: str | None = None) -> Survey:
    """Return the survey of rows or cells, age groups and sexes in their order."""
    data = with_order(data, sex=SEXES, age_group=AGE_GROUPS)
    return Survey(
        data, weight="weight", stratum="stratum", cluster="cluster", cluster_labels="nested", count=count, name=NAME
    )


def _cycle(letter: str, folder: str | os.PathLike[str] | None) -> pd.DataFrame:
    """Return one cycle of two years with clear names and codes."""
    people = read_xport(nhanes_file(f"DEMO_{letter}", folder))
    asked = read_xport(nhanes_file(f"SLQ_{letter}", folder))[["SEQN", "SLQ160"]]
    merged = people.merge(asked, on="SEQN", how="left", validate="one_to_one")
    answered = merged["SLQ160"].where(merged["SLQ160"].isin(CRAMP_CLASSES))
    # Ages are top-coded at 85 in 2005-2006 and at 80 after that.
    age = merged["RIDAGEYR"].clip(upper=80).astype(int)
    return pd.DataFrame(
        {
            "id": merged["SEQN"].astype(int),
            "cycle": merged["SDDSRVYR"].map({4.0: "2005-2006", 5.0: "2007-2008"}),
            "age_years": age,
            "stratum": merged["SDMVSTRA"].astype(int),
            "cluster": merged["SDMVPSU"].astype(int),
            "sex": merged["RIAGENDR"].map({1.0: "male", 2.0: "female"}),
            "age_group": pd.cut(age, AGE_EDGES, right=False, labels=AGE_GROUPS),
            "cramp_class": answered.astype("Int8"),
            "weight": merged["WTINT2YR"] / 2,
        }
    )


def read_xport(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a SAS transport file, with its zeros as zeros.

    Parameters
    ----------
    path
        Of the file.

    Returns
    -------
    DataFrame
        pandas reads the format's zero as 5.4e-79; here it is 0.
    """
    table = pd.read_sas(path, format="xport", encoding="latin-1")
    numbers = table.select_dtypes("number")
    return table.assign(**numbers.where(numbers.abs() > 1e-70, 0.0).where(numbers.notna()))
