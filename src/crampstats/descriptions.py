"""Who the people of a survey are: the table of their characteristics that opens a paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd

from crampstats.errors import QuestionError
from crampstats.quantiles import TIE
from crampstats.questions import column_answer, column_named, one_spelling, read_question
from crampstats.schema import is_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import NoReturn

    from crampstats.survey import Survey

Statistic = Literal["mean_sd", "median_iqr"]
Differences = Literal["none", "smd"]
Kind = Literal["number", "category", "yes_no"]
STATISTICS: tuple[Statistic, ...] = get_args(Statistic)
QUARTILES = {"quartile_1": 0.25, "median": 0.5, "quartile_3": 0.75}
COLUMNS = ["variable", "level", "group", "statistic", "n", "estimate"]
LABELS, OVERALL, SMD = "Characteristic", "Overall", "SMD"
SMD_DIGITS = 2
# An em space, which HTML, Markdown and Word keep at the beginning of a cell.
INDENT = "\u2003"
NOTHING = "–"
MOST_DIGITS = 15


@dataclass(frozen=True, eq=False)
class _Variable:
    """A column as read in the domain: numbers, or codes of levels; without meaning where it is not known."""

    name: str
    kind: Kind
    values: np.ndarray  # (rows,) float, or codes from 0
    known: np.ndarray  # (rows,) bool
    levels: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _People:
    """The rows of the domain: how many people each stands for, their weight, and who belongs to which group."""

    count: np.ndarray  # (rows,)
    weight: np.ndarray  # (rows,)
    members: dict[str, np.ndarray]  # for each group (rows,) bool; everybody first

    def counted(self, rows: np.ndarray) -> int:
        """Return how many people some rows stand for."""
        return round(self.count[rows].sum())

    def share(self, part: np.ndarray, whole: np.ndarray) -> float:
        """Return the weighted share of some rows in others."""
        return float(self.weight[part].sum() / self.weight[whole].sum())


@dataclass(frozen=True, eq=False, repr=False)
class Characteristics:
    """Weighted characteristics of the people of a survey, in groups and overall.

    They describe people and carry no sampling error; `mean`, `prevalence` and `quantile` estimate with one.

    Attributes
    ----------
    rows
        What `to_frame` returns.
    kinds
        For each variable, in the order of the table, whether it is a ``"number"``, a ``"category"`` or ``"yes_no"``.
    statistics
        For each variable, which of its numbers the table shows.
    groups
        The headings: everybody, then the groups.
    differences
        ``"smd"`` if the two groups are compared.
    names
        For each variable, what the table calls it.
    notes
        What a reader of the table has to know, a sentence each.
    source
        The survey and its domain, in words.

    Examples
    --------
    >>> import crampstats as cs
    >>> people = cs.Survey(pd.DataFrame({"age_years": [30, 50, 70, 50], "sex": ["f", "m", "f", "m"]}))
    >>> characteristics(people, ["age_years"], by="sex", statistics=["mean_sd"])
    <Characteristics of survey>
    Characteristic           Overall           f          m
    People, n (%)          4 (100.0)    2 (50.0)   2 (50.0)
    age_years, mean (SD) 50.0 (14.1) 50.0 (20.0) 50.0 (0.0)
    """

    rows: pd.DataFrame
    kinds: dict[str, Kind]
    statistics: dict[str, tuple[Statistic, ...]]
    groups: tuple[str, ...]
    differences: Differences
    names: dict[str, str]
    notes: tuple[str, ...]
    source: str

    def to_frame(self) -> pd.DataFrame:
        """Return every number in a row of its own.

        Returns
        -------
        DataFrame
            ``variable``, empty for the size of the groups; ``level`` of a category, else empty; ``group``;
            ``statistic``; ``n``, people in the sample; ``estimate``, weighted. The statistics: ``group``, people of the
            group and their share of all; ``missing``, people without a value and their share of the group; ``share``,
            people of a level, or who answer yes, and their share of those with a value; ``mean``, ``sd``,
            ``quartile_1``, ``median``, ``quartile_3`` in the unit of the variable, of ``n`` people with a value; ``smd``, the
            standardised difference of two groups, of ``n`` people with a value in both. Shares are from 0 to 1. What does
            not exist, such as the mean of a group in which nobody has a value, has no row.
        """
        return self.rows.copy()

    def table(self, digits: int | Mapping[str, int] = 1) -> pd.DataFrame:
        """Return the table as it is printed.

        Parameters
        ----------
        digits
            After the decimal point of numbers and percentages; or a mapping from variables to those of their numbers,
            as in ``{"magnesium_mmol_l": 2}``, with 1 elsewhere. Standardised differences have 2.

        Returns
        -------
        DataFrame
            Texts: ``Characteristic``, a column a group, and ``SMD`` if it was asked for. Levels and missing values are
            indented by an em space, an empty cell stands beside the name of a category, and a dash where there is
            nothing to tell.

        Raises
        ------
        QuestionError
            If `digits` names no variable of the table, or is no whole number from 0 to 15.

        Examples
        --------
        >>> import crampstats as cs
        >>> adults = cs.datasets.nhanes_cramps().define(cramps="cramp_class >= 1")
        >>> found = characteristics(adults, ["cramps"], by="sex", names={"cramps": "Cramps, past month"})
        >>> found.table()
                      Characteristic         Overall          male        female
        0              People, n (%)  10,914 (100.0)  5,297 (48.1)  5,617 (51.9)
        1  Cramps, past month, n (%)    3,621 (30.9)  1,577 (28.2)  2,044 (33.4)
        2                    missing        12 (0.1)       4 (0.0)       8 (0.1)
        >>> found.notes[1]
        'Missing: people without a value and their share of the group; all else is of those with a value.'
        """
        places, percent = _places(digits, tuple(self.kinds))
        printer = _Printer(self, percent)
        lines = [printer.people("People, n (%)", "", "", "group")]
        for name in self.kinds:
            lines += printer.lines(name, places[name])
        columns = [LABELS, *self.groups, *([SMD] if self.differences == "smd" else [])]
        return pd.DataFrame([[line.get(column, "") for column in columns] for line in lines], columns=columns)

    def __repr__(self) -> str:
        table = self.table()
        width = max(table[LABELS].str.len())
        # pandas sets texts to the right; labels read better from the left.
        table[LABELS] = table[LABELS].str.ljust(width)
        table = table.rename(columns={LABELS: LABELS.ljust(width)})
        return f"<Characteristics of {self.source}>\n{table.to_string(index=False)}"

    def _repr_html_(self) -> str:
        return self.table().to_html(index=False, border=0)


def _places(digits: int | Mapping[str, int], variables: tuple[str, ...]) -> tuple[dict[str, int], int]:
    """Return how many digits the numbers of each variable have, and percentages."""
    given = {one_spelling(name): each for name, each in digits.items()} if isinstance(digits, Mapping) else {}
    _refuse_unknown("digits", given, variables)
    common = 1 if isinstance(digits, Mapping) else digits
    for each in (common, *given.values()):
        if not is_whole(each, 0) or each > MOST_DIGITS:
            raise QuestionError(
                f"digits={digits!r} has to be a whole number from 0 to {MOST_DIGITS}, or a mapping to such."
            )
    return {name: given.get(name, common) for name in variables}, common


class _Printer:
    """Writes the numbers of characteristics into the lines of their table, each a mapping from headings to texts."""

    def __init__(self, found: Characteristics, percent: int) -> None:
        self.found = found
        self.percent = percent
        self.cells: dict[tuple[str, ...], tuple[int, float]] = {
            tuple(label): (n, estimate) for *label, n, estimate in found.rows.itertuples(index=False, name=None)
        }

    def people(self, label: str, name: str, level: str, statistic: str) -> dict[str, str]:
        """Return a line of people and their shares."""
        line = {LABELS: label}
        for group in self.found.groups:
            n, share = self.cells.get((name, level, group, statistic), (0, None))
            line[group] = NOTHING if share is None else f"{n:,} ({100 * share:.{self.percent}f})"
        return line

    def numbers(self, label: str, name: str, statistic: Statistic, places: int) -> dict[str, str]:
        """Return a line of means and standard deviations, or of medians and quartiles."""
        line = {LABELS: label}
        for group in self.found.groups:
            asked = ("mean", "sd") if statistic == "mean_sd" else ("median", "quartile_1", "quartile_3")
            values = [self.cells[name, "", group, each][1] for each in asked if (name, "", group, each) in self.cells]
            first, *others = (f"{value:z,.{places}f}" for value in values) if values else (NOTHING,)
            joint = "–" if min(values, default=0) >= 0 else " to "
            line[group] = f"{first} ({joint.join(others)})" if others else first
        return line

    def lines(self, name: str, places: int) -> list[dict[str, str]]:
        """Return all lines of a variable."""
        shown, kind = self.found.names[name], self.found.kinds[name]
        if kind == "number":
            labels: dict[Statistic, str] = {"mean_sd": "mean (SD)", "median_iqr": "median (IQR)"}
            asked = self.found.statistics[name]
            lines = [self.numbers(f"{shown}, {labels[each]}", name, each, places) for each in asked]
        elif kind == "yes_no":
            lines = [self.people(f"{shown}, n (%)", name, "", "share")]
        else:
            levels = [key[1] for key in self.cells if (key[0], *key[2:]) == (name, OVERALL, "share")]
            lines = [{LABELS: f"{shown}, n (%)"}]
            lines += [self.people(f"{INDENT}{level}", name, level, "share") for level in levels]
        smd = self.cells.get((name, "", _contrast(self.found.groups), "smd"))
        lines[0][SMD] = NOTHING if smd is None else f"{smd[1]:z.{SMD_DIGITS}f}"
        if self.cells[name, "", OVERALL, "missing"][0]:
            lines.append(self.people(f"{INDENT}missing", name, "", "missing"))
        return lines


def _contrast(groups: tuple[str, ...]) -> str:
    """Return what the standardised difference is of, the first group less the second."""
    return " less ".join(groups[1:])


def characteristics(
    survey: Survey,
    columns: Sequence[str],
    *,
    by: str | None = None,
    names: Mapping[str, str] | None = None,
    categorical: Sequence[str] = (),
    statistics: Sequence[Statistic] | Mapping[str, Sequence[Statistic]] = STATISTICS,
    differences: Differences = "none",
) -> Characteristics:
    """Describe the people of a survey: the Table 1 of a paper, weighted (STROBE item 14).

    Parameters
    ----------
    survey
        Whose domain is described; before `observed` takes out who lacks a value, since the table tells how many do.
    columns
        Names of columns, or questions such as ``"magnesium_mg_dl <= 1.7"``, in the order of the table. Texts and
        categories are told level by level, in the order of a Categorical, without those that do not occur; yes/no
        questions and columns of 0 and 1 by who answers yes; other numbers by `statistics`.
    by
        Column of the groups, in the same order; None for no groups. Who has no group is counted in the overall column
        alone, and a note says so.
    names
        What to call columns in the table, as in ``{"age_years": "Age, years"}``.
    categorical
        Those of `columns` whose numbers are codes of categories.
    statistics
        Of numbers: ``"mean_sd"``, ``"median_iqr"``; or a mapping from columns to these, with both elsewhere.
    differences
        ``"smd"`` for standardised mean differences between two groups, else ``"none"``.

    Returns
    -------
    Characteristics
        Its `table` is the one to print, its `to_frame` holds the numbers.

    Raises
    ------
    QuestionError
        If a column is not there, is named twice, holds values that are no finite numbers, or nobody has a value; if the
        groups are not two and differences are asked for; or an option is none.

    Notes
    -----
    Missing values are told and left out of everything else. The standard deviation divides by the sum of the weights (R's
    ``svyvar`` is n / (n - 1) times its square); quartiles are those of `crampstats.quantile`.

    The standardised difference is the first mean less the second, divided by the root of the mean of both variances: Austin
    PC, Stat Med 2009;28:3083-3107, doi:10.1002/sim.3697. Of a category it is the length of the difference of all shares,
    measured in the mean of both multinomial covariances, and has no sign: Yang D, Dalton JE, A unified approach to
    measuring the effect size between two groups using SAS, SAS Global Forum 2012, paper 335. It does not grow with the
    sample. Groups that differ and do not overlap have none of finite size, and a note says so.

    There are no p values, standard errors or confidence intervals: STROBE advises against them in descriptive tables
    (Vandenbroucke JP et al., PLoS Med 2007;4:e297, doi:10.1371/journal.pmed.0040297).

    Examples
    --------
    >>> import crampstats as cs
    >>> serum = cs.datasets.nhanes1_magnesium()
    >>> found = characteristics(serum, ["magnesium_meq_l"], by="sex", statistics=["median_iqr"], differences="smd")
    >>> found.table(digits=2)[["Characteristic", "male", "female", "SMD"]]
                      Characteristic              male            female   SMD
    0                  People, n (%)     3,901 (39.28)     6,031 (60.72)
    1  magnesium_meq_l, median (IQR)  1.70 (1.61–1.79)  1.67 (1.58–1.76)  0.17
    """
    asked = _asked(columns, by)
    called = _called(names, asked, by)
    codes = _listed("categorical", categorical, asked)
    rows = np.arange(len(survey)) if survey.domain is None else np.flatnonzero(survey.domain)
    variables = [_read(survey, rows, name, as_category=name in codes) for name in asked]
    people, notes = _people(survey, rows, by, called)
    if differences not in get_args(Differences):
        raise QuestionError(f"differences={differences!r} is unknown: choose from {', '.join(get_args(Differences))}.")
    if differences == "smd" and len(people.members) != 3:
        raise QuestionError(f"differences='smd' needs two groups; by={by!r} makes {len(people.members) - 1}.")
    records = [
        ("", "", group, "group", people.counted(member), people.share(member, people.members[OVERALL]))
        for group, member in people.members.items()
    ]
    wanted = _statistics(statistics, variables)
    for variable in variables:
        records += _records(people, variable, wanted.get(variable.name, ()))
    if not all(variable.known.all() for variable in variables):
        notes.insert(
            0, "Missing: people without a value and their share of the group; all else is of those with a value."
        )
    if survey.weight is not None:
        notes.insert(0, "n: people in the sample; all else is weighted.")
    if differences == "smd":
        found, lacking = _differences(people, variables, called)
        records += found
        notes += lacking
    return Characteristics(
        pd.DataFrame(records, columns=COLUMNS),
        {variable.name: variable.kind for variable in variables},
        wanted,
        tuple(people.members),
        differences,
        called,
        tuple(notes),
        survey.described,
    )


def _refuse_unknown(parameter: str, named: Iterable[str], known: Sequence[str]) -> None:
    """Refuse names that are none of those known."""
    for name in named:
        if name not in known:
            raise QuestionError(
                f"{parameter} names {name!r}, which is not in the table: choose from {', '.join(known)}."
            )


def _listed(parameter: str, given: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return a list of names in one spelling, all of them known."""
    if isinstance(given, str):
        raise QuestionError(f"{parameter}={given!r} has to be a list, as in {parameter}=[{given!r}].")
    found = [one_spelling(each) for each in given]
    _refuse_unknown(parameter, found, known)
    return found


