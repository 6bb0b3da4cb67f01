"""A conditional event has a condition (10.5.5)."""

from __future__ import annotations

from typing import Final

from bpmn.rules.review import Review, name_of

RULE: Final = "conditional-event"


def check(review: Review) -> None:
    for element in review.document.all("conditionalEventDefinition"):
        condition = element.child("condition")
        if condition is None:
            holder = name_of(element.parent or element)
            review.error(RULE, element, f"Conditional event '{holder}' has no condition. Write one.")
