"""Reference limits from routine results: the curve of the healthy within the values of everybody."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from crampstats.cutoffs import reporting_step
from crampstats.errors import ConvergenceError, CrampstatsError
from crampstats.schema import is_number

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

# Fewer values are refused; with fewer than the second number the result carries a note.
FEWEST, ADVISED = 500, 1000
# Fewer cells around the peak do not tell four numbers.
FEWEST_CELLS = 8
# Shapes searched first: 0 is log-normal, 1 normal. Near 0 a small change of shape changes the tail most.
SHAPES = 1.5 * np.linspace(0.0, 1.0, 8) ** 1.5
# The method presumes that at least this share of the values is of the healthy.
LEAST_SHARE = 0.4
# Cells of the histogram around the peak, of which the overlapping bins are made.
CELLS = 128
# Half the width of the band about a curve, in standard deviations: 99 % of the counts of a true curve lie within.
BAND = float(ndtri(0.995))
# Share of the bins that may lie below the band.
MOST_BELOW = 0.05
# Bins with fewer expected values are not judged, as their counts are not normal.
FEWEST_EXPECTED = 20.0
# Errors of the model, in shares of its peak, that are tried.
MISFITS = (0.0, 0.001, 0.003, 0.005)
# Regions besides the peak, in shares of its height, from which the share of the healthy is read.
FLANKS = ((0.5, 0.9), (0.6, 0.95), (0.7, 0.97))
# A step in the first search for median and spread, in spreads and in its logarithm; the last step of the shape.
STEP_OF_MEDIAN, STEP_OF_SPREAD, STEP_OF_SHAPE = 0.2, 0.1, 0.01
# A candidate and its eight neighbours.
AROUND = np.array([(median, spread) for median in (-1, 0, 1) for spread in (-1, 0, 1)], dtype=float)
# The search for median and spread ends when steps are below this share of the first ones.
LAST_STEP = 0.1
# Instead of 0 in a denominator.
TINY = 1e-300


@dataclass(frozen=True, repr=False)
class RefinedCurve:
    """The distribution of the healthy within a mixture: normal after a Box-Cox transformation.

    Attributes
    ----------
    shape
        Lambda of the transformation (x^lambda - 1) / lambda: 1 for a normal curve, 0, the logarithm, for a log-normal one.
    location, scale
        Mean and standard deviation of the transformed values.
    share
        How much of all values the curve holds, from 0.4 to 1.
    cost
        What was minimised, with no unit; lower is better, for the same values only.
    n
        How many values there were.
    step
        What they were reported to; None for a number that is not reported in steps.
    note
        What a reader has to know; empty if there is nothing.

    Examples
    --------
    >>> curve = RefinedCurve(0.0, np.log(0.85), 0.08, 0.9, -20.0, 10_000, 0.01, "")
    >>> curve.quantile([0.025, 0.975]).round(4)
    array([0.7266, 0.9943])
    >>> curve.density([0.85]).round(3)
    array([5.867])
    """

    shape: float
    location: float
    scale: float
    share: float
    cost: float
    n: int
    step: float | None
    note: str

    def quantile(self, probability: ArrayLike) -> np.ndarray:
        """Return quantiles of the healthy, in the unit of the values.

        Parameters
        ----------
        probability
            Between 0 and 1, any shape: 0.025 and 0.975 for the usual reference limits.

        Returns
        -------
        ndarray
            Of the same shape.

        Raises
        ------
        CrampstatsError
            If a probability does not lie between 0 and 1.
        """
        chance = np.asarray(probability, dtype=float)
        if not ((chance > 0) & (chance < 1)).all():
            raise CrampstatsError(
                f"probability={probability!r} has to lie between 0 and 1, as in quantile([0.025, 0.975])."
            )
        transformed = self.location + self.scale * ndtri(self._cut + chance * (1 - self._cut))
        return np.asarray(np.exp(np.log1p(self.shape * transformed) / self.shape if self.shape else transformed))

    def density(self, x: ArrayLike) -> np.ndarray:
        """Return the density of the healthy; times `share` it is their part in the density of all values.

        Parameters
        ----------
        x
            In the unit of the values, any shape.

        Returns
        -------
        ndarray
            Of the same shape, per unit of the values; 0 where `x` is not positive.
        """
        at = np.asarray(x, dtype=float)
        logarithm = np.log(np.where(at > 0, at, 1.0))
        transformed = np.expm1(self.shape * logarithm) / self.shape if self.shape else logarithm
        height = np.exp(-0.5 * ((transformed - self.location) / self.scale) ** 2 + (self.shape - 1) * logarithm)
        return np.asarray(np.where(at > 0, height / (self.scale * np.sqrt(2 * np.pi) * (1 - self._cut)), 0.0))

    @property
    def _cut(self) -> float:
        """What of the normal curve lies where no transformed value can be."""
        return float(ndtr((-1 / self.shape - self.location) / self.scale)) if self.shape else 0.0

    def to_frame(self) -> pd.DataFrame:
        """Return limits and median of the healthy, and their share, as a table.

        Returns
        -------
        DataFrame
            ``term``, ``n``, ``estimate``, ``note``. One curve tells no error;
            `crampstats.measurement.indirect_limits.indirect_reference_limits` finds it by resampling.
        """
        chances = (0.025, 0.5, 0.975)
        terms = [*(f"{100 * chance:g} % of the healthy" for chance in chances), "share of the healthy"]
        values = [*self.quantile(chances), self.share]
        return pd.DataFrame({"term": terms, "n": self.n, "estimate": values, "note": self.note})

    def __repr__(self) -> str:
        table = self._shown().to_string(index=False, float_format="{:.4g}".format)
        return f"<RefinedCurve: shape {self.shape:.3g}, {self.n} values>\n{table}"

    def _repr_html_(self) -> str:
        return self._shown().to_html(index=False, border=0, float_format="{:.4g}".format)

    def _shown(self) -> pd.DataFrame:
        """Return the columns for the eye."""
        shown = self.to_frame()
        return shown if self.note else shown.drop(columns="note")


def refine(values: ArrayLike, *, step: float | None = None) -> RefinedCurve:
    """Find the distribution of the healthy in the results of everybody, by what the peak of the histogram looks like.

    Routine results mix many healthy people with some sick ones, whose values lie mostly on the flanks and in the tails. Of all
    Box-Cox normal curves, times a share, the one is taken that explains as many bins of the histogram about the peak as well
    as it can. A bin may hold more values than the curve, which are then of the sick; it may not hold fewer.

    Parameters
    ----------
    values
        Shape (rows,), positive, at least 500, better 1,000: one a person, or each person has as many votes as values.
    step
        What the values are reported to, in their unit; None to find it from the distinct values.

    Returns
    -------
    RefinedCurve
        With a note if there are fewer than 1,000 values, or the shape is the end of what is searched.

    Raises
    ------
    CrampstatsError
        If values are missing, not positive, too few, or reported too coarsely.
    ConvergenceError
        If the density has no peak, no curve fits, or the best one holds but 40 % of the values.

    Notes
    -----
    The method is refineR: Ammer T, Schützenmeister A, Prokosch HU, Rauh M, Rank CM, Zierk J, Sci Rep 2021;11:16023,
    doi:10.1038/s41598-021-95301-2; guidance in Ammer T et al., J Appl Lab Med 2023;8:84-91, doi:10.1093/jalm/jfac101. Written
    anew with the cost function of version 2.0, with these differences:

    - The search runs over the median and the relative spread of the curve instead of mean and standard deviation after the
      transformation. These hardly depend on the shape, and a change of unit changes nothing.
    - The region of the histogram is read off the half-widths of the peak on either side.
    - A tail of the curve that holds more than the histogram costs only as far as one standard error does not explain it;
      otherwise chance alone makes curves too narrow, above all skewed ones.
    - There are 128 cells instead of 256, in overlapping bins just as wide.

    Of m expected and c observed values in a bin the cost is -(log(m / 2 pi) - (c - m)^2 / m) / 2 plus the penalties of tails
    and peak; its sum over the bins within the band [m - 2.58 sqrt(m), m + 2.58 share sqrt(m)] is divided by the root of their
    number. A penalty is -2 log r where r is below 1: of the tails (less than a fifth of the height of the peak) observed values
    and a standard error over expected ones, of the peak (above four fifths) the values in bins within the band over those in
    other bins. Not more than 5 % of the bins may lie below the band, and m is at least 20. Errors of the model of 0 to 0.5 % of
    the peak are tried, which widen the band. Reported values are spread evenly over their step, and bins end between them.
    Nothing in it is random.

    Many shapes fit nearly as well as the best one, so the outer quantiles are less sure than the size of the sample suggests.
    Where many sick people have values next to those of the healthy, they pull the shape: with a fifth of them, at 38 ± 6 beside
    healthy values of 20 ± 5, the limits of 20 samples of 5,000 were 8 and 5 % too high on average.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> healthy, low = rng.normal(0.85, 0.06, 9_000), rng.normal(0.66, 0.05, 1_000)
    >>> values = np.concatenate([healthy, low]).round(2)
    >>> np.quantile(values, [0.025, 0.975]).round(2)
    array([0.62, 0.96])
    >>> refine(values).quantile([0.025, 0.975]).round(2)
    array([0.72, 0.96])
    """
    sample = _read(values, step)
    bins, median, spread = _prepared(sample)
    best = _search(bins, median, spread)
    if not np.isfinite(best.cost):
        raise ConvergenceError(
            "no curve fits the peak of the values: too few values make it, or several groups do; refine one group at a time."
        )
    if best.share <= LEAST_SHARE:
        raise ConvergenceError(
            f"the best curve holds {100 * LEAST_SHARE:g} % of the values, the least that is searched: too few of them are of the "
            "healthy."
        )
    notes = []
    if sample.n < ADVISED:
        notes.append(f"{sample.n:.0f} values; {ADVISED} or more are advised")
    if best.shape in {SHAPES[0], SHAPES[-1]}:
        notes.append(f"shape {best.shape:g} is the end of the search: the tails may be other ones")
    relative = np.exp(best.spread)
    power = np.exp(best.shape * best.median)
    return RefinedCurve(
        shape=best.shape,
        location=float((power - 1) / best.shape if best.shape else best.median),
        scale=float(relative * power),
        share=best.share,
        cost=best.cost,
        n=int(sample.n),
        step=sample.step,
        note="; ".join(notes),
    )


def _read(values: ArrayLike, step: float | None) -> _Sample:
    """Return the values as a sample, or say what is wrong with them."""
    try:
        read = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise CrampstatsError("values hold something that is no number.") from None
    if read.ndim != 1:
        raise CrampstatsError(f"values have shape {read.shape}: a plain list of numbers is needed.")
    if not np.isfinite(read).all():
        raise CrampstatsError(f"values are missing or infinite in {np.sum(~np.isfinite(read))} rows; leave these out.")
    if not (read > 0).all():
        raise CrampstatsError(f"values have to be positive, and {np.sum(read <= 0)} of {len(read)} are not.")
    if len(read) < FEWEST:
        raise CrampstatsError(f"values are {len(read)}; at least {FEWEST} are needed, {ADVISED} or more advised.")
    if step is not None and not (is_number(step) and step > 0):
        raise CrampstatsError(f"step={step!r} has to be a positive number, as in step=0.1.")
    distinct, counts = np.unique(read, return_counts=True)
    if step is not None and np.diff(distinct).min(initial=np.inf) < 0.99 * step:
        raise CrampstatsError(f"step={step!r} is more than values differ by; None finds it.")
    return _Sample(distinct, counts.astype(float), reporting_step(distinct) if step is None else float(step))


@dataclass(frozen=True, eq=False)
class _Bins:
    """Overlapping bins around the peak, and one on either side for all that lies beyond.

    `first` and `last`, shape (bins,), are the places of their ends in `edges`, of which the outer ones are 0 and infinity.
    """

    edges: np.ndarray
    first: np.ndarray
    last: np.ndarray
    counts: np.ndarray
    n: float

    @property
    def overlap(self) -> int:
        """In how many bins a value lies."""
        return int(self.last[1] - self.first[1])


@dataclass(frozen=True, eq=False)
class _Sample:
    """Distinct values, ascending, how many have each, and the step to which they were reported."""

    values: np.ndarray
    counts: np.ndarray
    step: float | None
    cumulated: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cumulated", np.concatenate([[0.0], np.cumsum(self.counts)]))

    @property
    def n(self) -> float:
        """How many values there are."""
        return float(self.cumulated[-1])

    def below(self, edges: np.ndarray) -> np.ndarray:
        """Return how many values lie below each edge; reported values are spread evenly over their step."""
        if self.step is None:
            return self.cumulated[np.searchsorted(self.values, edges)]
        knots = np.column_stack([self.values - self.step / 2, self.values + self.step / 2]).ravel()
        reached = np.column_stack([self.cumulated[:-1], self.cumulated[1:]]).ravel()
        return np.interp(edges, knots, reached)

    def quantile(self, chance: float) -> float:
        """Return the least value that at least this share does not exceed."""
        return float(self.values[np.searchsorted(self.cumulated[1:], chance * self.n)])


def _main_peak(sample: _Sample) -> tuple[float, float, float]:
    """Return where the density is highest on the hill of most values, and where it is half as high on either side."""
    low, high = sample.quantile(0.001), sample.quantile(0.99)
    if not low < high:
        raise ConvergenceError(f"values have no peak that is more than one value: nearly all are {low:g}.")
    margin = 0.1 * (high - low)
    edges = np.linspace(max(low - margin, 0.0), high + margin, 513)
    width = edges[1] - edges[0]
    spread = (sample.quantile(0.75) - sample.quantile(0.25)) / 1.349
    bandwidth = max(0.9 * spread * sample.n**-0.2, sample.step or 0.0, 2 * width)
    reach = np.arange(-np.ceil(4 * bandwidth / width), np.ceil(4 * bandwidth / width) + 1) * width
    kernel = np.exp(-0.5 * (reach / bandwidth) ** 2)
    mass = np.diff(sample.below(edges))
    density = np.convolve(mass, kernel / kernel.sum())[len(reach) // 2 : len(reach) // 2 + len(mass)]
    middle = (edges[1:] + edges[:-1]) / 2
    top = _hill(density)
    half = density[top] / 2
    left = np.flatnonzero(density[:top] < half)
    right = np.flatnonzero(density[top:] < half)
    if top in {0, len(density) - 1} or not len(right):
        raise ConvergenceError("values have no peak: their density is highest at an end.")
    lower = middle[left[-1]] if len(left) else middle[0]
    return float(middle[top]), float(lower), float(middle[top + right[0]])


def _hill(density: np.ndarray) -> int:
    """Return the place of the peak of the hill that holds most values; a dent of a tenth of the lower peak parts no hills."""
    rises = np.diff(density) > 0
    peaks = list(np.flatnonzero(~np.append(rises, False) & np.insert(rises, 0, True) & (density > 0)))
    valleys = [first + int(density[first:last].argmin()) for first, last in itertools.pairwise(peaks)]
    while valleys:
        lower = np.minimum(density[peaks[:-1]], density[peaks[1:]])
        dents = density[valleys] / lower
        flattest = int(dents.argmax())
        if dents[flattest] < 0.9:
            break
        del valleys[flattest]
        del peaks[flattest + int(density[peaks[flattest]] > density[peaks[flattest + 1]])]
    hills = np.split(density, valleys)
    return int(peaks[int(np.argmax([hill.sum() for hill in hills]))])


def _bins(sample: _Sample, peak: float, lower: float, upper: float) -> _Bins:
    """Return overlapping bins of the region around the peak, their ends between reported values."""
    left = max(peak - 3.5 * (peak - lower), sample.values[0])
    right = min(max(peak + 3.5 * (upper - peak), peak * (upper / peak) ** 2.5), sample.values[-1])
    if sample.step is None:
        inner = np.linspace(left, right, CELLS + 1)
    else:
        steps = int(np.ceil((right - left) / CELLS / sample.step))
        start = sample.values[0] + sample.step * (np.round((left - sample.values[0]) / sample.step) - 0.5)
        cells = int(np.ceil((right - start) / (steps * sample.step)))
        inner = start + np.arange(cells + 1) * steps * sample.step
        inner = np.maximum(inner, 0.0)
    edges = np.concatenate([[0.0], inner, [np.inf]])
    below = sample.below(edges)
    cells = len(inner) - 1
    if cells < FEWEST_CELLS:
        raise CrampstatsError(
            f"values reported to {sample.step:g} have {cells} distinct ones around their peak; {FEWEST_CELLS} are needed."
        )
    wanted = np.clip(11 * ((below[-2] - below[1]) / 5000) ** 0.2, 9, 40)
    overlap = max(1, round(cells / wanted))
    first = np.concatenate([[0], np.arange(1, cells - overlap + 2), [cells + 1]])
    last = np.concatenate([[1], np.arange(1, cells - overlap + 2) + overlap, [cells + 2]])
    return _Bins(edges, first, last, below[last] - below[first], sample.n)


def _expected(bins: _Bins, shape: float, median: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Return the counts that curves of all values expect, shape (candidates, bins)."""
    relative = np.exp(spread)[:, None]
    with np.errstate(divide="ignore"):
        apart = np.log(bins.edges) - median[:, None]
    below = ndtr((np.expm1(shape * apart) / shape if shape else apart) / relative)
    if shape:
        cut = ndtr(-1 / (shape * relative))
        below = (below - cut) / (1 - cut)
    return bins.n * (below[:, bins.last] - below[:, bins.first])


