"""What a script made, as values that a variable can hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

from bpmn.expressions import YearMonthDuration

LARGEST = 200_000  # values in all
_DEEPEST = 100
_PLAIN = (str, int, float, Decimal, date, time, timedelta, bytes, YearMonthDuration, type(None))


class NotPlain(ValueError):
    """Holds something that no variable can hold, or too much of it."""


class Plain:
    """Copies values, counting: a script can share one list so often that its copy would fill the memory."""

    def __init__(self) -> None:
        self._left = LARGEST

    def value(self, value: Any, depth: int = 0) -> Any:
        """Tuples and sets become lists, keys texts. Raises NotPlain."""
        self._left -= 1
        if self._left < 0:
            raise NotPlain(f"more than {LARGEST} values")
        if isinstance(value, _PLAIN):
            return value
        if depth >= _DEEPEST:
            raise NotPlain(f"values nested more than {_DEEPEST} deep, or within themselves")
        if isinstance(value, (list, tuple)):
            return [self.value(item, depth + 1) for item in value]  # pyright: ignore[reportUnknownVariableType]
        if isinstance(value, (set, frozenset)):
            return [self.value(item, depth + 1) for item in _in_order(value)]  # pyright: ignore[reportUnknownArgumentType]
        if isinstance(value, Mapping):
            return {str(key): self.value(entry, depth + 1) for key, entry in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        raise NotPlain(f"a {type(value).__name__}")


def _in_order(items: set[Any] | frozenset[Any]) -> list[Any]:
    """A set has no order that repeats; its members do."""
    return sorted(items, key=lambda item: (type(item).__name__, repr(item)))
