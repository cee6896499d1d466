"""What a contrast would be if an exposure of yes and no had not been misclassified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crampstats.effects.contrasts import IN_WORDS, check_measure
from crampstats.effects.standardization import told, with_column
from crampstats.errors import CrampstatsError
from crampstats.estimates import Estimate, mapped, stacked
from crampstats.proportions import prevalence
from crampstats.schema import is_number, is_whole

if TYPE_CHECKING:
    from crampstats.effects.contrasts import Measure
    from crampstats.intervals import Method
    from crampstats.survey import Survey

CASES, OTHERS = "cases", "others"
FEWEST_DRAWS = 100
# Where the data contradict more draws than these leave, they contradict what was thought of the rates.
FEWEST_POSSIBLE = 0.1
Rate = float | Estimate | Mapping[str, Any]


def misclassified_exposure(
    survey: Survey,
    outcome: str,
    *,
    exposure: str,
    sensitivity: Rate,
    specificity: Rate,
    measure: Measure = "ratio",
) -> Estimate:
    """Return the contrast of exposed and unexposed that an exposure without misclassification would have shown.

    Parameters
    ----------
    survey
        Whose domain is asked about.
    outcome, exposure
        Yes/no questions or columns of 0 and 1, the exposure as it was classified.
    sensitivity, specificity
        Share of the truly exposed who were classified as such, and of the truly unexposed. A number from 0 to 1; or an
        `Estimate` of one from a validation study of other people, whose error then counts; or, where classification hangs on
        the outcome, one of either for each: ``{"cases": 0.9, "others": 0.8}``.
    measure
        ``"ratio"`` (prevalence ratio), ``"difference"`` or ``"odds_ratio"``.

    Returns
    -------
    Estimate
        Two: as classified, and corrected. Without adjustment for covariates: use ``survey.where`` for a stratum.

    Raises
    ------
    QuestionError
        If a question does not fit or somebody has no answer.
    CrampstatsError
        If the rates are no shares or add up to 1 or less, or no true table could have been classified like this.

    Notes
    -----
    Share of truly exposed among cases and others by Rogan and Gladen, and the contrast of these: Barron BA, Biometrics
    1977;33:414-418, doi:10.2307/2529795; variance with validation data: Greenland S, Stat Med 1988;7:745-757,
    doi:10.1002/sim.4780070704. If it hangs not on the outcome, misclassification of two levels draws a contrast towards none
    on average, not in every sample.

    Examples
    --------
    >>> people = pd.DataFrame({"ill": [1, 1, 0, 0], "drug": [1, 0, 1, 0], "n": [40, 25, 60, 175]})
    >>> import crampstats as cs
    >>> table = cs.Survey(people, count="n")
    >>> misclassified_exposure(table, "ill == 1", exposure="drug == 1", sensitivity=0.9, specificity=0.95).value.round(3)
    array([3.2  , 3.973])
    """
    check_measure(measure)
    rates = [
        _rate(name, given, who)
        for name, given in (("sensitivity", sensitivity), ("specificity", specificity))
        for who in (CASES, OTHERS)
    ]
    return _corrected(_classified(survey, outcome, exposure), rates, measure)


def _classified(survey: Survey, outcome: str, exposure: str) -> Estimate:
    """Return the share exposed among cases, among others, and the share of cases."""
    ill = prevalence(survey, outcome)
    if not 0 < ill.value[0] < 1:
        raise CrampstatsError(f"outcome={outcome!r} is the same for everybody: there is nothing to compare.")
    asked, case = with_column(survey, outcome, "case")
    return stacked([*(prevalence(asked.where(f"{case} == {answer}"), exposure) for answer in (1, 0)), ill])


def _rate(name: str, given: Any, who: str) -> float | Estimate:
    """Return a rate of classification among cases or others."""
    if isinstance(given, Mapping):
        if set(given) != {CASES, OTHERS}:
            raise CrampstatsError(f"{name}={given!r} has to hold a rate for {CASES!r} and one for {OTHERS!r}.")
        given = given[who]
    if isinstance(given, Estimate) and len(given) == 1:
        value = float(given.value[0])
    elif is_number(given):
        value = float(given)
    else:
        raise CrampstatsError(f"{name}={given!r:.80} has to be a number from 0 to 1, or one Estimate of it.")
    if not 0 <= value <= 1:
        raise CrampstatsError(f"{name}={value:.4g} has to lie between 0 and 1.")
    return given


def _corrected(parts: Estimate, rates: Sequence[float | Estimate], measure: str) -> Estimate:
    """Return the contrast as classified and corrected, with the errors of the shares and of estimated rates."""
    estimated = [(place, rate) for place, rate in enumerate(rates, start=3) if isinstance(rate, Estimate)]
    inputs = _beside(parts, [rate for _, rate in estimated])
    known = np.array([np.nan if isinstance(rate, Estimate) else rate for rate in rates], dtype=float)
    full = np.concatenate([parts.value, known])
    places = np.array([0, 1, 2, *(place for place, _ in estimated)])
    full[places] = inputs.value
    true, slopes = _true_shares(full)
    plain = np.zeros((2, 7))
    plain[[0, 1], [0, 1]] = 1.0
    share = float(full[2])
    rows, values = [], []
    for exposed, moved in ((full[:2], plain), (true, slopes)):
        value, by_exposed, by_share = _table_measure(exposed, share, measure)
        row = by_exposed @ moved
        row[2] += by_share
        rows.append(row[places])
        values.append(value)
    labels = told(*(f"{IN_WORDS[measure]}, {how}" for how in ("as classified", "corrected")))
    n = np.full(2, parts.n[2])
    method: Method = "wald" if measure == "difference" else "log"
    estimate = mapped(inputs, np.stack(rows), value=np.array(values), labels=labels, n=n, interval_method=method)
    return replace(estimate, source=parts.source)


def _beside(parts: Estimate, rates: list[Estimate]) -> Estimate:
    """Put estimated rates beside the shares of the survey: from one validation study, several, or from the survey itself."""
    if not rates:
        return parts
    owned = [{id(part.design) for part in each.components} for each in rates]
    own = {id(part.design) for part in parts.components}
    if any(own & each for each in owned):
        raise CrampstatsError("sensitivity and specificity have to come from other people than those of the survey.")
    together = rates[0]
    for place, rate in enumerate(rates[1:], start=1):
        shared = any(owned[place] & each for each in owned[:place])
        together = stacked([together, rate], samples="same" if shared else "independent")
    return stacked([parts, together], samples="independent")


def _true_shares(full: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the share truly exposed among cases and others, and its slopes on all seven inputs, shape (2, 7)."""
    share, sensitivity, specificity = full[:2], full[3:5], full[5:7]
    youden = sensitivity + specificity - 1
    if np.any(youden <= 0):
        raise CrampstatsError(
            f"sensitivity and specificity add up to {youden.min() + 1:.4g}: above 1 they have to be, or the classification is no "
            "better than chance."
        )
    true = (share + specificity - 1) / youden
    for who, each, seen, lowest, highest in zip(
        (CASES, OTHERS), true, share, 1 - specificity, sensitivity, strict=True
    ):
        if not 0 < each < 1:
            raise CrampstatsError(
                f"{seen:.4g} of {who} are classified as exposed: no true share between 0 and 1 gives that with rates between "
                f"{lowest:.4g} (1 − specificity) and {highest:.4g} (sensitivity); they contradict the data."
            )
    slopes = np.zeros((2, 7))
    for place in (0, 1):
        slopes[place, place] = 1 / youden[place]
        slopes[place, 3 + place] = -true[place] / youden[place]
        slopes[place, 5 + place] = (1 - true[place]) / youden[place]
    return true, slopes


