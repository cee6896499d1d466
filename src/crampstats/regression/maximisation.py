"""The maximum of a weighted likelihood with several linear predictors: safeguarded Newton steps, and why there may be none."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg

from crampstats.errors import ConvergenceError
from crampstats.regression.fitting import BLOCK, MOST_HALVINGS, REACHED, ROUNDING, SETTLED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crampstats.regression.likelihoods import AnyLikelihood

MOST_STEPS = 100
# Share of a step's length in the gradient that the likelihood has to gain.
ENOUGH = 1e-4
# Least eigenvalue of the information, columns brought to one scale, below which a direction holds no information.
FLAT = 1e-10
# A step of coefficients of columns of one scale that still moves them, where it gains nothing any more.
MOVING = 1e-3
# Logarithms and log odds as small as this are of quantities that are not there.
VANISHED = -23.0
# Starts that end within this of the highest likelihood have found the same maximum.
SAME = 1e-6


@dataclass(frozen=True)
class Part:
    """One linear predictor: columns, centred and of one size, or one number for all.

    Attributes
    ----------
    name
        Of the predictor.
    terms
        Length p: what the coefficients are called; empty for a predictor that is given.
    matrix
        Shape (rows, p), centred and scaled; None for one number for all.
    centre, scale
        Shape (p,): what was taken off each column, and what it was then divided by.
    intercept
        Which column is 1 for everybody; None without one.
    offset
        Added to the predictor: shape (rows,), or (1,) for the same number for all; None for nothing.
    """

    name: str
    terms: tuple[str, ...]
    matrix: np.ndarray | None
    centre: np.ndarray
    scale: np.ndarray
    intercept: int | None = None
    offset: np.ndarray | None = None

    @classmethod
    def constant(cls, name: str, term: str) -> Part:
        """Return a predictor that is one coefficient for all."""
        return cls(name, (term,), None, np.zeros(1), np.ones(1), 0)

    @classmethod
    def given(cls, name: str, value: float) -> Part:
        """Return a predictor that is known."""
        return cls(name, (), None, np.zeros(0), np.ones(0), None, np.array([value]))

    @property
    def columns(self) -> np.ndarray:
        """The matrix of a part that has one."""
        if self.matrix is None:
            raise TypeError(f"the {self.name} part has no matrix")
        return self.matrix

    def eta(self, rows: slice, coefficients: np.ndarray) -> np.ndarray:
        """Return the predictor of some rows, of shape (rows,) or (1,)."""
        offset = self.offset
        if offset is not None and len(offset) > 1:
            offset = offset[rows]
        if self.matrix is None:
            return coefficients if offset is None else offset
        eta = self.matrix[rows] @ coefficients
        return eta if offset is None else eta + offset


@dataclass(frozen=True)
class Problem:
    """What is to be maximised.

    Attributes
    ----------
    likelihood
        Of an outcome.
    parts
        Its predictors.
    outcome, weight
        Shape (rows,); weights that add up to the number of people.
    """

    likelihood: AnyLikelihood
    parts: tuple[Part, ...]
    outcome: np.ndarray
    weight: np.ndarray

    @property
    def slices(self) -> tuple[slice, ...]:
        """Where the coefficients of each part stand among all of them."""
        ends = np.cumsum([len(part.terms) for part in self.parts])
        return tuple(slice(int(end) - len(part.terms), int(end)) for part, end in zip(self.parts, ends, strict=True))

    @property
    def size(self) -> int:
        """How many coefficients there are."""
        return sum(len(part.terms) for part in self.parts)

    @property
    def back(self) -> np.ndarray:
        """What turns coefficients of centred and scaled columns into those of the columns, shape (p, p).

        What was taken off columns goes into the intercept of their part; without one into the thresholds, from which the
        part is taken off.
        """
        back = np.eye(self.size)
        for part, place in zip(self.parts, self.slices, strict=True):
            back[place, place] /= part.scale[:, None]
            shift = part.centre / part.scale
            if part.intercept is not None:
                back[place.start + part.intercept, place] -= shift
            elif shift.any():
                for other, threshold in zip(self.parts, self.slices, strict=True):
                    if other.matrix is None:
                        back[threshold, place] += shift
        return back

    def etas(self, rows: slice, coefficients: np.ndarray) -> list[np.ndarray]:
        """Return the predictors of some rows."""
        return [part.eta(rows, coefficients[place]) for part, place in zip(self.parts, self.slices, strict=True)]

    def scores(self, rows: slice, coefficients: np.ndarray) -> np.ndarray:
        """Return the weighted score of some rows, shape (rows, p)."""
        with np.errstate(all="ignore"):
            made = self.likelihood.derivatives(self.outcome[rows], self.etas(rows, coefficients))
        scores = np.empty((len(made.value), self.size))
        for part, place, slope in zip(self.parts, self.slices, self.weight[rows] * made.gradient, strict=True):
            if part.terms:
                scores[:, place] = slope[:, None] if part.matrix is None else part.matrix[rows] * slope[:, None]
        return scores


@dataclass(frozen=True)
class Maximum:
    """Where a weighted likelihood is highest.

    Attributes
    ----------
    coefficients
        Shape (p,), of the columns.
    standardised
        The same of the centred and scaled columns.
    inverse
        Of the observed information of the centred and scaled columns, shape (p, p).
    naive_covariance
        What the covariance of the coefficients would be in a simple random sample if the family were right, shape (p, p).
    log_likelihood
        Weighted, weights adding up to people.
    gradient_norm
        Length of the gradient there, in standard errors.
    steps
        That it took.
    """

    coefficients: np.ndarray
    standardised: np.ndarray
    inverse: np.ndarray
    naive_covariance: np.ndarray
    log_likelihood: float
    gradient_norm: float
    steps: int

    @property
    def deviance(self) -> float:
        """Minus twice the log-likelihood."""
        return -2 * self.log_likelihood


@dataclass(frozen=True)
class _State:
    """One pass over the rows."""

    value: float
    gradient: np.ndarray
    information: np.ndarray
    slack: float
    highest: tuple[float, ...]

    @property
    def eigen(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Lengths that bring the information to one scale, and its eigenvalues and vectors then."""
        lengths = np.sqrt(np.maximum(np.abs(np.diag(self.information)), np.finfo(float).tiny))
        values, vectors = linalg.eigh(self.information / np.outer(lengths, lengths))
        return lengths, values, vectors

    def step(self) -> tuple[np.ndarray, float]:
        """Return an ascending step, Newton's where the likelihood is concave, and the least eigenvalue."""
        lengths, values, vectors = self.eigen
        sizes = np.maximum(np.abs(values), FLAT / 100)
        return vectors @ ((vectors.T @ (self.gradient / lengths)) / sizes) / lengths, float(values[0])


