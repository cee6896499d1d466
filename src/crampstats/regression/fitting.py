"""The solution of a weighted generalised linear model: blocked scoring with a safeguard, and why there may be none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg, optimize

from crampstats.errors import ConvergenceError, QuestionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from crampstats.regression.families import Family, Link

# Rows handled at a time: a block of ten columns stays in a processor's cache, and no second matrix is made.
BLOCK = 1 << 13
MOST_ITERATIONS = 60
MOST_HALVINGS = 40
# Squared length of the last step, in standard errors: scoring is done when a step moves nothing that could be seen.
SETTLED = 1e-20
# Where a step is hardly shorter than the one before, rounding has been reached; this length, in standard errors squared,
# is still far below anything that could be seen, also where scoring gains little with each step.
REACHED = 1e-14
# What rounding may add to a deviance, by the size of what is added up.
ROUNDING = 1e-13
# Share of a column that the others do not explain, below which it is a combination of them.
DEPENDENT = 1e-12
# Linear predictors as large as this suggest that the likelihood has no maximum.
FAR = 15.0


@dataclass(frozen=True)
class Rows:
    """What is fitted, its columns centred and of one size so that no sum is one of large numbers that cancel.

    Attributes
    ----------
    matrix
        Shape (rows, p), centred and scaled.
    outcome, weight
        Shape (rows,); weights that add up to the number of people.
    centre, scale
        Shape (p,): what was taken off each column, and what it was then divided by.
    intercept
        Which column is 1 for everybody; None without one, when nothing was taken off.
    offset
        Shape (rows,): what is added to the linear predictor; None for nothing.
    """

    matrix: np.ndarray
    outcome: np.ndarray
    weight: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    intercept: int | None
    offset: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        matrix: np.ndarray,
        outcome: np.ndarray,
        weight: np.ndarray,
        intercept: int | None,
        offset: np.ndarray | None = None,
    ) -> Rows:
        """Return rows, their columns centred and scaled by weighted mean and spread.

        Parameters
        ----------
        matrix
            Shape (rows, p); changed in place, since a second one may not fit into memory.
        outcome, weight, intercept, offset
            As the attributes.
        """
        p, total = matrix.shape[1], weight.sum()
        starts = range(0, len(outcome), BLOCK)
        centre, spread = np.zeros(p), np.zeros(p)
        if intercept is not None:
            for start in starts:
                centre += weight[start : start + BLOCK] @ matrix[start : start + BLOCK] / total
            centre[intercept] = 0.0
        for start in starts:
            part = matrix[start : start + BLOCK]
            part -= centre
            spread += weight[start : start + BLOCK] @ part**2 / total
        scale = np.where(spread > 0, np.sqrt(spread), 1.0)
        for start in starts:
            matrix[start : start + BLOCK] /= scale
        return cls(matrix, outcome, weight, centre, scale, intercept, offset)

    def blocks(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yield matrix, outcome and weight, some rows at a time."""
        for start in range(0, len(self.outcome), BLOCK):
            part = slice(start, start + BLOCK)
            yield self.matrix[part], self.outcome[part], self.weight[part]

    def predicted(self, coefficients: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the linear predictor of the same rows, given coefficients of the centred and scaled columns."""
        for start in range(0, len(self.outcome), BLOCK):
            part = slice(start, start + BLOCK)
            eta = self.matrix[part] @ coefficients
            yield eta if self.offset is None else eta + self.offset[part]

    @property
    def back(self) -> np.ndarray:
        """What turns coefficients of the centred and scaled columns into those of the columns, shape (p, p)."""
        back = np.diag(1 / self.scale)
        if self.intercept is not None:
            back[self.intercept] -= self.centre / self.scale
        return back


@dataclass(frozen=True)
class Solution:
    """Where the weighted score is zero.

    Attributes
    ----------
    coefficients
        Shape (p,).
    standardised
        The same of the centred and scaled columns, shape (p,).
    inverse
        Of the expected information of the centred and scaled columns, dispersion 1, shape (p, p).
    naive_covariance
        What the covariance of the coefficients would be in a simple random sample if the family were right and its
        dispersion 1, shape (p, p).
    deviance
        Weighted.
    """

    coefficients: np.ndarray
    standardised: np.ndarray
    inverse: np.ndarray
    naive_covariance: np.ndarray
    deviance: float


@dataclass(frozen=True)
class _State:
    """One pass over the rows."""

    score: np.ndarray
    information: np.ndarray
    deviance: float
    slack: float
    farthest: float


def working_residual(
    family: Family, link: Link, outcome: np.ndarray, eta: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the mean, the factor of a row in the score, and in the information, each of shape (rows,).

    Parameters
    ----------
    family, link
        Of the model.
    outcome, eta
        Shape (rows,).
    """
    mean = link.inverse(eta)
    slope = link.slope(eta, mean)
    pull = slope / family.variance(mean)
    return mean, (outcome - mean) * pull, slope * pull


def _pass(rows: Rows, family: Family, link: Link, coefficients: np.ndarray) -> _State | None:
    """Go over all rows once; None where a mean is impossible."""
    p = rows.matrix.shape[1]
    score, information = np.zeros(p), np.zeros((p, p))
    deviance = slack = farthest = 0.0
    with np.errstate(all="ignore"):  # what is not finite is told by returning None
        for (matrix, outcome, weight), eta in zip(rows.blocks(), rows.predicted(coefficients), strict=True):
            mean, pull, push = working_residual(family, link, outcome, eta)
            if not family.mean_is_possible(mean).all():
                return None
            score += matrix.T @ (weight * pull)
            information += matrix.T @ (matrix * (weight * push)[:, None])
            deviance += float(weight @ family.deviance(outcome, mean))
            slack += ROUNDING * float(weight @ (np.abs(outcome) + 1))
            farthest = max(farthest, float(np.abs(eta).max()))
    if not (np.isfinite(deviance) and np.isfinite(information).all() and np.isfinite(score).all()):
        return None
    return _State(score, information, deviance, slack + ROUNDING * abs(deviance), farthest)


def check_rank(rows: Rows, terms: Sequence[str]) -> None:
    """Refuse columns that are combinations of others.

    Parameters
    ----------
    rows
        To be fitted.
    terms
        Length p: what the columns are called.

    Raises
    ------
    QuestionError
        Naming the columns.
    """
    p = len(terms)
    gram = np.zeros((p, p))
    for matrix, _, weight in rows.blocks():
        gram += matrix.T @ (matrix * weight[:, None])
    length = np.sqrt(np.diag(gram))
    for term, each, centre in zip(terms, length, rows.centre, strict=True):
        if each == 0:
            why = "nobody has this level" if centre == 0 else "it cannot be told from the intercept"
            raise QuestionError(f"{term!r} is {centre:g} for everybody: {why}; leave it out.")
    gram /= np.outer(length, length)
    _, triangle, order = linalg.qr(gram, pivoting=True)
    rank = int(np.count_nonzero(np.abs(np.diag(triangle)) > DEPENDENT))
    if rank == p:
        return
    kept, lost = sorted(order[:rank]), sorted(order[rank:])
    told = []
    for column in lost:
        share = linalg.lstsq(gram[np.ix_(kept, kept)], gram[kept, column])[0]
        others = [repr(terms[index]) for index, part in zip(kept, share, strict=True) if abs(part) > 1e-6]
        told.append(f"{terms[column]!r} (of {', '.join(others)})")
    raise QuestionError(
        f"these columns of the formula are combinations of others, so that their coefficients have no meaning: "
        f"{'; '.join(told)}. Leave one out."
    )


def starting_point(rows: Rows, family: Family, link: Link) -> np.ndarray:
    """Return coefficients of the centred and scaled columns that give everybody about the same possible mean, shape (p,).

    Parameters
    ----------
    rows
        To be fitted.
    family, link
        Of the model.
    """
    mean = float(rows.weight @ rows.outcome / rows.weight.sum())
    if family.name == "binomial":
        mean = min(max(mean, 1e-3), 1 - 1e-3)
    elif family.name == "poisson" or link.name == "log":
        mean = max(mean, 1e-3)
    target = float(link.forward(np.asarray(mean)))
    if rows.offset is not None:
        target -= float(rows.weight @ rows.offset / rows.weight.sum())
    p = rows.matrix.shape[1]
    if rows.intercept is not None:
        start = np.zeros(p)
        start[rows.intercept] = target
        return start
    gram, right = np.zeros((p, p)), np.zeros(p)
    for matrix, _, weight in rows.blocks():
        weighted = matrix * weight[:, None]
        gram += matrix.T @ weighted
        right += weighted.sum(axis=0) * target
    return _solved(gram, right)


def _solved(information: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Solve for a step with columns brought to one scale; a singular system gives nan."""
    length = np.sqrt(np.diag(information))
    with np.errstate(all="ignore"):
        scaled = information / np.outer(length, length)
    if not np.isfinite(scaled).all():
        return np.full(len(score), np.nan)
    try:
        return linalg.solve(scaled, score / length, assume_a="pos") / length
    except (linalg.LinAlgError, linalg.LinAlgWarning):
        return np.full(len(score), np.nan)


def solve(rows: Rows, family: Family, link: Link, terms: Sequence[str]) -> Solution:
    """Find where the weighted score is zero.

    Parameters
    ----------
    rows
        To be fitted; of full rank.
    family, link
        Of the model.
    terms
        Length p: what the columns are called.

    Raises
    ------
    ConvergenceError
        If there is no solution, with the columns that predict the outcome perfectly where that is the reason; or if it
        was not reached.

    Notes
    -----
    Fisher scoring with step halving: McCullagh P, Nelder JA, Generalized Linear Models, 2nd ed., Chapman and Hall 1989,
    chapter 2. Separation is recognised by linear programming: Konis K, DPhil thesis, University of Oxford 2007; for
    means that can only approach zero: Correia S, Guimarães P, Zylkin T, 2019, doi:10.48550/arXiv.1903.01633.
    """
    coefficients = starting_point(rows, family, link)
    state = _pass(rows, family, link, coefficients)
    if state is None:
        raise ConvergenceError(f"{family.name} with link {link.name}: no start gives everybody a possible mean.")
    checked, before = False, np.inf
    for _ in range(MOST_ITERATIONS):
        if state.farthest > FAR and not checked and link.name != "identity":
            refuse_separation(rows, link, terms)
            checked = True
        step = _solved(state.information, state.score)
        if not np.isfinite(step).all():
            break
        dispersion = max(state.deviance, state.slack) / rows.weight.sum() if family.name == "gaussian" else 1.0
        length = float(step @ state.score) / dispersion
        if length <= SETTLED or (length <= REACHED and length >= before / 4):
            return _solution(rows, coefficients + step, state)
        before = length
        moved = _halved(rows, family, link, coefficients, step, state)
        if moved is None:
            if length <= REACHED:
                return _solution(rows, coefficients, state)
            break
        coefficients, state = moved
    if link.name != "identity":
        refuse_separation(rows, link, terms)
    hint = "; for a prevalence ratio use family='poisson'" if (family.name, link.name) == ("binomial", "log") else ""
    raise ConvergenceError(
        f"{family.name} with link {link.name} did not converge: the likelihood has no maximum inside the possible means"
        f"{hint}."
    )


def _solution(rows: Rows, standardised: np.ndarray, state: _State) -> Solution:
    """Return the solution on the scale of the columns."""
    inverse = _inverse(state.information)
    naive = rows.back @ inverse @ rows.back.T
    return Solution(rows.back @ standardised, standardised, inverse, naive, state.deviance)


def _inverse(information: np.ndarray) -> np.ndarray:
    """Return the inverse, computed with columns brought to one scale."""
    length = np.sqrt(np.diag(information))
    return np.linalg.inv(information / np.outer(length, length)) / np.outer(length, length)


def _halved(
    rows: Rows, family: Family, link: Link, coefficients: np.ndarray, step: np.ndarray, state: _State
) -> tuple[np.ndarray, _State] | None:
    """Go along a step as far as the deviance does not rise; None if no part of it helps."""
    for halving in range(MOST_HALVINGS):
        there = coefficients + step / 2**halving
        reached = _pass(rows, family, link, there)
        if reached is not None and reached.deviance <= state.deviance + state.slack:
            return there, reached
    return None


def refuse_separation(rows: Rows, link: Link, terms: Sequence[str]) -> None:
    """Raise if a combination of columns predicts the outcome perfectly for some people.

    Parameters
    ----------
    rows
        To be fitted.
    link
        Of the model: with ``"logit"`` both outcomes can be predicted perfectly, with ``"log"`` only 0.
    terms
        Length p: what the columns are called.

    Raises
    ------
    ConvergenceError
        Naming the columns.
    """
    case = rows.outcome > 0
    points = np.unique(np.column_stack([rows.matrix, case]), axis=0)
    matrix, case = points[:, :-1] / np.abs(rows.matrix).max(axis=0), points[:, -1] == 1
    # Towards which the mean would go for ever: away from the middle for a logit, down for a logarithm.
    away = np.where(case[:, None], matrix, -matrix) if link.name == "logit" else -matrix[~case]
    still = matrix[case] if link.name == "log" else np.empty((0, matrix.shape[1]))
    if len(away) == 0:
        return
    answer = optimize.linprog(
        -away.sum(axis=0),
        A_ub=-away,
        b_ub=np.zeros(len(away)),
        A_eq=still,
        b_eq=np.zeros(len(still)),
        bounds=[(-1, 1)] * matrix.shape[1],
    )
    if answer.x is not None and float(away.sum(axis=0) @ answer.x) > 1e-6:
        named = [
            repr(term) for term, part in zip(terms, answer.x, strict=True) if abs(part) > 1e-6 and term != "Intercept"
        ]
        raise ConvergenceError(
            f"no finite estimate exists (separation): {', '.join(named) or 'the intercept'} "
            f"predict{'s' if len(named) < 2 else ''} the outcome perfectly for some people, so that coefficients would grow "
            "for ever. Merge the level with another, or leave it out."
        )
