"""Correlation keys, their properties, and what a process binds to them (8.4.2)."""

from __future__ import annotations

from bpmn.correlation import CorrelationKey, CorrelationProperty
from bpmn.dialects.base import Adapter
from bpmn.document import Element, local

DEFAULT_KEY = ""
"""Of properties that are in no key: together they are one."""


def correlation_keys(element: Element, message: str | None, adapter: Adapter) -> tuple[CorrelationKey, ...]:
    """The keys of the message with the id *message*, as the process around *element* sees them."""
    properties = {each.id: each for each in _properties(element, message or "", adapter)}
    if not properties:
        return ()
    keys: list[CorrelationKey] = []
    for key in adapter.document.all("correlationKey"):
        members = [properties[id] for id in _members(key) if id in properties]
        if members:
            keys.append(CorrelationKey(key.id or key.get("name"), tuple(members)))
    in_keys = {each.id for key in keys for each in key.properties}
    rest = tuple(each for id, each in properties.items() if id not in in_keys)
    return (*keys, CorrelationKey(DEFAULT_KEY, rest)) if rest else tuple(keys)


def _properties(element: Element, message: str, adapter: Adapter) -> list[CorrelationProperty]:
    """Those that say where the message has them."""
    found: list[CorrelationProperty] = []
    document = adapter.document
    around = {id(each) for each in element.ancestors() if each.name == "process"}
    for retrieval in document.referring("correlationPropertyRetrievalExpression", "messageRef", message):
        # bpmn.io writes the expression without the standard's element for it.
        path = adapter.expression(retrieval.child("messagePath") or retrieval.child("formalExpression"))
        if path is None or retrieval.parent is None:
            continue
        name = retrieval.parent.id
        bindings = document.referring("correlationPropertyBinding", "correlationPropertyRef", name)
        binding = next((each for each in bindings if around & {id(outer) for outer in each.ancestors()}), None)
        bound = adapter.expression(binding.child("dataPath")) if binding is not None else None
        found.append(CorrelationProperty(name, path, bound))
    return found


def _members(key: Element) -> list[str]:
    return [local(reference.text) for reference in key.all("correlationPropertyRef")]
