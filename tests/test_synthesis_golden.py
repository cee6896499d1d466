"""Synthesis of invented trials against R: tests/golden/synthesis.R made the expected values."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crampstats.synthesis import (
    EffectPosterior,
    cumulative,
    effect_posterior,
    effect_sizes,
    egger,
    mantel_haenszel,
    peto,
    pool,
    pool_prevalences,
)

FOLDER = Path(__file__).parent / "golden"
TRIALS = pd.read_csv(FOLDER / "synthesis_input.csv")
EXPECTED = pd.read_csv(FOLDER / "synthesis_expected.csv", keep_default_na=False)
# Nobody of either arm of trial 6 had an event: its ratios are not determined.
SILENT = "trial 6"


def block(prefix: str) -> list:
    rows = EXPECTED[EXPECTED["block"].str.startswith(prefix)].to_dict("records")
    assert rows
    return [pytest.param(row, id=f"{row['block']}-{row['term']}-{row['what']}".replace(" ", "_")) for row in rows]


def near(row: dict) -> object:
    return pytest.approx(float(row["value"]), rel=float(row["tolerance"]), abs=1e-12)


@cache
def effects(measure: str = "mean_difference") -> pd.DataFrame:
    chosen = TRIALS if measure in {"mean_difference", "ratio_of_means"} else TRIALS[TRIALS["study"] != SILENT]
    return effect_sizes(chosen, measure, using="arms")


@pytest.mark.parametrize("row", block("effect_"))
def test_effects_from_arms(row: dict) -> None:
    table = effects(row["block"].removeprefix("effect_")).set_index("study")
    assert table.loc[row["term"], row["what"]] == near(row)


@pytest.mark.parametrize("row", block("mantel_haenszel_"))
def test_mantel_haenszel(row: dict) -> None:
    found = mantel_haenszel(TRIALS, row["block"].removeprefix("mantel_haenszel_"))
    assert getattr(found, row["what"]) == near(row)


@pytest.mark.parametrize("row", block("peto"))
def test_peto(row: dict) -> None:
    assert getattr(peto(TRIALS), row["what"]) == near(row)


@pytest.mark.parametrize("row", block("moderators_"))
def test_moderators(row: dict) -> None:
    interval = {"z": "normal", "knha": "hartung_knapp"}[row["block"].removeprefix("moderators_")]
    found = pool(effects(), interval=interval, moderators=["dose", "since"])
    if row["term"] == "all":
        table = found.between() if row["what"] == "q" else found.moderator_test()
        assert table.loc[0, row["what"]] == near(row)
    else:
        assert found.to_frame().set_index("term").loc[row["term"], row["what"]] == near(row)


@pytest.mark.parametrize("row", block("subgroups"))
def test_subgroups(row: dict) -> None:
    found = pool(effects(), interval="normal", by="group")
    if row["term"] == "all":
        assert found.subgroup_test().loc[0, row["what"]] == near(row)
    else:
        assert found.to_frame().set_index("group").loc[row["term"], row["what"]] == near(row)


@pytest.mark.parametrize("row", block("cumulative"))
def test_cumulative(row: dict) -> None:
    table = cumulative(effects(), "year", interval="normal").set_index("up_to")
    assert table.loc[row["term"], row["what"]] == near(row)


@pytest.mark.parametrize("row", block("egger_linear"))
def test_egger(row: dict) -> None:
    assert egger(effects()).set_index("term").loc[row["term"], row["what"]] == near(row)


@pytest.mark.parametrize("row", block("binomial_normal"))
def test_binomial_normal(row: dict) -> None:
    counts = TRIALS.rename(columns={"events_control": "cases", "n_control": "n"})
    assert getattr(pool_prevalences(counts), row["what"]) == near(row)


@cache
def posterior(name: str) -> EffectPosterior:
    _, scale, sd = name.split("_")
    return effect_posterior(effects(), tau_scale=float(scale), prior_sd=np.inf if sd == "Inf" else float(sd))


@pytest.mark.parametrize("row", block("posterior_"))
def test_posterior(row: dict) -> None:
    found = posterior(row["block"])
    if row["what"] in {"below", "below_new"}:
        new = "yes" if row["what"] == "below_new" else "no"
        assert found.probability_below(float(row["term"]), new=new) == near(row)
        return
    term = "spread between studies" if row["term"] == "spread" else row["term"]
    table = found.to_frame().set_index("term")
    column = {"median": "estimate", "sd": "std_error", "low": "conf_low", "high": "conf_high"}.get(row["what"])
    value = float(found.weights @ found.mean) if column is None else table.loc[term, column]
    assert value == near(row)
