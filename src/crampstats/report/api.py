"""The reference: a page a room, every name with signature, parameters, notes and examples from its docstring."""

from __future__ import annotations

import html
import inspect
import re
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import griffe

import crampstats
from crampstats.report.catalogue import (
    PACKAGE,
    ROOMS,
    Catalogue,
    Entry,
    choices_of,
    docstring,
    page_of,
)
from crampstats.report.docstrings import coloured, in_blocks, in_line, linked, types
from crampstats.report.pages import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PLACE = "reference.html"
MOST_CHOICES = 6
LINE = 80
OPENING = (
    "Every public name, by the room of the package in which it lives, with the results that functions return. "
    "<code>cs</code> is what <code>import crampstats as cs</code> gives; names that begin with <code>crampstats</code> "
    "are imported from there."
)
KINDS = griffe.DocstringSectionKind
LABELS = {
    KINDS.parameters: "Parameters",
    KINDS.attributes: "Attributes",
    KINDS.returns: "Returns",
    KINDS.raises: "Raises",
    KINDS.warns: "Warns",
}


def reference_pages(catalogue: Catalogue) -> list[Page]:
    """Return the index of the reference and a page a room.

    Parameters
    ----------
    catalogue
        What the reference holds.
    """
    rooms = [room for room in ROOMS if catalogue.entries[room] or _introduction(room)]
    pages = [Page(page_of(room), room, _room(catalogue, room), place=PLACE) for room in rooms]
    return [Page(PLACE, "Reference", _index(catalogue, rooms)), *pages]


def _index(catalogue: Catalogue, rooms: list[str]) -> str:
    """Return all names by room, each with its summary."""
    parts = [
        "<h1>Reference</h1>",
        f"<p>{OPENING}</p>",
        '<nav class="contents" aria-label="Rooms"><ol>',
        *(f'<li><a href="#{room}">{room}</a></li>' for room in rooms),
        "</ol></nav>",
    ]
    for room in rooms:
        parts.append(f'<h2 id="{room}"><a href="{page_of(room)}">{room}</a></h2>')
        parts.append(f"<p>{_first_line(_introduction(room), partial(catalogue.place, entry=None))}</p>")
        parts.append(_summaries(catalogue, room, page_of(room)))
    return "\n".join(parts)


def _introduction(room: str) -> str:
    """Return the docstring of a room."""
    return inspect.cleandoc(import_module(f"{PACKAGE}.{room}").__doc__ or "")


def _first_line(text: str, find: Callable[[str], str | None]) -> str:
    """Return the summary of a docstring as HTML."""
    return in_line(text.partition("\n\n")[0].replace("\n", " "), find)


def _summaries(catalogue: Catalogue, room: str, page: str = "") -> str:
    """Return the names of a room with their summaries, those that are reached through modules last."""
    rows = [
        f'<dt><a href="{page}#{entry.path}"><code>{_called(entry)}</code></a></dt>'
        f"<dd>{_first_line(docstring(entry.thing), partial(catalogue.place, entry=entry))}</dd>"
        for entry in catalogue.entries[room]
    ]
    return _list("names", rows) if rows else ""


def _list(kind: str, rows: Iterable[str]) -> str:
    """Return pairs of terms and what they mean as a list of this kind."""
    return "\n".join([f'<dl class="{kind}">', *rows, "</dl>"])


def _called(entry: Entry) -> str:
    """Return how a reader writes it."""
    at_hand = entry.path.split(".")[1] in crampstats.__all__
    return entry.path.replace(PACKAGE, "cs", 1) if at_hand else entry.path


def _room(catalogue: Catalogue, room: str) -> str:
    """Return the page of a room."""
    parts = [
        f'<p><a href="{PLACE}">Reference</a></p>',
        f"<h1>{room}</h1>",
        in_blocks(_introduction(room), partial(catalogue.place, entry=None)),
        _summaries(catalogue, room),
        *(_entry(catalogue, entry) for entry in catalogue.entries[room]),
    ]
    return "\n".join(parts)


def _entry(catalogue: Catalogue, entry: Entry) -> str:
    """Return a class with its members, or a function."""
    text = docstring(entry.thing)
    head = f'<section class="entry" id="{entry.path}">\n<h2>{entry.name}</h2>'
    made = not inspect.isclass(entry.thing) or "\nParameters\n---" in text
    parts = [head, _signature(_called(entry), entry.thing) if made else _given(entry)]
    parts.append(_explained(catalogue, entry, entry.thing, entry.path))
    for name, member in entry.members.items():
        parts.append(f'<section class="member" id="{entry.path}.{name}">\n<h3>{entry.name}.{name}</h3>')
        if not _is_value(member):
            parts.append(_signature(name, member))
        parts.append(_explained(catalogue, entry, member, f"{entry.path}.{name}"))
        parts.append("</section>")
    return "\n".join([*parts, "</section>"])


