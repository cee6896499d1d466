"""A file of one's own or a packaged data set as a survey, read as the options say."""

from __future__ import annotations

import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from crampstats import datasets
from crampstats.cli.arguments import PACKAGED
from crampstats.cli.wording import in_options, printable
from crampstats.datasets.own import StudyWarning
from crampstats.errors import CrampstatsError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from crampstats.survey import Survey

KEPT = "not a column of the study, kept as"
_PLAIN = (
    *("weight", "stratum", "cluster", "cluster_labels", "population_size", "lonely"),
    *("censored", "other_unit", "decimal", "encoding", "sheet"),
)


def split_pair(text: str, option: str, example: str) -> tuple[str, str]:
    """Return both sides of the last ``=`` of what was typed.

    Parameters
    ----------
    text
        As typed.
    option
        For which.
    example
        Of what is right.

    Raises
    ------
    CrampstatsError
        If there is none, or nothing before it.
    """
    before, sign, after = text.rpartition("=")
    if not sign or not before:
        raise CrampstatsError(f"{option} {text!r} has to be as in {example}.")
    return before, after


def study_arguments(chosen: argparse.Namespace) -> dict[str, Any]:
    """Return what was typed as the arguments of `crampstats.datasets.read_study`; what was not typed is left out.

    Parameters
    ----------
    chosen
        With the options of design and reading.

    Raises
    ------
    CrampstatsError
        If a pair is none.
    """
    arguments = {name: getattr(chosen, name) for name in _PLAIN if getattr(chosen, name) is not None}
    if chosen.delimiter is not None:
        arguments["delimiter"] = "\t" if chosen.delimiter == "tab" else chosen.delimiter
    if chosen.missing:
        arguments["missing"] = chosen.missing
    if chosen.column:
        arguments["columns"] = dict(split_pair(text, "--column", "'Mg (AU5800)=magnesium'") for text in chosen.column)
    if chosen.unit:
        arguments["units"] = dict(split_pair(text, "--unit", "magnesium=mg/dL") for text in chosen.unit)
    if chosen.codes:
        arguments["codes"] = {column: _codes(column, pairs) for column, *pairs in chosen.codes}
    return arguments


def _codes(column: str, pairs: Sequence[str]) -> dict[str, Any]:
    """Return what the codes of a column stand for."""
    if not pairs:
        raise CrampstatsError(f"--codes {column} says no code: as in --codes sex 1=male 2=female.")
    split = (split_pair(text, f"--codes {column}", "--codes sex 1=male 2=female") for text in pairs)
    return {code: _meaning(text) for code, text in split}


def _meaning(text: str) -> str | float | None:
    """Return what a code stands for: nothing, a number, or a word."""
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        return text


def read_survey(chosen: argparse.Namespace) -> Survey:
    """Return the survey that a question is about; what was done to a file is told on the error stream.

    Parameters
    ----------
    chosen
        With `file`, `on_fault` and the options of design and reading.

    Raises
    ------
    CrampstatsError
        As `crampstats.datasets.read_study`, or if an option is given that a packaged data set does not take.
    """
    arguments = study_arguments(chosen)
    if chosen.file in PACKAGED:
        if arguments or chosen.on_fault != "raise":
            given = ", ".join(f"--{name.replace('_', '-').removesuffix('s')}" for name in arguments) or "--on-fault"
            raise CrampstatsError(f"{chosen.file} is a packaged data set with its own design: leave out {given}.")
        return getattr(datasets, chosen.file)()
    with told_in_short(chosen.file):
        return datasets.read_study(chosen.file, **arguments, on_fault=chosen.on_fault)


@contextmanager
def told_in_short(file: str) -> Iterator[None]:
    """Tell on the error stream what a reader of files warns of.

    Parameters
    ----------
    file
        As it was typed.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("always", category=StudyWarning)
        shown = warnings.showwarning

        def show(message: Warning | str, *others: Any, **named: Any) -> None:
            if isinstance(message, StudyWarning):
                print("\n".join(_in_short(message, file)), file=sys.stderr)
            else:
                shown(message, *others, **named)

        warnings.showwarning = show
        yield


def _in_short(warning: StudyWarning, file: str) -> list[str]:
    """Return the lines of a warning, headers that are not known in one."""
    lines = []
    if warning.dropped:
        lines.append(f"{printable(file)}: {len(warning.dropped)} of {warning.rows} rows are left out for faults:")
        lines += [f"  - {in_options(str(fault))}" for fault in warning.faults]
    others = [fault for fault in warning.told if not fault.problem.startswith(KEPT)]
    if others:
        lines += [f"{printable(file)}, to be known:", *(f"  - {in_options(str(fault))}" for fault in others)]
    kept = [fault for fault in warning.told if fault.problem.startswith(KEPT)]
    if kept:
        names = ", ".join(fault.problem.removeprefix(KEPT).strip().strip("'") for fault in kept)
        lines.append(f"{printable(file)}: columns that are not of the study and are kept as they stand: {names}.")
    return lines
