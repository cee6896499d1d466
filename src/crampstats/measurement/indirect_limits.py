"""Reference limits from routine results of a laboratory, in which the healthy and the sick are mixed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd
from scipy.special import ndtri

from crampstats.errors import ConvergenceError, CrampstatsError, QuestionError
from crampstats.intervals import Interval
from crampstats.measurement.direct_limits import ReferenceLimits, group_named, read_groups, refuse_design
from crampstats.measurement.truncation import (
    FEW,
    MADE_FOR,
    TAIL,
    confidence_ends,
    fit_central_part,
    permissible_ends,
)
from crampstats.schema import is_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crampstats.survey import Survey

IndirectMethod = Literal["reflim", "refine"]
# Both methods find the central 95 % of the healthy, with 95 % intervals.
PROBABILITIES = (TAIL, 1 - TAIL)
LEVEL = 0.95
# Columns of the results that no by column may have.
OWN_COLUMNS = ("permissible_low", "permissible_high", "kept", "distribution", "location", "scale", "share")
# A larger share of resamples without a fit has no interval worth the name.
MOST_FAILED = 0.05


@dataclass(frozen=True, eq=False, repr=False)
class IndirectLimits(ReferenceLimits):
    """Reference limits from mixed results, with the distribution of the healthy that was found.

    Besides the attributes of `ReferenceLimits`:

    Attributes
    ----------
    permissible
        Lower and upper ends, shape (k,), of how far each limit may be off before it matters to medicine, see
        `crampstats.measurement.truncation.permissible_ends`.
    curves
        A row for each group: the by columns, ``n``, ``kept`` (results within the truncation; all, without one),
        ``distribution``, ``location`` and ``scale`` on its scale, and ``share``, the estimated part of the results that are
        not pathological.

    Examples
    --------
    >>> import crampstats as cs, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> values = np.concatenate([rng.normal(0.85, 0.06, 2000), rng.normal(0.60, 0.06, 100)])
    >>> found = indirect_reference_limits(cs.Survey(pd.DataFrame({"magnesium_mmol_l": values})), "magnesium_mmol_l")
    >>> found.curves[["distribution", "location", "scale", "share"]].round(3)
      distribution  location  scale  share
    0       normal     0.848   0.06  0.951
    """

    permissible: Interval
    curves: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return the limits as a table.

        Returns
        -------
        DataFrame
            As of `ReferenceLimits`, with ``permissible_low`` and ``permissible_high`` before the ``note``.
        """
        table = super().to_frame()
        note = table.pop("note")
        return table.assign(permissible_low=self.permissible.low, permissible_high=self.permissible.high, note=note)


@dataclass(frozen=True)
class _Found:
    """What a method finds in one group: limits and both kinds of ends, (2, 2), the row of the curve, and what to know."""

    value: np.ndarray
    ends: np.ndarray
    permissible: np.ndarray
    curve: dict[str, object]
    note: str


