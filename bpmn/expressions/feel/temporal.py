"""FEEL's dates, times and durations: reading them, writing them, zones. DMN 1.5, 10.3.2.3.

A date is a `date`, a date and time a `datetime`, a time a `time`, a days and time duration a `timedelta`,
to the microsecond; a years and months duration a `YearMonthDuration`. A date or a date and time beyond the years 1 to
9999 is a `Far`, for FEEL alone: it cannot become a variable. What falls outside gives None.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from bpmn.expressions.feel import far
from bpmn.expressions.feel.far import AnyDate, Far
from bpmn.expressions.values import YearMonthDuration

Temporal = AnyDate | datetime | time | timedelta | YearMonthDuration

_DATE = re.compile(r"(-?(?:[1-9]\d{4,8}|\d{4}))-(\d\d)-(\d\d)", re.ASCII)
_ZONE = r"(Z|[+-]\d\d:\d\d(?::\d\d)?|@[A-Za-z][A-Za-z0-9_+/-]*)?"
_TIME = re.compile(r"(\d\d):(\d\d):(\d\d)(\.\d+)?" + _ZONE, re.ASCII)
_MONTHS = re.compile(r"(-)?P(?:(\d+)Y)?(?:(\d+)M)?", re.ASCII)
_DAYS = re.compile(r"(-)?P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(\.\d+)?S)?)?", re.ASCII)


def parse_temporal(text: str) -> Temporal | None:
    """What @"..." means: the first of date and time, date, time, duration that *text* is."""
    if text[:1] == "P" or text[:2] == "-P":
        return parse_duration(text)
    if "T" in text and _DATE.match(text):
        return parse_date_time(text)
    return parse_date(text) or parse_time(text)


def parse_date(text: str) -> AnyDate | None:
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    return far.day(*(int(part) for part in found.groups()))


def parse_time(text: str) -> time | None:
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    hour, minute, second = (int(part) for part in found.groups()[:3])
    zone = parse_zone(found.group(5))
    if found.group(5) and zone is None:
        return None
    try:
        return time(hour, minute, second, _microseconds(found.group(4)), zone)
    except ValueError:
        return None


def parse_date_time(text: str) -> AnyDate | None:
    """Accepts a date alone as its midnight, without a zone."""
    day_text, separator, time_text = text.partition("T")
    day = parse_date(day_text)
    if day is None:
        return None
    if not separator:
        return far.combined(day, time(0))
    next_day = time_text.startswith("24:00:00")
    moment = parse_time("00" + time_text[2:] if next_day else time_text)
    if moment is None:
        return None
    combined = far.combined(day, moment)
    return far.moved(combined, timedelta(days=1)) if next_day else combined


def parse_duration(text: str) -> timedelta | YearMonthDuration | None:
    if text.endswith(("P", "T")):
        return None
    found = _MONTHS.fullmatch(text)
    if found is not None:
        months = int(found.group(2) or 0) * 12 + int(found.group(3) or 0)
        return YearMonthDuration(-months if found.group(1) else months)
    found = _DAYS.fullmatch(text)
    if found is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups()[1:5])
    try:
        length = timedelta(
            days=days, hours=hours, minutes=minutes, seconds=seconds, microseconds=_microseconds(found.group(6))
        )
    except OverflowError:
        return None
    return -length if found.group(1) else length


def parse_zone(text: str | None) -> tzinfo | None:
    """'Z', '+02:00' or '@Europe/Paris'; None for anything else."""
    if not text:
        return None
    if text == "Z":
        return UTC
    if text.startswith("@"):
        return named_zone(text[1:])
    hours, minutes, *seconds = (int(part) for part in text[1:].split(":"))
    offset = timedelta(hours=hours, minutes=minutes, seconds=seconds[0] if seconds else 0)
    if offset > timedelta(hours=18) or minutes > 59:
        return None
    return timezone(-offset if text[0] == "-" else offset)


@lru_cache(maxsize=1024)
def named_zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return None


def zone_name(zone: tzinfo | None) -> str | None:
    return zone.key if isinstance(zone, ZoneInfo) else None


def format_temporal(value: Temporal) -> str:
    if isinstance(value, YearMonthDuration):
        return str(value)
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, time):
        return format_time(value)
    near = value.near if isinstance(value, Far) else value
    return format_date(value) + ("T" + format_time(near) if isinstance(near, datetime) else "")


def format_date(value: AnyDate) -> str:
    near = value.near if isinstance(value, Far) else value
    sign = "-" if value.year < 0 else ""
    return f"{sign}{abs(value.year):04d}-{near.month:02d}-{near.day:02d}"


def format_time(value: datetime | time) -> str:
    text = f"{value.hour:02d}:{value.minute:02d}:{value.second:02d}" + _fraction(value.microsecond)
    return text + format_zone(value)


def format_zone(value: datetime | time) -> str:
    name = zone_name(value.tzinfo)
    if name is not None:
        return "@" + name
    offset = value.utcoffset()
    if offset is None:
        return ""
    return "Z" if not offset else format_offset(offset)


def format_offset(offset: timedelta) -> str:
    seconds = int(offset.total_seconds())
    sign = "-" if seconds < 0 else "+"
    minutes, second = divmod(abs(seconds), 60)
    text = f"{sign}{minutes // 60:02d}:{minutes % 60:02d}"
    return f"{text}:{second:02d}" if second else text


def format_duration(value: timedelta) -> str:
    """ISO 8601: P1DT2H3M4.5S; PT0S for none."""
    if value < timedelta(0):
        return "-" + format_duration(-value)
    minutes, second = divmod(value.seconds, 60)
    hour, minute = divmod(minutes, 60)
    clock = (f"{hour}H" if hour else "") + (f"{minute}M" if minute else "")
    if second or value.microseconds:
        clock += f"{second}{_fraction(value.microseconds)}S"
    day = f"{value.days}D" if value.days else ""
    if not day and not clock:
        return "PT0S"
    return f"P{day}" + (f"T{clock}" if clock else "")


def _microseconds(fraction: str | None) -> int:
    return int(fraction[1:7].ljust(6, "0")) if fraction else 0


def _fraction(microseconds: int) -> str:
    return f".{microseconds:06d}".rstrip("0") if microseconds else ""
