"""Cancel ends a transaction and is caught at its border (10.5.2, 10.5.3)."""

from __future__ import annotations

from typing import Final

from bpmn.rules.review import Review, name_of, scope_of

RULE: Final = "cancel-event"


def check(review: Review) -> None:
    for event in review.document.all("endEvent", "boundaryEvent"):
        if not any(definition.name == "cancelEventDefinition" for definition in review.event_definitions(event)):
            continue
        host = scope_of(event) if event.name == "endEvent" else review.document.resolve(event.get("attachedToRef"))
        if host is None or host.name != "transaction":
            message = f"Cancel event '{name_of(event)}' belongs to no transaction. Make the subprocess a transaction."
            review.error(RULE, event, message)
