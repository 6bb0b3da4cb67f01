"""A link event has its other half in the same scope (10.5.4)."""

from __future__ import annotations

from typing import Final

from bpmn.document import Element, local
from bpmn.rules.review import Review, name_of, scope_of

RULE: Final = "link"


def check(review: Review) -> None:
    throws = _links(review, "intermediateThrowEvent")
    catches = _links(review, "intermediateCatchEvent")
    for event, definition in throws:
        found = _partners(event, definition, catches)
        if len(found) != 1:
            what = "no catching link event" if not found else f"{len(found)} catching link events"
            message = (
                f"Link '{_name(definition)}' thrown by '{name_of(event)}' has {what} in its scope. Draw exactly one."
            )
            review.error(RULE, event, message)
    for event, definition in catches:
        if not _partners(event, definition, throws):
            message = (
                f"Link '{_name(definition)}' caught by '{name_of(event)}' is thrown nowhere in its scope. "
                "Draw the throwing link event."
            )
            review.error(RULE, event, message)
    _check_targets(review, throws, catches)


def _links(review: Review, name: str) -> list[tuple[Element, Element]]:
    return [
        (event, definition)
        for event in review.document.all(name)
        for definition in review.event_definitions(event)
        if definition.name == "linkEventDefinition"
    ]


def _name(definition: Element) -> str:
    return definition.get("name")


def _partners(
    event: Element, definition: Element, others: list[tuple[Element, Element]]
) -> list[tuple[Element, Element]]:
    """By name; links without a name are paired by their source and target references."""
    same_scope = [(other, d) for other, d in others if scope_of(other) is scope_of(event)]
    if _name(definition):
        return [(other, d) for other, d in same_scope if _name(d) == _name(definition)] or [
            (other, d) for other, d in same_scope if _refers(definition, d)
        ]
    return [(other, d) for other, d in same_scope if _refers(definition, d) or _refers(d, definition)]


def _refers(definition: Element, other: Element) -> bool:
    return bool(other.id) and any(local(part.text) == other.id for part in definition.all("source", "target"))


def _check_targets(
    review: Review, throws: list[tuple[Element, Element]], catches: list[tuple[Element, Element]]
) -> None:
    """The 'target' of a throwing link names it among its sources, if either says anything."""
    by_id = {definition.id: definition for _, definition in catches if definition.id}
    for event, definition in throws:
        for part in definition.all("target"):
            target = by_id.get(local(part.text))
            sources = [local(source.text) for source in target.all("source")] if target is not None else []
            if target is None or (sources and definition.id not in sources):
                message = (
                    f"Link target '{part.text.strip()}' of '{name_of(event)}' does not lead back to it. "
                    "Draw the link again."
                )
                review.error(RULE, event, message)
