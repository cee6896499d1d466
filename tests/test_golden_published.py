"""Published data sets against R's `survey`, where the reference results are at hand (`CRAMPSTATS_GOLDEN`)."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from places import folder_of

import crampstats as cs
from crampstats import intervals
from crampstats.quantiles import quantile
from crampstats.reference import AgeBand, Sourced, StandardPopulation

FOLDER = folder_of("CRAMPSTATS_GOLDEN", "shared/golden")
METHODS = {
    "beta": "beta",
    "xlogit": "logit",
    "logit": "logit",
    "mean": "wald",
    "asin": "arcsine",
    "wilson": "wilson",
    "likelihood": "likelihood",
}
BLOCKS = {
    "nhanes_subset",
    "nhanes_narm",
    "nhanes_domain",
    "nhanes_sparse",
    "nhanes_subset_level0.9",
    "nhanes_subset_level0.99",
    "nhanes_std20plus_sex",
    "apistrat",
    "apistrat_domain",
    "apistrat_nofpc",
    "apistrat_nofpc_domain",
}
US_2000 = "us_2000"


def rows(chosen: pd.DataFrame) -> list:
    return [
        pytest.param(row, id="-".join(str(row[name]) for name in ("block", "stat", "term")))
        for row in chosen.to_dict("records")
    ]


if FOLDER is None:
    pytest.skip("no reference results", allow_module_level=True)
GOLDEN = pd.read_csv(FOLDER / "golden_survey.csv")
GOLDEN["method"] = GOLDEN["stat"].str.removeprefix("ciprop_")
INTERVALS = GOLDEN[
    GOLDEN["stat"].str.startswith("ciprop_") & GOLDEN["method"].isin(METHODS) & GOLDEN["block"].isin(BLOCKS)
]


@cache
def nhanes() -> cs.Survey:
    data = pd.read_csv(FOLDER / "nhanes.csv").rename(columns={"HI_CHOL": "high", "RIAGENDR": "sex"})
    data["age_group"] = data["agecat"].map(
        {"(0,19]": "0-19", "(19,39]": "20-39", "(39,59]": "40-59", "(59,Inf]": "60+"}
    )
    data["agecat"] = data["agecat"].astype(str)
    return cs.Survey(data, weight="WTMEC2YR", stratum="SDMVSTRA", cluster="SDMVPSU", cluster_labels="nested")


@cache
def apistrat(*, corrected: bool) -> cs.Survey:
    data = pd.read_csv(FOLDER / "apistrat.csv").rename(columns={"sch.wide": "met", "api.stu": "students"})
    return cs.Survey(data, weight="pw", stratum="stype", population_size="fpc" if corrected else None)


def domain_of(term: str) -> str:
    """Write R's name of a domain as a question."""
    conditions = []
    for part in term.split(";"):
        name, value = part.split("=", 1)
        shown = value if value.isdigit() else repr(value)
        conditions.append(f"{ {'RIAGENDR': 'sex'}.get(name, name) } == {shown}")
    return " and ".join(conditions)


def proportion(row: dict) -> cs.Estimate:
    block, method = row["block"], METHODS[row["method"]]
    if block.startswith("apistrat"):
        asked = apistrat(corrected="nofpc" not in block)
        asked = asked.where(domain_of(row["term"])) if "domain" in block else asked
        return cs.prevalence(asked, "met == 'Yes'", interval_method=method)
    asked = nhanes().observed("high")
    if block == "nhanes_std20plus_sex":
        by_age = cs.prevalence(
            asked.where("age_group != '0-19'"), "high == 1", by=["sex", "age_group"], interval_method=method
        )
        return cs.standardize(by_age, US_2000, over="age_group").where(domain_of(row["term"]))
    if block in {"nhanes_domain", "nhanes_sparse"}:
        asked = asked.where(domain_of(row["term"]))
    return cs.prevalence(asked, "high == 1", interval_method=method)


