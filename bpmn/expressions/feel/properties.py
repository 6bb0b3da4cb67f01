"""What stands behind a dot. DMN 1.5, 10.3.2.5 and table 65."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from bpmn.expressions.feel.far import Far
from bpmn.expressions.feel.temporal import format_zone
from bpmn.expressions.feel.values import Range
from bpmn.expressions.values import YearMonthDuration


def property_of(value: Any, name: str) -> Any:
    """Of a list: that of each item. Null where there is none."""
    if type(value) is dict:
        return value.get(name)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if type(value) is list:
        return [property_of(item, name) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if type(value) is Far:
        return Decimal(value.year) if name == "year" else property_of(value.near, name)
    read = _properties(value).get(name)
    return None if read is None else read(value)


def _properties(value: Any) -> dict[str, Callable[[Any], Any]]:
    match value:
        case datetime():
            return _DATE_TIME
        case date():
            return _DATE
        case time():
            return _TIME
        case timedelta():
            return _DURATION
        case YearMonthDuration():
            return _MONTHS
        case Range():
            return _RANGE
        case _:
            return {}


def _zone(value: datetime | time) -> str | None:
    text = format_zone(value)
    return text.removeprefix("@") or None


def _seconds(value: datetime | time) -> Decimal:
    return Decimal(value.second) + Decimal(value.microsecond).scaleb(-6).normalize()


def _part(unit: int, turn: int | None = None) -> Callable[[timedelta], Decimal]:
    """Whole units of so many seconds, carried at *turn*, with the duration's sign."""

    def read(value: timedelta) -> Decimal:
        seconds = abs(value) // timedelta(seconds=1)
        count = seconds // unit if turn is None else seconds // unit % turn
        return Decimal(-count if value < timedelta(0) else count)

    return read


def _fraction_of(value: timedelta) -> Decimal:
    micro = abs(value) // timedelta(microseconds=1) % 60_000_000
    seconds = Decimal(micro).scaleb(-6)
    return -seconds if value < timedelta(0) else seconds


_DATE: dict[str, Callable[[Any], Any]] = {
    "year": lambda value: Decimal(value.year),
    "month": lambda value: Decimal(value.month),
    "day": lambda value: Decimal(value.day),
    "weekday": lambda value: Decimal(value.isoweekday()),
}
_TIME: dict[str, Callable[[Any], Any]] = {
    "hour": lambda value: Decimal(value.hour),
    "minute": lambda value: Decimal(value.minute),
    "second": _seconds,
    "time offset": lambda value: value.utcoffset(),
    "timezone": _zone,
}
_DATE_TIME = {**_DATE, **_TIME}
_DURATION: dict[str, Callable[[Any], Any]] = {
    "days": _part(86_400),
    "hours": _part(3_600, 24),
    "minutes": _part(60, 60),
    "seconds": _fraction_of,
}
_MONTHS: dict[str, Callable[[Any], Any]] = {
    "years": lambda value: Decimal(int(value.months / 12)),
    "months": lambda value: Decimal(value.months - int(value.months / 12) * 12),
}
_RANGE: dict[str, Callable[[Any], Any]] = {
    "start": lambda value: value.start,
    "end": lambda value: value.end,
    "start included": lambda value: value.start_included,
    "end included": lambda value: value.end_included,
}
