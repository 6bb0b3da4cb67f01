"""What handlers do to those who run them: none of it stops a worker, or is another job's loss."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine import Job, RetryLater
from engine.clock import VirtualClock
from engine.engine import Engine
from engine.errors import DatabaseAway, InvalidInput
from engine.executors import asynchronous
from engine.jobs.raised import ends_program
from engine.jobs.worker import Worker
from tests.engine.jobs import heavy
from tests.engine.jobs.waiting import PATIENCE, ended, until

HERE = Path(__file__).parent
ENDING = (SystemExit(3), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError())


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("it cannot say what it is")


class Wishful(Exception):
    retry_after: object = "soon"


@pytest.fixture
def engine(engine: Engine) -> Engine:
    engine.deploy(HERE / "interruptible.bpmn", HERE / "other.bpmn")
    return engine


def complaints(engine: Engine) -> list[str]:
    return sorted(incident.message for incident in engine.read.open_incidents().items)


# exceptions that are made to end threads, loops and programs


@pytest.mark.parametrize("is_coroutine", [False, True], ids=["thread", "coroutine"])
def test_what_ends_threads_and_loops_is_a_failed_attempt_and_the_next_job_is_done(
    engine: Engine, *, is_coroutine: bool
) -> None:
    def work(job: Job) -> None:
        raise ENDING[job.variables["which"]]

    async def work_on_the_loop(job: Job) -> None:
        raise ENDING[job.variables["which"]]

    async def other(job: Job) -> None:
        await asyncio.sleep(0)

    engine.handler("work", retries=1)(work_on_the_loop if is_coroutine else work)
    engine.handler("other")(other)
    for which in range(len(ENDING)):
        engine.start("interruptible", variables={"which": which})
    engine.start_workers(1)
    until(lambda: len(complaints(engine)) == len(ENDING))
    engine.start("other")
    until(lambda: ended(engine, "other"))
    engine.stop_workers()

    for complaint, name in zip(complaints(engine), sorted(type(each).__name__ for each in ENDING), strict=True):
        assert name in complaint


def test_a_process_outlives_a_handler_that_exits(engine: Engine) -> None:
    engine.handler("work", process=True, retries=1)(heavy.work)
    engine.start("interruptible", variables={"do": "exit"})
    assert engine.work() == 1
    assert complaints(engine) == ["Quit: SystemExit(3)"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_that_ends_is_missed_though_a_child_of_its_keeps_its_pipes_open(
    engine: Engine, tmp_path: Path
) -> None:
    engine.handler("work", process=True, retries=1)(heavy.work)
    child = tmp_path / "child"
    engine.start("interruptible", variables={"do": "leave a child", "note": str(child)})
    assert engine.work() == 1
    assert complaints(engine) == ["ProcessEnded: The process of the handler for 'work' ended: exit status 7."]
    assert child.read_text() != "ended"
    os.kill(int(child.read_text()), signal.SIGKILL)


def test_the_loop_outlives_a_task_that_a_handler_leaves_behind(engine: Engine) -> None:
    async def exit_later() -> None:
        sys.exit(3)

    @engine.handler("work")
    async def work(job: Job) -> None:
        task = asyncio.create_task(exit_later())
        await asyncio.wait([task])

    engine.start("interruptible")
    assert engine.work() == 1
    assert ended(engine, "interruptible") == 1


class Stubborn:
    """A handler that neither ends in time nor heeds that it is told to, until the test is over."""

    def __init__(self) -> None:
        self.has_begun = threading.Event()
        self.may_end = threading.Event()

    async def wait(self, job: Job | None = None) -> None:
        self.has_begun.set()
        while not self.may_end.is_set():
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.05)

    async def block(self) -> None:
        self.has_begun.set()
        self.may_end.wait(PATIENCE)


@pytest.fixture
def stubborn() -> Iterator[Stubborn]:
    handler = Stubborn()
    yield handler
    handler.may_end.set()


def test_a_coroutine_that_does_not_heed_its_time_limit_is_left_behind(
    engine: Engine, stubborn: Stubborn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asynchronous, "PATIENCE", 0.05)
    engine.handler("work", retries=1, timeout=timedelta(seconds=0.05))(stubborn.wait)
    engine.start("interruptible")
    assert engine.work() == 1
    assert complaints(engine) == ["TookTooLong: The handler for 'work' took longer than 0:00:00.050000."]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("wait", "coroutines do not heed that they are cancelled, and are left behind"),
        ("block", "a coroutine blocks the event loop, which is left behind"),
    ],
)
def test_a_coroutine_that_does_not_end_does_not_keep_the_event_loop_from_stopping(
    stubborn: Stubborn, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, how: str, said: str
) -> None:
    monkeypatch.setattr(asynchronous, "PATIENCE", 0.02)
    monkeypatch.setattr(asynchronous, "ANSWERS_WITHIN", PATIENCE if how == "wait" else 0.02)
    loop = asynchronous.Loop()
    loop.submit(getattr(stubborn, how)())
    assert stubborn.has_begun.wait(PATIENCE)
    loop.stop()
    assert said in caplog.messages


def test_an_exit_in_the_main_thread_is_a_failed_attempt_too_unless_a_signal_asked_for_it(engine: Engine) -> None:
    @engine.handler("work", retries=1)
    def work(job: Job) -> None:
        if job.variables["told"]:
            signal.raise_signal(signal.SIGUSR1)
        sys.exit(3)

    before = signal.signal(signal.SIGUSR1, lambda *_: sys.exit(4))
    try:
        engine.start("interruptible", variables={"told": False})
        engine.work()
        assert complaints(engine) == ["SystemExit: 3"]
        engine.start("interruptible", variables={"told": True})
        with pytest.raises(SystemExit) as told:
            engine.work()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert told.value.code == 4


def test_the_keyboard_ends_the_program_and_no_other_exception_does() -> None:
    assert ends_program(KeyboardInterrupt())
    assert not any(ends_program(each) for each in (SystemExit(3), GeneratorExit(), ValueError(), DatabaseAway()))


def test_an_exception_that_cannot_be_told_is_a_failed_attempt(engine: Engine) -> None:
    @engine.handler("work", retries=1)
    def work(job: Job) -> None:
        raise Mute

    engine.start("interruptible")
    engine.work()
    assert complaints(engine) == ["Mute"]


# when to try again


def wished(attempt: int) -> timedelta:
    raise LookupError("the table of delays is gone")


@pytest.mark.parametrize(
    ("backoff", "failure", "expected"),
    [
        (wished, ValueError("x"), r"backoff\(1\) raised LookupError: the table of delays is gone.*ValueError: x"),
        (None, RetryLater(timedelta(days=10**7), "later"), "beyond the calendar.*later"),
        (None, Wishful("busy"), "Wishful: busy - It asks for another attempt after 'soon'"),
    ],
    ids=["raises", "huge", "text"],
)
def test_a_delay_that_cannot_be_computed_is_an_incident_and_no_other_jobs_loss(
    engine: Engine, backoff: Any, failure: Exception, expected: str
) -> None:
    calls: list[str] = []

    @engine.handler("work", backoff=backoff)
    def work(job: Job) -> None:
        raise failure

    @engine.handler("other")
    def other(job: Job) -> None:
        calls.append(job.instance_id)

    others = [engine.start("other").id for _ in range(2)]
    engine.start("interruptible")
    others.append(engine.start("other").id)
    engine.work()
    assert sorted(calls) == sorted(others)
    assert ended(engine, "other") == 3
    (complaint,) = complaints(engine)
    assert re.search(expected, complaint), complaint


def test_an_exception_may_wish_a_number_of_seconds(engine: Engine, clock: VirtualClock) -> None:
    @engine.handler("work")
    def work(job: Job) -> None:
        failure = Wishful("busy")
        failure.retry_after = 90
        raise failure

    engine.start("interruptible")
    engine.work()
    assert engine.next_due() == clock.now() + timedelta(seconds=90)


def test_who_settles_a_job_from_outside_is_refused_what_cannot_be_kept(engine: Engine) -> None:
    job = engine.read.jobs(engine.start("interruptible").id)[0]
    for refused in ({"retry_in": timedelta.max}, {"retries": 2.5}, {"retries": True}, {"retries": 2**40}):
        with pytest.raises(InvalidInput):
            engine.fail_job(job.id, "broken", **refused)
    for retries in (2.5, "3", 0, True, 2**40):
        with pytest.raises(InvalidInput, match="whole number"):
            engine.set_retries(job.id, retries)  # pyright: ignore
        with pytest.raises(InvalidInput, match="whole number"):
            engine.external.set_retries(job.id, retries)  # pyright: ignore
    assert engine.read.jobs(job.instance_id) == [job]


def test_the_pool_saves_results_one_by_one_where_they_cannot_be_saved_at_once(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    settle, refused = Worker.settle, threading.Event()

    def once_refused(self: Worker, settled: Any, after: Any = None) -> None:
        if settled and not refused.is_set():
            refused.set()
            raise RuntimeError("something nobody has thought of")
        settle(self, settled, after)

    monkeypatch.setattr(Worker, "settle", once_refused)

    @engine.handler("other")
    def other(job: Job) -> None:
        calls.append(job.instance_id)

    instances = [engine.start("other").id for _ in range(3)]
    engine.start_workers(1)
    until(lambda: ended(engine, "other") == 3)
    engine.stop_workers()
    assert refused.is_set()
    assert sorted(calls) == sorted(instances)


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_pool_outlives_a_result_whose_saving_would_end_its_thread(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle, poisoned = Worker.settle, engine.start("other").id

    def quit_at_one(self: Worker, settled: Any, after: Any = None) -> None:
        if any(held.row.instance_id == poisoned for held, _ in settled):
            sys.exit("as a resolver or a clock of somebody's may")
        settle(self, settled, after)

    monkeypatch.setattr(Worker, "settle", quit_at_one)
    engine.handler("other")(lambda job: None)
    engine.start_workers(1)
    engine.start("other")
    until(lambda: ended(engine, "other") == 1)
    engine.stop_workers()


# threads


@pytest.mark.parametrize("save_points", [True, False])
def test_timers_continuations_and_start_timers_wait_for_no_handler(
    engine: Engine, clock: VirtualClock, *, save_points: bool
) -> None:
    engine.deploy(HERE / "deadline.bpmn")
    begun = threading.Semaphore(0)
    told: list[str] = []

    @engine.handler("work", save_point=save_points)
    def work(job: Job) -> None:
        begun.release()
        until(job.is_cancelled)
        told.append(job.instance_id)

    instances = [engine.start("deadline").id for _ in range(2)]
    engine.start_workers(2)
    assert all(begun.acquire(timeout=PATIENCE) for _ in instances)
    engine.start("saved")
    until(lambda: ended(engine, "saved"))
    assert told == []
    clock.advance(timedelta(hours=1))
    until(lambda: ended(engine, "hourly"))
    assert told == []
    clock.advance(timedelta(hours=1))
    until(lambda: len(told) == 2)
    engine.stop_workers()
    assert ended(engine, "deadline") == 2


def test_a_handler_that_is_left_behind_counts_until_its_thread_has_ended(engine: Engine) -> None:
    may_end = threading.Event()
    begun: list[str] = []

    @engine.handler("work", max_concurrent=1, retries=1, timeout=timedelta(seconds=0.05))
    def work(job: Job) -> None:
        begun.append(job.instance_id)
        assert may_end.wait(PATIENCE)

    engine.handler("other")(lambda job: None)
    engine.start("interruptible")
    engine.start("interruptible")
    engine.start_workers(4)
    until(lambda: len(complaints(engine)) == 1)
    engine.start("other")
    until(lambda: ended(engine, "other") and begun)
    assert len(begun) == 1
    may_end.set()
    until(lambda: len(begun) == 2)
    engine.stop_workers()


@pytest.mark.parametrize("ends_by", ["time limit", "cancel"])
def test_a_coroutine_that_is_left_behind_counts_until_it_has_ended(
    engine: Engine, stubborn: Stubborn, ends_by: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(asynchronous, "PATIENCE", 0.05)
    timeout = timedelta(seconds=0.05) if ends_by == "time limit" else None
    begun: list[str] = []

    @engine.handler("work", max_concurrent=1, retries=1, timeout=timeout)
    async def work(job: Job) -> None:
        begun.append(job.instance_id)
        await stubborn.wait()

    engine.handler("other")(lambda job: None)
    first = engine.start("interruptible").id
    engine.start_workers(4)
    assert stubborn.has_begun.wait(PATIENCE)
    if ends_by == "cancel":
        engine.cancel(first)
    until(lambda: "does not heed that it is cancelled, and keeps its place" in caplog.text)
    engine.start("interruptible")
    engine.start("other")
    until(lambda: ended(engine, "other"))
    assert begun == [first]
    stubborn.may_end.set()
    until(lambda: len(begun) == 2)
    engine.stop_workers()
