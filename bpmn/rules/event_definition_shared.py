"""eventDefinitionRef names a definition at the top of the file, not one inside an event (10.5.1)."""

from __future__ import annotations

from typing import Final

from bpmn.rules.review import Review

RULE: Final = "event-definition-shared"


def check(review: Review) -> None:
    for reference in review.document.all("eventDefinitionRef"):
        target = review.document.resolve(reference.text)
        if target is None or not target.name.endswith("EventDefinition"):
            message = f"eventDefinitionRef '{reference.text.strip()}' is no event definition of this file. Define it."
            review.error(RULE, reference, message)
        elif target.parent is not review.document.root:
            message = (
                f"eventDefinitionRef '{reference.text.strip()}' names the definition inside another event. "
                "Move it to the top of the file or give this event its own."
            )
            review.error(RULE, reference, message)
