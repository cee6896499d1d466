"""How many people a prevalence needs, and how precise a survey of so many is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from crampstats import intervals
from crampstats.errors import CrampstatsError
from crampstats.planning.sizes import SampleSize, number_fault, one_effect, smallest, whole
from crampstats.schema import Fault, is_whole, raise_faults

PlannedMethod = Literal["wald", "korn_graubard", "beta", "logit", "wilson", "arcsine", "likelihood"]


@dataclass(frozen=True, repr=False)
class Precision:
    """The interval that a survey is going to have if its prevalence turns out as assumed.

    Attributes
    ----------
    prevalence
        As assumed, of the condition itself.
    n
        People asked.
    std_error
        Of the estimated prevalence.
    conf_low, conf_high
        Confidence limits.
    level
        Confidence.
    note
        What there is to say of the interval.
    """

    prevalence: float
    n: float
    std_error: float
    conf_low: float
    conf_high: float
    level: float
    note: str = ""

    @property
    def half_width(self) -> float:
        """Half the width of the interval."""
        return (self.conf_high - self.conf_low) / 2

    def to_frame(self) -> pd.DataFrame:
        """Return a table of one row: ``term``, ``n``, ``estimate``, ``std_error``, ``conf_low``, ``conf_high``, ``note``.

        Returns
        -------
        DataFrame
            As of an estimate; ``half_width`` comes before the note.
        """
        row = {
            "term": "prevalence",
            "n": self.n,
            "estimate": self.prevalence,
            "std_error": self.std_error,
            "conf_low": self.conf_low,
            "conf_high": self.conf_high,
            "half_width": self.half_width,
            "note": self.note,
        }
        return pd.DataFrame([row])

    def __repr__(self) -> str:
        return f"<Precision>\n{self.to_frame().to_string(index=False)}"

    def _repr_html_(self) -> str:
        return self.to_frame().to_html(index=False, border=0)


@dataclass(frozen=True)
class _Survey:
    """A survey that is planned.

    Attributes
    ----------
    prevalence, sensitivity, specificity
        Of the condition, and of the test for it.
    effect
        Of the design.
    cluster_size
        Of clusters whose number decides the degrees of freedom; None for none.
    strata
        From which clusters are drawn.
    population
        People in all; infinite where they are too many to matter.
    level, method
        Of the interval.
    """

    prevalence: float
    sensitivity: float
    specificity: float
    effect: float
    cluster_size: float | None
    strata: int
    population: float
    level: float
    method: PlannedMethod

    @property
    def least(self) -> float:
        """The fewest people that leave degrees of freedom."""
        return 2.0 if self.cluster_size is None else self.cluster_size * (self.strata + 1)

    def std_error(self, n: float) -> float:
        """Return the standard error of the prevalence among n people."""
        p, youden = self.prevalence, self.sensitivity + self.specificity - 1
        # Asking everybody leaves the errors of the test: only what people differ in is corrected for.
        wrong = p * self.sensitivity * (1 - self.sensitivity) + (1 - p) * self.specificity * (1 - self.specificity)
        correction = 1.0 if math.isinf(self.population) else max(self.population - n, 0.0) / (self.population - 1)
        spread = self.effect * (correction * p * (1 - p) + wrong / youden**2)
        return math.sqrt(spread / (n if self.method == "wald" else n - 1))

    def interval(self, n: float) -> intervals.Interval:
        """Return the interval among n people."""
        df = math.inf if self.cluster_size is None else n / self.cluster_size - self.strata
        # An interval of a survey without clusters has those of its people; Wald's of the text books has infinitely many.
        if self.method != "wald":
            df = min(df, n - 1)
        columns = (np.array([each]) for each in (self.prevalence, self.std_error(n), n, df))
        return intervals.interval(self.method, *columns, level=self.level)

    def half_width(self, n: float) -> float:
        """Return half the width of the interval among n people."""
        limits = self.interval(n)
        return float(limits.high[0] - limits.low[0]) / 2


def _planned(
    prevalence: float,
    level: float,
    design_effect: float,
    icc: float | None,
    cluster_size: float | None,
    strata: int,
    population: int | None,
    sensitivity: float,
    specificity: float,
    interval_method: PlannedMethod,
) -> _Survey:
    """Return the survey, or raise every fault of the arguments."""
    share = "a share above 0 and below 1"
    faults = number_fault("prevalence", prevalence, share, above=0.0, below=1.0)
    faults += number_fault("level", level, "a number between 0 and 1, such as 0.95", above=0.0, below=1.0)
    for name, value in (("sensitivity", sensitivity), ("specificity", specificity)):
        faults += number_fault(name, value, "a share from 0 to 1", at_least=0.0, at_most=1.0)
    if population is not None:
        faults += number_fault("population", population, "at least 2 people, or None for very many", at_least=2.0)
    if not is_whole(strata, 1):
        faults.append(Fault("strata", f"is {strata!r}", "a whole number of at least 1"))
    effect, wrong = one_effect("design_effect", design_effect, icc, cluster_size)
    faults += wrong
    if interval_method not in get_args(PlannedMethod):
        faults.append(
            Fault("interval_method", f"is {interval_method!r}", f"one of {', '.join(get_args(PlannedMethod))}")
        )
    if not faults:
        if sensitivity + specificity <= 1:
            told = f"{sensitivity!r} and specificity={specificity!r} tell nothing"
            faults.append(Fault("sensitivity", told, "a sum above 1"))
        if (sensitivity, specificity) != (1, 1) and interval_method != "wald":
            problem = f"is {interval_method!r} with an imperfect test"
            faults.append(Fault("interval_method", problem, "'wald', or a test without errors"))
    raise_faults(faults, "a survey cannot be planned like this")
    many = math.inf if population is None else float(population)
    return _Survey(
        prevalence, sensitivity, specificity, effect, cluster_size, strata, many, float(level), interval_method
    )


def precision_of_prevalence(
    prevalence: float,
    n: float,
    *,
    level: float = 0.95,
    design_effect: float = 1.0,
    icc: float | None = None,
    cluster_size: float | None = None,
    strata: int = 1,
    population: int | None = None,
    sensitivity: float = 1.0,
    specificity: float = 1.0,
    interval_method: PlannedMethod = "wald",
) -> Precision:
    """Return how precise a prevalence from so many people will be.

    Parameters
    ----------
    prevalence
        That is expected, between 0 and 1.
    n
        People who are asked and answer.
    level, design_effect, icc, cluster_size, strata, population, sensitivity, specificity, interval_method
        As in `size_for_prevalence`.

    Raises
    ------
    SchemaError
        With every fault of the arguments.
    IntervalError
        If the method has no interval for this design.

    Notes
    -----
    As `size_for_prevalence`.

    Examples
    --------
    >>> precision = precision_of_prevalence(0.10, 900)
    >>> round(precision.std_error, 4), round(precision.half_width, 4)
    (0.01, 0.0196)
    """
    survey = _planned(
        prevalence,
        level,
        design_effect,
        icc,
        cluster_size,
        strata,
        population,
        sensitivity,
        specificity,
        interval_method,
    )
    faults = number_fault(
        "n", n, f"at least {survey.least:g} people, so that there is an interval", at_least=survey.least
    )
    if not faults and n > survey.population:
        faults = [Fault("n", f"is {n!r}", f"at most the population of {population:,}")]
    raise_faults(faults, "a survey cannot be planned like this")
    limits = survey.interval(float(n))
    low, high = float(limits.low[0]), float(limits.high[0])
    return Precision(prevalence, n, survey.std_error(float(n)), low, high, float(level), limits.notes[0])


def size_for_prevalence(
    prevalence: float,
    *,
    half_width: float | None = None,
    relative_error: float | None = None,
    level: float = 0.95,
    design_effect: float = 1.0,
    icc: float | None = None,
    cluster_size: float | None = None,
    strata: int = 1,
    population: int | None = None,
    sensitivity: float = 1.0,
    specificity: float = 1.0,
    response: float = 1.0,
    interval_method: PlannedMethod = "wald",
) -> SampleSize:
    """Return how many people have to be asked so that a prevalence is known to so much.

    Parameters
    ----------
    prevalence
        That is expected, between 0 and 1.
    half_width
        Half the width of the interval that is wanted, as a share: 0.02 is 2 points either way.
    relative_error
        The same as a share of the prevalence; give one of the two.
    level
        Confidence.
    design_effect
        How many times as many people the design needs as a simple random sample, see `design_effect`.
    icc, cluster_size
        Instead of it: intracluster correlation, and people who answer in a cluster. Their number then gives the interval its
        degrees of freedom, clusters less strata, and people come in whole clusters.
    strata
        From which the clusters are drawn.
    population
        People in the population, sampled without replacement; None for so many that it does not matter.
    sensitivity, specificity
        Of the test, taken as known; the interval is that of the corrected prevalence.
    response
        The share of those asked who answer.
    interval_method
        ``"wald"`` with the variance p (1 - p) / n, or one of the intervals of `crampstats.prevalence` with the variance that a
        survey estimates, p (1 - p) / (n - 1): ``"korn_graubard"``, its default, ``"beta"``, ``"logit"``, ``"wilson"``,
        ``"arcsine"``, ``"likelihood"``. The width at the expected prevalence is meant.

    Returns
    -------
    SampleSize
        People to ask, one group; `reached` is the half width among those who answer.

    Raises
    ------
    SchemaError
        With every fault of the arguments.
    CrampstatsError
        If not even the whole population, tested with errors, gives this width.

    Notes
    -----
    Wald: Humphry RW, Cameron A, Gunn GJ, Prev Vet Med 2004;65:173-188, doi:10.1016/j.prevetmed.2004.07.003, as in epiR. A
    finite population: Cochran WG, Sampling Techniques, 3rd ed., Wiley 1977, section 4.4; epiR applies an approximation, and
    only where a tenth of the population is sampled. It corrects for what people differ in, not for the errors of the test.

    Examples
    --------
    >>> size_for_prevalence(0.10, half_width=0.02).n
    865
    >>> size_for_prevalence(0.10, half_width=0.02, icc=0.05, cluster_size=20, strata=4)
    <SampleSize>
        term    n per_group  exact  clusters  goal reached
    10 ± 2 % 1740     1,740 1735.8        87  0.02 0.01998
    """
    survey = _planned(
        prevalence,
        level,
        design_effect,
        icc,
        cluster_size,
        strata,
        population,
        sensitivity,
        specificity,
        interval_method,
    )
    faults = number_fault("response", response, "a share above 0, at most 1", above=0.0, at_most=1.0)
    if (half_width is None) == (relative_error is None):
        faults.append(
            Fault("half_width", f"is {half_width!r} with relative_error={relative_error!r}", "one of the two")
        )
    elif half_width is not None:
        faults += number_fault("half_width", half_width, "a share above 0 and below 1", above=0.0, below=1.0)
    else:
        faults += number_fault("relative_error", relative_error, "a number above 0", above=0.0)
    raise_faults(faults, "a survey cannot be planned like this")
    goal = float(half_width if half_width is not None else (relative_error or 0.0) * prevalence)
    finite = f" of {population:,} people" if population is not None else ""
    refused = f"half_width={goal:g} is not reached by any survey{finite}: allow a wider interval, or use a better test."
    exact = smallest(lambda n: -survey.half_width(n), -goal, least=survey.least, refused=refused)
    if exact > survey.population * (1 + 1e-9):
        raise CrampstatsError(refused)
    clusters = None if cluster_size is None else whole(exact / cluster_size)
    answering = whole(exact) if clusters is None or cluster_size is None else clusters * cluster_size
    answering = min(answering, survey.population)
    term = f"{100 * prevalence:g} ± {100 * goal:g} %"
    return SampleSize(
        term,
        (whole(answering / response),),
        (exact / response,),
        None if clusters is None else (clusters,),
        goal,
        survey.half_width(answering),
    )
