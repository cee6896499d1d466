"""Serum magnesium of US adults: NHANES 2021-2023 and NHANES I."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd

from crampstats.datasets.cramps import SEXES, read_xport
from crampstats.datasets.download import FOLDER_VARIABLE, found_file, nhanes_file
from crampstats.datasets.packaged import packaged_cells, with_order
from crampstats.errors import ReferenceDataError
from crampstats.schema import Column, Schema
from crampstats.survey import Survey

OFFICIAL = "NHANES 2021-2023"
SUBSET = "NHANES 2021-2023 subset, not nationally representative"
NHANES_I = "NHANES I 1971-1975 subset, taken as a simple random sample"
SUBSET_FILE = "serum_chemistry_subset_L.parquet"
NHANES_I_FILE = "NHANESI_subset_X.csv"
# Adults are 18 and over here; those under 20 are a group of their own, since standard populations count 15 to 19 together.
AGE_GROUPS = ("18-19", "20-39", "40-59", "60+")
AGE_EDGES = (18, 20, 40, 60, np.inf)
AGE_GROUPS_I = ("25-39", "40-59", "60-74")
CLASSES = ("at most 1.6", "1.7", "1.8", "above 1.8")
# Values of the packaged cells beyond these are counted with them.
LOWEST_CELL, HIGHEST_CELL = 1.4, 2.5
LOWEST_CELL_I, HIGHEST_CELL_I = 1.20, 2.20
SMOKING = ("never", "former", "current")
# Times a year for each answer to "how often in the past 12 months" (ALQ121), middle of its range.
DRINKING_DAYS = {0: 0, 1: 365, 2: 300, 3: 182, 4: 104, 5: 52, 6: 30, 7: 12, 8: 9, 9: 4.5, 10: 1.5}
TIMES_A_WEEK = {"D": 7.0, "W": 1.0, "M": 12 / 52, "Y": 1 / 52}

_DESIGN = (
    Column("stratum", "integer", "masked variance stratum (SDMVSTRA)", low=173, high=187),
    Column("cluster", "integer", "masked variance unit (SDMVPSU), numbered anew in each stratum", levels=(1, 2)),
)
_WHO = (
    Column("sex", "category", "as asked at home (RIAGENDR)", levels=SEXES, missing=True),
    Column(
        "age_group",
        "category",
        "age in years in four groups (RIDAGEYR); missing below 18",
        levels=AGE_GROUPS,
        missing=True,
    ),
)
_WEIGHT = Column("weight", "number", "people represented: weight of the blood analytes (WTPH2YR)", "people", 0)
_N = Column("n", "integer", "people in the cell; 0 keeps a cluster in the design", "people", 0)
_DIABETES = Column(
    "diabetes",
    "yes_no",
    "told by a doctor (DIQ010; borderline, code 3, counts as no) or glycated haemoglobin of at least 6.5 % (LBXGH); "
    "missing if neither says yes and one is missing",
    missing=True,
)
CELLS = Schema(
    "packaged cells of the NHANES 2021-2023 subset",
    (
        *_DESIGN,
        *_WHO,
        Column(
            "magnesium_mg_dl",
            "number",
            "serum magnesium as reported, to 0.1 (LBXMAGN); 1.4 stands for at most 1.4, 2.5 for at least 2.5, so that shares "
            "at cut-offs from 1.4 to 2.4 are exact and a mean is not",
            "mg/dL",
            LOWEST_CELL,
            HIGHEST_CELL,
            missing=True,
        ),
        _N,
        _WEIGHT,
    ),
)
DIABETES_CELLS = Schema(
    "packaged cells of the NHANES 2021-2023 subset, with diabetes",
    (
        *_DESIGN,
        *_WHO,
        _DIABETES,
        Column(
            "magnesium_class",
            "category",
            "serum magnesium as reported, in mg/dL, in four classes (LBXMAGN)",
            levels=CLASSES,
            missing=True,
        ),
        _N,
        _WEIGHT,
    ),
)


def _lab(name: str, meaning: str, unit: str, low: float, high: float) -> Column:
    return Column(name, "number", meaning, unit, low, high, missing=True)


ROWS = Schema(
    "rows of NHANES 2021-2023",
    (
        Column("id", "integer", "respondent (SEQN)"),
        *_DESIGN,
        *_WHO,
        Column("age_years", "integer", "age at the interview (RIDAGEYR), 80 for 80 and over", "years", 0, 80),
        _lab("magnesium_mg_dl", "serum magnesium as reported, to 0.1 (LBXMAGN)", "mg/dL", 0.3, 10),
        _lab("magnesium_mmol_l", "the same by arithmetic, 24.305 g/mol", "mmol/L", 0.1, 5),
        _lab("calcium_mg_dl", "total serum calcium (LBXSCA)", "mg/dL", 3, 20),
        _lab("potassium_mmol_l", "serum potassium (LBXSKSI)", "mmol/L", 1, 10),
        _lab("sodium_mmol_l", "serum sodium (LBXSNASI)", "mmol/L", 90, 190),
        _lab("albumin_g_dl", "serum albumin (LBXSAL)", "g/dL", 0.5, 8),
        _lab("glucose_mg_dl", "serum glucose, fasting or not (LBXSGL)", "mg/dL", 10, 2000),
        _lab("creatinine_mg_dl", "serum creatinine (LBXSCR)", "mg/dL", 0.1, 30),
        _lab(
            "egfr_ml_min_173",
            "glomerular filtration rate by CKD-EPI 2021, adults of 18 and over",
            "mL/min/1.73 m²",
            0,
            250,
        ),
        _lab("hba1c_percent", "glycated haemoglobin (LBXGH)", "%", 2, 25),
        _DIABETES,
        _lab("bmi_kg_m2", "body mass index (BMXBMI)", "kg/m²", 5, 150),
        Column("obesity", "yes_no", "body mass index of at least 30 kg/m²", missing=True),
        Column("hypertension", "yes_no", "ever told by a doctor of high blood pressure (BPQ020)", missing=True),
        Column(
            "smoking", "category", "never: fewer than 100 cigarettes (SMQ020, SMQ040)", levels=SMOKING, missing=True
        ),
        _lab("drinks_per_week", "alcoholic drinks: days a year (ALQ121) times drinks a day (ALQ130)", "drinks", 0, 700),
        _lab(
            "activity_minutes_per_week",
            "moderate plus twice vigorous activity in leisure (PAD790 to PAD820)",
            "minutes",
            0,
            30000,
        ),
        _WEIGHT,
    ),
)
CELLS_I = Schema(
    "packaged cells of the NHANES I subset",
    (
        Column("sex", "category", "male or female", levels=SEXES),
        Column("age_group", "category", "age in years in three groups, 25 to 74", levels=AGE_GROUPS_I),
        Column(
            "magnesium_meq_l",
            "number",
            "serum magnesium as reported, to 0.01; 1.2 stands for at most 1.2, 2.2 for at least 2.2",
            "mEq/L",
            LOWEST_CELL_I,
            HIGHEST_CELL_I,
        ),
        Column("n", "integer", "people in the cell", "people", 1),
    ),
)


def nhanes_magnesium(source: str | os.PathLike[str] = "packaged") -> Survey:
    """Return serum magnesium of US adults in 2021-2023.

    Parameters
    ----------
    source
        ``"packaged"``: cells that come with crampstats, by stratum, cluster, sex, age group and reported value;
        ``"packaged_diabetes"``: cells by stratum, cluster, sex, age group, diabetes and four classes of magnesium. Both are of
        the subset below. ``"official"``: rows, from the folder that ``CRAMPSTATS_DATA`` names, or downloaded from the
        National Center for Health Statistics; or the path of such a folder. A folder that has the subset of the chemistry file
        in place of BIOPRO_L gives the subset, and the survey's name says so.

    Returns
    -------
    Survey
        Its domain is adults of 18 and over with a weight for the blood analytes; columns as in
        ``crampstats.datasets.serum.CELLS``, ``DIABETES_CELLS`` and ``ROWS``. Magnesium is missing for a few: ask about
        ``.observed("magnesium_mg_dl")``.

    Raises
    ------
    ReferenceDataError
        If official files cannot be had or are not the published ones.

    Notes
    -----
    The **subset** keeps adults with a liver value (ALT), without hepatitis B antibody, who do not drink heavily: it is not
    nationally representative, whatever its weights. Values are reported to 0.1 mg/dL, so that every prevalence is a step
    function of the cut-off: 1.7 mg/dL is 0.6994 mmol/L. Weights WTPH2YR are right for anything merged with the blood
    analytes. Glomerular filtration rate: Inker LA et al., N Engl J Med 2021;385:1737-1749, doi:10.1056/NEJMoa2102953.
    Public-use files of the National Center for Health Statistics, for statistical use.

    Examples
    --------
    >>> nhanes_magnesium().observed("magnesium_mg_dl")
    <Survey NHANES 2021-2023 subset, not nationally representative [observed magnesium_mg_dl]: 3,... of ... people, ...>
    """
    if source == "packaged":
        return _survey(packaged_cells("nhanes_magnesium", CELLS), SUBSET, count="n")
    if source == "packaged_diabetes":
        return _survey(packaged_cells("nhanes_magnesium_diabetes", DIABETES_CELLS), SUBSET, count="n")
    folder = None if source == "official" else source
    chemistry, name = _chemistry(folder)
    return _survey(ROWS.check(_rows(chemistry, folder)), name).where("age_years >= 18")


def _survey(data: pd.DataFrame, name: str, count: str | None = None) -> Survey:
    """Return the survey of rows or cells."""
    data = with_order(data, sex=SEXES, age_group=AGE_GROUPS, magnesium_class=CLASSES, smoking=SMOKING)
    return Survey(
        data, weight="weight", stratum="stratum", cluster="cluster", cluster_labels="nested", count=count, name=name
    )


def _chemistry(folder: str | os.PathLike[str] | None) -> tuple[pd.DataFrame, str]:
    """Return the chemistry file, or the subset of it that a folder has, and what to call it."""
    place = folder if folder is not None else os.environ.get(FOLDER_VARIABLE) or None
    subset = None if place is None else found_file(SUBSET_FILE, place)
    if subset is None:
        return read_xport(nhanes_file("BIOPRO_L", folder)), OFFICIAL
    return pd.read_parquet(subset), SUBSET


def _rows(chemistry: pd.DataFrame, folder: str | os.PathLike[str] | None) -> pd.DataFrame:
    """Return one row for each respondent, the files merged, with clear names and codes."""
    merged = read_xport(nhanes_file("DEMO_L", folder))
    others = {"chemistry": chemistry.drop(columns=["WTPH2YR", "SDMVSTRA", "SDMVPSU"], errors="ignore")}
    others |= {
        name: read_xport(nhanes_file(name, folder))
        for name in ("GHB_L", "DIQ_L", "BMX_L", "BPQ_L", "ALQ_L", "SMQ_L", "PAQ_L")
    }
    for other in others.values():
        merged = merged.merge(other, on="SEQN", how="left", validate="one_to_one")
    # Who is not in the (subset of the) chemistry file keeps a place in the design and has no weight.
    weight = merged["WTPH2YR"].where(merged["SEQN"].isin(chemistry["SEQN"]), 0.0).fillna(0.0)
    age = merged["RIDAGEYR"].astype(int)
    female = merged["RIAGENDR"] == 2
    return pd.DataFrame(
        {
            "id": merged["SEQN"].astype(int),
            "stratum": merged["SDMVSTRA"].astype(int),
            "cluster": merged["SDMVPSU"].astype(int),
            "sex": merged["RIAGENDR"].map({1.0: "male", 2.0: "female"}),
            "age_group": pd.cut(age, AGE_EDGES, right=False, labels=AGE_GROUPS),
            "age_years": age,
            # XPORT holds 1.7 as the nearest hexadecimal fraction, which need not be the nearest binary one.
            "magnesium_mg_dl": merged["LBXMAGN"].round(1),
            "magnesium_mmol_l": merged["LBXMAGN"].round(1) / 2.4305,
            "calcium_mg_dl": merged["LBXSCA"],
            "potassium_mmol_l": merged["LBXSKSI"],
            "sodium_mmol_l": merged["LBXSNASI"],
            "albumin_g_dl": merged["LBXSAL"],
            "glucose_mg_dl": merged["LBXSGL"],
            "creatinine_mg_dl": merged["LBXSCR"],
            "egfr_ml_min_173": ckd_epi_2021(merged["LBXSCR"], age, female).where(age >= 18),
            "hba1c_percent": merged["LBXGH"],
            "diabetes": _either(merged["DIQ010"].map({1.0: 1, 2.0: 0, 3.0: 0}), _at_least(merged["LBXGH"], 6.5)),
            "bmi_kg_m2": merged["BMXBMI"],
            "obesity": _at_least(merged["BMXBMI"], 30),
            "hypertension": merged["BPQ020"].map({1.0: 1, 2.0: 0}).astype("Int8"),
            "smoking": _smoking(merged),
            "drinks_per_week": _drinks(merged),
            "activity_minutes_per_week": _activity(merged),
            "weight": weight,
        }
    )


def ckd_epi_2021(creatinine_mg_dl: pd.Series, age_years: pd.Series, female: pd.Series) -> pd.Series:
    """Return the glomerular filtration rate estimated without race, in mL/min/1.73 m².

    Parameters
    ----------
    creatinine_mg_dl
        Serum creatinine, IDMS-traceable, in mg/dL.
    age_years
        18 and over.
    female
        bool.

    Notes
    -----
    Inker LA et al., N Engl J Med 2021;385:1737-1749, doi:10.1056/NEJMoa2102953.

    Examples
    --------
    >>> ckd_epi_2021(pd.Series([0.7, 1.8]), pd.Series([30, 70]), pd.Series([True, False])).round(1).tolist()
    [119.2, 40.0]
    """
    ratio: pd.Series = creatinine_mg_dl / np.where(female, 0.7, 0.9)
    power = np.where(female, -0.241, -0.302)
    low, high = ratio.clip(upper=1.0) ** power, ratio.clip(lower=1.0) ** -1.2
    return 142 * low * high * 0.9938**age_years * np.where(female, 1.012, 1.0)


def _at_least(values: pd.Series, limit: float) -> pd.Series:
    """Return 1 or 0, missing where the value is."""
    return (values >= limit).astype("Int8").mask(values.isna())


def _either(first: pd.Series, second: pd.Series) -> pd.Series:
    """Return 1 if one of two says so, 0 if both deny it, else missing."""
    yes = (first == 1).fillna(False) | (second == 1).fillna(False)
    no = (first == 0).fillna(False) & (second == 0).fillna(False)
    return yes.astype("Int8").mask(~(yes.astype(bool) | no.astype(bool)))


def _smoking(merged: pd.DataFrame) -> pd.Series:
    """Return never, former or current."""
    now = merged["SMQ040"].map({1.0: "current", 2.0: "current", 3.0: "former"})
    return now.where(merged["SMQ020"] == 1, merged["SMQ020"].map({2.0: "never"}))


def _drinks(merged: pd.DataFrame) -> pd.Series:
    """Return alcoholic drinks a week; 0 for who never drank or not in the past year."""
    days = merged["ALQ121"].map(DRINKING_DAYS)
    each = merged["ALQ130"].where(merged["ALQ130"] < 100)
    return (days * each / 52).mask((merged["ALQ111"] == 2) | (days == 0), 0.0)


def _activity(merged: pd.DataFrame) -> pd.Series:
    """Return minutes a week of moderate activity and twice those of vigorous activity."""
    minutes = []
    for often, unit, lasting in (("PAD790Q", "PAD790U", "PAD800"), ("PAD810Q", "PAD810U", "PAD820")):
        times, each = (merged[name].where(merged[name] < 7777) for name in (often, lasting))
        minutes.append((times * merged[unit].map(TIMES_A_WEEK) * each).mask(times == 0, 0.0))
    return minutes[0] + 2 * minutes[1]


def nhanes1_magnesium(source: str | os.PathLike[str] = "packaged") -> Survey:
    """Return serum magnesium of adults of 25 to 74 in the United States in 1971-1975.

    Parameters
    ----------
    source
        ``"packaged"``: cells that come with crampstats, by sex, age group and reported value; or the path of a folder
        with ``NHANESI_subset_X.csv``, a file that circulates without an official address.

    Returns
    -------
    Survey
        9,932 people as a **simple random sample**: the file has neither weights nor strata nor clusters, so that
        prevalences are those of the file and their errors too small for the country. Columns as in
        ``crampstats.datasets.serum.CELLS_I``; magnesium in mEq/L (half of it is mmol/L), measured by atomic absorption.

    Raises
    ------
    ReferenceDataError
        If the folder has no such file.

    Notes
    -----
    Lowenstein FW, Stanton MF, J Am Coll Nutr 1986, on magnesium in this survey.

    Examples
    --------
    >>> nhanes1_magnesium()
    <Survey NHANES I 1971-1975 subset, taken as a simple random sample: 9,932 of 9,932 people, 1 stratum, 9,931 df>
    """
    if source == "packaged":
        return Survey(_in_order(packaged_cells("nhanes1_magnesium", CELLS_I)), count="n", name=NHANES_I)
    path = found_file(NHANES_I_FILE, source)
    if path is None:
        raise ReferenceDataError(
            f"{NHANES_I_FILE} is not in {Path(source)} nor one folder below it; use source='packaged'."
        )
    table = pd.read_csv(path)
    age = table["Age"].astype(int)
    rows = pd.DataFrame(
        {
            "sex": table["Sex"].map({1: "male", 2: "female"}),
            "age_years": age,
            "age_group": pd.cut(age, (25, 40, 60, 75), right=False, labels=AGE_GROUPS_I),
            "magnesium_meq_l": table["Serum Magnesium"].round(2),
        }
    )
    return Survey(_in_order(rows), name=NHANES_I)


def _in_order(data: pd.DataFrame) -> pd.DataFrame:
    """Put the categories of NHANES I in their order."""
    return with_order(data, sex=SEXES, age_group=AGE_GROUPS_I)
