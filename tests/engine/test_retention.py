"""History is kept as long as it says, then removed, and the removal is on record."""

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from threading import Thread

import pytest
from sqlalchemy import func, select

from engine import Resource
from engine.clock import VirtualClock
from engine.engine import Engine
from engine.errors import InvalidInput, NotFound
from engine.model import ProcessInstance
from engine.retention import EVERY, Retention
from engine.store import retention as batches
from engine.store import tables
from engine.store.values import LARGE

DIAGRAM = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t"
  xmlns:camunda="http://camunda.org/schema/1.0/bpmn">{processes}</definitions>"""
KEPT = """<process id="kept" isExecutable="true" {ttl}><startEvent id="s"/><sequenceFlow id="f" sourceRef="s"
  targetRef="t"/><userTask id="t" camunda:candidateGroups="staff"/><sequenceFlow id="g" sourceRef="t" targetRef="e"/>
  <endEvent id="e"/></process>"""
CALLER = """<process id="caller" isExecutable="true" camunda:historyTimeToLive="30"><startEvent id="s2"/>
  <sequenceFlow id="f2" sourceRef="s2" targetRef="c"/><callActivity id="c" calledElement="kept"><extensionElements>
  <camunda:in variables="all"/></extensionElements></callActivity><sequenceFlow id="g2" sourceRef="c" targetRef="e2"/>
  <endEvent id="e2"/></process>"""
LARGE_TEXT = "x" * (2 * LARGE)
KEPT_FOR_EVER = {
    "deployment",
    "resource",
    "process_definition",
    "housekeeping",
    "cleanup",
    "alembic_version",
    "schema_support",
    "commit_mark",
}


def deploy(engine: Engine, *processes: str, ttl: str | None = None) -> None:
    said = "" if ttl is None else f'camunda:historyTimeToLive="{ttl}"'
    text = DIAGRAM.format(processes="".join(each.replace("{ttl}", said) for each in processes))
    engine.deploy(Resource("kept.bpmn", text.encode()))


def finish(engine: Engine, key: str = "kept", **variables: object) -> ProcessInstance:
    instance = engine.start(key, variables=variables)
    for task in engine.read.tasks().items:
        engine.complete(task.id, {"answer": "yes"}, by="ann")
    return instance


def rows(engine: Engine) -> dict[str, int]:
    """Tables that are not empty, those apart that stay anyway."""
    with engine.store.reading() as connection:
        counts = {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in tables.metadata.sorted_tables
            if table.name not in KEPT_FOR_EVER
        }
    return {name: count for name, count in counts.items() if count}


@pytest.mark.parametrize(("ttl", "days"), [("30", 30), ("P30D", 30), ("P2W", 14), ("P1M", 31), ("P1DT12H", 1.5)])
def test_an_ended_instance_is_removed_when_its_time_to_live_has_passed(
    engine: Engine, clock: VirtualClock, ttl: str, days: float
) -> None:
    deploy(engine, KEPT, ttl=ttl)
    finish(engine)

    clock.advance(timedelta(days=days) - timedelta(seconds=1))
    assert engine.cleanup().instances == 0
    clock.advance(timedelta(seconds=1))
    assert engine.cleanup().definitions == {"kept:1": 1}
    assert rows(engine) == {}


def test_a_running_instance_is_kept_however_old_it_is(engine: Engine, clock: VirtualClock) -> None:
    deploy(engine, KEPT, ttl="0")
    running = engine.start("kept")
    clock.advance(timedelta(days=10_000))
    assert engine.cleanup().instances == 0
    assert engine.read.instance(running.id).has_ended is False


def test_without_a_time_to_live_instances_are_kept_for_ever_unless_the_engine_has_a_default(
    engine: Engine, database_url: str, clock: VirtualClock
) -> None:
    deploy(engine, KEPT)
    finish(engine)
    clock.advance(timedelta(days=10_000))
    assert engine.cleanup().instances == 0

    with Engine(database_url, clock=clock, history_time_to_live="P90D") as tidy:
        finish(tidy)
        clock.advance(timedelta(days=89))
        assert tidy.cleanup().instances == 1
        clock.advance(timedelta(days=1))
        assert tidy.cleanup().instances == 1
        assert rows(tidy) == {}


def test_what_the_diagram_says_counts_more_than_the_default(database_url: str, clock: VirtualClock) -> None:
    with Engine(database_url, clock=clock, history_time_to_live=timedelta(days=1)) as engine:
        deploy(engine, KEPT, ttl="P10Y")
        kept = finish(engine)
        clock.advance(timedelta(days=3650))
        assert engine.cleanup().instances == 0
        assert engine.read.history(kept.id).log


def test_a_default_that_is_no_duration_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"'soon' is no time to live\. Write days, like 30"):
        Engine("sqlite://", history_time_to_live="soon")


def test_called_instances_go_with_their_root_and_not_by_their_own_time(engine: Engine, clock: VirtualClock) -> None:
    deploy(engine, KEPT, CALLER, ttl="1")
    caller = finish(engine, "caller", document=LARGE_TEXT)
    [called] = engine.read.children(caller.id)

    clock.advance(timedelta(days=29))
    assert engine.cleanup().instances == 0
    assert engine.read.instance(called.id).has_ended

    clock.advance(timedelta(days=1))
    done = engine.cleanup()
    assert (done.instances, done.called_instances, done.values) == (1, 1, 1)
    assert rows(engine) == {}
    with pytest.raises(NotFound):
        engine.read.history(called.id)


def test_what_was_removed_and_when_is_on_record(engine: Engine, clock: VirtualClock) -> None:
    deploy(engine, KEPT, CALLER, ttl="30")
    finish(engine)
    clock.advance(timedelta(hours=2))
    finish(engine, "caller")
    ended = engine.read.instances(limit=1).items[0].ended_at
    clock.advance(timedelta(days=30))
    now = clock.now()

    run = engine.cleanup(by="ann")

    caller, kept = engine.read.cleanups()
    assert (caller.definition_id, caller.instances, caller.called_instances) == ("caller:1", 1, 1)
    assert (kept.definition_id, kept.instances, kept.called_instances) == ("kept:1", 1, 0)
    assert (caller.run_id, caller.actor, caller.started_at, caller.last_at) == (run.run_id, "ann", now, now)
    assert (caller.first_ended_at, caller.last_ended_at) == (ended, ended)


def test_a_dry_run_counts_and_changes_nothing(engine: Engine, clock: VirtualClock) -> None:
    deploy(engine, KEPT, ttl="30")
    for _ in range(3):
        finish(engine)
    clock.advance(timedelta(days=30))
    before = rows(engine)

    told = engine.cleanup(is_dry_run=True)

    assert (told.instances, told.definitions, told.is_dry_run) == (3, {"kept:1": 3}, True)
    assert rows(engine) == before
    assert engine.read.cleanups() == []


def test_a_limit_leaves_the_rest_for_the_next_time_and_says_so(engine: Engine, clock: VirtualClock) -> None:
    deploy(engine, KEPT, ttl="30")
    for _ in range(5):
        finish(engine)
    clock.advance(timedelta(days=30))
    told: list[int] = []

    assert engine.cleanup(2, progress=told.append).has_more
    assert engine.cleanup(3, progress=told.append).has_more is False
    assert (sum(told), engine.read.instances().total) == (5, 0)
    with pytest.raises(InvalidInput):
        engine.cleanup(0)


def test_an_instance_with_very_much_history_goes_in_several_transactions(
    engine: Engine, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "ROOM", 10)
    deploy(engine, KEPT, ttl="30")
    large = engine.start("kept")
    for number in range(30):
        engine.set_variables(large.id, {"turn": number})
    finish(engine)
    finish(engine)
    clock.advance(timedelta(days=30))

    largest = 0
    while (before := rows(engine)) and engine.cleanup(1).has_more:
        largest = max(largest, sum(before.values()) - sum(rows(engine).values()))
    assert rows(engine) == {}
    assert sum(each.instances for each in engine.read.cleanups()) == 3


def test_a_large_value_stays_as_long_as_one_instance_has_it(engine: Engine, clock: VirtualClock) -> None:
    deploy(engine, KEPT, ttl="30")
    finish(engine, document=LARGE_TEXT)
    clock.advance(timedelta(days=20))
    later = finish(engine, document=LARGE_TEXT)
    clock.advance(timedelta(days=10))

    assert engine.cleanup().values == 0
    assert engine.read.variables(later.id)["document"] == LARGE_TEXT
    clock.advance(timedelta(days=20))
    assert engine.cleanup().values == 1
    assert rows(engine) == {}


def test_a_value_that_is_used_again_in_the_moment_of_its_removal_is_there(
    open_engine: Callable[[], Engine], clock: VirtualClock
) -> None:
    writer, cleaner = open_engine(), open_engine()
    deploy(writer, KEPT, ttl="0")
    failures: list[BaseException] = []
    is_over = False

    def clean() -> None:
        try:
            while not is_over:
                cleaner.cleanup()
        except BaseException as problem:
            failures.append(problem)

    thread = Thread(target=clean)
    thread.start()
    try:
        for _ in range(25):
            instance = writer.start("kept", variables={"document": LARGE_TEXT})
            assert writer.read.variables(instance.id) == {"document": LARGE_TEXT}
            [task] = writer.read.tasks().items
            writer.complete(task.id)
    finally:
        is_over = True
        thread.join()
    assert failures == []


def test_a_failure_in_the_middle_leaves_whole_instances_and_a_true_record(
    engine: Engine, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "LARGEST_BATCH", 2)
    deploy(engine, KEPT, ttl="30")
    for _ in range(5):
        finish(engine, document=LARGE_TEXT)
    clock.advance(timedelta(days=30))
    release, calls = batches.release_values, []

    def fail_the_second_time(*given: object) -> int:
        calls.append(given)
        if len(calls) == 2:
            raise RuntimeError("killed")
        return release(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(batches, "release_values", fail_the_second_time)
    with pytest.raises(RuntimeError):
        engine.cleanup()

    left = engine.read.instances().items
    assert len(left) == 3
    assert all(engine.read.history(each.id).variable_changes for each in left)
    assert [each.instances for each in engine.read.cleanups()] == [2]
    assert engine.cleanup().instances == 3
    assert rows(engine) == {}


def test_two_who_clean_up_at_once_remove_everything_once(
    open_engine: Callable[[], Engine], clock: VirtualClock
) -> None:
    engines = [open_engine() for _ in range(3)]
    deploy(engines[0], KEPT, ttl="30")
    for _ in range(12):
        finish(engines[0], document=LARGE_TEXT)
    clock.advance(timedelta(days=30))
    found: list[int] = []

    threads = [Thread(target=lambda each=each: found.append(each.cleanup().instances)) for each in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engines[0].cleanup()
    assert sum(each.instances for each in engines[0].read.cleanups()) == 12
    assert (len(found), rows(engines[0])) == (3, {})


def test_of_all_workers_one_cleans_up_every_few_minutes(engine: Engine, clock: VirtualClock) -> None:
    deploy(engine, KEPT, ttl="0")
    one, other = (Retention(engine.store, engine.ids, clock, None) for _ in range(2))

    def share(who: Retention, name: str) -> int:
        finish(engine)
        return who.keep_house(name, rest=lambda: False)

    assert share(one, "one") == 1
    assert (share(other, "other"), share(one, "one")) == (0, 0)
    clock.advance(EVERY)
    assert share(other, "other") == 3
    assert rows(engine) == {}


def test_a_worker_that_is_stopped_leaves_the_rest(
    engine: Engine, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "LARGEST_BATCH", 1)
    deploy(engine, KEPT, ttl="0")
    for _ in range(3):
        finish(engine)
    answers = iter([False, True])

    assert Retention(engine.store, engine.ids, clock, None).keep_house("one", rest=lambda: next(answers)) == 1
    assert engine.read.instances().total == 2


CLEAN = """
import sys
from datetime import UTC, datetime
from engine.clock import VirtualClock
from engine.engine import Engine
from engine.store import retention
retention.LARGEST_BATCH = 2
engine = Engine(sys.argv[1], clock=VirtualClock(datetime(2030, 1, 1, tzinfo=UTC)))
engine.cleanup(progress=lambda count: print(count, flush=True))
"""


def test_killed_in_the_middle_it_leaves_whole_instances_and_a_true_record(
    engine: Engine, database_url: str, clock: VirtualClock
) -> None:
    deploy(engine, KEPT, ttl="30")
    for _ in range(30):
        finish(engine, document=LARGE_TEXT)
    clock.advance(timedelta(days=30))

    with subprocess.Popen([sys.executable, "-c", CLEAN, database_url], stdout=subprocess.PIPE, text=True) as cleaner:
        assert cleaner.stdout is not None
        cleaner.stdout.readline()
        cleaner.kill()

    left = engine.read.instances(limit=100).items
    assert all(len(engine.read.history(each.id).activities) == 3 for each in left)
    assert all(engine.read.variables(each.id)["document"] == LARGE_TEXT for each in left)
    assert len(left) == 30 - sum(each.instances for each in engine.read.cleanups()) < 30
    engine.cleanup()
    assert rows(engine) == {}
