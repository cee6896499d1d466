"""How likely cells of a number are under a smooth distribution, and where that is greatest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize, special

from crampstats.errors import ConvergenceError

if TYPE_CHECKING:
    from crampstats.measurement.rounded_cells import Cells

# What each distribution is described by.
TERMS: dict[str, tuple[str, ...]] = {
    "normal": ("mean", "sd"),
    "lognormal": ("median", "log_sd"),
    "box_cox": ("median", "relative_sd", "power"),
    "sinh_arcsinh": ("location", "scale", "skew", "tail"),
}
POSITIVE = ("lognormal", "box_cox")
# How far from the maximum an estimate may be, in standard errors; and how near to singular the information, its columns
# brought to one scale.
REACHED = 1e-6
DEFINITE = 1e-9
MOST_ITERATIONS = 500
# The last steps, which make all digits right.
POLISHING = 3
ROUNDING = 1e-13
ROOT = float(np.sqrt(2 * np.pi))
# Integrals over 0 to 1 of exponentials that hardly bend.
_NODES, _NODE_WEIGHTS = (each / 2 for each in np.polynomial.legendre.leggauss(24))
_NODES = _NODES + 0.5


def other_distributions(distribution: str) -> str:
    """List the distributions that are left, for a message.

    Parameters
    ----------
    distribution
        The one that will not do.

    Examples
    --------
    >>> other_distributions("box_cox")
    'normal, lognormal, sinh_arcsinh'
    """
    return ", ".join(name for name in TERMS if name != distribution)


@dataclass(frozen=True)
class Scale:
    """What is taken off values, or their logarithms, and what they are then divided by, to be fitted.

    Attributes
    ----------
    centre, spread
        Mean and standard deviation of the cells' people, of their logarithms where `logarithmic`.
    logarithmic
        Whether the distribution is one of positive values.

    Examples
    --------
    >>> Scale(2.0, 0.5, logarithmic=False).standardised(np.array([1.0, 2.0, np.inf]))
    array([-2.,  0., inf])
    """

    centre: float
    spread: float
    logarithmic: bool

    @classmethod
    def of(cls, cells: Cells, distribution: str) -> Scale:
        """Return the scale on which cells have mean 0 and variance 1."""
        logarithmic = distribution in POSITIVE
        values = cells.reported[cells.place]
        if logarithmic:
            # The lowest cell, where it stands for all below, may be reported as 0, and has its end alone above it.
            values = np.log(np.where(values > 0, values, cells.high[cells.place] / 2))
        centre = np.average(values, weights=cells.weight)
        spread = np.sqrt(np.average((values - centre) ** 2, weights=cells.weight))
        return cls(float(centre), float(spread), logarithmic)

    def standardised(self, values: np.ndarray) -> np.ndarray:
        """Return values, infinite ones too, on this scale."""
        if self.logarithmic:
            with np.errstate(divide="ignore"):
                values = np.log(np.maximum(values, 0.0))
        return (values - self.centre) / self.spread

    def parameters(self, distribution: str, theta: np.ndarray) -> np.ndarray:
        """Return the parameters as they are told, shape (k,), of those that are fitted."""
        centre = self.centre + self.spread * theta[0]
        told = [np.exp(centre) if self.logarithmic else centre, self.spread * np.exp(theta[1])]
        if distribution == "box_cox":
            told.append(theta[2] / self.spread)
        elif distribution == "sinh_arcsinh":
            told += [theta[2], np.exp(theta[3])]
        return np.array(told)

    def slopes(self, distribution: str, parameters: np.ndarray) -> np.ndarray:
        """Return the derivative of each parameter with respect to the one that is fitted in its place, shape (k,)."""
        slopes = [self.spread * (parameters[0] if self.logarithmic else 1.0), parameters[1]]
        if distribution == "box_cox":
            slopes.append(1 / self.spread)
        elif distribution == "sinh_arcsinh":
            slopes += [1.0, parameters[3]]
        return np.array(slopes)


@dataclass(frozen=True)
class Likelihood:
    """Chances of cells on the scale on which they are fitted: location, logarithm of the scale, then the shape.

    Attributes
    ----------
    distribution
        Which one.
    low, high
        Shape (J,): ends of the cells.
    share
        Shape (J,): how much of the weight each has.

    Examples
    --------
    >>> halves = Likelihood("normal", np.array([-np.inf, 0.0]), np.array([0.0, np.inf]), np.array([0.5, 0.5]))
    >>> np.exp(halves.logs(halves.start)).round(12)
    array([0.5, 0.5])
    """

    distribution: str
    low: np.ndarray
    high: np.ndarray
    share: np.ndarray

    @classmethod
    def of(cls, cells: Cells, scale: Scale, distribution: str) -> Likelihood:
        """Return the likelihood of the occupied cells."""
        low, high = (scale.standardised(ends[cells.place]) for ends in (cells.low, cells.high))
        return cls(distribution, low, high, cells.weight / cells.weight.sum())

    @property
    def start(self) -> np.ndarray:
        """Where to begin: the normal or lognormal distribution of this mean and spread."""
        return np.zeros(len(TERMS[self.distribution]))

    def _scores(self, ends: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the normal scores of ends of cells and their derivatives; of infinite ends those of 0."""
        return CURVES[self.distribution](np.where(np.isinf(ends), 0.0, ends), theta)

    def logs(self, theta: np.ndarray) -> np.ndarray:
        """Return the logarithm of each cell's chance, shape (J,)."""
        low, high = (np.where(np.isinf(ends), ends, self._scores(ends, theta)[0]) for ends in (self.low, self.high))
        return _log_chance(low, high)

    def slopes(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return first and second derivatives of `logs`, shapes (k, J) and (k, k, J)."""
        logs = self.logs(theta)
        k = len(theta)
        first, second = np.zeros((k, len(logs))), np.zeros((k, k, len(logs)))
        for sign, ends in ((1.0, self.high), (-1.0, self.low)):
            normal, slope, bend = self._scores(ends, theta)
            density = np.where(np.isinf(ends), 0.0, np.exp(-(normal**2) / 2 - logs) / ROOT)
            # Where there is no density there is nothing to add, however steep the curve.
            first += sign * np.where(density > 0, density * slope, 0.0)
            turned = density * (bend - normal * slope[:, None] * slope[None, :])
            second += sign * np.where(density > 0, turned, 0.0)
        return first, second - first[:, None] * first[None, :]

    def loss(self, theta: np.ndarray) -> float:
        """Return the mean of the logarithms over people, less than which nothing fits better, with its sign changed."""
        with np.errstate(all="ignore"):
            loss = -float(self.share @ self.logs(theta))
        return loss if np.isfinite(loss) else np.inf

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        """Return the derivative of `loss`, shape (k,)."""
        with np.errstate(all="ignore"):
            return -self.slopes(theta)[0] @ self.share

    def information(self, theta: np.ndarray) -> np.ndarray:
        """Return the second derivative of `loss`, shape (k, k)."""
        with np.errstate(all="ignore"):
            return -self.slopes(theta)[1] @ self.share


def _log_chance(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the logarithm of a normal chance between two scores, exact in both tails."""
    # In the upper tail by symmetry, so that no chance is one of two that are nearly 1.
    upper = low > 0
    low, high = np.where(upper, -high, low), np.where(upper, -low, high)
    top = special.log_ndtr(high)
    return top + np.log(-np.expm1(special.log_ndtr(low) - top))


def _normal_curve(values: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return normal scores of standardised values, and their first and second derivatives, (J,), (k, J), (k, k, J)."""
    shrink = np.exp(-theta[1])
    scores = (values - theta[0]) * shrink
    slope, flat = np.full(len(values), shrink), np.zeros(len(values))
    return scores, np.stack([-slope, -scores]), np.stack([np.stack([flat, slope]), np.stack([slope, scores])])


def _power_curve(values: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return them after a power, of logarithms: (exp(l r) - 1) / (l s) of the distance r from the median."""
    shrink, distance = np.exp(-theta[1]), values - theta[0]
    grown = np.exp(theta[2] * distance)
    # The integral of exp(l r t) over t from 0 to 1, and those of t and t² times it: smooth where l is 0.
    rising = np.exp(np.multiply.outer(theta[2] * distance, _NODES))
    whole, half, third = (rising @ (_NODE_WEIGHTS * _NODES**power) for power in (0, 1, 2))
    scores = shrink * distance * whole
    by_power = shrink * distance**2 * half
    steep = shrink * grown
    first = np.stack([-steep, -scores, by_power])
    second = np.stack(
        [
            np.stack([theta[2] * steep, steep, -distance * steep]),
            np.stack([steep, scores, -by_power]),
            np.stack([-distance * steep, -by_power, shrink * distance**3 * third]),
        ]
    )
    return scores, first, second


def _sinh_arcsinh_curve(values: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return them for sinh(tail arcsinh(u) - skew) of the standardised distance u from the location."""
    shrink, tail = np.exp(-theta[1]), np.exp(theta[3])
    distance = (values - theta[0]) * shrink
    bent, root = np.arcsinh(distance), np.sqrt(1 + distance**2)
    scores, steep = np.sinh(tail * bent - theta[2]), np.cosh(tail * bent - theta[2])
    # Of the argument of sinh, which is then put through sinh: its derivatives by location, log scale, skew and log tail.
    by_distance, by_twice = tail / root, -tail * distance / root**3
    zero = np.zeros(len(values))
    inner = np.stack([-shrink * by_distance, -distance * by_distance, zero - 1.0, tail * bent])
    bend = np.zeros((4, 4, len(values)))
    bend[0, 0] = by_twice * shrink**2
    bend[0, 1] = bend[1, 0] = shrink * (by_distance + distance * by_twice)
    bend[1, 1] = distance * (by_distance + distance * by_twice)
    bend[0, 3] = bend[3, 0] = inner[0]
    bend[1, 3] = bend[3, 1] = inner[1]
    bend[3, 3] = inner[3]
    return scores, steep * inner, steep * bend + scores * inner[:, None] * inner[None, :]


CURVES = {
    "normal": _normal_curve,
    "lognormal": _normal_curve,
    "box_cox": _power_curve,
    "sinh_arcsinh": _sinh_arcsinh_curve,
}


def most_likely(likelihood: Likelihood, people: float, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Return where the likelihood is largest, and the information there.

    Parameters
    ----------
    likelihood
        Of k parameters.
    people
        How many there are: the more, the smaller the standard errors by which the distance to the maximum is judged.
    column
        What was asked about, for a message.

    Returns
    -------
    tuple of ndarray
        Parameters on the fitted scale, shape (k,), and their information for each person, shape (k, k).

    Raises
    ------
    ConvergenceError
        If the likelihood has no maximum that can be trusted.

    Examples
    --------
    >>> low, high = np.array([-np.inf, -1.0, 1.0]), np.array([-1.0, 1.0, np.inf])
    >>> thirds = Likelihood("normal", low, high, np.full(3, 1 / 3))
    >>> theta, _ = most_likely(thirds, 100.0, "level")
    >>> round(float(np.exp(theta[1])), 4)  # a third lies beyond 0.43 standard deviations on either side
    2.3217
    """
    found = optimize.minimize(
        likelihood.loss,
        likelihood.start,
        jac=likelihood.gradient,
        hess=likelihood.information,
        method="trust-exact",
        options={"gtol": 1e-8, "maxiter": MOST_ITERATIONS},
    )
    theta = found.x
    for _ in range(POLISHING):
        information, gradient = likelihood.information(theta), likelihood.gradient(theta)
        if not _is_definite(information):
            break
        there = theta - np.linalg.solve(information, gradient)
        if likelihood.loss(there) > likelihood.loss(theta) + ROUNDING:
            break
        theta = there
    information, gradient = likelihood.information(theta), likelihood.gradient(theta)
    reached = _is_definite(information) and people * gradient @ np.linalg.solve(information, gradient) <= REACHED**2
    if not reached:
        raise ConvergenceError(
            f"distribution={likelihood.distribution!r} of {column!r}: the likelihood has no maximum that can be trusted, as "
            "happens with few distinct values or a shape that they do not tell; choose from "
            f"{other_distributions(likelihood.distribution)}."
        )
    return theta, information


def _is_definite(information: np.ndarray) -> bool:
    """Say whether an information has a maximum of the likelihood behind it, far enough from none."""
    length = np.sqrt(np.maximum(np.diag(information), 0.0))
    if not (np.isfinite(information).all() and (length > 0).all()):
        return False
    return bool(np.linalg.eigvalsh(information / np.outer(length, length))[0] > DEFINITE)
