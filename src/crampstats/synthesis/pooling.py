"""Pooling of effects: common or random, with intervals, prediction, subgroups and moderators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd
from scipy import special

from crampstats.errors import CrampstatsError, IntervalError
from crampstats.intervals import check_level, t_quantile
from crampstats.schema import Column, Schema
from crampstats.synthesis.heterogeneity import (
    Between,
    WeightedFit,
    between_variance,
    check_rank,
    profile_interval,
    typical_variance,
    weighted_fit,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

Limits = Literal["normal", "t", "hartung_knapp", "hartung_knapp_guarded"]
Prediction = Literal["higgins", "as_interval"]
Scale = Literal["identity", "log", "logit"]
EFFECTS = Schema(
    "effects",
    (
        Column("estimate", "number", "effect on the scale of analysis"),
        Column("std_error", "number", "its standard error", low=np.finfo(float).tiny),
    ),
)
POOLED = "pooled"
# From how many studies on the variance between them is more than a guess.
FEW = 5


@dataclass(frozen=True, eq=False)
class Synthesis:
    """The studies of one group, pooled on the scale of analysis.

    Attributes
    ----------
    terms
        Length p: ``"pooled"``, or the coefficients of moderators.
    value, covariance
        Shapes (p,), (p, p).
    df
        Of the interval; infinite for the normal one.
    tau2
        Variance between studies.
    q, q_df
        Cochran's Q of what moderators leave, and its degrees of freedom.
    effect, variance, design
        Shapes (k,), (k,), (k, p).
    studies
        Length k.
    people
        Together; None where a study does not say.
    explained
        Share of the variance between studies that the moderators explain; None without moderators.

    Examples
    --------
    >>> effects = pd.DataFrame({"study": ["A", "B", "C"], "estimate": [-0.5, -0.1, 0.2], "std_error": [0.2, 0.3, 0.15]})
    >>> [group] = pool(effects).syntheses
    >>> group.studies, round(group.tau2, 3), group.q_df
    (('A', 'B', 'C'), 0.106, 2)
    """

    terms: tuple[str, ...]
    value: np.ndarray
    covariance: np.ndarray
    df: float
    tau2: float
    q: float
    q_df: int
    effect: np.ndarray
    variance: np.ndarray
    design: np.ndarray
    studies: tuple[str, ...]
    people: int | None
    explained: float | None

    @property
    def std_error(self) -> np.ndarray:
        """Standard errors, shape (p,)."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def weights(self) -> np.ndarray:
        """Shares of the studies in the pooled effect, shape (k,); they add up to 1."""
        weights = 1 / (self.variance + self.tau2)
        return weights / weights.sum()

    @property
    def q_p(self) -> float:
        """P value of no variance between studies; 1 where one study leaves none to see."""
        return float(special.chdtrc(self.q_df, self.q)) if self.q_df else 1.0

    @property
    def note(self) -> str:
        """What a reader has to know of so few studies."""
        k = len(self.studies)
        if k == 1:
            return "one study: its own normal interval; nothing is known of differences between studies"
        if k <= len(self.terms):
            return "as many coefficients as studies: normal intervals, and nothing is left to compare"
        if k == 2:
            return "two studies: the variance between them rests on one difference"
        return f"{k} studies: the variance between them is hardly known" if k < FEW else ""


