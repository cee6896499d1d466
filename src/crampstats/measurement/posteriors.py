"""Distributions of a true prevalence behind an imperfect test, by quadrature: posteriors and melded confidence limits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.polynomial import legendre
from scipy import optimize, special

from crampstats.errors import ConvergenceError, CrampstatsError, IntervalError
from crampstats.intervals import check_level
from crampstats.schema import is_number

if TYPE_CHECKING:
    from collections.abc import Callable

# What a distribution has beyond this on either side is left out of an integral.
TAIL = 1e-15
# Nodes of Gauss's rule in each panel: doubled until that changes a result by SETTLED at most. A doubling squares the error, so
# that what is returned is better by far.
NODES = (12, 24, 48, 96)
SETTLED = 1e-6
# Panels of a posterior density, nodes in each, and points at which its range is looked for.
PANELS = 20
PANEL_NODES = 10
LOOKS = 64
# Where a density has fallen to this share of its largest value, the rest is left out.
FAINT = 1e-17
# The least parameter of a distribution that is integrated: Jeffreys'.
LEAST = 0.5
# Lower probabilities at which a shortest interval is begun.
STARTS = 101
# A weight of a node that no probability feels; and none that no density feels, before its integral is made 1.
NEGLIGIBLE = 1e-16
NOTHING = 1e-30
# How far more nodes are thought to move a limit.
NEAR = 1e-5
# In place of 0 below a fraction bar.
TINY = 1e-200
# How far the log-likelihood may fall from its top to what sensitivity and specificity can reach.
OUT_OF_REACH = 30.0


@dataclass(frozen=True)
class Beta:
    """A beta distribution of a share.

    Parameters
    ----------
    a, b
        Above 0. Of a test that was right in 80 of 100 people, with a uniform prior, ``Beta(81, 21)``.

    Raises
    ------
    CrampstatsError
        If one of them is not a number above 0.

    Examples
    --------
    >>> round(Beta(81, 21).mean, 3)
    0.794
    """

    a: float
    b: float

    def __post_init__(self) -> None:
        for name, value in (("a", self.a), ("b", self.b)):
            if not (is_number(value) and value > 0):
                raise CrampstatsError(f"{name}={value!r} of a Beta has to be a number above 0, as in Beta(1, 1).")

    @property
    def mean(self) -> float:
        """The expected share."""
        return self.a / (self.a + self.b)

    def quantile(self, probability: float) -> float:
        """Return the share below which it lies with this probability."""
        return float(special.betaincinv(self.a, self.b, probability))

    def survival(self, share: np.ndarray) -> np.ndarray:
        """Return the probabilities of more than these shares, any shape."""
        return special.betaincc(self.a, self.b, np.clip(share, 0.0, 1.0))


@dataclass(frozen=True)
class Gamma:
    """A gamma distribution of a weighted sum of rare events.

    Parameters
    ----------
    shape, scale
        Above 0.

    Raises
    ------
    CrampstatsError
        If one of them is not a number above 0.

    Examples
    --------
    >>> round(Gamma(4, 0.025).quantile(0.5), 4)
    0.0918
    """

    shape: float
    scale: float

    def __post_init__(self) -> None:
        for name, value in (("shape", self.shape), ("scale", self.scale)):
            if not (is_number(value) and value > 0):
                raise CrampstatsError(f"{name}={value!r} of a Gamma has to be a number above 0, as in Gamma(4, 0.025).")

    def quantile(self, probability: float) -> float:
        """Return the sum below which it lies with this probability."""
        return float(special.gammaincinv(self.shape, probability) * self.scale)

    def survival(self, total: np.ndarray) -> np.ndarray:
        """Return the probabilities of more than these sums, any shape."""
        return special.gammaincc(self.shape, np.maximum(total, 0.0) / self.scale)


def _survival(uncertain: Beta | Gamma | float, share: np.ndarray) -> np.ndarray:
    """Return the probabilities of more than these shares; a number is what it is."""
    return uncertain.survival(share) if isinstance(uncertain, Beta | Gamma) else (uncertain > share).astype(float)


def _marks(uncertain: Beta | Gamma | float) -> np.ndarray:
    """Return where a distribution begins, halves and ends, shape (3,); of a number, three times the number."""
    if isinstance(uncertain, Beta | Gamma):
        return np.array([uncertain.quantile(p) for p in (TAIL, 0.5)] + [_end(uncertain)])
    return np.full(3, float(uncertain))


def _end(uncertain: Beta | Gamma) -> float:
    """Return where a distribution ends, from its upper tail, which 1 - TAIL would blur."""
    if isinstance(uncertain, Beta):
        return 1.0 - float(special.betaincinv(uncertain.b, uncertain.a, TAIL))
    return float(special.gammainccinv(uncertain.shape, TAIL)) * uncertain.scale


@lru_cache(maxsize=16)
def _gauss(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights of Gauss's rule on [-1, 1]."""
    return legendre.leggauss(count)


