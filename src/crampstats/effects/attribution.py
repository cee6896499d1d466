"""What share of an outcome would be gone if exposures were other than they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from math import factorial
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from crampstats.effects.standardization import (
    People,
    read_setting,
    refuse_classes,
    standardized_means,
    told,
    told_setting,
)
from crampstats.errors import CrampstatsError, QuestionError
from crampstats.estimates import Estimate, mapped, stacked
from crampstats.proportions import mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from crampstats.intervals import Method
    from crampstats.regression import Model

Parts = Literal["alone", "average"]
# Averages go through all sets of the exposures: 256 of them.
MOST_EXPOSURES = 8


@dataclass(frozen=True, eq=False, repr=False)
class AttributableFraction:
    """Shares of an outcome that would be gone.

    Attributes
    ----------
    remaining
        1 less the shares: the mean outcome if the exposures were otherwise, over the mean as it is.
    observed
        The mean outcome as it is, for each cell of the by columns.
    parts
        ``"alone"`` or ``"average"``.
    exposures
        What everybody would have.

    Examples
    --------
    >>> import crampstats as cs
    >>> people = cs.simulate(cs.Population(), 4000, seed=1, columns=["diabetes", "age_years", "magnesium_mmol_l"])
    >>> model = cs.fit(
    ...     cs.Survey(people).define(low="magnesium_mmol_l <= 0.75"), "low ~ diabetes + age_years", family="binomial")
    >>> share = attributable_fraction(model, {"diabetes": 0})
    >>> bool(share.estimate.value[0] == 1 - share.remaining.value[0])
    True
    """

    remaining: Estimate
    observed: Estimate
    parts: Parts
    exposures: Mapping[str, Any]

    @property
    def estimate(self) -> Estimate:
        """The shares; limits are those of the logarithm of 1 less the share, Wald's where one is 1 or more."""
        return mapped(
            self.remaining,
            -np.eye(len(self.remaining)),
            value=1 - self.remaining.value,
            labels=self.remaining.labels,
            n=self.remaining.n,
            interval_method="log_complement" if self.remaining.interval_method == "log" else "wald",
        )

    def to_frame(self, *, level: float = 0.95) -> pd.DataFrame:
        """Return the shares as a table, see `Estimate.to_frame`.

        Parameters
        ----------
        level
            Confidence.

        Returns
        -------
        DataFrame
            Of `estimate`. ``note`` tells where fractions of single exposures add up to another sum than all together.
        """
        table = self.estimate.to_frame(level=level)
        return table.assign(note=self._notes(table)) if self._counted > 1 else table

    @property
    def _counted(self) -> int:
        """How many exposures there are."""
        return len(self.exposures)

    def _notes(self, table: pd.DataFrame) -> list[str]:
        """Say of each share of all exposures what those of single ones add up to."""
        cells = len(table) // (self._counted + 1)
        shares = table["estimate"].to_numpy().reshape(-1, cells)
        sums = shares[:-1].sum(axis=0)
        if self.parts == "average":
            last = ["the single ones add up to it"] * cells
        else:
            last = [f"the single ones add up to {total:.3g}, not to this" for total in sums]
        return [*table["note"][:-cells], *last]

    def __len__(self) -> int:
        return len(self.remaining)

    def __repr__(self) -> str:
        shown = self._shown().to_string(index=False, float_format="{:.4g}".format)
        return f"<AttributableFraction of {self.remaining.source}, if the model holds what confounds>\n{shown}"

    def _repr_html_(self) -> str:
        return self._shown().to_html(index=False, border=0, float_format="{:.4g}".format)

    def _shown(self) -> pd.DataFrame:
        """Return the columns for the eye."""
        table = self.to_frame()
        return table if table["note"].any() else table.drop(columns="note")


