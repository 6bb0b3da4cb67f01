"""Where requests wait until something was committed that may be of use to them."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from threading import Condition


class Bell:
    """Rung after every commit. At most *seats* wait at once: each holds a thread of the server."""

    def __init__(self, seats: int) -> None:
        self.seats = seats
        self._condition = Condition()
        self._taken = 0
        self._rung = 0
        self.is_closed = False

    @property
    def rung(self) -> int:
        """How often so far; to be read before one looks, so that nothing that comes afterwards is missed."""
        return self._rung

    def ring(self) -> None:
        self._rung += 1
        if self._taken:
            with self._condition:
                self._condition.notify_all()

    @contextmanager
    def seat(self) -> Generator[bool]:
        """False where all are taken."""
        with self._condition:
            is_free = self._taken < self.seats and not self.is_closed
            self._taken += is_free
        try:
            yield is_free
        finally:
            with self._condition:
                self._taken -= is_free

    def wait(self, since: int, seconds: float) -> None:
        """Until it is rung after *since*, or closed, and no longer than *seconds*."""
        with self._condition:
            self._condition.wait_for(lambda: self._rung != since or self.is_closed, seconds)

    def close(self) -> None:
        """Everybody who waits goes."""
        with self._condition:
            self.is_closed = True
            self._condition.notify_all()
