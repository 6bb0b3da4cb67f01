"""Records by conditions: what can be asked of each kind, and how rows become records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, exists, false, func, null, or_, select, union_all

from engine.deployments import definition_of
from engine.errors import InvalidInput
from engine.model import InstanceState
from engine.searching import Condition, DeploymentRecord, Located, Operator, Search, Variable
from engine.store import history, lists
from engine.store.codec import encode
from engine.store.tables import (
    activity,
    deployment,
    incident,
    job,
    process_definition,
    process_instance,
    task_candidate,
    user_task,
    variable,
)
from engine.store.types import AnyRow
from engine.store.values import LARGE, ValueReader

_VARIABLE = "variable:"

Special = Callable[[Condition], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Kind:
    """*fields*: columns that can be compared and ordered by; *special*: what can only be asked for;
    *tie*: decides the order of equals."""

    query: Select[Any]
    fields: Mapping[str, ColumnElement[Any]]
    tie: tuple[ColumnElement[Any], ...]
    record: Callable[[AnyRow, ValueReader], Any]
    special: Mapping[str, Special]


def kind_of(connection: Connection, name: str) -> Kind:
    """What `KINDS` has under *name*; of incidents those of no instance too, where there are any."""
    return _ALL_INCIDENTS if name == "incidents" and lists.has_stuck(connection) else KINDS[name]


def find(connection: Connection, kind: Kind, search: Search) -> list[Any]:
    """Raises InvalidInput where *kind* has no such field."""
    query = _narrowed(kind, search.conditions)
    for field, is_descending in search.order:
        column = _field(kind, field)
        ordered = column.desc() if is_descending else column.asc()
        query = query.order_by(ordered.nulls_last() if getattr(column, "nullable", True) else ordered)
    rows = connection.execute(query.order_by(*kind.tie).limit(search.limit).offset(search.offset)).all()
    reader = ValueReader(connection)
    return [kind.record(row, reader) for row in rows]


def keys(connection: Connection, kind: Kind, conditions: Sequence[Condition], *fields: str) -> list[tuple[Any, ...]]:
    """These *fields* of all records that fulfil the *conditions*, however many. Raises as `find`."""
    columns = [_field(kind, name) for name in fields]
    query = _narrowed(kind, conditions).with_only_columns(*columns, maintain_column_froms=True)
    return [tuple(row) for row in connection.execute(query.order_by(*kind.tie))]


def count(connection: Connection, kind: Kind, conditions: Sequence[Condition]) -> int:
    """Raises as `find`."""
    query = _narrowed(kind, conditions).with_only_columns(func.count(), maintain_column_froms=True)
    return connection.execute(query.order_by(None)).scalar_one()


def _narrowed(kind: Kind, conditions: Sequence[Condition]) -> Select[Any]:
    query, is_by_key = kind.query, any(each.field == "business_key" for each in conditions)
    for condition in conditions:
        if (special := kind.special.get(condition.field)) is not None:
            query = query.where(special(condition))
        elif condition.field.startswith(_VARIABLE):
            name = condition.field.removeprefix(_VARIABLE)
            query = query.where(has_variable(name, condition.value, condition.operator))
        else:
            column = _field(kind, condition.field)
            if is_by_key and condition.field == "state":  # as in engine.store.lists.instances
                column = func.coalesce(column, "")
            query = query.where(_compared(column, condition))
    return query


def _field(kind: Kind, name: str) -> ColumnElement[Any]:
    try:
        return kind.fields[name]
    except KeyError:
        raise InvalidInput(
            f"'{name}' is no field to search or order by. There are: {', '.join(kind.fields)}."
        ) from None


def _compared(column: ColumnElement[Any], condition: Condition) -> ColumnElement[bool]:
    value = condition.value
    match condition.operator:
        case Operator.EQUAL:
            return column == value
        case Operator.UNEQUAL:
            return column != value
        case Operator.LESS:
            return column < value
        case Operator.LESS_OR_EQUAL:
            return column <= value
        case Operator.GREATER:
            return column > value
        case Operator.GREATER_OR_EQUAL:
            return column >= value
        case Operator.LIKE:
            return column.like(_pattern(str(value)), escape="\\")
        case Operator.ONE_OF:
            return column.in_(list(value)) if value else false()
        case Operator.NONE_OF:
            return column.not_in(list(value))
        case Operator.EXISTS:
            return column.is_not(None) if value else column.is_(None)


def _pattern(text: str) -> str:
    """As a pattern in which a backslash is a backslash."""
    return text.replace("\\", "\\\\")


def has_variable(name: str, value: Any, operator: Operator = Operator.EQUAL) -> ColumnElement[bool]:
    """Whether the process has such a variable. Values are compared as they are written, so only for being equal or
    like. Raises InvalidInput."""
    columns = variable.c
    has = exists().where(columns.instance_id == process_instance.c.id, columns.scope_id == 0, columns.name == name)
    if operator is Operator.LIKE:
        return has.where(columns.value.like(_pattern(encode(str(value))), escape="\\"))
    if operator not in (Operator.EQUAL, Operator.UNEQUAL):
        raise InvalidInput(f"Variable '{name}' cannot be searched by '{operator}'. Search by =, != or like.")
    texts = {encode(each, name) for each in _equals(value)}
    if any(len(text) >= LARGE for text in texts):
        raise InvalidInput(f"The value for variable '{name}' is too long to be searched by.")
    is_it = columns.value.in_(sorted(texts))
    return has.where(is_it if operator is Operator.EQUAL else ~is_it)


def _equals(value: Any) -> tuple[Any, ...]:
    """*value*, and what is equal to it but written otherwise: 1 and 1.0."""
    if isinstance(value, float) and value.is_integer():
        return value, int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53:
        return value, float(value)
    return (value,)


def _candidate(kind: str) -> Special:
    def waits_for(condition: Condition) -> ColumnElement[bool]:
        columns = task_candidate.c
        found = exists().where(columns.task_id == user_task.c.id, columns.kind == kind)
        if condition.operator is Operator.EXISTS:
            return found if condition.value else ~found
        return found.where(_compared(columns.name, condition))

    return waits_for


def _visible_to(condition: Condition) -> ColumnElement[bool]:
    """Tasks of somebody, given as the name and the groups: assigned to them, or theirs to claim."""
    user, groups = condition.value
    columns = task_candidate.c
    is_them = or_(
        and_(columns.kind == "user", columns.name == user),
        and_(columns.kind == "group", columns.name.in_(sorted(groups))),
    )
    return or_(user_task.c.assignee == user, exists().where(columns.task_id == user_task.c.id, is_them))


def _active_at(condition: Condition) -> ColumnElement[bool]:
    """Instances with an activity of this id under way."""
    columns = activity.c
    is_open = and_(columns.instance_id == process_instance.c.id, columns.ended_at.is_(None))
    return exists().where(is_open, _compared(columns.element_id, condition))


def _text(condition: Condition) -> ColumnElement[bool]:
    """Instances that a list of them finds by this text."""
    return lists.has_text(str(condition.value))


def _text_of(instance_id: ColumnElement[str]) -> Special:
    """What belongs to such an instance."""
    found = lists.INSTANCE.with_only_columns(process_instance.c.id, maintain_column_froms=True).correlate(None)
    return lambda condition: instance_id.in_(found.where(_text(condition)))


def _at_places(condition: Condition) -> ColumnElement[bool]:
    """Activities of these elements, given as lists of their ids by the definition of their instance."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for definition_id, element_ids in condition.value.items():
        alike.setdefault(tuple(sorted(element_ids)), []).append(definition_id)
    columns = (process_instance.c.definition_id, activity.c.element_id)
    places = [and_(columns[0].in_(those), columns[1].in_(ids)) for ids, those in alike.items() if ids]
    return or_(false(), *places)


