"""Many analyses at once: shares of variance by hand and by all orders, each specification against its direct call."""

import math
from dataclasses import replace
from functools import cache
from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import crampstats as cs
from crampstats.errors import CrampstatsError, QuestionError
from crampstats.estimates import stacked
from crampstats.measurement.rounding import fit_rounded
from crampstats.measurement.usual_levels import usual_prevalence
from crampstats.multiverse import CHOICES, Cutoff, Multiverse, choice_shares, named_cutoffs, specifications

COLUMN = "magnesium_mg_dl"
LIMITS = {
    "at most 0.70": Cutoff(0.70, "at most"),
    "below 0.75": Cutoff(0.75),
    "by sex": Cutoff({"female": 0.77, "male": 0.73}),
    "1.7 mg/dL": Cutoff(1.7, "below", "mg/dL"),
}
ENDS = (1.4, 2.5)
# 0.75 and the limits by sex in mg/dL, and the question that they ask
MG = {limit: limit * 2.4305 for limit in (0.70, 0.73, 0.75, 0.77)}
BY_SEX = f"(sex == 'female' and {COLUMN} < {MG[0.77]!r}) or (sex == 'male' and {COLUMN} < {MG[0.73]!r})"  # fmt: skip
QUESTIONS = {
    "at most 0.70": f"{COLUMN} <= {MG[0.70]!r}",
    "below 0.75": f"{COLUMN} < {MG[0.75]!r}",
    "by sex": BY_SEX,
    "1.7 mg/dL": f"{COLUMN} < 1.7",
}


@cache
def nhanes() -> cs.Survey:
    return cs.datasets.nhanes_magnesium().observed(COLUMN).where("age_group != '18-19'")


@cache
def unweighted() -> cs.Survey:
    survey = nhanes()
    data = survey.data.assign(asked=survey.domain)
    names = {"stratum": "stratum", "cluster": "cluster", "cluster_labels": "nested", "count": "n"}
    return cs.Survey(data, **names).where("asked")


@cache
def many() -> Multiverse:
    return specifications({"A": nhanes()}, COLUMN, cutoffs=LIMITS, standards=[None, "esp_2013"], ends={"A": ENDS})


def chosen(found: Multiverse, **options: str) -> cs.Estimate:
    """Return the one specification with these options."""
    asked = " and ".join(f"{name} == {option!r}" for name, option in options.items())
    (estimate,) = found.where(asked).estimates
    return estimate


def assert_same(found: cs.Estimate, expected: cs.Estimate, rtol: float = 1e-9) -> None:
    """Value, standard error, degrees of freedom, people and interval."""
    assert_allclose(found.value, expected.value, rtol=rtol)
    assert_allclose(found.std_error, expected.std_error, rtol=rtol)
    assert_allclose(found.df, expected.df)
    assert_allclose(found.n, expected.n)
    limits, others = found.interval(), expected.interval()
    assert_allclose([limits.low, limits.high], [others.low, others.high], rtol=rtol)


def factorial(outcomes: list[float], **options: list[str]) -> pd.DataFrame:
    """Return a table of all combinations of options, the last choice varying fastest."""
    table = pd.DataFrame(list(product(*options.values())), columns=list(options))
    return table.assign(estimate=outcomes)


def by_orders(table: pd.DataFrame, choices: list[str]) -> dict[str, float]:
    """Return Shapley shares by what each choice adds in every order, group means by pandas."""
    y = table["estimate"]

    def worth(known: tuple[str, ...]) -> float:
        if not known:
            return 0.0
        return float(y.groupby([table[name] for name in known], observed=True).transform("mean").var(ddof=0))

    added = dict.fromkeys(choices, 0.0)
    for order in permutations(choices):
        for place, name in enumerate(order):
            added[name] += worth(order[: place + 1]) - worth(order[:place])
    return {name: value / sum(added.values()) for name, value in added.items()}


