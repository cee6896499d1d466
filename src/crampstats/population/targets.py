"""What the simulated population has to look like: published figures, and how near it comes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd

from crampstats.errors import ReferenceDataError
from crampstats.population.batches import Asked, answered, batches, simulation_faults
from crampstats.questions import Question, read_question
from crampstats.reference.tables import read_table, sourced
from crampstats.schema import Fault, raise_faults

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crampstats.population.populations import Population
    from crampstats.reference.sourced import Sourced

Statistic = Literal["share", "mean", "sd", "quantile", "odds_ratio", "difference", "correlation"]
STRATA = ("sex", "age_group")


@dataclass(frozen=True)
class _Row:
    """A published figure and how it is computed in the simulated population."""

    name: str
    statistic: Statistic
    asked: Asked
    exposure: Question | None
    level: float
    published: Sourced
    standing: str

    @property
    def columns(self) -> tuple[str, ...]:
        strata = STRATA if self.statistic in ("odds_ratio", "difference") else ()
        return (*self.asked.columns, *(self.exposure.columns if self.exposure else ()), *strata)

    def totals(self, people: pd.DataFrame) -> np.ndarray:
        """Return what of these people is added up for the statistic; for a quantile the values themselves."""
        outcome, inside = self.asked.of(people)
        outcome = outcome[inside]
        if self.statistic == "quantile":
            return outcome
        if self.exposure is None:
            return np.array([len(outcome), outcome.sum(), outcome @ outcome])
        exposure = answered(self.exposure, people)[inside].astype(float)
        if self.statistic == "correlation":
            moments = [outcome, exposure, outcome * outcome, exposure * exposure, outcome * exposure]
            return np.array([len(outcome), *(moment.sum() for moment in moments)])
        stratum = np.zeros(len(people), dtype=np.intp)
        for name in STRATA:
            codes = people[name].cat
            stratum = stratum * len(codes.categories) + codes.codes.to_numpy()
        size = int(np.prod([people[name].cat.categories.size for name in STRATA]))
        key = stratum[inside] * 2 + exposure.astype(np.intp)
        counts = [np.bincount(key, weights, 2 * size) for weights in (None, outcome)]
        return np.stack(counts).reshape(2, size, 2)

    def of(self, totals: np.ndarray) -> float:
        """Return the statistic of added-up totals."""
        if self.statistic == "quantile":
            return float(np.quantile(totals, self.level))
        if self.statistic in ("share", "mean"):
            return float(totals[1] / totals[0])
        if self.statistic == "sd":
            return float(np.sqrt(totals[2] / totals[0] - (totals[1] / totals[0]) ** 2))
        if self.statistic == "correlation":
            n, x, y, xx, yy, xy = totals
            return float((n * xy - x * y) / np.sqrt((n * xx - x**2) * (n * yy - y**2)))
        (unexposed, exposed), (low, high) = totals[0].T, totals[1].T
        people = np.maximum(unexposed + exposed, 1.0)
        if self.statistic == "odds_ratio":
            return float(np.sum(high * (unexposed - low) / people) / np.sum((exposed - high) * low / people))
        return float(np.sum((high * unexposed - low * exposed) / people) / np.sum(exposed * unexposed / people))


def population_targets() -> pd.DataFrame:
    """Return the published figures that the simulated population is compared with.

    Returns
    -------
    DataFrame
        ``name``, ``statistic``, ``question``, ``exposure``, ``among``, ``level`` (of a quantile), ``value``, ``low``,
        ``high``, ``unit``, ``source``, ``where``, ``status``, ``note``, and ``standing``: ``"solved"`` (numbers of the
        population were solved for it), ``"checked"`` (it is met without) or ``"conflict"`` (it is not met; the note says
        why).

    Examples
    --------
    >>> table = population_targets().set_index("name")
    >>> float(table.loc["serum magnesium, mean", "value"]), table.loc["serum magnesium, mean", "standing"]
    (0.824, 'solved')
    """
    rows = read_table("population_targets")
    values = [sourced(row) for row in rows]
    return pd.DataFrame(rows).assign(
        level=pd.to_numeric(pd.Series([row["level"] for row in rows])),
        value=[value.value for value in values],
        low=np.array([value.low for value in values], dtype=float),
        high=np.array([value.high for value in values], dtype=float),
    )


def _rows() -> list[_Row]:
    """Return the packaged rows, their questions read."""
    rows = []
    for row in read_table("population_targets"):
        if row["statistic"] not in get_args(Statistic):
            raise ReferenceDataError(f"{row['name']}: statistic={row['statistic']!r} is unknown.")
        asked = Asked.read(row["question"], row["among"])
        exposure = read_question(row["exposure"]) if row["exposure"] else None
        level = float(row["level"]) if row["level"] else np.nan
        statistic: Any = row["statistic"]
        rows.append(_Row(row["name"], statistic, asked, exposure, level, sourced(row), row["standing"]))
    return rows


def calibration_table(population: Population, *, n: int, seed: int) -> pd.DataFrame:
    """Compare what a population simulates with published figures.

    Parameters
    ----------
    population
        The packaged one or another with its variables.
    n
        People to simulate, at least 128, spread over 64 populations with seeds of their own.
    seed
        A whole number, not negative.

    Returns
    -------
    DataFrame
        A row a figure of `population_targets`: ``name``, ``statistic``, ``simulated``, ``std_error`` (Monte Carlo),
        ``published``, ``low``, ``high`` (its interval or range, NaN where none was given), ``unit``, ``standing``,
        ``source``, ``status``, ``note``.

    Raises
    ------
    SchemaError
        With every fault of the arguments, columns that the population lacks among them.

    Notes
    -----
    Odds ratios and differences are adjusted for sex and three age groups by the estimators of Mantel and Haenszel
    (J Natl Cancer Inst 1959;22:719-748, doi:10.1093/jnci/22.4.719; weights n1 n0 / n for differences), not by the regressions
    of the papers, most of which adjust for more. Monte Carlo errors are by the jackknife over the 64 populations.

    Examples
    --------
    >>> import crampstats as cs
    >>> table = calibration_table(cs.Population(), n=20_000, seed=1).set_index("name")
    >>> bool(abs(table.loc["serum magnesium, mean", "simulated"] - 0.824) < 0.005)
    True
    """
    rows = _rows()
    raise_faults(simulation_faults(population, n, seed), "nothing can be compared")
    columns = tuple(dict.fromkeys(column for row in rows for column in row.columns))
    lacking = [
        Fault(name, "is no variable", "a population with it") for name in columns if name not in population.names
    ]
    raise_faults(lacking, "nothing can be compared")
    parts: list[list[np.ndarray]] = [[] for _ in rows]
    for (people,) in batches(population, n, seed, columns):
        for row, part in zip(rows, parts, strict=True):
            part.append(row.totals(people))
    compared = [_compared(row, part) for row, part in zip(rows, parts, strict=True)]
    return pd.DataFrame(compared)


def _compared(row: _Row, parts: Sequence[np.ndarray]) -> Mapping[str, Any]:
    """Return a line of the comparison, its error by leaving out one of the populations at a time."""
    with np.errstate(divide="ignore", invalid="ignore"):  # too few people have no odds ratio: NaN
        if row.statistic == "quantile":
            simulated = row.of(np.concatenate(parts))
            others = [row.of(np.concatenate([*parts[:b], *parts[b + 1 :]])) for b in range(len(parts))]
        else:
            total = np.sum(parts, axis=0)
            simulated, others = row.of(total), [row.of(total - part) for part in parts]
    spread = np.array(others) - np.mean(others)
    published = row.published
    return {
        "name": row.name,
        "statistic": row.statistic,
        "simulated": simulated,
        "std_error": float(np.sqrt((len(parts) - 1) / len(parts) * np.sum(spread**2))),
        "published": published.value,
        "low": np.nan if published.low is None else published.low,
        "high": np.nan if published.high is None else published.high,
        "unit": published.unit,
        "standing": row.standing,
        "source": published.source,
        "status": published.status,
        "note": published.note,
    }
