"""Starting an ended instance again, as a new one, from where it stood or from elements that are named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bpmn.model import NodeKind, Process
from engine.clock import Clock
from engine.commands import Start
from engine.errors import Conflict, InvalidInput
from engine.events import BY_OPERATOR
from engine.history.reader import Reader
from engine.model import ActivityRecord, History, InstanceState, ProcessInstance
from engine.modification import Beginning, StartBefore, StartOn
from engine.operations.modifications import normalised
from engine.programs import Programs
from engine.road import Road
from engine.session import Session
from engine.store.codec import normalise
from engine.store.history import append_log
from engine.store.instances import next_log_sequence

_BODY = "multiInstanceBody"


class Restarts:
    def __init__(self, road: Road, read: Reader, programs: Programs, clock: Clock) -> None:
        self._road = road
        self._read = read
        self._programs = programs
        self._clock = clock

    def restart(
        self,
        instance_id: str,
        *,
        at: Sequence[str | Beginning],
        initial_variables: bool,
        variables: Mapping[str, Any],
        by: str,
        reason: str,
    ) -> ProcessInstance:
        history = self._read.history(instance_id)
        ended = history.instance
        if not ended.has_ended:
            raise Conflict(f"Process instance '{instance_id}' is {ended.state}. Modify it, or cancel it first.")
        process = self._programs.get(ended.definition_id).process
        beginnings = _given(at) or _where_it_stood(history, process)
        kept = _initial_variables(history) if initial_variables else self._read.variables(instance_id)
        start = Start(at=self._clock.now(), actor=by, variables={**kept, **normalise(variables)}, beginnings=beginnings)
        detail = {
            "restarts": instance_id,
            "at": [each.flow_id if isinstance(each, StartOn) else each.element_id for each in beginnings],
            "variables": "initial" if initial_variables else "last",
            "reason": reason,
        }

        def work(session: Session) -> str:
            live = session.create(ended.definition_id, start, business_key=ended.business_key)
            live.log(start.at, "instance.restarted", by, detail=detail)
            sequence = next_log_sequence(session.connection, instance_id)
            told = {"instance": live.id, "reason": reason}
            append_log(session.connection, instance_id, sequence, start.at, "instance.restarted_as", by, detail=told)
            return live.id

        return self._read.instance(self._road.travel(work))


def _given(at: Sequence[str | Beginning]) -> tuple[Beginning, ...]:
    beginnings = [StartBefore(each) if isinstance(each, str) else each for each in at]
    return tuple(each for each in normalised(beginnings) if isinstance(each, Beginning))


def _where_it_stood(history: History, process: Process) -> tuple[Beginning, ...]:
    """Before each activity that was cancelled as the instance ended. Raises InvalidInput where that is unclear."""
    ended = history.instance
    cancelled = [each for each in history.activities if each.outcome == "cancelled" and each.ended_at == ended.ended_at]
    if ended.state is InstanceState.CANCELLED:  # an event may have interrupted others at the same moment, just before
        cancelled = [each for each in cancelled if each.cause == BY_OPERATOR]
    parents = {each.parent_id for each in cancelled}
    last = [each for each in cancelled if each.activity_id not in parents]
    waiting = _waiting_at_joins(history, process)
    if not last and not waiting:
        raise InvalidInput(
            f"Process instance '{ended.id}' is {ended.state}: nothing was under way when it ended. Say before which "
            "element to begin."
        )
    by_id = {each.activity_id: each for each in history.activities}
    elements = dict.fromkeys(_element_to_begin(each, by_id) for each in last)
    return (*(StartBefore(each) for each in elements), *waiting)


def _element_to_begin(activity: ActivityRecord, by_id: Mapping[int, ActivityRecord]) -> str:
    outer = by_id.get(activity.parent_id)
    while outer is not None:
        if outer.kind == _BODY and outer.element_id != activity.element_id:
            raise InvalidInput(
                f"'{activity.element_id}' stood in one of the instances of '{outer.element_id}'. Say before which "
                "element to begin."
            )
        outer = by_id.get(outer.parent_id)
    return activity.element_id


def _waiting_at_joins(history: History, process: Process) -> list[StartOn]:
    """Flows by which tokens had come to parallel gateways that still waited for others."""
    taken = Counter(history.flows_taken)
    entered = Counter(each.element_id for each in history.activities)
    joins = [
        node
        for node in process.elements.nodes.values()
        if node.kind is NodeKind.PARALLEL_GATEWAY and len(node.incoming) > 1
    ]
    return [
        StartOn(flow_id)
        for node in joins
        for flow_id in node.incoming
        for _ in range(taken[flow_id] - entered[node.id])
    ]


def _initial_variables(history: History) -> dict[str, Any]:
    """As it was given them."""
    given: dict[str, Any] = {}
    first = history.instance.started_at
    for change in history.variable_changes:
        if change.at == first and change.scope_id == 0 and change.activity_id == 0 and change.name not in given:
            given[change.name] = change.after
    return given
