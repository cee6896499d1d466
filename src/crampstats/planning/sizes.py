"""How many people a study needs: the answer as a value, what clusters and weights cost, and how a size is found."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
from scipy import optimize

from crampstats.errors import CrampstatsError
from crampstats.schema import Fault, is_number

if TYPE_CHECKING:
    from collections.abc import Callable

# People beyond which a size is refused: more than there are on earth.
MOST = 1e10
# Rounding that does not make one person more.
ROUNDING = 1e-9


@dataclass(frozen=True, repr=False)
class SampleSize:
    """How many people a study needs.

    Attributes
    ----------
    term
        What is to be found.
    groups
        Whole people to enrol in each group, control first; one group for a prevalence, or where everybody is treated in turn.
    exact
        The same before rounding.
    clusters
        Whole clusters in each group; None without clusters.
    goal
        The power, or half the width of the interval, that was asked for.
    reached
        The same of the whole people; at least as good.

    Examples
    --------
    >>> SampleSize("10 %", (865,), (864.33,), None, 0.02, 0.01999).n
    865
    """

    term: str
    groups: tuple[int, ...]
    exact: tuple[float, ...]
    clusters: tuple[int, ...] | None
    goal: float
    reached: float

    @property
    def n(self) -> int:
        """People to enrol in all."""
        return sum(self.groups)

    def to_frame(self) -> pd.DataFrame:
        """Return the size as a table of one row.

        Returns
        -------
        DataFrame
            ``term``, ``n`` (people in all), ``per_group`` (as text, control first), ``exact`` (people in all before
            rounding), ``clusters`` (in all; None without), ``goal``, ``reached``.
        """
        return pd.DataFrame(
            {
                "term": [self.term],
                "n": [self.n],
                "per_group": [" + ".join(f"{size:,}" for size in self.groups)],
                "exact": [sum(self.exact)],
                "clusters": [None if self.clusters is None else sum(self.clusters)],
                "goal": [self.goal],
                "reached": [self.reached],
            }
        )

    def _shown(self) -> pd.DataFrame:
        """Return the table for the eye."""
        table = self.to_frame()
        table = table if self.clusters is not None else table.drop(columns="clusters")
        return table.assign(exact=[f"{table['exact'].iloc[0]:.1f}"], reached=[f"{self.reached:.4g}"])

    def __repr__(self) -> str:
        return f"<SampleSize>\n{self._shown().to_string(index=False)}"

    def _repr_html_(self) -> str:
        return self._shown().to_html(index=False, border=0)


def design_effect(
    *, icc: float = 0.0, cluster_size: float = 1.0, cluster_size_cv: float = 0.0, weight_cv: float = 0.0
) -> float:
    """Return how many times as many people a survey needs as a simple random sample does.

    Parameters
    ----------
    icc
        Intracluster correlation, from 0 to 1: how much more alike people of a cluster are.
    cluster_size
        People in a cluster on average, at least 1.
    cluster_size_cv
        Standard deviation of the cluster sizes over their mean.
    weight_cv
        Standard deviation of the weights over their mean.

    Raises
    ------
    CrampstatsError
        If a number lies outside its range.

    Notes
    -----
    (1 + cv²) for weights that have nothing to do with the outcome, times 1 + (m - 1) icc for clusters of m people: Kish L,
    Survey Sampling, Wiley 1965, sections 5.4 and 11.7; as a product Gabler S, Häder S, Lahiri P, Surv Methodol
    1999;25:105-106. Unequal clusters: Eldridge SM et al., Int J Epidemiol 2006;35:1292-1300, doi:10.1093/ije/dyl129.

    Examples
    --------
    >>> round(design_effect(icc=0.05, cluster_size=20), 4)
    1.95
    >>> round(design_effect(icc=0.05, cluster_size=20, weight_cv=0.5), 4)
    2.4375
    """
    require("icc", icc, "a correlation from 0 to 1", at_least=0.0, at_most=1.0)
    require("cluster_size", cluster_size, "a mean of at least 1 person", at_least=1.0)
    require("cluster_size_cv", cluster_size_cv, "a number of at least 0", at_least=0.0)
    require("weight_cv", weight_cv, "a number of at least 0", at_least=0.0)
    return (1.0 + weight_cv**2) * (1.0 + ((1.0 + cluster_size_cv**2) * cluster_size - 1.0) * icc)


def number_fault(
    name: str,
    value: Any,
    expected: str,
    *,
    above: float = -math.inf,
    below: float = math.inf,
    at_least: float = -math.inf,
    at_most: float = math.inf,
) -> list[Fault]:
    """Return a fault unless a value is a number in a range.

    Parameters
    ----------
    name, value
        Of the parameter.
    expected
        What it should be, in words.
    above, below, at_least, at_most
        Its range.
    """
    right = is_number(value) and above < value < below and at_least <= value <= at_most
    return [] if right else [Fault(name, f"is {value!r}", expected)]


def require(name: str, value: Any, expected: str, **limits: float) -> None:
    """Refuse a parameter that is no number in its range.

    Parameters
    ----------
    name, value, expected, **limits
        As in `number_fault`.

    Raises
    ------
    CrampstatsError
        If it is not.
    """
    if number_fault(name, value, expected, **limits):
        raise CrampstatsError(f"{name}={value!r} has to be {expected}.")


def one_effect(name: str, given: float, icc: float | None, cluster_size: float | None) -> tuple[float, list[Fault]]:
    """Return the design effect, given as such or by clusters, and what is wrong with how it was given.

    Parameters
    ----------
    name
        Of the parameter that gives it as such.
    given
        The design effect; 1 where clusters are to give it.
    icc, cluster_size
        Both, or None.
    """
    if icc is None and cluster_size is None:
        return given, number_fault(name, given, "a number above 0", above=0.0)
    faults = []
    if icc is None or cluster_size is None:
        faults.append(Fault("icc", f"is {icc!r} with cluster_size={cluster_size!r}", "both, or neither"))
    else:
        faults += number_fault("icc", icc, "a correlation from 0 to 1", at_least=0.0, at_most=1.0)
        faults += number_fault("cluster_size", cluster_size, "a mean of at least 1 person", at_least=1.0)
    if given != 1.0:
        faults.append(Fault(name, f"is {given!r} beside icc and cluster_size", "one of the two"))
    if faults or icc is None or cluster_size is None:
        return 1.0, faults
    return design_effect(icc=icc, cluster_size=cluster_size), []


def smallest(reaches: Callable[[float], float], goal: float, *, least: float, refused: str) -> float:
    """Return the size, not whole, at which a rising function reaches a goal.

    Parameters
    ----------
    reaches
        Of the size; rises.
    goal
        To be reached.
    least
        The smallest size that has a sense; returned if it is enough.
    refused
        The message if no size reaches the goal.

    Raises
    ------
    CrampstatsError
        If none does.
    """
    if reaches(least) >= goal:
        return least
    high = 2.0 * max(least, 1.0)
    while reaches(high) < goal:
        high *= 2.0
        if high > MOST:
            raise CrampstatsError(refused)
    return float(
        optimize.brentq(
            lambda size: reaches(size) - goal,
            high / 4.0 if high > 4 * least else least,
            high,
            xtol=1e-10,
            rtol=1e-14,
            maxiter=500,
        )
    )


def whole(exact: float) -> int:
    """Return the next whole number, rounding apart.

    Parameters
    ----------
    exact
        Not negative.
    """
    return math.ceil(exact - ROUNDING * max(exact, 1.0))
