"""The language of formulas: the columns it makes, and that nothing else may stand in it."""

import builtins
import itertools
import re
import time
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import crampstats as cs
from crampstats.errors import QuestionError
from crampstats.formulas import FUNCTIONS, LONGEST, _plain, read_formula


@pytest.fixture
def people() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "low": [0, 1, 1, 0, 1, 0],
            "sex": ["female", "male", "male", "female", "female", "male"],
            "age_years": [30.0, 40, 50, 60, 70, 80],
            "cramps": [0, 3, 1, 2, 5, 4],
            "age_group": pd.Categorical(["-39", "40+", "40+", "40+", "40+", "40+"], categories=["40+", "-39"]),
            "region": [1, 2, 3, 1, 2, 3],
            "diabetes": [True, False, False, True, False, False],
        }
    )


def column(text: str, data: pd.DataFrame, term: str) -> np.ndarray:
    """Return one column of the matrix by its name."""
    matrix = read_formula(text).matrix(data)
    return matrix.values[:, matrix.encoding.terms.index(term)]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("low ~ age_years", ("Intercept", "age_years")),
        ("~ age_years", ("Intercept", "age_years")),
        ("age_years", ("Intercept", "age_years")),
        ("low ~ 1", ("Intercept",)),
        ("low ~ sex", ("Intercept", "sex[T.male]")),
        ("low ~ 0 + sex", ("sex[female]", "sex[male]")),
        ("low ~ sex - 1", ("sex[female]", "sex[male]")),
        ("low ~ age_group", ("Intercept", "age_group[T.-39]")),
        ("low ~ diabetes", ("Intercept", "diabetes")),
        ("low ~ C(region)", ("Intercept", "C(region)[T.2]", "C(region)[T.3]")),
        (
            "low ~ C(sex, contr.treatment('male'))",
            ("Intercept", "C(sex, contr.treatment('male'))[T.female]"),
        ),
        (
            "low ~ C(region, contr.treatment(2))",
            ("Intercept", "C(region, contr.treatment(2))[T.1]", "C(region, contr.treatment(2))[T.3]"),
        ),
        ("low ~ sex * age_years", ("Intercept", "sex[T.male]", "age_years", "sex[T.male]:age_years")),
        ("low ~ sex:age_years", ("Intercept", "sex[female]:age_years", "sex[male]:age_years")),
        ("low ~ sex / age_years", ("Intercept", "sex[T.male]", "sex[female]:age_years", "sex[male]:age_years")),
        (
            "low ~ (sex + age_years) * cramps - age_years:cramps",
            ("Intercept", "sex[T.male]", "age_years", "cramps", "sex[T.male]:cramps"),
        ),
        ("low ~ log(age_years)", ("Intercept", "log(age_years)")),
        ("low ~ sqrt(cramps) + center(age_years)", ("Intercept", "sqrt(cramps)", "center(age_years)")),
        ("low ~ poly(age_years, 2)", ("Intercept", "poly(age_years, 2)[1]", "poly(age_years, 2)[2]")),
        ("low ~ bs(age_years, degree=1)", ("Intercept", "bs(age_years, degree=1)[1]")),
        ("low ~ cr(age_years, df=2)", ("Intercept", "cr(age_years, df=2)[1]", "cr(age_years, df=2)[2]")),
    ],
)  # fmt: skip
def test_terms(people: pd.DataFrame, text: str, terms: tuple[str, ...]) -> None:
    matrix = read_formula(text).matrix(people)
    assert matrix.encoding.terms == terms
    assert matrix.values.shape == (6, len(terms))
    assert matrix.values.dtype == float


def test_values_by_hand(people: pd.DataFrame) -> None:
    assert column("low ~ sex * age_years", people, "sex[T.male]:age_years").tolist() == [0, 40, 50, 0, 0, 80]
    assert column("low ~ age_group", people, "age_group[T.-39]").tolist() == [1, 0, 0, 0, 0, 0]
    assert column("low ~ diabetes", people, "diabetes").tolist() == [1, 0, 0, 1, 0, 0]
    assert column("low ~ C(region)", people, "C(region)[T.3]").tolist() == [0, 0, 1, 0, 0, 1]
    assert_allclose(column("low ~ log(age_years)", people, "log(age_years)"), np.log(people["age_years"]), rtol=1e-15)
    assert_allclose(column("low ~ sqrt(cramps)", people, "sqrt(cramps)") ** 2, people["cramps"], rtol=1e-14)
    assert column("low ~ center(age_years)", people, "center(age_years)").tolist() == [-25, -15, -5, 5, 15, 25]
    assert_allclose(
        column("low ~ log(sqrt(age_years))", people, "log(sqrt(age_years))"),
        np.log(people["age_years"]) / 2,
        rtol=1e-14,
    )


