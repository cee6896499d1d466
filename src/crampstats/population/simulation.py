"""Simulate people: the same ones for a seed, however many, however computed, whatever is forced elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crampstats.population.luck import BLOCK, Luck, Source
from crampstats.population.mechanisms import Groups
from crampstats.population.populations import Population
from crampstats.population.terms import Values
from crampstats.schema import Fault, Schema, is_whole, raise_faults

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    (people,) = _simulated(population, n, seed, wanted, [_Life.of(population, wanted, forced)], workers)
    return people


def simulate_lives(
    population: Population,
    groups: Sequence[tuple[int, int]],
    *,
    lives: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
) -> Iterator[tuple[pd.DataFrame, ...]]:
    """Yield groups of people in several lives, each as `simulate` makes it; what lives share is computed once.

    Parameters
    ----------
    population, columns
        As in `simulate`.
    groups
        How many people each group has, and its seed.
    lives
        What is forced in each of them, nothing for life as it is.

    Raises
    ------
    SchemaError
        As `simulate`.

    Examples
    --------
    >>> lives = [{}, {"ppi": 0}]
    >>> ((before, after),) = simulate_lives(Population(), [(1000, 1)], lives=lives, columns=["age_years", "ppi"])
    >>> bool((before["age_years"] == after["age_years"]).all()), int(after["ppi"].sum())
    (True, 0)
    """
    first_n, first_seed = groups[0]
    checked = [_checked(population, first_n, first_seed, do, columns, 1) for do in lives]
    plans = [_Life.of(population, wanted, forced) for wanted, forced in checked]
    for n, seed in groups:
        yield _simulated(population, n, seed, checked[0][0], plans, 1)


def _simulated(
    population: Population, n: int, seed: int, wanted: Sequence[str], lives: Sequence[_Life], workers: int
) -> tuple[pd.DataFrame, ...]:
    """Return the columns of the same people in each life."""
    types = {variable.name: _TYPES[variable.column.kind] for variable in population.variables}
    untouched = {variable.name for life in lives for variable in life.untouched}
    shared = [variable for variable in population.variables if variable.name in untouched]
    stored: list[dict[str, np.ndarray]] = [{name: np.empty(n, types[name]) for name in wanted} for _ in lives]

    def fill(block: int) -> None:
        start = block * BLOCK
        size = min(BLOCK, n - start)
        source, natural = Source(seed, block), Values()

        def draw(variables: Sequence[Variable], values: Values) -> None:
            for variable in variables:
                luck = Luck(source, variable.name, size)
                values[variable.name] = variable.mechanism.draw(values, population.tabled_numbers, luck)

        draw(shared, natural)
        for life, columns in zip(lives, stored, strict=True):
            values = natural.apart_from(life.changed)
            values.update({name: np.full(size, value, types[name]) for name, value in life.forced.items()})
            draw(life.touched, values)
            for name in wanted:
                columns[name][start : start + size] = values[name]

    blocks = range(-(-n // BLOCK))
    if workers == 1 or len(blocks) == 1:
        for block in blocks:
            fill(block)
    else:
        with ThreadPoolExecutor(workers) as pool:
            for _ in pool.map(fill, blocks):
                pass
    return tuple(
        pd.DataFrame({name: _column(population.variable(name), columns[name]) for name in wanted}, copy=False)
        for columns in stored
    )


@dataclass(frozen=True)
class _Life:
    """What has to be computed for one life.

    Attributes
    ----------
    forced
        Values of the variables that are forced, as they are stored.
    changed
        Names of these and of their descendants.
    untouched, touched
        The variables that are drawn, in causal order: those that are as they would be anyway, and descendants of the forced.
    """

    forced: Mapping[str, Any]
    changed: set[str]
    untouched: tuple[Variable, ...]
    touched: tuple[Variable, ...]

    @classmethod
    def of(cls, population: Population, wanted: Sequence[str], forced: Mapping[str, Any]) -> _Life:
        """Return what these columns need if these variables are forced."""
        changed = population.descendants(forced)
        drawn = [variable for variable in _needed(population, wanted, forced) if variable.name not in forced]
        untouched = tuple(variable for variable in drawn if variable.name not in changed)
        return cls(forced, changed, untouched, tuple(variable for variable in drawn if variable.name in changed))


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
