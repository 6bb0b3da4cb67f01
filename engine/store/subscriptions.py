"""Who waits for a message or signal: tokens of instances, and start events of definitions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, or_, select

from engine.store.tables import process_instance, start_subscription, subscription
from engine.store.values import insert_all


@dataclass(frozen=True, slots=True)
class Waiting:
    """A token that waits at a catching event."""

    instance_id: str
    activity_id: int
    element_id: str
    process_key: str
    is_suspended: bool


@dataclass(frozen=True, slots=True)
class StartWaiting:
    """A start event that waits on behalf of the newest version of its process."""

    process_key: str
    definition_id: str
    element_id: str


def find_waiting(
    connection: Connection,
    kind: str,
    name: str,
    *,
    correlation_key: str | None = None,
    business_key: str | None = None,
    instance_id: str | None = None,
    any_key: bool = False,
) -> list[Waiting]:
    """Oldest first. A subscription without a correlation key matches every key; *any_key*: so does any."""
    columns = subscription.c
    query = (
        select(
            columns.instance_id,
            columns.activity_id,
            columns.element_id,
            process_instance.c.process_key,
            process_instance.c.state,
        )
        .join(process_instance, process_instance.c.id == columns.instance_id)
        .where(columns.kind == kind, columns.name == name)
        .order_by(columns.created_at, columns.instance_id, columns.activity_id, columns.element_id)
    )
    if not any_key:
        query = query.where(or_(columns.correlation_key.is_(None), columns.correlation_key == correlation_key))
    if business_key is not None:
        query = query.where(process_instance.c.business_key == business_key)
    if instance_id is not None:
        query = query.where(columns.instance_id == instance_id)
    return [Waiting(*row[:4], is_suspended=row.state == "suspended") for row in connection.execute(query)]


def find_starts(connection: Connection, kind: str, name: str) -> list[StartWaiting]:
    columns = start_subscription.c
    query = select(columns.process_key, columns.definition_id, columns.element_id).where(
        columns.kind == kind, columns.name == name
    )
    return [StartWaiting(*row) for row in connection.execute(query.order_by(columns.process_key, columns.element_id))]


def replace_starts(connection: Connection, process_key: str, rows: Iterable[dict[str, Any]]) -> None:
    """The newest version's start events take the place of the older ones'."""
    connection.execute(delete(start_subscription).where(start_subscription.c.process_key == process_key))
    insert_all(connection, start_subscription, rows)


def waiting_at(connection: Connection, instance_id: str, element_id: str) -> int | None:
    """The activity id of the subscription that an element of an instance has open."""
    query = select(subscription.c.activity_id).where(
        subscription.c.instance_id == instance_id, subscription.c.element_id == element_id
    )
    return connection.execute(query.order_by(subscription.c.activity_id)).scalars().first()
