"""Effects by inverse-probability weighting, alone and together with a model of the outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd

from crampstats.effects.contrasts import IN_WORDS, check_measure, compared
from crampstats.effects.standardization import People, refuse_classes, told, with_column
from crampstats.errors import CrampstatsError, QuestionError
from crampstats.estimates import Component, Estimate
from crampstats.proportions import read_numbers
from crampstats.questions import column_answer, one_spelling
from crampstats.regression import fit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    from crampstats.effects.contrasts import Measure
    from crampstats.regression import Model
    from crampstats.survey import Survey

Estimand = Literal["average", "treated", "untreated", "overlap"]
RobustEstimand = Literal["average", "treated"]
# Nobody may be this sure to be exposed, or not to be: there is nobody to compare with.
CERTAIN = 1e-8
# Beyond these propensities few people are comparable: Crump RK, Hotz VJ, Imbens GW, Mitnik OA, Biometrika 2009;96:187-199,
# doi:10.1093/biomet/asn055.
COMPARABLE = (0.1, 0.9)
# A weight so many times the mean one of its group is told.
HEAVY = 10.0


@dataclass(frozen=True)
class Tilt:
    """How people are weighed so that exposed and unexposed are alike: functions of the propensity e, and their slopes."""

    whom: str
    exposed: Callable[[np.ndarray], np.ndarray]
    unexposed: Callable[[np.ndarray], np.ndarray]
    exposed_slope: Callable[[np.ndarray], np.ndarray]
    unexposed_slope: Callable[[np.ndarray], np.ndarray]


TILTS: dict[str, Tilt] = {
    "average": Tilt(
        "everybody", lambda e: 1 / e, lambda e: 1 / (1 - e), lambda e: -1 / e**2, lambda e: 1 / (1 - e) ** 2
    ),
    "treated": Tilt("the exposed", np.ones_like, lambda e: e / (1 - e), np.zeros_like, lambda e: 1 / (1 - e) ** 2),
    "untreated": Tilt("the unexposed", lambda e: (1 - e) / e, np.ones_like, lambda e: -1 / e**2, np.zeros_like),
    "overlap": Tilt(
        "those who might be either",
        lambda e: 1 - e,
        lambda e: e,
        lambda e: -np.ones_like(e),
        np.ones_like,
    ),
}


@dataclass(frozen=True, eq=False, repr=False)
class WeightedEffect:
    """A contrast of two means that weights have made comparable.

    Attributes
    ----------
    estimate
        The contrast; its error holds that of the propensity model.
    means
        Of the outcome, if all those asked about were exposed, and if they were not.
    propensity
        The model of the exposure.
    estimand
        About whom it is: ``"average"``, ``"treated"``, ``"untreated"`` or ``"overlap"``.
    people
        Those of the domain: their rows and sampling weights.
    exposed
        Shape (r,) bool, of these.
    score
        Shape (r,): chance to be exposed given the covariates.
    factor
        Shape (r,): by what the sampling weight is multiplied.

    Examples
    --------
    >>> import crampstats as cs
    >>> people = cs.simulate(cs.Population(), 4000, seed=1, columns=["diabetes", "age_years", "sex", "magnesium_mmol_l"])
    >>> effect = inverse_probability(
    ...     cs.Survey(people), "magnesium_mmol_l", exposure="diabetes", covariates="sex + rcs(age_years, 3)")
    >>> effect.positivity().columns.tolist()[:4]
    ['term', 'n', 'lowest_score', 'highest_score']
    """

    estimate: Estimate
    means: Estimate
    propensity: Model
    estimand: Estimand
    people: People
    exposed: np.ndarray
    score: np.ndarray
    factor: np.ndarray

    def positivity(self) -> pd.DataFrame:
        """Say how far exposed and unexposed people can be compared.

        Returns
        -------
        DataFrame
            A row for the exposed and one for the unexposed: ``term``; ``n``; ``lowest_score`` and ``highest_score``, chances
            to be exposed; ``outside_pct``, per cent (weighted) whose chance is below 0.1 or above 0.9; ``n_effective``, how
            many people of equal weights would tell as much (Kish); ``largest_weight``, in multiples of the group's mean
            weight; ``largest_share_pct``, its per cent of all weight of the group.
        """
        rows = []
        for term, inside in (("exposed", self.exposed), ("unexposed", ~self.exposed)):
            weight, score = self.people.weight[inside], self.score[inside]
            count = self.people.people[inside]
            both = weight * self.factor[inside]
            each = both / count
            outside = (score < COMPARABLE[0]) | (score > COMPARABLE[1])
            n = count.sum()
            rows.append(
                {
                    "term": term,
                    "n": int(n),
                    "lowest_score": score.min(),
                    "highest_score": score.max(),
                    "outside_pct": 100 * weight[outside].sum() / weight.sum(),
                    "n_effective": both.sum() ** 2 / (both @ each),
                    "largest_weight": each.max() / (both.sum() / n),
                    "largest_share_pct": 100 * each.max() / both.sum(),
                }
            )
        return pd.DataFrame(rows)

    def to_frame(self, *, level: float = 0.95) -> pd.DataFrame:
        """Return the contrast as a table, see `Estimate.to_frame`; ``note`` tells weights above ten times the mean.

        Parameters
        ----------
        level
            Confidence.
        """
        table = self.estimate.to_frame(level=level)
        heavy = self.positivity()
        heavy = heavy[heavy["largest_weight"] > HEAVY]
        notes = [
            f"one of the {row.term} has {row.largest_weight:.0f} times the mean weight" for row in heavy.itertuples()
        ]
        return table.assign(note="; ".join([*filter(None, table["note"]), *notes]))

    def __repr__(self) -> str:
        note = self.to_frame()["note"].iloc[0]
        return f"{self.estimate!r}{f' ({note})' if note else ''}"

    def _repr_html_(self) -> str:
        return self.to_frame().to_html(index=False, border=0, float_format="{:.4g}".format)


def inverse_probability(
    survey: Survey,
    outcome: str,
    *,
    exposure: str,
    covariates: str,
    estimand: Estimand = "average",
    measure: Measure = "difference",
    label: str | None = None,
) -> WeightedEffect:
    """Compare exposed and unexposed people, weighted by the inverse of their chance to be what they are.

    Parameters
    ----------
    survey
        Whose domain is asked about.
    outcome
        A number, or a yes/no question such as ``"magnesium_mmol_l <= 0.75"``.
    exposure
        A column of 0 and 1, or a yes/no question. Of more levels compare two: ``survey.where("diuretic in ('loop', 'none')")``.
    covariates
        Right side of a formula, such as ``"sex + rcs(age_years, 4)"``: what confounds by the graph
        (`crampstats.adjustment_set`), not what predicts the exposure best. A logistic model gives the chances.
    estimand
        About whom: ``"average"``, everybody; ``"treated"``, the exposed; ``"untreated"``, the others; ``"overlap"``, people
        in proportion to how uncertain their exposure was, where some can hardly be compared.
    measure
        ``"difference"``, ``"ratio"`` or ``"odds_ratio"`` of the two means.
    label
        The term; None makes one.

    Returns
    -------
    WeightedEffect
        The contrast, with `WeightedEffect.positivity`; `balance` says whether the weights made people alike.

    Raises
    ------
    QuestionError
        If a column or question does not fit, or somebody in the domain has no answer: then ask ``survey.observed(...)`` first.
    ConvergenceError
        If covariates tell the exposure perfectly.
    CrampstatsError
        If somebody's chance is 0 or 1, everybody has the same exposure, or a choice is unknown.

    Notes
    -----
    An effect only if covariates hold all that confounds, everybody could have been either, and the propensity model is
    right. Ratios of weighted sums (Hájek); weights multiply those of the sampling. Scores of the propensity model are
    stacked: Lunceford JK, Davidian M, Stat Med 2004;23:2937-2960, doi:10.1002/sim.1903; under a design Ridgeway G, Kovalchik
    SA, Griffin BA, Kabeto MU, J Causal Inference 2015;3:237-249, doi:10.1515/jci-2014-0039. Overlap weights: Li F, Morgan KL,
    Zaslavsky AM, J Am Stat Assoc 2018;113:390-400, doi:10.1080/01621459.2016.1260466.

    Examples
    --------
    >>> import crampstats as cs
    >>> people = cs.simulate(cs.Population(), 4000, seed=1, columns=["diabetes", "age_years", "sex", "magnesium_mmol_l"])
    >>> effect = inverse_probability(
    ...     cs.Survey(people), "magnesium_mmol_l", exposure="diabetes", covariates="sex + rcs(age_years, 3)")
    >>> effect.to_frame()[["estimate", "std_error"]].round(3)
       estimate  std_error
    0     -0.06      0.007
    """
    check_measure(measure)
    _check_estimand(estimand, Estimand)
    values = np.asarray(read_numbers(survey, outcome), dtype=float)
    asked, column = with_column(survey, exposure, "exposed")
    people = People.of(asked)
    exposed, propensity, score, moved = _propensity(asked, column, covariates, people)
    tilt, known = TILTS[estimand], values[people.rows]
    factor = np.where(exposed, tilt.exposed(score), tilt.unexposed(score))
    slope = np.where(exposed, tilt.exposed_slope(score), tilt.unexposed_slope(score))
    (part,) = propensity.coefficients.components
    value, contributions = np.empty(2), np.empty((part.design.clusters, 2))
    for place, inside in enumerate((exposed, ~exposed)):
        weight = np.where(inside, people.weight * factor, 0.0)
        value[place] = weight @ known / weight.sum()
        gap = np.where(inside, known - value[place], 0.0)
        nuisance = (people.weight * slope * gap) @ moved / weight.sum()
        own = people.cluster_sums(asked, weight * gap)[:, 0] / weight.sum()
        contributions[:, place] = own + part.contributions @ nuisance
    count = np.array([people.people[exposed].sum(), people.people[~exposed].sum()])
    means = _means(outcome, exposure, value, contributions, part, count, known, survey.described)
    estimate = _contrasted(means, outcome, exposure, measure, label)
    return WeightedEffect(estimate, means, propensity, estimand, people, exposed, score, factor)


def doubly_robust(
    model: Model,
    exposure: str,
    *,
    covariates: str,
    estimand: RobustEstimand = "average",
    measure: Measure = "difference",
    label: str | None = None,
) -> WeightedEffect:
    """Compare exposed and unexposed people by a model of the outcome, corrected by weights: right if either model is.

    Parameters
    ----------
    model
        Of the outcome, as from `fit`, with the exposure among its columns.
    exposure
        A column of 0 and 1 in the model.
    covariates
        Right side of the formula of the exposure, as in `inverse_probability`.
    estimand
        ``"average"``, everybody, or ``"treated"``, the exposed.
    measure, label
        As in `inverse_probability`.

    Returns
    -------
    WeightedEffect
        The contrast; its error holds those of both models.

    Raises
    ------
    QuestionError
        If the exposure is no column of 0 and 1 of the model, the covariates do not fit, or the outcome is of classes.
    ConvergenceError, CrampstatsError
        As `inverse_probability`.

    Notes
    -----
    The predicted outcome of everybody plus the weighted residuals of those who had the exposure: Robins JM, Rotnitzky A, Zhao
    LP, J Am Stat Assoc 1994;89:846-866, doi:10.1080/01621459.1994.10476818; Bang H, Robins JM, Biometrics 2005;61:962-972,
    doi:10.1111/j.1541-0420.2005.00377.x. Scores of both models are stacked, so that the error is right if either model is. If
    neither is, the estimate may be worse than either alone. A mean may fall outside the range of outcomes where weights are
    extreme.

    Examples
    --------
    >>> import crampstats as cs
    >>> people = cs.simulate(cs.Population(), 4000, seed=1, columns=["diabetes", "age_years", "sex", "magnesium_mmol_l"])
    >>> model = cs.fit(cs.Survey(people), "magnesium_mmol_l ~ diabetes * rcs(age_years, 3) + sex", family="gaussian")
    >>> doubly_robust(model, "diabetes", covariates="sex + rcs(age_years, 3)").to_frame()[["estimate", "std_error"]].round(3)
       estimate  std_error
    0    -0.061      0.006
    """
    check_measure(measure)
    _check_estimand(estimand, RobustEstimand)
    refuse_classes(model, observed="doubly_robust")
    survey, exposure = model.survey, one_spelling(exposure)
    if exposure not in model.predictors:
        raise QuestionError(
            f"exposure={exposure!r} is no column of the model; its columns are {', '.join(model.predictors)}."
        )
    if not pd.api.types.is_numeric_dtype(survey.data[exposure].dtype):
        raise QuestionError(f"exposure={exposure!r} has to be a column of 0 and 1; make one with define().")
    people = People.of(survey)
    exposed, propensity, score, moved = _propensity(survey, exposure, covariates, people)
    data = survey.data[list(model.predictors)].iloc[people.rows]
    known = survey.data[model.formula.response].to_numpy(dtype=float)[people.rows]
    (part,), (chance,) = model.coefficients.components, propensity.coefficients.components
    tilt = TILTS[estimand]
    base = people.weight if estimand == "average" else np.where(exposed, people.weight, 0.0)
    total = base.sum()
    value, contributions = np.empty(2), np.empty((part.design.clusters, 2))
    for place, level in enumerate((1, 0)):
        inside = exposed if level == 1 else ~exposed
        factor, slope = (tilt.exposed, tilt.exposed_slope) if level == 1 else (tilt.unexposed, tilt.unexposed_slope)
        predicted, steps = model.means_at(data.assign(**{exposure: level}))
        weight = np.where(inside, people.weight * factor(score), 0.0)
        lever = np.where(inside, people.weight * slope(score), 0.0)
        residual = known - predicted
        value[place] = (base @ predicted + weight @ residual) / total
        own = people.cluster_sums(survey, base * (predicted - value[place]) + weight * residual)[:, 0]
        outcome = part.contributions @ ((base - weight) @ steps)
        nuisance = chance.contributions @ ((lever * residual) @ moved)
        contributions[:, place] = (own + outcome + nuisance) / total
    count = np.full(2, people.people.sum())
    spent = np.maximum(np.asarray(part.spent)[:1], np.asarray(chance.spent)[:1])
    both = Component(part.design, part.contributions[:, :1], part.touched[:, :1], spent)
    response = str(model.formula.response)
    means = _means(response, exposure, value, contributions, both, count, known, model.coefficients.source)
    estimate = _contrasted(means, response, exposure, measure, label)
    factors = np.where(exposed, tilt.exposed(score), tilt.unexposed(score))
    return WeightedEffect(estimate, means, propensity, estimand, people, exposed, score, factors)


def _check_estimand(estimand: str, choices: object) -> None:
    """Refuse an estimand that there is none of."""
    if estimand not in get_args(choices):
        raise CrampstatsError(f"estimand={estimand!r} is unknown: choose from {', '.join(get_args(choices))}.")


def _propensity(
    survey: Survey, column: str, covariates: str, people: People
) -> tuple[np.ndarray, Model, np.ndarray, np.ndarray]:
    """Return who was exposed, the model of it, the chances, and how these move with its coefficients, shape (r, p)."""
    values = np.asarray(read_numbers(survey, column), dtype=float)[people.rows]
    if not np.isin(values, (0, 1)).all():
        raise QuestionError(
            f"exposure={column!r} has to be 0 or 1, or a yes/no question; it holds {values[~np.isin(values, (0, 1))][0]:g}."
        )
    if np.ptp(values) == 0:
        raise CrampstatsError(f"exposure={column!r} is {values[0]:g} for everybody: there is nobody to compare with.")
    if not isinstance(covariates, str) or "~" in covariates or not covariates.strip():
        raise QuestionError(
            f"covariates={covariates!r} has to be the right side of a formula, as in 'sex + rcs(age_years, 4)'."
        )
    # Yes and no are stored as 0 and 1, as fit wants its outcome.
    asked = survey if survey.data[column].dtype != bool else survey.define(**{column: column})
    propensity = fit(asked, f"{column} ~ {covariates}", family="binomial")
    score, moved = propensity.means_at(asked.data.iloc[people.rows])
    certain = int(np.sum((score < CERTAIN) | (score > 1 - CERTAIN)))
    if certain:
        raise CrampstatsError(
            f"positivity: {certain:,} rows have a chance of {column!r} of 0 or 1 given {covariates!r}, and nobody to be "
            "compared with; ask about people who might be either, with where()."
        )
    return values == 1, propensity, score, moved


def _means(
    outcome: str,
    exposure: str,
    value: np.ndarray,
    contributions: np.ndarray,
    part: Component,
    count: np.ndarray,
    known: np.ndarray,
    source: str,
) -> Estimate:
    """Return the mean if exposed and if not, as an estimate."""
    labels = told(f"mean of {outcome} if {exposure}", f"mean of {outcome} if not {exposure}")
    touched = np.broadcast_to(part.touched[:, :1], contributions.shape)
    component = Component(part.design, contributions, touched, np.broadcast_to(np.asarray(part.spent)[:1], 2))
    share = np.isin(known, (0, 1)).all() and ((value > 0) & (value < 1)).all()
    return Estimate(labels, value, (component,), count, "logit" if share else "wald", source)


def _contrasted(means: Estimate, outcome: str, exposure: str, measure: str, label: str | None) -> Estimate:
    """Return the contrast of the two means."""
    first, second = (means.where(f"term == {term!r}") for term in means.labels["term"])
    return compared(first, second, measure, label or f"{IN_WORDS[measure]} of {outcome}: {exposure} against not")


def balance(effect: WeightedEffect, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Say whether weights have made exposed and unexposed people alike.

    Parameters
    ----------
    effect
        As from `inverse_probability` or `doubly_robust`.
    columns
        Of the data: numbers, or levels; None for those of the propensity model.

    Returns
    -------
    DataFrame
        A row for each number and each level: ``term``; ``exposed_before``, ``unexposed_before``, means by the sampling weights
        alone; ``smd_before``, their difference in standard deviations; and ``exposed_after``, ``unexposed_after``,
        ``smd_after`` with the weights of the effect.

    Raises
    ------
    QuestionError
        If a column is not there or has missing values in the domain.

    Notes
    -----
    Standardised by the root of the mean of both variances before weighting: Austin PC, Stuart EA, Stat Med 2015;34:3661-3679,
    doi:10.1002/sim.6607. Beyond 0.1 people are usually called unlike. A p value says nothing of balance.

    Examples
    --------
    >>> import crampstats as cs
    >>> people = cs.simulate(cs.Population(), 4000, seed=1, columns=["diabetes", "age_years", "sex", "magnesium_mmol_l"])
    >>> effect = inverse_probability(
    ...     cs.Survey(people), "magnesium_mmol_l", exposure="diabetes", covariates="sex + rcs(age_years, 3)")
    >>> balance(effect)[["term", "smd_before", "smd_after"]].round(2)
               term  smd_before  smd_after
    0     age_years        0.95      -0.07
    1  sex = female       -0.15       0.01
    """
    if isinstance(columns, str):
        raise QuestionError(f"columns={columns!r} has to be a list of columns, as in [{columns!r}].")
    survey = effect.propensity.survey
    rows, plain = effect.people.rows, effect.people.weight
    weights = [(plain, "before"), (plain * effect.factor, "after")]
    table = []
    for name in effect.propensity.formula.predictors if columns is None else columns:
        for term, values in _covariate(survey, one_spelling(name), rows):
            row: dict[str, object] = {"term": term}
            groups = (effect.exposed, ~effect.exposed)
            spread = np.sqrt(np.mean([_variance(values[group], plain[group]) for group in groups]))
            for weight, when in weights:
                first, second = (float(np.average(values[group], weights=weight[group])) for group in groups)
                row |= {f"exposed_{when}": first, f"unexposed_{when}": second}
                row[f"smd_{when}"] = (first - second) / spread if spread > 0 else 0.0
            table.append(row)
    return pd.DataFrame(table)


def _covariate(survey: Survey, name: str, rows: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Return a number, or each level of a column but the first of two, as numbers of some rows."""

    def fail(problem: str) -> NoReturn:
        raise QuestionError(f"columns: {problem}")

    answer = column_answer(survey.data, name, fail)
    if answer.missing is not None and answer.missing[rows].any():
        raise QuestionError(f"{name!r} has missing values in the domain: first ask observed({name!r}).")
    if answer.kind != "text":
        return [(name, np.asarray(answer.values, dtype=float)[rows])]
    held = answer.values.iloc[rows].astype(object)
    levels = sorted(held.unique())
    return [
        (f"{name} = {level}", (held == level).to_numpy(dtype=float))
        for level in levels[: 1 if len(levels) == 2 else None]
    ]


def _variance(values: np.ndarray, weight: np.ndarray) -> float:
    """Return a weighted variance."""
    return float(np.average((values - np.average(values, weights=weight)) ** 2, weights=weight))
