"""What can be typed, and the help."""

from __future__ import annotations

import argparse
from pathlib import Path

import crampstats

TASKS = {
    "check": "say what was understood of a file of your own, and every fault, by line and column",
    "prevalence": "estimate how common something is, in a file of your own or a packaged data set",
    "simulate": "write people whose truth is known to a file; none of them exists",
    "reproduce": "run the notebooks into build/ and compare with what is committed",
    "accept": "make the results of the last reproduce the committed ones",
}
PACKAGED = ("nhanes_cramps", "nhanes_magnesium", "nhanes1_magnesium")
# The choices of the functions that the tasks call, which are loaded later; a test compares.
CLUSTER_LABELS = ("unique", "nested")
LONELY = ("fail", "adjust", "certainty", "average")
CENSORED = ("raise", "missing", "limit", "half_limit")
OTHER_UNIT = ("raise", "keep")
ON_FAULT = ("raise", "drop")
DECIMAL = (".", ",")
DELIMITERS = (",", ";", "tab", "|")
INTERVALS = (
    *("korn_graubard", "beta", "logit", "wilson", "arcsine", "likelihood", "wald"),
    *("clopper_pearson", "mid_p", "jeffreys", "agresti_coull"),
)

EXIT_CODES = """\
exit codes:
  0    all is well
  1    the data have faults; results differ or a notebook failed
  2    the command could not be carried out: no file, an unknown option, nothing to ask
  130  stopped by Ctrl-C
"""
FIRST_STEPS = """\
first steps:
  crampstats prevalence nhanes_cramps "cramp_class >= 3" --observed cramp_class --by sex
  crampstats check study.csv --weight weight --stratum region --cluster village
  crampstats prevalence study.csv "magnesium_mmol_l < 0.75" --observed magnesium_mmol_l \\
      --weight weight --stratum region --cluster village
  crampstats TASK --help

"""
CHECK = """\
examples:
  crampstats check study.csv
  crampstats check clinic.csv --weight Gewichtung --stratum Region --cluster Ort-Nr.
  crampstats check clinic.csv --output report.html
  crampstats check study.csv --format csv > findings.csv     # a row each value
  crampstats check study.csv --column "Mg (AU5800)=magnesium" --unit "magnesium=mg/dL" \\
      --codes sex 1=male 2=female

Headers are known in German and English. Rows are numbered as the lines of the file.
Exit code 1 if anything is wrong with the file, or if the design that you name gives no estimates.

"""
PREVALENCE = """\
data sets that can stand for FILE (the design is theirs):
  nhanes_cramps      leg cramps of US adults 2005-2008: sex, age_group, cramp_class (in the past month:
                     0 never, 1 once, 2 two to four times, 3 five to fifteen times, 4 more often)
  nhanes_magnesium   serum magnesium 2021-2023, a subset that is not nationally representative: sex, age_group,
                     magnesium_mg_dl
  nhanes1_magnesium  serum magnesium 1971-1975: sex, age_group, magnesium_meq_l

examples:
  crampstats prevalence nhanes_cramps "cramp_class >= 3" --observed cramp_class --by sex age_group
  crampstats prevalence study.csv "magnesium_mmol_l < 0.75" --observed magnesium_mmol_l --by sex \\
      --weight weight --stratum region --cluster village --output low.csv
  crampstats prevalence study.csv "cramps_per_week >= 1" --observed cramps_per_week \\
      --group age_years 20 40 60 --by age_group --where "sex == 'female'"

A question is read and checked, never run as code: == != < <= > >= and or not in + - * / ( ), texts in quotes.
People left out by --where and --observed stay in the design. Shares are associations, not effects.

"""
SIMULATE = """\
examples:
  crampstats simulate --n 20000 --seed 1 --output people.parquet
  crampstats simulate --n 20000 --seed 1 --do diuretic=none ppi=0 --output without.parquet
  crampstats simulate --n 500 --seed 1 --columns age_years sex magnesium_mmol_l --output small.csv

The same seed makes the same people, however many. Columns that begin with true_ are known only of simulated
people. Most numbers of the model are assumed: it is there to test methods and to plan studies.

"""


