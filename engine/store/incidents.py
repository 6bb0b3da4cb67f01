"""Open and resolved incidents."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from engine.store.lists import IS_STUCK
from engine.store.tables import incident, job


def find(connection: Connection, incident_id: str) -> Row[Any] | None:
    return connection.execute(select(incident).where(incident.c.id == incident_id)).first()


def is_stuck(connection: Connection, job_id: str) -> bool:
    """Whether it is the id of a job that starts instances, and gave up."""
    return connection.execute(select(job.c.id).where(job.c.id == job_id, IS_STUCK)).first() is not None


def new_id(connection: Connection, instance_id: str, activity_id: int) -> str:
    """'<instance>.<activity>', with a number behind it from the activity's second incident on."""
    query = select(func.count()).where(incident.c.instance_id == instance_id, incident.c.activity_id == activity_id)
    seen = connection.execute(query).scalar_one()
    return f"{instance_id}.{activity_id}" + (f".{seen + 1}" if seen else "")


def resolve(
    connection: Connection,
    instance_id: str,
    at: datetime,
    by: str,
    activity_id: int | None = None,
    job_ids: Collection[str] | None = None,
) -> list[tuple[str, int, str]]:
    """Closes the open incidents of an instance, or of one activity, or of some jobs: their (id, activity id, element
    id)."""
    change = update(incident).where(incident.c.instance_id == instance_id, incident.c.resolved_at.is_(None))
    if activity_id is not None:
        change = change.where(incident.c.activity_id == activity_id)
    if job_ids is not None:
        change = change.where(incident.c.job_id.in_(sorted(job_ids)))
    change = change.values(resolved_at=at, resolved_by=by)
    rows = connection.execute(change.returning(incident.c.id, incident.c.activity_id, incident.c.element_id))
    return sorted((row.id, row.activity_id, row.element_id) for row in rows)