@dataclass(frozen=True)
class _Attempt:
    """Where one start has led: a maximum, or why there is none."""

    value: float
    maximum: Maximum | None
    trouble: str = ""


def _pass(problem: Problem, coefficients: np.ndarray) -> _State | None:
    """Go over all rows once; None where the likelihood is not finite."""
    p, slices, parts = problem.size, problem.slices, problem.parts
    gradient, information = np.zeros(p), np.zeros((p, p))
    value = slack = 0.0
    highest = np.full(len(parts), -np.inf)
    with np.errstate(all="ignore"):  # what is not finite is told by returning None
        for start in range(0, len(problem.outcome), BLOCK):
            rows = slice(start, start + BLOCK)
            etas, weight = problem.etas(rows, coefficients), problem.weight[rows]
            made = problem.likelihood.derivatives(problem.outcome[rows], etas)
            value += float(weight @ made.value)
            slack += ROUNDING * float(weight @ (np.abs(made.value) + 1))
            highest = np.maximum(highest, [each.max() for each in etas])
            columns = [None if part.matrix is None else part.matrix[rows] for part in parts]
            for place, column, slope in zip(slices, columns, weight * made.gradient, strict=True):
                gradient[place] += _summed(column, slope)
            for i, j in combinations_with_replacement(range(len(parts)), 2):
                information[slices[i], slices[j]] -= _crossed(columns[i], columns[j], weight * made.hessian[i, j])
    if not (np.isfinite(value) and np.isfinite(gradient).all() and np.isfinite(information).all()):
        return None
    lower = np.tril_indices(p, -1)
    information[lower] = information.T[lower]
    return _State(value, gradient, information, slack, tuple(highest))


def _summed(columns: np.ndarray | None, weight: np.ndarray) -> np.ndarray | float:
    """Return weighted sums of columns; of one that is 1 for all, without it."""
    return float(weight.sum()) if columns is None else columns.T @ weight


def _crossed(left: np.ndarray | None, right: np.ndarray | None, weight: np.ndarray) -> np.ndarray | float:
    """Return weighted products of two sets of columns."""
    if left is None:
        return np.atleast_1d(_summed(right, weight))[None, :]
    if right is None:
        return (left.T @ weight)[:, None]
    return left.T @ (right * weight[:, None])


