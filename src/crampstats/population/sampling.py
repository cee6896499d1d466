"""Samples of people whose truth is known: how they are drawn, who answers, and the survey that an analyst gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd

from crampstats.design import LonelyRule
from crampstats.errors import QuestionError
from crampstats.questions import column_named, one_spelling, read_question
from crampstats.schema import SHOWN, Fault, plain, raise_faults
from crampstats.survey import WEIGHT, Survey

if TYPE_CHECKING:
    from typing import NoReturn

Allocation = Literal["equal", "proportional"]
ClusterChance = Literal["equal", "size"]
POPULATION_SIZE = "population_size"
# What begins so is known only of simulated people.
TRUTH = "true_"
# Limits of a factor, ends included: what lies outside is a slip, and products of several stay exact enough.
RELATIVE = (1e-6, 1e6)
MOST = 10**12
EVERYBODY = "everybody"


@dataclass(frozen=True, kw_only=True)
class Response:
    """The chance that a person answers, and what it depends on.

    The log odds of answering are those of `chance`, plus the logarithm of each odds ratio whose question the person would
    answer with yes.

    Attributes
    ----------
    chance
        Above 0, at most 1: of people for whom no question holds.
    odds_ratios
        Yes/no questions and odds ratios, from 1e-6 to 1e6. The questions may ask about truth columns: that makes non-response
        informative.

    Raises
    ------
    SchemaError
        With every fault.

    Examples
    --------
    >>> Response(chance=0.7, odds_ratios={"sex == 'male'": 0.8}).chance
    0.7
    """

    chance: float
    odds_ratios: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        faults = _share_faults("chance", self.chance)
        faults += _factor_faults("odds_ratios", self.odds_ratios, "an odds ratio", *RELATIVE)
        if not faults and self.odds_ratios and self.chance == 1:
            faults.append(Fault("chance", "is 1, on which no odds ratio acts", "a chance below 1, or no odds ratios"))
        raise_faults(faults, "a response cannot be as described")
        object.__setattr__(self, "odds_ratios", dict(self.odds_ratios))

    def _chances(self, holds: Mapping[str, np.ndarray], rows: np.ndarray) -> np.ndarray:
        """Return the chance of answering of the people in these rows, shape (rows,)."""
        if self.chance == 1:
            return np.ones(len(rows))
        log_odds = np.full(len(rows), np.log(self.chance) - np.log1p(-self.chance))
        for question, odds_ratio in self.odds_ratios.items():
            log_odds += np.log(odds_ratio) * holds[question][rows]
        return np.exp(-np.logaddexp(0.0, -log_odds))


@dataclass(frozen=True, kw_only=True)
class SamplingPlan:
    """How people are drawn from a population, who of them answers, and what is known of them.

    Without `stratum` and `cluster` it is a simple random sample without replacement.

    Attributes
    ----------
    people
        How many persons are drawn: in all; with `stratum` in each stratum, or by its levels; with `cluster` in each
        cluster drawn, where a smaller cluster is taken whole.
    stratum
        Column of the strata. Every stratum is sampled: leave out beforehand the people that are not to be.
    allocation
        ``"equal"``: the same number in each stratum, or the one given for its level. ``"proportional"``: a total (of
        `people`; with `cluster` of `clusters`) shared by the strata as they share the people, to the nearest whole by
        largest remainders.
    cluster
        Column of the clusters that are drawn first. Labels are unique: a label means one cluster, in one stratum.
    clusters
        How many clusters are drawn: in all, in each stratum, or by its levels.
    cluster_chance
        ``"equal"``, or ``"size"``: in proportion to the people of the cluster.
    oversample
        Yes/no questions and relative chances, from 1e-6 to 1e6, of the people for whom they hold; multiplied where several
        do. They act on the choice of persons: in the stratum, or in the cluster drawn.
    response
        Who of the drawn answers at all. The others are absent from the survey, and weights are not adjusted for them
        unless `adjust_within` says so.
    adjust_within
        Columns whose combinations are weighting classes: weights of respondents are divided by the weighted response
        rate of their class.
    item_response
        Columns and the chance that a respondent's value is there; else it is missing.
    repeated, repeat_share
        Columns that are measured only in a random share of the respondents, all of them in the same people: the nearest
        whole number of people, at least one. Missing in the others.
    finite
        Whether the survey is to have its finite-population correction. Only where people have equal chances in their
        stratum, or clusters have, whose correction is that of the first stage only.
    lonely
        What the survey does with a stratum of one cluster (non-response can leave one), see `crampstats.design.Design`.

    Raises
    ------
    SchemaError
        With every fault of the plan that shows without the people.

    Examples
    --------
    >>> plan = SamplingPlan(stratum="region", cluster="village", clusters=10, cluster_chance="size", people=20)
    >>> plan.people, plan.allocation
    (20, 'equal')
    """

    people: int | Mapping[Any, int]
    stratum: str | None = None
    allocation: Allocation = "equal"
    cluster: str | None = None
    clusters: int | Mapping[Any, int] | None = None
    cluster_chance: ClusterChance = "equal"
    oversample: Mapping[str, float] = field(default_factory=dict)
    response: Response | None = None
    adjust_within: Sequence[str] = ()
    item_response: Mapping[str, Response] = field(default_factory=dict)
    repeated: Sequence[str] = ()
    repeat_share: float | None = None
    finite: bool = False
    lonely: LonelyRule = "fail"

    def __post_init__(self) -> None:
        faults = [
            *_number_faults(self),
            *_choice_faults(self),
            *_name_faults(self),
            *_factor_faults("oversample", self.oversample, "a relative chance", *RELATIVE),
            *_response_faults(self),
            *_correction_faults(self),
        ]
        raise_faults(faults, "the sampling plan cannot be carried out")
        for name, held in vars(self).copy().items():
            # What the caller does to a dictionary or a list afterwards does not reach the plan.
            if isinstance(held, Mapping):
                object.__setattr__(self, name, dict(held))
            elif name in {"adjust_within", "repeated"}:
                object.__setattr__(self, name, tuple(held))

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """The columns that the plan names outside questions, each with its role."""
        single = [
            (role, name) for role, name in (("stratum", self.stratum), ("cluster", self.cluster)) if name is not None
        ]
        lists = {"adjust_within": self.adjust_within, "item_response": self.item_response, "repeated": self.repeated}
        return (*single, *((role, name) for role, names in lists.items() for name in names))

    @property
    def questions(self) -> tuple[tuple[str, str], ...]:
        """The questions that the plan asks of the people, each with its role."""
        asked = [("oversample", question) for question in self.oversample]
        if self.response is not None:
            asked += [("response", question) for question in self.response.odds_ratios]
        for column, response in self.item_response.items():
            asked += [(f"item_response[{column!r}]", question) for question in response.odds_ratios]
        return tuple(asked)


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
    if not isinstance(rng, np.random.Generator) and not _is_whole(rng, 0):
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


def _number_faults(plan: Any) -> list[Fault]:
    """Return what is wrong with numbers of people and clusters."""
    faults = []
    if (plan.cluster is None) != (plan.clusters is None):
        faults.append(Fault("clusters", f"is {plan.clusters!r} with cluster={plan.cluster!r}", "both, or neither"))
    for name, asked in {"people": plan.people, "clusters": plan.clusters}.items():
        if isinstance(asked, Mapping):
            if plan.stratum is None:
                faults.append(Fault(name, "is given by levels of no stratum", "a whole number, or stratum='...'"))
            numbers = {f"{name}[{level!r}]": number for level, number in asked.items()}
        else:
            numbers = {} if name == "clusters" and asked is None else {name: asked}
        wrong = {what: number for what, number in numbers.items() if not _is_whole(number, 1) or number > MOST}
        faults += [
            Fault(what, f"is {number!r}", f"a whole number from 1 to {MOST:,}") for what, number in wrong.items()
        ]
    return faults


def _choice_faults(plan: Any) -> list[Fault]:
    """Return words that are not among the choices, and choices without what they act on."""
    faults = []
    for name, choices in {"allocation": Allocation, "cluster_chance": ClusterChance, "lonely": LonelyRule}.items():
        if getattr(plan, name) not in get_args(choices):
            faults.append(Fault(name, f"is {getattr(plan, name)!r}", f"one of {', '.join(get_args(choices))}"))
    if plan.allocation == "proportional":
        name = "people" if plan.cluster is None else "clusters"
        if plan.stratum is None:
            faults.append(Fault("allocation", "is 'proportional' to no strata", "stratum='...'"))
        if isinstance(getattr(plan, name), Mapping):
            faults.append(Fault(name, "is given by levels and is to be shared", "a total, or allocation='equal'"))
    if plan.cluster_chance == "size" and plan.cluster is None:
        faults.append(Fault("cluster_chance", "is 'size' of no cluster", "cluster='...'"))
    return faults


def _name_faults(plan: Any) -> list[Fault]:
    """Return what cannot be the name of a column that is known of real people."""
    faults = []
    named = [(role, name) for role, name in (("stratum", plan.stratum), ("cluster", plan.cluster)) if name is not None]
    for role in ("adjust_within", "repeated", "item_response"):
        names, kind = getattr(plan, role), Mapping if role == "item_response" else Sequence
        if isinstance(names, str) or not isinstance(names, kind):
            expected = "a mapping of columns and Responses" if kind is Mapping else "names in a list"
            faults.append(Fault(role, f"is {names!r}", expected))
        else:
            named += [(role, name) for name in names]
    for role, name in named:
        if not isinstance(name, str):
            faults.append(Fault(role, f"is {name!r}", "the name of a column"))
        elif name.startswith(TRUTH):
            faults.append(Fault(role, f"is {name!r}, known only of simulated people", "a column known of real ones"))
    return faults


def _response_faults(plan: Any) -> list[Fault]:
    """Return what is wrong with who answers what."""
    responses = {"response": plan.response} if plan.response is not None else {}
    if isinstance(plan.item_response, Mapping):
        responses |= {f"item_response[{name!r}]": response for name, response in plan.item_response.items()}
    expected = "a Response, such as Response(chance=0.7)"
    wrong = {name: response for name, response in responses.items() if not isinstance(response, Response)}
    faults = [Fault(name, f"is {response!r}", expected) for name, response in wrong.items()]
    if plan.response is None and _named(plan.adjust_within):
        faults.append(Fault("adjust_within", "has no non-response to adjust for", "response=Response(...)"))
    if (plan.repeat_share is None) == _named(plan.repeated):
        faults.append(Fault("repeat_share", f"is {plan.repeat_share!r}", "a share if columns are repeated, else None"))
    elif plan.repeat_share is not None:
        faults += _share_faults("repeat_share", plan.repeat_share)
    return faults


def _correction_faults(plan: Any) -> list[Fault]:
    """Return why this plan has no finite-population correction, if one is asked."""
    if not isinstance(plan.finite, bool):
        return [Fault("finite", f"is {plan.finite!r}", "True or False")]
    reasons = {
        "clusters are drawn with unequal chances (cluster_chance='size')": plan.cluster_chance == "size",
        "people are drawn with unequal chances (oversample)": plan.cluster is None and _named(plan.oversample),
        "people answer with unequal chances (response)": plan.cluster is None
        and isinstance(plan.response, Response)
        and plan.response.odds_ratios,
    }
    found = [reason for reason, there in reasons.items() if there and plan.finite]
    return [Fault("finite", f"is True, yet {reason}", "finite=False, or equal chances") for reason in found]


def _named(names: Any) -> bool:
    """Return whether a list or a mapping names anything; what is neither is told elsewhere."""
    return isinstance(names, Mapping | Sequence) and len(names) > 0


def _is_whole(value: Any, least: int) -> bool:
    """Return whether this is a whole number of at least so much."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= least)


def _is_number(value: Any) -> bool:
    """Return whether this is a number."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _share_faults(name: str, value: Any) -> list[Fault]:
    """Return a fault unless the value is a chance that is not 0."""
    right = _is_number(value) and 0 < value <= 1
    return [] if right else [Fault(name, f"is {value!r}", "a number above 0, at most 1")]


def _factor_faults(name: str, factors: Any, what: str, low: float, high: float) -> list[Fault]:
    """Return questions that cannot be read, and factors outside their limits."""
    expected = f"{what} from {low:g} to {high:g}"
    if not isinstance(factors, Mapping):
        return [Fault(name, f"is {factors!r}", f"a mapping of questions, each with {expected}")]
    faults = []
    for question, factor in factors.items():
        try:
            read_question(question)
        except QuestionError as error:
            faults.append(Fault(name, str(error), "a yes/no question"))
        if not (_is_number(factor) and low <= factor <= high):
            faults.append(Fault(f"{name}[{question!r}]", f"is {factor!r}", expected))
    return faults
