"""The job table: taking jobs under a lease, giving them back, ending their attempts.

A transition names the state it starts from, and the lease token where one is held: a worker whose lease
ran out cannot end a job that another has taken (fencing).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, bindparam, delete, insert, or_, select, text, update

from engine.errors import Conflict, NotFound
from engine.model import JobState
from engine.record import record
from engine.store import bulk
from engine.store.among import among
from engine.store.asking import Answer, Question, ask
from engine.store.tables import (
    JOB_IS_HELD,
    job,
    job_attempt,
    process_definition,
    process_instance,
)
from engine.store.types import AnyRow
from engine.store.values import insert_missing

LEASE: Final = timedelta(seconds=30)
_OPEN = (JobState.AVAILABLE, JobState.RUNNING)


@record
class Lease:
    """The right to end a job. *token*: None where no worker holds it; *attempt*: 0 where none is recorded."""

    job_id: str
    token: str | None = None
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class OverlongLease:
    """A lease as it was seen: renewed, it is another one."""

    job_id: str
    token: str | None
    until: datetime


@record
class TakenJob:
    """A job's row as a worker holds it; columns of the same names."""

    id: str
    instance_id: str
    definition_id: str | None
    activity_id: int
    element_id: str
    kind: str
    type: str
    names: str
    written_as: str
    line: int
    rank: int
    created_at: datetime
    due_at: datetime
    state: str
    attempt: int
    retries: int | None
    retries_left: int | None
    retry_cycle: str | None
    lost_leases: int
    lease_token: str | None
    lease_owner: str | None
    headers: str
    parameters: str
    scopes: str
    trace: str | None = None
    is_external: bool = False
    is_exclusive: bool = False

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> TakenJob:
        return cls(*_values_of(row))


_FIELDS: Final = tuple(field.name for field in fields(TakenJob))
_values_of = itemgetter(*_FIELDS)


def waiting_state(row: TakenJob) -> JobState:
    """Of a job that is put back under its instance's lock; an exclusive one waits until it is given the turn
    (engine.store.turns)."""
    return JobState.QUEUED if row.is_exclusive else JobState.AVAILABLE


def leased(row: TakenJob) -> dict[str, Any]:
    """The columns of a job in which *row*, held from the start, differs from one that waits."""
    names = ("state", "attempt", "lease_owner", "lease_token")
    return {name: getattr(row, name) for name in names} | {"lease_until": row.created_at + LEASE}


