"""What must not change an estimate, on surveys that Hypothesis makes up."""

import numpy as np
import pandas as pd
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import crampstats as cs

NAMES = {"weight": "weight", "stratum": "stratum", "cluster": "cluster", "cluster_labels": "nested"}


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    """Return 2 to 4 strata of 2 or 3 clusters of 1 to 5 people, half of them cases, weights of all sizes."""
    sizes = draw(st.lists(st.lists(st.integers(1, 5), min_size=2, max_size=3), min_size=2, max_size=4))
    people = [(h, c) for h, stratum in enumerate(sizes) for c, size in enumerate(stratum) for _ in range(size)]
    weights = draw(st.lists(st.floats(1e-3, 1e6), min_size=len(people), max_size=len(people)))
    answers = draw(st.lists(st.sampled_from([0.0, 1.0, np.nan]), min_size=len(people), max_size=len(people)))
    sexes = draw(st.lists(st.sampled_from("fm"), min_size=len(people), max_size=len(people)))
    ages = draw(st.lists(st.integers(20, 90), min_size=len(people), max_size=len(people)))
    stratum, cluster = zip(*people, strict=True)
    columns = {"stratum": stratum, "cluster": cluster, "weight": weights, "sex": sexes, "age_years": ages}
    return pd.DataFrame({**columns, "cramps": answers})


def answered(data: pd.DataFrame, **names: object) -> cs.Survey:
    assume(data["cramps"].notna().any())
    survey = cs.Survey(data, **{**NAMES, **names}).observed("cramps")
    assume(survey.degrees_of_freedom > 0)
    return survey


def assert_same(one: cs.Estimate, other: cs.Estimate, *, scale: float = 1.0) -> None:
    assert_allclose(other.value, one.value * scale, rtol=1e-10, atol=1e-14)
    # Below this share of the values an error is what rounding leaves of a variance of nothing.
    assert_allclose(
        other.covariance, one.covariance * scale**2, rtol=1e-8, atol=1e-14 * scale**2 * np.max(one.value) ** 2
    )
    assert one.df.tolist() == other.df.tolist()


@given(tables(), st.floats(1e-6, 1e6))
def test_scaling_all_weights(data: pd.DataFrame, factor: float) -> None:
    one, other = answered(data), answered(data.assign(weight=data["weight"] * factor))
    assert_same(cs.prevalence(one, "cramps"), cs.prevalence(other, "cramps"))
    assert_same(cs.mean(one, "age_years"), cs.mean(other, "age_years"))
    assert_same(cs.total(one, "age_years"), cs.total(other, "age_years"), scale=factor)


@given(tables(), st.randoms(use_true_random=False))
def test_shuffling_rows(data: pd.DataFrame, random: object) -> None:
    order = list(range(len(data)))
    random.shuffle(order)
    one, other = answered(data), answered(data.iloc[order])
    assert_same(cs.prevalence(one, "cramps"), cs.prevalence(other, "cramps"))
    assert_same(cs.mean(one, "age_years"), cs.mean(other, "age_years"))


@given(tables(), st.randoms(use_true_random=False))
def test_renaming_strata_and_clusters(data: pd.DataFrame, random: object) -> None:
    labels = ["z", "y", "x", "w"]
    random.shuffle(labels)
    renamed = data.assign(stratum=[labels[code] for code in data["stratum"]], cluster=-data["cluster"])
    assert_same(cs.prevalence(answered(data), "cramps"), cs.prevalence(answered(renamed), "cramps"))


@given(tables())
def test_by_against_where(data: pd.DataFrame) -> None:
    survey = answered(data)
    degrees = {
        sex: survey.where(f"sex == '{sex}'").degrees_of_freedom for sex in set(data["sex"][data["cramps"].notna()])
    }
    assume(all(df > 0 for df in degrees.values()))
    by = cs.prevalence(survey, "cramps", by=["sex"])
    assert set(by.labels["sex"]) == set(degrees)
    for sex in degrees:
        assert_same(by.where(f"sex == '{sex}'"), cs.prevalence(survey.where(f"sex == '{sex}'"), "cramps"))


@given(tables())
def test_one_cluster_a_person_against_no_clusters(data: pd.DataFrame) -> None:
    enough = data.groupby("stratum")["cramps"].transform("size") >= 2
    assert enough.all()
    numbered = data.assign(person=np.arange(len(data)))
    one, other = (answered(numbered, cluster=cluster) for cluster in ("person", None))
    assert_same(cs.prevalence(one, "cramps"), cs.prevalence(other, "cramps"))
    assert_same(cs.total(one, "age_years"), cs.total(other, "age_years"))


@given(tables(), st.integers(0, 1000))
def test_splitting_a_row_in_two_of_half_the_weight(data: pd.DataFrame, pick: int) -> None:
    row = data.iloc[[pick % len(data)]]
    halves = pd.concat(
        [data.drop(row.index), row.assign(weight=row["weight"] / 2), row.assign(weight=row["weight"] / 2)]
    )
    one, other = answered(data), answered(halves)
    assert_same(cs.prevalence(one, "cramps"), cs.prevalence(other, "cramps"))
    assert_same(cs.total(one, "age_years"), cs.total(other, "age_years"))


@given(tables())
def test_tabulating_first(data: pd.DataFrame) -> None:
    for survey in (answered(data), answered(data, cluster=None, weight=None), answered(data, cluster=None)):
        cells = survey.tabulate(["sex", "cramps", "age_years"])
        assert_same(cs.prevalence(survey, "cramps"), cs.prevalence(cells, "cramps"))
        assert_same(cs.total(survey, "age_years"), cs.total(cells, "age_years"))
        assert cs.prevalence(survey, "cramps").n.tolist() == cs.prevalence(cells, "cramps").n.tolist()


@given(tables())
def test_a_question_and_its_denial_add_up(data: pd.DataFrame) -> None:
    survey = answered(data)
    both = cs.prevalence(survey, {"yes": "cramps == 1", "no": "not cramps == 1"})
    assert_allclose(both.value.sum(), 1, rtol=1e-12)
    assert_allclose(both.std_error[0], both.std_error[1], rtol=1e-8, atol=1e-14)


@given(tables())
def test_intervals_hold_their_estimates(data: pd.DataFrame) -> None:
    estimate = cs.prevalence(answered(data), "cramps")
    limits = estimate.interval()
    assert (limits.low <= estimate.value).all()
    assert (estimate.value <= limits.high).all()
    assert ((limits.low >= 0) & (limits.high <= 1)).all()
    assert np.isfinite([limits.low, limits.high, estimate.std_error]).all()


@given(tables(), st.floats(0.1, 10))
def test_the_chain_rule_on_contributions(data: pd.DataFrame, factor: float) -> None:
    survey = answered(data)
    mean = cs.mean(survey, "age_years")
    assert_same(cs.transform(mean, lambda value: factor * value), cs.mean(survey, f"{factor!r} * age_years"))
    halves = cs.ratio(cs.total(survey, "age_years"), cs.total(survey, "age_years == age_years"))
    assert_same(mean, halves)
