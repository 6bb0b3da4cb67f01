"""Labels of metrics, bounded: their values come from diagrams, and each new one is a new time series for ever."""

from __future__ import annotations

from threading import Lock

MOST = 200
OTHER = "other"
_LONGEST = 120  # characters


class Bounded:
    """The first *most* values as they are, all others as OTHER."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: dict[str, str] = {}
        self._lock = Lock()

    def of(self, value: str) -> str:
        if (known := self._known.get(value)) is not None:
            return known
        with self._lock:
            if len(self._known) >= self._most:
                return OTHER
            return self._known.setdefault(value, value[:_LONGEST])
