"""Effects of treatments from what trials print: arms, an interval, or a P value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd

from crampstats.errors import CrampstatsError
from crampstats.intervals import check_level, t_quantile
from crampstats.schema import Column, Fault, Schema, fault_at, is_number, raise_faults

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Measure = Literal[
    "mean_difference", "ratio_of_means", "risk_ratio", "odds_ratio", "risk_difference", "rate_ratio", "rate_difference"
]
Route = Literal["arms", "interval", "p"]
Per = Literal["as_printed", "week"]
LOG = frozenset({"ratio_of_means", "risk_ratio", "odds_ratio", "rate_ratio"})
PAIRED = "cross-over"
# What one person's counts with and without treatment are thought to correlate at most.
CLOSEST = 1.0


def _number(name: str, meaning: str, low: float = -np.inf, high: float = np.inf) -> Column:
    """Return a column of numbers that may be missing."""
    return Column(name, "number", meaning, low=low, high=high, missing=True)


TRIAL_SCHEMA = Schema(
    "trials",
    (
        _number("n", "people in both arms", 1),
        _number("n_treated", "people treated", 1),
        _number("n_control", "people not treated", 1),
        _number("mean_treated", "their mean"),
        _number("sd_treated", "their standard deviation", 0),
        _number("mean_control", "mean of the others"),
        _number("sd_control", "standard deviation of the others", 0),
        _number("events_treated", "how many of the treated had the event", 0),
        _number("events_control", "how many of the others had it", 0),
        _number("time_treated", "person-time of the treated, for rates", 0),
        _number("time_control", "person-time of the others", 0),
        _number("value", "printed effect: a difference, or a ratio for measures that are ratios"),
        _number("low", "lower end of its interval"),
        _number("high", "upper end of its interval"),
        _number("level", "confidence of the interval; 0.95 where missing", 0, 1),
        _number("p", "two-sided P value of the effect", 0, 1),
        _number("window_weeks", "weeks over which was counted", 0),
    ),
)


@dataclass(frozen=True)
class _Effect:
    """One study's effect on the scale of analysis, and how it was computed; or what lacks."""

    estimate: float = 0.0
    std_error: float = 0.0
    computation: str = ""
    lacks: str = ""


class _Row:
    """One outcome of one trial."""

    def __init__(self, values: dict[str, float], *, paired: bool, factor: float) -> None:
        self.values, self.paired, self.factor = values, paired, factor

    def has(self, *names: str) -> bool:
        """Say whether all of these are known."""
        return not any(np.isnan(self.values[name]) for name in names)

    def __getitem__(self, name: str) -> float:
        return self.values[name]

    def absent(self, *names: str) -> str:
        """Return in words which of these are missing."""
        return ", ".join(name for name in names if np.isnan(self.values[name]))


def _checked(trials: pd.DataFrame) -> pd.DataFrame:
    """Return trials with every column that effects may need, or raise all faults at once."""
    if not isinstance(trials, pd.DataFrame) or trials.empty:
        raise CrampstatsError("trials has to be a DataFrame with a row for each outcome of a trial.")
    whole = trials.reset_index(drop=True)
    absent = {column.name: np.nan for column in TRIAL_SCHEMA.columns if column.name not in whole}
    whole = whole.assign(**absent)
    faults = list(TRIAL_SCHEMA.faults(whole))
    if "study" not in whole:
        faults.append(Fault("study", "is not in the table", "a name for each trial"))
    else:
        faults += fault_at(whole["study"], whole["study"].isna().to_numpy(), "missing", "a name for each trial")
    if not faults:
        number = {c.name: whole[c.name].to_numpy(dtype=float, na_value=np.nan) for c in TRIAL_SCHEMA.columns}
        for events, people in (("events_treated", "n_treated"), ("events_control", "n_control")):
            timed = ~np.isnan(number[f"time{events[6:]}"])
            more = (number[events] > number[people]) & ~timed
            faults += fault_at(
                whole[events], more, f"more than {people}", f"at most {people}, or person-time for counts"
            )
        faults += fault_at(whole["low"], number["low"] > number["high"], "above high", "at most high")
        faults += fault_at(whole["p"], number["p"] == 0, "0", "above 0")
        faults += fault_at(whole["level"], np.isin(number["level"], (0.0, 1.0)), "no confidence", "between 0 and 1")
        faults += fault_at(whole["window_weeks"], number["window_weeks"] == 0, "no time", "weeks above 0")
    raise_faults(faults, "these trials do not fit the schema of trials")
    return whole


