"""Trials and reviews from print: figure by figure, doubts that the figures themselves raise, and effects from them."""

import numpy as np
import pandas as pd
import pytest

import crampstats as cs
from crampstats.errors import CrampstatsError, SchemaError
from crampstats.reference import trial_reviews, trials
from crampstats.synthesis import (
    TRIAL_SCHEMA,
    correlation_range,
    effect_sizes,
    implied_correlation,
    interval_check,
    missing_figures,
)

TRIALS = trials()
REVIEWS = trial_reviews()
WEEK = "cramps, change from screening"


def one(study: str, outcome: str) -> pd.Series:
    (row,) = [row for _, row in TRIALS.iterrows() if row["study"] == study and row["outcome"].startswith(outcome)]
    return row


# Copied by hand from the abstracts, apart from the package: study, outcome, n, n, mean, SD, mean, SD.
MEANS = [
    ("Roguin Maor 2017", WEEK, 48, 46, -3.41, 4.05, -3.03, 4.53),
    ("Roguin Maor 2017", "cramps, in the weeks", 48, 46, 4.44, 5.66, 5.48, 4.93),
    ("Frusso 1999", "cramps", 42, 42, 11.8, 7.6, 11.1, 7.3),
    ("Nygaard 2008", "cramps", 21, 17, 9.5, 5.1, 7.7, 4.7),
    ("Nygaard 2008", "intensity", 21, 17, 13.2, 6.5, 11.4, 8.5),
    ("Tan 2024", "cramps", 103, 96, 0.96, 1.41, 3.63, 2.20),
    ("Tan 2024", "severity", 103, 96, -2.55, 2.12, -1.24, 1.16),
    ("Tan 2024", "duration", 103, 96, -0.90, 0.88, -0.32, 0.78),
    ("Tapper 2022", "severity", 38, 36, -2.25, 3.61, -0.36, 2.87),
    ("Behringer 2014", "cramp threshold", 10, 10, 33.3, 6.9, 22.3, 3.5),
    ("Behringer 2016", "cramp threshold", 10, 10, 29.8, 8.0, 19.6, 2.8),
]
COUNTS = [
    ("Supakatisant 2015", "cramps", 37, 43, 26, 43, (0.860, 0.605)),
    ("Supakatisant 2015", "intensity", 30, 43, 21, 43, (0.698, 0.488)),
    ("Araújo 2020", "free", 18, 66, 21, 64, (0.272, 0.328)),
    ("Lahore 2017", "free", 45, 100, 26, 100, (0.45, 0.26)),
    ("Roffe 2002", "thought", 36, 46, 25, 46, (0.78, 0.54)),
]


@pytest.mark.parametrize("expected", MEANS, ids=lambda row: f"{row[0]}-{row[1]}")
def test_means_as_printed(expected: tuple) -> None:
    row = one(*expected[:2])
    names = ["n_treated", "n_control", "mean_treated", "sd_treated", "mean_control", "sd_control"]
    assert row[names].tolist() == list(expected[2:])


@pytest.mark.parametrize("expected", COUNTS, ids=lambda row: f"{row[0]}-{row[1]}")
def test_counts_give_the_printed_shares(expected: tuple) -> None:
    row = one(*expected[:2])
    assert row[["events_treated", "n_treated", "events_control", "n_control"]].tolist() == list(expected[2:6])
    shares = row["events_treated"] / row["n_treated"], row["events_control"] / row["n_control"]
    assert shares == pytest.approx(expected[6], abs=6e-3)  # 18 of 66 is printed as 27.2 %, cut and not rounded


@pytest.mark.parametrize(
    ("study", "outcome", "value", "low", "high"),
    [
        ("Hallegraeff 2012", "cramps a night", -1.2, -1.8, -0.6),
        ("Hallegraeff 2012", "severity", -1.3, -1.7, -0.9),
        ("Tan 2024", "cramps", -2.67, -2.86, -2.49),
    ],
)
def test_printed_effects(study: str, outcome: str, value: float, low: float, high: float) -> None:
    assert one(study, outcome)[["value", "low", "high"]].tolist() == [value, low, high]


def test_coppin_has_two_comparisons() -> None:
    rows = TRIALS[TRIALS["study"] == "Coppin 2005"].set_index("treatment")
    assert rows.loc["stretching", ["value", "low", "high"]].tolist() == [1.95, -3.01, 6.90]
    assert rows.loc["stopping quinine", ["value", "low", "high"]].tolist() == [3.45, -1.52, 8.41]


