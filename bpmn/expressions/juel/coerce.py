"""JUEL's coercions and comparisons. Expression Language 2.2, 1.8 and 1.18."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from bpmn.expressions.errors import ExpressionError
from bpmn.expressions.operators import compare, kind_of

_NUMBERS = (int, float, Decimal)


def as_text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime() | date() | time():
            return value.isoformat()
        case Decimal():
            return format(value, "f")
        case list() | tuple():
            return "[" + ", ".join(as_text(item) for item in value) + "]"  # pyright: ignore[reportUnknownVariableType]
        case dict():
            return "{" + ", ".join(f"{key}={as_text(entry)}" for key, entry in value.items()) + "}"  # pyright: ignore[reportUnknownVariableType]
        case str() | int() | float() | timedelta():
            return str(value)
        case _:
            raise ExpressionError(f"{kind_of(value).capitalize()} has no text.")


def as_boolean(value: Any) -> bool:
    """Null and '' are false, 'true' in any case is true. Raises ExpressionError for other kinds."""
    if isinstance(value, bool):
        return value
    if value is None:
        return False
    if isinstance(value, str) and value.lower() in ("true", "false", ""):
        return value.lower() == "true"
    raise ExpressionError(f"Expected true or false, not {kind_of(value)}. Compare it with something.")


def as_number(value: Any) -> int | float | Decimal:
    """Null and '' are 0; a text is the number it spells. Raises ExpressionError."""
    if isinstance(value, bool):
        raise ExpressionError("Expected a number, not a boolean.")
    if isinstance(value, _NUMBERS):
        return value
    if value is None or value == "":
        return 0
    if isinstance(value, str) and len(value) < 1000:
        try:
            return int(value) if value.strip().lstrip("+-").isdecimal() else float(value)
        except ValueError:
            pass
    raise ExpressionError(f"Expected a number, not {kind_of(value)}. Texts are joined as in Hello ${{name}}.")


def is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, (str, list, tuple, dict)) and len(value) == 0)  # pyright: ignore[reportUnknownArgumentType]


def is_equal(left: Any, right: Any) -> bool:
    if left is None or right is None:
        return left is right
    if isinstance(left, bool) or isinstance(right, bool):
        return _quietly(as_boolean, left) == _quietly(as_boolean, right)
    if isinstance(left, _NUMBERS) != isinstance(right, _NUMBERS) and isinstance(left, (str, *_NUMBERS)):
        if not isinstance(right, (str, *_NUMBERS)):
            return False
        left, right = _quietly(as_number, left), _quietly(as_number, right)
    if isinstance(left, float) and isinstance(right, Decimal):
        left = Decimal(repr(left))
    elif isinstance(left, Decimal) and isinstance(right, float):
        right = Decimal(repr(right))
    if isinstance(left, (date, time)) and isinstance(right, str):
        return left.isoformat() == right
    return bool(left == right)


def _quietly(coerce: Callable[[Any], Any], value: Any) -> Any:
    try:
        return coerce(value)
    except ExpressionError:
        return value


_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def order(symbol: str, left: Any, right: Any) -> bool:
    """Null comes before and after nothing."""
    if left is None or right is None:
        return symbol in ("<=", ">=") and left is right
    if isinstance(left, _NUMBERS) or isinstance(right, _NUMBERS):
        left, right = as_number(left), as_number(right)
    return compare(symbol, _ORDERS[symbol], left, right)
