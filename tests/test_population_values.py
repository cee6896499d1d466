"""The packaged population: every number sourced, derived ones recomputed, margins as published or openly in conflict."""

import math

import numpy as np
import pandas as pd
import pytest

import crampstats as cs
from crampstats.population.populations import Population
from crampstats.population.simulation import simulate
from crampstats.population.targets import calibration_table, population_targets
from crampstats.population.truths import true_effect
from crampstats.reference.tables import bibliography

N, SEED = 200_000, 20_260_801


@pytest.fixture(scope="module")
def population() -> Population:
    return Population()


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return calibration_table(Population(), n=N, seed=SEED).set_index("name")


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    return simulate(Population(), N, seed=SEED)


# ---- numbers and their sources ---------------------------------------------------------------------------------------


def test_every_number_has_its_standing(population: Population) -> None:
    frame = population.to_frame()
    assert len(frame) > 100
    published = frame[frame["status"] != "assumed"]
    assert set(published["source"]) <= set(bibliography())
    assert (published["where"] != "").all()
    assert (frame.loc[frame["status"] == "assumed", "note"] != "").all()
    remembered = frame[frame["note"].str.contains("RECALLED|remembered")]
    assert set(remembered.loc[remembered["note"].str.contains("RECALLED"), "status"]) == {"assumed"}
    elsewhere = frame[frame["note"].str.contains("secondary source only")]
    assert elsewhere["note"].str.contains(r"secondary source only: \w").all()


def test_truths_are_the_columns_that_nobody_measures(population: Population) -> None:
    truths = [variable.name for variable in population.variables if variable.truth]
    assert truths == [
        "true_village_magnesium", "true_village_cramps", "true_village_water", "true_cramp_proneness",
        "true_absorption", "true_urinary_magnesium_mmol_day", "true_body_store",
        "true_magnesium_mmol_l", "true_magnesium_in_sample_mmol_l", "true_magnesium_drawn_mmol_l",
        "true_magnesium_second_mmol_l", "true_subclinical_deficiency", "true_cramp_rate_per_week",
    ]  # fmt: skip


STORE = 0.06  # mmol/L of serum for the whole store
M, R = "true_magnesium_mmol_l.", "true_cramp_rate_per_week."


def log_odds(share: float) -> float:
    return math.log(share / (1 - share))


DERIVED = {
    M + "sex = female": (0.70 + 0.91) / 2 - (0.71 + 0.93) / 2,
    M + "diabetes": (-0.04 - 0.07) / 2 + 0.06 * STORE,
    M + "diuretic = thiazide": -0.018 + 0.04 * STORE,
    M + "ppi": -0.022 / 2 + 0.03 * STORE,
    M + "supplement": 0.04 - 0.03 * STORE,
    "ionised_magnesium_mmol_l.intercept": 0.66 * 0.82 + 0.039,
    "ionised_magnesium_mmol_l.sd": 0.66 * 0.060 * math.sqrt(1 / 0.75**2 - 1),
    R + "diuretic = thiazide": math.log(1.48),
    R + "diuretic = loop": math.log(1.20),
    R + "true_body_store": math.log(1 - 0.18 / 4.68) / 0.03,
    R + "laba": math.log(2.42),
    R + "statin": math.log(1.16),
    R + "arterial_disease": math.log(2.9),
    R + "day_of_year peak 196": math.log((1 + 1 / 3) / (1 - 1 / 3)) / 2,
    R + "electrostimulation": math.log((2.1 / 9.6) / (2.0 / 5.5)),
    R + "quinine": math.log(1 - 2.45 / 8.8),
    "night_cramps.intercept": log_odds(0.73),
    "cramp_pain.neuropathy": 6 - 5.6,
    "cramp_pain.quinine": -0.12 / 3 * 10,
    "cramp_minutes.neuropathy": math.log(10.5 / 9),
    "quinine_major_harm.intercept": log_odds(0.014),
    "quinine_major_harm.quinine": log_odds(0.015) - log_odds(0.014),
    "quinine_minor_harm.intercept": log_odds(0.094),
    "quinine_minor_harm.quinine": log_odds(0.127) - log_odds(0.094),
}