def test_values_are_the_differences_of_the_arms() -> None:
    both = TRIALS[TRIALS["mean_treated"].notna()]
    np.testing.assert_allclose(both["mean_treated"] - both["mean_control"], both["value"], atol=1e-9)
    counted = TRIALS[TRIALS["events_treated"].notna()]
    found = counted["events_treated"] / counted["n_treated"] - counted["events_control"] / counted["n_control"]
    np.testing.assert_allclose(found.astype(float), counted["value"], atol=5e-3)


def test_every_row_is_complete_where_it_has_to_be() -> None:
    whole = ["study", "treatment", "comparison", "population", "people", "design", "outcome", "unit", "where", "source"]
    assert (TRIALS[whole] != "").all(axis=None)
    assert set(TRIALS["population"]) == {"idiopathic", "pregnancy", "cirrhosis", "healthy"}
    assert set(TRIALS["better"]) == {"fewer", "more"}
    assert not TRIALS.duplicated(["study", "treatment", "outcome"]).any()
    assert set(TRIALS["status"]) | set(REVIEWS["status"]) == {"published", "derived"}
    assert TRIAL_SCHEMA.faults(TRIALS.assign(time_treated=np.nan, time_control=np.nan, level=np.nan)) == ()


# review, outcome: trials, n, value, low, high, control
POOLED = {
    ("Cochrane 2020", "cramps a week"): (5, 307, -0.18, -0.84, 0.49, 4.68),
    ("Cochrane 2020", "change from the beginning at 4 weeks"): (3, 177, -9.59, -23.14, 3.97, -28.7),
    ("Cochrane 2020", "cramps fell by a quarter or more"): (3, 177, 1.04, 0.84, 1.29, 0.644),
    ("Cochrane 2012", "cramps a week"): (4, 213, 0.01, -0.52, 0.55, 4.35),
    ("Cochrane 2012", "change from the beginning at 4 weeks"): (2, 83, -3.9, -21.1, 13.3, -27.8),
    ("Cochrane 2012", "cramps fell by a quarter or more"): (2, 83, -0.08, -0.28, 0.12, 0.659),
    ("Cochrane 2015", "cramps in 2 weeks"): (13, 952, -2.45, -3.54, -1.36, 8.8),
    ("Cochrane 2015", "major adverse events"): (18, 1103, 0.015, 0.004, 0.035, 0.014),
    ("Cochrane 2015", "minor adverse events"): (16, 969, 0.127, 0.094, 0.154, 0.094),
}


@pytest.mark.parametrize("key", POOLED)
def test_reviews_as_printed(key: tuple[str, str]) -> None:
    review, outcome = key
    rows = REVIEWS[(REVIEWS["review"] == review) & (REVIEWS["outcome"] == outcome)]
    assert rows[["trials", "n", "value", "low", "high", "control"]].to_numpy().tolist() == [list(POOLED[key])]


def test_quinine_has_benefit_and_harm() -> None:
    quinine = REVIEWS[REVIEWS["treatment"] == "quinine"]
    assert set(quinine["kind"]) == {"benefit", "harm"}


def test_the_trials_of_2020_are_those_of_2012_and_one_more() -> None:
    people = REVIEWS[REVIEWS["outcome"] == "cramps a week"].set_index("review")["n"]
    assert people["Cochrane 2012"] + one("Roguin Maor 2017", WEEK)["n"] == people["Cochrane 2020"]


def test_doubts_are_what_the_figures_say() -> None:
    maor = effect_sizes(TRIALS[TRIALS["outcome"] == WEEK], "mean_difference").iloc[0]
    assert maor["std_error"] == pytest.approx(np.sqrt(4.05**2 / 48 + 4.53**2 / 46), rel=1e-12)
    assert f"{maor['std_error']:.2f}" == "0.89"
    assert "give 0.89" in one("Roguin Maor 2017", WEEK)["doubt"]
    tan = interval_check(TRIALS).set_index("study").loc["Tan 2024"]
    assert (f"{tan['conf_low']:.2f}", f"{tan['conf_high']:.2f}") == ("-3.19", "-2.15")
    assert tan["width_ratio"] == pytest.approx(0.37 / (tan["conf_high"] - tan["conf_low"]), rel=1e-12)
    exact = cs.binomial_interval([21], 64, method="clopper_pearson")
    assert [f"{100 * end[0]:.1f}" for end in (exact.low, exact.high)] == ["21.6", "45.7"]
    araujo = effect_sizes(TRIALS[TRIALS["study"] == "Araújo 2020"], "odds_ratio")["estimate"][0]
    assert f"{np.exp(-araujo):.1f}" == "1.3"
    assert f"{100 * 39 / 132:.1f}" == "29.5"
    assert 74 + 28 + 13 + 9 == 124


