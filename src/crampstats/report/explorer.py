"""The page on which readers step through the reported cut-offs of low serum magnesium."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from crampstats import datasets
from crampstats.cutoffs import cutoff_curve, unit_of
from crampstats.proportions import nchs_standards
from crampstats.report.listings import Column, listing, number_column, number_text, records, text_column
from crampstats.report.pages import Page, template_text
from crampstats.units import convert

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from crampstats.report.listings import Row
    from crampstats.survey import Survey

ALL = "all"
PEOPLE = {ALL: "adults", "female": "women", "male": "men"}
UNITS = {"mg_dl": "mg/dL", "mmol_l": "mmol/L", "meq_l": "mEq/L"}
DECIMALS = {"mg/dL": 1, "mmol/L": 2, "mEq/L": 2}
NOT_PRESENTED = {
    "suppress": "By the presentation standards of the US National Center for Health Statistics this share would not be "
    "published: {}.",
    "review": "By the presentation standards of the US National Center for Health Statistics this share would be published "
    "after review only: {}.",
    "present": "{}",
}


@dataclass(frozen=True)
class _Data:
    """A data set of the explorer.

    Attributes
    ----------
    key
        In the address of a view.
    name
        As readers see it.
    survey
        Of all adults whose level is known.
    column
        With the level.
    lowest, highest
        The cut-offs shown, both included. The first reported value stands for all below it.
    warning
        What the data are not.
    """

    key: str
    name: str
    survey: Callable[[], Survey]
    column: str
    lowest: float
    highest: float
    warning: str

    @property
    def unit(self) -> str:
        """Return the unit of the reported values."""
        unit = unit_of(self.column)
        assert unit is not None
        return unit


DATA = (
    _Data(
        "nhanes-2021",
        "NHANES 2021–2023",
        lambda: datasets.nhanes_magnesium().observed("magnesium_mg_dl"),
        "magnesium_mg_dl",
        datasets.serum.LOWEST_CELL,
        2.4,
        "a subset of the survey that is not nationally representative; adults of 18 and over, reported to 0.1 mg/dL. Intervals "
        "are of its sampling design.",
    ),
    _Data(
        "nhanes-1",
        "NHANES I, 1971–1975",
        lambda: datasets.nhanes1_magnesium().observed("magnesium_meq_l"),
        "magnesium_meq_l",
        datasets.serum.LOWEST_CELL_I,
        2.0,
        "adults of 25 to 74, reported to 0.01 mEq/L, from a file without weights and clusters. It is taken as a simple random "
        "sample, which it was not: shares are those of the file, and the intervals are too narrow for the country.",
    ),
)


def cutoff_table() -> pd.DataFrame:
    """Return the share of adults at most, and below, every reported cut-off, by data set, sex and age.

    Returns
    -------
    DataFrame
        ``data``, ``sex`` and ``age_group`` (``"all"`` for everybody), ``cutoff`` in the ``unit`` reported; ``mg_dl``,
        ``mmol_l``, ``meq_l``, the same by arithmetic; ``n``; ``at_most`` with ``conf_low`` and ``conf_high`` (95 %,
        Korn-Graubard); ``below``; ``presentation`` and ``reason`` as from `crampstats.nchs_standards`. Cut-offs are the
        values that anybody of a data set has, so that one step lies between two rows.

    Examples
    --------
    >>> table = cutoff_table()
    >>> chosen = table.query("data == 'nhanes-2021' and sex == 'all' and age_group == 'all' and cutoff == 1.7")
    >>> chosen[["n", "at_most", "conf_low", "conf_high", "below"]].round(3).values.tolist()
    [[3932.0, 0.099, 0.081, 0.118, 0.041]]
    """
    return pd.concat([part for data in DATA for part in _parts(data)], ignore_index=True)


def _parts(data: _Data) -> Iterator[pd.DataFrame]:
    """Return the table of each sex and age."""
    everybody = data.survey()
    values = everybody.data[data.column].dropna().unique()
    cutoffs = sorted(value for value in values if data.lowest <= value <= data.highest)
    in_units = {key: [convert(value, data.unit, unit) for value in cutoffs] for key, unit in UNITS.items()}
    for sex in PEOPLE:
        for age in (ALL, *everybody.data["age_group"].cat.categories):
            asked = {"sex": sex, "age_group": age}
            people = everybody
            for name, level in asked.items():
                people = people if level == ALL else people.where(f"{name} == '{level}'")
            curve = cutoff_curve(people, data.column, cutoffs)
            judged = nchs_standards(curve.at_most)
            yield pd.DataFrame(
                {"data": data.key, **asked, "cutoff": cutoffs, "unit": data.unit, **in_units, "n": judged["n"]}
            ).assign(
                at_most=curve.at_most.value,
                conf_low=judged["conf_low"],
                conf_high=judged["conf_high"],
                below=curve.below.value,
                presentation=judged["presentation"],
                reason=judged["reason"],
            )


def per_cent(share: float) -> str:
    """Return a share in per cent to one decimal."""
    return f"{100 * share:.1f}"


def level_text(value: float, unit: str) -> str:
    """Return a level with its unit, to the digits in which laboratories report it."""
    return f"{value:.{DECIMALS[unit]}f} {unit}"


def age_text(age: str) -> str:
    """Return an age group in words, nothing for all ages."""
    if age == ALL:
        return ""
    return f" of {age[:-1]} and over" if age.endswith("+") else f" of {age.replace('-', ' to ')}"


def _verdict(row: Row) -> str:
    """Say what the presentation standards say of a share, nothing if they allow it."""
    return NOT_PRESENTED[row["presentation"]].format(row["reason"]) if row["reason"] else ""


TABLE = (
    text_column("name", "data", choice=True),
    text_column("sex", choice=True),
    text_column("age_group", "age", choice=True),
    Column("at most", lambda row: html.escape(level_text(row["cutoff"], row["unit"])), lambda row: row["mmol_l"]),
    Column("mg/dL", lambda row: f"{row['mg_dl']:.3f}", lambda row: row["mg_dl"]),
    Column("mmol/L", lambda row: f"{row['mmol_l']:.4f}", lambda row: row["mmol_l"]),
    Column("mEq/L", lambda row: f"{row['meq_l']:.3f}", lambda row: row["meq_l"]),
    number_column("n"),
    Column("% at most", lambda row: per_cent(row["at_most"]), lambda row: row["at_most"]),
    Column(
        "95 % interval",
        lambda row: f"{per_cent(row['conf_low'])} to {per_cent(row['conf_high'])}",
        lambda row: row["conf_low"],
    ),
    Column("% below", lambda row: per_cent(row["below"]), lambda row: row["below"]),
    Column(
        "not to be published (NCHS)",
        lambda row: "" if row["presentation"] == "present" else html.escape(f"{row['presentation']}: {row['reason']}"),
    ),
)


@cache
def explorer_page() -> Page:
    """Return the page of cut-offs, which depends on the packaged data alone."""
    table = cutoff_table()
    names = {data.key: data.name for data in DATA}
    rows = records(table.assign(name=table["data"].map(names)))
    warnings = "\n".join(
        f"<li><strong>{html.escape(data.name)}</strong>: {html.escape(data.warning)}</li>" for data in DATA
    )
    body = (
        "<h1>How much hangs on the cut-off</h1>\n<p>Laboratories report magnesium in steps, and a share with low serum "
        "magnesium moves in the same steps. Choose data, sex and age, and step through the values that were reported. All "
        "shares and intervals (95 %, Korn-Graubard) were computed beforehand from the survey data.</p>\n"
        f'<ul class="warnings">\n{warnings}\n</ul>\n{_controls()}\n'
        "<details><summary>All of it as a table</summary>\n"
        f"{listing('cut-off-table', 'Share of adults at most, and below, each reported cut-off', TABLE, rows)}\n</details>\n"
        f'<script type="application/json" id="cut-off-data">{as_json(explorer_data(table))}</script>'
    )
    script = template_text("table.js") + template_text("explorer.js")
    return Page("cut-offs.html", "Cut-offs", body, script=script)


def _controls() -> str:
    """Return what a reader chooses with and what is then shown, hidden until JavaScript makes it work."""
    selects = "\n".join(
        f'<label>{label} <select id="explore-{name}"></select></label>'
        for name, label in (("data", "Data"), ("sex", "Sex"), ("age", "Age"))
    )
    return (
        '<section id="explorer" aria-label="Explorer of cut-offs" hidden>\n'
        f'<div class="controls">\n{selects}\n</div>\n<div class="controls">\n'
        '<button type="button" id="explore-previous">One step lower</button>\n'
        '<button type="button" id="explore-next">One step higher</button>\n'
        '<label class="range">Cut-off <input type="range" id="explore-step" min="0" step="1"></label>\n</div>\n'
        '<output id="explore-told" aria-live="polite"></output>\n'
        '<svg id="explore-picture" role="img" aria-labelledby="explore-title"><title id="explore-title"></title></svg>\n'
        '<p class="caption">Share of people at most each cut-off, with the shade of its 95 % interval; the point is the cut-off '
        "chosen. The lower row of the scale is in mmol/L. The address of this page holds the choice, so that a view can be "
        "linked to.</p>\n</section>"
    )


def explorer_data(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return what the page draws and says: every number is a text, rounded here, so that JavaScript computes none.

    Parameters
    ----------
    table
        As from `cutoff_table`.
    """
    return [
        {
            "key": data.key,
            "name": data.name,
            "unit": data.unit,
            "cutoffs": [[f"{row.cutoff:.{DECIMALS[data.unit]}f}", f"{row.mmol_l:.2f}"] for row in steps.itertuples()],
            "groups": _groups(table[table["data"] == data.key]),
        }
        for data in DATA
        for steps in [table[(table["data"] == data.key) & (table["sex"] == ALL) & (table["age_group"] == ALL)]]
    ]


def _groups(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return each sex and age: who they are, and per cut-off the share, its limits, the share below and the verdict."""
    return [
        {
            "sex": sex,
            "age": age,
            "people": f"{number_text(rows['n'].iloc[0])} {PEOPLE[str(sex)]}{age_text(str(age))}",
            "steps": [
                [*(per_cent(row[key]) for key in ("at_most", "conf_low", "conf_high", "below")), _verdict(row)]
                for row in records(rows)
            ],
        }
        for (sex, age), rows in table.groupby(["sex", "age_group"], sort=False)
    ]


def as_json(data: Any) -> str:
    """Return data as JSON that can stand within a script element."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
