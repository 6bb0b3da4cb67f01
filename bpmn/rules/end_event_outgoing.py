"""Nothing leaves an end event (10.5.3)."""

from __future__ import annotations

from typing import Final

from bpmn.rules.review import Review, name_of

RULE: Final = "end-event-outgoing"


def check(review: Review) -> None:
    for event in review.document.all("endEvent"):
        for flow in review.outgoing(event):
            message = (
                f"A sequence flow leaves end event '{name_of(event)}'. "
                "Make it an intermediate event or remove the flow."
            )
            review.error(RULE, flow, message)
