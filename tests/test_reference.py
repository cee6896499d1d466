"""Numbers from print: cell by cell against the figures as read, and none of them without source and standing."""

import csv
import math
import re
from importlib import resources

import pandas as pd
import pytest

from crampstats.errors import ReferenceDataError
from crampstats.reference import AgeBand, Sourced, StandardPopulation, cramp_prevalences, sources, standard_population
from crampstats.reference.tables import bibliography, read_table, sourced

# Copied by hand from the printed tables, apart from the package, so that a slip in either is found.
ESP_2013 = {
    0: 1000, 1: 4000, 5: 5500, 10: 5500, 15: 5500, 20: 6000, 25: 6000, 30: 6500, 35: 7000, 40: 7000, 45: 7000,
    50: 7000, 55: 6500, 60: 6000, 65: 5500, 70: 5000, 75: 4000, 80: 2500, 85: 1500, 90: 800, 95: 200,
}  # fmt: skip
WHO_WORLD = {
    0: 8.86, 5: 8.69, 10: 8.60, 15: 8.47, 20: 8.22, 25: 7.93, 30: 7.61, 35: 7.15, 40: 6.59, 45: 6.04, 50: 5.37,
    55: 4.55, 60: 3.72, 65: 2.96, 70: 2.21, 75: 1.52, 80: 0.91, 85: 0.44, 90: 0.15, 95: 0.04, 100: 0.005,
}  # fmt: skip
US_2000 = {20: 77670, 40: 72816, 60: 45364}
US_2000_DETAILED = {
    0: 13818, 1: 55317, 5: 145565, 15: 138646, 25: 135573, 35: 162613, 45: 134834, 55: 87247, 65: 66037, 75: 44842,
    85: 15508,
}  # fmt: skip
POPULATIONS = {
    "esp_2013": (ESP_2013, "per 100,000", "eurostat2013"),
    "who_world": (WHO_WORLD, "%", "ahmad2001"),
    "us_2000": (US_2000, "thousand people", "klein2001"),
    "us_2000_detailed": (US_2000_DETAILED, "per million", "klein2001"),
}
FOLDER = resources.files("crampstats.reference") / "tables"
TABLES = sorted(
    file.name.removesuffix(".csv")
    for file in FOLDER.iterdir()
    if file.suffix == ".csv" and file.name not in {"sources.csv", "claims.csv"}
)


@pytest.mark.parametrize("name", POPULATIONS)
def test_standard_populations_cell_by_cell(name: str) -> None:
    people, unit, source = POPULATIONS[name]
    bands = standard_population(name).bands
    assert {band.low: band.people.value for band in bands} == people
    assert {band.people.unit for band in bands} == {unit}
    assert {band.people.source for band in bands} == {source}


@pytest.mark.parametrize("name", POPULATIONS)
def test_bands_follow_each_other_without_gaps(name: str) -> None:
    bands = standard_population(name).bands
    assert [band.high + 1 for band in bands[:-1]] == [band.low for band in bands[1:]]
    assert bands[-1].high == math.inf


@pytest.mark.parametrize(
    ("name", "total"),
    [("esp_2013", 100_000), ("who_world", 100.035), ("us_2000", 195_850), ("us_2000_detailed", 1_000_000)],
)
def test_sums_of_the_printed_columns(name: str, total: float) -> None:
    assert sum(band.people.value for band in standard_population(name).bands) == pytest.approx(total, rel=1e-12)


def test_what_is_only_remembered_is_assumed_and_says_so() -> None:
    remembered = [row for table in TABLES for row in read_table(table) if "recalled" in row["note"].lower()]
    assert {row["status"] for row in remembered} == {"assumed"}
    assert [row["population"] for row in remembered] == ["us_2000_detailed"] * len(US_2000_DETAILED)
    for name in ("esp_2013", "who_world", "us_2000"):
        assert {band.people.status for band in standard_population(name).bands} == {"published"}


def test_us_2000_names_the_secondary_source() -> None:
    notes = {band.people.note for band in standard_population("us_2000").bands}
    assert notes == {"read in a secondary source: manual of R package survey (Lumley 2024)"}


