"""Sizes and power against R's power.prop.test, power.t.test, pwr and epiR, where the reference results are at hand."""

import pandas as pd
import pytest
from places import folder_of

from crampstats.planning import (
    MeanComparison,
    ProportionComparison,
    power_of,
    size_for,
    size_for_prevalence,
)

FOLDER = folder_of("CRAMPSTATS_GOLDEN", "shared/golden")
if FOLDER is None:
    pytest.skip("no reference results", allow_module_level=True)
GOLDEN = pd.read_csv(FOLDER / "golden_power.csv")


def shares(args: str) -> dict[str, float]:
    control, treated = map(float, args.split())
    return {"control": control, "treated": treated}


def paired(args: str) -> MeanComparison:
    # R's sd is that of the differences, which is the one of a measurement where these correlate by a half.
    return MeanComparison(difference=float(args), sd=1.0, design="paired", correlation=0.5)


FOUND = {
    "power.prop.test n/group 80%": lambda args: size_for(ProportionComparison(**shares(args))).exact[0],
    "power.prop.test power n=200 strict": lambda args: power_of(
        ProportionComparison(**shares(args), sides="two_sided_strict"), 400
    ),
    # Both sides are counted, as pwr does.
    "pwr.2p.test n": lambda args: size_for(
        ProportionComparison(**shares(args), method="arcsine", sides="two_sided_strict")
    ).exact[0],
    "power.t.test n/group 80%": lambda args: size_for(MeanComparison(difference=float(args), sd=1.0)).exact[0],
    "power.t.test paired n 80%": lambda args: size_for(paired(args)).exact[0],
    "epi.sssimpleestb rel .2 se=sp=1": lambda args: size_for_prevalence(float(args), relative_error=0.2).exact[0],
    "epi.sssimpleestb abs .05 se=.9 sp=.95": lambda args: size_for_prevalence(
        float(args), half_width=0.05, sensitivity=0.9, specificity=0.95
    ).exact[0],
}


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{row[0]}-{row[1]}") for row in GOLDEN.to_numpy().tolist()])
def test_equals_r(row: list) -> None:
    what, args, value = row
    assert FOUND[what](args) == pytest.approx(value, rel=1e-9)
