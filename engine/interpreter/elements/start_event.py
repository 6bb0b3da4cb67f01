"""Start event (10.5.2): puts the starting payload where it belongs and goes on."""

from __future__ import annotations

from engine.interpreter.elements.flow_node import FlowNodeSpec
from engine.interpreter.token import Token


class StartEventSpec(FlowNodeSpec):
    def write_result(self, token: Token) -> None:
        """The payload is there already: its data outputs take theirs from it."""
        for name in sorted(self.data.local_names if self.data else ()):
            if name in token.container.data:
                token.workflow.set_local(token, name, token.container.data[name], token.id)
