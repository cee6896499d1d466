"""What the estimates of a study should be: a number, or one for each term, or each analysis, or what a census says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from crampstats.diagnostics.replicates import estimated, terms_of
from crampstats.errors import CrampstatsError
from crampstats.schema import Fault, is_number, raise_faults

if TYPE_CHECKING:
    import pandas as pd

    from crampstats.diagnostics.estimators import Estimator
    from crampstats.diagnostics.studies import Study
    from crampstats.estimates import Estimate


@runtime_checkable
class WithError(Protocol):
    """A truth that was itself found by simulation, as `crampstats.true_effect` returns it."""

    @property
    def value(self) -> float:
        """The truth."""

    @property
    def std_error(self) -> float:
        """Its Monte Carlo standard error."""


One = float | WithError
Truth = One | Mapping[str, One | Mapping[str, One]] | Literal["census"]
NUMBER = "a finite number, or something with a finite .value and .std_error"


@dataclass(frozen=True)
class Known:
    """A value and how wrong it may be.

    Attributes
    ----------
    value, std_error
        Finite; the error is 0 of what is known exactly.
    """

    value: float
    std_error: float = 0.0


@dataclass(frozen=True)
class Expected:
    """What is expected of each analysis.

    Attributes
    ----------
    role
        What messages call it: ``"truth"`` or ``"null"``.
    of
        By the name of the analysis: one value for an estimate of one term, or a value for each term.
    complete
        Whether the estimates of an analysis have all of its terms, unless a sample lacks people for them.
    """

    role: str
    of: Mapping[str, Known | Mapping[str, Known]]
    complete: bool = False

    def faults(self, terms: Mapping[str, tuple[str, ...]]) -> list[Fault]:
        """Return for which terms nothing is expected.

        Parameters
        ----------
        terms
            Those that the estimates of each analysis have.
        """
        faults = []
        for analysis, found in terms.items():
            known = self.of[analysis]
            listed = ", ".join(map(repr, found))
            if isinstance(known, Known):
                if len(found) > 1:
                    faults.append(
                        Fault(self.role, f"analysis {analysis!r} has several terms", f"one number for each of {listed}")
                    )
                continue
            faults += [
                Fault(self.role, f"analysis {analysis!r} has no {self.role} for its term {term!r}", _choice(known))
                for term in found
                if term not in known
            ]
        return faults

    def terms(self, analysis: str) -> tuple[str, ...]:
        """Return the terms of an analysis that something is said of, none if one value stands for its only one.

        Parameters
        ----------
        analysis
            Its name.
        """
        known = self.of[analysis]
        return () if isinstance(known, Known) else tuple(known)

    def value(self, analysis: str, term: str) -> Known:
        """Return what is expected of one term that `faults` does not find fault with.

        Parameters
        ----------
        analysis, term
            Their names.
        """
        known = self.of[analysis]
        return known if isinstance(known, Known) else known[term]


def _choice(known: Mapping[str, Known]) -> str:
    """Say for which terms something is known."""
    return f"a number for it; there is one for {', '.join(map(repr, known))}" if known else "a number for it"


def read_expected(given: Any, role: str, analyses: tuple[str, ...]) -> tuple[Expected, list[Fault]]:
    """Read what a user expects, and what is wrong with it.

    Parameters
    ----------
    given
        A number or something with an error; a mapping of terms, the same for all analyses; or a mapping of analyses to
        either.
    role
        ``"truth"`` or ``"null"``.
    analyses
        Names of the analyses. A mapping is one of analyses if all of its keys are such names or a value is a mapping.

    Examples
    --------
    >>> expected, faults = read_expected({"low": 0.1, "high": 0.2}, "truth", ("naive", "right"))
    >>> expected.value("naive", "high"), faults
    (Known(value=0.2, std_error=0.0), [])
    """
    faults: list[Fault] = []
    if isinstance(given, Mapping) and _of_analyses(given, analyses):
        faults += [
            Fault(role, f"{key!r} is no analysis", f"one of {', '.join(map(repr, analyses))}, as the other keys are")
            for key in given
            if key not in analyses
        ]
        faults += [
            Fault(role, f"analysis {name!r} has none", "a number, or a mapping of its terms")
            for name in analyses
            if name not in given
        ]
        return Expected(role, {name: _known(each, role, faults) for name, each in given.items()}), faults
    known = _known(given, role, faults)
    return Expected(role, dict.fromkeys(analyses, known)), faults


def _of_analyses(given: Mapping[Any, Any], analyses: tuple[str, ...]) -> bool:
    """Say whether the keys of a mapping are meant as analyses, not as terms."""
    if any(isinstance(each, Mapping) for each in given.values()):
        return True
    return bool(given) and all(key in analyses for key in given)


def _known(given: Any, role: str, faults: list[Fault]) -> Known | dict[str, Known]:
    """Read one value, or one for each term, adding to the faults."""
    if isinstance(given, Mapping):
        if not given:
            faults.append(Fault(role, "is an empty mapping", "a number for each term"))
        return {str(term): _one(each, f"{role} of {term!r}", faults) for term, each in given.items()}
    return _one(given, role, faults)


def _one(given: Any, role: str, faults: list[Fault]) -> Known:
    """Read one value, adding to the faults."""
    value, error = (given.value, given.std_error) if isinstance(given, WithError) else (given, 0.0)
    numbers = [float(each) if is_number(each) else math.nan for each in (value, error)]
    if not all(map(math.isfinite, numbers)) or numbers[1] < 0:
        faults.append(Fault(role, f"is {given!r:.80}", NUMBER))
    return Known(*numbers)


def census(study: Study, people: pd.DataFrame) -> Expected:
    """Return what the estimators say if all people are asked, each once.

    Parameters
    ----------
    study
        Whose analyses.
    people
        Shape (people, variables): the finite population.

    Raises
    ------
    SchemaError
        If an estimator fails on them, with all that do.
    """
    everybody = study.asked(study.census(people))
    done: list[tuple[Estimator, Estimate]] = []  # a naive analysis shares its estimator with the right one
    known: dict[str, dict[str, Known]] = {}
    faults = []
    for name, analysis in study.named.items():
        try:
            estimate = next((made for estimator, made in done if estimator == analysis.estimator), None)
            if estimate is None:
                estimate = estimated(analysis.estimator, everybody)
                done.append((analysis.estimator, estimate))
        except CrampstatsError as error:
            faults.append(
                Fault(name, f"fails on all people: {error}", "an estimator that works on them, or another truth")
            )
            continue
        values: dict[str, float] = dict(zip(terms_of(estimate), estimate.value.tolist(), strict=True))
        faults += [
            Fault(name, f"the census says {value} of {term!r}", "a finite number")
            for term, value in values.items()
            if not math.isfinite(value)
        ]
        known[name] = {term: Known(value) for term, value in values.items()}
    raise_faults(faults, "truth='census'")
    return Expected("truth", known, complete=True)
