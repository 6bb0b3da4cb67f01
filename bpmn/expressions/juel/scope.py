"""What a JUEL expression sees: the variables and the objects that engines of that family offer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from bpmn.expressions.budget import Budget
from bpmn.expressions.errors import UnknownVariable

_NOTHING: Mapping[str, Any] = {}


class Scope:
    __slots__ = ("budget", "now", "variables")

    def __init__(self, variables: Mapping[str, Any], now: datetime | None, budget: Budget) -> None:
        self.variables = variables
        self.now = now
        self.budget = budget

    def get(self, name: str) -> Any:
        """Raises ExpressionError for a name that is no variable."""
        try:
            return self.variables[name]
        except KeyError:
            pass
        if name in ("execution", "task", "caseExecution"):
            return Execution(self.variables, getattr(self.variables, "facts", _NOTHING))
        in_scope = ", ".join(sorted(map(str, self.variables))) or "none"
        raise UnknownVariable(f"Unknown variable '{name}'. Variables in scope: {in_scope}.")


class Execution:
    """The object 'execution': a way to the variables, and to *facts* such as processBusinessKey."""

    __slots__ = ("facts", "variables")

    def __init__(self, variables: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
        self.variables = variables
        self.facts = facts


Run = Callable[[Scope], Any]
