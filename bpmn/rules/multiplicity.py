"""The number of participants is a range (9.3)."""

from __future__ import annotations

from typing import Final

from bpmn.rules.review import Review

RULE: Final = "multiplicity"


def check(review: Review) -> None:
    for element in review.document.all("participantMultiplicity"):
        minimum, maximum = element.get("minimum", "0"), element.get("maximum", "1")
        try:
            is_range = 0 <= int(minimum) <= int(maximum) and int(maximum) >= 1
        except ValueError:
            is_range = False
        if not is_range:
            message = (
                f"participantMultiplicity from {minimum} to {maximum} is no range. Write 0 or more, "
                "and no less as the maximum."
            )
            review.strict(RULE, element, message)
