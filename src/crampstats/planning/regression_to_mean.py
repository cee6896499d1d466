"""Regression to the mean: what a study without controls finds in people who were chosen because they cramped often."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from crampstats.errors import CrampstatsError
from crampstats.planning.sizes import number_fault, require
from crampstats.schema import Fault, is_whole, raise_faults


@dataclass(frozen=True, kw_only=True)
class GammaRates:
    """Lasting rates of people, or of some of them, that are gamma distributed.

    Attributes
    ----------
    mean
        Events per week, above 0.
    shape
        Of the gamma distribution: 1 over the squared coefficient of variation.
    share
        Of the people, where several such groups make a population. Shares may add up to less than 1: the rest never cramp.

    Raises
    ------
    SchemaError
        With every fault.

    Examples
    --------
    >>> GammaRates(mean=0.5, shape=0.6).share
    1.0
    """

    mean: float
    shape: float
    share: float = 1.0

    def __post_init__(self) -> None:
        faults = number_fault("mean", self.mean, "events per week, above 0", above=0.0)
        faults += number_fault("shape", self.shape, "a number above 0", above=0.0)
        faults += number_fault("share", self.share, "a share above 0, at most 1", above=0.0, at_most=1.0)
        raise_faults(faults, "GammaRates")

    def moments(self, weeks: float, at_least: int) -> np.ndarray:
        """Return the share of people who are chosen, and the moments of their counts and rates times this share.

        Parameters
        ----------
        weeks
            In which events are counted.
        at_least
            The count from which on people are chosen.

        Returns
        -------
        ndarray
            Shape (6,): expectations of 1, x, x², rate, rate², x rate where the count x is large enough, of 0 elsewhere.
        """
        a, mean = self.shape, self.mean * weeks
        chance = mean / (a + mean)

        def beyond(count: int, shape: float) -> float:
            """Return the chance of a negative binomial count of at least so many."""
            return 1.0 if count <= 0 else float(special.betainc(count, shape, chance))

        # x times the chance of x is the mean times the chance of x - 1 with a shape of 1 more: nothing cancels.
        one = beyond(at_least, a)
        first = mean * beyond(at_least - 1, a + 1)
        second = first + mean**2 * (1 + 1 / a) * beyond(at_least - 2, a + 2)
        # Given the count, the rate is gamma with shape a + x and a mean of (a + x) / time.
        time = weeks + a / self.mean
        rate = (a * one + first) / time
        rate_squared = (a * (a + 1) * one + (2 * a + 1) * first + second) / time**2
        return self.share * np.array([one, first, second, rate, rate_squared, (a * first + second) / time])


@dataclass(frozen=True, repr=False)
class RegressionToMean:
    """Rates before and after in people who were chosen by the rate before.

    Attributes
    ----------
    chosen
        The share of all people who are chosen.
    before, after
        Mean counts per week while they were chosen, and later.
    rate
        Mean of their lasting rates: `after` without any response.
    sd_change
        Standard deviation of the change, after less before, among them, per week.
    weeks, weeks_after, at_least, response
        As they were asked for.

    Examples
    --------
    >>> found = regression_to_the_mean(GammaRates(mean=1.0, shape=1.0), at_least=4, weeks=2)
    >>> found.before > found.after
    True
    """

    chosen: float
    before: float
    after: float
    rate: float
    sd_change: float
    weeks: float
    weeks_after: float
    at_least: int
    response: float

    @property
    def change(self) -> float:
        """Mean of after less before, per week: what a study without controls 'finds'."""
        return self.after - self.before

    def chance(self, n: int, *, level: float = 0.95) -> float:
        """Return how likely a paired test of before and after finds a fall in so many people.

        Parameters
        ----------
        n
            People, at least 2.
        level
            1 less the significance level of the two-sided test.

        Raises
        ------
        CrampstatsError
            If a number is out of range.

        Notes
        -----
        By the normal distribution of the mean change.
        """
        require("n", n, "at least 2 people", at_least=2)
        require("level", level, "a number between 0 and 1, such as 0.95", above=0.0, below=1.0)
        critical = -special.ndtri((1 - level) / 2)
        return float(special.ndtr(-self.change / (self.sd_change / math.sqrt(n)) - critical))

    def to_frame(self) -> pd.DataFrame:
        """Return the rates as a table.

        Returns
        -------
        DataFrame
            Rows ``before``, ``after``, ``change``: ``term``, ``estimate`` (per week), ``sd`` (among people; of the change
            only), ``chosen`` (share of all people).
        """
        values = [self.before, self.after, self.change]
        return pd.DataFrame(
            {
                "term": ["before", "after", "change"],
                "estimate": values,
                "sd": [None, None, self.sd_change],
                "chosen": self.chosen,
            }
        )

    def __repr__(self) -> str:
        return f"<RegressionToMean>\n{self.to_frame().to_string(index=False)}"

    def _repr_html_(self) -> str:
        return self.to_frame().to_html(index=False, border=0)


def regression_to_the_mean(
    rates: GammaRates | Sequence[GammaRates],
    *,
    at_least: int,
    weeks: float,
    weeks_after: float | None = None,
    response: float = 1.0,
) -> RegressionToMean:
    """Return what becomes of people who were chosen because they cramped often, if nothing is done for them.

    Who cramped often in two weeks is, in part, somebody who had two bad weeks. Everybody's lasting rate stays as it is, and
    yet the next count is lower.

    Parameters
    ----------
    rates
        Lasting rates of the people: one distribution or a mixture of several.
    at_least
        The count from which on people are chosen, such as 4.
    weeks
        In which it was counted.
    weeks_after
        In which events are counted afterwards; None for as many.
    response
        What the rate is multiplied by afterwards: 1 for nothing, 0.8 if a placebo or the passing of time takes a fifth away.

    Returns
    -------
    RegressionToMean
        Exact; Poisson counts given the rate.

    Raises
    ------
    SchemaError
        With every fault of the arguments.

    Notes
    -----
    Counts of gamma rates are negative binomial, and the mean of the rate given a count x is (shape + x) / (weeks + shape /
    mean): Robbins H, Proc 3rd Berkeley Symp 1956;1:157-163. Regression to the mean in trials: Barnett AG, van der Pols JC,
    Dobson AJ, Int J Epidemiol 2005;34:215-220, doi:10.1093/ije/dyh299.

    Examples
    --------
    >>> regression_to_the_mean(GammaRates(mean=1.0, shape=1.0), at_least=4, weeks=2).to_frame().round(3)
         term  estimate     sd  chosen
    0  before     3.000    NaN   0.198
    1   after     2.333    NaN   0.198
    2  change    -0.667  1.453   0.198
    """
    each = (rates,) if isinstance(rates, GammaRates) else rates
    faults = _rate_faults(each)
    if not is_whole(at_least, 1):
        faults.append(Fault("at_least", f"is {at_least!r}", "a whole number of at least 1"))
    faults += number_fault("weeks", weeks, "a number above 0", above=0.0)
    if weeks_after is not None:
        faults += number_fault("weeks_after", weeks_after, "a number above 0, or None", above=0.0)
    faults += number_fault("response", response, "a factor above 0", above=0.0)
    raise_faults(faults, "regression_to_the_mean")
    later = weeks if weeks_after is None else weeks_after
    chosen, *moments = np.sum([one.moments(weeks, at_least) for one in each], axis=0)
    if chosen == 0:
        raise CrampstatsError(f"at_least={at_least!r} events in {weeks:g} weeks happen to nobody at these rates.")
    first, second, rate, rate_squared, both = np.array(moments) / chosen
    variance_before = (second - first**2) / weeks**2
    variance_after = response * rate / later + response**2 * (rate_squared - rate**2)
    covariance = response * (both - first * rate) / weeks
    sd = math.sqrt(variance_before + variance_after - 2 * covariance)
    before, after = first / weeks, response * rate
    told = (float(chosen), float(before), float(after), float(rate), sd)
    return RegressionToMean(*told, weeks, later, at_least, response)


def _rate_faults(rates: Any) -> list[Fault]:
    """Return what is wrong with a mixture."""
    expected = "a GammaRates, or several in a list"
    if not isinstance(rates, Sequence) or not rates or not all(isinstance(one, GammaRates) for one in rates):
        return [Fault("rates", f"is {rates!r:.80}", expected)]
    total = sum(one.share for one in rates)
    return [Fault("rates", f"have shares that add up to {total:g}", "at most 1")] if total > 1 + 1e-12 else []
