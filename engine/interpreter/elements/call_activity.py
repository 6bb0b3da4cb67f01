"""Call activity (10.3.6): a process instance of its own, started and awaited by the engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bpmn.model import CallBinding, FlowNode
from engine.events import CalledProcessStopped, ProcessCalled
from engine.interpreter.compiling import text_of
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
        self.call_inputs = self.compiler.assignments(self.call.inputs)
        self.call_outputs = self.compiler.assignments(self.call.outputs)

    def execute(self, token: Token) -> bool:
        key = text_of(self.process(token))
        if not key:
            raise ActivityFailed("expression", f"'{self.node.id}' names no process to call.", self.node.line)
        variables = dict(token.variables) if self.call.passes_all_in else dict(token.data)
        variables.update((target, evaluate(token)) for target, evaluate in self.call_inputs)
        called = ProcessCalled(
            token.id,
            self.node.id,
            key,
            self.call.version_binding,
            text_of(self.version(token)) if self.version else None,
            variables,
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
        mapped = self._mapped_out(token, returned)
        if self.output_mappings and self.node.outputs_isolate:
            for name, value in returned.items():
                token.workflow.set_local(token, name, value, token.id)
        elif self.call.passes_all_out:
            token.workflow.set_variables(token, returned)
        token.workflow.set_variables(token, mapped)
        token.memory["result"] = {}
        super().write_result(token)

    def _mapped_out(self, token: Token, returned: Mapping[str, Any]) -> dict[str, Any]:
        """What the out mappings make, which see nothing but the variables of the called process."""
        own, around = token.data, token._parent
        token.data, token._parent = dict(returned), None
        try:
            return {target: evaluate(token) for target, evaluate in self.call_outputs}
        finally:
            token.data, token._parent = own, around

    def stop_waiting(self, token: Token) -> None:
        if "called" in token.memory:
            token.workflow.emit(CalledProcessStopped(token.id))
