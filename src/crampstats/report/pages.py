"""Pages of the report: HTML that needs no network, one file a page."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from nbconvert.filters.markdown_mistune import markdown2html_mistune

from crampstats.output import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SITE = "crampstats"
# Where the navigation leads, and what it says.
PLACES = (
    ("index.html", "Story"),
    ("index.html#questions", "Questions"),
    ("cut-offs.html", "Cut-offs"),
    ("evidence.html", "Evidence"),
    ("claims.html", "Claims"),
    ("parameters.html", "Parameters"),
    ("methods.html", "Methods"),
    ("how-to.html", "How to"),
    ("reference.html", "Reference"),
    ("downloads.html", "Downloads"),
    ("provenance.html", "Provenance"),
)
SHELL = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the text</a>
<header>
<nav aria-label="Pages"><a class="home" href="index.html">{site}</a>
<ul>
{places}
</ul></nav>
</header>
<main id="content">
{body}
</main>
<footer>
<p>Associations are not effects; low serum magnesium is not deficiency; nothing here is medical advice.
Works cited: <a href="sources.html">sources</a>.</p>
</footer>
{script}</body>
</html>
"""
TAG = re.compile(r"(<[^>]*>)")
# A number and its unit stay on one line.
UNIT = re.compile(r"(?<=\d) (?=(?:%|mmol/L|mg/dL|mEq/L)(?!\w))")
# What stands in these is code, a link already, or a heading.
UNTOUCHED = {"a", "pre", "code", "script", "style", "math", "svg", "strong", "th", "h1", "h2", "h3"}


@dataclass(frozen=True)
class Page:
    """A page of the report.

    Attributes
    ----------
    name
        Of the file, such as ``claims.html``.
    title
        Plain text.
    body
        HTML of the main part, with one first heading.
    script
        JavaScript that the page carries; without it the page can be read as well.
    place
        The entry of the navigation that it belongs to, if not its own name.
    """

    name: str
    title: str
    body: str
    script: str = ""
    place: str = ""


def template_folder() -> Path:
    """Return the folder of the template, which is a real one in every installation that can run notebooks."""
    return Path(str(resources.files("crampstats.report"))) / "template"


def template_text(name: str) -> str:
    """Return a file of the template."""
    return (template_folder() / name).read_text(encoding="utf-8")


def render(page: Page, names: Iterable[str]) -> bytes:
    """Return a whole page.

    Parameters
    ----------
    page
        What it holds.
    names
        Of all pages of the site; the navigation leads to those among them.
    """
    there = set(names)
    places = "\n".join(
        _place(name, text, name == (page.place or page.name), name == page.name)
        for name, text in PLACES
        if name.partition("#")[0] in there
    )
    title = page.title if page.title == SITE else f"{page.title} – {SITE}"
    script = f"<script>\n{page.script}</script>\n" if page.script else ""
    style = template_text("style.css")
    return SHELL.format(
        title=html.escape(title), style=style, site=SITE, places=places, body=page.body, script=script
    ).encode()


def _place(name: str, text: str, within: bool, here: bool) -> str:
    """Return an entry of the navigation."""
    current = ' aria-current="page"' if here else ' aria-current="true"' if within else ""
    return f'<li><a href="{quote(name, safe="#")}"{current}>{html.escape(text)}</a></li>'


def write_pages(pages: Sequence[Page], folder: Path) -> None:
    """Write pages, and remove those that are no longer among them.

    Parameters
    ----------
    pages
        Of the whole site.
    folder
        Where they go.
    """
    names = [page.name for page in pages]
    for page in pages:
        write_whole(folder / page.name, render(page, names))
    for path in folder.glob("*.html"):
        if path.name not in names:
            path.unlink()


def from_markdown(text: str) -> str:
    """Return Markdown as HTML; what is HTML in it is shown as text."""
    return markdown2html_mistune(html.escape(text, quote=False).replace("&gt;", ">"))


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, caption: str, classes: str = "") -> str:
    """Return a table that can be scrolled.

    Parameters
    ----------
    headings
        Plain texts.
    rows
        HTML of the cells.
    caption
        Plain text; also the name of the region that scrolls.
    classes
        Of the table.
    """
    head = "".join(f'<th scope="col">{html.escape(text)}</th>' for text in headings)
    body = "\n".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    shown = html.escape(caption)
    kind = f' class="{classes}"' if classes else ""
    return (
        f'<div class="table" role="region" tabindex="0" aria-label="{html.escape(caption, quote=True)}">\n'
        f"<table{kind}><caption>{shown}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>\n</div>"
    )


def in_texts(page: str, change: Any) -> str:
    """Return HTML in which the texts outside of tags, links and code went through a function.

    Parameters
    ----------
    page
        HTML.
    change
        From text to HTML.
    """
    parts, inside = [], 0
    for part in TAG.split(page):
        name = re.match(r"</?([a-z0-9]+)", part)
        if name and name[1] in UNTOUCHED and not part.endswith("/>"):
            inside += -1 if part.startswith("</") else 1
        parts.append(part if name or inside else change(part))
    return "".join(parts)


def keep_units(text: str) -> str:
    """Return a text in which no line breaks between a number and its unit."""
    return UNIT.sub("\u00a0", text)


def listing(texts: Iterable[str]) -> str:
    """Return plain texts as a list."""
    return "<ul>\n" + "\n".join(f"<li>{html.escape(text)}</li>" for text in texts) + "\n</ul>"
