"""Write the example study: study.csv with its dictionary README.md, and the same people as exports of a clinic.

Run: python data/example/make_example.py

Nobody in it exists. The people are simulated, drawn and rounded with fixed seeds; the same seeds give the same bytes, and
tests/test_example_data.py holds the files to this script.
"""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

import crampstats as cs
from crampstats.population import Response, SamplingPlan
from crampstats.schema import Column, Schema

HERE = Path(__file__).parent
PEOPLE, PEOPLE_SEED, SAMPLE_SEED, EXPORT_SEED = 30_000, 20260801, 5, 2025
MAGNESIUM, SECOND = "magnesium_mmol_l", "second_magnesium_mmol_l"

PLAN = SamplingPlan(
    stratum="region",
    cluster="village",
    clusters=8,
    cluster_chance="size",
    people=24,
    oversample={"age_years >= 60": 2.0},
    response=Response(chance=0.84, odds_ratios={"age_years < 40": 0.7, "age_years >= 80": 0.6}),
    adjust_within=("age_group", "sex"),
    item_response={
        MAGNESIUM: Response(chance=0.95),
        "cramps_per_month": Response(chance=0.97),
        "alcohol": Response(chance=0.95, odds_ratios={"alcohol == 'heavy'": 0.5}),
        "dietary_magnesium_mg_day": Response(chance=0.9),
    },
    repeated=(SECOND,),
    repeat_share=0.2,
)
# Whoever gives no blood has no value of it, and whoever leaves out the page on cramps leaves out all of it.
TOGETHER = {
    MAGNESIUM: (SECOND, "ionised_magnesium_mmol_l", "potassium_mmol_l", "calcium_mmol_l", "egfr_ml_min"),
    "cramps_per_month": ("cramps_per_week", "cramp_class", "cramp_site"),
}
# Columns of the population, in the order of the file, and the digits behind the point; None for words.
DIGITS = {
    "age_years": 0,
    "age_group": None,
    "sex": None,
    "pregnant": 0,
    "diabetes": 0,
    "neuropathy": 0,
    "diuretic": None,
    "ppi": 0,
    "supplement": 0,
    "alcohol": None,
    "exertion_hours_week": 1,
    "fluid_intake_l_day": 1,
    "dietary_magnesium_mg_day": 0,
    "egfr_ml_min": 0,
    MAGNESIUM: 2,
    SECOND: 2,
    "ionised_magnesium_mmol_l": 2,
    "potassium_mmol_l": 1,
    "calcium_mmol_l": 2,
    "cramps_per_week": 0,
    "cramps_per_month": 0,
    "cramp_class": 0,
    "cramp_site": None,
}


@cache
def texts() -> pd.DataFrame:
    """Return the study as it stands in study.csv: texts, ``""`` where a value is missing."""
    drawn = cs.draw_sample(cs.simulate(cs.Population(), PEOPLE, seed=PEOPLE_SEED), PLAN, rng=SAMPLE_SEED).data
    for first, others in TOGETHER.items():
        drawn = drawn.assign(**{name: drawn[name].astype(object).mask(drawn[first].isna()) for name in others})
    columns = {
        "id": [f"P{number:04d}" for number in range(1, len(drawn) + 1)],
        "weight": [f"{value:.2f}" for value in drawn["weight"]],
        "region": drawn["region"].astype(str).tolist(),
        "village": [f"{value:d}" for value in drawn["village"]],
    }
    for name, digits in DIGITS.items():
        columns[name] = [
            "" if pd.isna(value) else str(value) if digits is None else f"{value:.{digits}f}" for value in drawn[name]
        ]
    return pd.DataFrame(columns, dtype=str)


def schema() -> Schema:
    """Return the columns of study.csv besides `id`, which is a text: those of the population, and the weight."""
    known = {column.name: column for column in cs.Population().schema.columns}
    missing = {*PLAN.item_response, *(name for names in TOGETHER.values() for name in names)}
    names = ("region", "village", *DIGITS)
    weight = Column("weight", "number", "people of the population for whom this person stands", "people", low=1)
    columns = (weight, *(replace(known[name], missing=name in missing) for name in names))
    return Schema("the example study", columns)


# --- the same people, as a clinic exports them -------------------------------------------------------------------------

