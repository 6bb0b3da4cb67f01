"""A pure subset of Python for expressions and short scripts: parsed to a tree, never to bytecode.

Attributes are keys of dicts, or methods from an allow-list on texts, lists and dicts; no object's own
attribute is ever read. What needs more raises UnsupportedPython and belongs in a sandbox.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from bpmn.expressions.budget import Budget
from bpmn.expressions.errors import ExpressionError, OverBudget
from bpmn.expressions.python.scope import Scope
from bpmn.expressions.python.statements import StatementCompiler
from bpmn.expressions.python.subset import ExpressionCompiler

Script = Callable[[Mapping[str, Any]], tuple[Any, dict[str, Any]]]


def compile_python(text: str) -> Callable[[Mapping[str, Any], datetime | None], Any]:
    """One expression. Raises ExpressionError, or UnsupportedPython for what the subset lacks."""
    tree = _parsed(text.strip(), "eval")
    assert isinstance(tree, ast.Expression)
    run = _deeply(lambda: ExpressionCompiler(text).compile(tree.body))

    def evaluate(variables: Mapping[str, Any], now: datetime | None) -> Any:
        return _deeply(lambda: run(Scope(variables, Budget())))

    return evaluate


@lru_cache(maxsize=4096)
def compile_script(text: str) -> Script:
    """Assignments, if, for, while and expressions: a function from variables to (value, assigned).

    The value is that of the last statement when it is an expression, else None. Variables handed in are
    never changed in place: what a script changes it must assign. Raises ExpressionError, UnsupportedPython.
    """
    tree = _parsed(_dedented(text), "exec")
    assert isinstance(tree, ast.Module)
    run = _deeply(lambda: StatementCompiler(text).compile_script(tree.body))

    def execute(variables: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        scope = Scope(variables, Budget())
        value = _deeply(lambda: run(scope))
        return value, scope.assigned

    return execute


def _parsed(text: str, mode: str) -> ast.AST:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text, mode=mode)
    except SyntaxError as error:
        raise ExpressionError(f"Not Python: {error.msg}.", position=_offset(text, error)) from None
    except (ValueError, RecursionError, MemoryError):
        raise ExpressionError("Not Python: nested too deeply or with forbidden characters.") from None


def _offset(text: str, error: SyntaxError) -> int | None:
    if error.lineno is None or error.offset is None:
        return None
    before = text.splitlines(keepends=True)[: error.lineno - 1]
    return sum(map(len, before)) + max(error.offset - 1, 0)


def _dedented(text: str) -> str:
    """*text* with the indentation of its first line taken off all lines that have it."""
    lines = text.expandtabs().split("\n")
    first = next((line for line in lines if line.strip() and not line.lstrip().startswith("#")), "")
    indent = len(first) - len(first.lstrip())
    if not indent:
        return text
    return "\n".join(line[indent:] if not line[:indent].strip() else line for line in lines)


def _deeply(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except RecursionError:
        raise OverBudget("The expression exceeded its budget: it is nested too deeply.") from None
