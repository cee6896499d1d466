"""Simulate people: the same ones for a seed, however many, however computed, whatever is forced elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crampstats.population.luck import BLOCK, Luck, Source
from crampstats.population.mechanisms import Groups
from crampstats.population.populations import Population
from crampstats.population.terms import Numbers, Values
from crampstats.schema import Fault, Schema, is_whole, raise_faults

if TYPE_CHECKING:
    from crampstats.population.declarations import Variable

# How a column is kept, by its kind; a category as the code of its level.
_TYPES = {"number": np.float64, "integer": np.int32, "yes_no": np.int8, "category": np.int8}


def simulate(
    population: Population,
    n: int,
    *,
    seed: int,
    do: Mapping[str, Any] | None = None,
    columns: Sequence[str] | None = None,
    workers: int = 1,
) -> pd.DataFrame:
    """Simulate people of a population whose truth is known.

    The first thousand of a million people are the thousand that the same seed makes alone: luck belongs to the seed, the
    variable and the person. With `do` the same people live another life: what does not descend from a forced variable stays
    as it was, to the bit.

    Parameters
    ----------
    population
        Whose variables and numbers.
    n
        People, at least 1.
    seed
        A whole number, not negative. The same seed means the same people.
    do
        Variables and the value that they are forced to for everybody, such as ``{"diuretic": "none"}``.
    columns
        Only these; nothing but what they depend on is computed. None for all.
    workers
        Threads. Results do not depend on it.

    Returns
    -------
    DataFrame
        Shape (n, variables), a row a person, in the units of `Population.schema`. Columns that begin with ``true_`` are
        known only of simulated people.

    Raises
    ------
    SchemaError
        With every fault of the arguments: a variable that is not there, a value that it cannot have.

    Notes
    -----
    Pearl J, Causality, 2nd ed., Cambridge 2009, chapter 7, for interventions and counterfactuals in a structural model.

    Examples
    --------
    >>> people = simulate(Population(), 1000, seed=1)
    >>> without = simulate(Population(), 1000, seed=1, do={"ppi": 0})
    >>> bool((people["age_years"] == without["age_years"]).all()), int(without["ppi"].sum())
    (True, 0)
    """
    wanted, forced = _checked(population, n, seed, do, columns, workers)
    plan = _needed(population, wanted, forced)
    numbers = Numbers(population.numbers, population.schema.columns)
    stored = {name: np.empty(n, _TYPES[population.variable(name).column.kind]) for name in wanted}

    def fill(block: int) -> None:
        start = block * BLOCK
        size = min(BLOCK, n - start)
        values, source = Values(), Source(seed, block)
        for variable in plan:
            name = variable.name
            if name in forced:
                values[name] = np.full(size, forced[name], _TYPES[variable.column.kind])
            else:
                values[name] = variable.mechanism.draw(values, numbers, Luck(source, name, size))
            if name in stored:
                stored[name][start : start + size] = values[name]

    blocks = range(-(-n // BLOCK))
    if workers == 1 or len(blocks) == 1:
        for block in blocks:
            fill(block)
    else:
        with ThreadPoolExecutor(workers) as pool:
            for _ in pool.map(fill, blocks):
                pass
    finished = {name: _column(population.variable(name), stored[name]) for name in wanted}
    return pd.DataFrame(finished, copy=False)


def _column(variable: Variable, values: np.ndarray) -> np.ndarray | pd.Categorical:
    """Return a category with its levels, anything else as it is."""
    column = variable.column
    if column.kind != "category":
        return values
    ordered = variable.mechanism.name == "classes"
    return pd.Categorical.from_codes(values, pd.Index(column.levels, dtype="str"), ordered=ordered, validate=False)


def _needed(population: Population, wanted: Sequence[str], forced: Mapping[str, Any]) -> tuple[Variable, ...]:
    """Return what has to be computed for these columns, in causal order."""
    needed = set(wanted)
    for variable in reversed(population.variables):
        if variable.name in needed and variable.name not in forced:
            needed.update(variable.parents)
    return tuple(variable for variable in population.variables if variable.name in needed)


def _checked(
    population: Any, n: Any, seed: Any, do: Any, columns: Any, workers: Any
) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return the columns wanted and the forced values as they are stored, or raise every fault of the arguments."""
    if not isinstance(population, Population):
        raise_faults([Fault("population", f"is {population!r}", "a Population")], "nobody can be simulated")
    faults = []
    for name, value, least in (("n", n, 1), ("seed", seed, 0), ("workers", workers, 1)):
        if not is_whole(value, least):
            faults.append(Fault(name, f"is {value!r}", f"a whole number of at least {least}"))
    listed = columns is None or (isinstance(columns, Sequence) and not isinstance(columns, str) and len(columns) > 0)
    if not listed or not all(isinstance(name, str) for name in columns or ()):
        faults.append(Fault("columns", f"is {columns!r:.80}", "names in a list, at least one, or None for all"))
        columns = None
    wanted = population.names if columns is None else tuple(dict.fromkeys(columns))
    known = f"one of {', '.join(population.names)}"
    faults += [Fault(str(name), "is no variable", known) for name in wanted if name not in population.names]
    forced: dict[str, Any] = {}
    if not isinstance(do, Mapping | None):
        faults.append(Fault("do", f"is {do!r}", "a mapping of variables and values"))
    for name, value in do.items() if isinstance(do, Mapping) else ():
        if name not in population.names:
            faults.append(Fault(str(name), "is to be forced and is no variable", known))
            continue
        variable = population.variable(name)
        column = variable.column
        if isinstance(variable.mechanism, Groups):
            column = replace(column, high=variable.mechanism.groups(population.numbers) - 1)
        found = Schema("do", (column,)).faults(pd.DataFrame({name: [value]}))
        faults += [Fault(name, f"cannot be forced to {value!r}", fault.expected) for fault in found[:1]]
        if not found:
            forced[name] = column.levels.index(value) if column.kind == "category" else value
    raise_faults(faults, "nobody can be simulated")
    return wanted, forced
