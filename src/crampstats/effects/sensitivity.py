"""How strong unmeasured confounding would have to be to explain an association away: E-values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from crampstats.effects.standardization import told
from crampstats.errors import CrampstatsError
from crampstats.estimates import Estimate
from crampstats.schema import is_number

if TYPE_CHECKING:
    import pandas as pd


RatioMeasure = Literal["risk_ratio", "prevalence_ratio", "rate_ratio", "odds_ratio", "hazard_ratio"]
Frequency = Literal["rare", "common"]
# These are no ratios of risks, and stand for one only where the outcome is rare.
NOT_RISKS = ("odds_ratio", "hazard_ratio")


@dataclass(frozen=True, eq=False, repr=False)
class EValues:
    """How strong unmeasured confounding would have to be to explain k ratios away.

    Attributes
    ----------
    labels
        Of the ratios, with ``term``.
    measure, outcome
        As asked.
    ratio, low, high
        Shape (k,): the risk ratios that the estimates stand for, and their limits; NaN where there are none.
    point
        Shape (k,): E-values of the ratios.
    limit
        Shape (k,): E-values of the limits nearer 1; 1 where the interval holds 1, NaN where there are no limits.

    Examples
    --------
    >>> e_value(3.9, low=1.8, high=8.7, measure="risk_ratio").to_frame()[["e_value", "e_value_limit"]].round(2)
       e_value  e_value_limit
    0     7.26            3.0
    """

    labels: pd.DataFrame
    measure: RatioMeasure
    outcome: Frequency | None
    ratio: np.ndarray
    low: np.ndarray
    high: np.ndarray
    point: np.ndarray
    limit: np.ndarray

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each ratio.

        Returns
        -------
        DataFrame
            The labels; ``estimate``, ``conf_low``, ``conf_high`` as risk ratios; ``e_value``, ``e_value_limit``; ``note``,
            which says where the estimate only stands for a risk ratio, and where there are no limits.
        """
        said = (
            ""
            if self.measure not in NOT_RISKS
            else f"{self.outcome} outcome: the {_words(self.measure)} as a risk ratio"
        )
        notes = ["; ".join(filter(None, (said, "" if np.isfinite(each) else "no limits"))) for each in self.limit]
        return self.labels.assign(
            estimate=self.ratio,
            conf_low=self.low,
            conf_high=self.high,
            e_value=self.point,
            e_value_limit=self.limit,
            note=notes,
        )

    def __len__(self) -> int:
        return len(self.ratio)

    def __repr__(self) -> str:
        return f"<EValues>\n{self.to_frame().to_string(index=False, float_format='{:.4g}'.format)}"

    def _repr_html_(self) -> str:
        return self.to_frame().to_html(index=False, border=0, float_format="{:.4g}".format)


