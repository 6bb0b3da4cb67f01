"""An event that waits for or sends a message, signal, error or escalation says which (10.5.5)."""

from __future__ import annotations

from typing import Final

from bpmn.model import JobBinding
from bpmn.rules.review import EVENTS, Review, name_of

RULE: Final = "message-missing"


_REFERENCES: Final = {
    "messageEventDefinition": ("messageRef", "message"),
    "signalEventDefinition": ("signalRef", "signal"),
}


def check(review: Review) -> None:
    bound = {id(element) for _, node, element in review.model_nodes() if isinstance(node.binding, JobBinding)}
    for event in review.document.all(*EVENTS):
        for definition in review.event_definitions(event):
            known = _REFERENCES.get(definition.name)
            if known is None or definition.get(known[0]) or id(event) in bound:
                continue
            message = f"'{name_of(event)}' does not say which {known[1]}. Choose or create one in the editor."
            review.error(RULE, event, message)
    for task in review.document.all("receiveTask"):
        if task.get("messageRef") or task.get("operationRef"):
            continue
        message = f"Receive task '{name_of(task)}' does not say which message. Choose or create one"
        sources = (review.document.resolve(flow.get("sourceRef")) for flow in review.incoming(task))
        if any(source is not None and source.name == "eventBasedGateway" for source in sources):
            review.error(RULE, task, f"{message}: the gateway before it waits for it.")
        else:
            review.strict(RULE, task, f"{message}, or it waits until it is triggered by hand.")
    _check_codes(review)


def _check_codes(review: Review) -> None:
    """What is thrown has a code for somebody to catch; a catch without one catches all (10.5.5)."""
    for event in review.document.all("endEvent", "intermediateThrowEvent"):
        for definition in review.event_definitions(event):
            kind = {"errorEventDefinition": "error", "escalationEventDefinition": "escalation"}.get(definition.name)
            if kind is None:
                continue
            target = review.document.resolve(definition.get(kind + "Ref"))
            if not definition.get(kind + "Ref"):
                message = f"'{name_of(event)}' does not say which {kind} it throws. Choose or create one in the editor."
                review.error(RULE, event, message)
            elif target is not None and not target.get(kind + "Code"):
                message = f"The {kind} '{name_of(target)}' thrown by '{name_of(event)}' has no {kind}Code. Give it one."
                review.error(RULE, event, message)
