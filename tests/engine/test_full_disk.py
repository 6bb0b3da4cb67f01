"""A disk that takes nothing more: what was asked for has not happened, no job fails for it, and work goes on later."""

from datetime import timedelta
from pathlib import Path

import pytest

from engine import Job
from engine.clock import VirtualClock
from engine.engine import Engine
from engine.errors import DatabaseAway
from engine.model import InstanceState
from engine.store.jobs import LEASE


@pytest.fixture
def engine(tmp_path: Path, clock: VirtualClock) -> Engine:
    engine = Engine(f"sqlite:///{tmp_path / 'engine.db'}", clock=clock)
    engine.store.patience = 0.05
    return engine


def limit(engine: Engine, pages: int) -> None:
    """To as many pages in all; 0: to those that there are."""
    engine.store.database.dispose()
    with engine.store.database.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages or 1}")


def test_a_full_disk_is_a_database_that_is_away(engine: Engine, models: Path) -> None:
    engine.deploy(models / "order.bpmn")
    with engine:
        limit(engine, 0)
        with pytest.raises(DatabaseAway, match="full"):
            engine.start("order", variables={"bulk": "x" * 200_000})
        assert engine.read.instances().total == 0

        limit(engine, 1_000_000)
        assert engine.start("order", variables={"bulk": "x" * 200_000}).state == InstanceState.RUNNING


def test_a_job_whose_result_finds_no_room_is_done_again_when_there_is_some(
    engine: Engine, models: Path, clock: VirtualClock
) -> None:
    engine.deploy(models / "order.bpmn")
    keys: list[str] = []

    @engine.handler("charge")
    def charge(job: Job) -> dict[str, str]:
        keys.append(job.idempotency_key)
        if len(keys) == 1:
            limit(engine, 0)
        return {"bulk": "x" * 400_000}

    with engine:
        instance = engine.start("order")
        with pytest.raises(DatabaseAway, match="full"):
            engine.work()

        limit(engine, 1_000_000)
        clock.advance(LEASE)
        clock.advance(timedelta(seconds=1))
        engine.work()

        assert [each.element_id for each in engine.read.active(instance.id)] == ["Approve"]
        assert len(keys) == 2
        assert len(set(keys)) == 1
        assert engine.read.history(instance.id).incidents == ()
