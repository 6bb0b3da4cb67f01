"""Who waits for a message or signal: tokens of instances, and start events of definitions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, exists, select, true

from engine.store.arrivals import forget_arrivals
from engine.store.codec import encode
from engine.store.instances import scoped_variables
from engine.store.tables import process_instance, start_subscription, subscription, variable
from engine.store.values import LARGE, insert_all

_NO_VARIABLES: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Waiting:
    """A token that waits at a catching event."""

    instance_id: str
    activity_id: int
    element_id: str
    process_key: str
    has_key: bool
    is_suspended: bool


@dataclass(frozen=True, slots=True)
class StartWaiting:
    """A start event that waits on behalf of the newest version of its process. *part*: of a multiple one, the
    number of its trigger."""

    process_key: str
    definition_id: str
    element_id: str
    part: int


_WAITING = (
    select(
        subscription.c.instance_id,
        subscription.c.activity_id,
        subscription.c.element_id,
        process_instance.c.process_key,
        subscription.c.correlation_key,
        process_instance.c.state,
    )
    .join(process_instance, process_instance.c.id == subscription.c.instance_id)
    .order_by(  # as the index has them
        subscription.c.correlation_key,
        subscription.c.created_at,
        subscription.c.instance_id,
        subscription.c.activity_id,
        subscription.c.element_id,
    )
)


def find_waiting(
    connection: Connection,
    kind: str,
    name: str,
    *,
    keys: Sequence[str] = (),
    business_key: str | None = None,
    instance_id: str | None = None,
    variables: Mapping[str, Any] = _NO_VARIABLES,
    local_variables: Mapping[str, Any] = _NO_VARIABLES,
    any_key: bool = False,
    limit: int | None = None,
) -> list[Waiting]:
    """Those that wait for one of the correlation *keys*, then those that wait for any; *any_key*: all. The oldest
    first, of each not more than *limit*. *variables*: only instances whose own variables have these values.
    *local_variables*: only instances that have such variables in some scope, which is to be looked at."""
    key = subscription.c.correlation_key
    conditions = [true()] if any_key else [key.in_(keys), key.is_(None)] if keys else [key.is_(None)]
    query = _WAITING
    if business_key is None and instance_id is None:
        query = query.where(subscription.c.kind == kind, subscription.c.name == name)
    else:  # by the few that an instance has, not by the many that wait for the name
        query = query.where(subscription.c.kind.concat("") == kind, subscription.c.name.concat("") == name)
        query = query.where(subscription.c.instance_id.in_(_instances(connection, business_key, instance_id)))
    for variable_name, value in variables.items():
        query = query.where(_has_variable(variable_name, value, variable.c.scope_id == 0))
    for variable_name, value in local_variables.items():
        query = query.where(_has_variable(variable_name, value, true()))
    rows = [row for some in conditions for row in connection.execute(query.where(some).limit(limit))]
    found = [
        Waiting(*row[:4], has_key=row.correlation_key is not None, is_suspended=row.state == "suspended")
        for row in rows
    ]
    if variables:
        scopes = scoped_variables(connection, {(each.instance_id, 0) for each in found})
        found = [each for each in found if agree(scopes[each.instance_id, 0], variables)]
    return found


def _instances(connection: Connection, business_key: str | None, instance_id: str | None) -> list[str]:
    columns = process_instance.c
    query = select(columns.id).where(columns.ended_at.is_(None))
    if business_key is not None:
        query = query.where(columns.business_key == business_key)
    if instance_id is not None:
        query = query.where(columns.id == instance_id)
    return list(connection.execute(query).scalars())


def _has_variable(name: str, value: Any, where: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a scope has a variable that can have this value: a short text is compared here, what else
    there is (1 and 1.0 are equal) when it has been read."""
    columns = variable.c
    query = exists().where(columns.instance_id == subscription.c.instance_id, where, columns.name == name)
    if isinstance(value, str) and len(text := encode(value, name)) < LARGE:
        query = query.where(columns.value == text)
    return query


def agree(actual: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(
        name in actual and actual[name] == value and isinstance(actual[name], bool) is isinstance(value, bool)
        for name, value in wanted.items()
    )


def find_starts(connection: Connection, kind: str, name: str) -> list[StartWaiting]:
    columns = start_subscription.c
    query = select(columns.process_key, columns.definition_id, columns.element_id, columns.part).where(
        columns.kind == kind, columns.name == name
    )
    in_order = query.order_by(columns.process_key, columns.element_id, columns.part)
    return [StartWaiting(*row) for row in connection.execute(in_order)]


def message_starts(connection: Connection, process_key: str) -> list[tuple[str, StartWaiting]]:
    """The names of the messages that start a process, each with its start event."""
    columns = start_subscription.c
    query = select(columns.name, columns.process_key, columns.definition_id, columns.element_id, columns.part).where(
        columns.process_key == process_key, columns.kind == "message"
    )
    in_order = query.order_by(columns.element_id, columns.part)
    return [(name, StartWaiting(*row)) for name, *row in connection.execute(in_order)]


def is_open(connection: Connection, instance_id: str, activity_id: int, element_id: str, name: str) -> bool:
    """Whether an activity still waits for a message."""
    columns = subscription.c
    query = select(columns.name).where(
        columns.instance_id == instance_id,
        columns.activity_id == activity_id,
        columns.element_id == element_id,
        columns.kind == "message",
        columns.name == name,
    )
    return connection.execute(query).first() is not None


def replace_starts(connection: Connection, process_key: str, rows: Sequence[dict[str, Any]]) -> None:
    """The newest version's start events take the place of the older ones'. What has arrived at one stays with it
    as long as it waits for the same triggers."""
    before = _triggers(dict(row._mapping) for row in connection.execute(_lock_starts(process_key)))
    after = _triggers(rows)
    connection.execute(delete(start_subscription).where(start_subscription.c.process_key == process_key))
    insert_all(connection, start_subscription, rows)
    changed = [element_id for element_id, triggers in before.items() if after.get(element_id) != triggers]
    forget_arrivals(connection, process_key, changed)


def _lock_starts(process_key: str) -> Select[Any]:
    columns = start_subscription.c
    query = select(start_subscription).where(columns.process_key == process_key)
    return query.order_by(columns.element_id, columns.part).with_for_update()


def _triggers(rows: Iterable[Mapping[Any, Any]]) -> dict[str, set[tuple[int, str, str]]]:
    found: dict[str, set[tuple[int, str, str]]] = {}
    for row in rows:
        found.setdefault(row["element_id"], set()).add((row["part"], row["kind"], row["name"]))
    return found


def waiting_at(connection: Connection, instance_id: str, element_id: str) -> int | None:
    """The activity id of the subscription that an element of an instance has open."""
    query = select(subscription.c.activity_id).where(
        subscription.c.instance_id == instance_id, subscription.c.element_id == element_id
    )
    return connection.execute(query.order_by(subscription.c.activity_id)).scalars().first()
