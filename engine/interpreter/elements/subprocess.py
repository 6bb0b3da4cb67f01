"""Embedded subprocess (10.3.5.1): a container of its own; done when the last token inside has gone."""

from __future__ import annotations

from bpmn.model import NodeKind
from engine.interpreter.elements.activity import ActivitySpec
from engine.interpreter.errors import ActivityFailed
from engine.interpreter.token import Phase, Token


class SubprocessSpec(ActivitySpec):
    def execute(self, token: Token) -> bool:
        assert self.node.body is not None
        starts = [n for n in self.node.body.nodes.values() if n.kind is NodeKind.START_EVENT]
        starts = starts or [n for n in self.node.body.nodes.values() if not n.incoming and not n.attached_to]
        if not starts:
            raise ActivityFailed("flow", f"Subprocess '{self.node.id}' has nothing to start with.", self.node.line)
        for start in starts:
            token.workflow.enter(self.program.spec_of(start.id), token)
        return False

    def drained(self, token: Token) -> None:
        if token.phase < Phase.EXECUTED:
            self.resume(token)
