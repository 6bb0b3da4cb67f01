"""An id belongs to one element of a file (xsd:ID, 8.3.1)."""

from __future__ import annotations

from typing import Final

from bpmn.rules.review import Review

RULE: Final = "duplicate-id"


def check(review: Review) -> None:
    for element in review.document.duplicates:
        first = review.document.by_id[element.id]
        message = f"The id '{element.id}' is already that of the {first.name} at line {first.line}. Rename one of them."
        review.error(RULE, element, message)
