"""How parents act on a variable: effects that add up to a predictor, and conditions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from crampstats.schema import Column

# A table of this many numbers stays in a processor's first cache, and its codes fit 16 bits.
LARGEST_TABLE = 2048
# An integer column of more values is not tabled.
MOST_VALUES = 400


class Values(dict[str, np.ndarray]):
    """The variables of one block of people so far, each of shape (people,), and the forms in which they acted already."""

    def __init__(self) -> None:
        super().__init__()
        self._forms: dict[Form, np.ndarray] = {}
        self._codes: dict[str, np.ndarray] = {}

    def apart_from(self, changed: Collection[str]) -> Values:
        """Return all but these variables and their forms, for another life of the same people.

        Parameters
        ----------
        changed
            Names of the variables that may be otherwise in it.
        """
        others = Values()
        others.update({name: value for name, value in self.items() if name not in changed})
        others._forms = {form: acting for form, acting in self._forms.items() if form.of not in changed}
        others._codes = {name: code for name, code in self._codes.items() if name not in changed}
        return others

    def acting(self, form: Form) -> np.ndarray:
        """Return what acts of a parent, float; several variables share it, so nobody changes it in place."""
        found = self._forms.get(form)
        if found is None:
            found = self._forms[form] = form.apply(self)
        return found

    def code(self, name: str, first: int) -> np.ndarray:
        """Return a variable of few whole values as its distance from the first one, int16."""
        found = self._codes.get(name)
        if found is None:
            found = self._codes[name] = self[name].astype(np.int16)
            found -= np.int16(first)
        return found


class Numbers(dict[str, float]):
    """The parameters of a population by their full names, and the tables of what its variables of few values add up to.

    Parameters
    ----------
    numbers
        Value of each parameter.
    columns
        Of all variables.
    """

    def __init__(self, numbers: Mapping[str, float], columns: Iterable[Column]) -> None:
        super().__init__(numbers)
        self._domains = {column.name: domain for column in columns if (domain := _domain(column)) is not None}
        self._tables: dict[str, Tabled] = {}

    def tabled(self, predictor: Predictor) -> Tabled:
        """Return a predictor with its effects of few values tabled, made when first asked for."""
        found = self._tables.get(predictor.intercept)
        if found is None:
            found = self._tables[predictor.intercept] = tabled(predictor, self, self._domains)
        return found


def _domain(column: Column) -> range | None:
    """Return the whole values that a column can have, if they are few."""
    if column.kind == "category":
        return range(len(column.levels))
    if column.kind == "yes_no":
        return range(2)
    if column.kind == "integer" and column.high - column.low < MOST_VALUES:
        return range(int(column.low), int(column.high) + 1)
    return None


@dataclass(frozen=True)
class Form:
    """What of a parent acts: its value, a level, a distance.

    Attributes
    ----------
    of
        The parent.
    level, code
        Of a category: 1 where the parent has this level, 0 elsewhere; the code is how the level is stored.
    above, below
        The distance above or below this value, 0 on the other side.
    at_least
        1 from this value on, 0 below.
    log_from
        The natural logarithm of the parent over this value.
    peak, period
        The cosine of a yearly or daily course: 1 at the peak, -1 half a period from it.
    origin, per
        Otherwise ``(parent - origin) / per``; `per` divides distances as well.

    Examples
    --------
    >>> Form("age_years", above=60.0, per=10.0).apply({"age_years": np.array([50, 60, 75])})
    array([0. , 0. , 1.5])
    """

    of: str
    level: str | None = None
    code: int = -1
    above: float | None = None
    below: float | None = None
    at_least: float | None = None
    log_from: float | None = None
    peak: float | None = None
    period: float = 1.0
    origin: float = 0.0
    per: float = 1.0

    @property
    def label(self) -> str:
        """The form in words, as names of parameters have it."""
        if self.level is not None:
            return f"{self.of} = {self.level}"
        if self.log_from is not None:
            return f"log {self.of}"
        if self.peak is not None:
            return f"{self.of} peak {self.peak:g}"
        for word, limit in (("above", self.above), ("below", self.below), ("at least", self.at_least)):
            if limit is not None:
                return f"{self.of} {word} {limit:g}"
        return self.of

    def apply(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return what acts, shape (people,) float."""
        parent = values[self.of]
        if self.level is not None:
            return (parent == self.code).astype(float)
        if self.at_least is not None:
            return (parent >= self.at_least).astype(float)
        if self.log_from is not None:
            return np.log(parent / self.log_from)
        if self.peak is not None:
            return np.cos((parent - self.peak) * (2.0 * np.pi / self.period))
        if self.above is not None:
            return self._distance(parent - self.above)
        if self.below is not None:
            return self._distance(self.below - parent)
        if self.origin == 0.0 and self.per == 1.0:
            return parent.astype(float, copy=False)
        return (parent - self.origin) / self.per

    def _distance(self, signed: np.ndarray) -> np.ndarray:
        """Return a distance on one side, in place."""
        np.maximum(signed, 0.0, out=signed)
        signed /= self.per
        return signed


