"""What a call activity calls can be started by a call: by a plain start event (10.3.6)."""

from __future__ import annotations

from typing import Final

from bpmn.document import Element
from bpmn.model import CallBinding, Language
from bpmn.rules.review import Review, name_of

RULE: Final = "called-process"


def check(review: Review) -> None:
    for _, node, element in review.model_nodes():
        if not isinstance(node.binding, CallBinding):
            continue
        called = node.binding.process
        if element.get("camunda:caseRef"):
            message = f"'{name_of(element)}' calls a CMMN case, which this engine does not run. Call a process."
            review.error(RULE, element, message)
        elif not called.text:
            message = f"Call activity '{name_of(element)}' does not say which process it calls. Choose one."
            review.error(RULE, element, message)
        target = review.document.by_id.get(called.text) if called.language is Language.LITERAL else None
        if target is None:
            continue
        if target.name == "process":
            _check_start(review, element, target)


def _check_start(review: Review, call: Element, process: Element) -> None:
    starts = process.all("startEvent")
    if starts and all(review.event_definitions(start) for start in starts):
        message = (
            f"'{name_of(call)}' calls process '{name_of(process)}', which only starts by an event. "
            "Give that process a plain start event."
        )
        review.error(RULE, call, message)
