"""How a handler that is at work learns that its result is not wanted any more."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from threading import Lock

_lock = Lock()


class Reason(StrEnum):
    INTERRUPTED = "interrupted"  # its activity has ended, or another worker has taken over
    TIMEOUT = "timeout"


class Cancellation:
    """One for each attempt. *reason*: None as long as the result is wanted."""

    __slots__ = ("_callbacks", "reason")

    def __init__(self) -> None:
        self.reason: Reason | None = None
        self._callbacks: list[Callable[[], object]] = []

    def cancel(self, reason: Reason) -> None:
        """The first reason counts."""
        with _lock:
            if self.reason is not None:
                return
            self.reason = reason
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def on_cancel(self, callback: Callable[[], object]) -> None:
        """Calls *callback* once, from whichever thread cancels; at once where that has happened."""
        with _lock:
            if self.reason is None:
                self._callbacks.append(callback)
                return
        callback()
