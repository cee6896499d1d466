"""Two thousand damaged files: each is refused with an error of crampstats, or read with every row and value accounted for."""

import contextlib
import csv
import io
import random
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyreadstat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crampstats as cs
from crampstats.datasets.own import StudyFileError, StudyWarning, files, read_study
from crampstats.errors import CrampstatsError

ROWS = 14
GERMAN = (
    "Fallnummer",
    "Alter",
    "Geschlecht",
    "Mg i.S. [mg/dL]",
    "Kalium (mmol/l)",
    "PPI",
    "Krämpfe/Woche",
    "Entnahmedatum",
    "Station",
)
ENGLISH = ("id", "age_years", "sex", "magnesium_mmol_l", "K (mmol/L)", "diabetes", "cramps", "sample date", "note")
MARKERS = {"", "na", "n/a", "nan", "k.a.", "k. a.", "fehlt", "-", "–", "—", ".", "n.d.", "n. d."}
NASTY = (
    *("", " ", "NA", "k.A.", "-", "null", "0", "-1", "1e400", "1e-400", "inf", "nan", "999999", "9" * 30, "0x10"),
    *(
        "0,85",
        "0.85",
        "1.234",
        "1,234",
        "1.234,5",
        "1,234.5",
        "2.1",
        "210",
        "<0,1",
        "> 2.5",
        "<",
        "00.Jul",
        "07.00",
        "1/2",
    ),
    *(
        "m",
        "w",
        "x",
        "ja",
        "yes",
        "2",
        "true",
        "Summe",
        "Total:",
        "=1+1",
        "'",
        '"',
        '""',
        "a;b",
        "a,b",
        "a\tb",
        "a\nb",
        "a\r\nb",
    ),
    *(
        "ä",
        "Ł",
        "😀",
        "\u200b",
        "\xa0",
        "\ufeff",
        "\u2028",
        "\x00",
        "\x07",
        "\x1a",
        "２",
        "½",
        "2024-02-30",
        "29.02.2024",
        "001",
    ),
)
NAMES = (
    *GERMAN,
    *ENGLISH,
    "Mg",
    "Magnesium (mmol/l)",
    "mg/dl",
    "Gewicht",
    "weight",
    "Ca (ionisiert)",
    "",
    "class",
    "1",
    "[",
    "Mg [mval/l]",
    "K",
    "Alter (Monate)",
)


def people(headers: tuple[str, ...], decimal: str, seed: int) -> list[list[str]]:
    """Return a small table without a fault."""
    rng = random.Random(seed)

    def number(low: float, high: float, digits: int) -> str:
        return f"{rng.uniform(low, high):.{digits}f}".replace(".", decimal)

    magnesium = (1.5, 2.6) if "mg/dL" in headers[3] else (0.65, 1.1)
    rows = [list(headers)]
    for person in range(ROWS):
        words = ["ja", "nein", "", "1"] if decimal == "," else ["yes", "no", "NA", "0"]
        amount = number(0, 9, 1) if "Woche" in headers[6] else rng.choice(["0", "1"])
        first = [f"P{person:03d}", str(rng.randint(18, 95)), rng.choice(["m", "w", "f", "d", ""])]
        day = f"{rng.randint(1, 28):02d}.03.2024"
        values = [number(*magnesium, 2), number(3.2, 5.5, 1), rng.choice(words), amount, day]
        rows.append([*first, *values, rng.choice(["3B", "04", "Füße"])])
    return rows


Table = list[list[str]]
Mutation = Callable[[Table, random.Random], None]


def row_of(table: Table, rng: random.Random) -> list[str]:
    return table[rng.randrange(len(table))] if table else []


def change_cell(table: Table, rng: random.Random) -> None:
    row = row_of(table[1:], rng)
    if row:
        row[rng.randrange(len(row))] = rng.choice(NASTY)


def change_header(table: Table, rng: random.Random) -> None:
    if table and table[0]:
        table[0][rng.randrange(len(table[0]))] = rng.choice(NAMES)


def change_column(table: Table, rng: random.Random) -> None:
    place, text = rng.randrange(9), rng.choice(NASTY)
    for row in table[1:]:
        if place < len(row):
            row[place] = text if place else row[place] + text


def swap_decimals(table: Table, rng: random.Random) -> None:
    for row in table[1:] if rng.random() < 0.5 else [row_of(table[1:], rng)]:
        row[3:5] = [cell.translate(str.maketrans(".,", ",.")) for cell in row[3:5]]


def insert_cell(table: Table, rng: random.Random) -> None:
    row = row_of(table, rng)
    row.insert(rng.randint(0, len(row)), rng.choice(NASTY))