def test_two_choices_that_add_up() -> None:
    # a moves by 6 points, b by 2: variances 9 and 1
    table = factorial([0.10, 0.12, 0.16, 0.18], a=["low", "high"], b=["one", "two"])
    found = choice_shares(table, ["b", "a"])
    assert found["choice"].tolist() == ["a", "b"]
    assert_allclose(found["share"], [0.9, 0.1], rtol=1e-12)
    assert_allclose(found["alone"], [0.9, 0.1], rtol=1e-12)
    assert_allclose(found["at_last"], [0.9, 0.1], rtol=1e-12)
    assert_allclose(found["range"], [6.0, 2.0], rtol=1e-12)
    assert found["lowest"].tolist() == ["low", "one"]
    assert found["highest"].tolist() == ["high", "two"]
    assert found["note"].tolist() == ["", ""]


def test_an_interaction_is_split_evenly() -> None:
    # deviations: ±3 by a, ±1 by b, ±2 by both together: 9, 1 and 4 of 14
    table = factorial([0.10 + x for x in (-0.02, -0.04, 0.0, 0.06)], a=["0", "1"], b=["0", "1"])
    found = choice_shares(table, ["a", "b"]).set_index("choice")
    assert_allclose(found.loc[["a", "b"], "share"], [11 / 14, 3 / 14], rtol=1e-12)
    assert_allclose(found.loc[["a", "b"], "alone"], [9 / 14, 1 / 14], rtol=1e-12)
    assert_allclose(found.loc[["a", "b"], "at_last"], [13 / 14, 5 / 14], rtol=1e-12)


def test_two_by_three_options() -> None:
    # a: ±2 points, variance 4; b: -3, 0, 3 points, variance 6
    table = factorial([0.05, 0.08, 0.11, 0.09, 0.12, 0.15], a=["0", "1"], b=["x", "y", "z"])
    found = choice_shares(table, ["a", "b"]).set_index("choice")
    assert_allclose(found.loc[["a", "b"], "share"], [0.4, 0.6], rtol=1e-12)
    assert_allclose(found.loc[["a", "b"], "range"], [4.0, 6.0], rtol=1e-12)
    assert found.loc["b", ["lowest", "highest", "options"]].tolist() == ["x", "z", 3]


def test_combinations_left_out() -> None:
    # variances: total 2, of a 0.5, of b 2; like with like a moves nothing and b 3 points
    table = pd.DataFrame({"a": ["1", "1", "2"], "b": ["1", "2", "2"], "estimate": [0.10, 0.13, 0.13]})
    found = choice_shares(table, ["a", "b"]).set_index("choice")
    assert_allclose(found.loc[["a", "b"], "share"], [0.125, 0.875], rtol=1e-12)
    assert_allclose(found.loc[["a", "b"], "at_last"], [0.0, 0.75], atol=1e-12)
    assert_allclose(found.loc[["a", "b"], "range"], [0.0, 3.0], atol=1e-12)


def test_choices_that_never_vary_alone() -> None:
    table = pd.DataFrame({"a": ["1", "2"], "b": ["x", "y"], "estimate": [0.1, 0.2]})
    found = choice_shares(table, ["a", "b"])
    assert_allclose(found["share"], [0.5, 0.5])
    assert found["range"].tolist() == [0.0, 0.0]
    assert found["note"].tolist() == ["never varies without the other choices"] * 2


def test_log_odds() -> None:
    odds = np.array([1 / 9, 2 / 9, 4 / 9, 8 / 9])  # a: times 4, b: times 2
    table = factorial(list(odds / (1 + odds)), a=["0", "1"], b=["0", "1"])
    found = choice_shares(table, ["a", "b"], scale="logit")
    assert_allclose(found["share"], [0.8, 0.2], rtol=1e-10)
    assert_allclose(np.exp(found["range"]), [4.0, 2.0], rtol=1e-10)


@st.composite
def designs(draw: st.DrawFn) -> pd.DataFrame:
    """Return tables of three choices, some combinations left out."""
    whole = [f"{a}{b}{c}" for a, b, c in product("01", "01", "012")]
    kept = draw(st.lists(st.sampled_from(whole), min_size=4, max_size=12, unique=True))
    outcomes = draw(st.lists(st.integers(1, 99), min_size=len(kept), max_size=len(kept), unique=True))
    return pd.DataFrame({name: [row[place] for row in kept] for place, name in enumerate("abc")}).assign(
        estimate=np.array(outcomes) / 100
    )


