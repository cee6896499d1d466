"""Whether a model fits: what was observed beside what it expects, and residuals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import special

from crampstats.errors import QuestionError
from crampstats.estimates import Component, Estimate
from crampstats.proportions import read_grouping
from crampstats.regression.fitting import BLOCK
from crampstats.regression.foundations import add_to_clusters, domain_rows, inside, people_weights, refuse_taken
from crampstats.regression.likelihood_models import LikelihoodModel, OrdinalModel
from crampstats.regression.likelihoods import GroupedCounts, OrderedClasses
from crampstats.regression.outcomes import read_outcome
from crampstats.regression.terms import TermTest, tail_of_f_sum

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from crampstats.regression.foundations import Model

    # Of some people: how far what is observed exceeds what is expected (rows, k), what is observed (rows, k), and the slopes
    # of what is expected in the coefficients, a list of k arrays (rows, p).
    Compared = tuple[np.ndarray, np.ndarray, list[np.ndarray]]
    Compare = Callable[[pd.DataFrame, np.ndarray], Compared]

# Counts shown one by one unless asked for more: up to this many, and those that this share of people exceed are one.
SHOWN, TAIL = 30, 0.01
# Weights of chi-squares, in shares of the largest, that are rounding.
NOTHING = 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class FitCheck:
    """What was observed beside what a model expects.

    Attributes
    ----------
    observed, expected
        Shape (k,): weighted shares of people, or means.
    difference
        Observed less expected, with the error of both under the design and the covariance between them.
    scale
        Shape (k,): what squared differences are divided by in the test: for shares about what Pearson's chi-square does
        (the mean of observed and expected over n), for means the variance.
    degrees_of_freedom
        Of the design.

    Examples
    --------
    >>> import crampstats as cs
    >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class")
    >>> nights = {0: (0, 0), 1: (1, 1), 2: (2, 4), 3: (5, 15), 4: (16, None)}
    >>> model = cs.fit(cramps, "cramp_class ~ 1", family="grouped_negative_binomial", classes=nights)
    >>> check = observed_and_expected(model)
    >>> check.to_frame()[["term", "observed", "expected"]].round(4).tail(1)
                  term  observed  expected
    4  cramp_class = 4     0.019     0.009
    >>> check.test().p_value < 1e-6
    True
    """

    observed: np.ndarray
    expected: np.ndarray
    difference: Estimate
    scale: np.ndarray
    degrees_of_freedom: float

    def test(self) -> TermTest:
        """Test whether all differences are 0: Pearson's chi-square beside its distribution under the design.

        Returns
        -------
        TermTest
            Of squared differences over `scale`, a sum of chi-squares with `TermTest.weights` if the model is right.
            Differences that the fit has made nearly 0 weigh nearly nothing, so that none has to be left out.

        Raises
        ------
        QuestionError
            If the model has a coefficient for each difference, and so repeats what was observed.

        Notes
        -----
        Rao JNK, Scott AJ, Ann Stat 1984;12:46-60, doi:10.1214/aos/1176346391; Roberts G, Rao JNK, Kumar S, Biometrika
        1987;74:1-12, doi:10.1093/biomet/74.1.1.
        """
        root = np.sqrt(self.scale)
        sizes = np.linalg.eigvalsh(self.difference.covariance / np.outer(root, root))[::-1]
        weights = sizes[sizes > NOTHING * max(sizes[0], NOTHING)]
        if sizes[0] < NOTHING or not len(weights):
            raise QuestionError("the model repeats what was observed, whatever the sample; there is nothing to test.")
        statistic = float(np.sum(self.difference.value**2 / self.scale))
        p_value = tail_of_f_sum(statistic, weights, self.degrees_of_freedom)
        return TermTest(
            "observed less expected",
            "rao_scott",
            statistic,
            len(weights),
            self.degrees_of_freedom,
            p_value,
            tuple(float(weight) for weight in weights),
        )

    def rootogram(self) -> pd.DataFrame:
        """Return what a rootogram shows: square roots of people, and how far a bar hung at what is expected misses 0.

        Notes
        -----
        Kleiber C, Zeileis A, Am Stat 2016;70:296-303, doi:10.1080/00031305.2016.1173590.
        """
        seen, expected = np.sqrt(self.observed * self.difference.n), np.sqrt(self.expected * self.difference.n)
        return self.difference.labels.assign(root_observed=seen, root_expected=expected, hanging=expected - seen)

    def to_frame(self, *, level: float = 0.95) -> pd.DataFrame:
        """Return the differences as a table, see `Estimate.to_frame`, with ``observed`` and ``expected``.

        Parameters
        ----------
        level
            Confidence.
        """
        return self.difference.to_frame(level=level).assign(observed=self.observed, expected=self.expected)

    def __repr__(self) -> str:
        return f"<FitCheck of {self.difference.source}>\n{self.to_frame().to_string(index=False)}"

    def _repr_html_(self) -> str:
        return self.to_frame().to_html(index=False, border=0)


def people_of(model: Model) -> tuple[pd.DataFrame, np.ndarray]:
    """Return what predictions need of the people of the domain, and their outcomes as numbers, shape (rows,).

    Parameters
    ----------
    model
        As from `fit`.
    """
    if isinstance(model, LikelihoodModel):
        outcome, _, data = read_outcome(model.request, domain_rows(model.survey, model.request.columns))
    else:
        data = domain_rows(model.survey, model.formula.columns)
        outcome = data[model.formula.response].to_numpy(dtype=float)
    offset = domain_rows(model.survey, model.offset.columns)
    return data.assign(**{name: offset[name] for name in model.offset.columns}), outcome


def refuse_fractions(model: Model) -> None:
    """Refuse outcomes of a Poisson regression that are no counts: it fits any number, but only counts have chances.

    Parameters
    ----------
    model
        As from `fit`.

    Raises
    ------
    QuestionError
        Naming one of them.
    """
    if model.family.name != "poisson":
        return
    _, outcome = people_of(model)
    broken = outcome[outcome != np.floor(outcome)]
    if broken.size:
        raise QuestionError(
            f"{model.formula.response!r} is {broken[0]:g} for somebody and no count; the model says nothing of its chances."
        )


def compared(
    model: Model, labels: pd.DataFrame, compare: Compare, cells: np.ndarray | None = None
) -> tuple[np.ndarray, Estimate]:
    """Return weighted means of what is observed, and of how far it exceeds what is expected, with its error.

    Parameters
    ----------
    model
        As from `fit`.
    labels
        Of the m k differences, cell by cell.
    compare
        Gives k differences of each of some people, what is observed of them, and the slopes of what is expected.
    cells
        Shape (rows,), from 0 to m - 1: outside its cell a person adds 0; None for one cell.

    Returns
    -------
    tuple
        Observed, shape (m k,), and the differences; both per person of all cells together.
    """
    survey, (part,) = model.survey, model.coefficients.components
    data, outcome = people_of(model)
    weight = people_weights(survey)
    weight = weight / weight.sum()
    cluster = inside(survey, survey.row_cluster)
    cells = np.zeros(len(outcome), dtype=np.intp) if cells is None else cells
    many = int(cells.max()) + 1
    sums, totals = np.zeros((survey.design.clusters, len(labels))), np.zeros((survey.design.clusters, 1))
    slopes, observed = np.zeros((len(labels), len(model.coefficients))), np.zeros(len(labels))
    for start in range(0, len(outcome), BLOCK):
        rows = slice(start, start + BLOCK)
        excess, seen, bends = compare(data.iloc[rows], outcome[rows])
        member = weight[rows, None] * (cells[rows, None] == np.arange(many))
        spread = (member[:, :, None] * excess[:, None, :]).reshape(len(excess), -1)
        add_to_clusters(sums, cluster[rows], spread)
        add_to_clusters(totals, cluster[rows], weight[rows, None])
        observed += (member.T @ seen).ravel()
        slopes += np.stack([member.T @ bend for bend in bends], axis=1).reshape(slopes.shape)
    value = sums.sum(axis=0)
    contributions = sums - value * totals - part.contributions @ slopes.T
    touched = np.broadcast_to(part.touched[:, :1], contributions.shape)
    component = Component(part.design, contributions, touched, float(np.asarray(part.spent)[0]))
    n = np.full(len(labels), model.coefficients.n[0])
    return observed, Estimate(labels, value, (component,), n, "wald", model.coefficients.source)


def observed_and_expected(model: Model, *, upto: int | None = None, by: Sequence[str] = ()) -> FitCheck:
    """Return the shares of people with each count or class beside those that a model expects.

    Parameters
    ----------
    model
        Of counts, classes or yes/no, as from `fit`. The share of zeros is that of the first.
    upto
        Counts above it are taken together; None for where 1 % of people are above, at most 30. Classes have none.
    by
        Columns; shares, of all people, for each combination that occurs. A model with a parameter for each class meets the
        shares of all people whatever it says of some: compare by its columns.

    Returns
    -------
    FitCheck
        With a design-based test of fit, and the data of a rootogram.

    Raises
    ------
    QuestionError
        If the family says nothing of chances, the outcome of a Poisson model is no count, `upto` is none, or a by column has
        the name of a column of the result.

    Notes
    -----
    A goodness-of-fit test under a sampling design in the manner of Archer KJ, Lemeshow S, Hosmer DW, Comput Stat Data Anal
    2007;51:4450-4464, doi:10.1016/j.csda.2006.07.006, with the error of the coefficients carried by the chain rule.

    Examples
    --------
    >>> import crampstats as cs
    >>> rng = np.random.default_rng(1)
    >>> people = cs.Survey(pd.DataFrame({"cramps": rng.negative_binomial(1, 0.4, 500)}))
    >>> model = cs.fit(people, "cramps ~ 1", family="poisson")
    >>> observed_and_expected(model).to_frame()[["term", "observed", "expected"]].round(2).head(1)
             term  observed  expected
    0  cramps = 0      0.36       0.2
    """
    name, likelihood = model.formula.response, model.family
    if isinstance(likelihood, (OrderedClasses, GroupedCounts)) or likelihood.name == "binomial":
        if upto is not None:
            raise QuestionError(f"upto={upto!r}: a model of classes compares all of them; leave it out.")
        terms = [f"{name} = {label}" for label in _class_labels(model)]
        compare = _of_values(model, len(terms))
    else:
        refuse_fractions(model)
        upto = _highest_shown(model) if upto is None else upto
        if type(upto) is not int or upto < 0:
            raise QuestionError(f"upto={upto!r} has to be a whole number, 0 or more.")
        terms = [*(f"{name} = {count}" for count in range(upto + 1)), f"{name} > {upto}"]
        compare = _with_the_rest(_of_values(model, upto + 1))
    labels, cells = _cells(model, terms, by)
    observed, difference = compared(model, labels, compare, cells)
    expected = observed - difference.value
    # Under the model both are the same; where hardly anybody is expected, what was observed keeps the scale from nothing.
    scale = (observed + expected) / 2 / difference.n
    return FitCheck(observed, expected, difference, scale, model.survey.degrees_of_freedom)


def _cells(model: Model, terms: list[str], by: Sequence[str]) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the labels of all terms for each combination of by columns, and the combination of each row."""
    survey = model.survey
    refuse_taken("by", by, ("observed", "expected"))
    grouping = read_grouping(survey, by)
    cell = np.zeros(len(survey), dtype=np.intp)
    for codes, size in zip(grouping.codes, grouping.sizes, strict=True):
        cell = cell * size + codes
    found, cells = np.unique(inside(survey, cell), return_inverse=True)
    each = grouping.labels("", np.repeat(found, len(terms)))
    return each.assign(term=terms * len(found)), cells


