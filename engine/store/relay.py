"""Jobs that are announced to a fleet of workers elsewhere: which are ready, and which have been announced lately.

An announcement stands in the columns of the lease, of a job that nobody holds: *lease_owner* is RELAY, *lease_until*
is when it is announced again if nobody has taken it by then.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

import orjson
from sqlalchemy import Connection, and_, func, or_, select, text, update

from engine.model import JobState
from engine.store import jobs
from engine.store.tables import JOB_IS_ANNOUNCED, JOB_IS_HELD, JOB_IS_READY, job
from engine.store.types import AnyRow
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


class Limited(Protocol):
    """What the limits of handlers let go out now (engine.jobs.limits.Plan). *rooms*: of each limited handler, the job
    types and how many; *admits*: takes a place for one job."""

    @property
    def rooms(self) -> Sequence[Any]: ...
    @property
    def types(self) -> Collection[str]: ...
    def admits(self, job_type: str, names: str, /) -> bool: ...


def has_ready(connection: Connection, now: datetime) -> bool:
    return connection.execute(select(job.c.id).where(_unannounced(now)).limit(1)).first() is not None


def lock(connection: Connection) -> None:
    """Who counts what is announced waits here for who is about to announce more."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:a, :b)"), {"a": 0x6665726D, "b": 1})


def announced(connection: Connection, now: datetime) -> dict[str, int]:
    """How many jobs are announced and not taken, by type."""
    query = select(job.c.type, func.count()).where(text(JOB_IS_ANNOUNCED), job.c.lease_until >= now)
    return {row[0]: row[1] for row in connection.execute(query.group_by(job.c.type))}


def running(connection: Connection) -> dict[str, int]:
    """How many jobs of handlers are held, by type."""
    query = select(job.c.type, func.count()).where(text(JOB_IS_HELD), job.c.kind == "service")
    return {row[0]: row[1] for row in connection.execute(query.group_by(job.c.type))}


def announce(
    connection: Connection,
    now: datetime,
    until: datetime,
    limit: int,
    ahead: int,
    leaves: Callable[[str, str, str], bool],
    limited: Limited,
) -> list[ReadyJob] | None:
    """Up to *limit* due jobs of handlers that are not announced, by priority and due time; none while *ahead* others
    wait to be taken. They count as announced *until* then. *leaves*: as in engine.store.claims.Sharing. None
    where all that were found are left to others: more may stand behind them."""
    if (limit := min(limit, ahead - sum(announced(connection, now).values()))) < 1:
        return []
    rows = _candidates(connection, now, limit, limited)
    left = {row.id for row in rows if leaves(row.type, row.names, row.written_as)}
    jobs.leave(connection, left)
    going = [row for row in rows if row.id not in left and limited.admits(row.type, row.names)]
    ready = [
        ReadyJob(
            row.id,
            tuple(orjson.loads(row.names)),
            row.attempt + 1,
            activity_trace(row.trace, row.instance_id, row.activity_id),
        )
        for row in going
    ]
    _mark(connection, [each.id for each in ready], {"lease_owner": RELAY, "lease_until": until})
    return ready if ready or not left else None


def _candidates(connection: Connection, now: datetime, limit: int, limited: Limited) -> list[AnyRow]:
    """Locked. Of types with limits no more than there is room for, so that none waits behind them."""
    columns = [job.c[name] for name in ("id", "type", "names", "written_as", "attempt", "rank", "due_at", *_OF_TRACES)]
    query = select(*columns).where(_unannounced(now)).order_by(job.c.rank, job.c.due_at, job.c.created_at)
    query = query.with_for_update(skip_locked=True)
    others = query.where(job.c.type.not_in(sorted(limited.types))) if limited.types else query
    rows: list[AnyRow] = list(connection.execute(others.limit(limit)))
    if not limited.types:
        return rows
    for room in limited.rooms:
        if room.count > 0:
            of_room = query.where(job.c.type.in_(sorted(room.types))).limit(min(room.count, limit))
            rows += connection.execute(of_room)
    rows.sort(key=lambda row: (row.rank, row.due_at))
    return rows[:limit]


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
    return and_(text(JOB_IS_READY), job.c.kind == "service", job.c.due_at <= now)


def _unannounced(now: datetime) -> Any:
    return and_(_ready(now), or_(job.c.lease_until.is_(None), job.c.lease_until < now))