# study: (n, value, low, high, status, source, window)
PREVALENCES = {
    "Grandner 2017, one to four a month": (None, 0.245, 0.24, 0.25, "derived", "grandner2017", "past month"),
    "Grandner 2017, five or more a month": (None, 0.06, None, None, "published", "grandner2017", "past month"),
    "Jansen 1991": (None, 0.36, 0.36, 0.37, "published", "jansen1991", "past 12 months"),
    "Naylor 1994": (233, 0.37, None, None, "published", "naylor1994", "not stated"),
    "Abdulla 1999": (365, 0.50, None, None, "published", "abdulla1999", "not stated"),
    "Maisonneuve 2016": (516, 0.46, 0.38, 0.53, "published", "maisonneuve2016", "not stated"),
    "Matsumoto 2009": (370, 0.372, None, None, "published", "matsumoto2009", "not stated"),
    "Leung 1999": (2527, 0.073, None, None, "published", "leung1999", "past 12 months"),
    "Duan 2018, third trimester": (1342, 0.502, None, None, "published", "duan2018", "third trimester"),
}


def test_cramp_prevalences_cell_by_cell() -> None:
    table = cramp_prevalences()
    columns = ["n", "value", "low", "high", "status", "source", "window"]
    found = {
        row["study"]: tuple(None if pd.isna(row[column]) else row[column] for column in columns)
        for row in table.to_dict("records")
    }
    assert found == PREVALENCES
    assert table["n"].dtype == "Int64"


@pytest.mark.parametrize(
    ("study", "cases"), [("Leung 1999", 185), ("Duan 2018, third trimester", 673), ("Naylor 1994", 86)]
)
def test_prevalences_are_those_of_the_printed_counts(study: str, cases: int) -> None:
    row = cramp_prevalences().set_index("study").loc[study]
    assert row["value"] == pytest.approx(cases / row["n"], abs=5e-3)


@pytest.mark.parametrize("study", ["Jansen 1991", "Grandner 2017, five or more a month"])
def test_what_was_read_elsewhere_names_where(study: str) -> None:
    assert re.search(r"secondary source", cramp_prevalences().set_index("study").loc[study, "note"])


def test_derived_values_show_their_formula() -> None:
    (derived,) = [row for row in read_table("cramp_prevalences") if row["status"] == "derived"]
    assert derived["where"] == "midpoint of the printed range: (24 % + 25 %) / 2"
    assert float(derived["value"]) == pytest.approx((0.24 + 0.25) / 2, rel=1e-15)


@pytest.mark.parametrize("table", TABLES)
def test_every_row_makes_a_sourced_value(table: str) -> None:
    rows = read_table(table)
    values = [sourced(row) for row in rows]
    assert len(values) == len(rows) > 0
    assert all(value.where for value in values if value.status != "assumed")


@pytest.mark.parametrize("table", TABLES)
def test_what_was_read_in_a_secondary_source_says_in_which(table: str) -> None:
    rows = [row for row in read_table(table) if "secondary source" in row["where"]]
    assert [row for row in rows if not re.search(r"secondary sources? only: \w", row["note"])] == []


def test_the_bibliography() -> None:
    table = sources()
    assert table.columns.tolist() == ["key", "citation", "doi"]
    assert not table["key"].duplicated().any()
    assert (table["citation"] != "").all()
    assert [doi for doi in table["doi"] if doi and not re.fullmatch(r"10\.\d{4,}/\S+", doi)] == []
    assert bibliography()["eurostat2013"]["doi"] == "10.2785/11470"


def test_works_of_the_bibliography_come_in_the_order_of_their_keys() -> None:
    table = sources("naylor1994", "eurostat2013")
    assert table.index.tolist() == [0, 1]
    assert table["key"].tolist() == ["naylor1994", "eurostat2013"]
    assert table["citation"].tolist() == [bibliography()[key]["citation"] for key in ("naylor1994", "eurostat2013")]
    assert table["doi"].tolist() == ["10.1093/ageing/23.5.418", "10.2785/11470"]
    pd.testing.assert_frame_equal(sources(*sources()["key"]), sources())


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            ["grandner2007", "naylor1994", "zzz"],
            "keys that the bibliography does not have: 'grandner2007' (like grandner2017), 'zzz'; sources() lists",
        ),
        (["Naylor1994"], "does not have: 'Naylor1994' (like naylor1994); sources()"),
        ([["naylor1994"]], "does not have: ['naylor1994'] (like naylor1994); sources()"),
        ([""], "does not have: ''; sources()"),
    ],
)
def test_unknown_keys_of_the_bibliography_are_all_named(keys: list, message: str) -> None:
    with pytest.raises(ReferenceDataError, match=re.escape(message)):
        sources(*keys)


@pytest.mark.parametrize("table", [*TABLES, "sources"])
def test_packaged_tables_are_well_formed(table: str) -> None:
    header, *rows = csv.reader((FOLDER / f"{table}.csv").read_text(encoding="utf-8").splitlines())
    assert {len(row) for row in rows} == {len(header)}
    assert [cell for row in rows for cell in row if cell != cell.strip()] == []


