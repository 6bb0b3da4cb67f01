"""One flow node: the standard's own attributes; the dialect adapter adds the rest."""

from __future__ import annotations

from typing import Final

from bpmn.dialects.base import Adapter
from bpmn.document import Element, local
from bpmn.model import EventDefinition, FlowElements, FlowNode, NodeKind
from bpmn.reader.data import read_data
from bpmn.reader.events import read_event, read_task_message
from bpmn.reader.loops import read_loop

EVENTS: Final = (
    NodeKind.START_EVENT,
    NodeKind.END_EVENT,
    NodeKind.CATCH_EVENT,
    NodeKind.THROW_EVENT,
    NodeKind.BOUNDARY_EVENT,
)
MESSAGE_TASKS: Final = (NodeKind.SEND_TASK, NodeKind.RECEIVE_TASK)


def read_node(
    element: Element,
    kind: NodeKind,
    adapter: Adapter,
    *,
    key: str,
    documentation: str,
    incoming: tuple[str, ...],
    outgoing: tuple[str, ...],
    lane: str | None,
    body: FlowElements | None,
) -> FlowNode:
    node = FlowNode(
        id=key,
        kind=kind,
        name=element.get("name"),
        documentation=documentation,
        line=element.line,
        incoming=incoming,
        outgoing=outgoing,
        default_flow=local(element.get("default")) or None,
        lane=lane,
        event=_event(element, kind, adapter),
        attached_to=local(element.get("attachedToRef")) or None,
        is_interrupting=_is_interrupting(element, kind),
        loop=read_loop(element, adapter),
        body=body,
        data=read_data(element, adapter),
        is_event_subprocess=element.flag("triggeredByEvent"),
        is_for_compensation=element.flag("isForCompensation"),
        compensation_handler=_compensation_handler(element, kind, adapter),
        instantiates=element.flag("instantiate"),
        awaits_all=element.get("eventGatewayType") == "Parallel",
        activation_condition=adapter.expression(element.child("activationCondition")),
        completion_condition=adapter.expression(element.child("completionCondition")),
        is_ordered=element.get("ordering") == "Sequential",
        cancels_remaining=element.flag("cancelRemainingInstances", True),
        start_quantity=_quantity(element, "startQuantity"),
        completion_quantity=_quantity(element, "completionQuantity"),
    )
    return adapter.refine(element, node)


def _event(element: Element, kind: NodeKind, adapter: Adapter) -> EventDefinition | None:
    if kind in EVENTS:
        return read_event(element, adapter)
    return read_task_message(element, adapter) if kind in MESSAGE_TASKS else None


def _quantity(element: Element, attribute: str) -> int:
    """One where it is not given, or given wrongly, which rule 'quantity' reports."""
    value = element.get(attribute, "1")
    return int(value) if value.isdecimal() and value != "0" and len(value) < 5 else 1


def _is_interrupting(element: Element, kind: NodeKind) -> bool:
    return element.flag("cancelActivity" if kind is NodeKind.BOUNDARY_EVENT else "isInterrupting", True)


def _compensation_handler(element: Element, kind: NodeKind, adapter: Adapter) -> str | None:
    """The activity that an association joins to a compensation boundary event (10.7)."""
    if kind is not NodeKind.BOUNDARY_EVENT or element.child("compensateEventDefinition") is None:
        return None
    for association in adapter.document.referring("association", "sourceRef", element.id):
        return local(association.get("targetRef"))
    return None
