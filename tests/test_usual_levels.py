"""Usual levels and components of variance: by hand, against R, against known normal levels, and what is refused."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import multivariate_normal, norm

import crampstats as cs
from crampstats.diagnostics import UsualPrevalence
from crampstats.errors import ConvergenceError, CrampstatsError, DesignError, QuestionError
from crampstats.measurement.usual_levels import draws_needed, usual_prevalence, variance_components
from crampstats.reference import magnesium_variation

FOLDER = Path(__file__).parent / "golden"
DATA = pd.read_csv(FOLDER / "usual_input.csv")
EXPECTED = pd.read_csv(FOLDER / "usual_expected.csv")
NESTED = {"weight": "weight", "stratum": "stratum", "cluster": "cluster", "cluster_labels": "nested"}
SURVEYS = {
    "clusters": cs.Survey(DATA, **NESTED),
    "weights": cs.Survey(DATA, weight="weight"),
    "simple": cs.Survey(DATA),
}
SETS = {
    "unbalanced": ["first", "second", "third"],
    "some": ["first", "second"],
    "balanced": ["first", "balanced"],
}
SCALES = ["normal", "box_cox"]


def compute(row: dict[str, Any]) -> cs.Estimate:
    survey, scale = SURVEYS[row["design"]], row["scale"]
    what, _, cutoff = row["term"].rpartition("_")
    match what:
        case "usual":
            return usual_prevalence(survey, SETS[row["draws"]], at_most=float(cutoff), scale=scale)
        case "one_draw":
            return usual_prevalence(survey, "first", at_most=float(cutoff), cv=0.04, step=0.05, scale=scale)
        case "other_people":
            known = variance_components(SURVEYS["simple"], SETS["balanced"])
            return usual_prevalence(survey, "first", at_most=float(cutoff), cv=known)
        case _:
            return variance_components(survey, SETS[row["draws"]], scale=scale).where(f"term == {row['term']!r}")


@pytest.mark.parametrize(
    "row",
    EXPECTED.to_dict("records"),
    ids=lambda row: f"{row['design']}-{row['draws']}-{row['scale']}-{row['term']}",
)
def test_equals_r(row: dict[str, Any]) -> None:
    found = compute(row)
    assert found.value[0] == pytest.approx(row["value"], rel=row["tolerance"])
    if not np.isnan(row["std_error"]):
        assert found.std_error[0] == pytest.approx(row["std_error"], rel=row["tolerance"])


def people_drawn(n: int, rng: np.random.Generator, *, within: float, repeated: str) -> pd.DataFrame:
    """Return normal usual levels of mean 0.82 and spread 0.05, drawn once or twice."""
    usual = rng.normal(0.82, 0.05, n)
    first, second = usual + rng.normal(0, within, n), usual + rng.normal(0, within, n)
    again = rng.random(n) < 0.5 if repeated == "by chance" else first < 0.8
    return pd.DataFrame({"first": first, "second": np.where(again, second, np.nan)})


# By hand.


def test_balanced_draws_by_hand() -> None:
    people = pd.DataFrame({"a": [0.7, 0.8, 0.9, 1.0], "b": [0.72, 0.79, 0.93, 0.99]})
    within = np.mean([0.02**2, 0.01**2, 0.03**2, 0.01**2]) / 2
    own_mean = np.array([0.71, 0.795, 0.915, 0.995])
    between = own_mean.var() - within / 2
    parts = variance_components(cs.Survey(people), ["a", "b"])
    assert parts.labels["term"].tolist() == ["mean", "sd_between", "sd_within", "cv_within", "icc"]
    expected = [own_mean.mean(), between**0.5, within**0.5, within**0.5 / own_mean.mean(), between / (between + within)]
    assert_allclose(parts.value, expected, rtol=1e-9)
    usual = usual_prevalence(cs.Survey(people), ["a", "b"], at_most=0.75)
    assert usual.value[0] == pytest.approx(norm.cdf((0.75 - own_mean.mean()) / between**0.5), rel=1e-9)
    assert usual.to_frame().columns.tolist() == [
        *("term", "n", "estimate", "std_error", "conf_low", "conf_high", "note"),
    ]
    assert usual.labels["term"].tolist() == ["usual a <= 0.75"]


def test_the_likelihood_is_largest_there() -> None:
    columns = SETS["unbalanced"]
    mean, between, within = variance_components(SURVEYS["weights"], columns).value[:3]

    def likelihood(mean: float, between: float, within: float) -> float:
        total = 0.0
        for weight, *draws in DATA[["weight", *columns]].to_numpy():
            known = np.array([draw for draw in draws if not np.isnan(draw)])
            spread = np.full((len(known), len(known)), between**2) + within**2 * np.eye(len(known))
            total += weight * multivariate_normal.logpdf(known, np.full(len(known), mean), spread)
        return total

    best = np.array([mean, between, within])
    for place in range(3):
        moved = [likelihood(*(best * (1 + step * np.eye(3)[place]))) for step in (-1e-4, 1e-4)]
        # The slope is nothing beside the curvature: both steps lose equally.
        losses = likelihood(*best) - np.array(moved)
        assert losses.min() > 0
        assert losses[0] == pytest.approx(losses[1], rel=0.01)


def test_one_draw_by_hand() -> None:
    survey = cs.Survey(pd.DataFrame({"magnesium_mmol_l": [0.7, 0.8, 0.9, 1.0, 0.8]}))
    found = usual_prevalence(survey, "magnesium_mmol_l", at_most=[0.75, 0.8], cv=[0.02, 0.1])
    assert found.labels[["cv", "at_most"]].to_numpy().tolist() == [[0.02, 0.75], [0.02, 0.8], [0.1, 0.75], [0.1, 0.8]]
    # Reported in steps of 0.1, which add 0.1^2 / 12.
    spread = np.sqrt(np.var([0.7, 0.8, 0.9, 1.0, 0.8]) - (np.array([0.02, 0.02, 0.1, 0.1]) * 0.84) ** 2 - 0.01 / 12)
    assert_allclose(found.value, norm.cdf((np.tile([0.75, 0.8], 2) - 0.84) / spread), rtol=1e-12)
    assert found.n.tolist() == [5] * 4


def test_the_range_of_what_is_published() -> None:
    survey = cs.Survey(DATA.assign(magnesium_mmol_l=DATA["first"]))
    found = usual_prevalence(survey, "magnesium_mmol_l", at_most=0.75)
    totals = magnesium_variation().query("what == 'total'")["value"]
    assert found.labels["cv"].tolist() == [totals.min(), totals.max()] == [0.0269072, 0.0402492]
    again = usual_prevalence(survey, "magnesium_mmol_l", at_most=0.75, cv=[0.0269072, 0.0402492])
    assert_allclose(found.value, again.value, rtol=1e-15)
    assert found.std_error.tolist() == again.std_error.tolist()


def test_several_cutoffs_are_those_of_each() -> None:
    survey = SURVEYS["clusters"]
    both = usual_prevalence(survey, SETS["some"], at_most=[0.70, 0.75])
    assert both.labels["at_most"].tolist() == [0.70, 0.75]
    each = [usual_prevalence(survey, SETS["some"], at_most=cutoff) for cutoff in (0.70, 0.75)]
    assert_allclose(both.value, [one.value[0] for one in each], rtol=1e-14)
    assert_allclose(both.std_error, [one.std_error[0] for one in each], rtol=1e-8)
    gap = cs.difference(both.where("at_most == 0.75"), both.where("at_most == 0.70"), label="between")
    assert gap.value[0] == pytest.approx(both.value[1] - both.value[0], rel=1e-14)


def test_people_counted() -> None:
    parts = variance_components(SURVEYS["clusters"], SETS["unbalanced"])
    again = int((DATA[["second", "third"]].notna().any(axis=1)).sum())
    assert parts.n.tolist() == [200, 200, again, again, again]
    assert parts.df.tolist() == [15] * 5


def test_the_error_of_a_variation_from_other_people_is_added() -> None:
    survey = SURVEYS["clusters"]
    other = variance_components(cs.Survey(DATA), SETS["balanced"]).where("term == 'cv_within'")
    cv, error = other.value[0], other.std_error[0]
    found = usual_prevalence(survey, "first", at_most=0.75, cv=other)
    known = usual_prevalence(survey, "first", at_most=0.75, cv=float(cv), step=0)
    near = usual_prevalence(survey, "first", at_most=0.75, cv=[cv - 1e-5, cv + 1e-5], step=0).value
    slope = (near[1] - near[0]) / 2e-5
    assert found.value[0] == pytest.approx(known.value[0], rel=1e-12)
    assert found.labels["cv"].tolist() == [cv]
    # The slope by differences is good to seven digits.
    assert found.std_error[0] == pytest.approx(np.hypot(known.std_error[0], slope * error), rel=1e-6)
    assert len(found.components) == 2


# What must not change anything.


def same(one: cs.Estimate, other: cs.Estimate) -> None:
    assert_allclose(other.value, one.value, rtol=1e-8)
    assert_allclose(other.std_error, one.std_error, rtol=1e-7)  # derivatives are numerical, good to 1e-8 each


def asked(survey: cs.Survey, scale: str) -> list[cs.Estimate]:
    return [
        variance_components(survey, SETS["unbalanced"], scale=scale),
        usual_prevalence(survey, SETS["unbalanced"], at_most=[0.7, 0.8], scale=scale),
        usual_prevalence(survey, "first", at_most=[0.7, 0.8], cv=[0.02, 0.04], scale=scale),
    ]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("design", SURVEYS)
def test_order_weights_and_tables(design: str, scale: str) -> None:
    names = {"clusters": NESTED, "weights": {"weight": "weight"}, "simple": {}}[design]
    found = asked(SURVEYS[design], scale)
    scaled = DATA.assign(weight=DATA["weight"] * 7.0)
    halves = pd.concat([DATA.assign(weight=DATA["weight"] / 2)] * 2, ignore_index=True)
    surveys = [
        cs.Survey(DATA.iloc[np.random.default_rng(5).permutation(len(DATA))], **names),
        cs.Survey(scaled, **names),
        SURVEYS[design].tabulate(SETS["unbalanced"]),
    ]
    if design == "clusters":
        surveys.append(cs.Survey(halves, **names))
    for survey in surveys:
        for one, other in zip(found, asked(survey, scale), strict=True):
            same(one, other)


@pytest.mark.parametrize("scale", SCALES)
def test_a_domain_is_its_people_with_the_others_in_the_design(scale: str) -> None:
    data = DATA.assign(low=DATA["stratum"] <= 2)
    inside = cs.Survey(data, weight="weight").where("low")
    alone = cs.Survey(data[data["low"]], weight="weight")
    for one, other in zip(asked(inside, scale), asked(alone, scale), strict=True):
        assert_allclose(one.value, other.value, rtol=1e-9)
        # Contributions are the same; n / (n - 1) is that of all people or of those inside.
        assert_allclose(one.std_error, other.std_error * np.sqrt(200 / 199 * 79 / 80), rtol=1e-7)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("unit", [1e-3, 0.015625, 2.4305, 1e3])
def test_the_unit_changes_no_share(scale: str, unit: float) -> None:
    columns = SETS["unbalanced"]
    other = cs.Survey(DATA.assign(**{name: DATA[name] * unit for name in columns}), **NESTED)
    one = usual_prevalence(SURVEYS["clusters"], columns, at_most=0.75, scale=scale)
    same(one, usual_prevalence(other, columns, at_most=0.75 * unit, scale=scale))
    parts = variance_components(SURVEYS["clusters"], columns, scale=scale)
    moved = variance_components(other, columns, scale=scale)
    factor = np.where(parts.labels["term"].isin(["mean", "median", "sd_between", "sd_within"]), unit, 1.0)
    assert_allclose(moved.value, parts.value * factor, rtol=1e-7)
    assert_allclose(moved.std_error, parts.std_error * factor, rtol=1e-6)


def test_later_draws_in_another_order() -> None:
    found = variance_components(cs.Survey(DATA), ["first", "second", "third"])
    swapped = DATA.assign(second=DATA["third"], third=DATA["second"])
    same(found, variance_components(cs.Survey(swapped), ["first", "second", "third"]))


# Many samples.


@pytest.mark.parametrize("repeated", ["by chance", "where the first is low"])
def test_values_and_errors_of_many_samples(repeated: str) -> None:
    """Repeats on account of a low first draw mislead their differences by 2.5 % here, and not the likelihood."""
    rng = np.random.default_rng(20261125)
    shares, components, differences = [], [], []
    for _ in range(300):
        people = people_drawn(800, rng, within=0.04, repeated=repeated)
        survey = cs.Survey(people)
        shares.append(usual_prevalence(survey, ["first", "second"], at_most=0.75))
        components.append(variance_components(survey, ["first", "second"]))
        differences.append(np.sqrt(np.mean((people["first"] - people["second"]) ** 2) / 2))
    share = norm.cdf((0.75 - 0.82) / 0.05)
    values = np.column_stack([[one.value[0] for one in shares], [one.value[:4] for one in components]])
    errors = np.column_stack([[one.std_error[0] for one in shares], [one.std_error[:4] for one in components]])
    for truth, found, told in zip([share, 0.82, 0.05, 0.04, 0.04 / 0.82], values.T, errors.T, strict=True):
        # Maximum likelihood is off by about one part in the number of people.
        assert found.mean() == pytest.approx(truth, abs=4 * found.std(ddof=1) / np.sqrt(300) + truth / 400)
        assert np.sqrt(np.mean(told**2)) == pytest.approx(found.std(ddof=1), rel=4 / np.sqrt(600))
    limits = [one.interval() for one in shares]
    covered = [limit.low[0] <= share <= limit.high[0] for limit in limits]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.04)
    misled = {"by chance": 0.04, "where the first is low": 0.041}[repeated]
    assert np.mean(differences) == pytest.approx(misled, abs=0.0004)


def test_likelihood_beside_moments_of_the_first_draw_and_of_differences() -> None:
    """The same on average, and less spread by about a twentieth where three in ten have a second draw."""
    rng = np.random.default_rng(1)
    likelihood, moments = [], []
    for _ in range(400):
        usual = rng.normal(0.82, 0.05, 800)
        first, second = (usual + rng.normal(0, 0.04, 800) for _ in range(2))
        second = np.where(rng.random(800) < 0.3, second, np.nan)
        survey = cs.Survey(pd.DataFrame({"first": first, "second": second}))
        likelihood.append(usual_prevalence(survey, ["first", "second"], at_most=0.75).value[0])
        between = first.var() - np.nanmean((first - second) ** 2) / 2
        moments.append(norm.cdf((0.75 - first.mean()) / np.sqrt(between)))
    gaps = np.subtract(likelihood, moments)
    assert gaps.mean() == pytest.approx(0, abs=4 * gaps.std(ddof=1) / 20)
    assert np.std(likelihood) / np.std(moments) == pytest.approx(0.95, abs=0.05)


def test_power_of_a_transformation() -> None:
    """Cube roots are normal: a normal scale finds twice the share, the transformed one does not."""
    rng = np.random.default_rng(8)
    found = []
    truth = norm.cdf((0.45 ** (1 / 3) - 0.93) / 0.08)
    for _ in range(200):
        usual = rng.normal(0.93, 0.08, 1000)
        draws = [(usual + rng.normal(0, 0.04, 1000)) ** 3 for _ in range(2)]
        survey = cs.Survey(pd.DataFrame({"a": draws[0], "b": draws[1]}))
        found.append(usual_prevalence(survey, ["a", "b"], at_most=0.45, scale="box_cox"))
        if len(found) == 1:
            powers = variance_components(survey, ["a", "b"], scale="box_cox").where("term == 'lambda'")
            assert powers.value[0] == pytest.approx(1 / 3, abs=3 * powers.std_error[0])
            normal = usual_prevalence(survey, ["a", "b"], at_most=0.45).value[0]
    values = np.array([one.value[0] for one in found])
    errors = np.array([one.std_error[0] for one in found])
    assert values.mean() == pytest.approx(truth, abs=4 * values.std(ddof=1) / np.sqrt(200))
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(values.std(ddof=1), rel=4 / np.sqrt(400))
    assert normal / truth == pytest.approx(2.1, abs=0.4)


@pytest.mark.parametrize("step", [0.1, 0.25])
def test_rounding_is_taken_off_one_draw(step: float) -> None:
    """Steps of 0.1 mg/dL add 4 % to the variance of levels as in Germany, steps of 0.25 a quarter."""
    rng = np.random.default_rng(11)
    usual = rng.normal(2.0, 0.14, 400_000)
    drawn = usual * (1 + rng.normal(0, 0.027, 400_000))
    survey = cs.Survey(pd.DataFrame({"magnesium_mg_dl": np.round(drawn / step) * step}))
    smooth = cs.Survey(pd.DataFrame({"magnesium_mg_dl": drawn}))
    asked = {"at_most": 1.8, "cv": 0.027}
    found = usual_prevalence(survey, "magnesium_mg_dl", **asked)
    as_it_was = usual_prevalence(smooth, "magnesium_mg_dl", **asked)
    left_in = usual_prevalence(survey, "magnesium_mg_dl", **asked, step=0)
    # Rounding errors of single people average to 0.0003 of a share; Sheppard's correction itself is good to 1 % of the
    # variance at the coarser step.
    assert found.value[0] == pytest.approx(as_it_was.value[0], abs=0.002)
    spread = np.sqrt(0.14**2 + step**2 / 12)
    assert left_in.value[0] == pytest.approx(norm.cdf(-0.2 / spread), abs=0.003)
    found_at = usual_prevalence(survey, "magnesium_mg_dl", **asked, step=step)
    assert found_at.value[0] == found.value[0]


def test_rounding_is_in_what_two_draws_differ_by() -> None:
    rng = np.random.default_rng(12)
    usual = rng.normal(2.0, 0.14, 200_000)
    draws = [np.round(usual + rng.normal(0, 0.08, 200_000), 1) for _ in range(2)]
    parts = variance_components(cs.Survey(pd.DataFrame({"a": draws[0], "b": draws[1]})), ["a", "b"])
    assert parts.value[2] ** 2 == pytest.approx(0.08**2 + 0.01 / 12, rel=0.02)
    # Errors of rounding that the two draws share stay in the spread between people: less than 1 % of it.
    assert parts.value[1] == pytest.approx(0.14, rel=0.01)


# What is refused.


def test_first_draws_that_are_missing() -> None:
    survey = cs.Survey(pd.DataFrame({"a": [0.8, np.nan, 0.9, 0.7], "b": [0.8, 0.7, 0.85, 0.75]}))
    with pytest.raises(QuestionError, match=r"first ask observed\('a'\)"):
        usual_prevalence(survey, ["a", "b"], at_most=0.75)
    assert variance_components(survey.observed("a"), ["a", "b"]).n.tolist() == [3] * 5


def test_columns_that_are_not_there_or_empty() -> None:
    survey = cs.Survey(pd.DataFrame({"a": [0.8, 0.9], "b": [np.nan, np.nan]}))
    with pytest.raises(QuestionError, match="'c'"):
        usual_prevalence(survey, ["a", "c"], at_most=0.75)
    with pytest.raises(QuestionError, match="observed b: nobody"):
        usual_prevalence(survey, ["a", "b"], at_most=0.75)


def test_no_spread_between_people_or_within() -> None:
    survey = cs.Survey(pd.DataFrame({"a": [0.8, 0.9, 0.8, 0.9], "b": [0.9, 0.8, 0.9, 0.8], "c": [0.8, 0.9, 0.8, 0.9]}))
    with pytest.raises(CrampstatsError, match="'a', 'b' leave no spread between people"):
        usual_prevalence(survey, ["a", "b"], at_most=0.75)
    with pytest.raises(CrampstatsError, match="draws of each person are alike: 'a', 'c'"):
        variance_components(survey, ["a", "c"])
    with pytest.raises(CrampstatsError, match=r"cv=0\.08 leave no spread .*'a' varies by 0\.05882 of its centre"):
        usual_prevalence(survey, "a", at_most=0.8, cv=0.08, step=0)
    coarse = cs.Survey(pd.DataFrame({"a": [0.7, 0.8, 0.9, 1.0]}))
    left = 0.0125 - (0.13 * 0.85) ** 2
    found = usual_prevalence(coarse, "a", at_most=0.8, cv=0.13, step=0)
    assert found.value[0] == pytest.approx(norm.cdf(-0.05 / np.sqrt(left)), rel=1e-9)
    with pytest.raises(CrampstatsError, match=r"cv=0\.13 and steps of 0\.1 leave no spread"):
        usual_prevalence(coarse, "a", at_most=0.8, cv=0.13)


def test_repeats_in_one_cluster_have_no_error() -> None:
    data = DATA.assign(second=DATA["second"].where((DATA["stratum"] == 1) & (DATA["cluster"] == 1)))
    with pytest.raises(DesignError, match=r"no degrees of freedom .* two draws or more of first, second"):
        variance_components(cs.Survey(data, **NESTED), SETS["some"])


CUTOFF = {"at_most": 0.75}


@pytest.mark.parametrize(
    ("draws", "arguments", "message"),
    [
        ("first", {"at_most": "a"}, "at_most='a' has to be a number, or several, in the unit of 'first'"),
        ("first", {"at_most": None}, "at_most=None has to be a number"),
        ("first", {"at_most": [0.7, np.nan]}, "has to be a number"),
        ("first", {"at_most": np.inf}, "has to be a number"),
        ("first", {"at_most": True}, "has to be a number"),
        ("first", {"at_most": []}, "has to be a number"),
        ("first", {"at_most": [0.7, 0.7]}, "names a cut-off twice"),
        (SETS["some"], {"at_most": 5}, "'usual first <= 5' lies too far from the levels of 'first'"),
        ([], CUTOFF, "has to be a column, or a list"),
        (["first", "first"], CUTOFF, "names a column twice; one draw says nothing"),
        (SETS["some"], {**CUTOFF, "cv": 0.02}, "cv=0.02: several draws tell themselves"),
        (SETS["some"], {**CUTOFF, "step": 0.1}, "step=0.1: several draws tell themselves"),
        (SETS["some"], {**CUTOFF, "scale": "log"}, "scale='log' is unknown: choose from normal, box_cox"),
        ("first", CUTOFF, "cv=None takes what is published of serum magnesium, and 'first' is not named so"),
        ("first", {**CUTOFF, "cv": 2.0}, "cv=2.0 has to be a share from 0 to 1"),
        ("first", {**CUTOFF, "cv": [0.02, -0.1]}, "has to be a share from 0 to 1"),
        ("first", {**CUTOFF, "cv": []}, "has to be a share from 0 to 1"),
        ("first", {**CUTOFF, "cv": "2 %"}, "cv='2 %' has to be a share"),
        ("first", {**CUTOFF, "cv": 0.02, "step": -1}, "step=-1 has to be a number, not negative"),
        ("first", {**CUTOFF, "cv": 0.02, "step": 0.3}, "reported in steps of 0.3, too coarse beside its spread"),
        ("first", {"at_most": 0, "cv": 0.02, "scale": "box_cox"}, "levels above 0 only"),
        ("negative", {**CUTOFF, "cv": 0.02}, "needs one above 0"),
        ("negative", {**CUTOFF, "cv": 0.02, "scale": "box_cox"}, "negative: scale='box_cox' knows levels above 0"),
    ],
)
def test_arguments_that_do_not_fit(draws: Any, arguments: dict[str, Any], message: str) -> None:
    survey = cs.Survey(DATA.assign(negative=-DATA["first"]))
    with pytest.raises(CrampstatsError, match=re.escape(message)):
        usual_prevalence(survey, draws, **arguments)


def test_components_of_one_draw_or_of_negative_levels() -> None:
    survey = cs.Survey(DATA.assign(a=-DATA["first"], b=-DATA["balanced"]))
    with pytest.raises(CrampstatsError, match="one draw says nothing of how draws differ"):
        variance_components(survey, "first")
    with pytest.raises(
        CrampstatsError, match=r"'a' has the mean -0\.8375; a coefficient of variation needs one above 0"
    ):
        variance_components(survey, ["a", "b"])


def test_a_variation_that_is_none_or_of_the_same_people() -> None:
    survey = SURVEYS["clusters"]
    with pytest.raises(CrampstatsError, match="one row 'cv_within', as variance_components gives it; it has first"):
        usual_prevalence(survey, "first", at_most=0.75, cv=cs.mean(SURVEYS["simple"], "first"))
    with pytest.raises(DesignError, match="cv comes from this very survey"):
        usual_prevalence(survey, "first", at_most=0.75, cv=variance_components(survey, SETS["some"]))


def test_levels_that_no_power_makes_normal() -> None:
    survey = cs.Survey(pd.DataFrame({"a": [1.0, 1.0, 1.0, 1.0]}))
    with pytest.raises(ConvergenceError, match="no power brings 'a' near a normal curve"):
        usual_prevalence(survey, "a", at_most=0.75, cv=0.02, scale="box_cox")


# As a value, and for planning.


def test_as_a_value() -> None:
    way = UsualPrevalence(["first", "second"], [0.7, 0.75], scale="box_cox")
    assert way.draws == ("first", "second")
    expected = usual_prevalence(SURVEYS["simple"], SETS["some"], at_most=[0.7, 0.75], scale="box_cox")
    assert way(SURVEYS["simple"]).value.tolist() == expected.value.tolist()
    one = UsualPrevalence("first", 0.75, cv=0.04, step=0.05)(SURVEYS["simple"])
    row = EXPECTED.query("design == 'simple' and term == 'one_draw_0.75' and scale == 'normal'").iloc[0]
    assert one.value[0] == pytest.approx(row["value"], rel=1e-8)


@pytest.mark.parametrize(
    ("arguments", "draws"),
    [
        ({"icc": 0.5, "reliability": 0.5}, 1),
        ({"icc": 0.5, "reliability": 0.8}, 4),
        ({"icc": 0.5, "reliability": 0.81}, 5),
        ({"icc": 0.9, "reliability": 0.5}, 1),
        ({"cv": 0.036, "within": 0.03}, 6),  # (1.96 * 0.036 / 0.03)^2 = 5.53
        ({"cv": 0.02, "within": 0.04}, 1),
        ({"cv": 0.02, "within": 0.02, "level": 0.99}, 7),  # 2.5758^2 = 6.63
    ],
)
def test_draws_needed(arguments: dict[str, float], draws: int) -> None:
    assert draws_needed(**arguments) == draws


@given(icc=st.floats(0.05, 0.95), reliability=st.floats(0.05, 0.99))
def test_so_many_draws_are_reliable_and_one_less_are_not(icc: float, reliability: float) -> None:
    draws = draws_needed(icc=icc, reliability=reliability)

    def reliable(k: int) -> float:
        return k * icc / (1 + (k - 1) * icc)

    assert reliable(draws) >= reliability * (1 - 1e-8)
    assert draws == 1 or reliable(draws - 1) <= reliability * (1 + 1e-8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "draws_needed got nothing: give icc and reliability, or cv and within, not both"),
        ({"icc": 0.5}, "draws_needed got icc: give"),
        ({"icc": 0.5, "within": 0.02}, "draws_needed got icc, within: give"),
        ({"icc": 0.5, "reliability": 0.9, "cv": 0.1, "within": 0.1}, "not both"),
        ({"icc": 1.0, "reliability": 0.9}, "icc=1.0 has to be a number between 0 and 1"),
        ({"cv": 3.6, "within": 0.03}, "cv=3.6 has to be a number between 0 and 1"),
        ({"cv": 0.036, "within": 0.03, "level": 95}, "level=95 has to be a number between 0 and 1"),
    ],
)
def test_plans_that_do_not_fit(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(CrampstatsError, match=re.escape(message)):
        draws_needed(**arguments)
