"""Intermediate catch event (10.5.4.1), also behind an event-based gateway; and the target of a link."""

from __future__ import annotations

from typing import Any

from SpiffWorkflow.util.task import TaskState

from bpmn.model import EventKind
from engine.commands import TriggerEvent
from engine.interpreter.compiling import assign_local
from engine.interpreter.elements.catching import CatchingSpec
from engine.interpreter.token import Phase, Token


class CatchEventSpec(CatchingSpec):
    """Waits itself for a single event; for a multiple one, catchers inside it do."""

    def execute(self, token: Token) -> bool:
        if "payload" in token.memory or self.event.kind in (EventKind.NONE, EventKind.LINK):
            return True
        if self.event.parts:
            self.arm(token)
        else:
            self.catches[0].open(token)
        return False

    def wait_for_gateway(self, gateway: Token) -> None:
        """Catchers wait on behalf of an event-based gateway."""
        assign_local(gateway, self.input_mappings)
        self.arm(gateway)

    def trigger(self, token: Token, command: TriggerEvent) -> None:
        if token.is_catcher:
            super().trigger(token, command)
        else:
            self.catches[0].has_come(token)
            if self.catches[0].has_more_turns(token):
                self._wait_for_next_turn(token)
            self._go_on(token, self.catches[0].receive(token, command.variables))

    def came(self, host: Token, catcher: Token, payload: dict[str, Any]) -> None:
        self.catch_of(catcher).has_come(catcher)
        if host.spec is self:
            self._go_on(host, payload)
        else:
            host.spec.chosen(host, self, payload)

    def stop_waiting(self, token: Token) -> None:
        if token.is_catcher or not self.event.parts:
            self.catch_of(token).close(token)

    def _wait_for_next_turn(self, token: Token) -> None:
        """A cycle sends a token on at each of its turns."""
        again = token.workflow.place(self, token.container)
        token.workflow.record_entry(again)
        again.phase = Phase.PREPARED
        again._set_state(TaskState.STARTED)
        self.catches[0].reopen_timer(again, token, again)

    def _go_on(self, token: Token, payload: dict[str, Any]) -> None:
        token.memory["payload"] = payload
        self.resume(token)
