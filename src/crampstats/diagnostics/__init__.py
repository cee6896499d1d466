"""Whether estimators do what they promise, tried on populations whose truth is known."""

from crampstats.diagnostics.estimators import (
    Coefficients,
    Mean,
    MeanContrast,
    Prevalence,
    StandardizedContrast,
    UsualPrevalence,
)
from crampstats.diagnostics.performance import Performance, diagnose
from crampstats.diagnostics.studies import Analysis, Study
from crampstats.diagnostics.trial_studies import TrialStudy

__all__ = [
    "Analysis",
    "Coefficients",
    "Mean",
    "MeanContrast",
    "Performance",
    "Prevalence",
    "StandardizedContrast",
    "Study",
    "TrialStudy",
    "UsualPrevalence",
    "diagnose",
]
