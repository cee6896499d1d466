"""Sizes, power and precision: against R, by hand, and what has to hold between them.

tests/golden/planning.R made the expected values.
"""

import math
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

import crampstats as cs
from crampstats.errors import CrampstatsError, SchemaError
from crampstats.planning import (
    GammaRates,
    MeanComparison,
    ProportionComparison,
    RateComparison,
    conditional_power,
    design_effect,
    power_of,
    precision_of_prevalence,
    regression_to_the_mean,
    size_for,
    size_for_prevalence,
)

EXPECTED = pd.read_csv(Path(__file__).parent / "golden" / "planning_expected.csv", keep_default_na=False)
NUMBERS = [*"abcdef", "value", "tolerance"]
EXPECTED[NUMBERS] = EXPECTED[NUMBERS].apply(pd.to_numeric)


def size_of_proportions(row: dict) -> float:
    comparison = ProportionComparison(control=row["a"], treated=row["b"], level=row["d"], sides=row["choice"])
    return size_for(comparison, power=row["c"]).exact[0]


def power_of_proportions(row: dict) -> float:
    return power_of(ProportionComparison(control=row["a"], treated=row["b"], sides=row["choice"]), 2 * row["c"])


def size_of_means(row: dict, **design: object) -> float:
    comparison = MeanComparison(difference=row["a"], sd=row["b"], level=row["d"], sides=row["choice"], **design)
    return size_for(comparison, power=row["c"]).exact[0]


def power_of_means(row: dict) -> float:
    return power_of(MeanComparison(difference=row["a"], sd=row["b"], sides=row["choice"]), 2 * row["c"])


def size_of_prevalence(row: dict) -> float:
    clusters = {} if math.isnan(row["d"]) else {"icc": row["d"], "cluster_size": row["e"], "strata": int(row["f"])}
    method = "wald" if clusters else "korn_graubard"
    options = {"half_width": row["b"], "level": row["c"], "interval_method": method}
    return size_for_prevalence(row["a"], **options, **clusters).exact[0]


def power_of_further_trials(row: dict, of: str) -> float:
    effect = None if math.isnan(row["e"]) else row["e"]
    options = {"tau2": row["c"], "sd": row["d"] / 2 * 10, "sizes": [100], "effect": effect, "trials": int(row["f"])}
    return conditional_power(row["a"], row["b"], **options).power(100, of=of)


def regressed(row: dict) -> float:
    rates = GammaRates(mean=row["a"], shape=row["b"])
    options = {"weeks": row["c"], "at_least": int(row["d"]), "weeks_after": row["e"], "response": row["f"]}
    return getattr(regression_to_the_mean(rates, **options), row["choice"])


FOUND = {
    "proportions size": size_of_proportions,
    "proportions power": power_of_proportions,
    "parallel size": size_of_means,
    "paired size": lambda row: size_of_means(row, design="paired", correlation=0.5),
    "parallel power": power_of_means,
    "korn_graubard size": size_of_prevalence,
    "clustered size": size_of_prevalence,
    "trial power": lambda row: power_of_further_trials(row, "trial"),
    "update power": lambda row: power_of_further_trials(row, "update"),
    "regression to the mean": regressed,
}


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=f"{row['what']}-{i}") for i, row in enumerate(EXPECTED.to_dict("records"))]
)
def test_equals_r(row: dict) -> None:
    assert FOUND[row["what"]](row) == pytest.approx(row["value"], rel=row["tolerance"], abs=1e-12)


def test_the_expected_values_hold_what_they_are_to_test() -> None:
    assert set(EXPECTED["what"]) == set(FOUND)
    assert (EXPECTED["tolerance"] <= 1e-8).all()


# ---- prevalence ---------------------------------------------------------------------------------------------------------


def test_a_prevalence_by_hand() -> None:
    # 1.96² 0.1 0.9 / 0.02² = 864.3
    size = size_for_prevalence(0.1, half_width=0.02)
    assert_allclose(size.exact, [stats.norm.ppf(0.975) ** 2 * 0.09 / 0.02**2])
    assert (size.n, size.groups, size.clusters) == (865, (865,), None)
    assert size.reached == precision_of_prevalence(0.1, 865).half_width <= 0.02
    assert precision_of_prevalence(0.1, 864).half_width > 0.02


