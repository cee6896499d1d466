"""Causal graphs and adjustment sets, against textbook graphs and against a search through all subsets."""

import itertools
import subprocess
import sys
from types import SimpleNamespace

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crampstats.errors import CrampstatsError, SchemaError
from crampstats.population import Population
from crampstats.population.declarations import Variable
from crampstats.population.graphs import COMPUTED, adjustment_set
from crampstats.schema import Column


def world(**parents: str) -> Population:
    """Make a population of `child="parent parent"`, in causal order; names with a leading ``true_`` are latent."""
    variables = []
    for name, those in parents.items():
        mechanism, _, rest = those.partition(":") if ":" in those else ("normal", "", those)
        column = Column(name, "number", f"meaning of {name}", "unit", truth=name.startswith("true_"))
        variables.append(Variable(column, SimpleNamespace(name=mechanism, parents=tuple(rest.split()))))
    return Population(tuple(variables), {})


# The back-door criterion as Pearl words it, by listing every path: no networkx, nothing of the module under test.
Arrows = set[tuple[str, str]]


def arrows_of(population: Population) -> Arrows:
    return {(parent, variable.name) for variable in population.variables for parent in variable.parents}


def descendants(arrows: Arrows, name: str) -> set[str]:
    below = {child for parent, child in arrows if parent == name}
    return below.union(*(descendants(arrows, child) for child in below))


def all_paths(arrows: Arrows, path: tuple[str, ...], goal: str) -> list[tuple[str, ...]]:
    if path[-1] == goal:
        return [path]
    beside = {b if a == path[-1] else a for a, b in arrows if path[-1] in (a, b)}
    return [found for step in sorted(beside - set(path)) for found in all_paths(arrows, (*path, step), goal)]


def back_door_paths(arrows: Arrows, exposure: str, outcome: str) -> list[tuple[str, ...]]:
    return [path for path in all_paths(arrows, (exposure,), outcome) if (path[1], exposure) in arrows]


def is_open(arrows: Arrows, path: tuple[str, ...], adjusted: set[str]) -> bool:
    for before, name, after in zip(path, path[1:], path[2:], strict=False):
        if (before, name) in arrows and (after, name) in arrows:
            if not ({name} | descendants(arrows, name)) & adjusted:
                return False
        elif name in adjusted:
            return False
    return True


def satisfies(arrows: Arrows, exposure: str, outcome: str, adjusted: set[str]) -> bool:
    if adjusted & (descendants(arrows, exposure) | {exposure, outcome}):
        return False
    return not any(is_open(arrows, path, adjusted) for path in back_door_paths(arrows, exposure, outcome))


def subsets(names: list[str]) -> list[set[str]]:
    return [set(some) for size in range(len(names) + 1) for some in itertools.combinations(names, size)]


def read_path(text: str) -> tuple[tuple[str, ...], Arrows]:
    """Return the variables of a drawn path and its arrows."""
    words = text.split(" ")
    steps = zip(words[::2], words[1::2], words[2::2], strict=False)
    return tuple(words[::2]), {(a, b) if arrow == "->" else (b, a) for a, arrow, b in steps}


