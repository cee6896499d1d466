"""Write clinic_export.csv, an invented laboratory export with a hundred deliberate faults, and the list of them.

Run: python tests/own/make_clinic_export.py

Nobody in it exists. It looks as such exports do: German headers, semicolons, decimal commas, Windows-1252, CRLF, a comment
with a line break, a blank line, markers of missing values in all spellings; none of that is a fault. What is one is in
clinic_export_faults.csv: the row as numbered in the file, the header, and what is wrong. The same seed gives the same bytes.
"""

import csv
import io
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
SEED = 20240229
PEOPLE = 260
HEADERS = (
    "Fallnummer",
    "Entnahmedatum",
    "Alter (Jahre)",
    "Geschlecht (m/w/d)",
    "Mg i.S. [mg/dL]",
    "Kalium (mmol/l)",
    "Kreatinin mg/dl",
    "Glukose [mg/dl]",
    "Diabetes (ja/nein)",
    "PPI",
    "Wadenkrämpfe/Woche",
    "Gewicht",
    "Bemerkung",
)
ROW = "(whole row)"
LIMIT, DATE_LIKE = "below the limit of detection", "a date or time, as spreadsheets make of numbers"
RANGE, CODE = "outside the plausible range", "not a known code"
POINT = "a decimal point where the column has decimal commas"

# What is put into a cell, and what is to be said of it.
CELL_FAULTS = (
    *(("Mg i.S. [mg/dL]", text, "fits mmol/L only, not mg/dL") for text in ("0,71", "0,74", "0,78", "0,80", "0,82")),
    *(("Mg i.S. [mg/dL]", text, "fits mmol/L only, not mg/dL") for text in ("0,83", "0,86", "0,88", "0,90", "0,95")),
    *(("Mg i.S. [mg/dL]", text, "not a number") for text in ("hämolytisch",) * 4 + ("1,9 ?", "siehe Brief")),
    *(("Mg i.S. [mg/dL]", text, LIMIT) for text in ("< 0,10", "<0,10", "< 0,10", "<=0,1")),
    ("Mg i.S. [mg/dL]", "> 9,7", "above the limit of detection"),
    *(("Mg i.S. [mg/dL]", text, DATE_LIKE) for text in ("00.Jul", "01. Sep", "07.00", "Feb 00")),
    *(("Mg i.S. [mg/dL]", text, POINT) for text in ("1.85", "2.04", "1.9")),
    *(("Mg i.S. [mg/dL]", text, RANGE) for text in ("85,0", "-1,9", "0")),
    *(("Alter (Jahre)", text, RANGE) for text in ("999", "-4", "212", "1948", "540")),
    *(("Alter (Jahre)", text, "not a number") for text in ("unbekannt", "5O")),
    ("Alter (Jahre)", "1/2", DATE_LIKE),
    *(("Geschlecht (m/w/d)", text, CODE) for text in ("x", "?", "3", "weibl", "1")),
    *(("Kalium (mmol/l)", text, RANGE) for text in ("41", "0,4", "410")),
    *(("Kalium (mmol/l)", text, "not a number") for text in ("4,1 hämolytisch", "4,,2")),
    *(("Kreatinin mg/dl", text, "fits µmol/L only, not mg/dL") for text in ("71", "88", "104,5", "62", "190")),
    ("Kreatinin mg/dl", "1.3", POINT),
    ("Kreatinin mg/dl", "n. best.", "not a number"),
    ("Glukose [mg/dl]", "HI", "not a number"),
    *(("Glukose [mg/dl]", text, "fits mmol/L only, not mg/dL") for text in ("5,1", "6,4", "4,9")),
    *(("Glukose [mg/dl]", text, RANGE) for text in ("9999", "0")),
    *(("Entnahmedatum", text, "not a date") for text in ("32.01.2024", "2024-13-01", "gestern", "29.02.2023")),
    *(("Diabetes (ja/nein)", text, CODE) for text in ("vielleicht", "2", "Typ 2")),
    *(("PPI", text, CODE) for text in ("x", "früher", "3")),
    *(("Wadenkrämpfe/Woche", text, "not a number") for text in ("täglich", "2-3")),
    *(("Wadenkrämpfe/Woche", text, RANGE) for text in ("-1", "1200")),
    *(("Fallnummer", text, "missing") for text in ("", "k.A.")),
    *((ROW, shape, f"has {shape} cells than there are headers") for shape in ("fewer", "more", "fewer", "more")),
)
DUPLICATES = 8
TOTALS = ("Summe", "Mittelwert:")


