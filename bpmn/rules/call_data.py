"""A call activity hands over what the called process or task takes and gives (10.3.6)."""

from __future__ import annotations

from typing import Final

from bpmn.rules.item_kinds import same_item
from bpmn.rules.review import Review, name_of

RULE: Final = "call-data"


def check(review: Review) -> None:
    for call in review.document.all("callActivity"):
        target = review.document.resolve(call.get("calledElement")) if call.get("calledElement") else None
        own = call.child("ioSpecification")
        theirs = target.child("ioSpecification") if target is not None else None
        if own is None or theirs is None or target is None:
            continue
        for kind in ("dataInput", "dataOutput"):
            mine, wanted = own.all(kind), theirs.all(kind)
            if len(mine) != len(wanted):
                message = (
                    f"'{name_of(call)}' has {len(mine)} {kind} elements, '{name_of(target)}' {len(wanted)}. "
                    "Let them match."
                )
                review.strict(RULE, call, message)
            elif not all(
                same_item(review, a.get("itemSubjectRef"), b.get("itemSubjectRef"))
                for a, b in zip(mine, wanted, strict=True)
            ):
                message = (
                    f"A {kind} of '{name_of(call)}' is of another kind than that of '{name_of(target)}'. "
                    "Let them match."
                )
                review.strict(RULE, call, message)
