"""What a model says of a population in which a variable were the same for everybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crampstats.errors import QuestionError
from crampstats.estimates import Component, Estimate
from crampstats.proportions import read_grouping
from crampstats.questions import one_spelling
from crampstats.regression.likelihood_models import OrdinalModel
from crampstats.regression.likelihoods import GroupedCounts

if TYPE_CHECKING:
    from crampstats.regression import Model
    from crampstats.survey import Survey

# Rows predicted at a time: no second design matrix of all people is made.
BLOCK = 1 << 13


@dataclass(frozen=True)
class People:
    """The people over whom is averaged, and the cells into which they fall.

    Attributes
    ----------
    rows
        Shape (r,): who they are.
    weight
        Shape (r,).
    cell
        Shape (r,): from 0 to cells - 1.
    people
        Shape (r,): how many a row stands for.
    labels
        Of the cells, with the by columns.
    count
        Shape (cells,): people in each.
    """

    rows: np.ndarray
    weight: np.ndarray
    cell: np.ndarray
    people: np.ndarray
    labels: pd.DataFrame
    count: np.ndarray

    @classmethod
    def of(cls, survey: Survey, by: Sequence[str] = (), among: str | None = None) -> People:
        """Return the people of the domain, or those of them for whom a question is answered with yes.

        Parameters
        ----------
        survey
            Whose domain is asked about.
        by
            Columns; a cell for each combination that occurs.
        among
            A yes/no question; None for all.

        Raises
        ------
        QuestionError
            If a column or question does not fit, or nobody is left.
        """
        asked = survey if among is None else survey.where(among)
        grouping = read_grouping(asked, by)
        rows = np.arange(len(asked)) if asked.domain is None else np.flatnonzero(asked.domain)
        code = np.zeros(len(rows), dtype=np.intp)
        for codes, size in zip(grouping.codes, grouping.sizes, strict=True):
            code = code * size + codes[rows]
        found, cell = np.unique(code, return_inverse=True)
        weight = np.ones(len(rows)) if asked.row_weight is None else asked.row_weight[rows]
        people = np.ones(len(rows)) if asked.row_count is None else asked.row_count[rows]
        labels = grouping.labels("", found).drop(columns="term")
        return cls(rows, weight, cell, people, labels, np.bincount(cell, people, len(found)))

    @property
    def total(self) -> np.ndarray:
        """Weight of each cell, shape (cells,)."""
        return np.bincount(self.cell, self.weight, len(self.count))

    def cluster_sums(self, survey: Survey, values: np.ndarray) -> np.ndarray:
        """Add up values of the people in clusters and cells, shape (clusters, cells).

        Parameters
        ----------
        survey
            Whose clusters.
        values
            Shape (r,).
        """
        cells, clusters = len(self.count), survey.design.clusters
        place = survey.row_cluster[self.rows].astype(np.intp) * cells + self.cell
        return np.bincount(place, values, clusters * cells).reshape(clusters, cells)


def refuse_classes(model: Model, *, observed: str = "") -> None:
    """Refuse models of classes in order, which have no mean; and those whose mean cannot be set beside what was observed.

    Parameters
    ----------
    model
        As from `fit`.
    observed
        The function that sets predicted beside observed outcomes; empty for one that does not.

    Raises
    ------
    QuestionError
        If the model is of such a family.
    """
    response = model.formula.response
    if isinstance(model, OrdinalModel):
        raise QuestionError(
            f"{response!r} is of classes in order, which have no mean: fit a yes/no outcome that define() makes of them, or see "
            "predict() for the chance of each class."
        )
    if observed and isinstance(model.family, GroupedCounts):
        raise QuestionError(
            f"{observed} sets what is predicted beside what was observed, and of {response!r} only classes of counts were: fit "
            "a yes/no outcome that define() makes of them, or see contrast() for predicted means alone."
        )


def standardized_means(
    model: Model, settings: Sequence[Mapping[str, Any]], people: People, labels: pd.DataFrame
) -> Estimate:
    """Return the mean predicted outcome of people in each of several settings.

    Parameters
    ----------
    model
        As from `fit`.
    settings
        s of them, as `read_setting` returns them; an empty one leaves everybody as they are.
    people
        Over whom is averaged, in c cells.
    labels
        Of the settings, s rows with ``term``.

    Returns
    -------
    Estimate
        s times c means, setting by setting.

    Raises
    ------
    QuestionError
        If the model is of classes in order, or a setting leads where it has no mean.
    """
    refuse_classes(model)
    needed = list(model.predictors)
    data = model.survey.data[needed]
    (part,) = model.coefficients.components
    cells, width = len(people.count), len(model.coefficients)
    total = people.total
    value = np.empty((len(settings), cells))
    contributions = np.empty((part.design.clusters, len(settings) * cells))
    means, slopes = np.empty((len(settings), len(people.rows))), np.zeros((len(settings), cells, width))
    size = max(BLOCK // len(settings), 1)
    for start in range(0, len(people.rows), size):
        block = slice(start, start + size)
        rows, cell, weight = people.rows[block], people.cell[block], people.weight[block]
        # One matrix for all settings: with few people, making it costs more than what is computed from it.
        found, moved = model.means_at(_under_each(data.iloc[rows], settings, rows))
        means[:, block] = found.reshape(len(settings), -1)
        share = np.zeros((cells, len(rows)))
        share[cell, np.arange(len(rows))] = weight
        slopes += share @ moved.reshape(len(settings), len(rows), width)
    for place in range(len(settings)):
        value[place] = np.bincount(people.cell, people.weight * means[place], cells) / total
        residual = people.weight * (means[place] - value[place][people.cell])
        columns = slice(place * cells, (place + 1) * cells)
        contributions[:, columns] = people.cluster_sums(model.survey, residual) / total
        contributions[:, columns] += part.contributions @ (slopes[place] / total[:, None]).T
    count = len(settings) * cells
    touched = np.broadcast_to(part.touched[:, :1], contributions.shape)
    told = labels.iloc[np.repeat(np.arange(len(settings)), cells)].reset_index(drop=True)
    crossed = people.labels.iloc[np.tile(np.arange(cells), len(settings))].reset_index(drop=True)
    return Estimate(
        pd.concat([told, crossed], axis=1),
        value.ravel(),
        (Component(part.design, contributions, touched, np.broadcast_to(np.asarray(part.spent)[:1], count)),),
        np.tile(people.count, len(settings)),
        model.link.interval_method,
        model.coefficients.source,
    )


def _under_each(data: pd.DataFrame, settings: Sequence[Mapping[str, Any]], rows: np.ndarray) -> pd.DataFrame:
    """Return the same people under each setting, one after the other."""
    under = [
        data.assign(**{name: each[rows] if isinstance(each, np.ndarray) else each for name, each in setting.items()})
        for setting in settings
    ]
    return under[0] if len(under) == 1 else pd.concat(under)


def read_setting(model: Model, setting: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a setting: the same for everybody, or one for each row of the data.

    Parameters
    ----------
    model
        As from `fit`.
    setting
        Columns of the model and their values: numbers, levels, or arithmetic of columns as a text.

    Raises
    ------
    QuestionError
        If it names no columns of the model, or a value is not of the column's kind.
    """
    known = list(model.predictors)
    if isinstance(setting, Mapping):
        setting = {one_spelling(name): value for name, value in setting.items()}
    if not isinstance(setting, Mapping) or not setting or not set(setting) <= set(known):
        raise QuestionError(
            f"setting={setting!r} has to be a dict of columns of the model and their values; the columns are "
            f"{', '.join(known)}."
        )
    return {name: _read_value(model, name, value) for name, value in setting.items()}


