"""Receive task (10.3.3.4): waits for a message; without one, for `trigger` by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bpmn.model import EventKind, FlowNode
from engine.commands import CompleteActivity, TriggerEvent
from engine.interpreter.elements.activity import ActivitySpec
from engine.interpreter.elements.catching import Catch
from engine.interpreter.token import Token

if TYPE_CHECKING:
    from engine.interpreter.program import Program


class ReceiveTaskSpec(ActivitySpec):
    def __init__(self, program: Program, node: FlowNode, name: str | None = None) -> None:
        super().__init__(program, node, name)
        has_message = node.event is not None and node.event.kind is EventKind.MESSAGE
        self.catch = Catch(self.compiler, node.id, node.event, node.line) if has_message and node.event else None

    def learn(self, root: Token, payload: Mapping[str, Any], part: int) -> None:
        if self.catch:
            self.catch.correlation.learn(root, payload)

    def begin(self, root: Token, has_come: bool) -> None:
        if has_come and not self.starts_through:
            root.workflow.enter(self, root).memory["result"] = {}
        else:
            super().begin(root, has_come)

    def execute(self, token: Token) -> bool:
        if "result" in token.memory:
            return True
        token.memory["receives"] = True
        if self.catch:
            self.catch.open(token)
        return False

    def waits_for_result(self, token: Token) -> bool:
        return "receives" in token.memory

    def accept(self, token: Token, command: CompleteActivity) -> None:
        super().accept(token, command)
        if self.catch:
            self.catch.has_come(token)

    def trigger(self, token: Token, command: TriggerEvent) -> None:
        if token.is_catcher:
            assert self.catch
            self.catch.has_come(token)
            token.container.spec.chosen(token.container, self, self.catch.receive(token, command.variables))
            return
        payload = self.catch.receive(token, command.variables) if self.catch else command.variables
        self.accept(token, CompleteActivity(at=command.at, activity_id=token.id, variables=payload))

    def catch_of(self, catcher: Token) -> Catch:
        assert self.catch
        return self.catch

    def wait_for_gateway(self, gateway: Token) -> None:
        assert self.catch
        self.catch.open(gateway.workflow.catcher(self, gateway))

    def stop_waiting(self, token: Token) -> None:
        if self.catch:
            self.catch.close(token)