def test_a_small_population_needs_fewer_people() -> None:
    infinite = size_for_prevalence(0.1, half_width=0.02).exact[0]
    for population in (300, 1000, 100_000):
        finite = size_for_prevalence(0.1, half_width=0.02, population=population)
        assert_allclose(finite.exact, [infinite / (1 + (infinite - 1) / population)])
        assert finite.n < population
    assert precision_of_prevalence(0.1, 300, population=300).half_width == 0


def test_the_errors_of_a_test_remain_when_everybody_is_asked() -> None:
    # 0.1 of people, half of them found, nobody wrongly: 0.5 * 0.5 * 0.1 / 0.25 of variance for each person.
    left = precision_of_prevalence(0.1, 300, population=300, sensitivity=0.5)
    assert_allclose(left.std_error, math.sqrt(0.1 * 0.25 / 0.25 / 300))
    with pytest.raises(CrampstatsError, match=r"half_width=0\.02 is not reached by any survey of 300 people"):
        size_for_prevalence(0.1, half_width=0.02, population=300, sensitivity=0.5)
    # Without a finite population it is the variance of the apparent prevalence over Youden's index squared.
    apparent = 0.1 * 0.9 + 0.9 * 0.05
    known = precision_of_prevalence(0.1, 500, sensitivity=0.9, specificity=0.95)
    assert_allclose(known.std_error, math.sqrt(apparent * (1 - apparent) / 500) / 0.85)


def test_clusters_are_whole_and_cost_degrees_of_freedom() -> None:
    size = size_for_prevalence(0.1, half_width=0.02, icc=0.05, cluster_size=20)
    assert size.n == 20 * size.clusters[0]
    multiplied = size_for_prevalence(0.1, half_width=0.02, design_effect=1.95)
    assert (
        size.exact[0] > multiplied.exact[0] == pytest.approx(1.95 * size_for_prevalence(0.1, half_width=0.02).exact[0])
    )
    few = precision_of_prevalence(0.1, 60, icc=0.05, cluster_size=20)
    assert_allclose(few.half_width, stats.t.ppf(0.975, 2) * few.std_error)


def test_who_does_not_answer_is_asked_in_addition() -> None:
    assert size_for_prevalence(0.1, half_width=0.02, response=0.6).n == math.ceil(865 / 0.6)


def test_the_interval_is_the_one_that_a_survey_of_these_people_gets() -> None:
    people = pd.DataFrame({"low": np.arange(400) < 40})
    for method in ("korn_graubard", "logit", "wilson", "arcsine", "likelihood", "beta"):
        survey = cs.prevalence(cs.Survey(people), "low", interval_method=method)
        planned = precision_of_prevalence(0.1, 400, interval_method=method).to_frame()
        columns = ["n", "estimate", "std_error", "conf_low", "conf_high"]
        assert_allclose(
            planned[columns].to_numpy(dtype=float), survey.to_frame()[columns].to_numpy(dtype=float), rtol=1e-12
        )


def test_the_interval_of_clusters_is_the_one_of_a_clustered_survey() -> None:
    # Four villages of 25 with 0, 1, 3 and 6 cases: its own design effect is put in, and what comes out is its interval.
    cases = np.repeat([0, 1, 3, 6], 25)
    people = pd.DataFrame({"village": np.repeat(np.arange(4), 25), "low": np.tile(np.arange(25), 4) < cases})
    survey = cs.prevalence(cs.Survey(people, cluster="village"), "low", interval_method="logit")
    effect = survey.std_error[0] ** 2 / (0.1 * 0.9 / 99)
    icc = (effect - 1) / 24
    planned = precision_of_prevalence(0.1, 100, icc=icc, cluster_size=25, interval_method="logit")
    assert_allclose(planned.std_error, survey.std_error[0], rtol=1e-12)
    assert_allclose(
        [planned.conf_low, planned.conf_high], [survey.interval().low[0], survey.interval().high[0]], rtol=1e-12
    )


