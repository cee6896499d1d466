"""How far effects differ between studies: the variance between them, its interval, and what is left to chance.

Functions of arrays: effects y of shape (k,), their variances v of shape (k,), a design matrix x of shape (k, p).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import optimize, special

from crampstats.errors import ConvergenceError, CrampstatsError

if TYPE_CHECKING:
    from collections.abc import Callable

Between = Literal["common", "DL", "REML", "PM"]
# At how many variances between studies the slope of the likelihood is looked at for its roots.
LOOKS = 200
# How often a bracket is doubled before a root is given up.
DOUBLINGS = 200
# Digits of a root, in shares of it.
DIGITS = 4 * np.finfo(float).eps
# Singular values of a design below this share of the largest are none.
DEPENDENT = 1e-10


@dataclass(frozen=True, eq=False)
class WeightedFit:
    """Regression of effects by inverse variance, at one variance between studies.

    Attributes
    ----------
    beta
        Shape (p,).
    inverse
        Shape (p, p): inverse of the information.
    weights
        Shape (k,): inverse variances.
    residuals
        Shape (k,).
    """

    beta: np.ndarray
    inverse: np.ndarray
    weights: np.ndarray
    residuals: np.ndarray

    @property
    def q(self) -> float:
        """Weighted sum of squared residuals."""
        return float(self.weights @ self.residuals**2)


def weighted_fit(y: np.ndarray, v: np.ndarray, x: np.ndarray, tau2: float) -> WeightedFit:
    """Fit effects by inverse variance.

    Parameters
    ----------
    y, v, x
        Effects, variances, design.
    tau2
        Variance between studies.
    """
    weights = 1 / (v + tau2)
    inverse = np.linalg.inv(x.T @ (x * weights[:, None]))
    beta = inverse @ (x.T @ (weights * y))
    return WeightedFit(beta, inverse, weights, y - x @ beta)


def projection(v: np.ndarray, x: np.ndarray, tau2: float) -> np.ndarray:
    """Return W − WX(X'WX)⁻¹X'W, shape (k, k)."""
    weights = 1 / (v + tau2)
    weighted = x * weights[:, None]
    return np.diag(weights) - weighted @ np.linalg.inv(x.T @ weighted) @ weighted.T


def check_rank(x: np.ndarray) -> None:
    """Refuse a design whose columns depend on each other, or with no more studies than columns.

    Parameters
    ----------
    x
        Design.

    Raises
    ------
    CrampstatsError
        If it has no single solution.
    """
    k, p = x.shape
    if k < p:
        raise CrampstatsError(f"{k} studies cannot determine {p} coefficients: take fewer moderators.")
    values = np.linalg.svd(x / np.maximum(np.abs(x).max(axis=0), np.finfo(float).tiny), compute_uv=False)
    if values[-1] < DEPENDENT * values[0]:
        raise CrampstatsError("the moderators depend on each other or do not vary: leave one out.")


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where a function that falls from a positive value at `low` passes 0; `high` is moved up if need be."""
    for _ in range(DOUBLINGS):
        if function(high) <= 0:
            break
        low, high = high, 2 * high
    else:
        raise ConvergenceError("the variance between studies has no upper bound that could be found.")
    root, found = optimize.brentq(function, low, high, xtol=1e-300, rtol=DIGITS, maxiter=1000, full_output=True)
    if not found.converged:
        raise ConvergenceError("the variance between studies did not settle.")
    return float(root)


def der_simonian_laird(y: np.ndarray, v: np.ndarray, x: np.ndarray) -> float:
    """Return the variance between studies by moments, not below 0.

    Parameters
    ----------
    y, v, x
        Effects, variances, design.

    Notes
    -----
    DerSimonian R, Laird N, Control Clin Trials 1986;7:177-188, doi:10.1016/0197-2456(86)90046-2.

    Examples
    --------
    >>> y, v = np.array([-0.5, -0.1, 0.2]), np.array([0.04, 0.09, 0.0225])
    >>> round(der_simonian_laird(y, v, np.ones((3, 1))), 4)
    0.1254
    """
    k, p = x.shape
    q = weighted_fit(y, v, x, 0.0).q
    return max(0.0, (q - (k - p)) / float(np.trace(projection(v, x, 0.0))))


def paule_mandel(y: np.ndarray, v: np.ndarray, x: np.ndarray) -> float:
    """Return the variance between studies at which the weighted sum of squares is what chance gives.

    Parameters
    ----------
    y, v, x
        Effects, variances, design.

    Notes
    -----
    Paule RC, Mandel J, J Res Natl Bur Stand 1982;87:377-385, doi:10.6028/jres.087.022.

    Examples
    --------
    >>> y, v = np.array([-0.5, -0.1, 0.2]), np.array([0.04, 0.09, 0.0225])
    >>> round(paule_mandel(y, v, np.ones((3, 1))), 4)
    0.0914
    """
    k, p = x.shape

    def above(tau2: float) -> float:
        return weighted_fit(y, v, x, tau2).q - (k - p)

    return 0.0 if above(0.0) <= 0 else _root(above, 0.0, float(np.max(v)))


def restricted_log_likelihood(y: np.ndarray, v: np.ndarray, x: np.ndarray, tau2: float) -> float:
    """Return the restricted log-likelihood at a variance between studies.

    Parameters
    ----------
    y, v, x
        Effects, variances, design.
    tau2
        Variance between studies.
    """
    k, p = x.shape
    fit = weighted_fit(y, v, x, tau2)
    information = x.T @ (x * fit.weights[:, None])
    own = np.linalg.slogdet(x.T @ x)[1]
    constant = -(k - p) / 2 * math.log(2 * math.pi) + own / 2
    return float(constant + np.log(fit.weights).sum() / 2 - np.linalg.slogdet(information)[1] / 2 - fit.q / 2)


def restricted_maximum_likelihood(y: np.ndarray, v: np.ndarray, x: np.ndarray) -> float:
    """Return the variance between studies that has the highest restricted likelihood.

    Parameters
    ----------
    y, v, x
        Effects, variances, design.

    Raises
    ------
    ConvergenceError
        If a root of the score does not settle.

    Notes
    -----
    Harville DA, J Am Stat Assoc 1977;72:320-338, doi:10.1080/01621459.1977.10480998. The score is looked at over the whole
    range, each of its roots from above is found, and the one with the highest likelihood is taken, 0 among them: a
    likelihood with two hills does not end on the lower one.

    Examples
    --------
    >>> y, v = np.array([-0.5, -0.1, 0.2]), np.array([0.04, 0.09, 0.0225])
    >>> round(restricted_maximum_likelihood(y, v, np.ones((3, 1))), 4)
    0.1062
    """

    def score(tau2: float) -> float:
        middle = projection(v, x, tau2)
        pulled = middle @ y
        return float(pulled @ pulled - np.trace(middle))

    # Beyond the spread of the effects themselves the score is negative.
    top = float(np.ptp(y) ** 2 + np.max(v)) * 4
    looks = np.concatenate([[0.0], np.geomspace(min(float(np.min(v)), top) * 1e-6, top, LOOKS)])
    slopes = np.array([score(each) for each in looks])
    falling = np.flatnonzero((slopes[:-1] > 0) & (slopes[1:] <= 0))
    hills = [_root(score, looks[index], looks[index + 1]) for index in falling]
    if slopes[0] <= 0:
        hills.append(0.0)
    if slopes[-1] > 0:
        hills.append(_root(score, looks[-1], 2 * looks[-1]))
    return max(hills, key=lambda tau2: restricted_log_likelihood(y, v, x, tau2))


def between_variance(y: np.ndarray, v: np.ndarray, x: np.ndarray, method: Between) -> float:
    """Return the variance between studies by the method of this name.

    Parameters
    ----------
    y, v, x
        Effects, variances, design.
    method
        ``"common"`` (0), ``"DL"``, ``"REML"`` or ``"PM"``.
    """
    if method == "common" or len(y) <= x.shape[1]:
        return 0.0
    estimators = {"DL": der_simonian_laird, "REML": restricted_maximum_likelihood, "PM": paule_mandel}
    return estimators[method](y, v, x)


def profile_interval(y: np.ndarray, v: np.ndarray, x: np.ndarray, level: float) -> tuple[float, float]:
    """Return the interval of the variance between studies by the Q profile.

    Parameters
    ----------
    y, v, x
        Effects, variances, design; more studies than columns.
    level
        Confidence.

    Notes
    -----
    Viechtbauer W, Stat Med 2007;26:37-52, doi:10.1002/sim.2514. Where even no variance between studies leaves less
    spread than chance would, both ends are 0.
    """
    k, p = x.shape
    ends = []
    for probability in ((1 - level) / 2, (1 + level) / 2):
        quantile = float(special.chdtri(k - p, probability))

        def above(tau2: float, quantile: float = quantile) -> float:
            return weighted_fit(y, v, x, tau2).q - quantile

        ends.append(0.0 if above(0.0) <= 0 else _root(above, 0.0, float(np.max(v))))
    return ends[0], ends[1]


def typical_variance(v: np.ndarray, x: np.ndarray) -> float:
    """Return the variance within studies to which that between them is compared in I².

    Parameters
    ----------
    v, x
        Variances, design.

    Notes
    -----
    Higgins JPT, Thompson SG, Stat Med 2002;21:1539-1558, doi:10.1002/sim.1186.
    """
    k, p = x.shape
    return (k - p) / float(np.trace(projection(v, x, 0.0)))
