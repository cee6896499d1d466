"""Missing data: Rubin's rules by hand and against R's mice, imputation, weighting against R's survey, shifts, patterns.

tests/golden/missing.R made the expected values of weighting; those of pooling are reference results of R's mice, where they
are at hand (`CRAMPSTATS_GOLDEN`), and by hand.
"""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from places import folder_of
from scipy import stats

import crampstats as cs
from crampstats import figures
from crampstats.errors import ConvergenceError, CrampstatsError, DesignError, IntervalError, QuestionError
from crampstats.figures.missingness import draw_missing_patterns
from crampstats.missing import (
    DeltaAdjusted,
    Imputations,
    PooledEstimate,
    delta_adjusted,
    impute,
    missing_patterns,
    missing_shares,
    observed_mean,
    pooled,
    rubin_pool,
)
from crampstats.missing.chains import refuse_unsettled
from crampstats.missing.imputations import _effects, _independent

FOLDER = Path(__file__).parent / "golden"
DATA = pd.read_csv(FOLDER / "survey_input.csv").query("stratum != 7").reset_index(drop=True)
EXPECTED = pd.read_csv(FOLDER / "missing_expected.csv")
PUBLISHED = folder_of("CRAMPSTATS_GOLDEN", "shared/golden")
LOW = "magnesium_mmol_l <= 0.75"


def low(survey: cs.Survey) -> cs.Estimate:
    return cs.prevalence(survey, LOW)


def level(survey: cs.Survey) -> cs.Estimate:
    return cs.mean(survey, "magnesium_mmol_l")


def people(n: int = 300, seed: int = 1, *, share: float = 0.25) -> pd.DataFrame:
    """Return invented people in 4 strata of 5 clusters, with gaps that hang on age."""
    rng = np.random.default_rng(seed)
    place = np.arange(n) * 20 // n
    age = rng.integers(20, 85, n)
    diabetes = (rng.random(n) < 0.05 + (age - 20) / 300).astype(np.int8)
    magnesium = 0.85 - 0.03 * diabetes + 0.01 * (place % 3) + rng.normal(0, 0.05, n)
    gap = rng.random(n) < share * age / 45
    return pd.DataFrame(
        {
            "stratum": place // 5,
            "cluster": place,
            "weight": rng.uniform(1, 4, n).round(2),
            "age_years": age,
            "sex": np.where(rng.random(n) < 0.5, "female", "male"),
            "diabetes": diabetes,
            "magnesium_mmol_l": np.where(gap, np.nan, magnesium.round(2)),
        }
    )


def clustered(data: pd.DataFrame) -> cs.Survey:
    return cs.Survey(data, weight="weight", stratum="stratum", cluster="cluster")


SURVEY = clustered(people())
ASKED = {"predictors": "age_years + diabetes", "m": 5, "rng": 1}
SETS = impute(SURVEY, ["magnesium_mmol_l"], **ASKED)


# Rubin's rules.


def test_rubin_by_hand() -> None:
    found = rubin_pool([[1.0, 2.0], [2.0, 2.0], [6.0, 2.0]], [[1.0, 3.0], [2.0, 3.0], [3.0, 6.0]], df_complete=20)
    # Three values 1, 2, 6 have mean 3 and variance (4 + 1 + 9) / 2 = 7; their variances have the mean 2.
    assert_allclose([found.value, found.within, found.between], [[3, 2], [2, 4], [7, 0]])
    assert_allclose(found.total, [2 + 4 / 3 * 7, 4])
    assert_allclose(found.relative_increase, [14 / 3, 0])
    share = (28 / 3) / (34 / 3)
    assert_allclose(found.share_between, [share, 0])
    old, observed = 2 / share**2, 21 / 23 * 20 * (1 - share)
    assert found.df[0] == pytest.approx(old * observed / (old + observed), rel=1e-14)
    assert found.df[1] == 20
    assert found.fmi[0] == pytest.approx((14 / 3 + 2 / (found.df[0] + 3)) / (17 / 3), rel=1e-14)
    assert found.fmi[1] == 0


def test_infinite_degrees_of_freedom_are_those_of_rubin() -> None:
    found = rubin_pool([[1.0, 5.0], [2.0, 5.0]], [[1.0, 1.0], [1.0, 1.0]], df_complete=np.inf)
    share = 0.75 / 1.75
    assert found.df[0] == pytest.approx(1 / share**2, rel=1e-14)
    assert found.df[1] == np.inf


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=8), st.floats(0.01, 10), st.floats(1, 500))
def test_rubin_keeps_within_bounds(values: list[float], variance: float, df: float) -> None:
    found = rubin_pool(np.array(values)[:, None], np.full((len(values), 1), variance), df_complete=df)
    assert 0 < found.df[0] <= df
    assert 0 <= found.share_between[0] < 1
    assert found.total[0] >= found.within[0]
    reversed_order = rubin_pool(np.array(values)[::-1, None], np.full((len(values), 1), variance), df_complete=df)
    assert_allclose([reversed_order.value, reversed_order.total], [found.value, found.total], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("values", "variances", "df", "message"),
    [
        ([[1.0]], [[1.0]], 5, "two sets or more"),
        ([1.0, 2.0], [1.0, 1.0], 5, "two sets or more"),
        ([[1.0], [2.0]], [[1.0, 2.0], [1.0, 2.0]], 5, r"shapes \(2, 1\) and \(2, 2\)"),
        ([[1.0], [np.nan]], [[1.0], [1.0]], 5, "have to be finite"),
        ([[1.0], [2.0]], [[1.0], [0.0]], 5, "variances above 0"),
        ([[1.0], [2.0]], [[1.0], [1.0]], 0, "df_complete=0 has to be above 0"),
    ],
)
def test_what_rubin_refuses(values: list, variances: list, df: float, message: str) -> None:
    with pytest.raises(CrampstatsError, match=message):
        rubin_pool(values, variances, df_complete=df)


