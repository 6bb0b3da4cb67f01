"""Incidents: trying again what stopped."""

from __future__ import annotations

import logging
from typing import Any

from engine.clock import Clock
from engine.commands import RetryActivity
from engine.errors import Conflict, InvalidInput, NotFound
from engine.handlers import is_whole
from engine.model import JobState
from engine.road import Road
from engine.session import Session
from engine.store import incidents, jobs
from engine.store.transaction import Store
from engine.store.types import Row

log = logging.getLogger("engine.incidents")


class Incidents:
    def __init__(self, store: Store, road: Road, clock: Clock) -> None:
        self._store = store
        self._road = road
        self._clock = clock

    def retry(self, incident_id: str, *, by: str, retries: int | None) -> None:
        """Raises NotFound, Conflict (resolved already, or the instance is suspended)."""
        _check(retries)
        self._road.travel(lambda session: self.retry_in(session, incident_id, retries, by))

    def retry_in(self, session: Session, incident_id: str, retries: int | None, by: str) -> None:
        """Raises as `retry`; then all of the transaction has to go."""
        if incidents.is_stuck(session.connection, incident_id):
            self.renew(session, incident_id, retries, by)
            return
        row = self._open(session, incident_id)
        live = session.live(row.instance_id)
        if live.is_suspended:
            raise Conflict(f"Process instance '{live.id}' is suspended. Activate it first.")
        if row.job_id is not None:
            self.renew(session, row.job_id, retries, by)
        else:
            command = RetryActivity(at=self._clock.now(), actor=by, activity_id=row.activity_id)
            live.resolve_incidents(command.at, by, row.activity_id)
            session.deliver(row.instance_id, command)

    def set_retries(self, job_id: str, retries: int, *, by: str) -> None:
        _check(retries)
        self._road.travel(lambda session: self.renew(session, job_id, retries, by))

    def renew(self, session: Session, job_id: str, retries: int | None, by: str) -> None:
        """New attempts for a job, as *retries* or the diagram says; a failed one waits for a worker again."""
        at = self._clock.now()
        job = jobs.find(session.connection, job_id)
        live = session.live(job.instance_id) if job.instance_id else None
        changes: dict[str, Any] = {"retries_left": retries if retries is not None else job.retries}
        if job.state == JobState.FAILED:
            changes |= {"state": jobs.waiting_state(job), "due_at": at, "error": None, "lost_leases": 0}
        if not jobs.release(session.connection, jobs.Lease(job_id), **changes):
            raise Conflict(f"Job '{job_id}' is being run by a worker.")
        if live is None:
            log.info("job retried", extra={"job_id": job_id, "kind": job.kind, "actor": by})
        else:
            if job.is_exclusive:
                session.unit.pass_turn(live.id, at)
            live.resolve_incidents(at, by, job.activity_id)
            detail = {"job": job_id, "retries": changes["retries_left"]}
            live.log(at, "job.retried", by, job.activity_id, job.element_id, detail)

    def _open(self, session: Session, incident_id: str) -> Row[Any]:
        row = incidents.find(session.connection, incident_id)
        if row is None:
            raise NotFound(f"There is no incident '{incident_id}'.")
        if row.resolved_at is not None:
            raise Conflict(f"Incident '{incident_id}' was resolved already, by {row.resolved_by}.")
        return row


def _check(retries: int | None) -> None:
    if retries is not None and not is_whole(retries, 1):
        raise InvalidInput(f"{retries} retries: a job needs at least one attempt, and a whole number of them.")