def _is_latest(condition: Condition) -> ColumnElement[bool]:
    later = process_definition.alias().c
    has_later = exists().where(later.key == process_definition.c.key, later.version > process_definition.c.version)
    return ~has_later if condition.value else has_later


def _fields(table: Table, *names: str) -> dict[str, ColumnElement[Any]]:
    return {name: table.c[name] for name in names}


_INSTANCE_COLUMNS = (
    process_instance.c.process_key,
    process_instance.c.definition_id,
    process_instance.c.business_key,
    process_instance.c.state.label("instance_state"),
)
_OF_INSTANCE = {
    "process_key": process_instance.c.process_key,
    "definition_id": process_instance.c.definition_id,
    "business_key": process_instance.c.business_key,
    "instance_state": process_instance.c.state,
}


def _within(table: Table) -> Select[Any]:
    """Rows of *table* with what is told of their instance."""
    return select(table, *_INSTANCE_COLUMNS).join(process_instance, process_instance.c.id == table.c.instance_id)


def _located(item: Any, row: AnyRow) -> Located[Any]:
    return Located(
        item=item,
        instance_id=row.instance_id or None,
        process_key=row.process_key,
        definition_id=row.definition_id,
        business_key=row.business_key,
        instance_state=InstanceState(row.instance_state) if row.instance_state else None,
    )