@record
class Hold:
    """A worker's grip on the jobs that it takes at once."""

    owner: str
    token: str
    at: datetime
    until: datetime

    def on(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The columns that change when the job *row* is taken."""
        return {
            "state": JobState.RUNNING,
            "attempt": row["attempt"] + 1,
            "lease_owner": self.owner,
            "lease_token": self.token,
            "lease_until": self.until,
        }


def standing(connection: Connection, leases: Collection[Lease]) -> set[str]:
    """The ids of the jobs that are still there and still held under *leases*."""
    tokens = {lease.job_id: lease.token for lease in leases}
    query = select(job.c.id, job.c.lease_token).where(job.c.id.in_(sorted(tokens)), job.c.state == JobState.RUNNING)
    return {row.id for row in connection.execute(query) if row.lease_token == tokens[row.id]}


def leave(connection: Connection, ids: Collection[str]) -> None:
    """From now on these jobs wait for workers elsewhere."""
    if ids:
        connection.execute(update(job).where(job.c.id.in_(sorted(ids))).values(is_external=True))


def leave_held(connection: Connection, lease: Lease) -> None:
    """A job that was taken, and that only workers elsewhere can do: as if it had been left to them at once."""
    give_back(connection, [lease])
    leave(connection, [lease.job_id])


def claim_one(connection: Connection, job_id: str, hold: Hold) -> TakenJob | None:
    """Takes one job whenever it is due; None when it is not available."""
    query = select(job.c.id).where(job.c.id == job_id, job.c.state == JobState.AVAILABLE, ~job.c.is_suspended)
    ids = list(connection.execute(query.with_for_update(skip_locked=True)).scalars())
    return next(iter(take(connection, ids, hold)), None)


def begin_attempts(connection: Connection, taken: Iterable[TakenJob], at: datetime) -> None:
    """Records that jobs of handlers are being worked on."""
    if attempts := [attempt_row(row, at, row.lease_owner or "") for row in taken if row.kind == "service"]:
        bulk.send(connection, [bulk.inserts(connection, job_attempt, attempts)])


LockedJobs = dict[str, tuple[str, str | None, bool]]
"""Of jobs that this transaction has locked, by id: state, lease token, and whether it is exclusive."""


def locking(ids: Iterable[str]) -> Question:
    """Of a worker's batch, or less: the rows of `locked`."""
    return Question(_LOCK, {"ids": sorted(ids)})


def locked(rows: Answer) -> LockedJobs:
    return {job_id: (state, token, is_exclusive) for job_id, state, token, is_exclusive in rows}


def lock_jobs(connection: Connection, ids: Iterable[str]) -> LockedJobs:
    return locked(ask(connection, locking(ids))[0])


def lock_job(connection: Connection, lease: Lease) -> None:
    """Locks one job. Raises Conflict when it is no longer its holder's to end."""
    check_lease(lease, lock_jobs(connection, [lease.job_id]))


def check_lease(lease: Lease, locked: LockedJobs) -> None:
    """Raises Conflict when the job is no longer its holder's to end."""
    row = locked.get(lease.job_id)
    if row is None:
        raise Conflict(f"Job '{lease.job_id}' has ended already.")
    state, token, _ = row
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
    """Jobs that were taken and not begun: available again, as if never taken. In the order in which jobs are locked."""
    for lease in sorted(leases, key=lambda lease: lease.job_id):
        if release(connection, lease, state=JobState.AVAILABLE, attempt=job.c.attempt - 1):
            mine = (job_attempt.c.job_id == lease.job_id, job_attempt.c.attempt == lease.attempt)
            connection.execute(delete(job_attempt).where(*mine, job_attempt.c.ended_at.is_(None)))


def extend(connection: Connection, leases: Iterable[Lease], until: datetime) -> None:
    """A sign of life: the leases that are still held last until *until*. In the order in which jobs are locked."""
    in_order = sorted(leases, key=lambda lease: lease.job_id)
    rows = [{"the_job": lease.job_id, "the_token": lease.token, "until": until} for lease in in_order]
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
    return _take_back(connection, job.c.lease_until < now)


def has_expired(connection: Connection, now: datetime) -> bool:
    query = select(job.c.id).where(text(JOB_IS_HELD), job.c.lease_until < now).limit(1)
    return connection.execute(query).first() is not None


def overlong(
    connection: Connection, beyond: datetime, beyond_elsewhere: datetime, limit: int = 1000
) -> list[OverlongLease]:
    """Leases that last until after *beyond*; of workers elsewhere, until after *beyond_elsewhere*."""
    query = select(job.c.id, job.c.lease_token, job.c.lease_until).where(text(JOB_IS_HELD), job.c.lease_until > beyond)
    query = query.where(or_(~job.c.is_external, job.c.lease_until > beyond_elsewhere))
    return [OverlongLease(*row) for row in connection.execute(query.order_by(job.c.lease_until.desc()).limit(limit))]


def owners(connection: Connection) -> list[str]:
    """Who holds jobs."""
    query = select(job.c.lease_owner).where(text(JOB_IS_HELD)).distinct()
    return [owner for owner in connection.execute(query).scalars() if owner is not None]


def take_back(connection: Connection, leases: Iterable[OverlongLease]) -> list[AnyRow]:
    """As `expire`, for leases that still are as they were seen."""
    lost: list[AnyRow] = []
    for lease in leases:
        is_same = (job.c.id == lease.job_id, job.c.lease_token == lease.token, job.c.lease_until == lease.until)
        lost += _take_back(connection, and_(*is_same))
    return lost


def take_back_from(connection: Connection, gone: Collection[str]) -> Sequence[AnyRow]:
    """As `expire`, for the jobs of owners that are known to be gone."""
    return _take_back(connection, job.c.lease_owner.in_(sorted(gone)))


def end_attempts(
    connection: Connection,
    leases: Sequence[Lease],
    at: datetime,
    outcome: str = "completed",
    error: str | None = None,
) -> None:
    """Closes the record of attempts. One that is closed already stays as it is."""
    bulk.send(connection, [*ends_of_attempts(connection, leases, at, outcome, error)])


def ends_of_attempts(
    connection: Connection, leases: Sequence[Lease], at: datetime, outcome: str, error: str | None = None
) -> Iterator[bulk.Write]:
    """What `end_attempts` writes."""
    ended = {"ended_at": at, "outcome": outcome, "error": error}
    if changes := [((lease.job_id, lease.attempt), ended) for lease in leases if lease.attempt]:
        yield from bulk.updates(
            connection, job_attempt, tuple(ended), changes, only_where="job_attempt.ended_at IS NULL"
        )


def stop_attempts(connection: Connection, job_id: str, at: datetime) -> None:
    """Closes the record of what still runs of a job that is given up: its worker may be gone, and say no more."""
    is_open = (job_attempt.c.job_id == job_id) & job_attempt.c.ended_at.is_(None)
    connection.execute(update(job_attempt).where(is_open).values(ended_at=at, outcome="discarded"))


def add_attempt(connection: Connection, row: TakenJob, at: datetime, worker: str, outcome: str, error: str) -> None:
    """Records an attempt that was made outside, begun and ended."""
    ended = {"attempt": row.attempt + 1, "ended_at": at, "outcome": outcome, "error": error}
    insert_missing(connection, job_attempt, [attempt_row(row, at, worker) | ended])


def find(connection: Connection, job_id: str) -> TakenJob:
    """Raises NotFound."""
    row = connection.execute(select(*(job.c[name] for name in _FIELDS)).where(job.c.id == job_id)).first()
    if row is None:
        raise NotFound(f"There is no open job '{job_id}'.")
    return TakenJob(*row)


def suspend_jobs(connection: Connection, instance_id: str, is_suspended: bool) -> None:
    connection.execute(update(job).where(job.c.instance_id == instance_id).values(is_suspended=is_suspended))


def suspend_job(connection: Connection, job_id: str, is_suspended: bool) -> None:
    connection.execute(update(job).where(job.c.id == job_id).values(is_suspended=is_suspended))


def remove(connection: Connection, job_id: str) -> None:
    """Whoever holds it."""
    connection.execute(delete(job).where(job.c.id == job_id))


def is_deferred(connection: Connection, instance_id: str, activity_id: int) -> bool:
    """Whether a command for an activity waits until its instance goes on, or can take it in."""
    query = select(job.c.id).where(job.c.instance_id == instance_id, job.c.activity_id == activity_id)
    return connection.execute(query.where(job.c.kind == "deferred").limit(1)).first() is not None


def forget_held(connection: Connection, instance_id: str, activity_id: int) -> list[str]:
    """Drops the commands that an activity could not take in; the ids of their jobs."""
    gone = delete(job).where(job.c.instance_id == instance_id, job.c.activity_id == activity_id)
    gone = gone.where(job.c.kind == "deferred", job.c.state == JobState.FAILED)
    return list(connection.execute(gone.returning(job.c.id)).scalars())


def timer_at(connection: Connection, instance_id: str, element_id: str) -> Row[Any] | None:
    query = select(job).where(job.c.instance_id == instance_id, job.c.element_id == element_id, job.c.kind == "timer")
    return connection.execute(query.order_by(job.c.due_at)).first()


def replace_start_timers(connection: Connection, process_key: str, rows: Sequence[dict[str, Any]]) -> None:
    """The newest version's start timers take the place of its predecessors', and of deliveries that failed."""
    versions = select(process_definition.c.id).where(process_definition.c.key == process_key)
    is_over = or_(job.c.kind == "start_timer", and_(job.c.kind == "delivery", job.c.state == JobState.FAILED))
    connection.execute(delete(job).where(job.c.definition_id.in_(versions), is_over))
    if rows:
        connection.execute(insert(job), rows)


def add_job(connection: Connection, row: dict[str, Any]) -> None:
    connection.execute(insert(job), [row])


def delete_job(connection: Connection, lease: Lease) -> bool:
    """Ends a held job; False when the lease is lost."""
    change = delete(job).where(job.c.id == lease.job_id, job.c.lease_token == lease.token)
    return connection.execute(change.where(job.c.state == JobState.RUNNING)).rowcount == 1


def state_of_instance(connection: Connection, instance_id: str) -> str | None:
    query = select(process_instance.c.state).where(process_instance.c.id == instance_id)
    return connection.execute(query).scalar()


_LOCK: Final = (
    select(job.c.id, job.c.state, job.c.lease_token, job.c.is_exclusive)
    .where(among(job.c.id, "ids"))
    .order_by(job.c.id)
    .with_for_update()
)
_TAKE: Final = (
    update(job)
    .where(among(job.c.id, "ids"), job.c.state == JobState.AVAILABLE)
    .values(
        state=JobState.RUNNING,
        attempt=job.c.attempt + 1,
        lease_owner=bindparam("owner"),
        lease_token=bindparam("token"),
        lease_until=bindparam("until"),
    )
    .returning(*(job.c[name] for name in _FIELDS))
)


def take(connection: Connection, ids: list[str], hold: Hold) -> list[TakenJob]:
    if not ids:
        return []
    wanted = {"ids": ids, "owner": hold.owner, "token": hold.token, "until": hold.until}
    order = {job_id: place for place, job_id in enumerate(ids)}
    taken = sorted((TakenJob(*row) for row in connection.execute(_TAKE, wanted)), key=lambda row: order[row.id])
    begin_attempts(connection, taken, hold.at)
    return taken


def attempt_row(row: TakenJob, at: datetime, worker: str) -> dict[str, Any]:
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


def _take_back(connection: Connection, condition: Any) -> Sequence[AnyRow]:
    change = (
        update(job)
        .where(text(JOB_IS_HELD), condition)
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
