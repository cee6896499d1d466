"""The parameters of the simulated population, its scenarios and interventions, and what a user brings: TOML with sources."""

from __future__ import annotations

import os
import tomllib
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crampstats.errors import ReferenceDataError
from crampstats.reference.sourced import Sourced
from crampstats.reference.tables import bibliography

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

SOURCED_KEYS = ("value", "unit", "source", "where", "low", "high", "status", "note")
_TEXTS = ("unit", "source", "where", "status", "note")


def _packaged(name: str) -> dict[str, Any]:
    """Return a packaged TOML file."""
    path = resources.files("crampstats.reference") / "tables" / f"{name}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def population_tables() -> dict[str, Any]:
    """Return the packaged declaration of the simulated population: a table a variable, in causal order."""
    return _packaged("population")


def scenario_tables() -> dict[str, dict[str, Any]]:
    """Return the packaged scenarios by name: each a ``meaning`` and its ``parameters`` by full name.

    Raises
    ------
    ReferenceDataError
        If one lacks its meaning or changes no parameter.
    """
    tables = _packaged("scenarios")
    _check("scenario", tables, {"meaning": str, "parameters": dict})
    return tables


def intervention_tables() -> dict[str, dict[str, Any]]:
    """Return the packaged interventions by name: ``meaning``, ``do``, ``acts_on`` and ``claims``.

    Raises
    ------
    ReferenceDataError
        If one lacks one of them.
    """
    tables = _packaged("interventions")
    _check("intervention", tables, {"meaning": str, "do": dict, "acts_on": list, "claims": list})
    return tables


def parameter_tables(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what a user's file says of parameters, by full name, and the citations that it brings itself, by their keys.

    Parameters
    ----------
    path
        Of a TOML file: a table each parameter, such as ``["diabetes.intercept"]``, and a table ``[sources]`` with a
        citation each for sources that are not in `crampstats.reference.sources`.

    Raises
    ------
    ReferenceDataError
        If the file cannot be read as TOML, or a citation is no text or has the key of another source.
    """
    if not isinstance(path, str | os.PathLike):
        raise ReferenceDataError(f"path={path!r} has to be the path of a TOML file.")
    try:
        tables = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise ReferenceDataError(f"{path}: cannot be read as TOML: {problem}.") from problem
    own = tables.pop("sources", {})
    if not isinstance(own, dict) or not all(isinstance(text, str) and text.strip() for text in own.values()):
        raise ReferenceDataError(f"{path}: [sources] has to be a table of keys and citations.")
    if taken := [key for key in own if key in bibliography()]:
        raise ReferenceDataError(
            f"{path}: {_listed(taken)} in [sources] is the key of a packaged source; choose another."
        )
    return tables, own


def sourced_from(table: Any, own_sources: Collection[str] = ()) -> Sourced:
    """Return the number of a TOML table, checked to have a source that the bibliography or the file knows.

    Parameters
    ----------
    table
        With the keys of `Sourced`.
    own_sources
        Keys that count as known.

    Raises
    ------
    ReferenceDataError
        With what is wrong, in one sentence.
    """
    if not isinstance(table, dict):
        raise ReferenceDataError(f"{table!r} is a bare value; it needs value, unit and source")
    unknown = [key for key in table if key not in SOURCED_KEYS]
    if unknown:
        raise ReferenceDataError(f"has the unknown {_listed(unknown)}; it may have {', '.join(SOURCED_KEYS)}")
    wrong = [key for key in ("value", "low", "high") if key in table and not _is_number(table[key])]
    wrong += [key for key in _TEXTS if key in table and not isinstance(table[key], str)]
    if wrong:
        raise ReferenceDataError(f"{_listed(wrong)} has to be a {'number' if wrong[0] not in _TEXTS else 'text'}")
    if "value" not in table or "unit" not in table:
        raise ReferenceDataError(f"lacks {' and '.join(key for key in ('value', 'unit') if key not in table)}")
    source = table.get("source", "")
    if source and source not in bibliography() and source not in own_sources:
        raise ReferenceDataError(f"source {source!r} is in no bibliography")
    return Sourced(
        float(table["value"]),
        table["unit"],
        source,
        table.get("where", ""),
        _float(table, "low"),
        _float(table, "high"),
        table.get("status", "published"),
        table.get("note", ""),
    )


def _check(kind: str, tables: Mapping[str, Any], keys: Mapping[str, type]) -> None:
    """Refuse tables that have not these keys, none empty, and no others."""
    wrong = [
        name
        for name, table in tables.items()
        if not isinstance(table, dict)
        or set(table) != set(keys)
        or not all(isinstance(table[key], kind_of) and table[key] for key, kind_of in keys.items())
    ]
    if wrong:
        raise ReferenceDataError(f"the {kind} {_listed(wrong)} has to have {', '.join(keys)} and nothing else.")


def _listed(keys: Collection[str]) -> str:
    return ", ".join(map(repr, keys))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _float(table: Mapping[str, Any], key: str) -> float | None:
    return float(table[key]) if key in table else None
