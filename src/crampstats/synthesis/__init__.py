"""Synthesis of studies: effects from what trials print, pooled effects and prevalences, and how sure a null is."""

from crampstats.synthesis.arms import (
    TRIAL_SCHEMA,
    correlation_range,
    effect_sizes,
    implied_correlation,
    interval_check,
    missing_figures,
)
from crampstats.synthesis.bayes import EffectPosterior, effect_posterior
from crampstats.synthesis.bias import TrimFill, cumulative, egger, leave_one_out, trim_and_fill
from crampstats.synthesis.binary import PooledCounts, mantel_haenszel, peto
from crampstats.synthesis.equivalence import worthwhile_curve
from crampstats.synthesis.pooling import Pooled, Synthesis, pool
from crampstats.synthesis.prevalences import PooledPrevalence, pool_prevalences

__all__ = [
    "TRIAL_SCHEMA",
    "EffectPosterior",
    "Pooled",
    "PooledCounts",
    "PooledPrevalence",
    "Synthesis",
    "TrimFill",
    "correlation_range",
    "cumulative",
    "effect_posterior",
    "effect_sizes",
    "egger",
    "implied_correlation",
    "interval_check",
    "leave_one_out",
    "mantel_haenszel",
    "missing_figures",
    "peto",
    "pool",
    "pool_prevalences",
    "trim_and_fill",
    "worthwhile_curve",
]
