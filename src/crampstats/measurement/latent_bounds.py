"""What markers of a latent state allow where they do not identify its prevalence: bounds, and why a fit is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd
from scipy import linalg, optimize, special

from crampstats.errors import ConvergenceError, CrampstatsError, IdentifiabilityError, QuestionError
from crampstats.estimates import Component, Estimate, mapped, stacked
from crampstats.measurement.latent_tables import SAME, PatternTable, Shown, check_level, read_patterns
from crampstats.proportions import mean
from crampstats.schema import is_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crampstats.survey import Survey

Dependence = Literal["independent", "any"]
# Populations whose markers differ with a larger p-value than this cannot be told apart.
TOLD_APART = 0.01


@dataclass(frozen=True, eq=False, repr=False)
class LatentClassBounds(Shown):
    """The prevalences of a latent state that agree with what its markers showed.

    Attributes
    ----------
    estimate
        Terms ``lowest prevalence`` and ``highest prevalence``.
    markers
        What they are called.
    least_accuracy
        Shape (markers, 2): the least sensitivities and specificities.
    dependence
        Whether markers are taken as independent given the state.

    Examples
    --------
    >>> import crampstats as cs
    >>> people = cs.Survey(pd.DataFrame({"serum": [1, 1, 0, 0], "urine": [1, 0, 1, 0], "n": [60, 40, 90, 810]}), count="n")
    >>> found = latent_class_bounds(people, ["serum", "urine"])
    >>> [round(limit, 3) for limit in found.interval()]
    [0.043, 0.284]
    """

    estimate: Estimate
    markers: tuple[str, ...]
    least_accuracy: np.ndarray
    dependence: Dependence

    @property
    def low(self) -> float:
        """The lowest prevalence that agrees with the observed shares."""
        return float(self.estimate.value[0])

    @property
    def high(self) -> float:
        """The highest prevalence that agrees with the observed shares."""
        return float(self.estimate.value[1])

    def interval(self, *, level: float = 0.95) -> tuple[float, float]:
        """Return limits that hold the prevalence, not all its bounds, with this confidence.

        Parameters
        ----------
        level
            Confidence.

        Raises
        ------
        IntervalError
            If it is not between 0 and 1.

        Notes
        -----
        Imbens GW, Manski CF, Econometrica 2004;72:1845-1857, doi:10.1111/j.1468-0262.2004.00555.x, with the t distribution.
        """
        check_level(level)
        errors, degrees = self.estimate.std_error, float(self.estimate.df[0])
        widest = errors.max()
        if widest == 0:
            return self.low, self.high
        gap = (self.high - self.low) / widest

        def excess(reach: float) -> float:
            return float(special.stdtr(degrees, reach + gap) - special.stdtr(degrees, -reach)) - level

        reach = float(optimize.brentq(excess, 0.0, float(special.stdtrit(degrees, (1 + level) / 2)) + 1, xtol=1e-12))
        return max(self.low - reach * float(errors[0]), 0.0), min(self.high + reach * float(errors[1]), 1.0)

    def to_frame(self, *, level: float = 0.95) -> pd.DataFrame:
        """Return the two bounds as a table; limits, each of one bound, stay within 0 and 1.

        Parameters
        ----------
        level
            Confidence.
        """
        table = self.estimate.to_frame(level=level)
        return table.assign(conf_low=table["conf_low"].clip(0, 1), conf_high=table["conf_high"].clip(0, 1))

    @property
    def _title(self) -> str:
        how = "independent given the state" if self.dependence == "independent" else "dependent in any way"
        return f"LatentClassBounds of {', '.join(self.markers)}, {how}, in {self.estimate.source}"


def latent_class_bounds(
    survey: Survey,
    markers: Sequence[str],
    *,
    least_accuracy: float | Mapping[str, tuple[float, float]] = 0.0,
    dependence: Dependence = "independent",
) -> LatentClassBounds:
    """Return the lowest and the highest prevalence of a latent state that agree with what markers showed.

    Parameters
    ----------
    survey
        Whose domain is asked about.
    markers
        Columns of 0 and 1, or yes/no questions. One or two, or with ``dependence="any"`` more.
    least_accuracy
        The least that all sensitivities and specificities are, from 0 to 1; or for each marker its least sensitivity and
        specificity, as in ``{"serum_low": (0.3, 0.9)}``, 0 for markers that are not named. Besides, sensitivity and
        specificity of each marker add up to at least 1.
    dependence
        ``"independent"``: of each other given the state; ``"any"``: markers may share errors in any way.

    Returns
    -------
    LatentClassBounds
        Both bounds with the sampling error of the shares that they are made of.

    Raises
    ------
    CrampstatsError
        If no prevalence agrees with the data, or the accuracies are not from 0 to 1.
    QuestionError
        As `latent_class`; and if more than two markers are to be independent: those identify the prevalence.
    DesignError
        If the domain has no degrees of freedom.

    Notes
    -----
    The bounds are sharp. Of two independent markers with shares p11, p10, p01, p00 and no more than that, the prevalence
    lies between (p11 p00 - p10 p01) / p00 and 1 - (p11 p00 - p10 p01) / p11: the ends belong to markers that miss nobody,
    or never accuse anybody. With dependence the joint distribution of state and markers is only constrained linearly, and
    bounds are linear programs, their slopes the dual solutions: Balke A, Pearl J, J Am Stat Assoc 1997;92:1171-1176,
    doi:10.1080/01621459.1997.10474074. Where two constraints meet a bound has a kink, and its standard error is that of one
    side.

    Examples
    --------
    >>> import crampstats as cs
    >>> people = cs.Survey(pd.DataFrame({"serum": [1, 1, 0, 0], "urine": [1, 0, 1, 0], "n": [60, 40, 90, 810]}), count="n")
    >>> found = latent_class_bounds(people, ["serum", "urine"])
    >>> round(found.low, 4), round(found.high, 4)
    (0.0556, 0.25)
    >>> latent_class_bounds(people, ["serum"], least_accuracy={"serum": (0.3, 0.95)}).to_frame()["estimate"].round(4).tolist()
    [0.0526, 0.3333]
    """
    if dependence not in get_args(Dependence):
        raise CrampstatsError(f"dependence={dependence!r} is unknown: choose from {', '.join(get_args(Dependence))}.")
    table = read_patterns(survey, markers, None)
    if dependence == "independent" and len(table.markers) > 2:
        raise QuestionError(
            f"{len(table.markers)} independent markers identify the prevalence: use latent_class(), or bounds with "
            "dependence='any'."
        )
    least = _least_accuracies(table.markers, least_accuracy)
    shares = table.shares()
    if dependence == "independent" and len(table.markers) == 2:
        value, slopes = _independent_bounds(table, shares.value, least)
    else:
        value, slopes = _dependent_bounds(table, shares.value, least)
    estimate = mapped(
        shares,
        slopes,
        value=value,
        labels=pd.DataFrame({"term": ["lowest prevalence", "highest prevalence"]}),
        n=np.full(2, float(survey.people)),
        interval_method="wald",
    )
    # A bound of 0 or 1 by assumption touches no cluster; the degrees of freedom are those of the domain all the same.
    part = estimate.components[0]
    parts = (Component(part.design, part.contributions, table.touched(2), part.spent),)
    estimate = Estimate(estimate.labels, estimate.value, parts, estimate.n, "wald", estimate.source)
    return LatentClassBounds(estimate, table.markers, least, dependence)


def _least_accuracies(markers: Sequence[str], asked: float | Mapping[str, tuple[float, float]]) -> np.ndarray:
    """Return the least sensitivity and specificity of each marker, shape (markers, 2)."""
    example = f"as in 0.5 or {{{markers[0]!r}: (0.3, 0.9)}}"
    if isinstance(asked, Mapping):
        strangers = [name for name in asked if name not in markers]
        if strangers:
            raise CrampstatsError(f"least_accuracy names {strangers[0]!r}, which is none of {', '.join(markers)}.")
        pairs = [asked.get(marker, (0.0, 0.0)) for marker in markers]
    else:
        pairs = [(asked, asked)] * len(markers)
    fits = [
        isinstance(pair, tuple | list) and len(pair) == 2 and all(is_number(one) and 0 <= one <= 1 for one in pair)
        for pair in pairs
    ]
    if not all(fits):
        raise CrampstatsError(
            f"least_accuracy={asked!r} has to be one number from 0 to 1, or pairs of them, {example}."
        )
    return np.array(pairs, dtype=float)


def _independent_bounds(table: PatternTable, share: np.ndarray, least: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both bounds and their slopes, shape (2, 4), of two markers that are independent given the state.

    Given the shares, the sensitivity of the second marker depends on the specificity of the first one alone, and the other
    way round: what agrees with the data is a rectangle, over which the prevalence falls in both.
    """
    # Shares of first, second, both; each quantity below carries its slopes in them.
    first, second, both = share[2] + share[3], share[1] + share[3], share[3]
    covariance, bend = both - first * second, np.array([-second, -first, 1.0])
    named = " and ".join(table.markers)
    if covariance <= 0:
        raise CrampstatsError(
            f"no prevalence between 0 and 1 agrees with the data: {named} do not go together, as two markers of one state "
            "would."
        )
    unit = np.eye(3)

    def shifted(sign: float, base: float, slope: float) -> tuple[float, np.ndarray]:
        """Return first + sign * covariance / (base + slope * second)."""
        under = base + slope * second
        return first + sign * covariance / under, unit[0] + sign * (
            bend / under - covariance * slope * unit[1] / under**2
        )

    (found, cleared), (other_found, other_cleared) = least
    flat = np.zeros(3)
    highest, least_false = [(1.0, flat)], [(0.0, flat)]
    if second > 1 - other_cleared:
        highest.append(shifted(1, other_cleared - 1, 1))
    if other_found > second:
        least_false.append(shifted(-1, other_found, -1))
    lowest = [(found, flat), shifted(1, 0, 1)]
    most_false = [(1 - cleared, flat), shifted(-1, 1, -1)]

    def value_of(pair: tuple[float, np.ndarray]) -> float:
        return pair[0]

    sensitivity = min(highest, key=value_of), max(lowest, key=value_of)
    false = min(most_false, key=value_of), max(least_false, key=value_of)
    if sensitivity[0][0] < sensitivity[1][0] - SAME or false[0][0] < false[1][0] - SAME:
        raise CrampstatsError(f"no prevalence agrees with the data and least_accuracy={least.tolist()} of {named}.")
    to_shares = np.array([[0, 0, 1, 1], [0, 1, 0, 1], [0, 0, 0, 1]], dtype=float)
    values, slopes = [], []
    for (found_there, found_slope), (false_there, false_slope) in zip(sensitivity, false, strict=True):
        gap = found_there - false_there
        prevalence = (first - false_there) / gap
        slope = (unit[0] - prevalence * found_slope - (1 - prevalence) * false_slope) / gap
        values.append(prevalence)
        slopes.append(slope @ to_shares)
    return np.clip(values, 0.0, 1.0), np.array(slopes)


