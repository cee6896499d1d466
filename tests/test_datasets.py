"""The packaged cells against R's `survey` (tests/golden/nhanes_cramps.R), the reading of XPORT files, and downloads."""

import csv
import hashlib
import socket
import struct
import threading
from collections.abc import Iterator
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import crampstats as cs
from crampstats.datasets import cramps, download
from crampstats.errors import QuestionError, ReferenceDataError, SchemaError

EXPECTED = pd.read_csv(Path(__file__).parent / "golden" / "nhanes_cramps_expected.csv")
OUTCOMES = {"any": "cramp_class >= 1", "mild": "cramp_class in [1, 2]", "frequent": "cramp_class >= 3"}
OFFICIAL = ("DEMO_D", "DEMO_E", "SLQ_D", "SLQ_E")


@cache
def packaged() -> cs.Survey:
    return cs.datasets.nhanes_cramps()


@pytest.mark.parametrize("row", EXPECTED.to_dict("records"), ids=lambda row: f"{row['domain']}-{row['term']}")
def test_packaged_cells_equal_r_on_the_official_rows(row: dict) -> None:
    asked = packaged().observed("cramp_class")
    domain = asked if row["domain"] == "all" else asked.where(row["domain"])
    estimate = cs.prevalence(domain, OUTCOMES[row["term"]])
    limits, beta = estimate.interval(), estimate.interval(method="beta")
    near = partial(pytest.approx, rel=row["tolerance"], abs=0)
    assert estimate.value[0] == near(row["value"])
    assert estimate.std_error[0] == near(row["std_error"])
    assert (limits.low[0], limits.high[0]) == near((row["conf_low"], row["conf_high"]))
    assert (beta.low[0], beta.high[0]) == near((row["conf_low"], row["conf_high"]))
    assert estimate.df[0] == row["df"]
    assert estimate.n[0] == row["n"]


def test_expected_values_are_those_of_the_survey_and_tightly_held() -> None:
    overall = EXPECTED[EXPECTED["domain"] == "all"].set_index("term")
    assert overall["value"].round(7).to_dict() == {"any": 0.3088504, "mild": 0.2495420, "frequent": 0.0593084}
    assert (EXPECTED["tolerance"] <= 1e-9).all()
    assert len(EXPECTED) == 12 * len(OUTCOMES)


def test_packaged_survey() -> None:
    survey = packaged()
    assert repr(survey) == "<Survey NHANES 2005-2008: 10,914 of 10,914 people, 62 clusters in 31 strata, 31 df>"
    assert survey.observed("cramp_class").people == 10_902
    assert survey.data["n"][survey.data["cramp_class"].isna()].sum() == 12
    assert survey.data["weight"].sum() == pytest.approx(212_590_413.19501153, rel=1e-15)
    assert list(survey.data["sex"].cat.categories) == ["male", "female"]
    assert survey.data["age_group"].cat.ordered
    assert list(survey.data["age_group"].cat.categories) == ["20-39", "40-59", "60+"]


def test_packaged_design_is_the_whole_one() -> None:
    clusters = packaged().data.groupby("stratum")["cluster"].unique().map(sorted)
    assert clusters.index.to_list() == list(range(44, 75))
    assert clusters.to_list() == [[1, 2]] * 31


def test_packaged_weights_are_read_exactly() -> None:
    path = Path(cramps.__file__).parent / "tables" / "nhanes_cramps.csv"
    with path.open(encoding="utf-8", newline="") as lines:
        weights = [float(row["weight"]) for row in csv.DictReader(lines)]
    assert packaged().data["weight"].to_list() == weights


def test_a_call_does_not_see_what_was_done_to_an_earlier_result() -> None:
    first = cs.datasets.nhanes_cramps()
    first.data["weight"] = 0.0
    assert cs.datasets.nhanes_cramps().data["weight"].sum() > 2e8


def test_people_who_did_not_answer_are_not_taken_for_people_without_cramps() -> None:
    with pytest.raises(QuestionError, match=r"has no answer in .* first ask observed\('cramp_class'\)"):
        cs.prevalence(packaged(), "cramp_class >= 1")


def test_packaged_cells_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = cs.schema.Schema("cells", (cs.schema.Column("cramp_class", "integer", "", levels=(0, 1)),))
    monkeypatch.setattr(cramps, "CELLS", narrow)
    with pytest.raises(SchemaError, match="cramp_class: missing"):
        cs.datasets.nhanes_cramps()


# XPORT, version 5: records of 80 bytes, numbers as IBM doubles, "." for a missing value.


