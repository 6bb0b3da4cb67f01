"""Jobs, instances and transitions a second, each commit durable, with full history: a line of ten service tasks."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from engine import Engine, Job, Resource
from tests.benchmarks import diagrams
from tests.benchmarks.lab import POSTGRESQL, SQLITE, Lab, wait_until_all_have_ended
from tests.benchmarks.markdown import duration, rate, size, spread, table
from tests.benchmarks.profile import shares_of, shares_table
from tests.benchmarks.results import Section, at_least
from tests.benchmarks.worker import Used, processes

TASKS = 10
WAITS = 0.005
"""Seconds."""
WARM = 10
"""Instances that a process does before it is measured."""
TRANSITIONS = TASKS + 1
"""The start, and the end of each task: each is a change of state with its history."""

TEXT = """A line of {tasks} service tasks of a Python handler that does nothing (`return {{"n": ...}}`), in the embedded
pool of each worker process ({threads} threads). Every commit is on disk before the next step: SQLite in WAL mode with
`synchronous=FULL`, PostgreSQL {version} with `fsync` and `synchronous_commit` on, database and processes on the same
two cores. Each process has done {warm} instances before it is measured; {jobs:,} jobs and {instances:,} instances a
round, {rounds} rounds in turns; medians with the slowest and the fastest round.

**With a save point after every task.** *Jobs/s*: the instances have been started before, the processes empty the
queue. *Instances/s*: from start to end, each process starts its share beside its workers; an instance has
{transitions} transitions (its start and {tasks} ends of tasks).

{saved}

**Handlers that wait**, {waits} each, as those do that ask a service elsewhere; save points as above, on PostgreSQL,
{waiting_jobs:,} jobs a round:

{waiting}

**Straight through**, `save_point=False`: the handlers run in memory up to the end, in one commit with the same full
history (on a repeat they get the same idempotency keys). Started one after the other by one thread of each
process, with nothing beside it.

{straight}

Yardsticks, measured elsewhere on this class of machine and only quoted here: Camunda 7 embedded with full history runs
ten Java tasks straight through 95 times a second on a file database (10.5 ms each), 13 to 20 times on PostgreSQL;
Celery on Redis moves about 200 jobs/s, Procrastinate about 150.

**Where the time goes**, in one thread (`engine.work()` with save points, `engine.start()` straight through), by the
wall time between looks at its stack:

{shares}

