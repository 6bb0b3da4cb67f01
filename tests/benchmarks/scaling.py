"""`python -m tests.benchmarks.scaling`: measures what instances cost on a PostgreSQL of its own and writes
docs/scaling.md. Takes some minutes; `--quick` measures little and writes nothing."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection, make_url, text

from engine import Engine, Job, Resource
from engine import partitions as keeper
from engine.clock import VirtualClock
from engine.retention import Retention
from engine.store import partitions
from tests.benchmarks import diagrams
from tests.benchmarks.capacity import HISTORY, Costs, Removing, Running, Stored, TableCost
from tests.benchmarks.copies import tables_of_instances
from tests.benchmarks.lab import POSTGRESQL, Databases, outside_transactions, wait_until_all_have_ended
from tests.benchmarks.scaling_page import Dropped, Found, Wave, page
from tests.benchmarks.server_use import Use, Watched, flush_here
from tests.benchmarks.worker import processes

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scaling.md"
WAITING = Path(__file__).resolve().parents[1] / "engine" / "store" / "waiting.bpmn"
TASKS = 10
THREADS = 4
MOST_WORKERS = 2
"""Processes."""
ENOUGH = 90.0
"""Seconds after which no other round is begun, on a machine that is slow or busy."""
ORDER = {"order": {"id": "A-4711", "lines": [{"article": f"B-{n:04}", "count": n, "price": 9.95} for n in range(5)]}}
"""About 250 characters of JSON."""

Sizes = Mapping[str, tuple[float, float, float]]
"""Of each table: rows, bytes, bytes of indexes."""


@dataclass(frozen=True, slots=True)
class Bench:
    """*count*: instances of one wave."""

    url: str
    watched: Watched
    count: int

    def engine(self) -> Engine:
        """Whatever has ended is due to be removed."""
        return Engine(self.url, history_time_to_live=timedelta())


def main() -> int:
    is_quick = "--quick" in sys.argv[1:]
    with TemporaryDirectory(prefix="fermata-scaling-") as folder:
        databases = Databases(Path(folder))
        try:
            found = _measure(databases, Path(folder), *((60, 1) if is_quick else (1_500, 2)))
        finally:
            databases.close()
    text = page(found)
    print(text)
    if not is_quick:
        PAGE.write_text(text, encoding="utf-8")
    return 0


def _measure(databases: Databases, folder: Path, count: int, rounds: int) -> Found:
    url = databases.fresh(POSTGRESQL)
    server = make_url(url).set(database="postgres").render_as_string(hide_password=False)
    bench = Bench(url, Watched(server, folder / "postgresql"), count)
    with bench.engine() as engine:
        engine.deploy(Resource("services.bpmn", diagrams.services(TASKS)), WAITING)
        engine.cleanup()  # makes the partitions
    began = time.perf_counter()
    _wave(bench, 1)
    waves: dict[int, Wave] = {}
    before = _vacuumed(bench)
    for number in range(rounds * MOST_WORKERS):
        workers = number % MOST_WORKERS + 1
        fresh = _wave(bench, workers)
        waves[workers] = waves[workers] + fresh if workers in waves else fresh
        unswept, after = _sizes(bench), _vacuumed(bench)
        if workers == MOST_WORKERS and time.perf_counter() - began > ENOUGH:
            break
    instances = sum(wave.count for wave in waves.values())
    straight = _straight(bench)
    read_seconds = _reading(bench)
    flush = flush_here(folder)
    row_by_row = _remove(bench)
    dropped, in_partitions = _drop(bench)
    return Found(
        version=databases.postgresql_version,
        cores=os.cpu_count() or 1,
        instances=instances,
        waves=waves,
        straight=straight,
        flush_here=flush,
        unswept=_bytes(unswept) / _bytes(after),
        dropped=dropped,
        costs=Costs(
            ended=_each(before, after, instances),
            waiting=_waiting(bench),
            running=running_of(waves[max(waves)]),
            row_by_row=row_by_row,
            in_partitions=in_partitions,
            read_seconds=read_seconds,
        ),
        costs_straight=running_of(straight),
    )


def running_of(wave: Wave) -> Running:
    """Of one instance."""
    used, count = wave.start_use + wave.work_use, wave.count
    return Running(
        server_seconds=used.processor / count,
        worker_seconds=(wave.start_processor + wave.work_processor) / count,
        flushes=used.flushes / count,
        flush_seconds=used.flush_seconds / used.flushes,
        log_bytes=used.log_bytes / count,
        written_bytes=used.written_bytes / count,
    )


def _wave(bench: Bench, workers: int) -> Wave:
    """Instances are started by one process, then worker processes do their jobs, a save point after each."""
    before = bench.watched.look()
    processor, began = time.process_time(), time.perf_counter()
    with Engine(bench.url, migrate=False) as engine:
        _start_all(engine, bench.count)
    start_seconds, processor = time.perf_counter() - began, time.process_time() - processor
    started = bench.watched.look()
    with processes(workers, bench.url, by_element=True) as each:
        began = time.perf_counter()
        for process in each:
            process.begin()
        for process in each:
            process.wait_until_started()
        wait_until_all_have_ended(bench.url)
        seconds = time.perf_counter() - began
        used = [process.stop() for process in each]
    return Wave(
        count=bench.count,
        start_seconds=start_seconds,
        start_processor=processor,
        start_use=started - before,
        work_seconds=seconds,
        work_processor=sum(one.processor for one in used),
        work_use=bench.watched.look() - started,
    )


def _straight(bench: Bench) -> Wave:
    """The same without save points between: one commit an instance."""
    before = bench.watched.look()
    processor, began = time.process_time(), time.perf_counter()
    with Engine(bench.url, migrate=False) as engine:

        @engine.handler("work", save_point=False)
        def work(job: Job) -> dict[str, int]:
            return {job.element_id: job.activity_id}

        _start_all(engine, bench.count)
    seconds, processor = time.perf_counter() - began, time.process_time() - processor
    used = bench.watched.look() - before
    return Wave(bench.count, seconds, processor, used, 0.0, 0.0, used - used)


def _start_all(engine: Engine, count: int) -> None:
    """By several threads, as requests come: commits that meet share a flush."""

    def start(number: int) -> str:
        return engine.start("services", business_key=f"order-{number}", variables=ORDER).id

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(start, range(count)))


def _reading(bench: Bench) -> float:
    """Seconds of the server's processor for an instance as a page shows it."""
    with Engine(bench.url, migrate=False) as engine:
        ids = [each.id for each in engine.read.instances(limit=min(bench.count, 300)).items]
    before = bench.watched.look()
    with Engine(bench.url, migrate=False) as engine:
        for instance_id in ids:
            engine.read.instance(instance_id)
            engine.read.history(instance_id)
            engine.read.jobs(instance_id=instance_id)
    return (bench.watched.look() - before).processor / len(ids)


