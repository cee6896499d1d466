"""Models whose outcome has several linear predictors: counts with extra variance or zeros, and classes in order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crampstats.errors import QuestionError
from crampstats.estimates import Estimate, mapped, transform
from crampstats.regression.families import LINKS
from crampstats.regression.fitting import BLOCK, Rows, check_rank
from crampstats.regression.foundations import (
    INTERCEPT,
    Model,
    add_to_clusters,
    coefficients_of,
    domain_rows,
    inside,
    people_weights,
    ratios_of,
)
from crampstats.regression.likelihoods import AnyLikelihood, CountLikelihood, GroupedCounts, OrderedClasses
from crampstats.regression.maximisation import Maximum, Part, Problem, maximise
from crampstats.regression.outcomes import Request, read_outcome, starts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crampstats.formulas import Encoding
    from crampstats.survey import Survey

LOG_ALPHA = "log(alpha)"


@dataclass(frozen=True, eq=False, repr=False)
class LikelihoodModel(Model):
    """A regression by maximum likelihood of several parts.

    Attributes
    ----------
    family, solution
        As in `Model`; the solution holds the length of the gradient in standard errors.
    request
        What was asked for, so that smaller models can be fitted.
    zero_encoding
        How the columns of the zero part are made of data; None without one.
    """

    family: CountLikelihood | GroupedCounts | OrderedClasses
    solution: Maximum
    request: Request
    zero_encoding: Encoding | None

    @property
    def predictors(self) -> tuple[str, ...]:
        """The columns that a prediction needs, in alphabetical order."""
        zero = () if self.zero_encoding is None else self.zero_encoding.predictors
        return tuple(sorted({*self.formula.predictors, *zero, *self.offset.columns}))

    def _parts_at(self, data: pd.DataFrame) -> tuple[Part, ...]:
        """Return the parts with the columns of other people, as they are."""
        self._refuse_absent(data)
        first = _plain(self.family.parts[0], self.encoding, self.encoding.of(data[list(self.formula.predictors)]))
        if isinstance(self.family, OrderedClasses):
            first = _without_intercept(first)
        first = replace(first, offset=self.offset.of(data))
        zero = self.zero_encoding
        if zero is None:
            return _with_constants(self.request, self.family, [first])
        return _with_constants(
            self.request, self.family, [first, _plain("zero", zero, zero.of(data[list(zero.predictors)]))]
        )

    def _etas_at(self, data: pd.DataFrame) -> tuple[tuple[Part, ...], list[np.ndarray]]:
        """Return the parts of other people and their predictors."""
        parts = self._parts_at(data)
        problem = Problem(self.family, parts, np.zeros(len(data)), np.ones(len(data)))
        return parts, problem.etas(slice(None), self.coefficients.value)

    def chances_at(self, data: pd.DataFrame, values: Sequence[int]) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return chances and slopes, see `Model.chances_at`.

        Parameters
        ----------
        data, values
            As there.
        """
        parts, etas = self._etas_at(data)
        chances, slopes = np.empty((len(data), len(values))), []
        with np.errstate(all="ignore"):  # far out in a tail a chance is 0, and its slope 0 times a large number
            for column, value in enumerate(values):
                made = self.family.derivatives(np.full(len(data), float(value)), etas)
                chances[:, column] = np.exp(made.value)
                slopes.append(
                    self._chained(parts, np.nan_to_num(chances[:, column] * made.gradient, posinf=0.0, neginf=0.0))
                )
        return chances, slopes

    def cumulative_at(self, data: pd.DataFrame, outcome: np.ndarray) -> np.ndarray:
        """Return chances of an outcome no higher, see `Model.cumulative_at`.

        Parameters
        ----------
        data, outcome
            As there.
        """
        return self.family.cumulative(outcome, self._etas_at(data)[1])

    def _chained(self, parts: tuple[Part, ...], slopes: np.ndarray) -> np.ndarray:
        """Return derivatives with respect to the coefficients of those with respect to the predictors, shape (rows, p)."""
        columns = []
        for part, slope in zip(parts, slopes, strict=True):
            if part.terms:
                columns.append(slope[:, None] if part.matrix is None else part.matrix * slope[:, None])
        return np.concatenate(columns, axis=1)

    def places_of(self, term: str, *, part: str | None = None) -> np.ndarray:
        """Return places of a term, see `Model.places_of`.

        Parameters
        ----------
        term, part
            As there.
        """
        first = self.family.parts[0]
        if part in {None, first}:
            return self.encoding.columns_of(term)
        if part != "zero" or self.zero_encoding is None:
            choices = [first, *(["zero"] if self.zero_encoding is not None else [])]
            raise QuestionError(f"part={part!r} has no terms: choose from {', '.join(choices)}.")
        return len(self.encoding.terms) + self.zero_encoding.columns_of(term)

    def deviance_without(self, places: np.ndarray) -> float:
        """Return the deviance of a smaller model, see `Model.deviance_without`.

        Parameters
        ----------
        places
            As there.
        """
        kept = np.ones(len(self.coefficients), dtype=bool)
        kept[places] = False
        problem, _, _ = _problem(self.survey, self.request, kept)
        if any(part.matrix is not None and not part.terms for part in problem.parts if part.name != "location"):
            raise QuestionError(f"{self.formula.text!r} has no other term in this part to compare with.")
        return maximise(problem, starts_of(problem), self.request.absent).deviance


