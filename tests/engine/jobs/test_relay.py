"""Jobs that are announced to a fleet: each in time, none forgotten, and done once whatever becomes of the messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from engine import Job
from engine.clock import VirtualClock
from engine.engine import Engine
from engine.jobs import relay as relay_module
from engine.jobs.relay import pause_after
from engine.model import InstanceState
from engine.store.relay import ReadyJob
from tests.engine.jobs.waiting import PATIENCE

HERE = Path(__file__).parent
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


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


# clocks and queues that nobody serves


@pytest.fixture
def open_with_clock(database_url: str) -> Iterator[Callable[[VirtualClock], Engine]]:
    opened: list[Engine] = []

    def open_one(clock: VirtualClock) -> Engine:
        opened.append(Engine(database_url, clock=clock))
        return opened[-1]

    yield open_one
    for engine in opened:
        engine.close()


@pytest.mark.parametrize("ahead", [-HOUR, timedelta(milliseconds=-50), 24 * HOUR], ids=str)
def test_a_worker_does_what_is_announced_whatever_its_clock_says(
    engine: Engine,
    queue: Queue,
    clock: VirtualClock,
    open_with_clock: Callable[[VirtualClock], Engine],
    ahead: timedelta,
) -> None:
    worker = open_with_clock(VirtualClock(clock.now() + ahead))
    worker.handler("work")(lambda job: None)
    relay = engine.relay(queue.send)
    instance = engine.start("interruptible")
    relay.publish()
    assert worker.run_announced(queue.ids[0])
    assert engine.read.instance(instance.id).state is InstanceState.COMPLETED


def test_a_message_that_comes_twice_does_not_bring_the_next_attempt_forward(
    engine: Engine, queue: Queue, clock: VirtualClock, open_with_clock: Callable[[VirtualClock], Engine]
) -> None:
    worker = open_with_clock(VirtualClock(clock.now()))
    attempts: list[int] = []

    @worker.handler("work")
    def work(job: Job) -> None:
        attempts.append(job.attempt)
        raise ConnectionError("no line")

    relay = engine.relay(queue.send)
    engine.start("interruptible")
    relay.publish()
    assert worker.run_announced(queue.ids[0])
    worker.clock.advance(HOUR)  # type: ignore[attr-defined]
    assert not worker.run_announced(queue.ids[0])
    assert attempts == [1]


def test_pauses_double_up_to_an_hour() -> None:
    minutes = [pause_after(times, MINUTE) / MINUTE for times in (1, 2, 3, 6, 7, 8, 1000)]
    assert minutes == [1, 2, 4, 32, 60, 60, 60]
    assert [pause_after(times, 5 * HOUR) for times in (1, 9)] == [5 * HOUR, 5 * HOUR]


def test_messages_do_not_pile_up_while_nobody_takes_them(engine: Engine, queue: Queue, clock: VirtualClock) -> None:
    relay = engine.relay(queue.send, again_after=10 * MINUTE)
    engine.start("interruptible")
    began, moments = clock.now(), []
    while clock.now() < began + 8 * HOUR:
        moments += [clock.now()] * relay.publish()
        clock.advance(5 * MINUTE)
    pauses = [(after - before) / MINUTE for before, after in pairwise(moments)]
    assert pauses == [15, 25, 45, 65, 65, 65, 65, 65, 65]  # at the first look after each
    assert [job.times for job in queue.sent] == list(range(1, len(queue.sent) + 1))


def test_a_job_that_is_taken_begins_with_short_pauses_anew(
    engine: Engine, queue: Queue, clock: VirtualClock, open_engine: Callable[[], Engine]
) -> None:
    worker = open_engine()

    @worker.handler("work", retries=2)
    def work(job: Job) -> None:
        raise ConnectionError("no line")

    relay = engine.relay(queue.send, again_after=MINUTE)
    engine.start("interruptible")
    for _ in range(3):
        relay.publish()
        clock.advance(HOUR)
    assert worker.run_announced(queue.ids[0])
    clock.advance(HOUR)
    assert (relay.publish(), queue.sent[-1].attempt, queue.sent[-1].times) == (1, 2, 1)


def test_a_worker_leaves_it_to_the_relay_that_leads_to_announce_again(
    engine: Engine, queue: Queue, clock: VirtualClock, open_with_clock: Callable[[VirtualClock], Engine]
) -> None:
    ahead = open_with_clock(VirtualClock(clock.now() + 24 * HOUR)).relay(queue.send, leads=False)
    relay = engine.relay(queue.send)
    engine.start("interruptible")
    assert (relay.publish(), ahead.publish()) == (1, 0)
    engine.start("interruptible")
    assert (ahead.publish(), relay.publish()) == (1, 0)


def test_a_broker_that_never_answers_does_not_hold_up_the_end(
    engine: Engine, queue: Queue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(relay_module, "PATIENCE", 0.05)
    asked, answers = Event(), Event()

    def send(job: ReadyJob) -> None:
        asked.set()
        answers.wait()

    relay = engine.relay(send)
    for _ in range(2):
        engine.start("interruptible")
    relay.start()
    assert asked.wait(PATIENCE)
    thread = relay._thread
    relay.stop()
    assert "the broker does not answer, the relay stops without it" in caplog.messages
    answers.set()
    assert thread is not None
    thread.join(PATIENCE)
    assert engine.relay(queue.send).publish() == 1  # the one that the stopped relay had not come to


def test_the_log_says_when_a_broker_begins_to_fail_and_when_it_is_well_again(
    engine: Engine, queue: Queue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(relay_module, "POLL", 0.01)
    monkeypatch.setattr(relay_module, "PATIENCE", PATIENCE)
    sent, tries = Event(), []

    def send(job: ReadyJob) -> None:
        tries.append(job)
        if len(tries) < 4:
            raise ConnectionError("no broker")
        sent.set()

    relay = engine.relay(send)
    engine.start("interruptible")
    relay.start()
    assert sent.wait(PATIENCE)
    relay.stop()
    assert caplog.messages == [
        "jobs could not be announced, it is tried again",
        "the broker takes messages again",
    ]


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


def test_messages_that_wait_for_long_let_no_more_out(engine: Engine, queue: Queue, clock: VirtualClock) -> None:
    engine.handler("work", max_concurrent=2)(lambda job: None)
    relay = engine.relay(queue.send, again_after=MINUTE)
    for _ in range(5):
        engine.start("interruptible")
    for _ in range(4):
        relay.publish()
        engine.start("interruptible")
        clock.advance(HOUR)
    assert len(queue.sent) == 8
    assert len(set(queue.ids)) == 2


def test_the_place_of_a_suspended_instance_goes_to_another_for_good(
    engine: Engine, queue: Queue, fleet: Engine
) -> None:
    for each in (engine, fleet):
        each.handler("work", max_concurrent=1)(lambda job: None)
    relay = engine.relay(queue.send)
    suspended = engine.start("interruptible").id
    relay.publish()
    engine.suspend(suspended)
    other = engine.start("interruptible").id
    assert relay.publish() == 1
    engine.activate(suspended)
    assert [fleet.run_announced(job_id) for job_id in queue.ids] == [False, True]
    assert engine.read.instance(other).state is InstanceState.COMPLETED
    assert relay.publish() == 1


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


def test_a_full_queue_leaves_the_places_of_the_others(engine: Engine, queue: Queue, fleet: Engine) -> None:
    engine.deploy(HERE / "other.bpmn")
    fleet.handler("other")(lambda job: None)
    relay = engine.relay(queue.send, ahead=2, queue_of=lambda names: names[0])
    for _ in range(5):
        engine.start("interruptible")
    assert relay.publish() == 2
    for _ in range(3):
        engine.start("other")

    assert relay.publish() == 2
    assert [job.names[0] for job in queue.sent] == ["work", "work", "other", "other"]
    assert fleet.run_announced(queue.ids[2])
    assert (relay.publish(), queue.sent[-1].names[0]) == (1, "other")
    assert fleet.run_announced(queue.ids[0])
    assert (relay.publish(), queue.sent[-1].names[0]) == (1, "work")


def test_a_full_queue_has_limits_kept_beside_it(engine: Engine, queue: Queue) -> None:
    engine.deploy(HERE / "other.bpmn")
    engine.handler("other", max_concurrent=1)(lambda job: None)
    relay = engine.relay(queue.send, ahead=2, queue_of=lambda names: names[0])
    for _ in range(3):
        engine.start("interruptible")
    assert relay.publish() == 2
    for _ in range(3):
        engine.start("other")
    assert relay.publish() == 1


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
