"""Complex gateway (13.4.5): goes on when its activation condition holds, then waits for the rest and resets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bpmn.model import FlowNode
from engine.interpreter.elements.flow_node import Flow
from engine.interpreter.elements.inclusive_gateway import InclusiveGatewaySpec
from engine.interpreter.errors import ActivityFailed
from engine.interpreter.token import Token

if TYPE_CHECKING:
    from engine.interpreter.program import Program


class ComplexGatewaySpec(InclusiveGatewaySpec):
    """`activationCount` in its condition is the number of tokens that have come in this round. Without a
    condition it joins like an inclusive gateway; it splits like one."""

    built_in_names = frozenset({"activationCount"})

    def __init__(self, program: Program, node: FlowNode, name: str | None = None) -> None:
        super().__init__(program, node, name)
        self.activation = self.compiler.condition(node.activation_condition)

    def arrive(self, container: Token, flow: Flow | None) -> None:
        """Tokens of a round that has fired already are taken in without another firing."""
        late = self._late(container, flow)
        if late is None:
            super().arrive(container, flow)
            return
        assert flow is not None
        late.memory["arrived"].append(flow.id)
        container.workflow.touch(late)
        self._reset_when_complete(late)

    def is_complete(self, token: Token) -> bool:
        if self.activation is None:
            return super().is_complete(token)
        try:
            return self.activation(token)
        except ActivityFailed:
            token.memory["unanswered"] = True
            return True  # it goes on here, to be asked again, and not in the token that has just come

    def execute(self, token: Token) -> bool:
        """A condition that could not be answered as the tokens came is an incident of the gateway's own."""
        if token.memory.get("unanswered") and not (self.activation and self.activation(token)):
            message = f"The activation condition of '{self.node.id}' does not hold. Correct the variables, then retry."
            raise ActivityFailed("expression", message, self.node.line)
        return True

    def can_fire_when_quiet(self, token: Token) -> bool:
        if token.memory.get("has_fired"):
            if super().can_fire_when_quiet(token):
                token.workflow.discard(token)
            return False
        return self.activation is None and super().can_fire_when_quiet(token)

    def fire_join(self, token: Token) -> None:
        """The round goes on in a token of its own; a marker stays behind for those that come late."""
        workflow, container = token.workflow, token.container
        if self.activation is None or len(token.memory["arrived"]) == len(self.node.incoming):
            super().fire_join(token)
            return
        token.memory["has_fired"] = True
        fired = workflow.place(self, container)
        fired.memory.update(arrived=list(token.memory["arrived"]), unanswered=token.memory.get("unanswered"))
        workflow.record_entry(fired, token.memory["arrived"][-1])
        workflow.make_ready(fired)

    def built_in(self, token: Token, name: str) -> Any:
        if "arrived" not in token.memory:
            raise KeyError(name)
        return len(token.memory["arrived"])

    def _late(self, container: Token, flow: Flow | None) -> Token | None:
        waiting = container.workflow.joins.get((container.id, self.node.id), [])
        return next(
            (t for t in waiting if t.memory.get("has_fired") and flow and flow.id not in t.memory["arrived"]), None
        )

    def _reset_when_complete(self, token: Token) -> None:
        if len(token.memory["arrived"]) == len(self.node.incoming):
            token.workflow.discard(token)
