"""Behind the reported number: what one draw of blood says of a person's usual level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from crampstats.errors import CrampstatsError
from crampstats.estimates import Estimate, stacked, transform
from crampstats.proportions import mean
from crampstats.schema import is_number

if TYPE_CHECKING:
    from crampstats.survey import Survey

# A smaller share has no interval on the logit scale worth the name.
LEAST = 1e-12


def usual_prevalence(survey: Survey, first: str, second: str, *, at_most: float) -> Estimate:
    """Estimate how many people have a low usual level, from one draw of everybody and a second one of some.

    One draw varies within a person and by the assay; a cut-off on it finds more people in the tails than have a low usual
    level. Two draws of the same person tell how much of the spread is of that kind; usual levels are taken as normal with
    the spread that is left.

    Parameters
    ----------
    survey
        Whose domain is asked about.
    first, second
        Columns of the two draws, in one unit. The second one may be missing, in people whom chance has left out.
    at_most
        The cut-off, in that unit: low is at or below it. It is a point of a smooth distribution, not a reported value.

    Returns
    -------
    Estimate
        One share, with an interval on the logit scale. The errors of mean, spread and within-person spread are carried.

    Raises
    ------
    CrampstatsError
        If the draws of one person differ so much that no spread between people is left, the cut-off is no number, or nearly
        nobody or nearly everybody is below it.
    QuestionError
        If a column is not there or holds no numbers.

    Notes
    -----
    The normal case of Nusser SM, Carriquiry AL, Dodd KW, Fuller WA, J Am Stat Assoc 1996;91:1440-1449,
    doi:10.1080/01621459.1996.10476712. Of the mean m and variance v of the first draw and the mean square d of the difference
    of the two: Phi((cut-off - m) / sqrt(v - d/2)).

    Examples
    --------
    >>> import crampstats as cs
    >>> people = cs.simulate(cs.Population(), 20_000, seed=1)
    >>> drawn = cs.Survey(people[["magnesium_mmol_l", "second_magnesium_mmol_l"]])
    >>> usual = usual_prevalence(drawn, "magnesium_mmol_l", "second_magnesium_mmol_l", at_most=0.70)
    >>> one_draw = cs.prevalence(drawn, "magnesium_mmol_l <= 0.70")
    >>> bool(usual.value[0] < one_draw.value[0])
    True
    """
    if not is_number(at_most):
        raise CrampstatsError(f"at_most={at_most!r} has to be a number, in the unit of {first!r}.")
    if first == second:
        raise CrampstatsError(f"first and second are both {first!r}; one draw says nothing of how draws differ.")
    drawn = survey.observed(first)
    # From the cut-off, so that nothing is lost by taking large squares from each other.
    distance = f"({first} - {float(at_most)!r})"
    moments = stacked(
        [
            mean(drawn, distance),
            mean(drawn, f"{distance} * {distance}"),
            mean(drawn.observed(second), f"({first} - {second}) * ({first} - {second})"),
        ]
    )
    if _between(moments.value) <= 0:
        raise CrampstatsError(
            f"two draws of one person differ as much as draws of two people: {first!r} and {second!r} leave no spread "
            "between people."
        )

    def share(values: np.ndarray) -> np.ndarray:
        return np.array([ndtr(-values[0] / np.sqrt(_between(values)))])

    if not LEAST <= share(moments.value)[0] <= 1 - LEAST:
        raise CrampstatsError(
            f"at_most={at_most:g} lies too far from the levels of {first!r}, mean {at_most + moments.value[0]:.4g}, for a share "
            "with an interval."
        )
    return transform(moments, share, label=f"usual {first} <= {at_most:g}", interval_method="logit")


def _between(moments: np.ndarray) -> float:
    """Return the variance between people of mean, mean square and mean squared difference."""
    return float(moments[1] - moments[0] ** 2 - moments[2] / 2)
