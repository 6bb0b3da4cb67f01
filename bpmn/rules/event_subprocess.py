"""An event subprocess is outside the flow and has one start event (10.3.5)."""

from __future__ import annotations

from typing import Final

from bpmn.rules.review import Review, name_of

RULE: Final = "event-subprocess"


def check(review: Review) -> None:
    for subprocess in review.document.all("subProcess"):
        if not subprocess.flag("triggeredByEvent"):
            continue
        for flow in [*review.incoming(subprocess), *review.outgoing(subprocess)]:
            message = (
                f"A sequence flow joins event subprocess '{name_of(subprocess)}', which its event starts. Remove it."
            )
            review.error(RULE, flow, message)
        starts = subprocess.all("startEvent")
        if len(starts) != 1:
            message = f"Event subprocess '{name_of(subprocess)}' has {len(starts)} start events. It needs exactly one."
            review.error(RULE, subprocess, message)
