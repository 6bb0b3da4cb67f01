"""Boundary event (10.5.4.2, 13.5.3): catches for an activity, and interrupts it or runs beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bpmn.model import EventDefinition, EventKind, FlowNode
from engine.commands import TriggerEvent
from engine.interpreter.compiling import text_of
from engine.interpreter.elements.catching import Catch
from engine.interpreter.elements.flow_node import FlowNodeSpec
from engine.interpreter.token import Token

if TYPE_CHECKING:
    from engine.interpreter.program import Program

WAITING_KINDS = (EventKind.TIMER, EventKind.MESSAGE, EventKind.SIGNAL)


class BoundaryEventSpec(FlowNodeSpec):
    """While its activity (the host) is active, a catcher inside the host waits for timers, messages and
    signals; errors and escalations find it by looking outward from where they are thrown."""

    def __init__(self, program: Program, node: FlowNode, name: str | None = None) -> None:
        super().__init__(program, node, name)
        self.event = node.event or EventDefinition(EventKind.NONE)
        self.catch = Catch(self.compiler, node.id, self.event, node.line)
        self.code = self.compiler.optional(self.event.code)

    def catches(self, host: Token, code: str) -> bool:
        """Whether it names just this error or escalation code."""
        return self.code is not None and text_of(self.code(host)) == code

    def arm(self, host: Token) -> None:
        if self.event.kind in WAITING_KINDS:
            self.catch.open(host.workflow.catcher(self, host), context=host)

    def trigger(self, token: Token, command: TriggerEvent) -> None:
        """What the catcher *token* waited for has come."""
        host = token.container
        if self.node.is_interrupting:
            self.catch.has_come(token)
        elif self.event.kind is EventKind.TIMER:
            self._wait_for_next_turn(token)
        self.fire(host, self.catch.receive(token, command.variables))

    def fire(self, host: Token, payload: Mapping[str, Any]) -> None:
        """Enters this event beside *host*, which ends if the event interrupts."""
        workflow = host.workflow
        fired = workflow.enter(self, host.container)
        fired.memory["payload"] = dict(payload)
        if self.node.is_interrupting:
            workflow.withdraw(host, self.node.id)

    def _wait_for_next_turn(self, token: Token) -> None:
        """A cycle goes on with a catcher of its own, so that each turn is a job of its own."""
        host, workflow = token.container, token.workflow
        self.catch.has_come(token)
        again = workflow.catcher(self, host)
        if not self.catch.reopen_timer(again, token):
            workflow.remove(again)
        workflow.remove(token)

    def write_result(self, token: Token) -> None:
        payload = token.memory.get("payload") or {}
        if self.output_mappings and self.node.outputs_isolate:
            for name, value in payload.items():
                token.workflow.set_local(token, name, value, token.id)
        else:
            token.workflow.set_variables(token, payload)
        super().write_result(token)

    def stop_waiting(self, token: Token) -> None:
        self.catch.close(token)
