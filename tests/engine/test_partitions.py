"""On PostgreSQL history is in partitions by time: made ahead, dropped when the instances of their time are gone."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Thread
from typing import Any

import pytest
from alembic import command
from sqlalchemy import event, text

from engine import partitions as keeper
from engine.clock import VirtualClock, new_id
from engine.engine import Engine
from engine.errors import InvalidInput
from engine.model import Resource
from engine.store import bulk, history, months, partitions, tables
from engine.store.migrations import configuration
from engine.store.partitions import KEYS
from engine.store.transaction import Store

pytestmark = [pytest.mark.postgres, pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)]

KEPT = """<process id="{key}" isExecutable="true" camunda:historyTimeToLive="{ttl}"><startEvent id="s_{key}"/>
  <sequenceFlow id="f_{key}" sourceRef="s_{key}" targetRef="t_{key}"/><userTask id="t_{key}"/>
  <sequenceFlow id="g_{key}" sourceRef="t_{key}" targetRef="e_{key}"/><endEvent id="e_{key}"/></process>"""
CALLER = """<process id="caller" isExecutable="true" camunda:historyTimeToLive="30"><startEvent id="s2"/>
  <sequenceFlow id="f2" sourceRef="s2" targetRef="c"/><callActivity id="c" calledElement="brief"/>
  <sequenceFlow id="g2" sourceRef="c" targetRef="t2"/><userTask id="t2"/>
  <sequenceFlow id="h2" sourceRef="t2" targetRef="e2"/><endEvent id="e2"/></process>"""
DIAGRAM = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t"
  xmlns:camunda="http://camunda.org/schema/1.0/bpmn">{processes}</definitions>"""


@pytest.fixture
def engine(open_engine: Callable[[], Engine]) -> Engine:
    """With *brief*, kept for 30 days, *long*, kept for years, and *caller*, which calls a brief one."""
    engine = open_engine()
    processes = KEPT.format(key="brief", ttl="30") + KEPT.format(key="long", ttl="P9Y") + CALLER
    engine.deploy(Resource("kept.bpmn", DIAGRAM.format(processes=processes).encode()))
    engine.cleanup()
    return engine


