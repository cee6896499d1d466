"""The prevalence of a state that no marker shows without error, from three markers or more, or two in several populations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

import numpy as np
import pandas as pd
from scipy import linalg, special

from crampstats.errors import ConvergenceError, DesignError
from crampstats.estimates import Component, Estimate
from crampstats.measurement.latent_bounds import not_identified, refuse_unidentified
from crampstats.measurement.latent_posteriors import LatentClassPosterior, latent_class_posterior
from crampstats.measurement.latent_tables import SAME, PatternTable, Shown, quasi_random, read_patterns
from crampstats.proportions import made_estimate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crampstats.measurement.posteriors import Beta
    from crampstats.survey import Survey

# Quasi-random starts, besides those that take each marker, or their vote, for the truth; and how they are improved.
STARTS = 16
EM_STEPS = 100
POLISHED = 4
MOST_ITERATIONS = 200
MOST_HALVINGS = 30
# Squared length of the last step in standard errors; where rounding stops it; the most that a log-odds moves in one step.
SETTLED = 1e-20
REACHED = 1e-13
LONGEST = 2.0
ROUNDING = 1e-13
# Log-odds from which on a probability is taken for 0 or 1: 3e-7.
EDGE = 15.0
# Share of the information that knowing everybody's true state would give, below which there is none.
LEAST_INFORMATION = 1e-7
# Of a number drawn evenly from 0 to 1: a larger standard error of a probability says that the data know nothing of it.
KNOWS_NOTHING = 1 / np.sqrt(12)
MISFIT = 0.05


@dataclass(frozen=True)
class Misfit:
    """How far a latent class model is from the patterns that were observed.

    Attributes
    ----------
    degrees
        Cells of information less parameters.
    pearson, likelihood_ratio
        Of weighted counts that add up to the number of people.
    design_effect
        What `pearson` is on average, by degree of freedom, under this sampling design if the model is right.
    p_value
        Of `pearson` divided by the design effect, from an F distribution.

    Examples
    --------
    >>> import crampstats as cs
    >>> patterns = np.stack(np.unravel_index(np.arange(16), (2, 2, 2, 2)), axis=1)
    >>> people = pd.DataFrame(patterns, columns=["a", "b", "c", "d"])
    >>> people["n"] = [400, 40, 30, 20, 20, 20, 10, 40, 30, 10, 10, 30, 20, 50, 40, 130]
    >>> misfit = latent_class(cs.Survey(people, count="n"), ["a", "b", "c", "d"]).misfit
    >>> misfit.degrees, round(misfit.pearson, 1), round(misfit.p_value, 4)
    (6, 8.0, 0.2505)
    """

    degrees: int
    pearson: float
    likelihood_ratio: float
    design_effect: float
    p_value: float


@dataclass(frozen=True, eq=False, repr=False)
class LatentClass(Shown):
    """Prevalence of a latent state, and the accuracy of its markers.

    Attributes
    ----------
    estimate
        Terms ``prevalence`` (by population, where there are several), ``sensitivity`` and ``specificity`` of each marker;
        on the logit scale.
    markers
        What they are called.
    misfit
        None where the model has as many parameters as there are cells of information: it then fits whatever is true.
    residuals
        A row for each pair: ``marker``, ``other``, their correlation ``observed`` and ``fitted``, ``residual``,
        ``std_error`` and ``z``. Large ones say that some markers share an error, not which: the fitted state moves towards
        what they share. Of four markers a pair and the other two look alike; of six or so a slight dependence stands out.
        Empty where nothing can be told.
    notes
        Length k: what a reader has to know of each estimate.

    Examples
    --------
    >>> import crampstats as cs
    >>> patterns = np.stack(np.unravel_index(np.arange(8), (2, 2, 2)), axis=1)
    >>> people = pd.DataFrame(patterns, columns=["a", "b", "c"]).assign(n=[400, 40, 30, 20, 20, 20, 10, 60])
    >>> found = latent_class(cs.Survey(people, count="n"), ["a", "b", "c"])
    >>> found.prevalence.to_frame()[["estimate", "conf_low", "conf_high"]].round(3)
       estimate  conf_low  conf_high
    0     0.194     0.157      0.237
    >>> found.notes[0]
    'independence given the state cannot be tested with 3 markers in 1 population'
    """

    estimate: Estimate
    markers: tuple[str, ...]
    misfit: Misfit | None
    residuals: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def prevalence(self) -> Estimate:
        """The prevalence of the latent state, by population."""
        return self.estimate.where("term == 'prevalence'")

    def to_frame(self, *, level: float = 0.95) -> pd.DataFrame:
        """Return the estimates as a table, as `crampstats.Estimate.to_frame`.

        Parameters
        ----------
        level
            Confidence.
        """
        table = self.estimate.to_frame(level=level)
        notes = ["; ".join(filter(None, both)) for both in zip(self.notes, table["note"], strict=True)]
        return table.assign(note=notes)

    @property
    def _title(self) -> str:
        return f"LatentClass of {', '.join(self.markers)} in {self.estimate.source}"


@overload
def latent_class(
    survey: Survey, markers: Sequence[str], *, populations: str | None = None, priors: None = None
) -> LatentClass: ...
@overload
def latent_class(
    survey: Survey,
    markers: Sequence[str],
    *,
    populations: str | None = None,
    priors: Mapping[str, Beta],
) -> LatentClassPosterior: ...
def latent_class(
    survey: Survey,
    markers: Sequence[str],
    *,
    populations: str | None = None,
    priors: Mapping[str, Beta] | None = None,
) -> LatentClass | LatentClassPosterior:
    """Estimate how common a state is that several markers show with error and none without, and how well they show it.

    Such as a low body store of magnesium, of which serum, urine and a retention test each tell a part. Markers are taken as
    independent of each other given the state, and as equally accurate in all populations; three markers in one population,
    or two in two, fit whatever is true and cannot test that. Markers that share an error beside the state make the
    prevalence wrong, however many people are asked.

    Parameters
    ----------
    survey
        Whose domain is asked about.
    markers
        Columns of 0 and 1, or yes/no questions such as ``"magnesium_mmol_l <= 0.70"``: at least three; or two together with
        `populations` or `priors`.
    populations
        A column: each level has a prevalence of its own.
    priors
        For two markers in one population: a `crampstats.measurement.posteriors.Beta` for each of
        ``"sensitivity <marker>"`` and ``"specificity <marker>"``; ``"prevalence"`` may be added, and is ``Beta(1, 1)``
        otherwise. Sensitivity and specificity of a marker add up to more than 1.

    Returns
    -------
    LatentClass or LatentClassPosterior
        The latter with `priors`.

    Raises
    ------
    IdentifiabilityError
        If the data do not determine the prevalence: too few markers, populations that are alike, markers that tell nothing.
        ``.bounds`` of the error are what the data do allow.
    ConvergenceError
        If a prevalence or accuracy is estimated as 0 or 1, where it has no standard error, or the posterior lies so far from
        the priors that it cannot be computed.
    QuestionError
        If a marker is not 0 and 1, marks nothing, or is missing in the domain (then ask ``survey.observed(column)`` first),
        or the priors do not fit.
    DesignError
        If the domain has no degrees of freedom.

    Notes
    -----
    Hui SL, Walter SD, Biometrics 1980;36:167-171, doi:10.2307/2530508; Hui SL, Zhou XH, Stat Methods Med Res 1998;7:354-370,
    doi:10.1177/096228029800700404. The weighted likelihood is maximised by EM steps from many starts (Dempster AP, Laird NM,
    Rubin DB, J R Stat Soc B 1977;39:1-38) and Newton's method, with the observed information of Louis TA, J R Stat Soc B
    1982;44:226-233; scores, summed to clusters, carry the design (Binder DA, Int Stat Rev 1983;51:279-292,
    doi:10.2307/1402588). That class is called the state in which most markers, in a tie the first one, are more often
    positive. The misfit has the mean correction of Rao JNK, Scott AJ, Ann Stat 1984;12:46-60, doi:10.1214/aos/1176346391.

    Not identified, and refused: a standard error above 0.289, that of a number drawn evenly from 0 to 1; two markers in
    populations whose markers differ with p > 0.01.

    With priors the posterior is computed on a quasi-random grid: the shares of the four patterns, whose weighted counts are
    brought to the effective sample size, at most the number of people, and the accuracy of one marker; the other one's and
    the prevalence follow from them. Joseph L, Gyorkos TW, Coupal L, Am J Epidemiol 1995;141:263-272,
    doi:10.1093/oxfordjournals.aje.a117428.

    The example is Hui and Walter's: two tuberculin tests in two populations.

    Examples
    --------
    >>> import crampstats as cs
    >>> tests = pd.DataFrame({
    ...     "mantoux": [1, 1, 0, 0] * 2, "tine": [1, 0, 1, 0] * 2, "site": ["first"] * 4 + ["second"] * 4,
    ...     "people": [14, 4, 9, 528, 887, 31, 37, 367]})
    >>> found = latent_class(cs.Survey(tests, count="people"), ["mantoux", "tine"], populations="site")
    >>> found.to_frame()[["term", "site", "estimate", "std_error"]].round(4)
                      term    site  estimate  std_error
    0           prevalence   first    0.0268     0.0071
    1           prevalence  second    0.7168     0.0128
    2  sensitivity mantoux     all    0.9661     0.0069
    3     sensitivity tine     all    0.9688     0.0062
    4  specificity mantoux     all    0.9933     0.0038
    5     specificity tine     all    0.9841     0.0056
    """
    table = read_patterns(survey, markers, populations)
    if priors is not None:
        return latent_class_posterior(table, priors)
    if survey.degrees_of_freedom <= 0:
        raise DesignError(
            f"no degrees of freedom (clusters less strata with people in the domain) for the latent classes in "
            f"{survey.described}. Ask about a larger domain, or merge strata."
        )
    refuse_unidentified(table)
    state = _solved(table)
    influence = table.summed(state.cell_scores) @ linalg.inv(state.information)
    estimate = _estimate(table, state, influence)
    wide = np.flatnonzero(estimate.std_error >= KNOWS_NOTHING)
    if wide.size:
        first = int(wide[0])
        raise not_identified(
            table,
            f"the standard error of {_named(table, first)} is {estimate.std_error[first]:.2g}, more than that of a number "
            "drawn evenly from 0 to 1",
        )
    if table.information == table.parameters:
        return LatentClass(estimate, table.markers, None, _residual_frame([]), _notes(table, estimate, None))
    misfit, residuals = _misfit(table, state, influence, float(estimate.df[0]))
    return LatentClass(estimate, table.markers, misfit, residuals, _notes(table, estimate, misfit))


@dataclass(frozen=True, eq=False)
class _State:
    """The pseudo-likelihood at some log-odds of the parameters.

    expected, cell_scores: shapes (populations, patterns) and (cells, parameters); complete has shape (parameters,), the
    information if everybody's state were known.
    """

    odds: np.ndarray
    log_likelihood: float
    score: np.ndarray
    information: np.ndarray
    complete: np.ndarray
    probability: np.ndarray
    cell_scores: np.ndarray

    @property
    def spectrum(self) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvalues and vectors of the information as a share of the complete one."""
        values, vectors = linalg.eigh(self.information / np.sqrt(np.outer(self.complete, self.complete)))
        return values, vectors


