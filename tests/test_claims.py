"""The table of claims: all of them, each with known sources, variables that exist and calls that run."""

import ast
import importlib
import re

import pandas as pd
import pytest

from crampstats import population as rooms
from crampstats.errors import ReferenceDataError
from crampstats.population import Population
from crampstats.reference import claims, sources
from crampstats.reference.claim_tables import NOT_EXAMINED, claim_faults
from crampstats.reference.tables import read_table

# As the list of the article's claims has them, copied by hand.
IDS = {
    "how often": "R1 R2 R3 R4",
    "cause": "C1 C2 C3 C4 C5 C6 C7 C8 C9 C10 C11 C12 C13 C14 C15 C16 C17 C18 C19",
    "diagnosis": "D1 D2 D3 D4 D5 D6",
    "treatment": "T1 T2 T3 T4 T5 T6 T7 T8 T9",
    "prevention": "P1 P2 P3 P4 P5 P6",
}
# What a reader may be told to run.
CALLS = ("true_effect", "true_mean", "true_attributable_fraction", "intervention_effects")
TABLE = read_table("claims")
EXAMINED = [(row["id"], call) for row in TABLE for call in row["examined_by"].split("; ") if "not exam" not in call]


@pytest.fixture
def few_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four populations in place of 64: enough where only signs and zeros are looked at."""
    for room in ("batches", "truths", "treatments"):
        monkeypatch.setattr(importlib.import_module(f"crampstats.population.{room}"), "BATCHES", 4)


def test_every_claim_is_there_once_under_its_kind() -> None:
    found = claims().groupby("kind", sort=False)["id"].agg(" ".join).to_dict()
    assert found == IDS


def test_sources_are_known_and_what_has_none_says_so() -> None:
    known = set(sources()["key"])
    for row in claims().itertuples():
        assert set(row.sources.split()) <= known, row.id
        # Without a source, or studies named that the bibliography does not have, nothing was found, and it says so.
        named = row.sources or re.search(r"[A-Z][a-z]+ (19|20)\d\d", row.evidence)
        assert named or re.search(r"\b[Nn]o (figure|trial|study)", row.evidence), row.id


def test_variables_are_those_of_the_population() -> None:
    known = set(Population().names)
    unknown = {row["id"]: sorted(set(row["variables"].split()) - known) for row in TABLE}
    assert {name: those for name, those in unknown.items() if those} == {}
    assert all(row["variables"] for row in TABLE if row["id"] not in ("C1", "C19"))


def test_what_is_not_examined_says_why() -> None:
    reasons = {row["id"]: row["examined_by"] for row in TABLE if row["examined_by"].startswith(NOT_EXAMINED)}
    assert set(reasons) == {"R3", "C1", "C2", "C19"}
    assert all("outside the model" in reason for reason in reasons.values())


@pytest.mark.usefixtures("few_batches")
@pytest.mark.parametrize(("name", "text"), EXAMINED, ids=[f"{name} {call[:60]}" for name, call in EXAMINED])
def test_what_examines_a_claim_runs(name: str, text: str) -> None:
    call = ast.parse(text, mode="eval").body
    assert isinstance(call, ast.Call)
    assert isinstance(call.func, ast.Name)
    assert call.func.id in CALLS
    assert ast.unparse(call.args[0]) == "population"
    arguments = [ast.literal_eval(argument) for argument in call.args[1:]]
    named = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    found = getattr(rooms, call.func.id)(Population(), *arguments, n=20_000, seed=1, **named)
    table = found if isinstance(found, pd.DataFrame) else found.to_frame()
    value = "difference" if "difference" in table else "value"
    assert len(table) >= 1
    assert table[[value, "std_error"]].notna().all(axis=None), name
    if name[0] in "CD" and call.func.id == "true_effect" and arguments[0] != "egfr_ml_min":
        # What is said to favour cramps or signs does, and what is said to lower magnesium does, never by another sign.
        lowered = arguments[1] in ("true_body_store", "true_absorption", "magnesium_mmol_l")
        nothing = 1.0 if named.get("measure") == "ratio" else 0.0
        assert table[value].iloc[0] < nothing if lowered else table[value].iloc[0] > nothing


def test_a_faulty_table_of_claims_lists_its_faults() -> None:
    good = dict(TABLE[0])
    bad = {**good, "kind": "rumour", "sources": "nobody1900", "evidence": " "}
    assert claim_faults([good]) == []
    assert claim_faults([good, bad]) == [
        "R1 stands twice",
        "R1: the kind 'rumour' is none of how often, cause, diagnosis, treatment, prevention",
        "R1: evidence is empty",
        "R1: source 'nobody1900' is not in the bibliography",
    ]


def test_a_faulty_packaged_table_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = [{**TABLE[0], "kind": "rumour"}]
    module = importlib.import_module("crampstats.reference.claim_tables")
    monkeypatch.setattr(module, "read_table", lambda name: broken)
    with pytest.raises(ReferenceDataError, match="R1: the kind 'rumour'"):
        claims()
