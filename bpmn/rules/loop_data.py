"""The item of a multi-instance is one of its collection (10.3.8)."""

from __future__ import annotations

from typing import Final

from bpmn.document import Element
from bpmn.rules.item_kinds import structure_of
from bpmn.rules.review import Review, name_of

RULE: Final = "loop-data"


def check(review: Review) -> None:
    for loop in review.document.all("multiInstanceLoopCharacteristics"):
        for collection, item in (("loopDataInputRef", "inputDataItem"), ("loopDataOutputRef", "outputDataItem")):
            reference, part = loop.child(collection), loop.child(item)
            if reference is not None and part is not None:
                _check(review, loop, review.document.resolve(reference.text), part)


def _check(review: Review, loop: Element, collection: Element | None, part: Element) -> None:
    item = review.document.resolve(part.get("itemSubjectRef")) if part.get("itemSubjectRef") else None
    whole = structure_of(review, collection) if collection is not None else ""
    if item is None:
        return
    if item.flag("isCollection"):
        message = f"{part.name} '{name_of(part)}' is a collection, but stands for one item. Use the kind of the items."
        review.strict(RULE, loop, message)
    elif whole and item.get("structureRef") != whole:
        message = f"{part.name} '{name_of(part)}' is of another kind than the items of '{whole}'. Use the same."
        review.strict(RULE, loop, message)
