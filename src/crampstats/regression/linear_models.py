"""Generalised linear models: a regression of one mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from crampstats.errors import QuestionError
from crampstats.regression.fitting import Rows, check_rank, solve, working_residual
from crampstats.regression.foundations import (
    INTERCEPT,
    Model,
    add_to_clusters,
    coefficients_of,
    domain_rows,
    inside,
    people_weights,
)
from crampstats.regression.likelihoods import POISSON

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crampstats.formulas import DesignMatrix, Encoding, Formula
    from crampstats.regression.families import Family, Link
    from crampstats.regression.fitting import Solution
    from crampstats.regression.offsets import Offset
    from crampstats.survey import Survey


@dataclass(frozen=True, eq=False, repr=False)
class GeneralizedLinearModel(Model):
    """A regression of one mean: binomial, poisson or gaussian.

    Attributes
    ----------
    family, link, solution
        As in `Model`.
    """

    family: Family
    solution: Solution

    def means_at(self, data: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Return means and slopes, see `Model.means_at`.

        Parameters
        ----------
        data
            With the columns of `predictors`.
        """
        self._refuse_absent(data)
        matrix = self.encoding.of(data[list(self.formula.predictors)])
        eta = matrix @ self.coefficients.value
        added = self.offset.of(data)
        if added is not None:
            eta += added
        with np.errstate(over="ignore"):  # a mean above all floats is told below
            mean = self.link.inverse(eta)
        self._refuse_impossible(mean)
        matrix *= self.link.slope(eta, mean)[:, None]
        return mean, matrix

    def _refuse_impossible(self, mean: np.ndarray) -> None:
        """Refuse means that the family cannot have; with the usual link only those above all floats."""
        possible = np.isfinite(mean)
        if self.link.name != self.family.links[0]:
            possible &= self.family.mean_is_possible(mean)
        if not possible.all():
            raise QuestionError(
                f"predict: a mean of {mean[~possible][0]:.4g} is impossible with family={self.family.name!r}; with "
                f"link={self.link.name!r} the model does not reach as far as these values."
            )

    def chances_at(self, data: pd.DataFrame, values: Sequence[int]) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return chances and slopes, see `Model.chances_at`.

        Parameters
        ----------
        data, values
            As there.
        """
        mean, slopes = self.means_at(data)
        if self.family.name == "gaussian":
            raise QuestionError("a gaussian model says nothing of the chances of counts.")
        if self.family.name == "binomial":
            signs = np.array([{0: -1.0, 1: 1.0}.get(value, 0.0) for value in values])
            return (signs < 0) + signs * mean[:, None], [sign * slopes for sign in signs]
        counts = np.asarray(values, dtype=float)
        chances = np.exp(special.xlogy(counts, mean[:, None]) - mean[:, None] - special.gammaln(counts + 1))
        moves = chances * (counts / mean[:, None] - 1)
        return chances, [slopes * move[:, None] for move in moves.T]

    def cumulative_at(self, data: pd.DataFrame, outcome: np.ndarray) -> np.ndarray:
        """Return chances of an outcome no higher, see `Model.cumulative_at`.

        Parameters
        ----------
        data, outcome
            As there.
        """
        mean, _ = self.means_at(data)
        if self.family.name == "gaussian":
            raise QuestionError("a gaussian model says nothing of the chances of counts.")
        if self.family.name == "binomial":
            return np.select([outcome < 0, outcome < 1], [0.0, 1 - mean], 1.0)
        return POISSON.cumulative(outcome, (np.log(mean),))

    def places_of(self, term: str, *, part: str | None = None) -> np.ndarray:
        """Return places of a term, see `Model.places_of`.

        Parameters
        ----------
        term, part
            As there.
        """
        if part is not None:
            raise QuestionError(f"part={part!r}: a {self.family.name} model has one part only; leave it None.")
        return self.encoding.columns_of(term)

    def deviance_without(self, places: np.ndarray) -> float:
        """Return the deviance of a smaller model, see `Model.deviance_without`.

        Parameters
        ----------
        places
            As there.
        """
        rows, _ = _rows(self.survey, self.formula, self.family, self.offset)
        kept = np.setdiff1d(np.arange(len(self.coefficients)), places)
        if len(kept) == 0:
            raise QuestionError(f"{self.formula.text!r} has no other term to compare with.")
        intercept = None if rows.intercept is None or rows.intercept in places else int(np.sum(kept < rows.intercept))
        matrix = rows.matrix[:, kept]
        if intercept is None:  # without it, what was taken off a column cannot be made up for
            matrix = matrix * rows.scale[kept] + rows.centre[kept]
        smaller = Rows.of(np.ascontiguousarray(matrix), rows.outcome, rows.weight, intercept, rows.offset)
        return solve(smaller, self.family, self.link, [self.terms[place] for place in kept]).deviance


def _outcome(formula: Formula, matrix: DesignMatrix, family: Family) -> np.ndarray:
    """Return the outcome, refusing values that the family cannot have."""
    if formula.response is None or matrix.response is None:
        raise QuestionError(f"fit: {formula.text!r} has no outcome; write it on the left, as in: low_magnesium ~ sex.")
    wrong = ~family.admits(matrix.response)
    if wrong.any():
        found = ", ".join(f"{value:g}" for value in np.unique(matrix.response[wrong])[:5])
        raise QuestionError(
            f"fit: with family={family.name!r} {formula.response!r} has to be {family.outcome}; it is {found} in "
            f"{int(wrong.sum()):,} rows."
        )
    if family.name != "gaussian" and np.ptp(matrix.response) == 0:
        raise QuestionError(
            f"fit: {formula.response!r} is {matrix.response[0]:g} for everybody; there is nothing to explain."
        )
    return matrix.response


def fit_mean(survey: Survey, formula: Formula, family: Family, link: Link, offset: Offset) -> GeneralizedLinearModel:
    """Fit a generalised linear model, see `crampstats.fit`.

    Parameters
    ----------
    survey, formula, family, link, offset
        Read and checked for themselves.
    """
    rows, encoding = _rows(survey, formula, family, offset)
    check_rank(rows, encoding.terms)
    solution = solve(rows, family, link, encoding.terms)
    labels = pd.DataFrame({"term": encoding.terms})
    contributions = contributions_of(survey, rows, solution, family, link)
    coefficients = coefficients_of(survey, labels, solution.coefficients, contributions)
    return GeneralizedLinearModel(formula, family, link, coefficients, encoding, survey, solution, offset=offset)


def _rows(survey: Survey, formula: Formula, family: Family, offset: Offset) -> tuple[Rows, Encoding]:
    """Return the people of the domain as numbers, and how the numbers are made."""
    matrix = formula.matrix(domain_rows(survey, formula.columns))
    outcome = _outcome(formula, matrix, family)
    terms = matrix.encoding.terms
    intercept = terms.index(INTERCEPT) if INTERCEPT in terms else None
    added = offset.of(domain_rows(survey, offset.columns)) if offset.columns else None
    return Rows.of(matrix.values, outcome, people_weights(survey), intercept, added), matrix.encoding


def contributions_of(survey: Survey, rows: Rows, solution: Solution, family: Family, link: Link) -> np.ndarray:
    """Return what each cluster adds to the coefficients, shape (clusters, p).

    Parameters
    ----------
    survey
        Whose domain was fitted.
    rows, solution
        Of the fit.
    family, link
        Of the model.
    """
    sums = np.zeros((survey.design.clusters, len(solution.coefficients)))
    cluster = inside(survey, survey.row_cluster)
    start = 0
    for (matrix, outcome, weight), eta in zip(rows.blocks(), rows.predicted(solution.standardised), strict=True):
        _, pull, _ = working_residual(family, link, outcome, eta)
        add_to_clusters(sums, cluster[start : start + len(outcome)], matrix * (weight * pull)[:, None])
        start += len(outcome)
    return sums @ (solution.inverse @ rows.back.T)
