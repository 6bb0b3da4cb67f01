"""FEEL's values: numbers are `Decimal`, contexts are dicts, null is None; equality and order among them.

Variables come in as any plain Python value (`lift`) and results leave with whole numbers as int (`lower`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from typing import Any

from bpmn.expressions.budget import Budget
from bpmn.expressions.errors import ExpressionError
from bpmn.expressions.feel.far import Far, is_before
from bpmn.expressions.values import YearMonthDuration

ARITHMETIC = Context(
    prec=34,
    rounding=ROUND_HALF_EVEN,
    Emin=-6143,
    Emax=6144,
    traps=[InvalidOperation, DivisionByZero, Overflow],
)
_UNCHANGED = frozenset((type(None), bool, str, date, datetime, time, timedelta, YearMonthDuration))


@dataclass(frozen=True, slots=True)
class Range:
    """*start* or *end* is None where the range has no bound."""

    start: Any
    end: Any
    start_included: bool = True
    end_included: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function as a value. *call* takes the arguments in the order of *parameters*."""

    parameters: tuple[str, ...]
    call: Callable[..., Any]
    types: tuple[Any, ...] = ()


def lift(value: Any, budget: Budget) -> Any:
    """A plain Python value as a FEEL value; what FEEL has no type for becomes its text."""
    kind = type(value)
    if kind in _UNCHANGED:
        return value
    if kind is Decimal:
        return value if value.is_finite() else None
    if kind is int:
        return Decimal(value) if value.bit_length() <= 112 else ARITHMETIC.create_decimal(value)
    if kind is float:
        return Decimal(repr(value)) if value - value == 0 else None
    if isinstance(value, Mapping):
        budget.spend(len(value))  # pyright: ignore[reportUnknownArgumentType]
        return {str(key): lift(entry, budget) for key, entry in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, (list, tuple, set, frozenset)):
        budget.spend(len(value))  # pyright: ignore[reportUnknownArgumentType]
        return [lift(item, budget) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, (bool, str, date, time, timedelta, Range, Function)):
        return value
    if isinstance(value, int):
        return Decimal(int(value))
    return str(value)


def lower(value: Any, budget: Budget) -> Any:
    """A FEEL value as a plain Python value. Raises ExpressionError for a function, a range or a year that
    Python does not have."""
    kind = type(value)
    if kind is Decimal:
        return lower_number(value)
    if kind in _UNCHANGED:
        return value
    if kind is list:
        budget.spend(len(value))
        return [lower(item, budget) for item in value]
    if kind is dict:
        budget.spend(len(value))
        return {key: lower(entry, budget) for key, entry in value.items()}
    if isinstance(value, (Function, Range)):
        what = "a function" if isinstance(value, Function) else "a range"
        raise ExpressionError(f"The result is {what}, which cannot be a variable. Return a value made with it.")
    if kind is Far:
        message = f"The result is of the year {value.year}; a variable holds the years 1 to 9999."
        raise ExpressionError(f"{message} Return its text: string(...).")
    return value


def lower_number(value: Decimal) -> int | Decimal:
    exponent = value.as_tuple().exponent
    if exponent == 0:
        return int(value)
    if isinstance(exponent, int) and exponent < 40 and value == value.to_integral_value():
        return int(value)
    return value


def equal(left: Any, right: Any, budget: Budget) -> bool | None:
    """FEEL's '=': None where the two are of different types. DMN 1.5, table 48."""
    if left is None or right is None:
        return left is right
    kind = type(left)
    if kind is Decimal or kind is str or kind is bool:
        return left == right if kind is type(right) else None
    if kind is list:
        return _equal_lists(left, right, budget) if type(right) is list else None
    if kind is dict:
        return _equal_contexts(left, right, budget) if type(right) is dict else None
    if kind is Range:
        return _equal_ranges(left, right, budget) if type(right) is Range else None
    if kind is Function:
        return left is right if type(right) is Function else None
    if _rank(left) != _rank(right):
        return None
    return _equal_moments(left, right)


def _equal_lists(left: list[Any], right: list[Any], budget: Budget) -> bool:
    budget.spend(len(left))
    return len(left) == len(right) and all(equal(a, b, budget) for a, b in zip(left, right, strict=True))


def _equal_contexts(left: dict[str, Any], right: dict[str, Any], budget: Budget) -> bool:
    budget.spend(len(left))
    return left.keys() == right.keys() and all(equal(left[key], right[key], budget) for key in left)


def _equal_ranges(left: Range, right: Range, budget: Budget) -> bool:
    return (
        left.start_included == right.start_included
        and left.end_included == right.end_included
        and bool(equal(left.start, right.start, budget))
        and bool(equal(left.end, right.end, budget))
    )


def _equal_moments(left: Any, right: Any) -> bool:
    if isinstance(left, Far) or isinstance(right, Far):
        return less(left, right) is False and less(right, left) is False
    if isinstance(left, (datetime, time)) and (left.utcoffset() is None) != (right.utcoffset() is None):
        return False
    return bool(left == right)


def less(left: Any, right: Any) -> bool | None:
    """Whether *left* comes before *right*; None where the two have no order."""
    kind = type(left)
    if kind is type(right) and (kind is Decimal or kind is str):
        return bool(left < right)
    rank = _rank(left)
    if rank is None or rank != _rank(right):
        return None
    try:
        return is_before(left, right) if Far in (kind, type(right)) else bool(left < right)
    except TypeError:  # one has a zone, the other has none
        return None


def less_or_equal(left: Any, right: Any) -> bool | None:
    after = less(right, left)
    return None if after is None else not after


def contains(target: Range, value: Any) -> bool | None:
    """Whether *value* lies in *target*; None where they have no order."""
    if value is None:
        return None
    above = below = True
    if target.start is not None:
        found = less_or_equal(target.start, value) if target.start_included else less(target.start, value)
        if found is None:
            return None
        above = found
    if target.end is not None:
        found = less_or_equal(value, target.end) if target.end_included else less(value, target.end)
        if found is None:
            return None
        below = found
    return above and below


def is_number(value: Any) -> bool:
    return type(value) is Decimal


def _rank(value: Any) -> str | None:
    """A name for the values that have an order among each other."""
    match value:
        case bool():
            return None
        case Decimal():
            return "number"
        case str():
            return "string"
        case datetime():
            return "date and time"
        case date():
            return "date"
        case Far():
            return "date and time" if value.is_moment else "date"
        case time():
            return "time"
        case timedelta():
            return "days and time duration"
        case YearMonthDuration():
            return "years and months duration"
        case _:
            return None
