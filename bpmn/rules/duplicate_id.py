"""An id belongs to one element of a file (xsd:ID, 8.3.1)."""

from __future__ import annotations

from typing import Final

from bpmn.document import is_bpmn
from bpmn.rules.review import NODES, SCOPES, Review

RULE: Final = "duplicate-id"


def check(review: Review) -> None:
    for element in review.document.duplicates:
        first = review.document.by_id[element.id]
        message = f"The id '{element.id}' is already that of the {first.name} at line {first.line}. Rename one of them."
        if element.name in _MATTER and first.name in _MATTER:
            review.error(RULE, element, message)
        elif is_bpmn(element) and is_bpmn(first):
            review.warning(RULE, element, message)


# The engine finds these by their ids; doubles among the rest change nothing.
_MATTER: Final = (*NODES, *SCOPES, "sequenceFlow", "message", "signal", "error", "escalation", "dataObject", "lane")
