"""What is declared of columns: every fault of a table at once, as text and as a frame."""

import re
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from crampstats import errors
from crampstats.errors import SchemaError
from crampstats.schema import Column, Fault, Schema, faults_frame

CLINIC = Schema(
    "clinic",
    (
        Column("age_years", "integer", "age at the visit", "years", 18, 110),
        Column("magnesium_mmol_l", "number", "serum magnesium", "mmol/L", 0.2, 3.0, missing=True),
        Column("diabetes", "yes_no", "told by a doctor"),
        Column("sex", "category", "as asked", levels=("female", "male")),
        Column("cramp_class", "integer", "how often", levels=(0, 1, 2, 3, 4), missing=True),
    ),
)


@pytest.fixture
def visits() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "age_years": [43, 61, 75],
            "magnesium_mmol_l": [0.81, None, 0.7],
            "diabetes": [0, 1, 0],
            "sex": ["female", "male", "male"],
            "cramp_class": [0.0, None, 4.0],
            "remark": ["", None, "fasting"],
        }
    )


def faults_of(values: object, **names: object) -> list[tuple[str, tuple[int, ...]]]:
    """Return problem and rows of each fault of one column."""
    column = Column("x", **{"kind": "number", "meaning": "of x", **names})
    return [(fault.problem, fault.rows) for fault in Schema("s", (column,)).faults(pd.DataFrame({"x": values}))]


def test_a_table_that_fits_is_returned_as_it_is(visits: pd.DataFrame) -> None:
    assert CLINIC.faults(visits) == ()
    assert CLINIC.check(visits) is visits


def test_every_fault_at_once(visits: pd.DataFrame) -> None:
    spoiled = visits.drop(columns="sex").astype(object)
    spoiled["age_years"] = [17, 43.5, None]
    spoiled["magnesium_mmol_l"] = [np.inf, "low", "0.81"]
    spoiled["diabetes"] = [True, 2, "no"]
    spoiled["cramp_class"] = [5, -1, None]
    with pytest.raises(SchemaError) as caught:
        CLINIC.check(spoiled)
    age = "expected a whole number from 18 to 110 years"
    magnesium = "expected a number from 0.2 to 3 mmol/L or missing"
    assert str(caught.value).splitlines() == [
        "clinic does not fit its schema: 10 faults.",
        f"  - age_years: missing (row 2: nan); {age}",
        f"  - age_years: outside the plausible range (row 0: 17.0); {age}",
        f"  - age_years: not whole (row 1: 43.5); {age}",
        f"  - magnesium_mmol_l: not a number (row 1: 'low'); {magnesium}",
        f"  - magnesium_mmol_l: a number written as text (row 2: '0.81'); {magnesium}",
        f"  - magnesium_mmol_l: outside the plausible range (row 0: inf); {magnesium}",
        "  - diabetes: not a number (row 2: 'no'); expected 0 or 1",
        "  - diabetes: not a known code (row 1: 2); expected 0 or 1",
        "  - sex: is not in the table; expected one of female, male",
        "  - cramp_class: not a known code (row 0: 5.0, row 1: -1.0); expected one of 0, 1, 2, 3, 4 or missing",
    ]
    assert len(caught.value.faults) == 10


def test_one_fault_is_told_in_the_singular(visits: pd.DataFrame) -> None:
    with pytest.raises(SchemaError, match=r"^clinic does not fit its schema: 1 fault\.\n  - sex: not a known level"):
        CLINIC.check(visits.assign(sex=["female", "male", "Male"]))


def test_faults_as_a_frame(visits: pd.DataFrame) -> None:
    spoiled = visits.drop(columns="sex").assign(age_years=[17, 43, 200], cramp_class=[0, 9, 1])
    frame = faults_frame(CLINIC.faults(spoiled))
    expected = pd.DataFrame(
        {
            "column": ["age_years", "age_years", "sex", "cramp_class"],
            "row": pd.array([0, 2, None, 1], dtype="Int64"),
            "value": [17, 200, None, 9],
            "problem": ["outside the plausible range"] * 2 + ["is not in the table", "not a known code"],
            "expected": ["a whole number from 18 to 110 years"] * 2
            + ["one of female, male", "one of 0, 1, 2, 3, 4 or missing"],
        }
    )
    pd.testing.assert_frame_equal(frame, expected, check_dtype=False)
    assert frame["row"].dtype == "Int64"


