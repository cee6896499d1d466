"""Rows and how they were chosen: faults, domains, new columns, tabulation."""

import tracemalloc

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


@pytest.mark.parametrize("names", [{"weight": "w"}, {"count": "w"}, {"weight": "weight", "count": "w"}])
def test_somebody_has_to_have_a_weight(people: pd.DataFrame, names: dict[str, str]) -> None:
    with pytest.raises(DesignError, match="survey: nobody has a weight above 0"):
        cs.Survey(people.assign(w=0), **names)


@pytest.mark.parametrize("role", ["weight", "count", "population_size"])
@pytest.mark.parametrize("value", [True, pd.Timestamp("2020-01-01"), pd.Timedelta(days=1)])
def test_truths_and_dates_are_no_numbers(people: pd.DataFrame, role: str, value: object) -> None:
    held = pd.Series([value] * len(people))
    for column in (held, held.astype(object)):
        with pytest.raises(SchemaError, match=f"given: not a {role}"):
            cs.Survey(people.assign(given=column), **{role: "given"})


def test_many_labels_in_many_strata_take_little_memory() -> None:
    rows = 100_000
    people = pd.DataFrame({"stratum": np.arange(rows) % 1000, "id": np.arange(rows)[::-1], "x": 1.0})
    tracemalloc.start()
    survey = cs.Survey(people, stratum="stratum", cluster="id")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200 * rows
    order = np.lexsort((people["id"], people["stratum"]))
    assert survey.row_cluster[order].tolist() == list(range(rows))
    assert survey.design.stratum.tolist() == np.sort(people["stratum"]).tolist()
    with pytest.raises(DesignError, match="cluster 5 stands in more than one stratum"):
        cs.Survey(people.assign(id=people["id"].replace(6, 5)), stratum="stratum", cluster="id")


@pytest.mark.parametrize("labels", ["unique", "nested"])
def test_clusters_have_the_same_numbers_either_way(monkeypatch: pytest.MonkeyPatch, labels: str) -> None:
    rng = np.random.default_rng(5)
    people = pd.DataFrame({"stratum": rng.integers(0, 30, 200), "cluster": rng.integers(0, 9, 200)})
    if labels == "unique":
        people["cluster"] += 100 * people["stratum"]
    names = {"stratum": "stratum", "cluster": "cluster", "cluster_labels": labels, "lonely": "certainty"}
    dense = cs.Survey(people, **names)
    monkeypatch.setattr("crampstats.survey.FEW_CELLS", -1_000_000)
    sparse = cs.Survey(people, **names)
    assert np.array_equal(dense.row_cluster, sparse.row_cluster)
    assert np.array_equal(dense.design.stratum, sparse.design.stratum)
    assert dense.row_cluster.dtype == sparse.row_cluster.dtype == np.int32


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
    people["kreatinin_\u00b5mol_l"] = [80.0] * 11 + [None]  # the sign of the keyboard; Python reads the Greek letter
    survey = cs.Survey(people)
    assert survey.data.columns[-1] == "kreatinin_\u03bcmol_l"
    assert people.columns[-1] == "kreatinin_\u00b5mol_l"
    with pytest.raises(
        QuestionError, match=r"no answer in 1 of 12 rows of survey: first ask observed\('kreatinin_μmol_l'\)"
    ):
        survey.where("kreatinin_µmol_l > 70")
    for name in ("kreatinin_\u00b5mol_l", "kreatinin_\u03bcmol_l"):
        known = survey.observed(name).where(f"{name} > 70")
        assert known.people == 11
        assert known.group(name, [70], name="high").tabulate([name, "sex"]).people == 11
        by_level = cs.prevalence(known, "sex == 'f'", by=[name])
        assert (by_level.n.tolist(), list(by_level.labels)) == ([11], ["term", "kreatinin_\u03bcmol_l"])
        assert cs.fit(known.define(woman="sex == 'f'"), f"{name} ~ woman", family="gaussian").coefficients.n[0] == 11


def test_new_columns_and_those_of_the_design_have_one_spelling(people: pd.DataFrame) -> None:
    mine = people.rename(columns={"weight": "w_\u00b5", "stratum": "s_\u00b5", "cluster": "c_\u00b5"})
    survey = cs.Survey(mine, weight="w_\u00b5", stratum="s_\u00b5", cluster="c_\u03bc", cluster_labels="nested")
    assert (survey.weight, survey.stratum, survey.cluster) == ("w_\u03bc", "s_\u03bc", "c_\u03bc")
    assert repr(survey) == repr(cs.Survey(people, **NESTED))
    questions = {"\u00b5g": "age_years / 10"}
    new = survey.define(**questions).group("age_years", [20, 40], name="\u00b5_group").data
    assert list(new.columns[-2:]) == ["\u03bcg", "\u03bc_group"]
    for name in ("w_\u00b5", "w_\u03bc"):
        with pytest.raises(QuestionError, match="is a column of the design"):
            survey.define(**{name: "age_years"})
        with pytest.raises(QuestionError, match="is a column of the design"):
            survey.group("age_years", [20, 40], name=name)


def test_two_columns_of_one_name_in_two_spellings_are_refused(people: pd.DataFrame) -> None:
    twins = people.join(pd.DataFrame(1.0, index=people.index, columns=["\u00b5g", "\u03bcg"]))
    with pytest.raises(SchemaError, match="\u03bcg: is spelled in 2 ways; expected one column of this name"):
        cs.Survey(twins)
    same = pd.concat([people, people[["sex"]]], axis=1)  # refused where somebody asks for it
    with pytest.raises(QuestionError, match="there are 2 columns named 'sex'"):
        cs.Survey(same).where("sex == 'f'")


def test_names_that_are_no_texts_stay() -> None:
    data = pd.DataFrame([[1.0, 2.0, 3.0]] * 4, columns=[5, ("a", 1), np.nan])
    assert cs.Survey(data).data.columns.equals(data.columns)


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


def test_columns_can_be_added_to_simulated_people() -> None:
    people = cs.Survey(cs.simulate(cs.Population(), 50, seed=1)).define(old="age_years >= 60", older="old + 1")
    grouped = people.group("age_years", [18, 60], name="two_groups").define(old="age_years >= 70")
    assert list(grouped.data.columns)[-3:] == ["old", "older", "two_groups"]
    assert grouped.data["old"].tolist() == (grouped.data["age_years"] >= 70).astype(int).tolist()
