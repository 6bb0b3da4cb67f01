"""One evaluation of a model: the variables, what was decided so far, and which rules fired for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bpmn.dmn.model import Decision
from bpmn.expressions.budget import Budget
from bpmn.expressions.feel import Globals, Local, Scope


@dataclass(slots=True)
class Trace:
    """What one decision looked at and what fired; *inputs* by the column's label or expression."""

    rules: list[str] = field(default_factory=list[str])
    inputs: dict[str, Any] = field(default_factory=dict[str, Any])


class Evaluation(Globals):
    """The outermost scope of an evaluation; every nested scope reaches it as `scope.run`.

    *made*: the decisions by their key, which is unique among models that import one another, as are those of
    *results* and *traces*."""

    __slots__ = ("made", "results", "running", "trace", "traces", "variables")

    def __init__(self, variables: Mapping[str, Any], now: datetime | None, budget: Budget) -> None:
        super().__init__(variables, now, budget)
        self.variables = variables
        self.made: dict[str, Decision] = {}
        self.results: dict[str, Any] = {}
        self.running: list[str] = []
        self.traces: dict[str, Trace] = {}
        self.trace = Trace()


class ScopeView(Mapping[str, Any]):
    """A FEEL scope as the variables of another expression language."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def __getitem__(self, name: str) -> Any:
        if self._scope.has(name):
            return self._scope.get(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def _names(self) -> dict[str, None]:
        names: dict[str, None] = {}
        scope = self._scope
        while isinstance(scope, Local):
            names.update(dict.fromkeys(scope.values))
            scope = scope.outer
        if isinstance(scope, Evaluation):
            names.update(dict.fromkeys(scope.variables))
        return names
