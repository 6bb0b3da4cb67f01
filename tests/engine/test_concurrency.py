"""Two at once: serialised, none lost, one winner. And nothing left of a commit that did not happen."""

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from engine.clock import VirtualClock
from engine.commands import CompleteActivity
from engine.engine import Engine
from engine.errors import Conflict
from engine.model import InstanceState
from engine.store import tables
from engine.store.unit import UnitOfWork

Open = Callable[[], Engine]


def test_of_two_who_complete_the_same_task_one_wins(open_engine: Open, models: Path) -> None:
    ann, bob = open_engine(), open_engine()
    ann.deploy(models / "parallel.bpmn")
    for _ in range(5):
        instance = ann.start("parallel")
        task = ann.read.tasks(instance_id=instance.id).items[0]
        outcomes = _at_once(
            lambda task=task: ann.complete(task.id, {"by": "ann"}, by="ann"),
            lambda task=task: bob.complete(task.id, {"by": "bob"}, by="bob"),
        )
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "NoneType"]
        winner = "ann" if outcomes[0] is None else "bob"
        assert ann.read.variables(instance.id) == {"by": winner}


def test_of_two_who_claim_the_same_task_one_wins(open_engine: Open, models: Path) -> None:
    ann, bob = open_engine(), open_engine()
    ann.deploy(models / "parallel.bpmn")
    task = ann.read.tasks(instance_id=ann.start("parallel").id).items[0]
    outcomes = _at_once(lambda: ann.claim(task.id, "ann"), lambda: bob.claim(task.id, "bob"))

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "NoneType"]


def test_commands_at_once_on_one_instance_are_all_carried_out(open_engine: Open, models: Path) -> None:
    engines = [open_engine() for _ in range(3)]
    engines[0].deploy(models / "parallel.bpmn")
    instance = engines[0].start("parallel")
    tasks = engines[0].read.tasks(instance_id=instance.id).items
    outcomes = _at_once(
        *(
            lambda engine=engine, task=task: engine.complete(task.id, {task.element_id: True})
            for engine, task in zip(engines, tasks, strict=True)
        )
    )

    assert outcomes == [None, None, None]
    assert engines[0].read.instance(instance.id).state is InstanceState.COMPLETED
    assert engines[0].read.variables(instance.id) == {"A": True, "B": True, "C": True}


def test_a_command_that_waited_for_its_instance_is_recorded_after_what_it_waited_for(
    engine: Engine, models: Path, clock: VirtualClock
) -> None:
    engine.deploy(models / "parallel.bpmn")
    instance = engine.start("parallel")
    tasks = engine.read.tasks(instance_id=instance.id).items
    read_before = clock.now()
    clock.advance(timedelta(seconds=5))
    engine.set_variables(instance.id, {"first": 1})
    late = CompleteActivity(at=read_before, actor="bob", activity_id=tasks[0].activity_id, variables={"second": 2})
    engine._road.send(instance.id, late)

    history = engine.read.history(instance.id)
    assert [entry.at for entry in history.log] == sorted(entry.at for entry in history.log)
    changed_at = {change.name: change.at for change in history.variable_changes}
    assert changed_at["second"] == changed_at["first"] == clock.now()


def test_a_clock_that_was_put_back_takes_the_instances_in_memory_back_with_it(
    database_url: str, models: Path, clock: VirtualClock
) -> None:
    now = clock.now()
    clock.advance(timedelta(days=1500))
    with Engine(database_url, clock=clock) as engine:
        engine.deploy(models / "parallel.bpmn")
        instance = engine.start("parallel")
        clock._now = now
        engine.set_variables(instance.id, {"when": 1})

        assert [change.at for change in engine.read.history(instance.id).variable_changes] == [now]
        assert engine.read.history(instance.id).log[-1].at == now


def test_variables_set_at_once_are_all_there(open_engine: Open, models: Path) -> None:
    engines = [open_engine() for _ in range(4)]
    engines[0].deploy(models / "parallel.bpmn")
    instance = engines[0].start("parallel")

    def set_five(number: int) -> None:
        for turn in range(5):
            engines[number].set_variables(instance.id, {f"v{number}_{turn}": turn})

    outcomes = _at_once(*(lambda number=number: set_five(number) for number in range(4)))

    assert outcomes == [None] * 4
    assert len(engines[0].read.variables(instance.id)) == 20
    assert [each.sequence for each in engines[0].read.history(instance.id).log] == list(range(1, 25))


def test_a_commit_that_breaks_in_the_middle_leaves_nothing(
    engine: Engine, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.deploy(models / "parallel.bpmn")
    instance = engine.start("parallel")
    task = engine.read.tasks(instance_id=instance.id).items[0]
    before = _everything(engine)
    flush = UnitOfWork.flush

    def flush_and_break(unit: UnitOfWork) -> None:
        flush(unit)
        raise RuntimeError("power cut")

    monkeypatch.setattr(UnitOfWork, "flush", flush_and_break)
    with pytest.raises(RuntimeError, match="power cut"):
        engine.complete(task.id, {"approved": True})
    with pytest.raises(RuntimeError, match="power cut"):
        engine.start("parallel")
    monkeypatch.undo()

    assert _everything(engine) == before
    engine.complete(task.id)


def test_a_command_that_saw_an_older_version_is_tried_again(engine: Engine, models: Path) -> None:
    from engine.commands import SetVariables
    from engine.store.transaction import Overtaken

    engine.deploy(models / "parallel.bpmn")
    instance = engine.start("parallel")
    tries: list[int] = []

    def work(session):
        tries.append(1)
        live = session.deliver(instance.id, SetVariables(at=engine.clock.now(), variables={"x": len(tries)}))
        if len(tries) == 1:
            live.row.version -= 1  # as if somebody had been faster

    engine._road.travel(work)
    assert (len(tries), engine.read.variables(instance.id)) == (2, {"x": 2})
    assert issubclass(Overtaken, Conflict)


def _at_once(*actions: Callable[[], None]) -> list[BaseException | None]:
    """What each raised, or None."""
    barrier = threading.Barrier(len(actions))
    outcomes: list[BaseException | None] = [None] * len(actions)

    def run(number: int) -> None:
        barrier.wait()
        try:
            actions[number]()
        except BaseException as problem:
            outcomes[number] = problem

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(actions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def _everything(engine: Engine) -> dict[str, int]:
    with engine.store.reading() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in tables.metadata.sorted_tables
        }
