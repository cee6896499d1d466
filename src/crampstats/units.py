"""Units of concentration: mmol/L, mg/dL, mEq/L and µmol/L of the substances of this field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from crampstats.errors import CrampstatsError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Substance:
    """A substance measured in serum.

    Attributes
    ----------
    molar_mass
        Grams per mole.
    valence
        Charges per ion; 0 where mEq/L has no meaning.
    """

    molar_mass: float
    valence: int


SUBSTANCES = {
    "magnesium": Substance(24.305, 2),
    "calcium": Substance(40.078, 2),
    "potassium": Substance(39.0983, 1),
    "sodium": Substance(22.98976928, 1),
    "glucose": Substance(180.156, 0),
    "creatinine": Substance(113.12, 0),
}
UNITS = ("mmol/L", "µmol/L", "mg/dL", "mEq/L")
# Keyboards write the prefix as the micro sign or as the Greek letter; the two look alike.
MICRO, GREEK_MU = "\u00b5", "\u03bc"


def _per_mmol(unit: str, substance: Substance) -> float:
    """Return how many of `unit` make one mmol/L."""
    factors = {
        "mmol/L": 1.0,
        "µmol/L": 1000.0,
        "mg/dL": substance.molar_mass / 10.0,
        "mEq/L": float(substance.valence),
    }
    return factors[unit]


@overload
def convert(values: float, unit: str, to: str, *, substance: str = ...) -> float: ...
@overload
def convert(values: np.ndarray, unit: str, to: str, *, substance: str = ...) -> np.ndarray: ...
@overload
def convert(values: pd.Series, unit: str, to: str, *, substance: str = ...) -> pd.Series: ...
def convert(values: Any, unit: str, to: str, *, substance: str = "magnesium") -> Any:
    """Convert concentrations from one unit to another.

    Parameters
    ----------
    values
        One number, or an array or Series of any shape, in `unit`.
    unit, to
        ``"mmol/L"``, ``"µmol/L"``, ``"mg/dL"`` or ``"mEq/L"``.
    substance
        ``"magnesium"``, ``"calcium"``, ``"potassium"``, ``"sodium"``, ``"glucose"`` or ``"creatinine"``.

    Returns
    -------
    float, array or Series
        Like `values`, in the unit `to`.

    Raises
    ------
    CrampstatsError
        If the substance or a unit is unknown, or mEq/L is asked of an uncharged substance.

    Notes
    -----
    Atomic weights: Prohaska T et al., Pure Appl Chem 2022;94:573-600, doi:10.1515/pac-2019-0603.

    Examples
    --------
    >>> round(convert(1.7, "mg/dL", "mmol/L"), 4)
    0.6994
    >>> convert(1.5, "mEq/L", "mmol/L")
    0.75
    """
    if substance not in SUBSTANCES:
        raise CrampstatsError(f"substance={substance!r} is unknown: choose from {', '.join(SUBSTANCES)}.")
    unit, to = unit.replace(GREEK_MU, MICRO), to.replace(GREEK_MU, MICRO)
    for name, choice in (("unit", unit), ("to", to)):
        if choice not in UNITS:
            raise CrampstatsError(f"{name}={choice!r} is unknown: choose from {', '.join(UNITS)}.")
        if choice == "mEq/L" and SUBSTANCES[substance].valence == 0:
            raise CrampstatsError(f"{name}='mEq/L' has no meaning for {substance}, which carries no charge.")
    return values * (_per_mmol(to, SUBSTANCES[substance]) / _per_mmol(unit, SUBSTANCES[substance]))
