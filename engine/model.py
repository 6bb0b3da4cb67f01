"""The records that the engine hands out: frozen, JSON-friendly, named as the field names them.

Times are aware UTC datetimes; an `activity_id` is the number of an activity instance in its process
instance; a job's, user task's and incident's `id` is '<instance id>.<activity id>'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from bpmn.model import Finding
from engine.cancellation import Cancellation


class InstanceState(StrEnum):
    RUNNING = "running"
    SUSPENDED = "suspended"
    COMPLETED = "completed"
    TERMINATED = "terminated"  # by a terminate end event
    CANCELLED = "cancelled"  # by a person, or with its caller
    FAILED = "failed"  # by an error that nobody caught


class JobState(StrEnum):
    AVAILABLE = "available"  # waits for its due time and a worker
    QUEUED = "queued"  # exclusive: waits for another job of its instance
    RUNNING = "running"  # leased by a worker
    FAILED = "failed"  # out of retries: an incident is open
    COMPLETED = "completed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Resource:
    """One file as it was uploaded, byte for byte."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class ProcessDefinition:
    id: str
    key: str
    version: int
    name: str
    deployment_id: str
    resource_name: str
    deployed_at: datetime
    version_tag: str | None = None
    documentation: str = ""
    has_start_form: bool = False
    is_startable: bool = True  # has a none start event and is shown in the list
    starter_users: tuple[str, ...] = ()
    starter_groups: tuple[str, ...] = ()
    history_time_to_live: str | None = None  # as the diagram says it: days, or an ISO 8601 duration


@dataclass(frozen=True, slots=True)
class Deployment:
    """*definitions*: the process definitions of the deployed files, new or unchanged; *is_new* is False
    when every file was already there byte for byte. *warnings*: findings that did not refuse it."""

    id: str
    deployed_at: datetime
    by: str
    definitions: tuple[ProcessDefinition, ...]
    is_new: bool
    warnings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class ProcessInstance:
    id: str
    definition_id: str
    process_key: str
    process_name: str
    version: int  # of its definition
    business_key: str | None
    state: InstanceState
    started_at: datetime
    started_by: str
    ended_at: datetime | None = None
    parent_id: str | None = None  # the instance that called it
    parent_activity_id: int | None = None
    incident_count: int = 0
    end_reason: str = ""

    @property
    def has_ended(self) -> bool:
        return self.ended_at is not None


