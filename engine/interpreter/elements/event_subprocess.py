"""Event subprocess (10.3.5.2, 13.5.4): runs inside its scope when its start event is triggered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.interpreter.elements.catching import CatchingSpec
from engine.interpreter.elements.flow_node import FlowNodeSpec
from engine.interpreter.token import Token


class EventSubprocessStartSpec(CatchingSpec):
    """Its start event. The host is the scope around the event subprocess: a subprocess or the process."""

    subprocess: FlowNodeSpec

    def came(self, host: Token, catcher: Token, payload: dict[str, Any]) -> None:
        if self.node.is_interrupting:
            self.catch_of(catcher).has_come(catcher)
        elif self.needs_all:
            self.arm(host)
        else:
            self.wait_again(catcher)
        self.fire(host, payload)

    def fire(self, host: Token, payload: Mapping[str, Any]) -> None:
        """Enters the event subprocess inside *host*; an interrupting one ends all else there."""
        workflow = host.workflow
        entered = workflow.enter(self.subprocess, host)
        entered.memory["start"] = [self.name, dict(payload)]
        if self.node.is_interrupting:
            for start in host.spec.event_starts:
                start.disarm(host)
            workflow.clear(host, cause=self.node.id, spare=entered)
