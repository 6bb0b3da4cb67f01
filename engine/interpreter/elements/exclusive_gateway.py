"""Exclusive gateway (13.4.2): each token takes the first flow whose condition holds, else the default."""

from __future__ import annotations

from engine.interpreter.elements.flow_node import Flow, FlowNodeSpec
from engine.interpreter.token import Token


class ExclusiveGatewaySpec(FlowNodeSpec):
    def choose_flows(self, token: Token) -> tuple[Flow, ...]:
        for flow in self.flows:
            if flow is not self.default_flow and (flow.condition is None or flow.condition(token)):
                return (flow,)
        if self.default_flow is not None:
            return (self.default_flow,)
        if not self.flows:
            return ()
        raise self.no_flow()
