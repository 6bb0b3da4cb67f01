"""How much waits in the database, for metrics and health: each look is bounded, however much there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, Integer, String, Table, bindparam, column, func, inspect, select, text

from engine.store.lists import IS_STUCK
from engine.store.migrations import HEAD
from engine.store.tables import (
    JOB_IS_EXCLUSIVE,
    JOB_IS_HELD,
    JOB_IS_LEFT,
    JOB_IS_OURS,
    JOB_IS_TIMER,
    incident,
    job,
)
from engine.store.workers import count_heard

MOST = 100_000
"""Rows that are counted; where there are more, this is said."""
MOST_OF_TOPIC = 10_000
MOST_TOPICS = 200


@dataclass(frozen=True, slots=True)
class Queue:
    """*due*, *oldest_due_at*: what waits for a worker now, by queue ('jobs', 'timers', 'external'). *topics*: how many
    of those left to workers elsewhere are due, and since when the oldest of them. *queued*: exclusive jobs that wait
    for another one of their instance."""

    due: Mapping[str, int] = field(default_factory=dict[str, int])
    oldest_due_at: Mapping[str, datetime | None] = field(default_factory=dict[str, datetime | None])
    topics: Mapping[str, tuple[int, datetime]] = field(default_factory=dict[str, tuple[int, datetime]])
    queued: int = 0
    running: int = 0
    timers_waiting: int = 0
    failed: int = 0
    incidents: int = 0
    workers: int = 0


def queue(connection: Connection, now: datetime, heard_since: datetime, most: int = MOST) -> Queue:
    """Each count is by an index of its own, and stops at *most*."""
    due = {name: _due(connection, most, condition, now) for name, condition in _WAITING.items()}
    return Queue(
        {name: count for name, (count, _) in due.items()},
        {name: oldest for name, (_, oldest) in due.items()},
        topics=topics(connection, now, min(most, MOST_OF_TOPIC)),
        queued=connection.execute(_QUEUED, {"most": most}).scalar_one(),
        running=_count(connection, most, job, JOB_IS_HELD),
        timers_waiting=_count(connection, most, job, JOB_IS_TIMER, job.c.due_at > now),
        failed=_count(connection, most, job, "state = 'failed'"),
        incidents=_count(connection, most, incident, "resolved_at IS NULL")
        + _count(connection, most, job, "definition_id IS NOT NULL", IS_STUCK),
        workers=count_heard(connection, heard_since),
    )


def topics(connection: Connection, now: datetime, most: int) -> dict[str, tuple[int, datetime]]:
    """Of the first MOST_TOPICS topics for which jobs are left to workers elsewhere, those with due ones: how many, up
    to *most*, and since when the oldest among these. The topics are found by skipping from one to the next."""
    rows = connection.execute(_TOPICS, {"now": now, "most": most, "topics": MOST_TOPICS})
    return {row.topic: (row.due, row.oldest) for row in rows if row.due}


def oldest_due(connection: Connection, now: datetime) -> datetime | None:
    """Since when the job that waits longest for a worker of this engine has waited."""
    query = select(job.c.due_at).where(text(JOB_IS_OURS), job.c.due_at <= now).order_by(job.c.due_at).limit(1)
    return connection.execute(query).scalar()


def is_migrated(connection: Connection) -> bool:
    """Whether the tables are as new as this version needs them."""
    if not inspect(connection).has_table("alembic_version"):
        return False
    return (connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "") >= HEAD


def _due(connection: Connection, most: int, condition: str, now: datetime) -> tuple[int, datetime | None]:
    """How many jobs are due, up to *most*, and since when the oldest of these."""
    some = select(job.c.due_at).where(text(condition), job.c.due_at <= now).limit(most)
    if condition != JOB_IS_LEFT:  # the others have an index by the time
        some = some.order_by(job.c.due_at)
    found = some.subquery()
    count, oldest = connection.execute(select(func.count(), func.min(found.c.due_at))).one()
    return count, oldest


def _count(connection: Connection, most: int, table: Table, condition: str, *more: ColumnElement[bool]) -> int:
    some = select(text("1")).select_from(table).where(text(condition), *more).limit(most).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one()


_WAITING: Final = {
    "jobs": f"{JOB_IS_OURS} AND kind NOT IN ('timer', 'start_timer')",
    "timers": JOB_IS_TIMER,
    "external": JOB_IS_LEFT,
}
# In the order of the index, which holds nothing but exclusive jobs: among the first of these, since it is not by state.
_QUEUED: Final = text(f"""
    SELECT count(*) FROM (
        SELECT state FROM job WHERE {JOB_IS_EXCLUSIVE}
        ORDER BY instance_id, state, rank, due_at, activity_id LIMIT :most
    ) AS exclusive WHERE state = 'queued'
""")
_OF_TOPIC: Final = f"""
    SELECT due_at FROM job WHERE {JOB_IS_LEFT} AND type = found.topic AND due_at <= :now
    ORDER BY type, rank, due_at LIMIT :most
"""
_TOPICS: Final = (
    text(f"""
    WITH RECURSIVE found (topic, number) AS (
        SELECT (SELECT min(type) FROM job WHERE {JOB_IS_LEFT}), 1
        UNION ALL
        SELECT (SELECT min(type) FROM job WHERE {JOB_IS_LEFT} AND type > found.topic), found.number + 1
        FROM found WHERE found.topic IS NOT NULL AND found.number < :topics
    )
    SELECT topic, (SELECT count(*) FROM ({_OF_TOPIC}) AS of_topic) AS due,
        (SELECT min(due_at) FROM ({_OF_TOPIC}) AS of_topic) AS oldest
    FROM found WHERE topic IS NOT NULL
""")
    .bindparams(bindparam("now", type_=job.c.due_at.type))
    .columns(column("topic", String), column("due", Integer), column("oldest", job.c.due_at.type))
)
