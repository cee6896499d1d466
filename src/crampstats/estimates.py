"""Estimates: a value and its contributions, summed to sampling clusters; and what can be computed from them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd

from crampstats import intervals
from crampstats.errors import CrampstatsError, DesignError, QuestionError
from crampstats.numerics import jacobian
from crampstats.questions import read_question

if TYPE_CHECKING:
    from collections.abc import Callable

    from crampstats.design import Design
    from crampstats.intervals import Method

Samples = Literal["same", "independent"]
RESULTS = ("n", "estimate", "std_error", "conf_low", "conf_high", "note")


@dataclass(frozen=True, eq=False)
class Component:
    """What one survey adds to the uncertainty of k estimates.

    Attributes
    ----------
    design
        Of the survey.
    contributions
        Shape (clusters, k): influence of each cluster's people, summed. Without clusters a row is a person, which costs
        8 bytes for each person and estimate; `Survey.tabulate` first makes it small.
    touched
        Shape (clusters, k) bool: whether the cluster has people in the domain of the estimate.
    spent
        Shape (k,): degrees of freedom of this survey that a model behind the estimate has used up; 0 where there is none.
    """

    design: Design
    contributions: np.ndarray
    touched: np.ndarray
    spent: np.ndarray | float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "spent", np.broadcast_to(np.asarray(self.spent, dtype=float), self.contributions.shape[1:])
        )

    @property
    def variance(self) -> np.ndarray:
        """Return what the survey adds to the variance of each estimate, shape (k,)."""
        return self.design.variance(self.contributions, self.touched)

    @property
    def degrees_of_freedom(self) -> np.ndarray:
        """Return clusters less strata with people in each domain, less what a model has spent, shape (k,)."""
        return self.design.degrees_of_freedom(self.touched) - self.spent

    def chosen(self, columns: np.ndarray) -> Component:
        """Return it for some of the estimates, in this order."""
        spent = np.asarray(self.spent)[columns]
        return Component(self.design, self.contributions[:, columns], self.touched[:, columns], spent)

    def mapped(self, matrix: np.ndarray) -> Component:
        """Return it for estimates whose derivatives with respect to these are the rows of `matrix`, shape (m, k)."""
        used = matrix != 0
        touched = self.touched.astype(float) @ used.T.astype(float) > 0
        spent = np.max(np.where(used, self.spent, 0.0), axis=1, initial=0.0)
        return Component(self.design, self.contributions @ matrix.T, touched, spent)


@dataclass(frozen=True, eq=False, repr=False)
class Estimate:
    """One or several estimates with their sampling error.

    It holds no data: labels, values, and for each independent survey the design and the contributions.

    Attributes
    ----------
    labels
        Shape (k, 1 + by): ``term`` and the columns by which the estimates were made.
    value
        Shape (k,).
    components
        One for each independent survey; their covariances add up.
    n
        Shape (k,): people asked. Of a contrast, those of its smallest part.
    interval_method
        How `interval` is made unless another way is asked for.
    source
        The survey or surveys, in words.

    Raises
    ------
    IntervalError
        If there is no interval method of this name.
    QuestionError
        If a label has the name of a result column.

    Examples
    --------
    >>> import crampstats as cs
    >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class")
    >>> cs.prevalence(cramps, {"any": "cramp_class >= 1", "often": "cramp_class >= 3"})
    <Estimate of NHANES 2005-2008 [observed cramp_class]>
     term     n estimate std_error conf_low conf_high
      any 10902   0.3089  0.009289   0.2899    0.3282
    often 10902  0.05931  0.003911  0.05157   0.06782
    """

    labels: pd.DataFrame
    value: np.ndarray
    components: tuple[Component, ...]
    n: np.ndarray
    interval_method: Method
    source: str

    def __post_init__(self) -> None:
        intervals.check_method(self.interval_method)
        taken = [name for name in self.labels.columns if name in RESULTS]
        if taken or list(self.labels.columns).count("term") != 1:
            name = taken[0] if taken else "term"
            raise QuestionError(
                f"{name!r} is a column of every result; call the column that estimates are made by otherwise."
            )

    @property
    def covariance(self) -> np.ndarray:
        """Covariance of the estimates, shape (k, k)."""
        return np.sum([part.design.covariance(part.contributions, part.touched) for part in self.components], axis=0)

    @property
    def std_error(self) -> np.ndarray:
        """Standard errors, shape (k,)."""
        return np.sqrt(np.sum(self._variances, axis=0))

    @property
    def _variances(self) -> np.ndarray:
        """Variance from each survey, shape (components, k)."""
        return np.stack([part.variance for part in self.components])

    @property
    def df(self) -> np.ndarray:
        """Degrees of freedom, shape (k,).

        Clusters less strata, of those with people in the domain (for a contrast, in the union of the domains), less what
        a model has spent. With several independent surveys by Satterthwaite FE, Biometrics 1946;2:110-114, doi:10.2307/3002019.
        """
        each = np.stack([part.degrees_of_freedom for part in self.components])
        if len(each) == 1:
            return each[0]
        variances = self._variances
        # A survey that adds no variance to an estimate has no say in its degrees of freedom.
        parts = np.divide(variances**2, each, out=np.zeros_like(variances), where=variances > 0)
        pooled = np.divide(
            variances.sum(axis=0) ** 2, parts.sum(axis=0), out=np.zeros(len(self)), where=variances.any(axis=0)
        )
        return np.where(variances.any(axis=0), pooled, each.max(axis=0))

    def interval(self, *, level: float = 0.95, method: Method | None = None) -> intervals.Interval:
        """Return confidence limits.

        Parameters
        ----------
        level
            Confidence.
        method
            See `crampstats.intervals.interval`: ``"korn_graubard"``, ``"beta"``, ``"logit"``, ``"wilson"``, ``"arcsine"``,
            ``"likelihood"`` for proportions, ``"log"`` for ratios, ``"log_complement"`` for attributable fractions,
            ``"wald"``; for proportions of a simple random sample also
            ``"clopper_pearson"``, ``"mid_p"``, ``"jeffreys"``, ``"agresti_coull"``. None for the estimate's own.

        Raises
        ------
        IntervalError
            If the method has no interval for these values.

        Examples
        --------
        >>> import crampstats as cs
        >>> share = cs.prevalence(cs.Survey(pd.DataFrame({"cramps": [1, 0, 0, 1, 0, 0, 0, 1]})), "cramps == 1")
        >>> limits = share.interval(level=0.9, method="wilson")
        >>> limits.low.round(3), limits.high.round(3)
        (array([0.132]), array([0.702]))
        """
        return intervals.interval(
            method or self.interval_method, self.value, self.std_error, self.n, self.df, level=level
        )

    def to_frame(self, *, level: float = 0.95, method: Method | None = None) -> pd.DataFrame:
        """Return the estimates as a table.

        Parameters
        ----------
        level, method
            As in `interval`.

        Returns
        -------
        DataFrame
            ``term``, the by columns, ``n``, ``estimate``, ``std_error``, ``conf_low``, ``conf_high``, and ``note``,
            which is empty where there is nothing to say.

        Examples
        --------
        >>> import crampstats as cs
        >>> age = cs.mean(cs.Survey(pd.DataFrame({"age_years": [31, 45, 62]})), "age_years")
        >>> age.to_frame()[["term", "n", "estimate", "std_error"]].round(2)
                term  n  estimate  std_error
        0  age_years  3      46.0       8.96
        """
        limits = self.interval(level=level, method=method)
        return self.labels.assign(
            n=self.n.astype(np.int64),
            estimate=self.value,
            std_error=self.std_error,
            conf_low=limits.low,
            conf_high=limits.high,
            note=list(limits.notes),
        )

    def where(self, question: str) -> Estimate:
        """Return those estimates whose labels answer yes.

        Parameters
        ----------
        question
            About ``term`` and the by columns, such as ``"sex == 'female'"``.

        Raises
        ------
        QuestionError
            If the question does not fit the labels, or no estimate is left.

        Examples
        --------
        >>> import crampstats as cs
        >>> people = cs.Survey(pd.DataFrame({"sex": ["f", "f", "f", "m", "m", "m"], "cramps": [1, 0, 1, 0, 1, 0]}))
        >>> cs.prevalence(people, "cramps == 1", by=["sex"]).where("sex == 'f'").value.round(3)
        array([0.667])
        """
        answer = read_question(question).answer(self.labels)
        if answer.kind != "truth" or answer.missing is not None:
            raise QuestionError(f"{question!r} does not answer yes or no for each of the labels.")
        chosen = np.flatnonzero(answer.values)
        if chosen.size == 0:
            raise QuestionError(f"no estimate answers {question!r} with yes; the labels are\n{self.labels.to_string()}")
        return self._chosen(chosen)

    def _chosen(self, rows: np.ndarray) -> Estimate:
        """Return some of the estimates, in this order."""
        parts = tuple(part.chosen(rows) for part in self.components)
        labels = self.labels.iloc[rows].reset_index(drop=True)
        return replace(self, labels=labels, value=self.value[rows], components=parts, n=self.n[rows])

    def __len__(self) -> int:
        return len(self.value)

    def __repr__(self) -> str:
        return f"<Estimate of {self.source}>\n{_shown(self.to_frame()).to_string(index=False)}"

    def _repr_html_(self) -> str:
        return _shown(self.to_frame()).to_html(index=False, border=0)


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table for the eye: four significant digits, no empty notes."""
    table = table if table["note"].any() else table.drop(columns="note")
    numbers = ["estimate", "std_error", "conf_low", "conf_high"]
    return table.assign(**{name: [f"{value:.4g}" for value in table[name]] for name in numbers})


