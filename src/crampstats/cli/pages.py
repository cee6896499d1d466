"""A page of HTML that needs nothing else, in which every text is text."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from crampstats.cli.wording import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Whatever slipped through, a browser would run and load nothing.
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 80rem; padding: 1rem; }}
h1 {{ font-size: 1.5rem; overflow-wrap: anywhere; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
caption {{ font-size: 1.2rem; font-weight: bold; padding: 1rem 0 .5rem; text-align: left; }}
th, td {{ border-bottom: 1px solid #888; padding: .25rem .75rem; text-align: left; vertical-align: top; }}
td.number {{ text-align: right; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""


def page(title: str, paragraphs: Sequence[str], tables: Sequence[tuple[str, Sequence[Mapping[str, Any]]]]) -> bytes:
    """Return a whole page.

    Parameters
    ----------
    title, paragraphs
        Plain text; escaped here.
    tables
        The caption of each and its records, plain text as well; None is an empty cell.

    Examples
    --------
    >>> "<p>1 &lt; 2</p>" in page("Check", ["1 < 2"], []).decode()
    True
    """
    parts = [f"<p>{_escaped(text)}</p>" for text in paragraphs]
    parts += [_table(caption, records) for caption, records in tables]
    return PAGE.format(title=_escaped(title), body="\n".join(parts)).encode()


def _escaped(text: str) -> str:
    """Return plain text as HTML."""
    return html.escape(printable(text))


def _table(caption: str, records: Sequence[Mapping[str, Any]]) -> str:
    """Return a table that can be scrolled by keyboard; the first cell of a row is its heading."""
    names = list(records[0])
    head = "".join(f'<th scope="col">{_escaped(name)}</th>' for name in names)
    lines = [f'<div class="wide" role="region" aria-label="{_escaped(caption)}" tabindex="0">', "<table>"]
    lines += [f"<caption>{_escaped(caption)}</caption>", f"<thead><tr>{head}</tr></thead>", "<tbody>"]
    for record in records:
        first, *others = [record[name] for name in names]
        lines.append(f'<tr><th scope="row">{_escaped(_shown(first))}</th>{"".join(map(_cell, others))}</tr>')
    return "\n".join([*lines, "</tbody>", "</table>", "</div>"])


def _cell(value: Any) -> str:
    """Return a cell, numbers set to the right."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return f"<td{' class=' + chr(34) + 'number' + chr(34) if number else ''}>{_escaped(_shown(value))}</td>"


def _shown(value: Any) -> str:
    """Return a value as it is read."""
    return "" if value is None else str(value)
