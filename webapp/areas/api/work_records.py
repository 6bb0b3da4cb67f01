"""What programs are told of work and how they do it: messages, user tasks, external tasks, jobs, incidents."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from engine.external.tasks import LONGEST_WAIT, MOST_TASKS, MOST_TOPICS
from engine.model import JobState, PublicationOutcome
from webapp.areas.api.records import Asked, Long, Name, Paged, Text, Told, ToldVariables, Variables

Seconds = Annotated[float, Field(ge=0, le=30 * 24 * 3600, allow_inf_nan=False)]
Lock = Annotated[float, Field(ge=0.001, le=30 * 24 * 3600, allow_inf_nan=False)]
Retries = Annotated[int, Field(ge=0, le=1_000_000)]

# messages and signals


class CorrelateMessage(Asked):
    """Delivered at once to whoever waits for it, else refused."""

    name: Name
    correlation_key: Name | None = None
    business_key: Name | None = None
    correlation_keys: Variables = Field(default_factory=dict)
    instance_id: Name | None = None
    to_all: bool = False
    variables: Variables = Field(default_factory=dict)


class PublishMessage(Asked):
    """Kept for *ttl_seconds* where nobody waits yet. While one with this *message_id* lives, a second does nothing."""

    name: Name
    correlation_key: Name | None = None
    message_id: Name | None = None
    ttl_seconds: Seconds = 0
    variables: Variables = Field(default_factory=dict)


class SendSignal(Asked):
    name: Name
    variables: Variables = Field(default_factory=dict)


class Correlated(Told):
    """The ids of instances that waited and of those that were started, and the processes whose start event keeps it."""

    matched: list[str]
    started: list[str]
    kept: list[str]


class Published(Told):
    outcome: PublicationOutcome
    id: str | None
    correlation: Correlated


class Signalled(Told):
    receivers: int


# user tasks


class Task(Told):
    id: str
    instance_id: str
    activity_id: int
    element_id: str
    name: str
    process_key: str
    process_name: str
    business_key: str | None
    created_at: datetime
    due_at: datetime | None
    follow_up_at: datetime | None
    priority: int
    assignee: str | None
    candidate_users: list[str]
    candidate_groups: list[str]
    form_key: str | None
    closed_at: datetime | None


class TaskFilter(Paged):
    instance_id: Text | None = None
    process_key: Text | None = None
    element_id: Text | None = None
    assignee: Text | None = None
    candidate_user: Text | None = None
    candidate_group: Text | None = None
    open: bool = True


class ClaimTask(Asked):
    """*user*: null for the person of the token; a program's own token names one."""

    user: Name | None = None


class AssignTask(Asked):
    user: Name | None


class CompleteTask(Asked):
    """*form*: texts as a person would type them, which are checked by the task's form."""

    variables: Variables = Field(default_factory=dict)
    form: dict[str, str] | None = None


class TaskError(Asked):
    code: Name
    message: Annotated[str, StringConstraints(max_length=2000)] = ""
    variables: Variables = Field(default_factory=dict)


class FormField(Told):
    id: str
    label: str
    type: str
    is_required: bool
    is_readonly: bool
    description: str
    choices: list[dict[str, str]]
    default: Any


class Form(Told):
    """*form_schema*: the form-js document, where the form is one."""

    id: str
    title: str
    fields: list[FormField]
    form_schema: dict[str, Any] | None
    variables: ToldVariables


# external tasks


class TopicWanted(Asked):
    name: Name
    lock_seconds: Lock = 60
    variables: Annotated[list[Name] | None, Field(max_length=1000, description="null: all")] = None
    business_key: Name | None = None
    process_keys: Annotated[list[Name], Field(max_length=100)] = Field(default_factory=list)
    definition_ids: Annotated[list[Name], Field(max_length=100)] = Field(default_factory=list)
    version_tag: Name | None = None


class FetchTasks(Asked):
    worker_id: Name
    topics: Annotated[list[TopicWanted], Field(min_length=1, max_length=MOST_TOPICS)]
    max_tasks: Annotated[int, Field(ge=1, le=MOST_TASKS)] = 1
    wait_seconds: Annotated[float, Field(ge=0, le=LONGEST_WAIT, allow_inf_nan=False)] = 0


class OfWorker(Asked):
    """*lock_token*: as fetched; only needed where several workers have one name."""

    worker_id: Name
    lock_token: Name | None = None


class LockTask(Asked):
    worker_id: Name
    lock_seconds: Lock = 60


class ExtendLock(OfWorker):
    lock_seconds: Lock


class CompleteExternal(OfWorker):
    """*local_variables*: for the activity's own scope, where its output mappings find them."""

    variables: Variables = Field(default_factory=dict)
    local_variables: Variables = Field(default_factory=dict)


class FailExternal(OfWorker):
    """*retries*: attempts left, 0 for an incident, null for one less; *retry_seconds*: null for the usual delay."""

    error: Annotated[str, StringConstraints(max_length=2000)]
    details: Long = ""
    retries: Retries | None = None
    retry_seconds: Seconds | None = None


class ErrorExternal(OfWorker):
    code: Name
    message: Annotated[str, StringConstraints(max_length=2000)] = ""
    variables: Variables = Field(default_factory=dict)


class External(Told):
    """*idempotency_key*: the same on every repetition of the task. *retries*: attempts left, this one included; null
    while nobody has said it."""

    id: str
    topic: str
    idempotency_key: str
    instance_id: str
    activity_id: int
    element_id: str
    process_key: str
    definition_id: str
    version: int
    version_tag: str | None
    business_key: str | None
    state: JobState
    is_suspended: bool
    priority: int
    created_at: datetime
    due_at: datetime
    attempt: int
    retries: int | None
    error: str | None
    worker_id: str | None
    lock_token: str | None
    lock_expires_at: datetime | None
    variables: ToldVariables
    headers: dict[str, str]
    parameters: ToldVariables


class Fetched(Told):
    tasks: list[External]


class Locked(Told):
    lock_expires_at: datetime


class ExternalFilter(Paged):
    topic: Text | None = None
    worker_id: Text | None = None
    instance_id: Text | None = None
    process_key: Text | None = None
    state: JobState | None = None


# jobs and incidents


class JobTold(Told):
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
    worker: str | None
    error: str | None


class JobFilter(Paged):
    instance_id: Text | None = None
    state: JobState | None = None
    type: Text | None = None
    kind: Text | None = None


class SetRetries(Asked):
    retries: Annotated[int, Field(ge=1, le=1_000_000)]


class IncidentTold(Told):
    """Of a start timer or delivery that could not start anything, *instance_id* and *activity_id* are null. *job_id*:
    the job that gets new attempts when it is tried again."""

    id: str
    instance_id: str | None
    activity_id: int | None
    process_key: str
    definition_id: str
    job_id: str | None
    element_id: str
    kind: str
    message: str
    detail: str
    location: str
    created_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None


class WorkerTold(Told):
    """*holds*: how many jobs it has under a lease, by type. What is null is not known of one that is seen by its
    leases alone."""

    name: str
    host: str | None
    process_id: int | None
    engine_version: str | None
    threads: int | None
    started_at: datetime | None
    heard_at: datetime | None
    is_alive: bool | None
    holds: dict[str, int]


class IncidentFilter(Paged):
    instance_id: Text | None = None
    process_key: Text | None = None
    kind: Text | None = None
    open: bool = True


class RetryIncident(Asked):
    """*retries*: new attempts for a job; null for as many as at first."""

    retries: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