def indirect_reference_limits(
    survey: Survey,
    column: str,
    *,
    method: IndirectMethod = "reflim",
    by: Sequence[str] = (),
    rng: np.random.Generator | int | None = None,
    resamples: int = 200,
) -> IndirectLimits:
    """Estimate the 2.5 and 97.5 % reference limits from routine results, in which the healthy and the sick are mixed.

    Parameters
    ----------
    survey
        Whose domain is asked about. A row is a result; of patients with several, choose one.
    column
        Of the measured values, or arithmetic of columns; all above 0.
    method
        ``"reflim"``: a normal or lognormal distribution through the central part of the results, which truncation has left.
        At least 40, better 1,000 or more. ``"refine"``: the Box-Cox curve that fits the peak of the histogram, by
        `crampstats.measurement.refinement.refine`; its intervals are of the bootstrap.
    by
        Columns; limits for each combination that occurs.
    rng
        A Generator or a whole number, for the bootstrap of ``"refine"``, which does not go without; of no use to
        ``"reflim"``. A whole number starts the same resampling in each group.
    resamples
        How many, for ``"refine"``.

    Returns
    -------
    IndirectLimits
        In the unit of the column, with 95 % intervals. They tell the error of sampling, of ``"reflim"`` only in large samples
        (see `crampstats.measurement.truncation.confidence_ends`); how sound the split into healthy and sick is, they do not.

    Raises
    ------
    CrampstatsError
        If the method is unknown, needs `rng`, has too few results, meets one that is not above 0, or the lower limit falls to
        0 or below.
    DesignError
        If the survey has weights, strata or clusters: neither method knows them.
    ConvergenceError
        If more than 5 % of the resamples find no curve.
    QuestionError
        If the column holds no numbers, or somebody in the domain has no value.

    Notes
    -----
    ``"reflim"``: Hoffmann G, Klawitter S, Trulson I et al., J Clin Med 2024;13:4397, doi:10.3390/jcm13154397, with limits,
    confidence intervals and permissible uncertainty as the R package reflimR 1.1 has them before it rounds (it makes the
    latter two from rounded limits). Its steps are those of `crampstats.measurement.truncation`. Where a tenth of the results
    are lower by three standard deviations, its lower limit is off by -0.02 (1,000 results) and -0.08 (10,000) standard
    deviations on average (300 samples each), the 2.5 % quantile of all by -1.7; its interval then held the limit in 92 and
    51 %. ``"refine"``: Ammer T,
    Schützenmeister A, Prokosch HU et al., Sci Rep 2021;11:16023, doi:10.1038/s41598-021-95301-2.

    Examples
    --------
    >>> import crampstats as cs, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> values = np.concatenate([rng.normal(0.85, 0.06, 2000), rng.normal(0.60, 0.06, 100)])
    >>> results = cs.Survey(pd.DataFrame({"magnesium_mmol_l": values}))
    >>> indirect_reference_limits(results, "magnesium_mmol_l").to_frame()[["term", "estimate", "conf_low", "conf_high"]].round(3)
               term  estimate  conf_low  conf_high
    0   2.5 % limit     0.731     0.724      0.742
    1  97.5 % limit     0.966     0.955      0.973
    """
    if method not in get_args(IndirectMethod):
        raise CrampstatsError(f"method={method!r} is unknown: choose from {', '.join(get_args(IndirectMethod))}.")
    taken = sorted(set(by) & set(OWN_COLUMNS)) if not isinstance(by, str) else []
    if taken:
        raise QuestionError(f"by={list(by)!r}: {taken[0]!r} is a column of the result; give yours another name.")
    groups, grouping = read_groups(survey, column, by)
    refuse_design(
        survey, f"method={method!r}", "no indirect method knows a sampling design; ask a survey of plain results"
    )
    found = []
    for cell, values in groups:
        named = group_named(grouping, cell)
        found.append(_reflim(values, named) if method == "reflim" else _refined(values, named, rng, resamples))
    cells = np.array([cell for cell, _ in groups])
    labels = grouping.labels("", np.repeat(cells, 2))
    labels["term"] = [f"{100 * p:g} % limit" for p in PROBABILITIES] * len(groups)
    ends = np.concatenate([one.ends for one in found])
    permissible = np.concatenate([one.permissible for one in found])
    notes = tuple(np.repeat([one.note for one in found], 2).tolist())
    curves = grouping.labels("", cells).drop(columns="term")
    return IndirectLimits(
        labels,
        np.concatenate([one.value for one in found]),
        (ends[:, 1] - ends[:, 0]) / (2 * ndtri((1 + LEVEL) / 2)),
        Interval(ends[:, 0], ends[:, 1], notes),
        np.repeat([len(values) for _, values in groups], 2),
        LEVEL,
        method,
        column,
        survey.described,
        Interval(permissible[:, 0], permissible[:, 1], ("",) * len(permissible)),
        pd.concat([curves, pd.DataFrame([one.curve for one in found])], axis=1),
    )


def _reflim(values: np.ndarray, named: str) -> _Found:
    """Fit the central part of one group."""
    fit = fit_central_part(values, named=named)
    if fit.lower <= 0:
        raise CrampstatsError(
            f"the lower limit{named} is {fit.lower:.3g}: the results come too close to 0 for method='reflim'; say "
            "method='refine'."
        )
    return _Found(
        np.array([fit.lower, fit.upper]),
        confidence_ends(fit.lower, fit.upper, fit.n, distribution=fit.distribution),
        permissible_ends(fit.lower, fit.upper),
        {
            "n": fit.n,
            "kept": fit.kept,
            "distribution": fit.distribution,
            "location": fit.location,
            "scale": fit.scale,
            "share": fit.share,
        },
        _told_of_size(fit.n),
    )


def _told_of_size(n: int) -> str:
    """Say what so many results make of the interval of a limit."""
    if n < MADE_FOR:
        return f"fewer than {MADE_FOR} results, for which the interval was not made: it is no 95 % interval"
    return f"fewer than {FEW:,} results: the interval holds the limit clearly less often than 95 %" if n < FEW else ""


def _refined(values: np.ndarray, named: str, rng: np.random.Generator | int | None, resamples: int) -> _Found:
    """Fit the peak of the histogram of one group, with the bootstrap."""
    from crampstats.measurement.refinement import refine

    if rng is None:
        raise CrampstatsError("method='refine' draws at random: give rng, a whole number or a numpy Generator.")
    if not is_whole(resamples, 50):
        raise CrampstatsError(f"resamples={resamples!r} has to be a whole number of at least 50.")
    curve = refine(values)
    value = curve.quantile(PROBABILITIES)
    generator = np.random.default_rng(rng)
    drawn = [_limits_of_resample(generator.choice(values, size=len(values)), curve.step) for _ in range(resamples)]
    resampled = [limits for limits in drawn if limits is not None]
    failed = resamples - len(resampled)
    if failed > MOST_FAILED * resamples:
        raise ConvergenceError(f"{failed} of {resamples} resamples{named} have no curve: say method='reflim'.")
    ends = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0).T
    return _Found(
        value,
        ends,
        permissible_ends(*value),
        {
            "n": len(values),
            "kept": len(values),
            "distribution": f"Box-Cox {curve.shape:.4g}",
            "location": curve.location,
            "scale": curve.scale,
            "share": curve.share,
        },
        "; ".join(
            filter(
                None, [curve.note, f"{failed} of {resamples} resamples had no curve and were left out" * (failed > 0)]
            )
        ),
    )


def _limits_of_resample(values: np.ndarray, step: float | None) -> np.ndarray | None:
    """Return the reference limits of a resample, shape (2,); None where no curve is found."""
    from crampstats.measurement.refinement import refine

    try:
        return refine(values, step=step).quantile(PROBABILITIES)
    except ConvergenceError:
        return None
