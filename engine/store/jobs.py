"""The job table: taking jobs under a lease, giving them back, ending their attempts.

A transition names the state it starts from, and the lease token where one is held: a worker whose lease
ran out cannot end a job that another has taken (fencing).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, delete, func, insert, or_, select, update

from engine.errors import Conflict, NotFound
from engine.model import JobState
from engine.store.tables import job, job_attempt, process_definition, process_instance
from engine.store.types import AnyRow
from engine.store.values import insert_missing

_TIMERS = ("timer", "start_timer")
_OPEN = (JobState.AVAILABLE, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to end a job. *token*: None where no worker holds it; *attempt*: 0 where none is recorded."""

    job_id: str
    token: str | None = None
    attempt: int = 0


def claim(
    connection: Connection,
    *,
    now: datetime,
    until: datetime,
    owner: str,
    token: str,
    limit: int,
    except_types: Collection[str] = (),
) -> list[Row[Any]]:
    """Takes up to *limit* due jobs: timers by due time, then the rest by priority and due time."""
    taken: list[Row[Any]] = []
    is_timer = job.c.kind.in_(_TIMERS)
    in_order = (job.c.due_at, job.c.created_at, job.c.instance_id, job.c.activity_id)
    queries = [
        _available(now).where(is_timer).order_by(*in_order),
        _available(now).where(~is_timer).order_by(job.c.rank, *in_order),
    ]
    if except_types:
        queries[1] = queries[1].where(or_(job.c.kind != "service", job.c.type.not_in(sorted(except_types))))
    for query in queries:
        if len(taken) < limit:
            ids = list(connection.execute(query.limit(limit - len(taken)).with_for_update(skip_locked=True)).scalars())
            taken += _lease(connection, ids, now, until, owner, token)
    return taken


def claim_one(
    connection: Connection, job_id: str, *, now: datetime, until: datetime, owner: str, token: str
) -> Row[Any] | None:
    """Takes one job whenever it is due; None when it is not available."""
    query = select(job.c.id).where(job.c.id == job_id, job.c.state == JobState.AVAILABLE, ~job.c.is_suspended)
    ids = list(connection.execute(query.with_for_update(skip_locked=True)).scalars())
    return next(iter(_lease(connection, ids, now, until, owner, token)), None)


LockedJobs = dict[str, tuple[str, str | None]]
"""State and lease token of jobs that this transaction has locked, by id."""


def lock_jobs(connection: Connection, ids: Collection[str]) -> LockedJobs:
    """A worker's batch, or less."""
    query = select(job.c.id, job.c.state, job.c.lease_token).where(job.c.id.in_(sorted(ids))).order_by(job.c.id)
    return {row.id: (row.state, row.lease_token) for row in connection.execute(query.with_for_update())}


def lock_job(connection: Connection, lease: Lease) -> None:
    """Locks one job. Raises Conflict when it is no longer its holder's to end."""
    check_lease(lease, lock_jobs(connection, [lease.job_id]))


def check_lease(lease: Lease, locked: LockedJobs) -> None:
    """Raises Conflict when the job is no longer its holder's to end."""
    row = locked.get(lease.job_id)
    if row is None:
        raise Conflict(f"Job '{lease.job_id}' has ended already.")
    state, token = row
    if lease.token is None and state == JobState.RUNNING:
        raise Conflict(f"Job '{lease.job_id}' is being run by a worker.")
    if lease.token is not None and (state != JobState.RUNNING or token != lease.token):
        raise Conflict(f"Job '{lease.job_id}' was taken over after the lease ran out.")


def release(connection: Connection, lease: Lease, **changes: Any) -> bool:
    """Gives a held job back with *changes* (state, due_at, ...); False when the lease is lost."""
    change = update(job).where(job.c.id == lease.job_id)
    if lease.token is None:
        change = change.where(job.c.state != JobState.RUNNING)
    else:
        change = change.where(job.c.state == JobState.RUNNING, job.c.lease_token == lease.token)
    free: dict[str, Any] = {"lease_token": None, "lease_owner": None, "lease_until": None}
    return connection.execute(change.values(free | changes)).rowcount == 1


def give_back(connection: Connection, leases: Sequence[Lease]) -> None:
    """Jobs that were taken and not begun: available again, as if never taken."""
    for lease in leases:
        if release(connection, lease, state=JobState.AVAILABLE, attempt=job.c.attempt - 1):
            mine = (job_attempt.c.job_id == lease.job_id, job_attempt.c.attempt == lease.attempt)
            connection.execute(delete(job_attempt).where(*mine, job_attempt.c.ended_at.is_(None)))


def extend(connection: Connection, leases: Iterable[Lease], until: datetime) -> None:
    """A sign of life: the leases that are still held last until *until*."""
    rows = [{"the_job": lease.job_id, "the_token": lease.token, "until": until} for lease in leases]
    if rows:
        change = (
            update(job)
            .where(
                job.c.id == bindparam("the_job"),
                job.c.state == JobState.RUNNING,
                job.c.lease_token == bindparam("the_token"),
            )
            .values(lease_until=bindparam("until"))
        )
        connection.execute(change, rows)


def expire(connection: Connection, now: datetime) -> Sequence[AnyRow]:
    """Makes jobs whose lease ran out available again; they are (id, attempt, lost_leases)."""
    return _take_back(connection, now, job.c.lease_until < now)


def has_expired(connection: Connection, now: datetime) -> bool:
    query = select(job.c.id).where(job.c.state == JobState.RUNNING, job.c.lease_until < now).limit(1)
    return connection.execute(query).first() is not None


def owners(connection: Connection) -> list[str]:
    """Who holds jobs."""
    query = select(job.c.lease_owner).where(job.c.state == JobState.RUNNING).distinct()
    return [owner for owner in connection.execute(query).scalars() if owner is not None]


