"""Effects a reader can use: standardised, weighted, doubly robust; attributable shares, interaction, sensitivity."""

from crampstats.effects.attribution import AttributableFraction, attributable_fraction
from crampstats.effects.contrasts import Comparison, comparison, contrast, marginal_effect
from crampstats.effects.exposure_curves import ExposureCurve, exposure_curve
from crampstats.effects.interactions import Interaction, interaction
from crampstats.effects.misclassification import (
    BiasDistribution,
    MisclassificationGrid,
    misclassification_grid,
    misclassified_exposure,
    probabilistic_bias,
)
from crampstats.effects.sensitivity import EValues, e_value
from crampstats.effects.standardization import g_formula
from crampstats.effects.weighting import WeightedEffect, balance, doubly_robust, inverse_probability

__all__ = [
    "AttributableFraction",
    "BiasDistribution",
    "Comparison",
    "EValues",
    "ExposureCurve",
    "Interaction",
    "MisclassificationGrid",
    "WeightedEffect",
    "attributable_fraction",
    "balance",
    "comparison",
    "contrast",
    "doubly_robust",
    "e_value",
    "exposure_curve",
    "g_formula",
    "interaction",
    "inverse_probability",
    "marginal_effect",
    "misclassification_grid",
    "misclassified_exposure",
    "probabilistic_bias",
]
