"""What the tables say, beside what the model says."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select

from engine.history.reader import Reader
from engine.store import tables
from tests.engine.stateful.model import WAITS, Request, World


def there(connection: Connection, now: datetime) -> dict[str, Any]:
    """All that is open, and what has been left behind."""
    found = {what: [tuple(row) for row in connection.execute(query, {"now": now})] for what, query in _QUERIES.items()}
    instances = found.pop("instances")
    return {what: Counter(rows) for what, rows in found.items()} | {
        "instances": {row[0]: row[1:-1] for row in instances},
        "live": {row[0] for row in instances if row[-1]},
    }


def expected(world: World) -> dict[str, Any]:
    """As `there`. What the interpreter saves besides the root is its own affair: of live instances only."""
    requests = world.requests
    live = [each for each in requests if each.is_live]
    letters = world.alive_letters()
    return {
        "instances": {each.id: (each.state, each.version, each.ended_at, len(each.failed)) for each in requests},
        "tokens": Counter((each.id, element) for each in live for element in each.at),
        "tasks": Counter((each.id, "Approve", each.assignee) for each in live if "Approve" in each.at),
        "jobs": Counter(
            (
                each.id,
                element,
                work.kind,
                work.state,
                each.state == "suspended",
                work.due_at,
                work.attempt,
                work.until,
            )
            for each in live
            for element, work in each.jobs.items()
        ),
        "deferred": Counter(
            (each.id, deferred.work.state, each.state == "suspended") for each in live for deferred in each.deferred
        ),
        "incidents": Counter((each.id, element) for each in live for element in each.failed),
        "subscriptions": Counter(
            (each.id, element, each.customer if element == "Answer" else None)
            for each in live
            for element in each.at
            if element in ("Answer", "Go")
        ),
        "letters": Counter((each.key, each.is_waiting) for each in letters),
        "live": {each.id for each in live},
    }


def check(connection: Connection, world: World) -> None:
    seen, wanted = there(connection, world.now), expected(world)
    assert {instance_id for (instance_id,) in seen.pop("states")} <= wanted["live"]
    for what, value in wanted.items():
        assert seen[what] == value, what


def check_history(read: Reader, request: Request) -> None:
    """The whole record of one instance, and that its variables are what it says."""
    history = read.history(request.id)
    assert [entry.sequence for entry in history.log] == list(range(1, len(history.log) + 1))
    log = Counter(entry.action for entry in history.log)
    assert log == +request.log, (log - request.log, request.log - log)
    visits = Counter((each.element_id, each.outcome) for each in history.activities if each.element_id in WAITS)
    assert visits == request.visits + Counter((element, None) for element in request.at)
    elements = {each.activity_id: each.element_id for each in history.activities}
    attempts = Counter((elements[each.activity_id], each.outcome) for each in history.job_attempts)
    assert attempts == +request.attempts, (attempts, +request.attempts)
    replayed: dict[str, Any] = {}
    for change in history.variable_changes:
        assert replayed.get(change.name) == change.before
        replayed[change.name] = change.after
    assert replayed == request.variables
    assert read.variables(request.id) == request.variables
    times = [entry.at for entry in history.log]
    assert times == sorted(times)


_INSTANCE, _DEFINITION = tables.process_instance.c, tables.process_definition.c
_ACTIVITY, _TASK, _INCIDENT = tables.activity.c, tables.user_task.c, tables.incident.c
_JOB, _WAITING, _LETTER = tables.job.c, tables.subscription.c, tables.message.c
_QUERIES: dict[str, Select[Any]] = {
    "instances": select(
        _INSTANCE.id,
        _INSTANCE.state,
        _DEFINITION.version,
        _INSTANCE.ended_at,
        _INSTANCE.incident_count,
        _INSTANCE.root.is_not(None),
    ).join(tables.process_definition, _DEFINITION.id == _INSTANCE.definition_id),
    "tokens": select(_ACTIVITY.instance_id, _ACTIVITY.element_id).where(
        _ACTIVITY.ended_at.is_(None), _ACTIVITY.element_id.in_(WAITS)
    ),
    "tasks": select(_TASK.instance_id, _TASK.element_id, _TASK.assignee).where(_TASK.closed_at.is_(None)),
    "jobs": select(
        _JOB.instance_id,
        _JOB.element_id,
        _JOB.kind,
        _JOB.state,
        _JOB.is_suspended,
        _JOB.due_at,
        _JOB.attempt,
        _JOB.lease_until,
    ).where(_JOB.kind != "deferred"),
    "deferred": select(_JOB.instance_id, _JOB.state, _JOB.is_suspended).where(_JOB.kind == "deferred"),
    "incidents": select(_INCIDENT.instance_id, _INCIDENT.element_id).where(_INCIDENT.resolved_at.is_(None)),
    "subscriptions": select(_WAITING.instance_id, _WAITING.element_id, _WAITING.correlation_key),
    "letters": select(_LETTER.correlation_key, _LETTER.delivered_at.is_(None)).where(
        _LETTER.expires_at > bindparam("now")
    ),
    "states": select(tables.instance_state.c.instance_id),
}
