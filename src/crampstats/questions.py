"""The language in which users ask: column names, numbers, texts, arithmetic, comparisons, and/or/not, in, isna.

A question is parsed and checked against a short list of what may stand in it; it is never evaluated as Python. Answers
follow three-valued logic: what hangs on a missing value is missing, unless the rest decides it (``False and missing`` is
no).
"""

from __future__ import annotations

import ast
import difflib
import operator
import re
import unicodedata
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import numpy as np
import pandas as pd

from crampstats.errors import QuestionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Kind = Literal["number", "text", "truth"]
LONGEST = 2000
DEEPEST = 100
IN_WORDS: dict[Kind, str] = {"number": "a number", "text": "a text", "truth": "yes or no"}

ARITHMETIC: dict[type[ast.operator], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
    ast.Pow: ("**", operator.pow),
}
COMPARISONS: dict[type[ast.cmpop], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
}
# What columns of Python objects may hold to be taken for numbers or truths; pandas makes such columns of True, False and
# empty cells.
PLAIN_OBJECTS = {"boolean", "integer", "floating", "mixed-integer-float"}
UNIT_ENDING = re.compile(r"_(?:mmol_l|umol_l|mg_dl|meq_l)$")
HINTS: dict[type[ast.AST], str] = {
    ast.BitAnd: "write 'and'",
    ast.BitOr: "write 'or'",
    ast.Invert: "write 'not'",
    ast.Call: "the only function is isna(column)",
    ast.Is: "write '==' or isna(column)",
    ast.IsNot: "write '!=' or 'not isna(column)'",
}


@dataclass(frozen=True)
class Answer:
    """What a question says of each row.

    Attributes
    ----------
    kind
        ``"truth"`` (values are bool), ``"number"`` (float, or integers as stored) or ``"text"`` (a pandas Series).
    values
        Shape (rows,), or a single value where the question names no column; where missing, without meaning.
    missing
        Shape (rows,) bool, or None if nothing is missing.
    """

    kind: Kind
    values: Any
    missing: np.ndarray | None


def either(first: np.ndarray | None, second: np.ndarray | None) -> np.ndarray | None:
    """Return where at least one of two is missing."""
    if first is None or second is None:
        return second if first is None else first
    return first | second


@dataclass(frozen=True)
class Question:
    """A question that has been read and found harmless.

    Attributes
    ----------
    text
        As the user wrote it.
    tree
        Its syntax tree, of the admitted parts only.
    columns
        The names in it, in the order in which they come.
    """

    text: str
    tree: ast.expr
    columns: tuple[str, ...]

    def answer(self, data: pd.DataFrame) -> Answer:
        """Answer for every row of a table.

        Parameters
        ----------
        data
            Shape (rows, columns).

        Returns
        -------
        Answer
            Values and where they are missing.

        Raises
        ------
        QuestionError
            If a name is no column (the nearest is named) or the types do not fit, with the position in the text.

        Examples
        --------
        >>> import pandas as pd
        >>> table = pd.DataFrame({"age_years": [19, 40, None], "sex": ["female", "male", "male"]})
        >>> answer = read_question("age_years >= 20 and sex == 'male'").answer(table)
        >>> answer.values & ~answer.missing
        array([False,  True, False])
        >>> answer.missing
        array([False, False,  True])
        """
        answer = _Reader(self.text, data).visit(self.tree)
        values = answer.values
        if np.ndim(values) == 0:
            values = np.full(len(data), values)
        missing = answer.missing
        if missing is not None and not missing.any():
            missing = None
        return Answer(answer.kind, values, missing)


def refuse(text: str, node: ast.expr, problem: str) -> NoReturn:
    """Raise with the place in the text."""
    # ast counts columns in bytes of UTF-8, anew in each line; a reader counts letters.
    lines = text.encode().splitlines(keepends=True)
    before = b"".join(lines[: node.lineno - 1]) + lines[node.lineno - 1][: node.col_offset]
    raise QuestionError(f"{problem}, at position {len(before.decode()) + 1} of {text!r}.")


