"""Whether estimators do what they promise, tried on populations whose truth is known."""

from crampstats.diagnostics.estimators import Coefficients, Mean, Prevalence, StandardizedContrast, UsualPrevalence
from crampstats.diagnostics.performance import Performance, diagnose
from crampstats.diagnostics.studies import Analysis, Study

__all__ = [
    "Analysis",
    "Coefficients",
    "Mean",
    "Performance",
    "Prevalence",
    "StandardizedContrast",
    "Study",
    "UsualPrevalence",
    "diagnose",
]