def _state(table: PatternTable, odds: np.ndarray) -> _State:
    """Return likelihood, score and observed information, by Louis's identity."""
    k, j = len(table.levels), len(table.markers)
    yes, counts = table.patterns, table.counts
    prevalence, sensitivity, specificity = odds[:k], odds[k : k + j], odds[k + j :]
    log = special.log_expit
    ill = log(prevalence)[:, None] + yes @ log(sensitivity) + (1 - yes) @ log(-sensitivity)
    well = log(-prevalence)[:, None] + yes @ log(-specificity) + (1 - yes) @ log(specificity)
    log_probability = np.logaddexp(ill, well)
    posterior = special.expit(ill - well)
    share, found, cleared = special.expit(prevalence), special.expit(sensitivity), special.expit(specificity)
    # Scores of a person who has the state, and of one who has not.
    with_it, without = np.zeros((k, len(yes), k + 2 * j)), np.zeros((k, len(yes), k + 2 * j))
    populations = np.arange(k)
    with_it[populations, :, populations] = (1 - share)[:, None]
    without[populations, :, populations] = -share[:, None]
    with_it[:, :, k : k + j] = yes - found
    without[:, :, k + j :] = (1 - yes) - cleared
    apart = with_it - without
    scores = without + posterior[..., None] * apart
    ill_people = float(np.sum(counts * posterior))
    complete = np.concatenate(
        [
            counts.sum(axis=1) * share * (1 - share),
            ill_people * found * (1 - found),
            (counts.sum() - ill_people) * cleared * (1 - cleared),
        ]
    )
    lost = np.einsum("ky,kyp,kyq->pq", counts * posterior * (1 - posterior), apart, apart, optimize=True)
    return _State(
        odds=odds,
        log_likelihood=float(np.sum(counts * log_probability)),
        score=np.einsum("ky,kyp->p", counts, scores),
        information=np.diag(complete) - lost,
        complete=complete,
        probability=np.exp(log_probability),
        cell_scores=scores.reshape(-1, k + 2 * j),
    )


