"""Parallel gateway (13.4.1): one token from each incoming flow, then one for each outgoing."""

from __future__ import annotations

from engine.interpreter.elements.flow_node import Flow
from engine.interpreter.elements.joining import JoiningGatewaySpec
from engine.interpreter.token import Token


class ParallelGatewaySpec(JoiningGatewaySpec):
    def choose_flows(self, token: Token) -> tuple[Flow, ...]:
        return self.flows
