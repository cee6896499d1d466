"""Means of what not everybody answered, by weighting those who did."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crampstats.effects.standardization import People
from crampstats.errors import QuestionError
from crampstats.estimates import Component
from crampstats.formulas import read_formula
from crampstats.proportions import made_estimate, mean, prevalence, read_numbers
from crampstats.questions import column_named, read_question
from crampstats.regression import fit
from crampstats.regression.foundations import add_to_clusters

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from crampstats.estimates import Estimate
    from crampstats.intervals import Method
    from crampstats.survey import Survey


def observed_mean(
    survey: Survey, variable: str, *, given: str, by: Sequence[str] = (), interval_method: Method | None = None
) -> Estimate:
    """Estimate a mean or a prevalence of all people from those whose answer is observed, weighted by its inverse chance.

    Right if, given the predictors, whether an answer is observed does not hang on the answer, and the model of that chance
    is right.

    Parameters
    ----------
    survey
        Whose domain is asked about; before `observed` has taken the missing out.
    variable
        A number, or a yes/no question such as ``"magnesium_mmol_l <= 0.75"``; missing where a column of it is.
    given
        The right side of a formula of columns without missing values, ``"rcs(age_years, 4) + diabetes"``: what the chance of
        being observed hangs on. Logistic regression, weighted as the survey is.
    by
        Columns; an estimate for each combination that occurs.
    interval_method
        None: ``"logit"`` for yes/no, ``"wald"`` for numbers.

    Returns
    -------
    Estimate
        Of everybody in the domain; ``n`` counts those observed. The error holds that of the estimated chances, and the
        degrees of freedom are those of the domain, less what their model has spent.

    Raises
    ------
    QuestionError
        If nobody of a group is observed, a predictor is missing, or the formula does not fit the columns.
    ConvergenceError
        If a group of the formula was always or never observed: the chance has no finite model.
    DesignError
        If a domain has no degrees of freedom.

    Notes
    -----
    Seaman SR, White IR, Stat Methods Med Res 2013;22:278-295, doi:10.1177/0962280210395740; the ratio of Hájek J, in Godambe
    VP, Sprott DA (eds), Foundations of Statistical Inference, Holt 1971, p. 236. The contributions of the coefficients are
    carried by the chain rule; estimated chances make the error smaller than known ones would (Robins JM, Rotnitzky A, Zhao
    LP, J Am Stat Assoc 1994;89:846-866, doi:10.1080/01621459.1994.10476818). Where nothing is missing it is the plain mean.

    Examples
    --------
    >>> import crampstats as cs
    >>> people = cs.simulate(cs.Population(), 3000, seed=1)
    >>> lost = people.index % 10 < 1 + 5 * people["diabetes"]
    >>> survey = cs.Survey(people.assign(magnesium_mmol_l=people["magnesium_mmol_l"].mask(lost)))
    >>> low = "magnesium_mmol_l <= 0.75"
    >>> everybody, complete = cs.prevalence(cs.Survey(people), low), cs.prevalence(survey.observed("magnesium_mmol_l"), low)
    >>> weighted = observed_mean(survey, low, given="diabetes")
    >>> [round(float(each.value[0]), 3) for each in (everybody, complete, weighted)]
    [0.111, 0.096, 0.111]
    """
    formula = read_formula(given)
    if formula.response is not None:
        raise QuestionError(
            f"given={given!r} has to be the right side of a formula alone, as in 'age_years + diabetes'."
        )

    def fail(problem: str) -> NoReturn:
        raise QuestionError(f"given={given!r}: {problem}")

    kept = {name: column_named(survey.data, name, fail) for name in formula.predictors}
    question = read_question(variable)
    seen = survey.observed(*question.columns) if question.columns else survey
    values = np.asarray(read_numbers(seen, variable), dtype=float)
    everybody = People.of(survey, by)
    rows, cell, k = everybody.rows, everybody.cell, len(everybody.count)
    answered = np.ones(len(survey), dtype=bool) if seen.domain is None else seen.domain
    yes_no = bool(np.isin(values[answered], (0, 1)).all())
    chosen: Method = interval_method or ("logit" if yes_no else "wald")
    if answered[rows].all():
        plain = prevalence(survey, variable, by=by, interval_method=chosen) if yes_no else mean(survey, variable, by=by)
        return replace(plain, interval_method=chosen)
    flag = "answered"
    while flag in formula.predictors:
        flag += "_"
    asked = survey._changed(data=pd.DataFrame({**kept, flag: answered.astype(np.int8)}, index=survey.data.index))
    model = fit(asked, f"{flag} ~ {given}", family="binomial")
    matrix = model.encoding.of(asked.data.iloc[rows][list(model.formula.predictors)])
    chance = model.link.inverse(matrix @ model.coefficients.value)

    labels = everybody.labels.copy()
    labels.insert(0, "term", variable)
    here = answered[rows]
    people = np.bincount(cell[here], everybody.people[here], k)
    if (people == 0).any():
        named = ", ".join(f"{name} = {each!r}" for name, each in labels[people == 0].iloc[0, 1:].items())
        raise QuestionError(f"{variable!r} is observed of nobody where {named}: leave that group out with where().")

    weight = np.where(here, everybody.weight / chance, 0.0)
    outcome = np.where(here, values[rows], 0.0)
    total = np.bincount(cell, weight, k)
    value = np.bincount(cell, weight * outcome, k) / total
    direct = weight * (outcome - value[cell]) / total[cell]
    # The coefficients move the inverse chances: d(1 / chance) = -(1 - chance) / chance times the columns.
    slopes = np.stack([-(matrix.T @ (direct * (1 - chance) * (cell == place))) for place in range(k)], axis=1)
    (part,) = model.coefficients.components
    contributions = part.contributions @ slopes
    spread = np.zeros((len(rows), k))
    spread[np.arange(len(rows)), cell] = direct
    add_to_clusters(contributions, survey.row_cluster[rows], spread)
    touched = np.zeros((survey.design.clusters, k), dtype=bool)
    touched[survey.row_cluster[rows], cell] = True
    component = Component(survey.design, contributions, touched, np.full(k, np.asarray(part.spent)[0]))
    estimate = made_estimate(survey, labels, value, component, people, chosen)
    return replace(estimate, source=f"{survey.described}, {variable} weighted by its chance of being observed")
