"""The language of questions: what it answers, what it refuses, and that it runs nothing."""

import builtins
import itertools
import math
import operator
import os
import re
import time
import warnings
from collections.abc import Callable, Iterator
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crampstats as cs
from crampstats.errors import QuestionError
from crampstats.questions import DEEPEST, LONGEST, column_named, named_questions, read_question

Truth = bool | None


def answers(text: str, data: pd.DataFrame) -> list[object]:
    """Return the answer of each row as a plain value, None where it is missing."""
    answer = read_question(text).answer(data)
    missing = np.zeros(len(data), dtype=bool) if answer.missing is None else answer.missing
    values = answer.values.tolist()
    assert len(values) == len(missing) == len(data)
    return [None if lacks else value for value, lacks in zip(values, missing, strict=True)]


@pytest.fixture
def serum() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "age_years": [19, 40, 75, 52],
            "magnesium_mg_dl": [1.6, np.nan, 2.0, 1.7],
            "sex": ["female", "male", None, "male"],
            "age_group": pd.Categorical(["18-39", "40-59", "60+", None], categories=["18-39", "40-59", "60+"]),
            "cramp_class": pd.array([0, None, 3, 4], dtype="Int64"),
            "diabetes": pd.array([True, None, False, False], dtype="boolean"),
        }
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("magnesium_mg_dl <= 1.7", [True, None, False, True]),
        ("magnesium_mg_dl / 2.4305 < 0.7", [True, None, False, True]),
        ("20 <= age_years < 60", [False, True, False, True]),
        ("sex == 'male' and age_years > 45", [False, False, None, True]),
        ("sex != 'male' or age_years > 45", [True, False, True, True]),
        ("sex == 'male' and magnesium_mg_dl < 1.7", [False, None, False, False]),
        ("not (cramp_class >= 3)", [True, None, False, False]),
        ("cramp_class in [0, 3]", [True, None, True, False]),
        ("age_group in ('18-39', '60+')", [True, False, True, None]),
        ("sex not in {'male'}", [True, False, None, False]),
        ("diabetes", [True, None, False, False]),
        ("diabetes == False and not diabetes", [False, None, True, True]),
        ("isna(cramp_class) or cramp_class == 0", [True, True, False, False]),
        ("isna(magnesium_mg_dl + cramp_class)", [False, True, False, False]),
        ("-age_years + 100", [81.0, 60.0, 25.0, 48.0]),
        ("(age_years - 40) ** 2 / 3", [147.0, 0.0, 1225 / 3, 48.0]),
        ("cramp_class", [0, None, 3, 4]),
        ("sex", ["female", "male", None, "male"]),
        ("1 == 1", [True] * 4),
        ("2 * 3", [6.0] * 4),
        ("'yes'", ["yes"] * 4),
        ("True", [True] * 4),
        ("  age_years == 19  # a remark", [True, False, False, False]),
        ("(age_years\n > 45)", [False, False, True, True]),
    ],
)
def test_worked_examples(serum: pd.DataFrame, text: str, expected: list[object]) -> None:
    assert answers(text, serum) == expected


def test_columns_come_in_their_order_and_once() -> None:
    assert read_question("b > 1 and a in [1, 2] or isna(c) and b == 2").columns == ("b", "a", "c")


def test_missing_answers_are_refused_until_observed(serum: pd.DataFrame) -> None:
    survey = cs.Survey(serum)
    with pytest.raises(
        QuestionError, match=r"no answer in 2 of 4 rows of survey: first ask observed\('sex', 'cramp_class'\)"
    ):
        survey.where("sex == 'female' or cramp_class > 3 and age_years > 80 or cramp_class == 9")
    observed = survey.observed("sex", "cramp_class")
    assert observed.where("sex == 'female' or cramp_class > 3").people == 2