def parser() -> argparse.ArgumentParser:
    """Return the reader of the command line."""
    named = [f"  {name:<{max(map(len, TASKS))}}  {text}" for name, text in TASKS.items()]
    reader = argparse.ArgumentParser(
        prog="crampstats",
        usage="crampstats [-h] [--version] TASK ...",
        description="\n".join([(crampstats.__doc__ or "").splitlines()[0], "", "tasks:", *named]),
        epilog=FIRST_STEPS + EXIT_CODES,
        formatter_class=_formatter,
    )
    reader.add_argument("--version", action="version", version=f"crampstats {crampstats.__version__}")
    tasks = reader.add_subparsers(prog="crampstats", dest="task", required=True, metavar="TASK", help=argparse.SUPPRESS)
    _check(_task(tasks, "check", "FILE [options]", CHECK))
    _prevalence(_task(tasks, "prevalence", 'FILE "QUESTION" [options]', PREVALENCE))
    _simulate(_task(tasks, "simulate", "--n PEOPLE --seed SEED --output PATH [options]", SIMULATE))
    for name in ("reproduce", "accept"):
        task = _task(tasks, name, "[--project FOLDER]", "")
        task.add_argument(
            "--project", type=Path, default=Path(), metavar="FOLDER", help="the checkout (default: this folder)"
        )
    return reader


def _formatter(prog: str) -> argparse.RawDescriptionHelpFormatter:
    """Leave examples as they stand, and set help beside the options."""
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=28)


def _task(tasks: argparse._SubParsersAction, name: str, usage: str, epilog: str) -> argparse.ArgumentParser:
    """Add a task."""
    task: argparse.ArgumentParser = tasks.add_parser(
        name,
        usage=f"crampstats {name} {usage}",
        description=f"{TASKS[name][0].upper()}{TASKS[name][1:]}.",
        epilog=epilog + EXIT_CODES,
        formatter_class=_formatter,
        allow_abbrev=False,
    )
    return task


def _check(task: argparse.ArgumentParser) -> None:
    """Add the options of `check`."""
    task.add_argument("file", metavar="FILE", help="ends in .csv, .tsv, .txt, .xlsx, .parquet, .xpt, .sav or .dta")
    _output(task, ("text", "json", "csv", "html"), ".txt, .json, .csv or .html", required=False)
    _design(task)
    _reading(task)


def _prevalence(task: argparse.ArgumentParser) -> None:
    """Add the options of `prevalence`."""
    task.add_argument("file", metavar="FILE", help="as in crampstats check, or the name of a packaged data set")
    task.add_argument("question", metavar="QUESTION", help='a yes/no question, such as "magnesium_mmol_l < 0.75"')
    asked = task.add_argument_group("what is asked")
    asked.add_argument("--by", nargs="+", default=[], metavar="COLUMN", help="an estimate for each combination")
    asked.add_argument("--where", metavar="QUESTION", help="ask only about those for whom the answer is yes")
    asked.add_argument(
        "--observed", nargs="+", default=[], metavar="COLUMN", help="ask only about those whose value is known"
    )
    asked.add_argument(
        "--group",
        nargs="+",
        action="append",
        default=[],
        metavar=("[NAME=]COLUMN", "EDGE"),
        help="cut a number into groups that begin at these whole numbers: age_years 20 40 60 makes age_group",
    )
    asked.add_argument("--level", type=float, default=0.95, help="confidence (default: 0.95)")
    asked.add_argument(
        "--interval-method",
        choices=INTERVALS,
        default="korn_graubard",
        metavar="METHOD",
        help=f"korn_graubard (default), {', '.join(INTERVALS[1:7])}; in a simple random sample also "
        f"{', '.join(INTERVALS[7:])}",
    )
    _output(task, ("text", "json", "csv"), ".csv, .json, .jsonl or .parquet", required=False)
    _design(task)
    reading = _reading(task)
    reading.add_argument(
        "--on-fault", choices=ON_FAULT, default="raise", help="drop leaves out the rows with a fault (default: raise)"
    )