def _penalty(ratio: np.ndarray) -> np.ndarray:
    """Return what a bin costs more where fewer are observed than expected."""
    return -2 * np.log(np.clip(ratio, 0.01, 1.0))


@dataclass(frozen=True, eq=False)
class _Curves:
    """Candidates of one shape, and what they expect of the bins if they hold all values, shape (candidates, bins)."""

    bins: _Bins
    expected: np.ndarray

    @cached_property
    def highest(self) -> np.ndarray:
        """The count at the peak, shape (candidates, 1)."""
        return self.expected[:, 1:-1].max(axis=1, keepdims=True)

    @cached_property
    def height(self) -> np.ndarray:
        """The counts in shares of that at the peak, shape (candidates, bins); 0 in the outer bins, which are no peak."""
        height = self.expected / self.highest
        height[:, [0, -1]] = 0.0
        return height

    @cached_property
    def left(self) -> np.ndarray:
        """Whether a bin lies left of the peak, shape (candidates, bins)."""
        return np.arange(self.expected.shape[1]) < self.height.argmax(axis=1)[:, None]

    @cached_property
    def judged(self) -> np.ndarray:
        """Whether a bin expects enough to be judged, shape (candidates, bins)."""
        return self.expected >= FEWEST_EXPECTED

    @cached_property
    def summed(self) -> np.ndarray:
        """What is summed over chosen bins, shape (candidates, bins, 4): one, the reward, the summit, the upper counts."""
        reward = np.log(np.maximum(self.expected, FEWEST_EXPECTED) / (2 * np.pi)) / 2
        upper = self.bins.counts * (self.height >= 0.8)
        return np.stack([np.ones_like(reward), reward, self.height >= 0.95, upper], axis=2)

    @cached_property
    def tails(self) -> np.ndarray:
        """What is observed and expected in the left and the right tail, each shape (candidates, 1)."""
        low = self.height <= 0.2
        sides = (low & self.left, low & ~self.left)
        return np.array(
            [[(part * side).sum(axis=1, keepdims=True) for part in (self.bins.counts, self.expected)] for side in sides]
        )

    def shares(self) -> np.ndarray:
        """Return shares to try, shape (candidates, 9), about the least of what the summit and the flanks show."""
        regions = [self.height >= 0.95]
        for low, high in FLANKS:
            flank = (self.height >= low) & (self.height < high)
            regions += [flank & self.left, flank & ~self.left]
        region = np.array(regions)
        expected = np.maximum((self.expected * region).sum(axis=2), TINY)
        ratio = np.where(region.any(axis=2), (self.bins.counts * region).sum(axis=2) / expected, 1.0)
        error = BAND * np.sqrt(ratio * self.bins.overlap / np.maximum(expected, 1.0))
        least = np.clip((ratio - error).min(axis=0), LEAST_SHARE, 1.0)
        most = np.clip((ratio + error).min(axis=0), least, 1.0)
        return least[:, None] + (most - least)[:, None] * np.linspace(0, 1, 9)

    def excess(self, shares: np.ndarray) -> np.ndarray:
        """Return how many standard deviations more are observed than expected, shape (candidates, shares, bins)."""
        root = np.sqrt(shares)[:, :, None] * np.sqrt(np.maximum(self.expected, TINY))[:, None, :]
        return self.bins.counts / root - root

    def shrunk(self, shares: np.ndarray, misfit: float) -> np.ndarray:
        """Return by what to multiply all counts, so that a misfit of the model adds to the error of the peak."""
        return 1 / (1 + misfit * np.sqrt(shares * self.highest)) ** 2

    def few_below(self, excess: np.ndarray, shrunk: np.ndarray) -> np.ndarray:
        """Say which candidates have but few bins below the band, shape (candidates, shares)."""
        below = (excess < -BAND / np.sqrt(shrunk)[:, :, None]).sum(axis=2)
        return below <= np.ceil(excess.shape[2] * MOST_BELOW)

    def costs(self, shares: np.ndarray, misfit: float, excess: np.ndarray) -> np.ndarray:
        """Return the cost of each candidate with each of its shares, infinite where that is not feasible."""
        shrunk = self.shrunk(shares, misfit)
        reach = (BAND / np.sqrt(shrunk))[:, :, None]
        chosen = self.judged[:, None, :] & (excess >= -reach) & (excess <= shares[:, :, None] * reach)
        size, reward, summit, inside = np.moveaxis(chosen.astype(float) @ self.summed, 2, 0)
        _, _, all_summit, upper = self.summed.sum(axis=1)[:, :, None].transpose(1, 0, 2)
        bins = excess.shape[2]
        feasible = self.few_below(excess, shrunk) & (size > bins / 32) & (summit >= 0.2 * all_summit)
        feasible &= self.judged.sum(axis=1, keepdims=True) > bins / 16
        size = np.maximum(size, 1.0)
        misfitting = shrunk * (np.where(chosen, excess, 0.0) ** 2).sum(axis=2) / 2
        fit = (reward - misfitting) / size + np.log(shares * shrunk) / 2
        penalty = _penalty(inside / np.maximum(upper - inside, inside / 2 + TINY))
        for observed, expected in self.tails:
            error = np.sqrt(shares * expected * self.bins.overlap)
            penalty += _penalty((observed + error + TINY) / np.maximum(shares * expected, TINY))
        return np.where(feasible, (penalty - fit) * np.sqrt(size), np.inf)


