"""A boundary event is attached to an activity and only left from (10.5.4)."""

from __future__ import annotations

from typing import Final

from bpmn.document import Element
from bpmn.rules.review import ACTIVITIES, Review, name_of, scope_of

RULE: Final = "boundary-event"


def check(review: Review) -> None:
    for event in review.document.all("boundaryEvent"):
        _check_host(review, event)
        for flow in review.incoming(event):
            message = (
                f"A sequence flow leads into boundary event '{name_of(event)}'. Remove it: the event is its start."
            )
            review.error(RULE, flow, message)
        is_compensation = any(d.name == "compensateEventDefinition" for d in review.event_definitions(event))
        if is_compensation and review.outgoing(event):
            message = (
                f"Compensation boundary event '{name_of(event)}' has a sequence flow. "
                "Join its handler by an association."
            )
            review.error(RULE, event, message)
        elif not is_compensation and not review.outgoing(event):
            message = f"Nothing follows boundary event '{name_of(event)}'. Draw what happens then."
            review.strict(RULE, event, message)


def _check_host(review: Review, event: Element) -> None:
    reference = event.get("attachedToRef")
    host = review.document.resolve(reference)
    if not reference:
        review.error(RULE, event, f"Boundary event '{name_of(event)}' has no attachedToRef. Attach it to an activity.")
    elif host is None or host.name not in ACTIVITIES:
        message = (
            f"Boundary event '{name_of(event)}' is attached to '{reference}', which is no activity. Attach it again."
        )
        review.error(RULE, event, message)
    elif scope_of(host) is not scope_of(event):
        message = f"Boundary event '{name_of(event)}' is attached to an activity of another scope. Attach it again."
        review.error(RULE, event, message)
