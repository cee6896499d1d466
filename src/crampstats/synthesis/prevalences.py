"""Pooling of prevalences: on the logit scale, or with the binomial likelihood itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.polynomial import hermite_e
from scipy import optimize, special

from crampstats.errors import ConvergenceError, CrampstatsError
from crampstats.intervals import check_level
from crampstats.schema import Column, Schema, fault_at, raise_faults
from crampstats.synthesis.pooling import POOLED, Limits, pool, shown

PrevalenceMethod = Literal["binomial_normal", "logit_normal"]
STUDIES = Schema(
    "prevalences",
    (
        Column("cases", "integer", "people with the condition", low=0),
        Column("n", "integer", "people asked", low=1),
    ),
)
# Nodes of Gauss's rule for the logit of each study, about its own mode: doubled until nothing changes.
NODES = (15, 31, 61, 121)
SETTLED = 1e-8
# Mean, spread and likelihood; the standard error, of which large studies cancel digits in the information, to fewer.
SETTLED_TO = np.array([SETTLED, SETTLED, 1e-5, SETTLED])
STEPS = 200
# Newton's steps square the error: after one of this size only rounding is left.
LAST_STEP = 1e-7
# A spread between studies below this is none: its likelihood does not differ from that of 0.
NO_SPREAD = 1e-6


@dataclass(frozen=True, eq=False, repr=False)
class PooledPrevalence:
    """A prevalence pooled over studies.

    Attributes
    ----------
    method
        ``"binomial_normal"`` or ``"logit_normal"``.
    logit, std_error
        Mean of the studies' logits, and its standard error.
    df
        Of the interval; infinite for the normal one.
    tau
        Standard deviation of the logits between studies.
    log_likelihood
        Of the counts; None for ``"logit_normal"``.
    studies, cases, n
        Length k; shapes (k,).
    note
        What a reader has to know.

    Examples
    --------
    >>> studies = pd.DataFrame({"study": ["A", "B", "C"], "cases": [12, 30, 9], "n": [100, 150, 120]})
    >>> pool_prevalences(studies).to_frame()[["estimate", "conf_low", "conf_high"]].round(3)
       estimate  conf_low  conf_high
    0     0.127     0.078      0.201
    """

    method: PrevalenceMethod
    logit: float
    std_error: float
    df: float
    tau: float
    log_likelihood: float | None
    studies: tuple[str, ...]
    cases: np.ndarray
    n: np.ndarray
    note: str

    def to_frame(self, *, level: float = 0.95) -> pd.DataFrame:
        """Return the prevalence of a typical study, and where that of another one lies.

        Parameters
        ----------
        level
            Confidence.

        Returns
        -------
        DataFrame
            ``term``, ``n``, ``studies``, ``estimate`` (share; of the study in the middle, not the mean of all studies),
            ``std_error``, ``conf_low``, ``conf_high``, ``pred_low``, ``pred_high``, ``tau``, ``note``.
        """
        check_level(level)
        tail = (1 + level) / 2
        quantile = float(special.stdtrit(self.df, tail) if np.isfinite(self.df) else special.ndtri(tail))
        reach, wide = quantile * self.std_error, quantile * np.hypot(self.std_error, self.tau)
        share = special.expit(self.logit)
        return pd.DataFrame(
            {
                "term": [POOLED],
                "n": pd.array([int(self.n.sum())], dtype="Int64"),
                "studies": len(self.studies),
                "estimate": share,
                "std_error": self.std_error * share * (1 - share),
                "conf_low": special.expit(self.logit - reach),
                "conf_high": special.expit(self.logit + reach),
                "pred_low": special.expit(self.logit - wide),
                "pred_high": special.expit(self.logit + wide),
                "tau": self.tau,
                "note": self.note,
            }
        )

    def __repr__(self) -> str:
        return f"<PooledPrevalence, {self.method}>\n{shown(self.to_frame()).to_string(index=False)}"

    def _repr_html_(self) -> str:
        return shown(self.to_frame()).to_html(index=False, border=0)


def _checked(studies: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Return cases, people and names of studies, or raise every fault at once."""
    if not isinstance(studies, pd.DataFrame) or studies.empty:
        raise CrampstatsError("studies has to be a DataFrame with cases and n, a row a study.")
    whole = studies.reset_index(drop=True)
    faults = list(STUDIES.faults(whole))
    if not faults:
        faults += fault_at(
            whole["cases"], (whole["cases"] > whole["n"]).to_numpy(dtype=bool), "more than n", "at most n"
        )
    raise_faults(tuple(faults), "these prevalences cannot be pooled")
    names = whole["study"] if "study" in whole else pd.Series([f"study {i}" for i in range(1, len(whole) + 1)])
    return whole["cases"].to_numpy(dtype=float), whole["n"].to_numpy(dtype=float), tuple(names.astype(str))


