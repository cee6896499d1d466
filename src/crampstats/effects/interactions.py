"""Whether two exposures together do more than one would expect of each: on the additive and the multiplicative scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crampstats.effects.standardization import People, read_setting, standardized_means, told
from crampstats.errors import CrampstatsError, QuestionError
from crampstats.estimates import Estimate, mapped
from crampstats.questions import one_spelling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crampstats.intervals import Method
    from crampstats.regression import Model


@dataclass(frozen=True, eq=False, repr=False)
class Interaction:
    """How the joint effect of two exposures differs from that of each.

    Attributes
    ----------
    means
        Of the outcome if everybody had both, only the first, only the second, and neither: m11, m10, m01, m00.
    first, second
        Columns of the exposures.

    Examples
    --------
    >>> import crampstats as cs
    >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class").define(frequent="cramp_class >= 3", old="age_group == '60+'")
    >>> model = cs.fit(cramps, "frequent ~ sex * old", family="binomial")
    >>> joint = interaction(model, "sex", "old", values=(("female", "male"), (1, 0)))
    >>> joint.means.value.round(3)
    array([0.11 , 0.063, 0.055, 0.04 ])
    """

    means: Estimate
    first: str
    second: str

    @property
    def contrast(self) -> Estimate:
        """m11 − m10 − m01 + m00, in the unit of the outcome: 0 if effects add up."""
        value = self.means.value
        slopes = np.array([1.0, -1.0, -1.0, 1.0])
        return self._made("interaction contrast", float(value @ slopes), slopes, "wald")

    @property
    def excess_ratio(self) -> Estimate:
        """Relative excess risk due to interaction, RERI = RR11 − RR10 − RR01 + 1: 0 if effects add up."""
        m11, m10, m01, m00 = self.means.value
        slopes = np.array([1 / m00, -1 / m00, -1 / m00, -(m11 - m10 - m01) / m00**2])
        return self._made("RERI", (m11 - m10 - m01 + m00) / m00, slopes, "wald")

    @property
    def attributable_proportion(self) -> Estimate:
        """AP = RERI / RR11, the share of the outcome of people with both that is due to their meeting: 0 if they add up."""
        m11, m10, m01, m00 = self.means.value
        slopes = np.array([(m10 + m01 - m00) / m11**2, -1 / m11, -1 / m11, 1 / m11])
        return self._made("attributable proportion", (m11 - m10 - m01 + m00) / m11, slopes, "wald")

    @property
    def synergy_index(self) -> Estimate:
        """S = (RR11 − 1) / ((RR10 − 1) + (RR01 − 1)): 1 if effects add up; interval on the log scale.

        Raises
        ------
        CrampstatsError
            If the joint effect and the sum of both have no common sign, when S says nothing.
        """
        problem = self._without_synergy()
        if problem:
            raise CrampstatsError(problem)
        m11, m10, m01, m00 = self.means.value
        joint, each = m11 - m00, m10 + m01 - 2 * m00
        slopes = np.array([1 / each, -joint / each**2, -joint / each**2, (2 * joint - each) / each**2])
        return self._made("synergy index", joint / each, slopes, "log")

    @property
    def ratio(self) -> Estimate:
        """RR11 / (RR10 RR01): 1 if effects multiply; interval on the log scale."""
        m11, m10, m01, m00 = self.means.value
        value = m11 * m00 / (m10 * m01)
        return self._made("ratio of ratios", value, value * np.array([1 / m11, -1 / m10, -1 / m01, 1 / m00]), "log")

    def _made(self, term: str, value: float, slopes: np.ndarray, method: Method) -> Estimate:
        """Return one measure."""
        return mapped(
            self.means,
            slopes[None, :],
            value=np.array([value]),
            labels=told(term),
            n=self.means.n[:1],
            interval_method=method,
        )

    def _without_synergy(self) -> str:
        """Say why there is no synergy index; empty if there is one."""
        m11, m10, m01, m00 = self.means.value
        joint, each = m11 / m00 - 1, (m10 + m01) / m00 - 2
        if joint * each > 0:
            return ""
        return (
            f"synergy_index: the joint excess RR11 − 1 is {joint:.3g} and the sum of both {each:.3g}, not of one sign, so that "
            "S says nothing; choose values for which both exposures raise the outcome, or use excess_ratio."
        )

    def to_frame(self, *, level: float = 0.95) -> pd.DataFrame:
        """Return the means and all measures as one table, see `Estimate.to_frame`.

        Parameters
        ----------
        level
            Confidence.

        Returns
        -------
        DataFrame
            Where there is no synergy index, the note of RERI says why.
        """
        problem = self._without_synergy()
        measures = [self.means, self.contrast, self.excess_ratio, self.attributable_proportion]
        measures += [self.ratio] if problem else [self.synergy_index, self.ratio]
        table = pd.concat([each.to_frame(level=level) for each in measures], ignore_index=True)
        return table.assign(note=table["note"].where(table["term"] != "RERI", problem)) if problem else table

    def __repr__(self) -> str:
        shown = self._shown().to_string(index=False, float_format="{:.4g}".format)
        return f"<Interaction of {self.first} and {self.second} in {self.means.source}>\n{shown}"

    def _repr_html_(self) -> str:
        return self._shown().to_html(index=False, border=0, float_format="{:.4g}".format)

    def _shown(self) -> pd.DataFrame:
        """Return the columns for the eye."""
        table = self.to_frame()
        return table if table["note"].any() else table.drop(columns="note")


def interaction(
    model: Model,
    first: str,
    second: str,
    *,
    values: Sequence[tuple[Any, Any]] = ((1, 0), (1, 0)),
    among: str | None = None,
) -> Interaction:
    """Say whether two exposures together raise the outcome by more than each alone.

    Parameters
    ----------
    model
        As from `fit`. It needs no product of the two, but without one it presupposes what is asked on the scale of its link.
    first, second
        Columns of the model.
    values
        Exposed and reference value of each.
    among
        A yes/no question: standardised to these people only.

    Returns
    -------
    Interaction
        The four standardised means, and the measures of Rothman on the additive, and the ratio of ratios on the
        multiplicative scale. Both scales are to be told: without either exposure's effect being none, effects that add up
        do not multiply.

    Raises
    ------
    QuestionError
        As `g_formula`.
    CrampstatsError
        If the values are not two pairs of different ones, or a mean is not positive, when there are no ratios.

    Notes
    -----
    VanderWeele TJ, Knol MJ, Epidemiol Methods 2014;3:33-72, doi:10.1515/em-2013-0005. Delta intervals: Hosmer DW, Lemeshow S,
    Epidemiology 1992;3:452-456, doi:10.1097/00001648-199209000-00012. They are of standardised prevalences and ratios of
    these, not of odds ratios, which exaggerate RERI where the outcome is not rare. Of an interaction of causes both exposures
    have to be unconfounded; of an effect of one that differs by the other, only the first.

    Examples
    --------
    >>> import crampstats as cs
    >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class").define(frequent="cramp_class >= 3", old="age_group == '60+'")
    >>> model = cs.fit(cramps, "frequent ~ sex * old", family="binomial")
    >>> joint = interaction(model, "sex", "old", values=(("female", "male"), (1, 0)))
    >>> joint.to_frame()[["term", "estimate", "conf_low", "conf_high"]].round(2).tail(5)
                          term  estimate  conf_low  conf_high
    4     interaction contrast      0.03      0.01       0.05
    5                     RERI      0.80      0.33       1.27
    6  attributable proportion      0.29      0.13       0.45
    7            synergy index      1.82      1.11       2.97
    8          ratio of ratios      1.26      0.91       1.75
    """
    given: Any = values
    first, second = one_spelling(first), one_spelling(second)
    pairs = [] if isinstance(given, str) else list(given)
    if len(pairs) != 2 or any(not isinstance(pair, (tuple, list)) or len(pair) != 2 for pair in pairs):
        raise CrampstatsError(
            f"values={values!r} has to hold exposed and reference of either exposure, as in ((1, 0), (1, 0))."
        )
    if any(one == other for one, other in pairs):
        raise CrampstatsError(
            f"values={values!r}: exposed and reference have to differ, or there is no effect to meet."
        )
    if first == second:
        raise QuestionError(f"first and second are both {first!r}; an interaction is of two exposures.")
    crossed = [(0, 0), (0, 1), (1, 0), (1, 1)]
    settings = [{first: pairs[0][one], second: pairs[1][other]} for one, other in crossed]
    labels = told(*(f"{first} = {each[first]}, {second} = {each[second]}" for each in settings))
    people = People.of(model.survey, (), among)
    means = standardized_means(model, [read_setting(model, each) for each in settings], people, labels)
    if np.any(means.value <= 0):
        raise CrampstatsError(f"ratios need positive means; they are {means.value.round(4).tolist()}.")
    return Interaction(means, first, second)
