"""Conditions stand where a choice is made, and wherever one is (8.4.13, 10.6.2)."""

from __future__ import annotations

from typing import Final

from bpmn.document import Element, local
from bpmn.model import Dialect
from bpmn.rules.review import ACTIVITIES, EVENTS, Review, name_of

RULE: Final = "conditions"


_CHOICES: Final = ("exclusiveGateway", "inclusiveGateway")
_NO_CHOICE: Final = ("eventBasedGateway", *EVENTS)


def check(review: Review) -> None:
    for node in review.nodes:
        flows = review.outgoing(node)
        conditional = [flow for flow in flows if flow.child("conditionExpression") is not None]
        if node.name in _CHOICES and len(flows) > 1:
            _check_choice(review, node, flows)
        elif node.name == "parallelGateway":
            for flow in conditional:
                message = (
                    f"The condition of '{name_of(flow)}' is ignored: a parallel gateway takes every path. Remove it."
                )
                review.warning(RULE, flow, message)
        elif node.name in _NO_CHOICE:
            for flow in conditional:
                message = (
                    f"Sequence flow '{name_of(flow)}' leaves {node.name} '{name_of(node)}', where the event decides: "
                    "its condition is not allowed. Remove it or put an exclusive gateway there."
                )
                review.error(RULE, flow, message)
        elif node.name in ACTIVITIES and conditional and len(flows) == 1:
            message = (
                f"The only sequence flow out of '{name_of(node)}' has a condition: were it false, the process would "
                "stop there. Remove the condition or draw the other path."
            )
            review.error(RULE, flows[0], message)


def _check_choice(review: Review, node: Element, flows: list[Element]) -> None:
    default = local(node.get("default"))
    unconditional = [flow for flow in flows if flow.child("conditionExpression") is None and flow.id != default]
    if review.definitions.dialect is Dialect.CAMUNDA7 and node.name == "inclusiveGateway":
        for flow in unconditional:
            message = f"Sequence flow '{name_of(flow)}' has no condition: it is always taken, as Camunda 7 does."
            review.warning(RULE, flow, message)
    elif review.definitions.dialect is Dialect.CAMUNDA7 and not default and len(unconditional) == 1:
        _check_only_unconditional(review, node, unconditional[0], is_last=unconditional == flows[-1:])
        return
    else:
        for flow in unconditional:
            message = (
                f"Sequence flow '{name_of(flow)}' out of {node.name} '{name_of(node)}' has neither a condition "
                "nor is it the default. Give it a condition or make it the default flow."
            )
            review.error(RULE, flow, message)
    if not default:
        message = (
            f"{node.name} '{name_of(node)}' has no default flow: if no condition holds, an incident stops it there. "
            "Mark one flow as the default to be safe."
        )
        review.info(RULE, node, message)


def _check_only_unconditional(review: Review, node: Element, flow: Element, *, is_last: bool) -> None:
    """Camunda 7 says that it assumes such a flow to be the default, and takes the first flow that it may."""
    what = f"Sequence flow '{name_of(flow)}' out of {node.name} '{name_of(node)}' has no condition"
    if is_last:
        message = f"{what}: it is taken where no other is, as Camunda 7 does. Make it the default flow to say so."
        review.warning(RULE, flow, message)
    else:
        message = (
            f"{what}, and others stand behind it in the file, which Camunda 7 would never take. "
            "Give it a condition or make it the default flow."
        )
        review.error(RULE, flow, message)
