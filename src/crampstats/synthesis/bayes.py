"""A posterior of the effect and of the spread between studies, by quadrature."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.polynomial import legendre
from scipy import optimize, special

from crampstats.errors import ConvergenceError, CrampstatsError
from crampstats.intervals import check_level
from crampstats.schema import is_number
from crampstats.synthesis.pooling import Scale, check_effects, scale_of, shown

if TYPE_CHECKING:
    from collections.abc import Callable

# What a half-normal prior has beyond this many of its scales is left out: less than 1e-16.
FAR = 8.4
# Panels of the spread between studies, closer together near 0, and nodes in each: doubled until nothing changes.
PANELS = 40
CLOSEST = 1e-5
NODES = (8, 16, 32, 64)
SETTLED = 1e-10
# How many standard deviations a quantile is looked for.
REACH = 40.0


@dataclass(frozen=True, eq=False, repr=False)
class EffectPosterior:
    """Posterior of the mean effect, of the spread between studies and of the effect in another study.

    Given the spread τ the mean effect is normal; the posterior is a mixture of these normals over nodes of τ.

    Attributes
    ----------
    effect, variance
        Shape (k,): on the scale of analysis.
    tau_scale
        Scale of the half-normal prior of τ; 0 where the effect is common to all.
    prior_mean, prior_sd
        Of the mean effect; an infinite `prior_sd` is a flat prior.
    tau, weights
        Shape (m,): nodes and their posterior weights, which add up to 1.
    mean, sd
        Shape (m,): of the mean effect at each node.
    people
        Together; None where a study does not say.
    scale
        ``"log"``: tables show ratios.

    Examples
    --------
    >>> effects = pd.DataFrame({"study": ["A", "B", "C"], "estimate": [-0.5, -0.1, 0.2], "std_error": [0.2, 0.3, 0.15]})
    >>> posterior = effect_posterior(effects, tau_scale=0.5)
    >>> round(posterior.probability_below(0.0), 3)
    0.686
    """

    effect: np.ndarray
    variance: np.ndarray
    tau_scale: float
    prior_mean: float
    prior_sd: float
    tau: np.ndarray
    weights: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    people: int | None
    scale: Scale

    def probability_below(self, effect: float, *, new: str = "no") -> float:
        """Return the posterior probability that the mean effect is at most so much.

        Parameters
        ----------
        effect
            On the scale of analysis.
        new
            ``"no"``: of the mean effect; ``"yes"``: of the effect in another study.

        Raises
        ------
        CrampstatsError
            If `new` is neither.
        """
        if new not in ("no", "yes"):
            raise CrampstatsError(f"new={new!r} is unknown: choose from no, yes.")
        sd = np.hypot(self.sd, self.tau) if new == "yes" else self.sd
        return float(self.weights @ special.ndtr((effect - self.mean) / sd))

    @cached_property
    def _moments(self) -> tuple[float, float, float]:
        """Mean and standard deviation of the mean effect, standard deviation of another study's."""
        mean = float(self.weights @ self.mean)
        spread = float(self.weights @ (self.sd**2 + (self.mean - mean) ** 2))
        return mean, spread**0.5, float(spread + self.weights @ self.tau**2) ** 0.5

    def _quantile(self, probability: float, new: str) -> float:
        """Return a quantile of the mean effect, or of another study's."""
        mean, sd, wide = self._moments
        reach = REACH * (wide if new == "yes" else sd)
        return _root(lambda x: self.probability_below(x, new=new) - probability, mean - reach, mean + reach)

    def _tau_quantile(self, probability: float) -> float:
        """Return a quantile of the spread between studies."""
        if self.tau_scale == 0:
            return 0.0
        top = FAR * self.tau_scale
        log_density = _log_density(self.effect, self.variance, self.tau_scale, self.prior_mean, self.prior_sd)
        peak = float(np.max(log_density(self.tau)))
        nodes = NODES[-1]

        def mass(end: float) -> float:
            at, width = _nodes(end, nodes)
            return float(width @ np.exp(log_density(at) - peak))

        whole = mass(top)
        return _root(lambda end: mass(end) / whole - probability, top * 1e-12, top)

    def to_frame(self, *, level: float = 0.95) -> pd.DataFrame:
        """Return the posterior as a table.

        Parameters
        ----------
        level
            Probability of the intervals, with equal tails.

        Returns
        -------
        DataFrame
            ``term`` (``"effect"``, ``"another study"``, ``"spread between studies"``, which stays on the scale of analysis),
            ``n``, ``studies``, ``estimate`` (the median), ``std_error`` (the posterior standard deviation; of a ratio times
            the ratio), ``conf_low``, ``conf_high``, ``note``.
        """
        check_level(level)
        ends = (0.5, (1 - level) / 2, (1 + level) / 2)
        effect, other = (np.array([self._quantile(end, new) for end in ends]) for new in ("no", "yes"))
        tau = np.array([self._tau_quantile(end) for end in ends])
        _, sd, wide = self._moments
        tau_mean = float(self.weights @ self.tau)
        tau_sd = float(np.sqrt(np.maximum(self.weights @ self.tau**2 - tau_mean**2, 0.0)))
        errors = [sd, wide, tau_sd]
        if self.scale == "log":
            effect, other = np.exp(effect), np.exp(other)
            errors = [sd * effect[0], wide * other[0], tau_sd]
        k = len(self.effect)
        note = "" if self.tau_scale else "the spread between studies is taken to be 0"
        if self.tau_scale and k == 1:
            note = "one study: the spread between studies is that of its prior"
        return pd.DataFrame(
            {
                "term": ["effect", "another study", "spread between studies"],
                "n": pd.array([self.people] * 3, dtype="Int64"),
                "studies": k,
                "estimate": [effect[0], other[0], tau[0]],
                "std_error": errors,
                "conf_low": [effect[1], other[1], tau[1]],
                "conf_high": [effect[2], other[2], tau[2]],
                "note": note,
            }
        )

    def __repr__(self) -> str:
        prior = f"half-normal({self.tau_scale:g}) spread between studies" if self.tau_scale else "common effect"
        return f"<EffectPosterior, {prior}>\n{shown(self.to_frame()).to_string(index=False)}"

    def _repr_html_(self) -> str:
        return shown(self.to_frame()).to_html(index=False, border=0)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where an increasing function passes 0."""
    root, found = optimize.brentq(function, low, high, xtol=1e-14, rtol=1e-13, full_output=True)
    if not found.converged:
        raise ConvergenceError("a quantile of the posterior did not settle.")
    return float(root)


def _nodes(top: float, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes of Gauss's rule and their widths, in panels from 0 to `top` that are closer together near 0."""
    edges = np.concatenate([[0.0], np.geomspace(top * CLOSEST, top, PANELS)])
    points, widths = legendre.leggauss(count)
    half = np.diff(edges)[:, None] / 2
    at = edges[:-1, None] + half * (points + 1)
    return at.ravel(), (half * widths).ravel()


