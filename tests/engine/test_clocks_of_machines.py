"""Machines whose clocks differ by hours share one PostgreSQL: the server's time counts, and theirs moves nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

import engine.clock
from engine.engine import Engine
from engine.external.records import Topic
from engine.observability.state import EngineState
from engine.retention import EVERY
from engine.store import server_clock, tables
from engine.store.jobs import LEASE

pytestmark = [pytest.mark.postgres, pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)]

Machine = Callable[[float], Engine]
SOON = timedelta(minutes=5)
"""Less than the clocks differ, and more than a busy machine takes."""
PATIENCE = 120


@pytest.fixture
def machine(database_url: str, models: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """Opens an engine on a machine whose clock is so many hours ahead; closed with the test."""
    opened: list[Engine] = []

    def open_one(hours: float) -> Engine:
        def wrong_time() -> datetime:
            return datetime.now(UTC) + timedelta(hours=hours)

        monkeypatch.setattr(engine.clock, "machine_time", wrong_time)
        monkeypatch.setattr(server_clock, "machine_time", wrong_time)
        opened.append(Engine(database_url, history_time_to_live="PT1H"))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


@pytest.fixture(params=["ahead", "behind"])
def machines(request: pytest.FixtureRequest, machine: Machine, models: Path) -> tuple[Engine, Engine]:
    """The first one is that much ahead of, or behind, the second."""
    hours = 2 if request.param == "ahead" else -2
    one, other = machine(hours), machine(-hours)
    one.deploy(models / "order.bpmn")
    return one, other


def moment(engine: Engine, query: str) -> datetime:
    with engine.store.reading() as connection:
        return connection.execute(text(query)).scalar_one()


def earlier(engine: Engine, table: str, column: str, by: timedelta) -> None:
    """As if so much time had passed since that was written."""
    with engine.store.writing() as connection:
        connection.execute(text(f"UPDATE {table} SET {column} = {column} - :by"), {"by": by})


def test_a_lease_is_not_taken_from_who_holds_it_and_runs_out_in_time(machines: tuple[Engine, Engine]) -> None:
    one, other = machines
    ran: list[tuple[str, int]] = []
    one.handler("charge")(lambda job: ran.append(("one", job.attempt)))
    other.handler("charge")(lambda job: ran.append(("other", job.attempt)))
    one.start("order", variables={"amount": 1})
    assert len(one._worker.take(1)) == 1
    other.work()
    assert ran == []
    ends = moment(one, "SELECT lease_until FROM job WHERE state = 'running'")
    assert abs(ends - (datetime.now(UTC) + LEASE)) < SOON

    earlier(one, "job", "lease_until", LEASE + timedelta(seconds=1))  # its machine has died
    other.work()
    assert ran == [("other", 2)]


def test_no_job_is_run_twice(machines: tuple[Engine, Engine]) -> None:
    ran: list[str] = []

    def charge(job) -> None:
        ran.append(job.instance_id)
        time.sleep(0.02)

    started = [machines[number % 2].start("order", variables={"amount": number}).id for number in range(30)]
    for each in machines:
        each.handler("charge")(charge)
        each.start_workers(2)
    until = time.monotonic() + PATIENCE
    while len(ran) < len(started) and time.monotonic() < until:
        for each in machines:
            each._worker.recover()
        time.sleep(0.01)
    for each in machines:
        each.stop_workers()
    assert sorted(ran) == sorted(started)
    with machines[0].store.reading() as connection:
        assert set(connection.execute(select(tables.job_attempt.c.outcome)).scalars()) == {"completed"}


def test_a_lock_of_a_worker_elsewhere_lasts_as_long_as_it_says(machines: tuple[Engine, Engine]) -> None:
    one, other = machines
    for each in machines:
        each.register_external("charge")
    one.start("order", variables={"amount": 1})
    wanted = [Topic("charge", timedelta(minutes=1))]
    (task,) = one.external.fetch_and_lock("a", wanted, 1)
    assert other.external.fetch_and_lock("b", wanted, 1) == []
    assert (
        one.external.extend_lock(task.id, "a", timedelta(minutes=1)) - datetime.now(UTC) < timedelta(minutes=1) + SOON
    )
    earlier(one, "job", "lease_until", timedelta(minutes=2))
    assert [each.id for each in other.external.fetch_and_lock("b", wanted, 1)] == [task.id]


def test_a_timer_fires_at_the_servers_time(machines: tuple[Engine, Engine], models: Path) -> None:
    one, other = machines
    one.deploy(models / "timers.bpmn")
    instance = one.start("reminder")
    due_at = moment(one, "SELECT due_at FROM job")
    assert abs(due_at - (datetime.now(UTC) + timedelta(days=2))) < SOON

    earlier(one, "job", "due_at", timedelta(days=2, hours=-1))
    assert other.work() == one.work() == 0
    earlier(one, "job", "due_at", timedelta(hours=1))
    assert other.work() == 1
    ended_at = other.read.instance(instance.id).ended_at
    assert ended_at is not None
    assert abs(ended_at - datetime.now(UTC)) < SOON


def test_retention_removes_nothing_early_and_everything_in_time(machines: tuple[Engine, Engine]) -> None:
    one, other = machines
    instance = one.start("order", variables={"amount": 1})
    one.cancel(instance.id)
    assert [each.cleanup().instances for each in machines] == [0, 0]
    earlier(one, "process_instance", "ended_at", timedelta(minutes=59))
    assert [each.cleanup().instances for each in machines] == [0, 0]
    earlier(one, "process_instance", "ended_at", timedelta(minutes=2))
    assert other.cleanup().instances == 1


def test_a_turn_of_housekeeping_comes_again_in_time(machines: tuple[Engine, Engine]) -> None:
    one, other = machines
    one._retention.keep_house("one", lambda: False)
    due_at = moment(one, "SELECT due_at FROM housekeeping")
    assert abs(due_at - (datetime.now(UTC) + EVERY)) < SOON
    other._retention.keep_house("other", lambda: False)
    assert moment(one, "SELECT due_at FROM housekeeping WHERE holder = 'one'") == due_at


def test_history_is_in_order_whichever_machine_wrote_it(machines: tuple[Engine, Engine]) -> None:
    one, other = machines
    other.handler("charge")(lambda job: {})
    began = datetime.now(UTC)
    instance = one.start("order", variables={"amount": 1})
    other.work()
    one.cancel(instance.id)
    history = other.read.history(instance.id)
    written = [each.at for each in history.log]
    assert len(written) > 1
    assert written == sorted(written)
    assert began - SOON < written[0] <= written[-1] < datetime.now(UTC) + SOON
    (attempt,) = history.job_attempts
    assert attempt.ended_at is not None
    assert written[0] <= attempt.started_at <= attempt.ended_at <= written[-1]


def test_a_machine_that_is_wrong_says_so_in_its_log_and_its_metrics(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "engine.store")
    wrong = machine(-2)
    told = {family.name: family.samples[0].value for family in EngineState(wrong).collect() if family.samples}
    assert told["fermata_clock_ahead_seconds"] == pytest.approx(-7200, abs=SOON.total_seconds())
    (said,) = [each for each in caplog.records if "this machine's clock differs" in each.message]
    assert said.__dict__["seconds_ahead"] == pytest.approx(-7200, abs=SOON.total_seconds())
