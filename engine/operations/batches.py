"""Batches: starting them over what is there now, looking at them, pausing and cancelling them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.batch import (
    ActivateAll,
    Batch,
    BatchChange,
    BatchItem,
    BatchState,
    CancelAll,
    DeleteAll,
    MigrateAll,
    ModifyAll,
    Operation,
    Preview,
    RetryAll,
    SetVariablesOfAll,
    SuspendAll,
    arguments_of,
    kind_of,
)
from engine.clock import Clock
from engine.effects import PLAIN_JOB
from engine.errors import Conflict, InvalidInput, NotFound
from engine.ids import Ids
from engine.model import JobState, Page
from engine.operations.choosing import chosen, narrowed, said
from engine.operations.modifications import normalised
from engine.road import Road
from engine.searching import Condition, Search
from engine.session import Session
from engine.store import batches, jobs, searching
from engine.store.codec import normalise
from engine.store.transaction import Store
from engine.store.types import Connection

RETOLD = 10
"""Seconds after which a page tells again what has become of the incidents of a retry."""
KIND = "batch"
"""Of the job that does a batch."""


class Batches:
    def __init__(self, store: Store, road: Road, ids: Ids, clock: Clock) -> None:
        self._store = store
        self._road = road
        self._ids = ids
        self._clock = clock

    def start(
        self,
        operation: Operation,
        *,
        ids: Sequence[str] | None,
        where: Sequence[Condition],
        by: str,
        reason: str,
    ) -> Batch:
        """Raises InvalidInput where nothing is chosen, or the operation is not one that can be done."""
        operation = _checked(operation)
        if (ids is None) == (not where):
            raise InvalidInput("Give either the ids or conditions that say what the batch is for.")
        batch_id = self._ids.next()

        def work(session: Session) -> str:
            targets = chosen(session.connection, operation, ids, where)
            if not targets:
                raise InvalidInput(f"Nothing is there to {kind_of(operation)}: {said(ids, where)}.")
            batches.add(
                session.connection,
                batch_id,
                kind=kind_of(operation),
                actor=by,
                reason=reason,
                selection=said(ids, where),
                arguments=arguments_of(operation),
                targets=targets,
                at=self._clock.now(),
            )
            self._add_job(session.connection, batch_id)
            return batch_id

        self._road.travel(work)
        return self.get(batch_id)

    def preview(self, operation: Operation, where: Sequence[Condition], shown: int = 10) -> Preview:
        """What a batch would be for if it were started now, whatever else the operation lacks. Raises InvalidInput for
        conditions that there are not."""
        name, conditions = narrowed(operation, where)
        with self._store.reading() as connection:
            kind = searching.kind_of(connection, name)
            first = searching.find(connection, kind, Search(tuple(conditions), limit=shown))
            return Preview(searching.count(connection, kind, conditions), tuple(first))

    def list(
        self,
        limit: int = 50,
        *,
        before: str | None = None,
        state: BatchState | None = None,
        kind: str | None = None,
    ) -> list[Batch]:
        """The newest first. *before*: the id of the last one of the page before."""
        with self._store.reading() as connection:
            return batches.listed(connection, limit, before=before, state=state, kind=kind)

    def page(
        self, limit: int = 50, offset: int = 0, *, state: BatchState | None = None, kind: str | None = None
    ) -> Page[Batch]:
        """The newest first, without what became of retried incidents."""
        with self._store.reading() as connection:
            return batches.page(connection, limit, offset, state=state, kind=kind)

    def page_revision(
        self, limit: int = 50, offset: int = 0, *, state: BatchState | None = None, kind: str | None = None
    ) -> str:
        """Another text when `page` shows something else, at a small cost however many items the batches have."""
        with self._store.reading() as connection:
            ids = batches.page_ids(connection, limit, offset, state=state, kind=kind)
            return repr(batches.revisions(connection, ids))

    def revision(self, batch_id: str) -> str:
        """Another text when the batch has come further or was steered, at a small cost; of a retry also now and then,
        as it costs more to tell what has become of the incidents. Raises NotFound."""
        with self._store.reading() as connection:
            found = batches.revisions(connection, [batch_id])
        if not found:
            raise _unknown(batch_id)
        kind = found[0][1]
        return repr((found, self._clock.now().timestamp() // RETOLD if kind == "retry" else None))

    def operation(self, batch_id: str) -> Operation:
        """What it does, with all that was given to it. Raises NotFound."""
        with self._store.reading() as connection:
            found = batches.operation(connection, batch_id)
        if found is None:
            raise _unknown(batch_id)
        return found

    def get(self, batch_id: str) -> Batch:
        """Raises NotFound."""
        with self._store.reading() as connection:
            found = batches.find(connection, batch_id)
        if found is None:
            raise _unknown(batch_id)
        return found

    def items(
        self, batch_id: str, state: str | None = None, limit: int = 100, offset: int = 0, after: int = 0
    ) -> Sequence[BatchItem]:
        """In their order; only those of *state*, if it is given. *after*: the number of the last one of the page
        before."""
        with self._store.reading() as connection:
            return batches.items(connection, batch_id, state, limit, offset, after)

    def changes(self, batch_id: str) -> list[BatchChange]:
        """Who paused it, let it go on, cancelled it; when and why. Raises NotFound."""
        self.get(batch_id)
        with self._store.reading() as connection:
            return batches.changes(connection, batch_id)

    def pause(self, batch_id: str, by: str = "system", reason: str = "") -> None:
        """Stops between two items. Raises NotFound, Conflict (it does not run)."""
        self._move(batch_id, (BatchState.RUNNING,), BatchState.PAUSED, by, reason)

    def resume(self, batch_id: str, by: str = "system", reason: str = "") -> None:
        """Raises NotFound, Conflict (it is not paused)."""
        self._move(batch_id, (BatchState.PAUSED,), BatchState.RUNNING, by, reason)

    def cancel(self, batch_id: str, by: str = "system", reason: str = "") -> None:
        """What is done stays done; the rest is left out. Raises NotFound, Conflict (it has ended)."""
        self._move(batch_id, (BatchState.RUNNING, BatchState.PAUSED), BatchState.CANCELLED, by, reason)

    def _move(self, batch_id: str, seen: tuple[BatchState, ...], state: BatchState, by: str, reason: str) -> None:
        at = self._clock.now()

        def work(session: Session) -> None:
            connection = session.connection
            jobs.lock_jobs(connection, [job_id(batch_id)])  # as who does the batch does, and in the same order
            batches.lock(connection, batch_id)
            is_over = state is BatchState.CANCELLED
            if not batches.move(connection, batch_id, seen, state, at if is_over else None):
                raise Conflict(f"Batch '{batch_id}' is {self.get(batch_id).state}.")
            batches.add_change(connection, batch_id, BatchChange(state, at, by, reason))
            if is_over:
                batches.leave_out(connection, batch_id, at)
                jobs.remove(connection, job_id(batch_id))
            else:
                jobs.suspend_job(connection, job_id(batch_id), state is BatchState.PAUSED)
            session.lines.append((f"batch.{state}", {"batch_id": batch_id, "actor": by}))

        self._road.travel(work)

    def _add_job(self, connection: Connection, batch_id: str) -> None:
        now = self._clock.now()
        row = {
            "id": job_id(batch_id),
            "instance_id": None,
            "definition_id": None,
            "activity_id": 0,
            "element_id": batch_id,
            "kind": KIND,
            "type": KIND,
            "state": JobState.AVAILABLE,
            "is_suspended": False,
            "created_at": now,
            "due_at": now,
        }
        jobs.add_job(connection, {**PLAIN_JOB, **row})


def job_id(batch_id: str) -> str:
    return f"{KIND}.{batch_id}"


def _unknown(batch_id: str) -> NotFound:
    return NotFound(f"There is no batch '{batch_id}'.")


def _checked(operation: Operation) -> Operation:
    """Raises InvalidInput where it can be done to no instance."""
    match operation:
        case SetVariablesOfAll(variables=variables):
            if not variables:
                raise InvalidInput("No variables are given to set.")
            return SetVariablesOfAll(normalise(variables))
        case ModifyAll(instructions=instructions):
            if not instructions:
                raise InvalidInput("The modification says nothing. Give at least one instruction.")
            return replace(operation, instructions=normalised(instructions))
        case MigrateAll(plan=plan) if plan.problems:
            raise InvalidInput(f"The plan cannot be done. {' '.join(str(each) for each in plan.problems)}")
        case RetryAll(retries=retries) if retries is not None and retries < 1:
            raise InvalidInput(f"{retries} retries: a job needs at least one attempt.")
        case MigrateAll() | RetryAll() | CancelAll() | SuspendAll() | ActivateAll() | DeleteAll():
            return operation
        case _:
            raise InvalidInput(f"{_type_of(operation)} is no operation. Give one of engine.batch.")


def _type_of(thing: object) -> str:
    return f"Something of type {type(thing).__name__}"