def ibm_double(value: float) -> bytes:
    if np.isnan(value):
        return b"." + bytes(7)
    if value == 0:
        return bytes(8)
    exponent = 0
    while value >= 1:
        value, exponent = value / 16, exponent + 1
    return bytes([64 + exponent]) + int(value * 2**56).to_bytes(7, "big")


def padded(content: bytes) -> bytes:
    return content + b" " * (-len(content) % 80)


def xport(table: pd.DataFrame) -> bytes:
    def header(name: str, tail: str) -> bytes:
        return padded(f"HEADER RECORD*******{name:<8}HEADER RECORD!!!!!!!{tail}".encode())

    names = b"".join(
        struct.pack(
            ">hhhh8s40s8shhh2s8shhl52s",
            *(1, 0, 8, place + 1, name.ljust(8).encode(), b" " * 40, b" " * 8),
            *(0, 0, 0, b"  ", b" " * 8, 0, 0, 8 * place, bytes(52)),
        )
        for place, name in enumerate(table.columns)
    )
    made = b"01JAN05:00:00:00"
    rows = b"".join(ibm_double(value) for row in table.to_numpy(dtype=float) for value in row)
    return b"".join(
        (
            header("LIBRARY", "0" * 30),
            padded(b"SAS     SAS     SASLIB  6.06    bsd4.2  " + b" " * 24 + made),
            padded(made),
            header("MEMBER", "000000000000000001600000000140"),
            header("DSCRPTR", "0" * 30),
            padded(b"SAS     TEST    SASDATA 6.06    bsd4.2  " + b" " * 24 + made),
            padded(made),
            header("NAMESTR", f"000000{table.shape[1]:04d}" + "0" * 20),
            padded(names),
            header("OBS", "0" * 30),
            padded(rows),
        )
    )


def invented(first: int, cycle: int, stratum: int, answers: list[float]) -> dict[str, bytes]:
    people = pd.DataFrame(
        {
            "SEQN": range(first, first + 6),
            "SDDSRVYR": cycle,
            "RIAGENDR": [1, 2, 1, 2, 1, 2],
            "RIDAGEYR": [19, 20, 39, 40, 60, 85],
            "SDMVSTRA": stratum,
            "SDMVPSU": [1, 2, 1, 2, 1, 2],
            "WTINT2YR": [1000, 2000, 3000, 4000, 5000, 6000.5],
        }
    )
    asked = pd.DataFrame({"SEQN": range(first, first + 5), "SLQ160": answers})
    return {"DEMO": xport(people), "SLQ": xport(asked)}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of four invented files that pass for the official ones."""
    made = tmp_path / "files"
    made.mkdir()
    for letter, files in {
        "D": invented(1, 4, 44, [0, 0, 7, 9, np.nan]),
        "E": invented(7, 5, 59, [1, 2, 3, 4, 0]),
    }.items():
        for kind, content in files.items():
            (made / f"{kind}_{letter}.xpt").write_bytes(content)
            monkeypatch.setitem(download.SHA256, f"{kind}_{letter}", hashlib.sha256(content).hexdigest())
    return made


def test_zeros_of_xport_are_zeros(folder: Path) -> None:
    assert 0 < pd.read_sas(folder / "SLQ_D.xpt", format="xport")["SLQ160"].min() < 1e-70
    np.testing.assert_array_equal(cramps.read_xport(folder / "SLQ_D.xpt")["SLQ160"], [0, 0, 7, 9, np.nan])


def test_official_rows_have_clear_names_and_codes(folder: Path) -> None:
    survey = cs.datasets.nhanes_cramps(folder)
    data = survey.data
    assert data["id"].to_list() == list(range(1, 13))
    assert data["cycle"].to_list() == ["2005-2006"] * 6 + ["2007-2008"] * 6
    assert data["age_years"].to_list() == [19, 20, 39, 40, 60, 80] * 2
    assert data["sex"].to_list() == ["male", "female"] * 6
    assert data["stratum"].to_list() == [44] * 6 + [59] * 6
    assert data["cluster"].to_list() == [1, 2] * 6
    assert data["weight"].to_list() == [500, 1000, 1500, 2000, 2500, 3000.25] * 2
    assert data["age_group"].isna().to_list() == [True, *[False] * 5] * 2
    assert data["age_group"].dropna().to_list() == ["20-39", "20-39", "40-59", "60+", "60+"] * 2
    assert data["cramp_class"].isna().to_list() == [False] * 2 + [True] * 4 + [False] * 5 + [True]
    assert data["cramp_class"].dropna().to_list() == [0, 0, 1, 2, 3, 4, 0]
    assert survey.people == 10
    assert survey.observed("cramp_class").people == 5


def test_official_rows_are_checked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = invented(1, 4, 43, [0, 0, 7, 9, 9])["DEMO"]
    (folder / "DEMO_D.xpt").write_bytes(content)
    monkeypatch.setitem(download.SHA256, "DEMO_D", hashlib.sha256(content).hexdigest())
    with pytest.raises(SchemaError, match="stratum: outside the plausible range"):
        cs.datasets.nhanes_cramps(folder)


def test_files_are_found_one_folder_below_and_by_their_older_ending(folder: Path, tmp_path: Path) -> None:
    for path in list(folder.iterdir()):
        below = tmp_path / "data" / path.stem
        below.mkdir(parents=True)
        path.replace(below / f"{path.stem}.XPT")
    assert cs.datasets.nhanes_cramps(tmp_path / "data").people == 10


def test_official_reads_the_folder_that_the_variable_names(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRAMPSTATS_DATA", str(folder))
    assert cs.datasets.nhanes_cramps("official").people == 10


def test_a_folder_without_the_file(tmp_path: Path) -> None:
    with pytest.raises(ReferenceDataError, match=r"DEMO_D\.xpt is not in .* Download https://.*source='packaged'"):
        cs.datasets.nhanes_cramps(tmp_path)


def test_an_altered_file(folder: Path) -> None:
    path = folder / "SLQ_E.xpt"
    path.write_bytes(path.read_bytes().replace(b"01JAN05", b"01JAN06"))
    with pytest.raises(ReferenceDataError, match=r"SLQ_E\.xpt is not the published file: its SHA-256 differs"):
        cs.datasets.nhanes_cramps(folder)


@pytest.fixture
def published(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Publish the invented files on this machine, and return the list of what was asked for."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def translate_path(self, path: str) -> str:
            asked.append(path)
            return str(folder / Path(path).name)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    monkeypatch.setattr(download, "NHANES_ADDRESS", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the cache, empty."""
    monkeypatch.setenv("CRAMPSTATS_CACHE", str(tmp_path / "cached"))
    return tmp_path / "cached"


