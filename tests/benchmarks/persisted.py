"""The whole engine on a SQLite file: every commit durable, full history written."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine import Engine, Job, Resource
from tests.benchmarks.measure import Times, rounds_of
from tests.benchmarks.profile import shares_of

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Throughput:
    """*times*: seconds per instance. *shares*: of the wall time, by place.
    *history_rows*: that one instance leaves behind."""

    times: Times
    shares: dict[str, float]
    history_rows: int

    @property
    def per_second(self) -> float:
        return 1 / self.times.median


def line_of_scripts(diagram: bytes, instances: int, rounds: int) -> Throughput:
    """Each instance runs from start to end in one commit."""
    with _engine() as engine:
        engine.deploy(Resource("line.bpmn", diagram))
        return _measure(engine, lambda: _start(engine, "benchmark"), instances, rounds)


def order_with_a_handler(instances: int, rounds: int) -> Throughput:
    """The README's order: started, its job taken by a worker in this thread, charged, completed."""
    with _engine() as engine:

        @engine.handler("charge-card")
        def charge_card(job: Job) -> dict[str, str]:
            return {"receipt": job.idempotency_key}

        engine.deploy(ROOT / "docs/example/order.bpmn")

        def run() -> str:
            order = engine.start("order", business_key="A-17", variables={"amount": 120})
            engine.work()
            return order.id

        return _measure(engine, run, instances, rounds)


def _measure(engine: Engine, run: Callable[[], str], instances: int, rounds: int) -> Throughput:
    times = rounds_of(run, rounds, instances, time.perf_counter)
    last: list[str] = []
    shares = shares_of(lambda: last.extend(run() for _ in range(instances)))
    history = engine.read.history(last[-1])
    if not history.instance.has_ended:
        raise RuntimeError(f"The instance has not come to its end: {history.incidents}")
    rows = sum(map(len, (history.activities, history.variable_changes, history.job_attempts, history.log)))
    return Throughput(times, shares, rows)


def _start(engine: Engine, key: str) -> str:
    return engine.start(key).id


@contextmanager
def _engine() -> Iterator[Engine]:
    with (
        tempfile.TemporaryDirectory(prefix="fermata-bench-") as folder,
        Engine(f"sqlite:///{folder}/bench.db") as engine,
    ):
        yield engine
