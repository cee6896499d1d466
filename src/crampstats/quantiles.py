"""Quantiles with Woodruff's intervals, and the distribution function that they invert."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from crampstats import intervals
from crampstats.errors import IntervalError, QuestionError
from crampstats.estimates import Component
from crampstats.numerics import cell_totals
from crampstats.proportions import made_estimate, read_grouping, read_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import ArrayLike

    from crampstats.design import Design
    from crampstats.estimates import Estimate
    from crampstats.intervals import Interval, Method
    from crampstats.survey import Survey

# A cumulative share this close to a probability has reached it: sums of weights are no more exact.
TIE = 1e-12
METHODS = ("wald", *intervals.PROPORTION_METHODS)


def shares_up_to(survey: Survey, values: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, Component, float]:
    """Estimate the distribution function at several values, in one pass over the rows.

    Parameters
    ----------
    survey
        Whose domain is asked about.
    values
        Shape (rows,) float; outside the domain they mean nothing.
    edges
        Shape (k,), increasing.

    Returns
    -------
    value : ndarray
        Shape (k,): the weighted shares at or below each edge. 1 is exactly 1, 0 exactly 0.
    component : Component
        Their contributions.
    people : float
        How many people were asked.
    """
    inside = survey.domain
    passed = np.searchsorted(edges, values, side="left")
    whole = len(edges)  # the last column is everybody, summed as the others are, so that no share exceeds it
    if survey.cluster is None:
        weight = np.ones(len(survey)) if survey.row_weight is None else survey.row_weight
        count = np.ones(len(survey)) if survey.row_count is None else survey.row_count
        if inside is not None:
            weight, count = np.where(inside, weight, 0.0), np.where(inside, count, 0.0)
        amount = weight[:, None] * (passed[:, None] <= np.arange(whole + 1))
        people = count
    else:
        codes, sizes = [survey.row_cluster, passed], [survey.design.clusters, whole + 1]
        if inside is not None:
            codes.append(inside)
            sizes.append(2)
        sums = cell_totals(codes, sizes, [survey.row_count, survey.row_weight])
        counted, weighed = (part if inside is None else part[..., 1] for part in sums)
        amount, people = weighed.cumsum(axis=1), counted.sum(axis=1)
    return _shares(survey.design, amount, people)


def _shares(design: Design, amount: np.ndarray, people: np.ndarray) -> tuple[np.ndarray, Component, float]:
    """Return shares, contributions and people of weights up to each edge and in all, (clusters, k + 1), and of people."""
    totals = amount.sum(axis=0)
    value = totals[:-1] / totals[-1]
    contributions = (amount[:, :-1] - value * amount[:, -1:]) / totals[-1]
    touched = np.broadcast_to(people[:, None] > 0, contributions.shape)
    return value, Component(design, contributions, touched), float(people.sum())


def _narrowed(design: Design, row_cluster: np.ndarray) -> tuple[Design, np.ndarray]:
    """Return a design with the same variance for estimates of some rows, and the cluster of each of these.

    The clusters without such a row are alike, all of contribution 0, and stand together, the last ones, one a stratum.
    """
    number = np.zeros(design.clusters, dtype=np.int32)
    number[row_cluster] = 1
    found = np.flatnonzero(number)
    number[found] = np.arange(len(found), dtype=np.int32)
    stratum, units = design.stratum[found], design.units[found]
    others = design.stratum_units - np.bincount(stratum, units, design.strata)
    stratum = np.concatenate([stratum, np.arange(design.strata, dtype=stratum.dtype)])
    return replace(design, stratum=stratum, units=np.concatenate([units, others])), number[row_cluster]


@dataclass(frozen=True, eq=False, repr=False)
class Quantiles:
    """Quantiles of a number with intervals made by inverting its distribution function.

    A quantile is no smooth function of totals: these have no covariance and cannot be contrasted as an `Estimate` can.

    Attributes
    ----------
    labels
        Shape (k, 2 + by): ``term``, ``probability`` and the columns by which they were made.
    value
        Shape (k,), in the unit of the variable.
    std_error
        Shape (k,): half the width of the interval, divided by the quantile of t; infinite where an end is.
    limits
        Lower and upper ends, shape (k,); infinite where the sample does not bound the quantile, and the note says so.
    n, df
        Shape (k,): people asked, and degrees of freedom of their domain.
    level
        Confidence of the interval.
    interval_method
        How the interval of the share was made.
    source
        The survey and its domain, in words.

    Examples
    --------
    >>> import crampstats as cs, pandas as pd
    >>> people = cs.Survey(pd.DataFrame({"magnesium_mmol_l": [0.7 + 0.01 * i for i in range(25)]}))
    >>> quantile(people, "magnesium_mmol_l", [0.5])
    <Quantiles of survey: 95 % logit intervals>
                term  probability  n  estimate  std_error  conf_low  conf_high
    magnesium_mmol_l          0.5 25      0.82    0.02423      0.77       0.87
    """

    labels: pd.DataFrame
    value: np.ndarray
    std_error: np.ndarray
    limits: Interval
    n: np.ndarray
    df: np.ndarray
    level: float
    interval_method: Method
    source: str

    def to_frame(self) -> pd.DataFrame:
        """Return the quantiles as a table.

        Returns
        -------
        DataFrame
            ``term``, ``probability``, the by columns, ``n``, ``estimate``, ``std_error``, ``conf_low``, ``conf_high``, and
            ``note``, which is empty where there is nothing to say.
        """
        return self.labels.assign(
            n=self.n.astype(np.int64),
            estimate=self.value,
            std_error=self.std_error,
            conf_low=self.limits.low,
            conf_high=self.limits.high,
            note=list(self.limits.notes),
        )

    def __len__(self) -> int:
        return len(self.value)

    def _shown(self) -> pd.DataFrame:
        """Return the table without notes where all are empty."""
        table = self.to_frame()
        return table if table["note"].any() else table.drop(columns="note")

    def __repr__(self) -> str:
        head = f"<Quantiles of {self.source}: {100 * self.level:g} % {self.interval_method} intervals>"
        return f"{head}\n{self._shown().to_string(index=False, float_format='{:.4g}'.format)}"

    def _repr_html_(self) -> str:
        return self._shown().to_html(index=False, border=0, float_format="{:.4g}".format)


def _probabilities(probabilities: ArrayLike) -> np.ndarray:
    """Return the probabilities asked for, shape (k,), all between 0 and 1."""
    asked = np.atleast_1d(np.asarray(probabilities, dtype=float))
    wrong = ~((asked > 0) & (asked < 1))
    if asked.ndim != 1 or asked.size == 0 or wrong.any():
        shown = f"{asked[wrong].ravel()[0]:g}" if wrong.any() else repr(probabilities)
        raise QuestionError(
            f"probabilities={shown} has to lie between 0 and 1, as in probabilities=[0.025, 0.5, 0.975]."
        )
    return asked


def _smallest_reaching(values: np.ndarray, cumulative: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return the smallest of sorted values whose cumulative weight reaches each share, the largest for shares above 1."""
    place = np.searchsorted(cumulative, (shares - TIE) * cumulative[-1], side="left")
    return values[np.minimum(place, len(values) - 1)]