def _asked(columns: Sequence[str], by: str | None) -> list[str]:
    """Return the columns to be told, in one spelling."""
    if isinstance(columns, str):
        raise QuestionError(f"columns={columns!r} has to be a list, as in columns=[{columns!r}].")
    if by is not None and not isinstance(by, str):
        raise QuestionError(f"by={by!r} has to be the name of one column, as in by='sex'.")
    asked = [one_spelling(name) for name in columns]
    if not asked:
        raise QuestionError("columns is empty: name at least one column to describe.")
    twice = next((name for name in asked if asked.count(name) > 1 or name == one_spelling(by)), None)
    if twice is not None:
        raise QuestionError(f"{twice!r} is named twice; a table tells a column once, in its groups or in its rows.")
    return asked


def _called(names: Mapping[str, str] | None, asked: list[str], by: str | None) -> dict[str, str]:
    """Return what the table calls each column."""
    known = asked if by is None else [*asked, one_spelling(by)]
    given = {one_spelling(name): text for name, text in (names or {}).items()}
    _refuse_unknown("names", given, known)
    return {name: given.get(name, name) for name in known}


def _statistics(
    statistics: Sequence[Statistic] | Mapping[str, Sequence[Statistic]], variables: list[_Variable]
) -> dict[str, tuple[Statistic, ...]]:
    """Return what is told of each number."""
    numbers = [variable.name for variable in variables if variable.kind == "number"]
    if isinstance(statistics, Mapping):
        given = {one_spelling(name): each for name, each in statistics.items()}
        _refuse_unknown("statistics", given, numbers)
    else:
        given = dict.fromkeys(numbers, statistics)
    wanted = {}
    for name in numbers:
        each = given.get(name, STATISTICS)
        if isinstance(each, str) or not each or set(each) - set(STATISTICS) or len(set(each)) < len(each):
            raise QuestionError(f"statistics={each!r} has to be a list of these: {', '.join(STATISTICS)}.")
        wanted[name] = tuple(each)
    return wanted


