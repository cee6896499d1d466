"""What is asked of a model of several parts: its outcome as numbers, its likelihood, and where to start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import pandas as pd
from scipy import special

from crampstats.errors import QuestionError
from crampstats.questions import column_named
from crampstats.regression.families import FAMILIES, LINKS
from crampstats.regression.fitting import Rows, solve, starting_point
from crampstats.regression.likelihoods import COUNTS, AnyLikelihood, GroupedCounts, OrderedClasses

if TYPE_CHECKING:
    from crampstats.formulas import Formula
    from crampstats.regression.maximisation import Part, Problem
    from crampstats.regression.offsets import Offset

# More levels than this are numbers, and no classes.
MOST_CLASSES = 50


@dataclass(frozen=True)
class Request:
    """What was asked to be fitted.

    Attributes
    ----------
    formula
        Of the first part.
    family
        Its name.
    offset
        Of the first part.
    zero
        Right side of the zero part; None for that of the formula.
    classes
        Of grouped counts: lowest and highest count of each level of the outcome.
    dispersion
        Alpha, if it is given; None to estimate it.
    """

    formula: Formula
    family: str
    offset: Offset
    zero: Formula | None = None
    classes: Mapping[Any, tuple[int, int | None]] | None = None
    dispersion: float | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns of data that the formulas need."""
        return tuple(sorted({*self.formula.columns, *(() if self.zero is None else self.zero.predictors)}))

    @property
    def absent(self) -> dict[str, str]:
        """What to say and do where a part has nothing to tell."""
        kind = "poisson" if "poisson" in self.family else "negative_binomial"
        without = self.family.removeprefix("grouped_").replace("negative_binomial", "poisson")
        cure = "" if self.family.startswith("grouped") else f"; use family={without!r}"
        told = {"dispersion": f"no overdispersion is found: alpha goes to 0{cure}."}
        if self.family.startswith("zero_inflated"):
            told["zero"] = f"no zero-inflation is found: the share of extra zeros goes to 0; use family={kind!r}."
        return told


def read_outcome(request: Request, data: pd.DataFrame) -> tuple[np.ndarray, AnyLikelihood, pd.DataFrame]:
    """Return the outcome as numbers, its likelihood, and the data with the outcome so.

    Parameters
    ----------
    request
        What is asked.
    data
        People of the domain.

    Returns
    -------
    tuple
        Outcome of shape (rows,): counts, or classes numbered from 0.

    Raises
    ------
    QuestionError
        If the outcome is not there, lacks values, or is none that the family may have.
    """

    def fail(problem: str) -> NoReturn:
        raise QuestionError(f"fit: {problem}")

    name = request.formula.response
    if name is None:
        fail(f"{request.formula.text!r} has no outcome; write it on the left, as in: cramps_per_week ~ sex.")
    column = column_named(data, name, fail)
    if column.isna().any():
        fail(f"{request.formula.text!r} meets missing values: first ask observed({name!r}).")
    likelihood: AnyLikelihood
    if request.family in COUNTS:
        likelihood, outcome = COUNTS[request.family], _counts(request, column)
        if likelihood.zeros == "hurdle" and (outcome > 0).all():
            fail(f"{name!r} is nowhere 0, so that a hurdle has nothing to explain.")
    elif request.family == "ordinal":
        labels, outcome = _ordered(column)
        likelihood = OrderedClasses(labels)
    else:
        likelihood, outcome = _grouped(request, column)
    if np.ptp(outcome) == 0:
        fail(f"{name!r} is {column.iloc[0]} for everybody; there is nothing to explain.")
    return outcome, likelihood, data.assign(**{name: outcome})


def _counts(request: Request, column: pd.Series) -> np.ndarray:
    """Return whole numbers from 0."""
    numeric = pd.api.types.is_numeric_dtype(column.dtype)
    values = column.to_numpy(dtype=float) if numeric else np.full(len(column), np.nan)
    wrong = ~(np.isfinite(values) & (values >= 0) & (values == np.floor(values)))
    if wrong.any():
        found = ", ".join(str(value) for value in column[wrong].drop_duplicates().head(5))
        raise QuestionError(
            f"fit: with family={request.family!r} {column.name!r} has to be a whole number, 0 or more; it is {found} in "
            f"{int(wrong.sum()):,} rows."
        )
    return values