@dataclass(frozen=True, order=True)
class _Candidate:
    """A curve that was tried; median and spread, in medians, as logarithms. The least one costs least."""

    cost: float
    shape: float
    median: float
    spread: float
    share: float


def _prepared(sample: _Sample) -> tuple[_Bins, float, float]:
    """Return the bins, and the logarithms of the peak and of its spread in peaks."""
    peak, lower, upper = _main_peak(sample)
    # A normal curve is half as high 1.177 standard deviations from its peak; the sick make the wider side wider.
    spread = min(peak - lower, upper - peak) / np.sqrt(2 * np.log(2)) / peak
    return _bins(sample, peak, lower, upper), float(np.log(peak)), float(np.log(spread))


def _search(bins: _Bins, peak: float, spread: float) -> _Candidate:
    """Return the candidate that costs least: by shape, from shape to neighbouring shape, then between shapes."""
    found = []
    for shape in SHAPES.tolist():
        # The median lies beside the peak when the curve is skewed.
        median = peak + (1 - shape) * np.exp(2 * spread) / 2 + np.linspace(-1.2, 1.2, 7) * np.exp(spread)
        medians, spreads = np.meshgrid(median, spread + np.linspace(-0.9, 0.7, 9))
        found.append(_moved(bins, _best(bins, shape, medians.ravel(), spreads.ravel())))
    places = range(len(SHAPES))
    for order in (places, places[::-1]):
        for before, after in itertools.pairwise(order):
            found[after] = min(found[after], _moved(bins, _reshaped(bins, found[before], SHAPES[after])))
    best = min(found)
    width = SHAPES[-1] / len(SHAPES)
    while width > STEP_OF_SHAPE and np.isfinite(best.cost):
        shapes = {float(np.clip(best.shape + change, SHAPES[0], SHAPES[-1])) for change in (-width, width)}
        other = min(_moved(bins, _reshaped(bins, best, shape)) for shape in sorted(shapes))
        if other.cost < best.cost:
            best = other
        else:
            width /= 2
    return best