MG_DL = {MAGNESIUM: 2.4305, "calcium_mmol_l": 4.0078}  # mg/dL in 1 mmol/L
REGION = {"north": "Nord", "east": "Ost", "south": "Süd", "west": "West"}
SEX = {"male": ("m", "M", "männlich"), "female": ("w", "W", "weiblich")}
YES_NO = {"0": ("Nein", "nein", "N"), "1": ("Ja", "ja", "J")}
DIURETIC = {"none": ("Nein", "nein"), "thiazide": ("Ja", "ja"), "loop": ("Ja", "ja")}
DIURETIC_KIND = {"none": "", "thiazide": "Thiazid", "loop": "Schleifendiuretikum"}
ALCOHOL = {"none": "keiner", "moderate": "mäßig", "heavy": "viel"}
SITE = {
    "calf": "Wade",
    "foot": "Fuß",
    "thigh": "Oberschenkel",
    "hand_arm": "Hand/Arm",
    "trunk_back": "Rumpf/Rücken",
    "none": "keine Krämpfe",
}
# Nothing, in the spellings of the people who typed it; in columns that `read_study` knows.
MISSING = ("", "", "", "k.A.", "n.d.", "-", "fehlt")
REMARKS = ("",) * 12 + ("nüchtern", "ruft wieder an; mobil", 'sagt "gelegentlich"', "Probe 07.00 Uhr", "s. Brief")

Write = Callable[[str, np.random.Generator], str]


def comma(text: str, _: np.random.Generator) -> str:
    """Write a number with a decimal comma."""
    return text.replace(".", ",")


def mg_dl(name: str) -> Write:
    """Return what writes a concentration in mg/dL, fine enough to come back to the same hundredth of mmol/L."""
    return lambda text, rng: comma(f"{float(text) * MG_DL[name]:.2f}", rng)


def one_of(words: dict[str, tuple[str, ...]]) -> Write:
    """Return what writes a word in one of its spellings."""
    return lambda text, rng: words[text][rng.integers(len(words[text]))]


def word(words: dict[str, str]) -> Write:
    """Return what writes a word."""
    return lambda text, _: words[text]


def day(_: str, rng: np.random.Generator) -> str:
    """Write a day of 2025, which is of no account, as one of three people does."""
    date = np.datetime64("2025-01-01") + rng.integers(365)
    year, month, number = str(date).split("-")
    return (f"{number}.{month}.{year}", f"{number}.{month}.{year[2:]}", f"{year}-{month}-{number}")[rng.integers(3)]


def remark(_: str, rng: np.random.Generator) -> str:
    """Write what somebody noted."""
    return REMARKS[rng.integers(len(REMARKS))]


# The column of study.csv, the header in the export, whether `read_study` knows it, and how it is written.
EXPORT: tuple[tuple[str, str, bool, Write], ...] = (
    ("id", "Fallnummer", True, comma),
    ("id", "Entnahmedatum", True, day),
    ("region", "Region", False, word(REGION)),
    ("village", "Ort-Nr.", False, comma),
    ("weight", "Gewichtung", False, comma),
    ("age_years", "Alter (Jahre)", True, comma),
    ("sex", "Geschlecht (m/w/d)", True, one_of(SEX)),
    ("pregnant", "schwanger", True, one_of(YES_NO)),
    ("diabetes", "Diabetes (ja/nein)", True, one_of(YES_NO)),
    ("neuropathy", "Polyneuropathie", False, word({"0": "nein", "1": "ja"})),
    ("diuretic", "Diuretikum", True, one_of(DIURETIC)),
    ("diuretic", "Diuretikum, Art", False, word(DIURETIC_KIND)),
    ("ppi", "PPI", True, one_of(YES_NO)),
    ("supplement", "Magnesiumpräparat", True, one_of(YES_NO)),
    ("alcohol", "Alkohol", False, word(ALCOHOL)),
    ("egfr_ml_min", "eGFR [ml/min/1,73 m²]", False, comma),
    (MAGNESIUM, "Mg i.S. [mg/dL]", True, mg_dl(MAGNESIUM)),
    (SECOND, "Mg Zweitmessung [mmol/l]", False, comma),
    ("potassium_mmol_l", "Kalium (mmol/l)", True, comma),
    ("calcium_mmol_l", "Ca gesamt [mg/dl]", True, mg_dl("calcium_mmol_l")),
    ("cramps_per_week", "Wadenkrämpfe/Woche", True, comma),
    ("cramps_per_month", "Krämpfe pro Monat", True, comma),
    ("cramp_site", "Krampfort", False, word(SITE)),
    ("id", "Bemerkung", False, remark),
)
HEADERS = tuple(header for _, header, _, _ in EXPORT)
BLANK_AFTER = 100  # a row that holds nothing