@pytest.mark.skipif(PUBLISHED is None, reason="no reference results")
def test_pooling_equals_mice() -> None:
    long = pd.read_csv(PUBLISHED / "mice_nhanes_long.csv")
    expected = pd.read_csv(PUBLISHED / "golden_mice_pool.csv")
    values, variances = [], []
    for _, one in long.groupby(".imp"):
        matrix = np.column_stack([np.ones(len(one)), one["age"], one["bmi"]]).astype(float)
        inverse = np.linalg.inv(matrix.T @ matrix)
        beta = inverse @ matrix.T @ one["chl"]
        residual = one["chl"] - matrix @ beta
        values.append(beta)
        variances.append(np.diag(inverse) * (residual @ residual) / (len(one) - 3))
    found = rubin_pool(values, variances, df_complete=expected["dfcom"])
    columns = {
        "estimate": found.value,
        "std.error": np.sqrt(found.total),
        "ubar": found.within,
        "b": found.between,
        "t": found.total,
        "df": found.df,
        "riv": found.relative_increase,
        "lambda": found.share_between,
        "fmi": found.fmi,
        "statistic": found.value / np.sqrt(found.total),
        "p.value": 2 * stats.t.sf(np.abs(found.value) / np.sqrt(found.total), found.df),
        "2.5 %": found.value - stats.t.ppf(0.975, found.df) * np.sqrt(found.total),
        "97.5 %": found.value + stats.t.ppf(0.975, found.df) * np.sqrt(found.total),
    }
    for name, value in columns.items():
        assert_allclose(value, expected[name], rtol=1e-9, err_msg=name)


# Pooled estimates.


def test_nothing_missing_is_the_complete_analysis() -> None:
    survey = clustered(people(share=0.0))
    sets = impute(survey, ["magnesium_mmol_l"], **ASKED)
    assert len(sets.trace) == 0
    for estimator in (low, level, lambda each: cs.prevalence(each, LOW, by=["sex"], interval_method="logit")):
        complete, found = estimator(survey), pooled(sets, estimator)
        assert found.fmi.tolist() == [0] * len(complete)
        mine = found.to_frame().drop(columns=["fmi", "df"])
        pd.testing.assert_frame_equal(mine, complete.to_frame(), rtol=1e-12)
        assert_allclose(found.df, complete.df, rtol=1e-12)


def test_proportions_are_pooled_on_the_logit_scale() -> None:
    each = [low(survey) for survey in SETS.surveys]
    logits = np.log([one.value[0] / (1 - one.value[0]) for one in each])
    within = np.mean([(one.std_error[0] / one.value[0] / (1 - one.value[0])) ** 2 for one in each])
    total = within + 1.2 * logits.var(ddof=1)
    value = 1 / (1 + np.exp(-logits.mean()))
    found = pooled(SETS, low)
    assert found.scale == "logit"
    assert found.value[0] == pytest.approx(value, rel=1e-12)
    assert found.std_error[0] == pytest.approx(np.sqrt(total) * value * (1 - value), rel=1e-12)
    limits = found.interval(method="logit")
    reach = stats.t.ppf(0.975, found.df[0]) * np.sqrt(total)
    ends = 1 / (1 + np.exp(-(logits.mean() + np.array([-reach, reach]))))
    assert_allclose([limits.low[0], limits.high[0]], ends, rtol=1e-9)
    assert found.interval_method == "korn_graubard"
    assert found.df[0] < SURVEY.degrees_of_freedom


def test_means_and_ratios_have_their_scales() -> None:
    def times(survey: cs.Survey) -> cs.Estimate:
        by = cs.mean(survey, "magnesium_mmol_l", by=["sex"])
        return cs.ratio(by.where("sex == 'female'"), by.where("sex == 'male'"))

    mean, ratio = pooled(SETS, level), pooled(SETS, times)
    assert (mean.scale, ratio.scale) == ("identity", "log")
    assert mean.value[0] == pytest.approx(np.mean([level(survey).value[0] for survey in SETS.surveys]), rel=1e-14)
    geometric = np.exp(np.mean([np.log(times(survey).value[0]) for survey in SETS.surveys]))
    assert ratio.value[0] == pytest.approx(geometric, rel=1e-14)
    identity = pooled(SETS, times, scale="identity")
    assert identity.value[0] == pytest.approx(np.mean([times(survey).value[0] for survey in SETS.surveys]), rel=1e-14)


def test_the_order_of_sets_does_not_matter() -> None:
    turned = Imputations(SETS.surveys[::-1], SETS.columns, SETS.predictors, SETS.design_terms, SETS.trace)
    first, second = pooled(SETS, low), pooled(turned, low)
    assert_allclose([second.value, second.std_error, second.df], [first.value, first.std_error, first.df], rtol=1e-12)


def test_the_table_and_what_is_shown() -> None:
    found = pooled(SETS, lambda survey: cs.prevalence(survey, LOW, by=["sex"]))
    assert found.to_frame().columns.tolist() == [
        *("term", "sex", "n", "estimate", "std_error", "conf_low", "conf_high", "fmi", "df", "note")
    ]
    assert isinstance(found, PooledEstimate)
    assert repr(found).startswith("<PooledEstimate of survey, 5 imputations>\n")
    assert "<table" in found._repr_html_()
    assert found.to_frame(level=0.9)["conf_low"].to_numpy() == pytest.approx(found.interval(level=0.9).low)


def test_what_cannot_be_pooled() -> None:
    with pytest.raises(CrampstatsError, match="scale='odds' is unknown: choose from identity, log, logit"):
        pooled(SETS, low, scale="odds")
    with pytest.raises(CrampstatsError, match="is no Estimate"):
        pooled(SETS, lambda survey: 3.0)
    with pytest.raises(CrampstatsError, match="estimate 1 is 0 in set 1 without a standard error"):
        pooled(SETS, lambda survey: cs.prevalence(survey, "magnesium_mmol_l < 0.1"))
    with pytest.raises(CrampstatsError, match=r"in set 1 and has no log: .*scale='identity'"):
        pooled(SETS, lambda survey: cs.mean(survey, "magnesium_mmol_l - 2"), scale="log")
    values = iter("abcdefgh")
    with pytest.raises(CrampstatsError, match="set 2 have other labels"):
        pooled(SETS, lambda survey: cs.transform(level(survey), lambda x: x, label=next(values)))
    with pytest.raises(IntervalError, match="unknown"):
        pooled(SETS, low).interval(method="bootstrap")


