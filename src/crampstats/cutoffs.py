"""The prevalence of a low value as a function of the cut-off: a step function on reported values."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from crampstats import intervals
from crampstats.errors import CrampstatsError, DesignError
from crampstats.estimates import Component, Estimate
from crampstats.proportions import read_numbers
from crampstats.quantiles import shares_up_to
from crampstats.units import SUBSTANCES, convert

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from crampstats.intervals import Method
    from crampstats.survey import Survey

UNIT_ENDINGS = {"_mmol_l": "mmol/L", "_umol_l": "µmol/L", "_mg_dl": "mg/dL", "_meq_l": "mEq/L"}
# More steps than this between the smallest and the largest value are no reporting, but a number as measured.
MOST_STEPS = 10_000
# A value within this share of a step of another one is the same: 0.7 and 0.7000000000000001, or a value of 4 bytes.
SAME = 1e-4


@dataclass(frozen=True, eq=False, repr=False)
class CutoffCurve:
    """The prevalence of values at most, and below, each of k cut-offs.

    Attributes
    ----------
    column
        What was asked about.
    column_unit
        The unit in its name; None if there is none.
    unit
        Of `cutoff`; None if neither the name nor the request tells one.
    step
        What the column is reported to, in its own unit; None for a number that is not reported in steps.
    cutoff
        Shape (k,), as asked.
    reported
        Shape (k,), in the column's unit: the reported value on which each cut-off lands; NaN without steps.
    estimate
        2 k proportions: those at most each cut-off, then those below it, told apart by the label ``convention``.
    bracket_low, bracket_high
        Shape (k,): the shares below and at most `reported`. Rounding leaves open where between them lies the share of
        people whose value is below the cut-off.
    interpolated
        Shape (k,): the share within the bracket if the values reported as v are spread evenly over [v - step/2, v + step/2).
    level
        Confidence of the intervals and bands.

    Examples
    --------
    >>> import crampstats as cs
    >>> serum = cs.Survey(pd.DataFrame({"magnesium_mg_dl": [1.6, 1.7, 1.7, 1.8, 1.9, 1.9, 2.0, 2.0, 2.1, 2.2]}))
    >>> curve = cutoff_curve(serum, "magnesium_mg_dl", [1.7, 1.8])
    >>> curve.step, curve.at_most.value, curve.below.value
    (0.1, array([0.3, 0.4]), array([0.1, 0.3]))
    """

    column: str
    column_unit: str | None
    unit: str | None
    step: float | None
    cutoff: np.ndarray
    reported: np.ndarray
    estimate: Estimate
    bracket_low: np.ndarray
    bracket_high: np.ndarray
    interpolated: np.ndarray
    level: float

    @property
    def at_most(self) -> Estimate:
        """The k proportions of people at or below a cut-off."""
        return self.estimate.where("convention == 'at_most'")

    @property
    def below(self) -> Estimate:
        """The k proportions of people below a cut-off."""
        return self.estimate.where("convention == 'below'")

    @property
    def critical_value(self) -> float:
        """How many standard errors the simultaneous band reaches, see `crampstats.intervals.max_t_quantile`."""
        at_most = self.at_most
        return intervals.max_t_quantile(at_most.covariance, float(at_most.df[0]), level=self.level)

    def to_frame(self) -> pd.DataFrame:
        """Return the curve as a table, one row a cut-off.

        Returns
        -------
        DataFrame
            ``term``; ``cutoff`` in the unit asked for; ``reported``, the value in the column's unit on which it lands;
            ``n``; ``estimate`` (again `at_most`, as in all results), ``std_error``, ``conf_low``, ``conf_high`` (for this
            cut-off alone), ``band_low``, ``band_high`` (for all of them at once); ``at_most``, ``below``;
            ``bracket_low``, ``interpolated``, ``bracket_high``; and ``note``, which is empty where there is nothing to say.
        """
        at_most = self.at_most
        alone = at_most.interval(level=self.level)
        # The level at which the interval of one cut-off reaches as many standard errors as the band has to.
        joint = 2 * special.stdtr(at_most.df[0], self.critical_value) - 1
        together = at_most.interval(level=float(joint))
        notes = ["; ".join(filter(None, both)) for both in zip(self._landing_notes(), alone.notes, strict=True)]
        return pd.DataFrame(
            {
                "term": at_most.labels["term"],
                "cutoff": self.cutoff,
                "reported": self.reported,
                "n": at_most.n.astype(np.int64),
                "estimate": at_most.value,
                "std_error": at_most.std_error,
                "conf_low": alone.low,
                "conf_high": alone.high,
                "band_low": together.low,
                "band_high": together.high,
                "at_most": at_most.value,
                "below": self.below.value,
                "bracket_low": self.bracket_low,
                "interpolated": self.interpolated,
                "bracket_high": self.bracket_high,
                "note": notes,
            }
        )

    def _landing_notes(self) -> list[str]:
        """Say which cut-offs are no reported values, and on which they land."""
        if self.step is None:
            return [""] * len(self)
        exact = converted(self.cutoff, self.column, self.unit, self.column_unit)
        notes = []
        for asked, own, reported in zip(self.cutoff, exact, self.reported, strict=True):
            named = f"{asked:g} {self.unit or ''}".strip()
            there = f" is {own:.4g} {self.column_unit} and" if self.unit != self.column_unit else ""
            lands = f"{named}{there} lands on the reported value {reported:.4g} {self.column_unit or ''}".strip()
            notes.append(lands if abs(own - reported) > SAME * self.step else "")
        return notes

    def __len__(self) -> int:
        return len(self.cutoff)

    def __repr__(self) -> str:
        return f"<CutoffCurve of {self._told}>\n{self._shown().to_string(index=False, float_format='{:.4g}'.format)}"

    def _repr_html_(self) -> str:
        return self._shown().to_html(index=False, border=0, float_format="{:.4g}".format)

    @property
    def _told(self) -> str:
        """What the curve is of, in words."""
        steps = "" if self.step is None else f", reported to {self.step:.4g} {self.column_unit or ''}".rstrip()
        return f"{self.column} in {self.estimate.source}{steps}"

    def _shown(self) -> pd.DataFrame:
        """Return the columns for the eye."""
        table = self.to_frame().drop(columns=["term", "at_most", "std_error"])
        return table if table["note"].any() else table.drop(columns="note")


def unit_of(column: str) -> str | None:
    """Return the unit in the name of a column, or None.

    Parameters
    ----------
    column
        Such as ``"magnesium_mg_dl"``.

    Examples
    --------
    >>> unit_of("magnesium_mg_dl"), unit_of("age_years")
    ('mg/dL', None)
    """
    return next((unit for ending, unit in UNIT_ENDINGS.items() if column.strip().lower().endswith(ending)), None)


def converted(values: np.ndarray, column: str, unit: str | None, to: str | None) -> np.ndarray:
    """Return values in the unit of a column, or in another one of its substance.

    Parameters
    ----------
    values
        Any shape, in `unit`.
    column
        Whose name tells the substance.
    unit, to
        As in `crampstats.units.convert`; None for a column whose name tells none.

    Raises
    ------
    CrampstatsError
        If the units differ and the name does not hold substance and unit.

    Examples
    --------
    >>> converted(np.array([0.75]), "magnesium_mg_dl", "mmol/L", "mg/dL").round(3)
    array([1.823])
    """
    if unit == to:
        return values
    substance = next((name for name in SUBSTANCES if re.search(rf"(^|_){name}_", column.lower())), None)
    if unit is None or to is None or substance is None:
        raise CrampstatsError(
            f"unit={unit!r} cannot be turned into that of {column!r}: its name has to hold substance and unit, as in "
            f"magnesium_mg_dl; substances are {', '.join(SUBSTANCES)}, endings {', '.join(UNIT_ENDINGS)}."
        )
    return convert(values, unit, to, substance=substance)


def reporting_step(values: np.ndarray) -> float | None:
    """Return the step to which numbers were rounded when they were reported.

    Parameters
    ----------
    values
        Shape (rows,), none missing.

    Returns
    -------
    float or None
        The largest step of which all differences are whole multiples; None for fewer than two distinct values and for
        numbers that lie more than 10,000 steps apart, which are not reported in steps.

    Examples
    --------
    >>> reporting_step(np.array([1.7, 2.1, 1.8, 1.7, 2.4]))
    0.1
    >>> reporting_step(np.sqrt(np.arange(9.0)))
    """
    distinct = np.sort(pd.unique(np.asarray(values, dtype=float)))
    gaps = np.diff(distinct)
    gaps = gaps[gaps > SAME * gaps.max(initial=0.0) / MOST_STEPS]
    if not 0 < len(gaps) <= MOST_STEPS:
        return None
    span = distinct[-1] - distinct[0]
    step = gaps.min()
    for gap in np.unique(gaps):
        while gap > SAME * step:
            step, gap = gap, step % gap
        if span > MOST_STEPS * step:
            return None
    step = span / round(span / step)
    places = (distinct - distinct[0]) / step
    if np.abs(places - np.round(places)).max() > 100 * SAME:
        return None
    return _shortest(step, SAME / 10 * step * step / span)


def _shortest(value: float, tolerance: float) -> float:
    """Return the number of fewest digits that is as near as this."""
    shortened = (float(f"{value:.{digits}g}") for digits in range(1, 17))
    return next((short for short in shortened if abs(short - value) <= tolerance), value)


def _landing(cutoffs: np.ndarray, values: np.ndarray, step: float | None) -> np.ndarray:
    """Return the reported values on whose half-open steps the cut-offs lie, shape (k,)."""
    if step is None:
        return np.full(len(cutoffs), np.nan)
    start = values.min()
    places = np.floor((cutoffs - start) / step + 0.5 + SAME / 100)
    return np.array([_shortest(value, SAME / 10 * step) for value in start + places * step])


def read_cutoffs(cutoffs: ArrayLike) -> np.ndarray:
    """Return cut-offs as numbers, shape (k,).

    Parameters
    ----------
    cutoffs
        One or several.

    Raises
    ------
    CrampstatsError
        If they are no finite numbers.

    Examples
    --------
    >>> read_cutoffs(1.7)
    array([1.7])
    """
    asked = np.atleast_1d(np.asarray(cutoffs, dtype=float))
    if asked.ndim != 1 or asked.size == 0 or not np.isfinite(asked).all():
        raise CrampstatsError(f"cutoffs={cutoffs!r} has to be one or several numbers, as in cutoffs=[1.6, 1.7, 1.8].")
    return asked


def cutoff_curve(
    survey: Survey,
    column: str,
    cutoffs: ArrayLike,
    *,
    unit: str | None = None,
    step: float | None = None,
    interval_method: Method = "korn_graubard",
    level: float = 0.95,
) -> CutoffCurve:
    """Estimate the prevalence of values at most, and below, each of many cut-offs.

    Parameters
    ----------
    survey
        Whose domain is asked about.
    column
        A column of numbers, such as ``"magnesium_mg_dl"``, or arithmetic of columns.
    cutoffs
        One or several, in `unit`.
    unit
        ``"mmol/L"``, ``"µmol/L"``, ``"mg/dL"`` or ``"mEq/L"``; None for the column's own, which is read from its name.
    step
        What the column is reported to, in its own unit; None to find it from the distinct values in the domain.
    interval_method
        As in `crampstats.prevalence`; the simultaneous bands use it, too.
    level
        Confidence, between 0 and 1.

    Returns
    -------
    CutoffCurve
        Proportions from 0 to 1 with intervals for each cut-off, bands for all of them, and what rounding leaves open.

    Raises
    ------
    QuestionError
        If the column is no number, or somebody in the domain has no value: then ask ``survey.observed(column)`` first.
    CrampstatsError
        If the cut-offs are no numbers, the step is not positive, or the unit cannot be turned into the column's.
    DesignError
        If the domain has no degrees of freedom.
    IntervalError
        If the method is unknown or has no interval for these proportions.

    Notes
    -----
    1.7 mg/dL is 0.6994 mmol/L: by arithmetic below 0.70, by most laboratories' reckoning equal to it. ``at_most`` and
    ``below`` compare by arithmetic, as `crampstats.prevalence` does; the bracket is that of the reported value on which
    the cut-off lands, because a value reported as v was measured in [v - step/2, v + step/2). A cut-off within a
    ten-thousandth of a step of a reported value is taken for that value.

    The band multiplies the standard errors by one number, the quantile of the largest of the k t statistics: Montiel Olea
    JL, Plagborg-Møller M, J Appl Econom 2019;34:1-17, doi:10.1002/jae.2656; it is the interval of `interval_method` at the
    level at which its t quantile is that number. All comes from one pass over the rows. Without clusters the estimate
    keeps 16 bytes for each person and cut-off: ``survey.tabulate([column])`` first makes it small.

    Examples
    --------
    >>> import crampstats as cs
    >>> serum = cs.Survey(pd.DataFrame({"magnesium_mg_dl": [1.6, 1.7, 1.7, 1.8, 1.9, 1.9, 2.0, 2.0, 2.1, 2.2]}))
    >>> curve = cutoff_curve(serum, "magnesium_mg_dl", [0.70], unit="mmol/L")
    >>> curve.to_frame()[["cutoff", "reported", "at_most", "bracket_low", "interpolated", "bracket_high"]].round(3)
       cutoff  reported  at_most  bracket_low  interpolated  bracket_high
    0     0.7       1.7      0.3          0.1         0.203           0.3
    >>> curve.to_frame()["note"][0]
    '0.7 mmol/L is 1.701 mg/dL and lands on the reported value 1.7 mg/dL'
    """
    asked = read_cutoffs(cutoffs)
    if step is not None and not (np.isfinite(step) and step > 0):
        raise CrampstatsError(f"step={step!r} has to be a positive number, as in step=0.1.")
    own_unit = unit_of(column)
    exact = converted(asked, column, unit or own_unit, own_unit)
    values = np.asarray(read_numbers(survey, column), dtype=float)
    known = values if survey.domain is None else values[survey.domain]
    step = reporting_step(known) if step is None else step
    reported = _landing(exact, known, step)
    near = SAME * (step or 0.0)
    # So that a cut-off and the value on which it lands are one threshold, not two that differ in the last digit.
    exact = np.where(np.abs(exact - reported) <= near, reported, exact)
    landed = np.where(np.isnan(reported), exact, reported)
    estimate, bracket_low, bracket_high = _both_conventions(survey, column, values, asked, exact, landed, near)
    estimate = replace(estimate, interval_method=interval_method)
    within = np.ones(len(asked)) if step is None else np.clip((exact - reported) / step + 0.5, 0.0, 1.0)
    curve = CutoffCurve(
        column=column,
        column_unit=own_unit,
        unit=unit or own_unit,
        step=step,
        cutoff=asked,
        reported=reported,
        estimate=estimate,
        bracket_low=bracket_low,
        bracket_high=bracket_high,
        interpolated=bracket_low + within * (bracket_high - bracket_low),
        level=level,
    )
    curve.at_most.interval(level=level)  # a method without an interval here is told now
    return curve


def _both_conventions(
    survey: Survey,
    column: str,
    values: np.ndarray,
    asked: np.ndarray,
    exact: np.ndarray,
    landed: np.ndarray,
    near: float,
) -> tuple[Estimate, np.ndarray, np.ndarray]:
    """Return the shares at most and below the exact cut-offs, and below and at most where they land."""
    if survey.degrees_of_freedom <= 0:
        raise DesignError(
            f"no degrees of freedom (clusters less strata with people in the domain) for {column} in {survey.described}."
            " Ask about a larger domain, or merge strata."
        )
    both = np.concatenate([exact, landed])
    upper, lower = both + near, np.nextafter(both - near, -np.inf)
    edges = np.unique(np.concatenate([upper, lower]))
    value, component, people = shares_up_to(survey, values, edges)
    high, low = np.searchsorted(edges, upper), np.searchsorted(edges, lower)
    count = len(asked)
    kept = np.concatenate([high[:count], low[:count]])
    labels = pd.DataFrame(
        {
            "term": [f"{column} {sign} {cutoff:.6g}" for sign in ("<=", "<") for cutoff in exact],
            "convention": np.repeat(["at_most", "below"], count),
            "cutoff": np.tile(asked, 2),
        }
    )
    contributions = component.contributions[:, kept]
    part = Component(survey.design, contributions, np.broadcast_to(component.touched[:, :1], contributions.shape))
    people_asked = np.full(2 * count, people)
    estimate = Estimate(labels, value[kept], (part,), people_asked, "korn_graubard", survey.described)
    return estimate, value[low[count:]], value[high[count:]]
