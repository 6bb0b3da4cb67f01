"""Partitions of history are dropped when the instances of their time are gone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import text

from engine import partitions as keeper
from engine.clock import VirtualClock
from engine.engine import Engine
from engine.model import Resource
from engine.store import history, partitions
from engine.store.partitions import KEYS
from tests.engine.partitions.rows import (
    DIAGRAM,
    KEPT,
    all_spans,
    finish,
    finish_tasks,
    home_of,
    query,
    spans,
    statements_of,
)

pytestmark = [pytest.mark.postgres, pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)]


@pytest.mark.usefixtures("all_is_large")
def test_history_of_which_all_may_go_is_dropped_and_never_deleted_row_by_row(
    engine: Engine, clock: VirtualClock
) -> None:
    for number in range(5):
        finish(engine, "caller" if number % 2 else "brief", number=number)
        finish(engine, "caller", number=number)
    for caller in engine.read.instances(key="caller").items:
        finish_tasks(engine, caller.id)
    clock.move_to(datetime(2026, 2, 10, tzinfo=UTC))
    done: list[Any] = []
    asked = statements_of(engine, lambda: done.append(engine.cleanup(by="ann")))

    assert (done[0].instances, done[0].called_instances, done[0].partitions) == (10, 7, 1)
    assert not [each for each in asked if any(each.startswith(f"DELETE FROM {table}") for table in KEYS)]
    assert all(query(engine, f"SELECT count(*) FROM {table}") == [0] for table in KEYS)
    assert {each[0] for each in all_spans(engine)} == {"until_20260301"}
    assert {each.definition_id: each.instances for each in engine.read.cleanups()} == {"brief:1": 3, "caller:1": 7}


@pytest.mark.usefixtures("all_is_large")
def test_who_lives_on_keeps_its_history_and_goes_on_when_the_rest_of_its_month_is_dropped(
    engine: Engine, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "WORTH", 0)
    running, kept = engine.start("brief", variables={"a": 1}).id, finish(engine, "long")
    caller = finish(engine, "caller")
    [called] = [each.id for each in engine.read.children(caller)]
    gone = [finish(engine) for _ in range(10)]
    lives_on = [running, kept, caller, called]
    clock.move_to(datetime(2026, 3, 10, tzinfo=UTC))
    before = [engine.read.history(each) for each in lives_on]
    with engine.store.reading() as connection:  # begun before, comes to the history only later
        assert connection.execute(text("SELECT count(*) FROM process_instance")).scalar() == 14
        assert engine.cleanup().instances == 10
        assert history.log_entries(connection, running) == list(before[0].log)

    assert [engine.read.history(each) for each in lives_on] == before
    assert query(engine, "SELECT count(*) FROM log WHERE instance_id = ANY(:gone)", gone=gone) == [0]
    finish_tasks(engine, running)
    finish_tasks(engine, caller)
    actions = [entry.action for entry in engine.read.history(running).log]
    assert actions == ["instance.started", "task.created", "task.completed", "instance.ended"]
    assert home_of(engine, running) == home_of(engine, kept) == {"until_20260301"}  # with February, which was empty

    clock.move_to(datetime(2026, 5, 10, tzinfo=UTC))
    assert engine.cleanup().called_instances == 1
    assert engine.read.history(kept).activities == before[1].activities
    assert engine.read.instances().total == 1


@pytest.mark.usefixtures("all_is_large")
def test_small_months_become_one_partition(engine: Engine, clock: VirtualClock) -> None:
    kept = [finish(engine, "long")]
    for month in (2, 3, 4):
        clock.move_to(datetime(2026, month, 10, tzinfo=UTC))
        engine.cleanup()
        kept.append(finish(engine, "long"))

    assert {each[0] for each in all_spans(engine)} == {"until_20260401"}
    assert [len(engine.read.history(each).activities) for each in kept] == [3, 3, 3, 3]


@pytest.mark.usefixtures("all_is_large")
def test_too_many_that_live_on_keep_their_partition_and_rows_are_deleted(
    engine: Engine, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "MOST_KEPT", 2)
    kept = [finish(engine, "long") for _ in range(3)]
    gone = finish(engine)
    clock.move_to(datetime(2026, 2, 10, tzinfo=UTC))

    done = engine.cleanup()

    assert (done.instances, done.partitions, spans(engine)[0]) == (1, 0, "until_20260201")
    assert query(engine, "SELECT DISTINCT instance_id FROM log ORDER BY 1") == sorted(kept)
    assert home_of(engine, gone) == set()


def test_rows_that_have_waited_for_a_drop_that_does_not_come_are_deleted(
    database_url: str, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "LARGE", 0)
    with Engine(database_url, clock=clock, history_time_to_live="30") as engine:
        processes = KEPT.format(key="brief", ttl="30") + KEPT.format(key="other", ttl="").replace(
            'camunda:historyTimeToLive=""', ""
        )
        engine.deploy(Resource("kept.bpmn", DIAGRAM.format(processes=processes).encode()))
        engine.cleanup()
        first = finish(engine)
        clock.move_to(datetime(2026, 2, 20, tzinfo=UTC))
        kept = finish(engine, "other")
        clock.move_to(datetime(2026, 3, 1, 2, tzinfo=UTC))
        assert engine.cleanup().instances == 1
        assert home_of(engine, first) == {"until_20260301"}
    with Engine(database_url, clock=clock) as engine:  # from now on the others are kept for ever
        clock.advance(keeper.LONGEST)
        engine.cleanup()
        assert home_of(engine, first) == set()
        assert len(engine.read.history(kept).activities) == 3
        assert "history until_20260301" not in query(engine, "SELECT name FROM housekeeping")


@pytest.mark.usefixtures("all_is_large")
def test_broken_off_anywhere_the_next_one_goes_on(
    engine: Engine, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "WORTH", 0)
    kept = finish(engine, "long")
    for _ in range(3):
        finish(engine)
    clock.move_to(datetime(2026, 2, 10, tzinfo=UTC))
    for name in ("check_promise", "make", "living", "replace"):
        break_off(engine, monkeypatch, name, after=2)
        assert len(engine.read.history(kept).activities) == 3
    engine.cleanup()

    assert len(all_spans(engine)) == 1
    assert query(engine, "SELECT DISTINCT instance_id FROM activity") == [kept]
    assert query(engine, "SELECT conname FROM pg_constraint WHERE conname LIKE 'ck\\_%\\_rest'") == []


@pytest.mark.usefixtures("all_is_large")
def test_who_reads_for_long_puts_a_drop_off_and_hinders_nothing_else(
    engine: Engine, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "LOCK", "20ms")
    for _ in range(3):
        finish(engine)
    clock.move_to(datetime(2026, 2, 10, tzinfo=UTC))
    with engine.store.reading() as connection:
        assert connection.execute(text("SELECT count(DISTINCT instance_id) FROM log")).scalar() == 3
        assert engine.cleanup().instances == 3
        engine.start("brief")
        assert (spans(engine, "log")[0], len(all_spans(engine))) == ("until_20260201", 2)
    engine.cleanup()
    assert {each[0] for each in all_spans(engine)} == {"until_20260301"}


def break_off(engine: Engine, monkeypatch: pytest.MonkeyPatch, name: str, after: int) -> None:
    """A cleanup that ends, as if it was killed, in the call of a function of the store."""
    real, calls = getattr(partitions, name), []

    def dying(*given: Any) -> Any:
        calls.append(name)
        if len(calls) > after:
            raise RuntimeError("killed")
        return real(*given)

    with monkeypatch.context() as patch:
        patch.setattr(partitions, name, dying)
        with pytest.raises(RuntimeError, match="killed"):
            engine.cleanup()


CLEAN = """
import sys
from datetime import UTC, datetime
from engine import partitions
from engine.clock import VirtualClock
from engine.engine import Engine
from engine.store import partitions as tables
partitions.LARGE = partitions.SMALL = partitions.WORTH = 0
real = tables.replace
def told(connection, table, run):
    done = real(connection, table, run)
    print(table, flush=True)
    if table == sys.argv[2]:
        sys.stdin.read()
    return done
