"""Is no effect shown, or only not excluded? Probabilities and P values over the smallest effect that is worthwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd
from scipy import special

from crampstats.errors import CrampstatsError
from crampstats.synthesis.bayes import EffectPosterior
from crampstats.synthesis.pooling import Pooled

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Better = Literal["lower", "higher"]


def worthwhile_curve(result: Pooled | EffectPosterior, deltas: ArrayLike, *, better: Better) -> pd.DataFrame:
    """Say for each smallest worthwhile effect whether a benefit, a harm and a negligible effect are shown or excluded.

    Parameters
    ----------
    result
        One pooled effect, or a posterior.
    deltas
        Smallest worthwhile effects, above 0, on the scale of analysis (cramps a week; logarithms for ratios). There is no
        default: what is worthwhile is for those who cramp to say.
    better
        ``"lower"``: effects below 0 are benefits, as with fewer cramps; ``"higher"``: above 0.

    Returns
    -------
    DataFrame
        ``delta``; of a posterior ``benefit``, ``harm`` and ``negligible``: the probabilities that the effect is a benefit of
        at least delta, a harm of at least delta, or neither. Of a pooled effect ``benefit_excluded`` and
        ``harm_excluded``: one-sided P values of a benefit (harm) of delta or more, small where it is excluded;
        ``equivalence``: the larger of them, small where the effect is shown to be smaller than delta either way; and
        ``benefit_shown``: the P value of a benefit below delta, small where one of delta or more is shown.

    Raises
    ------
    CrampstatsError
        If deltas are not above 0, `better` is unknown, or there are several pooled effects.

    Notes
    -----
    Two one-sided tests: Schuirmann DJ, J Pharmacokinet Biopharm 1987;15:657-680, doi:10.1007/BF01068419. *Not
    significant* is no evidence of no effect: Altman DG, Bland JM, BMJ 1995;311:485, doi:10.1136/bmj.311.7003.485.

    Examples
    --------
    >>> from crampstats.synthesis.pooling import pool
    >>> cochrane = pd.DataFrame({"estimate": [-0.18], "std_error": [0.339]})
    >>> curve = worthwhile_curve(pool(cochrane, method="common", interval="normal"), [0.5, 1.0], better="lower")
    >>> curve[["delta", "benefit_excluded", "equivalence"]].round(3)
       delta  benefit_excluded  equivalence
    0    0.5             0.173        0.173
    1    1.0             0.008        0.008
    """
    if better not in get_args(Better):
        raise CrampstatsError(f"better={better!r} is unknown: choose from {', '.join(get_args(Better))}.")
    delta = np.atleast_1d(np.asarray(deltas, dtype=float))
    if delta.ndim != 1 or not delta.size or not (np.isfinite(delta) & (delta > 0)).all():
        raise CrampstatsError("deltas has to hold finite numbers above 0: the smallest worthwhile effects.")
    sign = 1.0 if better == "lower" else -1.0
    if isinstance(result, EffectPosterior):
        low = np.array([result.probability_below(-each) for each in delta])
        high = 1 - np.array([result.probability_below(each) for each in delta])
        benefit, harm = (low, high) if better == "lower" else (high, low)
        return pd.DataFrame({"delta": delta, "benefit": benefit, "harm": harm, "negligible": 1 - benefit - harm})
    if not isinstance(result, Pooled) or len(result) != 1:
        raise CrampstatsError("result has to be one effect, as from pool() without by and moderators, or a posterior.")
    value, error, df = sign * result.value[0], result.std_error[0], result.df[0]
    benefit_excluded = _upper((value + delta) / error, df)
    harm_excluded = _upper((delta - value) / error, df)
    return pd.DataFrame(
        {
            "delta": delta,
            "benefit_excluded": benefit_excluded,
            "harm_excluded": harm_excluded,
            "equivalence": np.maximum(benefit_excluded, harm_excluded),
            "benefit_shown": _upper(-(value + delta) / error, df),
        }
    )


def _upper(statistic: np.ndarray, df: float) -> np.ndarray:
    """Return the chance of more than this by Student's t, normal where the degrees of freedom are infinite."""
    return special.stdtr(df, -statistic) if np.isfinite(df) else special.ndtr(-statistic)
