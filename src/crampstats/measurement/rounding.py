"""Behind the reported step: the smooth distribution of a number that is reported to a step."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy import special

from crampstats.cutoffs import converted, read_cutoffs, unit_of
from crampstats.errors import CrampstatsError
from crampstats.estimates import Estimate, mapped
from crampstats.measurement.rounded_cells import Cells
from crampstats.measurement.rounded_likelihood import (
    POSITIVE,
    TERMS,
    Likelihood,
    Scale,
    most_likely,
    other_distributions,
)
from crampstats.numerics import jacobian
from crampstats.proportions import made_estimate
from crampstats.schema import is_number

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from crampstats.intervals import Method
    from crampstats.survey import Survey

Distribution = Literal["normal", "lognormal", "box_cox", "sinh_arcsinh"]
# A power-transformed normal distribution ends at 0 (or, of negative power, has no end): so much of it may lie beyond.
MOST_BEYOND = 1e-6
# A smaller share has no interval on the logit scale worth the name.
LEAST = 1e-12
# Cells are pooled until each is expected to hold this share of the people, and as many people.
LEAST_EXPECTED = 0.005
LEAST_PEOPLE = 5.0
# The trapezoidal rule is exact to rounding for a smooth function that dies away on both sides.
_NORMAL = np.linspace(-10, 10, 201)
_NORMAL_WEIGHTS = np.exp(-(_NORMAL**2) / 2) / np.exp(-(_NORMAL**2) / 2).sum()


@dataclass(frozen=True)
class Misfit:
    """A test whether cells hold as many people as a distribution expects.

    Attributes
    ----------
    chi_square
        Pearson's, of shares times people: what it would be were the people a simple random sample.
    statistic
        F: `chi_square` divided by its expectation under the design.
    df, df_denominator
        Of F; neither has to be whole.
    p_value
        Probability of a statistic at least as large if the distribution is right.
    cells
        How many were compared, after pooling.

    Examples
    --------
    >>> import crampstats as cs
    >>> serum = cs.datasets.nhanes_magnesium().observed("magnesium_mg_dl")
    >>> misfit = fit_rounded(serum, "magnesium_mg_dl", distribution="sinh_arcsinh", lowest=1.4, highest=2.5).misfit
    >>> misfit.cells, round(misfit.p_value, 2)
    (11, 0.27)
    """

    chi_square: float
    statistic: float
    df: float
    df_denominator: float
    p_value: float
    cells: int

    def to_frame(self) -> pd.DataFrame:
        """Return the test as a table of one row."""
        return pd.DataFrame({name: [getattr(self, name)] for name in self.__dataclass_fields__})


@dataclass(frozen=True, eq=False, repr=False)
class RoundedDistribution:
    """The smooth distribution behind a number that was reported to a step.

    Attributes
    ----------
    column
        What was asked about.
    unit
        The unit in its name; None if there is none.
    step
        What the column is reported to, in its own unit.
    lowest, highest
        The reported values that stand for all at or beyond them; None where each value stands for its own step.
    distribution
        Which one.
    parameters
        As `fit_rounded` lists them.
    cells
        From the lowest to the highest reported value: ``reported``; ``n``, people; ``observed`` and ``expected``, shares
        that add up to 1, the outermost ones expected of all at or beyond them.
    misfit
        How far observed and expected lie apart; None if there are too few cells to tell.
    source
        The survey, in words.

    Examples
    --------
    >>> import crampstats as cs
    >>> serum = cs.datasets.nhanes_magnesium().observed("magnesium_mg_dl")
    >>> fit_rounded(serum, "magnesium_mg_dl", lowest=1.4, highest=2.5).parameters.value.round(3)
    array([1.966, 0.17 ])
    """

    column: str
    unit: str | None
    step: float
    lowest: float | None
    highest: float | None
    distribution: Distribution
    parameters: Estimate
    cells: pd.DataFrame
    misfit: Misfit | None
    source: str

    def share_at_most(self, values: ArrayLike, *, unit: str | None = None) -> np.ndarray:
        """Return the distribution function, without errors.

        Parameters
        ----------
        values
            One or several, in `unit`.
        unit
            As in `prevalence`.

        Returns
        -------
        ndarray
            Shape (k,): shares from 0 to 1.

        Raises
        ------
        CrampstatsError
            If the values are no numbers, or the unit cannot be turned into the column's.
        """
        exact = converted(read_cutoffs(values), self.column, unit or self.unit, self.unit)
        return special.ndtr(_normal_of(self.distribution, exact, self.parameters.value))

    def prevalence(self, cutoffs: ArrayLike, *, unit: str | None = None, cv: float = 0.0) -> Estimate:
        """Estimate the share of people whose unrounded value, or usual level, is at or below each cut-off.

        Parameters
        ----------
        cutoffs
            One or several, in `unit`: points of a smooth distribution, not reported values.
        unit
            ``"mmol/L"``, ``"µmol/L"``, ``"mg/dL"`` or ``"mEq/L"``; None for the column's own.
        cv
            Coefficient of variation of one draw about a person's usual level, within the person and by the assay together,
            as a share: 0.03 for 3 %. It is taken out of the spread, as a number known without error. 0 for the
            distribution of single draws.

        Returns
        -------
        Estimate
            k proportions with logit intervals, labelled by ``term`` and ``cutoff``.

        Raises
        ------
        CrampstatsError
            If the cut-offs are no numbers, the unit cannot be turned into the column's, `cv` is no share or leaves no spread
            between people or is asked of a ``"sinh_arcsinh"`` distribution, or nearly nobody or everybody is at or below a
            cut-off.

        Notes
        -----
        On the scale on which levels are normal with spread s, a draw varies about its usual level by w = cv x g'(x), taken at
        the centre x of the distribution; usual levels have the spread sqrt(s² - w²).

        Examples
        --------
        >>> import crampstats as cs
        >>> serum = cs.datasets.nhanes_magnesium().observed("magnesium_mg_dl")
        >>> rounded = fit_rounded(serum, "magnesium_mg_dl", lowest=1.4, highest=2.5)
        >>> rounded.prevalence(0.75, unit="mmol/L").value.round(3)
        array([0.199])
        >>> rounded.prevalence(0.75, unit="mmol/L", cv=0.03).value.round(3)
        array([0.184])
        """
        asked = read_cutoffs(cutoffs)
        exact = converted(asked, self.column, unit or self.unit, self.unit)
        self._check_variation(cv)

        def shares(parameters: np.ndarray) -> np.ndarray:
            left = np.sqrt(1 - (cv * _levels_a_spread(self.distribution, parameters)) ** 2) if cv else 1.0
            return special.ndtr(_normal_of(self.distribution, exact, parameters) / left)

        value = shares(self.parameters.value)
        outside = (value < LEAST) | (value > 1 - LEAST)
        if outside.any():
            raise CrampstatsError(
                f"cutoffs: {asked[outside][0]:g} {unit or self.unit or ''}".rstrip()
                + f" lies too far from the levels of {self.column!r} for a share with an interval."
            )
        what = f"usual {self.column}" if cv else self.column
        labels = pd.DataFrame({"term": [f"{what} <= {cutoff:.6g}" for cutoff in exact], "cutoff": asked})
        return self._derived(shares, labels, "logit")

    def _check_variation(self, cv: float) -> None:
        """Refuse a variation that cannot be taken out."""
        if not is_number(cv) or not 0 <= cv < 1:
            raise CrampstatsError(f"cv={cv!r} has to be a share from 0 to below 1, as in cv=0.03 for 3 %.")
        if cv == 0:
            return
        if self.distribution == "sinh_arcsinh":
            choices = ", ".join(name for name in TERMS if name != "sinh_arcsinh")
            raise CrampstatsError(
                f"cv={cv:g}: a sinh_arcsinh distribution has no scale on which it could be taken out; fit one of {choices}."
            )
        most = 1 / _levels_a_spread(self.distribution, self.parameters.value)
        if cv >= most:
            raise CrampstatsError(
                f"cv={cv:g} leaves no spread between people: all of {self.column!r} varies by {most:.3g} about its centre."
            )

    def quantile(self, probabilities: ArrayLike) -> Estimate:
        """Estimate quantiles of the unrounded values.

        Parameters
        ----------
        probabilities
            One or several, between 0 and 1.

        Returns
        -------
        Estimate
            In the column's unit with t intervals, labelled by ``term`` and ``probability``.

        Raises
        ------
        CrampstatsError
            If a probability is not between 0 and 1, or a ``"box_cox"`` distribution has no such quantile.

        Examples
        --------
        >>> import crampstats as cs
        >>> serum = cs.datasets.nhanes_magnesium().observed("magnesium_mg_dl")
        >>> fit_rounded(serum, "magnesium_mg_dl", lowest=1.4, highest=2.5).quantile([0.025, 0.5]).value.round(3)
        array([1.633, 1.966])
        """
        asked = np.atleast_1d(np.asarray(probabilities, dtype=float))
        if asked.ndim != 1 or asked.size == 0 or not ((asked > 0) & (asked < 1)).all():
            raise CrampstatsError(f"probabilities={probabilities!r} have to lie between 0 and 1, as in [0.025, 0.975].")
        normal = special.ndtri(asked)
        labels = pd.DataFrame({"term": self.column, "probability": asked})
        return self._derived(lambda parameters: _value_of(self.distribution, normal, parameters), labels, "wald")

    @property
    def mean(self) -> Estimate:
        """The mean of the unrounded values, in the column's unit."""
        labels = pd.DataFrame({"term": [f"mean of {self.column}"]})
        return self._derived(lambda parameters: self._moments(parameters)[:1], labels, "wald")

    @property
    def sd(self) -> Estimate:
        """The standard deviation of the unrounded values, in the column's unit."""
        labels = pd.DataFrame({"term": [f"sd of {self.column}"]})
        return self._derived(lambda parameters: self._moments(parameters)[1:], labels, "log")

    def _moments(self, parameters: np.ndarray) -> np.ndarray:
        """Return mean and standard deviation, by the trapezoidal rule on the normal scale."""
        values = _value_of(self.distribution, _NORMAL, parameters)
        mean = _NORMAL_WEIGHTS @ values
        return np.array([mean, np.sqrt(_NORMAL_WEIGHTS @ (values - mean) ** 2)])

    def _derived(
        self, function: Callable[[np.ndarray], np.ndarray], labels: pd.DataFrame, interval_method: Method
    ) -> Estimate:
        """Return functions of the parameters with their errors."""
        with np.errstate(all="ignore"):  # what is not finite is refused below
            value = function(self.parameters.value)
            slopes = jacobian(function, self.parameters.value)
        if not (np.isfinite(value).all() and np.isfinite(slopes).all()):
            raise CrampstatsError(
                f"the {self.distribution} distribution of {self.column!r} has no {labels['term'][0]!r} with a standard error."
            )
        n = np.full(len(value), self.parameters.n[0])
        return mapped(self.parameters, slopes, value=value, labels=labels, n=n, interval_method=interval_method)

    def to_frame(self, *, level: float = 0.95) -> pd.DataFrame:
        """Return the parameters as a table, see `Estimate.to_frame`.

        Parameters
        ----------
        level
            Confidence of the intervals.
        """
        return self.parameters.to_frame(level=level)

    @property
    def _told(self) -> str:
        """What was fitted to what, and how well, in words."""
        steps = f"reported to {self.step:.4g} {self.unit or ''}".rstrip()
        fit = "too few cells for a misfit" if self.misfit is None else f"misfit p = {self.misfit.p_value:.2g}"
        return f"{self.distribution} {self.column} in {self.source}, {steps}; {fit}"

    def __repr__(self) -> str:
        table = self.to_frame().drop(columns="note")
        shown = table.to_string(index=False, float_format="{:.4g}".format)
        return f"<RoundedDistribution: {self._told}>\n{shown}"

    def _repr_html_(self) -> str:
        table = self.to_frame().drop(columns="note")
        shown = table.to_html(index=False, border=0, float_format="{:.4g}".format)
        return f"<p>{html.escape(self._told)}</p>\n{shown}"


