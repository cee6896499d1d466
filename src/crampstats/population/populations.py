"""The simulated population: its variables, and the numbers that make them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pandas as pd

from crampstats.errors import CrampstatsError
from crampstats.population.declarations import Variable, declare, number_faults
from crampstats.population.terms import Numbers
from crampstats.reference.parameters import parameter_tables, population_tables, scenario_tables, sourced_from
from crampstats.reference.sourced import Sourced
from crampstats.reference.tables import bibliography
from crampstats.schema import Fault, Schema, raise_faults

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Iterable

    import networkx as nx


@cache
def _packaged() -> tuple[tuple[Variable, ...], dict[str, Sourced]]:
    """Return the packaged declaration, read once."""
    return declare(population_tables())


@dataclass(frozen=True, repr=False)
class Population:
    """A structural causal model of serum magnesium and muscle cramps in adults.

    Every variable has named parents and a mechanism that sees only these and its own luck; every number has a source, or is
    marked as assumed. ``Population()`` is the packaged one. It is a model to test methods with: what it says of effects is
    what was put into it.

    Attributes
    ----------
    variables
        In causal order: parents first.
    parameters
        Each number by its full name, such as ``"diabetes.intercept"``. It cannot be changed in place.
    citations
        Of sources that `crampstats.reference.sources` does not have, by their keys.

    Examples
    --------
    >>> population = Population()
    >>> population.parameters["sex.female"].status
    'assumed'
    >>> from crampstats.reference import Sourced
    >>> more = Sourced(0.6, "1", "", status="assumed", note="a women's clinic")
    >>> population.with_parameters({"sex.female": more}).parameters["sex.female"].value
    0.6
    """

    variables: tuple[Variable, ...]
    parameters: Mapping[str, Sourced]
    citations: Mapping[str, str]

    def __init__(
        self,
        variables: tuple[Variable, ...] | None = None,
        parameters: Mapping[str, Sourced] | None = None,
        citations: Mapping[str, str] | None = None,
    ) -> None:
        if (variables is None) != (parameters is None):
            raise CrampstatsError("a Population needs both its variables and its parameters, or neither.")
        packaged_variables, packaged_parameters = _packaged() if variables is None else ((), {})
        object.__setattr__(self, "variables", packaged_variables if variables is None else variables)
        shown = MappingProxyType(dict(packaged_parameters if parameters is None else parameters))
        object.__setattr__(self, "parameters", shown)
        object.__setattr__(self, "citations", MappingProxyType(dict(citations or {})))

    def __reduce__(self) -> tuple[Any, ...]:
        # What shields the parameters cannot be sent to another process.
        return type(self), (self.variables, dict(self.parameters), dict(self.citations))

    @classmethod
    def declared(cls, tables: Mapping[str, Any]) -> Population:
        """Return a population of one's own, declared as the packaged one is.

        Parameters
        ----------
        tables
            A table each variable, parents first: what `tomllib` reads of a file in the form of the packaged
            ``population.toml``.

        Raises
        ------
        SchemaError
            With every fault of the declaration.

        Examples
        --------
        >>> half = {"value": 0.5, "unit": "1", "status": "assumed", "note": "an example"}
        >>> coin = {"meaning": "a coin", "mechanism": "shares", "levels": ["head", "tail"], "shares": {"tail": half}}
        >>> Population.declared({"coin": coin}).names
        ('coin',)
        """
        return cls(*declare(tables))

    @classmethod
    def scenario(cls, name: str) -> Population:
        """Return the packaged population under other assumptions that stand under one name.

        Parameters
        ----------
        name
            One of `crampstats.population.scenarios`, such as ``"deficiency matters"``.

        Raises
        ------
        CrampstatsError
            If there is none of this name.

        Examples
        --------
        >>> other = Population.scenario("deficiency matters")
        >>> other.names == Population().names, other.parameters == Population().parameters
        (True, False)
        """
        tables = scenario_tables()
        if name not in tables:
            raise CrampstatsError(f"there is no scenario {name!r}; choose from {', '.join(map(repr, tables))}.")
        return cls()._replaced(_read(tables[name]["parameters"]), {})

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the variables, in causal order."""
        return tuple(variable.name for variable in self.variables)

    @property
    def numbers(self) -> dict[str, float]:
        """The values of the parameters by their full names."""
        return {name: parameter.value for name, parameter in self.parameters.items()}

    @cached_property
    def tabled_numbers(self) -> Numbers:
        """The same values, with the tables of what effects add up to, which are made once for all people."""
        return Numbers(self.numbers, self.schema.columns)

    @property
    def schema(self) -> Schema:
        """The columns that `crampstats.simulate` makes."""
        return Schema("simulated people", tuple(variable.column for variable in self.variables))

    def descendants(self, names: Iterable[str]) -> set[str]:
        """Return variables and all that may be otherwise if they are.

        Parameters
        ----------
        names
            Of variables.

        Examples
        --------
        >>> sorted(Population().descendants(["second_magnesium_mmol_l"]))
        ['second_magnesium_mmol_l']
        """
        found = set(names)
        for variable in self.variables:
            if not found.isdisjoint(variable.parents):
                found.add(variable.name)
        return found

    def variable(self, name: str) -> Variable:
        """Return a variable by its name.

        Parameters
        ----------
        name
            Of the column.

        Raises
        ------
        CrampstatsError
            If there is none.
        """
        for variable in self.variables:
            if variable.name == name:
                return variable
        raise CrampstatsError(f"the population has no variable {name!r}; it has {', '.join(self.names)}.")

    def with_parameters(self, parameters: Mapping[str, Sourced]) -> Population:
        """Return the same population with other numbers.

        Parameters
        ----------
        parameters
            By full name, each a `crampstats.reference.Sourced` in the unit of the one that it replaces.

        Raises
        ------
        SchemaError
            With every fault: an unknown name, a number without source or of an unknown one, another unit, an impossible value.
        """
        given: Any = parameters
        if not isinstance(given, Mapping):
            told = [Fault("parameters", f"are {given!r:.80}", "a mapping of names to Sourced")]
            raise_faults(told, "the parameters do not fit the population")
        return self._replaced({name: (value, "") for name, value in given.items()}, {})

    def with_file(self, path: str | os.PathLike[str]) -> Population:
        """Return the same population with the numbers of a TOML file.

        Parameters
        ----------
        path
            A table each parameter, such as ``["diabetes.intercept"]`` with value, unit, source, status and note; a table
            ``[sources]`` with citations of sources that `crampstats.reference.sources` does not have.

        Raises
        ------
        ReferenceDataError
            If the file cannot be read.
        SchemaError
            With every fault, as `with_parameters`.
        """
        tables, own = parameter_tables(path)
        return self._replaced(_read(tables, own), own)

    def _replaced(self, given: Mapping[str, tuple[Any, str]], own: Mapping[str, str]) -> Population:
        """Return the population with these numbers, or raise all that is wrong with them."""
        faults, new, citations = [], dict(self.parameters), {**self.citations, **own}
        for name, (parameter, problem) in given.items():
            old = self.parameters.get(name)
            if old is None:
                faults.append(Fault(str(name), "is no parameter of the population", _like(name, self.parameters)))
            elif problem:
                faults.append(Fault(name, problem, "a sourced number"))
            elif not isinstance(parameter, Sourced):
                faults.append(
                    Fault(name, f"is {parameter!r}", "a Sourced: a value with unit and source, or its reason")
                )
            elif parameter.source and parameter.source not in bibliography() and parameter.source not in citations:
                faults.append(
                    Fault(name, f"source {parameter.source!r} is in no bibliography", "a key of reference.sources()")
                )
            elif parameter.unit != old.unit:
                faults.append(Fault(name, f"is in {parameter.unit!r}", f"the unit {old.unit!r}"))
            else:
                new[name] = parameter
        changed = {name: parameter.value for name, parameter in new.items()}
        raise_faults([*faults, *number_faults(self.variables, changed)], "the parameters do not fit the population")
        return Population(self.variables, new, citations)

    def to_frame(self) -> pd.DataFrame:
        """Return the parameters as a table.

        Returns
        -------
        DataFrame
            ``parameter``, ``value``, ``unit``, ``status``, ``source``, ``where``, ``low``, ``high``, ``note``.
        """
        columns = ["value", "unit", "status", "source", "where", "low", "high", "note"]
        rows = [
            {"parameter": name, **{column: getattr(parameter, column) for column in columns}}
            for name, parameter in self.parameters.items()
        ]
        return pd.DataFrame(rows, columns=["parameter", *columns]).astype({"low": float, "high": float})

    def graph(self) -> nx.DiGraph:
        """Return the causal graph: an arrow from each parent to its child.

        Returns
        -------
        networkx.DiGraph
            Nodes in causal order, with the attributes ``unit``, ``meaning``, ``kind``, ``truth`` (known only of a simulated
            person), ``mechanism`` (its name) and ``group``.

        Examples
        --------
        >>> graph = Population().graph()
        >>> sorted(graph.predecessors("age_group"))
        ['age_years']
        >>> graph.nodes["age_years"]["unit"]
        'years'
        """
        import networkx as nx

        graph = nx.DiGraph()
        for variable in self.variables:
            column = variable.column
            graph.add_node(
                variable.name,
                unit=column.unit,
                meaning=column.meaning,
                kind=column.kind,
                truth=variable.truth,
                mechanism=variable.mechanism.name,
                group=variable.group,
            )
            graph.add_edges_from((parent, variable.name) for parent in variable.parents)
        return graph

    def __repr__(self) -> str:
        assumed = sum(parameter.status == "assumed" for parameter in self.parameters.values())
        return f"<Population: {len(self.variables)} variables, {len(self.parameters)} parameters, {assumed} assumed>"

    def _repr_html_(self) -> str:
        return str(self.to_frame().to_html(index=False, max_rows=20))


