"""The handbook: what its how-tos show is what their code prints, and its links lead somewhere on both sites."""

import contextlib
import io
import re
import shutil
from pathlib import Path

import pytest
from places import ROOT

import crampstats as cs
from crampstats.report import handbook
from crampstats.report.catalogue import Catalogue

DOCS = ROOT / "docs"
HOW_TO = sorted(DOCS.glob("how-to/*.md"))
TEXTS = [DOCS / "methods.md", *HOW_TO]
CATALOGUE = Catalogue()
PAGES = {page.name: page for page in handbook.handbook_pages(DOCS, CATALOGUE.place)}
BLOCK = re.compile(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```)?", re.DOTALL)


@pytest.mark.filterwarnings("ignore:clinic_export.csv")
@pytest.mark.parametrize("path", HOW_TO, ids=lambda path: path.stem)
def test_a_how_to_prints_what_it_shows(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in (ROOT / "data" / "example").glob("*.csv"):
        shutil.copy(file, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRAMPSTATS_OUTPUT", str(tmp_path / "results"))
    names: dict[str, object] = {}
    blocks = BLOCK.findall(path.read_text(encoding="utf-8"))
    assert len(blocks) >= 5
    for code, shown in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, path.name, "exec"), names)
        assert [line.rstrip() for line in printed.getvalue().splitlines()] == shown.splitlines()


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_every_name_of_the_package_is_one(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    called = re.findall(r"`((?:cs\.|[A-Z][A-Za-z]+\.)[\w.]+)", text)
    assert [name for name in called if CATALOGUE.place(name) is None] == []


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_links_between_files_lead_to_files(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve()
        assert file.is_relative_to(ROOT)
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in [handbook.anchor_of(heading) for heading in headings]


@pytest.mark.parametrize("page", PAGES)
def test_links_of_pages_lead_to_pages(page: str) -> None:
    notebooks = {f"{path.stem}.html" for path in ROOT.glob("notebooks/*.ipynb")}
    targets = [target for target in re.findall(r'href="([^"]*)"', PAGES[page].body) if "://" not in target]
    reference = {entry.page for entries in CATALOGUE.entries.values() for entry in entries}
    assert {target.partition("#")[0] for target in targets} - {""} <= {*PAGES, *notebooks, *reference}
    for target in targets:
        name, _, anchor = target.partition("#")
        if anchor and (name or page) in PAGES:
            assert f'id="{anchor}"' in PAGES[name or page].body


def test_there_are_methods_an_index_and_five_tasks() -> None:
    tasks = [f"how-to-{path.stem}.html" for path in HOW_TO]
    assert list(PAGES) == ["methods.html", "how-to.html", *tasks]
    assert len(tasks) == 5
    index = PAGES["how-to.html"].body
    assert re.findall(r'<li><a href="([^"]*)">', index) == tasks
    assert [PAGES[name].place for name in tasks] == ["how-to.html"] * 5


def test_methods_have_their_sections_in_a_table_of_contents() -> None:
    body = PAGES["methods.html"].body
    contents = body.partition("<nav")[2].partition("</nav>")[0]
    anchors = re.findall(r'href="#([^"]*)"', contents)
    assert anchors == re.findall(r'<h2 id="([^"]*)">', body)
    assert {"the-one-idea", "differences-from-r", "what-is-not-there"} <= set(anchors)


def test_formulas_are_mathml() -> None:
    body = PAGES["methods.html"].body
    assert body.count('<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">') >= 20
    assert "$" not in re.sub(r"<(pre|code)\b.*?</\1>", "", body, flags=re.DOTALL)
    # What the converter does not know it leaves as a command.
    assert re.findall(r"\\[a-z]+", re.sub("<[^>]*>", "", body)) == []


def write(tmp_path: Path, text: str) -> str:
    (tmp_path / "methods.md").write_text(text, encoding="utf-8")
    [page] = handbook.handbook_pages(tmp_path, CATALOGUE.place)
    return page.body


def test_html_in_texts_is_shown_as_text(tmp_path: Path) -> None:
    body = write(tmp_path, "# A <b>title</b>\n\nText <script>alert(1)</script> & more.\n\n## Next\n")
    assert "<script>" not in body
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in body


def test_code_leads_to_the_reference(tmp_path: Path) -> None:
    text = "# T\n\n`cs.fit(x)`, `mean`\n\n```python\nmodel = cs.figures.save(figure)\n```\n\n```text\na  <b>\n```\n"
    body = write(tmp_path, text)
    assert '<a href="reference-regression.html#crampstats.fit"><code>cs.fit(x)</code></a>, <code>mean</code>' in body
    assert '<a href="reference-figures.html#crampstats.figures.save"><span class="n">cs</span>' in body
    assert '<pre class="printed" tabindex="0">a  &lt;b&gt;\n</pre>' in body


def test_what_has_no_page_stays_text(tmp_path: Path) -> None:
    body = write(tmp_path, "# T\n\n[data](../data/README.md), [five](how-to/5-x.md#a), [web](https://example.org).\n")
    assert '<p>data, <a href="how-to-5-x.html#a">five</a>, <a href="https://example.org">web</a>.</p>' in body


def test_works_are_links(tmp_path: Path) -> None:
    body = write(tmp_path, "# T\n\nLang Z, doi:10.1016/j.prevetmed.2013.09.015; more.\n")
    assert (
        '<a href="https://doi.org/10.1016/j.prevetmed.2013.09.015">doi:10.1016/j.prevetmed.2013.09.015</a>; more'
        in body
    )


def test_methods_name_what_the_package_estimates() -> None:
    text = (DOCS / "methods.md").read_text(encoding="utf-8")
    named = set(re.findall(r"cs\.(\w+)", text))
    # Classes, what shows, and what only prepares have no formula.
    formless = {"Beta", "Cutoff", "Model", "Population", "Response", "SamplingPlan", "TrialPlan", "ValidationCounts"}
    formless |= {"named_cutoffs"}
    functions = {name for name in cs.__all__ if callable(getattr(cs, name))}
    assert functions - named - formless == set()
