"""The causal graph of a population, and what has to be adjusted for to read an effect off data that come from it."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from crampstats.errors import CrampstatsError
from crampstats.population.populations import Population
from crampstats.schema import Fault, raise_faults

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import networkx as nx

SHOWN = 3
NOTHING, NONE_EXISTS = "(nothing)", "(none exists)"
# Mechanisms without luck of their own: who knows the parents knows the variable. Of the coarser there is one parent.
COARSER = frozenset({"classes", "reported"})
COMPUTED = COARSER | {"rate"}


@dataclass(frozen=True, repr=False)
class AdjustmentSet:
    """What to adjust for, or why nothing that is measured would do. It is true exactly if there is such a set.

    Attributes
    ----------
    exposure, outcome
        Names of the variables whose total effect is asked for.
    found
        The variables in causal order; ``()`` if nothing need be adjusted for, None if no set of measured variables does.
    paths
        Back-door paths. Of a set: for each of its variables, in the same order, the shortest path that opens if that one is
        left out. Where none exists: the shortest that stays open through each cause of the exposure.
    reason
        The same in a few sentences.
    """

    exposure: str
    outcome: str
    found: tuple[str, ...] | None
    paths: tuple[str, ...]
    reason: str

    @property
    def exists(self) -> bool:
        """Return whether measured variables suffice; the empty set counts."""
        return self.found is not None

    @property
    def variables(self) -> tuple[str, ...]:
        """Return the variables to adjust for, in causal order; an empty tuple if there is nothing to adjust for.

        Raises
        ------
        CrampstatsError
            If no set exists, with the reason: that is not the empty set.
        """
        if self.found is None:
            raise CrampstatsError(f"adjustment_set: none exists for {self.exposure} and {self.outcome}: {self.reason}")
        return self.found

    def to_frame(self) -> pd.DataFrame:
        """Return ``exposure``, ``outcome``, ``exists``, ``adjust_for`` and ``path``; at least one row, so none gets lost.

        A row a variable, with the path that it blocks; ``"(nothing)"`` for the empty set; where none exists a row for each
        open path, with ``"(none exists)"``.
        """
        if self.found is None:
            rows = [(NONE_EXISTS, path) for path in self.paths]
        else:
            rows = list(zip(self.found, self.paths, strict=True)) or [(NOTHING, "")]
        frame = pd.DataFrame(rows, columns=["adjust_for", "path"])
        frame.insert(0, "exists", self.exists)
        frame.insert(0, "outcome", self.outcome)
        frame.insert(0, "exposure", self.exposure)
        return frame

    def __bool__(self) -> bool:
        return self.exists

    def __repr__(self) -> str:
        return f"<AdjustmentSet for {self.exposure} and {self.outcome}: {self.reason}>"

    def _repr_html_(self) -> str:
        table = self.to_frame()[["adjust_for", "path"]].to_html(index=False, border=0)
        return f"<p>{escape(self.exposure)} and {escape(self.outcome)}: {escape(self.reason)}</p>\n{table}"


def adjustment_set(
    population: Population, exposure: str, outcome: str, *, avoid: Collection[str] = ()
) -> AdjustmentSet:
    """Return measured variables whose adjustment leaves the total effect of the exposure: the back-door criterion.

    None of them descends from the exposure, together they block every path into it from the outcome, and none can be left
    out. Of several such sets it is the one nearest to the outcome: of the minimal sets the one with which estimates that
    assume no form of the model have the smallest variance in large samples. Only if nothing else does it takes groups, such
    as villages, which have too many levels for most models, or variables that the exposure or the outcome is computed from.

    Parameters
    ----------
    population
        Whose causal graph is taken for true.
    exposure, outcome
        Names of two variables; they may be latent (``true_...``).
    avoid
        Names of further variables that cannot be adjusted for, such as those that your data do not have.

    Returns
    -------
    AdjustmentSet
        Its `exists` is False, and `variables` raises, where no measured variables do; `reason` names the open paths.

    Raises
    ------
    SchemaError
        If names are unknown, or exposure and outcome are the same.

    Notes
    -----
    Criterion: Pearl J, Biometrika 1995;82:669-688, doi:10.1093/biomet/82.4.669. If any set does, then all measured ancestors
    of exposure or outcome that do not descend from the exposure: van der Zander B, Liśkiewicz M, Textor J, Artificial
    Intelligence 2019;270:1-40, doi:10.1016/j.artint.2018.12.006. Choice among minimal sets: Smucler E, Sapienza F,
    Rotnitzky A, Biometrika 2022;109:49-65, doi:10.1093/biomet/asab018. The graph knows arrows, not what they do: in what
    form the variables enter a model, and whether the exposure varies among people who are alike in them, is another question;
    `reason` answers it only for what is computed without luck, such as an age group from the age.

    Examples
    --------
    >>> from crampstats.population import Population
    >>> adjustment_set(Population(), "pregnant", "cramps_per_week").variables
    ('age_years', 'sex')
    >>> taken_for_cramps = adjustment_set(Population(), "supplement", "cramps_per_week")
    >>> taken_for_cramps.exists
    False
    >>> print(taken_for_cramps.paths[0])
    supplement <- true_cramp_proneness -> true_cramp_rate_per_week -> cramps_per_week
    """
    from networkx import ancestors, descendants

    given: Any = population
    if not isinstance(given, Population):
        raise_faults([Fault("population", f"is {given!r:.80}", "a Population")], "adjustment_set")
    graph = population.graph()
    _check(graph, exposure, outcome, avoid)
    affected = descendants(graph, exposure)
    back_door = graph.copy()
    back_door.remove_edges_from(list(graph.out_edges(exposure)))
    concerned = ancestors(back_door, exposure) | ancestors(back_door, outcome)
    latent = {name for name, is_truth in graph.nodes(data="truth") if is_truth}
    able = concerned - affected - latent - {exposure, outcome}
    candidates = able - set(avoid)
    unwanted = _unwanted(graph, exposure, outcome)
    chosen = _nearest(back_door, exposure, outcome, candidates, unwanted)
    if chosen is not None:
        found = tuple(name for name in graph if name in chosen)
        paths = tuple(_needed_for(back_door, exposure, outcome, chosen, name) for name in found)
        reason = _reason_for(graph, exposure, outcome, found)
    else:
        found = None
        paths, reason = _reason_against(back_door, exposure, outcome, candidates)
        behind = [name for name in graph if name in affected - latent - {outcome} and _on_a_path(name, paths)]
        if behind:
            reason += f" What {exposure} itself affects must not be adjusted for: {', '.join(behind)}."
        anyway = _nearest(back_door, exposure, outcome, able, unwanted)
        if anyway is not None:
            reason += f" Without avoid= these would do: {', '.join(name for name in graph if name in anyway)}."
    if outcome not in affected:
        reason += f" By the graph {exposure} has no effect on {outcome}: no directed path leads there."
    return AdjustmentSet(exposure, outcome, found, paths, reason)


def _check(graph: nx.DiGraph, exposure: str, outcome: str, avoid: Collection[str]) -> None:
    """Raise one error with all that is wrong with the names."""
    faults = []
    given: Any = avoid
    if isinstance(given, str) or not isinstance(given, Collection):
        faults.append(Fault("avoid", f"is {given!r}", "a list of names"))
        avoid = ()
    unknown = sorted({repr(name) for name in (exposure, outcome, *avoid) if name not in graph})
    if unknown:
        faults.append(Fault(", ".join(unknown), "no such variable", f"some of {', '.join(graph)}"))
    if exposure == outcome:
        faults.append(Fault("outcome", f"is the exposure {exposure!r}", "another variable"))
    raise_faults(faults, "adjustment_set")


def _nearest(
    graph: nx.DiGraph, exposure: str, outcome: str, able: set[str], unwanted: Iterable[set[str]]
) -> set[str] | None:
    """Return the set nearest to the outcome that blocks every path, the first that does without what is unwanted."""
    from networkx import find_minimal_d_separator

    for without in unwanted:
        # Searched from the outcome, the separator nearest to it is found.
        chosen: set[str] | None = find_minimal_d_separator(graph, outcome, exposure, restricted=able - without)
        if chosen is not None:
            return chosen
    return None


def _unwanted(graph: nx.DiGraph, exposure: str, outcome: str) -> tuple[set[str], ...]:
    """Return what not to adjust for if it can be helped, from all such wishes to none.

    Groups have too many levels for most models. Among people alike in what exposure or outcome are computed from, these do
    not vary.
    """
    groups = {name for name, mechanism in graph.nodes(data="mechanism") if mechanism == "groups"}
    finer_exposure, finer_outcome = _finer(graph, exposure), _finer(graph, outcome)
    return groups | finer_exposure | finer_outcome, finer_exposure | finer_outcome, finer_outcome, set()


def _finer(graph: nx.DiGraph, name: str) -> set[str]:
    """Return the variables of which this one is a coarser version."""
    finer: set[str] = set()
    while graph.nodes[name]["mechanism"] in COARSER:
        (name,) = graph.predecessors(name)
        finer.add(name)
    return finer


def _open_path(
    graph: nx.DiGraph, starts: Iterable[str], outcome: str, given: Collection[str], opened: Collection[str]
) -> list[str]:
    """Return the shortest path from one of the causes `starts` of the exposure to the outcome that is open.

    Parameters
    ----------
    graph
        Without the arrows out of the exposure.
    given
        What is adjusted for: it blocks a path, unless two arrows meet there.
    opened
        Where two arrows that meet do not block.

    Returns
    -------
    list
        Names from start to outcome; empty if all paths are blocked. A shortest open walk visits no variable twice: a loop
        can be cut off, since what opens a collider inside it opens the variable at its ends too.
    """
    # A variable is reached with an arrow into it (True) or against one (False).
    queue = deque((start, False) for start in starts)
    paths = {state: [state[0]] for state in queue}
    while queue:
        state = queue.popleft()
        name, arrow_into = state
        if name == outcome:
            return paths[state]
        steps = [] if name in given else [(child, True) for child in graph.successors(name)]
        against = name in opened if arrow_into else name not in given
        if against:
            steps += [(parent, False) for parent in graph.predecessors(name)]
        for step in steps:
            if step not in paths:
                paths[step] = [*paths[state], step[0]]
                queue.append(step)
    return []


def _opened_by(graph: nx.DiGraph, given: Iterable[str]) -> set[str]:
    """Return where two arrows may meet without blocking: what is adjusted for, and what leads to it."""
    from networkx import ancestors

    return set().union(*({name} | ancestors(graph, name) for name in given))


def _drawn(graph: nx.DiGraph, exposure: str, path: Sequence[str]) -> str:
    """Return a path from the exposure on in words and arrows."""
    text, before = exposure, exposure
    for name in path:
        text += f" -> {name}" if graph.has_edge(before, name) else f" <- {name}"
        before = name
    return text


def _on_a_path(name: str, paths: Iterable[str]) -> bool:
    """Return whether a drawn path visits a variable."""
    return any(name in path.split(" ") for path in paths)


def _needed_for(graph: nx.DiGraph, exposure: str, outcome: str, chosen: set[str], name: str) -> str:
    """Return the shortest path that opens if one variable of a set is left out."""
    rest = chosen - {name}
    path = _open_path(graph, graph.predecessors(exposure), outcome, rest, _opened_by(graph, rest))
    return _drawn(graph, exposure, path)


def _reason_for(graph: nx.DiGraph, exposure: str, outcome: str, found: tuple[str, ...]) -> str:
    """Return in words that a set exists, and whether exposure and outcome vary within it."""
    if not found:
        return f"nothing need be adjusted for: no back-door path from {exposure} to {outcome} is open."
    names = ", ".join(found)
    if len(found) == 1:
        reason = f"{names} blocks every back-door path."
    else:
        reason = f"{names} together block every back-door path, and none of them can be left out."
    known = set(found)
    for name in graph:  # in causal order, so that what is computed of computed variables is found too
        parents = set(graph.predecessors(name))
        if graph.nodes[name]["mechanism"] in COMPUTED and parents and parents <= known:
            known.add(name)
    for name in (exposure, outcome):
        if name in known:
            reason += f" But {name} is computed from what is adjusted for: among people alike in that it does not vary."
    return reason


def _reason_against(
    graph: nx.DiGraph, exposure: str, outcome: str, candidates: set[str]
) -> tuple[tuple[str, ...], str]:
    """Return which paths stay open, and in words that therefore no set exists."""
    causes = list(graph.predecessors(exposure))
    # First the paths on which no two arrows meet and nothing is measured: nothing can be done about these.
    paths = [_open_path(graph, [cause], outcome, candidates, ()) for cause in causes]
    beginning = "no measured variables block"
    if not any(paths):
        opened = _opened_by(graph, candidates)
        paths = [_open_path(graph, [cause], outcome, candidates, opened) for cause in causes]
        beginning = (
            "whichever measured variables are adjusted for, a back-door path stays open; adjusting for all that may be "
            "adjusted for opens"
        )
    drawn = tuple(_drawn(graph, exposure, path) for path in sorted(filter(None, paths), key=len))
    more = f"; and {len(drawn) - SHOWN} more" if len(drawn) > SHOWN else ""
    return drawn, f"{beginning}: {'; '.join(drawn[:SHOWN])}{more}."
