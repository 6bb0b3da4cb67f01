"""After an event-based gateway stand only events that wait, each reached from it alone (10.6.6)."""

from __future__ import annotations

from typing import Final

from bpmn.document import Element
from bpmn.rules.review import Review, name_of, stands_inside

RULE: Final = "event-gateway"


_WAITING: Final = (
    "messageEventDefinition",
    "timerEventDefinition",
    "signalEventDefinition",
    "conditionalEventDefinition",
)


def check(review: Review) -> None:
    for gateway in review.document.all("eventBasedGateway"):
        flows = review.outgoing(gateway)
        if len(flows) < 2:
            message = (
                f"Event-based gateway '{name_of(gateway)}' has {len(flows)} outgoing flows. "
                "It needs two events to choose from."
            )
            review.error(RULE, gateway, message)
        targets = [target for flow in flows if (target := review.target(flow)) is not None]
        for target in targets:
            _check_target(review, gateway, target)
        _check_mixture(review, gateway, targets)
        _check_start(review, gateway)


def _check_start(review: Review, gateway: Element) -> None:
    is_start = gateway.flag("instantiate")
    problem = ""
    if is_start and review.incoming(gateway):
        problem = "starts the process but has an incoming flow. Remove one of them."
    elif is_start and stands_inside(gateway):
        problem = "starts the process but stands inside a subprocess. Move it out, or do not let it start anything."
    elif gateway.get("eventGatewayType") == "Parallel" and not is_start:
        problem = "is parallel, which only one that starts the process can be. Make it exclusive."
    if problem:
        review.error(RULE, gateway, f"Event-based gateway '{name_of(gateway)}' {problem}")


def _check_target(review: Review, gateway: Element, target: Element) -> None:
    definitions = review.event_definitions(target)
    waits = target.name == "intermediateCatchEvent" and all(d.name in _WAITING for d in definitions)
    if target.name != "receiveTask" and not waits:
        message = (
            f"'{name_of(target)}' follows event-based gateway '{name_of(gateway)}' but cannot wait for an event. "
            "Use a message, timer, signal or conditional catch event or a receive task."
        )
        review.error(RULE, target, message)
    elif target.name == "receiveTask" and not target.get("messageRef") and not target.get("operationRef"):
        message = f"Receive task '{name_of(target)}' follows an event-based gateway and names no message. Choose one."
        review.error(RULE, target, message)
    elif len(review.incoming(target)) > 1:
        message = (
            f"'{name_of(target)}' follows event-based gateway '{name_of(gateway)}' and is led to from elsewhere too. "
            "Use a join."
        )
        review.error(RULE, target, message)
    elif target.name == "receiveTask" and _has_boundary(review, target):
        message = (
            f"Receive task '{name_of(target)}' follows an event-based gateway and has boundary events. Remove them."
        )
        review.error(RULE, target, message)


def _check_mixture(review: Review, gateway: Element, targets: list[Element]) -> None:
    kinds = {target.name for target in targets}
    messages = any(d.name == "messageEventDefinition" for t in targets for d in review.event_definitions(t))
    if "receiveTask" in kinds and messages:
        message = (
            f"Event-based gateway '{name_of(gateway)}' leads to message events and receive tasks. Use one of the two."
        )
        review.error(RULE, gateway, message)


def _has_boundary(review: Review, task: Element) -> bool:
    return bool(review.document.referring("boundaryEvent", "attachedToRef", task.id))
