"""Who uses start events uses end events too, and the other way round (10.5.2, 10.5.3)."""

from __future__ import annotations

from typing import Final

from bpmn.rules.review import Review, name_of

RULE: Final = "start-and-end-together"


def check(review: Review) -> None:
    for scope in review.document.all("process", "subProcess", "transaction"):
        names = {child.name for child in scope.children}
        is_started = "startEvent" in names or any(child.flag("instantiate") for child in scope.children)
        if "endEvent" in names and not is_started:
            message = f"'{name_of(scope)}' has an end event but no start event. Add a start event."
            review.error(RULE, scope, message)
        elif "startEvent" in names and "endEvent" not in names:
            message = f"'{name_of(scope)}' has a start event but no end event. Add one where it ends."
            review.strict(RULE, scope, message)
