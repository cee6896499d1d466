"""Prevalences, means, totals, direct standardisation, and whether a proportion may be published."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crampstats import intervals
from crampstats.errors import CrampstatsError, DesignError, QuestionError
from crampstats.estimates import RESULTS, Component, Estimate, mapped, stacked
from crampstats.numerics import cell_totals
from crampstats.questions import named_questions, one_spelling, read_question
from crampstats.reference import standard_population

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crampstats.intervals import Method
    from crampstats.questions import Question
    from crampstats.reference import StandardPopulation
    from crampstats.survey import Survey


# Whole numbers within a range as small as this are codes as they stand; others are looked up.
FEW_LEVELS = 1000
SHOWN = 5
# Columns that results have besides those by which they were made.
RESERVED = frozenset({"term", "probability", *RESULTS})


@dataclass(frozen=True)
class Grouping:
    """The by columns of a request: codes of the rows, and what the codes stand for."""

    names: tuple[str, ...]
    codes: tuple[np.ndarray, ...]
    levels: tuple[pd.Index, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many levels each column has."""
        return tuple(len(index) for index in self.levels)

    def labels(self, term: str, cells: np.ndarray) -> pd.DataFrame:
        """Return the labels of some cells, numbered as in a flattened array of `sizes`."""
        labels = pd.DataFrame({"term": [term] * len(cells)})
        if self.names:
            for name, index, level in zip(self.names, np.unravel_index(cells, self.sizes), self.levels, strict=True):
                labels[name] = level[index]
        return labels


def _level_codes(survey: Survey, name: str) -> tuple[np.ndarray, pd.Index]:
    """Return a by column as codes from 0, and its levels in order."""
    answer = survey.answer(name)
    values = answer.values
    if isinstance(values, pd.Series) and isinstance(values.dtype, pd.CategoricalDtype):
        codes, levels = values.cat.codes.to_numpy(), values.cat.categories
    elif answer.kind == "truth":
        codes, levels = values, pd.Index([False, True])
    elif answer.kind == "number" and values.dtype.kind in "ui" and int(values.max()) - int(values.min()) < FEW_LEVELS:
        lowest = values.min()
        # The difference of two int8 or uint64 may be none of them. As int16, which is quick to read, all wrap around alike.
        codes = np.subtract(values, lowest, dtype=np.int16, casting="unsafe")
        levels = pd.Index(np.arange(int(lowest), int(values.max()) + 1))
    else:
        codes, found = pd.factorize(values, sort=True)
        levels = pd.Index(found)
    # Who has no level is outside the domain, or answer() would have refused; any code will do.
    return (np.where(codes < 0, 0, codes) if answer.missing is not None else codes), levels


def read_grouping(survey: Survey, by: Sequence[str]) -> Grouping:
    """Read the by columns."""
    if isinstance(by, str):
        raise QuestionError(f"by={by!r} has to be a list of columns, as in by=[{by!r}].")
    by = [one_spelling(name) for name in by]
    if len(set(by)) != len(by):
        raise QuestionError(f"by={by!r} names a column twice.")
    taken = [name for name in by if name in RESERVED]
    if taken:
        raise QuestionError(
            f"by={by!r}: {taken[0]!r} is a column of every result; first give yours another name, as in "
            f"define(my_{taken[0]}={taken[0]!r})."
        )
    pairs = [_level_codes(survey, read_question(name).text) for name in by]
    return Grouping(tuple(by), tuple(codes for codes, _ in pairs), tuple(levels for _, levels in pairs))


@dataclass(frozen=True)
class _Totals:
    """Weighted totals in each cluster and cell."""

    labels_cells: np.ndarray  # (k,) which cells of the grouping have people in the domain
    people: np.ndarray  # (k,)
    touched: np.ndarray  # (clusters, k) bool
    weight: np.ndarray  # (clusters, k)
    amount: np.ndarray  # (clusters, k) weight times variable


