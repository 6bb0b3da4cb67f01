"""Runs a Python function as a job's handler."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from datetime import timedelta
from threading import Thread
from typing import Any

from engine.cancellation import Reason
from engine.handlers import Handler
from engine.model import Job


class TookTooLong(Exception):
    """An attempt lasted longer than its timeout. What it still does is not awaited."""


class Quit(Exception):
    """A handler raised what would end its thread, event loop or process: SystemExit, KeyboardInterrupt and the like."""

    @classmethod
    def of(cls, problem: BaseException) -> Quit:
        text = str(problem)
        return cls(f"{type(problem).__name__}({text})" if text else type(problem).__name__)


class PythonExecutor:
    def __init__(self, function: Handler, timeout: timedelta | None = None) -> None:
        self._function = function
        self._timeout = timeout

    def __call__(self, job: Job, journal: Any, /) -> Any:
        if self._timeout is None:
            return self._function(job)
        return bounded(lambda: self._function(job), self._timeout, job)


def bounded(work: Callable[[], Any], timeout: timedelta, job: Job) -> Any:
    """What *work* returns or raises. It runs in a thread of its own: a thread cannot be stopped, only be told
    (`job.is_cancelled()`) and left behind, on record in its cancellation. Raises TookTooLong."""
    result: list[Any] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            result.append(work())
        except BaseException as problem:  # handed to the waiting thread, whatever it is
            failure.append(problem)

    context = contextvars.copy_context()
    thread = Thread(target=context.run, args=(run,), name=f"handler {job.type}", daemon=True)
    thread.start()
    thread.join(timeout.total_seconds())
    if thread.is_alive():
        job.cancellation.left_behind = (*job.cancellation.left_behind, thread)
        job.cancellation.cancel(Reason.TIMEOUT)
        raise TookTooLong(f"The handler for '{job.type}' took longer than {timeout}.")
    if failure:
        if isinstance(failure[0], Exception):
            raise failure[0]
        raise Quit.of(failure[0]) from failure[0]
    return result[0]
