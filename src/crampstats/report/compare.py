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
    from collections.abc import Callable
    from pathlib import Path

RELATIVE = 1e-5
# A pixel may differ by this share of full scale, which no eye sees; no pixel may differ by more.
PIXEL = 2 / 255
SHOWN = 5
NUMBER = re.compile(r"-?\d+\.?\d*(?:[eE][-+]?\d+)?")


def _few(differences: list[str]) -> list[str]:
    """Return the first differences and how many follow."""
    more = len(differences) - SHOWN
    return differences if more <= 0 else [*differences[:SHOWN], f"and {more} more"]


def _same_cell(one: str, other: str) -> bool:
    """Compare two cells: equal texts, or numbers that agree."""
    if one == other:
        return True
    try:
        return math.isclose(float(one), float(other), rel_tol=RELATIVE, abs_tol=1e-12)
    except ValueError:
        return False


def compare_tables(old: Path, new: Path) -> list[str]:
    """Return how two CSV files differ, cell by cell."""
    rows = [list(csv.reader(io.StringIO(path.read_text(encoding="utf-8")))) for path in (old, new)]
    shapes = [(len(table), len(table[0]) if table else 0) for table in rows]
    if shapes[0] != shapes[1]:
        return [f"{shapes[0][0]} rows of {shapes[0][1]} became {shapes[1][0]} rows of {shapes[1][1]}"]
    header = rows[0][0] if rows[0] else []
    differences = [
        f"row {number}, {header[place] if number else 'header'}: committed {one!r}, new {other!r}"
        for number, (before, after) in enumerate(zip(*rows, strict=True))
        for place, (one, other) in enumerate(zip(before, after, strict=True))
        if not _same_cell(one, other)
    ]
    return _few(differences)


def _png_differences(old: bytes, new: bytes) -> list[str]:
    """Return how two pictures differ."""
    if old == new:
        return []
    from matplotlib.image import imread

    before, after = (imread(io.BytesIO(content), format="png") for content in (old, new))
    if before.shape != after.shape:
        return [f"size {before.shape[1]} x {before.shape[0]} became {after.shape[1]} x {after.shape[0]} pixels"]
    differing = int(np.count_nonzero(np.abs(before - after).max(axis=-1) > PIXEL))
    return [f"{differing:,} pixels differ"] if differing else []


def compare_pngs(old: Path, new: Path) -> list[str]:
    """Return how two PNG files differ, pixel by pixel."""
    return _png_differences(old.read_bytes(), new.read_bytes())


def compare_svgs(old: Path, new: Path) -> list[str]:
    """Return how two SVG files differ: other marks, or coordinates more than 0.01 apart."""
    before, after = old.read_text(encoding="utf-8"), new.read_text(encoding="utf-8")
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
        if before.get("text") != after.get("text"):
            differences.append(f"committed {before.text[:60]!r}, new {after.text[:60]!r}")
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


def _first_difference(one: str, other: str) -> str:
    """Show two texts where they part."""
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    start = max(0, at - 20)
    return f"committed …{one[start : at + 30]!r}, new …{other[start : at + 30]!r}"


def compare_notebooks(old: Path, new: Path) -> list[str]:
    """Return how two notebooks differ: sources, and outputs of each cell."""
    before, after = (nbformat.read(path, as_version=4).cells for path in (old, new))
    if len(before) != len(after):
        return [f"{len(before)} cells became {len(after)}"]
    differences = []
    for number, (one, other) in enumerate(zip(before, after, strict=True), start=1):
        if one.source != other.source:
            differences.append(f"cell {number}: another source")
        if one.get("execution_count") != other.get("execution_count"):
            differences.append(
                f"cell {number}: committed as run {one.get('execution_count')}, new {other.execution_count}"
            )
        differences += [f"cell {number}: {text}" for text in _output_differences(one, other)]
    return _few(differences)


COMPARERS: dict[str, Callable[[Path, Path], list[str]]] = {
    ".csv": compare_tables,
    ".png": compare_pngs,
    ".svg": compare_svgs,
    ".ipynb": compare_notebooks,
}


def compare_folders(committed: Path, new: Path) -> dict[str, list[str]]:
    """Compare all files of two folders.

    Parameters
    ----------
    committed, new
        The folders.

    Returns
    -------
    dict
        For each file, by its path below the folder: the differences; an empty list means equal.
    """

    def files(folder: Path) -> set[str]:
        return {
            path.relative_to(folder).as_posix()
            for path in folder.rglob("*")
            if path.suffix in COMPARERS and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        }

    here, there = files(committed), files(new)
    findings = {}
    for name in sorted(here | there):
        if name not in there:
            findings[name] = ["committed, but the notebooks do not make it"]
        elif name not in here:
            findings[name] = ["new, not committed"]
        else:
            old_path, new_path = committed / name, new / name
            findings[name] = COMPARERS[old_path.suffix](old_path, new_path)
    return findings
