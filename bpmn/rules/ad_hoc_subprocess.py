"""An ad-hoc subprocess has activities, and no start or end events (10.3.5)."""

from __future__ import annotations

from typing import Final

from bpmn.document import Element
from bpmn.model import Dialect
from bpmn.rules.review import ACTIVITIES, Review, name_of

RULE: Final = "ad-hoc-subprocess"


def check(review: Review) -> None:
    for subprocess in review.document.all("adHocSubProcess"):
        if not any(child.name in ACTIVITIES for child in subprocess.children):
            review.error(
                RULE, subprocess, f"Ad-hoc subprocess '{name_of(subprocess)}' has no activity. Draw one in it."
            )
        for event in subprocess.all("startEvent", "endEvent"):
            message = (
                f"Ad-hoc subprocess '{name_of(subprocess)}' has a {event.name}. Remove it: "
                "its activities start themselves."
            )
            review.error(RULE, event, message)
        _check_camunda_8(review, subprocess)


def _check_camunda_8(review: Review, subprocess: Element) -> None:
    """There a worker may choose what begins, or a collection, or commands."""
    if subprocess.extension("zeebe:taskDefinition") is not None:
        message = (
            f"A worker is to choose what begins in ad-hoc subprocess '{name_of(subprocess)}': that is not run here. "
            "Choose by activeElementsCollection, with a task before it that computes the collection."
        )
        review.error(RULE, subprocess, message)
    elif review.definitions.dialect is Dialect.CAMUNDA8 and not _has_collection(subprocess):
        message = (
            f"Ad-hoc subprocess '{name_of(subprocess)}' does not say what begins: Camunda 8 waits for commands. "
            "These are not taken here. Name its elements in activeElementsCollection."
        )
        review.error(RULE, subprocess, message)


def _has_collection(subprocess: Element) -> bool:
    written = subprocess.extension("zeebe:adHoc")
    return written is not None and bool(written.get("activeElementsCollection"))