def _normal_of(distribution: str, values: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """Return the normal scores of values, shape (k,), -inf where a distribution of positive values has none."""
    centre, spread, *shape = parameters
    if distribution == "normal":
        return (values - centre) / spread
    if distribution == "sinh_arcsinh":
        return np.sinh(shape[1] * np.arcsinh((values - centre) / spread) - shape[0])
    distance = np.log(np.where(values > 0, values, 1.0) / centre)
    scores = distance * (special.exprel(shape[0] * distance) if shape else 1.0) / spread
    return np.where(values > 0, scores, -np.inf)


def _value_of(distribution: str, normal: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """Return the values that have these normal scores, shape (k,); not finite where there is none."""
    centre, spread, *shape = parameters
    if distribution == "normal":
        return centre + spread * normal
    if distribution == "sinh_arcsinh":
        return centre + spread * np.sinh((np.arcsinh(normal) + shape[0]) / shape[1])
    if distribution == "lognormal" or shape[0] == 0:
        return centre * np.exp(spread * normal)
    # Below the end of the distribution there is nothing but 0; beyond that of a negative power nothing at all.
    with np.errstate(divide="ignore"):
        grown = np.log1p(np.maximum(shape[0] * spread * normal, -1.0))
        return centre * np.exp(grown / shape[0])


def _levels_a_spread(distribution: str, parameters: np.ndarray) -> float:
    """Return how many spreads on the normal scale a level is at the centre: x g'(x) / s."""
    return float(parameters[0] / parameters[1] if distribution == "normal" else 1 / parameters[1])


def fit_rounded(
    survey: Survey,
    column: str,
    *,
    distribution: Distribution = "normal",
    step: float | None = None,
    lowest: float | None = None,
    highest: float | None = None,
) -> RoundedDistribution:
    """Fit the smooth distribution behind a number that was reported to a step.

    A value reported as v was measured in [v - step/2, v + step/2), so that the share reported as at most v is the share of
    people below v + step/2.

    Parameters
    ----------
    survey
        Whose domain is asked about.
    column
        A column of numbers, such as ``"magnesium_mg_dl"``, or arithmetic of columns.
    distribution
        ``"normal"``: ``mean`` and ``sd``. ``"lognormal"``: ``median`` and ``log_sd``, the standard deviation of the natural
        logarithm. ``"box_cox"``, normal after a power: ``median``, ``relative_sd`` (about the coefficient of variation) and
        ``power``, of which 1 is nearly the normal and 0 the lognormal distribution. ``"sinh_arcsinh"``: ``location``,
        ``scale``, ``skew`` (0 for none) and ``tail`` (1 as the normal one, below it heavier). Location, scale, mean, sd and
        median are in the column's unit.
    step
        What the column is reported to, in its own unit; None to find it from the distinct values in the domain.
    lowest, highest
        Reported values that stand for all at or below, at or above them, as in packaged cells (1.4 and 2.5 mg/dL in
        `crampstats.datasets.nhanes_magnesium`) or beyond the range of an assay; in the column's unit. Values beyond are
        counted with them. None: each value stands for its own step.

    Returns
    -------
    RoundedDistribution
        Parameters with t intervals under the design, cells and their misfit.

    Raises
    ------
    QuestionError
        If the column is no number, or somebody in the domain has no value: then ask ``survey.observed(column)`` first.
    CrampstatsError
        If the distribution is unknown, the column is not reported in steps or has too few of them, `lowest` or `highest` is
        no reported value, or a distribution of positive values is asked of others.
    DesignError
        If the domain has no degrees of freedom.
    ConvergenceError
        If the likelihood has no maximum that can be trusted.

    Notes
    -----
    The weighted likelihood of the cells (Heitjan DF, Stat Sci 1989;4:164-179, doi:10.1214/ss/1177012601), with the
    linearized variance of Binder DA, Int Stat Rev 1983;51:279-292, doi:10.2307/1402588: a distribution that is wrong still
    has right errors for the parameters that fit best. The power-transformed normal distribution (Box GEP, Cox DR, J R Stat
    Soc B 1964;26:211-252, doi:10.1111/j.2517-6161.1964.tb00553.x) has its parameters as in Cole TJ, Green PJ, Stat Med
    1992;11:1305-1319, doi:10.1002/sim.4780111005; what lies beyond 0 is left there, and refused if it is more than one in a
    million. Sinh-arcsinh: Jones MC, Pewsey A, Biometrika 2009;96:761-780, doi:10.1093/biomet/asp053.

    Misfit is Pearson's chi-square with the second-order correction of Rao JNK, Scott AJ, J Am Stat Assoc 1981;76:221-230,
    doi:10.1080/01621459.1981.10477633, and Ann Stat 1984;12:46-60, doi:10.1214/aos/1176346391, as an F: the covariance of
    observed less expected shares takes in that parameters were estimated. Neighbouring cells are pooled until each is
    expected to hold 0.5 % and five people. With few clusters it errs on the safe side: of 30 in 15 strata 2 % of p values were
    below 0.05. Without clusters it takes 8 bytes for each person and pooled cell for a moment.

    Examples
    --------
    >>> import crampstats as cs
    >>> serum = cs.datasets.nhanes_magnesium().observed("magnesium_mg_dl")
    >>> rounded = fit_rounded(serum, "magnesium_mg_dl", distribution="sinh_arcsinh", lowest=1.4, highest=2.5)
    >>> rounded.prevalence([1.7, 1.75]).value.round(3)  # 1.7 or less was reported of 9.9 %
    array([0.067, 0.103])
    """
    if distribution not in TERMS:
        raise CrampstatsError(f"distribution={distribution!r} is unknown: choose from {', '.join(TERMS)}.")
    cells = Cells.of(survey, column, step, lowest, highest)
    _check_cells(cells, column, distribution)
    scale = Scale.of(cells, distribution)
    likelihood = Likelihood.of(cells, scale, distribution)
    theta, information = most_likely(likelihood, float(survey.people), column)
    value = scale.parameters(distribution, theta)
    if distribution == "box_cox" and special.ndtr(-1 / max(abs(value[1] * value[2]), LEAST)) > MOST_BEYOND:
        raise CrampstatsError(
            f"distribution='box_cox' of {column!r} has more than {MOST_BEYOND:g} of the people beyond its end; choose "
            f"from {other_distributions('box_cox')}."
        )
    influence = np.linalg.solve(information, likelihood.slopes(theta)[0]).T / cells.weight.sum()
    component = cells.component(survey, influence * scale.slopes(distribution, value))
    labels = pd.DataFrame({"term": TERMS[distribution]})
    parameters = made_estimate(survey, labels, value, component, np.full(len(value), float(survey.people)), "wald")
    table, misfit = _compared(survey, cells, scale, distribution, theta, influence)
    return RoundedDistribution(
        column=column,
        unit=unit_of(column),
        step=cells.step,
        lowest=lowest,
        highest=highest,
        distribution=distribution,
        parameters=parameters,
        cells=table,
        misfit=misfit,
        source=survey.described,
    )


def _check_cells(cells: Cells, column: str, distribution: str) -> None:
    """Refuse cells that a distribution cannot be fitted to."""
    needed = len(TERMS[distribution]) + 1
    if len(cells.place) < needed:
        raise CrampstatsError(
            f"distribution={distribution!r} needs at least {needed} distinct values of {column!r}; there are "
            f"{len(cells.place)}."
        )
    least = cells.low[0] if np.isfinite(cells.low[0]) else cells.high[0]
    if distribution in POSITIVE and least <= 0:
        raise CrampstatsError(
            f"distribution={distribution!r} is one of positive numbers, and the lowest step of {column!r} begins at "
            f"{least:.4g}; choose from {', '.join(name for name in TERMS if name not in POSITIVE)}."
        )


def _compared(
    survey: Survey, cells: Cells, scale: Scale, distribution: str, theta: np.ndarray, influence: np.ndarray
) -> tuple[pd.DataFrame, Misfit | None]:
    """Return observed and expected shares of all cells, and the test of how far they lie apart."""
    low, high = scale.standardised(cells.low), scale.standardised(cells.high)
    low[0], high[-1] = -np.inf, np.inf  # so that shares add up to 1
    total = cells.weight.sum()
    observed, people = np.zeros(len(low)), np.zeros(len(low))
    observed[cells.place], people[cells.place] = cells.weight / total, cells.people
    everything = Likelihood(distribution, low, high, observed)
    with np.errstate(all="ignore"):  # a cell of no chance is pooled
        expected = np.exp(everything.logs(theta))
        slopes = np.where(expected > 0, expected * everything.slopes(theta)[0], 0.0)
    table = pd.DataFrame(
        {"reported": cells.reported, "n": people.astype(np.int64), "observed": observed, "expected": expected}
    )
    pool = _pools(expected, max(LEAST_EXPECTED, LEAST_PEOPLE / survey.people))
    count = int(pool[-1]) + 1
    if count <= len(theta) + 1:
        return table, None
    seen, hoped = (np.bincount(pool, shares, count) for shares in (observed, expected))
    moved = np.stack([np.bincount(pool, slope, count) for slope in slopes])
    # Of a weight of 1 in each occupied cell: what it adds to the observed share, less what to the expected one.
    apart = (pool[cells.place][:, None] == np.arange(count)) - seen
    component = cells.component(survey, apart / total - influence @ moved)
    covariance = survey.design.covariance(component.contributions, component.touched)
    inflated = survey.people * covariance / np.sqrt(np.outer(hoped, hoped))
    mean, squared = np.trace(inflated), np.sum(inflated**2)
    chi_square = float(survey.people * np.sum((seen - hoped) ** 2 / hoped))
    df = float(mean**2 / squared)
    df_denominator = df * float(survey.design.degrees_of_freedom(component.touched[:, :1])[0])
    statistic = chi_square / float(mean)
    p_value = float(special.fdtrc(df, df_denominator, statistic))
    return table, Misfit(chi_square, statistic, df, df_denominator, p_value, count)


def _pools(expected: np.ndarray, least: float) -> np.ndarray:
    """Return which pool of neighbours each cell belongs to, so that each pool is expected to hold `least`."""
    pool, held, number = np.zeros(len(expected), dtype=np.intp), 0.0, 0
    for place, share in enumerate(expected):
        pool[place] = number
        held += share
        if held >= least:
            number, held = number + 1, 0.0
    # What is left at the end belongs to the last pool that is full.
    return np.minimum(pool, max(number - 1, 0))
