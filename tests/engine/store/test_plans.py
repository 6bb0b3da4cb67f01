"""What the road asks of the database is answered by an index, however much is stored."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from engine import Engine
from engine.clock import VirtualClock

MODELS = Path(__file__).parents[1]
GROWING = (
    *("process_instance", "instance_state", "variable", "job", "subscription", "incident", "user_task"),
    *("activity", "flow_taken", "variable_change", "job_attempt", "log", "message", "value", "value_use"),
)


@contextmanager
def asked(engine: Engine) -> Iterator[dict[str, Any]]:
    """The statements that are sent meanwhile, with one set of parameters each."""
    sent: dict[str, Any] = {}

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, is_many: bool) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            sent.setdefault(statement, parameters[0] if is_many else parameters)

    event.listen(engine.store.database, "before_cursor_execute", note)
    yield sent
    event.remove(engine.store.database, "before_cursor_execute", note)


def scans(engine: Engine, statements: dict[str, Any]) -> list[str]:
    """Those that read a growing table from one end to the other, with the table."""
    found: list[str] = []
    with engine.store.reading() as connection:
        for statement, parameters in statements.items():
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters):
                whole = re.fullmatch(r"SCAN (\w+)", row[3])
                if whole and whole[1] in GROWING:
                    found.append(f"{whole[1]}: {statement}")
    return found


def orders(engine: Engine, clock: VirtualClock) -> None:
    engine.deploy(MODELS / "order.bpmn")
    engine.handler("charge")(lambda job: {"basket": ["x" * 50] * 100})
    order = engine.start("order", business_key="A-1")
    engine.work()
    engine.set_variables(order.id, {"note": "urgent"})
    task = engine.read.tasks(instance_id=order.id).items[0]
    engine.claim(task.id, "zoe")
    engine.complete(task.id, by="zoe")


def messages(engine: Engine, clock: VirtualClock) -> None:
    engine.deploy(MODELS / "messages.bpmn", MODELS / "timers.bpmn")
    for definition in engine.read.definitions():
        engine.publish("nobody waits", correlation_key="k", ttl=timedelta(hours=1))
        if definition.is_startable:
            engine.start(definition.key)
    clock.advance(timedelta(days=2))
    engine.work()


def failures(engine: Engine, clock: VirtualClock) -> None:
    engine.deploy(MODELS / "order.bpmn")
    engine.handler("charge", retries=1)(lambda job: 1 / 0)
    order = engine.start("order")
    engine.work()
    engine.retry(engine.read.incidents(order.id)[0].id)
    engine.suspend(order.id)
    engine.activate(order.id)
    engine.cancel(order.id)


@pytest.mark.parametrize("story", [orders, messages, failures])
def test_nothing_that_grows_is_read_as_a_whole(
    story: Callable[[Engine, VirtualClock], None], tmp_path: Path, clock: VirtualClock
) -> None:
    with Engine(f"sqlite:///{tmp_path / 'plans.db'}", clock=clock) as engine:
        with asked(engine) as statements:
            story(engine, clock)
        assert len(statements) > 15
        assert scans(engine, statements) == []


def test_a_query_without_an_index_would_be_seen(tmp_path: Path) -> None:
    with Engine(f"sqlite:///{tmp_path / 'plans.db'}") as engine:
        assert scans(engine, {"SELECT id FROM job WHERE line = 7": ()}) == ["job: SELECT id FROM job WHERE line = 7"]
