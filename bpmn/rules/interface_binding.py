"""What supports an interface says which data goes to which operation, and it fits (10.3.6, 10.4.1)."""

from __future__ import annotations

from typing import Final

from bpmn.document import Element, local
from bpmn.rules.item_kinds import same_item
from bpmn.rules.review import Review, name_of

RULE: Final = "interface-binding"


def check(review: Review) -> None:
    for reference in review.document.all("supportedInterfaceRef"):
        callable_element = reference.parent
        interface = review.document.resolve(reference.text)
        if callable_element is None or interface is None:
            continue
        bindings = {local(b.get("operationRef")): b for b in callable_element.all("ioBinding")}
        for operation in interface.all("operation"):
            binding = bindings.get(operation.id)
            if binding is None:
                message = (
                    f"'{name_of(callable_element)}' supports operation '{name_of(operation)}' without an ioBinding. "
                    "Add one."
                )
                review.strict(RULE, reference, message)
            else:
                _check(review, binding, operation)


def _check(review: Review, binding: Element, operation: Element) -> None:
    for attribute, child in (("inputDataRef", "inMessageRef"), ("outputDataRef", "outMessageRef")):
        data = review.document.resolve(binding.get(attribute)) if binding.get(attribute) else None
        message = review.document.resolve(operation.child_text(child)) if operation.child_text(child) else None
        if data is None or message is None:
            continue
        if not same_item(review, data.get("itemSubjectRef"), message.get("itemRef")):
            text = (
                f"{attribute} '{name_of(data)}' is of another kind than message '{name_of(message)}'. Let them match."
            )
            review.strict(RULE, binding, text)
