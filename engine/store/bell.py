"""How processes on one PostgreSQL wake each other: LISTEN and NOTIFY, beside the commits they tell of.

A NOTIFY in the transaction itself would let all commits of the database queue for one lock. So a thread sends it
when the commit has happened, and for many commits at once. What is lost on the way (a process dies in between, a
connection breaks) is found by whoever looks for work regularly.
"""

from __future__ import annotations

import logging
import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Lock, Thread
from typing import Any, Final, Protocol

from sqlalchemy import Engine as Database
from sqlalchemy.exc import DBAPIError

CHANNEL: Final = "fermata"
WORK: Final = "work"
NEWS: Final = "news"
APART: Final = {WORK: 0.005, NEWS: 0.2}
"""Seconds between two rings of the same kind, for all that happens meanwhile."""
LONGEST_PAUSE: Final = 5.0

Heard = Callable[[bool], None]

log = logging.getLogger("engine.store")


class Bell(Protocol):
    def ring(self, *, has_work: bool) -> None:
        """Tells the other processes that something was committed; *has_work*: there may be jobs for their workers."""
        ...

    def tell(self, heard: Heard) -> None:
        """Calls *heard* with has_work whenever another process has rung, and when a ring may have been missed."""
        ...

    def listen(self) -> None:
        """From now on."""
        ...

    def close(self) -> None: ...


class SilentBell:
    """For a database that cannot tell anybody anything."""

    def ring(self, *, has_work: bool) -> None: ...

    def tell(self, heard: Heard) -> None: ...

    def listen(self) -> None: ...

    def close(self) -> None: ...


class PostgresBell:
    """One connection and one thread, from the first time that there is something to tell or to hear."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = Lock()
        self._heard: list[Heard] = []
        self._wanted: set[str] = set()
        self._rung_at = dict.fromkeys(APART, 0.0)
        self._thread: Thread | None = None
        self._closing = Event()
        self.is_listening = Event()
        self._waker, self._woken = socket.socketpair()
        self._waker.setblocking(False)

    def ring(self, *, has_work: bool) -> None:
        kind = WORK if has_work else NEWS
        with self._lock:
            if kind in self._wanted or self._closing.is_set():
                return
            self._wanted.add(kind)
            self._begin()
        self._wake()

    def tell(self, heard: Heard) -> None:
        self._heard.append(heard)

    def listen(self) -> None:
        with self._lock:
            self._begin()

    def close(self) -> None:
        """Rings once more where somebody wanted it."""
        self._closing.set()
        self._wake()
        if self._thread is not None:
            self._thread.join()
        self._waker.close()
        self._woken.close()

    def _begin(self) -> None:
        if self._thread is None and not self._closing.is_set():
            self._thread = Thread(target=self._run, name="fermata bell", daemon=True)
            self._thread.start()

    def _wake(self) -> None:
        with suppress(BlockingIOError, OSError):  # full: it is about to wake
            self._waker.send(b"!")

    def _run(self) -> None:
        pause = 0.05
        while True:
            try:
                connection = self._open()
                try:
                    pause = 0.05
                    self.is_listening.set()
                    self._tell(has_work=True)  # what was rung while nobody listened
                    self._serve(connection)
                    return
                finally:
                    self.is_listening.clear()
                    connection.close()
            except (DBAPIError, self._database.dialect.loaded_dbapi.Error, OSError) as problem:
                if self._closing.is_set():
                    return
                log.warning("other processes cannot be heard for a while", extra={"error": type(problem).__name__})
            self._closing.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _open(self) -> Any:
        """A driver's connection of our own, that was in the pool."""
        pooled = self._database.raw_connection()
        connection: Any = pooled.driver_connection
        pooled.detach()
        connection.rollback()
        connection.autocommit = True
        connection.execute("SET synchronous_commit = off")  # nothing of its own that must last
        connection.execute(f"LISTEN {CHANNEL}")
        return connection

    def _serve(self, connection: Any) -> None:
        while True:
            is_closing = self._closing.is_set()
            next_ring = self._ring_due(connection, at_once=is_closing)
            if is_closing:
                return
            readable, _, _ = select.select([connection, self._woken], [], [], next_ring)
            if self._woken in readable:
                self._woken.recv(4096)
            if connection in readable:
                self._hear(connection)

    def _hear(self, connection: Any) -> None:
        own = connection.info.backend_pid
        rung = {notice.payload for notice in connection.notifies(timeout=0) if notice.pid != own}
        if rung:
            self._tell(has_work=WORK in rung)

    def _ring_due(self, connection: Any, *, at_once: bool) -> float | None:
        """Sends what is wanted and due; seconds to the next one, None where none is wanted."""
        now = time.monotonic()
        with self._lock:
            due = {kind for kind in self._wanted if at_once or now >= self._rung_at[kind] + APART[kind]}
            self._wanted -= due
            waits = [self._rung_at[kind] + APART[kind] - now for kind in self._wanted]
        for kind in due:
            connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, kind))
            self._rung_at[kind] = now
        return min(waits, default=None)

    def _tell(self, *, has_work: bool) -> None:
        for heard in list(self._heard):
            heard(has_work)
