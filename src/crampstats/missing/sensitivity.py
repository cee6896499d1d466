"""What if the missing are unlike the observed: imputed values shifted, and analysed again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from crampstats.errors import CrampstatsError, QuestionError
from crampstats.formulas import read_formula
from crampstats.missing.imputations import Imputations, check_rng, predictor_matrix
from crampstats.missing.pooling import pooled, shown
from crampstats.regression.families import choose
from crampstats.regression.fitting import Rows, solve
from crampstats.regression.foundations import refuse_taken
from crampstats.schema import is_number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from crampstats.estimates import Estimate
    from crampstats.missing.imputations import ImputedColumn
    from crampstats.missing.pooling import PooledEstimate, Scale
    from crampstats.survey import Survey

PROBABLE = 1e-12


@dataclass(frozen=True, eq=False, repr=False)
class DeltaAdjusted:
    """Pooled estimates under shifts of the imputed values.

    Attributes
    ----------
    column
        Whose imputed values were shifted.
    unit
        What a shift is: ``"the column's unit"`` or ``"log odds"``.
    deltas
        Shape (d,), ascending, 0 among them.
    estimates
        Length d: as from `pooled`.

    Examples
    --------
    >>> import crampstats as cs
    >>> from crampstats.missing import impute
    >>> people = cs.simulate(cs.Population(), 400, seed=1)[["magnesium_mmol_l", "age_years", "diabetes"]]
    >>> survey = cs.Survey(people.assign(magnesium_mmol_l=people["magnesium_mmol_l"].where(people.index % 4 > 0)))
    >>> sets = impute(survey, ["magnesium_mmol_l"], predictors="age_years + diabetes", m=5, rng=1)
    >>> moved = delta_adjusted(sets, "magnesium_mmol_l", [-0.04], lambda each: cs.mean(each, "magnesium_mmol_l"))
    >>> np.diff(moved.to_frame()["estimate"]).round(4)
    array([0.01])
    """

    column: str
    unit: str
    deltas: np.ndarray
    estimates: tuple[PooledEstimate, ...]

    def to_frame(self, *, level: float = 0.95) -> pd.DataFrame:
        """Return the estimates under each shift as a table.

        Parameters
        ----------
        level
            Confidence.

        Returns
        -------
        DataFrame
            ``term``, ``delta`` and the columns of `PooledEstimate.to_frame`.
        """
        tables = []
        for delta, estimate in zip(self.deltas, self.estimates, strict=True):
            table = estimate.to_frame(level=level)
            table.insert(1, "delta", delta)
            tables.append(table)
        return pd.concat(tables, ignore_index=True)

    def tipping_points(self, null: float, *, level: float = 0.95) -> pd.DataFrame:
        """Return which shift changes the conclusion about a value.

        Parameters
        ----------
        null
            The value: 1 for a ratio, 0 for a difference, a prevalence that matters.
        level
            Confidence.

        Returns
        -------
        DataFrame
            The labels; ``conclusion`` without a shift: the interval lies ``"above"`` the value, ``"below"`` it, or
            ``"includes"`` it; ``below`` and ``above``, the nearest shifts tried below and above 0 under which that is
            different, or minus and plus infinity where none of them is.

        Raises
        ------
        CrampstatsError
            If the value is no number.
        """
        if not is_number(null):
            raise CrampstatsError(f"null={null!r} has to be a number, as in null=1.0.")
        limits = [estimate.interval(level=level) for estimate in self.estimates]
        found = np.array([np.where(each.low > null, 1, np.where(each.high < null, -1, 0)) for each in limits])
        (none,) = np.flatnonzero(self.deltas == 0)
        differs = found != found[none]
        below = [max(self.deltas[each & (self.deltas < 0)], default=-np.inf) for each in differs.T]
        above = [min(self.deltas[each & (self.deltas > 0)], default=np.inf) for each in differs.T]
        words = {1: "above", -1: "below", 0: "includes"}
        return self.estimates[0].labels.assign(
            conclusion=[words[int(each)] for each in found[none]], below=below, above=above
        )

    def __repr__(self) -> str:
        told = f"imputed {self.column} shifted in {self.unit}"
        return f"<DeltaAdjusted of {self.estimates[0].source}, {told}>\n{shown(self.to_frame()).to_string(index=False)}"

    def _repr_html_(self) -> str:
        return shown(self.to_frame()).to_html(index=False, border=0)


def delta_adjusted(
    imputations: Imputations,
    column: str,
    deltas: Sequence[float],
    estimator: Callable[[Survey], Estimate],
    *,
    rng: np.random.Generator | int | None = None,
    scale: Scale | None = None,
) -> DeltaAdjusted:
    """Analyse again as though the missing differed from the observed who are otherwise like them.

    Parameters
    ----------
    imputations
        As from `impute`.
    column
        An imputed column of numbers or of yes/no.
    deltas
        Numbers: added to imputed values, in the unit of the column. Yes/no: added to the log odds of an imputed yes (for a
        column of two texts, of the later one in its order), given the predictors. 0 is always among them.
    estimator, scale
        As in `pooled`.
    rng
        For yes/no: a Generator, which is advanced, or the seed of one. Not for numbers.

    Returns
    -------
    DeltaAdjusted
        Pooled estimates for each shift, in ascending order.

    Raises
    ------
    CrampstatsError
        If a shift is no number, or as `pooled`.
    QuestionError
        If the column was not imputed, had no gaps, or is ordered categories; if `rng` is missing or not needed; or if a by
        column has the name of a column of the result.
    ConvergenceError
        If the log odds have no finite model (yes/no): impute with fewer predictors.

    Notes
    -----
    Pattern mixtures: Rubin DB, J Am Stat Assoc 1977;72:538-543, doi:10.1080/01621459.1977.10480610; Carpenter JR, Kenward MG,
    Multiple Imputation and its Application, Wiley 2013, chapter 10, doi:10.1002/9781119942283; van Buuren S, Flexible
    Imputation of Missing Data, 2nd ed., CRC 2018, section 9.2. Other imputed columns stay as they are. The log odds of a yes
    are those of a logistic regression on predictors and other imputed columns among the observed, in each set; the same
    luck goes through all shifts, so that each moves people one way and a shift of 0 moves nobody.

    Examples
    --------
    >>> import crampstats as cs
    >>> from crampstats.missing import impute
    >>> people = cs.simulate(cs.Population(), 600, seed=1)[["magnesium_mmol_l", "age_years", "diabetes"]]
    >>> survey = cs.Survey(people.assign(magnesium_mmol_l=people["magnesium_mmol_l"].where(people.index % 4 > 0)))
    >>> sets = impute(survey, ["magnesium_mmol_l"], predictors="age_years + diabetes", m=5, rng=1)
    >>> low = delta_adjusted(
    ...     sets, "magnesium_mmol_l", [-0.05, 0.05], lambda each: cs.prevalence(each, "magnesium_mmol_l <= 0.75"))
    >>> low.tipping_points(0.07)[["conclusion", "below", "above"]]
      conclusion  below  above
    0      above   -inf   0.05
    """
    shifted = imputations.column(column)
    if not shifted.missing.any():
        raise QuestionError(f"column={column!r} had no gaps: there is nothing to shift.")
    if shifted.kind == "ordered":
        raise QuestionError(f"column={column!r} is of ordered categories; numbers and yes/no can be shifted.")
    if not np.iterable(deltas) or not all(is_number(each) for each in deltas):
        raise CrampstatsError(f"deltas={deltas!r} has to be a list of numbers, as in [-0.05, 0.05].")
    tried = np.unique([0.0, *(float(each) for each in deltas)])
    gaps = [_gaps(survey, shifted) for survey in imputations.surveys]
    if shifted.kind == "number":
        if rng is not None:
            raise QuestionError(f"rng={rng!r}: shifts of numbers need no luck; leave it out.")
        moved = [[values + delta for values in gaps] for delta in tried]
    else:
        check_rng(rng)
        moved = _moved_odds(imputations, shifted, gaps, tried, np.random.default_rng(rng))
    estimates = []
    for values in moved:
        surveys = tuple(
            _with_values(survey, shifted, each) for survey, each in zip(imputations.surveys, values, strict=True)
        )
        again = Imputations(
            surveys, imputations.columns, imputations.predictors, imputations.design_terms, imputations.trace
        )
        estimates.append(pooled(again, estimator, scale=scale))
    refuse_taken("delta_adjusted", list(estimates[0].labels.columns), ("delta", "conclusion", "below", "above"))
    unit = "the column's unit" if shifted.kind == "number" else "log odds"
    return DeltaAdjusted(shifted.name, unit, tried, tuple(estimates))


def _gaps(survey: Survey, column: ImputedColumn) -> np.ndarray:
    """Return the imputed values as numbers or codes, shape (missing,)."""
    values = survey.data[column.name][column.missing]
    if column.levels is None:
        return values.to_numpy(dtype=float)
    return np.array([column.levels.index(value) for value in values], dtype=float)


def _with_values(survey: Survey, column: ImputedColumn, values: np.ndarray) -> Survey:
    """Return a completed survey with other values in the gaps."""
    series = survey.data[column.name]
    if column.kind == "number":
        # Whole numbers that are shifted by parts of one are whole no longer, and categories of numbers no longer these.
        series = series.astype(float)
    return survey._changed(data=survey.data.assign(**{column.name: column.completed(series, values)}))


def _moved_odds(
    imputations: Imputations, column: ImputedColumn, gaps: list[np.ndarray], tried: np.ndarray, rng: np.random.Generator
) -> list[list[np.ndarray]]:
    """Return the imputed yes/no of each shift and set, the same luck in all shifts."""
    moved: list[list[np.ndarray]] = [[] for _ in tried]
    for survey, imputed in zip(imputations.surveys, gaps, strict=True):
        chance = _chances(imputations, survey, column)
        # The luck that would have made the imputed answer of this chance.
        uniform = rng.uniform(size=len(chance))
        luck = np.where(imputed == 1, uniform * chance, chance + uniform * (1 - chance))
        for place, delta in enumerate(tried):
            new = luck < expit(logit(chance) + delta)
            moved[place].append(imputed if delta == 0 else new.astype(float))
    return moved


def _chances(imputations: Imputations, survey: Survey, column: ImputedColumn) -> np.ndarray:
    """Return the chance of a yes of each person with a gap, by what those observed tell, shape (missing,)."""
    rows = np.arange(len(survey)) if survey.domain is None else np.flatnonzero(survey.domain)
    matrix = predictor_matrix(survey, read_formula(imputations.predictors))
    others = []
    for each in imputations.columns:
        if each.name != column.name:
            values = each.values.copy()
            values[each.missing] = _gaps(survey, each)
            others.append(values[rows])
    matrix = np.column_stack([matrix, *others])
    terms = [f"predictor {place}" for place in range(matrix.shape[1] - len(others))]
    terms += [each.name for each in imputations.columns if each.name != column.name]
    gap = column.missing[rows]
    seen = Rows.of(matrix[~gap].copy(), column.values[rows][~gap], np.ones(int((~gap).sum())), 0)
    solution = solve(seen, *choose("binomial", "logit"), terms)
    return np.clip(expit(matrix[gap] @ solution.coefficients), PROBABLE, 1 - PROBABLE)
