"""Regressions on an invented survey against R's `survey`: tests/golden/regression.R made the expected values."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import crampstats as cs

FOLDER = Path(__file__).parent / "golden"
DATA = pd.read_csv(FOLDER / "survey_input.csv")
EXPECTED = pd.read_csv(FOLDER / "regression_expected.csv")
CLUSTERED = {"weight": "weight", "stratum": "stratum", "cluster": "cluster", "cluster_labels": "nested"}
DESIGNS = {
    "clusters": CLUSTERED,
    "clusters_fpc": {**CLUSTERED, "population_size": "clusters_in_stratum"},
    "strata": {"weight": "weight", "stratum": "stratum"},
    "simple": {},
}


@cache
def survey(design: str) -> cs.Survey:
    data = DATA if design in {"strata", "simple"} else DATA[DATA["stratum"] != 7]
    known = cs.Survey(data, **DESIGNS[design]).observed("magnesium_mmol_l")
    return known.define(low="magnesium_mmol_l < 0.78")


@cache
def model(design: str, family: str, right: str, domain: str | None = None) -> cs.Model:
    asked = survey(design).where(domain) if domain else survey(design)
    return cs.fit(asked, f"low ~ {right}", family=family)


def rows(*whats: str) -> list:
    chosen = EXPECTED[EXPECTED["what"].isin(whats)]
    return [
        pytest.param(row, id="-".join(str(row[name]) for name in ("design", "family", "what", "term")))
        for row in chosen.to_dict("records")
    ]


@pytest.mark.parametrize("row", rows("coefficient", "women"))
def test_coefficients(row: dict) -> None:
    women = "sex == 'female'" if row["what"] == "women" else None
    frame = model(row["design"], row["family"], row["formula"], women).coefficients
    term = {"(Intercept)": "Intercept"}.get(row["term"], row["term"])
    term = term.replace("sexmale", "sex[T.male]").replace("age_group40-59", "age_group[T.40-59]")
    term = term.replace("age_group60+", "age_group[T.60+]")
    one = frame.where(f"term == '{term}'")
    limits = one.interval()
    assert [one.value[0], one.std_error[0]] == pytest.approx([row["value"], row["std_error"]], rel=row["tolerance"])
    # A limit may lie near 0 by chance: it is as exact as its parts.
    exact = row["tolerance"] * (abs(row["value"]) + 3 * row["std_error"])
    assert [limits.low[0], limits.high[0]] == pytest.approx([row["conf_low"], row["conf_high"]], rel=0, abs=exact)
    assert one.df[0] == row["df"]


@pytest.mark.parametrize("row", rows("wald", "rao_scott"))
def test_terms(row: dict) -> None:
    test = cs.term_test(model(row["design"], row["family"], row["formula"]), row["term"], method=row["what"])
    assert test.statistic == pytest.approx(row["value"], rel=1e-8)
    assert test.p_value == pytest.approx(row["std_error"], rel=row["tolerance"])  # the column holds p here
    assert (test.df, test.df_denominator) == (2, row["df"])


@pytest.mark.parametrize("row", rows("predict"))
def test_predictions(row: dict) -> None:
    kind = pd.DataFrame({"sex": ["male"], "age_group": ["60+"]})
    mean = model(row["design"], row["family"], row["formula"]).predict(kind)
    limits = mean.interval()
    found = [mean.value[0], mean.std_error[0], limits.low[0], limits.high[0]]
    assert found == pytest.approx([row[name] for name in ("value", "std_error", "conf_low", "conf_high")], rel=1e-8)
    assert mean.df[0] == row["df"]


def test_every_row_is_tested() -> None:
    assert set(EXPECTED["what"]) == {"coefficient", "women", "wald", "rao_scott", "predict"}
    # One tolerance is above 1e-8: R looks for the saddle point of its approximation to four digits.
    assert (EXPECTED.loc[EXPECTED["what"] != "rao_scott", "tolerance"] <= 1e-8).all()
    assert np.mean(EXPECTED["tolerance"] > 1e-8) <= 0.05