def _class_labels(model: Model) -> list[Any]:
    """Return the classes of a model in order."""
    if isinstance(model.family, OrderedClasses):
        return list(model.family.labels)
    classes = model.request.classes if isinstance(model, LikelihoodModel) else None
    return [0, 1] if classes is None else list(classes)


def _highest_shown(model: Model) -> int:
    """Return the lowest count that few people exceed."""
    _, outcome = people_of(model)
    weight = people_weights(model.survey)
    above = [float(weight @ (outcome > count) / weight.sum()) for count in range(SHOWN + 1)]
    return next((count for count, share in enumerate(above) if share <= TAIL), SHOWN)


def _of_values(model: Model, values: int) -> Compare:
    """Return what compares outcomes from 0, one by one."""

    def compare(data: pd.DataFrame, outcome: np.ndarray) -> Compared:
        chances, slopes = model.chances_at(data, range(values))
        observed = (outcome[:, None] == np.arange(values)).astype(float)
        return observed - chances, observed, slopes

    return compare


def _with_the_rest(compare: Compare) -> Compare:
    """Return what also compares everything else, as one more outcome."""

    def compare_all(data: pd.DataFrame, outcome: np.ndarray) -> Compared:
        excess, observed, slopes = compare(data, outcome)
        excess = np.column_stack([excess, -excess.sum(axis=1)])
        observed = np.column_stack([observed, 1 - observed.sum(axis=1)])
        return excess, observed, [*slopes, -np.sum(slopes, axis=0)]

    return compare_all


