"""A second opinion: a small token game over the model's records, written apart from the interpreter.

It imports nothing of `engine`. What the standard leaves open it settles as the interpreter says it does:
tokens go on in the order in which they came, what throws waits until nothing else can go on, and an
inclusive join that no further token can reach fires after that, the longest waiting one first.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bpmn.model import (
    EventKind,
    Expression,
    FlowElements,
    FlowNode,
    MultiInstance,
    NodeKind,
    Process,
    ScriptBinding,
    SequenceFlow,
)

JOINING = (NodeKind.PARALLEL_GATEWAY, NodeKind.INCLUSIVE_GATEWAY)
ACTIVITIES = (
    *(NodeKind.TASK, NodeKind.MANUAL_TASK, NodeKind.SCRIPT_TASK, NodeKind.USER_TASK),
    *(NodeKind.SUBPROCESS, NodeKind.TRANSACTION),
)
THROWING = (EventKind.ERROR, EventKind.ESCALATION, EventKind.TERMINATE)
AWAITED = (EventKind.TIMER, EventKind.MESSAGE)

Action = tuple[str, ...]
"""('complete', element), ('error', element, code), ('trigger', element) or ('retry', element)."""

Holds = Callable[[str, int, str], bool]
"""(node id, how many times it has chosen before, flow id): whether that flow's condition holds."""


@dataclass(eq=False)
class Token:
    """*elements*: what may happen inside. *arrivals*: by joining gateway inside, (when, flow) not yet used.

    *stage*: ready, waiting, leaving (its work is done) or failed (no way out of it)."""

    node: FlowNode | None
    container: Token | None
    elements: FlowElements | None = None
    is_body: bool = False
    stage: str = "ready"
    is_alive: bool = True
    variables: dict[str, Any] = field(default_factory=dict)
    inside: list[Token] = field(default_factory=list)
    arrivals: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    caught: bool = False
    has_written: bool = False
    fired_timers: set[str] = field(default_factory=set)
    instances_left: int = 0
    born: int = 0

    @property
    def is_instance(self) -> bool:
        """One of a multi-instance activity's: what is attached to the activity is its body's matter."""
        return self.container is not None and self.container.is_body

    def outward(self) -> Iterator[Token]:
        token: Token | None = self
        while token is not None:
            yield token
            token = token.container