@dataclass(frozen=True, eq=False, repr=False)
class CountModel(LikelihoodModel):
    """A regression of counts with parts ``count``, ``zero`` and ``dispersion``, as far as the family has them.

    Attributes
    ----------
    family
        As in `Model`.

    Examples
    --------
    >>> import crampstats as cs
    >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class")
    >>> nights = {0: (0, 0), 1: (1, 1), 2: (2, 4), 3: (5, 15), 4: (16, None)}
    >>> model = cs.fit(cramps, "cramp_class ~ sex", family="grouped_negative_binomial", classes=nights)
    >>> model.dispersion().value.round(1)
    array([5.6])
    """

    family: CountLikelihood | GroupedCounts

    def dispersion(self) -> Estimate:
        """Return alpha, where the variance is mean + alpha mean², with an interval on the log scale.

        Raises
        ------
        QuestionError
            If the model has none, or it was given.
        """
        if LOG_ALPHA not in self.terms:
            told = "it was given" if "dispersion" in self.family.parts else "this family has none"
            raise QuestionError(f"dispersion: {told}; family={self.family.name!r}.")
        return transform(
            self.coefficients.where(f"term == '{LOG_ALPHA}'"), np.exp, label="alpha", interval_method="log"
        )

    def rate_ratios(self) -> Estimate:
        """Return rate ratios, see `Model.rate_ratios`."""
        return ratios_of(self._of_part("count"), "rate_ratios")

    def odds_ratios(self) -> Estimate:
        """Return the odds ratios of the zero part, see `Model.odds_ratios`."""
        if self.zero_encoding is None:
            raise QuestionError(
                f"odds_ratios: family={self.family.name!r} has no zero part; rate_ratios() are for counts."
            )
        return ratios_of(self._of_part("zero"), "odds_ratios")

    def prevalence_ratios(self) -> Estimate:
        """Refuse, see `Model.prevalence_ratios`."""
        raise QuestionError("prevalence_ratios are for yes/no outcomes; rate_ratios() are for counts.")

    @property
    def outcome_name(self) -> str:
        """What contrasts and slopes are of; of grouped counts the outcome holds classes, and the model is of their counts."""
        grouped = isinstance(self.family, GroupedCounts)
        return f"mean count of {self.formula.response}" if grouped else super().outcome_name

    @property
    def mean_name(self) -> str:
        """What predictions are called."""
        return self.outcome_name if isinstance(self.family, GroupedCounts) else super().mean_name

    def _of_part(self, part: str) -> Estimate:
        """Return the coefficients of one part."""
        return self.coefficients.where(f"part == '{part}'") if "part" in self.coefficients.labels else self.coefficients

    def means_at(self, data: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Return means and slopes, see `Model.means_at`.

        Parameters
        ----------
        data
            As there.
        """
        parts, etas = self._etas_at(data)
        with np.errstate(all="ignore"):  # a mean above all floats is told below
            mean, slopes = self.family.means(etas)
        if not np.isfinite(mean).all():
            raise QuestionError(
                "predict: the mean of some rows is too large for a number; are the columns in other units?"
            )
        return mean, self._chained(parts, slopes)


@dataclass(frozen=True, eq=False, repr=False)
class OrdinalModel(LikelihoodModel):
    """Proportional odds of classes in order: parts ``location`` and ``threshold``.

    The log odds of a class no higher than k are threshold k less the location, so that a positive coefficient means higher
    classes, as in R's polr and svyolr.

    Attributes
    ----------
    family
        As in `Model`; its `labels` are the classes.

    Examples
    --------
    >>> import crampstats as cs
    >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class")
    >>> model = cs.fit(cramps, "cramp_class ~ sex + age_group", family="ordinal")
    >>> model.odds_ratios().to_frame()[["term", "estimate", "conf_low", "conf_high"]].round(2)
                     term  estimate  conf_low  conf_high
    0       sex[T.female]      1.30      1.16       1.45
    1  age_group[T.40-59]      1.83      1.64       2.03
    2    age_group[T.60+]      2.38      2.03       2.81
    >>> model.predict(pd.DataFrame({"sex": ["female"], "age_group": ["60+"]})).to_frame()[["class", "estimate"]].round(3)
       class  estimate
    0      0     0.568
    1      1     0.158
    2      2     0.181
    3      3     0.063
    4      4     0.031
    """

    family: OrderedClasses

    def odds_ratios(self) -> Estimate:
        """Return the odds ratios of a class at least as high, whichever, see `Model.odds_ratios`."""
        if len(self.encoding.terms) == 1:
            raise QuestionError(
                "odds_ratios needs a model with a term besides the thresholds, which compare with nothing."
            )
        return transform(self.coefficients.where("part == 'location'"), np.exp, interval_method="log")

    def prevalence_ratios(self) -> Estimate:
        """Refuse, see `Model.prevalence_ratios`."""
        raise QuestionError("prevalence_ratios are for yes/no outcomes; odds_ratios() are for classes in order.")

    def rate_ratios(self) -> Estimate:
        """Refuse, see `Model.rate_ratios`."""
        raise QuestionError("rate_ratios are for counts; odds_ratios() are for classes in order.")

    def places_of(self, term: str, *, part: str | None = None) -> np.ndarray:
        """Return places of a term, see `Model.places_of`.

        Parameters
        ----------
        term, part
            As there.
        """
        if term.strip() == "1":
            raise QuestionError(
                "the thresholds take the place of an intercept, and classes have no order without them."
            )
        return super().places_of(term, part=part) - 1

    def means_at(self, data: pd.DataFrame, *, at_least: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the chance of a class at least as high as one, and slopes, see `Model.means_at`.

        Parameters
        ----------
        data
            As there.
        at_least
            The class; not the lowest one, whose chance is 1.

        Raises
        ------
        QuestionError
            As there, and if no class is given: classes have an order and no mean.
        """
        labels = list(self.family.labels)
        if at_least not in labels[1:]:
            raise QuestionError(
                f"at_least={at_least!r}: classes have no mean; their chances are in predict(), and calibration_check() takes "
                f"that of a class at least as high as one of {', '.join(map(repr, labels[1:]))}."
            )
        parts, etas = self._etas_at(data)
        chance, slopes = self.family.at_least(labels.index(at_least), etas)
        return chance, self._chained(parts, slopes)

    def predict(self, data: pd.DataFrame) -> Estimate:
        """Return the chance of each class for people with these values.

        Parameters
        ----------
        data
            Shape (k, columns): a row each kind of people, with the columns of `predictors`.

        Returns
        -------
        Estimate
            For each row of `data` a chance for each class, which is the label ``class``; intervals on the logit scale.

        Raises
        ------
        QuestionError
            As `Model.predict`.
        """
        chances, slopes = self.chances_at(data, range(len(self.family.labels)))
        labels = self._labels_of(data, f"chance of {self.formula.response}", own=("class",))
        rows = np.repeat(np.arange(len(labels)), len(slopes))
        labels = labels.iloc[rows].reset_index(drop=True)
        labels.insert(1, "class", list(self.family.labels) * len(data))
        value, matrix = chances.ravel(), np.stack(slopes, axis=1).reshape(chances.size, -1)
        n = np.full(len(value), self.coefficients.n[0])
        return mapped(self.coefficients, matrix, value=value, labels=labels, n=n, interval_method="logit")


def fit_likelihood(survey: Survey, request: Request) -> LikelihoodModel:
    """Fit a model of several parts, see `crampstats.fit`.

    Parameters
    ----------
    survey
        Whose domain is asked about.
    request
        Read and checked for itself.
    """
    problem, encoding, zero_encoding = _problem(survey, request)
    solution = maximise(problem, starts_of(problem), request.absent)
    sums = np.zeros((survey.design.clusters, problem.size))
    cluster = inside(survey, survey.row_cluster)
    for start in range(0, len(problem.outcome), BLOCK):
        rows = slice(start, start + BLOCK)
        add_to_clusters(sums, cluster[rows], problem.scores(rows, solution.standardised))
    contributions = sums @ (solution.inverse @ problem.back.T)
    coefficients = coefficients_of(survey, _labels(problem), solution.coefficients, contributions)
    shared: dict[str, Any] = {"request": request, "zero_encoding": zero_encoding, "offset": request.offset}
    formula, likelihood = request.formula, problem.likelihood
    if isinstance(likelihood, OrderedClasses):
        return OrdinalModel(formula, likelihood, LINKS["logit"], coefficients, encoding, survey, solution, **shared)
    return CountModel(formula, likelihood, LINKS["log"], coefficients, encoding, survey, solution, **shared)


def _labels(problem: Problem) -> pd.DataFrame:
    """Return the labels of the coefficients; their part only where there are several."""
    terms = [term for part in problem.parts for term in part.terms]
    thresholds = getattr(problem.likelihood, "thresholds", ())
    kinds = ["threshold" if part.name in thresholds else part.name for part in problem.parts for _ in part.terms]
    labels = pd.DataFrame({"term": terms, "part": kinds})
    return labels if len(set(kinds)) > 1 else labels[["term"]]


def _problem(
    survey: Survey, request: Request, kept: np.ndarray | None = None
) -> tuple[Problem, Encoding, Encoding | None]:
    """Return what is to be maximised, of some of the coefficients only where `kept` says so, and how columns are made."""
    for read in filter(None, (request.formula, request.zero)):
        if not set(read.columns) <= set(survey.data.columns):
            read.matrix(survey.data)  # which tells what is not there
    outcome, likelihood, data = read_outcome(request, domain_rows(survey, request.columns))
    weight = people_weights(survey)
    made = request.formula.matrix(data)
    parts = [_plain(likelihood.parts[0], made.encoding, made.values)]
    if "zero" in likelihood.parts:
        other = request.zero.matrix(data) if request.zero else replace(made, values=made.values.copy())
        parts.append(_plain("zero", other.encoding, other.values))
    ordered = isinstance(likelihood, OrderedClasses)
    if ordered and INTERCEPT not in parts[0].terms:
        raise QuestionError(
            f"fit: {request.formula.text!r} takes off the intercept, whose place thresholds take; leave it."
        )
    if isinstance(likelihood, CountLikelihood) and likelihood.zeros == "hurdle":
        above = outcome > 0  # counts above 0 alone tell of the count part
        _scaled(replace(parts[0], matrix=parts[0].columns[above]), outcome[above], weight[above])
    if kept is not None:
        parts = _chosen(parts, np.append(True, kept) if ordered else kept)
    parts = [_scaled(part, outcome, weight) for part in parts]
    if ordered:
        parts[0] = _without_intercept(parts[0])
    if request.offset.columns:
        parts[0] = replace(parts[0], offset=request.offset.of(domain_rows(survey, request.offset.columns)))
    encodings = made.encoding, other.encoding if "zero" in likelihood.parts else None
    return Problem(likelihood, _with_constants(request, likelihood, parts), outcome, weight), *encodings


def _plain(name: str, encoding: Encoding, matrix: np.ndarray) -> Part:
    """Return a part with columns as they are."""
    terms, p = encoding.terms, matrix.shape[1]
    return Part(name, terms, matrix, np.zeros(p), np.ones(p), terms.index(INTERCEPT) if INTERCEPT in terms else None)


def _chosen(parts: list[Part], kept: np.ndarray) -> list[Part]:
    """Return parts with some of their columns."""
    chosen, start = [], 0
    for part in parts:
        columns = np.flatnonzero(kept[start : start + len(part.terms)])
        start += len(part.terms)
        terms = tuple(part.terms[column] for column in columns)
        intercept = terms.index(INTERCEPT) if INTERCEPT in terms else None
        p, matrix = len(terms), np.ascontiguousarray(part.columns[:, columns])
        chosen.append(Part(part.name, terms, matrix, np.zeros(p), np.ones(p), intercept))
    return chosen


def _scaled(part: Part, outcome: np.ndarray, weight: np.ndarray) -> Part:
    """Return a part with its columns centred and scaled, in place; refuse columns that are combinations of others."""
    if not part.terms:
        return part
    rows = Rows.of(part.columns, outcome, weight, part.intercept)
    check_rank(rows, part.terms)
    return replace(part, matrix=rows.matrix, centre=rows.centre, scale=rows.scale)


def _without_intercept(part: Part) -> Part:
    """Return a part without its first column, the intercept."""
    matrix = np.ascontiguousarray(part.columns[:, 1:])
    return Part(part.name, part.terms[1:], matrix, part.centre[1:], part.scale[1:])


def _with_constants(request: Request, likelihood: AnyLikelihood, parts: list[Part]) -> tuple[Part, ...]:
    """Return the parts with those that are one number for all."""
    constants = []
    for name in likelihood.parts[len(parts) :]:
        if name != "dispersion":
            constants.append(Part.constant(name, name))
        elif request.dispersion is None:
            constants.append(Part.constant(name, LOG_ALPHA))
        else:
            constants.append(Part.given(name, float(np.log(request.dispersion))))
    return (*parts, *constants)
