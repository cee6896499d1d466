"""Reference limits from people who are taken as healthy: by rank, robust, or by the design of a survey."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from scipy import optimize, special

from crampstats.errors import ConvergenceError, CrampstatsError, DesignError, QuestionError
from crampstats.intervals import Interval, check_level
from crampstats.proportions import Grouping, read_grouping, read_numbers
from crampstats.quantiles import quantile
from crampstats.schema import is_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from crampstats.survey import Survey

LimitMethod = Literal["rank", "robust", "robust_box_cox", "design"]
# Fewer than this make no reference limit, by CLSI EP28-A3c.
FEWEST_ROBUST = 20
# Tuning constants of the biweight, and what makes the median deviation of normal values their standard deviation.
LOCATION_TUNING, SPREAD_TUNING, NORMAL_MAD = 3.7, 205.6, 0.6745
MOST_STEPS = 500
# Powers among which the Box-Cox scale is looked for: beyond them no values of a laboratory lie.
MOST_POWER = 20.0
# A larger share of resamples without spread has no interval worth the name.
MOST_FLAT = 0.05
COARSE = "both ends are one reported value: the interval does not hold the rounding"
# Numbers in a block of resamples: 8 MB.
BLOCK = 1 << 20
# Weights of one size, but for rounding.
SAME_WEIGHT = 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class ReferenceLimits:
    """Reference limits and their confidence intervals.

    A limit is a quantile, no smooth function of totals: these have no covariance and cannot be contrasted as an `Estimate`
    can.

    Attributes
    ----------
    labels
        Shape (k, 1 + by): ``term``, such as ``2.5 % limit``, and the columns by which they were made.
    value
        Shape (k,), in the unit of the variable.
    std_error
        Shape (k,): half the width of the interval, divided by the quantile of the normal distribution (``"design"``: of
        t). It is a measure of the interval's width, which need not lie evenly around the limit.
    limits
        Lower and upper ends of the interval of each limit, shape (k,).
    n
        Shape (k,): people, or results of the laboratory.
    level
        Confidence of the interval.
    method
        How the limits were made.
    variable
        What was asked about.
    source
        The survey and its domain, in words.

    Examples
    --------
    >>> import crampstats as cs, pandas as pd
    >>> people = cs.Survey(pd.DataFrame({"magnesium_mmol_l": [0.70 + 0.002 * i for i in range(120)]}))
    >>> reference_limits(people, "magnesium_mmol_l")
    <ReferenceLimits of magnesium_mmol_l, survey: method rank, 90 % intervals>
        term   n  estimate  std_error  conf_low  conf_high
     2.5 % limit 120     0.704   0.003648       0.7      0.712
    97.5 % limit 120    0.9339   0.003648     0.926      0.938
    """

    labels: pd.DataFrame
    value: np.ndarray
    std_error: np.ndarray
    limits: Interval
    n: np.ndarray
    level: float
    method: str
    variable: str
    source: str

    def to_frame(self) -> pd.DataFrame:
        """Return the limits as a table.

        Returns
        -------
        DataFrame
            ``term``, the by columns, ``n``, ``estimate``, ``std_error``, ``conf_low``, ``conf_high``, and ``note``, which
            tells of values that stand apart (they are kept) and of what else there is to know.
        """
        return self.labels.assign(
            n=self.n.astype(np.int64),
            estimate=self.value,
            std_error=self.std_error,
            conf_low=self.limits.low,
            conf_high=self.limits.high,
            note=list(self.limits.notes),
        )

    def __len__(self) -> int:
        return len(self.value)

    def _shown(self) -> pd.DataFrame:
        """Return the table without notes where all are empty."""
        table = self.to_frame()
        return table if table["note"].any() else table.drop(columns="note")

    def __repr__(self) -> str:
        head = f"{self.variable}, {self.source}: method {self.method}, {100 * self.level:g} % intervals"
        return (
            f"<{type(self).__name__} of {head}>\n{self._shown().to_string(index=False, float_format='{:.4g}'.format)}"
        )

    def _repr_html_(self) -> str:
        return self._shown().to_html(index=False, border=0, float_format="{:.4g}".format)


def reference_limits(
    survey: Survey,
    column: str,
    *,
    method: LimitMethod = "rank",
    by: Sequence[str] = (),
    level: float = 0.90,
    probabilities: Sequence[float] = (0.025, 0.975),
    rng: np.random.Generator | int | None = None,
    resamples: int = 2000,
) -> ReferenceLimits:
    """Estimate reference limits from people who are taken as healthy.

    Parameters
    ----------
    survey
        Whose domain is asked about: choose the healthy with `where` first.
    column
        Of the measured values, or arithmetic of columns.
    method
        ``"rank"``: the value of rank p(n + 1), with order statistics as confidence limits; makes no assumption, and needs
        119 people for 2.5 % limits with 90 % intervals (CLSI asks for 120). ``"robust"``: biweight location and spread,
        for 20 people or more whose values are symmetric. ``"robust_box_cox"``: the same on the Box-Cox scale on which
        the values are most like normal ones. ``"design"``: quantiles of a survey with weights, strata or clusters, by
        `crampstats.quantile`; the others are for simple random samples and refuse such a survey.
    by
        Columns; limits for each combination that occurs.
    level
        Confidence of the interval of each limit; 0.90 is CLSI's.
    probabilities
        Of the limits, between 0 and 1.
    rng
        A Generator or a whole number, for the bootstrap of the robust methods, which do not go without; of no use to the
        others. A whole number starts the same resampling in each group.
    resamples
        How many, for the robust methods.

    Returns
    -------
    ReferenceLimits
        In the unit of the column. No value is left out: the note counts those beyond Tukey's fences and names an extreme
        one that stands apart.

    Raises
    ------
    CrampstatsError
        If the method is unknown, a group has too few people for it, needs `rng`, or finds no spread.
    DesignError
        If a method for simple random samples meets a survey with another design.
    IntervalError
        If `level` does not lie between 0 and 1, or ``"design"`` has no interval.
    ConvergenceError
        If the biweight does not settle, or there is no power of Box and Cox.
    QuestionError
        If the column holds no numbers, somebody in the domain has no value, or a probability is none.

    Notes
    -----
    CLSI EP28-A3c, Defining, Establishing, and Verifying Reference Intervals in the Clinical Laboratory, 3rd ed., 2010.
    Ranks: Reed AH, Henry RJ, Mason WB, Clin Chem 1971;17:275-284; from l to u such that a binomial count of values below the
    limit is below l with at most (1 - level)/2, and at least u with at most that, which gives CLSI's table. Robust: Horn PS,
    Pesce AJ, Copeland BE, Clin Chem 1998;44:622-631, with percentile intervals of the bootstrap; the limits are the
    prediction limits of one more value, somewhat wider than the quantiles in small samples. The spread keeps nearly the whole
    weight of values up to 200 median deviations away: gross errors have to be taken out first. Of normal values these intervals
    held the quantiles in 88 % (40 people) and 91 % (120) of 400 samples at 90 %, of lognormal ones on the Box-Cox scale in 84 %
    (80 people). Box-Cox power by maximum
    likelihood, anew in each resample: Box GEP, Cox DR, J R Stat Soc B 1964;26:211-252,
    doi:10.1111/j.2517-6161.1964.tb00553.x. Values that stand apart: Tukey's fences on the Box-Cox scale, Horn PS, Feng L,
    Li Y, Pesce AJ, Clin Chem 2001;47:2137-2145 (0.7 % of normal values lie beyond them), and Dixon's gap of at least a third
    of the range, as Reed et al. take it.

    Examples
    --------
    >>> import crampstats as cs, pandas as pd
    >>> calcium = [8.9, 9.2] + [9.4] * 2 + [9.5] * 3 + [9.6] * 4 + [9.7] * 5 + [9.8] + [9.9] * 2 + [10.2]
    >>> people = cs.Survey(pd.DataFrame({"calcium_mg_dl": calcium}))
    >>> reference_limits(people, "calcium_mg_dl", method="robust", rng=1).value.round(2)
    array([ 9.05, 10.2 ])
    """
    if method not in get_args(LimitMethod):
        raise CrampstatsError(f"method={method!r} is unknown: choose from {', '.join(get_args(LimitMethod))}.")
    check_level(level)
    asked = _asked(probabilities)
    groups, grouping = read_groups(survey, column, by)
    many = len(asked)
    labels = grouping.labels("", np.repeat([cell for cell, _ in groups], many))
    labels["term"] = [f"{100 * p:g} % limit" for p in asked] * len(groups)
    n = np.repeat([len(values) for _, values in groups], many)
    outside = [_standing_apart(values) for _, values in groups]
    apart = [sides[int(p > 0.5)] for sides in outside for p in asked]
    if method == "design":
        return _of_design(survey, column, asked, by, level, labels, apart)
    refuse_design(survey, f"method={method!r}", "say method='design'")
    parts, made = [], []
    for cell, values in groups:
        named = group_named(grouping, cell)
        if method == "rank":
            found = rank_limits(values, asked, level=level, named=named)
            notes = [COARSE if low == high and values[0] < values[-1] else "" for low, high in found[1:].T]
        else:
            found, notes = _robust(values, asked, method, level, rng, resamples, named)
        parts.append(found)
        made.extend(notes)
    value, low, high = np.concatenate(parts, axis=1)
    std_error = (high - low) / (2 * special.ndtri((1 + level) / 2))
    told = ["; ".join(filter(None, both)) for both in zip(made, apart, strict=True)]
    limits = Interval(low, high, tuple(told))
    return ReferenceLimits(labels, value, std_error, limits, n, level, method, column, survey.described)


def _of_design(
    survey: Survey,
    column: str,
    asked: np.ndarray,
    by: Sequence[str],
    level: float,
    labels: pd.DataFrame,
    apart: list[str],
) -> ReferenceLimits:
    """Return the quantiles of a survey as reference limits."""
    found = quantile(survey, column, asked, by=by, level=level)
    coarse = [COARSE if low == high else "" for low, high in zip(found.limits.low, found.limits.high, strict=True)]
    told = ["; ".join(filter(None, each)) for each in zip(found.limits.notes, coarse, apart, strict=True)]
    limits = Interval(found.limits.low, found.limits.high, tuple(told))
    return ReferenceLimits(
        labels, found.value, found.std_error, limits, found.n, level, "design", column, survey.described
    )


def _asked(probabilities: Sequence[float]) -> np.ndarray:
    """Return the probabilities asked for, shape (k,), all between 0 and 1."""
    asked = np.atleast_1d(np.asarray(probabilities, dtype=float))
    if asked.ndim != 1 or asked.size == 0 or not np.all((asked > 0) & (asked < 1)):
        raise QuestionError(
            f"probabilities={probabilities!r} have to lie between 0 and 1, as in probabilities=(0.025, 0.975)."
        )
    return asked


def read_groups(survey: Survey, column: str, by: Sequence[str]) -> tuple[list[tuple[int, np.ndarray]], Grouping]:
    """Return for each group that occurs its cell of the grouping and its values, ascending, one for each person."""
    grouping = read_grouping(survey, by)
    values = np.asarray(read_numbers(survey, column), dtype=float)
    cell = np.zeros(len(survey), dtype=np.intp)
    for codes, size in zip(grouping.codes, grouping.sizes, strict=True):
        cell = cell * size + codes
    rows = np.arange(len(survey)) if survey.domain is None else np.flatnonzero(survey.domain)
    if survey.row_count is not None:
        rows = np.repeat(rows, survey.row_count[rows].astype(np.intp))
    rows = rows[np.lexsort((values[rows], cell[rows]))]
    groups = np.split(rows, np.flatnonzero(np.diff(cell[rows])) + 1)
    return [(int(cell[group[0]]), values[group]) for group in groups], grouping


def group_named(grouping: Grouping, cell: int) -> str:
    """Return the group of a cell in words, for a message; empty without by columns."""
    row = grouping.labels("", np.array([cell])).drop(columns="term").iloc[0]
    return f" in {', '.join(f'{name} {level}' for name, level in row.items())}" if len(row) else ""


def refuse_design(survey: Survey, wanted: str, cure: str) -> None:
    """Refuse a survey that is no simple random sample."""
    has = [
        name
        for name, column in (
            ("strata", survey.stratum),
            ("clusters", survey.cluster),
            ("a finite population", survey.population_size),
        )
        if column is not None
    ]
    if survey.row_weight is not None:
        each = survey.row_weight if survey.row_count is None else survey.row_weight / np.maximum(survey.row_count, 1.0)
        each = each if survey.domain is None else each[survey.domain]
        if np.ptp(each) > SAME_WEIGHT * each.max():
            has.append("unequal weights")
    if has:
        raise DesignError(f"{wanted} is for a simple random sample, and {survey.name} has {' and '.join(has)}: {cure}.")


def rank_limits(values: np.ndarray, probabilities: np.ndarray, *, level: float, named: str = "") -> np.ndarray:
    """Return limits by rank and the order statistics that bound them.

    Parameters
    ----------
    values
        Shape (n,), ascending.
    probabilities
        Shape (k,).
    level
        Confidence.
    named
        The group, for a message.

    Returns
    -------
    ndarray
        Shape (3, k): limits, lower and upper ends.

    Raises
    ------
    CrampstatsError
        If there are too few values for an interval.

    Examples
    --------
    >>> rank_limits(np.arange(1.0, 121.0), np.array([0.025, 0.975]), level=0.90)
    array([[  3.025, 117.975],
           [  1.   , 114.   ],
           [  7.   , 120.   ]])
    """
    n = len(values)
    columns = []
    for share in probabilities:
        low, high = rank_ends(n, float(share), level=level)
        if low < 1 or high > n:
            rarer = min(share, 1 - share)
            needed = math.ceil(math.log((1 - level) / 2) / math.log1p(-rarer))
            raise CrampstatsError(
                f"method='rank' needs {needed} people for the {100 * share:g} % limit with its {100 * level:g} % interval, and "
                f"there are {n}{named}: say method='robust'."
            )
        # Of less than about 30 % confidence an interval exists where the rank lies beyond the sample.
        rank = min(max(share * (n + 1), 1.0), float(n))
        below = min(int(rank), n - 1)
        limit = values[below - 1] + (rank - below) * (values[below] - values[below - 1])
        columns.append([limit, values[low - 1], values[high - 1]])
    return np.array(columns).T


def rank_ends(n: int, share: float, *, level: float) -> tuple[int, int]:
    """Return the ranks of the order statistics that bound a quantile, counted from 1.

    Parameters
    ----------
    n
        People.
    share
        Probability of the quantile.
    level
        Confidence; each side is missed with at most half of the rest.

    Returns
    -------
    int, int
        Rank 0, or n + 1, where the sample has no bound.

    Examples
    --------
    >>> rank_ends(120, 0.025, level=0.90), rank_ends(240, 0.025, level=0.90)
    ((1, 7), (2, 11))
    """
    side = (1 - level) / 2
    below = np.arange(n)
    low = int(np.count_nonzero(special.bdtr(below, n, share) <= side))
    high = 1 + int(np.count_nonzero(special.bdtrc(below, n, share) > side))
    return low, high


def _robust(
    values: np.ndarray,
    probabilities: np.ndarray,
    method: LimitMethod,
    level: float,
    rng: np.random.Generator | int | None,
    resamples: int,
    named: str,
) -> tuple[np.ndarray, list[str]]:
    """Return robust limits and the ends of their bootstrap intervals, shape (3, k), and what to know of each."""
    n = len(values)
    if rng is None:
        raise CrampstatsError(f"method={method!r} draws at random: give rng, a whole number or a numpy Generator.")
    if not is_whole(resamples, 100):
        raise CrampstatsError(f"resamples={resamples!r} has to be a whole number of at least 100.")
    if n < FEWEST_ROBUST:
        raise CrampstatsError(f"method={method!r} needs {FEWEST_ROBUST} people, and there are {n}{named}.")
    if method == "robust_box_cox" and values[0] <= 0:
        raise CrampstatsError(
            f"method='robust_box_cox' needs values above 0, and the smallest{named} is {values[0]:g}: say method='robust'."
        )
    limits = biweight_limits if method == "robust" else _box_cox_limits
    value = limits(values[None, :], probabilities)[0]
    if not np.all(np.isfinite(value) & ((value > 0) | (method == "robust"))):
        raise ConvergenceError(f"a limit{named} lies beyond what the Box-Cox scale reaches: say method='robust'.")
    generator = np.random.default_rng(rng)
    block = max(1, BLOCK // n)
    drawn = []
    for start in range(0, resamples, block):
        samples = values[generator.integers(n, size=(min(block, resamples - start), n))]
        drawn.append(limits(samples[_median_deviation(samples)[1][:, 0] > 0], probabilities))
    resampled = np.concatenate(drawn)
    flat = resamples - len(resampled)
    if flat > MOST_FLAT * resamples:
        raise CrampstatsError(
            f"half of the values are the same in {flat} of {resamples} resamples{named}: they are too few or reported too "
            f"coarsely for method={method!r}; say method='rank' with more people."
        )
    tails = [(1 - level) / 2, (1 + level) / 2]
    # Without interpolation, since a resample may put an upper limit at infinity.
    ends = np.quantile(resampled, tails, axis=0, method="inverted_cdf")
    notes = [f"{flat} of {resamples} resamples had no spread and were left out" if flat else "" for _ in probabilities]
    notes = [
        "; ".join(filter(None, [note, "the resamples leave the upper end open" if np.isinf(end) else ""]))
        for note, end in zip(notes, ends[1], strict=True)
    ]
    return np.vstack([value, ends]), notes


def biweight_limits(samples: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return prediction limits by biweight location and spread.

    Parameters
    ----------
    samples
        Shape (m, n): m samples of n values.
    probabilities
        Shape (k,).

    Returns
    -------
    ndarray
        Shape (m, k).

    Raises
    ------
    CrampstatsError
        If half of the values of a sample are the same, so that it has no median deviation.
    ConvergenceError
        If a location does not settle.

    Notes
    -----
    Horn PS, Pesce AJ, Copeland BE, Clin Chem 1998;44:622-631, as CLSI EP28-A3c, appendix B, has it: location T with tuning
    constant 3.7, from the median on; limits T + t sqrt(s² + S²) with s the spread about the median with constant 205.6, S the
    standard error of T with constant 3.7 and scale s(3.7), and t of n - 1 degrees of freedom.

    Examples
    --------
    >>> calcium = [8.9, 9.2] + [9.4] * 2 + [9.5] * 3 + [9.6] * 4 + [9.7] * 5 + [9.8] + [9.9] * 2 + [10.2]
    >>> biweight_limits(np.array([calcium]), np.array([0.025, 0.975])).round(4)
    array([[ 9.0495, 10.1994]])
    """
    n = samples.shape[1]
    median, deviation = _median_deviation(samples)
    if np.any(deviation == 0):
        raise CrampstatsError(
            "at least half of the values are the same: the robust method has no spread; say method='rank'."
        )
    location = median
    for _ in range(MOST_STEPS):
        weight = _inside((samples - location) / (LOCATION_TUNING * deviation)) ** 2
        # A sum of products, without the array of products.
        moved = np.einsum("ij,ij->i", samples, weight)[:, None] / weight.sum(axis=1, keepdims=True)
        settled = np.all(np.abs(moved - location) <= 1e-10 * deviation)
        location = moved
        if settled:
            break
    else:
        raise ConvergenceError(f"the biweight location did not settle in {MOST_STEPS} steps: say method='rank'.")
    wide = n * _biweight_variance(samples, median, SPREAD_TUNING * deviation)
    narrow = n * _biweight_variance(samples, median, LOCATION_TUNING * deviation)
    of_location = _biweight_variance(samples, location, LOCATION_TUNING * np.sqrt(narrow))
    t = special.stdtrit(n - 1, probabilities)
    return location + t * np.sqrt(wide + of_location)


