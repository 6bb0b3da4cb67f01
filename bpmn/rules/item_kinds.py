"""Data is of the kind that its item definition says: one value or a collection (8.4.10, 10.4.1)."""

from __future__ import annotations

from typing import Final

from bpmn.document import Element, local
from bpmn.rules.review import Review, name_of

RULE: Final = "item-kinds"


_DATA: Final = ("dataInput", "dataOutput", "dataObject")


def check(review: Review) -> None:
    for element in review.document.all(*_DATA):
        item = review.document.resolve(element.get("itemSubjectRef")) if element.get("itemSubjectRef") else None
        if item is None or item.name != "itemDefinition":
            continue
        if element.flag("isCollection") != item.flag("isCollection"):
            message = (
                f"isCollection of {element.name} '{name_of(element)}' is not that of its item definition '{item.id}'. "
                "Set both alike."
            )
            review.strict(RULE, element, message)


def structure_of(review: Review, element: Element) -> str:
    """The structure of what an element holds, '' when it does not say."""
    if element.name == "dataObjectReference":
        element = review.document.resolve(element.get("dataObjectRef")) or element
    if element.name == "dataStoreReference":
        element = review.document.resolve(element.get("dataStoreRef")) or element
    item = review.document.resolve(element.get("itemSubjectRef")) if element.get("itemSubjectRef") else None
    return item.get("structureRef") if item is not None else ""


def same_item(review: Review, one: str, other: str) -> bool:
    """Whether two itemDefinition references mean the same kind of data; nothing said on both sides is fine."""
    if local(one) == local(other):
        return True
    items = [review.document.resolve(reference) if reference else None for reference in (one, other)]
    structures = [item.get("structureRef") if item is not None else "" for item in items]
    return bool(structures[0]) and structures[0] == structures[1]
