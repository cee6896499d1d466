"""Epidemiology of serum magnesium and muscle cramps: design-based estimates on real, own and simulated data.

Everything that a reader types is here, loaded when it is first used::

    import crampstats as cs
    cramps = cs.datasets.nhanes_cramps().observed("cramp_class")
    cs.prevalence(cramps, "cramp_class >= 1", by=["sex"])
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Where each public name lives; importing crampstats imports none of these modules.
_HOMES = {
    "Beta": "measurement",
    "Cutoff": "multiverse",
    "Estimate": "estimates",
    "Model": "regression",
    "Population": "population",
    "Response": "population",
    "SamplingPlan": "population",
    "Study": "diagnostics",
    "Survey": "survey",
    "ValidationCounts": "measurement",
    "adjustment_set": "population",
    "binomial_interval": "intervals",
    "calibrate": "population",
    "calibration_table": "population",
    "characteristics": "descriptions",
    "choice_shares": "multiverse",
    "correct_for_test": "measurement",
    "cutoff_curve": "cutoffs",
    "diagnose": "diagnostics",
    "difference": "estimates",
    "draw_sample": "population",
    "draws_needed": "measurement",
    "fit": "regression",
    "fit_rounded": "measurement",
    "g_formula": "effects",
    "indirect_reference_limits": "measurement",
    "item_nonresponse": "participation",
    "latent_class": "measurement",
    "latent_class_bounds": "measurement",
    "mean": "proportions",
    "named_cutoffs": "multiverse",
    "nchs_standards": "proportions",
    "normal_through": "measurement",
    "participant_flow": "participation",
    "posterior_prevalence": "measurement",
    "prevalence": "proportions",
    "prevalence_bounds": "measurement",
    "quantile": "quantiles",
    "ratio": "estimates",
    "reference_limits": "measurement",
    "simulate": "population",
    "specifications": "multiverse",
    "standardize": "proportions",
    "term_test": "regression",
    "tipping_point": "measurement",
    "total": "proportions",
    "transform": "estimates",
    "true_attributable_fraction": "population",
    "true_effect": "population",
    "true_mean": "population",
    "usual_prevalence": "measurement",
    "variance_components": "measurement",
    "weighted_sum": "estimates",
}
_ROOMS = ("datasets", "diagnostics", "errors", "figures", "population", "reference", "schema", "tables", "units")

__all__ = [
    "Beta",
    "Cutoff",
    "Estimate",
    "Model",
    "Population",
    "Response",
    "SamplingPlan",
    "Study",
    "Survey",
    "ValidationCounts",
    "adjustment_set",
    "binomial_interval",
    "calibrate",
    "calibration_table",
    "characteristics",
    "choice_shares",
    "correct_for_test",
    "cutoff_curve",
    "datasets",
    "diagnose",
    "diagnostics",
    "difference",
    "draw_sample",
    "draws_needed",
    "errors",
    "figures",
    "fit",
    "fit_rounded",
    "g_formula",
    "indirect_reference_limits",
    "item_nonresponse",
    "latent_class",
    "latent_class_bounds",
    "mean",
    "named_cutoffs",
    "nchs_standards",
    "normal_through",
    "participant_flow",
    "population",
    "posterior_prevalence",
    "prevalence",
    "prevalence_bounds",
    "quantile",
    "ratio",
    "reference",
    "reference_limits",
    "schema",
    "simulate",
    "specifications",
    "standardize",
    "tables",
    "term_test",
    "tipping_point",
    "total",
    "transform",
    "true_attributable_fraction",
    "true_effect",
    "true_mean",
    "units",
    "usual_prevalence",
    "variance_components",
    "weighted_sum",
]

if TYPE_CHECKING:
    from crampstats import datasets, diagnostics, errors, figures, population, reference, schema, tables, units
    from crampstats.cutoffs import cutoff_curve
    from crampstats.descriptions import characteristics
    from crampstats.diagnostics import Study, diagnose
    from crampstats.effects import g_formula
    from crampstats.estimates import Estimate, difference, ratio, transform, weighted_sum
    from crampstats.intervals import binomial_interval
    from crampstats.measurement import (
        Beta,
        ValidationCounts,
        correct_for_test,
        draws_needed,
        fit_rounded,
        indirect_reference_limits,
        latent_class,
        latent_class_bounds,
        normal_through,
        posterior_prevalence,
        prevalence_bounds,
        reference_limits,
        tipping_point,
        usual_prevalence,
        variance_components,
    )
    from crampstats.multiverse import Cutoff, choice_shares, named_cutoffs, specifications
    from crampstats.participation import item_nonresponse, participant_flow
    from crampstats.population import (
        Population,
        Response,
        SamplingPlan,
        adjustment_set,
        calibrate,
        calibration_table,
        draw_sample,
        simulate,
        true_attributable_fraction,
        true_effect,
        true_mean,
    )
    from crampstats.proportions import mean, nchs_standards, prevalence, standardize, total
    from crampstats.quantiles import quantile
    from crampstats.regression import Model, fit, term_test
    from crampstats.survey import Survey


def __getattr__(name: str) -> Any:
    """Import the home of a public name when it is first asked for."""
    if name in _HOMES:
        return getattr(import_module(f"crampstats.{_HOMES[name]}"), name)
    if name in _ROOMS:
        return import_module(f"crampstats.{name}")
    raise AttributeError(f"crampstats has no {name!r}; it has {', '.join(__all__)}.")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
