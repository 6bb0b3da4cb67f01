"""Which ways a token can still take."""

from __future__ import annotations

from engine.interpreter.elements.activity import ActivitySpec
from engine.interpreter.elements.flow_node import FlowNodeSpec


def reaches(target: FlowNodeSpec, start: FlowNodeSpec) -> frozenset[str]:
    """By which of its incoming flows a token at *start* can still come to *target*, not passing by there before."""
    cache = target.program.reachable.setdefault(target.node.id, {})
    known = cache.get(start.name)
    if known is None:
        known = cache[start.name] = _search(target, start)
    return known


def _search(target: FlowNodeSpec, start: FlowNodeSpec) -> frozenset[str]:
    found: set[str] = set()
    seen: set[str] = set()
    todo = [start]
    while todo:
        spec = todo.pop()
        if spec.name in seen:
            continue
        seen.add(spec.name)
        for flow in spec.flows:
            if flow.target is target:
                found.add(flow.id)
            else:
                todo.append(flow.target)
        if isinstance(spec, ActivitySpec):
            todo.extend(spec.boundary_events)
        todo.extend(spec.jumps_to())
    return frozenset(found)
