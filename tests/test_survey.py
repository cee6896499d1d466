"""Rows and how they were chosen: faults, domains, new columns, tabulation."""

import numpy as np
import pandas as pd
import pytest

import crampstats as cs
from crampstats.errors import DesignError, QuestionError, SchemaError

NESTED = {"weight": "weight", "stratum": "stratum", "cluster": "cluster", "cluster_labels": "nested"}


def test_shows_itself(survey: cs.Survey) -> None:
    assert repr(survey) == "<Survey survey: 12 of 12 people, 4 clusters in 2 strata, 2 df>"
    asked = survey.observed("cramps").where("sex == 'f'")
    assert repr(asked) == (
        "<Survey survey [observed cramps | sex == 'f']: 6 of 12 people, 4 clusters in 2 strata, 2 df>"
    )


def test_without_names_it_is_a_simple_random_sample(people: pd.DataFrame) -> None:
    simple = cs.Survey(people)
    assert (simple.design.clusters, simple.design.strata, simple.degrees_of_freedom) == (12, 1, 11.0)
    assert repr(simple) == "<Survey survey: 12 of 12 people, 1 stratum, 11 df>"


def test_every_fault_of_the_design_columns_at_once(people: pd.DataFrame) -> None:
    spoiled = people.astype({"weight": object})
    spoiled.loc[1, "weight"], spoiled.loc[2, "weight"], spoiled.loc[3, "weight"] = -5.0, None, "heavy"
    spoiled.loc[4, "stratum"] = None
    with pytest.raises(SchemaError) as caught:
        cs.Survey(spoiled, weight="weight", stratum="stratum", cluster="psu", count="age_years")
    faults = {(fault.column, fault.problem): fault.rows for fault in caught.value.faults}
    assert faults == {
        ("weight", "missing weight"): (2,),
        ("weight", "not a weight"): (1, 3),
        ("stratum", "missing stratum"): (4,),
        ("psu", "is to be the cluster and is not in the data"): (),
    }
    assert "row 1: -5.0" in str(caught.value)
    assert "4 faults" in str(caught.value)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, -1e-9])
def test_no_weight_that_is_not_a_number_passes(people: pd.DataFrame, value: float) -> None:
    with pytest.raises(SchemaError, match="weight"):
        cs.Survey(people.assign(weight=people["weight"].where(people.index != 3, value)), weight="weight")


def test_counts_have_to_be_whole(people: pd.DataFrame) -> None:
    with pytest.raises(SchemaError, match=r"not a count \(row 0: 0.5\)"):
        cs.Survey(people.assign(n=[0.5] + [1] * 11), count="n")


def test_data_without_rows_or_frame(people: pd.DataFrame) -> None:
    for data in (people.iloc[:0], people.to_dict()):
        with pytest.raises(DesignError, match="DataFrame with at least one row"):
            cs.Survey(data)


def test_labels_of_clusters_in_two_strata_are_refused_unless_nested(people: pd.DataFrame) -> None:
    with pytest.raises(DesignError, match=r"cluster 1, 2 stands in more than one stratum.*cluster_labels='nested'"):
        cs.Survey(people, weight="weight", stratum="stratum", cluster="cluster")
    unique = people.assign(cluster=people["stratum"] * 10 + people["cluster"])
    by_label = cs.Survey(unique, weight="weight", stratum="stratum", cluster="cluster")
    nested = cs.Survey(people, **NESTED)
    assert np.array_equal(by_label.row_cluster, nested.row_cluster)


def test_unknown_kind_of_labels(people: pd.DataFrame) -> None:
    with pytest.raises(DesignError, match="cluster_labels='nest' is unknown: choose from unique, nested"):
        cs.Survey(people, cluster="cluster", cluster_labels="nest")


def test_one_population_size_a_stratum(people: pd.DataFrame) -> None:
    sizes = people.assign(size=[20] * 6 + [30] * 5 + [31])
    with pytest.raises(SchemaError, match="size: differs within its stratum"):
        cs.Survey(sizes, **NESTED, population_size="size")
    kept = cs.Survey(people.assign(size=[20] * 6 + [30] * 6), **NESTED, population_size="size")
    assert kept.design.population_size.tolist() == [20.0, 30.0]


def test_a_lonely_cluster_is_refused_by_default(people: pd.DataFrame) -> None:
    with pytest.raises(DesignError, match="only one cluster in stratum 2"):
        cs.Survey(people.iloc[:9], **NESTED)


def test_later_changes_of_the_frame_do_not_reach_the_survey(people: pd.DataFrame) -> None:
    mine = cs.Survey(people, **NESTED)
    people.loc[0, "age_years"] = 99
    assert mine.data.loc[0, "age_years"] == 20


def test_where_keeps_rows_and_design(survey: cs.Survey) -> None:
    women = survey.where("sex == 'f'")
    assert (len(women), women.people, women.design) == (12, 6, survey.design)
    assert survey.domain is None


