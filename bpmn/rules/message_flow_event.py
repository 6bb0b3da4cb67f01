"""An event at a message flow is a message event (9.4)."""

from __future__ import annotations

from typing import Final

from bpmn.rules.review import EVENTS, Review, name_of

RULE: Final = "message-flow-event"


def check(review: Review) -> None:
    for flow in review.document.all("messageFlow"):
        for attribute, verb in (("sourceRef", "leaves"), ("targetRef", "leads to")):
            event = review.document.resolve(flow.get(attribute))
            if event is None or event.name not in EVENTS:
                continue
            names = {definition.name for definition in review.event_definitions(event)}
            if (names and "messageEventDefinition" not in names) or (
                not names and event.name in ("startEvent", "endEvent")
            ):
                message = (
                    f"Message flow '{name_of(flow)}' {verb} '{name_of(event)}', which is no message event. Make it one."
                )
                review.strict(RULE, event, message)
