"""A service task that is an expression over variables and nobody's handler: its value is its result.

Camunda 7 writes both as `camunda:expression`: a method of a bean, which binds to a handler of that name, and
`${amount * 2}`, which is just evaluated.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bpmn.expressions import compile_expression
from bpmn.model import Expression, Language

WRITTEN_AS = "expression"


def value_of(text: str, variables: Mapping[str, Any], now: datetime) -> Any:
    """The value of *text*, as it stands in the diagram but for a `${...}` around all of it.

    Raises ExpressionError where it cannot be evaluated over *variables* alone: then it wants a handler.
    """
    whole = text if "${" in text or "#{" in text else f"${{{text}}}"
    return compile_expression(Expression(Language.JUEL, whole))(variables, now)
