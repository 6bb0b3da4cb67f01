"""Boundary event (10.5.4.2, 13.5.3): catches for an activity, and interrupts it or runs beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.interpreter.elements.catching import CatchingSpec
from engine.interpreter.token import Token


class BoundaryEventSpec(CatchingSpec):
    """The host is the activity that it is attached to."""

    def came(self, host: Token, catcher: Token, payload: dict[str, Any]) -> None:
        if self.node.is_interrupting:
            self.catch_of(catcher).has_come(catcher)
        elif self.needs_all:
            self.disarm(host)
            self.arm(host)
        else:
            self.wait_again(catcher)
        self.fire(host, payload)

    def fire(self, host: Token, payload: Mapping[str, Any]) -> None:
        """Enters this event beside *host*, which ends if the event interrupts."""
        workflow = host.workflow
        fired = workflow.enter(self, host.container)
        fired.memory["payload"] = dict(payload)
        if self.node.is_interrupting:
            workflow.withdraw(host, self.node.id)