def test_a_sourced_value() -> None:
    value = Sourced(0.46, "1", "maisonneuve2016", where="abstract", low=0.38, high=0.53)
    assert (value.value, value.status, value.note) == (0.46, "published", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"source": ""}, "a published value needs a source"),
        ({"source": "  "}, "a published value needs a source"),
        ({"source": "", "status": "derived", "where": "1 / 2"}, "a derived value needs a source"),
        ({"status": "derived"}, "a derived value needs its formula in `where`"),
        ({"source": "", "status": "assumed"}, "an assumed value needs a reason in its note"),
        ({"source": "", "status": "assumed", "note": " "}, "an assumed value needs a reason in its note"),
        ({"status": "guessed"}, "status='guessed' is unknown: choose from published, derived, assumed"),
        ({"unit": ""}, "a value needs a unit; '1' for shares and ratios"),
        ({"low": 0.6}, "0.5 lies outside its own range, 0.6 to None"),
        ({"low": 0.1, "high": 0.4}, "0.5 lies outside its own range, 0.1 to 0.4"),
        ({"value": math.nan}, "value=nan is not a finite number"),
        ({"value": -math.inf}, "value=-inf is not a finite number"),
    ],
)
def test_a_value_refuses_to_exist(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ReferenceDataError, match=re.escape(message)):
        Sourced(**{"value": 0.5, "unit": "1", "source": "naylor1994", **arguments})


def test_an_assumed_value_needs_no_source_but_a_reason() -> None:
    assert Sourced(0.1, "1", "", status="assumed", note="RECALLED").status == "assumed"


def test_a_source_has_to_be_in_the_bibliography() -> None:
    row = {"value": "1", "unit": "1", "source": "nobody1900", "where": "", "status": "published", "note": ""}
    with pytest.raises(ReferenceDataError, match="source 'nobody1900' is not in the bibliography"):
        sourced(row)


@pytest.mark.parametrize(
    ("name", "groups", "weights"),
    [
        ("us_2000", ["20-39", "40-59", "60+"], [77670 / 195850, 72816 / 195850, 45364 / 195850]),
        ("us_2000", ["60+", "20-39"], [45364 / 123034, 77670 / 123034]),
        ("esp_2013", ["0-4", "5+"], [0.05, 0.95]),
        ("esp_2013", ["20–39", " 40 - 59 ", "60 +"], [25500 / 78500, 27500 / 78500, 25500 / 78500]),
        ("who_world", ["85-99", "100+"], [0.63 / 0.635, 0.005 / 0.635]),
        ("who_world", ["0+"], [1.0]),
    ],
)
def test_shares_of_age_groups(name: str, groups: list[str], weights: list[float]) -> None:
    assert standard_population(name).shares(groups) == pytest.approx(weights, rel=1e-12)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (["20-39", "adults"], r"age group 'adults' has to be written like '20-39' or '60\+'"),
        (["20-39", "30-59"], r"age groups '20-39' and \['30-59'\] overlap"),
        (["20-39", "20-39"], "age groups '20-39' and '20-39' overlap"),
        (
            ["20-39", "40-64", "65+"],
            r"us_2000 counts ages 60\+ together, which does not fit the group '40-64'.*20, 40, 60",
        ),
        (["0-19", "20+"], "us_2000 has nobody of the age group '0-19'"),
    ],
)
def test_age_groups_that_do_not_fit(groups: list[str], message: str) -> None:
    with pytest.raises(ReferenceDataError, match=message):
        standard_population("us_2000").shares(groups)


def test_the_band_that_straddles_is_named_with_both_ends() -> None:
    with pytest.raises(
        ReferenceDataError, match="esp_2013 counts ages 15-19 together, which does not fit the group '18-21'"
    ):
        standard_population("esp_2013").shares(["18-21", "22+"])


def test_an_unknown_population_names_the_choices() -> None:
    with pytest.raises(
        ReferenceDataError,
        match="no standard population 'esp': choose from esp_2013, who_world, us_2000, us_2000_detailed",
    ):
        standard_population("esp")


def test_a_population_of_ones_own() -> None:
    own = StandardPopulation(
        "town", (AgeBand(0, 17, Sourced(1.0, "1", "", status="assumed", note="invented")),
                 AgeBand(18, math.inf, Sourced(3.0, "1", "", status="assumed", note="invented"))),
    )  # fmt: skip
    assert own.shares(["0-17", "18+"]) == [0.25, 0.75]
