"""What this release runs; anything else is refused with its place, never skipped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from bpmn.document import Element
from bpmn.model import EventKind, FlowNode, NodeKind
from bpmn.rules.review import ACTIVITIES, Review, name_of
from bpmn.rules.review import NODES as NODE_NAMES

RULE: Final = "supported"


_WAITS: Final = frozenset({EventKind.MESSAGE, EventKind.TIMER, EventKind.SIGNAL})
_CAUGHT: Final = frozenset({*_WAITS, EventKind.ERROR, EventKind.ESCALATION})
_THROWN: Final = frozenset({EventKind.NONE, EventKind.MESSAGE, EventKind.SIGNAL, EventKind.ESCALATION, EventKind.LINK})

# The one table of what the interpreter runs. An element is added here with the code that runs it.
EVENTS: Final[Mapping[NodeKind, frozenset[EventKind]]] = {
    NodeKind.START_EVENT: frozenset({EventKind.NONE, *_WAITS}),
    NodeKind.CATCH_EVENT: frozenset({*_WAITS, EventKind.LINK}),
    NodeKind.THROW_EVENT: _THROWN,
    NodeKind.BOUNDARY_EVENT: _CAUGHT,
    NodeKind.END_EVENT: frozenset({*_THROWN, EventKind.ERROR, EventKind.TERMINATE}) - {EventKind.LINK},
}
NODES: Final = frozenset(NodeKind) - {NodeKind.TRANSACTION, NodeKind.AD_HOC, NodeKind.COMPLEX_GATEWAY}
EVENT_SUBPROCESSES: Final = False
COMPENSATION: Final = False
LISTENERS: Final = False
DATA_STORES: Final = False
DATA_TRANSFORMATIONS: Final = False  # data associations without one need no work: scopes are shared
INSTANTIATING: Final[frozenset[NodeKind]] = frozenset()
MULTI_INSTANCE_BEHAVIOURS: Final = ("All",)
QUANTITIES: Final = ("1",)
CALLED: Final = ("process",)

_LATER: Final = "This release does not run it yet."


def check(review: Review) -> None:
    for _, node, element in review.model_nodes():
        for what, remedy in _unsupported(node):
            review.error(RULE, element, f"{what} ('{name_of(element)}'). {_LATER} {remedy}")
        for listener in node.listeners if not LISTENERS else ():
            message = (
                f"A listener on '{listener.event}' of '{name_of(element)}'. {_LATER} Use a task of its own instead."
            )
            review.error(RULE, element, message)
    for element, what, remedy in _unsupported_details(review):
        review.error(RULE, element, f"{what} ('{name_of(element)}'). {_LATER} {remedy}")
    if not DATA_STORES:
        _check_data_stores(review)
    if not DATA_TRANSFORMATIONS:
        _check_transformations(review)


def _unsupported(node: FlowNode) -> Iterator[tuple[str, str]]:
    """What about *node* cannot be run, with what to do instead."""
    if node.kind not in NODES:
        yield f"A {node.kind}", _INSTEAD[node.kind]
    elif node.is_event_subprocess and not EVENT_SUBPROCESSES:
        yield "An event subprocess", "Use a subprocess with boundary events."
    elif node.is_for_compensation and not COMPENSATION:
        yield "A compensation activity", "Draw the way back as a normal path."
    elif node.kind in EVENTS:
        kind = node.event.kind if node.event else EventKind.NONE
        if kind not in EVENTS[node.kind] and kind in _COMING:
            yield f"A {kind} {node.kind}", _COMING[kind]
    elif node.instantiates and node.kind not in INSTANTIATING:
        yield f"A {node.kind} that starts the process", "Put a message start event before it."


def _unsupported_details(review: Review) -> Iterator[tuple[Element, str, str]]:
    """What is written in attributes that the model does not carry."""
    for element in review.document.all(*ACTIVITIES):
        for attribute in ("startQuantity", "completionQuantity"):
            value = element.get(attribute, "1")
            if value not in QUANTITIES and value.isdigit() and value != "0":
                yield element, f"{attribute}='{value}'", "Set it to 1 and use a multi-instance."
        marker = element.child("multiInstanceLoopCharacteristics")
        behaviour = marker.get("behavior", "All") if marker is not None else "All"
        if behaviour not in MULTI_INSTANCE_BEHAVIOURS:
            yield element, f"A multi-instance with behavior='{behaviour}'", "Use All, and throw events by a task in it."
    for call in review.document.all("callActivity"):
        target = review.document.resolve(call.get("calledElement"))
        if target is not None and target.name.startswith("global") and target.name not in CALLED:
            yield call, f"A call of a {target.name}", "Call a process."


# Only kinds that may stand there by the standard: rule 'event-definition-here' refuses the rest.
_COMING: Final = {
    EventKind.CONDITIONAL: "Use a message or signal event, sent when the condition becomes true.",
    EventKind.COMPENSATION: "Draw the way back as a normal path.",
    EventKind.CANCEL: "Use an error event and an embedded subprocess.",
    EventKind.MULTIPLE: "Use one event for each trigger.",
    EventKind.PARALLEL_MULTIPLE: "Use one event for each trigger.",
}
_INSTEAD: Final = {
    NodeKind.TRANSACTION: "Use an embedded subprocess with an error boundary event.",
    NodeKind.AD_HOC: "Use a subprocess whose activities are joined by sequence flows.",
    NodeKind.COMPLEX_GATEWAY: "Use exclusive, inclusive and parallel gateways.",
}


def _check_data_stores(review: Review) -> None:
    for association in review.document.all("dataInputAssociation", "dataOutputAssociation"):
        for part in association.all("sourceRef", "targetRef"):
            target = review.document.resolve(part.text)
            if target is not None and target.name in ("dataStoreReference", "dataStore"):
                activity = next((ancestor for ancestor in association.ancestors() if ancestor.id), association)
                message = (
                    f"'{name_of(activity)}' reads or writes data store '{name_of(target)}'. {_LATER} "
                    "Let a service task do it."
                )
                review.error(RULE, association, message)


def _check_transformations(review: Review) -> None:
    for association in review.document.all("dataInputAssociation", "dataOutputAssociation"):
        for part in association.all("transformation", "assignment"):
            activity = next((a for a in association.ancestors() if a.name in NODE_NAMES), association)
            message = (
                f"A data {part.name} ('{name_of(activity)}'). {_LATER} Activities read and write the variables "
                "of their scope: let a script task compute it."
            )
            review.strict(RULE, activity, message)
