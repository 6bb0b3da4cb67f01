"""Jobs that start instances: timers of definitions, and what hands a new version the messages that have waited."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

import orjson

from bpmn.secrets import Uses
from engine.arrivals import trigger_start
from engine.clock import Clock
from engine.errors import DatabaseAway, EngineError
from engine.jobs.held import HeldJob
from engine.jobs.retry import backoff
from engine.messages import serve_deployed
from engine.model import JobState
from engine.programs import Programs
from engine.road import Road
from engine.session import Session
from engine.starting import next_start, schedule_of, timer_parameters, triggers_of
from engine.store import jobs, messages
from engine.store.codec import readable
from engine.store.history import append_log
from engine.store.instances import next_log_sequence
from engine.store.subscriptions import StartWaiting
from engine.store.transaction import Store

log = logging.getLogger("engine.jobs")

_TURN = "turn_at"
"""When a start timer was due that is being tried again."""


class OwnJobs:
    """*run_batch*: a turn of the batch whose job it is handed."""

    def __init__(
        self, store: Store, road: Road, programs: Programs, clock: Clock, run_batch: Callable[[HeldJob], None]
    ) -> None:
        self.run_batch = run_batch
        self._store = store
        self._road = road
        self._programs = programs
        self._clock = clock

    def place_of(self, held: HeldJob) -> tuple[str, str]:
        """The name of a job's element, and file:line."""
        loaded = self._programs.get(held.definition_id)
        try:
            node = loaded.process.node(held.row.element_id)
        except KeyError:
            return held.row.element_id, loaded.file
        return node.name or node.id, f"{loaded.file}:{held.row.line or node.line}"

    def secrets_for(self, held: HeldJob) -> Uses:
        """The secrets that the diagram hands to this job, by the variable or parameter that they belong in."""
        return self._programs.get(held.definition_id).secrets.get(held.row.element_id, {})

    def deliver(self, held: HeldJob) -> None:
        """A new version has message start events: messages may have waited for them."""

        def work(session: Session) -> None:
            jobs.lock_job(session.connection, held.lease)
            jobs.delete_job(session.connection, held.lease)
            now = self._clock.now()
            serve_deployed(session, held.row.type, now)
            session.watch.own_job_ended(held, now, held.row.due_at)

        self._attempt(held, work)

    def start(self, held: HeldJob) -> None:
        """A start timer is due: a new instance, and the timer's next time."""
        self._attempt(held, lambda session: self._start(session, held))

    def _attempt(self, held: HeldJob, work: Callable[[Session], None]) -> None:
        """What fails is tried again a few times and is then a failed job, which shows as an open incident: no instance
        could hold it. Raises DatabaseAway."""
        try:
            self._road.travel(work)
        except DatabaseAway:
            raise
        except Exception as problem:
            said = str(problem) if isinstance(problem, EngineError) else f"{type(problem).__name__}: {problem}"
            left = max(held.attempts_left(None) - 1, 0)
            fields = {"job_id": held.row.id, "kind": held.row.kind, "definition_id": held.row.definition_id}
            fields |= {"error": type(problem).__name__, "attempt": held.row.attempt, "retries_left": left}
            log.error("what starts instances could not" if left else "what starts instances gave up", extra=fields)
            self._road.travel(lambda session: self._put_back(session, held, left, said))

    def expire_messages(self) -> None:
        """Removes messages that have waited long enough; who had thrown one has it in its history."""
        now = self._clock.now()
        with self._store.reading() as connection:
            if not messages.has_expired(connection, now):
                return
        self._store.retrying(lambda: self._remove_expired(now))

    def _remove_expired(self, now: datetime) -> None:
        with self._store.writing() as connection:
            for row in messages.remove_expired(connection, now):
                if not messages.has_history(connection, row.sender_id):
                    continue
                append_log(
                    connection,
                    row.sender_id,
                    next_log_sequence(connection, row.sender_id),
                    now,
                    "message.expired",
                    "system",
                    activity_id=row.sender_activity_id,
                    element_id=row.sender_element_id,
                    detail={"name": row.name, "message": row.id},
                )

    def _start(self, session: Session, held: HeldJob) -> None:
        row, now = held.row, self._clock.now()
        jobs.lock_job(session.connection, held.lease)
        loaded = self._programs.get(held.definition_id or row.definition_id or "", session.connection)
        node = loaded.process.node(row.element_id)
        parameters = held.parameters or {}
        part: int = parameters.get("part", 0)
        start = StartWaiting(loaded.key, loaded.id, node.id, part)
        trigger_start(session, start, {}, at=now, by="timer")
        schedule = schedule_of(triggers_of(node)[part], row.created_at, loaded.file, node)
        turn_at = datetime.fromisoformat(parameters[_TURN]) if _TURN in parameters else row.due_at
        session.watch.own_job_ended(held, now, turn_at)
        following = next_start(parameters, schedule, turn_at, row.created_at)
        if following is None:
            jobs.delete_job(session.connection, held.lease)
            return
        due_at, left = following
        jobs.release(
            session.connection,
            held.lease,
            state=JobState.AVAILABLE,
            due_at=due_at,
            attempt=0,
            retries_left=None,
            error=None,
            parameters=timer_parameters(left, part),
        )

    def _put_back(self, session: Session, held: HeldJob, left: int, error: str) -> None:
        """*left*: attempts that remain. What the turns of a timer are counted from is kept."""
        row, now = held.row, self._clock.now()
        parameters = {_TURN: row.due_at.isoformat()} | dict(held.parameters or {})
        session.watch.job_failed(held, "retry" if left else "failed")
        jobs.release(
            session.connection,
            held.lease,
            state=JobState.AVAILABLE if left else JobState.FAILED,
            due_at=now + backoff(row.attempt) if left else now,
            attempt=row.attempt,
            retries_left=left,
            error=readable(error),
            parameters=orjson.dumps(parameters).decode(),
        )
