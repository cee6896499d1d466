"""What to do about answers that are missing: look at them, impute them, weight for them, and ask what if it is otherwise."""

from crampstats.missing.imputations import Imputations, impute
from crampstats.missing.patterns import MissingPatterns, missing_patterns, missing_shares
from crampstats.missing.pooling import PooledEstimate, RubinPool, pooled, rubin_pool
from crampstats.missing.sensitivity import DeltaAdjusted, delta_adjusted
from crampstats.missing.weighting import observed_mean

__all__ = [
    "DeltaAdjusted",
    "Imputations",
    "MissingPatterns",
    "PooledEstimate",
    "RubinPool",
    "delta_adjusted",
    "impute",
    "missing_patterns",
    "missing_shares",
    "observed_mean",
    "pooled",
    "rubin_pool",
]
