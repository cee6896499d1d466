"""Differences and ratios of what a model says of a population under two settings; average marginal effects."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd

from crampstats.effects.standardization import People, read_setting, refuse_classes, standardized_means, told
from crampstats.errors import CrampstatsError, QuestionError
from crampstats.estimates import Estimate, difference, mapped, ratio, stacked
from crampstats.questions import column_answer, one_spelling
from crampstats.regression.foundations import inside, refuse_taken

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from crampstats.regression import Model

Measure = Literal["difference", "ratio", "odds_ratio"]
IN_WORDS = {"difference": "difference", "ratio": "ratio", "odds_ratio": "odds ratio"}
# A derivative is taken from the means at these steps, in thousandths of the spread of the exposure: its error is that of
# the fifth derivative, and rounding costs three digits.
STENCIL = {-2: 1 / 12, -1: -8 / 12, 1: 8 / 12, 2: -1 / 12}
STEP = 1e-3


def compared(first: Estimate, second: Estimate, measure: str, label: str) -> Estimate:
    """Return a contrast of two means, or of pairs of them.

    Parameters
    ----------
    first, second
        From one survey.
    measure
        ``"difference"``, ``"ratio"`` or ``"odds_ratio"``.
    label
        The new term.

    Raises
    ------
    CrampstatsError
        If there is no such measure, or it does not exist for these means.
    """
    check_measure(measure)
    if measure == "difference":
        return difference(first, second, label=label)
    if measure == "ratio":
        return ratio(first, second, label=label)
    return ratio(_odds(first), _odds(second), label=label)


def check_measure(measure: str) -> None:
    """Refuse a measure that there is none of, naming those there are.

    Raises
    ------
    CrampstatsError
        If the measure is unknown.
    """
    if measure not in get_args(Measure):
        raise CrampstatsError(f"measure={measure!r} is unknown: choose from {', '.join(get_args(Measure))}.")


def _odds(risks: Estimate) -> Estimate:
    """Return the odds of risks."""
    outside = risks.value[(risks.value <= 0) | (risks.value >= 1)]
    if outside.size:
        raise CrampstatsError(
            f"measure='odds_ratio' needs means between 0 and 1, as of a yes/no outcome; one is {outside[0]:.4g}."
        )
    value = risks.value / (1 - risks.value)
    slopes = np.diag(1 / (1 - risks.value) ** 2)
    return mapped(risks, slopes, value=value, labels=risks.labels, n=risks.n, interval_method="log")


def contrast(
    model: Model,
    exposure: str,
    *,
    values: tuple[Any, Any] = (1, 0),
    measure: Measure = "difference",
    by: Sequence[str] = (),
    among: str | None = None,
    label: str | None = None,
) -> Estimate:
    """Compare the mean outcome if everybody had one value of an exposure with that if everybody had another.

    An effect only if the model holds what confounds, and is right (see `g_formula`); else an adjusted association.

    Parameters
    ----------
    model
        As from `fit`, with the exposure among its columns. What it is adjusted for is what else it holds.
    exposure
        A column of the model.
    values
        Exposed and reference: numbers, levels, or arithmetic such as ``("age_years + 10", "age_years")``.
    measure
        ``"difference"`` (of means; of a yes/no outcome the prevalence difference), ``"ratio"`` (the prevalence ratio) or
        ``"odds_ratio"`` of the two standardised prevalences, which is not the odds ratio at given covariates.
    by
        Columns, of the model or not; a contrast for each combination that occurs: how the effect is modified, on the scale
        of `measure`. See `crampstats.interaction` for joint effects of two exposures.
    among
        A yes/no question: standardised to these people only, such as ``"diabetes == 1"`` for the effect among the exposed.
    label
        The term; None makes one.

    Returns
    -------
    Estimate
        With Wald intervals for differences, on the log scale for ratios.

    Raises
    ------
    QuestionError
        As `g_formula`.
    CrampstatsError
        If there is no such measure, values are not two different ones, or the measure does not exist for these means.

    Notes
    -----
    Standardised prevalence differences and ratios of a logistic model: Localio AR, Margolis DJ, Berlin JA, J Clin Epidemiol
    2007;60:874-882, doi:10.1016/j.jclinepi.2006.12.001. Unlike odds ratios they do not change with covariates that are
    unrelated to the exposure.

    Examples
    --------
    >>> import crampstats as cs
    >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class").define(frequent="cramp_class >= 3")
    >>> model = cs.fit(cramps, "frequent ~ sex + age_group", family="binomial")
    >>> contrast(model, "sex", values=("female", "male"), measure="ratio").to_frame()[["term", "estimate"]].round(3)
                                               term  estimate
    0  ratio of frequent: sex = female against male     1.701
    """
    check_measure(measure)
    first, second = _two_values(values)
    people = People.of(model.survey, by, among)
    exposed, unexposed = (
        standardized_means(model, [read_setting(model, {exposure: each})], people, told(f"{exposure} = {each}"))
        for each in (first, second)
    )
    term = label or f"{IN_WORDS[measure]} of {model.outcome_name}: {exposure} = {first} against {second}"
    return compared(exposed, unexposed, measure, term)


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """The standardised means under the values of an exposure, their differences and ratios: what a paper presents.

    Attributes
    ----------
    means
        k of them, the reference first.
    differences, ratios
        k - 1 of each, against the reference.

    Examples
    --------
    >>> import crampstats as cs
    >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class").define(frequent="cramp_class >= 3")
    >>> compared_groups = comparison(cs.fit(cramps, "frequent ~ sex + age_group", family="binomial"), "age_group")
    >>> len(compared_groups.means), len(compared_groups.differences), len(compared_groups.ratios)
    (3, 2, 2)
    """

    means: Estimate
    differences: Estimate
    ratios: Estimate

    def to_frame(self, *, level: float = 0.95) -> pd.DataFrame:
        """Return means, differences and ratios below each other, see `Estimate.to_frame`; ``measure`` says which.

        Parameters
        ----------
        level
            Confidence.
        """
        parts = {"mean": self.means, "difference": self.differences, "ratio": self.ratios}
        tables = [part.to_frame(level=level).assign(measure=measure) for measure, part in parts.items()]
        table = pd.concat(tables, ignore_index=True)
        return table[["term", "measure", *(name for name in table if name not in {"term", "measure"})]]

    def __len__(self) -> int:
        return len(self.means) + len(self.differences) + len(self.ratios)

    def __repr__(self) -> str:
        shown = self._shown().to_string(index=False, float_format="{:.4g}".format)
        return f"<Comparison in {self.means.source}>\n{shown}"

    def _repr_html_(self) -> str:
        return self._shown().to_html(index=False, border=0, float_format="{:.4g}".format)

    def _shown(self) -> pd.DataFrame:
        """Return the columns for the eye."""
        table = self.to_frame()
        return table if table["note"].any() else table.drop(columns="note")


def comparison(
    model: Model,
    exposure: str,
    *,
    values: Sequence[Any] | None = None,
    by: Sequence[str] = (),
    among: str | None = None,
) -> Comparison:
    """Return the standardised prevalence or mean under each value of an exposure, with differences and ratios.

    Parameters
    ----------
    model, exposure, by, among
        As in `contrast`.
    values
        Two or more, the reference first; None for all levels of a column of levels, or for 0 and 1.

    Returns
    -------
    Comparison
        Both scales, since what adds up does not multiply; and no odds ratio, which is neither.

    Raises
    ------
    QuestionError
        As `g_formula`; if a number is given no values, or a by column has the name ``measure``.
    CrampstatsError
        If values are not different ones, or the reference mean is 0.

    Notes
    -----
    As `contrast`; the STROBE statement asks for absolute beside relative measures: Vandenbroucke JP et al., PLoS Med
    2007;4:e297, doi:10.1371/journal.pmed.0040297.

    Examples
    --------
    >>> import crampstats as cs
    >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class").define(frequent="cramp_class >= 3")
    >>> model = cs.fit(cramps, "frequent ~ sex + age_group", family="binomial")
    >>> comparison(model, "sex", values=["male", "female"]).to_frame()[["term", "measure", "estimate"]].round(3)
                            term     measure  estimate
    0                 sex = male        mean     0.043
    1               sex = female        mean     0.074
    2  sex = female against male  difference     0.030
    3  sex = female against male       ratio     1.701
    """
    exposure = one_spelling(exposure)
    refuse_taken("by", by, ("measure",))
    given = levels_of(model, exposure) if values is None else list(values)
    if given is None:
        raise QuestionError(f"{exposure!r} is a number: say at which values it is compared, as in values=[30, 60].")
    if isinstance(values, str) or len(given) < 2 or any(given.count(each) > 1 for each in given):
        raise CrampstatsError(f"values={values!r} have to be two or more different ones, the reference first.")
    people = People.of(model.survey, by, among)
    means = [
        standardized_means(model, [read_setting(model, {exposure: each})], people, told(f"{exposure} = {each}"))
        for each in given
    ]
    against = [f"{exposure} = {each} against {given[0]}" for each in given[1:]]
    differences, ratios = (
        [compared(mean, means[0], measure, label) for mean, label in zip(means[1:], against, strict=True)]
        for measure in ("difference", "ratio")
    )
    return Comparison(stacked(means), stacked(differences), stacked(ratios))


def _two_values(values: Any) -> tuple[Any, Any]:
    """Return two different values, or refuse."""
    if not isinstance(values, (tuple, list)) or len(values) != 2 or values[0] == values[1]:
        raise CrampstatsError(
            f"values={values!r} has to hold two different values, exposed and reference, as in (1, 0)."
        )
    return values[0], values[1]


def levels_of(model: Model, column: str) -> list[Any] | None:
    """Return the levels of a column that a model takes for categories, or of one of 0 and 1; None for a number.

    Parameters
    ----------
    model
        As from `fit`.
    column
        One of its predictors.

    Raises
    ------
    QuestionError
        If it is none.
    """
    column = one_spelling(column)
    if column not in model.predictors:
        raise QuestionError(f"{column!r} is no column of the model; its columns are {', '.join(model.predictors)}.")

    def fail(problem: str) -> NoReturn:
        raise QuestionError(problem)

    survey = model.survey
    held = survey.data[column] if survey.domain is None else survey.data.loc[survey.domain, column]
    if isinstance(held.dtype, pd.CategoricalDtype):
        return list(held.cat.remove_unused_categories().cat.categories)
    answer = column_answer(survey.data, column, fail)
    found = sorted(held.unique().tolist())
    as_categories = re.search(rf"\bC\(\s*`?{re.escape(column)}`?\s*[,)]", model.formula.text)
    return found if answer.kind != "number" or as_categories or set(found) <= {0, 1} else None


def marginal_effect(
    model: Model, column: str, *, reference: Any = None, by: Sequence[str] = (), among: str | None = None
) -> Estimate:
    """Return how much the mean outcome moves with a column, averaged over people.

    Parameters
    ----------
    model
        As from `fit`.
    column
        Of the model.
    reference
        Of a column of levels: the one that others are compared with; None for the first.
    by
        Columns; an average for each combination that occurs.
    among
        A yes/no question: only these people.

    Returns
    -------
    Estimate
        Of a number: the average slope, unit of the outcome per unit of the column. Of a column of levels, or of 0 and 1:
        the difference of each level against `reference`, as `contrast` gives it.

    Raises
    ------
    QuestionError
        If it is no column of the model, the reference is no level, or a number has one.

    Notes
    -----
    Called average marginal effect; an effect only under the assumptions of `g_formula`. Bartus T, Stata J 2005;5:309-329,
    doi:10.1177/1536867X0500500303. Slopes are differences over a thousandth of the column's spread, with an error of fourth
    order, so that splines and interactions are followed. A ``bs`` spline refuses values beyond its ends: give it
    ``extrapolation='extend'``, or use ``rcs``.

    Examples
    --------
    >>> import crampstats as cs
    >>> people = cs.simulate(cs.Population(), 2000, seed=1, columns=["magnesium_mmol_l", "age_years", "sex"])
    >>> model = cs.fit(cs.Survey(people), "magnesium_mmol_l ~ age_years + sex", family="gaussian")
    >>> slope = model.coefficients.where("term == 'age_years'")
    >>> (marginal_effect(model, "age_years").value / slope.value).round(8)
    array([1.])
    """
    column = one_spelling(column)
    levels = levels_of(model, column)
    if levels is None:
        if reference is not None:
            raise QuestionError(f"reference={reference!r}: {column!r} is a number, and has a slope instead.")
        return _average_slope(model, column, People.of(model.survey, by, among))
    first = levels[0] if reference is None else reference
    if first not in levels:
        raise QuestionError(f"reference={reference!r} is no level of {column!r}; they are {levels}.")
    values = [first, *(level for level in levels if level != first)]
    return comparison(model, column, values=values, by=by, among=among).differences


def _average_slope(model: Model, column: str, people: People) -> Estimate:
    """Return the mean derivative of the predicted outcome with respect to a number."""
    refuse_classes(model)
    numbers = model.survey.data[column].to_numpy(dtype=float, na_value=np.nan)
    # Of the whole domain: those among whom the slope is wanted may all have one value.
    known = inside(model.survey, numbers)
    step = STEP * float(np.std(known) or np.abs(known).max())
    settings = [{column: numbers + shift * step} for shift in STENCIL]
    try:
        means = standardized_means(model, settings, people, told(*map(str, STENCIL)))
    except QuestionError as error:
        raise QuestionError(
            f"the slope needs the model a little beyond the values of {column!r} (in bs() say extrapolation='extend', or use "
            f"rcs()): {error}"
        ) from None
    cells = len(people.count)
    matrix = np.kron(np.array(list(STENCIL.values())), np.eye(cells)) / step
    labels = people.labels.copy()
    labels.insert(0, "term", f"slope of {model.outcome_name} on {column}")
    return mapped(means, matrix, value=matrix @ means.value, labels=labels, n=people.count, interval_method="wald")
