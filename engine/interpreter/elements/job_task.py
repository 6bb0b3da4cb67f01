"""Work for an executor outside: service task, and send or business rule task bound to a handler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpmn.model import FlowNode, JobBinding
from engine.events import JobStopped
from engine.interpreter.elements.activity import ActivitySpec
from engine.interpreter.elements.job_offer import JobOffer
from engine.interpreter.token import Token

if TYPE_CHECKING:
    from engine.interpreter.program import Program


class JobTaskSpec(ActivitySpec):
    def __init__(self, program: Program, node: FlowNode, name: str | None = None) -> None:
        super().__init__(program, node, name)
        assert isinstance(node.binding, JobBinding)
        self.offer = JobOffer(self.compiler, node, node.binding)

    def execute(self, token: Token) -> bool:
        job = self.offer(token)
        token.memory["job"] = True
        token.workflow.emit(job)
        return False

    def waits_for_result(self, token: Token) -> bool:
        return "job" in token.memory

    def write_result(self, token: Token) -> None:
        name = self.offer.job.result_variable
        if name and "result" in token.memory:
            token.memory["result"] = {name: token.memory["result"]}
        super().write_result(token)

    def stop_waiting(self, token: Token) -> None:
        if "job" in token.memory:
            token.workflow.emit(JobStopped(token.id))