def _deployment(row: AnyRow, _: ValueReader) -> DeploymentRecord:
    return DeploymentRecord(row.id, row.name, row.deployed_at, row.deployed_by)


def _variable(row: AnyRow, reader: ValueReader) -> Located[Variable]:
    return _located(Variable(row.instance_id, row.scope_id, row.name, reader.value(row.value)), row)


_INSTANCES = Kind(
    query=lists.INSTANCE,
    fields=_OF_INSTANCE
    | _fields(
        process_instance,
        "id",
        "state",
        "started_at",
        "started_by",
        "ended_at",
        "parent_id",
        "incident_count",
        "version",
    )
    | {"version": process_definition.c.version, "process_name": process_definition.c.name},
    tie=(process_instance.c.id,),
    record=lambda row, _: lists.instance_of(row),
    special={"active_at": _active_at, "text": _text},
)
_TASKS = Kind(
    query=lists.TASK.add_columns(*_INSTANCE_COLUMNS[1:2], _INSTANCE_COLUMNS[3]),
    fields=_OF_INSTANCE
    | _fields(
        user_task,
        *("id", "instance_id", "activity_id", "element_id", "name", "assignee", "created_at", "due_at"),
        *("follow_up_at", "priority", "closed_at", "outcome", "closed_by"),
    )
    | {"process_name": process_definition.c.name},
    tie=(user_task.c.created_at, user_task.c.id),
    record=lambda row, _: _located(lists.task_of(row), row),
    special={
        "candidate_user": _candidate("user"),
        "candidate_group": _candidate("group"),
        "visible_to": _visible_to,
    },
)
_ACTIVITIES = Kind(
    query=_within(activity),
    fields=_OF_INSTANCE
    | _fields(
        activity,
        *("instance_id", "activity_id", "element_id", "name", "kind", "parent_id", "entered_at", "ended_at"),
        "outcome",
    ),
    tie=(activity.c.instance_id, activity.c.activity_id),
    record=lambda row, _: _located(history.activity_of(row), row),
    special={"places": _at_places},
)
_VARIABLES = Kind(
    query=_within(variable),
    fields=_OF_INSTANCE | _fields(variable, "instance_id", "scope_id", "name"),
    tie=(variable.c.instance_id, variable.c.scope_id, variable.c.name),
    record=_variable,
    special={},
)
_INCIDENT_FIELDS = (
    *("id", "instance_id", "activity_id", "element_id", "kind", "job_id", "message", "created_at"),
    *("resolved_at", "resolved_by"),
)
_IS_FOR_OTHERS = and_(job.c.kind == "service", or_(job.c.is_external, job.c.written_as == "topic"))


