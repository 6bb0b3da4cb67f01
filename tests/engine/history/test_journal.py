"""An agent's steps: durable, idempotent, and only by who holds the job."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from engine.clock import VirtualClock
from engine.engine import Engine
from engine.errors import Conflict
from engine.model import AgentStep


@pytest.fixture
def shop(engine: Engine, models: Path) -> Engine:
    engine.deploy(models / "order.bpmn")
    engine.start("order")
    return engine


def step(job_id: str, sequence: int, clock: VirtualClock) -> AgentStep:
    return AgentStep(job_id, sequence, clock.now(), "model", "m", {"ask": [1]}, {"say": "x"}, 12, 3, 4, "0.01", True)


def test_an_executor_gets_a_journal_that_outlives_its_attempts(shop: Engine, clock: VirtualClock) -> None:
    seen: list[int] = []

    def think(job, journal):
        steps = journal.steps()
        seen.append(len(steps))
        journal.save(step(job.id, len(steps) + 1, clock))
        if len(steps) < 2:
            raise ConnectionError
        return {"answer": 42}

    shop.register_executor("charge", think)
    instance = shop.read.instances().items[0]
    for _ in range(3):
        shop.work()
        clock.advance(timedelta(hours=1))
    assert seen == [0, 1, 2]
    assert shop.read.variables(instance.id) == {"answer": 42}
    assert [each.sequence for each in shop.read.agent_steps(instance_id=instance.id)] == [1, 2, 3]
    assert shop.read.history(instance.id).agent_steps[0] == replace(
        step("", 1, clock), job_id=f"{instance.id}.2", at=shop.read.history(instance.id).agent_steps[0].at
    )


def test_the_same_step_is_saved_once_and_another_in_its_place_is_refused(shop: Engine, clock: VirtualClock) -> None:
    def think(job, journal):
        journal.save(step(job.id, 1, clock))
        journal.save(step(job.id, 1, clock))
        with pytest.raises(Conflict, match="other content"):
            journal.save(replace(step(job.id, 1, clock), response="else"))
        return {}

    shop.register_executor("charge", think)
    shop.work()
    assert (len(shop.read.agent_steps()), shop.read.incidents()) == (1, [])


def test_who_has_lost_the_job_saves_nothing(shop: Engine, clock: VirtualClock, open_engine) -> None:
    other = open_engine()

    def think(job, journal):
        clock.advance(timedelta(minutes=5))
        other._worker.recover()
        other._worker.take(1)
        journal.save(step(job.id, 1, clock))
        return {"answer": 1}

    shop.register_executor("charge", think)
    shop.work()
    assert shop.read.agent_steps() == []
    assert shop.read.variables(shop.read.instances().items[0].id) == {}
