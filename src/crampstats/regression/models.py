"""Models: coefficients as an estimate under the design, and what is predicted from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crampstats.errors import DesignError, QuestionError
from crampstats.estimates import Component, Estimate, mapped, transform
from crampstats.formulas import Formula, read_formula
from crampstats.regression.families import Family, FamilyName, Link, LinkName, choose
from crampstats.regression.fitting import Rows, check_rank, solve, working_residual

if TYPE_CHECKING:
    from crampstats.formulas import DesignMatrix, Encoding
    from crampstats.regression.fitting import Solution
    from crampstats.survey import Survey

INTERCEPT = "Intercept"


@dataclass(frozen=True, eq=False, repr=False)
class Model:
    """A fitted regression.

    Attributes
    ----------
    formula
        As it was read.
    family, link
        What is assumed of the outcome.
    coefficients
        One for each column of the design matrix, on the scale of the link.
    encoding
        How the columns are made of data.
    survey
        Whose domain was fitted.
    solution
        What tests of terms need: naive covariance and deviance of the weighted fit.

    Examples
    --------
    >>> import crampstats as cs
    >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class").define(frequent="cramp_class >= 3")
    >>> model = cs.fit(cramps, "frequent ~ sex + age_group", family="poisson")
    >>> model.terms
    ('Intercept', 'sex[T.female]', 'age_group[T.40-59]', 'age_group[T.60+]')
    >>> older = pd.DataFrame({"sex": ["female", "male"], "age_group": ["60+", "60+"]})
    >>> model.predict(older).to_frame()[["sex", "age_group", "estimate"]].round(3)
          sex age_group  estimate
    0  female       60+     0.105
    1    male       60+     0.061
    """

    formula: Formula
    family: Family
    link: Link
    coefficients: Estimate
    encoding: Encoding
    survey: Survey
    solution: Solution

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the coefficients, length p."""
        return tuple(self.coefficients.labels["term"])

    def odds_ratios(self) -> Estimate:
        """Return the exponentials of the coefficients but the intercept, for a binomial outcome with a logit link.

        Returns
        -------
        Estimate
            Odds ratios with intervals on the log scale.

        Raises
        ------
        QuestionError
            If the coefficients are not log odds ratios.
        """
        return self._exponentials("odds_ratios", "binomial", "logit")

    def prevalence_ratios(self) -> Estimate:
        """Return the exponentials of the coefficients but the intercept, for a yes/no outcome with a log link.

        Returns
        -------
        Estimate
            Prevalence ratios with intervals on the log scale. With ``family="poisson"`` the design's variance makes up for
            the wrong variance of the family (Zou G, Am J Epidemiol 2004;159:702-706, doi:10.1093/aje/kwh090).

        Raises
        ------
        QuestionError
            If the coefficients are not log prevalence ratios.
        """
        if not self._outcome_is_yes_no():
            raise QuestionError(
                f"prevalence_ratios: {self.formula.response!r} is not 0/1; rate_ratios() are for counts."
            )
        return self._exponentials("prevalence_ratios", None, "log")

    def rate_ratios(self) -> Estimate:
        """Return the exponentials of the coefficients but the intercept, for counts with a log link.

        Returns
        -------
        Estimate
            Rate ratios with intervals on the log scale.

        Raises
        ------
        QuestionError
            If the coefficients are not log rate ratios.
        """
        return self._exponentials("rate_ratios", "poisson", "log")

    def _exponentials(self, asked: str, family: str | None, link: str) -> Estimate:
        """Return the exponentials of all coefficients but the intercept."""
        if self.link.name != link or family not in {None, self.family.name}:
            needed = f"family={family!r} and link={link!r}" if family else f"link={link!r}"
            raise QuestionError(
                f"{asked} needs a model with {needed}; this one has family={self.family.name!r}, link={self.link.name!r}."
            )
        if INTERCEPT not in self.terms:
            raise QuestionError(
                f"{asked} needs a model with an intercept: without one coefficients compare with nothing."
            )
        return transform(self.coefficients.where(f"term != '{INTERCEPT}'"), np.exp, interval_method="log")

    def _outcome_is_yes_no(self) -> bool:
        """Say whether nobody in the domain has another outcome than 0 and 1."""
        values = _domain_rows(self.survey, (self.formula.response or "",))[self.formula.response]
        return bool(values.isin((0, 1)).all())

    def predict(self, data: pd.DataFrame) -> Estimate:
        """Return the mean outcome of people with these values.

        Parameters
        ----------
        data
            Shape (k, columns): a row each kind of people, with the columns of the formula's right side.

        Returns
        -------
        Estimate
            k means, in the unit of the outcome, labelled by the columns; t intervals on the scale of the link.

        Raises
        ------
        QuestionError
            If a column is not there, has missing values, or a level the model has not seen.
        """
        needed = [column for column in self.formula.columns if column != self.formula.response]
        absent = [column for column in needed if column not in data.columns]
        if absent:
            raise QuestionError(f"predict: the data lack {', '.join(map(repr, absent))}; the model needs {needed}.")
        matrix = self.encoding.of(data[needed])
        eta = matrix @ self.coefficients.value
        mean = self.link.inverse(eta)
        labels = data[needed].reset_index(drop=True)
        labels.insert(0, "term", f"mean of {self.formula.response}")
        slopes = self.link.slope(eta, mean)[:, None] * matrix
        n = np.full(len(eta), self.coefficients.n[0])
        return mapped(
            self.coefficients, slopes, value=mean, labels=labels, n=n, interval_method=self.link.interval_method
        )

    def deviance_without(self, places: np.ndarray) -> float:
        """Return the deviance of the model without some columns of its design matrix.

        Parameters
        ----------
        places
            Which columns, numbered from 0.

        Raises
        ------
        ConvergenceError
            If that model cannot be fitted.
        """
        rows, _ = _rows(self.survey, self.formula, self.family)
        kept = np.setdiff1d(np.arange(len(self.coefficients)), places)
        if len(kept) == 0:
            raise QuestionError(f"{self.formula.text!r} has no other term to compare with.")
        intercept = None if rows.intercept is None or rows.intercept in places else int(np.sum(kept < rows.intercept))
        matrix = rows.matrix[:, kept]
        if intercept is None:  # without it, what was taken off a column cannot be made up for
            matrix = matrix * rows.scale[kept] + rows.centre[kept]
        smaller = Rows.of(np.ascontiguousarray(matrix), rows.outcome, rows.weight, intercept)
        return solve(smaller, self.family, self.link, [self.terms[place] for place in kept]).deviance

    def to_frame(self, *, level: float = 0.95) -> pd.DataFrame:
        """Return the coefficients as a table, see `Estimate.to_frame`.

        Parameters
        ----------
        level
            Confidence.
        """
        return self.coefficients.to_frame(level=level)

    def __repr__(self) -> str:
        return f"<Model {self.formula.text}, {self.family.name} with link {self.link.name}>\n{self.coefficients!r}"

    def _repr_html_(self) -> str:
        return self.coefficients._repr_html_()


