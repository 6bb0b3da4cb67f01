"""Ad-hoc subprocess (10.3.5.4, 13.3.5): what it holds runs in no given order, until its condition holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from bpmn.model import FlowNode
from engine.interpreter.beginning import begin_all, kept_beginnings
from engine.interpreter.elements.subprocess import SubprocessSpec, is_implicit_start
from engine.interpreter.errors import ActivityFailed
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
        self.active_elements = self.compiler.optional(node.active_elements)
        self.output_element = self.compiler.optional(node.output_element)

    def execute(self, token: Token) -> bool:
        for start in self.event_starts:
            start.arm(token)
        if beginnings := kept_beginnings(token):
            token.memory["to_start"] = []
            begin_all(token, beginnings)
            return False
        to_start = self._chosen(token)
        token.memory["to_start"] = list(to_start)
        while token.memory["to_start"]:
            self._start_next(token)
            if self.node.is_ordered:
                break
        return not to_start

    def collect(self, token: Token, inner: Token) -> None:
        if self.output_element and not inner.spec.flows:
            token.memory.setdefault("collected", []).append(self.output_element(inner))
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

    def write_result(self, token: Token) -> None:
        if self.node.output_collection:
            values = token.memory.get("collected", [])
            token.workflow.set_variable_from(token.container, self.node.output_collection, values, token.id)
        super().write_result(token)

    def _chosen(self, token: Token) -> list[str]:
        """What begins: all that nothing leads to, or what the diagram's collection names of that."""
        if self.active_elements is None:
            return self.starts
        chosen: Any = self.active_elements(token)
        if not isinstance(chosen, list):
            raise self._wrong(f"is {type(chosen).__name__} and no list")
        for element_id in cast("list[Any]", chosen):
            if element_id not in self.starts:
                raise self._wrong(f"names '{element_id}', which is none of {', '.join(self.starts)}")
        return chosen

    def _wrong(self, what: str) -> ActivityFailed:
        message = f"The collection of what begins in '{self.node.id}' {what}."
        return ActivityFailed("expression", message, self.node.line)

    def _start_next(self, token: Token) -> None:
        token.workflow.enter(self.program.spec_of(token.memory["to_start"].pop(0)), token)
