"""FEEL, the expression language of DMN 1.5 and Camunda 8: text into functions, bounded in work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from bpmn.expressions.budget import Budget
from bpmn.expressions.errors import ExpressionError, OverBudget
from bpmn.expressions.feel.builtins import BUILTIN_NAMES
from bpmn.expressions.feel.evaluate import Compiler, Run
from bpmn.expressions.feel.nodes import Node
from bpmn.expressions.feel.parser import parse_expression, parse_unary_tests
from bpmn.expressions.feel.scope import Globals, Local, Scope
from bpmn.expressions.feel.types import Check
from bpmn.expressions.feel.values import lower

__all__ = ["Check", "Globals", "Local", "Run", "Scope", "compile_feel", "compile_tests", "evaluated", "lower"]


def compile_feel(text: str, names: Iterable[str] = (), types: Mapping[str, Check] | None = None) -> Run:
    """A function from a scope to FEEL's own value of *text*. *names*: names with spaces in scope."""
    return _compiled(parse_expression(text, names, BUILTIN_NAMES), types)


def compile_tests(text: str, names: Iterable[str] = (), types: Mapping[str, Check] | None = None) -> Run:
    """A function from a scope, where '?' is the input, to whether a decision table's cell matches."""
    return _compiled(parse_unary_tests(text, names, BUILTIN_NAMES), types)


def _compiled(node: Node, types: Mapping[str, Check] | None) -> Run:
    try:
        return Compiler(types or {}).compile(node)
    except RecursionError:
        raise ExpressionError("The expression is nested too deeply. Split it into smaller ones.") from None


def evaluated(run: Run) -> Callable[[Mapping[str, Any], datetime | None], Any]:
    """*run* as a function from plain variables to a plain value."""

    def evaluate(variables: Mapping[str, Any], now: datetime | None) -> Any:
        budget = Budget()
        try:
            return lower(run(Globals(variables, now, budget)), budget)
        except RecursionError:
            raise OverBudget("The expression exceeded its budget: functions call each other too deeply.") from None

    return evaluate
