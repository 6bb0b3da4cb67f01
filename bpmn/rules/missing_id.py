"""Flow nodes, sequence flows and processes are known by their ids, in state and history alike (8.3.1)."""

from __future__ import annotations

from typing import Final

from bpmn.rules.review import Review

RULE: Final = "missing-id"


def check(review: Review) -> None:
    for element in [*review.document.all("process"), *review.nodes, *review.flows]:
        if not element.id:
            message = f"This {element.name} has no id. Give it one: state and history are kept by it."
            review.error(RULE, element, message)