def shown(text: str, node: ast.expr) -> str:
    """Quote a part of a question as it was written."""
    # Unlike ast.unparse it does not recurse, so that no depth of nesting reaches it.
    return repr((ast.get_source_segment(text, node) or "")[:60])


def read_question(text: str) -> Question:
    """Read a question without running anything.

    Parameters
    ----------
    text
        Such as ``"20 <= age_years < 40 and sex == 'female'"`` or ``"magnesium_mg_dl / 2.4305"``.

    Returns
    -------
    Question
        Ready to be answered on any table with its columns.

    Raises
    ------
    QuestionError
        If it is not one expression, or holds anything but names, numbers, texts, ``+ - * / **``, comparisons,
        ``and``, ``or``, ``not``, ``in`` and ``isna(column)``.

    Examples
    --------
    >>> read_question("cramp_class >= 3").columns
    ('cramp_class',)
    >>> read_question("__import__('os')")
    Traceback (most recent call last):
    crampstats.errors.QuestionError: ... the only function is isna(column), at position 1 of "__import__('os')".
    """
    if not isinstance(text, str) or not text.strip():
        raise QuestionError(f"a question is a text such as 'age_years >= 20', not {text!r}.")
    if len(text) > LONGEST:
        raise QuestionError(f"a question has at most {LONGEST} characters; this one has {len(text)}.")
    text = text.strip()
    columns: dict[str, None] = {}
    tree = _parse(text)
    _admit(text, tree, columns, 0)
    return Question(text, tree, tuple(columns))


def _parse(text: str) -> ast.expr:
    """Return the syntax tree of one expression."""
    try:
        with warnings.catch_warnings():  # what Python only doubts, such as 1and 2, is refused whatever the filters
            warnings.simplefilter("error")
            return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        place = ""
        if isinstance(error, SyntaxError) and error.lineno and error.offset:
            before = text.splitlines(keepends=True)[: error.lineno - 1]
            place = f", at position {sum(map(len, before)) + error.offset}"
        hint = " (equality is '==')" if re.search("(?<![=!<>:])=(?!=)", text) else ""
        raise QuestionError(f"cannot read {text!r}{place}: {getattr(error, 'msg', error)}{hint}.") from None


def _admit(text: str, node: ast.expr, columns: dict[str, None], depth: int) -> None:
    """Walk the tree; refuse whatever is not on the list, collect the names."""
    if depth > DEEPEST:
        raise QuestionError(f"a question is nested at most {DEEPEST} deep.")
    parts: list[ast.expr] = []
    match node:
        case ast.Name():
            columns[node.id] = None
        case ast.Constant(value=bool() | int() | float() | str() as value):
            if value == np.inf or (isinstance(value, int) and abs(value) > 2**53):
                refuse(text, node, "a number of this size is not exact")
            if isinstance(value, str) and re.search("[\ud800-\udfff]", value):
                refuse(text, node, "half a letter (a surrogate) is no text")
        case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
            parts = [left, right]
        case ast.UnaryOp(op=ast.UAdd() | ast.USub() | ast.Not(), operand=operand):
            parts = [operand]
        case ast.BoolOp(values=values):
            parts = values
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            parts = _admit_comparison(text, node, left, ops, comparators)
        case ast.Call(func=ast.Name(id="isna"), args=[argument], keywords=[]):
            parts = [argument]
        case _:
            kind = node.op if isinstance(node, (ast.BinOp, ast.UnaryOp)) else node
            hint = HINTS.get(
                type(kind), "a question holds names, numbers, texts, + - * / **, comparisons, and, or, not, in"
            )
            refuse(text, node, f"{shown(text, node)} cannot stand in a question: {hint}")
    for part in parts:
        _admit(text, part, columns, depth + 1)


