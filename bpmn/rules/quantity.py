"""Every activity runs on one token and leaves one (startQuantity, completionQuantity, 10.3.1)."""

from __future__ import annotations

from typing import Final

from bpmn.rules.review import ACTIVITIES, Review, name_of

RULE: Final = "quantity"


def check(review: Review) -> None:
    for element in review.document.all(*ACTIVITIES):
        for attribute in ("startQuantity", "completionQuantity"):
            value = element.get(attribute, "1")
            if value == "1":
                continue
            if not value.isdigit() or value == "0":
                message = f"{attribute}='{value}' of '{name_of(element)}' is not a positive number. Set it to 1."
            else:
                message = (
                    f"{attribute}='{value}' of '{name_of(element)}' is not supported. "
                    "Set it to 1 and use a multi-instance."
                )
            review.error(RULE, element, message)
