"""What is true in a simulated population: effects and attributable shares, from the same people in two lives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from crampstats.errors import CrampstatsError, QuestionError
from crampstats.population.batches import BATCHES, Asked, batch_error, batches, simulation_faults
from crampstats.schema import Fault, raise_faults

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crampstats.population.populations import Population

Measure = Literal["difference", "ratio", "odds_ratio", "attributable_fraction"]


@dataclass(frozen=True)
class TrueEffect:
    """A truth found by simulation, with the error of having simulated finitely many people.

    Attributes
    ----------
    exposure, outcome
        The variable forced, and the question asked of everybody.
    measure
        ``"difference"``, ``"ratio"``, ``"odds_ratio"`` or ``"attributable_fraction"``.
    value, std_error
        The truth and its Monte Carlo standard error, in the unit of the outcome or 1.
    exposed, reference
        Mean outcome in the two lives; for an attributable fraction the first one is life as it is.
    n
        People simulated in either life.

    Examples
    --------
    >>> import crampstats as cs
    >>> truth = cs.true_effect(cs.Population(), "supplement", "cramps_per_week", values=(1, 0), n=1000, seed=1)
    >>> truth.measure, truth.n
    ('difference', 1000)
    """

    exposure: str
    outcome: str
    measure: Measure
    value: float
    std_error: float
    exposed: float
    reference: float
    n: int

    def to_frame(self) -> pd.DataFrame:
        """Return the truth as a table of one row, its attributes the columns."""
        names = ["exposure", "outcome", "measure", "value", "std_error", "exposed", "reference", "n"]
        return pd.DataFrame([{name: getattr(self, name) for name in names}])

    def _repr_html_(self) -> str:
        return str(self.to_frame().to_html(index=False))


@dataclass(frozen=True)
class TrueMean:
    """A mean found by simulation, with the error of having simulated finitely many people.

    Attributes
    ----------
    outcome
        The question asked of everybody.
    value, std_error
        The mean and its Monte Carlo standard error, in the unit of the outcome.
    n
        People simulated.
    """

    outcome: str
    value: float
    std_error: float
    n: int

    def to_frame(self) -> pd.DataFrame:
        """Return the truth as a table of one row, its attributes the columns."""
        return pd.DataFrame([{name: getattr(self, name) for name in ("outcome", "value", "std_error", "n")}])

    def _repr_html_(self) -> str:
        return str(self.to_frame().to_html(index=False))


def true_effect(
    population: Population,
    exposure: str,
    outcome: str,
    *,
    values: tuple[Any, Any],
    n: int,
    seed: int,
    among: str | None = None,
    measure: Measure = "difference",
) -> TrueEffect:
    """Return the effect of forcing a variable on the mean of an outcome, by simulating the same people twice.

    Parameters
    ----------
    population
        Whose truth.
    exposure
        The variable forced.
    outcome
        A question or arithmetic as in `crampstats.questions`: ``"magnesium_mg_dl <= 1.7"``, ``"cramps_per_week"``.
    values
        To what the exposure is forced: exposed and reference.
    n
        People to simulate, at least 128, spread over 64 populations with seeds of their own, so that luck which people
        share (that of villages) counts in the error.
    seed
        A whole number, not negative.
    among
        A question on variables that do not descend from the exposure: only for these people.
    measure
        ``"difference"``, ``"ratio"`` or ``"odds_ratio"`` (of a yes/no outcome) of the two means.

    Raises
    ------
    SchemaError
        With every fault of the arguments.
    QuestionError
        If a question cannot be read or answered.

    Notes
    -----
    The error is that of batch means; of ratios by the delta method.

    Examples
    --------
    >>> import crampstats as cs
    >>> effect = true_effect(cs.Population(), "ppi", "magnesium_mmol_l", values=(1, 0), n=100_000, seed=1)
    >>> effect.value < 0
    True
    """
    given: Any = values
    faults = []
    if measure not in ("difference", "ratio", "odds_ratio"):
        faults.append(Fault("measure", f"is {measure!r}", "one of difference, ratio, odds_ratio"))
    if not isinstance(given, tuple | list) or len(given) != 2:
        faults.append(Fault("values", f"are {given!r}", "two values: exposed and reference"))
    asked = _asked(population, exposure, outcome, n, seed, among, faults)
    lives = ({exposure: given[0]}, {exposure: given[1]})
    return _contrast(population, exposure, asked, lives, n, seed, measure)


def true_mean(
    population: Population,
    outcome: str,
    *,
    n: int,
    seed: int,
    do: Mapping[str, Any] | None = None,
    among: str | None = None,
) -> TrueMean:
    """Return the mean of an outcome over all people who might live, by simulating many.

    Parameters
    ----------
    population, n, seed
        As in `true_effect`.
    outcome
        A question (then the mean is a prevalence) or arithmetic, as in `crampstats.questions`.
    do
        What everybody is forced to have, see `crampstats.simulate`.
    among
        A question: only for these people.

    Raises
    ------
    SchemaError, QuestionError
        As `true_effect`.

    Examples
    --------
    >>> import crampstats as cs
    >>> low = true_mean(cs.Population(), "true_magnesium_mmol_l <= 0.70", n=100_000, seed=1)
    >>> 0 < low.value < 0.1
    True
    """
    raise_faults(simulation_faults(population, n, seed), "there is no such truth")
    totals = _totals(population, Asked.read(outcome, among), n, seed, [{} if do is None else do])
    value = totals[:, 0].sum() / totals[:, 1].sum()
    return TrueMean(outcome, float(value), _mean_error(totals[:, 0] - totals[:, 1] * value, totals[:, 1].sum()), n)


def true_attributable_fraction(
    population: Population, exposure: str, outcome: str, *, reference: Any, n: int, seed: int
) -> TrueEffect:
    """Return the share of an outcome that would be gone if an exposure had its reference value for everybody.

    Parameters
    ----------
    population, exposure, outcome, n, seed
        As in `true_effect`.
    reference
        The value that everybody would have.

    Raises
    ------
    SchemaError, QuestionError
        As `true_effect`.

    Notes
    -----
    Greenland S, Robins JM, Am J Epidemiol 1988;128:1185-1197, doi:10.1093/oxfordjournals.aje.a115073: the excess fraction,
    1 - E[outcome if reference] / E[outcome].

    Examples
    --------
    >>> import crampstats as cs
    >>> found = true_attributable_fraction(
    ...     cs.Population(), "diabetes", "magnesium_mg_dl <= 1.7", reference=0, n=200_000, seed=1
    ... )
    >>> 0 < found.value < 1
    True
    """
    asked = _asked(population, exposure, outcome, n, seed, None, [])
    return _contrast(population, exposure, asked, ({}, {exposure: reference}), n, seed, "attributable_fraction")


def _asked(
    population: Population, exposure: Any, outcome: str, n: int, seed: int, among: str | None, faults: list[Fault]
) -> Asked:
    """Return the questions as they were read, or raise every fault of the arguments."""
    title = "there is no such truth"
    faults = [*faults, *simulation_faults(population, n, seed)]
    raise_faults([fault for fault in faults if fault.column == "population"], title)
    if not isinstance(exposure, str) or exposure not in population.names:
        raise_faults(
            [*faults, Fault("exposure", f"{exposure!r} is no variable", f"one of {', '.join(population.names)}")], title
        )
    asked = Asked.read(outcome, among)
    descendants = population.descendants([exposure])
    wrong = sorted(descendants & set(asked.among.columns)) if asked.among else []
    expected = "a question on what the exposure leaves alone"
    raise_faults([*faults, *(Fault(name, f"descends from {exposure!r}", expected) for name in wrong)], title)
    return asked


def _contrast(
    population: Population,
    exposure: str,
    asked: Asked,
    lives: tuple[Mapping[str, Any], Mapping[str, Any]],
    n: int,
    seed: int,
    measure: Measure,
) -> TrueEffect:
    """Compare two lives of the same people."""
    totals = _totals(population, asked, n, seed, lives, yes_no=measure == "odds_ratio")
    value, std_error, means = _compared(totals, measure)
    outcome = asked.question.text
    if not np.isfinite([value, std_error]).all():
        raise CrampstatsError(
            f"the {measure.replace('_', ' ')} of {outcome!r} does not exist: its means are {means[0]:g} and {means[1]:g} in "
            f"{n:,} simulated people."
        )
    return TrueEffect(exposure, outcome, measure, value, std_error, float(means[0]), float(means[1]), n)


def _totals(
    population: Population,
    asked: Asked,
    n: int,
    seed: int,
    lives: Sequence[Mapping[str, Any]],
    *,
    yes_no: bool = False,
) -> np.ndarray:
    """Return the sum of an outcome in each life and the number of people, shape (batches, lives + 1)."""
    totals = np.zeros((BATCHES, len(lives) + 1))
    for batch, each in enumerate(batches(population, n, seed, asked.columns, lives)):
        for life, people in enumerate(each):
            outcome, inside = asked.of(people)
            if yes_no and not np.isin(outcome, (0.0, 1.0)).all():
                raise QuestionError(f"an odds ratio needs a yes/no outcome; {asked.question.text!r} is a number.")
            totals[batch, life] = outcome[inside].sum()
            totals[batch, -1] = inside.sum()
    if asked.among is not None and totals[:, -1].sum() == 0:
        raise QuestionError(f"among={asked.among.text!r} holds for nobody of {n:,} simulated people.")
    return totals


def _compared(totals: np.ndarray, measure: Measure) -> tuple[float, float, np.ndarray]:
    """Return a measure of two means, its error by batches (batches, 3), and the means."""
    means = totals[:, :2].sum(axis=0) / totals[:, 2].sum()
    first, second = means
    with np.errstate(divide="ignore", invalid="ignore"):  # what does not exist is refused by the caller
        if measure == "difference":
            value, slopes = first - second, np.array([1.0, -1.0])
        elif measure == "ratio":
            value, slopes = first / second, np.array([1.0 / second, -first / second**2])
        elif measure == "odds_ratio":
            value = first * (1 - second) / (second * (1 - first))
            slopes = value * np.array([1 / (first * (1 - first)), -1 / (second * (1 - second))])
        else:
            value, slopes = 1 - second / first, np.array([second / first**2, -1 / first])
    residuals = (totals[:, :2] - totals[:, 2:] * means) @ slopes
    return float(value), _mean_error(residuals, totals[:, 2].sum()), means


def _mean_error(residuals: np.ndarray, people: float) -> float:
    """Return the standard error of one mean by its residuals summed to batches."""
    return float(batch_error(residuals[:, None], np.array([people]))[0])