def remove_cell(table: Table, rng: random.Random) -> None:
    row = row_of(table, rng)
    if row:
        del row[rng.randrange(len(row))]


def repeat_row(table: Table, rng: random.Random) -> None:
    table.insert(rng.randint(0, len(table)), list(row_of(table, rng)))


def empty_row(table: Table, rng: random.Random) -> None:
    table.insert(rng.randint(0, len(table)), [""] * rng.choice([0, 1, 9]))


def remove_rows(table: Table, rng: random.Random) -> None:
    start = rng.randint(0, len(table))
    del table[start : start + rng.randint(1, 12)]


def total_row(table: Table, rng: random.Random) -> None:
    table.append([rng.choice(["Summe", "Mittelwert", "n=14", ""]), *row_of(table, rng)[1:]])


def swap_columns(table: Table, rng: random.Random) -> None:
    one, other = rng.sample(range(9), 2)
    for row in table:
        if max(one, other) < len(row):
            row[one], row[other] = row[other], row[one]


MUTATIONS: tuple[Mutation, ...] = (
    *(change_cell, change_cell, change_cell, change_header, change_column, swap_decimals, insert_cell, remove_cell),
    *(repeat_row, empty_row, remove_rows, total_row, swap_columns),
)


def flip(data: bytes, rng: random.Random) -> bytes:
    if not data:
        return data
    place = rng.randrange(len(data))
    return data[:place] + bytes([rng.randrange(256)]) + data[place + 1 :]


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randint(0, len(data))]


def take_out(data: bytes, rng: random.Random) -> bytes:
    place = rng.randint(0, len(data))
    return data[:place] + data[place + rng.randint(1, 40) :]


def swap_delimiters(data: bytes, rng: random.Random) -> bytes:
    marks = [b",", b";", b"\t", b"|", b"\n"]
    return data.replace(rng.choice(marks), rng.choice(marks), rng.choice([-1, 1, 3]))


def put_in(data: bytes, rng: random.Random) -> bytes:
    place = rng.randint(0, len(data))
    return (
        data[:place]
        + rng.choice([b'"', b";", b",", b"\n", b"\r", b"\xe4", b"\xef\xbb\xbf", b"\x00", b"sep=;\n"])
        + data[place:]
    )


DAMAGES = (flip, cut, take_out, swap_delimiters, put_in)


def read(path: Path, **wishes: Any) -> tuple[cs.Survey, StudyWarning | None] | None:
    """Return what is read and what is told; None if it is refused with an error that says something."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = read_study(path, **wishes)
        except CrampstatsError:
            result = None
    assert [warning.category for warning in caught] in ([], [StudyWarning])
    if result is None:
        return None
    return result, (caught[0].message if caught else None)


# --- an accountant of its own -----------------------------------------------------------------------------------------


def texts_of(data: bytes) -> list[str]:
    """Return the texts that bytes can be."""
    texts = []
    for encoding in ("utf-8-sig", "utf-16", "utf-16-le", "cp1252"):
        try:
            texts.append(data.decode(encoding))
        except UnicodeDecodeError:
            continue
    return texts


def ways_to_split(data: bytes) -> list[list[tuple[int, list[str]]]]:
    """Return the records, with the line in which each begins, under every encoding and delimiter."""
    ways = []
    for text in texts_of(data):
        first = text.partition("\n")[0].strip().strip('"')
        skip = first.startswith("sep=") and len(first) == 5
        for delimiter in ",;\t|":
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
            records, line = [], 1
            for cells in reader:
                records.append((line, [cell.strip() for cell in cells]))
                line = reader.line_num + 1
            ways.append(records[1:] if skip else records)
    return ways


UNITS = {1.0, 2.4305, 2.0, 12.0, 1000.0}


def factors(cell: str, value: Any) -> set[float]:
    """Return by which of the known factors a value is what stands in a cell; all of them for what is no number."""
    if value is pd.NaT or value is pd.NA or value is None or value != value:
        return UNITS if cell.casefold() in MARKERS else set()
    if isinstance(value, str):
        words = {"male": "m", "female": "wf", "diverse": "d"}
        right = cell == value or (value in words and cell[:1].casefold() in words[value])
        return UNITS if right else set()
    if isinstance(value, pd.Timestamp):
        digits = cell.split(" ")[0].replace("-", ".").split(".")
        return UNITS if {int(part) for part in digits} >= {value.month, value.day} else set()
    if cell.casefold() in {"ja", "nein", "yes", "no", "true"}:
        return UNITS if value == (cell.casefold() in {"ja", "yes", "true"}) else set()
    readings = set()
    for thousands, decimal in ((",", "."), (".", ",")):
        with contextlib.suppress(ValueError):
            readings.add(float(cell.replace(thousands, "").replace(decimal, ".")))
    if value == 0:
        return UNITS if 0.0 in readings else set()
    return {unit for unit in UNITS for number in readings if abs(number / unit / float(value) - 1) < 1e-9}


def accounted(records: list[tuple[int, list[str]]], result: cs.Survey, warning: StudyWarning | None) -> bool:
    """Return whether the records are the rows of the survey, those that were dropped, and those told to be empty."""
    filled = [(line, cells) for line, cells in records if any(cells)]
    if not filled:
        return False
    (first, header), rows = filled[0], filled[1:]
    dropped = set(warning.dropped) if warning else set()
    told = {
        row for fault in (warning.told if warning else ()) if fault.problem == "empty, left out" for row in fault.rows
    }
    between = {line for line, cells in records if not any(cells) and first < line < rows[-1][0]} if rows else set()
    left = [cells for line, cells in rows if line not in dropped]
    width = [place for place, name in enumerate(header) if name]
    if len(left) != len(result) or len(width) != result.data.shape[1] or told != between:
        return False
    if not dropped <= {line for line, _ in rows}:
        return False
    for place, name in zip(width, result.data, strict=True):
        common = set(UNITS)  # one factor holds for a whole column
        for cells, value in zip(left, result.data[name], strict=True):
            common &= factors(cells[place] if place < len(cells) else "", value)
        if not common:
            return False
    return all(not any(cells[len(header) :]) for cells in left)


FILES = {
    "german": (GERMAN, ",", ";", "cp1252"),
    "german-utf8": (GERMAN, ",", ";", "utf-8-sig"),
    "english": (ENGLISH, ".", ",", "utf-8"),
    "wide": (ENGLISH, ".", "\t", "utf-16"),
}


def as_text(table: Table, delimiter: str, encoding: str) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter, lineterminator="\r\n").writerows(table)
    return buffer.getvalue().encode(encoding, errors="replace")


def check_text(folder: Path, data: bytes, on_fault: str) -> str:
    """Read a text file; return whether it was refused, read or read in part."""
    path = folder / "file.csv"
    path.write_bytes(data)
    outcome = read(path, on_fault=on_fault)
    if outcome is None:
        return "refused"
    result, warning = outcome
    assert any(accounted(records, result, warning) for records in ways_to_split(data)), data
    return "in part" if warning and warning.dropped else "read"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all examples share."""
    return tmp_path_factory.mktemp("mutations")


