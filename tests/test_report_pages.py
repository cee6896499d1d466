"""The pages of the report: complete, readable for everybody, and without a network."""

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from crampstats.report import pages

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


@pytest.fixture
def page(tmp_path: Path) -> Page:
    pages.write_notebook_page(executed(), tmp_path / "html" / "03.html")
    return Page(tmp_path / "html" / "03.html")


@pytest.fixture
def index(tmp_path: Path) -> Page:
    notebooks = {
        "01-a b": executed(),
        "02-c": nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("# no heading")]),
    }
    pages.write_index(notebooks, {"results/a.csv": [], "results/b.csv": ["one", "<two>"]}, {}, tmp_path / "index.html")
    return Page(tmp_path / "index.html")


@pytest.mark.parametrize("which", ["page", "index"])
def test_pages_are_whole_and_say_their_language_and_title(which: str, request: pytest.FixtureRequest) -> None:
    page = request.getfixturevalue(which)
    assert page.source.startswith("<!DOCTYPE html>\n")
    assert page.open == []
    assert page.of("html") == [{"lang": "en"}]
    assert page.of("meta")[0] == {"charset": "utf-8"}
    assert [len(page.of(tag)) for tag in ("title", "main", "h1")] == [1, 1, 1]
    assert page.text("title") == [{"page": "How *common* are <cramps>?", "index": "crampstats"}[which]]


@pytest.mark.parametrize("which", ["page", "index"])
def test_pages_load_nothing_from_elsewhere(which: str, request: pytest.FixtureRequest) -> None:
    page = request.getfixturevalue(which)
    assert page.of("script") + page.of("link") + page.of("iframe") + page.of("base") == []
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
    assert links == ["index.html", "https://example.org/x"]


def test_prose_code_and_every_kind_of_output_are_shown(page: Page) -> None:
    assert page.text("li") == ["one"]
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
    assert {"class": "table", "tabindex": "0"} in page.of("div")
    assert "33.4" not in "".join(page.text("pre"))


def test_pictures_say_what_they_show(page: Page) -> None:
    assert page.of("img") == [{"alt": 'Cramps of "all" & sundry', "src": f"data:image/png;base64,{PNG}"}]


def test_the_index_leads_to_every_notebook(index: Page) -> None:
    assert [attributes["href"] for attributes in index.of("a")] == ["01-a%20b.html", "02-c.html"]
    assert index.text("a") == ["How *common* are <cramps>?", "Untitled"]


def test_the_index_shows_differences_as_they_are_written(index: Page) -> None:
    assert index.text("p")[-1] == "1 of 2 files differ from the committed ones:"
    assert index.text("li") == ["results/b.csv: one; <two>"]


STYLE = (Path(pages.__file__).parent / "template" / "style.css").read_text(encoding="utf-8")


def luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("paper", ["paper", "soft"])
@pytest.mark.parametrize("ink", ["ink", "link", "warn"])
def test_texts_stand_out_in_light_and_dark(ink: str, paper: str, mode: int) -> None:
    colours = [dict(re.findall(r"--(\w+): (#\w{6})", rule)) for rule in re.findall(r":root \{(.*?)\}", STYLE)]
    assert len(colours) == 2
    one, other = luminance(colours[mode][ink]), luminance(colours[mode][paper])
    assert (max(one, other) + 0.05) / (min(one, other) + 0.05) >= 4.5


def test_headers_of_tables_stand_over_their_columns() -> None:
    rule = re.search(r"\.table \.dataframe th.*\{ text-align: (\w+);", STYLE)
    cells = re.search(r"^th, td \{.*text-align: (\w+);", STYLE, re.MULTILINE)
    assert rule[1] == cells[1] == "left"
