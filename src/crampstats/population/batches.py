"""What is asked of simulated people, and people of many populations, so that the luck of one does not decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from crampstats.errors import QuestionError
from crampstats.population.populations import Population
from crampstats.population.simulation import simulate_lives
from crampstats.questions import Question, read_question
from crampstats.schema import Fault, is_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

# Populations of their own seeds that an average is taken over: enough for an error of the error of 9 %.
BATCHES = 64
FEWEST = 2 * BATCHES


@dataclass(frozen=True)
class Asked:
    """A question of some people, read."""

    question: Question
    among: Question | None = None

    @classmethod
    def read(cls, question: str, among: str | None = None) -> Asked:
        """Return the question in the language of `crampstats.questions`; a `QuestionError` if it cannot be read."""
        asked = cls(read_question(question), read_question(among) if among else None)
        if not asked.question.columns:
            raise QuestionError(f"{question!r} names no variable.")
        return asked

    @property
    def columns(self) -> tuple[str, ...]:
        """The variables that it names."""
        return (*self.question.columns, *(self.among.columns if self.among else ()))

    def margin(self, share: bool) -> str:
        """Return the margin in words."""
        people = f" among {self.among.text}" if self.among else ""
        return f"{'share with' if share else 'mean'} {self.question.text}{people}"

    def of(self, people: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Return the answers as numbers and who is meant, both shape (people,)."""
        return answered(self.question, people).astype(float), inside_of(self.among, people)


def answered(question: Question, people: pd.DataFrame) -> np.ndarray:
    """Return answers that are numbers or yes/no and never missing."""
    answer = question.answer(people)
    if answer.kind == "text":
        raise QuestionError(f"{question.text!r} is a text; ask for a yes/no or a number.")
    if answer.missing is not None:
        raise QuestionError(f"{question.text!r} has no answer for {int(answer.missing.sum())} simulated people.")
    values = np.asarray(answer.values)
    if not np.isfinite(values).all():
        raise QuestionError(
            f"{question.text!r} is not finite for {int((~np.isfinite(values)).sum())} simulated people."
        )
    return values


def inside_of(among: Question | None, people: pd.DataFrame) -> np.ndarray:
    """Say who is meant, shape (people,) bool."""
    if among is None:
        return np.ones(len(people), dtype=bool)
    answers = answered(among, people)
    if answers.dtype != bool:
        raise QuestionError(f"among={among.text!r} is a number; ask for a yes/no.")
    return answers


def batches(
    population: Population, n: int, seed: int, columns: Sequence[str], lives: Sequence[Mapping[str, Any]] = ({},)
) -> Iterator[tuple[pd.DataFrame, ...]]:
    """Yield n people in `BATCHES` populations with seeds of their own, each of them in every life that is asked for."""
    sizes = np.full(BATCHES, n // BATCHES) + (np.arange(BATCHES) < n % BATCHES)
    seeds = (
        np.random.SeedSequence(seed, spawn_key=(batch,)).generate_state(1, np.uint64)[0] for batch in range(BATCHES)
    )
    groups = [(int(size), int(own)) for size, own in zip(sizes, seeds, strict=True)]
    yield from simulate_lives(population, groups, lives=lives, columns=columns)


def batch_error(residuals: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Return the standard errors of means by their residuals summed to batches.

    Parameters
    ----------
    residuals
        Shape (batches, k), adding up to 0 over batches.
    people
        Shape (k,), in all batches.
    """
    return np.sqrt(BATCHES / (BATCHES - 1) * np.sum(residuals**2, axis=0)) / people


def simulation_faults(population: Any, n: Any, seed: Any) -> list[Fault]:
    """Return what is wrong with whom, how many, and which."""
    faults = [] if isinstance(population, Population) else [Fault("population", f"is {population!r}", "a Population")]
    for name, value, least in (("n", n, FEWEST), ("seed", seed, 0)):
        if not is_whole(value, least):
            faults.append(Fault(name, f"is {value!r}", f"a whole number of at least {least}"))
    return faults