def _of_means(row: _Row, correlation: float | None) -> _Effect:
    """Return the difference of two means."""
    names = ("mean_treated", "sd_treated", "n_treated", "mean_control", "sd_control", "n_control")
    if not row.has(*names):
        return _Effect(lacks=row.absent(*names))
    a, b = row["sd_treated"], row["sd_control"]
    difference = row["mean_treated"] - row["mean_control"]
    if row.paired:
        if correlation is None:
            return _Effect(lacks="a correlation between a person's two periods")
        variance = (a**2 + b**2 - 2 * correlation * a * b) / row["n_treated"]
        how = f"paired means and SDs, correlation {correlation:g} assumed"
    else:
        variance = a**2 / row["n_treated"] + b**2 / row["n_control"]
        how = "means and SDs of the arms"
    return _scaled(_Effect(difference, np.sqrt(variance), how), row.factor)


def _of_mean_ratio(row: _Row, correlation: float | None) -> _Effect:
    """Return the logarithm of the ratio of two means."""
    names = ("mean_treated", "sd_treated", "n_treated", "mean_control", "sd_control", "n_control")
    if not row.has(*names):
        return _Effect(lacks=row.absent(*names))
    if not (row["mean_treated"] > 0 and row["mean_control"] > 0):
        return _Effect(lacks="means above 0 (a change has no ratio)")
    a, b = row["sd_treated"] / row["mean_treated"], row["sd_control"] / row["mean_control"]
    log_ratio = np.log(row["mean_treated"] / row["mean_control"])
    if row.paired:
        if correlation is None:
            return _Effect(lacks="a correlation between a person's two periods")
        variance = (a**2 + b**2 - 2 * correlation * a * b) / row["n_treated"]
        return _Effect(log_ratio, np.sqrt(variance), f"paired means and SDs, correlation {correlation:g} assumed")
    return _Effect(log_ratio, np.sqrt(a**2 / row["n_treated"] + b**2 / row["n_control"]), "means and SDs of the arms")


def _cells(row: _Row, *, ratio: bool) -> tuple[np.ndarray, str] | str:
    """Return events and people without one, in both arms, and how; or what lacks."""
    names = ("events_treated", "n_treated", "events_control", "n_control")
    if not row.has(*names):
        return row.absent(*names)
    if row.paired:
        return "counts of pairs (a cross-over trial has the same people in both arms)"
    a, c = row["events_treated"], row["events_control"]
    cells = np.array([a, row["n_treated"] - a, c, row["n_control"] - c])
    if ratio and (a + c == 0 or cells[1] + cells[3] == 0):
        return "an event and a person without one: with none in both arms a ratio is not determined"
    if (cells == 0).any() and (ratio or cells[[0, 1]].min() == 0 == cells[[2, 3]].min()):
        return cells + 0.5, "counts of the arms, 1/2 added to each cell since one is 0"
    return cells, "counts of the arms"


def _of_counts(row: _Row, measure: Measure) -> _Effect:
    """Return a risk difference, or the logarithm of a risk or odds ratio."""
    found = _cells(row, ratio=measure != "risk_difference")
    if isinstance(found, str):
        return _Effect(lacks=found)
    (a, b, c, d), how = found
    one, other = a / (a + b), c / (c + d)
    if measure == "risk_ratio":
        return _Effect(np.log(one / other), np.sqrt(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)), how)
    if measure == "odds_ratio":
        return _Effect(np.log(a * d / (b * c)), np.sqrt(1 / a + 1 / b + 1 / c + 1 / d), how)
    return _Effect(one - other, np.sqrt(one * (1 - one) / (a + b) + other * (1 - other) / (c + d)), how)