# Imputation.


def test_sets_share_the_design_and_keep_what_was_known() -> None:
    gap = SURVEY.data["magnesium_mmol_l"].isna()
    known = set(SURVEY.data["magnesium_mmol_l"].dropna())
    for survey in SETS.surveys:
        assert survey.design is SURVEY.design
        pd.testing.assert_frame_equal(survey.data[~gap], SURVEY.data[~gap])
        assert set(survey.data.loc[gap, "magnesium_mmol_l"]) <= known
    assert gap.sum() == SETS.column("magnesium_mmol_l").missing.sum() > 50
    cs.difference(low(SETS.surveys[0]), low(SETS.surveys[1]))
    assert repr(SETS) == f"<Imputations of survey: 5 sets; magnesium_mmol_l missing in {gap.sum()} of 300 people>"
    assert len(SETS) == 5


def test_the_same_luck_gives_the_same_sets_and_other_luck_others() -> None:
    again = impute(SURVEY, ["magnesium_mmol_l"], **ASKED)
    longer = impute(SURVEY, ["magnesium_mmol_l"], **{**ASKED, "m": 7, "rng": np.random.default_rng(1)})
    other = impute(SURVEY, ["magnesium_mmol_l"], **{**ASKED, "rng": 2})
    for one, two, three in zip(SETS.surveys, again.surveys, longer.surveys, strict=False):
        pd.testing.assert_frame_equal(one.data, two.data)
        pd.testing.assert_frame_equal(one.data, three.data)
    assert not SETS.surveys[0].data.equals(other.surveys[0].data)
    assert not SETS.surveys[0].data.equals(SETS.surveys[1].data)


