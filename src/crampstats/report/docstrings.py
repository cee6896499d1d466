"""Docstrings as HTML: sections, names that are links, works that are links, examples as code."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonConsoleLexer, PythonLexer

if TYPE_CHECKING:
    from collections.abc import Callable

    # From a name in a text to where it leads; empty for parameters, None where there is nothing to lead to.
    Find = Callable[[str], str | None]

INLINE = re.compile(r"``(?P<code>.+?)``|`(?P<name>[^`]+)`|\*(?P<stress>[^\s*](?:[^*]*[^\s*])?)\*|(?P<work>doi:10\.\S+)")
BULLET = re.compile(r"- ")
LINES, SESSION, FORMATTER = PythonLexer(), PythonConsoleLexer(), HtmlFormatter()
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def work_link(text: str) -> str:
    """Return a DOI of a text as a link; what ends the sentence stays outside.

    Parameters
    ----------
    text
        ``doi:10.`` and what follows up to a space.
    """
    cited = text.rstrip(".,;:")
    while cited.endswith(")") and cited.count(")") > cited.count("("):
        cited = cited[:-1].rstrip(".,;:")
    number = html.escape(cited.removeprefix("doi:"), quote=True)
    return f'<a href="https://doi.org/{number}">doi:{number}</a>{html.escape(text[len(cited) :])}'


def in_line(text: str, find: Find) -> str:
    """Return a piece of reStructuredText as HTML.

    Parameters
    ----------
    text
        With ``code`` in double backticks, names in single ones, *stress*, and DOIs.
    find
        Where names lead.
    """
    parts, end = [], 0
    for found in INLINE.finditer(text):
        parts.append(html.escape(text[end : found.start()]))
        end = found.end()
        if found["work"]:
            parts.append(work_link(found["work"]))
        elif found["stress"]:
            parts.append(f"<em>{html.escape(found['stress'])}</em>")
        elif found["code"]:
            parts.append(f"<code>{html.escape(found['code'])}</code>")
        else:
            parts.append(linked(found["name"], find(found["name"])))
    return "".join([*parts, html.escape(text[end:])])


def linked(name: str, place: str | None) -> str:
    """Return a name as code, a link if it leads somewhere; where the place is here, empty, as a variable.

    Parameters
    ----------
    name
        As it stands in the text.
    place
        An address, empty for a parameter of what is explained, or None.
    """
    if place == "":
        return f"<var>{html.escape(name)}</var>"
    code = f"<code>{html.escape(name)}</code>"
    return f'<a href="{html.escape(place, quote=True)}">{code}</a>' if place else code


def in_blocks(text: str, find: Find) -> str:
    """Return paragraphs, lists and literal blocks as HTML.

    Parameters
    ----------
    text
        Of a docstring, without sections.
    find
        Where names lead.
    """
    parts = []
    literal = False
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        if literal and block.startswith(" "):
            lines = block.splitlines()
            margin = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
            parts.append(coloured("\n".join(line[margin:] for line in lines)))
            continue
        literal = block.endswith("::")
        plain = block[:-1] if literal else block
        if BULLET.match(plain):
            points = [" ".join(point.split()) for point in re.split(r"(?:^|\n)- ", plain) if point]
            parts.append("<ul>" + "".join(f"<li>{in_line(point, find)}</li>" for point in points) + "</ul>")
        else:
            parts.append(f"<p>{in_line(' '.join(plain.split()), find)}</p>")
    return "\n".join(parts)


def coloured(code: str) -> str:
    """Return Python as HTML, as in the notebooks; an example of a docstring with its prompts.

    Parameters
    ----------
    code
        Lines of Python, or of a session.
    """
    lexer = SESSION if code.lstrip().startswith(">>>") else LINES
    return str(highlight(code, lexer, FORMATTER))


def types(annotation: str, find: Find, choices: Callable[[str], str | None]) -> str:
    """Return a type as HTML: its names links where they lead somewhere, choices written out.

    Parameters
    ----------
    annotation
        As it stands in the signature.
    find
        Where names lead.
    choices
        What a name of choices stands for, such as ``"average", "treated"``; None for other names.
    """
    parts, end = [], 0
    for found in IDENTIFIER.finditer(annotation):
        if annotation[: found.start()].count('"') % 2 or annotation[: found.start()].count("'") % 2:
            continue
        parts.append(html.escape(annotation[end : found.start()]))
        end = found.end()
        written, place = choices(found[0]), find(found[0])
        name = html.escape(written or found[0])
        parts.append(f'<a href="{html.escape(place, quote=True)}">{name}</a>' if place and not written else name)
    return "<code>" + "".join([*parts, html.escape(annotation[end:])]) + "</code>"
