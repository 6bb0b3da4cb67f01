"""What a conditional event says of the changes that it waits for, alike in both dialects of Camunda."""

from __future__ import annotations

from bpmn.dialects.base import Adapter
from bpmn.document import Element
from bpmn.variable_filter import CHANGES, VariableFilter


def read_filter(
    adapter: Adapter, element: Element, names: tuple[str, ...], changes: tuple[str, ...]
) -> VariableFilter | None:
    """None where nothing is said; a change that there is not is refused."""
    for change in changes:
        if change not in CHANGES:
            message = f"A variable is never told to '{change}'. Write create, update or delete, with commas between."
            adapter.report.error("conditional-event", element, message)
    if not names and not changes:
        return None
    return VariableFilter(frozenset(names), frozenset(changes) & CHANGES or CHANGES)


def listed(text: str) -> tuple[str, ...]:
    """The names between the commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())
