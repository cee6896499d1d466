"""Many analyses at once: the prevalence under every sensible combination of choices, and which choice moves it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd

from crampstats import reference
from crampstats.cutoffs import converted, cutoff_curve, reporting_step, unit_of
from crampstats.errors import CrampstatsError, QuestionError
from crampstats.estimates import RESULTS, Estimate, mapped, stacked
from crampstats.measurement.rounding import Distribution, RoundedDistribution, fit_rounded
from crampstats.measurement.usual_levels import usual_prevalence
from crampstats.proportions import prevalence, read_grouping, read_numbers
from crampstats.questions import one_spelling, read_question
from crampstats.reference import StandardPopulation, standard_population
from crampstats.schema import is_number, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crampstats.intervals import Method
    from crampstats.survey import Survey

Sign = Literal["below", "at most"]
Value = Literal["reported", "derounded"]
Level = Literal["single draw", "usual"]
Weighting = Literal["weighted", "unweighted"]
Scale = Literal["percent", "logit"]
Order = Literal["asked", "estimate"]
CHOICES = ("survey", "cutoff", "value", "level", "weighting", "standard")
NO_STANDARD = "none"
SHARES = ("choice", "options", "share", "alone", "at_last", "range", "lowest", "highest", "note")
# Rows of a table for the eye.
SHOWN = 12
# Every subset of the choices is looked at: 4096 of so many.
MOST_CHOICES = 12
# Estimates whose variance is this share of their mean square are equal but for rounding.
EQUAL = 1e-24


@dataclass(frozen=True)
class Cutoff:
    """What counts as low.

    Attributes
    ----------
    value
        In `unit`; one number, or a number for each level of the column `by`.
    sign
        ``"below"`` or ``"at most"``. It makes a difference on reported values, and none on a smooth distribution.
    unit
        ``"mmol/L"``, ``"µmol/L"``, ``"mg/dL"`` or ``"mEq/L"``.
    by
        The column for whose levels limits differ.

    Raises
    ------
    CrampstatsError
        If a value is no number or the sign is unknown.

    Examples
    --------
    >>> Cutoff(0.70, "at most"), Cutoff({"female": 0.77, "male": 0.75}).limits
    (Cutoff(value=0.7, sign='at most', unit='mmol/L', by='sex'), {'female': 0.77, 'male': 0.75})
    """

    value: float | Mapping[Any, float]
    sign: Sign = "below"
    unit: str = "mmol/L"
    by: str = "sex"

    def __post_init__(self) -> None:
        given = list(self.value.values()) if isinstance(self.value, Mapping) else [self.value]
        if not given or not all(is_number(number) for number in given):
            raise CrampstatsError(
                f"Cutoff: value={self.value!r} has to be a number, or a number for each level of {self.by!r}."
            )
        if self.sign not in get_args(Sign):
            raise CrampstatsError(f"Cutoff: sign={self.sign!r} is unknown: choose from {', '.join(get_args(Sign))}.")

    @property
    def everybody(self) -> bool:
        """Whether one number holds for all."""
        return not isinstance(self.value, Mapping)

    @property
    def limits(self) -> dict[Any, float]:
        """The number for each level of `by`, in `unit`; of the level None where one number holds for all."""
        return dict(self.value) if isinstance(self.value, Mapping) else {None: self.value}


def named_cutoffs(*names: str) -> dict[str, Cutoff]:
    """Return cut-offs from print, with their signs and units.

    Parameters
    ----------
    *names
        As in `crampstats.reference.cutoffs`.

    Raises
    ------
    CrampstatsError
        If there is none of this name.

    Examples
    --------
    >>> named_cutoffs("Schimatschek 2001", "SHIP")["SHIP"]
    Cutoff(value=0.73, sign='at most', unit='mmol/L', by='sex')
    """
    printed = reference.cutoffs().set_index("name")
    if strangers := [name for name in names if name not in printed.index]:
        raise CrampstatsError(f"there is no cut-off {strangers[0]!r}: choose from {', '.join(printed.index)}.")
    columns = printed.loc[list(names), ["value", "sign", "unit"]].itertuples(name=None)
    return {name: Cutoff(float(value), sign, unit) for name, value, sign, unit in columns}


@dataclass(frozen=True, eq=False, repr=False)
class Multiverse:
    """The prevalence of low values under every combination of choices.

    Attributes
    ----------
    estimates
        One share for each specification, labelled by its choices. Those of one survey share its design, so that
        `crampstats.difference` knows how they vary together.
    skipped
        The combinations without an estimate: the choices and ``reason``.

    Examples
    --------
    >>> import crampstats as cs
    >>> serum = {"NHANES 2021-2023": cs.datasets.nhanes_magnesium().observed("magnesium_mg_dl")}
    >>> many = specifications(serum, "magnesium_mg_dl", cutoffs={"0.70": 0.70, "0.75": 0.75},
    ...                       values=["reported"], levels=["single draw"])
    >>> many.to_frame()[["cutoff", "weighting", "estimate"]].round(4)
      cutoff   weighting  estimate
    0   0.70    weighted    0.0985
    1   0.70  unweighted    0.1068
    2   0.75    weighted    0.2221
    3   0.75  unweighted    0.2271
    """

    estimates: tuple[Estimate, ...]
    skipped: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=[*CHOICES, "reason"]))

    def to_frame(self, *, level: float = 0.95, order: Order = "asked") -> pd.DataFrame:
        """Return the specifications as a table, one row each.

        Parameters
        ----------
        level
            Confidence of the intervals.
        order
            ``"asked"``: as the choices were given; ``"estimate"``: from the lowest share to the highest.

        Returns
        -------
        DataFrame
            ``term``; the choices ``survey``, ``cutoff``, ``value``, ``level``, ``weighting``, ``standard``, categorical in
            the order given; ``n``, ``estimate``, ``std_error``, ``conf_low``, ``conf_high``, ``note``. Shares from 0 to 1.

        Raises
        ------
        CrampstatsError
            If the order is unknown.
        """
        if order not in get_args(Order):
            raise CrampstatsError(f"order={order!r} is unknown: choose from {', '.join(get_args(Order))}.")
        table = pd.concat([each.to_frame(level=level) for each in self.estimates], ignore_index=True)
        for name in CHOICES:
            table[name] = pd.Categorical(table[name], categories=list(dict.fromkeys(table[name])))
        return table if order == "asked" else table.sort_values("estimate", kind="stable", ignore_index=True)

    def where(self, question: str) -> Multiverse:
        """Return those specifications whose choices answer yes; what was skipped is told as before.

        Parameters
        ----------
        question
            About ``term`` and the choices, such as ``"weighting == 'weighted' and value == 'reported'"``.

        Raises
        ------
        QuestionError
            If the question does not fit the choices, or no specification is left.
        """
        labels = pd.concat([each.labels for each in self.estimates], ignore_index=True)
        answer = read_question(question).answer(labels)
        if answer.kind != "truth":
            raise QuestionError(f"{question!r} does not answer yes or no for each of the specifications.")
        if not answer.values.any():
            options = "; ".join(f"{name}: {', '.join(dict.fromkeys(labels[name]))}" for name in CHOICES)
            raise QuestionError(f"no specification answers {question!r} with yes; the choices are {options}.")
        kept = tuple(each for each, yes in zip(self.estimates, answer.values, strict=True) if yes)
        return replace(self, estimates=kept)

    def shares(self, *, scale: Scale = "percent") -> pd.DataFrame:
        """Return which choice moves the estimates most, see `choice_shares`; choices with one option are left out.

        Parameters
        ----------
        scale
            ``"percent"`` or ``"logit"``.

        Raises
        ------
        CrampstatsError
            As `choice_shares`, and if no choice has two options.
        """
        table = self.to_frame()
        varied = _varied(table)
        if not varied:
            raise CrampstatsError("none of the choices has two options, so there is nothing to compare.")
        return choice_shares(table, varied, scale=scale)

    def __len__(self) -> int:
        return len(self.estimates)

    def __repr__(self) -> str:
        return f"<Multiverse of {self._told}>\n{self._shown().to_string(index=False, max_rows=SHOWN)}"

    def _repr_html_(self) -> str:
        return self._shown().to_html(index=False, border=0, max_rows=SHOWN)

    @property
    def _told(self) -> str:
        """How many specifications there are and how far they reach, in words."""
        values = 100 * np.concatenate([each.value for each in self.estimates])
        left_out = f"; {len(self.skipped)} left out, see skipped" if len(self.skipped) else ""
        return (
            f"{len(self)} specifications: {values.min():.1f} to {values.max():.1f} %, median {np.median(values):.1f} %"
            f"{left_out}"
        )

    def _shown(self) -> pd.DataFrame:
        """Return the columns for the eye."""
        table = self.to_frame(order="estimate")
        told = [*_varied(table), *RESULTS]
        table = table[told if table["note"].any() else told[:-1]]
        numbers = ["estimate", "std_error", "conf_low", "conf_high"]
        return table.assign(**{name: [f"{value:.4g}" for value in table[name]] for name in numbers})


def _varied(table: pd.DataFrame) -> list[str]:
    """Return the choices that have several options in a table."""
    return [name for name in CHOICES if len(pd.unique(table[name])) > 1]


def choice_shares(
    table: pd.DataFrame, choices: Sequence[str], *, outcome: str = "estimate", scale: Scale = "percent"
) -> pd.DataFrame:
    """Share out the variance of estimates among the choices that made them, by Shapley values.

    Parameters
    ----------
    table
        One row a specification, each with the same weight.
    choices
        Columns of the table, at most 12; no two rows have the same options of all of them.
    outcome
        The column of the estimates, shares from 0 to 1.
    scale
        ``"percent"``: the variance of percentages; ``"logit"``: of log odds, on which a doubling of a small share counts as
        much wherever it starts.

    Returns
    -------
    DataFrame
        One row a choice, from the largest share: ``choice``; ``options``, how many it has; ``share`` of the variance, which
        add up to 1; ``alone``, what the choice explains without the others; ``at_last``, what it adds to all others, larger
        than ``alone`` where choices interact; ``range``, from the option with the lowest mean to the one with the highest, in
        percentage points or log odds, like compared with like: over the options of the others with which all of its own
        occur; these options, ``lowest`` and ``highest``; and ``note``, which says if there are none.

    Raises
    ------
    CrampstatsError
        If a column is not there or has a missing value, two rows have the same options, the scale is unknown, all estimates
        are equal, or one of them has no logit.

    Notes
    -----
    A set of choices is worth the variance of the mean estimate given their options, v(S) = Var E(Y | S); a choice gets the mean
    of what it adds over all orders in which choices can be fixed: Owen AB, SIAM/ASA J Uncertain Quantif 2014;2:245-251,
    doi:10.1137/130936233; Song E, Nelson BL, Staum J, SIAM/ASA J Uncertain Quantif 2016;4:1060-1083, doi:10.1137/15M1048070.
    With every combination present, a choice gets its main effect and an equal part of each interaction. Where combinations are
    left out, choices go together, and one that moves little by itself shares what the others do: then see ``at_last``, or
    ask `Multiverse.where` for a part in which all are present. The shares describe these
    specifications: other options give others, and sampling error is part of the variance.

    Examples
    --------
    >>> table = pd.DataFrame({"cutoff": ["low", "low", "high", "high"], "draws": ["one", "two"] * 2,
    ...                       "estimate": [0.10, 0.08, 0.16, 0.14]})
    >>> choice_shares(table, ["cutoff", "draws"])[["choice", "share", "range", "lowest", "highest"]]
       choice  share  range lowest highest
    0  cutoff    0.9    6.0    low    high
    1   draws    0.1    2.0    two     one
    """
    choices = list(choices)
    outcomes = _outcomes(table, choices, outcome, scale)
    codes = [pd.factorize(table[name])[0] for name in choices]
    if table.duplicated(choices).any():
        raise CrampstatsError(f"two rows have the same options of {', '.join(choices)}: a choice is not told.")
    worth = _explained(outcomes, codes)
    everything = worth[-1]
    if everything <= EQUAL * np.mean(outcomes**2):
        raise CrampstatsError("all estimates are equal, so no choice moves them.")
    shares = _shapley(worth, len(choices)) / everything
    rows = []
    for place, (name, share) in enumerate(zip(choices, shares, strict=True)):
        without = len(worth) - 1 - (1 << place)
        means = _matched_means(outcomes, codes, place)
        options = pd.unique(table[name])
        told: tuple[Any, ...] = (0.0, "", "", "never varies without the other choices")
        if len(means):
            told = (means.max() - means.min(), options[means.argmin()], options[means.argmax()], "")
        alone, at_last = worth[1 << place] / everything, 1 - worth[without] / everything
        rows.append((name, len(options), share, alone, at_last, *told))
    return pd.DataFrame(rows, columns=SHARES).sort_values("share", ascending=False, kind="stable", ignore_index=True)


def _matched_means(outcomes: np.ndarray, codes: list[np.ndarray], place: int) -> np.ndarray:
    """Return the mean outcome of each option of a choice, over the options of the others of which all of its own occur.

    Shape (options,), in the order of the codes; empty if no others have all of them.
    """
    options = codes[place].max() + 1
    context = np.zeros(len(outcomes), dtype=np.int64)
    for code in codes[:place] + codes[place + 1 :]:
        context = np.unique(context * (code.max() + 1) + code, return_inverse=True)[1]
    complete = (np.bincount(context) == options)[context]
    return np.bincount(codes[place][complete], outcomes[complete]) / max(complete.sum() / options, 1)


def _outcomes(table: pd.DataFrame, choices: list[str], outcome: str, scale: Scale) -> np.ndarray:
    """Return the estimates on the scale asked for, shape (rows,)."""
    if scale not in get_args(Scale):
        raise CrampstatsError(f"scale={scale!r} is unknown: choose from {', '.join(get_args(Scale))}.")
    if not 0 < len(choices) <= MOST_CHOICES or len(set(choices)) < len(choices):
        raise CrampstatsError(f"choices={choices} has to name one to {MOST_CHOICES} columns, each once.")
    for name in (*choices, outcome):
        if name not in table.columns:
            raise CrampstatsError(f"{name!r} is no column of the table; these are {list(table.columns)}.")
        if table[name].isna().any():
            raise CrampstatsError(f"{name!r} is missing in some rows of the table.")
    if not pd.api.types.is_numeric_dtype(table[outcome]) or not np.isfinite(table[outcome]).all():
        raise CrampstatsError(f"{outcome!r} has to hold finite numbers.")
    shares = table[outcome].to_numpy(dtype=float)
    if scale == "percent":
        return 100 * shares
    if not ((shares > 0) & (shares < 1)).all():
        raise CrampstatsError("an estimate of 0 or 1 has no logit: use scale='percent'.")
    return np.log(shares / (1 - shares))


def _explained(outcomes: np.ndarray, codes: list[np.ndarray]) -> np.ndarray:
    """Return the variance between the cells of each subset of choices, shape (2 ** choices,); bit i stands for choice i."""
    centred = outcomes - outcomes.mean()
    worth = np.zeros(1 << len(codes))
    for subset in range(1, len(worth)):
        cell = np.zeros(len(centred), dtype=np.int64)
        for place, code in enumerate(codes):
            if subset >> place & 1:
                cell = np.unique(cell * (code.max() + 1) + code, return_inverse=True)[1]
        people = np.bincount(cell)
        worth[subset] = np.sum(np.bincount(cell, centred) ** 2 / people) / len(centred)
    return worth


def _shapley(worth: np.ndarray, players: int) -> np.ndarray:
    """Return what each player adds on average over all orders, shape (players,), from what each subset is worth."""
    subsets = np.arange(len(worth))
    sizes = np.array([subset.bit_count() for subset in range(len(worth))])
    # The chance that exactly these stand before a player in a random order: s! (k - s - 1)! / k!.
    chances = np.array([1 / (players * math.comb(players - 1, size)) for size in range(players)])
    added = np.zeros(players)
    for player in range(players):
        before = subsets[subsets >> player & 1 == 0]
        added[player] = np.sum(chances[sizes[before]] * (worth[before | 1 << player] - worth[before]))
    return added


@dataclass(frozen=True)
class _Specification:
    """One combination of options."""

    survey: str
    cutoff: str
    value: Value
    distribution: Distribution
    level: Level
    cv: float
    weighting: Weighting
    standard: StandardPopulation | None

    @property
    def labels(self) -> dict[str, str]:
        """The options by the names of the choices, as tables tell them."""
        return {
            "survey": self.survey,
            "cutoff": self.cutoff,
            "value": "reported" if self.value == "reported" else f"derounded ({self.distribution})",
            "level": "single draw" if self.level == "single draw" else f"usual (CV {100 * self.cv:g} %)",
            "weighting": self.weighting,
            "standard": NO_STANDARD if self.standard is None else self.standard.name,
        }


def specifications(
    surveys: Mapping[str, Survey],
    column: str | Mapping[str, str],
    *,
    cutoffs: Mapping[str, Cutoff | float],
    values: Value | Sequence[Value] = ("reported", "derounded"),
    levels: Level | Sequence[Level] = ("single draw", "usual"),
    weighting: Weighting | Sequence[Weighting] = ("weighted", "unweighted"),
    standards: str | StandardPopulation | Sequence[str | StandardPopulation | None] | None = (None,),
    distribution: Distribution | Sequence[Distribution] = "normal",
    cv: float | Sequence[float] = 0.02,
    over: str = "age_group",
    ends: Mapping[str, tuple[float | None, float | None]] | None = None,
) -> Multiverse:
    """Estimate the prevalence of low values under every combination of choices.

    Parameters
    ----------
    surveys
        By name; the domain of each is asked about.
    column
        The column of values with its unit in its name, such as ``"magnesium_mg_dl"``; or one for each survey.
    cutoffs
        By name: what counts as low. A number is ``Cutoff(number)``: below it, in mmol/L. Limits may differ by sex.
    values
        ``"reported"``: shares of the values as they are, compared by arithmetic in their own unit; ``"derounded"``: of a
        distribution fitted to them as rounded values.
    levels
        ``"single draw"``: of the day's value; ``"usual"``: of a person's usual level, the variation of one draw taken out.
        From reported values it comes by their mean and spread, `crampstats.usual_prevalence`, rounding allowed for.
    weighting
        ``"weighted"``; ``"unweighted"``: the sampling weights ignored, strata and clusters not.
    standards
        None for the survey's own ages, the name of a `crampstats.reference.standard_population`, or one of your own.
        Standardised shares of a distribution are fitted in each age group.
    distribution
        One or several for derounded values, see `crampstats.measurement.rounding.fit_rounded`.
    cv
        Total coefficient of variation of one draw about a person's usual level, within person and by the assay; one or
        several for usual levels.
    over
        The column of age groups for standards.
    ends
        By survey, for derounded values: the lowest and the highest reported value if they stand for all beyond, as where
        cells were pooled; in the column's unit, None where a value stands for its own step.

    Returns
    -------
    Multiverse
        A share for each combination that makes sense, and the others with the reason why not.

    Raises
    ------
    QuestionError
        If a column is not there or is no number, or somebody in a domain has no value, age group or sex: then ask
        ``survey.observed(column)`` first.
    CrampstatsError
        If an option is unknown or given twice, a cut-off has no value for a sex, a unit cannot be turned into the column's,
        or no combination has an estimate.

    Notes
    -----
    Steegen S, Tuerlinckx F, Gelman A, Vanpaemel W, Perspect Psychol Sci 2016;11:702-712, doi:10.1177/1745691616658637;
    Simonsohn U, Simmons JP, Nelson LD, Nat Hum Behav 2020;4:1208-1214, doi:10.1038/s41562-020-0912-z. The combinations are no
    sample of anything: their spread is not an interval, and a combination is no truer for having many neighbours.

    Limits that differ by sex are compared within each sex, and the shares weighted by the people of each. Rows are tabulated
    first, so that reported values take hardly more time for more people; without clusters each specification keeps about 10
    bytes for each combination of value, weight, age group and sex that occurs.

    Examples
    --------
    >>> import crampstats as cs
    >>> serum = {"NHANES I": cs.datasets.nhanes1_magnesium()}
    >>> limits = {"0.75": 0.75, "by sex": Cutoff({"female": 0.77, "male": 0.75})}
    >>> many = specifications(serum, "magnesium_meq_l", cutoffs=limits, ends={"NHANES I": (1.2, 2.2)})
    >>> many.to_frame()[["cutoff", "value", "level", "estimate"]].round(3).iloc[[0, 1, 2, 4]]
       cutoff               value           level  estimate
    0    0.75            reported     single draw     0.086
    1    0.75            reported  usual (CV 2 %)     0.094
    2    0.75  derounded (normal)     single draw     0.102
    4  by sex            reported     single draw     0.123
    >>> many.shares()[["choice", "share", "range"]].round(2)
       choice  share  range
    0  cutoff   0.91   3.84
    1   value   0.07   0.89
    2   level   0.02   0.13
    >>> many.skipped["reason"].unique().tolist()
    ['the survey has no weights']
    """
    asked = {name: each if isinstance(each, Cutoff) else Cutoff(each) for name, each in cutoffs.items()}
    if not surveys or not asked:
        raise CrampstatsError("surveys and cutoffs have to name at least one each, as in cutoffs={'0.75': 0.75}.")
    combinations = _combinations(surveys, asked, values, levels, weighting, standards, distribution, cv)
    ages = None if all(one.standard is None for one in combinations) else one_spelling(over)
    studies = {
        name: _read_study(name, survey, column if isinstance(column, str) else _column_of(name, column), asked, ages)
        for name, survey in surveys.items()
    }
    for name, pair in (ends or {}).items():
        if name not in studies:
            raise CrampstatsError(f"ends: there is no survey {name!r}, only {list(studies)}.")
        if not _is_pair(pair):
            raise CrampstatsError(
                f"ends of {name!r} are {pair!r}: they have to be the lowest and the highest value, as in (1.4, 2.5), or None "
                "for one that stands for itself."
            )
        studies[name].lowest, studies[name].highest = pair
    estimates, skipped = [], []
    for one in combinations:
        try:
            estimates.append(studies[one.survey].estimate(one, asked[one.cutoff]))
        except CrampstatsError as error:
            skipped.append({**one.labels, "reason": str(error)})
    if not estimates:
        raise CrampstatsError(f"no combination has an estimate; the first one: {skipped[0]['reason']}")
    return Multiverse(tuple(estimates), pd.DataFrame(skipped, columns=[*CHOICES, "reason"]))


def _is_pair(pair: Any) -> bool:
    """Say whether these are two ends, each a number or None."""
    return isinstance(pair, tuple | list) and len(pair) == 2 and all(end is None or is_number(end) for end in pair)


def _column_of(survey: str, columns: Mapping[str, str]) -> str:
    """Return the column of a survey."""
    if survey not in columns:
        raise CrampstatsError(f"column has none for the survey {survey!r}, only for {list(columns)}.")
    return columns[survey]


def _options(name: str, given: Any, choices: tuple[Any, ...] | None = None) -> list[Any]:
    """Return the options of a choice, checked to be known and each given once."""
    single = given is None or isinstance(given, str | StandardPopulation) or is_number(given)
    options = [given] if single else list(given)
    if not options or any(option in options[:place] for place, option in enumerate(options)):
        raise CrampstatsError(f"{name}={given!r} has to hold at least one option, each once.")
    if choices is not None and (unknown := [option for option in options if option not in choices]):
        raise CrampstatsError(f"{name}: {unknown[0]!r} is unknown: choose from {', '.join(choices)}.")
    return options


def _combinations(
    surveys: Mapping[str, Survey],
    cutoffs: Mapping[str, Cutoff],
    values: Value | Sequence[Value],
    levels: Level | Sequence[Level],
    weighting: Weighting | Sequence[Weighting],
    standards: str | StandardPopulation | Sequence[str | StandardPopulation | None] | None,
    distribution: Distribution | Sequence[Distribution],
    cv: float | Sequence[float],
) -> list[_Specification]:
    """Return every combination of the options, checked, in the order given."""
    spreads = _options("cv", cv)
    if wrong := [each for each in spreads if not (is_number(each) and 0 < each < 1)]:
        raise CrampstatsError(f"cv={wrong[0]!r} has to be a coefficient of variation between 0 and 1, as in cv=0.02.")
    forms = _options("distribution", distribution, get_args(Distribution))
    known = [standard_population(each) if isinstance(each, str) else each for each in _options("standards", standards)]
    drawn = [
        (each, forms if each == "derounded" else forms[:1]) for each in _options("values", values, get_args(Value))
    ]
    usual = [(each, spreads if each == "usual" else [0.0]) for each in _options("levels", levels, get_args(Level))]
    return [
        _Specification(*chosen[:2], *chosen[2], *chosen[3], *chosen[4:])
        for chosen in product(
            surveys,
            cutoffs,
            [(value, form) for value, many in drawn for form in many],
            [(level, spread) for level, many in usual for spread in many],
            _options("weighting", weighting, get_args(Weighting)),
            known,
        )
    ]


@dataclass(frozen=True)
class _Cell:
    """People of one age group or of all, and of one sex or of both."""

    people: Survey
    group: Any = None  # of the standard
    level: Any = None  # of the column by which limits differ
    part: Estimate | None = None  # the share of all people who are in the cell


@dataclass(eq=False)
class _Study:
    """A survey, tabulated, and what was found in it on the way."""

    survey: Survey
    column: str
    over: str | None
    step: float | None
    weighted: bool
    lowest: float | None = None
    highest: float | None = None
    cells: dict[Any, Any] = field(default_factory=dict)
    fits: dict[Any, Any] = field(default_factory=dict)

    def estimate(self, one: _Specification, cutoff: Cutoff) -> Estimate:
        """Return the share of low values under one specification, labelled by it."""
        self._refuse_senseless(one, cutoff)
        by = None if cutoff.everybody else one_spelling(cutoff.by)
        cells = self._cells(one.weighting, None if one.standard is None else self.over, by)
        found = [self._share(cell, one, cutoff) for cell in cells]
        method: Method = "korn_graubard" if (one.value, one.level) == ("reported", "single draw") else "logit"
        labels = pd.DataFrame([{"term": self._term(cutoff), **one.labels}])
        return replace(_mixed(cells, found, one.standard, labels, method), source=self.survey.name)

    def _term(self, cutoff: Cutoff) -> str:
        """Return what counts as low, in the unit of the column."""
        own = [
            f"{self._own(number, cutoff):.6g}" + ("" if cutoff.everybody else f" ({level})")
            for level, number in cutoff.limits.items()
        ]
        return f"{self.column} {'<' if cutoff.sign == 'below' else '<='} {', '.join(own)}"

    def _own(self, number: float, cutoff: Cutoff) -> float:
        """Return a number in the unit of the column."""
        return float(converted(np.array([number]), self.column, cutoff.unit, unit_of(self.column))[0])

    def _refuse_senseless(self, one: _Specification, cutoff: Cutoff) -> None:
        """Refuse what the survey cannot tell."""
        columns = list(self.survey.data.columns)
        if one.weighting == "weighted" and not self.weighted:
            raise CrampstatsError("the survey has no weights")
        if one.standard is not None and self.over not in columns:
            raise CrampstatsError(f"the survey has no column {self.over!r}")
        if not cutoff.everybody and one_spelling(cutoff.by) not in columns:
            raise CrampstatsError(f"the survey has no column {cutoff.by!r}")
        if one.value == "derounded" and self.step is None:
            raise CrampstatsError("the values are not reported in steps")

    def _share(self, cell: _Cell, one: _Specification, cutoff: Cutoff) -> Estimate:
        """Return the share of low values in a cell."""
        number = cutoff.limits[None if cutoff.everybody else cell.level]
        if one.value == "derounded":
            return self._fit(cell.people, one.distribution).prevalence([number], unit=cutoff.unit, cv=one.cv)
        if one.level == "usual":
            own = self._own(number, cutoff)
            return usual_prevalence(cell.people, self.column, at_most=own, cv=one.cv, step=self.step or 0.0)
        curve = cutoff_curve(cell.people, self.column, number, unit=cutoff.unit, step=self.step)
        return curve.below if cutoff.sign == "below" else curve.at_most

    def _fit(self, people: Survey, distribution: Distribution) -> RoundedDistribution:
        """Return the distribution in a cell, fitted once; a fit that failed fails again."""
        key = (id(people), distribution)
        if key not in self.fits:
            try:
                self.fits[key] = fit_rounded(
                    people,
                    self.column,
                    distribution=distribution,
                    step=self.step,
                    lowest=self.lowest,
                    highest=self.highest,
                )
            except CrampstatsError as error:
                self.fits[key] = error
        if isinstance(self.fits[key], CrampstatsError):
            raise self.fits[key]
        return self.fits[key]

    def _cells(self, weighting: Weighting, over: str | None, by: str | None) -> list[_Cell]:
        """Return the cells of some age groups and levels in which people are, made once."""
        key = (weighting, over, by)
        if key not in self.cells:
            people = self.survey
            if weighting == "unweighted":
                people = people._changed(weight=None, row_weight=people.row_count)
            names = [name for name in (over, by) if name is not None]
            self.cells[key] = [_cell(people, names, labels, over, by) for labels in _occurring(people, names)]
        return self.cells[key]


def _occurring(survey: Survey, names: list[str]) -> list[tuple[Any, ...]]:
    """Return the combinations of levels that occur in the domain, in order."""
    if not names:
        return [()]
    grouping = read_grouping(survey, names)
    cell = np.ravel_multi_index(grouping.codes, grouping.sizes)
    found = np.unravel_index(np.unique(cell if survey.domain is None else cell[survey.domain]), grouping.sizes)
    columns = [levels[codes] for levels, codes in zip(grouping.levels, found, strict=True)]
    return [tuple(plain(label) for label in labels) for labels in zip(*columns, strict=True)]


def _cell(survey: Survey, names: list[str], labels: tuple[Any, ...], over: str | None, by: str | None) -> _Cell:
    """Return the people of one combination of levels."""
    if not names:
        return _Cell(survey)
    question = " and ".join(f"{name} == {label!r}" for name, label in zip(names, labels, strict=True))
    known: dict[Any, Any] = dict(zip(names, labels, strict=True))
    part = None if by is None else prevalence(survey, question)
    return _Cell(survey.where(question), known.get(over), known.get(by), part)


def _mixed(
    cells: list[_Cell],
    shares: list[Estimate],
    standard: StandardPopulation | None,
    labels: pd.DataFrame,
    method: Method,
) -> Estimate:
    """Return the share in all cells together: by the people of each within a group, by the standard across groups."""
    groups = list(dict.fromkeys(cell.group for cell in cells))
    group = np.array([groups.index(cell.group) for cell in cells])
    weight = np.ones(1) if standard is None else np.array(standard.shares([str(each) for each in groups]))
    parts = [cell.part for cell in cells if cell.part is not None]
    share = np.array([each.value[0] for each in shares])
    part = np.array([each.value[0] for each in parts]) if parts else np.ones(len(cells))
    total = np.bincount(group, part)
    slopes = weight[group] * part / total[group]
    if parts:
        in_group = np.bincount(group, part * share) / total
        slopes = np.concatenate([slopes, weight[group] * (share - in_group[group]) / total[group]])
    return mapped(
        stacked([*shares, *parts]),
        slopes[None, :],
        value=slopes[None, : len(cells)] @ share,
        labels=labels,
        n=np.array([sum(each.n[0] for each in shares)]),
        interval_method=method,
    )


def _read_study(name: str, survey: Survey, column: str, cutoffs: Mapping[str, Cutoff], over: str | None) -> _Study:
    """Return a survey as a study, checked: whatever cannot be a reason to skip a combination raises here."""
    column = one_spelling(column)
    if column not in survey.data.columns:
        raise QuestionError(
            f"column={column!r} is not in {name}; these are {', '.join(map(str, survey.data.columns))}."
        )
    levels = {one_spelling(cutoff.by): None for cutoff in cutoffs.values() if not cutoff.everybody}
    kept = [each for each in (over, *levels) if each in survey.data.columns]
    for each in kept:
        read_grouping(survey, [each])
    values = np.asarray(read_numbers(survey, column), dtype=float)
    for label, cutoff in cutoffs.items():
        converted(np.zeros(1), column, cutoff.unit, unit_of(column))
        if not cutoff.everybody and (by := one_spelling(cutoff.by)) in kept:
            for (level,) in _occurring(survey, [by]):
                if level not in cutoff.limits:
                    known = ", ".join(map(repr, cutoff.limits))
                    raise CrampstatsError(
                        f"cut-off {label!r} has no value for {by} {level!r} of {name}, only for {known}."
                    )
    step = reporting_step(values if survey.domain is None else values[survey.domain])
    design = {survey.stratum, survey.cluster, survey.population_size}
    columns = list(dict.fromkeys(each for each in (column, *kept) if each not in design))
    return _Study(survey.tabulate(columns), column, over, step, survey.weight is not None)