@given(designs())
def test_shares_are_those_of_all_orders(table: pd.DataFrame) -> None:
    found = choice_shares(table, ["a", "b", "c"]).set_index("choice")
    expected = by_orders(table, ["a", "b", "c"])
    assert_allclose(found["share"].sum(), 1.0, rtol=1e-10)
    assert_allclose(found.loc[list(expected), "share"], list(expected.values()), atol=1e-10)


@given(designs(), st.randoms(use_true_random=False))
def test_neither_the_order_of_rows_nor_of_choices_matters(table: pd.DataFrame, luck: object) -> None:
    rows, choices = list(range(len(table))), ["a", "b", "c"]
    luck.shuffle(rows)
    luck.shuffle(choices)
    first = choice_shares(table, ["a", "b", "c"]).set_index("choice").loc[["a", "b", "c"]]
    other = choice_shares(table.iloc[rows], choices).set_index("choice").loc[["a", "b", "c"]]
    for name in ("share", "alone", "at_last", "range"):
        assert_allclose(other[name].astype(float), first[name].astype(float), atol=1e-10)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"scale": "odds"}, "scale='odds' is unknown: choose from percent, logit"),
        ({}, {"choices": ["a", "c"]}, "'c' is no column of the table; these are"),
        ({}, {"choices": []}, "has to name one to 12 columns"),
        ({}, {"choices": ["a", "a"]}, "each once"),
        ({}, {"choices": ["a"]}, "two rows have the same options of a"),
        ({"estimate": [0.1, 0.1, 0.1, 0.1]}, {}, "all estimates are equal"),
        ({"estimate": [0.1, np.nan, 0.1, 0.1]}, {}, "'estimate' is missing"),
        ({"b": ["x", None, "x", "y"]}, {}, "'b' is missing"),
        ({"estimate": [0.0, 0.2, 0.1, 0.3]}, {"scale": "logit"}, "has no logit"),
        ({"estimate": ["0.1", "0.2", "0.1", "0.3"]}, {}, "'estimate' has to hold finite numbers"),
        ({"estimate": [0.1, np.inf, 0.1, 0.3]}, {}, "'estimate' has to hold finite numbers"),
    ],
)
def test_tables_without_shares(change: dict, options: dict, message: str) -> None:
    table = factorial([0.1, 0.2, 0.3, 0.5], a=["0", "1"], b=["0", "1"]).assign(**change)
    with pytest.raises(CrampstatsError, match=message):
        choice_shares(table, options.pop("choices", ["a", "b"]), **options)


@pytest.mark.parametrize("standard", ["none", "esp_2013"])
@pytest.mark.parametrize("weighting", ["weighted", "unweighted"])
@pytest.mark.parametrize("name", list(LIMITS))
def test_reported_values_equal_a_prevalence(name: str, weighting: str, standard: str) -> None:
    options = {
        "cutoff": name,
        "weighting": weighting,
        "standard": standard,
        "value": "reported",
        "level": "single draw",
    }
    survey = nhanes() if weighting == "weighted" else unweighted()
    if standard == "none":
        expected = cs.prevalence(survey, QUESTIONS[name])
    else:
        expected = cs.standardize(cs.prevalence(survey, QUESTIONS[name], by=["age_group"]), standard, over="age_group")
    assert_same(chosen(many(), **options), expected)


@pytest.mark.parametrize("weighting", ["weighted", "unweighted"])
@pytest.mark.parametrize(("level", "cv"), [("single draw", 0.0), ("usual (CV 2 %)", 0.02)])
def test_derounded_values_equal_a_fit(level: str, cv: float, weighting: str) -> None:
    survey = nhanes() if weighting == "weighted" else unweighted()
    fit = fit_rounded(survey, COLUMN, step=0.1, lowest=ENDS[0], highest=ENDS[1])
    options = {"weighting": weighting, "standard": "none", "value": "derounded (normal)", "level": level}
    # a fit stops within a millionth of a standard error of the maximum, and rows come in another order
    assert_same(chosen(many(), cutoff="below 0.75", **options), fit.prevalence([0.75], unit="mmol/L", cv=cv), rtol=1e-6)
    assert_same(chosen(many(), cutoff="1.7 mg/dL", **options), fit.prevalence([1.7], cv=cv), rtol=1e-6)