def test_the_sets_do_not_hang_on_the_signs_that_a_library_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    svd, eigh = np.linalg.svd, np.linalg.eigh

    def other_svd(*arguments: object, **keywords: object) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        left, values, right = svd(*arguments, **keywords)
        return -left, values, -right

    def other_eigh(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values, vectors = eigh(matrix)
        return values, -vectors

    monkeypatch.setattr(np.linalg, "svd", other_svd)
    monkeypatch.setattr(np.linalg, "eigh", other_eigh)
    again = impute(SURVEY, ["magnesium_mmol_l"], **ASKED)
    for one, other in zip(SETS.surveys, again.surveys, strict=True):
        pd.testing.assert_frame_equal(one.data, other.data)


def test_nothing_global_is_touched() -> None:
    code = (
        "import warnings, numpy as np, pandas as pd, crampstats as cs\n"
        "from crampstats.missing import impute\n"
        "import sys; assert 'statsmodels' not in sys.modules\n"
        "filters, state = list(warnings.filters), np.random.get_state()\n"
        "data = pd.DataFrame({'a': [0.1 * i if i % 3 else None for i in range(60)]})\n"
        "impute(cs.Survey(data), ['a'], predictors='1', rng=1, m=2)\n"
        "after = np.random.get_state()\n"
        "assert warnings.filters == filters\n"
        "assert all(np.array_equal(x, y) for x, y in zip(state, after))\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr


def test_imputed_values_follow_the_predictors() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=2000)
    y = 2 * x + rng.normal(0, 0.5, 2000)
    data = pd.DataFrame({"x": x, "y": np.where(rng.random(2000) < 1 / (1 + np.exp(-x)), np.nan, y)})
    sets = impute(cs.Survey(data), ["y"], predictors="x", rng=1, m=10)
    found = pooled(sets, lambda survey: cs.mean(survey, "y"))
    naive = cs.mean(cs.Survey(data).observed("y"), "y")
    # Of half the people y is known up to its residual: four standard errors of a mean of 1,000 of those.
    assert found.value[0] == pytest.approx(y.mean(), abs=4 * 0.5 / np.sqrt(1000))
    assert abs(naive.value[0] - y.mean()) > 5 * naive.std_error[0]
    slope = pooled(sets, lambda survey: cs.fit(survey, "y ~ x", family="gaussian").coefficients)
    assert slope.value[1] == pytest.approx(2.0, abs=4 * slope.std_error[1])


def test_people_predicted_alike_are_donors_by_lot() -> None:
    # In two groups all predictions are equal: gaps have to draw from everybody of their group, not from the same few.
    n = 1200
    data = pd.DataFrame({"group": np.arange(n) % 2, "value": np.arange(n, dtype=float) + 10_000 * (np.arange(n) % 2)})
    data["value"] = data["value"].mask(np.arange(n) % 3 == 0)
    sets = impute(cs.Survey(data), ["value"], predictors="group", rng=1, m=2)
    for survey in sets.surveys:
        filled = survey.data.loc[data["value"].isna()]
        assert filled["value"].nunique() > 250  # of 400 gaps, of 800 donors
        assert filled.groupby("group")["value"].nunique().min() > 100
        assert (filled["value"] >= 10_000).sum() == pytest.approx((filled["group"] == 1).sum(), abs=5)


def test_errors_hold_that_donors_could_have_been_others() -> None:
    # Without predictors imputation can know no more than complete cases do.
    values = np.random.default_rng(5).normal(size=400)
    survey = cs.Survey(pd.DataFrame({"y": np.where(np.arange(400) % 2, values, np.nan)}))
    complete = cs.mean(survey.observed("y"), "y")
    found = pooled(impute(survey, ["y"], predictors="1", rng=1, m=400), lambda each: cs.mean(each, "y"))
    # The variance between 400 sets is known to 7 %, which is half of the whole: four times 1.8 % of an error.
    assert found.std_error[0] == pytest.approx(complete.std_error[0], rel=0.07)
    assert found.value[0] == pytest.approx(complete.value[0], abs=4 * np.sqrt(found.pool.between[0] / 400))
    assert found.pool.share_between[0] == pytest.approx(0.5, abs=0.07)


def test_kinds_of_columns_come_back_in_their_types() -> None:
    rng = np.random.default_rng(2)
    data = people()
    n = len(data)
    columns = {
        "count": pd.Series(rng.integers(0, 9, n)).astype("Int16"),
        "yes": pd.Series(rng.random(n) < 0.3).astype("boolean"),
        "coded": pd.Series(rng.integers(0, 2, n)).astype("Int8"),
        "smoker": pd.Series(rng.choice(["never", "ever"], n)),
        "class": pd.Series(pd.Categorical(rng.choice(list("abc"), n), categories=list("cab"), ordered=True)),
    }
    data = data.assign(**{name: each.mask(rng.random(n) < 0.1) for name, each in columns.items()})
    sets = impute(clustered(data), list(columns), predictors="age_years", rng=1, m=3, iterations=6, design="none")
    for survey in sets.surveys:
        for name, each in columns.items():
            assert survey.data[name].dtype == each.dtype, name
            assert survey.data[name].notna().all()
            assert set(survey.data[name]) <= set(each)
    kinds = {each.name: each.kind for each in sets.columns}
    assert kinds == {"count": "number", "yes": "yes/no", "coded": "yes/no", "smoker": "yes/no", "class": "ordered"}
    assert sets.column("class").levels == ("c", "a", "b")
    assert set(sets.trace["column"]) == set(columns)
    assert len(sets.trace) == 3 * 6 * 5


def test_only_the_domain_is_completed() -> None:
    asked = SURVEY.where("sex == 'female'")
    sets = impute(asked, ["magnesium_mmol_l"], design="cluster_means", **ASKED)
    for survey in sets.surveys:
        lacking = survey.data["magnesium_mmol_l"].isna()
        assert not lacking[survey.domain].any()
        assert lacking[~survey.domain].equals(SURVEY.data["magnesium_mmol_l"].isna()[~survey.domain])
    assert pooled(sets, low).n[0] == asked.people


def test_the_design_is_in_the_model() -> None:
    assert SETS.design_terms == ("log weight", "clusters (19)")
    told = {
        design: impute(SURVEY, ["magnesium_mmol_l"], design=design, **ASKED).design_terms
        for design in ("cluster_means", "none")
    }
    assert told == {"cluster_means": ("log weight", "strata (3)", "cluster means (3)"), "none": ()}
    strata = cs.Survey(people(), weight="weight", stratum="stratum")
    assert impute(strata, ["magnesium_mmol_l"], **ASKED).design_terms == ("log weight", "strata (3)")
    held = impute(strata, ["magnesium_mmol_l"], **{**ASKED, "predictors": "C(stratum)"})
    assert held.design_terms == ("log weight",)
    equal = cs.Survey(people().assign(weight=2.0), weight="weight")
    assert impute(equal, ["magnesium_mmol_l"], **ASKED).design_terms == ()


def test_clusters_that_differ_are_imputed_differently() -> None:
    rng = np.random.default_rng(3)
    place = np.repeat(np.arange(10), 60)
    data = pd.DataFrame({"cluster": place, "y": place + rng.normal(0, 0.1, 600)})
    data["y"] = data["y"].mask(rng.random(600) < 0.05 + 0.06 * place)
    asked = {"predictors": "1", "rng": 1, "m": 4}
    survey = cs.Survey(data, cluster="cluster")
    found = {
        design: pooled(impute(survey, ["y"], design=design, **asked), lambda each: cs.mean(each, "y")).value[0]
        for design in ("indicators", "none")
    }
    assert found["indicators"] == pytest.approx(4.5, abs=0.05)
    assert found["none"] < 4.2


def test_a_group_where_nobody_is_seen_is_an_average_one() -> None:
    codes, seen = np.array([0, 0, 1, 1, 2, 2, 3]), np.array([1, 1, 1, 1, 1, 1, 0], dtype=bool)
    expected = [[1, 0], [1, 0], [0, 1], [0, 1], [-1, -1], [-1, -1], [0, 0]]
    assert _effects(codes, [seen]).tolist() == expected


def test_columns_that_are_held_already_are_left_out() -> None:
    first = np.column_stack([np.ones(6), [1.0, 2, 3, 4, 5, 6]])
    part = np.column_stack([2 + 3 * first[:, 1], first[:, 1] ** 2, np.zeros(6)])
    kept = _independent(first, part, [np.ones(6, dtype=bool)])
    assert kept.tolist() == part[:, [1]].tolist()


def settled(rng: np.random.Generator, m: int = 20, rounds: int = 20) -> np.ndarray:
    return rng.normal(size=(m, rounds, 1))


def test_chains_that_have_not_settled_are_refused() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        refuse_unsettled(settled(rng), ["y"])
        refuse_unsettled(settled(rng, 3, 5), ["y"])
    with pytest.raises(ConvergenceError, match="after 20 rounds the chains of 'y' still move"):
        refuse_unsettled(settled(rng) + 0.4 * np.arange(20)[None, :, None], ["y"])
    with pytest.raises(ConvergenceError, match=r"differ from each other \(R-hat \d+\.\d\d\)"):
        refuse_unsettled(settled(rng) + 4 * np.arange(20)[:, None, None], ["y"])
    refuse_unsettled(np.zeros((4, 6, 1)), ["y"])


def test_columns_that_say_the_same_do_not_settle_or_fail() -> None:
    rng = np.random.default_rng(1)
    first = rng.normal(size=400)
    second = first + rng.normal(0, 0.02, 400)
    which = rng.random(400)
    data = pd.DataFrame({"a": np.where(which < 0.48, np.nan, first), "b": np.where(which > 0.52, np.nan, second)})
    with pytest.raises(ConvergenceError, match=r"chains of '[ab]' (differ|still move)|imputation model failed"):
        impute(cs.Survey(data), ["a", "b"], predictors="1", rng=1, m=10)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"columns": "magnesium_mmol_l"}, QuestionError, "has to be a list of columns"),
        ({"columns": []}, QuestionError, "has to be a list of columns"),
        ({"columns": ["sex", "sex"]}, QuestionError, "names 'sex' twice"),
        ({"columns": ["magnesium"]}, QuestionError, "no column 'magnesium'; did you mean 'magnesium_mmol_l'"),
        ({"columns": ["weight"]}, QuestionError, "'weight' is a column of the design"),
        ({"columns": ["region"]}, QuestionError, r"'region' has 3 levels without an order \('a', 'b', 'c'\)"),
        ({"columns": ["rare"]}, QuestionError, "'rare' is known of 2 people of the domain, fewer than donors=5"),
        ({"columns": ["infinite"]}, QuestionError, "'infinite' is infinite for somebody"),
        ({"predictors": "y ~ age_years"}, QuestionError, "has to be the right side of a formula alone"),
        ({"predictors": "magnesium_mmol_l"}, QuestionError, "'magnesium_mmol_l' is to be imputed; .* leave it out"),
        ({"predictors": "bmi"}, QuestionError, "predictor 'bmi' is missing for 10 people: name it in columns"),
        ({"predictors": "height"}, QuestionError, "'height'"),
        ({"predictors": "sex - 1"}, QuestionError, "needs its intercept"),
        ({"predictors": "age_years + twice"}, QuestionError, "combinations of others"),
        ({"predictors": "bs(age_years, df=45)"}, DesignError, "people a column: simplify the predictors or choose"),
        ({"m": 1}, QuestionError, "m=1 has to be a whole number of at least 2"),
        ({"iterations": 0}, QuestionError, "iterations=0 has to be"),
        ({"donors": 2.5}, QuestionError, "donors=2.5 has to be"),
        ({"rng": None}, QuestionError, "rng=None has to be a numpy Generator"),
        ({"rng": True}, QuestionError, "rng=True has to be a numpy Generator"),
        ({"method": "hot_deck"}, QuestionError, "method='hot_deck' is unknown: choose from pmm"),
        ({"design": "fixed"}, QuestionError, "choose from indicators, cluster_means, none"),
        ({"columns": ["magnesium_mmol_l", "bmi"], "iterations": 3}, QuestionError, "iterations=3 has to be at least 5"),
    ],
)
def test_what_cannot_be_imputed(options: dict, error: type, message: str) -> None:
    data = people()
    n = len(data)
    data = data.assign(
        region=np.array(list("abc"))[np.arange(n) % 3],
        rare=np.where(np.arange(n) < 2, 1.0, np.nan),
        infinite=np.where(np.arange(n) < 2, np.inf, 1.0),
        bmi=np.where(np.arange(n) < 10, np.nan, 25.0 + np.arange(n) % 7),
        twice=2 * data["age_years"],
    )
    with pytest.raises(error, match=message):
        impute(clustered(data), **{"columns": ["magnesium_mmol_l"], **ASKED, **options})


