"""Event-based gateway (13.4.4): the first of the events behind it decides the way."""

from __future__ import annotations

from typing import Any

from engine.events import ActivityCompleted, FlowTaken
from engine.interpreter.elements.catch_event import CatchEventSpec
from engine.interpreter.elements.flow_node import FlowNodeSpec
from engine.interpreter.elements.receive_task import ReceiveTaskSpec
from engine.interpreter.token import Token


class EventGatewaySpec(FlowNodeSpec):
    def execute(self, token: Token) -> bool:
        for flow in self.flows:
            assert isinstance(flow.target, CatchEventSpec | ReceiveTaskSpec)
            flow.target.wait_for_gateway(token)
        return False

    def chosen(self, token: Token, event: FlowNodeSpec, payload: dict[str, Any]) -> None:
        """*event* has come: the others are withdrawn, the token goes on behind it."""
        workflow = token.workflow
        for each in token.inner_tokens:
            each.spec.stop_waiting(each)
        flow = next(flow for flow in self.flows if flow.target is event)
        workflow.emit(ActivityCompleted(token.id, self.node.id))
        workflow.emit(FlowTaken(flow.id))
        entered = workflow.enter(event, token.container, flow.id)
        entered.memory["payload"] = payload
        entered.memory["result"] = payload
        workflow.remove(token)
