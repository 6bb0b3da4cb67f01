"""Jobs that are announced to a fleet of workers elsewhere: which are ready, and which have been announced lately.

An announcement stands in the columns of the lease, of a job that nobody holds: *lease_owner* is RELAY, *lease_until*
is when it is announced again if nobody has taken it by then.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection, and_, func, or_, select, update

from engine.model import JobState
from engine.store import jobs
from engine.store.tables import job
from engine.telemetry import activity_trace

RELAY: Final = "relay"
_OF_TRACES: Final = ("trace", "instance_id", "activity_id")


@dataclass(frozen=True, slots=True)
class ReadyJob:
    """*names*: all that it goes by; *attempt*: the one that comes, 1-based; *traceparent*: of the span that it belongs
    below, where traces are made."""

    id: str
    names: tuple[str, ...]
    attempt: int
    traceparent: str | None = None


def has_ready(connection: Connection, now: datetime) -> bool:
    return connection.execute(select(job.c.id).where(_unannounced(now)).limit(1)).first() is not None


def announce(
    connection: Connection,
    now: datetime,
    until: datetime,
    limit: int,
    ahead: int,
    leaves: Callable[[str, str, str], bool],
) -> list[ReadyJob] | None:
    """Up to *limit* due jobs of handlers that are not announced, by priority and due time; none while *ahead* others
    wait to be taken. They count as announced *until* then. *leaves*: as in engine.store.claims.Sharing. None
    where all that were found are left to others: more may stand behind them."""
    announced = select(job.c.id).where(_ready(now), job.c.lease_until >= now).limit(ahead).subquery()
    room = ahead - (connection.execute(select(func.count()).select_from(announced)).scalar() or 0)
    if (limit := min(limit, room)) < 1:
        return []
    columns = [job.c[name] for name in ("id", "type", "names", "written_as", "attempt", *_OF_TRACES)]
    query = select(*columns).where(_unannounced(now)).order_by(job.c.rank, job.c.due_at, job.c.created_at)
    rows = connection.execute(query.limit(limit).with_for_update(skip_locked=True)).all()
    left = {row.id for row in rows if leaves(row.type, row.names, row.written_as)}
    jobs.leave(connection, left)
    ready = [
        ReadyJob(
            row.id,
            tuple(orjson.loads(row.names)),
            row.attempt + 1,
            activity_trace(row.trace, row.instance_id, row.activity_id),
        )
        for row in rows
        if row.id not in left
    ]
    _mark(connection, [each.id for each in ready], {"lease_owner": RELAY, "lease_until": until})
    return ready if ready or not left else None


def withdraw(connection: Connection, job_ids: Collection[str]) -> None:
    """As if they had not been announced, where nobody has taken them."""
    _mark(connection, job_ids, {"lease_owner": None, "lease_until": None})


def claim_due(connection: Connection, job_id: str, hold: jobs.Hold) -> jobs.TakenJob | None:
    """Takes one job if it waits and is due; None where it does not, whoever took it or ended it."""
    query = select(job.c.id).where(job.c.id == job_id, _ready(hold.at)).with_for_update(skip_locked=True)
    return next(iter(jobs.take(connection, list(connection.execute(query).scalars()), hold)), None)


def _mark(connection: Connection, job_ids: Collection[str], values: dict[str, Any]) -> None:
    if job_ids:
        change = update(job).where(job.c.id.in_(sorted(job_ids)), job.c.state == JobState.AVAILABLE)
        connection.execute(change.values(values))


def _ready(now: datetime) -> Any:
    return and_(
        job.c.state == JobState.AVAILABLE,
        ~job.c.is_suspended,
        ~job.c.is_external,
        job.c.kind == "service",
        job.c.due_at <= now,
    )


def _unannounced(now: datetime) -> Any:
    return and_(_ready(now), or_(job.c.lease_until.is_(None), job.c.lease_until < now))
