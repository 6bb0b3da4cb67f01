"""A link event has its other half in the same scope (10.5.4)."""

from __future__ import annotations

from typing import Final

from bpmn.document import Element
from bpmn.links import link_name
from bpmn.rules.review import Review, name_of, scope_of

RULE: Final = "link"

# The scope and the link's name
Key = tuple[int, str]


def check(review: Review) -> None:
    throws = _links(review, "intermediateThrowEvent")
    catches = _links(review, "intermediateCatchEvent")
    for key, events in throws.items():
        found = len(catches.get(key, ()))
        for event in events if found != 1 else ():
            what = f"{found} catching link events" if found else "no catching link event"
            message = f"Link '{key[1]}' thrown by '{name_of(event)}' has {what} in its scope. Draw exactly one."
            review.error(RULE, event, message)
    for key, events in catches.items():
        for event in events if key not in throws else ():
            message = (
                f"Link '{key[1]}' caught by '{name_of(event)}' is thrown nowhere in its scope. Draw its other half."
            )
            review.error(RULE, event, message)


def _links(review: Review, name: str) -> dict[Key, list[Element]]:
    found: dict[Key, list[Element]] = {}
    for event in review.document.all(name):
        for definition in review.event_definitions(event):
            if definition.name == "linkEventDefinition":
                key = (id(scope_of(event)), link_name(review.document, definition))
                found.setdefault(key, []).append(event)
    return found