# Kleene's tables: what hangs on a missing value is missing, unless the rest decides it.
CONJUNCTION = {
    (True, True): True, (True, False): False, (True, None): None,
    (False, True): False, (False, False): False, (False, None): False,
    (None, True): None, (None, False): False, (None, None): None,
}  # fmt: skip
DISJUNCTION = {
    (True, True): True, (True, False): True, (True, None): True,
    (False, True): True, (False, False): False, (False, None): None,
    (None, True): True, (None, False): None, (None, None): None,
}  # fmt: skip
NEGATION = {True: False, False: True, None: None}
PAIRS = list(itertools.product([True, False, None], repeat=2))
# How a truth may be stored, and the question that asks for it.
STORED: dict[str, tuple[Callable[[list[Truth]], object], str]] = {
    "boolean": (lambda truths: pd.array(truths, dtype="boolean"), "{}"),
    "objects": (lambda truths: pd.array(truths, dtype=object), "{}"),
    "categories of truths": (lambda truths: pd.Categorical(truths, categories=[False, True]), "{}"),
    "float": (lambda truths: pd.Series(truths, dtype=object).astype(float), "{} == 1"),
    "Int64": (lambda truths: pd.array([None if t is None else int(t) for t in truths], dtype="Int64"), "{} > 0"),
    "text": (lambda truths: pd.Series([None if t is None else "ny"[t] for t in truths], dtype="str"), "{} == 'y'"),
    "string": (lambda truths: pd.array([None if t is None else "ny"[t] for t in truths], dtype="string"), "{} != 'n'"),
    "categories": (lambda truths: pd.Categorical([None if t is None else "ny"[t] for t in truths]), "{} in ['y']"),
}
every_storage = pytest.mark.parametrize(("store", "ask"), STORED.values(), ids=STORED)


@every_storage
@pytest.mark.parametrize(("word", "table"), [("and", CONJUNCTION), ("or", DISJUNCTION)])
def test_truth_tables_of_and_and_or(store: Callable, ask: str, word: str, table: dict) -> None:
    left, right = zip(*PAIRS, strict=True)
    data = pd.DataFrame({"p": store(list(left)), "q": store(list(right))})
    assert answers(f"({ask.format('p')}) {word} ({ask.format('q')})", data) == [table[pair] for pair in PAIRS]


@every_storage
def test_truth_table_of_not(store: Callable, ask: str) -> None:
    truths = [True, False, None]
    data = pd.DataFrame({"p": store(truths)})
    assert answers(f"not ({ask.format('p')})", data) == [NEGATION[truth] for truth in truths]
    assert answers("isna(p)", data) == [False, False, True]


@pytest.mark.parametrize(("word", "table"), [("and", CONJUNCTION), ("or", DISJUNCTION)])
def test_three_in_a_row_are_two_and_one(word: str, table: dict) -> None:
    triples = list(itertools.product([True, False, None], repeat=3))
    data = pd.DataFrame(
        {
            name: pd.array(truths, dtype="boolean")
            for name, truths in zip("pqr", zip(*triples, strict=True), strict=True)
        }
    )
    assert answers(f"p {word} q {word} r", data) == [table[table[p, q], r] for p, q, r in triples]


@pytest.mark.parametrize("dtype", ["float64", "Int64", "Float64"])
@pytest.mark.parametrize(("one", "other"), [("<", "<="), (">=", ">"), ("==", "!="), ("!=", "==")])
def test_chained_comparisons_are_comparisons_joined_by_and(dtype: str, one: str, other: str) -> None:
    compare = {
        "<": operator.lt,
        "<=": operator.le,
        ">": operator.gt,
        ">=": operator.ge,
        "==": operator.eq,
        "!=": operator.ne,
    }
    triples = list(itertools.product([1, 2, 3, None], repeat=3))
    columns = zip("abc", zip(*triples, strict=True), strict=True)
    data = pd.DataFrame({name: pd.Series(values, dtype="Float64").astype(dtype) for name, values in columns})

    def pair(sign: str, a: int | None, b: int | None) -> Truth:
        return None if a is None or b is None else compare[sign](a, b)

    expected = [CONJUNCTION[pair(one, a, b), pair(other, b, c)] for a, b, c in triples]
    assert answers(f"a {one} b {other} c", data) == expected
    assert answers(f"a {one} b and b {other} c", data) == expected


def test_a_missing_end_of_a_chain_is_no_where_the_other_end_denies() -> None:
    data = pd.DataFrame({"x": [1.0, 5.0], "top": [np.nan, np.nan]})
    assert answers("3 < x < top", data) == [False, None]


# The reference: expressions as nested tuples, answered row by row with Python's own values and None.
ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "**": operator.pow}
COMPARED = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def written(node: tuple) -> str:
    """Write an expression in the language, every part in brackets."""
    match node:
        case ("column", name):
            return name
        case ("constant", value):
            return repr(value)
        case ("negative" | "not" | "isna" as word, part):
            return {"negative": "(-{})", "not": "(not {})", "isna": "isna({})"}[word].format(written(part))
        case ("chain", first, *links):
            return "(" + written(first) + "".join(f" {sign} {written(part)}" for sign, part in links) + ")"
        case ("in" | "not in" as word, part, listed):
            return f"({written(part)} {word} {list(listed)!r})"
        case (sign, *parts):
            return "(" + f" {sign} ".join(map(written, parts)) + ")"


