"""Behind the reported number: what one or several draws of blood say of a person's usual level."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import boxcox, inv_boxcox, ndtr, ndtri

from crampstats.cutoffs import reporting_step
from crampstats.errors import ConvergenceError, CrampstatsError, DesignError
from crampstats.estimates import Component, Estimate, mapped, stacked
from crampstats.numerics import jacobian
from crampstats.proportions import made_estimate, read_numbers
from crampstats.reference import magnesium_variation
from crampstats.schema import is_number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike

    from crampstats.intervals import Method
    from crampstats.survey import Survey

Scale = Literal["normal", "box_cox"]
# A smaller share has no interval on the logit scale worth the name.
LEAST = 1e-12
# Variance between people over that within them, beyond which there is nothing of either.
RATIOS = (1e-10, 1e10)
# Powers times logarithms of the levels as large as this are no transformation towards a normal curve any more.
STEEP = 30.0
# Of a quadrature that is exact to rounding for transformations up to there.
NODES = 16
# Steps wider than this many spreads of the levels: then their rounding has no longer the variance of a uniform error.
COARSE = 2.0
# What rounding may add to a whole number of draws.
ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class _Draws:
    """Draws of the people in the domain.

    rows, weight: shape (people,); values: shape (people, k), NaN where a later draw is missing.
    """

    rows: np.ndarray
    weight: np.ndarray
    values: np.ndarray

    @property
    def number(self) -> np.ndarray:
        """How many draws each person has, shape (people,)."""
        return np.count_nonzero(~np.isnan(self.values), axis=1)


@dataclass(frozen=True, eq=False)
class _Fit:
    """Parameters and what each person does to them.

    value: shape (p,), mean and variance (of one draw), or mean, variance between people and within them (of several), then
    the power of a transformation if there is one; influence: shape (people, p), to be multiplied by the weight.
    unit: what levels were divided by before they were transformed.
    """

    value: np.ndarray
    influence: np.ndarray
    unit: float = 1.0


def variance_components(survey: Survey, draws: Sequence[str], *, scale: Scale = "normal") -> Estimate:
    """Estimate how levels vary between people, and from draw to draw within a person.

    Parameters
    ----------
    survey
        Whose domain is asked about.
    draws
        Columns of two or more draws, in one unit. Everybody has the first; later ones may be missing, by chance or for a
        reason that the draws before tell, such as a low first one.
    scale
        ``"normal"``: usual levels and draws about them are normal. ``"box_cox"``: they are after a power transformation,
        whose power is estimated.

    Returns
    -------
    Estimate
        ``mean``, ``sd_between``, ``sd_within`` in the unit of the draws, ``cv_within`` (`sd_within` over the mean), ``icc``
        (the share of the variance of one draw that is between people). With ``"box_cox"`` ``median`` in place of the mean,
        the spreads in the unit as they are at the median, and ``lambda``, the power. ``n`` counts people; of what is within
        people, those of two draws or more. Wald intervals.

    Raises
    ------
    CrampstatsError
        If there are not two columns, the scale is unknown, levels are not positive, or no spread is left between people or
        within them.
    ConvergenceError
        If no power brings the levels near a normal curve.
    QuestionError
        If a column is not there or holds no numbers, the first draw is missing for somebody, or a later one for all.
    DesignError
        If those of two draws or more leave no degrees of freedom.

    Notes
    -----
    Maximum likelihood of the one-way random model, unbalanced: Searle SR, Casella G, McCulloch CE, Variance Components,
    Wiley 1992, chapter 3, doi:10.1002/9780470316856. People count with their weights, draws of a person alike, as they were
    not sampled from more; so there is one set of weights, and the difficulty with several of Korn EL, Graubard BI, J R Stat
    Soc B 2003;65:175-190, doi:10.1111/1467-9868.00379, does not arise. Contributions are those of Binder DA, Int Stat Rev
    1983;51:279-292, doi:10.2307/1402588, and stay right if levels are not normal and later draws are missing by chance.
    Likelihood, not moments, because it also holds for draws repeated on account of an earlier one (Rubin DB, Biometrika
    1976;63:581-592, doi:10.1093/biomet/63.3.581), then under normality only.

    The power maximises the likelihood of the first draw (Box GEP, Cox DR, J R Stat Soc B 1964;26:211-252,
    doi:10.1111/j.2517-6161.1964.tb00553.x); its error is carried into everything else.

    Draws that are reported in steps differ by rounding, too: it adds up to step²/12 to the variance within people, and
    `sd_within` holds it.

    Examples
    --------
    >>> import crampstats as cs
    >>> people = cs.simulate(cs.Population(), 4000, seed=1)
    >>> drawn = cs.Survey(people.query("haemolysis == 0")).observed("magnesium_mmol_l")
    >>> parts = variance_components(drawn, ["magnesium_mmol_l", "second_magnesium_mmol_l"])
    >>> parts.to_frame()[["term", "estimate", "std_error"]].round(4)
             term  estimate  std_error
    0        mean    0.8257     0.0009
    1  sd_between    0.0558     0.0007
    2   sd_within    0.0225     0.0003
    3   cv_within    0.0273     0.0003
    4         icc    0.8597     0.0043
    """
    columns = _columns(draws)
    _check_scale(scale)
    if len(columns) == 1:
        raise CrampstatsError(
            f"draws={draws!r}: one draw says nothing of how draws differ; name the columns of several."
        )
    read, fit, parameters = _fitted(survey, columns, scale)
    if _centre(fit.value, scale, fit.unit) <= 0:
        raise CrampstatsError(
            f"{columns[0]!r} has the mean {fit.value[0]:.4g}; a coefficient of variation needs one above 0."
        )

    def told(theta: np.ndarray) -> np.ndarray:
        size = _size(theta, scale)
        slope = _centre(theta, scale, fit.unit) / size
        between, within = theta[1], theta[2]
        spreads = [np.sqrt(between) * slope, np.sqrt(within) * slope, np.sqrt(within) / size]
        return np.array([size * slope, *spreads, between / (between + within), *theta[3:]])

    middle, power = ("mean", []) if scale == "normal" else ("median", ["lambda"])
    labels = pd.DataFrame({"term": [middle, "sd_between", "sd_within", "cv_within", "icc", *power]})
    again = _people(survey, read.rows[read.number > 1])
    n = np.array([again if term in {"sd_within", "cv_within", "icc"} else parameters.n[0] for term in labels["term"]])
    return _function(parameters, told, labels, n, "wald")


def usual_prevalence(
    survey: Survey,
    draws: str | Sequence[str],
    *,
    at_most: ArrayLike,
    cv: float | Sequence[float] | Estimate | None = None,
    step: float | None = None,
    scale: Scale = "normal",
) -> Estimate:
    """Estimate how many people have a low usual level, from several draws of some people or one draw of each.

    One draw varies within a person and by the assay; a cut-off on it finds more people in the tails than have a low usual
    level. Usual levels are taken as normal, on a scale, with the spread that is left when that variation is taken off.

    Parameters
    ----------
    survey
        Whose domain is asked about.
    draws
        Columns of several draws, in one unit: everybody has the first, later ones may be missing as in
        `variance_components`. Or one column.
    at_most
        One or several cut-offs, in that unit: low is at or below it. It is a point of a smooth distribution, not a reported
        value.
    cv
        Of one draw about a person's usual level, within-person and analytic, as a share: 0.02 is 2 %. One or several
        numbers, each taken as known; or what `variance_components` says of other people, whose row ``cv_within`` is used
        with its error. None: the lowest and the highest total of `crampstats.reference.magnesium_variation`, for columns of
        magnesium. With several draws it has to be None, since they tell it.
    step
        With one draw: what it is reported to, in its unit; the rounding adds step²/12 to its variance, of which a number
        `cv` knows nothing, and it is taken off, too. None: the step found in the column if `cv` are numbers, and 0 if it
        comes from `variance_components`, whose draws were rounded likewise.
    scale
        ``"normal"`` or ``"box_cox"``: usual levels, and draws about them, are normal as they stand or after a power
        transformation. Then a person's usual level is the level at the centre of the transformed draws: their median,
        which lies within one squared CV of their mean. A `cv` is taken to the transformed scale by its slope at the median
        of all people.

    Returns
    -------
    Estimate
        Shares with intervals on the logit scale. ``at_most`` is a label where several were asked for, ``cv`` where there is
        one draw: a row each. The errors of all that was estimated are carried.

    Raises
    ------
    CrampstatsError
        If cut-offs, CVs, step or scale are not what they have to be, draws of one person differ so much that no spread
        between people is left, reporting is too coarse for its rounding to be taken off, or nearly nobody or nearly
        everybody is below a cut-off.
    ConvergenceError
        If no power brings the levels near a normal curve.
    QuestionError
        If a column is not there or holds no numbers, the first draw is missing for somebody (ask ``observed(first)``), or
        a later one for all.
    DesignError
        If a domain has no degrees of freedom, or `cv` comes from the same survey.

    Notes
    -----
    Phi((c - m) / s) of mean m and spread s of usual levels: Nusser SM, Carriquiry AL, Dodd KW, Fuller WA, J Am Stat Assoc
    1996;91:1440-1449, doi:10.1080/01621459.1996.10476712, with a normal or Box-Cox scale in place of their splines. Mean and
    spread are those of `variance_components`; of one draw with variance v, s² = v - (cv m)² - step²/12: Sheppard WF, Proc
    London Math Soc 1898;s1-29:353-380, doi:10.1112/plms/s1-29.1.353, good for steps up to twice the spread. Several draws
    hold the rounding in what they differ by, so nothing is taken off twice.

    The tail hangs on the curve. Of the simulated population (samples without haemolysis) it finds 9.1 % at or below 0.75
    mmol/L where 9.1 % are, and 1.3 or 1.2 % at or below 0.70 where 1.5 % are, on the normal or the Box-Cox scale.

    Examples
    --------
    >>> import crampstats as cs
    >>> people = cs.simulate(cs.Population(), 4000, seed=1)
    >>> drawn = cs.Survey(people.query("haemolysis == 0")).observed("magnesium_mmol_l")
    >>> two_draws = usual_prevalence(drawn, ["magnesium_mmol_l", "second_magnesium_mmol_l"], at_most=0.75)
    >>> two_draws.to_frame()[["term", "estimate", "std_error"]].round(4)
                                 term  estimate  std_error
    0  usual magnesium_mmol_l <= 0.75    0.0874      0.004

    What is known of one draw, and what it would be without variation:

    >>> one_draw = usual_prevalence(drawn, "magnesium_mmol_l", at_most=0.75, cv=[0.0, 0.0269])
    >>> one_draw.to_frame()[["cv", "estimate", "std_error"]].round(4)
           cv  estimate  std_error
    0  0.0000    0.1033     0.0040
    1  0.0269    0.0870     0.0041
    """
    columns = _columns(draws)
    _check_scale(scale)
    cutoffs = _cutoffs(at_most, columns[0], scale)
    if len(columns) > 1:
        if cv is not None or step is not None:
            name, value = ("cv", cv) if cv is not None else ("step", step)
            raise CrampstatsError(f"{name}={value!r}: several draws tell themselves how they differ; leave it out.")
        _, fit, parameters = _fitted(survey, columns, scale)

        def shares(theta: np.ndarray) -> np.ndarray:
            return _shares(theta, theta[1], cutoffs, scale, fit.unit)

        centre = _centre(fit.value, scale, fit.unit)
        return _usual(parameters, shares, _labels(columns[0], cutoffs), columns[0], centre)
    return _of_one_draw(survey, columns[0], cutoffs, cv, step, scale)


def draws_needed(
    *,
    icc: float | None = None,
    reliability: float | None = None,
    cv: float | None = None,
    within: float | None = None,
    level: float = 0.95,
) -> int:
    """Return how many draws of a person it takes for their mean to tell the usual level.

    Parameters
    ----------
    icc, reliability
        Share of the variance of one draw that is between people, and the share wanted of the mean of the draws.
    cv, within
        Coefficient of variation of a draw about the usual level, and the largest distance of the mean of the draws from
        it; both in shares of the usual level, 0.02 being 2 %. Give one pair or the other.
    level
        How sure the distance has to be kept, for `cv` and `within`.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    CrampstatsError
        If not exactly one pair is given, or a number is not between 0 and 1.

    Notes
    -----
    R (1 - icc) / (icc (1 - R)): Spearman C, Br J Psychol 1910;3:271-295, doi:10.1111/j.2044-8295.1910.tb00206.x; Brown W,
    ibid. 296-322, doi:10.1111/j.2044-8295.1910.tb00207.x. (z cv / within)²: Fraser CG, Harris EK, Crit Rev Clin Lab Sci
    1989;27:409-437, doi:10.3109/10408368909106595.

    Examples
    --------
    >>> draws_needed(icc=0.6, reliability=0.9)
    6
    >>> draws_needed(cv=0.036, within=0.03)
    6
    """
    given = {"icc": icc, "reliability": reliability, "cv": cv, "within": within}
    pair = {name: value for name, value in given.items() if value is not None}
    if list(pair) not in (["icc", "reliability"], ["cv", "within"]):
        raise CrampstatsError(
            f"draws_needed got {', '.join(pair) or 'nothing'}: give icc and reliability, or cv and within, not both."
        )
    for name, value in {**pair, "level": level}.items():
        if not is_number(value) or not 0 < value < 1:
            raise CrampstatsError(f"{name}={value!r} has to be a number between 0 and 1.")
    first, second = pair.values()
    odds = second * (1 - first) / (first * (1 - second))
    draws = odds if "icc" in pair else float(ndtri((1 + level) / 2) * first / second) ** 2
    return max(1, math.ceil(draws * (1 - ROUNDING)))


def _columns(draws: str | Sequence[str]) -> list[str]:
    """Return the columns of the draws."""
    columns = [draws] if isinstance(draws, str) else list(draws)
    if not columns or not all(isinstance(column, str) for column in columns):
        raise CrampstatsError(f"draws={draws!r} has to be a column, or a list of the columns of repeated draws.")
    if len(set(columns)) < len(columns):
        raise CrampstatsError(f"draws={draws!r} names a column twice; one draw says nothing of how draws differ.")
    return columns


def _check_scale(scale: str) -> None:
    if scale not in get_args(Scale):
        raise CrampstatsError(f"scale={scale!r} is unknown: choose from {', '.join(get_args(Scale))}.")


def _cutoffs(at_most: ArrayLike, column: str, scale: Scale) -> np.ndarray:
    """Return the cut-offs as numbers, shape (m,)."""
    given = np.atleast_1d(np.asarray(at_most))
    if given.ndim != 1 or given.size == 0 or not all(is_number(each) for each in given.tolist()):
        raise CrampstatsError(f"at_most={at_most!r} has to be a number, or several, in the unit of {column!r}.")
    cutoffs = given.astype(float)
    if len(np.unique(cutoffs)) < len(cutoffs):
        raise CrampstatsError(f"at_most={at_most!r} names a cut-off twice.")
    if scale == "box_cox" and cutoffs.min() <= 0:
        raise CrampstatsError(f"at_most={at_most!r}: scale='box_cox' knows levels above 0 only.")
    return cutoffs


def _fitted(survey: Survey, columns: list[str], scale: Scale) -> tuple[_Draws, _Fit, Estimate]:
    """Read the draws, fit them, and return the parameters as an estimate."""
    draws = _read(survey, columns)
    if scale == "box_cox" and np.nanmin(draws.values) <= 0:
        raise CrampstatsError(f"{', '.join(columns)}: scale='box_cox' knows levels above 0 only.")
    if len(columns) > 1:
        _check_repeats(survey, draws, columns)
    fit = _fit(draws, columns) if scale == "normal" else _fit_box_cox(draws, columns)
    people = np.bincount(survey.row_cluster[draws.rows], minlength=survey.design.clusters) > 0
    influence = draws.weight[:, None] * fit.influence
    sums = [np.bincount(survey.row_cluster[draws.rows], each, survey.design.clusters) for each in influence.T]
    count = len(fit.value)
    part = Component(survey.design, np.column_stack(sums), np.repeat(people[:, None], count, axis=1))
    labels = pd.DataFrame({"term": [columns[0]] * count})
    n = np.full(count, _people(survey, draws.rows))
    return draws, fit, made_estimate(survey, labels, fit.value, part, n, "wald")


def _people(survey: Survey, rows: np.ndarray) -> float:
    """Return how many people some rows are."""
    return float(len(rows)) if survey.row_count is None else float(survey.row_count[rows].sum())


def _read(survey: Survey, columns: list[str]) -> _Draws:
    """Read the draws of the domain; only later ones may be missing."""
    rows = np.arange(len(survey)) if survey.domain is None else np.flatnonzero(survey.domain)
    values = np.full((len(rows), len(columns)), np.nan)
    values[:, 0] = np.asarray(read_numbers(survey, columns[0]), dtype=float)[rows]
    for place, column in enumerate(columns[1:], start=1):
        drawn = survey.observed(column)
        there = np.asarray(drawn.domain)[rows]
        values[there, place] = np.asarray(read_numbers(drawn, column), dtype=float)[rows[there]]
    weight = np.ones(len(rows)) if survey.row_weight is None else survey.row_weight[rows]
    return _Draws(rows, weight, values)


def _check_repeats(survey: Survey, draws: _Draws, columns: list[str]) -> None:
    """Refuse repeats that stand in too few clusters to have an error."""
    again = np.bincount(survey.row_cluster[draws.rows[draws.number > 1]], minlength=survey.design.clusters) > 0
    if survey.design.degrees_of_freedom(again[:, None])[0] <= 0:
        raise DesignError(
            f"no degrees of freedom (clusters less strata) among people with two draws or more of {', '.join(columns)}: "
            "repeat draws in more clusters, or merge strata."
        )


def _fit(draws: _Draws, columns: list[str]) -> _Fit:
    """Fit a normal curve to one draw, or the one-way random model to several."""
    if draws.values.shape[1] > 1:
        return _fit_components(draws, columns)
    values, total = draws.values[:, 0], draws.weight.sum()
    mean = float(draws.weight @ values / total)
    off = values - mean
    variance = float(draws.weight @ off**2 / total)
    return _Fit(np.array([mean, variance]), np.column_stack([off, off**2 - variance]) / total)


def _fit_components(draws: _Draws, columns: list[str]) -> _Fit:
    """Fit the one-way random model by weighted maximum likelihood."""
    weight, number, own_mean = draws.weight, draws.number, np.nanmean(draws.values, axis=1)
    squares = np.nansum((draws.values - own_mean[:, None]) ** 2, axis=1)
    mean, between, within = _maximum(weight, number, own_mean, squares, columns)
    spread, off = between + within / number, own_mean - mean
    pull = (off**2 / spread - 1) / (2 * spread)
    scores = [off / spread, pull, (squares / within - (number - 1)) / (2 * within) + pull / number]
    bend = off**2 / spread**3 - 1 / (2 * spread**2)
    slope = off / spread**2
    own = squares / within**3 - (number - 1) / (2 * within**2)
    rows = [
        [1 / spread, slope, slope / number],
        [slope, bend, bend / number],
        [slope / number, bend / number, own + bend / number**2],
    ]
    information = np.array([[weight @ cell for cell in row] for row in rows])
    # Columns brought to one scale, since a variance is measured in other units than a mean.
    length = np.sqrt(np.diag(information))
    inverse = np.linalg.inv(information / np.outer(length, length)) / np.outer(length, length)
    return _Fit(np.array([mean, between, within]), np.column_stack(scores) @ inverse)


def _maximum(
    weight: np.ndarray, number: np.ndarray, own_mean: np.ndarray, squares: np.ndarray, columns: list[str]
) -> tuple[float, float, float]:
    """Return mean, variance between and variance within people where the weighted likelihood is largest.

    Given the ratio of the two variances, mean and variance within are closed forms, so that one equation is left.
    """
    draws, inner = float(weight @ number), float(weight @ squares)
    start = float(weight @ own_mean / weight.sum())
    off = own_mean - start
    # People of equally many draws count together.
    sizes, group = np.unique(number, return_inverse=True)
    people, first, second = (np.bincount(group, weight * off**power) for power in (0, 1, 2))

    def parts(ratio: float) -> tuple[float, float, float]:
        spread = ratio + 1 / sizes
        mean = float((first / spread).sum() / (people / spread).sum())
        outer = second - 2 * mean * first + mean**2 * people
        within = (inner + float((outer / spread).sum())) / draws
        return mean, within, float((outer / spread**2).sum()) / within - float((people / spread).sum())

    def score(log_ratio: float) -> float:
        return parts(math.exp(log_ratio))[2]

    named = ", ".join(map(repr, columns))
    low, high = map(math.log, RATIOS)
    if inner <= 0 or score(high) >= 0:
        raise CrampstatsError(f"the draws of each person are alike: {named} tell nothing of how draws differ.")
    if score(low) <= 0:
        raise CrampstatsError(
            f"draws of one person differ as much as draws of two people: {named} leave no spread between people."
        )
    ratio = math.exp(brentq(score, low, high, xtol=1e-13))
    mean, within, _ = parts(ratio)
    return start + mean, ratio * within, within


def _fit_box_cox(draws: _Draws, columns: list[str]) -> _Fit:
    """Fit the same after a power transformation that is estimated from the first draw, and carry its error."""
    logs = np.log(draws.values)
    # In shares of the geometric mean, so that the transformation has a slope near 1 whatever the unit.
    centre = float(draws.weight @ logs[:, 0] / draws.weight.sum())
    logs -= centre
    power, influence = _power(logs[:, 0], draws.weight, columns[0])

    def fitted(power: float) -> _Fit:
        return _fit(_Draws(draws.rows, draws.weight, boxcox(np.exp(logs), power)), columns)

    drift = jacobian(lambda moved: fitted(float(moved[0])).value, np.array([power]))[:, 0]
    fit = fitted(power)
    turned = fit.influence + influence[:, None] * drift
    return _Fit(np.append(fit.value, power), np.column_stack([turned, influence]), math.exp(centre))


def _power(logs: np.ndarray, weight: np.ndarray, column: str) -> tuple[float, np.ndarray]:
    """Return the power of largest weighted likelihood, and what each person does to it, shape (people,).

    The logarithms have mean 0, so that the likelihood is largest where the transformed levels have the least variance.
    """
    total = weight.sum()

    def moved(power: float, order: int) -> np.ndarray:
        """Return the transformed levels less their mean, or a derivative of them with respect to the power."""
        levels = _transformed(logs, power, order)
        return levels - weight @ levels / total

    def slope(power: float) -> float:
        return float(weight @ (moved(power, 0) * moved(power, 1)))

    furthest, reach = STEEP / np.abs(logs).max(initial=1e-300), 1.0
    while reach < furthest and not slope(-reach) < 0 < slope(reach):
        reach *= 2
    if reach >= furthest:
        raise ConvergenceError(f"scale='box_cox': no power brings {column!r} near a normal curve; use scale='normal'.")
    power = float(brentq(slope, -reach, reach, xtol=1e-13))
    levels, speed = moved(power, 0), moved(power, 1)
    variance = weight @ levels**2 / total
    curvature = weight @ (speed**2 + levels * _transformed(logs, power, 2))
    return power, (variance * logs - levels * speed) / curvature


def _transformed(logs: np.ndarray, power: float, order: int) -> np.ndarray:
    """Return transformed levels, or their first or second derivative with respect to the power, shape (people,).

    With x a logarithm, they are x^(order + 1) times the integral of s^order exp(s power x) over s from 0 to 1.
    """
    if order == 0:
        return boxcox(np.exp(logs), power)
    nodes, shares = np.polynomial.legendre.leggauss(NODES)
    places = (nodes + 1) / 2
    inner = sum(
        share / 2 * place**order * np.exp(place * power * logs) for place, share in zip(places, shares, strict=True)
    )
    return logs ** (order + 1) * inner


def _size(theta: np.ndarray, scale: Scale) -> float:
    """Return what a relative change of the level at the centre adds to it on the scale: the level itself, or its power."""
    return float(theta[0] if scale == "normal" else 1 + theta[-1] * theta[0])


def _centre(theta: np.ndarray, scale: Scale, unit: float) -> float:
    """Return the level at the centre: the mean, or the median of what was transformed."""
    return float(theta[0] if scale == "normal" else unit * inv_boxcox(theta[0], theta[-1]))


def _shares(theta: np.ndarray, between: float, cutoffs: np.ndarray, scale: Scale, unit: float) -> np.ndarray:
    """Return the shares of usual levels at or below the cut-offs, shape (m,)."""
    places = cutoffs if scale == "normal" else boxcox(cutoffs / unit, theta[-1])
    return ndtr((places - theta[0]) / np.sqrt(between))


def _function(
    parameters: Estimate,
    function: Callable[[np.ndarray], np.ndarray],
    labels: pd.DataFrame,
    n: np.ndarray,
    method: Method,
) -> Estimate:
    """Return a smooth function of the parameters with labels of its own."""
    slopes = jacobian(function, parameters.value)
    if not np.isfinite(slopes).all():
        raise CrampstatsError(
            "the draws lie so near to having no spread between people that nothing has a standard error."
        )
    return mapped(parameters, slopes, value=function(parameters.value), labels=labels, n=n, interval_method=method)


def _usual(
    parameters: Estimate, shares: Callable[[np.ndarray], np.ndarray], labels: pd.DataFrame, column: str, centre: float
) -> Estimate:
    """Return shares of usual levels, all of them between nobody and everybody."""
    value = shares(parameters.value)
    far = np.flatnonzero((value < LEAST) | (value > 1 - LEAST))
    if far.size:
        raise CrampstatsError(
            f"{labels['term'][far[0]]!r} lies too far from the levels of {column!r}, whose centre is {centre:.4g}, for a share "
            "with an interval."
        )
    return _function(parameters, shares, labels, np.full(len(labels), parameters.n[0]), "logit")


def _labels(column: str, cutoffs: np.ndarray) -> pd.DataFrame:
    """Return the labels of shares up to the cut-offs."""
    labels = pd.DataFrame({"term": [f"usual {column} <= {cutoff:g}" for cutoff in cutoffs]})
    return labels.assign(at_most=cutoffs) if len(cutoffs) > 1 else labels


def _of_one_draw(
    survey: Survey,
    column: str,
    cutoffs: np.ndarray,
    cv: float | Sequence[float] | Estimate | None,
    step: float | None,
    scale: Scale,
) -> Estimate:
    """Return the shares of usual levels from one draw, and what is known of how draws vary."""
    variation = _variation(cv, column)
    if isinstance(variation, Estimate) and any(part.design is survey.design for part in variation.components):
        raise DesignError("cv comes from this very survey: name the columns of all its draws in draws, without cv.")
    if step is not None and not (is_number(step) and step >= 0):
        raise CrampstatsError(f"step={step!r} has to be a number, not negative: 0 for levels that are not rounded.")
    draws, fit, parameters = _fitted(survey, [column], scale)
    if step is None:
        step = 0.0 if isinstance(cv, Estimate) else reporting_step(draws.values[:, 0]) or 0.0
    centre, size = _centre(fit.value, scale, fit.unit), _size(fit.value, scale)
    if centre <= 0:
        raise CrampstatsError(f"{column!r} has the mean {centre:.4g}; a coefficient of variation needs one above 0.")
    spread = math.sqrt(fit.value[1]) / size
    if step > COARSE * spread * centre:
        raise CrampstatsError(
            f"{column!r} is reported in steps of {step:g}, too coarse beside its spread of {spread * centre:.4g} for usual levels."
        )

    def between(theta: np.ndarray, each: float) -> float:
        rounding = step**2 / 12 / _centre(theta, scale, fit.unit) ** 2
        return float(theta[1] - _size(theta, scale) ** 2 * (each**2 + rounding))

    for each in variation.value if isinstance(variation, Estimate) else variation:
        if between(fit.value, each) <= 0:
            rounded = f" and steps of {step:g}" if step else ""
            raise CrampstatsError(
                f"cv={each:.4g}{rounded} leave no spread between people: one draw of {column!r} varies by {spread:.4g} of its "
                "centre."
            )

    def shares(theta: np.ndarray) -> np.ndarray:
        own, each = (theta[:-1], theta[-1:]) if isinstance(variation, Estimate) else (theta, variation)
        return np.concatenate([_shares(own, between(own, one), cutoffs, scale, fit.unit) for one in each])

    if isinstance(variation, Estimate):
        parameters = stacked([parameters, variation], samples="independent")
    values = variation.value if isinstance(variation, Estimate) else variation
    labels = pd.concat([_labels(column, cutoffs).assign(cv=each) for each in values], ignore_index=True)
    return _usual(parameters, shares, labels, column, centre)


def _variation(cv: float | Sequence[float] | Estimate | None, column: str) -> np.ndarray | Estimate:
    """Return the coefficients of variation to try, shape (k,), or the one that was estimated."""
    if isinstance(cv, Estimate):
        chosen = np.flatnonzero(cv.labels["term"] == "cv_within")
        if len(chosen) != 1:
            raise CrampstatsError(
                f"cv has to have one row 'cv_within', as variance_components gives it; it has {', '.join(cv.labels['term'])}."
            )
        return cv.where("term == 'cv_within'")
    if cv is None:
        if "magnesium" not in column.lower():
            raise CrampstatsError(
                f"cv=None takes what is published of serum magnesium, and {column!r} is not named so: say cv, as in cv=0.03."
            )
        table = magnesium_variation()
        totals = table.loc[table["what"] == "total", "value"]
        return np.array([totals.min(), totals.max()])
    given = np.atleast_1d(np.asarray(cv, dtype=object)).tolist()
    if not given or not all(is_number(each) and 0 <= each < 1 for each in given) or len(set(given)) < len(given):
        raise CrampstatsError(f"cv={cv!r} has to be a share from 0 to 1, or several: 0.02 is 2 %.")
    return np.array(given, dtype=float)
