"""Which workers live, where, and what they hold."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from engine.clock import VirtualClock
from engine.engine import Engine
from engine.external.records import Topic
from engine.jobs.presence import ALIVE, REMEMBERED, Presence
from tests.engine.jobs.waiting import PATIENCE, Held, until


@pytest.fixture
def shop(engine: Engine, models: Path) -> Engine:
    engine.deploy(models / "order.bpmn")
    return engine


def test_a_pool_is_seen_from_other_processes_with_what_it_holds_and_gone_when_it_has_stopped(
    shop: Engine, open_engine: Callable[[], Engine], clock: VirtualClock
) -> None:
    shop.handler("charge")(charge := Held())
    other = open_engine()
    assert other.read.workers() == []
    shop.start("order", variables={"amount": 1})
    shop.start_workers(3)
    assert charge.begun.wait(PATIENCE)
    until(other.read.workers)
    until(lambda: other.read.workers()[0].is_alive)

    (seen,) = other.read.workers()
    assert (seen.host, seen.process_id, seen.threads) == (socket.gethostname(), os.getpid(), 3)
    assert (seen.started_at, seen.heard_at) == (clock.now(), clock.now())
    assert seen.holds == {"charge": 1}
    charge.may_end.set()
    shop.stop_workers()
    assert other.read.workers() == []


def test_one_that_falls_silent_is_told_of_for_an_hour(engine: Engine, clock: VirtualClock) -> None:
    began = clock.now()
    lost, other = (Presence(engine.store, name, clock) for name in ("a", "b"))
    lost.beat(1)
    clock.advance(timedelta(seconds=10))
    lost.beat(2)
    (seen,) = engine.read.workers()
    assert (seen.threads, seen.started_at, seen.heard_at) == (2, began, clock.now())

    clock.advance(ALIVE + timedelta(seconds=1))
    other.beat(1)
    assert [(each.name, each.is_alive) for each in engine.read.workers()] == [("a", False), ("b", True)]

    clock.advance(REMEMBERED)
    other.beat(1)
    assert [each.name for each in engine.read.workers()] == ["b"]
    other.leave()
    lost.leave()
    assert engine.read.workers() == []


def test_who_only_holds_leases_is_told_of_by_them(shop: Engine) -> None:
    shop.register_external("charge")
    shop.start("order", variables={"amount": 1})
    shop.external.fetch_and_lock("billing-1", [Topic("charge", timedelta(minutes=1))], 1)

    (seen,) = shop.read.workers()
    assert (seen.name, seen.host, seen.is_alive, seen.holds) == ("billing-1", None, None, {"charge": 1})
    (job,) = shop.read.held_jobs()
    assert (job.worker, job.type, job.state, job.attempts) == ("billing-1", "charge", "running", 1)
    shop.start("order", variables={"amount": 1})
    assert shop.read.held_jobs() == [job]
