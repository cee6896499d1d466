"""The columns of a study of serum magnesium and cramps, and the units in which they are measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crampstats.schema import Column, Schema
from crampstats.units import SUBSTANCES, UNITS, convert

SEXES = ("male", "female", "diverse")
ID = "id"
SAMPLE_DATE = "sample_date"
AGE = "age_years"


def _concentration(name: str, meaning: str, unit: str, low: float, high: float) -> Column:
    return Column(name, "number", f"{meaning} in serum or plasma", unit, low, high, missing=True)


def _yes_no(name: str, meaning: str) -> Column:
    return Column(name, "yes_no", meaning, missing=True)


# Ranges are wide: outside lies what no living person has, not what is ill.
STUDY = Schema(
    "a study of magnesium and cramps",
    (
        Column(AGE, "number", "age", "years", 0, 125, missing=True),
        Column("sex", "category", "sex as recorded", levels=SEXES, missing=True),
        _concentration("magnesium_mmol_l", "total magnesium", "mmol/L", 0.05, 20),
        _concentration("calcium_mmol_l", "total calcium", "mmol/L", 0.4, 8),
        _concentration("potassium_mmol_l", "potassium", "mmol/L", 0.5, 15),
        _concentration("sodium_mmol_l", "sodium", "mmol/L", 80, 220),
        _concentration("glucose_mmol_l", "glucose", "mmol/L", 0.1, 150),
        _concentration("creatinine_umol_l", "creatinine", "µmol/L", 1, 5000),
        _concentration("albumin_g_l", "albumin", "g/L", 1, 100),
        _yes_no("diabetes", "has diabetes mellitus"),
        _yes_no("diuretic", "takes a diuretic"),
        _yes_no("ppi", "takes a proton pump inhibitor"),
        _yes_no("pregnant", "is pregnant"),
        _yes_no("magnesium_supplement", "takes magnesium"),
        _yes_no("cramps", "has muscle cramps"),
        Column("cramps_per_week", "number", "muscle cramps in a week", low=0, high=500, missing=True),
        Column("cramps_per_month", "number", "muscle cramps in a month", low=0, high=2000, missing=True),
    ),
)
COLUMNS = {column.name: column for column in STUDY.columns}
# A schema has no kind for texts and dates: these two are checked where they are read.
BESIDES = {ID: "the person, as text; no two rows share one", SAMPLE_DATE: "when the blood was drawn"}
NAMES = (*BESIDES, *COLUMNS)


@dataclass(frozen=True)
class Measure:
    """How a substance is reported, and what is seen of it.

    Attributes
    ----------
    substance
        As in `crampstats.units`, or ``"albumin"``.
    customary
        The units in which laboratories report it.
    seen
        Lowest and highest value of patients, the gravely ill among them, in the unit of the study.
    usual
        The range in which most values of most studies lie, in the unit of the study.
    """

    substance: str
    customary: tuple[str, ...]
    seen: tuple[float, float]
    usual: tuple[float, float]


# Assumed, to tell units apart and for nothing else: `seen` is as wide as it can be without taking the usual values of
# another customary unit for those of an ill person.
MEASURES = {
    "magnesium_mmol_l": Measure("magnesium", ("mmol/L", "mg/dL", "mEq/L"), (0.45, 1.6), (0.6, 1.2)),
    "calcium_mmol_l": Measure("calcium", ("mmol/L", "mg/dL", "mEq/L"), (1.4, 3.7), (1.9, 2.75)),
    "potassium_mmol_l": Measure("potassium", ("mmol/L", "mEq/L"), (1.5, 9.0), (3.0, 5.8)),
    "sodium_mmol_l": Measure("sodium", ("mmol/L", "mEq/L"), (100.0, 180.0), (125.0, 150.0)),
    "glucose_mmol_l": Measure("glucose", ("mmol/L", "mg/dL"), (1.5, 60.0), (3.0, 20.0)),
    "creatinine_umol_l": Measure("creatinine", ("µmol/L", "mg/dL"), (15.0, 1800.0), (35.0, 300.0)),
    "albumin_g_l": Measure("albumin", ("g/L", "g/dL"), (8.0, 65.0), (25.0, 52.0)),
}
# What a user may write for a column instead of its name.
SHORT_NAMES = {"age": AGE, **{measure.substance: column for column, measure in MEASURES.items()}}
_GRAMS_PER_LITRE = {"g/L": 1.0, "g/dL": 10.0}
_YEARS = {"years": 1.0, "months": 1.0 / 12.0}


def admitted_units(column: str) -> tuple[str, ...]:
    """Return the units in which a study column may stand in a file; empty where it has none."""
    if column == AGE:
        return tuple(_YEARS)
    if column not in MEASURES:
        return ()
    substance = MEASURES[column].substance
    if substance not in SUBSTANCES:
        return tuple(_GRAMS_PER_LITRE)
    return tuple(unit for unit in UNITS if unit != "mEq/L" or SUBSTANCES[substance].valence)


def to_study_unit(values: Any, column: str, unit: str) -> Any:
    """Return values, of any shape, in the unit of the study column; `unit` is one of `admitted_units`."""
    if column == AGE:
        return values * _YEARS[unit]
    substance = MEASURES[column].substance
    if substance not in SUBSTANCES:
        return values * _GRAMS_PER_LITRE[unit]
    return convert(values, unit, COLUMNS[column].unit, substance=substance)