TEXTBOOK = {
    "alone": (world(x="", y="x"), ()),
    "two confounders, in causal order": (world(d="", c="d", x="d c", y="x d c"), ("d", "c")),
    "confounder": (world(c="", x="c", y="x c"), ("c",)),
    "mediator": (world(x="", m="x", y="x m"), ()),
    "confounded mediator": (world(c="", x="", m="x c", y="m c"), ()),
    "collider": (world(x="", y="x", collider="x y"), ()),
    "M-bias": (world(true_a="", true_b="", m="true_a true_b", x="true_a", y="true_b x"), ()),
    "M-bias, all measured": (world(a="", b="", m="a b", x="a", y="b x"), ()),
    # Glymour's butterfly: m confounds and is a collider, so it needs one of its parents; b is nearer to the outcome.
    "butterfly": (world(a="", b="", m="a b", x="a m", y="b m x"), ("b", "m")),
    "butterfly, b latent": (world(a="", true_b="", m="a true_b", x="a m", y="true_b m x"), ("a", "m")),
    "chain of confounders": (world(root="", near_x="root", near_y="root", x="near_x", y="near_y x"), ("near_y",)),
    "chain, one measured": (world(true_r="", near_x="true_r", true_n="true_r", x="near_x", y="true_n x"), ("near_x",)),
    "proxy is no help": (world(true_u="", proxy="true_u", x="true_u", y="x true_u"), None),
    "front door": (world(true_u="", x="true_u", m="x", y="m true_u"), None),
    "instrument": (world(z="", true_u="", x="z true_u", y="x true_u"), None),
    "instrument and confounder": (world(z="", c="", x="z c", y="x c"), ("c",)),
    "cause of the outcome alone": (world(c="", x="", y="x c"), ()),
    "outcome comes first": (world(y="", x="y"), None),
    "outcome comes first, by a measured way": (world(y="", m="y", x="m"), ("m",)),
    "confounder and collider at once": (
        world(true_a="", true_b="", m="true_a true_b", x="true_a m", y="true_b m"),
        None,
    ),
    "what is adjusted for lies behind a collider": (
        world(true_a="", true_b="", true_m="true_a true_b", d="true_m", x="true_a d", y="true_b d x"),
        None,
    ),
    "two copies": (world(age="", age_group="age", x="age_group", y="age x"), ("age",)),
    # Pearl, Causality, figure 3.4: {x3, x4} and {x4, x5} do, x4 alone does not.
    "Pearl 3.4": (world(x1="", x2="", x3="x1", x4="x1 x2", x5="x2", x="x3 x4", x6="x", y="x4 x5 x6"), ("x4", "x5")),
}


@pytest.mark.parametrize(("population", "expected"), TEXTBOOK.values(), ids=TEXTBOOK)
def test_textbook_graphs(population: Population, expected: tuple[str, ...] | None) -> None:
    result = adjustment_set(population, "x", "y")
    assert result.found == expected
    assert result.exists is bool(result) is (expected is not None)


PATHS = {
    "front door": ("x <- true_u -> y",),
    "instrument": ("x <- true_u -> y",),
    "outcome comes first": ("x <- y",),
    "confounder and collider at once": ("x <- true_a -> m <- true_b -> y",),
    "what is adjusted for lies behind a collider": ("x <- true_a -> true_m <- true_b -> y",),
    "butterfly": ("x <- a -> m <- b -> y", "x <- m -> y"),
    "two copies": ("x <- age_group <- age -> y",),
}


@pytest.mark.parametrize("name", PATHS)
def test_paths_are_named(name: str) -> None:
    result = adjustment_set(TEXTBOOK[name][0], "x", "y")
    assert result.paths == PATHS[name]


def test_the_reason_says_what_stays_open() -> None:
    reason = adjustment_set(TEXTBOOK["front door"][0], "x", "y").reason
    assert reason == "no measured variables block: x <- true_u -> y."


def test_the_reason_where_adjusting_opens_a_path() -> None:
    reason = adjustment_set(TEXTBOOK["confounder and collider at once"][0], "x", "y").reason
    assert reason == (
        "whichever measured variables are adjusted for, a back-door path stays open; adjusting for all that may be "
        "adjusted for opens: x <- true_a -> m <- true_b -> y. By the graph x has no effect on y: no directed path leads there."
    )


def test_the_reason_names_what_the_exposure_affects() -> None:
    reason = adjustment_set(world(true_u="", x="true_u", m="x true_u", y="m"), "x", "y").reason
    assert reason == (
        "no measured variables block: x <- true_u -> m -> y. What x itself affects must not be adjusted for: m."
    )


def test_the_reason_names_nothing_latent_as_adjustable() -> None:
    reason = adjustment_set(world(true_u="", x="true_u", true_m="x true_u", y="true_m"), "x", "y").reason
    assert reason == "no measured variables block: x <- true_u -> true_m -> y."


def test_the_shortest_path_comes_first() -> None:
    result = adjustment_set(
        world(true_a="", true_m="true_a", true_b="", x="true_a true_b", y="true_m true_b"), "x", "y"
    )
    assert result.paths == ("x <- true_b -> y", "x <- true_a -> true_m -> y")


def test_the_reason_shows_three_paths_and_counts_the_others() -> None:
    latent = [f"true_{letter}" for letter in "abcde"]
    result = adjustment_set(
        world(**dict.fromkeys(latent, ""), x=" ".join(latent), y=" ".join(["x", *latent])), "x", "y"
    )
    assert result.paths == tuple(f"x <- {name} -> y" for name in latent)
    assert result.reason.endswith("x <- true_c -> y; and 2 more.")


