"""Trials of people whose truth is known: who is let in, what each is given, and what they count."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd

from crampstats.errors import QuestionError
from crampstats.numerics import poisson_counts
from crampstats.population.batches import answered
from crampstats.population.declarations import TRUTH
from crampstats.population.luck import BLOCK, Luck, Source
from crampstats.population.plans import RELATIVE
from crampstats.population.populations import Population
from crampstats.population.simulation import simulate
from crampstats.questions import read_question
from crampstats.schema import Fault, is_number, is_whole, raise_faults

if TYPE_CHECKING:
    from crampstats.questions import Question

TrialDesign = Literal["parallel", "crossover"]
RATE = "true_cramp_rate_per_week"
# Columns that a trial makes; the others are those of its people.
MADE = (
    "person",
    "screened",
    "sequence",
    "period",
    "arm",
    "run_in_weeks",
    "run_in_cramps",
    "weeks",
    "cramps",
    "completed",
    "true_rate_per_week",
)
# How many are screened at first for each who is to be let in; then how many more than seem needed; and how many before a
# trial is given up.
EACH, SPARE, MOST_SCREENED = 25, 1.15, 20_000_000
# Who leaves has counted for this share of a period at least.
SHORTEST = 1e-3


@dataclass(frozen=True, kw_only=True)
class Arm:
    """What some of the people of a trial are given.

    Attributes
    ----------
    name
        As tables call it.
    do
        Variables of the population and the value that each is forced to under treatment, as of an `Intervention`; nothing
        for a placebo.
    rate_ratio
        What the treatment multiplies the rate of cramps by beyond that, from 1e-6 to 1e6: an effect that is assumed.
    dropout
        The chance of leaving in a period under this treatment, below 1.
    share
        A whole number: 2 beside 1 for twice as many people. In a cross-over, of those who begin with it.

    Raises
    ------
    SchemaError
        With every fault.

    Examples
    --------
    >>> Arm(name="magnesium", do={"supplement": 1, "supplement_form": "citrate"}).rate_ratio
    1.0
    """

    name: str
    do: Mapping[str, Any] = field(default_factory=dict)
    rate_ratio: float = 1.0
    dropout: float = 0.0
    share: int = 1

    def __post_init__(self) -> None:
        faults = []
        if not isinstance(self.name, str) or not self.name.strip():
            faults.append(Fault("name", f"is {self.name!r}", "a text"))
        do: Any = self.do
        if not isinstance(do, Mapping):
            faults.append(Fault("do", f"is {do!r}", "a mapping of variables and values"))
        faults += _number_fault("rate_ratio", self.rate_ratio, "a factor from 1e-06 to 1e+06", *RELATIVE)
        if not (is_number(self.dropout) and 0 <= self.dropout < 1):
            faults.append(Fault("dropout", f"is {self.dropout!r}", "a chance of at least 0 and below 1"))
        if not is_whole(self.share, 1):
            faults.append(Fault("share", f"is {self.share!r}", "a whole number of at least 1"))
        raise_faults(faults, "there is no such arm")
        object.__setattr__(self, "do", dict(self.do))


@dataclass(frozen=True, kw_only=True)
class TrialPlan:
    """How a trial is run: who is let in, what is given to whom and for how long, and what happens besides the treatment.

    Attributes
    ----------
    arms
        Control first. One arm makes a study of before and after without controls; a cross-over has two.
    design
        ``"parallel"``: each person has one arm. ``"crossover"``: each has both, in an order by chance.
    eligible
        A question about the people as they are and ``run_in_cramps``; None lets everybody in.
    run_in_weeks
        For which cramps are counted before the treatment.
    weeks
        Of treatment; in a cross-over of each period.
    response
        What the rate of everybody is multiplied by once the trial has begun, whatever is given: placebo response and the
        passing of time. A treatment acts on top of it.
    variation
        Variance of a person's rate between her own periods, as a multiple of the square of the rate: weeks are better or
        worse. 0 leaves Poisson counts.
    washout_weeks
        Between the periods of a cross-over.
    half_life_weeks
        In which the effect of the first treatment (of its logarithm) falls to a half after its end; 0 for at once. What is
        left of it acts, by its mean over the second period, on what is counted there.
    period_ratio
        What the rate in the second period is multiplied by, whatever is given.
    blocks
        People are allocated in blocks at random, of `blocks` times the shares of the arms.
    rate
        The variable of the population that is the lasting rate, per week.

    Raises
    ------
    SchemaError
        With every fault that shows without the people.

    Examples
    --------
    >>> plan = TrialPlan(
    ...     arms=[Arm(name="placebo"), Arm(name="magnesium", rate_ratio=0.8)], eligible="run_in_cramps >= 4", response=0.7)
    >>> plan.design, plan.weeks
    ('parallel', 4.0)
    """

    arms: Sequence[Arm]
    design: TrialDesign = "parallel"
    eligible: str | None = None
    run_in_weeks: float = 2.0
    weeks: float = 4.0
    response: float = 1.0
    variation: float = 0.0
    washout_weeks: float = 0.0
    half_life_weeks: float = 0.0
    period_ratio: float = 1.0
    blocks: int = 2
    rate: str = RATE

    def __post_init__(self) -> None:
        faults = [*self._arm_faults(), *self._number_faults()]
        if self.eligible is not None:
            try:
                read_question(self.eligible)
            except QuestionError as error:
                faults.append(Fault("eligible", str(error), "a yes/no question, or None"))
        raise_faults(faults, "the trial cannot be run")
        object.__setattr__(self, "arms", tuple(self.arms))

    def _arm_faults(self) -> list[Fault]:
        """Return what is wrong with the arms and the design."""
        faults = []
        if self.design not in get_args(TrialDesign):
            faults.append(Fault("design", f"is {self.design!r}", f"one of {', '.join(get_args(TrialDesign))}"))
        arms: Any = self.arms
        if (
            isinstance(arms, str)
            or not isinstance(arms, Sequence)
            or not arms
            or any(not isinstance(arm, Arm) for arm in arms)
        ):
            return [*faults, Fault("arms", f"is {arms!r:.80}", "Arms in a list, control first")]
        names = [arm.name for arm in self.arms]
        faults += [
            Fault("arms", f"has {name!r} twice", "a name once") for name in sorted(set(names)) if names.count(name) > 1
        ]
        if self.design == "crossover" and len(names) != 2:
            faults.append(Fault("arms", f"are {len(names)} in a cross-over", "two arms"))
        return faults

    def _number_faults(self) -> list[Fault]:
        """Return what is wrong with durations and factors."""
        faults = []
        for name in ("run_in_weeks", "weeks"):
            faults += _number_fault(name, getattr(self, name), "a number of weeks, above 0, at most 1,000", 1e-6, 1000)
        for name in ("washout_weeks", "half_life_weeks"):
            faults += _number_fault(name, getattr(self, name), "a number of weeks, at most 1,000", 0, 1000)
        for name in ("response", "period_ratio"):
            faults += _number_fault(name, getattr(self, name), "a factor from 1e-06 to 1e+06", *RELATIVE)
        faults += _number_fault("variation", self.variation, "a number from 0 to 100", 0, 100)
        only = {"washout_weeks": 0, "half_life_weeks": 0, "period_ratio": 1}
        if self.design == "parallel":
            faults += [
                Fault(name, f"is {getattr(self, name)!r} in a parallel trial", f"{usual}, or design='crossover'")
                for name, usual in only.items()
                if getattr(self, name) != usual
            ]
        if not is_whole(self.blocks, 1):
            faults.append(Fault("blocks", f"is {self.blocks!r}", "a whole number of at least 1"))
        rate: Any = self.rate
        if not isinstance(rate, str):
            faults.append(Fault("rate", f"is {rate!r}", "the name of a variable"))
        return faults

    @property
    def periods(self) -> int:
        """How many times a person is treated."""
        return 2 if self.design == "crossover" else 1

    @property
    def left_over(self) -> float:
        """The share of the first treatment's effect, of its logarithm, that acts in the second period of a cross-over."""
        if self.half_life_weeks == 0:
            return 0.0
        decay = math.log(2) / self.half_life_weeks
        return math.exp(-decay * self.washout_weeks) * -math.expm1(-decay * self.weeks) / (decay * self.weeks)


