"""What a diagram has of its dialect's extensions, and what becomes of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bpmn.document import BIOC, CAMUNDA, COLOR, MODELER, SPIFF, ZEEBE, Element, Unreadable, is_bpmn
from bpmn.reader import read_document
from bpmn.rules.not_honoured import DECISIVE, HARMLESS, REFUSED_VALUES, is_harmless

_DIALECTS: Final = (CAMUNDA, ZEEBE, SPIFF)
_OF_EDITORS: Final = (MODELER, BIOC, COLOR)
# Read only to say why they are refused.
_REFUSED: Final = frozenset({"camunda:caseRef", "camunda:resource"})


class Standing(StrEnum):
    HONOURED = "honoured"
    IGNORED = "ignored"  # by nature: icons, colours, what an editor notes for itself
    UNHEEDED = "not honoured"  # and told as a warning
    REFUSED = "refused"  # the process would run otherwise than it is drawn


@dataclass(frozen=True, slots=True)
class Usage:
    """*name*: of an attribute ('camunda:topic'), an extension element ('zeebe:taskDefinition') or an attribute of
    one ('zeebe:taskDefinition type'). *at*: the kind of BPMN element; *line*: of the first of *count*."""

    file: str
    name: str
    at: str
    standing: Standing
    count: int
    line: int


def report_dialect(data: bytes, file: str) -> list[Usage]:
    """Every extension of the dialects that occurs, by line of its first; empty for what is no BPMN file."""
    try:
        document, _, _ = read_document(data, file)
    except Unreadable:
        return []
    counts: dict[tuple[str, str, Standing], list[int]] = {}
    for element in document.root.walk():
        for name, standing in _usages(element):
            counts.setdefault((name, _owner(element).name, standing), []).append(element.line)
    found = [Usage(file, *key, len(lines), min(lines)) for key, lines in counts.items()]
    return sorted(found, key=lambda usage: (usage.line, usage.name, usage.at))


def _usages(element: Element) -> Iterator[tuple[str, Standing]]:
    if element.name.startswith(_DIALECTS):
        holder = element.parent
        if holder is not None and holder.name.startswith(_DIALECTS) and not holder.visited:
            return  # what stands inside fares like the outermost
        is_ignored = is_harmless(element) and not element.visited
        yield element.name, Standing.IGNORED if is_ignored else _standing(element.name, element.visited)
        if element.visited:
            for attribute in element.attributes:
                if attribute != "id" and not attribute.startswith("{"):
                    yield f"{element.name} {attribute}", _standing_inside(element, attribute)
        return
    for attribute in element.attributes:
        if attribute.startswith(_DIALECTS):
            yield attribute, _standing(attribute, element.was_read(attribute))
        elif attribute.startswith(_OF_EDITORS):
            yield attribute, Standing.HONOURED if element.was_read(attribute) else Standing.IGNORED


def _standing(name: str, is_read: bool) -> Standing:
    if name in _REFUSED or (name in DECISIVE and not is_read):
        return Standing.REFUSED
    if is_read:
        return Standing.HONOURED
    return Standing.IGNORED if name in HARMLESS else Standing.UNHEEDED


def _standing_inside(element: Element, attribute: str) -> Standing:
    """Of an attribute of an extension element, which mostly has no prefix."""
    is_refused = (element.name, attribute, element.attributes[attribute]) in REFUSED_VALUES
    if is_refused or (element.name.startswith(CAMUNDA) and attribute == "resource"):
        return Standing.REFUSED
    return _standing(attribute, element.was_read(attribute))


def _owner(element: Element) -> Element:
    """The BPMN element, or shape, that an extension belongs to."""
    if not element.name.startswith(_DIALECTS):
        return element
    return next((a for a in element.ancestors() if is_bpmn(a) and a.name != "extensionElements"), element)
