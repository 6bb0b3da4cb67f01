"""Nodes list their sequence flows, and the lists agree with the flows (8.4.13)."""

from __future__ import annotations

from typing import Final

from bpmn.document import Element, local
from bpmn.rules.review import NODES, Review, name_of

RULE: Final = "flow-not-listed"


def check(review: Review) -> None:
    if not review.document.all("incoming") and not review.document.all("outgoing"):
        return  # some editors write no lists at all: nothing is contradicted then
    entries = {
        (id(entry.parent), name, local(entry.text))
        for name in ("incoming", "outgoing")
        for entry in review.document.all(name)
    }
    for flow in review.flows:
        for node, name in (
            (review.document.resolve(flow.get("sourceRef")), "outgoing"),
            (review.target(flow), "incoming"),
        ):
            if node is not None and node.name in NODES and (id(node), name, flow.id) not in entries:
                _report(review, flow, node, name)
    for name, attribute in (("outgoing", "sourceRef"), ("incoming", "targetRef")):
        for entry in review.document.all(name):
            _leads_here(review, entry, attribute)


def _report(review: Review, flow: Element, node: Element, name: str) -> None:
    message = (
        f"Sequence flow '{name_of(flow)}' joins '{name_of(node)}', which does not list it as {name}. "
        "Draw it again in the editor."
    )
    review.strict(RULE, flow, message)


def _leads_here(review: Review, entry: Element, attribute: str) -> None:
    node = entry.parent
    flow = review.document.resolve(entry.text)
    if node is None or node.name not in NODES:
        return
    if flow is not None and flow.name == "messageFlow" and local(flow.get(attribute)) == node.id:
        message = (
            f"'{name_of(node)}' lists message flow '{name_of(flow)}' as {entry.name}: only sequence flows are listed."
        )
        review.warning(RULE, entry, message)
    elif flow is None or flow.name != "sequenceFlow" or local(flow.get(attribute)) != node.id:
        message = (
            f"'{name_of(node)}' lists '{entry.text.strip()}' as {entry.name}, but no such sequence flow joins it. "
            "Draw it again in the editor."
        )
        review.strict(RULE, entry, message)