def e_value(
    estimate: Estimate | float,
    *,
    measure: RatioMeasure,
    low: float | None = None,
    high: float | None = None,
    outcome: Frequency | None = None,
    level: float = 0.95,
) -> EValues:
    """Return how strongly an unmeasured confounder would have to go with exposure and outcome to explain a ratio away.

    Parameters
    ----------
    estimate
        Ratios, as `crampstats.contrast` or ``Model.prevalence_ratios`` give them; or one number.
    measure
        What they are: ``"risk_ratio"``, ``"prevalence_ratio"``, ``"rate_ratio"``, ``"odds_ratio"`` or ``"hazard_ratio"``.
    low, high
        Confidence limits of a number; None without. An estimate has its own.
    outcome
        Of an odds or hazard ratio: ``"rare"`` (below 15 %), when it is taken for a risk ratio, or ``"common"``, when it is
        turned into about one.
    level
        Confidence of the limits of an estimate.

    Returns
    -------
    EValues
        The smallest risk ratio that the confounder would need with both, given the covariates that are in the model: for the
        estimate, and for the limit that is nearer 1.

    Raises
    ------
    CrampstatsError
        If a ratio or limit is not positive, limits do not hold the estimate, or a choice is unknown or missing.

    Notes
    -----
    VanderWeele TJ, Ding P, Ann Intern Med 2017;167:268-274, doi:10.7326/M16-2607: RR + sqrt(RR (RR − 1)), of 1 / RR below 1.
    Common outcomes: the square root of an odds ratio; (1 − 0.5^sqrt(HR)) / (1 − 0.5^sqrt(1/HR)). It says nothing of selection,
    misclassification or chance, nor how plausible such a confounder is.

    Examples
    --------
    >>> import crampstats as cs
    >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class").define(frequent="cramp_class >= 3")
    >>> ratios = cs.fit(cramps, "frequent ~ sex + age_group", family="poisson").prevalence_ratios()
    >>> e_value(ratios.where("term == 'sex[T.female]'"), measure="prevalence_ratio").point.round(2)
    array([2.79])
    """
    if measure not in get_args(RatioMeasure):
        raise CrampstatsError(f"measure={measure!r} is unknown: choose from {', '.join(get_args(RatioMeasure))}.")
    if measure in NOT_RISKS and outcome not in get_args(Frequency):
        raise CrampstatsError(
            f"outcome={outcome!r}: say of {_words(measure)}s whether the outcome is 'rare' or 'common'."
        )
    if measure not in NOT_RISKS and outcome is not None:
        raise CrampstatsError(f"outcome={outcome!r}: of {_words(measure)}s it does not matter; leave it out.")
    labels, ratios = _ratios(estimate, low, high, measure, level)
    if np.any(ratios <= 0) or np.any(ratios[1] > ratios[0]) or np.any(ratios[2] < ratios[0]):
        raise CrampstatsError(
            f"estimate, low and high have to be positive and low <= estimate <= high; they are {ratios.T.tolist()}."
        )
    risks = _as_risk_ratios(ratios, measure, outcome)
    point, below, above = _threshold(risks)
    # The limit that is nearer 1: the lower one of a ratio above 1; of an interval that holds 1 nothing has to be explained.
    nearer = np.where(risks[0] >= 1, np.where(risks[1] <= 1, 1.0, below), np.where(risks[2] >= 1, 1.0, above))
    missing = np.where(risks[0] >= 1, np.isnan(risks[1]), np.isnan(risks[2]))
    limit = np.where(missing, np.nan, nearer)
    return EValues(labels, measure, outcome, risks[0], risks[1], risks[2], point, limit)


def _words(measure: str) -> str:
    """Return a measure in words."""
    return measure.replace("_", " ")


def _ratios(
    estimate: Estimate | float, low: float | None, high: float | None, measure: str, level: float
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return labels, and estimates and limits of shape (3, k)."""
    if isinstance(estimate, Estimate):
        if low is not None or high is not None:
            raise CrampstatsError("low and high are for a number; an estimate has limits of its own.")
        limits = estimate.interval(level=level)
        return estimate.labels, np.stack([estimate.value, limits.low, limits.high])
    for name, value in (("estimate", estimate), ("low", low), ("high", high)):
        if not is_number(value) and (value is not None or name == "estimate"):
            raise CrampstatsError(f"{name}={value!r} has to be a number{'' if name == 'estimate' else ' or None'}.")
    return told(_words(measure)), np.array(
        [[np.nan if each is None else float(each)] for each in (estimate, low, high)]
    )


def _as_risk_ratios(ratios: np.ndarray, measure: str, outcome: str | None) -> np.ndarray:
    """Return what risk ratios odds or hazard ratios of a common outcome stand for, about."""
    if outcome != "common":
        return ratios
    if measure == "odds_ratio":
        return np.sqrt(ratios)
    return (1 - 0.5 ** np.sqrt(ratios)) / (1 - 0.5 ** np.sqrt(1 / ratios))


def _threshold(ratios: np.ndarray) -> np.ndarray:
    """Return E-values of risk ratios."""
    away = np.where(ratios < 1, 1 / ratios, ratios)
    return away + np.sqrt(away * (away - 1))
