"""Lets operators see which workers live: a word to the database at each beat, and one at the end."""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from engine.clock import Clock
from engine.model import WorkerRecord
from engine.store import workers
from engine.store.jobs import LEASE
from engine.store.transaction import Store

BEAT: Final = LEASE / 3
ALIVE: Final = LEASE + BEAT
"""Since its last word, for which a worker is taken to live."""
REMEMBERED: Final = timedelta(hours=1)
"""For how long one that fell silent is still told of."""


class Presence:
    """Of one worker, by its *name*."""

    def __init__(self, store: Store, name: str, clock: Clock) -> None:
        self._store = store
        self._name = name
        self._clock = clock
        self._since: datetime | None = None

    def beat(self, threads: int) -> None:
        now = self._clock.now()
        self._since = self._since or now
        record = WorkerRecord(
            name=self._name,
            host=socket.gethostname(),
            process_id=os.getpid(),
            engine_version=engine_version(),
            threads=threads,
            started_at=self._since,
            heard_at=now,
        )
        with self._store.writing() as connection:
            workers.hear(connection, record)
            workers.forget_silent(connection, now - REMEMBERED)

    def leave(self) -> None:
        """It has stopped; one that is killed falls silent instead."""
        if self._since is not None:
            self._since = None
            with self._store.writing() as connection:
                workers.forget(connection, self._name)


@cache
def engine_version() -> str:
    try:
        return version("fermata")
    except PackageNotFoundError:
        return "unknown"
