"""What the flow of a process allows, found by playing it: where it can get stuck, what can happen twice.

The token game of the standard (13.2 to 13.5) on one scope at a time, with every choice open: conditions are not
looked at, each boundary event may happen or not, an activity is one step. The search is exact within its budget;
what lies beyond is not judged, and neither is a scope whose gateways depend on data alone (complex gateways,
quantities of tokens).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from bpmn.model import EventKind, FlowElements, FlowNode, NodeKind

EFFORT = 100_000
"""Tokens moved or looked at for one process, all its scopes together."""

_WAYS = 64  # of one step; a gateway with more is not judged
_TOKENS = 2  # at one place; more come only of what is reported anyway

_JOINING = (NodeKind.PARALLEL_GATEWAY, NodeKind.INCLUSIVE_GATEWAY)
_ONE_WAY = (NodeKind.EXCLUSIVE_GATEWAY, NodeKind.EVENT_GATEWAY)
_GATEWAYS = (*_JOINING, *_ONE_WAY)
_ENDS_ITS_SCOPE = (EventKind.TERMINATE, EventKind.ERROR, EventKind.CANCEL)

Marking = tuple[str, ...]
"""The places of all tokens, sorted: a sequence flow's id, or for what no flow leads to, the node's id."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Of one scope. Both by node id, with the flows by which tokens had come when it was first seen.

    *stuck*: joining gateways at which a run can wait for ever (13.4.1, 13.4.3). *doubled*: nodes that wait for
    nothing and at which paths meet that run side by side, so that what follows happens twice; only the first on
    each way, and only where something follows. *is_complete*: nothing was left out, what is not named cannot be.
    """

    scope: FlowElements
    stuck: Mapping[str, tuple[str, ...]]
    doubled: Mapping[str, tuple[str, ...]]
    is_complete: bool


def judge(process: FlowElements, effort: int = EFFORT) -> list[Judgement]:
    """A judgement for the process's own flow and for that of each subprocess, inner ones first."""
    judgements: list[Judgement] = []
    budget = _Budget(effort)
    ends: dict[str, bool] = {}
    bodies = [(node.body, node) for node in process.walk() if node.body and node.kind is not NodeKind.AD_HOC]
    for scope, owner in [*reversed(bodies), (process, None)]:
        game = _Game(scope, owner, ends, budget)
        stuck, doubled = game.search(merges_at_once=True), game.search(merges_at_once=False)
        judgements.append(Judgement(scope, stuck.found, doubled.found, stuck.is_complete and doubled.is_complete))
        if owner is not None:
            ends[owner.id] = stuck.comes_to_an_end or not stuck.is_complete
    return judgements


@dataclass(slots=True)
class _Budget:
    left: int

    def spend(self, effort: int) -> None:
        """Raises _Unjudged when it is used up."""
        self.left -= effort
        if self.left < 0:
            raise _Unjudged


@dataclass(slots=True)
class _Search:
    """*comes_to_an_end*: whether the scope can, other than by an error."""

    found: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    is_complete: bool = True
    comes_to_an_end: bool = False


class _Unjudged(Exception):
    """The scope has something that this search knows nothing of, or is too large for it."""


