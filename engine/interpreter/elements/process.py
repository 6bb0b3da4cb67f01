"""The process itself, root of the token tree and owner of the process variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpmn.model import FlowNode, NodeKind, Process
from engine.interpreter.elements.flow_node import FlowNodeSpec
from engine.interpreter.token import Token

if TYPE_CHECKING:
    from engine.interpreter.program import Program


class ProcessRootSpec(FlowNodeSpec):
    def __init__(self, program: Program, process: Process) -> None:
        node = FlowNode(id=process.key, kind=NodeKind.SUBPROCESS, name=process.name, line=process.line)
        super().__init__(program, node, name=f"{process.key} (process)")

    def drained(self, token: Token) -> None:
        if not token.workflow.is_ended:
            for start in self.event_starts:
                start.disarm(token)
            token.workflow.end("terminated" if token.memory.get("terminated") else "completed")
