"""Camunda's names for kinds of activities: an event is called by what it throws or catches, all else by its BPMN tag.

They are those of Camunda 7's ActivityTypes. Events that it does not know, multiple ones and throws of links, keep the
tag.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from flask import current_app

from bpmn.model import EventKind, NodeKind
from engine.errors import InvalidInput
from engine.searching import Condition, Operator, Search
from webapp.areas.engine_rest.asking import Asked
from webapp.context import the_engine

_K = NodeKind
_E = EventKind
_NAMES: Mapping[NodeKind, Mapping[EventKind, str]] = {
    _K.START_EVENT: {
        _E.TIMER: "startTimerEvent",
        _E.MESSAGE: "messageStartEvent",
        _E.SIGNAL: "signalStartEvent",
        _E.ESCALATION: "escalationStartEvent",
        _E.COMPENSATION: "compensationStartEvent",
        _E.ERROR: "errorStartEvent",
        _E.CONDITIONAL: "conditionalStartEvent",
    },
    _K.CATCH_EVENT: {
        _E.MESSAGE: "intermediateMessageCatch",
        _E.TIMER: "intermediateTimer",
        _E.LINK: "intermediateLinkCatch",
        _E.SIGNAL: "intermediateSignalCatch",
        _E.CONDITIONAL: "intermediateConditional",
    },
    _K.THROW_EVENT: {
        _E.NONE: "intermediateNoneThrowEvent",
        _E.SIGNAL: "intermediateSignalThrow",
        _E.COMPENSATION: "intermediateCompensationThrowEvent",
        _E.MESSAGE: "intermediateMessageThrowEvent",
        _E.ESCALATION: "intermediateEscalationThrowEvent",
    },
    _K.BOUNDARY_EVENT: {
        _E.TIMER: "boundaryTimer",
        _E.MESSAGE: "boundaryMessage",
        _E.SIGNAL: "boundarySignal",
        _E.COMPENSATION: "compensationBoundaryCatch",
        _E.ERROR: "boundaryError",
        _E.ESCALATION: "boundaryEscalation",
        _E.CANCEL: "cancelBoundaryCatch",
        _E.CONDITIONAL: "boundaryConditional",
    },
    _K.END_EVENT: {
        _E.NONE: "noneEndEvent",
        _E.ERROR: "errorEndEvent",
        _E.CANCEL: "cancelEndEvent",
        _E.TERMINATE: "terminateEndEvent",
        _E.MESSAGE: "messageEndEvent",
        _E.SIGNAL: "signalEndEvent",
        _E.COMPENSATION: "compensationEndEvent",
        _E.ESCALATION: "escalationEndEvent",
    },
}
_KIND_OF = {name: str(kind) for kind, names in _NAMES.items() for name in (*names.values(), str(kind))}
_KNOWN = sorted({*_KIND_OF, *map(str, NodeKind), "multiInstanceBody"})


def type_of(definition_id: str, element_id: str, kind: str) -> str:
    """*kind*: as the history says it. An element that the definition does not have (any more) keeps it."""
    return _events_of(definition_id).get(element_id, kind) if kind in _KIND_OF else kind


def of_type(asked: Asked, name: str) -> Sequence[Condition]:
    """A filter. Raises InvalidInput for a type that there is not."""
    wanted = asked.needed(name)
    if wanted not in _KNOWN:
        raise InvalidInput(f"{name}: '{wanted[:80]}' is no type of activities. There are: {', '.join(_KNOWN)}.")
    if wanted not in _KIND_OF:
        return [Condition("kind", wanted)]
    places = {
        definition_id: [element_id for element_id, each in _events_of(definition_id).items() if each == wanted]
        for definition_id in _definitions(asked)
    }
    return [Condition("kind", _KIND_OF[wanted]), Condition("places", places)]


def _definitions(asked: Asked) -> list[str]:
    """Those that the request can be about, as far as that is easily said."""
    conditions: list[Condition] = []
    if (instance_id := asked.text("processInstanceId")) is not None:
        found = the_engine().find.instances(Search((Condition("id", instance_id),), limit=1))
        return [each.definition_id for each in found]
    if (definition_id := asked.text("processDefinitionId")) is not None:
        conditions.append(Condition("id", definition_id))
    if (key := asked.text("processDefinitionKey")) is not None:
        conditions.append(Condition("key", key))
    if (keys := asked.texts("processDefinitionKeyIn")) is not None:
        conditions.append(Condition("key", keys, Operator.ONE_OF))
    return [each.id for each in the_engine().find.definitions(Search(tuple(conditions)))]


def _events_of(definition_id: str) -> Mapping[str, str]:
    """The types of its events by their ids. What was deployed does not change: it is kept."""
    kept = cast("dict[str, dict[str, str]]", current_app.extensions.setdefault("fermata.event_types", {}))
    if (known := kept.get(definition_id)) is None:
        nodes = the_engine().read.process(definition_id).elements.walk()
        known = kept[definition_id] = {
            node.id: _NAMES[node.kind].get(node.event.kind if node.event else EventKind.NONE, str(node.kind))
            for node in nodes
            if node.kind in _NAMES
        }
    return known
