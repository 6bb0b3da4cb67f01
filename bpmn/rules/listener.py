"""A listener is told an event that there is where it stands, and has something to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bpmn.model import FlowElements, Listener, NodeKind, Process
from bpmn.rules.review import Review, name_of

RULE: Final = "listener"


OF_ANYTHING: Final = ("start", "end")
OF_FLOWS: Final = ("take",)
OF_TASKS: Final = ("create", "assignment", "update", "complete", "delete", "timeout")


def check(review: Review) -> None:
    for element_id, listener, events in listeners(review):
        element = review.document.by_id.get(element_id)
        if element is None:
            continue
        problem = ""
        if listener.event not in events:
            problem = f"listens to '{listener.event}', which never happens there. Choose: {', '.join(events)}."
        elif listener.job is None and listener.script is None:
            problem = "has nothing to do. Give it a handler or a script."
        elif (listener.timer is None) == (listener.event == "timeout"):
            problem = "says no time. Give it a timer." if listener.timer is None else "has a timer without a timeout."
        if problem:
            review.error(RULE, element, f"A listener of '{name_of(element)}' {problem}")


def listeners(review: Review) -> Iterator[tuple[str, Listener, tuple[str, ...]]]:
    """Every listener, with the id of what it stands at and the events that there are."""
    for process in review.definitions.processes:
        yield from ((process.key, listener, OF_ANYTHING) for listener in process.listeners)
        for elements in _scopes(process):
            for flow in elements.flows.values():
                yield from ((flow.id, listener, OF_FLOWS) for listener in flow.listeners)
            for node in elements.nodes.values():
                events = OF_ANYTHING + (OF_TASKS if node.kind is NodeKind.USER_TASK else ())
                yield from ((node.id, listener, events) for listener in node.listeners)


def _scopes(process: Process) -> list[FlowElements]:
    return [process.elements, *(node.body for node in process.elements.walk() if node.body is not None)]
