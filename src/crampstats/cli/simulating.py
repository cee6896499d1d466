"""The task `simulate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import crampstats as cs
from crampstats.cli.reading import split_pair
from crampstats.cli.results import hand_over, refuse_to_overwrite
from crampstats.errors import CrampstatsError
from crampstats.tables.formats import check_ending, content

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    import pandas as pd


def run(chosen: argparse.Namespace) -> int:
    """Simulate people and write them to a file.

    Parameters
    ----------
    chosen
        With the options of `simulate`.

    Raises
    ------
    CrampstatsError
        If anything about it cannot be done; nothing is written then.
    """
    ending = check_ending(chosen.output.suffix)
    refuse_to_overwrite(chosen.output, force=chosen.force)
    population = cs.Population() if chosen.parameters is None else cs.Population().with_file(chosen.parameters)
    columns = _wanted(population, chosen.columns, without_truth=chosen.without_truth)
    people = cs.simulate(population, chosen.n, seed=chosen.seed, do=_forced(population, chosen.do), columns=columns)
    hand_over(content(people, ending), chosen.output, _told(population, people))
    return 0


def _wanted(population: cs.Population, columns: Sequence[str] | None, *, without_truth: bool) -> list[str] | None:
    """Return the columns to write; None for all."""
    truths = {column.name for column in population.schema.columns if column.truth}
    if not without_truth:
        return None if columns is None else list(columns)
    if columns is None:
        return [name for name in population.names if name not in truths]
    if asked := [name for name in columns if name in truths]:
        raise CrampstatsError(f"--columns {' '.join(asked)} is what --without-truth leaves out: leave one of them out.")
    return list(columns)


def _forced(population: cs.Population, pairs: Sequence[str]) -> dict[str, Any]:
    """Return the variables that are forced and their values; what cannot be is left to `simulate` to refuse."""
    columns = {column.name: column for column in population.schema.columns}
    forced: dict[str, Any] = {}
    for text in pairs:
        name, value = split_pair(text, "--do", "--do diuretic=none")
        if name in forced:
            raise CrampstatsError(f"--do names {name!r} twice.")
        number = name in columns and columns[name].kind != "category"
        forced[name] = _number(value) if number else value
    return forced


def _number(text: str) -> float | str:
    """Return a number, whole if it is, or the text if it is none."""
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number


def _told(population: cs.Population, people: pd.DataFrame) -> str:
    """Say what was written."""
    truths = {column.name for column in population.schema.columns if column.truth} & set(people.columns)
    text = f"{len(people):,} simulated people, {people.shape[1]} columns"
    text += f", {len(truths)} of them (true_...) known only of simulated people." if truths else "."
    return f"{text} None of them exists."
