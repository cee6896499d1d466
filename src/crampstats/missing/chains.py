"""Chains of imputations: one round after the other, each column from the others; and whether they have settled."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import fdtrc, stdtr

from crampstats.errors import ConvergenceError
from crampstats.numerics import symmetric_root

if TYPE_CHECKING:
    import pandas as pd

# Chains that differ by more than this from each other have not mixed; by chance alone less often than in one of RARE.
MIXED = 1.2
RARE = 1e-4
CONSTANT = "1 for everybody"


def run_chain(
    frame: pd.DataFrame,
    matrix: np.ndarray,
    gaps: list[str],
    rounds: int,
    donors: int,
    generator: np.random.Generator,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Run one chain.

    Parameters
    ----------
    frame
        Shape (people, columns): what is imputed, as numbers.
    matrix
        Shape (people, p): what predicts it besides.
    gaps
        Columns with gaps.
    rounds
        How many; those of the last are taken.
    donors
        Of how many near people one gives the value.
    generator
        Of the luck; it is advanced.

    Returns
    -------
    values, trace
        The imputed values of each column with gaps; and mean and standard deviation of them, shape (rounds, gaps, 2).

    Raises
    ------
    ConvergenceError
        If a model fails.
    """
    # The library changes the warning filters when it is imported, and only warns where a model fails.
    with warnings.catch_warnings():
        chains, regression = _library(matrix, generator)
        from statsmodels.tools.sm_exceptions import ModelWarning

        warnings.simplefilter("error", ModelWarning)
        warnings.simplefilter("error", RuntimeWarning)
        try:
            # Without a column that everybody has, the library would drop people who lack all others.
            chain = chains(frame.assign(**{CONSTANT: 1.0}), rng=generator)
            for name in gaps:
                chain.set_imputer(name, model_class=regression, k_pmm=donors)
            trace = np.empty((rounds, len(gaps), 2))
            for step in range(rounds):
                chain.update_all(1)
                values = {name: chain.data[name].to_numpy()[chain.ix_miss[name]] for name in gaps}
                trace[step] = [(filled.mean(), filled.std()) for filled in values.values()]
        except (ModelWarning, RuntimeWarning, np.linalg.LinAlgError) as error:
            raise ConvergenceError(f"impute: an imputation model failed: {error}. Simplify the predictors.") from error
    return values, trace


def _library(matrix: np.ndarray, generator: np.random.Generator) -> tuple[type, type]:
    """Return the library's chained equations and linear regression, each with one thing done otherwise."""
    from statsmodels.imputation.mice import MICEData
    from statsmodels.regression.linear_model import OLS

    class Chains(MICEData):
        """Chained equations that are given their columns, and do not read a formula in each step, which takes most of the time."""

        def _columns(self, name: str) -> np.ndarray:
            others = self.data.drop(columns=[name]).to_numpy(dtype=float)
            return np.column_stack([others, matrix])

        def get_fitting_data(self, name: str) -> tuple[Any, ...]:
            seen = self.ix_obs[name]
            return self.data[name].to_numpy()[seen], self._columns(name)[seen], {}, {}

        def get_split_data(self, name: str) -> tuple[Any, ...]:
            # Donors are drawn anew each time: the few that there are could have been others, and imputed values have to
            # differ from set to set by as much.
            columns, gap = self._columns(name), self.ix_miss[name]
            drawn = generator.choice(self.ix_obs[name], len(self.ix_obs[name]))
            return self.data[name].to_numpy()[drawn], columns[drawn], columns[gap], {}, {}

        def _perturb_gaussian(self, name: str) -> None:
            # The library draws along singular vectors, whose signs are another machine's choice; a symmetric root has none.
            outcome, columns, *_ = self.get_fitting_data(name)
            self.models[name] = self.model_class[name](outcome, columns)
            fitted = self.results[name] = self.models[name].fit()
            root = symmetric_root(np.asarray(fitted.cov_params()))
            self.params[name] = np.asarray(fitted.params) + root @ generator.standard_normal(len(root))

    class MatchedByLot(OLS):
        """Linear regression whose predictions are never equal.

        The library looks for donors among sorted predictions: of people who are predicted alike, as where predictors are
        categories, it would take the same few for everybody. A difference far below any that matters draws lots among them.
        """

        def predict(self, params: np.ndarray, exog: Any = None) -> np.ndarray:
            fitted = np.asarray(super().predict(params, exog), dtype=float)
            little = 1e-9 * np.std(self.endog) + 1e-12 * np.abs(fitted).max(initial=1.0)
            return fitted + little * generator.uniform(-1, 1, len(fitted))

    return Chains, MatchedByLot


def refuse_unsettled(means: np.ndarray, names: list[str]) -> None:
    """Refuse chains that differ from each other or still move, in the second half of their rounds.

    Parameters
    ----------
    means
        Shape (m, rounds, columns): of the imputed values.
    names
        Of the columns.

    Raises
    ------
    ConvergenceError
        Naming the column.
    """
    m, rounds, _ = means.shape
    late = means[:, rounds // 2 :]
    n = late.shape[1]
    quarter = n // 2
    for index, name in enumerate(names):
        each = late[..., index]
        within, between = each.var(axis=1, ddof=1).mean(), n * each.mean(axis=1).var(ddof=1)
        moved = each[:, quarter:].mean(axis=1) - each[:, :quarter].mean(axis=1)
        spread = moved.std(ddof=1) / np.sqrt(m)
        if within == 0 or spread == 0:  # so few gaps that they are filled alike each time
            continue
        apart = np.sqrt((n - 1) / n + between / within / n)
        drifts = 2 * stdtr(m - 1, -abs(moved.mean() / spread)) < RARE
        if drifts or (apart > MIXED and fdtrc(m - 1, m * (n - 1), between / within) < RARE):
            why = "still move" if drifts else f"differ from each other (R-hat {apart:.2f})"
            raise ConvergenceError(
                f"impute: after {rounds} rounds the chains of {name!r} {why}; ask for more iterations, or leave out columns "
                "that say nearly the same."
            )
