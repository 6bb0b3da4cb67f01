"""Turns events into what must exist from now on: jobs, timers, user tasks, subscriptions, incidents, follow-ups."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

import orjson

from bpmn.model import EventKind
from engine import events as e
from engine.commands import Command
from engine.live import Live
from engine.model import InstanceState, JobState
from engine.store import tables
from engine.store.codec import check_key
from engine.store.jobs import stop_attempts
from engine.store.renaming import rename_elements
from engine.store.unit import UnitOfWork

_STATES = {
    "completed": InstanceState.COMPLETED,
    "terminated": InstanceState.TERMINATED,
    "cancelled": InstanceState.CANCELLED,
    "failed": InstanceState.FAILED,
}

FollowUp = (
    e.SubscriptionOpened
    | e.MessageThrown
    | e.SignalThrown
    | e.EscalationLeft
    | e.ProcessCalled
    | e.CalledProcessStopped
    | e.InstanceEnded
)


IsExclusive = Callable[[Sequence[str]], bool]


class Effects:
    """One for each command. *is_exclusive*: whether the handler of a job that goes by these names is, whatever the
    diagram says. *done*: the activities whose jobs are over before they could be written.
    *follow_ups*: events that concern other instances, in order."""

    def __init__(
        self, live: Live, command: Command, unit: UnitOfWork, is_exclusive: IsExclusive, done: Collection[int] = ()
    ) -> None:
        self._live = live
        self._is_exclusive = is_exclusive
        self._command = command
        self._unit = unit
        self._done = done
        self.follow_ups: list[FollowUp] = []
        self._closed: dict[int, None] = {}  # activities that wait no more, in an instance that has incidents

    def apply(self, events: Sequence[e.Event]) -> list[FollowUp]:
        for event in events:
            if (act := _ACTS.get(type(event))) is not None:
                act(self, event)
        for activity_id in self._closed:
            self._live.drop_held(self._command.at, self._command.actor, activity_id)
        return self.follow_ups

    def job_created(self, event: e.JobCreated) -> None:
        if event.activity_id in self._done:
            return
        is_exclusive = event.is_exclusive or self._is_exclusive(event.names)
        must_wait = is_exclusive and not self._live.is_alone(event.activity_id)
        if must_wait:
            self._unit.pass_turn(self._live.id, self._command.at)
        self._unit.insert(
            tables.job,
            job_row(
                self._live,
                self._command.at,
                id=f"{self._live.id}.{event.activity_id}",
                kind="service",
                state=JobState.QUEUED if must_wait else JobState.AVAILABLE,
                is_exclusive=is_exclusive,
                activity_id=event.activity_id,
                element_id=event.element_id,
                type=event.names[0],
                names=_json(event.names),
                written_as=event.written_as,
                line=event.line,
                rank=-event.priority,
                retries=event.retries,
                retry_cycle=event.retry_cycle,
                headers=_json(dict(event.headers)),
                parameters=self._unit.values.mapping(event.parameters, self._live.id),
                scopes=_json(event.scopes),
            ),
        )

    def continuation_created(self, event: e.ContinuationCreated) -> None:
        self._unit.insert(
            tables.job,
            job_row(
                self._live,
                self._command.at,
                id=continuation_id(self._live.id, event.activity_id),
                kind="continuation",
                activity_id=event.activity_id,
                element_id=event.element_id,
                rank=-event.priority,
            ),
        )

    def job_stopped(self, event: e.JobStopped) -> None:
        if getattr(self._command, "activity_id", None) != event.activity_id:  # else its own end stops it
            stop_attempts(self._unit.connection, f"{self._live.id}.{event.activity_id}", self._command.at)
        self._unit.delete(tables.job, (f"{self._live.id}.{event.activity_id}",))
        self._unit.delete(tables.job, (continuation_id(self._live.id, event.activity_id),))
        self._unit.pass_turn(self._live.id, self._command.at)
        self._live.resolve_incidents(self._command.at, self._command.actor, event.activity_id)

    def timer_started(self, event: e.TimerStarted) -> None:
        self._unit.insert(
            tables.job,
            job_row(
                self._live,
                self._command.at,
                id=timer_id(self._live.id, event.activity_id, event.element_id),
                kind="timer",
                activity_id=event.activity_id,
                element_id=event.element_id,
                due_at=event.due_at,
                rank=-event.priority,
            ),
        )

    def timer_stopped(self, event: e.TimerStopped) -> None:
        self._unit.delete(tables.job, (timer_id(self._live.id, event.activity_id, event.element_id),))

    def user_task_created(self, event: e.UserTaskCreated) -> None:
        task_id = f"{self._live.id}.{event.activity_id}"
        self._unit.insert(
            tables.user_task,
            {
                "id": task_id,
                "instance_id": self._live.id,
                "activity_id": event.activity_id,
                "element_id": event.element_id,
                "name": event.name,
                "assignee": event.assignee,
                "candidate_users": _json(event.candidate_users),
                "candidate_groups": _json(event.candidate_groups),
                "created_at": self._command.at,
                "due_at": event.due_at,
                "follow_up_at": event.follow_up_at,
                "priority": event.priority,
                "form_key": event.form_key,
                "closed_at": None,
                "outcome": None,
                "closed_by": None,
            },
        )
        for kind, names in (("user", event.candidate_users), ("group", event.candidate_groups)):
            for name in dict.fromkeys(names):
                self._unit.insert(tables.task_candidate, {"task_id": task_id, "kind": kind, "name": name})

    def user_task_closed(self, event: e.UserTaskClosed) -> None:
        closing = {"closed_at": self._command.at, "outcome": event.outcome, "closed_by": self._command.actor}
        self._unit.update(tables.user_task, (f"{self._live.id}.{event.activity_id}",), closing)

    def subscription_opened(self, event: e.SubscriptionOpened) -> None:
        """Raises InvalidInput for a name that no database can look up."""
        check_key(event.name, f"{event.kind}'s name")
        self._unit.insert(
            tables.subscription,
            {
                "instance_id": self._live.id,
                "activity_id": event.activity_id,
                "element_id": event.element_id,
                "kind": event.kind,
                "name": event.name,
                "correlation_key": event.correlation_key,
                "created_at": self._command.at,
            },
        )
        self._closed.pop(event.activity_id, None)
        if event.kind == EventKind.MESSAGE:  # one may have waited for it
            self.follow_ups.append(event)

    def subscription_closed(self, event: e.SubscriptionClosed) -> None:
        self._unit.delete_subscription(self._live.id, event.activity_id, event.element_id)
        if self._live.row.incident_count > 0:
            self._closed[event.activity_id] = None

    def incident_raised(self, event: e.IncidentRaised) -> None:
        self._live.raise_incident(
            self._command.at,
            event.activity_id,
            event.element_id,
            event.kind,
            event.message,
            location=f"{self._live.file}:{event.line}" if event.line else self._live.file,
        )

    def incident_resolved(self, event: e.IncidentResolved) -> None:
        self._live.resolve_incidents(self._command.at, self._command.actor, event.activity_id)

    def instance_migrated(self, event: e.InstanceMigrated) -> None:
        if event.moved:
            self._unit.flush()
            rename_elements(self._unit.connection, self._live.id, event.moved)

    def instance_ended(self, event: e.InstanceEnded) -> None:
        reason = event.reason or " ".join(part for part in (event.error_code, event.error_message) if part)
        self._live.end(self._command.at, _STATES[event.outcome], reason)
        self._live.resolve_incidents(self._command.at, self._command.actor)
        self.follow_ups.append(event)

    def concerns_others(self, event: FollowUp) -> None:
        self.follow_ups.append(event)


def job_row(
    live: Live,
    at: datetime,
    *,
    id: str,
    kind: str,
    activity_id: int,
    element_id: str,
    due_at: datetime | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A row for the job table that waits for a worker, with *more* columns set."""
    return {
        "id": id,
        "instance_id": live.id,
        "definition_id": None,
        "activity_id": activity_id,
        "element_id": element_id,
        "kind": kind,
        "state": JobState.AVAILABLE,
        "is_suspended": live.is_suspended,
        "created_at": at,
        "due_at": due_at or at,
    } | {**PLAIN_JOB, "type": kind, "trace": live.trace, **more}