def row_answer(node: tuple, row: dict[str, object]) -> object:
    """Answer an expression for one row, None for missing."""
    match node:
        case ("column", name):
            return row[name]
        case ("constant", value):
            return value
        case ("isna", part):
            return row_answer(part, row) is None
        case ("negative", part):
            return None if (value := row_answer(part, row)) is None else -value
        case ("not", part):
            return NEGATION[row_answer(part, row)]
        case ("and" | "or" as word, *parts):
            table = CONJUNCTION if word == "and" else DISJUNCTION
            total = row_answer(parts[0], row)
            for part in parts[1:]:
                total = table[total, row_answer(part, row)]
            return total
        case ("chain", first, *links):
            left, total = row_answer(first, row), True
            for sign, part in links:
                right = row_answer(part, row)
                total = CONJUNCTION[total, None if None in (left, right) else COMPARED[sign](left, right)]
                left = right
            return total
        case ("in" | "not in" as word, part, listed):
            value = row_answer(part, row)
            return None if value is None else (value in listed) == (word == "in")
        case (sign, one, other):
            return arithmetic(sign, row_answer(one, row), row_answer(other, row))


def arithmetic(sign: str, one: float | None, other: float | None) -> float | None:
    """Compute with floats; what has no finite value is missing."""
    if one is None or other is None:
        return None
    try:
        value = ARITHMETIC[sign](float(one), float(other))
    except (ZeroDivisionError, OverflowError):
        return None
    return value if math.isfinite(value) else None


# Halves and small whole numbers, for which floating-point arithmetic is exact whoever does it.
NUMBERS = [-2.5, -1.0, 0.0, 0.5, 1.0, 3.0]
COLUMNS: dict[str, tuple[list[object], Callable[[list], object]]] = {
    "f": ([*NUMBERS, None], lambda values: pd.Series(values, dtype=object).astype(float)),
    "i": ([-2, 0, 1, 3, None], lambda values: pd.array(values, dtype="Int64")),
    "u": ([0, 1, 200], lambda values: np.array(values, dtype="uint8")),
    "n": ([0, 1, 3, None], lambda values: pd.Categorical(values, categories=[3, 1, 0])),
    "b": ([True, False, None], lambda values: pd.array(values, dtype="boolean")),
    # Objects that are all missing would tell no type.
    "o": ([True, False, None], lambda values: pd.array(values, dtype=object)),
    "s": (["x", "y", "", None], lambda values: pd.Series(values, dtype="str")),
    "c": (["x", "y", None], lambda values: pd.Categorical(values, categories=["y", "z", "x"])),
    "t": (["x", "z", None], lambda values: pd.array(values, dtype="string")),
}


@st.composite
def tables(draw: st.DrawFn) -> tuple[pd.DataFrame, list[dict[str, object]]]:
    """Return a table of 1 to 8 rows in all types of columns, and the same as rows of plain values."""
    rows = draw(st.integers(1, 8))
    drawn = {
        name: draw(st.lists(st.sampled_from(values), min_size=rows, max_size=rows))
        for name, (values, _) in COLUMNS.items()
    }
    drawn["o"][0] = True
    data = pd.DataFrame({name: store(drawn[name]) for name, (_, store) in COLUMNS.items()})
    return data, [dict(zip(drawn, row, strict=True)) for row in zip(*drawn.values(), strict=True)]


def columns(names: str) -> st.SearchStrategy[tuple]:
    return st.sampled_from(names).map(lambda name: ("column", name))


def constants(values: list[object]) -> st.SearchStrategy[tuple]:
    return st.sampled_from(values).map(lambda value: ("constant", value))


texts = columns("sct") | constants(["x", "z", ""])
numbers = st.recursive(
    columns("fiun") | constants([0, 1, 3, 0.5]),
    lambda part: st.one_of(
        st.tuples(st.just("negative"), part),
        st.tuples(st.sampled_from(["+", "-", "*", "/"]), part, part),
        st.tuples(st.just("**"), part, constants([0, 1, 2])),
    ),
    max_leaves=5,
)
chains = st.lists(st.tuples(st.sampled_from(list(COMPARED)), numbers), min_size=1, max_size=3)
signs = st.sampled_from(["==", "!="])
simple = st.one_of(
    columns("bo"),
    constants([True, False]),
    st.tuples(numbers, chains).map(lambda drawn: ("chain", drawn[0], *drawn[1])),
    st.tuples(texts, signs, texts).map(lambda drawn: ("chain", drawn[0], drawn[1:])),
    st.tuples(st.sampled_from(["in", "not in"]), numbers, st.just((0, 1, -2.5))),
    st.tuples(st.sampled_from(["in", "not in"]), texts, st.just(("x", "q"))),
    st.tuples(st.just("isna"), numbers | texts),
)
truths = st.recursive(
    simple,
    lambda part: st.one_of(
        st.tuples(st.just("not"), part),
        st.tuples(st.just("isna"), part),
        st.tuples(st.sampled_from(["and", "or"]), part, part),
        st.tuples(st.sampled_from(["and", "or"]), part, part, part),
        st.tuples(part, signs, part).map(lambda drawn: ("chain", drawn[0], drawn[1:])),
    ),
    max_leaves=8,
)


