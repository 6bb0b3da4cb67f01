"""The data of an event is that of its messages, signals, errors and escalations, in order (10.5.1)."""

from __future__ import annotations

from typing import Final

from bpmn.rules.item_kinds import same_item
from bpmn.rules.review import EVENTS, Review, name_of

RULE: Final = "event-data"


_CARRIES: Final = {
    "messageEventDefinition": ("messageRef", "itemRef"),
    "signalEventDefinition": ("signalRef", "structureRef"),
    "errorEventDefinition": ("errorRef", "structureRef"),
    "escalationEventDefinition": ("escalationRef", "structureRef"),
}


def check(review: Review) -> None:
    for event in review.document.all(*EVENTS):
        data = event.all("dataInput", "dataOutput")
        carriers = [d for d in review.event_definitions(event) if d.name in _CARRIES]
        if not data or not carriers:
            continue
        if len(data) != len(carriers):
            message = (
                f"'{name_of(event)}' has {len(carriers)} event definitions that carry data and "
                f"{len(data)} data elements."
            )
            review.strict(RULE, event, message + " Give each its own.")
            continue
        for part, definition in zip(data, carriers, strict=True):
            reference, item = _CARRIES[definition.name]
            target = review.document.resolve(definition.get(reference)) if definition.get(reference) else None
            if target is not None and not same_item(review, part.get("itemSubjectRef"), target.get(item)):
                message = (
                    f"{part.name} '{name_of(part)}' of '{name_of(event)}' is of another kind than '{name_of(target)}'."
                )
                review.strict(RULE, event, message + " Give both the same item definition.")
