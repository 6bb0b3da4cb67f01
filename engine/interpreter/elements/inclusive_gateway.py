"""Inclusive gateway (13.4.3): waits for exactly the tokens that can still reach it."""

from __future__ import annotations

from engine.interpreter.elements.activity import ActivitySpec
from engine.interpreter.elements.flow_node import FlowNodeSpec
from engine.interpreter.elements.joining import JoiningGatewaySpec
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
            reachable = self.reachable_from(other.spec)
            if reachable & empty and not reachable & arrived:
                return False
        return True

    def reachable_from(self, spec: FlowNodeSpec) -> frozenset[str]:
        """Which of this gateway's incoming flows a token at *spec* can still take, not passing by here."""
        cached = self._reachable.get(spec.name)
        if cached is None:
            cached = self._reachable[spec.name] = self._search(spec)
        return cached

    def _search(self, start: FlowNodeSpec) -> frozenset[str]:
        found: set[str] = set()
        seen: set[str] = set()
        todo = [start]
        while todo:
            spec = todo.pop()
            if spec.name in seen:
                continue
            seen.add(spec.name)
            for flow in spec.flows:
                if flow.target is self:
                    found.add(flow.id)
                else:
                    todo.append(flow.target)
            if isinstance(spec, ActivitySpec):
                todo.extend(spec.boundary_events)
            todo.extend(spec.jumps_to())
        return frozenset(found)

    @property
    def _reachable(self) -> dict[str, frozenset[str]]:
        return self.program.reachable.setdefault(self.node.id, {})
