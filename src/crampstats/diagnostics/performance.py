"""Whether estimators do what they promise: a study repeated many times in a population whose truth is known."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from crampstats.diagnostics.expectations import Expected, census, read_expected
from crampstats.diagnostics.measures import measures, share_error
from crampstats.diagnostics.replicates import Laboratory, outcomes
from crampstats.diagnostics.studies import Study
from crampstats.diagnostics.trial_studies import TrialStudy
from crampstats.errors import CrampstatsError
from crampstats.schema import Fault, is_number, is_whole, raise_faults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crampstats.diagnostics.expectations import One, Truth
    from crampstats.diagnostics.replicates import Outcome
    from crampstats.diagnostics.studies import Compared

NUMBERS = ("estimate", "std_error", "conf_low", "conf_high")
SHOWN = ("bias", "bias_error", "empirical_se", "model_se", "relative_error_pct", "coverage", "coverage_error", "power")


@dataclass(frozen=True, eq=False, repr=False)
class Performance:
    """How analyses did in many samples of a study.

    Attributes
    ----------
    replicates
        ``analysis``, ``replicate``, ``term``, ``estimate``, ``std_error``, ``conf_low``, ``conf_high``: a row each estimate
        that there is.
    failures
        ``analysis``, ``replicate``, ``term``, ``message``: a row each estimate that there is not. The term is empty where
        the analysis gave none at all.
    expected
        ``analysis``, ``term``, ``truth``, ``truth_error``, and ``null`` if there is one: a row each term.
    repeats, seed, level
        As they were asked for.
    target
        What the estimates are compared with: ``"superpopulation"`` or ``"finite population"``.

    Examples
    --------
    >>> from crampstats.diagnostics import Mean
    >>> from crampstats.population import Population
    >>> from crampstats.population import SamplingPlan
    >>> study = Study(
    ...     Population(), people=2000, plan=SamplingPlan(people=50), analyses={"mean": Mean("age_years")},
    ...     target="finite population", columns=["age_years"])
    >>> performance = diagnose(study, truth="census", repeats=10, seed=1)
    >>> performance.replicates.shape, performance.failures.shape, performance.target
    ((10, 7), (0, 4), 'finite population')
    >>> performance.to_frame()[["analysis", "term", "repeats", "failures"]]
      analysis       term  repeats  failures
    0     mean  age_years       10         0
    """

    replicates: pd.DataFrame
    failures: pd.DataFrame
    expected: pd.DataFrame
    repeats: int
    seed: int
    level: float
    target: Compared

    def to_frame(self) -> pd.DataFrame:
        """Return bias, standard errors, coverage and failures, each with its Monte Carlo standard error (``..._error``).

        Returns
        -------
        DataFrame
            A row each analysis and term. ``repeats``, ``failures`` (replicates without an estimate of the term),
            ``failure_rate``; then, over the other replicates, ``truth``, ``mean`` (of the estimates), ``bias``, ``bias_z``
            (the bias in its Monte Carlo errors), ``empirical_se`` (spread of the estimates), ``model_se`` (root mean square
            of the standard errors that the estimates say), ``relative_error_pct`` (of the model against the empirical one),
            ``mse`` (mean squared error), ``coverage`` (share of intervals that hold the truth),
            ``bias_eliminated_coverage`` (that hold the mean), and with a null ``power`` (share of intervals that do not hold
            it). ``note`` says why a measure is missing.

        Notes
        -----
        Morris TP, White IR, Crowther MJ, Stat Med 2019;38:2074-2102, doi:10.1002/sim.8086.
        """
        rows = []
        by_term = self.replicates.groupby(["analysis", "term"], sort=False).indices
        for one in self.expected.to_dict("records"):
            found = self.replicates.iloc[by_term.get((one["analysis"], one["term"]), [])]
            failures = self.repeats - len(found)
            rate = failures / self.repeats
            rows.append(
                {
                    "analysis": one["analysis"],
                    "term": one["term"],
                    "repeats": self.repeats,
                    "failures": failures,
                    "failure_rate": rate,
                    "failure_rate_error": share_error(rate, self.repeats),
                    **measures(
                        *(found[name].to_numpy() for name in NUMBERS),
                        truth=one["truth"],
                        truth_error=one["truth_error"],
                        null=one.get("null"),
                    ),
                }
            )
        return pd.DataFrame(rows)

    def _shown(self) -> pd.DataFrame:
        """Return a table for the eye: the main measures, four significant digits."""
        table = self.to_frame()
        told = [name for name in SHOWN if name in table.columns]
        few = ["analysis", "term", *(["failures"] if table["failures"].any() else []), *told]
        few += ["note"] if table["note"].any() else []
        return table[few].assign(**{name: [f"{value:.4g}" for value in table[name]] for name in told})

    @property
    def _described(self) -> str:
        return (
            f"Performance in {self.repeats:,} samples: target {self.target}, {100 * self.level:g} % intervals, "
            f"seed {self.seed}"
        )

    def __repr__(self) -> str:
        return f"<{self._described}>\n{self._shown().to_string(index=False)}"

    def _repr_html_(self) -> str:
        return f"<p>{self._described}</p>{self._shown().to_html(index=False, border=0)}"


def diagnose(
    study: Study | TrialStudy,
    *,
    truth: Truth,
    repeats: int,
    seed: int,
    workers: int = 1,
    level: float = 0.95,
    null: One | Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Performance:
    """Repeat a study many times, and say how its analyses do: bias, standard errors, coverage, power, failures.

    Parameters
    ----------
    study
        Whom to simulate, how to draw, how to analyse; or a `TrialStudy`.
    truth
        What the estimates should be. A number, or a `TrueEffect`, whose own error then enters that of the bias, for
        estimates of one term; a mapping of terms to such; a mapping of analyses to either of them; or ``"census"``, for a
        finite population: what each estimator says if everybody is asked. A mapping is one of analyses if it holds mappings
        or if all its keys are names of analyses. An estimate made by columns has terms like ``"low (sex = female)"``.
    repeats
        Samples, at least 2. The error of a coverage of 95 % is 1.5 points with 200, 0.7 with 1000.
    seed
        A whole number, not negative. Replicate i has the luck of (seed, i), whatever the others are and whoever computes it.
    workers
        Processes. The results are the same to the bit. Each takes seconds to start; with more than one, estimators of your
        own stand at the top of a module, and a script calls below ``if __name__ == "__main__":``.
    level
        Confidence of the intervals, which are those that each estimate makes by itself.
    null
        What a test would reject, in the forms of `truth`; None for no power.
    progress
        Whether a terminal shows a bar; notebooks and files never do.

    Returns
    -------
    Performance
        With every estimate and every failure.

    Raises
    ------
    SchemaError
        With every fault of the arguments, or every term that has no truth.
    CrampstatsError
        If an analysis fails in all replicates, or a worker dies.

    Notes
    -----
    Bias, coverage and power speak of samples of the study's target. With ``"superpopulation"`` a finite-population correction
    in the plan makes errors too small, since nobody is certain who will live: let analyses ignore ``"population_size"``.
    Morris TP, White IR, Crowther MJ, Stat Med 2019;38:2074-2102, doi:10.1002/sim.8086. A `CrampstatsError` of an analysis in
    a replicate, and a value or standard error that is no finite number, is a failure: it is counted, kept with its message,
    and left out of the other measures, which therefore speak of the replicates that succeed; so is a sample that cannot be
    drawn, for all analyses. Other exceptions end the run.

    Examples
    --------
    >>> from crampstats.diagnostics import Analysis, Prevalence
    >>> from crampstats.population import Population
    >>> from crampstats.population import SamplingPlan
    >>> older = Prevalence({"older": "age_years >= 60"})
    >>> study = Study(
    ...     Population(),
    ...     people=5000,
    ...     plan=SamplingPlan(people=60, oversample={"age_years >= 60": 3.0}),
    ...     analyses={"weighted": older, "unweighted": Analysis(older, ignore=("weight",))},
    ...     target="finite population",
    ...     columns=["age_years"],
    ... )
    >>> table = diagnose(study, truth="census", repeats=100, seed=1).to_frame().set_index("analysis")
    >>> (table["bias"].abs() > 5 * table["bias_error"]).to_dict()
    {'weighted': False, 'unweighted': True}
    """
    expected, nulls = _checked(study, truth, repeats, seed, workers, level, null)
    laboratory = Laboratory(study, seed, float(level))
    if expected is None:
        assert isinstance(study, Study)
        expected = census(study, laboratory.people)
    wanted = [each for each in (expected, nulls) if each is not None]
    found: list[Outcome] = []
    terms: dict[str, dict[str, None]] = {name: {} for name in study.named}
    failed = 0
    with tqdm(total=repeats, unit="sample", disable=None if progress else True, leave=False) as bar:
        for replicate in outcomes(laboratory, repeats, workers=workers):
            found += replicate
            _check_new_terms(replicate, terms, wanted)
            failed += sum(bool(one.failure) for one in replicate)
            if failed:
                bar.set_postfix(failures=failed, refresh=False)
            bar.update()
    found.sort(key=lambda one: one.replicate)
    _refuse_useless(found, repeats)
    return _performance(study, found, expected, nulls, repeats=repeats, seed=seed, level=float(level))


def _checked(
    study: Study | TrialStudy, truth: Any, repeats: int, seed: int, workers: int, level: float, null: Any
) -> tuple[Expected | None, Expected | None]:
    """Return truth (None for a census) and null as they were read, or raise every fault of the arguments."""
    if not isinstance(study, Study | TrialStudy):
        raise CrampstatsError(f"study={study!r:.80} has to be a Study or a TrialStudy.")
    faults = [
        Fault(name, f"is {value!r}", f"a whole number of at least {least}")
        for name, value, least in (("repeats", repeats, 2), ("seed", seed, 0), ("workers", workers, 1))
        if not is_whole(value, least)
    ]
    if not is_number(level) or not 0 < level < 1:
        faults.append(Fault("level", f"is {level!r}", "a number between 0 and 1, such as 0.95"))
    analyses = tuple(study.named)
    expected, nulls = None, None
    if isinstance(truth, str) and truth == "census":
        if study.target != "finite population":
            problem = f"there is no census of the target {study.target!r}"
            faults.append(Fault("truth", problem, "a number, or target='finite population'"))
    else:
        expected, wrong = read_expected(truth, "truth", analyses)
        faults += wrong
    if null is not None:
        nulls, wrong = read_expected(null, "null", analyses)
        faults += wrong
    if is_whole(workers, 2):
        faults += _sending_faults(study)
    raise_faults(faults, "diagnose")
    return expected, nulls


def _sending_faults(study: Study | TrialStudy) -> list[Fault]:
    """Return what cannot be sent to another process."""
    faults = []
    expected = "a function at the top of a module that can be imported, or workers=1"
    for name, analysis in study.named.items():
        try:
            pickle.dumps(analysis)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            faults.append(Fault("workers", f"analysis {name!r} cannot be sent to another process ({error})", expected))
    if not faults:
        try:
            pickle.dumps(study)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            faults.append(Fault("workers", f"the study cannot be sent to another process ({error})", "workers=1"))
    return faults


def _check_new_terms(replicate: tuple[Outcome, ...], terms: dict[str, dict[str, None]], wanted: list[Expected]) -> None:
    """Add the terms of a replicate to those known, refusing what nothing is expected of before more time is spent."""
    new = {one.analysis: one.terms for one in replicate if not set(one.terms) <= set(terms[one.analysis])}
    if not new:
        return
    for name, each in new.items():
        terms[name].update(dict.fromkeys(each))
    named = {name: tuple(each) for name, each in terms.items() if each}
    raise_faults([fault for each in wanted for fault in each.faults(named)], "diagnose")


def _refuse_useless(found: list[Outcome], repeats: int) -> None:
    """Raise if an analysis has no single estimate, with the reasons of all that have none."""
    reasons: dict[str, list[str]] = {}
    for one in found:
        reasons.setdefault(one.analysis, [])
        if not _usable(one):
            reasons[one.analysis].append(one.failure or "the estimates or their errors are no finite numbers")
    lines = [
        f"  - {name}: {max(set(messages), key=messages.count)}"
        for name, messages in reasons.items()
        if len(messages) == repeats
    ]
    if lines:
        count = "1 analysis" if len(lines) == 1 else f"{len(lines)} analyses"
        raise CrampstatsError("\n".join([f"{count} failed in all {repeats:,} replicates.", *lines]))


def _usable(one: Outcome) -> bool:
    """Say whether an outcome holds an estimate."""
    return one.numbers is not None and bool(_known(one.numbers).any())


def _known(numbers: np.ndarray) -> np.ndarray:
    """Say which estimates, shape (k,), have a finite value and error and limits that are numbers."""
    return np.isfinite(numbers[:2]).all(axis=0) & ~np.isnan(numbers[2:]).any(axis=0)


def _performance(
    study: Study | TrialStudy,
    found: list[Outcome],
    expected: Expected,
    nulls: Expected | None,
    *,
    repeats: int,
    seed: int,
    level: float,
) -> Performance:
    """Lay out what was found as tables, analysis by analysis in the order of the study."""
    estimates: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    known: list[dict[str, Any]] = []
    for name in study.named:
        mine = [one for one in found if one.analysis == name]
        terms = dict.fromkeys(term for one in mine for term in one.terms)
        if expected.complete:
            terms |= dict.fromkeys(expected.terms(name))
        for one in mine:
            told, lacking = _rows(one, tuple(terms))
            estimates += told
            failures += lacking
        for term in terms:
            truth = expected.value(name, term)
            row = {"analysis": name, "term": term, "truth": truth.value, "truth_error": truth.std_error}
            known.append(row if nulls is None else row | {"null": nulls.value(name, term).value})
    return Performance(
        pd.DataFrame(estimates, columns=["analysis", "replicate", "term", *NUMBERS]),
        pd.DataFrame(failures, columns=["analysis", "replicate", "term", "message"]),
        pd.DataFrame(known),
        repeats,
        seed,
        level,
        study.target,
    )


def _rows(one: Outcome, terms: tuple[str, ...]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the estimates and the failures of one outcome, where the analysis has these terms elsewhere."""
    place = {"analysis": one.analysis, "replicate": one.replicate}
    if one.numbers is None:
        return [], [{**place, "term": "", "message": one.failure}]
    estimates, failures = [], []
    for term, numbers, good in zip(one.terms, one.numbers.T, _known(one.numbers), strict=True):
        if good:
            estimates.append({**place, "term": term, **dict(zip(NUMBERS, numbers.tolist(), strict=True))})
        else:
            told = ", ".join(f"{name} {number:g}" for name, number in zip(NUMBERS, numbers, strict=True))
            failures.append({**place, "term": term, "message": f"not a finite number: {told}"})
    failures += [
        {**place, "term": term, "message": "the sample gives no estimate of this term"}
        for term in terms
        if term not in one.terms
    ]
    return estimates, failures
