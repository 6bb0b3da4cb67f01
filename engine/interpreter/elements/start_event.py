"""Start event (10.5.2): puts the starting payload where it belongs and goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bpmn.model import FlowNode
from engine.interpreter.correlation import Correlation
from engine.interpreter.elements.flow_node import FlowNodeSpec
from engine.interpreter.token import Token

if TYPE_CHECKING:
    from engine.interpreter.program import Program


class StartEventSpec(FlowNodeSpec):
    def __init__(self, program: Program, node: FlowNode, name: str | None = None) -> None:
        super().__init__(program, node, name)
        events = (node.event.parts or (node.event,)) if node.event else ()
        self._correlations = tuple(Correlation(self.compiler, event) for event in events)

    def learn(self, root: Token, payload: Mapping[str, Any], part: int) -> None:
        if self._correlations:
            self._correlations[part].learn(root, payload)

    def write_result(self, token: Token) -> None:
        """The payload is there already: its data outputs take theirs from it."""
        for name in sorted(self.data.local_names if self.data else ()):
            if name in token.container.data:
                token.workflow.set_local(token, name, token.container.data[name], token.id)