def _simulate(task: argparse.ArgumentParser) -> None:
    """Add the options of `simulate`."""
    task.add_argument("--n", type=int, required=True, metavar="PEOPLE", help="how many")
    task.add_argument("--seed", type=int, required=True, help="a whole number; the same seed makes the same people")
    task.add_argument(
        "--do",
        nargs="+",
        default=[],
        metavar="VARIABLE=VALUE",
        help="force variables for everybody; nothing changes that does not follow from them",
    )
    task.add_argument("--columns", nargs="+", metavar="COLUMN", help="only these (default: all)")
    task.add_argument("--without-truth", action="store_true", help="leave out what an analyst would not know")
    task.add_argument(
        "--parameters", metavar="FILE.toml", help="other numbers, a table each with value, unit, status and source"
    )
    _output(task, (), ".csv, .jsonl, .json or .parquet", required=True)


def _output(task: argparse.ArgumentParser, formats: tuple[str, ...], endings: str, *, required: bool) -> None:
    """Add where a result goes."""
    group = task.add_argument_group("output")
    if formats:
        group.add_argument("--format", choices=formats, help="default: text, or what the ending of --output says")
    group.add_argument(
        "--output",
        type=Path,
        required=required,
        metavar="PATH",
        help=f"a file, written whole or not at all; ends in {endings}",
    )
    group.add_argument("--force", action="store_true", help="write over a file that is there")


def _design(task: argparse.ArgumentParser) -> None:
    """Add the options that say how people were chosen."""
    group = task.add_argument_group("design", "how people were chosen; without these, a simple random sample")
    group.add_argument("--weight", metavar="COLUMN", help="people that a person stands for")
    group.add_argument("--stratum", metavar="COLUMN")
    group.add_argument("--cluster", metavar="COLUMN", help="primary sampling unit")
    group.add_argument(
        "--cluster-labels", choices=CLUSTER_LABELS, help="nested: labels start again in each stratum (default: unique)"
    )
    group.add_argument(
        "--population-size",
        metavar="COLUMN",
        help="clusters (without --cluster: people) in the population of the stratum, for the finite-population correction",
    )
    group.add_argument("--lonely", choices=LONELY, help="what to do with a stratum of one cluster (default: fail)")


def _reading(task: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the options that say how a file is to be read, and return their group."""
    group = task.add_argument_group("reading", "what the file itself does not say")
    group.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="HEADER=NAME",
        help="the column of the study that a header means, or a name of your own; may be repeated",
    )
    group.add_argument(
        "--unit", action="append", default=[], metavar="COLUMN=UNIT", help="such as magnesium=mg/dL; may be repeated"
    )
    group.add_argument(
        "--codes",
        nargs="+",
        action="append",
        default=[],
        metavar=("COLUMN", "CODE=MEANING"),
        help="such as sex 1=male 2=female; nothing after = is missing; may be repeated",
    )
    group.add_argument("--missing", nargs="+", default=[], metavar="TEXT", help="what stands for a missing value")
    group.add_argument("--censored", choices=CENSORED, help="values such as < 0,10 (default: raise, a fault)")
    group.add_argument(
        "--other-unit", choices=OTHER_UNIT, help="values that fit another unit (default: raise, a fault)"
    )
    group.add_argument("--decimal", choices=DECIMAL, help="where it cannot be found out")
    group.add_argument("--delimiter", choices=DELIMITERS, help="where it cannot be found out")
    group.add_argument("--encoding", help="such as cp1252, where it cannot be found out")
    group.add_argument("--sheet", help="of a workbook that holds several")
    return group
