"""Pages of the report: HTML that needs no network."""

from __future__ import annotations

import html
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from nbconvert.exporters.html import HTMLExporter

from crampstats.output import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def _template() -> Path:
    """Return the folder of the template, which is a real one in every installation that can run notebooks."""
    return Path(str(resources.files("crampstats.report"))) / "template"


def page(title: str, body: str) -> bytes:
    """Return a whole page.

    Parameters
    ----------
    title
        Plain text; escaped here.
    body
        HTML.
    """
    style = (_template() / "style.css").read_text(encoding="utf-8")
    return PAGE.format(title=html.escape(title), style=style, body=body).encode()


def title_of(notebook: Any) -> str:
    """Return the first heading of a notebook."""
    for cell in notebook.cells:
        for line in cell.source.splitlines():
            if cell.cell_type == "markdown" and line.startswith("# "):
                return line[2:].strip()
    return "Untitled"


def write_notebook_page(notebook: Any, path: Path) -> None:
    """Write a notebook as a page.

    Parameters
    ----------
    notebook
        Executed.
    path
        Of the page.
    """
    template = _template()
    exporter = HTMLExporter(template_name=template.name, extra_template_basedirs=[str(template.parent)])
    body, _ = exporter.from_notebook_node(notebook)
    links = '<nav><a href="index.html">crampstats: all questions</a></nav>\n<main>\n'
    write_whole(path, page(title_of(notebook), f"{links}{body}\n</main>"))


def write_index(
    notebooks: Mapping[str, Any], findings: Mapping[str, list[str]], failures: Mapping[str, str], path: Path
) -> None:
    """Write the first page: what was asked, and whether the results are the committed ones.

    Parameters
    ----------
    notebooks
        Executed, by their names without ending.
    findings
        Differences by file, as from `crampstats.report.compare.compare_files`.
    failures
        Of notebooks that did not run through, by file; their pages show earlier results.
    path
        Of the page.
    """
    items = "\n".join(
        f'<li><a href="{quote(name)}.html">{html.escape(title_of(notebook))}</a></li>'
        for name, notebook in notebooks.items()
    )
    body = (
        "<main><h1>crampstats: serum magnesium and muscle cramps</h1>\n"
        "<p>Each page asks one question and answers it from data. Associations are not effects; nothing here is medical "
        f"advice.</p>\n<ol>\n{items}\n</ol>\n<h2>Are these the committed results?</h2>\n"
        f"{_verdict(findings, failures)}\n</main>"
    )
    write_whole(path, page("crampstats", body))


def _verdict(findings: Mapping[str, list[str]], failures: Mapping[str, str]) -> str:
    """Say in HTML what failed and what differs."""
    parts = []
    if failures:
        parts.append(f'<p class="differs">{len(failures)} failed; what is shown of them is from an earlier run:</p>')
        parts.append(_list(f"{name}: {text}" for name, text in failures.items()))
    differing = {name: texts for name, texts in findings.items() if texts}
    if differing:
        parts.append(
            f'<p class="differs">{len(differing)} of {len(findings)} files differ from the committed ones:</p>'
        )
        parts.append(_list(f"{name}: {'; '.join(texts)}" for name, texts in differing.items()))
    else:
        parts.append(f"<p>All {len(findings)} tables, figures and notebooks equal the committed ones.</p>")
    return "\n".join(parts)


def _list(texts: Iterable[str]) -> str:
    """Return texts as a list in HTML."""
    return "<ul>\n" + "\n".join(f"<li>{html.escape(text)}</li>" for text in texts) + "\n</ul>"
