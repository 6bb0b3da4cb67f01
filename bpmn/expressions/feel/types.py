"""FEEL's types by name: 'instance of', and what a function's parameters accept. DMN 1.5, 10.3.2.9."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from bpmn.expressions.errors import ExpressionError
from bpmn.expressions.feel.far import Far
from bpmn.expressions.feel.nodes import TypeName
from bpmn.expressions.feel.values import Function, Range
from bpmn.expressions.values import YearMonthDuration

Check = Callable[[Any], bool]


def _is_date(value: Any) -> bool:
    return isinstance(value, (date, Far))


def _is_moment(value: Any) -> bool:
    return isinstance(value, datetime) or (isinstance(value, Far) and value.is_moment)


_SIMPLE: dict[str, Check] = {
    "Any": lambda value: value is not None,
    "Null": lambda value: value is None,
    "number": lambda value: type(value) is Decimal,
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "date": lambda value: _is_date(value) and not _is_moment(value),
    "time": lambda value: isinstance(value, time),
    "date and time": lambda value: _is_moment(value),
    "days and time duration": lambda value: isinstance(value, timedelta),
    "years and months duration": lambda value: isinstance(value, YearMonthDuration),
    "list": lambda value: isinstance(value, list),
    "context": lambda value: isinstance(value, dict),
    "range": lambda value: isinstance(value, Range),
    "function": lambda value: isinstance(value, Function),
}
_ALIASES = {
    "dateTime": "date and time",
    "day and time duration": "days and time duration",
    "dayTimeDuration": "days and time duration",
    "year and month duration": "years and months duration",
    "yearMonthDuration": "years and months duration",
    "any": "Any",
}


def check_of(type_name: TypeName, known: Mapping[str, Check]) -> Check:
    """Tells whether a value is of the type; null is of no type but Null. *known*: types of a model.

    Raises ExpressionError for a name that is no type.
    """
    name = _ALIASES.get(type_name.name, type_name.name)
    if name in known:
        return known[name]
    base = _SIMPLE.get(name)
    if base is None:
        raise ExpressionError(f"Unknown type '{name}'. Known: {', '.join(sorted({*_SIMPLE, *known}))}.")
    inner = [check_of(argument, known) for argument in type_name.arguments]
    if not inner:
        return base
    match name:
        case "list":
            return lambda value: isinstance(value, list) and all(_holds(inner[0], item) for item in value)  # pyright: ignore[reportUnknownVariableType]
        case "range":
            return lambda value: isinstance(value, Range) and _bounds_hold(inner[0], value)
        case "context":
            return _context_check(dict(zip(type_name.names, inner, strict=True)))
        case _:
            return base


def _holds(check: Check, value: Any) -> bool:
    return value is None or check(value)


def _bounds_hold(check: Check, value: Range) -> bool:
    return all(check(bound) for bound in (value.start, value.end) if bound is not None)


def _context_check(checks: Mapping[str, Check]) -> Check:
    return lambda value: (
        isinstance(value, dict) and all(name in value and _holds(check, value[name]) for name, check in checks.items())
    )