@pytest.fixture
def all_is_large(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a database of many gigabytes, from now on."""
    monkeypatch.setattr(keeper, "LARGE", 0)
    monkeypatch.setattr(keeper, "SMALL", 0)


def finish(engine: Engine, key: str = "brief", **variables: object) -> str:
    instance = engine.start(key, variables=variables)
    finish_tasks(engine, instance.id)
    for called in engine.read.children(instance.id):
        finish_tasks(engine, called.id)
    return instance.id


def finish_tasks(engine: Engine, instance_id: str) -> None:
    for task in engine.read.tasks(instance_id=instance_id).items:
        engine.complete(task.id, {"answer": "yes"}, by="ann")


def query(engine: Engine, statement: str, **given: object) -> list[Any]:
    with engine.store.reading() as connection:
        return list(connection.execute(text(statement), given).scalars())


def home_of(engine: Engine, instance_id: str) -> set[str]:
    """Where the rows of an instance are, without the names of the tables."""
    found: set[str] = set()
    for table in KEYS:
        where = f"SELECT DISTINCT tableoid::regclass::text FROM {table} WHERE instance_id = :id"
        found |= {name.removeprefix(f"{table}_") for name in query(engine, where, id=instance_id)}
    return found


def spans(engine: Engine, table: str = "activity") -> list[str]:
    with engine.store.reading() as connection:
        return [span.name for span in partitions.spans(connection, table)]


def all_spans(engine: Engine) -> set[tuple[str, ...]]:
    """One, where all tables are partitioned in the same way."""
    return {tuple(spans(engine, table)) for table in KEYS}


def test_a_database_with_rows_is_partitioned_without_moving_them(database_url: str) -> None:
    store = Store(database_url)
    identity = new_id(datetime(2026, 1, 5, tzinfo=UTC))
    with store.writing(is_marked=False) as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "0009")
        connection.execute(text("GRANT SELECT ON log TO PUBLIC"))
        for statement in (
            "INSERT INTO deployment VALUES ('d', 'd', now(), 'ann')",
            "INSERT INTO process_definition (id, key, version, name, deployment_id, resource_name, sha256, "
            "deployed_at, documentation, has_start_form, is_startable, starter_users, starter_groups) VALUES "
            "('p:1', 'p', 1, 'P', 'd', 'p.bpmn', '', now(), '', false, true, '[]', '[]')",
            "INSERT INTO process_instance (id, definition_id, process_key, state, version, log_sequence, "
            "incident_count, started_at, started_by, end_reason, depth) VALUES "
            "(:id, 'p:1', 'p', 'completed', 1, 1, 0, now(), 'ann', '', 0)",
            "INSERT INTO log VALUES (:id, 1, now(), 'instance.started', 'ann', NULL, NULL, '{}')",
            "INSERT INTO job_attempt VALUES (:id || '.2', 1, :id, 2, now(), 'w', now(), 'completed', NULL)",
        ):
            connection.execute(text(statement), {"id": identity})
        before = connection.execute(text("SELECT pg_relation_filenode('log'), ctid FROM log")).one()
    store.migrate()
    store.close()

    with Engine(database_url) as engine:
        with engine.store.reading() as connection:
            statement = text("SELECT pg_relation_filenode('log_rest'), ctid FROM log")
            assert connection.execute(statement).one() == before
        found = engine.read.history(identity)
        assert [entry.action for entry in found.log] == ["instance.started"]
        assert [attempt.job_id for attempt in found.job_attempts] == [f"{identity}.2"]
        grants = "SELECT unnest(relacl)::text FROM pg_class WHERE relname = 'log'"
        assert any(each.startswith("=r/") for each in query(engine, grants))
        engine.cleanup()
        assert len(home_of(engine, identity) - {"rest"}) == 1


def test_a_database_that_sorts_ids_otherwise_works_without_partitions(
    database_url: str, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(database_url)
    with store.writing(is_marked=False) as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "0009")
        command.stamp(config, "0010")  # as it does nothing there
    store.close()
    monkeypatch.setattr(months, "_PAIRS", text("SELECT false"))
    with Engine(database_url, clock=clock) as engine:
        engine.deploy(Resource("kept.bpmn", DIAGRAM.format(processes=KEPT.format(key="brief", ttl="30")).encode()))
        asked = statements_of(engine, lambda: finish(engine))
        clock.move_to(datetime(2026, 2, 10, tzinfo=UTC))
        done = engine.cleanup()

        assert not [each for each in asked if each.startswith("UPDATE activity") and ">=" in each]
        assert (done.instances, done.partitions, spans(engine)) == (1, 0, [])
        assert query(engine, "SELECT count(*) FROM activity") == [0]


@pytest.mark.parametrize("is_large", [False, True])
def test_partitions_are_made_ahead_and_rows_go_where_they_belong(
    engine: Engine, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, is_large: bool
) -> None:
    first = engine.start("brief").id
    assert spans(engine) == ["until_20260201", "until_20260301", "until_20260401"]
    assert home_of(engine, first) == {"until_20260201"}
    if is_large:
        monkeypatch.setattr(keeper, "LARGE", 0)
    clock.move_to(datetime(2026, 2, 20, tzinfo=UTC))
    engine.cleanup()
    later = engine.start("brief").id
    finish_tasks(engine, first)

    assert (home_of(engine, later), home_of(engine, first)) == ({"until_20260301"}, {"until_20260201"})
    assert {each[-1] for each in all_spans(engine)} == {"until_20260501"}
    assert engine.cleanup().partitions == 0


def test_a_large_table_is_made_ready_beside_the_work(
    open_engine: Callable[[], Engine], models: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "LARGE", 0)
    engine = open_engine()
    engine.deploy(models / "order.bpmn")
    old = engine.start("order", variables={"amount": 1}).id
    asked = statements_of(engine, engine.cleanup)

    assert home_of(engine, old) == {"until_20260301"}  # a month away at least: what is promised is not soon
    assert any("VALIDATE CONSTRAINT" in each for each in asked)
    assert query(engine, "SELECT conname FROM pg_constraint WHERE conname LIKE 'ck\\_%\\_rest'") == []


def test_a_large_table_is_not_read_while_others_wait(
    engine: Engine, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "LARGE", 0)
    said: list[str] = []

    def listen(connection: Any, _: Any) -> None:
        connection.execute("SET client_min_messages = debug1")
        connection.commit()
        connection.add_notice_handler(lambda notice: said.append(notice.message_primary))

    event.listen(engine.store.database, "connect", listen)
    engine.store.database.dispose()
    clock.move_to(datetime(2026, 3, 10, tzinfo=UTC))
    engine.cleanup()

    proven = [each for each in said if "default partition" in each and "is implied by existing constraints" in each]
    assert len(proven) == len(KEYS)


def test_a_large_table_with_rows_of_times_to_come_is_left_as_it_is_and_read_once_a_day(
    engine: Engine, database_url: str, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "LARGE", 0)
    with Engine(database_url, clock=VirtualClock(datetime(2026, 5, 10, tzinfo=UTC))) as other:
        early = other.start("long").id
    clock.move_to(datetime(2026, 3, 10, tzinfo=UTC))
    asked = [statements_of(engine, engine.cleanup) for _ in range(2)]

    assert [any("log_rest VALIDATE" in each for each in one) for one in asked] == [True, False]
    assert spans(engine, "log")[-1] == "until_20260401"
    assert engine.start("long").id != early


def test_what_a_clock_that_jumped_has_made_is_taken_and_goes_where_it_belongs_in_time(
    engine: Engine, database_url: str, clock: VirtualClock
) -> None:
    with Engine(database_url, clock=VirtualClock(datetime(2026, 6, 10, tzinfo=UTC))) as other:
        early = other.start("long").id
    assert home_of(engine, early) == {"rest"}
    clock.move_to(datetime(2026, 5, 20, tzinfo=UTC))
    engine.cleanup()

    assert home_of(engine, early) == {"until_20260701"}
    assert [entry.action for entry in engine.read.history(early).log] == ["instance.started", "task.created"]
    finish_tasks(engine, early)
    assert engine.read.instance(early).has_ended


def test_where_too_much_lies_in_the_way_of_a_partition_it_stays_and_the_next_ones_are_made(
    engine: Engine, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "MOST_ROWS", 2)
    clock.move_to(datetime(2026, 9, 10, tzinfo=UTC))
    late = finish(engine, "long")
    engine.cleanup()

    assert home_of(engine, late) >= {"rest"}
    assert spans(engine)[-2:] == ["until_20261101", "until_20261201"]
    assert engine.read.history(late).activities[-1].outcome == "completed"


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


def test_closing_activities_looks_into_the_partitions_of_their_months_alone(
    engine: Engine, clock: VirtualClock
) -> None:
    first = engine.start("brief").id
    clock.move_to(datetime(2026, 2, 20, tzinfo=UTC))
    engine.cleanup()
    ended = {"ended_at": clock.now(), "outcome": "completed"}
    changes = [((each, 1), ended) for each in (first, engine.start("brief").id, "not-ours")]

    def update() -> None:
        with engine.store.writing() as connection:
            assert bulk.update(connection, tables.activity, tuple(ended), changes) == 2

    read: list[set[str]] = []
    asked = [each for each in sent(engine, update) if each[0].startswith("UPDATE activity")]
    with engine.store.reading() as connection:
        for statement, given in asked:
            (plan,) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", given).scalars()
            read.append(set(re.findall(r"activity_(?:until_\d+|rest)", json.dumps(plan))))
    here = [each - {"activity_rest"} for each in read]  # which PostgreSQL always adds to the first
    assert (len(here), here[:2]) == (3, [{"activity_until_20260201"}, {"activity_until_20260301"}])


def test_partitions_may_be_of_weeks_and_days_and_an_unknown_width_is_refused(
    engine: Engine, database_url: str, clock: VirtualClock
) -> None:
    clock.move_to(datetime(2026, 3, 25, tzinfo=UTC))
    with Engine(database_url, clock=clock, history_partition="week") as weekly:
        weekly.cleanup()
        assert spans(weekly)[-2:] == ["until_20260406", "until_20260413"]
    clock.move_to(datetime(2026, 4, 12, tzinfo=UTC))
    with Engine(database_url, clock=clock, history_partition="day") as daily:
        daily.cleanup()
        assert spans(daily)[-3:] == ["until_20260414", "until_20260415", "until_20260416"]
        assert len(all_spans(daily)) == 1
    with pytest.raises(InvalidInput, match=r"'year' is no span of time\. Write one of month, week, day"):
        Engine("sqlite://", history_partition="year")


def statements_of(engine: Engine, work: Callable[[], object]) -> list[str]:
    return [statement for statement, _ in sent(engine, work)]


def sent(engine: Engine, work: Callable[[], object]) -> list[tuple[str, Any]]:
    """Statements, with what they were given."""
    asked: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, given: Any, *rest: Any) -> None:
        asked.append((statement, given))

    event.listen(engine.store.database, "before_cursor_execute", note)
    try:
        work()
    finally:
        event.remove(engine.store.database, "before_cursor_execute", note)
    return asked