SEEDS = st.integers(0, 2**32 - 1)
ON_FAULT = st.sampled_from(["raise", "drop"])


@pytest.mark.parametrize("kind", FILES)
def test_the_files_are_read_before_they_are_damaged(folder: Path, kind: str) -> None:
    headers, decimal, delimiter, encoding = FILES[kind]
    for seed in range(20):
        data = as_text(people(headers, decimal, seed), delimiter, encoding)
        assert check_text(folder, data, "raise") == "read"


@settings(max_examples=500)
@given(st.sampled_from(list(FILES)), st.lists(st.sampled_from(MUTATIONS), min_size=1, max_size=3), SEEDS, ON_FAULT)
def test_changed_tables(folder: Path, kind: str, changes: list[Mutation], seed: int, on_fault: str) -> None:
    headers, decimal, delimiter, encoding = FILES[kind]
    rng = random.Random(seed)
    table = people(headers, decimal, seed)
    for change in changes:
        change(table, rng)
    check_text(folder, as_text(table, delimiter, encoding), on_fault)


@settings(max_examples=700)
@given(st.sampled_from(list(FILES)), st.lists(st.sampled_from(DAMAGES), min_size=1, max_size=4), SEEDS, ON_FAULT)
def test_damaged_bytes(
    folder: Path, kind: str, damages: list[Callable[[bytes, random.Random], bytes]], seed: int, on_fault: str
) -> None:
    headers, decimal, delimiter, encoding = FILES[kind]
    rng = random.Random(seed)
    data = as_text(people(headers, decimal, seed), delimiter, encoding)
    for damage in damages:
        data = damage(data, rng)
    check_text(folder, data, on_fault)


def as_read(value: object) -> str:
    """Return a cell of a sheet as text."""
    return f"{value:.15g}" if isinstance(value, float) else "" if value is None else str(value).strip()


