"""The kinds of mechanism: what makes a variable of its parents and its own luck.

Each sees the values of its parents, the numbers of its parameters and its luck, for one block of people; never a column
of everybody. ``parameters`` says of each number what it may be.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np

from crampstats.numerics import GuideTable, poisson_counts
from crampstats.population.terms import all_hold, any_holds
from crampstats.schema import Fault
from crampstats.units import convert

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crampstats.population.luck import Luck
    from crampstats.population.terms import Condition, Numbers, Predictor, Values
    from crampstats.schema import Kind


@dataclass(frozen=True)
class Limits:
    """What a parameter may be: from `low` to `high`, ends included, in words `expected`."""

    low: float
    high: float
    expected: str


# Wider than any effect of this field: what lies outside is a slip of the unit.
EFFECT = Limits(-1e4, 1e4, "a number from -10000 to 10000")
# On a log scale even 20 is a factor of 500 million.
LOG_EFFECT = Limits(-20.0, 20.0, "a number from -20 to 20, on a log scale")
# Further out a chance is 0 or 1 to all digits, and a rate beyond what a count can be.
FARTHEST = 300.0
SHARE = Limits(0.0, 1.0, "a share from 0 to 1")
SPREAD = Limits(0.0, 1e4, "a number from 0 to 10000")
ABOVE_0 = Limits(1e-6, 1e6, "a number above 0")
AT_LEAST_1 = Limits(1.0, 1e6, "a number of at least 1")


class Mechanism(Protocol):
    """What every mechanism has."""

    name: ClassVar[str]
    kind: ClassVar[Kind]

    @property
    def parents(self) -> tuple[str, ...]:
        """The variables that it sees."""

    @property
    def parameters(self) -> Mapping[str, Limits]:
        """Full name of each parameter and what it may be."""

    def faults(self, numbers: Mapping[str, float]) -> Sequence[Fault]:
        """Return what is wrong with the parameters together."""

    def draw(self, values: Values, numbers: Numbers, luck: Luck) -> np.ndarray:
        """Return the variable of the people of one block, shape (luck.size,)."""


@dataclass(frozen=True)
class _Alone:
    """A mechanism whose parameters do not constrain each other and that has no parents unless it says so."""

    @property
    def parents(self) -> tuple[str, ...]:
        return ()

    @property
    def parameters(self) -> Mapping[str, Limits]:
        return {}

    def faults(self, numbers: Mapping[str, float]) -> Sequence[Fault]:
        return ()


def _parents(predictors: Sequence[Predictor], conditions: Sequence[Condition] = ()) -> tuple[str, ...]:
    """Return all parents, each once."""
    names = [parent for predictor in predictors for parent in predictor.parents]
    return tuple(dict.fromkeys([*names, *(condition.of for condition in conditions)]))


def _effects(predictors: Sequence[Predictor], limits: Limits = LOG_EFFECT) -> dict[str, Limits]:
    """Return the limits of all intercepts and coefficients."""
    return {name: limits for predictor in predictors for name in predictor.parameters}


def _exponential(predictor: np.ndarray) -> np.ndarray:
    """Return the exponential of what was predicted, in place, short of what has none."""
    np.minimum(predictor, FARTHEST, out=predictor)
    return np.exp(predictor, out=predictor)


def _held(values: np.ndarray, low: float | None, high: float | None) -> np.ndarray:
    """Move values outside the limits to their ends."""
    return values if low is None and high is None else np.clip(values, low, high, out=values)


@dataclass(frozen=True)
class Ages(_Alone):
    """Whole years of age as in a standard population: bands by their weight, years within a band alike.

    Attributes
    ----------
    lowest
        The first year.
    year_shares
        Share of each year from the lowest on; they add up to 1.
    """

    name: ClassVar[str] = "ages"
    kind: ClassVar[Kind] = "integer"
    lowest: int
    year_shares: tuple[float, ...]

    @cached_property
    def _table(self) -> GuideTable:
        return _guide(np.array(self.year_shares))

    def draw(self, values: Values, numbers: Numbers, luck: Luck) -> np.ndarray:
        return self._table.find(luck.uniform()) + self.lowest


def _guide(shares: np.ndarray) -> GuideTable:
    """Return the table that turns a uniform number into a level."""
    boundaries = np.cumsum(shares)
    boundaries[-1] = 1.0
    return GuideTable(boundaries)


@dataclass(frozen=True)
class Whole(_Alone):
    """A whole number, each as likely as the others.

    Attributes
    ----------
    first, last
        The ends, both included.
    """

    name: ClassVar[str] = "whole"
    kind: ClassVar[Kind] = "integer"
    first: int
    last: int

    def draw(self, values: Values, numbers: Numbers, luck: Luck) -> np.ndarray:
        return (luck.uniform() * (self.last - self.first + 1)).astype(np.int32) + self.first


@dataclass(frozen=True)
class Shares(_Alone):
    """A category whose levels have fixed shares; the first level has what the others leave.

    Attributes
    ----------
    shares
        Full names of the parameters, for the second level on.
    """

    name: ClassVar[str] = "shares"
    kind: ClassVar[Kind] = "category"
    shares: tuple[str, ...]

    @property
    def parameters(self) -> Mapping[str, Limits]:
        return dict.fromkeys(self.shares, SHARE)

    def faults(self, numbers: Mapping[str, float]) -> Sequence[Fault]:
        total = sum(numbers[name] for name in self.shares)
        if total <= 1.0:
            return ()
        return [Fault(" + ".join(self.shares), f"add up to {total:g}", "at most 1: the first level has the rest")]

    def draw(self, values: Values, numbers: Numbers, luck: Luck) -> np.ndarray:
        uniform = luck.uniform()
        first = 1.0 - sum(numbers[name] for name in self.shares)
        codes = np.zeros(luck.size, dtype=np.int8)
        for boundary in np.cumsum([first, *(numbers[name] for name in self.shares[:-1])]):
            codes += uniform >= boundary
        return codes


@dataclass(frozen=True)
class Groups(_Alone):
    """The group in which a person lives, within a level of a category; groups are numbered through, the largest first.

    Attributes
    ----------
    of
        The category.
    levels
        How many levels it has.
    number
        Full name of the parameter: groups in each level.
    inequality
        Full name of the parameter: the size of a group falls with its rank to this power; 0 makes all alike.
    """

    name: ClassVar[str] = "groups"
    kind: ClassVar[Kind] = "integer"
    of: str
    levels: int
    number: str
    inequality: str

    @property
    def parents(self) -> tuple[str, ...]:
        return (self.of,)

    @property
    def parameters(self) -> Mapping[str, Limits]:
        return {self.number: AT_LEAST_1, self.inequality: Limits(0.0, 3.0, "a number from 0 to 3")}

    def faults(self, numbers: Mapping[str, float]) -> Sequence[Fault]:
        number = numbers[self.number]
        return () if number == round(number) else [Fault(self.number, f"is {number:g}", "a whole number")]

    def groups(self, numbers: Mapping[str, float]) -> int:
        """Return how many groups there are in all."""
        return int(numbers[self.number]) * self.levels

    def draw(self, values: Values, numbers: Numbers, luck: Luck) -> np.ndarray:
        number = int(numbers[self.number])
        table = _guide(_rank_shares(number, numbers[self.inequality]))
        return (table.find(luck.uniform()) + values[self.of].astype(np.intp) * number).astype(np.int32)


def _rank_shares(number: int, inequality: float) -> np.ndarray:
    """Return shares that fall with the rank to a power."""
    sizes = np.arange(1.0, number + 1.0) ** -inequality
    return sizes / sizes.sum()


@dataclass(frozen=True)
class GroupEffect(_Alone):
    """A standard normal number that the people of a group share.

    Attributes
    ----------
    of
        The variable that says who is in which group.
    groups
        The mechanism of that variable, which knows how many there are.
    """

    name: ClassVar[str] = "group_effect"
    kind: ClassVar[Kind] = "number"
    of: str
    groups: Groups

    @property
    def parents(self) -> tuple[str, ...]:
        return (self.of,)

    def draw(self, values: Values, numbers: Numbers, luck: Luck) -> np.ndarray:
        return luck.shared_normal(self.groups.groups(numbers))[values[self.of]]


@dataclass(frozen=True)
class Choice(_Alone):
    """A category whose log odds against its first choice are predicted.

    Attributes
    ----------
    choices
        Predictors of the second choice on.
    only_if
        Conditions that must all hold for a choice; for the others the level is `otherwise`.
    otherwise
        Code of that level, -1 without conditions.
    codes
        Code of each choice, the first one included.
    """

    name: ClassVar[str] = "choice"
    kind: ClassVar[Kind] = "category"
    choices: tuple[Predictor, ...]
    codes: tuple[int, ...]
    only_if: tuple[Condition, ...] = ()
    otherwise: int = -1

    @property
    def parents(self) -> tuple[str, ...]:
        return _parents(self.choices, self.only_if)

    @property
    def parameters(self) -> Mapping[str, Limits]:
        return _effects(self.choices)

    def draw(self, values: Values, numbers: Numbers, luck: Luck) -> np.ndarray:
        boundary = np.ones(luck.size)
        boundaries = [boundary]
        for predictor in self.choices:
            odds = _exponential(predictor.apply(values, numbers, luck.size))
            odds += boundary
            boundaries.append(boundary := odds)
        place = luck.uniform()
        place *= boundary
        chosen = np.zeros(luck.size, dtype=np.int8)
        for boundary in boundaries[:-1]:  # of the last one no place reaches the end
            chosen += place >= boundary
        codes = np.array(self.codes, dtype=np.int8).take(chosen.astype(np.intp))
        return np.where(all_hold(self.only_if, values), codes, np.int8(self.otherwise)) if self.only_if else codes


@dataclass(frozen=True)
class Logistic(_Alone):
    """Yes or no, its log odds predicted.

    Attributes
    ----------
    predictor
        Of the log odds.
    only_if
        Conditions that must all hold; for the others the answer is no.
    certain_if
        Conditions of which one is enough for yes.
    """

    name: ClassVar[str] = "logistic"
    kind: ClassVar[Kind] = "yes_no"
    predictor: Predictor
    only_if: tuple[Condition, ...] = ()
    certain_if: tuple[Condition, ...] = ()

    @property
    def parents(self) -> tuple[str, ...]:
        return _parents((self.predictor,), (*self.only_if, *self.certain_if))

    @property
    def parameters(self) -> Mapping[str, Limits]:
        return _effects((self.predictor,))

    def draw(self, values: Values, numbers: Numbers, luck: Luck) -> np.ndarray:
        tabled = numbers.tabled(self.predictor)
        if tabled.rest:
            odds_against = tabled.apply(values, numbers, luck.size)
            np.negative(odds_against, out=odds_against)
            _exponential(odds_against)
            odds_against += 1.0
            odds_against *= luck.uniform()
            yes = odds_against < 1.0
        else:
            yes = luck.uniform() < tabled.chances.take(tabled.codes(values, luck.size))
        if self.only_if:
            yes &= all_hold(self.only_if, values)
        if self.certain_if:
            yes |= any_holds(self.certain_if, values)
        return yes.view(np.int8)


@dataclass(frozen=True)
class Normal(_Alone):
    """A number whose mean is predicted, normal around it; on the log scale for a lognormal one.

    Attributes
    ----------
    predictor
        Of the mean, or of the log of the median.
    spread
        Full name of the parameter: the standard deviation, of the logarithm if `on_log`.
    on_log
        Whether the logarithm is normal.
    low, high
        Ends to which values outside are moved.
    """

    name: ClassVar[str] = "normal"
    kind: ClassVar[Kind] = "number"
    predictor: Predictor
    spread: str
    on_log: bool = False
    low: float | None = None
    high: float | None = None

    @property
    def parents(self) -> tuple[str, ...]:
        return self.predictor.parents

    @property
    def parameters(self) -> Mapping[str, Limits]:
        if self.on_log:
            return {
                **_effects((self.predictor,)),
                self.spread: Limits(0.0, 20.0, "a number from 0 to 20, on a log scale"),
            }
        return {**_effects((self.predictor,), EFFECT), self.spread: SPREAD}

    def draw(self, values: Values, numbers: Numbers, luck: Luck) -> np.ndarray:
        drawn = luck.normal()
        drawn *= numbers[self.spread]
        drawn += self.predictor.apply(values, numbers, luck.size)
        if self.on_log:
            _exponential(drawn)
        return _held(drawn, self.low, self.high)


@dataclass(frozen=True)
class Sum(_Alone):
    """What an intercept and effects add up to; it has no luck of its own.

    Attributes
    ----------
    predictor
        What is added up.
    low, high
        Ends to which sums outside are moved.
    """

    name: ClassVar[str] = "sum"
    kind: ClassVar[Kind] = "number"
    predictor: Predictor
    low: float | None = None
    high: float | None = None

    @property
    def parents(self) -> tuple[str, ...]:
        return self.predictor.parents

    @property
    def parameters(self) -> Mapping[str, Limits]:
        return _effects((self.predictor,), EFFECT)

    def draw(self, values: Values, numbers: Numbers, luck: Luck) -> np.ndarray:
        return _held(self.predictor.apply(values, numbers, luck.size), self.low, self.high)


@dataclass(frozen=True)
class Holds(_Alone):
    """Whether conditions hold: all of some and any of others. It has no luck of its own.

    Attributes
    ----------
    all_of
        Conditions that must all hold; none demands nothing.
    any_of
        Conditions of which one must hold; none demands nothing.
    """

    name: ClassVar[str] = "holds"
    kind: ClassVar[Kind] = "yes_no"
    all_of: tuple[Condition, ...] = ()
    any_of: tuple[Condition, ...] = ()

    @property
    def parents(self) -> tuple[str, ...]:
        return _parents((), (*self.all_of, *self.any_of))

    def draw(self, values: Values, numbers: Numbers, luck: Luck) -> np.ndarray:
        yes = np.ones(luck.size, dtype=bool)
        if self.all_of:
            yes &= all_hold(self.all_of, values)
        if self.any_of:
            yes &= any_holds(self.any_of, values)
        return yes.view(np.int8)


@dataclass(frozen=True)
class Frailty(_Alone):
    """How much more than others a person is prone, mean 1: never, ordinary, or frequent, and gamma within the last two.

    Attributes
    ----------
    prone
        Full name of the parameter: the share of those who are prone at all.
    frequent
        The share of the frequent among these.
    ratio
        Their mean over that of the ordinary.
    shape, frequent_shape
        Of the gamma distributions within the ordinary and within the frequent.
    """

    name: ClassVar[str] = "frailty"
    kind: ClassVar[Kind] = "number"
    prone: str
    frequent: str
    ratio: str
    shape: str
    frequent_shape: str

    @property
    def parameters(self) -> Mapping[str, Limits]:
        return {
            self.prone: Limits(1e-6, 1.0, "a share above 0, at most 1"),
            self.frequent: SHARE,
            self.ratio: AT_LEAST_1,
            self.shape: ABOVE_0,
            self.frequent_shape: ABOVE_0,
        }

    def draw(self, values: Values, numbers: Numbers, luck: Luck) -> np.ndarray:
        prone, frequent, ratio = (numbers[name] for name in (self.prone, self.frequent, self.ratio))
        shape, frequent_shape = numbers[self.shape], numbers[self.frequent_shape]
        ordinary = 1.0 / (prone * (1.0 + frequent * (ratio - 1.0)))
        which = luck.uniform("/kind")
        proneness = luck.gamma(shape, "/ordinary")
        proneness *= (which >= 1.0 - prone) * (ordinary / shape)
        often = luck.gamma(frequent_shape, "/frequent")
        often *= ratio * ordinary / frequent_shape
        np.copyto(proneness, often, where=which >= 1.0 - prone * frequent)
        return proneness


@dataclass(frozen=True)
class Rate(_Alone):
    """The exponential of a predictor times another variable; it has no luck of its own.

    Attributes
    ----------
    times
        That variable.
    predictor
        Of the logarithm.
    high
        The end to which larger rates are moved; negative ones are moved to 0.
    """

    name: ClassVar[str] = "rate"
    kind: ClassVar[Kind] = "number"
    times: str
    predictor: Predictor
    high: float

    @property
    def parents(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([self.times, *self.predictor.parents]))

    @property
    def parameters(self) -> Mapping[str, Limits]:
        return _effects((self.predictor,))

    def draw(self, values: Values, numbers: Numbers, luck: Luck) -> np.ndarray:
        rate = _exponential(self.predictor.apply(values, numbers, luck.size))
        rate *= values[self.times]
        return _held(rate, 0.0, self.high)


@dataclass(frozen=True)
class Count(_Alone):
    """How often something happens in a window: Poisson given the rate.

    Attributes
    ----------
    of
        The rate, for a window of length 1.
    windows
        Length of the window.
    plus
        A count of an earlier part of the window, to which this one is added.
    """

    name: ClassVar[str] = "count"
    kind: ClassVar[Kind] = "integer"
    of: str
    windows: float = 1.0
    plus: str | None = None

    @property
    def parents(self) -> tuple[str, ...]:
        return (self.of,) if self.plus is None else (self.of, self.plus)

    def draw(self, values: Values, numbers: Numbers, luck: Luck) -> np.ndarray:
        counts = poisson_counts(luck.uniform(), values[self.of] * self.windows)
        if self.plus is not None:
            counts += values[self.plus]
        return counts


@dataclass(frozen=True)
class Measured(_Alone):
    """One draw of blood: the usual level, varied within the person and by the assay, both in proportion to the level.

    Attributes
    ----------
    of
        The usual level.
    within, analytic
        Full names of the parameters: coefficients of variation.
    """

    name: ClassVar[str] = "measured"
    kind: ClassVar[Kind] = "number"
    of: str
    within: str
    analytic: str

    @property
    def parents(self) -> tuple[str, ...]:
        return (self.of,)

    @property
    def parameters(self) -> Mapping[str, Limits]:
        # With more, normal errors would make negative levels of more than one person in ten thousand.
        variation = Limits(0.0, 0.25, "a coefficient of variation from 0 to 0.25")
        return {self.within: variation, self.analytic: variation}

    def draw(self, values: Values, numbers: Numbers, luck: Luck) -> np.ndarray:
        level = luck.normal("/within")
        level *= numbers[self.within]
        level += 1.0
        level *= values[self.of]
        error = luck.normal("/analytic")
        error *= numbers[self.analytic]
        error += 1.0
        level *= error
        return level


@dataclass(frozen=True)
class Reported(_Alone):
    """What a laboratory prints: another unit, rounded to a step.

    Attributes
    ----------
    of
        The unrounded value.
    factor
        From its unit into the printed one.
    steps
        How many steps make one unit: 10 for a step of 0.1.
    """

    name: ClassVar[str] = "reported"
    kind: ClassVar[Kind] = "number"
    of: str
    factor: float
    steps: int

    @classmethod
    def in_units(cls, of: str, from_unit: str, to_unit: str, substance: str, steps: int) -> Reported:
        """Return the mechanism between two units of a substance.

        Raises
        ------
        CrampstatsError
            If a unit or the substance is unknown.
        """
        return cls(of, convert(1.0, from_unit, to_unit, substance=substance), steps)

    @property
    def parents(self) -> tuple[str, ...]:
        return (self.of,)

    def draw(self, values: Values, numbers: Numbers, luck: Luck) -> np.ndarray:
        printed = values[self.of] * (self.factor * self.steps)
        printed += 0.5
        np.floor(printed, out=printed)
        printed /= self.steps  # a quotient of whole numbers is the float that 1.7 is read as; a multiple of 0.1 is not
        return printed


@dataclass(frozen=True)
class Classes(_Alone):
    """In which class a number falls.

    Attributes
    ----------
    of
        The number.
    edges
        The least value of the second class on.
    """

    name: ClassVar[str] = "classes"
    kind: ClassVar[Kind] = "category"
    of: str
    edges: tuple[float, ...]

    @property
    def parents(self) -> tuple[str, ...]:
        return (self.of,)

    def draw(self, values: Values, numbers: Numbers, luck: Luck) -> np.ndarray:
        codes = np.zeros(luck.size, dtype=np.int8)
        for edge in self.edges:
            codes += values[self.of] >= edge
        return codes
