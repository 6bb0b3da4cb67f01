"""Compensation has a handler: an activity marked so, joined by an association (10.7)."""

from __future__ import annotations

from typing import Final

from bpmn.rules.review import Review, name_of

RULE: Final = "compensation-handler"


def check(review: Review) -> None:
    for event in review.document.all("boundaryEvent"):
        if not any(definition.name == "compensateEventDefinition" for definition in review.event_definitions(event)):
            continue
        associations = review.document.referring("association", "sourceRef", event.id)
        targets = [review.document.resolve(association.get("targetRef")) for association in associations]
        if not any(target is not None and target.flag("isForCompensation") for target in targets):
            message = (
                f"Compensation boundary event '{name_of(event)}' is not associated with a compensation activity. "
                "Draw an association to an activity marked for compensation."
            )
            review.error(RULE, event, message)
