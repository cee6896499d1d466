"""The language of model formulas: read by formulaic, admitted only if it holds names and a few functions.

``low_magnesium ~ sex + age_group * diabetes + cr(age_years, df=3)``: text columns are categories, numbers are numbers, ``C()``
makes categories of numbers. Nothing else of Python may stand in a formula.
"""

from __future__ import annotations

import ast
import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from formulaic import Formula as ParsedFormula
from formulaic import ModelSpec, SimpleFormula, model_matrix
from formulaic.errors import FormulaicError

from crampstats.errors import QuestionError

if TYPE_CHECKING:
    import pandas as pd

# Functions that may stand in a formula; formulaic defines them. Knots of splines come from the data they are first seen
# on and are kept for prediction.
FUNCTIONS = {
    "C": "categories of a coded column",
    "bs": "B-splines",
    "cr": "natural cubic splines",
    "poly": "orthogonal polynomials",
    "log": "natural logarithm",
    "sqrt": "square root",
    "center": "less the mean",
}
# What formulaic does not define itself.
CONTEXT = {"sqrt": np.sqrt}
LONGEST = 2000


@dataclass(frozen=True)
class DesignMatrix:
    """The numbers of a formula on a table.

    Attributes
    ----------
    response
        Shape (rows,), or None if the formula has no left side.
    values
        Shape (rows, p) float.
    terms
        Length p: the names of the columns, ``Intercept`` first.
    specification
        What makes the same columns of other data.
    """

    response: np.ndarray | None
    values: np.ndarray
    terms: tuple[str, ...]
    specification: Any = field(repr=False)

    def of(self, data: pd.DataFrame) -> np.ndarray:
        """Return the same columns for other people, shape (rows, p).

        Parameters
        ----------
        data
            With the columns of the formula's right side.

        Raises
        ------
        QuestionError
            If a level was not there when the matrix was made.
        """
        try:
            return np.asarray(self.specification.get_model_matrix(data, context=CONTEXT), dtype=float)
        except (FormulaicError, ValueError, TypeError) as error:
            raise QuestionError(f"the formula cannot be applied to these data: {error}") from error


@dataclass(frozen=True)
class Formula:
    """A formula that has been read and found harmless.

    Attributes
    ----------
    text
        As the user wrote it.
    response
        The column on the left of ``~``; None without one.
    columns
        All columns it needs, in alphabetical order.
    """

    text: str
    response: str | None
    columns: tuple[str, ...]
    parsed: Any = field(repr=False)

    def matrix(self, data: pd.DataFrame) -> DesignMatrix:
        """Return the design matrix of a table.

        Parameters
        ----------
        data
            Shape (rows, columns); no value of the formula's columns may be missing.

        Raises
        ------
        QuestionError
            If a column is not there (the nearest is named), has missing values, or does not fit.

        Examples
        --------
        >>> import pandas as pd
        >>> table = pd.DataFrame({"low": [0, 1, 1], "sex": ["female", "male", "male"], "age_years": [30, 40, 50]})
        >>> matrix = read_formula("low ~ sex + age_years").matrix(table)
        >>> matrix.terms
        ('Intercept', 'sex[T.male]', 'age_years')
        >>> matrix.values
        array([[ 1.,  0., 30.],
               [ 1.,  1., 40.],
               [ 1.,  1., 50.]])
        """
        for column in self.columns:
            if column not in data.columns:
                near = difflib.get_close_matches(column, [str(name) for name in data.columns], n=1, cutoff=0.5)
                hint = (
                    f"did you mean {near[0]!r}?"
                    if near
                    else f"the columns are {', '.join(map(str, data.columns[:12]))}."
                )
                raise QuestionError(f"there is no column {column!r} for {self.text!r}; {hint}")
        lacking = [column for column in self.columns if data[column].isna().any()]
        if lacking:
            asked = ", ".join(map(repr, lacking))
            raise QuestionError(f"{self.text!r} meets missing values: first ask observed({asked}).")
        try:
            made = model_matrix(self.parsed, data[list(self.columns)], context=CONTEXT, na_action="raise")
        except (FormulaicError, ValueError, TypeError) as error:
            raise QuestionError(f"{self.text!r} cannot be computed: {error}") from error
        response = None
        if self.response is not None:
            response = np.asarray(made.lhs, dtype=float)
            if response.shape[1] != 1:
                raise QuestionError(f"{self.response!r} has to be a number or 0/1 to stand on the left of a formula.")
            response, made = response[:, 0], made.rhs
        values = np.asarray(made, dtype=float)
        if not np.isfinite(values).all():
            raise QuestionError(f"{self.text!r} gives values that are not finite: a logarithm or root of such numbers?")
        specification: ModelSpec = made.model_spec
        return DesignMatrix(response, values, tuple(specification.column_names), specification)


def _admit(text: str, expression: str) -> None:
    """Refuse a factor that is neither a name, a number, nor a listed function of these."""
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise QuestionError(f"cannot read {expression!r} in the formula {text!r}.") from None
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) if not name.startswith("__"):
                continue
            case ast.Constant(value=value) if isinstance(value, (int, float, str, bool)):
                continue
            case ast.Call(func=ast.Name(id=name)) if name in FUNCTIONS:
                continue
            case ast.keyword(arg=name) if name is not None:
                continue
            case ast.List() | ast.Tuple() | ast.Load() | ast.UnaryOp(op=ast.USub()) | ast.USub():
                continue
            case _:
                raise QuestionError(
                    f"{ast.unparse(node)[:60]!r} cannot stand in the formula {text!r}: a formula holds column names, "
                    f"+ - * : /, and the functions {', '.join(FUNCTIONS)}."
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
        If it cannot be read, or holds anything but column names, ``+ - * : /`` and the functions of `FUNCTIONS`.

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
    try:
        parsed = ParsedFormula(text)
    except (FormulaicError, SyntaxError, ValueError, RecursionError, AttributeError, TypeError) as error:
        raise QuestionError(f"cannot read the formula {text!r}: {str(error).splitlines()[0]}") from None
    sides = (
        {"rhs": parsed} if "~" not in text or text.strip().startswith("~") else {"lhs": parsed.lhs, "rhs": parsed.rhs}
    )
    columns: set[str] = set()
    for side in sides.values():
        if not isinstance(side, SimpleFormula):
            raise QuestionError(f"the formula {text!r} has several parts; it can have one on each side of '~'.")
        for term in side:
            for factor in term.factors:
                _admit(text, factor.expr)
                names = {
                    node.id
                    for node in ast.walk(ast.parse(factor.expr.strip(), mode="eval"))
                    if isinstance(node, ast.Name)
                }
                columns |= names - (FUNCTIONS.keys() if "(" in factor.expr else set())
    response = None
    if "lhs" in sides:
        left = [factor.expr for term in sides["lhs"] for factor in term.factors]
        if len(left) != 1 or not left[0].isidentifier():
            raise QuestionError(f"the left of {text!r} has to be one column; define() makes one of a question.")
        response = left[0]
    return Formula(text, response, tuple(sorted(columns)), parsed)
