"""Processes drawn by chance: block-structured ones, and ones whose flows go anywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from bpmn.model import (
    Assignment,
    EventDefinition,
    EventKind,
    Expression,
    FlowElements,
    FlowNode,
    Language,
    MultiInstance,
    NodeKind,
    Process,
    Script,
    ScriptBinding,
    SequenceFlow,
    Timer,
    TimerKind,
)

CHOICE = "choice"
"""Conditions read 'choice <node id> <flow id>': what runs them decides by the visit."""

SPLITS = (NodeKind.EXCLUSIVE_GATEWAY, NodeKind.INCLUSIVE_GATEWAY)
GATEWAYS = (*SPLITS, NodeKind.PARALLEL_GATEWAY)
ANYTHING = ("task", *GATEWAYS, "task", "subprocess", *GATEWAYS, "throw", "end", "wait", "task")
CODES = ("E1", "E2", None)


def literal(text: object) -> Expression:
    return Expression(Language.LITERAL, str(text))


def event(kind: EventKind, code: str | None = None) -> EventDefinition:
    timer = Timer(TimerKind.DURATION, literal("PT1H")) if kind is EventKind.TIMER else None
    name = literal("m") if kind is EventKind.MESSAGE else None
    return EventDefinition(kind, name=name, timer=timer, code=literal(code) if code else None)


class Names:
    """Ids that are unique in the process: T1, G2, ..."""

    def __init__(self) -> None:
        self._count = 0

    def new(self, letter: str) -> str:
        self._count += 1
        return f"{letter}{self._count}"


class Drawing:
    """One scope under construction."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.nodes: dict[str, FlowNode] = {}
        self.flows: dict[str, SequenceFlow] = {}

    def add(self, letter: str, kind: NodeKind, **data: Any) -> str:
        node_id = self.names.new(letter)
        self.nodes[node_id] = FlowNode(node_id, kind, **data)
        return node_id

    def change(self, node_id: str, **data: Any) -> None:
        self.nodes[node_id] = replace(self.nodes[node_id], **data)

    def join(self, source: str, target: str) -> str:
        flow_id = f"{source}-{target}"
        while flow_id in self.flows:
            flow_id += "'"
        self.flows[flow_id] = SequenceFlow(flow_id, source, target)
        return flow_id

    def choose_at(self, node_id: str, default: str | None) -> None:
        """Puts conditions on all flows out of a node but its default."""
        for flow in self.flows.values():
            if flow.source == node_id and flow.id != default:
                condition = Expression(Language.PYTHON, f"{CHOICE} {node_id} {flow.id}")
                self.flows[flow.id] = replace(flow, condition=condition)
        self.change(node_id, default_flow=default)

    def elements(self) -> FlowElements:
        flows = self.flows.values()
        nodes = {
            node_id: replace(
                node,
                incoming=tuple(flow.id for flow in flows if flow.target == node_id),
                outgoing=tuple(flow.id for flow in flows if flow.source == node_id),
            )
            for node_id, node in self.nodes.items()
        }
        return FlowElements(nodes, dict(self.flows))


