"""Treatments as interventions: what each forces in the simulated population, and what follows for everybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crampstats.errors import QuestionError, SchemaError
from crampstats.population.batches import BATCHES, Asked, answered, batch_error, batches, inside_of, simulation_faults
from crampstats.population.simulation import simulate
from crampstats.reference.parameters import intervention_tables
from crampstats.schema import Fault, raise_faults

if TYPE_CHECKING:
    from crampstats.population.populations import Population


@dataclass(frozen=True)
class Intervention:
    """A treatment, or another thing done to everybody, as what it forces in the simulated population.

    Attributes
    ----------
    name
        As tables call it.
    meaning
        What is done, and what forcing it on everybody leaves out.
    do
        Variables and the value that each is forced to, see `crampstats.simulate`.
    acts_on
        The variables through which it is to work; each has to descend from one that is forced.
    claims
        Identifiers of what an article claims of it, see `crampstats.reference.claims`.

    Raises
    ------
    SchemaError
        If it has no name or forces nothing.

    Examples
    --------
    >>> Intervention("no tablets", "nobody takes a proton pump inhibitor", {"ppi": 0}).do
    {'ppi': 0}
    """

    name: str
    meaning: str
    do: Mapping[str, Any]
    acts_on: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        faults = []
        if not isinstance(self.name, str) or not self.name.strip():
            faults.append(Fault("name", f"is {self.name!r}", "a text"))
        if not isinstance(self.do, Mapping) or not self.do:
            faults.append(
                Fault("do", f"is {self.do!r}", "a mapping of variables and the values that they are forced to")
            )
        raise_faults(faults, "there is no such intervention")
        object.__setattr__(self, "do", dict(self.do))
        object.__setattr__(self, "acts_on", tuple(self.acts_on))
        object.__setattr__(self, "claims", tuple(self.claims))


def interventions() -> dict[str, Intervention]:
    """Return the treatments of the packaged population by name.

    They are what an article claims to help, turned into something that can be forced on simulated people: no advice, and no
    evidence that it helps anybody.

    Returns
    -------
    dict
        An `Intervention` each name; ``pandas.DataFrame(interventions().values())`` shows them as a table.

    Examples
    --------
    >>> interventions()["stretching"].do
    {'stretching': 1}
    """
    return {
        name: Intervention(name, table["meaning"], table["do"], tuple(table["acts_on"]), tuple(table["claims"]))
        for name, table in intervention_tables().items()
    }


def intervention_effects(
    population: Population,
    outcomes: Sequence[str],
    *,
    n: int,
    seed: int,
    among: str | None = None,
    interventions: Sequence[Intervention | str] | None = None,
) -> pd.DataFrame:
    """Return what each intervention does to the means of outcomes when it is forced on everybody.

    The same people live as they are and once under each intervention. What comes out was put into the population: an
    intervention has the effect that its parameters say, published or assumed.

    Parameters
    ----------
    population
        Whose truth.
    outcomes
        Questions or arithmetic as in `crampstats.questions`: ``["cramps_per_week", "magnesium_mg_dl <= 1.7"]``.
    n
        People to simulate in each life, at least 128, spread over 64 populations with seeds of their own.
    seed
        A whole number, not negative.
    among
        A question: only for these people. It is asked of them as they are, before anything is forced, so that it may name
        what an intervention changes: ``"diuretic == 'thiazide'"`` for stopping a diuretic.
    interventions
        Names of packaged ones or interventions of one's own; None for all packaged ones.

    Returns
    -------
    DataFrame
        A row an intervention and outcome: ``intervention``, ``outcome``, ``as_it_is`` and ``forced`` (the mean in either
        life), ``difference`` (forced minus as it is), ``std_error`` (Monte Carlo, of the difference), ``ratio`` (forced over
        as it is; NaN where that mean is 0), ``people`` (whom `among` means) and ``n``.

    Raises
    ------
    SchemaError
        With every fault of the arguments: a variable that is not there, a value that it cannot have.
    QuestionError
        If a question cannot be read or answered, or `among` holds for nobody.

    Notes
    -----
    The error is that of batch means of the differences within people, far smaller than that of two samples. It is 0 where
    the outcome does not descend from what is forced.

    Examples
    --------
    >>> import crampstats as cs
    >>> stop = Intervention("no tablets", "nobody takes a proton pump inhibitor", {"ppi": 0}, ("true_magnesium_mmol_l",))
    >>> table = intervention_effects(
    ...     cs.Population(), ["magnesium_mmol_l", "age_years"], n=10_000, seed=1, interventions=[stop]
    ... )
    >>> (table["difference"] > 0).tolist()
    [True, False]
    """
    chosen, faults = _chosen(interventions)
    faults += simulation_faults(population, n, seed)
    if isinstance(outcomes, str) or not isinstance(outcomes, Sequence) or not outcomes:
        faults.append(Fault("outcomes", f"is {outcomes!r}", "at least one question in a list"))
    raise_faults(faults, "no effect can be found")
    asked = [Asked.read(outcome, among) for outcome in dict.fromkeys(outcomes)]
    raise_faults([*_column_faults(population, asked), *_do_faults(population, chosen)], "no effect can be found")
    totals, people = _totals(population, asked, n, seed, [each.do for each in chosen])
    if people.sum() == 0:
        raise QuestionError(f"among={among!r} holds for nobody of {n:,} simulated people.")
    rows = [
        {
            "intervention": each.name,
            "outcome": one.question.text,
            **_compared(totals[:, [0, life], column], people),
            "people": int(people.sum()),
            "n": n,
        }
        for life, each in enumerate(chosen, start=1)
        for column, one in enumerate(asked)
    ]
    return pd.DataFrame(rows)


def _chosen(given: Any) -> tuple[list[Intervention], list[Fault]]:
    """Return the interventions that are meant, and what is wrong with their choice."""
    packaged = interventions()
    if given is None:
        return list(packaged.values()), []
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        return [], [Fault("interventions", f"is {given!r}", "names or interventions in a list")]
    chosen, faults = [], []
    for each in given:
        if isinstance(each, Intervention):
            chosen.append(each)
        elif each in packaged:
            chosen.append(packaged[each])
        else:
            faults.append(Fault("interventions", f"has {each!r}", f"an Intervention or one of {', '.join(packaged)}"))
    names = [each.name for each in chosen]
    twice = sorted({name for name in names if names.count(name) > 1})
    faults += [Fault("interventions", f"has {name!r} twice", "a name once") for name in twice]
    return chosen, faults


def _column_faults(population: Population, asked: Sequence[Asked]) -> list[Fault]:
    """Return the variables that questions name and the population lacks."""
    known = f"one of {', '.join(population.names)}"
    return [
        Fault(name, "is asked for and is no variable", known)
        for name in _columns(asked)
        if name not in population.names
    ]


def _do_faults(population: Population, chosen: Sequence[Intervention]) -> list[Fault]:
    """Return what of the interventions does not fit the population."""
    faults = []
    for each in chosen:
        try:
            simulate(population, 1, seed=0, do=each.do, columns=population.names[:1])
        except SchemaError as problem:
            faults += [Fault(f"{each.name}: {fault.column}", fault.problem, fault.expected) for fault in problem.faults]
        descendants = population.descendants(each.do)
        faults += [
            Fault(f"{each.name}: {name}", "is said to be acted on", f"a descendant of {', '.join(each.do)}")
            for name in each.acts_on
            if name not in descendants
        ]
    return faults


def _totals(
    population: Population, asked: Sequence[Asked], n: int, seed: int, lives: Sequence[Mapping[str, Any]]
) -> tuple[np.ndarray, np.ndarray]:
    """Return sums of the outcomes, shape (batches, lives as they are and forced, outcomes), and people, shape (batches,)."""
    totals, inside = np.zeros((BATCHES, len(lives) + 1, len(asked))), []
    # Only what descends from what is forced can be otherwise; the rest is not asked again.
    reached = [population.descendants(do) for do in lives]
    touched = [[not changed.isdisjoint(one.question.columns) for one in asked] for changed in reached]
    for batch, (people, *others) in enumerate(batches(population, n, seed, _columns(asked), [{}, *lives])):
        here = inside_of(asked[0].among, people)
        totals[batch] = [_total(one, people, here) for one in asked]
        for life, (forced, places) in enumerate(zip(others, touched, strict=True), start=1):
            for column in np.flatnonzero(places).tolist():
                totals[batch, life, column] = _total(asked[column], forced, here)
        inside.append(here.sum())
    return totals, np.array(inside, dtype=float)


def _columns(asked: Sequence[Asked]) -> tuple[str, ...]:
    """Return the variables that questions name, each once."""
    return tuple(dict.fromkeys(column for one in asked for column in one.columns))


def _total(asked: Asked, people: pd.DataFrame, inside: np.ndarray) -> float:
    """Return the sum of an outcome over those who are meant."""
    return float(answered(asked.question, people).astype(float)[inside].sum())


def _compared(totals: np.ndarray, people: np.ndarray) -> dict[str, float]:
    """Return the means of two lives, sums in shape (batches, 2), and how they differ."""
    as_it_is, forced = totals.sum(axis=0) / people.sum()
    difference = forced - as_it_is
    residuals = totals[:, 1] - totals[:, 0] - people * difference
    return {
        "as_it_is": float(as_it_is),
        "forced": float(forced),
        "difference": float(difference),
        "std_error": float(batch_error(residuals[:, None], people.sum(keepdims=True))[0]),
        "ratio": float(forced / as_it_is) if as_it_is else np.nan,
    }
