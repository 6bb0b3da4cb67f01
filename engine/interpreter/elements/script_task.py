"""Script task: runs in the sandbox, writes what it assigns (10.3.3.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpmn.model import FlowNode, ScriptBinding
from engine.interpreter.elements.activity import ActivitySpec
from engine.interpreter.token import Token

if TYPE_CHECKING:
    from engine.interpreter.program import Program


class ScriptTaskSpec(ActivitySpec):
    def __init__(self, program: Program, node: FlowNode, name: str | None = None) -> None:
        super().__init__(program, node, name)
        assert isinstance(node.binding, ScriptBinding)
        self.result_variable = node.binding.result_variable
        self.script = self.compiler.script(node.binding.script)

    def execute(self, token: Token) -> bool:
        value = self.script(token)
        if self.result_variable:
            self.write_variables(token, {self.result_variable: value})
        return True
