"""Whose turn it is among the exclusive jobs of an instance.

Of those that are open and have not failed, one has the turn: it is available or running, as any other job. The others
are queued, and no worker looks at them. So nothing is asked when jobs are taken, and two workers that take them at
once cannot meet. Who makes, ends or puts back an exclusive job holds the lock of its instance, and passes the turn on
in the same transaction; a lease that runs out leaves it where it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, exists, select, text, update

from engine.model import JobState
from engine.store.among import among
from engine.store.tables import JOB_IS_EXCLUSIVE, job, process_instance
from engine.store.types import AnyRow

_HAVING_IT: Final = (JobState.AVAILABLE, JobState.RUNNING)
AT_ONCE: Final = 100


def pass_on(connection: Connection, moments: Mapping[str, datetime]) -> bool:
    """Gives the turn to the exclusive job that goes first now, in each instance in which some are queued; whether any
    got it. *moments*: what now is, by instance. The instances are locked."""
    waiting = connection.execute(_WITH_QUEUE, {"ids": sorted(moments)}).scalars().all()
    given = [_pass_on(connection, instance_id, moments[instance_id]) for instance_id in waiting]
    return any(given)


def are_stranded(connection: Connection) -> bool:
    return connection.execute(_STRANDED.limit(1)).first() is not None


def recover(connection: Connection, now: datetime) -> None:
    """Gives a turn to jobs that nobody passed it on to: a worker of an older version ended the one before."""
    ids: Collection[str] = connection.execute(_STRANDED.limit(AT_ONCE)).scalars().all()
    locked = connection.execute(_LOCK, {"ids": sorted(ids)}).scalars().all()
    pass_on(connection, dict.fromkeys(locked, now))


def _pass_on(connection: Connection, instance_id: str, now: datetime) -> bool:
    """By priority and due time among those that are due, else to the one that is due first."""
    wanted: dict[str, Any] = {"instance_id": instance_id, "now": now}
    holders = connection.execute(_HOLDERS, wanted).all()
    if any(row.state == JobState.RUNNING for row in holders):
        return False
    first = connection.execute(_FIRST_DUE, wanted).first() or connection.execute(_FIRST_LATER, wanted).one()
    if holders and min(_place(row, now) for row in holders) <= _place(first, now):
        return False
    ids = [row.id for row in holders]
    if ids and connection.execute(_QUEUE, {"ids": ids}).rowcount < len(ids):
        return False  # a worker has just taken it
    connection.execute(_GIVE, {"job_id": first.id})
    return True


def _place(row: AnyRow, now: datetime) -> tuple[Any, ...]:
    if row.due_at <= now:
        return (False, row.rank, row.due_at, row.activity_id)
    return (True, row.due_at, row.rank, row.activity_id)


_IS_EXCLUSIVE: Final = text(JOB_IS_EXCLUSIVE)
_LOCK: Final = (
    select(process_instance.c.id)
    .where(among(process_instance.c.id, "ids"))
    .order_by(process_instance.c.id)
    .with_for_update()
)
_WITH_QUEUE: Final = select(process_instance.c.id).where(
    among(process_instance.c.id, "ids"),
    exists(
        select(job.c.id).where(
            _IS_EXCLUSIVE, job.c.instance_id == process_instance.c.id, job.c.state == JobState.QUEUED
        )
    ),
)
_OF_INSTANCE: Final = select(job.c.id, job.c.state, job.c.rank, job.c.due_at, job.c.activity_id).where(
    _IS_EXCLUSIVE, job.c.instance_id == bindparam("instance_id")
)
_HOLDERS: Final = _OF_INSTANCE.where(job.c.state.in_(_HAVING_IT))
_QUEUED: Final = _OF_INSTANCE.where(job.c.state == JobState.QUEUED)
_FIRST_DUE: Final = (
    _QUEUED.where(job.c.due_at <= bindparam("now")).order_by(job.c.rank, job.c.due_at, job.c.activity_id).limit(1)
)
_FIRST_LATER: Final = _QUEUED.order_by(job.c.due_at, job.c.rank, job.c.activity_id).limit(1)
_QUEUE: Final = (
    update(job)
    .where(among(job.c.id, "ids"), job.c.state == JobState.AVAILABLE)
    .values(state=JobState.QUEUED, lease_owner=None, lease_until=None)  # a fleet may have been told of it
)
_GIVE: Final = (
    update(job).where(job.c.id == bindparam("job_id"), job.c.state == JobState.QUEUED).values(state=JobState.AVAILABLE)
)
_other = job.alias("other")
_STRANDED: Final = (
    select(job.c.instance_id)
    .where(text("job.is_exclusive"), job.c.state == JobState.QUEUED)
    .where(
        ~exists(
            select(_other.c.id).where(
                text("other.is_exclusive"),
                _other.c.instance_id == job.c.instance_id,
                _other.c.state.in_(_HAVING_IT),
            )
        )
    )
    .distinct()
)