def test_tabulated_people_are_refused() -> None:
    table = SURVEY.tabulate(["magnesium_mmol_l", "sex"])
    doubled = cs.Survey(table.data.assign(n=table.data["n"] + 1), count="n")
    with pytest.raises(DesignError, match="impute before tabulate"):
        impute(doubled, ["magnesium_mmol_l"], predictors="sex", rng=1)


def test_a_column_that_was_not_imputed() -> None:
    with pytest.raises(QuestionError, match="column='sex' was not imputed: choose from magnesium_mmol_l"):
        SETS.column("sex")


# Weighting by the chance of being observed.


def golden_survey(design: str) -> cs.Survey:
    number = np.arange(1, len(DATA) + 1)
    limit = np.where(DATA["age_group"] == "60+", 45, 15) + np.where(DATA["sex"] == "male", 10, 0)
    data = DATA.assign(magnesium_mmol_l=DATA["magnesium_mmol_l"].where(number * 7919 % 100 >= limit))
    roles = {"clusters": ("weight", "stratum", "cluster"), "strata": ("weight", "stratum"), "weights": ("weight",)}
    names = {role: role for role in roles[design]}
    return cs.Survey(data, **names, cluster_labels="nested")


@pytest.mark.parametrize(
    "row", EXPECTED.to_dict("records"), ids=lambda row: f"{row['design']}-{row['variable']}-{row['domain']}"
)
def test_weighting_equals_r(row: dict) -> None:
    survey = golden_survey(row["design"])
    asked = survey if row["domain"] == "all" else survey.where("sex == 'female'")
    formula = "sex + age_group" if row["domain"] == "all" else "age_group"
    found = observed_mean(asked, LOW if row["variable"] == "low" else row["variable"], given=formula)
    assert found.value[0] == pytest.approx(row["value"], rel=row["tolerance"])
    assert found.std_error[0] == pytest.approx(row["std_error"], rel=row["tolerance"])
    assert (found.n[0], found.df[0]) == (row["n"], row["df"])
    assert found.interval_method == ("logit" if row["variable"] == "low" else "wald")


def test_weighting_by_hand() -> None:
    # Of four young three answer, of two old one does: weights 4/3 and 2.
    data = pd.DataFrame({"old": [0, 0, 0, 0, 1, 1], "low": [1, 0, 0, None, 1, None]})
    found = observed_mean(cs.Survey(data), "low", given="old")
    assert found.value[0] == pytest.approx((4 / 3 + 2) / 6, rel=1e-12)
    # A saturated model: the mean of the groups' means, each with the variance of its mean, and of the share of the old.
    groups = {0: ([1, 0, 0], 4), 1: ([1], 2)}
    contributions = []
    for answers, asked in groups.values():
        mean = np.mean(answers)
        contributions += [(asked / len(answers) * (y - mean) + mean - found.value[0]) / 6 for y in answers]
        contributions += [(mean - found.value[0]) / 6] * (asked - len(answers))
    assert found.std_error[0] == pytest.approx(np.sqrt(6 / 5 * np.sum(np.square(contributions))), rel=1e-9)


def test_weighting_where_nothing_is_missing() -> None:
    survey = clustered(people(share=0.0))
    found = observed_mean(survey, LOW, given="age_years", by=["sex"])
    expected = cs.prevalence(survey, LOW, by=["sex"], interval_method="logit")
    pd.testing.assert_frame_equal(found.to_frame(), expected.to_frame())
    pd.testing.assert_frame_equal(
        observed_mean(survey, "magnesium_mmol_l", given="age_years").to_frame(), level(survey).to_frame()
    )


