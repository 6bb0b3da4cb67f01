"""A default flow leaves the element it is the default of, and has no condition (8.4.13)."""

from __future__ import annotations

from typing import Final

from bpmn.document import local
from bpmn.rules.review import Review, name_of

RULE: Final = "default-flow"


def check(review: Review) -> None:
    for node in review.nodes:
        reference = node.get("default")
        if not reference:
            continue
        flow = review.document.resolve(reference)
        if flow is None or flow.name != "sequenceFlow" or local(flow.get("sourceRef")) != node.id:
            message = f"The default flow '{reference}' of '{name_of(node)}' does not leave it. Choose one that does."
            review.error(RULE, node, message)
        elif flow.child("conditionExpression") is not None:
            message = (
                f"The default flow '{name_of(flow)}' of '{name_of(node)}' has a condition, which is not looked at. "
                "Remove it."
            )
            review.warning(RULE, flow, message)