@cache
def exported() -> tuple[tuple[str, ...], ...]:
    """Return the rows of the export as texts, in the order of the study."""
    rng = np.random.default_rng(EXPORT_SEED)
    rows = []
    for person in texts().to_dict("records"):
        cells = []
        for name, _, known, write in EXPORT:
            gap = MISSING[rng.integers(len(MISSING))] if known else ""
            cells.append(gap if person[name] == "" else write(person[name], rng))
        rows.append(cells)
    rows[0][-1] = "zweimal gemessen;\nerster Wert verworfen"  # a line break in a cell, as nobody sees in a spreadsheet
    return tuple(map(tuple, rows))


def german(rows: Sequence[Sequence[str]]) -> bytes:
    """Return rows as a file of Windows: semicolons, Windows-1252, CRLF."""
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=";", lineterminator="\r\n").writerows([HEADERS, *rows])
    return buffer.getvalue().encode("cp1252")


def clinic_export() -> bytes:
    """Return the export: messy, and right."""
    rows, empty = list(exported()), ("",) * len(HEADERS)
    return german([*rows[:BLANK_AFTER], empty, *rows[BLANK_AFTER:], empty, empty])


# --- an export with faults ---------------------------------------------------------------------------------------------

BROKEN_ROWS = 24
RANGE, ROW = "outside the plausible range", "(whole row)"
# The row in the file, the header, what somebody typed, and what `read_study` says of it.
FAULTS = (
    (3, "Mg i.S. [mg/dL]", "203", RANGE),
    (4, "Mg i.S. [mg/dL]", "hämolytisch", "not a number"),
    (5, "Mg i.S. [mg/dL]", "0,81", "fits mmol/L only, not mg/dL"),
    (6, "Mg i.S. [mg/dL]", "< 0,5", "below the limit of detection"),
    (8, "Alter (Jahre)", "1948", RANGE),
    (9, "Entnahmedatum", "31.02.2025", "not a date"),
    (11, "Geschlecht (m/w/d)", "x", "not a known code"),
    (12, "Kalium (mmol/l)", "4.1", "a decimal point where the column has decimal commas"),
    (14, "Diabetes (ja/nein)", "Typ 2", "not a known code"),
    (15, "Krämpfe pro Monat", "täglich", "not a number"),
    (17, "Wadenkrämpfe/Woche", "-1", RANGE),
    (20, "Fallnummer", "P0020", "stands more than once"),
    (21, "Fallnummer", "P0020", "stands more than once"),
    (23, ROW, "one cell too few", "has fewer cells than there are headers"),
)


def broken_export() -> bytes:
    """Return some people of the export, what is listed in `FAULTS` put into their rows."""
    rows = [list(row) for row in exported()[1 : 1 + BROKEN_ROWS]]  # without the first, whose remark has a line break
    for line, header, text, _ in FAULTS:
        if header == ROW:
            rows[line - 2].pop()
        else:
            rows[line - 2][HEADERS.index(header)] = text
    return german(rows)


# --- the dictionary ----------------------------------------------------------------------------------------------------


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return rows as a Markdown table."""
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in (head, ["---"] * len(head), *rows))


def readme() -> str:
    """Return the dictionary of the folder."""
    study, known = texts(), schema()
    villages = study.groupby("region")["village"].nunique()
    dictionary = [
        ("`id`", "–", "a text, no two alike", "a number given to the row", 0),
        *(
            (f"`{row.column}`", row.unit or "–", row.expected, row.meaning, int((study[row.column] == "").sum()))
            for row in known.to_frame().itertuples()
        ),
    ]
    headers = [(f"`{header}`", f"`{name}`") for name, header, _, _ in EXPORT]
    by_lot = "drawn by lot for the export, has nothing to do with the rest"
    made = {"Entnahmedatum": by_lot, "Bemerkung": by_lot}
    headers = [(header, made.get(header.strip("`"), column)) for header, column in headers]
    faults = [(line, f"`{header}`", f"`{text}`", problem) for line, header, text, problem in FAULTS]
    return README.format(
        people=len(study),
        drawn=PLAN.people * PLAN.clusters * len(villages),
        population=PEOPLE,
        seed=PEOPLE_SEED,
        sample_seed=SAMPLE_SEED,
        export_seed=EXPORT_SEED,
        regions=len(villages),
        clusters=PLAN.clusters,
        each=PLAN.people,
        again=f"{PLAN.repeat_share:.0%}".replace("%", " %"),
        dictionary=table(("column", "unit", "value", "meaning", "missing"), dictionary),
        headers=table(("header of the export", "column of study.csv"), headers),
        broken=BROKEN_ROWS,
        faults=table(("row", "column", "in the file", "what is said of it"), faults),
    )


README = """# An example study

