"""People of a survey in the cells of a number that is reported to a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from crampstats.cutoffs import MOST_STEPS, SAME, reporting_step
from crampstats.errors import CrampstatsError
from crampstats.estimates import Component
from crampstats.proportions import read_numbers
from crampstats.schema import is_number

if TYPE_CHECKING:
    from crampstats.survey import Survey

# Values may lie this far from a step, in steps, as where decimals have been cut.
OFF_STEP = 100 * SAME


@dataclass(frozen=True)
class Cells:
    """The people of a domain in cells of one step.

    Attributes
    ----------
    row_cell, row_cluster, row_weight
        Shape (rows in the domain,): which of the occupied cells, cluster and weight.
    place
        Shape (J,): which of all cells each occupied one is.
    people, weight
        Shape (J,): of the occupied cells.
    reported, low, high
        Shape (all,): reported values from the lowest to the highest, empty cells among them, and the ends of the cells,
        infinite where a cell stands for all beyond.
    step
        Of the reported values.

    Examples
    --------
    >>> import crampstats as cs
    >>> serum = cs.datasets.nhanes_magnesium().observed("magnesium_mg_dl")
    >>> cells = Cells.of(serum, "magnesium_mg_dl", None, 1.4, 2.5)
    >>> cells.step, cells.low[:3].round(2), int(cells.people[0])
    (0.1, array([-inf, 1.45, 1.55]), 44)
    """

    row_cell: np.ndarray
    row_cluster: np.ndarray
    row_weight: np.ndarray
    place: np.ndarray
    people: np.ndarray
    weight: np.ndarray
    reported: np.ndarray
    low: np.ndarray
    high: np.ndarray
    step: float

    @classmethod
    def of(cls, survey: Survey, column: str, step: float | None, lowest: float | None, highest: float | None) -> Cells:
        """Read a column and sort its people into cells.

        Parameters
        ----------
        survey
            Whose domain is asked about.
        column, step, lowest, highest
            As in `crampstats.measurement.rounding.fit_rounded`.

        Raises
        ------
        QuestionError
            If the column is no number, or somebody in the domain has no value.
        CrampstatsError
            If the column is not reported in steps, or `lowest` or `highest` is no reported value.
        """
        values = np.asarray(read_numbers(survey, column), dtype=float)
        inside: slice | np.ndarray = slice(None) if survey.domain is None else survey.domain
        values = values[inside]
        step = _read_step(values, column, step)
        start = values.min()
        places = _places(values, start, step, column)
        first = 0 if lowest is None else _end(lowest, "lowest", start, step, column)
        last = int(places.max()) if highest is None else _end(highest, "highest", start, step, column)
        if last <= first:
            raise CrampstatsError(
                f"lowest={lowest!r} and highest={highest!r} leave no two cells of {column!r}; set them further apart."
            )
        places = np.clip(places, first, last) - first
        people = np.ones(len(values)) if survey.row_count is None else survey.row_count[inside]
        weight = people if survey.row_weight is None else survey.row_weight[inside]
        counts = np.bincount(places, people, last - first + 1)
        occupied = np.flatnonzero(counts)
        number = np.zeros(len(counts), dtype=np.intp)
        number[occupied] = np.arange(len(occupied))
        # Far more digits than the step has, and none that only adding up has made.
        reported = np.round(start + step * np.arange(first, last + 1), 9 - int(np.floor(np.log10(step))))
        low, high = reported - step / 2, reported + step / 2
        if lowest is not None:
            low[0] = -np.inf
        if highest is not None:
            high[-1] = np.inf
        return cls(
            row_cell=number[places],
            row_cluster=survey.row_cluster[inside],
            row_weight=weight,
            place=occupied,
            people=counts[occupied],
            weight=np.bincount(places, weight, len(counts))[occupied],
            reported=reported,
            low=low,
            high=high,
            step=step,
        )

    def component(self, survey: Survey, influence: np.ndarray) -> Component:
        """Return the contributions of clusters to estimates.

        Parameters
        ----------
        survey
            As it was read.
        influence
            Shape (J, k): what a weight of 1 in each occupied cell adds.

        Returns
        -------
        Component
            Of k estimates.
        """
        clusters = survey.design.clusters
        sums = [
            np.bincount(self.row_cluster, self.row_weight * column[self.row_cell], clusters) for column in influence.T
        ]
        touched = np.zeros((clusters, 1), dtype=bool)
        touched[self.row_cluster] = True
        contributions = np.stack(sums, axis=1)
        return Component(survey.design, contributions, np.broadcast_to(touched, contributions.shape))


def _read_step(values: np.ndarray, column: str, step: float | None) -> float:
    """Return the step of a column, given or found."""
    if step is None:
        found = reporting_step(values)
        if found is None:
            raise CrampstatsError(
                f"{column!r} is not reported in steps: it has one distinct value, or more than {MOST_STEPS:,} steps between "
                "the smallest and the largest; if it was rounded, give the step, as in step=0.1."
            )
        return found
    if not is_number(step) or step <= 0:
        raise CrampstatsError(f"step={step!r} has to be a positive number, as in step=0.1.")
    if values.max() - values.min() > MOST_STEPS * step:
        raise CrampstatsError(f"step={step!r}: the values of {column!r} lie more than {MOST_STEPS:,} steps apart.")
    return float(step)


def _places(values: np.ndarray, start: float, step: float, column: str) -> np.ndarray:
    """Return how many steps above the smallest value each one is, refusing values between steps."""
    steps = (values - start) / step
    places = np.round(steps)
    off = np.abs(steps - places) > OFF_STEP
    if off.any():
        raise CrampstatsError(
            f"step={step:g}: {column!r} is not reported in such steps, {values[off][0]:g} lies between two of them from "
            f"{start:g} on."
        )
    return places.astype(np.intp)


def _end(end: float, name: str, start: float, step: float, column: str) -> int:
    """Return how many steps above the smallest value an outermost cell is."""
    place = (end - start) / step if is_number(end) else np.nan
    if not abs(place - np.round(place)) <= OFF_STEP or abs(place) > MOST_STEPS:
        raise CrampstatsError(
            f"{name}={end!r} has to be a value that {column!r} can be reported as: {start:g} and whole steps of {step:g} from it."
        )
    return int(np.round(place))
