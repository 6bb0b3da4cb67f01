"""Arithmetic on plain Python values that cannot be made to hang or to fill the memory.

Shared by JUEL and the Python subset. A float and a Decimal meet as Decimals.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import Decimal, DecimalException
from typing import Any

from bpmn.expressions.budget import LARGEST_BITS, Budget
from bpmn.expressions.errors import ExpressionError, OverBudget

_SIZED = (str, list, tuple)
_NUMBERS = (int, float, Decimal)


def add(left: Any, right: Any, budget: Budget) -> Any:
    if isinstance(left, _SIZED) and isinstance(right, _SIZED):
        budget.grow(len(left) + len(right))  # pyright: ignore[reportUnknownArgumentType]
    return _apply(operator.add, "+", left, right)


def subtract(left: Any, right: Any, _budget: Budget) -> Any:
    return _apply(operator.sub, "-", left, right)


def multiply(left: Any, right: Any, budget: Budget) -> Any:
    for sized, count in ((left, right), (right, left)):
        if isinstance(sized, _SIZED) and isinstance(count, int):
            budget.grow(len(sized) * max(count, 0))  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(left, int) and isinstance(right, int):
        _check_bits(left.bit_length() + right.bit_length())
    return _apply(operator.mul, "*", left, right)


def divide(left: Any, right: Any, _budget: Budget) -> Any:
    return _apply(operator.truediv, "/", left, right)


def floor_divide(left: Any, right: Any, _budget: Budget) -> Any:
    return _apply(operator.floordiv, "//", left, right)


def modulo(left: Any, right: Any, budget: Budget) -> Any:
    if isinstance(left, str):
        raise ExpressionError("'%' formats no texts here. Use an f-string or +.")
    return _apply(operator.mod, "%", left, right)


def power(left: Any, right: Any, _budget: Budget) -> Any:
    if isinstance(left, int) and isinstance(right, int):
        _check_bits(left.bit_length() * max(right, 0))
    return _apply(operator.pow, "**", left, right)


def shift_left(left: Any, right: Any, _budget: Budget) -> Any:
    if isinstance(left, int) and isinstance(right, int):
        _check_bits(left.bit_length() + max(right, 0))
    return _apply(operator.lshift, "<<", left, right)


def compare(symbol: str, operation: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    return bool(_apply(operation, symbol, left, right))


def plain(operation: Callable[[Any, Any], Any], symbol: str) -> Callable[[Any, Any, Budget], Any]:
    """An operator that cannot grow its operands."""
    return lambda left, right, _budget: _apply(operation, symbol, left, right)


def _apply(operation: Callable[[Any, Any], Any], symbol: str, left: Any, right: Any) -> Any:
    if isinstance(left, float) and isinstance(right, Decimal):
        left = Decimal(repr(left))
    elif isinstance(left, Decimal) and isinstance(right, float):
        right = Decimal(repr(right))
    try:
        return operation(left, right)
    except ZeroDivisionError:
        raise ExpressionError(f"Division by zero in '{symbol}'.") from None
    except TypeError:
        raise ExpressionError(f"'{symbol}' has no meaning between {kind_of(left)} and {kind_of(right)}.") from None
    except (DecimalException, ArithmeticError, ValueError):
        raise ExpressionError(f"'{symbol}' has no result for these numbers.") from None


def _check_bits(bits: int) -> None:
    if bits > LARGEST_BITS:
        raise OverBudget(f"The expression exceeded its budget: a number of more than {LARGEST_BITS} bits.")


def kind_of(value: Any) -> str:
    """What to call a value in a message; never the value itself."""
    match value:
        case None:
            return "nothing (null)"
        case bool():
            return "a boolean"
        case int() | float() | Decimal():
            return "a number"
        case str():
            return "a text"
        case list() | tuple():
            return "a list"
        case dict():
            return "a map"
        case _:
            return f"a {type(value).__name__}"
