"""The data of a task that calls an operation or handles a message is that message's (10.3.3)."""

from __future__ import annotations

from typing import Final

from bpmn.document import Element
from bpmn.rules.item_kinds import same_item
from bpmn.rules.review import Review, name_of

RULE: Final = "operation-data"


_TASKS: Final = ("sendTask", "receiveTask", "serviceTask")


def check(review: Review) -> None:
    for task in review.document.all(*_TASKS):
        specification = task.child("ioSpecification")
        sent, received = _messages(review, task)
        if specification is None or (sent is None and received is None):
            continue
        for message, kind, set_name in ((sent, "dataInput", "inputSet"), (received, "dataOutput", "outputSet")):
            if message is not None:
                _check_side(review, task, specification, message, kind, set_name)


def _messages(review: Review, task: Element) -> tuple[Element | None, Element | None]:
    """The messages that leave and that reach the task."""
    message = review.document.resolve(task.get("messageRef")) if task.get("messageRef") else None
    if task.name == "sendTask":
        return message, None
    if task.name == "receiveTask":
        return None, message
    operation = review.document.resolve(task.get("operationRef")) if task.get("operationRef") else None
    if operation is None:
        return None, None
    references = (operation.child_text("inMessageRef"), operation.child_text("outMessageRef"))
    sent, received = (review.document.resolve(reference) if reference else None for reference in references)
    return sent, received


def _check_side(
    review: Review, task: Element, specification: Element, message: Element, kind: str, set_name: str
) -> None:
    data = specification.all(kind)
    if len(data) > 1 or len(specification.all(set_name)) > 1:
        text = f"'{name_of(task)}' handles one message but has {len(data)} {kind} elements or several sets. Keep one."
        review.strict(RULE, task, text)
    elif len(data) == 1 and not same_item(review, data[0].get("itemSubjectRef"), message.get("itemRef")):
        text = (
            f"The {kind} of '{name_of(task)}' is of another kind than message '{name_of(message)}'. "
            "Give both the same item definition."
        )
        review.strict(RULE, task, text)
