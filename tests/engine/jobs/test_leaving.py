"""Jobs that come to be for workers elsewhere when many of them wait already: left to them a part at a time."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sqlalchemy import delete, event, func, select

from engine.engine import Engine
from engine.model import InstanceState
from engine.store.claims import MOST_LEFT
from engine.store.relay import ReadyJob
from engine.store.tables import job
from tests.benchmarks.copies import copy_instance

WAITING = 1300


def waiting_in_front(engine: Engine) -> str:
    """Many jobs of type x, and an instance behind them all."""
    engine.deploy(Path(__file__).with_name("exclusive.bpmn"))
    first = engine.start("plain")
    with engine.store.writing() as connection:
        connection.execute(delete(job).where(job.c.type == "y"))
    copy_instance(engine.store, first.id, WAITING - 1)
    return engine.start("plain").id


def left(engine: Engine) -> int:
    with engine.store.reading() as connection:
        return connection.execute(select(func.count()).where(job.c.is_external)).scalar_one()


def test_no_transaction_leaves_more_than_a_bounded_number_of_jobs(engine: Engine) -> None:
    behind = waiting_in_front(engine)
    engine.register_external("x")
    done: list[str] = []
    engine.handler("y")(lambda job: done.append(job.instance_id))
    moved = [0]

    def note(connection: Any, cursor: Any, statement: str, given: Any, context: Any, many: bool) -> None:
        if re.match(r"UPDATE job SET is_external", statement):
            moved[-1] += cursor.rowcount

    def next_one(connection: Any) -> None:
        moved.append(0)

    event.listen(engine.store.database, "after_cursor_execute", note)
    event.listen(engine.store.database, "commit", next_one)
    engine.work()

    assert done == [behind]
    assert (sum(moved), left(engine)) == (WAITING + 1, WAITING + 1)
    assert max(moved) < MOST_LEFT + 200


def test_a_fleet_is_told_of_what_stands_behind_them_at_once(engine: Engine) -> None:
    behind = waiting_in_front(engine)
    engine.register_external("x")
    sent: list[ReadyJob] = []
    assert engine.relay(sent.append).publish() == 1
    assert ([each.names for each in sent], left(engine)) == ([("y",)], WAITING + 1)
    assert engine.read.instance(behind).state is InstanceState.RUNNING
