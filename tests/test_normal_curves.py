"""A normal curve through two published shares, against the figures computed by hand for Germany."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import norm

from crampstats.errors import CrampstatsError
from crampstats.measurement.normal_curves import NormalCurve, normal_through
from crampstats.reference import magnesium_prevalences, magnesium_variation

GERMANY = {0.70: 0.02, 0.76: 0.145}


def test_germany() -> None:
    curve = normal_through(GERMANY)
    assert (round(curve.mean, 4), round(curve.sd, 4)) == (0.8238, 0.0603)
    assert [round(100 * float(curve.usual(cv).share(0.75)), 1) for cv in (0.0, 0.02, 0.036)] == [11.0, 10.2, 8.0]


def test_the_shares_are_those_of_the_packaged_table() -> None:
    table = magnesium_prevalences()
    schimatschek = table[table["source"] == "schimatschek2001"].set_index("cutoff_mmol_l")["value"]
    assert {cutoff: schimatschek[cutoff] for cutoff in GERMANY} == GERMANY


@given(mean=st.floats(0.5, 2.0), sd=st.floats(0.01, 0.3), first=st.floats(-3, 3), gap=st.floats(0.01, 3))
@example(mean=1.0, sd=0.25, first=3.0, gap=3.0)
def test_a_curve_goes_through_its_own_shares(mean: float, sd: float, first: float, gap: float) -> None:
    low, high = mean + sd * first, mean + sd * (first + gap)
    found = normal_through({high: norm.cdf(first + gap), low: norm.cdf(first)})
    # A share near 1 is known to a rounding, its quantile to that by the density; the line through two of them divides by their gap.
    lost = sd * (1 + abs(first)) * np.finfo(float).eps / norm.pdf(first + gap) / gap
    assert (found.mean, found.sd) == pytest.approx((mean, sd), abs=1e-9 + lost)
    assert NormalCurve(mean, sd).share([low, high]) == pytest.approx(norm.cdf([first, first + gap]), abs=1e-12)


def test_usual_levels_and_draws_about_them_make_the_curve() -> None:
    curve = NormalCurve(0.8, 0.05)
    usual = curve.usual(0.03)
    assert usual.mean == 0.8
    assert usual.sd**2 + (0.03 * 0.8) ** 2 == pytest.approx(0.05**2, rel=1e-14)


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ([(0.7, 0.02), (0.76, 0.1)], "has to hold two cut-offs and their shares as numbers"),
        ({0.7: 0.02}, "has to hold two cut-offs and their shares"),
        ({0.7: 0.02, 0.76: 0.1, 0.8: 0.3}, "has to hold two cut-offs and their shares"),
        ({0.7: 0.02, "0.76": 0.1}, "has to hold two cut-offs and their shares as numbers"),
        ({0.7: 0.02, 0.76: np.nan}, "has to hold two cut-offs and their shares as numbers"),
        ({0.7: 0.0, 0.76: 0.1}, "shares lie between 0 and 1"),
        ({0.7: 2.0, 0.76: 14.5}, "shares lie between 0 and 1"),
        ({0.76: 0.02, 0.7: 0.1}, "the higher cut-off 0.76 has the larger one"),
    ],
)
def test_shares_that_make_no_curve(shares: dict[Any, float], message: str) -> None:
    with pytest.raises(CrampstatsError, match=re.escape(message)):
        normal_through(shares)


def test_what_is_no_curve_and_no_level() -> None:
    with pytest.raises(CrampstatsError, match=r"mean=0\.8 and sd=0\.0 have to be numbers, the spread above 0"):
        NormalCurve(0.8, 0.0)
    with pytest.raises(CrampstatsError, match="at_most='low' has to be one or several numbers"):
        NormalCurve(0.8, 0.05).share("low")
    with pytest.raises(CrampstatsError, match="at_most=nan has to be"):
        NormalCurve(0.8, 0.05).share(np.nan)


@pytest.mark.parametrize(
    ("mean", "cv", "message"),
    [
        (0.8, 3.6, "cv=3.6 has to be a share from 0 to 1: 0.02 is 2 %"),
        (0.8, None, "cv=None has to be a share"),
        (-0.8, 0.02, "mean=-0.8: a coefficient of variation needs a mean above 0"),
        (0.8, 0.1, "cv=0.1 leaves no spread between people: single draws vary by 0.0625 of the mean"),
    ],
)
def test_curves_without_usual_levels(mean: float, cv: Any, message: str) -> None:
    with pytest.raises(CrampstatsError, match=re.escape(message)):
        NormalCurve(mean, 0.05).usual(cv)


def test_the_variation_of_magnesium_cell_by_cell() -> None:
    table = magnesium_variation()
    assert table[["what", "value", "source", "status"]].to_numpy().tolist() == [
        ["within-person", 0.02, "cotlove1970", "published"],
        ["within-person", 0.029, "", "assumed"],
        ["within-person", 0.036, "", "assumed"],
        ["analytic", 0.018, "", "assumed"],
        ["total", 0.0269072, "cotlove1970", "assumed"],
        ["total", 0.0341321, "", "assumed"],
        ["total", 0.0402492, "", "assumed"],
    ]
    parts = table[table["what"] == "within-person"]["value"]
    # Seven decimals as printed.
    assert np.hypot(parts, 0.018).tolist() == pytest.approx(table[table["what"] == "total"]["value"].tolist(), abs=5e-8)
    assert table["high"].dropna().tolist() == [0.02]
    assert (table["where"] != "").all()
