"""What this process has done, counted and timed for Prometheus (docs/observability.md lists it)."""

from __future__ import annotations

import os
from collections import Counter as Counts
from threading import Lock
from typing import Any, Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram

from engine import telemetry
from engine.events import ActivityCancelled, ActivityCompleted, ActivityEntered, InstanceEnded, InstanceStarted
from engine.jobs.held import HeldJob
from engine.model import Job
from engine.observability.labels import Bounded

QUICK = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Seconds: for what a database does."""
LONG = (0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0, 3600.0)
"""Seconds: for what handlers do, and what waits for them."""
_COUNTS = (1, 2, 4, 8, 16, 32, 64)
_TIMERS = ("timer", "start_timer")
_OUTCOMES = {"thrown": "bpmn_error"}


class Metrics(telemetry.Watcher):
    """*registry*: of this process alone. Where PROMETHEUS_MULTIPROC_DIR is set, the numbers of all processes that
    share it are kept in files there, as prometheus_client does it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._types, self._processes, self._errors = Bounded(), Bounded(), Bounded(50)
        self._transitions = self._counter("transitions", "Commands that instances have gone on by.", "command")
        self._transition_seconds = self._histogram(
            "transition_seconds", "Loading and advancing an instance by one command.", QUICK, "command"
        )
        self._instances = self._counter("instances", "Instances started and ended.", "process", "event")
        self._activities = self._counter("activities", "Activities entered and left.", "event")
        self._jobs = self._counter("jobs", "Jobs that ended, and attempts that were put back.", "type", "outcome")
        self._job_seconds = self._histogram("job_seconds", "From when a job was due until it ended.", LONG, "type")
        self._wait_seconds = self._histogram(
            "job_wait_seconds", "From when a job was due until a worker here began it.", LONG, "type"
        )
        self._handler_seconds = self._histogram("handler_seconds", "One run of a handler.", LONG, "type", "outcome")
        self._lateness = self._histogram("timer_lateness_seconds", "From a timer's due time until it fired.", LONG)
        self._commit_seconds = self._histogram("commit_seconds", "The parts of transactions.", QUICK, "part")
        self._commit_transitions = self._histogram("commit_transitions", "Transitions that share a commit.", _COUNTS)
        self._tries = self._counter("commit_retries", "Transactions tried again after a lost race.")
        self._broken = self._counter("commit_failures", "Transactions that were refused or failed.", "error")
        self._leases = self._counter("lease_losses", "Leases that were lost.", "reason")
        self._slow = self._counter("slow_commits", "Transactions over the threshold of the log of slow ones.")
        for reason in ("worker", "result"):  # there from the start, so that a first loss is seen as a rise
            self._leases.of(reason)

    def committed(self, commit: telemetry.Commit) -> None:
        for part, seconds in commit.parts.items():
            self._commit_seconds.of(part).observe(seconds)
        if commit.steps:
            self._commit_transitions.of().observe(len(commit.steps))
        if commit.tries > 1:
            self._tries.of().inc(commit.tries - 1)
        self._count_steps(commit)
        for ended in commit.jobs:
            self._count_job(ended)

    def broken(self, commit: telemetry.Commit, problem: BaseException) -> None:
        self._broken.of(self._errors.of(type(problem).__name__)).inc()

    def lease_lost(self, reason: str, count: int) -> None:
        self._leases.of(reason).inc(count)

    def job_begun(self, held: HeldJob, late: float) -> None:
        if held.row.kind not in _TIMERS:
            self._wait_seconds.of(self._type_of(held)).observe(late)

    def attempt_ended(self, job: Job, noted: Any, outcome: str, seconds: float) -> None:
        self._handler_seconds.of(self._types.of(job.type), _OUTCOMES.get(outcome, outcome)).observe(seconds)

    def was_slow(self) -> None:
        self._slow.of().inc()

    def _count_steps(self, commit: telemetry.Commit) -> None:
        instances: Counts[tuple[str, str]] = Counts()
        activities: Counts[str] = Counts()
        for step in commit.steps:
            command = type(step.command).__name__
            self._transitions.of(command).inc()
            self._transition_seconds.of(command).observe(step.seconds)
            for event in step.events:
                match event:
                    case ActivityEntered():
                        activities["entered"] += 1
                    case ActivityCompleted():
                        activities["completed"] += 1
                    case ActivityCancelled():
                        activities["cancelled"] += 1
                    case InstanceStarted():
                        instances[self._processes.of(step.live.row.process_key), "started"] += 1
                    case InstanceEnded():
                        instances[self._processes.of(step.live.row.process_key), event.outcome] += 1
                    case _:
                        pass
        for event, count in activities.items():
            self._activities.of(event).inc(count)
        for labels, count in instances.items():
            self._instances.of(*labels).inc(count)

    def _count_job(self, ended: telemetry.EndedJob) -> None:
        job_type = self._type_of(ended.held)
        self._jobs.of(job_type, ended.outcome).inc()
        if ended.at is None:
            return
        seconds = max((ended.at - ended.due_at).total_seconds(), 0.0)
        if ended.held.row.kind in _TIMERS:
            self._lateness.of().observe(seconds)
        else:
            self._job_seconds.of(job_type).observe(seconds)

    def _type_of(self, held: HeldJob) -> str:
        return self._types.of(held.row.type if held.row.kind == "service" else held.row.kind)

    def _counter(self, name: str, what: str, *labels: str) -> _Family[Counter]:
        return _Family(Counter(f"fermata_{name}", what, labels, registry=self.registry))

    def _histogram(self, name: str, what: str, buckets: tuple[float, ...], *labels: str) -> _Family[Histogram]:
        return _Family(Histogram(f"fermata_{name}", what, labels, registry=self.registry, buckets=buckets))


Kind = TypeVar("Kind", Counter, Histogram)


class _Family(Generic[Kind]):
    """A metric, with its children at hand: the client looks each of them up under a lock."""

    def __init__(self, metric: Kind) -> None:
        self._metric = metric
        self._children: dict[tuple[str, ...], Kind] = {}

    def of(self, *labels: str) -> Kind:
        if (known := self._children.get(labels)) is None:
            known = self._children[labels] = self._metric.labels(*labels) if labels else self._metric
        return known


_lock = Lock()
_metrics: Metrics | None = None


def metrics() -> Metrics:
    """This process's, which count from the first call on."""
    global _metrics
    with _lock:
        if _metrics is None:
            _metrics = Metrics()
            telemetry.watch(_metrics)
        return _metrics


def is_shared() -> bool:
    """Whether several processes keep their numbers together (as behind gunicorn)."""
    return bool(os.environ.get("PROMETHEUS_MULTIPROC_DIR"))
