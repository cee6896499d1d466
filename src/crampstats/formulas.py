"""The language of model formulas: read by formulaic, admitted only if it holds names and a few functions.

``low_magnesium ~ sex + age_group * diabetes + cr(age_years, df=3)``: text columns are categories, numbers are numbers. Functions
of a column: ``C`` makes categories of numbers, and ``C(sex, contr.treatment("male"))`` chooses the reference level; ``bs``
B-splines, ``cr`` natural cubic splines (centred), ``rcs(age_years, 4)`` restricted cubic splines of four knots as in R's rms,
``poly`` orthogonal polynomials, ``log``, ``sqrt``, ``center`` (less the
mean). Nothing else of Python may stand in a formula.
"""

from __future__ import annotations

import ast
import copy
import warnings
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from formulaic import Formula as ParsedFormula
from formulaic import ModelSpec, SimpleFormula, model_matrix
from formulaic.errors import FormulaicError
from formulaic.materializers.types import FactorValues
from formulaic.parser import DefaultFormulaParser
from formulaic.parser.types import ASTNode
from formulaic.transforms.cubic_spline import cubic_spline
from formulaic.utils.stateful_transforms import stateful_transform

from crampstats.errors import QuestionError
from crampstats.numerics import restricted_cubic_basis
from crampstats.questions import column_answer, column_named, one_spelling

# Functions of a column that may stand in a formula, and their options; formulaic defines them. Knots of splines come from
# the data they are first seen on and are kept for prediction.
FUNCTIONS = {
    "C": (),
    "bs": ("df", "knots", "degree", "include_intercept", "lower_bound", "upper_bound", "extrapolation"),
    "cr": ("df", "knots", "lower_bound", "upper_bound", "extrapolation"),
    "rcs": ("knots",),
    "poly": ("degree", "raw"),
    "log": (),
    "sqrt": (),
    "center": (),
}
# Where the knots of a restricted cubic spline lie, in quantiles, by their number: Harrell FE, Regression Modeling Strategies,
# 2nd ed., Springer 2015, table 2.3, doi:10.1007/978-3-319-19425-7.
KNOT_QUANTILES = {
    3: (0.10, 0.50, 0.90),
    4: (0.05, 0.35, 0.65, 0.95),
    5: (0.05, 0.275, 0.50, 0.725, 0.95),
    6: (0.05, 0.23, 0.41, 0.59, 0.77, 0.95),
    7: (0.025, 0.1833, 0.3417, 0.50, 0.6583, 0.8167, 0.975),
}


@stateful_transform
def restricted_cubic(values: Any, knots: int | list[float] = 4, _state: dict[str, Any] | None = None) -> FactorValues:
    """Return a restricted cubic spline, its knots kept from the first data it sees."""
    state = {} if _state is None else _state
    numbers = np.asarray(values, dtype=float)
    if "knots" not in state:
        places = (
            np.quantile(numbers, KNOT_QUANTILES[knots]) if isinstance(knots, int) else np.asarray(knots, dtype=float)
        )
        if len(places) < 3 or (np.diff(places) <= 0).any():
            raise ValueError(f"rcs needs at least three knots that ascend, not {places.tolist()}")
        state["knots"] = places
    basis = restricted_cubic_basis(numbers, state["knots"])
    return FactorValues(
        {str(column): basis[:, column - 1] for column in range(1, basis.shape[1] + 1)},
        kind="numerical",
        format="{name}[{field}]",
        encoded=False,
    )


# What formulaic does not define, or not so: columns of an uncentred spline add up to the intercept, and none of them could
# be told from it.
CONTEXT = {
    "sqrt": np.sqrt,
    "cr": stateful_transform(partial(cubic_spline, cyclic=False, constraints="center")),
    "rcs": restricted_cubic,
}
LONGEST = 2000
# Work grows with these and not with the length of the text: (a + b):(c + d):... doubles with each bracket.
MOST_TERMS, MOST_FACTORS, MOST_SPLINES = 1000, 6, 50
SHOWN = 5
BLOCK = 1 << 13


