"""What the reference holds: the public names, the classes that they return, what their docstrings refer to."""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import crampstats

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = "crampstats"
# In the order of a reader: from the survey to the paper.
ROOMS = (
    "survey",
    "questions",
    "formulas",
    "datasets",
    "proportions",
    "estimates",
    "intervals",
    "quantiles",
    "cutoffs",
    "descriptions",
    "participation",
    "regression",
    "effects",
    "missing",
    "measurement",
    "multiverse",
    "synthesis",
    "planning",
    "population",
    "diagnostics",
    "figures",
    "tables",
    "reference",
    "schema",
    "units",
    "design",
    "output",
    "errors",
)
MEMBERS = (FunctionType, property, classmethod, staticmethod, cached_property)
# A name in single backticks; two of them are code.
NAMED = re.compile(r"(?<!`)`([^`]+)`(?!`)")
DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True, eq=False)
class Entry:
    """A class or function of the reference.

    Attributes
    ----------
    path
        How a reader reaches it, such as ``crampstats.prevalence``; its place on the page as well.
    thing
        The class or function.
    room
        On whose page it stands.
    """

    path: str
    thing: Any
    room: str

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition(".")[2]

    @property
    def page(self) -> str:
        """The name of the page."""
        return page_of(self.room)

    @property
    def members(self) -> dict[str, Any]:
        """Public methods and computed attributes of a class by name, the inherited ones after its own."""
        found: dict[str, Any] = {}
        for base in self.thing.__mro__ if inspect.isclass(self.thing) else ():
            if base.__module__.startswith(PACKAGE):
                own = {name: value for name, value in vars(base).items() if isinstance(value, MEMBERS)}
                found.update({name: own[name] for name in own if not name.startswith("_") and name not in found})
        return found

    @property
    def attributes(self) -> dict[str, str]:
        """Types of the fields of a class, and of what it is made of, by name."""
        return _fields(self.thing) if inspect.isclass(self.thing) else {}


def _fields(kind: type) -> dict[str, str]:
    """Return the types of the fields of a class, and of what it is made of, by name."""
    bases = [base for base in reversed(kind.__mro__) if base.__module__.startswith(PACKAGE)]
    found: dict[str, str] = {}
    for base in bases:
        made = vars(base).get("__init__")
        found |= {**vars(base).get("__annotations__", {}), **getattr(made, "__annotations__", {})}
    return {name: text for name, text in found.items() if name != "return"}


def page_of(room: str) -> str:
    """Return the name of the page of a room."""
    return f"reference-{room}.html"


def docstring(thing: Any) -> str:
    """Return the docstring of a class, a function or a computed attribute, without indentation."""
    return inspect.getdoc(getattr(thing, "func", thing)) or ""


@cache
def _imported(module: str) -> dict[str, str]:
    """Return from which modules of the package a module has its names, for types only or at all."""
    tree = ast.parse(Path(inspect.getfile(import_module(module))).read_text(encoding="utf-8"))
    for_types = [node for branch in tree.body if isinstance(branch, ast.If) for node in branch.body]
    nodes = [node for node in (*tree.body, *for_types) if isinstance(node, ast.ImportFrom)]
    return {
        alias.asname or alias.name: str(node.module)
        for node in nodes
        for alias in node.names
        if str(node.module).startswith(PACKAGE)
    }


def named_in(module: str, name: str) -> Any:
    """Return what a name means in a module; None if it means nothing there.

    Parameters
    ----------
    module
        Its full name.
    name
        Without dots.
    """
    there = vars(import_module(module))
    if name in there:
        return there[name]
    home = _imported(module).get(name)
    return getattr(import_module(home), name, None) if home else None


def choices_of(module: str, name: str) -> tuple[Any, ...]:
    """Return the choices that a type of choices stands for in a module; empty for other types."""
    kind = named_in(module, name)
    return get_args(kind) if get_origin(kind) is Literal else ()


