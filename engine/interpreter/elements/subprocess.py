"""Embedded subprocess (10.3.5.1): a container of its own; done when the last token inside has gone."""

from __future__ import annotations

from bpmn.model import FlowElements, FlowNode, NodeKind
from engine.interpreter.beginning import begin_all, kept_beginnings
from engine.interpreter.elements.activity import ActivitySpec
from engine.interpreter.errors import ActivityFailed
from engine.interpreter.token import Phase, Token


class SubprocessSpec(ActivitySpec):
    def execute(self, token: Token) -> bool:
        assert self.node.body is not None
        for start in self.event_starts:
            start.arm(token)
        if "start" in token.memory:
            self._enter_triggered(token)
            return False
        if beginnings := kept_beginnings(token):
            begin_all(token, beginnings)
            return False
        starts = starting_nodes(self.node.body)
        if not starts:
            raise ActivityFailed("flow", f"Subprocess '{self.node.id}' has nothing to start with.", self.node.line)
        for start in starts:
            token.workflow.enter(self.program.spec_of(start.id), token)
        return False

    def drained(self, token: Token) -> None:
        if token.phase < Phase.EXECUTED:
            self.resume(token)

    def _enter_triggered(self, token: Token) -> None:
        """An event subprocess begins with what its start event has caught."""
        name, payload = token.memory.pop("start")
        entered = token.workflow.enter(self.program.spec_named(name), token)
        entered.memory["payload"] = payload


def starting_nodes(body: FlowElements) -> list[FlowNode]:
    """The start events, or where there are none the nodes that nothing leads to (13.4.1, implicit start)."""
    nodes = list(body.nodes.values())
    starts = [node for node in nodes if node.kind is NodeKind.START_EVENT]
    return starts or [node for node in nodes if is_implicit_start(node)]


def is_implicit_start(node: FlowNode) -> bool:
    led_to = node.incoming or node.attached_to or node.is_event_subprocess or node.is_for_compensation
    waits_outside = node.instantiates and node.kind in (NodeKind.RECEIVE_TASK, NodeKind.EVENT_GATEWAY)
    is_link_target = node.kind is NodeKind.CATCH_EVENT and node.event is not None and node.event.kind == "link"
    return not led_to and not waits_outside and not is_link_target