def mapped(
    estimate: Estimate,
    matrix: np.ndarray,
    *,
    value: np.ndarray,
    labels: pd.DataFrame,
    n: np.ndarray,
    interval_method: Method,
) -> Estimate:
    """Return new estimates that depend on others with these slopes: the chain rule on contributions.

    Parameters
    ----------
    estimate
        k estimates.
    matrix
        Shape (m, k): derivatives of the new values with respect to the old.
    value, labels, n, interval_method
        Of the m new estimates.
    """
    parts = tuple(part.mapped(matrix) for part in estimate.components)
    return Estimate(labels, value, parts, n, interval_method, estimate.source)


def stacked(estimates: list[Estimate], *, samples: Samples = "same") -> Estimate:
    """Put estimates beside each other so that they can be compared.

    Parameters
    ----------
    estimates
        From one survey, or from surveys of different people.
    samples
        ``"same"``: they share a design (the same `Survey`, or one made from it by `Survey.where`, `Survey.observed` or
        `Survey.define`).
        ``"independent"``: they share none, and no person is in two of them.

    Raises
    ------
    DesignError
        If the designs are not what `samples` says: equal-looking surveys are never taken for the same one.
    """
    strangers = [one for one in estimates if not isinstance(one, Estimate)]
    if strangers:
        raise CrampstatsError(f"{strangers[0]!r} is no Estimate, as prevalence(), mean() and the like return it.")
    if samples not in get_args(Samples):
        raise DesignError(f"samples={samples!r} is unknown: choose from {', '.join(get_args(Samples))}.")
    designs = list({id(part.design): part.design for one in estimates for part in one.components}.values())
    owned = [{id(part.design) for part in one.components} for one in estimates]
    shared = [bool(mine & yours) for i, mine in enumerate(owned) for yours in owned[i + 1 :]]
    if samples == "same" and not all(shared):
        raise DesignError(
            "these estimates do not share a design: compute them from one Survey, or say samples='independent' if no "
            "person is in both."
        )
    if samples == "independent" and any(shared):
        raise DesignError("samples='independent', but these estimates come from the same survey.")
    sizes = [len(one) for one in estimates]
    starts = np.cumsum([0, *sizes])
    parts = []
    for design in designs:
        contributions = np.zeros((design.clusters, starts[-1]))
        touched = np.zeros((design.clusters, starts[-1]), dtype=bool)
        spent = np.zeros(starts[-1])
        for one, start, size in zip(estimates, starts, sizes, strict=False):
            for part in one.components:
                if part.design is design:
                    contributions[:, start : start + size] = part.contributions
                    touched[:, start : start + size] = part.touched
                    spent[start : start + size] = part.spent
        parts.append(Component(design, contributions, touched, spent))
    return Estimate(
        _joined([one.labels for one in estimates]),
        np.concatenate([one.value for one in estimates]),
        tuple(parts),
        np.concatenate([one.n for one in estimates]),
        estimates[0].interval_method,
        " and ".join(dict.fromkeys(one.source for one in estimates)),
    )


