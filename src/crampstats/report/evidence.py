"""What comes from print, page by page: evidence, claims, the numbers of the simulated population, sources."""

from __future__ import annotations

import html
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from crampstats import reference
from crampstats.population import Population, population_targets
from crampstats.report.listings import (
    SOURCE,
    STATUS,
    Column,
    is_missing,
    listing,
    number_column,
    number_text,
    range_column,
    range_text,
    records,
    sentences,
    text_column,
    works,
)
from crampstats.report.pages import Page, template_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from crampstats.report.listings import Row

STATUSES = (
    "<p><em>Published</em>: the number stands in the source, at the place given. <em>Derived</em>: computed from what stands "
    "there, as told. <em>Assumed</em>: nobody's measurement, with the reason why this number was taken.</p>"
)


@cache
def evidence_pages() -> tuple[Page, ...]:
    """Return the pages of evidence, claims, parameters and sources, which depend on the package alone."""
    made = (_evidence(), _claims(), _parameters(), _sources())
    return tuple(Page(name, title, body, script=template_text("table.js")) for name, title, body in made)


def _in_weeks(weeks: Any) -> str:
    """Return the time over which something was counted."""
    if is_missing(weeks):
        return ""
    if weeks < 1:
        days = round(7 * weeks)
        return "in a night" if days == 1 else f"in {days} nights"
    return "in a week" if weeks == 1 else f"in {number_text(weeks)} weeks"


def _printed_limit(row: Row) -> str:
    return sentences(f"{row['sign']} {number_text(row['value'])} {row['unit']}")


def _people_of_trial(row: Row) -> str:
    weeks = "" if is_missing(row["weeks"]) else f"{number_text(row['weeks'])} weeks"
    return sentences(row["population"], row["people"], row["design"], row["dose"], weeks)


def _outcome_of_trial(row: Row) -> str:
    counted = "" if row["unit"] == "1" else f"{row['unit']} {_in_weeks(row['window_weeks'])}".strip()
    return sentences(row["outcome"], row.get("summary"), counted, row["kind"], f"{row['better']} is better")


def _arm(which: str) -> Column:
    """Return the column of what is printed of one arm of a trial."""

    def shown(row: Row) -> str:
        mean, deviation = (number_text(row[f"{key}_{which}"]) for key in ("mean", "sd"))
        parts = {
            "n": number_text(row[f"n_{which}"]),
            "mean": f"{mean} (SD {deviation})" if mean and deviation else mean,
            "events": number_text(row[f"events_{which}"]),
            "at the beginning": number_text(row[f"baseline_{which}"]),
        }
        return sentences(*(f"{name} {text}" for name, text in parts.items() if text))

    return Column(which, shown, lambda row: row[f"n_{which}"])


def _effect(row: Row) -> str:
    """Return an effect as printed, with its scale, interval and p."""
    limits = range_text(row["low"], row["high"])
    value = number_text(row["value"]) + (f" ({limits})" if limits else "")
    p = row.get("p")
    return sentences(row.get("scale"), value, None if is_missing(p) else f"p = {number_text(p)}")


_COMPARED = Column("compared", lambda row: sentences(f"{row['treatment']} with {row['comparison']}"))
_OUTCOME = Column("outcome", _outcome_of_trial)
_EFFECT = Column("effect, as printed", _effect, lambda row: row["value"])
_OF_PRINT = (SOURCE, STATUS, text_column("note"))
_PER_CENT = number_column("value", "%", times=100)
_RANGE = range_column("low", "high", "range, %", times=100)

