"""Executed notebooks as pages: captions that can be linked to, references and citations that are links."""

from __future__ import annotations

import html
import re
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from nbconvert.exporters.html import HTMLExporter

from crampstats.report.pages import Page, in_texts, keep_units, template_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

CAPTION = re.compile(r"<p><strong>(Figure|Table) (\d+)\.(\d+)\.(.*?)</strong>", re.DOTALL)
MENTION = re.compile(r"\b(Figure|Table) (\d+)\.(\d+)\b|\b[Nn]otebook (\d\d)\b")
UNNAMED = 'aria-label="Table"'


def title_of(notebook: Any) -> str:
    """Return the first heading of a notebook."""
    for cell in notebook.cells:
        for line in cell.source.splitlines():
            if cell.cell_type == "markdown" and line.startswith("# "):
                return line[2:].strip()
    return "Untitled"


def answer_of(notebook: Any) -> str:
    """Return the Markdown of a notebook's answer, or nothing."""
    for cell in notebook.cells:
        for paragraph in cell.source.split("\n\n"):
            if cell.cell_type == "markdown" and paragraph.startswith("**Answer.**"):
                return paragraph.removeprefix("**Answer.**").strip()
    return ""


def pictures_of(notebooks: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return the pictures that notebooks show: the PNG in base 64 and the alternative text, by the name of the figure."""
    found = {}
    for output in _outputs(notebooks):
        alt = (output.get("metadata", {}).get("image/png") or {}).get("alt", "")
        name = re.match(r"Figure ([\w-]+): ", output.get("data", {}).get("text/plain", ""))
        if alt and name:
            found[name[1]] = (output["data"]["image/png"].replace("\n", ""), alt)
    return found


def _outputs(notebooks: Mapping[str, Any]) -> Iterator[Any]:
    for notebook in notebooks.values():
        for cell in notebook.cells:
            yield from cell.get("outputs", [])


def notebook_pages(notebooks: Mapping[str, Any], citations: Mapping[str, str]) -> list[Page]:
    """Return a page a notebook.

    Parameters
    ----------
    notebooks
        Executed, by their names without ending.
    citations
        The key of a source, by each way in which texts cite it, such as ``Parker et al. 2017``.
    """
    exporter = HTMLExporter(
        template_name=template_folder().name, extra_template_basedirs=[str(template_folder().parent)]
    )
    link = _linker({name[:2]: f"{quote(name)}.html" for name in notebooks}, citations)
    pages = []
    for index, (name, notebook) in enumerate(notebooks.items()):
        body, _ = exporter.from_notebook_node(notebook)
        linked = in_texts(_with_anchors(body), link)
        pages.append(
            Page(
                f"{name}.html", title_of(notebook), linked + _neighbours(notebooks, index), place="index.html#questions"
            )
        )
    return pages


def _with_anchors(body: str) -> str:
    """Give every caption a place that links can lead to, and every table its caption as a name."""
    anchored = CAPTION.sub(r'<p class="caption" id="\1-\2-\3"><strong>\1 \2.\3.\4</strong>', body)
    parts = re.split(r'(id="Table-\d+-\d+")', anchored)
    named = [parts[0]]
    for anchor, rest in zip(parts[1::2], parts[2::2], strict=True):
        named += [anchor, rest.replace(UNNAMED, f"aria-labelledby={anchor[3:]}", 1)]
    further = count(1)
    return re.sub(UNNAMED, lambda _: f'aria-label="Further table {next(further)}"', "".join(named))


def _linker(files: Mapping[str, str], citations: Mapping[str, str]) -> Callable[[str], str]:
    """Return what makes links of the figures, tables, notebooks and works that a text mentions."""
    works = {html.escape(way): key for way, key in citations.items()}
    longest_first = "|".join(re.escape(way) for way in sorted(works, key=len, reverse=True))
    either = re.compile(f"{MENTION.pattern}|({longest_first})" if works else f"{MENTION.pattern}|(?!)()")

    def link(found: re.Match[str]) -> str:
        kind, notebook, place, alone, work = found.groups()
        if work:
            return f'<a href="sources.html#{works[work]}">{work}</a>'
        number = (notebook or alone).zfill(2)
        anchor = f"#{kind}-{notebook}-{place}" if kind else ""
        return f'<a href="{files[number]}{anchor}">{found[0]}</a>' if number in files else found[0]

    return lambda text: keep_units(either.sub(link, text))


def _neighbours(notebooks: Mapping[str, Any], index: int) -> str:
    """Return links to the question before and the one after."""
    names = list(notebooks)
    links = []
    for place, word, rel in ((index - 1, "Before", "prev"), (index + 1, "Next", "next")):
        if 0 <= place < len(names):
            title = html.escape(title_of(notebooks[names[place]]))
            links.append(f'<p>{word}: <a rel="{rel}" href="{quote(names[place])}.html">{title}</a></p>')
    return f'\n<nav class="neighbours" aria-label="Questions">\n{"".join(links)}</nav>' if links else ""
