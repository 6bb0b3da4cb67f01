"""A disk that takes nothing more: what was asked for has not happened, no job fails for it, and work goes on later."""

import resource
from collections.abc import Iterator
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
def engine(tmp_path: Path, clock: VirtualClock) -> Iterator[Engine]:
    engine = Engine(f"sqlite:///{tmp_path / 'engine.db'}", clock=clock)
    engine.store.patience = 0.05
    yield engine
    fill(engine, is_full=False)


def fill(engine: Engine, *, is_full: bool = True) -> None:
    """Lets this process write no file beyond the end of SQLite's log."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    log = Path(f"{engine.store.url.database}-wal")
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size + 3 if is_full else most, most))


@pytest.mark.parametrize("bulk", [0, 9_000_000])
def test_what_finds_no_room_has_not_happened_in_the_middle_of_a_transaction_or_in_its_commit(
    engine: Engine, models: Path, bulk: int
) -> None:
    engine.deploy(models / "order.bpmn")
    with engine:
        fill(engine)
        with pytest.raises(DatabaseAway, match="nothing has changed: disk I/O error"):
            engine.start("order", variables={"bulk": "x" * bulk})
        assert engine.read.instances().total == 0

        fill(engine, is_full=False)
        assert engine.start("order", variables={"bulk": "x" * bulk}).state == InstanceState.RUNNING


def test_a_job_whose_result_finds_no_room_is_done_again_when_there_is_some(
    engine: Engine, models: Path, clock: VirtualClock
) -> None:
    engine.deploy(models / "order.bpmn")
    keys: list[str] = []

    @engine.handler("charge")
    def charge(job: Job) -> dict[str, str]:
        keys.append(job.idempotency_key)
        if len(keys) == 1:
            fill(engine)
        return {"bulk": "x" * 400_000}

    with engine:
        instance = engine.start("order")
        with pytest.raises(DatabaseAway, match="nothing has changed"):
            engine.work()

        fill(engine, is_full=False)
        clock.advance(LEASE)
        clock.advance(timedelta(seconds=1))
        engine.work()

        assert [each.element_id for each in engine.read.active(instance.id)] == ["Approve"]
        assert len(keys) == 2
        assert len(set(keys)) == 1
        assert engine.read.history(instance.id).incidents == ()