def _level_text(level: Any) -> str:
    """Return how a level is written."""
    if isinstance(level, (bool, np.bool_)):
        return "yes" if level else "no"
    whole = isinstance(level, (int, float, np.number)) and float(level).is_integer()
    return str(int(level)) if whole else str(level)


def _category(name: str, codes: np.ndarray, levels: Sequence[Any]) -> _Variable:
    """Return a variable of those levels that occur."""
    known = codes >= 0
    found, places = np.unique(codes[known], return_inverse=True)
    values = np.full(len(codes), -1)
    values[known] = places
    texts = [_level_text(levels[code]) for code in found]
    if unclear := [text for text in texts if texts.count(text) > 1 or not text.strip()]:
        raise QuestionError(f"{name!r}: a level is empty, or two are written alike ({unclear[0]!r}); tell them apart.")
    return _Variable(name, "category", values, known, tuple(texts))


def _read(survey: Survey, rows: np.ndarray, name: str, *, as_category: bool) -> _Variable:
    """Read a column or a question in the rows of the domain."""
    variable = _read_any(survey, rows, name, as_category)
    if not variable.known.any():
        raise QuestionError(f"nobody in {survey.described} has a value of {name!r}; leave it out.")
    return variable


def _read_any(survey: Survey, rows: np.ndarray, name: str, as_category: bool) -> _Variable:
    """Read a column or a question of which everybody may lack a value."""

    def fail(problem: str) -> NoReturn:
        raise QuestionError(f"{survey.name}: {problem}.")

    if name in survey.data.columns:
        series = column_named(survey.data, name, fail)
        if isinstance(series.dtype, pd.CategoricalDtype):
            return _category(name, series.cat.codes.to_numpy()[rows], list(series.cat.categories))
        answer = column_answer(survey.data, name, fail)
    else:
        answer = read_question(name).answer(survey.data)
    known = np.ones(len(rows), dtype=bool) if answer.missing is None else ~answer.missing[rows]
    values = np.asarray(answer.values)[rows]
    if answer.kind == "text" or as_category:
        codes = np.full(len(rows), -1)
        codes[known], levels = pd.factorize(values[known], sort=True)
        return _category(name, codes, list(levels))
    numbers = np.where(known, values, 0).astype(float)
    if not np.isfinite(numbers).all():
        raise QuestionError(f"{name!r} is not a finite number in row {rows[~np.isfinite(numbers)][0]}, counted from 0.")
    if answer.kind == "truth" or np.isin(numbers, (0, 1)).all():
        return _Variable(name, "yes_no", numbers.astype(int), known, ("no", "yes"))
    return _Variable(name, "number", numbers, known, ())


