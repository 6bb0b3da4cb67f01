"""What workers elsewhere ask for, and what they get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from engine.model import JobState


@dataclass(frozen=True, slots=True)
class Topic:
    """Jobs that a worker wants: those of type *name*, leased for *lock_duration*.

    *variables*: the names of those it is handed, None for all that the job sees; the rest narrows the choice.
    """

    name: str
    lock_duration: timedelta = timedelta(minutes=1)
    variables: tuple[str, ...] | None = None
    business_key: str | None = None
    process_keys: tuple[str, ...] = ()
    definition_ids: tuple[str, ...] = ()
    version_tag: str | None = None
    process_variables: Mapping[str, Any] = field(default_factory=dict[str, Any])  # that the process has, with values


@dataclass(frozen=True, slots=True)
class ExternalTask:
    """A job for workers elsewhere. *topic*: its type. *retries*: attempts left, this one included, None while neither
    the diagram nor a failure has said it; *lock_token*: proves this very lease; *error*: of the last attempt.
    *traceparent*: of the span that the work for it belongs below, where traces are made (W3C)."""

    id: str
    topic: str
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
    worker_id: str | None = None
    lock_token: str | None = None
    lock_expires_at: datetime | None = None
    error: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    traceparent: str | None = None

    @property
    def idempotency_key(self) -> str:
        """The same on every repetition of the job."""
        return self.id


@dataclass(frozen=True, slots=True)
class TopicRecord:
    """That workers elsewhere have asked for jobs of a type, and who did so last."""

    name: str
    first_asked_at: datetime
    asked_at: datetime
    asked_by: str
