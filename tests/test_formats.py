"""Tables as files for other programs: what is read back is what was written."""

import io
import json
import sys

import numpy as np
import pandas as pd
import pytest

from crampstats.errors import CrampstatsError
from crampstats.tables.formats import check_ending, content, records

FRAME = pd.DataFrame(
    {
        "sex": pd.Categorical(["female", "male", "male"], categories=["male", "female"]),
        "text": ["Mg, i.S.\nµmol", '<script>"x"</script>', "=1+1"],
        "n": [2**53 + 1, 0, -5],
        "estimate": [0.1 + 0.2, 1e-300, np.nan],
        "yes": pd.array([1, None, 0], dtype="Int8"),
    }
)
PLAIN = [
    {"sex": "female", "text": "Mg, i.S.\nµmol", "n": 2**53 + 1, "estimate": 0.1 + 0.2, "yes": 1},
    {"sex": "male", "text": '<script>"x"</script>', "n": 0, "estimate": 1e-300, "yes": None},
    {"sex": "male", "text": "=1+1", "n": -5, "estimate": None, "yes": 0},
]


def test_csv_reads_back_equal() -> None:
    written = content(FRAME, ".csv")
    assert f",{0.1 + 0.2!r}," in written.decode()
    # pandas 3.0 reads the last digit otherwise than Python does.
    pd.testing.assert_frame_equal(
        pd.read_csv(io.BytesIO(written)), FRAME.astype({"sex": "str", "yes": float}), rtol=1e-14
    )


def test_json_reads_back_equal() -> None:
    assert json.loads(content(FRAME, ".json")) == PLAIN
    assert "µmol" in content(FRAME, ".json").decode()


def test_json_lines_are_a_record_each() -> None:
    lines = content(FRAME, ".jsonl").decode().splitlines()
    assert [json.loads(line) for line in lines] == PLAIN


def test_parquet_reads_back_equal() -> None:
    pytest.importorskip("pyarrow")
    back = pd.read_parquet(io.BytesIO(content(FRAME, ".parquet")))
    pd.testing.assert_frame_equal(back, FRAME, check_exact=True)
    assert content(FRAME, ".parquet") == content(FRAME, ".parquet")


@pytest.mark.parametrize("ending", [".csv", ".json", ".jsonl"])
def test_lines_end_alike_everywhere(ending: str) -> None:
    written = content(FRAME, ending)
    assert b"\r" not in written
    assert written.endswith(b"\n")


def test_a_table_without_rows_keeps_its_columns() -> None:
    assert content(FRAME[:0], ".csv") == b"sex,text,n,estimate,yes\n"
    assert json.loads(content(FRAME[:0], ".json")) == []
    assert content(FRAME[:0], ".jsonl") == b""


def test_times_and_truths_are_what_a_reader_knows() -> None:
    frame = pd.DataFrame({"day": pd.to_datetime(["2025-03-02", None]), "pregnant": [True, False]})
    assert records(frame) == [{"day": "2025-03-02T00:00:00", "pregnant": True}, {"day": None, "pregnant": False}]


@pytest.mark.parametrize("ending", ["", ".xlsx", "csv", ".txt"])
def test_an_unknown_ending_is_answered_with_those_that_exist(ending: str) -> None:
    with pytest.raises(CrampstatsError, match=rf"'{ending}' is unknown: choose from .csv, .json, .jsonl, .parquet\."):
        check_ending(ending)


def test_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(CrampstatsError, match="conf_high holds an infinite number"):
        content(pd.DataFrame({"conf_high": [1.0, np.inf]}), ".json")


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(CrampstatsError, match="more than one column 'n'"):
        content(pd.DataFrame([[1, 2]], columns=["n", "n"]), ".csv")


def test_without_pyarrow_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(CrampstatsError, match=r"pip install 'crampstats\[files\]'"):
        check_ending(".parquet")
    assert check_ending(".csv") == ".csv"
