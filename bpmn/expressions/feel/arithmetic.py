"""FEEL's + - * / ** over numbers, texts, dates, times and durations. DMN 1.5, 10.3.2.3.7 and tables 53-59.

Every operation gives None for operands it has no meaning for.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_DOWN, Decimal, DecimalException
from typing import Any

from bpmn.expressions.feel import far
from bpmn.expressions.feel.far import AnyDate, Far
from bpmn.expressions.feel.values import ARITHMETIC
from bpmn.expressions.values import YearMonthDuration

_MICROSECOND = timedelta(microseconds=1)


def add(left: Any, right: Any) -> Any:
    if type(left) is Decimal and type(right) is Decimal:
        return _number(ARITHMETIC.add, left, right)
    if type(left) is str and type(right) is str:
        return left + right
    if isinstance(left, (timedelta, YearMonthDuration)) and isinstance(right, (date, time, Far)):
        return shift(right, left)
    if isinstance(right, timedelta):
        return _quietly(lambda: left + right) if isinstance(left, timedelta) else shift(left, right)
    if isinstance(right, YearMonthDuration):
        if isinstance(left, YearMonthDuration):
            return YearMonthDuration(left.months + right.months)
        return shift(left, right)
    return None


def subtract(left: Any, right: Any) -> Any:
    if type(left) is Decimal and type(right) is Decimal:
        return _number(ARITHMETIC.subtract, left, right)
    if isinstance(right, timedelta):
        return _quietly(lambda: left - right) if isinstance(left, timedelta) else shift(left, -right)
    if isinstance(right, YearMonthDuration):
        if isinstance(left, YearMonthDuration):
            return YearMonthDuration(left.months - right.months)
        return shift(left, -right)
    if isinstance(left, (date, Far)) and isinstance(right, (date, Far)):
        return _between(right, left)
    if isinstance(left, time) and isinstance(right, time):
        return _between_times(right, left)
    return None


def multiply(left: Any, right: Any) -> Any:
    if type(left) is Decimal and type(right) is Decimal:
        return _number(ARITHMETIC.multiply, left, right)
    if type(left) is Decimal:
        left, right = right, left
    if type(right) is not Decimal:
        return None
    return _scaled(left, lambda amount: ARITHMETIC.multiply(amount, right))


def divide(left: Any, right: Any) -> Any:
    if type(left) is Decimal and type(right) is Decimal:
        return _number(ARITHMETIC.divide, left, right)
    if type(right) is Decimal:
        return _scaled(left, lambda amount: ARITHMETIC.divide(amount, right))
    if isinstance(left, timedelta) and isinstance(right, timedelta):
        return _number(ARITHMETIC.divide, Decimal(left // _MICROSECOND), Decimal(right // _MICROSECOND))
    if isinstance(left, YearMonthDuration) and isinstance(right, YearMonthDuration):
        return _number(ARITHMETIC.divide, Decimal(left.months), Decimal(right.months))
    return None


def power(left: Any, right: Any) -> Any:
    if type(left) is Decimal and type(right) is Decimal:
        return _number(ARITHMETIC.power, left, right)
    return None


def negate(value: Any) -> Any:
    if type(value) is Decimal:
        return ARITHMETIC.minus(value)
    if isinstance(value, (timedelta, YearMonthDuration)):
        return -value
    return None


def shift(moment: Any, by: timedelta | YearMonthDuration) -> Any:
    """*moment* moved by a duration; a day that the month lacks becomes its last."""
    if isinstance(by, YearMonthDuration):
        return _shift_months(moment, by.months) if isinstance(moment, (date, Far)) else None
    if isinstance(moment, Far):
        return far.moved(moment, by)
    try:
        if isinstance(moment, datetime):
            return (
                moment + by if moment.utcoffset() is None else (moment.astimezone(UTC) + by).astimezone(moment.tzinfo)
            )
        if isinstance(moment, date):
            return (datetime.combine(moment, time(0)) + by).date()
        if isinstance(moment, time):
            return (
                (datetime.combine(date(2000, 1, 1), moment.replace(tzinfo=None)) + by % timedelta(1))
                .time()
                .replace(tzinfo=moment.tzinfo)
            )
    except OverflowError:
        return far.moved(moment, by) if isinstance(moment, date) else None
    return None


def _shift_months(moment: AnyDate, months: int) -> AnyDate | None:
    near, cycles = far.spread(moment)
    year, month = divmod(near.year * 12 + near.month - 1 + months, 12)
    whole, within = divmod(year - 2000, 400)
    last = monthrange(2000 + within, month + 1)[1]
    return far.settled(near.replace(year=2000 + within, month=month + 1, day=min(near.day, last)), cycles + whole)


def _between(start: AnyDate, end: AnyDate) -> timedelta | None:
    """A date among dates and times stands for its midnight in UTC."""
    if isinstance(start, Far) or isinstance(end, Far):
        (first, before), (last, after) = far.spread(start), far.spread(end)
        near = _between(first, last)
        return None if near is None else _quietly(lambda: near + (after - before) * far.CYCLE)
    if not isinstance(start, datetime) and not isinstance(end, datetime):
        return end - start
    first, last = as_moment(start), as_moment(end)
    if (first.utcoffset() is None) != (last.utcoffset() is None):
        return None
    return last - first if first.tzinfo is None else last.astimezone(UTC) - first.astimezone(UTC)


def as_moment(value: date) -> datetime:
    return value if isinstance(value, datetime) else datetime.combine(value, time(0), UTC)


def _between_times(start: time, end: time) -> timedelta | None:
    if (start.utcoffset() is None) != (end.utcoffset() is None):
        return None
    day = date(2000, 1, 1)
    return datetime.combine(day, end) - datetime.combine(day, start)


def _scaled(length: Any, scale: Callable[[Decimal], Decimal]) -> Any:
    try:
        if isinstance(length, timedelta):
            return timedelta(microseconds=int(scale(Decimal(length // _MICROSECOND))))
        if isinstance(length, YearMonthDuration):
            return YearMonthDuration(int(scale(Decimal(length.months)).to_integral_value(ROUND_DOWN)))
    except (DecimalException, OverflowError):
        return None
    return None


def _number(operation: Callable[[Decimal, Decimal], Decimal], left: Decimal, right: Decimal) -> Decimal | None:
    try:
        return operation(left, right)
    except DecimalException:
        return None


def _quietly(operation: Callable[[], timedelta]) -> timedelta | None:
    try:
        return operation()
    except OverflowError:
        return None
