"""Days and moments beyond the years 1 to 9999, where Python's own end. DMN 1.5, 10.3.2.3.4 and 10.3.2.3.5.

The calendar repeats every 400 years, weekdays included: such a day is kept as the same one of the years 2000 to 2399
and the number of times that 400 years lie between the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_YEARS = 400
_FIRST = 2000
CYCLE = timedelta(days=146_097)
LAST_YEAR = 999_999_999
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Far:
    """*near*: a `datetime` for a date and time, else a `date`. Never a year that Python has."""

    near: date
    cycles: int

    @property
    def year(self) -> int:
        return self.near.year + _YEARS * self.cycles

    @property
    def is_moment(self) -> bool:
        return isinstance(self.near, datetime)


AnyDate = date | Far


def day(year: int, month: int, day: int) -> AnyDate | None:
    """None where there is no such day, or its year has more than nine digits."""
    cycles, within = divmod(year, _YEARS)
    try:
        return settled(date(_FIRST + within, month, day), cycles - _FIRST // _YEARS)
    except ValueError:
        return None


def spread(value: AnyDate) -> tuple[date, int]:
    """The same day in the years 2000 to 2399, and the cycles between."""
    if isinstance(value, Far):
        return value.near, value.cycles
    cycles, within = divmod(value.year, _YEARS)
    return value.replace(year=_FIRST + within), cycles - _FIRST // _YEARS


def settled(near: date, cycles: int) -> AnyDate | None:
    """*near*, of any year, moved by so many cycles; there is no year 0 where Python's calendar does not reach it."""
    near, more = spread(near)
    year = near.year + _YEARS * (cycles + more)
    if MINYEAR <= year <= MAXYEAR:
        return near.replace(year=year)
    return Far(near, cycles + more) if year != 0 and abs(year) <= LAST_YEAR else None


def combined(value: AnyDate, moment: time) -> AnyDate:
    """The day of *value* at that time."""
    if isinstance(value, Far):
        return Far(datetime.combine(value.near, moment), value.cycles)
    return datetime.combine(value, moment)


def day_of(value: AnyDate) -> AnyDate:
    """Without the time."""
    if isinstance(value, Far):
        return Far(day_of(value.near), value.cycles)  # pyright: ignore[reportArgumentType]
    return value.date() if isinstance(value, datetime) else value


def moved(value: AnyDate, by: timedelta) -> AnyDate | None:
    near, cycles = spread(value)
    whole, rest = divmod(by, CYCLE)
    if not isinstance(near, datetime):
        return settled((datetime.combine(near, time(0)) + rest).date(), cycles + whole)
    if near.utcoffset() is None or (cycles < 0 and isinstance(near.tzinfo, ZoneInfo)):
        return settled(near + rest, cycles + whole)  # before there were zones a place had one time only
    return settled((near.astimezone(UTC) + rest).astimezone(near.tzinfo), cycles + whole)


def is_before(left: AnyDate, right: AnyDate) -> bool:
    """Raises TypeError where one has a zone and the other has none."""
    (first, first_cycles), (last, last_cycles) = spread(left), spread(right)
    apart = (first - last) // _MICROSECOND + (first_cycles - last_cycles) * (CYCLE // _MICROSECOND)
    return apart < 0
