"""Acts on what became of jobs: the one place where an outcome turns into state."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from engine import telemetry
from engine.clock import Clock
from engine.commands import Command, CompleteActivity, ThrowError
from engine.errors import Conflict, DatabaseAway, EngineError, InvalidInput
from engine.events import UNSET
from engine.executors.registry import Registry
from engine.handlers import is_whole
from engine.jobs.answers import Judge
from engine.jobs.held import HeldJob, hold
from engine.jobs.outcome import Completed, Failed, Left, Move, Outcome, RanOn, Retry, Thrown, broken
from engine.jobs.retry import NoDelay, later, next_attempt_at
from engine.model import JobState
from engine.road import Errand, Road
from engine.session import Session
from engine.store import jobs
from engine.store.codec import normalise, readable
from engine.store.faults import OutcomeUnknown
from engine.store.instances import LIVE_STATES
from engine.store.jobs import Lease
from engine.store.transaction import Store
from engine.store.types import Connection
from engine.stretch import Stretch

Settled = tuple[HeldJob, Outcome]

log = logging.getLogger("engine.jobs")


class Settling:
    def __init__(self, store: Store, road: Road, registry: Registry, clock: Clock, judge: Judge) -> None:
        self._store = store
        self._road = road
        self._registry = registry
        self._clock = clock
        self.judge = judge

    def settle(self, worker: str, settled: Sequence[Settled], after: Callable[[Session], None] | None = None) -> None:
        """Saves what became of held jobs, each of them whatever is wrong with another. One whose lease was lost leaves
        no trace but a line in the log.

        *after*: called once with the transaction before its commit, to take the next jobs in the same one.
        """
        errands: list[Errand] = []
        owners: list[HeldJob] = []
        for held, outcome in settled:
            end = self.ending(held, outcome, f"worker:{worker}")
            if end is None:
                self._alone(held, lambda held=held, outcome=outcome: self._put_back(held, outcome))
            else:
                stretch = outcome.stretch if isinstance(outcome, RanOn) else None
                errands.append(Errand(held.row.instance_id, end[0], held.lease, end[1], stretch, held))
                owners.append(held)
        if not errands and after is None:
            return
        for held, errand, problem in zip(owners, errands, self._road.send_all(errands, after), strict=True):
            if problem is not None:
                self._alone(
                    held, lambda held=held, errand=errand, problem=problem: self._refused(held, errand, problem)
                )
            elif errand.stretch is not None:
                self.put_back_left(errand.stretch)

    def settle_elsewhere(self, held: HeldJob, outcome: Outcome, actor: str) -> None:
        """Saves what a worker elsewhere says of a job that it holds. A result for an instance that was suspended
        meanwhile is kept for it. Raises what refused it, Conflict where the lease is lost; then nothing has changed.
        """
        end = self.ending(held, outcome, actor)
        if isinstance(outcome, Retry):
            self._check_delay(outcome.after)
        if end is None:
            self._road.travel(lambda session: self._put_back_in(session, held, outcome))
            return
        self._deliver_or_keep(held, Errand(held.row.instance_id, end[0], held.lease, end[1]))

    def put_back_left(self, stretch: Stretch) -> None:
        """What became of the job at which a saved stretch ended. Where its transaction was tried again, the job that
        goes by its id is another one, which has attempts of its own."""
        if stretch.left is None or not stretch.is_used:
            return
        held, outcome = stretch.left

        def settle() -> None:
            try:
                self._road.travel(lambda session: self._put_back_in(session, held, outcome))
            except Conflict as refusal:
                _log_lost(held, refusal)

        self._alone(held, settle)

    def complete(self, job_id: str, variables: Mapping[str, Any], *, by: str) -> None:
        values = normalise(variables)
        outcome = self._meant(job_id, Completed(values))
        if isinstance(outcome, Failed):
            raise InvalidInput(outcome.error)
        self._from_outside(job_id, outcome, by)

    def throw_error(self, job_id: str, code: str, message: str, variables: Mapping[str, Any], *, by: str) -> None:
        self._from_outside(job_id, Thrown(code, message, normalise(variables)), by)

    def fail(self, job_id: str, error: str, *, retries: int | None, retry_in: timedelta | None, by: str) -> None:
        if retries is not None and not is_whole(retries, 0):
            raise InvalidInput(f"{retries} retries: the number of attempts left is a whole number, 0 or more.")
        self._check_delay(retry_in)
        meant = self._meant(job_id, Retry(error, left=retries))
        if isinstance(meant, Thrown):
            self._from_outside(job_id, meant, by)
            return

        def work(session: Session) -> None:
            held = self._unheld(session.connection, job_id)
            left = retries if retries is not None else self._left(held)
            outcome = "retry" if left > 0 else "failed"
            jobs.add_attempt(session.connection, held.row, self._clock.now(), by, outcome, readable(error))
            self._fail_in(session, held, error, "", left, after=retry_in, attempt=held.row.attempt + 1)

        self._road.travel(work)

    def _check_delay(self, delay: timedelta | None) -> None:
        """Raises InvalidInput for one that comes from outside and cannot be kept."""
        try:
            later(self._clock.now(), delay or timedelta())
        except NoDelay as problem:
            raise InvalidInput(str(problem)) from None

    def break_off(self, held: HeldJob, problem: Exception, kind: str = "job") -> None:
        """An incident for work of the engine's own that broke: a timer, a continuation, a call."""
        said = str(problem) if isinstance(problem, EngineError) else f"{type(problem).__name__}: {problem}"
        self._put_back(held, Failed(said, kind=kind))

    def ending(self, held: HeldJob, outcome: Outcome, actor: str) -> tuple[Command, str] | None:
        """The command that ends the job, if the outcome does, and the word for it in the attempt's record."""
        if isinstance(outcome, RanOn):
            return outcome.command, outcome.outcome
        command = self._command(held, outcome, actor)
        return None if command is None else (command, _said(outcome))

    def _command(self, held: HeldJob, outcome: Outcome, actor: str) -> Command | None:
        at, activity_id = self._clock.now(), held.row.activity_id
        match outcome:
            case Completed(variables=variables, result=result, has_result=has_result, local_variables=local):
                return CompleteActivity(
                    at=at,
                    actor=actor,
                    activity_id=activity_id,
                    variables=variables,
                    result=result if has_result else UNSET,
                    local_variables=local,
                )
            case Thrown(code=code, message=message, variables=variables):
                return ThrowError(
                    at=at, actor=actor, activity_id=activity_id, code=code, message=message, variables=variables
                )
            case Move(command=command):
                return command
            case Retry() | Failed() | Left() | RanOn():
                return None

    def _alone(self, held: HeldJob, settle: Callable[[], None]) -> None:
        """A result that cannot be saved is a failed job; where that cannot be saved either, its lease makes up for it.
        The results beside it do not suffer."""
        try:
            try:
                settle()
            except (DatabaseAway, OutcomeUnknown):  # that is no fault of the result's
                raise
            except Exception as problem:
                fields = telemetry.ids_of(held) | {"error": type(problem).__name__}
                log.error("the result of a job could not be saved", extra=fields)
                self._put_back(held, broken(problem))
        except (DatabaseAway, OutcomeUnknown):
            raise
        except Exception:
            log.exception("a job could not be put back, its lease runs out", extra=telemetry.ids_of(held))

    def _put_back(self, held: HeldJob, outcome: Outcome) -> None:
        try:
            self._road.travel(lambda session: self._put_back_in(session, held, outcome))
        except Conflict as refusal:
            _log_lost(held, refusal)
            with self._store.writing() as connection:
                jobs.end_attempts(connection, [held.lease], self._clock.now(), "discarded")

    def _put_back_in(self, session: Session, held: HeldJob, outcome: Outcome) -> None:
        match outcome:
            case Retry(error=error, detail=detail, after=after, left=left, counts=counts):
                left = self._left(held) + (not counts) if left is None else left
                self._fail_in(session, held, error, detail, left, after=after)
            case Failed(error=error, detail=detail, kind=kind):
                self._fail_in(session, held, error, detail, 0, kind=kind)
            case Left():
                jobs.leave_held(session.connection, held.lease)
            case _:
                raise TypeError(f"{type(outcome).__name__} does not put a job back.")

    def _left(self, held: HeldJob) -> int:
        """Attempts that remain now that one has failed."""
        binding = self._registry.find(held.names)
        return held.attempts_left(binding.retries if binding else None) - 1

    def _fail_in(
        self,
        session: Session,
        held: HeldJob,
        error: str,
        detail: str,
        left: int,
        *,
        kind: str = "job",
        after: timedelta | None = None,
        attempt: int | None = None,
    ) -> None:
        """A failed attempt: available again later, or out of retries and an incident."""
        at, row, lease = self._clock.now(), held.row, held.lease
        live = session.live(row.instance_id) if row.instance_id else None
        number = row.attempt if attempt is None else attempt
        error = readable(error)
        due_at = at
        if left > 0:
            try:
                due_at = later(at, after) if after is not None else self._retry_at(held, at, number)
            except NoDelay as problem:
                left, error = 0, readable(f"{problem} So it is not tried again. What failed: {error}")
        changes: dict[str, Any] = {"error": error, "attempt": number, "retries_left": max(left, 0)}
        if left > 0:
            changes |= {"state": jobs.waiting_state(row), "due_at": due_at}
        else:
            changes |= {"state": JobState.FAILED}
        if not jobs.release(session.connection, lease if attempt is None else Lease(row.id), **changes):
            raise Conflict(f"Job '{row.id}' is no longer held by this worker.")
        if row.is_exclusive:
            session.unit.pass_turn(row.instance_id, at)
        jobs.end_attempts(session.connection, [lease], at, "retry" if left > 0 else "failed", error)
        session.watch.job_failed(held, "retry" if left > 0 else "failed")
        fields = telemetry.ids_of(held) | {"attempt": number, "retries_left": max(left, 0)}
        log.warning("job failed" if left > 0 else "job out of retries", extra=fields)
        if left <= 0 and live is not None:
            location = f"{live.file}:{row.line}" if row.line else live.file
            live.raise_incident(
                at, row.activity_id, row.element_id, kind, error, detail=detail, location=location, job_id=row.id
            )

    def _retry_at(self, held: HeldJob, at: datetime, attempt: int) -> datetime:
        binding = self._registry.find(held.names)
        own = binding.backoff if binding else None
        return next_attempt_at(at, max(attempt, 1), held.row.retry_cycle, own, held.row.id)

    def _refused(self, held: HeldJob, errand: Errand, problem: Exception) -> None:
        """A result that the instance would not take: it was suspended at that moment, or had moved on."""
        if isinstance(problem, EngineError):
            try:
                return self._deliver_or_keep(held, errand)
            except (DatabaseAway, OutcomeUnknown):
                raise
            except EngineError as refusal:
                problem = refusal
        with self._store.reading() as connection:
            is_live = jobs.state_of_instance(connection, errand.instance_id) in LIVE_STATES
        if isinstance(problem, Conflict) and held.row.kind == "deferred" and is_live:
            self._forget(held, problem)
        else:
            self.break_off(held, problem)
        return None

    def _deliver_or_keep(self, held: HeldJob, errand: Errand) -> None:
        """Decided under the lock of the instance, which others may suspend and activate at any moment."""

        def work(session: Session) -> None:
            if session.live(errand.instance_id).is_suspended:
                self._keep(session, errand)
            else:
                session.trace = telemetry.woken(held)
                session.deliver(errand.instance_id, errand.command, held.lease)
                session.watch.job_ended(held, errand.command, errand.outcome)
                jobs.end_attempts(session.connection, [held.lease], errand.command.at, errand.outcome)

        self._road.travel(work)

    def _forget(self, held: HeldJob, refusal: Conflict) -> None:
        """What waited for a suspended instance no longer fits it: as if it had come too late."""
        with self._store.writing() as connection:
            jobs.delete_job(connection, held.lease)
        _log_lost(held, refusal)

    def _keep(self, session: Session, errand: Errand) -> None:
        assert errand.lease is not None
        session.keep_result(errand.instance_id, errand.command, errand.lease)
        jobs.end_attempts(session.connection, [errand.lease], self._clock.now(), errand.outcome)

    def _from_outside(self, job_id: str, outcome: Outcome, by: str) -> None:
        with self._store.reading() as connection:
            held = self._unheld(connection, job_id)
        command = self._command(held, outcome, by)
        assert command is not None

        def work(session: Session) -> None:
            session.trace = telemetry.woken(held)
            live = session.deliver(held.row.instance_id, command, Lease(job_id))
            session.watch.job_ended(held, command, _said(outcome))
            jobs.add_attempt(session.connection, held.row, command.at, by, _said(outcome), "")
            live.resolve_incidents(command.at, by, held.row.activity_id)

        self._road.travel(work)

    def _meant(self, job_id: str, outcome: Outcome) -> Outcome:
        """What the diagram makes of what somebody outside says of a job."""
        with self._store.reading() as connection:
            held = self._unheld(connection, job_id)
        return self.judge.judged_from_outside(held, outcome)

    def _unheld(self, connection: Connection, job_id: str) -> HeldJob:
        row = jobs.find(connection, job_id)
        if row.state == JobState.RUNNING:
            raise Conflict(f"Job '{job_id}' is being run by {row.lease_owner}.")
        if row.kind != "service":
            raise Conflict(f"Job '{job_id}' is a {row.kind}, which nobody settles from outside.")
        return hold(connection, [row])[0]


def _said(outcome: Outcome) -> str:
    return "bpmn_error" if isinstance(outcome, Thrown) else "completed"


def _log_lost(held: HeldJob, refusal: Exception) -> None:
    fields = telemetry.ids_of(held) | {"error": type(refusal).__name__}
    telemetry.lease_lost("result")
    log.warning("the result of a job was not wanted any more", extra=fields)
