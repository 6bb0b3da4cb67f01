"""How errors and escalations find who catches them: outward from the thrower, nearest first (10.5.7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bpmn.model import EventDefinition, EventKind
from engine.events import EscalationLeft
from engine.interpreter.elements.activity import ActivitySpec
from engine.interpreter.elements.boundary_event import BoundaryEventSpec
from engine.interpreter.elements.event_subprocess import EventSubprocessStartSpec
from engine.interpreter.payload import received
from engine.interpreter.token import Token

Catcher = BoundaryEventSpec | EventSubprocessStartSpec


def throw_error(source: Token, code: str, message: str, variables: Mapping[str, Any]) -> None:
    """Goes to the nearest scope around *source*, or activity at it, that catches *code*.

    Uncaught, it ends the whole instance as failed, for its caller to catch.
    """
    if found := _find(source, EventKind.ERROR, code):
        host, catcher, event = found
        catcher.fire(host, _payload(catcher, event, code, message, variables))
    else:
        source.workflow.shut("failed", source.spec.node.id, error_code=code, error_message=message)


def throw_escalation(source: Token, code: str, variables: Mapping[str, Any]) -> None:
    """Tells the nearest catcher around *source*, which may end *source* by that.

    Uncaught here, it is for the caller of this process; uncaught everywhere, it changes nothing (10.5.7).
    """
    if found := _find(source, EventKind.ESCALATION, code):
        host, catcher, event = found
        catcher.fire(host, _payload(catcher, event, code, "", variables))
    else:
        source.workflow.emit(EscalationLeft(source.id, code, dict(variables)))


def _find(source: Token, kind: EventKind, code: str) -> tuple[Token, Catcher, EventDefinition] | None:
    """At each scope, one that names the code before one that catches all."""
    for host, catchers in _scopes(source):
        catch_all = None
        for catcher in catchers:
            caught = catcher.caught_definition(host, kind, code)
            if caught is None:
                continue
            event, is_exact = caught
            if is_exact:
                return host, catcher, event
            catch_all = catch_all or (host, catcher, event)
        if catch_all:
            return catch_all
    return None


def _scopes(source: Token) -> Iterator[tuple[Token, list[Catcher]]]:
    """The hosts around *source*, innermost first: in each, its event subprocesses (but not the one the
    throw comes from), then the boundary events of the activity itself."""
    inner: Token | None = None
    for host in source.scopes():
        if inner is not None:
            yield host, [start for start in host.spec.event_starts if start.subprocess is not inner.spec]
        if isinstance(host.spec, ActivitySpec) and not host.is_catcher:
            yield host, list(host.spec.boundary_events)
        inner = host


def _payload(
    catcher: Catcher, event: EventDefinition, code: str, message: str, variables: Mapping[str, Any]
) -> dict[str, Any]:
    payload = received(variables, event.variable)
    if catcher.data:
        payload |= catcher.data.received(variables)
    if event.code_variable:
        payload[event.code_variable] = code
    if event.message_variable:
        payload[event.message_variable] = message
    return payload
