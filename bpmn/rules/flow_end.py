"""A sequence flow leads from a flow node to a flow node of this file (7.6.1, 8.4.13)."""

from __future__ import annotations

from typing import Final

from bpmn.document import Element
from bpmn.rules.known_elements import CHOREOGRAPHY
from bpmn.rules.review import NODES, Review, name_of

RULE: Final = "flow-end"


def check(review: Review) -> None:
    for flow in review.flows:
        for attribute in ("sourceRef", "targetRef"):
            _check_end(review, flow, attribute)


def _check_end(review: Review, flow: Element, attribute: str) -> None:
    reference = flow.get(attribute)
    target = review.document.resolve(reference)
    if not reference:
        message = f"Sequence flow '{name_of(flow)}' has no {attribute}. Draw it again."
    elif target is None:
        message = (
            f"{attribute} '{reference}' of sequence flow '{name_of(flow)}' is no element of this file. Draw it again."
        )
    elif target.name in NODES or target.name in CHOREOGRAPHY:
        return
    else:
        message = (
            f"{attribute} of sequence flow '{name_of(flow)}' is a {target.name}: only events, activities and "
            "gateways can be joined. Draw it again."
        )
    review.error(RULE, flow, message)
