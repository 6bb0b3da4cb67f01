"""Commands that must wait, kept as jobs: those for a suspended instance, what others sent to one that could not take it
in, and calls that could not be made."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine.commands import Command, CompleteActivity, Continue, ThrowError, ThrowEscalation, TriggerEvent
from engine.effects import job_row
from engine.errors import EngineError
from engine.events import UNSET, ProcessCalled
from engine.interpreter.errors import ActivityFailed
from engine.live import Live
from engine.model import JobState
from engine.store import tables
from engine.store.codec import readable
from engine.store.unit import UnitOfWork

_KINDS: dict[str, type[Command]] = {
    kind.__name__: kind for kind in (CompleteActivity, Continue, ThrowError, ThrowEscalation, TriggerEvent)
}


def defer(unit: UnitOfWork, live: Live, command: Command) -> None:
    """Keeps *command* until its instance is active again."""
    _keep(unit, live, command, "")


def hold_command(unit: UnitOfWork, live: Live, command: Command, problem: ActivityFailed | EngineError) -> None:
    """What others have sent to an instance that cannot take it in becomes a failed job with an incident: retrying the
    incident delivers it again. Raises Conflict where nothing waits for it any more."""
    said, line = str(problem), problem.line if isinstance(problem, ActivityFailed) else 0
    kind = problem.kind if isinstance(problem, ActivityFailed) else "value"
    activity_id: int = command_fields(command)["activity_id"]
    element_id: str = live.instance.element_of(activity_id)
    job_id = _keep(unit, live, command, element_id, state=JobState.FAILED, error=readable(said))
    location = f"{live.file}:{line}" if line else live.file
    live.raise_incident(command.at, activity_id, element_id, kind, said, location=location, job_id=job_id)


def _keep(unit: UnitOfWork, live: Live, command: Command, element_id: str, **more: Any) -> str:
    """The id of the job, which has *more* columns set."""
    said = command_fields(command)
    row = job_row(
        live,
        command.at,
        id=f"{live.id}.{said['activity_id']}.deferred.{live.row.log_sequence + 1}",
        kind="deferred",
        activity_id=said["activity_id"],
        element_id=element_id,
        parameters=unit.values.mapping(said | {"command": type(command).__name__}, live.id),
    )
    unit.insert(tables.job, row | more)
    detail = {"command": row["id"]}
    live.log(command.at, "command.deferred", command.actor, said["activity_id"], element_id or None, detail)
    return row["id"]


def restored(parameters: Mapping[str, Any], at: datetime) -> Command:
    """The command that `defer` kept, for delivery *at*."""
    fields = dict(parameters)
    kind = _KINDS[fields.pop("command")]
    return kind(at=at, **fields)


def hold_call(unit: UnitOfWork, live: Live, event: ProcessCalled, at: datetime, problem: str) -> None:
    """A call that cannot be made becomes a failed job with an incident: retrying the incident makes it again."""
    job_id = call_id(live.id, event.activity_id)
    row = job_row(
        live,
        at,
        id=job_id,
        kind="call",
        activity_id=event.activity_id,
        element_id=event.element_id,
        type=event.process_key,
    )
    unit.insert(tables.job, row | {"state": JobState.FAILED, "error": problem})
    live.raise_incident(at, event.activity_id, event.element_id, "call", problem, location=live.file, job_id=job_id)


def call_id(instance_id: str, activity_id: int) -> str:
    return f"{instance_id}.{activity_id}.call"


def command_fields(command: Command) -> dict[str, Any]:
    names = [name for kind in type(command).__mro__ for name in getattr(kind, "__slots__", ())]
    fields = {name: getattr(command, name) for name in names if name != "at"}
    return {
        name: dict(value) if isinstance(value, Mapping) else value
        for name, value in fields.items()
        if value is not UNSET
    }
