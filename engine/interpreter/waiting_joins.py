"""Tokens that wait at joining gateways for others, while others are cancelled or begin by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.errors import Conflict
from engine.interpreter.beginning import Begin, Where
from engine.interpreter.elements.complex_gateway import ComplexGatewaySpec
from engine.interpreter.elements.flow_node import FlowNodeSpec
from engine.interpreter.elements.inclusive_gateway import InclusiveGatewaySpec
from engine.interpreter.elements.joining import JoiningGatewaySpec
from engine.interpreter.reaching import reaches
from engine.interpreter.token import Token
from engine.interpreter.workflow import LiveWorkflow

if TYPE_CHECKING:
    from engine.interpreter.placing import Placing, Scope

Cancelled = Mapping[int, None]


def check_joins(workflow: LiveWorkflow, cancelled: Cancelled, placing: Placing) -> None:
    """Raises Conflict where a token would be left to wait for others that can no longer come."""
    containers = {id(t.container): t.container for waiting in workflow.joins.values() for t in waiting}
    scopes: list[Scope] = [*containers.values()]
    scopes += [scope for scope in placing.scopes() if id(scope) not in containers]
    for scope in scopes:
        before = set() if isinstance(scope, Begin) else _left_waiting(workflow, {}, None, scope)
        for join, flow_id in sorted(_left_waiting(workflow, cancelled, placing, scope) - before):
            raise Conflict(
                f"A token would wait at '{join}' for ever: none can come by '{flow_id}' any more. Cancel it, too, or "
                f"begin after '{join}', or on '{flow_id}'."
            )


def flow_to_arrive_by(
    workflow: LiveWorkflow, cancelled: Cancelled, placing: Placing, scope: Scope, spec: FlowNodeSpec
) -> str:
    """Which of the incoming flows a token counts for that begins right before *spec*: one that is still empty, and
    that no other token can come by where there is such a one."""
    rounds = _rounds(workflow, cancelled, placing, scope).get(spec.name, [])
    missing = [each for each in spec.node.incoming if not rounds or each not in rounds[0]] or list(spec.node.incoming)
    can_come = _can_come(spec, cancelled, placing, scope)
    return next((each for each in missing if each not in can_come), missing[0])


def _left_waiting(
    workflow: LiveWorkflow, cancelled: Cancelled, placing: Placing | None, scope: Scope
) -> set[tuple[str, str]]:
    """The gateways at which a token waits in vain, with a flow that it waits for."""
    left: set[tuple[str, str]] = set()
    for name, rounds in _rounds(workflow, cancelled, placing, scope).items():
        spec = workflow.program.spec_named(name)
        for arrived in rounds:
            if flow_id := _lacks(spec, arrived, _can_come(spec, cancelled, placing, scope)):
                left.add((spec.node.id, flow_id))
    return left


def _lacks(spec: FlowNodeSpec, arrived: list[str | None], can_come: set[str]) -> str | None:
    """The flow by which no token can come although one must."""
    if not isinstance(spec, JoiningGatewaySpec):
        is_short = len(arrived) < spec.node.start_quantity
        return spec.node.incoming[0] if is_short and not can_come else None
    missing = [each for each in spec.node.incoming if each not in arrived]
    if isinstance(spec, ComplexGatewaySpec) and spec.activation is not None:
        return missing[0] if missing and not can_come & set(missing) else None
    if isinstance(spec, InclusiveGatewaySpec):
        return None  # it goes on when none can come
    return next((each for each in missing if each not in can_come), None)


def _rounds(
    workflow: LiveWorkflow, cancelled: Cancelled, placing: Placing | None, scope: Scope
) -> dict[str, list[list[str | None]]]:
    """By the name of the gateway, the flows by which tokens have arrived that wait there; the oldest round first."""
    rounds: dict[str, list[list[str | None]]] = {}
    if isinstance(scope, Token):
        for token in scope.inner_tokens:
            if _waits_at_join(token) and token.id not in cancelled and not token.memory.get("has_fired"):
                rounds.setdefault(token.spec.name, []).append(list(token.memory["arrived"]))
    for begin in placing.inside(scope) if placing else ():
        spec, flow_id = _arrival(workflow, begin)
        if spec is None:
            continue
        waiting = rounds.setdefault(spec.name, [])
        is_joining = isinstance(spec, JoiningGatewaySpec)
        arrived = next((each for each in waiting if not is_joining or flow_id not in each), None)
        if arrived is None:
            arrived = []
            waiting.append(arrived)
        arrived.append(flow_id)
    return rounds


def _arrival(workflow: LiveWorkflow, begin: Begin) -> tuple[FlowNodeSpec | None, str | None]:
    """The gateway that waits for more at which *begin* is an arrival, and by which flow."""
    if begin.where is Where.BEFORE and begin.by is not None:
        return workflow.program.spec_of(begin.name), begin.by
    if begin.where is Where.FLOW:
        target = workflow.program.flow(begin.name).target
        is_joining = isinstance(target, JoiningGatewaySpec) and len(target.node.incoming) > 1
        if is_joining or target.node.start_quantity > 1:
            return target, begin.name
    return None, None


def _can_come(spec: FlowNodeSpec, cancelled: Cancelled, placing: Placing | None, scope: Scope) -> set[str]:
    """By which of its incoming flows tokens can still come to *spec*."""
    present: list[FlowNodeSpec] = []
    if isinstance(scope, Token):
        present += [t.spec for t in scope.inner_tokens if not t.is_catcher and t.id not in cancelled]
    for begin in placing.inside(scope) if placing else ():
        if begin.where is Where.FLOW:
            present.append(spec.program.flow(begin.name).target)
        elif begin.where is not Where.EVENT:
            present.append(spec.program.spec_of(begin.name))
    return {flow_id for each in present if each is not spec for flow_id in reaches(spec, each)}


def _waits_at_join(token: Token) -> bool:
    return not token.is_catcher and not token.is_entered and "arrived" in token.memory