@dataclass(frozen=True)
class Effect:
    """A parameter times what acts of one parent, or of two together.

    Attributes
    ----------
    parameter
        Full name of the coefficient.
    form
        What acts.
    also
        A second form that it is multiplied with, for effects in some people only.
    """

    parameter: str
    form: Form
    also: Form | None = None

    @property
    def parents(self) -> tuple[str, ...]:
        """The one parent, or both."""
        return (self.form.of,) if self.also is None else (self.form.of, self.also.of)

    def add_to(self, total: np.ndarray, values: Values, numbers: Numbers) -> None:
        """Add the effect to a predictor, shape (people,), in place."""
        coefficient = numbers[self.parameter]
        if coefficient == 0.0:
            return
        acting = values.acting(self.form) * coefficient
        if self.also is not None:
            acting *= values.acting(self.also)
        total += acting


@dataclass(frozen=True)
class Predictor:
    """An intercept and effects that add up.

    Attributes
    ----------
    intercept
        Full name of the parameter.
    effects
        In the order in which they are added.
    """

    intercept: str
    effects: tuple[Effect, ...] = ()

    @property
    def parents(self) -> tuple[str, ...]:
        """Parents of all effects, each once."""
        return tuple(dict.fromkeys(parent for effect in self.effects for parent in effect.parents))

    @property
    def parameters(self) -> tuple[str, ...]:
        """Full names of the intercept and the coefficients."""
        return (self.intercept, *(effect.parameter for effect in self.effects))

    def apply(self, values: Values, numbers: Numbers, size: int) -> np.ndarray:
        """Return the sum, shape (size,)."""
        return numbers.tabled(self).apply(values, numbers, size)


@dataclass(frozen=True, eq=False)
class Tabled:
    """A predictor in the form in which it is quick: one look-up for all parents of few values.

    Attributes
    ----------
    parents
        Each tabled parent with the first value and the number of its values.
    table
        What the intercept and their effects add up to for each combination, the last parent running fastest.
    rest
        Effects that are added one by one.
    """

    parents: tuple[tuple[str, int, int], ...]
    table: np.ndarray
    rest: tuple[Effect, ...]

    @cached_property
    def chances(self) -> np.ndarray:
        """The chance that goes with each sum taken for log odds, of the shape of `table`."""
        with np.errstate(over="ignore"):  # infinite odds against are a chance of 0
            return 1.0 / (1.0 + np.exp(-self.table))

    def codes(self, values: Values, size: int) -> np.ndarray:
        """Return the place of each person in the table, shape (size,) intp: others make a look-up seven times as slow."""
        if not self.parents:
            return np.zeros(size, dtype=np.intp)
        (name, first, _), *others = self.parents
        code = values.code(name, first)
        for name, first, number in others:
            code = code * np.int16(number)
            code += values.code(name, first)
        return code.astype(np.intp)

    def apply(self, values: Values, numbers: Numbers, size: int) -> np.ndarray:
        """Return the sum, shape (size,)."""
        total = self.table.take(self.codes(values, size))
        for effect in self.rest:
            effect.add_to(total, values, numbers)
        return total


def tabled(predictor: Predictor, numbers: Numbers, domains: Mapping[str, range]) -> Tabled:
    """Table the effects of a predictor whose parents have few values.

    Parameters
    ----------
    predictor
        What is predicted.
    numbers
        Value of each parameter.
    domains
        The values of each variable that has few.
    """
    chosen: list[str] = []
    size = 1
    for effect in predictor.effects:
        new = [name for name in dict.fromkeys(effect.parents) if name not in chosen]
        if all(name in domains for name in effect.parents):
            larger = size * int(np.prod([len(domains[name]) for name in new], dtype=int))
            if larger <= LARGEST_TABLE:
                chosen, size = [*chosen, *new], larger
    grid = Values()
    for name, axis in zip(chosen, np.meshgrid(*(domains[name] for name in chosen), indexing="ij"), strict=True):
        grid[name] = axis.ravel()
    total, rest = np.full(size, numbers[predictor.intercept]), []
    for effect in predictor.effects:
        if set(effect.parents) <= set(chosen):
            effect.add_to(total, grid, numbers)
        else:
            rest.append(effect)
    parents = tuple((name, domains[name].start, len(domains[name])) for name in chosen)
    return Tabled(parents, total, tuple(rest))


@dataclass(frozen=True)
class Condition:
    """Something that holds or does not: a level, or a range with its ends.

    Attributes
    ----------
    of
        The parent.
    level, code
        Of a category, as in `Form`.
    at_least, at_most
        Of a number.
    """

    of: str
    level: str | None = None
    code: int = -1
    at_least: float | None = None
    at_most: float | None = None

    def holds(self, values: Values) -> np.ndarray:
        """Say for whom it holds, shape (people,) bool."""
        parent = values[self.of]
        if self.level is not None:
            return parent == self.code
        if self.at_least is not None and self.at_most is not None:
            return (parent >= self.at_least) & (parent <= self.at_most)
        return parent >= self.at_least if self.at_least is not None else parent <= self.at_most


def all_hold(conditions: tuple[Condition, ...], values: Values) -> np.ndarray:
    """Say for whom all conditions hold, shape (people,) bool; there is at least one."""
    return np.logical_and.reduce([condition.holds(values) for condition in conditions])


def any_holds(conditions: tuple[Condition, ...], values: Values) -> np.ndarray:
    """Say for whom any condition holds, shape (people,) bool; there is at least one."""
    return np.logical_or.reduce([condition.holds(values) for condition in conditions])