def test_another_reference_level_is_the_same_space(people: pd.DataFrame) -> None:
    one = column("low ~ sex", people, "sex[T.male]")
    other = column("low ~ C(sex, contr.treatment('male'))", people, "C(sex, contr.treatment('male'))[T.female]")
    assert (one + other).tolist() == [1.0] * 6


def test_polynomials_are_orthogonal_to_each_other_and_to_the_intercept(people: pd.DataFrame) -> None:
    values = read_formula("low ~ poly(age_years, 3)").matrix(people).values
    gram = values.T @ values
    assert_allclose(gram - np.diag(np.diag(gram)), 0, atol=1e-12)


@pytest.mark.parametrize(
    "spline", ["cr(age, df=3)", "bs(age, df=4)", "cr(age, knots=[35, 50, 65])", "cr(age, 3) * sex"]
)
def test_no_column_of_a_spline_is_a_combination_of_others(spline: str) -> None:
    data = pd.DataFrame({"age": np.linspace(20, 80, 50), "sex": ["f", "m"] * 25})
    values = read_formula(spline).matrix(data).values
    assert np.linalg.matrix_rank(values) == values.shape[1]


def test_natural_splines_are_straight_beyond_the_data_and_b_splines_end_there() -> None:
    data = pd.DataFrame({"age": np.linspace(20.0, 80, 50)})
    beyond = pd.DataFrame({"age": [90.0, 100.0, 110.0]})
    values = read_formula("cr(age, df=4)").matrix(data).encoding.of(beyond)
    assert_allclose(np.diff(values, n=2, axis=0), 0, atol=1e-9)
    with pytest.raises(
        QuestionError, match=r"'bs\(age, df=4\)' cannot be computed: .*beyond upper and/or lower bounds"
    ):
        read_formula("bs(age, df=4)").matrix(data).encoding.of(beyond)


@pytest.mark.parametrize(
    "kept",
    [
        "age_years",
        "center(age_years)",
        "poly(age_years, 2)",
        "cr(age_years, df=3)",
        "bs(age_years, df=4)",
        "sex * age_years",
        "C(region) + age_group",
        "C(sex, contr.treatment('male'))",
    ],
)
def test_the_same_columns_for_other_data(people: pd.DataFrame, kept: str) -> None:
    # Knots, means and levels are those of the first data, so a part of it has the rows that it had there.
    matrix = read_formula(f"low ~ {kept}").matrix(people)
    part = people.iloc[[4, 1]].drop(columns="low")
    assert_allclose(matrix.encoding.of(part), matrix.values[[4, 1]], rtol=1e-12, atol=1e-12)
    assert matrix.encoding.of(part.iloc[:0]).shape == (0, len(matrix.encoding.terms))


def test_a_formula_names_its_columns() -> None:
    formula = read_formula("low ~ sex * log(age_years) + C(region) + cr(cramps, df=3)")
    assert formula.response == "low"
    assert formula.predictors == ("age_years", "cramps", "region", "sex")
    assert formula.columns == ("age_years", "cramps", "low", "region", "sex")
    assert read_formula("~ sex").response is None
    assert read_formula("~ sex").columns == ("sex",)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 1, 2], [0.0, 1.0, 2.0]),
        ([0.5, 1, 2], [0.5, 1.0, 2.0]),
        ([True, False, True], [1.0, 0.0, 1.0]),
        (pd.array([0, 1, 2], dtype="Int64"), [0.0, 1.0, 2.0]),
        (pd.array([True, False, True], dtype="boolean"), [1.0, 0.0, 1.0]),
        (pd.array([1, 2.5, 3], dtype=object), [1.0, 2.5, 3.0]),
    ],
)
def test_numbers_of_every_type(values: object, expected: list[float]) -> None:
    data = pd.DataFrame({"y": values, "x": values})
    matrix = read_formula("y ~ x").matrix(data)
    assert matrix.response is not None
    assert matrix.response.tolist() == expected
    assert matrix.values.tolist() == [[1.0, value] for value in expected]


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint8", "Int8", "float16", "float32", "int64", "int8[pyarrow]"])
@pytest.mark.parametrize(
    "term", ["x:z", "poly(x, 12, raw=True)", "log(x)", "sqrt(x)", "bs(x, 4)", "rcs(x, 3)", "center(x)"]
)
def test_numbers_of_few_bits_are_computed_as_floats(term: str, dtype: str) -> None:
    data = pd.DataFrame({"x": [20.0, 30, 50, 70, 80, 100], "z": [3.0, 7, 1, 20, 11, 127]})
    expected = read_formula(term).matrix(data).values
    assert np.array_equal(read_formula(term).matrix(data.astype(dtype)).values, expected)


