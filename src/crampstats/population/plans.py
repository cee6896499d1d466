"""How people are drawn: the plan of a survey as a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from crampstats.design import LonelyRule
from crampstats.errors import QuestionError
from crampstats.population.declarations import TRUTH
from crampstats.questions import read_question
from crampstats.schema import Fault, is_number, is_whole, raise_faults

Allocation = Literal["equal", "proportional"]
ClusterChance = Literal["equal", "size"]
# Limits of a factor, ends included: what lies outside is a slip, and products of several stay exact enough.
RELATIVE = (1e-6, 1e6)
MOST = 10**12


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
        wrong = {what: number for what, number in numbers.items() if not is_whole(number, 1) or number > MOST}
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


def _share_faults(name: str, value: Any) -> list[Fault]:
    """Return a fault unless the value is a chance that is not 0."""
    right = is_number(value) and 0 < value <= 1
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
        if not (is_number(factor) and low <= factor <= high):
            faults.append(Fault(f"{name}[{question!r}]", f"is {factor!r}", expected))
    return faults