@dataclass(frozen=True)
class Encoding:
    """How the columns of a design matrix are made of data.

    Attributes
    ----------
    text
        The formula.
    predictors
        The columns of data that it needs.
    terms
        Length p: the names of the columns of the matrix, ``Intercept`` first.
    specification
        Levels, knots and centres, as formulaic keeps them.
    """

    text: str
    predictors: tuple[str, ...]
    terms: tuple[str, ...]
    specification: ModelSpec = field(repr=False)

    def of(self, data: pd.DataFrame) -> np.ndarray:
        """Return the same columns for other people, shape (rows, p).

        Parameters
        ----------
        data
            With the columns of the formula's right side.

        Raises
        ------
        QuestionError
            As `Formula.matrix`, and if a level was not there when the matrix was made, or a column is of another kind.
        """
        states = self.specification.encoder_state.items()
        numbers = {_admitted(self.text, factor) for factor, (_, state) in states if "categories" not in state}
        frame = _plain(self.text, self.predictors, data, numbers)
        return _evaluated(self.text, frame, self.specification)[0]

    def columns_of(self, term: str) -> np.ndarray:
        """Return which columns belong to a term of the formula, numbered from 0.

        Parameters
        ----------
        term
            As in the formula; the order of an interaction does not matter.

        Raises
        ------
        QuestionError
            If the formula has no such term.
        """
        asked = _factors(term)
        for known, columns in self.specification.term_slices.items():
            if {str(factor) for factor in known.factors} == asked:
                return np.arange(columns.start, columns.stop)
        names = ", ".join(repr(str(known)) for known in self.specification.term_slices)
        raise QuestionError(f"there is no term {term!r} in the formula; its terms are {names}.")


def _factors(term: str) -> set[str]:
    """Return the factors of one term, written as formulaic writes them."""
    try:
        (parsed,) = _parsed(term, "1" if term == "1" else f"{term} - 1")
    except ValueError:
        return set()
    return {str(factor) for factor in parsed.factors}


@dataclass(frozen=True)
class DesignMatrix:
    """The numbers of a formula on a table.

    Attributes
    ----------
    response
        Shape (rows,), or None if the formula has no left side.
    values
        Shape (rows, p) float.
    encoding
        What makes the same columns of other data.
    """

    response: np.ndarray | None
    values: np.ndarray
    encoding: Encoding