def _share_interval(shares: Estimate, method: Method, level: float) -> Interval:
    """Return the intervals of the shares at or below quantiles, saying of which quantile there is none."""
    try:
        return shares.interval(level=level, method=method)
    except IntervalError as error:
        if not np.any((shares.value >= 1) | (shares.std_error == 0)):
            raise
        named = ", ".join(map(str, shares.labels.iloc[0]))
        raise IntervalError(f"a quantile of {named} is the largest value, or its share has no error: {error}") from None


def quantile(
    survey: Survey,
    variable: str,
    probabilities: ArrayLike,
    *,
    by: Sequence[str] = (),
    interval_method: Method = "logit",
    level: float = 0.95,
) -> Quantiles:
    """Estimate quantiles of a number, such as its median or the limits of a reference interval.

    Parameters
    ----------
    survey
        Whose domain is asked about.
    variable
        A column or arithmetic of columns, in its own unit.
    probabilities
        One or several, between 0 and 1.
    by
        Columns; the quantiles of each combination that occurs.
    interval_method
        Of the share at or below the quantile: ``"logit"`` (R's ``interval.type = "xlogit"``), ``"wald"`` (``"mean"``),
        ``"arcsine"`` (``"asin"``), ``"beta"`` (``"beta"``), or another one of `crampstats.intervals.interval` for
        proportions; ``"korn_graubard"`` has an interval even at the largest value.
    level
        Confidence, between 0 and 1.

    Returns
    -------
    Quantiles
        In the unit of the variable.

    Raises
    ------
    QuestionError
        If a probability does not lie between 0 and 1, the variable is no number, or somebody in the domain has no value:
        then ask ``survey.observed(column)`` first.
    DesignError
        If a domain has no degrees of freedom.
    IntervalError
        If the method is not for proportions, or has no interval where the quantile is the largest value.

    Notes
    -----
    The quantile is the smallest value with at least this share of the weights at or below it, as R's default,
    ``svyquantile(qrule = "math")``; where a cumulative share equals the probability, to 12 digits, it is that very value.
    (R compares without tolerance, and below the first weight its rule gives the second smallest value.) The ends of the
    interval are the quantiles at the ends of the interval of the share: Woodruff RS, J Am Stat Assoc 1952;47:635-646,
    doi:10.1080/01621459.1952.10483443. Where that reaches 0 or 1 the quantile has no bound on this side. R's
    ``interval.type = "score"`` is not offered.

    Examples
    --------
    >>> import crampstats as cs, pandas as pd
    >>> people = cs.Survey(pd.DataFrame({"magnesium_mmol_l": [0.7 + 0.01 * i for i in range(30)], "sex": ["f", "m"] * 15}))
    >>> medians = quantile(people, "magnesium_mmol_l", 0.5, by=["sex"]).to_frame()
    >>> medians[["sex", "estimate", "conf_low", "conf_high"]].round(2)
      sex  estimate  conf_low  conf_high
    0   f      0.84      0.78       0.92
    1   m      0.85      0.79       0.93
    """
    asked = _probabilities(probabilities)
    if interval_method not in METHODS:
        raise IntervalError(f"interval_method={interval_method!r} is not for shares: choose from {', '.join(METHODS)}.")
    grouping = read_grouping(survey, by)
    values = np.asarray(read_numbers(survey, variable), dtype=float)
    cell = np.zeros(len(survey), dtype=np.intp)
    for codes, size in zip(grouping.codes, grouping.sizes, strict=True):
        cell = cell * size + codes
    rows = np.arange(len(survey)) if survey.domain is None else np.flatnonzero(survey.domain)
    rows = rows[np.lexsort((values[rows], cell[rows]))]
    groups = np.split(rows, np.flatnonzero(np.diff(cell[rows])) + 1)
    cells = np.array([cell[group[0]] for group in groups])
    parts = [
        _of_group(survey, values, group, grouping.labels(variable, here), asked, interval_method, level)
        for group, here in zip(groups, cells[:, None], strict=True)
    ]
    value, std_error, low, high, n, df = np.concatenate(parts, axis=1)
    labels = grouping.labels(variable, np.repeat(cells, len(asked)))
    labels.insert(1, "probability", np.tile(asked, len(cells)))
    limits = intervals.Interval(low, high, tuple(map(_open_ends, low, high)))
    return Quantiles(labels, value, std_error, limits, n, df, level, interval_method, survey.described)


