"""Pooling of counts without a variance between trials: Mantel and Haenszel, Peto."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from scipy import special

from crampstats.errors import CrampstatsError
from crampstats.intervals import check_level
from crampstats.schema import Column, Schema, fault_at, raise_faults
from crampstats.synthesis.pooling import POOLED, shown

CountMeasure = Literal["risk_ratio", "odds_ratio", "risk_difference"]
COUNTS = Schema(
    "counts",
    tuple(
        Column(f"{what}_{arm}", "integer", meaning, low=low)
        for arm in ("treated", "control")
        for what, meaning, low in (("events", "people with the event", 0), ("n", "people", 1))
    ),
)


@dataclass(frozen=True, eq=False, repr=False)
class PooledCounts:
    """An effect pooled from counts of events.

    Attributes
    ----------
    name
        ``"Mantel-Haenszel"`` or ``"Peto"``.
    measure
        What was pooled.
    value, std_error
        On the scale of analysis: logarithms for ratios.
    studies
        Length k.
    weights
        Shape (k,): shares in the pooled effect; they add up to 1.
    people
        Together.
    note
        What a reader has to know.

    Examples
    --------
    >>> counts = pd.DataFrame({"events_treated": [5, 8], "n_treated": [40, 50], "events_control": [9, 12], "n_control": [41, 49]})
    >>> mantel_haenszel(counts, "risk_ratio").to_frame()[["estimate", "conf_low", "conf_high"]].round(2)
       estimate  conf_low  conf_high
    0      0.62      0.33       1.16
    """

    name: str
    measure: CountMeasure
    value: float
    std_error: float
    studies: tuple[str, ...]
    weights: np.ndarray
    people: int
    note: str

    def to_frame(self, *, level: float = 0.95) -> pd.DataFrame:
        """Return the pooled effect as a table with normal limits.

        Parameters
        ----------
        level
            Confidence.

        Returns
        -------
        DataFrame
            ``term``, ``n``, ``studies``, ``estimate``, ``std_error`` (of a ratio itself), ``conf_low``, ``conf_high``, ``p``,
            ``note``.
        """
        check_level(level)
        reach = float(special.ndtri((1 + level) / 2)) * self.std_error
        ends = np.array([self.value, self.value - reach, self.value + reach])
        ratio = self.measure != "risk_difference"
        value, low, high = np.exp(ends) if ratio else ends
        return pd.DataFrame(
            {
                "term": [POOLED],
                "n": pd.array([self.people], dtype="Int64"),
                "studies": len(self.studies),
                "estimate": value,
                "std_error": self.std_error * (value if ratio else 1.0),
                "conf_low": low,
                "conf_high": high,
                "p": 2 * special.ndtr(-abs(self.value) / self.std_error),
                "note": self.note,
            }
        )

    def __repr__(self) -> str:
        return f"<PooledCounts, {self.name} {self.measure}>\n{shown(self.to_frame()).to_string(index=False)}"

    def _repr_html_(self) -> str:
        return shown(self.to_frame()).to_html(index=False, border=0)


def _cells(trials: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, tuple[str, ...]]:
    """Return events and people of both arms as floats, and the names of the studies."""
    if not isinstance(trials, pd.DataFrame) or trials.empty:
        raise CrampstatsError("trials has to be a DataFrame with a row for each trial.")
    whole = trials.reset_index(drop=True)
    faults = list(COUNTS.faults(whole))
    if "design" in whole:
        crossed = (whole["design"] == "cross-over").to_numpy()
        faults += fault_at(whole["design"], crossed, "the same people in both arms", "trials with two groups of people")
    if not faults:
        for arm in ("treated", "control"):
            more = (whole[f"events_{arm}"] > whole[f"n_{arm}"]).to_numpy(dtype=bool)
            faults += fault_at(whole[f"events_{arm}"], more, f"more than n_{arm}", f"at most n_{arm}")
    raise_faults(tuple(faults), "these counts cannot be pooled")
    a, n1, c, n0 = (
        whole[name].to_numpy(dtype=float) for name in ("events_treated", "n_treated", "events_control", "n_control")
    )
    names = whole["study"] if "study" in whole else pd.Series([f"study {i}" for i in range(1, len(whole) + 1)])
    return a, n1, c, n0, tuple(names.astype(str))


def mantel_haenszel(trials: pd.DataFrame, measure: CountMeasure) -> PooledCounts:
    """Pool counts of trials by Mantel and Haenszel's weights, as if one effect were common to all.

    Parameters
    ----------
    trials
        A row a trial: ``events_treated``, ``n_treated``, ``events_control``, ``n_control``, and ``study`` if there is one.
    measure
        ``"risk_ratio"``, ``"odds_ratio"`` or ``"risk_difference"``.

    Returns
    -------
    PooledCounts
        With `to_frame`. No cell is added to; a trial without an event, or with events in all, adds nothing to a ratio.

    Raises
    ------
    SchemaError
        With every fault of the counts.
    CrampstatsError
        If the measure is unknown, or not determined since an arm has no event in any trial.

    Notes
    -----
    Mantel N, Haenszel W, J Natl Cancer Inst 1959;22:719-748, doi:10.1093/jnci/22.4.719. Variances: risk ratio Greenland S,
    Robins JM, Biometrics 1985;41:55-68, doi:10.2307/2530643; odds ratio Robins J, Breslow N, Greenland S, Biometrics
    1986;42:311-323, doi:10.2307/2531052; risk difference Sato T, Biometrics 1989;45:1323-1324, doi:10.2307/2531784.

    Examples
    --------
    >>> arms = {"events_treated": [10, 4], "n_treated": [50, 20], "events_control": [20, 6], "n_control": [50, 21]}
    >>> mantel_haenszel(pd.DataFrame(arms), "risk_ratio").to_frame()[["estimate", "conf_low", "conf_high"]].round(3)
       estimate  conf_low  conf_high
    0     0.545     0.312      0.954
    """
    if measure not in get_args(CountMeasure):
        raise CrampstatsError(f"measure={measure!r} is unknown: choose from {', '.join(get_args(CountMeasure))}.")
    a, n1, c, n0, names = _cells(trials)
    b, d, total = n1 - a, n0 - c, n1 + n0
    people = int(total.sum())
    silent = ((a + c == 0) | (b + d == 0)) & (measure != "risk_difference")
    note = (
        f"{int(silent.sum())} of {len(a)} trials add nothing: nobody or everybody had the event" if silent.any() else ""
    )
    if measure == "risk_difference":
        weight = n1 * n0 / total
        value = float((weight @ (a / n1 - c / n0)) / weight.sum())
        p = (n1**2 * c - n0**2 * a + n1 * n0 * (n0 - n1) / 2) / total**2
        q = (a * d + c * b) / (2 * total)
        variance = float(value * p.sum() + q.sum()) / float(weight.sum()) ** 2
        return _counts("risk_difference", value, variance, names, weight, people, note)
    if measure == "risk_ratio":
        r, s = a * n0 / total, c * n1 / total
        _refuse_empty(r, s, "events in both arms")
        p = (n1 * n0 * (a + c) - a * c * total) / total**2
        variance = float(p.sum() / (r.sum() * s.sum()))
        return _counts("risk_ratio", float(np.log(r.sum() / s.sum())), variance, names, s, people, note)
    r, s = a * d / total, b * c / total
    _refuse_empty(r, s, "events and people without one in both arms")
    p, q = (a + d) / total, (b + c) / total
    up, down = r.sum(), s.sum()
    variance = float((p @ r) / (2 * up**2) + (p @ s + q @ r) / (2 * up * down) + (q @ s) / (2 * down**2))
    return _counts("odds_ratio", float(np.log(up / down)), variance, names, s, people, note)


def _refuse_empty(up: np.ndarray, down: np.ndarray, needed: str) -> None:
    """Refuse a ratio of which one side is 0 in all trials."""
    if up.sum() == 0 or down.sum() == 0:
        raise CrampstatsError(
            f"the pooled ratio is not determined: it needs {needed}, in some trial; pool risk differences."
        )


def _counts(
    measure: CountMeasure,
    value: float,
    variance: float,
    names: tuple[str, ...],
    weight: np.ndarray,
    people: int,
    note: str,
) -> PooledCounts:
    """Return the result, refusing one without an error."""
    if not variance > 0:
        raise CrampstatsError(
            "the pooled effect has no standard error: nobody or everybody in both arms had the event."
        )
    shares = weight / weight.sum()
    return PooledCounts("Mantel-Haenszel", measure, value, variance**0.5, names, shares, people, note)


def peto(trials: pd.DataFrame) -> PooledCounts:
    """Pool counts of trials by Peto's one-step odds ratio.

    Parameters
    ----------
    trials
        As in `mantel_haenszel`.

    Returns
    -------
    PooledCounts
        With `to_frame`. It suits rare events, arms of like size and small effects; elsewhere it is biased.

    Raises
    ------
    SchemaError
        With every fault of the counts.
    CrampstatsError
        If no trial has an event.

    Notes
    -----
    Yusuf S, Peto R, Lewis J, Collins R, Sleight P, Prog Cardiovasc Dis 1985;27:335-371,
    doi:10.1016/S0033-0620(85)80003-7; where it is biased: Greenland S, Salvan A, Stat Med 1990;9:247-252,
    doi:10.1002/sim.4780090307.

    Examples
    --------
    >>> arms = {"events_treated": [1, 0], "n_treated": [50, 20], "events_control": [4, 2], "n_control": [50, 21]}
    >>> peto(pd.DataFrame(arms)).to_frame()[["estimate", "conf_low", "conf_high"]].round(3)
       estimate  conf_low  conf_high
    0      0.23     0.051      1.042
    """
    a, n1, c, n0, names = _cells(trials)
    total, events = n1 + n0, a + c
    expected = n1 * events / total
    variance = n1 * n0 * events * (total - events) / (total**2 * np.maximum(total - 1, 1))
    if variance.sum() == 0:
        raise CrampstatsError("Peto's odds ratio is not determined: in each trial nobody or everybody had the event.")
    silent = int((variance == 0).sum())
    note = f"{silent} of {len(a)} trials add nothing: nobody or everybody had the event" if silent else ""
    value = float((a - expected).sum() / variance.sum())
    shares = variance / variance.sum()
    people = int(total.sum())
    return PooledCounts("Peto", "odds_ratio", value, float(variance.sum()) ** -0.5, names, shares, people, note)
