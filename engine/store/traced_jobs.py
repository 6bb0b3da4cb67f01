"""Jobs as those who trace them see them when they go without having been done."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from engine.store.tables import job
from engine.store.values import in_chunks


@dataclass(frozen=True, slots=True)
class TracedJob:
    """Columns of the job table; *trace* is never None."""

    id: str
    instance_id: str
    activity_id: int
    element_id: str
    state: str
    created_at: datetime
    trace: str


def traced_jobs(connection: Connection, ids: Collection[str]) -> list[TracedJob]:
    """Those of handlers, among the jobs with these *ids*, that are part of a trace."""
    columns = [job.c[name] for name in TracedJob.__slots__]
    query = select(*columns).where(job.c.kind == "service", job.c.trace.is_not(None)).order_by(job.c.id)
    return [
        TracedJob(**row)
        for some in in_chunks(sorted(ids))
        for row in connection.execute(query.where(job.c.id.in_(some))).mappings()
    ]
