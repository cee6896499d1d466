"""Effects on published data against R's marginaleffects, epiR, EValue, where their results are at hand (`CRAMPSTATS_GOLDEN`)."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from places import folder_of
from scipy import special

import crampstats as cs
from crampstats.effects import attributable_fraction, contrast, doubly_robust, e_value, marginal_effect

FOLDER = folder_of("CRAMPSTATS_GOLDEN", "shared/golden")
if FOLDER is None:
    pytest.skip("no reference results", allow_module_level=True)
MARGINS = pd.read_csv(FOLDER / "golden_margins.csv").set_index(["model", "what"])
TABLE = pd.DataFrame({"ill": [1, 1, 0, 0], "exposed": [1, 0, 1, 0], "n": [40, 25, 60, 175]})
COHORT = pd.read_csv(FOLDER / "golden_epi2by2_a40_b60_c25_d175.csv").set_index("measure")
NORMAL = special.ndtri(0.975)


def margins(model: str, what: str) -> pd.DataFrame:
    return MARGINS.loc[[(model, what)]].set_index("term")


@cache
def birthweight() -> cs.Survey:
    return cs.Survey(pd.read_csv(FOLDER / "birthwt.csv"))


@cache
def model(family: str = "binomial") -> cs.Model:
    return cs.fit(birthweight(), "low ~ age + lwt + smoke + C(race) + ht + ui", family=family)


def test_averaged_comparisons() -> None:
    for measure, what, scale in (
        ("difference", "difference", lambda x: x),
        ("ratio", "ratioavg", lambda x: x),
        ("ratio", "lnratioavg", np.log),
        ("odds_ratio", "lnoravg", np.log),
    ):
        expected = margins("logit", f"avg_comparisons_{what}")["est"].iloc[0]
        assert scale(contrast(model(), "smoke", measure=measure).value[0]) == pytest.approx(expected, rel=1e-8)
    among = contrast(model(), "smoke", among="smoke == 1").value[0]
    assert among == pytest.approx(margins("logit", "avg_comparisons_att")["est"].iloc[0], rel=1e-8)
    races = marginal_effect(model(), "race").value.tolist()
    assert races == pytest.approx(margins("logit", "avg_comparisons_difference_race")["est"].tolist(), rel=1e-8)


def test_averaged_slopes() -> None:
    slopes = margins("logit", "avg_slopes")["est"]
    # marginaleffects' slopes are forward differences of one step: good to 1e-5 of themselves.
    for column in ("age", "lwt"):
        assert marginal_effect(model(), column).value[0] == pytest.approx(slopes[f"{column} dY/dX  "], rel=1e-5)
    for column in ("smoke", "ht", "ui"):
        assert marginal_effect(model(), column).value[0] == pytest.approx(slopes[f"{column} 1 - 0  "], rel=1e-8)


def test_averaged_predictions_by_race() -> None:
    observed = margins("logit", "avg_predictions_by_race")["est"].tolist()
    means = cs.g_formula(model(), {"smoke": "smoke"}, by=["race"])
    assert means.value.tolist() == pytest.approx(observed, rel=1e-8)


@pytest.mark.parametrize("ratio", [False, True])
def test_errors_with_the_covariates_as_given(ratio: bool) -> None:
    # marginaleffects takes the women of the sample as given. Without what their sampling adds, our errors are its
    # sandwich's, but for n / (n - 1).
    data = birthweight().data
    means, slopes = zip(*(model().means_at(data.assign(smoke=value)) for value in (1, 0)), strict=True)
    (first, second), (up, down) = (tuple(each.mean(axis=0) for each in pair) for pair in (means, slopes))
    slope = up / first - down / second if ratio else up - down
    given = np.sqrt(slope @ model().coefficients.covariance @ slope)
    expected = margins("logit", f"avg_comparisons_{'lnratioavg' if ratio else 'difference'}_HC0")["se"].iloc[0]
    assert given == pytest.approx(expected * np.sqrt(189 / 188), rel=1e-6)  # R's slopes are numerical
    whole = contrast(model(), "smoke", measure="ratio" if ratio else "difference")
    found = whole.std_error[0] / (whole.value[0] if ratio else 1)
    assert found == pytest.approx(given, rel=0.02)
    assert abs(found / given - 1) > 1e-4


def test_a_survey() -> None:
    data = pd.read_csv(FOLDER / "nhanes.csv").rename(columns={"HI_CHOL": "high"})
    data["female"] = (data["RIAGENDR"] == 2).astype(int)
    survey = cs.Survey(data, weight="WTMEC2YR", stratum="SDMVSTRA", cluster="SDMVPSU", cluster_labels="nested")
    fitted = cs.fit(survey.observed("high"), "high ~ female + agecat + C(race)", family="binomial")
    # svyglm stops early: its coefficients are 1e-8 off.
    expected = margins("nhanes_svyglm", "svyglm_avg_comparisons_lnratioavg")["est"].iloc[0]
    assert np.log(contrast(fitted, "female", measure="ratio").value[0]) == pytest.approx(expected, rel=1e-7)


@cache
def cohort() -> cs.Model:
    return cs.fit(cs.Survey(TABLE, count="n"), "ill ~ exposed", family="binomial")


@pytest.mark.parametrize(
    ("measure", "name"),
    [("ratio", "PR.strata.wald"), ("odds_ratio", "OR.strata.wald"), ("difference", "ARisk.strata.wald")],
)
def test_a_table_of_300_people(measure: str, name: str) -> None:
    row = COHORT.loc[name]
    found = contrast(cohort(), "exposed", measure=measure)
    assert found.value[0] == pytest.approx(row["est"], rel=1e-9)
    # epiR's Wald limits are normal and of binomial counts; ours differ by n / (n - 1), and their quantile is t's.
    log = measure != "difference"
    width = np.log(row["hi"] / row["lo"]) if log else row["hi"] - row["lo"]
    expected = width / (2 * NORMAL) * np.sqrt(300 / 299) * (row["est"] if log else 1)
    assert found.std_error[0] == pytest.approx(expected, rel=1e-8)


def test_attributable_shares_of_a_table() -> None:
    share = attributable_fraction(cohort(), {"exposed": 0})
    assert share.estimate.value[0] == pytest.approx(COHORT.loc["PAFRisk.strata.wald", "est"], rel=1e-9)
    excess = cs.difference(share.observed, cs.g_formula(cohort(), {"exposed": 0}))
    assert excess.value[0] == pytest.approx(COHORT.loc["PARisk.strata.wald", "est"], rel=1e-9)
    among = attributable_fraction(cohort(), {"exposed": 0}, among="exposed == 1")
    # epiR makes the limits of shares from odds of them, which is another estimator; ours are tested by hand.
    assert among.estimate.value[0] == pytest.approx(COHORT.loc["AFRisk.strata.wald", "est"], rel=1e-9)


def test_a_doubly_robust_estimate_of_a_table_is_the_table() -> None:
    survey = cohort().survey
    robust = doubly_robust(cohort(), "exposed", covariates="1", measure="ratio").estimate
    crude = contrast(cohort(), "exposed", measure="ratio")
    np.testing.assert_allclose([robust.value, robust.std_error], [crude.value, crude.std_error], rtol=1e-9)
    assert survey.people == 300


EVALUES = pd.read_csv(FOLDER / "golden_evalues.csv")


@pytest.mark.parametrize("row", EVALUES.to_dict("records"), ids=lambda row: f"{row['type']}-{row['est']}")
def test_e_values(row: dict) -> None:
    kind = {"RR": ("risk_ratio", None), "OR_rareTRUE": ("odds_ratio", "rare"), "OR_rareFALSE": ("odds_ratio", "common")}
    measure, outcome = kind[row["type"]]
    found = e_value(row["est"], low=row["lo"], high=row["hi"], measure=measure, outcome=outcome)
    limit = row["ev_lo"] if row["est"] > 1 else row["ev_hi"]
    assert [found.point[0], found.limit[0]] == pytest.approx([row["ev_point"], limit], rel=1e-12)
