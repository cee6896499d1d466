"""The sampling design, and the one place where contributions become covariance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from crampstats.errors import DesignError

LonelyRule = Literal["fail", "adjust", "certainty", "average"]


@dataclass(frozen=True, eq=False)
class Design:
    """How the clusters of a survey were drawn: strata, sizes, corrections.

    Two estimates share their sampling error only if they hold the same `Design` object; equal numbers do not make two
    designs the same survey.

    Parameters
    ----------
    stratum
        Shape (clusters,) int: the stratum of each cluster, from 0 to strata - 1.
    stratum_labels
        Length strata: what the user calls them.
    units
        Shape (clusters,) float: how many sampled units a row stands for. 1, except where people who were drawn one by
        one have been tabulated into rows of equal people.
    population_size
        Shape (strata,): units in the population, for the finite-population correction; None to do without.
    lonely
        What to do with a stratum of one unit, which has no variance of its own: ``"fail"`` raises; ``"adjust"`` takes
        its distance from the mean of all units; ``"certainty"`` lets it add nothing; ``"average"`` gives
        it the mean variance of the others. The last three are R's ``survey.lonely.psu`` options of the same names.

    Raises
    ------
    DesignError
        If a stratum has one unit and `lonely` is ``"fail"``, if nothing but such strata is left for ``"average"``, or
        if a stratum has more units than its population.

    Notes
    -----
    Clusters are taken as drawn with replacement within strata, or with the correction of one stage: the
    ultimate-cluster variance of Hansen MH, Hurwitz WN, Madow WG, Sample Survey Methods and Theory, Wiley 1953.

    Examples
    --------
    >>> design = Design(np.array([0, 0, 1, 1]), ("north", "south"), np.ones(4))
    >>> design.covariance(np.array([[1.0], [-1.0], [2.0], [-2.0]]))
    array([[20.]])
    """

    stratum: np.ndarray
    stratum_labels: tuple[Any, ...]
    units: np.ndarray
    population_size: np.ndarray | None = None
    lonely: LonelyRule = "fail"

    def __post_init__(self) -> None:
        if self.lonely not in get_args(LonelyRule):
            raise DesignError(f"lonely={self.lonely!r} is unknown: choose from {', '.join(get_args(LonelyRule))}.")
        sampled = self.stratum_units
        if self.population_size is not None and np.any(sampled > self.population_size):
            worst = self._names(sampled > self.population_size)
            raise DesignError(f"more units were sampled than the population has, in {worst}.")
        alone = self._lonely_strata
        if alone.any() and self.lonely == "fail":
            raise DesignError(
                f"only one cluster in {self._names(alone)}: such a stratum has no variance. Merge it with a neighbour, or "
                "choose lonely='adjust', 'certainty' or 'average'."
            )
        if self.lonely == "average" and alone.all():
            raise DesignError("lonely='average' has no stratum with two clusters to take the average of.")

    @property
    def clusters(self) -> int:
        """Rows that a matrix of contributions has."""
        return len(self.stratum)

    @property
    def strata(self) -> int:
        """Number of strata."""
        return len(self.stratum_labels)

    @property
    def stratum_units(self) -> np.ndarray:
        """Sampled units of each stratum, shape (strata,)."""
        return np.bincount(self.stratum, self.units, minlength=self.strata)

    @property
    def _not_drawn(self) -> np.ndarray:
        """Share of each stratum's population that was not drawn: the finite-population correction, shape (strata,)."""
        if self.population_size is None:
            return np.ones(self.strata)
        return 1.0 - self.stratum_units / self.population_size

    @property
    def _lonely_strata(self) -> np.ndarray:
        """Strata of one unit that could have been another one, shape (strata,) bool."""
        return (self.stratum_units == 1) & (self._not_drawn > 1e-7)

    def _names(self, chosen: np.ndarray) -> str:
        """Name some strata for a message."""
        names = [repr(self.stratum_labels[index]) for index in np.flatnonzero(chosen)]
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        return ("stratum " if len(names) == 1 else "strata ") + ", ".join(names[:5]) + more

    def _deviations(self, contributions: np.ndarray, touched: np.ndarray | None) -> np.ndarray:
        """Return rows whose cross-product is the covariance."""
        sampled, alone = self.stratum_units, self._lonely_strata
        several = np.where(sampled > 1, sampled, 2.0)
        scale = self._not_drawn * np.where(sampled > 1, several / (several - 1.0), 0.0)
        centre = np.zeros((self.strata, contributions.shape[1]))
        for column in range(contributions.shape[1]):
            centre[:, column] = np.bincount(self.stratum, contributions[:, column], self.strata)
        centre /= np.maximum(sampled, 1.0)[:, None]
        if self.lonely == "adjust":
            scale[alone] = self._not_drawn[alone]
            centre[alone] = contributions.sum(axis=0) / sampled.sum()
        units = np.where(self.units > 0, self.units, 1.0)
        deviations = contributions / units[:, None]
        deviations -= centre[self.stratum]
        deviations *= np.sqrt(scale[self.stratum] * self.units)[:, None]
        if self.lonely == "average" and alone.any():
            deviations *= np.sqrt(self._share_of_lonely(touched, alone, contributions.shape[1]))
        return deviations

    def _share_of_lonely(self, touched: np.ndarray | None, alone: np.ndarray, columns: int) -> np.ndarray:
        """Return how many times the variance of the other strata stands for that of all of a domain, shape (columns,)."""
        here = np.ones((self.strata, columns), dtype=bool)
        if touched is not None:
            here = np.stack([np.bincount(self.stratum, column, self.strata) > 0 for column in touched.T], axis=1)
        others = (here & ~alone[:, None]).sum(axis=0)
        if (others == 0).any():
            raise DesignError(
                "lonely='average' has no stratum with two clusters and people of the domain to take the average of."
            )
        return here.sum(axis=0) / others

    def covariance(self, contributions: np.ndarray, touched: np.ndarray | None = None) -> np.ndarray:
        """Turn contributions into the covariance of the estimates that they belong to.

        Parameters
        ----------
        contributions
            Shape (clusters, k): the influence of the people of each cluster on each of k estimates, added up.
        touched
            Shape (clusters, k) bool: whether the cluster has people in the domain of each estimate; None for all. Only
            ``lonely="average"`` asks.

        Returns
        -------
        ndarray
            Shape (k, k).
        """
        deviations = self._deviations(contributions, touched)
        return deviations.T @ deviations

    def variance(self, contributions: np.ndarray, touched: np.ndarray | None = None) -> np.ndarray:
        """Return the diagonal of `covariance` alone, shape (k,), without the memory of the whole.

        Parameters
        ----------
        contributions, touched
            As in `covariance`.
        """
        deviations = self._deviations(contributions, touched)
        return np.einsum("ck,ck->k", deviations, deviations)

    def degrees_of_freedom(self, touched: np.ndarray) -> np.ndarray:
        """Count clusters less strata, of those that have people in a domain.

        Parameters
        ----------
        touched
            Shape (clusters, k) bool: whether the cluster has people in the domain of each estimate.

        Returns
        -------
        ndarray
            Shape (k,) float; may be zero, which estimators refuse.

        Notes
        -----
        As R's survey counts them for a subset: strata and clusters without people of the domain do not count
        (Korn EL, Graubard BI, Analysis of Health Surveys, Wiley 1999, section 5.2).
        """
        degrees = np.empty(touched.shape[1])
        for column in range(touched.shape[1]):
            rows = touched[:, column]
            strata = np.count_nonzero(np.bincount(self.stratum[rows], minlength=self.strata))
            degrees[column] = self.units[rows].sum() - strata
        return degrees
