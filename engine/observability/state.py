"""The state of one engine as Prometheus reads it: what waits in its database, and what this process uses."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from engine.jobs.presence import ALIVE
from engine.observability.labels import Bounded
from engine.observability.question import Question
from engine.store import gauges
from engine.store.transaction import DatabaseError

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.store.types import Connection

FRESH = 5.0
"""Seconds for which what was read from the database is told again."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Of this process. *turned_seconds_ago*: since the thread that saves results was last seen at work, None where no
    workers run here."""

    threads: int
    busy: int
    waiting: int
    turned_seconds_ago: float | None
    hot_instances: int
    hot_hits: int
    hot_misses: int
    connections: int
    connections_limit: int


def usage_of(engine: Engine) -> Usage:
    pool, hot, connections = engine._pool, engine._road.hot, engine.store.database.pool
    turned = None if pool._pump is None else time.monotonic() - pool.turned_at
    return Usage(
        threads=len(pool._threads),
        busy=len(pool._running),
        waiting=len(pool._waiting),
        turned_seconds_ago=turned,
        hot_instances=len(hot),
        hot_hits=hot.hits,
        hot_misses=hot.misses,
        connections=_asked(connections, "checkedout"),
        connections_limit=_asked(connections, "size") + max(getattr(connections, "_max_overflow", 0), 0),
    )


class EngineState(Collector):
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = Lock()
        self._question = Question(engine.store, self._ask)
        self._queue: gauges.Queue | None = None
        self._read_at = -math.inf
        self._is_time_known = False
        self._topics = Bounded()
        self._told: dict[str, None] = {}

    def collect(self) -> Iterator[Metric]:
        yield from self._of_process()
        yield from self._of_database()
        yield from self._of_machine()

    def _of_process(self) -> Iterator[Metric]:
        usage = usage_of(self._engine)
        yield _gauge("pool_threads", "Threads that run handlers in this process.", usage.threads)
        yield _gauge("pool_busy", "Jobs that are run in this process.", usage.busy)
        yield _gauge("pool_waiting", "Jobs that this process has taken and not begun.", usage.waiting)
        yield _gauge("hot_instances", "Instances in this process's memory.", usage.hot_instances)
        yield _counter("hot_hits", "Instances that were in memory when they were needed.", usage.hot_hits)
        yield _counter("hot_misses", "Instances that had to be read from the database.", usage.hot_misses)
        yield _gauge("database_connections", "Connections in use by this process.", usage.connections)
        yield _gauge("database_connections_limit", "Connections it may open.", usage.connections_limit)

    def _of_machine(self) -> Iterator[Metric]:
        """Nothing until the database server has told its time once."""
        if self._is_time_known:
            said = "How far this machine's clock is ahead of the database server's."
            yield _gauge("clock_ahead_seconds", said, self._engine.own_clock.machine_ahead())

    def _of_database(self) -> Iterator[Metric]:
        """The same in every process of one database: max(), never sum(). None of it while the database is away."""
        queue = self._looked_up()
        yield _gauge("database_up", "Whether the database answered.", int(queue is not None))
        if queue is None:
            return
        now = self._engine.clock.now()
        due = GaugeMetricFamily("fermata_queue_due", "Due jobs that wait for a worker.", labels=["queue"])
        age = GaugeMetricFamily("fermata_queue_age_seconds", "Since when the oldest is due.", labels=["queue"])
        for name, count in queue.due.items():
            oldest = queue.oldest_due_at[name]
            due.add_metric([name], count)
            age.add_metric([name], max((now - oldest).total_seconds(), 0.0) if oldest else 0.0)
        yield due
        yield age
        yield from self._of_topics(queue.topics, now)
        yield _gauge("jobs_queued", "Exclusive jobs that wait for another one of their instance.", queue.queued)
        yield _gauge("jobs_running", "Jobs under a lease.", queue.running)
        yield _gauge("jobs_failed", "Jobs out of retries.", queue.failed)
        yield _gauge("timers_waiting", "Timers that are not due yet.", queue.timers_waiting)
        yield _gauge("workers_alive", "Worker pools that were heard of just now.", queue.workers)
        yield _gauge("incidents_open", "Incidents that wait for an operator.", queue.incidents)

    def _of_topics(self, topics: Mapping[str, tuple[int, datetime]], now: datetime) -> Iterator[Metric]:
        """A topic that was told of before is told of with 0, too: a series that ends does not say that all is done."""
        due = GaugeMetricFamily("fermata_external_due", "Due jobs left to workers elsewhere.", labels=["topic"])
        age = GaugeMetricFamily("fermata_external_age_seconds", "Since when the oldest is due.", labels=["topic"])
        found: dict[str, tuple[int, float]] = {}
        for topic, (count, oldest) in topics.items():
            label = self._topics.of(topic)
            counted, longest = found.get(label, (0, 0.0))
            found[label] = counted + count, max(longest, (now - oldest).total_seconds())
        self._told |= dict.fromkeys(found)
        for label in self._told:
            count, seconds = found.get(label, (0, 0.0))
            due.add_metric([label], count)
            age.add_metric([label], seconds)
        yield due
        yield age

    def _looked_up(self) -> gauges.Queue | None:
        with self._lock:
            if time.monotonic() - self._read_at >= FRESH:
                self._queue, self._read_at = self._read(), time.monotonic()
            return self._queue

    def _read(self) -> gauges.Queue | None:
        try:
            return self._question.answer()
        except DatabaseError:
            return None

    def _ask(self, connection: Connection) -> gauges.Queue:
        self._engine.own_clock.now()  # asks the server, if nobody has
        self._is_time_known = True
        now = self._engine.clock.now()
        return gauges.queue(connection, now, now - ALIVE)


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(f"fermata_{name}", what, value=value)


def _counter(name: str, what: str, value: float) -> Metric:
    return CounterMetricFamily(f"fermata_{name}", what, value=value)


def _asked(pool: Any, name: str) -> int:
    """Of a connection pool that counts; 0 of one that does not."""
    ask: Any = getattr(pool, name, None)
    return int(ask()) if ask is not None else 0
