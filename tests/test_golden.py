"""An invented survey against R's `survey`: tests/golden/survey.R made the expected values."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import crampstats as cs

FOLDER = Path(__file__).parent / "golden"
DATA = pd.read_csv(FOLDER / "survey_input.csv")
EXPECTED = pd.read_csv(FOLDER / "survey_expected.csv")
DOMAINS = {
    "all": None,
    "female": "sex == 'female'",
    "male": "sex == 'male'",
    "old": "age_group == '60+'",
    "old_men": "sex == 'male' and age_group == '60+'",
}
METHODS = {"mean": "wald", "xlogit": "logit", "beta": "beta"}


def make(design: str) -> cs.Survey:
    clustered = {"weight": "weight", "stratum": "stratum", "cluster": "cluster", "cluster_labels": "nested"}
    paired = DATA[DATA["stratum"] != 7]
    match design:
        case "clusters":
            return cs.Survey(paired, **clustered)
        case "clusters_fpc":
            return cs.Survey(paired, **clustered, population_size="clusters_in_stratum")
        case "strata":
            return cs.Survey(DATA, weight="weight", stratum="stratum")
        case "weights":
            return cs.Survey(DATA, weight="weight")
        case "simple":
            return cs.Survey(DATA)
        case _:
            return cs.Survey(DATA, **clustered, lonely=design.removeprefix("lonely_"))


SURVEYS = {design: make(design) for design in EXPECTED["design"].unique()}


def compute(survey: cs.Survey, domain: str, what: str) -> cs.Estimate:
    question = DOMAINS[domain]
    asked = survey.where(question) if question and what != "standardised" else survey
    if what.startswith("prevalence_"):
        return cs.prevalence(asked, "cramps == 1", interval_method=METHODS[what.split("_")[1]])
    if what == "mean":
        return cs.mean(asked.observed("magnesium_mmol_l"), "magnesium_mmol_l")
    if what == "low_beta":
        return cs.prevalence(asked.observed("magnesium_mmol_l"), "magnesium_mmol_l < 0.75", interval_method="beta")
    if what == "total":
        return cs.total(asked, "cramps")
    if what == "ratio":
        return cs.ratio(cs.total(asked, "cramps"), cs.total(asked, "age_years"))
    if what == "standardised":
        by_age = cs.prevalence(survey, "cramps", by=["sex", "age_group"])
        return cs.standardize(by_age, "esp_2013", over="age_group").where(question)
    by_sex = cs.prevalence(asked, "cramps == 1", by=["sex"])
    women, men = by_sex.where("sex == 'female'"), by_sex.where("sex == 'male'")
    if what == "difference":
        return cs.difference(women, men)
    return cs.transform(cs.ratio(women, men), np.log)


@pytest.mark.parametrize(
    "row", EXPECTED.to_dict("records"), ids=lambda row: f"{row['design']}-{row['domain']}-{row['what']}"
)
def test_equals_r(row: dict) -> None:
    estimate = compute(SURVEYS[row["design"]], row["domain"], row["what"])
    limits = estimate.interval() if not np.isnan(row["conf_low"]) else None
    computed = {
        "value": estimate.value[0],
        "std_error": estimate.std_error[0],
        "conf_low": limits.low[0] if limits else None,
        "conf_high": limits.high[0] if limits else None,
        "df": estimate.df[0],
        "n": estimate.n[0],
    }
    compared = 0
    for name, value in computed.items():
        if not np.isnan(row[name]):
            assert value == pytest.approx(row[name], rel=row["tolerance"], abs=0), name
            compared += 1
    assert compared >= 2


def test_tolerances_are_tight() -> None:
    assert (EXPECTED["tolerance"] <= 1e-8).all()
