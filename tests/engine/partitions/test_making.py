"""Partitions of history are made ahead, and rows go where they belong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from alembic import command
from sqlalchemy import event, text

from engine import partitions as keeper
from engine.clock import VirtualClock, new_id
from engine.engine import Engine
from engine.errors import InvalidInput
from engine.model import Resource
from engine.store import bulk, months, partitions, tables
from engine.store.migrations import configuration
from engine.store.partitions import KEYS
from engine.store.transaction import Store
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
from tests.engine.store.statements import sent

pytestmark = [pytest.mark.postgres, pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)]


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
            bulk.send(connection, [*bulk.updates(connection, tables.activity, tuple(ended), changes)])

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