# Worked by hand.
ARMS = pd.DataFrame(
    {
        "study": ["A"], "n_treated": [25], "n_control": [16], "mean_treated": [4.0], "sd_treated": [5.0],
        "mean_control": [6.0], "sd_control": [4.0], "window_weeks": [2.0],
    }
)  # fmt: skip


def test_difference_and_ratio_of_means_by_hand() -> None:
    found = effect_sizes(ARMS, "mean_difference").iloc[0]
    assert (found["estimate"], found["std_error"]) == pytest.approx((-2.0, np.sqrt(25 / 25 + 16 / 16)), rel=1e-14)
    week = effect_sizes(ARMS, "mean_difference", per="week").iloc[0]
    assert (week["estimate"], week["std_error"]) == pytest.approx((-1.0, np.sqrt(2) / 2), rel=1e-14)
    ratio = effect_sizes(ARMS, "ratio_of_means").iloc[0]
    expected = np.log(4 / 6), np.sqrt((5 / 4) ** 2 / 25 + (4 / 6) ** 2 / 16)
    assert (ratio["estimate"], ratio["std_error"]) == pytest.approx(expected, rel=1e-14)
    assert (ratio["scale"], ratio["n"]) == ("log", 41)


def test_paired_means_by_hand() -> None:
    crossed = ARMS.assign(design="cross-over", n_treated=16)
    found = effect_sizes(crossed, "mean_difference", correlation=0.5).iloc[0]
    assert found["std_error"] == pytest.approx(np.sqrt((25 + 16 - 2 * 0.5 * 20) / 16), rel=1e-14)
    assert found["n"] == 16
    assert "correlation 0.5 assumed" in found["computation"]
    table = correlation_range(crossed, "mean_difference", correlations=(0.0, 0.5))
    np.testing.assert_allclose(table["std_error"], np.sqrt(np.array([41, 21]) / 16), rtol=1e-14)
    ratio = effect_sizes(crossed, "ratio_of_means", correlation=0.5).iloc[0]
    assert ratio["std_error"] == pytest.approx(np.sqrt((1.25**2 + (2 / 3) ** 2 - 1.25 * 2 / 3) / 16), rel=1e-14)


def test_the_correlation_that_a_p_value_implies_gives_it_back() -> None:
    frusso = TRIALS[TRIALS["study"] == "Frusso 1999"]
    implied = implied_correlation(frusso)
    assert f"{implied.loc[0, 'correlation']:.2f}" == "0.37"
    given = effect_sizes(frusso, "mean_difference", using="arms", correlation=float(implied.loc[0, "correlation"]))
    assert given["std_error"][0] == pytest.approx(effect_sizes(frusso, "mean_difference")["std_error"][0], rel=1e-12)
    assert implied.loc[0, "note"] == ""
    assert implied_correlation(frusso.assign(p=0.99)).loc[0, "note"] == "the printed figures contradict each other"


def test_printed_intervals_and_p_values_give_the_error_back() -> None:
    arms = effect_sizes(ARMS, "mean_difference").iloc[0]
    reach = 2.02269092003676 * arms["std_error"]  # qt(0.975, 39)
    printed = pd.DataFrame({"study": ["A"], "value": [-2.0], "low": [-2 - reach], "high": [-2 + reach], "n": [41]})
    found = effect_sizes(printed, "mean_difference").iloc[0]
    assert (found["estimate"], found["std_error"]) == pytest.approx((-2.0, arms["std_error"]), rel=1e-12)
    assert found["computation"] == "printed effect and 95 % interval (t with 39 df)"
    p = pd.DataFrame({"study": ["A"], "value": [0.5], "p": [0.05]})
    ratio = effect_sizes(p, "risk_ratio").iloc[0]
    assert ratio["std_error"] == pytest.approx(np.log(2) / 1.959963984540054, rel=1e-12)
    level = pd.DataFrame({"study": ["A"], "value": [2.0], "low": [1.0], "high": [4.0], "level": [0.9]})
    odds = effect_sizes(level, "odds_ratio").iloc[0]
    assert (odds["estimate"], odds["std_error"]) == pytest.approx(
        (np.log(2), np.log(2) / 1.6448536269514722), rel=1e-12
    )


