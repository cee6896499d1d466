"""A small population for tests: every mechanism once, few numbers."""

from typing import Any

from crampstats.population import Population


def assumed(value: float, unit: str = "1") -> dict[str, Any]:
    return {"value": value, "unit": unit, "status": "assumed", "note": "for a test"}


def effect(of: str, value: float, **form: Any) -> dict[str, Any]:
    return {"of": of, **form, **assumed(value)}


def tables() -> dict[str, dict[str, Any]]:
    """Return the declaration, fresh for each caller."""
    cramped = [{"of": "cramps_per_month", "at_least": 1}]
    return {
        "age_years": {"meaning": "age", "unit": "years", "mechanism": "ages", "standard": "esp_2013", "lowest": 20},
        "age_group": {
            "meaning": "age",
            "mechanism": "classes",
            "of": "age_years",
            "edges": [40, 60],
            "labels": ["20-39", "40-59", "60+"],
        },
        "day_of_year": {"meaning": "day", "mechanism": "whole", "first": 1, "last": 365},
        "sex": {
            "meaning": "sex",
            "mechanism": "shares",
            "levels": ["male", "female"],
            "shares": {"female": assumed(0.51)},
        },
        "region": {
            "meaning": "region",
            "mechanism": "shares",
            "levels": ["north", "east", "south", "west"],
            "shares": {"east": assumed(0.2), "south": assumed(0.3), "west": assumed(0.2)},
        },
        "village": {
            "meaning": "village",
            "mechanism": "groups",
            "of": "region",
            "number": assumed(10),
            "inequality": assumed(0.5),
        },
        "true_village": {"meaning": "what a village shares", "mechanism": "group_effect", "of": "village"},
        "diabetes": {
            "meaning": "diabetes",
            "mechanism": "logistic",
            "intercept": assumed(-3.0),
            "effects": [effect("age_years", 0.6, above=40, per=10)],
        },
        "diuretic": {
            "meaning": "diuretic",
            "mechanism": "choice",
            "levels": ["none", "thiazide", "loop"],
            "choices": {
                "thiazide": {
                    "intercept": assumed(-2.0),
                    "effects": [
                        effect("age_years", 0.5, **{"from": 50}, per=10),
                        effect("sex", 0.2, level="female", also={"of": "age_years", "at_least": 60}),
                    ],
                },
                "loop": {"intercept": assumed(-3.0), "effects": [effect("age_years", 0.8, **{"from": 50}, per=10)]},
            },
        },
        "diet_mg_day": {
            "meaning": "magnesium eaten",
            "unit": "mg/d",
            "mechanism": "lognormal",
            "intercept": assumed(5.9),
            "sd": assumed(0.3),
            "effects": [effect("sex", -0.18, level="female")],
        },
        "true_magnesium_mmol_l": {
            "meaning": "usual level",
            "unit": "mmol/L",
            "mechanism": "normal",
            "intercept": assumed(0.83),
            "sd": assumed(0.05),
            "low": 0.2,
            "high": 2.0,
            "effects": [
                effect("diabetes", -0.05),
                effect("diet_mg_day", 0.02, log_from=370),
                effect("true_village", 0.012),
                effect("diuretic", -0.018, level="thiazide"),
            ],
        },
        "true_drawn_mmol_l": {
            "meaning": "level at the draw",
            "unit": "mmol/L",
            "mechanism": "measured",
            "of": "true_magnesium_mmol_l",
            "within_cv": assumed(0.02),
            "analytic_cv": assumed(0.018),
        },
        "magnesium_mg_dl": {
            "meaning": "reported",
            "unit": "mg/dL",
            "mechanism": "reported",
            "of": "true_drawn_mmol_l",
            "from_unit": "mmol/L",
            "to_unit": "mg/dL",
            "substance": "magnesium",
            "step": 0.1,
        },
        "true_proneness": {
            "meaning": "proneness",
            "mechanism": "frailty",
            "prone": assumed(0.6),
            "frequent": assumed(0.1),
            "ratio": assumed(10.0),
            "shape": assumed(0.8),
            "frequent_shape": assumed(2.0),
        },
        "true_rate": {
            "meaning": "cramps a week",
            "mechanism": "rate",
            "times": "true_proneness",
            "intercept": assumed(-0.5),
            "effects": [
                effect("diabetes", 0.3),
                effect("age_years", 0.1, below=50, per=10),
                effect("day_of_year", 0.2, peak=196, period=365),
            ],
        },
        "cramps_per_week": {"meaning": "cramps", "mechanism": "count", "of": "true_rate"},
        "cramps_per_month": {
            "meaning": "cramps",
            "mechanism": "count",
            "of": "true_rate",
            "windows": 30 / 7 - 1,
            "plus": "cramps_per_week",
        },
        "cramp_class": {
            "meaning": "class",
            "mechanism": "classes",
            "of": "cramps_per_month",
            "edges": [1, 2, 5, 16],
        },
        "cramps_a_year": {
            "meaning": "a year's cramps at this rate",
            "mechanism": "sum",
            "intercept": assumed(0.0),
            "effects": [effect("true_rate", 52.0), effect("diabetes", 1.0)],
            "high": 1000.0,
        },
        "frequent": {
            "meaning": "often, with diabetes or at a young age",
            "mechanism": "holds",
            "all_of": [{"of": "cramps_per_month", "at_least": 5}],
            "any_of": [{"of": "diabetes", "at_least": 1}, {"of": "age_years", "at_most": 39}],
        },
        "cramp_site": {
            "meaning": "site",
            "mechanism": "choice",
            "levels": ["none", "calf", "foot"],
            "otherwise": "none",
            "only_if": cramped,
            "choices": {"foot": {"intercept": assumed(-1.0)}},
        },
        "red_flags": {
            "meaning": "a sign to act on",
            "mechanism": "logistic",
            "intercept": assumed(-3.0),
            "only_if": cramped,
            "certain_if": [{"of": "cramp_site", "level": "foot"}],
        },
    }


def small_population() -> Population:
    return Population.declared(tables())
