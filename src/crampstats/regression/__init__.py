"""Regression under a sampling design."""

from crampstats.regression.checks import FitCheck, calibration_check, observed_and_expected, quantile_residuals
from crampstats.regression.criteria import DesignAIC, design_aic
from crampstats.regression.foundations import Model
from crampstats.regression.models import fit
from crampstats.regression.ordinal import cumulative_logits, proportional_odds_test
from crampstats.regression.score_tests import ScoreTest, overdispersion_test, zero_inflation_test
from crampstats.regression.terms import TermTest, term_test

__all__ = [
    "DesignAIC",
    "FitCheck",
    "Model",
    "ScoreTest",
    "TermTest",
    "calibration_check",
    "cumulative_logits",
    "design_aic",
    "fit",
    "observed_and_expected",
    "overdispersion_test",
    "proportional_odds_test",
    "quantile_residuals",
    "term_test",
    "zero_inflation_test",
]
