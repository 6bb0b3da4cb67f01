"""Event definitions, in place or referred to, with the messages, signals, errors and escalations behind them."""

from __future__ import annotations

from typing import Final

from bpmn.dialects.base import Adapter
from bpmn.document import Element, local
from bpmn.links import link_name
from bpmn.model import EventDefinition, EventKind, Expression, Language, Timer, TimerKind
from bpmn.reader.correlation import correlation_keys

KINDS: Final = {
    "messageEventDefinition": EventKind.MESSAGE,
    "timerEventDefinition": EventKind.TIMER,
    "signalEventDefinition": EventKind.SIGNAL,
    "errorEventDefinition": EventKind.ERROR,
    "escalationEventDefinition": EventKind.ESCALATION,
    "conditionalEventDefinition": EventKind.CONDITIONAL,
    "compensateEventDefinition": EventKind.COMPENSATION,
    "linkEventDefinition": EventKind.LINK,
    "terminateEventDefinition": EventKind.TERMINATE,
    "cancelEventDefinition": EventKind.CANCEL,
}
_TIMERS: Final = {"timeDate": TimerKind.DATE, "timeDuration": TimerKind.DURATION, "timeCycle": TimerKind.CYCLE}
_REFERENCES: Final = {
    EventKind.MESSAGE: "messageRef",
    EventKind.SIGNAL: "signalRef",
    EventKind.ERROR: "errorRef",
    EventKind.ESCALATION: "escalationRef",
}


def read_event(element: Element, adapter: Adapter) -> EventDefinition:
    """The one definition, a multiple one with parts, or NONE."""
    found = [read_definition(part, adapter) for part in event_definitions(element, adapter)]
    if not found:
        return EventDefinition(EventKind.NONE, line=element.line)
    if len(found) == 1:
        return found[0]
    kind = EventKind.PARALLEL_MULTIPLE if element.flag("parallelMultiple") else EventKind.MULTIPLE
    return EventDefinition(kind, parts=tuple(found), line=element.line)


def event_definitions(element: Element, adapter: Adapter) -> list[Element]:
    """In place, and those at the root that eventDefinitionRef names (10.5.1)."""
    found: list[Element] = []
    for child in element.children:
        if child.name == "eventDefinitionRef":
            target = adapter.document.resolve(child.text)
            if target is not None and target.name in KINDS:
                found.append(target)
        elif child.name in KINDS:
            found.append(child)
    return found


def read_task_message(element: Element, adapter: Adapter) -> EventDefinition | None:
    """The message that a send or receive task names, itself or by its operation; None when neither does."""
    reference = local(element.get("messageRef"))
    if not reference and element.get("operationRef"):
        operation = adapter.document.resolve(element.get("operationRef"))
        if operation is not None:
            # The operation's 'in' is what its caller sends and what its provider receives (8.5).
            reference = local(operation.child_text("inMessageRef"))
    if not reference:
        return None
    return _message(element, reference, adapter)


def read_definition(element: Element, adapter: Adapter) -> EventDefinition:
    """One event definition element, with what it refers to."""
    kind = KINDS[element.name]
    reference = local(element.get(_REFERENCES.get(kind, ""))) or None
    target = adapter.document.resolve(reference) if reference else None
    match kind:
        case EventKind.MESSAGE:
            return _message(element, reference, adapter)
        case EventKind.SIGNAL:
            definition = EventDefinition(kind, reference, name=_name(target, reference, adapter), line=element.line)
        case EventKind.ERROR | EventKind.ESCALATION:
            code = target.get("errorCode" if kind is EventKind.ERROR else "escalationCode") if target else ""
            value = adapter.value_or_text(code, element.line) if code else None
            definition = EventDefinition(kind, reference, code=value, line=element.line)
        case EventKind.TIMER:
            definition = EventDefinition(kind, timer=_timer(element, adapter), line=element.line)
        case EventKind.CONDITIONAL:
            condition = adapter.condition(element.child("condition"))
            definition = EventDefinition(kind, condition=condition, line=element.line)
        case EventKind.LINK:
            name = Expression(Language.LITERAL, link_name(adapter.document, element), element.line)
            definition = EventDefinition(kind, name=name, line=element.line)
        case EventKind.COMPENSATION:
            activity = local(element.get("activityRef")) or None
            waits = element.flag("waitForCompletion", True)
            definition = EventDefinition(kind, activity=activity, waits_for_completion=waits, line=element.line)
        case _:
            definition = EventDefinition(kind, line=element.line)
    return adapter.refine_event(element, definition)


def _message(element: Element, reference: str | None, adapter: Adapter) -> EventDefinition:
    target = adapter.document.resolve(reference) if reference else None
    definition = EventDefinition(
        EventKind.MESSAGE,
        reference,
        name=_name(target, reference, adapter),
        keys=correlation_keys(element, reference, adapter),
        line=element.line,
    )
    return adapter.refine_event(element, definition)


def _name(target: Element | None, reference: str | None, adapter: Adapter) -> Expression | None:
    """A message or signal goes by its name; one without a name by its id."""
    if target is None:
        return None
    return adapter.value_or_text(target.get("name") or reference or "", target.line)


def _timer(element: Element, adapter: Adapter) -> Timer | None:
    for name, kind in _TIMERS.items():
        child = element.child(name)
        value = adapter.timer_value(child) if child is not None else None
        if value is not None:
            return Timer(kind, value, adapter.sunday)
    return None
