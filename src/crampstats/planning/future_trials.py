"""What another trial could add to a meta-analysis: its own power and that of the meta-analysis with it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd
from scipy import special

from crampstats.errors import CrampstatsError
from crampstats.planning.comparison_sizes import choice_faults
from crampstats.planning.sizes import MOST, number_fault, require, smallest, whole
from crampstats.schema import Fault, is_number, is_whole, raise_faults

if TYPE_CHECKING:
    from collections.abc import Sequence

Benefit = Literal["lower", "higher"]
Of = Literal["trial", "update"]
# What they are called in tables.
NAMES: dict[str, str] = {"trial": "trial alone", "update": "updated meta-analysis"}


@dataclass(frozen=True, repr=False)
class FuturePower:
    """How likely further trials are to show a benefit, given a meta-analysis.

    Attributes
    ----------
    estimate, std_error, tau2
        The pooled effect, its standard error, and the variance of true effects between trials.
    sd
        Standard deviation of the outcome of one person.
    effect
        The mean effect that is assumed; None where it is uncertain as the meta-analysis says.
    benefit
        ``"lower"`` if a benefit is an effect below 0, or ``"higher"``.
    trials
        How many further trials, all of one size.
    level
        Confidence of the intervals that have to leave out 0.
    sizes
        People of each trial.

    Examples
    --------
    >>> future = FuturePower(-0.18, 0.34, 0.0, 4.3, None, "lower", 1, 0.95, (100, 1000))
    >>> future.to_frame()[["term", "n", "estimate"]].round(3)
                        term       n  estimate
    0            trial alone   100.0     0.052
    1            trial alone  1000.0     0.209
    2            trial alone     inf     0.702
    3  updated meta-analysis   100.0     0.000
    4  updated meta-analysis  1000.0     0.187
    5  updated meta-analysis     inf     0.702
    """

    estimate: float
    std_error: float
    tau2: float
    sd: float
    effect: float | None
    benefit: Benefit
    trials: int
    level: float
    sizes: tuple[float, ...]

    def power(self, n: float, *, of: Of = "update") -> float:
        """Return the chance of a significant benefit.

        Parameters
        ----------
        n
            People in each further trial; infinite for the limit.
        of
            ``"update"``: in the meta-analysis with the further trials. ``"trial"``: in one trial taken alone.

        Raises
        ------
        CrampstatsError
            If `of` is unknown or `n` not above 0.
        """
        return self._chance(n, of, self._sign)

    def harm(self, n: float, *, of: Of = "update") -> float:
        """Return the chance of a significant harm.

        Parameters
        ----------
        n, of
            As in `power`.

        Raises
        ------
        CrampstatsError
            As `power`.
        """
        return self._chance(n, of, -self._sign)

    def size_for(self, power: float, *, of: Of = "update") -> int:
        """Return the fewest people in each further trial with which a power is reached.

        Parameters
        ----------
        power
            Wanted, between 0 and 1.
        of
            As in `power`.

        Raises
        ------
        CrampstatsError
            If no trial is large enough, however large.

        Examples
        --------
        >>> conditional_power(-0.18, 0.34, tau2=0.0, sd=4.3, sizes=[100]).size_for(0.5)
        8130
        """
        require("power", power, "a share between 0 and 1", above=0.0, below=1.0)
        limit = self.power(math.inf, of=of)
        refused = f"power={power!r} is not reached by the {NAMES[of]} however many people take part: it is at most {limit:.3g}."
        if limit <= power:
            raise CrampstatsError(refused)
        # Far from the limit power may first fall: a tiny trial changes nothing of a significant meta-analysis.
        return whole(smallest(lambda n: self.power(n, of=of), power, least=2.0, refused=refused))

    @property
    def _sign(self) -> float:
        """Which way a benefit goes."""
        return -1.0 if self.benefit == "lower" else 1.0

    def _chance(self, n: float, of: Of, sign: float) -> float:
        """Return the chance of an interval on one side of 0."""
        if of not in get_args(Of):
            raise CrampstatsError(f"of={of!r} is unknown: choose from {', '.join(get_args(Of))}.")
        if not n > 0:
            raise CrampstatsError(f"n={n!r} has to be above 0.")
        critical = -float(special.ndtri((1 - self.level) / 2))
        mean = self.estimate if self.effect is None else self.effect
        uncertain = self.std_error**2 if self.effect is None else 0.0
        own = 4 * self.sd**2 / n
        if of == "trial":
            spread = math.sqrt(uncertain + self.tau2 + own)
            return _beyond(sign * mean - critical * math.sqrt(own), spread)
        now = 1 / self.std_error**2
        each = (self.tau2 + own) / self.trials
        if each == 0:  # endlessly many people and one effect: what is known is that effect
            return _beyond(sign * mean, math.sqrt(uncertain))
        share = 1 / (1 + now * each)
        pooled_error = math.sqrt(share * each)
        centre = sign * ((1 - share) * self.estimate + share * mean) - critical * pooled_error
        return _beyond(centre, share * math.sqrt(uncertain + each))

    def to_frame(self) -> pd.DataFrame:
        """Return the chances as a table.

        Returns
        -------
        DataFrame
            A row each size, once for the trial alone and once for the updated meta-analysis, and one with infinitely many
            people each: ``term``, ``n`` (people in each trial), ``new_std_error`` (of one trial, tau² apart), ``estimate``
            (chance of a significant benefit), ``harm`` (of a significant harm), ``note``.
        """
        rows = [
            {
                "term": NAMES[of],
                "n": float(n),
                "new_std_error": 2 * self.sd / math.sqrt(n),
                "estimate": self.power(n, of=of),
                "harm": self.harm(n, of=of),
                "note": "limit" if math.isinf(n) else "",
            }
            for of in get_args(Of)
            for n in (*self.sizes, math.inf)
        ]
        return pd.DataFrame(rows)

    def __repr__(self) -> str:
        return f"<FuturePower>\n{self.to_frame().round(4).to_string(index=False)}"

    def _repr_html_(self) -> str:
        return self.to_frame().round(4).to_html(index=False, border=0)


def _beyond(centre: float, spread: float) -> float:
    """Return the chance that a normal number is above 0."""
    if spread == 0:
        return float(np.heaviside(centre, 0.0))
    return float(special.ndtr(centre / spread))


def conditional_power(
    estimate: float,
    std_error: float,
    *,
    tau2: float,
    sd: float,
    sizes: Sequence[float],
    effect: float | None = None,
    benefit: Benefit = "lower",
    trials: int = 1,
    level: float = 0.95,
) -> FuturePower:
    """Return how likely further trials are to show a benefit, alone and in the updated meta-analysis.

    Parameters
    ----------
    estimate, std_error
        The pooled effect (a difference of means, or the logarithm of a ratio) and its standard error.
    tau2
        Variance of true effects between trials; 0 for one common effect. It enters as known, in the past and in the future.
    sd
        Standard deviation of the outcome, or of what is compared, among people: a trial of n people in two equal arms has the
        standard error 2 sd / √n.
    sizes
        People of each further trial.
    effect
        The mean effect that is assumed; None to let it be as uncertain as the meta-analysis says.
    benefit
        ``"lower"``: fewer cramps are the benefit. ``"higher"``.
    trials
        How many further trials, all of one size.
    level
        Confidence of the intervals that have to leave out 0.

    Returns
    -------
    FuturePower
        With the limit of infinitely many people.

    Raises
    ------
    SchemaError
        With every fault of the arguments.

    Notes
    -----
    Roloff V, Higgins JPT, Sutton AJ, Stat Med 2013;32:11-24, doi:10.1002/sim.5524, with `effect`; without it the average
    of their power over the effects that the meta-analysis leaves possible (a flat prior), the predictive power of
    Spiegelhalter DJ, Freedman LS, Stat Med 1986;5:1-13, doi:10.1002/sim.4780050103. With tau² the power of one trial has a limit
    below 1, however large it is.

    Examples
    --------
    >>> magnesium = conditional_power(-0.18, 0.34, tau2=0.1, sd=4.3, sizes=[200])
    >>> round(magnesium.power(200), 3), round(magnesium.power(float("inf")), 3)
    (0.003, 0.136)
    >>> magnesium.size_for(0.8)
    Traceback (most recent call last):
    ...
    crampstats.errors.CrampstatsError: power=0.8 is not reached by the updated meta-analysis however many people take part: ...
    """
    faults = number_fault("estimate", estimate, "a number that is not infinite")
    faults += number_fault("std_error", std_error, "a number above 0", above=0.0)
    faults += number_fault("tau2", tau2, "a variance of at least 0", at_least=0.0)
    faults += number_fault("sd", sd, "a number above 0", above=0.0)
    faults += number_fault("level", level, "a number between 0 and 1, such as 0.95", above=0.0, below=1.0)
    if effect is not None:
        faults += number_fault("effect", effect, "a number that is not infinite, or None")
    faults += choice_faults("benefit", benefit, get_args(Benefit))
    if not is_whole(trials, 1):
        faults.append(Fault("trials", f"is {trials!r}", "a whole number of at least 1"))
    given: Any = sizes
    people = tuple(given) if np.iterable(given) and not isinstance(given, str) else ()
    if not people or any(not is_number(n) or not 2 <= n <= MOST for n in people):
        faults.append(Fault("sizes", f"is {sizes!r:.80}", "numbers of people in a list, each at least 2"))
    raise_faults(faults, "conditional_power")
    return FuturePower(estimate, std_error, tau2, sd, effect, benefit, trials, float(level), people)
