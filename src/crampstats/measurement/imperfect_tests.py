"""What an apparent prevalence says of the true one when the test is imperfect: corrections, bounds, tipping points."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd
from scipy import special

from crampstats import intervals
from crampstats.design import Design
from crampstats.errors import CrampstatsError, IntervalError
from crampstats.estimates import Component, Estimate
from crampstats.measurement.posteriors import Beta, melded_limit
from crampstats.schema import is_number, is_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

TestMethod = Literal["transformed", "delta", "lang_reiczigel", "melded"]
# Lang and Reiczigel made their interval for tests that are right at least so often.
MADE_FOR = 0.5


@dataclass(frozen=True, eq=False)
class ValidationCounts:
    """How often a test was right in people whose condition is known: a simple random sample of its own.

    Parameters
    ----------
    correct
        Right answers: of a sensitivity the positive ones among people with the condition, of a specificity the negative
        ones among people without it.
    tested
        People, at least 2.

    Raises
    ------
    CrampstatsError
        If the counts are none.

    Examples
    --------
    >>> sensitivity = ValidationCounts(80, 100)
    >>> sensitivity.share
    0.8
    """

    correct: int
    tested: int
    design: Design = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not is_whole(self.tested, 2):
            raise CrampstatsError(f"tested={self.tested!r} has to be a whole number of people, at least 2.")
        if not is_whole(self.correct, 0) or self.correct > self.tested:
            raise CrampstatsError(f"correct={self.correct!r} has to be a whole number from 0 to tested={self.tested}.")
        units = np.array([self.correct, self.tested - self.correct], dtype=float)
        object.__setattr__(self, "design", Design(np.zeros(2, dtype=np.int32), ("validation",), units))

    @property
    def share(self) -> float:
        """Share of right answers."""
        return self.correct / self.tested

    def component(self, slopes: np.ndarray) -> Component:
        """Return what the validation adds to the uncertainty of estimates with these slopes, shape (k,), on its share."""
        influence = self.design.units * (np.array([1.0, 0.0]) - self.share) / self.tested
        touched = np.broadcast_to((self.design.units > 0)[:, None], (2, len(slopes)))
        return Component(self.design, np.outer(influence, slopes), touched)

    def __str__(self) -> str:
        return f"{self.correct} of {self.tested}"


Rate = float | ValidationCounts


def _share(rate: Rate) -> float:
    """Return a rate as a number."""
    return rate.share if isinstance(rate, ValidationCounts) else float(rate)


def _lower(rate: Rate) -> Beta | float:
    """Return the lower confidence distribution of a rate."""
    if not isinstance(rate, ValidationCounts):
        return float(rate)
    return Beta(rate.correct, rate.tested - rate.correct + 1) if rate.correct else 0.0


def _upper(rate: Rate) -> Beta | float:
    """Return the upper confidence distribution of a rate."""
    if not isinstance(rate, ValidationCounts):
        return float(rate)
    return Beta(rate.correct + 1, rate.tested - rate.correct) if rate.correct < rate.tested else 1.0


def rogan_gladen(share: ArrayLike, *, sensitivity: float, specificity: float) -> np.ndarray:
    """Return the true prevalences at which a test makes these shares of people positive, truncated nowhere.

    Parameters
    ----------
    share
        Of people with a positive test, any shape.
    sensitivity, specificity
        From 0 to 1, together above 1.

    Returns
    -------
    ndarray
        Of the same shape: (share + specificity - 1) / (sensitivity + specificity - 1); below 0 or above 1 where the test
        cannot make such a share.

    Raises
    ------
    CrampstatsError
        If one of the rates is no share, the test is no better than chance, or `share` holds what is no finite number.

    Notes
    -----
    Rogan WJ, Gladen B, Am J Epidemiol 1978;107:71-76, doi:10.1093/oxfordjournals.aje.a112510.

    Examples
    --------
    >>> rogan_gladen([0.1, 0.5], sensitivity=0.8, specificity=0.95).round(4)
    array([0.0667, 0.6   ])
    """
    _check_rates(sensitivity, specificity)
    shares = np.asarray(share)
    if shares.dtype.kind not in "iuf" or not np.isfinite(shares).all():
        raise CrampstatsError(f"share={share!r} has to be one or several numbers.")
    return (shares + specificity - 1) / (sensitivity + specificity - 1)


def _check_rates(sensitivity: Rate, specificity: Rate) -> None:
    """Refuse rates that are none, and a test that is no better than chance."""
    for name, rate in (("sensitivity", sensitivity), ("specificity", specificity)):
        if not isinstance(rate, ValidationCounts) and not (is_number(rate) and 0 <= rate <= 1):
            raise CrampstatsError(
                f"{name}={rate!r} has to be a number from 0 to 1, or counts of a validation as in ValidationCounts(80, 100)."
            )
    if sensitivity is specificity and isinstance(sensitivity, ValidationCounts):
        raise CrampstatsError(
            "sensitivity and specificity are one and the same ValidationCounts: people with and people without the condition "
            "are two samples, make one for each."
        )
    both = _share(sensitivity) + _share(specificity)
    if both <= 1:
        raise CrampstatsError(
            f"sensitivity={_share(sensitivity):.4g} and specificity={_share(specificity):.4g} add up to {both:.4g}: above 1 "
            "they have to be, or the test is no better than chance."
        )


def _check_apparent(apparent: Estimate) -> None:
    """Refuse what is no estimate of shares."""
    if not isinstance(apparent, Estimate):
        raise CrampstatsError(f"apparent={apparent!r:.80} is no Estimate, as prevalence() returns it.")
    if np.any((apparent.value < 0) | (apparent.value > 1)):
        raise CrampstatsError("apparent has to hold shares of people, from 0 to 1, as prevalence() returns them.")


@dataclass(frozen=True, eq=False, repr=False)
class CorrectedPrevalence:
    """k prevalences corrected for the errors of a test.

    Attributes
    ----------
    apparent
        The k shares of people with a positive test.
    sensitivity, specificity
        As they were given.
    method
        How intervals are made.
    untruncated
        The k corrected prevalences as Rogan and Gladen's formula has them, perhaps outside 0 to 1, with the errors of the
        survey and of the validations: for further arithmetic, such as `crampstats.difference`. Its own intervals are Wald's.

    Examples
    --------
    >>> import crampstats as cs
    >>> people = cs.Survey(pd.DataFrame({"low": [1] * 3 + [0] * 97}))
    >>> few = correct_for_test(cs.prevalence(people, "low"), sensitivity=0.8, specificity=0.95).to_frame()
    >>> few[["estimate", "conf_low", "conf_high", "untruncated"]].round(4)
       estimate  conf_low  conf_high  untruncated
    0       0.0       0.0     0.0474      -0.0267
    >>> few["note"][0]
    'fewer positive tests than false positives alone: -0.02667 truncated to 0'
    """

    apparent: Estimate
    sensitivity: Rate
    specificity: Rate
    method: TestMethod
    untruncated: Estimate

    @property
    def labels(self) -> pd.DataFrame:
        """Shape (k, 1 + by): ``term`` and the by columns of the apparent prevalences."""
        return self.untruncated.labels

    @property
    def value(self) -> np.ndarray:
        """The corrected prevalences, truncated to 0 to 1, shape (k,)."""
        return np.clip(self.untruncated.value, 0.0, 1.0)

    @property
    def std_error(self) -> np.ndarray:
        """Standard errors of the untruncated prevalences, shape (k,)."""
        return self.untruncated.std_error

    @property
    def n(self) -> np.ndarray:
        """People tested in the survey, shape (k,)."""
        return self.untruncated.n

    def interval(self, *, level: float = 0.95) -> intervals.Interval:
        """Return confidence limits, truncated to 0 to 1, and what has to be known of them.

        Parameters
        ----------
        level
            Confidence.

        Raises
        ------
        IntervalError
            If the level is not between 0 and 1, or the method has no interval for these values.
        ConvergenceError
            If a melded limit does not settle.
        """
        made = {"transformed": self._transformed, "delta": self._wald, "lang_reiczigel": self._lang_reiczigel}
        limits = made.get(self.method, self._melded)(level)
        notes = []
        for value, low, high, note in zip(self.untruncated.value, limits.low, limits.high, limits.notes, strict=True):
            told = [note, self._out_of_range(value, low, high)]
            notes.append("; ".join(filter(None, told)))
        return intervals.Interval(np.clip(limits.low, 0.0, 1.0), np.clip(limits.high, 0.0, 1.0), tuple(notes))

    def _out_of_range(self, value: float, low: float, high: float) -> str:
        """Say what truncation changed."""
        if 0 <= value <= 1:
            return ""
        which = (
            "fewer positive tests than false positives alone"
            if value < 0
            else "more positive tests than the sensitivity"
        )
        told = f"{which}: {value:.4g} truncated to {min(max(value, 0.0), 1.0):g}"
        return f"{told}, and so is the whole interval" if high < 0 or low > 1 else told

    def _transformed(self, level: float) -> intervals.Interval:
        """Return the limits of the apparent prevalences, corrected."""
        limits = self.apparent.interval(level=level)
        rates = {"sensitivity": _share(self.sensitivity), "specificity": _share(self.specificity)}
        return intervals.Interval(rogan_gladen(limits.low, **rates), rogan_gladen(limits.high, **rates), limits.notes)

    def _wald(self, level: float) -> intervals.Interval:
        """Return Wald limits with all errors, and say which samples seem to have none."""
        limits = self.untruncated.interval(level=level, method="wald")
        flawless = [
            f"{name} {rate}, which counts as known: choose 'melded'"
            for name, rate in (("sensitivity", self.sensitivity), ("specificity", self.specificity))
            if isinstance(rate, ValidationCounts) and rate.share in {0.0, 1.0}
        ]
        certain = [
            []
            if error > 0
            else [f"apparent prevalence {share:g} of standard error 0, which counts as known: choose 'melded'"]
            for share, error in zip(self.apparent.value, self.apparent.std_error, strict=True)
        ]
        return intervals.Interval(limits.low, limits.high, tuple("; ".join([*own, *flawless]) for own in certain))

    def _lang_reiczigel(self, level: float) -> intervals.Interval:
        """Return Lang and Reiczigel's limits."""
        quantile = special.ndtri((1 + level) / 2)
        right, people = [], []
        for rate in (self.sensitivity, self.specificity):
            assert isinstance(rate, ValidationCounts)
            right.append((rate.correct + 1) / (rate.tested + 2))
            people.append(rate.tested + 2)
        variances = [share * (1 - share) / count for share, count in zip(right, people, strict=True)]
        size = self.n + quantile**2
        share = (self.n * self.apparent.value + quantile**2 / 2) / size
        better = sum(right) - 1
        if better <= 0:
            raise IntervalError(
                f"method='lang_reiczigel' takes sensitivity {self.sensitivity} as {right[0]:.4g} and specificity "
                f"{self.specificity} as {right[1]:.4g}, no better than chance: validate in more people, or choose 'melded'."
            )
        prevalence = (share + right[1] - 1) / better
        shift = 2 * quantile**2 * (prevalence * variances[0] - (1 - prevalence) * variances[1])
        variance = share * (1 - share) / size + prevalence**2 * variances[0] + (1 - prevalence) ** 2 * variances[1]
        reach = quantile * np.sqrt(variance) / better
        least = min(_share(self.sensitivity), _share(self.specificity))
        note = f"made for sensitivity and specificity of {MADE_FOR} and more" if least < MADE_FOR else ""
        centre = prevalence + shift
        return intervals.Interval(centre - reach, centre + reach, (note,) * len(self.value))

    def _melded(self, level: float) -> intervals.Interval:
        """Return melded limits from Korn and Graubard's confidence distributions of the apparent prevalences."""
        apparent = self.apparent
        exact = apparent.interval(level=level, method="korn_graubard")
        size = intervals.korn_graubard_size(apparent.value, apparent.std_error, apparent.n, apparent.df, level)
        tail = (1 - level) / 2
        low_tests, high_tests = self._confidence_distributions()
        limits = []
        for share, people in zip(apparent.value, size, strict=True):
            cases = share * people
            lower = Beta(cases, people - cases + 1) if cases > 0 else 0.0
            upper = Beta(cases + 1, people - cases) if cases < people else 1.0
            low = melded_limit(lower, **low_tests, probability=tail)
            limits.append((low, melded_limit(upper, **high_tests, probability=1 - tail)))
        low, high = np.array(limits).T
        return intervals.Interval(low, high, exact.notes)

    def _confidence_distributions(self) -> tuple[dict[str, Beta | float], dict[str, Beta | float]]:
        """Return false-positive rate and sensitivity as lower and upper limits of the prevalence need them."""
        wrong: Rate
        if isinstance(self.specificity, ValidationCounts):
            tested = self.specificity.tested
            wrong = ValidationCounts(tested - self.specificity.correct, tested)
        else:
            wrong = 1.0 - self.specificity
        low_limit = {"false_positive": _upper(wrong), "sensitivity": _upper(self.sensitivity)}
        return low_limit, {"false_positive": _lower(wrong), "sensitivity": _lower(self.sensitivity)}

    def to_frame(self, *, level: float = 0.95) -> pd.DataFrame:
        """Return the corrected prevalences as a table.

        Parameters
        ----------
        level
            Confidence.

        Returns
        -------
        DataFrame
            ``term``, the by columns, ``n``, ``estimate`` (truncated to 0 to 1), ``std_error`` (of the untruncated one),
            ``conf_low``, ``conf_high``, ``untruncated``, and ``note``, which is empty where there is nothing to say.
        """
        limits = self.interval(level=level)
        return self.labels.assign(
            n=self.n.astype(np.int64),
            estimate=self.value,
            std_error=self.std_error,
            conf_low=limits.low,
            conf_high=limits.high,
            untruncated=self.untruncated.value,
            note=list(limits.notes),
        )

    def __len__(self) -> int:
        return len(self.untruncated)

    def __repr__(self) -> str:
        told = f"sensitivity {self.sensitivity}, specificity {self.specificity}, {self.method}"
        return (
            f"<CorrectedPrevalence of {self.apparent.source}: {told}>\n{_shown(self.to_frame()).to_string(index=False)}"
        )

    def _repr_html_(self) -> str:
        return _shown(self.to_frame()).to_html(index=False, border=0)


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table for the eye: four significant digits, no empty notes."""
    table = table if table["note"].any() else table.drop(columns="note")
    return table.assign(**{name: [f"{x:.4g}" for x in table[name]] for name in table.select_dtypes("float").columns})


def correct_for_test(
    apparent: Estimate, *, sensitivity: Rate, specificity: Rate, method: TestMethod = "transformed"
) -> CorrectedPrevalence:
    """Correct apparent prevalences for the errors of a test.

    Parameters
    ----------
    apparent
        Shares of people with a positive test, such as a low serum magnesium, as from `crampstats.prevalence`.
    sensitivity
        Share of people with the condition whose test is positive: a number if it is known, `ValidationCounts` if it was
        found in a sample.
    specificity
        Share of people without the condition whose test is negative; likewise.
    method
        Of the interval. ``"transformed"``: that of `apparent`, its limits corrected; for a known sensitivity and
        specificity. ``"delta"``: Wald's, with the errors of the validations. ``"lang_reiczigel"``: for a simple random sample and
        two validations. ``"melded"``: for any survey; wider than promised rather than narrower.

    Returns
    -------
    CorrectedPrevalence
        Truncated to 0 to 1, the untruncated values beside.

    Raises
    ------
    CrampstatsError
        If `apparent` holds no shares, a rate is none, the test is no better than chance, or the method is unknown or does
        not fit the rates.
    IntervalError
        If the method has no interval for these values.

    Notes
    -----
    Estimate: Rogan WJ, Gladen B, Am J Epidemiol 1978;107:71-76, doi:10.1093/oxfordjournals.aje.a112510. Sensitivity and
    specificity are those in the people of the survey: a validation in other people, sicker or healthier ones, speaks of
    other rates. ``"delta"``: validations are further independent samples whose contributions stand beside the survey's, with
    its degrees of freedom and theirs pooled after Satterthwaite; the correction is no straight line, so that small
    validations of a poor test bias it. ``"lang_reiczigel"``: Lang Z, Reiczigel J, Prev Vet Med 2014;113:13-22,
    doi:10.1016/j.prevetmed.2013.09.015, for rates of 1/2 and more. ``"melded"``: Bayer DM, Fay MP, Graubard BI, Stat Med
    2023;42:1822-1867, doi:10.1002/sim.9701, computed by `crampstats.measurement.posteriors.melded_limit`. Its distributions of the
    apparent prevalence are those of the interval ``"korn_graubard"``: betas at the effective size p (1 - p) / se², with the
    design's own standard error, adjusted for degrees of freedom and at most n, which a perfect test gives back. The article's
    "binomial" interval takes the variance of independent Poisson counts in place of se², and does not adjust.

    No sensitivity or specificity of serum magnesium for the body's store has been published, so that any rates here are
    the reader's: `tipping_point` shows what each would mean.

    Examples
    --------
    >>> import crampstats as cs
    >>> people = cs.Survey(pd.DataFrame({"low": [1] * 30 + [0] * 170}))
    >>> apparent = cs.prevalence(people, "low")
    >>> sensitivity, specificity = ValidationCounts(80, 100), ValidationCounts(190, 200)
    >>> correct_for_test(apparent, sensitivity=sensitivity, specificity=specificity, method="melded")
    <CorrectedPrevalence of survey: sensitivity 80 of 100, specificity 190 of 200, melded>
    term   n estimate std_error conf_low conf_high untruncated
     low 200   0.1333   0.03884  0.05098    0.2214      0.1333
    """
    _check_apparent(apparent)
    _check_rates(sensitivity, specificity)
    if method not in get_args(TestMethod):
        raise CrampstatsError(f"method={method!r} is unknown: choose from {', '.join(get_args(TestMethod))}.")
    if "untruncated" in apparent.labels.columns:
        raise CrampstatsError("correct_for_test has a column 'untruncated' of its own; call the by column otherwise.")
    rates = {"sensitivity": sensitivity, "specificity": specificity}
    counted = [name for name, rate in rates.items() if isinstance(rate, ValidationCounts)]
    if method == "transformed" and counted:
        raise CrampstatsError(
            f"method='transformed' takes sensitivity and specificity as known, and {' and '.join(counted)} was found in a "
            "sample: choose from delta, lang_reiczigel, melded."
        )
    if method == "lang_reiczigel":
        if len(counted) < 2:
            raise CrampstatsError(
                "method='lang_reiczigel' needs ValidationCounts for sensitivity and specificity: choose from transformed, "
                "delta, melded."
            )
        _check_simple(apparent)
    better = _share(sensitivity) + _share(specificity) - 1
    value = (apparent.value + _share(specificity) - 1) / better
    parts = [part.mapped(np.eye(len(apparent)) / better) for part in apparent.components]
    for rate, slopes in ((sensitivity, -value / better), (specificity, (1 - value) / better)):
        if isinstance(rate, ValidationCounts):
            parts.append(rate.component(slopes))
    untruncated = Estimate(apparent.labels, value, tuple(parts), apparent.n, "wald", apparent.source)
    return CorrectedPrevalence(apparent, sensitivity, specificity, method, untruncated)


def _check_simple(apparent: Estimate) -> None:
    """Refuse shares of anything but simple random samples."""
    try:
        apparent.interval(method="clopper_pearson")
    except IntervalError as error:
        raise IntervalError(
            "method='lang_reiczigel' counts people of a simple random sample; this estimate has weights, strata, clusters or a "
            "finite population, or is no share of people: choose from delta, melded."
        ) from error


def _only(apparent: Estimate, function: str) -> None:
    """Refuse several estimates where one is asked about."""
    _check_apparent(apparent)
    if len(apparent) != 1:
        raise CrampstatsError(f"{function} is about one estimate, not {len(apparent)}: choose one by where(...).")


def effective_counts(apparent: Estimate) -> tuple[float, float]:
    """Return positive and tested people of a simple random sample that would say as much as a survey.

    Parameters
    ----------
    apparent
        One share, as from `crampstats.prevalence`.

    Returns
    -------
    positive, tested : float
        n over the design effect, at most n, and the share of it; the counts themselves for a simple random sample. Where
        the standard error is 0 and says nothing, n.

    Raises
    ------
    CrampstatsError
        If it is not one share.

    Notes
    -----
    The design effect of Kish L, Survey Sampling, Wiley 1965: the variance over p (1 - p) / (n - 1).

    Examples
    --------
    >>> import crampstats as cs
    >>> people = cs.Survey(pd.DataFrame({"low": [1] * 3 + [0] * 37}))
    >>> positive, tested = effective_counts(cs.prevalence(people, "low"))
    >>> round(positive, 6), round(tested, 6)
    (3.0, 40.0)
    """
    _only(apparent, "effective_counts")
    share, n = float(apparent.value[0]), float(apparent.n[0])
    size = n
    if 0 < share < 1 and apparent.std_error[0] > 0:
        size = min(n, float(share * (1 - share) / apparent.std_error[0] ** 2) * n / (n - 1))
    return share * size, size


def prevalence_bounds(
    apparent: Estimate, *, sensitivity: Sequence[float], specificity: Sequence[float], level: float = 0.95
) -> pd.DataFrame:
    """Return the range of true prevalences that fit when sensitivity and specificity are known to lie in ranges.

    Parameters
    ----------
    apparent
        k shares of people with a positive test.
    sensitivity, specificity
        Least and largest value; the least ones together above 1.
    level
        Confidence of the ends.

    Returns
    -------
    DataFrame
        ``term``, the by columns, ``n``, ``apparent``, ``low`` (at the largest sensitivity and least specificity), ``high`` (at
        the least sensitivity and largest specificity), ``conf_low`` (lower limit of ``low``), ``conf_high`` (upper limit of
        ``high``), all from 0 to 1, and ``note``: where no true prevalence fits at one end, or at either.

    Raises
    ------
    CrampstatsError
        If `apparent` holds no shares, a range is none, or its worst test is no better than chance.

    Notes
    -----
    Rogan and Gladen's formula falls with sensitivity and rises with specificity, so that the ends are at the corners. The
    limits hold the whole range with the confidence of the apparent prevalence's own interval, any one value in it with more.

    Examples
    --------
    >>> import crampstats as cs
    >>> people = cs.Survey(pd.DataFrame({"low": [1] * 30 + [0] * 170}))
    >>> bounds = prevalence_bounds(cs.prevalence(people, "low"), sensitivity=(0.3, 0.6), specificity=(0.9, 0.98))
    >>> bounds[["apparent", "low", "high", "conf_low", "conf_high"]].round(3)
       apparent  low   high  conf_low  conf_high
    0      0.15  0.1  0.464     0.007      0.669
    """
    _check_apparent(apparent)
    ranges = {}
    for name, given in (("sensitivity", sensitivity), ("specificity", specificity)):
        ends = list(given) if isinstance(given, tuple | list | np.ndarray) else []
        if not (len(ends) == 2 and all(is_number(end) and 0 <= end <= 1 for end in ends) and ends[0] <= ends[1]):
            raise CrampstatsError(f"{name}={given!r} has to be a least and a largest share, as in {name}=(0.3, 0.6).")
        ranges[name] = [float(end) for end in ends]
    taken = {"apparent", "low", "high"} & set(apparent.labels.columns)
    if taken:
        raise CrampstatsError(
            f"prevalence_bounds has a column {min(taken)!r} of its own; call the by column otherwise."
        )
    least = {"sensitivity": ranges["sensitivity"][0], "specificity": ranges["specificity"][0]}
    _check_rates(**least)
    lowest = {"sensitivity": ranges["sensitivity"][1], "specificity": ranges["specificity"][0]}
    highest = {"sensitivity": ranges["sensitivity"][0], "specificity": ranges["specificity"][1]}
    limits = apparent.interval(level=level)
    low, high = rogan_gladen(apparent.value, **lowest), rogan_gladen(apparent.value, **highest)
    return apparent.labels.assign(
        n=apparent.n.astype(np.int64),
        apparent=apparent.value,
        low=np.clip(low, 0.0, 1.0),
        high=np.clip(high, 0.0, 1.0),
        conf_low=np.clip(rogan_gladen(limits.low, **lowest), 0.0, 1.0),
        conf_high=np.clip(rogan_gladen(limits.high, **highest), 0.0, 1.0),
        note=[
            "; ".join(filter(None, (own, _unfit(first, last))))
            for own, first, last in zip(limits.notes, low, high, strict=True)
        ],
    )


def _unfit(low: float, high: float) -> str:
    """Say where ends of a range are no prevalences."""
    if high < 0:
        return "no specificity of the range is high enough for so few positive tests"
    if low > 1:
        return "no sensitivity of the range is high enough for so many positive tests"
    told = []
    if low < 0:
        told.append("at the least specificity there would be more false positives than positives")
    if high > 1:
        told.append("at the least sensitivity there would be more positives than the condition can make")
    return "; ".join(told)


@dataclass(frozen=True, eq=False, repr=False)
class TippingPoint:
    """Which sensitivities and specificities would make of one apparent prevalence which true one.

    Attributes
    ----------
    apparent
        The share of people with a positive test.
    prevalences
        Shape (k,): the true prevalences asked about.
    sensitivities
        Shape (m,), ascending.
    level
        Confidence of the limits.
    all_false
        The specificity at which every positive test is a false one, the true prevalence 0: 1 less the apparent one. No lower
        specificity is possible.
    all_false_low, all_false_high
        The same at the upper and the lower limit of the apparent prevalence.

    Examples
    --------
    >>> import crampstats as cs
    >>> people = cs.Survey(pd.DataFrame({"low": [1] * 30 + [0] * 170}))
    >>> tipping = tipping_point(cs.prevalence(people, "low"), prevalences=[0.05], sensitivities=[0.1, 0.3, 0.5])
    >>> tipping.needed(0.05)[["sensitivity", "estimate", "conf_low", "conf_high"]].round(3)
       sensitivity  estimate  conf_low  conf_high
    0          0.3     0.858     0.798      0.907
    1          0.5     0.868     0.808      0.917
    """

    apparent: Estimate
    prevalences: np.ndarray
    sensitivities: np.ndarray
    level: float
    all_false: float
    all_false_low: float
    all_false_high: float

    def needed(self, prevalence: float) -> pd.DataFrame:
        """Return the specificity that the test would need for one true prevalence, at each sensitivity.

        Parameters
        ----------
        prevalence
            The true one, at least 0 and below 1; not only one of `prevalences`.

        Returns
        -------
        DataFrame
            ``term``, the by columns, ``prevalence``, ``sensitivity``, ``n``, ``estimate`` (the specificity needed),
            ``std_error``, ``conf_low``, ``conf_high`` (at the upper and the lower limit of the apparent prevalence, from 0 to
            1), ``note``. Only sensitivities at which there is such a specificity, and the test is better than chance: from
            the apparent prevalence up to it over the true one, which is added, as there the specificity is 1.

        Raises
        ------
        CrampstatsError
            If the prevalence is none, or no sensitivity is left.
        """
        if not (is_number(prevalence) and 0 <= prevalence < 1):
            raise CrampstatsError(f"prevalence={prevalence!r} has to be a number from 0 to below 1.")
        share = float(self.apparent.value[0])
        most = min(1.0, share / prevalence) if prevalence > 0 else 1.0
        grid = self.sensitivities[(self.sensitivities > share) & (self.sensitivities <= most)]
        if grid.size == 0:
            raise CrampstatsError(
                f"none of the sensitivities lies above the apparent prevalence {share:.4g} and at most at {most:.4g}, as a true "
                f"prevalence of {prevalence:g} needs: ask for others."
            )
        if most < 1 and grid[-1] < min(most, self.sensitivities[-1]):
            grid = np.append(grid, most)
        limits = self.apparent.interval(level=self.level)

        def specificity(positive: float) -> np.ndarray:
            return 1 - (positive - prevalence * grid) / (1 - prevalence)

        high = specificity(float(limits.low[0]))
        beyond = "no specificity is high enough at the lower limit of the apparent prevalence"
        # A test that would need more than 1 does so by rounding at the end that was added.
        estimate = np.minimum(specificity(share), 1.0)
        labels = self.apparent.labels.loc[np.zeros(len(grid), dtype=int)].reset_index(drop=True)
        return labels.assign(
            prevalence=float(prevalence),
            sensitivity=grid,
            n=int(self.apparent.n[0]),
            estimate=estimate,
            std_error=float(self.apparent.std_error[0]) / (1 - prevalence),
            conf_low=np.maximum(specificity(float(limits.high[0])), 0.0),
            conf_high=np.minimum(high, 1.0),
            note=["; ".join(filter(None, (limits.notes[0], beyond if one > 1 else ""))) for one in high],
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the specificities needed for each of the prevalences, as `needed` does, below each other."""
        return pd.concat([self.needed(float(prevalence)) for prevalence in self.prevalences], ignore_index=True)

    def __repr__(self) -> str:
        return f"<{self._told}>\n{self._shown().to_string(index=False, float_format='{:.4g}'.format)}"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self._told)}</p>{self._shown().to_html(index=False, border=0, float_format='{:.4g}'.format)}"

    @property
    def _told(self) -> str:
        """What is asked, in words."""
        return (
            f"TippingPoint of {self.apparent.source}: {100 * self.apparent.value[0]:.3g} % positive; true prevalence 0 at a "
            f"specificity of {self.all_false:.4g} ({self.all_false_low:.4g} to {self.all_false_high:.4g}), none below"
        )

    def _shown(self) -> pd.DataFrame:
        """Return the last row of each prevalence: the most sensitive test."""
        table = self.to_frame().drop(columns=["n", "std_error", "note"])
        return table.groupby("prevalence", sort=False).tail(1)


