"""A multi-instance activity knows how often: a cardinality or a collection (10.3.8, 13.3.7)."""

from __future__ import annotations

from typing import Final

from bpmn.document import Element
from bpmn.model import Expression, Language, MultiInstance, StandardLoop
from bpmn.rules.review import Review, name_of

RULE: Final = "multi-instance"


def check(review: Review) -> None:
    for _, node, element in review.model_nodes():
        loop = node.loop
        if isinstance(loop, MultiInstance):
            marker = element.child("multiInstanceLoopCharacteristics") or element
            _check(review, element, marker, loop)
        elif isinstance(loop, StandardLoop) and loop.condition is None and loop.maximum is None:
            message = (
                f"The loop of '{name_of(element)}' has neither a condition nor a maximum: it would never end. "
                "Give it one."
            )
            review.error(RULE, element, message)
        if isinstance(loop, StandardLoop) and loop.maximum is not None and not loop.maximum.text.isdigit():
            message = (
                f"loopMaximum='{loop.maximum.text}' of '{name_of(element)}' is not a number. Write one, such as 3."
            )
            review.error(RULE, element, message)


def _check(review: Review, element: Element, marker: Element, loop: MultiInstance) -> None:
    if loop.cardinality is None and loop.collection is None:
        message = (
            f"Multi-instance '{name_of(element)}' has neither a cardinality nor a collection. Give it one of them."
        )
        review.error(RULE, marker, message)
    _check_cardinality(review, element, marker, loop.cardinality)
    if marker.get("behavior", "All") != "Complex" and marker.child("complexBehaviorDefinition") is not None:
        message = f"The complex behaviour of '{name_of(element)}' is not used, as behavior is not Complex. Remove it."
        review.error(RULE, marker, message)
    for name in ("loopDataInputRef", "loopDataOutputRef"):
        reference = marker.child(name)
        target = review.document.resolve(reference.text) if reference is not None else None
        if target is not None and target.name not in _DATA:
            message = (
                f"{name} of '{name_of(element)}' names a {target.name}, which holds no data. "
                "Choose a data object or input."
            )
            review.error(RULE, marker, message)


def _check_cardinality(review: Review, element: Element, marker: Element, cardinality: Expression | None) -> None:
    is_fixed = cardinality is not None and cardinality.language in (Language.JSON, Language.LITERAL)
    if cardinality is not None and is_fixed and not cardinality.text.isdigit():
        message = (
            f"Cardinality '{cardinality.text}' of '{name_of(element)}' is not a number. Write one, or an expression."
        )
        review.error(RULE, marker, message)


_DATA: Final = ("dataInput", "dataOutput", "dataObject", "dataObjectReference", "property", "dataStoreReference")
