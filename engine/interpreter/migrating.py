"""Migration: a live instance goes on by another version of its process. The instance itself is left as it was; what
goes on is another one made from it, the same in all but the elements that its tokens stand at.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from SpiffWorkflow.util.task import TaskState

from engine.commands import Migrate
from engine.errors import Conflict
from engine.events import Event, IncidentResolved, InstanceMigrated, SubscriptionClosed, TimerStopped
from engine.interpreter.conditions import FAILED
from engine.interpreter.elements.activity import ActivitySpec
from engine.interpreter.elements.boundary_event import BoundaryEventSpec
from engine.interpreter.elements.catching import AWAITED_KINDS
from engine.interpreter.elements.event_subprocess import EventSubprocessStartSpec
from engine.interpreter.elements.listeners import ListenersSpec
from engine.interpreter.mapping import flow_mapping
from engine.interpreter.modifying import standing
from engine.interpreter.program import Program
from engine.interpreter.snapshot import parts_of, restore
from engine.interpreter.token import Phase, Token
from engine.interpreter.workflow import LiveWorkflow
from engine.migration import Migration, Problem

Arming = tuple[BoundaryEventSpec | EventSubprocessStartSpec, Token]
"""An event, and the token on whose behalf it begins to wait."""


def migrated(workflow: LiveWorkflow, target: Program, command: Migrate) -> LiveWorkflow:
    """The instance as it goes on in *target*, its events with it. Raises Conflict where it cannot; ActivityFailed
    where the name or time of an event there cannot be evaluated."""
    move = _Move(workflow, target, command.mapping)
    parts = move.parts()
    if move.problems:
        raise Conflict(" ".join(f"{each}" for each in move.problems))
    values = {(token.id, name): value for token in workflow.tasks.values() for name, value in token.data.items()}
    other = restore(target, parts, values)
    other.instance_id, other.business_key = workflow.instance_id, workflow.business_key
    other.command, other.stores = command, workflow.stores
    other.changed_parts = set(parts) | workflow.changed_parts
    other.changed_variables = dict(workflow.changed_variables)
    moved = move.moved(other)
    other.emit(InstanceMigrated(standing(workflow), standing(other), moved, dict(command.mapping), command.reason))
    other.events += move.given_up
    if command.re_arms:
        _arm_again(other)
    for event, host in _new_events(other, command.mapping):
        event.arm(host)
    return other


def foreseen(workflow: LiveWorkflow, target: Program, mapping: Mapping[str, str]) -> Migration:
    """What migrating would do."""
    move = _Move(workflow, target, mapping)
    parts = move.parts()
    given_up = tuple(dict.fromkeys(move.given_up_elements))
    if move.problems:
        return Migration(workflow.instance_id, (), given_up, (), tuple(move.problems), is_dry_run=True)
    other = restore(target, parts, {})
    places = dict(standing(other))
    moves = tuple((each, element_id, places[each]) for each, element_id in standing(workflow))
    new = tuple(dict.fromkeys(event.node.id for event, _ in _new_events(other, mapping)))
    return Migration(workflow.instance_id, moves, given_up, new, is_dry_run=True)


class _Move:
    """*given_up*: what is not waited for any more, since its event has no counterpart."""

    def __init__(self, workflow: LiveWorkflow, target: Program, mapping: Mapping[str, str]) -> None:
        self._workflow = workflow
        self._target = target
        self._mapping = mapping
        self._flows = flow_mapping(workflow.program, target, mapping)
        self.problems: list[Problem] = []
        self.given_up: list[Event] = []
        self.given_up_elements: list[str] = []

    def parts(self) -> dict[int, Any]:
        """What is saved of the instance, as it is in the other version."""
        parts = deepcopy(parts_of(self._workflow))
        for part in parts.values():
            if "t" in part:
                part["t"] = [self._token(record) for record in part["t"] if not self._gives_up(record[0])]
        parts[0]["m"] = self._memory(self._workflow.root, parts[0]["m"])
        return parts

    def moved(self, other: LiveWorkflow) -> tuple[tuple[int, str, str, str], ...]:
        """(activity id, element id, element id there, its name there) of all that has another id there."""
        return tuple(
            (token.id, self._workflow.tasks[token.id].spec.node.id, token.spec.node.id, token.spec.node.name)
            for token in other.tasks.values()
            if token.id and self._workflow.tasks[token.id].spec.node.id != token.spec.node.id
        )

    def _gives_up(self, token_id: int) -> bool:
        token = self._workflow.tasks[token_id]
        element_id = token.spec.node.id
        is_event = isinstance(token.spec, BoundaryEventSpec | EventSubprocessStartSpec)
        if not (token.is_catcher and is_event) or element_id in self._mapping:
            return False
        self.given_up_elements.append(element_id)
        match token.memory.get("waits"):
            case "timer":
                self.given_up.append(TimerStopped(token.id, element_id))
            case "message" | "signal":
                self.given_up.append(SubscriptionClosed(token.id, element_id))
            case _:
                pass
        if FAILED in token.memory:
            self.given_up.append(IncidentResolved(token.id))
        return True

    def _token(self, record: list[Any]) -> list[Any]:
        token = self._workflow.tasks[record[0]]
        record[1] = self._name(token.spec.name, token)
        record[6] = self._memory(token, record[6])
        return record

    def _name(self, name: str, token: Token) -> str:
        """Of a spec, as it is called in the other version: its element's id, and what it is of that."""
        old = self._workflow.program.spec_named(name)
        element_id = old.node.id
        ids = self._mapping if self._workflow.program.has(element_id) else self._flows
        is_process = element_id == self._workflow.program.process.key
        new_id = self._target.process.key if is_process else ids.get(element_id)
        if new_id is None:
            self._problem(element_id, f"activity {token.id} stands there, and no element is said to take its place.")
            return name
        new = new_id + name.removeprefix(element_id)
        if not self._target.is_named(new):
            self._problem(element_id, f"activity {token.id} waits for what '{new_id}' does not have: {name}.")
        elif isinstance(old, ListenersSpec):
            self._check_listeners(old, self._target.spec_named(new), token)
        return new

    def _check_listeners(self, old: ListenersSpec, new: object, token: Token) -> None:
        event, number = token.memory["event"], token.memory["number"]
        assert isinstance(new, ListenersSpec)
        if number >= len(new.by_event.get(event, ())):
            self._problem(old.node.id, f"a listener to '{event}' is being told, and is missing in the other version.")

    def _memory(self, token: Token, memory: dict[str, Any]) -> dict[str, Any]:
        kept = dict(memory)
        if "arrived" in kept:
            kept["arrived"] = [self._flow(each, token) for each in kept["arrived"]]
        for key in ("done", "undo"):
            if key in kept:
                kept[key] = [self._record(each, token) for each in kept[key]]
        if "to_start" in kept:
            kept["to_start"] = [self._element(each, token) for each in kept["to_start"]]
        if "begin" in kept:
            kept["begin"] = [self._begin(each, token) for each in kept["begin"]]
        for key in ("start", "chosen"):
            if key in kept:
                kept[key] = [self._names(kept[key][0], token), kept[key][1]]
        return kept

    def _names(self, names: str | list[str], token: Token) -> str | list[str]:
        return self._name(names, token) if isinstance(names, str) else [self._name(each, token) for each in names]

    def _record(self, record: list[Any], token: Token) -> list[Any]:
        """Of something that may be undone (`compensation`)."""
        name, activity_id, variables, inner = record
        return [self._name(name, token), activity_id, variables, [self._record(each, token) for each in inner]]

    def _begin(self, begin: list[Any], token: Token) -> list[Any]:
        where, name, local, by, inner = begin
        name = self._flow(name, token) if where == "flow" else self._element(name, token)
        by = self._flow(by, token) if by else by
        return [where, name, local, by, [self._begin(each, token) for each in inner]]

    def _element(self, element_id: str, token: Token) -> str:
        if element_id not in self._mapping:
            self._problem(element_id, f"it is to begin in activity {token.id}, and has no counterpart.")
        return self._mapping.get(element_id, element_id)

    def _flow(self, flow_id: str | None, token: Token) -> str | None:
        if flow_id is not None and flow_id not in self._flows:
            self._problem(token.spec.node.id, f"a token has come by '{flow_id}', which the other version has not.")
        return self._flows.get(flow_id) if flow_id is not None else None

    def _problem(self, element_id: str, message: str) -> None:
        problem = Problem(element_id, message)
        if problem not in self.problems:
            self.problems.append(problem)


def _arm_again(workflow: LiveWorkflow) -> None:
    """What waits for a time, a message, a signal or a condition waits for what this version says."""
    for token in [each for each in workflow.tasks.values() if "waits" in each.memory]:
        catch = token.spec.catch_of(token)
        catch.close(token)
        for key in ("key", "name", "due", "left"):
            token.memory.pop(key, None)
        catch.open(token, token.container if token.is_catcher else None)


def _new_events(workflow: LiveWorkflow, mapping: Mapping[str, str]) -> list[Arming]:
    """The events on live activities and scopes that no event of the version before is mapped to."""
    found: list[Arming] = []
    mapped = set(mapping.values())
    for host in list(workflow.tasks.values()):
        if host.is_catcher or not host.is_open:
            continue
        events: list[BoundaryEventSpec | EventSubprocessStartSpec] = []
        if isinstance(host.spec, ActivitySpec) and Phase.PREPARED <= host.phase < Phase.EXECUTED:
            events += host.spec.boundary_events
        if host.open_children and host._state == TaskState.STARTED:
            events += host.spec.event_starts
        found += [
            (event, host)
            for event in events
            if event.node.id not in mapped and any(catch.event.kind in AWAITED_KINDS for catch in event.catches)
        ]
    return found
