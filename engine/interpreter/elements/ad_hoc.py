"""Ad-hoc subprocess (10.3.5.4, 13.3.5): what it holds runs in no given order, until its condition holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpmn.model import FlowNode
from engine.interpreter.elements.subprocess import SubprocessSpec, is_implicit_start
from engine.interpreter.token import Phase, Token

if TYPE_CHECKING:
    from engine.interpreter.program import Program


class AdHocSpec(SubprocessSpec):
    """All its activities that nothing leads to, together, or one after the other when it is ordered."""

    def __init__(self, program: Program, node: FlowNode, name: str | None = None) -> None:
        super().__init__(program, node, name)
        self.condition = self.compiler.condition(node.completion_condition)
        assert node.body is not None
        self.starts = [each.id for each in node.body.nodes.values() if is_implicit_start(each)]

    def execute(self, token: Token) -> bool:
        for start in self.event_starts:
            start.arm(token)
        token.memory["to_start"] = list(self.starts)
        while token.memory["to_start"]:
            self._start_next(token)
            if self.node.is_ordered:
                break
        return not self.starts

    def collect(self, token: Token, inner: Token) -> None:
        if self.condition is not None and self.condition(inner):
            token.memory["to_start"] = []
            token.memory["is_done"] = True

    def child_left(self, token: Token, inner: Token) -> None:
        if token.memory.get("is_done") and self.node.cancels_remaining:
            token.workflow.clear(token, cause=self.node.id, spare=inner)

    def drained(self, token: Token) -> None:
        if token.phase >= Phase.EXECUTED:
            return
        if token.memory["to_start"]:
            self._start_next(token)
        else:
            self.resume(token)

    def _start_next(self, token: Token) -> None:
        token.workflow.enter(self.program.spec_of(token.memory["to_start"].pop(0)), token)
