"""Reading and adding to the history of instances."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, and_, insert, or_, select

from engine.model import ActivityRecord, AgentStep, JobAttempt, LogEntry, VariableChange
from engine.store.codec import decode, encode
from engine.store.tables import activity, agent_step, flow_taken, job_attempt, log, variable_change
from engine.store.types import AnyRow
from engine.store.values import ValueReader, ValueWriter


def append_log(
    connection: Connection,
    instance_id: str,
    sequence: int,
    at: datetime,
    action: str,
    actor: str,
    *,
    activity_id: int | None = None,
    element_id: str | None = None,
    detail: Mapping[str, Any],
) -> None:
    values = ValueWriter(connection)
    row = {
        "instance_id": instance_id,
        "sequence": sequence,
        "at": at,
        "action": action,
        "actor": actor,
        "activity_id": activity_id,
        "element_id": element_id,
        "detail": values.mapping(detail, instance_id),
    }
    values.flush()
    connection.execute(insert(log), row)


def activities(connection: Connection, instance_id: str, *, open_only: bool = False) -> list[ActivityRecord]:
    """In order of entry."""
    query = select(activity).where(activity.c.instance_id == instance_id)
    if open_only:
        query = query.where(activity.c.ended_at.is_(None))
    reader = ValueReader(connection)
    return [activity_of(row, reader) for row in connection.execute(query.order_by(activity.c.activity_id))]


def activity_of(row: AnyRow, reader: ValueReader | None = None) -> ActivityRecord:
    """Without its inputs and outputs where there is no *reader*."""
    return ActivityRecord(
        instance_id=row.instance_id,
        activity_id=row.activity_id,
        element_id=row.element_id,
        name=row.name,
        kind=row.kind,
        parent_id=row.parent_id,
        entered_at=row.entered_at,
        ended_at=row.ended_at,
        outcome=row.outcome,
        actor=row.actor,
        inputs=reader.mapping(row.inputs) if reader else None,
        outputs=reader.mapping(row.outputs) if reader else None,
        cause=row.cause,
    )


def scopes_around(connection: Connection, instance_id: str, activity_id: int) -> list[int]:
    """The scopes that an activity sees, innermost first."""
    scopes = [activity_id]
    while scopes[-1] != 0:
        query = select(activity.c.parent_id).where(
            activity.c.instance_id == instance_id, activity.c.activity_id == scopes[-1]
        )
        scopes.append(connection.execute(query).scalar() or 0)
    return scopes


def variables_at(connection: Connection, instance_id: str, activity_id: int) -> dict[str, Any] | None:
    """What an activity saw as it was entered, its own input mappings included; None when there is no such."""
    entered = connection.execute(
        select(activity.c.step, activity.c.position).where(
            activity.c.instance_id == instance_id, activity.c.activity_id == activity_id
        )
    ).one_or_none()
    if entered is None:
        return None
    columns = variable_change.c
    scopes = scopes_around(connection, instance_id, activity_id)
    is_before = or_(
        columns.step < entered.step, and_(columns.step == entered.step, columns.position <= entered.position)
    )
    is_own = and_(columns.scope_id == activity_id, columns.activity_id == activity_id, columns.step == entered.step)
    query = (
        select(columns.scope_id, columns.name, columns.after)
        .where(columns.instance_id == instance_id, columns.scope_id.in_(scopes), or_(is_before, is_own))
        .order_by(columns.step, columns.position)
    )
    reader = ValueReader(connection)
    latest = {(row.scope_id, row.name): row.after for row in connection.execute(query)}
    seen: dict[str, Any] = {}
    for scope in reversed(scopes):
        for (owner, name), after in latest.items():
            if owner == scope and after is not None:
                seen[name] = reader.value(after)
    return seen


def flows(connection: Connection, instance_id: str) -> tuple[str, ...]:
    query = select(flow_taken.c.flows).where(flow_taken.c.instance_id == instance_id).order_by(flow_taken.c.step)
    return tuple(flow for text in connection.execute(query).scalars() for flow in orjson.loads(text))


def variable_changes(connection: Connection, instance_id: str) -> list[VariableChange]:
    """Only what came after is kept; what was before is what the change before it left."""
    columns = variable_change.c
    query = select(variable_change).where(columns.instance_id == instance_id).order_by(columns.step, columns.position)
    reader = ValueReader(connection)
    last: dict[tuple[int, str], tuple[bool, Any]] = {}
    found: list[VariableChange] = []
    for row in connection.execute(query):
        existed, before = last.get((row.scope_id, row.name), (False, None))
        found.append(change_of(row, reader, existed, before))
        last[row.scope_id, row.name] = (found[-1].exists_after, found[-1].after)
    return found


def change_of(row: AnyRow, reader: ValueReader, existed: bool, before: Any) -> VariableChange:
    exists = row.after is not None
    return VariableChange(
        instance_id=row.instance_id,
        at=row.at,
        scope_id=row.scope_id,
        name=row.name,
        before=before,
        after=reader.value(row.after) if exists else None,
        activity_id=row.activity_id,
        actor=row.actor,
        existed_before=existed,
        exists_after=exists,
    )


def job_attempts(connection: Connection, instance_id: str) -> list[JobAttempt]:
    columns = job_attempt.c
    query = select(job_attempt).where(columns.instance_id == instance_id)
    rows = connection.execute(query.order_by(columns.started_at, columns.activity_id, columns.attempt))
    return [attempt_of(row) for row in rows]


def attempt_of(row: AnyRow) -> JobAttempt:
    return JobAttempt(
        job_id=row.job_id,
        activity_id=row.activity_id,
        attempt=row.attempt,
        started_at=row.started_at,
        worker=row.worker,
        ended_at=row.ended_at,
        outcome=row.outcome,
        error=row.error,
    )


def log_entries(connection: Connection, instance_id: str) -> list[LogEntry]:
    reader = ValueReader(connection)
    query = select(log).where(log.c.instance_id == instance_id).order_by(log.c.sequence)
    return [log_entry_of(row, reader) for row in connection.execute(query)]


def log_entry_of(row: AnyRow, reader: ValueReader) -> LogEntry:
    return LogEntry(
        instance_id=row.instance_id,
        sequence=row.sequence,
        at=row.at,
        action=row.action,
        actor=row.actor,
        activity_id=row.activity_id,
        element_id=row.element_id,
        detail=reader.value(row.detail),
    )


def insert_agent_step(connection: Connection, instance_id: str, step: AgentStep) -> None:
    row = {name: getattr(step, name) for name in AgentStep.__slots__}
    row |= {"request": encode(step.request, "request"), "response": encode(step.response, "response")}
    connection.execute(insert(agent_step), row | {"instance_id": instance_id})


def agent_steps(
    connection: Connection,
    *,
    instance_id: str | None = None,
    job_id: str | None = None,
    sequence: int | None = None,
) -> list[AgentStep]:
    columns = agent_step.c
    query = select(agent_step).order_by(columns.instance_id, columns.job_id, columns.sequence)
    if instance_id is not None:
        query = query.where(columns.instance_id == instance_id)
    if job_id is not None:
        query = query.where(columns.job_id == job_id)
    if sequence is not None:
        query = query.where(columns.sequence == sequence)
    return [
        AgentStep(
            job_id=row.job_id,
            sequence=row.sequence,
            at=row.at,
            kind=row.kind,
            name=row.name,
            request=decode(row.request),
            response=decode(row.response),
            duration_ms=row.duration_ms,
            input_tokens=row.input_tokens,
            output_tokens=row.output_tokens,
            cost=row.cost,
            is_offline=row.is_offline,
        )
        for row in connection.execute(query)
    ]
