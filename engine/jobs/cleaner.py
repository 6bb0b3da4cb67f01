"""The thread that removes what has been kept long enough, beside the workers and slower than they are."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Event, Thread

from engine.retention import Retention

LOOK = 60.0
"""Seconds between looks whether it is time."""
PAUSE = 4
"""For each second of removing, seconds that belong to the work alone."""

log = logging.getLogger("engine.retention")


class Cleaner:
    def __init__(self, retention: Retention, name: str) -> None:
        self._retention = retention
        self._name = name
        self._stopped = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        self._stopped.clear()
        self._thread = Thread(target=self._run, name="fermata cleaner", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends with the transaction under way."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while not self._stopped.wait(LOOK):
            try:
                count = self._retention.keep_house(self._name, self._rest())
            except Exception:  # the database may be away for a while
                log.exception("history that may go could not be removed, it is tried again")
            else:
                if count:
                    log.info("history that was kept long enough is removed", extra={"instances": count})

    def _rest(self) -> Callable[[], bool]:
        """Waits as long as PAUSE says of the time since it was called last; True when the thread shall end."""
        since = time.monotonic()

        def rest() -> bool:
            nonlocal since
            is_over = self._stopped.wait((time.monotonic() - since) * PAUSE)
            since = time.monotonic()
            return is_over

        return rest