def _of_rates(row: _Row, measure: Measure) -> _Effect:
    """Return a difference of rates, or the logarithm of their ratio."""
    names = ("events_treated", "time_treated", "events_control", "time_control")
    if not row.has(*names):
        return _Effect(lacks=row.absent(*names))
    a, s, c, t = (row[name] for name in names)
    if s == 0 or t == 0:
        return _Effect(lacks="person-time above 0")
    if measure == "rate_difference":
        if a + c == 0:
            return _Effect(lacks="an event")
        return _Effect(a / s - c / t, np.sqrt(a / s**2 + c / t**2), "counts and person-time of the arms")
    if a + c == 0:
        return _Effect(lacks="an event")
    more = 0.5 if a == 0 or c == 0 else 0.0
    how = "counts and person-time of the arms" + (", 1/2 added to counts since one is 0" if more else "")
    a, c = a + more, c + more
    return _Effect(np.log(a / s / (c / t)), np.sqrt(1 / a + 1 / c), how)


def _scaled(effect: _Effect, factor: float) -> _Effect:
    """Return an effect in another unit."""
    return _Effect(effect.estimate * factor, effect.std_error * factor, effect.computation, effect.lacks)


def _df(row: _Row) -> float:
    """Return the degrees of freedom of a t test of the printed effect; infinite where people are unknown."""
    if row.paired:
        return row["n_treated"] - 1 if row.has("n_treated") else np.inf
    if row.has("n_treated", "n_control"):
        return row["n_treated"] + row["n_control"] - 2
    return row["n"] - 2 if row.has("n") else np.inf


def _told_of(df: float) -> str:
    """Return in words which distribution was used."""
    return f"t with {df:g} df" if np.isfinite(df) else "normal"


def _printed(row: _Row, measure: Measure) -> _Effect:
    """Return the printed effect, the error still unknown."""
    if not row.has("value"):
        return _Effect(lacks="value")
    if measure in LOG and row["value"] <= 0:
        return _Effect(lacks="a printed ratio above 0")
    return _Effect(float(np.log(row["value"])) if measure in LOG else row["value"])


def _from_interval(row: _Row, measure: Measure) -> _Effect:
    """Return the printed effect with the error that its interval shows."""
    effect = _printed(row, measure)
    if effect.lacks or not row.has("low", "high"):
        return _Effect(lacks=effect.lacks or row.absent("low", "high"))
    if row["low"] == row["high"] or (measure in LOG and row["low"] <= 0):
        return _Effect(lacks="an interval with two ends" + (" above 0" if measure in LOG else ""))
    level = row["level"] if row.has("level") else 0.95
    ends = np.log([row["low"], row["high"]]) if measure in LOG else np.array([row["low"], row["high"]])
    means = measure in {"mean_difference", "ratio_of_means"}
    df = _df(row) if means else np.inf
    quantile = float(t_quantile(np.array([df]), (1 + level) / 2)[0])
    how = f"printed effect and {100 * level:g} % interval ({_told_of(df)})"
    found = _Effect(effect.estimate, float(ends[1] - ends[0]) / 2 / quantile, how)
    return _scaled(found, row.factor) if measure == "mean_difference" else found


def _from_p(row: _Row, measure: Measure) -> _Effect:
    """Return the printed effect with the error that its P value shows."""
    effect = _printed(row, measure)
    if effect.lacks or not row.has("p"):
        return _Effect(lacks=effect.lacks or "p")
    means = measure in {"mean_difference", "ratio_of_means"}
    df = _df(row) if means else np.inf
    quantile = float(t_quantile(np.array([df]), 1 - row["p"] / 2)[0]) if row["p"] < 1 else 0.0
    if effect.estimate == 0 or quantile == 0:
        return _Effect(lacks="an effect other than none: with P = 1 the error is not determined")
    how = f"printed effect and P = {row['p']:g} ({_told_of(df)})"
    found = _Effect(effect.estimate, abs(effect.estimate) / quantile, how)
    return _scaled(found, row.factor) if measure == "mean_difference" else found


def _routes(measure: Measure, correlation: float | None) -> dict[str, Callable[[_Row], _Effect]]:
    """Return the ways to an effect, the best first."""

    def arms(row: _Row) -> _Effect:
        if measure == "mean_difference":
            return _of_means(row, correlation)
        if measure == "ratio_of_means":
            return _of_mean_ratio(row, correlation)
        return _of_rates(row, measure) if measure.startswith("rate") else _of_counts(row, measure)

    return {"arms": arms, "interval": lambda row: _from_interval(row, measure), "p": lambda row: _from_p(row, measure)}


