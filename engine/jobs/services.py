"""Runs the jobs of handlers and other executors: in this thread, or begun here and done elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock, Thread
from typing import Any

from bpmn.expressions import ExpressionError
from bpmn.model import JobBinding
from engine import telemetry
from engine.cancellation import Cancellation, Reason
from engine.clock import Clock
from engine.errors import DatabaseAway
from engine.executors import expression
from engine.executors.registry import Binding, Registry
from engine.executors.secrets import Secrets, UnknownSecret
from engine.history.journal import StoreJournal
from engine.jobs.answers import Judge
from engine.jobs.held import HeldJob
from engine.jobs.limits import Limits
from engine.jobs.outcome import Failed, Left, Outcome, attempt, became, broken, completed, put_off, scrubbed
from engine.jobs.own import OwnJobs
from engine.jobs.raised import ends_program
from engine.model import Job
from engine.store import external, jobs
from engine.store.transaction import Store

log = logging.getLogger("engine.jobs")


class NotWanted(Exception):
    """A coroutine was cancelled."""


@dataclass(slots=True)
class _Prepared:
    """*said*: what the diagram makes of what comes of the job."""

    binding: Binding
    said: JobBinding | None
    job: Job
    given: Job
    journal: StoreJournal
    timeout: timedelta | None
    secrets: Mapping[str, str] = field(default_factory=dict[str, str])


class Services:
    """Knows the attempts that are under way, to tell their handlers when nobody wants the result any more."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        secrets: Secrets,
        own: OwnJobs,
        judge: Judge,
        limits: Limits,
        clock: Clock,
    ) -> None:
        self._store = store
        self._registry = registry
        self._secrets = secrets
        self._own = own
        self._judge = judge
        self._limits = limits
        self._clock = clock
        self._running: dict[int, tuple[HeldJob, Cancellation]] = {}
        self._for_unwanted: list[Callable[[str], object]] = []
        self._lock = Lock()

    def run(self, held: HeldJob) -> Outcome:
        prepared = self._prepare(held)
        if not isinstance(prepared, _Prepared):
            return prepared
        try:
            outcome = attempt(prepared.binding, prepared.given, prepared.journal, prepared.timeout)
        finally:
            if not held.is_in_memory:
                self._forget(held)
        if prepared.given.cancellation.left_behind:
            self._limits.linger(held, prepared.given.cancellation)
        return self._meant(prepared, outcome)

    def elsewhere(self, taken: Sequence[HeldJob]) -> list[HeldJob]:
        """Those of handlers for which a thread of the pool would only wait."""
        if not self._registry.limited:
            return []
        return [held for held in taken if held.row.kind == "service" and self._runs_elsewhere(held)]

    def _runs_elsewhere(self, held: HeldJob) -> bool:
        binding = self._registry.find(held.names)
        return binding is not None and not binding.is_threaded

    def begin(self, held: HeldJob, done: Callable[[HeldJob, Outcome], object]) -> None:
        """Starts a job that runs elsewhere; *done* is called from there with what became of it."""
        telemetry.job_begun(held, self._clock.now())
        prepared = self._prepare(held)
        if not isinstance(prepared, _Prepared):
            done(held, prepared)
            return
        try:
            if hasattr(prepared.binding.executor, "begin"):
                self._begin_coroutine(held, prepared, done)
            else:
                self._begin_process(held, prepared, done)
        except BaseException:
            self._forget(held)
            raise

    def look(self) -> None:
        """Tells the handlers of jobs that are gone, or not ours any more. Their attempts end here."""
        with self._lock:
            running = [(held, cancellation) for held, cancellation in self._running.values() if not cancellation.reason]
        if not running:
            return
        with self._store.reading() as connection:
            standing = jobs.standing(connection, [held.lease for held, _ in running])
        gone = [(held, cancellation) for held, cancellation in running if held.row.id not in standing]
        if not gone:
            return
        with self._store.writing() as connection:
            jobs.end_attempts(connection, [held.lease for held, _ in gone], self._clock.now(), "discarded")
        for held, cancellation in gone:
            log.info("a running job is not wanted any more", extra={"job_id": held.row.id, "attempt": held.row.attempt})
            cancellation.cancel(Reason.INTERRUPTED)
            for listener in self._for_unwanted:
                listener(held.row.id)

    def on_unwanted(self, callback: Callable[[str], object]) -> None:
        """Calls *callback* with the id of each running job whose result is not wanted any more."""
        self._for_unwanted.append(callback)

    def _begin_coroutine(self, held: HeldJob, prepared: _Prepared, done: Callable[[HeldJob, Outcome], object]) -> None:
        watched = telemetry.Attempt(prepared.given)

        def ended(future: Future[Any]) -> None:
            self._forget(held)
            if prepared.given.cancellation.left_behind:
                self._limits.linger(held, prepared.given.cancellation)
            try:
                outcome = became(_result_of, future)
                watched.ended(outcome)
                outcome = self._meant(prepared, outcome)
            except BaseException as problem:
                outcome = mishap(held, problem)
            done(held, outcome)

        with watched.current():
            begun: Future[Any] = prepared.binding.executor.begin(prepared.given, prepared.timeout)  # pyright: ignore
        begun.add_done_callback(ended)

    def _begin_process(self, held: HeldJob, prepared: _Prepared, done: Callable[[HeldJob, Outcome], object]) -> None:
        """A process is waited for by a thread of its own."""

        def run() -> None:
            try:
                outcome = attempt(prepared.binding, prepared.given, prepared.journal, prepared.timeout)
                outcome = self._meant(prepared, outcome)
            except BaseException as problem:
                outcome = mishap(held, problem)
            self._forget(held)
            done(held, outcome)

        Thread(target=run, name=f"handler {held.row.type}", daemon=True).start()

    def _prepare(self, held: HeldJob) -> _Prepared | Outcome:
        binding = self._registry.find(held.names)
        if binding is None:
            return self._evaluated(held) or self._left(held) or self._unbound(held)
        journal = StoreJournal(self._store, held.row.id, held.row.instance_id, held.lease)
        job = held.as_job(binding.retries)
        try:
            said = self._judge.said_of(held)
            timeout = self._judge.timeout(said, job)
            if not binding.gets_secrets:
                prepared = _Prepared(binding, said, job, job, journal, timeout)
            else:
                given, secrets = self._secrets.handed(job, self._own.secrets_for(held))
                prepared = _Prepared(binding, said, job, given, journal, timeout, secrets)
        except UnknownSecret as unknown:
            return Failed(str(unknown), kind="secret")
        except ExpressionError as problem:
            return Failed(str(problem), kind="expression")
        if not held.is_in_memory:
            with self._lock:
                self._running[id(held)] = (held, prepared.given.cancellation)
        return prepared

    def _meant(self, prepared: _Prepared, outcome: Outcome) -> Outcome:
        secrets = prepared.secrets
        return self._judge.judged(prepared.said, prepared.job, scrubbed(outcome, secrets) if secrets else outcome)

    def _forget(self, held: HeldJob) -> None:
        with self._lock:
            self._running.pop(id(held), None)

    def _evaluated(self, held: HeldJob) -> Outcome | None:
        """Of a task that is written as an expression, its value; None where that wants a handler after all."""
        if held.row.written_as != expression.WRITTEN_AS:
            return None
        try:
            return completed(expression.value_of(held.names[0], held.as_job(1).variables, self._clock.now()))
        except ExpressionError:
            return None

    def _left(self, held: HeldJob) -> Left | None:
        """Where workers elsewhere have asked some process of ours for such jobs."""
        job_type = held.names[0]
        with self._store.reading() as connection:
            if not external.is_asked(connection, job_type):
                return None
        self._registry.add_asked(job_type)
        return Left()

    def _unbound(self, held: HeldJob) -> Failed:
        names = held.names
        known = ", ".join(self._registry.names) or "none"
        also = f" or {', '.join(repr(name) for name in names[1:])}" if len(names) > 1 else ""
        element, location = self._own.place_of(held)
        message = (
            f"No handler for job type '{names[0]}'{also} (element '{element}', {location}). "
            f'Registered: {known}. Add @engine.handler("{names[0]}").'
        )
        return Failed(message, kind="unbound")


def mishap(held: HeldJob, problem: BaseException) -> Outcome:
    """What becomes of a job when something around its handler raised *problem*; raises it where it ends the program."""
    if isinstance(problem, DatabaseAway):
        return put_off(problem)
    if ends_program(problem):
        raise problem
    # Its stack is for the incident: what an exception says may be a variable's value.
    log.error("a job could not be run", extra=telemetry.ids_of(held) | {"error": type(problem).__name__})
    return broken(problem)


def _result_of(future: Future[Any]) -> Any:
    if future.cancelled():
        raise NotWanted("It was cancelled: its result is not wanted any more.")
    return future.result()