def test_truths_are_computed_as_floats() -> None:
    data = pd.DataFrame({"yes": [True, True, False], "x": pd.Series([100, 50, 2], dtype="int8")})
    assert column("yes:x", data, "yes:x").tolist() == [100.0, 50.0, 0.0]
    assert read_formula("sqrt(yes)").matrix(data).values.dtype == float


def test_floats_are_not_copied() -> None:
    data = pd.DataFrame({"x": np.arange(3.0)})
    assert np.shares_memory(_plain("x", ("x",), data, {"x"})["x"].to_numpy(), data["x"].to_numpy())


@pytest.mark.parametrize("dtype", ["str", "string", "object", "category"])
def test_texts_of_every_type(dtype: str) -> None:
    data = pd.DataFrame({"sex": pd.Series(["m", "f", "m"], index=[3, 3, 1]).astype(dtype)})
    assert column("sex", data, "sex[T.m]").tolist() == [1.0, 0.0, 1.0]


@pytest.mark.parametrize("dtype", ["int64", "Int64", "uint8"])
def test_coded_integers_keep_their_codes(dtype: str) -> None:
    data = pd.DataFrame({"region": pd.Series([1, 2, 10]).astype(dtype)})
    assert read_formula("C(region)").matrix(data).encoding.terms == ("Intercept", "C(region)[T.2]", "C(region)[T.10]")


def test_categories_keep_their_order_and_numbers_as_categories_stay_categories() -> None:
    data = pd.DataFrame({"x": pd.Categorical([1, 2, 3], categories=[3, 2, 1])})
    assert read_formula("x").matrix(data).encoding.terms == ("Intercept", "x[T.2]", "x[T.1]")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lowe ~ sex", "'lowe ~ sex': there is no column 'lowe'; did you mean 'low'?"),
        ("low ~ ages_years", "there is no column 'ages_years'; did you mean 'age_years'?"),
        ("low ~ log(cramp)", "there is no column 'cramp'; did you mean 'cramps'?"),
        ("low ~ q", "there is no column 'q'; the columns are low, sex, age_years, cramps, age_group, region, diabetes"),
        ("low ~ log", "there is no column 'log'; did you mean 'low'?"),
        ("low ~ C(eval)", "there is no column 'eval'"),
        ("low ~ np", "there is no column 'np'"),
        ("low ~ __builtins__", "there is no column '__builtins__'"),
        ("sex ~ low", "'sex' has to be a number or 0/1 to stand on the left of a formula."),
        ("age_group ~ low", "'age_group' has to be a number or 0/1 to stand on the left of a formula."),
        ("low ~ log(cramps)", "'low ~ log(cramps)': log(cramps) is not a finite number in row 0."),
        ("low ~ sqrt(center(age_years))", "sqrt(center(age_years)) is not a finite number in row 0, 1, 2."),
        ("low ~ log(sex)", "'low ~ log(sex)' cannot be computed: Unable to evaluate factor `log(sex)`"),
        ("low ~ bs(sex, df=4)", "'low ~ bs(sex, df=4)' cannot be computed"),
        ("low ~ C(sex, contr.treatment('boy'))", "Value `'boy'` for `TreatmentContrasts.base` is not among"),
        ("low ~ cr(age_years)", "Must specify either 'df' or 'knots'"),
    ],
)
def test_what_does_not_fit_the_table(people: pd.DataFrame, text: str, message: str) -> None:
    with pytest.raises(QuestionError, match=re.escape(message)):
        read_formula(text).matrix(people)


