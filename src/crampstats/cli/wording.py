"""How things are said on a command line: options for arguments, tables of plain text, no control characters."""

from __future__ import annotations

import ast
import re
import shlex
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_TEXT = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_OPTIONS = {"columns": "--column", "units": "--unit", "codes": "--codes"}
_PLACEHOLDERS = {"columns": "NAME", "units": "UNIT"}
_SINGLE = (
    "censored|other_unit|on_fault|encoding|delimiter|decimal|sheet|weight|stratum|cluster|cluster_labels|population_size|"
    "lonely|level|interval_method|missing|n|seed|do|by"
)


def printable(text: str) -> str:
    r"""Return a text that can do nothing to a terminal: control characters as their codes.

    Parameters
    ----------
    text
        From a file, perhaps.

    Examples
    --------
    >>> print(printable("Mg\x1b[2J"))
    Mg\x1b[2J
    """
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def in_options(text: str) -> str:
    """Return a message of the package with the options of the command in place of Python's arguments.

    Parameters
    ----------
    text
        As an error or a finding says it.

    Examples
    --------
    >>> print(in_options("say which with columns={'Mg': 'magnesium_mmol_l'} or other_unit='keep'"))
    say which with --column Mg=magnesium_mmol_l or --other-unit keep
    >>> print(in_options("'x > 1' has no answer in 3 of 9 rows of lab: first ask observed('x')."))
    'x > 1' has no answer in 3 of 9 rows of lab: --observed x asks only about those who have one.
    """
    text = re.sub(
        r"^(\w+): (?='.*' is no column of the file)",
        lambda found: f"{_OPTIONS.get(found[1]) or _option(found[1])}: ",
        text,
    )
    text = re.sub(rf"first ask observed\(((?:{_TEXT})(?:, (?:{_TEXT}))*)\)", _observed, text)
    text = re.sub(rf"\b(columns|units|codes)=(\{{(?:{_TEXT}): (?:{_TEXT}|\.\.\.)\}})", _mapping, text)
    text = re.sub(rf"\b(units)\[({_TEXT})\]=({_TEXT})", _item, text)
    text = re.sub(rf"\bcodes\[({_TEXT})\]\[({_TEXT})\]=({_TEXT})", _code, text)
    text = re.sub(rf"\b({_SINGLE})=({_TEXT})", lambda found: f"{_option(found[1])} {_quoted(found[2])}", text)
    text = re.sub(r"\b(columns|units|codes)=(?=[ .]|$)", lambda found: _OPTIONS[found[1]], text)
    text = re.sub(rf"\b({_SINGLE})=(?=[ .\[]|$)", lambda found: f"{_option(found[1])} ", text)
    return printable(text)


def _option(argument: str) -> str:
    """Return the option of an argument."""
    return f"--{argument.replace('_', '-')}"


def _quoted(literal: str) -> str:
    """Return a Python text as one would type it in a shell."""
    return shlex.quote(ast.literal_eval(literal))


def _observed(found: re.Match[str]) -> str:
    names = [_quoted(name) for name in re.findall(_TEXT, found[1])]
    return f"--observed {' '.join(names)} asks only about those who have one"


def _mapping(found: re.Match[str]) -> str:
    ((name, value),) = ast.literal_eval(found[2]).items()
    if found[1] == "codes":
        return f"--codes {shlex.quote(name)} CODE=MEANING"
    return f"{_OPTIONS[found[1]]} {shlex.quote(f'{name}={_PLACEHOLDERS[found[1]] if value is ... else value}')}"


def _item(found: re.Match[str]) -> str:
    return f"{_OPTIONS[found[1]]} {shlex.quote(f'{ast.literal_eval(found[2])}={ast.literal_eval(found[3])}')}"


def _code(found: re.Match[str]) -> str:
    column, code, meaning = (ast.literal_eval(found[place]) for place in (1, 2, 3))
    return f"--codes {shlex.quote(column)} {shlex.quote(f'{code}={meaning}')}"


def text_table(rows: Sequence[Mapping[str, Any]], *, right: Sequence[str] = ()) -> str:
    """Return records as a table of plain text, a line each.

    Parameters
    ----------
    rows
        At least one; the keys of the first are the headings.
    right
        The columns that are set to the right.

    Examples
    --------
    >>> print(text_table([{"sex": "male", "n": 12}, {"sex": "female", "n": 7}], right=["n"]))
    sex      n
    male    12
    female   7
    """
    names = list(rows[0])
    lines = [names, *([" ".join(printable(str(row[name])).split()) for name in names] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(names))]
    shown = [
        [
            cell.rjust(width) if name in right else cell.ljust(width)
            for name, cell, width in zip(names, line, widths, strict=True)
        ]
        for line in lines
    ]
    return "\n".join("  ".join(cells).rstrip() for cells in shown)
