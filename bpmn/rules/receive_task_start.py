"""A receive task that starts the process has nothing before it (10.3.3)."""

from __future__ import annotations

from typing import Final

from bpmn.rules.review import Review, name_of

RULE: Final = "receive-task-start"


def check(review: Review) -> None:
    for task in review.document.all("receiveTask"):
        if task.flag("instantiate") and review.incoming(task):
            message = f"Receive task '{name_of(task)}' starts the process but has an incoming flow. Remove one of them."
            review.error(RULE, task, message)