def _ordered(column: pd.Series) -> tuple[tuple[Any, ...], np.ndarray]:
    """Return the classes in their order and which one each row has."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        if not column.cat.ordered:
            raise QuestionError(
                f"fit: {column.name!r} is a categorical without order; for family='ordinal' make it one with, as in "
                "pd.Categorical(values, categories=[...], ordered=True)."
            )
        return tuple(column.cat.categories), column.cat.codes.to_numpy(dtype=float)
    if not pd.api.types.is_numeric_dtype(column.dtype):
        raise QuestionError(
            f"fit: {column.name!r} is a text; family='ordinal' needs whole numbers or an ordered categorical, as in "
            "pd.Categorical(values, categories=[...], ordered=True)."
        )
    if not np.isfinite(column.to_numpy(dtype=float)).all():
        raise QuestionError(f"fit: {column.name!r} is infinite for somebody; classes are finite numbers.")
    codes, labels = pd.factorize(column, sort=True)
    if len(labels) > MOST_CLASSES:
        raise QuestionError(
            f"fit: {column.name!r} has {len(labels):,} different values; family='ordinal' takes up to {MOST_CLASSES} classes."
        )
    # Whole numbers may have come as floats because of missing values elsewhere.
    return tuple(int(label) if label == int(label) else label for label in labels.tolist()), codes.astype(float)


def _grouped(request: Request, column: pd.Series) -> tuple[GroupedCounts, np.ndarray]:
    """Return the counts of the classes and which one each row has."""
    classes = request.classes
    if not isinstance(classes, Mapping) or len(classes) < 2:
        raise QuestionError(
            f"classes={classes!r} has to be a dict from levels of the outcome to their counts, as in {{0: (0, 0), 1: (1, 4), "
            "2: (5, None)}; None leaves the last class open."
        )
    ranges: list[tuple[int, int | None]] = []
    expected: int | None = 0
    for level, each in classes.items():
        low, high = each if isinstance(each, (tuple, list)) and len(each) == 2 else (-1, -1)
        last = len(ranges) == len(classes) - 1
        closed = type(high) is int and type(low) is int and high >= low
        if low != expected or not (closed or (high is None and last and ranges)):
            raise QuestionError(
                f"classes: {level!r} is {each!r}; classes are pairs of whole numbers that follow each other from 0 without "
                f"gaps, so that this one begins at {expected}, and only the last may be open."
            )
        expected = None if high is None else high + 1
        ranges.append((low, high))
    places = {level: place for place, level in enumerate(classes)}
    unknown = [level for level in column.drop_duplicates().tolist() if level not in places]
    if unknown:
        raise QuestionError(
            f"classes: {column.name!r} is {', '.join(map(repr, unknown[:5]))}, which has no counts; classes has "
            f"{', '.join(map(repr, classes))}."
        )
    return GroupedCounts(tuple(ranges)), np.array([places[level] for level in column.tolist()], dtype=float)


def starts_of(problem: Problem) -> list[np.ndarray]:
    """Return coefficients of the centred and scaled columns to start from, several where there may be several maxima.

    Parameters
    ----------
    problem
        To be solved.

    Raises
    ------
    ConvergenceError
        If not even Poisson counts have a solution, naming the columns that predict zeros perfectly.
    """
    likelihood = problem.likelihood
    if isinstance(likelihood, OrderedClasses):
        shares = np.bincount(problem.outcome.astype(int), problem.weight) / problem.weight.sum()
        thresholds = special.logit(np.cumsum(shares)[:-1])
        return [_filled(problem, dict(zip(likelihood.thresholds, thresholds, strict=True)))]
    counts = problem.outcome
    if isinstance(likelihood, GroupedCounts):
        # About the middle of each class; half as much again as the lowest of an open one.
        middles = [low * 1.5 if high is None else (low + high) / 2 for low, high in likelihood.classes]
        counts = np.array(middles)[counts.astype(int)]
    alpha = _moment_dispersion(counts, problem.weight)
    if isinstance(likelihood, GroupedCounts) or likelihood.zeros == "counted":
        return [_filled(problem, {"dispersion": np.log(alpha)}, _flat(problem, counts))]
    zeros = float(problem.weight @ (counts == 0) / problem.weight.sum())
    if likelihood.zeros == "hurdle":
        above = np.where(counts > 0, problem.weight, 0.0)
        level = _flat(problem, counts, above)
        alphas = [_moment_dispersion(counts, above), 2.0] if likelihood.dispersed else [0.0]
        return [
            _filled(problem, {"zero": special.logit(zeros), "dispersion": np.log(each or 1.0)}, level)
            for each in alphas
        ]
    return _inflated_starts(problem, zeros, alpha)


def _inflated_starts(problem: Problem, zeros: float, alpha: float) -> list[np.ndarray]:
    """Return starts with few, some and nearly all zeros as extra ones, from a Poisson regression of all counts."""
    part = problem.parts[0]
    rows = _rows(part, problem.outcome, problem.weight)
    coefficients = solve(rows, FAMILIES["poisson"], LINKS["log"], part.terms).standardised
    means = np.concatenate([np.exp(eta) for eta in rows.predicted(coefficients)])
    expected = float(problem.weight @ np.exp(-means) / problem.weight.sum())
    some = float(np.clip((zeros - expected) / (1 - expected), 0.05, 0.9))
    starts = []
    for share, dispersion in ((some, 0.5), (float(np.clip(0.9 * zeros, 0.05, 0.95)), 0.1), (0.02, alpha)):
        raised = coefficients.copy()
        if part.intercept is not None:
            raised[part.intercept] -= np.log1p(-share)
        starts.append(_filled(problem, {"zero": special.logit(share), "dispersion": np.log(dispersion)}, raised))
    return starts


def _moment_dispersion(counts: np.ndarray, weight: np.ndarray) -> float:
    """Return alpha by the first two moments of all counts, within what is a start."""
    mean = weight @ counts / weight.sum()
    return float(np.clip((weight @ (counts - mean) ** 2 / weight.sum() - mean) / mean**2, 0.05, 10.0))


def _rows(part: Part, counts: np.ndarray, weight: np.ndarray) -> Rows:
    """Return the columns of a part as those of a regression of their own."""
    return Rows(part.columns, counts, weight, part.centre, part.scale, part.intercept, part.offset)


def _flat(problem: Problem, counts: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """Return coefficients of the first part that give everybody about the same mean."""
    rows = _rows(problem.parts[0], counts, problem.weight if weight is None else weight)
    return starting_point(rows, FAMILIES["poisson"], LINKS["log"])


def _filled(problem: Problem, levels: dict[str, float], first: np.ndarray | None = None) -> np.ndarray:
    """Return coefficients with the intercepts of parts at these levels, and those of the first part."""
    start = np.zeros(problem.size)
    for part, place in zip(problem.parts, problem.slices, strict=True):
        if part.name in levels and part.terms and part.intercept is not None:
            start[place.start + part.intercept] = levels[part.name]
    if first is not None:
        start[problem.slices[0]] = first
    return start
