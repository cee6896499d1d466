"""Functions of arrays: totals of cells against pandas, slopes against calculus."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import poisson

from crampstats import numerics
from crampstats.numerics import BLOCK, GuideTable, cell_totals, jacobian, poisson_counts, symmetric_root


def by_pandas(codes: list[np.ndarray], sizes: list[int], values: np.ndarray) -> np.ndarray:
    """Add up by groupby, empty cells as 0."""
    cells = pd.MultiIndex.from_product([range(size) for size in sizes])
    sums = pd.Series(values.astype(float)).groupby([code.astype(int) for code in codes]).sum()
    return sums.reindex(cells if len(sizes) > 1 else range(sizes[0]), fill_value=0.0).to_numpy().reshape(sizes)


def test_a_small_table_by_hand() -> None:
    sex, group = np.array([0, 1, 1, 0]), np.array([2, 0, 0, 2], dtype=np.int8)
    weight, cases = np.array([1.5, 2.0, 4.0, 0.5]), np.array([True, False, True, True])
    people, weights, weighted = cell_totals([sex, group], [2, 3], [None, weight, (weight, cases)])
    assert people.tolist() == [[0, 0, 2], [2, 0, 0]]
    assert weights.tolist() == [[0, 0, 2.0], [6.0, 0, 0]]
    assert weighted.tolist() == [[0, 0, 2.0], [4.0, 0, 0]]


def test_a_missing_value_spoils_its_own_cell_alone() -> None:
    (totals,) = cell_totals([np.array([0, 1, 1])], [3], [np.array([2.0, np.nan, 1.0])])
    assert_allclose(totals, [2.0, np.nan, 0.0])


def test_no_rows_add_up_to_nothing() -> None:
    (people,) = cell_totals([np.empty(0, dtype=int)], [2], [None])
    assert people.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("dtype", ["int8", "uint8", "bool", "float32"])
def test_products_of_small_types_do_not_overflow(dtype: str) -> None:
    column = np.full(4, 100).astype(dtype)
    (totals,) = cell_totals([np.array([0, 0, 1, 1])], [2], [(column, column)])
    assert totals.tolist() == [2 * float(column[0]) ** 2] * 2


@st.composite
def crossings(draw: st.DrawFn) -> tuple[list[np.ndarray], list[int], np.ndarray, np.ndarray]:
    """Return codes of 1 to 3 classifications, their sizes, and two columns."""
    rows = draw(st.integers(1, 60))
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    dtypes = [draw(st.sampled_from(["int8", "int16", "int64", "uint8"])) for _ in sizes]
    codes = [rng.integers(0, size, rows).astype(dtype) for size, dtype in zip(sizes, dtypes, strict=True)]
    return codes, sizes, rng.normal(size=rows), rng.integers(-3, 4, rows).astype(np.int8)


@given(crossings(), st.integers(1, 70))
def test_totals_against_pandas_in_blocks_of_any_length(
    table: tuple[list[np.ndarray], list[int], np.ndarray, np.ndarray], block: int
) -> None:
    codes, sizes, one, other = table
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(numerics, "BLOCK", block)
        totals = cell_totals(codes, sizes, [None, one, other, (one, other)])
    expected = [by_pandas(codes, sizes, values) for values in (np.ones(len(one)), one, other, one * other)]
    for found, right in zip(totals, expected, strict=True):
        assert_allclose(found, right, rtol=1e-12, atol=1e-12)


def test_more_rows_than_a_block() -> None:
    rows, rng = 2 * BLOCK + 17, np.random.default_rng(5)
    codes = [rng.integers(0, 4, rows).astype(np.int8), rng.random(rows) < 0.3]
    weight, value = rng.random(rows), rng.normal(size=rows)
    people, products = cell_totals(codes, [4, 2], [None, (weight, value)])
    assert people.sum() == rows
    assert_allclose(people, by_pandas(codes, [4, 2], np.ones(rows)), rtol=0)
    assert_allclose(products, by_pandas(codes, [4, 2], weight * value), rtol=1e-9)


# name: (function, its slope, points)
SMOOTH: dict[str, tuple[Callable, Callable, list[float]]] = {
    "exp": (np.exp, np.exp, [-3.0, -1e-9, -1e-14, 0.0, 1e-14, 1e-7, 0.5, 3.0]),
    "log": (np.log, lambda x: 1 / x, [1e-14, 1e-7, 1e-4, 9e-4, 0.3, 70.0, 1e9]),
    "logit": (lambda x: np.log(x / (1 - x)), lambda x: 1 / (x * (1 - x)), [1e-9, 1e-6, 2e-3, 0.5, 0.9]),
    "square": (np.square, lambda x: 2 * x, [-1e3, -1e-8, 1e-8, 2.0, 1e5]),
    "sine": (np.sin, np.cos, [-3.0, -1e-7, 0.0, 1e-12, 1.0]),
    "root": (np.sqrt, lambda x: 0.5 / np.sqrt(x), [1e-10, 1e-3, 4.0, 1e8]),
    "inverse": (lambda x: 1 / x, lambda x: -1 / x**2, [-1e-10, -2.0, 1e-14, 1e-3, 5.0]),
    "line far from 0": (lambda x: 1e3 + x, np.ones_like, [-1e-3, 0.0, 1e-12, 0.4, 900.0]),
}


@pytest.mark.parametrize(
    ("name", "point"), [(name, point) for name, (_, _, points) in SMOOTH.items() for point in points]
)
def test_slopes_against_calculus(name: str, point: float) -> None:
    function, slope, _ = SMOOTH[name]
    found = jacobian(function, np.array([point]))
    # Values near 1000 are rounded to 1e-13, over a step of 1e-6.
    tolerance = 1e-6 if name == "line far from 0" else 2e-9
    assert found.shape == (1, 1)
    assert found[0, 0] == pytest.approx(slope(np.array(point)), rel=tolerance)


def test_a_slope_of_nothing() -> None:
    assert jacobian(np.square, np.array([0.0])) == pytest.approx(0.0, abs=1e-12)
    assert jacobian(lambda x: np.array([7.0]), np.array([2.0, 0.0, 1e-9])).tolist() == [[0.0, 0.0, 0.0]]


@given(st.floats(-0.99, 0.99), st.floats(-5, 5), st.floats(0.1, 5))
def test_several_arguments_and_values(a: float, b: float, c: float) -> None:
    def function(x: np.ndarray) -> np.ndarray:
        return np.array([x[0] * x[2], np.exp(x[0]) + x[1], x[1] * x[1]])

    found = jacobian(function, np.array([a, b, c]))
    assert found.shape == (3, 3)
    assert_allclose(found, [[c, 0, a], [np.exp(a), 1, 0], [0, 2 * b, 0]], rtol=1e-8, atol=1e-8)


def test_a_function_of_one_number_is_one_row() -> None:
    assert jacobian(lambda x: x[0] / x[1], np.array([1.0, 4.0])) == pytest.approx(
        np.array([[0.25, -0.0625]]), rel=1e-10
    )


def test_the_step_stays_within_the_domain_of_a_function_of_tiny_shares() -> None:
    # A fixed step of 1e-6 would ask for the logarithm of a negative number, and a warning is an error here.
    found = jacobian(np.log, np.array([3e-7, 2e-9]))
    assert_allclose(found, np.diag([1 / 3e-7, 1 / 2e-9]), rtol=1e-9)


def test_where_there_is_no_slope_it_is_not_a_number() -> None:
    assert np.isnan(jacobian(np.log, np.array([-1.0]))).all()


@pytest.mark.parametrize("share", [0.5, 0.99, 0.998, 0.9992, 0.9999])
def test_slopes_beside_a_pole(share: float) -> None:
    odds = jacobian(lambda p: p / (1 - p), np.array([share]))[0, 0]
    assert odds == pytest.approx(1 / (1 - share) ** 2, rel=1e-5)
    log_odds = jacobian(lambda p: np.log(p / (1 - p)), np.array([share]))[0, 0]
    assert log_odds == pytest.approx(1 / (share * (1 - share)), rel=1e-5)


def test_a_flat_function_has_a_slope_of_nothing() -> None:
    assert jacobian(lambda x: x * 0 + 0.25, np.array([0.1])) == pytest.approx(0.0, abs=1e-9)


@given(
    st.lists(st.floats(0.0, 1.0), min_size=1, max_size=300),
    st.lists(st.floats(0.0, 1.0, exclude_max=True), min_size=1, max_size=50),
)
def test_a_guide_table_finds_what_a_search_finds(sizes: list[float], numbers: list[float]) -> None:
    boundaries = np.cumsum(np.array(sizes) + 1e-9)
    boundaries /= boundaries[-1]
    boundaries[-1] = 1.0
    expected = np.searchsorted(boundaries, numbers, side="right")
    assert_array_equal(GuideTable(boundaries).find(np.array(numbers)), expected)


def test_a_guide_table_over_another_range() -> None:
    table = GuideTable(np.array([1.0, 1.001, 3.0]), end=3.0)
    assert_array_equal(table.find(np.array([0.0, 0.9999, 1.0, 1.0005, 1.001, 2.999])), [0, 0, 1, 1, 2, 2])


def test_poisson_counts_are_quantiles_of_the_distribution() -> None:
    rng = np.random.default_rng(20261125)
    mean = np.exp(rng.uniform(-6, 8, 100_000))
    uniform = rng.random(100_000)
    assert_array_equal(poisson_counts(uniform, mean), np.maximum(poisson.ppf(uniform, mean), 0))


@pytest.mark.parametrize("mean", [0.0, 1e-12, 0.5, 8.0, 8.0000001, 1e4])
def test_poisson_counts_at_the_ends(mean: float) -> None:
    uniform = np.array([0.0, 1e-300, 0.5, 1 - 2.0**-53])
    counts = poisson_counts(uniform, np.full(4, mean))
    assert counts[0] == 0 if mean < 700 else counts[0] >= 0
    assert (np.diff(counts) >= 0).all()
    assert counts[3] < mean + 20 * np.sqrt(mean) + 20


@given(st.floats(0.0, 1.0, exclude_max=True), st.floats(0.0, 50.0), st.floats(0.0, 5.0))
def test_a_larger_mean_never_makes_a_smaller_count(uniform: float, mean: float, more: float) -> None:
    counts = poisson_counts(np.full(2, uniform), np.array([mean, mean + more]))
    assert counts[1] >= counts[0]


@pytest.mark.parametrize("rank", [3, 2], ids=["of full rank", "one direction without variance"])
def test_a_symmetric_root_is_one(rank: int) -> None:
    factor = np.array([[2.0, 0.5, -1.0], [0.3, 1.0, 0.2], [0.1, 0.0, 3.0]])[:, :rank]
    covariance = factor @ factor.T
    root = symmetric_root(covariance)
    assert_allclose(root, root.T, atol=1e-14)
    assert_allclose(root @ root, covariance, atol=1e-12)
    assert (np.linalg.eigvalsh(root) > -1e-7).all()