def test_kish() -> None:
    assert design_effect() == 1
    assert design_effect(icc=0.02, cluster_size=11) == pytest.approx(1.2)
    assert design_effect(weight_cv=0.5) == 1.25
    assert design_effect(icc=1, cluster_size=7) == 7
    # Clusters of 5 and 15 people: 10 on average, coefficient of variation 0.5.
    assert design_effect(icc=0.1, cluster_size=10, cluster_size_cv=0.5) == pytest.approx(1 + (1.25 * 10 - 1) * 0.1)
    weights = np.array([1.0, 2, 3, 4])
    cv = weights.std() / weights.mean()
    assert design_effect(weight_cv=cv) == pytest.approx(len(weights) * (weights**2).sum() / weights.sum() ** 2)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"half_width": 0.02, "relative_error": 0.2},
            "half_width: is 0.02 with relative_error=0.2; expected one of the two",
        ),
        ({}, "half_width: is None with relative_error=None; expected one of the two"),
        ({"half_width": 0}, "half_width: is 0; expected a share above 0 and below 1"),
        ({"half_width": 0.02, "icc": 0.05}, "icc: is 0.05 with cluster_size=None; expected both, or neither"),
        (
            {"half_width": 0.02, "icc": 0.05, "cluster_size": 20, "design_effect": 2.0},
            "design_effect: is 2.0 beside icc and cluster_size; expected one of the two",
        ),
        ({"half_width": 0.02, "sensitivity": 0.4, "specificity": 0.6}, "tell nothing; expected a sum above 1"),
        (
            {"half_width": 0.02, "sensitivity": 0.9, "interval_method": "logit"},
            "interval_method: is 'logit' with an imperfect test; expected 'wald', or a test without errors",
        ),
        (
            {"half_width": 0.02, "interval_method": "exact"},
            "interval_method: is 'exact'; expected one of wald, korn_graubard",
        ),
        ({"half_width": 0.02, "response": 0}, "response: is 0; expected a share above 0, at most 1"),
        ({"half_width": 0.02, "strata": 0}, "strata: is 0; expected a whole number of at least 1"),
        ({"half_width": 0.02, "population": 1}, "population: is 1; expected at least 2 people"),
        ({"half_width": 0.02, "level": 95}, "level: is 95; expected a number between 0 and 1"),
    ],
)
def test_a_survey_that_cannot_be_planned(options: dict, told: str) -> None:
    with pytest.raises(SchemaError, match=f".*{told.replace('(', '.').replace(')', '.')}"):
        size_for_prevalence(0.1, **options)


def test_a_precision_that_cannot_be() -> None:
    with pytest.raises(SchemaError, match="prevalence: is 0; expected a share above 0 and below 1"):
        precision_of_prevalence(0, 100)
    with pytest.raises(SchemaError, match="n: is 400; expected at most the population of 300"):
        precision_of_prevalence(0.1, 400, population=300)
    with pytest.raises(SchemaError, match="n: is 20; expected at least 40 people"):
        precision_of_prevalence(0.1, 20, icc=0.1, cluster_size=20)
    with pytest.raises(CrampstatsError, match=r"icc=2 has to be a correlation from 0 to 1\."):
        design_effect(icc=2)


# ---- comparisons --------------------------------------------------------------------------------------------------------


def test_two_proportions_in_unequal_groups_by_hand() -> None:
    # 100 controls at 0.2 and 50 treated at 0.4: pooled 40 of 150.
    pooled = math.sqrt(40 / 150 * 110 / 150 * (1 / 100 + 1 / 50))
    own = math.sqrt(0.2 * 0.8 / 100 + 0.4 * 0.6 / 50)
    expected = stats.norm.cdf((0.2 - stats.norm.ppf(0.975) * pooled) / own)
    assert power_of(ProportionComparison(control=0.2, treated=0.4, ratio=0.5), 150) == pytest.approx(
        expected, rel=1e-12
    )


def test_arcsines_by_hand() -> None:
    distance = 2 * math.asin(math.sqrt(0.2)) - 2 * math.asin(math.sqrt(0.1))
    expected = ((stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) / distance) ** 2 * 2
    size = size_for(ProportionComparison(control=0.1, treated=0.2, method="arcsine"))
    assert_allclose(size.exact, [expected, expected])
    assert size.groups == (195, 195)