def maximise(problem: Problem, starts: Sequence[np.ndarray], absent: dict[str, str]) -> Maximum:
    """Find the highest weighted likelihood.

    Parameters
    ----------
    problem
        To be solved.
    starts
        Coefficients of the centred and scaled columns to start from, each of shape (p,).
    absent
        For parts whose predictor may run to minus infinity, what to say and do then.

    Returns
    -------
    Maximum
        The highest that a start has led to.

    Raises
    ------
    ConvergenceError
        If no start has led to a maximum, or the likelihood is higher where one does not exist; naming the part and the
        columns that run away.

    Notes
    -----
    Newton's steps with the eigenvalues of the information made positive, and halved until the likelihood rises enough:
    Nocedal J, Wright SJ, Numerical Optimization, 2nd ed., Springer 2006, sections 3.1 and 3.4,
    doi:10.1007/978-0-387-40065-5. At the end the gradient is measured in standard errors, and the information has to be
    positive definite.
    """
    attempts = [_attempted(problem, start, absent) for start in starts]
    best = max(attempt.value for attempt in attempts)
    for attempt in attempts:
        if attempt.maximum is not None and attempt.value >= best - SAME:
            return attempt.maximum
    raise ConvergenceError(max(attempts, key=lambda attempt: attempt.value).trouble)


def _attempted(problem: Problem, start: np.ndarray, absent: dict[str, str]) -> _Attempt:
    """Climb from one start."""
    name = problem.likelihood.name
    state = _pass(problem, start)
    if state is None:
        return _Attempt(-np.inf, None, f"{name}: no start has a finite likelihood; are some counts very large?")
    coefficients, before = start, np.inf
    for count in range(MOST_STEPS):
        gone = _vanished(problem, state, absent)
        if gone:
            return _Attempt(state.value, None, f"{name}: {gone}")
        step, least = state.step()
        length = float(step @ state.gradient)
        if length <= SETTLED or (length <= REACHED and length >= before / 4):
            return _ended(problem, coefficients, state, step, least, count)
        before = length
        moved = _halved(problem, coefficients, step, length, state)
        if moved is None:
            return _ended(problem, coefficients, state, step, least, count)
        coefficients, state = moved
    return _Attempt(state.value, None, _running_away(problem, state.step()[0]))


def _halved(
    problem: Problem, coefficients: np.ndarray, step: np.ndarray, length: float, state: _State
) -> tuple[np.ndarray, _State] | None:
    """Go along a step as far as the likelihood rises enough; None if no part of it helps."""
    for halving in range(MOST_HALVINGS):
        share = 0.5**halving
        there = coefficients + share * step
        reached = _pass(problem, there)
        if reached is not None and reached.value >= state.value + ENOUGH * share * length - state.slack:
            return there, reached
    return None


def _ended(
    problem: Problem, coefficients: np.ndarray, state: _State, step: np.ndarray, least: float, count: int
) -> _Attempt:
    """Return the maximum where the climb has ended, if it is one."""
    length = float(step @ state.gradient)
    if least <= FLAT or np.abs(step).max() > MOVING or length > REACHED:
        return _Attempt(state.value, None, _running_away(problem, step))
    lengths, values, vectors = state.eigen
    inverse = (vectors / values) @ vectors.T / np.outer(lengths, lengths)
    back = problem.back
    maximum = Maximum(
        back @ coefficients,
        coefficients,
        inverse,
        back @ inverse @ back.T,
        state.value,
        float(np.sqrt(max(length, 0.0))),
        count,
    )
    return _Attempt(state.value, maximum)


def _vanished(problem: Problem, state: _State, absent: dict[str, str]) -> str:
    """Return what is to be said of a part whose predictor has gone to minus infinity for everybody."""
    for part, highest in zip(problem.parts, state.highest, strict=True):
        if part.name in absent and part.terms and highest < VANISHED:
            return absent[part.name]
    return ""


def _running_away(problem: Problem, step: np.ndarray) -> str:
    """Return which coefficients still move where the likelihood gains nothing any more."""
    told = []
    for part, place in zip(problem.parts, problem.slices, strict=True):
        moving = np.abs(step[place]) > np.abs(step).max() / 10
        names = [term for term, moves in zip(part.terms, moving, strict=True) if moves]
        others = [name for name in names if name != "Intercept"] or names
        if others:
            threshold = part.terms == (part.name,)
            told.append(
                f"the threshold {part.name!r}"
                if threshold
                else f"{', '.join(map(repr, others))} of the {part.name} part"
            )
    return (
        f"{problem.likelihood.name}: no finite estimate exists, or too little is known of it: the likelihood has no maximum "
        f"along {' and '.join(told) or 'any coefficient'}. Merge a level with another, or leave terms out."
    )