**These people are simulated.** Nobody in these files exists, and nothing about real people follows from them: not how
common low magnesium is, not what goes with it. They are here to try the package, to teach, and to test it. Written by
`data/example/make_example.py`; a test makes them anew and compares.

| file | what it is |
| --- | --- |
| `study.csv` | {people} people, UTF-8, commas, decimal points, an empty cell where a value is missing |
| `clinic_export.csv` | the same people as a German clinic would export them: messy, and right |
| `broken_export.csv` | {broken} of these rows with planted faults, all of which `read_study` lists at once |

## How the people were drawn

`simulate(Population(), {population}, seed={seed})` made {population} people; `draw_sample(..., rng={sample_seed})` drew from them:

1. in each of the {regions} regions (strata) {clusters} villages (clusters), with chances in proportion to their people;
2. in each of these villages {each} people, or all if there are fewer; people of 60 and over with twice the chance of others.

Of {drawn} people asked at most, {people} answered; people under 40 and from 80 on answered less often. `weight` is 1 over
the chance of being drawn, adjusted for non-response within age group and sex. About 5 % gave no blood, which leaves all blood
values empty; about 3 % left out the questions on cramps; some did not say how much they drink (heavy drinkers more often)
or eat. A random {again} were to be measured a second time. What only a simulated person has (`true_...`) is not in the
files.

```python
import pandas as pd
import crampstats as cs

data = pd.read_csv("data/example/study.csv")
study = cs.Survey(data, weight="weight", stratum="region", cluster="village", name="example")
cs.prevalence(study.observed("magnesium_mmol_l"), "magnesium_mmol_l < 0.75", by=["sex"])
```

`read_study` reads the file too, once it is told that its three levels of `diuretic` are a yes or no:
`codes={{"diuretic": {{"none": 0, "thiazide": 1, "loop": 1}}}}`.

## study.csv

{dictionary}

## clinic_export.csv

What a clinic would have of these people. Semicolons, decimal commas, Windows-1252, CRLF; dates in three spellings;
magnesium and calcium in mg/dL, the second magnesium in mmol/L; Ja/Nein and m/w in several spellings; k.A., n.d., fehlt, a
dash or nothing for missing; an empty row, and a line break within a remark. The lots for all that: seed {export_seed}.

```python
clinic = cs.datasets.read_study(
    "data/example/clinic_export.csv", weight="Gewichtung", stratum="Region", cluster="Ort-Nr."
)
```

One warning tells the empty row, and the headers that are not columns of a study and are kept under a cleaned name
(`columns={{"Mg Zweitmessung [mmol/l]": "second_magnesium_mmol_l"}}` gives one of your own).

Concentrations come back within rounding, 0.01 mmol/L. A cut-off that is itself a reported value does not: 0.75 mmol/L is
1.82 mg/dL, which is 0.7488 mmol/L, so that people with exactly 0.75 are below 0.75 in one file and not in the other. Ask
between two reported values (`magnesium_mmol_l < 0.745`) and both files say the same.

{headers}

## broken_export.csv

Rows are the lines of the file; the header is row 1.

{faults}
"""


def files() -> dict[str, bytes]:
    """Return every file of the folder that this script makes."""
    return {
        "study.csv": texts().to_csv(index=False, lineterminator="\n").encode("utf-8"),
        "clinic_export.csv": clinic_export(),
        "broken_export.csv": broken_export(),
        "README.md": readme().encode("utf-8"),
    }


if __name__ == "__main__":
    for name, content in files().items():
        (HERE / name).write_bytes(content)