class Catalogue:
    """The classes and functions of the reference, and where names of texts lead.

    Attributes
    ----------
    entries
        By room, in the order of the package.
    """

    def __init__(self) -> None:
        self.entries: dict[str, list[Entry]] = {room: [] for room in ROOMS}
        self._of: dict[int, Entry] = {}
        self._called: dict[str, Any] = {}
        for room in ROOMS:
            for name, thing in _public(room):
                self._add(
                    f"{PACKAGE}.{name}" if name in crampstats.__all__ else f"{PACKAGE}.{room}.{name}", thing, room
                )
        waiting = list(self._of.values())
        while waiting:
            waiting = [found for entry in waiting for thing in self._mentioned(entry) if (found := self._found(thing))]

    def _add(self, path: str, thing: Any, room: str) -> Entry:
        entry = Entry(path, thing, room)
        self.entries[room].append(entry)
        self._of[id(thing)] = entry
        self._called.setdefault(entry.name, thing)
        return entry

    def _found(self, thing: Any) -> Entry | None:
        """Add a class or function of the package that is not there yet."""
        module = getattr(thing, "__module__", None) or ""
        if id(thing) in self._of or not module.startswith(f"{PACKAGE}.") or not hasattr(thing, "__qualname__"):
            return None
        room = module.split(".")[1]
        return self._add(f"{module}.{thing.__name__}", thing, room) if room in ROOMS else None

    def _mentioned(self, entry: Entry) -> Iterator[Any]:
        """Yield the classes that an entry returns, and what its docstrings refer to."""
        for thing in (entry.thing, *entry.members.values()):
            returned = getattr(getattr(thing, "fget", thing), "__annotations__", {}).get("return")
            for name in re.findall(r"\w+", str(returned or "")):
                kind = named_in(entry.thing.__module__, name) if name[0].isupper() else None
                if inspect.isclass(kind):
                    yield kind
            for name in NAMED.findall(docstring(thing)):
                meant = self._meant(name, entry)
                if isinstance(meant, ModuleType) and meant.__name__.split(".")[-1] not in ROOMS:
                    yield from (value for _, value in _defined(meant))
                elif inspect.isclass(meant) or inspect.isfunction(meant):
                    yield meant

    def _meant(self, name: str, entry: Entry | None) -> Any:
        """Return what a name means, in the docstring of an entry or outside of all; None for nothing of the package."""
        if not DOTTED.fullmatch(name):
            return None
        first, *rest = name.split(".")
        if first in {PACKAGE, "cs"}:
            meant: Any = crampstats
        elif entry and (first in entry.members or first in entry.attributes) and inspect.isclass(entry.thing):
            meant, rest = entry.thing, [first, *rest]
        else:
            meant = named_in(entry.thing.__module__, first) if entry else None
            if entry and not callable(meant) and not rest:
                meant = next(
                    (
                        (kind, first)
                        for kind in self._concerned(entry)
                        if hasattr(kind, first) or first in _fields(kind)
                    ),
                    None,
                )
            if meant is None and first in crampstats.__all__:
                meant = getattr(crampstats, first)
            if meant is None:
                meant = self._called.get(first)
        for part in rest:
            inner = getattr(meant, part, None)
            if inner is None and isinstance(meant, ModuleType):
                inner = _module(f"{meant.__name__}.{part}")
            if inner is None or inspect.isclass(meant):
                return (meant, part) if inspect.isclass(meant) else None
            meant = inner
        return meant

    def _concerned(self, entry: Entry) -> list[type]:
        """Return the classes that a function returns, then those that it takes, whose methods its docstring may name."""
        kinds = getattr(entry.thing, "__annotations__", {}) if inspect.isfunction(entry.thing) else {}
        texts = [str(kinds.get("return", "")), *(str(kind) for name, kind in kinds.items() if name != "return")]
        named = [named_in(entry.thing.__module__, name) for text in texts for name in re.findall(r"\b[A-Z]\w+", text)]
        return [kind for kind in named if inspect.isclass(kind) and id(kind) in self._of]

    def place(self, name: str, entry: Entry | None = None) -> str | None:
        """Return where a name leads: a page and a place on it.

        Parameters
        ----------
        name
            As it stands in a text, such as ``fit``, ``cs.fit``, ``Survey.where``.
        entry
            In whose docstring it stands; None elsewhere.

        Returns
        -------
        str or None
            None if the reference does not hold it.
        """
        meant = self._meant(name, entry)
        if isinstance(meant, tuple):
            owner = self._of.get(id(meant[0]))
            known = owner and (meant[1] in owner.members or meant[1] in owner.attributes)
            return f"{owner.page}#{owner.path}.{meant[1]}" if owner and known else None
        if isinstance(meant, ModuleType):
            room = meant.__name__.split(".")[1] if "." in meant.__name__ else ""
            return page_of(room) if room in ROOMS else None
        found = self._of.get(id(meant))
        return f"{found.page}#{found.path}" if found else None


def _module(name: str) -> ModuleType | None:
    """Return a module of the package, None if there is none of this name."""
    try:
        return import_module(name)
    except ModuleNotFoundError:
        return None


def _public(room: str) -> list[tuple[str, Any]]:
    """Return the public classes and functions of a room by name."""
    module = import_module(f"{PACKAGE}.{room}")
    if hasattr(module, "__all__"):
        return [(name, getattr(module, name)) for name in module.__all__ if callable(getattr(module, name))]
    # Of a public room without a list of its own: classes, and functions that are explained by an example.
    explained = room in crampstats.__all__
    return [
        (name, thing)
        for name, thing in _defined(module)
        if name in crampstats.__all__ or (explained and (inspect.isclass(thing) or ">>> " in docstring(thing)))
    ]


def _defined(module: ModuleType) -> list[tuple[str, Any]]:
    """Return the classes and functions without underscore that a module itself defines."""
    return [
        (name, thing)
        for name, thing in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(thing) or inspect.isfunction(thing))
        and thing.__module__ == module.__name__
    ]
