"""An activity takes at least one token and leaves at least one (startQuantity, completionQuantity, 10.3.1)."""

from __future__ import annotations

from typing import Final

from bpmn.rules.review import ACTIVITIES, Review, name_of

RULE: Final = "quantity"


def check(review: Review) -> None:
    for element in review.document.all(*ACTIVITIES):
        for attribute in ("startQuantity", "completionQuantity"):
            value = element.get(attribute, "1")
            if not value.isdigit() or value == "0":
                what = f"{attribute}='{value}' of '{name_of(element)}'"
                message = f"{what} is no positive number and is read as 1. Set it to 1."
                review.strict(RULE, element, message)
