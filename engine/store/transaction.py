"""The database and its transactions: one writer at a time on SQLite, row locks on PostgreSQL."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, event, make_url
from sqlalchemy import Engine as Database
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError

from engine.errors import Conflict, InvalidInput

DatabaseError = DBAPIError

Result = TypeVar("Result")

_BUSY_SECONDS = 30
_PAGES_OF_CACHE = -16_000  # negative: in KiB
_ATTEMPTS = 5


class Overtaken(Conflict):
    """Another transaction changed the same thing first; trying again may help."""


class Store:
    """One database. Safe to share among threads; not across a fork."""

    def __init__(self, url: str) -> None:
        """Raises InvalidInput for a URL that names no database we know."""
        self._scratch: Path | None = None
        self.url = self._parse(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.database = self._open()
        # In one process writers queue here: SQLite itself would let them poll and starve.
        self._turn: AbstractContextManager[Any] = Lock() if self.is_sqlite else nullcontext()

    def migrate(self) -> None:
        """Brings the tables up to date; several processes may do so at once."""
        from engine.store.migrations import upgrade

        upgrade(self)

    def close(self) -> None:
        self.database.dispose()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """A connection that sees one committed state of everything."""
        with self.database.connect() as connection:
            if not self.is_sqlite:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def writing(self) -> Generator[Connection]:
        """One transaction that holds the right to write from its start; commits, or leaves nothing."""
        with self._turn, self.database.connect() as connection:
            connection = connection.execution_options(fermata_writes=True)
            with connection.begin():
                yield connection

    def retrying(self, work: Callable[[], Result]) -> Result:
        """Runs *work* (transactions of its own) again where it lost a race. Raises what the last try raised."""
        for _ in range(_ATTEMPTS - 1):
            try:
                return work()
            except Overtaken:
                continue
            except DBAPIError as problem:
                if not _is_a_lost_race(problem):
                    raise
        return work()

    def _parse(self, text: str) -> URL:
        try:
            url = make_url(text.replace("postgres://", "postgresql://", 1))
            backend = url.get_backend_name()
        except (ArgumentError, NoSuchModuleError) as problem:
            raise InvalidInput(f"'{text}' names no database. Use sqlite:///file.db or postgresql://...") from problem
        if backend == "postgresql":
            return url.set(drivername="postgresql+psycopg")
        if backend != "sqlite":
            raise InvalidInput(f"No support for '{backend}' databases. Use sqlite:///file.db or postgresql://...")
        if not url.database or url.database == ":memory:":
            self._scratch = Path(tempfile.mkdtemp(prefix="fermata-"))
            return url.set(drivername="sqlite+pysqlite", database=str(self._scratch / "scratch.db"))
        Path(url.database).absolute().parent.mkdir(parents=True, exist_ok=True)
        return url.set(drivername="sqlite+pysqlite")

    def _open(self) -> Database:
        if not self.is_sqlite:
            try:
                return create_engine(self.url, pool_size=16, max_overflow=32, pool_pre_ping=True)
            except ModuleNotFoundError as problem:
                message = "PostgreSQL needs the package psycopg. Install fermata[postgres]."
                raise InvalidInput(message) from problem
        arguments = {"timeout": _BUSY_SECONDS, "check_same_thread": False}
        database = create_engine(self.url, connect_args=arguments, pool_size=16, max_overflow=64)
        synchronous = "FULL" if self._scratch is None else "OFF"

        @event.listens_for(database, "connect")
        def configure(connection: Any, _: Any) -> None:
            connection.isolation_level = None  # transactions begin where the events below say so
            for pragma in (
                "journal_mode = WAL",
                f"synchronous = {synchronous}",
                "foreign_keys = ON",
                f"cache_size = {_PAGES_OF_CACHE}",
                "temp_store = MEMORY",
            ):
                connection.execute(f"PRAGMA {pragma}").close()

        @event.listens_for(database, "begin")
        def begin(connection: Connection) -> None:
            writes = connection.get_execution_options().get("fermata_writes", False)
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

        _ = configure, begin
        return database


def _is_a_lost_race(problem: DBAPIError) -> bool:
    """Deadlocks and failed serialisation (PostgreSQL), a unique key taken or a value removed meanwhile, a lock not
    got (SQLite)."""
    state = getattr(problem.orig, "sqlstate", None)
    if state is not None:
        return state in ("40001", "40P01", "23503", "23505")
    return isinstance(problem, IntegrityError) or "database is locked" in str(problem.orig)
