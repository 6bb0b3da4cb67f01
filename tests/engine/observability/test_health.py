"""Health: whether a process lives, and whether it can do its work."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from engine.clock import VirtualClock
from engine.engine import Engine
from engine.errors import DatabaseAway
from engine.observability.health import STUCK, health_of
from engine.observability.question import Question
from engine.observability.state import EngineState
from engine.store.faults import TooSlow
from engine.store.transaction import DatabaseError


def test_an_engine_with_its_database_is_ready(engine: Engine) -> None:
    health = health_of(engine)
    assert (health.is_ready, health.checks) == (True, {"database": "ok", "migrations": "ok"})


def test_workers_are_looked_at_where_some_run(engine: Engine) -> None:
    engine.start_workers(1)
    try:
        assert health_of(engine).checks["workers"] == "ok"
    finally:
        engine.stop_workers()


def test_workers_that_no_longer_move_are_not_ready(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.start_workers(1)
    try:
        now = time.monotonic() + STUCK + 10
        monkeypatch.setattr("engine.observability.state.time", SimpleNamespace(monotonic=lambda: now))
        health = health_of(engine)
        assert not health.is_ready
        assert "have not moved" in health.checks["workers"]
    finally:
        monkeypatch.undo()
        engine.stop_workers()


def test_older_tables_are_not_ready(engine: Engine) -> None:
    with engine.store.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    health = health_of(engine)
    assert not health.is_ready
    assert "older" in health.checks["migrations"]


@pytest.mark.parametrize(
    "problem", [OperationalError("select 1", {}, Exception("password authentication failed for user ann")), TooSlow()]
)
def test_a_database_that_does_not_answer_is_not_ready_and_says_no_secrets(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    assert isinstance(problem, DatabaseError)

    def refuse(**_: float) -> None:
        raise problem

    monkeypatch.setattr(engine.store, "reading", refuse)
    health = health_of(engine)
    assert not health.is_ready
    assert "ann" not in str(health.told())


def test_nobody_who_probes_waits_as_long_for_a_database_as_a_command_does(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise OperationalError("connect", {}, Exception("connection refused"))

    monkeypatch.setattr(engine.store, "patience", 3600.0)
    monkeypatch.setattr(engine.store.database, "connect", refuse)
    monkeypatch.setattr("engine.observability.question.PATIENCE", 0.01)
    assert health_of(engine).checks["database"] == "The database does not answer (DatabaseAway)."
    told = {family.name: family.samples[0].value for family in EngineState(engine).collect() if family.samples}
    assert told["fermata_database_up"] == 0
    assert "fermata_queue_due" not in told
    monkeypatch.undo()
    assert health_of(engine).is_ready


def test_a_database_that_hangs_is_asked_once_and_left_waiting(engine: Engine) -> None:
    has_begun, goes_on = Event(), Event()
    asked: list[int] = []

    def ask(_: object) -> str:
        asked.append(1)
        has_begun.set()
        goes_on.wait()
        return "answered"

    question = Question(engine.store, ask, longest=0.01)
    for _ in range(3):
        with pytest.raises(DatabaseAway, match=r"not answered for 0\.01 s"):
            question.answer()
        has_begun.wait()
    assert asked == [1]
    goes_on.set()
    assert question._asked is not None
    assert question._asked.result() == "answered"

    patient = Question(engine.store, ask)
    assert [patient.answer(), patient.answer()] == ["answered", "answered"]
    assert asked == [1, 1, 1]


def test_a_due_job_that_nobody_takes_says_that_workers_are_missing(
    engine: Engine, models: Path, clock: VirtualClock
) -> None:
    engine.deploy(models / "order.bpmn")
    engine.start("order")
    assert health_of(engine, timedelta(minutes=1)).is_ready
    clock.advance(timedelta(minutes=2))
    health = health_of(engine, timedelta(minutes=1))
    assert "has waited for 120 seconds" in health.checks["queue"]
    assert not health.is_ready