def _people(survey: Survey, rows: np.ndarray, by: str | None, called: dict[str, str]) -> tuple[_People, list[str]]:
    """Return the people of the domain in their groups, and a note on those who have none."""
    count = np.ones(len(rows)) if survey.row_count is None else survey.row_count[rows]
    weight = count if survey.row_weight is None else survey.row_weight[rows]
    everybody = {OVERALL: np.ones(len(rows), dtype=bool)}
    if by is None:
        return _People(count, weight, everybody), []
    by = one_spelling(by)
    groups = _read(survey, rows, by, as_category=False)
    if groups.kind == "number":
        groups = _read(survey, rows, by, as_category=True)
    members = {
        f"{called[by]}: {level}" if groups.kind == "yes_no" else level: groups.known & (groups.values == code)
        for code, level in enumerate(groups.levels)
    }
    if taken := members.keys() & {LABELS, OVERALL, SMD}:
        raise QuestionError(
            f"by={by!r} has a group {min(taken)!r}, which is a heading of the table; name it otherwise."
        )
    people = _People(count, weight, everybody | {group: member for group, member in members.items() if member.any()})
    if groups.known.all():
        return people, []
    lacking = ~groups.known
    told = f"{people.counted(lacking):,} ({100 * people.share(lacking, everybody[OVERALL]):.1f} %)"
    return people, [f"People without a value of {called[by]}, {told}, are counted under {OVERALL} alone."]