def test_groups_of_a_saturated_model_are_plain_means() -> None:
    found = observed_mean(SURVEY, "magnesium_mmol_l", given="sex", by=["sex"])
    plain = cs.mean(SURVEY.observed("magnesium_mmol_l"), "magnesium_mmol_l", by=["sex"])
    assert_allclose(found.value, plain.value, rtol=1e-10)
    assert_allclose(found.std_error, plain.std_error, rtol=1e-9)
    one = observed_mean(SURVEY.where("sex == 'male'"), "magnesium_mmol_l", given="1")
    assert_allclose([one.value[0], one.std_error[0]], [found.value[1], found.std_error[1]], rtol=1e-9)


@given(st.floats(0.01, 100), st.randoms(use_true_random=False))
@settings(max_examples=8)
def test_weighting_does_not_hang_on_scale_or_order(factor: float, random: object) -> None:
    data = people()
    order = random.sample(range(len(data)), len(data))
    other = data.iloc[order].assign(weight=data["weight"] * factor)
    first, second = (observed_mean(clustered(each), LOW, given="age_years + sex") for each in (data, other))
    assert_allclose([second.value, second.std_error], [first.value, first.std_error], rtol=1e-8)


def test_weighting_splits_and_tabulates() -> None:
    data = people()
    halves = pd.concat([data.assign(weight=data["weight"] / 2)] * 2, ignore_index=True)
    first, second = (observed_mean(clustered(each), LOW, given="age_years + sex") for each in (data, halves))
    assert_allclose([second.value, second.std_error], [first.value, first.std_error], rtol=1e-9)
    assert second.n[0] == 2 * first.n[0]
    survey = clustered(data.assign(magnesium_mmol_l=data["magnesium_mmol_l"].round(1)))
    whole = observed_mean(survey, "magnesium_mmol_l", given="sex + diabetes", by=["sex"])
    table = observed_mean(
        survey.tabulate(["magnesium_mmol_l", "sex", "diabetes"]), "magnesium_mmol_l", given="sex + diabetes", by=["sex"]
    )
    assert_allclose([table.value, table.std_error, table.n], [whole.value, whole.std_error, whole.n], rtol=1e-9)
    assert "weighted by its chance" in whole.source


def test_weighted_estimates_can_be_compared() -> None:
    weighted, complete = (
        observed_mean(SURVEY, LOW, given="age_years + diabetes"),
        low(SURVEY.observed("magnesium_mmol_l")),
    )
    gap = cs.difference(weighted, complete, label="bias")
    assert 0 < gap.std_error[0] < weighted.std_error[0]


def test_what_cannot_be_weighted() -> None:
    data = people().assign(all_gone=np.nan, name="x")
    data["partly"] = data["magnesium_mmol_l"].mask(data["sex"] == "male")
    survey = clustered(data)
    with pytest.raises(QuestionError, match="has to be the right side of a formula alone"):
        observed_mean(SURVEY, LOW, given="low ~ age_years")
    with pytest.raises(QuestionError, match="nobody in survey is left"):
        observed_mean(survey, "all_gone", given="age_years")
    with pytest.raises(QuestionError, match="'partly' is observed of nobody where sex = 'male'"):
        observed_mean(survey, "partly", given="age_years", by=["sex"])
    with pytest.raises(ConvergenceError, match="separation"):
        observed_mean(survey, "partly", given="sex")
    with pytest.raises(QuestionError, match="observed"):
        observed_mean(survey, LOW, given="partly")
    with pytest.raises(QuestionError, match="is a text"):
        observed_mean(survey, "name", given="age_years")


# Shifts.


def test_a_shift_of_numbers_moves_the_mean_by_its_share() -> None:
    found = delta_adjusted(SETS, "magnesium_mmol_l", [0.05, -0.02], level)
    assert isinstance(found, DeltaAdjusted)
    assert found.deltas.tolist() == [-0.02, 0, 0.05]
    gap = SURVEY.data["magnesium_mmol_l"].isna()
    share = (SURVEY.data["weight"] * gap).sum() / SURVEY.data["weight"].sum()
    values = found.to_frame()["estimate"]
    assert_allclose(values - values[1], found.deltas * share, rtol=1e-9, atol=1e-15)
    plain = pooled(SETS, level)
    assert found.estimates[1].value == plain.value
    assert found.estimates[1].std_error == plain.std_error
    table = found.to_frame()
    assert table.columns.tolist()[:3] == ["term", "delta", "n"]
    assert "shifted in the column's unit" in repr(found)
    assert "<table" in found._repr_html_()


def test_tipping_points() -> None:
    found = delta_adjusted(SETS, "magnesium_mmol_l", [-0.08, -0.04, 0.04, 0.08], level)
    limits = [each.interval() for each in found.estimates]
    null = limits[1].high[0] - 1e-6  # just reached at -0.04
    assert limits[2].low[0] < null < limits[2].high[0]
    point = found.tipping_points(null).iloc[0]
    assert (point["conclusion"], point["below"]) == ("includes", -0.08)
    inside = found.tipping_points(float(found.estimates[2].value[0])).iloc[0]
    assert inside["conclusion"] == "includes"
    assert inside["below"] == max(
        d for d, each in zip(found.deltas, limits, strict=True) if each.high[0] < found.estimates[2].value[0]
    )
    assert found.tipping_points(5.0)["conclusion"].tolist() == ["below"]
    assert found.tipping_points(5.0)[["below", "above"]].to_numpy().tolist() == [[-np.inf, np.inf]]
    with pytest.raises(CrampstatsError, match="null='1' has to be a number"):
        found.tipping_points("1")


def yes_no_sets(m: int = 6) -> Imputations:
    data = people(900, 7)
    rng = np.random.default_rng(8)
    data["diabetes"] = data["diabetes"].astype("Int8").mask(rng.random(900) < 0.3)
    return impute(clustered(data), ["diabetes"], predictors="age_years + sex", m=m, rng=1)


