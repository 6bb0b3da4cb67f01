"""Which changes of variables make a conditional event look at its condition."""

from __future__ import annotations

from dataclasses import dataclass

CREATE, UPDATE, DELETE = "create", "update", "delete"
CHANGES = frozenset({CREATE, UPDATE, DELETE})


@dataclass(frozen=True, slots=True)
class VariableFilter:
    """*names*: of the variables that count (none: all). *changes*: what has to happen to one of them."""

    names: frozenset[str] = frozenset()
    changes: frozenset[str] = CHANGES

    def lets_through(self, name: str, change: str) -> bool:
        return change in self.changes and (not self.names or name in self.names)
