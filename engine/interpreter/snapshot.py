"""Saving an instance in parts, and bringing it back.

Part 0 holds the tokens of the instance, except those inside the instances of a parallel multi-instance
activity: each of these is a part of its own, so that one of a thousand going on saves one part. Values
kept aside (the items of a sequential multi-instance, collected outputs) are parts too. A part is plain
data: {"t": tokens} or {"v": value}; part 0 also has the next id and the root's memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from SpiffWorkflow.util.task import TaskState

from engine.interpreter.program import Program
from engine.interpreter.token import Token
from engine.interpreter.workflow import LiveWorkflow

_CATCHER, _ENTERED, _RECORDED = 1, 2, 4


@dataclass(frozen=True, slots=True)
class Changes:
    """What to write: *parts* by part id (None: delete it), *variables* by (scope id, name) (UNSET: delete)."""

    parts: dict[int, Any]
    variables: dict[tuple[int, str], Any]


def take_changes(workflow: LiveWorkflow) -> Changes:
    """What has changed since the last call."""
    changes = Changes({part: _save_part(workflow, part) for part in workflow.changed_parts}, workflow.changed_variables)
    workflow.changed_parts = set()
    workflow.changed_variables = {}
    return changes


def parts_of(workflow: LiveWorkflow) -> dict[int, Any]:
    """All of the instance as it is saved, except its variables."""
    saved = {part: _save_part(workflow, part) for part in [0, *workflow.members, *workflow.side]}
    return {part: data for part, data in saved.items() if data is not None}


def restore(program: Program, parts: Mapping[int, Any], variables: Mapping[tuple[int, str], Any]) -> LiveWorkflow:
    """The workflow as it was when *parts* and *variables* were saved."""
    workflow = LiveWorkflow(program)
    saved: list[tuple[list[Any], int]] = []
    for part_id, part in parts.items():
        if "v" in part:
            workflow.side[part_id] = part["v"]
        saved.extend((record, part_id) for record in part.get("t", ()))
    for record, part_id in sorted(saved, key=lambda each: each[0][0]):
        _restore_token(workflow, record, part_id)
    workflow.next_id = parts[0]["n"]
    workflow.root.memory = parts[0]["m"]
    for (scope_id, name), value in variables.items():
        workflow.tasks[scope_id].data[name] = value
    workflow.changed_parts.clear()
    return workflow


def _save_part(workflow: LiveWorkflow, part_id: int) -> Any:
    if workflow.is_ended:
        return None
    tokens = [_save_token(workflow.tasks[each]) for each in workflow.members.get(part_id, ())]
    if part_id == 0:
        return {"n": workflow.next_id, "m": workflow.root.memory, "t": tokens}
    if tokens:
        return {"t": tokens}
    workflow.members.pop(part_id, None)
    return {"v": workflow.side[part_id]} if part_id in workflow.side else None


def _save_token(token: Token) -> list[Any]:
    flags = token.is_catcher * _CATCHER | token.is_entered * _ENTERED | token.is_recorded * _RECORDED
    return [token.id, token.task_spec.name, token._parent, token._state, token.phase, flags, token.memory]


def _restore_token(workflow: LiveWorkflow, record: list[Any], part_id: int) -> None:
    token_id, spec_name, parent_id, state, phase, flags, memory = record
    container = workflow.tasks[parent_id]
    token = Token(workflow, workflow.program.spec_named(spec_name), container, token_id)
    if part_id != token.part_id:
        workflow.own_part(token)
    token._state = state
    token.phase = phase
    token.is_catcher = bool(flags & _CATCHER)
    token.is_entered = bool(flags & _ENTERED)
    token.is_recorded = bool(flags & _RECORDED)
    token.memory = memory
    if memory.get("waits") == "conditional":
        workflow.conditions.watching.add(token_id)
    workflow.lacking.restore(token)
    if not token.is_catcher:
        container.open_children += 1
        if state == TaskState.WAITING and not token.is_entered:
            workflow.joins.setdefault((container.id, token.spec.node.id), []).append(token)