@pytest.mark.parametrize("name", DERIVED)
def test_derived_numbers_are_their_formula(population: Population, name: str) -> None:
    parameter = population.parameters[name]
    assert parameter.status == "derived"
    assert parameter.value == pytest.approx(DERIVED[name], rel=3e-3)


def test_the_paths_through_the_store_are_those_of_the_formulas(population: Population) -> None:
    numbers = population.numbers
    assert numbers[M + "true_body_store"] == STORE
    urine, loss = "true_urinary_magnesium_mmol_day.", numbers["true_body_store.true_urinary_magnesium_mmol_day"]
    lost = [numbers[urine + parent] * loss for parent in ("diabetes", "diuretic = thiazide")]
    assert lost == pytest.approx([-0.06, -0.04])
    kept = numbers["true_body_store.log true_absorption"] + numbers[urine + "log true_absorption"] * loss
    assert numbers["true_absorption.ppi"] * kept == pytest.approx(-0.03)
    eaten = (
        numbers["true_body_store.log dietary_magnesium_mg_day"] + numbers[urine + "log dietary_magnesium_mg_day"] * loss
    )
    assert eaten + numbers["true_absorption.log dietary_magnesium_mg_day"] * kept == pytest.approx(0.06)
    odds = [1.0, *(math.exp(numbers[f"supplement_form[{form}].intercept"]) for form in ("oxide", "glycinate"))]
    filled = [numbers[f"true_body_store.supplement_form = {form}"] for form in ("citrate", "oxide", "glycinate")]
    assert np.average(filled, weights=odds) + numbers[urine + "supplement"] * loss == pytest.approx(0.03, abs=1e-5)


ACTS = [
    ("C3", "true_cramp_rate_per_week", "dehydration overexertion muscle_tension"),
    ("C3", "dehydration", "fluid_intake_l_day sweating_l_day chronic_diarrhoea diuretic"),
    ("C4", "true_cramp_rate_per_week", "diuretic egfr_ml_min dialysis potassium_mmol_l calcium_mmol_l sodium_mmol_l"),
    ("C5", "true_cramp_rate_per_week", "thyroid_disorder adrenal_insufficiency hypoglycaemia diabetes"),
    ("C6", "true_cramp_rate_per_week", "trimester"),
    ("C7", "true_cramp_rate_per_week", "laba statin other_cramp_drug"),
    ("C8", "true_cramp_rate_per_week", "motor_neuron_disease neuropathy spinal_stenosis disc_herniation neuromyotonia"),
    (
        "C8",
        "true_cramp_rate_per_week",
        "family_cramps cirrhosis venous_disease arterial_disease inactivity day_of_year",
    ),
    ("C9", "true_cramp_rate_per_week", "true_body_store"),
    ("C11", "true_body_store", "dietary_magnesium_mg_day true_absorption true_urinary_magnesium_mmol_day"),
    ("C12", "true_absorption", "crohn chronic_diarrhoea ppi age_years"),
    ("C13", "true_urinary_magnesium_mmol_day", "diuretic diabetes tubular_disease stress exertion_hours_week"),
    ("C18", "true_urinary_magnesium_mmol_day", "alcohol caffeine_cups_day"),
    ("T1", "true_body_store", "supplement_form"),
    ("T5", "true_cramp_rate_per_week", "stretching electrostimulation quinine"),
    ("T5", "inactivity", "walking_30_min"),
    ("T6", "cramp_minutes", "massage warmth rest_measure"),
    ("T6", "cramp_pain", "massage warmth cold"),
    ("T8", "cramp_pain", "painkiller muscle_relaxant"),
    ("P1", "dietary_magnesium_mg_day", "nuts_seeds_servings_day whole_grain_servings_day cocoa_servings_day"),
    ("P1", "dietary_magnesium_mg_day", "pulses_servings_day green_leaves_servings_day fish_servings_day"),
    ("P1", "dietary_magnesium_mg_day", "juice_servings_day tap_water_l_day water_magnesium_mg_l"),
    ("P2", "fluid_intake_l_day", "hydration"),
    ("P5", "muscle_tension", "stress"),
]