def test_missing_values_are_refused_for_all_columns_at_once(people: pd.DataFrame) -> None:
    spoiled = people.assign(
        low=pd.array([0, 1, None, 0, 1, 0], dtype="Int64"),
        sex=["female", None, "male", "male", "male", "male"],
        age_group=people["age_group"].where(people.index > 0),
    )
    with pytest.raises(
        QuestionError,
        match=r"'low ~ sex \+ age_group \+ age_years' meets missing values: first ask observed\('age_group', 'low', 'sex'\)\.",
    ):
        read_formula("low ~ sex + age_group + age_years").matrix(spoiled)
    survey = cs.Survey(spoiled).observed("age_group", "low", "sex")
    observed = survey.data[survey.domain]
    assert read_formula("low ~ sex + age_group + age_years").matrix(observed).response.tolist() == [0, 1, 0]


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_values_are_refused_on_either_side(people: pd.DataFrame, value: float) -> None:
    spoiled = people.assign(age_years=[1.0, 2, value, 4, 5, value]).set_axis(list("abcdef"))
    with pytest.raises(QuestionError, match=r"'low ~ age_years': age_years is not a finite number in row c, f\."):
        read_formula("low ~ age_years").matrix(spoiled)
    with pytest.raises(QuestionError, match=r"'age_years ~ sex': age_years is not a finite number in row c, f\."):
        read_formula("age_years ~ sex").matrix(spoiled)


@pytest.mark.parametrize(
    ("text", "changes", "message"),
    [
        ("sex", {"sex": "other"}, "'sex': 'sex' is 'other' where the formula knows only the levels 'female', 'male'."),
        ("sex", {"sex": 1}, "'sex' is 1 where the formula knows only the levels 'female', 'male'."),
        ("sex", {"sex": ["a", "b", "male", "c", "a", "d"]}, "'sex' is 'a', 'b', 'c', 'd' where"),
        (
            "age_group",
            {"age_group": "80+"},
            "'age_group' is '80+' where the formula knows only the levels '40+', '-39'.",
        ),
        ("C(region)", {"region": 4}, "'region' is 4 where the formula knows only the levels 1, 2, 3."),
        ("C(region)", {"region": "1"}, "'region' is '1' where the formula knows only the levels 1, 2, 3."),
        ("C(sex, contr.treatment('male'))", {"sex": "other"}, "'sex' is 'other' where"),
        ("sex * age_years", {"sex": "other"}, "'sex' is 'other' where"),
        ("sex", {"sex": None}, "'sex' meets missing values: first ask observed('sex')."),
        ("age_years", {"age_years": np.nan}, "'age_years' meets missing values: first ask observed('age_years')."),
        ("age_years", {"age_years": "old"}, "'age_years' holds no numbers here, and the formula knows it as a number."),
        (
            "log(age_years)",
            {"age_years": pd.Categorical([1] * 6)},
            "'age_years' holds no numbers here, and the formula",
        ),
        ("C(low)", {"low": True}, "'low' is True where the formula knows only the levels 0, 1."),
        ("C(low)", {"low": pd.Categorical([True] * 6)}, "'low' is True where the formula knows only the levels 0, 1."),
        ("C(diabetes)", {"diabetes": 1}, "'diabetes' is 1 where the formula knows only the levels False, True."),
        ("log(age_years)", {"age_years": [1, 0, 1, 1, -1, 1]}, "log(age_years) is not a finite number in row 1, 4."),
    ],
)
def test_what_does_not_fit_other_data(
    people: pd.DataFrame, text: str, changes: dict[str, object], message: str
) -> None:
    encoding = read_formula(text).matrix(people).encoding
    with pytest.raises(QuestionError, match=re.escape(message)):
        encoding.of(people.assign(**changes))


@pytest.mark.parametrize("term", ["age_years", "poly(age_years, 2)", "age_years + C(age_years)", "sex:age_years"])
def test_data_that_were_refused_change_nothing(people: pd.DataFrame, term: str) -> None:
    matrix = read_formula(term).matrix(people)
    for wrong in ("old", pd.Categorical(people["age_years"]), np.inf):
        with pytest.raises(QuestionError):
            matrix.encoding.of(people.assign(age_years=wrong))
    assert np.array_equal(matrix.encoding.of(people), matrix.values)


def test_evaluation_leaves_what_formulaic_keeps_as_it_is(people: pd.DataFrame) -> None:
    encoding = read_formula("bs(age_years, 4) + sex").matrix(people).encoding
    before = repr((encoding.specification.encoder_state, encoding.specification.transform_state))
    encoding.of(people.iloc[:2])
    assert repr((encoding.specification.encoder_state, encoding.specification.transform_state)) == before


