"""Boundary event (10.5.4.2, 13.5.3): catches for an activity, and interrupts it or runs beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.interpreter.elements.catching import CatchingSpec
from engine.interpreter.token import Token


class BoundaryEventSpec(CatchingSpec):
    """The host is the activity that it is attached to."""

    def came(self, host: Token, catcher: Token, payload: dict[str, Any]) -> None:
        if self.interrupts(host):
            self.catch_of(catcher).has_come(catcher)
        elif self.needs_all:
            self.arm(host)
        else:
            self.wait_again(catcher)
        self.fire(host, payload)

    def fire(self, host: Token, payload: Mapping[str, Any]) -> None:
        """Enters this event beside *host*, which ends if the event interrupts."""
        workflow = host.workflow
        fired = workflow.enter(self, host.container)
        fired.memory["payload"] = dict(payload)
        if self.interrupts(host):
            workflow.withdraw(host, self.node.id)

    def interrupts(self, host: Token) -> bool:
        """Not when it catches what the host itself throws so that nobody waits for its instances (13.3.7)."""
        return self.node.is_interrupting and host is not host.workflow.going_on
