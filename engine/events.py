"""What happened, in order. State, user tasks, jobs, subscriptions and history are all written from these.

`activity_id` as in `engine.commands`; scope 0 is the process instance's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from engine.record import record


class Unset(StrEnum):
    """Stands for the value of a variable that did not exist."""

    UNSET = "unset"


UNSET = Unset.UNSET

BY_OPERATOR = "operator"
"""The cause of what a person's command cancels, and not an element."""


@record
class InstanceStarted:
    element_id: str


@record
class InstanceEnded:
    """*outcome*: completed, terminated (a terminate end event), cancelled (an operator), or failed
    (an error or escalation that nobody caught; *error_code* names it)."""

    outcome: str
    error_code: str | None = None
    error_message: str = ""
    reason: str = ""


@record
class InstanceModified:
    """Somebody has moved tokens. *instructions*: as `engine.modification.described`; *before*, *after*: where tokens
    stood, (activity id, element id), and where they stand before they go on."""

    instructions: tuple[Mapping[str, Any], ...]
    before: tuple[tuple[int, str], ...]
    after: tuple[tuple[int, str], ...]
    reason: str = ""


@record
class InstanceMigrated:
    """The instance goes on by another version. *moved*: (activity id, element id, element
    id there, its name there) of what stands in it and has another id there."""

    before: tuple[tuple[int, str], ...]
    after: tuple[tuple[int, str], ...]
    moved: tuple[tuple[int, str, str, str], ...]
    mapping: Mapping[str, str]
    reason: str = ""


@record
class ActivityEntered:
    """*parent_id*: the activity instance it stands in (0: the process instance). *flow_id*: the sequence
    flow that led here. *kind*: the BPMN tag, or 'multiInstanceBody' for the body around the instances."""

    activity_id: int
    element_id: str
    kind: str
    parent_id: int
    flow_id: str | None = None
    name: str = ""


@record
class ActivityCompleted:
    activity_id: int
    element_id: str
    inputs: Mapping[str, Any] | None = None
    outputs: Mapping[str, Any] | None = None


@record
class ActivityCancelled:
    """*cause*: the id of the element that interrupted it, or BY_OPERATOR."""

    activity_id: int
    element_id: str
    cause: str


@record
class FlowTaken:
    flow_id: str


@record
class VariableChanged:
    """*before*, *after*: UNSET where it did not exist. *activity_id*: who wrote it (0: from outside)."""

    scope_id: int
    name: str
    before: Any
    after: Any
    activity_id: int = 0


@record
class JobCreated:
    """Work for an executor. *names*: handler names to try in order; the first is the job's type.
    *written_as*: the attribute that bound it, for messages. *retries*: attempts in all (None: the
    handler's own default); *retry_cycle* as the diagram gives it. *parameters*: values evaluated for the
    handler alone. *scopes*: whose variables it sees, innermost first. *is_exclusive*: it runs beside no other such job
    of the instance."""

    activity_id: int
    element_id: str
    names: tuple[str, ...]
    written_as: str
    retries: int | None = None
    retry_cycle: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    priority: int = 0
    line: int = 0
    scopes: tuple[int, ...] = (0,)
    is_exclusive: bool = False


@record
class ContinuationCreated:
    """A save point: the instance goes on by a job of its own (`Continue`)."""

    activity_id: int
    element_id: str
    priority: int = 0


@record
class TimerStarted:
    """*activity_id* and *element_id* are what `TriggerEvent` must carry."""

    activity_id: int
    element_id: str
    due_at: datetime
    priority: int = 0


@record
class TimerStopped:
    activity_id: int
    element_id: str


@record
class JobStopped:
    """The job of this activity is not wanted any more: its activity was interrupted."""

    activity_id: int


@record
class UserTaskCreated:
    activity_id: int
    element_id: str
    name: str
    assignee: str | None = None
    candidate_users: tuple[str, ...] = ()
    candidate_groups: tuple[str, ...] = ()
    due_at: datetime | None = None
    follow_up_at: datetime | None = None
    priority: int = 50
    form_key: str | None = None
    scopes: tuple[int, ...] = (0,)


@record
class UserTaskClosed:
    """*outcome*: completed, cancelled, or error (a BPMN error or escalation was reported)."""

    activity_id: int
    outcome: str


@record
class SubscriptionOpened:
    """*kind*: message, signal or conditional. *correlation_key*: the value to match (None: any)."""

    activity_id: int
    element_id: str
    kind: str
    name: str
    correlation_key: str | None = None


@record
class SubscriptionClosed:
    activity_id: int
    element_id: str


@record
class MessageThrown:
    """*time_to_live*: how long it waits for a receiver where there is none yet."""

    activity_id: int
    element_id: str
    name: str
    correlation_key: str | None
    variables: Mapping[str, Any]
    time_to_live: timedelta | None = None


@record
class SignalThrown:
    activity_id: int
    element_id: str
    name: str
    variables: Mapping[str, Any]


@record
class ProcessCalled:
    """A call activity wants a child instance; answer with CompleteActivity or ThrowError."""

    activity_id: int
    element_id: str
    process_key: str
    version_binding: str
    version: str | None
    variables: Mapping[str, Any]
    business_key: str | None = None


@record
class EscalationLeft:
    """An escalation that nobody in this instance catches: its caller may (ThrowEscalation there)."""

    activity_id: int
    code: str
    variables: Mapping[str, Any]


@record
class CalledProcessStopped:
    """The call activity was interrupted: its child instance ends with it."""

    activity_id: int


@record
class DecisionEvaluated:
    """A business rule task's decision: *rules* are the ids of the rules that fired. *required*: the decisions
    that were made for it, in order."""

    activity_id: int
    element_id: str
    decision_id: str
    inputs: Mapping[str, Any]
    result: Any
    rules: tuple[str, ...] = ()
    required: tuple[RequiredDecision, ...] = ()


@record
class RequiredDecision:
    """A decision that another one depends on, as it was made."""

    decision_id: str
    inputs: Mapping[str, Any]
    result: Any
    rules: tuple[str, ...] = ()


@record
class DataStoreRead:
    """*version*: what the activity saw (0: no value)."""

    activity_id: int
    element_id: str
    store: str
    version: int


@record
class DataStoreWritten:
    """*version*: of the new *value*."""

    activity_id: int
    element_id: str
    store: str
    version: int
    value: Any


@record
class IncidentRaised:
    """An expression or script failed, or no flow could be taken. `RetryActivity` takes it up again."""

    activity_id: int
    element_id: str
    kind: str
    message: str
    line: int = 0


@record
class IncidentResolved:
    activity_id: int


Event = (
    InstanceStarted
    | InstanceEnded
    | InstanceModified
    | InstanceMigrated
    | ActivityEntered
    | ActivityCompleted
    | ActivityCancelled
    | FlowTaken
    | VariableChanged
    | JobCreated
    | JobStopped
    | ContinuationCreated
    | TimerStarted
    | TimerStopped
    | UserTaskCreated
    | UserTaskClosed
    | SubscriptionOpened
    | SubscriptionClosed
    | MessageThrown
    | SignalThrown
    | ProcessCalled
    | CalledProcessStopped
    | EscalationLeft
    | DecisionEvaluated
    | DataStoreRead
    | DataStoreWritten
    | IncidentRaised
    | IncidentResolved
)
