"""The prevalence of a low usual level: by hand, against known normal levels, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import crampstats as cs
from crampstats.errors import CrampstatsError, QuestionError


def draws(n: int, rng: np.random.Generator, *, between: float = 0.05, within: float = 0.03) -> pd.DataFrame:
    usual = rng.normal(0.82, between, n)
    first, second = usual + rng.normal(0, within, n), usual + rng.normal(0, within, n)
    return pd.DataFrame({"first": first, "second": np.where(rng.random(n) < 0.5, second, np.nan)})


def test_by_hand() -> None:
    people = pd.DataFrame({"a": [0.7, 0.8, 0.9, 1.0], "b": [0.72, 0.79, np.nan, 0.99]})
    found = cs.usual_prevalence(cs.Survey(people), "a", "b", at_most=0.75)
    between = np.var([0.7, 0.8, 0.9, 1.0]) - np.mean([0.02**2, 0.01**2, 0.01**2]) / 2
    assert found.value[0] == pytest.approx(norm.cdf((0.75 - 0.85) / np.sqrt(between)), rel=1e-12)
    assert found.labels.loc[0, "term"] == "usual a <= 0.75"


def test_values_and_errors_of_many_samples() -> None:
    truth = norm.cdf((0.75 - 0.82) / 0.05)
    rng = np.random.default_rng(20261125)
    found = [cs.usual_prevalence(cs.Survey(draws(800, rng)), "first", "second", at_most=0.75) for _ in range(300)]
    values = np.array([one.value[0] for one in found])
    errors = np.array([one.std_error[0] for one in found])
    covered = [one.interval().low[0] <= truth <= one.interval().high[0] for one in found]
    assert values.mean() == pytest.approx(truth, abs=4 * values.std(ddof=1) / np.sqrt(300) + 0.0005)
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(values.std(ddof=1), rel=4 / np.sqrt(600))
    assert np.mean(covered) == pytest.approx(0.95, abs=0.04)


def test_a_smaller_spread_within_people_moves_less() -> None:
    rng = np.random.default_rng(3)
    people = cs.Survey(draws(5000, rng))
    one = cs.prevalence(people, "first <= 0.75").value[0]
    usual = cs.usual_prevalence(people, "first", "second", at_most=0.75).value[0]
    assert usual < one


def test_weights_count() -> None:
    people = draws(400, np.random.default_rng(4)).assign(weight=1.0)
    doubled = pd.concat([people.assign(weight=0.5)] * 2, ignore_index=True)
    asked = {"first": "first", "second": "second", "at_most": 0.75}
    once = cs.usual_prevalence(cs.Survey(people, weight="weight"), **asked)
    twice = cs.usual_prevalence(cs.Survey(doubled, weight="weight"), **asked)
    assert twice.value[0] == pytest.approx(once.value[0], rel=1e-10)


def test_no_spread_between_people() -> None:
    people = pd.DataFrame({"a": [0.8, 0.9, 0.8, 0.9], "b": [0.9, 0.8, 0.9, 0.8]})
    with pytest.raises(CrampstatsError, match="no spread between people"):
        cs.usual_prevalence(cs.Survey(people), "a", "b", at_most=0.75)


def test_columns_that_are_not_there() -> None:
    with pytest.raises(QuestionError, match="'c'"):
        cs.usual_prevalence(cs.Survey(pd.DataFrame({"a": [0.8, 0.9]})), "a", "c", at_most=0.75)


@pytest.mark.parametrize("at_most", ["a", None, np.nan, np.inf, True])
def test_a_cutoff_that_is_no_number(at_most: object) -> None:
    with pytest.raises(CrampstatsError, match="has to be a number"):
        cs.usual_prevalence(cs.Survey(draws(100, np.random.default_rng(1))), "first", "second", at_most=at_most)


def test_what_says_nothing_of_usual_levels() -> None:
    people = cs.Survey(draws(100, np.random.default_rng(1)))
    with pytest.raises(CrampstatsError, match="one draw says nothing"):
        cs.usual_prevalence(people, "first", "first", at_most=0.75)
    with pytest.raises(CrampstatsError, match="too far from the levels"):
        cs.usual_prevalence(people, "first", "second", at_most=5)