@pytest.mark.parametrize(("claim", "child", "causes"), ACTS)
def test_causes_act_on_what_the_article_says(population: Population, claim: str, child: str, causes: str) -> None:
    assert set(causes.split()) <= set(population.variable(child).parents), claim


def test_painkillers_act_on_pain_only(population: Population) -> None:
    graph = population.graph()
    for drug in ("painkiller", "muscle_relaxant"):
        assert list(graph.successors(drug)) == ["cramp_pain"]


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        (R + "diuretic = thiazide", math.log(1.29), math.log(1.68)),
        (R + "diuretic = loop", math.log(1.00), math.log(1.44)),
        (R + "true_body_store", math.log(1 - 0.84 / 4.68) / 0.03, math.log(1 + 0.49 / 4.68) / 0.03),
        (M + "diabetes", -0.07 + 0.06 * STORE, -0.04 + 0.06 * STORE),
        (M + "supplement", 0.02 - 0.03 * STORE, 0.06 - 0.03 * STORE),
        (R + "laba", math.log(2.02), math.log(2.89)),
        (R + "statin", math.log(1.04), math.log(1.29)),
        (R + "arterial_disease", math.log(1.89), math.log(4.55)),
        (R + "quinine", math.log(1 - 3.54 / 8.8), math.log(1 - 1.36 / 8.8)),
        ("cramp_pain.quinine", -0.20 / 3 * 10, -0.05 / 3 * 10),
        ("quinine_major_harm.quinine", log_odds(0.004) - log_odds(0.014), log_odds(0.035) - log_odds(0.014)),
        ("quinine_minor_harm.quinine", 0.0, log_odds(0.154) - log_odds(0.094)),
    ],
)
def test_ranges_are_those_printed(population: Population, name: str, low: float, high: float) -> None:
    parameter = population.parameters[name]
    assert (parameter.low, parameter.high) == (pytest.approx(low, abs=5e-3), pytest.approx(high, abs=5e-3))


def test_serum_magnesium_does_not_act_on_cramps(population: Population) -> None:
    serum = {variable.name for variable in population.variables if "magnesium" in variable.name}
    parents = set(population.variable("true_cramp_rate_per_week").parents)
    assert parents & serum == set()
    assert "true_body_store" in parents


# ---- simulated people ------------------------------------------------------------------------------------------------


def test_nothing_impossible_is_simulated(population: Population, people: pd.DataFrame) -> None:
    population.schema.check(people)
    assert people["age_years"].between(20, 99).all()
    assert people["egfr_ml_min"].between(8, 150).all()
    assert people["potassium_mmol_l"].between(1.8, 7.5).all()
    assert people["calcium_mmol_l"].between(1.4, 3.5).all()
    assert people["true_magnesium_mmol_l"].between(0.4, 1.4).all()
    for name in ("dietary_magnesium_mg_day", "fluid_intake_l_day", "exertion_hours_week", "ionised_magnesium_mmol_l"):
        assert people[name].gt(0).all()
    pregnant = people[people["pregnant"] == 1]
    assert set(pregnant["sex"]) == {"female"}
    assert pregnant["age_years"].max() <= 44
    assert (people["cramps_per_month"] >= people["cramps_per_week"]).all()
    without = people["cramps_per_month"] == 0
    assert ((people["cramp_site"] == "none") == without).all()
    assert people.loc[without, "red_flags"].eq(0).all()
    unusual = people["cramp_site"].isin(["hand_arm", "trunk_back"])
    assert people.loc[unusual, "red_flags"].eq(1).all()
    assert ((people["trimester"] != "none") == (people["pregnant"] == 1)).all()
    for name in ("supplement_form", "supplement_kind"):
        assert ((people[name] != "none") == (people["supplement"] == 1)).all()
    for name, site in (
        ("calf", "calf"),
        ("foot", "foot"),
        ("thigh", "thigh"),
        ("hand_arm", "hand_arm"),
        ("trunk", "trunk_back"),
    ):
        assert people.loc[without, f"{name}_cramps"].eq(0).all()
        assert people.loc[people["cramp_site"] == site, f"{name}_cramps"].eq(1).all()
    for name in ("night_cramps", "rest_cramps", "action_cramps", "clear_increase"):
        assert people.loc[without, name].eq(0).all()
    assert people.loc[people["dialysis"] == 1, "egfr_ml_min"].max() <= 15
    hidden = people[people["true_subclinical_deficiency"] == 1]
    assert hidden["true_body_store"].max() <= 0.85
    assert hidden["magnesium_mmol_l"].between(0.75, 1.05).all()
    for name in people.columns[people.columns.str.contains("servings")]:
        assert people[name].gt(0).all()


