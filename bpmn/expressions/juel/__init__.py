"""JUEL, the expression language of Camunda 7 and Flowable: ${...} and #{...}, alone or within a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from bpmn.expressions.budget import Budget
from bpmn.expressions.errors import ExpressionError, OverBudget
from bpmn.expressions.juel.coerce import as_text
from bpmn.expressions.juel.lexer import template_parts
from bpmn.expressions.juel.parser import Parser
from bpmn.expressions.juel.scope import Run, Scope


def compile_juel(text: str) -> Callable[[Mapping[str, Any], datetime | None], Any]:
    """A text without ${...} is itself; one ${...} is its value; a mixture is a text. Raises ExpressionError."""
    try:
        run = _compiled(text)
    except RecursionError:
        raise ExpressionError("The expression is nested too deeply. Split it into smaller ones.") from None

    def evaluate(variables: Mapping[str, Any], now: datetime | None) -> Any:
        try:
            return run(Scope(variables, now, Budget()))
        except RecursionError:
            raise OverBudget("The expression exceeded its budget: it is nested too deeply.") from None

    return evaluate


def _compiled(text: str) -> Run:
    parts = [_part(part, text) for part in template_parts(text)]
    if not parts:
        return lambda scope: ""
    if len(parts) == 1:
        return parts[0]

    def joined(scope: Scope) -> str:
        result = "".join(as_text(part(scope)) for part in parts)
        scope.budget.grow(len(result))
        return result

    return joined


def _part(part: str | tuple[int, int], text: str) -> Run:
    if isinstance(part, str):
        return lambda scope: part
    return Parser(text, *part).whole()
