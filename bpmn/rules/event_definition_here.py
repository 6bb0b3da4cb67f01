"""Which triggers and results an event may have depends on where it stands (10.5)."""

from __future__ import annotations

from typing import Final

from bpmn.document import Element
from bpmn.rules.review import EVENTS, Review, name_of, scope_of

RULE: Final = "event-definition-here"


_START: Final = (
    "messageEventDefinition",
    "timerEventDefinition",
    "signalEventDefinition",
    "conditionalEventDefinition",
)
_ANY_RESULT: Final = (
    "messageEventDefinition",
    "signalEventDefinition",
    "escalationEventDefinition",
    "compensateEventDefinition",
)
_INTERRUPTING_ONLY: Final = ("errorEventDefinition", "compensateEventDefinition", "cancelEventDefinition")
_CAUGHT: Final = (*_START, "errorEventDefinition", "escalationEventDefinition", "compensateEventDefinition")
_ALLOWED: Final = {
    "startEvent": _START,
    "intermediateCatchEvent": (*_START, "linkEventDefinition"),
    "intermediateThrowEvent": (*_ANY_RESULT, "linkEventDefinition"),
    "boundaryEvent": (*_CAUGHT, "cancelEventDefinition"),
    "endEvent": (*_ANY_RESULT, "errorEventDefinition", "terminateEventDefinition", "cancelEventDefinition"),
}
_NEEDED: Final = ("intermediateCatchEvent", "boundaryEvent")


def check(review: Review) -> None:
    for event in review.document.all(*EVENTS):
        definitions = review.event_definitions(event)
        scope = scope_of(event)
        in_event_subprocess = scope is not None and scope.flag("triggeredByEvent")
        allowed = _CAUGHT if event.name == "startEvent" and in_event_subprocess else _ALLOWED[event.name]
        for definition in definitions:
            if definition.name not in allowed:
                review.error(RULE, event, _not_here(event, definition, allowed))
            elif _never_ends_nothing(event, definition):
                message = (
                    f"'{name_of(event)}' has a {definition.name} and does not interrupt. What it catches has ended its "
                    "activity: make it interrupting."
                )
                review.error(RULE, event, message)
        _check_empty(review, event, bool(definitions), in_event_subprocess)


def _not_here(event: Element, definition: Element, allowed: tuple[str, ...]) -> str:
    return (
        f"A {event.name} cannot have a {definition.name} ('{name_of(event)}'). "
        f"Allowed: {', '.join(name.removesuffix('EventDefinition') for name in allowed)}."
    )


def _never_ends_nothing(event: Element, definition: Element) -> bool:
    attribute = {"boundaryEvent": "cancelActivity", "startEvent": "isInterrupting"}.get(event.name)
    return attribute is not None and not event.flag(attribute, True) and definition.name in _INTERRUPTING_ONLY


def _check_empty(review: Review, event: Element, has_definition: bool, in_event_subprocess: bool) -> None:
    if has_definition:
        if event.name == "startEvent" and not in_event_subprocess:
            scope = scope_of(event)
            if scope is not None and scope.name != "process":
                message = (
                    f"Start event '{name_of(event)}' of subprocess '{name_of(scope)}' has a trigger, "
                    "but the subprocess "
                    "starts when its turn comes. Use a plain start event, and the trigger before it."
                )
                review.error(RULE, event, message)
    elif event.name in _NEEDED:
        message = f"{event.name} '{name_of(event)}' has nothing to wait for. Give it a trigger in the editor."
        review.error(RULE, event, message)
    elif event.name == "startEvent" and in_event_subprocess:
        message = f"Start event '{name_of(event)}' of an event subprocess has no trigger. Give it one in the editor."
        review.error(RULE, event, message)