def test_two_means_are_those_of_a_simulation_without_simulating() -> None:
    # The noncentral t distribution of scipy.stats, with its own algorithm.
    for n, delta in product((6, 20, 60), (0.0, 0.3, 1.0)):
        critical = stats.t.ppf(0.975, n - 2)
        expected = stats.nct.sf(critical, n - 2, delta * math.sqrt(n / 4))
        assert power_of(MeanComparison(difference=delta, sd=1.0), n) == pytest.approx(expected, rel=1e-8, abs=1e-10)


@pytest.mark.parametrize(
    ("design", "variance", "lost"),
    [("change", 4 * 2 * (1 - 0.6), 2), ("ancova", 4 * (1 - 0.36), 3), ("parallel", 4.0, 2)],
)
def test_what_a_measurement_before_is_worth(design: str, variance: float, lost: int) -> None:
    correlation = None if design == "parallel" else 0.6
    found = power_of(MeanComparison(difference=1.0, sd=2.0, design=design, correlation=correlation), 80)
    critical = stats.t.ppf(0.975, 80 - lost)
    assert found == pytest.approx(stats.nct.sf(critical, 80 - lost, 1 / math.sqrt(variance * 4 / 80)), rel=1e-9)


def test_a_crossover_needs_a_fraction_of_the_people() -> None:
    options = {"difference": 1.0, "sd": 2.0}
    within = MeanComparison(**options, design="crossover", correlation=0.6)
    shift = 1 / math.sqrt(2 * 4 * 0.4 / 40)
    expected = stats.nct.sf(stats.t.ppf(0.975, 38), 38, shift)
    assert power_of(within, 40) == pytest.approx(expected, rel=1e-9)
    # (1 - r) / 2 of the people of a parallel trial, degrees of freedom apart.
    ratio = sum(size_for(within).exact) / sum(size_for(MeanComparison(**options)).exact)
    assert ratio == pytest.approx((1 - 0.6) / 2, abs=0.03)
    assert size_for(within).groups == (size_for(within).n,)


@pytest.mark.parametrize(("dispersion", "each"), [(0.4, 1316), (0.7, 1494)])
def test_the_setting_of_a_published_table(dispersion: float, each: int) -> None:
    # Table I of Zhu and Lakkis 2014 begins with a rate of 0.8, a ratio of 0.85 and a time of 0.75. By hand, for 0.4:
    # (1.96 + 0.8416)² (1 / 0.6 + 1 / 0.51 + 2 * 0.4) / log(0.85)² = 7.849 * 4.4275 / 0.026413 = 1315.7.
    options = {"rate": 0.8, "rate_ratio": 0.85, "time": 0.75, "dispersion": dispersion}
    assert size_for(RateComparison(**options)).groups == (each, each)


def test_two_rates_by_hand() -> None:
    quantiles = stats.norm.ppf(0.975), stats.norm.ppf(0.8)
    rate, ratio, time, alpha, k = 2.0, 0.7, 3.0, 0.5, 2.0
    true = 1 / time * (1 / rate + 1 / (k * rate * ratio)) + (1 + k) * alpha / k
    null = {
        "true_rates": true,
        "control_rate": (1 + k) / (time * k * rate) + (1 + k) * alpha / k,
        "pooled_rate": (1 + k) ** 2 / (time * k * (rate + k * rate * ratio)) + (1 + k) * alpha / k,
    }
    for name, variance in null.items():
        expected = (quantiles[0] * math.sqrt(variance) + quantiles[1] * math.sqrt(true)) ** 2 / math.log(ratio) ** 2
        options = {"rate": rate, "rate_ratio": ratio, "time": time, "dispersion": alpha, "ratio": k}
        found = size_for(RateComparison(**options, null_variance=name))
        assert_allclose(found.exact, [expected, 2 * expected])


def test_overdispersed_poisson_rates_and_a_crossover_of_rates_by_hand() -> None:
    quasi = RateComparison(rate=2.0, rate_ratio=0.7, time=3.0, overdispersion=2.5)
    expected = stats.norm.cdf(-math.log(0.7) / math.sqrt(2.5 / 50 * (1 / 6 + 1 / 4.2)) - stats.norm.ppf(0.975))
    assert power_of(quasi, 100) == pytest.approx(expected, rel=1e-12)
    # What people have in common with themselves has gone: Poisson counts of 100 people, twice.
    crossed = RateComparison(rate=2.0, rate_ratio=0.7, time=3.0, design="crossover")
    expected = stats.norm.cdf(-math.log(0.7) / math.sqrt((1 / 6 + 1 / 4.2) / 100) - stats.norm.ppf(0.975))
    assert power_of(crossed, 100) == pytest.approx(expected, rel=1e-12)


