"""One process instance while the road holds it: its row, its interpreter state, and its pen for the log."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from engine.commands import Start
from engine.events import UNSET
from engine.hot import Sizes
from engine.model import InstanceState, ProcessInstance
from engine.programs import Loaded
from engine.store import incidents, tables
from engine.store.codec import IMMUTABLE, Copier, copy_of, encode_part, readable
from engine.store.instances import LIVE_STATES, LockedInstance
from engine.store.jobs import forget_held
from engine.store.unit import UnitOfWork
from engine.telemetry import trace_id_of
from engine.timing import removal_at

Line = tuple[str, Mapping[str, Any]]
"""An action and its ids, for the log of the program (never values of variables)."""

LONGEST_WAIT = timedelta(minutes=1)
"""For which a command is taken to have waited for its instance's lock, at the most."""
_NOTHING: Mapping[str, Any] = {}


class Live:
    """*step* numbers this commit within the instance. *instance*: the interpreter's (engine.interpreter).
    *last_at*: what is recorded from now on is no earlier. At first, when something was recorded last, or, where that is
    not known, the moment at which its lock was got.
    *sizes*: of what it has saved; None for a new one."""

    def __init__(
        self,
        row: LockedInstance,
        instance: Any,
        loaded: Loaded,
        unit: UnitOfWork,
        lines: list[Line],
        last_at: datetime,
        sizes: Sizes | None = None,
    ) -> None:
        self.id = row.id
        self.last_at = last_at
        self.row = row
        self.instance = instance
        if instance is not None:
            instance.call_by(row.business_key)
        self.sizes = sizes or Sizes()
        self.file = loaded.file
        self._definition = loaded
        self.step = row.version + 1
        self.has_ended_now = False
        self.is_touched = False
        self.is_new = sizes is None
        self.trace: str | None = None  # under which it goes on
        self._unit = unit
        self._lines = lines
        self._changes: dict[str, Any] = {}
        self._count = 0  # variable changes of this step
        self._copier = Copier()

    def go_on_as(self, instance: Any, loaded: Loaded) -> None:
        """As an instance of another version."""
        self.instance = instance
        instance.call_by(self.row.business_key)
        self.file = loaded.file
        self._definition = loaded
        self.row.definition_id = self._changes["definition_id"] = loaded.id

    @property
    def has_ended(self) -> bool:
        return self.row.state not in LIVE_STATES

    @property
    def is_suspended(self) -> bool:
        return self.row.state == InstanceState.SUSPENDED

    @property
    def version(self) -> int:
        """That it has, or will have when this transaction is committed."""
        return self.step if self.is_touched else self.row.version

    def log(
        self,
        at: datetime,
        action: str,
        actor: str,
        activity_id: int | None = None,
        element_id: str | None = None,
        detail: Mapping[str, Any] = _NOTHING,
    ) -> None:
        self.is_touched = True
        self.row.log_sequence += 1
        self.last_at = at = self.turn_at(at)
        ids = {"instance_id": self.id, "process_key": self.row.process_key, "actor": actor}
        if self.trace is not None:
            ids["trace_id"] = trace_id_of(self.trace)
        self._lines.append((action, ids | {"activity_id": activity_id, "element_id": element_id}))
        self._unit.append(
            tables.log,
            {
                "instance_id": self.id,
                "sequence": self.row.log_sequence,
                "at": at,
                "action": action,
                "actor": actor,
                "activity_id": activity_id,
                "element_id": element_id,
                "detail": self._unit.values.mapping(detail, self.id),
            },
        )

    def process_variables(self) -> dict[str, Any]:
        """Those of the process scope that its caller gets, also right after the end."""
        return self.instance.result()

    def is_alone(self, activity_id: int) -> bool:
        """Whether nothing but the end of this activity can move the instance on."""
        return self.instance.is_alone(activity_id)

    def seen_by(self, activity_id: int) -> dict[str, Any]:
        """The variables that an activity sees; the caller may do with them as it likes."""
        return {name: self._copier.copy_of(value) for name, value in self.instance.visible(activity_id).items()}

    @property
    def changes_so_far(self) -> int:
        """How many variables this step has changed up to now."""
        return self._count

    def next_change(self) -> int:
        self._count += 1
        return self._count

    def end(self, at: datetime, state: str, reason: str) -> None:
        self.row.state = state
        self.has_ended_now = True
        self._changes.update(state=state, ended_at=at, end_reason=readable(reason))
        if self.row.parent_id is None:  # what it called goes with it
            self._changes["removal_at"] = removal_at(self._definition.process.history_time_to_live, at)

    def started(self, start: Start) -> ProcessInstance:
        """A new instance after its first commit."""
        row, definition = self.row, self._definition
        return ProcessInstance(
            id=row.id,
            definition_id=row.definition_id,
            process_key=row.process_key,
            process_name=definition.process.name or definition.key,
            version=definition.version,
            business_key=row.business_key,
            state=InstanceState(row.state),
            started_at=start.at,
            started_by=start.actor,
            ended_at=self._changes.get("ended_at"),
            parent_id=row.parent_id,
            parent_activity_id=row.parent_activity_id,
            incident_count=row.incident_count,
            end_reason=self._changes.get("end_reason", ""),
        )

    def raise_incident(
        self,
        at: datetime,
        activity_id: int,
        element_id: str,
        kind: str,
        message: str,
        *,
        detail: str = "",
        location: str = "",
        job_id: str | None = None,
    ) -> None:
        pending = [key for key in self._unit.pending(tables.incident) if key[0].startswith(f"{self.id}.{activity_id}")]
        if pending:
            self._unit.flush()
        incident_id = incidents.new_id(self._unit.connection, self.id, activity_id)
        self._unit.insert(
            tables.incident,
            {
                "id": incident_id,
                "instance_id": self.id,
                "activity_id": activity_id,
                "element_id": element_id,
                "kind": kind,
                "job_id": job_id,
                "message": readable(message),
                "detail": readable(detail),
                "location": location,
                "created_at": at,
                "resolved_at": None,
                "resolved_by": None,
            },
        )
        self.row.incident_count += 1
        self.log(
            at, "incident.raised", "system", activity_id, element_id, {"incident": incident_id, "message": message}
        )

    def resolve_incidents(
        self, at: datetime, by: str, activity_id: int | None = None, job_ids: Collection[str] | None = None
    ) -> None:
        """*activity_id*, *job_ids*: of these alone."""
        if self.row.incident_count == 0:
            return
        self._unit.flush()
        connection = self._unit.connection
        for incident_id, activity, element in incidents.resolve(connection, self.id, at, by, activity_id, job_ids):
            self.row.incident_count -= 1
            self.log(at, "incident.resolved", by, activity, element, {"incident": incident_id})

    def drop_held(self, at: datetime, by: str, activity_id: int) -> None:
        """What an activity could not take in goes with it, or with its subscription."""
        if self.row.incident_count == 0:
            return
        self._unit.flush()
        if gone := forget_held(self._unit.connection, self.id, activity_id):
            self.resolve_incidents(at, by, job_ids=gone)

    def turn_at(self, asked_at: datetime) -> datetime:
        """When that comes to pass which was asked for then: it has waited for the lock, and others may have been there
        first. Were they much later, the clock has been put back: then their time counts no more."""
        if self.last_at - asked_at > LONGEST_WAIT:
            self.last_at = asked_at
        return max(asked_at, self.last_at)

    def save(self) -> None:
        """Hands what the interpreter changed, and the row, to the unit of work."""
        if self.instance is not None:
            changes = self.instance.changes()
            self._save_parts(changes.parts)
            for (scope_id, name), value in changes.variables.items():
                self._save_variable(scope_id, name, value)
        self._changes.update(
            version=self.step, log_sequence=self.row.log_sequence, incident_count=self.row.incident_count
        )
        if self.has_ended:
            self._changes["root"] = None
        if not self.is_new:
            self._changes["seen_version"] = self.row.version
        self._unit.update(tables.process_instance, (self.id,), self._changes)

    def _save_parts(self, parts: Mapping[int, Any]) -> None:
        for part_id, data in parts.items():
            if data is None:
                if self.sizes.drop_part(part_id) and part_id != 0:
                    self._unit.delete(tables.instance_state, (self.id, part_id))
            elif not self.has_ended:
                self._save_part(part_id, encode_part(data))

    def _save_part(self, part_id: int, text: str) -> None:
        if part_id == 0:
            self._changes["root"] = text
        elif part_id in self.sizes.parts:
            self._unit.update(tables.instance_state, (self.id, part_id), {"data": text})
        else:
            row = {"instance_id": self.id, "part_id": part_id, "data": text}
            self._unit.insert(tables.instance_state, row)
        self.sizes.put_part(part_id, len(text))

    def _save_variable(self, scope_id: int, name: str, value: Any) -> None:
        key = (self.id, scope_id, name)
        if value is UNSET:
            if self.sizes.drop_variable((scope_id, name)) and not (self.has_ended and scope_id == 0):
                self._unit.delete(tables.variable, key)
            return
        if self.has_ended and scope_id != 0:
            return
        text = self._unit.values.cell(value, f"Variable '{name}'", self.id)
        if (scope_id, name) in self.sizes.variables:
            self._unit.update(tables.variable, key, {"value": text})
        else:
            row = {"instance_id": self.id, "scope_id": scope_id, "name": name, "value": text}
            self._unit.insert(tables.variable, row)
        self.sizes.put_variable((scope_id, name), self._unit.values.size_of(text))
        if not self.has_ended and type(value) not in IMMUTABLE:
            self.instance.set_as_read(scope_id, name, copy_of(value))
