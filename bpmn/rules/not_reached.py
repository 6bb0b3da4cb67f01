"""Where there is a start event, everything else is led to from somewhere (10.5.2)."""

from __future__ import annotations

from typing import Final

from bpmn.document import Element
from bpmn.rules.review import NODES, Review, name_of

RULE: Final = "not-reached"


def check(review: Review) -> None:
    for scope in review.document.all("process", "subProcess", "transaction"):
        if scope.child("startEvent") is None:
            continue
        for node in scope.children:
            if node.name in NODES and not review.incoming(node) and not _starts_itself(review, node):
                message = f"Nothing leads to '{name_of(node)}': it is never executed. Join it or remove it."
                review.strict(RULE, node, message)
        _check_islands(review, scope)


def _starts_itself(review: Review, node: Element) -> bool:
    return (
        node.name in ("startEvent", "boundaryEvent")
        or node.flag("triggeredByEvent")
        or node.flag("isForCompensation")
        or node.flag("instantiate")
        or any(definition.name == "linkEventDefinition" for definition in review.event_definitions(node))
    )


def _check_islands(review: Review, scope: Element) -> None:
    """Cycles that nothing outside leads to, and what only they lead to."""
    nodes = [child for child in scope.children if child.name in NODES and child.id]
    ready = [node for node in nodes if _starts_itself(review, node) or not review.incoming(node)]
    reached = {node.id for node in ready}
    while ready:
        node = ready.pop()
        for flow in review.outgoing(node):
            target = review.target(flow)
            if target is not None and target.id not in reached:
                reached.add(target.id)
                ready.append(target)
    for node in nodes:
        if node.id not in reached:
            message = f"Nothing that is ever executed leads to '{name_of(node)}'. Join it or remove it."
            review.warning(RULE, node, message)