def _moments(values: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Return weighted mean and standard deviation; of values that are all one, that and exactly 0."""
    if values.min() == values.max():
        return float(values[0]), 0.0
    mean = np.average(values, weights=weight)
    return float(mean), float(np.sqrt(np.average((values - mean) ** 2, weights=weight)))


def _quartiles(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the smallest values with at least a quarter, a half and three quarters of the weight at or below them."""
    order = np.argsort(values, kind="stable")
    cumulative = weight[order].cumsum()
    shares = np.array([*QUARTILES.values()])
    place = np.searchsorted(cumulative, (shares - TIE) * cumulative[-1], side="left")
    return values[order][place]


def _records(people: _People, variable: _Variable, statistics: tuple[Statistic, ...]) -> Iterator[tuple]:
    """Give the numbers of a variable, group by group."""
    for group, member in people.members.items():
        lacking, asked = member & ~variable.known, member & variable.known
        yield variable.name, "", group, "missing", people.counted(lacking), people.share(lacking, member)
        if not asked.any():
            continue
        if variable.kind == "number":
            values, weight, n = variable.values[asked], people.weight[asked], people.counted(asked)
            found: dict[str, float] = {}
            if "mean_sd" in statistics:
                found |= zip(("mean", "sd"), _moments(values, weight), strict=True)
            if "median_iqr" in statistics:
                found |= zip(QUARTILES, map(float, _quartiles(values, weight)), strict=True)
            for statistic, value in found.items():
                yield variable.name, "", group, statistic, n, value
        else:
            for code, level in enumerate(variable.levels):
                part = asked & (variable.values == code)
                if variable.kind == "category" or level == "yes":
                    told = "" if variable.kind == "yes_no" else level
                    yield variable.name, told, group, "share", people.counted(part), people.share(part, asked)


def _differences(people: _People, variables: list[_Variable], called: dict[str, str]) -> tuple[list[tuple], list[str]]:
    """Return the standardised differences of two groups, and notes on what they are and where there is none."""
    contrast = _contrast(tuple(people.members))
    found = []
    notes = [f"SMD: standardised mean difference, {contrast}; of a variable with several levels without a sign."]
    for variable in variables:
        one, other = (member & variable.known for group, member in people.members.items() if group != OVERALL)
        if not (one.any() and other.any()):
            notes.append(f"No SMD of {called[variable.name]}: in one group nobody has a value.")
            continue
        value = _standardised(people, variable, one, other)
        if np.isinf(value):
            notes.append(
                f"No SMD of {called[variable.name]}: the groups differ and do not overlap, so that it has no finite size."
            )
        else:
            found.append((variable.name, "", contrast, "smd", people.counted(one | other), value))
    return found, notes


def _standardised(people: _People, variable: _Variable, one: np.ndarray, other: np.ndarray) -> float:
    """Return the standardised difference of two sets of rows; infinite where they differ and do not overlap."""
    if variable.kind == "number":
        (mean, sd), (mean_other, sd_other) = (
            _moments(variable.values[rows], people.weight[rows]) for rows in (one, other)
        )
        gap, spread = mean - mean_other, np.sqrt((sd**2 + sd_other**2) / 2)
        return float(gap / spread) if spread > 0 else float(np.where(gap, np.inf, 0.0))
    codes = range(len(variable.levels))
    shares = np.array(
        [[people.share(rows & (variable.values == code), rows) for code in codes] for rows in (one, other)]
    )
    shares = shares[:, shares.any(axis=0)]
    # The mean covariance is singular exactly where no level occurs in both groups.
    if not shares.all(axis=0).any():
        return np.inf
    gap = (shares[0] - shares[1])[1:]
    covariance = np.mean([np.diag(each) - np.outer(each, each) for each in shares[:, 1:]], axis=0)
    size = float(np.sqrt(gap @ np.linalg.solve(covariance, gap)))
    return -size if variable.kind == "yes_no" and gap.sum() < 0 else size