def _read_value(model: Model, name: str, value: Any) -> Any:
    """Return a value, or shape (rows,) values where it is arithmetic."""
    data = model.survey.data
    if isinstance(value, (bool, np.bool_)) and data[name].dtype != bool:
        return int(value)
    if not pd.api.types.is_numeric_dtype(data[name].dtype) or isinstance(value, (int, float, np.number)):
        return value
    problem = f"setting={{{name!r}: {value!r}}}: {name!r} is a number, and {value!r} is none"
    if not isinstance(value, str):
        raise QuestionError(f"{problem}.")
    try:
        answer = model.survey.answer(value)
    except QuestionError as error:
        raise QuestionError(f"{problem}, nor arithmetic of columns: {error}") from None
    if answer.kind != "number":
        raise QuestionError(f"{problem}, nor arithmetic of columns.")
    return np.asarray(answer.values, dtype=float)


def with_column(survey: Survey, question: str, name: str) -> tuple[Survey, str]:
    """Return the survey with a column that answers a question, and what it is called: a column of numbers stays what it is.

    Parameters
    ----------
    survey
        Of the question.
    question
        A column, or a question.
    name
        Of the new column; it gets a ``_`` where there is one of this name.
    """
    column = one_spelling(question)
    # Yes and no are to become 1 and 0.
    if column in survey.data.columns and pd.api.types.infer_dtype(survey.data[column], skipna=True) != "boolean":
        return survey, column
    while name in survey.data.columns:
        name += "_"
    return survey.define(**{name: question}), name


def told(*terms: str) -> pd.DataFrame:
    """Return terms as labels."""
    return pd.DataFrame({"term": terms})


def told_setting(setting: Mapping[str, Any]) -> str:
    """Return a setting in words.

    Parameters
    ----------
    setting
        Columns and their values.

    Examples
    --------
    >>> told_setting({"diabetes": 1, "sex": "female"})
    'diabetes = 1, sex = female'
    """
    return ", ".join(f"{name} = {value}" for name, value in setting.items())


def g_formula(
    model: Model,
    setting: Mapping[str, Any],
    *,
    label: str | None = None,
    by: Sequence[str] = (),
    among: str | None = None,
) -> Estimate:
    """Return the mean outcome that a model predicts if everybody had these values.

    The other columns stay as they are; the predictions are averaged over the people of the model's survey domain. Only under
    assumptions that no software can check (no unmeasured confounding, positivity, consistency, a right model) is the
    difference of two such means an effect; otherwise it is an adjusted association. What to adjust for, a causal graph
    says: `crampstats.adjustment_set`. Columns are not selected by p values.

    Parameters
    ----------
    model
        As from `fit`.
    setting
        Columns of the model and what everybody gets: a number or level such as ``{"diabetes": 1}``, or arithmetic of the
        data's columns as a text, such as ``{"age_years": "age_years + 10"}``.
    label
        The term; None makes one of the setting.
    by
        Columns; a mean for each combination that occurs.
    among
        A yes/no question: the mean is that of these people only.

    Returns
    -------
    Estimate
        Means in the unit of the outcome. Their error holds that of the coefficients, that of the sampled covariates, and
        their covariance; the degrees of freedom are the model's.

    Raises
    ------
    QuestionError
        If the setting names no column of the model, a level that the model has not seen, or arithmetic that has no answer
        for somebody; if `by` or `among` do not fit the columns; or if the model is of classes in order, or gives somebody a
        mean that its family cannot have.

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
    values = read_setting(model, setting)
    term = label or f"{model.mean_name} if {told_setting(setting)}"
    people = People.of(model.survey, by, among)
    return standardized_means(model, [values], people, told(term))