@dataclass(frozen=True)
class Formula:
    """A formula that has been read and found harmless.

    Attributes
    ----------
    text
        As the user wrote it.
    response
        The column on the left of ``~``; None without one.
    predictors
        The columns on the right, in alphabetical order.
    parsed
        The right side, as formulaic keeps it.
    """

    text: str
    response: str | None
    predictors: tuple[str, ...]
    parsed: SimpleFormula = field(repr=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that it needs, in alphabetical order."""
        return tuple(sorted({*self.predictors, *([] if self.response is None else [self.response])}))

    def matrix(self, data: pd.DataFrame) -> DesignMatrix:
        """Return the design matrix of a table.

        Parameters
        ----------
        data
            Shape (rows, columns); no value of the formula's columns may be missing.

        Raises
        ------
        QuestionError
            If a column is not there (the nearest is named), has missing values or does not fit, or if a value of the
            matrix is not finite (its column and rows are named).

        Examples
        --------
        >>> import pandas as pd
        >>> table = pd.DataFrame({"low": [0, 1, 1], "sex": ["female", "male", "male"], "age_years": [30, 40, 50]})
        >>> matrix = read_formula("low ~ sex + age_years").matrix(table)
        >>> matrix.encoding.terms
        ('Intercept', 'sex[T.male]', 'age_years')
        >>> matrix.values
        array([[ 1.,  0., 30.],
               [ 1.,  1., 40.],
               [ 1.,  1., 50.]])
        """
        if len(data) == 0:
            raise QuestionError(f"{self.text!r} meets a table without rows.")
        numbers = {_admitted(self.text, factor) for factor in _factors_of(self.parsed) if not factor.startswith("C(")}
        frame = _plain(self.text, self.columns, data, numbers)
        values, specification = _evaluated(self.text, frame[list(self.predictors)], self.parsed)
        terms = tuple(specification.column_names)
        encoding = Encoding(self.text, self.predictors, terms, specification)
        return DesignMatrix(self._outcome(frame), values, encoding)

    def _outcome(self, frame: pd.DataFrame) -> np.ndarray | None:
        """Return the left side as numbers."""
        if self.response is None:
            return None
        if not pd.api.types.is_numeric_dtype(frame[self.response].dtype):
            raise QuestionError(f"{self.response!r} has to be a number or 0/1 to stand on the left of a formula.")
        values = frame[[self.response]].to_numpy(dtype=float)
        _refuse_infinite(self.text, frame, values, (self.response,))
        return values[:, 0]


def _plain(text: str, columns: tuple[str, ...], data: pd.DataFrame, numbers: set[str]) -> pd.DataFrame:
    """Return columns as formulaic knows them: categories, texts, and numbers of numpy; none of them missing.

    Those named as numbers come as floats, since integers overflow and int8 has logarithms of half precision. Others stay as
    they are stored: what only ``C`` makes categories of keeps the names of its levels.
    """

    def fail(problem: str) -> NoReturn:
        raise QuestionError(f"{text!r}: {problem}")

    plain: dict[str, Any] = {}
    lacking = []
    for name in columns:
        series = column_named(data, name, fail)
        if isinstance(series.dtype, pd.CategoricalDtype):
            plain[name], missing = series.array, series.hasnans
        else:
            answer = column_answer(data, name, fail)
            dtype = float if name in numbers and answer.kind != "text" else None
            plain[name], missing = np.asarray(answer.values, dtype=dtype), answer.missing is not None
        if missing:
            lacking.append(name)
    if lacking:
        raise QuestionError(f"{text!r} meets missing values: first ask observed({', '.join(map(repr, lacking))}).")
    return pd.DataFrame(plain, index=data.index, copy=False)


def _factors_of(right: SimpleFormula) -> list[str]:
    """Return the factors of a right side, without the intercept."""
    return [factor.expr for term in right for factor in term.factors if str(term) != "1"]


def _evaluated(text: str, frame: pd.DataFrame, recipe: SimpleFormula | ModelSpec) -> tuple[np.ndarray, ModelSpec]:
    """Return the columns of a right side, shape (rows, p), and what makes them again of other data."""
    if isinstance(recipe, ModelSpec):
        frame = _with_known_levels(text, frame, recipe)
        # formulaic writes into what it keeps, even where it then refuses the data.
        states = {name: copy.deepcopy(getattr(recipe, name)) for name in ("encoder_state", "transform_state")}
        recipe = recipe.update(**states)
    try:
        with np.errstate(all="ignore"):  # what is not finite is refused below
            made = model_matrix(recipe, frame, context=CONTEXT, na_action="ignore")
    except (FormulaicError, ValueError, TypeError) as error:
        raise QuestionError(f"{text!r} cannot be computed: {error}") from error
    values = _gathered(made)
    _refuse_infinite(text, frame, values, made.model_spec.column_names)
    return values, made.model_spec


def _with_known_levels(text: str, frame: pd.DataFrame, specification: ModelSpec) -> pd.DataFrame:
    """Refuse values for which the matrix has no column; formulaic would take them for the reference level.

    A categorical column may have levels that nobody here has and the matrix does not know: it comes back without them.
    A column that was a category by itself comes back as one, even if it holds the plain levels.
    """
    known_levels = {}
    for expression, (_, state) in specification.encoder_state.items():
        column = _admitted(text, expression)
        if "categories" not in state:
            if not isinstance(frame[column].dtype, np.dtype) or frame[column].dtype.kind not in "biuf":
                raise QuestionError(
                    f"{text!r}: {column!r} holds no numbers here, and the formula knows it as a number."
                )
            continue
        known = pd.Series(state["categories"]).tolist()
        truths = {isinstance(level, bool) for level in known}  # Python takes True for 1
        unknown = [
            value
            for value in frame[column].drop_duplicates().tolist()
            if value not in known or isinstance(value, bool) not in truths
        ]
        if unknown:
            found, levels = (", ".join(map(repr, some[:SHOWN])) for some in (unknown, known))
            raise QuestionError(f"{text!r}: {column!r} is {found} where the formula knows only the levels {levels}.")
        if expression == column or isinstance(frame[column].dtype, pd.CategoricalDtype):
            known_levels[column] = pd.Categorical(frame[column].astype(object), categories=known)
    return frame.assign(**known_levels) if known_levels else frame


def _refuse_infinite(text: str, frame: pd.DataFrame, values: np.ndarray, terms: tuple[str, ...]) -> None:
    """Refuse values of shape (rows, p) that are not finite, naming the first column with such and its rows."""
    with np.errstate(all="ignore"):  # a finite sum takes no memory and says enough
        if np.isfinite(values.sum()):
            return
    wrong = ~np.isfinite(values)
    if wrong.any():
        column = int(wrong.any(axis=0).argmax())
        rows = frame.index[wrong[:, column]].tolist()
        more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
        shown = ", ".join(map(str, rows[:SHOWN]))
        raise QuestionError(f"{text!r}: {terms[column]} is not a finite number in row {shown}{more}.")


def _gathered(columns: pd.DataFrame) -> np.ndarray:
    """Return columns as one array of shape (rows, p), some rows at a time, which is quicker than all at once."""
    values = np.empty(columns.shape)
    for start in range(0, len(values), BLOCK):
        values[start : start + BLOCK] = columns.iloc[start : start + BLOCK]
    return values


def _refuse(text: str, part: str) -> NoReturn:
    """Raise with what may stand in a formula."""
    raise QuestionError(
        f"{part[:60]!r} cannot stand in the formula {text!r}: a formula holds column names, + - * : /, and the functions "
        f"{', '.join(FUNCTIONS)} of a column, with their options."
    )


def _parsed(text: str, right: str) -> SimpleFormula:
    """Return the right side of a formula as formulaic reads it, after a look at how much work that is."""
    # Of what stands on a left side formulaic evaluates the functions while it reads, so that it never sees one.
    if "~" in right:
        _refuse(text, "~")
    try:
        terms, factors = _size(text, DefaultFormulaParser().get_ast(right))
        if terms > MOST_TERMS or factors > MOST_FACTORS:
            raise QuestionError(
                f"the formula {text[:60]!r} has up to {terms:,} terms of up to {factors} factors; it may have {MOST_TERMS:,} "
                f"terms of {MOST_FACTORS}."
            )
        return ParsedFormula(right)
    except (FormulaicError, SyntaxError, RecursionError) as error:
        raise QuestionError(f"cannot read the formula {text!r}: {str(error).splitlines()[0]}") from None


def _size(text: str, node: Any) -> tuple[int, int]:
    """Return at most how many terms a part of a formula has and of how many factors; refuse other operators."""
    if not isinstance(node, ASTNode):
        return 1, 1
    sizes = [_size(text, part) for part in node.args]
    match node.operator.symbol, sizes:
        case "+" | "-", _:
            return sum(terms for terms, _ in sizes), max(factors for _, factors in sizes)
        case ":", [(a, p), (b, q)]:
            return a * b, p + q
        case "*", [(a, p), (b, q)]:
            return a * b + a + b, p + q
        case "/", [(a, p), (b, q)]:  # what is nested goes with all on the left together
            return a + b, a * p + q
    _refuse(text, node.operator.symbol)


def _admitted(text: str, expression: str) -> str:
    """Return the column of a factor, refusing all but a name and listed functions of it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            node = ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        _refuse(text, expression)
    while isinstance(node, ast.Call) and _is_listed(node):
        node = node.args[0]
    if not isinstance(node, ast.Name):
        _refuse(text, expression)
    return node.id


def _is_listed(call: ast.Call) -> bool:
    """Say whether a call is one of the functions with options of its own and plain values for them."""
    match call:
        case ast.Call(func=ast.Name(id="C"), args=[ast.Name(), contrast], keywords=[]):
            return _is_reference(contrast)
        case ast.Call(func=ast.Name(id=name), args=[first, *others], keywords=keywords) if name in FUNCTIONS:
            unnamed = FUNCTIONS[name][:1]
            options = [*zip(unnamed, others, strict=False), *((each.arg or "", each.value) for each in keywords)]
            return (
                len(others) <= len(unnamed)
                and (name != "C" or isinstance(first, ast.Name))
                and all(option in FUNCTIONS[name] and _is_plain(name, option, value) for option, value in options)
            )
    return False


def _is_reference(contrast: ast.expr) -> bool:
    """Say whether it chooses a reference level: contr.treatment("male")."""
    match contrast:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="contr"), attr="treatment"), args=[base], keywords=[]):
            return _is_plain("C", "base", base)
    return False