def _joined(labels: list[pd.DataFrame]) -> pd.DataFrame:
    """Put labels below each other; a column that some lack keeps its values as they are, a level 1 not becoming 1.0."""
    shared = set.intersection(*(set(each.columns) for each in labels))
    kept = [each.astype({name: object for name in each.columns if name not in shared}) for each in labels]
    return pd.concat(kept, ignore_index=True)


def _paired(first: Estimate, second: Estimate) -> tuple[np.ndarray, np.ndarray]:
    """Return which of `first` meets which of `second`."""
    many = max(len(first), len(second))
    if {len(first), len(second)} - {1, many}:
        raise CrampstatsError(
            f"{len(first)} and {len(second)} estimates cannot be paired: give as many of one as of the other, or one."
        )
    pairs = np.arange(many)
    return pairs * (len(first) > 1), pairs * (len(second) > 1) + len(first)


def _pair_labels(both: Estimate, left: np.ndarray, right: np.ndarray, sign: str, label: str | None) -> pd.DataFrame:
    """Return the labels of a contrast: what differs goes into the term, what is equal stays a column."""
    one = both.labels.iloc[left].reset_index(drop=True)
    other = both.labels.iloc[right].reset_index(drop=True)
    by = [name for name in both.labels.columns if name != "term"]
    differing = [name for name in by if not one[name].equals(other[name])]
    _refuse_crossed(one, other, differing)
    # Of many against one the many keep their columns; of pairs, what differs goes into the term.
    many = len(set(right)) == 1 < len(right), len(set(left)) == 1 < len(left)
    kept = [name for name in by if name not in differing or any(many)]
    told = ["term", *(differing if label is None else ())]
    if label is None:
        texts = [
            [", ".join(str(part) for part in row if not pd.isna(part)) for row in side[told].itertuples(index=False)]
            for side in (one, other)
        ]
        terms = [f"({a}) {sign} ({b})" for a, b in zip(*texts, strict=True)]
    else:
        terms = [label] * len(one)
    return (other if many[1] else one)[kept].assign(term=terms)[["term", *kept]]