# Shares for which intercepts were solved, and how far luck may move them at this n (4 errors, villages apart).
SHARES = {
    "diabetes == 1": 0.10,
    "alcohol == 'heavy'": 0.06,
    "alcohol == 'moderate'": 0.74,
    "diuretic == 'thiazide'": 0.08,
    "diuretic == 'loop'": 0.035,
    "ppi == 1": 0.13,
    "supplement == 1": 0.12,
    "neuropathy == 1": 0.05,
    "egfr_ml_min < 30": 0.006,
    "crohn == 1": 0.003,
    "chronic_diarrhoea == 1": 0.03,
    "tubular_disease == 1": 0.002,
    "thyroid_disorder == 1": 0.05,
    "hypoglycaemia == 1": 0.015,
    "inactivity == 1": 0.25,
    "overexertion == 1": 0.08,
    "dehydration == 1": 0.06,
    "muscle_tension == 1": 0.22,
    "spinal_stenosis == 1": 0.04,
    "disc_herniation == 1": 0.02,
    "cirrhosis == 1": 0.004,
    "venous_disease == 1": 0.20,
    "arterial_disease == 1": 0.04,
    "laba == 1": 0.04,
    "statin == 1": 0.16,
    "other_cramp_drug == 1": 0.08,
}


@pytest.mark.parametrize("question", SHARES)
def test_shares_are_those_that_the_notes_name(people: pd.DataFrame, question: str) -> None:
    share = SHARES[question]
    assert people.eval(question).mean() == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / N) + 5e-4)


def test_pregnancy_at_childbearing_age(people: pd.DataFrame) -> None:
    women = people.query("sex == 'female' and age_years <= 44")
    assert women["pregnant"].mean() == pytest.approx(0.045, abs=4 * math.sqrt(0.045 * 0.955 / len(women)))


# ---- published figures -----------------------------------------------------------------------------------------------

