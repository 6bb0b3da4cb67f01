"""How much waits in the database, for metrics and health: each look is bounded, however much there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, inspect, select, text

from engine.model import JobState
from engine.store.lists import IS_STUCK
from engine.store.migrations import HEAD
from engine.store.tables import incident, job
from engine.store.workers import count_heard

MOST = 100_000
"""Rows that are counted; where there are more, this is said."""
_TIMERS = ("timer", "start_timer")


@dataclass(frozen=True, slots=True)
class Queue:
    """*due*, *oldest_due_at*: what waits for a worker now, by queue ('jobs', 'timers', 'external')."""

    due: Mapping[str, int] = field(default_factory=dict[str, int])
    oldest_due_at: Mapping[str, datetime | None] = field(default_factory=dict[str, datetime | None])
    running: int = 0
    timers_waiting: int = 0
    failed: int = 0
    incidents: int = 0
    workers: int = 0


def queue(connection: Connection, now: datetime, heard_since: datetime, most: int = MOST) -> Queue:
    """Each count is by an index of its own, and stops at *most*."""
    ready = (job.c.state == JobState.AVAILABLE, ~job.c.is_suspended)
    of = {
        "jobs": (*ready, ~job.c.is_external, job.c.kind.not_in(_TIMERS)),
        "timers": (*ready, job.c.kind.in_(_TIMERS)),
        "external": (*ready, job.c.is_external),
    }
    return Queue(
        {name: _count(connection, most, *where, job.c.due_at <= now) for name, where in of.items()},
        {name: _oldest(connection, *where, job.c.due_at <= now) for name, where in of.items()},
        running=_count(connection, most, job.c.state == JobState.RUNNING),
        timers_waiting=_count(connection, most, *of["timers"], job.c.due_at > now),
        failed=_count(connection, most, job.c.state == JobState.FAILED),
        incidents=_count(connection, most, incident.c.resolved_at.is_(None)) + _count(connection, most, IS_STUCK),
        workers=count_heard(connection, heard_since),
    )


def oldest_due(connection: Connection, now: datetime) -> datetime | None:
    """Since when the job that waits longest for a worker of this engine has waited."""
    ready = (job.c.state == JobState.AVAILABLE, ~job.c.is_suspended, ~job.c.is_external, job.c.due_at <= now)
    return _oldest(connection, *ready)


def is_migrated(connection: Connection) -> bool:
    """Whether the tables are as new as this version needs them."""
    if not inspect(connection).has_table("alembic_version"):
        return False
    return (connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "") >= HEAD


def _count(connection: Connection, most: int, *where: ColumnElement[bool]) -> int:
    some = select(text("1")).where(*where).limit(most).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one()


def _oldest(connection: Connection, *where: ColumnElement[bool]) -> datetime | None:
    found: Any = connection.execute(select(func.min(job.c.due_at)).where(*where)).scalar()
    return found
