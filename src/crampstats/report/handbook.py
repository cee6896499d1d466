"""The handbook: methods and how-tos, written in Markdown that GitHub shows as well, as pages of the site."""

from __future__ import annotations

import html
import posixpath
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from latex2mathml.converter import convert
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from crampstats.report.docstrings import coloured, linked, work_link
from crampstats.report.pages import Page

if TYPE_CHECKING:
    from pathlib import Path

    from crampstats.report.docstrings import Find

METHODS = "methods.html"
HOW_TO = "how-to.html"
# What a table of contents holds: sections, not their parts.
SECTION = 2
CALLED = re.compile(r"(?:cs\.|[A-Z]\w*\.)[\w.]*\w")
CALLED_IN_CODE = re.compile(r'<span class="n">cs</span>(?:<span class="o">\.</span><span class="n">\w+</span>)+')
WORK = re.compile(r"doi:10\.\S+")


def handbook_pages(docs: Path, place: Find) -> list[Page]:
    """Return the page of methods, the index of the how-tos, and a page each.

    Parameters
    ----------
    docs
        The folder with ``methods.md`` and ``how-to/``.
    place
        Where names of the package lead.
    """
    pages = []
    methods = docs / "methods.md"
    if methods.exists():
        written = _Written(methods.read_text(encoding="utf-8"), "docs/methods.md", place)
        pages.append(Page(METHODS, written.title, written.with_contents()))
    tasks = {
        path.stem: _Written(path.read_text(encoding="utf-8"), f"docs/how-to/{path.name}", place)
        for path in sorted(docs.glob("how-to/*.md"))
    }
    if tasks:
        pages.append(Page(HOW_TO, "How to", _index(tasks)))
    back = f'<p><a href="{HOW_TO}">How to</a></p>\n'
    pages += [Page(f"how-to-{stem}.html", task.title, back + task.body, place=HOW_TO) for stem, task in tasks.items()]
    return pages


def _index(tasks: dict[str, _Written]) -> str:
    """Return the tasks with what each says first."""
    rows = [
        f'<li><a href="how-to-{quote(stem)}.html">{html.escape(task.title)}</a>{task.opening}</li>'
        for stem, task in tasks.items()
    ]
    said = (
        "<p>Tasks with code that runs from top to bottom. The data are simulated or packaged, so that everything can be "
        "tried; what is printed here is compared with what the code prints.</p>"
    )
    return "\n".join(["<h1>How to</h1>", said, '<ol class="questions">', *rows, "</ol>"])


def address(target: str, source: str) -> str | None:
    """Return where a link between files of the checkout leads within the site.

    Parameters
    ----------
    target
        As in the Markdown: relative to the file, or an address of the web.
    source
        The path of the file in the checkout.

    Returns
    -------
    str or None
        None for a file that has no page.

    Examples
    --------
    >>> address("../methods.md#domains", "docs/how-to/1-prevalence.md")
    'methods.html#domains'
    >>> address("../notebooks/05-does-treatment-help.ipynb", "docs/methods.md")
    '05-does-treatment-help.html'
    """
    path, hash_sign, anchor = target.partition("#")
    if "://" in target or not path:
        return target
    file = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    folder, name = posixpath.split(file)
    stem, ending = posixpath.splitext(name)
    page = {("docs", ".md"): stem, ("docs/how-to", ".md"): f"how-to-{stem}", ("notebooks", ".ipynb"): stem}
    return f"{quote(page[folder, ending])}.html{hash_sign}{anchor}" if (folder, ending) in page else None


def anchor_of(heading: str) -> str:
    """Return the place of a heading as GitHub names it.

    Parameters
    ----------
    heading
        Its text, Markdown or not.

    Examples
    --------
    >>> anchor_of("What is *not* there: limits")
    'what-is-not-there-limits'
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


class _Written:
    """A Markdown file as HTML, with its title, its first paragraph and its sections."""

    def __init__(self, text: str, source: str, place: Find) -> None:
        renderer = _Renderer(source, place)
        self.body = MarkdownWithMath(renderer=renderer).render(text)
        self.title = html.unescape(re.sub("<[^>]*>", "", renderer.headings[0][1]))
        self.sections = [(text, anchor) for level, text, anchor in renderer.headings if level == SECTION]
        first = re.search(r"</h1>\s*<p>(.*?)</p>", self.body, re.DOTALL)
        self.opening = f"<p>{first[1]}</p>" if first else ""

    def with_contents(self) -> str:
        """Return the text with a table of contents after the opening."""
        rows = "\n".join(f'<li><a href="#{anchor}">{text}</a></li>' for text, anchor in self.sections)
        contents = f'<nav class="contents" aria-label="On this page">\n<ol>\n{rows}\n</ol>\n</nav>\n'
        return self.body.replace("<h2", f"{contents}<h2", 1)


class _Renderer(IPythonRenderer):
    """Markdown as HTML of the site: formulas as MathML, names and files as links, code as in the notebooks."""

    def __init__(self, source: str, place: Find) -> None:
        super().__init__(escape=True)
        self.source, self.place = source, place
        self.headings: list[tuple[int, str, str]] = []

    def heading(self, text: str, level: int, **_: Any) -> str:
        """Return a heading that links can lead to."""
        anchor = anchor_of(html.unescape(re.sub("<[^>]*>", "", text)))
        self.headings.append((level, text, anchor))
        return f'<h{level} id="{anchor}">{text}</h{level}>\n'

    def text(self, text: str) -> str:
        """Return a text in which works are links."""
        parts = re.split(f"({WORK.pattern})", text)
        return "".join(work_link(part) if WORK.match(part) else html.escape(part, quote=False) for part in parts)

    def codespan(self, text: str) -> str:
        """Return code, a link if it names something of the reference."""
        called = CALLED.match(html.unescape(text))
        return linked(html.unescape(text), self.place(called[0]) if called else None)

    def block_code(self, code: str, info: str | None = None) -> str:
        """Return Python with its calls as links; or what was printed, in lines as they are."""
        if info == "python":
            return CALLED_IN_CODE.sub(self._call, coloured(code))
        return f'<pre class="printed" tabindex="0">{html.escape(code)}</pre>\n'

    def _call(self, found: re.Match[str]) -> str:
        """Return a dotted name of code as a link, if it leads somewhere."""
        place = self.place(re.sub("<[^>]*>", "", found[0]))
        return f'<a href="{html.escape(place, quote=True)}">{found[0]}</a>' if place else found[0]

    def link(self, text: str, url: str, title: str | None = None) -> str:
        """Return a link within the site or to the web; what has no page here stays text."""
        there = address(url, self.source)
        return str(super().link(text, there, title)) if there else text

    def table(self, text: str) -> str:
        """Return a table that can be scrolled, called by the heading above it."""
        name = html.escape(re.sub("<[^>]*>", "", self.headings[-1][1]), quote=True)
        return f'<div class="table" role="region" tabindex="0" aria-label="{name}">\n<table>\n{text}</table>\n</div>\n'

    def inline_math(self, body: str) -> str:
        """Return a formula in a line."""
        return convert(body)

    def block_math(self, body: str) -> str:
        """Return a formula on its own."""
        return convert(" ".join(body.split()), display="block")

    def paragraph(self, text: str) -> str:
        """Return a paragraph; a formula on its own can be scrolled where it is too wide."""
        if re.fullmatch(r'<math[^>]*display="block".*</math>', text.strip(), re.DOTALL):
            return f'<div class="formula" tabindex="0" role="group" aria-label="Formula">{text}</div>\n'
        return f"<p>{text}</p>\n"