def timer_id(instance_id: str, activity_id: int, element_id: str) -> str:
    return f"{instance_id}.{activity_id}.{element_id}"


def continuation_id(instance_id: str, activity_id: int) -> str:
    return f"{instance_id}.{activity_id}.continue"


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


PLAIN_JOB: dict[str, Any] = {
    "names": "[]",
    "written_as": "",
    "line": 0,
    "is_external": False,
    "is_exclusive": False,
    "rank": 0,
    "attempt": 0,
    "retries": None,
    "retries_left": None,
    "retry_cycle": None,
    "lost_leases": 0,
    "lease_token": None,
    "lease_owner": None,
    "lease_until": None,
    "error": None,
    "headers": "{}",
    "parameters": "{}",
    "scopes": "[0]",
    "trace": None,
}

_ACTS: dict[type, Callable[[Effects, Any], None]] = {
    e.JobCreated: Effects.job_created,
    e.JobStopped: Effects.job_stopped,
    e.ContinuationCreated: Effects.continuation_created,
    e.TimerStarted: Effects.timer_started,
    e.TimerStopped: Effects.timer_stopped,
    e.UserTaskCreated: Effects.user_task_created,
    e.UserTaskClosed: Effects.user_task_closed,
    e.SubscriptionOpened: Effects.subscription_opened,
    e.SubscriptionClosed: Effects.subscription_closed,
    e.IncidentRaised: Effects.incident_raised,
    e.IncidentResolved: Effects.incident_resolved,
    e.InstanceMigrated: Effects.instance_migrated,
    e.InstanceEnded: Effects.instance_ended,
    e.MessageThrown: Effects.concerns_others,
    e.SignalThrown: Effects.concerns_others,
    e.ProcessCalled: Effects.concerns_others,
    e.CalledProcessStopped: Effects.concerns_others,
    e.EscalationLeft: Effects.concerns_others,
}
