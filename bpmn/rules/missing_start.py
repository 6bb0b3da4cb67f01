"""A process starts somewhere: by a start event, or by an activity that nothing leads to (10.5.2)."""

from __future__ import annotations

from typing import Final

from bpmn.document import Element
from bpmn.rules.review import NODES, Review, name_of

RULE: Final = "missing-start"


def check(review: Review) -> None:
    for scope in review.document.all("process", "subProcess", "transaction"):
        nodes = [child for child in scope.children if child.name in NODES]
        if not nodes:
            message = f"'{name_of(scope)}' is empty: there is nothing to start with. Draw what happens in it."
            review.error(RULE, scope, message)
            continue
        if not any(_can_start(review, node) for node in nodes):
            message = (
                f"Nothing in '{name_of(scope)}' can start it: every element waits for another one. Add a start event."
            )
            review.error(RULE, scope, message)


def _can_start(review: Review, node: Element) -> bool:
    if node.name == "startEvent":
        return True
    if node.name in ("boundaryEvent", "intermediateCatchEvent") or node.flag("isForCompensation"):
        return False
    return not review.incoming(node)