def test_the_plain_levels_of_a_category_of_numbers_are_levels() -> None:
    matrix = read_formula("x").matrix(pd.DataFrame({"x": pd.Categorical([1, 2, 3], categories=[3, 2, 1])}))
    assert np.array_equal(matrix.encoding.of(pd.DataFrame({"x": [1, 2, 3]})), matrix.values)


def test_a_column_that_other_data_lack_names_the_nearest(people: pd.DataFrame) -> None:
    encoding = read_formula("low ~ age_years").matrix(people).encoding
    with pytest.raises(
        QuestionError, match=r"'low ~ age_years': there is no column 'age_years'; did you mean 'age_year'\?"
    ):
        encoding.of(people.rename(columns={"age_years": "age_year"}))


def test_columns_of_a_term(people: pd.DataFrame) -> None:
    encoding = read_formula("low ~ C(region) * sex + cr(age_years, df=3)").matrix(people).encoding
    named = {
        term: [encoding.terms[place] for place in encoding.columns_of(term)]
        for term in ("C(region)", "sex:C(region)", "1")
    }
    assert named == {
        "C(region)": ["C(region)[T.2]", "C(region)[T.3]"],
        "sex:C(region)": ["C(region)[T.2]:sex[T.male]", "C(region)[T.3]:sex[T.male]"],
        "1": ["Intercept"],
    }
    assert len(encoding.columns_of("cr(age_years,df=3)")) == 3
    for term in ("age_years", "sex + C(region)", "sex **", "a**99999999", "~", ""):
        with pytest.raises(
            QuestionError, match=re.escape(f"there is no term {term!r} in the formula; its terms are '1', ")
        ):
            encoding.columns_of(term)


def test_a_table_without_rows(people: pd.DataFrame) -> None:
    with pytest.raises(QuestionError, match="'low ~ sex' meets a table without rows"):
        read_formula("low ~ sex").matrix(people.iloc[:0])


def test_a_column_that_stands_twice(people: pd.DataFrame) -> None:
    with pytest.raises(QuestionError, match="'low ~ sex': there are 2 columns named 'sex'"):
        read_formula("low ~ sex").matrix(people[["low", "sex", "sex"]])


def test_other_columns_do_not_matter(people: pd.DataFrame) -> None:
    # Columns that are named like functions would hide them, were they there.
    strange = people.assign(C=1, log=None, contr="x", sqrt=pd.Timestamp("2024-01-01"))
    text = "low ~ C(region, contr.treatment(2)) + log(age_years) + sqrt(cramps)"
    matrix = read_formula(text).matrix(strange)
    assert_allclose(matrix.values, read_formula(text).matrix(people).values, rtol=0)
    assert_allclose(matrix.encoding.of(strange), matrix.values, rtol=0)


def test_the_index_does_not_matter(people: pd.DataFrame) -> None:
    text = "low ~ sex * log(age_years) + C(region) / age_group + bs(age_years, df=4) + cr(cramps, df=2) + diabetes"
    strange = people.set_axis(["b", "a", "a", "c", "a", "b"])
    matrix = read_formula(text).matrix(strange)
    assert_allclose(matrix.values, read_formula(text).matrix(people).values, rtol=0)
    assert_allclose(matrix.encoding.of(strange.iloc[3:]), matrix.values[3:], rtol=1e-12, atol=1e-12)


def test_the_data_are_not_changed(people: pd.DataFrame) -> None:
    before = people.copy(deep=True)
    matrix = read_formula("low ~ sex * log(age_years) + center(cramps) + C(region) + age_group").matrix(people)
    matrix.encoding.of(people)
    pd.testing.assert_frame_equal(people, before)


def test_letters_that_unicode_holds_to_be_the_same() -> None:
    data = pd.DataFrame({"\u00b5g": [1.0, 2.0]})
    assert column("\u00b5g", data, "\u03bcg").tolist() == [1.0, 2.0]