TARGETS = population_targets().set_index("name")
SOLVED = TARGETS.index[TARGETS["standing"] == "solved"].tolist()
CHECKED = TARGETS.index[TARGETS["standing"] == "checked"].tolist()
# Half of the last digit printed, or how far the figure may be missed that was solved for another rounding of it.
SOLVED_BOUNDS = {
    "serum magnesium, mean": 5e-4,
    "serum magnesium, SD": 5e-4,
    "serum magnesium below 0.70 mmol/L": 0.002,
    "serum magnesium below 0.76 mmol/L": 0.002,
    "serum magnesium of pregnant women, mean": 0.003,
    "ionised and total magnesium, correlation": 0.005,
    "dietary magnesium of men, mean": 1.0,
    "dietary magnesium of women, mean": 1.0,
    "cramps mostly in the calf": 0.01,
    "minutes that cramps last": 0.1,
    "magnesium load kept by healthy people, mean": 0.1,
    "magnesium load kept by healthy people, SD": 0.1,
    "magnesium in urine of men, mean": 0.02,
    "magnesium in urine of women, mean": 0.02,
}
# Figures without an interval: how far the simulated value may be from them.
CHECKED_BOUNDS = {
    "serum magnesium below 0.85 mmol/L": 0.02,
    "proton pump inhibitor: serum magnesium, difference": 0.002,
    "thiazide: serum magnesium, difference": 0.006,
    "more than three cramps a month from 60 on": 0.03,
    "serum magnesium below 0.80 mmol/L in the first trimester": 0.06,
    "serum magnesium below 0.80 mmol/L in the second trimester": 0.06,
    "serum magnesium below 0.70 mmol/L in the second trimester": 0.06,
    "serum magnesium below 0.80 mmol/L in the third trimester": 0.06,
    "serum magnesium below 0.70 mmol/L in the third trimester": 0.06,
    "pain of cramps": 0.15,
    "pain of cramps with neuropathy": 0.2,
    "minutes that cramps last with neuropathy": 0.5,
    "magnesium load kept and serum magnesium of healthy people, correlation": 0.1,
    "dietary magnesium of men below 350 mg/day": 0.03,
    "dietary magnesium of women below 300 mg/day": 0.03,
    "Crohn's disease: serum magnesium, difference": 0.01,
}
# Where a conflict lies: the simulated value is in this range, the published one is not.
CONFLICTS = {
    "serum magnesium, 2.5 % limit of healthy men": (0.725, 0.745),
    "serum magnesium, 97.5 % limit of healthy men": (0.94, 0.96),
    "serum magnesium, 2.5 % limit of healthy women": (0.708, 0.73),
    "serum magnesium, 97.5 % limit of healthy women": (0.925, 0.95),
    "serum magnesium at most 1.6 mg/dL": (0.006, 0.012),
    "serum magnesium at most 1.7 mg/dL": (0.037, 0.05),
    "serum magnesium at most 1.8 mg/dL": (0.14, 0.16),
    "serum magnesium, mean of NHANES 2021-2023": (1.99, 2.01),
    "serum magnesium of pregnant women, SD": (0.058, 0.069),
    "diabetes: serum magnesium, mean": (0.77, 0.79),
    "diabetes: serum magnesium below 0.70 mmol/L": (0.07, 0.12),
    "thiazide: odds ratio of at most 0.72 mmol/L": (1.8, 2.7),
    "leg cramps in a month, five or more": (0.07, 0.08),
    "leg cramps in a month, five or more, men 60+": (0.07, 0.105),
    "leg cramps in a month, five or more, women 20-39": (0.025, 0.041),
    "leg cramps in a month, five or more, women 60+": (0.128, 0.16),
    "leg cramps in a month, 16 or more": (0.0215, 0.028),
    "cramps with neuropathy": (0.5, 0.6),
    "heavy drinking from 60 on: odds ratio of cramps": (1.4, 2.2),
    "serum magnesium below 0.70 mmol/L in the first trimester": (0.003, 0.02),
    "cramps in the first trimester": (0.18, 0.28),
    "LABA: odds ratio of cramps": (1.5, 1.9),
    "arterial disease from 65 on: odds ratio of cramps": (1.6, 2.1),
    "spinal stenosis: odds ratio of cramps": (1.35, 1.7),
    "season: odds ratio of cramps, two months of summer against two of winter": (1.4, 1.65),
    "cramps at night from 65 on, of those who cramp": (0.71, 0.75),
    "magnesium in urine of men, SD": (1.25, 1.4),
    "magnesium in urine of women, SD": (1.25, 1.37),
}


@pytest.mark.parametrize("name", SOLVED)
def test_what_was_solved_for_is_met(table: pd.DataFrame, name: str) -> None:
    row = table.loc[name]
    assert abs(row["simulated"] - row["published"]) <= 4 * row["std_error"] + SOLVED_BOUNDS.get(name, 0.001)


@pytest.mark.parametrize("name", CHECKED)
def test_what_was_not_solved_for_lies_in_the_published_interval(table: pd.DataFrame, name: str) -> None:
    row = table.loc[name]
    if name in CHECKED_BOUNDS:
        assert math.isnan(row["low"])
        assert abs(row["simulated"] - row["published"]) <= CHECKED_BOUNDS[name]
    else:
        assert row["low"] <= row["simulated"] <= row["high"]


@pytest.mark.parametrize("name", CONFLICTS)
def test_conflicts_are_conflicts(table: pd.DataFrame, name: str) -> None:
    row = table.loc[name]
    low, high = CONFLICTS[name]
    assert low < row["simulated"] < high
    assert not low < row["published"] < high
    assert abs(row["simulated"] - row["published"]) > 5 * row["std_error"]
    assert row["note"] != ""


