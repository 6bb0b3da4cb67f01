"""What the worker pool, and who works without one, do while something around the jobs fails."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.engine import Engine
from engine.errors import DatabaseAway
from engine.jobs import pool, worker
from engine.jobs.services import Services
from engine.jobs.worker import Worker
from engine.store.faults import ReadOnly, TooSlow
from engine.store.migrations import NewerDatabase
from tests.engine.jobs.waiting import PATIENCE, Held, until

failing = pytest.mark.parametrize(
    ("owner", "what", "problem"), [(Services, "look", TooSlow()), (Worker, "recover", NewerDatabase("9999"))]
)


@pytest.fixture
def shop(engine: Engine, models: Path) -> Engine:
    engine.deploy(models / "order.bpmn")
    return engine


class Renewals:
    """Counts how often leases were renewed, which is due every hundredth of a second."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self._news = threading.Condition()
        monkeypatch.setattr(Worker, "extend", lambda worker, held: self._note())
        for module in (pool, worker):
            monkeypatch.setattr(module, "LEASE", timedelta(seconds=0.03))
            monkeypatch.setattr(module, "LOOK", 0.01)
        monkeypatch.setattr(pool, "POLL", 0.01)

    def come(self) -> bool:
        """Two more of them."""
        with self._news:
            wanted = self.count + 2
            return self._news.wait_for(lambda: self.count >= wanted, PATIENCE)

    def _note(self) -> None:
        with self._news:
            self.count += 1
            self._news.notify_all()


@pytest.fixture
def renewals(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> Renewals:
    return Renewals(monkeypatch)


def fail(problem: Exception) -> Callable[..., Any]:
    def failing(*_: object) -> Any:
        raise problem

    return failing


@failing
def test_the_pool_renews_leases_while_all_else_fails(
    shop: Engine, renewals: Renewals, monkeypatch: pytest.MonkeyPatch, owner: type, what: str, problem: Exception
) -> None:
    shop.handler("charge")(charge := Held())
    shop.start("order", variables={"amount": 1})
    shop.start_workers(1)
    assert charge.begun.wait(PATIENCE)
    monkeypatch.setattr(owner, what, fail(problem))
    assert renewals.come()
    charge.may_end.set()


def test_a_lease_is_renewed_while_its_result_cannot_be_looked_after(
    shop: Engine, renewals: Renewals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Services, "look", fail(TooSlow()))
    shop.handler("charge")(lambda job: {"was_renewed": renewals.come()})
    order = shop.start("order", variables={"amount": 1})
    shop.work()

    assert shop.read.variables(order.id)["was_renewed"] is True


def test_a_pool_whose_database_is_away_stops_and_says_that_its_leases_run_out(
    shop: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shop.handler("charge")(charge := Held())
    for _ in range(3):
        shop.start("order", variables={"amount": 1})
    shop.start_workers(1)
    assert charge.begun.wait(PATIENCE)
    with monkeypatch.context() as broken:
        broken.setattr(Worker, "give_back", fail(DatabaseAway("It is gone.")))
        stopping = threading.Thread(target=shop.stop_workers)
        stopping.start()
        until(lambda: shop._pool._is_stopping)  # from here on no other job is begun
        charge.may_end.set()
        stopping.join()

    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        "the workers stop without telling the database, where their leases run out"
    ]
    shop.start_workers(1)  # what was not given back goes on, once its lease has run out


def test_a_pool_pauses_where_it_is_told_at_once_that_the_database_is_away(
    shop: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[float] = []
    enough = threading.Event()

    def take(*_: object) -> Any:
        told.append(time.monotonic())
        if len(told) == 3:
            enough.set()
        raise ReadOnly

    monkeypatch.setattr(pool, "POLL", 0.1)
    monkeypatch.setattr(Worker, "take", take)
    shop.start("order", variables={"amount": 1})
    shop.start_workers(1)

    assert enough.wait(PATIENCE)
    assert told[2] - told[0] >= 0.2