def test_clusters_and_dropout_inflate() -> None:
    plain = size_for(ProportionComparison(control=0.1, treated=0.2))
    lossy = size_for(ProportionComparison(control=0.1, treated=0.2, dropout=0.2))
    assert_allclose(lossy.exact, np.array(plain.exact) / 0.8)
    clustered = size_for(ProportionComparison(control=0.1, treated=0.2, icc=0.05, cluster_size=21, dropout=0.2))
    assert_allclose(clustered.exact, np.array(plain.exact) * 2 / 0.8)
    assert clustered.clusters == (math.ceil(2 * plain.exact[0] / 21),) * 2
    assert clustered.groups[0] * 0.8 >= clustered.clusters[0] * 21
    # A t test of clusters: 2 less than their number.
    means = MeanComparison(difference=1.0, sd=2.0, icc=0.1, cluster_size=5)
    critical = stats.t.ppf(0.975, 18)
    expected = stats.nct.sf(critical, 18, 1 / math.sqrt(1.4 * 4 * (1 / 50 + 1 / 50)))
    assert power_of(means, 100) == pytest.approx(expected, rel=1e-9)


COMPARISONS = [
    ProportionComparison(control=0.3, treated=0.2, ratio=1.7, dropout=0.1),
    ProportionComparison(control=0.3, treated=0.2, method="arcsine", sides="two_sided_strict"),
    MeanComparison(difference=-0.7, sd=1.3, design="ancova", correlation=0.5),
    MeanComparison(difference=0.7, sd=1.3, icc=0.02, cluster_size=10, ratio=2),
    RateComparison(rate=4.0, rate_ratio=0.8, time=4, dispersion=0.6, dropout=0.15),
    RateComparison(rate=4.0, rate_ratio=0.8, time=4, dispersion=0.1, design="crossover"),
]


@pytest.mark.parametrize("comparison", COMPARISONS, ids=lambda each: f"{type(each).__name__}-{each.term}")
@pytest.mark.parametrize("power", [0.5, 0.8, 0.95])
def test_a_size_has_the_power_that_was_asked_for_and_one_person_less_has_not(comparison: object, power: float) -> None:
    size = size_for(comparison, power=power)
    assert power_of(comparison, sum(size.exact)) == pytest.approx(power, abs=1e-9)
    # Whole clusters of ten may come to 20 people more, and be split less well.
    assert power <= size.reached <= power_of(comparison, sum(size.exact) + 25)
    assert power_of(comparison, sum(size.exact) - 1) < power
    frame = size.to_frame()
    assert frame["n"].tolist() == [size.n]
    assert size.n >= sum(size.exact)
    assert frame["per_group"].iloc[0].count("+") == len(size.groups) - 1


@given(st.floats(0.02, 0.6), st.floats(0.02, 0.3), st.floats(0.3, 3.0), st.integers(20, 5000))
def test_power_does_not_depend_on_what_is_called_a_case(control: float, more: float, ratio: float, n: int) -> None:
    one = ProportionComparison(control=control, treated=control + more, ratio=ratio)
    other = ProportionComparison(control=1 - control, treated=1 - control - more, ratio=ratio)
    assert power_of(one, n) == pytest.approx(power_of(other, n), abs=1e-9)


@given(st.floats(0.1, 3.0), st.floats(0.5, 4.0), st.floats(0.1, 10.0), st.integers(10, 500))
def test_power_does_not_depend_on_units(difference: float, sd: float, unit: float, n: int) -> None:
    assume(difference / sd < 3)
    one = power_of(MeanComparison(difference=difference, sd=sd), n)
    assert power_of(MeanComparison(difference=-difference * unit, sd=sd * unit), n) == pytest.approx(one, abs=1e-9)
    rates = {"rate_ratio": 0.7, "dispersion": 0.4}
    weekly = power_of(RateComparison(rate=2.0, time=4.0, **rates), n)
    assert power_of(RateComparison(rate=2.0 * unit, time=4.0 / unit, **rates), n) == pytest.approx(weekly, abs=1e-9)