def _is_value(member: Any) -> bool:
    """Say whether a member is looked up and not called."""
    return isinstance(member, property) or hasattr(member, "func")


def _given(entry: Entry) -> str:
    """Return how one comes by an object of a class that nobody makes by hand."""
    return f'<p class="signature"><code>{_called(entry)}</code>, an exception</p>' if _is_error(entry) else ""


def _is_error(entry: Entry) -> bool:
    return issubclass(entry.thing, Exception)


def _signature(name: str, thing: Any) -> str:
    """Return a call with its defaults, without types; in several lines where one is too long."""
    function = getattr(thing, "__func__", thing)
    parameters = [one for one in inspect.signature(function).parameters.values() if one.name not in {"self", "cls"}]
    shown = []
    for before, one in zip([None, *parameters], parameters, strict=False):
        if one.kind == one.KEYWORD_ONLY and (before is None or before.kind < one.VAR_POSITIONAL):
            shown.append("*")
        star = "*" * (one.kind == one.VAR_POSITIONAL) + "**" * (one.kind == one.VAR_KEYWORD)
        shown.append(star + one.name + ("" if one.default is one.empty else f"={_default(one.default)}"))
    call = f"{name}({', '.join(shown)})"
    if len(call) > LINE:
        call = f"{name}(\n" + "".join(f"    {one},\n" for one in shown) + ")"
    return f'<div class="signature">{coloured(call)}</div>'


def _default(value: Any) -> str:
    """Return a default as a reader writes it."""
    if isinstance(value, str):
        return f'"{value}"' if '"' not in value else repr(value)
    return getattr(value, "__name__", None) or re.sub(r"'([^'\"]*)'", r'"\1"', repr(value))


def _explained(catalogue: Catalogue, entry: Entry, thing: Any, path: str) -> str:
    """Return the sections of a docstring as HTML."""
    function = getattr(thing, "fget", None) or getattr(thing, "func", None) or getattr(thing, "__func__", thing)
    kinds = entry.attributes if inspect.isclass(thing) else dict(getattr(function, "__annotations__", {}))
    names = set(kinds) | (set(entry.attributes) - {"return"})

    def find(name: str) -> str | None:
        place = None if name in kinds else catalogue.place(name, entry)
        return place if place or name not in names else ""

    def identified(name: str) -> str:
        # What is computed has a section of its own, which is its place.
        return "" if inspect.isclass(thing) and name in entry.members else f' id="{path}.{name}"'

    module = getattr(function, "__module__", entry.thing.__module__)
    kind = partial(_kind, catalogue, entry, module)
    parts = []
    for section in griffe.Docstring(docstring(thing), parser="numpy").parse(warnings=False, warn_missing_types=False):
        if section.kind == KINDS.text:
            parts.append(in_blocks(section.value, find))
        elif section.kind in LABELS:
            parts.append(f'<p class="label">{LABELS[section.kind]}</p>')
            rows = [_row(section.kind, one, kinds, kind, find, identified) for one in section.value]
            parts.append(_list("fields", rows))
        elif section.kind == KINDS.examples:
            parts.append('<p class="label">Examples</p>')
            parts += [coloured(text) if of == KINDS.examples else in_blocks(text, find) for of, text in section.value]
        else:
            parts.append(f'<p class="label">{html.escape(section.title or "Notes")}</p>')
            parts.append(in_blocks(section.value.description, find))
    returned = kinds.get("return")
    if "\nReturns\n---" not in docstring(thing) and returned not in {None, "None"} and not inspect.isclass(thing):
        parts.insert(1, f'<p class="returns">Returns {kind(str(returned))}</p>')
    return "\n".join(parts)


def _row(
    section: Any,
    field: Any,
    kinds: dict[str, str],
    kind: Callable[[str], str],
    find: Callable[[str], str | None],
    identified: Callable[[str], str],
) -> str:
    """Return a parameter, an attribute, a result or an error with its type and what is said of it."""
    said = in_blocks(field.description, find)
    if section in {KINDS.parameters, KINDS.attributes}:
        terms = []
        for name in field.name.split(", "):
            bare = name.lstrip("*")
            what = f" {kind(kinds[bare])}" if bare in kinds else ""
            terms.append(f"<dt{identified(bare)}><var>{html.escape(name)}</var>{what}</dt>")
        return f"{''.join(terms)}<dd>{said}</dd>"
    name = str(field.annotation or getattr(field, "name", ""))
    shown = kind(name) if section == KINDS.returns else linked(name, find(name))
    return f"<dt>{shown}</dt><dd>{said}</dd>"


def _kind(catalogue: Catalogue, entry: Entry, module: str, annotation: str) -> str:
    """Return a type as a reader understands it: few choices are written out."""

    def written(name: str) -> str | None:
        choices = choices_of(module, name)
        return ", ".join(_default(one) for one in choices) if 0 < len(choices) <= MOST_CHOICES else None

    return types(annotation, partial(catalogue.place, entry=entry), written)
