"""The table of elements: which spec runs which flow node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpmn.model import (
    CallBinding,
    DecisionBinding,
    EventKind,
    FlowNode,
    JobBinding,
    MultiInstance,
    NodeKind,
    ScriptBinding,
    UserTaskBinding,
)
from engine.interpreter.elements.ad_hoc import AdHocSpec
from engine.interpreter.elements.boundary_event import BoundaryEventSpec
from engine.interpreter.elements.call_activity import CallActivitySpec
from engine.interpreter.elements.catch_event import CatchEventSpec
from engine.interpreter.elements.compensation import CancelEndSpec, CompensationThrowSpec
from engine.interpreter.elements.complex_gateway import ComplexGatewaySpec
from engine.interpreter.elements.decision_task import DecisionTaskSpec
from engine.interpreter.elements.event_gateway import EventGatewaySpec
from engine.interpreter.elements.event_subprocess import EventSubprocessStartSpec
from engine.interpreter.elements.exclusive_gateway import ExclusiveGatewaySpec
from engine.interpreter.elements.flow_node import FlowNodeSpec
from engine.interpreter.elements.inclusive_gateway import InclusiveGatewaySpec
from engine.interpreter.elements.job_task import JobTaskSpec
from engine.interpreter.elements.link_event import LinkThrowSpec
from engine.interpreter.elements.looping import BodySpec, MultiInstanceSpec, StandardLoopSpec
from engine.interpreter.elements.parallel_gateway import ParallelGatewaySpec
from engine.interpreter.elements.process import ProcessRootSpec
from engine.interpreter.elements.receive_task import ReceiveTaskSpec
from engine.interpreter.elements.script_task import ScriptTaskSpec
from engine.interpreter.elements.start_event import StartEventSpec
from engine.interpreter.elements.subprocess import SubprocessSpec
from engine.interpreter.elements.task import TaskSpec
from engine.interpreter.elements.throw_event import ThrowEventSpec
from engine.interpreter.elements.user_task import UserTaskSpec

if TYPE_CHECKING:
    from engine.interpreter.program import Program

__all__ = ["ProcessRootSpec", "body_around", "spec_for"]

BY_KIND: dict[NodeKind, type[FlowNodeSpec]] = {
    NodeKind.START_EVENT: StartEventSpec,
    NodeKind.END_EVENT: ThrowEventSpec,
    NodeKind.THROW_EVENT: ThrowEventSpec,
    NodeKind.CATCH_EVENT: CatchEventSpec,
    NodeKind.BOUNDARY_EVENT: BoundaryEventSpec,
    NodeKind.TASK: TaskSpec,
    NodeKind.MANUAL_TASK: TaskSpec,
    NodeKind.USER_TASK: UserTaskSpec,
    NodeKind.RECEIVE_TASK: ReceiveTaskSpec,
    NodeKind.SEND_TASK: ThrowEventSpec,
    NodeKind.SUBPROCESS: SubprocessSpec,
    NodeKind.TRANSACTION: SubprocessSpec,
    NodeKind.AD_HOC: AdHocSpec,
    NodeKind.COMPLEX_GATEWAY: ComplexGatewaySpec,
    NodeKind.EXCLUSIVE_GATEWAY: ExclusiveGatewaySpec,
    NodeKind.PARALLEL_GATEWAY: ParallelGatewaySpec,
    NodeKind.INCLUSIVE_GATEWAY: InclusiveGatewaySpec,
    NodeKind.EVENT_GATEWAY: EventGatewaySpec,
}

BY_THROW: dict[EventKind, type[FlowNodeSpec]] = {
    EventKind.LINK: LinkThrowSpec,
    EventKind.COMPENSATION: CompensationThrowSpec,
    EventKind.CANCEL: CancelEndSpec,
}

BY_BINDING: dict[type, type[FlowNodeSpec]] = {
    JobBinding: JobTaskSpec,
    ScriptBinding: ScriptTaskSpec,
    DecisionBinding: DecisionTaskSpec,
    CallBinding: CallActivitySpec,
    UserTaskBinding: UserTaskSpec,  # also of a manual task, where its dialect lets it wait for a person
}


def spec_for(program: Program, node: FlowNode, owner: FlowNode | None) -> FlowNodeSpec:
    """*owner*: the subprocess that *node* stands in.

    Raises KeyError for an element that the interpreter does not run; deployment refuses those."""
    if node.kind is NodeKind.START_EVENT and owner is not None and owner.is_event_subprocess:
        return EventSubprocessStartSpec(program, node)
    if node.kind in (NodeKind.THROW_EVENT, NodeKind.END_EVENT) and node.event and node.event.kind in BY_THROW:
        return BY_THROW[node.event.kind](program, node)
    return (BY_BINDING.get(type(node.binding)) or BY_KIND[node.kind])(program, node)


def body_around(program: Program, node: FlowNode, instance: FlowNodeSpec) -> BodySpec:
    if isinstance(node.loop, MultiInstance):
        return MultiInstanceSpec(program, node, instance)
    return StandardLoopSpec(program, node, instance)
