"""Samples of people whose truth is known: how they are drawn, who answers, and the survey that an analyst gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crampstats.errors import QuestionError
from crampstats.population.declarations import TRUTH
from crampstats.population.plans import SamplingPlan
from crampstats.questions import column_named, one_spelling, read_question
from crampstats.schema import SHOWN, Fault, is_whole, plain, raise_faults
from crampstats.survey import WEIGHT, Survey

if TYPE_CHECKING:
    from typing import NoReturn

POPULATION_SIZE = "population_size"
EVERYBODY = "everybody"


def draw_sample(
    people: pd.DataFrame, plan: SamplingPlan, *, rng: np.random.Generator | int, truth: bool = False
) -> Survey:
    """Draw a sample of people and return the survey that an analyst would get.

    Parameters
    ----------
    people
        Shape (people, columns): the whole population, as of `crampstats.simulate`. It is not changed.
    plan
        How to draw, who answers, what is missing.
    rng
        A Generator, which is advanced, or the seed of one. The same seed means the same sample.
    truth
        Whether to keep the columns whose names begin with ``true_``.

    Returns
    -------
    Survey
        Those who answer, in the order of `people`, with a column ``weight``: 1 over the chance of being drawn, that is
        people represented, adjusted for non-response only within the classes that the plan names. Columns that may lose
        values hold them in types that know missing: ``Int8`` instead of ``int8``. With ``finite=True`` a column
        ``population_size``: people, or clusters, in the population of the stratum.

    Raises
    ------
    SchemaError
        With every fault of plan and people together: columns that are not there, strata with fewer people or clusters
        than asked, questions without an answer; or with every stratum and weighting class in which nobody answers. A cluster
        in which nobody answers is absent from the survey.
    DesignError
        If the survey has no variance (see `SamplingPlan.lonely`).

    Notes
    -----
    Chances of being drawn are exact, products over the stages. Equal ones: simple random sampling without replacement.
    Unequal ones: samples of fixed size, systematic in random order (Madow WG, Ann Math Stat 1949;20:333-354,
    doi:10.1214/aoms/1177729988), after units whose chance would exceed 1 have been taken with certainty and the chances of
    the others computed anew.

    The variance that a `Survey` estimates is that of sampling with replacement within strata: with certain clusters and
    large sampling fractions it is too large, also with ``finite=True`` and clusters, which corrects for the first stage
    only. It takes the people who answered as the sample and adjusted weights as if they were given.

    Examples
    --------
    >>> village = np.repeat(np.arange(8), 50)
    >>> region = np.where(village < 4, "north", "south")
    >>> people = pd.DataFrame({"region": region, "village": village, "cramps": np.arange(400) % 5 == 0})
    >>> plan = SamplingPlan(stratum="region", cluster="village", clusters=2, people=10)
    >>> survey = draw_sample(people, plan, rng=1)
    >>> survey
    <Survey simulated sample: 40 of 40 people, 4 clusters in 2 strata, 2 df>
    >>> float(survey.data["weight"].sum())
    400.0
    """
    frame = _checked(people, plan, rng, truth)
    generator = np.random.default_rng(rng)
    rows, chance = _drawn(frame, plan, generator)
    weight = 1.0 / chance
    if plan.response is not None:
        rows, weight = _answering(people, plan, frame, rows, weight, generator)
    data = people.iloc[rows].reset_index(drop=True)
    if not truth:
        data = data[[name for name in data.columns if not str(name).startswith(TRUTH)]]
    data = data.assign(**_with_gaps(data, plan, frame.holds, rows, generator), **{WEIGHT: weight})
    if plan.finite:
        data[POPULATION_SIZE] = frame.units[frame.stratum[rows]]
    return Survey(
        data,
        weight=WEIGHT,
        stratum=plan.stratum,
        cluster=plan.cluster,
        population_size=POPULATION_SIZE if plan.finite else None,
        lonely=plan.lonely,
        name="simulated sample",
    )


@dataclass(frozen=True, eq=False)
class _Frame:
    """The people as the plan sees them.

    Attributes
    ----------
    stratum, labels
        Shape (people,) int, from 0, and what they stand for.
    units
        Shape (strata,): people, or clusters, of each stratum.
    people_asked, clusters_asked
        Shape (strata,): the persons to draw in the stratum, or in each of its clusters; the clusters to draw.
    cluster, cluster_stratum
        Shape (people,) and (clusters,) int; empty without clusters.
    holds
        The answer to each question, shape (people,) bool.
    """

    stratum: np.ndarray
    labels: list[Any]
    units: np.ndarray
    people_asked: np.ndarray
    clusters_asked: np.ndarray
    cluster: np.ndarray
    cluster_stratum: np.ndarray
    holds: dict[str, np.ndarray]


def _checked(people: Any, plan: Any, rng: Any, truth: Any) -> _Frame:
    """Return the people as the plan sees them, or raise every fault of them together."""
    faults = []
    if not isinstance(plan, SamplingPlan):
        faults.append(Fault("plan", f"is {plan!r}", "a SamplingPlan"))
    if not isinstance(rng, np.random.Generator) and not is_whole(rng, 0):
        faults.append(Fault("rng", f"is {rng!r}", "a numpy Generator, or a whole number of at least 0"))
    if not isinstance(truth, (bool, np.bool_)):
        faults.append(Fault("truth", f"is {truth!r}", "True or False"))
    if not isinstance(people, pd.DataFrame) or len(people) == 0:
        faults.append(Fault("people", f"is a {type(people).__name__}, no table of people", "a row for each person"))
    title = "no sample can be drawn"
    if any(fault.column in {"plan", "people"} for fault in faults):
        raise_faults(faults, title)
    names = {one_spelling(name) for name in people.columns}
    made = {WEIGHT: True, POPULATION_SIZE: plan.finite}
    taken = [name for name, needed in made.items() if needed and name in names]
    faults += [Fault(name, "is a column already", "another name: the sample needs this one") for name in taken]
    faults += _column_faults(people, plan)
    holds, question_faults = _answers(people, plan)
    faults += question_faults
    whole = not any(fault.column in {"stratum", "cluster"} for fault in faults)
    frame, unit_faults = _units(people, plan, holds) if whole else (None, [])
    raise_faults([*faults, *unit_faults], title)
    assert frame is not None
    return frame


def _column_faults(people: pd.DataFrame, plan: SamplingPlan) -> list[Fault]:
    """Return named columns that are not there, and missing values where the design needs them."""
    faults = []
    for role, name in plan.columns:
        try:
            column = column_named(people, name, _fail)
        except QuestionError as error:
            faults.append(Fault(role, str(error), "a column of the people"))
            continue
        missing = np.flatnonzero(column.isna().to_numpy()) if role in {"stratum", "cluster", "adjust_within"} else ()
        if len(missing):
            where = tuple(int(row) for row in missing)
            faults.append(Fault(role, f"{name!r} is missing", "a value for everybody", where, (None,) * len(where)))
    return faults


def _fail(problem: str) -> NoReturn:
    raise QuestionError(problem)


def _answers(people: pd.DataFrame, plan: SamplingPlan) -> tuple[dict[str, np.ndarray], list[Fault]]:
    """Return what holds for whom, each question asked once, and the questions that cannot be answered."""
    holds: dict[str, np.ndarray] = {}
    faults = []
    for role, text in plan.questions:
        if text in holds:
            continue
        try:
            answer = read_question(text).answer(people)
        except QuestionError as error:
            faults.append(Fault(role, str(error), "a question about columns of the people"))
            continue
        if answer.kind != "truth":
            faults.append(Fault(role, f"{text!r} is a {answer.kind}", "a yes/no question, as in: x == 1"))
        elif answer.missing is not None:
            rows = int(np.count_nonzero(answer.missing))
            faults.append(Fault(role, f"{text!r} has no answer in {rows:,} rows", "an answer for everybody"))
        else:
            holds[text] = np.asarray(answer.values, dtype=bool)
    return holds, faults


def _units(people: pd.DataFrame, plan: SamplingPlan, holds: dict[str, np.ndarray]) -> tuple[_Frame, list[Fault]]:
    """Return strata and clusters with what is asked of them, and where they cannot give it."""
    stratum, labels = _codes(people, plan.stratum)
    sizes = np.bincount(stratum, minlength=len(labels))
    cluster = cluster_stratum = clusters_asked = np.empty(0, dtype=np.intp)
    units = sizes
    faults = []
    proportional = plan.allocation == "proportional"
    if plan.cluster is not None:
        cluster, cluster_labels = _codes(people, plan.cluster)
        cluster_stratum = np.empty(len(cluster_labels), dtype=stratum.dtype)
        cluster_stratum[cluster] = stratum
        torn = np.unique(cluster[cluster_stratum[cluster] != stratum])
        if torn.size:
            listed = _listed([cluster_labels[code] for code in torn])
            faults.append(Fault("cluster", f"{listed} stand in more than one stratum", "each label in one stratum"))
        units = np.bincount(cluster_stratum, minlength=len(labels))
        clusters_asked, found = _asked("clusters", plan.clusters, labels, sizes if proportional else None)
        faults += [*found, *_scarce("clusters", clusters_asked, labels, units)]
    shared = sizes if proportional and plan.cluster is None else None
    people_asked, found = _asked("people", plan.people, labels, shared)
    faults += found
    if plan.cluster is None:
        faults += _scarce("people", people_asked, labels, sizes)
    return _Frame(stratum, labels, units, people_asked, clusters_asked, cluster, cluster_stratum, holds), faults


def _codes(people: pd.DataFrame, name: str | None) -> tuple[np.ndarray, list[Any]]:
    """Return a column as codes from 0 in the smallest type (which sorts fastest), and what they stand for."""
    if name is None:
        return np.zeros(len(people), dtype=np.uint8), [EVERYBODY]
    codes, labels = pd.factorize(column_named(people, name, _fail), sort=True)
    return codes.astype(np.min_scalar_type(len(labels)), copy=False), labels.tolist()


def _asked(
    name: str, asked: int | Mapping[Any, int] | None, labels: list[Any], shared: np.ndarray | None
) -> tuple[np.ndarray, list[Fault]]:
    """Return how many are asked in each stratum, shape (strata,), and strata that are asked for nobody."""
    if isinstance(asked, Mapping):
        faults = [
            Fault(f"{name}[{level!r}]", "is no stratum", f"one of {_listed(labels)}")
            for level in asked
            if level not in labels
        ]
        lacking = [label for label in labels if label not in asked]
        faults += [
            Fault(name, f"has no number for stratum {label!r}", "a number for every stratum") for label in lacking
        ]
        return np.array([asked.get(label, 0) for label in labels], dtype=np.intp), faults
    assert asked is not None
    if shared is None:
        return np.full(len(labels), asked, dtype=np.intp), []
    numbers = _proportional(int(asked), shared)
    expected = "a total that gives every stratum at least 1"
    empty = [labels[code] for code in np.flatnonzero(numbers == 0)]
    return numbers, [Fault(name, f"{asked:,} in all leave none for stratum {label!r}", expected) for label in empty]


def _proportional(total: int, sizes: np.ndarray) -> np.ndarray:
    """Share a total as the sizes are shared, by largest remainders; the first of equals gets more. Shape (strata,)."""
    shares = [total * int(size) for size in sizes]
    whole = int(sizes.sum())
    numbers = np.array([share // whole for share in shares], dtype=np.intp)
    remainders = np.array([share % whole for share in shares])
    numbers[np.argsort(-remainders, kind="stable")[: total - int(numbers.sum())]] += 1
    return numbers


def _scarce(name: str, asked: np.ndarray, labels: list[Any], there: np.ndarray) -> list[Fault]:
    """Return strata that have fewer than are asked of them."""
    return [
        Fault(name, f"{asked[code]:,} are asked of {labels[code]!r}", f"at most {there[code]:,}, its {name}")
        for code in np.flatnonzero(asked > there)
    ]


def _listed(labels: Sequence[Any]) -> str:
    """Name the first of some labels."""
    more = f" and {len(labels) - SHOWN} more" if len(labels) > SHOWN else ""
    return ", ".join(repr(plain(label)) for label in labels[:SHOWN]) + more


def _drawn(frame: _Frame, plan: SamplingPlan, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows drawn, ascending, and the chance that each had."""
    group, asked = frame.stratum, frame.people_asked
    rows: np.ndarray | None = None
    first = np.ones(len(asked))
    if plan.cluster is not None:
        group = frame.cluster
        sizes = np.bincount(frame.cluster, minlength=len(frame.cluster_stratum))
        first = _clusters_drawn(frame, sizes if plan.cluster_chance == "size" else None, generator)
        rows = np.flatnonzero(first[frame.cluster] > 0)
        asked = np.minimum(frame.people_asked[frame.cluster_stratum], sizes)
        group = group[rows]
    order = np.argsort(group, kind="stable")
    members = order if rows is None else rows[order]
    relative = _relative_chances(plan, frame.holds, members)
    ends = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=len(asked)))])
    drawn, chances = [], []
    for code, (start, end) in enumerate(pairwise(ends.tolist())):
        if start == end:
            continue
        chosen, chance = _chosen(
            int(asked[code]), end - start, None if relative is None else relative[start:end], generator
        )
        drawn.append(members[start + chosen])
        chances.append(chance * first[code])
    found, chance = np.concatenate(drawn), np.concatenate(chances)
    ascending = np.argsort(found)
    return found[ascending], chance[ascending]