def _open_ends(low: float, high: float) -> str:
    """Say which ends the sample does not bound."""
    ends = [name for name, end in (("lower", low), ("upper", high)) if np.isinf(end)]
    return f"no {' and no '.join(ends)} end: the interval of the share goes beyond the sample" if ends else ""


def _of_group(
    survey: Survey,
    values: np.ndarray,
    rows: np.ndarray,
    label: pd.DataFrame,
    asked: np.ndarray,
    method: Method,
    level: float,
) -> np.ndarray:
    """Return quantiles, standard errors, lower and upper ends, people and df of one group, shape (6, probabilities).

    The rows are those of the group, sorted by value; the label has one row.
    """
    weight = np.ones(len(rows)) if survey.row_weight is None else survey.row_weight[rows]
    cumulative = weight.cumsum()
    found = _smallest_reaching(values[rows], cumulative, asked)
    edges, place = np.unique(found, return_inverse=True)
    design, cluster = _narrowed(survey.design, survey.row_cluster[rows])
    passed = np.searchsorted(edges, values[rows], side="left")
    columns = [None if column is None else column[rows] for column in (survey.row_count, survey.row_weight)]
    counted, weighed = cell_totals([cluster, passed], [design.clusters, len(edges) + 1], columns)
    share, component, people = _shares(design, weighed.cumsum(axis=1), counted.sum(axis=1))
    labels = label.loc[[0] * len(edges)].reset_index(drop=True)
    shares = made_estimate(survey, labels, share, component, np.full(len(edges), people), method)
    ends = _share_interval(shares, method, level)
    low, high = (_smallest_reaching(values[rows], cumulative, end) for end in (ends.low, ends.high))
    low, high = np.where(ends.low <= 0, -np.inf, low)[place], np.where(ends.high >= 1, np.inf, high)[place]
    df = shares.df[place]
    std_error = (high - low) / (2 * intervals.t_quantile(df, (1 + level) / 2))
    return np.stack([found, std_error, low, high, np.full(len(asked), people), df])
