"""Jobs that are announced to a fleet: each in time, none forgotten, and done once whatever becomes of the messages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine import Job
from engine.clock import VirtualClock
from engine.engine import Engine
from engine.model import InstanceState
from engine.store.relay import ReadyJob

HERE = Path(__file__).parent
MINUTE = timedelta(minutes=1)


class Queue:
    """Keeps what it is sent; one that is down takes nothing."""

    def __init__(self) -> None:
        self.sent: list[ReadyJob] = []
        self.is_down = False

    def send(self, job: ReadyJob) -> None:
        if self.is_down:
            raise ConnectionError("no broker")
        self.sent.append(job)

    @property
    def ids(self) -> list[str]:
        return [job.id for job in self.sent]


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def engine(engine: Engine) -> Engine:
    engine.deploy(HERE / "interruptible.bpmn")
    return engine


@pytest.fixture
def fleet(open_engine: Callable[[], Engine]) -> Engine:
    """A worker elsewhere, which notes the keys of what it does."""
    worker = open_engine()
    worker.keys = []  # type: ignore[attr-defined]

    @worker.handler("work")
    def work(job: Job) -> dict[str, Any]:
        worker.keys.append((job.idempotency_key, job.attempt))  # type: ignore[attr-defined]
        return {"done": True}

    return worker


def test_a_job_is_announced_once_and_not_done_here(engine: Engine, queue: Queue) -> None:
    engine.handler("work")(lambda job: pytest.fail("the fleet does it"))
    relay = engine.relay(queue.send)
    instance = engine.start("interruptible")
    assert (relay.publish(), relay.publish()) == (1, 0)
    assert engine.work() == 0
    assert queue.sent == [ReadyJob(engine.read.jobs(instance.id)[0].id, ("work",), 1)]


def test_whoever_gets_the_message_does_the_job(engine: Engine, queue: Queue, fleet: Engine) -> None:
    relay = engine.relay(queue.send)
    instance = engine.start("interruptible")
    relay.publish()
    assert fleet.run_announced(queue.ids[0])
    assert engine.read.instance(instance.id).state is InstanceState.COMPLETED


def test_a_message_that_comes_again_finds_nothing_to_do(engine: Engine, queue: Queue, fleet: Engine) -> None:
    relay = engine.relay(queue.send)
    engine.start("interruptible")
    relay.publish()
    assert [fleet.run_announced(queue.ids[0]) for _ in range(3)] == [True, False, False]
    assert fleet.keys == [(queue.ids[0], 1)]  # type: ignore[attr-defined]


def test_a_lost_message_is_sent_again(engine: Engine, queue: Queue, clock: VirtualClock) -> None:
    relay = engine.relay(queue.send, again_after=MINUTE)
    engine.start("interruptible")
    relay.publish()
    clock.advance(MINUTE)
    assert relay.publish() == 0
    clock.advance(timedelta(microseconds=1))
    assert relay.publish() == 1
    assert len(set(queue.ids)) == 1


def test_a_job_that_is_being_done_is_not_announced_again(
    engine: Engine, queue: Queue, open_engine: Callable[[], Engine], clock: VirtualClock
) -> None:
    relay = engine.relay(queue.send)
    worker = open_engine()

    @worker.handler("work")
    def work(job: Job) -> None:
        clock.advance(10 * MINUTE)
        assert relay.publish() == 0

    engine.start("interruptible")
    relay.publish()
    assert worker.run_announced(queue.ids[0])


def test_a_job_that_failed_is_announced_when_it_is_to_be_tried_again(
    engine: Engine, queue: Queue, open_engine: Callable[[], Engine], clock: VirtualClock
) -> None:
    relay = engine.relay(queue.send)
    worker = open_engine()

    @worker.handler("work", retries=2)
    def work(job: Job) -> None:
        raise ConnectionError("no line")

    instance = engine.start("interruptible")
    relay.publish()
    worker.run_announced(queue.ids[0])
    assert (relay.publish(), worker.run_announced(queue.ids[0])) == (0, False)
    clock.advance(timedelta(seconds=10))
    assert relay.publish() == 1
    worker.run_announced(queue.ids[0])
    assert [job.attempt for job in queue.sent] == [1, 2]
    assert engine.read.incidents(instance.id)[0].message == "ConnectionError: no line"


def test_a_broker_that_is_down_delays_and_loses_nothing(engine: Engine, queue: Queue) -> None:
    relay = engine.relay(queue.send)
    engine.start("interruptible")
    queue.is_down = True
    with pytest.raises(ConnectionError):
        relay.publish()
    queue.is_down = False
    assert relay.publish() == 1


def test_no_more_messages_wait_than_are_meant_to(engine: Engine, queue: Queue, fleet: Engine) -> None:
    relay = engine.relay(queue.send, ahead=2)
    for _ in range(5):
        engine.start("interruptible")
    assert relay.publish() == 2
    fleet.run_announced(queue.ids[0])
    assert relay.publish() == 1


def test_two_relays_announce_a_job_once(engine: Engine, queue: Queue, open_engine: Callable[[], Engine]) -> None:
    other = open_engine()
    relays = [engine.relay(queue.send), other.relay(queue.send)]
    engine.start("interruptible")
    assert sum(relay.publish() for relay in relays) == 1


def test_a_suspended_instance_is_announced_when_it_goes_on(engine: Engine, queue: Queue, fleet: Engine) -> None:
    relay = engine.relay(queue.send)
    instance = engine.start("interruptible")
    relay.publish()
    engine.suspend(instance.id)
    assert not fleet.run_announced(queue.ids[0])
    assert relay.publish() == 0
    engine.activate(instance.id)
    assert relay.publish() == 1


def test_a_message_about_an_interrupted_activity_finds_nothing_to_do(
    engine: Engine, queue: Queue, fleet: Engine
) -> None:
    relay = engine.relay(queue.send)
    instance = engine.start("interruptible")
    relay.publish()
    engine.correlate("stop it", instance_id=instance.id)
    assert not fleet.run_announced(queue.ids[0])
    assert fleet.keys == []  # type: ignore[attr-defined]


# limits of handlers


def test_no_more_go_out_than_may_run_at_once_on_all_machines(
    engine: Engine, queue: Queue, fleet: Engine, open_engine: Callable[[], Engine]
) -> None:
    other = open_engine()
    for each in (engine, other, fleet):
        each.handler("work", max_concurrent=2)(lambda job: None)
    ours, theirs = engine.relay(queue.send), other.relay(queue.send)
    started = [engine.start("interruptible").id for _ in range(5)]
    assert (ours.publish(), ours.publish(), theirs.publish()) == (2, 0, 0)

    assert fleet.run_announced(queue.ids[0])
    assert (theirs.publish(), ours.publish()) == (1, 0)
    for number in range(1, 5):
        assert fleet.run_announced(queue.ids[number])
        ours.publish()
    assert {engine.read.instance(each).state for each in started} == {InstanceState.COMPLETED}


def test_what_runs_in_the_fleet_counts(engine: Engine, queue: Queue, open_engine: Callable[[], Engine]) -> None:
    engine.handler("work", max_concurrent=1)(lambda job: None)
    relay = engine.relay(queue.send)
    worker = open_engine()
    sent: list[int] = []
    worker.handler("work")(lambda job: sent.append(relay.publish()))
    engine.start("interruptible")
    engine.start("interruptible")
    relay.publish()
    assert worker.run_announced(queue.ids[0])
    assert (sent, relay.publish()) == ([0], 1)


def test_others_do_not_wait_behind_a_type_without_room(engine: Engine, queue: Queue) -> None:
    engine.deploy(HERE / "other.bpmn")
    engine.handler("work", max_concurrent=1)(lambda job: None)
    relay = engine.relay(queue.send, ahead=10)
    for _ in range(20):
        engine.start("interruptible")
    engine.start("other")
    assert relay.publish() == 2
    assert {job.names for job in queue.sent} == {("work",), ("other",)}


def test_no_more_go_out_in_a_time_than_may_begin_in_it(
    engine: Engine, queue: Queue, fleet: Engine, clock: VirtualClock, open_engine: Callable[[], Engine]
) -> None:
    of_a_worker = open_engine()
    for each in (engine, of_a_worker):
        each.handler("work", rate="2/min")(lambda job: None)
    relay, other = engine.relay(queue.send), of_a_worker.relay(queue.send, leads=False)
    for _ in range(5):
        engine.start("interruptible")
    assert (other.publish(), relay.publish(), relay.publish()) == (0, 2, 0)
    for job_id in queue.ids:
        assert fleet.run_announced(job_id)
    assert relay.publish() == 0
    clock.advance(MINUTE)
    assert relay.publish() == 2
    clock.advance(MINUTE / 2)
    assert relay.publish() == 0


def test_how_many_coroutines_one_process_can_run_limits_no_fleet(engine: Engine, queue: Queue) -> None:
    @engine.handler("work")
    async def work(job: Job) -> None:
        pass

    for _ in range(105):
        engine.start("interruptible")
    assert engine.relay(queue.send).publish() == 105
