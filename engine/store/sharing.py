"""Shared commits on SQLite: what several threads want to write at the same time becomes durable at once.

There is one writer, and its wait for the disk is most of what a small commit costs. Whoever gets the turn takes along
all that wait behind it, each in a savepoint of its own, so that what is refused there leaves nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import Context, copy_context
from threading import Lock, current_thread, main_thread
from typing import Any, TypeVar

from sqlalchemy import Connection

from engine.store.faults import OutcomeUnknown

Result = TypeVar("Result")

AT_ONCE = 32


class _Ticket:
    """Something to write, and what became of it."""

    def __init__(self, work: Callable[[Connection], Any]) -> None:
        self._work = work
        self._context: Context = copy_context()
        self.is_over = False
        self.result: Any = None
        self.problem: Exception | None = None

    def run(self, connection: Connection) -> None:
        self.result = self._context.run(self._work, connection)


class SharedCommits:
    """*writing*: a transaction that holds the right to write."""

    def __init__(self, writing: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._writing = writing
        self._turn = Lock()
        self._lock = Lock()
        self._waiting: list[_Ticket] = []

    def run(self, work: Callable[[Connection], Result]) -> Result:
        """*work* in a transaction that is committed when this returns. Raises what *work* raises; then nothing of it
        has been written. It may be called again where a transaction that it shared has failed. Raises OutcomeUnknown
        where nobody knows whether that one has."""
        ticket = _Ticket(work)
        with self._lock:
            self._waiting.append(ticket)
        with self._turn:
            if not ticket.is_over:
                self._lead(self._batch(ticket))
        if ticket.problem is not None:
            raise ticket.problem
        return ticket.result

    def _batch(self, mine: _Ticket) -> list[_Ticket]:
        """The main thread takes nobody along: a signal that stops it must not leave others in doubt."""
        with self._lock:
            if mine in self._waiting:
                self._waiting.remove(mine)
            if current_thread() is main_thread():
                return [mine]
            others, self._waiting = self._waiting[: AT_ONCE - 1], self._waiting[AT_ONCE - 1 :]
            return [mine, *others]

    def _lead(self, batch: list[_Ticket]) -> None:
        try:
            with self._writing() as connection:
                if len(batch) == 1:
                    batch[0].run(connection)
                else:
                    self._run_each(batch, connection)
        except OutcomeUnknown as problem:  # doing it again might do it twice
            for ticket in batch:
                ticket.problem = problem
        except Exception as problem:
            if len(batch) > 1:
                for ticket in batch:
                    self._lead([ticket])
                return
            batch[0].problem = problem
        for ticket in batch:
            ticket.is_over = True

    def _run_each(self, batch: list[_Ticket], connection: Connection) -> None:
        for ticket in batch:
            ticket.problem = None
            try:
                with connection.begin_nested():
                    ticket.run(connection)
            except Exception as problem:
                ticket.problem = problem
