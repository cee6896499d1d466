"""A simulated population whose truth is known: a causal model as data, people of it, samples, and what is true in it."""

from crampstats.population.calibration import Calibration, Target, calibrate
from crampstats.population.graphs import AdjustmentSet, adjustment_set
from crampstats.population.plans import Response, SamplingPlan
from crampstats.population.populations import Population, scenarios
from crampstats.population.sampling import draw_sample
from crampstats.population.simulation import simulate
from crampstats.population.targets import calibration_table, population_targets
from crampstats.population.treatments import Intervention, intervention_effects, interventions
from crampstats.population.trials import Arm, TrialPlan, simulate_trial
from crampstats.population.truths import TrueEffect, TrueMean, true_attributable_fraction, true_effect, true_mean

__all__ = [
    "AdjustmentSet",
    "Arm",
    "Calibration",
    "Intervention",
    "Population",
    "Response",
    "SamplingPlan",
    "Target",
    "TrialPlan",
    "TrueEffect",
    "TrueMean",
    "adjustment_set",
    "calibrate",
    "calibration_table",
    "draw_sample",
    "intervention_effects",
    "interventions",
    "population_targets",
    "scenarios",
    "simulate",
    "simulate_trial",
    "true_attributable_fraction",
    "true_effect",
    "true_mean",
]