def _refuse_crossed(one: pd.DataFrame, other: pd.DataFrame, differing: list[str]) -> None:
    """Refuse pairs that differ in more than one thing: estimates that were not paired as they were meant."""
    if len(one) == 1 or len(one.drop_duplicates()) == 1 or len(other.drop_duplicates()) == 1:
        return
    for first, second in zip(
        one[differing].itertuples(index=False), other[differing].itertuples(index=False), strict=True
    ):
        unlike = [name for name, a, b in zip(differing, first, second, strict=True) if a != b]
        if len(unlike) > 1:
            raise CrampstatsError(
                f"the pair {tuple(first)} and {tuple(second)} differs in {' and '.join(unlike)}: estimates are paired in their "
                "order, and these do not have the same groups; choose them with where()."
            )


def difference(first: Estimate, second: Estimate, *, label: str | None = None, samples: Samples = "same") -> Estimate:
    """Return first minus second, with the covariance between them.

    Parameters
    ----------
    first, second
        Equally many estimates each, paired in order, or one of either.
    label
        The new term; None names the two sides.
    samples
        ``"same"`` or ``"independent"``, see `stacked`.

    Returns
    -------
    Estimate
        With Wald intervals.

    Raises
    ------
    DesignError
        If the designs are not what `samples` says.
    CrampstatsError
        If the numbers of estimates do not fit.

    Examples
    --------
    >>> import crampstats as cs
    >>> by_sex = cs.prevalence(cs.datasets.nhanes_cramps().observed("cramp_class"), "cramp_class >= 1", by=["sex"])
    >>> gap = cs.difference(by_sex.where("sex == 'female'"), by_sex.where("sex == 'male'"), label="women less men")
    >>> gap.value.round(4), gap.std_error.round(4)
    (array([0.0517]), array([0.0119]))
    """
    both = stacked([first, second], samples=samples)
    left, right = _paired(first, second)
    rows = np.arange(len(left))
    matrix = np.zeros((len(left), len(both)))
    matrix[rows, left] += 1.0
    matrix[rows, right] -= 1.0
    labels = _pair_labels(both, left, right, "−", label)
    n = np.minimum(both.n[left], both.n[right])
    return mapped(both, matrix, value=matrix @ both.value, labels=labels, n=n, interval_method="wald")