def _is_plain(function: str, option: str, node: ast.expr) -> bool:
    """Say whether the value of a function's option is a number or text, or a list of them where it has to be one."""
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False
    if option in {"df", "degree"}:
        return type(value) is int and 0 <= value <= MOST_SPLINES
    if function == "rcs" and type(value) is int:
        return value in KNOT_QUANTILES
    several = isinstance(value, (list, tuple))
    if several != (option == "knots"):
        return False
    # formulaic writes calls anew as text between double quotes, so a text must not end that.
    return all(
        isinstance(each, (int, float)) or (isinstance(each, str) and not {'"', "\\"} & set(each))
        for each in (value if several else [value])
    )


def read_formula(text: str) -> Formula:
    """Read a formula without running anything.

    Parameters
    ----------
    text
        Such as ``"low_magnesium ~ sex + age_group * diabetes"``; or a right side alone.

    Returns
    -------
    Formula
        Ready for any table with its columns.

    Raises
    ------
    QuestionError
        If it cannot be read, holds anything but column names, ``+ - * : /`` and the functions of `FUNCTIONS`, or has more
        terms than anybody can mean.

    Notes
    -----
    Wilkinson GN, Rogers CE, J R Stat Soc C 1973;22:392-399, doi:10.2307/2346786, as formulaic reads it.

    Examples
    --------
    >>> read_formula("low ~ sex * age_years").columns
    ('age_years', 'low', 'sex')
    >>> read_formula("low ~ exit()")
    Traceback (most recent call last):
    crampstats.errors.QuestionError: 'exit()' cannot stand in the formula 'low ~ exit()': ...
    """
    if not isinstance(text, str) or not text.strip():
        raise QuestionError(f"a formula is a text such as 'low ~ sex + age_group', not {text!r}.")
    if len(text) > LONGEST or text.count("~") > 1:
        raise QuestionError(f"a formula has at most {LONGEST} characters and one '~': {text[:60]!r}.")
    text = one_spelling(text.strip())  # formulaic knows names as they are written
    left, _, right = text.rpartition("~")
    if not right.strip():
        raise QuestionError(f"the formula {text!r} has nothing on the right of '~'; write 1 for the mean alone.")
    response = left.strip() or None
    if response is not None and not response.isidentifier():
        raise QuestionError(f"the left of {text!r} has to be one column; define() makes one of a question.")
    parsed = _parsed(text, right)
    predictors = {_admitted(text, factor) for factor in _factors_of(parsed)}
    if response in predictors:
        raise QuestionError(f"{response!r} stands on both sides of {text!r}.")
    return Formula(text, response, tuple(sorted(predictors)), parsed)
