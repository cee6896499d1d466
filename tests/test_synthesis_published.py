"""Pooling of published data sets against R's metafor and meta, where the results are at hand (`CRAMPSTATS_GOLDEN`)."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from places import folder_of

from crampstats.synthesis import egger, leave_one_out, mantel_haenszel, pool, trim_and_fill

FOLDER = folder_of("CRAMPSTATS_GOLDEN", "shared/golden")
if FOLDER is None:
    pytest.skip("no reference results", allow_module_level=True)
METHODS = {"EE": "common", "DL": "DL", "REML": "REML", "PM": "PM"}
LIMITS = {"z": "normal", "t": "t", "knha": "hartung_knapp", "adhoc": "hartung_knapp_guarded"}
META_LIMITS = {"classic|": "normal", "HK|": "hartung_knapp", "HK|se": "hartung_knapp_guarded"}
RMA = pd.read_csv(FOLDER / "golden_meta_rma.csv")
EXTRAS = pd.read_csv(FOLDER / "golden_meta_extras.csv")
AT_HAND = {path.stem.removeprefix("meta_in_") for path in FOLDER.glob("meta_in_*.csv")}
EXTRAS = EXTRAS[EXTRAS["data"].isin(AT_HAND)]


@cache
def effects(name: str) -> pd.DataFrame:
    data = pd.read_csv(FOLDER / f"meta_in_{name}.csv")
    return data.assign(estimate=data["yi"], std_error=np.sqrt(data["vi"]))


def near(value: float, tolerance: float = 1e-8) -> object:
    return pytest.approx(value, rel=tolerance, abs=1e-11)


def rows(chosen: pd.DataFrame, *names: str) -> list:
    assert len(chosen)
    return [
        pytest.param(row, id="-".join(str(row[name]) for name in names).replace(" ", "_"))
        for row in chosen.to_dict("records")
    ]


OURS = RMA[RMA["data"].isin(AT_HAND) & RMA["method"].isin(METHODS)]


@pytest.mark.parametrize("row", rows(OURS, "data", "method", "test"))
def test_pooled_effects(row: dict) -> None:
    found = pool(effects(row["data"]), method=METHODS[row["method"]], interval=LIMITS[row["test"]])
    table, between = found.to_frame().iloc[0], found.between().iloc[0]
    told = {"est": "estimate", "se": "std_error", "lo": "conf_low", "hi": "conf_high", "p": "p"}
    assert {name: table[column] for name, column in told.items()} == {name: near(row[name]) for name in told}
    told = {"tau2": "tau2", "H2": "h2", "Q": "q", "Qp": "p"}
    assert {name: between[column] for name, column in told.items()} == {name: near(row[name]) for name in told}
    assert 100 * between["i2"] == near(row["I2"])


@pytest.mark.parametrize("row", rows(OURS[OURS["method"] != "EE"], "data", "method", "test"))
def test_prediction_intervals(row: dict) -> None:
    found = pool(effects(row["data"]), method=METHODS[row["method"]], interval=LIMITS[row["test"]])
    table = found.prediction(method="as_interval").iloc[0]
    assert (table["pred_low"], table["pred_high"]) == (near(row["pi_lo"]), near(row["pi_hi"]))
    if row["k"] > 2:
        table = found.prediction().iloc[0]
        assert (table["pred_low"], table["pred_high"]) == (near(row["pi_riley_lo"]), near(row["pi_riley_hi"]))


@pytest.mark.parametrize("row", rows(EXTRAS[EXTRAS["what"].str.startswith("QP_ci")], "data", "what", "term"))
def test_interval_of_the_variance_between(row: dict) -> None:
    found = pool(effects(row["data"]), method=row["term"])
    between = found.between().iloc[0]
    ends = np.array([between["tau2_low"], between["tau2_high"]])
    if row["what"] == "QP_ci_I2":
        within = between["tau2"] / (between["h2"] - 1) if between["h2"] > 1 else np.nan
        if np.isnan(within):
            within = between_zero(row["data"])
        ends = 100 * ends / (ends + within)
    assert ends == near(np.array([row["lo"], row["hi"]]))


def between_zero(name: str) -> float:
    weights = 1 / effects(name)["std_error"] ** 2
    return float((len(weights) - 1) * weights.sum() / (weights.sum() ** 2 - (weights**2).sum()))


@pytest.mark.parametrize("row", rows(EXTRAS[EXTRAS["what"].isin(["egger_lm", "egger_rma"])], "data", "what"))
def test_egger(row: dict) -> None:
    model = "linear" if row["what"] == "egger_lm" else "random_effects"
    first = egger(effects(row["data"]), model=model).iloc[0]
    assert (first["statistic"], first["p"]) == (near(row["value"]), near(row["p"]))


@pytest.mark.parametrize("row", rows(EXTRAS[EXTRAS["what"].str.startswith("trimfill_L0")], "data", "what", "term"))
def test_trim_and_fill(row: dict) -> None:
    found = trim_and_fill(effects(row["data"]), row["what"].removeprefix("trimfill_L0_"))
    if row["term"] == "k0":
        assert found.added == row["value"]
        return
    table = found.to_frame().iloc[0]
    told = [table[name] for name in ("estimate", "std_error", "conf_low", "conf_high")]
    assert told == near([row[name] for name in ("value", "se", "lo", "hi")])


@pytest.mark.parametrize("row", rows(EXTRAS[EXTRAS["what"] == "leave1out_REML"], "data", "term"))
def test_leave_one_out(row: dict) -> None:
    table = left_out(row["data"]).iloc[int(row["term"]) - 1]
    told = [table[name] for name in ("estimate", "std_error", "conf_low", "conf_high")]
    assert told == near([row[name] for name in ("value", "se", "lo", "hi")])


@cache
def left_out(name: str) -> pd.DataFrame:
    return leave_one_out(effects(name), interval="normal")


@pytest.mark.parametrize("row", rows(EXTRAS[EXTRAS["what"] == "weights_REML_pct"], "data", "term"))
def test_weights(row: dict) -> None:
    weights = pool(effects(row["data"])).weights()["weight"]
    assert 100 * weights[int(row["term"]) - 1] == near(row["value"])


METAREG = EXTRAS[EXTRAS["what"].str.startswith("metareg_ablat")]


@pytest.mark.parametrize("row", rows(METAREG, "what", "term"))
def test_regression_on_latitude(row: dict) -> None:
    interval = LIMITS[row["what"].rsplit("_", 1)[1]]
    found = pool(effects("bcg_RR"), interval=interval, moderators=["ablat"])
    if row["term"] in {"tau2", "R2", "QM"}:
        between = found.between().iloc[0]
        if row["term"] == "QM":
            test = found.moderator_test().iloc[0]
            assert (test["statistic"], test["p"]) == (near(row["value"]), near(row["p"]))
        else:
            value = between["tau2"] if row["term"] == "tau2" else 100 * between["explained"]
            assert value == near(row["value"])
        return
    name = {"intrcpt": "intercept"}.get(row["term"], row["term"])
    table = found.to_frame().set_index("term").loc[name]
    told = [table[column] for column in ("estimate", "std_error", "conf_low", "conf_high", "p")]
    assert told == near([row[column] for column in ("value", "se", "lo", "hi", "p")])


MH = pd.read_csv(FOLDER / "golden_meta_extras.csv")
MH = MH[(MH["data"] == "bcg") & MH["what"].str.startswith("MH_")]


@pytest.mark.parametrize("row", rows(MH, "what"))
def test_mantel_haenszel(row: dict) -> None:
    data = pd.read_csv(FOLDER / "meta_in_bcg_RR.csv")
    arms = {"events_treated": data["tpos"], "n_treated": data["tpos"] + data["tneg"]}
    arms |= {"events_control": data["cpos"], "n_control": data["cpos"] + data["cneg"]}
    measure = {"MH_RR": "risk_ratio", "MH_OR": "odds_ratio", "MH_RD": "risk_difference"}[row["what"]]
    found = mantel_haenszel(pd.DataFrame(arms), measure)
    assert (found.value, found.std_error) == (near(row["value"]), near(row["se"]))


META = EXTRAS[EXTRAS["what"].str.startswith("metagen REML ci|")]
META = META.assign(limits=META["what"].str.removeprefix("metagen REML ci|"))
META = META[META["limits"].isin(META_LIMITS)]


@pytest.mark.parametrize("row", rows(META, "data", "limits"))
def test_the_package_meta(row: dict) -> None:
    table = pool(effects(row["data"]), interval=META_LIMITS[row["limits"]]).to_frame().iloc[0]
    told = [table[name] for name in ("estimate", "std_error", "conf_low", "conf_high")]
    # meta leaves metafor's steps at their default, which stop early.
    assert told == near([row[name] for name in ("value", "se", "lo", "hi")], 2e-6)