@settings(max_examples=300)
@given(truths | numbers | texts, tables())
def test_every_answer_is_that_of_a_row_by_row_reference(
    expression: tuple, table: tuple[pd.DataFrame, list[dict[str, object]]]
) -> None:
    data, rows = table
    assert answers(written(expression), data) == [row_answer(expression, row) for row in rows]


@given(truths, tables())
def test_de_morgan(expression: tuple, table: tuple[pd.DataFrame, list[dict[str, object]]]) -> None:
    text, (data, _) = written(expression), table
    assert answers(f"not ({text} and b)", data) == answers(f"not {text} or not b", data)
    assert answers(f"not not {text}", data) == answers(text, data)


@pytest.mark.parametrize(
    "text",
    [
        "f + u * 2 > f - 1 and b or not o",
        "not f > 0 or b and o",
        "-u ** 2 < f",
        "f - u - 1 == (f - u) - 1",
        "2 ** f ** 2 > 8",
        "u / 2 / 2 == u / 4 and not f == 1",
        "1 < f < u",
    ],
)
@settings(max_examples=40)
@given(table=tables())
def test_precedence_is_that_of_python(text: str, table: tuple[pd.DataFrame, list[dict[str, object]]]) -> None:
    data, rows = table
    known = [index for index, row in enumerate(rows) if None not in row.values()]
    plain = {index: eval(text, {}, dict(rows[index])) for index in known}
    found = answers(text, data)
    assert {index: found[index] for index in known} == plain


ATTACKS = [
    "__import__('os').system('id')",
    "eval('1')",
    "exec('x = 1')",
    "compile('1', '', 'eval')",
    "open('/etc/passwd').read()",
    "print(f)",
    "exit()",
    "breakpoint()",
    "globals()",
    "vars()['f']",
    "getattr(f, 'sum')()",
    "setattr(f, 'x', 1)",
    "delattr(f, 'x')",
    "type('X', (), {})()",
    "super().__init__()",
    "isna(f, f)",
    "isna()",
    "isna(*[f])",
    "isna(x=f)",
    "isna(**{'x': f})",
    "isna.__globals__",
    "isna(isna)(f)",
    "(isna)(f)(f)",
    "f.values",
    "f.__class__",
    "f.__class__.__mro__[-1].__subclasses__()",
    "().__class__.__bases__[0].__subclasses__()",
    "''.__class__.__mro__",
    "'{0.__class__}'.format(f)",
    "'%s' % f",
    "f[0]",
    "f[0:1]",
    "f['x':]",
    "__builtins__['eval']('1')",
    "@f == 1",
    "`f` == 1",
    "@pd.eval('1')",
    "lambda: 1",
    "(lambda x: x)(f)",
    "[x for x in f]",
    "{x for x in f}",
    "{x: 1 for x in f}",
    "(x for x in f)",
    "[f, f]",
    "(f, f)",
    "{f}",
    "{'a': f}",
    "f in [x for x in 'ab']",
    "f in [f]",
    "f in [*[1, 2]]",
    "f in [[1]]",
    "f in [isna(f)]",
    "f in []",
    "f in 'ab'",
    "f in [1] in [1]",
    "s in [b'x']",
    "f in [None]",
    "(f := 1)",
    "f := 1",
    "f = 1",
    "f'{f}'",
    "f'{__import__(\"os\")}'",
    "*f",
    "**f",
    "await f",
    "(await f)",
    "(yield f)",
    "(yield from f)",
    "yield f",
    "f if f > 1 else 0",
    "f and (lambda: 1)()",
    "f > 1 or exit()",
    "f; import os",
    "import os",
    "f == 1\nimport os",
    "def g(): pass",
    "class G: pass",
    "del f",
    "assert f",
    "raise f",
    "return f",
    "global f",
    "pass",
    "with f: pass",
    "f // 2 == 1",
    "f % 2 == 1",
    "f @ f",
    "f << 1",
    "f >> 1",
    "b & b",
    "b | b",
    "b ^ b",
    "~b",
    "f is None",
    "f is not None",
    "f <> 1",
    "None",
    "...",
    "Ellipsis",
    "b'bytes'",
    "1j",
    "1e999",
    "f < 1e999",
    "9" * 1500,
    "f == 9007199254740993",
    "f == -9007199254740993",
    "'a' * 999999999",
    "'a' + 'b'",
    "-s",
    "f + b",
    "s > 1",
    "s < 'x'",
    "b == 1",
    "f and b",
    "not f",
    "if f: pass",
    "f\x00",
    "'\x00' == s and \x00",
    "\ud800",
    "'\ud800' == s",
    "s == '\\ud800'",
    "s == '\\d'",
    "s == '\\N{NOT A LETTER}'",
    "s == 'x",
    "s == '''x",
    "1and b",
    "0777 == f",
    "f == 1 \\",
    "f\u2028== 1",
    "\u0455 == 'x'",  # a Cyrillic letter that looks like s
    "f \uff1d\uff1d 1",
    "\uff3f\uff3fimport\uff3f\uff3f('os')",
    "__debug__",
    "x" * (LONGEST + 1),
    "(" * 990 + "f" + ")" * 990,
    "[" * 990 + "]" * 990,
    "{" * 1000,
    "-" * 1990 + "f",
    "not " * 490 + "b",
    "~" * 1990 + "f",
    "f" + ".a" * 990,
    "f" + "[0]" * 660,
    "f" + "()" * 990,
    "lambda:" * 280 + "f",
    "f if b else " * 160 + "f",
    "+".join(["f"] * 900),
    "**".join(["f"] * 900),
    "isna(" * 390 + "f" + ")" * 390,
]