@settings(max_examples=200)
@given(st.lists(st.sampled_from(MUTATIONS), min_size=1, max_size=3), SEEDS, ON_FAULT)
def test_changed_workbooks(folder: Path, changes: list[Mutation], seed: int, on_fault: str) -> None:
    rng = random.Random(seed)
    table = people(ENGLISH, ".", seed)
    for change in changes:
        change(table, rng)
    book = openpyxl.Workbook()
    for row in table:
        # What cannot stand in a sheet is left out; a formula would need its result.
        texts = [openpyxl.cell.cell.ILLEGAL_CHARACTERS_RE.sub("", cell).lstrip("=") for cell in row]
        book.active.append([float(cell) if cell.replace(".", "", 1).isdecimal() else cell or None for cell in texts])
    path = folder / "file.xlsx"
    book.save(path)
    outcome = read(path, on_fault=on_fault)
    cells = [
        (row[0].row, [as_read(cell.value) for cell in row]) for row in openpyxl.load_workbook(path).active.iter_rows()
    ]
    assert outcome is None or accounted(cells, *outcome)


def binary_files() -> dict[str, bytes]:
    """Return one file of each kind that is not text."""
    table = people(ENGLISH, ".", 1)
    frame = pd.DataFrame(
        table[1:], columns=["id", "age_years", "sex", "mg", "k", "diabetes", "cramps", "drawn", "note"]
    )
    frame = frame.assign(
        mg=frame["mg"].astype(float), k=frame["k"].astype(float), age_years=frame["age_years"].astype(int)
    )
    labels = {"mg": "Mg (mmol/l)", "k": "K (mmol/l)"}
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        named = frame.rename(columns=labels)
        named.to_excel(here / "file.xlsx", index=False)
        named.to_parquet(here / "file.parquet", index=False)
        frame.to_stata(here / "file.dta", write_index=False, variable_labels=labels)
        short = frame.rename(columns={"age_years": "age"})
        pyreadstat.write_xport(short, str(here / "file.xpt"), file_format_version=5, column_labels=labels)
        pyreadstat.write_sav(frame, str(here / "file.sav"), column_labels=labels)
        return {path.suffix: path.read_bytes() for path in sorted(here.iterdir())}


BINARY = binary_files()


def check_binary(folder: Path, ending: str, data: bytes, on_fault: str) -> None:
    path = folder / f"file{ending}"
    path.write_bytes(data)
    outcome = read(path, on_fault=on_fault)
    if outcome is None:
        return
    result, warning = outcome
    assert result.data.shape[1] == 9
    held = len(result) + (len(warning.dropped) if warning else 0)
    assert held == (warning.rows if warning else held)
    if ending == ".xpt":  # the format does not say how many rows there are
        start = data.index(b"HEADER RECORD*******OBS") + 80
        length = int(np.sum([field_length(data, field) for field in range(9)]))
        whole = data[start:].rstrip(b" ")
        assert held == -(-len(whole) // length)
    else:
        assert held == ROWS


def field_length(data: bytes, field: int) -> int:
    """Return the length of a field of a transport file."""
    start = data.index(b"HEADER RECORD*******NAMESTR") + 80 + 140 * field
    return int.from_bytes(data[start + 4 : start + 6], "big")


@pytest.mark.parametrize("ending", BINARY)
def test_the_other_formats_are_read_before_they_are_damaged(folder: Path, ending: str) -> None:
    path = folder / f"file{ending}"
    path.write_bytes(BINARY[ending])
    result, warning = read(path)
    assert (len(result), warning.rows, warning.dropped) == (ROWS, ROWS, ())
    check_binary(folder, ending, BINARY[ending], "raise")


@settings(max_examples=590)
@given(
    st.sampled_from([".xlsx", ".parquet", ".dta", ".xpt"]),
    st.lists(st.sampled_from((flip, flip, flip, cut, take_out)), min_size=1, max_size=4),
    SEEDS,
    ON_FAULT,
)
def test_damaged_files_of_other_formats(
    folder: Path, ending: str, damages: list[Callable[[bytes, random.Random], bytes]], seed: int, on_fault: str
) -> None:
    rng = random.Random(seed)
    data = BINARY[ending]
    for damage in damages:
        data = damage(data, rng)
    check_binary(folder, ending, data, on_fault)


@settings(max_examples=10)
@given(st.lists(st.sampled_from((flip, cut, take_out)), min_size=1, max_size=4), SEEDS)
def test_damaged_spss_files_take_nothing_along(
    folder: Path, damages: list[Callable[[bytes, random.Random], bytes]], seed: int
) -> None:
    rng = random.Random(seed)
    data = BINARY[".sav"]
    for damage in damages:
        data = damage(data, rng)
    check_binary(folder, ".sav", data, "raise")


def test_a_crash_of_the_library_that_reads_spss_files_is_an_error(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setattr(files, "_SPSS", "import os; os.abort()")
    (folder / "file.sav").write_bytes(BINARY[".sav"])
    with pytest.raises(
        StudyFileError, match=r"^file.sav: it cannot be read as an SPSS file \(its reader broke down\)\.$"
    ):
        read_study(folder / "file.sav")
