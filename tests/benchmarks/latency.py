"""How long an instance and a job take at rising load: arrivals come when they come, whether the engine keeps up or not
(an open loop), so that waiting in a queue is counted."""

from __future__ import annotations

import random
import statistics
import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from engine import Engine, Job
from engine.store.tables import activity, process_instance
from tests.benchmarks.lab import POSTGRESQL, SQLITE, Lab, connected, wait_until_all_have_ended
from tests.benchmarks.markdown import duration, rate, table
from tests.benchmarks.results import Section
from tests.benchmarks.throughput import TASKS, prepared

LOADS = (0.25, 0.5, 0.75, 0.9)
SEED = 4

TEXT = """The same line of {tasks} service tasks with a save point after each, in one process with four worker threads,
which starts the instances too. Its capacity is measured first: {burst} instances as fast as they go. Then instances
arrive for {seconds:g} s at random moments (exponential gaps, seeded), at a share of that capacity. *Start to end*: from
the moment an instance should have started to the commit of its end, {tasks} jobs and {commits} commits later. *Job*:
from the end of the step before to the call of the handler, so the commit between them and the wait for a thread.

{rows}

At low load an instance pays for each commit alone; at high load commits are shared, and the queue begins to count.
"""


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds, of every instance and every job. *achieved*: instances a second that came to their end."""

    wanted: float
    achieved: float
    instances: Sequence[float]
    jobs: Sequence[float]


class Line:
    """An engine that works on the line, and when things happened there."""

    def __init__(self, engine: Engine, url: str) -> None:
        self._engine = engine
        self._url = url
        self._called: dict[tuple[str, int], float] = {}
        self._commits: list[float] = []
        engine.on_commit(self._committed)

        @engine.handler("work")
        def work(job: Job) -> dict[str, int]:
            self._called[job.instance_id, job.activity_id] = time.time()
            return {"n": job.activity_id}

    def capacity(self, instances: int) -> float:
        began = time.perf_counter()
        for _ in range(instances):
            self._engine.start("services")
        wait_until_all_have_ended(self._url)
        return instances / (time.perf_counter() - began)

    def arrivals(self, per_second: float, seconds: float) -> Latency:
        chance = random.Random(SEED)
        due: dict[str, float] = {}
        began = at = time.time()
        while (at := at + chance.expovariate(per_second)) < began + seconds:
            time.sleep(max(at - time.time(), 0))
            due[self._engine.start("services").id] = at
        wait_until_all_have_ended(self._url)
        return self._latency(per_second, due)

    def _committed(self) -> None:
        if threading.current_thread().name == "fermata pump":
            self._commits.append(time.time())

    def _latency(self, wanted: float, due: dict[str, float]) -> Latency:
        """Job results are saved by one thread, so the first of its commits after an instance has ended is its own."""
        with connected(self._url) as connection:
            columns = activity.c
            query = select(columns.instance_id, columns.activity_id, columns.entered_at)
            entered = {(row[0], row[1]): row[2].timestamp() for row in connection.execute(query) if row[0] in due}
            ends = select(process_instance.c.id, process_instance.c.ended_at)
            ended = {row[0]: row[1].timestamp() for row in connection.execute(ends) if row[0] in due}
        durable = {each: self._commits[bisect_left(self._commits, at)] for each, at in ended.items()}
        jobs = [at - entered[key] for key, at in self._called.items() if key in entered]
        whole = max(durable.values()) - min(due.values())
        return Latency(wanted, len(due) / whole, [durable[each] - at for each, at in due.items()], jobs)


def measure(lab: Lab) -> Section:
    seconds, burst = lab.pick(6.0, 2.0), lab.pick(300, 60)
    rows: list[list[str]] = []
    for kind in (SQLITE, POSTGRESQL):
        url = prepared(lab, kind)
        with Engine(url, migrate=False) as engine:
            line = Line(engine, url)
            engine.start_workers(4)
            line.capacity(20)
            capacity = statistics.median(line.capacity(burst) for _ in range(3))
            for load in LOADS:
                lab.noise.look()
                rows.append(_row(kind, load, line.arrivals(capacity * load, seconds)))
        lab.databases.drop(url)
    head = ["Database", "Load", "Instances/s", "Start to end p50", "p99", "Job p50", "p99"]
    text = TEXT.format(tasks=TASKS, burst=burst, seconds=seconds, commits=TASKS + 1, rows=table(head, rows))
    return Section("Latency at rising load", text)


def _row(kind: str, load: float, found: Latency) -> list[str]:
    return [
        kind,
        f"{load:.0%}",
        f"{rate(found.wanted)} came, {rate(found.achieved)} done",
        *(duration(percentile(found.instances, each)) for each in (50, 99)),
        *(duration(percentile(found.jobs, each)) for each in (50, 99)),
    ]


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that so many percent of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(-(-len(ordered) * percent // 100) - 1, 0)]
