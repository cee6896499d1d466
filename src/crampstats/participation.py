"""Who of the sampled is analysed, and who answered what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crampstats.errors import QuestionError
from crampstats.questions import column_answer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from crampstats.survey import Survey


@dataclass(frozen=True)
class ParticipantFlow:
    """How many people were left after each step from the sample to the analysis.

    Attributes
    ----------
    source
        The survey, in words.
    steps
        In words; the first is the whole sample.
    people
        Left after each step, same length.
    weight
        Their total weight, same length.
    """

    source: str
    steps: tuple[str, ...]
    people: tuple[int, ...]
    weight: tuple[float, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return a row a step: ``step``, ``people``, ``excluded``, and of what was left before ``excluded_share``, weighted."""
        people, weight = np.array(self.people), np.array(self.weight)
        before = np.concatenate([weight[:1], weight[:-1]])
        return pd.DataFrame(
            {
                "step": self.steps,
                "people": people,
                "excluded": -np.diff(people, prepend=people[0]),
                "excluded_share": 1 - weight / before,
            }
        )

    def _repr_html_(self) -> str:
        return self.to_frame().to_html(index=False, border=0)


def participant_flow(survey: Survey) -> ParticipantFlow:
    """Return how many people each question and each missing value cost (STROBE item 13).

    Parameters
    ----------
    survey
        As it was narrowed by `where` and `observed`; each is a step, in its order. People without weight are the first step.

    Returns
    -------
    ParticipantFlow
        From the rows of the data (their people, where rows are tabulated) to the domain.

    Notes
    -----
    von Elm E et al., Lancet 2007;370:1453-1457, doi:10.1016/S0140-6736(07)61602-X.

    Examples
    --------
    >>> import crampstats as cs
    >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class").where("sex == 'female'")
    >>> participant_flow(cramps).to_frame()[["step", "people", "excluded"]]
                       step  people  excluded
    0                sample   10914         0
    1  observed cramp_class   10902        12
    2       sex == 'female'    5609      5293
    """
    count = np.ones(len(survey)) if survey.row_count is None else survey.row_count
    weight = count if survey.row_weight is None else survey.row_weight
    steps = [(name, inside) for name, inside in survey.steps if name != _empty_rows(survey)]
    people = [count.sum(), *(count[inside].sum() for _, inside in steps)]
    total = [weight.sum(), *(weight[inside].sum() for _, inside in steps)]
    return ParticipantFlow(
        survey.name,
        ("sample", *(name for name, _ in steps)),
        tuple(round(each) for each in people),
        tuple(float(each) for each in total),
    )


def _empty_rows(survey: Survey) -> str:
    """Return the name of a first step that leaves out rows of nobody only."""
    if survey.row_count is None or not survey.steps:
        return ""
    name, inside = survey.steps[0]
    return name if not survey.row_count[~inside].any() else ""


def item_nonresponse(survey: Survey, columns: Sequence[str]) -> pd.DataFrame:
    """Return how many people of the domain lack each item (STROBE item 14).

    Parameters
    ----------
    survey
        Whose domain is asked about; before `observed` has taken the missing out.
    columns
        Names of columns.

    Returns
    -------
    DataFrame
        A row a column: ``item``, ``people`` asked, ``missing``, ``missing_share`` (weighted).

    Raises
    ------
    QuestionError
        If a column is not there.

    Examples
    --------
    >>> import crampstats as cs
    >>> item_nonresponse(cs.datasets.nhanes_cramps(), ["cramp_class"]).round(4)
              item  people  missing  missing_share
    0  cramp_class   10914       12         0.0006
    """

    def fail(problem: str) -> NoReturn:
        raise QuestionError(f"item_nonresponse: {problem}.")

    inside = np.ones(len(survey), dtype=bool) if survey.domain is None else survey.domain
    count = np.ones(len(survey)) if survey.row_count is None else survey.row_count
    weight = count if survey.row_weight is None else survey.row_weight
    rows = []
    for column in columns:
        missing = column_answer(survey.data, column, fail).missing
        lacking = inside & (np.zeros(len(survey), dtype=bool) if missing is None else missing)
        share = weight[lacking].sum() / weight[inside].sum()
        rows.append((column, round(count[inside].sum()), round(count[lacking].sum()), share))
    return pd.DataFrame(rows, columns=["item", "people", "missing", "missing_share"])
