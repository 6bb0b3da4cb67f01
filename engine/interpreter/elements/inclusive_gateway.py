"""Inclusive gateway (13.4.3): waits for exactly the tokens that can still reach it."""

from __future__ import annotations

from engine.interpreter.elements.joining import JoiningGatewaySpec
from engine.interpreter.reaching import reaches
from engine.interpreter.token import Token


class InclusiveGatewaySpec(JoiningGatewaySpec):
    def can_fire_when_quiet(self, token: Token) -> bool:
        """No token elsewhere in this scope can come in by a flow that is still empty, unless it can as
        well come by one that has its token already."""
        arrived = set(token.memory["arrived"])
        empty = set(self.node.incoming) - arrived
        for other in token.container.inner_tokens:
            if other is token or other.is_catcher or other.spec is self:
                continue
            reachable = reaches(self, other.spec)
            if reachable & empty and not reachable & arrived:
                return False
        return True