@pytest.mark.parametrize("row", rows(INTERVALS))
def test_proportions_and_intervals(row: dict) -> None:
    level = float(row["block"].partition("level")[2] or 0.95)
    # R's "logit" and "likelihood" fit a regression and stop it early; the profile of the latter is interpolated.
    tolerance = 5e-8 if row["method"] in {"logit", "likelihood"} else 1e-8
    estimate = proportion(row)
    assert estimate.value[0] == pytest.approx(row["value"], rel=tolerance)
    assert estimate.std_error[0] == pytest.approx(row["se"], rel=tolerance)
    assert estimate.df[0] == row["df"]
    # R counts rows without an answer, and both sexes, as people of the domain; with its n the limits are its limits.
    counts_others = row["block"] in {"nhanes_narm", "nhanes_std20plus_sex"}
    n = np.array([row["n"]])
    assert counts_others or estimate.n[0] == row["n"]
    limits = intervals.interval(METHODS[row["method"]], estimate.value, estimate.std_error, n, estimate.df, level=level)
    tolerance = 1e-3 if row["method"] == "likelihood" else tolerance
    assert limits.low[0] == pytest.approx(row["lo"], rel=tolerance)
    assert limits.high[0] == pytest.approx(row["hi"], rel=tolerance)


BINOMIAL = pd.read_csv(FOLDER / "golden_binom_ci.csv")
BINOMIAL_METHODS = {
    "clopper_pearson": "clopper_pearson",
    "midp_root": "mid_p",
    "jeffreys_bcd2001": "jeffreys",
    "agresti_coull": "agresti_coull",
    "wilson": "wilson",
    "wald": "wald",
}