def _dependent_bounds(table: PatternTable, share: np.ndarray, least: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both bounds and their slopes in the shares, of one marker or of any that may depend on each other."""
    cells, yes = len(share), table.patterns
    # The joint shares of having the state and a pattern come first, those of not having it after them.
    nobody = np.zeros((len(yes.T), cells))
    missed = np.hstack([least[:, :1] - yes.T, nobody])
    accused = np.hstack([nobody, least[:, 1:] - (1 - yes.T)])
    # Sensitivity is at least the rate of false positives where it is at least the share of positives of all people.
    misled = np.hstack([(share @ yes)[:, None] - yes.T, nobody])
    state = np.repeat([1.0, 0.0], cells)
    values, slopes = [], []
    for sign in (1, -1):
        answer = optimize.linprog(
            sign * state,
            A_ub=np.vstack([missed, accused, misled]),
            b_ub=np.zeros(3 * len(yes.T)),
            A_eq=np.hstack([np.eye(cells), np.eye(cells)]),
            b_eq=share,
            bounds=(0, None),
        )
        if answer.status == 2:
            raise CrampstatsError(
                f"no prevalence agrees with the data and least_accuracy={least.tolist()} of {' and '.join(table.markers)}."
            )
        if answer.status != 0:
            raise ConvergenceError(
                f"bounds of {' and '.join(table.markers)}: the linear program ended with {answer.message}"
            )
        prevalence = float(state @ answer.x)
        # The share of positives in the rows of `misled` moves with the shares of the patterns.
        moved = prevalence * (yes @ answer.ineqlin.marginals[2 * len(yes.T) :])
        values.append(prevalence)
        slopes.append(sign * (answer.eqlin.marginals - moved))
    return np.clip(values, 0.0, 1.0), np.array(slopes)


def not_identified(table: PatternTable, why: str) -> IdentifiabilityError:
    """Return the error, with the bounds that two markers have or the reason why there are none.

    Parameters
    ----------
    table
        Whose first two markers are asked for bounds.
    why
        What is lacking, to stand after a colon.

    Returns
    -------
    IdentifiabilityError
        To be raised.

    Examples
    --------
    >>> import crampstats as cs
    >>> people = cs.Survey(pd.DataFrame({"serum": [1, 1, 0, 0], "urine": [1, 0, 1, 0], "n": [60, 40, 90, 810]}), count="n")
    >>> error = not_identified(read_patterns(people, ["serum", "urine"], None), "two markers are too few")
    >>> round(error.bounds.low, 4), round(error.bounds.high, 4)
    (0.0556, 0.25)
    """
    cure = (
        "take three markers that are independent given the state, two in populations of different prevalence, or state "
        "priors for two"
    )
    two = table.markers if len(table.markers) <= 2 else table.markers[:2]
    try:
        bounds = latent_class_bounds(table.survey, list(two))
    except CrampstatsError as refusal:
        return IdentifiabilityError(f"the prevalence is not identified: {why}. {cure.capitalize()}. {refusal}")
    allowed = f"All that {' and '.join(two)} allow is a prevalence from {bounds.low:.4g} to {bounds.high:.4g} (.bounds)"
    return IdentifiabilityError(f"the prevalence is not identified: {why}. {allowed}; {cure}.", bounds)


def refuse_unidentified(table: PatternTable) -> None:
    """Refuse markers and populations that are too few, and populations that are alike.

    Parameters
    ----------
    table
        Of any number of markers and populations.

    Raises
    ------
    IdentifiabilityError
        If they do not determine the prevalence.

    Examples
    --------
    >>> import crampstats as cs
    >>> people = cs.Survey(pd.DataFrame({"serum": [1, 0], "n": [100, 900]}), count="n")
    >>> refuse_unidentified(read_patterns(people, ["serum"], None))
    Traceback (most recent call last):
    crampstats.errors.IdentifiabilityError: the prevalence is not identified: 1 marker in 1 population gives 1 free share, ...
    """
    markers, populations = len(table.markers), len(table.levels)
    if markers >= 3:
        return
    if markers == 1 or populations == 1:
        raise not_identified(
            table,
            f"{markers} marker{'s' * (markers > 1)} in {populations} population{'s' * (populations > 1)} give"
            f"{'s' * (markers == 1)} {table.information} free share{'s' * (table.information > 1)}, and there are "
            f"{table.parameters} unknown prevalences, sensitivities and specificities",
        )
    p_value = _same_populations(table)
    if p_value > TOLD_APART:
        raise not_identified(
            table,
            f"two markers need populations whose prevalences differ, and the levels of {table.populations} cannot be told "
            f"apart by {' and '.join(table.markers)} (p = {p_value:.2g})",
        )


def _same_populations(table: PatternTable) -> float:
    """Return the p-value of the hypothesis that the markers are as frequent in all populations.

    The adjusted Wald test, Hotelling's for few clusters: Korn EL, Graubard BI, Am Stat 1990;44:270-276,
    doi:10.1080/00031305.1990.10475737.
    """
    by = [str(table.populations)]
    found = stacked([mean(table.survey, marker, by=by) for marker in table.markers])
    populations = len(table.levels)
    one = np.column_stack([-np.ones(populations - 1), np.eye(populations - 1)])
    contrast = linalg.block_diag(*[one] * len(table.markers))
    gaps, covariance = contrast @ found.value, contrast @ found.covariance @ contrast.T
    distance = float(gaps @ linalg.pinvh(covariance) @ gaps)
    rank = int(np.linalg.matrix_rank(covariance, hermitian=True))
    if rank == 0:
        return 1.0 if np.abs(gaps).max() < SAME else 0.0
    whole = float(table.survey.degrees_of_freedom)
    left = max(whole - rank + 1, 1.0)
    return float(special.fdtrc(rank, left, distance / rank * left / whole))
