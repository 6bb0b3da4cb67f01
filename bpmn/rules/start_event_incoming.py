"""Nothing leads into a start event (10.5.2)."""

from __future__ import annotations

from typing import Final

from bpmn.rules.review import Review, name_of

RULE: Final = "start-event-incoming"


def check(review: Review) -> None:
    for event in review.document.all("startEvent"):
        for flow in review.incoming(event):
            message = f"A sequence flow leads into start event '{name_of(event)}'. Let it lead to the element after it."
            review.error(RULE, flow, message)