def _domain_rows(survey: Survey, columns: tuple[str, ...]) -> pd.DataFrame:
    """Return columns for the people of the domain, without levels that nobody there has."""
    if not set(columns) <= set(survey.data.columns):
        return survey.data  # the formula tells what is not there
    present = list(columns)
    rows = survey.data[present] if survey.domain is None else survey.data.loc[survey.domain, present]
    unused = {
        name: rows[name].cat.remove_unused_categories()
        for name in present
        if isinstance(rows[name].dtype, pd.CategoricalDtype)
    }
    return rows.assign(**unused) if unused else rows


def _outcome(formula: Formula, matrix: DesignMatrix, family: Family) -> np.ndarray:
    """Return the outcome, refusing values that the family cannot have."""
    if formula.response is None or matrix.response is None:
        raise QuestionError(f"fit: {formula.text!r} has no outcome; write it on the left, as in: low_magnesium ~ sex.")
    wrong = ~family.admits(matrix.response)
    if wrong.any():
        found = ", ".join(f"{value:g}" for value in np.unique(matrix.response[wrong])[:5])
        raise QuestionError(
            f"fit: with family={family.name!r} {formula.response!r} has to be {family.outcome}; it is {found} in "
            f"{int(wrong.sum()):,} rows."
        )
    if family.name != "gaussian" and np.ptp(matrix.response) == 0:
        raise QuestionError(
            f"fit: {formula.response!r} is {matrix.response[0]:g} for everybody; there is nothing to explain."
        )
    return matrix.response


