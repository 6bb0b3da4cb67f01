"""One way to compile an expression, whatever its language, and to call it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from bpmn.expressions.errors import ExpressionError
from bpmn.expressions.feel import compile_feel, compile_tests, evaluated
from bpmn.expressions.juel import compile_juel
from bpmn.expressions.python import compile_python
from bpmn.expressions.xpath import compile_xpath
from bpmn.model import Expression, Language

Evaluate = Callable[[Mapping[str, Any], datetime | None], Any]
_LONGEST = 100_000  # characters
UNFORESEEN = (ValueError, ArithmeticError, TypeError, LookupError, AttributeError, MemoryError, RecursionError)


class Compiled:
    """An expression ready to be called, any number of times, from any thread."""

    __slots__ = ("_evaluate", "expression")

    def __init__(self, expression: Expression, evaluate: Evaluate) -> None:
        self.expression = expression
        self._evaluate = evaluate

    def __call__(self, variables: Mapping[str, Any], now: datetime | None = None) -> Any:
        """The value. Raises ExpressionError with the names that were in scope."""
        try:
            return self._evaluate(variables, now)
        except ExpressionError as error:
            raise _located(error, self.expression, variables) from None
        except UNFORESEEN as error:
            message = f"The expression could not be evaluated ({type(error).__name__})."
            raise ExpressionError(message, self.expression, None, sorted(map(str, variables))) from error


@lru_cache(maxsize=8192)
def compile_expression(expression: Expression) -> Compiled:
    """*expression* compiled, from a cache. Raises ExpressionError for what cannot be read,
    UnsupportedPython for Python that needs the sandbox."""
    if len(expression.text) > _LONGEST:
        raise ExpressionError(f"The expression is longer than {_LONGEST} characters.", expression)
    try:
        return Compiled(expression, _compile(expression.language, expression.text))
    except ExpressionError as error:
        raise _located(error, expression, ()) from None
    except UNFORESEEN as error:
        raise ExpressionError(f"The expression could not be read ({type(error).__name__}).", expression) from error


@lru_cache(maxsize=8192)
def compile_unary_tests(expression: Expression) -> Callable[..., bool | None]:
    """A FEEL decision table cell as a function: tests(input, variables, now=None) -> whether it matches."""
    try:
        evaluate = evaluated(compile_tests(expression.text))
    except ExpressionError as error:
        raise _located(error, expression, ()) from None

    def matches(value: Any, variables: Mapping[str, Any], now: datetime | None = None) -> bool | None:
        try:
            return evaluate({**variables, "?": value}, now)
        except ExpressionError as error:
            raise _located(error, expression, variables) from None

    return matches


@lru_cache(maxsize=8192)
def _compile(language: Language, text: str) -> Evaluate:
    match language:
        case Language.LITERAL:
            return lambda variables, now: text
        case Language.JSON:
            return _json(text)
        case Language.FEEL:
            return evaluated(compile_feel(text))
        case Language.JUEL:
            return compile_juel(text)
        case Language.PYTHON:
            return compile_python(text)
        case Language.XPATH:
            return compile_xpath(text)
        case Language.JAVASCRIPT:
            raise ExpressionError("JavaScript runs in the sandbox only, not here. Write it in FEEL, JUEL or Python.")
        case Language.GROOVY:
            raise ExpressionError("Expressions in groovy are not supported. Write it in FEEL, JUEL or Python.")


def _json(text: str) -> Evaluate:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ExpressionError(f"Not a JSON document: {error}.", position=getattr(error, "pos", None)) from None
    return lambda variables, now: copy.deepcopy(value) if isinstance(value, (dict, list)) else value


def _located(
    error: ExpressionError, expression: Expression, variables: Mapping[str, Any] | tuple[()]
) -> ExpressionError:
    return type(error)(error.message, expression, error.position, sorted(map(str, variables)))
