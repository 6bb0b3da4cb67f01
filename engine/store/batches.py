"""Batches and their items: made in one transaction, worked off in many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, func, insert, select, update
from sqlalchemy.orm import aliased

from engine.batch import Batch, BatchChange, BatchItem, BatchState, ItemState, Operation, Retried, operation_from
from engine.model import Page
from engine.store import lists
from engine.store.batch_tables import batch, batch_change, batch_item
from engine.store.codec import decode, encode
from engine.store.tables import activity, incident
from engine.store.types import AnyRow
from engine.store.values import in_chunks

LONGEST_INSTANCE_ID, LONGEST_INCIDENT_ID = 64, 80
"""Characters. A start timer's incident has the id of its job, which older versions made longer."""
_MESSAGES = 5
"""Different messages that a summary names."""


@dataclass(frozen=True, slots=True)
class Target:
    instance_id: str
    incident_id: str | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """A batch as those see it who do it."""

    id: str
    kind: str
    state: str
    actor: str
    reason: str
    arguments: Mapping[str, Any]
    created_at: datetime


def add(
    connection: Connection,
    batch_id: str,
    *,
    kind: str,
    actor: str,
    reason: str,
    selection: str,
    arguments: Mapping[str, Any],
    targets: Sequence[Target],
    at: datetime,
) -> None:
    row = {
        "id": batch_id,
        "kind": kind,
        "state": BatchState.RUNNING,
        "actor": actor,
        "reason": reason,
        "selection": selection,
        "arguments": encode(dict(arguments)),
        "total": len(targets),
        "created_at": at,
        "ended_at": None,
    }
    connection.execute(insert(batch), row)
    for some in in_chunks(list(enumerate(targets, 1))):
        connection.execute(insert(batch_item), [_item_row(batch_id, number, target) for number, target in some])


def lock(connection: Connection, batch_id: str) -> Work | None:
    row = connection.execute(select(batch).where(batch.c.id == batch_id).with_for_update()).first()
    if row is None:
        return None
    arguments = decode(row.arguments)
    return Work(row.id, row.kind, row.state, row.actor, row.reason, arguments, row.created_at)


def next_items(connection: Connection, batch_id: str, limit: int) -> list[BatchItem]:
    """The next that wait."""
    waiting = and_(batch_item.c.batch_id == batch_id, batch_item.c.state == ItemState.WAITING)
    query = select(batch_item).where(waiting).order_by(batch_item.c.number).limit(limit)
    return [_item(row) for row in connection.execute(query)]


def end_items(connection: Connection, batch_id: str, ended: Iterable[tuple[int, str, str]], at: datetime) -> None:
    """*ended*: number, state and message of each."""
    rows = [{"the_number": number, "to": state, "said": message} for number, state, message in ended]
    if rows:
        change = (
            update(batch_item)
            .where(batch_item.c.batch_id == batch_id, batch_item.c.number == bindparam("the_number"))
            .values(state=bindparam("to"), message=bindparam("said"), ended_at=at)
        )
        connection.execute(change, rows)


def move(connection: Connection, batch_id: str, seen: Sequence[str], state: str, ended_at: datetime | None) -> bool:
    """From one of the states *seen* to *state*; False when it was in another."""
    change = update(batch).where(batch.c.id == batch_id, batch.c.state.in_(seen))
    return connection.execute(change.values(state=state, ended_at=ended_at)).rowcount == 1


def add_change(connection: Connection, batch_id: str, change: BatchChange) -> None:
    """To a batch that is locked."""
    columns = batch_change.c
    last = select(func.max(columns.number)).where(columns.batch_id == batch_id)
    number = (connection.execute(last).scalar() or 0) + 1
    row = {"state": change.state, "at": change.at, "actor": change.actor, "reason": change.reason}
    connection.execute(insert(batch_change), {"batch_id": batch_id, "number": number, **row})


def leave_out(connection: Connection, batch_id: str, at: datetime) -> None:
    """What still waits will not be done."""
    waiting = and_(batch_item.c.batch_id == batch_id, batch_item.c.state == ItemState.WAITING)
    connection.execute(update(batch_item).where(waiting).values(state=ItemState.CANCELLED, ended_at=at))


# reading


def listed(
    connection: Connection, limit: int, *, before: str | None = None, state: str | None = None, kind: str | None = None
) -> list[Batch]:
    """The newest first, by their ids, which sort by time."""
    query = _chosen(state, kind)
    if before is not None:
        query = query.where(batch.c.id < before)
    rows = connection.execute(query.order_by(batch.c.id.desc()).limit(limit)).all()
    counts = _counts(connection, [row.id for row in rows])
    return [_told(connection, row, counts) for row in rows]


def page(connection: Connection, limit: int, offset: int, *, state: str | None, kind: str | None) -> Page[Batch]:
    """As `listed`, without what became of retried incidents."""
    query = _chosen(state, kind)
    found = lists.page(connection, query, query.order_by(batch.c.id.desc()), limit, offset, lambda row: row)
    counts = _counts(connection, [row.id for row in found])
    return replace(found, items=tuple(_batch(row, counts.get(row.id, {})) for row in found))


def find(connection: Connection, batch_id: str) -> Batch | None:
    row = connection.execute(select(batch).where(batch.c.id == batch_id)).first()
    return _told(connection, row, _counts(connection, [batch_id])) if row is not None else None


