"""Comparison of new results with committed ones: tables cell by cell, pictures pixel by pixel, outputs text by text."""

from __future__ import annotations

import base64
import csv
import io
import math
import re
from typing import TYPE_CHECKING, Any

import nbformat
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

RELATIVE = 1e-5
# A pixel may differ by this share of full scale, which no eye sees; no pixel may differ by more.
PIXEL = 2 / 255
SHOWN = 5
WHOLE = re.compile(r"-?\d+")
NUMBER = re.compile(r"-?\d+\.?\d*(?:[eE][-+]?\d+)?")
# matplotlib hashes these from coordinates, of which the last bit may differ between two equal pictures.
HASHED_NAME = re.compile(r"(?<=[\"#])[a-z][0-9a-f]{10}(?=[\")])")


def _few(differences: list[str]) -> list[str]:
    """Return the first differences and how many follow."""
    more = len(differences) - SHOWN
    return differences if more <= 0 else [*differences[:SHOWN], f"and {more} more"]


def _same_cell(one: str, other: str) -> bool:
    """Compare two cells: equal texts, or numbers that agree; a count, which is written without a point, agrees exactly."""
    if one == other:
        return True
    relative = 0 if WHOLE.fullmatch(one) or WHOLE.fullmatch(other) else RELATIVE
    try:
        return math.isclose(float(one), float(other), rel_tol=relative, abs_tol=1e-12)
    except ValueError:
        return False


def compare_tables(old: Path, new: Path) -> list[str]:
    """Return how two CSV files differ, cell by cell."""
    rows = [list(csv.reader(io.StringIO(path.read_text(encoding="utf-8")))) for path in (old, new)]
    before, after = ([len(row) for row in table] for table in rows)
    if before != after:
        return [f"{len(before)} rows of {max(before, default=0)} became {len(after)} rows of {max(after, default=0)}"]
    header = rows[0][0] if rows[0] else []
    differences = [
        f"row {number}, {header[place] if number else 'header'}: committed {one!r}, new {other!r}"
        for number, pair in enumerate(zip(*rows, strict=True))
        for place, (one, other) in enumerate(zip(*pair, strict=True))
        if not _same_cell(one, other)
    ]
    return _few(differences)


def _png_differences(old: bytes, new: bytes) -> list[str]:
    """Return how two pictures differ."""
    if old == new:
        return []
    from crampstats.figures import pixels_of

    before, after = pixels_of(old), pixels_of(new)
    if before.shape != after.shape:
        return [f"size {before.shape[1]} x {before.shape[0]} became {after.shape[1]} x {after.shape[0]} pixels"]
    differing = int(np.count_nonzero(np.abs(before - after).max(axis=-1) > PIXEL))
    return [f"{differing:,} pixels differ"] if differing else []


def compare_pngs(old: Path, new: Path) -> list[str]:
    """Return how two PNG files differ, pixel by pixel."""
    return _png_differences(old.read_bytes(), new.read_bytes())


def _with_plain_names(svg: str) -> str:
    """Return a picture whose hashed names are numbered as they come."""
    numbers: dict[str, str] = {}
    return HASHED_NAME.sub(lambda match: numbers.setdefault(match[0], f"name{len(numbers)}"), svg)


def compare_svgs(old: Path, new: Path) -> list[str]:
    """Return how two SVG files differ: other marks, or coordinates more than 0.01 apart."""
    before, after = (_with_plain_names(path.read_text(encoding="utf-8")) for path in (old, new))
    if before == after:
        return []
    if NUMBER.sub("#", before) != NUMBER.sub("#", after):
        return ["other shapes or texts"]
    pairs = zip(NUMBER.findall(before), NUMBER.findall(after), strict=True)
    moved = sum(1 for one, other in pairs if abs(float(one) - float(other)) > 0.01)
    return [f"{moved:,} coordinates differ"] if moved else []


def _output_differences(old: Any, new: Any) -> list[str]:
    """Return how the outputs of one cell differ."""
    kinds = [[output.output_type for output in cell.get("outputs", [])] for cell in (old, new)]
    if kinds[0] != kinds[1]:
        return [f"outputs {kinds[0]} became {kinds[1]}"]
    differences = []
    for before, after in zip(old.get("outputs", []), new.get("outputs", []), strict=True):
        differences += [
            f"{key} of an output: {_first_difference(before.get(key), after.get(key))}"
            for key in ("name", "text", "metadata")
            if before.get(key) != after.get(key)
        ]
        one, other = before.get("data", {}), after.get("data", {})
        if sorted(one) != sorted(other):
            differences.append(f"outputs as {sorted(one)} became {sorted(other)}")
            continue
        for kind in one:
            if kind == "image/png":
                differences += _png_differences(base64.b64decode(one[kind]), base64.b64decode(other[kind]))
            elif one[kind] != other[kind]:
                differences.append(_first_difference(one[kind], other[kind]))
    return differences


def _first_difference(old: Any, new: Any) -> str:
    """Show two texts where they part."""
    one, other = str(old), str(new)
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    start = max(0, at - 20)
    return f"committed …{one[start : at + 30]!r}, new …{other[start : at + 30]!r}"


def compare_notebooks(old: Path, new: Path) -> list[str]:
    """Return how two notebooks differ: metadata, sources, and outputs of each cell."""
    before, after = (nbformat.read(path, as_version=4) for path in (old, new))
    if len(before.cells) != len(after.cells):
        return [f"{len(before.cells)} cells became {len(after.cells)}"]
    differences = [] if before.metadata == after.metadata else ["other metadata"]
    for number, (one, other) in enumerate(zip(before.cells, after.cells, strict=True), start=1):
        differences += [
            f"cell {number}: another {key.replace('_', ' ')}"
            for key in ("id", "cell_type", "metadata", "source", "execution_count")
            if one.get(key) != other.get(key)
        ]
        differences += [f"cell {number}: {text}" for text in _output_differences(one, other)]
    return _few(differences)


def compare_bytes(old: Path, new: Path) -> list[str]:
    """Return whether two files of any kind differ."""
    return [] if old.read_bytes() == new.read_bytes() else ["other content"]


COMPARERS: dict[str, Callable[[Path, Path], list[str]]] = {
    ".csv": compare_tables,
    ".png": compare_pngs,
    ".svg": compare_svgs,
    ".ipynb": compare_notebooks,
}


def _compare_pair(old: Path, new: Path) -> list[str]:
    """Return how two files differ, or that one cannot be read as what its name says."""
    try:
        return COMPARERS.get(old.suffix, compare_bytes)(old, new)
    except Exception as error:  # each reader raises whatever it stumbles on in a damaged file
        return [f"cannot be read as {old.suffix} ({type(error).__name__})"]


def compare_files(committed: Mapping[str, Path], new: Mapping[str, Path]) -> dict[str, list[str]]:
    """Compare files of the same names.

    Parameters
    ----------
    committed, new
        Where the files lie, by name.

    Returns
    -------
    dict
        For each name, in order: the differences; an empty list means equal.
    """
    findings = {}
    for name in sorted(committed.keys() | new.keys()):
        if name not in new:
            findings[name] = ["committed, but the notebooks do not make it"]
        elif name not in committed:
            findings[name] = ["new, not committed"]
        else:
            findings[name] = _compare_pair(committed[name], new[name])
    return findings
