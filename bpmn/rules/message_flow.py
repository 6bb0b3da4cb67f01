"""A message flow joins two pools, at what sends and what receives (9.3, 9.4)."""

from __future__ import annotations

from typing import Final

from bpmn.document import Element
from bpmn.rules.review import ACTIVITIES, EVENTS, Review, name_of, process_of

RULE: Final = "message-flow"


_ENDS: Final = (
    *EVENTS,
    *ACTIVITIES,
    "participant",
    "conversation",
    "subConversation",
    "callConversation",
    "choreographyTask",
)
_RECEIVES: Final = ("startEvent", "intermediateCatchEvent", "boundaryEvent")
_SENDS: Final = ("endEvent", "intermediateThrowEvent")


def check(review: Review) -> None:
    for flow in review.document.all("messageFlow"):
        ends = [review.document.resolve(flow.get(attribute)) for attribute in ("sourceRef", "targetRef")]
        for end, attribute in zip(ends, ("sourceRef", "targetRef"), strict=True):
            if end is not None and end.name not in _ENDS:
                message = (
                    f"{attribute} of message flow '{name_of(flow)}' is a {end.name}, which takes no part in it. "
                    "Draw it again."
                )
                review.error(RULE, flow, message)
        source, target = ends
        if source is not None and target is not None:
            _check_pools(review, flow, source, target)
            _check_direction(review, flow, source, target)


def _check_pools(review: Review, flow: Element, source: Element, target: Element) -> None:
    pool = _pool(review, source)
    if pool is not None and pool is _pool(review, target):
        message = f"Message flow '{name_of(flow)}' stays inside one pool. Use a sequence flow."
        review.error(RULE, flow, message)


def _check_direction(review: Review, flow: Element, source: Element, target: Element) -> None:
    if source.name in _RECEIVES:
        message = f"Message flow '{name_of(flow)}' leaves '{name_of(source)}', which receives. Turn it round."
        review.error(RULE, flow, message)
    if target.name in _SENDS:
        message = f"Message flow '{name_of(flow)}' leads to '{name_of(target)}', which sends. Turn it round."
        review.error(RULE, flow, message)


def _pool(review: Review, element: Element) -> Element | str | None:
    """The process that a pool or an element of it stands for."""
    if element.name == "participant":
        return review.document.resolve(element.get("processRef")) or element
    return process_of(element)
