"""Handlers that need no save point: the instance runs on through them in memory, and is saved where it waits."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine import BpmnError, Job
from engine.clock import VirtualClock
from engine.engine import Engine
from engine.jobs.held import HeldJob
from engine.jobs.outcome import Completed
from engine.jobs.settling import Settling
from engine.model import History, InstanceState
from engine.store.transaction import Overtaken
from engine.store.unit import UnitOfWork
from engine.stretch import Stretch

Open = Callable[[], Engine]
DIAGRAM = Path(__file__).parent / "line.bpmn"


class Shop:
    """An engine with the line deployed, and what its handlers were asked to do, in order."""

    def __init__(self, engine: Engine, save_point: bool = False) -> None:
        self.engine = engine
        self.keys: list[tuple[str, str]] = []
        self.answers: dict[str, Callable[[Job], object]] = {}
        for name in ("first", "second", "third"):
            engine.handler(name, save_point=save_point)(self._do)
        engine.deploy(DIAGRAM)

    def _do(self, job: Job) -> object:
        self.keys.append((job.type, job.idempotency_key))
        return self.answers.get(job.type, lambda job: {job.type: {"seen": sorted(job.variables)}})(job)

    @property
    def asked(self) -> list[str]:
        return [name for name, _ in self.keys]


@pytest.fixture
def shop(engine: Engine) -> Shop:
    return Shop(engine)


def test_a_start_runs_through_to_the_end_in_one_commit(shop: Shop) -> None:
    commits: list[int] = []
    shop.engine.on_commit(lambda: commits.append(1))
    instance = shop.engine.start("line", variables={"n": 1}, business_key="A")

    assert (instance.state, shop.asked, len(commits)) == (InstanceState.COMPLETED, ["first", "second", "third"], 1)
    assert shop.engine.read.variables(instance.id)["third"] == {"seen": ["first", "n", "second"]}
    assert shop.engine.read.jobs(instance.id) == []


def test_the_history_is_that_of_an_instance_saved_at_each_step(engine: Engine, clock: VirtualClock) -> None:
    quick = Shop(engine).engine.start("line", variables={"n": 1})
    for name in ("first", "second", "third"):
        engine.handler(name)(lambda job: {job.type: {"seen": sorted(job.variables)}})
    slow = engine.start("line", variables={"n": 1})
    engine.work()

    def told(history: History) -> list[object]:
        return [
            [replace(each, instance_id="") for each in history.activities],
            [(each.name, each.after, each.activity_id) for each in history.variable_changes],
            [(each.job_id.split(".")[1], each.attempt, each.outcome, each.worker) for each in history.job_attempts],
            [(each.action, each.element_id) for each in history.log],
        ]

    assert told(engine.read.history(quick.id)) == told(engine.read.history(slow.id))


def test_a_handler_that_fails_is_saved_before_it_and_tried_again_alone(shop: Shop, clock: VirtualClock) -> None:
    attempts: list[int] = []

    def fail_once(job: Job) -> object:
        attempts.append(job.attempt)
        if len(attempts) == 1:
            raise ConnectionError("no line")
        return None

    shop.answers["second"] = fail_once
    instance = shop.engine.start("line")
    waiting = shop.engine.read.jobs(instance.id)[0]
    assert (waiting.element_id, waiting.error, waiting.retries_left) == ("Second", "ConnectionError: no line", 2)

    clock.move_to(waiting.due_at)
    shop.engine.work()
    assert shop.engine.read.instance(instance.id).state == InstanceState.COMPLETED
    assert (shop.asked, attempts) == (["first", "second", "second", "third"], [1, 2])
    said = [(each.attempt, each.outcome) for each in shop.engine.read.history(instance.id).job_attempts]
    assert said == [(1, "completed"), (1, "retry"), (2, "completed"), (1, "completed")]


def test_what_was_lost_with_a_race_is_no_word_on_who_does_it_again(
    shop: Shop, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The start is written at the second try, then without the job that had failed in memory; somebody else takes it
    before that failure is told."""
    engine, flush, put_back = shop.engine, UnitOfWork.flush, Settling.put_back_left
    races = iter([True])
    taken: list[HeldJob] = []

    def lose_once(unit: UnitOfWork) -> None:
        if next(races, False):
            raise Overtaken("Somebody was faster.")
        flush(unit)

    def take_before(settling: Settling, stretch: Stretch) -> None:
        taken.extend(engine._worker.take(1))
        put_back(settling, stretch)

    monkeypatch.setattr(UnitOfWork, "flush", lose_once)
    monkeypatch.setattr(Settling, "put_back_left", take_before)
    shop.answers["first"] = lambda job: 1 / 0
    instance = engine.start("line")
    (held,) = taken
    engine._worker.settle([(held, Completed({}))])

    (attempt,) = engine.read.history(instance.id).job_attempts
    assert (attempt.attempt, attempt.outcome) == (1, "completed")


