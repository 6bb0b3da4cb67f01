"""Where a name is looked up while a FEEL expression is evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from bpmn.expressions.budget import Budget
from bpmn.expressions.feel.builtins import function_value
from bpmn.expressions.feel.values import lift

_MISSING = object()
NO_SCALAR = object()
_SCALARS = frozenset((str, int, float, bool, Decimal))


class Globals:
    """The variables, lifted on first use, and behind them the built-in functions."""

    __slots__ = ("_lifted", "_variables", "budget", "now", "run")

    def __init__(self, variables: Mapping[str, Any], now: datetime | None, budget: Budget) -> None:
        self._variables = variables
        self._lifted: dict[str, Any] = {}
        self.budget = budget
        self.now = now
        self.run = self

    def get(self, name: str) -> Any:
        lifted = self._lifted
        if name in lifted:
            return lifted[name]
        raw = self._variables.get(name, _MISSING)
        value = function_value(name, self) if raw is _MISSING else lift(raw, self.budget)
        lifted[name] = value
        return value

    def has(self, name: str) -> bool:
        return name in self._variables

    def scalar_at(self, path: tuple[str, ...]) -> Any:
        """The value at *path* without lifting all that stands beside it; NO_SCALAR where that will not do."""
        value = self._variables.get(path[0])
        for name in path[1:]:
            if type(value) is not dict:
                return NO_SCALAR
            value = value.get(name)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        return lift(value, self.budget) if type(value) in _SCALARS else NO_SCALAR


class Local:
    """Names that a for, a function, a filter or a context adds."""

    __slots__ = ("outer", "run", "values")

    def __init__(self, values: dict[str, Any], outer: Scope) -> None:
        self.values = values
        self.outer = outer
        self.run = outer.run

    def get(self, name: str) -> Any:
        scope: Scope = self
        while type(scope) is Local:
            if name in scope.values:
                return scope.values[name]
            scope = scope.outer
        return scope.get(name)

    def has(self, name: str) -> bool:
        return name in self.values or self.outer.has(name)

    def scalar_at(self, path: tuple[str, ...]) -> Any:
        scope: Scope = self
        while type(scope) is Local:
            if path[0] in scope.values:
                return NO_SCALAR
            scope = scope.outer
        return scope.scalar_at(path)


Scope = Globals | Local
