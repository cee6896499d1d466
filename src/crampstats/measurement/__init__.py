"""Behind the reported number: rounding, one draw of blood, imperfect tests, reference limits."""

from crampstats.measurement.direct_limits import ReferenceLimits, reference_limits
from crampstats.measurement.imperfect_tests import (
    CorrectedPrevalence,
    TippingPoint,
    ValidationCounts,
    correct_for_test,
    prevalence_bounds,
    tipping_point,
)
from crampstats.measurement.indirect_limits import IndirectLimits, indirect_reference_limits
from crampstats.measurement.latent_bounds import LatentClassBounds, latent_class_bounds
from crampstats.measurement.latent_classes import LatentClass, latent_class
from crampstats.measurement.latent_posteriors import LatentClassPosterior
from crampstats.measurement.normal_curves import NormalCurve, normal_through
from crampstats.measurement.posteriors import Beta, PosteriorPrevalence, posterior_prevalence
from crampstats.measurement.rounding import RoundedDistribution, fit_rounded
from crampstats.measurement.usual_levels import draws_needed, usual_prevalence, variance_components

__all__ = [
    "Beta",
    "CorrectedPrevalence",
    "IndirectLimits",
    "LatentClass",
    "LatentClassBounds",
    "LatentClassPosterior",
    "NormalCurve",
    "PosteriorPrevalence",
    "ReferenceLimits",
    "RoundedDistribution",
    "TippingPoint",
    "ValidationCounts",
    "correct_for_test",
    "draws_needed",
    "fit_rounded",
    "indirect_reference_limits",
    "latent_class",
    "latent_class_bounds",
    "normal_through",
    "posterior_prevalence",
    "prevalence_bounds",
    "reference_limits",
    "tipping_point",
    "usual_prevalence",
    "variance_components",
]
