"""The report in a browser: no errors, nothing loaded from elsewhere, accessible, and the explorer says what Python says."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from places import ROOT

import crampstats as cs
from crampstats.report.notebooks import read_notebook
from crampstats.report.site import Contents, write_site
from crampstats.units import convert

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
OPTIONS += ["--disable-sync", "--no-first-run"]
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


class Links(HTMLParser):
    """Where a page leads, and the places within it."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        self.places |= {known[key] for key in ("id", "name") if key in known and (key == "id" or tag == "a")}
        if tag == "a" and "href" in known:
            self.links.append(known["href"])


@dataclass
class Visit:
    """A tab, and what went wrong or was loaded in it."""

    page: Any
    site: Path
    faults: list[str] = field(default_factory=list)

    def open(self, name: str, fragment: str = "") -> None:
        self.page.goto((self.site / name).as_uri() + fragment)

    def text(self, selector: str) -> str:
        return self.page.locator(selector).inner_text()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    notebooks = {path.stem: read_notebook(path) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
    folder = tmp_path_factory.mktemp("site")
    write_site(Contents(ROOT, notebooks, ROOT / "results", None, {}), folder)
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield launched
        launched.close()


@pytest.fixture
def visit(browser: Any, site: Path) -> Iterator[Visit]:
    """Return a tab in which nothing may go wrong."""
    context = browser.new_context(viewport=DESK, offline=True)
    visit = Visit(context.new_page(), site)
    visit.page.on("console", lambda message: visit.faults.append(message.text))
    visit.page.on("pageerror", lambda error: visit.faults.append(str(error)))
    visit.page.on("request", lambda request: visit.faults.append(request.url) if elsewhere(request.url) else None)
    yield visit
    context.close()
    assert visit.faults == []


def elsewhere(address: str) -> bool:
    return urlsplit(address).scheme not in ("file", "data")


def names_of(site: Path) -> list[str]:
    return sorted(path.name for path in site.glob("*.html"))


def test_links_and_anchors_of_all_pages_lead_somewhere(site: Path) -> None:
    pages = {name: Links((site / name).read_text(encoding="utf-8")) for name in names_of(site)}
    broken = []
    for name, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme in ("http", "https", "mailto"):
                continue
            target = unquote(parts.path) or name
            there = target in pages if target.endswith(".html") else (site / target).is_file()
            # A browser looks for the anchor as it is written, then with what is encoded in it decoded.
            if not there or (parts.fragment and not {parts.fragment, unquote(parts.fragment)} & pages[target].places):
                broken.append(f"{name}: {link}")
    assert broken == []
    assert {"cut-offs.html", "evidence.html", "sources.html", "downloads.html", "provenance.html"} <= pages.keys()


# Rows and entries of one kind are alike; with all of them axe takes minutes.
A_FEW_OF_EACH = """() => {
  for (const body of document.querySelectorAll("tbody")) [...body.rows].slice(6).forEach((row) => row.remove());
  [...document.querySelectorAll(".entry")].slice(3).forEach((entry) => entry.remove());
}"""


# One of each kind: colours are all that a scheme changes, and the pages of the reference are made alike.
IN_DARK = (
    "index",
    "01-how-common-is-low-magnesium",
    "cut-offs",
    "evidence",
    "methods",
    "reference-effects",
    "provenance",
)
OF_THE_REFERENCE = ("reference-effects", "reference-regression", "reference-measurement", "reference-estimates")


def faults_of(page: Any, name: str, scheme: str) -> list[str]:
    page.emulate_media(color_scheme=scheme)
    asked = {} if scheme == "light" else {"runOnly": ["color-contrast"]}
    results = axe.Axe().run(page, options={"resultTypes": ["violations"], **asked})
    return [f"{name}, {scheme}: {fault['id']}" for fault in results.response["violations"]]


@pytest.mark.parametrize("part", range(4))
def test_pages_are_accessible_and_fit_a_phone_in_light_and_dark(part: int, visit: Visit) -> None:
    found = []
    for name in (name.removesuffix(".html") for name in names_of(visit.site)[part::4]):
        visit.page.set_viewport_size(PHONE)
        visit.open(f"{name}.html")
        width = visit.page.evaluate("document.documentElement.scrollWidth")
        found += [f"{name}: {width} pixels wide"] if width > PHONE["width"] else []
        visit.page.set_viewport_size(DESK)
        visit.page.evaluate(A_FEW_OF_EACH)
        if not name.startswith("reference-") or name in OF_THE_REFERENCE:
            found += faults_of(visit.page, name, "light")
        if name in IN_DARK:
            found += faults_of(visit.page, name, "dark")
    assert found == []


def test_the_pages_that_are_looked_at_in_dark_are_there(site: Path) -> None:
    assert {f"{name}.html" for name in (*IN_DARK, *OF_THE_REFERENCE)} <= set(names_of(site))


def estimates(data: str) -> dict[tuple[str, str], tuple[str, Any]]:
    """Return, for each sex and age, how many people and the shares at each value, anew by `cs.prevalence`."""
    first = data == "nhanes-1"
    survey = cs.datasets.nhanes1_magnesium() if first else cs.datasets.nhanes_magnesium().observed("magnesium_mg_dl")
    column, highest = ("magnesium_meq_l", 2.0) if first else ("magnesium_mg_dl", 2.4)
    values = sorted(value for value in survey.data[column].dropna().unique() if value <= highest)
    made: dict[tuple[str, str], dict[float, tuple[str, ...]]] = {}
    for by in ([], ["sex"], ["age_group"], ["sex", "age_group"]):
        table = cs.prevalence(survey, {str(value): f"{column} <= {value}" for value in values}, by=by).to_frame()
        for row in table.to_dict("records"):
            shares = [f"{100 * row[key]:.1f}" for key in ("estimate", "conf_low", "conf_high")]
            group = made.setdefault((row.get("sex", "all"), row.get("age_group", "all")), {})
            group[float(row["term"])] = (*shares, f"{row['n']:,}")
    return {group: (column, shares) for group, shares in made.items()}


SENTENCE = re.compile(
    r"At most ([\d.]+) (mg/dL|mEq/L) \(([\d.]+) mmol/L\): ([\d.]+) % \(([\d.]+) to ([\d.]+) %\) of ([\d,]+) (adults|women|men)"
    r"(?: of [\w ]+)?; (?:one step lower ([\d.]+) %)?(?:, )?(?:one step higher ([\d.]+) %)?\..*"
)
STEP_THROUGH = """() => {
  const told = [], next = document.getElementById("explore-next");
  const range = document.getElementById("explore-step");
  range.value = 0;
  range.dispatchEvent(new Event("input"));
  for (;;) {
    told.push(document.getElementById("explore-told").textContent);
    if (next.getAttribute("aria-disabled") === "true") return told;
    next.click();
  }
}"""


@pytest.mark.parametrize("data", ["nhanes-2021", "nhanes-1"])
def test_the_explorer_says_what_the_estimators_say(data: str, visit: Visit) -> None:
    visit.open("cut-offs.html")
    visit.page.select_option("#explore-data", data)
    for (sex, age), (column, shares) in estimates(data).items():
        visit.page.select_option("#explore-sex", sex)
        visit.page.select_option("#explore-age", age)
        told = [SENTENCE.fullmatch(text) for text in visit.page.evaluate(STEP_THROUGH)]
        assert len(told) == len(shares)
        every = list(shares.items())
        for place, (match, (value, (share, low, high, n))) in enumerate(zip(told, every, strict=True)):
            unit, decimals = ("mg/dL", 1) if column == "magnesium_mg_dl" else ("mEq/L", 2)
            mmol = f"{convert(value, unit, 'mmol/L'):.2f}"
            people = {"all": "adults", "female": "women", "male": "men"}[sex]
            before = every[place - 1][1][0] if place else None
            after = every[place + 1][1][0] if place + 1 < len(every) else None
            expected = (f"{value:.{decimals}f}", unit, mmol, share, low, high, n, people, before, after)
            assert match.groups() == expected, (sex, age)


def test_a_view_of_the_explorer_has_an_address(visit: Visit) -> None:
    visit.open("cut-offs.html")
    assert visit.text("#explore-told").startswith(
        "At most 1.7 mg/dL (0.70 mmol/L): 9.9 % (8.1 to 11.8 %) of 3,932 adults;"
    )
    visit.page.select_option("#explore-sex", "female")
    visit.page.select_option("#explore-age", "60+")
    visit.page.click("#explore-next")
    address, told = visit.page.url, visit.text("#explore-told")
    assert "women of 60 and over" in told
    assert "1.8 mg/dL" in told
    visit.page.goto("about:blank")
    visit.page.goto(address)
    assert visit.text("#explore-told") == told
    visit.page.select_option("#explore-data", "nhanes-1")
    assert visit.page.input_value("#explore-age") == "all"
    assert "1.48 mEq/L (0.74 mmol/L)" in visit.text("#explore-told")
    visit.page.goto("about:blank")
    visit.open("cut-offs.html", "#data=none&sex=x&at=9")
    assert "1.7 mg/dL" in visit.text("#explore-told")


def test_the_explorer_works_by_keyboard(visit: Visit) -> None:
    visit.open("cut-offs.html")
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("document.activeElement.className") == "skip"
    visit.page.keyboard.press("Enter")
    visited = []
    for _ in range(6):
        visit.page.keyboard.press("Tab")
        visited.append(visit.page.evaluate("document.activeElement.id"))
    assert visited == [f"explore-{name}" for name in ("data", "sex", "age", "previous", "next", "step")]
    visit.page.keyboard.press("ArrowRight")
    assert "1.8 mg/dL" in visit.text("#explore-told")
    assert visit.page.get_attribute("#explore-step", "aria-valuetext") == "1.8 mg/dL (0.74 mmol/L)"
    visit.page.keyboard.press("Home")
    assert "1.4 mg/dL" in visit.text("#explore-told")
    visit.page.keyboard.press("Shift+Tab")
    visit.page.keyboard.press("Shift+Tab")
    visit.page.keyboard.press("Space")  # at the lowest step nothing moves, and the focus stays
    assert visit.page.evaluate("document.activeElement.id") == "explore-previous"
    assert "1.4 mg/dL" in visit.text("#explore-told")


def test_the_picture_marks_the_chosen_step(visit: Visit) -> None:
    visit.open("cut-offs.html")
    circle, box = (visit.page.locator(f"#explore-picture {tag}").first for tag in ("circle", "polyline"))
    corners = [tuple(map(float, pair.split(","))) for pair in box.get_attribute("points").split()]
    assert len(corners) == 22
    assert (float(circle.get_attribute("cx")), float(circle.get_attribute("cy"))) == corners[6]
    low, high = corners[0][1], 14.0
    bottom = float(visit.page.locator("#explore-picture .grid").first.get_attribute("y1"))
    assert corners[6][1] == pytest.approx(bottom - (bottom - high) * 0.099)
    assert low == pytest.approx(bottom - (bottom - high) * 0.008)
    assert visit.page.locator("#explore-picture text.told").text_content() == "9.9 %"


def column(visit: Visit, table: str, place: int) -> list[str]:
    return visit.page.eval_on_selector_all(
        f"#{table} tbody tr:not([hidden])", f"rows => rows.map(row => row.cells[{place}].textContent)"
    )


def test_tables_are_sorted_by_number_with_what_is_missing_last(visit: Visit) -> None:
    visit.open("parameters.html")
    values = cs.Population().to_frame()["value"]
    head = visit.page.locator("#parameters thead th").nth(1)
    for way, ascending in (("ascending", True), ("descending", False)):
        head.locator("button").press("Enter")
        assert head.get_attribute("aria-sort") == way
        shown = [float(text.replace("−", "-").replace(",", "")) for text in column(visit, "parameters", 1)]
        assert shown == [float(f"{value:.6g}") for value in values.sort_values(ascending=ascending)]
        assert visit.page.locator("#parameters th[aria-sort]").count() == 1
    visit.page.locator("#parameters thead button", has_text="range").click()
    ranges = column(visit, "parameters", 3)
    assert "" not in ranges[: sum(text != "" for text in ranges)]


def test_tables_are_searched_and_filtered_and_say_how_many_rows_are_left(visit: Visit) -> None:
    visit.open("parameters.html")
    table = cs.Population().to_frame()
    told = visit.page.locator(".controls output")
    assert told.inner_text() == "515 of 515 rows"
    visit.page.get_by_label("Status").select_option("published")
    assert told.inner_text() == f"{(table['status'] == 'published').sum()} of 515 rows"
    visit.page.get_by_label("Status").select_option("")
    visit.page.get_by_label("Search").fill("DIURETIC assumed")
    texts = table[["parameter", "unit", "status", "source", "where", "note"]].agg(" ".join, axis=1).str.lower()
    wanted = table.loc[texts.str.contains("diuretic") & texts.str.contains("assumed"), "parameter"].tolist()
    assert 5 < len(wanted) < 100
    assert column(visit, "parameters", 0) == wanted
    assert told.inner_text() == f"{len(wanted)} of 515 rows"
    visit.open("sources.html")
    visit.page.get_by_label("Search").fill("araujo cal")
    assert column(visit, "sources", 0) == ["araujo2020"]


def test_without_javascript_the_tables_are_there(browser: Any, site: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((site / "parameters.html").as_uri())
    assert page.locator("#parameters tbody tr").count() == 515
    assert not page.locator(".controls").first.is_visible()
    page.goto((site / "cut-offs.html").as_uri())
    assert not page.locator("#explorer").is_visible()
    page.locator("summary", has_text="All of it as a table").click()
    assert page.locator("#cut-off-table tbody tr").first.is_visible()
    context.close()
