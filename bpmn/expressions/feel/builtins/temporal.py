"""Dates, times and durations. DMN 1.5, 10.3.4.1, 10.3.4.7 and 10.3.4.8; last day of month of Camunda 8."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Any

from bpmn.expressions.feel import far
from bpmn.expressions.feel.builtins.registry import builtin
from bpmn.expressions.feel.far import AnyDate, Far
from bpmn.expressions.feel.temporal import (
    named_zone,
    parse_date,
    parse_date_time,
    parse_duration,
    parse_time,
)
from bpmn.expressions.values import YearMonthDuration

if TYPE_CHECKING:
    from bpmn.expressions.feel.scope import Globals

_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_LONGEST_OFFSET = timedelta(hours=18)


@builtin("date", "from: any")
def date_from(value: Any) -> AnyDate | None:
    if isinstance(value, str):
        return parse_date(value)
    return far.day_of(value) if isinstance(value, (date, Far)) else None


@builtin("date", "year: number, month: number, day: number")
def date_of(year: Decimal, month: Decimal, day: Decimal) -> AnyDate | None:
    parts = [_whole(part) for part in (year, month, day)]
    return None if None in parts else far.day(*parts)  # pyright: ignore[reportArgumentType]


@builtin("time", "from: any")
def time_from(value: Any) -> time | None:
    if isinstance(value, str):
        return parse_time(value)
    if isinstance(value, Far):
        value = value.near
    if isinstance(value, datetime):
        return value.timetz()
    if isinstance(value, date):
        return time(0, tzinfo=UTC)
    return value if isinstance(value, time) else None


@builtin("time", "hour: number, minute: number, second: number, offset: duration?")
def time_of(hour: Decimal, minute: Decimal, second: Decimal, offset: Any = None) -> time | None:
    if offset is not None and (not isinstance(offset, timedelta) or abs(offset) > _LONGEST_OFFSET):
        return None
    whole = second.to_integral_value(ROUND_FLOOR)
    try:
        zone = None if offset is None else timezone(offset) if offset else UTC
        return time(int(hour), int(minute), int(whole), int((second - whole) * 1_000_000), zone)
    except ValueError:
        return None


@builtin("date and time", "from: any")
def date_time_from(value: Any) -> AnyDate | None:
    if isinstance(value, str):
        return parse_date_time(value)
    if isinstance(value, datetime) or (isinstance(value, Far) and value.is_moment):
        return value
    return far.combined(value, time(0)) if isinstance(value, (date, Far)) else None


@builtin("date and time", "date: date, time: time")
def date_time_of(day: AnyDate, moment: time) -> AnyDate:
    return far.combined(day, moment)


@builtin("date and time", "date: date, timezone: string")
def date_time_in_zone(day: AnyDate, zone: str) -> datetime | None:
    target = named_zone(zone)
    if target is None or not isinstance(day, datetime):
        return None
    return day.astimezone(target) if day.tzinfo is not None else day.replace(tzinfo=target)


@builtin("duration", "from: any")
def duration(value: Any) -> timedelta | YearMonthDuration | None:
    if isinstance(value, str):
        return parse_duration(value)
    return value if isinstance(value, (timedelta, YearMonthDuration)) else None


@builtin("years and months duration", "from: date, to: date")
def years_and_months_duration(start: AnyDate, end: AnyDate) -> YearMonthDuration:
    """Whole months between the days, towards zero."""
    first, last = ((each.year, near.month, near.day) for each in (start, end) for near in [far.spread(each)[0]])
    sign = 1 if last >= first else -1
    first, last = (first, last) if sign > 0 else (last, first)
    months = (last[0] - first[0]) * 12 + last[1] - first[1]
    if last[2] < first[2]:
        months -= 1
    return YearMonthDuration(sign * months)


@builtin("now", wants_run=True)
def now(run: Globals) -> datetime | None:
    return run.now


@builtin("today", wants_run=True)
def today(run: Globals) -> date | None:
    return None if run.now is None else run.now.date()


@builtin("day of year", "date: date")
def day_of_year(day: AnyDate) -> Decimal:
    return Decimal(far.spread(day)[0].timetuple().tm_yday)


@builtin("day of week", "date: date")
def day_of_week(day: AnyDate) -> str:
    return _DAYS[far.spread(day)[0].weekday()]


@builtin("month of year", "date: date")
def month_of_year(day: AnyDate) -> str:
    return _MONTHS[far.spread(day)[0].month - 1]


@builtin("week of year", "date: date")
def week_of_year(day: AnyDate) -> Decimal:
    return Decimal(far.spread(day)[0].isocalendar().week)


@builtin("last day of month", "date: date")
def last_day_of_month(day: AnyDate) -> AnyDate | None:
    near, cycles = far.spread(day)
    return far.settled(date(near.year, near.month, monthrange(near.year, near.month)[1]), cycles)


def _whole(number: Decimal) -> int | None:
    return int(number) if number == number.to_integral_value() else None