@pytest.mark.parametrize("weighting", ["weighted", "unweighted"])
def test_usual_levels_of_reported_values(weighting: str) -> None:
    survey = nhanes() if weighting == "weighted" else unweighted()
    options = {"weighting": weighting, "standard": "none", "value": "reported", "level": "usual (CV 2 %)"}
    expected = usual_prevalence(survey, COLUMN, at_most=MG[0.75], cv=0.02)
    assert_same(chosen(many(), cutoff="below 0.75", **options), expected)


def test_a_standard_takes_a_fit_in_each_age_group() -> None:
    groups = ["20-39", "40-59", "60+"]
    survey = nhanes()
    fits = [
        fit_rounded(survey.where(f"age_group == {group!r}"), COLUMN, step=0.1, lowest=ENDS[0], highest=ENDS[1])
        for group in groups
    ]
    shares = cs.reference.standard_population("esp_2013").shares(groups)
    each = stacked([fit.prevalence([0.75], unit="mmol/L") for fit in fits])
    expected = cs.weighted_sum(each, np.array(shares), label="standardised", interval_method="logit")
    options = {"weighting": "weighted", "standard": "esp_2013", "value": "derounded (normal)", "level": "single draw"}
    found = chosen(many(), cutoff="below 0.75", **options)
    assert_allclose(found.value, expected.value, rtol=1e-6)  # a fit stops within a millionth of a standard error
    assert_allclose(found.std_error, expected.std_error, rtol=1e-6)
    assert found.n[0] == survey.people


@pytest.mark.parametrize("standard", ["none", "esp_2013"])
def test_limits_by_sex_weigh_the_sexes(standard: str) -> None:
    """The chain rule is written out in the module; here it is differentiated numerically."""
    survey, sexes = nhanes(), {"female": 0.77, "male": 0.73}
    groups = ["20-39", "40-59", "60+"] if standard == "esp_2013" else [None]
    weights = cs.reference.standard_population("esp_2013").shares(groups) if groups[0] else [1.0]
    asked = [
        (f"sex == {sex!r}" + (f" and age_group == {group!r}" if group else ""), limit)
        for group in groups
        for sex, limit in sexes.items()
    ]
    parts = [cs.prevalence(survey, question) for question, _ in asked]
    lows = [
        fit_rounded(survey.where(question), COLUMN, step=0.1, lowest=ENDS[0], highest=ENDS[1]).prevalence(
            [limit], unit="mmol/L", cv=0.02
        )
        for question, limit in asked
    ]

    def overall(values: np.ndarray) -> np.ndarray:
        part, low = (each.reshape(len(groups), 2) for each in np.split(values, 2))
        return np.array([np.array(weights) @ ((part * low).sum(axis=1) / part.sum(axis=1))])

    expected = cs.transform(stacked([*parts, *lows]), overall, label="low", interval_method="logit")
    options = {"weighting": "weighted", "standard": standard, "value": "derounded (normal)", "level": "usual (CV 2 %)"}
    found = chosen(many(), cutoff="by sex", **options)
    assert_allclose(found.value, expected.value, rtol=1e-6)  # a fit stops within a millionth of a standard error
    assert_allclose(found.std_error, expected.std_error, rtol=1e-6)


def test_the_table() -> None:
    table = many().to_frame()
    assert len(table) == 4 * 2 * 2 * 2 * 2 == len(many())
    assert list(table.columns) == [
        "term", *CHOICES, "n", "estimate", "std_error", "conf_low", "conf_high", "note"
    ]  # fmt: skip
    assert not table.duplicated(list(CHOICES)).any()
    assert not table.isna().any().any()
    assert table["cutoff"].cat.categories.tolist() == list(LIMITS)
    assert set(table.loc[table["cutoff"] == "at most 0.70", "term"]) == {f"{COLUMN} <= 1.70135"}
    assert set(table.loc[table["cutoff"] == "by sex", "term"]) == {f"{COLUMN} < 1.87148 (female), 1.77426 (male)"}
    climbing = many().to_frame(order="estimate")["estimate"]
    assert climbing.is_monotonic_increasing
    assert sorted(table["estimate"]) == climbing.tolist()
    assert many().skipped.empty
    assert list(many().skipped.columns) == [*CHOICES, "reason"]