{limit}
"""

LIMIT = """The limit that remains: on SQLite the one writer, so a second process gains little there; with save points
the Python between the commits (recording, the interpreter, making statements) costs {per_job} of processor time a job,
which bounds one process at about {bound} jobs/s on an idle core. On PostgreSQL the server itself needs a share of the
two cores, beside the processes that use it, which is what keeps two processes below twice one."""


@dataclass(slots=True)
class Found:
    """Per second, a figure for each round."""

    jobs: list[float] = field(default_factory=list[float])
    instances: list[float] = field(default_factory=list[float])
    straight: list[float] = field(default_factory=list[float])
    waiting: list[float] = field(default_factory=list[float])  # jobs whose handlers wait
    per_job: list[float] = field(default_factory=list[float])  # seconds of the processes' processor time
    resident: int = 0  # bytes of one process


def measure(lab: Lab) -> Section:
    jobs, instances, rounds, threads = lab.pick(30_000, 600), lab.pick(500, 60), lab.pick(3, 1), 4
    waiting_jobs = lab.pick(6_000, 300)
    found = {(kind, count): Found() for kind in (SQLITE, POSTGRESQL) for count in (1, 2)}
    shares: dict[str, dict[str, float]] = {}
    for kind in (SQLITE, POSTGRESQL):
        url = prepared(lab, kind)
        for _ in range(rounds):
            for count in (1, 2):
                _round(lab, url, count, threads, jobs // TASKS, instances, found[kind, count])
                if kind == POSTGRESQL:
                    seconds, _ = _run(url, count, threads, waiting=waiting_jobs // TASKS, waits=WAITS)
                    found[kind, count].waiting.append(waiting_jobs / seconds)
        shares |= _shares(url, kind, instances // 3)
        lab.databases.drop(url)
    per_job = statistics.median(found[SQLITE, 1].per_job)
    text = TEXT.format(
        tasks=TASKS,
        threads=threads,
        warm=WARM,
        version=lab.databases.postgresql_version,
        jobs=jobs,
        instances=instances,
        rounds=rounds,
        transitions=TRANSITIONS,
        saved=_saved_table(found),
        waits=duration(WAITS),
        waiting_jobs=waiting_jobs,
        waiting=_waiting_table(found),
        straight=_straight_table(found),
        shares=shares_table(shares),
        limit=LIMIT.format(per_job=duration(per_job), bound=rate(1 / per_job)),
    )
    two, one = (statistics.median(found[POSTGRESQL, count].jobs) for count in (2, 1))
    waiting_two, waiting_one = (statistics.median(found[POSTGRESQL, count].waiting) for count in (2, 1))
    on_sqlite = found[SQLITE, 1]
    bars = [
        at_least("jobs/s in one process on SQLite, state safe after each", statistics.median(on_sqlite.jobs), 1500),
        at_least("jobs/s of two processes on PostgreSQL beside one", two / one, 1.7, "x"),
        at_least(f"the same, handlers that wait {duration(WAITS)}", waiting_two / waiting_one, 1.7, "x"),
        at_least("instances/s straight through, one process on SQLite", statistics.median(on_sqlite.straight), 500),
    ]
    return Section("Throughput on a database", text, bars)


def prepared(lab: Lab, kind: str) -> str:
    """The URL of a database to which the line has been deployed."""
    url = lab.databases.fresh(kind)
    with Engine(url) as engine:
        engine.deploy(Resource("services.bpmn", diagrams.services(TASKS)))
    return url


def _round(lab: Lab, url: str, count: int, threads: int, waiting: int, instances: int, found: Found) -> None:
    lab.noise.look()
    seconds, used = _run(url, count, threads, waiting=waiting)
    found.jobs.append(waiting * TASKS / seconds)
    found.per_job.append(sum(each.processor for each in used) / waiting / TASKS)
    found.resident = max(each.resident for each in used)
    share = instances // count
    seconds, used = _run(url, count, threads, starts=share)
    found.instances.append(share * count / seconds)
    with processes(count, url, threads=0, starts=share, save_point=False, warm=WARM) as workers:
        for each in workers:
            each.begin()
        found.straight.append(sum(share / each.wait_until_started() for each in workers))


def _run(
    url: str, count: int, threads: int, *, waiting: int = 0, starts: int = 0, waits: float = 0
) -> tuple[float, list[Used]]:
    """Seconds until all instances have ended: those that wait beforehand, and those that each process starts itself."""
    with processes(count, url, threads=threads, starts=starts, warm=WARM, waits=waits) as workers:
        with Engine(url, migrate=False) as engine:
            for number in range(waiting):
                engine.start("services", business_key=f"order-{number}")
        began = time.perf_counter()
        for each in workers:
            each.begin()
        for each in workers:
            each.wait_until_started()
        wait_until_all_have_ended(url)
        seconds = time.perf_counter() - began
        return seconds, [each.stop() for each in workers]


def _saved_table(found: dict[tuple[str, int], Found]) -> str:
    rows = []
    for (kind, count), each in found.items():
        one = found[kind, 1]
        transitions = statistics.median(each.instances) * TRANSITIONS
        rows.append(
            [
                kind,
                str(count),
                spread(each.jobs),
                _beside(each.jobs, one.jobs),
                spread(each.instances),
                rate(transitions),
                _beside(each.instances, one.instances),
                duration(statistics.median(each.per_job)),
                size(each.resident),
            ]
        )
    head = ["Database", "Processes", "Jobs/s", "Beside one", "Instances/s", "Transitions/s", "Beside one"]
    return table([*head, "Processor time a job", "Memory of a process"], rows)


def _waiting_table(found: dict[tuple[str, int], Found]) -> str:
    rounds = {count: found[POSTGRESQL, count].waiting for count in (1, 2)}
    rows = [[str(count), spread(each), _beside(each, rounds[1])] for count, each in rounds.items()]
    return table(["Processes", "Jobs/s", "Beside one"], rows)


def _straight_table(found: dict[tuple[str, int], Found]) -> str:
    rows = [
        [
            kind,
            str(count),
            spread(each.straight),
            rate(statistics.median(each.straight) * TRANSITIONS),
            _beside(each.straight, found[kind, 1].straight),
        ]
        for (kind, count), each in found.items()
    ]
    return table(["Database", "Processes", "Instances/s", "Transitions/s", "Beside one"], rows)


def _beside(values: Sequence[float], one: Sequence[float]) -> str:
    return f"{statistics.median(values) / statistics.median(one):.2f}x"


def _shares(url: str, kind: str, instances: int) -> dict[str, dict[str, float]]:
    with Engine(url, migrate=False) as engine:

        @engine.handler("work")
        def work(job: Job) -> dict[str, int]:
            return {"n": job.activity_id}

        for number in range(instances):
            engine.start("services", business_key=f"order-{number}")
        saved = shares_of(engine.work)
    with Engine(url, migrate=False) as engine:
        engine.handler("work", save_point=False)(work)
        engine.start("services")
        straight = shares_of(lambda: [engine.start("services", business_key="order") for _ in range(instances)])
    return {f"{kind}, save points": saved, f"{kind}, straight through": straight}