def _reshaped(bins: _Bins, candidate: _Candidate, shape: float) -> _Candidate:
    """Return a candidate of the same median and spread, and another shape."""
    return _best(bins, float(shape), np.array([candidate.median]), np.array([candidate.spread]))


def _moved(bins: _Bins, candidate: _Candidate) -> _Candidate:
    """Return the candidate after steps of median and spread that got smaller where no neighbour costs less."""
    step = 1.0
    while step > LAST_STEP:
        medians = candidate.median + AROUND[:, 0] * step * STEP_OF_MEDIAN * np.exp(candidate.spread)
        spreads = candidate.spread + AROUND[:, 1] * step * STEP_OF_SPREAD
        other = _best(bins, candidate.shape, medians, spreads)
        if other.cost < candidate.cost:
            candidate = other
        else:
            step /= 2
    return candidate


def _best(bins: _Bins, shape: float, median: np.ndarray, spread: np.ndarray) -> _Candidate:
    """Return the one of some candidates of a shape that costs least; infinitely much, if none is feasible."""
    best = _Candidate(np.inf, shape, float(median[0]), float(spread[0]), 1.0)
    expected = _expected(bins, shape, median, spread)
    # A wider curve would have its lower half per cent at 0.
    possible = (shape * np.exp(spread) * BAND < 1) & (expected[:, 1:-1].max(axis=1) >= FEWEST_EXPECTED)
    if not possible.any():
        return best
    median, spread = median[possible], spread[possible]
    curves = _Curves(bins, expected[possible])
    shares = curves.shares()
    # Nothing is below the band more rarely than with the least share and the largest misfit.
    least = shares[:, :1]
    hopeful = curves.few_below(curves.excess(least), curves.shrunk(least, MISFITS[-1]))[:, 0]
    if not hopeful.any():
        return best
    median, spread, shares = median[hopeful], spread[hopeful], shares[hopeful]
    curves = _Curves(bins, curves.expected[hopeful])
    excess = curves.excess(shares)
    costs = np.array([curves.costs(shares, misfit, excess) for misfit in MISFITS])
    _, place, which = np.unravel_index(costs.argmin(), costs.shape)
    cost = float(costs.min())
    return _Candidate(cost, shape, float(median[place]), float(spread[place]), float(shares[place, which]))
