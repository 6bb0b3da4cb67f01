"""A process definition made ready to run: compiled once, shared by all its instances."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from SpiffWorkflow.bpmn.specs.bpmn_process_spec import BpmnProcessSpec

from bpmn.data import NodeData
from bpmn.model import Assignment, EventKind, Expression, FlowElements, FlowNode, NodeKind, Process, Script
from engine.errors import InvalidInput
from engine.events import RequiredDecision
from engine.interpreter import elements
from engine.interpreter.data_flow import DataFlow
from engine.interpreter.elements.activity import ActivitySpec
from engine.interpreter.elements.boundary_event import BoundaryEventSpec
from engine.interpreter.elements.catching import Catch, CatchingSpec
from engine.interpreter.elements.compensation import UndoingSpec
from engine.interpreter.elements.event_subprocess import EventSubprocessStartSpec
from engine.interpreter.elements.flow_node import Flow, FlowNodeSpec
from engine.interpreter.elements.link_event import LinkThrowSpec
from engine.interpreter.elements.listeners import ListenersSpec, listeners_of_flow
from engine.interpreter.elements.receive_task import ReceiveTaskSpec
from engine.interpreter.elements.subprocess import is_implicit_start
from engine.scripting import ScriptResult, Standing


class DecisionOutcome(Protocol):
    """*value* as DMN gives it; *rules*: ids of the rules that fired; *inputs*: what was read; *output*: the
    name of a table's only output; *required*: the decisions that it depends on, as they were made."""

    @property
    def value(self) -> Any: ...
    @property
    def rules(self) -> tuple[str, ...]: ...
    @property
    def inputs(self) -> Mapping[str, Any]: ...
    @property
    def output(self) -> str | None: ...
    @property
    def required(self) -> tuple[RequiredDecision, ...]: ...


Evaluator = Callable[[Mapping[str, Any], datetime], Any]
ScriptRunner = Callable[[Mapping[str, Any], datetime, Standing], ScriptResult]


@dataclass(frozen=True, slots=True)
class Services:
    """What the interpreter is handed to evaluate with: pure, bounded, without powers of their own.

    Each raises `ActivityFailed` when it cannot. *decide*(decision id, version binding, version,
    variables, now).
    """

    compile: Callable[[Expression], Evaluator]
    compile_script: Callable[[Script], ScriptRunner]
    decide: Callable[[str, str, str | None, Mapping[str, Any], datetime], DecisionOutcome]


