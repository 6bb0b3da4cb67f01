"""Process instances: starting and steering them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine.clock import Clock
from engine.commands import Cancel, Command, CompleteActivity, SetVariables, Start, TriggerEvent
from engine.errors import Conflict, InvalidInput, NotFound
from engine.forms import check_form
from engine.history.reader import Reader
from engine.ids import Ids
from engine.jobs.running_on import Runner
from engine.jobs.settling import Settling
from engine.model import ActivityRecord, InstanceState, ProcessInstance
from engine.programs import Programs
from engine.road import Road
from engine.session import Session
from engine.store import definitions, instances, jobs
from engine.store.codec import check_key, normalise
from engine.store.subscriptions import waiting_at
from engine.store.transaction import Store

_SCOPES = ("subProcess", "adHocSubProcess", "transaction", "multiInstanceBody")
_TRIGGERABLE = ("receiveTask", "intermediateCatchEvent")


class Instances:
    def __init__(
        self,
        store: Store,
        road: Road,
        read: Reader,
        clock: Clock,
        *,
        programs: Programs,
        ids: Ids,
        runner: Runner,
        settling: Settling,
    ) -> None:
        self._store = store
        self._road = road
        self._read = read
        self._clock = clock
        self._programs = programs
        self._ids = ids
        self._runner = runner
        self._settling = settling

    def start(
        self,
        key: str,
        *,
        variables: Mapping[str, Any],
        business_key: str | None,
        by: str,
        version: int | None,
        version_tag: str | None,
        form: Mapping[str, str] | None,
    ) -> ProcessInstance:
        definition_id = self._store.retrying(lambda: self._definition_id(key, version, version_tag))
        values = normalise(variables)
        if form is not None:
            described = self._read.start_form(definition_id)
            values |= check_form(described, form)
            if described and described.business_key_field and business_key is None:
                business_key = str(values.get(described.business_key_field) or "") or None
        if business_key is not None:
            check_key(business_key, "business key")
        command = Start(at=self._clock.now(), actor=by, variables=values, initiator=None if by == "system" else by)
        return self._start(definition_id, command, business_key)

    def _start(self, definition_id: str, command: Start, business_key: str | None) -> ProcessInstance:
        loaded = self._store.retrying(lambda: self._programs.get(definition_id))
        stretch = self._runner.start(loaded, self._ids.next(), command, business_key)
        live = self._road.travel(
            lambda session: session.create(definition_id, command, business_key=business_key, stretch=stretch)
        )
        if stretch is None or stretch.left is None:
            return live.started(command)
        self._settling.put_back_left(stretch)
        return self._read.instance(live.id)

    def trigger(self, instance_id: str, element_id: str, variables: Mapping[str, Any], *, by: str) -> None:
        values = normalise(variables)

        def work(session: Session) -> None:
            session.live(instance_id)
            command = self._trigger_command(session, instance_id, element_id, values, by)
            session.deliver(instance_id, command)

        self._road.travel(work)

    def set_variables(self, instance_id: str, variables: Mapping[str, Any], element_id: str | None, *, by: str) -> None:
        values = normalise(variables)
        scope_id = 0
        if element_id is not None:
            activity = self._waiting(instance_id, element_id)
            scope_id = activity.activity_id if activity.kind in _SCOPES else activity.parent_id
        command = SetVariables(at=self._clock.now(), actor=by, variables=values, scope_id=scope_id)
        self._road.send(instance_id, command)

    def cancel(self, instance_id: str, reason: str, *, by: str) -> None:
        self._road.travel(lambda session: cancel_in(session, instance_id, reason, at=self._clock.now(), by=by))

    def suspend(self, instance_id: str, *, by: str, reason: str) -> None:
        self._switch(instance_id, InstanceState.SUSPENDED, by, reason)

    def activate(self, instance_id: str, *, by: str, reason: str) -> None:
        self._switch(instance_id, InstanceState.RUNNING, by, reason)

    def _switch(self, instance_id: str, wanted: InstanceState, by: str, reason: str) -> None:
        at = self._clock.now()
        self._road.travel(lambda session: switch_in(session, instance_id, wanted, at=at, by=by, reason=reason))

    def _definition_id(self, key: str, version: int | None, version_tag: str | None) -> str:
        if version is not None and version_tag is not None:
            raise InvalidInput(f"Both version {version} and version tag '{version_tag}' are given. Give one of them.")
        binding = "version" if version is not None else "versionTag" if version_tag is not None else "latest"
        wanted = version if version is not None else version_tag
        if binding == "latest":
            row = self._store.first(definitions.LATEST_PROCESS, {"key": key})
        else:
            with self._store.reading() as connection:
                row = definitions.find(connection, definitions.PROCESSES, key, binding=binding, version=wanted)
        if row is None:
            said = definitions.wanted(binding, wanted)
            raise NotFound(f"There is no process '{key}'{said}. Deploy its diagram first.")
        return row[0]

    def _trigger_command(
        self, session: Session, instance_id: str, element_id: str, variables: Mapping[str, Any], by: str
    ) -> Command:
        at = self._clock.now()
        timer = jobs.timer_at(session.connection, instance_id, element_id)
        activity_id = waiting_at(session.connection, instance_id, element_id)
        if activity_id is None and timer is not None:
            activity_id = timer.activity_id
        if activity_id is not None:
            if timer is not None:
                session.unit.delete(jobs.job, (timer.id,))
            return TriggerEvent(at=at, actor=by, activity_id=activity_id, variables=variables)
        activity = self._waiting(instance_id, element_id)
        if activity.kind not in _TRIGGERABLE:
            raise Conflict(
                f"'{element_id}' is a {activity.kind}, which is not triggered. Complete its task or its job instead."
            )
        return CompleteActivity(at=at, actor=by, activity_id=activity.activity_id, variables=variables)

    def _waiting(self, instance_id: str, element_id: str) -> ActivityRecord:
        for activity in self._read.active(instance_id):
            if activity.element_id == element_id:
                return activity
        self._read.instance(instance_id)
        raise NotFound(f"No token of process instance '{instance_id}' waits at '{element_id}'.")


def cancel_in(session: Session, instance_id: str, reason: str, *, at: datetime, by: str) -> None:
    """Raises NotFound, Conflict; then nothing has changed."""
    live = session.live(instance_id)
    if live.row.parent_id is not None and not live.has_ended:
        raise Conflict(
            f"Process instance '{instance_id}' was called by '{live.row.parent_id}', which waits for it. "
            "Cancel that one: this one ends with it."
        )
    session.deliver(instance_id, Cancel(at=at, actor=by, reason=reason))


def switch_in(session: Session, instance_id: str, wanted: InstanceState, *, at: datetime, by: str, reason: str) -> None:
    """Suspends or activates. Raises NotFound, Conflict; then nothing has changed."""
    is_suspended = wanted is InstanceState.SUSPENDED
    seen = InstanceState.RUNNING if is_suspended else InstanceState.SUSPENDED
    live = session.live(instance_id)
    if live.row.state != seen:
        raise Conflict(f"Process instance '{instance_id}' is {live.row.state}, not {seen}.")
    instances.set_state(session.connection, instance_id, seen, wanted)
    live.row.state = wanted
    jobs.suspend_jobs(session.connection, instance_id, is_suspended)
    action = "instance.suspended" if is_suspended else "instance.activated"
    live.log(at, action, by, detail={"reason": reason} if reason else {})
