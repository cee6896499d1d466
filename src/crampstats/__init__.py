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
    "attributable_fraction": "effects",
    "balance": "effects",
    "binomial_interval": "intervals",
    "calibrate": "population",
    "calibration_check": "regression",
    "calibration_table": "population",
    "characteristics": "descriptions",
    "choice_shares": "multiverse",
    "comparison": "effects",
    "contrast": "effects",
    "correct_for_test": "measurement",
    "cumulative_logits": "regression",
    "cutoff_curve": "cutoffs",
    "delta_adjusted": "missing",
    "design_aic": "regression",
    "diagnose": "diagnostics",
    "difference": "estimates",
    "doubly_robust": "effects",
    "draw_sample": "population",
    "draws_needed": "measurement",
    "e_value": "effects",
    "exposure_curve": "effects",
    "fit": "regression",
    "fit_rounded": "measurement",
    "g_formula": "effects",
    "impute": "missing",
    "indirect_reference_limits": "measurement",
    "interaction": "effects",
    "inverse_probability": "effects",
    "item_nonresponse": "participation",
    "latent_class": "measurement",
    "latent_class_bounds": "measurement",
    "marginal_effect": "effects",
    "mean": "proportions",
    "misclassification_grid": "effects",
    "misclassified_exposure": "effects",
    "missing_patterns": "missing",
    "missing_shares": "missing",
    "named_cutoffs": "multiverse",
    "nchs_standards": "proportions",
    "normal_through": "measurement",
    "observed_and_expected": "regression",
    "observed_mean": "missing",
    "overdispersion_test": "regression",
    "participant_flow": "participation",
    "pooled": "missing",
    "posterior_prevalence": "measurement",
    "prevalence": "proportions",
    "prevalence_bounds": "measurement",
    "probabilistic_bias": "effects",
    "proportional_odds_test": "regression",
    "quantile": "quantiles",
    "quantile_residuals": "regression",
    "ratio": "estimates",
    "reference_limits": "measurement",
    "rubin_pool": "missing",
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
    "zero_inflation_test": "regression",
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
    "attributable_fraction",
    "balance",
    "binomial_interval",
    "calibrate",
    "calibration_check",
    "calibration_table",
    "characteristics",
    "choice_shares",
    "comparison",
    "contrast",
    "correct_for_test",
    "cumulative_logits",
    "cutoff_curve",
    "datasets",
    "delta_adjusted",
    "design_aic",
    "diagnose",
    "diagnostics",
    "difference",
    "doubly_robust",
    "draw_sample",
    "draws_needed",
    "e_value",
    "errors",
    "exposure_curve",
    "figures",
    "fit",
    "fit_rounded",
    "g_formula",
    "impute",
    "indirect_reference_limits",
    "interaction",
    "inverse_probability",
    "item_nonresponse",
    "latent_class",
    "latent_class_bounds",
    "marginal_effect",
    "mean",
    "misclassification_grid",
    "misclassified_exposure",
    "missing_patterns",
    "missing_shares",
    "named_cutoffs",
    "nchs_standards",
    "normal_through",
    "observed_and_expected",
    "observed_mean",
    "overdispersion_test",
    "participant_flow",
    "pooled",
    "population",
    "posterior_prevalence",
    "prevalence",
    "prevalence_bounds",
    "probabilistic_bias",
    "proportional_odds_test",
    "quantile",
    "quantile_residuals",
    "ratio",
    "reference",
    "reference_limits",
    "rubin_pool",
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
    "zero_inflation_test",
]

if TYPE_CHECKING:
    from crampstats import datasets, diagnostics, errors, figures, population, reference, schema, tables, units
    from crampstats.cutoffs import cutoff_curve
    from crampstats.descriptions import characteristics
    from crampstats.diagnostics import Study, diagnose
    from crampstats.effects import (
        attributable_fraction,
        balance,
        comparison,
        contrast,
        doubly_robust,
        e_value,
        exposure_curve,
        g_formula,
        interaction,
        inverse_probability,
        marginal_effect,
        misclassification_grid,
        misclassified_exposure,
        probabilistic_bias,
    )
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
    from crampstats.missing import (
        delta_adjusted,
        impute,
        missing_patterns,
        missing_shares,
        observed_mean,
        pooled,
        rubin_pool,
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
    from crampstats.regression import (
        Model,
        calibration_check,
        cumulative_logits,
        design_aic,
        fit,
        observed_and_expected,
        overdispersion_test,
        proportional_odds_test,
        quantile_residuals,
        term_test,
        zero_inflation_test,
    )
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
