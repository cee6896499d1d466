"""Are the trials that were found like those that were made? Small-study effects, and what one trial moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd

from crampstats.errors import ConvergenceError, CrampstatsError
from crampstats.intervals import check_level, t_quantile
from crampstats.synthesis.heterogeneity import Between, weighted_fit
from crampstats.synthesis.pooling import Limits, Pooled, Scale, check_effects, pool, two_sided

if TYPE_CHECKING:
    from collections.abc import Callable

EggerModel = Literal["linear", "random_effects"]
Side = Literal["left", "right"]
# Below this many studies a test of small-study effects has hardly any power (Cochrane Handbook, 13.3.5.3).
ENOUGH = 10
# Rounds of trimming: it settles within the number of studies, or goes in a circle.
ROUNDS = 100


def few_note(studies: int) -> str:
    """Return what a reader has to know of a test on so few studies.

    Parameters
    ----------
    studies
        How many.
    """
    return f"{studies} studies, fewer than {ENOUGH}: such a test sees little, and its silence says nothing" * (
        studies < ENOUGH
    )


def egger(effects: pd.DataFrame, *, model: EggerModel = "linear", level: float = 0.95) -> pd.DataFrame:
    """Test whether smaller studies have other effects: regression of effects on their standard errors.

    Parameters
    ----------
    effects
        As in `pool`; three studies or more.
    model
        ``"linear"``: weighted regression whose error comes from its residuals (Egger's); ``"random_effects"``: by REML, with
        a variance between studies and normal limits.
    level
        Of the intervals.

    Returns
    -------
    DataFrame
        ``term`` (``"small-study effect"``: the slope; ``"effect without error"``: where the line meets a standard error of
        0), ``n``, ``studies``, ``estimate``, ``std_error``, ``conf_low``, ``conf_high``, ``statistic``, ``p``, ``note``, all
        on the scale of analysis.

    Raises
    ------
    CrampstatsError
        If the model is unknown, there are fewer than three studies, or all have the same standard error.

    Notes
    -----
    Egger M, Davey Smith G, Schneider M, Minder C, BMJ 1997;315:629-634, doi:10.1136/bmj.315.7109.629; as a weighted
    regression: Sterne JAC, Egger M, in: Rothstein HR et al., Publication Bias in Meta-Analysis, Wiley 2005,
    doi:10.1002/0470870168.ch6. A slope is no proof of unpublished trials: small trials may be of other people. For odds
    ratios effect and error go together by themselves: Peters JL et al., JAMA 2006;295:676-680, doi:10.1001/jama.295.6.676.

    Examples
    --------
    >>> effects = pd.DataFrame({"estimate": [-0.5, -0.1, 0.2, -0.8], "std_error": [0.2, 0.3, 0.15, 0.4]})
    >>> egger(effects)[["term", "estimate", "p"]].round(3)
                       term  estimate      p
    0    small-study effect    -3.263  0.326
    1  effect without error     0.546  0.420
    """
    if model not in get_args(EggerModel):
        raise CrampstatsError(f"model={model!r} is unknown: choose from {', '.join(get_args(EggerModel))}.")
    check_level(level)
    whole = check_effects(effects)
    k = len(whole)
    error = whole["std_error"].to_numpy(dtype=float)
    if k < 3:
        raise CrampstatsError(f"egger: {k} studies have no line; three are needed, and {ENOUGH} for it to say much.")
    if np.ptp(error) < 1e-8 * error.max():
        raise CrampstatsError("egger: all studies have the same standard error, so that none is smaller.")
    if model == "linear":
        y = whole["estimate"].to_numpy(dtype=float)
        fit = weighted_fit(y, error**2, np.column_stack([np.ones(k), error]), 0.0)
        if fit.q <= 1e-12 * float(fit.weights @ y**2):
            raise CrampstatsError(
                "egger: the studies lie exactly on a line, which leaves no error; use model='random_effects'."
            )
        value, se, df = fit.beta, np.sqrt(np.diag(fit.inverse) * fit.q / (k - 2)), np.array([k - 2.0, k - 2.0])
    else:
        moved = whole.assign(small_study=error)
        fitted = pool(moved, method="REML", interval="normal", moderators=["small_study"], scale="identity")
        value, se, df = fitted.value, fitted.std_error, fitted.df
    reach = t_quantile(df, (1 + level) / 2) * se
    people = None if "n" not in whole or whole["n"].isna().any() else int(whole["n"].sum())
    return pd.DataFrame(
        {
            "term": ["small-study effect", "effect without error"],
            "n": pd.array([people] * 2, dtype="Int64"),
            "studies": k,
            "estimate": value[::-1],
            "std_error": se[::-1],
            "conf_low": (value - reach)[::-1],
            "conf_high": (value + reach)[::-1],
            "statistic": (value / se)[::-1],
            "p": two_sided(value / se, df)[::-1],
            "note": few_note(k),
        }
    )


@dataclass(frozen=True, eq=False, repr=False)
class TrimFill:
    """What the pooled effect would be if as many studies lacked as would make the funnel even.

    Attributes
    ----------
    added
        How many studies were thought to lack.
    side
        On which side of the funnel.
    effects
        The studies and those added: ``study``, ``estimate``, ``std_error``, ``added`` (bool).
    pooled
        Of all of them, with a common effect.
    note
        What a reader has to know.
    """

    added: int
    side: Side
    effects: pd.DataFrame
    pooled: Pooled
    note: str

    def to_frame(self, *, level: float = 0.95) -> pd.DataFrame:
        """Return the pooled effect with the studies added, as `Pooled.to_frame`, and ``added``.

        Parameters
        ----------
        level
            Confidence.
        """
        return self.pooled.to_frame(level=level).assign(added=self.added, note=self.note)

    def __repr__(self) -> str:
        return f"<TrimFill, {self.added} added on the {self.side}>\n{self.to_frame().to_string(index=False)}"

    def _repr_html_(self) -> str:
        return self.to_frame().to_html(index=False, border=0)


def trim_and_fill(effects: pd.DataFrame, side: Side, *, scale: Scale | None = None) -> TrimFill:
    """Add the studies that would make the funnel even, and pool them all.

    Parameters
    ----------
    effects
        As in `pool`; three studies or more.
    side
        Where studies are thought to lack: ``"left"`` (low effects) or ``"right"``.
    scale
        As in `pool`.

    Returns
    -------
    TrimFill
        With `to_frame`.

    Raises
    ------
    CrampstatsError
        If the side is unknown or there are fewer than three studies.
    ConvergenceError
        If trimming goes in a circle.

    Notes
    -----
    Duval S, Tweedie R, Biometrics 2000;56:455-463, doi:10.1111/j.0006-341X.2000.00455.x: estimator L0, with a common
    effect. It looks for one kind of uneven funnel and takes it for unpublished studies; where effects really differ it adds
    studies that never were: Peters JL et al., Stat Med 2007;26:4544-4562, doi:10.1002/sim.2889.

    Examples
    --------
    >>> effects = pd.DataFrame({"estimate": [-0.5, -0.1, 0.2, -0.8, 0.05], "std_error": [0.2, 0.3, 0.15, 0.4, 0.1]})
    >>> trim_and_fill(effects, "right").added
    2
    """
    if side not in get_args(Side):
        raise CrampstatsError(f"side={side!r} is unknown: choose from {', '.join(get_args(Side))}.")
    whole = check_effects(effects)
    k = len(whole)
    if k < 3:
        raise CrampstatsError(
            f"trim_and_fill: {k} studies have no funnel; three are needed, and {ENOUGH} for it to say much."
        )
    sign = 1.0 if side == "left" else -1.0
    y, v = sign * whole["estimate"].to_numpy(dtype=float), whole["std_error"].to_numpy(dtype=float) ** 2
    order = np.argsort(y, kind="stable")
    y, v = y[order], v[order]
    added, centre = _trimmed(y, v)
    mirrored = 2 * centre - y[k - added :]
    names = whole["study"].astype(str).to_numpy()[order]
    filled = pd.DataFrame(
        {
            "study": [*names, *(f"{name} mirrored" for name in names[k - added :])],
            "estimate": sign * np.concatenate([y, mirrored]),
            "std_error": np.sqrt(np.concatenate([v, v[k - added :]])),
            "added": np.arange(k + added) >= k,
        }
    )
    chosen = (
        scale if scale is not None else ("log" if "scale" in whole and set(whole["scale"]) == {"log"} else "identity")
    )
    pooled = pool(filled, method="common", interval="normal", scale=chosen)
    said = "a thought experiment: no study was found that is added here"
    return TrimFill(added, side, filled, pooled, "; ".join(filter(None, (said, few_note(k)))))


def _trimmed(y: np.ndarray, v: np.ndarray) -> tuple[int, float]:
    """Return how many of the ascending effects have no partner below, and the effect of the others."""
    k, lacking, seen = len(y), 0, set()
    for _ in range(ROUNDS):
        kept = k - lacking
        centre = float(weighted_fit(y[:kept], v[:kept], np.ones((kept, 1)), 0.0).beta[0])
        off = y - centre
        ranks = np.argsort(np.argsort(np.abs(off), kind="stable")) + 1
        above = float(ranks[off > 0].sum())
        found = int(max(0, round((4 * above - k * (k + 1)) / (2 * k - 1))))
        found = min(found, k - 1)
        if found == lacking:
            return lacking, centre
        if found in seen:
            raise ConvergenceError(
                "trim_and_fill: trimming goes in a circle, so that no number of studies makes it even."
            )
        seen.add(lacking)
        lacking = found
    raise ConvergenceError("trim_and_fill: trimming did not settle.")


def leave_one_out(
    effects: pd.DataFrame,
    *,
    method: Between = "REML",
    interval: Limits = "hartung_knapp_guarded",
    scale: Scale | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Pool the effects without each study in turn.

    Parameters
    ----------
    effects, method, interval, scale
        As in `pool`; two studies or more.
    level
        Of the intervals.

    Returns
    -------
    DataFrame
        ``left_out`` and the columns of `Pooled.to_frame`, and ``tau2``.

    Raises
    ------
    CrampstatsError
        If there is one study only.

    Examples
    --------
    >>> effects = pd.DataFrame({"study": ["A", "B", "C"], "estimate": [-0.5, -0.1, 0.2], "std_error": [0.2, 0.3, 0.15]})
    >>> leave_one_out(effects, method="common", interval="normal")[["left_out", "estimate"]].round(3)
      left_out  estimate
    0        A     0.140
    1        B    -0.052
    2        C    -0.377
    """
    whole = check_effects(effects)
    if len(whole) < 2:
        raise CrampstatsError("leave_one_out needs two studies or more.")
    names = whole["study"].astype(str).tolist()
    parts = [(names[index], whole.drop(index=index)) for index in range(len(whole))]
    return _each("left_out", parts, lambda part: pool(part, method=method, interval=interval, scale=scale), level)


def cumulative(
    effects: pd.DataFrame,
    order: str,
    *,
    method: Between = "REML",
    interval: Limits = "hartung_knapp_guarded",
    scale: Scale | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Pool the first study, the first two, and so on: what was known when.

    Parameters
    ----------
    effects, method, interval, scale
        As in `pool`.
    order
        The column that orders the studies, such as ``"year"``.
    level
        Of the intervals.

    Returns
    -------
    DataFrame
        ``up_to`` (the last study that is in), `order`, the columns of `Pooled.to_frame`, and ``tau2``.

    Raises
    ------
    CrampstatsError
        If the column is not there or has missing values.

    Notes
    -----
    Lau J et al., N Engl J Med 1992;327:248-254, doi:10.1056/NEJM199207233270406. The intervals are not adjusted for
    looking again and again.

    Examples
    --------
    >>> effects = pd.DataFrame({"study": ["A", "B"], "estimate": [-0.5, -0.1], "std_error": [0.2, 0.3], "year": [2008, 1999]})
    >>> cumulative(effects, "year", method="common", interval="normal")[["up_to", "year", "estimate"]].round(3)
      up_to  year  estimate
    0     B  1999    -0.100
    1     A  2008    -0.377
    """
    whole = check_effects(effects)
    if order not in whole or whole[order].isna().any():
        raise CrampstatsError(f"cumulative: order={order!r} has to be a column of the effects without missing values.")
    ordered = whole.sort_values(order, kind="stable", ignore_index=True)
    parts = [(str(ordered.loc[last, "study"]), ordered.iloc[: last + 1]) for last in range(len(ordered))]
    table = _each("up_to", parts, lambda part: pool(part, method=method, interval=interval, scale=scale), level)
    table.insert(1, order, ordered[order].to_numpy())
    return table


def _each(
    label: str, parts: list[tuple[str, pd.DataFrame]], pooled: Callable[[pd.DataFrame], Pooled], level: float
) -> pd.DataFrame:
    """Return one pooled effect a part, a row each."""
    tables = []
    for name, part in parts:
        found = pooled(part)
        table = found.to_frame(level=level).assign(tau2=found.syntheses[0].tau2)
        table.insert(0, label, name)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)
