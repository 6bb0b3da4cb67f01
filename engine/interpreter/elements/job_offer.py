"""A job as a handler is offered it, made from what the diagram binds."""

from __future__ import annotations

from bpmn.model import FlowNode, JobBinding
from engine.events import JobCreated
from engine.interpreter.compiling import Compiler, priority_of, text_of
from engine.interpreter.errors import ActivityFailed
from engine.interpreter.token import Token


class JobOffer:
    """*node*: the element whose job it is."""

    def __init__(self, compiler: Compiler, node: FlowNode, job: JobBinding) -> None:
        self.job = job
        self._node = node
        self._type = compiler.optional(job.type_expression)
        self._retries = compiler.optional(job.retries)
        self._retry_cycle = compiler.optional(job.retry_cycle)
        self._backoff = compiler.optional(job.answer.backoff) if job.answer else None
        self._priority = compiler.optional(job.priority)
        self._parameters = compiler.assignments(job.parameters)

    def __call__(self, token: Token) -> JobCreated:
        """The job of *token*, its expressions evaluated there."""
        names = (text_of(self._type(token)) or "",) if self._type else self.job.names
        return JobCreated(
            token.id,
            self._node.id,
            names,
            self.job.written_as,
            retries=self._number(self._retries(token), "retries") if self._retries else None,
            retry_cycle=self._cycle(token),
            headers=self.job.headers,
            parameters={name: evaluate(token) for name, evaluate in self._parameters},
            priority=priority_of(self._priority, token, self._node.line),
            line=self._node.line,
            scopes=token.scope_ids(),
            is_exclusive=self._node.is_exclusive,
        )

    def _cycle(self, token: Token) -> str | None:
        if self._backoff:
            return f"R/{text_of(self._backoff(token))}"  # how often is said elsewhere
        return text_of(self._retry_cycle(token)) if self._retry_cycle else None

    def _number(self, value: object, what: str) -> int:
        text = text_of(value)
        try:
            return int(text or "")
        except ValueError:
            raise ActivityFailed("expression", f"'{text}' is no whole number for {what}.", self._node.line) from None
