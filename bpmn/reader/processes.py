"""Processes: their own attributes, lanes, and the flow elements of every scope."""

from __future__ import annotations

from typing import Final

from bpmn.dialects.base import Adapter
from bpmn.document import Document, Element, local
from bpmn.model import FlowElements, FlowNode, NodeKind, Process, SequenceFlow
from bpmn.reader.data import read_data_objects, read_process_data
from bpmn.reader.nodes import read_node

NODE_KINDS: Final = {kind.value: kind for kind in NodeKind}
SCOPES: Final = ("process", "subProcess", "transaction", "adHocSubProcess")
GLOBAL_TASKS: Final = {
    "globalTask": NodeKind.TASK,
    "globalManualTask": NodeKind.MANUAL_TASK,
    "globalUserTask": NodeKind.USER_TASK,
    "globalScriptTask": NodeKind.SCRIPT_TASK,
    "globalBusinessRuleTask": NodeKind.BUSINESS_RULE_TASK,
}


def executable_processes(document: Document) -> list[Element]:
    """The processes that will be deployed: isExecutable="true", or the only one when it does not say."""
    processes = document.all("process")
    said = [process for process in processes if process.flag("isExecutable")]
    if not said and len(processes) == 1 and not processes[0].get("isExecutable"):
        return [processes[0]]
    return said


def read_process(element: Element, is_executable: bool, adapter: Adapter) -> Process:
    inputs, outputs = read_process_data(element, adapter)
    process = Process(
        key=key_of(element),
        name=element.get("name"),
        elements=_Scopes(element, adapter).read(),
        dialect=adapter.dialect,
        documentation=documentation(element),
        is_executable=is_executable,
        participant=_participant(element, adapter.document),
        inputs=inputs,
        outputs=outputs,
        file=adapter.document.file,
        line=element.line,
    )
    return adapter.refine_process(element, process)


def read_global_task(element: Element, is_executable: bool, adapter: Adapter) -> Process:
    """A task for call activities to call (10.3.7), as a process of its own that has nothing else to do."""
    key = key_of(element)
    ends = {"start": f"{key}.start", "end": f"{key}.end"}
    flows = (
        SequenceFlow(f"{key}.in", ends["start"], key, line=element.line),
        SequenceFlow(f"{key}.out", key, ends["end"], line=element.line),
    )
    task = read_node(
        element,
        GLOBAL_TASKS[element.name],
        adapter,
        key=key,
        documentation=documentation(element),
        incoming=(flows[0].id,),
        outgoing=(flows[1].id,),
        lane=None,
        body=None,
    )
    nodes = (
        FlowNode(ends["start"], NodeKind.START_EVENT, line=element.line, outgoing=task.incoming),
        task,
        FlowNode(ends["end"], NodeKind.END_EVENT, line=element.line, incoming=task.outgoing),
    )
    return Process(
        key=key,
        name=element.get("name"),
        elements=FlowElements({node.id: node for node in nodes}, {flow.id: flow for flow in flows}),
        dialect=adapter.dialect,
        documentation=task.documentation,
        is_executable=is_executable,
        is_global_task=True,
        is_startable_in_tasklist=False,
        file=adapter.document.file,
        line=element.line,
    )


def key_of(element: Element) -> str:
    """Its id; an element without one is refused, and is known by its line till then."""
    return element.id or f"{element.name}@{element.line}"


def documentation(element: Element) -> str:
    return "\n\n".join(text for part in element.all("documentation") if (text := part.text.strip()))


def _participant(process: Element, document: Document) -> str | None:
    for participant in document.referring("participant", "processRef", process.id):
        return participant.get("name") or participant.id or None
    return None


class _Scopes:
    """Reads inner scopes before outer ones: no recursion, however deep they are nested."""

    def __init__(self, process: Element, adapter: Adapter) -> None:
        self._process = process
        self._adapter = adapter
        self._lanes = _lanes(process)
        self._bodies: dict[int, FlowElements] = {}

    def read(self) -> FlowElements:
        scopes = [element for element in self._process.walk() if element.name in SCOPES]
        for scope in reversed(scopes):
            self._bodies[id(scope)] = self._scope(scope)
        return self._bodies[id(self._process)]

    def _scope(self, scope: Element) -> FlowElements:
        flows = {key_of(child): self._flow(child) for child in scope.all("sequenceFlow")}
        incoming: dict[str, list[str]] = {}
        outgoing: dict[str, list[str]] = {}
        for flow in flows.values():
            outgoing.setdefault(flow.source, []).append(flow.id)
            incoming.setdefault(flow.target, []).append(flow.id)
        nodes: dict[str, FlowNode] = {}
        for child in scope.children:
            kind = NODE_KINDS.get(child.name)
            if kind is None:
                continue
            key = key_of(child)
            nodes[key] = read_node(
                child,
                kind,
                self._adapter,
                key=key,
                documentation=documentation(child),
                incoming=tuple(incoming.get(key, ())),
                outgoing=tuple(outgoing.get(key, ())),
                lane=self._lane_of(child),
                body=self._bodies.get(id(child)),
            )
        return FlowElements(nodes, flows, tuple(read_data_objects(scope, self._adapter)))

    def _flow(self, element: Element) -> SequenceFlow:
        flow = SequenceFlow(
            id=key_of(element),
            source=local(element.get("sourceRef")),
            target=local(element.get("targetRef")),
            name=element.get("name"),
            condition=self._adapter.condition(element.child("conditionExpression")),
            line=element.line,
        )
        return self._adapter.refine_flow(element, flow)

    def _lane_of(self, element: Element) -> str | None:
        """The innermost lane that lists the node or a subprocess around it."""
        found = self._lanes.get(element.id)
        if found is None and self._lanes:
            around = (self._lanes.get(ancestor.id) for ancestor in element.ancestors())
            found = next((lane for lane in around if lane), None)
        return found


def _lanes(process: Element) -> dict[str, str]:
    """Flow node id -> lane name. Inner lanes follow the outer ones that hold them, and win."""
    found: dict[str, str] = {}
    owners: dict[str, Element] = {}
    if process.child("laneSet") is None:
        return found
    for lane in (element for element in process.walk() if element.name == "lane"):
        for reference in lane.all("flowNodeRef"):
            node = local(reference.text)
            if node not in owners or owners[node] in lane.ancestors():
                owners[node] = lane
                found[node] = lane.get("name") or lane.id
    return found
