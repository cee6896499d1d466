"""Planning a study: how many people, how precise, how likely to find what there is."""

from crampstats.planning.comparison_sizes import (
    MeanComparison,
    ProportionComparison,
    RateComparison,
    power_of,
    size_for,
)
from crampstats.planning.future_trials import FuturePower, conditional_power
from crampstats.planning.power_curves import PowerCurve, power_curve
from crampstats.planning.prevalence_sizes import Precision, precision_of_prevalence, size_for_prevalence
from crampstats.planning.regression_to_mean import GammaRates, RegressionToMean, regression_to_the_mean
from crampstats.planning.sizes import SampleSize, design_effect

__all__ = [
    "FuturePower",
    "GammaRates",
    "MeanComparison",
    "PowerCurve",
    "Precision",
    "ProportionComparison",
    "RateComparison",
    "RegressionToMean",
    "SampleSize",
    "conditional_power",
    "design_effect",
    "power_curve",
    "power_of",
    "precision_of_prevalence",
    "regression_to_the_mean",
    "size_for",
    "size_for_prevalence",
]
