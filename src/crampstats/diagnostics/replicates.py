"""Many samples of a study and what its analyses make of each, in this process or in several: the same bits."""

from __future__ import annotations

import math
import multiprocessing
import pickle
import zlib
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING

import numpy as np

from crampstats.errors import CrampstatsError
from crampstats.estimates import Estimate

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from crampstats.diagnostics.estimators import Estimator
    from crampstats.diagnostics.studies import Analysis, Study
    from crampstats.diagnostics.trial_studies import TrialStudy
    from crampstats.survey import Survey

# Pieces of work that each process gets: more of them wait less for the last one, and cost more sending.
PIECES = 8
LARGEST_PIECE = 50


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one analysis made of one sample.

    Attributes
    ----------
    analysis
        Its name.
    replicate
        Number of the sample, from 0.
    terms
        Length k; none if the analysis failed.
    numbers
        Shape (4, k): estimates, standard errors, lower and upper confidence limits.
    failure
        Why there is no estimate; empty where there is one.
    """

    analysis: str
    replicate: int
    terms: tuple[str, ...] = ()
    numbers: np.ndarray | None = None
    failure: str = ""


def seed_of(sequence: np.random.SeedSequence) -> int:
    """Return a seed of a population, 64 bits of a sequence.

    Parameters
    ----------
    sequence
        As `numpy.random.SeedSequence` makes it.
    """
    return int(sequence.generate_state(1, np.uint64)[0])


def terms_of(estimate: Estimate) -> tuple[str, ...]:
    """Return a name for each estimate: its term, and in parentheses the values of the by columns.

    Parameters
    ----------
    estimate
        k estimates.

    Raises
    ------
    TypeError
        If two have the same name.

    Examples
    --------
    >>> import crampstats as cs
    >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class")
    >>> terms_of(cs.prevalence(cramps, {"often": "cramp_class >= 3"}, by=["sex"]))
    ('often (sex = male)', 'often (sex = female)')
    """
    by = [name for name in estimate.labels.columns if name != "term"]
    terms = []
    for row in estimate.labels[["term", *by]].itertuples(index=False, name=None):
        levels = ", ".join(f"{name} = {level}" for name, level in zip(by, row[1:], strict=True))
        terms.append(f"{row[0]} ({levels})" if levels else str(row[0]))
    if len(set(terms)) < len(terms):
        twice = next(term for term in terms if terms.count(term) > 1)
        raise TypeError(f"an estimator gave two estimates the name {twice!r}; label them apart.")
    return tuple(terms)


def estimated(estimator: Estimator, survey: Survey) -> Estimate:
    """Return what an estimator says of a survey.

    Parameters
    ----------
    estimator
        Of an analysis.
    survey
        As the analysis sees it.

    Raises
    ------
    TypeError
        If it returns something else than an `Estimate`.
    """
    estimate = estimator(survey)
    if not isinstance(estimate, Estimate):
        raise TypeError(f"an estimator has to return an Estimate, not a {type(estimate).__name__}.")
    return estimate


@dataclass(frozen=True)
class Laboratory:
    """A study with all that one replicate after another needs.

    Attributes
    ----------
    study
        To repeat.
    seed
        Of all replicates.
    level
        Confidence of the intervals.
    """

    study: Study | TrialStudy
    seed: int
    level: float

    @cached_property
    def people(self) -> pd.DataFrame:
        """The finite population of all replicates; another process makes the same one again."""
        return self.study.simulated(seed_of(np.random.SeedSequence(self.seed)))

    def replicate(self, index: int) -> tuple[Outcome, ...]:
        """Return what each analysis makes of one sample.

        Parameters
        ----------
        index
            Number of the replicate, from 0; alone decides, with the seed, what chance brings.
        """
        for_people, for_sample = np.random.SeedSequence(self.seed, spawn_key=(index,)).spawn(2)
        if self.study.target == "finite population":
            people = self.people
        else:
            people = self.study.simulated(seed_of(for_people))
        try:
            sample = self.study.drawn(people, rng=np.random.default_rng(for_sample))
        except CrampstatsError as error:
            return tuple(Outcome(name, index, failure=f"no sample: {error}") for name in self.study.named)
        seen: dict[frozenset[str], Survey] = {}
        return tuple(self._outcome(index, name, each, sample, seen) for name, each in self.study.named.items())

    def _outcome(
        self, index: int, name: str, analysis: Analysis, sample: Survey, seen: dict[frozenset[str], Survey]
    ) -> Outcome:
        """Return what one analysis makes of a sample; analyses that ignore the same see the same survey."""
        try:
            # An estimate that divides by nothing is no number, which is told as a failure, not as a warning.
            with np.errstate(all="ignore"):
                key = frozenset(analysis.ignore)
                if key not in seen:
                    seen[key] = self.study.asked(analysis.seen(sample))
                estimate = estimated(analysis.estimator, seen[key])
                limits = estimate.interval(level=self.level)
                numbers = np.stack([estimate.value, estimate.std_error, limits.low, limits.high])
            return Outcome(name, index, terms_of(estimate), numbers)
        except CrampstatsError as error:
            return Outcome(name, index, failure=str(error))
        except Exception as error:
            error.add_note(f"In replicate {index}, analysis {name!r}.")
            raise

    def run(self, indices: range) -> list[tuple[Outcome, ...]]:
        """Return the outcomes of several replicates.

        Parameters
        ----------
        indices
            Their numbers.
        """
        return [self.replicate(index) for index in indices]


# What a worker process is sent when it starts: it holds for all of its work, and an executor hands arguments to functions.
_sent: list[bytes] = []


def _packed(laboratory: Laboratory) -> bytes:
    """Return a laboratory as bytes, without people, which are quicker made again than sent.

    They are compressed because a process whose start is told more than a pipe holds (64 KiB) is waited for without end if it
    dies at once, as it does in a script that does not guard its main part.
    """
    return zlib.compress(pickle.dumps(replace(laboratory)))


def _receive(packed: bytes) -> None:
    """Keep in a worker process what it is sent."""
    _sent[:] = [packed]


@cache
def _received() -> Laboratory:
    """Return the laboratory of a worker process, unpacked once."""
    try:
        laboratory: Laboratory = pickle.loads(zlib.decompress(_sent[0]))
    except (AttributeError, ImportError) as error:
        raise CrampstatsError(
            f"a worker process does not find an estimator ({error}): it has to stand at the top of a module that can be "
            "imported; workers=1 needs no module."
        ) from error
    return laboratory


def _work(indices: range) -> list[tuple[Outcome, ...]]:
    """Run replicates in a worker process."""
    return _received().run(indices)


def outcomes(laboratory: Laboratory, repeats: int, *, workers: int = 1) -> Iterator[tuple[Outcome, ...]]:
    """Yield the outcomes of each replicate, with several workers in the order in which they come.

    Parameters
    ----------
    laboratory
        What to repeat.
    repeats
        How many replicates.
    workers
        Processes; 1 for this one alone.

    Raises
    ------
    CrampstatsError
        If a worker process dies, or does not find an estimator.
    """
    if workers == 1:
        yield from map(laboratory.replicate, range(repeats))
        return
    piece = min(LARGEST_PIECE, math.ceil(repeats / (PIECES * workers)))
    pieces = [range(start, min(start + piece, repeats)) for start in range(0, repeats, piece)]
    pool = ProcessPoolExecutor(
        min(workers, len(pieces)),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_receive,
        initargs=(_packed(laboratory),),
    )
    try:
        for future in as_completed([pool.submit(_work, piece) for piece in pieces]):
            yield from future.result()
    except BrokenProcessPool as error:
        raise CrampstatsError(
            "a worker process died. In a script the call has to stand below `if __name__ == '__main__':`, and memory has to "
            "suffice for the people of each worker; workers=1 needs neither."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)
