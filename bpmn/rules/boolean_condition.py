"""A condition can be true or false: a fixed text or number is neither (8.4.13)."""

from __future__ import annotations

import re
from typing import Final

from bpmn.model import Expression, FlowElements, FlowNode, Language, Process, StandardLoop
from bpmn.rules.review import Review, name_of

RULE: Final = "boolean-condition"


_NUMBER: Final = re.compile(r"[+-]?\d+([.]\d+)?")


def check(review: Review) -> None:
    for process in review.definitions.processes:
        for elements in _scopes(process):
            for flow in elements.flows.values():
                _check(review, flow.id, flow.condition)
    for _, node, _ in review.model_nodes():
        for condition in _conditions(node):
            _check(review, node.id, condition)


def _scopes(process: Process) -> list[FlowElements]:
    return [process.elements, *(node.body for node in process.elements.walk() if node.body is not None)]


def _conditions(node: FlowNode) -> list[Expression | None]:
    loop = node.loop
    own = loop.condition if isinstance(loop, StandardLoop) else loop.completion_condition if loop else None
    events = (node.event, *node.event.parts) if node.event else ()
    return [own, node.activation_condition, node.completion_condition, *(event.condition for event in events)]


def _check(review: Review, element_id: str, condition: Expression | None) -> None:
    element = review.document.by_id.get(element_id)
    if condition is None or element is None:
        return
    text = condition.text
    is_fixed = condition.language is Language.LITERAL and text.lower() not in ("true", "false")
    if is_fixed or _NUMBER.fullmatch(text) or (text[:1] == text[-1:] in ("'", '"') and text.count(text[0]) == 2):
        message = (
            f"The condition '{text}' of '{name_of(element)}' is a fixed value, never true or false. "
            "Write an expression: =x > 1 in FEEL, ${x > 1} in JUEL."
        )
        review.error(RULE, element, message)
