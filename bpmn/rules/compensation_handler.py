"""Compensation has a handler: an activity marked so, joined by an association (10.7)."""

from __future__ import annotations

from typing import Final

from bpmn.document import local
from bpmn.rules.review import Review, name_of

RULE: Final = "compensation-handler"


def check(review: Review) -> None:
    for event in review.document.all("boundaryEvent"):
        if not any(definition.name == "compensateEventDefinition" for definition in review.event_definitions(event)):
            continue
        targets = [
            review.document.resolve(association.get("targetRef"))
            for association in review.document.all("association")
            if event.id and local(association.get("sourceRef")) == event.id
        ]
        if not any(target is not None and target.flag("isForCompensation") for target in targets):
            message = (
                f"Compensation boundary event '{name_of(event)}' is not associated with a compensation activity. "
                "Draw an association to an activity marked for compensation."
            )
            review.error(RULE, event, message)
