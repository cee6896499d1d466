"""The regressions that are offered, by family."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from crampstats.errors import QuestionError
from crampstats.formulas import read_formula
from crampstats.regression.families import FAMILIES, choose
from crampstats.regression.likelihood_models import fit_likelihood
from crampstats.regression.likelihoods import COUNTS
from crampstats.regression.linear_models import fit_mean
from crampstats.regression.offsets import Offset
from crampstats.regression.outcomes import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crampstats.formulas import Formula
    from crampstats.regression.families import FamilyName, LinkName
    from crampstats.regression.foundations import Model
    from crampstats.survey import Survey

GROUPED, ORDINAL = "grouped_negative_binomial", "ordinal"


def fit(
    survey: Survey,
    formula: str,
    *,
    family: FamilyName,
    link: LinkName | None = None,
    zero: str | None = None,
    offset: str | None = None,
    exposure: str | None = None,
    classes: Mapping[Any, tuple[int, int | None]] | None = None,
    dispersion: float | None = None,
) -> Model:
    """Fit a regression to the people of a survey's domain.

    Parameters
    ----------
    survey
        Whose domain is asked about.
    formula
        Such as ``"low_magnesium ~ sex + age_group + diabetes"``; the outcome is a column of numbers or 0/1, which
        `Survey.define` makes. Functions: ``C``, ``bs``, ``cr``, ``rcs``, ``poly``, ``log``, ``sqrt``, ``center``. The
        reference level is the first one; ``C(sex, contr.treatment("male"))`` chooses another.
    family
        Of one mean: ``"binomial"`` (0/1), ``"poisson"`` (counts, or 0/1 for prevalence ratios) or ``"gaussian"``.
        Of counts: ``"negative_binomial"`` (variance mean + alpha mean², alpha estimated), ``"zero_inflated_poisson"``,
        ``"zero_inflated_negative_binomial"`` (some people never count), ``"hurdle_poisson"``,
        ``"hurdle_negative_binomial"`` (whether, and if so how many). Of classes in order: ``"ordinal"`` (proportional
        odds; whole numbers or an ordered categorical), ``"grouped_negative_binomial"`` (counts of which only the class is
        known).
    link
        ``"logit"``, ``"log"`` or ``"identity"``; None for the family's usual one: logit, log, identity; ordinal logit,
        counts log.
    zero
        Right side of the zero part, such as ``"1"`` or ``"sex"``; None for that of the formula. Its coefficients are log odds
        of an extra zero (zero-inflated) or of a zero at all (hurdle; R's pscl has the odds of a count above 0 there).
    offset
        Column that is added to the linear predictor, on the scale of the link; in models of several parts to that of the
        formula.
    exposure
        Column of time at risk, above 0, for a log link: the coefficients are of rates.
    classes
        Of grouped counts: lowest and highest count of each level of the outcome, in order from 0 without gaps; None leaves
        the last class open, as in ``{0: (0, 0), 1: (1, 4), 2: (5, None)}``.
    dispersion
        Alpha of negative binomial counts, taken as known; None to estimate it and carry its error.

    Returns
    -------
    Model
        Coefficients with the covariance of the design; their degrees of freedom are those of the design, plus 1, less p,
        where thresholds and dispersion count too.

    Raises
    ------
    QuestionError
        If the formula does not fit the columns, somebody in the domain lacks a value, the outcome is out of range, columns
        are combinations of others, or an option does not go with the family.
    ConvergenceError
        If there is no finite solution (separation, no zero-inflation, no overdispersion), with the part or columns named,
        or none was reached.
    DesignError
        If the design has too few degrees of freedom for the coefficients.

    Notes
    -----
    Pseudo maximum likelihood with the linearized variance: Binder DA, Int Stat Rev 1983;51:279-292, doi:10.2307/1402588.
    In models of one mean the information is the expected one, as in R, which is the observed one with the usual link; in
    models of several parts it is the observed one, so that the error of the dispersion is carried.
    Without clusters the contributions are per person: 8 bytes for each person and coefficient.

    Examples
    --------
    >>> import crampstats as cs
    >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class").define(frequent="cramp_class >= 3")
    >>> fit(cramps, "frequent ~ sex + age_group", family="binomial").odds_ratios().to_frame()[["term", "estimate"]].round(2)
                     term  estimate
    0       sex[T.female]      1.76
    1  age_group[T.40-59]      1.71
    2    age_group[T.60+]      2.29
    >>> fit(cramps, "cramp_class ~ sex", family="ordinal").to_frame()[["term", "part", "estimate"]].round(2)
                term       part  estimate
    0  sex[T.female]   location      0.28
    1            0|1  threshold      0.95
    2            1|2  threshold      1.64
    3            2|3  threshold      2.92
    4            3|4  threshold      4.10
    """
    read, added = read_formula(formula), Offset(offset, exposure)
    given = {"zero": zero, "classes": classes, "dispersion": dispersion}
    if family in FAMILIES or family not in {*COUNTS, ORDINAL, GROUPED}:
        chosen_family, chosen_link = choose(family, link)
        _refuse_options(family, given, ())
        if exposure is not None and chosen_link.name != "log":
            raise QuestionError(f"exposure={exposure!r} needs a log link; with link={chosen_link.name!r} use offset.")
        return fit_mean(survey, read, chosen_family, chosen_link, added)
    usual = "logit" if family == ORDINAL else "log"
    if link not in {None, usual}:
        raise QuestionError(f"link={link!r} does not go with family={family!r}: choose from {usual}.")
    options = {ORDINAL: (), GROUPED: ("classes", "dispersion")}.get(family)
    if options is None:
        options = (
            *(["zero"] if "zero" in COUNTS[family].parts else []),
            *(["dispersion"] if COUNTS[family].dispersed else []),
        )
    _refuse_options(family, given, options)
    if family == ORDINAL and exposure is not None:
        raise QuestionError(f"exposure={exposure!r} needs a log link; with link='logit' use offset.")
    if dispersion is not None and not (math.isfinite(dispersion) and dispersion > 0):
        raise QuestionError(f"dispersion={dispersion!r} has to be above 0; at 0 counts are Poisson.")
    return fit_likelihood(survey, Request(read, family, added, _right_side(zero), classes, dispersion))


def _refuse_options(family: str, given: Mapping[str, Any], options: tuple[str, ...]) -> None:
    """Refuse options that do not go with a family."""
    for name, value in given.items():
        if value is not None and name not in options:
            choices = f"its options are {', '.join(options)}" if options else "leave it out"
            raise QuestionError(f"{name}={value!r} does not go with family={family!r}; {choices}.")


def _right_side(zero: str | None) -> Formula | None:
    """Read the formula of a zero part."""
    if zero is None:
        return None
    read = read_formula(zero)
    if read.response is not None:
        raise QuestionError(f"zero={zero!r} has to be a right side alone, as in zero='sex' or zero='1'.")
    return read
