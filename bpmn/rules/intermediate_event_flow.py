"""An intermediate event stands on a path: something leads in and out, links excepted (10.5.4)."""

from __future__ import annotations

from typing import Final

from bpmn.document import Element
from bpmn.rules.review import Review, name_of

RULE: Final = "intermediate-event-flow"


def check(review: Review) -> None:
    for event in review.document.all("intermediateCatchEvent", "intermediateThrowEvent"):
        is_link = any(definition.name == "linkEventDefinition" for definition in review.event_definitions(event))
        _check(
            review, event, "incoming", bool(review.incoming(event)), is_link and event.name == "intermediateCatchEvent"
        )
        _check(
            review, event, "outgoing", bool(review.outgoing(event)), is_link and event.name == "intermediateThrowEvent"
        )


def _check(review: Review, event: Element, side: str, has_flow: bool, is_open_end: bool) -> None:
    if is_open_end and has_flow:
        other = "throws" if side == "outgoing" else "catches"
        message = (
            f"Link event '{name_of(event)}' {other} and has an {side} sequence flow. Remove it: the link is the path."
        )
        review.error(RULE, event, message)
    elif not is_open_end and not has_flow and side == "incoming":
        message = f"Intermediate event '{name_of(event)}' has no incoming sequence flow. Join it to the path."
        review.error(RULE, event, message)
    elif not is_open_end and not has_flow:
        message = f"Intermediate event '{name_of(event)}' has no outgoing sequence flow. Join it, or use an end event."
        review.strict(RULE, event, message)