def _one_effect(row: _Row, ways: dict[str, Callable[[_Row], _Effect]], using: Route | None) -> _Effect:
    """Return an effect by the first way that is open, or what each of them lacks."""
    if np.isnan(row.factor):
        return _Effect(lacks="window_weeks")
    lacks = []
    for name, way in ways.items():
        if using is None or name == using:
            found = way(row)
            if not found.lacks and found.std_error > 0:
                return found
            lacks.append(f"from {name}: {found.lacks or 'a standard error above 0'}")
    return _Effect(lacks="; ".join(lacks))


def _effects(
    trials: pd.DataFrame, measure: Measure, *, using: Route | None, correlation: float | None, per: Per
) -> tuple[pd.DataFrame, list[_Effect]]:
    """Return the checked trials and the effect of each."""
    for name, value, choices in (("measure", measure, Measure), ("per", per, Per)):
        if value not in get_args(choices):
            raise CrampstatsError(f"{name}={value!r} is unknown: choose from {', '.join(get_args(choices))}.")
    if using is not None and using not in get_args(Route):
        raise CrampstatsError(f"using={using!r} is unknown: choose from {', '.join(get_args(Route))}, or None.")
    if correlation is not None and not (is_number(correlation) and -CLOSEST < correlation < CLOSEST):
        raise CrampstatsError(f"correlation={correlation!r} has to be a number between -1 and 1.")
    if per == "week" and measure != "mean_difference":
        raise CrampstatsError(f"per='week' is for measure='mean_difference', not {measure!r}, which has no unit.")
    whole = _checked(trials)
    names = [column.name for column in TRIAL_SCHEMA.columns]
    number = {name: whole[name].to_numpy(dtype=float, na_value=np.nan) for name in names}
    paired = (whole["design"] == PAIRED).to_numpy() if "design" in whole else np.zeros(len(whole), dtype=bool)
    ways = _routes(measure, correlation)
    found = []
    for index in range(len(whole)):
        factor = 1 / number["window_weeks"][index] if per == "week" else 1.0
        row = _Row({name: number[name][index] for name in names}, paired=bool(paired[index]), factor=factor)
        found.append(_one_effect(row, ways, using))
    return whole, found


def _people(whole: pd.DataFrame) -> pd.Series:
    """Return how many people a row is about; those of a cross-over trial once."""
    both = whole["n_treated"].astype("Float64") + whole["n_control"].astype("Float64")
    if "design" in whole:
        both = both.where(whole["design"] != PAIRED, whole["n_treated"].astype("Float64"))
    return both.fillna(whole["n"].astype("Float64")).round().astype("Int64")