def _median_deviation(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the median of each sample and the median deviation from it, as of normal values, both shape (m, 1)."""
    median = np.median(samples, axis=1, keepdims=True)
    return median, np.median(np.abs(samples - median), axis=1, keepdims=True) / NORMAL_MAD


def _inside(distance: np.ndarray) -> np.ndarray:
    """Return 1 - u² within (-1, 1), 0 elsewhere."""
    return np.maximum(1 - distance**2, 0.0)


def _biweight_variance(samples: np.ndarray, centre: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Return the variance of a biweight location with this centre and reach, shape (m, 1); times n that of a value."""
    squared = ((samples - centre) / reach) ** 2
    inside = np.maximum(1 - squared, 0.0)
    above = np.sum(squared * inside**4, axis=1, keepdims=True)
    below = np.sum(inside * (1 - 5 * squared), axis=1, keepdims=True)
    return reach**2 * above / (below * np.maximum(1.0, below - 1))


def _box_cox_limits(samples: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return biweight limits made on the Box-Cox scale of each sample, shape (m, k)."""
    centre = np.exp(np.mean(np.log(samples), axis=1, keepdims=True))
    power = np.array([_box_cox_power(row) for row in samples])[:, None]
    if np.any(np.abs(power) > MOST_POWER - 1e-3):
        raise ConvergenceError(
            f"no power between -{MOST_POWER:g} and {MOST_POWER:g} makes the values like normal ones: say method='robust'."
        )
    limits = biweight_limits(special.boxcox(samples / centre, power), probabilities)
    # A limit beyond the scale is 0 where the power is positive and infinite where it is negative.
    reached = np.maximum(power * limits + 1, 0.0)
    with np.errstate(divide="ignore"):
        return centre * np.where(power == 0, np.exp(limits), reached ** (1 / power))


def _box_cox_power(values: np.ndarray) -> float:
    """Return the power of Box and Cox by maximum likelihood, within the powers that are looked at."""
    # Divided by the geometric mean, the likelihood is that of the variance alone.
    logarithms = np.log(values)
    relative = np.exp(logarithms - logarithms.mean())

    def loss(power: float) -> float:
        return float(np.log(np.var(special.boxcox(relative, power))))

    found = optimize.minimize_scalar(loss, bounds=(-MOST_POWER, MOST_POWER), method="bounded", options={"xatol": 1e-6})
    return float(found.x)


def _standing_apart(values: np.ndarray) -> tuple[str, str]:
    """Say how many low and how many high values stand apart; the values ascend."""
    if values[0] == values[-1] or len(values) < 4:
        return "", ""
    scaled = values
    where = ""
    if values[0] > 0:
        scaled, where = special.boxcox(values / np.median(values), _box_cox_power(values)), " on the Box-Cox scale"
    first, third = np.quantile(scaled, [0.25, 0.75], method="weibull")
    reach = 1.5 * (third - first)
    beyond = int(np.count_nonzero(scaled < first - reach)), int(np.count_nonzero(scaled > third + reach))
    gaps = (values[1] - values[0]) / np.ptp(values), (values[-1] - values[-2]) / np.ptp(values)
    told = []
    for many, gap, side, extreme, end in zip(
        beyond, gaps, ("below", "above"), ("smallest", "largest"), (values[0], values[-1]), strict=True
    ):
        fence = f"{many} value{'s' * (many != 1)} {side} Tukey's fence{where}, kept" if many else ""
        alone = f"the {extreme}, {end:.4g}, is a third of the range or more from the next, kept" if gap >= 1 / 3 else ""
        told.append("; ".join(filter(None, [fence, alone])))
    return told[0], told[1]
