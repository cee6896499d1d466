"""The task `prevalence`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import crampstats as cs
from crampstats.cli.arguments import PACKAGED
from crampstats.cli.reading import read_survey
from crampstats.cli.results import chosen_format, hand_over
from crampstats.cli.wording import printable, text_table
from crampstats.errors import CrampstatsError
from crampstats.tables.formats import check_ending, content

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from crampstats.estimates import Estimate
    from crampstats.survey import Survey

ENDINGS = {".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".parquet": "parquet"}


def run(chosen: argparse.Namespace) -> int:
    """Estimate a prevalence and show it or write it to a file.

    Parameters
    ----------
    chosen
        With the options of `prevalence`.

    Raises
    ------
    CrampstatsError
        If anything about it cannot be done; nothing is written then.
    """
    kind = chosen_format(chosen, ENDINGS)
    if kind != "text":
        check_ending(f".{kind}")
    survey = _asked(read_survey(chosen), chosen)
    estimate = cs.prevalence(survey, chosen.question, by=chosen.by, interval_method=chosen.interval_method)
    if kind == "text":
        result = _text(survey, estimate, chosen).encode()
    else:
        result = content(estimate.to_frame(level=chosen.level), f".{kind}")
    hand_over(result, chosen.output, "1 estimate." if len(estimate) == 1 else f"{len(estimate)} estimates.")
    return 0


def _asked(survey: Survey, chosen: argparse.Namespace) -> Survey:
    """Return the survey of those who are asked about."""
    for target, *edges in chosen.group:
        survey = _grouped(survey, target, edges)
    if chosen.observed:
        survey = survey.observed(*chosen.observed)
    return survey if chosen.where is None else survey.where(chosen.where)


def _grouped(survey: Survey, target: str, edges: Sequence[str]) -> Survey:
    """Return the survey with one more column of groups, which takes the place of none."""
    name, _, column = target.rpartition("=")
    name = name or f"{column.partition('_')[0]}_group"
    if name in survey.data.columns:
        raise CrampstatsError(f"--group {target}: there is a column {name!r} already: say --group NAME={column}.")
    try:
        numbers = [float(edge) for edge in edges]
    except ValueError:
        numbers = []
    if not numbers:
        raise CrampstatsError(
            f"--group {target} {' '.join(edges)}: say where groups begin, as in --group age_years 20 40 60."
        )
    return survey.group(column, numbers, name=name)


def _text(survey: Survey, estimate: Estimate, chosen: argparse.Namespace) -> str:
    """Return the table for a reader, with what it is of."""
    table = cs.tables.prevalence_table(estimate, level=chosen.level)
    names = [str(name) for name in table.columns if name != "term"]
    rows = [dict(zip(names, row, strict=True)) for row in table[names].itertuples(index=False)]
    shown = text_table(rows, right=["n", *(name for name in names if name.startswith("% ("))])
    lines = [printable(chosen.question), printable(repr(survey).removeprefix("<Survey ").removesuffix(">")), "", shown]
    lines += ["", f"Intervals by the method {chosen.interval_method}."]
    if survey.weight is None and chosen.file not in PACKAGED:
        lines.append("No --weight is named: everybody counts alike.")
    if survey.cluster is None and survey.stratum is None and chosen.file not in PACKAGED:
        lines.append("No --stratum or --cluster is named: people count as drawn one by one.")
    return "\n".join([*lines, ""])