def effect_sizes(
    trials: pd.DataFrame,
    measure: Measure,
    *,
    using: Route | None = None,
    correlation: float | None = None,
    per: Per = "as_printed",
) -> pd.DataFrame:
    """Compute the effect of each trial and its standard error, and say how.

    Parameters
    ----------
    trials
        A row a trial, as from `crampstats.reference.trials` or of one's own: ``study``, and those of the columns of
        ``TRIAL_SCHEMA`` that are known. ``design`` is ``"cross-over"`` where the same people had both.
    measure
        ``"mean_difference"`` (of final values or changes), ``"ratio_of_means"``, ``"risk_ratio"``, ``"odds_ratio"``,
        ``"risk_difference"``, ``"rate_ratio"`` or ``"rate_difference"``; treated against control. A printed ``value`` is
        taken for this measure.
    using
        ``"arms"`` (means and standard deviations, counts), ``"interval"`` (the printed effect and its interval) or ``"p"``
        (the printed effect and its P value); None takes the first of them that is open.
    correlation
        Of a person's two values in a cross-over trial, between -1 and 1; None where it is unknown: then only an interval
        or a P value gives an error. See `correlation_range`.
    per
        ``"week"`` divides differences of counts by ``window_weeks``.

    Returns
    -------
    DataFrame
        ``study``, ``n`` (people), ``estimate`` and ``std_error`` on the scale of analysis (logarithms for ratios),
        ``scale`` (``"identity"`` or ``"log"``), ``computation``, and the other columns of `trials` that are no figures.

    Raises
    ------
    SchemaError
        With every fault of the table, or every trial whose figures do not give this effect and what they lack; see
        `missing_figures`.
    CrampstatsError
        If an option is unknown.

    Notes
    -----
    Higgins JPT, Li T, Deeks JJ (eds), Cochrane Handbook, chapter 6, Wiley 2019, doi:10.1002/9781119536604.ch6; ratio of
    means: Friedrich JO, Adhikari NKJ, Beyene J, BMC Med Res Methodol 2008;8:32, doi:10.1186/1471-2288-8-32; cross-over
    trials: Elbourne DR et al., Int J Epidemiol 2002;31:140-149, doi:10.1093/ije/31.1.140. Intervals and P values of means
    are read with Student's t where the people are known, others with the normal distribution. A ratio with an empty cell
    has 1/2 added to each; the computation says so.

    Examples
    --------
    >>> from crampstats.reference import trials
    >>> table = trials()
    >>> chosen = table[table["outcome"] == "cramps, change from screening"]
    >>> effect_sizes(chosen, "mean_difference", per="week")[["study", "estimate", "std_error", "computation"]].round(3)
                  study  estimate  std_error                computation
    0  Roguin Maor 2017     -0.38      0.888  means and SDs of the arms
    """
    whole, found = _effects(trials, measure, using=using, correlation=correlation, per=per)
    faults = [
        Fault(
            str(name), f"no {measure.replace('_', ' ')} can be computed", f"what lacks: {effect.lacks}", (row,), (name,)
        )
        for row, (name, effect) in enumerate(zip(whole["study"], found, strict=True))
        if effect.lacks
    ]
    raise_faults(faults, "some trials lack figures; leave them out knowingly, see missing_figures()")
    figures = {column.name for column in TRIAL_SCHEMA.columns} | {"estimate", "std_error", "scale", "computation"}
    kept = whole[[name for name in whole.columns if name not in figures and name != "study"]]
    effects = pd.DataFrame(
        {
            "study": whole["study"],
            "n": _people(whole),
            "estimate": [effect.estimate for effect in found],
            "std_error": [effect.std_error for effect in found],
            "scale": "log" if measure in LOG else "identity",
            "computation": [effect.computation for effect in found],
        }
    )
    return pd.concat([effects, kept], axis=1)


def missing_figures(
    trials: pd.DataFrame, measure: Measure, *, correlation: float | None = None, per: Per = "as_printed"
) -> pd.DataFrame:
    """Say which trials do not print what an effect needs.

    Parameters
    ----------
    trials, measure, correlation, per
        As in `effect_sizes`.

    Returns
    -------
    DataFrame
        ``row`` (position in `trials`, from 0), ``study``, ``lacks``; none where every effect can be computed.

    Raises
    ------
    SchemaError
        With every fault of the table.

    Examples
    --------
    >>> mine = pd.DataFrame({"study": ["A", "B"], "value": [-1.0, 0.5], "p": [0.03, None]})
    >>> missing_figures(mine, "mean_difference")[["row", "study"]]
       row study
    0    1     B
    """
    whole, found = _effects(trials, measure, using=None, correlation=correlation, per=per)
    rows = [index for index, effect in enumerate(found) if effect.lacks]
    lacking = {"row": rows, "study": whole["study"].iloc[rows].tolist(), "lacks": [found[row].lacks for row in rows]}
    return pd.DataFrame(lacking, columns=["row", "study", "lacks"])


