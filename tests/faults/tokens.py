"""Tokens are conserved: what flows lead to is entered, what is completed is left, as often and in the same commits."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from load import RENAMED

from bpmn.model import EventKind, FlowElements, FlowNode, NodeKind

if TYPE_CHECKING:
    from checker import Tables

JOINS = (NodeKind.PARALLEL_GATEWAY, NodeKind.INCLUSIVE_GATEWAY)
CHOICES = (NodeKind.EXCLUSIVE_GATEWAY, NodeKind.EVENT_GATEWAY)
BODY = "multiInstanceBody"

Steps = Counter[tuple[str, int]]
"""Of an element or flow, in one commit: how often."""


@dataclass(slots=True)
class Path:
    """What one instance went through. *led*: tokens that an operator has put before an element; *items*: of its
    multi-instance subprocesses."""

    taken: Steps = field(default_factory=Counter)
    entered: Steps = field(default_factory=Counter)
    completed: Counter[str] = field(default_factory=Counter)
    items: Counter[str] = field(default_factory=Counter)
    led: Counter[str] = field(default_factory=Counter)


def not_conserved(tables: Tables) -> Iterator[str]:
    paths = _paths(tables)
    models = {row.id: tables.process_of(row).elements for row in tables.definitions()}
    for row in tables.rows("select id, definition_id, state, version from process_instance"):
        path, elements = paths[row.id], models[row.definition_id]
        for node in elements.walk():
            if problem := _entered(path, node, row.state) or _left(path, node, row.state):
                yield f"{node.id} of {row.id} {problem}"
        for start, times in _starts(elements, 1, path):
            if (seen := _times(path.entered, start)) != times:
                yield f"{start} of {row.id} was entered {seen} times, and what it begins {times} times"
        for what, step in {*path.taken, *path.entered}:
            if not 1 <= step <= row.version:
                yield f"{what} of {row.id} is of step {step}, and the instance of step {row.version}"


def _paths(tables: Tables) -> Mapping[str, Path]:
    paths: dict[str, Path] = defaultdict(Path)
    for row in tables.rows("select instance_id, step, flows from flow_taken"):
        paths[row.instance_id].taken.update((flow, row.step) for flow in json.loads(row.flows))
    for row in tables.rows(
        "select a.instance_id, a.element_id, a.step, a.kind, a.outcome, p.kind as parent from activity a left join "
        "activity p on p.instance_id = a.instance_id and p.activity_id = a.parent_id and p.element_id = a.element_id"
    ):
        path, element = paths[row.instance_id], _name(row.element_id)
        if row.parent == BODY:  # flows lead to the body, and from it
            path.items[element] += 1
            continue
        path.entered[element, row.step] += 1
        path.completed[element] += row.outcome == "completed"
    for row in tables.rows("select instance_id, detail from log where action = 'instance.modified'"):
        for instruction in json.loads(row.detail)["instructions"]:
            paths[row.instance_id].led[_name(str(instruction["to_element"]))] += 1
    return paths


def _name(element: str) -> str:
    """As the newest version calls it."""
    return RENAMED.get(element, element)


def _entered(path: Path, node: FlowNode, state: str) -> str | None:
    """As often as flows lead to it were taken, or an operator has put a token there."""
    if not node.incoming:
        return None
    name = _name(node.id)
    arrived = [_times(path.taken, flow) for flow in node.incoming]
    expected = (max(arrived) if node.kind in JOINS else sum(arrived)) + path.led[name]
    seen = _times(path.entered, name)
    is_cut_short = node.kind in JOINS and state != "completed" and seen <= expected
    if seen != expected and not is_cut_short:
        return f"was entered {seen} times and led to {expected} times"
    if node.kind in JOINS or path.led[name]:
        return None
    led = Counter[int]()
    for (flow, step), times in path.taken.items():
        if flow in node.incoming:
            led[step] += times
    steps = Counter({step: times for (element, step), times in path.entered.items() if element == name})
    return None if steps == led else f"was entered in the steps {sorted(steps)} and led to in {sorted(led)}"


def _left(path: Path, node: FlowNode, state: str) -> str | None:
    """As often as it was completed: by one of its flows from a choice, else by each."""
    if not node.outgoing or node.kind is NodeKind.INCLUSIVE_GATEWAY:
        return None
    name = _name(node.id)
    completed, left = path.completed[name], [_times(path.taken, flow) for flow in node.outgoing]
    if node.kind in CHOICES:
        return None if sum(left) == completed else f"was completed {completed} times and left {sum(left)} times"
    if set(left) != {completed} and (state == "completed" or max(left) > completed):
        return f"was completed {completed} times and left {left} times"
    return None


def _starts(elements: FlowElements, times: int, path: Path) -> Iterator[tuple[str, int]]:
    """The start events without a trigger, each with how often what they begin was entered."""
    for node in elements.nodes.values():
        if node.kind is NodeKind.START_EVENT and (node.event is None or node.event.kind is EventKind.NONE):
            yield node.id, times
        elif node.body is not None and not node.is_event_subprocess:
            entered = path.items[node.id] if node.loop is not None else _times(path.entered, node.id)
            yield from _starts(node.body, entered, path)


def _times(steps: Steps, what: str) -> int:
    return sum(times for (each, _), times in steps.items() if each == what)


def collection_of(node: FlowNode) -> str | None:
    """The name of the variable over which a multi-instance activity goes."""
    collection: Any = getattr(node.loop, "collection", None)
    return None if collection is None else collection.text.strip("=${} ")
