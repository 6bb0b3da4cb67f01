"""Event-based gateway (13.4.4): the first of the events behind it decides the way."""

from __future__ import annotations

from typing import Any

from engine.events import ActivityCompleted
from engine.interpreter.elements.catch_event import CatchEventSpec
from engine.interpreter.elements.flow_node import END_AFTER_OUTPUTS, Flow, FlowNodeSpec
from engine.interpreter.elements.receive_task import ReceiveTaskSpec
from engine.interpreter.token import Token


class EventGatewaySpec(FlowNodeSpec):
    def execute(self, token: Token) -> bool:
        for flow in self.flows:
            assert isinstance(flow.target, CatchEventSpec | ReceiveTaskSpec)
            flow.target.wait_for_gateway(token)
        return False

    def link(self, flows: tuple[Flow, ...]) -> None:
        super().link(flows)
        for flow in flows if self.node.instantiates else ():
            flow.target.starts_through = self

    def chosen(self, token: Token, event: FlowNodeSpec, payload: dict[str, Any]) -> None:
        """*event* has come: the others are withdrawn, the token goes on behind it."""
        for each in token.inner_tokens:
            each.spec.stop_waiting(each)
            token.workflow.remove(each)
        token.memory["chosen"] = [event.name, payload]
        if self.listeners is None or self.listeners.tell(token, "end", END_AFTER_OUTPUTS):
            self.go_on(token)

    def go_on(self, token: Token) -> None:
        if "chosen" not in token.memory:
            super().go_on(token)
            return
        name, payload = token.memory.pop("chosen")
        self._leave(token, self.program.spec_named(name), payload)

    def begin_with(self, root: Token, event: FlowNodeSpec) -> None:
        """*event* has started the instance, which has its payload; of a parallel gateway, the others are
        awaited from now on (10.6.6)."""
        token = root.workflow.place(self, root)
        root.workflow.record_entry(token)
        self._leave(token, event, {})

    def _leave(self, token: Token, event: FlowNodeSpec, payload: dict[str, Any]) -> None:
        workflow = token.workflow
        workflow.emit(ActivityCompleted(token.id, self.node.id))
        for flow in self.flows:
            if flow.target is not event and not self.node.awaits_all:
                continue
            flow.take(token.container, {"payload": payload, "result": payload} if flow.target is event else None)
        workflow.remove(token)
