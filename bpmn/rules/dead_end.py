"""Where there are end events, every path ends at one (10.5.3)."""

from __future__ import annotations

from typing import Final

from bpmn.document import Element
from bpmn.rules.review import ACTIVITIES, GATEWAYS, Review, name_of

RULE: Final = "dead-end"


def check(review: Review) -> None:
    for scope in review.document.all("process", "subProcess", "transaction"):
        if scope.child("endEvent") is None:
            continue
        for node in scope.children:
            if node.name in _LED_ON and not review.outgoing(node) and not _stands_apart(node):
                message = f"The path ends at '{name_of(node)}', which is no end event. Join it to one."
                review.strict(RULE, node, message)


# Intermediate and boundary events have rules of their own.
_LED_ON: Final = (*ACTIVITIES, *GATEWAYS, "startEvent")


def _stands_apart(node: Element) -> bool:
    return node.flag("triggeredByEvent") or node.flag("isForCompensation")
