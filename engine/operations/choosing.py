"""Which instances or incidents a batch is for: those that are named, or all that are there and fulfil conditions."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from engine.batch import CancelAll, DeleteAll, MigrateAll, Operation, RetryAll, kind_of
from engine.errors import InvalidInput, NotFound
from engine.model import InstanceState
from engine.searching import Condition, Operator
from engine.store import batches, searching
from engine.store.batches import Target
from engine.store.instances import LIVE_STATES
from engine.store.types import Connection
from engine.store.values import in_chunks

_MOST_SAID = 5
"""Values of one condition that are told."""


def chosen(
    connection: Connection, operation: Operation, ids: Sequence[str] | None, where: Sequence[Condition]
) -> list[Target]:
    """Raises NotFound, InvalidInput."""
    if ids is None:
        targets = _found(connection, operation, where)
    elif isinstance(operation, RetryAll):
        targets = _incidents(connection, ids)
    else:
        targets = [Target(each) for each in dict.fromkeys(ids)]
    _check_lengths(targets)
    return targets


def narrowed(operation: Operation, where: Sequence[Condition]) -> tuple[str, list[Condition]]:
    """The kind of record that fulfils conditions, and the conditions under which it can be done to."""
    if isinstance(operation, RetryAll):
        return "incidents", [*where, Condition("resolved_at", False, Operator.EXISTS)]
    states = [str(each) for each in _states(operation)]
    conditions = [*where, Condition("state", states, Operator.ONE_OF)]
    if isinstance(operation, CancelAll | DeleteAll):  # what they called goes with them
        conditions.append(Condition("parent_id", False, Operator.EXISTS))
    if isinstance(operation, MigrateAll):
        conditions.append(Condition("definition_id", operation.plan.source))
    return "instances", conditions


def said(ids: Sequence[str] | None, where: Sequence[Condition]) -> str:
    """For people to read."""
    if ids is not None:
        return f"{len(set(ids))} given by their ids"
    return " and ".join(_said(each) for each in where)


def _said(condition: Condition) -> str:
    several = isinstance(condition.value, (list, tuple, set)) and len(condition.value) > _MOST_SAID
    value = f"{len(condition.value)} that are given" if several else condition.value
    return f"{condition.field} {condition.operator} {value}"


def _found(connection: Connection, operation: Operation, where: Sequence[Condition]) -> list[Target]:
    """What fulfils the conditions, and can be done to."""
    name, conditions = narrowed(operation, where)
    kind = searching.kind_of(connection, name)
    if isinstance(operation, RetryAll):
        rows = searching.keys(connection, kind, conditions, "id", "instance_id")
        return [Target(instance_id, incident_id) for incident_id, instance_id in rows]
    return [Target(each) for (each,) in searching.keys(connection, kind, conditions, "id")]


def _states(operation: Operation) -> Collection[InstanceState]:
    match kind_of(operation):
        case "suspend" | "set-variables":
            return (InstanceState.RUNNING,)
        case "activate":
            return (InstanceState.SUSPENDED,)
        case "delete":
            return [state for state in InstanceState if state not in LIVE_STATES]
        case _:
            return LIVE_STATES


def _incidents(connection: Connection, ids: Sequence[str]) -> list[Target]:
    """Raises NotFound for one that there is not: whose it is, is not known then."""
    kind, known = searching.kind_of(connection, "incidents"), dict[str, str]()
    for some in in_chunks(ids):
        named = Condition("id", some, Operator.ONE_OF)
        known |= dict(searching.keys(connection, kind, [named], "id", "instance_id"))
    for each in ids:
        if each not in known:
            raise NotFound(f"There is no incident '{each}'.")
    return [Target(known[each], each) for each in dict.fromkeys(ids)]


def _check_lengths(targets: Sequence[Target]) -> None:
    """Raises NotFound, InvalidInput for ids that are longer than those that items have."""
    for each in targets:
        if len(each.instance_id) > batches.LONGEST_INSTANCE_ID:
            raise NotFound(f"There is no process instance '{each.instance_id[:100]}'.")
        if len(each.incident_id or "") > batches.LONGEST_INCIDENT_ID:
            raise InvalidInput(
                f"Incident '{each.incident_id}' has too long an id for a batch. Retry it by itself first."
            )