def _starts(table: PatternTable) -> np.ndarray:
    """Return guesses of who has the state, shape (starts, populations, patterns)."""
    k, j = len(table.levels), len(table.markers)
    votes = table.patterns.mean(axis=1)
    guesses = [0.1 + 0.8 * marker for marker in table.patterns.T] + [0.05 + 0.9 * votes**power for power in (0.5, 1, 2)]
    cube = quasi_random(STARTS, k + 2 * j)
    share, found, cleared = 0.05 + 0.9 * cube[:, :k], 0.5 + 0.49 * cube[:, k : k + j], 0.5 + 0.49 * cube[:, k + j :]
    return np.concatenate(
        [
            np.stack([np.broadcast_to(guess, table.counts.shape) for guess in guesses]),
            _told(table, share, found, cleared)[0],
        ]
    )


def _told(
    table: PatternTable, share: np.ndarray, found: np.ndarray, cleared: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the probability of the state by population and pattern, and the log-likelihood, for several starts."""
    yes = table.patterns.T
    ill = np.log(share)[:, :, None] + (np.log(found) @ yes + np.log1p(-found) @ (1 - yes))[:, None, :]
    well = np.log1p(-share)[:, :, None] + (np.log1p(-cleared) @ yes + np.log(cleared) @ (1 - yes))[:, None, :]
    return special.expit(ill - well), np.einsum("ky,sky->s", table.counts, np.logaddexp(ill, well))


def _expectation_maximisation(table: PatternTable) -> np.ndarray:
    """Return the log-odds of the best few starts after some steps, shape (polished, parameters)."""
    yes, counts, least = table.patterns, table.counts, 1e-7
    posterior = _starts(table)
    for _ in range(EM_STEPS):
        ill, well = counts * posterior, counts * (1 - posterior)
        share = np.clip(ill.sum(axis=2) / counts.sum(axis=1), least, 1 - least)
        found = np.einsum("sky,yj->sj", ill, yes) / np.maximum(ill.sum(axis=(1, 2)), least)[:, None]
        cleared = np.einsum("sky,yj->sj", well, 1 - yes) / np.maximum(well.sum(axis=(1, 2)), least)[:, None]
        found, cleared = np.clip(found, least, 1 - least), np.clip(cleared, least, 1 - least)
        posterior, log_likelihood = _told(table, share, found, cleared)
    best = np.argsort(-log_likelihood, kind="stable")[:POLISHED]
    return special.logit(np.concatenate([share, found, cleared], axis=1)[best])


def _climbed(table: PatternTable, odds: np.ndarray) -> tuple[_State, bool]:
    """Return the maximum, or the first point beyond the edge on the way there, and whether Newton's method got there."""
    state = _state(table, odds)
    for _ in range(MOST_ITERATIONS):
        if np.abs(state.odds).max() > EDGE:
            return state, True
        values, vectors = state.spectrum
        root = np.sqrt(state.complete)
        # Where the likelihood bends upwards, or hardly at all, the step goes uphill all the same.
        step = (vectors @ ((vectors.T @ (state.score / root)) / np.maximum(np.abs(values), LEAST_INFORMATION))) / root
        length = float(step @ state.score)
        if length <= SETTLED:
            return state, True
        step *= min(1.0, LONGEST / np.abs(step).max())
        for halving in range(MOST_HALVINGS):
            there = _state(table, state.odds + step / 2**halving)
            if there.log_likelihood >= state.log_likelihood - ROUNDING * abs(state.log_likelihood):
                break
        else:
            there = state
        if length <= REACHED:
            return there, True
        if there is state:
            break
        state = there
    return state, False


def _oriented(table: PatternTable, odds: np.ndarray) -> np.ndarray:
    """Call that class the state in which most markers, in a tie the first one, are the more often positive."""
    k, j = len(table.levels), len(table.markers)
    better = np.sign(special.expit(odds[k : k + j]) - special.expit(-odds[k + j :]))
    if (better.sum() or better[0]) > 0:
        return odds
    return np.concatenate([-odds[:k], -odds[k + j :], -odds[k : k + j]])


def _solved(table: PatternTable) -> _State:
    """Return the maximum of the pseudo-likelihood, refusing one at an edge or on a ridge."""
    climbs = [_climbed(table, odds) for odds in _expectation_maximisation(table)]
    highest = max(state.log_likelihood for state, _ in climbs)
    # A start that got stuck does no harm, unless it got higher than those that arrived.
    arrived = [state for state, there in climbs if there and state.log_likelihood >= highest - SAME * abs(highest)]
    if not arrived:
        raise ConvergenceError(
            f"the latent classes of {', '.join(table.markers)} did not converge in {MOST_ITERATIONS} steps: leave a marker "
            "out, or ask more people."
        )
    best = max(arrived, key=lambda state: state.log_likelihood)
    state = _state(table, _oriented(table, best.odds))
    edge = np.flatnonzero(np.abs(state.odds) > EDGE - 1)
    if edge.size:
        named = [f"{_named(table, int(index))} is {int(state.odds[index] > 0)}" for index in edge]
        raise ConvergenceError(
            f"the likelihood is greatest at its edge, where {', '.join(named)}: there are no standard errors there. Ask more "
            "people, leave the marker out, or ask what the data allow with latent_class_bounds()."
        )
    least = float(state.spectrum[0][0])
    if least < LEAST_INFORMATION:
        raise not_identified(
            table,
            f"{', '.join(table.markers)} carry {max(least, 0):.1g} of the information on some combination of the "
            f"{table.parameters} parameters that knowing everybody's state would give, which is none",
        )
    return state


def _labels(table: PatternTable) -> pd.DataFrame:
    """Return the terms, and the populations where there are several."""
    terms = [f"{what} {marker}" for what in ("sensitivity", "specificity") for marker in table.markers]
    labels = pd.DataFrame({"term": ["prevalence"] * len(table.levels) + terms})
    if table.populations is not None:
        labels[table.populations] = pd.Series([*table.levels, *["all"] * len(terms)], dtype=object)
    return labels


def _named(table: PatternTable, index: int) -> str:
    """Return a term for a message, with its population where it has one."""
    label = _labels(table).iloc[index]
    return f"{label['term']} in {label.iloc[1]}" if len(label) > 1 and index < len(table.levels) else label["term"]


def _estimate(table: PatternTable, state: _State, influence: np.ndarray) -> Estimate:
    """Return prevalences, sensitivities and specificities with their contributions."""
    value = special.expit(state.odds)
    component = Component(table.survey.design, influence * value * (1 - value), table.touched(len(value)))
    people = np.concatenate([table.people, np.full(2 * len(table.markers), table.people.sum())])
    return made_estimate(table.survey, _labels(table), value, component, people, "logit")


def _notes(table: PatternTable, estimate: Estimate, misfit: Misfit | None) -> tuple[str, ...]:
    """Say what cannot be tested, what does not fit, and which markers seem to be coded the other way round."""
    k, j = len(table.levels), len(table.markers)
    if misfit is None:
        same = "" if k == 1 else " and equal accuracy"
        first = f"independence given the state{same} cannot be tested with {j} markers in {k} population{'s' * (k > 1)}"
    elif misfit.p_value < MISFIT:
        first = f"the model does not fit (p = {misfit.p_value:.2g}): see residuals, which need not show where"
    else:
        first = ""
    sensitivity, specificity = estimate.value[k : k + j], estimate.value[k + j :]
    turned = ["rarer with the state than without: coded the other way round?"] * j
    markers = [note if both < 1 else "" for note, both in zip(turned, sensitivity + specificity, strict=True)]
    return (*[first] * k, *markers, *markers)


def _misfit(table: PatternTable, state: _State, influence: np.ndarray, df: float) -> tuple[Misfit, pd.DataFrame]:
    """Return the distance between observed and fitted patterns, and what is left of the correlation of each pair."""
    counts, people = table.counts, table.counts.sum(axis=1)
    fitted = people[:, None] * state.probability
    slopes = fitted.ravel()[:, None] * state.cell_scores

    def spread(chosen: np.ndarray) -> float:
        """Return the variance of observed less fitted people in some cells, shape (cells,)."""
        expected = (chosen.reshape(counts.shape) * state.probability).sum(axis=1)
        values = chosen - np.repeat(expected, counts.shape[1])
        residual = table.summed(values[:, None])[:, 0] - influence @ (chosen @ slopes)
        return float(table.survey.design.variance(residual[:, None], table.touched(1))[0])

    degrees = table.information - table.parameters
    pearson = float(np.sum((counts - fitted) ** 2 / fitted))
    cells = zip(np.eye(counts.size), fitted.ravel(), strict=True)
    effect = float(sum(spread(cell) / size for cell, size in cells)) / degrees
    misfit = Misfit(
        degrees=degrees,
        pearson=pearson,
        likelihood_ratio=float(2 * np.sum(special.xlogy(counts, counts) - special.xlogy(counts, fitted))),
        design_effect=effect,
        p_value=float(special.fdtrc(degrees, degrees * df, pearson / effect / degrees)),
    )
    total, yes = people.sum(), table.patterns
    share = counts.sum(axis=0) @ yes / total
    deviation = np.sqrt(share * (1 - share))
    rows = []
    for first in range(len(table.markers)):
        for second in range(first + 1, len(table.markers)):
            both, scale = yes[:, first] * yes[:, second], deviation[first] * deviation[second]
            seen, modelled = (
                float((cells.sum(axis=0) @ both / total - share[first] * share[second]) / scale)
                for cells in (counts, fitted)
            )
            error = np.sqrt(spread(np.tile(both, len(counts)))) / total / scale
            rows.append((table.markers[first], table.markers[second], seen, modelled, seen - modelled, error))
    return misfit, _residual_frame(rows)


def _residual_frame(rows: Sequence[tuple[str, str, float, float, float, float]]) -> pd.DataFrame:
    """Return the correlations of pairs as a table."""
    table = pd.DataFrame(rows, columns=["marker", "other", "observed", "fitted", "residual", "std_error"])
    # Two markers in several populations may reproduce their correlation exactly: no residual, no error.
    residual, error = table["residual"].to_numpy(dtype=float), table["std_error"].to_numpy(dtype=float)
    return table.assign(z=np.divide(residual, error, out=np.zeros(len(table)), where=error > SAME))
