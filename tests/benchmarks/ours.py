"""The interpreter of this repository, alone: no database, but what it would save."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

from bpmn.reader import read_bpmn
from engine.commands import CompleteActivity, Start
from engine.evaluation import services
from engine.events import UNSET, Event, UserTaskCreated, VariableChanged
from engine.interpreter import Changes, Instance, Program, advance
from engine.store.codec import decode, encode, encode_part

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


def parse(diagram: bytes) -> Program:
    definitions, findings = read_bpmn(diagram, "benchmark.bpmn")
    if definitions is None:
        raise RuntimeError(f"The diagram cannot be read: {findings}")
    return Program(definitions.processes[0], services(_no_decisions))


def run(program: Program) -> dict[str, Any]:
    """One instance from start to end in memory, with all its events; its variables."""
    instance = Instance.new(program, "benchmark")
    events = advance(instance, Start(at=NOW))
    if not instance.is_ended:
        raise RuntimeError(f"The instance has not come to its end: {events[-1]}")
    return variables_of(events)


def variables_of(events: list[Event]) -> dict[str, Any]:
    changes = [event for event in events if isinstance(event, VariableChanged) and event.scope_id == 0]
    return {change.name: change.after for change in changes if change.after is not UNSET}


class SavedLoop:
    """One instance of `user_task_loop` that is loaded from what was saved, and saved, in every turn."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._parts: dict[int, str] = {}
        self._variables: dict[tuple[int, str], str] = {}
        instance = Instance.new(program, "benchmark")
        self._waiting = _user_task(advance(instance, Start(at=NOW)))
        self._save(instance.changes())

    def turn(self) -> int:
        """Loads, completes the waiting user task, runs to the next one and saves. Bytes saved."""
        parts = {number: decode(text) for number, text in self._parts.items()}
        variables = {key: decode(text) for key, text in self._variables.items()}
        instance = Instance.load(self._program, "benchmark", parts, variables)
        self._waiting = _user_task(advance(instance, CompleteActivity(at=NOW, activity_id=self._waiting)))
        return self._save(instance.changes())

    def _save(self, changes: Changes) -> int:
        written = _put(self._parts, changes.parts, None, encode_part)
        return written + _put(self._variables, changes.variables, UNSET, encode)


def _put(saved: dict[Any, str], changed: Mapping[Any, Any], removed: object, encoded: Any) -> int:
    size = 0
    for key, value in changed.items():
        if value is removed:
            saved.pop(key, None)
        else:
            saved[key] = encoded(value)
            size += len(saved[key].encode())
    return size


def _user_task(events: list[Event]) -> int:
    """The activity id of the user task that waits now; 0 when the instance has ended."""
    return next((event.activity_id for event in events if isinstance(event, UserTaskCreated)), 0)


def _no_decisions(*_: object) -> NoReturn:
    raise NotImplementedError("The measured diagrams take no decisions.")
