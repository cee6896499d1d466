"""A trial that can be repeated: whom to screen, how it is run, and how to analyse it each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from crampstats.diagnostics.studies import Analysed
from crampstats.population.declarations import TRUTH
from crampstats.population.populations import Population
from crampstats.population.trials import TrialPlan, simulate_trial
from crampstats.questions import read_question
from crampstats.schema import Fault, is_whole, raise_faults
from crampstats.survey import Survey

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from crampstats.diagnostics.estimators import Estimator
    from crampstats.diagnostics.studies import Analysis, Compared


@dataclass(frozen=True)
class TrialStudy(Analysed):
    """A trial that can be repeated, each time with new people.

    Attributes
    ----------
    population
        Whom to screen.
    people
        How many are let in.
    plan
        How the trial is run.
    analyses
        Their names and what they do with the table of `crampstats.population.simulate_trial`, as of a `Study`. In a
        cross-over the persons are its clusters.
    define, observed, where
        As of a `Study`: columns that it gets first, columns whose value has to be known, whom the analyses are about.
    columns
        Variables of the people that the analyses need, besides those that the questions name.

    Raises
    ------
    SchemaError
        With every fault of these.

    Examples
    --------
    >>> from crampstats.diagnostics import MeanContrast
    >>> from crampstats.population import Arm
    >>> plan = TrialPlan(arms=[Arm(name="placebo"), Arm(name="tablet", rate_ratio=0.7)], eligible="run_in_cramps >= 4")
    >>> fall = MeanContrast("cramps / weeks - run_in_cramps / run_in_weeks", "arm", "tablet", "placebo")
    >>> study = TrialStudy(Population(), 60, plan, {"change": fall})
    >>> len(study.simulated(seed=1))
    60
    """

    population: Population
    people: int
    plan: TrialPlan
    analyses: Mapping[str, Analysis | Estimator]
    define: Mapping[str, str] = field(default_factory=dict)
    observed: Sequence[str] = ()
    where: str | None = None
    columns: Sequence[str] = ()

    target: ClassVar[Compared] = "superpopulation"

    def __post_init__(self) -> None:
        raise_faults(self._faults(), "TrialStudy")
        object.__setattr__(self, "analyses", self.named)
        object.__setattr__(self, "define", dict(self.define))
        object.__setattr__(self, "observed", tuple(self.observed))
        object.__setattr__(self, "columns", tuple(self.columns))

    def _faults(self) -> list[Fault]:
        """Return everything that is wrong with the study."""
        kinds: dict[str, Any] = {"population": Population, "plan": TrialPlan, "define": Mapping, "analyses": Mapping}
        faults = [
            Fault(name, f"{getattr(self, name)!r:.60} is none", f"a {kind.__name__}")
            for name, kind in kinds.items()
            if not isinstance(getattr(self, name), kind)
        ]
        if not is_whole(self.people, 1):
            faults.append(Fault("people", f"is {self.people!r}", "a whole number of at least 1"))
        faults += self._list_faults(observed=self.observed, columns=self.columns)
        if isinstance(self.analyses, Mapping):
            faults += self._analysis_faults()
        return faults + self._question_faults()

    def simulated(self, seed: int) -> pd.DataFrame:
        """Return one trial, a row each person and period.

        Parameters
        ----------
        seed
            Of the people and of all that happens to them.
        """
        texts = [*self.define.values(), *([] if self.where is None else [self.where])]
        asked = [*(name for text in texts for name in read_question(text).columns), *self.observed]
        known = [name for name in asked if name in self.population.names]
        columns = list(dict.fromkeys([*self.columns, *known]))
        return simulate_trial(self.population, self.plan, n=self.people, seed=seed, columns=columns)

    def drawn(self, people: pd.DataFrame, *, rng: np.random.Generator) -> Survey:  # noqa: ARG002
        """Return the trial as its analyst sees it; all that chance does to it was done by its seed.

        Parameters
        ----------
        people
            As from `simulated`.
        rng
            Not used: a trial is no sample of the people who were let in.
        """
        seen = people[[name for name in people.columns if not name.startswith(TRUTH)]]
        return Survey(seen, cluster="person" if self.plan.periods == 2 else None, name="simulated trial")