def test_a_shift_of_odds_moves_people_one_way() -> None:
    sets = yes_no_sets()

    def share(survey: cs.Survey) -> cs.Estimate:
        return cs.prevalence(survey, "diabetes == 1")

    found = delta_adjusted(sets, "diabetes", [-1, 1, 2], share, rng=1)
    values = found.to_frame()["estimate"].tolist()
    assert all(a < b for a, b in pairwise(values))
    assert found.estimates[1].value == pooled(sets, share).value
    assert found.unit == "log odds"
    again = delta_adjusted(sets, "diabetes", [2], share, rng=1)
    assert again.estimates[1].value == found.estimates[3].value
    extreme = delta_adjusted(sets, "diabetes", [40], share, rng=1)
    column = sets.column("diabetes")
    everybody = sets.surveys[0].data["diabetes"].where(~column.missing, 1)
    weight = sets.surveys[0].data["weight"]
    assert extreme.estimates[1].value[0] == pytest.approx((weight * everybody).sum() / weight.sum(), rel=1e-12)


def test_a_shift_has_the_odds_ratio_it_promises() -> None:
    sets = yes_no_sets(m=60)
    column = sets.column("diabetes")
    gaps = []

    def kept(survey: cs.Survey) -> cs.Estimate:
        gaps.append(survey.data["diabetes"][column.missing].to_numpy(dtype=float))
        return cs.prevalence(survey, "diabetes == 1")

    delta_adjusted(sets, "diabetes", [1.0], kept, rng=3)
    before, after = np.mean(gaps[:60]), np.mean(gaps[60:])
    # The log odds ratio of averages lies a little below that of people, whose chances differ.
    assert np.log(after / (1 - after)) - np.log(before / (1 - before)) == pytest.approx(0.96, abs=0.08)


def test_texts_of_two_levels_shift_towards_the_later() -> None:
    data = people()
    data["sex"] = data["sex"].mask(np.arange(300) % 4 == 0)
    sets = impute(clustered(data), ["sex"], predictors="age_years", rng=1, m=3)
    found = delta_adjusted(sets, "sex", [3], lambda survey: cs.prevalence(survey, "sex == 'male'"), rng=1)
    assert found.estimates[1].value > found.estimates[0].value


def test_what_cannot_be_shifted() -> None:
    with pytest.raises(QuestionError, match="column='sex' was not imputed"):
        delta_adjusted(SETS, "sex", [1], level)
    with pytest.raises(CrampstatsError, match="has to be a list of numbers"):
        delta_adjusted(SETS, "magnesium_mmol_l", ["a"], level)
    with pytest.raises(QuestionError, match="rng=1: shifts of numbers need no luck"):
        delta_adjusted(SETS, "magnesium_mmol_l", [0.1], level, rng=1)
    with pytest.raises(QuestionError, match="rng=None has to be"):
        delta_adjusted(yes_no_sets(2), "diabetes", [1], level)
    with pytest.raises(QuestionError, match="had no gaps"):
        delta_adjusted(
            impute(clustered(people(share=0)), ["magnesium_mmol_l"], **ASKED), "magnesium_mmol_l", [1], level
        )
    data = people()
    data["class"] = pd.Categorical(np.array(list("abc"))[np.arange(300) % 3], ordered=True)
    data.loc[:20, "class"] = None
    ordered = impute(clustered(data), ["class"], **ASKED)
    with pytest.raises(QuestionError, match="is of ordered categories"):
        delta_adjusted(ordered, "class", [1], level, rng=1)


def test_whole_numbers_may_be_shifted_by_parts_of_one() -> None:
    data = people()
    data["visits"] = pd.Series(np.arange(300) % 7).astype("Int16").mask(np.arange(300) % 5 == 0)
    sets = impute(clustered(data), ["visits"], **ASKED)
    found = delta_adjusted(sets, "visits", [0.5], lambda survey: cs.mean(survey, "visits"))
    gap = np.arange(300) % 5 == 0
    share = (data["weight"] * gap).sum() / data["weight"].sum()
    assert found.estimates[1].value - found.estimates[0].value == pytest.approx(0.5 * share, rel=1e-9)


# Patterns.


def few() -> cs.Survey:
    data = pd.DataFrame(
        {
            "a": [1, None, 3, None, 5, 6],
            "b": [1.0, None, None, None, 5, 6],
            "sex": ["f", "f", "f", "m", "m", "m"],
            "w": [1.0, 2, 3, 4, 5, 5],
        }
    )
    return cs.Survey(data, weight="w", name="few")


def test_patterns_by_hand() -> None:
    found = missing_patterns(few(), ["a", "b"])
    assert found.to_frame().to_dict("list") == {
        "a": [False, True, False],
        "b": [False, True, True],
        "lacking": [0, 2, 1],
        "n": [3, 2, 1],
        "share": [11 / 20, 6 / 20, 3 / 20],
    }
    assert found.complete == 3
    lacking = found.columns_frame()
    assert lacking[["item", "n"]].to_dict("list") == {"item": ["a", "b"], "n": [2, 3]}
    assert_allclose(lacking["share"], [0.3, 0.45])
    assert found.pairs().to_dict("records") == [
        {"first": "a", "second": "b", "both": 2, "only_first": 0, "only_second": 1, "neither": 3}
    ]
    assert repr(found).startswith("<MissingPatterns of few: 6 people, 3 complete, 3 patterns>\n")
    assert "<table" in found._repr_html_()
    assert len(missing_patterns(few().where("sex == 'f'"), ["a", "b"])) == 3


def test_patterns_of_tabulated_people() -> None:
    whole, table = (missing_patterns(each, ["a", "b"]) for each in (few(), few().tabulate(["a", "b"])))
    pd.testing.assert_frame_equal(table.to_frame(), whole.to_frame())


def test_who_lacks_what() -> None:
    found = missing_shares(few(), ["a", "b"], by=["sex"])
    assert found.labels.to_dict("list") == {"term": ["a", "a", "b", "b"], "sex": ["f", "m", "f", "m"]}
    assert_allclose(found.value, [2 / 6, 4 / 14, 5 / 6, 4 / 14])
    known = few().define(gone="a < 4").data["gone"].isna().astype(float)
    plain = cs.prevalence(cs.Survey(few().data.assign(gone=known), weight="w"), "gone == 1", by=["sex"])
    assert_allclose(found.std_error[:2], plain.std_error)