def correlation_range(
    trials: pd.DataFrame, measure: Measure, *, correlations: Sequence[float], per: Per = "as_printed"
) -> pd.DataFrame:
    """Compute effects of cross-over trials from their arms under several correlations of a person's two values.

    Parameters
    ----------
    trials, measure, per
        As in `effect_sizes`; other designs are the same in every row.
    correlations
        To assume, each between -1 and 1.

    Returns
    -------
    DataFrame
        ``correlation`` and the columns of `effect_sizes`, a row a correlation and trial.

    Raises
    ------
    CrampstatsError
        If a correlation is not between -1 and 1.

    Examples
    --------
    >>> from crampstats.reference import trials
    >>> table = trials()
    >>> crossed = table[table["study"] == "Frusso 1999"]
    >>> spread = correlation_range(crossed, "mean_difference", correlations=(0, 0.4, 0.8), per="week")
    >>> spread[["correlation", "estimate", "std_error"]].round(3)
       correlation  estimate  std_error
    0          0.0     0.175      0.407
    1          0.4     0.175      0.315
    2          0.8     0.175      0.182
    """
    if not len(correlations):
        raise CrampstatsError("correlations has to hold one number between -1 and 1 or more.")
    tables = []
    for each in correlations:
        table = effect_sizes(trials, measure, using="arms", correlation=each, per=per)
        table.insert(0, "correlation", float(each))
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def implied_correlation(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the correlation of a person's two values that the printed effect of a cross-over trial implies.

    Parameters
    ----------
    trials
        Cross-over trials with means, standard deviations, and a printed difference with an interval or a P value.

    Returns
    -------
    DataFrame
        ``study``, ``std_error`` of the printed difference, ``correlation``. Above 1 or below -1 the printed figures
        contradict each other; ``note`` says so.

    Raises
    ------
    SchemaError
        If a trial lacks these figures.

    Notes
    -----
    The variance of the difference is that of its two parts less twice their covariance: Elbourne DR et al.,
    Int J Epidemiol 2002;31:140-149, doi:10.1093/ije/31.1.140.

    Examples
    --------
    >>> from crampstats.reference import trials
    >>> table = trials()
    >>> implied_correlation(table[table["study"] == "Frusso 1999"]).round(2)
             study  std_error  correlation note
    0  Frusso 1999       1.29         0.37
    """
    printed = effect_sizes(trials, "mean_difference")
    whole = _checked(trials)
    names = ("n_treated", "sd_treated", "sd_control")
    n, a, b = (whole[name].to_numpy(dtype=float, na_value=np.nan) for name in names)
    known = ~np.isnan(n) & (a > 0) & (b > 0)
    if "design" not in whole or not (whole["design"] == PAIRED).all() or not known.all():
        raise CrampstatsError(
            "implied_correlation is for cross-over trials (design='cross-over') with sd_treated, sd_control and n_treated."
        )
    error = printed["std_error"].to_numpy()
    correlation = (a**2 + b**2 - n * error**2) / (2 * a * b)
    note = np.where(np.abs(correlation) > 1, "the printed figures contradict each other", "")
    return pd.DataFrame({"study": whole["study"], "std_error": error, "correlation": correlation, "note": note})


def interval_check(trials: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Hold printed intervals of differences of means against the standard deviations of the arms.

    Parameters
    ----------
    trials
        Rows with arms and a printed interval; others are left out.
    level
        Of the interval that the standard deviations give.

    Returns
    -------
    DataFrame
        ``study``, ``outcome`` if there is one, ``estimate``, ``low``, ``high`` as printed, ``conf_low``, ``conf_high`` from
        the standard deviations, and ``width_ratio``, the printed width over that one. Adjusting for the baseline narrows an
        interval; to a half of the width it needs a correlation of 0.87 with the baseline.

    Raises
    ------
    CrampstatsError
        If no row has both.

    Examples
    --------
    >>> from crampstats.reference import trials
    >>> interval_check(trials())[["study", "conf_low", "conf_high", "width_ratio"]].round(2)
          study  conf_low  conf_high  width_ratio
    0  Tan 2024     -3.19      -2.15         0.36
    """
    check_level(level)
    whole = _checked(trials)
    unpaired = whole["design"] != PAIRED if "design" in whole else pd.Series(data=True, index=whole.index)
    needed = ["mean_treated", "sd_treated", "n_treated", "mean_control", "sd_control", "n_control", "low", "high"]
    both = whole[unpaired & whole[needed].notna().all(axis=1)]
    if both.empty:
        raise CrampstatsError(
            "interval_check: no parallel trial has both the figures of its arms and a printed interval."
        )
    found = effect_sizes(both, "mean_difference", using="arms")
    df = (both["n_treated"] + both["n_control"] - 2).to_numpy(dtype=float)
    reach = found["std_error"].to_numpy() * t_quantile(df, (1 + level) / 2)
    shown = [name for name in ("study", "outcome") if name in both]
    table = both[shown].reset_index(drop=True)
    low, high = both["low"].to_numpy(dtype=float), both["high"].to_numpy(dtype=float)
    centre = found["estimate"].to_numpy()
    return table.assign(
        estimate=centre,
        low=low,
        high=high,
        conf_low=centre - reach,
        conf_high=centre + reach,
        width_ratio=(high - low) / (2 * reach),
    )