CUTOFFS = (
    text_column("name", "who uses it"),
    Column("low is", _printed_limit, lambda row: row["mmol_l"]),
    Column("mmol/L", lambda row: f"{row['mmol_l']:.4f}", lambda row: row["mmol_l"]),
    text_column("people"),
    text_column("meaning"),
    *_OF_PRINT,
)
MAGNESIUM = (
    text_column("study"),
    text_column("population", "people"),
    number_column("n"),
    number_column("cutoff_mmol_l", "cut-off, mmol/L"),
    _PER_CENT,
    _RANGE,
    *_OF_PRINT,
)
CRAMPS = (
    text_column("study"),
    text_column("population", "people"),
    number_column("n"),
    text_column("outcome"),
    text_column("window"),
    _PER_CENT,
    _RANGE,
    *_OF_PRINT,
)
TRIALS = (
    text_column("study"),
    _COMPARED,
    Column("people and design", _people_of_trial),
    number_column("n"),
    _OUTCOME,
    _arm("treated"),
    _arm("control"),
    _EFFECT,
    text_column("doubt"),
    *_OF_PRINT,
)
REVIEWS = (
    text_column("review"),
    _COMPARED,
    text_column("population", "people"),
    _OUTCOME,
    text_column("measure"),
    number_column("trials"),
    number_column("n"),
    _EFFECT,
    number_column("control", "controls had"),
    text_column("certainty"),
    *_OF_PRINT,
)
VARIATION = (
    text_column("what"),
    number_column("value", "CV, %", times=100),
    _RANGE,
    *_OF_PRINT,
)


def _asked(row: Row) -> str:
    """Return what is computed in the simulated people."""
    parts = {"": row["question"], "over ": row["exposure"], "among ": row["among"]}
    asked = "; ".join(f"{word}<code>{html.escape(text)}</code>" for word, text in parts.items() if text)
    level = "" if is_missing(row["level"]) else f" at {number_text(row['level'])}"
    return f"{html.escape(row['statistic'].replace('_', ' '))}{level} of {asked}"


TARGETS = (
    text_column("name", "figure"),
    Column("what is computed", _asked),
    number_column("value"),
    range_column("low", "high", "range"),
    text_column("unit"),
    text_column("standing", choice=True),
    *_OF_PRINT,
)


@dataclass(frozen=True)
class _Part:
    """A part of the page of evidence."""

    name: str
    heading: str
    text: str
    caption: str
    columns: tuple[Column, ...]
    frame: Callable[[], Any]

    def as_html(self) -> str:
        """Return heading, text and table."""
        table = listing(self.name, self.caption, self.columns, records(self.frame()))
        return f'<h2 id="{self.name}-heading">{self.heading}</h2>\n<p>{html.escape(self.text)}</p>\n{table}'


PARTS = (
    _Part(
        "cut-offs",
        "Cut-offs",
        "Below what a level counts as low differs widely between users, and so do the people and the assays. A cut-off is no "
        "better for having more users. What users print is turned into mmol/L by arithmetic.",
        "Cut-offs of low serum magnesium, and who uses them",
        CUTOFFS,
        reference.cutoffs,
    ),
    _Part(
        "low-magnesium",
        "How common low serum magnesium is said to be",
        "The figures stand side by side and are not pooled: countries, people and assays differ.",
        "Published prevalences of low serum magnesium",
        MAGNESIUM,
        reference.magnesium_prevalences,
    ),
    _Part(
        "cramps",
        "How common cramps are said to be",
        "Each study asked its own question about its own span of time.",
        "Published prevalences of cramps",
        CRAMPS,
        reference.cramp_prevalences,
    ),
    _Part(
        "trials",
        "Trials",
        "Each row is one outcome of one trial, as printed: treated less control. The doubt says what in the printed figures "
        "does not fit, and who paid. What was not printed or not seen is empty.",
        "Trials of treatments against cramps",
        TRIALS,
        reference.trials,
    ),
    _Part(
        "reviews",
        "Reviews",
        "Pooled results as they are printed, with 95 % intervals.",
        "Reviews of treatments against cramps",
        REVIEWS,
        reference.trial_reviews,
    ),
    _Part(
        "variation",
        "Variation of one draw of blood",
        "One number is published, as an upper limit; the others are assumed, so that the totals are a range to try and no "
        "estimate.",
        "Coefficients of variation of serum magnesium about a person's usual level",
        VARIATION,
        reference.magnesium_variation,
    ),
    _Part(
        "targets",
        "Figures that the simulated population is compared with",
        "Solved: numbers of the population were solved for it. Checked: it is met without. Conflict: it is not met, and the "
        "note says why.",
        "Published figures as targets of the simulated population",
        TARGETS,
        population_targets,
    ),
)


