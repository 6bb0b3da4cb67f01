"""Intermediate throw event and end event (10.5.5, 10.5.3): what happens on the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bpmn.model import EventDefinition, EventKind, FlowNode
from engine.events import MessageThrown, SignalThrown
from engine.interpreter.compiling import text_of
from engine.interpreter.elements.flow_node import FlowNodeSpec
from engine.interpreter.elements.throwing import throw_error, throw_escalation
from engine.interpreter.errors import ActivityFailed
from engine.interpreter.token import Token

if TYPE_CHECKING:
    from engine.interpreter.program import Program

BROADCAST = (EventKind.MESSAGE, EventKind.SIGNAL, EventKind.ESCALATION, EventKind.ERROR, EventKind.TERMINATE)


class ThrowEventSpec(FlowNodeSpec):
    def __init__(self, program: Program, node: FlowNode, name: str | None = None) -> None:
        super().__init__(program, node, name)
        self.event = node.event or EventDefinition(EventKind.NONE)
        self.throws = self.event.kind in BROADCAST
        self.name_of = self.compiler.optional(self.event.name)
        self.code = self.compiler.optional(self.event.code)
        self.correlation_key = self.compiler.optional(self.event.correlation_key)
        self.payload = self.compiler.assignments(self.event.payload)

    def execute(self, token: Token) -> bool:
        """False when what was thrown has ended the scope that the token stands in."""
        match self.event.kind:
            case EventKind.MESSAGE:
                key = text_of(self.correlation_key(token)) if self.correlation_key else None
                token.workflow.emit(MessageThrown(token.id, self.node.id, self._name(token), key, self._payload(token)))
            case EventKind.SIGNAL:
                self._throw_signal(token)
            case EventKind.ESCALATION:
                code, payload = self._code(token), self._payload(token)
                self.record_completion(token)
                throw_escalation(token, code, payload)
            case EventKind.ERROR:
                code, payload = self._code(token), self._payload(token)
                self.record_completion(token)
                throw_error(token, code, "", payload)
            case EventKind.TERMINATE:
                self._terminate(token)
            case _:
                pass
        return token.id in token.workflow.tasks

    def record_completion(self, token: Token) -> None:
        """Once: an event that may end its own scope is recorded before it throws."""
        if not token.is_recorded:
            super().record_completion(token)
            token.is_recorded = True

    def _throw_signal(self, token: Token) -> None:
        """To all that wait in this instance now; the engine tells the other instances."""
        name, payload, workflow = self._name(token), self._payload(token), token.workflow
        self.record_completion(token)
        workflow.emit(SignalThrown(token.id, self.node.id, name, payload))
        workflow.deliver_signal(name, payload)

    def _terminate(self, token: Token) -> None:
        """Ends all else in this scope (13.5.6); in the process scope, the instance."""
        container = token.container
        container.memory["terminated"] = True
        token.workflow.clear(container, cause=self.node.id, spare=token)

    def _payload(self, token: Token) -> dict[str, Any]:
        if self.event.sends_all_variables:
            return dict(token.variables)
        return {name: evaluate(token) for name, evaluate in self.payload}

    def _name(self, token: Token) -> str:
        name = text_of(self.name_of(token)) if self.name_of else None
        if not name:
            raise ActivityFailed(
                "expression", f"The {self.event.kind} that '{self.node.id}' throws has no name.", self.node.line
            )
        return name

    def _code(self, token: Token) -> str:
        return (text_of(self.code(token)) if self.code else None) or ""