def comma(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace(".", ",")


def people(rng: np.random.Generator) -> list[list[str]]:
    """Return rows without a fault, with the oddities that are none."""
    rows = []
    for number in range(PEOPLE):
        day = rng.integers(1, 29)
        date = f"2024-02-{day:02d}" if number % 7 == 0 else f"{day:02d}.02.{'24' if number % 5 == 0 else '2024'}"
        krea = comma(np.clip(rng.lognormal(-0.1, 0.3), 0.45, 6), 2)
        rows.append(
            [
                f"F{100 + number:05d}",
                date,
                str(rng.integers(18, 97)),
                str(
                    rng.choice(
                        ["m", "w", "M", "W", "männlich", "weiblich", "d"], p=[0.3, 0.3, 0.1, 0.1, 0.09, 0.1, 0.01]
                    )
                ),
                comma(np.clip(rng.normal(2.05, 0.22), 1.25, 3.2), 2),
                comma(np.clip(rng.normal(4.2, 0.45), 2.9, 6.1), 1),
                krea.rstrip("0").rstrip(",") if number % 9 == 0 else krea,
                str(rng.integers(62, 260)),
                str(rng.choice(["ja", "nein", "Ja", "NEIN", "j", "n"])),
                str(rng.choice(["0", "1", "wahr", "falsch"])),
                str(rng.choice(["0", "1", "2", "3,5", "7"])),
                comma(rng.normal(78, 13), 1),
                str(rng.choice(["", "", "", "nüchtern", "Summe der Medikamente: 4", "Probe 07.00 Uhr", 'sagt "gut"'])),
            ]
        )
    return rows


def with_gaps(rows: list[list[str]], rng: np.random.Generator, untouched: set[int]) -> None:
    """Put markers of missing values into cells."""
    markers = ["", "NA", "n/a", "k.A.", "k. A.", "fehlt", "-", "–", ".", "n.d.", "NaN", "  "]
    for number, row in enumerate(rows):
        if number not in untouched and rng.uniform() < 0.25:
            row[int(rng.integers(1, 11))] = str(rng.choice(markers))


def export(seed: int = SEED) -> tuple[bytes, list[tuple[int, str, str]]]:
    """Return the file, and its faults: row, header, problem."""
    rng = np.random.default_rng(seed)
    rows = people(rng)
    places = rng.permutation(np.arange(2, PEOPLE))[: len(CELL_FAULTS) + 2 * DUPLICATES].tolist()
    with_gaps(rows, rng, set(places))
    wrong: list[tuple[int, str, str]] = []
    for place, (header, text, problem) in zip(places, CELL_FAULTS, strict=False):
        if header == ROW:
            rows[place] = rows[place][:7] if text == "fewer" else [*rows[place], "x"]
        else:
            rows[place][HEADERS.index(header)] = text
        wrong.append((place, header, problem))
    doubled = places[len(CELL_FAULTS) :]
    for one, other in zip(doubled[::2], doubled[1::2], strict=True):
        rows[other][0] = rows[one][0]
        wrong += [(one, "Fallnummer", "stands more than once"), (other, "Fallnummer", "stands more than once")]
    rows[0][-1] = "zweimal gemessen;\nerster Wert verworfen"  # a line break within a cell moves all lines below by one
    rows += [[word, "", "60", "", "2,05", *[""] * 8] for word in TOTALS]
    wrong += [(PEOPLE + number, ROW, "a total, not a person") for number in range(len(TOTALS))]
    return written(rows, wrong)


def written(rows: list[list[str]], wrong: list[tuple[int, str, str]]) -> tuple[bytes, list[tuple[int, str, str]]]:
    """Return the bytes of the file, with a blank line in it and empty rows at its end, and the faults by line."""
    lines: dict[int, int] = {}
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=";", lineterminator="\r\n")
    writer.writerow(HEADERS)
    line = 2
    for place, row in enumerate(rows):
        if place == 40:
            buffer.write("\r\n")
            line += 1
        lines[place] = line
        writer.writerow(row)
        line += 1 + sum(cell.count("\n") for cell in row)
    buffer.write(";" * (len(HEADERS) - 1) + "\r\n" * 3)
    return buffer.getvalue().encode("cp1252"), sorted(
        (lines[place], header, problem) for place, header, problem in wrong
    )


if __name__ == "__main__":
    data, faults = export()
    (HERE / "clinic_export.csv").write_bytes(data)
    with (HERE / "clinic_export_faults.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([("row", "column", "problem"), *faults])
