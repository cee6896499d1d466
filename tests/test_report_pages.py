"""The pages of the report: complete, readable for everybody, and without a network."""

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pandas as pd
import pytest

import crampstats as cs
from crampstats.errors import CrampstatsError
from crampstats.report import pages
from crampstats.report.citations import citations, ways_to_cite
from crampstats.report.notebook_pages import answer_of, notebook_pages, pictures_of
from crampstats.report.site import Contents, write_site
from crampstats.report.story import look_up, story

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\nnot really").decode()
ADDRESSES = {"src", "href", "srcset", "data", "poster", "action", "xlink:href"}
VOID = {"meta", "img", "br", "hr", "input", "link", "col"}


class Page(HTMLParser):
    """The elements of a page: tag, attributes and text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.folder = path.parent
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self.open[-1], data.strip()))

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def text(self, tag: str) -> list[str]:
        return [text for name, text in self.texts if name == tag]


def executed() -> nbformat.NotebookNode:
    """Return an executed notebook with all that a notebook shows."""
    table = pd.DataFrame({"sex": ["female", "male"], "% (95 % CI)": ["33.4 (31.4–35.4)", "28.2 (25.7–30.8)"]})
    make = nbformat.v4.new_output
    outputs = [
        [make("stream", name="stdout", text="\x1b[31m<red>\x1b[0m\n")],
        [make("execute_result", data={"text/html": table._repr_html_(), "text/plain": repr(table)}, execution_count=2)],
        [
            make(
                "execute_result",
                data={"image/png": PNG, "text/plain": "Figure"},
                metadata={"image/png": {"alt": 'Cramps of "all" & sundry'}},
                execution_count=3,
            )
        ],
        [make("execute_result", data={"text/plain": "<Survey: 5 people>"}, execution_count=4)],
        [make("display_data", data={"text/plain": "shown"})],
    ]
    code = [nbformat.v4.new_code_cell(f"cell_{number} = 'text'", outputs=one) for number, one in enumerate(outputs)]
    prose = "# How *common* are <cramps>?\n\n**Question.** See [the source](https://example.org/x) & more.\n\n## Method\n\n- one"
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(prose), *code])


WORKS = {"Parker et al. 2017": "parker2017", "Jones and Pewsey (2009)": "jones2009"}


def write_site_of(
    folder: Path, notebooks: dict[str, nbformat.NotebookNode], findings: dict | None, **failures: str
) -> None:
    root = folder / "checkout"
    root.mkdir(exist_ok=True)
    (root / "requirements.lock").touch()
    write_site(Contents(root, notebooks, folder / "results", findings, failures), folder / "html")


@pytest.fixture
def page(tmp_path: Path) -> Page:
    write_site_of(tmp_path, {"03-how": executed()}, {})
    return Page(tmp_path / "html" / "03-how.html")


@pytest.fixture
def index(tmp_path: Path) -> Page:
    notebooks = {
        "01-a b": executed(),
        "02-c": nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("# no heading")]),
    }
    write_site_of(tmp_path, notebooks, {"results/a.csv": [], "results/b.csv": ["one", "<two>"]})
    return Page(tmp_path / "html" / "index.html")


@pytest.mark.parametrize("which", ["page", "index"])
def test_pages_are_whole_and_say_their_language_and_title(which: str, request: pytest.FixtureRequest) -> None:
    page = request.getfixturevalue(which)
    assert page.source.startswith("<!DOCTYPE html>\n")
    assert page.open == []
    assert page.of("html") == [{"lang": "en"}]
    assert page.of("meta")[0] == {"charset": "utf-8"}
    assert [len(page.of(tag)) for tag in ("title", "main", "h1")] == [1, 1, 1]
    assert page.text("title") == [{"page": "How *common* are <cramps>? – crampstats", "index": "crampstats"}[which]]


@pytest.mark.parametrize("which", ["page", "index"])
def test_pages_load_nothing_from_elsewhere(which: str, request: pytest.FixtureRequest) -> None:
    page = request.getfixturevalue(which)
    assert page.of("link") + page.of("iframe") + page.of("base") == []
    assert [script for script in page.of("script") if "src" in script] == []
    loaded = [
        value
        for tag, attributes in page.elements
        for name, value in attributes.items()
        if name in ADDRESSES and tag != "a"
    ]
    assert loaded == [f"data:image/png;base64,{PNG}"] * (which == "page")
    assert "@import" not in page.source
    assert re.findall(r"url\(", page.source) == []


def test_links_of_the_prose_stay_links(page: Page) -> None:
    links = [attributes["href"] for attributes in page.of("a") if "anchor-link" not in attributes.get("class", "")]
    assert "https://example.org/x" in links


def test_the_navigation_leads_to_the_pages_that_are_there_and_says_where_one_is(page: Page, index: Page) -> None:
    there = {path.name for path in Path(page.folder).glob("*.html")}
    for shown, place, current in ((page, "index.html#questions", "true"), (index, "index.html", "page")):
        links = [attributes for attributes in shown.of("a") if attributes.get("aria-current")]
        assert links == [{"href": place, "aria-current": current}]
        assert shown.of("a")[0] == {"class": "skip", "href": "#content"}
        assert [main["id"] for main in shown.of("main")] == ["content"]
    expected = [name for name, _ in pages.PLACES if name.partition("#")[0] in there]
    places = [attributes["href"] for attributes in page.of("a")][2 : 2 + len(expected)]
    assert places == expected
    assert "index.html#questions" in expected


def test_prose_code_and_every_kind_of_output_are_shown(page: Page) -> None:
    assert page.text("li") == ["one"]  # the entries of the navigation are texts of links
    assert page.text("strong") == ["Question."]
    assert len(page.of("details")) == 5
    assert page.text("summary") == ["Code"] * 5
    assert [text for text in page.text("span") if text.startswith("cell_")] == [f"cell_{number}" for number in range(5)]
    assert "<Survey: 5 people>" in page.text("pre")
    assert "shown" in page.text("pre")
    assert "<red>" in page.text("span")
    assert "\x1b" not in page.source


def test_tables_are_shown_once_and_can_be_scrolled(page: Page) -> None:
    assert page.text("td") == ["female", "33.4 (31.4–35.4)", "male", "28.2 (25.7–30.8)"]
    assert page.text("th") == ["sex", "% (95 % CI)", "0", "1"]
    assert {"class": "table", "tabindex": "0", "role": "region", "aria-label": "Further table 1"} in page.of("div")
    assert "33.4" not in "".join(page.text("pre"))


def test_pictures_say_what_they_show(page: Page) -> None:
    assert page.of("img") == [{"alt": 'Cramps of "all" & sundry', "src": f"data:image/png;base64,{PNG}"}]


def test_the_index_leads_to_every_notebook(index: Page) -> None:
    inside = [attributes["href"] for attributes in index.of("a") if attributes["href"].startswith("0")]
    assert inside == ["01-a%20b.html", "02-c.html"]
    assert index.text("a")[-3:] == ["How *common* are <cramps>?", "Untitled", "sources"]


def test_the_index_shows_differences_as_they_are_written(index: Page) -> None:
    assert "1 of 2 files differ from the committed ones:" in index.text("p")
    assert "results/b.csv: one; <two>" in index.text("li")


def test_the_index_says_what_failed_and_when_nothing_was_compared(tmp_path: Path) -> None:
    write_site_of(tmp_path, {"01-a": executed()}, None, **{"01-a.ipynb": "cell 2: <no>"})
    shown = Page(tmp_path / "html" / "index.html")
    assert "1 failed; what is shown of them is from an earlier run:" in shown.text("p")
    assert "01-a.ipynb: cell 2: <no>" in shown.text("li")
    assert "The pages were made from the committed results; nothing was run or compared." in shown.text("p")


def test_pages_of_notebooks_that_are_gone_are_removed(tmp_path: Path) -> None:
    write_site_of(tmp_path, {"01-a": executed(), "02-b": executed()}, {})
    write_site_of(tmp_path, {"02-b": executed()}, {})
    assert sorted(path.name for path in (tmp_path / "html").glob("0*")) == ["02-b.html"]


def text_page(*paragraphs: str, name: str = "01-a", **others: nbformat.NotebookNode) -> str:
    cell = nbformat.v4.new_markdown_cell("# T\n\n" + "\n\n".join(paragraphs))
    return notebook_pages({name: nbformat.v4.new_notebook(cells=[cell]), **others}, WORKS)[0].body


def test_captions_can_be_linked_to_and_mentions_of_them_are_links() -> None:
    body = text_page(
        "**Figure 1.2. All of it.** Of adults.",
        "See Figure 1.2, Table 2.1 and notebook 02, not Figure 9.1.",
        **{"02-b": executed()},
    )
    assert '<p class="caption" id="Figure-1-2"><strong>Figure 1.2. All of it.</strong> Of adults.' in body
    assert '<a href="01-a.html#Figure-1-2">Figure 1.2</a>, <a href="02-b.html#Table-2-1">Table 2.1</a>' in body
    assert '<a href="02-b.html">notebook 02</a>, not Figure 9.1.' in body


def test_a_table_is_named_by_the_caption_before_it() -> None:
    notebook = executed()
    notebook.cells.insert(2, nbformat.v4.new_markdown_cell("**Table 3.1. Of sexes.** By weight."))
    body = notebook_pages({"03-how": notebook}, {})[0].body
    assert body.count('<div aria-labelledby="Table-3-1"') == 1
    assert 'aria-label="' not in body.partition("Table 3.1")[2].partition("<nav")[0]


def test_tables_without_a_caption_have_names_of_their_own() -> None:
    twice = executed()
    twice.cells.append(executed().cells[2])
    body = notebook_pages({"03-how": twice}, {})[0].body
    assert re.findall(r'aria-label="(Further table \d)"', body) == ["Further table 1", "Further table 2"]


def test_works_that_are_cited_are_links_outside_of_code_and_links() -> None:
    body = text_page(
        "By Jones and Pewsey (2009) (Parker et al. 2017), `Parker et al. 2017`, [Parker et al. 2017](x.html)."
    )
    assert 'By <a href="sources.html#jones2009">Jones and Pewsey (2009)</a>' in body
    assert '(<a href="sources.html#parker2017">Parker et al. 2017</a>)' in body
    assert body.count("sources.html#parker2017") == 1


def test_numbers_keep_their_units() -> None:
    assert "9.9\u00a0% of 1.7\u00a0mg/dL, 5 people" in text_page("9.9 % of 1.7 mg/dL, 5 people")


@pytest.mark.parametrize(
    ("key", "citation", "ways"),
    [
        ("a1999", "Frusso R, Zarate M. Title. J 1999;1:2.", ["Frusso", "Frusso and Zarate", "Frusso et al."]),
        (
            "b2013",
            "Roloff V, Higgins JPT, Sutton AJ. T. J 2013;3.",
            ["Roloff", "Roloff et al.", "Roloff, Higgins and Sutton"],
        ),
        ("c2017", "Roguin Maor N et al. Effect. J 2017;3.", ["Roguin Maor", "Roguin Maor et al."]),
        (
            "d1997",
            "Institute of Medicine, Food Board. Intakes. 1997.",
            ["Institute of Medicine", "Institute of Medicine et al."],
        ),
    ],
)
def test_how_a_work_is_cited(key: str, citation: str, ways: list[str]) -> None:
    year = key[1:]
    assert ways_to_cite(key, citation) == [f"{way} {when}" for way in ways for when in (year, f"({year})")]


def test_what_would_stand_for_two_works_is_no_citation() -> None:
    found = citations()
    assert found["Grandner and Winkelman (2017)"] == found["Grandner et al. 2017"] == "grandner2017"
    assert ways_to_cite("vormann", "Vormann J. Gesellschaft.") == []
    keys = cs.reference.sources()["key"]
    assert set(found.values()) <= set(keys)


def test_answers_and_pictures_of_notebooks_are_found() -> None:
    cells = [nbformat.v4.new_markdown_cell("# T\n\n**Question.** Q?\n\n**Answer.** 42 %.\n\n**Data.** D.")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    assert answer_of(notebook) == "42 %."
    assert answer_of(executed()) == ""
    output = executed().cells[3].outputs[0]
    output.data["text/plain"] = "Figure 03-cramps: Cramps"
    notebook.cells.append(nbformat.v4.new_code_cell("x", outputs=[output]))
    assert pictures_of({"03": notebook}) == {"03-cramps": (PNG, 'Cramps of "all" & sundry')}


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    (tmp_path / "01-a.csv").write_text("term,sex,estimate\nlow,male,0.0987\nlow,female,-0.184\n")
    return tmp_path


def test_the_story_reads_its_numbers_and_pictures(tables: Path) -> None:
    text = "So {{01-a | term=low & sex=male | estimate | percent}} % <b>.\n\n[[figure: 01-f]]"
    told = story(text, tables, {"01-f": ("AAAA", 'a "b"')})
    assert "<p>So 9.9\u00a0% &lt;b&gt;.</p>" in told
    assert '<figure><img src="data:image/png;base64,AAAA" alt="a &quot;b&quot;"></figure>' in told


@pytest.mark.parametrize(
    ("form", "sex", "shown"),
    [
        ("percent", "male", "9.9"),
        ("whole percent", "male", "10"),
        ("two decimals", "female", "−0.18"),
        ("count", "male", "0"),
    ],
)
def test_numbers_of_the_story_are_formatted(tables: Path, form: str, sex: str, shown: str) -> None:
    assert look_up(f"01-a | sex={sex} | estimate | {form}", tables) == shown


def test_what_the_story_lacks_is_named_all_at_once(tables: Path) -> None:
    text = (
        "{{01-a | sex=x | estimate | percent}} {{02-b | | estimate | percent}} {{a}} {{01-a | sex=male | n | percent}}"
    )
    text += " {{01-a | sex=male | estimate | words}}\n\n[[figure: none]]"
    with pytest.raises(CrampstatsError) as raised:
        story(text, tables, {})
    said = str(raised.value).splitlines()
    assert said[0] == "the story asks for what is not there:"
    assert [line.rpartition(": ")[2].strip() for line in said[1:]] == [
        "0 rows; exactly one with a column 'estimate' is needed.",
        "there is no table 02-b.",
        "table | column=value & ... | column | format.",
        "1 rows; exactly one with a column 'n' is needed.",
        "the format is one of percent, whole percent, one decimal, two decimals, count.",
        "no notebook shows the figure 'none'.",
    ]


STYLE = (Path(pages.__file__).parent / "template" / "style.css").read_text(encoding="utf-8")


SCREEN = STYLE.partition("@media print")[0]


def luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("paper", ["paper", "soft"])
@pytest.mark.parametrize("ink", ["ink", "link", "warn"])
def test_texts_stand_out_in_light_and_dark(ink: str, paper: str, mode: int) -> None:
    colours = [dict(re.findall(r"--(\w+): (#\w{6})", rule)) for rule in re.findall(r":root \{(.*?)\}", SCREEN)]
    assert len(colours) == 2
    one, other = luminance(colours[mode][ink]), luminance(colours[mode][paper])
    assert (max(one, other) + 0.05) / (min(one, other) + 0.05) >= 4.5


def test_headers_of_tables_stand_over_their_columns() -> None:
    rule = re.search(r"\.table \.dataframe th.*\{ text-align: (\w+);", STYLE)
    cells = re.search(r"^th, td \{.*text-align: (\w+);", STYLE, re.MULTILINE)
    assert rule[1] == cells[1] == "left"