def scenarios() -> pd.DataFrame:
    """Return the scenarios that `Population.scenario` knows.

    Returns
    -------
    DataFrame
        A row a scenario: ``name``, ``meaning`` (what it assumes otherwise than ``Population()``), and ``parameters``, the
        full names of the numbers that it changes.

    Examples
    --------
    >>> "deficiency matters" in set(scenarios()["name"])
    True
    """
    rows = [(name, table["meaning"], tuple(table["parameters"])) for name, table in scenario_tables().items()]
    return pd.DataFrame(rows, columns=["name", "meaning", "parameters"])


def _read(tables: Mapping[str, Any], own_sources: Collection[str] = ()) -> dict[str, tuple[Any, str]]:
    """Return each parameter's number, or None and what is wrong with its table."""
    read: dict[str, tuple[Any, str]] = {}
    for name, table in tables.items():
        try:
            read[name] = (sourced_from(table, own_sources), "")
        except CrampstatsError as problem:
            read[name] = (None, str(problem).rstrip("."))
    return read


def _like(name: Any, known: Mapping[str, Any]) -> str:
    """Name the parameters that may have been meant."""
    from difflib import get_close_matches

    close = get_close_matches(str(name), list(known), n=3, cutoff=0.5)
    if not close:
        return "a name as in Population.to_frame()"
    return f"a name as in Population.to_frame(), such as {', '.join(map(repr, close))}"
