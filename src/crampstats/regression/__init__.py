"""Regression under a sampling design."""

from crampstats.regression.models import Model, fit
from crampstats.regression.terms import TermTest, term_test

__all__ = ["Model", "TermTest", "fit", "term_test"]
