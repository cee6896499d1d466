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
    "Estimate": "estimates",
    "Model": "regression",
    "Population": "population",
    "Response": "population",
    "SamplingPlan": "population",
    "Study": "diagnostics",
    "Survey": "survey",
    "adjustment_set": "population",
    "binomial_interval": "intervals",
    "calibrate": "population",
    "calibration_table": "population",
    "cutoff_curve": "cutoffs",
    "diagnose": "diagnostics",
    "difference": "estimates",
    "draw_sample": "population",
    "fit": "regression",
    "g_formula": "effects",
    "item_nonresponse": "participation",
    "mean": "proportions",
    "nchs_standards": "proportions",
    "participant_flow": "participation",
    "prevalence": "proportions",
    "quantile": "quantiles",
    "ratio": "estimates",
    "simulate": "population",
    "standardize": "proportions",
    "term_test": "regression",
    "total": "proportions",
    "transform": "estimates",
    "true_attributable_fraction": "population",
    "true_effect": "population",
    "true_mean": "population",
    "usual_prevalence": "measurement",
    "weighted_sum": "estimates",
}
_ROOMS = ("datasets", "diagnostics", "errors", "figures", "population", "reference", "schema", "tables", "units")

__all__ = [
    "Estimate",
    "Model",
    "Population",
    "Response",
    "SamplingPlan",
    "Study",
    "Survey",
    "adjustment_set",
    "binomial_interval",
    "calibrate",
    "calibration_table",
    "cutoff_curve",
    "datasets",
    "diagnose",
    "diagnostics",
    "difference",
    "draw_sample",
    "errors",
    "figures",
    "fit",
    "g_formula",
    "item_nonresponse",
    "mean",
    "nchs_standards",
    "participant_flow",
    "population",
    "prevalence",
    "quantile",
    "ratio",
    "reference",
    "schema",
    "simulate",
    "standardize",
    "tables",
    "term_test",
    "total",
    "transform",
    "true_attributable_fraction",
    "true_effect",
    "true_mean",
    "units",
    "usual_prevalence",
    "weighted_sum",
]

if TYPE_CHECKING:
    from crampstats import datasets, diagnostics, errors, figures, population, reference, schema, tables, units
    from crampstats.cutoffs import cutoff_curve
    from crampstats.diagnostics import Study, diagnose
    from crampstats.effects import g_formula
    from crampstats.estimates import Estimate, difference, ratio, transform, weighted_sum
    from crampstats.intervals import binomial_interval
    from crampstats.measurement import usual_prevalence
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
