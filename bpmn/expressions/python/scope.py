"""What a piece of Python sees: the variables, what it assigned itself, and comprehension targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bpmn.expressions.budget import Budget
from bpmn.expressions.errors import UnknownVariable


class Scope:
    __slots__ = ("assigned", "budget", "variables")

    def __init__(self, variables: Mapping[str, Any], budget: Budget, assigned: dict[str, Any] | None = None) -> None:
        self.variables = variables
        self.budget = budget
        self.assigned: dict[str, Any] = {} if assigned is None else assigned

    def get(self, name: str) -> Any:
        """Raises ExpressionError that names the variables in scope."""
        if name in self.assigned:
            return self.assigned[name]
        try:
            return self.variables[name]
        except KeyError:
            in_scope = ", ".join(sorted({*map(str, self.variables), *self.assigned})) or "none"
            raise UnknownVariable(f"Unknown variable '{name}'. Variables in scope: {in_scope}.") from None

    def inner(self) -> Scope:
        """For a comprehension: sees this scope, and its targets stay in it."""
        return Scope(self.variables, self.budget, dict(self.assigned))


Run = Callable[[Scope], Any]
