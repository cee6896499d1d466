"""Fit numbers of the population to margins, and compare what it simulates with what was published."""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd

from crampstats.errors import ConvergenceError, QuestionError, ReferenceDataError, SchemaError
from crampstats.population.populations import Population
from crampstats.population.simulation import simulate
from crampstats.population.truths import BATCHES, FEWEST
from crampstats.questions import Question, read_question
from crampstats.reference.sourced import Sourced
from crampstats.reference.tables import read_table, sourced
from crampstats.schema import Fault, raise_faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

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
class _Asked:
    """A question of some people, read."""

    question: Question
    among: Question | None

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.question.columns, *(self.among.columns if self.among else ()))

    def margin(self, share: bool) -> str:
        """Return the margin in words."""
        people = f" among {self.among.text}" if self.among else ""
        return f"{'share with' if share else 'mean'} {self.question.text}{people}"

    def of(self, people: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Return the answers as numbers and who is meant, both shape (people,)."""
        return _answered(self.question, people).astype(float), _inside(self.among, people)


def _answered(question: Question, people: pd.DataFrame) -> np.ndarray:
    """Return answers that are numbers or yes/no and never missing."""
    answer = question.answer(people)
    if answer.kind == "text":
        raise QuestionError(f"{question.text!r} is a text; ask for a yes/no or a number.")
    if answer.missing is not None:
        raise QuestionError(f"{question.text!r} has no answer for {int(answer.missing.sum())} simulated people.")
    return np.asarray(answer.values)


def _inside(among: Question | None, people: pd.DataFrame) -> np.ndarray:
    """Say who is meant, shape (people,) bool."""
    if among is None:
        return np.ones(len(people), dtype=bool)
    answers = _answered(among, people)
    if answers.dtype != bool:
        raise QuestionError(f"among={among.text!r} is a number; ask for a yes/no.")
    return answers


def _batches(population: Population, n: int, seed: int, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
    """Yield n people in populations with seeds of their own, so that the luck which villages share varies as well."""
    sizes = np.full(BATCHES, n // BATCHES) + (np.arange(BATCHES) < n % BATCHES)
    for batch, size in enumerate(sizes):
        own = int(np.random.SeedSequence(seed, spawn_key=(batch,)).generate_state(1, np.uint64)[0])
        yield simulate(population, int(size), seed=own, columns=columns)


@dataclass(frozen=True)
class _Margins:
    """Margins of a population, their Monte Carlo errors, the spread of the outcomes, and the people, shape (targets,)."""

    value: np.ndarray
    std_error: np.ndarray
    spread: np.ndarray
    count: np.ndarray


def _margins(population: Population, asked: Sequence[_Asked], n: int, seed: int) -> _Margins:
    """Simulate the margins."""
    columns = tuple(dict.fromkeys(column for each in asked for column in each.columns))
    totals = np.zeros((BATCHES, len(asked), 3))  # people, outcome, its square
    for batch, people in enumerate(_batches(population, n, seed, columns)):
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
    std_error = np.sqrt(BATCHES / (BATCHES - 1) * np.sum(residuals**2, axis=0)) / count
    return _Margins(value, std_error, np.sqrt(np.maximum(squares / count - value**2, 0.0)), count)


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
    >>> found = calibrate(
    ...     Population(), [Target("diabetes.intercept", "diabetes == 1", 0.15)], n=20_000, seed=1
    ... )
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
) -> tuple[list[_Asked], np.ndarray]:
    """Return the questions and which of them are shares, or raise every fault."""
    title = "the population cannot be calibrated"
    raise_faults([*_population_faults(population), *_list_faults(targets)], title)
    faults = _number_faults(n, seed, tolerance)
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


def _population_faults(population: Any) -> list[Fault]:
    return [] if isinstance(population, Population) else [Fault("population", f"is {population!r}", "a Population")]


def _list_faults(targets: Any) -> list[Fault]:
    fits = isinstance(targets, (list, tuple)) and targets and all(isinstance(each, Target) for each in targets)
    return [] if fits else [Fault("targets", f"are {targets!r}", "a list of Target, at least one")]


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, Real) and bool(np.isfinite(float(value)))


def _number_faults(n: Any, seed: Any, tolerance: Any = 1.0) -> list[Fault]:
    """Return what is wrong with the numbers of a simulation."""
    faults = []
    for name, value, least in (("n", n, FEWEST), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
            faults.append(Fault(name, f"is {value!r}", f"a whole number of at least {least}"))
    if not _is_number(tolerance) or tolerance <= 0:
        faults.append(Fault("tolerance", f"is {tolerance!r}", "a number above 0, in Monte Carlo errors"))
    return faults


def _target_faults(population: Population, target: Target) -> tuple[list[Fault], _Asked | None, bool]:
    """Return what is wrong with a target, its question, and whether the margin is a share."""
    faults = []
    if target.parameter not in population.parameters:
        faults.append(Fault(target.parameter, "is no parameter", "a name as in Population.to_frame()"))
    number = _is_number(target.value)
    if not number:
        faults.append(Fault(target.parameter, f"value={target.value!r}", "a finite number"))
    try:
        question = read_question(target.question)
        asked = _Asked(question, None if target.among is None else read_question(target.among))
        unknown = [column for column in asked.columns if column not in population.names]
        if unknown:
            raise QuestionError(f"{', '.join(unknown)}: no variable of the population")
        if not question.columns:
            raise QuestionError(f"{target.question!r} names no variable")
        few = simulate(population, 1, seed=0, columns=asked.columns)
        _inside(asked.among, few)
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


# ---- comparison with published figures -------------------------------------------------------------------------------

Statistic = Literal["share", "mean", "sd", "quantile", "odds_ratio", "difference", "correlation"]
STRATA = ("sex", "age_group")


@dataclass(frozen=True)
class _Row:
    """A published figure and how it is computed in the simulated population."""

    name: str
    statistic: Statistic
    asked: _Asked
    exposure: Question | None
    level: float
    published: Sourced
    standing: str

    @property
    def columns(self) -> tuple[str, ...]:
        strata = STRATA if self.statistic in ("odds_ratio", "difference") else ()
        return (*self.asked.columns, *(self.exposure.columns if self.exposure else ()), *strata)

    def totals(self, people: pd.DataFrame) -> np.ndarray:
        """Return what of these people is added up for the statistic; for a quantile the values themselves."""
        outcome, inside = self.asked.of(people)
        outcome = outcome[inside]
        if self.statistic == "quantile":
            return outcome
        if self.exposure is None:
            return np.array([len(outcome), outcome.sum(), outcome @ outcome])
        exposure = _answered(self.exposure, people)[inside].astype(float)
        if self.statistic == "correlation":
            moments = [outcome, exposure, outcome * outcome, exposure * exposure, outcome * exposure]
            return np.array([len(outcome), *(moment.sum() for moment in moments)])
        stratum = np.zeros(len(people), dtype=np.intp)
        for name in STRATA:
            codes = people[name].cat
            stratum = stratum * len(codes.categories) + codes.codes.to_numpy()
        size = int(np.prod([people[name].cat.categories.size for name in STRATA]))
        key = stratum[inside] * 2 + exposure.astype(np.intp)
        counts = [np.bincount(key, weights, 2 * size) for weights in (None, outcome)]
        return np.stack(counts).reshape(2, size, 2)

    def of(self, totals: np.ndarray) -> float:
        """Return the statistic of added-up totals."""
        if self.statistic == "quantile":
            return float(np.quantile(totals, self.level))
        if self.statistic in ("share", "mean"):
            return float(totals[1] / totals[0])
        if self.statistic == "sd":
            return float(np.sqrt(totals[2] / totals[0] - (totals[1] / totals[0]) ** 2))
        if self.statistic == "correlation":
            n, x, y, xx, yy, xy = totals
            return float((n * xy - x * y) / np.sqrt((n * xx - x**2) * (n * yy - y**2)))
        (unexposed, exposed), (low, high) = totals[0].T, totals[1].T
        people = np.maximum(unexposed + exposed, 1.0)
        if self.statistic == "odds_ratio":
            return float(np.sum(high * (unexposed - low) / people) / np.sum((exposed - high) * low / people))
        return float(np.sum((high * unexposed - low * exposed) / people) / np.sum(exposed * unexposed / people))


def population_targets() -> pd.DataFrame:
    """Return the published figures that the simulated population is compared with.

    Returns
    -------
    DataFrame
        ``name``, ``statistic``, ``question``, ``exposure``, ``among``, ``level`` (of a quantile), ``value``, ``low``,
        ``high``, ``unit``, ``source``, ``where``, ``status``, ``note``, and ``standing``: ``"solved"`` (numbers of the
        population were solved for it), ``"checked"`` (it is met without) or ``"conflict"`` (it is not met; the note says
        why).

    Examples
    --------
    >>> table = population_targets().set_index("name")
    >>> float(table.loc["serum magnesium, mean", "value"]), table.loc["serum magnesium, mean", "standing"]
    (0.824, 'solved')
    """
    rows = read_table("population_targets")
    values = [sourced(row) for row in rows]
    return pd.DataFrame(rows).assign(
        level=pd.to_numeric(pd.Series([row["level"] for row in rows])),
        value=[value.value for value in values],
        low=np.array([value.low for value in values], dtype=float),
        high=np.array([value.high for value in values], dtype=float),
    )


def _rows() -> list[_Row]:
    """Return the packaged rows, their questions read."""
    rows = []
    for row in read_table("population_targets"):
        if row["statistic"] not in get_args(Statistic):
            raise ReferenceDataError(f"{row['name']}: statistic={row['statistic']!r} is unknown.")
        asked = _Asked(read_question(row["question"]), read_question(row["among"]) if row["among"] else None)
        exposure = read_question(row["exposure"]) if row["exposure"] else None
        level = float(row["level"]) if row["level"] else np.nan
        statistic: Any = row["statistic"]
        rows.append(_Row(row["name"], statistic, asked, exposure, level, sourced(row), row["standing"]))
    return rows


def calibration_table(population: Population, *, n: int, seed: int) -> pd.DataFrame:
    """Compare what a population simulates with published figures.

    Parameters
    ----------
    population
        The packaged one or another with its variables.
    n
        People to simulate, at least 128, spread over 64 populations with seeds of their own.
    seed
        A whole number, not negative.

    Returns
    -------
    DataFrame
        A row a figure of `population_targets`: ``name``, ``statistic``, ``simulated``, ``std_error`` (Monte Carlo),
        ``published``, ``low``, ``high`` (its interval or range, NaN where none was given), ``unit``, ``standing``,
        ``source``, ``status``, ``note``.

    Raises
    ------
    SchemaError
        With every fault of the arguments, columns that the population lacks among them.

    Notes
    -----
    Odds ratios and differences are adjusted for sex and three age groups by the estimators of Mantel and Haenszel
    (J Natl Cancer Inst 1959;22:719-748, doi:10.1093/jnci/22.4.719; weights n1 n0 / n for differences), not by the regressions
    of the papers, most of which adjust for more. Monte Carlo errors are by the jackknife over the 64 populations.

    Examples
    --------
    >>> table = calibration_table(Population(), n=20_000, seed=1).set_index("name")
    >>> bool(abs(table.loc["serum magnesium, mean", "simulated"] - 0.824) < 0.005)
    True
    """
    rows = _rows()
    raise_faults(_population_faults(population), "nothing can be compared")
    columns = tuple(dict.fromkeys(column for row in rows for column in row.columns))
    lacking = [
        Fault(name, "is no variable", "a population with it") for name in columns if name not in population.names
    ]
    raise_faults([*_number_faults(n, seed), *lacking], "nothing can be compared")
    parts: list[list[np.ndarray]] = [[] for _ in rows]
    for people in _batches(population, n, seed, columns):
        for row, part in zip(rows, parts, strict=True):
            part.append(row.totals(people))
    compared = [_compared(row, part) for row, part in zip(rows, parts, strict=True)]
    return pd.DataFrame(compared)


def _compared(row: _Row, parts: Sequence[np.ndarray]) -> Mapping[str, Any]:
    """Return a line of the comparison, its error by leaving out one of the populations at a time."""
    with np.errstate(divide="ignore", invalid="ignore"):  # too few people have no odds ratio: NaN
        if row.statistic == "quantile":
            simulated = row.of(np.concatenate(parts))
            others = [row.of(np.concatenate([*parts[:b], *parts[b + 1 :]])) for b in range(len(parts))]
        else:
            total = np.sum(parts, axis=0)
            simulated, others = row.of(total), [row.of(total - part) for part in parts]
    spread = np.array(others) - np.mean(others)
    published = row.published
    return {
        "name": row.name,
        "statistic": row.statistic,
        "simulated": simulated,
        "std_error": float(np.sqrt((len(parts) - 1) / len(parts) * np.sum(spread**2))),
        "published": published.value,
        "low": np.nan if published.low is None else published.low,
        "high": np.nan if published.high is None else published.high,
        "unit": published.unit,
        "standing": row.standing,
        "source": published.source,
        "status": published.status,
        "note": published.note,
    }