def test_without_an_effect_power_is_the_size_of_the_test() -> None:
    for comparison in (
        ProportionComparison(control=0.2, treated=0.2, sides="two_sided_strict"),
        MeanComparison(difference=0.0, sd=1.0, sides="two_sided_strict"),
        RateComparison(rate=2.0, rate_ratio=1.0, sides="two_sided_strict"),
        MeanComparison(difference=0.0, sd=1.0, sides="one_sided"),
    ):
        assert power_of(comparison, 40) == pytest.approx(0.05, abs=1e-9)
    with pytest.raises(CrampstatsError, match=r"power=0\.8 is not reached by any number of people: 20 against 20 %"):
        size_for(ProportionComparison(control=0.2, treated=0.2))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: ProportionComparison(control=0, treated=0.2), "control: is 0; expected a share above 0 and below 1"),
        (
            lambda: ProportionComparison(control=0.1, treated=0.2, method="exact"),
            "method: is 'exact'; expected one of pooled, arcsine",
        ),
        (
            lambda: ProportionComparison(control=0.1, treated=0.2, sides="both"),
            "sides: is 'both'; expected one of two_sided, two_sided_strict, one_sided",
        ),
        (
            lambda: ProportionComparison(control=0.1, treated=0.2, dropout=1),
            "dropout: is 1; expected a share of at least 0",
        ),
        (lambda: MeanComparison(difference=1, sd=0), "sd: is 0; expected a number above 0"),
        (
            lambda: MeanComparison(difference=1, sd=1, design="crossover"),
            "correlation: is None; expected a number above -1 and below 1 for design='crossover'",
        ),
        (
            lambda: MeanComparison(difference=1, sd=1, correlation=0.5),
            "correlation: is 0.5 with design='parallel'; expected None",
        ),
        (
            lambda: MeanComparison(difference=1, sd=1, design="paired", correlation=0.5, ratio=2),
            "ratio: is given for design='paired'",
        ),
        (
            lambda: RateComparison(rate=1, rate_ratio=0.5, design="crossover", icc=0.1, cluster_size=3),
            "cluster_size: is given for design='crossover'",
        ),
        (lambda: RateComparison(rate=1, rate_ratio=0), "rate_ratio: is 0; expected a number above 0"),
        (
            lambda: RateComparison(rate=1, rate_ratio=2, dispersion=-1),
            "dispersion: is -1; expected a number of at least 0",
        ),
    ],
)
def test_a_comparison_that_cannot_be_planned(make: object, told: str) -> None:
    with pytest.raises(SchemaError) as caught:
        make()
    assert told in str(caught.value)


def test_sizes_and_powers_that_make_no_sense() -> None:
    with pytest.raises(CrampstatsError, match=r"n=2 has to be at least 3\.1 people"):
        power_of(MeanComparison(difference=1, sd=1, design="ancova", correlation=0.1), 2)
    with pytest.raises(CrampstatsError, match=r"power=80 has to be a share between 0 and 1\."):
        size_for(ProportionComparison(control=0.1, treated=0.2), power=80)


# ---- further trials -----------------------------------------------------------------------------------------------------


def test_the_limit_of_a_trial_is_not_certainty() -> None:
    # A benefit is as likely as the meta-analysis makes it: however large the trial, P(effect < 0) = Phi(0.18 / 0.34).
    known = conditional_power(-0.18, 0.34, tau2=0.0, sd=4.3, sizes=[100])
    assert known.power(math.inf) == pytest.approx(stats.norm.cdf(0.18 / 0.34), rel=1e-12)
    assert known.power(math.inf, of="trial") == pytest.approx(stats.norm.cdf(0.18 / 0.34), rel=1e-12)
    assert known.power(1e9) == pytest.approx(known.power(math.inf), abs=1e-3)
    # With heterogeneity the trial's own effect is uncertain as well.
    mixed = conditional_power(-0.18, 0.34, tau2=0.1, sd=4.3, sizes=[100])
    assert mixed.power(math.inf, of="trial") == pytest.approx(
        stats.norm.cdf(0.18 / math.sqrt(0.34**2 + 0.1)), rel=1e-12
    )
    weights = 1 / 0.34**2, 1 / 0.1
    edge = -(stats.norm.ppf(0.975) * math.sqrt(sum(weights)) + weights[0] * -0.18) / weights[1]
    expected = stats.norm.cdf((edge + 0.18) / math.sqrt(0.34**2 + 0.1))
    assert mixed.power(math.inf) == pytest.approx(expected, rel=1e-12)
    with pytest.raises(
        CrampstatsError, match=r"power=0\.8 is not reached by the updated meta-analysis .* at most 0\.136"
    ):
        mixed.size_for(0.8)


