"""How long history is kept is a time that can be computed, fixed in the diagram."""

from __future__ import annotations

import re
from typing import Final

from bpmn.rules.review import Review, name_of

RULE: Final = "time-to-live"


_DAYS_OR_DURATION: Final = re.compile(
    r"\d{1,6}|P(?=.)(\d{1,4}Y)?(\d{1,6}M)?(\d{1,6}W)?(\d{1,6}D)?(T(?=.)(\d{1,6}H)?(\d{1,6}M)?(\d{1,9}S)?)?", re.ASCII
)


def check(review: Review) -> None:
    for process in review.document.all("process"):
        text = process.get("camunda:historyTimeToLive").strip()
        if text and not _DAYS_OR_DURATION.fullmatch(text):
            message = (
                f"The history time to live '{text}' of '{name_of(process)}' is no number of days and no duration. "
                "Write it like 30 or P6M."
            )
            review.error(RULE, process, message)
