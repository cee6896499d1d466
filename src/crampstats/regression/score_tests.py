"""Tests at the edge of a family: whether counts vary more, or more of them are 0, than it can say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from crampstats.errors import QuestionError
from crampstats.regression.checks import compared, people_of, refuse_fractions

if TYPE_CHECKING:
    from crampstats.regression.checks import Compare, Compared
    from crampstats.regression.foundations import Model

# A chance whose square has no inverse among floats.
IMPOSSIBLE = 1e-150


@dataclass(frozen=True)
class ScoreTest:
    """A test whether a family is left at its edge, where a parameter is 0 and cannot be below.

    Attributes
    ----------
    name
        What is tested.
    statistic
        The mean score of the parameter at 0 over its standard error under the design: t.
    df
        Of the design, less what the model has spent.
    p_value
        One-sided: of a statistic at least as high if the parameter is 0.
    """

    name: str
    statistic: float
    df: float
    p_value: float

    def to_frame(self) -> pd.DataFrame:
        """Return the test as a table of one row."""
        return pd.DataFrame(
            {"term": [self.name], "statistic": [self.statistic], "df": [self.df], "p_value": [self.p_value]}
        )


def overdispersion_test(model: Model) -> ScoreTest:
    """Test whether counts vary more than a Poisson model says, against a negative binomial one.

    Parameters
    ----------
    model
        With ``family="poisson"``.

    Returns
    -------
    ScoreTest
        One-sided, since alpha cannot be below 0; a high score is squared a half chi-square.

    Raises
    ------
    QuestionError
        If the model is of another family, or the outcome no count.

    Notes
    -----
    Dean C, Lawless JF, J Am Stat Assoc 1989;84:467-472, doi:10.1080/01621459.1989.10478792; the standard error is that of
    the design, the coefficients being estimated.

    Examples
    --------
    >>> import numpy as np
    >>> import crampstats as cs
    >>> people = cs.Survey(pd.DataFrame({"cramps": np.random.default_rng(1).negative_binomial(1, 0.4, 500)}))
    >>> overdispersion_test(cs.fit(people, "cramps ~ 1", family="poisson")).p_value < 1e-6
    True
    """
    if model.family.name != "poisson":
        raise QuestionError(f"overdispersion_test needs family='poisson'; this model has {model.family.name!r}.")
    refuse_fractions(model)

    def compare(data: pd.DataFrame, outcome: np.ndarray) -> Compared:
        mean, slopes = model.means_at(data)
        score = ((outcome - mean) ** 2 - outcome) / 2
        return score[:, None], score[:, None], [(outcome - mean)[:, None] * slopes]

    return _score_test(model, "overdispersion", compare)


def zero_inflation_test(model: Model) -> ScoreTest:
    """Test whether there are more zeros than a Poisson or negative binomial model says.

    Parameters
    ----------
    model
        With ``family="poisson"`` or ``family="negative_binomial"``.

    Returns
    -------
    ScoreTest
        One-sided: a high score speaks for extra zeros. Vuong's test is no test of this (Wilson P, Econ Lett
        2015;127:51-53, doi:10.1016/j.econlet.2014.12.029).

    Raises
    ------
    QuestionError
        If the model is of another family, or nobody's count is 0.

    Notes
    -----
    van den Broek J, Biometrics 1995;51:738-743, doi:10.2307/2532959, for Poisson; Jansakul N, Hinde JP, J Stat Theory
    Pract 2008;2:433-445, doi:10.1080/15598608.2008.10411889, for negative binomial counts. The standard error is that of the
    design, the coefficients and the dispersion being estimated.

    Examples
    --------
    >>> import numpy as np
    >>> import crampstats as cs
    >>> rng = np.random.default_rng(1)
    >>> people = cs.Survey(pd.DataFrame({"cramps": rng.poisson(2.0, 500) * (rng.random(500) < 0.7)}))
    >>> zero_inflation_test(cs.fit(people, "cramps ~ 1", family="poisson")).p_value < 1e-6
    True
    """
    if model.family.name not in {"poisson", "negative_binomial"}:
        raise QuestionError(
            f"zero_inflation_test needs family='poisson' or 'negative_binomial'; this model has {model.family.name!r}."
        )

    refuse_fractions(model)
    _, known = people_of(model)
    if (known > 0).all():
        raise QuestionError(f"zero_inflation_test: nobody's {model.formula.response!r} is 0, so that no zero is extra.")

    def compare(data: pd.DataFrame, outcome: np.ndarray) -> Compared:
        chance, (slopes,) = model.chances_at(data, [0])
        zero = outcome[:, None] == 0
        if (chance[zero] < IMPOSSIBLE).any():
            raise QuestionError(
                "zero_inflation_test: somebody has a 0 where the model expects so many that it holds a 0 for impossible; no "
                "test is needed."
            )
        inverse = np.divide(1.0, chance, out=np.zeros_like(chance), where=zero)
        return inverse - 1, inverse - 1, [inverse**2 * slopes]

    return _score_test(model, "zero inflation", compare)


def _score_test(model: Model, name: str, compare: Compare) -> ScoreTest:
    """Return the test of a mean score; slopes are those of its negative."""
    _, score = compared(model, pd.DataFrame({"term": [name]}), compare)
    statistic, df = float(score.value[0] / score.std_error[0]), float(score.df[0])
    return ScoreTest(name, statistic, df, float(special.stdtr(df, -statistic)))
