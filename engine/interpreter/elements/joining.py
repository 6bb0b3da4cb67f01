"""A gateway with several incoming flows that waits for more than one token."""

from __future__ import annotations

from engine.interpreter.elements.flow_node import Flow, FlowNodeSpec
from engine.interpreter.token import Token


class JoiningGatewaySpec(FlowNodeSpec):
    """A token comes into being with the first arrival and is entered when the gateway fires. A second
    token on the same flow belongs to the next round (13.4.1)."""

    def arrive(self, container: Token, flow: Flow | None) -> None:
        if flow is None or len(self.node.incoming) < 2:
            super().arrive(container, flow)
            return
        waiting = container.workflow.joins.get((container.id, self.node.id), [])
        token = next((each for each in waiting if flow.id not in each.memory["arrived"]), None)
        if token is None:
            token = self.wait_for_more(container)
        token.memory["arrived"].append(flow.id)
        container.workflow.touch(token)
        if self.is_complete(token):
            self.fire_join(token)

    def is_complete(self, token: Token) -> bool:
        return len(token.memory["arrived"]) == len(self.node.incoming)