class _Game:
    """*ends*: by subprocess, whether it can come to its end other than by an error."""

    def __init__(self, scope: FlowElements, owner: FlowNode | None, ends: Mapping[str, bool], budget: _Budget) -> None:
        self._scope = scope
        self._owner = owner
        self._ends = ends
        self._budget = budget
        self._options: dict[str, tuple[Marking | None, ...]] = {}
        self._ways_in: dict[str, dict[str, frozenset[str]]] = {}
        self._matters: dict[str, bool] = {}
        self._attached: dict[str, list[FlowNode]] = {}
        self._link_targets: dict[str, str] = {}
        for node in scope.nodes.values():
            if node.attached_to:
                self._attached.setdefault(node.attached_to, []).append(node)
            if node.kind is NodeKind.CATCH_EVENT and node.event and node.event.kind is EventKind.LINK:
                self._link_targets[node.event.name.text if node.event.name else ""] = node.id

    def search(self, *, merges_at_once: bool) -> _Search:
        """*merges_at_once*: what merges goes on without waiting to see who else comes; else the search
        notes who else comes, and goes no further there."""
        result = _Search()
        try:
            self._check()
            todo = [self._marking(start) for start in self._starts()]
            self._explore(todo, result, merges_at_once)
        except _Unjudged:
            result.is_complete = False
        return result

    def _explore(self, todo: list[Marking], result: _Search, merges_at_once: bool) -> None:
        seen = set(todo)
        while todo:
            marking = todo.pop()
            if not marking:
                result.comes_to_an_end = True
                continue
            if not merges_at_once and self._note_doubled(marking, result):
                continue
            followers = list(self._followers(marking, merges_at_once))
            if not followers and merges_at_once:
                self._note_stuck(marking, result)
            for each in followers:
                if each is None or each in seen:
                    continue
                self._budget.spend(1 + len(each))
                if max(Counter(each).values(), default=0) > _TOKENS:
                    result.is_complete = False
                    continue
                seen.add(each)
                todo.append(each)

    def _starts(self) -> list[Marking]:
        """A process begins at one of its start events, a subprocess at all of them."""
        nodes = self._scope.nodes.values()
        starts = [node.id for node in nodes if node.kind is NodeKind.START_EVENT or node.instantiates]
        if not starts:
            return [tuple(node.id for node in nodes if _starts_unled(node))]
        return [(start,) for start in starts] if self._owner is None else [tuple(starts)]

    # what can happen next

    def _followers(self, marking: Marking, merges_at_once: bool) -> Iterator[Marking | None]:
        """One place that is independent of the others stands for all of them, and what makes no choice goes
        first; None: the scope ends by an error.

        Whether an inclusive join may fire depends on the others, so that is always tried too."""
        yield from self._inclusive_joins(marking)
        independent: list[tuple[FlowNode, tuple[str, ...]]] = []
        shared: list[tuple[FlowNode, tuple[str, ...]]] = []
        for place in dict.fromkeys(marking):
            node = self._node_at(place)
            if self._waits(node):
                if node.kind is NodeKind.PARALLEL_GATEWAY and set(node.incoming) <= set(marking):
                    independent.append((node, node.incoming))
            elif None in self._options_of(node):  # it takes all the others with it
                shared.append((node, (place,)))
            elif merges_at_once or len(node.incoming) < 2 or self._comes_alone(node, place, marking):
                independent.append((node, (place,)))
            else:
                shared.append((node, (place,)))
        if independent:
            shared = [min(independent, key=lambda step: len(self._options_of(step[0])))]
        for node, used in shared:
            yield from self._fire(marking, node, used)

    def _comes_alone(self, node: FlowNode, place: str, marking: Marking) -> bool:
        """Whether no other token than that at *place* can come to *node*."""
        others = list(marking)
        others.remove(place)
        return all((at := self._target(other)) != node.id and not self._ways(node, at) for other in others)

    def _fire(self, marking: Marking, node: FlowNode, used: tuple[str, ...]) -> Iterator[Marking | None]:
        rest = list(marking)
        for place in used:
            rest.remove(place)
        for made in self._options_of(node):
            if made is None:
                yield () if node.event and node.event.kind is EventKind.TERMINATE else None
            else:
                yield self._marking((*rest, *made))

    def _inclusive_joins(self, marking: Marking) -> Iterator[Marking | None]:
        for node_id in dict.fromkeys(self._target(place) for place in marking):
            node = self._scope.nodes[node_id]
            if node.kind is NodeKind.INCLUSIVE_GATEWAY and self._waits(node):
                full = tuple(flow for flow in node.incoming if flow in marking)
                if self._none_else_comes(node, set(full), marking):
                    yield from self._fire(marking, node, full)

    def _none_else_comes(self, gateway: FlowNode, full: set[str], marking: Marking) -> bool:
        """13.4.3: whoever can come by an empty flow can as well come by one that has its token."""
        empty = set(gateway.incoming) - full
        for place in marking:
            target = self._target(place)
            if target != gateway.id:
                ways = self._ways(gateway, target)
                if ways & empty and not ways & full:
                    return False
        return True

    def _options_of(self, node: FlowNode) -> tuple[Marking | None, ...]:
        """What a step of *node* can leave behind; None where it ends the scope."""
        if node.id not in self._options:
            options = tuple(self._compute_options(node))
            if len(options) > _WAYS:
                raise _Unjudged
            self._options[node.id] = options
        return self._options[node.id]

    def _compute_options(self, node: FlowNode) -> Iterator[Marking | None]:
        kind = node.event.kind if node.event else EventKind.NONE
        if node.kind is NodeKind.END_EVENT and kind in _ENDS_ITS_SCOPE:
            yield None
            return
        attached = [each for each in self._attached.get(node.id, ()) if each.event]
        awaited = [each for each in attached if each.event and each.event.kind is not EventKind.COMPENSATION]
        own = list(self._ways_out(node)) if self._can_complete(node) else []
        ends = own + [each.outgoing for each in awaited if each.is_interrupting]
        beside = [each.outgoing for each in awaited if not each.is_interrupting]
        if not ends:
            yield None
        for count in range(len(beside) + 1):
            for some in combinations(beside, count):
                for end in ends:
                    yield (*end, *(flow for flows in some for flow in flows))

    def _ways_out(self, node: FlowNode) -> Iterator[Marking]:
        """The sets of outgoing flows that *node* can take (13.2.1, 13.4)."""
        flows = [self._scope.flows[flow_id] for flow_id in node.outgoing]
        if node.event and node.event.kind is EventKind.LINK and node.kind is NodeKind.THROW_EVENT:
            yield self._link_target(node)
            return
        if node.kind in _ONE_WAY and flows:
            yield from ((flow.id,) for flow in flows)
            return
        chosen = [flow.id for flow in flows if flow.condition is not None and flow.id != node.default_flow]
        default = tuple(flow.id for flow in flows if flow.id == node.default_flow)
        always = tuple(flow.id for flow in flows if flow.id not in chosen and flow.id not in default)
        if node.kind is NodeKind.PARALLEL_GATEWAY or not chosen:
            yield node.outgoing
            return
        if 2 ** len(chosen) > _WAYS:
            raise _Unjudged
        if default or always:
            yield (*default, *always)
        for count in range(1, len(chosen) + 1):
            yield from ((*some, *always) for some in combinations(chosen, count))

    def _link_target(self, throw: FlowNode) -> Marking:
        name = throw.event.name.text if throw.event and throw.event.name else ""
        if name not in self._link_targets:
            raise _Unjudged
        return (self._link_targets[name],)

    def _can_complete(self, node: FlowNode) -> bool:
        """A subprocess that always ends by an error is left by its boundary events only."""
        rescued = node.body is not None and any(each.is_event_subprocess for each in node.body.nodes.values())
        return rescued or self._ends.get(node.id, True)

    # what is told

    def _note_stuck(self, marking: Marking, result: _Search) -> None:
        for node_id in dict.fromkeys(self._target(place) for place in marking):
            node = self._scope.nodes[node_id]
            if self._waits(node):
                result.found.setdefault(node_id, tuple(flow for flow in node.incoming if flow in marking))

    def _note_doubled(self, marking: Marking, result: _Search) -> bool:
        """Whether two paths meet here at something that waits for nothing."""
        met = False
        for node_id in dict.fromkeys(self._target(place) for place in marking):
            node = self._scope.nodes[node_id]
            come = tuple(flow for flow in node.incoming if flow in marking)
            if len(come) > 1 and not self._waits(node) and self._something_follows(node):
                result.found.setdefault(node_id, come)
                met = True
        return met

    def _something_follows(self, node: FlowNode) -> bool:
        """Whether anything but the end of the path happens at *node* or behind it."""
        if node.id not in self._matters:
            self._matters[node.id] = any(_happens(self._scope.nodes[each]) for each in self._reached(node.id, None))
        return self._matters[node.id]

    # the ways of the scope

    def _check(self) -> None:
        """Raises _Unjudged for what depends on data alone, and for a drawing that is broken."""
        nodes = self._scope.nodes
        for node in nodes.values():
            is_odd = node.start_quantity != 1 or node.completion_quantity != 1
            if is_odd or (node.kind is NodeKind.COMPLEX_GATEWAY and len(node.incoming) > 1):
                raise _Unjudged
            if node.kind is NodeKind.EVENT_GATEWAY and node.instantiates:
                raise _Unjudged
            if any(flow not in self._scope.flows for flow in (*node.incoming, *node.outgoing)):
                raise _Unjudged
        if any(flow.target not in nodes or flow.source not in nodes for flow in self._scope.flows.values()):
            raise _Unjudged

    def _marking(self, places: tuple[str, ...]) -> Marking:
        return tuple(sorted(places))

    def _target(self, place: str) -> str:
        flow = self._scope.flows.get(place)
        return flow.target if flow else place

    def _node_at(self, place: str) -> FlowNode:
        return self._scope.nodes[self._target(place)]

    def _waits(self, node: FlowNode) -> bool:
        return node.kind in _JOINING and len(node.incoming) > 1

    def _ways(self, gateway: FlowNode, place: str) -> frozenset[str]:
        """By which of its incoming flows a token at *place* can come to *gateway*, not passing it before."""
        known = self._ways_in.setdefault(gateway.id, {})
        if place not in known:
            passed = self._reached(place, gateway.id)
            known[place] = frozenset(flow for flow in gateway.incoming if self._scope.flows[flow].source in passed)
        return known[place]

    def _reached(self, start: str, without: str | None) -> set[str]:
        """The nodes that a token at *start* can come to, itself included, not passing *without*."""
        reached: set[str] = set()
        todo = [start]
        while todo:
            node_id = todo.pop()
            if node_id in reached or node_id == without:
                continue
            reached.add(node_id)
            self._budget.spend(1)
            node = self._scope.nodes[node_id]
            todo += [self._target(flow) for flow in node.outgoing]
            todo += [each.id for each in self._attached.get(node_id, ())]
            if node.kind is NodeKind.THROW_EVENT and node.event and node.event.kind is EventKind.LINK:
                todo += self._link_target(node)
        return reached


def _starts_unled(node: FlowNode) -> bool:
    is_target = node.kind is NodeKind.CATCH_EVENT and node.event is not None and node.event.kind is EventKind.LINK
    apart = node.attached_to or node.is_event_subprocess or node.is_for_compensation
    return not (node.incoming or apart or is_target)


def _happens(node: FlowNode) -> bool:
    """Whether a second visit of *node* would be noticed."""
    if node.kind is NodeKind.END_EVENT:
        return node.event is not None and node.event.kind not in (EventKind.NONE, *_ENDS_ITS_SCOPE)
    return node.kind not in _GATEWAYS
