"""What joins the two halves of a link: the catching half's name, or its id where it has none (10.5.1)."""

from __future__ import annotations

from bpmn.document import Document, Element


def link_name(document: Document, definition: Element) -> str:
    """Of a linkEventDefinition; a throwing half may name its partner by a target reference instead."""
    target = definition.child_text("target")
    partner = document.resolve(target) if target else None
    if partner is not None and partner.name == "linkEventDefinition":
        definition = partner
    return definition.get("name") or definition.id