class Pen:
    """Draws one process; every choice is Hypothesis's, so that what fails is shrunk.

    *leads_back_to*: the letter of what flows may lead back to (none: anything)."""

    def __init__(self, draw: Callable[[Any], Any], *, leads_back_to: str = "") -> None:
        self._draw = draw
        self._leads_back_to = leads_back_to
        self.names = Names()

    def number(self, low: int, high: int) -> int:
        return self._draw(st.integers(low, high))

    def one_of(self, *choices: Any) -> Any:
        return self._draw(st.sampled_from(choices))

    def rarely(self) -> bool:
        return self.number(0, 2) == 2

    def blocks(self, depth: int) -> FlowElements:
        """A start, one block of nested blocks, an end."""
        drawing = Drawing(self.names)
        first, last = self.block(drawing, depth)
        drawing.join(drawing.add("S", NodeKind.START_EVENT), first)
        if last is not None:
            drawing.join(last, drawing.add("E", NodeKind.END_EVENT))
        return drawing.elements()

    def block(self, drawing: Drawing, depth: int) -> tuple[str, str | None]:
        """The first and the last node; no last one where every path in it has ended."""
        if depth == 0:
            return self.activity(drawing, 0)
        shape = self.one_of(self.line, self.split, self.activity, self.split, self.loop, self.activity, self.race)
        return shape(drawing, depth)

    def activity(self, drawing: Drawing, depth: int) -> tuple[str, str]:
        node_id = self.subprocess(drawing, depth - 1) if depth else self.task(drawing)
        if self.rarely():
            self._multiply(drawing, node_id)
        if self.rarely() or depth:
            self._attach(drawing, node_id)
        return node_id, node_id

    def task(self, drawing: Drawing) -> str:
        kind = self.one_of(NodeKind.USER_TASK, NodeKind.SCRIPT_TASK, NodeKind.USER_TASK, NodeKind.TASK)
        if kind is not NodeKind.SCRIPT_TASK:
            return drawing.add("U" if kind is NodeKind.USER_TASK else "T", kind)
        text = f"n = (n * {self.number(1, 3)} + {self.number(1, 5)}) % 10007"
        return drawing.add("X", kind, binding=ScriptBinding(Script(Language.PYTHON, text)))

    def subprocess(self, drawing: Drawing, depth: int) -> str:
        data: dict[str, Any] = {}
        if self.rarely():
            data["inputs"] = (Assignment("n", Expression(Language.PYTHON, str(self.number(0, 9)))),)
            data["outputs"] = (Assignment("seen", Expression(Language.PYTHON, "n")),)
        return drawing.add("P", NodeKind.SUBPROCESS, body=self.blocks(depth), **data)

    def line(self, drawing: Drawing, depth: int) -> tuple[str, str | None]:
        first, middle = self.block(drawing, depth - 1)
        if middle is None:
            return first, None
        second, last = self.block(drawing, depth - 1)
        drawing.join(middle, second)
        return first, last

    def split(self, drawing: Drawing, depth: int) -> tuple[str, str | None]:
        """Two or three branches between two gateways; some of them end instead."""
        kind = self.one_of(*SPLITS, NodeKind.PARALLEL_GATEWAY)
        fork, join = drawing.add("F", kind), drawing.add("J", kind)
        flows = [self._branch(drawing, depth, fork, join) for _ in range(self.number(2, 3))]
        if kind in SPLITS:
            drawing.choose_at(fork, self.one_of(*flows, None))
        if any(flow.target == join for flow in drawing.flows.values()):
            return fork, join
        del drawing.nodes[join]
        return fork, None

    def loop(self, drawing: Drawing, depth: int) -> tuple[str, str | None]:
        head, tail = drawing.add("M", NodeKind.EXCLUSIVE_GATEWAY), drawing.add("L", NodeKind.EXCLUSIVE_GATEWAY)
        first, last = self.block(drawing, depth - 1)
        after = drawing.add("T", NodeKind.TASK)
        drawing.join(head, first)
        if last is None:
            del drawing.nodes[tail], drawing.nodes[after]
            return head, None
        drawing.join(last, tail)
        drawing.join(tail, head)
        drawing.choose_at(tail, drawing.join(tail, after))
        return head, after

    def race(self, drawing: Drawing, depth: int) -> tuple[str, str | None]:
        """An event-based gateway and the branches behind its events."""
        gateway, join = drawing.add("R", NodeKind.EVENT_GATEWAY), drawing.add("J", NodeKind.EXCLUSIVE_GATEWAY)
        for _ in range(2):
            caught = drawing.add(
                "C", NodeKind.CATCH_EVENT, event=event(self.one_of(EventKind.TIMER, EventKind.MESSAGE))
            )
            drawing.join(gateway, caught)
            self._branch(drawing, depth, caught, join)
        if any(flow.target == join for flow in drawing.flows.values()):
            return gateway, join
        del drawing.nodes[join]
        return gateway, None

    def anything(self, *kinds: str, most: int = 10) -> FlowElements:
        """Nodes in a row, flows from each to some further on; choices may lead back as well."""
        drawing = Drawing(self.names)
        nodes = [drawing.add("S", NodeKind.START_EVENT)]
        for _ in range(self.number(4, most)):
            nodes.append(self._any_node(drawing, kinds or ANYTHING))
        nodes.append(drawing.add("E", NodeKind.END_EVENT))
        for index, node_id in enumerate(nodes[:-1]):
            self._lead_on(drawing, nodes, index, node_id)
        self._attach_all(drawing, nodes)
        return drawing.elements()

    def _branch(self, drawing: Drawing, depth: int, fork: str, join: str) -> str:
        """The flow that leads into it."""
        if self.rarely():
            return drawing.join(fork, join)
        first, last = self.block(drawing, depth - 1)
        if last is not None:
            drawing.join(last, self._end(drawing) if self.rarely() else join)
        return drawing.join(fork, first)

    def _end(self, drawing: Drawing) -> str:
        kind = self.one_of(None, None, EventKind.TERMINATE, EventKind.ESCALATION, None, EventKind.ERROR)
        thrown = event(kind, self.one_of("E1", "E2")) if kind else None
        return drawing.add("E", NodeKind.END_EVENT, event=thrown)

    def _multiply(self, drawing: Drawing, node_id: str) -> None:
        count = Expression(Language.PYTHON, str(self.number(0, 3)))
        drawing.change(node_id, loop=MultiInstance(self.one_of(True, False), cardinality=count))

    def _attach(self, drawing: Drawing, node_id: str, target: str | None = None) -> None:
        kind = self.one_of(EventKind.ERROR, EventKind.TIMER, EventKind.MESSAGE, EventKind.ESCALATION)
        code = self.one_of(*CODES) if kind in (EventKind.ERROR, EventKind.ESCALATION) else None
        boundary = drawing.add(
            "B",
            NodeKind.BOUNDARY_EVENT,
            event=event(kind, code),
            attached_to=node_id,
            is_interrupting=kind is EventKind.ERROR or self.one_of(True, False),
        )
        drawing.join(boundary, target or self._end(drawing))

    def _any_node(self, drawing: Drawing, kinds: tuple[str, ...]) -> str:
        kind = self.one_of(*kinds)
        match kind:
            case "task":
                return self.task(drawing)
            case "wait":
                return drawing.add("C", NodeKind.CATCH_EVENT, event=event(EventKind.TIMER))
            case "throw":
                thrown = event(EventKind.ESCALATION, self.one_of("E1", "E2"))
                return drawing.add("I", NodeKind.THROW_EVENT, event=thrown)
            case "end":
                return self._end(drawing)
            case "subprocess":
                return self.subprocess(drawing, 1)
            case _:
                return drawing.add("G", NodeKind(kind))

    def _lead_on(self, drawing: Drawing, nodes: list[str], index: int, node_id: str) -> None:
        kind = drawing.nodes[node_id].kind
        if kind is NodeKind.END_EVENT:
            return
        is_plain = kind in (NodeKind.START_EVENT, NodeKind.THROW_EVENT, NodeKind.CATCH_EVENT)
        furthest = min(index + 4, len(nodes) - 1)
        ways = self.number(2, 3) if drawing.nodes[node_id].id.startswith("G") else 1
        on = [drawing.join(node_id, nodes[self.number(index + 1, furthest)]) for _ in range(ways)]
        if is_plain or kind is NodeKind.PARALLEL_GATEWAY:
            return
        earlier = [each for each in nodes[1:index] if each.startswith(self._leads_back_to)]
        back = self.one_of(*earlier) if earlier and self.rarely() else None
        if back is not None:
            drawing.join(node_id, back)
        if back is not None or (kind in SPLITS and len(on) > 1):
            drawing.choose_at(node_id, on[0])

    def _attach_all(self, drawing: Drawing, nodes: list[str]) -> None:
        for node_id in nodes:
            if drawing.nodes[node_id].kind in (NodeKind.USER_TASK, NodeKind.SUBPROCESS) and self.rarely():
                self._attach(drawing, node_id, nodes[self.number(nodes.index(node_id) + 1, len(nodes) - 1)])