def test_arms_come_before_the_interval_and_it_before_p() -> None:
    everything = ARMS.assign(value=-2.0, low=-3.0, high=-1.0, p=0.01)
    told = [
        effect_sizes(everything, "mean_difference", using=way)["computation"][0] for way in ("arms", "interval", "p")
    ]
    assert [text.split(" ")[0] for text in told] == ["means", "printed", "printed"]
    assert effect_sizes(everything, "mean_difference")["computation"][0] == told[0]
    assert effect_sizes(everything.drop(columns="sd_control"), "mean_difference")["computation"][0] == told[1]


def test_an_empty_cell_is_filled_and_told() -> None:
    counts = pd.DataFrame(
        {"study": ["A"], "events_treated": [0], "n_treated": [20], "events_control": [4], "n_control": [20]}
    )
    ratio = effect_sizes(counts, "odds_ratio").iloc[0]
    assert ratio["estimate"] == pytest.approx(np.log(0.5 * 16.5 / (20.5 * 4.5)), rel=1e-14)
    assert "1/2 added" in ratio["computation"]
    risk = effect_sizes(counts, "risk_difference").iloc[0]
    assert (risk["estimate"], risk["std_error"]) == pytest.approx((-0.2, np.sqrt(0.2 * 0.8 / 20)), rel=1e-14)
    assert "1/2" not in risk["computation"]


def test_what_lacks_is_told_for_every_trial_at_once() -> None:
    weekly = TRIALS[
        TRIALS["study"].isin(["Barna 2021", "Dahle 1995", "Roguin Maor 2017"]) & (TRIALS["unit"] == "cramps")
    ]
    lacking = missing_figures(weekly, "mean_difference", per="week")
    assert lacking["study"].tolist() == ["Barna 2021", "Dahle 1995"]
    assert lacking["lacks"][0] == "window_weeks"
    assert "sd_treated" in lacking["lacks"][1]
    with pytest.raises(SchemaError, match="some trials lack figures") as raised:
        effect_sizes(weekly, "mean_difference", per="week")
    assert len(raised.value.faults) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sd_treated": -1.0}, "sd_treated: outside the plausible range"),
        ({"n_treated": 0}, "n_treated: outside the plausible range"),
        ({"events_treated": 30}, "events_treated: more than n_treated"),
        ({"low": 2.0, "high": 1.0}, "low: above high"),
        ({"p": 0.0}, "p: 0"),
        ({"p": 1.5}, "p: outside the plausible range"),
        ({"window_weeks": 0.0}, "window_weeks: no time"),
        ({"level": 1.0}, "level: no confidence"),
        ({"study": None}, "study: missing"),
        ({"mean_treated": "4"}, "mean_treated: a number written as text"),
    ],
)
def test_faults_of_ones_own_table(changes: dict, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        effect_sizes(ARMS.assign(**changes), "mean_difference")


def test_all_faults_are_reported_together() -> None:
    with pytest.raises(SchemaError) as raised:
        effect_sizes(ARMS.assign(sd_treated=-1.0, sd_control=-2.0, p=7.0), "mean_difference")
    assert {fault.column for fault in raised.value.faults} == {"sd_treated", "sd_control", "p"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"measure": "smd"}, "measure='smd' is unknown: choose from mean_difference"),
        ({"measure": "mean_difference", "using": "guess"}, "using='guess' is unknown: choose from arms, interval, p"),
        ({"measure": "mean_difference", "per": "day"}, "per='day' is unknown: choose from as_printed, week"),
        ({"measure": "mean_difference", "correlation": 1.0}, "correlation=1.0 has to be a number between -1 and 1"),
        ({"measure": "risk_ratio", "per": "week"}, "per='week' is for measure='mean_difference'"),
    ],
)
def test_options_that_are_none(options: dict, message: str) -> None:
    with pytest.raises(CrampstatsError, match=message):
        effect_sizes(ARMS, **options)


def test_pairs_are_not_taken_for_two_groups() -> None:
    roffe = TRIALS[TRIALS["outcome"] == "thought that the treatment had helped"]
    assert "counts of pairs" in missing_figures(roffe.assign(p=np.nan), "risk_difference")["lacks"][0]
    assert effect_sizes(roffe, "risk_difference")["computation"][0].startswith("printed effect and P")
