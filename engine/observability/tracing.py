"""OpenTelemetry traces (the extra `fermata[otel]`): what they look like is in docs/observability.md.

A trace is one run: what wakes an instance (a start, a person, a message, a timer), and all that follows from it until
nothing but waiting is left. Its root is a short span; below it lies a span for each activity with a job, below that
one for each attempt at the job, and in that the handler. An activity's span id is derived from the activity's own id,
so that whoever does its job, anywhere, and at any time, can name it as the parent before it has ended.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from threading import Lock
from typing import Any

from opentelemetry import propagate, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from engine import telemetry
from engine.cancellation import Reason
from engine.events import ActivityCancelled, ActivityEntered, IncidentRaised, InstanceEnded
from engine.jobs.held import HeldJob
from engine.model import Job, JobState
from engine.store.jobs import TakenJob
from engine.store.traced_jobs import TracedJob
from engine.telemetry import span_id

_FRESH_RUNS = ("timer", "deferred")
"""Kinds of jobs for which an instance may have waited for long: what follows is a trace of its own."""
_MOST_OPEN = 10_000
_MOST_ENTERED = 100
_VERBS = {
    "CompleteActivity": "complete",
    "TriggerEvent": "trigger",
    "ThrowError": "error",
    "ThrowEscalation": "escalation",
    "SetVariables": "set variables",
    "RetryActivity": "retry",
    "Continue": "continue",
    "Cancel": "cancel",
    "ReassignTask": "reassign",
}

log = logging.getLogger("engine.telemetry")


class _PinnedIds(IdGenerator):
    """Those of *usual*, but for a span whose id is known beforehand."""

    def __init__(self, usual: IdGenerator) -> None:
        self._usual = usual
        self.pinned: int | None = None

    def generate_span_id(self) -> int:
        pinned, self.pinned = self.pinned, None
        return self._usual.generate_span_id() if pinned is None else pinned

    def generate_trace_id(self) -> int:
        return self._usual.generate_trace_id()

    def is_trace_id_random(self) -> bool:
        return self._usual.is_trace_id_random()


class Traces(telemetry.Watcher):
    """*provider*: where spans go; the process's own, where none is given."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("fermata")
        self._pinning = provider.get_tracer("fermata.activities")
        self._ids = _PinnedIds(provider.id_generator)
        self._pinning.id_generator = self._ids  # type: ignore[attr-defined]
        self._roots: OrderedDict[str, Span] = OrderedDict()
        self._lock = Lock()

    # runs: what begins, and the span that all of it lies below

    def opened(self, commit: telemetry.Commit) -> None:
        commit.trace = self._open_run()

    def begun(self) -> str:
        return self._open_run()

    def woken(self, held: HeldJob) -> str | None:
        if held.row.trace is None:
            return self._open_run()
        return self._open_run(held.row.trace) if held.row.kind in _FRESH_RUNS else None

    def _open_run(self, before: str | None = None) -> str:
        """A root span, whose name is known when its transaction is; one that nothing comes of is not ended, and so
        never sent."""
        links = [Link(context)] if (context := _context(before)) else None
        parent = trace.set_span_in_context(trace.INVALID_SPAN) if before else None
        span = self._tracer.start_span("run", context=parent, links=links)
        name = _traceparent(span.get_span_context())
        with self._lock:
            self._roots[name] = span
            while len(self._roots) > _MOST_OPEN:
                self._roots.popitem(last=False)
        return name

    def broken(self, commit: telemetry.Commit, problem: BaseException) -> None:
        self._take(commit.trace)

    def committed(self, commit: telemetry.Commit) -> None:
        spans: dict[str, Span] = {}
        for ended in commit.jobs:
            if (span := self._activity(ended)) is not None:
                spans[ended.held.row.id] = span
        for cancelled in commit.cancelled:
            if cancelled.row.id not in spans:
                self._end_cancelled(cancelled)
        for step in commit.steps:
            job_id = f"{step.live.id}.{getattr(step.command, 'activity_id', '')}"
            span = spans.get(job_id) or self._root_of(step)
            if span is not None:
                _tell_events(span, step)
        for span in spans.values():
            span.end()
        for name in {step.trace for step in commit.steps} | {commit.trace}:
            if (root := self._take(name)) is not None and getattr(root, "name", "run") != "run":
                root.end()

    def _root_of(self, step: telemetry.Step) -> Span | None:
        with self._lock:
            root = self._roots.get(step.trace or "")
        if root is None or not root.is_recording() or getattr(root, "name", "") != "run":
            return root
        row = step.live.row
        verb = _VERBS.get(type(step.command).__name__)
        root.update_name(f"{verb} {row.process_key}" if verb else f"instance {row.process_key}")
        root.set_attributes(_attributes(row.id, row.process_key, getattr(step.command, "activity_id", None)))
        root.set_attribute("fermata.definition.id", row.definition_id)
        if step.live.row.trace not in (None, step.trace) and (origin := _context(step.live.row.trace)):
            root.add_link(origin, {"fermata.link": "instance"})
        return root

    def _take(self, name: str | None) -> Span | None:
        with self._lock:
            return self._roots.pop(name, None) if name else None

    # activities, from when their job was made until its end is committed

    def _activity(self, ended: telemetry.EndedJob) -> Span | None:
        held, row = ended.held, ended.held.row
        parent = _context(row.trace)
        if row.kind != "service" or parent is None or ended.at is None:
            return None
        return self._activity_span(row, parent, held.process_key, ended.outcome)

    def _end_cancelled(self, cancelled: telemetry.CancelledJob) -> None:
        """To be interrupted is an outcome and no failure, unless the job had failed before."""
        row = cancelled.row
        parent = _context(row.trace)
        assert parent is not None
        span = self._activity_span(row, parent, cancelled.process_key, "cancelled")
        span.set_attribute("fermata.cause", cancelled.cause)
        if row.state == JobState.FAILED:
            span.set_status(Status(StatusCode.ERROR))
        span.end()

    def _activity_span(self, row: TakenJob | TracedJob, parent: SpanContext, process_key: str, outcome: str) -> Span:
        with self._lock:
            self._ids.pinned = int(span_id(f"{row.instance_id}.{row.activity_id}"), 16)
            span = self._pinning.start_span(
                f"activity {row.element_id}",
                context=_below(parent),
                start_time=_nanoseconds(row.created_at),
                attributes=_attributes(row.instance_id, process_key, row.activity_id)
                | {"fermata.element.id": row.element_id, "fermata.job.id": row.id, "fermata.outcome": outcome},
            )
            self._ids.pinned = None  # a sampler that drops it asks for no id
        return span

    # attempts at jobs, and their handlers

    def attempt_begun(self, job: Job) -> tuple[Span, Span]:
        attributes = _attributes(job.instance_id, job.process_key, job.activity_id) | {
            "fermata.job.id": job.id,
            "fermata.job.type": job.type,
            "fermata.job.attempt": job.attempt,
            "fermata.element.id": job.element_id,
        }
        parent = _context(job.traceparent)
        above = _below(parent) if parent else None
        span = self._tracer.start_span(f"job {job.type}", context=above, kind=SpanKind.CONSUMER, attributes=attributes)
        inner = trace.set_span_in_context(span)
        return span, self._tracer.start_span(f"handler {job.type}", context=inner)

    @contextmanager
    def attempt_current(self, job: Job, noted: Any) -> Generator[None]:
        if noted is None:
            yield
            return
        with trace.use_span(noted[1], record_exception=False, set_status_on_exception=False):
            yield

    def attempt_ended(self, job: Job, noted: Any, outcome: str, seconds: float) -> None:
        reason = job.cancellation.reason
        if reason is Reason.INTERRUPTED:
            outcome = "discarded"
        for span in reversed(noted or ()):
            span.set_attribute("fermata.outcome", outcome)
            if reason is not None:
                span.set_attribute("fermata.cancelled", str(reason))
            if outcome in ("retry", "failed"):  # what was said stays in the incident: it may hold values
                span.set_status(Status(StatusCode.ERROR))
            span.end()

    # from and to the outside

    @contextmanager
    def incoming(
        self, headers: Mapping[str, str], name: str, attributes: telemetry.Attributes
    ) -> Generator[telemetry.Answered]:
        with self._tracer.start_as_current_span(
            name,
            context=propagate.extract({key.lower(): value for key, value in headers.items()}),
            kind=SpanKind.SERVER,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield lambda said, is_error: _answered(span, said, is_error)

    def outgoing(self) -> Mapping[str, str]:
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        return carrier


def enable(provider: TracerProvider | None = None) -> Callable[[], None]:
    """Traces the engines of this process from now on; gives what ends that.

    *provider*: the process's own where none is given. Raises TypeError where that is not one of the SDK.
    """
    chosen = provider or trace.get_tracer_provider()
    if not isinstance(chosen, TracerProvider):
        raise TypeError("No tracer provider is set up. Give one, or call trace.set_tracer_provider() before.")
    return telemetry.watch(Traces(chosen))


def _answered(span: Span, said: telemetry.Attributes, is_error: bool) -> None:
    span.set_attributes(said)
    if is_error:
        span.set_status(Status(StatusCode.ERROR))


def _tell_events(span: Span, step: telemetry.Step) -> None:
    """The way as one attribute, since each event costs as much as a span; what is rare as events."""
    if not span.is_recording():
        return
    way: list[str] = []
    for event in step.events:
        match event:
            case ActivityEntered():
                way.append(event.element_id)
            case ActivityCancelled():
                ids = {"fermata.element.id": event.element_id, "fermata.activity.id": event.activity_id}
                span.add_event("activity cancelled", ids)
            case IncidentRaised():
                what = {"fermata.element.id": event.element_id, "fermata.incident.kind": event.kind}
                span.add_event("incident", what)
            case InstanceEnded():
                span.add_event(f"instance {event.outcome}", {"fermata.instance.id": step.live.id})
            case _:
                pass
    if way:
        span.set_attribute("fermata.entered", way[:_MOST_ENTERED])


def _attributes(instance_id: str, process_key: str, activity_id: int | None) -> dict[str, str | int]:
    """Ids only: never a variable's value, and no business key."""
    found: dict[str, str | int] = {"fermata.instance.id": instance_id or "", "fermata.process.key": process_key}
    return found if activity_id is None else found | {"fermata.activity.id": activity_id}


def _context(traceparent: str | None) -> SpanContext | None:
    if traceparent is None:
        return None
    _, trace_id, parent_id, flags = traceparent.split("-")
    return SpanContext(int(trace_id, 16), int(parent_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))


def _below(parent: SpanContext) -> Any:
    return trace.set_span_in_context(NonRecordingSpan(parent))


def _traceparent(context: SpanContext) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags) & 0x03:02x}"


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 1000