def _evidence() -> tuple[str, str, str]:
    """Return the page of published figures."""
    contents = "".join(f'<li><a href="#{part.name}-heading">{part.heading}</a></li>' for part in PARTS)
    parts = "\n".join(part.as_html() for part in PARTS)
    return "evidence.html", "Evidence", f'<h1>Evidence</h1>\n{STATUSES}\n<ul class="contents">{contents}</ul>\n{parts}'


CLAIMS = (
    text_column("id"),
    text_column("kind", choice=True),
    text_column("claim"),
    text_column("evidence", "what studies say"),
    Column("sources", lambda row: works(row["sources"])),
    text_column("assumption", "what the simulated population assumes"),
    Column(
        "examined by",
        lambda row: (
            sentences(row["examined_by"])
            if row["examined_by"].startswith("not examined")
            else f"<code>{html.escape(row['examined_by'])}</code>"
        ),
    ),
    Column("variables", lambda row: f"<code>{html.escape(row['variables'])}</code>" if row["variables"] else ""),
)


def _claims() -> tuple[str, str, str]:
    """Return the page of the article's claims."""
    table = reference.claims()
    body = (
        f"<h1>Claims</h1>\n<p>{len(table)} claims of a German patient article on magnesium and muscle cramps, in other words, "
        "each beside what published studies say as far as they were read. That a claim is listed does not make it true. What "
        "the simulated population shows of an effect was put into it.</p>\n"
        f"{listing('claims', 'Claims, and what speaks for them', CLAIMS, records(table))}"
    )
    return "claims.html", "Claims", body


PARAMETERS = (
    Column("parameter", lambda row: f"<code>{html.escape(row['parameter'])}</code>"),
    number_column("value"),
    text_column("unit"),
    range_column("low", "high", "range"),
    STATUS,
    SOURCE,
    text_column("note", "reason or note"),
)


def _parameters() -> tuple[str, str, str]:
    """Return the page of the numbers of the simulated population, which says first how many are assumed."""
    table = Population().to_frame()
    count = table["status"].value_counts()
    share = 100 * count["assumed"] / len(table)
    body = (
        f"<h1>Parameters of the simulated population</h1>\n<p><strong>{count['assumed']} of {len(table)} numbers ({share:.0f} "
        f"%) are assumed</strong>: nobody has measured them. {count['derived']} are derived from published figures and "
        f"{count['published']} are published. The population is there to test methods and to plan studies, not to learn about "
        f"magnesium.</p>\n{STATUSES}\n{listing('parameters', 'Every number of the population', PARAMETERS, records(table))}"
    )
    return "parameters.html", "Parameters", body


def _doi(row: Row) -> str:
    if not row["doi"]:
        return ""
    shown = html.escape(row["doi"], quote=True)
    return f'<a href="https://doi.org/{shown}">{shown}</a>'


SOURCES = (text_column("key"), text_column("citation", "work"), Column("DOI", _doi))


def _sources() -> tuple[str, str, str]:
    """Return the bibliography."""
    rows = sorted(records(reference.sources()), key=lambda row: row["key"])
    body = (
        f"<h1>Sources</h1>\n<p>{len(rows)} works. Not all were read in full: where a figure was read in an abstract or a "
        'secondary source, its row in the <a href="evidence.html">evidence</a> says so.</p>\n'
        f"{listing('sources', 'Works cited', SOURCES, rows, anchor=lambda row: row['key'])}"
    )
    return "sources.html", "Sources", body
