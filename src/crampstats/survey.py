"""A survey: rows of people and how they were chosen."""

from __future__ import annotations

import copy
from dataclasses import KW_ONLY, dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, NoReturn, get_args

import numpy as np
import pandas as pd

from crampstats.design import Design, LonelyRule
from crampstats.errors import DesignError, QuestionError
from crampstats.questions import Answer, Question, column_answer, column_named, one_spelling, read_question
from crampstats.schema import Fault, fault_at, raise_faults

if TYPE_CHECKING:
    from collections.abc import Sequence

ClusterLabels = Literal["unique", "nested"]
WEIGHED = "weight above 0"
# A table of all strata and cluster labels is quicker than sorting the rows, as long as it is small.
FEW_CELLS = 1_000_000
# What pandas would make numbers of, and nobody means as such.
NOT_NUMBERS = {"boolean", "date", "datetime", "datetime64", "period", "timedelta", "timedelta64"}
COUNT = "n"
WEIGHT = "weight"


@dataclass(frozen=True, eq=False, repr=False)
class Survey:
    """People (rows), how they were chosen, and which of them a question is about.

    Without further names it is a simple random sample. Codes of strata and clusters are bound once, here.

    Parameters
    ----------
    data
        Shape (rows, columns). A later change of the caller's frame does not reach the survey, which spells the names of all
        columns in Unicode's normal form NFKC, as questions and formulas do.
    weight
        Column of sampling weights (people represented), not missing, not negative. A person of weight 0 stays in the
        design and is in no domain.
    stratum, cluster
        Columns of the sampling strata and the primary sampling units within them.
    cluster_labels
        ``"unique"``: a label means one cluster, wherever it stands; a label in two strata is refused. ``"nested"``:
        labels start again in each stratum, as in NHANES.
    population_size
        Column of the number of clusters (without `cluster`: people) in the population of the row's stratum, for the
        finite-population correction.
    count
        Column of the number of people a row stands for, in tabulated data; `weight` is then their total weight.
    lonely
        What to do with a stratum of one cluster: ``"fail"``, ``"adjust"``, ``"certainty"`` or ``"average"``, see
        `crampstats.design.Design`.
    name
        What results call the survey.

    Attributes
    ----------
    design
        The `Design` that estimates from this survey share.
    domain
        Shape (rows,) bool, the people asked about; None for all.
    steps
        The same with the domain that each left: who fell out where, for `crampstats.participant_flow`.

    Raises
    ------
    SchemaError
        With every fault of the design columns, or if two columns have one name in two spellings.
    DesignError
        If the design has no variance, or nobody a weight above 0.

    Examples
    --------
    >>> people = pd.DataFrame({"low": [0, 1, 0, 0], "psu": [1, 1, 2, 2], "w": [10.0, 20.0, 15.0, 5.0]})
    >>> Survey(people, weight="w", cluster="psu")
    <Survey survey: 4 of 4 people, 2 clusters in 1 stratum, 1 df>
    """

    data: pd.DataFrame
    _: KW_ONLY
    weight: str | None = None
    stratum: str | None = None
    cluster: str | None = None
    cluster_labels: ClusterLabels = "unique"
    population_size: str | None = None
    count: str | None = None
    lonely: LonelyRule = "fail"
    name: str = "survey"
    design: Design = field(init=False)
    row_cluster: np.ndarray = field(init=False)
    row_weight: np.ndarray | None = field(init=False)
    row_count: np.ndarray | None = field(init=False)
    domain: np.ndarray | None = field(init=False, default=None)
    steps: tuple[tuple[str, np.ndarray], ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        if self.cluster_labels not in get_args(ClusterLabels):
            choices = ", ".join(get_args(ClusterLabels))
            raise DesignError(f"cluster_labels={self.cluster_labels!r} is unknown: choose from {choices}.")
        if not isinstance(self.data, pd.DataFrame) or len(self.data) == 0:
            raise DesignError("data has to be a pandas DataFrame with at least one row.")
        self._bind_names()
        raise_faults(self._column_faults(), f"{self.name}: the design cannot be read")
        count = self._numbers(self.count)
        weight = self._numbers(self.weight)
        if weight is None:
            weight = count
        self._bind(row_weight=weight, row_count=count)
        strata, stratum_labels = self._codes(self.stratum)
        self._bind_design(strata, stratum_labels)
        in_sample = None if weight is None else weight > 0
        if in_sample is not None and count is not None:
            in_sample = in_sample & (count > 0)
        if in_sample is not None and not in_sample.any():
            raise DesignError(f"{self.name}: nobody has a weight above 0.")
        if in_sample is not None and not in_sample.all():
            self._bind(domain=in_sample, steps=((WEIGHED, in_sample),))

    def _bind(self, **values: Any) -> None:
        """Set fields of an object that is still being made."""
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _bind_names(self) -> None:
        """Spell the names of all columns as questions and formulas do."""
        names = [one_spelling(column) for column in self.data.columns]
        spellings: dict[Any, list[str]] = {}
        for name, column in zip(names, self.data.columns, strict=True):
            spellings.setdefault(name, []).append(column)
        faults = [
            Fault(name, f"is spelled in {len(set(columns))} ways", "one column of this name")
            for name, columns in spellings.items()
            if isinstance(name, str) and len(set(columns)) > 1
        ]
        raise_faults(faults, f"{self.name}: the columns cannot be told apart")
        # pandas copies on write, so this shields the survey without copying a value.
        self._bind(
            data=self.data.copy(deep=False) if names == list(self.data.columns) else self.data.set_axis(names, axis=1)
        )
        for role in ("weight", "stratum", "cluster", "population_size", "count"):
            self._bind(**{role: one_spelling(getattr(self, role))})

    def _changed(self, **values: Any) -> Survey:
        """Return the same survey, same design, with some fields changed."""
        other = copy.copy(self)
        other._bind(**values)
        return other

    def _numbers(self, column: str | None) -> np.ndarray | None:
        """Return a design column as contiguous floats."""
        return None if column is None else np.ascontiguousarray(self.data[column].to_numpy(dtype=float))

    def _codes(self, column: str | None) -> tuple[np.ndarray, tuple[Any, ...]]:
        """Return a design column as codes from 0, int32, and what they stand for."""
        if column is None:
            return np.zeros(len(self.data), dtype=np.int32), ("all",)
        codes, labels = pd.factorize(self.data[column], sort=True)
        return codes.astype(np.int32), tuple(labels)

    def _column_faults(self) -> list[Fault]:
        """Return every fault of the columns that describe the design."""
        faults: list[Fault] = []
        roles = {
            "weight": (self.weight, "a number, not negative"),
            "stratum": (self.stratum, "a stratum"),
            "cluster": (self.cluster, "a cluster"),
            "population_size": (self.population_size, "a number of at least 1"),
            "count": (self.count, "a whole number, not negative"),
        }
        for role, (column, expected) in roles.items():
            if column is None:
                continue
            if list(self.data.columns).count(column) != 1:
                problem = (
                    f"is to be the {role} and is not" if column not in self.data.columns else "stands more than once"
                )
                faults.append(
                    Fault(column, f"{problem} in the data", f"one of {', '.join(map(str, self.data.columns[:12]))}")
                )
                continue
            series = self.data[column]
            faults.extend(fault_at(series, series.isna().to_numpy(), f"missing {role}", expected))
            if role in {"stratum", "cluster"}:
                continue
            numbers = pd.to_numeric(series, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
            wrong = ~(np.isfinite(numbers) & (numbers >= (1 if role == "population_size" else 0)))
            if role == "count":
                wrong |= numbers != np.round(numbers)
            wrong |= pd.api.types.infer_dtype(series, skipna=True) in NOT_NUMBERS
            faults.extend(fault_at(series, wrong & series.notna().to_numpy(), f"not a {role}", expected))
        return faults

    def _bind_design(self, strata: np.ndarray, stratum_labels: tuple[Any, ...]) -> None:
        """Number the clusters and make the design."""
        if self.cluster is None:
            row_cluster = np.arange(len(self.data), dtype=np.int32)
            cluster_stratum = strata
            units = np.ones(len(strata)) if self.row_count is None else self.row_count
        else:
            labels, names = self._codes(self.cluster)
            row_cluster, cluster_stratum = self._number_clusters(strata, labels, names, stratum_labels)
            units = np.ones(len(cluster_stratum))
        sizes = self._stratum_sizes(strata, stratum_labels)
        design = Design(cluster_stratum, stratum_labels, units, sizes, self.lonely)
        self._bind(design=design, row_cluster=row_cluster)

    def _number_clusters(
        self, strata: np.ndarray, labels: np.ndarray, names: tuple[Any, ...], stratum_labels: tuple[Any, ...]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the cluster of each row and the stratum of each cluster, clusters numbered stratum by stratum."""
        keys = strata.astype(np.int64) * len(names) + labels
        cells = len(stratum_labels) * len(names)
        if cells <= 4 * len(keys) + FEW_CELLS:
            number = np.zeros(cells, dtype=np.int32)
            number[keys] = 1
            found = np.flatnonzero(number)
            number[found] = np.arange(len(found), dtype=np.int32)
            row_cluster = number[keys]
        else:
            found, row_cluster = np.unique(keys, return_inverse=True)
        if self.cluster_labels == "unique":
            within = found % len(names)
            twice = np.flatnonzero(np.bincount(within, minlength=len(names)) > 1)
            if twice.size:
                shown = ", ".join(repr(names[index]) for index in twice[:5])
                raise DesignError(
                    f"{self.cluster}: cluster {shown} stands in more than one stratum; if labels start again in each "
                    "stratum, say cluster_labels='nested'."
                )
        return row_cluster.astype(np.int32, copy=False), (found // len(names)).astype(np.int32)

    def _stratum_sizes(self, strata: np.ndarray, stratum_labels: tuple[Any, ...]) -> np.ndarray | None:
        """Return the population size of each stratum, checked to be one number."""
        sizes = self._numbers(self.population_size)
        if sizes is None:
            return None
        size = np.zeros(len(stratum_labels))
        size[strata] = sizes
        differs = sizes != size[strata]
        expected = "one population size in each stratum"
        raise_faults(
            fault_at(self.data[self.population_size], differs, "differs within its stratum", expected),
            f"{self.name}: the design cannot be read",
        )
        return size

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        design, degrees = self.design, int(self.degrees_of_freedom)
        total = len(self) if self.row_count is None else int(self.row_count.sum())
        units = f"{design.clusters:,} cluster{'s' * (design.clusters != 1)} in " if self.cluster else ""
        strata = f"{design.strata:,} {'stratum' if design.strata == 1 else 'strata'}"
        return f"<Survey {self.described}: {self.people:,} of {total:,} people, {units}{strata}, {degrees:,} df>"

    @property
    def conditions(self) -> tuple[str, ...]:
        """The questions and columns that made the domain, in words."""
        return tuple(condition for condition, _ in self.steps if condition != WEIGHED)

    @property
    def described(self) -> str:
        """Name and domain, as results tell them."""
        return f"{self.name} [{' | '.join(self.conditions)}]" if self.conditions else self.name

    @property
    def people(self) -> int:
        """How many people are in the domain."""
        if self.row_count is None:
            return len(self) if self.domain is None else int(np.count_nonzero(self.domain))
        return int(self.row_count.sum() if self.domain is None else self.row_count[self.domain].sum())

    @property
    def degrees_of_freedom(self) -> float:
        """Clusters less strata, of those with people in the domain."""
        touched = np.zeros(self.design.clusters, dtype=bool)
        touched[self.row_cluster if self.domain is None else self.row_cluster[self.domain]] = True
        return float(self.design.degrees_of_freedom(touched[:, None])[0])

    def answer(self, question: str | Question) -> Answer:
        """Answer a question for every row, refusing missing answers within the domain.

        Parameters
        ----------
        question
            In the language of `crampstats.questions`.

        Returns
        -------
        Answer
            Values of shape (rows,); outside the domain they mean nothing.

        Raises
        ------
        QuestionError
            If it cannot be read or does not fit the columns, or if somebody in the domain has no answer.

        Examples
        --------
        >>> people = Survey(pd.DataFrame({"cramps": [0, 2, 5]}))
        >>> people.answer("cramps >= 2").values.tolist()
        [False, True, True]
        """
        question = question if isinstance(question, Question) else read_question(question)
        answer = question.answer(self.data)
        if answer.missing is not None:
            lacking = answer.missing if self.domain is None else answer.missing & self.domain
            rows = int(np.count_nonzero(lacking))
            if rows:
                named = [name for name in question.columns if self._named(name).isna().to_numpy()[lacking].any()]
                asked = ", ".join(repr(column) for column in named)
                cure = f"first ask observed({asked})" if named else "its arithmetic is undefined there"
                raise QuestionError(
                    f"{question.text!r} has no answer in {rows:,} of {len(self):,} rows of {self.name}: {cure}."
                )
        return answer

    def _truth(self, question: str) -> np.ndarray:
        """Answer yes or no."""
        answer = self.answer(question)
        if answer.kind != "truth":
            raise QuestionError(f"{question!r} is a {answer.kind}, not a yes/no question; compare it, as in: x == 1.")
        return answer.values

    def _narrowed(self, inside: np.ndarray, condition: str) -> Survey:
        """Return the survey with a smaller domain."""
        domain = inside if self.domain is None else self.domain & inside
        if not domain.any():
            raise QuestionError(f"{condition}: nobody in {self.name} is left.")
        return self._changed(domain=domain, steps=(*self.steps, (condition, domain)))

    def where(self, question: str) -> Survey:
        """Ask about those for whom the answer is yes; the others stay in the design.

        Parameters
        ----------
        question
            Such as ``"age_years >= 20 and sex == 'female'"``.

        Returns
        -------
        Survey
            Same rows, same design, smaller domain.

        Raises
        ------
        QuestionError
            As `answer`, and if nobody is left.

        Examples
        --------
        >>> people = Survey(pd.DataFrame({"age_years": [15, 30, 45]}))
        >>> people.where("age_years >= 20").people
        2
        """
        return self._narrowed(self._truth(question), question)

    def observed(self, *columns: str) -> Survey:
        """Ask about those whose value is known in all of these columns.

        Parameters
        ----------
        *columns
            Names of columns.

        Raises
        ------
        QuestionError
            If a column is not there, or nobody is left.

        Examples
        --------
        >>> people = Survey(pd.DataFrame({"magnesium_mmol_l": [0.71, None, 0.88]}))
        >>> people.observed("magnesium_mmol_l").people
        2
        """
        if not columns:
            raise QuestionError("observed() needs the name of at least one column.")
        inside = np.ones(len(self), dtype=bool)
        for column in columns:
            inside &= self._named(column).notna().to_numpy()
        return self._narrowed(inside, f"observed {', '.join(columns)}")

    def _named(self, name: str) -> pd.Series:
        """Return a column by its name, whatever letters it has."""
        return column_named(self.data, name, self._refuse)

    def _refuse(self, problem: str) -> NoReturn:
        raise QuestionError(f"{self.name}: {problem}")

    def define(self, **questions: str) -> Survey:
        """Add columns that answer questions; a missing answer is a missing value.

        Parameters
        ----------
        **questions
            New column names and what they are: yes/no becomes 1/0, arithmetic a number.

        Returns
        -------
        Survey
            Same people, same design, more columns.

        Raises
        ------
        QuestionError
            If a question cannot be answered, or the name is a column of the design.

        Examples
        --------
        >>> serum = Survey(pd.DataFrame({"magnesium_mg_dl": [1.6, 2.0, None]}))
        >>> serum.define(low_magnesium="magnesium_mg_dl <= 1.7").data
           magnesium_mg_dl  low_magnesium
        0              1.6            1.0
        1              2.0            0.0
        2              NaN            NaN
        """
        data = self.data
        for name, text in ((one_spelling(name), text) for name, text in questions.items()):
            if name in {self.weight, self.stratum, self.cluster, self.population_size, self.count}:
                raise QuestionError(f"{name!r} is a column of the design and cannot be defined anew.")
            answer = read_question(text).answer(data)
            values = answer.values
            if answer.kind == "truth":
                values = np.asarray(values, dtype=np.int8)
            if answer.missing is not None:
                values = pd.Series(values, index=data.index).astype(object if answer.kind == "text" else float)
                values = values.mask(answer.missing)
            data = _with_column(data, name, values)
        return self._changed(data=data)

    def group(self, column: str, edges: Sequence[float], *, name: str) -> Survey:
        """Add a column that cuts a number into groups, labelled as `standardize` knows them.

        Parameters
        ----------
        column
            Of numbers, such as ``age_years``.
        edges
            Where each group begins, ascending: ``[20, 40, 60]`` makes ``20-39``, ``40-59`` and ``60+``. Whole numbers.
        name
            Of the new column, ordered; missing below the first edge and where the number is.

        Returns
        -------
        Survey
            Same people, same design, one more column.

        Raises
        ------
        QuestionError
            If the column holds no numbers, the edges do not ascend, or the name is a column of the design.

        Examples
        --------
        >>> people = Survey(pd.DataFrame({"age_years": [19, 39.5, 40, 83]}))
        >>> people.group("age_years", [20, 40, 60], name="age_group").data["age_group"].tolist()
        [nan, '20-39', '40-59', '60+']
        """
        name = one_spelling(name)
        if name in {self.weight, self.stratum, self.cluster, self.population_size, self.count}:
            raise QuestionError(f"{name!r} is a column of the design and cannot be defined anew.")
        edges = [float(edge) for edge in edges]
        if not edges or any(edge != round(edge) for edge in edges) or sorted(set(edges)) != edges:
            raise QuestionError(f"edges={edges} have to be whole numbers that ascend, as in [20, 40, 60].")
        answer = column_answer(self.data, column, self._refuse)
        if answer.kind != "number":
            raise QuestionError(f"{column!r} is a {answer.kind}; only numbers can be cut into groups.")
        labels = [f"{low:.0f}-{high - 1:.0f}" for low, high in pairwise(edges)] + [f"{edges[-1]:.0f}+"]
        values = np.asarray(answer.values, dtype=float)
        groups = pd.cut(values, [*edges, np.inf], right=False, labels=labels, ordered=True)
        return self._changed(data=_with_column(self.data, name, groups))

    def tabulate(self, columns: Sequence[str]) -> Survey:
        """Collapse people who are alike into rows with a count; every estimate stays the same.

        Parameters
        ----------
        columns
            The columns to keep.

        Returns
        -------
        Survey
            A row for each combination that occurs, in each cluster (without clusters: in each stratum and weight), with
            the count of people ``n`` and their total weight; missing values are combinations of their own. Clusters
            without people of the domain are kept as a row of count 0.

        Raises
        ------
        QuestionError
            If a column is not there, or a kept column would be overwritten.

        Examples
        --------
        >>> people = Survey(pd.DataFrame({"sex": ["f", "f", "m"], "id": [1, 2, 3]}))
        >>> people.tabulate(["sex"]).data[["sex", "n"]].to_numpy().tolist()
        [['f', 2], ['m', 1]]
        """
        columns = [one_spelling(column) for column in columns]
        for column in columns:
            self._named(column)
        count_name, weight_name = self.count or COUNT, self.weight or WEIGHT
        taken = {count_name, weight_name, self.stratum, self.cluster, self.population_size} & set(columns)
        if taken:
            raise QuestionError(
                f"{', '.join(map(repr, sorted(map(str, taken))))} cannot be tabulated: the design needs the name."
            )
        inside = slice(None) if self.domain is None else self.domain
        rows = self.data.loc[inside, columns].copy()
        count = np.ones(len(self)) if self.row_count is None else self.row_count
        weight = count if self.row_weight is None else self.row_weight
        rows[count_name], rows[weight_name] = count[inside], weight[inside]
        if self.cluster is None:
            keys = {"__unit": self.design.stratum, "__each": weight / np.where(count > 0, count, 1.0)}
        else:
            keys = {"__unit": self.row_cluster}
        for key, values in keys.items():
            rows[key] = values[inside]
        cells = rows.groupby([*keys, *columns], dropna=False, observed=True, sort=True)[[count_name, weight_name]].sum()
        cells = pd.concat([cells.reset_index(), self._outside(count, count_name, weight_name)], ignore_index=True)
        cells = cells.sort_values("__unit", kind="stable", ignore_index=True)
        return self._tabulated(cells, columns, count_name, weight_name)

    def _outside(self, count: np.ndarray, count_name: str, weight_name: str) -> pd.DataFrame:
        """Return the rows that keep in the design what has no people in the domain."""
        if self.cluster is not None:
            inside = self.row_cluster if self.domain is None else self.row_cluster[self.domain]
            empty = np.setdiff1d(np.arange(self.design.clusters), inside)
            return pd.DataFrame({"__unit": empty, count_name: 0.0, weight_name: 0.0})
        if self.domain is None:
            return pd.DataFrame({"__unit": np.empty(0, dtype=np.int32), count_name: 0.0, weight_name: 0.0})
        people = np.bincount(self.design.stratum[~self.domain], count[~self.domain], self.design.strata)
        strata = np.flatnonzero(people)
        return pd.DataFrame({"__unit": strata, count_name: people[strata], weight_name: 0.0})

    def _tabulated(self, cells: pd.DataFrame, columns: list[str], count_name: str, weight_name: str) -> Survey:
        """Make a survey of the cells."""
        unit = cells.pop("__unit").to_numpy()
        strata = unit if self.cluster is None else self.design.stratum[unit]
        table = pd.DataFrame(index=cells.index)
        if self.stratum is not None:
            labels = pd.Series(list(self.design.stratum_labels))
            table[self.stratum] = labels.iloc[strata].to_numpy()
        if self.cluster is not None:
            first = np.zeros(self.design.clusters, dtype=np.intp)
            first[self.row_cluster[::-1]] = np.arange(len(self))[::-1]
            table[self.cluster] = self.data[self.cluster].iloc[first[unit]].to_numpy()
        if self.population_size is not None and self.design.population_size is not None:
            table[self.population_size] = self.design.population_size[strata]
        for column in columns:
            table[column] = (
                cells[column].astype(self.data[column].dtype) if not cells[column].isna().any() else cells[column]
            )
        table[count_name] = cells[count_name].astype(np.int64)
        table[weight_name] = cells[weight_name]
        tabulated = Survey(
            table,
            weight=weight_name,
            stratum=self.stratum,
            cluster=self.cluster,
            cluster_labels=self.cluster_labels,
            population_size=self.population_size,
            count=count_name,
            lonely=self.lonely,
            name=self.described,
        )
        if self.cluster is not None:  # the clusters are the same ones, so that estimates from both can be combined
            tabulated._bind(design=self.design, row_cluster=unit.astype(np.int32))
        return tabulated


def _with_column(data: pd.DataFrame, name: str, values: Any) -> pd.DataFrame:
    """Return a frame with one column more, or another one of a name; joined, as inserting warns where columns are many."""
    if name in data.columns:
        return data.assign(**{name: values})
    return pd.concat([data, pd.DataFrame({name: values}, index=data.index)], axis=1)