ATTACKS = [
    "__import__('os').system('id')",
    "{__import__('os')}",
    "eval('1')",
    "exec('x = 1')",
    "open('/etc/passwd')",
    "exit()",
    "print(x)",
    "print(x)(x)",
    "__import__('os').system('id')(x)",
    "log(print(x)(x))",
    "{print(1)(2)}",
    "I(x)",
    "Q('x')",
    "np.log(x)",
    "exp(x)",
    "lag(x)",
    "hashed(x)",
    "scale(x)",
    "x.values",
    "x.__class__",
    "C(x).__class__",
    "C(x.__class__)",
    "log(x).values",
    "x[0]",
    "C(x)[0]",
    "C(x)(x)",
    "C(C(x))",
    "C(log(x))",
    "C('x')",
    "C(1)",
    "C()",
    "C(x, x)",
    "C(x, 2)",
    "C(x, [1, 2])",
    "C(x, contr)",
    "C(x, contr.sum)",
    "C(x, contr.sum('a'))",
    "C(x, contr.treatment)",
    "C(x, contr.treatment())",
    "C(x, contr.treatment(x))",
    "C(x, contr.treatment(exit()))",
    "C(x, contr.treatment.__class__('a'))",
    "C(x, contr.treatment('a', exit()))",
    "C(x, contrasts={'a': [1]})",
    "C(x, levels=[1, 2])",
    "log(x, out=s)",
    "log(x, s)",
    "log(x, 2)",
    "log(x + 1)",
    "log(2)",
    "log()",
    "log(*x)",
    "log(**x)",
    "log(x, **x)",
    "center(x, _state=x)",
    "center(x, _state={})",
    "center(x, _spec=1)",
    "poly(x, s)",
    "poly(x, -1)",
    "poly(x, 1.5)",
    "poly(x, 1000000)",
    "poly(x, degree=10**9)",
    "poly(x, degree=True)",
    "poly(x, raw=exit())",
    "poly(x, '\"] or exit() #')",
    "poly(x, degree='\\\\')",
    "bs(x, df=1000000000)",
    "bs(x, df=51)",
    "bs(x, 4, 5)",
    "bs(x, knots=4)",
    "bs(x, knots=[x])",
    "bs(x, knots=[y for y in x])",
    "bs(x, knots=['\"'])",
    "bs(x, lower_bound=[1])",
    "bs(x, extrapolation='\"')",
    "bs(x, other=1)",
    "cr(x, df=1000000)",
    "cr(x, constraints='center')",
    "cr(x=x, df=3)",
    "C(lambda: 1)",
    "C([y for y in x])",
    "C((y := 1))",
    "C(x if x else s)",
    "C(f'{x}')",
    "C(x or s)",
    "C(not x)",
    "C(x == 1)",
    "C(await x)",
    "C((yield x))",
    "C(*x)",
    "{lambda: 1}",
    "{x + 1}",
    "{[1, 2]}",
    "{x; s}",
    "`x y`",
    "'x'",
    "\"x\"",
    "2:x",
    "2 * x",
    "x:1",
    "1e5",
    "x ** 2",
    "(x + s) ** 30",
    "x ** 999999999",
    "x ^ 2",
    "x %in% s",
    "x %% s",
    ".",
    ". - x",
    "x | s",
    "x & s",
    "x @ s",
    "x == 1",
    "x > 1",
    "x, s",
    "x; s",
    "x s",
    "x +",
    "* x",
    "x ~ s",
    "[x ~ s]",
    "(x",
    "x)",
    "C(x",
    "not x",
    "lambda: x",
    "None",
    "True",
    "...",
    "x\x00",
    "\ud800",
    "y",
    "",
    "x" * LONGEST,
    "*".join("abcdefghijklmnopqrstuvwx"),
    ":".join("abcdefg"),
    ":".join(["(x + s)"] * 150),
    "*".join("(" + "+".join(letters) + ")" for letters in ("abcdefghijkl", "mnopqrstuvw", "ABCDEFG")),
    "(" + "+".join("abcdefghijkl") + ")/x/s",
    "+".join(["x"] * 990),
    "C(" * 400 + "x" + ")" * 400,
    "-" * 1000,
    "(" * 900 + "x",
]  # fmt: skip