def revisions(connection: Connection, batch_ids: Sequence[str]) -> list[tuple[Any, ...]]:
    """Of each in order of their ids: its kind and state, the number of the next item that waits, and how often it was
    steered: found by indexes, however many items there are."""
    items, changes = batch_item.c, batch_change.c
    next_number = select(func.min(items.number)).where(items.batch_id == batch.c.id, items.state == ItemState.WAITING)
    steered = select(func.max(changes.number)).where(changes.batch_id == batch.c.id)
    query = select(batch.c.id, batch.c.kind, batch.c.state, next_number.scalar_subquery(), steered.scalar_subquery())
    return [tuple(row) for row in connection.execute(query.where(batch.c.id.in_(batch_ids)).order_by(batch.c.id))]


def page_ids(connection: Connection, limit: int, offset: int, *, state: str | None, kind: str | None) -> list[str]:
    query = _chosen(state, kind).with_only_columns(batch.c.id).order_by(batch.c.id.desc())
    return list(connection.execute(query.limit(limit).offset(offset)).scalars())


def operation(connection: Connection, batch_id: str) -> Operation | None:
    row = connection.execute(select(batch.c.kind, batch.c.arguments).where(batch.c.id == batch_id)).first()
    return operation_from(row.kind, decode(row.arguments)) if row is not None else None


def changes(connection: Connection, batch_id: str) -> list[BatchChange]:
    """In their order."""
    query = select(batch_change).where(batch_change.c.batch_id == batch_id).order_by(batch_change.c.number)
    return [BatchChange(BatchState(row.state), row.at, row.actor, row.reason) for row in connection.execute(query)]


def items(
    connection: Connection, batch_id: str, state: str | None, limit: int, offset: int, after: int
) -> list[BatchItem]:
    query = select(batch_item).where(batch_item.c.batch_id == batch_id, batch_item.c.number > after)
    if state is not None:
        query = query.where(batch_item.c.state == state)
    rows = connection.execute(query.order_by(batch_item.c.number).limit(limit).offset(offset)).all()
    return [_item(row) for row in rows]


def _item_row(batch_id: str, number: int, target: Target) -> dict[str, Any]:
    return {
        "batch_id": batch_id,
        "number": number,
        "instance_id": target.instance_id,
        "incident_id": target.incident_id,
        "state": ItemState.WAITING,
        "message": None,
        "ended_at": None,
    }


def _chosen(state: str | None, kind: str | None) -> Select[Any]:
    query = select(batch)
    if state is not None:
        query = query.where(batch.c.state == state)
    if kind is not None:
        query = query.where(batch.c.kind == kind)
    return query


def _counts(connection: Connection, batch_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """How many items of each batch have each state."""
    columns = (batch_item.c.batch_id, batch_item.c.state)
    query = select(*columns, func.count()).where(batch_item.c.batch_id.in_(batch_ids)).group_by(*columns)
    counts: dict[str, dict[str, int]] = {}
    for batch_id, state, number in connection.execute(query):
        counts.setdefault(batch_id, {})[state] = number
    return counts


def _told(connection: Connection, row: AnyRow, counts: Mapping[str, Mapping[str, int]]) -> Batch:
    retried = _retried(connection, row.id) if row.kind == "retry" else None
    return replace(_batch(row, counts.get(row.id, {})), retried=retried)


def _batch(row: AnyRow, counts: Mapping[str, int]) -> Batch:
    return Batch(
        id=row.id,
        kind=row.kind,
        state=BatchState(row.state),
        actor=row.actor,
        reason=row.reason,
        selection=row.selection,
        total=row.total,
        created_at=row.created_at,
        ended_at=row.ended_at,
        waiting=counts.get(ItemState.WAITING, 0),
        done=counts.get(ItemState.DONE, 0),
        skipped=counts.get(ItemState.SKIPPED, 0),
        failed=counts.get(ItemState.FAILED, 0),
        cancelled=counts.get(ItemState.CANCELLED, 0),
    )


def _retried(connection: Connection, batch_id: str) -> Retried:
    """What has become of the activities whose incidents were tried again."""
    again = aliased(incident)
    is_again = and_(
        again.c.instance_id == incident.c.instance_id,
        again.c.activity_id == incident.c.activity_id,
        again.c.resolved_at.is_(None),
    )
    is_there = and_(activity.c.instance_id == incident.c.instance_id, activity.c.activity_id == incident.c.activity_id)
    done = and_(batch_item.c.batch_id == batch_id, batch_item.c.state == ItemState.DONE)
    said = (
        select(activity.c.outcome, again.c.message, func.count().label("number"))
        .select_from(batch_item)
        .join(incident, incident.c.id == batch_item.c.incident_id)
        .outerjoin(again, is_again)
        .outerjoin(activity, is_there)
        .where(done)
        .group_by(activity.c.outcome, again.c.message)
    )
    counts = {"completed": 0, "cancelled": 0, "under_way": 0, "failed_again": 0}
    messages: dict[str, int] = {}
    for outcome, message, number in connection.execute(said):
        if message is not None:
            messages[message] = messages.get(message, 0) + number
            counts["failed_again"] += number
        else:
            counts[outcome if outcome in counts else "under_way"] += number
    most = sorted(messages.items(), key=lambda each: (-each[1], each[0]))[:_MESSAGES]
    return Retried(**counts, messages=dict(most))


def _item(row: AnyRow) -> BatchItem:
    return BatchItem(
        batch_id=row.batch_id,
        number=row.number,
        instance_id=row.instance_id,
        state=ItemState(row.state),
        incident_id=row.incident_id,
        message=row.message or "",
        ended_at=row.ended_at,
    )
