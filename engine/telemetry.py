"""What the engine says of its own work to those who watch it: metrics, traces, slow commits (engine.observability).

For the whole process, as its log is. Where nobody watches, a commit costs a few empty calls. A *trace* is a W3C
traceparent, '00-<trace id>-<span id>-<flags>'; None where nobody traces.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.commands import Command
    from engine.jobs.held import HeldJob
    from engine.live import Live
    from engine.model import Job
    from engine.store.traced_jobs import TracedJob

log = logging.getLogger("engine.telemetry")

Attributes = Mapping[str, str | int]
Answered = Callable[[Attributes, bool], None]
"""Told what is to be said of an answer, and whether it says that we failed."""


class Nobody:
    """Watches a transaction and tells nobody."""

    trace: str | None = None

    def begin(self) -> None: ...
    def mark(self, part: str) -> None: ...
    def step(self, live: Live, command: Command, events: Sequence[Any], trace: str | None) -> None: ...
    def job_ended(self, held: HeldJob, command: Command, outcome: str) -> None: ...
    def own_job_ended(self, held: HeldJob, at: datetime, due_at: datetime) -> None: ...
    def job_failed(self, held: HeldJob, outcome: str) -> None: ...
    def job_cancelled(self, row: TracedJob, process_key: str, cause: str) -> None: ...
    def committed(self) -> None: ...
    def broken(self, problem: BaseException) -> None: ...


NOBODY = Nobody()


@dataclass(frozen=True, slots=True)
class Step:
    """An instance has gone on by *command*, under *trace*. *seconds*: since the step before."""

    live: Live
    command: Command
    events: Sequence[Any]
    trace: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class EndedJob:
    """*at*: when it ended, None where it was put back. *outcome*: completed, bpmn_error, retry or failed."""

    held: HeldJob
    due_at: datetime
    at: datetime | None
    outcome: str


@dataclass(frozen=True, slots=True)
class CancelledJob:
    """A job of an activity that ended before it. *cause*: the element that interrupted it, or 'operator'."""

    row: TracedJob
    process_key: str
    cause: str


class Commit(Nobody):
    """What one transaction did. *parts*: seconds of waiting for its turn, advancing, writing, committing.
    *trace*: under which goes on what somebody outside began by it. What a try that lost a race did is forgotten."""

    def __init__(self, watchers: Sequence[Watcher], is_routine: bool) -> None:
        self.trace: str | None = None
        self.parts: dict[str, float] = {}
        self.steps: list[Step] = []
        self.jobs: list[EndedJob] = []
        self.cancelled: list[CancelledJob] = []
        self.tries = 0
        self.began = self._seen = perf_counter()
        self._watchers = watchers
        if not is_routine:
            _tell(watchers, lambda watcher: watcher.opened(self))

    @property
    def seconds(self) -> float:
        return sum(self.parts.values())

    def begin(self) -> None:
        """It has its turn; what took until now was waiting."""
        self.steps.clear()
        self.jobs.clear()
        self.cancelled.clear()
        self.parts.clear()
        self.tries += 1
        now = perf_counter()
        self.parts["wait"], self._seen = now - self.began, now

    def mark(self, part: str) -> None:
        now = perf_counter()
        self.parts[part], self._seen = now - self._seen + self.parts.get(part, 0.0), now

    def step(self, live: Live, command: Command, events: Sequence[Any], trace: str | None) -> None:
        before = self._seen
        self.mark("advance")
        self.steps.append(Step(live, command, events, trace, self._seen - before))

    def job_ended(self, held: HeldJob, command: Command, outcome: str) -> None:
        self.jobs.append(EndedJob(held, held.row.due_at, command.at, outcome))

    def own_job_ended(self, held: HeldJob, at: datetime, due_at: datetime) -> None:
        """One that belongs to no instance. *due_at*: its own, before it was put off to be tried again."""
        self.jobs.append(EndedJob(held, due_at, at, "completed"))

    def job_failed(self, held: HeldJob, outcome: str) -> None:
        self.jobs.append(EndedJob(held, held.row.due_at, None, outcome))

    def job_cancelled(self, row: TracedJob, process_key: str, cause: str) -> None:
        self.cancelled.append(CancelledJob(row, process_key, cause))

    def committed(self) -> None:
        self.mark("commit")
        _tell(self._watchers, lambda watcher: watcher.committed(self))

    def broken(self, problem: BaseException) -> None:
        _tell(self._watchers, lambda watcher: watcher.broken(self, problem))


class Watcher:
    """Somebody who watches; overrides what it wants to know. Called in the engine's own threads: to be quick."""

    def opened(self, commit: Commit) -> None:
        """A transaction is about to begin for somebody outside; may set its trace."""

    def committed(self, commit: Commit) -> None: ...
    def broken(self, commit: Commit, problem: BaseException) -> None: ...

    def lease_lost(self, reason: str, count: int) -> None:
        """*reason*: 'worker' (gone, or gave no sign of life), 'result' (that came too late)."""

    def job_begun(self, held: HeldJob, late: float) -> None:
        """*late*: seconds since it was due."""

    def attempt_begun(self, job: Job) -> Any:
        """What it gives is handed to the other two."""

    @contextmanager
    def attempt_current(self, job: Job, noted: Any) -> Generator[None]:
        """Around what the handler does, in its thread."""
        yield

    def attempt_ended(self, job: Job, noted: Any, outcome: str, seconds: float) -> None: ...

    def begun(self) -> str | None:
        """The trace of something that begins in memory, before its transaction."""
        return None

    def woken(self, held: HeldJob) -> str | None:
        """The trace under which an instance goes on when one of its jobs ends; None for the job's own."""
        return None

    def incoming(self, headers: Mapping[str, str], name: str, attributes: Attributes) -> Any:
        """A context manager around a request from outside, which gives an Answered."""

    def outgoing(self) -> Mapping[str, str]:
        """Headers for a request to the outside."""
        return {}


