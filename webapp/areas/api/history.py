"""What has happened in an instance: activities, changes of variables, attempts at jobs, the audit log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.errors import InvalidInput
from engine.tokens import Scope
from webapp.areas.api.lists import cursor, no_cursor, read_cursor
from webapp.areas.api.operation import Call, operation
from webapp.areas.api.records import Activity, Attempt, Change, Line, Listed, Paged
from webapp.areas.api.values import to_json
from webapp.context import the_engine

_TAG = "History"


@operation(
    "GET",
    "/process-instances/{id}/activities",
    tag=_TAG,
    scope=Scope.READ,
    query=Paged,
    answers={200: Listed[Activity]},
)
def list_activities(call: Call, id: str) -> Listed[Activity]:
    """List the visits of flow nodes, in order of entry."""
    return _part(call.query, id, "activities", Activity.model_validate)


@operation(
    "GET",
    "/process-instances/{id}/variable-changes",
    tag=_TAG,
    scope=Scope.READ,
    query=Paged,
    answers={200: Listed[Change]},
)
def list_changes(call: Call, id: str) -> Listed[Change]:
    """List what became of variables: before, after, by whom, at which activity."""
    return _part(call.query, id, "variable_changes", _change)


@operation(
    "GET", "/process-instances/{id}/attempts", tag=_TAG, scope=Scope.READ, query=Paged, answers={200: Listed[Attempt]}
)
def list_attempts(call: Call, id: str) -> Listed[Attempt]:
    """List the attempts at jobs, of workers here and elsewhere."""
    return _part(call.query, id, "job_attempts", Attempt.model_validate)


@operation("GET", "/process-instances/{id}/log", tag=_TAG, scope=Scope.READ, query=Paged, answers={200: Listed[Line]})
def list_log(call: Call, id: str) -> Listed[Line]:
    """Read the audit log: who did what, when, and with what."""
    return _part(call.query, id, "log", Line.model_validate)


def _part(query: Paged, id: str, part: str, told: Callable[[Any], Any]) -> Listed[Any]:
    after = read_cursor(query.cursor)
    try:
        found = the_engine().read.history_part(id, part, after, query.limit)
    except InvalidInput:
        raise no_cursor() from None
    return Listed[Any](items=[told(each) for each in found.items], next=cursor(found.next) if found.next else None)


def _change(change: Any) -> Change:
    told = {name: getattr(change, name) for name in Change.model_fields}
    return Change(**told | {"before": to_json(change.before), "after": to_json(change.after)})
