"""Time the simulation of people, as ratios against drawing the same random numbers alone.

In turn, median of the repeats:

- floor: the numbers that `simulate` draws (as many uniform, normal and gamma arrays), by one numpy Generator;
- crampstats: `simulate` of the packaged population, all variables, on one thread and on two;
- plain pandas: the same graph, parameters and distributions written as whole columns of a DataFrame with one Generator,
  scipy's logistic function and numpy's own Poisson; a reader's first way to write it. Means have to agree, or the script
  fails.

Run: python benchmarks/simulate.py [--people 100000 1000000] [--repeats 5] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from peers import describe, median_seconds, seconds
from scipy.special import expit

from crampstats.population import Population, luck, simulate
from crampstats.population.mechanisms import (
    Ages,
    Choice,
    Classes,
    Count,
    Frailty,
    GroupEffect,
    Groups,
    Holds,
    Logistic,
    Measured,
    Normal,
    Rate,
    Reported,
    Shares,
    Sum,
    Whole,
)
from crampstats.population.terms import Numbers, Values

if TYPE_CHECKING:
    from collections.abc import Callable

    from crampstats.population.terms import Effect, Predictor


class CountedLuck(luck.Luck):
    """Luck that keeps a list of what was asked of it."""

    asked: list[tuple[str, float]] = []  # noqa: RUF012 (one list for all, on purpose)

    def uniform(self, part: str = "") -> np.ndarray:
        self.asked.append(("random", 0.0))
        return super().uniform(part)

    def normal(self, part: str = "") -> np.ndarray:
        self.asked.append(("standard_normal", 0.0))
        return super().normal(part)

    def gamma(self, shape: float, part: str = "") -> np.ndarray:
        self.asked.append(("standard_gamma", shape))
        return super().gamma(shape, part)


def drawn_numbers(population: Population) -> list[tuple[str, float]]:
    """Return what a person's life takes: methods of a Generator, and the shape of a gamma."""
    CountedLuck.asked.clear()
    values, numbers = Values(), Numbers(population.numbers, population.schema.columns)
    source = luck.Source(1, 0)
    for variable in population.variables:
        values[variable.name] = variable.mechanism.draw(values, numbers, CountedLuck(source, variable.name, 100))
    return list(CountedLuck.asked)


def floor(numbers: list[tuple[str, float]], people: int) -> None:
    """Draw the numbers and nothing else."""
    rng = np.random.default_rng(1)
    for method, shape in numbers:
        if method == "standard_gamma":
            rng.standard_gamma(shape, people)
        else:
            getattr(rng, method)(people)


