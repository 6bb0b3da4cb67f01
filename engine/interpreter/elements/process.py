"""The process itself, root of the token tree and owner of the process variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpmn.model import FlowNode, NodeKind, Process
from engine.interpreter.beginning import begin_all, kept_beginnings
from engine.interpreter.elements.flow_node import END_AFTER_OUTPUTS, FlowNodeSpec
from engine.interpreter.token import Token

if TYPE_CHECKING:
    from engine.interpreter.program import Program


class ProcessRootSpec(FlowNodeSpec):
    def __init__(self, program: Program, process: Process) -> None:
        node = FlowNode(id=process.key, kind=NodeKind.SUBPROCESS, name=process.name, line=process.line)
        super().__init__(program, node, name=f"{process.key} (process)")

    def open(self, token: Token, starts: tuple[FlowNodeSpec, ...], has_come: bool) -> None:
        """The instance begins at *starts*, once the listeners to that have been told."""
        token.memory["start"] = [[start.name for start in starts], has_come]
        self.tell_of_start(token)

    def tell_of_start(self, token: Token) -> None:
        if self.listeners is None or self.listeners.tell(token, "start"):
            self.go_on(token)

    def go_on(self, token: Token) -> None:
        if beginnings := kept_beginnings(token):
            begin_all(token, beginnings)
        elif "start" in token.memory:
            names, has_come = token.memory.pop("start")
            for name in names:
                self.program.spec_named(name).begin(token, has_come)
        else:
            self.drained(token)

    def drained(self, token: Token) -> None:
        if not token.workflow.is_ended:
            for start in self.event_starts:
                start.disarm(token)
            if self.listeners and not self.listeners.tell(token, "end", END_AFTER_OUTPUTS):
                return
            token.workflow.end("terminated" if token.memory.get("terminated") else "completed")
