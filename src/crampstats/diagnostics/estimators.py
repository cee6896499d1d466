"""Ways to estimate as values: what an analysis does with whatever survey it gets, and what a process can be sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from crampstats.effects.standardization import People, read_setting, standardized_means, told
from crampstats.errors import CrampstatsError, QuestionError
from crampstats.estimates import Estimate, difference, ratio
from crampstats.measurement import usual_prevalence
from crampstats.proportions import mean, prevalence
from crampstats.regression import fit
from crampstats.survey import Survey

if TYPE_CHECKING:
    from crampstats.intervals import Method
    from crampstats.measurement.usual_levels import Scale
    from crampstats.regression.families import FamilyName, LinkName

Estimator = Callable[[Survey], Estimate]
Measure = Literal["difference", "ratio"]


def _listed(names: Sequence[str]) -> Sequence[str]:
    """Return names as a tuple; one name without a list is left for the estimator to refuse."""
    return names if isinstance(names, str) else tuple(names)


@dataclass(frozen=True)
class Prevalence:
    """The share of people to whom a case definition applies, see `crampstats.prevalence`.

    Attributes
    ----------
    case
        A yes/no question, or a mapping from names to such questions.
    by
        Columns; an estimate for each combination that occurs.
    interval_method
        How the interval is made.

    Examples
    --------
    >>> import crampstats as cs
    >>> Prevalence("cramp_class >= 3")(cs.datasets.nhanes_cramps().observed("cramp_class")).value.round(4)
    array([0.0593])
    """

    case: str | Mapping[str, str]
    by: Sequence[str] = ()
    interval_method: Method = "korn_graubard"

    def __post_init__(self) -> None:
        object.__setattr__(self, "by", _listed(self.by))
        if isinstance(self.case, Mapping):
            object.__setattr__(self, "case", dict(self.case))

    def __call__(self, survey: Survey) -> Estimate:
        """Estimate it from a survey."""
        return prevalence(survey, self.case, by=self.by, interval_method=self.interval_method)


@dataclass(frozen=True)
class Mean:
    """The mean of a number, see `crampstats.mean`.

    Attributes
    ----------
    variable
        A column or arithmetic of columns, in its own unit.
    by
        Columns; an estimate for each combination that occurs.

    Examples
    --------
    >>> import pandas as pd
    >>> Mean("cramps_per_week")(Survey(pd.DataFrame({"cramps_per_week": [0, 2, 1, 1]}))).value
    array([1.])
    """

    variable: str
    by: Sequence[str] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "by", _listed(self.by))

    def __call__(self, survey: Survey) -> Estimate:
        """Estimate it from a survey."""
        return mean(survey, self.variable, by=self.by)


@dataclass(frozen=True)
class MeanContrast:
    """The means of a number in two groups, compared: of the arms of a trial, also within people whom a survey has as clusters.

    Attributes
    ----------
    variable
        A column or arithmetic of columns, such as ``"cramps / weeks - run_in_cramps / run_in_weeks"``.
    by
        The column of the groups.
    treated, control
        Its values that are compared, treated less or over control.
    measure
        ``"difference"`` or ``"ratio"``.

    Raises
    ------
    CrampstatsError
        If there is no such measure.

    Examples
    --------
    >>> import pandas as pd
    >>> trial = Survey(pd.DataFrame({"arm": ["placebo"] * 3 + ["tablet"] * 3, "cramps": [2, 4, 3, 1, 3, 2]}))
    >>> MeanContrast("cramps", "arm", "tablet", "placebo")(trial).value
    array([-1.])
    """

    variable: str
    by: str
    treated: Any
    control: Any
    measure: Measure = "difference"

    def __post_init__(self) -> None:
        if self.measure not in get_args(Measure):
            raise CrampstatsError(f"measure={self.measure!r} is unknown: choose from {', '.join(get_args(Measure))}.")

    def __call__(self, survey: Survey) -> Estimate:
        """Estimate both means from a survey and compare them."""
        means = mean(survey, self.variable, by=[self.by])
        treated, control = (means.where(f"{self.by} == {level!r}") for level in (self.treated, self.control))
        compared, sign = (difference, "−") if self.measure == "difference" else (ratio, "/")
        return compared(treated, control, label=f"{self.treated} {sign} {self.control}")


@dataclass(frozen=True)
class UsualPrevalence:
    """The share of people with a low usual level, see `crampstats.usual_prevalence`.

    Attributes
    ----------
    draws
        Columns of several draws, or the column of one.
    at_most
        One or several cut-offs, in their unit.
    cv
        Of one draw about a person's usual level: a share, several, an estimate of other people, or None.
    step
        What one draw is reported to; None as in `crampstats.usual_prevalence`.
    scale
        ``"normal"`` or ``"box_cox"``.

    Examples
    --------
    >>> import crampstats as cs
    >>> people = cs.simulate(cs.Population(), 5000, seed=1)
    >>> usual = UsualPrevalence(["magnesium_mmol_l", "second_magnesium_mmol_l"], 0.75)
    >>> bool(0.05 < usual(Survey(people)).value[0] < 0.15)
    True
    """

    draws: str | Sequence[str]
    at_most: float | Sequence[float]
    cv: float | Sequence[float] | Estimate | None = None
    step: float | None = None
    scale: Scale = "normal"

    def __post_init__(self) -> None:
        object.__setattr__(self, "draws", _listed(self.draws))

    def __call__(self, survey: Survey) -> Estimate:
        """Estimate it from a survey."""
        return usual_prevalence(survey, self.draws, at_most=self.at_most, cv=self.cv, step=self.step, scale=self.scale)


@dataclass(frozen=True)
class Coefficients:
    """Coefficients of a regression on the scale of its link, see `crampstats.fit`.

    Attributes
    ----------
    formula, family, link
        Of the model.
    terms
        Those that are asked about; None for all.
    exposure
        Column of time at risk, for rates; see `crampstats.fit`.

    Examples
    --------
    >>> import crampstats as cs
    >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class").define(frequent="cramp_class >= 3")
    >>> women = Coefficients("frequent ~ sex + age_group", "binomial", terms=["sex[T.female]"])
    >>> women(cramps).value.round(3)
    array([0.567])
    """

    formula: str
    family: FamilyName
    link: LinkName | None = None
    terms: Sequence[str] | None = None
    exposure: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.terms, str) or (self.terms is not None and len(self.terms) == 0):
            raise QuestionError(
                f"terms={self.terms!r} has to be a list of names of coefficients, or None for all of them."
            )
        if self.terms is not None:
            object.__setattr__(self, "terms", tuple(self.terms))

    def __call__(self, survey: Survey) -> Estimate:
        """Fit the model to a survey."""
        model = fit(survey, self.formula, family=self.family, link=self.link, exposure=self.exposure)
        coefficients = model.coefficients
        if self.terms is None:
            return coefficients
        there = set(coefficients.labels["term"])
        absent = [term for term in self.terms if term not in there]
        if absent:
            raise QuestionError(
                f"{self.formula!r} has no coefficient {', '.join(map(repr, absent))}; it has "
                f"{', '.join(map(repr, coefficients.labels['term']))}."
            )
        return coefficients.where(" or ".join(f"term == {term!r}" for term in self.terms))


@dataclass(frozen=True)
class StandardizedContrast:
    """The contrast of two means that a model predicts if everybody had these values, see `crampstats.g_formula`.

    Attributes
    ----------
    formula, family, link
        Of the model.
    exposed, reference
        Columns and the value that everybody gets, such as ``{"diabetes": 1}`` and ``{"diabetes": 0}``.
    measure
        ``"difference"`` (exposed less reference) or ``"ratio"`` (exposed over reference).
    label
        The term; None makes one of the settings.

    Raises
    ------
    CrampstatsError
        If there is no such measure.

    Examples
    --------
    >>> import crampstats as cs
    >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class").define(frequent="cramp_class >= 3")
    >>> gap = StandardizedContrast(
    ...     "frequent ~ sex + age_group", "binomial", exposed={"sex": "female"}, reference={"sex": "male"})
    >>> gap(cramps).to_frame()[["term", "estimate", "std_error"]].round(4)
                                term  estimate  std_error
    0  (sex = female) − (sex = male)    0.0304      0.005
    """

    formula: str
    family: FamilyName
    exposed: Mapping[str, Any]
    reference: Mapping[str, Any]
    measure: Measure = "difference"
    link: LinkName | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        if self.measure not in get_args(Measure):
            raise CrampstatsError(f"measure={self.measure!r} is unknown: choose from {', '.join(get_args(Measure))}.")
        for name in ("exposed", "reference"):
            if isinstance(getattr(self, name), Mapping):
                object.__setattr__(self, name, dict(getattr(self, name)))

    def __call__(self, survey: Survey) -> Estimate:
        """Fit the model to a survey, standardise twice and compare."""
        model = fit(survey, self.formula, family=self.family, link=self.link)
        settings = [self.exposed, self.reference]
        terms = [", ".join(f"{name} = {value}" for name, value in setting.items()) for setting in settings]
        asked = [read_setting(model, setting) for setting in settings]
        both = standardized_means(model, asked, People.of(model.survey, (), None), told(*terms))
        first, second = (both.where(f"term == {term!r}") for term in terms)
        compared = difference if self.measure == "difference" else ratio
        return compared(first, second, label=self.label)
