"""Families of outcomes and their links: what a regression assumes of the mean and the variance.

All functions are elementwise on arrays of one shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from scipy import special

from crampstats.errors import QuestionError

if TYPE_CHECKING:
    from collections.abc import Callable

FamilyName = Literal[
    "binomial",
    "poisson",
    "gaussian",
    "negative_binomial",
    "zero_inflated_poisson",
    "zero_inflated_negative_binomial",
    "hurdle_poisson",
    "hurdle_negative_binomial",
    "ordinal",
    "grouped_negative_binomial",
]
LinkName = Literal["logit", "log", "identity"]


@dataclass(frozen=True)
class Link:
    """How the mean hangs on the linear predictor eta.

    Attributes
    ----------
    name
        ``"logit"``, ``"log"`` or ``"identity"``.
    forward
        From the mean to eta.
    inverse
        From eta to the mean.
    slope
        Derivative of the mean with respect to eta, given eta and the mean.
    interval_method
        The interval that is a t interval for eta, transformed back.
    """

    name: LinkName
    forward: Callable[[np.ndarray], np.ndarray]
    inverse: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray, np.ndarray], np.ndarray]
    interval_method: Literal["logit", "log", "wald"]


LINKS: dict[str, Link] = {
    "logit": Link("logit", special.logit, special.expit, lambda _, mean: mean * (1 - mean), "logit"),
    "log": Link("log", np.log, np.exp, lambda _, mean: mean, "log"),
    "identity": Link("identity", lambda mean: mean, lambda eta: eta, lambda eta, _: np.ones_like(eta), "wald"),
}


@dataclass(frozen=True)
class Family:
    """What is assumed of an outcome.

    Attributes
    ----------
    name
        ``"binomial"``, ``"poisson"`` or ``"gaussian"``.
    links
        Those that may be chosen, the usual one first.
    outcome
        In words, what values the outcome may take.
    admits
        Whether each value of an outcome may occur.
    mean_is_possible
        Whether each mean may occur.
    variance
        Of the outcome, up to a factor, given its mean.
    deviance
        Twice the log-likelihood that each row lacks from a perfect fit, given outcome and mean.
    """

    name: FamilyName
    links: tuple[LinkName, ...]
    outcome: str
    admits: Callable[[np.ndarray], np.ndarray]
    mean_is_possible: Callable[[np.ndarray], np.ndarray]
    variance: Callable[[np.ndarray], np.ndarray]
    deviance: Callable[[np.ndarray, np.ndarray], np.ndarray]


FAMILIES: dict[str, Family] = {
    "binomial": Family(
        "binomial",
        ("logit", "log", "identity"),
        "0 or 1",
        lambda y: (y == 0) | (y == 1),
        lambda mean: (mean > 0) & (mean < 1),
        lambda mean: mean * (1 - mean),
        lambda y, mean: -2 * np.log(np.where(y == 1, mean, 1 - mean)),
    ),
    "poisson": Family(
        "poisson",
        ("log", "identity"),
        "0 or more",
        lambda y: y >= 0,
        lambda mean: mean > 0,
        lambda mean: mean,
        lambda y, mean: 2 * (special.xlogy(y, y / mean) - (y - mean)),
    ),
    "gaussian": Family(
        "gaussian",
        ("identity", "log"),
        "a finite number",
        np.isfinite,
        np.isfinite,
        np.ones_like,
        lambda y, mean: (y - mean) ** 2,
    ),
}


def choose(family: str, link: str | None) -> tuple[Family, Link]:
    """Return a family and one of its links by name.

    Parameters
    ----------
    family
        ``"binomial"``, ``"poisson"`` or ``"gaussian"``.
    link
        None for the family's usual one.

    Raises
    ------
    QuestionError
        If there is none of that name.

    Examples
    --------
    >>> choose("poisson", None)[1].name
    'log'
    """
    if family not in FAMILIES:
        hint = (
            "; the errors are the design's, whatever the family says of the variance" if "quasi" in str(family) else ""
        )
        raise QuestionError(f"family={family!r} is unknown: choose from {', '.join(get_args(FamilyName))}{hint}.")
    chosen = FAMILIES[family]
    name = link or chosen.links[0]
    if name not in chosen.links:
        raise QuestionError(f"link={link!r} does not go with family={family!r}: choose from {', '.join(chosen.links)}.")
    return chosen, LINKS[name]
