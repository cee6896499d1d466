"""The outcome over a continuous exposure: standardised means or contrasts, with bands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd
from scipy import special

from crampstats import intervals
from crampstats.effects.contrasts import IN_WORDS, compared, levels_of
from crampstats.effects.standardization import People, standardized_means, told
from crampstats.errors import CrampstatsError, QuestionError
from crampstats.estimates import Estimate, mapped
from crampstats.questions import one_spelling
from crampstats.regression.foundations import inside, refuse_taken
from crampstats.schema import is_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crampstats.regression import Model

CurveMeasure = Literal["mean", "difference", "ratio", "odds_ratio"]


@dataclass(frozen=True, eq=False, repr=False)
class ExposureCurve:
    """The standardised mean outcome, or a contrast of it, at k values of an exposure.

    Attributes
    ----------
    column
        The exposure.
    measure
        ``"mean"``, ``"difference"``, ``"ratio"`` or ``"odds_ratio"``.
    reference
        With what is compared; None for means.
    estimate
        k of them for each cell of the by columns, with the value in a column of the exposure's name.
    observed
        The smallest and the largest value of the exposure in the domain.

    Examples
    --------
    >>> import crampstats as cs
    >>> people = cs.simulate(cs.Population(), 2000, seed=1, columns=["magnesium_mmol_l", "age_years", "sex"])
    >>> people = cs.Survey(people).define(low="magnesium_mmol_l <= 0.75")
    >>> model = cs.fit(people, "low ~ rcs(age_years, 3) + sex", family="binomial")
    >>> list(exposure_curve(model, "age_years", values=[30, 60, 200]).to_frame()["note"])
    ['', '', 'beyond the observed 20 to 99']
    """

    column: str
    measure: CurveMeasure
    reference: float | None
    estimate: Estimate
    observed: tuple[float, float]

    def critical_value(self, *, level: float = 0.95) -> float:
        """Return how many standard errors the simultaneous band reaches, see `crampstats.intervals.max_t_quantile`.

        Parameters
        ----------
        level
            Confidence that the band holds all true values at once.
        """
        return intervals.max_t_quantile(self.estimate.covariance, float(self.estimate.df[0]), level=level)

    def to_frame(self, *, level: float = 0.95) -> pd.DataFrame:
        """Return the curve as a table, see `Estimate.to_frame`.

        Parameters
        ----------
        level
            Confidence of the intervals and the band.

        Returns
        -------
        DataFrame
            The columns of `Estimate.to_frame`, with ``band_low`` and ``band_high``, which hold all values of the exposure
            and all groups at once; ``note`` tells which values nobody has come near.
        """
        table = self.estimate.to_frame(level=level)
        # The level at which the interval of one value reaches as many standard errors as the band has to.
        joint = 2 * special.stdtr(self.estimate.df[0], self.critical_value(level=level)) - 1
        together = self.estimate.interval(level=float(joint))
        low, high = self.observed
        beyond = ~table[self.column].between(low, high)
        table["note"] = np.where(beyond, f"beyond the observed {low:g} to {high:g}", table["note"])
        table.insert(list(table.columns).index("note"), "band_low", together.low)
        table.insert(list(table.columns).index("note"), "band_high", together.high)
        return table

    def __len__(self) -> int:
        return len(self.estimate)

    def __repr__(self) -> str:
        against = "" if self.reference is None else f" against {self.reference:g}"
        shown = self._shown().to_string(index=False, float_format="{:.4g}".format)
        return f"<ExposureCurve of {self.column}{against} in {self.estimate.source}>\n{shown}"

    def _repr_html_(self) -> str:
        return self._shown().to_html(index=False, border=0, float_format="{:.4g}".format)

    def _shown(self) -> pd.DataFrame:
        """Return the columns for the eye."""
        table = self.to_frame().drop(columns=["std_error"])
        return table if table["note"].any() else table.drop(columns="note")


def exposure_curve(
    model: Model,
    column: str,
    *,
    values: Sequence[float],
    measure: CurveMeasure = "mean",
    reference: float | None = None,
    by: Sequence[str] = (),
    among: str | None = None,
) -> ExposureCurve:
    """Return the mean outcome if everybody had each of several values of a continuous exposure.

    Parameters
    ----------
    model
        As from `fit`; with ``rcs(column, 4)`` in its formula the curve may bend.
    column
        Of numbers, in the model.
    values
        k of them, ascending, in the column's unit.
    measure
        ``"mean"``; or ``"difference"``, ``"ratio"`` or ``"odds_ratio"`` of the means at each value and at `reference`.
    reference
        With what is compared.
    by, among
        As in `contrast`.

    Returns
    -------
    ExposureCurve
        With intervals for each value alone, and a band for all of them at once.

    Raises
    ------
    QuestionError
        If it is no column of the model, or one of levels; or if `by` holds it, or a column of the result.
    CrampstatsError
        If values do not ascend, or measure and reference do not go together.

    Notes
    -----
    As `g_formula` at each value. The band is one of sup-t: Montiel Olea JL, Plagborg-Møller M, J Appl Econom 2019;34:1-17,
    doi:10.1002/jae.2656. A curve is an effect only under the assumptions of `g_formula`, and hangs on the model where few
    people have such values.

    Examples
    --------
    >>> import crampstats as cs
    >>> people = cs.simulate(cs.Population(), 2000, seed=1, columns=["magnesium_mmol_l", "age_years", "sex"])
    >>> people = cs.Survey(people).define(low="magnesium_mmol_l <= 0.75")
    >>> model = cs.fit(people, "low ~ rcs(age_years, 3) + sex", family="binomial")
    >>> curve = exposure_curve(model, "age_years", values=[30, 50, 70], measure="difference", reference=50)
    >>> curve.estimate.std_error.round(4)
    array([0.0134, 0.    , 0.0105])
    """
    column = one_spelling(column)
    if measure not in get_args(CurveMeasure):
        raise CrampstatsError(f"measure={measure!r} is unknown: choose from {', '.join(get_args(CurveMeasure))}.")
    if (measure == "mean") != (reference is None) or not (reference is None or is_number(reference)):
        raise CrampstatsError(
            f"measure={measure!r} with reference={reference!r}: a mean is compared with nothing (reference=None), other "
            "measures with one number."
        )
    grid = np.asarray(values, dtype=float)
    if grid.ndim != 1 or grid.size == 0 or not np.isfinite(grid).all() or (np.diff(grid) <= 0).any():
        raise CrampstatsError(f"values={values!r} have to be numbers that ascend, as in [30, 50, 70].")
    if levels_of(model, column) is not None:
        raise QuestionError(f"{column!r} is a column of levels, and has no curve: use marginal_effect().")
    refuse_taken("by", [one_spelling(name) for name in by], (column, "band_low", "band_high"))
    people = People.of(model.survey, by, among)
    numbers = inside(model.survey, model.survey.data[column].to_numpy(dtype=float, na_value=np.nan))
    labels = pd.DataFrame({"term": model.mean_name, column: grid})
    estimate = standardized_means(model, [{column: value} for value in grid], people, labels)
    if reference is not None:
        base = standardized_means(model, [{column: float(reference)}], people, told(model.mean_name))
        label = f"{IN_WORDS[measure]} of {model.outcome_name}"
        estimate = compared(estimate, _repeated(base, estimate.labels), measure, label)
    return ExposureCurve(column, measure, reference, estimate, (float(numbers.min()), float(numbers.max())))


def _repeated(base: Estimate, labels: pd.DataFrame) -> Estimate:
    """Return the means of one setting again and again, so that they can be paired with those of others."""
    rows = np.arange(len(labels)) % len(base)
    matrix = np.eye(len(base))[rows]
    value = base.value[rows]
    return mapped(base, matrix, value=value, labels=labels, n=base.n[rows], interval_method=base.interval_method)