class Oracle:
    """*passed*: completions by element. *incidents*: open ones by element. *outcome*: None while it waits."""

    def __init__(self, process: Process, holds: Holds, **variables: Any) -> None:
        self.passed: Counter[str] = Counter()
        self.outcome: str | None = None
        self._holds = holds
        self._choices: Counter[str] = Counter()
        self._clock = 0
        self._ready: deque[Token] = deque()
        self._throwing: deque[Token] = deque()
        self.root = Token(None, None, process.elements, variables=dict(variables))
        self._was_terminated = False
        (start,) = [node for node in process.start_events if node.event is None]
        self._enter(start, self.root)
        self._run()

    # what can be seen

    @property
    def tokens(self) -> list[Token]:
        """All that are live, oldest first; an outer one before those inside it."""
        found = [self.root] if self.root.is_alive else []
        for token in found:
            found.extend(token.inside)
        return [token for token in found if token is not self.root]

    @property
    def waiting_at(self) -> Counter[str]:
        """Elements that a token stands at; what contains others does not count."""
        return Counter(t.node.id for t in self.tokens if t.node and t.elements is None and not t.is_body)

    @property
    def incidents(self) -> Counter[str]:
        return Counter(token.node.id for token in self.tokens if token.node and token.stage == "failed")

    @property
    def at_joins(self) -> Counter[tuple[str, str]]:
        """(gateway, flow) of each token that waits at a joining gateway."""
        return Counter(
            (gateway, flow)
            for container in (self.root, *self.tokens)
            if container.is_alive
            for gateway, arrived in container.arrivals.items()
            for _, flow in arrived
        )

    @property
    def actions(self) -> list[Action]:
        """What the world outside can do now."""
        return sorted({action for token in self.tokens for action in self._actions_at(token)})

    def do(self, action: Action, **variables: Any) -> None:
        token = next(token for token in self._by_age() if action in self._actions_at(token))
        match action:
            case ("complete", _):
                self._set(token, variables)
                self._done(token)
            case ("error", _, code):
                self._throw(token, EventKind.ERROR, code)
            case ("retry", _):
                self._done(token)
            case (_, element):
                self._trigger(token, element)
        self._run()

    def _by_age(self) -> list[Token]:
        return sorted(self.tokens, key=lambda token: token.born)

    def _actions_at(self, token: Token) -> Iterator[Action]:
        node = token.node
        assert node is not None
        if token.stage == "failed":
            yield "retry", node.id
        elif token.stage == "waiting" and node.kind is NodeKind.USER_TASK and not token.is_body:
            yield "complete", node.id
            yield from self._errors_at(token)
        elif token.stage == "waiting" and node.kind is NodeKind.CATCH_EVENT:
            yield "trigger", node.id
        elif token.stage == "waiting" and node.kind is NodeKind.EVENT_GATEWAY:
            for flow in self._flows(token):
                yield "trigger", flow.target
        for boundary in self._boundaries(token):
            if boundary.event and boundary.event.kind in AWAITED and boundary.id not in token.fired_timers:
                yield "trigger", boundary.id

    def _errors_at(self, token: Token) -> Iterator[Action]:
        """Where somebody catches an error, this one or another."""
        boundaries = [boundary for host in token.outward() for boundary in self._boundaries(host)]
        if token.node and any(each.event and each.event.kind is EventKind.ERROR for each in boundaries):
            yield "error", token.node.id, "E1"

    # the game

    def _run(self) -> None:
        while self.outcome is None and (token := self._next()):
            if token.stage == "ready" and not self._work(token):
                continue
            if token.is_alive:
                self._leave(token)

    def _next(self) -> Token | None:
        while self._ready or self._throwing:
            token = (self._ready or self._throwing).popleft()
            if token.is_alive:
                return token
        for _, gateway, container in sorted(self._joins(), key=lambda join: join[0]):
            if self._may_fire(gateway, container):
                self._fire_join(gateway, container)
                return self._ready.popleft()
        return None

    def _enter(self, node: FlowNode, container: Token) -> Token:
        is_body = node.loop is not None and not container.is_body
        token = Token(node, container, is_body=is_body)
        self._clock += 1
        token.born = self._clock
        container.inside.append(token)
        throws = node.event is not None and node.event.kind in THROWING and node.kind is not NodeKind.BOUNDARY_EVENT
        (self._throwing if throws else self._ready).append(token)
        return token

    def _work(self, token: Token) -> bool:
        """Whether it is done at once."""
        node = token.node
        assert node is not None
        token.stage = "waiting"
        if token.is_body:
            return self._start_instances(token)
        for each in node.inputs:
            assert isinstance(each.source, Expression)
            token.variables[each.target] = self._value(token, each.source)
        match node.kind:
            case NodeKind.USER_TASK | NodeKind.EVENT_GATEWAY:
                return False
            case NodeKind.CATCH_EVENT:
                return token.caught
            case NodeKind.SUBPROCESS:
                assert node.body is not None
                token.elements = node.body
                for inner in node.body.nodes.values():
                    if inner.kind is NodeKind.START_EVENT:
                        self._enter(inner, token)
                return False
            case NodeKind.SCRIPT_TASK:
                assert isinstance(node.binding, ScriptBinding)
                self._script(token, node.binding.script.text)
            case NodeKind.END_EVENT | NodeKind.THROW_EVENT if node.event is not None:
                self._throw_event(token)
            case _:
                pass
        return True

    def _leave(self, token: Token) -> None:
        node, container = token.node, token.container
        assert node is not None
        assert container is not None
        if not token.is_body and not token.has_written:
            for each in node.outputs:
                assert isinstance(each.source, Expression)
                self._set(container, {each.target: self._value(token, each.source)})
        token.has_written = True
        flows = [] if token.is_instance else self._choose(token)
        if flows is None:
            token.stage = "failed"
            return
        if node.event is None or node.event.kind not in THROWING or node.kind is NodeKind.BOUNDARY_EVENT:
            self.passed[node.id] += 1  # what throws has been counted before it threw
        self._remove(token)
        for flow in flows:
            self._arrive(flow, container)
        if container.is_body and container.instances_left:
            container.instances_left -= 1
            self._enter(node, container)
        self._end_if_empty(container)

    def _choose(self, token: Token) -> list[SequenceFlow] | None:
        """None when there are ways out and none may be taken."""
        node = token.node
        assert node is not None
        flows = self._flows(token)
        if not any(flow.condition or flow.id == node.default_flow for flow in flows):
            return flows[:1] if node.kind is NodeKind.EXCLUSIVE_GATEWAY else flows
        before = self._choices[node.id]
        self._choices[node.id] += 1
        holding = [flow for flow in flows if flow.condition and self._holds(node.id, before, flow.id)]
        default = [flow for flow in flows if flow.id == node.default_flow]
        if node.kind is NodeKind.EXCLUSIVE_GATEWAY:
            return (holding or default)[:1] or None
        always = [flow for flow in flows if flow.condition is None and flow not in default]
        taken = [*(holding or default), *always]
        return [flow for flow in flows if flow in taken] or None

    def _arrive(self, flow: SequenceFlow, container: Token) -> None:
        assert container.elements is not None
        target = container.elements.nodes[flow.target]
        if target.kind not in JOINING or len(target.incoming) < 2:
            self._enter(target, container)
            return
        self._clock += 1
        arrived = container.arrivals.setdefault(target.id, [])
        arrived.append((self._clock, flow.id))
        if {flow_id for _, flow_id in arrived} == set(target.incoming):
            self._fire_join(target, container)

    def _done(self, token: Token) -> None:
        token.stage = "leaving"
        self._ready.append(token)

    def _end_if_empty(self, container: Token) -> None:
        if container.inside or any(container.arrivals.values()) or not container.is_alive:
            return
        if container is self.root:
            container.is_alive = False
            self.outcome = "terminated" if self._was_terminated else "completed"
        elif container.stage == "waiting":
            self._done(container)

    def _remove(self, token: Token) -> None:
        """And all that is inside it."""
        assert token.container is not None
        token.container.inside.remove(token)
        for each in list(token.inside):
            self._remove(each)
        token.is_alive = False

    def _flows(self, token: Token) -> list[SequenceFlow]:
        assert token.node
        assert token.container
        elements = token.container.elements
        return [elements.flows[flow_id] for flow_id in token.node.outgoing] if elements else []

    # multi-instance activities

    def _start_instances(self, body: Token) -> bool:
        node = body.node
        assert node is not None
        assert isinstance(node.loop, MultiInstance)
        assert node.loop.cardinality is not None
        count = int(node.loop.cardinality.text)
        body.instances_left = count - 1 if node.loop.is_sequential else 0
        for _ in range(min(count, 1) if node.loop.is_sequential else count):
            self._enter(node, body)
        return count == 0

    # joins

    def _joins(self) -> Iterator[tuple[int, FlowNode, Token]]:
        """Gateways at which something waits, with when the oldest of it came."""
        for container in (self.root, *self.tokens):
            for gateway, arrived in container.arrivals.items():
                if arrived and container.elements is not None:
                    yield arrived[0][0], container.elements.nodes[gateway], container

    def _fire_join(self, gateway: FlowNode, container: Token) -> None:
        """Uses up the oldest token of each incoming flow that has one."""
        used: dict[str, tuple[int, str]] = {}
        for arrival in container.arrivals[gateway.id]:
            used.setdefault(arrival[1], arrival)
        container.arrivals[gateway.id] = [a for a in container.arrivals[gateway.id] if a not in used.values()]
        self._enter(gateway, container)

    def _may_fire(self, gateway: FlowNode, container: Token) -> bool:
        """13.4.3: for each path from a token to an empty incoming flow there is one to a flow with a token;
        neither of them visits the gateway. A token in an activity can leave by its boundary events too."""
        if gateway.kind is not NodeKind.INCLUSIVE_GATEWAY or container.elements is None:
            return False
        full = {flow for _, flow in container.arrivals[gateway.id]}
        empty = set(gateway.incoming) - full
        places = [token.node.id for token in container.inside if token.node]
        places += [each for each, arrived in container.arrivals.items() if arrived and each != gateway.id]
        for place in places:
            ways = _ways_in(gateway, place, container.elements)
            if ways & empty and not ways & full:
                return False
        return True

    # events

    def _trigger(self, host: Token, element: str) -> None:
        node, container = host.node, host.container
        assert node
        assert container
        assert container.elements
        if node.id == element:
            host.caught = True
            self._done(host)
        elif node.kind is NodeKind.EVENT_GATEWAY:
            self.passed[node.id] += 1
            self._enter(container.elements.nodes[element], container).caught = True
            self._remove(host)
        else:
            boundary = container.elements.nodes[element]
            if boundary.event and boundary.event.kind is EventKind.TIMER:
                host.fired_timers.add(element)
            self._catch(host, boundary)

    def _catch(self, host: Token, boundary: FlowNode) -> None:
        assert host.container
        self._enter(boundary, host.container)
        if boundary.is_interrupting:
            self._remove(host)

    def _throw_event(self, token: Token) -> None:
        assert token.node
        assert token.node.event
        assert token.container
        event = token.node.event
        if event.kind in THROWING:
            self.passed[token.node.id] += 1
        if event.kind is EventKind.TERMINATE:
            self._was_terminated = self._was_terminated or token.container is self.root
            token.container.arrivals.clear()
            for other in list(token.container.inside):
                if other is not token:
                    self._remove(other)
        elif event.kind in THROWING:
            self._throw(token, event.kind, event.code.text if event.code else "")

    def _throw(self, source: Token, kind: EventKind, code: str) -> None:
        for host in source.outward():
            catching = [b for b in self._boundaries(host) if b.event and b.event.kind is kind]
            exact = [b for b in catching if b.event and b.event.code and b.event.code.text == code]
            rest = [b for b in catching if b.event and b.event.code is None]
            if found := exact or rest:
                self._catch(host, found[0])
                return
        if kind is EventKind.ERROR:
            self.outcome = "failed"
            self.root.is_alive = False
            for each in list(self.root.inside):
                self._remove(each)

    def _boundaries(self, token: Token) -> tuple[FlowNode, ...]:
        if token.node is None or token.is_instance or token.node.kind not in ACTIVITIES:
            return ()
        assert token.container
        assert token.container.elements
        return token.container.elements.boundary_events_of(token.node.id)

    # variables

    def _set(self, token: Token, values: dict[str, Any]) -> None:
        for name, value in values.items():
            owner = next((each for each in token.outward() if name in each.variables), self.root)
            owner.variables[name] = value

    def _value(self, token: Token, expression: Expression) -> Any:
        """A number, or the name of a variable."""
        if expression.text.isdigit():
            return int(expression.text)
        return next(each.variables[expression.text] for each in token.outward() if expression.text in each.variables)

    def _script(self, token: Token, text: str) -> None:
        """'name = (name * a + b) % m'."""
        match = re.fullmatch(r"(\w+) = \(\1 \* (\d+) \+ (\d+)\) % (\d+)", text)
        assert match, f"the oracle does not read {text!r}"
        name, factor, summand, modulus = match.groups()
        owner = next(each for each in token.outward() if name in each.variables)
        owner.variables[name] = (owner.variables[name] * int(factor) + int(summand)) % int(modulus)


def _ways_in(gateway: FlowNode, place: str, elements: FlowElements) -> set[str]:
    """By which flows a token at *place* can come to *gateway* without passing it before."""
    ways: set[str] = set()
    seen = {gateway.id}
    todo = [place]
    while todo:
        node_id = todo.pop()
        if node_id in seen:
            continue
        seen.add(node_id)
        flows = [elements.flows[flow_id] for flow_id in elements.nodes[node_id].outgoing]
        ways.update(flow.id for flow in flows if flow.target == gateway.id)
        todo += [flow.target for flow in flows]
        todo += [boundary.id for boundary in elements.boundary_events_of(node_id)]
    return ways