@pytest.mark.parametrize(
    ("columns", "message"),
    [("a", "has to be a list"), ([], "has to be a list"), (["a", "a"], "twice"), (["c"], "no column 'c'")],
)
def test_what_has_no_patterns(columns: object, message: str) -> None:
    with pytest.raises(QuestionError, match=message):
        missing_patterns(few(), columns)
    with pytest.raises(QuestionError, match=message):
        missing_shares(few(), columns)


def test_patterns_need_names_of_their_own() -> None:
    with pytest.raises(QuestionError, match="'n' is a column of the result"):
        missing_patterns(cs.Survey(pd.DataFrame({"n": [1, 2]})), ["n"])


def test_the_picture_of_patterns() -> None:
    _, (ax,) = figures.canvas()
    drawn = draw_missing_patterns(missing_patterns(few(), ["a", "b"]), ax=ax, names={"b": "eGFR", "a": "magnesium"})
    assert drawn.columns.tolist() == ["b", "a", "n", "share", "position"]
    known, missing = (each.get_offsets().tolist() for each in ax.collections)
    assert sorted(missing) == [[0, 1], [0, 2], [1, 1]]
    assert sorted(known) == [[0, 0], [1, 0], [1, 2]]
    assert [each.get_label() for each in ax.collections] == ["known", "missing"]
    (line,) = ax.lines
    assert line.get_xydata().tolist() == [[0, 1], [1, 1]]
    lengths = np.array([bar.get_width() for bar in ax.patches])
    assert_allclose(lengths / lengths[0], [1, 6 / 11, 3 / 11])
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["eGFR\n45.0 %", "magnesium\n30.0 %"]
    assert [text.get_text() for text in ax.texts][:3] == ["55.0 % (3)", "30.0 % (2)", "15.0 % (1)"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]


def test_the_picture_says_what_it_leaves_out() -> None:
    _, (ax,) = figures.canvas()
    draw_missing_patterns(missing_patterns(few(), ["a", "b"]), ax=ax, most=1)
    assert "2 other patterns: 45.0 % (3)" in [text.get_text() for text in ax.texts]
    ax.figure.draw_without_rendering()
    box = ax.figure.bbox
    for text in ax.texts:
        extent = text.get_window_extent()
        assert box.x0 <= extent.x0
        assert extent.x1 <= box.x1
    with pytest.raises(CrampstatsError, match="names has to hold each"):
        draw_missing_patterns(missing_patterns(few(), ["a", "b"]), ax=ax, names={"a": "x"})
    with pytest.raises(CrampstatsError, match="most=0"):
        draw_missing_patterns(missing_patterns(few(), ["a", "b"]), ax=ax, most=0)


def test_numbers_of_half_the_length_are_imputed_as_such() -> None:
    data = people().astype({"magnesium_mmol_l": np.float32})
    sets = impute(cs.Survey(data), ["magnesium_mmol_l"], predictors="age_years", m=2, rng=1)
    filled = sets.surveys[0].data["magnesium_mmol_l"]
    assert filled.dtype == np.float32
    assert set(filled) == set(data["magnesium_mmol_l"].dropna())
    moved = delta_adjusted(sets, "magnesium_mmol_l", [0.1], level).to_frame()["estimate"]
    gaps = data["magnesium_mmol_l"].isna().mean()
    assert moved[1] - moved[0] == pytest.approx(0.1 * gaps, rel=1e-6)  # single precision


def test_categories_of_numbers_may_be_shifted() -> None:
    codes = np.random.default_rng(2).integers(0, 3, 300)
    values = pd.Series(pd.Categorical.from_codes(codes, [10, 20, 30], ordered=True)).mask(np.arange(300) % 5 == 0)
    sets = impute(cs.Survey(people().assign(dose=values)), ["dose"], predictors="age_years", m=2, rng=1)
    moved = delta_adjusted(sets, "dose", [1.5], lambda each: cs.mean(each, "dose")).to_frame()["estimate"]
    assert moved[1] - moved[0] == pytest.approx(1.5 / 5, rel=1e-9)


def test_pooled_results_need_names_of_their_own() -> None:
    data = people().assign(fmi="a", delta="b")
    sets = impute(cs.Survey(data), ["magnesium_mmol_l"], predictors="age_years", m=2, rng=1)
    with pytest.raises(QuestionError, match="pooled: 'fmi' is a column of the result"):
        pooled(sets, lambda each: cs.mean(each, "magnesium_mmol_l", by=["fmi"]))
    with pytest.raises(QuestionError, match="delta_adjusted: 'delta' is a column of the result"):
        delta_adjusted(sets, "magnesium_mmol_l", [0.1], lambda each: cs.mean(each, "magnesium_mmol_l", by=["delta"]))
    with pytest.raises(CrampstatsError, match=r"deltas=0\.1 has to be a list of numbers"):
        delta_adjusted(sets, "magnesium_mmol_l", 0.1, level)


@pytest.mark.parametrize("scale", [None, "identity"])
def test_what_has_no_error_is_not_combined(scale: str | None) -> None:
    sets = impute(cs.Survey(people()), ["magnesium_mmol_l"], predictors="age_years", m=2, rng=1)
    with pytest.raises(CrampstatsError, match="estimate 1 is 0 in set 1 without a standard error"):
        pooled(sets, lambda each: cs.prevalence(each, "magnesium_mmol_l > 9"), scale=scale)


@pytest.mark.parametrize("gaps", [True, False])
def test_a_predictor_that_is_not_there_is_told_by_the_survey_columns(gaps: bool) -> None:
    data = people() if gaps else people().fillna({"magnesium_mmol_l": 0.8})
    with pytest.raises(
        QuestionError, match=r"given='age_year': there is no column 'age_year'; did you mean 'age_years'\?"
    ):
        observed_mean(cs.Survey(data), "magnesium_mmol_l", given="age_year")
