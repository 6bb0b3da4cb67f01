"""Start event (10.5.2): puts the starting payload where it belongs and goes on."""

from __future__ import annotations

from engine.interpreter.elements.flow_node import FlowNodeSpec


class StartEventSpec(FlowNodeSpec):
    pass
