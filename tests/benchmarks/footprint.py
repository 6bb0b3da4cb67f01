"""What an instance takes: bytes in the database by table, memory while it is kept hot; and what it costs to resume one
that nobody has in memory, however long it has run."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, text

from engine import Engine, Job, Resource
from engine.store import tables
from tests.benchmarks import diagrams
from tests.benchmarks.lab import POSTGRESQL, SQLITE, Lab, outside_transactions
from tests.benchmarks.markdown import duration, size, table
from tests.benchmarks.results import Bar, Section, at_most
from tests.benchmarks.throughput import TASKS, prepared

ROOT = Path(__file__).resolve().parents[2]
STEPS = {10: 15, 1000: 15, 10_000: 3}
"""How old the instances are that are resumed, and how many there are of each age."""
ROUNDS = 15
STEPS_A_TURN = 10

Result = TypeVar("Result")

TEXT = """**Resuming.** An instance loops through {steps} script tasks and a user task. A fresh engine, to which its
diagram is known and the instance is not, completes the user task: the state is read, decoded, moved on by {steps}
steps, and written in one commit. *Hot*: the same engine does it again. *Saved*: bytes that lie in the database for the
next load (its state and variables; history is not read). The ages take turns, in one database; medians of {rounds}
rounds with {counts} instances, wall time.

{resuming}

**Bytes in the database** of one ended instance of the line of {tasks} service tasks with a save point and a variable
each, full history: averages of {instances:,}, indexes included, by table.

{bytes}