def _number_fault(name: str, value: Any, expected: str, low: float, high: float) -> list[Fault]:
    """Return a fault unless a value is a number between two ends."""
    return [] if is_number(value) and low <= value <= high else [Fault(name, f"is {value!r}", expected)]


@dataclass(frozen=True)
class _Trial:
    """A trial that is being simulated."""

    population: Population
    plan: TrialPlan
    seed: int
    columns: tuple[str, ...]
    eligible: Question | None

    def luck(self, name: str, people: int, shape: float | None = None) -> np.ndarray:
        """Return what chance gives to the people screened in one part of the trial, shape (people,).

        Uniform numbers, or gamma ones of this shape and mean 1. They belong to seed and person, whoever is let in.
        """
        parts = []
        for block in range(-(-people // BLOCK)):
            luck = Luck(Source(self.seed, block), f"trial/{name}", min(BLOCK, people - block * BLOCK))
            parts.append(luck.uniform() if shape is None else luck.gamma(shape) / shape)
        return np.concatenate(parts)

    def counts(self, window: str, rate: np.ndarray, weeks: np.ndarray | float, rows: np.ndarray) -> np.ndarray:
        """Return the cramps of people in these rows, whose rates these are, shape (rows,)."""
        return poisson_counts(self.luck(window, int(rows[-1]) + 1)[rows], self.varied(window, rate, rows) * weeks)

    def varied(self, window: str, rate: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the rates as they are in one window."""
        if self.plan.variation == 0:
            return rate
        return rate * self.luck(f"{window}/variation", int(rows[-1]) + 1, 1 / self.plan.variation)[rows]

    def screened(self, people: int) -> tuple[pd.DataFrame, np.ndarray]:
        """Return people as they are, with the cramps of their run-in, and who of them is let in, as rows."""
        own = self.eligible.columns if self.eligible is not None else ()
        asked = [name for name in own if name != "run_in_cramps"]
        wanted = tuple(dict.fromkeys([self.plan.rate, *asked, *self.columns]))
        frame = simulate(self.population, people, seed=self.seed, columns=wanted)
        rate, rows = frame[self.plan.rate].to_numpy(dtype=float), np.arange(people)
        frame = frame.assign(run_in_cramps=self.counts("run_in", rate, self.plan.run_in_weeks, rows))
        if self.eligible is None:
            return frame, rows
        inside = answered(self.eligible, frame)
        if inside.dtype != bool:
            raise QuestionError(f"eligible={self.eligible.text!r} is a number; ask for a yes/no.")
        return frame, np.flatnonzero(inside)

    def enrolled(self, n: int) -> tuple[pd.DataFrame, np.ndarray]:
        """Return the first n people who are let in, and their rows among those screened."""
        people = n if self.eligible is None else min(EACH * n, MOST_SCREENED)
        while True:
            frame, rows = self.screened(people)
            if len(rows) >= n:
                return frame.iloc[rows[:n]].reset_index(drop=True), rows[:n]
            if people >= MOST_SCREENED:
                raise QuestionError(
                    f"eligible={self.plan.eligible!r} lets in {len(rows):,} of {people:,} people: ask for fewer than {n:,}, "
                    "or let in more."
                )
            share = max(len(rows), 1) / people
            people = min(max(math.ceil(SPARE * people), math.ceil(SPARE * n / share)), MOST_SCREENED)

    def allocated(self, n: int) -> np.ndarray:
        """Return the arm that each person has, or begins with, shape (n,): at random in blocks."""
        shares = [arm.share for arm in self.plan.arms] * self.plan.blocks
        block = np.repeat(np.tile(np.arange(len(self.plan.arms)), self.plan.blocks), shares)
        whole = -(-n // len(block))
        numbers = Source(self.seed, 0).stream("trial/allocation", shared=True).random(whole * len(block))
        order = np.argsort(numbers.reshape(whole, len(block)), axis=1, kind="stable")
        return block[order].ravel()[:n]

    def treated_rate(self, arm: Arm, rate: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the rates of people in these rows under a treatment, the response apart."""
        if not arm.do:
            return rate * arm.rate_ratio
        people = int(rows[-1]) + 1
        life = simulate(self.population, people, seed=self.seed, do=arm.do, columns=[self.plan.rate])
        return life[self.plan.rate].to_numpy(dtype=float)[rows] * arm.rate_ratio


def simulate_trial(
    population: Population, plan: TrialPlan, *, n: int, seed: int, columns: Sequence[str] = ()
) -> pd.DataFrame:
    """Simulate a trial: people are screened until so many are let in, allocated, treated and counted.

    A person has the same lasting rate throughout and lives through other weeks: counts are Poisson given the rate, or more
    varied with `TrialPlan.variation`. What chance brings belongs to seed and person, so that a trial of n people is the first
    part of one of 2 n, and the same person has the same luck whatever she is given.

    Parameters
    ----------
    population
        Whom to screen.
    plan
        How the trial is run.
    n
        People who are let in, at least 1.
    seed
        A whole number, not negative; of the population, and of all that happens in the trial.
    columns
        Variables of the people as they are that the table is to have.

    Returns
    -------
    DataFrame
        A row each person and period of treatment: ``person`` (from 0, in the order in which they came), ``screened``
        (her place among those screened, from 0), ``sequence`` (her treatments), ``period`` (from 1), ``arm`` (what she has in
        it), ``run_in_weeks``, ``run_in_cramps``, ``weeks`` (how long she counted: less than planned if she leaves, at a moment
        by chance), ``cramps`` (in these), ``completed`` (0 or 1), then `columns`, ``true_rate_per_week`` (her lasting rate
        under what she has, the variation between her periods apart) and the rate of `TrialPlan.rate` as she is. Who left
        in the first period of a cross-over counts nothing in the second: 0 weeks, and cramps are missing.

    Raises
    ------
    SchemaError
        With every fault of the arguments.
    QuestionError
        If the question of `eligible` cannot be answered, or lets in too few.

    Examples
    --------
    >>> arms = [Arm(name="placebo"), Arm(name="magnesium", do={"supplement": 1, "supplement_form": "citrate"})]
    >>> plan = TrialPlan(arms=arms, eligible="run_in_cramps >= 4 and supplement == 0")
    >>> trial = simulate_trial(Population(), plan, n=60, seed=1)
    >>> trial.groupby("arm", observed=True)["person"].count().to_dict(), int(trial["run_in_cramps"].min())
    ({'placebo': 30, 'magnesium': 30}, 4)
    """
    trial = _checked(population, plan, n, seed, columns)
    people, rows = trial.enrolled(n)
    untreated = people[plan.rate].to_numpy(dtype=float)
    rates = np.stack([trial.treated_rate(arm, untreated, rows) for arm in plan.arms])
    first = trial.allocated(n)
    names = pd.Index([arm.name for arm in plan.arms])
    orders = names if plan.periods == 1 else pd.Index([" then ".join(names), " then ".join(names[::-1])])
    shared = pd.DataFrame({"person": np.arange(n), "screened": rows})
    shared["sequence"] = pd.Categorical.from_codes(first, orders)
    shared = shared.assign(run_in_weeks=plan.run_in_weeks, run_in_cramps=people["run_in_cramps"])
    shared = shared.assign(**{name: people[name] for name in (*trial.columns, plan.rate)})
    there, parts = np.ones(n, dtype=bool), []
    for period in range(1, plan.periods + 1):
        given = first if period == 1 else 1 - first
        rate = plan.response * rates[given, np.arange(n)]
        if period == 2:
            before = np.divide(rates[first, np.arange(n)], untreated, out=np.ones(n), where=untreated > 0)
            rate = rate * plan.period_ratio * before**plan.left_over
        counted = _counted(trial, period, given, rate, rows, there)
        there = counted.pop("completed") == 1
        arm = pd.Categorical.from_codes(given, names)
        parts.append(
            shared.assign(period=period, arm=arm, **counted, completed=there.astype(np.int8), true_rate_per_week=rate)
        )
    table = pd.concat(parts, ignore_index=True).sort_values(["person", "period"], kind="stable", ignore_index=True)
    known = [name for name in (*trial.columns, plan.rate) if name not in MADE]
    return table[[*MADE[:-1], *dict.fromkeys(known), MADE[-1]]]


def _counted(
    trial: _Trial, period: int, given: np.ndarray, rate: np.ndarray, rows: np.ndarray, there: np.ndarray
) -> dict[str, Any]:
    """Return for how long people in a period counted, what, and who did to its end; `there` says who begins it."""
    window = f"period_{period}"
    chance = np.array([arm.dropout for arm in trial.plan.arms])[given]
    number = trial.luck(f"{window}/dropout", int(rows[-1]) + 1)[rows]
    leaves = number < chance
    # Given that it is below the chance, the number is uniform up to it: the same one says when.
    moment = np.divide(number, chance, out=np.ones(len(rows)), where=leaves)
    weeks = np.where(there, trial.plan.weeks * np.maximum(moment, SHORTEST), 0.0)
    cramps: Any = trial.counts(window, rate, weeks, rows)
    if trial.plan.periods == 2:
        cramps = pd.array(cramps, dtype="Int32")
        cramps[~there] = pd.NA
    return {"weeks": weeks, "cramps": cramps, "completed": there & ~leaves}


def _checked(population: Any, plan: Any, n: Any, seed: Any, columns: Any) -> _Trial:
    """Return the trial, or raise every fault of the arguments."""
    faults = []
    for name, value, kind in (("population", population, Population), ("plan", plan, TrialPlan)):
        if not isinstance(value, kind):
            faults.append(Fault(name, f"is {value!r:.80}", f"a {kind.__name__}"))
    for name, value, least in (("n", n, 1), ("seed", seed, 0)):
        if not is_whole(value, least):
            faults.append(Fault(name, f"is {value!r}", f"a whole number of at least {least}"))
    if isinstance(columns, str) or not isinstance(columns, Sequence):
        faults.append(Fault("columns", f"is {columns!r}", "names in a list"))
        columns = ()
    faults += [
        Fault("columns", f"{name!r} is made by the trial", "a variable of the people")
        for name in columns
        if name in MADE
    ]
    title = "the trial cannot be simulated"
    raise_faults(faults, title)
    eligible = None if plan.eligible is None else read_question(plan.eligible)
    if plan.rate not in population.names or not plan.rate.startswith(TRUTH):
        faults.append(Fault("rate", f"{plan.rate!r} is no lasting rate of the population", "a variable named true_..."))
    named = {"eligible": [] if eligible is None else eligible.columns, "columns": columns}
    faults += [
        Fault(role, f"{name!r} is no variable", f"one of {', '.join(population.names)}, or run_in_cramps")
        for role, names in named.items()
        for name in names
        if name not in population.names and not (role == "eligible" and name == "run_in_cramps")
    ]
    for arm in plan.arms:
        faults += [
            Fault(f"{arm.name}: {name}", "is to be forced and is no variable", "a variable of the population")
            for name in arm.do
            if name not in population.names
        ]
    raise_faults(faults, title)
    return _Trial(population, plan, seed, tuple(dict.fromkeys(columns)), eligible)
