"""When a timer is due: dates, durations, repeating intervals and cron lines, by the clock that is passed in.

Durations with a time part are exact (PT24H is 24 hours also across a change to summer time); calendar
parts (P1D, P1M) keep the wall-clock time in the start's own zone. A cycle counts from the moment it was
due and not from when it ran, and one of calendar parts from its first turn, so it does not drift.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from whenever import PlainDateTime, ZonedDateTime

from bpmn.model import TimerKind
from engine.cron import CronError, next_turn, read_cron

_DURATION = re.compile(
    r"(?P<sign>[+-]?)P(?=.)(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?=.)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:[.,]\d{1,9})?)S)?)?"
)
_REPEATING = re.compile(
    r"R(?P<count>\d{0,9})/(?:(?:(?P<start>[^P].*)/)?(?P<every>P[^/]*)|(?P<until_every>P[^/]*)/(?P<end>[^P].*))"
)
_ZONE = re.compile(r"(?:CRON_)?TZ=(?P<zone>[\w/+-]{1,64})\s+(?P<line>.+)")
_DAYS_OF_A_MONTH = 146_097 / 4_800  # in 400 years, after which the calendar repeats
_END_OF_TIME = datetime(9999, 12, 31, tzinfo=UTC)


class TimerError(ValueError):
    """The value is no date, duration or cycle, or none that can be computed."""


@dataclass(frozen=True, slots=True)
class Duration:
    """An ISO 8601 duration: calendar *months* and *days*, and an exact *rest*."""

    months: int = 0
    days: int = 0
    rest: timedelta = timedelta()

    def __bool__(self) -> bool:
        return bool(self.months or self.days or self.rest)

    def after(self, moment: datetime) -> datetime:
        """*moment* plus this duration, in UTC; calendar parts are counted in *moment*'s own zone."""
        try:
            if self.months or self.days:
                moment = _shift(moment, self.months, self.days)
            return moment.astimezone(UTC) + self.rest
        except (OverflowError, ValueError) as problem:
            raise TimerError("The duration leads beyond the calendar, which ends with the year 9999.") from problem

    def times(self, number: int) -> Duration:
        """Raises TimerError where that is longer than the calendar."""
        try:
            return Duration(self.months * number, self.days * number, self.rest * number)
        except OverflowError as problem:
            raise TimerError("So many turns lead beyond the calendar.") from problem

    def before(self, moment: datetime) -> datetime:
        """*moment* less this duration, in UTC; the beginning of the calendar where it leads beyond."""
        try:
            return _shift(moment, -self.months, -self.days).astimezone(UTC) - self.rest
        except (OverflowError, ValueError):
            return datetime.min.replace(tzinfo=UTC)

    @property
    def about(self) -> timedelta:
        """How long it is, months taken as long as they are on the average. Raises TimerError."""
        try:
            return timedelta(days=self.months * _DAYS_OF_A_MONTH + self.days) + self.rest
        except OverflowError as problem:
            raise TimerError("The duration is longer than the calendar.") from problem


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a timer's value says. *repeats*: how often a cycle comes, None for endlessly; *zone*: of a cron line.
    *end*: of a cycle that is counted back from there; its last turn is one interval earlier."""

    first: datetime | None = None
    every: Duration | None = None
    cron: str | None = None
    repeats: int | None = 1
    zone: ZoneInfo | None = None
    end: datetime | None = None

    @property
    def counts_days(self) -> bool:
        """Whether the calendar decides how far turns are apart: then they are counted from the first of them."""
        return self.every is not None and bool(self.every.months or self.every.days)

    def first_due(self, now: datetime) -> datetime:
        """When it comes first, having been set *now*. A date that has passed is due at once. Raises TimerError."""
        if self.end is not None and self.every is not None:
            number = -self.repeats if self.repeats is not None else min(_turn(self.end, self.every, now)[0], -1)
            return self.every.times(number).after(self.end)
        if self.first is not None:
            return self.first.astimezone(UTC)
        return self.next_due(now)

    def repeats_from(self, now: datetime) -> int | None:
        """How often it comes, having been set *now*; None for endlessly."""
        if self.end is None or self.every is None or self.repeats is not None:
            return self.repeats
        return max(-_turn(self.end, self.every, now)[0], 1)

    def next_due(self, last: datetime, origin: datetime | None = None) -> datetime:
        """The occurrence after the one that was due at *last*. *origin*: the first of all, from which those of a
        calendar are counted: from January 31 on, P1M is February 28 and then March 31. Raises TimerError."""
        if self.cron is not None:
            try:
                return next_turn(self.cron, last.astimezone(self.zone or last.tzinfo or UTC))
            except CronError as problem:
                raise TimerError(f"The cron line '{self.cron}' {problem}.") from problem
        if self.every is None:
            raise TimerError("A date comes only once.")
        if self.end is not None:
            return _turn(self.end, self.every, last)[1]
        zone = self.first.tzinfo if self.first else last.tzinfo
        origin = self.first or origin
        if origin is None or not self.counts_days or origin > last:
            return self.every.after(last.astimezone(zone))
        return _turn(origin.astimezone(zone), self.every, last)[1]


def read_schedule(kind: TimerKind, value: object, sunday: int = 0) -> Schedule:
    """The schedule that a timer's evaluated *value* means; *sunday*: its number in a cron line.

    Raises TimerError saying what would be understood.
    """
    if kind is TimerKind.DATE:
        return Schedule(first=read_date(value))
    if kind is TimerKind.DURATION:
        return Schedule(every=read_duration(value))
    return _read_cycle(value, sunday)


def read_date(value: object) -> datetime:
    """A moment from a datetime, a date or ISO 8601 text; without an offset it is UTC. Raises TimerError."""
    moment = _moment_in(value)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        moment.astimezone(UTC)
    except (OverflowError, ValueError) as problem:
        message = f"'{_short(value)}' lies beyond the calendar, which has the years 1 to 9999 in UTC."
        raise TimerError(message) from problem
    return moment


def _moment_in(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC)
    text = _text(value)
    zone = re.fullmatch(r"(.*?)(?:([+-]\d\d:\d\d|Z))?(?:\[([\w/+-]+)\]|@([\w/+-]+))", text)
    try:
        if zone:
            return datetime.fromisoformat(zone[1]).replace(tzinfo=ZoneInfo(str(zone[3] or zone[4])))
        return datetime.fromisoformat(text)
    except (ValueError, OSError, ZoneInfoNotFoundError) as problem:
        raise TimerError(f"'{_short(value)}' is no date and time. Write it like 2026-01-31T09:00:00Z.") from problem


def read_duration(value: object) -> Duration:
    """A duration from a timedelta, an object with `months`, or ISO 8601 text; negative ones are refused."""
    if isinstance(value, timedelta):
        duration = Duration(rest=value)
    elif isinstance(months := getattr(value, "months", None), int):
        duration = Duration(months=months)
    else:
        duration = _parse_duration(_text(value))
    if duration.months < 0 or duration.rest < timedelta():
        raise TimerError(f"The duration '{_short(value)}' is negative. A timer needs a time to come.")
    return duration


def read_time_to_live(text: str) -> Duration:
    """How long history is kept: a number of days, or an ISO 8601 duration. Raises TimerError."""
    text = text.strip()
    return read_duration(f"P{text}D" if text.isascii() and text.isdigit() else text)


def removal_at(time_to_live: str | None, ended_at: datetime) -> datetime | None:
    """When what ended then may be removed; None where nothing is said, the end of time where it is too long."""
    if time_to_live is None:
        return None
    try:
        return read_time_to_live(time_to_live).after(ended_at)
    except (TimerError, OverflowError):
        return _END_OF_TIME


def _parse_duration(text: str) -> Duration:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise TimerError(f"'{_short(text)}' is no duration. Write it like PT15M, P2D or P1M.")
    try:
        said = {name: text for name, text in match.groupdict("0").items() if name != "sign"}
        part = {name: Decimal(text.replace(",", ".")) for name, text in said.items()}
        seconds = part["hours"] * 3600 + part["minutes"] * 60 + part["seconds"]
        rest = timedelta(seconds=int(seconds), microseconds=int(seconds % 1 * 1_000_000))
        days = int(part["weeks"] * 7 + part["days"])
        months = int(part["years"] * 12 + part["months"])
    except (ArithmeticError, ValueError) as problem:
        raise TimerError(f"The duration '{_short(text)}' is longer than the calendar.") from problem
    if match["sign"] == "-" and (months or days or rest):
        return Duration(months=-1)
    return Duration(months, days, rest)


def _read_cycle(value: object, sunday: int) -> Schedule:
    if isinstance(value, timedelta):
        return _repeating(value, Schedule(every=read_duration(value), repeats=None))
    text = _text(value)
    if text.startswith("R") and "/" in text:
        return _repeating(text, _read_repeating_interval(text))
    zone, line = _zone_of(text)
    try:
        cron = read_cron(line, sunday)
    except CronError as problem:
        raise TimerError(
            f"'{_short(value)}' is no cycle ({problem}). "
            "Write it like R3/PT10M, R/P1D, or as a cron line like 0 0 9 * * MON-FRI."
        ) from problem
    return Schedule(cron=cron, repeats=None, zone=zone)


def _repeating(value: object, cycle: Schedule) -> Schedule:
    """Raises TimerError for one whose turns are no time apart: they would come as fast as they can, for ever."""
    if not cycle.every and cycle.repeats != 1:
        raise TimerError(f"The turns of '{_short(value)}' are no time apart. Write it like R3/PT10M or R/P1D.")
    return cycle


def _zone_of(text: str) -> tuple[ZoneInfo | None, str]:
    """The time zone before a cron line, as many schedulers write it, and the line."""
    match = _ZONE.fullmatch(text)
    if match is None:
        return None, text
    try:
        return ZoneInfo(match["zone"]), match["line"]
    except (ZoneInfoNotFoundError, OSError, ValueError) as problem:
        message = f"There is no time zone '{_short(match['zone'])}'. Write it like CRON_TZ=Europe/Berlin 0 9 * * *."
        raise TimerError(message) from problem


def _read_repeating_interval(text: str) -> Schedule:
    match = _REPEATING.fullmatch(text)
    if match is None:
        raise TimerError(
            f"'{_short(text)}' is no repeating interval. Write it like R3/PT10M or R/2026-01-31T09:00:00Z/P1D."
        )
    repeats = int(match["count"]) if match["count"] else None
    every = read_duration(match["every"] or match["until_every"])
    if match["start"]:
        return Schedule(first=read_date(match["start"]), every=every, repeats=repeats)
    if match["end"]:
        return Schedule(every=every, repeats=repeats, end=read_date(match["end"]))
    return Schedule(every=every, repeats=repeats)


def _turn(anchor: datetime, every: Duration, last: datetime) -> tuple[int, datetime]:
    """The first turn after *last*, with its number, of those that are counted from *anchor*, which has number 0; turns
    before it have negative ones. Raises TimerError where it lies beyond the calendar."""
    number = int((last - anchor) / every.about)
    while every.times(number).after(anchor) > last:
        number -= 1
    while (due_at := every.times(number).after(anchor)) <= last:  # months differ by days, so this takes a few steps
        number += 1
    return number, due_at


def _shift(moment: datetime, months: int, days: int) -> datetime:
    zone = getattr(moment.tzinfo, "key", None)
    if zone is not None:
        return ZonedDateTime(moment).add(months=months, days=days, disambiguation="compatible").to_stdlib()
    shifted = PlainDateTime(moment.replace(tzinfo=None)).date().add(months=months, days=days).to_stdlib()
    return datetime.combine(shifted, moment.timetz())


def _text(value: object) -> str:
    try:
        return str(value).strip()
    except ValueError as problem:  # a number of more digits than Python writes down
        raise TimerError("So long a number is no time.") from problem


def _short(value: object) -> str:
    text = _text(value)
    return text if len(text) <= 60 else text[:57] + "..."
