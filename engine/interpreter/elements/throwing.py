"""How errors and escalations find who catches them: outward from the thrower, nearest first (10.5.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bpmn.model import EventDefinition, EventKind
from engine.events import EscalationLeft
from engine.interpreter.elements.activity import ActivitySpec
from engine.interpreter.elements.boundary_event import BoundaryEventSpec
from engine.interpreter.token import Token


def throw_error(source: Token, code: str, message: str, variables: Mapping[str, Any]) -> bool:
    """Interrupts the nearest activity around (or at) *source* that catches *code*.

    Uncaught, it ends the whole instance as failed, for its caller to catch; False then.
    """
    for host in source.scopes():
        boundary = _catcher_at(host, EventKind.ERROR, code)
        if boundary is not None:
            boundary.fire(host, _error_payload(boundary.event, code, message, variables))
            return True
    source.workflow.shut("failed", source.spec.node.id, error_code=code, error_message=message)
    return False


def throw_escalation(source: Token, code: str, variables: Mapping[str, Any]) -> None:
    """Tells the nearest catcher around *source*, which may end *source* by that.

    Uncaught here, it is for the caller of this process; uncaught everywhere, it changes nothing (10.5.7).
    """
    for host in source.scopes():
        boundary = _catcher_at(host, EventKind.ESCALATION, code)
        if boundary is not None:
            boundary.fire(host, _error_payload(boundary.event, code, "", variables))
            return
    source.workflow.emit(EscalationLeft(source.id, code, dict(variables)))


def _catcher_at(host: Token, kind: EventKind, code: str) -> BoundaryEventSpec | None:
    if host.is_catcher or not isinstance(host.spec, ActivitySpec):
        return None
    candidates = [each for each in host.spec.boundary_events if each.event.kind is kind]
    exact = (each for each in candidates if each.catches(host, code))
    catch_all = (each for each in candidates if each.code is None)
    return next(exact, next(catch_all, None))


def _error_payload(event: EventDefinition, code: str, message: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    payload = dict(variables)
    if event.code_variable:
        payload[event.code_variable] = code
    if event.message_variable:
        payload[event.message_variable] = message
    return payload