@st.composite
def block_structured(draw: Callable[[Any], Any], depth: int = 3) -> Process:
    return Process("p", "p", Pen(draw).blocks(depth))


@st.composite
def unstructured(draw: Callable[[Any], Any]) -> Process:
    return Process("p", "p", Pen(draw).anything())


@st.composite
def joined_at_random(draw: Callable[[Any], Any], loops: bool = True) -> Process:
    """Small, of gateways and of steps that wait, so that whoever plays it decides on the order."""
    pen = Pen(draw, leads_back_to="C" if loops else "nothing")
    return Process("p", "p", pen.anything("wait", *GATEWAYS, "wait", *GATEWAYS, most=9))


def told(elements: FlowElements, indent: str = "") -> str:
    """A drawing in words, a line each node, for the report of a test."""
    lines: list[str] = []
    for node in elements.nodes.values():
        marks = [f"on {node.attached_to}"] if node.attached_to else []
        if node.event:
            marks += [str(node.event.kind), node.event.code.text if node.event.code else ""]
        if node.attached_to and not node.is_interrupting:
            marks.append("beside it")
        if isinstance(node.loop, MultiInstance) and node.loop.cardinality:
            marks.append(
                f"{'one after another' if node.loop.is_sequential else 'at once'} {node.loop.cardinality.text}"
            )
        if isinstance(node.binding, ScriptBinding):
            marks.append(node.binding.script.text)
        ways = [f"{elements.flows[each].target}{' ?' * bool(elements.flows[each].condition)}" for each in node.outgoing]
        lines.append(f"{indent}{node.id} {node.kind} {' '.join(marks)} -> {', '.join(ways)}")
        if node.body:
            lines.append(told(node.body, indent + "    "))
    return "\n".join(lines)