class Attempt:
    """One run of a handler, here or elsewhere; nothing is told where nobody watches."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._watchers = _watchers
        self._since = perf_counter()
        self._noted = _tell(self._watchers, lambda watcher: watcher.attempt_begun(job))

    @contextmanager
    def current(self) -> Generator[None]:
        with ExitStack() as stack:
            for watcher, noted in zip(self._watchers, self._noted, strict=True):
                stack.enter_context(watcher.attempt_current(self._job, noted))
            yield

    def ended(self, outcome: object) -> None:
        """*outcome*: one of engine.jobs.outcome."""
        name, seconds = type(outcome).__name__.lower(), perf_counter() - self._since
        noted = dict(zip(self._watchers, self._noted, strict=True))
        _tell(self._watchers, lambda watcher: watcher.attempt_ended(self._job, noted[watcher], name, seconds))


_watchers: tuple[Watcher, ...] = ()


def watch(watcher: Watcher) -> Callable[[], None]:
    """From now on *watcher* is told; gives what ends that."""
    global _watchers
    _watchers = (*_watchers, watcher)

    def leave() -> None:
        global _watchers
        _watchers = tuple(each for each in _watchers if each is not watcher)

    return leave


def is_watched() -> bool:
    return bool(_watchers)


def commit(*, is_routine: bool = False) -> Nobody:
    """*is_routine*: nobody outside begins anything by it."""
    return Commit(_watchers, is_routine) if _watchers else NOBODY


def job_begun(held: HeldJob, at: datetime) -> None:
    if _watchers:
        late = max((at - held.row.due_at).total_seconds(), 0.0)
        _tell(_watchers, lambda watcher: watcher.job_begun(held, late))


def attempted(job: Job, run: Callable[..., Any], *given: Any) -> Any:
    """What *run* makes of an attempt at *job*."""
    if not _watchers:
        return run(*given)
    attempt = Attempt(job)
    with attempt.current():
        outcome = run(*given)
    attempt.ended(outcome)
    return outcome


def lease_lost(reason: str, count: int = 1) -> None:
    _tell(_watchers, lambda watcher: watcher.lease_lost(reason, count))


def begun() -> str | None:
    """The trace of something that begins in memory, before its transaction."""
    return next((trace for watcher in _watchers if (trace := watcher.begun())), None)


def woken(held: HeldJob | None) -> str | None:
    """The trace under which an instance goes on when *held* ends."""
    if held is None:
        return None
    return next((trace for watcher in _watchers if (trace := watcher.woken(held))), held.row.trace)


def ids_of(held: HeldJob) -> dict[str, Any]:
    """By which a line of the log about a job finds its place."""
    row = held.row
    ids = {"job_id": row.id, "job_type": row.type, "attempt": row.attempt, "element_id": row.element_id}
    ids |= {"instance_id": row.instance_id, "activity_id": row.activity_id, "process_key": held.process_key}
    return ids | {"trace_id": trace_id_of(row.trace)} if row.trace else ids


def trace_id_of(trace: str) -> str:
    return trace.split("-")[1]


@contextmanager
def incoming(headers: Mapping[str, str], name: str, attributes: Attributes) -> Generator[Answered]:
    """Around a request from outside, whose *headers* may say in which trace it was made. What it gives is to be told of
    the answer."""
    with ExitStack() as stack:
        entered = [watcher.incoming(headers, name, attributes) for watcher in _watchers]
        told = [stack.enter_context(each) for each in entered if each is not None]

        def answered(said: Attributes, is_error: bool) -> None:
            for each in told:
                each(said, is_error)

        yield answered


def outgoing() -> dict[str, str]:
    """Headers by which a request made now goes on in our trace."""
    headers: dict[str, str] = {}
    for watcher in _watchers:
        headers |= watcher.outgoing()
    return headers


def activity_trace(trace: str | None, instance_id: str, activity_id: int) -> str | None:
    """The traceparent of an activity's own span in *trace*: what is done for it is its child, wherever it is done."""
    if trace is None:
        return None
    version, trace_id, _, flags = trace.split("-")
    return f"{version}-{trace_id}-{span_id(f'{instance_id}.{activity_id}')}-{flags}"


def span_id(name: str) -> str:
    """Derived, not drawn: whoever needs it knows it before the span has ended."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def _tell(watchers: Sequence[Watcher], what: Callable[[Watcher], Any]) -> list[Any]:
    """What a watcher does wrong must not undo what it watches."""
    answers: list[Any] = []
    for watcher in watchers:
        try:
            answers.append(what(watcher))
        except Exception:
            log.exception("%s failed", type(watcher).__name__)
            answers.append(None)
    return answers
