"""Jobs that start instances: timers of definitions."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

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
from engine.store.history import append_log
from engine.store.instances import next_log_sequence
from engine.store.subscriptions import StartWaiting
from engine.store.transaction import Store

log = logging.getLogger("engine.jobs")


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
            serve_deployed(session, held.row.type, self._clock.now())

        self._road.travel(work)

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

    def start(self, held: HeldJob) -> None:
        """A start timer is due: a new instance, and the timer's next time."""
        try:
            self._road.travel(lambda session: self._start(session, held))
        except DatabaseAway:
            raise
        except EngineError as problem:
            reason = str(problem)
            fields = {"job_id": held.row.id, "definition_id": held.row.definition_id, "reason": reason}
            log.error("a start timer could not start its process", extra=fields)
            self._road.travel(lambda session: self._put_off(session, held, reason))

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
        following = next_start(parameters, schedule, row.due_at, row.created_at)
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
            error=None,
            parameters=timer_parameters(left, part),
        )

    def _put_off(self, session: Session, held: HeldJob, error: str) -> None:
        due_at = self._clock.now() + backoff(held.row.attempt)
        jobs.release(session.connection, held.lease, state=JobState.AVAILABLE, due_at=due_at, error=error)
