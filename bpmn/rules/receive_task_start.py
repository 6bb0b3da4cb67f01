"""A receive task that starts the process has a message, and nothing before it (10.3.3)."""

from __future__ import annotations

from typing import Final

from bpmn.document import Element
from bpmn.rules.review import Review, name_of, stands_inside

RULE: Final = "receive-task-start"


def check(review: Review) -> None:
    for task in review.document.all("receiveTask"):
        if task.flag("instantiate") and (problem := _problem(review, task)):
            review.error(RULE, task, f"Receive task '{name_of(task)}' starts the process but {problem}")


def _problem(review: Review, task: Element) -> str:
    if review.incoming(task):
        return "has an incoming flow. Remove one of them."
    if stands_inside(task):
        return "stands inside a subprocess. Move it out, or do not let it start anything."
    if not task.get("messageRef") and not task.get("operationRef"):
        return "names no message. Choose one."
    if task.child("standardLoopCharacteristics") or task.child("multiInstanceLoopCharacteristics"):
        return "is repeated, where one message starts one instance. Remove the loop marker."
    return ""
