"""Whether the odds of classes in order are proportional: the same for each threshold."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crampstats.errors import QuestionError
from crampstats.estimates import stacked
from crampstats.regression.families import choose
from crampstats.regression.fitting import Rows, solve
from crampstats.regression.foundations import coefficients_of, domain_rows, people_weights
from crampstats.regression.likelihood_models import OrdinalModel
from crampstats.regression.linear_models import contributions_of
from crampstats.regression.outcomes import read_outcome
from crampstats.regression.terms import TermTest, adjusted_wald

if TYPE_CHECKING:
    from crampstats.estimates import Estimate
    from crampstats.regression.foundations import Model


def cumulative_logits(model: Model) -> Estimate:
    """Return the log odds ratios of a class above each threshold, one logistic regression a threshold.

    Parameters
    ----------
    model
        Ordinal, as from `fit`.

    Returns
    -------
    Estimate
        Labelled by ``threshold``: coefficients that proportional odds hold to be the same for all thresholds, with the
        covariance between thresholds.

    Raises
    ------
    QuestionError
        If the model is not ordinal.
    ConvergenceError
        If one of the regressions has no finite solution.

    Examples
    --------
    >>> import crampstats as cs
    >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class")
    >>> logits = cumulative_logits(cs.fit(cramps, "cramp_class ~ sex", family="ordinal"))
    >>> logits.where("term == 'sex[T.female]'").to_frame()[["threshold", "estimate", "std_error"]].round(2)
      threshold  estimate  std_error
    0       0|1      0.24       0.06
    1       1|2      0.38       0.06
    2       2|3      0.59       0.10
    3       3|4      0.47       0.14
    """
    if not isinstance(model, OrdinalModel):
        raise QuestionError(
            f"cumulative_logits needs a model with family='ordinal'; this one has {model.family.name!r}."
        )
    request, survey = model.request, model.survey
    outcome, _, data = read_outcome(request, domain_rows(survey, request.columns))
    made = request.formula.matrix(data)
    offset = request.offset.of(domain_rows(survey, request.offset.columns)) if request.offset.columns else None
    terms = made.encoding.terms
    rows = Rows.of(made.values, outcome, people_weights(survey), terms.index("Intercept"), offset)
    family, link = choose("binomial", "logit")
    labels, values, contributions = [], [], []
    for place, threshold in enumerate(model.family.thresholds):
        above = replace(rows, outcome=(outcome > place).astype(float))
        solution = solve(above, family, link, terms)
        labels.append(pd.DataFrame({"term": terms, "threshold": threshold}))
        values.append(solution.coefficients)
        contributions.append(contributions_of(survey, above, solution, family, link))
    # Each regression has used up its own degrees of freedom, and not those of the others.
    several = [coefficients_of(survey, *each) for each in zip(labels, values, contributions, strict=True)]
    return stacked(several)


def proportional_odds_test(model: Model, term: str | None = None) -> TermTest:
    """Test whether odds ratios are the same for each threshold of an ordinal model.

    Parameters
    ----------
    model
        Ordinal, as from `fit`, of at least three classes.
    term
        As it stands in the formula, to test its odds ratios alone; None for all.

    Returns
    -------
    TermTest
        F test that the coefficients of one logistic regression a threshold are equal, under the design. It tells what many
        people can show, however little it matters: look at `cumulative_logits` too.

    Raises
    ------
    QuestionError
        If the model is not ordinal, has two classes or no terms.
    ConvergenceError
        As `cumulative_logits`.
    DesignError
        If the design has too few degrees of freedom for so many comparisons.

    Notes
    -----
    Brant R, Biometrics 1990;46:1171-1178, doi:10.2307/2532457, with the covariance of the design. F of q comparisons and d
    degrees of freedom is Wald's statistic times (d - q + 1) / (d q): Korn EL, Graubard BI, Am Stat 1990;44:270-276,
    doi:10.1080/00031305.1990.10475737.

    Examples
    --------
    >>> import crampstats as cs
    >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class")
    >>> test = proportional_odds_test(cs.fit(cramps, "cramp_class ~ sex", family="ordinal"))
    >>> test.df, test.df_denominator, round(test.p_value, 3)
    (3, 29.0, 0.001)
    """
    logits = cumulative_logits(model)
    thresholds = logits.labels["threshold"].nunique()
    p = len(logits) // thresholds
    places = np.arange(1, p) if term is None else model.places_of(term) + 1
    if thresholds < 2 or not len(places):
        raise QuestionError("proportional_odds_test needs at least three classes and a term besides the thresholds.")
    matrix = np.zeros((len(places) * (thresholds - 1), len(logits)))
    for row, (threshold, place) in enumerate((k, place) for k in range(1, thresholds) for place in places):
        matrix[row, threshold * p + place], matrix[row, place] = 1.0, -1.0
    differences = matrix @ logits.value
    covariance = matrix @ logits.covariance @ matrix.T
    return adjusted_wald(term or "proportional odds", differences, covariance, model.survey.degrees_of_freedom)
