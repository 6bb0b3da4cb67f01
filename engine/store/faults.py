"""What may go wrong between us and the database, and for how long it is borne."""

from __future__ import annotations

import random
import time
from typing import Any, Final

from sqlalchemy.exc import DBAPIError as DBAPIError
from sqlalchemy.exc import IntegrityError as IntegrityError
from sqlalchemy.exc import InterfaceError, OperationalError

from engine.errors import DatabaseAway, EngineError, InvalidInput
from engine.errors import OutcomeUnknown as OutcomeUnknown

FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 1.0

_LOST_RACES: Final = ("40001", "40P01", "55P03", "23503", "23505")
"""Failed serialisation, deadlock, a lock that took too long, a value removed or a unique key taken meanwhile."""
_READ_ONLY: Final = "25006"
"""A standby, or a server that is set so."""
_AWAY: Final = ("57P01", "57P02", "57P03", "57P05", "25P03", "53300", "53100", _READ_ONLY)
"""Shut down, crashed, starting up, idle for too long (outside and in a transaction), full, a full disk."""
_NO_ROOM: Final = ("disk I/O error", "database or disk is full")
"""What SQLite says of a disk that takes nothing more: like a server that is away, it may come back."""
_UNWRITTEN: Final = ("SQLITE_FULL", "SQLITE_IOERR_WRITE")
_STOPPED: Final = "57014"
_FOR_GOOD: Final = ("authentication failed", "does not exist", "pg_hba.conf", "no password supplied", "not permitted")
"""In what a server says that has refused a connection and will refuse the next one, too."""
_NO_RIGHT: Final = "42501"
_NO_DATABASE: Final = ("SQLITE_NOTADB", "SQLITE_CANTOPEN")


class Lost(DatabaseAway):
    """The connection broke before anything was committed: trying again is safe, and may help."""


class ReadOnly(DatabaseAway):
    """The server takes no writes, and has not taken any from us before: it is the wrong one."""

    def __init__(self) -> None:
        super().__init__(
            "This database is read-only (a standby?), nothing has changed. Give the URL of the primary, or of all its "
            "servers with target_session_attrs=read-write."
        )


class TooSlow(EngineError):
    """One statement took longer than the database's statement_timeout."""

    def __init__(self) -> None:
        super().__init__(
            "A statement took too long for the database and was stopped; nothing has changed. Ask for less at once, "
            "or raise statement_timeout in the options of the database's URL."
        )


def wrapped(problem: Exception, statement: str, dialect: Any) -> Exception:
    """What the driver of *dialect* said of a statement that went straight to it, as SQLAlchemy would tell it."""
    return DBAPIError.instance(statement, None, problem, dialect.loaded_dbapi.Error, dialect=dialect)


def is_lost_race(problem: DBAPIError) -> bool:
    """Whether others were faster, so that trying again may help; on SQLite also a lock that was not got."""
    state = _state(problem)
    if state is not None:
        return state in _LOST_RACES
    return isinstance(problem, IntegrityError) or "database is locked" in str(problem.orig)


def is_away(problem: DBAPIError) -> bool:
    """Whether a server could not be reached, a connection to it has broken, or its disk takes nothing more."""
    if type(problem.orig).__module__.startswith("sqlite3"):
        return str(problem.orig) in _NO_ROOM
    state = _state(problem)
    if state is not None:
        return state in _AWAY or state.startswith("08")
    is_of_connection = isinstance(problem, OperationalError | InterfaceError) or problem.connection_invalidated
    return is_of_connection and not any(words in str(problem.orig) for words in _FOR_GOOD)


def is_read_only(problem: DBAPIError) -> bool:
    """Whether a server can be reached that takes no writes."""
    return _state(problem) == _READ_ONLY


def is_unwritten(problem: Lost) -> bool:
    """Whether a commit of SQLite could not be written to its log, and so has not happened. Of one that was written and
    not flushed, nobody knows."""
    return getattr(getattr(problem.__cause__, "orig", None), "sqlite_errorname", None) in _UNWRITTEN


def is_unusable(problem: DBAPIError) -> bool:
    """Whether a file is no database, a server refuses this URL for good, or its user may not do what is needed."""
    name = str(getattr(problem.orig, "sqlite_errorname", ""))
    if name:
        return name.startswith(_NO_DATABASE)
    state = _state(problem)
    return state == _NO_RIGHT if state is not None else any(words in str(problem.orig) for words in _FOR_GOOD)


def unusable(problem: DBAPIError) -> InvalidInput:
    return InvalidInput(f"This database cannot be used: {_said(problem)}. Correct its URL, or the rights there.")


def is_stopped(problem: DBAPIError) -> bool:
    """Whether a statement reached the time limit."""
    return _state(problem) == _STOPPED


def away(problem: DBAPIError, seconds: float) -> DatabaseAway:
    """*seconds*: for how long it was tried."""
    return DatabaseAway(
        f"The database could not be reached for {seconds:g} s, nothing has changed: {_said(problem)}. "
        "Look whether it runs and accepts connections, then try again."
    )


def all_in_use() -> DatabaseAway:
    return DatabaseAway(
        "All connections of this process to the database are in use, nothing has changed. Try again; where it happens "
        "often, let more processes share the work."
    )


def lost(problem: DBAPIError) -> Lost:
    if is_read_only(problem):
        return Lost(
            "The database has become read-only (a failover?), nothing has changed. Look which server is the primary "
            "now and whether the URL leads there, then try again."
        )
    return Lost(f"The connection to the database broke, nothing has changed: {_said(problem)}. Try again.")


class Patience:
    """Waits between attempts, longer each time and never exactly as long as others do, for *seconds* in all."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._pause = FIRST_PAUSE
        self._until: float | None = None

    @property
    def has_begun(self) -> bool:
        return self._until is not None

    def wait(self) -> bool:
        """False when it has waited long enough; the time runs from the first call."""
        now = time.monotonic()
        if self._until is None:
            self._until = now + self.seconds
        if now >= self._until:
            return False
        time.sleep(min(self._pause * random.uniform(0.5, 1.0), self._until - now))
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        return True


def step_aside(tries: int) -> None:
    """A moment after a race was lost, so that the same ones do not meet again: up to 4 ms, doubling with each."""
    time.sleep(random.uniform(0, 0.002 * 2 ** min(tries, 5)))


def _state(problem: DBAPIError) -> str | None:
    return getattr(problem.orig, "sqlstate", None)


def _said(problem: DBAPIError) -> str:
    return (str(problem.orig).strip().splitlines() or ["it gave no reason"])[0].rstrip(".")
