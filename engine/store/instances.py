"""Process instances as the road needs them: locked, with their state and variables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, select, update

from engine.model import InstanceState
from engine.store import bulk
from engine.store.among import among
from engine.store.asking import Answer, Question, ask
from engine.store.tables import instance_state, job, process_instance, subscription, variable
from engine.store.values import ValueReader

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
        "start_key",
        "trace",
    )
]


_LOCK = select(*_COLUMNS).where(among(process_instance.c.id, "ids")).order_by(process_instance.c.id).with_for_update()
_ROOTS = select(process_instance.c.id, process_instance.c.root).where(among(process_instance.c.id, "ids"))
_PARTS = select(instance_state.c.instance_id, instance_state.c.part_id, instance_state.c.data).where(
    among(instance_state.c.instance_id, "ids")
)
_VARIABLES = select(variable.c.instance_id, variable.c.scope_id, variable.c.name, variable.c.value).where(
    among(variable.c.instance_id, "ids")
)
_SCOPED = _VARIABLES.where(among(variable.c.scope_id, "scopes"))
_CONTEXT = select(
    process_instance.c.id,
    process_instance.c.process_key,
    process_instance.c.business_key,
    process_instance.c.definition_id,
    process_instance.c.version,
).where(among(process_instance.c.id, "ids"))


LIVE_STATES = frozenset({InstanceState.RUNNING, InstanceState.SUSPENDED})


@dataclass(slots=True)
class LockedInstance:
    """One locked row."""

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
    start_key: str | None = None
    trace: str | None = None

    @property
    def has_ended(self) -> bool:
        return self.state not in LIVE_STATES


@dataclass(slots=True)
class SavedState:
    """What the interpreter saved of a live instance: column texts by part, and by (scope, variable)."""

    parts: dict[int, str] = field(default_factory=dict[int, str])
    variables: dict[tuple[int, str], str] = field(default_factory=dict[tuple[int, str], str])


def locking(ids: Collection[str]) -> Question:
    """Of the rows of LockedInstance; locks them in order of id, so that two transactions never wait for each other."""
    return Question(_LOCK, {"ids": sorted(ids)})


def saved_states(connection: Connection, ids: Sequence[str]) -> dict[str, SavedState]:
    """Of live instances."""
    found: dict[str, SavedState] = {}
    wanted = {"ids": list(ids)}
    roots, parts, variables = ask(connection, *(Question(query, wanted) for query in (_ROOTS, _PARTS, _VARIABLES)))
    for instance_id, root in roots:
        found[instance_id] = SavedState({0: root})
    for instance_id, part_id, data in parts:
        found[instance_id].parts[part_id] = data
    for instance_id, scope_id, name, text in variables:
        found[instance_id].variables[scope_id, name] = text
    return found


def forgets_runtime(connection: Connection, ids: Collection[str]) -> Iterator[bulk.Write]:
    """Deletes what ended instances no longer need: state, jobs, subscriptions, scopes other than their own."""
    keys = [(each,) for each in ids]
    for table in (instance_state, job, subscription):
        yield bulk.deletes(connection, table, ("instance_id",), keys)
    yield bulk.deletes(connection, variable, ("instance_id",), keys, only_where="variable.scope_id <> 0")


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


Scope = tuple[str, int]
"""An instance and the number of a scope in it."""


class Context(NamedTuple):
    """What a job's handler is told of its instance."""

    process_key: str
    business_key: str | None
    definition_id: str
    version: int


def scoped_variables(connection: Connection, wanted: Collection[Scope]) -> dict[Scope, dict[str, Any]]:
    """The variables of the given scopes."""
    return _by_scope(ask(connection, _scoped(wanted))[0], wanted, ValueReader(connection))


def surroundings(
    connection: Connection, ids: Collection[str], wanted: Collection[Scope]
) -> tuple[dict[str, Context], dict[Scope, dict[str, Any]]]:
    """Of instances by id, and the variables of the given scopes."""
    rows, variables = ask(connection, Question(_CONTEXT, {"ids": sorted(set(ids))}), _scoped(wanted))
    return {row[0]: Context(*row[1:]) for row in rows}, _by_scope(variables, wanted, ValueReader(connection))


def _scoped(wanted: Collection[Scope]) -> Question:
    """SQLite finds pairs in no index, but each part of them; what is found too much is left out."""
    ids, scopes = {instance_id for instance_id, _ in wanted}, {scope_id for _, scope_id in wanted}
    return Question(_SCOPED, {"ids": sorted(ids), "scopes": sorted(scopes)})


def _by_scope(rows: Answer, wanted: Collection[Scope], reader: ValueReader) -> dict[Scope, dict[str, Any]]:
    found: dict[Scope, dict[str, Any]] = defaultdict(dict)
    for instance_id, scope_id, name, text in rows:
        if (instance_id, scope_id) in wanted:
            found[instance_id, scope_id][name] = reader.value(text)
    return found
