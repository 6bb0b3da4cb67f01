"""What people do with user tasks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from engine.clock import Clock
from engine.commands import CompleteActivity, ReassignTask, ThrowError, ThrowEscalation
from engine.errors import Conflict, NotFound
from engine.forms import check_form
from engine.history.reader import Reader
from engine.road import Road
from engine.session import Session
from engine.store import history, tasks
from engine.store.codec import check_key, normalise
from engine.store.instances import next_log_sequence
from engine.store.transaction import Store
from engine.store.types import Connection, Row

log = logging.getLogger("engine.tasks")


class Tasks:
    def __init__(self, store: Store, road: Road, read: Reader, clock: Clock) -> None:
        self._store = store
        self._road = road
        self._read = read
        self._clock = clock

    def claim(self, task_id: str, user: str) -> None:
        check_key(user, "user's name")

        def take(connection: Connection, row: Row[Any]) -> None:
            if not tasks.claim(connection, task_id, user):
                raise Conflict(f"Task '{row.name}' ({task_id}) is claimed by {row.assignee} already.")

        self._act(task_id, take, "task.claimed", user, {})

    def unclaim(self, task_id: str, user: str) -> None:
        def give_back(connection: Connection, row: Row[Any]) -> None:
            if not tasks.unclaim(connection, task_id, user):
                whose = f"claimed by {row.assignee}" if row.assignee else "not claimed"
                raise Conflict(f"Task '{row.name}' ({task_id}) is {whose}, so {user} cannot give it back.")

        self._act(task_id, give_back, "task.unclaimed", user, {})

    def assign(self, task_id: str, user: str | None, *, by: str) -> None:
        if user is not None:
            check_key(user, "user's name")

        def hand_over(connection: Connection, row: Row[Any]) -> None:
            tasks.assign(connection, task_id, user)

        self._act(task_id, hand_over, "task.assigned", by, {"assignee": user})

    def complete(self, task_id: str, variables: Mapping[str, Any], *, by: str, form: Mapping[str, str] | None) -> None:
        row = self._open(task_id)
        values = normalise(variables)
        if form is not None:
            values |= check_form(self._read.task_form(task_id), form)
        command = CompleteActivity(at=self._clock.now(), actor=by, activity_id=row.activity_id, variables=values)
        self._road.send(row.instance_id, command)

    def throw_error(self, task_id: str, code: str, message: str, variables: Mapping[str, Any], *, by: str) -> None:
        row = self._open(task_id)
        values = normalise(variables)
        command = ThrowError(
            at=self._clock.now(), actor=by, activity_id=row.activity_id, code=code, message=message, variables=values
        )
        self._road.send(row.instance_id, command)

    def throw_escalation(self, task_id: str, code: str, variables: Mapping[str, Any], *, by: str) -> None:
        row = self._open(task_id)
        values = normalise(variables)
        command = ThrowEscalation(
            at=self._clock.now(), actor=by, activity_id=row.activity_id, code=code, variables=values
        )
        self._road.send(row.instance_id, command)

    def _open(self, task_id: str) -> Row[Any]:
        with self._store.reading() as connection:
            return _open_task(connection, task_id)

    def _act(
        self,
        task_id: str,
        change: Callable[[Connection, Row[Any]], None],
        action: str,
        actor: str,
        detail: Mapping[str, Any],
    ) -> None:
        """A change of the task's assignee, its instance locked, with its line in the log."""
        if self._is_listened_to(task_id):
            self._act_and_tell(task_id, change, action, actor, detail)
            return

        def work() -> None:
            with self._store.writing() as connection:
                seen = _open_task(connection, task_id)
                if tasks.state_of_instance(connection, seen.instance_id) == "suspended":
                    raise Conflict(f"Task '{seen.name}' ({task_id}) belongs to a suspended instance.")
                row = _open_task(connection, task_id)
                change(connection, row)
                sequence = next_log_sequence(connection, row.instance_id)
                history.append_log(
                    connection,
                    row.instance_id,
                    sequence,
                    self._clock.now(),
                    action,
                    actor,
                    activity_id=row.activity_id,
                    element_id=row.element_id,
                    detail=detail,
                )

        self._store.retrying(work)
        log.info(action, extra={"task_id": task_id, "actor": actor})

    def _is_listened_to(self, task_id: str) -> bool:
        row = self._open(task_id)
        node = self._read.process(self._read.instance(row.instance_id).definition_id).node(row.element_id)
        told = (("assignment", "update"), ("assignment", "update", "complete"))  # a script may ask who has the task
        return any(listener.event in told[listener.script is not None] for listener in node.listeners)

    def _act_and_tell(
        self,
        task_id: str,
        change: Callable[[Connection, Row[Any]], None],
        action: str,
        actor: str,
        detail: Mapping[str, Any],
    ) -> None:
        def work(session: Session) -> None:
            row = _open_task(session.connection, task_id)
            live = session.live(row.instance_id)
            row = _open_task(session.connection, task_id)
            change(session.connection, row)
            at = self._clock.now()
            live.log(at, action, actor, row.activity_id, row.element_id, detail)
            assignee = _open_task(session.connection, task_id).assignee
            command = ReassignTask(at=at, actor=actor, activity_id=row.activity_id, assignee=assignee)
            session.deliver(row.instance_id, command)

        self._road.travel(work)


def _open_task(connection: Connection, task_id: str) -> Row[Any]:
    row = tasks.find(connection, task_id)
    if row is None:
        raise NotFound(f"There is no user task '{task_id}'.")
    if row.closed_at is not None:
        by = f" by {row.closed_by}" if row.closed_by else ""
        raise Conflict(f"Task '{row.name}' ({task_id}) is closed already: {row.outcome}{by}.")
    return row
