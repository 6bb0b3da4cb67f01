"""Lists of instances, tasks, jobs and incidents, as operators and people see them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, func, literal, null, or_, select, union_all

from engine.model import Incident, InstanceState, JobRecord, JobState, Page, ProcessInstance, UserTask
from engine.store.tables import (
    agent_step,
    incident,
    job,
    job_attempt,
    process_definition,
    process_instance,
    task_candidate,
    user_task,
)

COUNTED = 10_000
"""Records that are counted for a total; where there are more, this is said."""

INSTANCE: Select[Any] = select(
    process_instance, process_definition.c.name, process_definition.c.version.label("definition_version")
).join(process_definition, process_definition.c.id == process_instance.c.definition_id)

TASK: Select[Any] = (
    select(
        user_task,
        process_instance.c.process_key,
        process_instance.c.business_key,
        process_definition.c.name.label("process_name"),
    )
    .join(process_instance, process_instance.c.id == user_task.c.instance_id)
    .join(process_definition, process_definition.c.id == process_instance.c.definition_id)
)

IS_STUCK = and_(job.c.definition_id.is_not(None), job.c.state == JobState.FAILED)
"""Of jobs that start instances, and gave up: they show as incidents of no instance."""

_STUCK_COLUMNS: list[ColumnElement[Any]] = [
    job.c.id,
    literal(""),
    literal(0),
    func.coalesce(func.nullif(job.c.element_id, ""), process_definition.c.key),
    job.c.kind,
    job.c.id,
    func.coalesce(job.c.error, ""),
    literal(""),
    process_definition.c.resource_name,
    job.c.due_at,
    null(),
    null(),
    process_definition.c.key,
]
STUCK: Select[Any] = (
    select(*_STUCK_COLUMNS).join(process_definition, process_definition.c.id == job.c.definition_id).where(IS_STUCK)
)
"""Those jobs with the columns of incidents, and the key of their process."""

_WITH_STUCK = union_all(select(incident, literal("").label("process_key")), STUCK).subquery()


def instances(
    connection: Connection,
    *,
    key: str | None,
    state: str | None,
    business_key: str | None,
    text: str | None,
    limit: int,
    offset: int,
) -> Page[ProcessInstance]:
    """Newest first. SQLite, which keeps no statistics, would look for a business key among all of a state by the index
    of states: it is not to be seen beside the other."""
    query, columns = INSTANCE, process_instance.c
    if key is not None:
        query = query.where(columns.process_key == key)
    if business_key is not None:
        query = query.where(columns.business_key == business_key)
    if state is not None:
        query = query.where((columns.state if business_key is None else func.coalesce(columns.state, "")) == state)
    if text:
        query = query.where(has_text(text))
    in_order = query.order_by(columns.started_at.desc(), columns.id.desc())
    return page(connection, query, in_order, limit, offset, instance_of)


def has_text(text: str) -> ColumnElement[bool]:
    """Of rows of `INSTANCE`: the business key, the process's name or key, or the id has *text* in it."""
    pattern, columns = f"%{_escaped(text)}%", process_instance.c
    looked_at = (columns.business_key, process_definition.c.name, columns.process_key, columns.id)
    return or_(*(column.ilike(pattern, escape="\\") for column in looked_at))


def instance(connection: Connection, instance_id: str) -> ProcessInstance | None:
    row = connection.execute(INSTANCE.where(process_instance.c.id == instance_id)).first()
    return instance_of(row) if row is not None else None


def revision(connection: Connection, instance_id: str) -> tuple[Any, ...] | None:
    """Numbers of which one grows with whatever happens to an instance: its commits and log, its jobs' attempts and
    an agent's steps, and the same of what it called."""
    columns, attempts = process_instance.c, job_attempt.c
    called = process_instance.alias().c
    of_attempts = select(func.count()).where(attempts.instance_id == instance_id)
    of_called = select(func.sum(called.version + called.log_sequence)).where(called.parent_id == instance_id)
    query = select(
        columns.version,
        columns.log_sequence,
        columns.state,
        of_attempts.scalar_subquery(),
        of_attempts.where(attempts.ended_at.is_not(None)).scalar_subquery(),
        select(func.count()).where(agent_step.c.instance_id == instance_id).scalar_subquery(),
        of_called.scalar_subquery(),
    ).where(columns.id == instance_id)
    row = connection.execute(query).first()
    return None if row is None else tuple(row)


def children(connection: Connection, instance_id: str) -> list[ProcessInstance]:
    query = INSTANCE.where(process_instance.c.parent_id == instance_id).order_by(process_instance.c.id)
    return [instance_of(row) for row in connection.execute(query)]


def tasks(
    connection: Connection,
    *,
    user: str | None,
    groups: Collection[str],
    scope: str,
    instance_id: str | None,
    limit: int,
    offset: int,
) -> Page[UserTask]:
    """Open tasks of running instances: mine, those my groups or I may claim, or all. Urgent first, then oldest."""
    query = TASK.where(user_task.c.closed_at.is_(None))
    if instance_id is not None:
        query = query.where(user_task.c.instance_id == instance_id)
    if scope == "mine":
        query = query.where(user_task.c.assignee == user)
    elif scope == "groups":
        query = query.where(user_task.c.assignee.is_(None), _may_claim(user, groups))
    in_order = query.order_by(user_task.c.priority.desc(), user_task.c.created_at, user_task.c.id)
    return page(connection, query, in_order, limit, offset, task_of)