def _table_measure(exposed: np.ndarray, share: float, measure: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return contrasts from shares exposed, shape (2, ...), and the share of cases, and their slopes on these."""
    among_cases, among_others = exposed
    if np.any((exposed <= 0) | (exposed >= 1)):
        raise CrampstatsError(f"shares exposed among cases and others are {exposed.tolist()}: one group is empty.")
    if measure == "odds_ratio":
        value = among_cases * (1 - among_others) / (among_others * (1 - among_cases))
        log_slopes = np.array([1 / (among_cases * (1 - among_cases)), -1 / (among_others * (1 - among_others))])
        return value, value * log_slopes, np.zeros_like(value)
    risks, slopes = [], []
    for first, second, sign in ((among_cases, among_others, 1.0), (1 - among_cases, 1 - among_others, -1.0)):
        whole = first * share + second * (1 - share)
        risks.append(first * share / whole)
        # Of the share among cases, among others, and of cases.
        slopes.append(
            np.array([sign * second, -sign * first, first * second / (share * (1 - share))])
            * share
            * (1 - share)
            / whole**2
        )
    if measure == "difference":
        value, both = risks[0] - risks[1], slopes[0] - slopes[1]
    else:
        value = risks[0] / risks[1]
        both = slopes[0] / risks[1] - slopes[1] * risks[0] / risks[1] ** 2
    return value, both[:2], both[2]


@dataclass(frozen=True, eq=False, repr=False)
class MisclassificationGrid:
    """Corrected contrasts for many pairs of sensitivity and specificity.

    Attributes
    ----------
    estimate
        One for each pair that the data do not contradict, with columns ``sensitivity`` and ``specificity``.
    impossible
        The other pairs, and why, in ``note``.

    Examples
    --------
    >>> people = pd.DataFrame({"ill": [1, 1, 0, 0], "drug": [1, 0, 1, 0], "n": [40, 25, 60, 175]})
    >>> import crampstats as cs
    >>> grid = misclassification_grid(
    ...     cs.Survey(people, count="n"), "ill == 1", exposure="drug == 1", sensitivity=[0.8, 1], specificity=[0.7, 1])
    >>> len(grid.estimate), len(grid.impossible)
    (2, 2)
    """

    estimate: Estimate
    impossible: pd.DataFrame

    def to_frame(self, *, level: float = 0.95) -> pd.DataFrame:
        """Return the corrected contrasts as a table, see `Estimate.to_frame`.

        Parameters
        ----------
        level
            Confidence.
        """
        return self.estimate.to_frame(level=level)

    def __repr__(self) -> str:
        pairs = len(self.impossible)
        left = (
            f"; {pairs} pair{'s contradict' if pairs != 1 else ' contradicts'} the data, see impossible"
            if pairs
            else ""
        )
        shown = self.to_frame().drop(columns="note").to_string(index=False, float_format="{:.4g}".format)
        return f"<MisclassificationGrid of {self.estimate.source}{left}>\n{shown}"

    def _repr_html_(self) -> str:
        return self.to_frame().to_html(index=False, border=0, float_format="{:.4g}".format)


def misclassification_grid(
    survey: Survey,
    outcome: str,
    *,
    exposure: str,
    sensitivity: Sequence[float],
    specificity: Sequence[float],
    measure: Measure = "ratio",
) -> MisclassificationGrid:
    """Return the corrected contrast for each pair of a sensitivity and a specificity, whatever the outcome.

    Parameters
    ----------
    survey, outcome, exposure, measure
        As in `misclassified_exposure`.
    sensitivity, specificity
        Numbers from 0 to 1; all pairs of them.

    Returns
    -------
    MisclassificationGrid
        With the pairs that no true table could have given, told apart.

    Raises
    ------
    QuestionError
        As `misclassified_exposure`.
    CrampstatsError
        If the rates are no numbers from 0 to 1, or the data contradict every pair.

    Notes
    -----
    Multidimensional bias analysis: Fox MP, Lash TL, Greenland S, Int J Epidemiol 2005;34:1370-1376, doi:10.1093/ije/dyi184;
    they go on to draw the rates from distributions.

    Examples
    --------
    >>> people = pd.DataFrame({"ill": [1, 1, 0, 0], "drug": [1, 0, 1, 0], "n": [40, 25, 60, 175]})
    >>> import crampstats as cs
    >>> grid = misclassification_grid(
    ...     cs.Survey(people, count="n"), "ill == 1", exposure="drug == 1", sensitivity=[0.9, 1], specificity=[0.95, 1])
    >>> grid.to_frame()[["sensitivity", "specificity", "estimate"]].round(3)
       sensitivity  specificity  estimate
    0          0.9         0.95     3.973
    1          0.9         1.00     3.676
    2          1.0         0.95     3.459
    3          1.0         1.00     3.200
    """
    rates: list[list[float]] = []
    given: Any
    for name, given in (("sensitivity", sensitivity), ("specificity", specificity)):
        listed = np.asarray(given, dtype=float) if not isinstance(given, str) else np.empty(0)
        if listed.ndim != 1 or listed.size == 0 or not ((listed >= 0) & (listed <= 1)).all():
            raise CrampstatsError(f"{name}={given!r} has to be a list of numbers from 0 to 1.")
        rates.append(listed.tolist())
    check_measure(measure)
    parts = _classified(survey, outcome, exposure)
    found, impossible = [], []
    for first, second in product(*rates):
        try:
            corrected = _corrected(parts, [first, first, second, second], measure)
        except CrampstatsError as error:
            impossible.append((first, second, str(error)))
            continue
        one = corrected.where(f"term == '{IN_WORDS[measure]}, corrected'")
        found.append(replace(one, labels=one.labels.assign(sensitivity=first, specificity=second)))
    if not found:
        raise CrampstatsError(f"the data contradict every pair; of the first: {impossible[0][-1]}")
    return MisclassificationGrid(
        stacked(found), pd.DataFrame(impossible, columns=["sensitivity", "specificity", "note"])
    )


@dataclass(frozen=True, eq=False, repr=False)
class BiasDistribution:
    """What a contrast would be over what is thought of sensitivity and specificity.

    Attributes
    ----------
    measure
        ``"difference"``, ``"ratio"`` or ``"odds_ratio"``.
    conventional
        The contrast as classified.
    sensitivity, specificity
        Shape (d,): the pairs drawn that the data do not contradict.
    systematic
        Shape (d,): the corrected contrast of each.
    total
        Shape (d,): the same with a draw of its sampling error.
    impossible
        Share of the pairs drawn that the data contradict; they are left out.

    Examples
    --------
    >>> people = pd.DataFrame({"ill": [1, 1, 0, 0], "drug": [1, 0, 1, 0], "n": [40, 25, 60, 175]})
    >>> import crampstats as cs
    >>> found = probabilistic_bias(
    ...     cs.Survey(people, count="n"), "ill == 1", exposure="drug == 1", sensitivity=(45, 5), specificity=(95, 5),
    ...     draws=1000, rng=1)
    >>> found.to_frame()["term"].tolist()
    ['ratio, as classified', 'ratio, systematic error', 'ratio, systematic and random error']
    """

    measure: Measure
    conventional: Estimate
    sensitivity: np.ndarray
    specificity: np.ndarray
    systematic: np.ndarray
    total: np.ndarray
    impossible: float

    def to_frame(self, *, level: float = 0.95) -> pd.DataFrame:
        """Return medians and central shares of the draws below the contrast as classified.

        Parameters
        ----------
        level
            Share of the draws, and confidence of the first row.

        Returns
        -------
        DataFrame
            The columns of `Estimate.to_frame`; of draws ``estimate`` is the median, ``std_error`` the standard deviation, and
            the limits are quantiles: no confidence limits, since they hang on what was thought. ``note`` says what share of
            the draws was impossible.
        """
        table = self.conventional.to_frame(level=level)
        words, n = IN_WORDS[self.measure], int(table["n"].iloc[0])
        note = "" if self.impossible == 0 else f"{100 * self.impossible:.3g} % of the draws contradict the data"
        rows = []
        for term, draws in (("systematic error", self.systematic), ("systematic and random error", self.total)):
            low, middle, high = np.quantile(draws, [(1 - level) / 2, 0.5, (1 + level) / 2])
            rows.append((f"{words}, {term}", n, middle, draws.std(ddof=1), low, high, note))
        return pd.concat([table, pd.DataFrame(rows, columns=table.columns)], ignore_index=True)

    def __len__(self) -> int:
        return len(self.systematic)

    def __repr__(self) -> str:
        shown = self.to_frame().to_string(index=False, float_format="{:.4g}".format)
        return f"<BiasDistribution of {len(self):,} draws, {self.conventional.source}>\n{shown}"

    def _repr_html_(self) -> str:
        return self.to_frame().to_html(index=False, border=0, float_format="{:.4g}".format)


def probabilistic_bias(
    survey: Survey,
    outcome: str,
    *,
    exposure: str,
    sensitivity: tuple[float, float],
    specificity: tuple[float, float],
    rng: np.random.Generator | int,
    measure: Measure = "ratio",
    draws: int = 10_000,
) -> BiasDistribution:
    """Return what a contrast would be over beta distributions of sensitivity and specificity, whatever the outcome.

    Parameters
    ----------
    survey, outcome, exposure, measure
        As in `misclassified_exposure`.
    sensitivity, specificity
        Two parameters, a and b, of the beta distribution of each, drawn independently: ``(45, 5)`` is centred at 0.9 and as
        sure as 50 people who were looked at.
    rng
        A generator, or a whole number that makes one: the result hangs on it in the third digit.
    draws
        Pairs, at least 100.

    Returns
    -------
    BiasDistribution
        Of the corrected contrast, without and with its sampling error.

    Raises
    ------
    QuestionError
        As `misclassified_exposure`.
    CrampstatsError
        If parameters, draws or rng are none, or the data contradict more than nine of ten draws.

    Notes
    -----
    Fox MP, Lash TL, Greenland S, Int J Epidemiol 2005;34:1370-1376, doi:10.1093/ije/dyi184. The sampling error of each draw is
    that of the design, given its rates: Student's t, on the log scale of ratios. Where rates come from a validation study
    give its estimates to `misclassified_exposure`.

    Examples
    --------
    >>> people = pd.DataFrame({"ill": [1, 1, 0, 0], "drug": [1, 0, 1, 0], "n": [40, 25, 60, 175]})
    >>> import crampstats as cs
    >>> found = probabilistic_bias(
    ...     cs.Survey(people, count="n"), "ill == 1", exposure="drug == 1", sensitivity=(45, 5), specificity=(95, 5), rng=1)
    >>> found.to_frame()[["estimate", "conf_low", "conf_high"]].round(1)
       estimate  conf_low  conf_high
    0       3.2       2.1        5.0
    1       4.0       3.5        5.1
    2       4.0       2.3        7.5
    """
    check_measure(measure)
    for name, pair in (("sensitivity", sensitivity), ("specificity", specificity)):
        given: Any = pair
        if not isinstance(given, (tuple, list)) or len(given) != 2 or not all(is_number(x) and x > 0 for x in given):
            raise CrampstatsError(f"{name}={given!r} has to be two positive numbers, as in (45, 5).")
    if not is_whole(draws, FEWEST_DRAWS):
        raise CrampstatsError(f"draws={draws!r} has to be a whole number of at least {FEWEST_DRAWS}.")
    if not isinstance(rng, np.random.Generator) and not is_whole(rng, 0):
        raise CrampstatsError(f"rng={rng!r} has to be a numpy Generator, or a whole number of at least 0.")
    parts = _classified(survey, outcome, exposure)
    conventional = _corrected(parts, [1.0, 1.0, 1.0, 1.0], measure).where(
        f"term == '{IN_WORDS[measure]}, as classified'"
    )
    generator = np.random.default_rng(rng)
    rates = np.stack([generator.beta(*pair, draws) for pair in (sensitivity, specificity)])
    youden = rates.sum(axis=0) - 1
    with np.errstate(divide="ignore", invalid="ignore"):  # what is impossible is left out
        true = (parts.value[:2, None] + rates[1] - 1) / youden
    possible = (youden > 0) & ((true > 0) & (true < 1)).all(axis=0)
    if possible.mean() < FEWEST_POSSIBLE:
        raise CrampstatsError(
            f"the data contradict {100 * (1 - possible.mean()):.3g} % of the draws: with shares classified as exposed of "
            f"{parts.value[0]:.3g} and {parts.value[1]:.3g} such sensitivities and specificities cannot be."
        )
    rates, true, youden = rates[:, possible], true[:, possible], youden[possible]
    value, by_exposed, by_share = _table_measure(true, float(parts.value[2]), measure)
    slopes = np.concatenate([by_exposed / youden, by_share[None, :]])
    std_error = np.sqrt(np.einsum("id,ij,jd->d", slopes, parts.covariance, slopes))
    luck = generator.standard_t(float(parts.df[2]), len(value))
    total = value + std_error * luck if measure == "difference" else value * np.exp(std_error / value * luck)
    return BiasDistribution(measure, conventional, rates[0], rates[1], value, total, float(1 - possible.mean()))