def _conditional(
    y: np.ndarray, v: np.ndarray, tau: np.ndarray, mean: float, sd: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean and variance of the mean effect given τ, and the log-likelihood of τ, shape (m,) each."""
    total = v + tau[:, None] ** 2
    weights = 1 / total
    known = 0.0 if np.isinf(sd) else 1 / sd**2
    precision = weights.sum(axis=1) + known
    centre = (weights @ y + known * mean) / precision
    misfit = (weights * (y - centre[:, None]) ** 2).sum(axis=1) + known * (mean - centre) ** 2
    return centre, 1 / precision, -(np.log(total).sum(axis=1) + np.log(precision) + misfit) / 2


def _log_density(
    y: np.ndarray, v: np.ndarray, scale: float, mean: float, sd: float
) -> Callable[[np.ndarray], np.ndarray]:
    """Return the logarithm of the posterior density of τ but for a constant, a function of shape (m,)."""

    def density(tau: np.ndarray) -> np.ndarray:
        return _conditional(y, v, tau, mean, sd)[2] - (tau / scale) ** 2 / 2

    return density


def effect_posterior(
    effects: pd.DataFrame,
    *,
    tau_scale: float,
    prior_mean: float = 0.0,
    prior_sd: float = np.inf,
    scale: Scale | None = None,
) -> EffectPosterior:
    """Return the posterior of the effect of several studies.

    Parameters
    ----------
    effects
        As in `pool`.
    tau_scale
        Scale of the half-normal prior of the spread between studies, in the unit of the effects: two thirds of the prior lie
        below it, 95 % below twice as much. 0 takes one effect to be common to all studies.
    prior_mean, prior_sd
        Of a normal prior of the mean effect; flat unless `prior_sd` is finite.
    scale
        As in `pool`.

    Returns
    -------
    EffectPosterior
        With `to_frame` and `probability_below`.

    Raises
    ------
    SchemaError
        With every fault of the effects.
    CrampstatsError
        If a prior is none.
    ConvergenceError
        If more nodes still change the posterior.

    Notes
    -----
    Effects are normal about their own means, which are normal about the mean effect with standard deviation τ: Röver C,
    J Stat Softw 2020;93:1-51, doi:10.18637/jss.v093.i06; the prior: Gelman A, Bayesian Anal 2006;1:515-534,
    doi:10.1214/06-BA117A; Röver C et al., Res Synth Methods 2021;12:448-474, doi:10.1002/jrsm.1475. τ is integrated by
    Gauss's rule in panels; nodes are doubled until means, variances and probabilities change by less than 1e-10 of
    themselves.

    Examples
    --------
    >>> effects = pd.DataFrame({"study": ["A", "B", "C"], "estimate": [-0.5, -0.1, 0.2], "std_error": [0.2, 0.3, 0.15]})
    >>> found = effect_posterior(effects, tau_scale=0.5)
    >>> round(found.probability_below(0.0), 3)
    0.686
    """
    if not (is_number(tau_scale) and tau_scale >= 0):
        raise CrampstatsError(f"tau_scale={tau_scale!r} has to be a number, 0 or above, in the unit of the effects.")
    if not is_number(prior_mean):
        raise CrampstatsError(f"prior_mean={prior_mean!r} has to be a number.")
    if not ((is_number(prior_sd) and prior_sd > 0) or prior_sd == np.inf):
        raise CrampstatsError(f"prior_sd={prior_sd!r} has to be a number above 0, or infinite for a flat prior.")
    whole = check_effects(effects)
    chosen = scale_of(whole, scale)
    y, v = whole["estimate"].to_numpy(dtype=float), whole["std_error"].to_numpy(dtype=float) ** 2
    n = whole["n"] if "n" in whole else pd.Series([None])
    people = None if n.isna().any() else int(n.sum())
    held = (y, v, float(tau_scale), float(prior_mean), float(prior_sd))
    if tau_scale == 0:
        tau = np.zeros(1)
        centre, variance, _ = _conditional(y, v, tau, held[3], held[4])
        return EffectPosterior(*held, tau, np.ones(1), centre, np.sqrt(variance), people, chosen)
    before: np.ndarray | None = None
    for count in NODES:
        tau, width = _nodes(FAR * held[2], count)
        centre, variance, likelihood = _conditional(y, v, tau, held[3], held[4])
        log_weight = likelihood - (tau / held[2]) ** 2 / 2
        weights = width * np.exp(log_weight - log_weight.max())
        weights /= weights.sum()
        found = EffectPosterior(*held, tau, weights, centre, np.sqrt(variance), people, chosen)
        now = np.array([*found._moments, weights @ tau, found.probability_below(float(np.median(y)))])
        if before is not None and np.allclose(now, before, rtol=SETTLED, atol=SETTLED * found._moments[1]):
            return found
        before = now
    raise ConvergenceError(
        "the posterior of the spread between studies did not settle: is tau_scale in the effects' unit?"
    )
