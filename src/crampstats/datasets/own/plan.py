"""Which column of the file becomes which column of the study."""

from __future__ import annotations

import difflib
import keyword
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from crampstats.datasets.own.cells import Censored, key
from crampstats.datasets.own.headers import Heading, clean_name, read_heading, read_unit
from crampstats.datasets.own.study import AGE, COLUMNS, MEASURES, NAMES, SHORT_NAMES, admitted_units
from crampstats.datasets.own.telling import Finding, finding, listed
from crampstats.errors import CrampstatsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crampstats.datasets.own.decimals import Decimal
    from crampstats.datasets.own.rectangle import Table
    from crampstats.schema import Column

OtherUnit = Literal["raise", "keep"]
OnFault = Literal["raise", "drop"]
NUMBER_ROLES = ("weight", "population_size")
LABEL_ROLES = ("stratum", "cluster")


@dataclass(frozen=True)
class Wishes:
    """What the user says of the columns, as `read_study` explains it."""

    columns: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, Mapping[Any, Any]] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    censored: Censored = "raise"
    other_unit: OtherUnit = "raise"
    decimal: Decimal | None = None
    roles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Planned:
    """What one column of the file becomes.

    Attributes
    ----------
    place
        Its place in the file, from 0.
    header
        As in the file.
    name
        As in the survey; one of the study's names, or another.
    unit
        The unit of its values, None if it has none or it is not known.
    codes
        What the user says that values stand for, by their `crampstats.datasets.own.cells.key`.
    roles
        What it is in the design: ``"weight"``, ``"stratum"``, ``"cluster"``, ``"population_size"``.
    """

    place: int
    header: str
    name: str
    unit: str | None = None
    codes: Mapping[str, Any] = field(default_factory=dict)
    roles: tuple[str, ...] = ()

    @property
    def is_number(self) -> bool:
        """Whether its cells are read as numbers, whatever they look like."""
        if self.name in COLUMNS:
            return COLUMNS[self.name].kind == "number"
        return any(role in NUMBER_ROLES for role in self.roles)


def plan(table: Table, wishes: Wishes) -> tuple[tuple[Planned, ...], tuple[Finding, ...]]:
    """Return what becomes of each column of a table, and what is to be told of it.

    Raises
    ------
    CrampstatsError
        If a wish names a column that is not in the file, or a unit or code that does not exist.
    """
    chosen = _chosen(table.headers, wishes.columns)
    headings = [_heading(header, label) for header, label in zip(table.headers, table.labels, strict=True)]
    taken = {name for name in chosen.values() if name in NAMES}
    drafts = []
    unknown = []
    for place, heading in enumerate(headings):
        column = None if heading.column in taken and heading.header not in chosen else heading.column
        name = chosen.get(heading.header) or column or clean_name(heading.header)
        unit = heading.unit if name in MEASURES or name == AGE else None
        drafts.append(Planned(place, heading.header, name, unit))
        if heading.header not in chosen and column is None:
            unknown.append(heading.header)
    findings = _collisions(drafts)
    if not any(draft.name in NAMES for draft in drafts):
        findings.append(_nothing_known(table.headers))
    if findings:  # names that are not unique cannot be wished for
        return tuple(drafts), tuple(findings)
    drafts, told = _with_wishes(drafts, wishes)
    told += [_unknown(draft) for draft in drafts if draft.header in unknown and not draft.roles]
    return tuple(drafts), tuple(told)


def _heading(header: str, label: str) -> Heading:
    """Read a header; what it does not say, its label may."""
    heading = read_heading(header)
    if not label:
        return heading
    described = read_heading(label)
    if heading.column is None:
        return Heading(header, described.column, described.unit)
    if heading.unit is None and described.unit in admitted_units(heading.column):
        return Heading(header, heading.column, described.unit)
    return heading


def _chosen(headers: Sequence[str], columns: Mapping[str, str]) -> dict[str, str]:
    """Return the names that the user gives to headers, by the header as it stands in the file."""
    chosen: dict[str, str] = {}
    for header, target in columns.items():
        found = _find(str(header), headers)
        if found is None:
            raise CrampstatsError(f"columns: {_not_there(str(header), headers)}")
        name = SHORT_NAMES.get(str(target), str(target))
        if not name.isidentifier() or keyword.iskeyword(name):
            raise CrampstatsError(
                f"columns={{{header!r}: {target!r}}}: {target!r} is no name for a column; choose a column of the study "
                f"({', '.join(NAMES)}) or a name of letters, digits and underscores."
            )
        chosen[found] = name
    return chosen


def _find(text: str, headers: Sequence[str]) -> str | None:
    """Return the header that a user writes, blanks and capitals aside."""
    if text in headers:
        return text
    plain = " ".join(text.split()).casefold()
    same = [header for header in headers if header.casefold() == plain]
    return same[0] if len(same) == 1 else None