def _in_panels(edges: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights for integrals over panels, both shape (..., panels * count); edges (..., panels + 1)."""
    nodes, weights = _gauss(count)
    half = np.diff(edges, axis=-1)[..., None] / 2
    middle = (edges[..., 1:] + edges[..., :-1])[..., None] / 2
    shape = (*edges.shape[:-1], -1)
    return (middle + half * nodes).reshape(shape), (half * weights).reshape(shape)


# Shares are integrated over places u from 0 to 1. The share is the sine, squared, of a right angle times 6 u^5 - 15 u^4 + 10 u^3:
# it leaves 0 and 1 as a sixth power, so that a beta density, with parameters from 1/2 on, has no pole and no cusp to speak of.


def _place(share: np.ndarray) -> np.ndarray:
    """Return the places of shares, any shape."""
    return special.betaincinv(3.0, 3.0, np.arcsin(np.sqrt(np.clip(share, 0.0, 1.0))) * (2 / np.pi))


def _turned(place: np.ndarray) -> np.ndarray:
    """Return the angle of a place, whose sine, squared, is the share."""
    return np.pi / 2 * place**3 * (10 - place * (15 - 6 * place))


def _share(place: np.ndarray) -> np.ndarray:
    """Return the shares at places, any shape."""
    return np.sin(_turned(place)) ** 2


def _speed(place: np.ndarray) -> np.ndarray:
    """Return the derivative of the angle with respect to the place."""
    return 15 * np.pi * (place * (1 - place)) ** 2


def _place_density(beta: Beta, place: np.ndarray) -> np.ndarray:
    """Return the density of a beta's place, at places of any shape."""
    share = _share(place)
    logs = special.xlogy(beta.a - 0.5, share) + special.xlog1py(beta.b - 0.5, -share)
    return 2 * np.exp(logs - special.betaln(beta.a, beta.b)) * _speed(place)


def _weighed(uncertain: Beta | float, edges: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return shares and their probabilities between the edges, both shape (..., m)."""
    if not isinstance(uncertain, Beta):
        inside = (edges[..., :1] <= uncertain) & (uncertain <= edges[..., -1:])
        return np.full((*edges.shape[:-1], 1), float(uncertain)), inside.astype(float)
    places, weights = _in_panels(_place(edges), count)
    return _share(places), weights * _place_density(uncertain, places)


def _expected(
    function: Callable[[np.ndarray], np.ndarray],
    turns: np.ndarray,
    prevalence: float,
    tests: tuple[Beta | float, Beta | float],
    count: int,
    *,
    above_chance: bool,
) -> float:
    """Return the expectation of a function of the apparent prevalence that a true one makes.

    `tests` are false-positive rate and sensitivity. The function turns at `turns` alone, shape (t,), however sharply: panels
    begin and end there. With `above_chance`, false-positive rates above the sensitivity count nothing.
    """
    false_positive, sensitivity = tests
    point = not isinstance(false_positive, Beta)
    outer, inner = _marks(sensitivity), _marks(false_positive)
    # The inner integral turns where the rate of false positives that fits begins or ends, or meets the sensitivity.
    at = (turns[:, None] - (1 - prevalence) * np.unique(inner[[0, 2]])) / max(prevalence, TINY)
    at = np.concatenate([at.ravel(), inner, turns]) if above_chance else at.ravel()
    outer = np.sort(np.concatenate([outer, np.clip(at, outer[0], outer[-1])]))
    if point and above_chance:
        outer = np.maximum(outer, inner[1])
    if outer[-1] > outer[0]:
        outer = np.unique(outer)
    shares, probabilities = _weighed(sensitivity, outer, count)
    at = (turns - prevalence * shares[:, None]) / max(1 - prevalence, TINY)
    edges = np.concatenate([np.broadcast_to(inner, (len(shares), 3)), np.clip(at, inner[0], inner[-1])], axis=1)
    edges = np.sort(edges, axis=1)
    if above_chance:
        edges = np.minimum(edges, np.maximum(shares, inner[0])[:, None])
    wrong, chances = _weighed(false_positive, edges, count)
    if above_chance and point:
        chances = chances * (wrong < shares[:, None])
    weights = probabilities[:, None] * chances
    # Many panels are empty.
    used = weights > (NEGLIGIBLE if above_chance else NOTHING)
    rows = np.broadcast_to(shares[:, None], used.shape)[used]
    wrong = np.broadcast_to(wrong, used.shape)[used]
    return float(weights[used] @ function(wrong + prevalence * (rows - wrong)))


def _settled(what: str, compute: Callable[[int], np.ndarray]) -> np.ndarray:
    """Return what more nodes of a quadrature no longer change, shape (k,)."""
    before = compute(NODES[0])
    for count in NODES[1:]:
        after = compute(count)
        if np.abs(after - before).max() <= SETTLED:
            return after
        before = after
    raise ConvergenceError(
        f"{what}: {NODES[-1]} nodes in each panel do not settle the integral; counts of several million beside a test that "
        "was tried on few people do that."
    )


def melded_limit(
    apparent: Beta | Gamma | float,
    *,
    false_positive: Beta | float,
    sensitivity: Beta | float,
    probability: float,
) -> float:
    """Return a confidence limit of a true prevalence, melded from confidence distributions of what it is made of.

    Parameters
    ----------
    apparent
        Confidence distribution of the share of positive tests: the lower one for a lower limit, the upper one for an upper
        limit. Of x of n people ``Beta(x, n - x + 1)`` and ``Beta(x + 1, n - x)``; a number where there is no doubt.
    false_positive, sensitivity
        Of the shares of positive tests among people without and with the condition: the upper ones for a lower limit, the
        lower ones for an upper limit. The parameters of a Beta at least 1/2.
    probability
        Of the melded distribution, between 0 and 1: 0.025 and 0.975 for an interval of 95 %.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    CrampstatsError
        If a distribution cannot be integrated.
    IntervalError
        If the probability is none.
    ConvergenceError
        If the quadrature does not settle to 1e-6, when it is good to 1e-8, with whole or half parameters to 1e-10.

    Notes
    -----
    Bayer DM, Fay MP, Graubard BI, Stat Med 2023;42:1822-1867, doi:10.1002/sim.9701. The quantile of (t - f) / (s - f), 0
    where t <= f or s <= f, and 1 where t >= s > f, with t, f and s independent. The article takes it from a hundred
    thousand random draws; here the two rates are integrated by Gauss's rule, in panels that begin and end where t turns,
    and t is known in closed form, so that there is no chance in it. For a sum of weighted counts x of groups with weights w
    (adding to 1) and n people each, the article has two pairs of distributions of t. "Binomial": the betas above with
    n = p (1 - p) / sum(x (w / n)**2) and x = n p, where p = sum(w x / n), without regard to degrees of freedom. "Poisson", of
    Fay MP, Feuer EJ, Stat Med 1997;16:791-801: gammas of mean p and variance sum(x (w / n)**2), for the upper limit with the
    largest w / n and its square added to these.

    Examples
    --------
    >>> exact = Beta(11, 90)  # of 10 positive tests in 100 people
    >>> round(melded_limit(exact, false_positive=0.0, sensitivity=1.0, probability=0.975), 4)  # Clopper and Pearson's
    0.1762
    >>> round(melded_limit(exact, false_positive=Beta(5, 96), sensitivity=Beta(80, 21), probability=0.975), 4)
    0.1811
    """
    if not (is_number(probability) and 0 < probability < 1):
        raise IntervalError(f"probability={probability!r} has to lie between 0 and 1, as in probability=0.975.")
    for name, rate in (("false_positive", false_positive), ("sensitivity", sensitivity)):
        _check_rate(name, rate)
    tests, turns = (false_positive, sensitivity), _marks(apparent)

    # Where it begins to be 1 the function has its last step, so that 1 itself is out of question.
    last = float(np.nextafter(1.0, 0.0))
    guess: list[float] = []

    def limit(count: int) -> np.ndarray:
        def excess(prevalence: float) -> float:
            beyond = _expected(lambda t: _survival(apparent, t), turns, prevalence, tests, count, above_chance=True)
            return beyond - (1 - probability)

        # With more nodes the limit lies near that with fewer ones.
        near = (max(guess[-1] - NEAR, 0.0), min(guess[-1] + NEAR, last)) if guess else (0.0, last)
        if not excess(near[0]) > 0 >= excess(near[1]):
            near = 0.0, last
            if excess(0.0) <= 0:
                return np.zeros(1)
            if excess(last) > 0:
                return np.ones(1)
        guess.append(optimize.brentq(excess, *near, xtol=1e-13, rtol=1e-13))
        return np.array(guess[-1:])

    return float(_settled("melded_limit", limit)[0])


def _check_rate(name: str, rate: Beta | float) -> None:
    """Refuse what is neither a share nor a beta distribution that can be integrated."""
    if isinstance(rate, Beta):
        if min(rate.a, rate.b) < LEAST:
            raise CrampstatsError(f"{name}={rate!r}: its parameters have to be {LEAST} (Jeffreys) or more.")
    elif not (is_number(rate) and 0 <= rate <= 1):
        raise CrampstatsError(f"{name}={rate!r} has to be a number from 0 to 1 or a Beta, as in Beta(81, 21).")


@dataclass(frozen=True, eq=False, repr=False)
class PosteriorPrevalence:
    """What counts of an imperfect test say of the true prevalence, with what was known before.

    Attributes
    ----------
    positive, tested
        The counts.
    sensitivity, specificity, prior
        As they were given.
    prevalence
        Shape (points,), ascending: true prevalences, where there is anything to be said for them.
    density
        Shape (points,): posterior density at each, for a unit of prevalence.
    mean, median, std_dev
        Of the posterior.
    equal_tailed
        The interval that leaves as much below as above.
    highest_density
        The shortest interval, which is that of highest density where the density has one peak.
    level
        Probability of both intervals.
    worse_than_chance
        Probability, before the counts, that the test calls more people without the condition positive than with it.

    Examples
    --------
    >>> posterior_prevalence(12, 100, sensitivity=0.8, specificity=0.95).to_frame()[["estimate", "median"]].round(3)
       estimate  median
    0     0.103     0.1
    """

    positive: float
    tested: float
    sensitivity: Beta | float
    specificity: Beta | float
    prior: Beta
    prevalence: np.ndarray
    density: np.ndarray
    mean: float
    median: float
    std_dev: float
    equal_tailed: tuple[float, float]
    highest_density: tuple[float, float]
    level: float
    worse_than_chance: float

    def to_frame(self) -> pd.DataFrame:
        """Return the posterior as a table of one row.

        Returns
        -------
        DataFrame
            ``term``, ``n`` (people tested; of effective counts the effective ones, rounded), ``estimate`` (posterior mean),
            ``std_error`` (posterior standard deviation), ``conf_low`` and ``conf_high`` (equal-tailed), ``median``,
            ``shortest_low``, ``shortest_high``, and ``note``, which is empty where there is nothing to say.
        """
        note = ""
        if self.worse_than_chance > 0.001:
            note = f"before the counts, the test is worse than chance with probability {self.worse_than_chance:.2g}"
        return pd.DataFrame(
            {
                "term": ["true prevalence"],
                "n": [round(self.tested)],
                "estimate": [self.mean],
                "std_error": [self.std_dev],
                "conf_low": [self.equal_tailed[0]],
                "conf_high": [self.equal_tailed[1]],
                "median": [self.median],
                "shortest_low": [self.highest_density[0]],
                "shortest_high": [self.highest_density[1]],
                "note": [note],
            }
        )

    def __repr__(self) -> str:
        return f"<{self._told}>\n{self._shown().to_string(index=False, float_format='{:.4g}'.format)}"

    def _repr_html_(self) -> str:
        return self._shown().to_html(index=False, border=0, float_format="{:.4g}".format)

    @property
    def _told(self) -> str:
        """What the posterior comes from, in words."""
        return (
            f"PosteriorPrevalence of {self.positive:g} positive in {self.tested:g}: sensitivity {self.sensitivity}, "
            f"specificity {self.specificity}, prior {self.prior}"
        )

    def _shown(self) -> pd.DataFrame:
        """Return the table for the eye, without an empty note."""
        table = self.to_frame()
        return table if table["note"].any() else table.drop(columns="note")


def posterior_prevalence(
    positive: float,
    tested: float,
    *,
    sensitivity: Beta | float,
    specificity: Beta | float,
    prior: Beta = Beta(1, 1),
    level: float = 0.95,
) -> PosteriorPrevalence:
    """Return the posterior distribution of a true prevalence behind an imperfect test.

    Parameters
    ----------
    positive, tested
        People with a positive test, and all. Of a survey the effective counts, which need not be whole:
        ``posterior_prevalence(*effective_counts(apparent), ...)``.
    sensitivity, specificity
        A number where it is known, else a Beta: after 80 of 100 right answers and nothing known before, ``Beta(81, 21)``.
        Parameters of 1/2 or more.
    prior
        Of the true prevalence; ``Beta(1, 1)`` is uniform. Parameters of 1/2 or more.
    level
        Probability of the intervals.

    Returns
    -------
    PosteriorPrevalence
        Density, mean, median, and two intervals.

    Raises
    ------
    CrampstatsError
        If the counts are none, a distribution cannot be integrated, sensitivity and specificity are no better than chance
        on average, or the counts cannot have come from such a test.
    IntervalError
        If the level is not between 0 and 1.
    ConvergenceError
        If the quadrature does not settle to 1e-6, when it is good to 1e-8, with whole or half parameters to 1e-10.

    Notes
    -----
    The model of Joseph L, Gyorkos TW, Coupal L, Am J Epidemiol 1995;141:263-272, doi:10.1093/oxfordjournals.aje.a117428,
    with sensitivity, specificity and prevalence independent before the counts; integrated by Gauss's rule over the two
    rates instead of sampled. The data of one test speak of no more than the share of positives: what is said of sensitivity
    and specificity goes into the answer as it stands, however many people were tested.

    Examples
    --------
    >>> found = posterior_prevalence(100, 1000, sensitivity=Beta(81, 21), specificity=Beta(96, 6))
    >>> round(found.median, 3), [round(limit, 3) for limit in found.equal_tailed]
    (0.062, [0.008, 0.112])
    >>> perfect = posterior_prevalence(3, 40, sensitivity=1, specificity=1)
    >>> round(perfect.mean, 6) == round(4 / 42, 6)
    True
    """
    check_level(level)
    _check_counts(positive, tested)
    if not isinstance(prior, Beta):
        raise CrampstatsError(f"prior={prior!r} has to be a Beta, as in Beta(1, 1).")
    for name, rate in (("sensitivity", sensitivity), ("specificity", specificity), ("prior", prior)):
        _check_rate(name, rate)
    means = [rate.mean if isinstance(rate, Beta) else rate for rate in (sensitivity, specificity)]
    if sum(means) <= 1:
        raise CrampstatsError(
            f"sensitivity={sensitivity!r} and specificity={specificity!r} add up to {sum(means):g} on average: above 1 they "
            "have to be, or the test is no better than chance."
        )
    wrong = Beta(specificity.b, specificity.a) if isinstance(specificity, Beta) else 1.0 - specificity
    tests = (wrong, sensitivity)
    likelihood = _likelihood(positive, tested, tests)
    turns = _marks(Beta(positive + 1, tested - positive + 1))

    def density(places: np.ndarray, count: int) -> np.ndarray:
        shares = _share(places)
        expected = [_expected(likelihood, turns, float(p), tests, count, above_chance=False) for p in shares]
        return np.array(expected) * _place_density(prior, places)

    edges = np.linspace(*_range_of(lambda places: density(places, NODES[0])), PANELS + 1)
    drawn: dict[int, np.ndarray] = {}

    def cumulated(count: int) -> np.ndarray:
        nodes, weights = _in_panels(edges, PANEL_NODES)
        drawn[count] = density(nodes, count)
        mass = np.cumsum((drawn[count] * weights).reshape(PANELS, -1).sum(axis=1))
        return mass / mass[-1]

    _settled("posterior_prevalence", cumulated)
    chance = 0.0
    if isinstance(wrong, Beta) or isinstance(sensitivity, Beta):
        better = _settled("posterior_prevalence", lambda count: np.array([_better(tests, turns, count)]))
        chance = max(0.0, 1.0 - float(better[0]))
    curve = _Curve(edges, drawn[max(drawn)])
    tail = (1 - level) / 2
    return PosteriorPrevalence(
        positive=positive,
        tested=tested,
        sensitivity=sensitivity,
        specificity=specificity,
        prior=prior,
        prevalence=curve.shares,
        density=curve.density,
        mean=curve.mean,
        median=curve.quantile(0.5),
        std_dev=curve.std_dev,
        equal_tailed=(curve.quantile(tail), curve.quantile(1 - tail)),
        highest_density=curve.shortest(level),
        level=level,
        worse_than_chance=chance,
    )


def _check_counts(positive: float, tested: float) -> None:
    """Refuse counts that are none; effective ones need not be whole."""
    if not (is_number(tested) and tested > 0):
        raise CrampstatsError(f"tested={tested!r} has to be a number of people above 0.")
    if not (is_number(positive) and 0 <= positive <= tested):
        raise CrampstatsError(f"positive={positive!r} has to be a number from 0 to tested={tested!r}.")


def _better(tests: tuple[Beta | float, Beta | float], turns: np.ndarray, count: int) -> float:
    """Return the probability that the sensitivity exceeds the false-positive rate."""
    return _expected(np.ones_like, turns, 0.0, tests, count, above_chance=True)


def _likelihood(
    positive: float, tested: float, tests: tuple[Beta | float, Beta | float]
) -> Callable[[np.ndarray], np.ndarray]:
    """Return the likelihood of the share of positive tests, over its largest value that the test can reach."""

    def log_likelihood(share: np.ndarray) -> np.ndarray:
        return special.xlogy(positive, share) + special.xlog1py(tested - positive, -share)

    rates = np.concatenate([_marks(rate) for rate in tests])
    share = positive / tested
    nearest = min(max(share, rates.min()), rates.max())
    top = float(log_likelihood(np.array(nearest)))
    fallen = float(log_likelihood(np.array(share))) - top
    if fallen > OUT_OF_REACH:
        raise CrampstatsError(
            f"{positive:g} positive of {tested:g} tested do not come from a test of this sensitivity and specificity, which "
            f"make a share of {rates.min():.3g} to {rates.max():.3g} positive whatever the prevalence."
        )
    return lambda shares: np.exp(log_likelihood(shares) - top)


def _range_of(density: Callable[[np.ndarray], np.ndarray]) -> tuple[float, float]:
    """Return the places between which a density is not faint, by looking ever closer."""
    low, high = 0.0, 1.0
    while True:
        places, step = np.linspace(low, high, LOOKS + 1, retstep=True)
        values = density(places[1:] - step / 2)
        seen = np.flatnonzero(values > FAINT * values.max())
        left, right = max(low, places[seen[0]] - step), min(high, places[seen[-1] + 1] + step)
        if right - left > (high - low) / 2:
            return left, right
        low, high = left, right


class _Curve:
    """A posterior density as polynomials over panels of places, and what follows from it."""

    def __init__(self, edges: np.ndarray, values: np.ndarray) -> None:
        nodes, weights = _gauss(PANEL_NODES)
        self.edges = edges
        self.half = float(edges[1] - edges[0]) / 2
        places, all_weights = _in_panels(edges, PANEL_NODES)
        self.shares = _share(places)
        values = values / (values @ all_weights)
        self.density = values / (np.sin(2 * _turned(places)) * _speed(places))
        self.mean = float(self.shares @ (values * all_weights))
        self.std_dev = float(np.sqrt((self.shares - self.mean) ** 2 @ (values * all_weights)))
        degrees = np.arange(PANEL_NODES)
        project = (legendre.legvander(nodes, PANEL_NODES - 1) * weights[:, None]) * (2 * degrees + 1) / 2
        self.pieces = values.reshape(PANELS, -1) @ project
        self.grown = np.array([legendre.legint(piece, lbnd=-1) * self.half for piece in self.pieces])
        mass = np.cumsum([legendre.legval(1.0, grown) for grown in self.grown])
        self.below = np.concatenate([[0.0], mass]) / mass[-1]

    def _panel(self, probability: float) -> tuple[int, float]:
        """Return the panel of a quantile and where it lies within, from -1 to 1."""
        panel = int(np.clip(np.searchsorted(self.below, probability, side="right") - 1, 0, PANELS - 1))
        wanted = probability - self.below[panel]

        def excess(within: float) -> float:
            return float(legendre.legval(within, self.grown[panel])) - wanted

        if excess(-1.0) >= 0:
            return panel, -1.0
        return panel, (1.0 if excess(1.0) <= 0 else float(optimize.brentq(excess, -1.0, 1.0, xtol=1e-14)))

    def quantile(self, probability: float) -> float:
        """Return the prevalence below which the truth lies with this probability."""
        panel, within = self._panel(probability)
        return float(_share(self.edges[panel] + self.half * (within + 1)))

    def _height(self, probability: float) -> float:
        """Return the density at a quantile, for a unit of prevalence."""
        panel, within = self._panel(probability)
        place = self.edges[panel] + self.half * (within + 1)
        slope = float(np.sin(2 * _turned(place)) * _speed(place))
        return float(legendre.legval(within, self.pieces[panel])) / max(slope, TINY)

    def shortest(self, level: float) -> tuple[float, float]:
        """Return the shortest interval that holds this probability."""
        starts = np.linspace(0.0, 1 - level, STARTS)
        widths = np.array([self.quantile(start + level) - self.quantile(start) for start in starts])
        best = int(widths.argmin())
        start = float(starts[best])

        # The width has its minimum where both ends are equally high: a root, which is sharper than a minimum.
        def rise(begin: float) -> float:
            return self._height(begin) - self._height(begin + level)

        around = starts[max(best - 1, 0)], starts[min(best + 1, STARTS - 1)]
        if rise(around[0]) < 0 < rise(around[1]):
            start = float(optimize.brentq(rise, *around, xtol=1e-14))
        return self.quantile(start), self.quantile(start + level)
