"""How the elements and flows of one program are those of another: generated, and checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bpmn.model import FlowElements, FlowNode, MultiInstance, NodeKind
from engine.interpreter.program import Program
from engine.migration import Problem


def generated_mapping(
    source: Program, target: Program, given: Mapping[str, str | None] | None = None
) -> dict[str, str]:
    """Each element to what is *given* for it (None: to nothing), else to the one of the same id, where that is of the
    same kind and in the same place: in a scope and at an activity that is mapped to its own."""
    said = given or {}
    mapping = {old: new for old, new in said.items() if new is not None}
    for node in _outer_first(source):
        if node.id not in said and target.has(node.id):
            mapping[node.id] = node.id
            if any(_differences(source, target, mapping, node.id)):
                del mapping[node.id]
    return mapping


def check_mapping(source: Program, target: Program, mapping: Mapping[str, str]) -> list[Problem]:
    problems: list[Problem] = []
    for old, new in mapping.items():
        if not source.has(old):
            problems.append(Problem(old, "the process has no such element in the version that is left."))
        elif not target.has(new):
            problems.append(Problem(old, f"there is no element '{new}' in the other version."))
        else:
            problems += [Problem(old, each) for each in _differences(source, target, mapping, old)]
    return problems


def unmapped(source: Program, mapping: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(node.id for node in _outer_first(source) if node.id not in mapping)


def flow_mapping(source: Program, target: Program, mapping: Mapping[str, str]) -> dict[str, str]:
    """Each flow to the one of the same id between the mapped elements, else to the only one there."""
    there: dict[tuple[str, str], list[str]] = {}
    for flows in _flows(target):
        for flow in flows.flows.values():
            there.setdefault((flow.source, flow.target), []).append(flow.id)
    found: dict[str, str] = {}
    for flows in _flows(source):
        for flow in flows.flows.values():
            ends = (mapping.get(flow.source, ""), mapping.get(flow.target, ""))
            between = there.get(ends, [])
            if flow.id in between or len(between) == 1:
                found[flow.id] = flow.id if flow.id in between else between[0]
    return found


def _differences(source: Program, target: Program, mapping: Mapping[str, str], old: str) -> Iterator[str]:
    new = mapping[old]
    before, after = source.spec_of(old).node, target.spec_of(new).node
    if before.kind is not after.kind or before.is_event_subprocess != after.is_event_subprocess:
        yield f"'{new}' is of another kind: {_kind(after)} instead of {_kind(before)}."
        return
    if type(source.spec_named(old)) is not type(target.spec_named(new)):
        yield f"'{new}' is done in another way: its work cannot be taken over."
    if _loop(before) != _loop(after):
        yield f"'{new}' is repeated in another way: {_loop(after)} instead of {_loop(before)}."
    if _event(before) != _event(after):
        yield f"'{new}' is another event: {_event(after)} instead of {_event(before)}."
    outer, other_outer = _owner(source, old), _owner(target, new)
    if (mapping.get(outer, "") if outer else "") != other_outer or (outer and outer not in mapping):
        yield f"'{new}' stands in {_named(other_outer)}, '{old}' in {_named(outer)}, which is not mapped to it."
    if before.kind is NodeKind.BOUNDARY_EVENT and mapping.get(before.attached_to or "") != after.attached_to:
        yield (
            f"'{new}' is attached to '{after.attached_to}', '{old}' to '{before.attached_to}', which is not mapped to "
            "it."
        )


def _outer_first(program: Program) -> list[FlowNode]:
    """Scopes before what stands in them, activities before the events that are attached to them."""
    nodes = list(program.process.elements.walk())
    return sorted(nodes, key=lambda node: (len(program.owners_of(node.id)), node.kind is NodeKind.BOUNDARY_EVENT))


def _flows(program: Program) -> Iterator[FlowElements]:
    yield program.process.elements
    yield from (node.body for node in program.process.elements.walk() if node.body is not None)


def _owner(program: Program, element_id: str) -> str:
    owners = program.owners_of(element_id)
    return owners[-1].id if owners else ""


def _kind(node: FlowNode) -> str:
    return "event subprocess" if node.is_event_subprocess else str(node.kind)


def _loop(node: FlowNode) -> str:
    if node.loop is None:
        return "once"
    if isinstance(node.loop, MultiInstance):
        return "sequential multi-instance" if node.loop.is_sequential else "parallel multi-instance"
    return "standard loop"


def _event(node: FlowNode) -> str:
    if node.event is None:
        return "none"
    return " ".join([str(node.event.kind), *(str(part.kind) for part in node.event.parts)])


def _named(owner: str) -> str:
    return f"'{owner}'" if owner else "the process itself"