**Memory.** A live instance of that line that waits at its first task and is kept hot takes {hot} of resident memory
(average of {held:,}; up to 4,096 instances or 32 million characters of state are kept). A process with an engine and
nothing to do takes {process}; what a worker process takes under load stands with the throughput.
"""


@dataclass(frozen=True, slots=True)
class Resumed:
    """Seconds of a turn cold and hot; bytes that were saved."""

    steps: int
    cold: float
    hot: float
    saved: float


def measure(lab: Lab) -> Section:
    ages, rounds = lab.pick((STEPS, ROUNDS), ({10: 3, 100: 1}, 3))
    instances, held = lab.pick(500, 50), lab.pick(2000, 300)
    resuming: list[list[str]] = []
    bars: list[Bar] = []
    sizes: dict[str, dict[str, float]] = {}
    for kind in (SQLITE, POSTGRESQL):
        lab.noise.look()
        found = _resumed(lab, kind, ages, rounds)
        resuming += [
            [kind, f"{each.steps:,}", duration(each.cold), duration(each.hot), size(each.saved)] for each in found
        ]
        first, last = found[0], found[-1]
        bars.append(at_most(f"resuming after {last.steps:,} steps beside 10, {kind}", last.cold / first.cold, 1.2))
        sizes[kind] = _bytes(lab, kind, instances)
    process, hot = _memory(held)
    content = TEXT.format(
        steps=STEPS_A_TURN,
        rounds=rounds,
        counts=", ".join(map(str, ages.values())),
        tasks=TASKS,
        instances=instances,
        resuming=table(["Database", "After steps", "Cold", "Hot", "Saved"], resuming),
        bytes=_size_table(sizes),
        hot=size(hot),
        held=held,
        process=size(process),
    )
    return Section("What an instance takes", content, bars)


def _resumed(lab: Lab, kind: str, ages: Mapping[int, int], rounds: int) -> list[Resumed]:
    """Each round has an engine of its own, that has seen no instance but one of another age."""
    url = lab.databases.fresh(kind)
    old: dict[int, list[str]] = {}
    with Engine(url) as engine:
        engine.deploy(Resource("loop.bpmn", diagrams.long_loop(STEPS_A_TURN)))
        for steps, count in ages.items():
            old[steps] = [_grown(engine, steps) for _ in range(count)]
        others = [_grown(engine, STEPS_A_TURN) for _ in range(rounds)]
    cold: dict[int, list[float]] = {steps: [] for steps in ages}
    hot: dict[int, list[float]] = {steps: [] for steps in ages}
    for number, other in enumerate(others):
        with Engine(url, migrate=False) as engine:
            _turn(engine, other)  # reads and compiles the diagram
            first = number % len(ages)
            for steps in (*[*ages][first:], *[*ages][:first]):
                ids = old[steps]
                cold[steps].append(_turn(engine, ids[number % len(ids)]))
                hot[steps].append(_turn(engine, ids[number % len(ids)]))
    saved = {steps: _on(url, lambda connection, ids=ids: _saved(connection, ids)) for steps, ids in old.items()}
    lab.databases.drop(url)
    return [
        Resumed(steps, statistics.median(cold[steps]), statistics.median(hot[steps]), saved[steps]) for steps in ages
    ]


def _grown(engine: Engine, steps: int) -> str:
    """An instance so old."""
    found = engine.start("benchmark", variables={"payload": "x" * 200}).id
    for _ in range(steps // STEPS_A_TURN - 1):
        _turn(engine, found)
    return found


def _turn(engine: Engine, instance_id: str) -> float:
    """Seconds for completing the user task that is open."""
    task = engine.read.tasks(instance_id=instance_id).items[0]
    began = time.perf_counter()
    engine.complete(task.id)
    return time.perf_counter() - began


def _saved(connection: Connection, ids: list[str]) -> float:
    parts = ("length(root) FROM process_instance WHERE id", "length(data) FROM instance_state WHERE instance_id")
    variables = "length(name) + length(value) FROM variable WHERE instance_id"
    queries = [text(f"SELECT {part} = :id") for part in (*parts, variables)]
    return statistics.mean(
        sum(int(row[0]) for query in queries for row in connection.execute(query, {"id": each})) for each in ids
    )


def _bytes(lab: Lab, kind: str, instances: int) -> dict[str, float]:
    """Per ended instance, by table."""
    url = prepared(lab, kind)
    with Engine(url, migrate=False) as engine:

        @engine.handler("work")
        def work(job: Job) -> dict[str, int]:
            return {f"result_{job.element_id}": job.activity_id}

        before = _on(url, _table_sizes)
        for number in range(instances):
            engine.start("services", business_key=f"order-{number}")
        engine.work()
    after = _on(url, _table_sizes)
    lab.databases.drop(url)
    return {name: (after[name] - before[name]) / instances for name in after}


def _table_sizes(connection: Connection) -> dict[str, int]:
    """Bytes of each table with its indexes, without what could be used again."""
    names = [each.name for each in tables.metadata.sorted_tables]
    if connection.dialect.name == "sqlite":
        connection.execute(text("VACUUM"))
        query = "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_master m ON m.name = s.name GROUP BY 1"
        found = {row[0]: int(row[1]) for row in connection.execute(text(query))}
        return {name: found.get(name, 0) for name in names}
    connection.execute(text("VACUUM FULL"))
    size_of = text(  # partitions have their rows, not the table they are of
        "SELECT pg_total_relation_size(to_regclass(:name)) + coalesce((SELECT sum(pg_total_relation_size(relid)) "
        "FROM pg_partition_tree(to_regclass(:name)) WHERE isleaf), 0)"
    )
    return {name: int(connection.execute(size_of, {"name": name}).scalar() or 0) for name in names}


def _size_table(sizes: dict[str, dict[str, float]]) -> str:
    kinds = list(sizes)
    names = sorted({name for each in sizes.values() for name in each}, key=lambda name: -sizes[kinds[0]].get(name, 0))
    rows = [
        [f"`{name}`", *(size(sizes[kind].get(name, 0)) for kind in kinds)]
        for name in names
        if any(sizes[kind].get(name, 0) >= 1 for kind in kinds)
    ]
    total = ["**together**", *(f"**{size(sum(sizes[kind].values()))}**" for kind in kinds)]
    return table(["Table", *kinds], [*rows, total])


def _on(url: str, run: Callable[[Connection], Result]) -> Result:
    with outside_transactions(url) as connection:
        return run(connection)


def _memory(held: int) -> tuple[float, float]:
    """Resident bytes of a process with an idle engine, and of each instance that it keeps; in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.footprint", str(held)]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=300).stdout
    found = json.loads(said)
    return found["process"], found["instance"]


def _hold(count: int) -> None:
    with Engine("sqlite://") as engine:
        engine.deploy(Resource("services.bpmn", diagrams.services(TASKS)))
        process = _resident()
        for _ in range(count // 4):  # what grows with the first of them only
            engine.start("services")
        before = _resident()
        for _ in range(count):
            engine.start("services")
        print(json.dumps({"process": process, "instance": (_resident() - before) / count}))


def _resident() -> int:
    """Bytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) * 1024


if __name__ == "__main__":
    _hold(int(sys.argv[1]))