@pytest.fixture
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Notice whether anything is run, read or imported."""
    ran: list[str] = []
    for name in ("eval", "exec", "open", "input", "breakpoint", "print"):
        monkeypatch.setattr(builtins, name, lambda *_, name=name, **__: ran.append(name))
    bring = builtins.__import__
    monkeypatch.setattr(
        builtins,
        "__import__",
        lambda name, *rest, **more: ran.append(name) if name == "os" else bring(name, *rest, **more),
    )
    yield ran
    monkeypatch.undo()
    assert ran == []


def test_the_watch_notices_what_runs(nothing_runs: list[str]) -> None:
    eval("1")
    __import__("os")
    assert nothing_runs == ["eval", "os"]
    nothing_runs.clear()


def test_no_two_attacks_are_alike() -> None:
    assert len(set(ATTACKS)) == len(ATTACKS)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda text: ascii(text)[:40])
def test_an_attack_is_refused_at_once_when_it_is_read(nothing_runs: list[str], attack: str) -> None:
    before = time.perf_counter()
    with pytest.raises(QuestionError) as caught:
        read_formula(f"y ~ {attack}")
    assert time.perf_counter() == pytest.approx(before, abs=5.0)
    assert str(caught.value) != ""


LEFT = [
    "exit()",
    "print(1)(2)",  # what stands before the second bracket would run, were formulaic to read it
    "__import__('os').system('id')(1)",
    "__import__('os').system('id')",
    "log(y)",
    "C(y)",
    "eval('1')(x)",
    "{print(1)(2)}",
    "[print(1)(2)]",
    "(print(1)(2))",
    "y + print(1)(2)",
    "y + x",
    "y:x",
    "y - 1",
    "1",
    "'y'",
    "{y}",
    "`y`",
    "y.x",
    "y[0]",
    "y ** 2",
    "(y)",
]


@pytest.mark.parametrize("left", LEFT)
def test_the_left_is_one_column(nothing_runs: list[str], left: str) -> None:
    with pytest.raises(QuestionError, match=r"the left of .* has to be one column; define\(\) makes one of a question"):
        read_formula(f"{left} ~ x")


@pytest.mark.parametrize("left", LEFT)
def test_a_term_that_is_asked_for_runs_nothing(nothing_runs: list[str], left: str) -> None:
    encoding = read_formula("x").matrix(pd.DataFrame({"x": [1.0, 2.0]})).encoding
    with pytest.raises(QuestionError, match="there is no term"):
        encoding.columns_of(f"{left} ~ x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "a formula is a text such as 'low ~ sex + age_group', not None."),
        ("  ", "a formula is a text such as 'low ~ sex + age_group', not '  '."),
        ("low ~ sex ~ age", "a formula has at most 2000 characters and one '~': 'low ~ sex ~ age'."),
        ("low ~", "the formula 'low ~' has nothing on the right of '~'; write 1 for the mean alone."),
        ("low ~ low + sex", "'low' stands on both sides of 'low ~ low + sex'."),
        ("low ~ sex +", "cannot read the formula 'low ~ sex +': Operator `+` has"),
        (
            "low ~ age ** 2",
            "'**' cannot stand in the formula 'low ~ age ** 2': a formula holds column names, + - * : /, and",
        ),
        ("low ~ I(age)", "'I(age)' cannot stand in the formula 'low ~ I(age)'"),
        ("low ~ exp(age)", ", ".join(FUNCTIONS) + " of a column, with their options."),
        ("low ~ a*b*c*d*e*f*g", "has up to 128 terms of up to 7 factors; it may have 1,000 terms of 6."),
    ],
)
def test_errors_of_reading(text: str, message: str) -> None:
    with pytest.raises(QuestionError, match=re.escape(message)):
        read_formula(text)


@pytest.mark.parametrize(
    "text",
    [
        "y ~ " + "(" * 500 + "x" + ")" * 500,
        "y ~ " + " + ".join(f"x{i}" for i in range(300)),
        "y ~ a*b*c*d*e*f",
        "y ~ ((a))",
    ],
)
def test_what_is_long_and_harmless_is_read(nothing_runs: list[str], text: str) -> None:
    before = time.perf_counter()
    assert set(read_formula(text).columns) == set(re.findall(r"\w+", text))
    assert time.perf_counter() == pytest.approx(before, abs=5.0)


def test_six_crossed_factors_are_computed_at_once() -> None:
    data = pd.DataFrame(list(itertools.product("pq", repeat=6)), columns=list("abcdef"))
    before = time.perf_counter()
    values = read_formula("a:b:c:d:e:f").matrix(data).values
    assert time.perf_counter() == pytest.approx(before, abs=5.0)
    assert values.shape == (2**6, 2**6)
    assert np.linalg.matrix_rank(values) == 2**6