@dataclass(frozen=True, slots=True)
class UserTask:
    id: str
    instance_id: str
    activity_id: int
    element_id: str
    name: str
    process_key: str
    process_name: str
    business_key: str | None
    created_at: datetime
    assignee: str | None = None
    candidate_users: tuple[str, ...] = ()
    candidate_groups: tuple[str, ...] = ()
    due_at: datetime | None = None
    follow_up_at: datetime | None = None
    priority: int = 50
    form_key: str | None = None
    closed_at: datetime | None = None
    outcome: str | None = None  # of a closed one: completed, cancelled, error, ...
    closed_by: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """What a handler gets. `idempotency_key` is the same on every repeat of this job."""

    id: str
    type: str
    instance_id: str
    activity_id: int
    element_id: str
    process_key: str
    business_key: str | None
    variables: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict[str, Any])
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    attempt: int = 1  # 1-based
    retries_left: int = 0  # attempts that remain after this one
    traceparent: str | None = None  # W3C; of the activity's span, where traces are made
    cancellation: Cancellation = field(default_factory=Cancellation, repr=False, compare=False)

    @property
    def idempotency_key(self) -> str:
        return self.id

    def is_cancelled(self) -> bool:
        """Whether the result is not wanted any more: an event has interrupted the activity, or its time is up."""
        return self.cancellation.reason is not None


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job as operators see it. *kind*: service, timer or continuation."""

    id: str
    instance_id: str
    activity_id: int
    element_id: str
    kind: str
    type: str
    state: JobState
    due_at: datetime
    attempts: int
    retries_left: int | None
    worker: str | None = None
    error: str | None = None
    created_at: datetime | None = None
    priority: int = 0
    is_suspended: bool = False
    leased_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """*kind*: job, expression, unbound, ... *detail*: stack or further lines. *location*: file:line.

    A job that starts instances and gave up (*kind*: start_timer, delivery) has its own id, an empty *instance_id*, and
    the *process_key* of its process."""

    id: str
    instance_id: str
    activity_id: int
    element_id: str
    kind: str
    message: str
    created_at: datetime
    detail: str = ""
    location: str = ""
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    job_id: str | None = None
    process_key: str = ""


@dataclass(frozen=True, slots=True)
class ActivityRecord:
    """One visit of one flow node. *outcome*: None while it lasts, else completed or cancelled."""

    instance_id: str
    activity_id: int
    element_id: str
    name: str
    kind: str
    parent_id: int
    entered_at: datetime
    ended_at: datetime | None
    outcome: str | None
    actor: str | None  # who brought it to its end
    inputs: Mapping[str, Any] | None = None
    outputs: Mapping[str, Any] | None = None
    cause: str | None = None  # of a cancellation


@dataclass(frozen=True, slots=True)
class VariableChange:
    """*existed_before*/*exists_after* tell None from absent."""

    instance_id: str
    at: datetime
    scope_id: int
    name: str
    before: Any
    after: Any
    activity_id: int
    actor: str
    existed_before: bool = True
    exists_after: bool = True


@dataclass(frozen=True, slots=True)
class JobAttempt:
    """*outcome*: None while it runs, then completed, retry, failed, bpmn_error, lost (its worker was gone), or
    discarded (its activity had been interrupted meanwhile, or another worker had taken over)."""

    job_id: str
    activity_id: int
    attempt: int
    started_at: datetime
    worker: str
    ended_at: datetime | None = None
    outcome: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of an instance's life or of a person's dealing with a task: what, who, when, and with what.

    *action*: instance.started, instance.ended, task.created, task.claimed, task.completed,
    incident.raised, incident.resolved, job.retried, variables.set, message.correlated, ...
    """

    instance_id: str
    sequence: int
    at: datetime
    action: str
    actor: str
    activity_id: int | None = None
    element_id: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class AgentStep:
    """One saved step of an agent's work: *kind* 'model' (an exchange) or 'tool' (a call and its result).

    *cost*: in US dollars, a decimal as text; None where no price is known. *is_offline*: a scripted
    model answered, not a real one.
    """

    job_id: str
    sequence: int
    at: datetime
    kind: str
    name: str  # model name or tool name
    request: Any
    response: Any
    duration_ms: int
    input_tokens: int = 0
    output_tokens: int = 0
    cost: str | None = None
    is_offline: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """Everything recorded of one instance, each list in order of time."""

    instance: ProcessInstance
    activities: tuple[ActivityRecord, ...]
    flows_taken: tuple[str, ...]  # ids of sequence flows, in order, repeats included
    variable_changes: tuple[VariableChange, ...]
    job_attempts: tuple[JobAttempt, ...]
    log: tuple[LogEntry, ...]
    incidents: tuple[Incident, ...]
    agent_steps: tuple[AgentStep, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can log in."""

    name: str
    display_name: str
    groups: tuple[str, ...] = ()
    is_admin: bool = False


@dataclass(frozen=True, slots=True)
class Correlation:
    """Where a message went: the instances that waited for it, those that it started, and the processes whose start
    event keeps it until its other triggers come."""

    matched: tuple[str, ...] = ()
    started: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cleanup:
    """What was removed because it had been kept long enough, or (*is_dry_run*) would have been. *instances*: those
    that nobody called, *definitions* how many of each; *called_instances* and large *values* went with them.
    *has_more*: the limit left some for the next time. *partitions*: spans of history dropped as a whole.
    *data_changes*: values that data stores had before."""

    run_id: str
    instances: int
    called_instances: int
    values: int
    definitions: Mapping[str, int]
    has_more: bool
    is_dry_run: bool = False
    partitions: int = 0
    data_changes: int = 0


@dataclass(frozen=True, slots=True)
class CleanupRecord:
    """What one run of the cleanup removed of one definition, for good: instances that ended between
    *first_ended_at* and *last_ended_at*."""

    run_id: str
    definition_id: str
    actor: str
    started_at: datetime
    last_at: datetime
    instances: int
    called_instances: int
    first_ended_at: datetime
    last_ended_at: datetime


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """Who runs jobs. *holds*: how many it has under a lease now, by type. What is None is not known of one that is
    seen by its leases alone: a worker elsewhere, of a Celery fleet, or of a version that does not tell.
    *is_alive*: it was heard of just now."""

    name: str
    host: str | None = None
    process_id: int | None = None
    engine_version: str | None = None
    threads: int | None = None
    started_at: datetime | None = None
    heard_at: datetime | None = None
    is_alive: bool | None = None
    holds: Mapping[str, int] = field(default_factory=dict[str, int])


class PublicationOutcome(StrEnum):
    DELIVERED = "delivered"
    STORED = "stored"  # it waits for a receiver until it expires
    DROPPED = "dropped"  # nobody waited, and it had no time to live
    DUPLICATE = "duplicate"  # published before with the same name, correlation key and message id


@dataclass(frozen=True, slots=True)
class Publication:
    """What became of a published message. *id*: of the stored message, this one or the one it repeats."""

    outcome: PublicationOutcome
    correlation: Correlation = field(default_factory=Correlation)
    id: str | None = None


class MessageState(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"  # remembered until it expires, so that a repetition of it is known


@dataclass(frozen=True, slots=True)
class Message:
    """A published message that has not expired. *receiver_id*, *sender_id*: process instances."""

    id: str
    name: str
    correlation_key: str | None
    message_id: str | None
    state: MessageState
    published_at: datetime
    published_by: str
    expires_at: datetime
    delivered_at: datetime | None = None
    receiver_id: str | None = None
    sender_id: str | None = None


Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some of *total* items, in order. *has_more_than_total*: there are more than that, which nobody counted."""

    items: tuple[Item, ...]
    total: int
    has_more_than_total: bool = False

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True, slots=True)
class Slice(Generic[Item]):
    """Some items in order. *next*: what to go on after, None where there are no more."""

    items: tuple[Item, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class DataStoreValue:
    """A data store as it is. *version* counts its changes; *changed_by*: a user, or 'instance:ID'."""

    key: str
    version: int
    value: Any
    changed_at: datetime
    changed_by: str


@dataclass(frozen=True, slots=True)
class DataStoreChange:
    """One change of a data store: its new *value*, and the activity that wrote it, if one did."""

    key: str
    version: int
    value: Any
    at: datetime
    actor: str
    instance_id: str | None = None
    activity_id: int | None = None
    element_id: str | None = None