def test_what_is_shown() -> None:
    shown, html = repr(many()), many()._repr_html_()
    first = shown.splitlines()[0]
    values = many().to_frame()["estimate"] * 100
    assert first.startswith(f"<Multiverse of 64 specifications: {values.min():.1f} to {values.max():.1f} %, median")
    assert len(shown.splitlines()) < 20
    assert "survey" not in shown.splitlines()[1]  # one option is no choice
    assert html.count("<tr") == 14


def test_shares_of_a_multiverse() -> None:
    table = many().to_frame()
    varied = ["cutoff", "value", "level", "weighting", "standard"]
    expected = by_orders(table, varied)
    found = many().shares().set_index("choice")
    assert set(found.index) == set(varied)
    assert_allclose(found.loc[varied, "share"], [expected[name] for name in varied], rtol=1e-9)
    means = table.groupby("cutoff", observed=True)["estimate"].mean()
    assert found.loc["cutoff", "range"] == pytest.approx(100 * (means.max() - means.min()), rel=1e-10)
    with pytest.raises(CrampstatsError, match="none of the choices has two options"):
        replace(many(), estimates=many().estimates[:1]).shares()


def test_specifications_of_one_survey_are_compared_with_their_covariance() -> None:
    options = {"weighting": "weighted", "standard": "none", "value": "reported", "level": "single draw"}
    narrow, wide = (chosen(many(), cutoff=name, **options) for name in ("at most 0.70", "below 0.75"))
    gap = cs.difference(wide, narrow, label="gap")
    # the survey was tabulated, and its clusters are the same ones
    expected = cs.prevalence(nhanes(), f"{COLUMN} > {MG[0.70]!r} and {COLUMN} < {MG[0.75]!r}")
    assert_allclose(gap.value, expected.value, rtol=1e-9)
    assert_allclose(gap.std_error, expected.std_error, rtol=1e-9)


def test_several_surveys_units_distributions_and_variations() -> None:
    surveys = {"A": nhanes(), "I": cs.datasets.nhanes1_magnesium()}
    found = specifications(
        surveys,
        {"A": COLUMN, "I": "magnesium_meq_l"},
        cutoffs={"0.75": 0.75},
        distribution=["normal", "lognormal"],
        cv=[0.02, 0.036],
        ends={"A": ENDS, "I": (1.2, 2.2)},
    )
    table = found.to_frame()
    # A with and without weights, I without: reported and two distributions, one draw and two variations
    assert table.groupby("survey", observed=True).size().to_dict() == {"A": 2 * 3 * 3, "I": 3 * 3}
    assert table["level"].cat.categories.tolist() == ["single draw", "usual (CV 2 %)", "usual (CV 3.6 %)"]
    options = {"survey": "I", "value": "reported", "level": "single draw"}
    assert_same(chosen(found, **options), cs.prevalence(surveys["I"], "magnesium_meq_l < 1.5"))
    fit = fit_rounded(surveys["I"], "magnesium_meq_l", distribution="lognormal", lowest=1.2, highest=2.2)
    options |= {"value": "derounded (lognormal)", "level": "usual (CV 3.6 %)"}
    assert_same(chosen(found, **options), fit.prevalence([1.5], cv=0.036), rtol=1e-6)  # rows in another order
    left_out = found.skipped
    assert len(left_out) == 9
    assert set(left_out["survey"]) == {"I"}
    assert set(left_out["weighting"]) == {"weighted"}
    assert set(left_out["reason"]) == {"the survey has no weights"}


def people(n: int = 400) -> pd.DataFrame:
    """Return people with weights and two sexes, reported and measured values."""
    rng = np.random.default_rng(20261125)
    measured = rng.normal(0.82, 0.06, n)
    return pd.DataFrame(
        {
            "magnesium_mmol_l": measured.round(2),
            "measured_magnesium_mmol_l": measured,
            "sex": rng.choice([1, 2], n),
            "age_group": rng.choice(["20-39", "40-59", "60+"], n),
            "weight": rng.choice([1.0, 2.0, 5.0], n),
        }
    )