def test_none_is_never_taken_for_the_empty_set() -> None:
    none = adjustment_set(TEXTBOOK["front door"][0], "x", "y")
    empty = adjustment_set(TEXTBOOK["mediator"][0], "x", "y")
    assert empty.variables == ()
    assert empty
    assert not none
    with pytest.raises(
        CrampstatsError, match=r"none exists for x and y: no measured variables block: x <- true_u -> y\."
    ):
        none.variables  # noqa: B018
    assert "no measured variables block: x <- true_u -> y" in repr(none)
    assert "nothing need be adjusted for" in repr(empty)
    assert "x &lt;- true_u -&gt; y" in none._repr_html_()


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("front door", [("x", "y", False, "(none exists)", "x <- true_u -> y")]),
        ("mediator", [("x", "y", True, "(nothing)", "")]),
        ("butterfly", [("x", "y", True, "b", "x <- a -> m <- b -> y"), ("x", "y", True, "m", "x <- m -> y")]),
    ],
)
def test_a_table_has_a_row_a_variable_and_never_none(name: str, rows: list[tuple[object, ...]]) -> None:
    frame = adjustment_set(TEXTBOOK[name][0], "x", "y").to_frame()
    assert list(frame.columns) == ["exposure", "outcome", "exists", "adjust_for", "path"]
    assert list(frame.itertuples(index=False, name=None)) == rows


def test_an_exposure_without_effect_is_told() -> None:
    without = adjustment_set(world(c="", x="c", y="c"), "x", "y")
    assert without.variables == ("c",)
    assert without.reason.endswith("By the graph x has no effect on y: no directed path leads there.")
    assert "no effect" not in adjustment_set(world(c="", x="c", m="x", y="c m"), "x", "y").reason


def test_what_is_avoided_is_replaced_where_it_can_be() -> None:
    population = TEXTBOOK["chain of confounders"][0]
    assert adjustment_set(population, "x", "y", avoid=["near_y"]).variables == ("root",)
    assert adjustment_set(population, "x", "y", avoid={"near_y", "root"}).variables == ("near_x",)
    none = adjustment_set(population, "x", "y", avoid=["near_y", "root", "near_x"])
    assert none.reason == (
        "no measured variables block: x <- near_x <- root -> near_y -> y. Without avoid= these would do: near_y."
    )


def test_avoiding_does_not_hide_that_none_exists_anyway() -> None:
    assert (
        "Without avoid="
        not in adjustment_set(world(c="", true_u="", x="c true_u", y="c true_u"), "x", "y", avoid=["c"]).reason
    )


def test_exposure_and_outcome_may_be_latent() -> None:
    population = world(c="", true_x="c", true_y="true_x c", y="true_y")
    assert adjustment_set(population, "true_x", "true_y").variables == ("c",)
    assert adjustment_set(population, "true_x", "y").variables == ("c",)


CONSTANT = "is computed from what is adjusted for: among people alike in that it does not vary."


def test_what_is_computed_from_the_set_is_told() -> None:
    result = adjustment_set(world(age="", group="classes:age", decade="classes:group", y="age"), "decade", "y")
    assert result.variables == ("age",)
    assert f"But decade {CONSTANT}" in result.reason
    older = adjustment_set(world(age="", old="classes:age", x="age"), "x", "old")
    assert older.variables == ("age",)
    assert f"But old {CONSTANT}" in older.reason
    # Neither where luck is between them, nor where nothing is adjusted for.
    assert "computed" not in adjustment_set(world(age="", group="age", y="age"), "group", "y").reason
    assert "computed" not in adjustment_set(world(age="", group="classes:age", y="group"), "group", "y").reason


def test_what_is_computed_of_several_is_told_only_if_all_are_known() -> None:
    both = adjustment_set(world(a="", b="", x="rate:a b", y="x a b"), "x", "y")
    assert both.variables == ("a", "b")
    assert f"But x {CONSTANT}" in both.reason
    one = adjustment_set(world(a="", true_b="", x="rate:a true_b", y="x a"), "x", "y")
    assert one.variables == ("a",)
    assert "computed" not in one.reason


def test_what_the_outcome_is_computed_from_is_a_last_resort() -> None:
    # The count is nearer to the outcome, and adjusting for it would leave nothing to explain.
    population = world(age="", x="age", count="age", y="classes:count")
    assert adjustment_set(population, "x", "y").variables == ("age",)
    assert adjustment_set(population, "x", "y", avoid=["age"]).variables == ("count",)
    # Better that the exposure does not vary than that the outcome does not.
    coarse = world(age="", x="classes:age", count="age", y="classes:count")
    assert adjustment_set(coarse, "x", "y").variables == ("age",)


