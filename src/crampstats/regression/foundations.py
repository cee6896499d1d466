"""Models: coefficients as an estimate under the design, and what is predicted from them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crampstats.errors import DesignError, QuestionError
from crampstats.estimates import Component, Estimate, mapped, transform
from crampstats.regression.offsets import NO_OFFSET, Offset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crampstats.formulas import Encoding, Formula
    from crampstats.regression.families import Family, Link
    from crampstats.regression.fitting import Solution
    from crampstats.regression.likelihoods import AnyLikelihood
    from crampstats.regression.maximisation import Maximum
    from crampstats.survey import Survey

INTERCEPT = "Intercept"


@dataclass(frozen=True, eq=False, repr=False)
class Model(ABC):
    """A fitted regression.

    Attributes
    ----------
    formula
        As it was read.
    family, link
        What is assumed of the outcome.
    coefficients
        One for each column of the design matrix, on the scale of the link; in models of several parts labelled by ``part``.
    encoding
        How the columns of the formula are made of data.
    survey
        Whose domain was fitted.
    solution
        Of the weighted fit: naive covariance, deviance, and how it was reached.
    offset
        Columns that the linear predictor holds with coefficient 1.

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
    family: Family | AnyLikelihood
    link: Link
    coefficients: Estimate
    encoding: Encoding
    survey: Survey
    solution: Solution | Maximum
    _: KW_ONLY
    offset: Offset = NO_OFFSET

    @property
    def predictors(self) -> tuple[str, ...]:
        """The columns that a prediction needs, in alphabetical order."""
        return tuple(sorted({*self.formula.predictors, *self.offset.columns}))

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the coefficients, length p."""
        return tuple(self.coefficients.labels["term"])

    @property
    def outcome_name(self) -> str:
        """What contrasts and slopes are of."""
        return str(self.formula.response)

    @property
    def mean_name(self) -> str:
        """What predictions are called."""
        return f"mean of {self.formula.response}"

    def odds_ratios(self) -> Estimate:
        """Return the exponentials of the coefficients but the intercept, where they are log odds.

        Returns
        -------
        Estimate
            Odds ratios with intervals on the log scale: of a yes/no outcome with a logit link; of a class at least as high,
            in an ordinal model; of an extra zero (zero-inflated) or of a zero (hurdle), in the zero part of counts.

        Raises
        ------
        QuestionError
            If the coefficients are not log odds ratios.

        Examples
        --------
        >>> import crampstats as cs
        >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class").define(frequent="cramp_class >= 3")
        >>> model = cs.fit(cramps, "frequent ~ sex + age_group", family="binomial")
        >>> model.odds_ratios().to_frame()[["term", "estimate", "conf_low", "conf_high"]].round(2)
                         term  estimate  conf_low  conf_high
        0       sex[T.female]      1.76      1.43       2.18
        1  age_group[T.40-59]      1.71      1.34       2.19
        2    age_group[T.60+]      2.29      1.85       2.83
        """
        return self._exponentials("odds_ratios", ("binomial",), "logit")

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

        Examples
        --------
        >>> import crampstats as cs
        >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class").define(frequent="cramp_class >= 3")
        >>> cs.fit(cramps, "frequent ~ sex", family="poisson").prevalence_ratios().value.round(2)
        array([1.74])
        """
        if not self._outcome_is_yes_no():
            raise QuestionError(
                f"prevalence_ratios: {self.formula.response!r} is not 0/1; rate_ratios() are for counts."
            )
        return self._exponentials("prevalence_ratios", ("binomial", "poisson", "gaussian"), "log")

    def rate_ratios(self) -> Estimate:
        """Return the exponentials of the coefficients but the intercept, for counts with a log link.

        Returns
        -------
        Estimate
            Rate ratios with intervals on the log scale; of a model with a zero part those of the counting process, that is
            before extra zeros or truncation.

        Raises
        ------
        QuestionError
            If the coefficients are not log rate ratios.

        Examples
        --------
        >>> import crampstats as cs
        >>> counts = pd.DataFrame({"tablet": [0, 0, 0, 1, 1, 1], "cramps": [4, 6, 5, 2, 3, 4]})
        >>> cs.fit(cs.Survey(counts), "cramps ~ tablet", family="poisson").rate_ratios().value.round(2)
        array([0.6])
        """
        return self._exponentials("rate_ratios", ("poisson",), "log")

    def _exponentials(self, asked: str, families: tuple[str, ...], link: str) -> Estimate:
        """Return the exponentials of all coefficients but the intercept."""
        if self.link.name != link or self.family.name not in families:
            needed = f"family={families[0]!r} and link={link!r}" if len(families) == 1 else f"link={link!r}"
            raise QuestionError(
                f"{asked} needs a model with {needed}; this one has family={self.family.name!r}, link={self.link.name!r}."
            )
        return ratios_of(self.coefficients, asked)

    def _outcome_is_yes_no(self) -> bool:
        """Say whether nobody in the domain has another outcome than 0 and 1."""
        values = domain_rows(self.survey, (self.formula.response or "",))[self.formula.response]
        return bool(values.isin((0, 1)).all())

    def predict(self, data: pd.DataFrame) -> Estimate:
        """Return the mean outcome of people with these values.

        Parameters
        ----------
        data
            Shape (k, columns): a row each kind of people, with the columns of `predictors`.

        Returns
        -------
        Estimate
            k means, in the unit of the outcome, labelled by the columns; t intervals on the scale of the link.

        Raises
        ------
        QuestionError
            If a column is not there, has missing values, a level the model has not seen, or the name of a column of the
            result; or if a mean is one that the family cannot have.

        Examples
        --------
        >>> import crampstats as cs
        >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class").define(frequent="cramp_class >= 3")
        >>> model = cs.fit(cramps, "frequent ~ sex + age_group", family="binomial")
        >>> old = pd.DataFrame({"sex": ["female", "male"], "age_group": "60+"})
        >>> model.predict(old).to_frame()[["sex", "estimate", "conf_low", "conf_high"]].round(3)
              sex  estimate  conf_low  conf_high
        0  female     0.104     0.091      0.120
        1    male     0.062     0.050      0.076
        """
        means, slopes = self.means_at(data)
        labels = self._labels_of(data, self.mean_name)
        n = np.full(len(means), self.coefficients.n[0])
        return mapped(
            self.coefficients, slopes, value=means, labels=labels, n=n, interval_method=self.link.interval_method
        )

    @abstractmethod
    def means_at(self, data: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean outcome of each row and how it moves with each coefficient.

        Parameters
        ----------
        data
            Shape (rows, columns), with the columns of `predictors`.

        Returns
        -------
        tuple of ndarray
            Means, shape (rows,), in the unit of the outcome; their derivatives with respect to the coefficients, shape
            (rows, p).

        Raises
        ------
        QuestionError
            As `predict`.
        """

    @abstractmethod
    def chances_at(self, data: pd.DataFrame, values: Sequence[int]) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return the chances that the outcome of each row is one of some values, and how they move with each coefficient.

        Parameters
        ----------
        data
            Shape (rows, columns), with the columns of `predictors`.
        values
            Counts; of a model of classes the numbers of the classes, from 0.

        Returns
        -------
        tuple
            Chances, shape (rows, values); for each value their derivatives with respect to the coefficients, shape (rows, p).

        Raises
        ------
        QuestionError
            As `predict`, and if the family says nothing of chances.
        """

    @abstractmethod
    def cumulative_at(self, data: pd.DataFrame, outcome: np.ndarray) -> np.ndarray:
        """Return the chance of an outcome no higher than that of each row, shape (rows,).

        Parameters
        ----------
        data
            Shape (rows, columns), with the columns of `predictors`.
        outcome
            Shape (rows,): counts; of a model of classes the numbers of the classes, from 0. Below 0 the chance is 0.

        Raises
        ------
        QuestionError
            As `chances_at`.
        """

    @abstractmethod
    def places_of(self, term: str, *, part: str | None = None) -> np.ndarray:
        """Return which coefficients belong to a term, numbered from 0.

        Parameters
        ----------
        term
            As it stands in the formula.
        part
            ``"zero"`` for a term of the zero part; None for the formula's own.

        Raises
        ------
        QuestionError
            If there is no such term or part.
        """

    @abstractmethod
    def deviance_without(self, places: np.ndarray) -> float:
        """Return the deviance of the model without some of its coefficients.

        Parameters
        ----------
        places
            Which ones, numbered from 0.

        Raises
        ------
        ConvergenceError
            If that model cannot be fitted.
        """

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

    def _labels_of(self, data: pd.DataFrame, term: str, *, own: tuple[str, ...] = ()) -> pd.DataFrame:
        """Return the labels of predictions: the term and the columns of `predictors`."""
        refuse_taken("predict", self.predictors, ("term", *own))
        labels = data[list(self.predictors)].reset_index(drop=True)
        labels.insert(0, "term", term)
        return labels

    def _refuse_absent(self, data: pd.DataFrame) -> None:
        """Refuse data without a column that predictions need."""
        needed = list(self.predictors)
        absent = [column for column in needed if column not in data.columns]
        if absent:
            raise QuestionError(f"predict: the data lack {', '.join(map(repr, absent))}; the model needs {needed}.")


def ratios_of(coefficients: Estimate, asked: str) -> Estimate:
    """Return the exponentials of all coefficients but the intercept.

    Parameters
    ----------
    coefficients
        With an intercept, which is what they compare with.
    asked
        The function that was asked, for errors.

    Raises
    ------
    QuestionError
        If there is no intercept, or nothing else.
    """
    if INTERCEPT not in set(coefficients.labels["term"]):
        raise QuestionError(f"{asked} needs a model with an intercept: without one coefficients compare with nothing.")
    if len(coefficients) == 1:
        raise QuestionError(f"{asked} needs a model with a term besides the intercept, which compares with nothing.")
    return transform(coefficients.where(f"term != '{INTERCEPT}'"), np.exp, interval_method="log")


def refuse_taken(asked: str, columns: Sequence[str], taken: Sequence[str]) -> None:
    """Refuse columns of the data that have the name of a column of the result.

    Parameters
    ----------
    asked
        The function or parameter that was asked, for errors.
    columns
        Names.
    taken
        Names of the result's own columns.

    Raises
    ------
    QuestionError
        Naming the column.
    """
    for name in columns:
        if name in taken:
            raise QuestionError(
                f"{asked}: {name!r} is a column of the result; first give yours another name, as in "
                f"define(my_{name}={name!r})."
            )


def domain_rows(survey: Survey, columns: tuple[str, ...]) -> pd.DataFrame:
    """Return columns for the people of the domain, without levels that nobody there has.

    Parameters
    ----------
    survey
        Whose domain is asked about.
    columns
        Names; if one is not there, all columns come back and the formula tells.
    """
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


def inside(survey: Survey, values: np.ndarray) -> np.ndarray:
    """Return the values of the people of the domain.

    Parameters
    ----------
    survey
        Whose domain is asked about.
    values
        Shape (rows,).
    """
    return values if survey.domain is None else values[survey.domain]


def people_weights(survey: Survey) -> np.ndarray:
    """Return the weights of the people of the domain, adding up to their number, shape (rows,).

    People and not rows, so that tabulated rows give the same likelihood.

    Parameters
    ----------
    survey
        Whose domain is asked about.
    """
    if survey.row_weight is None:
        return np.ones(len(survey) if survey.domain is None else int(np.count_nonzero(survey.domain)))
    weight = inside(survey, survey.row_weight)
    return weight * (survey.people / weight.sum())


def coefficients_of(survey: Survey, labels: pd.DataFrame, value: np.ndarray, contributions: np.ndarray) -> Estimate:
    """Return coefficients as an estimate; their degrees of freedom are those of the design, plus 1, less p.

    Parameters
    ----------
    survey
        Whose domain was fitted.
    labels, value
        Of the p coefficients.
    contributions
        Shape (clusters, p).

    Raises
    ------
    DesignError
        If no degrees of freedom are left.
    """
    clusters, p = contributions.shape
    touched = np.zeros((clusters, 1), dtype=bool)
    touched[inside(survey, survey.row_cluster)] = True
    component = Component(survey.design, contributions, np.broadcast_to(touched, (clusters, p)), p - 1.0)
    estimate = Estimate(labels, value, (component,), np.full(p, float(survey.people)), "wald", survey.described)
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
