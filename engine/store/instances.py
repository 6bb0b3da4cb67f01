"""Process instances as the road needs them: locked, with their state and variables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, select, tuple_, update

from engine.store import tables
from engine.store.tables import instance_state, process_instance, variable
from engine.store.values import LazyValues, ValueReader, in_chunks

_COLUMNS = [
    process_instance.c[name]
    for name in (
        "id",
        "definition_id",
        "process_key",
        "business_key",
        "state",
        "version",
        "log_sequence",
        "incident_count",
        "parent_id",
        "parent_activity_id",
        "depth",
        "root",
    )
]


@dataclass(slots=True)
class LockedInstance:
    """One locked row, and what belongs to it. *texts*: the variables' column texts by (scope, name)."""

    id: str
    definition_id: str
    process_key: str
    business_key: str | None
    state: str
    version: int
    log_sequence: int
    incident_count: int
    parent_id: str | None
    parent_activity_id: int | None
    depth: int
    root: str | None
    part_texts: dict[int, str] = field(default_factory=dict[int, str])
    variable_texts: dict[tuple[int, str], str] = field(default_factory=dict[tuple[int, str], str])

    def parts(self, reader: ValueReader) -> LazyValues[int]:
        texts = dict(self.part_texts)
        if self.root is not None:
            texts[0] = self.root
        return LazyValues(texts, reader)

    def variables(self, reader: ValueReader) -> LazyValues[tuple[int, str]]:
        return LazyValues(self.variable_texts, reader)


def lock_instances(connection: Connection, ids: Collection[str]) -> dict[str, LockedInstance]:
    """Locks rows in order of id, so that two transactions never wait for each other; loads their state."""
    found: dict[str, LockedInstance] = {}
    for some in in_chunks(sorted(ids)):
        query = select(*_COLUMNS).where(process_instance.c.id.in_(some)).order_by(process_instance.c.id)
        found |= {row.id: LockedInstance(*row) for row in connection.execute(query.with_for_update())}
    for some in in_chunks([one.id for one in found.values() if one.root is not None]):
        _load_state(connection, some, found)
    return found


def forget_runtime(connection: Connection, ids: Sequence[str]) -> None:
    """Deletes what ended instances no longer need: state, jobs, subscriptions, scopes other than their own."""
    for some in in_chunks(ids):
        for table in (instance_state, tables.job, tables.subscription):
            connection.execute(delete(table).where(table.c.instance_id.in_(some)))
        connection.execute(delete(variable).where(variable.c.instance_id.in_(some), variable.c.scope_id != 0))


def next_log_sequence(connection: Connection, instance_id: str, incidents: int = 0) -> int:
    """Takes the next number of an instance's log, locking its row; *incidents* is added to its open ones."""
    change = (
        update(process_instance)
        .where(process_instance.c.id == instance_id)
        .values(
            log_sequence=process_instance.c.log_sequence + 1,
            incident_count=process_instance.c.incident_count + incidents,
        )
        .returning(process_instance.c.log_sequence)
    )
    return connection.execute(change).scalar_one()


def set_state(connection: Connection, instance_id: str, seen: str, state: str) -> bool:
    """Moves an instance from state *seen* to *state*; False when it was in another."""
    change = update(process_instance).where(process_instance.c.id == instance_id, process_instance.c.state == seen)
    return connection.execute(change.values(state=state)).rowcount == 1


def children_of(connection: Connection, instance_id: str, activity_id: int) -> list[str]:
    """The running instances that an activity called."""
    query = select(process_instance.c.id).where(
        process_instance.c.parent_id == instance_id,
        process_instance.c.parent_activity_id == activity_id,
        process_instance.c.ended_at.is_(None),
    )
    return list(connection.execute(query.order_by(process_instance.c.id)).scalars())


def scoped_variables(
    connection: Connection, wanted: Collection[tuple[str, int]]
) -> dict[tuple[str, int], dict[str, Any]]:
    """The variables of the given (instance, scope) pairs."""
    found: dict[tuple[str, int], dict[str, Any]] = defaultdict(dict)
    reader = ValueReader(connection)
    for some in in_chunks(sorted(wanted)):
        query = select(variable.c.instance_id, variable.c.scope_id, variable.c.name, variable.c.value).where(
            tuple_(variable.c.instance_id, variable.c.scope_id).in_(some)
        )
        for instance_id, scope_id, name, text in connection.execute(query):
            found[instance_id, scope_id][name] = reader.value(text)
    return found


def _load_state(connection: Connection, ids: list[str], found: dict[str, LockedInstance]) -> None:
    parts = select(instance_state.c.instance_id, instance_state.c.part_id, instance_state.c.data)
    for instance_id, part_id, data in connection.execute(parts.where(instance_state.c.instance_id.in_(ids))):
        found[instance_id].part_texts[part_id] = data
    variables = select(variable.c.instance_id, variable.c.scope_id, variable.c.name, variable.c.value)
    for instance_id, scope_id, name, text in connection.execute(variables.where(variable.c.instance_id.in_(ids))):
        found[instance_id].variable_texts[scope_id, name] = text