def test_no_faults_make_an_empty_frame() -> None:
    frame = faults_frame(())
    assert frame.columns.tolist() == ["column", "row", "value", "problem", "expected"]
    assert len(frame) == 0


def test_many_rows_are_shown_up_to_five() -> None:
    fault = Fault("x", "too old", "a young one", tuple(range(8)), tuple(range(100, 108)))
    assert str(fault) == (
        "x: too old (row 0: 100, row 1: 101, row 2: 102, row 3: 103, row 4: 104 and 3 more); expected a young one"
    )
    assert str(Fault("x", "is not in the table", "a number")) == "x: is not in the table; expected a number"


@pytest.mark.parametrize("kind", ["number", "integer", "yes_no"])
@pytest.mark.parametrize(
    "values",
    [
        [0, 1, 1],
        [0.0, 1.0, 1.0],
        np.array([0, 1, 1], dtype="uint8"),
        pd.array([0, 1, 1], dtype="Int64"),
        pd.array([0, 1, 1], dtype="Float32"),
        pd.Categorical([0, 1, 1]),
        pd.array([0, np.int8(1), Decimal(1)], dtype=object),
    ],
    ids=["int64", "float64", "uint8", "Int64", "Float32", "category", "object"],
)
def test_numbers_of_every_type_fit(kind: str, values: object) -> None:
    assert faults_of(values, kind=kind) == []


@pytest.mark.parametrize(
    "values",
    [
        [1.0, np.nan],
        [1, None],
        pd.array([1, None], dtype="Int8"),
        pd.array([1.0, None], dtype="Float64"),
        pd.array([True, None], dtype="boolean"),
        pd.array([1, None], dtype=object),
        pd.array([1, pd.NA], dtype=object),
        pd.Categorical([1, None]),
    ],
    ids=["float64", "None", "Int8", "Float64", "boolean", "object", "NA in objects", "category"],
)
def test_missing_values_of_every_type(values: object) -> None:
    assert faults_of(values, kind="yes_no") == [("missing", (1,))]
    assert faults_of(values, kind="yes_no", missing=True) == []


@pytest.mark.parametrize(
    ("values", "rows"),
    [([True, False], (0, 1)), (pd.array([True, False], dtype="boolean"), (0, 1)), ([0, True], (1,))],
    ids=["bool", "boolean", "object"],
)
def test_truths_are_yes_or_no_but_no_numbers(values: object, rows: tuple[int, ...]) -> None:
    assert faults_of(values, kind="yes_no") == []
    assert faults_of(values, kind="number") == [("yes or no, not a number", rows)]
    assert faults_of(values, kind="integer", levels=(0, 1)) == [("yes or no, not a number", rows)]


@pytest.mark.parametrize("kind", ["number", "integer", "yes_no"])
@pytest.mark.parametrize("dtype", ["str", "string", "object", "category"])
def test_a_number_written_as_text_is_a_fault(kind: str, dtype: str) -> None:
    texts = pd.Series(["1", " 0 ", "1e0", "<0.5", None]).astype(dtype)
    assert faults_of(texts, kind=kind, missing=True) == [
        ("not a number", (3,)),
        ("a number written as text", (0, 1, 2)),
    ]


@pytest.mark.parametrize(
    "values",
    [
        pd.to_datetime(["2024-01-01"]),
        pd.to_timedelta([3], unit="D"),
        [1 + 2j],
        [pd.Timestamp("2024-01-01")],
        [[1]],
        [pd.Interval(0, 1)],
        ["a"],
    ],
    ids=["datetime", "timedelta", "complex", "timestamps", "lists", "intervals", "texts"],
)
@pytest.mark.parametrize("kind", ["number", "integer", "yes_no"])
def test_what_is_no_number(kind: str, values: object) -> None:
    assert faults_of(values, kind=kind) == [("not a number", (0,))]


@pytest.mark.parametrize("kind", ["number", "integer"])
def test_infinite_values_lie_outside_every_range(kind: str) -> None:
    assert faults_of([np.inf, 1.0, -np.inf], kind=kind) == [("outside the plausible range", (0, 2))]
    assert faults_of([np.inf, 1.0], kind="yes_no") == [("not a known code", (0,))]


def test_ends_of_the_range_are_inside() -> None:
    assert faults_of([0.2, 3.0], low=0.2, high=3.0) == []
    assert faults_of([np.nextafter(0.2, 0), np.nextafter(3.0, 4)], low=0.2, high=3.0) == [
        ("outside the plausible range", (0, 1))
    ]