def ratio(first: Estimate, second: Estimate, *, label: str | None = None, samples: Samples = "same") -> Estimate:
    """Return first divided by second, with the covariance between them.

    Parameters
    ----------
    first, second
        Equally many estimates each, paired in order, or one of either; `second` not 0.
    label, samples
        As in `difference`.

    Returns
    -------
    Estimate
        With intervals on the log scale where all ratios are positive, else Wald.

    Raises
    ------
    DesignError
        If the designs are not what `samples` says.
    CrampstatsError
        If the numbers of estimates do not fit, or a denominator is 0.

    Examples
    --------
    >>> import crampstats as cs
    >>> by_sex = cs.prevalence(cs.datasets.nhanes_cramps().observed("cramp_class"), "cramp_class >= 1", by=["sex"])
    >>> times = cs.ratio(by_sex.where("sex == 'female'"), by_sex.where("sex == 'male'"), label="women / men")
    >>> times.to_frame()[["term", "estimate", "conf_low", "conf_high"]].round(3)
              term  estimate  conf_low  conf_high
    0  women / men     1.183     1.089      1.285
    """
    both = stacked([first, second], samples=samples)
    left, right = _paired(first, second)
    over, under = both.value[left], both.value[right]
    if np.any(under == 0):
        raise CrampstatsError("a ratio needs a denominator that is not 0.")
    rows = np.arange(len(left))
    matrix = np.zeros((len(left), len(both)))
    matrix[rows, left] += 1.0 / under
    matrix[rows, right] -= over / under**2
    value = over / under
    method: Method = "log" if np.all(value > 0) else "wald"
    labels = _pair_labels(both, left, right, "/", label)
    return mapped(
        both, matrix, value=value, labels=labels, n=np.minimum(both.n[left], both.n[right]), interval_method=method
    )


def weighted_sum(estimate: Estimate, weights: np.ndarray, *, label: str, interval_method: Method = "wald") -> Estimate:
    """Return the sum of estimates times fixed weights.

    Parameters
    ----------
    estimate
        k estimates.
    weights
        Shape (k,), known without error.
    label
        The new term.
    interval_method
        ``"wald"``, or a method for proportions if the sum is one.

    Raises
    ------
    CrampstatsError
        If there are not k finite weights, or all are 0.

    Examples
    --------
    >>> import crampstats as cs
    >>> ages = cs.prevalence(
    ...     cs.Survey(pd.DataFrame({"cramps": [1, 0, 0, 1, 1, 0], "age_group": ["20-59", "60+"] * 3})),
    ...     "cramps == 1", by=["age_group"])
    >>> cs.weighted_sum(ages, np.array([0.75, 0.25]), label="three quarters young").value.round(4)
    array([0.5833])
    """
    weights = np.asarray(weights, dtype=float)
    if weights.shape != (len(estimate),) or not np.isfinite(weights).all() or not weights.any():
        raise CrampstatsError(
            f"weights has to hold {len(estimate)} finite numbers, one an estimate, not all of them 0; it is "
            f"{weights.tolist()}."
        )
    labels = pd.DataFrame({"term": [label]})
    n = np.array([estimate.n[weights != 0].min()])
    matrix = weights[None, :]
    return mapped(estimate, matrix, value=matrix @ estimate.value, labels=labels, n=n, interval_method=interval_method)


def transform(
    estimate: Estimate,
    function: Callable[[np.ndarray], np.ndarray],
    *,
    label: str | None = None,
    interval_method: Method = "wald",
) -> Estimate:
    """Return a smooth function of estimates, by the delta method.

    Parameters
    ----------
    estimate
        k estimates.
    function
        From shape (k,) to shape (k,), or to shape (m,) together with `label`; differentiated numerically.
    label
        The new term; needed where the number of estimates changes. None keeps the labels.
    interval_method
        How the interval is made; ``"wald"`` unless said.

    Returns
    -------
    Estimate
        k or m estimates.

    Raises
    ------
    CrampstatsError
        If the function gives no finite values or slopes, or the labels do not fit.

    Examples
    --------
    >>> import crampstats as cs
    >>> people = cs.Survey(pd.DataFrame({"cramps": [1, 0, 0, 1, 1]}))
    >>> odds = cs.transform(cs.prevalence(people, "cramps == 1"), lambda p: p / (1 - p), label="odds")
    >>> odds.value.round(6)
    array([1.5])
    """
    with np.errstate(all="ignore"):  # what is not finite is refused below
        value = np.atleast_1d(np.asarray(function(estimate.value), dtype=float))
        slopes = jacobian(function, estimate.value)
    if not (np.isfinite(value).all() and np.isfinite(slopes).all()):
        raise CrampstatsError("transform: the function has no finite value or slope here, so it has no standard error.")
    same = len(value) == len(estimate)
    if not same and label is None:
        raise CrampstatsError(f"transform: {len(estimate)} estimates became {len(value)}; give them a label.")
    labels = estimate.labels if same else pd.DataFrame(index=range(len(value)))
    if label is not None:
        labels = labels.assign(term=label)
    n = estimate.n if same else np.full(len(value), estimate.n.min())
    return mapped(estimate, slopes, value=value, labels=labels, n=n, interval_method=interval_method)
