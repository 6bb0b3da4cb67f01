"""Runs a Python function as a job's handler."""

from __future__ import annotations

import contextvars
from datetime import timedelta
from threading import Thread
from typing import Any

from engine.handlers import Handler
from engine.model import Job


class TookTooLong(Exception):
    """An attempt lasted longer than the handler's timeout. What it still does is not awaited."""


class PythonExecutor:
    def __init__(self, function: Handler, timeout: timedelta | None = None) -> None:
        self._function = function
        self._timeout = timeout

    def __call__(self, job: Job, journal: Any, /) -> Any:
        if self._timeout is None:
            return self._function(job)
        return self._run_bounded(job, self._timeout)

    def _run_bounded(self, job: Job, timeout: timedelta) -> Any:
        """In a thread of its own: a thread cannot be stopped, only left behind."""
        result: list[Any] = []
        failure: list[BaseException] = []

        def run() -> None:
            try:
                result.append(self._function(job))
            except BaseException as problem:  # handed to the waiting thread, whatever it is
                failure.append(problem)

        context = contextvars.copy_context()
        thread = Thread(target=context.run, args=(run,), name=f"handler {job.type}", daemon=True)
        thread.start()
        thread.join(timeout.total_seconds())
        if thread.is_alive():
            raise TookTooLong(f"The handler for '{job.type}' took longer than {timeout}.")
        if failure:
            raise failure[0]
        return result[0]
