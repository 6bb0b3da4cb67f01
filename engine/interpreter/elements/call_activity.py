"""Call activity (10.3.6): a process instance of its own, started and awaited by the engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bpmn.model import Assignment, CallBinding, FlowNode
from engine.events import CalledProcessStopped, ProcessCalled
from engine.interpreter.compiling import Evaluate, text_of
from engine.interpreter.elements.activity import ActivitySpec
from engine.interpreter.errors import ActivityFailed
from engine.interpreter.token import Token

if TYPE_CHECKING:
    from engine.interpreter.program import Program


class CallActivitySpec(ActivitySpec):
    def __init__(self, program: Program, node: FlowNode, name: str | None = None) -> None:
        super().__init__(program, node, name)
        assert isinstance(node.binding, CallBinding)
        self.call = node.binding
        self.process = self.compiler.expression(self.call.process)
        self.version = self.compiler.optional(self.call.version)
        self.business_key = self.compiler.optional(self.call.business_key)
        self.call_inputs = self._mappings(self.call.inputs)
        self.call_outputs = self._mappings(self.call.outputs)

    def execute(self, token: Token) -> bool:
        key = text_of(self.process(token))
        if not key:
            raise ActivityFailed("expression", f"'{self.node.id}' names no process to call.", self.node.line)
        called = ProcessCalled(
            token.id,
            self.node.id,
            key,
            self.call.version_binding,
            text_of(self.version(token)) if self.version else None,
            self._handed_over(token),
            text_of(self.business_key(token)) if self.business_key else None,
        )
        token.memory["called"] = key
        token.workflow.emit(called)
        return False

    def waits_for_result(self, token: Token) -> bool:
        return "called" in token.memory

    def write_result(self, token: Token) -> None:
        """Where outputs isolate, what the called process returns stays in the activity for them to carry on."""
        returned = token.memory.get("result")
        assert isinstance(returned, Mapping)
        mapped = [(name, _among(token, returned, value), is_local) for name, value, is_local in self.call_outputs]
        if self.call.keeps_all_out or (self.output_mappings and self.node.outputs_isolate):
            for name, value in returned.items():
                token.workflow.set_local(token, name, value, token.id)
        elif self.call.passes_all_out:
            token.workflow.set_variables(token, returned)
        for name, value, is_local in mapped:
            if is_local:
                token.workflow.set_local(token, name, value, token.id)
            else:
                token.workflow.set_variable(token, name, value)
        token.memory["result"] = {}
        super().write_result(token)

    def _mappings(self, mappings: tuple[Assignment, ...]) -> tuple[tuple[str, Evaluate, bool], ...]:
        return tuple((each.target, self.compiler.source(each.source), each.is_local) for each in mappings)

    def _handed_over(self, token: Token) -> dict[str, Any]:
        """The variables that the called process begins with."""
        variables: dict[str, Any] = {}
        if self.call.passes_all_in:
            variables = dict(token.variables)
        elif self.call.passes_local_in:
            variables = dict(token.data)
        for target, evaluate, is_local in self.call_inputs:
            variables[target] = _among(token, token.data, evaluate) if is_local else evaluate(token)
        return variables

    def stop_waiting(self, token: Token) -> None:
        if "called" in token.memory:
            token.workflow.emit(CalledProcessStopped(token.id))


def _among(token: Token, variables: Mapping[str, Any], evaluate: Evaluate) -> Any:
    """The value of a mapping that sees nothing but *variables*."""
    own, around = token.data, token._parent
    token.data, token._parent = dict(variables), None
    try:
        return evaluate(token)
    finally:
        token.data, token._parent = own, around