@dataclass(frozen=True, eq=False, repr=False)
class Pooled:
    """Pooled effects of one or several groups of studies.

    Attributes
    ----------
    groups
        Shape (g, columns): the labels of the groups; no columns without ``by``.
    syntheses
        Length g.
    method
        How the variance between studies was estimated.
    limits
        How intervals are made.
    scale
        ``"log"`` or ``"logit"``: what was pooled are logarithms or logits, and tables show ratios or shares.

    Examples
    --------
    >>> effects = pd.DataFrame({"study": ["A", "B", "C"], "estimate": [-0.5, -0.1, 0.2], "std_error": [0.2, 0.3, 0.15]})
    >>> pool(effects).to_frame()[["term", "studies", "estimate", "conf_low", "conf_high"]].round(3)
         term  studies  estimate  conf_low  conf_high
    0  pooled        3    -0.121     -1.09      0.849
    """

    groups: pd.DataFrame
    syntheses: tuple[Synthesis, ...]
    method: Between
    limits: Limits
    scale: Scale

    @property
    def value(self) -> np.ndarray:
        """Pooled effects or coefficients on the scale of analysis, group after group."""
        return np.concatenate([each.value for each in self.syntheses])

    @property
    def std_error(self) -> np.ndarray:
        """Their standard errors on the scale of analysis."""
        return np.concatenate([each.std_error for each in self.syntheses])

    @property
    def df(self) -> np.ndarray:
        """Their degrees of freedom; infinite for normal intervals."""
        return np.concatenate([np.full(len(each.terms), each.df) for each in self.syntheses])

    def to_frame(self, *, level: float = 0.95) -> pd.DataFrame:
        """Return the pooled effects as a table.

        Parameters
        ----------
        level
            Confidence.

        Returns
        -------
        DataFrame
            ``term``, the by columns, ``n`` (people), ``studies``, ``estimate`` and ``std_error`` (for ratios of the ratio
            itself), ``conf_low``, ``conf_high``, ``p`` (of no effect), ``note``.

        Raises
        ------
        IntervalError
            If the level is not between 0 and 1.
        """
        check_level(level)
        reach = t_quantile(self.df, (1 + level) / 2) * self.std_error
        value, slope = self._shown(self.value)
        low, _ = self._shown(self.value - reach)
        high, _ = self._shown(self.value + reach)
        sizes = [len(each.terms) for each in self.syntheses]
        table = self.groups.loc[np.repeat(np.arange(len(sizes)), sizes)].reset_index(drop=True)
        table.insert(0, "term", [term for each in self.syntheses for term in each.terms])
        people = [each.people for each in self.syntheses for _ in each.terms]
        return table.assign(
            n=pd.array(people, dtype="Int64"),
            studies=[len(each.studies) for each in self.syntheses for _ in each.terms],
            estimate=value,
            std_error=self.std_error * slope,
            conf_low=low,
            conf_high=high,
            p=two_sided(self.value / self.std_error, self.df),
            note=[each.note for each in self.syntheses for _ in each.terms],
        )

    def _shown(self, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return values as a reader sees them and their slope there."""
        if self.scale == "log":
            shown = np.exp(value)
            return shown, shown
        if self.scale == "logit":
            shown = special.expit(value)
            return shown, shown * (1 - shown)
        return value, np.ones_like(value)

    def between(self, *, level: float = 0.95) -> pd.DataFrame:
        """Return how far the studies differ.

        Parameters
        ----------
        level
            Of the interval of the variance between studies, by the Q profile.

        Returns
        -------
        DataFrame
            The by columns, ``studies``, ``tau2`` with ``tau2_low`` and ``tau2_high``, ``i2`` (share of the variance that is
            between studies), ``h2``, ``q``, ``df``, ``p``, ``explained`` (by moderators; only with them), ``note``. With one
            study ``tau2`` may be anything: its interval goes from 0 to infinity.

        Notes
        -----
        Higgins JPT, Thompson SG, Stat Med 2002;21:1539-1558, doi:10.1002/sim.1186. With a common effect I² is that of Q.

        Examples
        --------
        >>> effects = pd.DataFrame({"study": ["A", "B", "C"], "estimate": [-0.5, -0.1, 0.2], "std_error": [0.2, 0.3, 0.15]})
        >>> pool(effects).between()[["tau2", "i2", "q", "p"]].round(3)
            tau2     i2      q     p
        0  0.106  0.713  7.862  0.02
        """
        check_level(level)
        rows = []
        for each in self.syntheses:
            row: dict[str, object] = {
                "studies": len(each.studies),
                "tau2": each.tau2,
                "tau2_low": 0.0,
                "tau2_high": np.inf,
            }
            row |= {"i2": 0.0, "h2": 1.0}
            if each.q_df:
                ends = profile_interval(each.effect, each.variance, each.design, level)
                row |= dict(zip(("tau2_low", "tau2_high"), ends, strict=True))
                if self.method == "common":
                    row |= {"i2": max(0.0, 1 - each.q_df / each.q) if each.q > 0 else 0.0, "h2": each.q / each.q_df}
                else:
                    within = typical_variance(each.variance, each.design)
                    row |= {"i2": each.tau2 / (each.tau2 + within), "h2": 1 + each.tau2 / within}
            row |= {"q": each.q, "df": each.q_df, "p": each.q_p, "note": each.note}
            if each.explained is not None:
                row["explained"] = each.explained
            rows.append(row)
        order = ["studies", "tau2", "tau2_low", "tau2_high", "i2", "h2", "q", "df", "p", "explained", "note"]
        table = pd.DataFrame(rows)
        return pd.concat([self.groups, table[[name for name in order if name in table]]], axis=1)

    def prediction(self, *, level: float = 0.95, method: Prediction = "higgins") -> pd.DataFrame:
        """Return where the effect of another study of the kind lies.

        Parameters
        ----------
        level
            Of the interval.
        method
            ``"higgins"``: Student's t with one degree of freedom less than studies less coefficients; ``"as_interval"``:
            the distribution of the confidence interval.

        Returns
        -------
        DataFrame
            ``term``, the by columns, ``studies``, ``estimate``, ``pred_low``, ``pred_high``, ``note``.

        Raises
        ------
        CrampstatsError
            If the method is unknown, a common effect was pooled, or there are moderators.
        IntervalError
            If there are too few studies: three are needed for ``"higgins"``, two for ``"as_interval"``.

        Notes
        -----
        Higgins JPT, Thompson SG, Spiegelhalter DJ, J R Stat Soc A 2009;172:137-159, doi:10.1111/j.1467-985X.2008.00552.x.

        Examples
        --------
        >>> effects = pd.DataFrame({"study": ["A", "B", "C"], "estimate": [-0.5, -0.1, 0.2], "std_error": [0.2, 0.3, 0.15]})
        >>> pool(effects).prediction()[["pred_low", "pred_high"]].round(1)
           pred_low  pred_high
        0      -5.2        4.9
        """
        check_level(level)
        if method not in get_args(Prediction):
            raise CrampstatsError(f"method={method!r} is unknown: choose from {', '.join(get_args(Prediction))}.")
        if self.method == "common":
            raise CrampstatsError("a common effect predicts no other one: pool with method='REML', 'DL' or 'PM'.")
        if any(len(each.terms) > 1 for each in self.syntheses):
            raise CrampstatsError("a prediction with moderators needs their values; pool without moderators.")
        least = 3 if method == "higgins" else 2
        if few := [len(each.studies) for each in self.syntheses if len(each.studies) < least]:
            raise IntervalError(f"a prediction by method={method!r} needs {least} studies; there are {few[0]}.")
        df = np.array([len(each.studies) - 2.0 for each in self.syntheses]) if method == "higgins" else self.df
        spread = np.sqrt(np.array([each.tau2 for each in self.syntheses]) + self.std_error**2)
        reach = t_quantile(df, (1 + level) / 2) * spread
        table = self.groups.copy()
        table.insert(0, "term", POOLED)
        return table.assign(
            studies=[len(each.studies) for each in self.syntheses],
            estimate=self._shown(self.value)[0],
            pred_low=self._shown(self.value - reach)[0],
            pred_high=self._shown(self.value + reach)[0],
            note=[each.note for each in self.syntheses],
        )

    def weights(self) -> pd.DataFrame:
        """Return the share of each study in its pooled effect: the by columns, ``study``, ``weight`` (adding up to 1).

        Examples
        --------
        >>> effects = pd.DataFrame({"study": ["A", "B", "C"], "estimate": [-0.5, -0.1, 0.2], "std_error": [0.2, 0.3, 0.15]})
        >>> pool(effects).weights().round(3)
          study  weight
        0     A   0.347
        1     B   0.259
        2     C   0.394
        """
        tables = []
        for index, each in enumerate(self.syntheses):
            labels = self.groups.loc[np.full(len(each.studies), index)].reset_index(drop=True)
            tables.append(labels.assign(study=list(each.studies), weight=each.weights))
        return pd.concat(tables, ignore_index=True)

    def subgroup_test(self) -> pd.DataFrame:
        """Return the test that all groups have one effect.

        Returns
        -------
        DataFrame
            ``q``, ``df``, ``p`` of the weighted spread of the pooled effects, each with its own variance between studies.

        Raises
        ------
        CrampstatsError
            If there are not two groups, or there are moderators.

        Notes
        -----
        Borenstein M, Hedges LV, Higgins JPT, Rothstein HR, Introduction to Meta-Analysis, Wiley 2009, chapter 19,
        doi:10.1002/9780470743386. A difference between groups of studies is an association: nobody was randomised to them.
        """
        if len(self.syntheses) < 2 or any(len(each.terms) > 1 for each in self.syntheses):
            raise CrampstatsError("subgroup_test needs two groups or more: pool(..., by=...) without moderators.")
        one = np.ones((len(self.value), 1))
        q = weighted_fit(self.value, self.std_error**2, one, 0.0).q
        df = len(self.value) - 1
        return pd.DataFrame({"q": [q], "df": [df], "p": [float(special.chdtrc(df, q))]})

    def moderator_test(self) -> pd.DataFrame:
        """Return the joint test of all moderators, a row a group.

        Returns
        -------
        DataFrame
            The by columns, ``statistic`` (chi-squared, or F where intervals are Student's t), ``df``, ``df_residual``
            (infinite for chi-squared), ``p``.

        Raises
        ------
        CrampstatsError
            If there are no moderators.
        """
        rows = []
        for each in self.syntheses:
            count = len(each.terms) - 1
            if not count:
                raise CrampstatsError("moderator_test needs moderators: pool(..., moderators=[...]).")
            slopes, inside = each.value[1:], each.covariance[1:, 1:]
            wald = float(slopes @ np.linalg.solve(inside, slopes))
            exact = bool(np.isfinite(each.df))
            statistic = wald / count if exact else wald
            p = special.fdtrc(count, each.df, statistic) if exact else special.chdtrc(count, statistic)
            rows.append({"statistic": statistic, "df": count, "df_residual": each.df, "p": float(p)})
        return pd.concat([self.groups, pd.DataFrame(rows)], axis=1)

    def __len__(self) -> int:
        return len(self.value)

    def __repr__(self) -> str:
        name = "common effect" if self.method == "common" else f"random effects by {self.method}"
        return f"<Pooled, {name}, {self.limits} interval>\n{shown(self.to_frame()).to_string(index=False)}"

    def _repr_html_(self) -> str:
        return shown(self.to_frame()).to_html(index=False, border=0)


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table for the eye: four significant digits, no empty notes."""
    table = table if "note" not in table or table["note"].any() else table.drop(columns="note")
    numbers = [name for name in table.columns if pd.api.types.is_float_dtype(table[name].dtype)]
    return table.assign(**{name: [f"{value:.4g}" for value in table[name]] for name in numbers})


def two_sided(statistic: np.ndarray, df: np.ndarray) -> np.ndarray:
    """Return P values by Student's t, normal where the degrees of freedom are infinite, any shape."""
    far = -np.abs(statistic)
    finite = np.isfinite(df)
    return 2 * np.where(finite, special.stdtr(np.where(finite, df, 1.0), far), special.ndtr(far))


def check_effects(effects: pd.DataFrame) -> pd.DataFrame:
    """Return effects that can be pooled, or raise every fault at once.

    Parameters
    ----------
    effects
        ``estimate``, ``std_error``; ``study`` is made where it is missing.

    Raises
    ------
    SchemaError
        With every fault.
    """
    if not isinstance(effects, pd.DataFrame) or effects.empty:
        raise CrampstatsError("effects has to be a DataFrame with a row for each study, as effect_sizes() makes it.")
    EFFECTS.check(effects)
    whole = effects.reset_index(drop=True)
    if "study" not in whole:
        whole = whole.assign(study=[f"study {number}" for number in range(1, len(whole) + 1)])
    return whole


def scale_of(effects: pd.DataFrame, scale: Scale | None) -> Scale:
    """Return the scale that effects are on: as asked, else as their column says, else their own.

    Parameters
    ----------
    effects
        Perhaps with a column ``scale``.
    scale
        As asked.

    Raises
    ------
    CrampstatsError
        If it is unknown, or effects on several scales stand in one table.
    """
    found = sorted(set(effects["scale"])) if "scale" in effects else ["identity"]
    if scale is None and len(found) > 1:
        raise CrampstatsError(f"effects on the scales {' and '.join(map(str, found))} cannot be pooled together.")
    chosen = scale or found[0]
    for known in get_args(Scale):
        if chosen == known:
            return known
    raise CrampstatsError(f"scale={chosen!r} is unknown: choose from {', '.join(get_args(Scale))}.")


def _design(effects: pd.DataFrame, moderators: Sequence[str]) -> np.ndarray:
    """Return the design matrix: 1 and the moderators."""
    columns = [np.ones(len(effects))]
    for name in moderators:
        if name not in effects:
            raise CrampstatsError(f"moderators: {name!r} is no column of the effects; {list(effects.columns)} are.")
        if not pd.api.types.is_numeric_dtype(effects[name].dtype):
            raise CrampstatsError(f"moderators: {name!r} is no number; pool its levels apart with by={name!r}.")
        values = effects[name].to_numpy(dtype=float, na_value=np.nan)
        if not np.isfinite(values).all():
            raise CrampstatsError(f"moderators: {name!r} is missing for some studies; leave them out knowingly.")
        columns.append(values)
    return np.column_stack(columns)


def _adjusted(fit: WeightedFit, limits: Limits) -> tuple[np.ndarray, float]:
    """Return the covariance and degrees of freedom of coefficients."""
    k, p = len(fit.weights), len(fit.beta)
    if limits == "normal" or k <= p:
        return fit.inverse, np.inf
    if limits == "t":
        return fit.inverse, float(k - p)
    factor = fit.q / (k - p)
    return fit.inverse * (max(1.0, factor) if limits == "hartung_knapp_guarded" else factor), float(k - p)


def _synthesis(effects: pd.DataFrame, method: Between, limits: Limits, moderators: Sequence[str]) -> Synthesis:
    """Pool the studies of one group."""
    y, v = effects["estimate"].to_numpy(dtype=float), effects["std_error"].to_numpy(dtype=float) ** 2
    x = _design(effects, moderators)
    check_rank(x)
    between = between_variance(y, v, x, method)
    fit = weighted_fit(y, v, x, between)
    covariance, df = _adjusted(fit, limits)
    # Studies that agree to the last digit leave an interval by Hartung and Knapp without width.
    if not np.all(np.diag(covariance) > 0):
        raise IntervalError(
            f"the studies agree exactly, and interval={limits!r} has no width: use hartung_knapp_guarded."
        )
    explained = None
    if moderators:
        alone = between_variance(y, v, x[:, :1], method)
        explained = max(0.0, 1 - between / alone) if alone > 0 else 0.0
    n = effects["n"] if "n" in effects else pd.Series([None])
    return Synthesis(
        terms=("intercept", *moderators) if moderators else (POOLED,),
        value=fit.beta,
        covariance=covariance,
        df=df,
        tau2=between,
        q=weighted_fit(y, v, x, 0.0).q,
        q_df=len(y) - x.shape[1],
        effect=y,
        variance=v,
        design=x,
        studies=tuple(effects["study"].astype(str)),
        people=None if n.isna().any() else int(n.sum()),
        explained=explained,
    )


def pool(
    effects: pd.DataFrame,
    *,
    method: Between = "REML",
    interval: Limits = "hartung_knapp_guarded",
    by: str | Sequence[str] | None = None,
    moderators: Sequence[str] = (),
    scale: Scale | None = None,
) -> Pooled:
    """Pool the effects of several studies.

    Parameters
    ----------
    effects
        A row a study: ``estimate`` and ``std_error`` on the scale of analysis, as from `effect_sizes`; ``study`` and ``n``
        if known.
    method
        Of the variance between studies: ``"common"`` (none: one effect in all), ``"DL"`` (DerSimonian and Laird),
        ``"REML"`` (restricted maximum likelihood) or ``"PM"`` (Paule and Mandel).
    interval
        ``"normal"``; ``"t"``; ``"hartung_knapp"``: Student's t, with the error that the spread of the studies shows;
        ``"hartung_knapp_guarded"``: the same, but never with a smaller error than ``"normal"`` has. With ``"common"`` the
        guarded one is wide for few studies; take ``"normal"``.
    by
        Columns whose levels are pooled apart, each with a variance between studies of its own.
    moderators
        Columns of numbers on which the effect depends linearly.
    scale
        ``"identity"``, ``"log"`` or ``"logit"``: what the effects are; None takes the column ``scale``, else ``"identity"``.

    Returns
    -------
    Pooled
        With `to_frame`, `between`, `prediction`, `weights`, `subgroup_test`, `moderator_test`.

    Raises
    ------
    SchemaError
        With every fault of the effects.
    CrampstatsError
        If an option is unknown, or moderators do not fit.
    IntervalError
        If the studies agree so exactly that the interval has no width.
    ConvergenceError
        If the variance between studies does not settle.

    Notes
    -----
    Hartung J, Knapp G, Stat Med 2001;20:1771-1782, doi:10.1002/sim.791; the guard: Röver C, Knapp G, Friede T, BMC Med Res
    Methodol 2015;15:99, doi:10.1186/s12874-015-0091-1; with moderators: Knapp G, Hartung J, Stat Med 2003;22:2693-2710,
    doi:10.1002/sim.1482. Methods of the variance between studies: see `crampstats.synthesis.heterogeneity`.

    Examples
    --------
    >>> effects = pd.DataFrame({"study": ["A", "B", "C"], "estimate": [-0.5, -0.1, 0.2], "std_error": [0.2, 0.3, 0.15]})
    >>> pool(effects, method="DL", interval="normal").to_frame()[["estimate", "conf_low", "conf_high"]].round(3)
       estimate  conf_low  conf_high
    0    -0.122    -0.592      0.347
    """
    for name, value, choices in (("method", method, Between), ("interval", interval, Limits)):
        if value not in get_args(choices):
            raise CrampstatsError(f"{name}={value!r} is unknown: choose from {', '.join(get_args(choices))}.")
    whole = check_effects(effects)
    chosen = scale_of(whole, scale)
    columns = [by] if isinstance(by, str) else list(by or ())
    moderators = [moderators] if isinstance(moderators, str) else list(moderators)
    for name in columns:
        if name not in whole:
            raise CrampstatsError(f"by: {name!r} is no column of the effects; {list(whole.columns)} are.")
        if whole[name].isna().any():
            raise CrampstatsError(f"by: {name!r} is missing for some studies; leave them out knowingly.")
    if not columns:
        parts = [(pd.DataFrame(index=[0]), whole)]
    else:
        parts = [
            (pd.DataFrame([dict(zip(columns, key if isinstance(key, tuple) else (key,), strict=True))]), part)
            for key, part in whole.groupby(columns, sort=False, observed=True)
        ]
    syntheses = tuple(_synthesis(part, method, interval, moderators) for _, part in parts)
    groups = pd.concat([labels for labels, _ in parts], ignore_index=True)
    return Pooled(groups, syntheses, method, interval, chosen)