def test_what_the_exposure_is_computed_from_is_a_last_resort() -> None:
    population = world(age="", true_u="age", x="classes:age", near="age", y="near true_u near")
    assert adjustment_set(population, "x", "y").variables == ("age",)
    assert adjustment_set(world(age="", x="classes:age", near="age", y="near"), "x", "y").variables == ("near",)


def test_groups_are_adjusted_for_only_if_nothing_else_does() -> None:
    population = world(region="", village="groups:region", true_v="group_effect:village", x="region", y="x true_v")
    assert adjustment_set(population, "x", "y").variables == ("region",)
    assert adjustment_set(population, "x", "y", avoid=["region"]).variables == ("village",)
    neither = adjustment_set(population, "x", "y", avoid=["region", "village"])
    assert neither.reason.endswith("Without avoid= these would do: region.")


@pytest.mark.parametrize(
    ("arguments", "avoid", "message"),
    [
        (("x", "z"), (), "adjustment_set: 1 fault.\n  - 'z': no such variable; expected some of c, x, y"),
        (("q", "y"), ["z", "c"], "adjustment_set: 1 fault.\n  - 'q', 'z': no such variable; expected some of c, x, y"),
        (("x", "x"), (), "adjustment_set: 1 fault.\n  - outcome: is the exposure 'x'; expected another variable"),
        (("x", "y"), "c", "adjustment_set: 1 fault.\n  - avoid: is 'c'; expected a list of names"),
        ((["x"], "y"), (), "adjustment_set: 1 fault.\n  - ['x']: no such variable; expected some of c, x, y"),
        (
            ("q", "q"),
            ["z"],
            (
                "adjustment_set: 2 faults.\n  - 'q', 'z': no such variable; expected some of c, x, y\n"
                "  - outcome: is the exposure 'q'; expected another variable"
            ),
        ),
    ],
)
def test_wrong_names_get_one_error(arguments: tuple[str, str], avoid: list[str], message: str) -> None:
    with pytest.raises(SchemaError) as caught:
        adjustment_set(world(c="", x="c", y="x c"), *arguments, avoid=avoid)
    assert str(caught.value) == message


def test_the_graph_has_what_the_columns_say() -> None:
    graph = world(c="", true_x="c", y="classes:true_x c").graph()
    assert list(graph) == ["c", "true_x", "y"]
    assert set(graph.edges) == {("c", "true_x"), ("true_x", "y"), ("c", "y")}
    assert graph.nodes["true_x"] == {
        "unit": "unit",
        "meaning": "meaning of true_x",
        "kind": "number",
        "truth": True,
        "mechanism": "normal",
        "group": "",
    }
    assert graph.nodes["y"]["mechanism"] == "classes"
    assert graph.nodes["y"]["truth"] is False


def test_networkx_is_imported_only_when_needed() -> None:
    code = "import sys, crampstats.population.graphs; sys.exit('networkx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@st.composite
def worlds(draw: st.DrawFn, *, computed: bool) -> tuple[SimpleNamespace, str, str, set[str]]:
    """Draw a graph of at most seven variables, some latent, some without luck; an exposure, an outcome, what to avoid."""
    size = draw(st.integers(2, 7))
    names = [("true_" if draw(st.booleans()) and draw(st.booleans()) else "") + letter for letter in "abcdefg"[:size]]
    parents = {}
    for i, name in enumerate(names):
        those = [other for other in names[:i] if draw(st.booleans())]
        kinds = ["normal", "groups", *(["rate"] if those else []), *(["classes"] if len(those) == 1 else [])]
        parents[name] = f"{draw(st.sampled_from(kinds)) if computed else 'normal'}:{' '.join(those)}"
    exposure, outcome = draw(st.permutations(names))[:2]
    avoid = draw(st.sets(st.sampled_from(names), max_size=2)) if draw(st.booleans()) else set()
    return world(**parents), exposure, outcome, avoid


