"""What is believed of a latent state after two markers in one population: posteriors with priors on their accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from crampstats.errors import ConvergenceError, QuestionError
from crampstats.measurement.latent_tables import PatternTable, Shown, check_level, quasi_random
from crampstats.measurement.posteriors import Beta

if TYPE_CHECKING:
    from crampstats.estimates import Estimate

# Points of a posterior, and how many of them have to count.
POINTS = 1 << 16
LEAST_POINTS = 1000.0


@dataclass(frozen=True, eq=False, repr=False)
class LatentClassPosterior(Shown):
    """What is believed of a latent state after two markers in one population: data and priors together.

    It is no `crampstats.Estimate`: two markers do not identify the prevalence, so that more people do not make the priors
    matter less and less.

    Attributes
    ----------
    terms
        ``prevalence``, then ``sensitivity`` and ``specificity`` of each marker.
    points
        Shape (points, terms): a grid in the space of the parameters.
    weight
        Shape (points,): their posterior probabilities.
    priors
        One for each term.
    n
        People asked.
    n_effective
        The size of a simple random sample that tells as much: `n` over the mean design effect of the patterns, and at
        most `n`, as where clusters are all alike and the design effect is 0.
    source
        The survey, in words.

    Examples
    --------
    >>> half = np.array([0.5, 0.5])
    >>> points = np.array([[0.1, 0.8], [0.3, 0.9]])
    >>> LatentClassPosterior(("prevalence", "sensitivity serum"), points, half, {}, 100, 80.0, "survey").value
    array([0.2 , 0.85])
    """

    terms: tuple[str, ...]
    points: np.ndarray
    weight: np.ndarray
    priors: Mapping[str, Beta]
    n: int
    n_effective: float
    source: str

    @property
    def value(self) -> np.ndarray:
        """Posterior means, shape (terms,)."""
        return self.weight @ self.points

    @property
    def std_error(self) -> np.ndarray:
        """Posterior standard deviations, shape (terms,)."""
        return np.sqrt(self.weight @ (self.points - self.value) ** 2)

    def quantile(self, probability: float) -> np.ndarray:
        """Return posterior quantiles, shape (terms,).

        Parameters
        ----------
        probability
            Between 0 and 1.
        """
        order = np.argsort(self.points, axis=0, kind="stable")
        sorted_weight = self.weight[order]
        middle = np.cumsum(sorted_weight, axis=0) - sorted_weight / 2
        sorted_points = np.take_along_axis(self.points, order, axis=0)
        return np.array([np.interp(probability, *each) for each in zip(middle.T, sorted_points.T, strict=True)])

    def to_frame(self, *, level: float = 0.95) -> pd.DataFrame:
        """Return means, standard deviations and equal-tailed limits as a table.

        Parameters
        ----------
        level
            Probability between the limits.

        Raises
        ------
        IntervalError
            If it is not between 0 and 1.
        """
        check_level(level)
        return pd.DataFrame(
            {
                "term": self.terms,
                "n": self.n,
                "estimate": self.value,
                "std_error": self.std_error,
                "conf_low": self.quantile((1 - level) / 2),
                "conf_high": self.quantile((1 + level) / 2),
                "note": "with priors",
            }
        )

    @property
    def _title(self) -> str:
        return f"LatentClassPosterior with priors in {self.source}"


def latent_class_posterior(table: PatternTable, priors: Mapping[str, Beta]) -> LatentClassPosterior:
    """Return the posterior of two markers in one population.

    Parameters
    ----------
    table
        Of two markers in one population.
    priors
        As in `crampstats.measurement.latent_classes.latent_class`.

    Raises
    ------
    QuestionError
        If there are other markers or populations, or the priors do not fit them.
    ConvergenceError
        If the posterior lies so far from the priors that it cannot be computed.

    Examples
    --------
    >>> import crampstats as cs
    >>> from crampstats.measurement.latent_tables import read_patterns
    >>> people = cs.Survey(pd.DataFrame({"serum": [1, 1, 0, 0], "urine": [1, 0, 1, 0], "n": [60, 40, 90, 810]}), count="n")
    >>> table = read_patterns(people, ["serum", "urine"], None)
    >>> priors = {f"{what} {marker}": Beta(17, 3) for what in ("sensitivity", "specificity") for marker in table.markers}
    >>> found = latent_class_posterior(table, priors)
    >>> found.to_frame()[["term", "estimate", "conf_low", "conf_high"]].head(1).round(2)
             term  estimate  conf_low  conf_high
    0  prevalence      0.08      0.05       0.11
    """
    asked = _read_priors(table, priors)
    shares = table.shares()
    n_effective = _effective_size(table, shares)
    prevalence, found_a, found_b, cleared_a, cleared_b = asked.values()
    # The accuracies of the marker that is known better are drawn; those of the other one follow.
    turned = _strength(found_b) + _strength(cleared_b) > _strength(found_a) + _strength(cleared_a)
    order, known, other = [0, 1, 2, 3], (found_a, cleared_a), (found_b, cleared_b)
    if turned:
        order, known, other = [0, 2, 1, 3], other, known
    cube = quasi_random(POINTS, 5)
    cells = _dirichlet(cube[:, :3], n_effective * shares.value[order] + 1)
    first, second, both = cells[:, 2] + cells[:, 3], cells[:, 1] + cells[:, 3], cells[:, 3]
    covariance = both - first * second
    possible = covariance > 0
    first, second, covariance, cube = first[possible], second[possible], covariance[possible], cube[possible]
    # Within the rectangle that agrees with the shares, see latent_class_bounds.
    sensitivity, mass = _beta_between(cube[:, 3], known[0], first + covariance / second, np.ones(len(first)))
    specificity, cleared_mass = _beta_between(
        cube[:, 4], known[1], 1 - first + covariance / (1 - second), np.ones(len(first))
    )
    false = 1 - specificity
    share = (first - false) / (sensitivity - false)
    other_found, other_cleared = second + covariance / (first - false), 1 - second + covariance / (sensitivity - first)
    with np.errstate(all="ignore"):  # a point on the rectangle's edge has no weight, and is taken out below
        log_weight = (
            np.log(mass * cleared_mass)
            - np.log((sensitivity - first) * (first - false))
            + _beta_log(share, prevalence)
            + _beta_log(other_found, other[0])
            + _beta_log(other_cleared, other[1])
        )
    told = np.isfinite(log_weight)
    if told.any():
        weight = np.exp(log_weight[told] - log_weight[told].max())
        weight /= weight.sum()
    if not told.any() or 1 / np.sum(weight**2) < LEAST_POINTS:
        raise ConvergenceError(
            "the posterior cannot be computed: hardly any accuracies that the priors believe in agree with what "
            f"{' and '.join(table.markers)} showed. Look at latent_class_bounds(), and state wider priors."
        )
    points = np.column_stack([share, sensitivity, other_found, specificity, other_cleared])[told]
    columns = [0, 2, 1, 4, 3] if turned else [0, 1, 2, 3, 4]
    return LatentClassPosterior(
        terms=tuple(asked),
        points=points[:, columns],
        weight=weight,
        priors=asked,
        n=table.survey.people,
        n_effective=n_effective,
        source=table.survey.described,
    )


def _read_priors(table: PatternTable, priors: Mapping[str, Beta]) -> dict[str, Beta]:
    """Return a prior for each term, refusing names and values that do not fit."""
    if len(table.markers) != 2 or table.populations is not None:
        raise QuestionError(
            f"priors are for two markers in one population, not for {len(table.markers)} in {len(table.levels)}: three "
            "markers, or two in several populations, need none."
        )
    accuracies = [f"{what} {marker}" for what in ("sensitivity", "specificity") for marker in table.markers]
    if not isinstance(priors, Mapping) or set(priors) - {"prevalence"} != set(accuracies):
        named = ", ".join(map(repr, priors)) if isinstance(priors, Mapping) else repr(priors)
        raise QuestionError(
            f"priors have to name {', '.join(map(repr, accuracies))}, and may name 'prevalence'; they name {named}."
        )
    for term, prior in priors.items():
        if not isinstance(prior, Beta):
            raise QuestionError(f"priors[{term!r}]={prior!r} has to be a Beta, as in Beta(17, 3).")
    return {term: priors.get(term, Beta(1, 1)) for term in ("prevalence", *accuracies)}


def _effective_size(table: PatternTable, shares: Estimate) -> float:
    """Return people over the mean design effect of the patterns that occur, taken as at least 1."""
    people, seen = float(table.survey.people), shares.value > 0
    effect = np.sum(shares.std_error[seen] ** 2 / shares.value[seen]) * (people - 1) / (np.count_nonzero(seen) - 1)
    return people / max(float(effect), 1.0)


def _strength(prior: Beta) -> float:
    """Return how many people a prior is worth."""
    return prior.a + prior.b


def _dirichlet(cube: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return points of a Dirichlet distribution, shape (points, parts), from the unit cube: a stick broken bit by bit."""
    left, parts = np.ones(len(cube)), []
    for index, uniform in enumerate(cube.T):
        broken = special.betaincinv(size[index], size[index + 1 :].sum(), uniform)
        parts.append(left * broken)
        left = left * (1 - broken)
    return np.column_stack([*parts, left])


def _beta_between(uniform: np.ndarray, prior: Beta, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return points of a beta distribution between limits, and its mass there, both shape (points,)."""
    under, over = (
        special.betainc(prior.a, prior.b, np.clip(low, 0, 1)),
        special.betainc(prior.a, prior.b, np.clip(high, 0, 1)),
    )
    return special.betaincinv(prior.a, prior.b, under + uniform * (over - under)), over - under


def _beta_log(values: np.ndarray, prior: Beta) -> np.ndarray:
    """Return the logarithm of a beta density but for its constant, NaN outside 0 and 1."""
    return (prior.a - 1) * np.log(values) + (prior.b - 1) * np.log1p(-values)
