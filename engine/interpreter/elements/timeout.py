"""Timeouts of a user task: told to its listeners while the task stays open (Camunda 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bpmn.model import EventDefinition, EventKind, FlowNode, Listener
from engine.interpreter.elements.catching import CatchingSpec
from engine.interpreter.token import Token

if TYPE_CHECKING:
    from engine.interpreter.program import Program


class TimeoutSpec(CatchingSpec):
    """One listener's timer; the host is the task. *event_name*: what the listeners are told."""

    def __init__(self, program: Program, node: FlowNode, listener: Listener, event_name: str) -> None:
        event = EventDefinition(EventKind.TIMER, timer=listener.timer, line=listener.line)
        told = FlowNode(id=node.id, kind=node.kind, name=node.name, line=listener.line or node.line, event=event)
        super().__init__(program, told, name=f"{node.id} ({event_name})")
        self.event_name = event_name

    def came(self, host: Token, catcher: Token, payload: dict[str, Any]) -> None:
        self.wait_again(catcher)
        if host.spec.listeners:
            host.spec.listeners.tell_again(host, self.event_name)
