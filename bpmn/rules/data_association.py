"""Data flows from what holds it to what takes it, and both are of one kind (10.4.2)."""

from __future__ import annotations

from typing import Final

from bpmn.document import Element
from bpmn.rules.item_kinds import structure_of
from bpmn.rules.review import Review, name_of

RULE: Final = "data-association"


def check(review: Review) -> None:
    for association in review.document.all("dataInputAssociation", "dataOutputAssociation"):
        _check_direction(review, association)
        sources = association.all("sourceRef")
        if len(sources) > 1 and association.child("transformation") is None:
            message = f"The data association has {len(sources)} sources and no transformation. Keep one source."
            review.strict(RULE, association, message)
        elif len(sources) == 1:
            _check_kinds(review, association, sources[0])


def _check_direction(review: Review, association: Element) -> None:
    """A scope's own input is only read and its own output only written (10.4.1)."""
    holder = association.parent
    for reference, forbidden, remedy in (
        ("sourceRef", "dataOutput", "only written there. Read a data object instead, or turn the association round."),
        ("targetRef", "dataInput", "only read there. Write to a data object instead, or turn the association round."),
    ):
        for part in association.all(reference):
            target = review.document.resolve(part.text)
            if (
                target is not None
                and target.name == forbidden
                and holder is not None
                and holder not in target.ancestors()
            ):
                owner = next((around for around in target.ancestors() if around.id), target)
                message = f"{reference} '{name_of(target)}' is a {forbidden} of '{name_of(owner)}' and {remedy}"
                review.strict(RULE, association, message)


def _check_kinds(review: Review, association: Element, source: Element) -> None:
    part = association.child("targetRef")
    if part is None or association.child("transformation") is not None or association.child("assignment") is not None:
        return
    ends = (review.document.resolve(source.text), review.document.resolve(part.text))
    if ends[0] is None or ends[1] is None:
        return
    kinds = [structure_of(review, end) for end in ends if end is not None]
    if kinds[0] and kinds[1] and kinds[0] != kinds[1]:
        message = (
            f"The data association leads from '{kinds[0]}' to '{kinds[1]}'. Use one structure, or a transformation."
        )
        review.strict(RULE, association, message)