def attributable_fraction(
    model: Model,
    exposures: Mapping[str, Any],
    *,
    parts: Parts = "alone",
    by: Sequence[str] = (),
    among: str | None = None,
) -> AttributableFraction:
    """Estimate what share of the outcome would be gone if exposures had other values for everybody.

    Parameters
    ----------
    model
        As from `fit`, with the exposures among its columns.
    exposures
        Columns and what everybody would have: ``{"diabetes": 0}``, ``{"diabetes": 0, "diuretic": "none"}``, or a shift
        ``{"magnesium_mmol_l": "magnesium_mmol_l + 0.05"}`` (a generalised impact fraction).
    parts
        With several exposures, what each counts for beside all of them together: ``"alone"``, if only it were changed;
        ``"average"``, what it takes away on average over all orders in which exposures could be changed, which add up.
    by
        Columns; shares for each combination that occurs.
    among
        A yes/no question: of the cases among these people only, such as ``"diabetes == 1"`` for the fraction among the
        exposed.

    Returns
    -------
    AttributableFraction
        Conditional on assumptions that data cannot check: the model holds all that confounds, is right, and the exposures
        can be changed without changing anything else. Else it is a rewritten association. Not a share of which cases had
        the exposure as a cause.

    Raises
    ------
    QuestionError
        If the exposures are no columns of the model, values do not fit, or the outcome is of classes.
    CrampstatsError
        If the mean outcome is 0 or below, there are more than eight exposures to average over, or a choice is unknown.

    Notes
    -----
    1 less the standardised mean over the observed one: Greenland S, Drescher K, Biometrics 1993;49:865-872,
    doi:10.2307/2532206, with limits from the logarithm of 1 less the share. Averages: Eide GE, Gefeller O, J Clin Epidemiol
    1995;48:645-655, doi:10.1016/0895-4356(94)00161-I. The error holds that of the observed mean, of the coefficients and of
    the covariates, with their covariances.

    Examples
    --------
    >>> import crampstats as cs
    >>> people = cs.simulate(cs.Population(), 4000, seed=1, columns=["diabetes", "age_years", "magnesium_mmol_l"])
    >>> model = cs.fit(
    ...     cs.Survey(people).define(low="magnesium_mmol_l <= 0.75"), "low ~ diabetes + age_years", family="binomial")
    >>> attributable_fraction(model, {"diabetes": 0}).to_frame()[["term", "estimate", "conf_low", "conf_high"]].round(2)
               term  estimate  conf_low  conf_high
    0  diabetes = 0       0.2      0.16       0.24
    """
    if parts not in get_args(Parts):
        raise CrampstatsError(f"parts={parts!r} is unknown: choose from {', '.join(get_args(Parts))}.")
    if not isinstance(exposures, Mapping) or not exposures:
        raise QuestionError(
            f"exposures={exposures!r} has to be a dict of columns of the model and what everybody would have, as in "
            "{'diabetes': 0}."
        )
    names = list(exposures)
    if parts == "average" and len(names) > MOST_EXPOSURES:
        raise CrampstatsError(f"parts='average' goes through all sets of exposures: give at most {MOST_EXPOSURES}.")
    refuse_classes(model, observed="attributable_fraction")
    people = People.of(model.survey, by, among)
    observed = mean(model.survey if among is None else model.survey.where(among), str(model.formula.response), by=by)
    if np.any(observed.value < 0):
        raise CrampstatsError(
            f"the mean of {model.formula.response!r} is {observed.value.min():.4g}: shares are of an outcome that counts from 0."
        )
    if np.any(observed.value == 0):
        raise CrampstatsError(
            f"nobody has the outcome {model.formula.response!r} in some group: there is nothing to share."
        )
    sets, shares = _shares(names, parts)
    settings = [read_setting(model, {name: exposures[name] for name in names if name in each}) for each in sets]
    means = standardized_means(model, settings, people, told(*("+".join(sorted(each)) for each in sets)))
    terms = [told_setting({name: exposures[name]}) for name in names] if len(names) > 1 else []
    remaining = _remaining(observed, means, shares, [*terms, told_setting(exposures)])
    return AttributableFraction(remaining, observed, parts, dict(exposures))


def _shares(names: list[str], parts: str) -> tuple[list[frozenset[str]], np.ndarray]:
    """Return sets of exposures that are changed, and with which weights their means are taken off, shape (terms, sets + 1).

    The last column is the weight of the mean as it is. The last term is all exposures together.
    """
    if len(names) == 1:
        return [frozenset(names)], np.array([[-1.0, 1.0]])
    if parts == "alone":
        sets = [*(frozenset({name}) for name in names), frozenset(names)]
        return sets, np.column_stack([-np.eye(len(sets)), np.ones(len(sets))])
    count = len(names)
    sets = [frozenset(chosen) for size in range(1, count + 1) for chosen in combinations(names, size)]
    places = {each: place for place, each in enumerate([*sets, frozenset()])}
    # The empty set comes first in size and last in place: the mean as it is.
    shares = np.zeros((count + 1, len(places)))
    for row, name in enumerate(names):
        for without in (each for each in places if name not in each):
            weight = factorial(len(without)) * factorial(count - len(without) - 1) / factorial(count)
            shares[row, places[without]] += weight
            shares[row, places[without | {name}]] -= weight
    shares[count, [len(sets) - 1, len(sets)]] = -1.0, 1.0
    return sets, shares


def _remaining(observed: Estimate, means: Estimate, shares: np.ndarray, terms: list[str]) -> Estimate:
    """Return 1 less the weighted means over the observed one, term by term and cell by cell."""
    cells = len(observed)
    both = stacked([means, observed])
    taken = np.kron(shares, np.eye(cells))
    whole = np.tile(observed.value, len(terms))
    gone = taken @ both.value
    value = 1 - gone / whole
    matrix = -taken / whole[:, None]
    matrix[np.arange(len(value)), len(means) + np.tile(np.arange(cells), len(terms))] += gone / whole**2
    labels = observed.labels.iloc[np.tile(np.arange(cells), len(terms))].reset_index(drop=True)
    labels["term"] = np.repeat(terms, cells)
    method: Method = "log" if np.all(value > 0) else "wald"
    result = mapped(both, matrix, value=value, labels=labels, n=np.tile(observed.n, len(terms)), interval_method=method)
    return replace(result, source=means.source)