def test_categories() -> None:
    levels = ("a", "b")
    for dtype in ("str", "string", "object", "category"):
        values = pd.Series(["a", "c", None, "b"]).astype(dtype)
        assert faults_of(values, kind="category", levels=levels) == [("missing", (2,)), ("not a known level", (1,))]
    assert faults_of(["1", 1], kind="category", levels=(1, 2)) == [("not a known level", (0,))]


def test_rows_are_positions_whatever_the_index() -> None:
    data = pd.DataFrame({"x": [1, -1, -2]}, index=[7, 7, 3])
    (fault,) = Schema("s", (Column("x", "number", "of x", low=0),)).faults(data)
    assert (fault.rows, fault.values) == ((1, 2), (-1, -2))


def test_values_are_plain_python() -> None:
    (fault,) = Schema("s", (Column("x", "number", "of x", low=0),)).faults(pd.DataFrame({"x": [-1.5]}))
    assert type(fault.values[0]) is float
    assert type(fault.rows[0]) is int


def test_columns_that_stand_twice() -> None:
    data = pd.DataFrame([[1, 2, 3, 4]], columns=["x", "y", "x", "y"])
    faults = Schema("s", (Column("x", "number", "of x"),)).faults(data)
    assert [(fault.column, fault.problem) for fault in faults] == [
        ("x", "stands twice in the table"),
        ("y", "stands twice in the table"),
    ]


@pytest.mark.parametrize("kind", ["number", "integer", "yes_no"])
@pytest.mark.parametrize("dtype", ["object", "float64", "Int64", "str"])
def test_a_table_without_rows_fits(kind: str, dtype: str) -> None:
    assert faults_of(pd.Series([], dtype=dtype), kind=kind) == []


def test_a_table_without_columns_lacks_them_all() -> None:
    faults = CLINIC.faults(pd.DataFrame(index=range(3)))
    assert [fault.column for fault in faults] == [column.name for column in CLINIC.columns]
    assert {fault.problem for fault in faults} == {"is not in the table"}


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({}, "a number"),
        ({"low": 0}, "a number of at least 0"),
        ({"high": 5.5}, "a number of at most 5.5"),
        ({"low": 0.1, "high": 1234567, "unit": "mmol/L"}, "a number from 0.1 to 1234567 mmol/L"),
        ({"kind": "integer", "unit": "years", "missing": True}, "a whole number years or missing"),
        ({"kind": "yes_no"}, "0 or 1"),
        ({"kind": "category", "levels": ("f", "m"), "missing": True}, "one of f, m or missing"),
        ({"kind": "integer", "levels": (1, 2), "low": 1}, "one of 1, 2"),
    ],
)
def test_what_is_expected_in_words(names: dict[str, object], words: str) -> None:
    assert Column("x", **{"kind": "number", "meaning": "of x", **names}).expected == words


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"kind": "count"}, "x: kind='count' is unknown: choose from number, integer, yes_no, category."),
        ({"kind": "category"}, "x: kind='category' needs its levels."),
        ({"low": 2, "high": 1}, "x: nothing lies from low=2 to high=1."),
        ({"low": np.nan}, "x: nothing lies from low=nan to high=inf."),
    ],
)
def test_a_column_that_cannot_be(names: dict[str, object], message: str) -> None:
    with pytest.raises(SchemaError, match=re.escape(message)):
        Column("x", **{"kind": "number", "meaning": "of x", **names})


def test_the_data_dictionary() -> None:
    frame = CLINIC.to_frame()
    assert frame.columns.tolist() == ["column", "kind", "unit", "expected", "meaning"]
    assert frame.loc[1].tolist() == [
        "magnesium_mmol_l",
        "number",
        "mmol/L",
        "a number from 0.2 to 3 mmol/L or missing",
        "serum magnesium",
    ]


def test_every_error_is_one_of_crampstats_and_a_value_error() -> None:
    found = [
        each for each in vars(errors).values() if isinstance(each, type) and each.__module__ == "crampstats.errors"
    ]
    assert {each.__name__ for each in found} >= {"SchemaError", "QuestionError", "DesignError", "ConvergenceError"}
    assert [each for each in found if not issubclass(each, errors.CrampstatsError)] == []
    assert issubclass(errors.CrampstatsError, ValueError)
    assert SchemaError("without records").faults == ()
