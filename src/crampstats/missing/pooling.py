"""One result from several completed data sets: Rubin's rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from scipy.special import expit, logit

from crampstats import intervals
from crampstats.errors import CrampstatsError
from crampstats.estimates import Estimate
from crampstats.regression.foundations import refuse_taken

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import ArrayLike

    from crampstats.intervals import Method
    from crampstats.missing.imputations import Imputations
    from crampstats.survey import Survey

Scale = Literal["identity", "log", "logit"]


@dataclass(frozen=True, eq=False)
class RubinPool:
    """k estimates from m completed data sets, combined.

    Attributes
    ----------
    value
        Shape (k,): their means.
    within, between
        Shape (k,): mean of the variances; variance of the values from set to set.
    df
        Shape (k,): degrees of freedom.
    m
        How many sets.
    """

    value: np.ndarray
    within: np.ndarray
    between: np.ndarray
    df: np.ndarray
    m: int

    @property
    def total(self) -> np.ndarray:
        """Variance of the combined values, shape (k,)."""
        return self.within + (1 + 1 / self.m) * self.between

    @property
    def relative_increase(self) -> np.ndarray:
        """How much of the variance within the sets is added by what is missing, shape (k,)."""
        return (1 + 1 / self.m) * self.between / self.within

    @property
    def share_between(self) -> np.ndarray:
        """Share of the variance that comes from what is missing (often called lambda), shape (k,)."""
        return (1 + 1 / self.m) * self.between / self.total

    @property
    def fmi(self) -> np.ndarray:
        """Fraction of information that is missing, for the finite number of sets, shape (k,); 0 where the sets agree."""
        increase = self.relative_increase
        return np.where(self.between > 0, (increase + 2 / (self.df + 3)) / (1 + increase), 0.0)


def rubin_pool(values: ArrayLike, variances: ArrayLike, *, df_complete: ArrayLike) -> RubinPool:
    """Combine estimates and variances from completed data sets.

    Parameters
    ----------
    values, variances
        Shape (m, k): of each of m sets.
    df_complete
        Shape (k,) or a number: the degrees of freedom if nothing were missing; may be infinite.

    Returns
    -------
    RubinPool
        Value, variance within and between, degrees of freedom.

    Raises
    ------
    CrampstatsError
        If there are fewer than two sets, shapes differ, a number is not finite, a variance is not above 0, or there are no
        degrees of freedom.

    Notes
    -----
    Rubin DB, Multiple Imputation for Nonresponse in Surveys, Wiley 1987, chapter 3, doi:10.1002/9780470316696. Degrees of
    freedom of Barnard J, Rubin DB, Biometrika 1999;86:948-955, doi:10.1093/biomet/86.4.948. Where all sets agree nothing is
    missing, and the degrees of freedom are those of the complete data, of which the formula would take (v + 1) / (v + 3).

    Examples
    --------
    >>> found = rubin_pool([[1.0], [3.0]], [[1.0], [2.0]], df_complete=10)
    >>> found.value, found.total, found.df.round(4)
    (array([2.]), array([4.5]), array([1.2516]))
    """
    value, variance = np.asarray(values, dtype=float), np.asarray(variances, dtype=float)
    if value.ndim != 2 or value.shape != variance.shape or len(value) < 2:
        raise CrampstatsError(
            f"values and variances have to be tables of one shape with a row for each of two sets or more; they have "
            f"shapes {value.shape} and {variance.shape}."
        )
    complete = np.broadcast_to(np.asarray(df_complete, dtype=float), value.shape[1:])
    if not (np.isfinite(value).all() and np.isfinite(variance).all() and (variance > 0).all()):
        raise CrampstatsError("values and variances of completed data have to be finite, and variances above 0.")
    if not (complete > 0).all():
        raise CrampstatsError(f"df_complete={df_complete!r} has to be above 0.")
    m = len(value)
    # Equal numbers have no variance, whatever rounding does to their mean.
    between = np.where(np.ptp(value, axis=0) > 0, value.var(axis=0, ddof=1), 0.0)
    pool = RubinPool(value.mean(axis=0), variance.mean(axis=0), between, complete, m)
    share = pool.share_between
    with np.errstate(divide="ignore", invalid="ignore"):  # infinite degrees of freedom are settled below
        observed = np.where(np.isfinite(complete), (complete + 1) / (complete + 3) * complete, np.inf) * (1 - share)
        df = np.where(share > 0, 1 / (share**2 / (m - 1) + 1 / observed), complete)
    return RubinPool(pool.value, pool.within, between, df, m)


@dataclass(frozen=True, eq=False, repr=False)
class PooledEstimate:
    """One or several estimates from completed data sets, combined.

    Attributes
    ----------
    labels
        Shape (k, 1 + by): ``term`` and the columns by which the estimates were made.
    value, std_error
        Shape (k,): combined on `scale` and brought back.
    n
        Shape (k,): people asked; the fewest in any set.
    pool
        On `scale`: variances within and between, degrees of freedom, missing information.
    scale
        On which the sets were combined.
    interval_method
        How `interval` is made.
    source
        The survey and the number of sets, in words.

    Examples
    --------
    >>> import crampstats as cs
    >>> from crampstats.missing import impute
    >>> people = cs.simulate(cs.Population(), 400, seed=1)[["magnesium_mmol_l", "age_years", "diabetes"]]
    >>> survey = cs.Survey(people.assign(magnesium_mmol_l=people["magnesium_mmol_l"].where(people.index % 4 > 0)))
    >>> sets = impute(survey, ["magnesium_mmol_l"], predictors="age_years + diabetes", m=5, rng=1)
    >>> pooled(sets, lambda each: cs.mean(each, "magnesium_mmol_l")).to_frame().columns.tolist()
    ['term', 'n', 'estimate', 'std_error', 'conf_low', 'conf_high', 'fmi', 'df', 'note']
    """

    labels: pd.DataFrame
    value: np.ndarray
    std_error: np.ndarray
    n: np.ndarray
    pool: RubinPool
    scale: Scale
    interval_method: Method
    source: str

    @property
    def df(self) -> np.ndarray:
        """Degrees of freedom, shape (k,)."""
        return self.pool.df

    @property
    def fmi(self) -> np.ndarray:
        """Fraction of missing information, shape (k,)."""
        return self.pool.fmi

    def interval(self, *, level: float = 0.95, method: Method | None = None) -> intervals.Interval:
        """Return confidence limits, made as those of an `Estimate` of this value, error and degrees of freedom.

        Parameters
        ----------
        level
            Confidence.
        method
            As in `Estimate.interval`; None for that of the estimates that were combined.

        Raises
        ------
        IntervalError
            If the method has no interval for these values.
        """
        return intervals.interval(
            method or self.interval_method, self.value, self.std_error, self.n, self.df, level=level
        )

    def to_frame(self, *, level: float = 0.95, method: Method | None = None) -> pd.DataFrame:
        """Return the estimates as a table.

        Parameters
        ----------
        level, method
            As in `interval`.

        Returns
        -------
        DataFrame
            ``term``, the by columns, ``n``, ``estimate``, ``std_error``, ``conf_low``, ``conf_high``, ``fmi``, ``df``,
            ``note``.
        """
        limits = self.interval(level=level, method=method)
        return self.labels.assign(
            n=self.n.astype(np.int64),
            estimate=self.value,
            std_error=self.std_error,
            conf_low=limits.low,
            conf_high=limits.high,
            fmi=self.fmi,
            df=self.df,
            note=list(limits.notes),
        )

    def __len__(self) -> int:
        return len(self.value)

    def __repr__(self) -> str:
        return f"<PooledEstimate of {self.source}>\n{shown(self.to_frame()).to_string(index=False)}"

    def _repr_html_(self) -> str:
        return shown(self.to_frame()).to_html(index=False, border=0)


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table for the eye: four significant digits, no empty notes."""
    table = table if table["note"].any() else table.drop(columns="note")
    numbers = ["estimate", "std_error", "conf_low", "conf_high", "fmi", "df"]
    return table.assign(**{name: [f"{value:.4g}" for value in table[name]] for name in numbers})


