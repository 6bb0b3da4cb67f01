"""Processes on one PostgreSQL wake each other: nobody waits for the next look at the database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from engine.clock import SystemClock
from engine.engine import Engine
from engine.jobs import pool
from engine.store.bell import PostgresBell
from engine.store.transaction import Store

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.parametrize("database_url", ["postgresql"], indirect=True),
    pytest.mark.usefixtures("seldom"),
]

Open = Callable[[], Engine]
LONG = 120.0


@pytest.fixture
def clock() -> SystemClock:
    return SystemClock()


@pytest.fixture
def seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of their own accord workers look at the database once an hour."""
    monkeypatch.setattr(pool, "POLL", 3600.0)
    monkeypatch.setattr(pool, "LEASE", timedelta(hours=3))


@pytest.fixture
def idle(open_engine: Open, models: Path) -> tuple[Engine, threading.Event]:
    """A process whose worker has nothing to do; the event is set when it runs a job."""
    engine = open_engine()
    ran = threading.Event()
    engine.handler("charge")(lambda job: ran.set())
    engine.deploy(models / "order.bpmn")
    engine.start_workers(1)
    assert isinstance(engine.store.bell, PostgresBell)
    assert engine.store.bell.is_listening.wait(LONG)
    return engine, ran


def test_a_worker_takes_at_once_what_another_process_has_started(idle, open_engine: Open) -> None:
    _, ran = idle

    open_engine().start("order", variables={"amount": 5})

    assert ran.wait(LONG)


def test_a_process_that_ends_at_once_has_told_the_others(idle, open_engine: Open) -> None:
    _, ran = idle

    short = open_engine()
    short.start("order", variables={"amount": 5})
    short.close()

    assert ran.wait(LONG)


def test_news_of_other_processes_reach_those_who_show_them(idle, open_engine: Open) -> None:
    engine, _ = idle
    told = threading.Event()
    engine.on_news(told.set)
    told.clear()

    open_engine().start("order", variables={"amount": 5})

    assert told.wait(LONG)


def test_a_listener_that_lost_its_connection_listens_again(idle, open_engine: Open) -> None:
    engine, ran = idle
    again = threading.Event()
    engine.store.bell.tell(lambda has_work: again.set())

    _end_connections(engine.store, "LISTEN%")
    assert again.wait(LONG)
    open_engine().start("order", variables={"amount": 5})

    assert ran.wait(LONG)


def _end_connections(store: Store, last_query: str) -> None:
    with store.reading() as connection:
        ended = connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE query LIKE %s AND datname = current_database()",
            (last_query,),
        )
        assert ended.scalars().all() == [True]
