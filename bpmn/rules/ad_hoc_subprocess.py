"""An ad-hoc subprocess has activities, and no start or end events (10.3.5)."""

from __future__ import annotations

from typing import Final

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