@settings(max_examples=400, deadline=None)
@given(worlds(computed=True))
def test_a_search_through_all_subsets_agrees(drawn: tuple[SimpleNamespace, str, str, set[str]]) -> None:
    population, exposure, outcome, avoid = drawn
    arrows = arrows_of(population)
    measured = [each.name for each in population.variables if not each.truth]
    usable = [name for name in measured if name not in avoid | {exposure, outcome}]
    valid = [some for some in subsets(usable) if satisfies(arrows, exposure, outcome, some)]
    result = adjustment_set(population, exposure, outcome, avoid=avoid)
    assert result.exists is bool(valid)
    assert ("has no effect" in result.reason) is (outcome not in descendants(arrows, exposure))
    for text in result.paths:
        path, drawn_arrows = read_path(text)
        assert path in back_door_paths(arrows, exposure, outcome)
        assert drawn_arrows <= arrows
    if result.found is not None:
        chosen = set(result.found)
        assert chosen in valid
        assert not any(some < chosen for some in valid)
        assert list(result.found) == [name for name in measured if name in chosen]
        for name, text in zip(result.found, result.paths, strict=True):
            assert is_open(arrows, read_path(text)[0], chosen - {name})
            assert not is_open(arrows, read_path(text)[0], chosen)
    else:
        assert result.paths
        able = set(usable) - descendants(arrows, exposure)
        paths = [read_path(text)[0] for text in result.paths]
        if result.reason.startswith("no measured variables block"):
            assert all(is_open(arrows, path, some) for path in paths for some in subsets(sorted(able)))
        else:
            above = {name for name in able if {exposure, outcome} & descendants(arrows, name)}
            assert all(is_open(arrows, path, above) for path in paths)
            unblockable = [
                path
                for path in back_door_paths(arrows, exposure, outcome)
                if all(is_open(arrows, path, some) for some in subsets(sorted(able)))
            ]
            assert unblockable == []


def separated(arrows: Arrows, some: set[str], others: set[str], adjusted: set[str]) -> bool:
    paths = [path for a in some for b in others for path in all_paths(arrows, (a,), b)]
    return not any(is_open(arrows, path, adjusted) for path in paths)


@settings(max_examples=200, deadline=None)
@given(worlds(computed=False))
def test_no_other_minimal_set_is_more_precise(drawn: tuple[SimpleNamespace, str, str, set[str]]) -> None:
    # Rotnitzky A, Smucler E, J Mach Learn Res 2020;21(188), lemmas 1 and 2: adding what tells no more of the exposure, or
    # taking away what tells no more of the outcome, does not raise the variance.
    population, exposure, outcome, avoid = drawn
    arrows = arrows_of(population)
    result = adjustment_set(population, exposure, outcome, avoid=avoid)
    if result.found is None or outcome not in descendants(arrows, exposure):
        return
    chosen = set(result.found)
    usable = [each.name for each in population.variables if not each.truth and each.name not in avoid]
    valid = [some for some in subsets(usable) if satisfies(arrows, exposure, outcome, some)]
    for other in valid:
        if not any(some < other for some in valid):
            assert separated(arrows, {exposure}, chosen - other, other)
            assert separated(arrows, {outcome}, other - chosen, chosen | {exposure})


def test_the_packaged_population_has_an_answer_to_every_pair() -> None:
    population = Population()
    graph = population.graph()
    latent = {variable.name for variable in population.variables if variable.truth}
    answers = 0
    pairs = list(itertools.permutations(graph, 2))
    for exposure, outcome in pairs[:: len(pairs) // 300]:  # each takes about 7 ms
        result = adjustment_set(population, exposure, outcome)
        without = graph.copy()
        without.remove_edges_from(list(graph.out_edges(exposure)))
        everything = set(graph) - nx.descendants(graph, exposure) - latent - {exposure, outcome}
        above = everything & (nx.ancestors(graph, exposure) | nx.ancestors(graph, outcome))
        assert result.exists is nx.is_d_separator(without, {exposure}, {outcome}, above), (exposure, outcome)
        if result.exists:
            chosen = set(result.variables)
            assert chosen <= everything
            assert nx.is_minimal_d_separator(without, {exposure}, {outcome}, chosen), (exposure, outcome)
        answers += result.exists
    assert 0 < answers < len(graph) * (len(graph) - 1)


def test_the_mechanisms_that_graphs_knows_by_name_are_there() -> None:
    names = {variable.mechanism.name for variable in Population().variables}
    assert names >= COMPUTED | {"groups"}


def test_confounding_by_proneness_has_no_measured_remedy() -> None:
    taken_for_cramps = adjustment_set(Population(), "supplement", "cramps_per_week")
    assert not taken_for_cramps.exists
    assert any(" true_cramp_proneness " in path for path in taken_for_cramps.paths)
