"""From TOML tables to variables and parameters, with every fault of the declaration in one error."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from crampstats.errors import CrampstatsError
from crampstats.population.mechanisms import (
    Ages,
    Choice,
    Classes,
    Count,
    Frailty,
    GroupEffect,
    Groups,
    Holds,
    Logistic,
    Measured,
    Mechanism,
    Normal,
    Rate,
    Reported,
    Shares,
    Sum,
    Whole,
)
from crampstats.population.terms import Condition, Effect, Form, Predictor
from crampstats.reference.parameters import SOURCED_KEYS, sourced_from
from crampstats.reference.populations import standard_population
from crampstats.schema import Column, Fault, is_number, raise_faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from crampstats.reference.sourced import Sourced

TRUTH = "true_"
# The open band of a standard population ends here.
OLDEST = 99
# What a count can be made of, far above anything that is counted, and far below the largest 32-bit number.
MOST_A_WINDOW, LONGEST, MOST_COUNTED = 1e4, 1e3, 10**8
_FORMS = ("level", "above", "below", "at_least", "log_from", "peak", "from")
# Codes of levels and classes are kept in eight bits.
MOST_LEVELS = 127


@dataclass(frozen=True)
class Variable:
    """One variable of the population.

    Attributes
    ----------
    column
        What it is in the table of people.
    mechanism
        What makes it.
    group
        What it belongs to, such as ``"food and drink"``; empty where nobody said.
    """

    column: Column
    mechanism: Mechanism
    group: str = ""

    @property
    def name(self) -> str:
        """As the column is called."""
        return self.column.name

    @cached_property
    def parents(self) -> tuple[str, ...]:
        """The variables that its mechanism sees."""
        return self.mechanism.parents

    @property
    def truth(self) -> bool:
        """Whether it is known only of simulated people."""
        return self.column.truth


@dataclass
class _Reader:
    """What has been read so far, and what was wrong."""

    variables: dict[str, Variable] = field(default_factory=dict)
    parameters: dict[str, Sourced] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def fault(self, name: str, problem: str, expected: str) -> None:
        self.faults.append(Fault(name, problem, expected))


@dataclass
class _Table:
    """One variable's table, from which keys are taken until none is left."""

    reader: _Reader
    name: str
    left: dict[str, Any]

    def take(self, key: str, kind: type | tuple[type, ...], expected: str, default: Any = None) -> Any:
        """Take a plain value; a missing one without default, or one of another type, is a fault."""
        value = self.left.pop(key, default)
        if value is None:
            self.reader.fault(self.name, f"lacks {key!r}", expected)
            return None
        if isinstance(value, bool) or not isinstance(value, kind):
            self.reader.fault(self.name, f"{key} = {value!r}", expected)
            return None
        return value

    def optional_number(self, key: str) -> float | None:
        """Take a number that may be absent."""
        if key not in self.left:
            return None
        value = _number(self.left.pop(key))
        if value is None:
            self.reader.fault(self.name, f"{key} is no finite number", "a number")
        return value

    def parameter(self, key: str, name: str | None = None, table: Any = None) -> str:
        """Take a sourced number and return its full name."""
        full = name or f"{self.name}.{key}"
        entry = self.left.pop(key, None) if table is None else table
        if entry is None:
            self.reader.fault(full, "is missing", "a table with value, unit and source")
        elif full in self.reader.parameters:
            self.reader.fault(full, "stands twice", "one parameter of this name")
        else:
            try:
                self.reader.parameters[full] = sourced_from(entry)
            except CrampstatsError as problem:
                self.reader.fault(full, str(problem).rstrip("."), "a sourced number")
        return full

    def parent(self, key: str = "of", table: dict[str, Any] | None = None, *, numeric: bool = False) -> str:
        """Take the name of a variable that stands before this one; a numeric one has no levels."""
        source = self.left if table is None else table
        name = source.pop(key, None)
        if not isinstance(name, str) or name not in self.reader.variables:
            known = ", ".join(self.reader.variables) or "none"
            self.reader.fault(self.name, f"{key} = {name!r}", f"a variable declared before it ({known})")
            return ""
        if numeric and self.reader.variables[name].column.kind == "category":
            self.reader.fault(self.name, f"{key} = {name!r} is a category", "a number")
            return ""
        return name

    def level(self, parent: str, level: Any) -> int:
        """Return the code of a level of a category that was declared before."""
        variable = self.reader.variables.get(parent)
        levels = variable.column.levels if variable and variable.column.kind == "category" else ()
        if level not in levels:
            expected = f"one of {', '.join(levels)}" if levels else "a category"
            self.reader.fault(self.name, f"level {level!r} of {parent!r}", expected)
            return -1
        return levels.index(level)

    def form(self, table: dict[str, Any]) -> Form:
        """Read what of a parent acts."""
        parent = self.parent(table=table)
        used = [key for key in _FORMS if key in table]
        if len(used) > 1:
            self.reader.fault(self.name, f"{parent}: {' and '.join(used)} together", f"at most one of {_FORMS}")
        limits = {key: _number(table.pop(key)) for key in (*_FORMS[1:], "per", "period") if key in table}
        bad = [key for key, value in limits.items() if value is None]
        alone = ("peak" in limits) != ("period" in limits)
        positive = all((limits.get(key) or 1.0) > 0 for key in ("log_from", "period"))
        if limits.get("per") == 0 or bad or alone or not positive or limits.get("period") == 0:
            expected = "numbers; per not 0, log_from above 0, peak together with a period above 0"
            self.reader.fault(self.name, f"{parent}: {limits}", expected)
            limits = {}
        if (
            "per" in limits
            and not {"above", "below"} & set(limits)
            and not {"level", "log_from", "at_least"}.isdisjoint(used)
        ):
            self.reader.fault(
                self.name, f"{parent}: per with {' and '.join(used)}", "per divides values and distances only"
            )
        level = table.pop("level", None)
        kind = self.reader.variables[parent].column.kind if parent else ""
        if kind and "log_from" in limits and not _is_positive(self.reader.variables[parent]):
            self.reader.fault(self.name, f"{parent}: log_from of what may be 0 or less", "a variable with low above 0")
        if kind == "category" and level is None:
            self.reader.fault(self.name, f"{parent} is a category", "a level of it")
        code = -1 if level is None else self.level(parent, level)
        return Form(
            parent,
            level,
            code,
            limits.get("above"),
            limits.get("below"),
            limits.get("at_least"),
            limits.get("log_from"),
            limits.get("peak"),
            limits.get("period") or 1.0,
            limits.get("from") or 0.0,
            limits.get("per") or 1.0,
        )

    def effects(self, entries: Any, prefix: str) -> tuple[Effect, ...]:
        """Read a list of effects whose parameters begin with a prefix."""
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            self.reader.fault(prefix, "effects are no array of tables", f"[[{prefix}.effects]]")
            return ()
        effects = []
        for entry in entries:
            number = {key: value for key, value in entry.items() if key in SOURCED_KEYS}
            what = {key: value for key, value in entry.items() if key not in SOURCED_KEYS}
            also = what.pop("also", None)
            form = self.form(what)
            other = None
            if isinstance(also, dict):
                second = dict(also)
                other = self.form(second)
                what |= second
            elif also is not None:
                self.reader.fault(prefix, f"also = {also!r}", "also = { of = ..., level = ... } or another form")
            if what:
                unknown = ", ".join(map(str, what))
                self.reader.fault(prefix, f"an effect has the unknown {unknown}", "of, a form, a sourced number")
            name = f"{prefix}.{form.label}" + (f" and {other.label}" if other else "")
            effects.append(Effect(self.parameter("", name, number), form, other))
        return tuple(effects)

    def predictor(self) -> Predictor:
        """Take intercept and effects."""
        return Predictor(self.parameter("intercept"), self.effects(self.left.pop("effects", []), self.name))

    def conditions(self, key: str) -> tuple[Condition, ...]:
        """Take a list of conditions; none where there is none."""
        entries = self.left.pop(key, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            self.reader.fault(self.name, f"{key} is no array of tables", f"{key} = [{{ of = ..., at_least = ... }}]")
            return ()
        conditions = []
        for entry in (dict(entry) for entry in entries):
            parent, level = self.parent(table=entry, numeric="level" not in entry), entry.pop("level", None)
            given = [limit for limit in ("at_least", "at_most") if limit in entry]
            low, high = (_number(entry.pop(limit, None)) for limit in ("at_least", "at_most"))
            wrong = len(given) != (low is not None) + (high is not None)
            if entry or wrong or (level is None) == (low is None and high is None):
                self.reader.fault(self.name, f"{key} of {parent!r}", "a level, or at_least and at_most as numbers")
                continue
            code = -1 if level is None else self.level(parent, level)
            conditions.append(Condition(parent, level, code, low, high))
        return tuple(conditions)


def _is_positive(variable: Variable) -> bool:
    """Say whether a variable is above 0 in everybody, so that its logarithm can act."""
    return variable.column.low > 0 or (isinstance(variable.mechanism, Normal) and variable.mechanism.on_log)


def _number(value: Any) -> float | None:
    """Return a finite number as float, None for anything else."""
    try:
        return float(value) if is_number(value) else None
    except OverflowError:  # whole numbers have no end, floats have one
        return None


@dataclass(frozen=True)
class _Made:
    """A mechanism and what it says of the column."""

    mechanism: Mechanism
    levels: tuple[str, ...] = ()
    kind: str = ""
    low: float = -math.inf
    high: float = math.inf


def _ages(table: _Table) -> _Made | None:
    standard = table.take("standard", str, "the name of a standard population")
    lowest = table.take("lowest", int, "a whole number of years")
    if standard is None or lowest is None:
        return None
    if not 0 <= lowest < OLDEST:
        table.reader.fault(table.name, f"lowest = {lowest}", f"a whole number of years from 0 to {OLDEST - 1}")
        return None
    try:
        bands = standard_population(standard).bands
    except CrampstatsError as problem:
        table.reader.fault(table.name, str(problem).rstrip("."), "a standard population")
        return None
    years: list[float] = []
    for band in bands:
        last = int(band.high) if math.isfinite(band.high) else OLDEST
        years += [
            band.people.value / (last - band.low + 1) if year >= lowest else 0.0 for year in range(band.low, last + 1)
        ]
    kept = years[lowest - bands[0].low :]
    shares = tuple(year / sum(kept) for year in kept)
    return _Made(Ages(lowest, shares), low=lowest, high=lowest + len(shares) - 1)


def _whole(table: _Table) -> _Made | None:
    first, last = (table.take(key, int, "a whole number") for key in ("first", "last"))
    if first is None or last is None:
        return None
    if not first < last:
        table.reader.fault(table.name, f"first = {first}, last = {last}", "first below last")
        return None
    return _Made(Whole(first, last), low=first, high=last)


def _levels(table: _Table) -> tuple[str, ...]:
    """Take the levels of a category."""
    levels = table.take("levels", list, "an array of at least two levels")
    if levels is None:
        return ()
    return _texts(table, "levels", levels)


def _texts(table: _Table, key: str, texts: list[Any]) -> tuple[str, ...]:
    """Return names of levels, none if they are no two to 127 different texts."""
    right = all(isinstance(text, str) and text for text in texts)
    if not right or not 2 <= len(texts) <= MOST_LEVELS or len(set(texts)) < len(texts):
        shown = f"{key} = {texts!r}" if len(texts) <= MOST_LEVELS else f"{key} are {len(texts)}"
        table.reader.fault(table.name, shown, f"two to {MOST_LEVELS} different texts")
        return ()
    return tuple(texts)


def _shares(table: _Table) -> _Made | None:
    levels = _levels(table)
    given = table.take("shares", dict, "a table of sourced shares, a level each")
    if not levels or given is None:
        return None
    for level in [level for level in given if level not in levels[1:]]:
        table.reader.fault(f"{table.name}.{level}", "is no level but the first", f"one of {', '.join(levels[1:])}")
    names = tuple(table.parameter("", f"{table.name}.{level}", given.get(level, {})) for level in levels[1:])
    return _Made(Shares(names), levels)


def _groups(table: _Table) -> _Made | None:
    of = table.parent()
    number, inequality = table.parameter("number"), table.parameter("inequality")
    levels = table.reader.variables[of].column.levels if of else ()
    if not levels:
        table.reader.fault(table.name, f"of = {of!r}", "a category")
        return None
    return _Made(Groups(of, len(levels), number, inequality), low=0)


def _group_effect(table: _Table) -> _Made | None:
    of = table.parent()
    groups = table.reader.variables[of].mechanism if of else None
    if not isinstance(groups, Groups):
        table.reader.fault(table.name, f"of = {of!r}", "a variable whose mechanism is groups")
        return None
    return _Made(GroupEffect(of, groups))


def _choice(table: _Table) -> _Made | None:
    levels, only_if = _levels(table), table.conditions("only_if")
    otherwise = table.left.pop("otherwise", None)
    if bool(only_if) != (otherwise is not None) or (otherwise is not None and otherwise not in levels):
        table.reader.fault(table.name, f"otherwise = {otherwise!r}", "a level where there is only_if, and only there")
        return None
    given = table.take("choices", dict, "a table of choices, a level each")
    chosen = [level for level in levels if level != otherwise]
    if not levels or given is None:
        return None
    for level in [level for level in given if level not in chosen[1:]]:
        table.reader.fault(f"{table.name}[{level}]", "is no choice but the first", f"one of {', '.join(chosen[1:])}")
    predictors = []
    for level in chosen[1:]:
        prefix, told = f"{table.name}[{level}]", given.get(level, {})
        if not isinstance(told, dict):
            table.reader.fault(prefix, f"is {told!r}", "a table with intercept and effects")
            continue
        entry = dict(told)
        intercept = table.parameter("", f"{prefix}.intercept", entry.pop("intercept", {}))
        predictors.append(Predictor(intercept, table.effects(entry.pop("effects", []), prefix)))
        if entry:
            table.reader.fault(prefix, f"has the unknown {', '.join(entry)}", "intercept and effects")
    codes = tuple(levels.index(level) for level in chosen)
    code = levels.index(otherwise) if otherwise is not None else -1
    return _Made(Choice(tuple(predictors), codes, only_if, code), levels)


def _logistic(table: _Table) -> _Made:
    return _Made(Logistic(table.predictor(), table.conditions("only_if"), table.conditions("certain_if")))


def _ends(table: _Table) -> tuple[float | None, float | None]:
    """Take the ends to which values outside are moved."""
    low, high = table.optional_number("low"), table.optional_number("high")
    if low is not None and high is not None and not low < high:
        table.reader.fault(table.name, f"low = {low}, high = {high}", "low below high")
        return None, None
    return low, high


def _between(mechanism: Mechanism, low: float | None, high: float | None) -> _Made:
    """Return a mechanism whose values lie between two ends."""
    return _Made(mechanism, low=-math.inf if low is None else low, high=math.inf if high is None else high)


def _sum(table: _Table) -> _Made:
    low, high = _ends(table)
    return _between(Sum(table.predictor(), low, high), low, high)


def _holds(table: _Table) -> _Made | None:
    all_of, any_of = table.conditions("all_of"), table.conditions("any_of")
    if not (all_of or any_of):
        table.reader.fault(table.name, "has no condition", "all_of or any_of")
        return None
    return _Made(Holds(all_of, any_of))


def _normal(table: _Table, *, on_log: bool = False) -> _Made:
    low, high = _ends(table)
    mechanism = Normal(table.predictor(), table.parameter("sd"), on_log, low, high)
    return _between(mechanism, max(low or 0.0, 0.0) if on_log else low, high)


def _lognormal(table: _Table) -> _Made:
    return _normal(table, on_log=True)


def _frailty(table: _Table) -> _Made:
    names = ("prone", "frequent", "ratio", "shape", "frequent_shape")
    return _Made(Frailty(*(table.parameter(key) for key in names)), low=0.0)


def _rate(table: _Table) -> _Made:
    high = table.optional_number("high")
    if high is not None and not high > 0:
        table.reader.fault(table.name, f"high = {high}", "a rate above 0")
        high = None
    highest = MOST_A_WINDOW if high is None else min(high, MOST_A_WINDOW)
    return _Made(Rate(table.parent("times", numeric=True), table.predictor(), highest), low=0.0, high=highest)


def _count(table: _Table) -> _Made:
    windows = table.take("windows", (int, float), "a length above 0", 1.0)
    if windows is not None and not 0 < windows <= LONGEST:
        table.reader.fault(table.name, f"windows = {windows}", f"a length above 0, at most {LONGEST:g}")
    plus, of = table.parent("plus") if "plus" in table.left else "", table.parent()
    for key, parent, kind in (("plus", plus, Count), ("of", of, Rate)):
        if parent and not isinstance(table.reader.variables[parent].mechanism, kind):
            table.reader.fault(table.name, f"{key} = {parent!r}", f"a variable whose mechanism is {kind.name}")
    return _Made(Count(of, float(windows or 1.0), plus or None), low=0, high=MOST_COUNTED)


def _measured(table: _Table) -> _Made:
    parameters = table.parameter("within_cv"), table.parameter("analytic_cv")
    return _Made(Measured(table.parent(numeric=True), *parameters))


def _reported(table: _Table) -> _Made | None:
    of, step = table.parent(numeric=True), table.optional_number("step")
    texts = [table.take(key, str, "a text") or "" for key in ("from_unit", "to_unit", "substance")]
    steps = round(1.0 / step) if step and step > 1e-6 else 0
    if steps < 1 or not math.isclose(steps * (step or 0.0), 1.0):
        table.reader.fault(table.name, f"step = {step!r}", "1 over a whole number, such as 0.1 or 0.01")
        return None
    try:
        return _Made(Reported.in_units(of, texts[0], texts[1], texts[2], steps))
    except CrampstatsError as problem:
        table.reader.fault(table.name, str(problem).rstrip("."), "units of a substance")
        return None


def _classes(table: _Table) -> _Made | None:
    of, edges = table.parent(numeric=True), table.take("edges", list, "an array of numbers that ascend")
    numbers = [_number(edge) for edge in edges or ()]
    known = [number for number in numbers if number is not None]
    if not numbers or len(numbers) >= MOST_LEVELS or known != numbers or any(a >= b for a, b in pairwise(known)):
        table.reader.fault(table.name, f"edges = {edges!r:.80}", f"up to {MOST_LEVELS - 1} numbers that ascend")
        return None
    mechanism = Classes(of, tuple(known))
    if "labels" not in table.left:
        return _Made(mechanism, kind="integer", low=0, high=len(edges))
    labels = table.left.pop("labels")
    if not isinstance(labels, list) or len(labels) != len(known) + 1:
        table.reader.fault(table.name, f"labels = {labels!r}", f"{len(known) + 1} labels, one more than edges")
        return None
    texts = _texts(table, "labels", labels)
    return _Made(mechanism, texts) if texts else None


MECHANISMS: dict[str, Callable[[_Table], _Made | None]] = {
    "ages": _ages,
    "whole": _whole,
    "shares": _shares,
    "groups": _groups,
    "group_effect": _group_effect,
    "choice": _choice,
    "logistic": _logistic,
    "holds": _holds,
    "sum": _sum,
    "normal": _normal,
    "lognormal": _lognormal,
    "frailty": _frailty,
    "rate": _rate,
    "count": _count,
    "measured": _measured,
    "reported": _reported,
    "classes": _classes,
}


def _read_variable(reader: _Reader, name: str, given: Any) -> None:
    """Read one variable and add it, or its faults."""
    if not isinstance(name, str) or not name.isidentifier():
        reader.fault(str(name), f"{name!r} is no name", "letters, digits and underscores, as questions can name")
        return
    if not isinstance(given, dict):
        reader.fault(name, "is no table", "a table with meaning and mechanism")
        return
    table = _Table(reader, name, dict(given))
    meaning, unit = table.take("meaning", str, "what a reader has to know"), table.take("unit", str, "a unit", "")
    group = table.take("group", str, "a word or two", "")
    chosen = table.take("mechanism", str, f"one of {', '.join(MECHANISMS)}")
    if chosen not in MECHANISMS:
        if chosen is not None:
            reader.fault(name, f"mechanism = {chosen!r}", f"one of {', '.join(MECHANISMS)}")
        return
    made = MECHANISMS[chosen](table)
    for key in table.left:
        reader.fault(name, f"has the unknown key {key!r}", f"keys of the mechanism {chosen}")
    if made is None or meaning is None:
        return
    kind = made.kind or made.mechanism.kind
    truth = name.startswith(TRUTH)
    column = Column(name, kind, meaning, unit or "", made.low, made.high, made.levels, truth=truth)  # type: ignore[arg-type]
    reader.variables[name] = Variable(column, made.mechanism, group or "")


def number_faults(variables: tuple[Variable, ...], numbers: Mapping[str, float]) -> list[Fault]:
    """Return every parameter that lies outside what it may be, and what does not fit together."""
    faults = []
    for variable in variables:
        mechanism, inside = variable.mechanism, True
        for name, limits in mechanism.parameters.items():
            if name in numbers and not limits.low <= numbers[name] <= limits.high:
                faults.append(Fault(name, f"is {numbers[name]:g}", limits.expected))
                inside = False
        if inside and all(name in numbers for name in mechanism.parameters):
            faults.extend(mechanism.faults(numbers))
    return faults


def declare(tables: Mapping[str, Any]) -> tuple[tuple[Variable, ...], dict[str, Sourced]]:
    """Read the declaration of a population.

    Parameters
    ----------
    tables
        A table each variable, parents first, as `crampstats.reference.parameters.population_tables` returns them.

    Returns
    -------
    tuple
        Variables in causal order, and parameters by their full name.

    Raises
    ------
    SchemaError
        With every fault of the declaration.
    """
    reader = _Reader()
    if not isinstance(tables, Mapping) or not tables:
        reader.fault("population", f"is {tables!r:.80}", "a table each variable, at least one")
        raise_faults(reader.faults, "the population cannot be declared")
    for name, given in tables.items():
        _read_variable(reader, name, given)
    variables = tuple(reader.variables.values())
    numbers = {name: each.value for name, each in reader.parameters.items()}
    raise_faults([*reader.faults, *number_faults(variables, numbers)], "the population cannot be declared")
    return variables, reader.parameters
