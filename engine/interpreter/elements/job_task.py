"""Work for an executor outside: service task, and send or business rule task bound to a handler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpmn.model import FlowNode, JobBinding
from engine.events import JobCreated, JobStopped
from engine.interpreter.compiling import text_of
from engine.interpreter.elements.activity import ActivitySpec
from engine.interpreter.errors import ActivityFailed
from engine.interpreter.token import Token

if TYPE_CHECKING:
    from engine.interpreter.program import Program


class JobTaskSpec(ActivitySpec):
    def __init__(self, program: Program, node: FlowNode, name: str | None = None) -> None:
        super().__init__(program, node, name)
        assert isinstance(node.binding, JobBinding)
        self.job = node.binding
        self.type_expression = self.compiler.optional(self.job.type_expression)
        self.retries = self.compiler.optional(self.job.retries)
        self.retry_cycle = self.compiler.optional(self.job.retry_cycle)
        self.priority = self.compiler.optional(self.job.priority)
        self.parameters = self.compiler.assignments(self.job.parameters)

    def execute(self, token: Token) -> bool:
        names = self.job.names
        if self.type_expression:
            names = (text_of(self.type_expression(token)) or "",)
        job = JobCreated(
            token.id,
            self.node.id,
            names,
            self.job.written_as,
            retries=self._number(self.retries(token), "retries") if self.retries else None,
            retry_cycle=text_of(self.retry_cycle(token)) if self.retry_cycle else None,
            headers=self.job.headers,
            parameters={name: evaluate(token) for name, evaluate in self.parameters},
            priority=self._number(self.priority(token), "priority") if self.priority else 0,
            line=self.node.line,
            scopes=token.scope_ids(),
        )
        token.memory["job"] = True
        token.workflow.emit(job)
        return False

    def waits_for_result(self, token: Token) -> bool:
        return "job" in token.memory

    def write_result(self, token: Token) -> None:
        name = self.job.result_variable
        if name and "result" in token.memory:
            token.memory["result"] = {name: token.memory["result"]}
        super().write_result(token)

    def stop_waiting(self, token: Token) -> None:
        if "job" in token.memory:
            token.workflow.emit(JobStopped(token.id))

    def _number(self, value: object, what: str) -> int:
        text = text_of(value)
        try:
            return int(text or "")
        except ValueError:
            raise ActivityFailed("expression", f"'{text}' is no whole number for {what}.", self.node.line) from None
