"""A normal curve through two published shares, and the one of usual levels behind it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri

from crampstats.errors import CrampstatsError
from crampstats.schema import is_number

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True)
class NormalCurve:
    """A normal distribution of levels.

    Attributes
    ----------
    mean, sd
        In the unit of the levels; `sd` above 0.

    Raises
    ------
    CrampstatsError
        If they are no numbers, or the spread is not positive.

    Examples
    --------
    >>> NormalCurve(0.82, 0.06).share([0.70, 0.82]).round(4)
    array([0.0228, 0.5   ])
    """

    mean: float
    sd: float

    def __post_init__(self) -> None:
        if not (is_number(self.mean) and is_number(self.sd) and self.sd > 0):
            raise CrampstatsError(f"mean={self.mean!r} and sd={self.sd!r} have to be numbers, the spread above 0.")

    def share(self, at_most: ArrayLike) -> np.ndarray:
        """Return the share of people at or below levels, shape as `at_most`.

        Parameters
        ----------
        at_most
            One or several levels, in the unit of the curve.

        Raises
        ------
        CrampstatsError
            If a level is no finite number.
        """
        levels = np.asarray(at_most)
        if levels.dtype.kind not in "iuf" or not np.isfinite(levels).all():
            raise CrampstatsError(f"at_most={at_most!r} has to be one or several numbers, in the unit of the curve.")
        return ndtr((levels - self.mean) / self.sd)

    def usual(self, cv: float) -> NormalCurve:
        """Return the curve of usual levels, if this one is of single draws.

        Parameters
        ----------
        cv
            Total coefficient of variation of a draw about a person's usual level, within-person and analytic: 0.02 is 2 %.

        Raises
        ------
        CrampstatsError
            If it is not from 0 to 1, the mean is not positive, or draws vary as much within a person as between people.

        Notes
        -----
        The variance of draws is that of usual levels and (`cv` times the mean) squared: Fraser CG, Harris EK, Crit Rev Clin
        Lab Sci 1989;27:409-437, doi:10.3109/10408368909106595.

        Examples
        --------
        >>> draws = normal_through({0.70: 0.02, 0.76: 0.145})
        >>> [float(draws.usual(cv).share(0.75).round(3)) for cv in (0.0, 0.02, 0.036)]
        [0.11, 0.102, 0.08]
        """
        if not is_number(cv) or not 0 <= cv < 1:
            raise CrampstatsError(f"cv={cv!r} has to be a share from 0 to 1: 0.02 is 2 %.")
        if self.mean <= 0:
            raise CrampstatsError(f"mean={self.mean!r}: a coefficient of variation needs a mean above 0.")
        left = self.sd**2 - (cv * self.mean) ** 2
        if left <= 0:
            raise CrampstatsError(
                f"cv={cv!r} leaves no spread between people: single draws vary by {self.sd / self.mean:.4g} of the mean."
            )
        return NormalCurve(self.mean, math.sqrt(left))


def normal_through(shares: Mapping[float, float]) -> NormalCurve:
    """Return the normal curve with two published shares.

    Parameters
    ----------
    shares
        Two cut-offs and the shares of people at or below them, as in ``{0.70: 0.02, 0.76: 0.145}``; a larger share at the
        higher cut-off.

    Raises
    ------
    CrampstatsError
        If there are not two, a share is not between 0 and 1, or the higher cut-off has not the larger share.

    Notes
    -----
    With z the quantile of the standard normal at each share, the spread is the distance of the cut-offs over that of the z.
    Two shares fit every normal curve: whether levels are normal, they cannot tell.

    Examples
    --------
    >>> curve = normal_through({0.70: 0.02, 0.76: 0.145})
    >>> round(curve.mean, 4), round(curve.sd, 4)
    (0.8238, 0.0603)
    """
    if (
        not isinstance(shares, Mapping)
        or len(shares) != 2
        or not all(is_number(number) for pair in shares.items() for number in pair)
    ):
        raise CrampstatsError(
            f"shares={shares!r} has to hold two cut-offs and their shares as numbers, as in {{0.70: 0.02, 0.76: 0.145}}."
        )
    (low, small), (high, large) = sorted(shares.items())
    if not 0 < small < large < 1:
        raise CrampstatsError(
            f"shares={shares!r}: shares lie between 0 and 1, and the higher cut-off {high!r} has the larger one."
        )
    first, second = float(ndtri(small)), float(ndtri(large))
    sd = (high - low) / (second - first)
    return NormalCurve(low - first * sd, sd)