def test_a_bpmn_error_goes_where_the_diagram_leads_it(shop: Shop) -> None:
    def refuse(job: Job) -> object:
        raise BpmnError("REFUSED")

    shop.answers["second"] = refuse
    instance = shop.engine.start("line")
    ends = [each.element_id for each in shop.engine.read.history(instance.id).activities if each.kind == "endEvent"]
    assert (instance.state, ends, shop.asked) == (InstanceState.COMPLETED, ["NotDone"], ["first", "second"])


def test_after_a_save_point_the_instance_runs_on_from_its_job(engine: Engine) -> None:
    shop = Shop(engine)
    engine.handler("first", save_point=True)(lambda job: None)
    instance = engine.start("line")
    assert [each.element_id for each in engine.read.jobs(instance.id)] == ["First"]
    commits: list[int] = []
    engine.on_commit(lambda: commits.append(1))
    engine.work()
    assert engine.read.instance(instance.id).state == InstanceState.COMPLETED
    assert shop.asked == ["second", "third"]
    assert len(commits) == 1


def test_what_is_done_again_after_a_crash_carries_the_same_keys(engine: Engine, open_engine: Open) -> None:
    shop = Shop(engine)
    engine.handler("first", save_point=True)(lambda job: None)
    instance = engine.start("line")

    def pull_the_plug(job: Job) -> object:
        raise KeyboardInterrupt

    shop.answers["third"] = pull_the_plug
    with pytest.raises(KeyboardInterrupt):
        engine.work()
    with engine.store.writing() as connection:
        connection.exec_driver_sql("UPDATE job SET state = 'available', lease_token = NULL, lease_owner = NULL")
    again = Shop(open_engine())
    again.engine.work()

    assert again.engine.read.instance(instance.id).state == InstanceState.COMPLETED
    assert again.keys[-2:] == shop.keys
    assert len(set(again.keys)) == len(again.keys)


def test_an_instance_that_somebody_else_has_moved_meanwhile_is_not_overrun(engine: Engine, open_engine: Open) -> None:
    shop = Shop(engine)
    engine.handler("first", save_point=True)(lambda job: None)
    instance = engine.start("line")
    other = open_engine()

    def interfere(job: Job) -> object:
        if shop.asked.count("second") == 1:
            other.set_variables(instance.id, {"note": "while you were out"})
        return None

    shop.answers["second"] = interfere
    engine.work()
    assert engine.read.instance(instance.id).state == InstanceState.COMPLETED
    assert engine.read.variables(instance.id)["note"] == "while you were out"
    seconds = [key for name, key in shop.keys if name == "second"]
    assert len(seconds) == 2
    assert len(set(seconds)) == 1
    attempts = [each.outcome for each in engine.read.history(instance.id).job_attempts]
    assert attempts == ["completed"] * 3


def test_an_instance_suspended_meanwhile_keeps_its_result_and_stops(engine: Engine, open_engine: Open) -> None:
    shop = Shop(engine)
    engine.handler("first", save_point=True)(lambda job: {"answer": 42})
    instance = engine.start("line")
    other = open_engine()
    shop.answers["second"] = lambda job: other.suspend(instance.id)
    engine.work()
    assert engine.read.instance(instance.id).state == InstanceState.SUSPENDED
    assert [each.element_id for each in engine.read.active(instance.id)] == ["First"]

    shop.answers.clear()
    engine.activate(instance.id)
    engine.work()
    assert engine.read.instance(instance.id).state == InstanceState.COMPLETED
    assert engine.read.variables(instance.id)["answer"] == 42


def test_the_engine_can_be_told_to_save_only_where_the_diagram_says(database_url: str, clock: VirtualClock) -> None:
    with Engine(database_url, clock=clock, save_points=False) as engine:
        for name in ("first", "second", "third"):
            engine.handler(name, save_point=True if name == "third" else None)(lambda job: None)
        engine.deploy(DIAGRAM)
        instance = engine.start("line")
        assert [each.element_id for each in engine.read.active(instance.id)] == ["Third"]


def test_a_handler_keeps_its_key_where_another_branch_moves_the_instance_meanwhile(shop: Shop) -> None:
    engine = shop.engine
    engine.handler("saved")(lambda job: None)
    engine.deploy(DIAGRAM.with_name("branches.bpmn"))

    def look_meanwhile(job: Job) -> None:
        for task in engine.read.tasks(scope="all").items:
            engine.complete(task.id)

    shop.answers["second"] = look_meanwhile
    instance = engine.start("branches")
    engine.work()

    assert engine.read.instance(instance.id).state == InstanceState.COMPLETED
    assert sorted(name for name, _ in set(shop.keys)) == ["second", "third"]
    assert len({key for _, key in shop.keys}) == 2


def test_no_handler_is_called_in_memory_beside_a_branch_that_may_move_when_all_is_repeated(shop: Shop) -> None:
    shop.engine.handler("saved", save_point=False)(lambda job: None)
    shop.engine.deploy(DIAGRAM.with_name("branches.bpmn"))

    instance = shop.engine.start("branches")

    assert {job.element_id: job.attempts for job in shop.engine.read.jobs(instance.id)} == {"First": 0}
    assert shop.asked == []
