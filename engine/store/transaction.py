"""The database and its transactions: one writer at a time on SQLite, row locks on PostgreSQL."""

from __future__ import annotations

import logging
import re
import shutil
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from functools import lru_cache
from pathlib import Path
from sqlite3 import SQLITE_BUSY
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, create_engine, event, make_url
from sqlalchemy import Engine as Database
from sqlalchemy.engine import URL, Dialect
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as NoneIsFree

from engine.errors import Conflict, DatabaseAway, InvalidInput
from engine.store import marks
from engine.store.bell import Bell, PostgresBell, SilentBell
from engine.store.faults import (
    Lost,
    OutcomeUnknown,
    Patience,
    ReadOnly,
    TooSlow,
    all_in_use,
    away,
    is_away,
    is_lost_race,
    is_read_only,
    is_stopped,
    is_unusable,
    is_unwritten,
    lost,
    step_aside,
    unusable,
    wrapped,
)
from engine.store.idle import look_at_the_idle
from engine.store.sharing import SharedCommits

DatabaseError = (DBAPIError, DatabaseAway, OutcomeUnknown, TooSlow)
"""All that a database does to those who ask it."""

Result = TypeVar("Result")
Opened = Callable[[], AbstractContextManager[Connection]]

_BUSY_SECONDS = 30
_PAGES_OF_CACHE = -16_000  # negative: in KiB
_ATTEMPTS = 8
_OF_CONNECTIONS: Mapping[str, Any] = {  # to PostgreSQL, where its URL does not say otherwise
    "application_name": "fermata",
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "options": "-c statement_timeout=60s -c lock_timeout=20s -c idle_in_transaction_session_timeout=120s",
}


log = logging.getLogger("engine.store")


class Overtaken(Conflict):
    """Another transaction changed the same thing first; trying again may help."""