def _of_others(job_id: ColumnElement[str]) -> Special:
    """Whether a job is one that workers elsewhere do, by its id."""
    found = select(job.c.id).where(job.c.id == job_id, _IS_FOR_OTHERS).exists()
    return lambda condition: found if condition.value else ~found


_INCIDENTS = Kind(
    query=_within(incident),
    fields=_OF_INSTANCE | _fields(incident, *_INCIDENT_FIELDS),
    tie=(incident.c.created_at, incident.c.id),
    record=lambda row, _: _located(lists.incident_of(row), row),
    special={"for_workers_elsewhere": _of_others(incident.c.job_id), "text": _text_of(incident.c.instance_id)},
)
_WITH_STUCK = union_all(_within(incident), lists.STUCK.add_columns(process_definition.c.id, null(), null())).subquery()
_ALL_INCIDENTS = Kind(
    query=select(_WITH_STUCK),
    fields={name: _WITH_STUCK.c[name] for name in (*_OF_INSTANCE, *_INCIDENT_FIELDS)},
    tie=(_WITH_STUCK.c.created_at, _WITH_STUCK.c.id),
    record=lambda row, _: _located(lists.incident_of(row), row),
    special={"for_workers_elsewhere": _of_others(_WITH_STUCK.c.job_id), "text": _text_of(_WITH_STUCK.c.instance_id)},
)
_DEFINITION_OF_JOB = func.coalesce(process_instance.c.definition_id, job.c.definition_id)
_JOB_FIELDS = _fields(
    job,
    *("id", "instance_id", "activity_id", "element_id", "kind", "type", "state", "due_at", "created_at"),
    *("is_suspended", "is_external", "rank", "lease_owner", "lease_until", "error"),
)
_JOBS = Kind(
    query=select(
        *(column for column in job.c if column.name != "definition_id"),
        process_definition.c.id.label("definition_id"),
        process_definition.c.key.label("process_key"),
        process_instance.c.business_key,
        process_instance.c.state.label("instance_state"),
        process_definition.c.version,
        process_definition.c.version_tag,
    )
    .outerjoin(process_instance, process_instance.c.id == job.c.instance_id)
    .join(process_definition, process_definition.c.id == _DEFINITION_OF_JOB),
    fields=_JOB_FIELDS
    | {
        "process_key": process_definition.c.key,
        "definition_id": process_definition.c.id,
        "business_key": process_instance.c.business_key,
        "retries_left": func.coalesce(job.c.retries_left, job.c.retries),
    },
    tie=(job.c.due_at, job.c.id),
    record=lambda row, _: _located(lists.job_of(row), row),
    special={"for_workers_elsewhere": lambda condition: _IS_FOR_OTHERS if condition.value else ~_IS_FOR_OTHERS},
)
_DEFINITIONS = Kind(
    query=select(process_definition),
    fields=_fields(
        process_definition,
        *("id", "key", "version", "name", "version_tag", "deployment_id", "resource_name", "deployed_at"),
        "is_startable",
    ),
    tie=(process_definition.c.key, process_definition.c.version),
    record=lambda row, _: definition_of(row),
    special={"is_latest": _is_latest},
)
_DEPLOYMENTS = Kind(
    query=select(deployment),
    fields={
        "id": deployment.c.id,
        "name": deployment.c.name,
        "deployed_at": deployment.c.deployed_at,
        "by": deployment.c.deployed_by,
    },
    tie=(deployment.c.deployed_at, deployment.c.id),
    record=_deployment,
    special={},
)
KINDS = {
    "instances": _INSTANCES,
    "tasks": _TASKS,
    "activities": _ACTIVITIES,
    "variables": _VARIABLES,
    "incidents": _INCIDENTS,
    "jobs": _JOBS,
    "definitions": _DEFINITIONS,
    "deployments": _DEPLOYMENTS,
}
