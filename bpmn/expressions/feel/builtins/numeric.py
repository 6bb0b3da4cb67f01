"""Numbers. DMN 1.5, 10.3.4.5."""

from __future__ import annotations

from datetime import timedelta
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Decimal,
)
from typing import Any

from bpmn.expressions.feel.builtins.registry import builtin
from bpmn.expressions.feel.values import ARITHMETIC
from bpmn.expressions.values import YearMonthDuration

_LARGEST_SCALE = 6176


def _rounded(number: Decimal, scale: Decimal, rounding: str) -> Decimal | None:
    digits = int(scale)
    if not -6111 <= digits <= _LARGEST_SCALE:
        return None
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and -exponent <= digits:
        return number
    context = ARITHMETIC.copy()
    context.prec = 7000
    return ARITHMETIC.plus(number.quantize(Decimal(1).scaleb(-digits), rounding, context))


@builtin("decimal", "n: number, scale: number")
def decimal(number: Decimal, scale: Decimal) -> Decimal | None:
    return _rounded(number, scale, ROUND_HALF_EVEN)


@builtin("round", "n: number")
@builtin("round", "n: number, scale: number")
def round_half_even(number: Decimal, scale: Decimal | None = None) -> Decimal | None:
    return _rounded(number, scale or Decimal(0), ROUND_HALF_EVEN)


@builtin("floor", "n: number")
@builtin("floor", "n: number, scale: number")
def floor(number: Decimal, scale: Decimal | None = None) -> Decimal | None:
    return _rounded(number, scale or Decimal(0), ROUND_FLOOR)


@builtin("ceiling", "n: number")
@builtin("ceiling", "n: number, scale: number")
def ceiling(number: Decimal, scale: Decimal | None = None) -> Decimal | None:
    return _rounded(number, scale or Decimal(0), ROUND_CEILING)


@builtin("round up", "n: number, scale: number")
def round_up(number: Decimal, scale: Decimal) -> Decimal | None:
    return _rounded(number, scale, ROUND_UP)


@builtin("round down", "n: number, scale: number")
def round_down(number: Decimal, scale: Decimal) -> Decimal | None:
    return _rounded(number, scale, ROUND_DOWN)


@builtin("round half up", "n: number, scale: number")
def round_half_up(number: Decimal, scale: Decimal) -> Decimal | None:
    return _rounded(number, scale, ROUND_HALF_UP)


@builtin("round half down", "n: number, scale: number")
def round_half_down(number: Decimal, scale: Decimal) -> Decimal | None:
    return _rounded(number, scale, ROUND_HALF_DOWN)


@builtin("abs", "n: number")
@builtin("abs", "n: duration")
def absolute(value: Any) -> Any:
    if isinstance(value, Decimal):
        return ARITHMETIC.abs(value)
    zero = timedelta(0) if isinstance(value, timedelta) else YearMonthDuration(0)
    return -value if value < zero else value


@builtin("modulo", "dividend: number, divisor: number")
def modulo(dividend: Decimal, divisor: Decimal) -> Decimal | None:
    """The sign is the divisor's."""
    if not divisor:
        return None
    quotient = ARITHMETIC.divide(dividend, divisor).to_integral_value(ROUND_FLOOR)
    return ARITHMETIC.subtract(dividend, ARITHMETIC.multiply(divisor, quotient))


@builtin("sqrt", "number: number")
def sqrt(number: Decimal) -> Decimal:
    return ARITHMETIC.sqrt(number)


@builtin("log", "number: number")
def log(number: Decimal) -> Decimal | None:
    return ARITHMETIC.ln(number) if number > 0 else None


@builtin("exp", "number: number")
def exp(number: Decimal) -> Decimal:
    return ARITHMETIC.exp(number)


@builtin("odd", "number: number")
def odd(number: Decimal) -> bool:
    return ARITHMETIC.remainder(number, Decimal(2)).copy_abs() == 1


@builtin("even", "number: number")
def even(number: Decimal) -> bool:
    return not ARITHMETIC.remainder(number, Decimal(2))