def test_where_twice_is_and(survey: cs.Survey) -> None:
    twice = survey.where("sex == 'f'").where("age_years >= 40")
    at_once = survey.where("sex == 'f' and age_years >= 40")
    assert np.array_equal(twice.domain, at_once.domain)
    assert twice.people == 4


def test_where_refuses_missing_answers_until_observed(survey: cs.Survey) -> None:
    with pytest.raises(QuestionError, match=r"no answer in 1 of 12 rows of survey: first ask observed\('cramps'\)"):
        survey.where("cramps == 1")
    assert survey.observed("cramps").where("cramps == 1").people == 5


def test_a_missing_answer_outside_the_domain_does_not_matter(survey: cs.Survey) -> None:
    assert survey.where("sex == 'f'").where("cramps == 1").people == 2


def test_where_refuses_what_is_not_yes_or_no(survey: cs.Survey) -> None:
    with pytest.raises(QuestionError, match="'age_years' is a number, not a yes/no question"):
        survey.where("age_years")


def test_nobody_left(survey: cs.Survey) -> None:
    with pytest.raises(QuestionError, match="age_years > 200: nobody in survey is left"):
        survey.where("age_years > 200")


def test_undefined_arithmetic_is_told(survey: cs.Survey) -> None:
    with pytest.raises(QuestionError, match="no answer in 1 of 12 rows of survey: its arithmetic is undefined there"):
        survey.where("1 / (age_years - 20) > 0")


def test_observed_needs_names_that_are_there(survey: cs.Survey) -> None:
    with pytest.raises(QuestionError, match="at least one column"):
        survey.observed()
    with pytest.raises(QuestionError, match="no column 'cramp'; did you mean 'cramps'"):
        survey.observed("cramp")


def test_define_keeps_what_is_missing(survey: cs.Survey) -> None:
    defined = survey.define(often="cramps == 1", decades="age_years / 10", male="sex == 'm'").data
    assert defined["often"].isna().tolist() == [False] * 11 + [True]
    assert defined["often"].iloc[:3].tolist() == [0.0, 1.0, 0.0]
    assert defined["decades"].iloc[11] == 7.5
    assert defined["male"].dtype == np.int8
    assert "often" not in survey.data


def test_define_can_use_what_it_defined(survey: cs.Survey) -> None:
    both = survey.define(old="age_years >= 60", old_man="old == 1 and sex == 'm'").data
    assert both["old_man"].sum() == 2


def test_define_leaves_the_design_alone(survey: cs.Survey) -> None:
    with pytest.raises(QuestionError, match="'weight' is a column of the design"):
        survey.define(weight="age_years")


def test_people_of_weight_zero_stay_in_the_design_and_are_in_no_domain(people: pd.DataFrame) -> None:
    survey = cs.Survey(people.assign(weight=people["weight"].where(people["age_years"] != 20, 0.0)), **NESTED)
    assert (survey.people, survey.design.clusters) == (11, 4)
    kept = cs.prevalence(survey.observed("cramps"), "cramps == 1")
    dropped = cs.prevalence(cs.Survey(people.iloc[1:], **NESTED).observed("cramps"), "cramps == 1")
    assert (kept.value[0], kept.n[0]) == (pytest.approx(dropped.value[0]), 10)


def test_rows_may_stand_for_nobody(people: pd.DataFrame) -> None:
    empty = people.iloc[[0]].assign(weight=0.0, n=0)
    counted = cs.Survey(pd.concat([people.assign(n=1), empty]), **NESTED, count="n")
    assert counted.people == 12


def test_tabulate_gives_cells_that_add_up(survey: cs.Survey) -> None:
    cells = survey.tabulate(["sex", "cramps"])
    assert cells.data["n"].sum() == 12
    assert cells.data["weight"].sum() == survey.data["weight"].sum()
    assert list(cells.data.columns) == ["stratum", "cluster", "sex", "cramps", "n", "weight"]
    assert cells.data["cramps"].isna().sum() == 1
    assert cells.design is survey.design


def test_tabulate_gives_identical_estimates(survey: cs.Survey) -> None:
    for asked in (survey.observed("cramps"), survey.observed("cramps").where("age_years >= 30")):
        rows = cs.prevalence(asked, "cramps == 1", by=["sex"])
        cells = cs.prevalence(asked.tabulate(["sex", "cramps"]), "cramps == 1", by=["sex"])
        pd.testing.assert_frame_equal(rows.to_frame(), cells.to_frame(), rtol=1e-13)
        assert rows.df.tolist() == cells.df.tolist()


def test_tabulate_keeps_clusters_without_people_of_the_domain(survey: cs.Survey) -> None:
    asked = survey.where("stratum == 1 and cluster == 1")
    cells = asked.tabulate(["sex"])
    assert (cells.data["n"] == 0).sum() == 3
    assert cells.design.clusters == 4
    assert cells.people == 3


