"""Power and sizes of comparisons: of two proportions, two means, two rates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, get_args

import numpy as np
from scipy import special

from crampstats.planning.sizes import ROUNDING, SampleSize, number_fault, one_effect, require, smallest, whole
from crampstats.schema import Fault, raise_faults

if TYPE_CHECKING:
    from collections.abc import Sequence

Sides = Literal["two_sided", "two_sided_strict", "one_sided"]
ProportionMethod = Literal["pooled", "arcsine"]
MeanDesign = Literal["parallel", "change", "ancova", "paired", "crossover"]
RateDesign = Literal["parallel", "crossover"]
NullVariance = Literal["true_rates", "control_rate", "pooled_rate"]
# Designs in which a person is compared with herself.
WITHIN = ("paired", "crossover")


class Comparison(Protocol):
    """A comparison of two groups that is planned."""

    ratio: float
    dropout: float

    @property
    def term(self) -> str:
        """What is compared, in words."""

    @property
    def grouped(self) -> bool:
        """Whether each person is in one of two groups."""

    @property
    def clustered(self) -> float | None:
        """People in a cluster; None without clusters."""

    @property
    def least(self) -> float:
        """People, analysed, that are the fewest for a test."""

    def power(self, control: float, treated: float) -> float:
        """Return the power with so many people analysed."""


@dataclass(frozen=True, kw_only=True)
class _Shared:
    """What all comparisons are given besides their effect."""

    ratio: float = 1.0
    level: float = 0.95
    sides: Sides = "two_sided"
    design_effect: float = 1.0
    icc: float | None = None
    cluster_size: float | None = None
    dropout: float = 0.0

    within: ClassVar[tuple[str, ...]] = WITHIN

    def _shared_faults(self) -> list[Fault]:
        """Return what is wrong with these."""
        faults = number_fault("ratio", self.ratio, "treated people over controls, above 0", above=0.0)
        faults += number_fault("level", self.level, "a number between 0 and 1, such as 0.95", above=0.0, below=1.0)
        faults += number_fault("dropout", self.dropout, "a share of at least 0 and below 1", at_least=0.0, below=1.0)
        faults += one_effect("design_effect", self.design_effect, self.icc, self.cluster_size)[1]
        return faults + choice_faults("sides", self.sides, get_args(Sides))

    @property
    def clustered(self) -> float | None:
        """People in a cluster; None without clusters."""
        return self.cluster_size

    @property
    def effect(self) -> float:
        """The design effect, given or of the clusters."""
        return one_effect("design_effect", self.design_effect, self.icc, self.cluster_size)[0]

    def _normal_power(self, effect: float, null_error: float, true_error: float) -> float:
        """Return the power of a normal test whose statistic has one error under the null and another in truth."""
        if true_error == 0 or null_error == 0:
            return 1.0 if effect else 0.0
        tail = (1 - self.level) / (1 if self.sides == "one_sided" else 2)
        critical = -float(special.ndtri(tail)) * null_error
        power = special.ndtr((abs(effect) - critical) / true_error)
        if self.sides == "two_sided_strict":
            power += special.ndtr((-abs(effect) - critical) / true_error)
        return float(power)


@dataclass(frozen=True, kw_only=True)
class ProportionComparison(_Shared):
    """Two proportions that are to be compared.

    Attributes
    ----------
    control, treated
        The shares that are expected, between 0 and 1.
    method
        ``"pooled"``: the normal test with a pooled variance, as R's power.prop.test; ``"arcsine"``: of the difference of
        arcsines, as pwr.2p.test.
    ratio
        Treated people over controls.
    level
        1 less the significance level.
    sides
        ``"two_sided"`` counts significance in the expected direction, ``"two_sided_strict"`` in either, ``"one_sided"`` tests
        in one.
    design_effect, icc, cluster_size
        Of groups that are sampled or randomised as clusters, as in `size_for_prevalence`.
    dropout
        The share of people who are enrolled and not analysed.

    Raises
    ------
    SchemaError
        With every fault.

    Notes
    -----
    Fleiss JL, Levin B, Paik MC, Statistical Methods for Rates and Proportions, 3rd ed., Wiley 2003, chapter 4. Arcsines:
    Cohen J, Statistical Power Analysis, 2nd ed., Erlbaum 1988, chapter 6.

    Examples
    --------
    >>> from crampstats.planning import size_for
    >>> size_for(ProportionComparison(control=0.6, treated=0.7)).groups
    (356, 356)
    """

    control: float
    treated: float
    method: ProportionMethod = "pooled"

    least: ClassVar[float] = 2.0
    grouped: ClassVar[bool] = True

    def __post_init__(self) -> None:
        faults = [
            fault
            for name, share in (("control", self.control), ("treated", self.treated))
            for fault in number_fault(name, share, "a share above 0 and below 1", above=0.0, below=1.0)
        ]
        faults += choice_faults("method", self.method, get_args(ProportionMethod))
        raise_faults([*faults, *self._shared_faults()], "ProportionComparison")

    @property
    def term(self) -> str:
        """What is compared, in words."""
        return f"{100 * self.treated:g} against {100 * self.control:g} %"

    def power(self, control: float, treated: float) -> float:
        """Return the power with so many people analysed in each group."""
        inverse = self.effect * (1 / control + 1 / treated)
        if self.method == "arcsine":
            distance = 2 * math.asin(math.sqrt(self.treated)) - 2 * math.asin(math.sqrt(self.control))
            return self._normal_power(distance, math.sqrt(inverse), math.sqrt(inverse))
        pooled = (control * self.control + treated * self.treated) / (control + treated)
        own = self.control * (1 - self.control) / control + self.treated * (1 - self.treated) / treated
        errors = math.sqrt(pooled * (1 - pooled) * inverse), math.sqrt(self.effect * own)
        return self._normal_power(self.treated - self.control, *errors)


@dataclass(frozen=True, kw_only=True)
class MeanComparison(_Shared):
    """Two means that are to be compared by a t test.

    Attributes
    ----------
    difference
        That is expected, in the unit of `sd`.
    sd
        Standard deviation of one measurement among people.
    design
        ``"parallel"``: two groups, measured once. ``"change"``: two groups, change from a measurement before.
        ``"ancova"``: two groups, adjusted for the measurement before. ``"paired"``: everybody twice, with and without
        treatment, in an order that does not matter. ``"crossover"``: everybody twice, half of them in each order, adjusted for the
        period.
    correlation
        Of two measurements of one person; needed by all designs but the first.
    ratio, level, sides, design_effect, icc, cluster_size, dropout
        As of `ProportionComparison`. With clusters the degrees of freedom are theirs; designs within people have no ratio
        and no clusters.

    Raises
    ------
    SchemaError
        With every fault.

    Notes
    -----
    Power by the noncentral t distribution, as R's power.t.test. Variance: 2 sd² (1 - r) of a change, sd² (1 - r²) adjusted:
    Frison L, Pocock SJ, Stat Med 1992;11:1685-1704, doi:10.1002/sim.4780111304. Cross-over: Senn S, Cross-over Trials in
    Clinical Research, 2nd ed., Wiley 2002, section 9.2.

    Examples
    --------
    >>> from crampstats.planning import size_for
    >>> size_for(MeanComparison(difference=1.0, sd=5.7)).n
    1022
    >>> size_for(MeanComparison(difference=1.0, sd=5.7, design="crossover", correlation=0.7)).n
    155
    """

    difference: float
    sd: float
    design: MeanDesign = "parallel"
    correlation: float | None = None

    def __post_init__(self) -> None:
        faults = number_fault("difference", self.difference, "a number that is not infinite")
        faults += number_fault("sd", self.sd, "a number above 0", above=0.0)
        faults += choice_faults("design", self.design, get_args(MeanDesign))
        if self.design == "parallel":
            if self.correlation is not None:
                faults.append(Fault("correlation", f"is {self.correlation!r} with design='parallel'", "None"))
        else:
            expected = f"a number above -1 and below 1 for design={self.design!r}"
            faults += number_fault("correlation", self.correlation, expected, above=-1.0, below=1.0)
        faults += within_faults(self, self.design)
        raise_faults([*faults, *self._shared_faults()], "MeanComparison")

    @property
    def grouped(self) -> bool:
        """Whether each person is in one of two groups."""
        return self.design not in WITHIN

    @property
    def term(self) -> str:
        """What is compared, in words."""
        return f"difference {self.difference:g}, sd {self.sd:g}, {self.design}"

    @property
    def least(self) -> float:
        """People, analysed, that are the fewest for a test."""
        lost = {"paired": 1.0, "ancova": 3.0}.get(self.design, 2.0)
        return (lost + 0.1) * (self.cluster_size or 1.0)

    @property
    def variance(self) -> float:
        """Of the difference: n times its variance within people, or of a mean among n people of a group."""
        r = self.correlation or 0.0
        factors = {"parallel": 1.0, "ancova": 1 - r**2}
        return self.effect * self.sd**2 * factors.get(self.design, 2 * (1 - r))

    def power(self, control: float, treated: float) -> float:
        """Return the power with so many people analysed in each group, or in both orders."""
        inverse = 1 / control + 1 / treated if self.grouped else 1 / (control + treated)
        units = (control + treated) / (self.cluster_size or 1.0)
        df = units - {"paired": 1.0, "ancova": 3.0}.get(self.design, 2.0)
        shift = abs(self.difference) / math.sqrt(self.variance * inverse)
        tail = (1 - self.level) / (1 if self.sides == "one_sided" else 2)
        critical = -float(special.stdtrit(df, tail))
        # The upper tail as the lower one of its mirror image, exact where power is near 0.
        power = special.nctdtr(df, -shift, -critical)
        if self.sides == "two_sided_strict":
            power += special.nctdtr(df, shift, -critical)
        return float(power)


@dataclass(frozen=True, kw_only=True)
class RateComparison(_Shared):
    """Two rates of counted events that are to be compared as a ratio.

    A person's count has the variance ``overdispersion * mean + dispersion * mean**2``.

    Attributes
    ----------
    rate
        Of controls, per unit of time, such as cramps a week.
    rate_ratio
        Treated over control that is expected.
    time
        For which each person counts.
    dispersion
        Alpha of negative binomial counts: variance of the people's rates over the square of their mean. In a cross-over, where
        each is compared with herself, only the variance between the periods of one person, over the same square.
    overdispersion
        Factor of the Poisson variance.
    design
        ``"parallel"`` or ``"crossover"``.
    null_variance
        What the test takes for its variance if there is no effect: that at the ``"true_rates"``, as a Wald test does;
        that of two groups with the ``"control_rate"``; or with the ``"pooled_rate"``.
    ratio, level, sides, design_effect, icc, cluster_size, dropout
        As of `ProportionComparison`.

    Raises
    ------
    SchemaError
        With every fault.

    Notes
    -----
    Negative binomial: Zhu H, Lakkis H, Stat Med 2014;33:376-387, doi:10.1002/sim.5947, whose methods 2, 1 and 3 are the
    three null variances; the first is that of Keene ON et al., Pharm Stat 2007;6:89-97, doi:10.1002/pst.250. Cross-over: what
    lasts in a person raises both of her counts by the same factor and leaves their ratio alone.

    Examples
    --------
    >>> from crampstats.planning import size_for
    >>> size_for(RateComparison(rate=0.8, rate_ratio=0.85, time=0.75, dispersion=0.4)).groups
    (1316, 1316)
    """

    rate: float
    rate_ratio: float
    time: float = 1.0
    dispersion: float = 0.0
    overdispersion: float = 1.0
    design: RateDesign = "parallel"
    null_variance: NullVariance = "true_rates"

    least: ClassVar[float] = 2.0

    def __post_init__(self) -> None:
        faults = [
            fault
            for name in ("rate", "rate_ratio", "time", "overdispersion")
            for fault in number_fault(name, getattr(self, name), "a number above 0", above=0.0)
        ]
        faults += number_fault("dispersion", self.dispersion, "a number of at least 0", at_least=0.0)
        faults += choice_faults("design", self.design, get_args(RateDesign))
        faults += choice_faults("null_variance", self.null_variance, get_args(NullVariance))
        faults += within_faults(self, self.design)
        raise_faults([*faults, *self._shared_faults()], "RateComparison")

    @property
    def grouped(self) -> bool:
        """Whether each person is in one of two groups."""
        return self.design not in WITHIN

    @property
    def term(self) -> str:
        """What is compared, in words."""
        return f"rate ratio {self.rate_ratio:g} of {self.rate:g}, {self.design}"

    def _variance(self, rates: Sequence[float], people: Sequence[float]) -> float:
        """Return the variance of the log ratio if these were the rates."""
        each = [(self.overdispersion / (rate * self.time) + self.dispersion) for rate in rates]
        return self.effect * sum(one / size for one, size in zip(each, people, strict=True))

    def power(self, control: float, treated: float) -> float:
        """Return the power with so many people analysed in each group, or in both orders."""
        people = (control, treated) if self.grouped else (control + treated,) * 2
        rates = self.rate, self.rate * self.rate_ratio
        pooled = float(np.average(rates, weights=people))
        null = {"true_rates": rates, "control_rate": (self.rate,) * 2, "pooled_rate": (pooled,) * 2}[self.null_variance]
        errors = math.sqrt(self._variance(null, people)), math.sqrt(self._variance(rates, people))
        return self._normal_power(math.log(self.rate_ratio), *errors)


def choice_faults(name: str, value: str, choices: Sequence[str]) -> list[Fault]:
    """Return a fault unless a word is among its choices.

    Parameters
    ----------
    name, value, choices
        Of the parameter.
    """
    return [] if value in choices else [Fault(name, f"is {value!r}", f"one of {', '.join(choices)}")]


def within_faults(comparison: MeanComparison | RateComparison, design: str) -> list[Fault]:
    """Return what does not go with a comparison of people with themselves.

    Parameters
    ----------
    comparison, design
        Which is planned.
    """
    if design not in WITHIN:
        return []
    given = {"ratio": comparison.ratio != 1, "cluster_size": comparison.cluster_size is not None}
    return [
        Fault(name, f"is given for design={design!r}", "a parallel design, or none")
        for name, there in given.items()
        if there
    ]


def _analysed(comparison: Comparison, n: float) -> tuple[float, float]:
    """Return how many of n people enrolled are analysed as controls and as treated."""
    kept = n * (1 - comparison.dropout)
    return kept / (1 + comparison.ratio), kept * comparison.ratio / (1 + comparison.ratio)


def power_of(comparison: Comparison, n: float) -> float:
    """Return the power of a comparison in n people.

    Parameters
    ----------
    comparison
        `ProportionComparison`, `MeanComparison` or `RateComparison`.
    n
        People enrolled in all, of both groups; those who drop out are taken off.

    Returns
    -------
    float
        The chance of a significant result.

    Raises
    ------
    CrampstatsError
        If that are too few for a test.

    Examples
    --------
    >>> round(power_of(ProportionComparison(control=0.1, treated=0.2), 400), 4)
    0.802
    """
    fewest = comparison.least / (1 - comparison.dropout)
    require("n", n, f"at least {fewest:g} people, so that there is a test", at_least=fewest * (1 - ROUNDING))
    return comparison.power(*_analysed(comparison, float(n)))


def size_for(comparison: Comparison, *, power: float = 0.8) -> SampleSize:
    """Return how many people a comparison needs.

    Parameters
    ----------
    comparison
        `ProportionComparison`, `MeanComparison` or `RateComparison`.
    power
        The chance of a significant result that is wanted, between 0 and 1.

    Returns
    -------
    SampleSize
        People to enrol, drop-out included, in whole people and whole clusters in each group; `reached` is their power.

    Raises
    ------
    CrampstatsError
        If the power is no share, or no size reaches it.

    Examples
    --------
    >>> size_for(ProportionComparison(control=0.1, treated=0.2, dropout=0.1))
    <SampleSize>
               term   n per_group exact  goal reached
    20 against 10 % 444 222 + 222 442.1   0.8  0.8017
    """
    require("power", power, "a share between 0 and 1", above=0.0, below=1.0)
    fewest = comparison.least / (1 - comparison.dropout)
    refused = f"power={power!r} is not reached by any number of people: {comparison.term} leaves nothing to find."
    exact = smallest(lambda n: comparison.power(*_analysed(comparison, n)), power, least=fewest, refused=refused)
    if not comparison.grouped:
        people = whole(exact)
        reached = comparison.power(*_analysed(comparison, people))
        return SampleSize(comparison.term, (people,), (exact,), None, power, reached)
    shares = exact / (1 + comparison.ratio), exact * comparison.ratio / (1 + comparison.ratio)
    kept, size = 1 - comparison.dropout, comparison.clustered
    if size is None:
        clusters, groups = None, tuple(map(whole, shares))
    else:
        # Clusters are as large as those who stay in them.
        clusters = tuple(whole(share * kept / size) for share in shares)
        groups = tuple(whole(number * size / kept) for number in clusters)
    reached = comparison.power(groups[0] * kept, groups[1] * kept)
    return SampleSize(comparison.term, groups, shares, clusters, power, reached)
