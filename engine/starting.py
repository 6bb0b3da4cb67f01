"""What waits on behalf of a definition to start it: for a message, a signal, a time, or a condition."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from bpmn.model import EventDefinition, EventKind, Expression, FlowNode, Process
from engine.effects import PLAIN_JOB
from engine.errors import DeploymentRefused
from engine.model import JobState
from engine.timing import Schedule, TimerError, read_schedule

LONGEST_JOB_ID = 80
"""Characters: as many as the id of an incident may have, which a job that gave up is."""
ANY_NAME = ""
"""The name of a subscription that waits for no name: a condition's."""


@dataclass(slots=True)
class StartRows:
    """Rows of start_subscription and job."""

    subscriptions: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    timers: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


def start_rows(process: Process, definition_id: str, now: datetime, file: str) -> StartRows:
    """What *process* waits with from now on. Raises DeploymentRefused for a name or time without a value."""
    rows = StartRows()
    for node in process.starters:
        for part, event in enumerate(triggers_of(node)):
            if event.kind in (EventKind.MESSAGE, EventKind.SIGNAL):
                name = _evaluated(event.name, now, file, node) if event.name else event.ref
                rows.subscriptions.append(_subscription_row(process, node, part, definition_id, str(name or "")))
            elif event.kind is EventKind.CONDITIONAL:
                rows.subscriptions.append(_subscription_row(process, node, part, definition_id, ANY_NAME))
            elif event.kind is EventKind.TIMER:
                schedule = schedule_of(event, now, file, node)
                rows.timers.append(_timer_row(node, part, definition_id, schedule, now))
                if needs_all(node):  # arrivals are counted under the lock of these rows
                    rows.subscriptions.append(_subscription_row(process, node, part, definition_id, ANY_NAME))
    return rows


def triggers_of(node: FlowNode) -> tuple[EventDefinition, ...]:
    """The event definitions that *node* waits for, one or several; a part is a place in this list."""
    if node.event is None:
        return ()
    return node.event.parts or (node.event,)


def needs_all(node: FlowNode) -> bool:
    """Whether all triggers of *node* must come before it starts anything."""
    return node.event is not None and node.event.kind is EventKind.PARALLEL_MULTIPLE


def condition_holds(event: EventDefinition, variables: Mapping[str, Any], now: datetime) -> bool:
    """Of a conditional start event. One over variables that are not given does not hold."""
    from engine.evaluation import condition

    return event.condition is not None and condition(event.condition)(variables, now)


def schedule_of(event: EventDefinition, now: datetime, file: str, node: FlowNode) -> Schedule:
    """Raises DeploymentRefused where the timer's value is none, or its first time cannot be computed."""
    assert event.timer is not None
    value = _evaluated(event.timer.value, now, file, node)
    try:
        schedule = read_schedule(event.timer.kind, value, event.timer.sunday)
        schedule.first_due(now)
    except TimerError as problem:
        raise _refused(file, node, str(problem)) from problem
    return schedule


def next_start(
    parameters: Mapping[str, Any], schedule: Schedule, due_at: datetime, set_at: datetime
) -> tuple[datetime, int | None] | None:
    """When a start timer that was set at *set_at* comes again after *due_at*, and how often then (None: endlessly);
    None when never."""
    left: int | None = parameters.get("left")
    if left is not None and left <= 1:
        return None
    try:
        due_at = schedule.next_due(due_at, schedule.first_due(set_at))
    except TimerError:  # beyond the calendar
        return None
    return due_at, left - 1 if left is not None else None


def delivery_row(process_key: str, definition_id: str, now: datetime) -> dict[str, Any]:
    """A job that hands a new version the messages that have waited for its start events."""
    return PLAIN_JOB | {
        "id": _job_id(definition_id, "delivery"),
        "instance_id": None,
        "definition_id": definition_id,
        "activity_id": 0,
        "element_id": "",
        "kind": "delivery",
        "type": process_key,
        "state": JobState.AVAILABLE,
        "is_suspended": False,
        "created_at": now,
        "due_at": now,
    }


def _subscription_row(process: Process, node: FlowNode, part: int, definition_id: str, name: str) -> dict[str, Any]:
    return {
        "process_key": process.key,
        "element_id": node.id,
        "part": part,
        "kind": str(triggers_of(node)[part].kind),
        "name": name,
        "definition_id": definition_id,
    }


def timer_parameters(left: int | None, part: int) -> str:
    """Of a start timer's job: how often it still comes (None: endlessly), for which trigger of its event."""
    return orjson.dumps({"left": left, "part": part}).decode()


def _timer_row(node: FlowNode, part: int, definition_id: str, schedule: Schedule, now: datetime) -> dict[str, Any]:
    return PLAIN_JOB | {
        "id": _job_id(definition_id, node.id, *([str(part)] if part else [])),
        "instance_id": None,
        "definition_id": definition_id,
        "activity_id": 0,
        "element_id": node.id,
        "kind": "start_timer",
        "type": "start_timer",
        "state": JobState.AVAILABLE,
        "is_suspended": False,
        "created_at": now,
        "due_at": schedule.first_due(now),
        "parameters": timer_parameters(schedule.repeats_from(now), part),
    }


def _job_id(*parts: str) -> str:
    """What is too long ends with a digest of the whole."""
    whole = ".".join(parts)
    if len(whole) <= LONGEST_JOB_ID:
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()[:32]
    return f"{whole[: LONGEST_JOB_ID - len(digest) - 1]}.{digest}"


def _evaluated(expression: Expression | None, now: datetime, file: str, node: FlowNode) -> Any:
    """A start event knows no variables yet."""
    from bpmn.expressions import ExpressionError, compile_expression

    if expression is None:
        return None
    try:
        return compile_expression(expression)({}, now)
    except ExpressionError as problem:
        raise _refused(file, node, str(problem)) from problem


def _refused(file: str, node: FlowNode, message: str) -> DeploymentRefused:
    from bpmn.model import Finding

    return DeploymentRefused([Finding(file, node.line, "start-event", message, node.id)])