def task(connection: Connection, task_id: str) -> UserTask | None:
    row = connection.execute(TASK.where(user_task.c.id == task_id)).first()
    return task_of(row) if row is not None else None


def incidents(connection: Connection, *, instance_id: str | None, open_only: bool) -> list[Incident]:
    """Oldest first; without an instance's id those of no instance too."""
    query = select(incident)
    if instance_id is not None:
        query = query.where(incident.c.instance_id == instance_id)
    elif has_stuck(connection):
        query = select(_WITH_STUCK)
    columns = query.selected_columns
    if open_only:
        query = query.where(columns.resolved_at.is_(None))
    in_order = query.order_by(columns.created_at, columns.id)
    return [incident_of(row) for row in connection.execute(in_order)]


def open_incidents(connection: Connection, *, newest_first: bool, limit: int, offset: int) -> Page[Incident]:
    query = select(_WITH_STUCK) if has_stuck(connection) else select(incident)
    columns = query.selected_columns
    query, order = query.where(columns.resolved_at.is_(None)), (columns.created_at, columns.id)
    in_order = query.order_by(*(column.desc() if newest_first else column for column in order))
    return page(connection, query, in_order, limit, offset, incident_of)


def has_stuck(connection: Connection) -> bool:
    """Whether there are incidents of no instance. Without any, the others are found by their indexes."""
    return connection.execute(select(job.c.id).where(IS_STUCK).limit(1)).first() is not None


def jobs(connection: Connection, *, instance_id: str | None, state: str | None) -> list[JobRecord]:
    """Open jobs and timers, by due time."""
    query = select(job)
    if instance_id is not None:
        query = query.where(job.c.instance_id == instance_id)
    if state is not None:
        query = query.where(job.c.state == state)
    in_order = query.order_by(job.c.due_at, job.c.instance_id, job.c.activity_id, job.c.id)
    return [job_of(row) for row in connection.execute(in_order)]


def _may_claim(user: str | None, groups: Collection[str]) -> Any:
    """A task without candidates is everybody's."""
    candidate = task_candidate.c
    mine = or_(
        (candidate.kind == "user") & (candidate.name == user),
        (candidate.kind == "group") & candidate.name.in_(sorted(groups)),
    )
    any_candidate = exists().where(candidate.task_id == user_task.c.id)
    return or_(exists().where(candidate.task_id == user_task.c.id, mine), ~any_candidate)


def page(
    connection: Connection, query: Select[Any], in_order: Select[Any], limit: int, offset: int, record: Any
) -> Page[Any]:
    """Counts no further than COUNTED, or than the page if that is further."""
    rows: Sequence[Row[Any]] = connection.execute(in_order.limit(limit).offset(offset)).all()
    items = tuple(record(row) for row in rows)
    if len(rows) < limit and (rows or offset == 0):
        return Page(items, offset + len(rows))
    most = max(COUNTED, offset + len(rows))
    some = query.with_only_columns(literal(1), maintain_column_froms=True).limit(most + 1).subquery()
    count = connection.execute(select(func.count()).select_from(some)).scalar_one()
    return Page(items, min(count, most), has_more_than_total=count > most)


def instance_of(row: Row[Any]) -> ProcessInstance:
    return ProcessInstance(
        id=row.id,
        definition_id=row.definition_id,
        process_key=row.process_key,
        process_name=row.name,
        version=row.definition_version,
        business_key=row.business_key,
        state=InstanceState(row.state),
        started_at=row.started_at,
        started_by=row.started_by,
        ended_at=row.ended_at,
        parent_id=row.parent_id,
        parent_activity_id=row.parent_activity_id,
        incident_count=row.incident_count,
        end_reason=row.end_reason,
    )


def task_of(row: Row[Any]) -> UserTask:
    return UserTask(
        id=row.id,
        instance_id=row.instance_id,
        activity_id=row.activity_id,
        element_id=row.element_id,
        name=row.name,
        process_key=row.process_key,
        process_name=row.process_name,
        business_key=row.business_key,
        created_at=row.created_at,
        assignee=row.assignee,
        candidate_users=tuple(orjson.loads(row.candidate_users)),
        candidate_groups=tuple(orjson.loads(row.candidate_groups)),
        due_at=row.due_at,
        follow_up_at=row.follow_up_at,
        priority=row.priority,
        form_key=row.form_key,
        closed_at=row.closed_at,
        outcome=row.outcome,
        closed_by=row.closed_by,
    )


def incident_of(row: Row[Any]) -> Incident:
    return Incident(
        id=row.id,
        instance_id=row.instance_id,
        activity_id=row.activity_id,
        element_id=row.element_id,
        kind=row.kind,
        message=row.message,
        created_at=row.created_at,
        detail=row.detail,
        location=row.location,
        resolved_at=row.resolved_at,
        resolved_by=row.resolved_by,
        job_id=row.job_id,
        process_key=getattr(row, "process_key", "") if not row.instance_id else "",
    )


def job_of(row: Row[Any]) -> JobRecord:
    return JobRecord(
        id=row.id,
        instance_id=row.instance_id or "",
        activity_id=row.activity_id,
        element_id=row.element_id,
        kind=row.kind,
        type=row.type,
        state=JobState(row.state),
        due_at=row.due_at,
        attempts=row.attempt,
        retries_left=row.retries_left if row.retries_left is not None else row.retries,
        worker=row.lease_owner,
        error=row.error,
        created_at=row.created_at,
        priority=-row.rank,
        is_suspended=row.is_suspended,
        leased_until=row.lease_until,
    )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
