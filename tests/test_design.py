"""Contributions become covariance: small cases by hand."""

import numpy as np
import pytest

from crampstats.design import Design
from crampstats.errors import DesignError


def design(stratum: list[int], **names: object) -> Design:
    codes = np.array(stratum)
    labels = tuple("abcdef"[: codes.max() + 1])
    return Design(codes, labels, np.ones(len(codes)), **names)


def test_one_stratum_is_the_variance_of_a_total() -> None:
    # Three clusters with totals 1, 2, 6: n/(n-1) times the sum of squares about their mean of 3.
    assert design([0, 0, 0]).covariance(np.array([[1.0], [2.0], [6.0]])) == pytest.approx(3 / 2 * (4 + 1 + 9))


def test_strata_add_up_and_their_means_do_not_count() -> None:
    contributions = np.array([[1.0], [3.0], [100.0], [104.0]])
    assert design([0, 0, 1, 1]).covariance(contributions) == pytest.approx(2 * (1 + 1) + 2 * (4 + 4))


def test_covariance_of_two_estimates() -> None:
    contributions = np.array([[1.0, 2.0], [-1.0, 0.0]])
    assert design([0, 0]).covariance(contributions) == pytest.approx(np.array([[4.0, 4.0], [4.0, 4.0]]))


def test_variance_is_the_diagonal_of_covariance() -> None:
    contributions = np.random.default_rng(1).normal(size=(6, 3))
    one = design([0, 0, 0, 1, 1, 2], lonely="average")
    assert one.variance(contributions) == pytest.approx(np.diag(one.covariance(contributions)))


def test_finite_population_correction() -> None:
    contributions = np.array([[1.0], [-1.0], [2.0], [-2.0]])
    corrected = design([0, 0, 1, 1], population_size=np.array([4.0, 8.0]))
    assert corrected.covariance(contributions) == pytest.approx((1 - 2 / 4) * 4 + (1 - 2 / 8) * 16)


def test_a_census_has_no_sampling_error() -> None:
    whole = design([0, 0, 1], population_size=np.array([2.0, 1.0]))
    assert whole.covariance(np.array([[1.0], [5.0], [7.0]])) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("rule", "variance"),
    [
        ("certainty", 2 * (1 + 1)),
        ("average", 2 * (1 + 1) * 2),  # the other stratum stands for both
        ("adjust", 2 * (1 + 1) + (7 - 11 / 3) ** 2),  # its distance from the mean of all three
    ],
)
def test_a_stratum_of_one_cluster(rule: str, variance: float) -> None:
    assert design([0, 0, 1], lonely=rule).covariance(np.array([[1.0], [3.0], [7.0]])) == pytest.approx(variance)


def test_a_stratum_of_one_cluster_is_refused() -> None:
    with pytest.raises(DesignError, match=r"only one cluster in stratum 'b'.*'adjust', 'certainty' or 'average'"):
        design([0, 0, 1])


def test_many_lonely_strata_are_named_up_to_five() -> None:
    with pytest.raises(DesignError, match="'b', 'c', 'd', 'e', 'f'"):
        design([0, 0, 1, 2, 3, 4, 5])


def test_average_of_nothing_is_refused() -> None:
    with pytest.raises(DesignError, match="no stratum with two clusters"):
        design([0, 1], lonely="average")


def test_unknown_rule_names_the_choices() -> None:
    with pytest.raises(DesignError, match="lonely='remove' is unknown: choose from fail, adjust, certainty, average"):
        design([0, 0], lonely="remove")


def test_more_sampled_than_there_are() -> None:
    with pytest.raises(DesignError, match="more units were sampled than the population has, in stratum 'b'"):
        design([0, 0, 1, 1], population_size=np.array([4.0, 1.0]))


def test_a_row_of_many_people_counts_as_many_units() -> None:
    # Five people one by one, and the same five as rows of two and three equal people.
    single = design([0] * 5).covariance(np.array([[1.0], [1.0], [4.0], [4.0], [4.0]]))
    rows = Design(np.array([0, 0]), ("a",), np.array([2.0, 3.0])).covariance(np.array([[2.0], [12.0]]))
    assert rows == pytest.approx(single)


def test_degrees_of_freedom_of_domains() -> None:
    touched = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1], [1, 0, 0]], dtype=bool)
    assert design([0, 0, 1, 1]).degrees_of_freedom(touched).tolist() == [2.0, 1.0, 0.0]


def test_average_stands_for_the_strata_of_the_domain() -> None:
    # The lonely stratum has nobody in the first domain and people in the second: only there does it count.
    one = design([0, 0, 1, 1, 2], lonely="average")
    contributions = np.array([[1.0, 1.0], [-1.0, -1.0], [2.0, 2.0], [-2.0, -2.0], [0.0, 3.0]])
    touched = np.array([[1, 1], [1, 1], [1, 1], [1, 1], [0, 1]], dtype=bool)
    assert one.variance(contributions, touched).tolist() == pytest.approx([20.0, 20.0 * 3 / 2])
    with pytest.raises(DesignError, match="people of the domain to take the average of"):
        one.variance(contributions[:, :1], np.array([[0], [0], [0], [0], [1]], dtype=bool))
