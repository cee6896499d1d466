"""Criteria by which models of one outcome are compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from crampstats.errors import QuestionError
from crampstats.regression.checks import people_of
from crampstats.regression.fitting import BLOCK
from crampstats.regression.foundations import people_weights
from crampstats.regression.likelihood_models import LikelihoodModel

if TYPE_CHECKING:
    from crampstats.regression.foundations import Model


@dataclass(frozen=True)
class DesignAIC:
    """Akaike's criterion under a sampling design.

    Attributes
    ----------
    log_likelihood
        Weighted, weights adding up to the number of people.
    effective_parameters
        Trace of the misspecification effects: what the coefficients would cost in a simple random sample, times how much the
        design and a wrong family inflate their variances.
    """

    log_likelihood: float
    effective_parameters: float

    @property
    def value(self) -> float:
        """Minus twice the log-likelihood plus twice the effective parameters; lower is better."""
        return -2 * self.log_likelihood + 2 * self.effective_parameters

    def to_frame(self) -> pd.DataFrame:
        """Return it as a table of one row."""
        return pd.DataFrame(
            {
                "term": ["dAIC"],
                "estimate": [self.value],
                "log_likelihood": [self.log_likelihood],
                "effective_parameters": [self.effective_parameters],
            }
        )


def design_aic(model: Model) -> DesignAIC:
    """Return Akaike's criterion for models of one outcome and the same people of a survey.

    Parameters
    ----------
    model
        Of counts, classes or yes/no, as from `fit`.

    Raises
    ------
    QuestionError
        If the model is gaussian, whose likelihood hangs on a variance that is not fitted.

    Notes
    -----
    Lumley T, Scott A, J Surv Stat Methodol 2015;3:1-18, doi:10.1093/jssam/smu021.

    Examples
    --------
    >>> import crampstats as cs
    >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class").define(frequent="cramp_class >= 3")
    >>> one, two = (cs.fit(cramps, f"frequent ~ {right}", family="binomial") for right in ("sex", "sex + age_group"))
    >>> design_aic(two).value < design_aic(one).value
    True
    """
    if isinstance(model, LikelihoodModel):
        log_likelihood = model.solution.log_likelihood
    elif model.family.name == "gaussian":
        raise QuestionError("design_aic: a gaussian model's likelihood hangs on a variance that is not fitted.")
    else:
        log_likelihood = _log_likelihood(model)
    effects = np.linalg.solve(model.solution.naive_covariance, model.coefficients.covariance)
    return DesignAIC(log_likelihood, float(np.trace(effects)))


def _log_likelihood(model: Model) -> float:
    """Return the weighted log-likelihood of a binomial or Poisson model, constants included."""
    data, outcome = people_of(model)
    weight, total = people_weights(model.survey), 0.0
    for start in range(0, len(outcome), BLOCK):
        rows = slice(start, start + BLOCK)
        mean, _ = model.means_at(data.iloc[rows])
        seen = outcome[rows]
        if model.family.name == "binomial":
            each = special.xlogy(seen, mean) + special.xlog1py(1 - seen, -mean)
        else:
            each = special.xlogy(seen, mean) - mean - special.gammaln(seen + 1)
        total += float(weight[rows] @ each)
    return total