def test_a_size_of_a_further_trial_has_its_power() -> None:
    future = conditional_power(-0.18, 0.34, tau2=0.02, sd=4.3, sizes=[100], effect=-1.0)
    for of in ("trial", "update"):
        n = future.size_for(0.8, of=of)
        assert future.power(n, of=of) >= 0.8 > future.power(n - 1, of=of)


def test_many_small_trials_do_what_one_large_one_cannot() -> None:
    options = {"tau2": 0.1, "sd": 4.3, "sizes": [1000], "effect": -0.5}
    one, ten = (conditional_power(-0.18, 0.34, trials=trials, **options) for trials in (1, 10))
    assert one.power(math.inf) < 0.6 < 0.8 < ten.power(1000)


def test_benefit_and_harm_change_places_with_the_direction() -> None:
    lower = conditional_power(-0.3, 0.2, tau2=0.05, sd=4.0, sizes=[50])
    higher = conditional_power(0.3, 0.2, tau2=0.05, sd=4.0, sizes=[50], benefit="higher")
    opposite = conditional_power(-0.3, 0.2, tau2=0.05, sd=4.0, sizes=[50], benefit="higher")
    for n, of in product((50, 5000, math.inf), ("trial", "update")):
        assert lower.power(n, of=of) == higher.power(n, of=of) == opposite.harm(n, of=of)
    assert lower.power(math.inf, of="trial") + lower.harm(math.inf, of="trial") == pytest.approx(1)


def test_further_trials_as_a_table() -> None:
    frame = conditional_power(-0.18, 0.34, tau2=0.1, sd=4.3, sizes=[100, 400]).to_frame()
    assert frame["n"].tolist() == [100, 400, math.inf] * 2
    assert_allclose(frame["new_std_error"][:3], [0.86, 0.43, 0])
    assert frame["note"].tolist() == ["", "", "limit"] * 2
    assert np.isfinite(frame[["estimate", "harm"]].to_numpy()).all()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"tau2": -0.1}, "tau2: is -0.1; expected a variance of at least 0"),
        ({"sizes": [1]}, "sizes: is [1]; expected numbers of people in a list, each at least 2"),
        ({"sizes": 100}, "sizes: is 100; expected numbers of people in a list"),
        ({"benefit": "fewer"}, "benefit: is 'fewer'; expected one of lower, higher"),
        ({"trials": 0}, "trials: is 0; expected a whole number of at least 1"),
        ({"effect": math.nan}, "effect: is nan; expected a number that is not infinite, or None"),
    ],
)
def test_further_trials_that_make_no_sense(options: dict, told: str) -> None:
    with pytest.raises(SchemaError) as caught:
        conditional_power(-0.18, 0.34, **({"tau2": 0.1, "sd": 4.3, "sizes": [100]} | options))
    assert told in str(caught.value)
    with pytest.raises(CrampstatsError, match="of='both' is unknown: choose from trial, update"):
        conditional_power(-0.18, 0.34, tau2=0.1, sd=4.3, sizes=[100]).power(10, of="both")


# ---- regression to the mean ---------------------------------------------------------------------------------------------


def test_regression_to_the_mean_by_hand() -> None:
    # Exponential rates of mean 1, two weeks: counts are geometric with chance 1/3; at least one in 2/3 of people.
    found = regression_to_the_mean(GammaRates(mean=1.0, shape=1.0), at_least=1, weeks=2)
    assert found.chosen == pytest.approx(2 / 3)
    assert found.before == pytest.approx(3 / 2)  # of a mean count of 3
    assert found.after == pytest.approx((1 + 3) / (2 + 1))  # (shape + count) / (weeks + shape / mean)
    assert found.change == pytest.approx(-1 / 6)


