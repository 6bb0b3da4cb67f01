"""Handlers in threads, as coroutines and in processes; how they are cancelled and how many of them run at once."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine import Job
from engine.application import load_application
from engine.clock import VirtualClock
from engine.engine import Engine
from engine.executors import processes
from engine.executors.registry import Registry
from engine.model import InstanceState
from tests.engine.jobs import heavy
from tests.engine.jobs.waiting import PATIENCE, ended, until

HERE = Path(__file__).parent


@pytest.fixture
def engine(engine: Engine) -> Engine:
    engine.deploy(HERE / "interruptible.bpmn", HERE / "other.bpmn")
    return engine


def outcomes(engine: Engine, instance_id: str) -> list[str | None]:
    return [each.outcome for each in engine.read.history(instance_id).job_attempts]


# cancelled


def test_a_handler_in_a_thread_is_told_when_an_event_interrupts_its_activity(engine: Engine) -> None:
    begun, told = threading.Event(), threading.Event()

    @engine.handler("work")
    def work(job: Job) -> dict[str, Any]:
        begun.set()
        until(job.is_cancelled)
        told.set()
        return {"result": "unwanted"}

    instance = engine.start("interruptible")
    engine.start_workers(2)
    assert begun.wait(PATIENCE)
    engine.correlate("stop it", instance_id=instance.id)
    assert told.wait(PATIENCE)
    engine.stop_workers()

    assert engine.read.instance(instance.id).state is InstanceState.COMPLETED
    assert engine.read.variables(instance.id) == {}
    assert outcomes(engine, instance.id) == ["discarded"]


def test_an_attempt_has_ended_with_what_gave_it_up_whatever_becomes_of_its_worker(engine: Engine) -> None:
    seen: list[list[str | None]] = []

    @engine.handler("work")
    def work(job: Job) -> None:
        engine.cancel(job.instance_id)
        seen.append(outcomes(engine, job.instance_id))

    instance = engine.start("interruptible")
    engine.work()

    assert seen == [["discarded"]] == [outcomes(engine, instance.id)]


def test_a_handler_of_the_calling_thread_is_told_too_when_another_process_interrupts(
    engine: Engine, open_engine: Callable[[], Engine]
) -> None:
    other = open_engine()

    @engine.handler("work")
    def work(job: Job) -> None:
        other.cancel(job.instance_id, "not needed")
        until(job.is_cancelled)

    instance = engine.start("interruptible")
    assert engine.work() == 1
    assert outcomes(engine, instance.id) == ["discarded"]


def test_a_coroutine_is_cancelled_when_an_event_interrupts_its_activity(engine: Engine) -> None:
    begun, cancelled = threading.Event(), threading.Event()

    @engine.handler("work")
    async def work(job: Job) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    instance = engine.start("interruptible")
    engine.start_workers(1)
    assert begun.wait(PATIENCE)
    engine.correlate("stop it", instance_id=instance.id)
    assert cancelled.wait(PATIENCE)
    engine.stop_workers()
    assert outcomes(engine, instance.id) == ["discarded"]


def test_a_process_is_killed_when_an_event_interrupts_its_activity(engine: Engine, tmp_path: Path) -> None:
    note = tmp_path / "process"
    engine.handler("work", process=True)(heavy.work)
    instance = engine.start("interruptible", variables={"do": "note and hang", "note": str(note)})
    engine.start_workers(1)
    until(lambda: note.exists() and note.read_text())
    engine.correlate("stop it", instance_id=instance.id)
    engine.stop_workers()

    assert not Path(f"/proc/{note.read_text()}").exists()
    assert outcomes(engine, instance.id) == ["discarded"]


def test_a_handler_that_takes_too_long_is_told(engine: Engine) -> None:
    told = threading.Event()

    @engine.handler("work", timeout=timedelta(seconds=0.05))
    def work(job: Job) -> None:
        until(job.is_cancelled)
        told.set()

    instance = engine.start("interruptible")
    engine.work()
    assert told.wait(PATIENCE)
    assert "took longer" in (engine.read.jobs(instance.id)[0].error or "")


def test_a_result_that_is_wanted_is_not_cancelled(engine: Engine) -> None:
    seen: list[bool] = []
    engine.handler("work")(lambda job: seen.append(job.is_cancelled()))
    engine.start("interruptible")
    engine.work()
    assert seen == [False]


# coroutines


def test_coroutines_run_side_by_side_on_one_thread(engine: Engine) -> None:
    threads: set[int] = set()
    all_here = asyncio.Event()
    here = 0

    @engine.handler("work")
    async def work(job: Job) -> dict[str, Any]:
        nonlocal here
        threads.add(threading.get_ident())
        here += 1
        if here == 40:
            all_here.set()
        await all_here.wait()
        return {"here": here}

    for _ in range(40):
        engine.start("interruptible")
    engine.start_workers(1)
    until(lambda: ended(engine) == 40)
    engine.stop_workers()
    assert len(threads) == 1


def test_a_coroutine_has_its_time_limit_and_its_retries(engine: Engine, clock: VirtualClock) -> None:
    attempts: list[int] = []

    @engine.handler("work", timeout=timedelta(seconds=0.05), retries=2)
    async def work(job: Job) -> None:
        attempts.append(job.attempt)
        await asyncio.Event().wait()

    instance = engine.start("interruptible")
    engine.work()
    clock.advance(timedelta(minutes=1))
    engine.work()
    assert attempts == [1, 2]
    assert "took longer than 0:00:00.05" in engine.read.incidents(instance.id)[0].message


def test_a_failing_coroutine_says_where_it_failed(engine: Engine) -> None:
    @engine.handler("work", retries=1)
    async def work(job: Job) -> None:
        raise LookupError("nothing there")

    instance = engine.start("interruptible")
    engine.start_workers(1)
    until(lambda: engine.read.incidents(instance.id))
    incident = engine.read.incidents(instance.id)[0]
    assert incident.message == "LookupError: nothing there"
    assert "test_handlers.py" in incident.detail


# processes


def test_a_handler_runs_in_a_process_of_its_own(engine: Engine) -> None:
    engine.handler("work", process=True)(heavy.work)
    instance = engine.start("interruptible", variables={"do": "return"})
    engine.work()
    variables = engine.read.variables(instance.id)
    assert (variables["process"] != os.getpid(), variables["attempt"]) == (True, 1)


def test_the_process_is_used_again(engine: Engine) -> None:
    engine.handler("work", process=True)(heavy.work)
    instances = [engine.start("interruptible", variables={"do": "return"}).id for _ in range(3)]
    engine.work()
    assert len({engine.read.variables(each)["process"] for each in instances}) == 1


@pytest.mark.parametrize(
    ("what", "message", "detail"),
    [
        ("raise", "KeyError: 'nothing there'", "heavy.py"),
        ("die", "ProcessEnded: The process of the handler for 'work' ended: exit status 7.", "ProcessEnded"),
        ("odd", "Raised: LocalError: ('odd'", "heavy.py"),
    ],
)
def test_what_goes_wrong_in_a_process_is_told_with_its_stack(
    engine: Engine, what: str, message: str, detail: str
) -> None:
    engine.handler("work", process=True, retries=1)(heavy.work)
    instance = engine.start("interruptible", variables={"do": what})
    engine.work()
    incident = engine.read.incidents(instance.id)[0]
    assert incident.message.startswith(message)
    assert detail in incident.detail


def test_a_process_that_takes_too_long_is_killed(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = tmp_path / "process"
    answers_within = processes._Process.answers_within

    def once_it_works(process: processes._Process, limit: timedelta | None) -> bool:
        until(lambda: note.exists() and note.read_text())
        return answers_within(process, limit)

    monkeypatch.setattr(processes._Process, "answers_within", once_it_works)
    engine.handler("work", process=True, retries=1, timeout=timedelta(seconds=0.05))(heavy.work)
    instance = engine.start("interruptible", variables={"do": "note and hang", "note": str(note)})
    engine.work()
    assert "it was killed" in engine.read.incidents(instance.id)[0].message
    assert not Path(f"/proc/{note.read_text()}").exists()


def test_a_bpmn_error_comes_out_of_a_process(engine: Engine) -> None:
    engine.handler("work", process=True)(heavy.work)
    instance = engine.start("interruptible", variables={"do": "refuse"})
    engine.work()
    ended = engine.read.instance(instance.id)
    assert (ended.state, ended.end_reason) == (InstanceState.FAILED, "REFUSED not today")


def test_the_handlers_of_an_application_run_in_processes(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "sums.py").write_text("def total(numbers):\n    return sum(numbers)\n")
    (tmp_path / "handlers.py").write_text(
        "import os\nfrom engine import handler\nfrom .sums import total\n\n"
        "@handler('work', process=True, timeout=None)\n"
        "def work(job):\n    return {'total': total([1, 2, 3]), 'process': os.getpid()}\n"
    )
    load_application(tmp_path).register(engine)
    instance = engine.start("interruptible")
    engine.work()
    variables = engine.read.variables(instance.id)
    assert (variables["total"], variables["process"] != os.getpid()) == (6, True)


def test_only_a_function_of_a_module_can_run_in_a_process(engine: Engine) -> None:
    with pytest.raises(ValueError, match="no function of a module's top level"):
        engine.handler("work", process=True)(lambda job: None)


# limits


def test_no_more_jobs_of_a_type_run_at_once_than_it_says_and_others_do_not_wait_for_it(engine: Engine) -> None:
    running = 0
    most: list[int] = []
    lock, go_on = threading.Lock(), threading.Event()

    @engine.handler("work", max_concurrent=2)
    def work(job: Job) -> None:
        nonlocal running
        with lock:
            running += 1
            most.append(running)
        go_on.wait(PATIENCE)
        with lock:
            running -= 1

    engine.handler("other")(lambda job: None)
    for _ in range(12):
        engine.start("interruptible")
    for _ in range(12):
        engine.start("other")
    engine.start_workers(4)
    until(lambda: ended(engine, "other") == 12)
    assert ended(engine) == 0
    go_on.set()
    until(lambda: ended(engine) == 12)
    engine.stop_workers()
    assert max(most) == 2


def test_no_more_jobs_of_a_type_begin_in_a_time_than_its_rate_says(engine: Engine, clock: VirtualClock) -> None:
    engine.handler("work", rate="3/min")(lambda job: None)
    engine.handler("other")(lambda job: None)
    for _ in range(7):
        engine.start("interruptible")
    engine.start("other")

    done: list[int] = []
    for _ in range(3):
        engine.work()
        done.append(ended(engine))
        assert ended(engine, "other") == 1
        clock.advance(timedelta(seconds=59))
        assert engine.work() == 0
        clock.advance(timedelta(seconds=1))
    assert done == [3, 6, 7]


def test_the_next_job_is_due_when_its_rate_lets_it_begin(engine: Engine, clock: VirtualClock) -> None:
    engine.handler("work", rate="1/10s")(lambda job: None)
    for _ in range(2):
        engine.start("interruptible")
    engine.work()
    assert engine.next_due() == clock.now() + timedelta(seconds=10)


def test_a_clock_that_is_put_back_does_not_hold_a_rate_forever(engine: Engine, clock: VirtualClock) -> None:
    engine.handler("work", rate="1/h")(lambda job: None)
    engine.start("interruptible")
    engine.work()
    clock._now -= timedelta(days=1)
    engine.start("interruptible")
    engine.work()
    assert ended(engine) == 2


@pytest.mark.parametrize("rate", ["", "10", "0/s", "10/day", "-1/s", "1/0s"])
def test_a_rate_that_says_nothing_is_refused(engine: Engine, rate: str) -> None:
    with pytest.raises(ValueError, match="write how many may begin"):
        engine.handler("work", rate=rate)(lambda job: None)


SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    "options",
    [
        {"max_concurrent": 0},
        {"max_concurrent": 2.5},
        {"max_concurrent": "5"},
        {"max_concurrent": True},
        {"retries": 0},
        {"retries": 2.5},
        {"retries": "3"},
        {"timeout": 5},
        {"timeout": -SECOND},
        {"timeout": 0 * SECOND},
        {"backoff": SECOND},
        {"backoff": [1, 2]},
        {"rate": 10},
        {"rate": "1/s", "save_point": False},
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=rf"{next(iter(options))}=|save point"):
        Registry().add_handler("work", lambda job: None, **options)