def plainly(population: Population, people: int) -> pd.DataFrame:
    """Simulate whole columns of a DataFrame, one after the other."""
    rng, p, data = np.random.default_rng(1), population.numbers, pd.DataFrame(index=range(people))

    def term(effect: Effect) -> Any:
        acting = p[effect.parameter]
        for form in (effect.form, effect.also):
            if form is None:
                continue
            x = data[form.of]
            if form.level is not None:
                acting = acting * (x == form.level)
            elif form.at_least is not None:
                acting = acting * (x >= form.at_least)
            elif form.log_from is not None:
                acting = acting * np.log(x / form.log_from)
            elif form.peak is not None:
                acting = acting * np.cos(2 * np.pi * (x - form.peak) / form.period)
            elif form.above is not None:
                acting = acting * (x - form.above).clip(lower=0) / form.per
            elif form.below is not None:
                acting = acting * (form.below - x).clip(lower=0) / form.per
            else:
                acting = acting * (x - form.origin) / form.per
        return acting

    def predicted(predictor: Predictor) -> Any:
        return sum((term(effect) for effect in predictor.effects), start=p[predictor.intercept])

    def holds(condition: Any) -> pd.Series:
        x = data[condition.of]
        if condition.level is not None:
            return x == condition.level
        low = -np.inf if condition.at_least is None else condition.at_least
        return x.between(low, np.inf if condition.at_most is None else condition.at_most)

    for variable in population.variables:
        m, levels = variable.mechanism, np.array(variable.column.levels, dtype=object)
        match m:
            case Ages():
                made = rng.choice(np.arange(len(m.year_shares)) + m.lowest, people, p=m.year_shares)
            case Whole():
                made = rng.integers(m.first, m.last + 1, people)
            case Sum():
                made = np.clip(predicted(m.predictor), m.low, m.high)
            case Holds():
                yes = np.ones(people, dtype=bool)
                for condition in m.all_of:
                    yes &= holds(condition)
                if m.any_of:
                    yes &= np.any([holds(condition) for condition in m.any_of], axis=0)
                made = np.asarray(yes, dtype=np.int8)
            case Shares():
                others = [p[name] for name in m.shares]
                made = rng.choice(levels, people, p=[1 - sum(others), *others])
            case Groups():
                number = int(p[m.number])
                sizes = np.arange(1.0, number + 1) ** -p[m.inequality]
                first = data[m.of].cat.codes.to_numpy(dtype=int) * number
                made = rng.choice(number, people, p=sizes / sizes.sum()) + first
            case GroupEffect():
                made = rng.standard_normal(int(p[m.groups.number]) * m.groups.levels)[data[m.of]]
            case Choice():
                odds = [np.ones(people), *(np.exp(predicted(each)) * np.ones(people) for each in m.choices)]
                bounds = np.cumsum(odds, axis=0)
                place = (rng.random(people) * bounds[-1] >= bounds).sum(axis=0)
                made = levels[np.array(m.codes)[place]]
                for condition in m.only_if:
                    made = np.where(holds(condition), made, levels[m.otherwise])
            case Logistic():
                yes = rng.random(people) < expit(predicted(m.predictor))
                for condition in m.only_if:
                    yes &= holds(condition)
                for condition in m.certain_if:
                    yes |= holds(condition)
                made = np.asarray(yes, dtype=np.int8)
            case Normal():
                made = rng.normal(predicted(m.predictor), p[m.spread], people)
                made = np.clip(np.exp(made) if m.on_log else made, m.low, m.high)
            case Frailty():
                prone, frequent, ratio = (p[name] for name in (m.prone, m.frequent, m.ratio))
                kind = rng.choice([0.0, 1.0, ratio], people, p=[1 - prone, prone * (1 - frequent), prone * frequent])
                shape = np.where(kind == ratio, p[m.frequent_shape], p[m.shape])
                made = kind * rng.gamma(shape, 1 / shape) / (prone * (1 + frequent * (ratio - 1)))
            case Rate():
                made = np.minimum(np.exp(predicted(m.predictor)) * data[m.times], np.inf if m.high is None else m.high)
            case Count():
                made = rng.poisson(data[m.of] * m.windows) + (0 if m.plus is None else data[m.plus])
            case Measured():
                within, analytic = (rng.normal(1, p[name], people) for name in (m.within, m.analytic))
                made = data[m.of] * within * analytic
            case Reported():
                made = (data[m.of] * m.factor).round(len(str(m.steps)) - 1)
            case Classes():
                made = np.searchsorted(m.edges, data[m.of], side="right")
                made = levels[made] if len(levels) else made
        data[variable.name] = pd.Categorical(made, categories=levels) if len(levels) else made
    return data


def check(population: Population) -> None:
    """Fail if the plain way makes other people than ours."""
    ours, plain = simulate(population, 200_000, seed=1), plainly(population, 200_000)
    shared = [name for name in ours if name.startswith(("true_village", "water"))]  # too few villages for a mean
    for name in ours.select_dtypes("number").columns.difference(["village", *shared]):
        a, b = ours[name], plain[name]
        error = np.hypot(a.std(), b.std()) / np.sqrt(len(a))
        # Villages differ from seed to seed, beyond the error of people.
        assert abs(a.mean() - b.mean()) < 5 * error + 0.02 * abs(a.mean()), (name, a.mean(), b.mean())
    for name in ours.select_dtypes("category"):
        shares = pd.concat([each[name].value_counts(normalize=True) for each in (ours, plain)], axis=1)
        assert (shares.iloc[:, 0] - shares.iloc[:, 1]).abs().max() < 0.01, shares


def main() -> int:
    """Measure, print the table, write JSON if asked to."""
    reader = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    reader.add_argument("--people", type=int, nargs="+", default=[100_000, 1_000_000])
    reader.add_argument("--repeats", type=int, default=5)
    reader.add_argument("--json", type=Path, help="where to write the figures")
    chosen = reader.parse_args()
    population = Population()
    numbers = drawn_numbers(population)
    check(population)
    measured: dict[int, dict[str, float]] = {}
    for people in chosen.people:
        ways: dict[str, Callable[[], object]] = {
            "floor: the numbers alone": lambda people=people: floor(numbers, people),
            "crampstats": lambda people=people: simulate(population, people, seed=1),
            "crampstats, two threads": lambda people=people: simulate(population, people, seed=1, workers=2),
            "plain pandas": lambda people=people: plainly(population, people),
        }
        times: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(chosen.repeats):
            for way, work in ways.items():
                times[way].append(seconds(work))
        measured[people] = median_seconds(times)
    print(f"{len(population.variables)} variables, {len(numbers)} random numbers a person")
    print(f"{'people':>11}  {'way':<26}{'seconds':>10}{'x floor':>10}{'people a second':>18}")
    for people, medians in measured.items():
        for way, median in medians.items():
            ratio = median / medians["floor: the numbers alone"]
            print(f"{people:>11,}  {way:<26}{median:>10.4f}{ratio:>10.2f}{people / median:>18,.0f}")
    if chosen.json:
        result = {**describe(), "repeats": chosen.repeats, "numbers a person": len(numbers), "seconds": measured}
        chosen.json.write_text(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