def test_everybody_is_chosen_and_nothing_regresses_when_people_differ_by_much_more_than_chance() -> None:
    found = regression_to_the_mean(GammaRates(mean=500.0, shape=1e4), at_least=1, weeks=2)
    assert (found.chosen, found.before, found.after) == pytest.approx((1.0, 500.0, 500.0))
    # All alike: who has more than others had bad weeks, and everybody goes back to the mean.
    alike = regression_to_the_mean(GammaRates(mean=1.0, shape=1e9), at_least=5, weeks=2)
    assert alike.before > 2.5
    assert alike.after == pytest.approx(1.0, abs=1e-6)


def test_a_mixture_is_the_sum_of_its_parts() -> None:
    parts = GammaRates(mean=0.4, shape=0.6, share=0.7), GammaRates(mean=9.0, shape=2.5, share=0.05)
    whole = regression_to_the_mean(parts, at_least=4, weeks=2)
    alone = [regression_to_the_mean(part, at_least=4, weeks=2) for part in parts]
    chosen = np.array([one.chosen for one in alone])
    assert whole.chosen == pytest.approx(chosen.sum())
    for name in ("before", "after"):
        assert getattr(whole, name) == pytest.approx(np.average([getattr(one, name) for one in alone], weights=chosen))
    # The same distribution in two halves is itself.
    halves = [GammaRates(mean=2.0, shape=0.8, share=0.5)] * 2
    one = regression_to_the_mean(GammaRates(mean=2.0, shape=0.8), at_least=3, weeks=1)
    assert regression_to_the_mean(halves, at_least=3, weeks=1).sd_change == pytest.approx(one.sd_change)


def test_an_uncontrolled_study_finds_what_is_not_there() -> None:
    found = regression_to_the_mean(GammaRates(mean=1.0, shape=1.0), at_least=4, weeks=2)
    centre = 0.6666666666666667 / (found.sd_change / 10)
    assert found.chance(100) == pytest.approx(stats.norm.cdf(centre - stats.norm.ppf(0.975)), rel=1e-9)
    assert found.chance(2) < 0.2 < 0.95 < found.chance(100)
    frame = found.to_frame().set_index("term")
    assert frame.loc["change", "estimate"] == pytest.approx(-2 / 3)


def test_rates_that_make_no_sense() -> None:
    for rates, told in (
        ([], "rates: is []; expected a GammaRates, or several in a list"),
        ([GammaRates(mean=1, shape=1)] * 2, "rates: have shares that add up to 2; expected at most 1"),
    ):
        with pytest.raises(SchemaError) as caught:
            regression_to_the_mean(rates, at_least=4, weeks=2)
        assert told in str(caught.value)
    with pytest.raises(SchemaError, match="at_least: is 0; expected a whole number of at least 1"):
        regression_to_the_mean(GammaRates(mean=1, shape=1), at_least=0, weeks=2)
    with pytest.raises(SchemaError, match="shape: is 0; expected a number above 0"):
        GammaRates(mean=1, shape=0)
    with pytest.raises(CrampstatsError, match="at_least=100000 events in 2 weeks happen to nobody"):
        regression_to_the_mean(GammaRates(mean=0.01, shape=50), at_least=100000, weeks=2)
    with pytest.raises(CrampstatsError, match="n=1 has to be at least 2 people"):
        regression_to_the_mean(GammaRates(mean=1, shape=1), at_least=4, weeks=2).chance(1)


@pytest.mark.parametrize(
    "result",
    [
        size_for_prevalence(0.1, half_width=0.02),
        precision_of_prevalence(0.1, 100),
        conditional_power(-0.18, 0.34, tau2=0.1, sd=4.3, sizes=[100]),
        regression_to_the_mean(GammaRates(mean=1, shape=1), at_least=4, weeks=2),
    ],
    ids=lambda result: type(result).__name__,
)
def test_results_show_themselves(result: object) -> None:
    assert repr(result).startswith(f"<{type(result).__name__}>\n")
    assert result._repr_html_().startswith("<table")