class Program:
    """*spec*: SpiffWorkflow's specification of the process, in which every flow node is one task spec.

    *reachable*: a cache of which ways lead to joining gateways."""

    def __init__(self, process: Process, services: Services) -> None:
        self.process = process
        self.services = services
        self.spec = BpmnProcessSpec(name=process.key, filename=process.file)
        self.spec.task_specs.clear()  # its own Start and End would take the ids of a diagram's elements
        self.reachable: dict[str, dict[str, frozenset[str]]] = {}
        self._entries: dict[str, FlowNodeSpec] = {}
        self._owners: dict[str, FlowNode | None] = {}
        self._flows: dict[str, Flow] = {}
        self.root = elements.ProcessRootSpec(self, process)
        if process.listeners:
            self.root.listeners = ListenersSpec(self, self.root.node, process.listeners)
        for scope, owner in _scopes(process.elements):
            self._add_nodes(scope, owner)
        for scope, owner in _scopes(process.elements):
            self._link(scope, owner)

    def spec_of(self, element_id: str) -> FlowNodeSpec:
        """The spec that a token enters at this element: of a looped activity, its body."""
        return self._entries[element_id]

    def spec_named(self, name: str) -> FlowNodeSpec:
        return self.spec.task_specs[name]  # type: ignore[return-value]  # all of them are ours

    def flow(self, flow_id: str) -> Flow:
        """Raises KeyError."""
        return self._flows[flow_id]

    def has(self, element_id: str) -> bool:
        return element_id in self._entries

    def is_named(self, name: str) -> bool:
        """Whether there is a spec of that name."""
        return name in self.spec.task_specs

    def owners_of(self, element_id: str) -> list[FlowNode]:
        """The subprocesses that the element stands in, the outermost first."""
        found: list[FlowNode] = []
        owner = self._owners[element_id]
        while owner is not None:
            found.insert(0, owner)
            owner = self._owners[owner.id]
        return found

    def starts(self, element_id: str | None) -> tuple[FlowNodeSpec, ...]:
        """What starts an instance when the event of element *element_id* has come; None: the process's none
        start event, or all that nothing leads to (13.4.1). Raises InvalidInput when there is none."""
        if element_id is not None:
            if any(node.id == element_id for node in self.process.starters):
                return (self.spec_of(element_id),)
            raise InvalidInput(f"Process '{self.process.key}' has no start event '{element_id}'.")
        starts = self.process.start_events
        for node in starts:
            if node.event is None or node.event.kind == "none":
                return (self.spec_of(node.id),)
        implicit = [node for node in self.process.elements.nodes.values() if is_implicit_start(node)]
        if not starts and implicit:
            return tuple(self.spec_of(node.id) for node in implicit)
        raise InvalidInput(
            f"Process '{self.process.key}' has no start event without a trigger. "
            "Start it by the message, signal or timer that it waits for."
        )

    def _add_nodes(self, scope: FlowElements, owner: FlowNode | None) -> None:
        for node in scope.nodes.values():
            spec = elements.spec_for(self, node, owner)
            if node.listeners:
                spec.listeners = ListenersSpec(self, node, node.listeners)
            if node.body is not None:
                self._add_undoing(spec)
            inner = spec
            if node.loop is not None:
                spec = elements.body_around(self, node, spec)
                self._add_undoing(spec)
            if node.data is not None:
                self._add_data(spec, inner, node.data)
            self._entries[node.id] = spec
            self._owners[node.id] = owner

    def _add_data(self, spec: FlowNodeSpec, inner: FlowNodeSpec, data: NodeData) -> None:
        """*inner*: what *spec* is the body of, if it is looped."""
        spec.data = DataFlow(spec.compiler, data, spec.node.id)
        spec.own_names |= spec.data.local_names
        for catch in _catches(inner):
            catch.data = spec.data

    def _add_undoing(self, spec: FlowNodeSpec) -> None:
        assert isinstance(spec, ActivitySpec)
        spec.undoing = UndoingSpec(self, spec)

    def _link(self, scope: FlowElements, owner: FlowNode | None) -> None:
        container = self.spec_named(owner.id) if owner else self.root
        container.event_starts = tuple(self._event_starts(scope))
        container.own_names |= {each.name for each in scope.data_objects}
        defaults = tuple(Assignment(o.name, o.default) for o in scope.data_objects if o.default is not None)
        container.input_mappings = (*container.compiler.assignments(defaults), *container.input_mappings)
        for start in container.event_starts:
            if start.event.kind is EventKind.COMPENSATION and isinstance(container, ActivitySpec):
                container.compensation_start = start
        for node in scope.nodes.values():
            spec = self._entries[node.id]
            spec.link(tuple(self._flow(scope, flow_id, spec) for flow_id in node.outgoing))
            if node.compensation_handler is not None and node.attached_to is not None:
                undone = self.spec_named(node.attached_to)
                assert isinstance(undone, ActivitySpec)
                undone.compensation_handler = self._entries[node.compensation_handler]
            if isinstance(spec, ActivitySpec):
                attached = (self._entries[each.id] for each in scope.boundary_events_of(node.id))
                spec.boundary_events = tuple(each for each in attached if isinstance(each, BoundaryEventSpec))
            if isinstance(spec, LinkThrowSpec):
                spec.target = self._link_target(scope, spec)

    def _event_starts(self, scope: FlowElements) -> Iterator[EventSubprocessStartSpec]:
        for node in scope.nodes.values():
            if node.is_event_subprocess and node.body is not None:
                for inner in node.body.nodes.values():
                    start = self._entries[inner.id]
                    if isinstance(start, EventSubprocessStartSpec):
                        start.subprocess = self._entries[node.id]
                        yield start

    def _flow(self, scope: FlowElements, flow_id: str, source: FlowNodeSpec) -> Flow:
        flow = scope.flows[flow_id]
        listeners = listeners_of_flow(self, flow)
        made = Flow(flow.id, self._entries[flow.target], source.compiler.condition(flow.condition), listeners)
        if listeners:
            listeners.flows = (made,)
        self._flows[flow_id] = made
        return made

    def _link_target(self, scope: FlowElements, throw: LinkThrowSpec) -> FlowNodeSpec | None:
        assert throw.node.event
        for node in scope.nodes.values():
            event = node.event
            if node.kind is not NodeKind.CATCH_EVENT or event is None or event.kind is not EventKind.LINK:
                continue
            if event.name and throw.node.event.name and event.name.text == throw.node.event.name.text:
                return self._entries[node.id]
        return None


def _catches(spec: FlowNodeSpec) -> tuple[Catch, ...]:
    if isinstance(spec, CatchingSpec):
        return spec.catches
    return (spec.catch,) if isinstance(spec, ReceiveTaskSpec) and spec.catch else ()


def _scopes(process: FlowElements) -> list[tuple[FlowElements, FlowNode | None]]:
    """The process's own elements, and with their owner those of every subprocess in it."""
    return [(process, None), *((node.body, node) for node in process.walk() if node.body is not None)]