def _totals(survey: Survey, grouping: Grouping, variable: np.ndarray) -> _Totals:
    """Add up people, weights and a variable, yes/no or a number, in clusters and cells of the domain."""
    parts = (
        _unit_parts(survey, grouping, variable)
        if survey.cluster is None
        else _cluster_parts(survey, grouping, variable)
    )
    people, weight, amount = parts
    found = np.flatnonzero(people.any(axis=0))
    if len(found) < people.shape[1]:
        people, weight, amount = (part[:, found] for part in parts)
    return _Totals(found, people.sum(axis=0), people > 0, weight, amount)


def _unit_parts(survey: Survey, grouping: Grouping, variable: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return people, weight and weighted variable of each row and cell, where every row is a cluster of its own."""
    rows = np.arange(len(survey)) if survey.domain is None else np.flatnonzero(survey.domain)
    cell = np.zeros(len(rows), dtype=np.intp)
    for codes, size in zip(grouping.codes, grouping.sizes, strict=True):
        cell = cell * size + codes[rows]
    shape = (len(survey), int(np.prod(grouping.sizes)))
    parts = (np.zeros(shape), np.zeros(shape), np.zeros(shape))
    weight = 1.0 if survey.row_weight is None else survey.row_weight[rows]
    parts[0][rows, cell] = 1.0 if survey.row_count is None else survey.row_count[rows]
    parts[1][rows, cell] = weight
    parts[2][rows, cell] = weight * variable[rows]
    return parts


def _cluster_parts(survey: Survey, grouping: Grouping, variable: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return people, weight and weighted variable of each cluster and cell, in one pass over the rows."""
    codes: list[np.ndarray] = [survey.row_cluster, *grouping.codes]
    sizes = [survey.design.clusters, *grouping.sizes]
    yes_no = variable.dtype == bool
    for flag in (survey.domain, variable if yes_no else None):
        if flag is not None:
            codes.append(flag)
            sizes.append(2)
    weight, count = survey.row_weight, survey.row_count
    columns: list[np.ndarray | tuple[np.ndarray, np.ndarray] | None] = [count]
    if weight is not count:
        columns.append(weight)
    if not yes_no:
        # Outside the domain a variable may be missing, and 0 times NaN is NaN.
        inside = variable if survey.domain is None else np.where(survey.domain, variable, 0.0)
        columns.append(inside if weight is None else (weight, inside))
    sums = cell_totals(codes, sizes, columns)
    people, weighed = sums[0], sums[1] if weight is not count else sums[0]
    parts = [people.sum(axis=-1), weighed.sum(axis=-1), weighed[..., 1]] if yes_no else [people, weighed, sums[-1]]
    if survey.domain is not None:
        parts = [part[..., 1] for part in parts]
    return tuple(part.reshape(survey.design.clusters, -1) for part in parts)


def made_estimate(
    survey: Survey,
    labels: pd.DataFrame,
    value: np.ndarray,
    component: Component,
    people: np.ndarray,
    interval_method: Method,
) -> Estimate:
    """Make an estimate, refusing domains without degrees of freedom.

    Parameters
    ----------
    survey
        Whose domain was asked about.
    labels, value, people, interval_method
        Of the k estimates, as in `Estimate`.
    component
        The survey's design and the contributions.

    Raises
    ------
    DesignError
        If clusters less strata with people in a domain leave no degrees of freedom, with the labels of it.
    """
    estimate = Estimate(labels, value, (component,), people, interval_method, survey.described)
    without = estimate.df <= 0
    if without.any():
        named = "; ".join(dict.fromkeys(", ".join(map(str, row)) for row in labels[without].itertuples(index=False)))
        raise DesignError(
            f"no degrees of freedom (clusters less strata with people in the domain) for: {named}. Ask about a larger "
            "domain, or merge strata."
        )
    return estimate


def _mean(survey: Survey, grouping: Grouping, variable: np.ndarray, term: str, interval_method: Method) -> Estimate:
    """Return a weighted mean in each cell of the domain."""
    totals = _totals(survey, grouping, variable)
    weight = totals.weight.sum(axis=0)
    value = totals.amount.sum(axis=0) / weight
    contributions = (totals.amount - value * totals.weight) / weight
    labels = grouping.labels(term, totals.labels_cells)
    component = Component(survey.design, contributions, totals.touched)
    return made_estimate(survey, labels, value, component, totals.people, interval_method)


def read_numbers(survey: Survey, variable: str) -> np.ndarray:
    """Return the values of a variable that has to be a finite number or yes/no in the domain."""
    answer = survey.answer(variable)
    if answer.kind == "text":
        raise QuestionError(f"{variable!r} is a text; a number or a yes/no question has to stand here.")
    infinite = np.isinf(answer.values)
    rows = np.flatnonzero(infinite if survey.domain is None else infinite & survey.domain)
    if rows.size:
        more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
        raise QuestionError(
            f"{variable!r} is not a finite number in row {', '.join(map(str, rows[:SHOWN]))}{more}, counted from 0."
        )
    return answer.values


def _case(survey: Survey, question: Question) -> np.ndarray:
    """Return yes or no for each row: a yes/no question, or a column of 0 and 1."""
    answer = survey.answer(question)
    if answer.kind == "truth":
        return answer.values
    if answer.kind == "number":
        known = answer.values if survey.domain is None else answer.values[survey.domain]
        if np.isin(known, (0, 1)).all():
            return answer.values == 1
    raise QuestionError(
        f"{question.text!r} has to be a yes/no question or a column of 0 and 1; compare it, as in: x >= 2."
    )


def prevalence(
    survey: Survey, case: str | Mapping[str, str], *, by: Sequence[str] = (), interval_method: Method = "korn_graubard"
) -> Estimate:
    """Estimate the share of people to whom a case definition applies.

    Parameters
    ----------
    survey
        Whose domain is asked about.
    case
        A yes/no question such as ``"magnesium_mg_dl <= 1.7"``, a 0/1 column, or a mapping from names to such
        questions.
    by
        Columns; an estimate for each combination that occurs. All of them come from one pass over the rows.
    interval_method
        ``"korn_graubard"`` (conservative), or another one of `crampstats.intervals.interval`: ``"logit"``, ``"wilson"``,
        ``"arcsine"``, ``"likelihood"``, ``"beta"``, ``"wald"``; in a simple random sample also ``"clopper_pearson"``,
        ``"mid_p"``, ``"jeffreys"``, ``"agresti_coull"``.

    Returns
    -------
    Estimate
        Proportions from 0 to 1.

    Raises
    ------
    QuestionError
        If a question does not fit the columns, or somebody in the domain has no answer: then ask
        ``survey.observed(column)`` first.
    DesignError
        If a domain has no degrees of freedom.

    Notes
    -----
    A ratio of weighted totals with its linearized variance: Binder DA, Int Stat Rev 1983;51:279-292,
    doi:10.2307/1402588. Intervals: Korn EL, Graubard BI, Surv Methodol 1998;24:193-201.

    Examples
    --------
    >>> import crampstats as cs
    >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class")
    >>> cs.prevalence(cramps, "cramp_class >= 3").to_frame()[["estimate", "conf_low", "conf_high"]].round(4)
       estimate  conf_low  conf_high
    0    0.0593    0.0516     0.0678
    """
    grouping = read_grouping(survey, by)
    questions = named_questions(case, "case")
    estimates = [_mean(survey, grouping, _case(survey, q), term, interval_method) for term, q in questions.items()]
    return estimates[0] if len(estimates) == 1 else stacked(estimates)


def mean(survey: Survey, variable: str, *, by: Sequence[str] = ()) -> Estimate:
    """Estimate the mean of a number.

    Parameters
    ----------
    survey
        Whose domain is asked about.
    variable
        A column or arithmetic of columns, in its own unit.
    by
        Columns; an estimate for each combination that occurs.

    Returns
    -------
    Estimate
        In the unit of the variable, with t intervals.

    Raises
    ------
    QuestionError, DesignError
        As `prevalence`.

    Examples
    --------
    >>> import crampstats as cs
    >>> mean(cs.Survey(pd.DataFrame({"magnesium_mmol_l": [0.8, 0.9, 0.7, 0.8]})), "magnesium_mmol_l").value
    array([0.8])
    """
    return _mean(survey, read_grouping(survey, by), read_numbers(survey, variable), variable, "wald")


def total(survey: Survey, variable: str, *, by: Sequence[str] = ()) -> Estimate:
    """Estimate the total of a number, or of people who answer yes, in the population.

    Parameters
    ----------
    survey
        Whose domain is asked about; its weights have to add up to the population.
    variable
        A column, arithmetic of columns, or a yes/no question.
    by
        Columns; an estimate for each combination that occurs.

    Returns
    -------
    Estimate
        In the unit of the variable, with t intervals.

    Raises
    ------
    QuestionError, DesignError
        As `prevalence`.

    Notes
    -----
    The linearized variance of a weighted total: Binder DA, Int Stat Rev 1983;51:279-292, doi:10.2307/1402588.

    Examples
    --------
    >>> import crampstats as cs
    >>> adults = cs.datasets.nhanes_cramps().observed("cramp_class")
    >>> millions = total(adults, "cramp_class >= 3").to_frame()[["estimate", "conf_low", "conf_high"]] / 1e6
    >>> millions.round(1)
       estimate  conf_low  conf_high
    0      12.6      10.4       14.8
    """
    grouping = read_grouping(survey, by)
    totals = _totals(survey, grouping, read_numbers(survey, variable))
    labels = grouping.labels(variable, totals.labels_cells)
    component = Component(survey.design, totals.amount, totals.touched)
    return made_estimate(survey, labels, totals.amount.sum(axis=0), component, totals.people, "wald")


def standardize(estimate: Estimate, population: str | StandardPopulation, *, over: str) -> Estimate:
    """Standardise estimates directly to a standard population, truncated to the ages studied.

    Parameters
    ----------
    estimate
        Made with ``by`` that holds the age groups, and perhaps more: each combination of the rest is standardised.
    population
        The name of a `crampstats.reference.standard_population`, or one of your own.
    over
        The by column of age groups, labelled ``"20-39"``, ``"60+"``.

    Returns
    -------
    Estimate
        The mean over age groups with the standard's weights; its variance takes the weights as known. The interval is
        made as that of `estimate`, with the effective sample size of the standardised value.

    Raises
    ------
    CrampstatsError
        If `over` is no by column, an age group is empty for some of the rest, or the groups do not fit the standard's.

    Notes
    -----
    Curtin LR, Klein RJ, Direct Standardization (Age-Adjusted Death Rates), Healthy People Statistical Notes 6, NCHS 1995.

    Examples
    --------
    >>> import crampstats as cs
    >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class")
    >>> crude = cs.prevalence(cramps, "cramp_class >= 1", by=["sex", "age_group"])
    >>> cs.standardize(crude, "esp_2013", over="age_group").value.round(4)
    array([0.2952, 0.344 ])
    """
    over = one_spelling(over)
    if over not in estimate.labels.columns or over == "term":
        raise CrampstatsError(f"over={over!r} is not a by column; these are {list(estimate.labels.columns[1:])}.")
    standard = standard_population(population) if isinstance(population, str) else population
    groups = list(dict.fromkeys(estimate.labels[over]))
    shares = dict(zip(groups, standard.shares([str(group) for group in groups]), strict=True))
    rest = [name for name in estimate.labels.columns if name != over]
    keys = estimate.labels.groupby(rest, sort=False, observed=True, dropna=False)
    cell = keys.ngroup().to_numpy()
    labels = estimate.labels[rest].drop_duplicates(ignore_index=True)
    sizes = np.bincount(cell, minlength=len(labels))
    if np.any(sizes != len(groups)):
        lacking = labels[sizes != len(groups)].to_dict("records")
        raise CrampstatsError(f"not every one of the age groups {groups} has people for {lacking}: they have no mean.")
    matrix = np.zeros((len(labels), len(estimate)))
    matrix[cell, np.arange(len(estimate))] = [shares[group] for group in estimate.labels[over]]
    n = np.bincount(cell, estimate.n)
    result = mapped(
        estimate,
        matrix,
        value=matrix @ estimate.value,
        labels=labels,
        n=n,
        interval_method=estimate.interval_method,
    )
    return replace(result, source=f"{estimate.source}, standardised to {standard.name} over {over}")


def nchs_standards(estimate: Estimate) -> pd.DataFrame:
    """Say whether each proportion may be published by the rules of the US National Center for Health Statistics.

    Parameters
    ----------
    estimate
        Proportions, as from `prevalence`.

    Returns
    -------
    DataFrame
        The labels, ``n``, ``n_effective``, ``df``, ``estimate``, ``conf_low``, ``conf_high`` (Korn-Graubard, 95 %),
        ``presentation`` (``"present"``, ``"review"`` or ``"suppress"``) and ``reason``.

    Raises
    ------
    CrampstatsError
        If the estimates are not proportions, or a by column has the name of a column of the result.

    Notes
    -----
    Parker JD et al., Vital Health Stat 2(175), 2017. Suppress: fewer than 30 people or an effective size below 30; an
    interval at least 0.30 wide; or one wider than 0.05 and than 130 % of the proportion. Review: fewer than 8 degrees of
    freedom; nobody or everybody. A proportion that may be presented says when its complement would not.

    Examples
    --------
    >>> import crampstats as cs
    >>> few = cs.Survey(pd.DataFrame({"cramps": [1, 0, 0, 1, 1]}))
    >>> cs.nchs_standards(cs.prevalence(few, "cramps == 1"))[["presentation", "reason"]]
      presentation                                             reason
    0     suppress  fewer than 30 people; interval 0.30 wide or more
    """
    if estimate.interval_method not in intervals.PROPORTION_METHODS:
        raise CrampstatsError("nchs_standards is for proportions; these estimates are not made as such.")
    taken = {"n_effective", "df", "presentation", "reason"} & set(estimate.labels.columns)
    if taken:
        raise CrampstatsError(f"nchs_standards has a column {min(taken)!r} of its own; call the by column otherwise.")
    limits = estimate.interval(level=0.95, method="korn_graubard")
    n_effective = np.minimum(intervals.effective_size(estimate.value, estimate.std_error, estimate.n), estimate.n)
    table = estimate.labels.assign(
        n=estimate.n.astype(np.int64),
        n_effective=n_effective,
        df=estimate.df,
        estimate=estimate.value,
        conf_low=limits.low,
        conf_high=limits.high,
    )
    verdicts = [
        _nchs_verdict(*row)
        for row in zip(estimate.n, n_effective, estimate.df, estimate.value, limits.high - limits.low, strict=True)
    ]
    return table.assign(presentation=[verdict for verdict, _ in verdicts], reason=[reason for _, reason in verdicts])


def _nchs_verdict(n: float, n_effective: float, df: float, share: float, width: float) -> tuple[str, str]:
    """Apply the rules to one proportion."""
    suppress = {
        "fewer than 30 people": n < 30,
        "effective sample size below 30": n >= 30 > n_effective,
        "interval 0.30 wide or more": width >= 0.30,
        "interval wider than 130 % of the proportion": 0.05 < width < 0.30 and width > 1.3 * share,
    }
    review = {"fewer than 8 degrees of freedom": df < 8, "nobody or everybody": share in {0.0, 1.0}}
    footnote = {"the complement would not be presented": width > 0.05 and width > 1.3 * (1 - share)}
    for verdict, rules in (("suppress", suppress), ("review", review), ("present", footnote)):
        reasons = [reason for reason, holds in rules.items() if holds]
        if reasons or verdict == "present":
            return verdict, "; ".join(reasons)
    raise AssertionError("the last verdict always applies")
