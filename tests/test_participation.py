"""Who of the sampled is analysed, and who answered what."""

import pandas as pd
import pytest

import crampstats as cs
from crampstats.errors import QuestionError


def test_each_step_tells_whom_it_cost(survey: cs.Survey) -> None:
    flow = cs.participant_flow(survey.where("age_years >= 30").observed("cramps").where("sex == 'f'")).to_frame()
    assert flow["step"].tolist() == ["sample", "age_years >= 30", "observed cramps", "sex == 'f'"]
    assert flow["people"].tolist() == [12, 10, 9, 4]
    assert flow["excluded"].tolist() == [0, 2, 1, 5]
    shares = [0, 1 - 175 / 190, 1 - 155 / 175, 1 - 80 / 155]
    assert flow["excluded_share"].tolist() == pytest.approx(shares)


def test_the_order_of_the_steps_is_that_of_the_questions(survey: cs.Survey) -> None:
    one = cs.participant_flow(survey.observed("cramps").where("age_years >= 30"))
    assert one.steps == ("sample", "observed cramps", "age_years >= 30")
    assert one.people == (12, 11, 9)


def test_people_without_weight_are_the_first_step(people: pd.DataFrame) -> None:
    weight = people["weight"].where(people["age_years"] != 20, 0.0)
    flow = cs.participant_flow(cs.Survey(people.assign(weight=weight), weight="weight"))
    assert (flow.steps, flow.people) == (("sample", "weight above 0"), (12, 11))


def test_rows_of_nobody_are_no_step(survey: cs.Survey) -> None:
    cells = survey.where("stratum == 1").tabulate(["sex", "cramps"])
    assert cs.participant_flow(cells.observed("cramps")).people == (6, 6)
    assert cs.participant_flow(cells).source == "survey [stratum == 1]"


def test_items_that_people_lack(survey: cs.Survey) -> None:
    lacking = cs.item_nonresponse(survey, ["cramps", "age_years"])
    assert lacking["item"].tolist() == ["cramps", "age_years"]
    assert lacking["missing"].tolist() == [1, 0]
    assert lacking["missing_share"].tolist() == pytest.approx([20 / 190, 0])
    men = cs.item_nonresponse(survey.where("sex == 'm'"), ["cramps"])
    assert men["people"].tolist() == [6]
    with pytest.raises(QuestionError, match="item_nonresponse: there is no column 'cramp'; did you mean 'cramps'"):
        cs.item_nonresponse(survey, ["cramp"])
