"""Exclusive jobs: of one instance, one at a time, whoever takes them; of different instances, side by side."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from engine import Job, RetryLater
from engine.application import load_application
from engine.clock import SystemClock, VirtualClock
from engine.engine import Engine
from engine.external.records import Topic
from engine.model import InstanceState, JobState
from engine.store import tables
from engine.store.relay import ReadyJob
from tests.engine.jobs.waiting import PATIENCE, ended, until

HERE = Path(__file__).parent
Open = Callable[[], Engine]
MINUTE = timedelta(minutes=1)


@pytest.fixture
def engine(engine: Engine) -> Engine:
    engine.deploy(HERE / "exclusive.bpmn")
    return engine


def at_fork(engine: Engine) -> str:
    """An instance whose three branches have come to their tasks."""
    instance = engine.start("branches")
    for job in engine.read.jobs(instance_id=instance.id):
        engine.run_job(job.id)
    return instance.id


def states(engine: Engine, instance_id: str) -> dict[str, str]:
    return {job.element_id: str(job.state) for job in engine.read.jobs(instance_id=instance_id)}


def job_at(engine: Engine, instance_id: str, element_id: str) -> str:
    return next(job.id for job in engine.read.jobs(instance_id=instance_id) if job.element_id == element_id)


def nothing(job: Job) -> None:
    pass


# who waits for whom


def test_a_save_point_before_makes_a_task_exclusive_unless_it_says_otherwise(engine: Engine) -> None:
    assert states(engine, at_fork(engine)) == {"A": "available", "B": "queued", "C": "available"}


def test_tasks_without_a_save_point_run_side_by_side(engine: Engine) -> None:
    instance = engine.start("plain")
    assert states(engine, instance.id) == {"X": "available", "Y": "available"}


def test_a_handler_may_be_exclusive_whatever_the_diagram_says(engine: Engine) -> None:
    engine.handler("x", exclusive=True)(nothing)
    engine.register_exclusive("y")
    instance = engine.start("plain")
    assert states(engine, instance.id) == {"X": "available", "Y": "queued"}

    engine.work()
    assert states(engine, instance.id) == {"Y": "failed"}


def test_settings_make_job_types_exclusive(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "fermata.toml").write_text('[handlers]\nexclusive = ["x", "y"]\n')
    load_application(tmp_path).register(engine)
    assert states(engine, engine.start("plain").id) == {"X": "available", "Y": "queued"}


def test_the_turn_goes_by_priority(engine: Engine) -> None:
    engine.external.open()
    instance = engine.start("topics")
    while due := [job for job in engine.read.jobs(instance_id=instance.id) if job.kind == "continuation"]:
        engine.run_job(due[0].id)
    assert states(engine, instance.id) == {
        "Low": "queued",
        "High": "available",
        "Free": "available",
        "Also": "available",
    }


# the turn is passed on


def test_the_next_has_its_turn_when_the_first_is_done_in_the_same_commit(engine: Engine) -> None:
    instance_id = at_fork(engine)
    engine.handler("a")(nothing)
    engine.run_job(job_at(engine, instance_id, "A"))
    assert states(engine, instance_id) == {"B": "available", "C": "available"}


def test_one_that_is_tried_again_later_lets_others_go_first(engine: Engine, clock: VirtualClock) -> None:
    instance_id = at_fork(engine)
    fails = [RetryLater(5 * MINUTE, "busy")]

    @engine.handler("a")
    def a(job: Job) -> None:
        if fails:
            raise fails.pop()

    engine.run_job(job_at(engine, instance_id, "A"))
    assert states(engine, instance_id) == {"A": "queued", "B": "available", "C": "available"}

    engine.complete_job(job_at(engine, instance_id, "B"))
    assert states(engine, instance_id) == {"A": "available", "C": "available"}
    engine.handler("c")(nothing)
    engine.work()
    clock.advance(5 * MINUTE)
    engine.work()
    assert engine.read.instance(instance_id).state is InstanceState.COMPLETED


def test_one_with_an_incident_gives_up_its_turn_and_waits_for_another(engine: Engine, clock: VirtualClock) -> None:
    instance_id = at_fork(engine)
    engine.run_job(job_at(engine, instance_id, "A"))
    assert states(engine, instance_id) == {"A": "failed", "B": "available", "C": "available"}

    clock.advance(MINUTE)
    engine.retry(engine.read.incidents(instance_id)[0].id, by="ann")
    assert states(engine, instance_id) == {"A": "queued", "B": "available", "C": "available"}
    engine.fail_job(job_at(engine, instance_id, "B"), "cannot be", retries=0)
    assert states(engine, instance_id) == {"A": "available", "B": "failed", "C": "available"}


def test_one_that_is_interrupted_passes_its_turn_on(engine: Engine) -> None:
    instance_id = at_fork(engine)
    engine.correlate("stop", instance_id=instance_id)
    assert states(engine, instance_id) == {"B": "available", "C": "available"}


def test_a_result_that_is_kept_for_a_suspended_instance_passes_its_turn_on(engine: Engine) -> None:
    instance_id = at_fork(engine)
    engine.handler("a")(lambda job: engine.suspend(job.instance_id))
    engine.run_job(job_at(engine, instance_id, "A"))
    engine.activate(instance_id)
    found = {(job.element_id, job.kind): str(job.state) for job in engine.read.jobs(instance_id=instance_id)}
    assert found == {("", "deferred"): "available", ("B", "service"): "available", ("C", "service"): "available"}


def test_a_lease_that_runs_out_leaves_the_turn_where_it_is(engine: Engine, open_engine: Open) -> None:
    instance_id = at_fork(engine)
    first = job_at(engine, instance_id, "A")
    with engine.store.writing() as connection:
        lost = {"state": JobState.RUNNING, "attempt": 1, "lease_token": "t", "lease_owner": "gone", "lease_until": None}
        lost["lease_until"] = engine.clock.now() - MINUTE
        connection.execute(update(tables.job).where(tables.job.c.id == first).values(**lost))
    other = open_engine()
    begun: list[str] = []
    for name in ("a", "b"):
        other.handler(name)(lambda job: begun.append(job.element_id))
    other.handler("c")(nothing)
    other.work()

    assert begun == ["A", "B"]
    assert other.read.instance(instance_id).state is InstanceState.COMPLETED


def test_a_turn_that_an_older_worker_did_not_pass_on_is_found(engine: Engine) -> None:
    instance_id = at_fork(engine)
    with engine.store.writing() as connection:
        connection.execute(delete(tables.job).where(tables.job.c.id == job_at(engine, instance_id, "A")))
    engine.handler("b")(nothing)
    engine.work()
    assert states(engine, instance_id) == {"C": "failed"}


def test_a_queued_job_is_not_run_by_hand_either(engine: Engine) -> None:
    instance_id = at_fork(engine)
    with pytest.raises(Exception, match="cannot be taken: it is queued"):
        engine.run_job(job_at(engine, instance_id, "B"))


# others who do the work


def test_workers_elsewhere_get_one_of_an_instance_at_a_time(engine: Engine) -> None:
    engine.external.open()
    instance = engine.start("topics")
    engine.work()
    topics = [Topic("alone", MINUTE), Topic("free", MINUTE)]
    found = engine.external.fetch_and_lock("one", topics, 10)
    assert sorted(task.element_id for task in found) == ["Also", "Free", "High"]
    assert engine.external.fetch_and_lock("two", topics, 10) == []

    engine.external.complete(job_at(engine, instance.id, "High"), "one")
    engine.work()
    assert [task.element_id for task in engine.external.fetch_and_lock("two", topics, 10)] == ["Low"]


def test_a_fleet_is_told_of_one_of_an_instance_at_a_time(engine: Engine, open_engine: Open) -> None:
    sent: list[ReadyJob] = []
    relay = engine.relay(sent.append)
    instance = engine.start("items", variables={"count": 3})
    engine.work()
    fleet = open_engine()
    fleet.handler("item")(nothing)
    for number in range(1, 4):
        assert relay.publish() == 1
        assert len(sent) == number
        assert fleet.run_announced(sent[-1].id)
    assert engine.read.instance(instance.id).state is InstanceState.COMPLETED


def test_what_is_alone_in_its_instance_is_leased_in_the_commit_that_makes_it(engine: Engine) -> None:
    """As any other: nobody needs to be asked."""
    engine.handler("item")(nothing)
    instance = engine.start("items", variables={"count": 1})
    engine.work()
    with engine.store.reading() as connection:
        began = select(tables.job_attempt.c.worker).where(tables.job_attempt.c.instance_id == instance.id)
        assert len(connection.execute(began).all()) == 1


class Watch:
    """Handlers that take a while, and how many of them run at once: the first waits for another instance's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._are_two = threading.Event()
        self._running: Counter[str] = Counter()
        self.most_in_one = 0
        self.most_in_all = 0
        self.done: Counter[str] = Counter()

    def __call__(self, job: Job) -> None:
        with self.inside(job.instance_id):
            self._are_two.wait(PATIENCE)
            threading.Event().wait(0.003)
            if job.attempt == 1 and job.activity_id % 3 == 0:
                raise RetryLater(timedelta())
        with self._lock:
            self.done[job.instance_id] += 1

    @contextmanager
    def inside(self, instance_id: str) -> Iterator[None]:
        with self._lock:
            self._running[instance_id] += 1
            self.most_in_one = max(self.most_in_one, self._running[instance_id])
            self.most_in_all = max(self.most_in_all, self._running.total())
            if self.most_in_all > 1:
                self._are_two.set()
        try:
            yield
        finally:
            with self._lock:
                self._running[instance_id] -= 1


class TestSeveralWorkersAtOnce:
    @pytest.fixture
    def clock(self) -> SystemClock:
        return SystemClock()

    @pytest.mark.parametrize("straight_on", [False, True])
    def test_never_run_two_of_one_instance(self, engine: Engine, open_engine: Open, straight_on: bool) -> None:
        watch = Watch()
        workers = [open_engine() for _ in range(3)]
        for worker in workers:
            worker.handler("item", save_point=not straight_on)(watch)
            worker.start_workers(4)
        started = [workers[n % 3].start("items", variables={"count": 6}).id for n in range(12)]
        until(lambda: ended(engine, "items") == len(started))
        for worker in workers:
            worker.stop_workers()

        assert watch.most_in_one == 1
        assert watch.most_in_all > 1
        assert watch.done == Counter(dict.fromkeys(started, 6))