def take_back_from(connection: Connection, now: datetime, gone: Collection[str]) -> Sequence[AnyRow]:
    """As `expire`, for the jobs of owners that are known to be gone."""
    return _take_back(connection, now, job.c.lease_owner.in_(sorted(gone)))


def end_attempts(
    connection: Connection,
    leases: Sequence[Lease],
    at: datetime,
    outcome: str = "completed",
    error: str | None = None,
) -> None:
    """Closes the record of attempts. One that is closed already stays as it is."""
    rows = [{"the_job": lease.job_id, "the_attempt": lease.attempt} for lease in leases if lease.attempt]
    if rows:
        change = (
            update(job_attempt)
            .where(
                job_attempt.c.job_id == bindparam("the_job"),
                job_attempt.c.attempt == bindparam("the_attempt"),
                job_attempt.c.ended_at.is_(None),
            )
            .values(ended_at=at, outcome=outcome, error=error)
        )
        connection.execute(change, rows)


def add_attempt(connection: Connection, row: Row[Any], at: datetime, worker: str, outcome: str, error: str) -> None:
    """Records an attempt that was made outside, begun and ended."""
    ended = {"attempt": row.attempt + 1, "ended_at": at, "outcome": outcome, "error": error}
    insert_missing(connection, job_attempt, [_attempt_row(row, at, worker) | ended])


def find(connection: Connection, job_id: str) -> Row[Any]:
    """Raises NotFound."""
    row = connection.execute(select(job).where(job.c.id == job_id)).first()
    if row is None:
        raise NotFound(f"There is no open job '{job_id}'.")
    return row


def suspend_jobs(connection: Connection, instance_id: str, is_suspended: bool) -> None:
    connection.execute(update(job).where(job.c.instance_id == instance_id).values(is_suspended=is_suspended))


def next_due(connection: Connection, except_types: Collection[str] = ()) -> datetime | None:
    """When the earliest job that waits for a worker is due."""
    query = select(func.min(job.c.due_at)).where(job.c.state == JobState.AVAILABLE, ~job.c.is_suspended)
    if except_types:
        query = query.where(or_(job.c.kind != "service", job.c.type.not_in(sorted(except_types))))
    return connection.execute(query).scalar()


def timer_at(connection: Connection, instance_id: str, element_id: str) -> Row[Any] | None:
    query = select(job).where(job.c.instance_id == instance_id, job.c.element_id == element_id, job.c.kind == "timer")
    return connection.execute(query.order_by(job.c.due_at)).first()


def replace_start_timers(connection: Connection, process_key: str, rows: Sequence[dict[str, Any]]) -> None:
    """The newest version's start timers take the place of its predecessors'."""
    versions = select(process_definition.c.id).where(process_definition.c.key == process_key)
    connection.execute(delete(job).where(job.c.kind == "start_timer", job.c.definition_id.in_(versions)))
    if rows:
        connection.execute(insert(job), rows)


def delete_job(connection: Connection, lease: Lease) -> bool:
    """Ends a held job; False when the lease is lost."""
    change = delete(job).where(job.c.id == lease.job_id, job.c.lease_token == lease.token)
    return connection.execute(change.where(job.c.state == JobState.RUNNING)).rowcount == 1


def context_of(connection: Connection, instance_ids: Collection[str]) -> dict[str, AnyRow]:
    """What a job's handler is told of its instance: process key and business key, by instance id."""
    columns = process_instance.c
    query = select(columns.id, columns.process_key, columns.business_key, columns.definition_id)
    return {row.id: row for row in connection.execute(query.where(columns.id.in_(sorted(set(instance_ids)))))}


def state_of_instance(connection: Connection, instance_id: str) -> str | None:
    query = select(process_instance.c.state).where(process_instance.c.id == instance_id)
    return connection.execute(query).scalar()


def _available(now: datetime) -> Select[Any]:
    return select(job.c.id).where(job.c.state == JobState.AVAILABLE, ~job.c.is_suspended, job.c.due_at <= now)


def _lease(
    connection: Connection, ids: list[str], now: datetime, until: datetime, owner: str, token: str
) -> list[Row[Any]]:
    if not ids:
        return []
    change = (
        update(job)
        .where(job.c.id.in_(ids), job.c.state == JobState.AVAILABLE)
        .values(
            state=JobState.RUNNING,
            attempt=job.c.attempt + 1,
            lease_owner=owner,
            lease_token=token,
            lease_until=until,
        )
        .returning(*job.c)
    )
    order = {job_id: place for place, job_id in enumerate(ids)}
    rows = sorted(connection.execute(change), key=lambda row: order[row.id])
    attempts = [_attempt_row(row, now, owner) for row in rows if row.kind == "service"]
    if attempts:
        connection.execute(insert(job_attempt), attempts)
    return rows


def _attempt_row(row: Row[Any], at: datetime, worker: str) -> dict[str, Any]:
    return {
        "job_id": row.id,
        "attempt": row.attempt,
        "instance_id": row.instance_id,
        "activity_id": row.activity_id,
        "started_at": at,
        "worker": worker,
        "ended_at": None,
        "outcome": None,
        "error": None,
    }


def _take_back(connection: Connection, now: datetime, condition: Any) -> Sequence[AnyRow]:
    change = (
        update(job)
        .where(and_(job.c.state == JobState.RUNNING, condition))
        .values(
            state=JobState.AVAILABLE,
            lost_leases=job.c.lost_leases + 1,
            lease_owner=None,
            lease_token=None,
            lease_until=None,
        )
        .returning(job.c.id, job.c.attempt, job.c.lost_leases)
    )
    return connection.execute(change).all()
