"""Connections of a pool that nobody has used for a while: one may have broken unnoticed, and is tried before its use.

The pool's own look before each use would cost a round trip in every transaction; one that was used a moment ago will
do, and where it does not, what it was wanted for is tried again (`Store.retrying`).
"""

from __future__ import annotations

import time
from typing import Any, Final

from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError

IDLE: Final = 1.0
"""Seconds without use after which a connection is tried."""


def look_at_the_idle(database: Engine) -> None:
    """In each use of a connection of *database* from now on. One that has broken takes all older ones with it."""
    dialect = database.dialect

    @event.listens_for(database, "checkin")
    def note(connection: Any, record: Any) -> None:
        record.info["used_at"] = time.monotonic()

    @event.listens_for(database, "checkout")
    def look(connection: Any, record: Any, proxy: Any) -> None:
        used_at = record.info.get("used_at")
        if used_at is None or time.monotonic() - used_at < IDLE:
            return
        try:
            is_alive = dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as problem:
            raise InvalidatePoolError from problem
        if not is_alive:
            raise InvalidatePoolError

    _ = note, look