def _waiting(bench: Bench) -> Stored:
    before = _vacuumed(bench)
    with Engine(bench.url, migrate=False) as engine:
        for number in range(bench.count):
            variables = {"order": f"O-{number}", "content": ORDER["order"]}
            engine.start("waiting", business_key=f"order-{number}", variables=variables)
    return _each(before, _vacuumed(bench), bench.count)


def _remove(bench: Bench) -> Removing:
    """Row by row, as many as one wave brought."""
    before = bench.watched.look()
    with bench.engine() as engine:
        seconds = _seconds(lambda: engine.cleanup(limit=bench.count))
    return _removing(bench.count, bench.count / seconds, bench.watched.look() - before)


def _drop(bench: Bench) -> tuple[Dropped, Removing]:
    """The cleanup of all that there is, months later, when its partition may go."""
    rows = sum(int(count) for name, (count, *_) in _sizes(bench).items() if name in HISTORY)
    drops: list[float] = []
    real, large = partitions.replace, keeper.LARGE

    def timed(connection: Connection, table: str, run: Sequence[partitions.Span]) -> bool:
        started = time.perf_counter()
        done = real(connection, table, run)
        drops.append(time.perf_counter() - started)
        return done

    before = bench.watched.look()
    with bench.engine() as engine:
        later = VirtualClock(engine.clock.now() + timedelta(days=70))
        retention = Retention(engine.store, engine.ids, later, timedelta())
        try:
            partitions.replace, keeper.LARGE = timed, 1  # as in a large database
            started = time.perf_counter()
            count = retention.cleanup(None, by="benchmark", is_dry_run=False).instances
            seconds = time.perf_counter() - started
        finally:
            partitions.replace, keeper.LARGE = real, large
    dropped = Dropped(count, rows, seconds - sum(drops), sum(drops), max(drops))
    return dropped, _removing(count, count / dropped.left_seconds, bench.watched.look() - before)


def _removing(count: int, per_second: float, used: Use) -> Removing:
    return Removing(per_second, used.processor / count, used.log_bytes / count, used.written_bytes / count)


def _vacuumed(bench: Bench) -> Sizes:
    """As autovacuum does from time to time."""
    with outside_transactions(bench.url) as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return _sizes(bench)


def _sizes(bench: Bench) -> Sizes:
    found: dict[str, tuple[float, float, float]] = {}
    with outside_transactions(bench.url) as connection:
        for table in tables_of_instances():
            tree = f"(SELECT '{table.name}'::regclass AS one UNION SELECT relid FROM pg_partition_tree('{table.name}'))"
            sizes = f"(SELECT sum(pg_table_size(one)) FROM {tree} t), (SELECT sum(pg_indexes_size(one)) FROM {tree} t)"
            row = connection.execute(text(f"SELECT (SELECT count(*) FROM {table.name}), {sizes}")).one()
            found[table.name] = (float(row[0]), float(row[1]), float(row[2]))
    return found


def _each(before: Sizes, after: Sizes, count: int) -> Stored:
    """What one of *count* instances added. Tables of what only lives for a while have no more rows than before: what
    they take does not grow with the instances."""
    grown = {
        name: [(now - then) / count for now, then in zip(after[name], before[name], strict=True)] for name in after
    }
    return Stored({name: TableCost(*costs) for name, costs in grown.items() if costs[0] > 0})


def _bytes(sizes: Sizes) -> float:
    return sum(size + of_indexes for _, size, of_indexes in sizes.values())


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
