"""How often and when a failed job is tried again can be read: what cannot would mean the usual, unseen."""

from __future__ import annotations

import re
from typing import Final

from bpmn.model import JobBinding, Language
from bpmn.rules.review import Review, name_of
from bpmn.rules.timer import DURATION

RULE: Final = "retry-cycle"

_CYCLE: Final = re.compile(rf"R\d{{0,9}}/{DURATION.pattern}|{DURATION.pattern}(\s*,\s*{DURATION.pattern})*")


def check(review: Review) -> None:
    for _, node, element in review.model_nodes():
        cycle = node.binding.retry_cycle if isinstance(node.binding, JobBinding) else None
        if cycle is not None and cycle.language is Language.LITERAL and not _CYCLE.fullmatch(cycle.text.strip()):
            message = (
                f"'{cycle.text.strip()}' of '{name_of(element)}' does not say how often and when a failed job is tried "
                "again. Write R3/PT10M for three attempts, or PT1M,PT5M for the time before each further one."
            )
            review.error(RULE, element, message)
