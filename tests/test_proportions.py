"""Prevalences, means, totals, standardisation, presentation standards: small cases by hand."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import crampstats as cs
from crampstats.errors import CrampstatsError, DesignError, QuestionError, ReferenceDataError

NESTED = {"weight": "weight", "stratum": "stratum", "cluster": "cluster", "cluster_labels": "nested"}


def test_a_prevalence_by_hand(survey: cs.Survey) -> None:
    # Weights of the cases 20, 10, 5, 10, 20; of all who answered 170. Residuals w (y - p) summed to clusters.
    estimate = cs.prevalence(survey.observed("cramps"), "cramps == 1")
    share = 65 / 170
    sums = [20 - 60 * share, 10 - 60 * share, 5 - 20 * share, 30 - 30 * share]
    variance = 2 * np.sum((np.array(sums) - np.repeat([np.mean(sums[:2]), np.mean(sums[2:])], 2)) ** 2) / 170**2
    assert estimate.value[0] == pytest.approx(share)
    assert estimate.std_error[0] == pytest.approx(np.sqrt(variance))
    assert (estimate.n[0], estimate.df[0]) == (11, 2)


def test_a_simple_random_sample_by_hand() -> None:
    estimate = cs.prevalence(cs.Survey(pd.DataFrame({"low": [1, 0, 0, 1, 0]})), "low")
    assert estimate.value[0] == pytest.approx(0.4)
    assert estimate.std_error[0] ** 2 == pytest.approx(0.4 * 0.6 / 4)
    assert estimate.df[0] == 4


def test_mean_and_total_by_hand(survey: cs.Survey) -> None:
    weights, ages = survey.data["weight"], survey.data["age_years"]
    assert cs.mean(survey, "age_years").value[0] == pytest.approx(np.average(ages, weights=weights))
    total = cs.total(survey, "age_years")
    clusters = (weights * ages).groupby([survey.data["stratum"], survey.data["cluster"]]).sum().to_numpy()
    assert total.value[0] == pytest.approx(clusters.sum())
    variance = (clusters[0] - clusters[1]) ** 2 + (clusters[2] - clusters[3]) ** 2
    assert total.std_error[0] == pytest.approx(np.sqrt(variance))


def test_total_of_people_who_say_yes(survey: cs.Survey) -> None:
    assert cs.total(survey.observed("cramps"), "cramps == 1").value[0] == pytest.approx(65)


def test_mean_of_arithmetic_equals_arithmetic_of_mean(survey: cs.Survey) -> None:
    one, other = cs.mean(survey, "age_years / 10 - 2"), cs.mean(survey, "age_years")
    assert_allclose([one.value, one.std_error], [other.value / 10 - 2, other.std_error / 10])


def test_a_missing_value_outside_the_domain_does_not_reach_the_mean(people: pd.DataFrame) -> None:
    survey = cs.Survey(people.assign(mg=people["cramps"] / 10), **NESTED)
    assert cs.mean(survey.where("sex == 'f'"), "mg").value[0] == pytest.approx(
        np.average(people.loc[::2, "cramps"] / 10, weights=people.loc[::2, "weight"])
    )


def test_by_gives_all_domains_as_where_gives_one(survey: cs.Survey) -> None:
    asked = survey.observed("cramps")
    by = cs.prevalence(asked, "cramps == 1", by=["sex"])
    for sex in ("f", "m"):
        one, alone = by.where(f"sex == '{sex}'"), cs.prevalence(asked.where(f"sex == '{sex}'"), "cramps == 1")
        assert_allclose(
            [one.value, one.std_error, one.n, one.df], [alone.value, alone.std_error, alone.n, alone.df], rtol=1e-14
        )


def test_combinations_that_do_not_occur_are_left_out(people: pd.DataFrame) -> None:
    lacking = people.assign(place=np.where(people["sex"] == "m", "town", people["cluster"].map({1: "town", 2: "land"})))
    by = cs.prevalence(cs.Survey(lacking), "age_years > 40", by=["sex", "place"])
    assert by.labels[["sex", "place"]].to_numpy().tolist() == [["f", "land"], ["f", "town"], ["m", "town"]]


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        (pd.Categorical(["old", "young"] * 6, categories=["young", "middle", "old"]), ["young", "old"]),
        ([2, 1] * 6, [1, 2]),
        ([-7, 90000] * 6, [-7, 90000]),
        ([0.5, 0.25] * 6, [0.25, 0.5]),
        ([True, False] * 6, [False, True]),
        (pd.array([2, 1] * 6, dtype="Int64"), [1, 2]),
    ],
    ids=["category", "codes", "far apart", "floats", "bool", "nullable"],
)
def test_levels_of_by_columns_come_in_their_order(people: pd.DataFrame, levels: object, expected: list) -> None:
    by = cs.prevalence(cs.Survey(people.assign(group=levels)), "age_years > 40", by=["group"])
    assert by.labels["group"].tolist() == expected


def test_missing_levels_are_refused_until_observed(people: pd.DataFrame) -> None:
    survey = cs.Survey(people.assign(group=["a", "b", None] * 4))
    with pytest.raises(QuestionError, match=r"first ask observed\('group'\)"):
        cs.prevalence(survey, "age_years > 40", by=["group"])
    by = cs.prevalence(survey.observed("group"), "age_years > 40", by=["group"])
    assert by.n.tolist() == [4, 4]


def test_by_has_to_be_a_list_of_different_columns(survey: cs.Survey) -> None:
    with pytest.raises(QuestionError, match=r"by='sex' has to be a list of columns, as in by=\['sex'\]"):
        cs.prevalence(survey, "age_years > 40", by="sex")
    with pytest.raises(QuestionError, match="names a column twice"):
        cs.prevalence(survey, "age_years > 40", by=["sex", "sex"])
    with pytest.raises(QuestionError, match="no column 'sexx'; did you mean 'sex'"):
        cs.prevalence(survey, "age_years > 40", by=["sexx"])


def test_several_cases_share_their_covariance(survey: cs.Survey) -> None:
    both = cs.prevalence(survey, {"old": "age_years >= 50", "young": "age_years < 50"})
    assert both.labels["term"].tolist() == ["old", "young"]
    assert both.value.sum() == pytest.approx(1)
    assert both.covariance[0, 1] == pytest.approx(-both.covariance[0, 0])


@pytest.mark.parametrize("case", ["age_years", "sex", "age_years + 1"])
def test_a_case_is_yes_or_no(survey: cs.Survey, case: str) -> None:
    with pytest.raises(QuestionError, match=r"yes/no question or a column of 0 and 1"):
        cs.prevalence(survey, case)


def test_a_mean_is_of_numbers(survey: cs.Survey) -> None:
    with pytest.raises(QuestionError, match="'sex' is a text; a number or a yes/no question has to stand here"):
        cs.mean(survey, "sex")


def test_missing_cases_are_refused_until_observed(survey: cs.Survey) -> None:
    with pytest.raises(QuestionError, match=r"no answer in 1 of 12 rows of survey: first ask observed\('cramps'\)"):
        cs.prevalence(survey, "cramps == 1")


def test_a_domain_without_degrees_of_freedom_is_refused_by_name(survey: cs.Survey) -> None:
    asked = survey.observed("cramps").where("cluster == 1")
    with pytest.raises(DesignError, match=r"no degrees of freedom .* for: cramps == 1, f; cramps == 1, m"):
        cs.prevalence(asked, "cramps == 1", by=["sex"])


def test_intervals_are_those_that_were_asked_for(survey: cs.Survey) -> None:
    asked = survey.observed("cramps")
    default, wald = (
        cs.prevalence(asked, "cramps == 1", **names).to_frame() for names in ({}, {"interval_method": "wald"})
    )
    assert default["conf_low"][0] == cs.prevalence(asked, "cramps == 1").interval(method="korn_graubard").low[0]
    assert wald["conf_low"][0] < 0 < default["conf_low"][0]


@pytest.fixture
def by_age() -> cs.Estimate:
    people = pd.DataFrame(
        {
            "sex": ["f", "m"] * 30,
            "age_group": ["20-39"] * 20 + ["40-59"] * 20 + ["60+"] * 20,
            "low": ([0, 0, 1, 0] * 5) + ([1, 0, 1, 0] * 5) + ([1, 1, 0, 1] * 5),
        }
    )
    return cs.prevalence(cs.Survey(people), "low == 1", by=["sex", "age_group"])


def test_standardised_by_hand(by_age: cs.Estimate) -> None:
    # ESP 2013 from 20 years: 25,500 of 20-39, 27,500 of 40-59, 25,500 of 60 and over.
    shares = np.array([25_500, 27_500, 25_500]) / 78_500
    result = cs.standardize(by_age, "esp_2013", over="age_group")
    assert result.labels["sex"].tolist() == ["f", "m"]
    assert result.value == pytest.approx([shares @ by_age.value[:3], shares @ by_age.value[3:]])
    assert result.std_error[0] ** 2 == pytest.approx(shares @ by_age.covariance[:3, :3] @ shares)
    assert result.n.tolist() == [30, 30]
    assert result.source == "survey, standardised to esp_2013 over age_group"


def test_standardising_what_does_not_differ_changes_nothing(by_age: cs.Estimate) -> None:
    flat = cs.transform(by_age, lambda value: value * 0 + 0.25, interval_method="korn_graubard")
    assert cs.standardize(flat, "who_world", over="age_group").value == pytest.approx([0.25, 0.25])


def test_standardising_needs_every_age_group(by_age: cs.Estimate) -> None:
    lacking = by_age.where("not (sex == 'm' and age_group == '60+')")
    with pytest.raises(CrampstatsError, match=r"not every one of the age groups .* has people for .*'sex': 'm'"):
        cs.standardize(lacking, "esp_2013", over="age_group")


def test_standardising_needs_age_groups(by_age: cs.Estimate) -> None:
    with pytest.raises(CrampstatsError, match=r"over='age' is not a by column; these are \['sex', 'age_group'\]"):
        cs.standardize(by_age, "esp_2013", over="age")
    with pytest.raises(ReferenceDataError, match="age group 'f' has to be written like '20-39'"):
        cs.standardize(by_age, "esp_2013", over="sex")


def presentation(cases: int, n: int) -> tuple[str, str]:
    people = cs.Survey(pd.DataFrame({"low": [1] * cases + [0] * (n - cases)}))
    row = cs.nchs_standards(cs.prevalence(people, "low == 1")).iloc[0]
    return row["presentation"], row["reason"]


@pytest.mark.parametrize(
    ("cases", "n", "expected"),
    [
        (100, 1000, ("present", "")),
        (5, 29, ("suppress", "fewer than 30 people; interval 0.30 wide or more")),
        (20, 40, ("suppress", "interval 0.30 wide or more")),
        (4, 100, ("suppress", "interval wider than 130 % of the proportion")),
        (96, 100, ("present", "the complement would not be presented")),
        (0, 1000, ("review", "nobody or everybody")),
        (1000, 1000, ("review", "nobody or everybody")),
        (5, 1000, ("present", "")),  # relative width is large, but the interval is narrower than 0.05
    ],
)
def test_presentation_standards(cases: int, n: int, expected: tuple[str, str]) -> None:
    assert presentation(cases, n) == expected


def clustered(cases: list[int], size: int, **names: object) -> cs.Estimate:
    data = pd.DataFrame({"cluster": np.repeat(np.arange(len(cases)), size)})
    data["low"] = np.concatenate([[1] * each + [0] * (size - each) for each in cases])
    return cs.prevalence(cs.Survey(data, cluster="cluster", **names), "low == 1")


def test_few_degrees_of_freedom_are_to_be_reviewed() -> None:
    row = cs.nchs_standards(clustered([100, 98, 102, 101, 99], 1000)).iloc[0]
    assert (row["presentation"], row["reason"], row["df"]) == ("review", "fewer than 8 degrees of freedom", 4)


def test_a_small_effective_size_is_suppressed() -> None:
    row = cs.nchs_standards(clustered([20, 0, 20, 0, 20, 0, 20, 0, 20, 0], 20)).iloc[0]
    assert row["n_effective"] == pytest.approx(9)
    assert row["presentation"] == "suppress"
    assert "effective sample size below 30" in row["reason"]


def test_presentation_standards_are_for_proportions(survey: cs.Survey) -> None:
    with pytest.raises(CrampstatsError, match="nchs_standards is for proportions"):
        cs.nchs_standards(cs.mean(survey, "age_years"))


@pytest.mark.parametrize("names", [{}, NESTED])
@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_values_are_refused_within_the_domain(people: pd.DataFrame, names: dict, value: float) -> None:
    mg = people["age_years"].astype(float).where(~people.index.isin([3, 5]), value)
    survey = cs.Survey(people.assign(mg=mg).set_axis([7] * len(people)), **names)
    asked = survey.where("age_years < 60 and mg < 1e300 and mg > -1e300")
    for estimate in (cs.mean, cs.total, lambda *given: cs.quantile(*given, [0.5])):
        with pytest.raises(QuestionError, match="'mg' is not a finite number in row 3, 5, counted from 0"):
            estimate(survey, "mg")
        assert np.isfinite(estimate(asked, "mg").value).all()
    with pytest.raises(QuestionError, match=r"'mg' is not a finite number in row 0, 1, 2, 3, 4 and 7 more"):
        cs.mean(cs.Survey(people.assign(mg=value), **names), "mg")


@pytest.mark.parametrize("name", ["term", "n", "estimate", "std_error", "conf_low", "conf_high", "note", "probability"])
def test_columns_of_results_cannot_be_by_columns(people: pd.DataFrame, name: str) -> None:
    survey = cs.Survey(people.rename(columns={"sex": name}), **NESTED)
    message = (
        rf"{name!r} is a column of every result; first give yours another name, as in define\(my_{name}={name!r}\)"
    )
    for ask in (
        lambda: cs.prevalence(survey, "age_years > 30", by=[name]),
        lambda: cs.mean(survey, "age_years", by=[name]),
        lambda: cs.total(survey, "age_years", by=[name]),
        lambda: cs.quantile(survey, "age_years", [0.5], by=[name]),
    ):
        with pytest.raises(QuestionError, match=message):
            ask()
    renamed = cs.mean(survey.define(**{f"my_{name}": name}), "age_years", by=[f"my_{name}"])
    assert renamed.labels[f"my_{name}"].tolist() == ["f", "m"]


@pytest.mark.parametrize("names", [{}, NESTED])
@pytest.mark.parametrize(
    ("dtype", "levels"),
    [
        ("int8", (-100, 100)),
        ("int16", (-32_000, 32_000)),
        ("int16", (-300, 300)),
        ("uint8", (1, 255)),
        ("uint64", (1, 3)),
        ("uint64", (2**64 - 5, 2**64 - 1)),
        ("int64", (-(2**63), 2**63 - 1)),
        ("UInt8", (0, 200)),
        ("UInt64", (7, 9)),
        ("uint64[pyarrow]", (7, 9)),
    ],
)
def test_whole_numbers_of_every_type_are_levels(people: pd.DataFrame, names: dict, dtype: str, levels: tuple) -> None:
    group = pd.Series([levels[place == "m"] for place in people["sex"]], dtype=dtype)
    survey = cs.Survey(people.assign(group=group), **names)
    for by, expected in ((["group"], ["sex"]), (["sex", "group"], ["sex"])):
        found, wanted = (cs.mean(survey, "age_years", by=columns) for columns in (by, expected))
        assert found.labels["group"].tolist() == list(levels)
        assert_allclose([found.value, found.std_error], [wanted.value, wanted.std_error])


def test_levels_with_missing_values_outside_the_domain(people: pd.DataFrame) -> None:
    group = pd.array([1, 2] * 5 + [None, None], dtype="UInt8")
    survey = cs.Survey(people.assign(group=group), **NESTED).observed("group")
    assert cs.mean(survey, "age_years", by=["group"]).labels["group"].tolist() == [1, 2]


def test_presentation_standards_keep_the_by_columns(people: pd.DataFrame) -> None:
    survey = cs.Survey(people.assign(reason=["a", "b"] * 6))
    with pytest.raises(CrampstatsError, match="has a column 'reason' of its own"):
        cs.nchs_standards(cs.prevalence(survey, "age_years > 40", by=["reason"]))