def test_tabulate_keeps_people_outside_the_domain_where_there_are_no_clusters(people: pd.DataFrame) -> None:
    asked = cs.Survey(people, weight="weight", stratum="stratum").where("age_years >= 40").observed("cramps")
    rows = cs.prevalence(asked, "cramps == 1", by=["sex"])
    cells = cs.prevalence(asked.tabulate(["sex", "cramps"]), "cramps == 1", by=["sex"])
    pd.testing.assert_frame_equal(rows.to_frame(), cells.to_frame(), rtol=1e-13)


def test_tabulating_twice_changes_nothing(survey: cs.Survey) -> None:
    once = survey.tabulate(["sex", "cramps"])
    pd.testing.assert_frame_equal(once.tabulate(["sex", "cramps"]).data, once.data)


def test_tabulated_categories_keep_their_order(people: pd.DataFrame) -> None:
    order = pd.Categorical(people["sex"], categories=["m", "f"], ordered=True)
    cells = cs.Survey(people.assign(sex=order), **NESTED).tabulate(["sex"])
    assert cs.prevalence(cells, "sex == 'm'", by=["sex"]).labels["sex"].tolist() == ["m", "f"]


def test_tabulate_refuses_columns_of_the_design(survey: cs.Survey) -> None:
    with pytest.raises(QuestionError, match="'stratum' cannot be tabulated"):
        survey.tabulate(["stratum"])
    with pytest.raises(QuestionError, match="no column 'sec'; did you mean 'sex'"):
        survey.tabulate(["sec"])


def test_the_index_of_the_frame_does_not_matter(people: pd.DataFrame) -> None:
    odd = people.set_axis([7] * len(people))
    one, other = (cs.Survey(data, **NESTED).observed("cramps") for data in (people, odd))
    pd.testing.assert_frame_equal(
        cs.prevalence(one, "cramps == 1", by=["sex"]).to_frame(),
        cs.prevalence(other, "cramps == 1", by=["sex"]).to_frame(),
    )
    assert other.define(old="age_years > 50").data["old"].tolist() == (people["age_years"] > 50).astype(int).tolist()
    assert other.tabulate(["sex"]).people == one.tabulate(["sex"]).people


def test_a_column_may_have_any_letters(people: pd.DataFrame) -> None:
    people["kreatinin_µmol_l"] = [80.0] * 11 + [
        None
    ]  # the sign of the keyboard, which Python reads as the Greek letter
    survey = cs.Survey(people)
    with pytest.raises(
        QuestionError, match=r"no answer in 1 of 12 rows of survey: first ask observed\('kreatinin_μmol_l'\)"
    ):
        survey.where("kreatinin_µmol_l > 70")
    assert survey.observed("kreatinin_µmol_l").where("kreatinin_µmol_l > 70").people == 11


def test_a_question_is_a_text(survey: cs.Survey) -> None:
    with pytest.raises(QuestionError, match="a question is a text such as 'age_years >= 20', not 5"):
        survey.where(5)


def test_ages_are_cut_into_groups_that_can_be_standardised(people: pd.DataFrame) -> None:
    ages = [20, 39.9, 40, 59, 60, 99, 19.9, None, 20, 40, 60, 60]
    survey = cs.Survey(people.assign(age_years=ages)).group("age_years", [20, 40, 60], name="age_group")
    groups = survey.data["age_group"]
    assert groups.cat.categories.tolist() == ["20-39", "40-59", "60+"]
    assert groups.astype(object).where(groups.notna(), None).tolist() == [
        "20-39", "20-39", "40-59", "40-59", "60+", "60+", None, None, "20-39", "40-59", "60+", "60+",
    ]  # fmt: skip
    by_age = cs.prevalence(survey.observed("age_group"), "sex == 'f'", by=["age_group"])
    shares = np.array([25_500, 27_500, 25_500]) / 78_500
    assert cs.standardize(by_age, "esp_2013", over="age_group").value[0] == pytest.approx(shares @ by_age.value)


@pytest.mark.parametrize("edges", [[], [40, 20], [20, 20], [20.5, 40]])
def test_groups_need_edges_that_ascend(survey: cs.Survey, edges: list) -> None:
    with pytest.raises(QuestionError, match="have to be whole numbers that ascend"):
        survey.group("age_years", edges, name="age_group")


def test_only_numbers_are_cut_into_groups(survey: cs.Survey) -> None:
    with pytest.raises(QuestionError, match="'sex' is a text; only numbers can be cut into groups"):
        survey.group("sex", [20, 40], name="age_group")
    with pytest.raises(QuestionError, match="'weight' is a column of the design"):
        survey.group("age_years", [20, 40], name="weight")