@pytest.fixture
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Notice whether anything is run, read or imported."""
    table = pd.DataFrame({"f": [1.0], "s": ["x"], "c": pd.Categorical(["x"])})
    for text in ("f + 1 == 2 and s == 'x'", "c in ['x'] or isna(c)"):
        read_question(text).answer(table)  # whatever pandas imports at its first use
    ran: list[str] = []

    def notice(module: object, name: str) -> None:
        monkeypatch.setattr(module, name, lambda *_, **__: ran.append(name))

    for name in ("eval", "exec", "open", "input", "breakpoint", "print"):
        notice(builtins, name)
    for name in ("system", "popen"):
        notice(os, name)
    notice(pd, "eval")
    notice(pd.DataFrame, "eval")
    notice(pd.DataFrame, "query")
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
    breakpoint()
    assert nothing_runs == ["eval", "os", "breakpoint"]
    nothing_runs.clear()


def test_there_are_more_than_fifty_attacks_and_no_two_alike() -> None:
    assert len(set(ATTACKS)) == len(ATTACKS) >= 50


@pytest.mark.parametrize("text", ATTACKS, ids=lambda text: ascii(text)[:40])
def test_an_attack_is_refused_at_once(nothing_runs: list[str], text: str) -> None:
    table = pd.DataFrame({"f": [1.0, None], "s": ["x", None], "b": [True, False]})
    before = time.perf_counter()
    with pytest.raises(QuestionError) as caught:
        read_question(text).answer(table)
    assert time.perf_counter() == pytest.approx(before, abs=5.0)
    assert str(caught.value) != ""
    assert table.columns.tolist() == ["f", "s", "b"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9**9**9 > f", [None, None]),
        ("9**9**9**9**9 == 9**9**9**9**9", [None, None]),
        ("f ** 9999999 > 1", [False, None]),
        ("isna(9**9**9)", [True, True]),
        ("(f + 1) ** 2000 > 0", [None, None]),
        ("s == '" + "x" * 1900 + "'", [False, None]),
        ("f in [" + ", ".join(map(str, range(400))) + "]", [True, None]),
        (" or ".join(["f > 9"] * 200), [False, None]),
        (" < ".join(["f"] * 400), [False, None]),
        ("+".join(["f"] * 100), [100.0, None]),
        ("not " * DEEPEST + "b", [True, False]),
        ("((((f))))", [1.0, None]),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_huge_and_harmless_is_answered_at_once(
    nothing_runs: list[str], text: str, expected: list[object]
) -> None:
    table = pd.DataFrame({"f": [1.0, None], "s": ["x", None], "b": [True, False]})
    before = time.perf_counter()
    assert answers(text, table) == expected
    assert time.perf_counter() == pytest.approx(before, abs=5.0)


def test_names_of_python_are_columns_like_others(nothing_runs: list[str]) -> None:
    table = pd.DataFrame({"print": [1, 2], "__class__": [3, 4], "isna": [1.0, None], "eval": ["x", "y"]})
    assert answers("print + __class__", table) == [4.0, 6.0]
    assert answers("isna(isna) or eval == 'x'", table) == [True, True]


@pytest.mark.parametrize("text", ["", "  ", None, 1, b"x == 1", ["x == 1"]])
def test_a_question_is_a_text(text: object) -> None:
    with pytest.raises(
        QuestionError, match=rf"a question is a text such as 'age_years >= 20', not {re.escape(repr(text))}\."
    ):
        read_question(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sexx == 'male'", "there is no column 'sexx'; did you mean 'sex'?, at position 1 of \"sexx == 'male'\"."),
        ("sex == 'male' and age_year > 3", "no column 'age_year'; did you mean 'age_years'?, at position 19 of"),
        (
            "zzz > 1",
            "no column 'zzz'; the columns are age_years, magnesium_mg_dl, sex, age_group, cramp_class, diabetes",
        ),
        ("sex == 'ä' and agee > 3", "no column 'agee'; did you mean 'age_years'?, at position 16 of"),
        ("(sex == 'male'\n or agee > 3)", "no column 'agee'; did you mean 'age_years'?, at position 20 of"),
        (
            "sex == 1",
            "'sex' is a text and '1' is a number (sex holds 'female', 'male' ...), at position 1 of 'sex == 1'.",
        ),
        ("1 == sex", "'1' is a number and 'sex' is a text (sex holds 'female', 'male' ...), at position 1 of"),
        (
            "age_group in [1, 2]",
            "'age_group' is a text and '1' is a number (age_group holds '18-39', '40-59', '60+' ...)",
        ),
        ("cramp_class in [0, 'x']", "'cramp_class' is a number and \"'x'\" is a text"),
        ("diabetes == 1", "'diabetes' is yes or no and '1' is a number"),
        ("diabetes in [0, 1]", "'diabetes' is yes or no where a number or a text has to stand"),
        (
            "not cramp_class",
            "'cramp_class' is a number where yes or no has to stand; compare it, as in: x == 1, at position 5",
        ),
        ("age_years > 3 and cramp_class", "'cramp_class' is a number where yes or no has to stand"),
        ("sex + 1", "'sex' is a text where a number has to stand, at position 1 of 'sex + 1'."),
        ("age_years * diabetes", "'diabetes' is yes or no where a number has to stand, at position 13 of"),
        ("sex < 'male'", "only numbers have an order; compare 'sex' with ==, != or in, at position 1"),
        ("sex = 'male'", "cannot read \"sex = 'male'\", at position 5: "),
        ("sex != ", "cannot read 'sex !=': invalid syntax."),
        ("(sex == 'male'\n or or)", "at position 20: invalid syntax"),
        ("diabetes & diabetes", "'diabetes & diabetes' cannot stand in a question: write 'and', at position 1"),
        ("diabetes | diabetes", "write 'or'"),
        ("~diabetes", "'~diabetes' cannot stand in a question: write 'not'"),
        ("sex is None", "write '==' or isna(column)"),
        ("sex is not None", "write '!=' or 'not isna(column)'"),
        (
            "age_years.mean()",
            "'age_years.mean()' cannot stand in a question: the only function is isna(column), at position 1",
        ),
        ("age_years % 2 == 0", "names, numbers, texts, + - * / **, comparisons, and, or, not, in, at position 1"),
        ("sex in 'male'", "'in' takes a list of values, as in: age_group in ['20-39', '40-59'], at position 8"),
        ("age_years in [age_years]", "a list after 'in' holds numbers or texts only, at position 15"),
        ("age_years == 9007199254740993", "a number of this size is not exact, at position 14"),
        ("x" * 2001, "a question has at most 2000 characters; this one has 2001."),
        ("not " * 101 + "diabetes", "a question is nested at most 100 deep."),
    ],
)
def test_errors_say_what_and_where(serum: pd.DataFrame, text: str, message: str) -> None:
    with pytest.raises(QuestionError, match=re.escape(message)):
        read_question(text).answer(serum)


@pytest.mark.parametrize(
    "text", ["sex = 'male'", "age_years => 3", "age_years =< 3", "age_years = 3 and sex == 'male'"]
)
def test_a_single_equals_sign_is_told_of(text: str) -> None:
    with pytest.raises(QuestionError, match=re.escape("(equality is '==')")):
        read_question(text)


@pytest.mark.parametrize("text", ["sex == ", "age_years >= ", "age_years <= 3 )", "sex != )", "(x := 3"])
def test_other_equals_signs_are_not(text: str) -> None:
    with pytest.raises(QuestionError) as caught:
        read_question(text)
    assert "equality" not in str(caught.value)


@pytest.mark.parametrize("text", [r"s == '\d'", "1and b"])
def test_text_that_python_only_warns_of_is_refused_whatever_the_filters(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(QuestionError, match=r"cannot read .* at position"):
            read_question(text)


@pytest.mark.parametrize(
    "values",
    [
        pd.to_datetime(["2020-01-01", None]),
        pd.Categorical(pd.to_datetime(["2020-01-01", None])),
        pd.to_timedelta([1, None], unit="D"),
        pd.cut([1.0, np.nan], [0, 2]),
        [1 + 2j, 3],
        pd.array([1, "x"], dtype=object),
        pd.array([[1], None], dtype=object),
        pd.Categorical([1, "x"]),
    ],
    ids=["dates", "categories of dates", "durations", "intervals", "complex", "mixed", "lists", "mixed categories"],
)
def test_a_column_that_is_neither_number_text_nor_truth(values: object) -> None:
    data = pd.DataFrame({"x": values})
    with pytest.raises(
        QuestionError, match=r"column 'x' holds \S.*, which is neither number, text nor yes/no, at position 1"
    ):
        read_question("x == 1").answer(data)


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (pd.array([True, None], dtype=object), "truth", [True, None]),
        (pd.array([1, None], dtype=object), "number", [1, None]),
        (pd.array([1, 2.5, None], dtype=object), "number", [1.0, 2.5, None]),
        (pd.array(["x", pd.NA], dtype=object), "text", ["x", None]),
        (pd.array([None, None], dtype=object), "text", [None, None]),
        (pd.Categorical([3, None, 1]), "number", [3, None, 1]),
        (pd.Categorical([0.5, None]), "number", [0.5, None]),
        (pd.Categorical([True, None]), "truth", [True, None]),
        (pd.Categorical([None, None], categories=["x"]), "text", [None, None]),
        (pd.array([1.5, None], dtype="Float32"), "number", [1.5, None]),
        (np.array([True, False]), "truth", [True, False]),
        (np.array([1, 2], dtype="float16"), "number", [1.0, 2.0]),
    ],
)
def test_kinds_of_columns(values: object, kind: str, expected: list[object]) -> None:
    data = pd.DataFrame({"x": values}, index=range(5, 5 + len(values)))
    assert read_question("x").answer(data).kind == kind
    assert answers("x", data) == expected
    assert answers("isna(x)", data) == [value is None for value in expected]


@pytest.mark.parametrize("dtype", ["uint8", "int8", "UInt8", "Int8", "bool"])
def test_small_integers_do_not_overflow(dtype: str) -> None:
    data = pd.DataFrame({"x": pd.Series([1, 0]).astype(dtype), "y": pd.Series([100, 127], dtype="int8")})
    assert answers("-y - y < -150", data) == [True, True]
    assert answers("y * y", data) == [10000.0, 16129.0]
    assert answers("y < 1000", data) == [True, True]
    assert answers("y in [100, 1000, -1]", data) == [True, False]


@pytest.mark.parametrize("dtype", ["uint8", "UInt8"])
def test_unsigned_integers_have_negatives(dtype: str) -> None:
    assert answers("-x", pd.DataFrame({"x": pd.Series([1, 0, 255]).astype(dtype)})) == [-1.0, 0.0, -255.0]


@pytest.mark.parametrize("dtype", ["int64", "Int64", "uint64", "UInt64"])
def test_long_identifiers_are_compared_exactly(dtype: str) -> None:
    exact = 2**53
    data = pd.DataFrame({"id": pd.Series([exact, exact + 1]).astype(dtype), "other": [exact + 1, exact + 1]})
    assert answers(f"id == {exact}", data) == [True, False]
    assert answers("id == other", data) == [False, True]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 / x", [None, 0.5, None]),
        ("(-x) ** 0.5", [0.0, None, None]),
        ("x ** 0.5", [0.0, pytest.approx(2**0.5), None]),
        ("0 * 1 / x > 0 or x == 0", [True, False, None]),
        ("isna(1 / x)", [True, False, True]),
        ("x < 1 / x", [None, False, None]),
    ],
)
def test_arithmetic_without_a_value_is_missing(text: str, expected: list[object]) -> None:
    assert answers(text, pd.DataFrame({"x": [0.0, 2.0, np.nan]})) == expected


def test_infinite_values_have_an_order_and_no_arithmetic() -> None:
    data = pd.DataFrame({"x": [np.inf, -np.inf, 1.0]})
    assert answers("x > 5", data) == [True, False, False]
    assert answers("x + 1", data) == [None, None, 2.0]


@pytest.mark.parametrize("dtype", ["float64", "Int64", "boolean", "str", "category", "object"])
def test_a_table_without_rows(dtype: str) -> None:
    data = pd.DataFrame({"x": pd.Series([], dtype=dtype)})
    assert answers("isna(x)", data) == []
    assert answers("1 == 1", data) == []


def test_a_name_that_stands_twice() -> None:
    data = pd.DataFrame([[1, 2]], columns=["x", "x"])
    with pytest.raises(QuestionError, match="there are 2 columns named 'x', at position 5 of '1 < x'"):
        read_question("1 < x").answer(data)


def test_letters_that_unicode_holds_to_be_the_same() -> None:
    micro, greek = "\u00b5g", "\u03bcg"
    data = pd.DataFrame({micro: [1, 3]})
    assert answers(f"{micro} > 2", data) == answers(f"{greek} > 2", data) == [False, True]
    assert answers("\uff58 == 1", pd.DataFrame({"x": [1]})) == [True]


def test_columns_need_not_be_named_by_text() -> None:
    data = pd.DataFrame([[1, 2]], columns=[0, "x"])
    assert answers("x == 2", data) == [True]
    with pytest.raises(QuestionError, match="no column 'y'; the columns are 0, x"):
        read_question("y == 2").answer(data)


def test_texts_of_two_categorical_columns_are_compared_by_their_letters() -> None:
    data = pd.DataFrame(
        {"a": pd.Categorical(["x", "y", None]), "b": pd.Categorical(["y", "y", "y"], categories=["z", "y"])}
    )
    assert answers("a == b", data) == [False, True, None]
    assert answers("a != b", data) == [True, False, None]
    assert answers("a == 'never seen'", data) == [False, False, None]


def test_an_answer_does_not_change_its_table(serum: pd.DataFrame) -> None:
    before = serum.copy(deep=True)
    for text in ("-age_years > 3", "not diabetes", "magnesium_mg_dl * 2 < 3 or sex == 'male'", "cramp_class in [0]"):
        read_question(text).answer(serum)
    pd.testing.assert_frame_equal(serum, before)


def test_a_question_answers_on_any_table_with_its_columns() -> None:
    question = read_question("x > 1")
    assert question.answer(pd.DataFrame({"x": [1, 2]})).values.tolist() == [False, True]
    assert question.answer(pd.DataFrame({"x": [0.5, 9, 3]})).values.tolist() == [False, True, True]


def test_named_questions() -> None:
    assert list(named_questions(" x > 1 ", "case")) == ["x > 1"]
    several = named_questions({"low": "x < 1", "high": "x > 1"}, "case")
    assert {name: question.text for name, question in several.items()} == {"low": "x < 1", "high": "x > 1"}
    with pytest.raises(QuestionError, match="case is empty: give a question, or a mapping from names to questions"):
        named_questions({}, "case")


@pytest.mark.parametrize("dtype", ["float16", "float32", "Float32", "float32[pyarrow]", "halffloat[pyarrow]"])
def test_a_decimal_of_few_bits_is_that_decimal(dtype: str) -> None:
    data = pd.DataFrame({"mg": pd.Series([1.6, 1.7, 1.8, None]).astype(dtype)})
    assert answers("mg <= 1.7", data) == [True, True, False, None]
    assert answers("mg in [1.7, 1.8]", data) == [False, True, True, None]
    assert answers("mg == 1.7", data) == [False, True, False, None]
    assert answers("mg", data) == [1.6, 1.7, 1.8, None]
    assert answers("mg * 10", data) == [16.0, 17.0, 18.0, None]
    if "16" not in str(data["mg"].dtype) and "half" not in str(data["mg"].dtype):  # of which pandas has no categories
        assert answers("mg <= 1.7", data.astype("category")) == [True, True, False, None]


def test_decimals_of_arrow_are_numbers() -> None:
    values = pd.Series([Decimal("1.70"), None], dtype=pd.ArrowDtype(pa.decimal128(3, 2)))
    data = pd.DataFrame({"mg": values})
    assert answers("mg <= 1.7", data) == [True, None]


def test_either_spelling_finds_a_column_of_a_bare_frame() -> None:
    for column in ("\u00b5g", "\u03bcg"):
        for asked in ("\u00b5g", "\u03bcg"):
            assert answers(asked, pd.DataFrame({column: [1.5]})) == [1.5]
            assert column_named(pd.DataFrame({column: [1.5]}), asked, pytest.fail).name == column


def test_a_column_in_another_unit_is_no_slip_of_the_pen() -> None:
    serum = cs.datasets.nhanes_magnesium()
    with pytest.raises(QuestionError, match=r"'magnesium_mg_dl' holds it in another unit: convert the cut-off first"):
        serum.where("magnesium_mmol_l <= 0.70")
    with pytest.raises(QuestionError, match=r"did you mean 'magnesium_mg_dl'\?"):
        serum.where("magnesium_mg_d <= 1.7")