def _not_there(text: str, names: Sequence[str]) -> str:
    """Say that there is no such column, and which there are."""
    near = difflib.get_close_matches(text, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"the columns are {listed(names)}."
    return f"{text!r} is no column of the file; {hint}"


def _collisions(drafts: Sequence[Planned]) -> list[Finding]:
    """Return what is told of several headers that become one column."""
    by_name: dict[str, list[str]] = {}
    for draft in drafts:
        by_name.setdefault(draft.name, []).append(draft.header)
    return [_collision(name, headers) for name, headers in by_name.items() if len(headers) > 1]


def _collision(name: str, headers: Sequence[str]) -> Finding:
    """Return what is told of several headers that become one column."""
    expected = "names that differ; give them with columns="
    if name in NAMES:
        expected = f"one of them; say which with columns={{{headers[0]!r}: {name!r}}}"
    return finding("file", name, f"{listed(headers)} all become this column", expected)


def _nothing_known(headers: Sequence[str]) -> Finding:
    """Return what is told of a file without a column of the study."""
    return finding(
        "file",
        "(header)",
        f"no column of the study among {listed(headers)}",
        "the header in the first row that is not empty, and at least one column of the study; "
        "columns={'header in the file': 'magnesium'} names it",
    )


def _unknown(draft: Planned) -> Finding:
    """Return what is told of a header that is not known."""
    return finding(
        "told",
        draft.header,
        f"not a column of the study, kept as {draft.name!r}",
        f"a known header, or columns={{{draft.header!r}: {draft.name!r}}} to keep it without a word",
    )


def resolve(text: str, drafts: Sequence[Planned], wish: str) -> Planned:
    """Return the column that a user means by its header, its name in the survey, or a word such as ``"magnesium"``."""
    headers = [draft.header for draft in drafts]
    wanted = (_find(str(text), headers), SHORT_NAMES.get(str(text), str(text)))
    for draft in drafts:
        if draft.header == wanted[0]:
            return draft
    for draft in drafts:
        if draft.name == wanted[1]:
            return draft
    raise CrampstatsError(f"{wish}: {_not_there(str(text), headers)}")


def _with_wishes(drafts: list[Planned], wishes: Wishes) -> tuple[list[Planned], list[Finding]]:
    """Return the columns with the units, codes and roles that the user names."""
    units = {resolve(name, drafts, "units").place: (name, unit) for name, unit in wishes.units.items()}
    codes = {resolve(name, drafts, "codes").place: (name, table) for name, table in wishes.codes.items()}
    roles: dict[int, tuple[str, ...]] = {}
    for role, name in wishes.roles.items():
        place = resolve(name, drafts, role).place
        roles[place] = (*roles.get(place, ()), role)
    told: list[Finding] = []
    finished = []
    for draft in drafts:
        unit = draft.unit
        if draft.place in units:
            unit = _wished_unit(draft, *units[draft.place])
            told += _contradiction(draft, unit)
        table = _wished_codes(draft, *codes[draft.place]) if draft.place in codes else {}
        finished.append(Planned(draft.place, draft.header, draft.name, unit, table, roles.get(draft.place, ())))
    return finished, told


def _wished_unit(draft: Planned, name: str, unit: str) -> str:
    """Return a unit that the user names, checked."""
    admitted = admitted_units(draft.name)
    if not admitted:
        raise CrampstatsError(f"units[{name!r}]={unit!r}: {draft.header!r} has no unit.")
    read = unit if unit in admitted else read_unit(str(unit))
    if read not in admitted:
        raise CrampstatsError(f"units[{name!r}]={unit!r} is unknown for it: choose from {', '.join(admitted)}.")
    return str(read)


def _contradiction(draft: Planned, unit: str) -> list[Finding]:
    """Tell that the user's unit is not that of the header."""
    if draft.unit in (None, unit):
        return []
    problem = f"the header says {draft.unit}, units= says {unit}: taken as {unit}"
    return [finding("told", draft.header, problem, "the same unit in both")]


def _wished_codes(draft: Planned, name: str, table: Mapping[Any, Any]) -> dict[str, Any]:
    """Return what values stand for by their `key`, checked against what the column can hold."""
    if not isinstance(table, Mapping):
        raise CrampstatsError(f"codes[{name!r}]={table!r} has to be a dict, such as {{1: 'male', 2: 'female'}}.")
    if draft.name not in COLUMNS:
        raise CrampstatsError(f"codes[{name!r}]: {draft.header!r} takes no codes; only {', '.join(COLUMNS)} do.")
    return {key(code): _meaning(COLUMNS[draft.name], name, code, meaning) for code, meaning in table.items()}


def _meaning(column: Column, name: str, code: Any, meaning: Any) -> Any:
    """Return what a code stands for, checked against what its column can hold; None for missing."""
    if meaning is None or (isinstance(meaning, str) and meaning in column.levels):
        return meaning
    value = {"yes": 1, "no": 0}.get(meaning, meaning) if isinstance(meaning, str) else meaning
    if isinstance(value, (int, float)) and (column.kind == "number" or (column.kind == "yes_no" and value in (0, 1))):
        return float(value)
    raise CrampstatsError(f"codes[{name!r}][{code!r}]={meaning!r} has to be {column.expected}, which is None.")
