"""Link throw event (10.5.1): goes on at the link catch event of the same name in the same scope."""

from __future__ import annotations

from engine.interpreter.elements.flow_node import FlowNodeSpec
from engine.interpreter.token import Token


class LinkThrowSpec(FlowNodeSpec):
    target: FlowNodeSpec | None = None

    def execute(self, token: Token) -> bool:
        for target in self.jumps_to():
            token.workflow.enter(target, token.container)
        return True

    def jumps_to(self) -> tuple[FlowNodeSpec, ...]:
        return (self.target,) if self.target else ()