def pooled(
    imputations: Imputations, estimator: Callable[[Survey], Estimate], *, scale: Scale | None = None
) -> PooledEstimate:
    """Estimate from each completed data set, and combine by Rubin's rules.

    Parameters
    ----------
    imputations
        As from `impute`.
    estimator
        From a `Survey` to an `Estimate`: ``lambda survey: cs.prevalence(survey, "magnesium_mmol_l <= 0.75")``. What hangs on
        imputed columns, such as `define` and `where`, belongs in here.
    scale
        On which values are combined: ``"logit"``, ``"log"`` or ``"identity"``. None goes by the interval method of the
        estimates: proportions on the logit scale, ratios on the log scale, the rest as they are.

    Returns
    -------
    PooledEstimate
        Values, errors that hold what imputation does not know, and the fraction of missing information.

    Raises
    ------
    CrampstatsError
        If the estimator returns no `Estimate`, the sets have different labels, a value has no place on the scale or no standard
        error, or there are fewer than two sets.
    QuestionError
        If a by column has the name of a column of the result.

    Notes
    -----
    `rubin_pool`; degrees of freedom of the complete data are the design's. An interval by Korn and Graubard, or another one
    for proportions, takes the combined value, error and degrees of freedom. About as many sets as the fraction of missing
    information has per cents make results that another run repeats: White IR, Royston P, Wood AM, Stat Med 2011;30:377-399,
    doi:10.1002/sim.4067.

    Examples
    --------
    >>> import crampstats as cs
    >>> from crampstats.missing import impute
    >>> people = cs.simulate(cs.Population(), 400, seed=1)[["magnesium_mmol_l", "age_years", "diabetes"]]
    >>> survey = cs.Survey(people.assign(magnesium_mmol_l=people["magnesium_mmol_l"].where(people.index % 4 > 0)))
    >>> sets = impute(survey, ["magnesium_mmol_l"], predictors="age_years + diabetes", m=5, rng=1)
    >>> low = pooled(sets, lambda each: cs.prevalence(each, "magnesium_mmol_l <= 0.75"))
    >>> low.scale, len(low), bool(0 < low.fmi[0] < 1)
    ('logit', 1, True)
    """
    if scale is not None and scale not in get_args(Scale):
        raise CrampstatsError(f"scale={scale!r} is unknown: choose from {', '.join(get_args(Scale))}.")
    estimates = [estimator(survey) for survey in imputations.surveys]
    for one in estimates:
        if not isinstance(one, Estimate):
            raise CrampstatsError(
                f"estimator returned {one!r:.60}, which is no Estimate, as prevalence() and mean() make."
            )
    first = estimates[0]
    for number, one in enumerate(estimates[1:], start=2):
        if not one.labels.equals(first.labels):
            raise CrampstatsError(
                f"the estimates of set {number} have other labels than those of set 1; group by columns that are not imputed, "
                "or merge rare levels."
            )
    refuse_taken("pooled", list(first.labels.columns), ("fmi", "df"))
    chosen = scale or _own_scale(first.interval_method)
    values, errors = np.stack([one.value for one in estimates]), np.stack([one.std_error for one in estimates])
    if not (errors > 0).all():
        row, column = np.argwhere(~(errors > 0))[0]
        raise CrampstatsError(
            f"estimate {column + 1} is {values[row, column]:g} in set {row + 1} without a standard error, so that there is "
            "nothing to combine: ask about more people."
        )
    moved, slopes = _forward(values, chosen)
    df = np.min([one.df for one in estimates], axis=0)
    pool = rubin_pool(moved, (errors * slopes) ** 2, df_complete=df)
    value = pool.value if chosen == "identity" else np.exp(pool.value) if chosen == "log" else expit(pool.value)
    _, slope = _forward(value[None], chosen)
    return PooledEstimate(
        first.labels,
        value,
        np.sqrt(pool.total) / slope[0],
        np.min([one.n for one in estimates], axis=0),
        pool,
        chosen,
        first.interval_method,
        f"{first.source}, {len(estimates)} imputations",
    )


def _own_scale(method: str) -> Scale:
    """Return the scale that goes with an interval method."""
    if method in intervals.PROPORTION_METHODS:
        return "logit"
    return "log" if method == "log" else "identity"


def _forward(values: np.ndarray, scale: Scale) -> tuple[np.ndarray, np.ndarray]:
    """Return values on a scale and the slope there, refusing what has no place on it."""
    if scale == "identity":
        return values, np.ones_like(values)
    outside = (values <= 0) | (values >= 1) if scale == "logit" else values <= 0
    if outside.any():
        row, column = np.argwhere(outside)[0]
        raise CrampstatsError(
            f"estimate {column + 1} is {values[row, column]:g} in set {row + 1} and has no {scale}: combine with "
            "scale='identity', or ask about more people."
        )
    return (logit(values), 1 / (values * (1 - values))) if scale == "logit" else (np.log(values), 1 / values)
