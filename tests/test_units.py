"""Units: published relations, round trips, errors that name the choices."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crampstats.errors import CrampstatsError
from crampstats.units import SUBSTANCES, UNITS, convert

ADMITTED = [
    (substance, unit) for substance in SUBSTANCES for unit in UNITS if unit != "mEq/L" or SUBSTANCES[substance].valence
]


@pytest.mark.parametrize(
    ("substance", "unit", "amount", "tolerance"),
    [
        # What one mmol/L is, as laboratories print it; the tolerance is half of the last printed digit.
        ("magnesium", "mg/dL", 2.4305, 5e-5),
        ("magnesium", "mEq/L", 2.0, 0.0),
        ("calcium", "mg/dL", 4.008, 5e-4),
        ("calcium", "mEq/L", 2.0, 0.0),
        ("potassium", "mg/dL", 3.91, 5e-3),
        ("potassium", "mEq/L", 1.0, 0.0),
        ("sodium", "mg/dL", 2.299, 5e-4),
        ("sodium", "mEq/L", 1.0, 0.0),
        ("glucose", "mg/dL", 18.016, 5e-4),
        ("creatinine", "mg/dL", 11.312, 5e-4),
        ("creatinine", "µmol/L", 1000.0, 0.0),
    ],
)
def test_published_relations(substance: str, unit: str, amount: float, tolerance: float) -> None:
    assert convert(1.0, "mmol/L", unit, substance=substance) == pytest.approx(amount, abs=tolerance, rel=1e-15)


def test_creatinine_of_one_mg_dl_is_88_micromol() -> None:
    assert convert(1.0, "mg/dL", "µmol/L", substance="creatinine") == pytest.approx(88.4, abs=0.05)


def test_cut_offs_of_magnesium() -> None:
    assert convert(1.7, "mg/dL", "mmol/L") == pytest.approx(0.6994, abs=5e-5)
    assert convert(0.75, "mmol/L", "mg/dL") == pytest.approx(1.8229, abs=5e-5)
    assert convert(1.5, "mEq/L", "mmol/L") == 0.75


@pytest.mark.parametrize(("substance", "unit"), ADMITTED)
@pytest.mark.parametrize("to", UNITS[:3])
@settings(max_examples=30)
@given(value=st.floats(1e-6, 1e6))
def test_round_trips(substance: str, unit: str, to: str, value: float) -> None:
    there = convert(value, unit, to, substance=substance)
    assert convert(there, to, unit, substance=substance) == pytest.approx(value, rel=1e-14)
    assert convert(value, unit, unit, substance=substance) == value


def test_a_detour_changes_nothing() -> None:
    straight = convert(2.1, "mg/dL", "mEq/L", substance="calcium")
    detour = convert(convert(2.1, "mg/dL", "µmol/L", substance="calcium"), "µmol/L", "mEq/L", substance="calcium")
    assert detour == pytest.approx(straight, rel=1e-14)


def test_arrays_and_series_keep_their_shape_and_their_missing_values() -> None:
    array = convert(np.array([[0.8, np.nan], [1.0, 0.7]]), "mmol/L", "mEq/L")
    np.testing.assert_array_equal(array, [[1.6, np.nan], [2.0, 1.4]])
    series = pd.Series([0.8, None], index=[7, 9], name="magnesium")
    pd.testing.assert_series_equal(convert(series, "mmol/L", "mEq/L"), series * 2)
    whole = pd.Series([1, None], dtype="Int64")
    pd.testing.assert_series_equal(convert(whole, "mmol/L", "mEq/L"), pd.Series([2.0, None], dtype="Float64"))


def test_the_prefix_micro_may_be_written_either_way() -> None:
    micro, greek = "\u00b5mol/L", "\u03bcmol/L"
    assert convert(800.0, greek, "mmol/L") == convert(800.0, micro, "mmol/L") == pytest.approx(0.8)


@pytest.mark.parametrize(("name", "units"), [("unit", ("mg/L", "mmol/L")), ("to", ("mmol/L", "mg/L"))])
def test_an_unknown_unit_names_the_choices(name: str, units: tuple[str, str]) -> None:
    with pytest.raises(CrampstatsError, match=f"^{name}='mg/L' is unknown: choose from mmol/L, µmol/L, mg/dL, mEq/L"):
        convert(1.0, *units)


def test_an_unknown_substance_names_the_choices() -> None:
    with pytest.raises(
        CrampstatsError, match=r"substance='iron' is unknown: choose from magnesium, calcium, .*creatinine"
    ):
        convert(1.0, "mmol/L", "mg/dL", substance="iron")


@pytest.mark.parametrize("substance", ["glucose", "creatinine"])
@pytest.mark.parametrize(("name", "units"), [("unit", ("mEq/L", "mmol/L")), ("to", ("mmol/L", "mEq/L"))])
def test_no_equivalents_without_a_charge(substance: str, name: str, units: tuple[str, str]) -> None:
    with pytest.raises(CrampstatsError, match=f"^{name}='mEq/L' has no meaning for {substance}"):
        convert(1.0, *units, substance=substance)


def test_atomic_weights_are_those_of_iupac() -> None:
    # Prohaska 2022, table 1: abridged or full standard atomic weights; valences of the ions in serum.
    expected = {
        "magnesium": (24.305, 2),
        "calcium": (40.078, 2),
        "potassium": (39.0983, 1),
        "sodium": (22.98976928, 1),
    }
    assert {name: (SUBSTANCES[name].molar_mass, SUBSTANCES[name].valence) for name in expected} == expected
    carbon, hydrogen, nitrogen, oxygen = 12.011, 1.008, 14.007, 15.999
    glucose = 6 * carbon + 12 * hydrogen + 6 * oxygen
    creatinine = 4 * carbon + 7 * hydrogen + 3 * nitrogen + oxygen
    assert SUBSTANCES["glucose"].molar_mass == pytest.approx(glucose, abs=5e-3)
    assert SUBSTANCES["creatinine"].molar_mass == pytest.approx(creatinine, abs=5e-3)
