"""What a model says of a population in which a variable were the same for everybody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crampstats.errors import QuestionError
from crampstats.estimates import Component, Estimate
from crampstats.regression.fitting import BLOCK
from crampstats.regression.models import add_to_clusters

if TYPE_CHECKING:
    from crampstats.regression import Model


def g_formula(model: Model, setting: Mapping[str, Any], *, label: str | None = None) -> Estimate:
    """Return the mean outcome that a model predicts if everybody had these values.

    The other columns stay as they are; the predictions are averaged over the people of the model's survey domain. Only under
    assumptions that no software can check (no unmeasured confounding, positivity, consistency, a right model) is the
    difference of two such means an effect; otherwise it is an adjusted association.

    Parameters
    ----------
    model
        As from `fit`.
    setting
        Columns of the model and the one value that everybody gets, such as ``{"diabetes": 1}``.
    label
        The term; None makes one of the setting.

    Returns
    -------
    Estimate
        One mean, in the unit of the outcome. Its error holds that of the coefficients, that of the sampled covariates, and
        their covariance; the degrees of freedom are the model's.

    Raises
    ------
    QuestionError
        If the setting names no column of the model, or a level that the model has not seen.

    Notes
    -----
    Robins J, Math Model 1986;7:1393-1512, doi:10.1016/0270-0255(86)90088-6. Variance: Graubard BI, Korn EL, Biometrics
    1999;55:652-659, doi:10.1111/j.0006-341X.1999.00652.x. R's marginaleffects takes the covariates as given, and svypredmeans
    adds the two variances without their covariance: their errors differ a little from these.

    Examples
    --------
    >>> import crampstats as cs
    >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class").define(frequent="cramp_class >= 3")
    >>> model = cs.fit(cramps, "frequent ~ sex + age_group", family="binomial")
    >>> women, men = g_formula(model, {"sex": "female"}), g_formula(model, {"sex": "male"})
    >>> cs.difference(women, men, label="women less men, same ages").to_frame()[["estimate", "std_error"]].round(4)
       estimate  std_error
    0    0.0304      0.005
    """
    known = _checked(model, setting)
    survey, coefficients = model.survey, model.coefficients
    inside = np.arange(len(survey)) if survey.domain is None else np.flatnonzero(survey.domain)
    weight = np.ones(len(survey)) if survey.row_weight is None else survey.row_weight
    total = float(weight[inside].sum())
    means, slopes = np.empty(len(inside)), np.zeros(len(coefficients))
    for start in range(0, len(inside), BLOCK):
        rows = inside[start : start + BLOCK]
        matrix = model.encoding.of(survey.data.iloc[rows][known].assign(**setting))
        eta = matrix @ coefficients.value
        means[start : start + BLOCK] = model.link.inverse(eta)
        slopes += matrix.T @ (weight[rows] * model.link.slope(eta, means[start : start + BLOCK]))
    value = float(weight[inside] @ means) / total
    (part,) = coefficients.components
    contributions = (part.contributions @ (slopes / total))[:, None]
    add_to_clusters(contributions, survey.row_cluster[inside], (weight[inside] * (means - value) / total)[:, None])
    told = ", ".join(f"{name} = {each}" for name, each in setting.items())
    return Estimate(
        pd.DataFrame({"term": [label or f"mean of {model.formula.response} if {told}"]}),
        np.array([value]),
        (Component(part.design, contributions, part.touched[:, :1], np.asarray(part.spent)[:1]),),
        coefficients.n[:1],
        model.link.interval_method,
        coefficients.source,
    )


def _checked(model: Model, setting: Mapping[str, Any]) -> list[str]:
    """Return the columns that the model needs, the setting being one of values of their kind for some of them."""
    known = list(model.formula.predictors)
    if not isinstance(setting, Mapping) or not setting or not set(setting) <= set(known):
        raise QuestionError(
            f"setting={setting!r} has to be a dict of columns of the model and their values; the columns are "
            f"{', '.join(known)}."
        )
    for name, value in setting.items():
        if pd.api.types.is_numeric_dtype(model.survey.data[name].dtype) and not isinstance(
            value, (int, float, np.number)
        ):
            raise QuestionError(f"setting={dict(setting)!r}: {name!r} is a number, and {value!r} is none.")
    return known