def _clusters_drawn(frame: _Frame, sizes: np.ndarray | None, generator: np.random.Generator) -> np.ndarray:
    """Return the chance of each cluster that has been drawn, 0 for the others, shape (clusters,)."""
    chances = np.zeros(len(frame.cluster_stratum))
    for code, asked in enumerate(frame.clusters_asked.tolist()):
        members = np.flatnonzero(frame.cluster_stratum == code)
        size = None if sizes is None else sizes[members].astype(float)
        chosen, chance = _chosen(asked, len(members), size, generator)
        chances[members[chosen]] = chance
    return chances


def _relative_chances(plan: SamplingPlan, holds: Mapping[str, np.ndarray], members: np.ndarray) -> np.ndarray | None:
    """Return the relative chances of these people, shape (members,); None if they are equal."""
    if not plan.oversample:
        return None
    relative = np.ones(len(members))
    for question, factor in plan.oversample.items():
        relative[holds[question][members]] *= factor
    return relative


def _chosen(
    asked: int, there: int, relative: np.ndarray | None, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a fixed number of the units of one group without replacement.

    Parameters
    ----------
    asked, there
        How many to draw, and of how many.
    relative
        Shape (there,): relative chances; None if they are equal.
    generator
        Of the luck.

    Returns
    -------
    positions, chances
        Shape (asked,) each: who was drawn, and the chance that they had.
    """
    if asked == there:
        return np.arange(there), np.ones(there)
    if relative is None:
        return generator.choice(there, asked, replace=False, shuffle=False), np.full(asked, asked / there)
    chances = _inclusion_chances(asked, relative)
    certain = np.flatnonzero(chances == 1.0)
    others = generator.permutation(np.flatnonzero(chances < 1.0))
    # Whatever rounding makes of the sum, it ends where the points end.
    ends = np.minimum(np.cumsum(chances[others]), asked - len(certain))
    ends[-1] = asked - len(certain)
    while True:
        points = generator.random() + np.arange(asked - len(certain))
        met = np.minimum(np.searchsorted(ends, points, side="right"), len(others) - 1)
        # Points are 1 apart and no unit is longer, but rounding can let two of them meet one of nearly this length.
        if (np.diff(met) > 0).all():
            break
    chosen = np.concatenate([certain, others[met]])
    return chosen, chances[chosen]


def _inclusion_chances(asked: int, relative: np.ndarray) -> np.ndarray:
    """Return chances in proportion to these numbers that add up to `asked`, none above 1, shape as given.

    `asked` is below the number of units.
    """
    chances = np.ones(len(relative))
    rest = np.arange(len(relative))
    while True:
        left = asked - (len(relative) - len(rest))
        proposed = left * (relative[rest] / relative[rest].sum())
        certain = proposed >= 1.0
        if not certain.any():
            chances[rest] = proposed
            return chances
        rest = rest[~certain]


def _answering(
    people: pd.DataFrame,
    plan: SamplingPlan,
    frame: _Frame,
    rows: np.ndarray,
    weight: np.ndarray,
    generator: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and weights of those who answer, or raise every stratum and weighting class in which nobody does."""
    assert plan.response is not None
    answers = generator.random(len(rows)) < plan.response._chances(frame.holds, rows)
    stratum = frame.stratum[rows]
    sampled, answered = np.bincount(stratum), np.bincount(stratum, answers)
    faults = [
        Fault(
            "response",
            f"nobody of {sampled[code]:,} people of {frame.labels[code]!r} answers",
            "respondents everywhere",
        )
        for code in np.flatnonzero(answered == 0)
    ]
    if plan.adjust_within:
        classes = pd.DataFrame({name: column_named(people, name, _fail).iloc[rows] for name in plan.adjust_within})
        code = classes.groupby(list(classes), observed=True, sort=True).ngroup().to_numpy()
        rates = np.bincount(code, weight * answers) / np.bincount(code, weight)
        weight = weight / np.where(rates > 0, rates, 1.0)[code]
        for empty in np.flatnonzero(rates == 0):
            first = classes.iloc[int(np.argmax(code == empty))]
            named = ", ".join(f"{name} = {plain(value)!r}" for name, value in first.items())
            problem = f"nobody of {np.count_nonzero(code == empty):,} people answers where {named}"
            faults.append(Fault("adjust_within", problem, "respondents in every class"))
    raise_faults(faults, "too few people answer: draw more, or form fewer classes")
    return rows[answers], weight[answers]


def _with_gaps(
    data: pd.DataFrame,
    plan: SamplingPlan,
    holds: Mapping[str, np.ndarray],
    rows: np.ndarray,
    generator: np.random.Generator,
) -> dict[str, pd.Series]:
    """Return the columns that not everybody was asked for, or not everybody answered."""
    gaps: dict[str, np.ndarray] = {}
    if plan.repeat_share is not None:
        again = max(1, int(np.floor(plan.repeat_share * len(rows) + 0.5)))
        once = np.ones(len(rows), dtype=bool)
        once[generator.choice(len(rows), again, replace=False, shuffle=False)] = False
        gaps = dict.fromkeys(plan.repeated, once)
    for name, response in plan.item_response.items():
        silent = generator.random(len(rows)) >= response._chances(holds, rows)
        gaps[name] = silent | gaps[name] if name in gaps else silent
    columns = {name: column_named(data, name, _fail) for name in gaps}
    return {str(columns[name].name): _nullable(columns[name]).mask(missing) for name, missing in gaps.items()}


def _nullable(series: pd.Series) -> pd.Series:
    """Return whole numbers and truths in the type of pandas that knows missing; the rest knows it already."""
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "iub":
        return pd.Series(pd.array(series.to_numpy()), index=series.index, name=series.name)
    return series
