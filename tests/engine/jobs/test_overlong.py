"""A worker that is wrong about the time and dies holds nothing for longer than the others would wait for any."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from engine.clock import VirtualClock
from engine.engine import Engine
from engine.external.records import Topic
from engine.retention import EVERY
from engine.store.jobs import LEASE

SECOND = timedelta(seconds=1)
OFF = timedelta(hours=2)


@pytest.fixture
def ahead(database_url: str, clock: VirtualClock, models: Path) -> Iterator[Engine]:
    """On a machine whose clock is two hours ahead."""
    with Engine(database_url, clock=VirtualClock(clock.now() + OFF)) as engine:
        engine.deploy(models / "order.bpmn")
        engine.handler("charge")(lambda job: {})
        yield engine


@pytest.fixture
def ran(engine: Engine) -> list[int]:
    """The attempts that were made on a machine that is right."""
    ran: list[int] = []
    engine.handler("charge")(lambda job: ran.append(job.attempt))
    return ran


def test_a_job_whose_holder_has_died_is_done_after_one_lease(
    ahead: Engine, engine: Engine, clock: VirtualClock, ran: list[int]
) -> None:
    ahead.start("order", variables={"amount": 1})
    ahead._worker.take(1)
    clock.advance(LEASE)
    engine.work()
    clock.advance(LEASE)
    engine.work()
    assert ran == []

    clock.advance(SECOND)
    # due by the clock that is wrong, and given back: by hand, as nobody here could take it yet
    engine._worker.recover()
    (job,) = engine.read.jobs(engine.read.instances().items[0].id)
    assert job.state == "available"
    attempts = engine.read.history(job.instance_id).job_attempts
    assert [each.outcome for each in attempts] == ["lost"]
    engine.run_job(job.id)
    assert ran == [2]


def test_a_holder_that_lives_keeps_its_job(ahead: Engine, engine: Engine, clock: VirtualClock, ran: list[int]) -> None:
    instance = ahead.start("order", variables={"amount": 1})
    held = ahead._worker.take(1)
    for _ in range(12):
        for each in (clock, ahead.clock):
            assert isinstance(each, VirtualClock)
            each.advance(LEASE / 3)
        ahead._worker.extend(held)
        engine._worker.recover()
    (job,) = engine.read.jobs(instance.id)
    assert job.state == "running"
    assert len(engine.read.history(instance.id).job_attempts) == 1


def test_a_long_lock_of_a_worker_elsewhere_is_none_of_these(
    ahead: Engine, engine: Engine, clock: VirtualClock, models: Path
) -> None:
    engine.register_external("charge")
    engine.start("order", variables={"amount": 1})
    (task,) = engine.external.fetch_and_lock("a", [Topic("charge", timedelta(hours=3))], 1)
    for _ in range(4):
        clock.advance(LEASE)
        engine._worker.recover()
    (found,) = engine.external.list(worker_id="a")
    assert found.id == task.id


def test_a_turn_that_is_put_off_further_than_ever_counts_as_due(
    ahead: Engine, engine: Engine, clock: VirtualClock
) -> None:
    ahead._retention.keep_house("ahead", lambda: False)
    assert holder(engine) == "ahead"
    engine._retention.keep_house("right", lambda: False)
    assert holder(engine) == "right"
    clock.advance(EVERY - SECOND)
    engine._retention.keep_house("another", lambda: False)
    assert holder(engine) == "right"


def holder(engine: Engine) -> str:
    with engine.store.reading() as connection:
        return connection.exec_driver_sql("SELECT holder FROM housekeeping").scalar_one()