def pool_prevalences(
    studies: pd.DataFrame, *, method: PrevalenceMethod = "binomial_normal", interval: Limits = "normal"
) -> PooledPrevalence:
    """Pool prevalences of studies whose true prevalences differ.

    Parameters
    ----------
    studies
        A row a study: ``cases`` and ``n``, counts of independent people; ``study`` if there is one. A survey's weighted
        share goes in with its effective sample size.
    method
        ``"binomial_normal"``: the counts are binomial, the logits of the studies normal; ``"logit_normal"``: observed logits
        are taken for normal with known errors, and 1/2 is added to the cells of a study without, or only with, cases.
    interval
        As in `pool`; for ``"binomial_normal"`` ``"normal"`` or ``"t"``.

    Returns
    -------
    PooledPrevalence
        With `to_frame`.

    Raises
    ------
    SchemaError
        With every fault of the counts.
    CrampstatsError
        If an option is unknown, there is one study, or nobody or everybody in all studies has the condition.
    ConvergenceError
        If the likelihood does not settle.

    Notes
    -----
    Hamza TH, van Houwelingen HC, Stijnen T, J Clin Epidemiol 2008;61:41-51, doi:10.1016/j.jclinepi.2007.03.016; Stijnen T,
    Hamza TH, Ozdemir P, Stat Med 2010;29:3046-3067, doi:10.1002/sim.4040. The logit of each study is integrated by
    Gauss-Hermite quadrature about its own mode (Liu Q, Pierce DA, Biometrika 1994;81:624-629, doi:10.2307/2337136), the
    error of the mean comes from the observed information of mean and spread together. The double arcsine is not offered: its
    way back depends on one sample size for all (Schwarzer G et al., Res Synth Methods 2019;10:476-483,
    doi:10.1002/jrsm.1348).

    Examples
    --------
    >>> counts = pd.DataFrame({"cases": [12, 30, 3, 45], "n": [100, 150, 60, 400]})
    >>> pool_prevalences(counts).to_frame()[["estimate", "conf_low", "conf_high"]].round(3)
       estimate  conf_low  conf_high
    0     0.122     0.083      0.178
    """
    if method not in get_args(PrevalenceMethod):
        raise CrampstatsError(f"method={method!r} is unknown: choose from {', '.join(get_args(PrevalenceMethod))}.")
    cases, n, names = _checked(studies)
    if len(cases) < 2:
        raise CrampstatsError("pool_prevalences needs two studies; the interval of one is that of binomial_interval().")
    if cases.sum() in (0, n.sum()):
        raise CrampstatsError(
            "nobody or everybody in all studies has the condition: a spread of logits is not determined."
        )
    if method == "logit_normal":
        return _logit_normal(cases, n, names, interval)
    if interval not in ("normal", "t"):
        raise CrampstatsError(
            f"interval={interval!r} does not go with method='binomial_normal': choose from normal, t."
        )
    return _binomial_normal(cases, n, names, interval)


def _logit_normal(cases: np.ndarray, n: np.ndarray, names: tuple[str, ...], interval: Limits) -> PooledPrevalence:
    """Pool observed logits by restricted maximum likelihood."""
    empty = (cases == 0) | (cases == n)
    a, b = cases + 0.5 * empty, n - cases + 0.5 * empty
    effects = pd.DataFrame({"study": names, "n": n, "estimate": np.log(a / b), "std_error": np.sqrt(1 / a + 1 / b)})
    found = pool(effects, method="REML", interval=interval, scale="logit")
    one = found.syntheses[0]
    notes = [one.note]
    if empty.any():
        notes.append(
            f"1/2 added to the cells of {int(empty.sum())} studies; method='binomial_normal' needs no such addition"
        )
    value, error = float(found.value[0]), float(found.std_error[0])
    note = "; ".join(filter(None, notes))
    return PooledPrevalence("logit_normal", value, error, one.df, one.tau2**0.5, None, names, cases, n, note)