class Store:
    """One database. Safe to share among threads; not across a fork.

    *patience*: seconds for which a database that is away is waited for, before that is an error.
    """

    patience: float = 10.0

    def __init__(self, url: str) -> None:
        """Raises InvalidInput for a URL that names no database we know."""
        self._scratch: Path | None = None
        self.url = self._parse(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.database = self._open()
        # In one process writers queue here: SQLite itself would let them poll and starve.
        self._turn = Lock()
        self._shared = SharedCommits(self.writing) if self.is_sqlite else None
        self._writer: Connection | None = None  # kept open where there is but one, under the turn
        self._has_written = False  # then a server that takes no writes is a failover, which ends
        self.bell: Bell = SilentBell() if self.is_sqlite else PostgresBell(self.database)

    def migrate(self) -> None:
        """Brings the tables up to date; several processes may do so at once.

        Raises InvalidInput for a database that this URL cannot use.
        """
        from engine.store.migrations import upgrade

        try:
            upgrade(self)
        except DBAPIError as problem:
            if is_unusable(problem):
                raise unusable(problem) from problem
            raise

    def close(self) -> None:
        self.bell.close()
        if self._writer is not None:
            self._writer.close()
        self.database.dispose()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)

    @contextmanager
    def reading(self, *, patience: float | None = None) -> Generator[Connection]:
        """A connection that sees one committed state of everything. *patience*: in place of the store's.

        Raises DatabaseAway.
        """
        with self._connected(None if patience is None else lambda: self._connect(patience)) as connection:
            if not self.is_sqlite:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def writing(self, *, is_marked: bool = True) -> Generator[Connection]:
        """One transaction that holds the right to write from its start; commits, or leaves nothing, also where the
        connection breaks in the middle of the commit.

        *is_marked*: False where the table for commit marks may not exist yet; then an outcome may stay unknown.
        Raises DatabaseAway (nothing has happened), OutcomeUnknown.
        """
        mark, is_ending = None, False
        try:
            turn: AbstractContextManager[Any] = self._turn if self.is_sqlite else nullcontext()
            is_marked = is_marked and not self.is_sqlite
            opened = self._kept_open if self.is_sqlite else self._marked if is_marked else self._connect
            with turn, self._connected(opened) as connection, connection.begin():
                mark = marks.last_mark(connection) if is_marked else None
                yield connection
                is_ending = True
        except Lost as problem:
            if not is_ending or is_unwritten(problem) or not self._has_committed(mark):
                raise
            log.warning("the connection broke in a commit that has happened", extra={"error": str(problem)})

    def together(self, work: Callable[[Connection], Result]) -> Result:
        """*work* in a transaction, which on SQLite it may share with what other threads write at the same time."""
        if self._shared is not None:
            return self._shared.run(work)
        with self.writing() as connection:
            return work(connection)

    def retrying(self, work: Callable[[], Result]) -> Result:
        """Runs *work* (transactions of its own) again where it lost a race or its connection.

        Raises what the last try raised; DatabaseAway when the database does not come back in time.
        """
        patience = Patience(self.patience)
        races = 0
        while True:
            try:
                return work()
            except Lost as problem:
                self._wait(patience, problem)
                continue
            except (Overtaken, DBAPIError) as problem:
                if isinstance(problem, DBAPIError) and is_away(problem):  # in a part of a shared transaction
                    self._wait(patience, lost(problem))
                    continue
                races += 1
                if races >= _ATTEMPTS or (isinstance(problem, DBAPIError) and not is_lost_race(problem)):
                    raise
            step_aside(races)

    def _wait(self, patience: Patience, problem: Lost) -> None:
        """Raises *problem* when it has been waited for long enough."""
        if not patience.has_begun:
            log.warning("the database is away, it is tried again", extra={"error": str(problem)})
        if not patience.wait():
            raise problem

    def first(self, query: Select[Any], values: Mapping[str, Any]) -> Sequence[Any] | None:
        """The first row of a query, in a transaction of its own; its columns as the database has them."""
        if not self.is_sqlite:
            with self.reading() as connection:
                return connection.execute(query, values).first()
        dialect = self.database.dialect
        statement = _as_text(query, dialect)
        try:  # one statement sees one state: it needs no BEGIN
            with self._at_hand() as connection, closing(connection.cursor()) as cursor:
                return cursor.execute(statement, values).fetchone()
        except dialect.loaded_dbapi.Error as problem:
            raise wrapped(problem, statement, dialect) from problem

    @contextmanager
    def _at_hand(self) -> Generator[Any]:
        """Of SQLite: the writing connection, whose pages are still in its memory, if nobody writes just now."""
        is_free = self._turn.acquire(blocking=False)
        try:
            if is_free and self._writer is not None:
                yield self._writer.connection
            else:
                with closing(self.database.raw_connection()) as pooled:
                    yield pooled
        finally:
            if is_free:
                self._turn.release()

    @contextmanager
    def _connected(self, opened: Opened | None = None) -> Generator[Connection]:
        try:
            with (opened or self._connect)() as connection:
                yield connection
        except DBAPIError as problem:
            if is_stopped(problem):
                raise TooSlow from problem
            if is_read_only(problem) and not self._has_written:
                raise ReadOnly from problem
            if is_away(problem):
                if not self.is_sqlite:  # its other connections have most likely broken, too
                    self.database.dispose()
                raise lost(problem) from problem
            raise

    @contextmanager
    def _kept_open(self) -> Generator[Connection]:
        """Of SQLite: the one connection that writes, a new one after it has failed or was left in a transaction."""
        if self._writer is None:
            self._writer = self._connect().execution_options(fermata_writes=True)
        driver: Any = self._writer.connection.driver_connection
        try:
            yield self._writer
        except BaseException as problem:
            if isinstance(problem, DBAPIError) or self._writer.invalidated or driver.in_transaction:
                self._writer.close()
                self._writer = None
            raise

    def _marked(self, tries: int = 2) -> Connection:
        """Of PostgreSQL: one in a transaction, with its mark set. That is the first statement, and shows whether the
        connection has broken unnoticed: then it is another one."""
        connection = self._connect()
        try:
            marks.set_mark(connection)
        except BaseException as problem:
            connection.close()
            if tries <= 1 or not (isinstance(problem, DBAPIError) and is_away(problem)):
                raise
            self.database.dispose()
            return self._marked(tries - 1)
        self._has_written = True
        return connection

    def _connect(self, seconds: float | None = None) -> Connection:
        """Waits for a database that is away. Raises DatabaseAway."""
        patience = Patience(self.patience if seconds is None else seconds)
        while True:
            try:
                return self.database.connect()
            except NoneIsFree as problem:
                raise all_in_use() from problem
            except DBAPIError as problem:
                if not is_away(problem):
                    raise
                if not patience.wait():
                    raise away(problem, patience.seconds) from problem

    def _has_committed(self, mark: marks.Mark | None) -> bool:
        """Raises OutcomeUnknown."""
        patience = Patience(self.patience)
        while mark is not None:
            try:
                with self._connected() as connection, connection.begin():
                    return marks.has_committed(connection, mark)
            except (DBAPIError, DatabaseAway):
                if not patience.wait():
                    break
        raise OutcomeUnknown

    def _parse(self, text: str) -> URL:
        try:
            url = make_url(text.replace("postgres://", "postgresql://", 1))
            backend = url.get_backend_name()
        except (ArgumentError, NoSuchModuleError, ValueError) as problem:
            shown = re.sub(r":[^/@]*@", ":***@", text)
            raise InvalidInput(f"'{shown}' names no database. Use sqlite:///file.db or postgresql://...") from problem
        if backend == "postgresql":
            return url.set(drivername="postgresql+psycopg")
        if backend != "sqlite":
            raise InvalidInput(f"No support for '{backend}' databases. Use sqlite:///file.db or postgresql://...")
        if not url.database or url.database == ":memory:":
            self._scratch = Path(tempfile.mkdtemp(prefix="fermata-"))
            return url.set(drivername="sqlite+pysqlite", database=str(self._scratch / "scratch.db"))
        folder = Path(url.database).absolute().parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            message = f"The folder {folder} of the database cannot be made: {problem.strerror}. Name another file."
            raise InvalidInput(message) from problem
        return url.set(drivername="sqlite+pysqlite")

    def _open(self) -> Database:
        if not self.is_sqlite:
            try:
                arguments = {name: value for name, value in _OF_CONNECTIONS.items() if name not in self.url.query}
                database = create_engine(
                    self.url,
                    connect_args=arguments,
                    pool_size=16,
                    max_overflow=32,
                    hide_parameters=True,  # values of variables stay out of logs
                    # Whoever has waited for a lock must see what its holder wrote, whatever the database's default is.
                    isolation_level="READ COMMITTED",
                )
            except ModuleNotFoundError as problem:
                message = "PostgreSQL needs the package psycopg. Install fermata[postgres]."
                raise InvalidInput(message) from problem
            look_at_the_idle(database)
            return database
        arguments = {"timeout": _BUSY_SECONDS, "check_same_thread": False}
        database = create_engine(self.url, connect_args=arguments, pool_size=16, max_overflow=64, hide_parameters=True)
        synchronous = "FULL" if self._scratch is None else "OFF"

        @event.listens_for(database, "connect")
        def configure(connection: Any, _: Any) -> None:
            connection.isolation_level = None  # transactions begin where the events below say so
            _set_log_ahead(connection)
            for pragma in (
                f"synchronous = {synchronous}",
                "foreign_keys = ON",
                f"cache_size = {_PAGES_OF_CACHE}",
                "temp_store = MEMORY",
            ):
                connection.execute(f"PRAGMA {pragma}").close()

        @event.listens_for(database, "begin")
        def begin(connection: Connection) -> None:
            writes = connection.get_execution_options().get("fermata_writes", False)
            statement = "BEGIN IMMEDIATE" if writes else "BEGIN"
            driver: Any = connection.connection.driver_connection
            try:
                driver.execute(statement).close()
            except driver.OperationalError as problem:
                raise wrapped(problem, statement, connection.dialect) from problem

        _ = configure, begin
        return database


def _set_log_ahead(connection: Any) -> None:
    """Of SQLite: those who open a new file at once, or while its last user closes it, are told that it is locked, and
    SQLite does not wait here."""
    patience = Patience(_BUSY_SECONDS)
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
            return
        except connection.OperationalError as problem:
            if problem.sqlite_errorcode & 0xFF != SQLITE_BUSY or not patience.wait():
                raise


@lru_cache
def _as_text(query: Select[Any], dialect: Dialect) -> str:
    """With named parameters, whose values are bound as they are."""
    kind: Any = type(dialect)
    return str(query.compile(dialect=kind(paramstyle="named")))
