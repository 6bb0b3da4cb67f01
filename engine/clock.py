"""Where the engine learns the time and gets its ids: passed in, so that tests move both."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Protocol

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]


class Clock(Protocol):
    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...


class OwnClock(Clock, Protocol):
    """One that the engine has chosen itself."""

    def machine_ahead(self) -> float:
        """Seconds by which the machine's clock is ahead of this one."""
        ...

    def close(self) -> None: ...


class SystemClock:
    """The machine's."""

    def now(self) -> datetime:
        return machine_time()

    def machine_ahead(self) -> float:
        return 0.0

    def close(self) -> None: ...


def machine_time() -> datetime:
    return datetime.now(UTC)


class VirtualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime) -> None:
        self._now = now.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> datetime:
        return self.move_to(self._now + by)

    def move_to(self, moment: datetime) -> datetime:
        """Raises ValueError when *moment* lies in the past."""
        if moment < self._now:
            raise ValueError(
                f"The clock stands at {self._now.isoformat()} and does not go back to {moment.isoformat()}."
            )
        self._now = moment.astimezone(UTC)
        return self._now


def new_id(at: datetime) -> str:
    """26 characters that sort by time (the ULID layout): 48 bits of milliseconds, then 80 random bits."""
    number = (int(at.timestamp() * 1000) << 80) | secrets.randbits(80)
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in range(120, -1, -10)])


def id_prefix(at: datetime) -> str:
    """The ten characters with which ids of this millisecond begin."""
    number = int(at.timestamp() * 1000)
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(45, -1, -5))


def moment_of(identity: str) -> datetime:
    """When an id was made, from its first ten characters."""
    number = 0
    for character in identity[:10]:
        number = number * 32 + _ALPHABET.index(character)
    return datetime.fromtimestamp(number / 1000, UTC)