def calibration_check(model: Model, *, groups: int = 10, at_least: Any = None) -> FitCheck:
    """Return mean outcomes beside predicted ones, in groups of people by what is predicted of them.

    Parameters
    ----------
    model
        As from `fit`.
    groups
        How many, of about equal weight; equal predictions stay together.
    at_least
        Of an ordinal model: the class whose chance, or that of a higher one, is predicted.

    Returns
    -------
    FitCheck
        Differences are each group's share of the mean: observed and expected sums over the weight of all people.

    Raises
    ------
    QuestionError
        If all predictions are equal, `groups` is below 2, or the outcome is of grouped counts, whose classes have no mean.

    Notes
    -----
    Archer KJ, Lemeshow S, Stata J 2006;6:97-105, doi:10.1177/1536867X0600600106; groups are taken as given.

    Examples
    --------
    >>> import crampstats as cs
    >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class").define(frequent="cramp_class >= 3")
    >>> model = cs.fit(cramps, "frequent ~ sex + age_group", family="binomial")
    >>> calibration_check(model, groups=5).to_frame()[["term", "observed", "expected"]].round(4)
                     term  observed  expected
    0  0.02805 to 0.02805    0.0044    0.0053
    1  0.04716 to 0.04716    0.0106    0.0090
    2    0.0484 to 0.0484    0.0100    0.0092
    3  0.06192 to 0.08022    0.0200    0.0223
    4    0.1042 to 0.1042    0.0143    0.0135
    """
    if type(groups) is not int or groups < 2:
        raise QuestionError(f"groups={groups!r} has to be a whole number, 2 or more.")
    if isinstance(model.family, GroupedCounts):
        raise QuestionError(
            f"calibration_check: of {model.formula.response!r} only classes are known, which cannot be compared with predicted "
            "counts; use observed_and_expected()."
        )
    told = {"at_least": at_least} if isinstance(model, OrdinalModel) else {}
    if at_least is not None and not told:
        raise QuestionError(f"at_least={at_least!r} is for ordinal models; this one has family={model.family.name!r}.")
    data, _ = people_of(model)
    means = np.concatenate(
        [model.means_at(data.iloc[start : start + BLOCK], **told)[0] for start in range(0, len(data), BLOCK)]
    )
    cells, terms = _groups(means, people_weights(model.survey), groups)
    if len(terms) < 2:
        raise QuestionError("calibration_check needs predictions that differ; this model predicts one for all.")
    threshold = list(model.family.labels).index(at_least) if isinstance(model, OrdinalModel) else None

    def compare(data: pd.DataFrame, outcome: np.ndarray) -> Compared:
        mean, slopes = model.means_at(data, **told)
        seen = outcome if threshold is None else (outcome >= threshold).astype(float)
        return (seen - mean)[:, None], seen[:, None], [slopes]

    observed, difference = compared(model, pd.DataFrame({"term": terms}), compare, cells)
    scale = np.maximum(difference.std_error**2, np.finfo(float).tiny)
    return FitCheck(observed, observed - difference.value, difference, scale, model.survey.degrees_of_freedom)


