"""A sequence flow stays inside its pool and inside its subprocess (7.6.1, 10.3.5)."""

from __future__ import annotations

from typing import Final

from bpmn.rules.review import NODES, Review, name_of, scope_of

RULE: Final = "flow-crosses-boundary"


def check(review: Review) -> None:
    for flow in review.flows:
        source = review.document.resolve(flow.get("sourceRef"))
        target = review.target(flow)
        if source is None or target is None or source.name not in NODES or target.name not in NODES:
            continue
        if scope_of(source) is not scope_of(target):
            message = (
                f"Sequence flow '{name_of(flow)}' from '{name_of(source)}' to "
                f"'{name_of(target)}' crosses the border of "
                "a pool or subprocess. Use a message flow between pools, events or boundary events between scopes."
            )
            review.error(RULE, flow, message)
        elif scope_of(flow) is not scope_of(source):
            message = (
                f"Sequence flow '{name_of(flow)}' is written in another process or subprocess than its ends. "
                "Draw it again in the editor."
            )
            review.error(RULE, flow, message)