def fit(survey: Survey, formula: str, *, family: FamilyName, link: LinkName | None = None) -> Model:
    """Fit a generalised linear model to the people of a survey's domain.

    Parameters
    ----------
    survey
        Whose domain is asked about.
    formula
        Such as ``"low_magnesium ~ sex + age_group + diabetes"``; the outcome is a column of numbers or 0/1, which
        `Survey.define` makes. Functions: ``C``, ``bs``, ``cr``, ``rcs``, ``poly``, ``log``, ``sqrt``, ``center``. The
        reference level is the first one; ``C(sex, contr.treatment("male"))`` chooses another.
    family
        ``"binomial"`` (0/1), ``"poisson"`` (counts, or 0/1 for prevalence ratios) or ``"gaussian"``.
    link
        ``"logit"``, ``"log"`` or ``"identity"``; None for the family's usual one: logit, log, identity.

    Returns
    -------
    Model
        Coefficients with the covariance of the design; their degrees of freedom are those of the design, plus 1, less p.

    Raises
    ------
    QuestionError
        If the formula does not fit the columns, somebody in the domain lacks a value, the outcome is out of range, or
        columns are combinations of others.
    ConvergenceError
        If there is no finite solution (separation, with the columns named) or none was reached.
    DesignError
        If the design has too few degrees of freedom for the coefficients.

    Notes
    -----
    Pseudo maximum likelihood with the linearized variance: Binder DA, Int Stat Rev 1983;51:279-292, doi:10.2307/1402588.
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
    """
    chosen_family, chosen_link = choose(family, link)
    read = read_formula(formula)
    rows, encoding = _rows(survey, read, chosen_family)
    check_rank(rows, encoding.terms)
    solution = solve(rows, chosen_family, chosen_link, encoding.terms)
    coefficients = _coefficients(survey, rows, solution, (chosen_family, chosen_link), encoding.terms)
    return Model(read, chosen_family, chosen_link, coefficients, encoding, survey, solution)


def _rows(survey: Survey, formula: Formula, family: Family) -> tuple[Rows, Encoding]:
    """Return the people of the domain as numbers, and how the numbers are made."""
    data = _domain_rows(survey, formula.columns)
    matrix = formula.matrix(data)
    outcome = _outcome(formula, matrix, family)
    weight = np.ones(len(outcome)) if survey.row_weight is None else _inside(survey, survey.row_weight)
    terms = matrix.encoding.terms
    intercept = terms.index(INTERCEPT) if INTERCEPT in terms else None
    # Weights add up to people, not to rows, so that tabulated rows give the same deviance.
    return Rows.of(matrix.values, outcome, weight * (survey.people / weight.sum()), intercept), matrix.encoding


def _inside(survey: Survey, values: np.ndarray) -> np.ndarray:
    """Return the values of the people of the domain."""
    return values if survey.domain is None else values[survey.domain]


def _coefficients(
    survey: Survey,
    rows: Rows,
    solution: Solution,
    assumed: tuple[Family, Link],
    terms: tuple[str, ...],
) -> Estimate:
    """Return the coefficients with their contributions."""
    clusters, p = survey.design.clusters, len(terms)
    cluster = _inside(survey, survey.row_cluster)
    sums = np.zeros((clusters, p))
    start = 0
    for matrix, outcome, weight in rows.blocks():
        _, pull, _ = working_residual(*assumed, outcome, matrix @ solution.standardised)
        add_to_clusters(sums, cluster[start : start + len(outcome)], matrix * (weight * pull)[:, None])
        start += len(outcome)
    contributions = sums @ (solution.inverse @ rows.back.T)
    touched = np.zeros((clusters, 1), dtype=bool)
    touched[cluster] = True
    component = Component(survey.design, contributions, np.broadcast_to(touched, (clusters, p)), p - 1.0)
    estimate = Estimate(
        pd.DataFrame({"term": terms}),
        solution.coefficients,
        (component,),
        np.full(p, float(survey.people)),
        "wald",
        survey.described,
    )
    if estimate.df[0] <= 0:
        raise DesignError(
            f"the design has {survey.degrees_of_freedom:g} degrees of freedom, too few for {p} coefficients; drop terms."
        )
    return estimate


def add_to_clusters(sums: np.ndarray, cluster: np.ndarray, contributions: np.ndarray) -> None:
    """Add contributions of rows to their clusters, in place.

    Parameters
    ----------
    sums
        Shape (clusters, k).
    cluster
        Shape (rows,).
    contributions
        Shape (rows, k).
    """
    if len(sums) <= 4 * len(cluster):
        for column in range(sums.shape[1]):
            sums[:, column] += np.bincount(cluster, contributions[:, column], len(sums))
    else:
        np.add.at(sums, cluster, contributions)
