"""Cron lines as the vendors' editors write them, made into those that `cronsim` reads.

Five fields are Unix's. Six begin with seconds, may write '?' for a day that does not matter, and a seventh is
the year: those of Spring (Camunda 8) number Sunday 0 or 7, those of Quartz (Camunda 7) number it 1.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from cronsim import CronSim, CronSimError

_NICKNAMES: Final = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@midnight": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}
_WEEKDAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_WEEKDAY: Final = re.compile(r"(?<![#/])(\d|[A-Z]{3})")
_RANGE: Final = re.compile(r"(\d+)-(\d+)")
_HOURS, _DAY, _WEEK = 2, 3, 5
_LONGEST_GAP: Final = timedelta(hours=25)
"""Of a clock that leaves something out: Samoa once left out a day."""


class CronError(ValueError):
    """The line is no cron line, or says what cannot be computed."""


def read_cron(text: str, sunday: int = 0) -> str:
    """The line for `cronsim` that means what *text* does; *sunday* is the number of Sunday in it (0 or 1).

    Raises CronError."""
    line = _NICKNAMES.get(text.lower())
    fields = text.split()
    if len(fields) == 7 and fields.pop() not in ("*", "?"):
        raise CronError("A year cannot be said in it")
    try:
        if line is None:
            line = " ".join(_with_seconds(fields, sunday) if len(fields) == 6 else fields)
        CronSim(line, datetime(2026, 1, 1, tzinfo=UTC))
    except CronError:
        raise
    except (CronSimError, ValueError) as problem:
        raise CronError(str(problem)) from problem
    return line


def next_turn(line: str, last: datetime) -> datetime:
    """The turn after *last* of a line that `read_cron` gave, by the clock in *last*'s zone; in UTC.

    Raises CronError where none comes in 50 years or before the end of the calendar."""
    try:
        if line.split()[_HOURS - 6] in ("*", "*/1"):  # every hour that passes, whatever the clock shows
            return next(CronSim(line, last)).astimezone(UTC)
        return _next_on_the_clock(line, last)
    except (StopIteration, OverflowError, ValueError) as problem:
        raise CronError("does not come (again)") from problem


def _next_on_the_clock(line: str, last: datetime) -> datetime:
    """A turn whose time the clock leaves out comes as much later as the clock is moved; one whose time comes twice
    comes the first time."""
    zone = last.tzinfo
    before = (last.astimezone(UTC) - _LONGEST_GAP).astimezone(zone)
    left_out = max(_offset(last) - _offset(before), timedelta())
    found: datetime | None = None
    turns = CronSim(line, last.replace(tzinfo=None) - left_out)
    while True:
        on_the_clock = next(turns)
        due_at = on_the_clock.replace(tzinfo=zone, fold=0).astimezone(UTC)
        if due_at > last:
            found = min(found or due_at, due_at)
            if due_at.astimezone(zone).replace(tzinfo=None) == on_the_clock:  # those after it come later
                return found


def _offset(moment: datetime) -> timedelta:
    return moment.utcoffset() or timedelta()


def _with_seconds(fields: list[str], sunday: int) -> list[str]:
    days = (_DAY, _WEEK)
    fields = ["*" if at in days and field == "?" else field for at, field in enumerate(fields)]
    if all(not fields[at].startswith("*") for at in days):
        raise CronError("Of the day of the month and the day of the week, one must be '?'")
    fields[_WEEK] = _WEEKDAY.sub(lambda day: _number_of(day[1], sunday), fields[_WEEK].upper())
    for at, size in ((_HOURS, 24), (_WEEK, 7)):
        fields[at] = _RANGE.sub(lambda ends, size=size: _unrolled(int(ends[1]), int(ends[2]), size), fields[at])
    return fields


def _number_of(day: str, sunday: int) -> str:
    if day in _WEEKDAYS:
        return str(_WEEKDAYS.index(day))
    return str(int(day) - sunday) if day.isdigit() and int(day) >= sunday else day


def _unrolled(first: int, last: int, size: int) -> str:
    """A range over the end, like 22-2, as the numbers in it."""
    if first <= last:
        return f"{first}-{last}"
    return ",".join(str(number % size) for number in range(first, last + size + 1))
