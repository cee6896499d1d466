"""Listings and the pages of evidence: every row and number of the tables is there, escaped, and links lead somewhere."""

import html
import re
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from urllib.parse import unquote

import pandas as pd
import pytest

import crampstats as cs
from crampstats import reference
from crampstats.population import population_targets
from crampstats.report import listings
from crampstats.report.evidence import evidence_pages
from crampstats.report.listings import Column, listing, number_column, number_text, range_column, text_column


class Tables(HTMLParser):
    """The tables of a page by their names: for each row its cells, as (text, attributes)."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[tuple[str, dict[str, str]]]]] = {}
        self.links: list[str] = []
        self.places: set[str] = set()
        self.name, self.inside = "", False
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        if "id" in known:
            assert known["id"] not in self.places
            self.places.add(known["id"])
        if tag == "a":
            self.links.append(known["href"])
        if tag == "table":
            self.name = known["id"]
            self.tables[self.name] = []
        if tag == "tr":
            self.tables[self.name].append([])
        if tag in ("td", "th"):
            self.tables[self.name][-1].append(("", known))
            self.inside = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            text, known = self.tables[self.name][-1][-1]
            self.tables[self.name][-1][-1] = (text + data, known)


EVIDENCE: dict[str, Callable[[], pd.DataFrame]] = {
    "cut-offs": reference.cutoffs,
    "low-magnesium": reference.magnesium_prevalences,
    "cramps": reference.cramp_prevalences,
    "trials": reference.trials,
    "reviews": reference.trial_reviews,
    "variation": reference.magnesium_variation,
    "targets": population_targets,
}
FRAMES = {
    **{("evidence.html", name): frame for name, frame in EVIDENCE.items()},
    ("claims.html", "claims"): reference.claims,
    ("parameters.html", "parameters"): lambda: cs.Population().to_frame(),
    ("sources.html", "sources"): lambda: reference.sources().sort_values("key"),
}


@cache
def pages() -> dict[str, Tables]:
    return {page.name: Tables(page.body) for page in evidence_pages()}


# Numbers that are shown as per cent, and texts that are shown in other words or as part of a sentence.
PER_CENT = {("low-magnesium", "value"), ("cramps", "value"), ("variation", "value")}
PER_CENT |= {(name, limit) for name, _ in PER_CENT for limit in ("low", "high")}
IN_WORDS = {"window_weeks", "statistic", "mmol_l"}


@pytest.mark.parametrize(("page", "name"), FRAMES)
def test_every_row_shows_every_cell_of_its_record(page: str, name: str) -> None:
    frame = FRAMES[page, name]()
    shown = [" | ".join(text for text, _ in row) for row in pages()[page].tables[name][1:]]
    assert len(shown) == len(frame)
    for text, record in zip(shown, frame.to_dict("records"), strict=True):
        for key, value in record.items():
            if key in IN_WORDS or pd.isna(value) or value == "" or (key == "unit" and value == "1"):
                continue
            for word in value.split() if key in ("sources", "variables") else [value]:
                times = 100 if (name, key) in PER_CENT else 1
                wanted = str(word) if isinstance(word, str) or key == "year" else number_text(word * times)
                assert wanted in text, (key, value)


def test_all_evidence_is_on_its_page() -> None:
    assert set(pages()["evidence.html"].tables) == set(EVIDENCE)


def test_links_of_the_pages_lead_to_rows_of_the_bibliography() -> None:
    targets = {link for page in pages().values() for link in page.links if link.startswith("sources.html#")}
    assert len(targets) > 50
    assert {unquote(link.split("#")[1]) for link in targets} <= pages()["sources.html"].places
    within = [link[1:] for page in pages().values() for link in page.links if link.startswith("#")]
    assert set(within) <= pages()["evidence.html"].places
    assert len(within) == len(EVIDENCE)


def test_every_source_can_be_linked_to_and_leads_to_its_doi() -> None:
    table = reference.sources()
    assert set(table["key"]) <= pages()["sources.html"].places
    dois = [f"https://doi.org/{doi}" for doi in table["doi"] if doi]
    assert sorted(link for link in pages()["sources.html"].links if "doi.org" in link) == sorted(dois)


def test_the_parameters_say_first_how_many_are_assumed() -> None:
    body = next(page.body for page in evidence_pages() if page.name == "parameters.html")
    status = cs.Population().to_frame()["status"]
    first = re.search(r"<p>(.*?)</p>", body, re.DOTALL)[1]
    assert f"{(status == 'assumed').sum()} of {len(status)} numbers (89 %) are assumed" in first


def test_a_trial_is_told_as_printed() -> None:
    rows = pages()["evidence.html"].tables["trials"]
    heads = [text for text, _ in rows[0]]
    first = dict(zip(heads, [text for text, _ in rows[1]], strict=True))
    assert first["compared"] == "magnesium with placebo"
    assert first["treated"] == "n 48; mean −3.41 (SD 4.05); at the beginning 7.84"
    assert first["effect, as printed"] == "difference; −0.38; p = 0.67"
    assert first["doubt"].startswith("the printed 0.48 is no standard error")
    assert "cramps in a week; benefit; fewer is better" in first["outcome"]


def test_hostile_texts_are_shown_and_do_nothing() -> None:
    bad = '<img src=x onerror="alert(1)">&amp;'
    columns = (text_column("a", bad, choice=True), Column("b", lambda row: listings.works(row["a"])))
    made = listing("t", bad, columns, [{"a": bad}], anchor=lambda row: row["a"])
    assert "<img" not in made
    assert f"<option>{html.escape(bad)}</option>" in made
    assert Tables(made).tables["t"][1][0][0] == bad
    assert Tables(made).tables["t"][1][0][1]["data-label"] == bad
    assert bad in Tables(made).places


def test_numbers_are_sorted_as_numbers_and_what_is_missing_has_none() -> None:
    rows = [
        {"x": -0.5, "low": None, "high": 2.0},
        {"x": float("nan"), "low": 1.0, "high": pd.NA},
        {"x": 12345.0, "low": 1, "high": 2},
    ]
    made = Tables(listing("t", "c", (number_column("x", times=10), range_column("low", "high", "r")), rows)).tables["t"]
    assert [[text for text, _ in row] for row in made[1:]] == [["−5", "up to 2"], ["", "from 1"], ["123,450", "1 to 2"]]
    assert [[known.get("data-number") for _, known in row] for row in made[1:]] == [
        ["-5", "2"],
        [None, "1"],
        ["123450", "1"],
    ]
    assert [known["data-kind"] for _, known in made[0]] == ["number", "number"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1 + 0.2, "0.3"), (-1.25, "−1.25"), (3932, "3,932"), (999.5, "999.5"), (None, ""), (pd.NA, ""), (1e-7, "1e−07")],
)
def test_numbers_are_written_for_readers(value: object, text: str) -> None:
    assert number_text(value) == text


def test_choices_are_the_texts_that_occur_in_order() -> None:
    made = listing("t", "c", (text_column("s", "status", choice=True),), [{"s": text} for text in ("b", "a", "b", "")])
    assert re.findall(r"<option.*?>(.*?)</option>", made) == ["all", "b", "a"]
    assert "4 of 4 rows" in made
