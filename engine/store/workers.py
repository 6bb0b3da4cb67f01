"""Which workers there are: a row for each pool while it runs, and by their leases those that have none."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, func, select, text, update

from engine.model import JobRecord, WorkerRecord
from engine.store.lists import job_of
from engine.store.tables import JOB_IS_HELD, job, worker
from engine.store.types import AnyRow
from engine.store.values import insert_missing


def hear(connection: Connection, record: WorkerRecord) -> None:
    """That it lives; a row is made for one that has none."""
    changes = {"threads": record.threads, "heard_at": record.heard_at}
    if connection.execute(update(worker).where(worker.c.name == record.name).values(changes)).rowcount:
        return
    row = {name: getattr(record, name) for name in ("host", "process_id", "engine_version", "started_at")}
    insert_missing(connection, worker, [{"name": record.name, **row, **changes}])


def forget(connection: Connection, name: str) -> None:
    connection.execute(delete(worker).where(worker.c.name == name))


def forget_silent(connection: Connection, heard_before: datetime) -> None:
    connection.execute(delete(worker).where(worker.c.heard_at < heard_before))


def count_heard(connection: Connection, since: datetime) -> int:
    return connection.execute(select(func.count()).select_from(worker).where(worker.c.heard_at >= since)).scalar_one()


def listed(connection: Connection, alive_since: datetime) -> list[WorkerRecord]:
    """By name; those that only hold leases last."""
    held = _held(connection)
    rows = connection.execute(select(worker).order_by(worker.c.name)).all()
    found = [_record(row, held.pop(row.name, {}), alive_since) for row in rows]
    return [*found, *(WorkerRecord(name, holds=types) for name, types in sorted(held.items()))]


def held_jobs(connection: Connection, limit: int) -> list[JobRecord]:
    """Those under a lease, by who holds them and since when they wait."""
    query = select(job).where(text(JOB_IS_HELD), job.c.lease_owner.is_not(None))
    in_order = query.order_by(job.c.lease_owner, job.c.due_at, job.c.id).limit(limit)
    return [job_of(row) for row in connection.execute(in_order)]


def _record(row: AnyRow, holds: dict[str, int], alive_since: datetime) -> WorkerRecord:
    return WorkerRecord(
        name=row.name,
        host=row.host,
        process_id=row.process_id,
        engine_version=row.engine_version,
        threads=row.threads,
        started_at=row.started_at,
        heard_at=row.heard_at,
        is_alive=row.heard_at >= alive_since,
        holds=holds,
    )


def _held(connection: Connection) -> dict[str, dict[str, int]]:
    """By who holds them and by type, how many jobs."""
    columns = (job.c.lease_owner, job.c.type)
    query = select(*columns, func.count()).where(text(JOB_IS_HELD), job.c.lease_owner.is_not(None))
    held: dict[str, dict[str, int]] = {}
    for owner, type, count in connection.execute(query.group_by(*columns).order_by(*columns)):
        held.setdefault(owner, {})[type] = count
    return held