def _groups(means: np.ndarray, weight: np.ndarray, groups: int) -> tuple[np.ndarray, list[str]]:
    """Return groups of about equal weight by mean, numbered from 0, and what they are called."""
    # Means that differ by rounding alone are equal.
    levels, place = np.unique(np.round(means, 12), return_inverse=True)
    share = np.bincount(place, weight) / weight.sum()
    _, number = np.unique(((np.cumsum(share) - share / 2) * groups).astype(int), return_inverse=True)
    ends = np.flatnonzero(np.diff(number))
    edges = zip(levels[np.append(0, ends + 1)], levels[np.append(ends, len(levels) - 1)], strict=True)
    return number[place], [f"{low:.4g} to {high:.4g}" for low, high in edges]


def quantile_residuals(model: Model, *, rng: np.random.Generator | int) -> pd.DataFrame:
    """Return randomised quantile residuals, which are standard normal where the model is right.

    Parameters
    ----------
    model
        Of counts, classes or yes/no, as from `fit`.
    rng
        For the place within an outcome's jump of the distribution: a Generator, or an integer to make one.

    Returns
    -------
    DataFrame
        A row a person of the domain (tabulated rows are taken apart): ``row`` of the survey's data from 0, ``weight``, and
        ``residual``.

    Raises
    ------
    QuestionError
        If the family says nothing of chances, or the outcome of a Poisson model is no count.

    Notes
    -----
    Dunn PK, Smyth GK, J Comput Graph Stat 1996;5:236-244, doi:10.1080/10618600.1996.10474708.

    Examples
    --------
    >>> import crampstats as cs
    >>> people = cs.Survey(pd.DataFrame({"cramps": np.random.default_rng(1).poisson(3.0, 1000)}))
    >>> residuals = quantile_residuals(cs.fit(people, "cramps ~ 1", family="poisson"), rng=2)
    >>> bool(abs(residuals["residual"].std() - 1) < 0.05)
    True
    """
    rng = np.random.default_rng(rng)
    refuse_fractions(model)
    survey = model.survey
    data, outcome = people_of(model)
    count = np.ones(len(outcome)) if survey.row_count is None else inside(survey, survey.row_count)
    weight = people_weights(survey)
    rows = np.arange(len(survey)) if survey.domain is None else np.flatnonzero(survey.domain)
    low, high = np.empty(len(outcome)), np.empty(len(outcome))
    for start in range(0, len(outcome), BLOCK):
        block = slice(start, start + BLOCK)
        low[block] = model.cumulative_at(data.iloc[block], outcome[block] - 1)
        high[block] = model.cumulative_at(data.iloc[block], outcome[block])
    each = np.repeat(np.arange(len(outcome)), count.astype(np.intp))
    uniform = low[each] + rng.random(len(each)) * (high - low)[each]
    tiny = np.finfo(float)
    return pd.DataFrame(
        {
            "row": rows[each],
            "weight": (weight / count)[each],
            "residual": special.ndtri(np.clip(uniform, tiny.tiny, 1 - tiny.epsneg)),
        }
    )