def tipping_point(
    apparent: Estimate,
    *,
    prevalences: Sequence[float] = (0.01, 0.02, 0.05, 0.1, 0.2),
    sensitivities: Sequence[float] | None = None,
    level: float = 0.95,
) -> TippingPoint:
    """Ask how good a test would have to be for an apparent prevalence to mean a given true one.

    Parameters
    ----------
    apparent
        One share of people with a positive test, above 0 and below 1.
    prevalences
        True prevalences, at least 0 and below 1.
    sensitivities
        From 0 to 1, ascending; None for each hundredth.
    level
        Confidence of the limits.

    Returns
    -------
    TippingPoint
        For each true prevalence the specificity needed at each sensitivity, with the apparent prevalence's interval carried
        over, and the specificity at which all positive tests are false.

    Raises
    ------
    CrampstatsError
        If it is not one share between 0 and 1, or prevalences or sensitivities are none.

    Notes
    -----
    Rogan and Gladen's formula solved for the specificity: 1 - (a - p s) / (1 - p) for apparent prevalence a, true prevalence
    p and sensitivity s. Below a specificity of 1 - a there would be more false positives than positives; with a sensitivity
    at or below a the test would be no better than chance.

    Examples
    --------
    >>> import crampstats as cs
    >>> people = cs.Survey(pd.DataFrame({"low": [1] * 30 + [0] * 170}))
    >>> tipping = tipping_point(cs.prevalence(people, "low"), prevalences=[0.01, 0.3])
    >>> tipping.all_false, [round(limit, 3) for limit in (tipping.all_false_low, tipping.all_false_high)]
    (0.85, [0.793, 0.897])
    >>> tipping.needed(0.3)[["sensitivity", "estimate"]].round(3).tail(1)
        sensitivity  estimate
    34          0.5       1.0
    """
    _only(apparent, "tipping_point")
    share = float(apparent.value[0])
    if not 0 < share < 1:
        raise CrampstatsError(f"apparent is {share:g}: at nobody or everybody positive no test tips anything.")
    taken = {"prevalence", "sensitivity"} & set(apparent.labels.columns)
    if taken:
        raise CrampstatsError(f"tipping_point has a column {min(taken)!r} of its own; call the by column otherwise.")
    asked = _shares("prevalences", prevalences)
    if np.any(asked >= 1):
        raise CrampstatsError(f"prevalences={asked.tolist()} have to lie below 1.")
    grid = np.linspace(0.0, 1.0, 101) if sensitivities is None else _shares("sensitivities", sensitivities)
    if np.any(np.diff(grid) <= 0):
        raise CrampstatsError(f"sensitivities={grid.tolist()} have to ascend.")
    limits = apparent.interval(level=level)
    found = TippingPoint(
        apparent=apparent,
        prevalences=asked,
        sensitivities=grid,
        level=level,
        all_false=1 - share,
        all_false_low=float(1 - limits.high[0]),
        all_false_high=float(1 - limits.low[0]),
    )
    found.to_frame()  # what has no sensitivity is told now
    return found


def _shares(name: str, given: Sequence[float]) -> np.ndarray:
    """Return shares as an array, shape (k,)."""
    listed = np.atleast_1d(np.asarray(given, dtype=object)).tolist()
    if not listed or not all(is_number(one) and 0 <= one <= 1 for one in listed):
        raise CrampstatsError(f"{name}={given!r} have to be numbers from 0 to 1, as in {name}=[0.05, 0.1].")
    return np.array(listed, dtype=float)