def _admit_comparison(
    text: str, node: ast.expr, left: ast.expr, ops: list[ast.cmpop], comparators: list[ast.expr]
) -> list[ast.expr]:
    """Check operators and lists of a comparison; return the parts still to be walked."""
    parts = [left]
    for op, comparator in zip(ops, comparators, strict=True):
        if isinstance(op, (ast.In, ast.NotIn)):
            if not isinstance(comparator, (ast.List, ast.Tuple, ast.Set)) or not comparator.elts or len(ops) > 1:
                refuse(text, comparator, "'in' takes a list of values, as in: age_group in ['20-39', '40-59']")
            parts.extend(_admit_listed(text, element) for element in comparator.elts)
        elif type(op) in COMPARISONS:
            parts.append(comparator)
        else:
            refuse(text, node, f"{shown(text, node)} cannot stand in a question: {HINTS[type(op)]}")
    return parts


def _admit_listed(text: str, element: ast.expr) -> ast.expr:
    """Admit a number, a signed number or a text in a list."""
    inner = element.operand if isinstance(element, ast.UnaryOp) and isinstance(element.op, ast.USub) else element
    if not isinstance(inner, ast.Constant):
        refuse(text, element, "a list after 'in' holds numbers or texts only")
    return element


class _Reader:
    """Turns a tree into the answers for one table."""

    def __init__(self, text: str, data: pd.DataFrame) -> None:
        self.text = text
        self.data = data

    def visit(self, node: ast.expr) -> Answer:
        return getattr(self, f"_{type(node).__name__.lower()}")(node)

    def need(self, node: ast.expr, *kinds: Kind) -> Answer:
        """Return the answer of a part that has to be of one of these kinds."""
        answer = self.visit(node)
        if answer.kind not in kinds:
            hint = "; compare it, as in: x == 1" if kinds == ("truth",) else ""
            wanted = " or ".join(IN_WORDS[kind] for kind in kinds)
            found = f"{shown(self.text, node)} is {IN_WORDS[answer.kind]}"
            refuse(self.text, node, f"{found} where {wanted} has to stand{hint}")
        return answer

    def _name(self, node: ast.Name) -> Answer:
        return column_answer(self.data, node.id, lambda problem: refuse(self.text, node, problem))

    def _constant(self, node: ast.Constant) -> Answer:
        value = node.value
        if isinstance(value, bool):
            return Answer("truth", np.bool_(value), None)
        if isinstance(value, str):
            return Answer("text", value, None)
        # Whole numbers stay whole so that a comparison with an integer column copies nothing; powers are computed in
        # floating point, where 9**9**9 overflows instead of running for hours.
        return Answer("number", value, None)

    def _unaryop(self, node: ast.UnaryOp) -> Answer:
        if isinstance(node.op, ast.Not):
            inner = self.need(node.operand, "truth")
            return Answer("truth", np.logical_not(inner.values), inner.missing)
        inner = self.need(node.operand, "number")
        values = inner.values
        if isinstance(node.op, ast.USub):  # an integer as stored may have no negative: uint8 would turn 1 into 255
            values = -values if isinstance(values, (int, float)) else -np.asarray(values, float)
        return Answer("number", values, inner.missing)

    def _binop(self, node: ast.BinOp) -> Answer:
        left, right = self.need(node.left, "number"), self.need(node.right, "number")
        with np.errstate(all="ignore"):
            values = ARITHMETIC[type(node.op)][1](np.asarray(left.values, float), np.asarray(right.values, float))
        # 0/0, 1/0 and powers without a real value have no number; they are missing, so that asking about them is told.
        undefined = ~np.isfinite(values)
        missing = either(left.missing, right.missing)
        if undefined.any():
            missing = either(missing, np.broadcast_to(undefined, (len(self.data),)))
        return Answer("number", values, missing)

    def _boolop(self, node: ast.BoolOp) -> Answer:
        parts = [self.need(value, "truth") for value in node.values]
        rows = len(self.data)
        deciding = isinstance(node.op, ast.Or)
        values = np.full(rows, not deciding)
        missing: np.ndarray | None = None
        decided = np.zeros(rows, dtype=bool)
        for part in parts:
            known = part.values == deciding
            if part.missing is not None:
                known = known & ~part.missing
                missing = part.missing if missing is None else missing | part.missing
            decided |= known
        values = np.where(decided, deciding, not deciding)
        return Answer("truth", values, None if missing is None else missing & ~decided)

    def _compare(self, node: ast.Compare) -> Answer:
        if isinstance(node.ops[0], (ast.In, ast.NotIn)):
            return self._among(node)
        left: ast.expr = node.left
        total: Answer | None = None
        for op, right in zip(node.ops, node.comparators, strict=True):
            one = self._compare_two(left, op, right)
            if total is None:
                total = one
            else:  # a < b < c asks both; what one of them denies is no, whatever the other lacks
                denied = self._denied(total) | self._denied(one)
                missing = either(total.missing, one.missing)
                values = np.logical_and(total.values, one.values)
                total = Answer("truth", values & ~denied, None if missing is None else missing & ~denied)
            left = right
        assert total is not None
        return total

    @staticmethod
    def _denied(answer: Answer) -> np.ndarray:
        values = np.logical_not(answer.values)
        return values if answer.missing is None else values & ~answer.missing

    def _compare_two(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Answer:
        first, second = self.visit(left), self.visit(right)
        sign, compare = COMPARISONS[type(op)]
        if first.kind != second.kind:
            self._clash(left, first, right, second)
        if first.kind != "number" and sign not in {"==", "!="}:
            refuse(self.text, left, f"only numbers have an order; compare {shown(self.text, left)} with ==, != or in")
        one, other = first.values, second.values
        if isinstance(one, pd.Series) and isinstance(
            other, pd.Series
        ):  # categories of two columns need not be the same
            one, other = one.astype(object), other.astype(object)
        values = compare(one, other)
        if isinstance(values, pd.Series):
            values = values.to_numpy(dtype=bool, na_value=False)
        return Answer("truth", np.asarray(values), either(first.missing, second.missing))

    def _clash(self, left: ast.expr, first: Answer, right: ast.expr, second: Answer) -> NoReturn:
        held = ""
        for node, answer in ((left, first), (right, second)):
            if isinstance(node, ast.Name) and answer.kind == "text":
                examples = list(dict.fromkeys(answer.values.dropna().head(1000)))[:3]
                held = f" ({node.id} holds {', '.join(map(repr, examples)) or 'only missing values'} ...)"
        one, other = (f"{shown(self.text, n)} is {IN_WORDS[a.kind]}" for n, a in ((left, first), (right, second)))
        refuse(self.text, left, f"{one} and {other}{held}")

    def _among(self, node: ast.Compare) -> Answer:
        asked = self.need(node.left, "number", "text")
        elements = node.comparators[0].elts  # type: ignore[attr-defined]
        listed = [self.visit(element) for element in elements]
        for element, answer in zip(elements, listed, strict=True):
            if answer.kind != asked.kind:
                self._clash(node.left, asked, element, answer)
        choices = [answer.values for answer in listed]
        if isinstance(asked.values, pd.Series):
            values = asked.values.isin(choices).to_numpy()
        else:
            values = np.isin(asked.values, choices)
        if isinstance(node.ops[0], ast.NotIn):
            values = ~values
        return Answer("truth", values, asked.missing)

    def _call(self, node: ast.Call) -> Answer:
        inner = self.visit(node.args[0])
        missing = inner.missing
        return Answer("truth", np.zeros(len(self.data), dtype=bool) if missing is None else missing, None)


def column_named(data: pd.DataFrame, name: str, fail: Callable[[str], NoReturn]) -> pd.Series:
    """Return the one column of this name.

    Parameters
    ----------
    data
        Shape (rows, columns).
    name
        Of the column.
    fail
        Called with the problem if there is no such column (the nearest is named), or more than one.
    """
    found = _find(data, name)
    if found is None:
        fail(f"there is no column {name!r}; {_hint(name, [str(column) for column in data.columns])}")
    series = data[found]
    if isinstance(series, pd.DataFrame):
        fail(f"there are {series.shape[1]} columns named {name!r}")
    return series


def _hint(name: str, columns: list[str]) -> str:
    """Say which column may be meant; one of the same measure in another unit is no slip of the pen."""
    measure = UNIT_ENDING.sub("", name)
    for column in columns:
        if UNIT_ENDING.search(name) and UNIT_ENDING.search(column) and UNIT_ENDING.sub("", column) == measure:
            return f"{column!r} holds it in another unit: convert the cut-off first, see crampstats.units.convert"
    near = difflib.get_close_matches(name, columns, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"the columns are {', '.join(columns[:12])}"


def column_answer(data: pd.DataFrame, name: str, fail: Callable[[str], NoReturn]) -> Answer:
    """Return a column as an answer of its kind.

    Parameters
    ----------
    data
        Shape (rows, columns).
    name
        Of the column.
    fail
        Called with the problem if there is no such column, or it holds neither numbers, texts nor truths.
    """
    held = _uncategorised(column_named(data, name, fail))
    if pd.api.types.is_bool_dtype(held.dtype):
        missing = held.isna().to_numpy()
        return Answer("truth", held.to_numpy(dtype=bool, na_value=False), missing if missing.any() else None)
    if pd.api.types.is_numeric_dtype(held.dtype) and not pd.api.types.is_complex_dtype(held.dtype):
        return _number_answer(held)
    if pd.api.types.infer_dtype(held, skipna=True) not in {"string", "categorical", "empty"}:
        fail(f"column {name!r} holds {held.dtype}, which is neither number, text nor yes/no")
    missing = held.isna().to_numpy()
    return Answer("text", held, missing if missing.any() else None)


def _uncategorised(series: pd.Series) -> pd.Series:
    """Return categories of numbers or truths, and objects that are such, by their own type; leave the rest."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        categories = series.cat.categories
        if pd.api.types.infer_dtype(categories) in {"string", "empty"}:
            return series
        # The code of a missing value, -1, is no position of a category and so becomes missing again.
        return pd.Series(categories).convert_dtypes().reindex(series.cat.codes).set_axis(series.index)
    if series.dtype == object and pd.api.types.infer_dtype(series, skipna=True) in PLAIN_OBJECTS:
        return series.convert_dtypes()
    return series


def _number_answer(series: pd.Series) -> Answer:
    """Return numbers with their missing values, without a copy where the column is plain numpy."""
    if isinstance(series.dtype, np.dtype):
        values = series.to_numpy()
        missing = np.isnan(values) if values.dtype.kind == "f" else None
    elif pd.api.types.is_integer_dtype(series.dtype):  # whole numbers stay whole: beyond 2**53 a float is another one
        missing = series.isna().to_numpy()
        values = series.fillna(0).to_numpy(dtype=np.uint64 if series.dtype.kind == "u" else np.int64)
    else:
        values = series.to_numpy(na_value=np.nan)
        values = values if values.dtype.kind == "f" else values.astype(float)  # decimals are Python objects
        missing = np.isnan(values)
    if values.dtype.kind == "f" and values.dtype.itemsize < 8:
        values = _widened(values)
    return Answer("number", values, missing if missing is not None and missing.any() else None)


def _widened(values: np.ndarray) -> np.ndarray:
    """Return numbers of half or single precision as the shortest decimals that they stand for: 1.7 is 1.7 again."""
    found, codes = np.unique(values, return_inverse=True)
    return found.astype(str).astype(float)[codes]


def one_spelling(name: Any) -> Any:
    """Return a name as Python writes it, in Unicode's normal form: µ of the keyboard and µ of Greek are one letter.

    Parameters
    ----------
    name
        Of a column; what is no text stays as it is.
    """
    return unicodedata.normalize("NFKC", name) if isinstance(name, str) else name


def _find(data: pd.DataFrame, name: str) -> Any:
    """Return the column of this name, whichever way either of them is spelled."""
    if name in data.columns:
        return name
    return next((column for column in data.columns if one_spelling(column) == one_spelling(name)), None)


def named_questions(cases: str | Mapping[str, str], label: str) -> dict[str, Question]:
    """Read one question, named by its text, or several named by their keys."""
    if isinstance(cases, str):
        return {cases.strip(): read_question(cases)}
    if not cases:
        raise QuestionError(f"{label} is empty: give a question, or a mapping from names to questions.")
    return {str(name): read_question(text) for name, text in cases.items()}
