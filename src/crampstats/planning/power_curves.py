"""Power over sizes by simulation, with its Monte Carlo error, and the closed form beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crampstats.diagnostics.performance import diagnose
from crampstats.diagnostics.studies import Analysis
from crampstats.diagnostics.trial_studies import TrialStudy
from crampstats.errors import QuestionError
from crampstats.intervals import binomial_interval
from crampstats.planning.comparison_sizes import power_of
from crampstats.schema import Fault, is_whole, raise_faults
from crampstats.survey import Survey

if TYPE_CHECKING:
    from crampstats.diagnostics.estimators import Estimator
    from crampstats.diagnostics.performance import Performance
    from crampstats.estimates import Estimate
    from crampstats.planning.comparison_sizes import Comparison

# Between the name of an analysis and the size at which it is done.
AT = " @ "


@dataclass(frozen=True, repr=False, eq=False)
class PowerCurve:
    """How often the analyses of a trial were significant, over its size.

    Attributes
    ----------
    table
        As `to_frame` returns it.
    repeats, seed, level
        As they were asked for.

    Examples
    --------
    >>> curve = PowerCurve(pd.DataFrame({"term": ["change"], "n": [60], "estimate": [0.4]}), 200, 1, 0.95)
    >>> curve.repeats
    200
    """

    table: pd.DataFrame
    repeats: int
    seed: int
    level: float

    def to_frame(self) -> pd.DataFrame:
        """Return power over sizes.

        Returns
        -------
        DataFrame
            A row each analysis and size: ``term`` (the analysis), ``n`` (people in all), ``estimate`` (share of significant
            trials), ``std_error`` (Monte Carlo), ``conf_low``, ``conf_high`` (95 % of Wilson, Monte Carlo), ``closed_form``
            (NaN where none was given), ``note``.
        """
        return self.table.copy()

    def __repr__(self) -> str:
        head = f"<PowerCurve of {self.repeats:,} trials, seed {self.seed}>"
        return f"{head}\n{self._shown().to_string(index=False)}"

    def _repr_html_(self) -> str:
        return self._shown().to_html(index=False, border=0)

    def _shown(self) -> pd.DataFrame:
        """Return a table for the eye, without what is empty."""
        table = self.table.round(3)
        empty = [name for name in ("closed_form", "note") if not (table[name].notna() & (table[name] != "")).any()]
        return table.drop(columns=empty)


@dataclass(frozen=True)
class FirstPeople:
    """An estimator that looks at the first people of a trial only, as though it had been smaller.

    Attributes
    ----------
    estimator
        What it does with them.
    people
        How many.

    Examples
    --------
    >>> from crampstats.diagnostics import Mean
    >>> trial = Survey(pd.DataFrame({"person": [0, 1, 2, 3], "cramps": [1, 3, 9, 9]}))
    >>> FirstPeople(Mean("cramps"), 2)(trial).value
    array([2.])
    """

    estimator: Estimator
    people: int

    def __call__(self, survey: Survey) -> Estimate:
        """Estimate it from the first people."""
        there = (survey.data["person"] < self.people).to_numpy()
        fewer = Survey(survey.data[there].reset_index(drop=True), cluster=survey.cluster, name=survey.name)
        if survey.domain is not None:
            inside = pd.Series(survey.domain[there].astype(np.int8))
            fewer = Survey(fewer.data.assign(first_people_in_domain=inside), cluster=survey.cluster, name=survey.name)
            fewer = fewer.where("first_people_in_domain == 1")
        return self.estimator(fewer)


def power_curve(
    study: TrialStudy,
    sizes: Sequence[int],
    *,
    null: Any,
    repeats: int,
    seed: int,
    closed_form: Mapping[str, Comparison] | None = None,
    workers: int = 1,
    level: float = 0.95,
    progress: bool = True,
) -> PowerCurve:
    """Return how often a trial is significant, for several sizes of it.

    Each trial is simulated once, at the largest size; a smaller one is its first part, as though enrolment had stopped
    there. So the powers of one curve share their luck: the curve is smoother than its bands.

    Parameters
    ----------
    study
        The trial and its analyses, each of which gives one estimate; its `people` are not used.
    sizes
        People in all, ascending.
    null
        What a test would reject: a number, or one for each analysis; 0 for a difference or the logarithm of a ratio.
    repeats
        Trials, at least 2. The error of a power of 80 % is 2.8 points with 200.
    seed
        A whole number, not negative.
    closed_form
        Comparisons by the names of analyses, see `power_of`: their power is put beside.
    workers, level, progress
        As of `crampstats.diagnose`.

    Returns
    -------
    PowerCurve
        An analysis that fails in a trial, such as a model without a solution, found nothing in it, and the note says how
        often.

    Raises
    ------
    SchemaError
        With every fault of the arguments.
    CrampstatsError
        As `crampstats.diagnose`.

    Notes
    -----
    A trial is significant where the interval that the estimate makes by itself leaves out the null: Morris TP, White IR,
    Crowther MJ, Stat Med 2019;38:2074-2102, doi:10.1002/sim.8086.

    Examples
    --------
    >>> import crampstats as cs
    >>> from crampstats.diagnostics import MeanContrast
    >>> from crampstats.population import Arm, TrialPlan
    >>> plan = TrialPlan(arms=[Arm(name="placebo"), Arm(name="tablet", rate_ratio=0.4)], eligible="run_in_cramps >= 4")
    >>> fall = MeanContrast("cramps / weeks - run_in_cramps / run_in_weeks", "arm", "tablet", "placebo")
    >>> study = TrialStudy(cs.Population(), 200, plan, {"change": fall})
    >>> curve = power_curve(study, [40, 200], null=0, repeats=20, seed=1).to_frame()
    >>> curve[["term", "n"]].to_numpy().tolist(), bool(curve["estimate"].is_monotonic_increasing)
    ([['change', 40], ['change', 200]], True)
    """
    people, forms = _checked(study, sizes, null, closed_form)
    nulls = dict(null) if isinstance(null, Mapping) else dict.fromkeys(study.named, null)
    analyses = {
        f"{name}{AT}{n}": Analysis(FirstPeople(analysis.estimator, n), ignore=analysis.ignore)
        for name, analysis in study.named.items()
        for n in people
    }
    expected = {name: nulls[name.rpartition(AT)[0]] for name in analyses}
    largest = replace(study, people=people[-1], analyses=analyses)
    done = diagnose(
        largest,
        truth=expected,
        null=expected,
        repeats=repeats,
        seed=seed,
        workers=workers,
        level=level,
        progress=progress,
    )
    rows = [
        {
            "term": name,
            "n": n,
            **_power(done, f"{name}{AT}{n}", nulls[name]),
            "closed_form": power_of(forms[name], n) if name in forms else np.nan,
        }
        for name in study.named
        for n in people
    ]
    table = pd.DataFrame(rows)
    return PowerCurve(table[[*table.columns.drop("note"), "note"]], repeats, seed, level)


def _power(done: Performance, analysis: str, null: float) -> dict[str, Any]:
    """Return how often an analysis was significant, with the Monte Carlo interval."""
    found = done.replicates[done.replicates["analysis"] == analysis]
    terms = set(found["term"])
    if len(terms) > 1:
        name = analysis.rpartition(AT)[0]
        raise QuestionError(f"analysis {name!r} gives {len(terms)} estimates; power is that of one.")
    significant = int(((null < found["conf_low"]) | (found["conf_high"] < null)).sum())
    share = significant / done.repeats
    band = binomial_interval(significant, done.repeats, method="wilson")
    failures = done.repeats - len(found)
    return {
        "estimate": share,
        "std_error": float(np.sqrt(share * (1 - share) / done.repeats)),
        "conf_low": float(band.low[0]),
        "conf_high": float(band.high[0]),
        "note": f"{failures:,} of {done.repeats:,} trials without an estimate" if failures else "",
    }


def _checked(study: Any, sizes: Any, null: Any, closed_form: Any) -> tuple[tuple[int, ...], dict[str, Comparison]]:
    """Return the sizes and the closed forms, or raise every fault of the arguments."""
    title = "no power can be found"
    if not isinstance(study, TrialStudy):
        raise_faults([Fault("study", f"is {study!r:.80}", "a TrialStudy")], title)
    faults = []
    listed = tuple(sizes) if np.iterable(sizes) and not isinstance(sizes, str) else ()
    if not listed or any(not is_whole(n, 2) for n in listed) or sorted(set(listed)) != list(listed):
        faults.append(
            Fault("sizes", f"is {sizes!r:.80}", "whole numbers of people in a list, ascending, each at least 2")
        )
    forms = {} if closed_form is None else closed_form
    for role, given in (("null", null), ("closed_form", forms)):
        if isinstance(given, Mapping):
            known = f"one of {', '.join(study.named)}"
            faults += [Fault(role, f"{name!r} is no analysis", known) for name in given if name not in study.named]
    if isinstance(null, Mapping):
        faults += [Fault("null", f"analysis {name!r} has none", "a number") for name in study.named if name not in null]
    raise_faults(faults, title)
    return tuple(int(n) for n in listed), dict(forms)
