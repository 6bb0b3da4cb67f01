"""How a handler that is at work learns that its result is not wanted any more."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from threading import Lock
from typing import Protocol

_lock = Lock()


class Lasting(Protocol):
    """A thread, or what is like one."""

    def is_alive(self) -> bool: ...


class Reason(StrEnum):
    INTERRUPTED = "interrupted"  # its activity has ended, or another worker has taken over
    TIMEOUT = "timeout"


class Cancellation:
    """One for each attempt. *reason*: None as long as the result is wanted. *left_behind*: threads and
    coroutines of the attempt that nobody awaits any more."""

    __slots__ = ("_callbacks", "left_behind", "reason")

    def __init__(self) -> None:
        self.reason: Reason | None = None
        self.left_behind: tuple[Lasting, ...] = ()
        self._callbacks: list[Callable[[], object]] = []

    @property
    def is_at_work(self) -> bool:
        """Whether something that it left behind still runs."""
        return any(each.is_alive() for each in self.left_behind)

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
