"""What this release runs; anything else is refused with its place, never skipped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from bpmn.document import Element
from bpmn.model import EventKind, FlowNode, NodeKind
from bpmn.reader.processes import GLOBAL_TASKS
from bpmn.rules.review import ACTIVITIES, Review, name_of

RULE: Final = "supported"


_WAITS: Final = frozenset({EventKind.MESSAGE, EventKind.TIMER, EventKind.SIGNAL, EventKind.CONDITIONAL})
_MULTIPLE: Final = frozenset({EventKind.MULTIPLE, EventKind.PARALLEL_MULTIPLE})
_CAUGHT: Final = frozenset({*_WAITS, *_MULTIPLE, EventKind.ERROR, EventKind.ESCALATION, EventKind.COMPENSATION})
_THROWN: Final = frozenset(
    {
        *(EventKind.NONE, EventKind.MESSAGE, EventKind.SIGNAL, EventKind.ESCALATION, EventKind.LINK),
        *(EventKind.COMPENSATION, EventKind.MULTIPLE),
    }
)

# The one table of what the interpreter runs. An element is added here with the code that runs it.
EVENTS: Final[Mapping[NodeKind, frozenset[EventKind]]] = {
    NodeKind.START_EVENT: frozenset({*_WAITS, *_MULTIPLE, EventKind.NONE}),
    NodeKind.CATCH_EVENT: frozenset({*_WAITS, *_MULTIPLE, EventKind.LINK}),
    NodeKind.THROW_EVENT: _THROWN,
    NodeKind.BOUNDARY_EVENT: frozenset({*_CAUGHT, EventKind.CANCEL}),
    NodeKind.END_EVENT: frozenset({*_THROWN, EventKind.ERROR, EventKind.TERMINATE, EventKind.CANCEL})
    - {EventKind.LINK},
}
EVENT_SUBPROCESS_STARTS: Final = _CAUGHT
LISTENER_EVENTS: Final = frozenset(
    {"start", "end", "take", "create", "assignment", "update", "complete", "delete", "timeout"}
)
INSTANTIATING: Final = frozenset({NodeKind.RECEIVE_TASK, NodeKind.EVENT_GATEWAY})
MULTI_INSTANCE_BEHAVIOURS: Final = ("All", "None", "One", "Complex")
CALLED: Final = ("process", *GLOBAL_TASKS)

_LATER: Final = "This release does not run it yet."


def check(review: Review) -> None:
    for _, node, element in review.model_nodes():
        for what, remedy in _unsupported(node):
            review.error(RULE, element, f"{what} ('{name_of(element)}'). {_LATER} {remedy}")
    for element, what, remedy in _unsupported_details(review):
        review.error(RULE, element, f"{what} ('{name_of(element)}'). {_LATER} {remedy}")


def _unsupported(node: FlowNode) -> Iterator[tuple[str, str]]:
    """What about *node* cannot be run, with what to do instead. Every kind of event that may stand where it stands
    (rule 'event-definition-here') can."""
    if node.instantiates and node.kind not in INSTANTIATING:
        yield f"A {node.kind} that starts the process", "Put a message start event before it."


def _unsupported_details(review: Review) -> Iterator[tuple[Element, str, str]]:
    """What is written in attributes that the model does not carry."""
    for element in review.document.all(*ACTIVITIES):
        marker = element.child("multiInstanceLoopCharacteristics")
        behaviour = marker.get("behavior", "All") if marker is not None else "All"
        if behaviour not in MULTI_INSTANCE_BEHAVIOURS:
            yield element, f"A multi-instance with behavior='{behaviour}'", "Use All, and throw events by a task in it."
    for call in review.document.all("callActivity"):
        target = review.document.resolve(call.get("calledElement"))
        if target is not None and target.name.startswith("global") and target.name not in CALLED:
            yield call, f"A call of a {target.name}", "Call a process."