def test_every_figure_has_its_test() -> None:
    assert set(TARGETS.index) == {*SOLVED, *CHECKED, *CONFLICTS}
    assert TARGETS.index[TARGETS["standing"] == "conflict"].tolist() == list(CONFLICTS)
    assert set(SOLVED_BOUNDS) <= set(SOLVED)
    assert set(CHECKED_BOUNDS) == set(TARGETS.index[(TARGETS["standing"] == "checked") & TARGETS["low"].isna()])


def test_the_conflict_of_two_surveys_is_one_of_location(table: pd.DataFrame) -> None:
    # Healthy people of the population vary as those of NHANES do; they only lie higher.
    for who, width in (("men", 0.93 - 0.71), ("women", 0.91 - 0.70)):
        low, high = (table.loc[f"serum magnesium, {q} % limit of healthy {who}", "simulated"] for q in ("2.5", "97.5"))
        assert high - low == pytest.approx(width, abs=0.015)
    assert table.loc["serum magnesium, mean of NHANES 2021-2023", "simulated"] / 24.305 * 10 > 0.809 + 0.01


def test_the_published_thiazide_figures_do_not_fit_each_other(table: pd.DataFrame) -> None:
    # A shift of a normal distribution by 0.018 mmol/L, at 0.725 (up to which values are reported as 0.72).
    from scipy.stats import norm

    def odds(shift: float) -> float:
        chance = norm.cdf(0.725, 0.824 - shift, 0.060)
        return float(chance / (1 - chance))

    assert odds(0.018) / odds(0.0) == pytest.approx(1.83, abs=0.05)
    # Even the larger difference that age and sex leave here makes less than the published odds ratio of 3.14.
    assert table.loc["thiazide: serum magnesium, difference", "simulated"] < -0.018
    assert table.loc["thiazide: odds ratio of at most 0.72 mmol/L", "simulated"] < 2.7


GROUPS = [(sex, age) for sex in ("male", "female") for age in ("20-39", "40-59", "60+")]


@pytest.mark.parametrize(
    ("words", "question"), [("any", "cramp_class >= 1"), ("five or more", "cramp_class >= 3")], ids=["any", "five"]
)
def test_cramp_figures_are_those_of_the_packaged_table(words: str, question: str) -> None:
    survey = cs.datasets.nhanes_cramps().observed("cramp_class")
    found = cs.prevalence(survey, question, by=["sex", "age_group"])
    cells = found.to_frame().set_index(["sex", "age_group"])
    for sex, age in GROUPS:
        who = {"male": "men", "female": "women"}[sex]
        row = TARGETS.loc[f"leg cramps in a month, {words}, {who} {age}"]
        cell = cells.loc[(sex, age)]
        assert (row["value"], row["low"], row["high"]) == tuple(
            pytest.approx(cell[column], rel=6e-4) for column in ("estimate", "conf_low", "conf_high")
        )
    people = {"20-39": 25_500, "40-59": 27_500, "60+": 25_500}
    weights = [people[age] / 78_500 * {"male": 0.49, "female": 0.51}[sex] for sex, age in cells.index]
    total = cs.weighted_sum(found, weights, label="all").to_frame().iloc[0]
    row = TARGETS.loc[f"leg cramps in a month, {words}"]
    assert (row["value"], row["low"], row["high"]) == tuple(
        pytest.approx(total[column], rel=6e-4) for column in ("estimate", "conf_low", "conf_high")
    )


@pytest.mark.parametrize("limit", [1.6, 1.7, 1.8])
def test_serum_figures_are_those_of_the_packaged_table(limit: float) -> None:
    survey = cs.datasets.nhanes_magnesium().observed("magnesium_mg_dl")
    found = cs.prevalence(survey, f"magnesium_mg_dl <= {limit}").to_frame().iloc[0]
    row = TARGETS.loc[f"serum magnesium at most {limit} mg/dL"]
    assert (row["value"], row["low"], row["high"]) == tuple(
        pytest.approx(found[column], rel=6e-4) for column in ("estimate", "conf_low", "conf_high")
    )


