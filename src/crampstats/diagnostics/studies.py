"""A study that can be repeated: whom to simulate, how to draw from them, and how to analyse each sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from crampstats.errors import QuestionError
from crampstats.population.declarations import TRUTH
from crampstats.population.plans import SamplingPlan
from crampstats.population.populations import Population
from crampstats.population.sampling import draw_sample
from crampstats.population.simulation import simulate
from crampstats.questions import read_question
from crampstats.schema import Fault, is_whole, raise_faults
from crampstats.survey import Survey

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from crampstats.diagnostics.estimators import Estimator

Part = Literal["weight", "stratum", "cluster", "population_size"]
Compared = Literal["superpopulation", "finite population"]


@dataclass(frozen=True)
class Analysis:
    """One way to analyse a sample.

    Attributes
    ----------
    estimator
        From a `Survey` to an `Estimate`: one of `Prevalence`, `Mean`, `Coefficients`, `StandardizedContrast`, or a
        function that stands at the top of a module, so that another process finds it.
    ignore
        Parts of the design that the analysis does as though they were not there, out of ``"weight"``, ``"stratum"``,
        ``"cluster"``, ``"population_size"``: this is how a naive analysis is written. What the sample does not have is
        ignored anyway. Without its strata or clusters a sample has no finite-population correction either, since the sizes
        count clusters of strata.

    Raises
    ------
    SchemaError
        If the estimator cannot be called, or a part is unknown.

    Examples
    --------
    >>> from crampstats.diagnostics import Mean
    >>> Analysis(Mean("magnesium_mmol_l"), ignore=("cluster",)).ignore
    ('cluster',)
    """

    estimator: Estimator
    ignore: Sequence[str] = ()

    def __post_init__(self) -> None:
        given: Any = (self.ignore,) if isinstance(self.ignore, str) else self.ignore
        choices = f"out of {', '.join(get_args(Part))}"
        if not isinstance(given, Sequence):
            raise_faults([Fault("ignore", f"is {given!r}", f"a list {choices}")], "Analysis")
        object.__setattr__(self, "ignore", tuple(given))
        faults = [
            Fault("ignore", f"{part!r} is unknown", choices) for part in self.ignore if part not in get_args(Part)
        ]
        estimator: Any = self.estimator
        if not callable(estimator):
            faults.append(Fault("estimator", f"{estimator!r} cannot be called", "Survey -> Estimate"))
        raise_faults(faults, "Analysis")

    def seen(self, sample: Survey) -> Survey:
        """Return a sample as the analysis sees it.

        Parameters
        ----------
        sample
            As it was drawn, nothing asked of it yet.
        """
        if not self.ignore:
            return sample
        kept: dict[str, str | None] = {
            part: None if part in self.ignore else getattr(sample, part) for part in get_args(Part)
        }
        data, labels = sample.data, sample.cluster_labels
        if {"stratum", "cluster"} & set(self.ignore):
            kept["population_size"] = None
        if "stratum" in self.ignore and kept["cluster"] is not None and labels == "nested":
            # Labels that start again in each stratum would make one cluster of several.
            kept["cluster"], labels = f"{sample.cluster} of {sample.stratum}", "unique"
            data = data.assign(**{kept["cluster"]: sample.row_cluster})
        return Survey(data, **kept, cluster_labels=labels, count=sample.count, lonely=sample.lonely, name=sample.name)


class Analysed:
    """What is the same of all studies that can be repeated: samples are analysed in several ways.

    Attributes
    ----------
    analyses, define, observed, where
        As of a `Study`.
    """

    analyses: Mapping[str, Analysis | Estimator]
    define: Mapping[str, str]
    observed: Sequence[str]
    where: str | None

    @property
    def named(self) -> dict[str, Analysis]:
        """The analyses by their names."""
        return {name: each if isinstance(each, Analysis) else Analysis(each) for name, each in self.analyses.items()}

    def asked(self, sample: Survey) -> Survey:
        """Return a sample with the columns defined and the domain chosen.

        Parameters
        ----------
        sample
            As an analysis sees it.
        """
        sample = sample.define(**self.define) if self.define else sample
        sample = sample.observed(*self.observed) if self.observed else sample
        return sample if self.where is None else sample.where(self.where)

    def _list_faults(self, **lists: Any) -> list[Fault]:
        """Return which of these are no lists of columns."""
        faults = []
        for name, given in lists.items():
            if isinstance(given, str):
                faults.append(Fault(name, f"is {given!r}", f"a list, as in [{given!r}]"))
            elif not isinstance(given, Sequence):
                faults.append(Fault(name, f"is {given!r}", "a list of columns"))
        return faults

    def _analysis_faults(self) -> list[Fault]:
        """Return what is wrong with the analyses."""
        expected = "an Analysis or an estimator, Survey -> Estimate"
        faults = [
            Fault("analyses", f"{name!r} is {each!r:.60}", expected)
            for name, each in self.analyses.items()
            if not (isinstance(each, Analysis) or callable(each))
        ]
        faults += [
            Fault("analyses", f"{name!r} is no name", "a text") for name in self.analyses if not isinstance(name, str)
        ]
        return faults or [Fault("analyses", "is empty", "a name and an Analysis, or several")] * (not self.analyses)

    def _question_faults(self) -> list[Fault]:
        """Return which questions cannot be read; whether they fit the columns shows in the samples."""
        asked = list(self.define.items()) if isinstance(self.define, Mapping) else []
        asked += [("where", self.where)] if self.where is not None else []
        faults = []
        for name, text in asked:
            try:
                read_question(text)
            except QuestionError as error:
                faults.append(Fault(name, str(error), "a question in the language of crampstats.questions"))
        return faults


@dataclass(frozen=True)
class Study(Analysed):
    """A study that can be repeated.

    Attributes
    ----------
    population
        Whom to simulate.
    people
        How many of them live in the population that samples are drawn from.
    plan
        How they are drawn.
    analyses
        Their names and what they do; an estimator alone stands for an analysis that ignores nothing. All of them see the
        same samples.
    target
        ``"superpopulation"``: each replicate draws from new people, and estimates are compared with what holds of all people
        who might live. ``"finite population"``: the same people throughout, drawn anew; estimates are compared with what
        holds of these.
    define
        Columns that each sample gets first, see `Survey.define`.
    observed
        Columns whose value has to be known, see `Survey.observed`.
    where
        Whom the analyses are about, see `Survey.where`; None for all.
    do
        What everybody is made to have, such as ``{"diuretic": "none"}``, see `crampstats.simulate`; None leaves them be.
    columns
        Those that the analyses need: only these are simulated, and what the plan and the attributes above name. None for
        all, which takes longer.
    truth_columns
        Whether the samples keep the columns that only the simulation knows, ``true_...``.

    Raises
    ------
    SchemaError
        With every fault of these.

    Examples
    --------
    >>> import numpy as np
    >>> from crampstats.diagnostics import Prevalence
    >>> low = Prevalence({"low": "magnesium_mg_dl <= 1.7"})
    >>> study = Study(
    ...     Population(),
    ...     people=20_000,
    ...     plan=SamplingPlan(stratum="region", cluster="village", clusters=5, cluster_chance="size", people=20),
    ...     analyses={"design": low, "naive": Analysis(low, ignore=("weight", "stratum", "cluster"))},
    ...     target="finite population",
    ...     columns=["magnesium_mg_dl"],
    ... )
    >>> study.drawn(study.simulated(seed=1), rng=np.random.default_rng(1)).cluster
    'village'
    """

    population: Population
    people: int
    plan: SamplingPlan
    analyses: Mapping[str, Analysis | Estimator]
    target: Compared
    define: Mapping[str, str] = field(default_factory=dict)
    observed: Sequence[str] = ()
    where: str | None = None
    do: Mapping[str, Any] | None = None
    columns: Sequence[str] | None = None
    truth_columns: bool = False

    def __post_init__(self) -> None:
        raise_faults(self._faults(), "Study")
        object.__setattr__(self, "analyses", self.named)
        object.__setattr__(self, "define", dict(self.define))
        object.__setattr__(self, "observed", tuple(self.observed))
        object.__setattr__(self, "do", None if self.do is None else dict(self.do))
        object.__setattr__(self, "columns", None if self.columns is None else tuple(self.columns))

    def _faults(self) -> list[Fault]:
        """Return everything that is wrong with the study."""
        kinds = {"population": Population, "plan": SamplingPlan, "define": Mapping, "analyses": Mapping}
        faults = [
            Fault(name, f"{getattr(self, name)!r:.60} is none", f"a {kind.__name__}")
            for name, kind in kinds.items()
            if not isinstance(getattr(self, name), kind)
        ]
        if not is_whole(self.people, 1):
            faults.append(Fault("people", f"is {self.people!r}", "a whole number of at least 1"))
        if self.target not in get_args(Compared):
            faults.append(Fault("target", f"{self.target!r} is unknown", f"one of {', '.join(get_args(Compared))}"))
        do: Any = self.do
        if not isinstance(do, Mapping | None):
            faults.append(Fault("do", f"is {do!r}", "a mapping of variables to values, or None"))
        faults += self._list_faults(observed=self.observed, columns=() if self.columns is None else self.columns)
        if isinstance(self.analyses, Mapping):
            faults += self._analysis_faults()
        return faults + self._question_faults()

    def simulated(self, seed: int) -> pd.DataFrame:
        """Return the people of one population, shape (people, variables).

        Parameters
        ----------
        seed
            Of the population.
        """
        return simulate(self.population, self.people, seed=seed, do=self.do, columns=self._wanted())

    def _wanted(self) -> list[str] | None:
        """Return the columns to simulate; None for all."""
        if self.columns is None:
            return None
        texts = [*self.define.values(), *([] if self.where is None else [self.where])]
        texts += [text for _, text in self.plan.questions]
        asked = [name for text in texts for name in read_question(text).columns]
        named = [*asked, *self.observed, *(name for _, name in self.plan.columns)]
        # What is no variable is a column that the study defines, or a fault that shows when it is asked.
        known = [name for name in named if name in self.population.names]
        return list(dict.fromkeys([*self.columns, *known]))

    def drawn(self, people: pd.DataFrame, *, rng: np.random.Generator) -> Survey:
        """Return one sample of them.

        Parameters
        ----------
        people
            As from `simulated`.
        rng
            What chance decides with.
        """
        return draw_sample(people, self.plan, rng=rng, truth=self.truth_columns)

    def census(self, people: pd.DataFrame) -> Survey:
        """Return all of them, as though each had been asked.

        Parameters
        ----------
        people
            As from `simulated`.
        """
        hidden = () if self.truth_columns else [name for name in people.columns if name.startswith(TRUTH)]
        return Survey(people.drop(columns=list(hidden)), name="everybody")
