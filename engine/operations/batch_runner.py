"""Does batches, a few items in each commit: what is done to an item and the record of it are saved together."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import datetime

from engine.batch import BatchItem, BatchState, DeleteAll, ItemState, operation_from
from engine.clock import Clock
from engine.errors import Conflict, DatabaseAway, EngineError
from engine.incidents import Incidents
from engine.jobs.held import HeldJob
from engine.model import JobState
from engine.operations.doing import Done, delete_some, do
from engine.road import Road
from engine.session import Session
from engine.store import batches, jobs
from engine.store.batches import Work
from engine.store.faults import OutcomeUnknown

CHUNK = 20
"""Items in one commit."""
TURN = 0.5
"""Seconds after which a batch lets other jobs have their turn."""

log = logging.getLogger("engine.operations")


class BatchRunner:
    def __init__(self, road: Road, incidents: Incidents, clock: Clock) -> None:
        self._road = road
        self._incidents = incidents
        self._clock = clock

    def run(self, held: HeldJob) -> None:
        """A turn of the batch whose job this is. Raises DatabaseAway; what was committed stays done."""
        since = time.monotonic()
        try:
            while self._do_some(held):
                if time.monotonic() - since > TURN:
                    self._road.travel(lambda session: self._rest(session, held))
                    return
        except Conflict as lost:  # paused, cancelled, or taken over by another worker
            log.info("a batch is left", extra={"job_id": held.row.id, "error": type(lost).__name__})
            self._road.travel(lambda session: self._rest(session, held))

    def _do_some(self, held: HeldJob) -> bool:
        """Some items, together or, where one of them is refused, each by itself; False when none is left."""
        try:
            return self._road.travel(lambda session: self._do(session, held, CHUNK))
        except OutcomeUnknown:  # what is done is on record: looked at again, and gone on from there
            return True
        except (DatabaseAway, _Stopped):
            raise
        except Exception:
            return self._do_one_by_one(held)

    def _do_one_by_one(self, held: HeldJob) -> bool:
        for _ in range(CHUNK):
            try:
                goes_on = self._road.travel(lambda session: self._do(session, held, 1))
            except OutcomeUnknown:
                goes_on = True
            except (DatabaseAway, _Stopped):
                raise
            except Exception as problem:
                message = str(problem) if isinstance(problem, EngineError) else f"{type(problem).__name__}: {problem}"
                goes_on = self._road.travel(lambda session, said=message: self._fail(session, held, said))
            if not goes_on:
                return False
        return True

    def _do(self, session: Session, held: HeldJob, limit: int) -> bool:
        at = self._clock.now()
        work = self._begin(session, held)
        items = batches.next_items(session.connection, work.id, limit)
        operation = operation_from(work.kind, work.arguments)
        if isinstance(operation, DeleteAll):
            done = delete_some(session, items, work, at)
        else:
            session.load(each.instance_id for each in items if each.instance_id)
            done = [(each, do(session, operation, each, work, self._incidents, at)) for each in items]
        ended = [(item.number, *_recorded(session, work, item, each, at)) for item, each in done]
        batches.end_items(session.connection, work.id, ended, at)
        return self._end(session, held, work, items, at)

    def _fail(self, session: Session, held: HeldJob, message: str) -> bool:
        """The next item could not be done."""
        at = self._clock.now()
        work = self._begin(session, held)
        items = batches.next_items(session.connection, work.id, 1)
        batches.end_items(session.connection, work.id, [(each.number, ItemState.FAILED, message) for each in items], at)
        return self._end(session, held, work, items, at)

    def _begin(self, session: Session, held: HeldJob) -> Work:
        """Raises _Stopped when the batch is not ours to go on with."""
        try:
            jobs.lock_job(session.connection, held.lease)
        except Conflict as lost:
            raise _Stopped(str(lost)) from lost
        work = batches.lock(session.connection, held.row.element_id)
        if work is None or work.state != BatchState.RUNNING:
            raise _Stopped(f"Batch '{held.row.element_id}' does not run.")
        return work

    def _end(self, session: Session, held: HeldJob, work: Work, items: Sequence[BatchItem], at: datetime) -> bool:
        """Whether there is more to do; else the batch is completed."""
        if batches.next_items(session.connection, work.id, 1):
            return True
        batches.move(session.connection, work.id, (BatchState.RUNNING,), BatchState.COMPLETED, at)
        jobs.delete_job(session.connection, held.lease)
        return False

    def _rest(self, session: Session, held: HeldJob) -> None:
        """Others have their turn; nothing where the job is not ours any more."""
        now = self._clock.now()
        jobs.release(session.connection, held.lease, state=JobState.AVAILABLE, due_at=now, attempt=0)


class _Stopped(Conflict):
    """The batch was paused or cancelled, or another worker has it."""


def _recorded(session: Session, work: Work, item: BatchItem, done: Done, at: datetime) -> tuple[str, str]:
    """The instance's own record says by which batch it was changed."""
    if done.state is ItemState.DONE and not done.is_gone and item.instance_id:
        detail = {"batch": work.id, "kind": work.kind, "reason": work.reason}
        session.live(item.instance_id).log(at, "batch.applied", work.actor, detail=detail)
    return done.state, done.message
