"""Intermediate catch event (10.5.4.1), also behind an event-based gateway; and the target of a link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpmn.model import EventDefinition, EventKind, FlowNode
from engine.commands import TriggerEvent
from engine.interpreter.compiling import assign_local
from engine.interpreter.elements.catching import Catch
from engine.interpreter.elements.flow_node import FlowNodeSpec
from engine.interpreter.token import Token

if TYPE_CHECKING:
    from engine.interpreter.program import Program


class CatchEventSpec(FlowNodeSpec):
    def __init__(self, program: Program, node: FlowNode, name: str | None = None) -> None:
        super().__init__(program, node, name)
        self.event = node.event or EventDefinition(EventKind.NONE)
        self.catch = Catch(self.compiler, node.id, self.event, node.line)
        self.goes_through = self.event.kind in (EventKind.NONE, EventKind.LINK)

    def execute(self, token: Token) -> bool:
        if self.goes_through or "payload" in token.memory:
            return True
        self.catch.open(token)
        return False

    def wait_for_gateway(self, gateway: Token) -> Token:
        """A catcher that waits on behalf of an event-based gateway."""
        catcher = gateway.workflow.catcher(self, gateway)
        assign_local(catcher, self.input_mappings)
        self.catch.open(catcher)
        return catcher

    def trigger(self, token: Token, command: TriggerEvent) -> None:
        payload = dict(command.variables)
        if token.is_catcher:
            token.container.spec.chosen(token.container, token, payload)
            return
        self.catch.has_come(token)
        token.memory["payload"] = payload
        self.resume(token)

    def write_result(self, token: Token) -> None:
        payload = self.catch.receive(token, token.memory.get("payload") or {})
        if self.output_mappings and self.node.outputs_isolate:
            for name, value in payload.items():
                token.workflow.set_local(token, name, value, token.id)
        else:
            token.workflow.set_variables(token, payload)
        super().write_result(token)

    def stop_waiting(self, token: Token) -> None:
        self.catch.close(token)
