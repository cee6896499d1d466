"""The report as a whole: which pages there are."""

from __future__ import annotations

import html
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from crampstats.report.api import reference_pages
from crampstats.report.catalogue import Catalogue
from crampstats.report.citations import citations
from crampstats.report.downloads import downloads, downloads_page, write_downloads
from crampstats.report.evidence import evidence_pages
from crampstats.report.explorer import explorer_page
from crampstats.report.handbook import handbook_pages
from crampstats.report.notebook_pages import answer_of, notebook_pages, pictures_of, title_of
from crampstats.report.pages import SITE, Page, from_markdown, keep_units, listing, write_pages
from crampstats.report.provenance import provenance_page
from crampstats.report.story import story

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TITLE = "Serum magnesium and muscle cramps"


@dataclass(frozen=True)
class Contents:
    """What the report is made of.

    Attributes
    ----------
    root
        The checkout, whose ``docs/`` holds the texts.
    notebooks
        Executed, by their names without ending.
    results
        The folder with ``tables/`` and ``figures/``.
    findings
        Differences from what is committed by file, as from `crampstats.report.compare.compare_files`; None if nothing was
        compared.
    failures
        Of notebooks that did not run through, by file; their pages show earlier results.
    """

    root: Path
    notebooks: Mapping[str, Any]
    results: Path
    findings: Mapping[str, list[str]] | None
    failures: Mapping[str, str]


def write_site(contents: Contents, folder: Path) -> Path:
    """Write the whole report.

    Parameters
    ----------
    contents
        What it is made of.
    folder
        Where the pages go; others that lie there are removed.

    Returns
    -------
    Path
        Of the first page.
    """
    files = downloads(contents.results)
    catalogue, reference = _of_the_package()
    pages = [
        _index(contents),
        *notebook_pages(contents.notebooks, citations()),
        explorer_page(),
        *evidence_pages(),
        *handbook_pages(contents.root / "docs", catalogue.place),
        *reference,
        downloads_page(files, contents.notebooks),
        provenance_page(contents.root, contents.notebooks, files),
    ]
    write_downloads(files, folder)
    write_pages(pages, folder)
    return folder / "index.html"


@cache
def _of_the_package() -> tuple[Catalogue, tuple[Page, ...]]:
    """Return where names lead, and the pages of the reference: the same for every checkout in one process."""
    catalogue = Catalogue()
    return catalogue, tuple(reference_pages(catalogue))


def _index(contents: Contents) -> Page:
    """Return the first page: the story, the questions, and whether the results are the committed ones."""
    text = contents.root / "docs" / "index.md"
    told = ""
    if text.exists():
        pictures = pictures_of(contents.notebooks)
        told = story(text.read_text(encoding="utf-8"), contents.results / "tables", pictures)
    body = (
        f'<h1>{TITLE}</h1>\n{told}\n<h2 id="questions">Questions and answers</h2>\n'
        f'<ol class="questions">\n{_questions(contents.notebooks)}\n</ol>\n'
        f"<h2>Are these the committed results?</h2>\n{_verdict(contents)}"
    )
    return Page("index.html", SITE, body)


def _questions(notebooks: Mapping[str, Any]) -> str:
    """Return each question with its answer."""
    return "\n".join(
        f'<li><a href="{quote(name)}.html">{html.escape(title_of(notebook))}</a>'
        f"{from_markdown(keep_units(answer_of(notebook)))}</li>"
        for name, notebook in notebooks.items()
    )


def _verdict(contents: Contents) -> str:
    """Say what failed and what differs."""
    parts = []
    if contents.failures:
        parts.append(
            f'<p class="differs">{len(contents.failures)} failed; what is shown of them is from an earlier run:</p>'
        )
        parts.append(listing(f"{name}: {text}" for name, text in contents.failures.items()))
    if contents.findings is None:
        return "\n".join(
            [*parts, "<p>The pages were made from the committed results; nothing was run or compared.</p>"]
        )
    differing = {name: texts for name, texts in contents.findings.items() if texts}
    if differing:
        parts.append(
            f'<p class="differs">{len(differing)} of {len(contents.findings)} files differ from the committed ones:</p>'
        )
        parts.append(listing(f"{name}: {'; '.join(texts)}" for name, texts in differing.items()))
    else:
        parts.append(f"<p>All {len(contents.findings)} tables, figures and notebooks equal the committed ones.</p>")
    return "\n".join(parts)
