"""People by what several markers showed: the pattern table behind latent classes, and how their results show themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import optimize

from crampstats.errors import IntervalError, QuestionError
from crampstats.estimates import Component, Estimate
from crampstats.proportions import made_estimate, read_grouping, read_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crampstats.survey import Survey

# Patterns double with each marker.
MOST_MARKERS = 10
# What a difference of shares has to exceed to be none of rounding.
SAME = 1e-9


class Shown:
    """How a result shows itself: its table to four significant digits, without empty notes.

    Examples
    --------
    >>> class Share(Shown):
    ...     _title = "Share of nobody"
    ...     def to_frame(self): return pd.DataFrame({"term": ["share"], "estimate": [0.0], "note": [""]})
    >>> Share()
    <Share of nobody>
     term  estimate
    share         0
    """

    def to_frame(self) -> pd.DataFrame:
        """Return the table."""
        raise NotImplementedError

    @property
    def _title(self) -> str:
        """What it is of."""
        raise NotImplementedError

    def _table(self) -> pd.DataFrame:
        """Return the table for the eye."""
        table = self.to_frame()
        return table if table["note"].any() else table.drop(columns="note")

    def __repr__(self) -> str:
        return f"<{self._title}>\n{self._table().to_string(index=False, float_format='{:.4g}'.format)}"

    def _repr_html_(self) -> str:
        return self._table().to_html(index=False, border=0, float_format="{:.4g}".format)


@dataclass(frozen=True, eq=False)
class PatternTable:
    """People of the domain by population and pattern of markers.

    Attributes
    ----------
    survey
        Whose domain was asked about.
    markers
        What they are called.
    populations, levels
        The column of populations and its levels; None and one level without.
    patterns
        Shape (2^markers, markers): 0 and 1, the first marker changing last.
    cell, weight, cluster
        Shape (rows,): cells numbered population by population; weights that add up to the number of people.
    people
        Shape (levels,).
    counts
        Shape (levels, patterns): the weights in each cell.

    Examples
    --------
    >>> import crampstats as cs
    >>> people = cs.Survey(pd.DataFrame({"serum": [1, 1, 0, 0], "urine": [1, 0, 1, 0], "n": [60, 40, 90, 810]}), count="n")
    >>> read_patterns(people, ["serum", "urine"], None).counts
    array([[810.,  90.,  40.,  60.]])
    """

    survey: Survey
    markers: tuple[str, ...]
    populations: str | None
    levels: tuple[object, ...]
    patterns: np.ndarray
    cell: np.ndarray
    weight: np.ndarray
    cluster: np.ndarray
    people: np.ndarray
    counts: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        cells = len(self.levels) * len(self.patterns)
        counts = np.bincount(self.cell, self.weight, cells).reshape(len(self.levels), -1)
        object.__setattr__(self, "counts", counts)

    @property
    def parameters(self) -> int:
        """Prevalences, sensitivities, specificities."""
        return len(self.levels) + 2 * len(self.markers)

    @property
    def information(self) -> int:
        """Shares that are free to vary."""
        return len(self.levels) * (len(self.patterns) - 1)

    def summed(self, values: np.ndarray) -> np.ndarray:
        """Return what people add up to in each cluster.

        Parameters
        ----------
        values
            Shape (cells, k): what a weight of 1 in each cell adds.

        Returns
        -------
        ndarray
            Shape (clusters, k).
        """
        clusters = self.survey.design.clusters
        columns = [np.bincount(self.cluster, self.weight * column[self.cell], clusters) for column in values.T]
        return np.column_stack(columns)

    def touched(self, count: int) -> np.ndarray:
        """Return which clusters have people of the domain, shape (clusters, count)."""
        touched = np.zeros((self.survey.design.clusters, 1), dtype=bool)
        touched[self.cluster] = True
        return np.broadcast_to(touched, (len(touched), count))

    def shares(self) -> Estimate:
        """Return the share of each pattern, all populations together."""
        share = self.counts.sum(axis=0) / self.counts.sum()
        indicators = np.tile(np.eye(len(share)), (len(self.levels), 1)) - share
        part = Component(self.survey.design, self.summed(indicators) / self.counts.sum(), self.touched(len(share)))
        names = ["".join(str(int(yes)) for yes in pattern) for pattern in self.patterns]
        people = np.full(len(share), float(self.survey.people))
        return made_estimate(self.survey, pd.DataFrame({"term": names}), share, part, people, "korn_graubard")


def read_patterns(survey: Survey, markers: Sequence[str], populations: str | None) -> PatternTable:
    """Read markers and populations.

    Parameters
    ----------
    survey
        Whose domain is asked about.
    markers
        Columns of 0 and 1, or yes/no questions: 1 to 10.
    populations
        A column; None for one population.

    Returns
    -------
    PatternTable
        Of the people of the domain.

    Raises
    ------
    QuestionError
        If a marker is not 0 and 1, is named twice, marks nothing or is missing in the domain, or `populations` cannot be
        read.

    Examples
    --------
    >>> import crampstats as cs
    >>> people = cs.Survey(pd.DataFrame({"magnesium_mmol_l": [0.66, 0.81, 0.86], "tremor": [1, 1, 0]}))
    >>> read_patterns(people, ["magnesium_mmol_l <= 0.70", "tremor"], None).cell
    array([3, 1, 0])
    """
    if isinstance(markers, str) or not 1 <= len(markers) <= MOST_MARKERS:
        raise QuestionError(f"markers={markers!r} has to be a list of 1 to {MOST_MARKERS} columns of 0 and 1.")
    if len(set(markers)) != len(markers):
        raise QuestionError(f"markers={list(markers)!r} names a marker twice; a copy is no second marker.")
    inside = slice(None) if survey.domain is None else survey.domain
    pattern = np.zeros(survey.row_cluster[inside].shape, dtype=np.intp)
    for marker in markers:
        values = read_numbers(survey, marker)[inside]
        if not np.isin(values, (0, 1)).all():
            raise QuestionError(f"{marker!r} has to be a column of 0 and 1 or a yes/no question, as in: x <= 0.70.")
        if values.min() == values.max():
            raise QuestionError(
                f"{marker!r} is {int(values[0])} for everybody in {survey.described}: it marks nothing."
            )
        pattern = 2 * pattern + values.astype(np.intp)
    grouping = read_grouping(survey, [] if populations is None else [populations])
    found, code = np.zeros(1, dtype=np.intp), np.zeros(len(pattern), dtype=np.intp)
    if populations is not None:
        found, code = np.unique(grouping.codes[0][inside], return_inverse=True)
    levels = (None,) if populations is None else tuple(grouping.levels[0][found])
    rows = len(pattern)
    weight = np.ones(rows) if survey.row_weight is None else survey.row_weight[inside]
    count = np.ones(rows) if survey.row_count is None else survey.row_count[inside]
    patterns = np.stack(np.unravel_index(np.arange(2 ** len(markers)), (2,) * len(markers)), axis=1).astype(float)
    return PatternTable(
        survey=survey,
        markers=tuple(markers),
        populations=populations,
        levels=levels,
        patterns=patterns,
        cell=code * len(patterns) + pattern,
        weight=weight * (survey.people / weight.sum()),
        cluster=survey.row_cluster[inside],
        people=np.bincount(code, count, len(levels)),
    )


def quasi_random(points: int, dimensions: int) -> np.ndarray:
    """Return quasi-random points in the unit cube, always the same ones.

    Parameters
    ----------
    points, dimensions
        How many.

    Returns
    -------
    ndarray
        Shape (points, dimensions), from 0 to 1.

    Notes
    -----
    Kronecker's sequence with powers of the root of x^(d+1) = x + 1: Niederreiter H, Random Number Generation and
    Quasi-Monte Carlo Methods, SIAM 1992, chapter 3, doi:10.1137/1.9781611970081.

    Examples
    --------
    >>> quasi_random(2, 2).round(3)
    array([[0.255, 0.07 ],
           [0.01 , 0.64 ]])
    """
    root = float(optimize.brentq(lambda x: x ** (dimensions + 1) - x - 1, 1.0, 2.0, xtol=1e-15))
    return (0.5 + np.arange(1, points + 1)[:, None] * root ** -np.arange(1.0, dimensions + 1)) % 1.0


def check_level(level: float) -> None:
    """Refuse a confidence that is no share.

    Parameters
    ----------
    level
        Between 0 and 1.

    Raises
    ------
    IntervalError
        If it is not.

    Examples
    --------
    >>> check_level(95)
    Traceback (most recent call last):
    crampstats.errors.IntervalError: level=95 has to lie between 0 and 1, as in level=0.95.
    """
    if not 0 < level < 1:
        raise IntervalError(f"level={level!r} has to lie between 0 and 1, as in level=0.95.")
