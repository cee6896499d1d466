"""How well an estimator does, from what it said in many samples: functions of arrays that know no sampling."""

from __future__ import annotations

import numpy as np

# What `measures` returns, in this order; power stands before the note only where a null was given.
MEASURES = (
    "truth",
    "truth_error",
    "mean",
    "bias",
    "bias_error",
    "bias_z",
    "empirical_se",
    "empirical_se_error",
    "model_se",
    "model_se_error",
    "relative_error_pct",
    "relative_error_pct_error",
    "mse",
    "mse_error",
    "coverage",
    "coverage_error",
    "bias_eliminated_coverage",
    "bias_eliminated_coverage_error",
)


def share_error(share: float, size: int) -> float:
    """Return the Monte Carlo standard error of a share.

    Parameters
    ----------
    share
        From 0 to 1.
    size
        Of how many replicates.
    """
    return float(np.sqrt(share * (1.0 - share) / size))


def measures(
    value: np.ndarray,
    std_error: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    *,
    truth: float,
    truth_error: float = 0.0,
    null: float | None = None,
) -> dict[str, float | str]:
    """Return bias, errors and coverage of one estimate over n replicates, each with its Monte Carlo standard error.

    Parameters
    ----------
    value, std_error
        Shape (n,): what each replicate estimated, and how wrong it said it might be. Finite.
    low, high
        Shape (n,): its confidence limits.
    truth
        What was to be estimated.
    truth_error
        The Monte Carlo standard error of the truth itself; it enters the error of the bias.
    null
        The value that a test would reject; None for no power.

    Returns
    -------
    dict
        The keys of `MEASURES`, ``power`` and ``power_error`` if there is a null, and ``note``. ``bias_z`` is the bias in
        Monte Carlo errors, ``relative_error_pct`` how much larger the mean model standard error is than the empirical one,
        ``bias_eliminated_coverage`` how often the interval holds the mean of the estimates. What no or
        one replicate, or replicates that are all alike, cannot tell is NaN, and the note says so.

    Notes
    -----
    Table 6 of Morris TP, White IR, Crowther MJ, Stat Med 2019;38:2074-2102, doi:10.1002/sim.8086. The errors of shares
    are 0 where all replicates agree, and say nothing then.

    Examples
    --------
    >>> told = measures(
    ...     np.array([1.0, 2.0, 3.0]), np.ones(3), np.array([-1.0, 0.0, 1.0]), np.array([3.0, 4.0, 5.0]), truth=1.5)
    >>> told["bias"], told["empirical_se"], told["model_se"], told["coverage"]
    (0.5, 1.0, 1.0, 1.0)
    >>> round(told["bias_error"], 4)
    0.5774
    """
    n = len(value)
    if n == 0:
        names = MEASURES if null is None else (*MEASURES, "power", "power_error")
        missing = dict.fromkeys(names, np.nan)
        return {**missing, "truth": truth, "truth_error": truth_error, "note": "no replicate gives an estimate"}
    mean, variance = float(value.mean()), std_error**2
    model_se = float(np.sqrt(variance.mean()))
    empirical_se = float(value.std(ddof=1)) if n > 1 else np.nan
    spread = float(variance.var(ddof=1)) if n > 1 else np.nan  # of the variances that the replicates said
    bias, bias_error = mean - truth, float(np.hypot(empirical_se / np.sqrt(n), truth_error))
    squares = (value - truth) ** 2
    coverage = float(np.mean((low <= truth) & (truth <= high)))
    around_mean = float(np.mean((low <= mean) & (mean <= high)))
    with np.errstate(all="ignore"):  # a quotient that is not finite becomes NaN, and the note says why
        times = np.float64(model_se) / empirical_se
        relative = np.sqrt(spread / (4 * n * np.float64(model_se) ** 4) + 0.5 / np.float64(n - 1))
        told: dict[str, float | str] = {
            "truth": truth,
            "truth_error": truth_error,
            "mean": mean,
            "bias": bias,
            "bias_error": bias_error,
            "bias_z": _finite(np.float64(bias) / bias_error),
            "empirical_se": empirical_se,
            "empirical_se_error": _finite(empirical_se / np.sqrt(np.float64(2 * (n - 1)))),
            "model_se": model_se,
            "model_se_error": _finite(np.sqrt(spread / (4 * n * np.float64(model_se) ** 2))),
            "relative_error_pct": _finite(100 * (times - 1)),
            "relative_error_pct_error": _finite(100 * times * relative),
            "mse": float(squares.mean()),
            "mse_error": float(squares.std(ddof=1) / np.sqrt(n)) if n > 1 else np.nan,
            "coverage": coverage,
            "coverage_error": share_error(coverage, n),
            "bias_eliminated_coverage": around_mean,
            "bias_eliminated_coverage_error": share_error(around_mean, n),
        }
    if null is not None:
        power = float(np.mean((null < low) | (high < null)))
        told |= {"power": power, "power_error": share_error(power, n)}
    return told | {"note": _note(n, empirical_se, model_se)}


def _finite(number: float) -> float:
    """Return a number, or NaN for what is none."""
    return float(number) if np.isfinite(number) else np.nan


def _note(n: int, empirical_se: float, model_se: float) -> str:
    """Say why some of the measures are not there."""
    if n == 1:
        return "one replicate only: it has no spread"
    reasons = ["all replicates give the same estimate"] * (empirical_se == 0)
    return "; ".join(reasons + ["all standard errors are 0"] * (model_se == 0))