@pytest.mark.parametrize("level", sorted(BINOMIAL["level"].unique()))
@pytest.mark.parametrize("method", BINOMIAL_METHODS)
def test_intervals_of_counts(method: str, level: float) -> None:
    chosen = BINOMIAL[(BINOMIAL["method"] == method) & (BINOMIAL["level"] == level)]
    assert len(chosen) == 41
    limits = intervals.binomial_interval(chosen["x"], chosen["n"], method=BINOMIAL_METHODS[method], level=level)
    # R's Wilson limit at 0 of n is what rounding leaves of 0.
    np.testing.assert_allclose(limits.low, chosen["lo"], rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(limits.high, chosen["hi"], rtol=1e-9)


@pytest.mark.parametrize("method", ["clopper_pearson", "midp_root", "jeffreys_bcd2001", "agresti_coull"])
@pytest.mark.parametrize("n", [5, 30, 100])
def test_intervals_of_counts_from_a_simple_random_sample(method: str, n: int) -> None:
    chosen = BINOMIAL[(BINOMIAL["method"] == method) & (BINOMIAL["level"] == 0.95) & (BINOMIAL["n"] == n)]
    assert {0, n} <= set(chosen["x"])
    for row in chosen.itertuples():
        people = cs.Survey(pd.DataFrame({"low": np.arange(n) < row.x}))
        limits = cs.prevalence(people, "low", interval_method=BINOMIAL_METHODS[method]).interval()
        assert (limits.low[0], limits.high[0]) == pytest.approx((row.lo, row.hi), rel=1e-9, abs=1e-15)


QUANTILES = GOLDEN[GOLDEN["stat"].str.startswith("svyquantile_") & GOLDEN["stat"].ne("svyquantile_score")]


@pytest.mark.parametrize("row", rows(QUANTILES))
def test_quantiles(row: dict) -> None:
    survey = apistrat(corrected="nofpc" not in row["block"])
    method = METHODS[row["stat"].removeprefix("svyquantile_")]
    found = quantile(survey, "api00", float(row["term"]), interval_method=method).to_frame().iloc[0]
    assert found["estimate"] == pytest.approx(row["value"], rel=1e-8)
    assert found["std_error"] == pytest.approx(row["se"], rel=1e-8)
    assert (found["conf_low"], found["conf_high"]) == pytest.approx((row["lo"], row["hi"]), rel=1e-8)


MEANS = GOLDEN[GOLDEN["stat"].isin(["svymean", "svytotal"]) & GOLDEN["block"].isin(["apistrat", "apistrat_nofpc"])]


@pytest.mark.parametrize("row", rows(MEANS))
def test_means_and_totals(row: dict) -> None:
    survey = apistrat(corrected="nofpc" not in row["block"])
    estimator = cs.mean if row["stat"] == "svymean" else cs.total
    estimate = estimator(survey, {"api.stu": "students"}.get(row["term"], row["term"]))
    assert estimate.value[0] == pytest.approx(row["value"], rel=1e-8)
    assert estimate.std_error[0] == pytest.approx(row["se"], rel=1e-8)
    if not np.isnan(row["lo"]):
        limits = estimate.interval()
        assert (limits.low[0], limits.high[0]) == pytest.approx((row["lo"], row["hi"]), rel=1e-8)


@pytest.mark.parametrize(
    "row", rows(GOLDEN[GOLDEN["stat"].eq("svyratio") & GOLDEN["block"].isin(["apistrat", "apistrat_nofpc"])])
)
def test_ratios(row: dict) -> None:
    survey = apistrat(corrected="nofpc" not in row["block"])
    estimate = cs.ratio(cs.total(survey, "students"), cs.total(survey, "enroll"))
    assert estimate.value[0] == pytest.approx(row["value"], rel=1e-8)
    assert estimate.std_error[0] == pytest.approx(row["se"], rel=1e-8)


def test_total_and_degrees_of_freedom_of_nhanes() -> None:
    expected = GOLDEN[GOLDEN["block"] == "nhanes"].set_index(["stat", "term"])
    asked = nhanes().observed("high")
    total = cs.total(asked, "high")
    assert total.value[0] == pytest.approx(expected.loc[("svytotal", "HI_CHOL"), "value"], rel=1e-8)
    assert total.std_error[0] == pytest.approx(expected.loc[("svytotal", "HI_CHOL"), "se"], rel=1e-8)
    assert nhanes().degrees_of_freedom == expected.loc[("degf", "full"), "value"]
    assert asked.degrees_of_freedom == expected.loc[("degf", "HI_CHOL_nonmissing"), "value"]


def test_t_interval_of_a_mean_of_nhanes() -> None:
    expected = GOLDEN[GOLDEN["stat"] == "svymean_t"].iloc[0]
    estimate = cs.mean(nhanes().observed("high"), "high")
    limits = estimate.interval()
    assert (limits.low[0], limits.high[0]) == pytest.approx((expected["lo"], expected["hi"]), rel=1e-8)


def test_contrasts_of_nhanes() -> None:
    expected = GOLDEN[GOLDEN["block"] == "nhanes"].set_index("stat")
    by_sex = cs.prevalence(nhanes().observed("high"), "high == 1", by=["sex"])
    men, women = by_sex.where("sex == 1"), by_sex.where("sex == 2")
    gap, log_ratio = cs.difference(men, women), cs.transform(cs.ratio(men, women), np.log)
    for estimate, stat in ((gap, "contrast_RD"), (log_ratio, "contrast_logRR")):
        assert estimate.value[0] == pytest.approx(expected.loc[stat, "value"], rel=1e-8)
        assert estimate.std_error[0] == pytest.approx(expected.loc[stat, "se"], rel=1e-8)


def test_all_domains_and_their_covariance() -> None:
    by = cs.mean(nhanes().observed("high"), "high", by=["agecat", "sex"])
    terms = [f"{row.sex}.{row.agecat}" for row in by.labels.itertuples()]
    expected = GOLDEN[GOLDEN["block"] == "nhanes_svyby"].set_index("term").loc[terms]
    np.testing.assert_allclose(by.value, expected["value"], rtol=1e-8)
    np.testing.assert_allclose(by.std_error, expected["se"], rtol=1e-8)
    covariance = pd.read_csv(FOLDER / "nhanes_svyby_vcov.csv").set_index("term").loc[terms]
    columns = [
        covariance.columns[list(pd.read_csv(FOLDER / "nhanes_svyby_vcov.csv")["term"]).index(term)] for term in terms
    ]
    np.testing.assert_allclose(by.covariance, covariance[columns], rtol=1e-8, atol=1e-20)


STANDARDISED = GOLDEN[GOLDEN["block"].isin(["nhanes_std20plus_race_sex"])]


@pytest.mark.parametrize("row", rows(STANDARDISED))
def test_standardised(row: dict) -> None:
    race, sex = row["term"].split(".")
    adults = nhanes().observed("high").where("age_group != '0-19'")
    by = cs.prevalence(adults, "high == 1", by=["race", "sex", "age_group"])
    estimate = cs.standardize(by, US_2000, over="age_group").where(f"race == {race} and sex == {sex}")
    assert estimate.value[0] == pytest.approx(row["value"], rel=1e-8)
    assert estimate.std_error[0] == pytest.approx(row["se"], rel=1e-8)


FOUR_GROUPS = StandardPopulation(
    "us_2000 in four groups",
    tuple(
        AgeBand(low, high, Sourced(people, "thousand people", "klein2001"))
        for low, high, people in ((0, 19, 55901), (20, 39, 77670), (40, 59, 72816), (60, np.inf, 45364))
    ),
)


@pytest.mark.parametrize(
    "row",
    rows(GOLDEN[GOLDEN["block"].isin(["nhanes_std20plus_sex", "nhanes_std_all_sex"]) & GOLDEN["stat"].eq("svymean")]),
)
def test_standardised_by_sex(row: dict) -> None:
    adults = "20plus" in row["block"]
    asked = nhanes().observed("high").where("age_group != '0-19'" if adults else "age_group == age_group")
    by = cs.prevalence(asked, "high == 1", by=["sex", "age_group"])
    estimate = cs.standardize(by, US_2000 if adults else FOUR_GROUPS, over="age_group")
    estimate = estimate.where(f"sex == {row['term'].removeprefix('RIAGENDR=')}")
    assert estimate.value[0] == pytest.approx(row["value"], rel=1e-8)
    assert estimate.std_error[0] == pytest.approx(row["se"], rel=1e-8)


LONELY = GOLDEN[
    (GOLDEN["block"].eq("nhanes_lonely") & GOLDEN["stat"].ne("remove"))
    | (
        GOLDEN["block"].eq("nhanes_lonely_domain")
        & GOLDEN["stat"].isin(["certainty_adjdomFALSE", "adjust_adjdomFALSE", "average_adjdomFALSE"])
    )
]


@pytest.mark.parametrize("row", rows(LONELY))
def test_strata_of_one_cluster(row: dict) -> None:
    rule = row["stat"].split("_")[0]
    data = nhanes().data
    first = sorted(data["SDMVSTRA"].unique())[:2]
    names = {
        "weight": "WTMEC2YR",
        "stratum": "SDMVSTRA",
        "cluster": "SDMVPSU",
        "cluster_labels": "nested",
        "lonely": rule,
    }
    if row["block"] == "nhanes_lonely":
        data = data[~(data["SDMVSTRA"].isin(first) & (data["SDMVPSU"] == 2)) & data["high"].notna()]
        survey = cs.Survey(data, **names)
    else:
        survey = (
            cs.Survey(data, **names)
            .observed("high")
            .where(f"not (SDMVSTRA in {[int(s) for s in first]} and SDMVPSU == 2)")
        )
    estimate = {"mean": cs.mean, "total": cs.total}[row["term"]](survey, "high")
    assert estimate.value[0] == pytest.approx(row["value"], rel=1e-8)
    assert estimate.std_error[0] == pytest.approx(row["se"], rel=1e-8)
    assert (estimate.df[0], estimate.n[0]) == (row["df"], row["n"])
