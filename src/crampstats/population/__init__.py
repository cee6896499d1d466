"""A simulated population whose truth is known: a causal model as data, people of it, samples, and what is true in it."""

from crampstats.population.graphs import AdjustmentSet, adjustment_set
from crampstats.population.populations import Population
from crampstats.population.sampling import Response, SamplingPlan, draw_sample
from crampstats.population.simulation import simulate
from crampstats.population.truths import TrueEffect, TrueMean, true_attributable_fraction, true_effect, true_mean

__all__ = [
    "AdjustmentSet",
    "Population",
    "Response",
    "SamplingPlan",
    "TrueEffect",
    "TrueMean",
    "adjustment_set",
    "draw_sample",
    "simulate",
    "true_attributable_fraction",
    "true_effect",
    "true_mean",
]
