"""The reference: every public name is in it, explained, and what its texts name can be reached."""

import html
import inspect
import re
from collections import Counter
from html.parser import HTMLParser

import pytest

import crampstats as cs
from crampstats.report import api, docstrings
from crampstats.report.catalogue import NAMED, ROOMS, Catalogue, Entry, docstring

CATALOGUE = Catalogue()
PAGES = {page.name: page for page in api.reference_pages(CATALOGUE)}
ENTRIES = [entry for entries in CATALOGUE.entries.values() for entry in entries]
# In single backticks, and no name of the package: of another library, or of a row of a result.
NO_NAMES = {"MICEData", "tomllib", "sd_within"}


class Places(HTMLParser):
    """The places of a page, and the addresses that it leads to."""

    def __init__(self, body: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.feed(body)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.ids += [str(named["id"])] if "id" in named else []
        self.targets += [str(named["href"])] if tag == "a" else []


PLACES = {name: Places(page.body) for name, page in PAGES.items()}


def section(path: str) -> str:
    """Return what the page says of a name."""
    entry = next(entry for entry in ENTRIES if entry.path == path)
    return PAGES[entry.page].body.split(f'<section class="entry" id="{path}">')[1].split('<section class="entry"')[0]


def own_names(entry: Entry, thing: object) -> set[str]:
    """Return the parameters and attributes that a docstring may name without a link."""
    function = getattr(thing, "fget", None) or getattr(thing, "func", None) or thing
    return {*entry.attributes, *(inspect.signature(function).parameters if callable(function) else ())}


@pytest.mark.parametrize("name", [name for name in cs.__all__ if not inspect.ismodule(getattr(cs, name))])
def test_every_public_name_is_explained(name: str) -> None:
    shown = section(f"crampstats.{name}")
    assert re.search(r"<h2>.*</h2>", shown)[0] == f"<h2>{name}</h2>"
    assert '<p class="label">Parameters</p>' in shown or '<p class="label">Attributes</p>' in shown
    assert '<span class="gp">&gt;&gt;&gt; </span>' in shown
    first = " ".join(docstring(getattr(cs, name)).partition("\n\n")[0].split())
    index = PAGES["reference.html"].body.split(f'#crampstats.{name}"><code>cs.{name}</code></a></dt><dd>')[1]
    summary = html.unescape(re.sub("<[^>]*>", "", index.partition("</dd>")[0]))
    assert summary == re.sub("[`*]", "", first)


@pytest.mark.parametrize("room", [name for name in cs.__all__ if inspect.ismodule(getattr(cs, name))])
def test_every_public_room_has_a_page_with_its_names(room: str) -> None:
    module = getattr(cs, room)
    public = [name for name in getattr(module, "__all__", []) if callable(getattr(module, name))]
    assert set(public) <= {entry.name for entry in CATALOGUE.entries[room]}
    assert f"<h1>{room}</h1>" in PAGES[f"reference-{room}.html"].body


def test_rooms_hold_each_name_once() -> None:
    assert list(CATALOGUE.entries) == list(ROOMS)
    assert [path for path, count in Counter(entry.path for entry in ENTRIES).items() if count > 1] == []


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.path.removeprefix("crampstats."))
def test_every_public_method_says_what_it_does(entry: Entry) -> None:
    things = {entry.name: entry.thing, **entry.members}
    assert [name for name, thing in things.items() if not docstring(thing)] == []


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.path.removeprefix("crampstats."))
def test_every_name_in_a_docstring_is_one(entry: Entry) -> None:
    unknown = {
        name
        for thing in (entry.thing, *entry.members.values())
        for name in NAMED.findall(docstring(thing))
        if CATALOGUE.place(name, entry) is None and name not in own_names(entry, thing) | NO_NAMES
    }
    assert unknown == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda name: name.removesuffix(".html"))
def test_links_lead_to_places_that_are_there(page: str) -> None:
    places = PLACES[page]
    assert [name for name, count in Counter(places.ids).items() if count > 1] == []
    lost = []
    for target in places.targets:
        name, _, anchor = target.partition("#")
        if "://" not in target and anchor and anchor not in PLACES[name or page].ids:
            lost.append(target)
    assert lost == []
    assert {target.partition("#")[0] for target in places.targets if "://" not in target} - {""} <= set(PAGES)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("cs.prevalence", "reference-proportions.html#crampstats.prevalence"),
        ("crampstats.Survey.where", "reference-survey.html#crampstats.Survey.where"),
        ("Model.odds_ratios", "reference-regression.html#crampstats.Model.odds_ratios"),
        ("cs.figures.draw_forest", "reference-figures.html#crampstats.figures.draw_forest"),
        ("cs.figures", "reference-figures.html"),
        ("Estimate.nothing", None),
        ("cs.nothing", None),
        ("no name", None),
    ],
)
def test_names_lead_to_their_places(name: str, place: str | None) -> None:
    assert CATALOGUE.place(name) == place


def test_signatures_are_those_of_the_functions() -> None:
    lines = re.sub("<[^>]*>", "", section("crampstats.prevalence")).split("\n")
    assert lines[:3] == ["", "prevalence", 'cs.prevalence(survey, case, *, by=(), interval_method="korn_graubard")']


def test_names_that_share_a_line_are_each_a_place() -> None:
    assert {"crampstats.Model.family", "crampstats.Model.link"} <= set(PLACES["reference-regression.html"].ids)


def test_names_are_called_as_they_can_be_reached() -> None:
    index = PAGES["reference.html"].body
    assert "<code>cs.figures.draw_forest</code>" in index
    assert "<code>crampstats.regression.TermTest</code>" in index


def test_few_choices_are_written_out() -> None:
    robust = section("crampstats.doubly_robust")
    choices = robust.split('<dt id="crampstats.doubly_robust.estimand">')[1].partition("</dt>")[0]
    assert choices == "<var>estimand</var> <code>&quot;average&quot;, &quot;treated&quot;</code>"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("``a < b``", "<code>a &lt; b</code>"),
        (
            "`here`, `there` & `nowhere`",
            '<var>here</var>, <a href="x.html#y"><code>there</code></a> &amp; <code>nowhere</code>',
        ),
        ("*low* serum", "<em>low</em> serum"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        (
            "doi:10.1016/0304-4076(86)90002-3.",
            '<a href="https://doi.org/10.1016/0304-4076(86)90002-3">doi:10.1016/0304-4076(86)90002-3</a>.',
        ),
        ("(doi:10.1/a),", '(<a href="https://doi.org/10.1/a">doi:10.1/a</a>),'),
    ],
)
def test_pieces_of_docstrings(text: str, shown: str) -> None:
    assert docstrings.in_line(text, {"here": "", "there": "x.html#y"}.get) == shown


def test_blocks_of_docstrings() -> None:
    text = "Two\nlines.\n\n- one\n- two\n  lines\n\nSuch as::\n\n    x = 1\n\nEnd."
    shown = docstrings.in_blocks(text, lambda _: None)
    assert re.sub("<span[^>]*>|</span>", "", shown).splitlines() == [
        "<p>Two lines.</p>",
        "<ul><li>one</li><li>two lines</li></ul>",
        "<p>Such as:</p>",
        '<div class="highlight"><pre>x = 1',
        "</pre></div>",
        "",
        "<p>End.</p>",
    ]