def test_rows_in_any_order_split_or_tabulated() -> None:
    asked = {"cutoffs": {"by sex": Cutoff({1: 0.75, 2: 0.77}), "0.75": 0.75}, "standards": [None, "esp_2013"]}
    rows = people()
    first = specifications({"x": cs.Survey(rows, weight="weight")}, "magnesium_mmol_l", **asked).to_frame()
    mixed = rows.sample(frac=1, random_state=5)
    other = specifications({"x": cs.Survey(mixed, weight="weight")}, "magnesium_mmol_l", **asked).to_frame()
    small = cs.Survey(rows, weight="weight").tabulate(["magnesium_mmol_l", "sex", "age_group"])
    third = specifications({"x": small}, "magnesium_mmol_l", **asked).to_frame()
    assert len(first) == 2 * 2 * 2 * 2 * 2
    for again in (other, third):
        for name in ("n", "estimate", "std_error", "conf_low", "conf_high"):
            assert_allclose(again[name], first[name], rtol=1e-6)  # a fit stops within a millionth of a standard error
    scaled = rows.assign(weight=7 * rows["weight"])
    heavier = specifications({"x": cs.Survey(scaled, weight="weight")}, "magnesium_mmol_l", **asked).to_frame()
    assert_allclose(heavier[["estimate", "std_error"]], first[["estimate", "std_error"]], rtol=1e-6)  # as above


def test_a_domain_is_a_domain() -> None:
    survey = nhanes().where("sex == 'female'")
    found = specifications(
        {"women": survey}, COLUMN, cutoffs={"0.75": 0.75}, values=["reported"], levels=["single draw"],
        weighting=["weighted"],
    )  # fmt: skip
    assert_same(found.estimates[0], cs.prevalence(survey, QUESTIONS["below 0.75"]))


def test_what_a_survey_cannot_tell_is_skipped_with_the_reason() -> None:
    rows = people()
    found = specifications(
        {
            "bare": cs.Survey(rows[["magnesium_mmol_l"]]),
            "measured": cs.Survey(rows.assign(magnesium_mmol_l=rows["measured_magnesium_mmol_l"])),
            "young": cs.Survey(rows.assign(age_group="25-34")),
        },
        "magnesium_mmol_l",
        cutoffs={"by sex": Cutoff({1: 0.75, 2: 0.77}), "0.75": 0.75},
        standards=[None, "us_2000"],
        weighting=["unweighted"],
        levels=["single draw"],
    )
    left_out = found.skipped.groupby(["survey", "reason"]).size()
    told = {survey: left_out[survey].to_dict() for survey in ("bare", "measured", "young")}
    assert told["bare"] == {"the survey has no column 'age_group'": 4, "the survey has no column 'sex'": 2}
    assert told["measured"] == {"the values are not reported in steps": 4}
    (reason,) = told["young"]
    assert "does not fit the group '25-34'" in reason
    assert len(found) + len(found.skipped) == 3 * 2 * 2 * 2


def test_fits_that_fail_are_skipped_with_the_reason() -> None:
    found = specifications(
        {"A": nhanes()}, COLUMN, cutoffs={"0.75": 0.75}, weighting=["weighted"], distribution="sinh_arcsinh",
        ends={"A": ENDS},
    )  # fmt: skip
    assert len(found) == 3
    assert found.skipped["level"].tolist() == ["usual (CV 2 %)"]
    assert "sinh_arcsinh distribution has no scale" in found.skipped["reason"][0]
    with pytest.raises(CrampstatsError, match=r"no combination has an estimate; the first one: cv=0.9"):
        specifications({"A": nhanes()}, COLUMN, cutoffs={"0.75": 0.75}, levels=["usual"], cv=0.9)