def test_official_files_are_downloaded_once(
    published: list[str], cached: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cs.datasets.nhanes_cramps("official").people == 10
    assert sorted(published) == [
        "/2005/DataFiles/DEMO_D.xpt",
        "/2005/DataFiles/SLQ_D.xpt",
        "/2007/DataFiles/DEMO_E.xpt",
        "/2007/DataFiles/SLQ_E.xpt",
    ]
    assert sorted(path.name for path in cached.iterdir()) == [f"{name}.xpt" for name in OFFICIAL]
    assert "100%" in capsys.readouterr().err
    published.clear()
    assert cs.datasets.nhanes_cramps("official").people == 10
    assert published == []


def test_an_empty_variable_names_no_folder(published: list[str], cached: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRAMPSTATS_DATA", "")
    assert download.nhanes_file("SLQ_D") == cached / "SLQ_D.xpt"
    assert published == ["/2005/DataFiles/SLQ_D.xpt"]


def test_a_damaged_file_in_the_cache_is_downloaded_again(published: list[str], cached: Path) -> None:
    path = download.nhanes_file("SLQ_D")
    whole = path.read_bytes()
    path.write_bytes(whole[:-80])
    assert download.nhanes_file("SLQ_D").read_bytes() == whole
    assert published == ["/2005/DataFiles/SLQ_D.xpt"] * 2


def test_a_wrong_download_is_refused_and_not_kept(published: list[str], cached: Path, folder: Path) -> None:
    (folder / "SLQ_D.xpt").write_bytes(b"<html>moved</html>")
    with pytest.raises(ReferenceDataError, match=r"SLQ_D\.xpt was downloaded and is not the published file\."):
        download.nhanes_file("SLQ_D")
    assert list(cached.iterdir()) == []


def test_a_file_that_is_gone(published: list[str], cached: Path, folder: Path) -> None:
    (folder / "SLQ_D.xpt").unlink()
    with pytest.raises(ReferenceDataError, match=r"could not be downloaded \(HTTPError\)\. Download http"):
        download.nhanes_file("SLQ_D")
    assert list(cached.iterdir()) == []


def test_without_a_network_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setattr(download, "NHANES_ADDRESS", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    instructions = (
        r"\(ConnectionError\)\. Download .*DEMO_D\.xpt on .* CRAMPSTATS_DATA name its folder; or use source='packaged'"
    )
    with pytest.raises(ReferenceDataError, match=instructions):
        cs.datasets.nhanes_cramps("official")


def test_addresses_are_the_official_ones() -> None:
    assert download._address("SLQ_E") == "https://wwwn.cdc.gov/Nchs/Data/Nhanes/Public/2007/DataFiles/SLQ_E.xpt"
    assert set(download.SHA256) >= set(OFFICIAL)