class _Likelihood:
    """Likelihood of counts with normal logits, by quadrature about the mode of each study."""

    def __init__(self, cases: np.ndarray, n: np.ndarray, nodes: int) -> None:
        self.cases, self.n = cases, n
        points, widths = hermite_e.hermegauss(nodes)
        self.points, self.widths = points, np.log(widths) + points**2 / 2
        self.constant = special.gammaln(n + 1) - special.gammaln(cases + 1) - special.gammaln(n - cases + 1)

    def _mode(self, mean: float, tau: float) -> tuple[np.ndarray, np.ndarray]:
        """Return where each study's standardised logit is likeliest, and the spread there, shape (k,)."""
        at = np.zeros(len(self.n))
        for _ in range(STEPS):
            share = special.expit(mean + tau * at)
            slope = tau * (self.cases - self.n * share) - at
            bend = tau**2 * self.n * share * (1 - share) + 1
            # The log density is concave; a long step is cut so that it cannot leap over the hill.
            step = np.clip(slope / bend, -2.0, 2.0)
            at = at + step
            if np.max(np.abs(step)) < 1e-12:
                return at, 1 / np.sqrt(bend)
        raise ConvergenceError("pool_prevalences: the likeliest logit of a study did not settle.")

    def parts(self, mean: float, tau: float) -> tuple[float, np.ndarray, np.ndarray]:
        """Return the log-likelihood, its slopes along mean and spread, and its observed information.

        The information of what is integrated out is taken off: Louis TA, J R Stat Soc B 1982;44:226-233.
        """
        mode, spread = self._mode(mean, tau)
        u = mode[:, None] + spread[:, None] * self.points
        logit = mean + tau * u
        # log(1 + exp(x)) without overflow
        density = self.cases[:, None] * logit - self.n[:, None] * np.logaddexp(0.0, logit) - u**2 / 2
        log_weight = density + self.widths + np.log(spread)[:, None] - np.log(2 * np.pi) / 2
        log_sum = special.logsumexp(log_weight, axis=1)
        share = np.exp(log_weight - log_sum[:, None])
        p = special.expit(logit)
        residual = self.cases[:, None] - self.n[:, None] * p
        each = np.stack([residual, residual * u])
        own = (share * each).sum(axis=2)
        bend = share * self.n[:, None] * p * (1 - p)
        complete = np.array([[bend.sum(), (bend * u).sum()], [(bend * u).sum(), (bend * u**2).sum()]])
        centred = each - own[:, :, None]
        lost = np.einsum("aki,bki,ki->ab", centred, centred, share)
        return float((log_sum + self.constant).sum()), own.sum(axis=1), complete - lost


def _maximum(likelihood: _Likelihood, start: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return mean and spread at the top, the covariance, and the log-likelihood there."""

    def target(at: np.ndarray) -> tuple[float, np.ndarray]:
        value, slopes, _ = likelihood.parts(at[0], at[1])
        return -value, -slopes

    found = optimize.minimize(
        target,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(None, None), (0.0, None)],
        options={"gtol": 1e-6, "ftol": 1e-14},
    )
    at = found.x
    none = float(special.logit(likelihood.cases.sum() / likelihood.n.sum()))
    at_none = likelihood.parts(none, 0.0)[0]
    if at[1] < NO_SPREAD or -found.fun <= at_none + 1e-12:
        share = special.expit(none)
        return np.array([none, 0.0]), np.array([[1 / (likelihood.n.sum() * share * (1 - share))]]), at_none
    # From here Newton's steps on the slopes give the last digits that the search leaves.
    for _ in range(STEPS):
        _, slopes, information = likelihood.parts(at[0], at[1])
        step = np.linalg.solve(information, slopes)
        at = at + step
        if np.max(np.abs(step)) < LAST_STEP:
            break
    else:
        raise ConvergenceError("pool_prevalences: the likelihood did not settle.")
    top, _, information = likelihood.parts(at[0], at[1])
    covariance = np.linalg.inv(information)
    if not (np.isfinite(covariance).all() and np.diag(covariance).min() > 0 and at[1] > 0):
        raise ConvergenceError("pool_prevalences: the likelihood has no top inside its range.")
    return at, covariance, top


def _binomial_normal(cases: np.ndarray, n: np.ndarray, names: tuple[str, ...], interval: Limits) -> PooledPrevalence:
    """Pool by maximum likelihood, with nodes doubled until nothing changes."""
    first = _logit_normal(cases, n, names, "normal")
    start = np.array([first.logit, max(first.tau, 0.1)])
    before: np.ndarray | None = None
    for count in NODES:
        at, covariance, top = _maximum(_Likelihood(cases, n, count), start)
        now = np.array([*at, covariance[0, 0] ** 0.5, top])
        if before is not None and np.allclose(now, before, rtol=SETTLED_TO, atol=SETTLED):
            break
        before, start = now, np.maximum(at, [-np.inf, NO_SPREAD * 10])
    else:
        raise ConvergenceError("pool_prevalences: more nodes of quadrature still change the result.")
    k = len(cases)
    df = np.inf if interval == "normal" else float(k - 1)
    notes = [] if at[1] > 0 else ["no spread between studies beyond chance"]
    if k < 5:
        notes.append(f"{k} studies: the spread between them is hardly known")
    error, note = float(covariance[0, 0] ** 0.5), "; ".join(notes)
    return PooledPrevalence("binomial_normal", float(at[0]), error, df, float(at[1]), top, names, cases, n, note)
