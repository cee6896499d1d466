"""Which answers are missing together, how often, and in whom."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crampstats.errors import QuestionError
from crampstats.estimates import stacked
from crampstats.proportions import prevalence, read_grouping
from crampstats.questions import column_named, one_spelling

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from crampstats.estimates import Estimate
    from crampstats.survey import Survey

OWN = ("n", "share", "lacking")


@dataclass(frozen=True, eq=False, repr=False)
class MissingPatterns:
    """Which columns are missing together.

    Attributes
    ----------
    source
        The survey, in words.
    columns
        Names, length c.
    missing
        Shape (patterns, c) bool: the combinations that occur, the most frequent first.
    people
        Shape (patterns,): how many have each.
    weight
        Shape (patterns,): their total weight.

    Examples
    --------
    >>> import crampstats as cs
    >>> people = pd.DataFrame({"magnesium_mmol_l": [0.8, None, 0.9, None], "egfr_ml_min": [90, None, None, 60]})
    >>> found = missing_patterns(cs.Survey(people), ["magnesium_mmol_l", "egfr_ml_min"])
    >>> found
    <MissingPatterns of survey: 4 people, 1 complete, 4 patterns>
     magnesium_mmol_l  egfr_ml_min  lacking  n  share
                False        False        0  1   0.25
                False         True        1  1   0.25
                 True        False        1  1   0.25
                 True         True        2  1   0.25
    >>> found.pairs()
                  first       second  both  only_first  only_second  neither
    0  magnesium_mmol_l  egfr_ml_min     1           1            1        1
    """

    source: str
    columns: tuple[str, ...]
    missing: np.ndarray
    people: np.ndarray
    weight: np.ndarray

    @property
    def shares(self) -> np.ndarray:
        """Weighted share of people with each pattern, shape (patterns,)."""
        return self.weight / self.weight.sum()

    @property
    def complete(self) -> int:
        """How many people lack nothing."""
        return round(self.people[~self.missing.any(axis=1)].sum())

    def to_frame(self) -> pd.DataFrame:
        """Return a row a pattern: each column and whether it is missing, ``lacking`` of them, ``n``, weighted ``share``."""
        table = pd.DataFrame(self.missing, columns=list(self.columns))
        return table.assign(lacking=self.missing.sum(axis=1), n=self.people.astype(np.int64), share=self.shares)

    def columns_frame(self) -> pd.DataFrame:
        """Return a row a column: ``item``, ``n`` who lack it, weighted ``share``."""
        return pd.DataFrame(
            {
                "item": self.columns,
                "n": (self.people @ self.missing).astype(np.int64),
                "share": self.shares @ self.missing,
            }
        )

    def pairs(self) -> pd.DataFrame:
        """Return a row for each two columns: how many people lack ``both``, ``only_first``, ``only_second``, ``neither``."""
        rows = []
        for i, j in combinations(range(len(self.columns)), 2):
            first, second = self.missing[:, i], self.missing[:, j]
            kinds = (first & second, first & ~second, ~first & second, ~first & ~second)
            rows.append((self.columns[i], self.columns[j], *(round(self.people[kind].sum()) for kind in kinds)))
        return pd.DataFrame(rows, columns=["first", "second", "both", "only_first", "only_second", "neither"])

    def __len__(self) -> int:
        return len(self.people)

    def __repr__(self) -> str:
        table = self.to_frame().assign(share=[f"{share:.4g}" for share in self.shares])
        many = f"{len(self):,} pattern{'s' * (len(self) != 1)}"
        told = f"{round(self.people.sum()):,} people, {self.complete:,} complete, {many}"
        return f"<MissingPatterns of {self.source}: {told}>\n{table.to_string(index=False)}"

    def _repr_html_(self) -> str:
        return self.to_frame().to_html(index=False, border=0)


def read_names(columns: Sequence[str]) -> list[str]:
    """Return the names of columns as the survey spells them.

    Parameters
    ----------
    columns
        As they were given.

    Raises
    ------
    QuestionError
        If they are no list, or one is named twice.
    """
    if isinstance(columns, str) or not columns:
        raise QuestionError(f"columns={columns!r} has to be a list of columns, as in ['magnesium_mmol_l'].")
    names = [one_spelling(name) for name in columns]
    if twice := [name for name in names if names.count(name) > 1]:
        raise QuestionError(f"columns={list(columns)!r} names {twice[0]!r} twice.")
    return names


def _missing(survey: Survey, columns: Sequence[str]) -> dict[str, np.ndarray]:
    """Return where each column is missing, in all rows."""

    def fail(problem: str) -> NoReturn:
        raise QuestionError(f"{survey.name}: {problem}.")

    return {name: column_named(survey.data, name, fail).isna().to_numpy() for name in read_names(columns)}


def missing_patterns(survey: Survey, columns: Sequence[str]) -> MissingPatterns:
    """Return which of some columns are missing together, and how often.

    Parameters
    ----------
    survey
        Whose domain is asked about; before `observed` has taken the missing out.
    columns
        Names of columns.

    Returns
    -------
    MissingPatterns
        The combinations that occur with their people and weighted shares.

    Raises
    ------
    QuestionError
        If a column is not there, is named twice, or has the name of a column of the result.

    Notes
    -----
    Little RJA, Rubin DB, Statistical Analysis with Missing Data, 3rd ed., Wiley 2019, section 1.2,
    doi:10.1002/9781119482260.

    Examples
    --------
    >>> import crampstats as cs
    >>> missing_patterns(cs.datasets.nhanes_cramps(), ["cramp_class", "sex"]).to_frame().round(4)
       cramp_class    sex  lacking      n   share
    0        False  False        0  10902  0.9994
    1         True  False        1     12  0.0006
    """
    missing = _missing(survey, columns)
    if taken := [name for name in missing if name in OWN]:
        raise QuestionError(f"{taken[0]!r} is a column of the result; first give yours another name.")
    inside = np.ones(len(survey), dtype=bool) if survey.domain is None else survey.domain
    count = np.ones(len(survey)) if survey.row_count is None else survey.row_count
    weight = count if survey.row_weight is None else survey.row_weight
    found, pattern = np.unique(np.column_stack(list(missing.values()))[inside], axis=0, return_inverse=True)
    people, total = (np.bincount(pattern.ravel(), each[inside]) for each in (count, weight))
    # A pattern of rows that stand for nobody is none.
    order = [place for place in np.argsort(-people, kind="stable") if people[place] > 0]
    return MissingPatterns(survey.described, tuple(missing), found[order], people[order], total[order])


def missing_shares(survey: Survey, columns: Sequence[str], *, by: Sequence[str] = ()) -> Estimate:
    """Estimate the share of people who lack each column, by what is known of them.

    Parameters
    ----------
    survey
        Whose domain is asked about; before `observed` has taken the missing out.
    columns
        Names of columns.
    by
        Columns that nobody lacks; an estimate for each combination that occurs.

    Returns
    -------
    Estimate
        Proportions from 0 to 1; the term is the column that is missing.

    Raises
    ------
    QuestionError
        If a column is not there or is named twice, or a by column is missing for somebody.
    DesignError
        If a domain has no degrees of freedom.

    Notes
    -----
    Item 12 of STROBE: von Elm E et al., Lancet 2007;370:1453-1457, doi:10.1016/S0140-6736(07)61602-X. Shares that differ
    between levels say that answers are not missing completely at random; that they do not differ says little.

    Examples
    --------
    >>> import crampstats as cs
    >>> people = pd.DataFrame({"magnesium_mmol_l": [0.8, None, 0.9, None, 0.7, 0.8], "diabetes": [0, 1, 0, 1, 1, 0]})
    >>> missing_shares(cs.Survey(people), ["magnesium_mmol_l"], by=["diabetes"]).to_frame()[["diabetes", "n", "estimate"]]
       diabetes  n  estimate
    0         0  3  0.000000
    1         1  3  0.666667
    """
    read_grouping(survey, by)
    known = survey.data[[one_spelling(name) for name in by]]
    flag = "missing"
    while flag in known.columns:
        flag += "_"
    shares = []
    for name, missing in _missing(survey, columns).items():
        asked = survey._changed(data=known.assign(**{flag: missing}))
        shares.append(prevalence(asked, {name: flag}, by=by))
    return shares[0] if len(shares) == 1 else stacked(shares)
