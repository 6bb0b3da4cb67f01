"""Writes history rows from the events of one command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from engine import events as e
from engine.commands import Cancel, Command, Migrate, Modify, SetVariables
from engine.live import Live
from engine.store import tables
from engine.store.unit import UnitOfWork


class Recorder:
    """One for each command. *addressed*: the activity the command speaks of; its end has the actor's name."""

    def __init__(self, live: Live, command: Command, unit: UnitOfWork) -> None:
        self._live = live
        self._command = command
        self._unit = unit
        self._addressed: int | None = getattr(command, "activity_id", None)
        self._flows: list[str] = []

    def record(self, events: Sequence[e.Event]) -> list[str]:
        """Writes the rows; the flows taken are returned, since they are kept by step and not by command."""
        if isinstance(self._command, SetVariables):
            names = sorted(self._command.variables)
            self._log("variables.set", detail={"names": names, "scope": self._command.scope_id})
        for event in events:
            if (write := _WRITERS.get(type(event))) is not None:
                write(self, event)
        return self._flows

    def instance_started(self, event: e.InstanceStarted) -> None:
        self._log("instance.started", element_id=event.element_id)

    def instance_ended(self, event: e.InstanceEnded) -> None:
        said = {"outcome": event.outcome, "error_code": event.error_code, "message": event.error_message}
        detail = {name: value for name, value in (said | {"reason": event.reason}).items() if value}
        self._log("instance.ended", detail=detail)

    def instance_modified(self, event: e.InstanceModified) -> None:
        said = {"instructions": [dict(each) for each in event.instructions], "reason": event.reason}
        self._log("instance.modified", detail=said | _places(event))

    def instance_migrated(self, event: e.InstanceMigrated) -> None:
        assert isinstance(self._command, Migrate)
        said = {"from": self._command.source, "to": self._command.target, "reason": event.reason}
        renamed = {old: new for old, new in event.mapping.items() if old != new}
        self._log("instance.migrated", detail=said | {"renamed": renamed} | _places(event))

    def activity_entered(self, event: e.ActivityEntered) -> None:
        self._unit.insert(
            tables.activity,
            {
                "instance_id": self._live.id,
                "activity_id": event.activity_id,
                "element_id": event.element_id,
                "name": event.name,
                "kind": event.kind,
                "parent_id": event.parent_id,
                "entered_at": self._command.at,
                "step": self._live.step,
                "position": self._live.changes_so_far,
                "ended_at": None,
                "outcome": None,
                "actor": None,
                "inputs": None,
                "outputs": None,
                "cause": None,
            },
        )

    def activity_completed(self, event: e.ActivityCompleted) -> None:
        changes: dict[str, Any] = {"ended_at": self._command.at, "outcome": "completed"}
        if event.activity_id == self._addressed:
            changes["actor"] = self._command.actor
        if event.inputs is not None:
            changes["inputs"] = self._unit.values.mapping(event.inputs, self._live.id)
        if event.outputs is not None:
            changes["outputs"] = self._unit.values.mapping(event.outputs, self._live.id)
        self._unit.update(tables.activity, (self._live.id, event.activity_id), changes)

    def activity_cancelled(self, event: e.ActivityCancelled) -> None:
        changes: dict[str, Any] = {"ended_at": self._command.at, "outcome": "cancelled", "cause": event.cause}
        if event.activity_id == self._addressed or isinstance(self._command, Cancel | Modify):
            changes["actor"] = self._command.actor
        self._unit.update(tables.activity, (self._live.id, event.activity_id), changes)
        self._live.drop_held(self._command.at, self._command.actor, event.activity_id)
        self._live.resolve_incidents(self._command.at, self._command.actor, event.activity_id)

    def flow_taken(self, event: e.FlowTaken) -> None:
        self._flows.append(event.flow_id)

    def variable_changed(self, event: e.VariableChanged) -> None:
        after = None
        if event.after is not e.UNSET:
            after = self._unit.values.cell(event.after, f"Variable '{event.name}'", self._live.id)
        self._unit.append(
            tables.variable_change,
            {
                "instance_id": self._live.id,
                "step": self._live.step,
                "position": self._live.next_change(),
                "at": self._command.at,
                "scope_id": event.scope_id,
                "name": event.name,
                "after": after,
                "activity_id": event.activity_id,
                "actor": self._command.actor,
            },
        )

    def user_task_created(self, event: e.UserTaskCreated) -> None:
        self._log("task.created", event.activity_id, event.element_id, {"name": event.name, "assignee": event.assignee})

    def user_task_closed(self, event: e.UserTaskClosed) -> None:
        self._log(f"task.{event.outcome}", event.activity_id)

    def message_thrown(self, event: e.MessageThrown) -> None:
        detail = {"name": event.name, "correlation_key": event.correlation_key}
        self._log("message.thrown", event.activity_id, event.element_id, detail)

    def signal_thrown(self, event: e.SignalThrown) -> None:
        self._log("signal.thrown", event.activity_id, event.element_id, {"name": event.name})

    def decision_evaluated(self, event: e.DecisionEvaluated) -> None:
        detail = _decision(event)
        if event.required:
            detail["required"] = [_decision(made) for made in event.required]
        self._log("decision.evaluated", event.activity_id, event.element_id, detail)

    def data_store_read(self, event: e.DataStoreRead) -> None:
        self._log("data.read", event.activity_id, event.element_id, {"store": event.store, "version": event.version})

    def data_store_written(self, event: e.DataStoreWritten) -> None:
        self._log("data.written", event.activity_id, event.element_id, {"store": event.store, "version": event.version})

    def _log(
        self,
        action: str,
        activity_id: int | None = None,
        element_id: str | None = None,
        detail: dict[str, Any] | None = None,
    ) -> None:
        self._live.log(self._command.at, action, self._command.actor, activity_id, element_id, detail or {})


def _places(event: e.InstanceModified | e.InstanceMigrated) -> dict[str, Any]:
    """Where tokens stood and stand."""
    places = {"before": event.before, "after": event.after}
    return {
        when: [{"activity": activity_id, "element": element_id} for activity_id, element_id in stood]
        for when, stood in places.items()
    }


def _decision(made: e.DecisionEvaluated | e.RequiredDecision) -> dict[str, Any]:
    said = {"decision": made.decision_id, "inputs": dict(made.inputs), "result": made.result}
    return said | {"rules": list(made.rules)}


def flows_row(live: Live, flows: list[str]) -> dict[str, Any]:
    return {"instance_id": live.id, "step": live.step, "flows": orjson.dumps(flows).decode()}


_WRITERS: dict[type, Callable[[Recorder, Any], None]] = {
    e.InstanceStarted: Recorder.instance_started,
    e.InstanceEnded: Recorder.instance_ended,
    e.InstanceModified: Recorder.instance_modified,
    e.InstanceMigrated: Recorder.instance_migrated,
    e.ActivityEntered: Recorder.activity_entered,
    e.ActivityCompleted: Recorder.activity_completed,
    e.ActivityCancelled: Recorder.activity_cancelled,
    e.FlowTaken: Recorder.flow_taken,
    e.VariableChanged: Recorder.variable_changed,
    e.UserTaskCreated: Recorder.user_task_created,
    e.UserTaskClosed: Recorder.user_task_closed,
    e.MessageThrown: Recorder.message_thrown,
    e.SignalThrown: Recorder.signal_thrown,
    e.DecisionEvaluated: Recorder.decision_evaluated,
    e.DataStoreRead: Recorder.data_store_read,
    e.DataStoreWritten: Recorder.data_store_written,
}