tables.replace = told
Engine(sys.argv[1], clock=VirtualClock(datetime(2026, 2, 10, tzinfo=UTC))).cleanup()
"""


@pytest.mark.usefixtures("all_is_large")
def test_killed_in_the_middle_of_a_drop_it_leaves_nothing_undone(
    engine: Engine, clock: VirtualClock, database_url: str
) -> None:
    kept = finish(engine, "long")
    for _ in range(3):
        finish(engine)
    arguments = [sys.executable, "-c", CLEAN, database_url, "log"]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as cleaner:
        assert cleaner.stdout is not None
        while cleaner.stdout.readline().strip() not in ("log", ""):
            pass
        cleaner.kill()  # in the transaction that drops the part of log; some before are gone, some are not
    clock.move_to(datetime(2026, 2, 10, tzinfo=UTC))
    before = engine.read.history(kept)
    assert (len(before.log), len(before.activities)) == (4, 3)
    engine.cleanup()

    assert (len(all_spans(engine)), engine.read.history(kept)) == (1, before)
    assert query(engine, "SELECT DISTINCT instance_id FROM log") == [kept]


@pytest.mark.usefixtures("all_is_large")
def test_several_clean_up_and_work_at_once(
    engine: Engine, open_engine: Callable[[], Engine], clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "WORTH", 0)
    lives_on = [engine.start("brief").id for _ in range(5)]
    for _ in range(20):
        finish(engine)
    clock.move_to(datetime(2026, 2, 10, tzinfo=UTC))
    engines = [open_engine() for _ in range(3)]
    failures: list[BaseException] = []

    def during(work: Callable[[], object]) -> Thread:
        def run() -> None:
            try:
                work()
            except BaseException as problem:
                failures.append(problem)

        return Thread(target=run)

    def go_on(worker: Engine) -> None:
        for each in lives_on:
            for number in range(5):
                worker.set_variables(each, {"turn": number})

    threads = [during(each.cleanup) for each in engines] + [during(lambda: go_on(engine))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.cleanup()

    assert failures == []
    assert sum(each.instances for each in engine.read.cleanups()) == 20
    assert [len(engine.read.history(each).variable_changes) for each in lives_on] == [5] * 5
    assert query(engine, "SELECT count(DISTINCT instance_id) FROM log") == [5]