def test_the_odds_ratio_of_diabetes_is_that_of_the_packaged_table() -> None:
    survey = cs.datasets.nhanes_magnesium("packaged_diabetes").observed("diabetes", "magnesium_class")
    adults = survey.where("age_group != '18-19'").define(low="magnesium_class in ['at most 1.6', '1.7']")
    ratios = cs.fit(adults, "low ~ sex + age_group + diabetes", family="binomial").odds_ratios().to_frame()
    found = ratios.set_index("term").loc["diabetes"]
    row = TARGETS.loc["diabetes: odds ratio of at most 1.7 mg/dL"]
    assert (row["value"], row["low"], row["high"]) == tuple(
        pytest.approx(found[column], rel=6e-4) for column in ("estimate", "conf_low", "conf_high")
    )


# ---- what confounding makes of physiology ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exposure", "values", "effect"),
    [
        ("diabetes", (1, 0), None),
        ("diuretic", ("thiazide", "none"), -0.018),
        ("diuretic", ("loop", "none"), -0.008),  # -0.011, and supplements that are given with it
        ("ppi", (1, 0), -0.011),
        ("supplement", (1, 0), 0.04),
    ],
)
def test_true_effects_on_serum(population: Population, exposure: str, values: tuple, effect: float | None) -> None:
    found = true_effect(population, exposure, "true_magnesium_mmol_l", values=values, n=50_000, seed=SEED)
    if effect is None:  # diabetes brings kidney failure, which raises serum, and thiazides, which lower it
        assert -0.056 < found.value < -0.045
    else:
        assert found.value == pytest.approx(effect, abs=2e-4)


def test_loop_diuretics_lower_serum_magnesium_and_go_with_more_of_it(
    table: pd.DataFrame, population: Population
) -> None:
    truth = true_effect(population, "diuretic", "magnesium_mmol_l", values=("loop", "none"), n=50_000, seed=SEED)
    observed = table.loc["loop diuretic: serum magnesium, difference"]
    assert truth.value + 4 * truth.std_error < 0
    assert observed["simulated"] - 4 * observed["std_error"] > 0


def test_supplements_help_a_little_and_go_with_more_cramps(people: pd.DataFrame, population: Population) -> None:
    truth = true_effect(population, "supplement", "true_cramp_rate_per_week", values=(1, 0), n=200_000, seed=SEED,
                        measure="ratio")  # fmt: skip
    # Not closer: what the limit of 70 cramps a week takes from the most prone, a supplement cannot.
    assert truth.value == pytest.approx(1 - 0.18 / 4.68, abs=3e-3)
    women = people.query("sex == 'female' and age_group == '60+' and pregnant == 0")
    any_cramp = (women["cramp_class"] >= 1).groupby(women["supplement"]).mean()
    assert any_cramp[1] > any_cramp[0] + 0.02


def test_low_serum_goes_with_cramps_without_acting(people: pd.DataFrame) -> None:
    low = people["magnesium_mg_dl"] <= 1.7
    any_cramp = (people["cramp_class"] >= 1).groupby(low).mean()
    assert any_cramp[True] > any_cramp[False] + 0.01


def test_serum_is_a_poor_mirror_of_the_store(people: pd.DataFrame) -> None:
    healthy = people.query(
        "diabetes == 0 and diuretic == 'none' and alcohol != 'heavy' and supplement == 0 and ppi == 0"
    )
    correlation = healthy["true_body_store"].corr(healthy["magnesium_mmol_l"])
    assert 0.02 < correlation < 0.2
    depleted = people["true_body_store"] < 0.85
    assert 0.05 < depleted.mean() < 0.15
    normal = (people.loc[depleted, "magnesium_mmol_l"] >= 0.75).mean()
    assert normal > 0.7


def test_diet_and_serum_correlate_weakly(people: pd.DataFrame) -> None:
    assert 0.05 < people["dietary_magnesium_mg_day"].corr(people["magnesium_mmol_l"]) < 0.15


def test_villages_matter(people: pd.DataFrame) -> None:
    rows = people.groupby("village").agg(level=("true_magnesium_mmol_l", "mean"), n=("sex", "size"))
    between = np.average((rows["level"] - people["true_magnesium_mmol_l"].mean()) ** 2, weights=rows["n"])
    share = between / people["true_magnesium_mmol_l"].var()
    assert 0.02 < share < 0.10
    assert rows["n"].max() > 5 * rows["n"].min()
