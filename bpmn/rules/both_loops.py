"""An activity loops in one way: a standard loop or multi-instance (10.3.8)."""

from __future__ import annotations

from typing import Final

from bpmn.rules.review import ACTIVITIES, Review, name_of

RULE: Final = "both-loops"


def check(review: Review) -> None:
    for element in review.document.all(*ACTIVITIES):
        loops = element.all("standardLoopCharacteristics", "multiInstanceLoopCharacteristics")
        if len(loops) > 1:
            review.error(RULE, loops[1], f"'{name_of(element)}' has {len(loops)} loop markers. Keep one of them.")
