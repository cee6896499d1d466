"""A user's own file as a survey."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pandas as pd

from crampstats.datasets.own.cells import Censored, key
from crampstats.datasets.own.decimals import Decimal
from crampstats.datasets.own.files import Layout, read_table
from crampstats.datasets.own.headers import read_heading
from crampstats.datasets.own.plan import OnFault, OtherUnit, Planned, Wishes, plan
from crampstats.datasets.own.telling import Finding, StudyFileError, StudyWarning
from crampstats.datasets.own.texts import Delimiter
from crampstats.datasets.own.values import StudyColumn, read_columns
from crampstats.errors import CrampstatsError, SchemaError
from crampstats.schema import Fault, raise_faults
from crampstats.survey import ClusterLabels, Survey

if TYPE_CHECKING:
    import os

    from crampstats.datasets.own.rectangle import Table
    from crampstats.design import LonelyRule


def read_study(
    path: str | os.PathLike[str],
    *,
    columns: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    codes: Mapping[str, Mapping[Any, Any]] | None = None,
    missing: Sequence[str | float] = (),
    censored: Censored = "raise",
    other_unit: OtherUnit = "raise",
    on_fault: OnFault = "raise",
    encoding: str | None = None,
    delimiter: Delimiter | None = None,
    decimal: Decimal | None = None,
    sheet: str | None = None,
    weight: str | None = None,
    stratum: str | None = None,
    cluster: str | None = None,
    cluster_labels: ClusterLabels = "unique",
    population_size: str | None = None,
    lonely: LonelyRule = "fail",
    name: str | None = None,
) -> Survey:
    r"""Read a table of people, their serum magnesium and their cramps, from a file of your own.

    Known headers, German and English, become the columns of ``crampstats.datasets.own.STUDY``; concentrations are
    converted to its units. Whatever does not fit is raised in one error, with the row and the column of each value;
    whatever is done to the file is told in one warning. Nothing is lost in silence.

    Parameters
    ----------
    path
        A file ending in ``.csv``, ``.tsv``, ``.txt``, ``.xlsx`` (needs openpyxl), ``.parquet`` (pyarrow), ``.xpt`` (SAS
        transport, version 5), ``.sav`` (SPSS; pyreadstat) or ``.dta`` (Stata).
    columns
        What a header of the file is: a column of the study, by name or short (``{"Mg (AU5800)": "magnesium"}``), or a
        name of your own for a column to keep (``{"Gewicht": "body_weight_kg"}``). Other headers that are not known are
        kept under a cleaned name, and told.
    units
        The unit of a column, by header, name or short name: ``{"magnesium": "mg/dL"}``. It goes before the unit in the
        header.
    codes
        What the values of a column stand for: ``{"sex": {1: "male", 2: "female"}, "ppi": {"x": 1, "": 0}}``; None for
        missing. Known without it are m/w/f/d, männlich/weiblich, male/female; ja/nein, yes/no, true/false, 1/0; and
        what SPSS and Stata files say of their codes.
    missing
        What stands for a missing value besides an empty cell, NA, n/a, NaN, k.A., fehlt, n.d., a dash and a point:
        ``("hämolytisch", -999)``.
    censored
        What to do with values beyond a limit of detection, such as ``< 0,10``: ``"raise"`` lists them as faults;
        ``"missing"``, ``"limit"`` and ``"half_limit"`` (above a limit: the limit) put that in their place, and tell it.
    other_unit
        What to do with values that nobody has in the stated unit and that are usual in another one: ``"raise"``, or
        ``"keep"`` as they stand, and tell it.
    on_fault
        ``"raise"``, or ``"drop"``: leave out each row with a fault, and tell it. All rows that share an identifier
        have that fault. What is wrong with a column or with the whole file is raised either way.
    encoding
        Of a text file; None finds UTF-8, UTF-16 and Windows-1252 (Latin-1).
    delimiter
        Of a text file, ``","``, ``";"``, tab or ``"|"``; None finds it.
    decimal
        ``"."`` or ``","``, where numbers are written as text; None finds it, column by column.
    sheet
        Of a workbook that holds several.
    weight, stratum, cluster, cluster_labels, population_size, lonely
        As in `crampstats.Survey`, columns by header or name. Without them it is a simple random sample. No column is
        ever taken for the sampling weight by its header.
    name
        Of the survey; by default that of the file, without ending.

    Returns
    -------
    Survey
        A row a person, in the order of the file; columns in the order of the file, under the names of the study.
        Yes/no columns are Int8, ``sex`` is a category, ``id`` is text, ``sample_date`` a date, numbers are floats.

    Raises
    ------
    StudyFileError
        If the file is not there or cannot be read as a table.
    SchemaError
        With every fault of the file (`crampstats.schema.faults_frame` makes a table of them): its column by the header
        in the file; its rows as numbered **in the file**, the line of a text file or the row of a sheet where the header
        is row 1, the case counted from 1 in a file without lines; the values as they stand there.
    DesignError
        If the design has no variance.
    CrampstatsError
        If an argument names what does not exist.

    Warns
    -----
    StudyWarning
        Once, if anything was done to the file: rows dropped or left out, values put in place of others, headers that
        are not known; with the faults and the counts attached.

    Notes
    -----
    A unit is told from another by what laboratories usually see (``crampstats.datasets.own.study.MEASURES``). Where the
    ranges overlap it cannot be: of magnesium, 1.1 to 1.2 mmol/L among mg/dL, and mg/dL taken for mEq/L.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> lines = ["Fallnummer;Alter;Geschlecht;Mg i.S. [mg/dL]", "A1;61;w;1,70", "A2;58;m;2,07", "A3;70;m;n.d."]
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "lab.csv")
    ...     _ = path.write_text("\n".join(lines), encoding="utf-8")
    ...     study = read_study(path)
    >>> study
    <Survey lab: 3 of 3 people, 1 stratum, 2 df>
    >>> study.data.round(3)
       id  age_years     sex  magnesium_mmol_l
    0  A1       61.0  female             0.699
    1  A2       58.0    male             0.852
    2  A3       70.0    male               NaN
    """
    file = _path(path)
    given = {"weight": weight, "stratum": stratum, "cluster": cluster, "population_size": population_size}
    wishes = Wishes(
        _mapping("columns", columns),
        _mapping("units", units),
        _mapping("codes", codes),
        _markers(missing),
        _choice("censored", censored, get_args(Censored)),
        _choice("other_unit", other_unit, get_args(OtherUnit)),
        _choice("decimal", decimal, (None, *get_args(Decimal))),
        {role: column for role, column in given.items() if column is not None},
    )
    _choice("on_fault", on_fault, get_args(OnFault))
    _choice("delimiter", delimiter, (None, *get_args(Delimiter)))
    for argument, value in {**given, "encoding": encoding, "sheet": sheet, "name": name}.items():
        if value is not None and not isinstance(value, str):
            raise CrampstatsError(f"{argument}={value!r} has to be text.")
    table = _table(file, Layout(encoding, delimiter, sheet), wishes)
    planned, found = plan(table, wishes)
    read = read_columns(table, planned, wishes)
    findings = (*table.findings, *found, *(one for column in read for one in column.findings))
    dropped = _dropped(file.name, table, findings, on_fault)
    frame, rows = _frame(table, planned, read, dropped)
    if frame.empty:
        raise_faults(_faults(findings, "row"), f"{file.name} ({table.counting}): no row is left")
    _tell(file.name, table, findings, dropped)
    return _survey(
        frame,
        rows,
        f"{file.name} ({table.counting})",
        **_design(planned),
        cluster_labels=cluster_labels,
        lonely=lonely,
        name=_named(file.stem if name is None else name, table, dropped),
    )


def _named(name: str, table: Table, dropped: Sequence[int]) -> str:
    """Return the name of the survey, which tells what was left out wherever its results are shown."""
    return f"{name}, {len(dropped)} of {table.rows} rows left out for faults" if dropped else name


def _path(path: Any) -> Path:
    """Return a path, checked to be one."""
    try:
        return Path(path)
    except TypeError:
        raise CrampstatsError(f"path={path!r} has to be the path of a file.") from None


def _choice(name: str, value: Any, choices: Sequence[Any]) -> Any:
    """Return a value, checked to be one of the choices."""
    if not any(value is choice or (isinstance(value, str) and value == choice) for choice in choices):
        raise CrampstatsError(f"{name}={value!r} is unknown: choose from {', '.join(map(repr, choices))}.")
    return value


def _mapping(name: str, value: Any) -> Mapping[str, Any]:
    """Return a mapping, checked to be one."""
    if value is not None and not isinstance(value, Mapping):
        raise CrampstatsError(f"{name}={value!r} has to be a dict from a column to what is said of it.")
    return value or {}


def _markers(missing: Any) -> frozenset[str]:
    """Return the keys of what stands for missing values."""
    if isinstance(missing, str) or not isinstance(missing, (Sequence, set, frozenset)):
        raise CrampstatsError(f"missing={missing!r} has to be a list, such as ['hämolytisch', -999].")
    return frozenset(map(key, missing))


def _table(file: Path, layout: Layout, wishes: Wishes) -> Table:
    """Read the table of a file; the error names the file."""
    chosen = {" ".join(str(header).split()).casefold() for header in wishes.columns}

    def known(header: str) -> bool:
        return " ".join(str(header).split()).casefold() in chosen or read_heading(str(header)).column is not None

    try:
        return read_table(file, layout, known)
    except StudyFileError as error:
        raise StudyFileError(f"{file.name or file}: {error}") from None


def _faults(findings: Sequence[Finding], *scopes: str) -> tuple[Fault, ...]:
    """Return the faults of some scope, those of the file first."""
    return tuple(one.fault for scope in scopes for one in findings if one.scope == scope)


def _dropped(file: str, table: Table, findings: Sequence[Finding], on_fault: OnFault) -> tuple[int, ...]:
    """Return the rows to leave out, or raise with every fault."""
    rows = {row for fault in _faults(findings, "row") for row in fault.rows}
    if _faults(findings, "file") or (rows and on_fault == "raise"):
        raise_faults(_faults(findings, "file", "row"), f"{file} ({table.counting})")
    return tuple(sorted(rows))


def _frame(
    table: Table, planned: Sequence[Planned], read: Sequence[StudyColumn], dropped: Sequence[int]
) -> tuple[pd.DataFrame, list[int]]:
    """Return the rows that are left, and how they are numbered in the file."""
    frame = pd.DataFrame({draft.name: column.values for draft, column in zip(planned, read, strict=True)})
    numbers = table.columns[0].index
    left = ~numbers.isin(list(dropped))
    return frame[left].reset_index(drop=True), numbers[left].tolist()


def _design(planned: Sequence[Planned]) -> dict[str, str]:
    """Return the names of the columns of the design."""
    return {role: draft.name for draft in planned for role in draft.roles}


def _survey(frame: pd.DataFrame, rows: Sequence[int], title: str, **design: Any) -> Survey:
    """Make the survey; what it finds wrong is told with the rows of the file."""
    try:
        return Survey(frame, **design)
    except SchemaError as error:
        faults = [replace(fault, rows=tuple(rows[row] for row in fault.rows)) for fault in error.faults]
        raise_faults(faults, title)
        raise


def _tell(file: str, table: Table, findings: Sequence[Finding], dropped: Sequence[int]) -> None:
    """Warn once of everything that was done."""
    faults, told = (_faults(findings, "row") if dropped else ()), _faults(findings, "told")
    if not faults and not told:
        return
    lines = [f"{file} ({table.counting})."]
    if faults:
        lines += [f"{len(dropped)} of {table.rows} rows dropped:", *(f"  - {fault}" for fault in faults)]
    if told:
        lines += ["To be known:", *(f"  - {fault}" for fault in told)]
    warning = StudyWarning("\n".join(lines), rows=table.rows, dropped=dropped, faults=faults, told=told)
    warnings.warn(warning, stacklevel=3)
