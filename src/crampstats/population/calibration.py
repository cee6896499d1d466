"""Fit numbers of the population to margins, and compare what it simulates with what was published."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crampstats.errors import ConvergenceError, QuestionError, SchemaError
from crampstats.population.batches import BATCHES, Asked, batch_error, batches, inside_of, simulation_faults
from crampstats.population.simulation import simulate
from crampstats.questions import read_question
from crampstats.reference.sourced import Sourced
from crampstats.schema import Fault, is_number, raise_faults

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from crampstats.population.populations import Population

# Moves of a search, in units in which a margin moves by one logit or by one standard deviation of its outcome: the least
# that tells a slope, the longest step, and how far from the start an answer may lie (or twice the way, if that is more).
TELLING, LONGEST, FARTHEST = 0.02, 2.0, 6.0
ROUNDS, GROWTHS = 40, 6
# Lengths of a step that are tried in turn; long ones cross the flats of shares of few people.
TRIED = (1.0, 0.5, 0.25, 0.125, 2.0, 4.0)


@dataclass(frozen=True)
class Target:
    """A margin that a parameter is to be moved for.

    Attributes
    ----------
    parameter
        Full name, such as ``"diabetes.intercept"``.
    question
        Yes/no, such as ``"diabetes == 1"``: the margin is the share of people for whom it holds. Or arithmetic, such as
        ``"magnesium_mmol_l"``: the margin is the mean.
    value
        What the margin has to be.
    source, where
        Key of the bibliography and place of the value, if it is one from print.
    among
        A yes/no question: only these people make the margin.

    Examples
    --------
    >>> Target("diabetes.intercept", "diabetes == 1", 0.2, among="age_years >= 60").value
    0.2
    """

    parameter: str
    question: str
    value: float
    source: str = ""
    where: str = ""
    among: str | None = None


@dataclass(frozen=True, repr=False)
class Calibration:
    """A population whose numbers were moved, and what that did.

    Attributes
    ----------
    population
        With the moved numbers, each a `crampstats.reference.Sourced` that says for what it was solved.
    table
        A row a target: ``parameter``, ``before``, ``after``, ``question``, ``among``, ``target``, ``at_start`` and
        ``reached`` (the margin), ``difference`` (reached less target) and ``std_error``, the Monte Carlo error of the
        margin: what another seed would change.
    """

    population: Population
    table: pd.DataFrame

    def __repr__(self) -> str:
        return f"<Calibration of {', '.join(self.table['parameter'])}>"

    def _repr_html_(self) -> str:
        return str(self.table.to_html(index=False))


@dataclass(frozen=True)
class _Margins:
    """Margins of a population, their Monte Carlo errors, the spread of the outcomes, and the people, shape (targets,)."""

    value: np.ndarray
    std_error: np.ndarray
    spread: np.ndarray
    count: np.ndarray


def _margins(population: Population, asked: Sequence[Asked], n: int, seed: int) -> _Margins:
    """Simulate the margins."""
    columns = tuple(dict.fromkeys(column for each in asked for column in each.columns))
    totals = np.zeros((BATCHES, len(asked), 3))  # people, outcome, its square
    for batch, (people,) in enumerate(batches(population, n, seed, columns)):
        for index, each in enumerate(asked):
            answers, inside = each.of(people)
            chosen = answers[inside]
            totals[batch, index] = len(chosen), chosen.sum(), chosen @ chosen
    count, total, squares = totals.sum(axis=0).T
    if not count.all():
        nobody = [each.among.text for each, people in zip(asked, count, strict=True) if each.among and not people]
        raise QuestionError(f"among={nobody[0]!r} holds for nobody of {n} simulated people.")
    value = total / count
    residuals = totals[:, :, 1] - totals[:, :, 0] * value
    return _Margins(value, batch_error(residuals, count), np.sqrt(np.maximum(squares / count - value**2, 0.0)), count)


@dataclass(frozen=True)
class _Scale:
    """How margins are compared: shares by log odds, in which intercepts are nearly linear; means in their spread."""

    target: np.ndarray
    shares: np.ndarray
    spread: np.ndarray
    finest: float

    def residual(self, margins: np.ndarray) -> np.ndarray:
        """Return what is too much, shape (targets,)."""
        plain = (margins - self.target) / self.spread
        return np.where(self.shares, self._logit(margins) - self._logit(self.target), plain)

    def _logit(self, share: np.ndarray) -> np.ndarray:
        inside = np.where(self.shares, np.clip(share, self.finest, 1.0 - self.finest), 0.5)
        return np.log(inside / (1.0 - inside))


def calibrate(
    population: Population,
    targets: Sequence[Target],
    *,
    n: int,
    seed: int,
    tolerance: float = 0.1,
) -> Calibration:
    """Move parameters so that margins of the simulated population are what they have to be, all of them together.

    Parameters
    ----------
    population
        To start from.
    targets
        One for each parameter to be moved, normally an intercept. That a parameter acts on other margins as well is taken
        into account.
    n
        People to simulate at each step, at least 128, spread over 64 populations with seeds of their own, so that luck
        which people share (that of villages) does not become part of the parameters. The same people at each step.
    seed
        A whole number, not negative.
    tolerance
        How near each margin has to come, in Monte Carlo errors of the margin; for a share half a person is near enough.

    Returns
    -------
    Calibration
        The new population and a table of what was moved and reached.

    Raises
    ------
    SchemaError
        With every fault of the targets.
    ConvergenceError
        If margins cannot be met, with those that are off, the farthest first, and how near they came. A margin that cannot
        be met may keep others from being met.

    Notes
    -----
    Damped quasi-Newton steps (Broyden CG, Math Comput 1965;19:577-593, doi:10.1090/S0025-5718-1965-0198670-6) from slopes by
    differences, on log odds of shares and on means in units of their spread. Another seed moves a margin by its Monte Carlo
    error, so nothing is gained by a much smaller tolerance.

    Examples
    --------
    >>> import crampstats as cs
    >>> target = Target("diabetes.intercept", "diabetes == 1", 0.15)
    >>> found = calibrate(cs.Population(), [target], n=20_000, seed=1)
    >>> found.table["reached"].round(3).tolist()
    [0.15]
    >>> found.population.parameters["diabetes.intercept"].note
    'solved for share with diabetes == 1 = 0.15'
    """
    asked, shares = _checked(population, targets, n, seed, tolerance)
    names = [target.parameter for target in targets]
    wanted = np.array([target.value for target in targets], dtype=float)
    start = np.array([population.parameters[name].value for name in names])

    def measure(point: np.ndarray) -> _Margins:
        moved = {
            name: replace(population.parameters[name], value=float(value), low=None, high=None)
            for name, value in zip(names, point, strict=True)
        }
        return _margins(population.with_parameters(moved), asked, n, seed)

    first = measure(start)
    scale = _Scale(wanted, shares & (wanted > 0) & (wanted < 1), np.where(first.spread > 0, first.spread, 1.0), 0.5 / n)
    wordings = [
        f"{each.margin(bool(share))} = {value:g}" for each, share, value in zip(asked, shares, wanted, strict=True)
    ]
    point, margins = _Search(measure, scale, tolerance, names, wordings, _limits(population, names)).run(start, first)
    new = {
        target.parameter: _solved(population.parameters[target.parameter], target, wording, float(value))
        for target, wording, value in zip(targets, wordings, point, strict=True)
    }
    table = pd.DataFrame(
        {
            "parameter": names,
            "before": start,
            "after": point,
            "question": [target.question for target in targets],
            "among": [target.among or "" for target in targets],
            "target": wanted,
            "at_start": first.value,
            "reached": margins.value,
            "difference": margins.value - wanted,
            "std_error": margins.std_error,
        }
    )
    return Calibration(population.with_parameters(new), table)


def _solved(old: Sourced, target: Target, wording: str, value: float) -> Sourced:
    """Return a moved number, which says for what it was solved."""
    formula = f"solved for {wording}"
    if not target.source:
        return Sourced(value, old.unit, "", status="assumed", note=formula)
    where = f"{formula}: {target.where}" if target.where else formula
    return Sourced(value, old.unit, target.source, where=where, status="derived")


def _limits(population: Population, names: Sequence[str]) -> np.ndarray:
    """Return what each parameter may be, shape (parameters, 2)."""
    known = {
        name: limits for variable in population.variables for name, limits in variable.mechanism.parameters.items()
    }
    return np.array([[known[name].low, known[name].high] for name in names], dtype=float)


@dataclass
class _Search:
    """A search for the point at which the residuals vanish, in coordinates of which one moves some margin by about one unit."""

    measure: Callable[[np.ndarray], _Margins]
    scale: _Scale
    tolerance: float
    names: Sequence[str]
    wordings: Sequence[str]
    limits: np.ndarray
    unit: np.ndarray | None = None

    def run(self, start: np.ndarray, margins: _Margins) -> tuple[np.ndarray, _Margins]:
        """Return the point and the margins there, or raise."""
        point = start
        if self.met(margins):
            return point, margins
        slopes = self.slopes(point, margins)
        self.unit = unit = 1.0 / np.abs(slopes).max(axis=0)
        farthest = max(FARTHEST, 2.0 * float(np.abs(self.residual(margins)).max()))
        low, high = start - farthest * unit, start + farthest * unit
        low, high = np.maximum(self.limits[:, 0], low), np.minimum(self.limits[:, 1], high)
        fresh = True
        for _ in range(ROUNDS):
            found = self.step(point, margins, slopes, unit, low, high)
            if found is not None:
                moved, reached = found
                change = (moved - point) / unit
                surprise = self.residual(reached) - self.residual(margins) - slopes @ (moved - point)
                slopes = slopes + np.outer(surprise, change / (change @ change)) / unit
                point, margins, fresh = moved, reached, False
                if self.met(margins):
                    return point, margins
            elif fresh:
                break
            else:
                slopes, fresh = self.slopes(point, margins), True
        raise ConvergenceError(self.report(point, margins))

    def residual(self, margins: _Margins) -> np.ndarray:
        return self.scale.residual(margins.value)

    def met(self, margins: _Margins) -> bool:
        return bool(self.close(margins).all())

    def close(self, margins: _Margins) -> np.ndarray:
        """Say which margins are near enough, shape (targets,) bool."""
        half_a_person = np.where(self.scale.shares, 0.5 / margins.count, 0.0)
        allowed = np.maximum(self.tolerance * margins.std_error, half_a_person)
        return np.asarray(np.abs(margins.value - self.scale.target) <= allowed * (1 + 1e-9))

    def attempt(self, point: np.ndarray) -> _Margins | None:
        """Return the margins at a point, None where the numbers do not fit the population."""
        try:
            return self.measure(point)
        except SchemaError:
            return None

    def step(
        self,
        point: np.ndarray,
        margins: _Margins,
        slopes: np.ndarray,
        unit: np.ndarray,
        low: np.ndarray,
        high: np.ndarray,
    ) -> tuple[np.ndarray, _Margins] | None:
        """Return a better point, or None if no length of the step finds one."""
        now = self.residual(margins)
        full = -np.linalg.lstsq(slopes * unit, now, rcond=1e-10)[0]
        full *= min(1.0, LONGEST / max(float(np.max(np.abs(full))), 1e-300))
        for length in TRIED:
            moved = np.clip(point + length * full * unit, low, high)
            reached = None if np.array_equal(moved, point) else self.attempt(moved)
            if reached is not None and np.linalg.norm(self.residual(reached)) < np.linalg.norm(now):
                return moved, reached
        return None

    def slopes(self, point: np.ndarray, margins: _Margins) -> np.ndarray:
        """Return the derivatives of the residuals by differences, shape (targets, parameters)."""
        columns = [self.slope(index, point, self.residual(margins)) for index in range(len(point))]
        idle = [index for index, column in enumerate(columns) if not column.any()]
        if idle and self.unit is None:
            moves = "; ".join(f"{self.names[index]} does not move the {self.wordings[index]}" for index in idle)
            raise ConvergenceError(f"the population cannot be calibrated: {moves}.")
        return np.stack(columns, axis=1)

    def slope(self, index: int, point: np.ndarray, now: np.ndarray) -> np.ndarray:
        """Return the derivatives by one parameter, from a difference wide enough to tell, shape (targets,)."""
        width, widest = 0.01 * abs(point[index]) or 0.01, np.inf
        if self.unit is not None:
            width, widest = 2.0 * TELLING * self.unit[index], self.unit[index]
        change = np.zeros(len(point))
        for _ in range(GROWTHS):
            moved = point.copy()
            moved[index] += -width if point[index] + width > self.limits[index, 1] else width
            there = self.attempt(np.clip(moved, *self.limits.T))
            if there is not None:
                moves = self.residual(there) - now
                change = moves / (moved[index] - point[index])
                if np.abs(moves).max() >= TELLING:
                    break
            width *= 3.0
            if width > widest:
                break
        return change

    def report(self, point: np.ndarray, margins: _Margins) -> str:
        """Say which margins are off, the farthest first."""
        far = np.abs(self.residual(margins))
        off = [
            f"{self.wordings[index]}, reached {margins.value[index]:.6g} with {self.names[index]} = {point[index]:.6g}"
            for index in np.argsort(-far).tolist()
            if not self.close(margins)[index]
        ]
        return (
            "the population cannot be calibrated, farthest off first: " + "; ".join(off) + "; ask for margins that the "
            "population can have, simulate more people (n) or allow more tolerance."
        )


def _checked(
    population: Population, targets: Sequence[Target], n: int, seed: int, tolerance: float
) -> tuple[list[Asked], np.ndarray]:
    """Return the questions and which of them are shares, or raise every fault."""
    title = "the population cannot be calibrated"
    simulation = simulation_faults(population, n, seed)
    untold = [fault for fault in simulation if fault.column != "population"]
    raise_faults([fault for fault in [*simulation, *_list_faults(targets)] if fault not in untold], title)
    faults = untold
    if not is_number(tolerance) or tolerance <= 0:
        faults.append(Fault("tolerance", f"is {tolerance!r}", "a number above 0, in Monte Carlo errors"))
    asked, shares = [], []
    names = [target.parameter for target in targets]
    for target in targets:
        own, found, share = _target_faults(population, target)
        faults += own
        if found is not None:
            asked.append(found)
            shares.append(share)
    several = dict.fromkeys(name for name in names if names.count(name) > 1)
    faults += [Fault(name, "stands in several targets", "one target for each parameter") for name in several]
    raise_faults(faults, title)
    return asked, np.array(shares)


def _list_faults(targets: Any) -> list[Fault]:
    fits = isinstance(targets, (list, tuple)) and targets and all(isinstance(each, Target) for each in targets)
    return [] if fits else [Fault("targets", f"are {targets!r}", "a list of Target, at least one")]


def _target_faults(population: Population, target: Target) -> tuple[list[Fault], Asked | None, bool]:
    """Return what is wrong with a target, its question, and whether the margin is a share."""
    faults = []
    if target.parameter not in population.parameters:
        faults.append(Fault(target.parameter, "is no parameter", "a name as in Population.to_frame()"))
    number = is_number(target.value)
    if not number:
        faults.append(Fault(target.parameter, f"value={target.value!r}", "a finite number"))
    try:
        question = read_question(target.question)
        asked = Asked(question, None if target.among is None else read_question(target.among))
        unknown = [column for column in asked.columns if column not in population.names]
        if unknown:
            raise QuestionError(f"{', '.join(unknown)}: no variable of the population")
        if not question.columns:
            raise QuestionError(f"{target.question!r} names no variable")
        few = simulate(population, 1, seed=0, columns=asked.columns)
        inside_of(asked.among, few)
        answer = question.answer(few)
        if answer.kind == "text":
            raise QuestionError(f"{target.question!r} is a text; ask for a yes/no or a number")
    except QuestionError as problem:
        faults.append(Fault(target.parameter, str(problem).rstrip("."), "a question that can be asked of everybody"))
        return faults, None, False
    share = answer.kind == "truth"
    if share and number and not 0.0 <= target.value <= 1.0:
        faults.append(Fault(target.parameter, f"value={target.value:g} for {target.question!r}", "a share from 0 to 1"))
    if target.parameter in population.parameters and not _acts(population, target.parameter, asked.columns):
        columns = " and ".join(dict.fromkeys(asked.columns))
        faults.append(Fault(target.parameter, f"does not act on {columns}", "a parameter of these or their ancestors"))
    return faults, asked, share


def _acts(population: Population, parameter: str, columns: Sequence[str]) -> bool:
    """Say whether a parameter belongs to one of the columns or to an ancestor."""
    reached = set(columns)
    for variable in reversed(population.variables):
        if variable.name in reached:
            if parameter in variable.mechanism.parameters:
                return True
            reached.update(variable.parents)
    return False