def test_a_single_option_needs_no_list() -> None:
    options = {"values": ["reported"], "levels": ["single draw"], "weighting": ["weighted"], "standards": [None]}
    asked = {"cutoffs": {"0.75": 0.75}}
    listed = specifications({"A": nhanes()}, COLUMN, **asked, **options).to_frame()
    single = specifications({"A": nhanes()}, COLUMN, **asked, **{name: each[0] for name, each in options.items()})
    pd.testing.assert_frame_equal(single.to_frame(), listed)
    own = specifications(
        {"A": nhanes()}, COLUMN, **asked, **options | {"standards": cs.reference.standard_population("esp_2013")}
    )
    assert own.to_frame()["standard"].tolist() == ["esp_2013"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"values": ["rounded"]}, "values: 'rounded' is unknown: choose from reported, derounded"),
        ({"levels": ["mean"]}, "levels: 'mean' is unknown: choose from single draw, usual"),
        ({"weighting": "robust"}, "weighting: 'robust' is unknown: choose from weighted, unweighted"),
        ({"distribution": "gamma"}, "distribution: 'gamma' is unknown: choose from normal, lognormal, box_cox"),
        ({"standards": ["esp_1976"]}, "no standard population 'esp_1976': choose from"),
        ({"standards": [None, None]}, "standards=.* has to hold at least one option, each once"),
        ({"values": []}, "values=.* has to hold at least one option"),
        ({"cv": 2}, "cv=2 has to be a coefficient of variation between 0 and 1"),
        ({"cv": [0.02, "x"]}, "cv='x' has to be"),
        ({"cutoffs": {}}, "at least one each"),
        (
            {"cutoffs": {"x": Cutoff({"female": 0.7})}},
            "cut-off 'x' has no value for sex 'male' of A, only for 'female'",
        ),
        ({"cutoffs": {"x": Cutoff(0.7, unit="mol")}}, "'mol' is unknown: choose from"),
        ({"column": "magnesium"}, "column='magnesium' is not in A; these are stratum"),
        ({"column": {"B": COLUMN}}, r"column has none for the survey 'A', only for \['B'\]"),
        ({"ends": {"B": ENDS}}, r"ends: there is no survey 'B', only \['A'\]"),
        ({"ends": {"A": (1.4,)}}, r"ends of 'A' are \(1\.4,\): they have to be the lowest and the highest value"),
        ({"ends": {"A": 1.4}}, "ends of 'A' are 1.4: they have to be"),
        ({"ends": {"A": ("1.4", None)}}, "ends of 'A' are .*: they have to be"),
        ({"values": None}, "values: None is unknown: choose from reported, derounded"),
    ],
)
def test_what_is_refused(options: dict, message: str) -> None:
    given = {"column": COLUMN, "cutoffs": {"0.75": 0.75}} | options
    with pytest.raises(CrampstatsError, match=message):
        specifications({"A": nhanes()}, given.pop("column"), **given)


@pytest.mark.parametrize("column", ["magnesium_mmol_l", "sex", "age_group"])
def test_missing_values_are_told(column: str) -> None:
    rows = people().astype({"sex": object})
    rows.loc[3, column] = None
    with pytest.raises(QuestionError, match=rf"first ask observed\('{column}'\)"):
        specifications(
            {"x": cs.Survey(rows)}, "magnesium_mmol_l", cutoffs={"by sex": Cutoff({1: 0.75, 2: 0.77})},
            standards=["esp_2013"],
        )  # fmt: skip


def test_questions_about_choices() -> None:
    part = many().where("weighting == 'weighted' and value == 'reported'")
    assert len(part) == 16
    assert set(part.to_frame()["weighting"]) == {"weighted"}
    with pytest.raises(QuestionError, match=r"no specification answers .* with yes; the choices are survey: A; cutoff"):
        many().where("weighting == 'none'")
    with pytest.raises(QuestionError, match="does not answer yes or no"):
        many().where("weighting")
    with pytest.raises(CrampstatsError, match="order='size' is unknown: choose from asked, estimate"):
        many().to_frame(order="size")


def test_cutoffs() -> None:
    printed = named_cutoffs("SHIP", "Cheungpasitporn 2015")
    assert printed["SHIP"] == Cutoff(0.73, "at most")
    assert printed["Cheungpasitporn 2015"] == Cutoff(1.7, "below", "mg/dL")
    with pytest.raises(CrampstatsError, match="no cut-off 'SHIPS': choose from"):
        named_cutoffs("SHIPS")
    for value in ("0.7", math.nan, {}, {"female": None}, True):
        with pytest.raises(CrampstatsError, match="has to be a number, or a number for each level of 'sex'"):
            Cutoff(value)
    with pytest.raises(CrampstatsError, match="sign='<' is unknown: choose from below, at most"):
        Cutoff(0.7, "<")
